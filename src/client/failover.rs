//! From `myqcloud.com` to `tencentcos.cn` and back: a breaker that opens when answers do not come from COS.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Which of the two hosts of a bucket a request goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Primary,
    Backup,
}

/// Who answers at a host, as an attempt found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// COS answered, whatever it said.
    Cos,
    /// No connection, or an answer without a request id.
    NotCos,
    /// A redirect without a request id: somebody took the name over.
    Redirected,
    /// A wrong certificate.
    Untrusted,
}

/// So many failures in a row lead to the other host, from either.
const FAILURES: u32 = 2;
/// So long the backup is used before one request tries the primary host.
const OPEN: Duration = Duration::from_secs(5 * 60);

/// Counts what the hosts do, by a monotonic clock.
#[derive(Debug, Default)]
pub(crate) struct Breaker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// In a row, of the host in use.
    failures: u32,
    /// Since when the backup is in use.
    open_since: Option<Duration>,
}

impl Breaker {
    /// The host for the next request. After the time on the backup the first to ask gets the primary, as a probe.
    pub(crate) fn choose(&self, now: Duration) -> Side {
        let mut state = self.state();
        match state.open_since {
            None => Side::Primary,
            Some(since) if now.saturating_sub(since) >= OPEN => {
                // Others stay on the backup while the probe is out.
                state.open_since = Some(now);
                Side::Primary
            }
            Some(_) => Side::Backup,
        }
    }

    pub(crate) fn report(&self, side: Side, peer: Peer, now: Duration) {
        let mut state = self.state();
        let on_backup = state.open_since.is_some();
        match (side, peer) {
            (Side::Primary, Peer::Cos) => *state = State::default(),
            // Whoever shows it must not lead anybody elsewhere.
            (Side::Primary, Peer::Untrusted) => {}
            // A probe, or one that was under way when the backup came into use.
            (Side::Primary, _) if on_backup => state.open_since = Some(now),
            (Side::Backup, _) if !on_backup => {}
            (Side::Backup, Peer::Cos) => state.failures = 0,
            _ => {
                state.failures += 1;
                if state.failures >= FAILURES || peer != Peer::NotCos {
                    *state = State { failures: 0, open_since: (side == Side::Primary).then_some(now) };
                }
            }
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn two_failures_in_a_row_open_it() {
        let breaker = Breaker::default();
        breaker.report(Side::Primary, Peer::NotCos, seconds(0));
        assert_eq!(breaker.choose(seconds(1)), Side::Primary);
        breaker.report(Side::Primary, Peer::NotCos, seconds(61));
        assert_eq!(breaker.choose(seconds(61)), Side::Backup);
    }

    #[test]
    fn two_failures_in_a_row_of_the_backup_close_it() {
        let breaker = Breaker::default();
        breaker.report(Side::Primary, Peer::Redirected, seconds(0));
        for peer in [Peer::NotCos, Peer::Cos, Peer::NotCos] {
            breaker.report(Side::Backup, peer, seconds(1));
            assert_eq!(breaker.choose(seconds(1)), Side::Backup, "{peer:?}");
        }
        breaker.report(Side::Backup, Peer::NotCos, seconds(2));
        assert_eq!(breaker.choose(seconds(2)), Side::Primary);
        // What was under way there counts no more, and the primary as at the beginning.
        breaker.report(Side::Backup, Peer::NotCos, seconds(2));
        breaker.report(Side::Primary, Peer::NotCos, seconds(3));
        assert_eq!(breaker.choose(seconds(3)), Side::Primary);
        breaker.report(Side::Primary, Peer::NotCos, seconds(3));
        assert_eq!(breaker.choose(seconds(3)), Side::Backup);
    }

    #[test]
    fn an_answer_of_cos_between_them_keeps_it_closed() {
        let breaker = Breaker::default();
        for peer in [Peer::NotCos, Peer::Cos, Peer::NotCos] {
            breaker.report(Side::Primary, peer, seconds(0));
        }
        assert_eq!(breaker.choose(seconds(0)), Side::Primary);
    }

    #[test]
    fn one_probe_after_five_minutes_decides() {
        let breaker = Breaker::default();
        breaker.report(Side::Primary, Peer::Redirected, seconds(0));
        assert_eq!(breaker.choose(seconds(299)), Side::Backup);
        assert_eq!((breaker.choose(seconds(300)), breaker.choose(seconds(300))), (Side::Primary, Side::Backup));
        breaker.report(Side::Primary, Peer::Redirected, seconds(301));
        assert_eq!(breaker.choose(seconds(302)), Side::Backup);
        assert_eq!(breaker.choose(seconds(601)), Side::Primary);
        breaker.report(Side::Primary, Peer::Cos, seconds(601));
        assert_eq!(breaker.choose(seconds(602)), Side::Primary);
    }
}
