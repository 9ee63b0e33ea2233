//! How fresh a key is and when to ask for the next one: pure decisions, for any runtime.

use std::time::{Duration, SystemTime};

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
    /// give or take a tenth.
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
    obtained_at: SystemTime,
    obtained_monotonic: Duration,
    expires_at: SystemTime,
    /// In thousandths, 900 to 1100: the spread of the advisory limit, so that many processes do not refresh at once.
    jitter: u16,
}

impl Lifetime {
    /// A key obtained now that ends at `expires_at`. `jitter` from 0.0 to 1.0 moves the advisory limit by −10 % to +10 %.
    pub fn new(obtained_at: SystemTime, obtained_monotonic: Duration, expires_at: SystemTime, jitter: f64) -> Self {
        // In range by the clamp, and a rounded thousandth is all that is wanted.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let jitter = 900 + (jitter.clamp(0.0, 1.0) * 200.0) as u16;
        Self { obtained_at, obtained_monotonic, expires_at, jitter }
    }

    /// How long the key lived when it was obtained.
    pub fn total(&self) -> Duration {
        self.expires_at.duration_since(self.obtained_at).unwrap_or_default()
    }

    /// What is left of it, by the stricter of the two clocks; zero when it is over.
    pub fn remaining(&self, now: SystemTime, monotonic: Duration) -> Duration {
        let by_wall = self.expires_at.duration_since(now).unwrap_or_default();
        let by_age = self.total().saturating_sub(monotonic.saturating_sub(self.obtained_monotonic));
        by_wall.min(by_age)
    }

    /// What to do with the key now.
    pub fn freshness(&self, now: SystemTime, monotonic: Duration) -> Freshness {
        let (total, remaining) = (self.total(), self.remaining(now, monotonic));
        let advisory =
            (total / 5).clamp(Duration::from_secs(60), Duration::from_secs(300)) * u32::from(self.jitter) / 1000;
        let mandatory = (total / 10).min(Duration::from_secs(30));
        match remaining {
            Duration::ZERO => Freshness::Expired,
            left if left <= mandatory => Freshness::Mandatory,
            left if left <= advisory => Freshness::Advisory,
            _ => Freshness::Fresh,
        }
    }
}

/// When the provider may be asked again after it failed.
///
/// Full jitter between the base and a cap that doubles from 1 s to 30 s; a refusal waits 60 s. It never gives up.
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
            base + cap.saturating_sub(base).mul_f64(random.clamp(0.0, 1.0))
        };
        self.failures = self.failures.saturating_add(1);
        self.not_before = Some(monotonic + wait);
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
    fn a_short_key_is_still_used() {
        let start = UNIX_EPOCH + seconds(1_000_000);
        let key = Lifetime::new(start, seconds(0), start + seconds(20), 0.5);
        assert_eq!(key.freshness(start, seconds(0)), Freshness::Advisory);
        assert_eq!(key.freshness(start + seconds(18), seconds(18)), Freshness::Mandatory);
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
        schedule.succeeded();
        assert!(schedule.may_ask(seconds(0)));
    }
}
