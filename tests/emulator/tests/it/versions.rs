//! Versioning of buckets, versions and delete markers.

use cos_emulator::{Emulator, StoredObject};

use crate::client::{Answer, Ask, list_of};

fn emulator() -> Emulator {
    Emulator::builder().in_memory().unwrap()
}

async fn set(emulator: &Emulator, status: &str) -> String {
    let document = format!("<VersioningConfiguration><Status>{status}</Status></VersioningConfiguration>");
    let ask = Ask::new(emulator, "PUT", "/").query("versioning", "").header("transfer-encoding", "chunked");
    ask.body(document).send(emulator).await.verdict()
}

async fn put(emulator: &Emulator, key: &str, body: &'static str) -> String {
    let answer = Ask::new(emulator, "PUT", &format!("/{key}")).body(body).send(emulator).await;
    assert_eq!(answer.verdict(), "200");
    answer.header("x-cos-version-id").to_owned()
}

async fn delete(emulator: &Emulator, key: &str, id: &str) -> Answer {
    let answer = Ask::new(emulator, "DELETE", &format!("/{key}")).query("versionId", id).send(emulator).await;
    assert_eq!(answer.verdict(), "204");
    answer
}

async fn get(emulator: &Emulator, key: &str, id: &str) -> String {
    let answer = Ask::new(emulator, "GET", &format!("/{key}")).query("versionId", id).send(emulator).await;
    if answer.status == 200 { answer.text().to_owned() } else { answer.verdict() }
}

fn list(emulator: &Emulator) -> Ask {
    Ask::new(emulator, "GET", "/").query("versions", "")
}

/// Versions as `V` and delete markers as `M`, each with its key, and a star if it is the latest.
fn lines(page: &Answer) -> Vec<String> {
    let text = page.text().replace("<DeleteMarker>", "<Version>M").replace("<Version>\n", "<Version>V\n");
    let part = |text: &str, name: &str| {
        let rest = &text[text.find(&format!("<{name}>")).unwrap() + name.len() + 2..];
        rest[..rest.find('<').unwrap()].to_owned()
    };
    let line = |text: &str| {
        let star = if part(text, "IsLatest") == "true" { "*" } else { "" };
        format!("{}{star} {}", &text[..1], part(text, "Key"))
    };
    text.split("<Version>").skip(1).map(line).collect()
}

#[tokio::test]
async fn versioning_goes_on_and_to_rest_but_never_off() {
    let emulator = emulator();
    let read = async || {
        let answer = Ask::new(&emulator, "GET", "/").query("versioning", "").send(&emulator).await;
        assert!(answer.text().contains("<VersioningConfiguration>"), "{}", answer.text());
        answer.element("Status").to_owned()
    };
    assert_eq!(read().await, "");
    for (status, verdict) in
        [("Enabled", "200"), ("Suspended", "200"), ("Off", "400 MalformedXML"), ("", "400 MalformedXML")]
    {
        assert_eq!(set(&emulator, status).await, verdict);
        assert_eq!(read().await, if verdict == "200" { status } else { "Suspended" });
    }
    let anonymous = Ask::new(&emulator, "GET", "/").query("versioning", "").anonymous();
    assert_eq!(anonymous.send(&emulator).await.verdict(), "403 AccessDenied");
}

#[tokio::test]
async fn the_null_version_is_the_one_of_the_time_without_versions() {
    let emulator = emulator();
    let bucket = emulator.bucket();
    assert_eq!(put(&emulator, "k", "before").await, "");
    assert_eq!(emulator.object(bucket, "k").unwrap().version_id(), "null");
    set(&emulator, "Enabled").await;
    let one = put(&emulator, "k", "one").await;
    assert_eq!((get(&emulator, "k", "null").await, get(&emulator, "k", "").await), ("before".into(), "one".into()));
    set(&emulator, "Suspended").await;
    // Its id is `null`, which PUT does not tell.
    assert_eq!(put(&emulator, "k", "after").await, "");
    assert_eq!((get(&emulator, "k", "null").await, get(&emulator, "k", &one).await), ("after".into(), "one".into()));
    assert_eq!(emulator.versions(bucket, "k").len(), 2);

    let deleted = delete(&emulator, "k", "").await;
    assert_eq!((deleted.header("x-cos-version-id"), deleted.header("x-cos-delete-marker")), ("null", "true"));
    let versions = emulator.versions(bucket, "k");
    let seen: Vec<_> = versions.iter().map(|version| (version.version_id(), version.is_delete_marker())).collect();
    assert_eq!(seen, [("null".to_owned(), true), (one.clone(), false)]);
    assert_eq!(get(&emulator, "k", "").await, "404 NoSuchKey");
    assert_eq!(lines(&list(&emulator).send(&emulator).await), ["M* k", "V k"]);

    // Another marker takes the place of the first, and the object comes back when it goes.
    delete(&emulator, "k", "").await;
    assert_eq!(emulator.versions(bucket, "k").len(), 2);
    delete(&emulator, "k", "null").await;
    assert_eq!(get(&emulator, "k", "").await, "one");
    assert_eq!(Ask::new(&emulator, "DELETE", "/").send(&emulator).await.verdict(), "409 BucketNotEmpty");
    delete(&emulator, "k", &one).await;
    assert_eq!(Ask::new(&emulator, "DELETE", "/").send(&emulator).await.verdict(), "204");
}

#[tokio::test]
async fn a_bucket_of_markers_is_not_empty() {
    let emulator = emulator();
    set(&emulator, "Enabled").await;
    let marker = delete(&emulator, "never", "").await;
    let listed = Ask::new(&emulator, "GET", "/").send(&emulator).await;
    assert!(listed.all("Key").is_empty());
    assert_eq!(Ask::new(&emulator, "DELETE", "/").send(&emulator).await.verdict(), "409 BucketNotEmpty");
    delete(&emulator, "never", marker.header("x-cos-version-id")).await;
    assert_eq!(Ask::new(&emulator, "DELETE", "/").send(&emulator).await.verdict(), "204");
}

async fn complete(emulator: &Emulator, key: &str, body: &'static str) -> Answer {
    let ask = |method| Ask::new(emulator, method, &format!("/{key}"));
    let start = ask("POST").query("uploads", "").send(emulator).await;
    let id = start.element("UploadId");
    let part = ask("PUT").query("partNumber", "1").query("uploadId", id).body(body);
    let list = list_of(&[(1, part.send(emulator).await.header("etag"))]);
    let done = ask("POST").query("uploadId", id).body(list).header("x-cos-forbid-overwrite", "true");
    let done = done.send(emulator).await;
    assert_eq!(done.verdict(), "200");
    done
}

#[tokio::test]
async fn heads_and_completes_name_their_version() {
    let emulator =
        Emulator::builder().versioned_bucket("examplebucket-1250000000", "ap-guangzhou").in_memory().unwrap();
    let one = put(&emulator, "k", "one").await;
    let done = complete(&emulator, "k", "two").await;
    let two = done.header("x-cos-version-id");
    for (id, length, version) in [(one.as_str(), "3", one.as_str()), ("", "3", two)] {
        let head = Ask::new(&emulator, "HEAD", "/k").query("versionId", id).send(&emulator).await;
        assert_eq!((head.header("content-length"), head.header("x-cos-version-id")), (length, version));
    }
    assert_eq!((get(&emulator, "k", two).await, get(&emulator, "k", &one).await), ("two".into(), "one".into()));
    set(&emulator, "Suspended").await;
    assert_eq!(complete(&emulator, "k", "null").await.header("x-cos-version-id"), "null");
}

#[tokio::test]
async fn versions_are_listed_newest_first_page_by_page() {
    let emulator =
        Emulator::builder().versioned_bucket("examplebucket-1250000000", "ap-guangzhou").in_memory().unwrap();
    for key in ["a", "b/1", "b/2", "a", "c%20d"] {
        put(&emulator, key, "x").await;
    }
    delete(&emulator, "a", "").await;
    let all = list(&emulator).send(&emulator).await;
    assert_eq!(lines(&all), ["M* a", "V a", "V a", "V* b/1", "V* b/2", "V* c d"]);
    assert_eq!((all.element("IsTruncated"), all.element("MaxKeys"), all.element("Size")), ("false", "1000", "1"));
    assert_eq!((all.element("StorageClass"), all.element("Name")), ("STANDARD", emulator.bucket()));
    assert!(all.text().contains("<KeyMarker/>") && all.text().contains("<VersionIdMarker/>"), "{}", all.text());

    let (mut key, mut id, mut seen) = (String::new(), String::new(), Vec::new());
    loop {
        let ask = list(&emulator).query("max-keys", "1").query("delimiter", "/").query("encoding-type", "url");
        let page = ask.query("key-marker", &key).query("version-id-marker", &id).send(&emulator).await;
        seen.extend(lines(&page));
        if page.text().contains("<CommonPrefixes>") {
            seen.push(page.all("Prefix")[0].to_owned());
            assert_eq!(page.element("NextVersionIdMarker"), "");
        }
        if page.element("IsTruncated") == "false" {
            break;
        }
        key = page.element("NextKeyMarker").replace("%2F", "/");
        page.element("NextVersionIdMarker").clone_into(&mut id);
    }
    assert_eq!(seen, ["M* a", "V a", "V a", "b%2F", "V* c%20d"]);

    // Without a version a marker is done with its key; a version that is gone keeps its place.
    let behind = list(&emulator).query("key-marker", "a").query("prefix", "a");
    assert!(lines(&behind.clone().send(&emulator).await).is_empty());
    let ids: Vec<String> = emulator.versions(emulator.bucket(), "a").iter().map(StoredObject::version_id).collect();
    delete(&emulator, "a", &ids[1]).await;
    let rest = behind.query("version-id-marker", &ids[1]).send(&emulator).await;
    assert_eq!((lines(&rest), rest.element("VersionId")), (vec!["V a".to_owned()], ids[2].as_str()));
    let alone = list(&emulator).query("version-id-marker", &ids[0]);
    assert_eq!(alone.send(&emulator).await.verdict(), "400 InvalidArgument");
}

#[tokio::test]
async fn a_bucket_that_never_kept_versions_lists_them_without_ids() {
    let emulator = emulator();
    put(&emulator, "k", "x").await;
    put(&emulator, "l", "x").await;
    let page = list(&emulator).query("max-keys", "1").send(&emulator).await;
    assert_eq!((lines(&page), page.element("NextKeyMarker")), (vec!["V* k".to_owned()], "k"));
    for empty in ["<VersionId/>", "<NextVersionIdMarker/>"] {
        assert!(page.text().contains(empty), "{}", page.text());
    }
    set(&emulator, "Enabled").await;
    let page = list(&emulator).query("max-keys", "1").send(&emulator).await;
    assert_eq!((page.element("VersionId"), page.element("NextVersionIdMarker")), ("null", "null"));
    assert_eq!(list(&emulator).anonymous().send(&emulator).await.verdict(), "403 AccessDenied");
}
