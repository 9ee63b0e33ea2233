//! The proofs of transfers at full size, against the emulator in this process: long streams, processes that are killed,
//! futures that are dropped, sources that change, bodies that break off.
//!
//! `cargo run --release --example soak`, or `-- --small` for the sizes of every day. Each step prints what it found; the
//! program fails when one of them does. Processes that are to be killed are this program once more.

mod changes;
mod cuts;
mod drops;
mod kills;
mod noise;
mod stream;
mod worker;
mod world;

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;

use crate::world::{Scale, World};

/// The proofs of transfers at full size.
#[derive(Debug, Parser)]
#[command(name = "soak")]
struct Settings {
    /// Only this step (may be repeated)
    #[arg(long, value_name = "STEP")]
    only: Vec<String>,
    /// 64 MiB and 5 points of time, in place of up to 10 GiB and 50
    #[arg(long)]
    small: bool,
    /// What is drawn from it is the same in every run; the time of the machine is not
    #[arg(long)]
    seed: Option<u64>,
    /// The transport on hyper in place of the default
    #[arg(long)]
    hyper: bool,
}

type Outcome = Result<String, Box<dyn std::error::Error>>;
type Step = fn(&World) -> Outcome;

const STEPS: &[(&str, Step)] = &[
    ("stream", stream::unknown_length),
    ("kill-upload", kills::uploads),
    ("kill-download", kills::downloads),
    ("drop-upload", drops::uploads),
    ("drop-download", drops::downloads),
    ("cuts", cuts::in_a_download),
    ("source-changes", changes::of_the_source),
    ("object-changes", changes::of_the_object),
];

fn main() -> ExitCode {
    if let Some(status) = worker::be_one_if_asked() {
        return status;
    }
    let settings = Settings::parse();
    for name in &settings.only {
        if !STEPS.iter().any(|(step, _)| step == name) {
            let names: Vec<_> = STEPS.iter().map(|(step, _)| *step).collect();
            eprintln!("there is no step {name}; there are {}", names.join(", "));
            return ExitCode::from(2);
        }
    }
    let seed = settings.seed.unwrap_or_else(|| fastrand::u64(..1 << 32));
    println!("seed {seed}");
    let scale = if settings.small { Scale::SMALL } else { Scale::FULL };
    let mut failed = Vec::new();
    for &(name, step) in
        STEPS.iter().filter(|(name, _)| settings.only.is_empty() || settings.only.iter().any(|only| only == name))
    {
        #[allow(clippy::disallowed_methods)] // for the person who waits
        let start = Instant::now();
        match World::new(scale, seed, settings.hyper).and_then(|world| step(&world)) {
            Ok(figures) => println!("ok    {name:15} {:6.1} s  {figures}", start.elapsed().as_secs_f64()),
            Err(error) => {
                println!("FAIL  {name:15} {:6.1} s  {error}", start.elapsed().as_secs_f64());
                failed.push(name);
            }
        }
    }
    if failed.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("failed with --seed {seed}: {}", failed.join(", "));
    ExitCode::FAILURE
}
