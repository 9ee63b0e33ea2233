//! Transfers: whole objects and directories, split into parts, verified, resumable, in bounded memory.
//!
//! A transfer is a value that says what to do ([`Job`]), given to [`Bucket::transfer`]. What comes back is a future with
//! a handle: [`Transfer`]. Nothing happens before it is polled, and all I/O stops when it is dropped.
//!
//! How it is built: a job plans its parts (`plan`, pure), takes memory from the client's budget for what it must hold,
//! runs operations like any caller, and tells its `Control` how far it is. It knows nothing of signing or retries:
//! those belong to the client, which signs each part when it is sent.

mod checkpoint;
mod chunks;
mod commit;
mod confined;
mod copy;
mod directory;
mod disk;
mod download;
mod draft;
mod handle;
mod journal;
mod orphans;
mod parts;
mod plan;
mod progress;
mod resume;
mod source;
mod upload;
mod work_files;

pub use self::copy::{LargeCopy, LargeCopyOutput};
pub use self::directory::{
    Compare, CopyDirectory, DirectoryFailure, DirectoryFile, DirectoryReport, DownloadDirectory, FileStep,
    UploadDirectory,
};
pub use self::download::{Download, DownloadOutput, DownloadToPath, DownloadToStream, DownloadToWriter};
pub use self::handle::{Transfer, TransferHandle};
pub use self::orphans::{Orphans, OrphansAborted};
pub use self::progress::{Progress, ProgressWatch};
pub use self::source::UploadSource;
pub use self::upload::{Upload, UploadOutput};

use self::handle::Control;
use crate::client::Bucket;
use crate::client::runtime::in_runtime;
use crate::client::trace::Span;
use crate::error::{Error, Result};

/// What [`Bucket::transfer`] runs.
pub trait Job: sealed::Run {}

impl<J: sealed::Run> Job for J {}

mod sealed {
    use super::{Bucket, Control, Error, Result};

    pub trait Run: Send + 'static {
        type Output: Send + 'static;

        /// What it does, and to what, for people to read.
        const NAME: &'static str;
        fn key(&self) -> &str;

        fn run(self, bucket: Bucket, control: Control) -> impl Future<Output = Result<Self::Output>> + Send;

        /// What ended it early, although there is an output.
        fn ended_by(_: &Self::Output) -> Option<&Error> {
            None
        }
    }
}

/// Runs a job in its span.
async fn run<J: Job>(job: J, bucket: Bucket, control: Control) -> Result<J::Output> {
    in_runtime()?;
    let (span, progress) = (Span::transfer(J::NAME, bucket.name(), job.key()), control.clone());
    let outcome = span.clone().around(job.run(bucket, control)).await;
    let error = outcome.as_ref().map_or_else(Some, J::ended_by);
    span.over(|| progress.scope(), error);
    outcome
}

impl Bucket {
    /// Makes a transfer of a job. It begins when it is first polled.
    ///
    /// # Errors
    /// The future's, as the job says. [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled) after
    /// [`TransferHandle::cancel`]; a directory that was begun gives its report all the same.
    ///
    /// # Cancellation
    /// Dropping the future stops all I/O. What a job leaves behind then, it says itself.
    pub fn transfer<J: Job>(&self, job: J) -> Transfer<J::Output> {
        let control = Control::new();
        Transfer::new(Box::pin(run(job, self.patient(), control.clone())), control)
    }
}
