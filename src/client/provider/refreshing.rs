//! The cache in front of a provider: one flight at a time, the old key meanwhile.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::{CredentialError, CredentialErrorKind, ProvideCredentials};
use crate::client::clock::{CorrectedClock, LONGEST_LIFE, SystemClock};
use crate::client::trace::{self, Span};
use crate::credentials::{Credentials, Freshness, Lifetime, RefreshSchedule};
use crate::time::Clock;

/// How long the provider may take for one answer.
pub(super) const PROVIDER_TRY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a caller without any usable key waits for one; in this time the provider is asked again after a failure.
const PROVIDER_TOTAL_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a caller waits for a new key while the old one still lives; and never longer than half of what is left.
const PROVIDER_LOAD_TIMEOUT: Duration = Duration::from_secs(10);
/// After this a refresh is taken for lost, because the runtime it runs on is not driven any more.
const PROVIDER_FLIGHT_LOST: Duration = Duration::from_secs(20);
/// The pause between two refreshes forced by [`RefreshingCredentials::invalidate`].
const FORCED_REFRESH_INTERVAL: Duration = Duration::from_secs(5);
/// The pause until a key that the provider insists on may be doubted again.
const SAME_KEY_INTERVAL: Duration = Duration::from_secs(60);

/// Caches the key of a provider, and gets the next one before it expires.
///
/// ```text
/// a fifth of its life left, 60 s to 300 s   callers get the old key; one refresh runs in the background
/// a tenth left, at most 30 s                callers wait for the refresh, up to 10 s; if it fails, they get the old key
/// expired, or no key yet                    callers wait up to 15 s for a key or an error
/// ```
/// However many callers wait, only one call to the provider runs at a time, for at most 5 s, and all of them get its
/// key or its error. After a failure the provider is not asked for 1 s, after further failures for up to 30 s, after a
/// refusal for 60 s. A panic of the provider counts as a failure; so does a key that has expired, expires in more than
/// 36 hours, or is not newer than the current one. A key without an expiry is kept until
/// [`invalidate`](Self::invalidate).
///
/// A clock of this machine that is wrong by up to a day does no harm if the issuer of the key tells the time. When, by
/// this machine's clock, a new key has already expired, is not valid yet, or lives longer than any key can, the clock
/// is corrected: by [the issuer's clock](crate::SessionCredentials::told_at), else by the start of the key if that is
/// in the future. Signatures use the corrected time, too. A key that makes sense changes nothing.
///
/// Cheap to clone; clones share the key. Getting a key that is fresh takes some tens of nanoseconds.
///
/// # Examples
/// ```
/// use tencent_cos::SessionCredentials;
/// use tencent_cos::client::provider::{CredentialError, RefreshingCredentials, from_fn};
///
/// # async fn example() -> Result<(), CredentialError> {
/// # async fn ask_app_server() -> std::io::Result<Vec<u8>> { Ok(Vec::new()) }
/// let keys = RefreshingCredentials::new(from_fn(|| async {
///     let answer = ask_app_server().await?;
///     Ok::<_, Box<dyn std::error::Error + Send + Sync>>(SessionCredentials::from_json(&answer)?)
/// }));
/// let snapshot = keys.current().await?;
/// println!("key {} of {:?}", snapshot.generation(), snapshot.credentials());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RefreshingCredentials(Arc<Inner>);

/// A key, and the number of the refresh it came with.
#[derive(Clone, Debug)]
pub struct Snapshot {
    credentials: Credentials,
    generation: u64,
}

impl Snapshot {
    /// The key.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Counts from 1; each new key gets the next number.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The key, without its number.
    pub fn into_credentials(self) -> Credentials {
        self.credentials
    }
}

impl RefreshingCredentials {
    /// Caches the keys of this provider. It is not asked before the first [`current`](Self::current).
    pub fn new(provider: impl ProvideCredentials + 'static) -> Self {
        Self::over(Arc::new(provider), Arc::new(CorrectedClock::new(Arc::new(SystemClock::new()))))
    }

    /// The same provider with another clock, and with no key cached yet.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self::over(Arc::clone(&self.0.provider), Arc::new(CorrectedClock::new(clock)))
    }

    /// By the clock of a client, which the keys may correct.
    pub(crate) fn over(provider: Arc<dyn ProvideCredentials>, clock: Arc<CorrectedClock>) -> Self {
        Self(Arc::new(Inner { provider, clock, state: RwLock::default() }))
    }

    /// The key to sign with now. Call it again for every attempt.
    ///
    /// A key that it returns has not expired, neither by the wall clock nor by its age.
    ///
    /// # Errors
    /// The provider's own error when there is no valid key: all callers get the same one until the provider may be
    /// asked again. [`Rejected`](CredentialErrorKind::Rejected) when there is no Tokio runtime to ask it in.
    ///
    /// # Cancellation
    /// Dropping this future ends only the wait: the refresh continues for the others. It runs in the Tokio runtime of
    /// the caller that started it, whose timer must be enabled.
    pub async fn current(&self) -> Result<Snapshot, CredentialError> {
        if let Some(snapshot) = self.at_once(self.0.clock.now(), self.0.clock.monotonic()) {
            return Ok(snapshot);
        }
        let deadline = Instant::now() + PROVIDER_TOTAL_TIMEOUT;
        // Again after a success, to take the key as everybody else does, and when the runtime of a refresh is gone.
        for _ in 0..4 {
            let (mut flight, limit) = match self.0.board() {
                Step::Use(snapshot) => return Ok(snapshot),
                Step::Fail(error) => return Err(error),
                Step::Wait(flight, limit) => (flight, limit),
            };
            let failure = match timeout_at(deadline.min(Instant::now() + limit), flight.wait_for(Option::is_some)).await
            {
                Ok(Ok(landed)) => match landed.as_ref() {
                    Some(Err(error)) => error.clone(),
                    _ => continue,
                },
                Ok(Err(_gone)) => continue,
                Err(_elapsed) => CredentialError::transient("the credential provider takes too long"),
            };
            return self.peek().ok_or(failure);
        }
        Err(CredentialError::transient(
            "the refresh of the credentials was shut down, or gave keys that were over at once",
        ))
    }

    /// What [`current`](Self::current) gives without a wait at this time, which the caller has read already.
    pub(crate) fn at_once(&self, now: SystemTime, monotonic: Duration) -> Option<Snapshot> {
        self.0.at_once(now, monotonic)
    }

    /// The cached key if it has not expired. Does not ask the provider.
    pub fn peek(&self) -> Option<Snapshot> {
        let state = self.0.read();
        let current = state.current.as_ref()?;
        (current.freshness(&*self.0.clock) < Freshness::Expired).then(|| current.snapshot.clone())
    }

    /// Reports that COS refused the key of this generation: the next [`current`](Self::current) waits for another.
    ///
    /// Has no effect when a newer key is already cached (so five hundred refusals cause one refresh), or when a refresh
    /// was forced within the last 5 s. If the refresh fails and the key has not expired by the clock, the key is given
    /// out again under its old generation, and the provider is asked again after its pause. If the provider returns the
    /// same key, [`last_error`](Self::last_error) says so, and this key can be invalidated again after 60 s.
    pub fn invalidate(&self, generation: u64) {
        let monotonic = self.0.clock.monotonic();
        let mut state = self.0.write();
        let State { current: Some(current), forced, .. } = &mut *state else { return };
        if current.snapshot.generation != generation || current.doubted {
            return;
        }
        if let Some(last) = forced {
            let insisted = last.insisted && last.generation == generation;
            let pause = if insisted { SAME_KEY_INTERVAL } else { FORCED_REFRESH_INTERVAL };
            if monotonic.saturating_sub(last.at) < pause {
                return;
            }
        }
        current.doubted = true;
        *forced = Some(Forced { generation, at: monotonic, insisted: false });
    }

    /// Why the last refresh failed; `None` if it succeeded.
    pub fn last_error(&self) -> Option<CredentialError> {
        self.0.read().last_error.clone()
    }
}

/// Any provider, with the system clock.
impl<P: ProvideCredentials + 'static> From<P> for RefreshingCredentials {
    fn from(provider: P) -> Self {
        Self::new(provider)
    }
}

impl fmt::Debug for RefreshingCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.read();
        f.debug_struct("RefreshingCredentials")
            .field("provider", &self.0.provider)
            .field("current", &state.current.as_ref().map(|current| &current.snapshot))
            .field("refreshing", &state.flight.is_some())
            .field("last_error", &state.last_error)
            .finish()
    }
}

struct Inner {
    provider: Arc<dyn ProvideCredentials>,
    clock: Arc<CorrectedClock>,
    /// Held for a look or a change, never across an await.
    state: RwLock<State>,
}

#[derive(Default)]
struct State {
    current: Option<Current>,
    generations: u64,
    schedule: RefreshSchedule,
    last_error: Option<CredentialError>,
    flight: Option<Flight>,
    flights: u64,
    forced: Option<Forced>,
    /// A refresh failed while there was no key to go on with: until the next may start, its error is the answer.
    given_up: bool,
}

struct Current {
    snapshot: Snapshot,
    /// `None` for a key without an end.
    lifetime: Option<Lifetime>,
    /// COS refused it.
    doubted: bool,
}

struct Flight {
    number: u64,
    started_at: Duration,
    landed: watch::Receiver<Option<Landed>>,
}

type Landed = Result<(), CredentialError>;

struct Forced {
    generation: u64,
    at: Duration,
    /// The provider returned the same key.
    insisted: bool,
}

enum Step {
    Use(Snapshot),
    Wait(watch::Receiver<Option<Landed>>, Duration),
    Fail(CredentialError),
}

enum Verdict {
    Done(Landed),
    AgainAfter(Duration),
    /// Another flight took the place of this one.
    Superseded,
}

impl Current {
    /// A doubted key is at best one to be used when nothing better comes.
    fn freshness(&self, clock: &dyn Clock) -> Freshness {
        self.freshness_at(clock.now(), clock.monotonic())
    }

    fn freshness_at(&self, now: SystemTime, monotonic: Duration) -> Freshness {
        let by_time = self.lifetime.map_or(Freshness::Fresh, |lifetime| lifetime.freshness(now, monotonic));
        if self.doubted { by_time.max(Freshness::Mandatory) } else { by_time }
    }

    fn is(&self, key: &Credentials) -> bool {
        let mine = &self.snapshot.credentials;
        // Not `==`: a source may tell another start each time.
        mine.secret_id() == key.secret_id()
            && mine.expires_at() == key.expires_at()
            && mine.secret_key() == key.secret_key()
            && mine.token() == key.token()
    }

    fn remaining(&self, now: SystemTime, monotonic: Duration) -> Duration {
        self.lifetime.map_or(Duration::MAX, |lifetime| lifetime.remaining(now, monotonic))
    }
}

impl Flight {
    fn is_running(&self, monotonic: Duration) -> bool {
        // An error means that the task is gone without a word: its runtime was shut down.
        self.landed.has_changed().is_ok() && monotonic.saturating_sub(self.started_at) < PROVIDER_FLIGHT_LOST
    }
}

impl State {
    fn running(&self, monotonic: Duration) -> Option<&Flight> {
        self.flight.as_ref().filter(|flight| flight.is_running(monotonic))
    }

    /// Whether a key of the provider is of use, and how long it lives; else what is wrong with it.
    fn judge(&self, key: &Credentials, now: SystemTime, monotonic: Duration) -> Result<Option<Lifetime>, &'static str> {
        let alive = self.current.as_ref().filter(|current| current.remaining(now, monotonic) > Duration::ZERO);
        if alive.is_some_and(|current| current.is(key)) {
            return Err("is the one at hand");
        }
        let Some(end) = key.expires_at() else { return Ok(None) };
        let life = end.duration_since(now).unwrap_or_default();
        if life.is_zero() {
            return Err("is over by this machine's clock");
        }
        if life > LONGEST_LIFE {
            return Err("ends in more than 36 hours by this machine's clock");
        }
        if alive.is_some_and(|current| !current.doubted && current.snapshot.credentials.expires_at() >= Some(end)) {
            return Err("ends no later than the one at hand");
        }
        Ok(Some(Lifetime::new(now, monotonic, end, fastrand::f64())))
    }
}

impl Inner {
    fn read(&self) -> RwLockReadGuard<'_, State> {
        // Nothing panics between two changes that belong together.
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The way of nearly every request: a key that needs nothing, or nothing that is not under way already.
    fn at_once(&self, now: SystemTime, monotonic: Duration) -> Option<Snapshot> {
        let state = self.read();
        let current = state.current.as_ref()?;
        let usable = match current.freshness_at(now, monotonic) {
            Freshness::Fresh => true,
            Freshness::Advisory => !state.schedule.may_ask(monotonic) || state.running(monotonic).is_some(),
            Freshness::Mandatory | Freshness::Expired => false,
        };
        usable.then(|| current.snapshot.clone())
    }

    /// Starts a flight or joins the one that is under way, if that is what the key at hand calls for.
    fn board(self: &Arc<Self>) -> Step {
        let (now, monotonic) = (self.clock.now(), self.clock.monotonic());
        let mut state = self.write();
        let (snapshot, freshness, left) = match &state.current {
            Some(current) => (
                Some(current.snapshot.clone()),
                current.freshness_at(now, monotonic),
                current.remaining(now, monotonic),
            ),
            None => (None, Freshness::Expired, Duration::ZERO),
        };
        let alive = snapshot.filter(|_| freshness < Freshness::Expired);
        let running = state.running(monotonic).map(|flight| flight.landed.clone());
        let resting = running.is_none() && !state.schedule.may_ask(monotonic);
        if let Some(snapshot) = &alive
            && (resting || freshness == Freshness::Fresh)
        {
            return Step::Use(snapshot.clone());
        }
        if let Some(error) = &state.last_error
            && resting
            && state.given_up
        {
            return Step::Fail(error.clone());
        }
        let Ok(runtime) = Handle::try_current() else {
            let error = CredentialError::rejected("no Tokio runtime to ask the credential provider in");
            return alive.map_or(Step::Fail(error), Step::Use);
        };
        let mut take_off = None;
        let landed = running.unwrap_or_else(|| {
            // The old key has just ended after a failure: its last second is waited for, not answered with an error.
            let pause = state.schedule.wait(monotonic).min(Duration::from_secs(1));
            let (sender, landed) = watch::channel(None);
            state.flights += 1;
            let number = state.flights;
            state.flight = Some(Flight { number, started_at: monotonic, landed: landed.clone() });
            take_off = Some(Arc::clone(self).fly(number, sender, pause));
            landed
        });
        // Who listens to spans may look at the key.
        drop(state);
        if let Some(flight) = take_off {
            runtime.spawn(Span::refresh().around(flight));
        }
        match alive {
            Some(snapshot) if freshness == Freshness::Advisory => Step::Use(snapshot),
            Some(_) => Step::Wait(landed, PROVIDER_LOAD_TIMEOUT.min(left / 2)),
            None => Step::Wait(landed, PROVIDER_TOTAL_TIMEOUT),
        }
    }

    /// One refresh: one answer of the provider, or several tries when nobody has a key to go on with.
    async fn fly(self: Arc<Self>, number: u64, landed: watch::Sender<Option<Landed>>, pause: Duration) {
        let started_at = Instant::now();
        if !pause.is_zero() {
            sleep(pause).await;
        }
        loop {
            let asked = self.clock.mark();
            let answer = self.ask().await;
            if let Ok(key) = &answer
                && !self.has(key)
            {
                self.clock.heed(asked, key);
            }
            match self.land(number, answer, started_at.elapsed()) {
                Verdict::Done(result) => {
                    landed.send_replace(Some(result));
                    return;
                }
                Verdict::AgainAfter(wait) => sleep(wait).await,
                Verdict::Superseded => return,
            }
        }
    }

    /// Whether the answer is the one at hand: what it says of the issuer's clock was so when it was new.
    fn has(&self, key: &Credentials) -> bool {
        self.read().current.as_ref().is_some_and(|current| current.snapshot.credentials == *key)
    }

    async fn ask(&self) -> Result<Credentials, CredentialError> {
        // The limit is inside: a provider may panic when it is given up, too.
        let answer = AssertUnwindSafe(async { timeout(PROVIDER_TRY_TIMEOUT, self.provider.provide()).await });
        match answer.catch_unwind().await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_elapsed)) => {
                Err(CredentialError::transient(format!("{} gave no answer within 5 s", self.provider.name())))
            }
            Err(_panic) => Err(CredentialError::transient(format!("{} panicked", self.provider.name()))),
        }
    }

    /// Puts the answer where everybody finds it. The provider is asked for its name, and events are told, while nobody
    /// has to wait: who is asked or listens may look at the key.
    fn land(&self, number: u64, answer: Result<Credentials, CredentialError>, spent: Duration) -> Verdict {
        let (name, is_fixed) = (self.provider.name(), self.provider.is_fixed());
        let (now, monotonic) = (self.clock.now(), self.clock.monotonic());
        let mut guard = self.write();
        let state = &mut *guard;
        if state.flight.as_ref().is_none_or(|flight| flight.number != number) {
            return Verdict::Superseded;
        }
        let insists = answer.as_ref().is_ok_and(|key| state.current.as_ref().is_some_and(|current| current.is(key)));
        let judged = answer.and_then(|key| match state.judge(&key, now, monotonic) {
            Ok(lifetime) => Ok((lifetime, key)),
            Err(wrong) if is_fixed => Err(CredentialError::useless(name, wrong)),
            Err(wrong) => Err(CredentialError::unusable(format!("{name} returned a key that {wrong}"))),
        });
        let error = match judged {
            Ok((lifetime, credentials)) => {
                state.generations += 1;
                let snapshot = Snapshot { credentials, generation: state.generations };
                state.current = Some(Current { snapshot, lifetime, doubted: false });
                state.schedule.succeeded();
                state.last_error = None;
                state.given_up = false;
                state.flight = None;
                drop(guard);
                trace::refreshed(name);
                return Verdict::Done(Ok(()));
            }
            Err(error) => error,
        };
        let again = state.last_error.replace(error.clone()).is_some();
        state.schedule.failed(monotonic, error.kind() == CredentialErrorKind::Rejected, fastrand::f64());
        let left = state.current.as_ref().map_or(Duration::ZERO, |current| current.remaining(now, monotonic));
        let wait = state.schedule.wait(monotonic);
        let may_pass = matches!(error.kind(), CredentialErrorKind::Transient | CredentialErrorKind::Unusable);
        // Another try only if those who wait since the first will still see its end.
        let tries_again =
            left.is_zero() && may_pass && !is_fixed && spent + wait + PROVIDER_TRY_TIMEOUT < PROVIDER_TOTAL_TIMEOUT;
        if !tries_again {
            state.flight = None;
            state.given_up |= left.is_zero();
        }
        if !left.is_zero() {
            state.schedule.wait_at_most(left, monotonic);
            if let (true, Some(current), Some(forced)) = (insists, &mut state.current, &mut state.forced) {
                current.doubted = false;
                forced.insisted = true;
            }
        }
        drop(guard);
        trace::not_refreshed(name, &error, again);
        if tries_again { Verdict::AgainAfter(wait) } else { Verdict::Done(Err(error)) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
    use std::time::UNIX_EPOCH;

    use super::super::{BoxFuture, from_fn};
    use super::*;
    use crate::credentials::SessionCredentials;

    const HALF_HOUR: u64 = 1800;

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    /// Both clocks by tokio's, which a test may pause; the wall clock can be set.
    #[derive(Debug)]
    struct TestClock {
        start: Instant,
        set_by: AtomicI64,
        ahead: AtomicU64,
    }

    impl Clock for TestClock {
        fn now(&self) -> SystemTime {
            let real = UNIX_EPOCH + seconds(1_800_000_000) + self.start.elapsed();
            let set_by = self.set_by.load(Ordering::Relaxed);
            let distance = seconds(set_by.unsigned_abs());
            if set_by < 0 { real - distance } else { real + distance }
        }

        fn monotonic(&self) -> Duration {
            self.start.elapsed() + seconds(self.ahead.load(Ordering::Relaxed))
        }
    }

    impl TestClock {
        fn since(&self, earlier: Duration) -> Duration {
            self.monotonic().saturating_sub(earlier)
        }
    }

    type Answer = BoxFuture<'static, Result<Credentials, CredentialError>>;

    /// A provider that counts, and answers by script: from the number of the call, beginning with 1.
    struct Source {
        clock: Arc<TestClock>,
        calls: Mutex<Vec<Duration>>,
        under_way: AtomicUsize,
        most_under_way: AtomicUsize,
        script: Mutex<Box<dyn Fn(usize) -> Answer + Send>>,
    }

    impl fmt::Debug for Source {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Source")
        }
    }

    impl ProvideCredentials for Source {
        fn provide(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>> {
            struct Leave<'a>(&'a AtomicUsize);
            impl Drop for Leave<'_> {
                fn drop(&mut self) {
                    self.0.fetch_sub(1, Ordering::Relaxed);
                }
            }
            let call = {
                let mut calls = self.calls.lock().unwrap();
                calls.push(self.clock.monotonic());
                calls.len()
            };
            let under_way = self.under_way.fetch_add(1, Ordering::Relaxed) + 1;
            self.most_under_way.fetch_max(under_way, Ordering::Relaxed);
            let leave = Leave(&self.under_way);
            let answer = (self.script.lock().unwrap_or_else(PoisonError::into_inner))(call);
            Box::pin(async move {
                let _leave = leave;
                answer.await
            })
        }
    }

    struct Rig {
        clock: Arc<TestClock>,
        source: Arc<Source>,
        keys: RefreshingCredentials,
    }

    impl Rig {
        fn new(script: impl Fn(usize) -> Answer + Send + 'static) -> Self {
            let clock =
                Arc::new(TestClock { start: Instant::now(), set_by: AtomicI64::new(0), ahead: AtomicU64::new(0) });
            let source = Arc::new(Source {
                clock: Arc::clone(&clock),
                calls: Mutex::default(),
                under_way: AtomicUsize::new(0),
                most_under_way: AtomicUsize::new(0),
                script: Mutex::new(Box::new(script)),
            });
            let clocked: Arc<dyn Clock> = Arc::<TestClock>::clone(&clock);
            let keys = RefreshingCredentials::new(Arc::clone(&source)).with_clock(clocked);
            Self { clock, source, keys }
        }

        /// Each call gives a new key that lives for so long.
        fn issuing(life: u64) -> Self {
            let rig = Self::new(|_| answer(failure("to be replaced")));
            rig.issue(life, 0);
            rig
        }

        /// From now on each call gives, after a while, a new key that lives for so long.
        fn issue(&self, life: u64, delay: u64) {
            let clock = Arc::clone(&self.clock);
            self.script(move |call| {
                let clock = Arc::clone(&clock);
                Box::pin(async move {
                    sleep(seconds(delay)).await;
                    Ok(key(call, clock.now() + seconds(life)))
                })
            });
        }

        fn script(&self, script: impl Fn(usize) -> Answer + Send + 'static) {
            *self.source.script.lock().unwrap_or_else(PoisonError::into_inner) = Box::new(script);
        }

        fn calls(&self) -> usize {
            self.source.calls.lock().unwrap().len()
        }

        async fn generation(&self) -> u64 {
            self.keys.current().await.unwrap().generation()
        }

        /// Asks once a second until then, and asserts that it is answered at once and with a living key.
        async fn ask_each_second_until(&self, end: u64) {
            while self.clock.monotonic() < seconds(end) {
                let asked_at = self.clock.monotonic();
                let snapshot = self.keys.current().await.unwrap();
                assert_eq!(self.clock.monotonic(), asked_at, "waited");
                assert!(snapshot.credentials().expires_at().unwrap() > self.clock.now());
                sleep(seconds(1)).await;
            }
        }

        /// The waits between calls keep to the schedule: at least a second.
        fn assert_calls_are_spaced(&self) {
            let calls = self.source.calls.lock().unwrap();
            assert!(calls.windows(2).all(|pair| pair[0] + seconds(1) <= pair[1]), "{calls:?}");
        }
    }

    fn key(number: usize, expires_at: SystemTime) -> Credentials {
        SessionCredentials::new(format!("AKID{number}"), "PLANTEDkey", "PLANTEDtoken", expires_at).unwrap().into()
    }

    fn answer(result: Result<Credentials, CredentialError>) -> Answer {
        Box::pin(async move { result })
    }

    fn failure(message: &str) -> Result<Credentials, CredentialError> {
        Err(CredentialError::transient(message))
    }

    #[tokio::test(start_paused = true)]
    async fn a_fresh_key_is_asked_for_once() {
        let rig = Rig::issuing(HALF_HOUR);
        assert!(rig.keys.peek().is_none());
        rig.ask_each_second_until(1400).await;
        assert_eq!((rig.calls(), rig.generation().await), (1, 1));
        assert!(rig.keys.last_error().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn an_advisory_refresh_runs_in_the_background_once() {
        let rig = Rig::issuing(HALF_HOUR);
        rig.generation().await;
        rig.issue(HALF_HOUR, 4);
        sleep(seconds(1540)).await;
        let before = rig.clock.monotonic();
        for _ in 0..100 {
            assert_eq!(rig.generation().await, 1);
        }
        assert_eq!(rig.clock.monotonic(), before);
        sleep(seconds(5)).await;
        assert_eq!((rig.generation().await, rig.calls()), (2, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_mandatory_refresh_is_waited_for() {
        let rig = Rig::issuing(HALF_HOUR);
        rig.generation().await;
        rig.issue(HALF_HOUR, 4);
        sleep(seconds(1775)).await;
        assert_eq!((rig.generation().await, rig.calls()), (2, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_mandatory_refresh_that_hangs_leaves_life_in_the_old_key() {
        let rig = Rig::issuing(HALF_HOUR);
        rig.generation().await;
        rig.script(|_| Box::pin(std::future::pending()));
        sleep(seconds(1796)).await;
        let asked_at = rig.clock.monotonic();
        let snapshot = rig.keys.current().await.unwrap();
        assert_eq!(snapshot.generation(), 1);
        assert_eq!(rig.clock.since(asked_at), seconds(2));
        assert!(snapshot.credentials().expires_at().unwrap() > rig.clock.now() + seconds(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_thousand_callers_at_the_end_cause_one_call() {
        let rig = Rig::issuing(HALF_HOUR);
        rig.generation().await;
        rig.issue(HALF_HOUR, 3);
        sleep(seconds(1801)).await;
        let asked_at = rig.clock.monotonic();
        let callers: Vec<_> = (0..1000)
            .map(|_| {
                let keys = rig.keys.clone();
                tokio::spawn(async move { keys.current().await.unwrap().generation() })
            })
            .collect();
        for caller in callers {
            assert_eq!(caller.await.unwrap(), 2);
        }
        assert_eq!(rig.calls(), 2);
        assert!(rig.clock.since(asked_at) < seconds(3) + Duration::from_millis(50));
    }

    #[tokio::test(start_paused = true)]
    async fn all_who_wait_get_the_same_error() {
        let rig = Rig::new(|call| {
            Box::pin(async move {
                sleep(seconds(3)).await;
                Err(CredentialError::rejected(format!("no, for the {call}. time")))
            })
        });
        let callers: Vec<_> = (0..100)
            .map(|_| {
                let keys = rig.keys.clone();
                tokio::spawn(async move { keys.current().await.unwrap_err().to_string() })
            })
            .collect();
        for caller in callers {
            assert_eq!(caller.await.unwrap(), "no, for the 1. time");
        }
        // Until the provider may be asked again, a minute after a refusal, this is the answer.
        sleep(seconds(59)).await;
        assert_eq!(rig.keys.current().await.unwrap_err().to_string(), "no, for the 1. time");
        assert_eq!(rig.calls(), 1);
        sleep(seconds(1)).await;
        assert_eq!(rig.keys.current().await.unwrap_err().to_string(), "no, for the 2. time");
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_leaves_takes_nothing_with_it() {
        let rig = Rig::new(|_| answer(failure("to be replaced")));
        rig.issue(HALF_HOUR, 4);
        let first = timeout(seconds(1), rig.keys.current()).await;
        assert!(first.is_err(), "dropped while it waited");
        let others: Vec<_> = (0..10)
            .map(|_| {
                let keys = rig.keys.clone();
                tokio::spawn(async move { keys.current().await.unwrap().generation() })
            })
            .collect();
        for other in others {
            assert_eq!(other.await.unwrap(), 1);
        }
        assert_eq!((rig.calls(), rig.clock.monotonic()), (1, seconds(4)));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_a_slow_provider_while_the_old_key_lives() {
        let rig = Rig::issuing(HALF_HOUR);
        rig.generation().await;
        rig.issue(HALF_HOUR, 30);
        sleep(seconds(1560)).await;
        rig.ask_each_second_until(1769).await;
        // Each call is cut off after 5 s and followed by a wait.
        assert!((2..=40).contains(&rig.calls()), "{}", rig.calls());
        rig.assert_calls_are_spaced();
    }

    #[tokio::test(start_paused = true)]
    async fn a_provider_that_is_down_does_no_harm_before_the_end_and_is_told_after_it() {
        for rejected in [false, true] {
            let rig = Rig::issuing(HALF_HOUR);
            rig.generation().await;
            rig.script(move |_| {
                answer(Err(if rejected {
                    CredentialError::rejected("down")
                } else {
                    CredentialError::transient("down")
                }))
            });
            sleep(seconds(1400)).await;
            rig.ask_each_second_until(1800).await;
            let before_end = rig.calls();
            assert!((3..=120).contains(&before_end), "{before_end}");
            for _ in 0..20 {
                let asked_at = rig.clock.monotonic();
                for _ in 0..200 {
                    assert_eq!(rig.keys.current().await.unwrap_err().to_string(), "down");
                }
                assert!(rig.clock.since(asked_at) <= seconds(15));
                sleep(seconds(1)).await;
            }
            rig.assert_calls_are_spaced();
            assert!(rig.keys.peek().is_none());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_provider_that_hangs_is_given_up_within_15_s() {
        let rig = Rig::new(|_| Box::pin(std::future::pending()));
        let error = rig.keys.current().await.unwrap_err();
        assert_eq!(error.to_string(), "the credential provider gave no answer within 5 s");
        assert!(rig.clock.monotonic() <= seconds(15));
        assert_eq!(rig.calls(), 2);
        let asked_at = rig.clock.monotonic();
        rig.keys.current().await.unwrap_err();
        assert_eq!((rig.clock.monotonic(), rig.calls()), (asked_at, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_key_the_provider_is_asked_again_in_the_same_flight() {
        let rig = Rig::issuing(HALF_HOUR);
        let clock = Arc::clone(&rig.clock);
        rig.script(move |call| {
            answer(if call < 3 { failure("not yet") } else { Ok(key(call, clock.now() + seconds(HALF_HOUR))) })
        });
        assert_eq!((rig.generation().await, rig.calls()), (1, 3));
        assert!(rig.clock.monotonic() <= seconds(3));
        assert!(rig.keys.last_error().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_provider_that_heals_after_the_end_is_found_within_30_s() {
        let rig = Rig::issuing(HALF_HOUR);
        rig.generation().await;
        rig.script(|_| answer(failure("down")));
        sleep(seconds(1700)).await;
        for _ in 0..300 {
            let _ = rig.keys.current().await;
            sleep(seconds(1)).await;
        }
        assert!(rig.keys.current().await.is_err());
        rig.issue(HALF_HOUR, 0);
        let healed_at = rig.clock.monotonic();
        while rig.keys.current().await.is_err() {
            sleep(Duration::from_millis(100)).await;
        }
        assert!(rig.clock.since(healed_at) <= seconds(31));
        rig.ask_each_second_until(3000).await;
    }

    #[tokio::test(start_paused = true)]
    async fn garbage_is_refused_and_the_old_key_kept() {
        type Reply = fn(SystemTime) -> Credentials;
        let garbage: [(&str, Reply); 5] = [
            ("is over", |_| key(9, UNIX_EPOCH)),
            ("is over", |now| key(9, now)),
            ("more than 36 hours", |now| key(9, now + seconds(37 * 3600))),
            ("more than 36 hours", |_| key(9, UNIX_EPOCH + seconds(253_402_300_799))),
            ("ends no later", |now| key(9, now + seconds(20))),
        ];
        for (reason, reply) in garbage {
            let rig = Rig::issuing(HALF_HOUR);
            rig.generation().await;
            let clock = Arc::clone(&rig.clock);
            rig.script(move |_| answer(Ok(reply(clock.now()))));
            sleep(seconds(1540)).await;
            rig.generation().await;
            sleep(Duration::from_millis(1)).await;
            let error = rig.keys.last_error().unwrap();
            assert_eq!(error.kind(), CredentialErrorKind::Unusable);
            assert!(error.to_string().contains(reason), "{error}");
            rig.ask_each_second_until(1769).await;
            assert_eq!(rig.generation().await, 1);
            rig.assert_calls_are_spaced();
            assert!(!format!("{:?} {error:?}", rig.keys).contains("PLANTED"));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_key_of_sts_is_taken_with_clocks_that_differ_a_little() {
        let rig = Rig::issuing(36 * 3600 + 600);
        assert_eq!(rig.generation().await, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_that_rotates_in_the_last_second_causes_no_failure() {
        let rig = Rig::issuing(HALF_HOUR);
        let clock = Arc::clone(&rig.clock);
        // As instance metadata would: the key of the half hour we are in.
        rig.script(move |_| {
            let number = clock.monotonic().as_secs() / HALF_HOUR + 1;
            let number = usize::try_from(number).unwrap();
            answer(Ok(key(number, UNIX_EPOCH + seconds(1_800_000_000 + HALF_HOUR * number as u64))))
        });
        while rig.clock.monotonic() < seconds(10 * HALF_HOUR) {
            let asked_at = rig.clock.monotonic();
            let snapshot = rig.keys.current().await.unwrap();
            assert!(snapshot.credentials().expires_at().unwrap() > rig.clock.now());
            assert!(rig.clock.since(asked_at) <= seconds(2));
            sleep(Duration::from_millis(700)).await;
        }
        assert!(rig.calls() < 10 * 60, "{}", rig.calls());
        rig.assert_calls_are_spaced();
    }

    #[tokio::test(start_paused = true)]
    async fn a_day_of_half_hour_keys_takes_one_call_each() {
        let rig = Rig::issuing(HALF_HOUR);
        rig.ask_each_second_until(86_400).await;
        assert_eq!(rig.calls() as u64, rig.generation().await);
        let calls = rig.source.calls.lock().unwrap();
        for pair in calls.windows(2) {
            assert!((seconds(1470)..=seconds(1531)).contains(&pair[1].saturating_sub(pair[0])), "{pair:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn short_keys_are_not_refreshed_all_the_time() {
        let rig = Rig::issuing(40);
        rig.ask_each_second_until(400).await;
        assert!(rig.calls() <= 21, "{}", rig.calls());
    }

    #[tokio::test(start_paused = true)]
    async fn five_hundred_refusals_cause_one_refresh() {
        let rig = Rig::issuing(HALF_HOUR);
        rig.generation().await;
        rig.issue(HALF_HOUR, 2);
        let callers: Vec<_> = (0..500)
            .map(|_| {
                let keys = rig.keys.clone();
                tokio::spawn(async move {
                    keys.invalidate(1);
                    keys.current().await.unwrap().generation()
                })
            })
            .collect();
        for caller in callers {
            assert_eq!(caller.await.unwrap(), 2);
        }
        assert_eq!(rig.calls(), 2);
        // Late news of the old key, and a second refusal within 5 s.
        rig.keys.invalidate(1);
        rig.keys.invalidate(2);
        assert_eq!((rig.generation().await, rig.calls()), (2, 2));
        sleep(seconds(5)).await;
        rig.keys.invalidate(2);
        assert_eq!((rig.generation().await, rig.calls()), (3, 3));
    }

    #[tokio::test(start_paused = true)]
    async fn a_forced_refresh_that_fails_gives_the_old_key_and_is_tried_again() {
        let rig = Rig::issuing(HALF_HOUR);
        rig.generation().await;
        rig.script(|_| answer(failure("down")));
        rig.keys.invalidate(1);
        assert_eq!((rig.generation().await, rig.calls()), (1, 2));
        assert_eq!(rig.keys.last_error().unwrap().to_string(), "down");
        rig.issue(HALF_HOUR, 0);
        assert_eq!((rig.generation().await, rig.calls()), (1, 2), "the provider has its pause");
        sleep(seconds(1)).await;
        assert_eq!((rig.generation().await, rig.calls()), (2, 3));
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_without_end_is_kept_until_it_is_doubted() {
        let rig = Rig::new(|_| answer(Credentials::permanent("AKIDone", "PLANTEDkey").map_err(Into::into)));
        for _ in 0..100 {
            assert_eq!(rig.generation().await, 1);
            sleep(seconds(3600)).await;
        }
        assert_eq!(rig.calls(), 1);
        rig.keys.invalidate(1);
        assert_eq!((rig.generation().await, rig.calls()), (1, 2));
        assert_eq!(
            rig.keys.last_error().unwrap().to_string(),
            "the credential provider returned a key that is the one at hand"
        );
        sleep(seconds(59)).await;
        rig.keys.invalidate(1);
        assert_eq!((rig.generation().await, rig.calls()), (1, 2), "the provider insists on it");
        // The key was replaced at its source.
        rig.script(|_| answer(Credentials::permanent("AKIDtwo", "PLANTEDkey").map_err(Into::into)));
        sleep(seconds(1)).await;
        rig.keys.invalidate(1);
        assert_eq!((rig.generation().await, rig.calls()), (2, 3));
        assert!(rig.keys.last_error().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn anonymous_is_a_key_as_well() {
        let keys = RefreshingCredentials::from(Credentials::anonymous());
        assert!(keys.current().await.unwrap().into_credentials().is_anonymous());
    }

    /// Looks at the cache before it says its name, and gives a key every other time.
    #[derive(Debug, Default)]
    struct Onlooker {
        keys: std::sync::OnceLock<RefreshingCredentials>,
        asked: AtomicUsize,
        looks: AtomicUsize,
    }

    impl ProvideCredentials for Onlooker {
        fn provide(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>> {
            let fails = self.asked.fetch_add(1, Ordering::Relaxed) % 2 == 1;
            Box::pin(async move { if fails { failure("no") } else { Ok(Credentials::anonymous()) } })
        }

        #[allow(clippy::unnecessary_literal_bound)] // others have their name in a field
        fn name(&self) -> &str {
            if let Some(keys) = self.keys.get().cloned() {
                let (tell, told) = std::sync::mpsc::channel();
                std::thread::spawn(move || tell.send(keys.peek().is_some()));
                let looked = told.recv_timeout(seconds(10)).is_ok();
                self.looks.fetch_add(usize::from(looked), Ordering::Relaxed);
                assert!(looked, "the cache is held while its provider is asked for its name");
            }
            "an onlooker"
        }
    }

    #[tokio::test]
    async fn a_provider_may_look_at_the_cache_at_any_time() {
        let source = Arc::new(Onlooker::default());
        let keys = RefreshingCredentials::new(Arc::clone(&source));
        source.keys.set(keys.clone()).unwrap();
        let first = keys.current().await.unwrap();
        assert_eq!(source.looks.load(Ordering::Relaxed), 1);
        keys.invalidate(first.generation());
        keys.current().await.unwrap();
        assert!(keys.last_error().is_some() && source.looks.load(Ordering::Relaxed) >= 2);
    }

    struct ThrowsWhenDropped;

    impl Drop for ThrowsWhenDropped {
        fn drop(&mut self) {
            panic!("when given up");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_of_the_provider_is_a_failure() {
        let rig = Rig::new(|_| Box::pin(async { panic!("in the future") }));
        assert_eq!(rig.keys.current().await.unwrap_err().to_string(), "the credential provider panicked");
        rig.script(|_| panic!("before the future"));
        sleep(seconds(60)).await;
        assert_eq!(rig.keys.current().await.unwrap_err().to_string(), "the credential provider panicked");
        rig.script(|_| {
            let thrown_away = ThrowsWhenDropped;
            Box::pin(async move {
                let _kept = &thrown_away;
                std::future::pending().await
            })
        });
        sleep(seconds(60)).await;
        assert_eq!(rig.keys.current().await.unwrap_err().to_string(), "the credential provider panicked");
        assert!(rig.keys.last_error().is_some());
        rig.assert_calls_are_spaced();
        rig.issue(HALF_HOUR, 0);
        sleep(seconds(60)).await;
        assert_eq!(rig.generation().await, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wall_clock_set_forward_ends_the_key_and_set_back_does_not_prolong_it() {
        let rig = Rig::issuing(HALF_HOUR);
        rig.generation().await;
        rig.clock.set_by.store(7200, Ordering::Relaxed);
        assert_eq!(rig.generation().await, 2);
        rig.clock.set_by.store(-86_400, Ordering::Relaxed);
        sleep(seconds(1801)).await;
        assert_eq!(rig.generation().await, 3);
    }

    #[test]
    fn without_a_runtime_there_is_an_error_and_no_panic() {
        let keys = RefreshingCredentials::new(from_fn(|| async { Ok::<_, String>(Credentials::anonymous()) }));
        let error = futures_util::FutureExt::now_or_never(keys.current()).unwrap().unwrap_err();
        assert!(error.to_string().contains("no Tokio runtime"), "{error}");
    }

    #[test]
    fn a_refresh_that_dies_with_its_runtime_is_begun_anew_in_another() {
        let runtime = || tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let rig = Rig::issuing(HALF_HOUR);
        rig.script(|call| match call {
            1 => Box::pin(std::future::pending()),
            _ => answer(Ok(Credentials::anonymous())),
        });
        let first = runtime();
        first.block_on(async { timeout(Duration::from_millis(10), rig.keys.current()).await.unwrap_err() });
        drop(first);
        assert_eq!(runtime().block_on(rig.generation()), 1);
        assert_eq!(rig.calls(), 2);
    }

    #[test]
    fn a_refresh_on_a_runtime_that_stands_still_is_begun_anew_in_another() {
        let runtime = || tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let rig = Rig::new(|call| {
            let key = Credentials::permanent(format!("AKID{call}"), "key").map_err(Into::into);
            Box::pin(async move {
                sleep(Duration::from_millis(if call == 1 { 20 } else { 0 })).await;
                key
            })
        });
        let first = runtime();
        first.block_on(async { timeout(Duration::from_millis(1), rig.keys.current()).await.unwrap_err() });
        rig.clock.ahead.store(21, Ordering::Relaxed);
        let second = runtime();
        assert_eq!(second.block_on(rig.generation()), 1);
        // The first wakes up again, too late.
        first.block_on(async { sleep(Duration::from_millis(40)).await });
        assert_eq!((second.block_on(rig.generation()), rig.calls()), (1, 2));
        assert_eq!(rig.keys.peek().unwrap().credentials().secret_id(), "AKID2");
    }

    #[tokio::test(start_paused = true)]
    async fn whatever_the_provider_does_no_dead_key_is_given_and_no_two_calls_run_at_once() {
        for seed in 0..60 {
            let rig = Rig::issuing(HALF_HOUR);
            let (clock, random) = (Arc::clone(&rig.clock), Mutex::new(fastrand::Rng::with_seed(seed)));
            rig.script(move |call| {
                let mut random = random.lock().unwrap();
                let (delay, life, now) = (random.u64(0..9_000), random.u64(0..4_000), clock.now());
                let reply = match random.u8(0..10) {
                    0 => failure("down"),
                    1 => Err(CredentialError::rejected("no")),
                    2 => Ok(key(call, now)),
                    3 => Ok(key(1, UNIX_EPOCH + seconds(1_800_000_000 + HALF_HOUR))),
                    4 => Ok(key(call, now + seconds(200_000))),
                    _ => Ok(key(call, now + seconds(life))),
                };
                let panics = random.u8(0..20) == 0;
                Box::pin(async move {
                    sleep(Duration::from_millis(if delay < 4_500 { delay / 10 } else { delay })).await;
                    if panics {
                        // Without the noise of the panic hook.
                        std::panic::resume_unwind(Box::new("as scripted"));
                    }
                    reply
                })
            });
            let mut random = fastrand::Rng::with_seed(seed + 1_000);
            let callers: Vec<_> = (0..8)
                .map(|_| {
                    let (keys, clock, mut random) = (rig.keys.clone(), Arc::clone(&rig.clock), random.fork());
                    tokio::spawn(async move {
                        let mut newest = 0;
                        for _ in 0..400 {
                            let patience = Duration::from_millis(random.u64(1..30_000));
                            let asked_at = clock.monotonic();
                            if let Ok(Ok(snapshot)) = timeout(patience, keys.current()).await {
                                assert!(snapshot.credentials().expires_at().unwrap() > clock.now(), "a dead key");
                                assert!(snapshot.generation() >= newest, "an older key");
                                newest = snapshot.generation();
                            }
                            assert!(clock.since(asked_at) <= seconds(15), "a long wait");
                            match random.u8(0..40) {
                                0 => keys.invalidate(newest),
                                1 => clock.set_by.store(random.i64(-60..60), Ordering::Relaxed),
                                _ => {}
                            }
                            sleep(Duration::from_millis(random.u64(0..20_000))).await;
                        }
                    })
                })
                .collect();
            for caller in callers {
                caller.await.unwrap();
            }
            assert_eq!(rig.source.most_under_way.load(Ordering::Relaxed), 1, "seed {seed}");
            assert!(rig.calls() > 3);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn debug_shows_no_secret() {
        let rig = Rig::issuing(HALF_HOUR);
        let snapshot = rig.keys.current().await.unwrap();
        let shown = format!("{:?} {snapshot:?} {:?}", rig.keys, Holder(rig.keys.clone()));
        assert!(!shown.contains("PLANTED"), "{shown}");
        assert!(shown.contains("generation: 1"), "{shown}");
    }

    /// As a user's type would, that holds the cache and derives `Debug`.
    #[derive(Debug)]
    #[allow(dead_code)] // read by Debug
    struct Holder(RefreshingCredentials);
}
