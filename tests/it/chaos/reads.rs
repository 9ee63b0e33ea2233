//! Objects that are read slowly, in part, or not at all, and replaced meanwhile: what is read is the beginning of the one
//! object, all of it is at the end, and the client works as before.

use std::time::Duration;

use bytes::Bytes;
use cos_emulator::Emulator;
use tencent_cos::transfer::Download;
use tencent_cos::{Bucket, ByteStream, Client, GetObject, Integrity, Result};

use super::together::all_connections_are_free;
use super::weather::{PAUSED, Pace, REAL, Weather, faults};
use super::{MIB, key};
use crate::support::{self, InMemory, Random, full, noise};

const KEY: &str = "k";
const CONNECTIONS: usize = 2;

struct Reads {
    emulator: Emulator,
    client: Client,
    bucket: Bucket,
    random: Random,
    pace: Pace,
    weather: Weather,
    story: Vec<String>,
    whole: u64,
    dropped: u64,
    failed: u64,
}

impl Reads {
    fn new(emulator: Emulator, client: Client, seed: u64, pace: Pace, weather: Weather) -> Self {
        let bucket = client.bucket(emulator.bucket()).expect("a bucket");
        let (story, random) = (Vec::new(), Random(seed));
        Self { emulator, client, bucket, random, pace, weather, story, whole: 0, dropped: 0, failed: 0 }
    }

    fn in_memory(seed: u64, weather: Weather) -> Self {
        let rig = InMemory::new();
        let client = rig.client().max_connections(CONNECTIONS).build().expect("a client");
        Self::new(rig.emulator, client, seed, PAUSED, weather)
    }

    async fn over_sockets(seed: u64, weather: Weather) -> Self {
        let emulator = support::emulator().await;
        let limit = Duration::from_millis(400);
        let client = support::client(&emulator).stall_timeout(limit).response_timeout(limit);
        let client = client.max_connections(CONNECTIONS).build().expect("a client");
        Self::new(emulator, client, seed, REAL, weather)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.random.below(end as u64)).expect("less than that")
    }

    fn store(&mut self) -> Bytes {
        let length = [self.below(10_000), self.below(3 << 20)][self.below(2)];
        let content = noise(length, self.random.next());
        self.emulator.put_object(self.emulator.bucket(), KEY, content.clone());
        content
    }

    /// The object, or the rest of it from somewhere, and where.
    async fn open(&mut self, length: usize) -> Result<(ByteStream, usize, bool)> {
        let from = self.below(length + 1);
        match self.below(4) {
            0 if from < length => {
                let get = GetObject::new(key(KEY)).range(from as u64..);
                let object = self.bucket.send(get).await?;
                Ok((object.body, from, false))
            }
            0 | 1 => {
                let download = Download::new(key(KEY)).part_size(MIB).to_stream();
                let object = self.bucket.transfer(download).await?;
                Ok((object.body, 0, matches!(object.integrity, Integrity::Crc64(_))))
            }
            _ => {
                let object = self.bucket.get(KEY).await?;
                Ok((object.body, 0, matches!(object.integrity, Integrity::Crc64(_))))
            }
        }
    }

    async fn step(&mut self, calm: bool) {
        let content = self.store();
        self.story.push(format!("{} bytes{}", content.len(), if calm { ", calm" } else { "" }));
        let (mut body, from, checked) = match self.open(content.len()).await {
            Ok(opened) => opened,
            Err(error) => {
                self.story.push(format!("  {error:#}"));
                self.failed += 1;
                assert!(!calm, "nothing went wrong\n{}", self.story.join("\n"));
                return;
            }
        };
        let wanted = content.slice(from..);
        let (end, slow, replaced) = (self.below(2 * wanted.len() + 1), self.below(3) == 0, self.below(4) == 0);
        if replaced {
            self.store();
        }
        self.story.push(format!("  from {from} to {end}, slow: {slow}, replaced: {replaced}"));
        // Bytes that are changed on the way come as they are, until the checksum tells.
        let compared = self.weather == Weather::Honest;
        let mut read = Vec::new();
        while read.len() < end {
            if slow && self.below(4) == 0 {
                let longest = if self.pace.sockets { 60 } else { 1_000_000 };
                tokio::time::sleep(Duration::from_millis(self.random.below(longest))).await;
            }
            match body.next().await {
                Some(Ok(piece)) => read.extend_from_slice(&piece),
                Some(Err(error)) => {
                    self.failed += 1;
                    self.story.push(format!("  {error:#}"));
                    assert!(!calm || replaced, "nothing went wrong\n{}", self.story.join("\n"));
                    assert!(body.next().await.is_none(), "an error is the last item");
                    break;
                }
                None => {
                    let right = read == wanted || !compared && !checked && read.len() == wanted.len();
                    assert!(right, "{} of {} bytes\n{}", read.len(), wanted.len(), self.story.join("\n"));
                    self.whole += 1;
                    return;
                }
            }
            let right = !compared || wanted.starts_with(&read);
            assert!(right, "the first {} bytes are others\n{}", read.len(), self.story.join("\n"));
        }
        self.dropped += 1;
    }

    async fn live(&mut self, steps: usize) {
        let mut part = 0.0;
        for step in 0..steps {
            if step % 8 == 0 {
                all_connections_are_free(&self.client, &self.emulator, CONNECTIONS).await;
                part = [0.0, 0.3, 0.6, 0.9][self.below(4)];
                faults(&self.emulator, &mut self.random, self.weather, self.pace, part);
            }
            self.step(part == 0.0).await;
        }
        all_connections_are_free(&self.client, &self.emulator, CONNECTIONS).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_read_is_one_object_from_its_beginning() {
    let seed = Random::seed();
    println!("COS_SEED={seed}");
    let worlds = if full() { 40 } else { 2 };
    for weather in [Weather::Honest, Weather::Corrupting] {
        let (mut whole, mut dropped, mut failed) = (0, 0, 0);
        for number in 0..worlds {
            let mut reads = Reads::in_memory(seed.wrapping_add(number), weather);
            reads.live(32).await;
            whole += reads.whole;
            dropped += reads.dropped;
            failed += reads.failed;
        }
        println!("{weather:?}: {whole} whole, {dropped} dropped, {failed} failed");
        assert!(whole > 2 * worlds && dropped > 2 * worlds);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_read_is_one_object_on_every_transport() {
    let seed = Random::seed();
    println!("COS_SEED={seed}");
    let mut reads = Reads::over_sockets(seed, Weather::Honest).await;
    reads.live(if full() { 800 } else { 24 }).await;
    println!("{} whole, {} dropped, {} failed", reads.whole, reads.dropped, reads.failed);
}
