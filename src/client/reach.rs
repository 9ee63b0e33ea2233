//! How long a transfer keeps trying to connect to a host that it reached before.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::client::defaults::OUTAGE_PATIENCE;

/// Whether the requests of a transfer reach their host: all of them share what one of them learns.
#[derive(Debug, Default)]
pub(crate) struct Reach(Mutex<Reached>);

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
        *self.state() = Reached::Yes;
    }

    /// No connection was made: how much longer the transfer keeps trying. A host that never answered may not exist.
    pub(crate) fn left(&self) -> Option<Duration> {
        let mut state = self.state();
        let since = match *state {
            Reached::NotYet => return None,
            Reached::Yes => Instant::now(),
            Reached::NoMore(since) => since,
        };
        *state = Reached::NoMore(since);
        OUTAGE_PATIENCE.checked_sub(since.elapsed()).filter(|left| !left.is_zero())
    }

    fn state(&self) -> MutexGuard<'_, Reached> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
