//! Ctrl-C, SIGTERM and SIGHUP: transfers clean up behind themselves before the program ends.

use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tencent_cos::Error;
use tencent_cos::transfer::{Transfer, TransferHandle};
#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::bars::Bars;
use crate::failure::{Outcome, tell};

/// How often a transfer is looked at.
const BEAT: Duration = Duration::from_millis(100);

/// Knows the transfers that are under way.
#[derive(Clone, Default)]
pub struct Interrupt(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    came: bool,
    under_way: Vec<(u64, TransferHandle)>,
    next: u64,
}

/// Ctrl-C, SIGTERM and SIGHUP, heard from when it is made.
///
/// SIGQUIT is left as it is: the way out for who does not want to wait, with all that leaves behind.
pub struct Signals {
    #[cfg(unix)]
    interrupt: Signal,
    #[cfg(unix)]
    end: Signal,
    #[cfg(unix)]
    hangup: Option<Signal>,
}

#[cfg(unix)]
impl Signals {
    pub fn new() -> io::Result<Self> {
        let hangup = is_to_hear_hangups().then(|| signal(SignalKind::hangup())).transpose()?;
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, end: signal(SignalKind::terminate())?, hangup })
    }

    pub async fn next(&mut self) {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.end.recv() => {}
            _ = hangup => {}
        }
    }
}

/// Not where SIGHUP is ignored, as under `nohup`; nor where nothing says whether it is, which is all but Linux.
#[cfg(unix)]
fn is_to_hear_hangups() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask >> (SignalKind::hangup().as_raw_value() - 1) & 1 == 0)
}

#[cfg(not(unix))]
impl Signals {
    pub fn new() -> io::Result<Self> {
        Ok(Self {})
    }

    pub async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}

impl Interrupt {
    /// One came: cancels what is under way. Whether there was anything to wait for.
    pub fn come(&self) -> bool {
        let mut state = self.state();
        state.came = true;
        state.under_way.iter().for_each(|(_, handle)| handle.cancel());
        !state.under_way.is_empty()
    }

    /// Runs a transfer to its end, or until a signal and its clean-up after that.
    pub async fn guard<T>(&self, transfer: Transfer<T>) -> Result<T, Error> {
        let number = self.enter(transfer.handle());
        let outcome = transfer.await;
        self.leave(number);
        outcome
    }

    /// The same, with bars until it ends, and something else to do again and again; also how long it took.
    pub async fn follow<T>(&self, transfer: Transfer<T>, bars: &Bars, beat: impl Fn()) -> Result<(T, Duration), Error> {
        let handle = transfer.handle();
        let mut work = pin!(self.guard(transfer));
        let mut beats = tokio::time::interval(BEAT);
        // What is done in a moment shows no bar.
        beats.tick().await;
        let outcome = loop {
            tokio::select! {
                outcome = &mut work => break outcome,
                _ = beats.tick() => {
                    bars.show(handle.progress(), self.state().came);
                    beat();
                }
            }
        };
        bars.clear();
        Ok((outcome?, handle.progress().elapsed))
    }

    fn enter(&self, handle: TransferHandle) -> u64 {
        let mut state = self.state();
        if state.came {
            handle.cancel();
        }
        state.next += 1;
        let number = state.next;
        state.under_way.push((number, handle));
        number
    }

    fn leave(&self, number: u64) {
        self.state().under_way.retain(|(it, _)| *it != number);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The end of the transfer of one object; tells what it left behind.
pub fn ended<T>(outcome: Result<T, Error>) -> Outcome<T> {
    outcome.map_err(|error| {
        left_behind(&format!("cos://{}", error.target().unwrap_or_default()), &error);
        error.into()
    })
}

/// Tells of an upload that was to be given up and could not, or whose end nobody knows.
pub fn left_behind(object: &str, error: &Error) {
    let Some(upload) = error.upload_id() else { return };
    let what = if error.may_have_taken_effect() {
        "may be there yet; `cos orphans` shows it then"
    } else {
        "could not be given up; `cos orphans --abort` does it later"
    };
    tell(&format!("{object}: upload {upload} {what}"));
}
