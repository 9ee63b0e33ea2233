//! Downloads that go on where an earlier one ended, and what is left when they cannot.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use cos_emulator::{Action, Emulator, Rule};
use tencent_cos::transfer::{Download, DownloadToPath};
use tencent_cos::{Bucket, Conditions, ErrorKind};

use crate::download::{MIB, gets, key, names, store};
use crate::support::{self, emulator, noise, until};

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
        self.interrupt_of(self.job(Download::new(key("k")))).await;
        assert_eq!((names(self.files.path()).len(), names(self.checkpoints.path()).len()), (1, 1));
    }

    async fn interrupt_of(&self, job: DownloadToPath) {
        // What came before does not count below.
        self.emulator.clear_journal();
        let slow = Action::StallBeforeHeaders(Duration::from_secs(3));
        self.emulator.script(Rule::on("GET Object").skip(1).always().then(slow));
        let transfer = self.bucket.transfer(job);
        let handle = transfer.handle();
        let cancelled = async {
            // The next one has been asked for by then, or it would come into the journal later.
            until("a range", || handle.progress().parts >= 1 && gets(&self.emulator).len() >= 2).await;
            handle.cancel();
        };
        assert_eq!(tokio::join!(transfer, cancelled).0.unwrap_err().kind(), ErrorKind::Cancelled);
        self.emulator.clear_script();
        self.emulator.clear_journal();
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

/// Of another object, and to another file: each is remembered by itself, though all lie in one directory.
#[tokio::test]
async fn downloads_are_not_taken_for_each_other() {
    let scene = Scene::new().await;
    let other = store(&scene.emulator, "other", 24 * MIB);
    let jobs = [("k", "file"), ("other", "file"), ("k", "beside")];
    let job = |(name, file): (&str, &str)| {
        let download = Download::new(key(name)).concurrency(1);
        download.to_path(scene.files.path().join(file)).checkpoint(scene.checkpoints.path())
    };
    for it in jobs {
        scene.interrupt_of(job(it)).await;
    }
    assert_eq!((names(scene.files.path()).len(), names(scene.checkpoints.path()).len()), (3, 3));
    for it in jobs {
        scene.emulator.clear_journal();
        scene.bucket.transfer(job(it)).await.unwrap();
        assert_eq!(gets(&scene.emulator).len(), 2, "{it:?}");
        let bytes = if it.0 == "k" { &scene.bytes } else { &other };
        assert!(fs::read(scene.files.path().join(it.1)).unwrap() == *bytes, "{it:?}");
    }
    assert_eq!(scene.left(), (vec!["beside".to_owned(), "file".to_owned()], Vec::new()));
}

/// Both would write the same file, whatever remembers it.
#[tokio::test]
async fn what_is_done_of_a_file_belongs_to_one_download_at_a_time() {
    let scene = Scene::new().await;
    let elsewhere = tempfile::tempdir().unwrap();
    let second = || Download::new(key("k")).to_path(scene.path()).checkpoint(elsewhere.path());
    let slow = |millis| Action::StallBeforeHeaders(Duration::from_millis(millis));
    scene.emulator.script(Rule::on("GET Object").skip(1).then(slow(500)));
    let first = tokio::spawn(scene.bucket.transfer(scene.job(Download::new(key("k")))));
    until("its second range", || gets(&scene.emulator).len() == 2).await;
    scene.emulator.script(Rule::on("GET Object").skip(1).then(slow(5000)));
    let second_too = tokio::spawn(scene.bucket.transfer(second()));
    first.await.unwrap().unwrap();
    assert!(fs::read(scene.path()).unwrap() == scene.bytes, "bytes of the other one");
    let refused = second_too.await.unwrap().unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Io, "{refused}");
    scene.emulator.clear_script();
    fs::remove_file(scene.path()).unwrap();
    // What another one left goes.
    scene.interrupt().await;
    scene.bucket.transfer(second()).await.unwrap();
    assert!(fs::read(scene.path()).unwrap() == scene.bytes);
    assert_eq!((names(scene.files.path()), names(elsewhere.path())), (vec!["file".to_owned()], Vec::new()));
}

#[tokio::test]
async fn an_object_that_was_replaced_is_downloaded_anew() {
    for length in [24 * MIB, 24 * MIB + 1, MIB] {
        let scene = Scene::new().await;
        scene.interrupt().await;
        let bytes = noise(length, 9);
        scene.emulator.put_object(scene.emulator.bucket(), "k", bytes.clone());
        scene.bucket.transfer(scene.job(Download::new(key("k")))).await.unwrap();
        assert!(fs::read(scene.path()).unwrap() == bytes, "{length}");
        assert_eq!(scene.left(), (vec!["file".to_owned()], Vec::new()));
    }
}

#[tokio::test]
async fn what_is_on_disk_outlasts_an_error_that_says_nothing_of_the_object() {
    let scene = Scene::new().await;
    scene.interrupt().await;
    scene.emulator.script(Rule::on("GET Object").then(Action::status(403, "AccessDenied")));
    let error = scene.bucket.transfer(scene.job(Download::new(key("k")))).await.unwrap_err();
    assert_eq!(error.status(), Some(403), "{error}");
    scene.emulator.clear_journal();
    scene.bucket.transfer(scene.job(Download::new(key("k")))).await.unwrap();
    assert_eq!(gets(&scene.emulator).len(), 2);
    assert!(fs::read(scene.path()).unwrap() == scene.bytes);
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

/// What somebody else cleared away is no failure of its own.
#[tokio::test]
async fn an_object_that_is_replaced_is_told_though_the_partial_file_is_gone() {
    let scene = Scene::new().await;
    let slow = Action::StallBeforeHeaders(Duration::from_millis(300));
    scene.emulator.script(Rule::on("GET Object").skip(1).then(slow));
    let transfer = scene.bucket.transfer(scene.job(Download::new(key("k"))));
    let meanwhile = async {
        until("the second range", || gets(&scene.emulator).len() == 2).await;
        let partial = names(scene.files.path()).remove(0);
        fs::remove_file(scene.files.path().join(partial)).unwrap();
        scene.emulator.put_object(scene.emulator.bucket(), "k", noise(24 * MIB, 9));
    };
    let error = tokio::join!(transfer, meanwhile).0.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Changed, "{error:#}");
    assert_eq!(scene.left(), NOTHING);
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

/// Somebody else could read and change what is written into a file of theirs, or into one that they hold by another name.
#[cfg(unix)]
#[tokio::test]
async fn what_somebody_else_can_reach_is_not_gone_on_with() {
    use std::os::unix::fs::{MetadataExt as _, chown};

    let plants: [fn(&std::path::Path, &std::path::Path); 2] = [
        |partial, elsewhere| fs::hard_link(partial, elsewhere).unwrap(),
        |partial, elsewhere| {
            // Only root can give it away.
            if chown(partial, Some(1234), None).is_err() {
                fs::hard_link(partial, elsewhere).unwrap();
            }
        },
    ];
    for plant in plants {
        let scene = Scene::new().await;
        scene.interrupt().await;
        let partial = scene.files.path().join(&names(scene.files.path())[0]);
        let planted = fs::metadata(&partial).unwrap();
        let elsewhere = tempfile::tempdir_in(scene.files.path().parent().unwrap()).unwrap();
        plant(&partial, &elsewhere.path().join("held"));
        let held = fs::File::open(&partial).unwrap();
        scene.bucket.transfer(scene.job(Download::new(key("k")))).await.unwrap();
        assert_eq!(gets(&scene.emulator).len(), 3);
        assert!(fs::read(scene.path()).unwrap() == scene.bytes);
        assert_ne!(fs::metadata(scene.path()).unwrap().ino(), planted.ino());
        assert_eq!(held.metadata().unwrap().modified().unwrap(), planted.modified().unwrap());
        assert_eq!(scene.left(), (vec!["file".to_owned()], Vec::new()));
    }
}

/// What was under way on another thread may come to its end after that.
#[tokio::test]
async fn dropped_at_any_point_a_download_is_gone_on_with_at_once() {
    let emulator = emulator().await;
    let bucket = support::bucket(&emulator);
    let bytes = store(&emulator, "k", 3 * MIB);
    let (mut polls, mut done) = (0_u32, 0);
    while done < 3 {
        let (files, checkpoints) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let path = files.path().join("file");
        let job = || {
            let download = Download::new(key("k")).part_size(MIB as u64).concurrency(2);
            bucket.transfer(download.to_path(&path).checkpoint(checkpoints.path()))
        };
        if support::dropped_after(polls, job()).await.is_some() {
            done += 1;
        }
        job().await.unwrap_or_else(|error| panic!("after {polls} polls: {error:#}"));
        assert!(fs::read(&path).unwrap() == bytes);
        assert_eq!((names(files.path()).len(), names(checkpoints.path()).len()), (1, 0), "after {polls} polls");
        polls += 1;
    }
    assert!(polls > 5);
}
