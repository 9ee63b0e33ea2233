//! Small objects, 4 KiB, sixteen at a time, next to the bare transport and to a hyper connection for each worker.
//!
//! All send the same header bytes to a server in a process of its own. With the feature `hyper` our transport of that
//! name runs too. Between ours and the bare transports stands, by hand on each of them, what nobody can leave out who
//! sends many objects to COS: a signature, a checksum, a look at the answer. Only what is below its figure is ours to
//! gain.
//!
//! First on the runtime that `#[tokio::main]` makes, where client and server share the cores: the goals are for this one.
//! Then on one thread, which the client fills: there every microsecond shows, and nothing is fast but what does little.
//!
//! Words on the command line: `--check` fails when a goal is missed, `--only ours` (or another name of the table),
//! `--verb put` (or `get`), `--threads N` for such a runtime alone, `--blocks` with a server and connections of their
//! own, `--rounds` of a block, and `--requests` of a round.
#![allow(clippy::disallowed_methods)] // a bench reads the clock

mod support {
    pub mod by_hand;
    pub mod contenders;
    pub mod floor;
    pub mod rounds;
    pub mod server;
    pub mod typical;
    pub mod wire;
    pub mod words;
}

use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::time::Instant;

use support::contenders::{Kind, Verb, Worker, workers};
use support::rounds::Rounds;
use support::server::{Server, be_the_server_if_asked};
use support::wire::send_the_same;
use support::words::{chosen, has, number};

const WORKERS: u32 = 16;

fn main() -> ExitCode {
    be_the_server_if_asked();
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let runtimes = match number("--threads", 0) as usize {
        0 => vec![cores, 1],
        threads => vec![threads],
    };
    let reached: Vec<bool> = runtimes.into_iter().map(on_threads).collect();
    if has("--check") && !reached[0] { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn on_threads(threads: usize) -> bool {
    println!("on {threads} thread{}", if threads == 1 { "" } else { "s" });
    let mut runtime = match threads {
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    let runtime = runtime.worker_threads(threads).enable_all().build().expect("a runtime");
    runtime.block_on(compare())
}

async fn compare() -> bool {
    let mut reached = true;
    for verb in [Verb::Put, Verb::Get].into_iter().filter(|verb| chosen("--verb", verb.name())) {
        send_the_same(verb).await;
        let kinds = Kind::ALL.iter().filter(|kind| chosen("--only", kind.name()));
        let mut contenders: Vec<_> = kinds.map(|&kind| Contender::new(kind)).collect();
        let (blocks, rounds, requests) = (number("--blocks", 9), number("--rounds", 5), number("--requests", 8000));
        for _ in 0..blocks {
            // Which thread serves which connection is decided when they are made, and holds as long as they do.
            let server = Server::start();
            for contender in &mut contenders {
                contender.workers = workers(contender.kind, verb, server.address, WORKERS as usize).await;
                contender.run(verb, WORKERS * 20).await;
            }
            for _ in 0..rounds {
                for contender in &mut contenders {
                    contender.round(verb, requests).await;
                }
                // There and back, so that nobody always comes after the same.
                contenders.reverse();
            }
            for contender in &mut contenders {
                contender.workers.clear();
            }
        }
        contenders.sort_by_key(|contender| Kind::ALL.iter().position(|kind| *kind == contender.kind));
        reached &= table(verb, &contenders);
    }
    reached
}

struct Contender {
    kind: Kind,
    workers: Vec<Worker>,
    /// Requests a second.
    rate: Rounds,
    /// Milliseconds of the processor for 1000 requests, of this process.
    cpu: Rounds,
}

impl Contender {
    fn new(kind: Kind) -> Self {
        Self { kind, workers: Vec::new(), rate: Rounds::default(), cpu: Rounds::default() }
    }

    async fn round(&mut self, verb: Verb, requests: u32) {
        let (start, cpu) = (Instant::now(), cpu_nanos());
        self.run(verb, requests).await;
        self.rate.push(f64::from(requests) / start.elapsed().as_secs_f64());
        self.cpu.push((cpu_nanos() - cpu) / 1e3 / f64::from(requests));
    }

    async fn run(&mut self, verb: Verb, requests: u32) {
        let running: Vec<_> = std::mem::take(&mut self.workers)
            .into_iter()
            .map(|mut worker| {
                tokio::spawn(async move {
                    for _ in 0..requests / WORKERS {
                        worker.once(verb).await;
                    }
                    worker
                })
            })
            .collect();
        for worker in running {
            self.workers.push(worker.await.expect("a worker"));
        }
    }
}

fn table(verb: Verb, contenders: &[Contender]) -> bool {
    println!(
        "{:16} {:>9} {:>8} {:>10} {:>12} {:>10} {:>14} {:>14}",
        format!("{} 4 KiB", verb.name()),
        "per s",
        "spread",
        "× by hand",
        "× reqwest",
        "× hyper",
        "CPU ms / 1000",
        "CPU × reqwest"
    );
    let find = |kind| contenders.iter().find(|contender| contender.kind == kind);
    let ratio = |kind, to, figure: fn(&Contender) -> &Rounds| {
        let (mine, theirs) = find(kind).zip(find(to))?;
        Some(figure(mine).over(figure(theirs)).median())
    };
    for contender in contenders {
        let over = |to, figure| ratio(contender.kind, to, figure).unwrap_or(f64::NAN);
        println!(
            "{:16} {:9.0} {:7.1}% {:10.2} {:12.2} {:10.2} {:14.1} {:14.2}",
            contender.kind.name(),
            contender.rate.median(),
            contender.rate.spread() * 100.0,
            over(by_hand(contender.kind), |contender| &contender.rate),
            over(Kind::Reqwest, |contender| &contender.rate),
            over(Kind::Hyper, |contender| &contender.rate),
            contender.cpu.median(),
            over(Kind::Reqwest, |contender| &contender.cpu),
        );
    }
    let mut reached = true;
    for &(kind, to, goal) in goals(verb) {
        if let Some(ratio) = ratio(kind, to, |contender| &contender.rate) {
            let verdict = if ratio >= goal { "reached" } else { "missed" };
            println!("goal: {} at {goal:.2} of {}: {verdict}", kind.name(), to.name());
            reached &= ratio >= goal;
        }
    }
    println!();
    reached
}

/// Who does the same work by hand, on the same transport.
fn by_hand(kind: Kind) -> Kind {
    match kind {
        Kind::Ours | Kind::ByHand | Kind::Reqwest => Kind::ByHand,
        #[cfg(feature = "hyper")]
        Kind::OursOnHyper => Kind::ByHandOnHyper,
        Kind::ByHandOnHyper | Kind::Hyper => Kind::ByHandOnHyper,
    }
}

/// Who shall have how much of whose throughput.
fn goals(verb: Verb) -> &'static [(Kind, Kind, f64)] {
    match verb {
        Verb::Put => &[
            (Kind::Ours, Kind::Reqwest, 0.90),
            #[cfg(feature = "hyper")]
            (Kind::OursOnHyper, Kind::Hyper, 0.80),
        ],
        Verb::Get => &[
            (Kind::Ours, Kind::Reqwest, 0.90),
            #[cfg(feature = "hyper")]
            (Kind::OursOnHyper, Kind::Hyper, 0.85),
        ],
    }
}

/// What the threads of this process used of the processor; 0 where the system does not tell it so.
fn cpu_nanos() -> f64 {
    let Ok(threads) = std::fs::read_dir("/proc/self/task") else { return 0.0 };
    let used = |thread: std::fs::DirEntry| {
        let text = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<f64>().ok()
    };
    threads.flatten().filter_map(used).sum()
}
