//! What is tried again, how often, after how long, and what is not. The fault numbers are those of the test plan.

use std::error::Error as _;
use std::fmt;
use std::io::ErrorKind as IoErrorKind;
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use cos_emulator::{Action, Effect, Emulator, Matcher, Record, Rule};
use futures_util::TryStreamExt as _;
use futures_util::future::join_all;
use http::Method;
use tencent_cos::client::provider::BoxFuture;
use tencent_cos::transfer::Upload;
use tencent_cos::{
    AppendObject, Attributes, Body, Bucket, ByteStream, CompleteMultipartUpload, CompletedPart, Crc64, CreateBucket,
    DeleteObject, DeleteObjects, Error, ErrorKind, GetObject, GetObjectTagging, HttpClient, InitiateMultipartUpload,
    Integrity, ListMultipartUploads, ListObjectVersions, ListObjects, ObjectKey, Operation, Overrides, Payload,
    Permissions, Phase, PutObject, Request, Safety, Sent, StorageClass, Tags, TransportError, UploadPart,
};
use tokio::time::{Instant, sleep};

use crate::support::{self, InMemory, ServiceTransport, emulator, noise};

const EVERY: [&str; 5] = ["GET Object", "HEAD Object", "PUT Object", "GET Bucket", "DELETE Object"];
const REPEATABLE: [&str; 4] = ["GET Object", "HEAD Object", "PUT Object", "GET Bucket"];

fn rig() -> (InMemory, Bucket) {
    let mem = InMemory::new();
    mem.emulator.put_object(mem.emulator.bucket(), "k", "hello");
    let bucket = mem.bucket();
    (mem, bucket)
}

/// Does it, and checks that a success is one.
async fn call(bucket: &Bucket, operation: &str) -> Result<(), Error> {
    match operation {
        "GET Object" => assert_eq!(bucket.get("k").await?.bytes(100).await?, "hello"),
        "HEAD Object" => assert_eq!(bucket.head("k").await?.content_length(), Some(5)),
        "PUT Object" => assert_eq!(bucket.put("new", "hello").await?.crc64, Some(Crc64::of(b"hello"))),
        "GET Bucket" => assert_eq!(bucket.send(ListObjects::new().prefix("k")).await?.objects.len(), 1),
        "DELETE Object" => drop(bucket.delete("k").await?),
        _ => panic!("{operation}"),
    }
    Ok(())
}

fn status_of(emulator: &Emulator) -> Vec<Option<u16>> {
    emulator.journal().iter().map(|record| record.status).collect()
}

/// The waits between the requests that came in.
fn waits(records: &[Record]) -> Vec<Duration> {
    records.windows(2).map(|pair| pair[1].time.duration_since(pair[0].time).expect("time goes on")).collect()
}

fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// A transport that fails some requests before they reach anybody.
struct Failing {
    inner: ServiceTransport,
    seen: Arc<AtomicUsize>,
    fail: Box<dyn Fn(usize) -> Option<TransportError> + Send + Sync>,
}

impl fmt::Debug for Failing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Failing")
    }
}

impl HttpClient for Failing {
    fn execute(
        &self,
        request: http::Request<Payload>,
    ) -> BoxFuture<'_, Result<http::Response<ByteStream>, TransportError>> {
        match (self.fail)(self.seen.fetch_add(1, Ordering::Relaxed)) {
            Some(error) => Box::pin(async move { Err(error) }),
            None => self.inner.execute(request),
        }
    }
}

/// The emulator's bucket behind such a transport, and the number of requests it saw.
fn failing(
    mem: &InMemory,
    fail: impl Fn(usize) -> Option<TransportError> + Send + Sync + 'static,
) -> (Bucket, Arc<AtomicUsize>) {
    let seen = Arc::new(AtomicUsize::new(0));
    let inner = ServiceTransport(mem.emulator.service());
    let transport = Failing { inner, seen: Arc::clone(&seen), fail: Box::new(fail) };
    (mem.bucket_of(mem.client().http_client(transport)), seen)
}

/// F1: nothing was sent, so even what must not happen twice is tried again.
#[tokio::test(start_paused = true)]
async fn refused_connections_are_tried_again_for_every_operation() {
    for phase in [Phase::Connect, Phase::Dns] {
        for operation in EVERY {
            let (mem, _) = rig();
            let (bucket, seen) =
                failing(&mem, move |number| (number < 2).then(|| TransportError::new(phase, "refused")));
            let start = Instant::now();
            call(&bucket, operation).await.expect(operation);
            assert_eq!(seen.load(Ordering::Relaxed), 3, "{operation}");
            assert!(start.elapsed() <= seconds(1), "{operation}: {:?}", start.elapsed());
            assert_eq!(status_of(&mem.emulator).len(), 1, "{operation}");
        }
    }
}

/// F2, F4 and F6: it ends, with the kind of the failure; a wrong certificate at once.
#[tokio::test(start_paused = true)]
async fn connections_refused_for_good() {
    for operation in EVERY {
        for (phase, timed_out, kind, sends) in [
            (Phase::Connect, false, ErrorKind::Connect, 4),
            (Phase::Connect, true, ErrorKind::Timeout, 4),
            (Phase::Dns, false, ErrorKind::Dns, 4),
            (Phase::Tls, false, ErrorKind::Tls, 1),
        ] {
            let (mem, _) = rig();
            let (bucket, seen) =
                failing(&mem, move |_| Some(TransportError::new(phase, "no").with_timed_out(timed_out)));
            let start = Instant::now();
            let error = call(&bucket, operation).await.unwrap_err();
            assert_eq!((error.kind(), error.attempts()), (kind, sends), "{operation}: {error}");
            assert_eq!(seen.load(Ordering::Relaxed), sends as usize);
            assert!(start.elapsed() <= seconds(10));
            assert!(!error.may_have_taken_effect(), "{operation}: {error}");
            assert_eq!(error.is_retryable(), kind != ErrorKind::Tls);
            assert!(mem.emulator.journal().is_empty());
        }
    }
}

/// F9: an idle connection that was gone costs one try more, and no time.
#[tokio::test(start_paused = true)]
async fn a_stale_connection_is_dialled_again_at_once() {
    for operation in EVERY {
        let (mem, _) = rig();
        let stale = || TransportError::new(Phase::Send, "gone").with_request_bytes(0).with_reused(true);
        let (bucket, seen) = failing(&mem, move |number| (number < 1).then(stale));
        let start = Instant::now();
        call(&bucket, operation).await.expect(operation);
        assert_eq!((seen.load(Ordering::Relaxed), start.elapsed()), (2, Duration::ZERO), "{operation}");
    }
}

/// F9 over sockets: the server closes each connection while the client keeps it for later.
#[tokio::test]
async fn connections_closed_while_idle_are_not_noticed() {
    let emulator = emulator().await;
    emulator.put_object(emulator.bucket(), "k", "hello");
    let bucket = support::bucket(&emulator);
    emulator.script(Rule::on(Matcher::any()).always().then(Action::CloseIdle));
    for round in 0..100 {
        call(&bucket, REPEATABLE[round % 4]).await.unwrap_or_else(|error| panic!("round {round}: {error:?}"));
    }
    let accepted = emulator.accepted_connections();
    assert!((100..=110).contains(&accepted), "{accepted}");
    assert!(emulator.journal().len() <= 110);
}

/// F7.
#[tokio::test(start_paused = true)]
async fn a_reset_before_the_answer_is_tried_again_where_that_is_safe() {
    for effect in [Effect::Skip, Effect::Apply] {
        for operation in REPEATABLE {
            let (mem, bucket) = rig();
            mem.emulator.script(Rule::on(operation).then(Action::ResetBeforeHeaders).effect(effect));
            call(&bucket, operation).await.expect(operation);
            assert_eq!(status_of(&mem.emulator), [None, Some(200)], "{operation}");
            assert!(waits(&mem.emulator.journal())[0] <= millis(101));
        }
    }
}

/// F7 over sockets: the broken connection is not used again.
#[tokio::test]
async fn a_reset_connection_is_not_used_again() {
    let emulator = emulator().await;
    emulator.put_object(emulator.bucket(), "k", "hello");
    let bucket = support::bucket(&emulator);
    for operation in REPEATABLE {
        call(&bucket, operation).await.expect(operation);
        emulator.clear_journal();
        emulator.script(Rule::on(operation).then(Action::ResetBeforeHeaders));
        call(&bucket, operation).await.expect(operation);
        let records = emulator.journal();
        assert_eq!(records.len(), 2, "{operation}");
        assert_ne!(records[0].connection, records[1].connection, "{operation}");
    }
}

/// F8: a delete may leave a marker each time.
#[tokio::test(start_paused = true)]
async fn a_delete_without_version_is_not_repeated_blindly() {
    for effect in [Effect::Skip, Effect::Apply] {
        let (mem, bucket) = rig();
        mem.emulator.script(Rule::on("DELETE Object").always().then(Action::ResetBeforeHeaders).effect(effect));
        let error = bucket.delete("k").await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Ambiguous, 1), "{error}");
        assert!(error.may_have_taken_effect() && !error.is_retryable());
        assert_eq!(mem.emulator.journal().len(), 1);
    }
    // With a version, or where there are none, twice is as once.
    let key = || -> ObjectKey { "k".parse().unwrap() };
    for delete in [DeleteObject::new(key()).unversioned(), DeleteObject::new(key()).version_id("null")] {
        let (mem, bucket) = rig();
        mem.emulator.script(Rule::on("DELETE Object").then(Action::ResetBeforeHeaders).effect(Effect::Apply));
        let answer = bucket.send(delete).await;
        assert!(answer.as_ref().is_ok_and(|_| true) || answer.as_ref().is_err_and(Error::is_not_found), "{answer:?}");
        assert_eq!(mem.emulator.journal().len(), 2);
        assert!(mem.emulator.object(mem.emulator.bucket(), "k").is_none());
    }
    // COS refused to begin: the delete may come again.
    let (mem, bucket) = rig();
    mem.emulator.script(Rule::on("DELETE Object").then(Action::status(503, "SlowDown")));
    bucket.delete("k").await.unwrap();
    assert_eq!(status_of(&mem.emulator), [Some(503), Some(204)]);
    // It may have begun.
    let (mem, bucket) = rig();
    mem.emulator.script(Rule::on("DELETE Object").then(Action::status(500, "InternalError")).effect(Effect::Apply));
    let error = bucket.delete("k").await.unwrap_err();
    assert_eq!((error.attempts(), error.may_have_taken_effect()), (1, true), "{error}");
}

/// F8 and F7 for uploads by parts: a second beginning would be an upload nobody knows of, a second part is the same.
/// A key that one of many takes by a put that forbids to overwrite: the bytes of another, equal to ours, are not ours.
#[tokio::test(start_paused = true)]
async fn an_object_that_was_there_before_is_not_taken_for_the_one_that_was_sent() {
    for (age, ours) in [(0, true), (1, true), (4, false), (3600, false)] {
        let (memory, bucket) = rig();
        memory.emulator.put_object(memory.emulator.bucket(), "lock", "taken");
        memory.clock.jump(age);
        memory.emulator.script(Rule::on("PUT Object").then(Action::ResetBeforeHeaders));
        let put = PutObject::new("lock".parse().unwrap(), "taken").forbid_overwrite();
        let outcome = bucket.send(put).await;
        // Times are told in whole seconds.
        assert_eq!(outcome.is_ok(), ours, "{age}: {outcome:?}");
        let Err(error) = outcome else { continue };
        assert_eq!((error.kind(), error.code()), (ErrorKind::Ambiguous, Some("FileAlreadyExists")), "{error}");
    }
    // Made by the attempt that was not heard of, however long that took.
    let (memory, bucket) = rig();
    let silence = Action::StallBeforeHeaders(Duration::from_secs(24 * 3600));
    memory.emulator.script(Rule::on("PUT Object").times(2).then(silence).effect(Effect::Apply));
    let put = PutObject::new("lock".parse().unwrap(), "ours").forbid_overwrite();
    assert_eq!(bucket.send(put).await.unwrap().attempts, 3);
    // A piece that another appended meanwhile, and the like of it long ago.
    let (memory, bucket) = rig();
    let log = || "log".parse().unwrap();
    bucket.send(AppendObject::new(log(), 0, "line")).await.unwrap();
    memory.clock.jump(10);
    memory.emulator.script(Rule::on("APPEND Object").then(Action::ResetBeforeHeaders));
    let error = bucket.send(AppendObject::new(log(), 0, "line").previous_crc64(0)).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Ambiguous, Some("AppendPositionErr")), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_upload_is_begun_once() {
    let key = || -> ObjectKey { "new".parse().unwrap() };
    for action in [Action::ResetBeforeHeaders, Action::StallBeforeHeaders(seconds(3600))] {
        let (mem, bucket) = rig();
        mem.emulator.script(Rule::on(Matcher::any()).always().then(action.clone()).effect(Effect::Apply));
        let error = bucket.send(InitiateMultipartUpload::new(key())).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Ambiguous, 1), "{action:?}: {error}");
        assert_eq!(mem.emulator.journal().len(), 1, "{action:?}");
    }
    let (mem, _) = rig();
    let (bucket, _) = failing(&mem, |number| (number < 2).then(|| TransportError::new(Phase::Connect, "refused")));
    let upload = bucket.send(InitiateMultipartUpload::new(key())).await.unwrap();
    assert_eq!(mem.emulator.journal().len(), 1);
    for action in [Action::ResetBeforeHeaders, Action::status(500, "InternalError"), Action::CorruptByte { at: 3 }] {
        mem.emulator.clear_journal();
        mem.emulator.script(Rule::on("Upload Part").then(action.clone()).effect(Effect::Apply));
        let part = UploadPart::new(key(), upload.upload_id.clone(), 1, "hello");
        let output = bucket.send(part).await.unwrap();
        assert_eq!(output.etag, "\"5d41402abc4b2a76b9719d911017c592\"", "{action:?}");
        assert_eq!(mem.emulator.journal().len(), 2, "{action:?}");
    }
}

/// F13: 30 s for the head of an answer, then again.
#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_come_is_given_up_after_thirty_seconds() {
    for operation in REPEATABLE {
        let (mem, bucket) = rig();
        mem.emulator.script(Rule::on(operation).then(Action::StallBeforeHeaders(seconds(3600))));
        call(&bucket, operation).await.expect(operation);
        let records = mem.emulator.journal();
        assert_eq!(records.len(), 2, "{operation}");
        let wait = waits(&records)[0];
        assert!((seconds(30)..=millis(30_200)).contains(&wait), "{operation}: {wait:?}");
    }
    let (mem, bucket) = rig();
    mem.emulator.script(Rule::on("DELETE Object").then(Action::StallBeforeHeaders(seconds(3600))));
    let error = bucket.delete("k").await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Ambiguous, 1), "{error}");
}

/// F19: a listing that is cut short is fetched again, and never shown.
#[tokio::test(start_paused = true)]
async fn a_listing_cut_short_is_never_a_listing() {
    let (mem, bucket) = rig();
    for number in 0..20 {
        mem.emulator.put_object(mem.emulator.bucket(), &format!("p/{number:02}"), "x");
    }
    let list = || bucket.send(ListObjects::new().prefix("p/"));
    assert_eq!(list().await.unwrap().objects.len(), 20);
    let length = mem.emulator.journal()[0].bytes_out;
    for at in [0, 1, 50, length / 2, length - 1] {
        for action in [Action::CutBody { at }, Action::ResetBody { at }] {
            mem.emulator.clear_journal();
            mem.emulator.script(Rule::on("GET Bucket").then(action.clone()));
            assert_eq!(list().await.unwrap().objects.len(), 20, "{action:?}");
            assert_eq!(mem.emulator.journal().len(), 2, "{action:?}");
        }
    }
    mem.emulator.clear_journal();
    mem.emulator.script(Rule::on("GET Bucket").always().then(Action::CutBody { at: length - 1 }));
    let error = list().await.unwrap_err();
    assert_eq!((error.kind(), error.attempts(), error.status()), (ErrorKind::Transport, 4, Some(200)), "{error}");
    assert!(error.request_id().is_some());
    assert_eq!(mem.emulator.journal().len(), 4);
}

/// Reads to the error or to the end.
async fn read_all(mut body: ByteStream) -> (Vec<u8>, Option<Error>) {
    let mut bytes = Vec::new();
    loop {
        match body.next().await {
            Some(Ok(piece)) => bytes.extend_from_slice(&piece),
            Some(Err(error)) => {
                assert!(body.next().await.is_none(), "an error is the last item");
                return (bytes, Some(error));
            }
            None => return (bytes, None),
        }
    }
}

fn pattern(length: usize) -> Bytes {
    (0..length).map(|at| u8::try_from((at * 7 + at / 251) % 256).expect("a byte")).collect::<Vec<_>>().into()
}

/// F19, F21: an object cut short is an error where it may not be asked for again, whole or as a range, in memory and over
/// sockets.
#[tokio::test]
async fn an_object_cut_short_is_never_an_object() {
    let emulator = emulator().await;
    let whole = pattern(200_000);
    emulator.put_object(emulator.bucket(), "big", whole.clone());
    let in_memory = InMemory::new();
    in_memory.emulator.put_object(in_memory.emulator.bucket(), "big", whole.clone());
    for (emulator, bucket) in [(&emulator, support::bucket(&emulator)), (&in_memory.emulator, in_memory.bucket())] {
        let bucket = bucket.with(Overrides::new().max_attempts(1));
        for (range, expected) in [(None, whole.clone()), (Some(1000..150_000), whole.slice(1000..150_000))] {
            let get = || {
                let get = GetObject::new("big".parse().unwrap());
                match range.clone() {
                    Some(range) => get.range(range),
                    None => get,
                }
            };
            let length = expected.len() as u64;
            for at in [0, 1, 64 * 1024, length - 1] {
                for action in [Action::CutBody { at }, Action::ResetBody { at }] {
                    emulator.script(Rule::on("GET Object").then(action.clone()));
                    let object = bucket.send(get()).await.unwrap();
                    let (bytes, error) = read_all(object.body).await;
                    let error = error.unwrap_or_else(|| panic!("{action:?} of {length} was a success"));
                    assert_eq!(error.kind(), ErrorKind::Transport, "{action:?}: {error:?}");
                    assert!(bytes.len() as u64 <= at && expected.starts_with(&bytes), "{action:?}");
                }
            }
            let (bytes, error) = read_all(bucket.send(get()).await.unwrap().body).await;
            assert!(error.is_none() && bytes == expected);
        }
    }
}

/// F22: without a checksum the result says so.
#[tokio::test(start_paused = true)]
async fn a_missing_checksum_is_told() {
    let (mem, bucket) = rig();
    mem.emulator.script(Rule::on(Matcher::any()).times(2).then(Action::NoCrc));
    assert_eq!(bucket.put("new", "hello").await.unwrap().crc64, None);
    let object = bucket.get("k").await.unwrap();
    assert!(matches!(object.integrity, Integrity::Unverified(_)));
    assert_eq!(object.bytes(10).await.unwrap(), "hello");
    assert_eq!(bucket.put("new", "hello").await.unwrap().crc64, Some(Crc64::of(b"hello")));
    assert_eq!(bucket.get("k").await.unwrap().integrity, Integrity::Crc64(Crc64::of(b"hello")));
}

/// F21: what COS stored is compared with what was sent.
#[tokio::test(start_paused = true)]
async fn a_wrong_checksum_of_a_put_is_read_again_once() {
    let whole = pattern(150_000);
    for action in [Action::WrongCrc, Action::CorruptByte { at: 77_777 }] {
        let (mem, bucket) = rig();
        mem.emulator.script(Rule::on("PUT Object").then(action.clone()));
        let put = bucket.put("new", whole.clone()).await.unwrap();
        assert_eq!((put.attempts, put.crc64), (2, Some(Crc64::of(&whole))), "{action:?}");
        assert_eq!(mem.emulator.object(mem.emulator.bucket(), "new").unwrap().bytes(), whole);

        let (mem, bucket) = rig();
        mem.emulator.script(Rule::on("PUT Object").always().then(action.clone()));
        let error = bucket.put("new", whole.clone()).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Integrity, 2), "{action:?}: {error}");
        assert!(error.may_have_taken_effect());
        assert_eq!(mem.emulator.journal().len(), 2, "{action:?}");
    }
}

/// F21: the mismatch comes before the end of the stream does.
#[tokio::test]
async fn a_wrong_checksum_of_a_get_is_no_end() {
    let emulator = emulator().await;
    emulator.put_object(emulator.bucket(), "big", pattern(2_000_000));
    let bucket = support::bucket(&emulator);
    for action in [Action::WrongCrc, Action::CorruptByte { at: 0 }, Action::CorruptByte { at: 1_999_999 }] {
        emulator.script(Rule::on("GET Object").then(action.clone()));
        let (bytes, error) = read_all(bucket.get("big").await.unwrap().body).await;
        assert_eq!(error.map(|error| error.kind()), Some(ErrorKind::Integrity), "{action:?}");
        assert_eq!(bytes.len(), 2_000_000);
        emulator.script(Rule::on("GET Object").then(action.clone()));
        let error = bucket.get("big").await.unwrap().bytes(1 << 22).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Integrity, "{action:?}");
    }
}

/// What came with its head is looked at before it is given out, and read again once.
#[tokio::test]
async fn a_wrong_checksum_of_a_small_get_is_read_again_once() {
    let emulator = emulator().await;
    let bucket = support::bucket(&emulator);
    emulator.put_object(emulator.bucket(), "small", "hello");
    for action in [Action::WrongCrc, Action::CorruptByte { at: 0 }] {
        emulator.clear_journal();
        emulator.script(Rule::on("GET Object").then(action.clone()));
        assert_eq!(bucket.get("small").await.unwrap().bytes(10).await.unwrap(), "hello");
        assert_eq!(emulator.count("GET Object"), 2, "{action:?}");
        emulator.script(Rule::on("GET Object").times(2).then(action.clone()));
        let error = bucket.get("small").await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Integrity, 2), "{action:?}");
    }
}

/// F23.
#[tokio::test(start_paused = true)]
async fn bursts_of_server_errors() {
    let codes = [(500, "InternalError"), (502, "BadGateway"), (503, "ServiceUnavailable"), (504, "GatewayTimeout")];
    for operation in REPEATABLE {
        for (status, code) in codes {
            for burst in 1..=6 {
                let (mem, bucket) = rig();
                mem.emulator.script(Rule::on(operation).times(burst).then(Action::status(status, code)));
                let outcome = call(&bucket, operation).await;
                let records = mem.emulator.journal();
                let what = format!("{operation}, {burst} times {status}");
                if burst <= 3 {
                    outcome.expect(&what);
                    assert_eq!(records.len() as u64, burst + 1, "{what}");
                } else {
                    let error = outcome.unwrap_err();
                    assert_eq!((error.kind(), error.status()), (ErrorKind::Service, Some(status)), "{what}");
                    // HEAD has no document to name a code.
                    assert!(operation == "HEAD Object" || error.code() == Some(code), "{what}");
                    assert_eq!((error.attempts(), records.len()), (4, 4), "{what}");
                    assert!(error.is_retryable());
                    assert_eq!(error.may_have_taken_effect(), operation == "PUT Object", "{what}");
                }
                for (wait, limit) in waits(&records).into_iter().zip([100, 200, 400]) {
                    // Timers are counted in whole milliseconds.
                    assert!(wait <= millis(limit + 1), "{what}: {wait:?} over {limit} ms");
                }
            }
        }
    }
}

/// F23: the waits are spread evenly over their span (Kolmogorov-Smirnov, one wrong alarm in a thousand million).
#[tokio::test(start_paused = true)]
async fn waits_are_uniform() {
    let (mem, bucket) = rig();
    let mut fractions = Vec::new();
    for _ in 0..1000 {
        mem.emulator.clear_journal();
        mem.emulator.script(Rule::on("GET Object").then(Action::status(503, "ServiceUnavailable")));
        bucket.get("k").await.unwrap();
        fractions.push(waits(&mem.emulator.journal())[0].as_secs_f64() / 0.1);
    }
    fractions.sort_by(f64::total_cmp);
    let count = f64::from(u32::try_from(fractions.len()).unwrap());
    let steps = fractions.iter().zip(1_u32..).map(|(fraction, rank)| (fraction - f64::from(rank) / count).abs());
    let distance = steps.fold(0.0, f64::max);
    assert!(distance < 0.105, "{distance}");
}

/// F25, in part: a throttled request waits longer.
#[tokio::test(start_paused = true)]
async fn a_throttled_request_waits_for_seconds() {
    let mut longest = [Duration::ZERO; 3];
    for (status, code) in [(503, "SlowDown"), (429, "TooManyRequests"), (503, "KmsFreqControl")] {
        for _ in 0..20 {
            let (mem, bucket) = rig();
            mem.emulator.script(Rule::on("PUT Object").times(3).then(Action::status(status, code)));
            assert_eq!(bucket.put("new", "x").await.unwrap().attempts, 4);
            for ((wait, limit), longest) in waits(&mem.emulator.journal()).into_iter().zip([1, 2, 4]).zip(&mut longest)
            {
                assert!(wait <= seconds(limit) + millis(1), "{wait:?}");
                *longest = wait.max(*longest);
            }
        }
    }
    // Of sixty waits up to a second one is longer than 400 ms, but for one run in 10^23.
    assert!(longest[0] > millis(400) && longest[1] > millis(800) && longest[2] > millis(1600), "{longest:?}");
    let (mem, bucket) = rig();
    mem.emulator.script(Rule::on("PUT Object").always().then(Action::status(503, "SlowDown")));
    let error = bucket.put("new", "x").await.unwrap_err();
    assert!(error.is_throttled() && error.is_retryable() && !error.may_have_taken_effect(), "{error:?}");
    assert_eq!((error.attempts(), mem.emulator.journal().len()), (4, 4));
}

/// F24: an outage is not multiplied by everybody's retries, and ends when it ends.
#[tokio::test(start_paused = true)]
async fn an_outage_is_not_multiplied() {
    let (mem, bucket) = rig();
    mem.emulator.script(Rule::on(Matcher::any()).always().then(Action::status(503, "ServiceUnavailable")));
    let start = Instant::now();
    let callers = (0..1000).map(|caller| {
        let bucket = bucket.clone();
        tokio::spawn(async move {
            for _ in 0..4 {
                bucket.get("k").await.unwrap_err();
                sleep(millis(15_000 + caller)).await;
            }
        })
    });
    for caller in join_all(callers).await {
        caller.unwrap();
    }
    let sends = mem.emulator.journal().len();
    // 4 000 first attempts, and what the budget pays for: 500 tokens and 5 a second, at 14 a repeat.
    let seconds_of_it = usize::try_from(start.elapsed().as_secs()).unwrap() + 1;
    let affordable = (500 + 5 * seconds_of_it) / 14;
    assert!((4000 + 500 / 14..=4000 + affordable).contains(&sends), "{sends} in {seconds_of_it} s");

    mem.emulator.clear_script();
    let start = Instant::now();
    let after = join_all((0..1000).map(|_| call(&bucket, "GET Object"))).await;
    assert!(after.into_iter().all(|outcome| outcome.is_ok()));
    assert!(start.elapsed() < seconds(5));
    // The successes have filled the budget again.
    mem.emulator.script(Rule::on(Matcher::any()).times(3).then(Action::status(503, "ServiceUnavailable")));
    assert_eq!(bucket.put("new", "x").await.unwrap().attempts, 4);
}

/// Whom the budget ends is told so, and not left in doubt where nothing is in doubt; with time it comes back.
#[tokio::test(start_paused = true)]
async fn the_end_of_the_budget_is_told_and_is_not_for_ever() {
    let (mem, bucket) = rig();
    let down = || Rule::on(Matcher::any()).always().then(Action::status(503, "ServiceUnavailable"));
    mem.emulator.script(down());
    for _ in 0..12 {
        call(&bucket, "GET Object").await.unwrap_err();
    }
    let error = call(&bucket, "GET Object").await.unwrap_err();
    assert!(error.attempts() < 4 && error.advice().unwrap_or_default().contains("retry budget"), "{error:#}");
    // An answer that was lost leaves the same doubt as when the attempts are over.
    mem.emulator.clear_script();
    mem.emulator.script(Rule::on(Matcher::any()).always().then(Action::ResetBeforeHeaders).effect(Effect::Apply));
    let error = bucket.put("lost", "hello").await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Ambiguous, 1), "{error:#}");

    mem.emulator.clear_script();
    sleep(seconds(100)).await;
    mem.emulator.script(Rule::on(Matcher::any()).times(3).then(Action::status(503, "ServiceUnavailable")));
    assert_eq!(bucket.put("new", "x").await.unwrap().attempts, 4);
}

/// A transfer that had an answer outlasts a host that is away for less than a minute, and others do not pay for it.
#[tokio::test(start_paused = true)]
async fn a_transfer_waits_for_a_host_that_went_away() {
    let away = |after: usize, lasting: Duration| {
        let since = OnceLock::new();
        move |number| {
            let gone = || since.get_or_init(Instant::now).elapsed() < lasting;
            (number >= after && gone()).then(|| TransportError::new(Phase::Connect, "refused"))
        }
    };
    let upload =
        |bucket: &Bucket| bucket.transfer(Upload::new("large".parse().unwrap(), vec![7; 8 << 20]).part_size(1 << 20));
    let (mem, _) = rig();
    let (bucket, seen) = failing(&mem, away(3, seconds(50)));
    let start = Instant::now();
    upload(&bucket).await.unwrap();
    assert!((50..=60).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    let seen = seen.load(Ordering::Relaxed);
    assert!(seen < 150, "{seen} requests of six parts");

    // Beyond that it ends, and gives up in the usual attempts.
    let (bucket, _) = failing(&mem, away(3, Duration::MAX));
    let start = Instant::now();
    let error = upload(&bucket).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect, "{error:#}");
    assert!(error.attempts() > 8 && error.upload_id().is_some(), "{error:#}");
    assert!((60..75).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    for _ in 0..9 {
        let error = call(&bucket, "GET Object").await.unwrap_err();
        assert_eq!(error.attempts(), 4, "the budget is there: {error:#}");
    }

    // Nobody knows whether a host is there that never answered, and who counts the attempts has those.
    for (after, settings, attempts) in [(0, Overrides::new(), 8), (3, Overrides::new().max_attempts(2), 2)] {
        let (bucket, _) = failing(&mem, away(after, Duration::MAX));
        let bucket = bucket.with(settings);
        let error = upload(&bucket).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Connect, attempts), "{error:#}");
    }

    // Who cancels waits for no host.
    let (bucket, _) = failing(&mem, away(3, Duration::MAX));
    let transfer = upload(&bucket);
    let handle = transfer.handle();
    let start = Instant::now();
    let stop = async {
        sleep(seconds(20)).await;
        handle.cancel();
    };
    let (outcome, ()) = tokio::join!(transfer, stop);
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Cancelled);
    assert!(start.elapsed() < seconds(20 + 13), "{:?}", start.elapsed());
}

/// Of file descriptors there may be none for a while. No host is down then, and nobody pays for it.
#[tokio::test(start_paused = true)]
async fn a_shortage_of_this_machine_is_waited_out() {
    for code in [23, 24].into_iter().filter(|_| cfg!(unix)) {
        let (mem, _) = rig();
        let none_left = move || TransportError::new(Phase::Connect, std::io::Error::from_raw_os_error(code));
        let (bucket, seen) = failing(&mem, move |number| (number < 3).then(none_left));
        bucket.delete("k").await.unwrap();
        assert_eq!(seen.load(Ordering::Relaxed), 4);
        let (bucket, seen) = failing(&mem, move |_| Some(none_left()));
        for _ in 0..40 {
            let error = bucket.delete("k").await.unwrap_err();
            assert_eq!((error.kind(), error.attempts()), (ErrorKind::Connect, 4), "the budget is as it was: {error:#}");
        }
        assert_eq!(seen.load(Ordering::Relaxed), 160);
    }
}

/// Whether this process may have few files and runs this test alone; else the test runs in such a one.
#[cfg(unix)]
fn is_alone(name: &str) -> bool {
    const ALONE: &str = "COS_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let mut alone = std::process::Command::new("sh");
    alone.args(["-c", r#"ulimit -n 64; exec "$0" --exact "$1""#]).arg(std::env::current_exe().unwrap()).arg(name);
    let output = alone.env(ALONE, "1").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    false
}

/// As a connection does.
#[cfg(unix)]
#[test]
fn a_file_waits_for_a_file_descriptor() {
    if !is_alone("retries::a_file_waits_for_a_file_descriptor") {
        return;
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let (_mem, bucket) = rig();
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        std::fs::write(path("file"), "hello").unwrap();
        let take_all = || {
            let all: Vec<_> = std::iter::from_fn(|| std::fs::File::open("/dev/null").ok()).collect();
            tokio::spawn(async move {
                sleep(Duration::from_millis(20)).await;
                drop(all);
            })
        };
        let given_back = take_all();
        let put = PutObject::new("up".parse().unwrap(), Body::file(path("file"), 0, 5));
        bucket.send(put).await.unwrap();
        given_back.await.unwrap();
        let given_back = take_all();
        bucket.download("up", path("down")).await.unwrap();
        given_back.await.unwrap();
        assert_eq!(std::fs::read(path("down")).unwrap(), b"hello");
    });
}

/// A resolver that has no file descriptor says that there is no such host. In a process of its own, which opens all it may.
#[cfg(unix)]
#[test]
fn a_resolver_without_a_file_descriptor_tells_of_no_host() {
    use tencent_cos::{Client, Credentials, Endpoint, Transport};
    if !is_alone("retries::a_resolver_without_a_file_descriptor_tells_of_no_host") {
        return;
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for transport in [Transport::Reqwest, Transport::Hyper] {
        let key = Credentials::permanent("AKIDexample", "example").unwrap();
        let nowhere = Endpoint::custom("http://localhost:1").unwrap();
        let client = Client::builder().region("ap-x").credentials(key).endpoint(nowhere).transport(transport);
        let bucket = client.max_attempts(2).build().unwrap().bucket("b-1250000000").unwrap();
        let _all = std::iter::from_fn(|| std::fs::File::open("/dev/null").ok()).collect::<Vec<_>>();
        for outcome in runtime.block_on(join_all((0..60).map(|_| bucket.head("k")))) {
            let error = outcome.unwrap_err();
            assert_eq!(error.attempts(), 2, "the budget is as it was: {error:#}");
        }
    }
}

/// F26.
#[tokio::test(start_paused = true)]
async fn retry_after_is_kept_capped_or_ignored() {
    // The emulator's clock began at 22:13:20.
    for (asked, at_least, at_most) in [
        ("7", 7_000, 7_001),
        (" 7 ", 7_000, 7_001),
        ("Tue, 14 Nov 2023 22:13:29 GMT", 9_000, 9_001),
        ("99999", 60_000, 60_001),
        ("18446744073709551615", 60_000, 60_001),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 60_000, 60_001),
        ("0", 0, 101),
        ("Tue, 14 Nov 2023 22:00:00 GMT", 0, 101),
        ("soon", 0, 101),
        ("-7", 0, 101),
        ("7.5", 0, 101),
        ("99999999999999999999999", 0, 101),
        ("", 0, 101),
    ] {
        for status in [500, 502, 503] {
            let (mem, bucket) = rig();
            let action = Action::Status {
                status,
                code: "InternalError".to_owned(),
                message: String::new(),
                retry_after: Some(asked.to_owned()),
                request_id: true,
            };
            mem.emulator.script(Rule::on("GET Object").then(action));
            bucket.get("k").await.unwrap();
            let wait = waits(&mem.emulator.journal())[0];
            assert!((millis(at_least)..=millis(at_most)).contains(&wait), "{asked:?}: {wait:?}");
        }
    }
}

/// F27.
/// A refusal is final for what it says, and this one does not get to say it.
#[tokio::test(start_paused = true)]
async fn a_refusal_that_breaks_off_is_asked_for_again() {
    for cut in [Action::CutBody { at: 20 }, Action::ResetBody { at: 0 }] {
        let (memory, bucket) = rig();
        memory.emulator.script(Rule::on(Matcher::any()).then(cut.clone()));
        let tags = GetObjectTagging::new("k".parse().unwrap());
        assert_eq!(bucket.send(tags).await.unwrap().tags, Tags::new());
        assert_eq!(status_of(&memory.emulator), [Some(404); 2]);
        // Whatever the operation: a refusal is that.
        memory.emulator.clear_journal();
        memory.emulator.script(Rule::on(Matcher::any()).then(cut.clone()));
        let guarded = AppendObject::new("k".parse().unwrap(), 0, "x");
        let error = bucket.send(guarded).await.unwrap_err();
        assert_eq!((error.attempts(), error.may_have_taken_effect()), (2, false), "{error:#}");
        assert!(error.code().is_some_and(|code| !code.is_empty()));
        // Not for ever.
        memory.emulator.script(Rule::on(Matcher::any()).always().then(cut));
        let error = bucket.get("none").await.unwrap_err();
        assert_eq!((error.attempts(), error.status(), error.is_retryable()), (4, Some(404), true), "{error:#}");
        assert!(error.source().is_some());
    }
}

/// Half a code is no code, and half a message may be of any kind.
#[tokio::test(start_paused = true)]
async fn a_refusal_for_the_clock_is_understood_wherever_it_breaks_off() {
    for at in (0..400).step_by(3) {
        let (memory, bucket) = rig();
        memory.clock.set_off(5_000);
        memory.emulator.script(Rule::on(Matcher::any()).then(Action::CutBody { at }));
        let object = bucket.get("k").await.unwrap_or_else(|error| panic!("after {at} bytes: {error:#}"));
        assert_eq!(object.bytes(100).await.unwrap(), "hello");
        assert_eq!(status_of(&memory.emulator)[0], Some(403));
    }
    let (memory, bucket) = rig();
    memory.clock.set_off(5_000);
    memory.emulator.script(Rule::on(Matcher::any()).always().then(Action::CutBody { at: 50 }));
    let error = bucket.get("k").await.unwrap_err();
    assert!(error.status() == Some(403) && error.advice().is_none() && error.is_retryable(), "{error:#}");
}

#[tokio::test(start_paused = true)]
async fn final_answers_are_final() {
    for operation in EVERY {
        for (status, code) in [
            (400, "InvalidArgument"),
            (403, "AccessDenied"),
            (404, "NoSuchBucket"),
            (405, "MethodNotAllowed"),
            (409, "BucketNotEmpty"),
            (411, "MissingContentLength"),
            (412, "PreconditionFailed"),
            (416, "InvalidRange"),
            (451, "UnavailableForLegalReasons"),
            (501, "NotImplemented"),
            (505, "HttpVersionNotSupported"),
        ] {
            let (mem, bucket) = rig();
            mem.emulator.script(Rule::on(operation).times(2).then(Action::status(status, code)));
            let error = call(&bucket, operation).await.unwrap_err();
            let what = format!("{operation}, {status}: {error}");
            assert_eq!(
                (error.kind(), error.status(), error.attempts()),
                (ErrorKind::Service, Some(status), 1),
                "{what}"
            );
            assert!(operation == "HEAD Object" || error.code() == Some(code), "{what}");
            assert_eq!(error.is_not_found(), status == 404, "{what}");
            assert_eq!(error.is_precondition_failed(), status == 412, "{what}");
            assert!(!error.is_retryable() && !error.may_have_taken_effect(), "{what}");
            assert_eq!(mem.emulator.journal().len(), 1, "{what}");
        }
    }
}

/// F43.
#[tokio::test]
async fn redirects_are_not_followed() {
    let emulator = emulator().await;
    emulator.put_object(emulator.bucket(), "k", "hello");
    let bucket = support::bucket(&emulator);
    let evil = TcpListener::bind("127.0.0.1:0").unwrap();
    evil.set_nonblocking(true).unwrap();
    let location = vec![("Location".to_owned(), format!("http://{}/k", evil.local_addr().unwrap()))];
    for status in [301, 302, 303, 307, 308] {
        for operation in REPEATABLE {
            for from_cos in [true, false] {
                emulator.clear_journal();
                let (headers, body) = (location.clone(), Bytes::new());
                let action = if from_cos {
                    Action::RawBody { status, headers, body }
                } else {
                    Action::Foreign { status, headers, body }
                };
                emulator.script(Rule::on(operation).always().then(action));
                let bucket = bucket.with(Overrides::new().max_attempts(2));
                let error = call(&bucket, operation).await.unwrap_err();
                let what = format!("{operation}, {status}: {error}");
                assert_eq!((error.kind(), error.status()), (ErrorKind::Response, Some(status)), "{what}");
                // Without a request id it may be anybody's answer, so COS is asked again.
                let sends = if from_cos { 1 } else { 2 };
                assert_eq!((error.attempts(), emulator.journal().len()), (sends, sends as usize), "{what}");
                emulator.clear_script();
            }
        }
    }
    assert_eq!(evil.accept().unwrap_err().kind(), IoErrorKind::WouldBlock, "somebody came");
}

/// An answer without a request id is not COS's: it is tried again, and told with its first words.
#[tokio::test(start_paused = true)]
async fn strangers_are_not_believed() {
    let portal = "<html>\u{1b}[2J\nPlease log in ".to_owned() + &"x".repeat(10_000);
    let foreign = |status| Action::Foreign { status, headers: vec![], body: Bytes::from(portal.clone()) };
    for operation in REPEATABLE {
        for status in [400, 403, 404, 407, 500, 503] {
            let (mem, bucket) = rig();
            mem.emulator.script(Rule::on(operation).then(foreign(status)));
            call(&bucket, operation).await.expect(operation);
            assert_eq!(mem.emulator.journal().len(), 2);
        }
    }
    let (mem, bucket) = rig();
    mem.emulator.script(Rule::on(Matcher::any()).always().then(foreign(404)));
    let error = bucket.get("k").await.unwrap_err();
    assert_eq!((error.kind(), error.status(), error.attempts()), (ErrorKind::Response, Some(404), 4), "{error}");
    assert!(!error.is_not_found() && error.request_id().is_none());
    assert!(!bucket.exists("k").await.is_ok_and(|exists| !exists), "a stranger's 404 is no answer");
    let told = std::error::Error::source(&error).expect("a source").to_string();
    assert!(told.contains("Please log in") && told.len() < 400 && !told.contains('\u{1b}'), "{told}");
}

fn list_document(entries: &str) -> Bytes {
    format!("<?xml version='1.0' encoding='utf-8' ?><ListBucketResult><IsTruncated>false</IsTruncated>{entries}</ListBucketResult>").into()
}

/// Ten levels of ten: a thousand million laughs.
fn entity_bomb() -> Bytes {
    let level = |n: usize| format!("<!ENTITY a{n} \"{}\">", format!("&a{};", n - 1).repeat(10));
    let levels: Vec<String> = (1..10).map(level).collect();
    ["<!DOCTYPE l [<!ENTITY a0 \"ha\">", &levels.concat(), "]><ListBucketResult><Name>&a9;</Name></ListBucketResult>"]
        .concat()
        .into()
}

/// Documents nobody should send: each is told with status and request id, at once, and tried no second time.
fn hostile_documents() -> Vec<(&'static str, Bytes)> {
    let nested = 100_000;
    vec![
        ("nothing", Bytes::new()),
        ("blanks", Bytes::from(" \n ".repeat(1000))),
        ("noise", pattern(50_000)),
        ("not UTF-8", Bytes::from_static(b"<ListBucketResult><Name>\xff\xfe</Name></ListBucketResult>")),
        ("UTF-16", Bytes::from_static(b"\xff\xfe<\0a\0/\0>\0")),
        ("HTML", Bytes::from("<html><body><p>Service")),
        ("another root", Bytes::from("<ListPartsResult></ListPartsResult>")),
        ("half a document", list_document("<Contents><Key>a</Key></Contents>").slice(..120)),
        ("two roots crossed", Bytes::from("<ListBucketResult></Error>")),
        ("deep", Bytes::from(["<a>".repeat(nested), "</a>".repeat(nested)].concat())),
        ("deep and open", Bytes::from("<ListBucketResult>".to_owned() + &"<a>".repeat(nested))),
        ("many", list_document(&"<a/>".repeat(1_000_000))),
        ("long", list_document(&format!("<Name>{}</Name>", "x".repeat(17 << 20)))),
        ("an entity bomb", entity_bomb()),
        (
            "an external entity",
            Bytes::from(
                "<!DOCTYPE l [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><ListBucketResult><Name>&x;</Name></ListBucketResult>",
            ),
        ),
        ("an unknown entity", list_document("<Contents><Key>&x;</Key></Contents>")),
        ("a size that is none", list_document("<Contents><Key>a</Key><Size>-1</Size></Contents>")),
        ("a size over 2^64", list_document("<Contents><Key>a</Key><Size>18446744073709551616</Size></Contents>")),
    ]
}

/// F45, F46, F47.
#[tokio::test]
async fn hostile_documents_are_errors_with_status_and_request_id() {
    let emulator = emulator().await;
    let bucket = support::bucket(&emulator);
    for (what, body) in hostile_documents() {
        emulator.clear_journal();
        let action = Action::RawBody { status: 200, headers: vec![], body: body.clone() };
        emulator.script(Rule::on("GET Bucket").then(action));
        let start = Instant::now();
        let error = bucket.send(ListObjects::new()).await.expect_err(what);
        assert!(start.elapsed() < seconds(2), "{what}: {:?}", start.elapsed());
        assert_eq!((error.kind(), error.status()), (ErrorKind::Response, Some(200)), "{what}: {error}");
        let id = emulator.journal()[0].request_id.clone();
        assert_eq!(error.request_id(), Some(id.as_str()), "{what}");
        assert_eq!((error.attempts(), emulator.journal().len()), (1, 1), "{what}");
        let told = format!("{error} {error:?}");
        assert!(told.len() < 4096 && !told.contains("root:"), "{what}: {told}");
        assert!(!error.to_string().contains(['\n', '\u{1b}', '\0']), "{what}: {error}");
    }
}

/// F7, where the first attempt took effect and COS has no more of what it removed.
#[tokio::test(start_paused = true)]
async fn what_is_gone_after_an_open_end_was_deleted() {
    let gone = Action::Status {
        status: 404,
        code: "NoSuchVersion".to_owned(),
        message: String::new(),
        retry_after: None,
        request_id: true,
    };
    let (mem, bucket) = rig();
    let delete = || DeleteObject::new("k".parse().unwrap()).version_id("MTg0NDUxNTc1NjIz");
    let first = Rule::on("DELETE Object").then(Action::ResetBeforeHeaders).times(1);
    mem.emulator.script(first);
    mem.emulator.script(Rule::on("DELETE Object").then(gone.clone()).times(1));
    let deleted = bucket.send(delete()).await.unwrap();
    assert_eq!(deleted.version_id.as_deref(), Some("MTg0NDUxNTc1NjIz"));
    assert_eq!(mem.emulator.journal().len(), 2);
    // The first word of COS stands.
    mem.emulator.script(Rule::on("DELETE Object").then(gone).times(1));
    assert!(bucket.send(delete()).await.unwrap_err().is_not_found());
}

/// F20, where no range was asked for, as from a cache that keeps what somebody else asked for.
#[tokio::test(start_paused = true)]
async fn a_part_that_nobody_asked_for_is_not_the_object() {
    let (mem, bucket) = rig();
    let headers = vec![("Content-Range".to_owned(), "bytes 0-1/5".to_owned())];
    let part = Action::RawBody { status: 206, headers, body: Bytes::from_static(b"he") };
    mem.emulator.script(Rule::on("GET Object").then(part).times(1));
    let error = bucket.get("k").await.expect_err("a part");
    assert_eq!((error.kind(), error.status(), error.attempts()), (ErrorKind::Response, Some(206), 1), "{error}");
    // Who asks in words of their own knows it.
    let end = bucket.with(Overrides::new().header("range", "bytes=-3").unwrap());
    assert_eq!(end.get("k").await.unwrap().bytes(100).await.unwrap(), "llo");
    // And nobody else could ask for the rest of it.
    mem.emulator.script(Rule::on("GET Object").then(Action::CutBody { at: 1 }));
    let error = end.get("k").await.unwrap().bytes(100).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Transport, 1), "{error}");
}

/// F46, where the request changed something: that the answer is too long to be read undoes nothing.
#[tokio::test(start_paused = true)]
async fn an_answer_too_long_to_be_read_is_a_success_all_the_same() {
    let (mem, bucket) = rig();
    let long = Action::RawBody { status: 200, headers: vec![], body: Bytes::from(vec![b' '; 17 << 20]) };
    let part = CompletedPart::new(1, "\"e\"");
    let complete = CompleteMultipartUpload::new("k".parse().unwrap(), "id", [part]);
    for title in ["PUT Object", "DELETE Multiple Objects", "Complete Multipart Upload", "GET Bucket"] {
        mem.emulator.script(Rule::on(title).then(long.clone()));
    }
    let outcomes = [
        bucket.put("k", "x").await.map(drop),
        bucket.send(DeleteObjects::new(["k"])).await.map(drop),
        bucket.send(complete).await.map(drop),
        bucket.send(ListObjects::new()).await.map(drop),
    ];
    let errors = outcomes.map(|outcome| outcome.expect_err("an error"));
    assert!(errors.iter().all(|error| (error.kind(), error.attempts()) == (ErrorKind::Response, 1)), "{errors:?}");
    assert_eq!(errors.map(|error| error.may_have_taken_effect()), [true, true, true, false]);
}

/// F45, F46, F47, where the answer is a refusal: the status and the id are enough.
#[tokio::test]
async fn hostile_refusals_keep_status_and_request_id() {
    let emulator = emulator().await;
    let bucket = support::bucket(&emulator);
    for (what, body) in hostile_documents() {
        emulator.clear_journal();
        let action = Action::RawBody { status: 403, headers: vec![], body: body.clone() };
        emulator.script(Rule::on("GET Object").then(action));
        let start = Instant::now();
        let error = bucket.get("k").await.expect_err(what);
        assert!(start.elapsed() < seconds(2), "{what}: {:?}", start.elapsed());
        assert_eq!((error.kind(), error.status()), (ErrorKind::Service, Some(403)), "{what}: {error}");
        assert_eq!((error.code(), error.attempts()), (None, 1), "{what}");
        let id = emulator.journal()[0].request_id.clone();
        assert_eq!(error.request_id(), Some(id.as_str()), "{what}");
        assert!(format!("{error} {error:?}").len() < 4096, "{what}");
    }
}

/// The answer to another question would name objects that nobody asked about, to be deleted perhaps.
#[tokio::test]
async fn a_listing_of_other_keys_is_none() {
    let (mem, bucket) = rig();
    let document = |root: &str, entry: &str, key: &str| {
        let id = "<UploadId>u</UploadId><VersionId>v</VersionId>";
        let entry = format!("<{entry}><Key>{key}</Key><Size>1</Size>{id}</{entry}>");
        let text = format!("<{root}><IsTruncated>false</IsTruncated>{entry}</{root}>");
        Action::RawBody { status: 200, headers: vec![], body: text.into() }
    };
    let operations = [
        ("GET Bucket", "ListBucketResult", "Contents"),
        ("GET Bucket Object Versions", "ListVersionsResult", "Version"),
        ("List Multipart Uploads", "ListMultipartUploadsResult", "Upload"),
    ];
    for (operation, root, entry) in operations {
        for (key, fits) in [("tmp/a", true), ("tmp", false), ("important/a", false)] {
            mem.emulator.script(Rule::on(operation).then(document(root, entry, key)));
            let found = match operation {
                "GET Bucket" => bucket.send(ListObjects::new().prefix("tmp/")).await.map(|list| list.objects.len()),
                "List Multipart Uploads" => {
                    let list = bucket.send(ListMultipartUploads::new().prefix("tmp/")).await;
                    list.map(|list| list.uploads.len())
                }
                _ => {
                    let list = bucket.send(ListObjectVersions::new().prefix("tmp/")).await;
                    list.map(|list| list.versions.len())
                }
            };
            let what = format!("{operation}, {key}: {found:?}");
            match found {
                Ok(count) => assert!(fits && count == 1, "{what}"),
                Err(error) => assert!(!fits && error.kind() == ErrorKind::Response, "{what}"),
            }
            if fits {
                continue;
            }
            mem.emulator.script(Rule::on("List Multipart Uploads").then(document(root, entry, key)));
            let orphans = bucket.orphans(Duration::ZERO).prefix("tmp/");
            if operation == "List Multipart Uploads" {
                assert!(orphans.abort().await.is_err());
                assert_eq!(support::count(&mem.emulator, "Abort Multipart Upload"), 0);
            }
            mem.emulator.clear_script();
        }
    }
}

/// F46: of an error document that does not end no more than 64 KiB is read.
#[tokio::test(start_paused = true)]
async fn a_huge_error_document_is_not_read() {
    let (mem, bucket) = rig();
    let whole = Bytes::from(vec![b'x'; 64 << 20]);
    for status in [404, 500] {
        mem.emulator.clear_journal();
        let rule = Rule::on("GET Object")
            .then(Action::RawBody { status, headers: vec![], body: whole.clone() })
            .then(Action::SlowBody { bytes_per_second: 20 * 32 * 1024 });
        mem.emulator.script(rule.times(4));
        let start = Instant::now();
        let error = bucket.get("k").await.unwrap_err();
        assert_eq!((error.kind(), error.status()), (ErrorKind::Service, Some(status)), "{error}");
        for record in mem.emulator.journal() {
            assert!(record.bytes_out <= 96 * 1024, "{} bytes", record.bytes_out);
        }
        assert!(start.elapsed() < seconds(2));
        mem.emulator.clear_script();
    }
    // Of a document that is announced as too long nothing is read at all.
    mem.emulator.clear_journal();
    let headers = vec![("Content-Length".to_owned(), (5_u64 << 30).to_string())];
    let rule = Rule::on("GET Bucket").then(Action::RawBody { status: 200, headers, body: whole });
    mem.emulator.script(rule.then(Action::SlowBody { bytes_per_second: 20 * 32 * 1024 }));
    let error = bucket.send(ListObjects::new()).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Response, 1), "{error}");
    assert_eq!(mem.emulator.journal()[0].bytes_out, 0);
}

/// F48.
#[tokio::test(start_paused = true)]
async fn a_listing_that_does_not_advance_ends() {
    for marker in ["<NextMarker>b</NextMarker>", "<NextMarker>a</NextMarker>", ""] {
        let (mem, bucket) = rig();
        let body = "<ListBucketResult><IsTruncated>true</IsTruncated>".to_owned()
            + marker
            + "<Contents><Key>b</Key><Size>1</Size></Contents></ListBucketResult>";
        let action = Action::RawBody { status: 200, headers: vec![], body: body.into() };
        mem.emulator.script(Rule::on("GET Bucket").always().then(action));
        let mut pages = bucket.pages(ListObjects::new());
        let error = loop {
            match pages.try_next().await {
                Ok(page) => assert!(page.is_some(), "such a listing has no end"),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::Response, "{error}");
        assert!(mem.emulator.journal().len() <= 2);
    }
}

/// F20, in part: a range that is not the one asked for.
#[tokio::test(start_paused = true)]
async fn a_wrong_range_is_no_range() {
    let (mem, bucket) = rig();
    for (status, range) in [(206, Some("bytes 0-2/5")), (206, Some("bytes 1-4/5")), (206, None), (200, None)] {
        let headers = range.map(|range| ("Content-Range".to_owned(), range.to_owned())).into_iter().collect();
        let action = Action::RawBody { status, headers, body: Bytes::from("ell") };
        mem.emulator.script(Rule::on("GET Object").then(action));
        let error = bucket.send(GetObject::new("k".parse().unwrap()).range(1..4)).await.unwrap_err();
        assert_eq!((error.kind(), error.status()), (ErrorKind::Response, Some(status)), "{error}");
        assert!(error.request_id().is_some());
    }
}

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

/// Every attempt is described and signed anew, and says that it is one.
#[tokio::test(start_paused = true)]
async fn every_attempt_is_signed_afresh() {
    for operation in REPEATABLE {
        let (mem, bucket) = rig();
        let action = Action::Status {
            status: 500,
            code: "InternalError".to_owned(),
            message: String::new(),
            retry_after: Some("60".to_owned()),
            request_id: true,
        };
        mem.emulator.script(Rule::on(operation).times(3).then(action));
        call(&bucket, operation).await.expect(operation);
        let records = mem.emulator.journal();
        assert_eq!(records.len(), 4);
        let mut signatures = Vec::new();
        for (number, record) in records.iter().enumerate() {
            assert_eq!(record.signature_error, None);
            let authorization = record.headers["authorization"].to_str().unwrap().to_owned();
            let fields: Vec<_> = authorization.split('&').filter_map(|field| field.split_once('=')).collect();
            let field = |name| fields.iter().find(|(have, _)| *have == name).expect(name).1;
            let start: u64 = field("q-sign-time").split_once(';').unwrap().0.parse().unwrap();
            let now = record.time.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
            assert!((60..=120).contains(&(now - start)), "signed for {start} at {now}");
            let marked = field("q-header-list").split(';').any(|name| name == "x-cos-sdk-retry");
            assert_eq!(marked, number > 0, "{operation}, attempt {number}");
            let sent = record.headers.get("x-cos-sdk-retry").map(|value| value.to_str().unwrap());
            assert_eq!(sent, (number > 0).then_some("true"), "{operation}, attempt {number}");
            signatures.push(field("q-signature").to_owned());
        }
        signatures.sort();
        signatures.dedup();
        assert_eq!(signatures.len(), 4, "{operation}");
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

/// A put that must not overwrite, whose answer was lost: our own object is a success, anybody else's leaves it open.
#[tokio::test(start_paused = true)]
async fn a_guard_is_not_mistaken_for_a_refusal() {
    let put = |body: &'static str| PutObject::new("new".parse().unwrap(), body).forbid_overwrite();
    // Taken by somebody else, plainly.
    let (mem, bucket) = rig();
    mem.emulator.put_object(mem.emulator.bucket(), "new", "theirs");
    let error = bucket.send(put("ours")).await.unwrap_err();
    assert_eq!((error.kind(), error.code(), error.attempts()), (ErrorKind::Service, Some("FileAlreadyExists"), 1));
    assert!(error.is_precondition_failed() && !error.may_have_taken_effect());

    let lost =
        [Action::ResetBeforeHeaders, Action::status(500, "InternalError"), Action::status(503, "ServiceUnavailable")];
    for action in lost {
        // Ours, though the answer was lost.
        let (mem, bucket) = rig();
        mem.emulator.script(Rule::on("PUT Object").then(action.clone()).effect(Effect::Apply));
        let output = bucket.send(put("ours")).await.expect("our own object is there");
        assert_eq!((output.attempts, output.crc64), (2, Some(Crc64::of(b"ours"))), "{action:?}");
        let operations: Vec<_> = mem.emulator.journal().into_iter().map(|record| record.operation).collect();
        assert_eq!(operations, ["PUT Object", "PUT Object", "HEAD Object"], "{action:?}");

        // Somebody else's: whether ours was there in between nobody knows.
        let (mem, bucket) = rig();
        mem.emulator.put_object(mem.emulator.bucket(), "new", "theirs");
        mem.emulator.script(Rule::on("PUT Object").then(action.clone()));
        let error = bucket.send(put("ours")).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.code()),
            (ErrorKind::Ambiguous, Some("FileAlreadyExists")),
            "{action:?}: {error}"
        );
        assert!(error.may_have_taken_effect() && !error.is_retryable(), "{action:?}");
        assert!(!error.is_precondition_failed(), "{action:?}: not known to have failed");
        assert_eq!(error.attempts(), 2);

        // The look at it fails as well.
        let (mem, bucket) = rig();
        mem.emulator.script(Rule::on("PUT Object").then(action.clone()).effect(Effect::Apply));
        mem.emulator.script(Rule::on("HEAD Object").always().then(Action::ResetBeforeHeaders));
        let error = bucket.send(put("ours")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Ambiguous, "{action:?}: {error}");
    }

    // What is there was garbled on the way: the guard keeps it there, and it must not pass for ours.
    let (mem, bucket) = rig();
    mem.emulator.script(Rule::on("PUT Object").then(Action::CorruptByte { at: 1 }));
    let error = bucket.send(put("ours")).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Ambiguous | ErrorKind::Integrity), "{error}");
    assert!(error.may_have_taken_effect());
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

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_everything() {
    // In the middle of a wait.
    let (mem, bucket) = rig();
    let action = Action::Status {
        status: 503,
        code: "ServiceUnavailable".to_owned(),
        message: String::new(),
        retry_after: Some("7".to_owned()),
        request_id: true,
    };
    mem.emulator.script(Rule::on(Matcher::any()).always().then(action));
    let hurried = bucket.with(Overrides::new().deadline(seconds(10)));
    for operation in REPEATABLE {
        mem.emulator.clear_journal();
        let start = Instant::now();
        let error = call(&hurried, operation).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Timeout, 2), "{operation}: {error}");
        assert!((seconds(10)..=millis(10_002)).contains(&start.elapsed()), "{operation}");
        assert_eq!(mem.emulator.journal().len(), 2, "{operation}");
        assert_eq!(error.may_have_taken_effect(), operation == "PUT Object", "{operation}");
        let before = error.source().and_then(|source| source.downcast_ref::<Error>()).expect("what COS said");
        assert_eq!((before.status(), error.status()), (Some(503), None), "{operation}");
        assert!(error.to_string().contains("passed while waiting for the next attempt"), "{error}");
    }
    // In the middle of a wait for the budget, which requests of transfers have.
    let (mem, bucket) = rig();
    mem.emulator.script(Rule::on(Matcher::any()).always().then(Action::status(503, "ServiceUnavailable")));
    while call(&bucket, "GET Object").await.unwrap_err().advice().is_none() {}
    let hurried = bucket.with(Overrides::new().deadline(millis(400)));
    let error = hurried.upload("new", Bytes::from("x")).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Timeout, 1), "{error}");
    let before = error.source().and_then(|source| source.downcast_ref::<Error>()).expect("what COS said");
    assert_eq!(before.status(), Some(503));
    assert!(error.to_string().contains("passed while waiting for the next attempt"), "{error}");
    // In the middle of a request.
    let (mem, bucket) = rig();
    mem.emulator.script(Rule::on(Matcher::any()).always().then(Action::StallBeforeHeaders(seconds(3600))));
    let hurried = bucket.with(Overrides::new().deadline(seconds(3)));
    for operation in EVERY {
        let start = Instant::now();
        let error = call(&hurried, operation).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Timeout, 1), "{operation}: {error}");
        assert_eq!(start.elapsed().as_secs(), 3);
        let writes = matches!(operation, "PUT Object" | "DELETE Object");
        assert_eq!(error.may_have_taken_effect(), writes, "{operation}");
        assert!(error.to_string().contains("passed while waiting for COS"), "{error}");
    }
    // In the middle of nothing.
    let (mem, _) = rig();
    let narrow = mem.bucket_of(mem.client().max_connections(1));
    mem.emulator.script(Rule::on("GET Object").then(Action::StallBody { at: 2, lasting: seconds(15) }));
    let unread = narrow.get("k").await.unwrap();
    let error = narrow.with(Overrides::new().deadline(seconds(3))).head("k").await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Timeout, 0), "{error}");
    assert!(error.to_string().contains("passed while waiting for a place among the connections"), "{error}");
    drop(unread);
    // Not while a stream is read: it counts until the object begins.
    let (mem, bucket) = rig();
    mem.emulator.script(Rule::on("GET Object").then(Action::StallBody { at: 2, lasting: seconds(15) }));
    let object = bucket.with(Overrides::new().deadline(seconds(3))).get("k").await.unwrap();
    assert_eq!(object.bytes(100).await.unwrap(), "hello");
}

#[tokio::test(start_paused = true)]
async fn the_number_of_attempts_can_be_set() {
    for attempts in [0, 1, 2, 7] {
        let (mem, bucket) = rig();
        mem.emulator.script(Rule::on(Matcher::any()).always().then(Action::status(500, "InternalError")));
        for bucket in
            [bucket.with(Overrides::new().max_attempts(attempts)), mem.bucket_of(mem.client().max_attempts(attempts))]
        {
            mem.emulator.clear_journal();
            let error = bucket.get("k").await.unwrap_err();
            assert_eq!((error.attempts(), mem.emulator.journal().len()), (attempts.max(1), attempts.max(1) as usize));
        }
    }
}
