//! Uploads that do not come to their end: dropped, cancelled, failed, or of a source that changes.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use cos_emulator::{Action, Effect, Emulator, ExpiryAnswer, Matcher, Rule};
use futures_util::future::{Either, select};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tencent_cos::client::provider::from_fn;
use tencent_cos::transfer::{Upload, UploadDirectory, UploadSource};
use tencent_cos::{
    AbortMultipartUpload, ByteStream, Error, ErrorKind, InitiateMultipartUpload, ObjectKey, Overrides, Transport,
};

use crate::support::{self, InMemory, Random, count, noise, until};

const MIB: usize = 1024 * 1024;
const COMPLETE: &str = "Complete Multipart Upload";

fn key(text: &str) -> ObjectKey {
    text.parse().expect("a key")
}

fn parts_of_one_mib(name: &str, source: impl Into<UploadSource>) -> Upload {
    Upload::new(key(name), source).part_size(MIB as u64)
}

fn orphans(emulator: &Emulator) -> usize {
    emulator.uploads(emulator.bucket()).len()
}

type Change<'a> = &'a dyn Fn(&Path);

#[tokio::test]
async fn a_file_that_changes_meanwhile_becomes_no_object() {
    let rewrite = |path: &Path| {
        let mut file = OpenOptions::new().write(true).open(path).unwrap();
        file.write_all(&noise(4 * MIB, 77)).unwrap();
    };
    let truncate = |path: &Path| OpenOptions::new().write(true).open(path).unwrap().set_len(5 * MIB as u64).unwrap();
    let grow = |path: &Path| OpenOptions::new().append(true).open(path).unwrap().write_all(b"more").unwrap();
    let replace = |path: &Path| {
        fs::write(path.with_extension("new"), noise(8 * MIB, 78)).unwrap();
        fs::rename(path.with_extension("new"), path).unwrap();
    };
    let remove = |path: &Path| fs::remove_file(path).unwrap();
    let changes: [(&str, Change); 5] = [
        ("rewritten", &rewrite),
        ("truncated", &truncate),
        ("grown", &grow),
        ("replaced", &replace),
        ("gone", &remove),
    ];
    for (name, change) in changes {
        // While parts are sent, and when the last of them are.
        for part in [2, 8] {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("source");
            fs::write(&path, noise(8 * MIB, 1)).unwrap();
            let emulator = support::emulator().await;
            let number = part.to_string();
            let slow = Matcher::operation("Upload Part").query_value("partNumber", &number);
            emulator.script(Rule::on(slow).then(Action::StallBeforeHeaders(Duration::from_millis(200))));
            let bucket = support::bucket(&emulator);
            let upload = bucket.transfer(parts_of_one_mib("k", path.as_path()).concurrency(2));
            let (outcome, ()) = tokio::join!(upload, async {
                until("the part", || count(&emulator, "Upload Part") >= part).await;
                change(&path);
            });
            let error = outcome.unwrap_err();
            let kind = if name == "gone" { ErrorKind::Io } else { ErrorKind::Changed };
            assert_eq!(error.kind(), kind, "{name} at {part}: {error}");
            assert_eq!((count(&emulator, COMPLETE), orphans(&emulator)), (0, 0), "{name} at {part}");
            assert!(emulator.object(emulator.bucket(), "k").is_none());
        }
    }
}

/// Two attempts of one part send different bytes, and nothing else tells.
#[tokio::test]
async fn bytes_that_differ_from_attempt_to_attempt_are_told() {
    let emulator = support::emulator().await;
    let bucket = support::bucket(&emulator);
    for operation in ["PUT Object", "Upload Part"] {
        emulator.script(Rule::on(operation).then(Action::ResetBeforeHeaders));
    }
    let calls = Arc::new(AtomicU64::new(0));
    let fickle = tencent_cos::Body::factory(5, move || {
        let call = calls.fetch_add(1, Ordering::Relaxed);
        Bytes::from(format!("call{call}")).into()
    });
    let error = bucket.put("k", fickle).await.unwrap_err();
    assert_eq!((error.kind(), error.may_have_taken_effect()), (ErrorKind::Changed, true), "{error}");
}

#[tokio::test]
async fn an_upload_that_fails_is_given_up_and_says_so_when_it_cannot_be() {
    let emulator = support::emulator().await;
    let bucket = support::bucket(&emulator);
    let source = || noise(6 * MIB, 1);
    emulator.script(Rule::on("Upload Part").skip(3).always().then(Action::status(403, "AccessDenied")));
    let error = bucket.transfer(parts_of_one_mib("k", source())).await.unwrap_err();
    assert_eq!(error.code(), Some("AccessDenied"), "{error}");
    assert_eq!((count(&emulator, COMPLETE), orphans(&emulator), error.upload_id()), (0, 0, None));
    // One that a checkpoint remembers is not lost.
    let (directory, file) = (tempfile::tempdir().unwrap(), tempfile::NamedTempFile::new().unwrap());
    std::fs::write(file.path(), noise(6 * MIB, 1)).unwrap();
    emulator.clear_script();
    emulator.script(Rule::on("Upload Part").skip(3).always().then(Action::ResetBeforeHeaders));
    let kept = parts_of_one_mib("kept", file.path()).checkpoint(directory.path());
    let error = bucket.transfer(kept).await.unwrap_err();
    assert_eq!((error.operation(), orphans(&emulator), error.upload_id()), (Some("Upload Part"), 1, None), "{error}");
    let left = emulator.uploads(emulator.bucket()).remove(0).upload_id;
    bucket.send(AbortMultipartUpload::new("kept".parse().unwrap(), left)).await.unwrap();
    // A stream that breaks.
    emulator.clear_script();
    let pieces = (0..4).map(|n| if n < 3 { Ok(noise(MIB, n)) } else { Err(Error::new(ErrorKind::Io, "broken")) });
    let broken = ByteStream::new(None, stream::iter(pieces.collect::<Vec<_>>()));
    let error = bucket.transfer(parts_of_one_mib("k", broken)).await.unwrap_err();
    assert_eq!((error.kind(), orphans(&emulator)), (ErrorKind::Io, 0), "{error}");
    // What cannot be given up is named.
    emulator.script(Rule::on("Upload Part").always().then(Action::status(403, "AccessDenied")));
    emulator.script(Rule::on("Abort Multipart Upload").always().then(Action::status(403, "AccessDenied")));
    let error = bucket.transfer(parts_of_one_mib("k", source())).await.unwrap_err();
    let left = emulator.uploads(emulator.bucket());
    assert_eq!(error.upload_id(), Some(left[0].upload_id.as_str()));
    // And whose it is, though no request failed.
    let broken = stream::iter([Ok(noise(2 * MIB, 1)), Err(Error::new(ErrorKind::Io, "broken"))]);
    let error = bucket.transfer(parts_of_one_mib("of stream", ByteStream::new(None, broken))).await.unwrap_err();
    let target = format!("{}/of stream", emulator.bucket());
    assert_eq!((error.target(), error.upload_id().is_some()), (Some(&*target), true), "{error}");
}

/// Before an upload is completed no object can have been made, and nobody is left in doubt about it.
#[tokio::test]
async fn what_breaks_before_the_end_is_passing_trouble() {
    let emulator = support::emulator().await;
    let bucket = support::bucket(&emulator);
    let source = || noise(3 * MIB, 1);
    // The beginning: nobody knows the id of the first, and an empty upload of it stays.
    emulator.script(Rule::on("Initiate Multipart Upload").then(Action::ResetBeforeHeaders).effect(Effect::Apply));
    bucket.transfer(parts_of_one_mib("k", source())).await.unwrap();
    assert_eq!((count(&emulator, "Initiate Multipart Upload"), orphans(&emulator)), (2, 1));
    emulator.script(Rule::on("Initiate Multipart Upload").then(Action::status(500, "InternalError")));
    bucket.transfer(parts_of_one_mib("k", source())).await.unwrap();
    let bucket = bucket.with(Overrides::new().max_attempts(1));
    for operation in ["Initiate Multipart Upload", "Upload Part"] {
        for action in [Action::ResetBeforeHeaders, Action::status(503, "ServiceUnavailable")] {
            let begun = orphans(&emulator);
            emulator.script(Rule::on(operation).always().then(action.clone()));
            let error = bucket.transfer(parts_of_one_mib("new", source())).await.unwrap_err();
            let kinds = [ErrorKind::Transport, ErrorKind::Service];
            assert!(kinds.contains(&error.kind()) && error.is_retryable(), "{operation}, {action:?}: {error:#}");
            assert!(!error.may_have_taken_effect() && !error.to_string().contains("unknown"), "{error:#}");
            assert_eq!(orphans(&emulator), begun, "{operation}, {action:?}");
            emulator.clear_script();
        }
    }
}

/// A host that is down for a while fails no transfer: what it repeats it repeats sparingly, until the host is back.
#[tokio::test(start_paused = true)]
async fn a_transfer_outlasts_an_outage() {
    let mem = InMemory::new();
    let bucket = mem.bucket();
    let files = tempfile::tempdir().unwrap();
    for number in 0..200 {
        std::fs::write(files.path().join(number.to_string()), "x").unwrap();
    }
    for action in [Action::status(503, "ServiceUnavailable"), Action::status(503, "SlowDown")] {
        mem.emulator.clear_journal();
        mem.emulator.script(Rule::on(Matcher::any()).always().then(action.clone()));
        let back = async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            let during = mem.emulator.journal().len();
            mem.emulator.clear_script();
            during
        };
        let upload = bucket.transfer(parts_of_one_mib("large", noise(20 * MIB, 1)));
        let tree = bucket.transfer(UploadDirectory::new(files.path(), "tree/"));
        let (upload, tree, during) = tokio::join!(upload, tree, back);
        upload.unwrap();
        let tree = tree.unwrap();
        assert_eq!((tree.transferred, tree.failed), (200, 0), "{action:?}: {:?}", tree.failures);
        // First attempts of what was under way, and what the budget paid for.
        assert!(during < 45 + 500 / 5, "{action:?}: {during} requests");
    }
}

#[tokio::test]
async fn a_cancelled_upload_cleans_up_and_a_paused_one_waits() {
    let emulator = support::emulator().await;
    let bucket = support::bucket(&emulator);
    emulator.script(Rule::on("Upload Part").always().then(Action::StallBeforeHeaders(Duration::from_millis(50))));
    let upload = bucket.transfer(parts_of_one_mib("k", noise(16 * MIB, 1)).concurrency(2));
    let handle = upload.handle();
    let told = Arc::new(AtomicU64::new(0));
    let last = Arc::clone(&told);
    let upload = upload.on_progress(move |progress| last.store(progress.bytes, Ordering::Relaxed));
    let hands = async {
        until("parts", || handle.progress().parts >= 2).await;
        handle.pause();
        // Those under way may not have reached the wire yet.
        tokio::time::sleep(Duration::from_millis(300)).await;
        until("those under way", || count(&emulator, "Upload Part") == handle.progress().parts as usize).await;
        let sent = count(&emulator, "Upload Part");
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(count(&emulator, "Upload Part"), sent, "nothing begins in a pause");
        handle.resume();
        until("more", || count(&emulator, "Upload Part") > sent).await;
        handle.cancel();
    };
    let (outcome, ()) = tokio::join!(upload, hands);
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!((count(&emulator, COMPLETE), orphans(&emulator)), (0, 0));
    assert_eq!(told.load(Ordering::Relaxed), handle.progress().bytes);

    // In the pause before the end, and in the making of the object, which is not held up.
    emulator.clear_script();
    emulator.clear_journal();
    emulator.script(Rule::on(COMPLETE).then(Action::Delay(Duration::from_millis(300))));
    let upload = bucket.transfer(parts_of_one_mib("made", noise(2 * MIB, 1)));
    let handle = upload.handle();
    let (outcome, ()) = tokio::join!(upload, async {
        until("the end", || count(&emulator, COMPLETE) == 1).await;
        handle.cancel();
    });
    let output = outcome.unwrap();
    assert_eq!((output.length, handle.progress().bytes, handle.progress().parts), (2 << 20, 2 << 20, 2));
    assert_eq!(handle.progress().total_parts, Some(2));
}

/// COS may not say for long whether it has begun.
#[tokio::test(start_paused = true)]
async fn an_upload_that_is_cancelled_at_its_beginning_does_not_wait_for_ever() {
    let bytes = noise(2 * MIB, 1);
    let stream = ByteStream::new(None, stream::iter([Ok::<_, Error>(bytes.clone())]));
    for (source, seconds, left) in [(UploadSource::bytes(bytes), 3600, 8), (stream.into(), 5, 0)] {
        let memory = InMemory::new();
        let silent = Action::StallBeforeHeaders(Duration::from_secs(seconds));
        memory.emulator.script(Rule::on("Initiate Multipart Upload").always().then(silent));
        let upload = memory.bucket().transfer(parts_of_one_mib("k", source));
        let handle = upload.handle();
        let (outcome, asked) = tokio::join!(upload, async {
            while count(&memory.emulator, "Initiate Multipart Upload") == 0 {
                tokio::task::yield_now().await;
            }
            handle.cancel();
            tokio::time::Instant::now()
        });
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Cancelled);
        assert!(asked.elapsed() < Duration::from_secs(31), "{:?}", asked.elapsed());
        assert!(orphans(&memory.emulator) <= left, "what is known of is given up");
    }
}

/// What nobody waits for any more may be stored all the same.
#[tokio::test(start_paused = true)]
async fn an_upload_that_is_cancelled_in_its_one_request_may_be_there() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), noise(1000, 1)).unwrap();
    let sources: [UploadSource; 3] = [
        file.path().into(),
        noise(1000, 1).into(),
        ByteStream::new(None, stream::iter([Ok::<_, Error>(noise(1000, 1))])).into(),
    ];
    for source in sources {
        let memory = InMemory::new();
        memory.emulator.script(Rule::on("PUT Object").then(Action::StallBeforeHeaders(Duration::from_secs(20))));
        let upload = memory.bucket().upload("k", source);
        let handle = upload.handle();
        let (outcome, ()) = tokio::join!(upload, async {
            while memory.emulator.object(memory.emulator.bucket(), "k").is_none() {
                tokio::task::yield_now().await;
            }
            handle.cancel();
        });
        let error = outcome.unwrap_err();
        assert_eq!((error.kind(), error.may_have_taken_effect()), (ErrorKind::Cancelled, true), "{error}");
    }
    let upload = InMemory::new().bucket().upload("k", vec![0; 1000]);
    upload.handle().cancel();
    assert!(!upload.await.unwrap_err().may_have_taken_effect());
}

/// Dropped while the upload is begun, and while the object is made.
#[tokio::test]
async fn an_upload_dropped_at_either_end_leaves_an_object_or_nothing() {
    for (operation, object) in [("Initiate Multipart Upload", false), (COMPLETE, true)] {
        let emulator = support::emulator().await;
        emulator.script(Rule::on(operation).then(Action::StallBeforeHeaders(Duration::from_millis(200))));
        let bucket = support::bucket(&emulator);
        let upload = bucket.transfer(parts_of_one_mib("k", noise(2 * MIB, 1)));
        let begun = until("begun", || count(&emulator, operation) == 1);
        assert!(matches!(select(upload, Box::pin(begun)).await, Either::Right(_)), "dropped under way");
        tokio::time::sleep(Duration::from_millis(100)).await;
        until("nothing", || orphans(&emulator) == 0).await;
        until("the verdict", || emulator.object(emulator.bucket(), "k").is_some() == object).await;
        assert_eq!(count(&emulator, "Abort Multipart Upload") > 0, !object);
    }
}

/// 50 uploads, each dropped at a point of its own: after one second no task, no connection and no upload is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_at_any_point_an_upload_leaves_nothing_behind() {
    let seed = Random::seed();
    println!("COS_SEED={seed}");
    let mut random = Random(seed);
    let emulator = support::emulator().await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("source");
    let bytes = noise(5 * MIB, 1);
    fs::write(&path, &bytes).unwrap();
    emulator.script(Rule::on("Upload Part").always().then(Action::ReadRate(20_000_000)));
    for round in 0..5 {
        // Of its own, so that its tasks can be counted.
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let bucket = {
            let _inside = runtime.enter();
            support::bucket(&emulator)
        };
        for point in 0..10 {
            let name = format!("{round}/{point}");
            let source: UploadSource = if point % 2 == 0 {
                path.as_path().into()
            } else {
                ByteStream::new(None, stream::iter([Ok::<_, Error>(bytes.clone())])).into()
            };
            let upload = bucket.transfer(parts_of_one_mib(&name, source).concurrency(2));
            let after = Duration::from_micros(random.below(700_000));
            runtime.spawn(async move { tokio::time::timeout(after, upload).await.map(|output| output.unwrap()) });
        }
        drop(bucket);
        let metrics = runtime.metrics();
        tokio::time::sleep(Duration::from_millis(700)).await;
        // The transport on hyper has a task of its own that tidies idle connections, and ends a while after its client.
        let tidying = usize::from(support::transport() == Transport::Hyper);
        let tasks = || metrics.num_alive_tasks().saturating_sub(tidying);
        let left = || (tasks(), emulator.open_connections(), orphans(&emulator));
        let mut waited = 0;
        while left() != (0, 0, 0) {
            assert!(waited < 100, "seed {seed}, round {round}: tasks, connections, uploads left: {:?}", left());
            waited += 1;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        for point in 0..10 {
            let object = emulator.object(emulator.bucket(), &format!("{round}/{point}"));
            assert!(object.is_none_or(|object| object.bytes() == bytes), "an object is whole or not there");
        }
        runtime.shutdown_background();
    }
    let made = emulator.journal().iter().filter(|sent| sent.operation == COMPLETE).count();
    assert!(made < 50, "some were dropped");
}

/// The key ends while parts are under way; each part is signed with the key of its time.
#[tokio::test]
async fn an_upload_outlives_its_key() {
    for answer in [ExpiryAnswer::BadRequest, ExpiryAnswer::Forbidden, ExpiryAnswer::RequestHasExpired] {
        let emulator = Arc::new(support::emulator().await);
        let issued = Arc::new(AtomicU64::new(0));
        let (source, counted) = (Arc::clone(&emulator), Arc::clone(&issued));
        let keys = from_fn(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            let key = support::session(&source.mint(Duration::from_secs(3600)));
            async move { Ok::<_, Error>(key) }
        });
        let client = support::client(&emulator).credentials(keys).build().unwrap();
        let bucket = client.bucket(emulator.bucket()).unwrap();
        emulator.script(Rule::on("Upload Part").always().then(Action::StallBeforeHeaders(Duration::from_millis(20))));
        let bytes = noise(12 * MIB, 1);
        let upload = bucket.transfer(parts_of_one_mib("k", bytes.clone()).concurrency(2));
        let handle = upload.handle();
        let (output, ()) = tokio::join!(upload, async {
            until("parts", || handle.progress().parts >= 4).await;
            let current = emulator.journal()[0].key_id.clone().unwrap();
            assert!(emulator.expire(&current, answer));
        });
        assert_eq!(output.unwrap().parts, 12);
        assert!(emulator.object(emulator.bucket(), "k").unwrap().bytes() == bytes);
        assert_eq!(issued.load(Ordering::Relaxed), 2, "one at first, one when that ended");
    }
}

#[tokio::test(start_paused = true)]
async fn old_uploads_are_listed_and_given_up_and_young_ones_stay() {
    let memory = InMemory::new();
    let bucket = memory.bucket();
    let begin = async |name: &str| bucket.send(InitiateMultipartUpload::new(key(name))).await.unwrap().upload_id;
    let old = [begin("a/1").await, begin("a/1").await, begin("b/ü+ 2").await];
    memory.clock.jump(3600);
    let young = begin("a/2").await;
    let ids = async |age, prefix: &str| {
        let found: Vec<_> = bucket.orphans(age).prefix(prefix).list().try_collect().await.unwrap();
        found.into_iter().map(|upload| upload.upload_id).collect::<Vec<_>>()
    };
    let hour = Duration::from_secs(3600);
    assert_eq!(ids(hour, "").await, old);
    assert_eq!(ids(hour, "a/").await, old[..2]);
    assert_eq!(ids(Duration::ZERO, "").await.len(), 4);
    assert!(ids(Duration::MAX, "").await.is_empty());

    let first = Rule::on("Abort Multipart Upload").then(Action::status(403, "AccessDenied"));
    memory.emulator.script(first);
    let done = bucket.orphans(hour).abort().await.unwrap();
    assert_eq!((done.aborted.len(), done.failed.len()), (2, 1));
    assert_eq!((&*done.failed[0].0.upload_id, done.failed[0].1.status()), (&*old[0], Some(403)));
    // Somebody else ends it at the same time.
    let gone = Rule::on("Abort Multipart Upload").then(Action::status(404, "NoSuchUpload")).effect(Effect::Apply);
    memory.emulator.script(gone);
    let done = bucket.orphans(hour).abort().await.unwrap();
    assert_eq!((done.aborted.len(), done.failed.len()), (1, 0));
    let left = memory.emulator.uploads(memory.emulator.bucket());
    assert_eq!(left.iter().map(|upload| &upload.upload_id).collect::<Vec<_>>(), [&young]);
}

/// In one request, too: what is not as it was when it was looked at ends before its last byte.
#[tokio::test]
async fn a_file_that_changes_within_one_request_becomes_no_object() {
    let append = |path: &Path| OpenOptions::new().append(true).open(path).unwrap().write_all(b"more").unwrap();
    let rewrite =
        |path: &Path| OpenOptions::new().write(true).open(path).unwrap().write_all(&vec![b'B'; 12 * MIB]).unwrap();
    let changes: [Change; 2] = [&append, &rewrite];
    for change in changes {
        let emulator = support::emulator().await;
        let bucket = support::bucket(&emulator);
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs::write(&path, vec![b'A'; 12 * MIB]).unwrap();
        emulator.put_object(emulator.bucket(), "k", "the old object");
        emulator.script(Rule::on("PUT Object").then(Action::ReadRate(8_000_000)));
        let transfer = bucket.upload("k", &*path);
        let handle = transfer.handle();
        let meanwhile = async {
            until("some bytes", || handle.progress().bytes > 0).await;
            change(&path);
        };
        let error = tokio::join!(transfer, meanwhile).0.unwrap_err();
        assert_eq!((error.kind(), error.may_have_taken_effect()), (ErrorKind::Changed, false), "{error}");
        assert_eq!(emulator.object(emulator.bucket(), "k").unwrap().bytes(), "the old object");
    }
}

/// Streams wait for each other; one that gives nothing stops the others no longer than it may.
#[tokio::test(start_paused = true)]
async fn a_source_that_gives_nothing_is_given_up_when_asked() {
    let mem = InMemory::new();
    let bucket = mem.bucket();
    let hello = || stream::iter([Ok::<_, Error>(Bytes::from_static(b"hello"))]);
    let sources = [
        ByteStream::new(None, hello().chain(stream::pending())),
        ByteStream::new(Some(10), hello().chain(stream::pending())),
        ByteStream::new(None, stream::pending::<Result<Bytes, Error>>()),
    ];
    let limit = Duration::from_secs(30);
    let idle = sources.into_iter().map(|source| {
        let source = UploadSource::stream(source).stall_timeout(limit);
        bucket.transfer(Upload::new(key("idle"), source))
    });
    let (near, _far) = tokio::io::duplex(8);
    let reader = UploadSource::reader(None, near).stall_timeout(limit);
    let idle: Vec<_> = idle.chain([bucket.transfer(Upload::new(key("idle"), reader))]).collect();
    let start = tokio::time::Instant::now();
    let idle = futures_util::future::join_all(idle);
    let well = bucket.transfer(Upload::new(key("well"), ByteStream::new(None, hello())));
    let (idle, well) = tokio::join!(idle, well);
    for outcome in idle {
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
        assert!(error.to_string().contains("gave nothing for 30 s"), "{error}");
    }
    well.unwrap();
    assert!(start.elapsed() < limit * 3, "{:?}", start.elapsed());
    assert_eq!(orphans(&mem.emulator), 0);
}

/// By the true clock: pieces without bytes leave a paused one no time to go on.
#[tokio::test]
async fn pieces_without_bytes_are_nothing() {
    let nothing = ByteStream::new(None, stream::repeat_with(|| Ok::<_, Error>(Bytes::new())));
    let source = UploadSource::stream(nothing).stall_timeout(Duration::from_millis(100));
    let error = InMemory::new().bucket().transfer(Upload::new(key("k"), source)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
}
