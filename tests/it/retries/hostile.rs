//! Answers nobody should send.

use std::time::Duration;

use bytes::Bytes;
use cos_emulator::{Action, Rule};
use futures_util::TryStreamExt as _;
use tencent_cos::{
    CompleteMultipartUpload, CompletedPart, DeleteObjects, ErrorKind, GetObject, ListMultipartUploads,
    ListObjectVersions, ListObjects, Overrides,
};
use tokio::time::Instant;

use super::{pattern, rig, seconds};
use crate::support::{self, emulator};

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
