//! Uploads that go on in another process where an earlier one ended, by any means.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use cos_emulator::{Action, Effect, Emulator, Rule};
use tencent_cos::transfer::{Upload, UploadOutput, UploadSource};
use tencent_cos::{
    Attributes, Bucket, ByteStream, Client, Credentials, Endpoint, Error, ErrorKind, ObjectKey, Overrides,
};
use tokio::time::Instant;

use crate::support::{self, Random, count, full, noise, until};

const MIB: usize = 1024 * 1024;
const COMPLETE: &str = "Complete Multipart Upload";
const PART: &str = "Upload Part";

/// A source file, a directory for checkpoints, and a place to upload to.
struct Scene {
    emulator: Emulator,
    bucket: Bucket,
    folder: tempfile::TempDir,
    bytes: Bytes,
}

impl Scene {
    async fn new(length: usize) -> Self {
        let emulator = support::emulator().await;
        let folder = tempfile::tempdir().expect("a folder");
        let bytes = noise(length, 1);
        fs::write(folder.path().join("source"), &bytes).expect("room on the disk");
        Self { bucket: support::bucket(&emulator), emulator, folder, bytes }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("source")
    }

    fn checkpoints(&self) -> PathBuf {
        self.folder.path().join("checkpoints")
    }

    fn upload(&self) -> Upload {
        upload(&self.path(), &self.checkpoints())
    }

    async fn run(&self) -> Result<UploadOutput, Error> {
        self.bucket.transfer(self.upload()).await
    }

    /// Runs it until so many parts are stored, and drops it.
    async fn interrupt(&self, parts: u32) {
        let transfer = self.bucket.transfer(self.upload());
        let handle = transfer.handle();
        tokio::select! {
            outcome = transfer => panic!("it ended: {outcome:?}"),
            () = until("parts", || handle.progress().parts >= parts) => {}
        }
    }

    fn remembered(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.checkpoints()) else { return Vec::new() };
        entries.map(|entry| entry.expect("an entry").path()).collect()
    }

    fn parts_sent(&self) -> usize {
        let sent = self.emulator.journal().into_iter();
        sent.filter(|sent| sent.operation == PART && sent.status == Some(200)).count()
    }

    #[track_caller]
    fn check(&self) {
        let object = self.emulator.object(self.emulator.bucket(), "k").expect("an object");
        assert!(object.bytes() == self.bytes, "other bytes");
        assert!(self.emulator.uploads(self.emulator.bucket()).is_empty(), "an upload was left behind");
        assert_eq!(self.remembered(), Vec::<PathBuf>::new());
    }
}

fn upload(source: &Path, checkpoints: &Path) -> Upload {
    let key: ObjectKey = "k".parse().expect("a key");
    Upload::new(key, source).part_size(MIB as u64).concurrency(2).checkpoint(checkpoints)
}

fn slow_parts() -> Rule {
    Rule::on(PART).always().then(Action::StallBeforeHeaders(Duration::from_millis(20)))
}

#[tokio::test]
async fn what_was_uploaded_is_not_sent_again() {
    let scene = Scene::new(10 * MIB + 3).await;
    scene.emulator.script(slow_parts());
    scene.interrupt(4).await;
    assert_eq!(scene.remembered().len(), 1);
    scene.emulator.clear_journal();
    // A failure that passes keeps it, too; so does cancelling.
    scene.emulator.clear_script();
    scene.emulator.script(Rule::on(PART).always().then(Action::status(503, "SlowDown")));
    let bucket = scene.bucket.with(tencent_cos::Overrides::new().max_attempts(1));
    let error = bucket.transfer(scene.upload()).await.unwrap_err();
    assert_eq!(error.code(), Some("SlowDown"), "{error}");
    let transfer = scene.bucket.transfer(scene.upload());
    transfer.handle().cancel();
    assert_eq!(transfer.await.unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!((scene.remembered().len(), count(&scene.emulator, "Abort Multipart Upload")), (1, 0));

    scene.emulator.clear_script();
    let transfer = scene.bucket.transfer(scene.upload());
    let handle = transfer.handle();
    let output = transfer.await.unwrap();
    assert!(output.resumed_parts >= 4, "{output:?}");
    assert_eq!(scene.parts_sent(), (output.parts - output.resumed_parts) as usize);
    assert_eq!((output.parts, handle.progress().bytes), (11, scene.bytes.len() as u64));
    assert_eq!(count(&scene.emulator, "Initiate Multipart Upload"), 0);
    scene.check();
    // Nothing is left to go on with: all of it is sent.
    scene.emulator.clear_journal();
    assert_eq!(scene.run().await.unwrap().resumed_parts, 0);
    assert_eq!(scene.parts_sent(), 11);
    scene.check();
}

type Change = fn(&mut Scene) -> Upload;

#[tokio::test]
async fn a_checkpoint_of_anything_else_begins_anew_and_leaves_no_upload() {
    let changes: [(&str, Change); 5] = [
        ("another file", |scene| {
            fs::write(scene.path(), &scene.bytes).expect("room on the disk");
            scene.upload()
        }),
        ("other parts", |scene| scene.upload().part_size(2 * MIB as u64)),
        ("other attributes", |scene| scene.upload().attributes(Attributes::new().content_type("text/x-other"))),
        ("one request", |scene| scene.upload().part_size(8 * MIB as u64)),
        ("a small file", |scene| {
            scene.bytes.truncate(1000);
            fs::write(scene.path(), &scene.bytes).expect("room on the disk");
            scene.upload()
        }),
    ];
    for (name, change) in changes {
        let mut scene = Scene::new(8 * MIB).await;
        scene.emulator.script(slow_parts());
        scene.interrupt(2).await;
        let upload = change(&mut scene);
        let output = scene.bucket.transfer(upload).await.unwrap();
        assert_eq!(output.resumed_parts, 0, "{name}");
        scene.check();
    }
    // Torn, of another version, of nobody: no request about it.
    for garbage in ["", "tencent-cos checkpoint 1\n", "tencent-cos checkpoint 2\n0 {}\n", "\0\u{1}\u{2}"] {
        let scene = Scene::new(4 * MIB).await;
        scene.emulator.script(slow_parts());
        scene.interrupt(1).await;
        // What was under way arrives, or ends.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let left = scene.emulator.uploads(scene.emulator.bucket());
        fs::write(&scene.remembered()[0], garbage).unwrap();
        scene.emulator.clear_journal();
        assert_eq!(scene.run().await.unwrap().resumed_parts, 0, "{garbage:?}");
        assert_eq!(scene.emulator.uploads(scene.emulator.bucket()).len(), 1, "one that nobody knows of stays");
        let foreign = &left[0].upload_id;
        assert!(!scene.emulator.journal().iter().any(|sent| sent.target.contains(foreign.as_str())), "{garbage:?}");
        assert!(scene.remembered().is_empty());
    }
}

/// The same size, time and number of the file, but other bytes.
#[tokio::test]
async fn bytes_that_changed_between_two_runs_become_no_object() {
    let change = |scene: &Scene| {
        let modified = fs::metadata(scene.path()).unwrap().modified().unwrap();
        let file = fs::OpenOptions::new().write(true).open(scene.path()).unwrap();
        std::io::Write::write_all(&mut &file, b"other").unwrap();
        file.set_modified(modified).unwrap();
    };
    let scene = Scene::new(6 * MIB).await;
    scene.emulator.script(slow_parts());
    scene.interrupt(3).await;
    change(&scene);
    let error = scene.run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Changed, "{error}");
    assert_eq!(count(&scene.emulator, COMPLETE), 0);
    assert!(scene.emulator.uploads(scene.emulator.bucket()).is_empty() && scene.remembered().is_empty());
    // What an earlier run made of the old ones without hearing of it is not the object that is asked for now.
    let scene = Scene::new(4 * MIB).await;
    scene.emulator.script(Rule::on(COMPLETE).then(Action::ResetBeforeHeaders).effect(Effect::Apply));
    scene.emulator.script(Rule::on("HEAD Object").then(Action::status(403, "AccessDenied")));
    assert_eq!(scene.run().await.unwrap_err().kind(), ErrorKind::Ambiguous);
    change(&scene);
    let error = scene.run().await.unwrap_err();
    assert_eq!((error.kind(), error.upload_id(), scene.remembered().len()), (ErrorKind::Changed, None, 0), "{error}");
}

#[tokio::test]
async fn an_upload_that_is_gone_begins_anew_unless_it_became_the_object() {
    // Aborted by somebody.
    let scene = Scene::new(4 * MIB).await;
    scene.emulator.script(slow_parts());
    scene.interrupt(2).await;
    let given_up = scene.bucket.orphans(Duration::ZERO).abort().await.unwrap();
    assert_eq!((given_up.aborted.len(), given_up.failed.len()), (1, 0));
    assert_eq!(scene.run().await.unwrap().resumed_parts, 0);
    scene.check();
    // Completed by an earlier run that did not hear of it; and what it made is there no more.
    for deleted in [false, true] {
        let scene = Scene::new(4 * MIB).await;
        scene.emulator.script(Rule::on(COMPLETE).then(Action::ResetBeforeHeaders).effect(Effect::Apply));
        scene.emulator.script(Rule::on("HEAD Object").then(Action::status(403, "AccessDenied")));
        let error = scene.run().await.unwrap_err();
        assert_eq!((error.kind(), scene.remembered().len()), (ErrorKind::Ambiguous, 1), "{error}");
        if deleted {
            scene.bucket.delete("k").await.unwrap();
        }
        scene.emulator.clear_journal();
        let transfer = scene.bucket.transfer(scene.upload());
        let handle = transfer.handle();
        let output = transfer.await.unwrap();
        assert_eq!((output.reconciled, output.resumed_parts), (!deleted, if deleted { 0 } else { 4 }));
        assert_eq!((handle.progress().bytes, handle.progress().parts), (4 << 20, 4));
        let sent = (scene.parts_sent(), count(&scene.emulator, COMPLETE));
        assert_eq!(sent, if deleted { (4, 1) } else { (0, 0) });
        scene.check();
    }
}

/// Another run would be refused the same way.
#[tokio::test]
async fn an_upload_that_is_refused_for_good_is_not_kept() {
    for (status, code, kept) in [(400, "InvalidArgument", 0), (403, "AccessDenied", 1), (400, "ExpiredToken", 1)] {
        let scene = Scene::new(4 * MIB).await;
        scene.emulator.script(Rule::on(PART).skip(2).always().then(Action::status(status, code)));
        let error = scene.run().await.unwrap_err();
        assert_eq!(error.code(), Some(code), "{error}");
        let left = (scene.remembered().len(), scene.emulator.uploads(scene.emulator.bucket()).len());
        assert_eq!(left, (kept, kept), "{code}");
    }
}

/// Nobody is told to give up what is remembered.
#[tokio::test]
async fn an_upload_whose_parts_cannot_be_listed_now_stays_for_another_run() {
    let scene = Scene::new(4 * MIB).await;
    scene.interrupt(1).await;
    scene.emulator.script(Rule::on("List Parts").then(Action::status(503, "ServiceUnavailable")));
    let impatient = scene.bucket.with(Overrides::new().max_attempts(1));
    let error = impatient.transfer(scene.upload()).await.unwrap_err();
    assert_eq!((error.status(), error.upload_id(), scene.remembered().len()), (Some(503), None, 1), "{error}");
    assert!(scene.run().await.unwrap().resumed_parts >= 1);
    scene.check();
}

/// A key that may not list parts goes by what was recorded.
#[tokio::test]
async fn without_the_right_to_list_parts_an_upload_is_resumed_all_the_same() {
    let scene = Scene::new(6 * MIB).await;
    scene.emulator.script(slow_parts());
    scene.interrupt(3).await;
    scene.emulator.clear_script();
    // Any other error is one.
    scene.emulator.script(Rule::on("List Parts").then(Action::status(400, "InvalidArgument")));
    assert_eq!(scene.run().await.unwrap_err().code(), Some("InvalidArgument"));
    scene.emulator.script(Rule::on("List Parts").always().then(Action::status(403, "AccessDenied")));
    assert!(scene.run().await.unwrap().resumed_parts >= 3);
    scene.check();
}

#[tokio::test]
async fn one_upload_at_a_time_holds_a_checkpoint() {
    let scene = Scene::new(6 * MIB).await;
    scene.emulator.script(Rule::on(PART).always().then(Action::StallBeforeHeaders(Duration::from_secs(3600))));
    let first = scene.bucket.transfer(scene.upload());
    let handle = first.handle();
    let (first, second) = tokio::join!(first, async {
        until("a checkpoint", || !scene.remembered().is_empty()).await;
        let second = scene.run().await;
        handle.cancel();
        second
    });
    let error = second.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "{error}");
    assert_eq!(first.unwrap_err().kind(), ErrorKind::Cancelled);
    scene.emulator.clear_script();
    scene.run().await.unwrap();
    scene.check();
}

/// Kills an upload at random points and begins it anew until it ends: the bytes are the same, and no more parts are sent
/// twice than were under way at a kill. 5 kills of 64 MiB; with `COS_FULL` in the environment, 50 of 256 MiB.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_is_killed_goes_on_where_it_was() {
    let (kills, mib) = if full() { (50, 256) } else { (5, 64) };
    let seed = Random::seed();
    println!("COS_SEED={seed}");
    let mut random = Random(seed);
    let scene = Scene::new(mib * MIB).await;
    scene.emulator.script(slow_parts());
    let span = mib / (kills + 1);
    for kill in 1..=kills {
        let already = scene.parts_sent();
        let mut child = helper(&scene, "upload").spawn().expect("a process");
        let goal = already + 1 + usize::try_from(random.below(span.max(2) as u64)).expect("small") / 2;
        let begun = Instant::now();
        while scene.parts_sent() < goal || scene.remembered().is_empty() {
            assert!(begun.elapsed() < Duration::from_secs(60), "seed {seed}: {} of {goal}", scene.parts_sent());
            assert!(child.try_wait().expect("a process").is_none(), "seed {seed}, kill {kill}: it ended");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_micros(random.below(30_000))).await;
        child.kill().expect("killed");
        child.wait().expect("dead");
        assert!(scene.emulator.object(scene.emulator.bucket(), "k").is_none());
    }
    let status = tokio::task::spawn_blocking({
        let mut last = helper(&scene, "upload");
        move || last.status()
    });
    assert!(status.await.unwrap().unwrap().success(), "seed {seed}");
    scene.check();
    let sent = scene.parts_sent();
    assert!(sent <= mib + 2 * kills, "seed {seed}: {sent} parts sent for {mib}, of which two at once");
    assert_eq!(count(&scene.emulator, "Initiate Multipart Upload"), 1, "seed {seed}");
}

/// A stream of unknown length needs no more than the client's limit of memory: 192 MiB within 16 MiB; with `COS_FULL` in
/// the environment, 10 GiB within 64 MiB.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_any_length_needs_bounded_memory() {
    let scene = Scene::new(1).await;
    let (stream, limit) = if full() { (10 * 1024, 64) } else { (192, 16) };
    let mut child = helper(&scene, "stream");
    child.env("COS_HELPER_MIB", format!("{stream} {limit}")).stdout(Stdio::piped());
    let output = tokio::task::spawn_blocking(move || child.output()).await.unwrap().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{told}");
    let grown: u64 = told.lines().find_map(|line| line.strip_prefix("grown by KiB: ")?.parse().ok()).expect("a figure");
    println!("{stream} MiB within {limit} MiB: grown by {grown} KiB");
    assert!(grown <= (limit + 8) * 1024, "grown by {grown} KiB");
    let object = scene.emulator.object(scene.emulator.bucket(), "k").unwrap();
    assert_eq!(object.size(), stream * MIB as u64);
}

/// This program once more, as [`helper_process`].
fn helper(scene: &Scene, task: &str) -> Command {
    let emulator = &scene.emulator;
    let mut command = Command::new(std::env::current_exe().expect("a program"));
    command.args(["--exact", "upload_resume::helper_process", "--nocapture"]).stdout(Stdio::null()).envs([
        ("COS_HELPER", task),
        ("COS_HELPER_ENDPOINT", &emulator.endpoint()),
        ("COS_HELPER_REGION", emulator.region()),
        ("COS_HELPER_BUCKET", emulator.bucket()),
        ("COS_HELPER_ID", emulator.secret_id()),
        ("COS_HELPER_KEY", emulator.secret_key()),
        ("COS_HELPER_SOURCE", scene.path().to_str().expect("text")),
        ("COS_HELPER_CHECKPOINTS", scene.checkpoints().to_str().expect("text")),
    ]);
    command
}

/// No test: what runs in the processes that the tests above start, to be killed or measured.
#[test]
fn helper_process() {
    let var = |name: &str| std::env::var(format!("COS_HELPER{name}")).expect("set by the test");
    let Ok(task) = std::env::var("COS_HELPER") else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let client = Client::builder()
            .transport(support::transport())
            .region(var("_REGION"))
            .endpoint(Endpoint::custom(var("_ENDPOINT")).unwrap())
            .credentials(Credentials::permanent(var("_ID"), var("_KEY")).unwrap());
        if task == "upload" {
            let bucket = client.build().and_then(|client| client.bucket(var("_BUCKET"))).unwrap();
            let upload = upload(Path::new(&var("_SOURCE")), Path::new(&var("_CHECKPOINTS")));
            bucket.transfer(upload).await.unwrap();
            return;
        }
        let sizes: Vec<u64> = var("_MIB").split(' ').map(|size| size.parse().unwrap()).collect();
        let (length, limit) = (sizes[0], sizes[1]);
        let client = client.memory_limit(limit * MIB as u64).build().unwrap();
        let bucket = client.bucket(var("_BUCKET")).unwrap();
        bucket.put("warm", noise(MIB, 1)).await.unwrap();
        let before = resident("VmRSS:");
        let piece = noise(256 * 1024, 2);
        let pieces = futures_util::stream::iter((0..4 * length).map(move |_| Ok::<_, Error>(piece.clone())));
        let source = UploadSource::stream(ByteStream::new(None, pieces));
        bucket.transfer(Upload::new("k".parse().unwrap(), source)).await.unwrap();
        println!("\ngrown by KiB: {}", resident("VmHWM:").saturating_sub(before));
    });
}

/// KiB of memory of this process.
fn resident(field: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

/// A file name is bytes on this system, and need not be Unicode.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_file_of_any_name_is_remembered() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    let scene = Scene::new(10 * MIB).await;
    scene.emulator.script(slow_parts());
    let name = |bytes| scene.folder.path().join(OsStr::from_bytes(bytes));
    for bytes in [b"caf\xe9", b"caf\xe8"] {
        fs::write(name(bytes), &scene.bytes).unwrap();
        let transfer = scene.bucket.transfer(upload(&name(bytes), &scene.checkpoints()));
        let handle = transfer.handle();
        tokio::select! {
            outcome = transfer => panic!("it ended: {outcome:?}"),
            () = until("parts", || handle.progress().parts >= 1) => {}
        }
    }
    until("both are remembered", || scene.remembered().len() == 2).await;
    let output = scene.bucket.transfer(upload(&name(b"caf\xe9"), &scene.checkpoints())).await.unwrap();
    assert!(output.resumed_parts >= 1, "{output:?}");
    assert_eq!(scene.emulator.object(scene.emulator.bucket(), "k").unwrap().bytes(), scene.bytes);
}

/// What was under way then comes to its end after that.
#[tokio::test]
async fn dropped_at_any_point_an_upload_is_gone_on_with_at_once() {
    let (mut polls, mut done) = (0_u32, 0);
    while done < 3 {
        let scene = Scene::new(3 * MIB).await;
        if support::dropped_after(polls, scene.bucket.transfer(scene.upload())).await.is_some() {
            done += 1;
        }
        scene.run().await.unwrap_or_else(|error| panic!("after {polls} polls: {error:#}"));
        until("nothing is left", || scene.emulator.uploads(scene.emulator.bucket()).is_empty()).await;
        scene.check();
        polls += 1;
    }
    assert!(polls > 5);
}
