//! Archived objects, and copies of them that can be read for some days.

use std::time::Duration;

use cos_emulator::{Action, Effect, Rule};
use tencent_cos::{
    Attributes, Bucket, Clock as _, CopyObject, CopySource, ErrorKind, ObjectKey, PutObject, RestoreObject,
    RestoreTier, Restored, StorageClass,
};

use crate::support::{InMemory, count};

const HOUR: u64 = 3600;

fn key() -> ObjectKey {
    "k".parse().expect("a key")
}

async fn archived(class: StorageClass) -> (InMemory, Bucket) {
    let memory = InMemory::new();
    let bucket = memory.bucket();
    let put = PutObject::new(key(), "hello").attributes(Attributes::new().storage_class(class));
    bucket.send(put).await.unwrap();
    memory.emulator.clear_journal();
    (memory, bucket)
}

async fn restored(bucket: &Bucket) -> Option<Restored> {
    bucket.head("k").await.unwrap().restored()
}

#[tokio::test(start_paused = true)]
async fn a_restored_object_is_read_until_its_time_is_over() {
    let (memory, bucket) = archived(StorageClass::ARCHIVE).await;
    assert_eq!(restored(&bucket).await, None);
    assert_eq!(bucket.get("k").await.unwrap_err().code(), Some("InvalidObjectState"));
    let restore = || RestoreObject::new(key(), 2).tier(RestoreTier::Bulk);
    let begun = bucket.send(restore()).await.unwrap();
    assert!(!begun.was_restored && !begun.request_id().is_empty());
    assert_eq!(restored(&bucket).await, Some(Restored::Ongoing));
    assert!(!Restored::Ongoing.is_readable());
    let error = bucket.send(restore()).await.unwrap_err();
    let answered = (error.kind(), error.code(), error.status(), error.attempts());
    assert_eq!(answered, (ErrorKind::Service, Some("RestoreAlreadyInProgress"), Some(409), 1), "{error}");

    let asked = memory.clock.now();
    memory.clock.jump(12 * HOUR + 60);
    let Some(Restored::Readable { until: Some(until) }) = restored(&bucket).await else { panic!("not readable") };
    let lasts = until.duration_since(asked).unwrap();
    assert!(lasts.abs_diff(Duration::from_secs(60 * HOUR)) < Duration::from_secs(60), "{lasts:?}");
    assert_eq!(bucket.get("k").await.unwrap().bytes(100).await.unwrap(), "hello");
    let source = CopySource::new(bucket.region(), bucket.name(), &key());
    bucket.send(CopyObject::new(source, "copy".parse().unwrap())).await.unwrap();
    assert!(bucket.send(restore()).await.unwrap().was_restored, "its time is set anew");

    memory.clock.jump(49 * HOUR);
    assert_eq!(restored(&bucket).await, None);
    assert_eq!(bucket.get("k").await.unwrap_err().code(), Some("InvalidObjectState"));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_restored_says_why() {
    let (_memory, bucket) = archived(StorageClass::DEEP_ARCHIVE).await;
    let fast = RestoreObject::new(key(), 1).tier(RestoreTier::Expedited);
    assert_eq!(bucket.send(fast).await.unwrap_err().code(), Some("InvalidArgument"));
    assert_eq!(
        bucket.send(RestoreObject::intelligent_tiering(key())).await.unwrap_err().code(),
        Some("InvalidArgument")
    );
    let (memory, bucket) = archived(StorageClass::STANDARD).await;
    let error = bucket.send(RestoreObject::new(key(), 1)).await.unwrap_err();
    assert_eq!((error.code(), error.status()), (Some("RestoreNonArchiveObject"), Some(405)));
    memory.emulator.clear_journal();
    for days in [0, 366] {
        let error = bucket.send(RestoreObject::new(key(), days)).await.unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::Input, Some("days")));
    }
    assert!(memory.emulator.journal().is_empty());
}

/// The second attempt finds the first under way.
#[tokio::test(start_paused = true)]
async fn a_restore_whose_answer_was_lost_is_begun_once() {
    for lost in [Action::ResetBeforeHeaders, Action::status(500, "InternalError")] {
        let (memory, bucket) = archived(StorageClass::ARCHIVE).await;
        memory.emulator.script(Rule::on("POST Object restore").then(lost.clone()).effect(Effect::Apply));
        let output = bucket.send(RestoreObject::new(key(), 1)).await.unwrap();
        assert!(!output.was_restored && !output.request_id().is_empty());
        assert_eq!(count(&memory.emulator, "POST Object restore"), 2);
        assert_eq!(restored(&bucket).await, Some(Restored::Ongoing));
        // One that did not arrive is begun by the next.
        let (memory, bucket) = archived(StorageClass::ARCHIVE).await;
        memory.emulator.script(Rule::on("POST Object restore").then(lost));
        bucket.send(RestoreObject::new(key(), 1)).await.unwrap();
        assert_eq!(restored(&bucket).await, Some(Restored::Ongoing));
    }
}
