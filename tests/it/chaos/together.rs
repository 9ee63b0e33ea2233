//! Several worlds at once with one client, each with a bucket of its own: the same is so, and every connection the client
//! may have is given back.

use std::sync::Arc;
use std::time::Duration;

use cos_emulator::Emulator;
use futures_util::future::join_all;
use tencent_cos::{Client, CreateBucket};

use super::weather::{PAUSED, Pace, REAL, Weather};
use super::{World, live};
use crate::support::{self, InMemory, Random, full, noise};

const CONNECTIONS: usize = 3;

/// As many objects as may be read at once are, and no more.
pub async fn all_connections_are_free(client: &Client, emulator: &Emulator, connections: usize) {
    emulator.clear_script();
    emulator.put_object(emulator.bucket(), "free", noise(4 << 20, 1));
    let bucket = client.bucket(emulator.bucket()).expect("a bucket");
    let get_within = |millis| tokio::time::timeout(Duration::from_millis(millis), bucket.get("free"));
    let mut held = Vec::new();
    for number in 0..connections {
        let object =
            get_within(5_000).await.unwrap_or_else(|_| panic!("{number} of {connections} connections are free"));
        held.push(object.expect("nothing goes wrong"));
    }
    assert!(get_within(200).await.is_err(), "there are more than {connections}");
    for object in held {
        object.bytes(8 << 20).await.expect("all of it");
    }
}

async fn together(client: Client, emulator: Emulator, seed: u64, steps: usize, pace: Pace) {
    let emulator = Arc::new(emulator);
    let worlds = ["one", "two", "three", "four"].into_iter().enumerate().map(|(number, name)| {
        let bucket = client.bucket(format!("{name}-1250000000")).expect("a bucket");
        let emulator = Arc::clone(&emulator);
        async move {
            bucket.send(CreateBucket::new()).await.expect("a bucket");
            World::new(emulator, bucket, seed.wrapping_add(number as u64), Weather::Honest, pace)
        }
    });
    let worlds = join_all(worlds).await;
    let lives = worlds.into_iter().map(|world| tokio::spawn(live(world, steps)));
    for life in join_all(lives).await {
        let (succeeded, failed) = life.expect("no panic");
        println!("{succeeded} calls succeeded, {failed} failed");
    }
    // What was dropped is over.
    tokio::time::sleep(pace.settled).await;
    all_connections_are_free(&client, &emulator, CONNECTIONS).await;
}

#[tokio::test(start_paused = true)]
async fn what_many_calls_say_at_once_is_so() {
    let seed = Random::seed();
    println!("COS_SEED={seed}");
    for number in 0..if full() { 50 } else { 1 } {
        let rig = InMemory::new();
        let client = rig.client().max_connections(CONNECTIONS).build().expect("a client");
        // Each waits for the others, too.
        let pace = Pace { longest: 8 * PAUSED.longest, ..PAUSED };
        together(client, rig.emulator, seed.wrapping_add(4 * number), 100, pace).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_many_calls_say_at_once_is_so_on_every_transport() {
    let seed = Random::seed();
    println!("COS_SEED={seed}");
    let emulator = support::emulator().await;
    let limit = Duration::from_millis(400);
    let client = support::client(&emulator).stall_timeout(limit).response_timeout(limit);
    let client = client.max_connections(CONNECTIONS).build().expect("a client");
    together(client, emulator, seed, if full() { 1_000 } else { 30 }, REAL).await;
}
