//! Encryption with a key of the customer. The key and its digest are those of the published examples.

use cos_emulator::Emulator;

use crate::client::{Answer, Ask, HOST};

const KEY: (&str, &str) = ("MDEyMzQ1Njc4OUFCQ0RFRjAxMjM0NTY3ODlBQkNERUY=", "U5L61r7jcwdNvT7frmUG8g==");
const OTHER: (&str, &str) = ("MTEyMzQ1Njc4OUFCQ0RFRjAxMjM0NTY3ODlBQkNERUY=", "3NitV+pb08BFc1XLxbXqow==");
const OBJECT: &str = "x-cos-server-side-encryption-customer-";
const SOURCE: &str = "x-cos-copy-source-server-side-encryption-customer-";
/// Of `[Object Content]`, as the documents give them.
const MD5: &str = "\"ee8de918d05640145b18f70f4c3aa602\"";
const CRC: &str = "16749565679157681890";

fn keyed(ask: Ask, prefix: &str, (key, digest): (&str, &str)) -> Ask {
    let ask = ask.header(&format!("{prefix}algorithm"), "AES256").header(&format!("{prefix}key"), key);
    ask.header(&format!("{prefix}key-MD5"), digest)
}

fn is_described(answer: &Answer) {
    assert_eq!(answer.verdict(), "200", "{}", answer.text());
    let said = |name: &str| answer.header(&format!("{OBJECT}{name}"));
    assert_eq!((said("algorithm"), said("key-MD5"), said("key")), ("AES256", KEY.1, ""));
}

async fn put(emulator: &Emulator, key: &str) -> Answer {
    let put = Ask::new(emulator, "PUT", &format!("/{key}")).body("[Object Content]");
    keyed(put, OBJECT, KEY).send(emulator).await
}

#[tokio::test]
async fn an_object_is_for_those_who_have_its_key() {
    let emulator = Emulator::builder().in_memory().unwrap();
    let stored = put(&emulator, "k").await;
    is_described(&stored);
    assert_eq!((stored.header("x-cos-hash-crc64ecma"), stored.header("etag").len()), (CRC, MD5.len()));
    assert_ne!(stored.header("etag"), MD5);
    for method in ["GET", "HEAD"] {
        let ask = || Ask::new(&emulator, method, "/k");
        let answer = keyed(ask(), OBJECT, KEY).send(&emulator).await;
        is_described(&answer);
        assert_eq!(answer.header("etag"), stored.header("etag"));
        assert_eq!(ask().send(&emulator).await.status, 400);
        assert_eq!(keyed(ask(), OBJECT, OTHER).send(&emulator).await.status, 400);
    }
    assert_eq!(Ask::new(&emulator, "GET", "/k").send(&emulator).await.verdict(), "400 SsecDecryptHeaderInvalid");
    Ask::new(&emulator, "PUT", "/plain").body("x").send(&emulator).await;
    let plain = keyed(Ask::new(&emulator, "GET", "/plain"), OBJECT, KEY).send(&emulator).await;
    assert_eq!(plain.verdict(), "400 SSEHeaderNotAllowed");
}

#[tokio::test]
async fn a_key_is_whole_or_refused() {
    let emulator = Emulator::builder().in_memory().unwrap();
    let put = || Ask::new(&emulator, "PUT", "/k").body("x");
    let halves = [
        put().header(&format!("{OBJECT}key"), KEY.0),
        put().header(&format!("{OBJECT}algorithm"), "AES256").header(&format!("{OBJECT}key"), KEY.0),
        keyed(put(), OBJECT, (KEY.0, OTHER.1)),
        keyed(put(), OBJECT, ("c2hvcnQ=", KEY.1)),
        keyed(put(), OBJECT, KEY).header("x-cos-server-side-encryption", "AES256"),
    ];
    for half in halves {
        assert_eq!(half.send(&emulator).await.verdict(), "400 InvalidArgument");
    }
    let append = Ask::new(&emulator, "POST", "/k").query("append", "").query("position", "0").body("x");
    assert_eq!(keyed(append, OBJECT, KEY).send(&emulator).await.verdict(), "501 NotImplemented");
}

#[tokio::test]
async fn parts_come_with_the_key_that_the_upload_began_with() {
    let emulator = Emulator::builder().small_parts(true).in_memory().unwrap();
    let initiate = Ask::new(&emulator, "POST", "/k").query("uploads", "");
    let begun = keyed(initiate, OBJECT, KEY).send(&emulator).await;
    is_described(&begun);
    let id = begun.element("UploadId").to_owned();
    let part = || Ask::new(&emulator, "PUT", "/k").query("uploadId", &id).query("partNumber", "1");
    let bytes = || part().body("[Object Content]");
    assert_eq!(bytes().send(&emulator).await.verdict(), "400 SsecDecryptHeaderInvalid");
    assert_eq!(keyed(bytes(), OBJECT, OTHER).send(&emulator).await.verdict(), "400 SsecDecryptHeaderInvalid");
    let stored = keyed(bytes(), OBJECT, KEY).send(&emulator).await;
    is_described(&stored);
    assert_ne!(stored.header("etag"), MD5);

    put(&emulator, "source").await;
    let copied = keyed(part().header("x-cos-copy-source", format!("{HOST}/source")), OBJECT, KEY);
    assert_eq!(copied.clone().send(&emulator).await.verdict(), "400 SsecDecryptHeaderInvalid");
    let copied = keyed(copied, SOURCE, KEY).send(&emulator).await;
    is_described(&copied);
    let etag = copied.element("ETag").replace("&quot;", "\"");
    let list = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
    );
    let complete = Ask::new(&emulator, "POST", "/k").query("uploadId", &id).body(list);
    is_described(&complete.send(&emulator).await);
    let read = keyed(Ask::new(&emulator, "GET", "/k"), OBJECT, KEY).send(&emulator).await;
    assert_eq!((read.text(), read.header("x-cos-hash-crc64ecma")), ("[Object Content]", CRC));
}

#[tokio::test]
async fn a_copy_is_encrypted_anew() {
    let emulator = Emulator::builder().in_memory().unwrap();
    put(&emulator, "source").await;
    let copy = || Ask::new(&emulator, "PUT", "/copy").header("x-cos-copy-source", format!("{HOST}/source"));
    assert_eq!(copy().send(&emulator).await.verdict(), "400 SsecDecryptHeaderInvalid");
    let plain = keyed(copy(), SOURCE, KEY).send(&emulator).await;
    assert_eq!(plain.element("ETag").replace("&quot;", "\""), MD5);
    assert_eq!(Ask::new(&emulator, "GET", "/copy").send(&emulator).await.text(), "[Object Content]");
    let again = keyed(keyed(copy(), SOURCE, KEY), OBJECT, OTHER).send(&emulator).await;
    assert_eq!((again.verdict().as_str(), again.element("CRC64")), ("200", CRC));
    assert_eq!(Ask::new(&emulator, "GET", "/copy").send(&emulator).await.status, 400);
    let read = keyed(Ask::new(&emulator, "GET", "/copy"), OBJECT, OTHER).send(&emulator).await;
    assert_eq!(read.text(), "[Object Content]");
}
