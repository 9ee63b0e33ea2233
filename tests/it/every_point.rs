//! Transfers that are stopped at every point they have: dropped or cancelled there, or refused at each of their requests.
//!
//! Whatever stopped one, each object and file is as it was or as it is to be, nothing else is left, and another run
//! brings the rest.

mod cases;

use std::collections::BTreeMap;
use std::fs;
use std::future::poll_fn;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use cos_emulator::{Action, Effect, Emulator, Matcher, Rule};
use futures_util::FutureExt as _;
use tempfile::TempDir;
use tencent_cos::client::provider::{BoxFuture, from_fn};
use tencent_cos::transfer::{DirectoryFile, FileStep, Job, Progress, TransferHandle};
use tencent_cos::{
    Bucket, ByteStream, Client, Error, ErrorKind, HttpClient, Payload, Result, TransportError, blocking,
};
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep, timeout};

use self::cases::{STREAM, cases};
use crate::support::{self, InMemory, ServiceTransport, TestClock, full, session};

const INITIATE: &str = "Initiate Multipart Upload";

/// What is under each name.
type Contents = BTreeMap<&'static str, Bytes>;

/// What is in the bucket and in the directory.
#[derive(Clone, Default)]
struct State {
    objects: Contents,
    files: Contents,
}

struct Case {
    name: &'static str,
    before: State,
    after: State,
    /// Whether another run goes on with the parts of this one, and how many requests for parts it takes in all.
    parts: Option<(&'static str, usize)>,
    /// Whether an earlier run has done one of these parts.
    begun: bool,
    job: fn(&Scene) -> Running,
}

/// A transfer, and whether all of it was done.
struct Running {
    future: BoxFuture<'static, Result<()>>,
    handle: TransferHandle,
}

impl Running {
    fn new<J: Job>(scene: &Scene, job: J, end: impl FnOnce(J::Output) -> Result<()> + Send + 'static) -> Self {
        match &scene.blocking {
            None => {
                let transfer = scene.bucket.transfer(job);
                Self { handle: transfer.handle(), future: Box::pin(async { end(transfer.await?) }) }
            }
            Some(bucket) => {
                let transfer = bucket.transfer(job);
                Self { handle: transfer.handle(), future: Box::pin(async { end(transfer.wait()?) }) }
            }
        }
    }
}

struct Scene {
    emulator: Arc<Emulator>,
    clock: Arc<TestClock>,
    bucket: Bucket,
    /// For transfers that block the thread they run on.
    blocking: Option<blocking::Bucket>,
    files: TempDir,
    checkpoints: TempDir,
    /// Uploads that errors of files told of.
    told: Arc<Mutex<Vec<String>>>,
}

impl Scene {
    fn new(case: &Case) -> Self {
        let memory = InMemory::new();
        let builder = memory.client();
        let emulator = Arc::new(memory.emulator);
        let minting = Arc::clone(&emulator);
        let keys = from_fn(move || {
            let key = session(&minting.mint(Duration::from_secs(24 * 3600)));
            async move { Ok::<_, Error>(key) }
        });
        let bucket = builder.credentials(keys).build().and_then(|client| client.bucket(emulator.bucket())).unwrap();
        let (files, checkpoints) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for (key, bytes) in &case.before.objects {
            emulator.put_object(emulator.bucket(), key, bytes.clone());
        }
        for (name, bytes) in &case.before.files {
            let path = files.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        Self { emulator, clock: memory.clock, bucket, blocking: None, files, checkpoints, told: Arc::default() }
    }

    /// One whose transfers block; that of the case is cancelled at its request of this number, before COS has it or
    /// when COS has answered.
    fn blocking(case: &Case, number: usize, late: bool) -> (Self, Arc<Hand>) {
        let scene = Self::new(case);
        let hand = Arc::new(Hand { number, late, asked: AtomicUsize::new(0), handle: OnceLock::new() });
        let transport = Held(ServiceTransport(scene.emulator.service()), Arc::clone(&hand));
        let builder = Client::builder()
            .region(scene.emulator.region())
            .http_client(transport)
            .clock(Arc::<TestClock>::clone(&scene.clock))
            .credentials(support::permanent(&scene.emulator));
        let client = blocking::Client::new(builder).unwrap();
        let bucket = client.bucket(scene.emulator.bucket()).unwrap();
        (Self { blocking: Some(bucket), ..scene }, hand)
    }

    /// Hears of uploads that could not be given up.
    fn listener(&self) -> impl Fn(&DirectoryFile, FileStep<'_>) + Send + Sync + 'static {
        let told = Arc::clone(&self.told);
        move |_, step| {
            if let FileStep::Failed(error) = step {
                told.lock().unwrap().extend(error.upload_id().map(str::to_owned));
            }
        }
    }

    fn object(&self, key: &str) -> Option<Bytes> {
        self.emulator.object(self.emulator.bucket(), key).map(|object| object.bytes())
    }

    fn file(&self, name: &str) -> Option<Bytes> {
        fs::read(self.files.path().join(name)).ok().map(Bytes::from)
    }

    /// Whether everything is as it is to be.
    fn is_done(&self, case: &Case) -> bool {
        let State { objects, files } = &case.after;
        let gone = |before: &Contents, after: &Contents| -> Vec<_> {
            before.keys().filter(|name| !after.contains_key(*name)).copied().collect()
        };
        objects.iter().all(|(key, bytes)| self.object(key).as_ref() == Some(bytes))
            && files.iter().all(|(name, bytes)| self.file(name).as_ref() == Some(bytes))
            && gone(&case.before.objects, objects).iter().all(|key| self.object(key).is_none())
            && gone(&case.before.files, files).iter().all(|name| self.file(name).is_none())
    }

    /// Each object and file is as it was or as it is to be.
    fn is_whole(&self, case: &Case, story: &str) {
        let check = |before: &Contents, after: &Contents, there: &dyn Fn(&str) -> Option<Bytes>| {
            for name in before.keys().chain(after.keys()) {
                let found = there(name);
                let fits = found.as_ref() == before.get(name) || found.as_ref() == after.get(name);
                assert!(fits, "{story}: {name} is something else, {:?} bytes", found.map(|found| found.len()));
            }
        };
        check(&case.before.objects, &case.after.objects, &|key| self.object(key));
        check(&case.before.files, &case.after.files, &|name| self.file(name));
    }

    /// Nothing is left that nobody asked for, but for what the next run goes on with.
    fn is_clean(&self, case: &Case, story: &str, kept: bool) {
        let known = |name: &String| {
            let name = name.as_str();
            case.before.files.contains_key(name) || case.after.files.contains_key(name)
        };
        let mut left = below(self.files.path());
        left.retain(|name| !known(name));
        let uploads = self.emulator.uploads(self.emulator.bucket());
        let remembered = below(self.checkpoints.path());
        if kept {
            left.retain(|name| !name.ends_with(".cos-partial"));
            assert!(left.is_empty(), "{story}: {left:?} is left");
            assert!(uploads.len() <= remembered.len(), "{story}: {uploads:?} is not remembered in {remembered:?}");
        } else {
            assert!(left.is_empty() && remembered.is_empty(), "{story}: {left:?}, {remembered:?} is left");
            assert!(uploads.is_empty(), "{story}: {uploads:?} is left");
        }
    }

    /// Each upload that is left is told of, unless it is remembered; one that was begun and not heard of has no part.
    fn is_told(&self, story: &str, error: Option<Error>, kept: bool, unheard: bool) {
        let mut told = self.told.lock().unwrap().clone();
        told.extend(error.as_ref().and_then(Error::upload_id).map(str::to_owned));
        // What nobody knows the end of is told anyway.
        let is_open = error.is_some_and(|error| error.kind() == ErrorKind::Ambiguous);
        assert!(!kept || is_open || told.is_empty(), "{story}: {told:?} is told, and remembered");
        for upload in self.emulator.uploads(self.emulator.bucket()) {
            let is_known = kept || told.contains(&upload.upload_id);
            assert!(is_known || unheard && upload.parts.is_empty(), "{story}: {upload:?} is left");
        }
    }

    /// Waits until what was begun is over.
    async fn settle(&self, story: &str) {
        let begun = Instant::now();
        // A clock that stands still goes on when no thread works.
        sleep(Duration::from_millis(1)).await;
        while Handle::current().metrics().num_alive_tasks() > 0 {
            assert!(begun.elapsed() < Duration::from_secs(61), "{story}: something goes on");
            sleep(Duration::from_millis(100)).await;
        }
        let open = self.open_files();
        assert!(open.is_empty(), "{story}: {open:?} is open");
    }

    /// The files of its own that this process has open.
    fn open_files(&self) -> Vec<String> {
        let Ok(descriptors) = fs::read_dir("/proc/self/fd") else { return Vec::new() };
        let targets = descriptors.flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
        let ours = targets.filter(|to| to.starts_with(self.files.path()) || to.starts_with(self.checkpoints.path()));
        ours.map(|path| path.display().to_string()).collect()
    }

    /// The state in which the case begins.
    async fn of(case: &Case) -> Self {
        let scene = Self::new(case);
        if let (Some((operation, _)), true) = (case.parts, case.begun) {
            // When the first part is done, there is no further.
            let late = Action::StallBeforeHeaders(Duration::from_secs(1));
            let denied = Action::status(403, "AccessDenied");
            scene.emulator.script(Rule::on(operation).skip(1).always().then(late).then(denied));
            (case.job)(&scene).future.await.expect_err(case.name);
            scene.settle(case.name).await;
            scene.emulator.clear_script();
            scene.emulator.clear_journal();
        }
        scene
    }

    /// Another run, with nothing in its way.
    async fn again(&self, case: &Case, story: &str) {
        self.emulator.clear_script();
        let Running { future, .. } = (case.job)(self);
        future.await.unwrap_or_else(|error| panic!("{story}: another run fails: {error:#}"));
        self.settle(story).await;
        assert!(self.is_done(case), "{story}: another run does not bring the rest");
        self.is_clean(case, story, false);
    }
}

/// Who cancels a transfer at one of its requests.
#[derive(Debug)]
struct Hand {
    number: usize,
    late: bool,
    asked: AtomicUsize,
    handle: OnceLock<TransferHandle>,
}

#[derive(Debug)]
struct Held(ServiceTransport, Arc<Hand>);

impl HttpClient for Held {
    fn execute(
        &self,
        request: http::Request<Payload>,
    ) -> BoxFuture<'_, Result<http::Response<ByteStream>, TransportError>> {
        let hand = &self.1;
        let comes = hand.asked.fetch_add(1, Ordering::Relaxed) == hand.number;
        let cancel = move |is_late| {
            if comes && is_late == hand.late {
                hand.handle.get().expect("a transfer").cancel();
            }
        };
        Box::pin(async move {
            cancel(false);
            let answer = self.0.execute(request).await;
            cancel(true);
            answer
        })
    }
}

/// The files below a directory.
fn below(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else {
                found.push(path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/"));
            }
        }
    }
    found.sort();
    found
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    Drop,
    Cancel,
}

/// Runs it up to the turn, and stops it there: its outcome, unless it was dropped. `fine` are turns of the runtime,
/// else the turns at which it has something to do.
async fn stop_at(turn: u32, stop: Stop, fine: bool, running: Running, story: &str) -> Option<Result<()>> {
    let Running { mut future, handle } = running;
    let (mut turns, mut before) = (0, Progress::default());
    let outcome = poll_fn(|context| {
        if turns == turn {
            match stop {
                Stop::Drop => return Poll::Ready(None),
                Stop::Cancel => handle.cancel(),
            }
        }
        let outcome = future.as_mut().poll(context).map(Some);
        let now = handle.progress();
        assert!(now.bytes >= before.bytes || turns >= turn, "{story}: {now:?} after {before:?}");
        assert!(now.total_bytes.is_none_or(|total| now.bytes <= total), "{story}: {now:?}");
        assert!(now.total_parts.is_none_or(|total| now.parts <= total), "{story}: {now:?}");
        (turns, before) = (turns + 1, now);
        if fine && turns <= turn {
            context.waker().wake_by_ref();
        }
        outcome
    });
    outcome.await
}

/// Stops a transfer at one turn after the other, until it comes to its end before.
async fn at_every_turn(stop: Stop, fine: bool) {
    for case in cases() {
        let mut turn = 0;
        loop {
            let story = format!("{}, {stop:?} at turn {turn}", case.name);
            let scene = Scene::of(&case).await;
            let running = (case.job)(&scene);
            let handle = running.handle.clone();
            let mut watch = handle.watch();
            let outcome = stop_at(turn, stop, fine, running, &story).await;
            let in_time = outcome.as_ref().is_some_and(Result::is_ok);
            let ended = handle.progress();
            if stop == Stop::Cancel {
                // It has cleaned up by then.
                scene.is_whole(&case, &story);
                scene.is_clean(&case, &story, case.parts.is_some() && !in_time);
            }
            scene.settle(&story).await;
            scene.is_whole(&case, &story);
            let Progress { bytes, total_bytes, parts, total_parts, .. } = handle.progress();
            let goes_on = outcome.is_some() && (bytes, parts) != (ended.bytes, ended.parts);
            assert!(!goes_on, "{story}: {bytes} bytes in {parts} parts after {ended:?}");
            let news_end = async { while watch.next().await.is_some() {} };
            timeout(Duration::ZERO, news_end).await.unwrap_or_else(|_| panic!("{story}: news go on"));
            match outcome {
                Some(Ok(())) => {
                    assert!(scene.is_done(&case), "{story}: it is not done");
                    assert!(total_bytes.is_none_or(|total| total == bytes), "{story}: {bytes} of {total_bytes:?}");
                    assert!(total_parts.is_none_or(|total| total == parts), "{story}: {parts} of {total_parts:?}");
                }
                Some(Err(error)) => assert_eq!(error.kind(), ErrorKind::Cancelled, "{story}: {error:#}"),
                None => {}
            }
            scene.is_clean(&case, &story, case.parts.is_some() && !in_time);
            let done = scene.is_done(&case);
            scene.again(&case, &story).await;
            if let (Some((operation, parts)), false) = (case.parts, done) {
                let asked = scene.emulator.count(operation);
                // Two were under way; of those that were begun one was done.
                let most = parts + 2 - usize::from(case.begun);
                assert!(asked <= most, "{story}: {asked} requests for {parts} parts");
            }
            if in_time {
                break;
            }
            turn += 1;
        }
        println!("{}: {turn} turns", case.name);
        assert!(turn > 0);
    }
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_turn_a_transfer_leaves_nothing_half_done() {
    at_every_turn(Stop::Drop, full()).await;
}

#[tokio::test(start_paused = true)]
async fn cancelled_at_any_turn_a_transfer_has_cleaned_up_when_it_ends() {
    at_every_turn(Stop::Cancel, full()).await;
}

/// What befalls a request.
struct Trouble {
    what: &'static str,
    action: Action,
    effect: Effect,
}

impl Trouble {
    fn all() -> Vec<Self> {
        let status = |status, code: &str| Action::status(status, code);
        let all = [
            ("done and not heard of", Action::ResetBeforeHeaders, Effect::Apply),
            ("denied", status(403, "AccessDenied"), Effect::Skip),
            ("lost", Action::ResetBeforeHeaders, Effect::Skip),
            ("unavailable", status(503, "ServiceUnavailable"), Effect::Skip),
            ("failed", status(500, "InternalError"), Effect::Skip),
            ("done and failed", status(500, "InternalError"), Effect::Apply),
            ("cut", Action::CutBody { at: 40 }, Effect::Skip),
            ("signed with a key that is over", status(403, "ExpiredToken"), Effect::Skip),
        ];
        let some = if full() { all.len() } else { 2 };
        all.into_iter().take(some).map(|(what, action, effect)| Self { what, action, effect }).collect()
    }

    /// Whether a transfer outlasts it, where it befalls one request.
    fn passes(&self, operation: &str) -> bool {
        let key_is_over = self.what == "signed with a key that is over";
        match operation {
            _ if self.what == "denied" => false,
            // What may have been deleted is not deleted again, and a HEAD is not told what is wrong with its key.
            "DELETE Multiple Objects" => key_is_over,
            "HEAD Object" => !key_is_over,
            _ => true,
        }
    }

    /// Whether COS does what it is asked for, and nobody hears of it.
    fn hides(&self) -> bool {
        self.effect == Effect::Apply || self.what == "cut"
    }
}

/// One request after the other meets a trouble; `on`, and all after it.
async fn at_every_request(on: bool) {
    for case in cases() {
        for trouble in Trouble::all().into_iter().filter(|trouble| full() || !on || trouble.what == "denied") {
            let Trouble { what, action, effect } = &trouble;
            let mut number = 0;
            loop {
                let scene = Scene::of(&case).await;
                let rule = Rule::on(Matcher::any()).skip(number).then(action.clone()).effect(*effect);
                scene.emulator.script(if on { rule.always() } else { rule });
                let outcome = (case.job)(&scene).future.await;
                let journal = scene.emulator.journal();
                let met: Vec<_> =
                    journal.iter().filter(|record| record.faulted).map(|record| &*record.operation).collect();
                let story = format!("{}, request {number} {what}, {:?}", case.name, met.first());
                let Some(first) = met.first() else {
                    outcome.unwrap_or_else(|error| panic!("{story}: {error:#}"));
                    break;
                };
                scene.settle(&story).await;
                scene.is_whole(&case, &story);
                match &outcome {
                    Ok(()) => assert!(scene.is_done(&case), "{story}: it is not done"),
                    Err(error) => assert!(on || !trouble.passes(first), "{story}: {error:#}"),
                }
                let kept = case.parts.is_some() && outcome.is_err();
                let unheard = trouble.hides() && met.contains(&INITIATE);
                scene.is_told(&story, outcome.err(), kept, unheard);
                scene.emulator.clear_script();
                if !kept || unheard {
                    let _ = scene.bucket.orphans(Duration::ZERO).abort().await.unwrap();
                }
                scene.is_clean(&case, &story, kept);
                scene.again(&case, &story).await;
                number += 1;
            }
            println!("{}: {number} requests {what}", case.name);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_transfer_outlasts_what_befalls_any_one_of_its_requests() {
    at_every_request(false).await;
}

#[tokio::test(start_paused = true)]
async fn a_transfer_that_comes_no_further_leaves_nothing_untold() {
    at_every_request(true).await;
}

/// The blocking door, from a thread without a runtime.
#[test]
fn cancelled_at_any_request_a_blocking_transfer_has_cleaned_up_when_it_ends() {
    let wait = |running: Running| running.future.now_or_never().expect("it blocks");
    for case in cases().into_iter().filter(|case| case.name != STREAM && !case.begun) {
        for late in if full() { vec![false, true] } else { vec![true] } {
            let mut number = 0;
            loop {
                let story = format!("{}, cancelled at request {number}, late: {late}", case.name);
                let (scene, hand) = Scene::blocking(&case, number, late);
                let running = (case.job)(&scene);
                hand.handle.set(running.handle.clone()).unwrap();
                let outcome = wait(running);
                let asked = hand.asked.load(Ordering::Relaxed);
                scene.is_whole(&case, &story);
                scene.is_clean(&case, &story, case.parts.is_some() && outcome.is_err());
                match outcome {
                    Ok(()) => assert!(scene.is_done(&case), "{story}: it is not done"),
                    Err(error) => assert_eq!(error.kind(), ErrorKind::Cancelled, "{story}: {error:#}"),
                }
                wait((case.job)(&scene)).unwrap_or_else(|error| panic!("{story}: another run fails: {error:#}"));
                assert!(scene.is_done(&case), "{story}: another run does not bring the rest");
                scene.is_clean(&case, &story, false);
                if asked <= number {
                    break;
                }
                number += 1;
            }
            println!("{}, late: {late}: {number} requests", case.name);
        }
    }
}
