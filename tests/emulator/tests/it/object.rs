//! PUT, GET, HEAD and DELETE Object.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cos_emulator::Emulator;
use md5::{Digest, Md5};

use crate::client::Ask;

fn emulator() -> Emulator {
    Emulator::builder().in_memory().unwrap()
}

fn put(emulator: &Emulator, key: &str, body: &str) -> Ask {
    Ask::new(emulator, "PUT", &format!("/{key}")).body(body.to_owned())
}

#[tokio::test]
async fn what_was_put_comes_back_with_its_headers() {
    let emulator = emulator();
    let raw = b"caf\xc3\xa9 \xff".as_slice();
    let answer = put(&emulator, "photo.png", "hello world")
        .header("cache-control", "max-age=5")
        .header("x-cos-meta-note", raw)
        .header("x-cos-storage-class", "Standard_IA")
        .header("x-cos-tagging", "a=1&b=%20")
        .header("x-cos-server-side-encryption", "AES256")
        .send(&emulator)
        .await;
    assert_eq!(answer.verdict(), "200");
    assert_eq!(answer.header("etag"), "\"5eb63bbbe01eeed093cb22bb8f5acdc3\"");
    assert_eq!(answer.header("x-cos-hash-crc64ecma"), "5981764153023615706");
    assert_eq!(answer.header("x-cos-server-side-encryption"), "AES256");
    assert_eq!((answer.header("content-length"), answer.header("server")), ("0", "tencent-cos"));

    for method in ["GET", "HEAD"] {
        let answer = Ask::new(&emulator, method, "/photo.png").send(&emulator).await;
        assert_eq!(answer.text(), if method == "GET" { "hello world" } else { "" });
        for (name, value) in [
            ("content-length", "11"),
            ("content-type", "image/png"),
            ("cache-control", "max-age=5"),
            ("x-cos-storage-class", "STANDARD_IA"),
            ("x-cos-tagging-count", "2"),
            ("x-cos-object-type", "normal"),
            ("accept-ranges", "bytes"),
            ("etag", "\"5eb63bbbe01eeed093cb22bb8f5acdc3\""),
            ("x-cos-hash-crc64ecma", "5981764153023615706"),
        ] {
            assert_eq!(answer.header(name), value, "{method} {name}");
        }
        assert_eq!(answer.headers["x-cos-meta-note"].as_bytes(), raw);
        assert!(httpdate::parse_http_date(answer.header("last-modified")).is_ok());
    }
    let stored = emulator.object(emulator.bucket(), "photo.png").unwrap();
    assert_eq!((stored.bytes().as_ref(), stored.size()), (b"hello world".as_slice(), 11));
    assert_eq!(stored.metadata()[0], ("x-cos-meta-note".to_owned(), raw.to_vec().into()));
    assert_eq!((stored.header("content-type"), stored.crc64()), (Some("image/png"), Some(5_981_764_153_023_615_706)));

    let plain = put(&emulator, "plain", "x").send(&emulator).await;
    assert_eq!(plain.verdict(), "200");
    let plain = Ask::new(&emulator, "HEAD", "/plain").send(&emulator).await;
    assert_eq!(plain.header("content-type"), "application/octet-stream");
    assert!(!plain.headers.contains_key("x-cos-storage-class"));
}

#[tokio::test]
async fn digests_are_checked_before_anything_is_stored() {
    let emulator = emulator();
    let md5 = STANDARD.encode(Md5::digest("hello"));
    for (name, value, verdict) in [
        ("content-md5", "not base64", "400 InvalidDigest"),
        ("content-md5", "aGVsbG8=", "400 InvalidDigest"),
        ("content-md5", &STANDARD.encode(Md5::digest("other")), "400 BadDigest"),
        ("x-cos-content-sha1", "00", "400 InvalidSHA1Digest"),
        ("content-md5", &md5, "200"),
        ("x-cos-content-sha1", "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d", "200"),
    ] {
        assert!(emulator.object(emulator.bucket(), "k").is_none());
        let answer = put(&emulator, "k", "hello").header(name, value).send(&emulator).await;
        assert_eq!(answer.verdict(), verdict, "{name}: {value}");
        Ask::new(&emulator, "DELETE", "/k").send(&emulator).await;
    }
}

#[tokio::test]
async fn bad_requests_are_refused_by_their_own_code() {
    let emulator = emulator();
    let long = "k".repeat(851);
    let many: Vec<String> = (0..11).map(|number| format!("{number}=1")).collect();
    for (key, name, value, verdict) in [
        (long.as_str(), "x-cos-meta-a", "1", "400 KeyTooLong"),
        (&long[1..], "x-cos-meta-a", "1", "200"),
        ("a%1Bb", "x-cos-meta-a", "1", "400 InvalidObjectName"),
        ("k", "x-cos-storage-class", "GOLD", "400 NotSupportedStorageClass"),
        ("k", "x-cos-acl", "public-read-write", "400 InvalidArgument"),
        ("k", "x-cos-tagging", "a=1&a=2", "400 InvalidTag"),
        ("k", "x-cos-tagging", &many.join("&"), "400 InvalidTag"),
        ("k", "x-cos-meta-a", &"x".repeat(2050), "400 InvalidArgument"),
        ("k", "x-cos-meta-a_b", "1", "400 InvalidArgument"),
        ("k", "x-cos-meta-", "1", "400 InvalidArgument"),
        ("k", "x-cos-grant-read", "id=\"1\", uin=\"2/3\"", "200"),
        ("k", "x-cos-grant-full-control", "id=\"qcs::cam::uin/1:uin/2\"", "200"),
        ("k", "x-cos-forbid-overwrite", "1", "400 InvalidArgument"),
        ("k", "x-cos-grant-read", "1", "400 InvalidArgument"),
        ("k", "x-cos-grant-read", "id=1", "400 InvalidArgument"),
        ("k", "x-cos-grant-read", "id=\"1\";id=\"2\"", "400 InvalidArgument"),
        ("k", "x-cos-grant-write", "id=\"1\"", "400 InvalidArgument"), // that is for buckets
        ("k", "x-cos-traffic-limit", "5", "400 InvalidArgument"),
        ("k", "content-length", "5368709121", "400 EntityTooLarge"),
        ("k", "content-length", "5", "400 IncompleteBody"),
        ("k", "pic-operations", "{}", "501 NotImplemented"),
    ] {
        let answer = put(&emulator, key, "x").header(name, value).send(&emulator).await;
        assert_eq!(answer.verdict(), verdict, "{name}: {value}");
    }
    for (method, verdict) in [("GET", "400 SSEHeaderNotAllowed"), ("HEAD", "400"), ("PUT", "200")] {
        let ask = Ask::new(&emulator, method, "/k").header("x-cos-server-side-encryption", "AES256");
        assert_eq!(ask.send(&emulator).await.verdict(), verdict, "{method}");
    }
}

#[tokio::test]
async fn a_body_beyond_its_length_is_cut_silently() {
    let emulator = emulator();
    let answer = put(&emulator, "k", "hello").header("content-length", "4").send(&emulator).await;
    assert_eq!(answer.verdict(), "200");
    assert_eq!(emulator.object(emulator.bucket(), "k").unwrap().bytes(), "hell");
}

#[tokio::test]
async fn overwriting_can_be_forbidden() {
    let emulator = emulator();
    let guarded = put(&emulator, "k", "first").header("x-cos-forbid-overwrite", "true");
    assert_eq!(guarded.send(&emulator).await.verdict(), "200");
    assert_eq!(guarded.send(&emulator).await.verdict(), "409 FileAlreadyExists");
    assert_eq!(put(&emulator, "k", "second").send(&emulator).await.verdict(), "200");
    assert_eq!(emulator.object(emulator.bucket(), "k").unwrap().bytes(), "second");
}

#[tokio::test]
async fn ranges_are_exact_and_keep_the_checksum_of_the_whole() {
    let emulator = emulator();
    put(&emulator, "k", "0123456789").send(&emulator).await;
    let get = |range: &str| Ask::new(&emulator, "GET", "/k").header("range", range);
    let part = get("bytes=2-4").send(&emulator).await;
    assert_eq!((part.verdict().as_str(), part.text()), ("206", "234"));
    assert_eq!((part.header("content-range"), part.header("content-length")), ("bytes 2-4/10", "3"));
    let whole = Ask::new(&emulator, "GET", "/k").send(&emulator).await;
    assert_eq!(part.header("x-cos-hash-crc64ecma"), whole.header("x-cos-hash-crc64ecma"));
    assert_eq!(get("bytes=-3").send(&emulator).await.text(), "789");
    let outside = get("bytes=10-").send(&emulator).await;
    assert_eq!(outside.verdict(), "416 InvalidRange");
    assert_eq!(outside.header("content-range"), "bytes */10");
    assert_eq!(get("bytes=0-0,2-2").send(&emulator).await.verdict(), "200");
}

#[tokio::test]
async fn conditions_answer_304_and_412() {
    let emulator = emulator();
    put(&emulator, "k", "x").header("content-type", "text/plain").send(&emulator).await;
    let head = Ask::new(&emulator, "HEAD", "/k").send(&emulator).await;
    let (etag, modified) = (head.header("etag"), head.header("last-modified"));
    let (past, future) = ("Sun, 09 Sep 2001 01:46:40 GMT", "Sat, 01 Jan 2050 00:00:00 GMT");
    for (name, value, status) in [
        ("if-match", etag, 200),
        ("if-match", "\"other\"", 412),
        ("if-none-match", etag, 304),
        ("if-none-match", "*", 304),
        ("if-none-match", "\"other\"", 200),
        ("if-modified-since", modified, 304),
        ("if-modified-since", past, 200),
        ("if-unmodified-since", past, 412),
        ("if-unmodified-since", future, 200),
        ("if-modified-since", "yesterday", 200),
    ] {
        for method in ["GET", "HEAD"] {
            let answer = Ask::new(&emulator, method, "/k").header(name, value).send(&emulator).await;
            assert_eq!(answer.status, status, "{method} {name}: {value}");
            if status == 304 {
                assert_eq!((answer.header("content-length"), answer.text()), ("0", ""));
                let crc64 = head.header("x-cos-hash-crc64ecma");
                let (told, kind) =
                    if method == "GET" { ((etag, crc64), "text/plain") } else { (("", ""), "application/xml") };
                assert_eq!((answer.header("etag"), answer.header("x-cos-hash-crc64ecma")), told, "{method}");
                assert_eq!(answer.header("content-type"), kind, "{method}");
            }
            if status == 412 && method == "GET" {
                assert_eq!(answer.element("Code"), "PreconditionFailed");
            }
        }
    }
    let ranged = Ask::new(&emulator, "GET", "/k").header("range", "bytes=0-").header("if-match", "\"other\"");
    assert_eq!(ranged.send(&emulator).await.verdict(), "412 PreconditionFailed");
}

#[tokio::test]
async fn signed_requests_may_override_response_headers() {
    let emulator = emulator();
    put(&emulator, "k", "x").send(&emulator).await;
    let answer = Ask::new(&emulator, "GET", "/k")
        .query("response-content-type", "text/html; charset=utf-8")
        .query("response-content-disposition", "attachment; filename=\"a b\"")
        .query("response-expires", "never")
        .send(&emulator)
        .await;
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(answer.header("content-disposition"), "attachment; filename=\"a b\"");
    assert_eq!(answer.header("expires"), "never");
}

#[tokio::test]
async fn missing_objects_are_404_with_a_document_and_bare_on_head() {
    let emulator = emulator();
    let answer = Ask::new(&emulator, "GET", "/none").send(&emulator).await;
    assert_eq!(answer.verdict(), "404 NoSuchKey");
    assert_eq!(answer.element("Resource"), "examplebucket-1250000000.cos.ap-guangzhou.myqcloud.com/none");
    let answer = Ask::new(&emulator, "HEAD", "/none").send(&emulator).await;
    assert_eq!((answer.verdict().as_str(), answer.body.len()), ("404", 0));
    assert!(!answer.header("x-cos-request-id").is_empty() && !answer.header("x-cos-trace-id").is_empty());
    assert_eq!(Ask::new(&emulator, "DELETE", "/none").send(&emulator).await.verdict(), "204");
}

#[tokio::test]
async fn archived_objects_must_be_restored_first() {
    let emulator = emulator();
    put(&emulator, "k", "x").header("x-cos-storage-class", "DEEP_ARCHIVE").send(&emulator).await;
    assert_eq!(Ask::new(&emulator, "GET", "/k").send(&emulator).await.verdict(), "403 InvalidObjectState");
    assert_eq!(Ask::new(&emulator, "HEAD", "/k").send(&emulator).await.verdict(), "200");
}

#[tokio::test]
async fn versions_pile_up_and_markers_hide_them() {
    let bucket = "v-1250000000";
    let emulator = Emulator::builder().versioned_bucket(bucket, "ap-guangzhou").in_memory().unwrap();
    let ask = |method| Ask::new(&emulator, method, "/k").host("v-1250000000.cos.ap-guangzhou.myqcloud.com");
    let first = ask("PUT").body("one").send(&emulator).await;
    let guarded = ask("PUT").body("two").header("x-cos-forbid-overwrite", "true").send(&emulator).await;
    assert_eq!(guarded.verdict(), "200");
    let (first, second) = (first.header("x-cos-version-id"), guarded.header("x-cos-version-id"));
    assert_ne!(first, second);
    assert_eq!(ask("GET").send(&emulator).await.text(), "two");
    let old = ask("GET").query("versionId", first).send(&emulator).await;
    assert_eq!((old.text(), old.header("x-cos-version-id")), ("one", first));
    assert_eq!(ask("GET").query("VersionId", first).send(&emulator).await.text(), "one");
    assert_eq!(ask("GET").query("versionId", "").send(&emulator).await.text(), "two");
    assert_eq!(ask("GET").query("versionId", "null").send(&emulator).await.verdict(), "404 NoSuchVersion");

    let deleted = ask("DELETE").send(&emulator).await;
    assert_eq!((deleted.verdict().as_str(), deleted.header("x-cos-delete-marker")), ("204", "true"));
    let marker = deleted.header("x-cos-version-id");
    let hidden = ask("GET").send(&emulator).await;
    assert_eq!((hidden.verdict().as_str(), hidden.header("x-cos-delete-marker")), ("404 NoSuchKey", "true"));
    let listed = ask("GET").query("prefix", "").send(&emulator).await;
    assert_eq!(listed.verdict(), "404 NoSuchKey");

    let undone = ask("DELETE").query("versionId", marker).send(&emulator).await;
    assert_eq!((undone.header("x-cos-version-id"), undone.header("x-cos-delete-marker")), (marker, "true"));
    assert_eq!(ask("GET").send(&emulator).await.text(), "two");
    ask("DELETE").query("versionId", second).send(&emulator).await;
    assert_eq!(emulator.object(bucket, "k").unwrap().bytes(), "one");
}
