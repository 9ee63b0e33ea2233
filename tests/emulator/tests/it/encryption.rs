//! The default encryption of a bucket.

use cos_emulator::Emulator;

use crate::client::{Ask, HOST, list_of};

/// With keys of COS.
pub const DOCUMENT: &str = "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>\
                            <SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule>\
                            </ServerSideEncryptionConfiguration>";

const HEADER: &str = "x-cos-server-side-encryption";

fn emulator() -> Emulator {
    Emulator::builder().small_parts(true).in_memory().unwrap()
}

fn setting(emulator: &Emulator, method: &str) -> Ask {
    Ask::new(emulator, method, "/").query("encryption", "")
}

async fn said_of(emulator: &Emulator, path: &str) -> String {
    let head = Ask::new(emulator, "HEAD", path).send(emulator).await;
    assert_eq!(head.verdict(), "200", "{path}");
    head.header(HEADER).to_owned()
}

#[tokio::test]
async fn objects_made_while_it_is_set_say_it_however_they_are_made() {
    let emulator = emulator();
    let put = |path: &str| Ask::new(&emulator, "PUT", path).body("x");
    assert_eq!(setting(&emulator, "GET").send(&emulator).await.verdict(), "404 NoSuchEncryptionConfiguration");
    put("/before").send(&emulator).await;
    let set = setting(&emulator, "PUT").body(DOCUMENT).send(&emulator).await;
    assert_eq!((set.verdict().as_str(), set.body.len()), ("200", 0));
    let kept = setting(&emulator, "GET").send(&emulator).await;
    assert_eq!(kept.text().replace(['\n', '\t'], "").split_once(" ?>").unwrap().1, DOCUMENT);

    assert_eq!(put("/put").send(&emulator).await.header(HEADER), "AES256");
    let copy = Ask::new(&emulator, "PUT", "/copy").header("x-cos-copy-source", format!("{HOST}/before"));
    assert_eq!(copy.send(&emulator).await.header(HEADER), "AES256");
    let append = Ask::new(&emulator, "POST", "/append").query("append", "").query("position", "0").body("x");
    assert_eq!(append.send(&emulator).await.verdict(), "200");
    let begun = Ask::new(&emulator, "POST", "/parts").query("uploads", "").send(&emulator).await;
    assert_eq!(begun.header(HEADER), "AES256");
    let id = begun.element("UploadId").to_owned();
    // Who asks to upload before it is removed uploads by it.
    assert_eq!(setting(&emulator, "DELETE").anonymous().send(&emulator).await.verdict(), "403 AccessDenied");
    assert_eq!(setting(&emulator, "DELETE").send(&emulator).await.verdict(), "204");
    assert_eq!(setting(&emulator, "DELETE").send(&emulator).await.verdict(), "204");
    let part = Ask::new(&emulator, "PUT", "/parts").query("uploadId", &id).query("partNumber", "1").body("x");
    let part = part.send(&emulator).await;
    assert_eq!(part.header(HEADER), "AES256");
    let list = list_of(&[(1, part.header("etag").trim_matches('"'))]);
    let complete = Ask::new(&emulator, "POST", "/parts").query("uploadId", &id).body(list);
    assert_eq!(complete.send(&emulator).await.verdict(), "200");
    put("/after").send(&emulator).await;
    for (path, said) in [
        ("/before", ""),
        ("/put", "AES256"),
        ("/copy", "AES256"),
        ("/append", "AES256"),
        ("/parts", "AES256"),
        ("/after", ""),
    ] {
        assert_eq!(said_of(&emulator, path).await, said, "{path}");
    }
}

#[tokio::test]
async fn what_an_object_says_itself_comes_first() {
    let emulator = emulator();
    setting(&emulator, "PUT").body(DOCUMENT).send(&emulator).await;
    let key = [
        ("x-cos-server-side-encryption-customer-algorithm", "AES256"),
        ("x-cos-server-side-encryption-customer-key", "MDEyMzQ1Njc4OUFCQ0RFRjAxMjM0NTY3ODlBQkNERUY="),
        ("x-cos-server-side-encryption-customer-key-md5", "U5L61r7jcwdNvT7frmUG8g=="),
    ];
    let mut put = Ask::new(&emulator, "PUT", "/k").body("x");
    for (name, value) in key {
        put = put.header(name, value);
    }
    let put = put.send(&emulator).await;
    assert_eq!((put.verdict().as_str(), put.header(HEADER)), ("200", ""));
    assert_eq!(put.header("x-cos-server-side-encryption-customer-algorithm"), "AES256");
}

#[tokio::test]
async fn a_document_that_is_not_right_or_not_played_changes_nothing() {
    let emulator = emulator();
    setting(&emulator, "PUT").body(DOCUMENT).send(&emulator).await;
    let before = setting(&emulator, "GET").send(&emulator).await.text().to_owned();
    let end = "</ApplyServerSideEncryptionByDefault>";
    for (document, want) in [
        (String::new(), "400 MissingRequestBodyError"),
        ("<ServerSideEncryptionConfiguration/>".to_owned(), "400 MalformedXML"),
        (DOCUMENT.replace("AES256", "AES512"), "400 MalformedXML"),
        (DOCUMENT.replace("SSEAlgorithm", "Algorithm"), "400 MalformedXML"),
        (DOCUMENT.replace("<Rule>", "<Rule/><Rule>"), "400 MalformedXML"),
        (DOCUMENT.replace("<Rule>", "<Rule><Other/>"), "400 MalformedXML"),
        (DOCUMENT.replace(end, &format!("<SSEAlgorithm>AES256</SSEAlgorithm>{end}")), "400 MalformedXML"),
        (DOCUMENT.replace(end, &format!("<KMSMasterKeyID>k</KMSMasterKeyID>{end}")), "400 InvalidArgument"),
        (DOCUMENT.replace("AES256", "KMS"), "501 NotImplemented"),
    ] {
        assert_eq!(
            setting(&emulator, "PUT").body(document.clone()).send(&emulator).await.verdict(),
            want,
            "{document}"
        );
    }
    assert_eq!(setting(&emulator, "GET").send(&emulator).await.text(), before);
}
