//! How long a transfer keeps trying to connect to a host that it reached before.

use std::mem;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use crate::client::defaults::{OUTAGE_PATIENCE, OUTAGE_WAIT};

/// Whether the requests of a transfer reach their host: all of them share what one of them learns.
#[derive(Debug, Default)]
pub(crate) struct Reach(watch::Sender<Reached>);

#[derive(Clone, Copy, Debug, Default)]
enum Reached {
    #[default]
    NotYet,
    Yes,
    /// It was reached before, but since then no connection has been made.
    NoMore(Instant),
}

impl Reach {
    /// An answer came.
    pub(crate) fn answered(&self) {
        self.0.send_if_modified(|state| matches!(mem::replace(state, Reached::Yes), Reached::NoMore(_)));
    }

    /// No connection was made: how much longer the transfer keeps trying. A host that never answered may not exist.
    pub(crate) fn left(&self) -> Option<Duration> {
        let mut left = None;
        self.0.send_if_modified(|state| {
            let since = match *state {
                Reached::NotYet => return false,
                Reached::Yes => Instant::now(),
                Reached::NoMore(since) => since,
            };
            *state = Reached::NoMore(since);
            left = OUTAGE_PATIENCE.checked_sub(since.elapsed()).filter(|left| !left.is_zero());
            false
        });
        left
    }

    /// Waits before the next try, no longer than until another request has an answer; yet a moment, as a host that only
    /// takes no more connections goes on answering.
    pub(crate) async fn wait(&self, most: Duration) {
        let least = most.min(OUTAGE_WAIT);
        sleep(least).await;
        let mut state = self.0.subscribe();
        let back = state.wait_for(|state| matches!(state, Reached::Yes));
        let _ = timeout(most.saturating_sub(least), back).await;
    }
}
