use std::time::{Duration, SystemTime};

use futures_util::TryStreamExt as _;

use crate::client::{Bucket, Listing};
use crate::error::{Error, Result};
use crate::key::ObjectKey;
use crate::multipart::{AbortMultipartUpload, ListMultipartUploads, UploadSummary};
use crate::time::Clock as _;

/// Uploads that were begun long ago and neither completed nor aborted: what killed processes leave behind. Their parts
/// take up paid space and show in no listing of objects.
///
/// [`Bucket::orphans`] makes it. An upload that somebody still works on is one, too, if it is old enough: choose an age
/// over that of the longest upload. A [lifecycle rule](crate::LifecycleRule::abort_incomplete_multipart_upload) does
/// the same by itself.
///
/// # Examples
/// ```no_run
/// use std::time::Duration;
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// let week = Duration::from_secs(7 * 24 * 3600);
/// let aborted = bucket.orphans(week).prefix("videos/").abort().await?;
/// println!("{} uploads given up, {} not", aborted.aborted.len(), aborted.failed.len());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "list or abort them"]
pub struct Orphans {
    bucket: Bucket,
    age: Duration,
    prefix: String,
}

impl Bucket {
    /// Uploads that were begun longer ago than this and not ended, to list and to abort.
    pub fn orphans(&self, age: Duration) -> Orphans {
        Orphans { bucket: self.clone(), age, prefix: String::new() }
    }
}

impl Orphans {
    /// Only uploads to keys that begin with this.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Lists them, page by page as they are read. An upload whose age COS does not tell is none.
    ///
    /// # Errors
    /// Items are as [`ListMultipartUploads`]; the first error ends the listing.
    pub fn list(&self) -> Listing<UploadSummary> {
        let now = self.bucket.client().engine().clock.now();
        let latest = now.checked_sub(self.age).unwrap_or(SystemTime::UNIX_EPOCH);
        let pages = self.bucket.pages(ListMultipartUploads::new().prefix(&self.prefix));
        let is_old = move |upload: &UploadSummary| upload.initiated.is_some_and(|begun| begun <= latest);
        pages.entries(move |page| page.uploads.into_iter().filter(is_old).collect())
    }

    /// Aborts them, one after the other. One that cannot be aborted does not keep the others from it.
    ///
    /// # Errors
    /// As [`ListMultipartUploads`]; those of single uploads are in the output.
    ///
    /// # Cancellation
    /// Those that were aborted by then are gone. Call it again for the rest.
    pub async fn abort(&self) -> Result<OrphansAborted> {
        // All of them first: a listing whose entries vanish meanwhile may skip some.
        let found: Vec<UploadSummary> = self.list().try_collect().await?;
        let mut done = OrphansAborted::default();
        for upload in found {
            match self.abort_one(&upload).await {
                Ok(()) => done.aborted.push(upload),
                Err(error) => done.failed.push((upload, error)),
            }
        }
        Ok(done)
    }

    async fn abort_one(&self, upload: &UploadSummary) -> Result<()> {
        let key = ObjectKey::new(&upload.key)?;
        match self.bucket.send(AbortMultipartUpload::new(key, &upload.upload_id)).await {
            // Ended by somebody else meanwhile.
            Err(error) if error.code() == Some("NoSuchUpload") => Ok(()),
            outcome => outcome.map(|_| ()),
        }
    }
}

/// What [`Orphans::abort`] did.
#[derive(Debug, Default)]
#[non_exhaustive]
#[must_use = "uploads that are still there are told here, not by an error"]
pub struct OrphansAborted {
    /// Uploads that are gone now.
    pub aborted: Vec<UploadSummary>,
    /// Uploads that are still there, and why.
    pub failed: Vec<(UploadSummary, Error)>,
}
