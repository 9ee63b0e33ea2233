//! Symbolic links.

use cos_emulator::Emulator;

use crate::client::{Answer, Ask, HOST};

fn emulator() -> Emulator {
    Emulator::builder().in_memory().unwrap()
}

fn link(emulator: &Emulator, path: &str, target: impl AsRef<[u8]>) -> Ask {
    Ask::new(emulator, "PUT", path).query("symlink", "").header("x-cos-symlink-target", target)
}

async fn read(emulator: &Emulator, path: &str) -> Answer {
    Ask::new(emulator, "GET", path).query("symlink", "").send(emulator).await
}

#[tokio::test]
async fn a_link_shows_its_target_and_is_an_object_of_its_own() {
    let emulator = emulator();
    let put = Ask::new(&emulator, "PUT", "/123/myphoto.jpeg").header("x-cos-meta-a", "b").body("photo");
    let etag = put.send(&emulator).await.header("etag").to_owned();
    let made = link(&emulator, "/link", "123/myphoto.jpeg").send(&emulator).await;
    // The MD5 of the target.
    let own = "\"3d3a87bb8156102f8ccdf7194fe96d24\"";
    assert_eq!((made.verdict().as_str(), made.header("etag"), made.header("x-cos-hash-crc64ecma")), ("200", own, ""));
    for method in ["GET", "HEAD"] {
        let shown = Ask::new(&emulator, method, "/link").send(&emulator).await;
        assert_eq!((shown.header("etag"), shown.header("x-cos-meta-a")), (etag.as_str(), "b"));
        assert_eq!((shown.header("content-length"), shown.header("content-type")), ("5", "image/jpeg"));
        assert_eq!(shown.text(), if method == "GET" { "photo" } else { "" });
    }
    let part = Ask::new(&emulator, "GET", "/link").header("range", "bytes=1-2").header("if-match", &etag);
    assert_eq!(part.send(&emulator).await.text(), "ho");
    let itself = read(&emulator, "/link").await;
    assert_eq!((itself.header("x-cos-symlink-target"), itself.header("etag")), ("123/myphoto.jpeg", own));
    assert!(itself.header("last-modified").ends_with("GMT") && itself.body.is_empty());
    let list = Ask::new(&emulator, "GET", "/").query("prefix", "link").send(&emulator).await;
    assert_eq!((list.element("ETag"), list.element("Size")), (own.replace('"', "&quot;").as_str(), "16"));
    // Tags are its own, and what removes it leaves the target.
    let tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>";
    Ask::new(&emulator, "PUT", "/link").query("tagging", "").body(tags).send(&emulator).await;
    let target = Ask::new(&emulator, "GET", "/123/myphoto.jpeg").query("tagging", "").send(&emulator).await;
    assert_eq!(target.verdict(), "404 NoSuchTagSet");
    assert_eq!(Ask::new(&emulator, "DELETE", "/link").send(&emulator).await.verdict(), "204");
    assert_eq!(Ask::new(&emulator, "GET", "/123/myphoto.jpeg").send(&emulator).await.text(), "photo");
    assert_eq!(read(&emulator, "/link").await.verdict(), "404 NoSuchKey");
}

#[tokio::test]
async fn a_target_may_come_encoded_or_not() {
    let emulator = emulator();
    let key = "a b/中+100%";
    emulator.put_object(emulator.bucket(), key, "x");
    for target in [key, "a%20b%2F%E4%B8%AD%2B100%25", "a%20b/%e4%b8%ad%2B100%25"] {
        assert_eq!(link(&emulator, "/link", target).send(&emulator).await.verdict(), "200");
        assert_eq!(Ask::new(&emulator, "GET", "/link").send(&emulator).await.text(), "x", "{target}");
        let told = read(&emulator, "/link").await;
        assert_eq!(told.header("x-cos-symlink-target"), "a%20b/%E4%B8%AD%2B100%25");
    }
}

#[tokio::test]
async fn what_is_no_link_or_leads_nowhere_is_refused() {
    let emulator = emulator();
    emulator.put_object(emulator.bucket(), "k", "x");
    assert_eq!(read(&emulator, "/k").await.verdict(), "400 NotSymlink");
    assert_eq!(read(&emulator, "/none").await.verdict(), "404 NoSuchKey");
    assert_eq!(link(&emulator, "/lost", "none").send(&emulator).await.verdict(), "200");
    assert_eq!(Ask::new(&emulator, "GET", "/lost").send(&emulator).await.verdict(), "404 NoSuchKey");
    link(&emulator, "/twice", "lost").send(&emulator).await;
    assert_eq!(Ask::new(&emulator, "GET", "/twice").send(&emulator).await.verdict(), "501 NotImplemented");
    let copy = Ask::new(&emulator, "PUT", "/copy").header("x-cos-copy-source", format!("{HOST}/lost"));
    assert_eq!(copy.send(&emulator).await.verdict(), "501 NotImplemented");
    let none = Ask::new(&emulator, "PUT", "/link").query("symlink", "");
    assert_eq!(none.send(&emulator).await.verdict(), "400 InvalidArgument");
    assert_eq!(link(&emulator, "/link", "k".repeat(851)).send(&emulator).await.verdict(), "400 KeyTooLong");
    assert_eq!(link(&emulator, "/link", "k").body("x").send(&emulator).await.verdict(), "400 InvalidRequest");
    let archive = link(&emulator, "/link", "k").header("x-cos-storage-class", "ARCHIVE");
    assert_eq!(archive.send(&emulator).await.verdict(), "501 NotImplemented");
    let guarded = link(&emulator, "/k", "other").header("x-cos-forbid-overwrite", "true");
    assert_eq!(guarded.send(&emulator).await.verdict(), "409 FileAlreadyExists");
    assert_eq!(emulator.object(emulator.bucket(), "k").unwrap().bytes(), "x");
    assert!(emulator.object(emulator.bucket(), "link").is_none());
}

#[tokio::test]
async fn who_reads_a_link_needs_the_right_to_both() {
    let emulator = emulator();
    let anonymous = async |path: &str| Ask::new(&emulator, "GET", path).anonymous().send(&emulator).await.verdict();
    let open = |ask: Ask| ask.header("x-cos-acl", "public-read");
    open(Ask::new(&emulator, "PUT", "/open")).body("x").send(&emulator).await;
    Ask::new(&emulator, "PUT", "/closed").body("x").send(&emulator).await;
    open(link(&emulator, "/open-to-open", "open")).send(&emulator).await;
    open(link(&emulator, "/open-to-closed", "closed")).send(&emulator).await;
    link(&emulator, "/closed-to-open", "open").send(&emulator).await;
    assert_eq!(anonymous("/open-to-open").await, "200");
    assert_eq!(anonymous("/open-to-closed").await, "403 AccessDenied");
    assert_eq!(anonymous("/closed-to-open").await, "403 AccessDenied");
    assert_eq!(link(&emulator, "/l", "open").anonymous().send(&emulator).await.verdict(), "403 AccessDenied");
}

#[tokio::test]
async fn versions_of_a_link_are_its_own() {
    let emulator = Emulator::builder().versioned_bucket("v-1250000000", "ap-guangzhou").in_memory().unwrap();
    let host = "v-1250000000.cos.ap-guangzhou.myqcloud.com";
    emulator.put_object("v-1250000000", "a", "old");
    emulator.put_object("v-1250000000", "b", "bee");
    let link = async |target: &str| {
        let made = link(&emulator, "/link", target).host(host).send(&emulator).await;
        made.header("x-cos-version-id").to_owned()
    };
    let (first, second) = (link("a").await, link("b").await);
    emulator.put_object("v-1250000000", "a", "new");
    let get = |id: &str| Ask::new(&emulator, "GET", "/link").host(host).query("versionId", id);
    let shown = get(&first).send(&emulator).await;
    assert_eq!((shown.text(), shown.header("x-cos-version-id")), ("new", first.as_str()));
    assert_eq!(get(&second).send(&emulator).await.text(), "bee");
    let told = get(&first).query("symlink", "").send(&emulator).await;
    assert_eq!((told.header("x-cos-symlink-target"), told.header("x-cos-version-id")), ("a", first.as_str()));
    let deleted = Ask::new(&emulator, "DELETE", "/link").host(host).send(&emulator).await;
    assert_eq!(deleted.header("x-cos-delete-marker"), "true");
    let gone = Ask::new(&emulator, "GET", "/link").host(host).query("symlink", "").send(&emulator).await;
    assert_eq!((gone.verdict().as_str(), gone.header("x-cos-delete-marker")), ("404 NoSuchKey", "true"));
}
