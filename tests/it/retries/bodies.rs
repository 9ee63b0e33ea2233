//! Bodies of requests: as long as they say, and sent as often as they may be.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use cos_emulator::{Action, Effect, Rule};
use http::Method;
use tencent_cos::{
    Attributes, Body, ByteStream, CreateBucket, Error, ErrorKind, ObjectKey, Operation, Permissions, PutObject,
    Request, Safety, Sent, StorageClass,
};

use super::{call, rig, seconds};
use crate::support::{self, InMemory, emulator, noise};

/// POST without a body, which this crate may not have: any operation can be written outside.
struct Restore(ObjectKey);

impl Operation for Restore {
    type Output = ();
    type Response = Bytes;
    const NAME: &'static str = "POST Object restore";
    const METHOD: Method = Method::POST;
    const PERMISSIONS: Permissions = Permissions::target("name/cos:PostObjectRestore");

    fn request(&self) -> tencent_cos::Result<Request> {
        Ok(Request::object(&self.0).query("restore", ""))
    }

    fn safety(&self) -> Safety {
        Safety::CreatesState
    }

    fn output(&self, _: &Sent, _: http::Response<Bytes>) -> tencent_cos::Result<()> {
        Ok(())
    }
}

/// The transport asks a body of no bytes for nothing: without a look before it, an empty object would be stored.
#[tokio::test]
async fn a_stream_that_is_to_bring_nothing_is_read_to_its_end() {
    let (mem, bucket) = rig();
    let stream = |items: Vec<Result<Bytes, Error>>| ByteStream::new(None, futures_util::stream::iter(items));
    let broken = || Err(Error::new(ErrorKind::Io, "the source broke"));

    for items in [vec![Ok(Bytes::from("a"))], vec![Ok(Bytes::new()), Ok(Bytes::from("a"))]] {
        let error = bucket.put("k", Body::once(0, stream(items))).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Changed, "{error}");
    }
    let error = bucket.put("k", Body::once(0, stream(vec![broken()]))).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Io && error.to_string().contains("the source broke"), "{error}");
    let panics = || {
        ByteStream::new(
            None,
            futures_util::stream::poll_fn(|_| -> std::task::Poll<Option<Result<Bytes, Error>>> {
                panic!("in the source")
            }),
        )
    };
    let error = bucket.put("k", Body::factory(0, panics)).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Io && error.to_string().contains("panicked"), "{error}");
    assert!(mem.emulator.journal().is_empty());

    // One that ends is at its end for each attempt.
    mem.emulator.script(Rule::on("PUT Object").times(1).then(Action::status(503, "SlowDown")));
    bucket.put("k", Body::once(0, stream(vec![Ok(Bytes::new())]))).await.unwrap();
    assert_eq!(mem.emulator.journal().len(), 2);
}

/// COS answers 411 to a PUT or POST without a length.
#[tokio::test]
async fn a_length_is_stated_where_it_must_be() {
    let emulator = emulator().await;
    let bucket = support::bucket(&emulator);
    bucket.put("empty", "").await.unwrap();
    bucket.put("empty once", Body::once(0, Bytes::new().into())).await.unwrap();
    bucket.send(CreateBucket::new()).await.unwrap_err();
    bucket.send(Restore("k".parse().unwrap())).await.unwrap_err();
    for record in emulator.journal() {
        assert_eq!(record.headers["content-length"], "0", "{}", record.operation);
        assert!(!record.headers.contains_key("transfer-encoding"), "{}", record.operation);
        let list = record.headers["authorization"].to_str().unwrap().to_owned();
        assert!(list.contains("q-header-list=content-length;"), "{}: {list}", record.operation);
    }
    emulator.clear_journal();
    emulator.put_object(emulator.bucket(), "k", "hello");
    for operation in ["GET Bucket", "HEAD Object", "GET Object", "DELETE Object"] {
        call(&bucket, operation).await.expect(operation);
    }
    assert_eq!(emulator.journal().len(), 4);
    for record in emulator.journal() {
        assert!(!record.headers.contains_key("content-length"), "{}", record.operation);
        assert!(!record.headers.contains_key("transfer-encoding"), "{}", record.operation);
    }
}

fn once(body: &'static str) -> Body {
    let pieces = futures_util::stream::iter([Ok::<_, Error>(Bytes::from(body))]);
    Body::once(body.len() as u64, ByteStream::new(None, pieces))
}

/// F12: a stream that runs once is sent once.
#[tokio::test(start_paused = true)]
async fn a_body_that_runs_once_is_sent_once() {
    let (mem, bucket) = rig();
    assert_eq!(bucket.put("new", once("hello")).await.unwrap().attempts, 1);
    assert_eq!(mem.emulator.object(mem.emulator.bucket(), "new").unwrap().bytes(), "hello");
    for (action, kind) in [
        (Action::ResetBeforeHeaders, ErrorKind::Ambiguous),
        (Action::StallBeforeHeaders(seconds(100)), ErrorKind::Ambiguous),
        (Action::status(500, "InternalError"), ErrorKind::Service),
        (Action::status(503, "SlowDown"), ErrorKind::Service),
        (Action::WrongCrc, ErrorKind::Integrity),
    ] {
        let (mem, bucket) = rig();
        mem.emulator.script(Rule::on("PUT Object").then(action.clone()).effect(Effect::Apply));
        let body = once("hello");
        let error = bucket.put("new", body.clone()).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (kind, 1), "{action:?}: {error}");
        assert_eq!(mem.emulator.journal().len(), 1, "{action:?}");
        assert!(error.may_have_taken_effect() || error.is_throttled(), "{action:?}");
        assert!(!body.is_replayable());
        // The second use of such a body is refused before anything is sent.
        let error = bucket.put("new", body).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Io, 0), "{error}");
        assert_eq!(mem.emulator.journal().len(), 1, "{action:?}");
    }
    // A factory makes it anew.
    let (mem, bucket) = rig();
    mem.emulator.script(Rule::on("PUT Object").times(2).then(Action::ResetBeforeHeaders));
    let made = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&made);
    let body = Body::factory(5, move || {
        counter.fetch_add(1, Ordering::Relaxed);
        Bytes::from("hello").into()
    });
    assert_eq!(bucket.put("new", body).await.unwrap().attempts, 3);
    assert_eq!(made.load(Ordering::Relaxed), 3);
    assert_eq!(mem.emulator.object(mem.emulator.bucket(), "new").unwrap().bytes(), "hello");
}

/// A body that is not what it said it was is never stored, nor tried again.
#[tokio::test]
async fn a_body_of_another_length_is_not_stored() {
    let emulator = emulator().await;
    let mem = InMemory::new();
    let pieces = |text: &'static str, size| {
        let pieces = text.as_bytes().chunks(size).map(|piece| Ok::<_, Error>(Bytes::from_static(piece)));
        ByteStream::new(None, futures_util::stream::iter(pieces.collect::<Vec<_>>()))
    };
    for (emulator, bucket) in [(&emulator, support::bucket(&emulator)), (&mem.emulator, mem.bucket())] {
        for (text, size) in [("hell", 3), ("hello!", 3), ("hello!", 1), ("hello, world", 5), ("", 3)] {
            for body in [Body::once(5, pieces(text, size)), Body::factory(5, move || pieces(text, size))] {
                let error = bucket.put("new", body).await.expect_err(text);
                assert_eq!(error.kind(), ErrorKind::Changed, "{text:?}: {error:?}");
                assert_eq!(error.attempts(), 1);
                assert!(!error.may_have_taken_effect(), "{text:?}");
            }
        }
        let broken = || {
            let pieces = [Ok(Bytes::from("he")), Err(std::io::Error::other("the disk is gone"))];
            ByteStream::new(None, futures_util::stream::iter(pieces))
        };
        let error = bucket.put("new", Body::factory(5, broken)).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Io, 1), "{error:?}");
        assert!(emulator.object(emulator.bucket(), "new").is_none());
    }
}

/// What is handed on from one object to another is compared before it becomes one, though the word of that comes last.
#[tokio::test]
async fn an_object_that_came_wrong_is_not_stored_elsewhere() {
    let emulator = emulator().await;
    let mem = InMemory::new();
    for (emulator, bucket) in [(&emulator, support::bucket(&emulator)), (&mem.emulator, mem.bucket())] {
        emulator.put_object(emulator.bucket(), "from", noise(300_000, 1));
        emulator.script(Rule::on("GET Object").then(Action::CorruptByte { at: 200_000 }));
        let object = bucket.get("from").await.unwrap();
        let error = bucket.put("to", Body::once(300_000, object.body)).await.unwrap_err();
        assert_eq!((error.kind(), error.may_have_taken_effect()), (ErrorKind::Integrity, false), "{error:?}");
        assert!(emulator.object(emulator.bucket(), "to").is_none());
        let object = bucket.get("from").await.unwrap();
        bucket.put("to", Body::once(300_000, object.body)).await.unwrap();
        assert_eq!(emulator.object(emulator.bucket(), "to").unwrap().bytes(), noise(300_000, 1));
    }
}

/// F50: an early refusal of a large body is read, not taken for a broken connection.
#[tokio::test]
async fn an_early_refusal_is_heard() {
    let emulator = emulator().await;
    let bucket = support::bucket(&emulator);
    let body = Bytes::from(vec![7; 32 << 20]);
    for _ in 0..5 {
        let attributes = Attributes::new().storage_class(StorageClass::new("MADE_UP"));
        let put = PutObject::new("new".parse().unwrap(), body.clone()).attributes(attributes);
        let error = bucket.send(put).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Service, Some("NotSupportedStorageClass")), "{error:?}");
        assert_eq!(error.attempts(), 1);
    }
    assert!(emulator.journal().iter().all(|record| record.bytes_in < 8 << 20));
}
