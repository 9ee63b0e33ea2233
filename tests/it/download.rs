//! Downloads: to files, writers and streams, whole or not at all.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use cos_emulator::{Action, Emulator, Matcher, Record, Rule};
use tencent_cos::transfer::{Download, DownloadOutput};
use tencent_cos::{ByteRange, Conditions, Crc64, ErrorKind, Integrity, ObjectKey, PutBucketVersioning, Versioning};
use tokio::io::AsyncWrite;

use crate::support::{self, Random, emulator, noise, until};

pub const MIB: usize = 1024 * 1024;

pub fn gets(emulator: &Emulator) -> Vec<Record> {
    emulator.journal().into_iter().filter(|record| record.operation == "GET Object").collect()
}

pub fn key(name: &str) -> ObjectKey {
    ObjectKey::new(name).unwrap()
}

/// First and last byte, as a request asks for them.
pub fn range(record: &Record) -> (u64, u64) {
    let text = record.headers["range"].to_str().unwrap().strip_prefix("bytes=").unwrap();
    let (first, last) = text.split_once('-').unwrap();
    (first.parse().unwrap(), last.parse().unwrap())
}

pub fn store(emulator: &Emulator, name: &str, length: usize) -> Bytes {
    let bytes = noise(length, length as u64);
    emulator.put_object(emulator.bucket(), name, bytes.clone());
    bytes
}

pub fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The file has these bytes, and nothing else is there.
#[track_caller]
fn is_alone(path: &Path, bytes: &[u8]) {
    assert!(fs::read(path).unwrap() == bytes);
    assert_eq!(names(path.parent().unwrap()), [path.file_name().unwrap().to_str().unwrap()]);
}

#[tokio::test]
async fn a_file_is_what_the_object_is_whatever_its_length() {
    let emulator = emulator().await;
    let bucket = support::bucket(&emulator);
    for (length, part, requests) in [
        (0, None, 2), // of nothing there is no range
        (1, None, 1),
        (8 * MIB, None, 1),
        (8 * MIB + 1, None, 2),
        (40 * MIB, None, 5),
        (5 * MIB + 17, Some(MIB), 6),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        let bytes = store(&emulator, "k", length);
        emulator.clear_journal();
        let download = Download::new(key("k"));
        let download = part.map_or(download.clone(), |part| download.part_size(part as u64));
        let output = bucket.transfer(download.to_path(&path)).await.unwrap();
        is_alone(&path, &bytes);
        assert_eq!(output.bytes, length as u64);
        assert_eq!(output.meta.content_length(), Some(length as u64));
        assert_eq!(output.integrity, Integrity::Crc64(Crc64::of(&bytes)));
        let records = gets(&emulator);
        assert_eq!(records.len(), requests, "{length}");
        // Together the requests ask for each byte once, and all but the first for this very object.
        let mut ranges: Vec<_> =
            records.iter().filter(|record| record.headers.contains_key("range")).map(range).collect();
        ranges.sort_unstable();
        let end = ranges.iter().fold(0, |end, (first, last)| {
            assert_eq!(*first, end);
            last + 1
        });
        assert!(end >= length as u64);
        assert!(records.iter().skip(1).all(|it| length == 0 || it.headers["if-match"] == output.meta.etag()));
    }
}

#[tokio::test]
async fn the_short_verb() {
    let emulator = emulator().await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    let bytes = store(&emulator, "a/b", 100);
    let output: DownloadOutput = support::bucket(&emulator).download("a/b", &path).await.unwrap();
    is_alone(&path, &bytes);
    assert_eq!(output.bytes, 100);
    let bad = support::bucket(&emulator).download("", &path).await.unwrap_err();
    assert_eq!(bad.field(), Some("key"));
    let gone = support::bucket(&emulator).download("none", &path).await.unwrap_err();
    assert!(gone.is_not_found());
    is_alone(&path, &bytes);
}

/// Keeps what is written to it.
#[derive(Clone, Default)]
pub struct Kept(Arc<Mutex<(Vec<u8>, bool)>>);

impl Kept {
    pub fn bytes(&self) -> Bytes {
        self.0.lock().unwrap().0.clone().into()
    }
}

impl AsyncWrite for Kept {
    fn poll_write(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        bytes: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        let some = bytes.len().min(10_000);
        self.0.lock().unwrap().0.extend_from_slice(&bytes[..some]);
        std::task::Poll::Ready(Ok(some))
    }

    fn poll_flush(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        self.0.lock().unwrap().1 = true;
        std::task::Poll::Ready(Ok(()))
    }

    fn poll_shutdown(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        panic!("it is the caller's to shut down")
    }
}

/// And is not called once more while that unwinds.
#[tokio::test]
async fn a_callback_that_panics_is_a_panic_of_who_reads() {
    let emulator = emulator().await;
    store(&emulator, "k", 100_000);
    emulator.script(Rule::on("GET Object").then(Action::SlowBody { bytes_per_second: 300_000 }));
    let transfer = support::bucket(&emulator).transfer(Download::new(key("k")).to_stream());
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&calls);
    let transfer = transfer.on_progress(move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
        panic!("on purpose");
    });
    let mut watch = transfer.handle().watch();
    let reader = tokio::spawn(async move { transfer.await.unwrap().body.bytes(100_000).await });
    let panic = reader.await.unwrap_err().into_panic();
    assert_eq!((panic.downcast_ref(), calls.load(Ordering::Relaxed)), (Some(&"on purpose"), 1));
    while watch.next().await.is_some() {}
}

/// At each moment: when the future ends, nothing is left, or the file is there and it was a success.
#[tokio::test]
async fn cancelled_it_has_cleaned_up_when_it_ends() {
    let emulator = emulator().await;
    let bucket = support::bucket(&emulator);
    let bytes = store(&emulator, "a", 3 * MIB);
    let (mut polls, mut done) = (0_u32, 0);
    while done < 3 {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        let mut transfer = bucket.download("a", &path);
        let handle = transfer.handle();
        let mut left = polls;
        let outcome = std::future::poll_fn(|context| {
            if left == 0 {
                handle.cancel();
            }
            left = left.saturating_sub(1);
            std::pin::Pin::new(&mut transfer).poll(context)
        });
        match outcome.await {
            Ok(_) => {
                is_alone(&path, &bytes);
                done += 1;
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
                assert_eq!(names(directory.path()), [""; 0], "after {polls} polls");
            }
        }
        polls += 1;
    }
    assert!(polls > 5);
}

#[tokio::test]
async fn writers_and_streams_get_the_bytes_in_order() {
    let emulator = emulator().await;
    let bucket = support::bucket(&emulator);
    for (length, part) in [(0, None), (1, None), (3 * MIB, None), (21 * MIB, None), (9 * MIB + 5, Some(MIB))] {
        let bytes = store(&emulator, "k", length);
        let download = Download::new(key("k"));
        let download = part.map_or(download.clone(), |part| download.part_size(part as u64));
        let kept = Kept::default();
        let output = bucket.transfer(download.clone().to_writer(kept.clone())).await.unwrap();
        let (written, flushed) = std::mem::take(&mut *kept.0.lock().unwrap());
        assert!(written == bytes && flushed);
        assert_eq!((output.bytes, output.integrity), (length as u64, Integrity::Crc64(Crc64::of(&bytes))));

        let mut object = bucket.transfer(download.to_stream()).await.unwrap();
        assert_eq!(object.body.content_length(), Some(length as u64));
        assert_eq!(object.meta.content_length(), Some(length as u64));
        let mut at = 0;
        while let Some(piece) = object.body.next().await.transpose().unwrap() {
            assert_eq!(piece, bytes.slice(at..at + piece.len()));
            at += piece.len();
        }
        assert_eq!(at, length);
    }
}

/// Ranges are under way before the reader comes to them, and none of them once it is gone.
#[tokio::test]
async fn a_stream_that_is_dropped_stops_what_it_reads_ahead() {
    let emulator = emulator().await;
    let bucket = support::bucket(&emulator);
    store(&emulator, "k", 4 * MIB);
    let stall = Action::StallBeforeHeaders(Duration::from_secs(30));
    emulator.script(Rule::on("GET Object").skip(1).always().then(stall));
    let download = Download::new(key("k")).part_size(MIB as u64).concurrency(3).to_stream();
    let mut object = bucket.transfer(download).await.unwrap();
    object.body.next().await.unwrap().unwrap();
    until("two ranges are under way", || gets(&emulator).len() == 3 && emulator.open_connections() == 3).await;
    drop(object);
    // The first may wait for another request.
    until("they are not", || emulator.open_connections() <= 1).await;
}

#[tokio::test]
async fn a_stream_that_is_paused_begins_no_further_range() {
    let emulator = emulator().await;
    let bytes = store(&emulator, "k", 4 * MIB);
    let download = Download::new(key("k")).part_size(MIB as u64).concurrency(3).to_stream();
    let transfer = support::bucket(&emulator).transfer(download);
    let handle = transfer.handle();
    let mut object = transfer.await.unwrap();
    handle.pause();
    let mut read = Vec::new();
    while read.len() < MIB {
        read.extend_from_slice(&object.body.next().await.unwrap().unwrap());
    }
    assert_eq!((gets(&emulator).len(), read.len()), (1, MIB));
    handle.resume();
    while let Some(piece) = object.body.next().await {
        read.extend_from_slice(&piece.unwrap());
    }
    assert!(read == bytes);
}

/// Whatever the connections do.
#[tokio::test]
async fn broken_connections_are_not_noticed() {
    let seed = Random::seed();
    println!("COS_SEED={seed}");
    let emulator = emulator().await;
    let bucket = support::bucket(&emulator);
    let bytes = store(&emulator, "k", 12 * MIB);
    let mut random = Random(seed);
    for _ in 0..20 {
        let (skip, at) = (random.below(3), random.below(MIB as u64));
        let action = if random.below(2) == 0 { Action::CutBody { at } } else { Action::ResetBody { at } };
        emulator.script(Rule::on("GET Object").skip(skip).then(action));
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    let download = Download::new(key("k")).part_size(MIB as u64);
    bucket.transfer(download.clone().to_path(&path)).await.unwrap();
    is_alone(&path, &bytes);
    let object = bucket.transfer(download.to_stream()).await.unwrap();
    assert!(object.bytes(12 * MIB).await.unwrap() == bytes);
}

#[tokio::test]
async fn a_range_is_what_was_asked_for() {
    let emulator = emulator().await;
    let bucket = support::bucket(&emulator);
    let bytes = store(&emulator, "k", 5 * MIB);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    let five = 5 * MIB as u64;
    let ranges: [(ByteRange, usize, usize); 5] = [
        ((10..3_000_000).into(), 10, 3_000_000),
        ((4_000_000..).into(), 4_000_000, 5 * MIB),
        ((7..=7).into(), 7, 8),
        ((0..five).into(), 0, 5 * MIB),
        ((1..five * 2).into(), 1, 5 * MIB),
    ];
    for (range, first, end) in ranges {
        let download = Download::new(key("k")).part_size(MIB as u64).range(range);
        let output = bucket.transfer(download.clone().to_path(&path)).await.unwrap();
        is_alone(&path, &bytes[first..end]);
        assert_eq!((output.bytes, output.meta.content_length()), ((end - first) as u64, Some(five)));
        assert_eq!(matches!(output.integrity, Integrity::Crc64(_)), (first, end) == (0, 5 * MIB));
        let object = bucket.transfer(download.to_stream()).await.unwrap();
        let got = object.content_range.unwrap();
        assert_eq!((got.first, got.last + 1, got.total), (first as u64, end as u64, five));
        assert!(object.bytes(5 * MIB).await.unwrap() == bytes[first..end]);
    }
    let error = bucket.transfer(Download::new(key("k")).range(five..).to_path(&path)).await.unwrap_err();
    assert_eq!(error.code(), Some("InvalidRange"));
}

#[tokio::test]
async fn bad_options_are_refused_before_any_io() {
    let emulator = emulator().await;
    let bucket = support::bucket(&emulator);
    store(&emulator, "k", 10);
    let download = || Download::new(key("k"));
    for (download, field) in [
        (download().part_size(1000), "part_size"),
        (download().part_size(6 << 30), "part_size"),
        (download().concurrency(0), "concurrency"),
        (download().range(5..5), "range"),
        (download().range(5..8).require_checksum(), "range"),
        (download().conditions(Conditions::new().if_match("a\nb")), "if-match"),
    ] {
        let error = bucket.transfer(download.clone().to_path("/nowhere/x")).await.unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::Input, Some(field)), "{error}");
        let error = bucket.transfer(download.to_stream()).await.unwrap_err();
        assert_eq!(error.field(), Some(field));
    }
    assert!(emulator.journal().is_empty());
}

/// F21, F22.
#[tokio::test]
async fn bytes_are_compared_with_what_cos_summed_up() {
    let emulator = emulator().await;
    let bucket = support::bucket(&emulator);
    let bytes = store(&emulator, "k", 3 * MIB);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    let download = || Download::new(key("k")).part_size(MIB as u64);
    let spoil = |times| {
        emulator.clear_script();
        emulator.clear_journal();
        emulator.script(
            Rule::on(Matcher::operation("GET Object").header("if-match"))
                .times(times)
                .then(Action::CorruptByte { at: 9 }),
        );
    };
    // What was read wrong is read again, once.
    spoil(1);
    let transfer = bucket.transfer(download().to_path(&path));
    let handle = transfer.handle();
    transfer.await.unwrap();
    is_alone(&path, &bytes);
    assert_eq!(gets(&emulator).len(), 6);
    assert_eq!((handle.progress().bytes, handle.progress().parts), (3 << 20, 3));
    fs::write(&path, "old").unwrap();
    spoil(100);
    let error = bucket.transfer(download().to_path(&path)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity, "{error}");
    is_alone(&path, b"old");
    assert_eq!(gets(&emulator).len(), 6);
    spoil(100);
    let error = bucket.transfer(download().to_stream()).await.unwrap().bytes(3 * MIB).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity);
    spoil(100);
    let error = bucket.transfer(download().to_writer(Kept::default())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity);

    emulator.clear_script();
    emulator.script(Rule::on("GET Object").always().then(Action::NoCrc));
    let error = bucket.transfer(download().require_checksum().to_path(&path)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity);
    is_alone(&path, b"old");
    let output = bucket.transfer(download().to_path(&path)).await.unwrap();
    assert!(matches!(output.integrity, Integrity::Unverified(_)));
    is_alone(&path, &bytes);
}

/// F51: the object is replaced while its ranges come in.
#[tokio::test]
async fn two_objects_are_never_mixed() {
    let emulator = emulator().await;
    let bucket = support::bucket(&emulator);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    for new in [8 * MIB, 9 * MIB, 7 * MIB, 100] {
        store(&emulator, "k", 8 * MIB);
        fs::write(&path, "old").unwrap();
        // The first answer is there, and slow; then the object is another.
        emulator.script(Rule::on("GET Object").then(Action::SlowBody { bytes_per_second: 4 << 20 }));
        emulator.clear_journal();
        let download = Download::new(key("k")).part_size(MIB as u64).concurrency(1).to_path(&path);
        let transfer = tokio::spawn(bucket.transfer(download));
        while gets(&emulator).is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        emulator.put_object(emulator.bucket(), "k", noise(new, 99));
        let error = transfer.await.unwrap().unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Changed, false), "{new}: {error}");
        is_alone(&path, b"old");
    }
    // Who answers minds no conditions, and tells another ETag or another length.
    let bytes = store(&emulator, "k", 3 * MIB);
    let etag = emulator.object(emulator.bucket(), "k").unwrap().etag().to_owned();
    for (etag, total) in [("\"other\"", 3 * MIB), (&*etag, 3 * MIB + 1)] {
        let range = format!("bytes {}-{}/{total}", MIB, 2 * MIB - 1);
        let headers = [("etag", etag), ("content-range", &range)].map(|(name, value)| (name.into(), value.into()));
        let body = bytes.slice(MIB..2 * MIB);
        let answer = Action::RawBody { status: 206, headers: headers.into(), body };
        emulator.script(Rule::on("GET Object").skip(1).then(answer));
        let download = Download::new(key("k")).part_size(MIB as u64).concurrency(1).to_path(&path);
        let error = bucket.transfer(download).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Changed, "{etag} {total}: {error}");
        is_alone(&path, b"old");
    }
    // Where versions are kept, the one that was begun is downloaded to its end.
    bucket.send(PutBucketVersioning::new(Versioning::Enabled)).await.unwrap();
    let old = noise(3 * MIB, 5);
    bucket.put("k", old.clone()).await.unwrap();
    let object = bucket.transfer(Download::new(key("k")).part_size(MIB as u64).to_stream()).await.unwrap();
    bucket.put("k", "new").await.unwrap();
    assert!(object.bytes(3 * MIB).await.unwrap() == old);
}

#[cfg(unix)]
mod places {
    use super::*;
    use std::io::ErrorKind as Io;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};

    fn io_kind(error: &tencent_cos::Error) -> Option<Io> {
        let source = std::error::Error::source(error)?;
        source.downcast_ref::<std::io::Error>().map(std::io::Error::kind)
    }

    /// F60: what may stand where the file shall go.
    #[tokio::test]
    async fn only_regular_files_are_replaced_and_links_are_not_followed() {
        let emulator = emulator().await;
        let bucket = support::bucket(&emulator);
        let bytes = store(&emulator, "k", 1000);
        let directory = tempfile::tempdir().unwrap();
        let here = |name: &str| directory.path().join(name);
        fs::create_dir(here("directory")).unwrap();
        fs::write(here("goal"), "goal").unwrap();
        symlink(here("goal"), here("link")).unwrap();
        symlink(here("nowhere"), here("dangling")).unwrap();
        let pipe = std::os::unix::net::UnixListener::bind(here("socket")).unwrap();
        fs::write(here("taken"), "taken").unwrap();
        let before = names(directory.path());
        let to = |name: &str| Download::new(key("k")).to_path(here(name));
        for (job, kind) in [
            (to("directory"), Io::IsADirectory),
            (to("link"), Io::Other),
            (to("dangling"), Io::Other),
            (to("dangling").follow_symlinks(), Io::NotFound),
            (to("socket"), Io::Other),
            (to("taken").forbid_overwrite(), Io::AlreadyExists),
            (to("none/file"), Io::NotFound),
            (to("taken/file"), Io::NotADirectory),
            (Download::new(key("k")).to_path("/dev/null"), Io::Other),
            (Download::new(key("k")).to_path("/"), Io::InvalidInput),
        ] {
            let told = format!("{job:?}");
            let error = bucket.transfer(job).await.expect_err(&told);
            assert_eq!((error.kind(), io_kind(&error)), (ErrorKind::Io, Some(kind)), "{told}: {error:?}");
        }
        assert!(emulator.journal().is_empty(), "nothing is asked for that cannot be written");
        assert_eq!(names(directory.path()), before);
        assert_eq!(fs::read(here("goal")).unwrap(), b"goal");
        drop(pipe);

        bucket.transfer(to("link").follow_symlinks()).await.unwrap();
        assert!(here("link").is_symlink() && fs::read(here("goal")).unwrap() == bytes);
        bucket.transfer(to("new").forbid_overwrite()).await.unwrap();
        assert_eq!(fs::read(here("new")).unwrap(), bytes);
    }

    /// A name that is taken while the download runs stays what it became.
    #[tokio::test]
    async fn a_name_taken_meanwhile_is_not_overwritten() {
        let emulator = emulator().await;
        let bucket = support::bucket(&emulator);
        store(&emulator, "k", 100_000);
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        for checkpoint in [false, true] {
            let _ = fs::remove_file(&path);
            let job = Download::new(key("k")).to_path(&path).forbid_overwrite();
            let marks = tempfile::tempdir().unwrap();
            let job = if checkpoint { job.checkpoint(marks.path()) } else { job };
            emulator.script(Rule::on("GET Object").then(Action::SlowBody { bytes_per_second: 300_000 }));
            let transfer = bucket.transfer(job);
            let taken = path.clone();
            let transfer = transfer.on_progress(move |_| {
                if !taken.exists() {
                    fs::write(&taken, "theirs").unwrap();
                }
            });
            let error = transfer.await.unwrap_err();
            assert_eq!((error.kind(), io_kind(&error)), (ErrorKind::Io, Some(Io::AlreadyExists)), "{error:?}");
            assert_eq!(fs::read(&path).unwrap(), b"theirs");
        }
    }

    #[tokio::test]
    async fn a_file_that_is_replaced_leaves_its_permissions() {
        let emulator = emulator().await;
        let bucket = support::bucket(&emulator);
        store(&emulator, "k", 100);
        let directory = tempfile::tempdir().unwrap();
        let mode = |name: &str| fs::metadata(directory.path().join(name)).unwrap().permissions().mode() & 0o777;
        fs::write(directory.path().join("usual"), "").unwrap();
        bucket.download("k", directory.path().join("new")).await.unwrap();
        assert_eq!(mode("new"), mode("usual"));
        fs::set_permissions(directory.path().join("usual"), fs::Permissions::from_mode(0o640)).unwrap();
        bucket.download("k", directory.path().join("usual")).await.unwrap();
        assert_eq!(mode("usual"), 0o640);
    }

    /// Whoever runs this: root gives the file to another user first, and others give it what is theirs to give.
    #[tokio::test]
    async fn nobody_may_do_more_with_a_file_than_with_the_one_it_replaces() {
        let emulator = emulator().await;
        let bucket = support::bucket(&emulator);
        store(&emulator, "k", 100);
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tool");
        fs::write(&path, "as it was").unwrap();
        let own = fs::metadata(&path).unwrap();
        let group = if chown(&path, Some(1234), Some(4321)).is_ok() { 4321 } else { own.gid() };
        fs::set_permissions(&path, fs::Permissions::from_mode(0o6754)).unwrap();
        bucket.download("k", &path).await.unwrap();
        let now = fs::metadata(&path).unwrap();
        // It is run in the name of nobody but whoever runs it.
        assert_eq!((now.uid(), now.gid(), now.mode() & 0o7777), (own.uid(), group, 0o754));
    }

    #[tokio::test]
    async fn a_file_that_replaces_one_is_private_until_it_is_whole() {
        let emulator = emulator().await;
        let bucket = support::bucket(&emulator);
        store(&emulator, "k", 100_000);
        for checkpoint in [false, true] {
            let directory = tempfile::tempdir().unwrap();
            let (path, marks) = (directory.path().join("file"), tempfile::tempdir().unwrap());
            fs::write(&path, "as it was").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o664)).unwrap();
            let job = Download::new(key("k")).to_path(&path);
            let job = if checkpoint { job.checkpoint(marks.path()) } else { job };
            let modes = Arc::new(Mutex::new(Vec::new()));
            let (seen, there) = (Arc::clone(&modes), directory.path().to_owned());
            emulator.script(Rule::on("GET Object").then(Action::SlowBody { bytes_per_second: 300_000 }));
            let transfer = bucket.transfer(job).on_progress(move |_| {
                let hidden = names(&there).into_iter().filter(|name| name.starts_with('.'));
                let mode = |name| fs::metadata(there.join(name)).unwrap().mode() & 0o777;
                seen.lock().unwrap().extend(hidden.map(mode));
            });
            transfer.await.unwrap();
            let modes = modes.lock().unwrap();
            assert!(!modes.is_empty() && modes.iter().all(|mode| *mode == 0o600), "{modes:?}");
            assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o664);
        }
    }

    /// The name that a temporary file has while the object comes down.
    async fn temporary(emulator: &Emulator, path: &Path) -> std::path::PathBuf {
        let directory = path.parent().unwrap().to_owned();
        let seen = Arc::new(Mutex::new(None));
        let found = Arc::clone(&seen);
        emulator.script(Rule::on("GET Object").then(Action::SlowBody { bytes_per_second: 300_000 }));
        let transfer = support::bucket(emulator).download("k", path).on_progress(move |_| {
            let hidden = names(&directory).into_iter().find(|name| name.starts_with(".cos-"));
            let mut found = found.lock().unwrap();
            *found = found.take().or(hidden.map(|name| directory.join(name)));
        });
        transfer.await.unwrap();
        seen.lock().unwrap().take().expect("a temporary file")
    }

    /// As a process that was killed does.
    #[tokio::test]
    async fn what_is_left_of_a_download_goes_with_the_next_one_to_the_same_file() {
        let emulator = emulator().await;
        let bytes = store(&emulator, "k", 100_000);
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        let left = temporary(&emulator, &path).await;
        fs::write(&left, "left").unwrap();
        support::bucket(&emulator).download("k", directory.path().join("other")).await.unwrap();
        assert!(left.exists(), "it may be of any download but this");
        fs::remove_file(directory.path().join("other")).unwrap();
        assert_eq!(temporary(&emulator, &path).await, left);
        is_alone(&path, &bytes);
        // What is somebody else's stays.
        let elsewhere = tempfile::tempdir().unwrap();
        fs::write(elsewhere.path().join("theirs"), "theirs").unwrap();
        fs::hard_link(elsewhere.path().join("theirs"), &left).unwrap();
        support::bucket(&emulator).download("k", &path).await.unwrap();
        assert_eq!((fs::read(&left).unwrap(), names(directory.path()).len()), (b"theirs".to_vec(), 2));
    }

    #[tokio::test]
    async fn two_downloads_to_one_file_leave_each_other_alone() {
        let emulator = emulator().await;
        let bucket = support::bucket(&emulator);
        let bytes = store(&emulator, "k", 100_000);
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        for stopped in [false, true] {
            let _ = fs::remove_file(&path);
            emulator.script(Rule::on("GET Object").then(Action::SlowBody { bytes_per_second: 300_000 }));
            let slow = tokio::spawn(bucket.download("k", &path));
            until("a temporary file", || names(directory.path()).len() == 1).await;
            let other = bucket.download("k", &path);
            if stopped {
                other.handle().cancel();
                other.await.unwrap_err();
            } else {
                other.await.unwrap();
                assert_eq!(names(directory.path()).len(), 2);
            }
            slow.await.unwrap().unwrap();
            is_alone(&path, &bytes);
        }
    }

    /// Who narrows the rights while it comes down meant them for what comes, too.
    #[tokio::test]
    async fn the_permissions_that_count_are_those_at_the_end() {
        let emulator = emulator().await;
        let bucket = support::bucket(&emulator);
        store(&emulator, "k", 100_000);
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        for there in [true, false] {
            let _ = fs::remove_file(&path);
            if there {
                fs::write(&path, "").unwrap();
            }
            let narrowed = path.clone();
            emulator.script(Rule::on("GET Object").then(Action::SlowBody { bytes_per_second: 300_000 }));
            let transfer = bucket.download("k", &path).on_progress(move |_| {
                if fs::metadata(&narrowed).is_ok_and(|meta| meta.len() > 0) {
                    return;
                }
                fs::write(&narrowed, "").unwrap();
                fs::set_permissions(&narrowed, fs::Permissions::from_mode(0o640)).unwrap();
            });
            transfer.await.unwrap();
            let meta = fs::metadata(&path).unwrap();
            assert_eq!((meta.len(), meta.mode() & 0o777), (100_000, 0o640));
        }
    }

    /// A disk that is too full: in memory there is less than a pebibyte.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_disk_that_is_too_full_says_so_at_once_and_nothing_is_left() {
        let Ok(directory) = tempfile::tempdir_in("/dev/shm") else { return };
        let path = directory.path().join("destination");
        fs::write(&path, "as it was").unwrap();
        let emulator = emulator().await;
        let head = [
            ("content-range", "bytes 0-8388607/1125899906842624"),
            ("content-length", "8388608"),
            ("etag", "\"0123456789abcdef0123456789abcdef\""),
        ];
        let headers = head.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        emulator.script(Rule::on("GET Object").then(Action::RawBody { status: 206, headers, body: "".into() }));
        store(&emulator, "k", 100);
        let error = support::bucket(&emulator).download("k", &path).await.unwrap_err();
        assert_eq!((error.kind(), io_kind(&error)), (ErrorKind::Io, Some(Io::StorageFull)), "{error:?}");
        assert_eq!(emulator.count("GET Object"), 1);
        assert_eq!(fs::read(&path).unwrap(), b"as it was");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    /// Where nobody may write, root included.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn where_nothing_can_be_written_nothing_is_asked_for() {
        let emulator = emulator().await;
        let bucket = support::bucket(&emulator);
        store(&emulator, "k", 100);
        for job in
            [Download::new(key("k")).to_path("/proc/self/file"), Download::new(key("k")).to_path("/proc/self/comm")]
        {
            let error = bucket.transfer(job).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Io, "{error}");
        }
        assert!(emulator.journal().is_empty());
        // A writer that is full.
        let full = tokio::fs::File::options().write(true).open("/dev/full").await.unwrap();
        let error = bucket.transfer(Download::new(key("k")).to_writer(full)).await.unwrap_err();
        assert_eq!((error.kind(), io_kind(&error)), (ErrorKind::Io, Some(Io::StorageFull)), "{error:?}");
    }
}
