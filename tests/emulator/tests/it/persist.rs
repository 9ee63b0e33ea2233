//! A data folder outlives the emulator.

use bytes::Bytes;
use cos_emulator::Emulator;

use crate::client::Ask;

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
        Ask::new(&emulator, "DELETE", "/k").host(versioned).send(&emulator).await;
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
        assert_eq!(get.query("versionId", &kept).send(&emulator).await.text(), "one");
        let new = Ask::new(&emulator, "HEAD", "/").host("new-1250000000.cos.ap-shanghai.myqcloud.com");
        assert_eq!(new.send(&emulator).await.verdict(), "200");
    }
    // Blobs of what was overwritten and deleted are gone: small, large, and one version.
    let files = |path: &std::path::Path| std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    assert_eq!(files(&folder.path().join("blobs")).flat_map(|folder| files(&folder)).count(), 3);
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
