//! What an upload remembers for another run.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha1::{Digest as _, Sha1};

use crate::client::Bucket;
use crate::error::Result;
use crate::operation::Operation;
use crate::transfer::checkpoint::{Checkpoint, file_name, path_text};
use crate::transfer::disk::{FileState, io_error};
use crate::transfer::parts::Stored;
use crate::transfer::plan::Plan;
use crate::transfer::source::SourceFile;

/// The checkpoint of an upload.
pub(super) type Journal = Arc<Checkpoint<Head, Record>>;

/// Which upload it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) what: What,
    pub(super) upload_id: String,
    /// Seconds since 1970.
    pub(super) begun: u64,
}

/// What makes it the upload it is: with anything else it is another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct What {
    bucket: String,
    region: String,
    key: String,
    path: String,
    file: FileState,
    part_size: u64,
    /// Of the headers it was begun with.
    headers: String,
}

/// What of it is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Record {
    Part(Stored),
    /// All parts are there; from here on the object may be.
    Completing {
        crc64: Option<u64>,
    },
}

impl What {
    /// # Errors
    /// [`ErrorKind::Input`] when a value cannot be sent.
    pub(super) fn new<O: Operation>(
        bucket: &Bucket,
        key: &str,
        file: &SourceFile,
        plan: Plan,
        begin: &O,
    ) -> Result<Self> {
        let request = begin.request()?;
        let mut headers: Vec<_> = request.headers().iter().collect();
        headers.sort_by_key(|(name, _)| name.as_str());
        let mut digest = Sha1::new();
        for (name, value) in headers {
            // A key of the caller is known by the digest that goes with it.
            if !name.as_str().ends_with("customer-key") {
                digest.update(name.as_str());
                digest.update(": ");
                digest.update(value);
                digest.update("\n");
            }
        }
        Ok(Self {
            bucket: bucket.name().to_string(),
            region: bucket.region().to_string(),
            key: key.to_owned(),
            path: path_text(&absolute(&file.path)?),
            file: file.state,
            part_size: plan.part_size,
            headers: hex::encode(digest.finalize()),
        })
    }

    /// Where in a directory it is remembered.
    pub(super) fn place(&self, directory: &Path) -> PathBuf {
        directory.join(file_name("upload", &[&self.bucket, &self.region, &self.key, &self.path]))
    }

    /// Whether it is an upload of the same file to the same object, though perhaps of other bytes.
    pub(super) fn is_kin(&self, other: &Self) -> bool {
        (&self.bucket, &self.region, &self.key, &self.path) == (&other.bucket, &other.region, &other.key, &other.path)
    }
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|error| io_error("finding", path, error))
}
