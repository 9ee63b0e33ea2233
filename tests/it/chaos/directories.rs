//! A directory, what is in a bucket and its copies, made alike again and again while they change.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use tempfile::TempDir;
use tencent_cos::transfer::{Compare, CopyDirectory, DirectoryReport, DownloadDirectory, UploadDirectory};
use tencent_cos::{Bucket, Result};

use super::weather::{PAUSED, Weather, faults};
use crate::support::{InMemory, Random, full, noise};

const MIB: u64 = 1024 * 1024;
const NAMES: [&str; 6] = ["a", "b/c", "b/d/e", "b.txt", "é f+%", "z"];

/// Names and what is in them.
type Tree = BTreeMap<String, Bytes>;

fn on_disk(root: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut open = vec![root.to_path_buf()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
                tree.insert(name, fs::read(&path).unwrap().into());
            }
        }
    }
    tree
}

async fn in_bucket(memory: &InMemory, bucket: &Bucket, prefix: &str) -> Tree {
    memory.emulator.clear_script();
    let objects: Vec<_> = bucket.list(prefix).try_collect().await.expect("a listing");
    let content = |key: &str| memory.emulator.object(memory.emulator.bucket(), key).expect("an object").bytes();
    objects.iter().map(|object| (object.key[prefix.len()..].to_owned(), content(&object.key))).collect()
}

/// Some names get other bytes, some go; the first is always there, since nothing is made like a side that is empty.
fn change(random: &mut Random) -> Vec<(&'static str, Option<Bytes>)> {
    let mut changes = Vec::new();
    for name in NAMES {
        let length = match random.below(6) {
            0 => 0,
            1 => random.below(3_000),
            2 => MIB + random.below(2 * MIB),
            3 if name != NAMES[0] => {
                changes.push((name, None));
                continue;
            }
            _ if name != NAMES[0] => continue,
            _ => 10,
        };
        changes.push((name, Some(noise(usize::try_from(length).unwrap(), random.next()))));
    }
    changes
}

fn write(root: &Path, changes: Vec<(&str, Option<Bytes>)>) {
    for (name, content) in changes {
        let path = root.join(name);
        match content {
            Some(content) => {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, content).unwrap();
            }
            None => drop(fs::remove_file(path)),
        }
    }
}

async fn store(memory: &InMemory, bucket: &Bucket, changes: Vec<(&str, Option<Bytes>)>) {
    for (name, content) in changes {
        let key = format!("p/{name}");
        match content {
            Some(content) => memory.emulator.put_object(memory.emulator.bucket(), &key, content),
            None => drop(bucket.delete(key).await.expect("a delete")),
        }
    }
}

/// What a run leaves: each name as it was or as it shall be, all of them where it says so.
fn check(before: &Tree, wanted: &Tree, after: &Tree, outcome: Option<&Result<DirectoryReport>>, story: &str) {
    let failed = |name: &str| match outcome {
        Some(Ok(report)) if report.ended_by.is_none() => report.failures.iter().any(|failure| {
            let is = |text: &str| text.ends_with(name);
            failure.key.as_deref().is_some_and(is)
        }),
        _ => true,
    };
    for name in NAMES {
        let (was, shall, is) = (before.get(name), wanted.get(name), after.get(name));
        assert!(is == was || is == shall, "{name} is neither\n{story}");
        assert!(is == shall || failed(name) || shall.is_none(), "{name} did not fail and is as it was\n{story}");
    }
    if let Some(Ok(report)) = outcome
        && report.is_complete()
    {
        assert!(after == wanted, "{:?} in place of {:?}\n{story}", after.keys(), wanted.keys());
    }
}

/// The two sides, and what a transfer that ended early keeps for the next.
struct Sides {
    memory: InMemory,
    bucket: Bucket,
    root: TempDir,
    checkpoints: TempDir,
    random: Random,
}

#[derive(Clone, Copy, Debug)]
enum Way {
    Up,
    Down,
    Across,
}

impl Sides {
    fn new(seed: u64) -> Self {
        let memory = InMemory::new();
        let bucket = memory.bucket();
        let directory = || tempfile::tempdir().expect("a directory");
        Self { memory, bucket, root: directory(), checkpoints: directory(), random: Random(seed) }
    }

    async fn change(&mut self, way: Way) {
        let changes = change(&mut self.random);
        match way {
            Way::Up => write(self.root.path(), changes),
            Way::Down | Way::Across => store(&self.memory, &self.bucket, changes).await,
        }
    }

    /// Where it comes from, and where it goes.
    async fn trees(&self, way: Way) -> (Tree, Tree) {
        let (disk, objects) = (on_disk(self.root.path()), in_bucket(&self.memory, &self.bucket, "p/").await);
        match way {
            Way::Up => (disk, objects),
            Way::Down => (objects, disk),
            Way::Across => (objects, in_bucket(&self.memory, &self.bucket, "c/").await),
        }
    }

    /// Makes the other side like the first, or breaks off after a while.
    async fn sync(&mut self, way: Way, part: f64, patience: Option<Duration>) -> Option<Result<DirectoryReport>> {
        faults(&self.memory.emulator, &mut self.random, Weather::Honest, PAUSED, part);
        let (root, kept) = (self.root.path(), self.checkpoints.path());
        let transfer = match way {
            Way::Up => self.bucket.transfer(
                UploadDirectory::new(root, "p/")
                    .sync(Compare::Crc64)
                    .delete_extraneous()
                    .checkpoint(kept)
                    .each(|_, upload| upload.part_size(MIB)),
            ),
            Way::Down => self.bucket.transfer(
                DownloadDirectory::new("p/", root)
                    .sync(Compare::Crc64)
                    .delete_extraneous()
                    .checkpoint(kept)
                    .each(|_, download| download.part_size(MIB)),
            ),
            Way::Across => self.bucket.transfer(
                CopyDirectory::new("p/", "c/")
                    .sync(Compare::Crc64)
                    .delete_extraneous()
                    .each(|_, copy| copy.part_size(MIB)),
            ),
        };
        let outcome = match patience {
            Some(patience) => tokio::time::timeout(patience, transfer).await.ok(),
            None => Some(transfer.await),
        };
        tokio::time::sleep(PAUSED.settled).await;
        outcome
    }
}

#[derive(Default)]
struct Runs {
    complete: u32,
    incomplete: u32,
    dropped: u32,
}

impl Runs {
    /// Makes the sides alike, in as many runs as that takes; the sixth is let pass.
    async fn until_alike(&mut self, sides: &mut Sides, way: Way) {
        for run in 0.. {
            let part = if run < 5 { [0.1, 0.4, 0.8][(sides.random.next() % 3) as usize] } else { 0.0 };
            let millis = sides.random.below(400);
            let patience = (part > 0.0 && millis < 100).then(|| Duration::from_millis(4 * millis));
            let (wanted, before) = sides.trees(way).await;
            let outcome = sides.sync(way, part, patience).await;
            let (_, after) = sides.trees(way).await;
            check(&before, &wanted, &after, outcome.as_ref(), &format!("run {run} {way:?}: {outcome:?}"));
            match outcome {
                Some(Ok(report)) if report.is_complete() => {
                    self.complete += 1;
                    return;
                }
                Some(outcome) => {
                    assert!(part > 0.0, "nothing went wrong: {outcome:?}");
                    self.incomplete += 1;
                }
                None => self.dropped += 1,
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn directories_are_made_alike() {
    let seed = Random::seed();
    println!("COS_SEED={seed}");
    let mut runs = Runs::default();
    for number in 0..if full() { 100 } else { 3 } {
        let mut sides = Sides::new(seed.wrapping_add(number));
        for _ in 0..20 {
            let way = sides.random.pick(&[Way::Up, Way::Down, Way::Across]);
            sides.change(way).await;
            runs.until_alike(&mut sides, way).await;
        }
    }
    let Runs { complete, incomplete, dropped } = runs;
    println!("{complete} runs complete, {incomplete} not, {dropped} dropped");
    assert!(complete > 0 && incomplete > 0 && dropped > 0);
}
