//! Uploads of files, bytes and streams.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use cos_emulator::{Action, Emulator, Rule};
use tencent_cos::transfer::{Upload, UploadSource};
use tencent_cos::{Acl, Attributes, ByteStream, Crc64, Encryption, Error, ErrorKind, ObjectKey, Tags, TrafficLimit};

use crate::support::{self, InMemory, count, noise};

pub const MIB: usize = 1024 * 1024;

fn key(text: &str) -> ObjectKey {
    text.parse().expect("a key")
}

/// An upload by parts of 1 MiB.
fn small_parts(name: &str, source: impl Into<UploadSource>) -> Upload {
    Upload::new(key(name), source).part_size(MIB as u64)
}

fn file(directory: &Path, bytes: &[u8]) -> PathBuf {
    let path = directory.join("source");
    std::fs::write(&path, bytes).expect("room on the disk");
    path
}

fn stored(emulator: &Emulator, key: &str) -> Bytes {
    emulator.object(emulator.bucket(), key).unwrap_or_else(|| panic!("no {key}")).bytes()
}

fn no_orphan(emulator: &Emulator) {
    assert_eq!(emulator.uploads(emulator.bucket()).len(), 0, "an upload was left behind");
}

/// Pieces of odd sizes.
fn pieces(bytes: &[u8], length: Option<u64>) -> ByteStream {
    let pieces: Vec<_> = bytes.chunks(300_007).map(Bytes::copy_from_slice).map(Ok::<_, Error>).collect();
    ByteStream::new(length, futures_util::stream::iter(pieces))
}

#[tokio::test]
async fn every_source_of_every_size_arrives_as_it_was() {
    let emulator = support::emulator().await;
    let bucket = support::bucket(&emulator);
    let directory = tempfile::tempdir().unwrap();
    for length in [0, 1, MIB - 1, MIB, MIB + 1, 3 * MIB, 3 * MIB + 5] {
        let bytes = noise(length, 1);
        let known = Some(length as u64);
        let sources: [(&str, UploadSource); 6] = [
            ("file", file(directory.path(), &bytes).into()),
            ("bytes", bytes.clone().into()),
            ("stream", pieces(&bytes, known).into()),
            ("stream of unknown length", pieces(&bytes, None).into()),
            ("reader", UploadSource::reader(known, std::io::Cursor::new(bytes.clone()))),
            ("reader of unknown length", UploadSource::reader(None, std::io::Cursor::new(bytes.clone()))),
        ];
        for (name, source) in sources {
            emulator.clear_journal();
            let output = bucket.transfer(small_parts(name, source)).await;
            let output = output.unwrap_or_else(|error| panic!("{name} of {length}: {error}"));
            assert!(stored(&emulator, name) == bytes, "{name} of {length}");
            assert_eq!((output.length, output.crc64), (length as u64, Some(Crc64::of(&bytes))), "{name} of {length}");
            assert_eq!(output.etag, emulator.object(emulator.bucket(), name).unwrap().etag());
            assert!(!output.request_id().is_empty() && !output.reconciled);
            // Nobody knows of a stream that ends with its first part that it does so, before the part is sent.
            let parts =
                if length > MIB || (length == MIB && name.contains("unknown")) { length.div_ceil(MIB) } else { 0 };
            assert_eq!(output.parts as usize, parts, "{name} of {length}");
            assert_eq!(count(&emulator, "Upload Part"), parts, "{name} of {length}");
            assert_eq!(count(&emulator, "PUT Object"), usize::from(parts == 0), "{name} of {length}");
        }
    }
    no_orphan(&emulator);
}

#[tokio::test]
async fn options_reach_the_object_in_one_request_and_in_parts() {
    let emulator = support::emulator().await;
    let bucket = support::bucket(&emulator);
    for length in [10, 2 * MIB] {
        let upload = || {
            small_parts("k", noise(length, 2))
                .attributes(Attributes::new().content_type("text/x-noise").meta("who", "me"))
                .acl(Acl::public_read())
                .tags(Tags::new().tag("a", "b"))
                .encryption(Encryption::Cos)
                .traffic_limit(TrafficLimit::bits_per_second(838_860_800).unwrap())
                .crc64(Crc64::of(&noise(length, 2)))
        };
        bucket.transfer(upload()).await.unwrap();
        let object = emulator.object(emulator.bucket(), "k").unwrap();
        assert_eq!(object.header("content-type"), Some("text/x-noise"));
        assert_eq!(object.metadata(), [("x-cos-meta-who".to_owned(), Bytes::from_static(b"me"))]);
        assert_eq!((object.acl(), object.tags()), (Some("public-read"), &[("a".to_owned(), "b".to_owned())][..]));
        let limited = emulator.journal().iter().filter(|sent| sent.headers.contains_key("x-cos-traffic-limit")).count();
        assert_eq!(limited, length.div_ceil(MIB), "the requests that carry bytes");
        emulator.clear_journal();

        let error = bucket.transfer(upload().forbid_overwrite()).await.unwrap_err();
        assert_eq!(error.code(), Some("FileAlreadyExists"), "{error}");
        let error = bucket.transfer(upload().crc64(1)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Integrity, "{error}");
        assert_eq!(count(&emulator, "Complete Multipart Upload"), 0);
        no_orphan(&emulator);
        emulator.clear_journal();
    }
    // Taken between the beginning and the end.
    emulator.script(Rule::on("Upload Part").then(Action::StallBeforeHeaders(Duration::from_millis(300))));
    let upload = bucket.transfer(small_parts("taken", noise(2 * MIB, 3)).forbid_overwrite());
    let (ours, theirs) = tokio::join!(upload, async {
        support::until("begun", || count(&emulator, "Upload Part") > 0).await;
        bucket.put("taken", "theirs").await
    });
    theirs.unwrap();
    assert_eq!(ours.unwrap_err().code(), Some("FileAlreadyExists"));
    assert_eq!(stored(&emulator, "taken"), "theirs");
    no_orphan(&emulator);
}

#[tokio::test]
async fn what_cannot_be_is_refused_before_anything_is_sent() {
    let memory = InMemory::new();
    let bucket = memory.bucket();
    let directory = tempfile::tempdir().unwrap();
    let bytes = || noise(2 * MIB, 4);
    let refused = [
        ("part_size", small_parts("k", bytes()).part_size(MIB as u64 - 1)),
        ("part_size", small_parts("k", bytes()).part_size(5 * 1024 * MIB as u64 + 1)),
        ("concurrency", small_parts("k", bytes()).concurrency(0)),
        ("checkpoint", small_parts("k", bytes()).checkpoint(directory.path())),
        ("content-type", small_parts("k", bytes()).attributes(Attributes::new().content_type("a\nb"))),
        ("source", small_parts("k", directory.path())),
        ("length", Upload::new(key("k"), UploadSource::reader(Some(u64::MAX), tokio::io::empty()))),
        ("memory_limit", Upload::new(key("k"), UploadSource::reader(Some(1 << 40), tokio::io::empty()))),
        ("memory_limit", small_parts("k", pieces(&bytes(), None)).part_size(65 * MIB as u64)),
    ];
    for (field, upload) in refused {
        let error = bucket.transfer(upload).await.unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::Input, Some(field)), "{error}");
    }
    let error = bucket.upload("", bytes()).await.unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Input, Some("key")), "{error}");
    let error = bucket.upload("k", directory.path().join("none")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "{error}");
    assert!(memory.emulator.journal().is_empty());
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}
