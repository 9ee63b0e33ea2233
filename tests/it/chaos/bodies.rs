//! Bodies of every kind, and sources that fail: what came whole is stored whole, and of what did not nothing is.

use std::error::Error as _;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use cos_emulator::Emulator;
use futures_util::stream;
use tempfile::TempDir;
use tencent_cos::transfer::{Upload, UploadSource};
use tencent_cos::{Body, Bucket, ByteStream, Error, ErrorKind, PutObject, Result};

use super::weather::{PAUSED, Pace, REAL, Weather, faults};
use super::{MIB, key};
use crate::support::{self, InMemory, Random, full, noise};

const KEY: &str = "k";
const FIRE: &str = "the disk is on fire";

#[derive(Clone, Copy, Debug)]
enum Kind {
    Once,
    Factory,
    File,
    /// Other bytes each time.
    Fickle,
    /// Uploads only: nobody knows how long it is.
    Endless,
}

/// What is wrong with a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    Nothing,
    Fails,
    Short,
    Long,
    Panics,
}

/// The bytes in pieces, as far as they come.
fn flow(content: &Bytes, wrong: Wrong, piece: usize, length: Option<u64>) -> ByteStream {
    let end = match wrong {
        Wrong::Nothing | Wrong::Long => content.len(),
        Wrong::Fails | Wrong::Short | Wrong::Panics => content.len() / 2,
    };
    let mut pieces: Vec<Option<Bytes>> =
        (0..end).step_by(piece).map(|start| Some(content.slice(start..end.min(start + piece)))).collect();
    match wrong {
        Wrong::Nothing | Wrong::Short => {}
        Wrong::Long => pieces.push(Some(Bytes::from_static(b"more"))),
        Wrong::Fails | Wrong::Panics => pieces.push(None),
    }
    ByteStream::new(
        length,
        stream::iter(pieces.into_iter().map(move |piece| match piece {
            Some(piece) => Ok(piece),
            None if wrong == Wrong::Panics => std::panic::resume_unwind(Box::new(FIRE)),
            None => Err(io::Error::other(FIRE)),
        })),
    )
}

struct Bodies {
    emulator: Emulator,
    bucket: Bucket,
    random: Random,
    folder: TempDir,
    pace: Pace,
    story: Vec<String>,
    succeeded: u64,
    failed: u64,
}

impl Bodies {
    fn new(emulator: Emulator, bucket: Bucket, seed: u64, pace: Pace) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { emulator, bucket, random: Random(seed), folder, pace, story: Vec::new(), succeeded: 0, failed: 0 }
    }

    fn in_memory(seed: u64) -> Self {
        let rig = InMemory::new();
        let bucket = rig.bucket();
        Self::new(rig.emulator, bucket, seed, PAUSED)
    }

    async fn over_sockets(seed: u64) -> Self {
        let emulator = support::emulator().await;
        let limit = Duration::from_millis(400);
        let client = support::client(&emulator).stall_timeout(limit).response_timeout(limit);
        let bucket = client.build().and_then(|client| client.bucket(emulator.bucket())).expect("a bucket");
        Self::new(emulator, bucket, seed, REAL)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.random.below(end as u64)).expect("less than that")
    }

    fn there(&self) -> Option<Bytes> {
        self.emulator.object(self.emulator.bucket(), KEY).map(|object| object.bytes())
    }

    fn told(&self) -> String {
        self.story.join("\n")
    }

    /// A file that has what a source with that fault has. One that is longer is none: a part of it is asked for.
    fn file(&self, content: &Bytes, wrong: Wrong) -> PathBuf {
        let path = self.folder.path().join("source");
        let bytes = if wrong == Wrong::Short { content.slice(..content.len() / 2) } else { content.clone() };
        if wrong == Wrong::Fails {
            return self.folder.path().join("nowhere");
        }
        fs::write(&path, bytes).expect("a file");
        path
    }

    async fn step(&mut self, calm: bool) {
        let kind = [Kind::Once, Kind::Factory, Kind::File, Kind::Fickle, Kind::Endless][self.below(5)];
        let wrong = [Wrong::Nothing, Wrong::Fails, Wrong::Short, Wrong::Long, Wrong::Panics][self.below(5)];
        let upload = self.below(3) == 0 || matches!(kind, Kind::Endless);
        let length = if upload { 2 + self.below(3 << 20) } else { 2 + self.below(200_000) };
        // A part of a file is never too long, and a length that nobody knows is kept.
        let makes_sense = match kind {
            Kind::Once | Kind::Factory => true,
            Kind::File => wrong == Wrong::Fails || wrong == Wrong::Short && !upload,
            Kind::Endless => matches!(wrong, Wrong::Fails | Wrong::Panics),
            Kind::Fickle => false,
        };
        let wrong = if makes_sense { wrong } else { Wrong::Nothing };
        self.story.push(format!("{kind:?} {wrong:?}, {length} bytes, {}", if upload { "upload" } else { "put" }));
        let content = noise(length, self.random.next());
        let other = noise(length, self.random.next());
        let piece = 1 + self.below(100_000);
        let (before, uploads) = (self.there(), self.emulator.uploads(self.emulator.bucket()));
        let result = if upload {
            self.upload(kind, wrong, &content, piece).await
        } else {
            self.put(kind, wrong, &content, &other, piece).await
        };
        self.judge(&result, wrong, before.as_ref(), &[content, other], calm);
        let left = self.emulator.uploads(self.emulator.bucket());
        let new = left.iter().any(|upload| !uploads.contains(upload));
        assert!(!calm || !new, "an upload is left\n{}", self.told());
    }

    async fn put(&self, kind: Kind, wrong: Wrong, content: &Bytes, other: &Bytes, piece: usize) -> Result<()> {
        let length = content.len() as u64;
        let body = match kind {
            Kind::Once | Kind::Endless => Body::once(length, flow(content, wrong, piece, None)),
            Kind::Factory => {
                let content = content.clone();
                Body::factory(length, move || flow(&content, wrong, piece, None))
            }
            Kind::Fickle => {
                let (both, turn) = ([content.clone(), other.clone()], AtomicU64::new(0));
                Body::factory(length, move || {
                    let content = &both[usize::from(turn.fetch_add(1, Ordering::Relaxed) % 2 == 1)];
                    flow(content, wrong, piece, None)
                })
            }
            Kind::File => Body::file(self.file(content, wrong), 0, length),
        };
        self.bucket.send(PutObject::new(key(KEY), body)).await.map(drop)
    }

    async fn upload(&self, kind: Kind, wrong: Wrong, content: &Bytes, piece: usize) -> Result<()> {
        let source = match kind {
            Kind::File => UploadSource::file(self.file(content, wrong)),
            Kind::Endless => UploadSource::stream(flow(content, wrong, piece, None)),
            _ => UploadSource::stream(flow(content, wrong, piece, Some(content.len() as u64))),
        };
        self.bucket.transfer(Upload::new(key(KEY), source).part_size(MIB)).await.map(drop)
    }

    fn judge(&mut self, result: &Result<()>, wrong: Wrong, before: Option<&Bytes>, contents: &[Bytes; 2], calm: bool) {
        let (after, story) = (self.there(), self.told());
        let made = contents.iter().any(|content| after.as_ref() == Some(content));
        match result {
            Ok(()) => {
                self.succeeded += 1;
                assert!(wrong == Wrong::Nothing, "a success\n{story}");
                assert!(made, "it is not there\n{story}");
            }
            Err(error) => {
                self.failed += 1;
                self.story.push(format!("  {error:#} (may have taken effect: {})", error.may_have_taken_effect()));
                let story = self.told();
                let kept = after.as_ref() == before;
                let may = wrong == Wrong::Nothing && error.may_have_taken_effect();
                assert!(kept || may && made, "{:?} is there\n{story}", after.map(|it| it.len()));
                assert!(!calm || wrong != Wrong::Nothing, "nothing went wrong\n{story}");
                if calm {
                    assert!(names_the_source(error, wrong), "{error:?}\n{story}");
                    assert!(!error.may_have_taken_effect(), "{story}");
                }
            }
        }
    }

    async fn live(&mut self, steps: usize) {
        let mut part = 0.0;
        for step in 0..steps {
            if step % 10 == 0 {
                part = [0.0, 0.05, 0.2, 0.5][self.below(4)];
                faults(&self.emulator, &mut self.random, Weather::Honest, self.pace, part);
                if part == 0.0 {
                    self.emulator.clear_script();
                }
            }
            self.step(part == 0.0).await;
        }
    }
}

fn names_the_source(error: &Error, wrong: Wrong) -> bool {
    let mut whole = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        whole = format!("{whole}: {cause}");
        source = cause.source();
    }
    match wrong {
        Wrong::Nothing => false,
        Wrong::Fails => error.kind() == ErrorKind::Io && (whole.contains(FIRE) || whole.contains("nowhere")),
        Wrong::Short => error.kind() == ErrorKind::Changed && whole.contains("shorter"),
        Wrong::Long => error.kind() == ErrorKind::Changed && whole.contains("longer"),
        Wrong::Panics => error.kind() == ErrorKind::Io && whole.contains("panicked"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_that_fails_makes_no_object() {
    let seed = Random::seed();
    println!("COS_SEED={seed}");
    let worlds = if full() { 100 } else { 3 };
    let (mut succeeded, mut failed) = (0, 0);
    for number in 0..worlds {
        let mut bodies = Bodies::in_memory(seed.wrapping_add(number));
        bodies.live(80).await;
        succeeded += bodies.succeeded;
        failed += bodies.failed;
    }
    println!("{succeeded} calls succeeded, {failed} failed");
    assert!(succeeded > 10 * worlds && failed > 10 * worlds, "{succeeded} and {failed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_fails_makes_no_object_on_any_transport() {
    let seed = Random::seed();
    println!("COS_SEED={seed}");
    let mut bodies = Bodies::over_sockets(seed).await;
    bodies.live(if full() { 1_000 } else { 60 }).await;
    println!("{} calls succeeded, {} failed", bodies.succeeded, bodies.failed);
}
