//! Whether to try again, and when: pure decisions from what is known of a failure.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::client::defaults::{BACKOFF_BASE, BACKOFF_CAP, BUDGET_PATIENCE, RETRY_BUDGET, RETRY_REFILL, THROTTLE_BASE};
use crate::error::Class;
use crate::operation::Safety;

/// What is known of a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Evidence {
    /// Nothing to be gained: bad input, a wrong certificate, a failed source, an answer nobody can read.
    Final,
    /// COS saw nothing of it.
    Unsent,
    /// It went to an idle connection that was gone; COS saw nothing of it.
    Stale,
    /// It did not go out to its end, and nothing came back: of such a request COS keeps nothing.
    Incomplete,
    /// It went out, and nothing came back.
    Unknown,
    /// This machine had no file descriptor for a connection.
    Shortage,
    /// COS refused it, and why broke off on the way.
    Unexplained,
    /// COS answered.
    Answer(Class),
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Give up.
    Stop,
    /// Give up, and say that nobody knows whether it took effect.
    StopAmbiguous,
    /// Try again at once: it costs nothing.
    Again,
    /// Try again after a wait of up to this long, for so many tokens of the budget.
    Wait { base: Duration, cost: u32 },
    /// Get another key, then try again at once.
    RefreshCredentials,
    /// Sign anew with a fresh time, then try again at once.
    Resign,
}

/// What has happened to an operation so far. Each remedy is tried once.
#[allow(clippy::struct_excessive_bools)] // each a remedy, tried or not
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct History {
    /// Attempts that count against the limit.
    pub(crate) tries: u32,
    /// An earlier attempt may have taken effect.
    pub(crate) ambiguous: bool,
    refreshed: bool,
    resigned: bool,
    redialled: bool,
    read_again: bool,
    /// A connection broke, or was silent.
    broken: bool,
}

/// Why a request was not sent again although it might have been.
pub(crate) const UNAFFORDABLE: &str =
    "not sent again: so many requests failed that the retry budget of the host is used up";

pub(crate) const TRANSIENT_COST: u32 = 14;
pub(crate) const THROTTLE_COST: u32 = 5;

impl History {
    /// Whether the next attempt goes over a new connection: those that are idle may have gone the way of the last one,
    /// and silence costs time.
    pub(crate) fn shuns_idle(&self) -> bool {
        self.redialled || self.broken
    }

    /// Judges the failure of the latest attempt.
    ///
    /// `temporary` says that the request was signed with a session token.
    pub(crate) fn decide(
        &mut self,
        evidence: Evidence,
        safety: Safety,
        replayable: bool,
        temporary: bool,
        limit: u32,
    ) -> Decision {
        let repeatable = matches!(safety, Safety::Read | Safety::SameEffect | Safety::Guarded);
        let more = self.tries < limit;
        // Only what COS cannot have begun leaves nothing behind.
        let open = match evidence {
            Evidence::Unknown => true,
            Evidence::Answer(class) => class.leaves_open(),
            _ => false,
        };
        let left_open = open && safety != Safety::Read;
        let was_ambiguous = self.ambiguous;
        self.ambiguous |= left_open;
        self.broken |= matches!(evidence, Evidence::Incomplete | Evidence::Unknown);
        if !replayable {
            let unknown = evidence == Evidence::Unknown && safety != Safety::Read;
            return if unknown { Decision::StopAmbiguous } else { Decision::Stop };
        }
        let transient = Decision::Wait { base: BACKOFF_BASE, cost: TRANSIENT_COST };
        let once = |flag: &mut bool, decision| if std::mem::replace(flag, true) { Decision::Stop } else { decision };
        #[allow(clippy::match_same_arms)] // rows of a table: the first that matches wins
        match evidence {
            Evidence::Final => Decision::Stop,
            Evidence::Stale if !std::mem::replace(&mut self.redialled, true) => Decision::Again,
            // Others of this program have what is missing: no host is down.
            Evidence::Shortage if more => Decision::Wait { base: THROTTLE_BASE, cost: 0 },
            Evidence::Unsent | Evidence::Stale | Evidence::Incomplete | Evidence::Unexplained if more => transient,
            Evidence::Unsent | Evidence::Stale | Evidence::Incomplete | Evidence::Shortage => Decision::Stop,
            Evidence::Unknown if repeatable && more => transient,
            Evidence::Unknown if safety == Safety::Read => Decision::Stop,
            Evidence::Unknown => Decision::StopAmbiguous,
            Evidence::Answer(Class::CredentialExpired) => once(&mut self.refreshed, Decision::RefreshCredentials),
            // Some documents tell the end of a temporary key in these words.
            Evidence::Answer(Class::SignatureExpired) if temporary && !self.refreshed => {
                once(&mut self.refreshed, Decision::RefreshCredentials)
            }
            Evidence::Answer(Class::Clock | Class::SignatureExpired) => once(&mut self.resigned, Decision::Resign),
            Evidence::Answer(Class::Integrity) if more => once(&mut self.read_again, transient),
            // COS refused to begin: any operation may come again.
            Evidence::Answer(Class::Throttled) if more => Decision::Wait { base: THROTTLE_BASE, cost: THROTTLE_COST },
            Evidence::Answer(Class::Conflict) if more && matches!(safety, Safety::Read | Safety::SameEffect) => {
                transient
            }
            Evidence::Answer(Class::Transient | Class::NotCos) if more && (repeatable || safety == Safety::Commit) => {
                transient
            }
            Evidence::Answer(Class::NotCos) if !repeatable => Decision::StopAmbiguous,
            // A guard that holds after an attempt whose end is unknown may have been set by that attempt.
            Evidence::Answer(Class::Terminal) | Evidence::Unexplained
                if was_ambiguous && matches!(safety, Safety::Guarded | Safety::Commit) =>
            {
                Decision::StopAmbiguous
            }
            Evidence::Answer(_) | Evidence::Unexplained => Decision::Stop,
        }
    }
}

/// The wait: full jitter, doubling with each try, capped; `random` is from 0.0 to 1.0.
pub(crate) fn backoff(base: Duration, tries: u32, random: f64) -> Duration {
    let ceiling = base.saturating_mul(2_u32.saturating_pow(tries.saturating_sub(1))).min(BACKOFF_CAP);
    ceiling.mul_f64(random.clamp(0.0, 1.0))
}

/// Tokens that repeats of a host cost, so that an outage is not multiplied by everybody's retries. They come back with
/// successes, and slowly with time.
#[derive(Debug)]
pub(crate) struct Budget {
    tokens: AtomicU32,
    /// Until when time was counted.
    counted: Mutex<Instant>,
}

impl Budget {
    pub(crate) fn new() -> Self {
        Self { tokens: AtomicU32::new(RETRY_BUDGET), counted: Mutex::new(Instant::now()) }
    }

    /// Takes the tokens. Who is patient waits for them: while a host is down, all who wait send it a repeat every few
    /// seconds, and what one of them gets through lets others try.
    pub(crate) async fn afford(&self, cost: u32, patient: bool) -> bool {
        let end = Instant::now() + BUDGET_PATIENCE;
        while !self.take(cost) {
            if !patient || Instant::now() >= end {
                return false;
            }
            tokio::time::sleep(Duration::from_secs(1).mul_f64(0.5 + fastrand::f64())).await;
        }
        true
    }

    /// Takes the tokens, if there are so many.
    pub(crate) fn take(&self, cost: u32) -> bool {
        self.count();
        self.tokens.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |tokens| tokens.checked_sub(cost)).is_ok()
    }

    /// A success gives one back, and what its own repeats cost.
    pub(crate) fn give_back(&self, cost: u32) {
        if cost > 0 || self.tokens.load(Ordering::Relaxed) < RETRY_BUDGET {
            self.add(cost.max(1));
        }
    }

    /// What came back by itself since the last time.
    fn count(&self) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let seconds = counted.elapsed().as_secs();
        *counted += Duration::from_secs(seconds);
        self.add(u32::try_from(seconds).unwrap_or(u32::MAX).saturating_mul(RETRY_REFILL));
    }

    fn add(&self, tokens: u32) {
        let refill = |there: u32| Some(there.saturating_add(tokens).min(RETRY_BUDGET));
        // The closure never refuses.
        let _ = self.tokens.fetch_update(Ordering::Relaxed, Ordering::Relaxed, refill);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Safety; 5] = [Safety::Read, Safety::SameEffect, Safety::Guarded, Safety::Commit, Safety::CreatesState];

    fn first(evidence: Evidence, safety: Safety) -> Decision {
        History { tries: 1, ..History::default() }.decide(evidence, safety, true, false, 4)
    }

    fn waits(decision: Decision) -> bool {
        matches!(decision, Decision::Wait { .. })
    }

    #[test]
    fn what_cos_never_saw_is_repeated_for_every_operation() {
        for safety in ALL {
            assert!(waits(first(Evidence::Unsent, safety)));
            assert_eq!(first(Evidence::Stale, safety), Decision::Again);
            assert!(waits(first(Evidence::Answer(Class::Throttled), safety)));
            assert!(waits(first(Evidence::Unexplained, safety)));
        }
    }

    #[test]
    fn an_unknown_end_is_repeated_only_where_that_is_safe() {
        for safety in [Safety::Read, Safety::SameEffect, Safety::Guarded] {
            assert!(waits(first(Evidence::Unknown, safety)));
        }
        for safety in [Safety::Commit, Safety::CreatesState] {
            assert_eq!(first(Evidence::Unknown, safety), Decision::StopAmbiguous);
        }
        assert_eq!(first(Evidence::Answer(Class::Transient), Safety::CreatesState), Decision::Stop);
        assert!(waits(first(Evidence::Answer(Class::Transient), Safety::Commit)));
    }

    #[test]
    fn a_guard_after_an_unknown_end_is_ambiguous() {
        let mut history = History { tries: 1, ..History::default() };
        assert!(waits(history.decide(Evidence::Unknown, Safety::Guarded, true, false, 4)));
        let then = history.decide(Evidence::Answer(Class::Terminal), Safety::Guarded, true, false, 4);
        assert_eq!(then, Decision::StopAmbiguous);
        let mut history = History { tries: 4, ambiguous: true, ..History::default() };
        let then = history.decide(Evidence::Unexplained, Safety::Guarded, true, false, 4);
        assert_eq!(then, Decision::StopAmbiguous);
        assert_eq!(first(Evidence::Answer(Class::Terminal), Safety::Guarded), Decision::Stop);
    }

    #[test]
    fn each_remedy_is_tried_once() {
        for (class, remedy) in
            [(Class::CredentialExpired, Decision::RefreshCredentials), (Class::Clock, Decision::Resign)]
        {
            let mut history = History { tries: 1, ..History::default() };
            assert_eq!(history.decide(Evidence::Answer(class), Safety::Read, true, false, 4), remedy);
            assert_eq!(history.decide(Evidence::Answer(class), Safety::Read, true, false, 4), Decision::Stop);
        }
    }

    #[test]
    fn an_idle_connection_that_had_gone_is_replaced_once_without_a_wait() {
        for safety in ALL {
            let mut history = History { tries: 1, ..History::default() };
            assert!(!history.shuns_idle());
            assert_eq!(history.decide(Evidence::Stale, safety, true, false, 4), Decision::Again);
            assert!(history.shuns_idle());
            assert!(waits(history.decide(Evidence::Stale, safety, true, false, 4)));
            history.tries = 4;
            assert_eq!(history.decide(Evidence::Stale, safety, true, false, 4), Decision::Stop);
        }
    }

    #[test]
    fn a_conflict_passes_where_a_repeat_does_the_same() {
        let conflict = Evidence::Answer(Class::Conflict);
        for safety in ALL {
            let repeated = matches!(safety, Safety::Read | Safety::SameEffect);
            assert_eq!(waits(first(conflict, safety)), repeated, "{safety:?}");
            let mut history = History { tries: 4, ..History::default() };
            assert_eq!(history.decide(conflict, safety, true, false, 4), Decision::Stop, "{safety:?}");
        }
    }

    #[test]
    fn an_overdue_signature_is_the_fault_of_a_temporary_key_first() {
        let over = Evidence::Answer(Class::SignatureExpired);
        for (temporary, remedies) in [
            (true, &[Decision::RefreshCredentials, Decision::Resign, Decision::Stop][..]),
            (false, &[Decision::Resign, Decision::Stop]),
        ] {
            let mut history = History { tries: 1, ..History::default() };
            for remedy in remedies {
                assert_eq!(history.decide(over, Safety::Read, true, temporary, 4), *remedy);
            }
        }
    }

    #[test]
    fn a_checksum_that_does_not_match_is_read_again_once() {
        let mut history = History { tries: 1, ..History::default() };
        assert!(waits(history.decide(Evidence::Answer(Class::Integrity), Safety::Read, true, false, 4)));
        assert_eq!(history.decide(Evidence::Answer(Class::Integrity), Safety::Read, true, false, 4), Decision::Stop);
    }

    #[test]
    fn nothing_is_repeated_past_the_limit_or_without_a_body() {
        for safety in ALL {
            for evidence in [
                Evidence::Unsent,
                Evidence::Unknown,
                Evidence::Unexplained,
                Evidence::Answer(Class::Transient),
                Evidence::Answer(Class::NotCos),
                Evidence::Answer(Class::Throttled),
                Evidence::Answer(Class::Integrity),
            ] {
                let mut history = History { tries: 4, ..History::default() };
                assert!(!waits(history.decide(evidence, safety, true, false, 4)));
                let mut history = History { tries: 1, ..History::default() };
                assert!(!waits(history.decide(evidence, safety, false, false, 4)));
            }
            assert_eq!(first(Evidence::Final, safety), Decision::Stop);
            assert_eq!(first(Evidence::Answer(Class::Terminal), safety), Decision::Stop);
        }
    }

    #[test]
    fn waits_double_to_the_cap() {
        let base = Duration::from_millis(100);
        assert_eq!(backoff(base, 1, 1.0), base);
        assert_eq!(backoff(base, 4, 1.0), base * 8);
        assert_eq!(backoff(base, u32::MAX, 1.0), BACKOFF_CAP);
        assert_eq!(backoff(base, 3, 0.0), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn the_budget_comes_back_with_time_and_who_is_patient_waits_for_it() {
        let budget = Budget::new();
        while budget.take(TRANSIENT_COST) {}
        assert!(!budget.afford(TRANSIENT_COST, false).await);
        let start = Instant::now();
        assert!(budget.afford(TRANSIENT_COST, true).await);
        assert!((1..5).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
        // Where others take it all, not for ever.
        let start = Instant::now();
        assert!(!budget.afford(RETRY_BUDGET + 1, true).await);
        assert!((60..62).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert!(budget.take(RETRY_BUDGET) && !budget.take(1), "never more than all of it");
    }

    #[test]
    fn what_did_not_go_out_to_its_end_leaves_nothing_behind() {
        for safety in ALL {
            let mut history = History { tries: 1, ..History::default() };
            assert!(waits(history.decide(Evidence::Incomplete, safety, true, false, 4)));
            assert!(!history.ambiguous && history.shuns_idle());
            history.tries = 4;
            assert_eq!(history.decide(Evidence::Incomplete, safety, true, false, 4), Decision::Stop);
            assert_eq!(first(Evidence::Shortage, safety), Decision::Wait { base: THROTTLE_BASE, cost: 0 });
        }
    }

    #[test]
    fn the_budget_sheds_and_recovers() {
        let budget = Budget::new();
        let taken = (0..100).filter(|_| budget.take(TRANSIENT_COST)).count();
        assert_eq!(taken, 35);
        (0..14).for_each(|_| budget.give_back(0));
        assert!(budget.take(TRANSIENT_COST));
        assert!(!budget.take(TRANSIENT_COST));
        (0..1000).for_each(|_| budget.give_back(14));
        assert_eq!((0..100).filter(|_| budget.take(TRANSIENT_COST)).count(), 35);
    }
}
