//! What repeats may cost a host.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::client::defaults::{BUDGET_PATIENCE, RETRY_BUDGET, RETRY_REFILL};
#[cfg(test)]
use crate::retry::TRANSIENT_COST;

/// Why a request was not sent again although it might have been.
pub(crate) const UNAFFORDABLE: &str =
    "not sent again: so many requests failed that the retry budget of the host is used up";

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
