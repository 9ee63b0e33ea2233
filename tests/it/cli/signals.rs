//! Ctrl-C, SIGTERM and SIGHUP, whatever `cos` waits for.

use std::fs::OpenOptions;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::shell::{Shell, program, text};

/// The end of a child that was sent a signal.
fn end(mut child: Child, signal: &str) -> (Option<i32>, String) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
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
    assert!(Command::new("kill").args(["-HUP", &child.id().to_string()]).status().unwrap().success());
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
