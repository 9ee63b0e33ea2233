//! Tags of objects, by header and by document, and of buckets.

use cos_emulator::Emulator;

use crate::client::{Answer, Ask, HOST};

/// What a bucket may have.
pub const DOCUMENT: &str = "<Tagging><TagSet><Tag><Key>age</Key><Value>18</Value></Tag></TagSet></Tagging>";

fn emulator() -> Emulator {
    Emulator::builder().small_parts(true).in_memory().unwrap()
}

fn document(tags: &[(&str, &str)]) -> String {
    let tag = |(key, value): &(&str, &str)| format!("<Tag><Key>{key}</Key><Value>{value}</Value></Tag>");
    format!("<Tagging><TagSet>{}</TagSet></Tagging>", tags.iter().map(tag).collect::<String>())
}

async fn tag(emulator: &Emulator, path: &str, body: impl Into<String>) -> Answer {
    Ask::new(emulator, "PUT", path).query("tagging", "").body(body.into()).send(emulator).await
}

/// `key=value`, each.
async fn read(emulator: &Emulator, path: &str) -> Vec<String> {
    let answer = Ask::new(emulator, "GET", path).query("tagging", "").send(emulator).await;
    if answer.status != 200 {
        return vec![answer.verdict()];
    }
    // An empty value is written as `<Value/>`.
    let text = answer.text().replace("<Value/>", "<Value></Value>");
    let read = Answer { body: text.into(), ..answer };
    read.all("Key").iter().zip(read.all("Value")).map(|(key, value)| format!("{key}={value}")).collect()
}

#[tokio::test]
async fn tags_are_put_read_and_removed() {
    let emulator = emulator();
    emulator.put_object(emulator.bucket(), "k", "x");
    let before = Ask::new(&emulator, "HEAD", "/k").send(&emulator).await;
    assert_eq!(before.header("x-cos-tagging-count"), "");
    assert_eq!(read(&emulator, "/k").await, ["404 NoSuchTagSet"]);
    let put = tag(&emulator, "/k", document(&[("age", "18"), ("中 a", " =:/@ ")])).await;
    assert_eq!((put.verdict().as_str(), put.body.len()), ("200", 0));
    assert_eq!(read(&emulator, "/k").await, ["age=18", "中 a= =:/@ "]);
    for method in ["HEAD", "GET"] {
        let after = Ask::new(&emulator, method, "/k").send(&emulator).await;
        assert_eq!(after.header("x-cos-tagging-count"), "2");
        assert_eq!((after.header("etag"), after.header("last-modified")), {
            (before.header("etag"), before.header("last-modified"))
        });
    }
    // All there were are gone.
    tag(&emulator, "/k", document(&[("name", "")])).await;
    assert_eq!(read(&emulator, "/k").await, ["name="]);
    for _ in 0..2 {
        let deleted = Ask::new(&emulator, "DELETE", "/k").query("tagging", "").send(&emulator).await;
        assert_eq!(deleted.verdict(), "204");
        assert_eq!(read(&emulator, "/k").await, ["404 NoSuchTagSet"]);
    }
    assert_eq!(emulator.object(emulator.bucket(), "k").unwrap().bytes(), "x");
    assert_eq!(tag(&emulator, "/none", document(&[("a", "")])).await.verdict(), "404 NoSuchKey");
    assert_eq!(read(&emulator, "/none").await, ["404 NoSuchKey"]);
    let anonymous = Ask::new(&emulator, "GET", "/k").query("tagging", "").anonymous();
    assert_eq!(anonymous.send(&emulator).await.verdict(), "403 AccessDenied");
}

#[tokio::test]
async fn tags_beyond_the_limits_are_refused_and_change_nothing() {
    let emulator = emulator();
    emulator.put_object(emulator.bucket(), "k", "x");
    let many: Vec<String> = (0..11).map(|number| number.to_string()).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|key| (key.as_str(), "")).collect();
    let (key, value) = ("中".repeat(127), "中".repeat(255));
    for fits in [&many[..10], &[(key.as_str(), value.as_str())], &[("a", "1"), ("A", "1")]] {
        assert_eq!(tag(&emulator, "/k", document(fits)).await.verdict(), "200");
    }
    let (longer, too_long) = (format!("{key}a"), format!("{value}a"));
    for bad in [&many[..], &[("a", "1"), ("a", "2")], &[("", "1")], &[(&longer, "")], &[("a", &too_long)]] {
        assert_eq!(tag(&emulator, "/k", document(bad)).await.verdict(), "400 InvalidTag", "{bad:?}");
    }
    for odd in ["a*b", "a&amp;b", "a\nb", "a#b", "a,b"] {
        for pair in [(odd, "x"), ("x", odd)] {
            assert_eq!(tag(&emulator, "/k", document(&[pair])).await.verdict(), "400 InvalidTag", "{odd:?}");
        }
    }
    let none = "<Tagging><TagSet></TagSet></Tagging>";
    for bad in [none, "<Tagging/>", "<TagSet/>", "<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>", "x"] {
        assert_eq!(tag(&emulator, "/k", bad).await.verdict(), "400 MalformedXML", "{bad}");
    }
    let digest =
        Ask::new(&emulator, "PUT", "/k").query("tagging", "").header("content-md5", "XUFAKrxLKna5cZ2REBfFkg==");
    assert_eq!(digest.body(document(&[("b", "")])).send(&emulator).await.verdict(), "400 BadDigest");
    assert_eq!(read(&emulator, "/k").await, ["a=1", "A=1"]);
}

#[tokio::test]
async fn tags_by_header_and_by_document_are_the_same() {
    let emulator = emulator();
    let put = Ask::new(&emulator, "PUT", "/put").header("x-cos-tagging", "a%3D=1%202&b+c=").body("x");
    assert_eq!(put.send(&emulator).await.verdict(), "200");
    assert_eq!(read(&emulator, "/put").await, ["a==1 2", "b c="]);
    for bad in ["a=*", "a=1&a=2", &format!("{}=", "k".repeat(128)), &format!("k={}", "v".repeat(256))] {
        let put = Ask::new(&emulator, "PUT", "/bad").header("x-cos-tagging", bad).body("x");
        assert_eq!(put.send(&emulator).await.verdict(), "400 InvalidTag", "{bad}");
    }
    let copy = |target: &str| Ask::new(&emulator, "PUT", target).header("x-cos-copy-source", format!("{HOST}/put"));
    let ignored = copy("/copy").header("x-cos-tagging", "other=1");
    assert_eq!(ignored.send(&emulator).await.verdict(), "200");
    assert_eq!(read(&emulator, "/copy").await, ["a==1 2", "b c="]);
    let replaced = copy("/replaced").header("x-cos-tagging-directive", "Replaced").header("x-cos-tagging", "other=1");
    replaced.send(&emulator).await;
    assert_eq!(read(&emulator, "/replaced").await, ["other=1"]);
    copy("/without").header("x-cos-tagging-directive", "Replaced").send(&emulator).await;
    assert_eq!(read(&emulator, "/without").await, ["404 NoSuchTagSet"]);
    let begin = Ask::new(&emulator, "POST", "/parts").query("uploads", "").header("x-cos-tagging", "from=parts");
    let id = begin.send(&emulator).await.element("UploadId").to_owned();
    let part = Ask::new(&emulator, "PUT", "/parts").query("uploadId", &id).query("partNumber", "1").body("x");
    let etag = part.send(&emulator).await.header("etag").to_owned();
    let list = crate::client::list_of(&[(1, etag)]);
    Ask::new(&emulator, "POST", "/parts").query("uploadId", &id).body(list).send(&emulator).await;
    assert_eq!(read(&emulator, "/parts").await, ["from=parts"]);
}

#[tokio::test]
async fn each_version_has_tags_of_its_own() {
    let host = "v-1250000000.cos.ap-guangzhou.myqcloud.com";
    let emulator = Emulator::builder().versioned_bucket("v-1250000000", "ap-guangzhou").in_memory().unwrap();
    let ask = |method| Ask::new(&emulator, method, "/k").host(host);
    let put = ask("PUT").body("one").header("x-cos-tagging", "v=1").send(&emulator).await;
    let first = put.header("x-cos-version-id").to_owned();
    ask("PUT").body("two").send(&emulator).await;
    let newest = ask("GET").query("tagging", "");
    assert_eq!(newest.clone().send(&emulator).await.verdict(), "404 NoSuchTagSet");
    let set = ask("PUT").query("tagging", "").query("VersionId", &first).body(document(&[("v", "one")]));
    let set = set.send(&emulator).await;
    assert_eq!((set.verdict().as_str(), set.header("x-cos-version-id")), ("200", first.as_str()));
    let old = ask("GET").query("tagging", "").query("versionId", &first).send(&emulator).await;
    assert_eq!((old.element("Value"), old.header("x-cos-version-id")), ("one", first.as_str()));
    assert_eq!(newest.clone().send(&emulator).await.verdict(), "404 NoSuchTagSet");
    assert_eq!(emulator.versions("v-1250000000", "k").len(), 2, "tags make no version");
    ask("DELETE").send(&emulator).await;
    let hidden = newest.send(&emulator).await;
    assert_eq!((hidden.verdict().as_str(), hidden.header("x-cos-delete-marker")), ("404 NoSuchKey", "true"));
    let unknown = ask("DELETE").query("tagging", "").query("versionId", "none").send(&emulator).await;
    assert_eq!(unknown.verdict(), "404 NoSuchVersion");
}

#[tokio::test]
async fn tags_of_a_bucket_are_put_read_and_removed() {
    let emulator = emulator();
    emulator.put_object(emulator.bucket(), "k", "x");
    assert_eq!(read(&emulator, "/").await, ["404 NoSuchTagSet"]);
    let put = tag(&emulator, "/", document(&[("age", "18"), ("中 a", "=:/@")])).await;
    assert_eq!((put.verdict().as_str(), put.body.len()), ("204", 0));
    assert_eq!(read(&emulator, "/").await, ["age=18", "中 a==:/@"]);
    assert_eq!(read(&emulator, "/k").await, ["404 NoSuchTagSet"], "they are not those of its objects");
    tag(&emulator, "/", document(&[("name", "")])).await;
    assert_eq!(read(&emulator, "/").await, ["name="], "all there were are gone");
    for method in ["PUT", "GET", "DELETE"] {
        let stranger = Ask::new(&emulator, method, "/").query("tagging", "").anonymous().body(DOCUMENT);
        assert_eq!(stranger.send(&emulator).await.verdict(), "403 AccessDenied", "{method}");
    }
    assert_eq!(read(&emulator, "/").await, ["name="]);
    for _ in 0..2 {
        let deleted = Ask::new(&emulator, "DELETE", "/").query("tagging", "").send(&emulator).await;
        assert_eq!((deleted.verdict().as_str(), deleted.body.len()), ("204", 0));
        assert_eq!(read(&emulator, "/").await, ["404 NoSuchTagSet"]);
    }
}

#[tokio::test]
async fn tags_that_a_bucket_may_not_have_change_nothing() {
    let emulator = emulator();
    let many = |count: usize| {
        let keys: Vec<String> = (0..count).map(|number| format!("k{number}")).collect();
        document(&keys.iter().map(|key| (key.as_str(), "")).collect::<Vec<_>>())
    };
    let (key, value) = ("夏".repeat(127), "夏".repeat(255));
    for right in [many(50), document(&[(&key, &value)]), document(&[("a", "1"), ("A", "1")]), DOCUMENT.to_owned()] {
        assert_eq!(tag(&emulator, "/", right.clone()).await.verdict(), "204", "{right}");
    }
    let (long_key, long_value) = ("k".repeat(128), "v".repeat(256));
    for (wrong, want) in [
        (String::new(), "400 MissingRequestBodyError"),
        (document(&[]), "400 MalformedXML"),
        ("<Tagging/>".to_owned(), "400 MalformedXML"),
        (DOCUMENT.replace("<Value>18</Value>", ""), "400 MalformedXML"),
        (DOCUMENT.replace("Tagging>", "Tags>"), "400 MalformedXML"),
        (DOCUMENT.replace("<Tag>", "<Other/><Tag>"), "400 MalformedXML"),
        (DOCUMENT.replace("<TagSet>", "<TagSet/><TagSet>"), "400 MalformedXML"),
        (DOCUMENT.replace("<Key>", "<Key>b</Key><Key>"), "400 MalformedXML"),
        (many(51), "400 InvalidTag"),
        (document(&[("", "1")]), "400 InvalidTag"),
        (document(&[(&long_key, "")]), "400 InvalidTag"),
        (document(&[("a", &long_value)]), "400 InvalidTag"),
        (document(&[("a", "1"), ("a", "2")]), "400 InvalidTag"),
        (document(&[("a", "*")]), "400 InvalidTag"),
        (document(&[("qcs:a", "1")]), "400 InvalidTag"),
        (document(&[("project", "1")]), "400 InvalidTag"),
    ] {
        assert_eq!(tag(&emulator, "/", wrong.clone()).await.verdict(), want, "{wrong}");
    }
    assert_eq!(read(&emulator, "/").await, ["age=18"]);
}
