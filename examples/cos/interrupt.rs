//! Ctrl-C: transfers clean up behind themselves before the program ends.

use std::sync::{Arc, Mutex, PoisonError};

use tencent_cos::ErrorKind;
use tencent_cos::transfer::{Transfer, TransferHandle};

use crate::failure::{Failure, Outcome};

/// Knows the transfers that are under way.
#[derive(Clone, Default)]
pub struct Interrupt(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    came: bool,
    under_way: Vec<(u64, TransferHandle)>,
    next: u64,
}

impl Interrupt {
    /// Ctrl-C came: cancels what is under way. Whether there was anything to wait for.
    pub fn come(&self) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.came = true;
        state.under_way.iter().for_each(|(_, handle)| handle.cancel());
        !state.under_way.is_empty()
    }

    /// Runs a transfer to its end, or until Ctrl-C and its clean-up after that.
    pub async fn guard<T>(&self, transfer: Transfer<T>) -> Outcome<T> {
        let number = self.enter(transfer.handle());
        let outcome = transfer.await;
        self.leave(number);
        outcome.map_err(|error| match error.kind() {
            ErrorKind::Cancelled => Failure::Interrupted { hint: None },
            _ => error.into(),
        })
    }

    fn enter(&self, handle: TransferHandle) -> u64 {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.came {
            handle.cancel();
        }
        state.next += 1;
        let number = state.next;
        state.under_way.push((number, handle));
        number
    }

    fn leave(&self, number: u64) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.under_way.retain(|(it, _)| *it != number);
    }
}
