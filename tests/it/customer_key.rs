//! Objects that COS encrypts with a key of the caller (SSE-C). The key must come along with everything that reads or
//! writes a byte, or looks at the object: each step that forgets it is refused.

use std::collections::HashSet;
use std::fs;
use std::time::Duration;

use bytes::Bytes;
use cos_emulator::{Action, Effect, Emulator, Matcher, Rule};
use tencent_cos::transfer::{Compare, Download, DownloadDirectory, LargeCopy, Upload, UploadDirectory};
use tencent_cos::{
    Attributes, Bucket, CopyObject, CopySource, Crc64, CustomerKey, Encryption, ErrorKind, GetObject, HeadObject,
    ObjectKey, PutObject, RestoreObject, Restored, StorageClass,
};

use crate::support::{self, count, noise, until};

const MIB: usize = 1024 * 1024;
/// Key and digest of the published examples.
const KEY: &[u8; 32] = b"0123456789ABCDEF0123456789ABCDEF";
const DIGEST: &str = "U5L61r7jcwdNvT7frmUG8g==";
const DIGEST_HEADER: &str = "x-cos-server-side-encryption-customer-key-md5";

fn name() -> ObjectKey {
    "k".parse().expect("a key")
}

fn ours() -> CustomerKey {
    CustomerKey::new(KEY).expect("32 bytes")
}

fn with_ours() -> Encryption {
    Encryption::Customer(ours())
}

async fn rig() -> (Emulator, Bucket) {
    let emulator = support::emulator().await;
    let bucket = support::bucket(&emulator);
    (emulator, bucket)
}

async fn read(bucket: &Bucket, key: &str, with: &CustomerKey) -> Bytes {
    let get = GetObject::new(key.parse().expect("a key")).customer_key(with.clone());
    bucket.send(get).await.expect("the object").bytes(64 * MIB).await.expect("its bytes")
}

#[tokio::test]
async fn an_archived_object_is_restored_with_its_key() {
    let (_emulator, bucket) = rig().await;
    let archive = Attributes::new().storage_class(StorageClass::ARCHIVE);
    bucket.send(PutObject::new(name(), "hello").attributes(archive).encryption(with_ours())).await.unwrap();
    let other = CustomerKey::new([7; 32]).unwrap();
    let error = bucket.send(RestoreObject::new(name(), 1).customer_key(other)).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Service, Some("SsecDecryptHeaderInvalid")));
    bucket.send(RestoreObject::new(name(), 1).customer_key(ours())).await.unwrap();
    let meta = bucket.send(HeadObject::new(name()).customer_key(ours())).await.unwrap();
    assert_eq!(meta.restored(), Some(Restored::Ongoing));
}

#[tokio::test]
async fn who_has_the_key_reads_what_was_written_with_it() {
    let (_emulator, bucket) = rig().await;
    bucket.send(PutObject::new(name(), "hello").encryption(with_ours())).await.unwrap();
    let meta = bucket.send(HeadObject::new(name()).customer_key(ours())).await.unwrap();
    assert_eq!((meta.header(DIGEST_HEADER), meta.crc64()), (Some(DIGEST), Some(Crc64::of(b"hello"))));
    assert_eq!(read(&bucket, "k", &ours()).await, "hello");

    let other = CustomerKey::new([7; 32]).unwrap();
    for get in [GetObject::new(name()), GetObject::new(name()).customer_key(other.clone())] {
        let error = bucket.send(get).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Service, Some("SsecDecryptHeaderInvalid")));
    }

    let source = CopySource::new(bucket.region(), bucket.name(), &name()).customer_key(ours());
    let again = CopyObject::new(source, "again".parse().unwrap()).encryption(Encryption::Customer(other.clone()));
    bucket.send(again).await.unwrap();
    assert_eq!(read(&bucket, "again", &other).await, "hello");
}

/// The look at what is there after an answer was lost needs the key as well.
#[tokio::test]
async fn a_lost_answer_is_found_out() {
    let (emulator, bucket) = rig().await;
    emulator.script(Rule::on("PUT Object").then(Action::ResetBeforeHeaders).effect(Effect::Apply));
    let put = PutObject::new(name(), "hello").encryption(with_ours()).forbid_overwrite();
    assert_eq!(bucket.send(put).await.unwrap().attempts, 2);
    assert_eq!(count(&emulator, "HEAD Object"), 1);

    let complete = Rule::on("Complete Multipart Upload").then(Action::ResetBeforeHeaders).effect(Effect::Apply);
    emulator.script(complete);
    let bytes = noise(3 * MIB, 1);
    let upload = Upload::new("parts".parse().unwrap(), bytes.clone()).part_size(MIB as u64).encryption(with_ours());
    let output = bucket.transfer(upload).await.unwrap();
    assert!(output.reconciled);
    assert_eq!(output.crc64, Some(Crc64::of(&bytes)));
}

#[tokio::test]
async fn transfers_bring_it_with_every_part() {
    let (_emulator, bucket) = rig().await;
    let directory = tempfile::tempdir().unwrap();
    let (source, target) = (directory.path().join("source"), directory.path().join("target"));
    let bytes = noise(5 * MIB + 7, 2);
    fs::write(&source, &bytes).unwrap();
    for part_size in [MIB as u64, 64 * MIB as u64] {
        let upload = Upload::new(name(), source.as_path()).part_size(part_size).encryption(with_ours());
        bucket.transfer(upload).await.unwrap();
        let download = || Download::new(name()).part_size(MIB as u64);
        bucket.transfer(download().customer_key(ours()).to_path(&target)).await.unwrap();
        assert_eq!(fs::read(&target).unwrap(), bytes);
        fs::remove_file(&target).unwrap();
        let error = bucket.transfer(download().to_path(&target)).await.unwrap_err();
        assert_eq!(error.code(), Some("SsecDecryptHeaderInvalid"));
        assert!(!target.exists());
    }

    let other = CustomerKey::new([7; 32]).unwrap();
    for part_size in [MIB as u64, 64 * MIB as u64] {
        let copy = LargeCopy::new(name(), "copy".parse().unwrap()).part_size(part_size).source_customer_key(ours());
        bucket.transfer(copy.clone().encryption(Encryption::Customer(other.clone()))).await.unwrap();
        assert_eq!(read(&bucket, "copy", &other).await, bytes);
        bucket.transfer(copy).await.unwrap();
        assert_eq!(bucket.get("copy").await.unwrap().bytes(64 * MIB).await.unwrap(), bytes);
    }
}

/// A checkpoint remembers which key it was, and not the key.
#[tokio::test]
async fn an_upload_that_was_dropped_goes_on_with_the_same_key_only() {
    let (emulator, bucket) = rig().await;
    let directory = tempfile::tempdir().unwrap();
    let (source, checkpoints) = (directory.path().join("source"), directory.path().join("checkpoints"));
    let bytes = noise(6 * MIB, 3);
    fs::write(&source, &bytes).unwrap();
    let upload = |key: CustomerKey| {
        let upload = Upload::new(name(), source.as_path()).part_size(MIB as u64).concurrency(1);
        upload.checkpoint(&checkpoints).encryption(Encryption::Customer(key))
    };
    let slow = Matcher::operation("Upload Part").query_value("partNumber", "4");
    let stall = || emulator.script(Rule::on(slow.clone()).then(Action::StallBeforeHeaders(Duration::from_secs(30))));
    let begin = async |key: CustomerKey| {
        stall();
        let before = count(&emulator, "Upload Part");
        let running = tokio::spawn(std::future::IntoFuture::into_future(bucket.transfer(upload(key))));
        until("three parts", || count(&emulator, "Upload Part") >= before + 4).await;
        running.abort();
        let _ = running.await;
    };
    begin(ours()).await;
    for entry in fs::read_dir(&checkpoints).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(!text.contains("MDEyMzQ1Njc4OUFCQ0RFRjAx") && !text.contains("0123456789ABCDEF"), "{text}");
    }
    let output = bucket.transfer(upload(ours())).await.unwrap();
    assert_eq!((output.resumed_parts, output.crc64), (3, Some(Crc64::of(&bytes))));
    assert_eq!(read(&bucket, "k", &ours()).await, bytes);

    begin(ours()).await;
    let other = CustomerKey::new([7; 32]).unwrap();
    assert_eq!(bucket.transfer(upload(other.clone())).await.unwrap().resumed_parts, 0);
    assert_eq!(read(&bucket, "k", &other).await, bytes);
    assert_eq!(emulator.uploads(emulator.bucket()).len(), 0);
}

/// A sync looks at an object with the key that its transfer would have.
#[tokio::test]
async fn a_sync_compares_what_only_the_key_shows() {
    let (_emulator, bucket) = rig().await;
    let (there, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(there.path().join("a"), "one").unwrap();
    fs::write(there.path().join("b"), "two").unwrap();
    let up = UploadDirectory::new(there.path(), "d/").each(|_, upload| upload.encryption(with_ours()));
    let up = up.sync(Compare::Crc64);
    let down = DownloadDirectory::new("d/", here.path()).each(|_, download| download.customer_key(ours()));
    let down = down.sync(Compare::Crc64);
    for (changes, transferred, unchanged) in [("two", 2, 0), ("two", 0, 2), ("new", 1, 1)] {
        fs::write(there.path().join("b"), changes).unwrap();
        let reports = [bucket.transfer(up.clone()).await.unwrap(), bucket.transfer(down.clone()).await.unwrap()];
        for report in reports {
            assert_eq!((report.transferred, report.unchanged, report.failed), (transferred, unchanged, 0));
        }
        assert_eq!(fs::read_to_string(here.path().join("b")).unwrap(), changes);
    }
    // What has no key, or another, is replaced.
    let other = Encryption::Customer(CustomerKey::new([7; 32]).unwrap());
    bucket.put("d/a", "one").await.unwrap();
    bucket.send(PutObject::new("d/b".parse().unwrap(), "new").encryption(other)).await.unwrap();
    let down = bucket.transfer(down).await.unwrap();
    let codes: HashSet<_> = down.failures.iter().map(|failure| failure.error.code()).collect();
    assert_eq!(codes, HashSet::from([Some("SSEHeaderNotAllowed"), Some("SsecDecryptHeaderInvalid")]));
    assert_eq!(bucket.transfer(up).await.unwrap().transferred, 2);
    assert_eq!(read(&bucket, "d/a", &ours()).await, "one");
}
