//! Large objects, and many small ones, next to hyper and nothing else.
//!
//! Every round of every contender is a process of its own, so that its memory and its time on the processor are its own;
//! all talk to one server, another process. The floor keeps a connection for each worker and sends the heads that this
//! crate signs, but knows no checksum and no second attempt. Files lie in memory where there is a place for that. The
//! slow link takes 20 ms for a request and its answer, and carries 20 MB a second on each connection.
//!
//! Words on the command line: `--check` fails when a goal is missed, `--case up` (or `down`, `down-file`, `ranges`,
//! `ranges-ordered`, `slow-up`, `slow-down`, `small-up`, `small-down`), `--only ours` (or `ours-on-hyper`, `hyper`),
//! `--rounds`, `--size` and `--slow-size` in MiB, `--objects`, `--threads` of a contender, `--dir` for the files.
#![cfg_attr(not(unix), allow(unused))]
#![allow(clippy::disallowed_methods)] // a bench reads the clock

mod case;
#[cfg(unix)]
mod floor;
mod ours;
mod process;
#[path = "../support/rounds.rs"]
mod rounds;
mod server;
mod table;
#[path = "../support/typical.rs"]
mod typical;
#[path = "../support/words.rs"]
mod words;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use case::{Case, Kind, MIB, Task};
use server::Server;
use table::{Figures, Table};
use words::{chosen, has, number, text};

#[cfg(not(unix))]
fn main() -> ExitCode {
    println!("this bench needs a Unix system: its floor reads and writes files at offsets");
    ExitCode::FAILURE
}

#[cfg(unix)]
fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match std::env::var(process::ROLE).as_deref() {
        Ok("server") => server::serve(&words[0], words[1] == "slow"),
        Ok(_) => contend(Task::from_words(&words)),
        Err(_) => return compare(),
    }
    ExitCode::SUCCESS
}

/// All cases, each with a server of its own.
fn compare() -> ExitCode {
    let memory = Path::new("/dev/shm");
    let parent = text("--dir").map_or_else(std::env::temp_dir, PathBuf::from);
    let parent = if text("--dir").is_none() && memory.is_dir() { memory.to_owned() } else { parent };
    let directory = tempfile::Builder::new().prefix("cos-bench-").tempdir_in(parent).expect("a directory");
    let (source, destination) = (directory.path().join("source"), directory.path().join("destination"));
    let mut reached = true;
    for case in Case::ALL.into_iter().filter(|case| chosen("--case", case.name())) {
        let bytes = MIB * u64::from(if case.is_slow() { number("--slow-size", 512) } else { number("--size", 1024) });
        let size = if case.is_small() { u64::from(number("--objects", 20_000)) } else { bytes };
        write_source(&source, if case.is_small() { 0 } else { size });
        let mut server = Server::start(&source, case.is_slow());
        let task = |kind| Task {
            case,
            kind,
            server: server.address,
            source: source.clone(),
            destination: destination.clone(),
            size,
            threads: number("--threads", 1).into(),
        };
        let kinds = Kind::ALL.iter().copied().filter(|kind| chosen("--only", kind.name()));
        let mut contenders: Vec<(Task, Figures)> = kinds.map(|kind| (task(kind), Figures::default())).collect();
        for _ in 0..number("--rounds", if case.is_slow() { 3 } else { 5 }) {
            for (task, figures) in &mut contenders {
                let _ = std::fs::remove_file(&destination);
                server.seen();
                let line = in_a_process(task);
                figures.push(&line, server.seen());
            }
        }
        reached &= Table(contenders).print();
    }
    if has("--check") && !reached { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Bytes that no two parts have in common.
fn write_source(path: &Path, size: u64) {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path).expect("a file"));
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..size / 8 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        file.write_all(&state.to_le_bytes()).expect("room for the file");
    }
    file.flush().expect("room for the file");
}

/// One round; the line its process prints.
fn in_a_process(task: &Task) -> String {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    let output = command.env(process::ROLE, "contender").args(task.words()).output().expect("a process");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} {}: {errors}", task.case.name(), task.kind.name());
    String::from_utf8(output.stdout).expect("text")
}

/// One round, in the process made for it.
#[cfg(unix)]
fn contend(task: Task) {
    let mut runtime = match task.threads {
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    let threads = usize::try_from(task.threads).expect("a few");
    let runtime = runtime.worker_threads(threads).enable_all().build().expect("a runtime");
    let (seconds, cpu) = runtime.block_on(async {
        let bucket = ours::bucket(&task);
        if task.kind == Kind::Hyper {
            let floor = floor::Floor::prepare(task, &bucket).await.expect("a file");
            measured(floor.run()).await
        } else {
            measured(ours::run(task, bucket)).await
        }
    });
    println!("{seconds} {cpu} {}", process::peak_kib());
}

/// Seconds by the clock, and of the processor.
async fn measured<E: std::fmt::Debug>(work: impl Future<Output = Result<(), E>>) -> (f64, f64) {
    let (start, cpu) = (Instant::now(), process::cpu_nanos());
    work.await.expect("it goes well");
    (start.elapsed().as_secs_f64(), (process::cpu_nanos() - cpu) / 1e9)
}
