//! What the tests of the programs share.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use cos_emulator::Emulator;
use serde_json::Value;
use tempfile::TempDir;

/// What names a key, or where one is.
pub const KEY_VARIABLES: [&str; 10] = [
    "TENCENTCLOUD_SECRET_ID",
    "TENCENTCLOUD_SECRET_KEY",
    "TENCENTCLOUD_TOKEN",
    "TENCENTCLOUD_SECURITY_TOKEN",
    "QCLOUD_SECRET_TOKEN",
    "TENCENTCLOUD_CREDENTIALS_FILE",
    "TCCLI_PROFILE",
    "TKE_PROVIDER_ID",
    "TKE_WEB_IDENTITY_TOKEN_FILE",
    "TKE_ROLE_ARN",
];

/// A program that `cargo test --workspace` builds beside this one.
pub fn program(name: &str) -> PathBuf {
    let own = env::current_exe().expect("a test knows where it is");
    let profile = own.ancestors().nth(2).expect("tests are in deps");
    let path = profile.join(name).with_extension(env::consts::EXE_EXTENSION);
    assert!(path.exists(), "{} is missing: `cargo test --workspace` builds it", path.display());
    path
}

/// Where `cos` runs: its environment, and a directory of its own.
pub struct Shell {
    pub variables: Vec<(String, String)>,
    pub directory: TempDir,
    emulator: Option<Child>,
}

impl Shell {
    /// With an emulator in a process of its own, and a temporary key of it.
    pub fn new() -> Self {
        Self::with(&[])
    }

    /// The same, with buckets of its own: `--bucket NAME-APPID@REGION`.
    pub fn with(buckets: &[&str]) -> Self {
        let mut command = Command::new(program("cos-emulator"));
        command.args(["--listen", "127.0.0.1:0", "--strict", "--temporary", "3600"]).args(buckets);
        command.stdout(Stdio::piped());
        let mut emulator = command.spawn().expect("the emulator starts");
        let mut variables = Vec::new();
        for line in BufReader::new(emulator.stdout.take().expect("it is piped")).lines() {
            let line = line.expect("the emulator prints text");
            let Some((name, value)) = line.strip_prefix("export ").and_then(|line| line.split_once('=')) else {
                continue;
            };
            variables.push((name.to_owned(), value.to_owned()));
            if name == "TENCENTCLOUD_TOKEN" {
                break;
            }
        }
        assert_eq!(variables.len(), 6, "the emulator ended early");
        Self { variables, directory: tempfile::tempdir().unwrap(), emulator: Some(emulator) }
    }

    /// With an emulator in this process, which a script makes fail.
    pub fn over(emulator: &Emulator) -> Self {
        let variables = [
            ("COS_ENDPOINT", emulator.endpoint()),
            ("COS_BUCKET", emulator.bucket().to_owned()),
            ("COS_REGION", emulator.region().to_owned()),
            ("TENCENTCLOUD_SECRET_ID", emulator.secret_id().to_owned()),
            ("TENCENTCLOUD_SECRET_KEY", emulator.secret_key().to_owned()),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value)).into();
        Self { variables, directory: tempfile::tempdir().unwrap(), emulator: None }
    }

    /// Without an emulator.
    pub fn offline() -> Self {
        Self { variables: Vec::new(), directory: tempfile::tempdir().unwrap(), emulator: None }
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new(program("examples/cos"));
        command.current_dir(self.directory.path());
        // Nor the keys this machine may have for its user.
        command.env("HOME", self.directory.path()).env("USERPROFILE", self.directory.path());
        for name in ["COS_ENDPOINT", "STS_ENDPOINT", "COS_REGION", "TENCENTCLOUD_REGION", "TKE_REGION"]
            .into_iter()
            .chain(KEY_VARIABLES)
        {
            command.env_remove(name);
        }
        command.envs(self.variables.clone());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().expect("cos starts")
    }

    /// What a command printed that must succeed.
    pub fn done(&self, arguments: &[&str]) -> Vec<u8> {
        let output = self.run(arguments);
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""), "cos {arguments:?}");
        output.stdout
    }

    /// What `ls` listed, and the sum it told.
    pub fn listed(&self, arguments: &[&str]) -> (String, String) {
        let output = self.run(&[&["ls"], arguments].concat());
        let (printed, told) = (text(&output.stdout).to_owned(), text(&output.stderr).to_owned());
        assert_eq!(output.status.code(), Some(0), "cos ls {arguments:?}: {told}");
        (printed, told)
    }

    pub fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let printed = self.done(&[&["--json"], arguments].concat());
        text(&printed).lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }

    /// What a command told on standard error, and its status.
    pub fn failed(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.run(arguments);
        let (status, told) = (output.status.code().expect("no signal"), text(&output.stderr).to_owned());
        assert!(status != 0 && output.stdout.is_empty(), "cos {arguments:?}: {status} {}", text(&output.stdout));
        (status, told)
    }

    pub fn fed(&self, arguments: &[&str], input: &[u8]) -> Output {
        let mut child = self.command().args(arguments).stdin(Stdio::piped()).spawn().expect("cos starts");
        let mut stdin = child.stdin.take().expect("it is piped");
        let input = input.to_vec();
        // From a thread, as the program may print before it has read everything.
        let writer = std::thread::spawn(move || stdin.write_all(&input));
        let output = child.wait_with_output().expect("cos ends");
        let _ = writer.join().expect("the thread ends");
        output
    }

    /// The end of a command whose output nobody reads.
    pub fn unread(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let (reader, stdout) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = self.command().args(arguments).stdout(stdout).output().expect("cos starts");
        (output.status.code(), text(&output.stderr).to_owned())
    }

    /// Stores an object; standard input is the body.
    pub fn put(&self, url: &str, body: &str) {
        let output = self.fed(&["cp", "-", url], body.as_bytes());
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""), "{url}");
    }

    pub fn bucket(&self) -> &str {
        let (_, bucket) = self.variables.iter().find(|(name, _)| name == "COS_BUCKET").expect("a bucket");
        bucket
    }

    pub fn url(&self, key: &str) -> String {
        format!("cos://{}/{key}", self.bucket())
    }

    /// Sets a variable, or another value of it.
    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.retain(|(it, _)| it != name);
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).expect("the test directory is writable");
    }

    pub fn files(&self) -> Vec<String> {
        names(self.directory.path())
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        if let Some(emulator) = &mut self.emulator {
            let _ = emulator.kill();
            let _ = emulator.wait();
        }
    }
}

pub fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("a directory");
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

pub fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("cos prints UTF-8")
}

/// Bytes that repeat nowhere near a buffer size.
pub fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from((at * 7 + at / 251) % 256).unwrap_or_default()).collect()
}
