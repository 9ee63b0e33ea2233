//! Downloads that go on where an earlier one ended, and what is left when they cannot.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use cos_emulator::{Action, Emulator, Rule};
use tencent_cos::transfer::{Download, DownloadToPath};
use tencent_cos::{Bucket, Conditions, ErrorKind};

use crate::download::{MIB, gets, key, names, store};
use crate::support::{self, emulator, until};

/// An object, a directory for its file and one for checkpoints.
struct Scene {
    emulator: Emulator,
    bucket: Bucket,
    files: tempfile::TempDir,
    checkpoints: tempfile::TempDir,
    bytes: Bytes,
}

impl Scene {
    async fn new() -> Self {
        let emulator = emulator().await;
        let bytes = store(&emulator, "k", 24 * MIB);
        let folder = || tempfile::tempdir().expect("a folder");
        Self { bucket: support::bucket(&emulator), emulator, files: folder(), checkpoints: folder(), bytes }
    }

    fn path(&self) -> PathBuf {
        self.files.path().join("file")
    }

    fn job(&self, download: Download) -> DownloadToPath {
        download.concurrency(1).to_path(self.path()).checkpoint(self.checkpoints.path())
    }

    /// Runs it until the first range is on disk, and cancels it.
    async fn interrupt(&self) {
        // What came before does not count below.
        self.emulator.clear_journal();
        let slow = Action::StallBeforeHeaders(Duration::from_secs(3));
        self.emulator.script(Rule::on("GET Object").skip(1).always().then(slow));
        let transfer = self.bucket.transfer(self.job(Download::new(key("k"))));
        let handle = transfer.handle();
        let cancelled = async {
            // The next one has been asked for by then, or it would come into the journal later.
            until("a range", || handle.progress().parts >= 1 && gets(&self.emulator).len() >= 2).await;
            handle.cancel();
        };
        assert_eq!(tokio::join!(transfer, cancelled).0.unwrap_err().kind(), ErrorKind::Cancelled);
        self.emulator.clear_script();
        self.emulator.clear_journal();
        assert_eq!((names(self.files.path()).len(), names(self.checkpoints.path()).len()), (1, 1));
    }

    fn left(&self) -> (Vec<String>, Vec<String>) {
        (names(self.files.path()), names(self.checkpoints.path()))
    }
}

const NOTHING: (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());

#[tokio::test]
async fn what_is_on_disk_is_not_asked_for_again() {
    let scene = Scene::new().await;
    scene.interrupt().await;
    scene.bucket.transfer(scene.job(Download::new(key("k")))).await.unwrap();
    assert_eq!(gets(&scene.emulator).len(), 2);
    assert!(fs::read(scene.path()).unwrap() == scene.bytes);
    assert_eq!(scene.left(), (vec!["file".to_owned()], Vec::new()));
}

/// What the caller demands of the object holds for a file that was begun before, too.
#[tokio::test]
async fn a_condition_is_not_met_by_what_an_earlier_run_fetched() {
    let scene = Scene::new().await;
    let tag = scene.bucket.head("k").await.unwrap().etag().to_owned();
    let under = |etag: &str| scene.job(Download::new(key("k")).conditions(Conditions::new().if_match(etag)));
    scene.interrupt().await;
    let other = "\"0123456789abcdef0123456789abcdef\"";
    let error = scene.bucket.transfer(under(other)).await.unwrap_err();
    assert_eq!(error.status(), Some(412), "{error}");
    assert_eq!(scene.left(), NOTHING);
    for etag in [tag.as_str(), tag.trim_matches('"'), "*"] {
        scene.interrupt().await;
        scene.bucket.transfer(under(etag)).await.unwrap();
        assert_eq!(gets(&scene.emulator).len(), 2, "{etag}");
        assert!(fs::read(scene.path()).unwrap() == scene.bytes);
        fs::remove_file(scene.path()).unwrap();
    }
}

#[tokio::test]
async fn an_object_that_is_gone_leaves_nothing() {
    let scene = Scene::new().await;
    scene.interrupt().await;
    scene.bucket.delete("k").await.unwrap();
    let error = scene.bucket.transfer(scene.job(Download::new(key("k")))).await.unwrap_err();
    assert_eq!(error.code(), Some("NoSuchKey"));
    assert_eq!(scene.left(), NOTHING);
}

#[tokio::test]
async fn an_object_without_the_checksum_that_is_required_leaves_nothing() {
    let scene = Scene::new().await;
    scene.emulator.script(Rule::on("GET Object").always().then(Action::NoCrc));
    let error = scene.bucket.transfer(scene.job(Download::new(key("k")).require_checksum())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity);
    assert_eq!(scene.left(), NOTHING);
    scene.emulator.clear_script();
    scene.interrupt().await;
    scene.emulator.script(Rule::on("GET Object").always().then(Action::NoCrc));
    let error = scene.bucket.transfer(scene.job(Download::new(key("k")).require_checksum())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity);
    assert_eq!(scene.left(), NOTHING);
}
