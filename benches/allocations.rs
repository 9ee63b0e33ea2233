//! Allocations of a signature and of small requests, next to the bare transport and to hyper.
//!
//! A bench of its own, because counting takes time. `-- --check` fails when the goal is missed.

mod support {
    pub mod by_hand;
    pub mod contenders;
    pub mod floor;
    pub mod server;
    pub mod signing;
    pub mod typical;
    pub mod words;
}

use std::alloc::System;
use std::process::ExitCode;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use support::contenders::{Kind, Verb, workers};
use support::server::{Server, be_the_server_if_asked};
use support::signing::{credentials, put};
use support::typical::token;
use support::words::has;
use tencent_cos::sign::{self, SigningKey};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const TIMES: u32 = 1000;
/// Of a signature.
const GOAL: f64 = 4.0;

fn main() -> ExitCode {
    be_the_server_if_asked();
    println!("{:30} {:>12} {:>8}", "", "allocations", "bytes");

    let key = SigningKey::for_key_time(&credentials(&token()), 1_700_000_000, 1_700_003_600).expect("a key");
    let mut head = put();
    sign::headers(&mut head, &key);
    let region = Region::new(ALLOCATOR);
    for _ in 0..TIMES {
        sign::headers(&mut head, &key);
    }
    let signature = report("sign::headers", &region);

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let server = Server::start();
        for verb in [Verb::Put, Verb::Get] {
            for &kind in Kind::ALL {
                let worker = &mut workers(kind, verb, server.address, 1).await[0];
                for _ in 0..10 {
                    worker.once(verb).await;
                }
                let region = Region::new(ALLOCATOR);
                for _ in 0..TIMES {
                    worker.once(verb).await;
                }
                report(&format!("{} 4 KiB, {}", verb.name(), kind.name()), &region);
            }
        }
    });
    println!("goal: {GOAL} for a signature: {}", if signature <= GOAL { "reached" } else { "missed" });
    if has("--check") && signature > GOAL { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn report(name: &str, region: &Region<System>) -> f64 {
    let change = region.change();
    let each = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / f64::from(TIMES);
    let allocations = each(change.allocations + change.reallocations);
    println!("{name:30} {allocations:12.1} {:8.0}", each(change.bytes_allocated));
    allocations
}
