//! Downloads to a file that are dropped, cancelled and resumed, of an object that is replaced meanwhile: under its name
//! there is never a file that is not whole, and never one of two objects.

use std::fs;
use std::future::{Future as _, poll_fn};
use std::path::PathBuf;
use std::pin::pin;
use std::task::Poll;

use bytes::Bytes;
use tempfile::TempDir;
use tencent_cos::transfer::{Download, DownloadOutput};
use tencent_cos::{Bucket, Integrity, Result};

use super::weather::{PAUSED, Weather, faults};
use super::{MIB, key};
use crate::download::names;
use crate::support::{InMemory, Random, full, noise};

const KEY: &str = "k";

struct Files {
    memory: InMemory,
    bucket: Bucket,
    folder: TempDir,
    checkpoints: TempDir,
    random: Random,
    weather: Weather,
    story: Vec<String>,
    runs: Runs,
}

#[derive(Debug, Default)]
struct Runs {
    whole: u64,
    failed: u64,
    dropped: u64,
}

/// How a run goes, but for the weather. A moment is so many turns of the runtime from its beginning.
#[derive(Debug)]
struct Plan {
    checkpoint: bool,
    forbid_overwrite: bool,
    concurrency: usize,
    dropped: Option<u64>,
    cancelled: Option<u64>,
    /// When the object becomes another.
    replaced: Option<u64>,
}

impl Files {
    fn new(seed: u64, weather: Weather) -> Self {
        let memory = InMemory::new();
        let folder = || tempfile::tempdir().expect("a folder");
        Self {
            bucket: memory.bucket(),
            memory,
            folder: folder(),
            checkpoints: folder(),
            random: Random(seed),
            weather,
            story: Vec::new(),
            runs: Runs::default(),
        }
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.random.below(end as u64)).expect("less than that")
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("file")
    }

    fn file(&self) -> Option<Bytes> {
        fs::read(self.path()).ok().map(Bytes::from)
    }

    fn content(&mut self) -> Bytes {
        let length = [0, self.below(10_000), self.below(3 << 20), self.below(3 << 20)][self.below(4)];
        noise(length, self.random.next())
    }

    fn store(&self, content: &Bytes) {
        self.memory.emulator.put_object(self.memory.emulator.bucket(), KEY, content.clone());
    }

    fn plan(&mut self) -> Plan {
        let mut after = |one_in, doublings| {
            let most = 2 << self.random.below(doublings);
            let turns = 1 + self.random.below(most);
            (self.random.below(one_in) == 0).then_some(turns)
        };
        // Only while it is being read does another object matter.
        let (dropped, cancelled, replaced) = (after(4, 13), after(8, 13), after(3, 9));
        Plan {
            checkpoint: self.below(3) > 0,
            forbid_overwrite: self.below(8) == 0,
            concurrency: 1 + self.below(3),
            dropped,
            cancelled,
            replaced,
        }
    }

    async fn run(&self, plan: &Plan, next: &Bytes) -> Option<Result<DownloadOutput>> {
        let download = Download::new(key(KEY)).part_size(MIB).concurrency(plan.concurrency);
        let mut download = download.to_path(self.path());
        if plan.forbid_overwrite {
            download = download.forbid_overwrite();
        }
        if plan.checkpoint {
            download = download.checkpoint(self.checkpoints.path());
        }
        let transfer = self.bucket.transfer(download);
        let handle = transfer.handle();
        let (mut transfer, mut turn) = (pin!(transfer), 0);
        let last = [plan.replaced, plan.cancelled, plan.dropped].into_iter().flatten().max();
        poll_fn(|cx| {
            turn += 1;
            if plan.replaced == Some(turn) {
                self.store(next);
            }
            if plan.cancelled == Some(turn) {
                handle.cancel();
            }
            if plan.dropped == Some(turn) {
                return Poll::Ready(None);
            }
            if last > Some(turn) {
                cx.waker().wake_by_ref();
            }
            transfer.as_mut().poll(cx).map(Some)
        })
        .await
    }

    async fn step(&mut self, part: f64) {
        if self.below(3) == 0 {
            let content = self.content();
            self.store(&content);
        }
        if self.below(5) == 0 {
            drop(fs::remove_file(self.path()));
        }
        let plan = self.plan();
        let (before, beside) = (self.file(), names(self.folder.path()));
        let object = self.memory.emulator.object(self.memory.emulator.bucket(), KEY).map(|object| object.bytes());
        let next = match &object {
            // Of the same length, so that the ranges of both would fit together.
            Some(object) if self.below(2) == 0 => noise(object.len(), self.random.next()),
            _ => self.content(),
        };
        self.story.push(format!("{part} {plan:?}, {:?} bytes", object.as_ref().map(Bytes::len)));
        let outcome = self.run(&plan, &next).await;
        tokio::time::sleep(PAUSED.settled).await;
        let (after, left) = (self.file(), names(self.folder.path()));
        self.story.push(format!("  {outcome:?}, {left:?}"));
        let story = self.story.join("\n");
        let mut whole = [object.clone(), plan.replaced.map(|_| next)].into_iter().flatten();
        let kept = after == before;
        let is_whole = after.as_ref().is_some_and(|after| whole.any(|content| content == after));
        let (emptied, ours) = (left.iter().all(|name| name == "file"), names(self.checkpoints.path()));
        match &outcome {
            Some(Ok(output)) => {
                self.runs.whole += 1;
                let unverified = matches!(output.integrity, Integrity::Unverified(_));
                assert!(is_whole || unverified && self.weather == Weather::Corrupting, "it is not whole\n{story}");
                assert!(!plan.forbid_overwrite || before.is_none(), "it was overwritten\n{story}");
                assert!(!plan.checkpoint || emptied && ours.is_empty(), "{left:?}, {ours:?} is left\n{story}");
            }
            Some(Err(_)) => {
                self.runs.failed += 1;
                assert!(kept, "it failed, and the file is another\n{story}");
                let calm = part == 0.0 && plan.cancelled.is_none() && plan.replaced.is_none() && object.is_some();
                assert!(!calm || plan.forbid_overwrite && before.is_some(), "nothing went wrong\n{story}");
            }
            None => {
                self.runs.dropped += 1;
                assert!(kept || is_whole && !(plan.forbid_overwrite && before.is_some()), "it is not whole\n{story}");
            }
        }
        let new = left.iter().any(|name| name != "file" && !beside.contains(name));
        assert!(plan.checkpoint || !new, "{left:?} is left\n{story}");
    }
}

async fn files(weather: Weather) {
    let seed = Random::seed();
    println!("COS_SEED={seed}");
    let mut all = Runs::default();
    for number in 0..if full() { 100 } else { 5 } {
        let mut files = Files::new(seed.wrapping_add(number), weather);
        let mut part = 0.0;
        for step in 0..48 {
            if step % 6 == 0 {
                part = [0.0, 0.1, 0.3, 0.6][files.below(4)];
                faults(&files.memory.emulator, &mut files.random, weather, PAUSED, part);
            }
            files.step(part).await;
        }
        all.whole += files.runs.whole;
        all.failed += files.runs.failed;
        all.dropped += files.runs.dropped;
    }
    println!("{all:?}");
    assert!(all.whole > 10 && all.failed > 5 && all.dropped > 0, "{all:?}");
}

#[tokio::test(start_paused = true)]
async fn a_file_is_whole_or_not_there() {
    files(Weather::Honest).await;
}

#[tokio::test(start_paused = true)]
async fn a_file_is_right_or_not_there() {
    files(Weather::Corrupting).await;
}
