//! Whether a file and an object are the same.

use std::fs::File;

use crate::client::Bucket;
use crate::client::provider::BoxFuture;
use crate::crc64::Crc64;
use crate::error::Result;
use crate::object::HeadObject;
use crate::transfer::directory::report::DirectoryFile;
use crate::transfer::disk::{BLOCK, blocking, sum_up};

/// What a sync takes for the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compare {
    /// Same size, same CRC-64. A file is read and an object looked at with a HEAD; nothing depends on a clock. An
    /// object without a CRC-64 is another, and so is one that the customer key of its transfer does not show.
    #[default]
    Crc64,
    /// Same size, and the source was not written after the destination. It takes no request for a file, and trusts the
    /// clock of this machine. An object has the time it was uploaded at, and a file that was downloaded that of its
    /// object; FAT keeps that to two seconds, so that there a file may be older than its object and come down again.
    Time,
    /// Same size.
    Size,
}

/// How much is read before anybody may stop it.
const STRETCH: u64 = 16 * 1024 * 1024;

impl Compare {
    /// Whether `source` need not be transferred to `destination`, both of one size as far as `bytes` is asked.
    pub(super) async fn is_same(
        self,
        source: &DirectoryFile,
        destination: &DirectoryFile,
        bytes: impl Future<Output = Result<bool>>,
    ) -> Result<bool> {
        if source.size != destination.size {
            return Ok(false);
        }
        match self {
            Self::Size => Ok(true),
            Self::Time => Ok(match (source.last_modified, destination.last_modified) {
                (Some(source), Some(destination)) => source <= destination,
                _ => false,
            }),
            Self::Crc64 => bytes.await,
        }
    }
}

/// Whether an object and a file of this length are the same.
pub(super) async fn has_same_bytes(
    bucket: &Bucket,
    length: u64,
    head: HeadObject,
    open: impl FnOnce() -> Result<File> + Send + 'static,
) -> Result<bool> {
    match crc64_of_object(bucket, length, head).await? {
        Some(crc64) => Ok(crc64_of(bucket, length, open).await? == Some(crc64)),
        None => Ok(false),
    }
}

/// Whether two objects of this length are the same.
pub(super) async fn have_same_bytes(length: u64, heads: [(Bucket, HeadObject); 2]) -> Result<bool> {
    let [one, other] = heads.map(|(bucket, head)| async move { crc64_of_object(&bucket, length, head).await });
    let (one, other) = futures_util::future::try_join(one, other).await?;
    Ok(one.is_some() && one == other)
}

/// The CRC-64 of an object, if it is so long, may be looked at so, and has one. In a box: it is large.
fn crc64_of_object(bucket: &Bucket, length: u64, head: HeadObject) -> BoxFuture<'_, Result<Option<u64>>> {
    Box::pin(async move {
        match bucket.send(head).await {
            Ok(meta) if meta.content_length().is_some_and(|there| there != length) => Ok(None),
            Ok(meta) => Ok(meta.crc64()),
            // Removed since it was listed, or encrypted with another customer key or none.
            Err(error) if error.is_not_found() || error.status() == Some(400) => Ok(None),
            Err(error) => Err(error),
        }
    })
}

/// The CRC-64 of a file, if it is so long; dropping the future stops it after a stretch.
async fn crc64_of(
    bucket: &Bucket,
    length: u64,
    open: impl FnOnce() -> Result<File> + Send + 'static,
) -> Result<Option<u64>> {
    let _held = bucket.client().memory().hold(BLOCK as u64).await;
    let mut file = blocking(open).await?;
    let (mut crc64, mut total) = (Crc64::new(), 0);
    loop {
        let (next, read);
        (file, next, read) = blocking(move || {
            let mut crc64 = crc64;
            let read = sum_up(&file, STRETCH, &mut crc64)?;
            Ok((file, crc64, read))
        })
        .await?;
        crc64 = next;
        total += read;
        // One that grows has no end.
        if read == 0 || total > length {
            return Ok((total == length).then(|| crc64.value()));
        }
    }
}
