//! The verbs of a bucket, over a socket.

use std::time::Duration;

use cos_emulator::{Action, ExpiryAnswer, Rule};
use futures_util::TryStreamExt as _;
use tencent_cos::policy::{Policy, Resource};
use tencent_cos::transfer::UploadSource;
use tencent_cos::{
    AppendObject, Attributes, CompleteMultipartUpload, Conditions, CopyObject, CopySource, Crc64, CreateBucket,
    Credentials, CsvInput, DeleteBucket, DeleteObject, DeleteObjects, Endpoint, Error, ErrorKind, GetObject,
    HeadBucket, InitiateMultipartUpload, Integrity, ListMultipartUploads, ListObjects, ListParts, ObjectKey, PutObject,
    SelectInput, SelectObjectContent, SelectOutput, StorageClass, Transport, UploadPart, UploadPartCopy,
};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _};

use crate::support::{bucket, client, emulator, session};

#[tokio::test]
async fn an_object_is_put_read_listed_and_deleted() {
    let emulator = emulator().await;
    let bucket = bucket(&emulator);
    let attributes = Attributes::new().content_type("text/plain").meta_text("title", "夏の海");
    let put = bucket.send(PutObject::new("a/b c.txt".parse().unwrap(), "hello").attributes(attributes)).await.unwrap();
    assert_eq!(put.crc64, Some(Crc64::of(b"hello")));
    assert_eq!(put.etag, "\"5d41402abc4b2a76b9719d911017c592\"");
    assert!(!put.request_id().is_empty());

    let object = bucket.get("a/b c.txt").await.unwrap();
    assert_eq!(object.integrity, Integrity::Crc64(Crc64::of(b"hello")));
    assert_eq!(object.meta.content_type(), Some("text/plain"));
    assert_eq!(object.meta.meta_text("title").as_deref(), Some("夏の海"));
    assert_eq!(object.bytes(100).await.unwrap(), "hello");

    let meta = bucket.head("a/b c.txt").await.unwrap();
    assert_eq!(meta.content_length(), Some(5));
    assert!(bucket.exists("a/b c.txt").await.unwrap());

    let range = bucket.send(GetObject::new("a/b c.txt".parse().unwrap()).range(1..3)).await.unwrap();
    assert_eq!(range.content_range.unwrap().to_string(), "bytes 1-2/5");
    let range_etag = range.meta.etag().to_owned();
    assert_eq!(range.bytes(100).await.unwrap(), "el");
    for (count, range, bytes) in [(2, "bytes 3-4/5", "lo"), (5, "bytes 0-4/5", "hello"), (6, "bytes 0-4/5", "hello")] {
        let last = bucket.send(GetObject::new("a/b c.txt".parse().unwrap()).last_bytes(count)).await.unwrap();
        assert_eq!(last.content_range.unwrap().to_string(), range);
        assert_eq!(last.bytes(100).await.unwrap(), bytes);
    }

    let unchanged = GetObject::new("a/b c.txt".parse().unwrap()).conditions(Conditions::new().if_none_match(put.etag));
    let error = bucket.send(unchanged).await.unwrap_err();
    assert!(error.is_precondition_failed() && error.status() == Some(304), "{error}");
    // For who hands the answer on.
    let headers = error.service().and_then(|service| service.headers()).unwrap();
    assert_eq!(headers["etag"], range_etag);
    assert!(!format!("{error:?}").contains(&range_etag), "{error:?}");

    bucket.delete("a/b c.txt").await.unwrap();
    assert!(!bucket.exists("a/b c.txt").await.unwrap());
    let error = bucket.get("a/b c.txt").await.unwrap_err();
    assert_eq!((error.code(), error.is_not_found(), error.attempts()), (Some("NoSuchKey"), true, 1));
}

#[tokio::test]
async fn one_attribute_changes_and_the_others_stay() {
    let emulator = emulator().await;
    let bucket = bucket(&emulator);
    let key: ObjectKey = "k".parse().unwrap();
    let attributes = Attributes::new()
        .content_type("text/plain")
        .cache_control("no-cache")
        .storage_class(StorageClass::STANDARD_IA)
        .meta_text("title", "夏の海");
    bucket.send(PutObject::new(key.clone(), "hello").attributes(attributes.clone())).await.unwrap();
    let meta = bucket.head("k").await.unwrap();
    assert_eq!(meta.to_attributes(), Some(attributes.clone()));
    let source = |etag: &str| {
        let conditions = Conditions::new().if_match(etag);
        CopySource::new(bucket.region(), bucket.name(), &key).conditions(conditions)
    };
    let changed = attributes.content_type("text/html");
    let copy = |etag: &str| CopyObject::new(source(etag), key.clone()).replace_attributes(changed.clone());
    assert!(bucket.send(copy("\"other\"")).await.unwrap_err().is_precondition_failed());
    bucket.send(copy(meta.etag())).await.unwrap();
    assert_eq!(bucket.head("k").await.unwrap().to_attributes(), Some(changed.clone()));
}

/// What support asks for first.
#[tokio::test]
async fn an_output_names_its_request() {
    let emulator = emulator().await;
    let bucket = bucket(&emulator);
    let key = |text: &str| text.parse::<ObjectKey>().unwrap();
    macro_rules! named {
        ($operation:expr) => {{
            let output = bucket.send($operation).await.unwrap();
            let record = emulator.journal().pop().unwrap();
            assert!(!record.request_id.is_empty());
            assert_eq!(output.request_id(), record.request_id, "{}", record.operation);
            output
        }};
    }
    named!(HeadBucket::new());
    named!(PutObject::new(key("k"), vec![7; 1024]));
    named!(AppendObject::new(key("log"), 0, "a"));
    named!(CopyObject::new(CopySource::new(bucket.region(), bucket.name(), &key("k")), key("copy")));
    let id = named!(InitiateMultipartUpload::new(key("k"))).upload_id;
    named!(ListMultipartUploads::new());
    named!(UploadPart::new(key("k"), &id, 1, "hello"));
    let source = CopySource::new(bucket.region(), bucket.name(), &key("k"));
    named!(UploadPartCopy::new(key("k"), &id, 2, source));
    let parts = named!(ListParts::new(key("k"), &id)).parts;
    named!(CompleteMultipartUpload::new(key("k"), &id, &parts[..1]));
    assert_eq!(named!(GetObject::new(key("k"))).bytes(10).await.unwrap(), "hello");
    let csv = SelectInput::csv(CsvInput::new());
    named!(SelectObjectContent::new(key("k"), "SELECT * FROM COSObject s", csv, SelectOutput::json()));
    named!(ListObjects::new());
    assert!(named!(DeleteObjects::new([key("copy")])).failed.is_empty());
    named!(DeleteObject::new(key("k")));
    let upload = bucket.upload("up", vec![7; 100]).await.unwrap();
    assert_eq!(upload.request_id(), emulator.journal().pop().unwrap().request_id);
    let directory = tempfile::tempdir().unwrap();
    let download = bucket.download("up", directory.path().join("up")).await.unwrap();
    assert_eq!(download.request_id(), emulator.journal().pop().unwrap().request_id);
}

#[tokio::test]
async fn an_object_is_read_line_by_line_and_never_ends_early() {
    let emulator = emulator().await;
    let bucket = bucket(&emulator);
    let text = "a line\nand another\n".repeat(10_000);
    bucket.put("lines", text.clone()).await.unwrap();
    let mut read = String::new();
    let mut lines = bucket.get("lines").await.unwrap().body.reader().lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        read += &line;
        read.push('\n');
    }
    assert!(read == text);

    emulator.script(Rule::on("GET Object").then(Action::CorruptByte { at: 5 }));
    let mut reader = bucket.get("lines").await.unwrap().body.reader();
    let error = reader.read_to_end(&mut Vec::new()).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
    let error = Error::from(error);
    assert_eq!((error.kind(), error.operation()), (ErrorKind::Integrity, Some("GET Object")));
    assert!(reader.read_u8().await.is_err() && reader.fill_buf().await.is_err());
}

#[tokio::test]
async fn a_source_that_cannot_be_read_fails_the_upload_as_it_failed() {
    let emulator = emulator().await;
    let bucket = bucket(&emulator);
    bucket.put("from", vec![7; 300_000]).await.unwrap();
    emulator.script(Rule::on("GET Object").then(Action::CorruptByte { at: 5 }));
    let source = UploadSource::reader(None, bucket.get("from").await.unwrap().body.reader());
    let error = bucket.upload("to", source).await.unwrap_err();
    assert_eq!((error.kind(), error.operation()), (ErrorKind::Integrity, Some("GET Object")), "{error}");
    assert!(!error.may_have_taken_effect() && !bucket.exists("to").await.unwrap());
}

#[tokio::test]
async fn a_right_that_is_missing_is_told_from_a_key_that_is_wrong() {
    let emulator = emulator().await;
    let own =
        Policy::new().allow::<GetObject>(&Resource::prefix(emulator.region(), emulator.bucket(), "own/").unwrap());
    let key = emulator.mint_with(Duration::from_secs(1800), &own.to_json().unwrap());
    let with =
        |key: Credentials| client(&emulator).credentials(key).build().unwrap().bucket(emulator.bucket()).unwrap();
    let limited = with(session(&key).into());
    assert!(limited.put("own/a", "b").await.unwrap_err().is_access_denied());
    assert!(limited.head("a").await.unwrap_err().is_access_denied());
    let wrong = with(Credentials::permanent(emulator.secret_id(), "wrong").unwrap());
    assert!(!wrong.put("a", "b").await.unwrap_err().is_access_denied());
    emulator.expire(&key.secret_id, ExpiryAnswer::Forbidden);
    let over = limited.put("own/a", "b").await.unwrap_err();
    assert!(over.is_expired_credential() && !over.is_access_denied(), "{over}");
}

#[tokio::test]
async fn a_listing_goes_through_all_pages() {
    let emulator = emulator().await;
    for number in 0..25 {
        emulator.put_object(emulator.bucket(), &format!("p/{number:02} +&<\u{1}"), "x");
    }
    emulator.put_object(emulator.bucket(), "q", "x");
    // a key that no ObjectKey can be
    emulator.put_object(emulator.bucket(), "p/..", "x");
    let bucket = bucket(&emulator);
    let pages: Vec<_> = bucket.pages(ListObjects::new().prefix("p/").max_keys(7)).try_collect().await.unwrap();
    assert_eq!(pages.len(), 4);
    let keys: Vec<_> = bucket.list("p/").map_ok(|object| object.key).try_collect().await.unwrap();
    assert_eq!(keys.len(), 26);
    assert!(keys.is_sorted() && keys[0] == "p/.." && keys[1] == "p/00 +&<\u{1}");
    let folders = bucket.send(ListObjects::new().delimiter("/")).await.unwrap();
    assert_eq!((folders.common_prefixes, folders.objects.len()), (vec!["p/".to_owned()], 1));
}

#[tokio::test]
async fn a_bucket_is_made_and_removed() {
    let emulator = emulator().await;
    // The region stands in the host: the emulator is a proxy here, and sees the real one.
    let hosts = Endpoint::custom("http://{bucket}.cos.{region}.myqcloud.com").unwrap();
    let proxied = client(&emulator).transport(Transport::Reqwest).proxy(&emulator.endpoint());
    let client = proxied.endpoint(hosts).allow_http(true).build().unwrap();
    let bucket = client.bucket_in("ap-shanghai", "other-1250000000").unwrap();
    bucket.send(CreateBucket::new()).await.unwrap();
    assert_eq!(bucket.send(HeadBucket::new()).await.unwrap().region.as_deref(), Some("ap-shanghai"));
    bucket.send(DeleteBucket::new()).await.unwrap();
    assert!(bucket.send(HeadBucket::new()).await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn a_temporary_key_signs_its_token_everywhere() {
    let emulator = emulator().await;
    let key = session(&emulator.mint(Duration::from_secs(1800)));
    let bucket = client(&emulator).credentials(key).build().unwrap().bucket(emulator.bucket()).unwrap();
    bucket.put("k", "hello").await.unwrap();
    assert_eq!(bucket.get("k").await.unwrap().bytes(10).await.unwrap(), "hello");
    let url = bucket.presign_get("k", Duration::from_secs(60)).await.unwrap();
    assert!(url.url.contains("x-cos-security-token="));
    assert!(!format!("{url:?}").contains("q-signature"));
}

#[tokio::test]
async fn one_request_after_another_leaves_nothing_behind() {
    let emulator = emulator().await;
    let bucket = bucket(&emulator);
    bucket.put("k", "hello").await.unwrap();
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    for _ in 0..50 {
        bucket.get("k").await.unwrap().bytes(10).await.unwrap();
    }
    assert!(tasks() <= before + 2, "{before} tasks became {}", tasks());
}
