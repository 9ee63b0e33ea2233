//! The program around the emulator.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

#[test]
fn it_stops_quietly_when_nobody_listens_to_it_any_more() {
    let program = Command::new(env!("CARGO_BIN_EXE_cos-emulator"))
        .args(["--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut program = program.unwrap();
    let lines = BufReader::new(program.stdout.take().unwrap()).lines().map(Result::unwrap);
    // The last of the lines to copy; then the pipe is closed, as `head` does.
    assert!(lines.into_iter().any(|line| line.starts_with("export TENCENTCLOUD_SECRET_KEY=")));
    assert!(Command::new("kill").arg(program.id().to_string()).status().unwrap().success());
    let mut said = String::new();
    program.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(program.wait().unwrap().success(), "{said}");
    assert_eq!(said, "");
}
