//! What a download remembers for another run, and what of it still holds then.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::client::Bucket;
use crate::error::Result;
use crate::transfer::checkpoint::{Checkpoint, file_name, path_text};
use crate::transfer::disk::{blocking, crc64_of, io_error, when_let_go};
use crate::transfer::download::Download;
use crate::transfer::download::destination::{Destination, Target};
use crate::transfer::download::layout::Layout;
use crate::transfer::download::pinned::Begun;
use crate::transfer::work_files::PARTIAL_MARK;

/// The checkpoint of a download.
pub(super) type Journal = Arc<Checkpoint<Head, Record>>;

/// Which download it is, and of which object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    what: What,
    pub(super) etag: String,
    version_id: Option<String>,
    pub(super) total: u64,
    pub(super) layout: Layout,
}

/// What makes it the download it is: with anything else it is another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct What {
    bucket: String,
    region: String,
    key: String,
    version_id: Option<String>,
    range: Option<(u64, Option<u64>)>,
    path: String,
}

/// A range that is on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) index: usize,
    pub(super) crc64: u64,
}

/// What an earlier run left.
pub(super) struct Found {
    pub(super) journal: Journal,
    pub(super) head: Head,
    pub(super) destination: Destination,
    /// The CRC-64 of the ranges that are there.
    pub(super) done: Vec<Option<u64>>,
}

impl What {
    pub(super) fn new(bucket: &Bucket, download: &Download, target: &Target) -> Result<Self> {
        Ok(Self {
            bucket: bucket.name().to_string(),
            region: bucket.region().to_string(),
            key: download.get.key().to_string(),
            version_id: download.get.version().map(str::to_owned),
            range: download.range.map(|range| (range.first(), range.last())),
            path: path_text(&target.absolute()?),
        })
    }

    /// Where in the directory it is remembered.
    fn place(&self, directory: &Path) -> PathBuf {
        directory.join(self.name("download"))
    }

    /// Tells its file from those of others.
    fn mark(&self) -> String {
        self.name("").chars().filter(char::is_ascii_hexdigit).take(PARTIAL_MARK).collect()
    }

    fn name(&self, kind: &str) -> String {
        let range = format!("{:?} {:?}", self.version_id, self.range);
        file_name(kind, &[&self.bucket, &self.region, &self.key, &range, &self.path])
    }

    /// Takes up what is remembered in the directory, if it is of this download.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) when another transfer holds it.
    pub(super) async fn take_up(&self, directory: &Path, target: &Target) -> Result<Option<Found>> {
        let Some((journal, head, records)) = Checkpoint::<Head, Record>::open(self.place(directory)).await? else {
            return Ok(None);
        };
        if head.what != *self || !head.layout.is_sound(head.total) {
            return Ok(None);
        }
        let opened = when_let_go(|| target.open_partial(self.mark(), head.layout.length())).await?;
        let Some(destination) = opened else { return Ok(None) };
        let mut done = vec![None; head.layout.count()];
        for Record { index, crc64 } in records {
            if let Some(done) = done.get_mut(index) {
                *done = Some(crc64);
            }
        }
        let (file, layout, path) = (destination.file(), head.layout.clone(), destination.path().to_owned());
        // Only what is on disk as it was written counts.
        let done = blocking(move || {
            for (index, done) in done.iter_mut().enumerate() {
                if let Some(crc64) = *done {
                    let found = crc64_of(&file, layout.place(index));
                    let found = found.map_err(|error| io_error("reading", &path, error))?;
                    *done = found.filter(|found| *found == crc64);
                }
            }
            Ok(done)
        })
        .await?;
        Ok(Some(Found { journal: Arc::new(journal), head, destination, done }))
    }

    /// Begins to remember.
    pub(super) async fn remember(
        self,
        directory: &Path,
        begun: &Begun,
        layout: Layout,
        target: &Target,
    ) -> Result<(Journal, Destination)> {
        let (place, mark) = (self.place(directory), self.mark());
        let head = Head {
            what: self,
            etag: begun.pinned.etag.clone(),
            version_id: begun.meta.version_id().map(str::to_owned),
            total: begun.pinned.total,
            layout,
        };
        let journal = Checkpoint::create(place, head).await?;
        // Whoever holds the checkpoint has the file to itself.
        match when_let_go(|| target.create_partial(mark.clone())).await {
            Ok(destination) => Ok((Arc::new(journal), destination)),
            Err(error) => {
                journal.remove().await?;
                Err(error)
            }
        }
    }
}
