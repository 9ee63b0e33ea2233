//! Multipart uploads, from Initiate to Complete or Abort.

use bytes::Bytes;
use cos_emulator::Emulator;

use crate::client::{Answer, Ask, HOST, list_of};

const MB: usize = 1024 * 1024;

fn emulator() -> Emulator {
    Emulator::builder().in_memory().unwrap()
}

async fn initiate(emulator: &Emulator, key: &str) -> String {
    let answer = Ask::new(emulator, "POST", &format!("/{key}")).query("uploads", "").send(emulator).await;
    assert_eq!(answer.verdict(), "200");
    answer.element("UploadId").to_owned()
}

fn part(emulator: &Emulator, key: &str, id: &str, number: &str, bytes: impl Into<Bytes>) -> Ask {
    Ask::new(emulator, "PUT", &format!("/{key}")).query("partNumber", number).query("uploadId", id).body(bytes)
}

async fn sent(emulator: &Emulator, key: &str, id: &str, number: &str, bytes: impl Into<Bytes>) -> String {
    let answer = part(emulator, key, id, number, bytes).send(emulator).await;
    assert_eq!(answer.verdict(), "200");
    answer.header("etag").to_owned()
}

fn complete(emulator: &Emulator, key: &str, id: &str, parts: &[(&str, &str)]) -> Ask {
    Ask::new(emulator, "POST", &format!("/{key}")).query("uploadId", id).body(list_of(parts))
}

fn texts(answer: &Answer, name: &str) -> Vec<String> {
    answer.all(name).into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn parts_become_an_object_with_what_initiate_said() {
    let emulator = emulator();
    let start = Ask::new(&emulator, "POST", "/a%20b.png").query("uploads", "");
    let start = start.header("x-cos-meta-note", b"\xff").header("x-cos-storage-class", "STANDARD_IA");
    let started = start.header("x-cos-tagging", "a=1").send(&emulator).await;
    assert_eq!((started.element("Bucket"), started.element("Key")), (emulator.bucket(), "a b.png"));
    let id = started.element("UploadId").to_owned();
    assert!(id.len() == 74 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");

    let key = "a%20b.png";
    let three = sent(&emulator, key, &id, "3", "end").await;
    let wrong = sent(&emulator, key, &id, "2", "to be replaced").await;
    let one = sent(&emulator, key, &id, "1", vec![1; MB]).await;
    let two = sent(&emulator, key, &id, "2", vec![2; MB + 1]).await;
    assert_eq!(three, "\"7f021a1415b86f2d013b2618fb31ae53\"");
    assert_ne!(wrong, two);
    let uploads = emulator.uploads(emulator.bucket());
    assert_eq!((uploads.len(), uploads[0].key.as_str(), &uploads[0].upload_id), (1, "a b.png", &id));
    assert_eq!(uploads[0].parts[1..], [(2, MB as u64 + 1, two.clone()), (3, 3, three.clone())]);

    let bare = two.trim_matches('"');
    let done = complete(&emulator, key, &id, &[("1", &one), ("2", bare), ("3", &three)]);
    let answer = done.send(&emulator).await;
    assert_eq!(answer.verdict(), "200");
    assert!(answer.text().contains(" xmlns=\"http://www.qcloud.com/document/product/436/7751\">"), "{}", answer.text());
    assert_eq!(answer.element("Location"), format!("http://{HOST}/a%20b.png"));
    let etag = answer.element("ETag").replace("&quot;", "\"");
    assert!(etag.len() == 36 && etag.ends_with("-3\""), "{etag}");
    assert_eq!(done.send(&emulator).await.verdict(), "404 NoSuchUpload");
    assert!(emulator.uploads(emulator.bucket()).is_empty());

    let stored = emulator.object(emulator.bucket(), "a b.png").unwrap();
    let whole = [vec![1; MB], vec![2; MB + 1], b"end".to_vec()].concat();
    assert_eq!((stored.bytes().as_ref(), stored.etag()), (whole.as_slice(), etag.as_str()));
    assert_eq!((stored.header("content-type"), stored.metadata()[0].1.as_ref()), (Some("image/png"), &b"\xff"[..]));
    assert_eq!((stored.storage_class(), stored.tags().len()), ("STANDARD_IA", 1));
    let put = Ask::new(&emulator, "PUT", "/same").body(whole.clone()).send(&emulator).await;
    // A copy was never parts: its ETag is the hash of its bytes.
    let copy = Ask::new(&emulator, "PUT", "/copy").header("x-cos-copy-source", format!("{HOST}/a%20b.png"));
    assert_eq!(copy.send(&emulator).await.element("ETag").replace("&quot;", "\""), put.header("etag"));
    assert_eq!(answer.header("x-cos-hash-crc64ecma"), put.header("x-cos-hash-crc64ecma"));
    let range = format!("bytes={}-{}", MB - 2, 2 * MB + 2);
    let middle = Ask::new(&emulator, "GET", "/a%20b.png").header("range", range).send(&emulator).await;
    assert_eq!((middle.status.as_u16(), middle.body.as_ref()), (206, &whole[MB - 2..2 * MB + 3]));
    assert_eq!(middle.header("x-cos-hash-crc64ecma"), put.header("x-cos-hash-crc64ecma"));
}

#[tokio::test]
async fn what_complete_will_not_take_has_its_own_code() {
    let emulator = emulator();
    let id = initiate(&emulator, "k").await;
    let one = sent(&emulator, "k", &id, "1", vec![1; MB]).await;
    let two = sent(&emulator, "k", &id, "2", vec![2; MB - 1]).await;
    let three = sent(&emulator, "k", &id, "3", "x").await;
    let cdata = list_of(&[("1", &format!("<![CDATA[{one}]]>"))]).replace("&quot;", "\"");
    for (list, verdict) in [
        (list_of(&[("2", &two), ("1", &one)]), "400 InvalidPartOrder"),
        (list_of(&[("1", &one), ("1", &one)]), "400 InvalidPartOrder"),
        (list_of(&[("1", &one), ("4", &one)]), "400 InvalidPart"),
        (list_of(&[("1", &two)]), "400 InvalidPart"),
        (list_of(&[("1", &one), ("3", &three)]), "400 InvalidPart"),
        (list_of(&[("0", &one)]), "400 InvalidPart"),
        (cdata, "400 InvalidPart"),
        (list_of(&[("1", &one), ("2", &two), ("3", &three)]), "400 EntityTooSmall"),
        (list_of(&[("", ""); 0]), "400 MalformedXML"),
        (list_of(&[("one", &one)]), "400 MalformedXML"),
        (list_of(&[("1", "")]), "400 MalformedXML"),
        ("<CompleteMultipartUpload>".to_owned(), "400 MalformedXML"),
        ("<Other/>".to_owned(), "400 MalformedXML"),
        (String::new(), "400 MissingRequestBodyError"),
    ] {
        let ask = Ask::new(&emulator, "POST", "/k").query("uploadId", &id).body(list.clone());
        assert_eq!(ask.send(&emulator).await.verdict(), verdict, "{list}");
    }
    let wrong = complete(&emulator, "k", &id, &[("1", &one)]).header("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==");
    assert_eq!(wrong.send(&emulator).await.verdict(), "400 BadDigest");
    assert!(emulator.object(emulator.bucket(), "k").is_none());
    // A small part at the end is no mistake, and neither are parts that are left out at either end.
    let done = complete(&emulator, "k", &id, &[("2", &two)]);
    assert_eq!(done.send(&emulator).await.verdict(), "200");
    assert_eq!(emulator.object(emulator.bucket(), "k").unwrap().size(), MB as u64 - 1);
}

#[tokio::test]
async fn other_clients_write_the_list_of_parts_in_other_ways() {
    let emulator = emulator();
    let id = initiate(&emulator, "k").await;
    let etag = sent(&emulator, "k", &id, "1", "x").await;
    let list = format!(
        "<?xml version=\"1.0\"?><CompleteMultipartUpload xmlns=\"x\"><Part><ETag>{}</ETag><Size>1</Size>\
         <PartNumber>1</PartNumber></Part></CompleteMultipartUpload>",
        etag.replace('"', "&#34;")
    );
    let ask = Ask::new(&emulator, "POST", "/k").query("uploadId", &id).body(list);
    assert_eq!(ask.send(&emulator).await.verdict(), "200");
}

#[tokio::test]
async fn an_upload_belongs_to_its_key_until_it_ends() {
    let emulator = emulator();
    let id = initiate(&emulator, "k").await;
    let etag = sent(&emulator, "k", &id, "1", "x").await;
    for (key, id) in [("other", id.as_str()), ("k", "0")] {
        let list = Ask::new(&emulator, "GET", &format!("/{key}")).query("uploadId", id);
        let abort = Ask::new(&emulator, "DELETE", &format!("/{key}")).query("uploadId", id);
        for ask in [part(&emulator, key, id, "1", "x"), complete(&emulator, key, id, &[("1", &etag)]), list, abort] {
            assert_eq!(ask.send(&emulator).await.verdict(), "404 NoSuchUpload", "{ask:?}");
        }
    }
    for number in ["0", "10001", "x", ""] {
        assert_eq!(part(&emulator, "k", &id, number, "x").send(&emulator).await.verdict(), "400 InvalidArgument");
    }
    assert_eq!(part(&emulator, "k", &id, "10000", "x").send(&emulator).await.verdict(), "200");
    let no_id = Ask::new(&emulator, "GET", "/k").query("uploadId", "");
    assert_eq!(no_id.send(&emulator).await.verdict(), "400 ListPartUploadIdIsEmpty");
    let bucket = Ask::new(&emulator, "DELETE", "/");
    assert_eq!(bucket.send(&emulator).await.verdict(), "409 BucketNotEmpty");
    let abort = Ask::new(&emulator, "DELETE", "/k").query("uploadId", &id);
    assert_eq!(abort.send(&emulator).await.verdict(), "204");
    assert_eq!(abort.send(&emulator).await.verdict(), "404 NoSuchUpload");
    assert_eq!(part(&emulator, "k", &id, "1", "x").send(&emulator).await.verdict(), "404 NoSuchUpload");
    assert_eq!(bucket.send(&emulator).await.verdict(), "204");
}

#[tokio::test]
async fn digests_and_lengths_of_parts_are_checked() {
    let emulator = emulator();
    let id = initiate(&emulator, "k").await;
    let bad = part(&emulator, "k", &id, "1", "x").header("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==");
    assert_eq!(bad.send(&emulator).await.verdict(), "400 BadDigest");
    let chunked = part(&emulator, "k", &id, "1", "x").header("transfer-encoding", "chunked");
    assert_eq!(chunked.send(&emulator).await.verdict(), "411 MissingContentLength");
    let sample = part(&emulator, "k", &id, "1", "[Object Part]").send(&emulator).await;
    assert_eq!(sample.header("x-cos-hash-crc64ecma"), "4510578591875220731");
    assert_eq!(emulator.uploads(emulator.bucket())[0].parts.len(), 1);
}

#[tokio::test]
async fn an_empty_part_makes_an_empty_object() {
    let emulator = emulator();
    let id = initiate(&emulator, "k").await;
    let etag = sent(&emulator, "k", &id, "1", "").await;
    assert_eq!(complete(&emulator, "k", &id, &[("1", &etag)]).send(&emulator).await.verdict(), "200");
    let get = Ask::new(&emulator, "GET", "/k").send(&emulator).await;
    assert_eq!((get.header("content-length"), get.header("x-cos-hash-crc64ecma")), ("0", "0"));
}

#[tokio::test]
async fn small_parts_can_be_allowed() {
    let emulator = Emulator::builder().small_parts(true).in_memory().unwrap();
    let id = initiate(&emulator, "k").await;
    let (one, two) = (sent(&emulator, "k", &id, "1", "a").await, sent(&emulator, "k", &id, "2", "b").await);
    assert_eq!(complete(&emulator, "k", &id, &[("1", &one), ("2", &two)]).send(&emulator).await.verdict(), "200");
    assert_eq!(emulator.object(emulator.bucket(), "k").unwrap().bytes(), "ab");
}

#[tokio::test]
async fn overwriting_can_be_forbidden_at_both_ends() {
    let emulator = emulator();
    let id = initiate(&emulator, "k").await;
    let etag = sent(&emulator, "k", &id, "1", "x").await;
    emulator.put_object(emulator.bucket(), "k", "first");
    let guarded = |ask: Ask| ask.header("x-cos-forbid-overwrite", "true");
    let start = guarded(Ask::new(&emulator, "POST", "/k").query("uploads", ""));
    assert_eq!(start.send(&emulator).await.verdict(), "409 FileAlreadyExists");
    let done = complete(&emulator, "k", &id, &[("1", &etag)]);
    assert_eq!(guarded(done.clone()).send(&emulator).await.verdict(), "409 FileAlreadyExists");
    assert_eq!(emulator.object(emulator.bucket(), "k").unwrap().bytes(), "first");
    assert_eq!(done.send(&emulator).await.verdict(), "200");
}

#[tokio::test]
async fn parts_are_listed_page_by_page() {
    let emulator = emulator();
    let id = initiate(&emulator, "a%20b").await;
    for number in ["10", "2", "1"] {
        sent(&emulator, "a%20b", &id, number, number.to_owned()).await;
    }
    let list = |marker: &str| {
        let ask = Ask::new(&emulator, "GET", "/a%20b").query("uploadId", &id).query("max-parts", "2");
        ask.query("part-number-marker", marker).query("encoding-type", "url")
    };
    let page = list("").send(&emulator).await;
    assert_eq!((page.element("Bucket"), page.element("Key")), (emulator.bucket(), "a%20b"));
    assert_eq!((page.element("UploadId"), page.element("StorageClass")), (id.as_str(), "STANDARD"));
    assert_eq!((page.element("PartNumberMarker"), page.element("NextPartNumberMarker")), ("0", "2"));
    assert_eq!((page.element("IsTruncated"), page.element("MaxParts")), ("true", "2"));
    assert_eq!((texts(&page, "PartNumber"), texts(&page, "Size")), (vec!["1".into(), "2".into()], vec!["1".into(); 2]));
    assert_eq!(page.element("ETag"), "&quot;c4ca4238a0b923820dcc509a6f75849b&quot;");
    let page = list("2").send(&emulator).await;
    assert_eq!((page.element("IsTruncated"), page.element("NextPartNumberMarker")), ("false", ""));
    assert_eq!(texts(&page, "PartNumber"), ["10"]);
    for marker in ["x", "-1", "+1", "1.0"] {
        assert_eq!(list(marker).send(&emulator).await.verdict(), "400 InvalidArgument", "{marker}");
    }
}

#[tokio::test]
async fn uploads_are_listed_by_key_and_time() {
    let emulator = emulator();
    let mut begun = Vec::new();
    for key in ["b/2", "a", "b/1", "a", "c d"] {
        begun.push(initiate(&emulator, &key.replace(' ', "%20")).await);
    }
    let list = |pairs: &[(&str, &str)]| {
        let ask = Ask::new(&emulator, "GET", "/").query("uploads", "");
        pairs.iter().fold(ask, |ask, (name, value)| ask.query(name, value))
    };
    let all = list(&[]).send(&emulator).await;
    assert_eq!(texts(&all, "Key"), ["a", "a", "b/1", "b/2", "c d"]);
    assert_eq!(texts(&all, "UploadId"), [&begun[1], &begun[3], &begun[2], &begun[0], &begun[4]].map(String::clone));
    assert_eq!((all.element("StorageClass"), all.element("IsTruncated")), ("STANDARD", "false"));
    assert!(all.text().contains(".000Z</Initiated>") && all.text().contains("<KeyMarker/>"), "{}", all.text());
    // One at a time, with the groups in between.
    let (mut key, mut id, mut seen) = (String::new(), String::new(), Vec::new());
    loop {
        let asked = [("max-uploads", "1"), ("delimiter", "/"), ("key-marker", &key), ("upload-id-marker", &id)];
        let page = list(&asked).query("encoding-type", "url").send(&emulator).await;
        assert_eq!(page.element("Encoding-Type"), "url");
        let prefix = page.text().contains("<CommonPrefixes>").then(|| page.all("Prefix")[0].to_owned());
        seen.extend(texts(&page, "Key").into_iter().chain(prefix));
        if page.element("IsTruncated") == "false" {
            break;
        }
        key = page.element("NextKeyMarker").replace("%2F", "/");
        page.element("NextUploadIdMarker").clone_into(&mut id);
    }
    assert_eq!(seen, ["a", "a", "b%2F", "c%20d"]);
    let ignored = list(&[("upload-id-marker", &begun[4]), ("prefix", "b/")]).send(&emulator).await;
    assert_eq!(texts(&ignored, "Key"), ["b/1", "b/2"]);
    // A marker that is gone by now still has its place.
    Ask::new(&emulator, "DELETE", "/a").query("uploadId", &begun[1]).send(&emulator).await;
    let rest = list(&[("key-marker", "a"), ("upload-id-marker", &begun[1])]).send(&emulator).await;
    assert_eq!(texts(&rest, "UploadId")[0], begun[3]);
}

#[tokio::test]
async fn ten_thousand_parts_are_put_together() {
    let emulator = Emulator::builder().small_parts(true).journal(false).in_memory().unwrap();
    let id = initiate(&emulator, "k").await;
    let mut parts = Vec::new();
    for number in 1..=10_000_u32 {
        let number = number.to_string();
        let etag = sent(&emulator, "k", &id, &number, number.clone()).await;
        parts.push((number, etag));
    }
    let list: Vec<(&str, &str)> = parts.iter().map(|(number, etag)| (number.as_str(), etag.as_str())).collect();
    let answer = complete(&emulator, "k", &id, &list).send(&emulator).await;
    assert!(answer.element("ETag").ends_with("-10000&quot;"), "{}", answer.text());
    let whole: String = parts.iter().map(|(number, _)| number.as_str()).collect();
    let get = Ask::new(&emulator, "GET", "/k").send(&emulator).await;
    assert_eq!(get.body, whole);
    let put = Ask::new(&emulator, "PUT", "/same").body(whole).send(&emulator).await;
    assert_eq!(answer.header("x-cos-hash-crc64ecma"), put.header("x-cos-hash-crc64ecma"));
}
