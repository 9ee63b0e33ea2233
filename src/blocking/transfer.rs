//! Transfers that are waited for, and the uploads that were left behind.

use super::listing::Iter;
use super::runtime::Runtime;
use crate::transfer::{OrphansAborted, Progress, TransferHandle};
use crate::{Result, UploadSummary};

/// Uploads that were left behind; see [`crate::transfer::Orphans`].
#[derive(Clone, Debug)]
#[must_use = "list or abort them"]
pub struct Orphans {
    pub(super) orphans: crate::transfer::Orphans,
    pub(super) runtime: Runtime,
}

impl Orphans {
    /// Only uploads to keys that begin with this.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.orphans = self.orphans.prefix(prefix);
        self
    }

    /// Lists them, page by page as the iterator is read; the first error ends it.
    pub fn list(&self) -> Iter<UploadSummary> {
        Iter::new(self.orphans.list(), &self.runtime)
    }

    /// Aborts them, one after the other; see [`crate::transfer::Orphans::abort`].
    ///
    /// # Errors
    /// As there.
    pub fn abort(&self) -> Result<OrphansAborted> {
        self.runtime.wait(self.orphans.abort())
    }
}

/// A transfer that begins with [`wait`](Self::wait); see [`crate::transfer::Transfer`].
#[must_use = "nothing is transferred before it is waited for"]
#[derive(Debug)]
pub struct Transfer<T> {
    pub(super) transfer: crate::transfer::Transfer<T>,
    pub(super) runtime: Runtime,
}

impl<T> Transfer<T> {
    /// A handle to look at it, hold it and stop it from another thread.
    pub fn handle(&self) -> TransferHandle {
        self.transfer.handle()
    }

    /// Calls `callback` with the progress, at most ten times a second and once at the end, from the client's thread
    /// or the one that waits.
    pub fn on_progress(mut self, callback: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.transfer = self.transfer.on_progress(callback);
        self
    }

    /// Transfers, and waits for the end.
    ///
    /// # Errors
    /// As the job says; [`ErrorKind::Input`](crate::ErrorKind::Input) inside a tokio runtime.
    pub fn wait(self) -> Result<T> {
        self.runtime.wait(self.transfer)
    }
}
