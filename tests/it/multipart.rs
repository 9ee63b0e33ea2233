//! Large objects in parts, versions, appends, copies and deletions by the thousand: operations that build on each other.

use std::io::{BufReader, Write as _};
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use cos_emulator::{Action, Effect, Emulator, Rule};
use futures_util::TryStreamExt as _;
use futures_util::future::join_all;
use sha1::{Digest as _, Sha1};
use tencent_cos::{
    AbortMultipartUpload, AppendObject, Attributes, Body, Bucket, CompleteMultipartUpload, CompletedPart, Conditions,
    CopyObject, CopySource, Crc64, DeleteKey, DeleteObject, DeleteObjects, Error, ErrorKind, GetBucketVersioning,
    GetObject, HeadObject, InitiateMultipartUpload, Integrity, ListMultipartUploads, ListObjectVersions, ListParts,
    ObjectKey, PutBucketVersioning, PutObject, Tags, UploadPart, UploadPartCopy, UploadPartOutput, Versioning,
};

use crate::support::{self, InMemory};

const MIB: u64 = 1024 * 1024;

fn key(text: &str) -> ObjectKey {
    text.parse().expect("a key")
}

fn bytes_of(emulator: &Emulator, key: &str) -> Bytes {
    emulator.object(emulator.bucket(), key).unwrap_or_else(|| panic!("no {key}")).bytes()
}

async fn begin(bucket: &Bucket, name: &str) -> String {
    bucket.send(InitiateMultipartUpload::new(key(name))).await.expect("an upload").upload_id
}

#[track_caller]
fn refused<T>(outcome: Result<T, Error>, status: u16, code: &str) -> Error {
    match outcome {
        Ok(_) => panic!("no {code}"),
        Err(error) => {
            assert_eq!((error.status(), error.code()), (Some(status), Some(code)), "{error}");
            error
        }
    }
}

/// Bytes that repeat nowhere, the same ones in every run.
fn write_file(path: &Path, length: u64) -> ([u8; 20], u64) {
    let (mut hash, mut crc64) = (Sha1::new(), Crc64::new());
    let mut file = std::fs::File::create(path).expect("a file");
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut block = vec![0; 64 * 1024];
    for _ in 0..length / block.len() as u64 {
        for word in block.chunks_exact_mut(8) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            word.copy_from_slice(&state.to_le_bytes());
        }
        hash.update(&block);
        crc64.update(&block);
        file.write_all(&block).expect("room on the disk");
    }
    (hash.finalize().into(), crc64.value())
}

fn hash_of(mut reader: impl std::io::Read) -> [u8; 20] {
    let (mut hash, mut block) = (Sha1::new(), vec![0; 64 * 1024]);
    loop {
        match reader.read(&mut block).expect("bytes") {
            0 => return hash.finalize().into(),
            length => hash.update(&block[..length]),
        }
    }
}

/// 12 MiB; with `COS_FULL` in the environment, 100 MiB.
#[tokio::test]
async fn a_file_goes_up_in_parts_of_any_order_and_comes_down_as_it_was() {
    let (length, part) = if std::env::var_os("COS_FULL").is_some() { (100 * MIB, 5 * MIB) } else { (12 * MIB, MIB) };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.bin");
    let (hash, crc64) = write_file(&path, length);
    let emulator = support::emulator().await;
    let bucket = support::bucket(&emulator);
    let upload_id = begin(&bucket, "large.bin").await;

    // The last ones first, and all of them at once.
    let count = u32::try_from(length.div_ceil(part)).unwrap();
    let parts = (1..=count).rev().map(|number| {
        let offset = u64::from(number - 1) * part;
        let body = Body::file(&path, offset, part.min(length - offset));
        bucket.send(UploadPart::new(key("large.bin"), &upload_id, number, body))
    });
    let mut parts: Vec<UploadPartOutput> = join_all(parts).await.into_iter().collect::<Result<_, _>>().unwrap();
    parts.sort_by_key(|part| part.part_number);
    let whole = parts.iter().fold(0, |whole, part| Crc64::combine(whole, part.sent.crc64, part.sent.length));
    assert_eq!(whole, crc64, "the checksums of the parts make that of the file");

    let listed: Vec<_> = bucket
        .pages(ListParts::new(key("large.bin"), &upload_id).max_parts(5))
        .map_ok(|page| futures_util::stream::iter(page.parts.into_iter().map(Ok::<_, Error>)))
        .try_flatten()
        .try_collect()
        .await
        .unwrap();
    assert!(
        listed
            .iter()
            .map(|part| (part.part_number, &part.etag))
            .eq(parts.iter().map(|part| (part.part_number, &part.etag)))
    );
    assert_eq!(listed.iter().map(|part| part.size).sum::<u64>(), length);

    let complete = CompleteMultipartUpload::new(key("large.bin"), &upload_id, &parts).crc64(whole);
    let done = bucket.send(complete).await.unwrap();
    assert_eq!(done.crc64, Some(crc64));
    assert!(done.etag.ends_with(&format!("-{count}\"")), "{}", done.etag);
    let stored = emulator.object(emulator.bucket(), "large.bin").unwrap();
    assert_eq!((stored.size(), stored.crc64()), (length, Some(crc64)));
    assert_eq!(hash_of(stored.reader()), hash);

    let mut object = bucket.get("large.bin").await.unwrap();
    assert_eq!(object.integrity, Integrity::Crc64(crc64));
    let mut down = Sha1::new();
    while let Some(bytes) = object.body.next().await {
        down.update(bytes.unwrap());
    }
    assert_eq!(<[u8; 20]>::from(down.finalize()), hash);
    assert!(bucket.send(ListMultipartUploads::new()).await.unwrap().uploads.is_empty());
    assert_eq!(hash_of(BufReader::new(std::fs::File::open(&path).unwrap())), hash);
}

#[tokio::test]
async fn parts_are_copied_listed_replaced_and_aborted() {
    let emulator = support::emulator().await;
    let bucket = support::bucket(&emulator);
    let first = Bytes::from(vec![b'a'; usize::try_from(MIB).unwrap()]);
    emulator.put_object(emulator.bucket(), "source", [first.clone(), Bytes::from_static(b"tail")].concat());
    let source = || CopySource::new(bucket.region(), bucket.name(), &key("source"));
    let id = begin(&bucket, "k").await;
    let send = |number: u32, body: Bytes| bucket.send(UploadPart::new(key("k"), &id, number, body));

    let copied = bucket.send(UploadPartCopy::new(key("k"), &id, 1, source()).range(0..MIB)).await.unwrap();
    send(2, Bytes::from_static(b"to be replaced")).await.unwrap();
    let second = send(2, Bytes::from_static(b", and more")).await.unwrap();
    let out_of_range = UploadPartCopy::new(key("k"), &id, 3, source()).range(MIB..MIB + 100);
    refused(bucket.send(out_of_range).await, 416, "InvalidRange");

    let complete = |parts: Vec<CompletedPart>| bucket.send(CompleteMultipartUpload::new(key("k"), &id, parts));
    let wrong = complete(vec![(&copied).into(), CompletedPart::new(2, "\"0123\"")]).await;
    refused(wrong, 400, "InvalidPart");
    // A part before the last has to have a MiB.
    let third = send(3, Bytes::from_static(b"!")).await.unwrap();
    refused(complete(vec![(&second).into(), (&third).into()]).await, 400, "EntityTooSmall");
    // The object is there, and it is not what the caller put together: neither is to be hidden.
    let checked =
        CompleteMultipartUpload::new(key("k"), &id, [(&copied).into(), CompletedPart::from(&second)]).crc64(1);
    let error = bucket.send(checked).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Integrity, 1), "{error}");
    assert!(error.may_have_taken_effect() && error.upload_id() == Some(&id), "{error:?}");
    assert_eq!(bytes_of(&emulator, "k"), [&first[..], b", and more"].concat());
    refused(complete(vec![(&copied).into(), (&second).into()]).await, 404, "NoSuchUpload");

    // Uploads of the same key are apart; aborting one leaves the other.
    let ids = [begin(&bucket, "p/1").await, begin(&bucket, "p/1").await, begin(&bucket, "p/2 & 3").await];
    let uploads = || async {
        let pages = bucket.pages(ListMultipartUploads::new().prefix("p/").max_uploads(1));
        let pages: Vec<_> = pages.try_collect().await.unwrap();
        pages.into_iter().flat_map(|page| page.uploads).map(|upload| (upload.key, upload.upload_id)).collect::<Vec<_>>()
    };
    let mut found = uploads().await;
    found.sort();
    let mut expected = vec![
        ("p/1".to_owned(), ids[0].clone()),
        ("p/1".to_owned(), ids[1].clone()),
        ("p/2 & 3".to_owned(), ids[2].clone()),
    ];
    expected.sort();
    assert_eq!(found, expected);
    bucket.send(AbortMultipartUpload::new(key("p/1"), &ids[0])).await.unwrap();
    assert_eq!(uploads().await.len(), 2);
    let gone = bucket.send(AbortMultipartUpload::new(key("p/1"), &ids[0])).await;
    assert_eq!(refused(gone, 404, "NoSuchUpload").upload_id(), Some(ids[0].as_str()));
    refused(bucket.send(UploadPart::new(key("p/1"), &ids[0], 1, "x")).await, 404, "NoSuchUpload");
    assert!(!bucket.exists("p/1").await.unwrap());
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_before_anything_is_sent() {
    let emulator = support::emulator().await;
    let bucket = support::bucket(&emulator);
    let nowhere = || Body::file("/no/such/file", 0, 1);
    let mut errors = Vec::new();
    let mut note = |field: &'static str, outcome: Option<Error>| errors.push((field, outcome));
    for number in [0, 10_001, u32::MAX] {
        note("part_number", bucket.send(UploadPart::new(key("k"), "id", number, nowhere())).await.err());
        let source = CopySource::new(bucket.region(), bucket.name(), &key("source"));
        note("part_number", bucket.send(UploadPartCopy::new(key("k"), "id", number, source)).await.err());
    }
    let over_5_gib = Body::file("/no/such/file", 0, 5 * 1024 * MIB + 1);
    note("body", bucket.send(UploadPart::new(key("k"), "id", 1, over_5_gib.clone())).await.err());
    note("body", bucket.send(PutObject::new(key("k"), over_5_gib.clone())).await.err());
    note("body", bucket.send(AppendObject::new(key("k"), 5 * 1024 * MIB, "x")).await.err());
    note("upload_id", bucket.send(UploadPart::new(key("k"), "", 1, nowhere())).await.err());
    note("upload_id", bucket.send(ListParts::new(key("k"), "")).await.err());
    note("upload_id", bucket.send(AbortMultipartUpload::new(key("k"), "")).await.err());
    let part = |number| CompletedPart::new(number, "\"etag\"");
    for parts in [
        vec![],
        vec![part(0)],
        vec![part(10_001)],
        vec![part(2), part(1)],
        vec![part(1), part(1)],
        vec![CompletedPart::new(1, "")],
    ] {
        note("parts", bucket.send(CompleteMultipartUpload::new(key("k"), "id", parts)).await.err());
    }
    note("upload_id", bucket.send(CompleteMultipartUpload::new(key("k"), "", [part(1)])).await.err());
    for name in [String::new(), "k".repeat(851), "目".repeat(284), "..".to_owned(), "\u{18}".to_owned()] {
        note("key", ObjectKey::new(&name).err());
        note("key", bucket.put(name.as_str(), "x").await.err());
    }
    let many = |count: usize| DeleteObjects::new((0..count).map(|number| number.to_string()));
    note("keys", bucket.send(many(0)).await.err());
    note("keys", bucket.send(many(1001)).await.err());
    for name in [String::new(), "k".repeat(851), "a\rb".to_owned(), "\u{1}".to_owned()] {
        note("keys", bucket.send(DeleteObjects::new([name])).await.err());
    }
    let with = |attributes: Attributes| InitiateMultipartUpload::new(key("k")).attributes(attributes);
    note("meta", bucket.send(with(Attributes::new().meta("m", "x".repeat(2048)))).await.err());
    note("meta", bucket.send(with(Attributes::new().meta("a b", "x"))).await.err());
    note("content-type", bucket.send(with(Attributes::new().content_type("a\r\nb"))).await.err());
    let tags = (0..11).fold(Tags::new(), |tags, number| tags.tag(number.to_string(), ""));
    note("tags", bucket.send(InitiateMultipartUpload::new(key("k")).tags(tags)).await.err());
    let long = format!("{}-1250000000", "b".repeat(60));
    let real = support::client(&emulator).endpoint(tencent_cos::Endpoint::myqcloud()).build().unwrap();
    note("bucket", real.bucket(long.as_str()).err());
    note("max_parts", bucket.send(ListParts::new(key("k"), "id").max_parts(0)).await.err());
    note("max_uploads", bucket.send(ListMultipartUploads::new().max_uploads(1001)).await.err());
    note("max_keys", bucket.send(ListObjectVersions::new().max_keys(1001)).await.err());

    for (index, (field, error)) in errors.iter().enumerate() {
        let error = error.as_ref().unwrap_or_else(|| panic!("{field}, number {index}, was sent"));
        assert_eq!((error.kind(), error.field()), (ErrorKind::Input, Some(*field)), "{error}");
        assert!(!error.is_retryable() && !error.may_have_taken_effect(), "{error:?}");
    }
    assert!(emulator.journal().is_empty());
    assert_eq!(emulator.accepted_connections(), 0);
}

/// Every version, newest first: its id, whether it is the latest, whether it is a delete marker.
async fn versions(bucket: &Bucket) -> Vec<(String, bool, bool)> {
    let pages: Vec<_> = bucket.pages(ListObjectVersions::new().max_keys(1)).try_collect().await.unwrap();
    let all = pages.into_iter().flat_map(|page| page.versions);
    all.map(|it| (it.version_id.expect("it has one"), it.is_latest, it.is_delete_marker)).collect()
}

#[tokio::test]
async fn a_deleted_version_comes_back_with_the_end_of_its_marker() {
    let emulator = support::emulator().await;
    let bucket = support::bucket(&emulator);
    assert_eq!(bucket.send(GetBucketVersioning::new()).await.unwrap(), None);
    bucket.put("k", "before").await.unwrap();
    bucket.send(PutBucketVersioning::new(Versioning::Enabled)).await.unwrap();
    let put = |body: &'static str| bucket.put("k", body);
    let first = put("one").await.unwrap().version_id.unwrap();
    let second = put("two").await.unwrap().version_id.unwrap();
    let marker = bucket.delete("k").await.unwrap();
    assert!(marker.delete_marker);
    let marker = marker.version_id.unwrap();

    let own = |id: &String, latest, marker| (id.clone(), latest, marker);
    let null = "null".to_owned();
    assert_eq!(
        versions(&bucket).await,
        [own(&marker, true, true), own(&second, false, false), own(&first, false, false), own(&null, false, false)]
    );
    refused(bucket.get("k").await, 404, "NoSuchKey");
    assert!(!bucket.exists("k").await.unwrap());
    for (id, body) in [(&first, "one"), (&second, "two"), (&null, "before")] {
        let object = bucket.send(GetObject::new(key("k")).version_id(id)).await.unwrap();
        assert_eq!(object.bytes(100).await.unwrap(), body);
        let meta = bucket.send(HeadObject::new(key("k")).version_id(id)).await.unwrap();
        assert_eq!(meta.version_id(), Some(id.as_str()));
    }

    // Without the marker the newest version is the object again.
    bucket.send(DeleteObject::new(key("k")).version_id(&marker)).await.unwrap();
    assert_eq!(bucket.get("k").await.unwrap().bytes(100).await.unwrap(), "two");
    assert_eq!(
        versions(&bucket).await,
        [own(&second, true, false), own(&first, false, false), own(&null, false, false)]
    );
    let deleted = bucket.send(DeleteObjects::new([DeleteKey::new("k").version_id(&second), DeleteKey::new("k")])).await;
    let deleted = deleted.unwrap().deleted;
    assert_eq!((deleted[0].version_id.as_ref(), deleted[0].delete_marker), (Some(&second), false));
    assert!(deleted[1].delete_marker && deleted[1].delete_marker_version_id.is_some());
    bucket.send(PutBucketVersioning::new(Versioning::Suspended)).await.unwrap();
    assert_eq!(bucket.send(GetBucketVersioning::new()).await.unwrap(), Some(Versioning::Suspended));
}

#[tokio::test]
async fn an_append_goes_to_the_end_and_nowhere_else() {
    let emulator = support::emulator().await;
    let bucket = support::bucket(&emulator);
    let mut all = Vec::new();
    for piece in ["a", "", "bc", "d".repeat(70_000).leak()] {
        let position = all.len() as u64;
        let appended = bucket.send(AppendObject::new(key("log"), position, piece)).await.unwrap();
        all.extend_from_slice(piece.as_bytes());
        assert_eq!((appended.next_position, appended.crc64), (all.len() as u64, Some(Crc64::of(&all))));
    }
    assert_eq!(bytes_of(&emulator, "log"), all);
    for position in [0, 1, all.len() as u64 + 1] {
        let error = refused(bucket.send(AppendObject::new(key("log"), position, "x")).await, 409, "AppendPositionErr");
        assert!(!error.may_have_taken_effect(), "a guard that held from the first is a plain no");
    }
    refused(bucket.send(AppendObject::new(key("new"), 1, "x")).await, 409, "AppendPositionErr");
    bucket.put("plain", "x").await.unwrap();
    refused(bucket.send(AppendObject::new(key("plain"), 1, "x")).await, 409, "ObjectNotAppendable");
    // Another checksum than expected: the object was not what the caller took it for.
    let wrong = AppendObject::new(key("log"), all.len() as u64, "x").previous_crc64(1);
    let error = bucket.send(wrong).await.unwrap_err();
    assert_eq!((error.kind(), error.may_have_taken_effect()), (ErrorKind::Integrity, true), "{error}");
}

/// The append took effect, its answer was lost, and its repetition is refused by the guard.
#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_an_append_is_found_out_by_the_checksum() {
    let lost = || Rule::on("APPEND Object").then(Action::ResetBeforeHeaders).effect(Effect::Apply);
    let scene = || async {
        let memory = InMemory::new();
        let bucket = memory.bucket();
        bucket.send(AppendObject::new(key("log"), 0, "he")).await.unwrap();
        memory.emulator.clear_journal();
        memory.emulator.script(lost());
        (memory, bucket)
    };
    let operations =
        |memory: &InMemory| memory.emulator.journal().iter().map(|record| record.operation.clone()).collect::<Vec<_>>();

    let (memory, bucket) = scene().await;
    let append = AppendObject::new(key("log"), 2, "llo").previous_crc64(Crc64::of(b"he"));
    let appended = bucket.send(append).await.unwrap();
    assert_eq!((appended.next_position, appended.crc64), (5, Some(Crc64::of(b"hello"))));
    assert_eq!(bytes_of(&memory.emulator, "log"), "hello", "once, not twice");
    assert_eq!(operations(&memory), ["APPEND Object", "APPEND Object", "HEAD Object"]);

    // Who does not know what was there before cannot know whose bytes came after it.
    let (memory, bucket) = scene().await;
    let error = bucket.send(AppendObject::new(key("log"), 2, "llo")).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Ambiguous, Some("AppendPositionErr")), "{error}");
    assert!(error.may_have_taken_effect());
    assert_eq!(bytes_of(&memory.emulator, "log"), "hello");

    // Somebody else was faster, with as many bytes.
    let memory = InMemory::new();
    let bucket = memory.bucket();
    bucket.send(AppendObject::new(key("log"), 0, "he")).await.unwrap();
    memory.emulator.script(Rule::on("APPEND Object").then(Action::ResetBeforeHeaders));
    let append = AppendObject::new(key("log"), 2, "llo").previous_crc64(Crc64::of(b"he"));
    let (ours, theirs) = tokio::join!(bucket.send(append), async {
        let other = memory.bucket();
        tokio::task::yield_now().await;
        other.send(AppendObject::new(key("log"), 2, "xyz")).await
    });
    theirs.unwrap();
    let error = ours.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Ambiguous, "{error}");
    assert_eq!(bytes_of(&memory.emulator, "log"), "hexyz");
}

const ODD: [&str; 14] = [
    "a b+c%2F.txt",
    "a/../b",
    "./c",
    "a//b",
    "/lead",
    "trail/",
    "目录/😀",
    "e\u{301}",
    "<k>&\"'",
    "a?versionId=1&uploads#x",
    "~a*b!'()-_.,:@$[]{}|^`\\",
    "100%",
    "%zz",
    "line\nbreak\ttab",
];

/// Two buckets in two regions, on their own hosts.
fn two_regions() -> (InMemory, [Bucket; 2]) {
    let mut memory = InMemory::new();
    let clock = std::sync::Arc::clone(&memory.clock);
    memory.emulator = Emulator::builder()
        .bucket("here-1250000000", "ap-guangzhou")
        .bucket("there-1250000000", "eu-frankfurt")
        .strict_signature(true)
        .clock(std::sync::Arc::new(move || clock.true_time()))
        .in_memory()
        .expect("the emulator starts");
    let client = memory.client().build().unwrap();
    let there = client.bucket_in("eu-frankfurt", "there-1250000000").unwrap();
    (memory, [client.bucket("here-1250000000").unwrap(), there])
}

#[tokio::test]
async fn odd_keys_are_copied_across_buckets_and_regions() {
    let (memory, [here, there]) = two_regions();
    for name in ODD {
        let body = format!("the object {name:?}");
        memory.emulator.put_object("here-1250000000", name, body.clone());
        let source = CopySource::new(here.region(), here.name(), &key(name));
        let copied = there.send(CopyObject::new(source.clone(), key(name))).await;
        let copied = copied.unwrap_or_else(|error| panic!("{name:?}: {error}"));
        assert_eq!(copied.crc64, Some(Crc64::of(body.as_bytes())), "{name:?}");
        assert_eq!(memory.emulator.object("there-1250000000", name).expect(name).bytes(), body);

        let id = begin(&there, "in parts").await;
        let part = there.send(UploadPartCopy::new(key("in parts"), &id, 1, source)).await;
        let part = part.unwrap_or_else(|error| panic!("{name:?}: {error}"));
        there.send(CompleteMultipartUpload::new(key("in parts"), &id, [&part])).await.unwrap();
        assert_eq!(memory.emulator.object("there-1250000000", "in parts").unwrap().bytes(), body, "{name:?}");
    }
    // The region is part of the name.
    let elsewhere = CopySource::new(there.region(), here.name(), &key("100%"));
    let error = there.send(CopyObject::new(elsewhere, key("k"))).await.unwrap_err();
    assert_eq!(error.code(), Some("NoSuchBucket"), "{error}");
    let missing = CopySource::new(here.region(), here.name(), &key("missing"));
    refused(there.send(CopyObject::new(missing, key("k"))).await, 404, "NoSuchKey");
}

#[tokio::test]
async fn a_copy_takes_the_version_and_minds_the_conditions_it_is_told() {
    let (memory, [here, there]) = two_regions();
    here.send(PutBucketVersioning::new(Versioning::Enabled)).await.unwrap();
    let described = Attributes::new().content_type("text/x-one").meta("who", "one");
    let one = here.send(PutObject::new(key("k"), "one").attributes(described)).await.unwrap();
    let two = here.put("k", "two").await.unwrap();
    let source = || CopySource::new(here.region(), here.name(), &key("k"));
    let bytes = || memory.emulator.object("there-1250000000", "k").unwrap();

    let copied = there.send(CopyObject::new(source(), key("k"))).await.unwrap();
    assert_eq!((copied.source_version_id, bytes().bytes()), (None, "two".into()), "none was asked for");
    let id = one.version_id.clone().unwrap();
    let copied = there.send(CopyObject::new(source().version_id(&id), key("k"))).await.unwrap();
    assert_eq!(copied.source_version_id.as_ref(), Some(&id));
    let stored = bytes();
    assert_eq!((stored.bytes(), stored.header("content-type")), ("one".into(), Some("text/x-one")));
    let meta = there.head("k").await.unwrap();
    assert_eq!(meta.meta("who"), Some("one"), "what describes the source comes along");
    let replacing = CopyObject::new(source().version_id(&id), key("k"))
        .replace_attributes(Attributes::new().content_type("text/x-new").meta("why", "new"));
    there.send(replacing).await.unwrap();
    let meta = there.head("k").await.unwrap();
    assert_eq!((meta.content_type(), meta.meta("who"), meta.meta("why")), (Some("text/x-new"), None, Some("new")));

    let earlier = memory.clock.true_time() - Duration::from_secs(3600);
    let later = memory.clock.true_time() + Duration::from_secs(3600);
    let etag = two.etag.as_str();
    for (conditions, met) in [
        (Conditions::new().if_match(etag), true),
        (Conditions::new().if_match("\"other\""), false),
        (Conditions::new().if_none_match(etag), false),
        (Conditions::new().if_none_match("\"other\""), true),
        (Conditions::new().if_modified_since(earlier), true),
        (Conditions::new().if_unmodified_since(earlier), false),
        (Conditions::new().if_unmodified_since(later), true),
    ] {
        let what = format!("{conditions:?}");
        let copy = there.send(CopyObject::new(source().conditions(conditions.clone()), key("k"))).await;
        let upload_id = begin(&there, "k").await;
        let part = UploadPartCopy::new(key("k"), &upload_id, 1, source().conditions(conditions));
        let part = there.send(part).await;
        if met {
            copy.expect(&what);
            part.expect(&what);
        } else {
            for error in [refused(copy, 412, "PreconditionFailed"), refused(part, 412, "PreconditionFailed")] {
                assert!(error.is_precondition_failed() && !error.is_retryable(), "{what}");
            }
        }
    }
    let taken = there.send(CopyObject::new(source(), key("k")).forbid_overwrite()).await;
    refused(taken, 409, "FileAlreadyExists");
}

#[tokio::test]
async fn a_thousand_objects_go_in_one_request() {
    let emulator = support::emulator().await;
    let bucket = support::bucket(&emulator);
    let name = |number: usize| format!("{}/{number:04}", ODD[number % ODD.len()]);
    let names: Vec<String> = (0..1000).map(name).collect();
    for name in &names {
        emulator.put_object(emulator.bucket(), name, "x");
    }
    emulator.put_object(emulator.bucket(), "stays", "x");
    let answer = bucket.send(DeleteObjects::new(names.clone()).unversioned()).await.unwrap();
    let deleted: Vec<_> = answer.deleted.into_iter().map(|deleted| deleted.key).collect();
    assert_eq!((deleted, answer.failed.len()), (names.clone(), 0));
    let left: Vec<String> = bucket.list("").map_ok(|object| object.key).try_collect().await.unwrap();
    assert_eq!(left, ["stays"]);
    assert_eq!(emulator.journal().iter().filter(|record| record.operation == "DELETE Multiple Objects").count(), 1);
    // What is not there counts as deleted; who asks to be told of failures only is told nothing.
    let quiet = bucket.send(DeleteObjects::new(names).quiet()).await.unwrap();
    assert_eq!((quiet.deleted.len(), quiet.failed.len()), (0, 0));
}

#[tokio::test]
async fn what_could_not_be_deleted_is_told_key_by_key() {
    let emulator = support::emulator().await;
    let bucket = support::bucket(&emulator);
    let body = "<DeleteResult><Deleted><Key>a &amp; b</Key></Deleted>\
        <Error><Key>&lt;k&gt;</Key><VersionId>MTg0</VersionId><Code>AccessDenied</Code><Message>No.</Message></Error>\
        <Deleted><Key>c</Key></Deleted>\
        <Error><Key>InternalError</Key><Code>InternalError</Code><Message>Oops.</Message></Error></DeleteResult>";
    let answer = Action::RawBody { status: 200, headers: Vec::new(), body: body.into() };
    emulator.script(Rule::on("DELETE Multiple Objects").then(answer));
    let keys = DeleteObjects::new(["a & b", "<k>", "c", "InternalError"]).unversioned();
    let answer = bucket.send(keys).await.unwrap();
    assert_eq!(answer.deleted.iter().map(|deleted| deleted.key.as_str()).collect::<Vec<_>>(), ["a & b", "c"]);
    let failed: Vec<_> = answer.failed.iter().map(|failed| (failed.key.as_str(), failed.code.as_str())).collect();
    assert_eq!(failed, [("<k>", "AccessDenied"), ("InternalError", "InternalError")]);
    assert_eq!((answer.failed[0].version_id.as_deref(), answer.failed[0].message.as_str()), (Some("MTg0"), "No."));
    assert_eq!(emulator.journal().len(), 1, "a failed key is an answer, not a reason to ask again");
}
