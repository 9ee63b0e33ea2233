//! The system clock and its only reader, and the correction it gets from COS and from those who issue keys.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::credentials::Credentials;
use crate::time::{BELIEVABLE, Clock, NOTABLE};

/// A moment by the wall clock as it is set, and by the monotonic one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) wall: SystemTime,
    pub(crate) monotonic: Duration,
}

impl Mark {
    pub(crate) fn after(self, time: Duration) -> Self {
        Self { wall: self.wall + time, monotonic: self.monotonic + time }
    }
}

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
/// COS refuses requests of a clock that is more than 15 minutes off. The correction is learned from such a refusal, or
/// from a key that makes no sense by this clock, and measured anew with every later answer, until the clock is right by
/// itself. It ends when the clock is set: that shows against the monotonic one.
#[derive(Debug)]
pub(crate) struct CorrectedClock {
    raw: Arc<dyn Clock>,
    /// In milliseconds, to be added.
    offset: AtomicI64,
    /// How far the clock was ahead of the monotonic one then, in milliseconds.
    set_by: AtomicI64,
}

/// The longest life of a key: STS issues none beyond 36 h. A quarter of an hour more for clocks that differ.
pub(crate) const LONGEST_LIFE: Duration = Duration::from_secs(36 * 3600 + 900);
/// A date that was so long under way tells little.
const LONGEST_ROUND_TRIP: Duration = Duration::from_secs(10);

impl CorrectedClock {
    pub(crate) fn new(raw: Arc<dyn Clock>) -> Self {
        Self { raw, offset: AtomicI64::new(0), set_by: AtomicI64::new(0) }
    }

    /// When a request goes out, for [`measure`](Self::measure).
    pub(crate) fn mark(&self) -> Mark {
        Mark { wall: self.raw.now(), monotonic: self.raw.monotonic() }
    }

    /// The time of a mark, set right.
    pub(crate) fn at(&self, mark: Mark) -> SystemTime {
        let offset = self.in_force(mark);
        let (now, shift) = (mark.wall, Duration::from_millis(offset.unsigned_abs()));
        let shifted = if offset < 0 { now.checked_sub(shift) } else { now.checked_add(shift) };
        shifted.unwrap_or(now)
    }

    /// How far the server is ahead of the raw clock, in milliseconds: its date against the middle of the round trip.
    /// `None` when the difference is not to be used.
    pub(crate) fn measure(&self, sent: Mark, server: SystemTime) -> Option<i64> {
        let round_trip = self.raw.monotonic().saturating_sub(sent.monotonic);
        let middle = sent.wall + round_trip / 2;
        let millis = |ahead: Duration| i64::try_from(ahead.as_millis()).ok();
        let offset = match server.duration_since(middle) {
            Ok(ahead) => millis(ahead)?,
            Err(behind) => -millis(behind.duration())?,
        };
        (round_trip <= LONGEST_ROUND_TRIP && offset.abs() <= BELIEVABLE).then_some(offset)
    }

    /// The correction in force at a mark.
    pub(crate) fn in_force(&self, mark: Mark) -> i64 {
        let offset = self.offset.load(Ordering::Relaxed);
        let was_set = || (setting(mark) - self.set_by.load(Ordering::Relaxed)).abs() >= NOTABLE;
        if offset == 0 || was_set() { 0 } else { offset }
    }

    /// After a refusal for the clock's sake: takes the correction on, or drops one that is wrong by now. False when it
    /// differs too little from the one the request was signed with to be the reason; by now another may be in force.
    pub(crate) fn correct(&self, offset: i64, signed_with: i64) -> bool {
        let notable = (offset - signed_with).abs() >= NOTABLE;
        if notable {
            self.follow(offset);
        }
        notable
    }

    /// After a new key, asked for at `sent`: takes the issuer's time on where the key makes no sense by this clock,
    /// over already, not begun yet, or longer than any key lives.
    ///
    /// The issuer's time is what its clock showed when it gave the key out. Without that, a start that lies ahead is at
    /// least a time that has passed. A key that is over by its issuer's own clock proves nothing. A key that makes
    /// sense by the raw clock alone ends the correction: the clock has been set right since.
    pub(crate) fn heed(&self, sent: Mark, key: &Credentials) {
        let ahead = |now: SystemTime| {
            key.starts_at().filter(|start| *start > now + Duration::from_millis(NOTABLE.unsigned_abs()))
        };
        let makes_sense = |now: SystemTime| {
            let left = key.expires_at().map(|end| end.duration_since(now).unwrap_or_default());
            ahead(now).is_none() && left.is_none_or(|left| !left.is_zero() && left <= LONGEST_LIFE)
        };
        let now = self.now();
        if makes_sense(now) {
            return;
        }
        if self.is_corrected() && makes_sense(self.raw.now()) {
            self.follow(0);
            return;
        }
        let alive = |time: &SystemTime| key.expires_at().is_none_or(|end| *time < end);
        if let Some(time) = key.told_at().or(ahead(now)).filter(alive)
            && let Some(offset) = self.measure(sent, time)
        {
            self.correct(offset, self.in_force(self.mark()));
        }
    }

    /// Whether there is a correction to be kept up.
    pub(crate) fn is_corrected(&self) -> bool {
        self.offset.load(Ordering::Relaxed) != 0
    }

    /// After an answer while a correction is in force: it follows the clock, and ends when the clock is right.
    pub(crate) fn follow(&self, offset: i64) {
        self.set_by.store(setting(self.mark()), Ordering::Relaxed);
        self.offset.store(if offset.abs() < NOTABLE { 0 } else { offset }, Ordering::Relaxed);
    }
}

/// How far the wall clock is ahead of the monotonic one, in milliseconds: as long as nobody sets it, always the same.
fn setting(mark: Mark) -> i64 {
    let now = mark.wall.duration_since(UNIX_EPOCH).unwrap_or_default();
    let millis = |span: Duration| i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
    millis(now).saturating_sub(millis(mark.monotonic))
}

impl Clock for CorrectedClock {
    fn now(&self) -> SystemTime {
        self.at(self.mark())
    }

    fn monotonic(&self) -> Duration {
        self.raw.monotonic()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::credentials::SessionCredentials;

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
        let offset = clock.measure(sent, sent.wall - Duration::from_secs(1200)).unwrap();
        assert!(clock.correct(offset, 0) && clock.is_corrected());
        assert_eq!(clock.now(), sent.wall - Duration::from_secs(1200));
        assert!(clock.correct(offset, 0), "another that was signed before");
        assert!(!clock.correct(offset, clock.in_force(clock.mark())), "it was signed with that");
        clock.follow(-1_201_000);
        assert_eq!(clock.now(), sent.wall - Duration::from_secs(1201));
        clock.follow(900);
        assert!(!clock.is_corrected());
    }

    /// A key from minute `start` to minute `end` of the clock, and what its issuer's clock showed.
    fn key(start: Option<i64>, end: i64, told_at: Option<i64>) -> Credentials {
        let unix = |minutes: i64| u64::try_from(1_000_000 + 60 * minutes).unwrap();
        let start = start.map_or(String::new(), |start| format!(r#""startTime":{},"#, unix(start)));
        let json =
            format!(r#"{{"tmpSecretId":"i","tmpSecretKey":"k","token":"t",{start}"expiredTime":{}}}"#, unix(end));
        let key = SessionCredentials::from_json(json.as_bytes()).unwrap();
        let time = told_at.map(|minutes| UNIX_EPOCH + Duration::from_secs(unix(minutes)));
        time.map_or(key.clone(), |time| key.told_at(time)).into()
    }

    #[test]
    fn a_key_that_makes_no_sense_by_this_clock_sets_it_right() {
        for (what, key, minutes) in [
            ("sensible", key(Some(0), 30, Some(0)), 0),
            ("sensible, whatever the issuer's clock shows", key(Some(-5), 25, Some(20)), 0),
            ("over, and nothing else is known", key(None, -30, None), 0),
            ("over; its start may be long ago", key(Some(-60), -30, None), 0),
            ("over here, alive at the issuer", key(Some(-60), -30, Some(-59)), -59),
            ("over there as well", key(Some(-60), -30, Some(-29)), 0),
            ("not begun yet: at least its start has passed", key(Some(20), 50, None), 20),
            ("not begun yet, and the issuer tells the time", key(Some(20), 50, Some(22)), 22),
            ("longer than any key lives", key(None, 37 * 60, Some(20 * 60)), 20 * 60),
            ("longer than any key lives, and why is not known", key(None, 37 * 60, None), 0),
            ("not to be believed", key(Some(30 * 60), 31 * 60, Some(30 * 60)), 0),
        ] {
            let (_, clock) = clock();
            let before = clock.mark();
            clock.heed(before, &key);
            let shift = Duration::from_secs(60 * i64::unsigned_abs(minutes));
            let expected = if minutes < 0 { before.wall - shift } else { before.wall + shift };
            assert_eq!(clock.now(), expected, "{what}");
        }
    }

    /// The clock was behind, and has been set right: keys that are alive must not seem over for ever.
    #[test]
    fn a_key_that_makes_sense_without_the_correction_ends_it() {
        let (_, clock) = clock();
        let before = clock.mark();
        clock.follow(4 * 3_600_000);
        clock.heed(before, &key(None, 30, None));
        assert!(!clock.is_corrected());
        // One that makes sense by neither leaves it.
        clock.follow(4 * 3_600_000);
        clock.heed(before, &key(None, -30, None));
        assert!(clock.is_corrected());
    }

    #[test]
    fn what_is_small_huge_or_late_is_not_used() {
        let (hands, clock) = clock();
        let sent = clock.mark();
        assert!(!clock.correct(clock.measure(sent, sent.wall + Duration::from_secs(29)).unwrap(), 0));
        assert_eq!(clock.measure(sent, sent.wall + Duration::from_secs(48 * 3600)), None);
        *hands.0.lock().unwrap() = Duration::from_secs(8);
        // the middle of the round trip counts
        assert_eq!(clock.measure(sent, sent.wall + Duration::from_secs(64)), Some(60_000));
        *hands.0.lock().unwrap() = Duration::from_secs(11);
        assert_eq!(clock.measure(sent, sent.wall + Duration::from_secs(64)), None);
    }
}
