//! Everything at random, with everything that can go wrong at random: what a call says about the bucket is so.
//!
//! Beside the bucket runs a model of it that knows what each key may hold. A success leaves one possibility, an error that
//! may have taken effect two, any other error what was. What is read must be among them.

mod bodies;
mod directories;
mod files;
mod hosts;
mod reads;
mod together;
mod versions;
mod weather;

use std::collections::BTreeMap;
use std::error::Error as _;
use std::io;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use cos_emulator::{Emulator, Record};
use futures_util::TryStreamExt as _;
use tencent_cos::client::provider::from_fn;
use tencent_cos::policy::{Policy, Resource, Statement};
use tencent_cos::sts::{self, GetFederationToken};
use tencent_cos::transfer::{Download, LargeCopy, Upload};
use tencent_cos::{
    AppendObject, Bucket, CopyObject, CopySource, Crc64, DeleteObjects, Error, GetObject, Integrity, ObjectKey,
    PutObject, Result,
};
use tokio::time::Instant;

use self::weather::{PAUSED, Pace, REAL, Weather, faults};
use crate::download::Kept;
use crate::support::{self, InMemory, Random, ServiceTransport, TestClock, full, noise, session};

const MIB: u64 = 1024 * 1024;
const KEYS: [&str; 4] = ["a", "b/c", "d e+f", "目录/g"];
const LOG: &str = "log";

/// What a key may hold; `None` is nothing.
#[derive(Debug)]
struct Possible {
    contents: Vec<Option<Bytes>>,
    /// Bytes that came out of a fault are not foreseen.
    anything: bool,
}

impl Possible {
    fn nothing() -> Self {
        Self { contents: vec![None], anything: false }
    }

    fn is(&mut self, content: Option<Bytes>) {
        *self = Self { contents: vec![content], anything: false };
    }

    fn may_be(&mut self, content: Option<Bytes>) {
        if !self.contents.contains(&content) {
            self.contents.push(content);
        }
    }

    fn allows(&self, content: Option<&Bytes>) -> bool {
        self.anything || self.contents.iter().any(|possible| possible.as_ref() == content)
    }
}

struct World {
    emulator: Arc<Emulator>,
    bucket: Bucket,
    random: Random,
    weather: Weather,
    pace: Pace,
    /// Where keys end and clocks are set.
    clock: Option<Arc<TestClock>>,
    model: BTreeMap<&'static str, Possible>,
    /// Uploads that errors told of, and how many beginnings had an end nobody knows.
    told: Vec<String>,
    unknown: usize,
    succeeded: u64,
    failed: u64,
    story: Vec<String>,
}

fn key(name: &str) -> ObjectKey {
    name.parse().expect("a key")
}

impl World {
    fn in_memory(seed: u64, weather: Weather) -> Self {
        let rig = InMemory::new();
        let bucket = rig.bucket();
        Self::new(Arc::new(rig.emulator), bucket, seed, weather, PAUSED)
    }

    /// With keys that are over within minutes, a server of keys that is down now and then, and a clock that is set.
    fn with_short_keys(seed: u64) -> Self {
        let rig = InMemory::new();
        let (emulator, random) = (Arc::new(OnceLock::<Arc<Emulator>>::new()), Mutex::new(Random(seed)));
        let minting = Arc::clone(&emulator);
        let keys = from_fn(move || {
            let (life, down) = {
                let mut random = random.lock().expect("no panic");
                (30 + random.below(900), random.below(4) == 0)
            };
            let key = minting.get().expect("an emulator").mint(Duration::from_secs(life));
            async move { if down { Err(io::Error::other("no key today")) } else { Ok(session(&key).told_at(key.start)) } }
        });
        let bucket = rig.bucket_of(rig.client().credentials(keys));
        let mut world = Self::new(Arc::new(rig.emulator), bucket, seed, Weather::Honest, PAUSED);
        world.clock = Some(rig.clock);
        emulator.set(Arc::clone(&world.emulator)).expect("the only one");
        world
    }

    /// With keys that STS gives for three minutes, through the same weather.
    fn with_keys_of_sts(seed: u64) -> Self {
        let rig = InMemory::new();
        let all = Statement::allow(&Resource::everything()).action("name/cos:*");
        let keys = GetFederationToken::new("chaos", Policy::new().statement(all)).duration(Duration::from_secs(180));
        let sts = sts::Client::builder()
            .region(rig.emulator.region())
            .credentials(support::permanent(&rig.emulator))
            .http_client(ServiceTransport(rig.emulator.service()))
            .clock(Arc::<TestClock>::clone(&rig.clock));
        let keys = sts.build().expect("a client of STS").provider(keys);
        let bucket = rig.bucket_of(rig.client().credentials(keys));
        let mut world = Self::new(Arc::new(rig.emulator), bucket, seed, Weather::Honest, PAUSED);
        world.clock = Some(rig.clock);
        world
    }

    /// Time goes by.
    async fn wait(&mut self) {
        let Some(clock) = self.clock.clone() else { return };
        if self.random.below(3) == 0 {
            tokio::time::sleep(Duration::from_secs(self.random.below(500))).await;
        }
        if self.random.below(10) == 0 {
            clock.set_off([0, 0, 60, 1_200, -1_200, 5_000, -5_000][self.below(7)]);
        }
    }

    async fn over_sockets(seed: u64, weather: Weather) -> Self {
        let emulator = support::emulator().await;
        let limit = Duration::from_millis(400);
        let client = support::client(&emulator).stall_timeout(limit).response_timeout(limit);
        let bucket = client.build().and_then(|client| client.bucket(emulator.bucket())).expect("a bucket");
        Self::new(Arc::new(emulator), bucket, seed, weather, REAL)
    }

    fn new(emulator: Arc<Emulator>, bucket: Bucket, seed: u64, weather: Weather, pace: Pace) -> Self {
        let keys = KEYS.into_iter().chain([LOG]);
        Self {
            emulator,
            bucket,
            random: Random(seed),
            weather,
            pace,
            clock: None,
            model: keys.map(|key| (key, Possible::nothing())).collect(),
            told: Vec::new(),
            unknown: 0,
            succeeded: 0,
            failed: 0,
            story: Vec::new(),
        }
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.random.below(end as u64)).expect("less than that")
    }

    fn any_key(&mut self) -> &'static str {
        KEYS[self.below(KEYS.len())]
    }

    fn possible(&mut self, key: &str) -> &mut Possible {
        self.model.get_mut(key).expect("a key of the model")
    }

    /// New bytes, mostly few.
    fn content(&mut self) -> Bytes {
        let length = match self.random.below(8) {
            0 => 0,
            1..=5 => self.below(5_000),
            _ => self.below(300_000),
        };
        noise(length, self.random.next())
    }

    fn large(&mut self) -> Bytes {
        let length = (1 << 20) + self.below(2 << 20);
        noise(length, self.random.next())
    }

    /// What a write told. Where bytes are changed on their way, an attempt that came to its end may have left others.
    fn wrote<T>(&mut self, key: &'static str, content: Option<Bytes>, result: Result<T>) -> Option<T> {
        let corrupting = self.weather == Weather::Corrupting;
        match result {
            Ok(output) => {
                self.succeeded += 1;
                self.possible(key).is(content);
                Some(output)
            }
            Err(error) => {
                self.note(&error);
                if error.may_have_taken_effect() {
                    let is_written = content.is_some();
                    let possible = self.possible(key);
                    possible.may_be(content);
                    possible.anything |= corrupting && is_written;
                }
                None
            }
        }
    }

    fn note(&mut self, error: &Error) {
        self.failed += 1;
        // Nothing is forbidden here. A refusal without a request id is nobody's, and one that broke off may be for the clock.
        let refused = error.status() == Some(403) && error.request_id().is_some() && error.source().is_none();
        assert!(!refused, "{error:#}\n{}", self.story.join("\n"));
        let told = format!("  {error:#} (may have taken effect: {})", error.may_have_taken_effect());
        self.story.push(told);
        let begins = error.operation() == Some("Initiate Multipart Upload");
        match error.upload_id() {
            Some(id) => self.told.push(id.to_owned()),
            None => self.unknown += usize::from(begins),
        }
    }

    fn found(&mut self, key: &'static str, content: Option<Bytes>, integrity: Option<Integrity>) {
        let unverified = matches!(integrity, Some(Integrity::Unverified(_)));
        if self.weather == Weather::Corrupting && unverified && content.is_some() {
            return;
        }
        let possible = &self.model[key];
        assert!(
            possible.allows(content.as_ref()),
            "{key}: {}\n{}",
            told(content.as_ref(), possible),
            self.story.join("\n")
        );
        self.possible(key).is(content);
    }

    fn found_none(&mut self, key: &'static str, error: &Error) {
        if is_missing(error) {
            self.found(key, None, None);
        } else {
            self.note(error);
        }
    }

    async fn step(&mut self) {
        let bucket = self.bucket.clone();
        let name = self.any_key();
        let choice = self.random.below(100);
        self.story.push(format!("{choice} {name}"));
        match choice {
            0..20 => {
                let content = self.content();
                let result = bucket.put(name, content.clone()).await;
                self.wrote(name, Some(content), result);
            }
            20..30 => {
                let content = self.content();
                let put = PutObject::new(key(name), content.clone()).forbid_overwrite();
                let result = bucket.send(put).await;
                self.guarded(name, content, result);
            }
            30..40 => {
                let result = bucket.delete(name).await;
                self.wrote(name, None, result);
            }
            40..45 => self.delete_two(name).await,
            45..60 => self.get(name).await,
            60..65 => self.get_a_range(name).await,
            65..70 => match bucket.exists(name).await {
                Ok(false) => self.found(name, None, None),
                Ok(true) => self.is_there(name),
                Err(error) => self.note(&error),
            },
            70..75 => self.list().await,
            75..81 => {
                let to = self.any_key();
                let from = CopySource::new(bucket.region(), bucket.name(), &key(name));
                let result = bucket.send(CopyObject::new(from, key(to))).await;
                self.copied(name, to, result);
            }
            81..86 => self.append().await,
            86..92 => {
                let content = self.large();
                let upload = Upload::new(key(name), content.clone()).part_size(MIB);
                if self.random.below(2) == 0 {
                    let result = bucket.transfer(upload).await;
                    self.wrote(name, Some(content), result);
                } else {
                    let result = bucket.transfer(upload.forbid_overwrite()).await;
                    self.guarded(name, content, result);
                }
            }
            92..95 => {
                let to = self.any_key();
                let copy = LargeCopy::new(key(name), key(to)).part_size(MIB);
                let result = bucket.transfer(copy).await;
                self.copied(name, to, result);
            }
            95..97 => self.drop_one(name).await,
            _ => {
                let kept = Kept::default();
                let download = Download::new(key(name)).part_size(MIB).to_writer(kept.clone());
                match bucket.transfer(download).await {
                    Ok(output) => self.found(name, Some(kept.bytes()), Some(output.integrity)),
                    Err(error) => self.found_none(name, &error),
                }
            }
        }
    }

    /// What is there, as nobody tells it.
    fn look_behind(&self) {
        for (&name, possible) in &self.model {
            let content = self.emulator.object(self.bucket.name().as_str(), name).map(|object| object.bytes());
            let story = || self.story.join("\n");
            assert!(possible.allows(content.as_ref()), "{name}: {}\n{}", told(content.as_ref(), possible), story());
        }
    }

    fn guarded<T>(&mut self, name: &'static str, content: Bytes, result: Result<T>) {
        if result.is_ok() {
            let possible = &self.model[name];
            let story = || self.story.join("\n");
            // One that was sent before, and whose end was unknown, may be taken for it.
            let there = possible.allows(None) || possible.allows(Some(&content));
            assert!(there, "{name} was overwritten: {possible:?}\n{}", story());
        }
        if let Err(error) = &result
            && error.code() == Some("FileAlreadyExists")
            && !error.may_have_taken_effect()
        {
            self.is_there(name);
        }
        self.wrote(name, Some(content), result);
    }

    fn is_there(&mut self, name: &'static str) {
        let possible = self.possible(name);
        possible.contents.retain(Option::is_some);
        let sense = possible.anything || !possible.contents.is_empty();
        assert!(sense, "{name} is there\n{}", self.story.join("\n"));
    }

    fn copied<T>(&mut self, from: &'static str, to: &'static str, result: Result<T>) {
        let source = &self.model[from];
        let (contents, anything) = (source.contents.clone(), source.anything);
        match result {
            Ok(_) => {
                self.succeeded += 1;
                self.is_there(from);
                let contents = self.model[from].contents.clone();
                *self.possible(to) = Possible { contents, anything };
            }
            // A copy onto itself that changes nothing is refused.
            Err(error) if is_missing(&error) && !error.may_have_taken_effect() => self.found(from, None, None),
            Err(error) => {
                self.note(&error);
                if error.may_have_taken_effect() {
                    let possible = self.possible(to);
                    contents.into_iter().flatten().for_each(|content| possible.may_be(Some(content)));
                    possible.anything |= anything;
                }
            }
        }
    }

    async fn delete_two(&mut self, name: &'static str) {
        let other = self.any_key();
        let delete = DeleteObjects::new([name, other]);
        match self.bucket.send(delete).await {
            Ok(output) => {
                self.succeeded += 1;
                assert!(output.failed.is_empty(), "{output:?}");
                self.possible(name).is(None);
                self.possible(other).is(None);
            }
            Err(error) => {
                self.note(&error);
                if error.may_have_taken_effect() {
                    self.possible(name).may_be(None);
                    self.possible(other).may_be(None);
                }
            }
        }
    }

    async fn get(&mut self, name: &'static str) {
        let object = match self.bucket.get(name).await {
            Ok(object) => object,
            Err(error) => return self.found_none(name, &error),
        };
        let integrity = object.integrity;
        match object.bytes(8 << 20).await {
            Ok(bytes) => {
                self.succeeded += 1;
                self.found(name, Some(bytes), Some(integrity));
            }
            Err(error) => self.note(&error),
        }
    }

    /// Of a part there is no checksum.
    async fn get_a_range(&mut self, name: &'static str) {
        let (start, length) = (self.below(3_000), 1 + self.below(3_000));
        let get = GetObject::new(key(name)).range(start as u64..(start + length) as u64);
        let bytes = match self.bucket.send(get).await {
            Ok(object) => object.bytes(8 << 20).await,
            Err(error) if error.code() == Some("InvalidRange") => return self.is_there(name),
            Err(error) => return self.found_none(name, &error),
        };
        let bytes = match bytes {
            Ok(bytes) => bytes,
            Err(error) => return self.note(&error),
        };
        self.succeeded += 1;
        if self.weather == Weather::Corrupting {
            return;
        }
        let is_part = |content: &Option<Bytes>| {
            let Some(content) = content else { return false };
            content.get(start..content.len().min(start + length)).is_some_and(|part| part == bytes)
        };
        let possible = self.possible(name);
        possible.contents.retain(is_part);
        let sense = possible.anything || !possible.contents.is_empty();
        assert!(sense, "{name}: {} bytes from {start} on\n{}", bytes.len(), self.story.join("\n"));
    }

    async fn list(&mut self) {
        let listed: Vec<_> = match self.bucket.list("").try_collect().await {
            Ok(listed) => listed,
            Err(error) => return self.note(&error),
        };
        self.succeeded += 1;
        for name in KEYS {
            let Some(found) = listed.iter().find(|found| found.key == name) else {
                self.found(name, None, None);
                continue;
            };
            self.is_there(name);
            let possible = self.possible(name);
            let sized = |content: &Option<Bytes>| content.as_ref().is_some_and(|it| it.len() as u64 == found.size);
            possible.contents.retain(sized);
            let sense = possible.anything || !possible.contents.is_empty();
            assert!(sense, "{name} of {} bytes\n{}", found.size, self.story.join("\n"));
        }
    }

    /// A call that is not waited for to its end. What it began is over soon.
    async fn drop_one(&mut self, name: &'static str) {
        let (content, small) = (self.large(), self.random.below(2) == 0);
        let after = Duration::from_millis(self.random.below(2_000));
        let bucket = self.bucket.clone();
        let put = async {
            if small {
                bucket.put(name, content.clone()).await.map(drop)
            } else {
                bucket.transfer(Upload::new(key(name), content.clone()).part_size(MIB)).await.map(drop)
            }
        };
        if let Ok(result) = tokio::time::timeout(after, put).await {
            self.wrote(name, Some(content), result);
            return;
        }
        tokio::time::sleep(self.pace.settled).await;
        let corrupting = self.weather == Weather::Corrupting;
        let possible = self.possible(name);
        possible.may_be(Some(content));
        possible.anything |= corrupting;
        self.unknown += usize::from(!small);
    }

    /// At the end as the last answer told it: an object is never longer or shorter by a piece that nobody knows of.
    async fn append(&mut self) {
        let [content] = &self.model[LOG].contents[..] else {
            return self.get(LOG).await;
        };
        if self.model[LOG].anything {
            return self.get(LOG).await;
        }
        let there = content.clone().unwrap_or_default();
        let piece = noise(1 + self.below(2_000), self.random.next());
        let append = AppendObject::new(key(LOG), there.len() as u64, piece.clone());
        let append = append.previous_crc64(Crc64::of(&there));
        let result = self.bucket.send(append).await;
        self.wrote(LOG, Some([there, piece].concat().into()), result);
    }
}

/// No object is what is not found, and not an upload or tags.
fn is_missing(error: &Error) -> bool {
    error.is_not_found() && (error.code() == Some("NoSuchKey") || error.operation() == Some("HEAD Object"))
}

fn told(content: Option<&Bytes>, possible: &Possible) -> String {
    let one = |content: Option<&Bytes>| match content {
        Some(content) => format!("{} bytes", content.len()),
        None => "nothing".to_owned(),
    };
    let all: Vec<_> = possible.contents.iter().map(|content| one(content.as_ref())).collect();
    format!("found {}, possible are {}", one(content), all.join(", "))
}

/// So many steps of a world, and what it comes to.
async fn live(mut world: World, steps: usize) -> (u64, u64) {
    let (weather, pace) = (world.weather, world.pace);
    for step in 0..steps {
        if step % 10 == 0 {
            let part = [0.05, 0.2, 0.5][world.below(3)];
            faults(&world.emulator, &mut world.random, weather, pace, part);
        }
        world.wait().await;
        let began = Instant::now();
        world.step().await;
        world.look_behind();
        assert!(began.elapsed() < world.pace.longest, "{:?}\n{}", began.elapsed(), world.story.join("\n"));
    }
    world.emulator.clear_script();
    for name in world.model.keys().copied().collect::<Vec<_>>() {
        world.get(name).await;
    }
    let left = world.emulator.uploads(world.bucket.name().as_str());
    let (empty, untold): (Vec<_>, Vec<_>) =
        left.iter().filter(|left| !world.told.contains(&left.upload_id)).partition(|left| left.parts.is_empty());
    assert!(untold.len() <= world.unknown, "{untold:?}: uploads nobody told of\n{}", world.story.join("\n"));
    // What an upload is begun again for may have been begun.
    let journal = world.emulator.journal();
    let again = |record: &&Record| record.headers.contains_key("x-cos-sdk-retry");
    let again = journal.iter().filter(|record| record.operation == "Initiate Multipart Upload").filter(again).count();
    assert!(empty.len() <= world.unknown + again, "{} empty uploads\n{}", empty.len(), world.story.join("\n"));
    (world.succeeded, world.failed)
}

async fn worlds(world: impl Fn(u64) -> World) {
    let seed = Random::seed();
    println!("COS_SEED={seed}");
    let worlds = if full() { 200 } else { 5 };
    let (mut succeeded, mut failed) = (0, 0);
    for number in 0..worlds {
        let came_to = live(world(seed.wrapping_add(number)), 150).await;
        succeeded += came_to.0;
        failed += came_to.1;
    }
    println!("{succeeded} calls succeeded, {failed} failed");
    assert!(succeeded > 20 * worlds && failed > 5 * worlds, "{succeeded} and {failed}");
}

#[tokio::test(start_paused = true)]
async fn what_a_call_says_is_so_whatever_goes_wrong() {
    worlds(|seed| World::in_memory(seed, Weather::Honest)).await;
}

#[tokio::test(start_paused = true)]
async fn no_changed_byte_is_taken_for_right() {
    worlds(|seed| World::in_memory(seed, Weather::Corrupting)).await;
}

#[tokio::test(start_paused = true)]
async fn keys_that_end_and_clocks_that_are_set_refuse_nothing() {
    worlds(World::with_short_keys).await;
}

#[tokio::test(start_paused = true)]
async fn keys_of_sts_refuse_nothing() {
    worlds(World::with_keys_of_sts).await;
}

/// The same over sockets, on the transport of the run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_call_says_is_so_on_every_transport() {
    let seed = Random::seed();
    println!("COS_SEED={seed}");
    for weather in [Weather::Honest, Weather::Corrupting] {
        let world = World::over_sockets(seed, weather).await;
        let (succeeded, failed) = live(world, if full() { 2_000 } else { 100 }).await;
        println!("{weather:?}: {succeeded} calls succeeded, {failed} failed");
    }
}
