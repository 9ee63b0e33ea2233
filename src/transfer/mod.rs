//! Transfers: whole objects and directories, split into parts, verified, resumable, in bounded memory.
//!
//! A transfer is a value that says what to do ([`Job`]), given to [`Bucket::transfer`]. The result is a future with a
//! handle: [`Transfer`]. Nothing happens before the future is polled, and all I/O stops when it is dropped.
//!
//! | to | give it | or, without options |
//! |---|---|---|
//! | upload a file, bytes, a reader or a stream | [`Upload`] | [`Bucket::upload`] |
//! | download to a file | [`Download::to_path`] | [`Bucket::download`] |
//! | download to a writer, or as a stream | [`Download::to_writer`], [`Download::to_stream`] | |
//! | copy an object inside COS | [`LargeCopy`] | [`Bucket::copy`] |
//! | upload, download or copy all of a directory, or what of it changed | [`UploadDirectory`], [`DownloadDirectory`], [`CopyDirectory`] | |
//! | find and abort what killed processes left | | [`Bucket::orphans`] |
//!
//! A job runs operations like any caller, and holds no more memory than the client allows. The client signs each part
//! when it is sent, and retries it.
//!
//! # Examples
//! Another task reports the progress, and stops the transfer:
//! ```no_run
//! use std::path::Path;
//! use std::time::Duration;
//!
//! use tencent_cos::{Bucket, ErrorKind};
//!
//! # async fn example(bucket: Bucket) -> tencent_cos::Result<()> {
//! let transfer = bucket.upload("video.mp4", Path::new("video.mp4"));
//! let (handle, mut progress) = (transfer.handle(), transfer.handle().watch());
//! tokio::spawn(async move {
//!     while let Some(now) = progress.next().await {
//!         println!("{} of {:?} bytes", now.bytes, now.total_bytes);
//!         if now.elapsed > Duration::from_secs(600) {
//!             handle.cancel();
//!         }
//!     }
//! });
//! match transfer.await {
//!     Ok(output) => println!("{} bytes", output.length),
//!     Err(error) if error.kind() == ErrorKind::Cancelled => println!("stopped, and cleaned up"),
//!     Err(error) => return Err(error),
//! }
//! # Ok(())
//! # }
//! ```

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
use crate::error::{Error, ErrorKind, Result};

/// What [`Bucket::transfer`] runs: [`Upload`], [`DownloadToPath`], [`DownloadToWriter`], [`DownloadToStream`],
/// [`LargeCopy`], [`UploadDirectory`], [`DownloadDirectory`], [`CopyDirectory`], and no other.
pub trait Job: sealed::Run {}

impl<J: sealed::Run> Job for J {}

mod sealed {
    use super::{Bucket, Control, Error, Result};

    #[diagnostic::on_unimplemented(
        message = "`{Self}` is no job of a transfer",
        note = "of a `Download` one is made by `to_path`, `to_writer` or `to_stream`"
    )]
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
    let target = format!("{}/{}", bucket.name(), job.key());
    let outcome = span.clone().around(job.run(bucket, control)).await;
    // Who cancels ends no request that would tell what it was about, and what is left behind must be found.
    let outcome = outcome.map_err(|error| {
        let attempts = error.attempts();
        if error.kind() == ErrorKind::Cancelled || error.upload_id().is_some() {
            return error.during(J::NAME, &target, attempts);
        }
        error
    });
    let error = outcome.as_ref().map_or_else(Some, J::ended_by);
    span.over(|| progress.scope(), error);
    outcome
}

impl Bucket {
    /// Makes a transfer of a job. It begins when it is first polled.
    ///
    /// # Errors
    /// Those of the job. [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled) after [`TransferHandle::cancel`]; a
    /// directory of which a file was begun gives its report instead.
    ///
    /// # Cancellation
    /// Dropping the future stops all I/O. Each job documents what it leaves behind then.
    pub fn transfer<J: Job>(&self, job: J) -> Transfer<J::Output> {
        let control = Control::new();
        Transfer::new(Box::pin(run(job, self.patient(), control.clone())), control)
    }
}
