//! The system clock and its only reader, and the correction COS gives it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use crate::time::Clock;

/// The clocks of this machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SystemClock {
    start: Instant,
}

impl SystemClock {
    #[allow(clippy::disallowed_methods)] // the one place
    pub(crate) fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods)] // the one place
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }
}

/// A clock set right by what COS says: one correction for the endpoint of a client.
///
/// COS refuses requests of a clock that is more than 15 minutes off. The correction is learned from such a refusal
/// alone, and measured anew with every later answer, until the clock is right by itself.
#[derive(Debug)]
pub(crate) struct CorrectedClock {
    raw: Arc<dyn Clock>,
    /// In milliseconds, to be added.
    offset: AtomicI64,
}

/// Smaller differences are the way of clocks.
const NOTABLE: i64 = 30_000;
/// Larger ones are no clock that runs wrong, and no server to be believed.
const BELIEVABLE: i64 = 24 * 3600 * 1000;
/// A date that was so long under way tells little.
const LONGEST_ROUND_TRIP: Duration = Duration::from_secs(10);

impl CorrectedClock {
    pub(crate) fn new(raw: Arc<dyn Clock>) -> Self {
        Self { raw, offset: AtomicI64::new(0) }
    }

    /// When a request goes out, for [`measure`](Self::measure).
    pub(crate) fn mark(&self) -> (SystemTime, Duration) {
        (self.raw.now(), self.raw.monotonic())
    }

    /// How far the server is ahead of the raw clock, in milliseconds: its date against the middle of the round trip.
    /// `None` when the difference is not to be used.
    pub(crate) fn measure(&self, sent: (SystemTime, Duration), server: SystemTime) -> Option<i64> {
        let round_trip = self.raw.monotonic().saturating_sub(sent.1);
        let middle = sent.0 + round_trip / 2;
        let millis = |ahead: Duration| i64::try_from(ahead.as_millis()).ok();
        let offset = match server.duration_since(middle) {
            Ok(ahead) => millis(ahead)?,
            Err(behind) => -millis(behind.duration())?,
        };
        (round_trip <= LONGEST_ROUND_TRIP && offset.abs() <= BELIEVABLE).then_some(offset)
    }

    /// After a refusal for the clock's sake: takes the correction on, or drops one that is wrong by now. False when that
    /// would change too little to be the reason.
    pub(crate) fn correct(&self, offset: i64) -> bool {
        let before = self.offset.load(Ordering::Relaxed);
        let notable = (offset - before).abs() >= NOTABLE;
        if notable {
            self.follow(offset);
        }
        notable
    }

    /// Whether there is a correction to be kept up.
    pub(crate) fn is_corrected(&self) -> bool {
        self.offset.load(Ordering::Relaxed) != 0
    }

    /// After an answer while a correction is in force: it follows the clock, and ends when the clock is right.
    pub(crate) fn follow(&self, offset: i64) {
        self.offset.store(if offset.abs() < NOTABLE { 0 } else { offset }, Ordering::Relaxed);
    }
}

impl Clock for CorrectedClock {
    fn now(&self) -> SystemTime {
        let offset = self.offset.load(Ordering::Relaxed);
        let (now, shift) = (self.raw.now(), Duration::from_millis(offset.unsigned_abs()));
        let shifted = if offset < 0 { now.checked_sub(shift) } else { now.checked_add(shift) };
        shifted.unwrap_or(now)
    }

    fn monotonic(&self) -> Duration {
        self.raw.monotonic()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::UNIX_EPOCH;

    use super::*;

    #[derive(Debug)]
    struct Hands(Mutex<Duration>);

    impl Clock for Hands {
        fn now(&self) -> SystemTime {
            UNIX_EPOCH + Duration::from_secs(1_000_000) + self.monotonic()
        }

        fn monotonic(&self) -> Duration {
            *self.0.lock().unwrap()
        }
    }

    fn clock() -> (Arc<Hands>, CorrectedClock) {
        let hands = Arc::new(Hands(Mutex::new(Duration::ZERO)));
        (Arc::<Hands>::clone(&hands), CorrectedClock::new(hands))
    }

    #[test]
    fn a_correction_is_taken_on_followed_and_dropped() {
        let (_, clock) = clock();
        let sent = clock.mark();
        let offset = clock.measure(sent, sent.0 - Duration::from_secs(1200)).unwrap();
        assert!(clock.correct(offset) && clock.is_corrected());
        assert_eq!(clock.now(), sent.0 - Duration::from_secs(1200));
        assert!(!clock.correct(offset), "it is in force already");
        clock.follow(-1_201_000);
        assert_eq!(clock.now(), sent.0 - Duration::from_secs(1201));
        clock.follow(900);
        assert!(!clock.is_corrected());
    }

    #[test]
    fn what_is_small_huge_or_late_is_not_used() {
        let (hands, clock) = clock();
        let sent = clock.mark();
        assert!(!clock.correct(clock.measure(sent, sent.0 + Duration::from_secs(29)).unwrap()));
        assert_eq!(clock.measure(sent, sent.0 + Duration::from_secs(48 * 3600)), None);
        *hands.0.lock().unwrap() = Duration::from_secs(8);
        // the middle of the round trip counts
        assert_eq!(clock.measure(sent, sent.0 + Duration::from_secs(64)), Some(60_000));
        *hands.0.lock().unwrap() = Duration::from_secs(11);
        assert_eq!(clock.measure(sent, sent.0 + Duration::from_secs(64)), None);
    }
}
