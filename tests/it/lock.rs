//! Object lock of a bucket, and the retention of objects, as COS carries them out.

use std::time::{Duration, SystemTime};

use tencent_cos::{
    Error, ErrorKind, GetBucketObjectLock, GetObjectRetention, ObjectLockConfiguration, PutBucketObjectLock,
    PutObjectRetention,
};

use crate::support::{bucket, emulator};

const DAY: Duration = Duration::from_secs(24 * 3600);

fn conflict(error: &Error) -> Option<&str> {
    assert_eq!((error.kind(), error.status(), error.is_retryable()), (ErrorKind::Service, Some(409), false));
    error.code()
}

#[tokio::test]
async fn what_is_locked_is_neither_removed_nor_overwritten() {
    let emulator = emulator().await;
    let bucket = bucket(&emulator);
    bucket.put("k", "kept").await.unwrap();
    // In the year 2096, and half a second.
    let until = SystemTime::UNIX_EPOCH + Duration::from_millis(4_000_000_000_500);
    let lock = |until| bucket.send(PutObjectRetention::new("k".parse().unwrap(), until));
    let read = || bucket.send(GetObjectRetention::new("k".parse().unwrap()));
    assert_eq!(conflict(&lock(until).await.unwrap_err()), Some("InvalidBucketState"));

    bucket.send(PutBucketObjectLock::new(ObjectLockConfiguration::new())).await.unwrap();
    assert_eq!(read().await.unwrap(), None);
    lock(until).await.unwrap();
    let retention = read().await.unwrap().unwrap();
    // In whole seconds, and not a part of one too early.
    assert_eq!(retention.until, until + Duration::from_millis(500));
    assert_eq!(retention.mode.as_deref(), Some("COMPLIANCE"));
    assert_eq!(conflict(&lock(until - DAY).await.unwrap_err()), Some("InvalidLockedTime"));
    assert_eq!(conflict(&bucket.put("k", "other").await.unwrap_err()), Some("ObjectLocked"));
    assert_eq!(conflict(&bucket.delete("k").await.unwrap_err()), Some("ObjectLocked"));
    assert_eq!(bucket.get("k").await.unwrap().bytes(10).await.unwrap(), "kept");
    lock(until + DAY).await.unwrap();
    assert!(read().await.unwrap().unwrap().until >= until + DAY);
    assert!(bucket.send(GetObjectRetention::new("none".parse().unwrap())).await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn new_objects_are_locked_as_the_bucket_says() {
    let emulator = emulator().await;
    let bucket = bucket(&emulator);
    assert_eq!(bucket.send(GetBucketObjectLock::new()).await.unwrap(), None);
    bucket.put("before", "x").await.unwrap();
    let days = |days| PutBucketObjectLock::new(ObjectLockConfiguration::for_days(days));
    bucket.send(days(30)).await.unwrap();
    assert_eq!(conflict(&bucket.send(days(29)).await.unwrap_err()), Some("InvalidLockedTime"));
    let mut found = bucket.send(GetBucketObjectLock::new()).await.unwrap().unwrap();
    assert_eq!(found.default_days.replace(31), Some(30));
    bucket.send(PutBucketObjectLock::new(found)).await.unwrap();
    bucket.put("after", "x").await.unwrap();
    bucket.delete("before").await.unwrap();
    assert_eq!(conflict(&bucket.delete("after").await.unwrap_err()), Some("ObjectLocked"));
    let retention = bucket.send(GetObjectRetention::new("after".parse().unwrap())).await.unwrap().unwrap();
    // COS tells both in whole seconds.
    let made = bucket.head("after").await.unwrap().last_modified().unwrap();
    let lasts = retention.until.duration_since(made).unwrap();
    assert!(lasts.abs_diff(31 * DAY) <= Duration::from_secs(1), "{lasts:?}");
}
