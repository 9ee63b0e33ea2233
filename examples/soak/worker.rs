//! A process that runs one transfer, to be measured or killed.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};

use tencent_cos::Bucket;
use tencent_cos::transfer::{Download, Upload, UploadSource};

use crate::noise::Noise;
use crate::world::{World, bucket_with};

const ROLE: &str = "COS_SOAK_WORKER";
/// What the transfers move.
pub const KEY: &str = "an object";

/// What a worker is to do.
pub enum Task<'a> {
    /// Noise of a length it does not tell.
    Stream {
        length: u64,
        memory: u64,
    },
    Upload {
        file: &'a Path,
        checkpoints: &'a Path,
    },
    Download {
        file: &'a Path,
        checkpoints: &'a Path,
    },
}

/// A process, past its beginning: its transfer is under way.
pub struct Worker(Child, BufReader<std::process::ChildStdout>);

impl Worker {
    pub fn start(world: &World, task: &Task<'_>) -> std::io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.env(ROLE, "1").stdout(Stdio::piped()).stderr(Stdio::piped());
        let transport = if world.hyper { "hyper" } else { "reqwest" };
        command.args([&*world.emulator.endpoint(), world.emulator.bucket(), transport]);
        match task {
            Task::Stream { length, memory } => {
                command.args(["stream", &length.to_string(), &memory.to_string(), &world.seed.to_string()]);
            }
            Task::Upload { file, checkpoints } => drop(command.arg("upload").args([file, checkpoints])),
            Task::Download { file, checkpoints } => drop(command.arg("download").args([file, checkpoints])),
        }
        let mut child = command.spawn()?;
        let mut output = BufReader::new(child.stdout.take().expect("its output"));
        output.read_line(&mut String::new())?;
        Ok(Self(child, output))
    }

    /// SIGKILL. Whether it was still at work.
    pub fn kill(mut self) -> std::io::Result<bool> {
        let at_work = self.0.try_wait()?.is_none();
        self.0.kill()?;
        self.0.wait()?;
        Ok(at_work)
    }

    /// Waits for its success, and takes the most memory it had, in bytes.
    pub fn finish(mut self) -> Result<u64, Box<dyn std::error::Error>> {
        let (mut said, mut complained) = (String::new(), String::new());
        self.1.read_to_string(&mut said)?;
        self.0.stderr.take().expect("its errors").read_to_string(&mut complained)?;
        if !self.0.wait()?.success() {
            return Err(format!("a worker failed: {complained}").into());
        }
        Ok(said.trim().parse()?)
    }
}

pub fn be_one_if_asked() -> Option<ExitCode> {
    std::env::var_os(ROLE)?;
    let words: Vec<String> = std::env::args().skip(1).collect();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    Some(match runtime.block_on(work(&words)) {
        Ok(()) => {
            println!("{}", peak_bytes());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error:?}");
            ExitCode::FAILURE
        }
    })
}

async fn work(words: &[String]) -> Result<(), Box<dyn std::error::Error>> {
    let [endpoint, name, transport, kind, rest @ ..] = words else { return Err("too few words".into()) };
    let memory = if kind == "stream" { rest[1].parse()? } else { 64 * crate::world::MIB };
    let bucket: Bucket = bucket_with(endpoint, name, transport == "hyper", memory)?;
    println!("begin");
    match (kind.as_str(), rest) {
        ("stream", [length, _, seed]) => {
            let noise = Noise::new(seed.parse()?, length.parse()?);
            bucket.upload(KEY, UploadSource::reader(None, noise)).await?;
        }
        ("upload", [file, checkpoints]) => {
            let upload = Upload::new(KEY.parse()?, PathBuf::from(file)).checkpoint(checkpoints);
            bucket.transfer(upload).await?;
        }
        ("download", [file, checkpoints]) => {
            let download = Download::new(KEY.parse()?).to_path(file).checkpoint(checkpoints);
            bucket.transfer(download).await?;
        }
        _ => return Err(format!("no work: {kind}").into()),
    }
    Ok(())
}

/// The most memory this process ever had; 0 where the system does not tell it so.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1024
}
