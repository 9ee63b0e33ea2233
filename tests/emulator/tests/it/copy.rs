//! PUT Object - Copy and Upload Part - Copy.

use cos_emulator::Emulator;

use crate::client::{Ask, HOST, list_of};

const BEIJING: &str = "other-1250000000.cos.ap-beijing.myqcloud.com";

fn emulator() -> Emulator {
    let builder = Emulator::builder().bucket("examplebucket-1250000000", "ap-guangzhou");
    builder.versioned_bucket("other-1250000000", "ap-beijing").in_memory().unwrap()
}

fn copy(emulator: &Emulator, source: &str, target: &str) -> Ask {
    Ask::new(emulator, "PUT", &format!("/{target}")).header("x-cos-copy-source", source)
}

async fn put(emulator: &Emulator, key: &str, body: &'static str) {
    let put = Ask::new(emulator, "PUT", &format!("/{key}")).body(body).header("content-type", "text/x-own");
    let put = put.header("x-cos-meta-note", "kept").header("x-cos-tagging", "a=1").header("x-cos-acl", "public-read");
    assert_eq!(put.header("x-cos-storage-class", "STANDARD_IA").send(emulator).await.verdict(), "200");
}

#[tokio::test]
async fn metadata_and_tags_come_along_and_class_and_acl_do_not() {
    let emulator = emulator();
    put(&emulator, "a%20b%2B", "[Object Content]").await;
    let source = format!("{HOST}/a%20b%2B");
    let asked =
        copy(&emulator, &source, "copy").header("x-cos-meta-ignored", "x").header("content-type", "text/ignored");
    let answer = asked.send(&emulator).await;
    assert_eq!(answer.verdict(), "200");
    assert_eq!(answer.element("ETag"), "&quot;ee8de918d05640145b18f70f4c3aa602&quot;");
    assert_eq!(answer.element("CRC64"), "16749565679157681890");
    assert!(answer.element("LastModified").ends_with('Z') && !answer.text().contains("VersionId"), "{}", answer.text());
    let stored = emulator.object(emulator.bucket(), "copy").unwrap();
    assert_eq!(
        (stored.bytes().as_ref(), stored.header("content-type")),
        (&b"[Object Content]"[..], Some("text/x-own"))
    );
    assert_eq!((stored.metadata().len(), stored.tags().len(), stored.acl()), (1, 1, None));
    assert_eq!((stored.storage_class(), stored.crc64()), ("STANDARD", Some(16_749_565_679_157_681_890)));

    for directive in ["Replaced", "REPLACE", "replaced"] {
        let replaced = copy(&emulator, &source, "copy.png").header("x-cos-metadata-directive", directive);
        let replaced = replaced.header("x-cos-tagging-directive", directive).header("x-cos-meta-other", "new");
        let replaced = replaced.header("x-cos-acl", "private").header("x-cos-storage-class", "ARCHIVE");
        assert_eq!(replaced.send(&emulator).await.verdict(), "200");
        let stored = emulator.object(emulator.bucket(), "copy.png").unwrap();
        assert_eq!(
            (stored.header("content-type"), stored.metadata()[0].0.as_str()),
            (Some("image/png"), "x-cos-meta-other")
        );
        assert_eq!((stored.tags().len(), stored.acl(), stored.storage_class()), (0, Some("private"), "ARCHIVE"));
    }
    let unknown = copy(&emulator, &source, "copy").header("x-cos-metadata-directive", "Move");
    assert_eq!(unknown.send(&emulator).await.verdict(), "400 InvalidArgument");
}

#[tokio::test]
async fn a_copy_goes_across_buckets_regions_and_versions() {
    let emulator = emulator();
    let old = Ask::new(&emulator, "PUT", "/k").host(BEIJING).body("old").send(&emulator).await;
    Ask::new(&emulator, "PUT", "/k").host(BEIJING).body("new").send(&emulator).await;
    let old = old.header("x-cos-version-id");
    for (source, wanted) in [
        (format!("{BEIJING}/k"), "new"),
        (format!("{BEIJING}/k?versionId={old}"), "old"),
        (format!("{BEIJING}/k?versionId="), "new"),
        ("other-1250000000.cos.accelerate.myqcloud.com/k".to_owned(), "new"),
        ("other-1250000000.cos-internal.ap-beijing.tencentcos.cn/k".to_owned(), "new"),
    ] {
        let answer = copy(&emulator, &source, "copy").send(&emulator).await;
        assert_eq!(answer.verdict(), "200", "{source}");
        // Which version was copied is told to those who asked for one.
        assert_eq!(answer.header("x-cos-copy-source-version-id"), if wanted == "old" { old } else { "" }, "{source}");
        assert_eq!(emulator.object(emulator.bucket(), "copy").unwrap().bytes(), wanted, "{source}");
    }
    let start = Ask::new(&emulator, "POST", "/parts").query("uploads", "").send(&emulator).await;
    let part = copy(&emulator, &format!("{BEIJING}/k"), "parts").query("uploadId", start.element("UploadId"));
    let part = part.query("partNumber", "1").send(&emulator).await;
    let newest = emulator.object("other-1250000000", "k").unwrap().version_id();
    assert_eq!(part.header("x-cos-copy-source-version-id"), newest, "of a part it is told always");
    // An old version over the newest: that is how one is brought back.
    let back = copy(&emulator, &format!("{BEIJING}/k?versionId={old}"), "k").host(BEIJING).send(&emulator).await;
    let copied = emulator.object("other-1250000000", "k").unwrap();
    assert_eq!((copied.bytes().as_ref(), copied.version_id().as_str()), (&b"old"[..], back.element("VersionId")));
    assert_eq!(back.header("x-cos-version-id"), "", "the document alone tells it");
    assert_eq!(emulator.versions("other-1250000000", "k").len(), 3);
}

#[tokio::test]
async fn bad_and_missing_sources_are_told_apart() {
    let emulator = emulator();
    put(&emulator, "k", "x").await;
    emulator.put_object("other-1250000000", "gone", "x");
    let marker = Ask::new(&emulator, "DELETE", "/gone").host(BEIJING).send(&emulator).await;
    let marker = format!("{BEIJING}/gone?versionId={}", marker.header("x-cos-version-id"));
    let archived = Ask::new(&emulator, "PUT", "/old").header("x-cos-storage-class", "ARCHIVE").body("x");
    archived.send(&emulator).await;
    for (source, verdict) in [
        ("", "400 InvalidCopySource"),
        ("/examplebucket-1250000000/k", "400 InvalidCopySource"),
        (&format!("http://{HOST}/k"), "400 InvalidCopySource"),
        (&format!("{HOST}:80/k"), "400 InvalidCopySource"),
        (&format!("{HOST}/"), "400 InvalidCopySource"),
        (&format!("{HOST}/k?acl"), "400 InvalidCopySource"),
        (&format!("{HOST}/none"), "404 NoSuchKey"),
        (&format!("{HOST}/k?versionId=MTg0NDUwNDQwNzM3MDk1NTE2MTU"), "404 NoSuchVersion"),
        ("examplebucket-1250000000.cos-website.ap-guangzhou.myqcloud.com/k", "400 InvalidCopySource"),
        ("examplebucket-1250000000.cos.ap-beijing.myqcloud.com/k", "404 NoSuchBucket"),
        ("nobody-1250000000.cos.ap-beijing.myqcloud.com/k", "404 NoSuchBucket"),
        (&format!("{BEIJING}/gone"), "404 NoSuchKey"),
        (&marker, "400 InvalidRequest"),
        (&format!("{HOST}/old"), "403 InvalidObjectState"),
        (&format!("{HOST}/target"), "400 InvalidRequest"),
    ] {
        emulator.put_object(emulator.bucket(), "target", "stays");
        assert_eq!(copy(&emulator, source, "target").send(&emulator).await.verdict(), verdict, "{source}");
        assert_eq!(emulator.object(emulator.bucket(), "target").unwrap().bytes(), "stays");
    }
    let guarded = copy(&emulator, &format!("{HOST}/k"), "target").header("x-cos-forbid-overwrite", "true");
    assert_eq!(guarded.send(&emulator).await.verdict(), "409 FileAlreadyExists");
    let itself = copy(&emulator, &format!("{HOST}/k"), "k").header("x-cos-metadata-directive", "Replaced");
    assert_eq!(itself.send(&emulator).await.verdict(), "200");
    let stored = emulator.object(emulator.bucket(), "k").unwrap();
    assert_eq!((stored.bytes().as_ref(), stored.metadata().len()), (&b"x"[..], 0));
}

#[tokio::test]
async fn conditions_on_the_source_answer_412() {
    let emulator = emulator();
    put(&emulator, "k", "x").await;
    let etag = emulator.object(emulator.bucket(), "k").unwrap().etag().to_owned();
    let (past, future) = ("Sun, 09 Sep 2001 01:46:40 GMT", "Sat, 01 Jan 2050 00:00:00 GMT");
    for (name, value, status) in [
        ("if-match", etag.as_str(), 200),
        ("if-match", "\"other\"", 412),
        ("if-none-match", &etag, 412),
        ("if-none-match", "\"other\"", 200),
        ("if-modified-since", past, 200),
        ("if-modified-since", future, 412),
        ("if-unmodified-since", future, 200),
        ("if-unmodified-since", past, 412),
    ] {
        let ask = copy(&emulator, &format!("{HOST}/k"), "copy").header(&format!("x-cos-copy-source-{name}"), value);
        assert_eq!(ask.send(&emulator).await.status, status, "{name}: {value}");
    }
}

#[tokio::test]
async fn parts_can_be_copied_whole_or_in_part() {
    let emulator = Emulator::builder().small_parts(true).in_memory().unwrap();
    emulator.put_object(emulator.bucket(), "source", "0123456789");
    let start = Ask::new(&emulator, "POST", "/k").query("uploads", "").send(&emulator).await;
    let id = start.element("UploadId");
    let source = format!("{HOST}/source");
    let part = |number: &str, range: &str| {
        let ask = copy(&emulator, &source, "k").query("partNumber", number).query("uploadId", id);
        ask.header("x-cos-copy-source-range", range)
    };
    let mut parts = Vec::new();
    for (number, range, md5) in
        [("1", "", "781e5e245d69b566979b86e28d23f2c7"), ("2", "bytes=3-5", "d81f9c1be2e08964bf9f24b15f0e4900")]
    {
        let answer = part(number, range).send(&emulator).await;
        assert_eq!(answer.verdict(), "200");
        assert_eq!(answer.element("ETag"), format!("&quot;{md5}&quot;"));
        assert_eq!(answer.element("CRC64"), answer.header("x-cos-hash-crc64ecma"));
        parts.push((number, md5));
    }
    assert_eq!(part("3", "bytes=3-10").send(&emulator).await.verdict(), "416 InvalidRange");
    assert_eq!(part("3", "bytes=3-").send(&emulator).await.verdict(), "400 InvalidArgument");
    assert_eq!(part("0", "").send(&emulator).await.verdict(), "400 InvalidArgument");
    for (one, other, verdict) in [
        ("if-match", "if-none-match", "400 InvalidRequest"),
        ("if-none-match", "if-unmodified-since", "400 InvalidRequest"),
        ("if-match", "if-unmodified-since", "412 PreconditionFailed"),
    ] {
        let with = |ask: Ask, name| ask.header(&format!("x-cos-copy-source-{name}"), "\"other\"");
        assert_eq!(with(with(part("3", ""), one), other).send(&emulator).await.verdict(), verdict, "{one}, {other}");
    }
    let failed = part("3", "").header("x-cos-copy-source-if-match", "\"other\"");
    assert_eq!(failed.send(&emulator).await.verdict(), "412 PreconditionFailed");
    // The parts have what they copied, whatever becomes of the source.
    Ask::new(&emulator, "DELETE", "/source").send(&emulator).await;
    assert_eq!(part("3", "").send(&emulator).await.verdict(), "404 NoSuchKey");
    let done = Ask::new(&emulator, "POST", "/k").query("uploadId", id).body(list_of(&parts)).send(&emulator).await;
    assert_eq!(done.verdict(), "200");
    let stored = emulator.object(emulator.bucket(), "k").unwrap();
    assert_eq!((stored.bytes().as_ref(), stored.size()), (&b"0123456789345"[..], 13));
    assert_eq!(part("1", "").send(&emulator).await.verdict(), "404 NoSuchUpload");
}

#[tokio::test]
async fn a_copy_has_a_limit_of_5_gb() {
    let emulator = Emulator::builder().journal(false).in_memory().unwrap();
    emulator.put_object(emulator.bucket(), "16 MB", vec![7; 16 << 20]);
    let start = Ask::new(&emulator, "POST", "/large").query("uploads", "").send(&emulator).await;
    let id = start.element("UploadId");
    let mut parts = Vec::new();
    for number in 1..=321 {
        let ask = copy(&emulator, &format!("{HOST}/16%20MB"), "large").query("uploadId", id);
        let part = ask.query("partNumber", &number.to_string()).send(&emulator).await;
        parts.push((number, part.element("ETag").replace("&quot;", "")));
    }
    Ask::new(&emulator, "POST", "/large").query("uploadId", id).body(list_of(&parts)).send(&emulator).await;
    assert_eq!(emulator.object(emulator.bucket(), "large").unwrap().size(), 321 << 24);
    let whole = copy(&emulator, &format!("{HOST}/large"), "copy");
    assert_eq!(whole.send(&emulator).await.verdict(), "400 EntityTooLarge");
    let tail = Ask::new(&emulator, "GET", "/large").header("range", "bytes=-5").send(&emulator).await;
    assert_eq!((tail.body.as_ref(), tail.header("content-length")), (&[7; 5][..], "5"));
}
