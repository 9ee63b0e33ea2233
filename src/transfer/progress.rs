//! How far a transfer is: counted by its parts, told at most ten times a second.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// How often progress is told at most.
const TICK: Duration = Duration::from_millis(100);
/// The span the rate is taken over.
const WINDOW: Duration = Duration::from_secs(5);

/// How far a transfer is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// Bytes moved: those of parts that are done, and of parts under way. It falls when a part is begun again.
    pub bytes: u64,
    /// Of how many; `None` while that is not known.
    pub total_bytes: Option<u64>,
    /// Parts done. Of a directory: objects done.
    pub parts: u32,
    /// Of how many; `None` while that is not known.
    pub total_parts: Option<u32>,
    /// Bytes a second, over the last five seconds; what an earlier run moved does not count.
    pub rate: f64,
    /// Since the transfer began, pauses included.
    pub elapsed: Duration,
}

impl Progress {
    /// How long the rest will take at this rate; `None` when it cannot be told.
    pub fn remaining_time(&self) -> Option<Duration> {
        let left = self.total_bytes?.saturating_sub(self.bytes);
        #[allow(clippy::cast_precision_loss)] // an estimate
        let seconds = left as f64 / self.rate;
        Duration::try_from_secs_f64(seconds).ok()
    }
}

/// Follows the progress of a transfer.
#[derive(Clone)]
pub struct ProgressWatch(watch::Receiver<News>);

#[derive(Clone, Copy, Default)]
struct News {
    progress: Progress,
    /// Whether the transfer has ended.
    last: bool,
}

impl ProgressWatch {
    /// Waits for news, at most ten a second; `None` once the transfer has ended and its last state was told.
    ///
    /// # Cancellation
    /// Safe: no news is lost.
    pub async fn next(&mut self) -> Option<Progress> {
        if self.has_ended() {
            return None;
        }
        self.0.changed().await.ok()?;
        Some(self.0.borrow_and_update().progress)
    }

    fn has_ended(&self) -> bool {
        let news = self.0.borrow();
        news.last && !news.has_changed()
    }
}

impl fmt::Debug for ProgressWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ProgressWatch").field(&self.0.borrow().progress).finish()
    }
}

type Callback = Box<dyn Fn(Progress) + Send + Sync>;

/// What the parts of a transfer count on.
pub(super) struct Counter {
    /// What it is a part of; bytes count there, too.
    above: Option<Arc<Counter>>,
    started: OnceLock<Instant>,
    bytes: AtomicU64,
    /// How many of them an earlier run moved.
    earlier: AtomicU64,
    total_bytes: AtomicU64,
    parts: AtomicU32,
    total_parts: AtomicU32,
    /// Milliseconds from the start at which news were told last.
    told: AtomicU64,
    ended: AtomicBool,
    outlives_future: AtomicBool,
    samples: Mutex<VecDeque<(Instant, u64)>>,
    callback: Mutex<Option<Callback>>,
    news: watch::Sender<News>,
}

const UNKNOWN: u64 = u64::MAX;
const UNKNOWN_PARTS: u32 = u32::MAX;

impl Counter {
    pub(super) fn new() -> Self {
        Self {
            above: None,
            started: OnceLock::new(),
            bytes: AtomicU64::new(0),
            earlier: AtomicU64::new(0),
            total_bytes: AtomicU64::new(UNKNOWN),
            parts: AtomicU32::new(0),
            total_parts: AtomicU32::new(UNKNOWN_PARTS),
            told: AtomicU64::new(0),
            ended: AtomicBool::new(false),
            outlives_future: AtomicBool::new(false),
            samples: Mutex::default(),
            callback: Mutex::default(),
            news: watch::Sender::new(News::default()),
        }
    }

    pub(super) fn within(above: Arc<Self>) -> Self {
        Self { above: Some(above), ..Self::new() }
    }

    pub(super) fn start(&self) {
        self.started.get_or_init(Instant::now);
    }

    pub(super) fn on_progress(&self, callback: Callback) {
        *self.callback.lock().unwrap_or_else(PoisonError::into_inner) = Some(callback);
    }

    pub(super) fn watch(&self) -> ProgressWatch {
        ProgressWatch(self.news.subscribe())
    }

    pub(super) fn set_total(&self, bytes: Option<u64>, parts: Option<u32>) {
        self.total_bytes.store(bytes.unwrap_or(UNKNOWN), Ordering::Relaxed);
        self.total_parts.store(parts.unwrap_or(UNKNOWN_PARTS), Ordering::Relaxed);
    }

    /// Nothing is moved, as before the first part.
    pub(super) fn begin_again(&self) {
        self.take_all_back();
        self.parts.store(0, Ordering::Relaxed);
    }

    fn add(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        if let Some(above) = &self.above {
            above.add(bytes);
        }
    }

    /// What is taken back already, like that of a transfer that was given up, is not taken back again.
    fn take_back(&self, bytes: u64) {
        let less = |there: u64| Some(there.saturating_sub(bytes));
        let there = self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).unwrap_or_default();
        if let Some(above) = &self.above {
            above.take_back(bytes.min(there));
        }
    }

    /// A part that was done, with so many bytes, is to be done once more.
    pub(super) fn lose(&self, bytes: u64) {
        self.parts.fetch_sub(1, Ordering::Relaxed);
        self.take_back(bytes);
    }

    fn add_earlier(&self, bytes: u64) {
        self.earlier.fetch_add(bytes, Ordering::Relaxed);
        if let Some(above) = &self.above {
            above.add_earlier(bytes);
        }
    }

    fn take_all_back(&self) {
        self.take_back(self.bytes.load(Ordering::Relaxed));
        let earlier = self.earlier.swap(0, Ordering::Relaxed);
        let mut above = &self.above;
        while let Some(counter) = above {
            counter.earlier.fetch_sub(earlier, Ordering::Relaxed);
            above = &counter.above;
        }
    }

    /// Tells the news, unless some were told a moment ago.
    fn tick(&self) {
        if let Some(above) = &self.above {
            above.tick();
        }
        let Some(started) = self.started.get() else { return };
        let now = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let told = self.told.load(Ordering::Relaxed);
        #[allow(clippy::cast_possible_truncation)] // a hundred
        let due = now >= told + TICK.as_millis() as u64;
        if due && self.told.compare_exchange(told, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            self.tell();
        }
    }

    /// The transfer goes on after its future: in a stream, which ends it.
    pub(super) fn outlive_future(&self) {
        self.outlives_future.store(true, Ordering::Relaxed);
    }

    pub(super) fn outlives_future(&self) -> bool {
        self.outlives_future.load(Ordering::Relaxed)
    }

    /// Tells the last news.
    pub(super) fn end(&self) {
        if !self.ended.swap(true, Ordering::Relaxed) {
            self.tell();
        }
    }

    /// Nobody waits for the transfer any more: who follows it is told so.
    pub(super) fn close(&self) {
        let progress = self.snapshot();
        self.news.send_if_modified(|news| {
            let last = news.last;
            if !last {
                *news = News { progress, last: true };
            }
            !last
        });
    }

    /// Ends it as if nothing had been moved.
    pub(super) fn give_up(&self) {
        self.take_all_back();
        self.end();
    }

    fn tell(&self) {
        let progress = self.sample();
        let last = self.ended.load(Ordering::Relaxed);
        self.news.send_modify(|news| *news = News { progress, last: last || news.last });
        // Where one of the callback unwinds, a second panic would end the process.
        if thread::panicking() {
            return;
        }
        if let Some(callback) = &*self.callback.lock().unwrap_or_else(PoisonError::into_inner) {
            callback(progress);
        }
    }

    fn sample(&self) -> Progress {
        let now = Instant::now();
        let moved = self.moved();
        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        samples.push_back((now, moved));
        while samples.len() > 2 && samples.front().is_some_and(|(at, _)| now - *at > WINDOW) {
            samples.pop_front();
        }
        drop(samples);
        self.snapshot()
    }

    /// What this run moved.
    fn moved(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed).saturating_sub(self.earlier.load(Ordering::Relaxed))
    }

    pub(super) fn snapshot(&self) -> Progress {
        let Some(&started) = self.started.get() else { return Progress::default() };
        let now = Instant::now();
        let bytes = self.bytes.load(Ordering::Relaxed);
        let total_bytes = Some(self.total_bytes.load(Ordering::Relaxed)).filter(|&total| total != UNKNOWN);
        let total_parts = Some(self.total_parts.load(Ordering::Relaxed)).filter(|&total| total != UNKNOWN_PARTS);
        let samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, before) = samples.front().copied().filter(|(at, _)| *at < now).unwrap_or((started, 0));
        drop(samples);
        let span = (now - since).as_secs_f64();
        #[allow(clippy::cast_precision_loss)] // an estimate
        let rate = if span > 0.0 { self.moved().saturating_sub(before) as f64 / span } else { 0.0 };
        let parts = self.parts.load(Ordering::Relaxed);
        Progress { bytes, total_bytes, parts, total_parts, rate, elapsed: now - started }
    }
}

/// The bytes of one part on the way; what it counted is taken back when it is dropped before it is done.
pub(super) struct PartMeter {
    counter: Arc<Counter>,
    counted: AtomicU64,
    done: AtomicBool,
}

impl PartMeter {
    pub(super) fn new(counter: Arc<Counter>) -> Self {
        Self { counter, counted: AtomicU64::new(0), done: AtomicBool::new(false) }
    }

    /// So many bytes of the part are moved; fewer than before when it was begun again.
    pub(super) fn set(&self, bytes: u64) {
        let before = self.counted.swap(bytes, Ordering::Relaxed);
        if bytes >= before {
            self.counter.add(bytes - before);
        } else {
            self.counter.take_back(before - bytes);
        }
        self.counter.tick();
    }

    /// An earlier run did the part, with so many bytes.
    pub(super) fn was_done(&self, bytes: u64) {
        self.counter.add_earlier(bytes);
        self.done(bytes);
    }

    /// The part is done, with so many bytes.
    pub(super) fn done(&self, bytes: u64) {
        self.done.store(true, Ordering::Relaxed);
        self.counter.parts.fetch_add(1, Ordering::Relaxed);
        self.set(bytes);
    }
}

impl Drop for PartMeter {
    fn drop(&mut self) {
        if !*self.done.get_mut() {
            self.counter.take_back(*self.counted.get_mut());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_up_is_taken_back_once() {
        let above = Arc::new(Counter::new());
        let counter = Arc::new(Counter::within(Arc::clone(&above)));
        above.start();
        let (other, part) = (PartMeter::new(Arc::clone(&above)), PartMeter::new(Arc::clone(&counter)));
        other.set(7);
        part.set(10);
        counter.give_up();
        assert_eq!(above.snapshot().bytes, 7);
        part.set(12);
        drop(part);
        assert_eq!(above.snapshot().bytes, 7);
    }

    #[tokio::test(start_paused = true)]
    async fn the_rate_is_that_of_this_run() {
        let counter = Arc::new(Counter::new());
        counter.start();
        PartMeter::new(Arc::clone(&counter)).was_done(1_000_000);
        let part = PartMeter::new(Arc::clone(&counter));
        tokio::time::advance(Duration::from_secs(2)).await;
        part.done(3000);
        let progress = counter.snapshot();
        assert_eq!((progress.bytes, progress.parts), (1_003_000, 2));
        assert!((progress.rate - 1500.0).abs() < 1.0, "{progress:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_that_remains_is_that_of_the_rest_at_this_rate() {
        let counter = Arc::new(Counter::new());
        counter.start();
        let part = PartMeter::new(Arc::clone(&counter));
        counter.set_total(Some(9000), None);
        assert_eq!(counter.snapshot().remaining_time(), None, "nothing was moved yet");
        tokio::time::advance(Duration::from_secs(2)).await;
        part.set(3000);
        let remaining = counter.snapshot().remaining_time().unwrap();
        assert!((remaining.as_secs_f64() - 4.0).abs() < 0.01, "{remaining:?}");
        counter.set_total(None, None);
        assert_eq!(counter.snapshot().remaining_time(), None, "nobody knows of how much");
    }

    #[tokio::test(start_paused = true)]
    async fn news_are_told_ten_times_a_second_at_most_and_at_the_end() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let counter = Arc::new(Counter::new());
        let seen = Arc::clone(&told);
        counter.on_progress(Box::new(move |progress| seen.lock().unwrap().push(progress.bytes)));
        counter.start();
        let part = PartMeter::new(Arc::clone(&counter));
        for step in 1..=25 {
            tokio::time::advance(Duration::from_millis(10)).await;
            part.set(step);
        }
        counter.end();
        counter.end();
        assert_eq!(*told.lock().unwrap(), [10, 20, 25]);
    }
}
