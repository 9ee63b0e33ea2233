//! A transfer in the caller's hands: a future, and a handle beside it.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::watch;

use crate::client::Bucket;
use crate::client::provider::BoxFuture;
use crate::client::trace;
use crate::error::{Error, ErrorKind, Result};
use crate::transfer::progress::{Counter, PartMeter, Progress, ProgressWatch};
use crate::transfer::{self, Job};

/// A transfer: a future that gives its result.
///
/// # Cancellation
/// Dropping it stops all I/O. [`TransferHandle::cancel`] stops it in an orderly way: the future then ends with
/// [`ErrorKind::Cancelled`] after it has cleaned up.
#[must_use = "nothing is transferred before it is awaited"]
pub struct Transfer<T> {
    run: BoxFuture<'static, Result<T>>,
    control: Control,
}

impl<T> Transfer<T> {
    pub(super) fn new(run: BoxFuture<'static, Result<T>>, control: Control) -> Self {
        Self { run, control }
    }

    /// One that could not even be described.
    pub(super) fn failed(error: Error) -> Self
    where
        T: Send + 'static,
    {
        Self::new(Box::pin(std::future::ready(Err(error))), Control::new())
    }

    /// A handle to watch, pause and cancel it from anywhere.
    pub fn handle(&self) -> TransferHandle {
        TransferHandle(self.control.clone())
    }

    /// Calls `callback` with the progress, at most ten times a second and once at the end. It runs between two pieces
    /// of a part, so it must be quick and must not block.
    pub fn on_progress(self, callback: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.control.on_progress(callback);
        self
    }
}

impl<T> Future for Transfer<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.control.counter.start();
        let outcome = self.run.as_mut().poll(cx);
        match &outcome {
            Poll::Pending => {}
            Poll::Ready(Ok(_)) if self.control.counter.outlives_future() => {}
            Poll::Ready(_) => self.control.counter.end(),
        }
        outcome
    }
}

/// Who follows one that is dropped is told that it has ended; what goes on in a stream tells that itself.
impl<T> Drop for Transfer<T> {
    fn drop(&mut self) {
        if !self.control.counter.outlives_future() {
            self.control.counter.close();
        }
    }
}

impl<T> fmt::Debug for Transfer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transfer").field("progress", &self.control.counter.snapshot()).finish_non_exhaustive()
    }
}

/// Watches, pauses and cancels a transfer. Cheap to clone; it does not keep the transfer alive.
#[derive(Clone)]
pub struct TransferHandle(Control);

impl TransferHandle {
    /// The progress now.
    pub fn progress(&self) -> Progress {
        self.0.counter.snapshot()
    }

    /// Follows the progress.
    pub fn watch(&self) -> ProgressWatch {
        self.0.counter.watch()
    }

    /// Begins no further part until [`resume`](Self::resume). Parts that are under way are finished.
    pub fn pause(&self) {
        self.0.set(|state| if *state == State::Running { Some(State::Paused) } else { None });
    }

    /// Goes on after a pause.
    pub fn resume(&self) {
        self.0.set(|state| if *state == State::Paused { Some(State::Running) } else { None });
    }

    /// Whether it is paused.
    pub fn is_paused(&self) -> bool {
        *self.0.state.borrow() == State::Paused
    }

    /// Cancels it: the future ends with [`ErrorKind::Cancelled`] once it has cleaned up. The future of a directory of
    /// which a file was begun gives its report instead, with this error in
    /// [`ended_by`](crate::transfer::DirectoryReport::ended_by). An object that COS is completing, or has completed,
    /// stays. An object that is stored by a single request may still come into being: the error [says
    /// so](Error::may_have_taken_effect).
    pub fn cancel(&self) {
        self.0.cancel();
    }
}

impl fmt::Debug for TransferHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransferHandle")
            .field("progress", &self.progress())
            .field("paused", &self.is_paused())
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Running,
    Paused,
    Cancelled,
}

/// The job's side of the handle.
#[derive(Clone)]
#[allow(missing_debug_implementations)] // nobody outside can hold one
pub struct Control {
    counter: Arc<Counter>,
    state: Arc<watch::Sender<State>>,
}

impl Control {
    pub(super) fn new() -> Self {
        Self { counter: Arc::new(Counter::new()), state: Arc::new(watch::Sender::new(State::Running)) }
    }

    /// No step leads on from `Cancelled`.
    fn set(&self, next: impl FnOnce(&State) -> Option<State>) {
        self.state.send_if_modified(|state| match next(state) {
            Some(next) => {
                *state = next;
                true
            }
            None => false,
        });
    }

    /// The control of a transfer within this one: it is held and stopped with it, and its bytes count here, too.
    pub(super) fn child(&self) -> Self {
        Self { counter: Arc::new(Counter::within(Arc::clone(&self.counter))), state: Arc::clone(&self.state) }
    }

    /// Runs a job to its end; the bytes of one that fails are taken back. Where all is cancelled they stay, as those of
    /// a transfer that is none of many.
    pub(super) async fn run<J: Job>(&self, job: J, bucket: &Bucket) -> Result<J::Output> {
        self.counter.start();
        let outcome = Box::pin(transfer::run(job, bucket.clone(), self.clone())).await;
        match &outcome {
            Err(error) if error.kind() != ErrorKind::Cancelled => self.counter.give_up(),
            _ => self.counter.end(),
        }
        outcome
    }

    pub(super) fn on_progress(&self, callback: impl Fn(Progress) + Send + Sync + 'static) {
        self.counter.on_progress(Box::new(callback));
    }

    /// Stops the transfer and those within it.
    pub(super) fn cancel(&self) {
        self.set(|_| Some(State::Cancelled));
    }

    /// What there is to do, once it is known.
    pub(super) fn set_total(&self, bytes: Option<u64>, parts: Option<u32>) {
        self.counter.set_total(bytes, parts);
    }

    /// How many bytes and parts there are to move; where that was never known, how many were moved.
    pub(super) fn scope(&self) -> (u64, u32) {
        let progress = self.counter.snapshot();
        (progress.total_bytes.unwrap_or(progress.bytes), progress.total_parts.unwrap_or(progress.parts))
    }

    /// A part that was done, with so many bytes, is to be done once more.
    pub(super) fn lose(&self, bytes: u64) {
        self.counter.lose(bytes);
    }

    /// All parts are begun anew.
    pub(super) fn begin_again(&self) {
        self.counter.begin_again();
    }

    /// Whether further parts may begin.
    pub(super) fn is_running(&self) -> bool {
        *self.state.borrow() == State::Running
    }

    /// What the future gave goes on, and calls [`end`](Self::end).
    pub(super) fn outlive_future(&self) {
        self.counter.outlive_future();
    }

    /// Tells the last news.
    pub(super) fn end(&self) {
        self.counter.end();
    }

    /// Begins a part.
    pub(super) fn meter(&self) -> PartMeter {
        PartMeter::new(Arc::clone(&self.counter))
    }

    /// Waits while the transfer is paused.
    ///
    /// # Errors
    /// [`ErrorKind::Cancelled`] when it was cancelled.
    pub(super) async fn ready(&self) -> Result<()> {
        let mut state = self.state.subscribe();
        let paused = *state.borrow() == State::Paused;
        if paused {
            trace::event("paused");
        }
        let state = state.wait_for(|state| *state != State::Paused).await;
        match state.as_deref() {
            Ok(State::Cancelled) | Err(_) => return Err(cancelled()),
            Ok(_) if paused => trace::event("resumed"),
            Ok(_) => {}
        }
        Ok(())
    }

    /// Waits until the transfer is cancelled, for ever if it is not.
    pub(super) async fn until_cancelled(&self) {
        let mut state = self.state.subscribe();
        if state.wait_for(|state| *state == State::Cancelled).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Runs the future until it is done or the transfer is cancelled; then the future is dropped.
    pub(super) async fn unless_cancelled<T>(&self, future: impl Future<Output = Result<T>>) -> Result<T> {
        let stop = std::pin::pin!(self.until_cancelled());
        let future = std::pin::pin!(future);
        // What is always ready is stopped as well.
        match futures_util::future::select(stop, future).await {
            futures_util::future::Either::Left(_) => Err(cancelled()),
            futures_util::future::Either::Right((outcome, _)) => outcome,
        }
    }

    /// The same of a request that makes the object: dropped, it may make it all the same.
    pub(super) async fn unless_cancelled_midway<T>(&self, request: impl Future<Output = Result<T>>) -> Result<T> {
        self.unless_cancelled(request).await.map_err(|error| {
            let open = error.kind() == ErrorKind::Cancelled || error.may_have_taken_effect();
            error.may_have(open)
        })
    }
}

pub(super) fn cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, "the transfer was cancelled")
}
