//! How fresh a key is and when to ask for the next one: pure decisions, for any runtime.

use std::time::{Duration, SystemTime};

use crate::time::share;

/// What to do with a key, from its remaining life.
///
/// ```text
/// issued ──────────── Fresh ──────────── Advisory ──────── Mandatory ── Expired
///                                        │                 │            └ wait for a new key, or fail
///                                        │                 └ wait for a new key; without one use the old
///                                        └ use the old key, ask for a new one meanwhile
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Freshness {
    /// Use it.
    Fresh,
    /// Use it, and let one refresh run in the background: a fifth of its life is left, at least 60 s, at most 300 s,
    /// give or take a tenth. Of a short life, never more than half: a key of 40 s must not be refreshed all the time.
    Advisory,
    /// Wait for the refresh, but not long; then use it: a tenth of its life is left, at most 30 s.
    Mandatory,
    /// It is of no use.
    Expired,
}

/// The life of one key on two clocks.
///
/// The wall clock may be set, and the monotonic clock may stand still while a machine sleeps; the smaller remainder of
/// the two counts, so that neither can make a dead key look alive.
#[derive(Clone, Copy, Debug)]
pub struct Lifetime {
    obtained_monotonic: Duration,
    expires_at: SystemTime,
    total: Duration,
    advisory: Duration,
    mandatory: Duration,
}

impl Lifetime {
    /// A key obtained now that ends at `expires_at`. `jitter` from 0.0 to 1.0 moves the advisory limit by −10 % to
    /// +10 %, so that many processes do not refresh at once.
    pub fn new(obtained_at: SystemTime, obtained_monotonic: Duration, expires_at: SystemTime, jitter: f64) -> Self {
        let total = expires_at.duration_since(obtained_at).unwrap_or_default();
        let advisory = (total / 5).clamp(Duration::from_secs(60), Duration::from_secs(300));
        let advisory = (advisory * 9 / 10 + share(advisory / 5, jitter)).min(total / 2);
        let mandatory = (total / 10).min(Duration::from_secs(30));
        Self { obtained_monotonic, expires_at, total, advisory, mandatory }
    }

    /// How long the key had to live when it was obtained.
    pub fn total(&self) -> Duration {
        self.total
    }

    /// What is left of it, by the stricter of the two clocks; zero when it is over.
    pub fn remaining(&self, now: SystemTime, monotonic: Duration) -> Duration {
        let by_wall = self.expires_at.duration_since(now).unwrap_or_default();
        let by_age = self.total.saturating_sub(monotonic.saturating_sub(self.obtained_monotonic));
        by_wall.min(by_age)
    }

    /// What to do with the key now.
    pub fn freshness(&self, now: SystemTime, monotonic: Duration) -> Freshness {
        match self.remaining(now, monotonic) {
            Duration::ZERO => Freshness::Expired,
            left if left <= self.mandatory => Freshness::Mandatory,
            left if left <= self.advisory => Freshness::Advisory,
            _ => Freshness::Fresh,
        }
    }
}

/// When the provider may be asked again after it failed.
///
/// A random wait between 1 s and a cap that doubles from 1 s to 30 s; a refusal waits 60 s. It never gives up.
#[derive(Clone, Copy, Debug, Default)]
pub struct RefreshSchedule {
    failures: u32,
    not_before: Option<Duration>,
}

impl RefreshSchedule {
    /// Whether the provider may be asked at this monotonic time.
    pub fn may_ask(&self, monotonic: Duration) -> bool {
        self.not_before.is_none_or(|at| monotonic >= at)
    }

    /// The wait until it may be asked.
    pub fn wait(&self, monotonic: Duration) -> Duration {
        self.not_before.map_or(Duration::ZERO, |at| at.saturating_sub(monotonic))
    }

    /// The provider answered with a usable key.
    pub fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// The provider failed; `rejected` when it said no rather than nothing. `random` is from 0.0 to 1.0.
    pub fn failed(&mut self, monotonic: Duration, rejected: bool, random: f64) {
        let base = Duration::from_secs(1);
        let wait = if rejected {
            Duration::from_secs(60)
        } else {
            let cap = (base * 2_u32.saturating_pow(self.failures.min(5))).min(Duration::from_secs(30));
            base + share(cap.saturating_sub(base), random)
        };
        self.failures = self.failures.saturating_add(1);
        self.not_before = Some(monotonic.saturating_add(wait));
    }

    /// Lets the provider be asked in `limit` at the latest, yet no sooner than in 1 s: when the old key ends, there is
    /// no more reason to be patient.
    pub fn wait_at_most(&mut self, limit: Duration, monotonic: Duration) {
        let latest = monotonic.saturating_add(limit.max(Duration::from_secs(1)));
        self.not_before = self.not_before.map(|at| at.min(latest));
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn states_follow_the_remaining_life() {
        // 30 minutes: advisory in the last 300 s, mandatory in the last 30 s
        let start = UNIX_EPOCH + seconds(1_000_000);
        let key = Lifetime::new(start, seconds(7), start + seconds(1800), 0.5);
        let after = |count| key.freshness(start + seconds(count), seconds(7 + count));
        assert_eq!(after(0), Freshness::Fresh);
        assert_eq!(after(1499), Freshness::Fresh);
        assert_eq!(after(1500), Freshness::Advisory);
        assert_eq!(after(1769), Freshness::Advisory);
        assert_eq!(after(1770), Freshness::Mandatory);
        assert_eq!(after(1799), Freshness::Mandatory);
        assert_eq!(after(1800), Freshness::Expired);
    }

    #[test]
    fn the_stricter_clock_counts() {
        let start = UNIX_EPOCH + seconds(1_000_000);
        let key = Lifetime::new(start, seconds(0), start + seconds(1800), 0.5);
        // set back by a day: the age still counts
        assert_eq!(key.freshness(start - seconds(86_400), seconds(1800)), Freshness::Expired);
        // a machine that slept: its monotonic clock stood still
        assert_eq!(key.freshness(start + seconds(1800), seconds(1)), Freshness::Expired);
    }

    #[test]
    fn a_short_key_is_left_alone_for_half_its_life() {
        let start = UNIX_EPOCH + seconds(1_000_000);
        let key = Lifetime::new(start, seconds(0), start + seconds(20), 0.5);
        let after = |count| key.freshness(start + seconds(count), seconds(count));
        assert_eq!(after(9), Freshness::Fresh);
        assert_eq!(after(10), Freshness::Advisory);
        assert_eq!(after(18), Freshness::Mandatory);
        assert_eq!(after(20), Freshness::Expired);
    }

    #[test]
    fn jitter_moves_the_advisory_limit_by_a_tenth() {
        let start = UNIX_EPOCH + seconds(1_000_000);
        for (jitter, fresh_for) in [(0.0, 1530), (0.5, 1500), (1.0, 1470), (7.0, 1470)] {
            let key = Lifetime::new(start, seconds(0), start + seconds(1800), jitter);
            assert_eq!(
                key.freshness(start + seconds(fresh_for - 1), seconds(fresh_for - 1)),
                Freshness::Fresh,
                "{jitter}"
            );
            assert_eq!(key.freshness(start + seconds(fresh_for), seconds(fresh_for)), Freshness::Advisory, "{jitter}");
        }
    }

    #[test]
    fn back_off_doubles_to_30_s_and_ends_with_success() {
        let mut schedule = RefreshSchedule::default();
        for cap in [1, 2, 4, 8, 16, 30, 30] {
            schedule.failed(seconds(100), false, 1.0);
            assert_eq!(schedule.wait(seconds(100)), seconds(cap));
        }
        schedule.failed(seconds(100), true, 0.0);
        assert_eq!(schedule.wait(seconds(100)), seconds(60));
        assert!(!schedule.may_ask(seconds(159)) && schedule.may_ask(seconds(160)));
        schedule.wait_at_most(seconds(20), seconds(100));
        assert_eq!(schedule.wait(seconds(100)), seconds(20));
        schedule.wait_at_most(seconds(0), seconds(100));
        assert_eq!(schedule.wait(seconds(100)), seconds(1));
        schedule.succeeded();
        assert!(schedule.may_ask(seconds(0)));
    }
}
