//! The index of a data folder: one JSON line a change, appended with a single write each, in any order.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::blob::Disk;
use super::bucket::{Acl, Draft, Version, Versioning};

/// A change, and its place in the order of changes.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) sequence: u64,
    #[serde(flatten)]
    pub(crate) change: Change,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Change {
    Bucket { name: String, region: String, created: u64, versioning: Versioning, acl: Acl },
    DropBucket { name: String },
    Put { bucket: String, key: String, version: Box<StoredVersion> },
    Remove { bucket: String, key: String, micros: u64 },
}

/// A version as the index keeps it. Header values are bytes, hence Base64.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StoredVersion {
    pub(crate) micros: u64,
    null: bool,
    marker: bool,
    blob: Option<u64>,
    size: u64,
    etag: String,
    crc64: Option<u64>,
    headers: Vec<(String, String)>,
    metadata: Vec<(String, String)>,
    storage_class: String,
    acl: Option<String>,
    grants: Vec<(String, String)>,
    tags: Vec<(String, String)>,
    encryption: Vec<(String, String)>,
}

impl Line {
    pub(crate) fn blob(&self) -> Option<u64> {
        match &self.change {
            Change::Put { version, .. } => version.blob,
            _ => None,
        }
    }
}

impl StoredVersion {
    pub(crate) fn of(version: &Version) -> Self {
        let encoded = |pairs: &[(String, Bytes)]| {
            pairs.iter().map(|(name, value)| (name.clone(), STANDARD.encode(value))).collect()
        };
        Self {
            micros: version.micros,
            null: version.null,
            marker: version.marker,
            blob: version.blob.number(),
            size: version.size,
            etag: version.etag.clone(),
            crc64: version.crc64,
            headers: encoded(&version.draft.headers),
            metadata: encoded(&version.draft.metadata),
            storage_class: version.draft.storage_class.clone(),
            acl: version.draft.acl.clone(),
            grants: version.draft.grants.clone(),
            tags: version.draft.tags.clone(),
            encryption: version.draft.encryption.clone(),
        }
    }

    pub(crate) fn into_version(self, disk: &Arc<Disk>) -> Version {
        let decoded = |pairs: Vec<(String, String)>| {
            let decode = |(name, value)| (name, Bytes::from(STANDARD.decode(value).unwrap_or_default()));
            pairs.into_iter().map(decode).collect()
        };
        Version {
            micros: self.micros,
            null: self.null,
            marker: self.marker,
            blob: disk.at(self.blob),
            size: self.size,
            etag: self.etag,
            crc64: self.crc64,
            draft: Draft {
                headers: decoded(self.headers),
                metadata: decoded(self.metadata),
                storage_class: self.storage_class,
                acl: self.acl,
                grants: self.grants,
                tags: self.tags,
                encryption: self.encryption,
            },
        }
    }
}

/// The file itself. Appending takes no lock of its own: one `write` to a file opened for appending is one line, and
/// `sequence` puts the lines in order afterwards. The lock keeps appends out while the file is replaced.
#[derive(Debug)]
pub(crate) struct Index {
    path: PathBuf,
    file: RwLock<File>,
}

impl Index {
    /// Opens or creates the index of a folder, and reads what it holds.
    pub(crate) fn open(data: &Path) -> io::Result<(Self, Vec<Line>)> {
        let path = data.join("index.jsonl");
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            read => read?,
        };
        // A line that cannot be read was being written when the process died: that change was never acknowledged.
        let mut lines: Vec<Line> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        lines.sort_by_key(|line| line.sequence);
        let file = RwLock::new(append_to(&path)?);
        Ok((Self { path, file }, lines))
    }

    pub(crate) fn append(&self, line: &Line) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        let file = self.file.read().map_err(|_| io::Error::other("the index is broken"))?;
        (&*file).write_all(&text)
    }

    /// Replaces all lines.
    pub(crate) fn rewrite(&self, lines: &[Line]) -> io::Result<()> {
        let mut text = Vec::new();
        for line in lines {
            serde_json::to_writer(&mut text, line)?;
            text.push(b'\n');
        }
        let mut file = self.file.write().map_err(|_| io::Error::other("the index is broken"))?;
        let new = self.path.with_extension("new");
        fs::write(&new, text)?;
        fs::rename(&new, &self.path)?;
        *file = append_to(&self.path)?;
        Ok(())
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}
