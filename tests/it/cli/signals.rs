//! Ctrl-C, SIGTERM and SIGHUP, whatever `cos` waits for.

use std::fs::{self, OpenOptions};
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use cos_emulator::{Action, Emulator, Matcher, Rule};

use super::shell::{Shell, bytes, names, program, text};

const INTERRUPTED: &str = "cos: interrupted; with --checkpoint DIR the same command would go on where it ended\n";

fn send(child: &Child, signal: &str) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

/// The end of a child that was sent a signal.
fn end(mut child: Child, signal: &str) -> (Option<i32>, String) {
    send(&child, signal);
    let mut patience = 1000;
    while child.try_wait().unwrap().is_none() {
        if patience == 0 {
            child.kill().unwrap();
        }
        patience -= 1;
        std::thread::sleep(Duration::from_millis(10));
    }
    let mut told = String::new();
    child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    (child.wait().unwrap().code(), told)
}

#[test]
fn they_are_heard_while_input_does_not_come() {
    let shell = Shell::new();
    assert!(Command::new("mkfifo").arg(shell.path("in")).status().unwrap().success());
    let put = shell.url("k");
    for arguments in [&["sign", "--request", "in"][..], &["sts", "--policy", "in"], &["cp", "in", &put]] {
        for signal in ["-INT", "-TERM"] {
            let child = shell.command().args(arguments).spawn().unwrap();
            // Opens once `cos` reads.
            let input = OpenOptions::new().write(true).open(shell.path("in")).unwrap();
            let (status, told) = end(child, signal);
            assert!(status == Some(130) && told.starts_with("cos: interrupted"), "{arguments:?}: {status:?} {told}");
            drop(input);
        }
    }
}

/// A terminal that is closed ends it in order, unless it was told to go on without one.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_hangup_is_heard_unless_it_is_ignored() {
    let emulator = crate::support::emulator().await;
    let shell = Shell::over(&emulator);
    assert!(Command::new("mkfifo").arg(shell.path("in")).status().unwrap().success());
    let begin = |disposition: &str| {
        let cos = shell.command();
        let mut command = Command::new("env");
        command.arg(disposition).arg(cos.get_program()).current_dir(shell.directory.path());
        command.envs(cos.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.args(["cp", "in", &shell.url("k"), "--part-size", "1MiB"]);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        (child, OpenOptions::new().write(true).open(shell.path("in")).unwrap())
    };
    let more_than_a_part = vec![b'x'; 3 << 20];
    let (child, mut input) = begin("--default-signal=HUP");
    input.write_all(&more_than_a_part).unwrap();
    crate::support::until("a part is there", || emulator.count("Upload Part") > 0).await;
    let (status, told) = end(child, "-HUP");
    assert!(status == Some(130) && told.starts_with("cos: interrupted"), "{status:?} {told}");
    assert!(emulator.uploads(emulator.bucket()).is_empty());
    drop(input);

    emulator.clear_journal();
    let (child, mut input) = begin("--ignore-signal=HUP");
    input.write_all(&more_than_a_part).unwrap();
    crate::support::until("a part is there", || emulator.count("Upload Part") > 0).await;
    send(&child, "-HUP");
    input.write_all(b"the end").unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
    assert_eq!(emulator.object(emulator.bucket(), "k").unwrap().bytes().len(), (3 << 20) + 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn they_are_heard_while_nobody_reads_what_is_printed() {
    let emulator = crate::support::emulator().await;
    let name = "n".repeat(200);
    for number in 0..1000 {
        emulator.put_object(emulator.bucket(), &format!("{name}{number}"), "x");
    }
    let shell = Shell::over(&emulator);
    for signal in ["-INT", "-TERM"] {
        let mut child = shell.command().args(["ls", &shell.url("")]).stdout(Stdio::piped()).spawn().unwrap();
        let mut printed = child.stdout.take().unwrap();
        printed.read_exact(&mut [0]).unwrap();
        assert_eq!(end(child, signal), (Some(130), "cos: interrupted\n".to_owned()));
    }
}

#[test]
fn input_without_an_end_is_refused() {
    let shell = Shell::new();
    let endless = vec![b' '; 64 * 1024 + 1];
    for arguments in [["sign", "--request", "-"], ["sts", "--policy", "-"]] {
        let output = shell.fed(&arguments, &endless);
        let told = "cos: -: is longer than 64.00 KiB (65536 bytes)\n";
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(1), told), "{arguments:?}");
    }
}

#[test]
fn the_emulator_ends_well_when_nobody_reads_its_lines_any_more() {
    let mut command = Command::new(program("cos-emulator"));
    command.args(["--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = child.stdout.take().unwrap();
    let mut printed = Vec::new();
    while !printed.ends_with(b"export TENCENTCLOUD_SECRET_KEY=FAKE") {
        let mut byte = [0];
        lines.read_exact(&mut byte).unwrap();
        printed.extend(byte);
    }
    drop(lines);
    // It listens for signals once all is printed.
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(end(child, "-TERM"), (Some(0), String::new()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_interrupted_download_leaves_no_trace() {
    let emulator = crate::support::emulator().await;
    emulator.put_object(emulator.bucket(), "k", bytes(1 << 20));
    let stall = Action::StallBody { at: 300_000, lasting: Duration::from_secs(15) };
    emulator.script(Rule::on("GET Object").then(stall));
    let shell = Shell::over(&emulator);
    let child = shell.command().args(["cp", &shell.url("k"), "out"]).spawn().unwrap();
    let patience = tokio::time::Instant::now() + Duration::from_secs(10);
    let begun = || fs::read_dir(shell.directory.path()).unwrap().any(|it| it.unwrap().metadata().unwrap().len() > 0);
    while !begun() && tokio::time::Instant::now() < patience {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(begun(), "nothing arrived");
    send(&child, "-INT");
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(130), INTERRUPTED));
    assert!(shell.files().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_interrupted_upload_leaves_nothing_or_goes_on_and_what_is_left_is_found() {
    let emulator = crate::support::emulator().await;
    let shell = Shell::over(&emulator);
    let (url, content) = (shell.url("large"), bytes(4 << 20));
    shell.write("in", &content);
    let parts = ["cp", "in", &url, "--part-size", "1MiB", "--concurrency", "1"];
    for (signal, checkpoint, left) in [("-INT", &[][..], 0), ("-TERM", &[], 0), ("-INT", &["--checkpoint", "state"], 1)]
    {
        let output = interrupt_at_the_third_part(&emulator, &shell, signal, &[&parts, checkpoint].concat()).await;
        assert_eq!(emulator.uploads(emulator.bucket()).len(), left);
        assert_eq!(text(&output.stderr).contains("is remembered in state"), left == 1, "{}", text(&output.stderr));
        emulator.clear_script();
    }
    let bucket = format!("cos://{}", emulator.bucket());
    assert_eq!(shell.json(&["orphans", &bucket])[0]["orphans"], 0, "not a day old");
    let found = shell.json(&["orphans", &bucket, "--older-than", "0s"]);
    assert_eq!((found[0]["action"].as_str(), found[0]["key"].as_str()), (Some("orphan"), Some("large")));
    let resumed = &shell.json(&[&parts[..], &["--checkpoint", "state"]].concat())[0];
    assert_eq!(resumed["resumed_parts"], 2, "{resumed}");
    assert_eq!(emulator.object(emulator.bucket(), "large").unwrap().bytes(), content);
    assert!(names(&shell.path("state")).is_empty());

    let upload = tencent_cos::InitiateMultipartUpload::new("left".parse().unwrap());
    crate::support::bucket(&emulator).send(upload).await.unwrap();
    let done = shell.json(&["orphans", &bucket, "--older-than", "0s", "--abort"]);
    assert_eq!((done[0]["key"].as_str(), done[1]["aborted"].as_u64()), (Some("left"), Some(1)));
    assert!(emulator.uploads(emulator.bucket()).is_empty());
}

async fn interrupt_at_the_third_part(emulator: &Emulator, shell: &Shell, signal: &str, arguments: &[&str]) -> Output {
    let stall = Action::StallBeforeHeaders(Duration::from_secs(20));
    emulator.script(Rule::on("Upload Part").skip(2).then(stall).always());
    emulator.clear_journal();
    let child = shell.command().args(arguments).spawn().unwrap();
    crate::support::until("the third part is on its way", || emulator.count("Upload Part") == 3).await;
    send(&child, signal);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    output
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_upload_that_cannot_be_given_up_is_named() {
    let emulator = crate::support::emulator().await;
    let shell = Shell::over(&emulator);
    shell.write("in", bytes(4 << 20));
    emulator.script(Rule::on("Abort Multipart Upload").then(Action::status(403, "AccessDenied")).always());
    let cp = ["cp", "in", &shell.url("large"), "--part-size", "1MiB", "--concurrency", "1"];
    let output = interrupt_at_the_third_part(&emulator, &shell, "-INT", &cp).await;
    let left = &emulator.uploads(emulator.bucket())[0];
    let told = "could not be given up; `cos orphans --abort` does it later";
    let told = format!("cos: {}: upload {} {told}\n", shell.url("large"), left.upload_id);
    assert!(text(&output.stderr).contains(&told), "{}", text(&output.stderr));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn uploads_of_a_tree_that_cannot_be_given_up_are_named_once() {
    let emulator = crate::support::emulator().await;
    let shell = Shell::over(&emulator);
    fs::create_dir(shell.path("tree")).unwrap();
    shell.write("tree/large", bytes(4 << 20));
    emulator.script(Rule::on("Abort Multipart Upload").then(Action::status(403, "AccessDenied")).always());
    let cp = ["cp", "-r", "tree", &shell.url("up/"), "--part-size", "1MiB", "--concurrency", "1"];
    let output = interrupt_at_the_third_part(&emulator, &shell, "-INT", &cp).await;
    assert_eq!(text(&output.stderr).matches(" could not be given up").count(), 1, "{}", text(&output.stderr));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn copies_that_are_interrupted_give_up_every_upload() {
    let emulator = crate::support::emulator().await;
    for key in ["from/1", "from/2"] {
        emulator.put_object(emulator.bucket(), key, bytes(3 << 20));
    }
    // The second takes longer to be given up.
    let slow = Matcher::operation("Abort Multipart Upload").key("to/2");
    emulator.script(Rule::on(slow).then(Action::Delay(Duration::from_millis(500))).always());
    let shell = Shell::over(&emulator);
    let copy = ["cp", "-r", &shell.url("from/"), &shell.url("to/"), "--part-size", "1MiB", "--concurrency", "3"];
    let stall = Action::StallBeforeHeaders(Duration::from_secs(20));
    emulator.script(Rule::on("Upload Part - Copy").then(stall).always());
    let child = shell.command().args(copy).spawn().unwrap();
    crate::support::until("all parts are on their way", || emulator.count("Upload Part - Copy") == 6).await;
    send(&child, "-INT");
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        (output.status.code(), text(&output.stderr)),
        (Some(130), "cos: interrupted; done so far: 0 files; `cos sync` goes on with the rest\n")
    );
    assert!(emulator.uploads(emulator.bucket()).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_interrupted_tree_tells_how_much_of_it_is_done() {
    let emulator = crate::support::emulator().await;
    let shell = Shell::over(&emulator);
    fs::create_dir(shell.path("tree")).unwrap();
    for number in 0..10 {
        shell.write(&format!("tree/{number}"), "x");
    }
    let stall = Action::StallBeforeHeaders(Duration::from_secs(20));
    emulator.script(Rule::on("PUT Object").skip(3).then(stall).always());
    let child = shell.command().args(["sync", "tree", &shell.url("up/")]).spawn().unwrap();
    crate::support::until("all files are on their way", || emulator.count("PUT Object") == 10).await;
    send(&child, "-INT");
    let output = child.wait_with_output().unwrap();
    let told = text(&output.stderr);
    assert!(output.status.code() == Some(130) && told.starts_with("cos: interrupted; done so far: "), "{told}");
}
