//! A data folder outlives the emulator.

use std::fs::OpenOptions;
use std::io::Write;

use bytes::Bytes;
use cos_emulator::{Cors, Emulator};

use crate::client::{Ask, list_of};
use crate::{
    accelerate, bucket_policy, cors, domain, inventory, lifecycle, logging, origin, referer, tagging, tiering, website,
};

#[tokio::test]
async fn objects_of_all_sizes_are_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let large = Bytes::from(vec![9; 3_000_000]);
    let start = || {
        let builder = Emulator::builder().data_dir(folder.path()).bucket("examplebucket-1250000000", "ap-guangzhou");
        builder.versioned_bucket("v-1250000000", "ap-guangzhou").in_memory().unwrap()
    };
    let versioned = "v-1250000000.cos.ap-guangzhou.myqcloud.com";
    let kept = {
        let emulator = start();
        let put = Ask::new(&emulator, "PUT", "/small").body("s").header("x-cos-meta-a", b"\xff").send(&emulator).await;
        assert_eq!(put.verdict(), "200");
        Ask::new(&emulator, "PUT", "/large").body(large.clone()).send(&emulator).await;
        Ask::new(&emulator, "PUT", "/gone").body("x").send(&emulator).await;
        Ask::new(&emulator, "PUT", "/small").body("again").header("x-cos-meta-a", b"\xff").send(&emulator).await;
        Ask::new(&emulator, "DELETE", "/gone").send(&emulator).await;
        let host = "new-1250000000.cos.ap-shanghai.myqcloud.com";
        Ask::new(&emulator, "PUT", "/").host(host).send(&emulator).await;
        let first = Ask::new(&emulator, "PUT", "/k").host(versioned).body("one").send(&emulator).await;
        let tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>";
        let tag = Ask::new(&emulator, "PUT", "/k").host(versioned).query("tagging", "").body(tags);
        assert_eq!(tag.send(&emulator).await.verdict(), "200");
        Ask::new(&emulator, "DELETE", "/k").host(versioned).send(&emulator).await;
        let archive = Ask::new(&emulator, "PUT", "/archived").body("x").header("x-cos-storage-class", "ARCHIVE");
        archive.send(&emulator).await;
        let restore = Ask::new(&emulator, "POST", "/archived").query("restore", "");
        restore.body("<RestoreRequest><Days>1</Days></RestoreRequest>").send(&emulator).await;
        first.header("x-cos-version-id").to_owned()
    };
    for _ in 0..2 {
        let emulator = start();
        let bucket = emulator.bucket();
        let small = emulator.object(bucket, "small").unwrap();
        assert_eq!((small.bytes().as_ref(), small.metadata()[0].1.as_ref()), (b"again".as_slice(), b"\xff".as_slice()));
        assert_eq!(emulator.object(bucket, "large").unwrap().bytes(), large);
        assert!(emulator.object(bucket, "gone").is_none());
        let get = Ask::new(&emulator, "GET", "/k").host(versioned);
        assert_eq!(get.send(&emulator).await.header("x-cos-delete-marker"), "true");
        let kept = get.query("versionId", &kept).send(&emulator).await;
        assert_eq!((kept.text(), kept.header("x-cos-tagging-count")), ("one", "1"));
        let restored = Ask::new(&emulator, "HEAD", "/archived").send(&emulator).await;
        assert_eq!(restored.header("x-cos-restore"), "ongoing-request=\"true\"");
        let new = Ask::new(&emulator, "HEAD", "/").host("new-1250000000.cos.ap-shanghai.myqcloud.com");
        assert_eq!(new.send(&emulator).await.verdict(), "200");
    }
    // Blobs of what was overwritten and deleted are gone: small, large, archived, and one version.
    let files = |path: &std::path::Path| std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    assert_eq!(files(&folder.path().join("blobs")).flat_map(|folder| files(&folder)).count(), 4);
}

#[tokio::test]
async fn uploads_copies_and_versioning_are_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let start = || Emulator::builder().data_dir(folder.path()).small_parts(true).in_memory().unwrap();
    let upload = |emulator: &Emulator, id: &str, number: &str, body: Bytes| {
        Ask::new(emulator, "PUT", "/k").query("uploadId", id).query("partNumber", number).body(body)
    };
    let large = Bytes::from(vec![3; 200_000]);
    let (id, one) = {
        let emulator = start();
        let begin = Ask::new(&emulator, "POST", "/k").query("uploads", "").header("x-cos-meta-a", b"\xff");
        let id = begin.send(&emulator).await.element("UploadId").to_owned();
        upload(&emulator, &id, "1", "replaced".into()).send(&emulator).await;
        let one = upload(&emulator, &id, "1", large.clone()).send(&emulator).await.header("etag").replace('"', "");
        let aborted = Ask::new(&emulator, "POST", "/no").query("uploads", "").send(&emulator).await;
        let aborted = aborted.element("UploadId");
        Ask::new(&emulator, "DELETE", "/no").query("uploadId", aborted).send(&emulator).await;
        for (position, body) in [("0", "hello "), ("6", "wor")] {
            let append = Ask::new(&emulator, "POST", "/grown").query("append", "").query("position", position);
            append.body(body).send(&emulator).await;
        }
        let source = format!("{}.cos.ap-guangzhou.myqcloud.com/grown", emulator.bucket());
        Ask::new(&emulator, "PUT", "/copy").header("x-cos-copy-source", &source).send(&emulator).await;
        (id, one)
    };
    {
        let emulator = start();
        let uploads = emulator.uploads(emulator.bucket());
        assert_eq!((uploads.len(), uploads[0].upload_id.as_str()), (1, id.as_str()));
        assert_eq!(uploads[0].parts, [(1, 200_000, format!("\"{one}\""))]);
        let two = upload(&emulator, &id, "2", "end".into()).send(&emulator).await.header("etag").replace('"', "");
        let list = list_of(&[(1, &one), (2, &two)]);
        let done = Ask::new(&emulator, "POST", "/k").query("uploadId", &id).body(list).send(&emulator).await;
        assert_eq!(done.verdict(), "200");
        let append = Ask::new(&emulator, "POST", "/grown").query("append", "").query("position", "9").body("ld");
        let append = append.send(&emulator).await;
        assert_eq!(append.header("etag"), "\"5eb63bbbe01eeed093cb22bb8f5acdc3\"");
        let enabled = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
        Ask::new(&emulator, "PUT", "/").query("versioning", "").body(enabled).send(&emulator).await;
        Ask::new(&emulator, "DELETE", "/k").send(&emulator).await;
    }
    for _ in 0..2 {
        let emulator = start();
        let bucket = emulator.bucket();
        assert!(emulator.uploads(bucket).is_empty());
        let versions = emulator.versions(bucket, "k");
        assert_eq!((versions.len(), versions[0].is_delete_marker()), (2, true));
        assert_eq!(versions[1].bytes(), [large.as_ref(), b"end"].concat());
        assert_eq!((versions[1].version_id().as_str(), versions[1].metadata()[0].1.as_ref()), ("null", &b"\xff"[..]));
        assert_eq!(emulator.object(bucket, "grown").unwrap().bytes(), "hello world");
        assert_eq!(emulator.object(bucket, "copy").unwrap().bytes(), "hello wor");
    }
    // The two parts, and the three appends: the copy shares two of them, and keeps them when the original goes.
    let files = |path: &std::path::Path| std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let blobs = || files(&folder.path().join("blobs")).flat_map(|folder| files(&folder)).count();
    assert_eq!(blobs(), 5);
    let emulator = start();
    Ask::new(&emulator, "DELETE", "/grown").query("versionId", "null").send(&emulator).await;
    assert_eq!(blobs(), 4);
    assert_eq!(emulator.object(emulator.bucket(), "copy").unwrap().bytes(), "hello wor");
}

#[tokio::test]
async fn settings_are_there_after_a_restart_and_gone_when_they_were_removed() {
    let folder = tempfile::tempdir().unwrap();
    let start = || Emulator::builder().data_dir(folder.path()).cors(Cors::origin("*")).in_memory().unwrap();
    let ask = |emulator: &Emulator, method: &str, name: &str| Ask::new(emulator, method, "/").query(name, "");
    {
        let emulator = start();
        assert!(ask(&emulator, "GET", "cors").send(&emulator).await.text().contains("DELETE"));
        ask(&emulator, "PUT", "cors").body(cors::DOCUMENT).send(&emulator).await;
        ask(&emulator, "PUT", "lifecycle").body(lifecycle::DOCUMENT).send(&emulator).await;
        ask(&emulator, "PUT", "tagging").body(tagging::DOCUMENT).send(&emulator).await;
        let policy = bucket_policy::document(&[bucket_policy::allow(bucket_policy::ANYONE, "GetObject", "open/*")]);
        ask(&emulator, "PUT", "policy").body(policy).send(&emulator).await;
        emulator.put_object(emulator.bucket(), "open/k", "x");
        ask(&emulator, "PUT", "website").body(website::DOCUMENT).send(&emulator).await;
        ask(&emulator, "PUT", "referer").body(referer::DOCUMENT).send(&emulator).await;
        ask(&emulator, "PUT", "inventory").query("id", "list1").body(inventory::DOCUMENT).send(&emulator).await;
        ask(&emulator, "PUT", "intelligent-tiering").query("id", "a").body(tiering::RULE).send(&emulator).await;
        ask(&emulator, "PUT", "accelerate").body(accelerate::DOCUMENT).send(&emulator).await;
        ask(&emulator, "PUT", "logging").body(logging::DOCUMENT).send(&emulator).await;
        let link = Ask::new(&emulator, "PUT", "/link").query("symlink", "").header("x-cos-symlink-target", "open/k");
        assert_eq!(link.send(&emulator).await.verdict(), "200");
        ask(&emulator, "PUT", "domain").body(domain::DOCUMENT).send(&emulator).await;
        ask(&emulator, "PUT", "origin").body(origin::DOCUMENT).send(&emulator).await;
    }
    for _ in 0..2 {
        let emulator = start();
        let kept = ask(&emulator, "GET", "cors").send(&emulator).await;
        assert!(kept.text().contains("https://app.example.com") && !kept.text().contains("DELETE"), "{}", kept.text());
        assert!(ask(&emulator, "GET", "lifecycle").send(&emulator).await.text().contains("DaysAfterInitiation"));
        assert!(ask(&emulator, "GET", "tagging").send(&emulator).await.text().contains("<Key>age</Key>"));
        assert_eq!(Ask::new(&emulator, "GET", "/open/k").anonymous().send(&emulator).await.verdict(), "200");
        assert!(ask(&emulator, "GET", "website").send(&emulator).await.text().contains("<Key>pages/error.html</Key>"));
        assert!(ask(&emulator, "GET", "referer").send(&emulator).await.text().contains("<Domain>*.qq.com</Domain>"));
        assert!(ask(&emulator, "GET", "inventory").send(&emulator).await.text().contains("<Id>list1</Id>"));
        assert!(ask(&emulator, "GET", "intelligent-tiering").send(&emulator).await.text().contains("<Id>a</Id>"));
        assert_eq!(ask(&emulator, "GET", "accelerate").send(&emulator).await.element("Status"), "Enabled");
        assert_eq!(ask(&emulator, "GET", "logging").send(&emulator).await.element("TargetPrefix"), "mylogs");
        assert_eq!(Ask::new(&emulator, "GET", "/link").send(&emulator).await.text(), "x");
        let through = Ask::new(&emulator, "GET", "/open/k").host("cos.cloud.tencent.com").send(&emulator).await;
        assert_eq!(through.text(), "x");
        assert!(ask(&emulator, "GET", "origin").send(&emulator).await.text().contains("<Key>exampleHeaderKey</Key>"));
    }
    let emulator = start();
    assert_eq!(ask(&emulator, "DELETE", "lifecycle").send(&emulator).await.verdict(), "204");
    assert_eq!(ask(&emulator, "DELETE", "inventory").query("id", "list1").send(&emulator).await.verdict(), "204");
    drop(emulator);
    let emulator = start();
    let gone = ask(&emulator, "GET", "lifecycle").send(&emulator).await;
    assert_eq!(gone.verdict(), "404 NoSuchLifecycleConfiguration");
    let gone = ask(&emulator, "GET", "inventory").query("id", "list1").send(&emulator).await;
    assert_eq!(gone.verdict(), "404 InventoryConfigurationNotFoundError");
}

#[tokio::test]
async fn a_bucket_that_is_made_again_has_no_settings_of_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let start = || Emulator::builder().data_dir(folder.path()).in_memory().unwrap();
    let ask = |emulator: &Emulator, method: &str| {
        Ask::new(emulator, method, "/").host("again-1250000000.cos.ap-guangzhou.myqcloud.com")
    };
    let emulator = start();
    assert_eq!(ask(&emulator, "PUT").send(&emulator).await.verdict(), "200");
    assert_eq!(ask(&emulator, "PUT").query("cors", "").body(cors::DOCUMENT).send(&emulator).await.verdict(), "200");
    assert_eq!(ask(&emulator, "DELETE").send(&emulator).await.verdict(), "204");
    assert_eq!(ask(&emulator, "PUT").send(&emulator).await.verdict(), "200");
    drop(emulator);
    for _ in 0..2 {
        let emulator = start();
        let kept = ask(&emulator, "GET").query("cors", "").send(&emulator).await;
        assert_eq!(kept.verdict(), "404 NoSuchCORSConfiguration");
    }
}

#[tokio::test]
async fn a_folder_has_one_emulator_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let first = Emulator::builder().data_dir(folder.path()).in_memory().unwrap();
    let second = Emulator::builder().data_dir(folder.path()).in_memory().unwrap_err();
    assert!(std::error::Error::source(&second).unwrap().to_string().contains("another emulator"));
    drop(first);
    Emulator::builder().data_dir(folder.path()).in_memory().unwrap();
}

#[tokio::test]
async fn a_torn_last_line_is_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let start = || Emulator::builder().data_dir(folder.path()).in_memory().unwrap();
    let emulator = start();
    emulator.put_object(emulator.bucket(), "k", "x");
    drop(emulator);
    let index = folder.path().join("index.jsonl");
    let mut text = std::fs::read_to_string(&index).unwrap();
    text.push_str("{\"sequence\":99,\"put\":{\"buck");
    std::fs::write(&index, text).unwrap();
    let emulator = start();
    assert_eq!(emulator.object(emulator.bucket(), "k").unwrap().bytes(), "x");
}

#[test]
fn senseless_settings_are_refused_with_a_reason() {
    let refused = |builder: cos_emulator::Builder| builder.in_memory().unwrap_err().to_string();
    assert!(refused(Emulator::builder().bucket("nobucket", "ap-guangzhou")).contains("not a bucket name"));
    assert!(refused(Emulator::builder().bucket("b-1", "AP")).contains("not a region"));
    assert!(refused(Emulator::builder().domain("x.example", "b-1")).contains("does not exist"));
    assert!(refused(Emulator::builder().credentials("", "")).contains("must not be empty"));
}

#[tokio::test]
async fn a_torn_line_of_the_index_takes_no_other_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let start = || Emulator::builder().data_dir(folder.path()).in_memory().unwrap();
    let tear = || {
        let torn = "{\"sequence\":1000,\"put\":{\"bucket\":\"examplebucket-1250000000\",\"key\":\"中";
        let mut index = OpenOptions::new().append(true).open(folder.path().join("index.jsonl")).unwrap();
        index.write_all(&torn.as_bytes()[..torn.len() - 1]).unwrap();
    };
    {
        let emulator = start();
        Ask::new(&emulator, "PUT", "/before").body("1").send(&emulator).await;
        tear(); // as a full disk does
        assert_eq!(Ask::new(&emulator, "PUT", "/after").body("2").send(&emulator).await.verdict(), "200");
        tear(); // as the end of the process does
    }
    let emulator = start();
    for (key, body) in [("before", "1"), ("after", "2")] {
        assert_eq!(emulator.object(emulator.bucket(), key).unwrap().bytes(), body, "{key}");
    }
}

#[tokio::test]
async fn a_folder_whose_index_cannot_be_understood_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let start = || Emulator::builder().data_dir(folder.path()).in_memory();
    let emulator = start().unwrap();
    emulator.put_object(emulator.bucket(), "k", "x");
    drop(emulator);
    let index = folder.path().join("index.jsonl");
    let good = std::fs::read_to_string(&index).unwrap();
    for bad in
        ["garbage", "{\"sequence\":9,\"renamed\":{\"key\":\"k\"}}", "{\"sequence\":9,\"drop_bucket\":{\"id\":1}}"]
    {
        let text = format!("{bad}\n{good}");
        std::fs::write(&index, &text).unwrap();
        let refused = format!("{:?}", start().unwrap_err());
        assert!(refused.contains("line 1 of its index"), "{refused}");
        assert_eq!(std::fs::read_to_string(&index).unwrap(), text);
    }
    std::fs::write(&index, good).unwrap();
    let emulator = start().unwrap();
    assert_eq!(emulator.object(emulator.bucket(), "k").unwrap().bytes(), "x");
}
