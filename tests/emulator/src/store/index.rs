//! The index of a data folder: one JSON line a change, appended with a single write each, in any order.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::RwLock;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::acl::Acl;
use super::blob::Disk;
use super::bucket::{Draft, Kind, Made, Restoring, Setting, Version, Versioning};
use super::multipart::{Multipart, Part};
use super::named::Named;
use super::pieces::Pieces;

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
    Bucket {
        name: String,
        region: String,
        created: u64,
        versioning: Versioning,
        #[serde(flatten)]
        acl: Acl,
    },
    DropBucket {
        name: String,
    },
    Versioning {
        bucket: String,
        versioning: Versioning,
    },
    BucketAcl {
        bucket: String,
        #[serde(flatten)]
        acl: Acl,
    },
    /// A document, or its removal.
    Setting {
        bucket: String,
        setting: Setting,
        document: Option<String>,
    },
    /// The same, of one that has an id.
    Named {
        bucket: String,
        kind: Named,
        id: String,
        document: Option<String>,
    },
    /// A new version, and the upload that it was completed from.
    Put {
        bucket: String,
        key: String,
        version: Box<StoredVersion>,
        upload: Option<String>,
    },
    /// Something else is said of a version.
    Amend {
        bucket: String,
        key: String,
        version: Box<StoredVersion>,
    },
    Remove {
        bucket: String,
        key: String,
        micros: u64,
    },
    Initiate {
        bucket: String,
        key: String,
        id: String,
        started: u64,
        draft: Box<StoredDraft>,
    },
    Part {
        bucket: String,
        key: String,
        id: String,
        number: u32,
        part: StoredPart,
    },
    Abort {
        bucket: String,
        key: String,
        id: String,
    },
}

/// Blob, start and length of each piece of an object.
type StoredPieces = Vec<(u64, u64, u64)>;

/// A version as the index keeps it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StoredVersion {
    pub(crate) micros: u64,
    null: bool,
    marker: bool,
    pieces: StoredPieces,
    size: u64,
    etag: String,
    crc64: Option<u64>,
    appendable: bool,
    #[serde(default)]
    symlink: Option<String>,
    #[serde(default)]
    restoring: Option<Restoring>,
    #[serde(flatten)]
    draft: StoredDraft,
}

/// What is said about an object. Header values are bytes, hence Base64.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StoredDraft {
    headers: Vec<(String, String)>,
    metadata: Vec<(String, String)>,
    storage_class: String,
    #[serde(flatten)]
    acl: Acl,
    tags: Vec<(String, String)>,
    encryption: Vec<(String, String)>,
    #[serde(default)]
    locked_until: Option<SystemTime>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StoredPart {
    micros: u64,
    pieces: StoredPieces,
    size: u64,
    etag: String,
    crc64: u64,
}

impl Line {
    pub(crate) fn blobs(&self) -> impl Iterator<Item = u64> {
        let pieces = match &self.change {
            Change::Put { version, .. } | Change::Amend { version, .. } => version.pieces.as_slice(),
            Change::Part { part, .. } => part.pieces.as_slice(),
            _ => &[],
        };
        pieces.iter().map(|&(number, ..)| number)
    }
}

impl StoredVersion {
    pub(crate) fn of(version: &Version) -> Self {
        Self {
            micros: version.micros,
            null: version.null,
            marker: version.marker,
            pieces: version.pieces.numbers(),
            size: version.size,
            etag: version.etag.clone(),
            crc64: version.crc64,
            appendable: matches!(version.kind, Kind::Appendable(_)),
            symlink: match &version.kind {
                Kind::Symlink(target) => Some(target.clone()),
                _ => None,
            },
            restoring: version.restoring.clone(),
            draft: StoredDraft::of(&version.draft),
        }
    }

    pub(crate) fn into_version(self, disk: &Disk) -> Version {
        let made = Made {
            pieces: Pieces::at(&self.pieces, disk),
            size: self.size,
            etag: self.etag,
            crc64: self.crc64,
            draft: self.draft.into_draft(),
            kind: match self.symlink {
                Some(target) => Kind::Symlink(target),
                None if self.appendable => Kind::Appendable(None),
                None => Kind::Normal,
            },
        };
        Version { micros: self.micros, null: self.null, marker: self.marker, made, restoring: self.restoring }
    }
}

impl StoredDraft {
    pub(crate) fn of(draft: &Draft) -> Self {
        let encoded = |pairs: &[(String, Bytes)]| {
            pairs.iter().map(|(name, value)| (name.clone(), STANDARD.encode(value))).collect()
        };
        Self {
            headers: encoded(&draft.headers),
            metadata: encoded(&draft.metadata),
            storage_class: draft.storage_class.clone(),
            acl: draft.acl.clone(),
            tags: draft.tags.clone(),
            encryption: draft.encryption.clone(),
            locked_until: draft.locked_until,
        }
    }

    fn into_draft(self) -> Draft {
        let decoded = |pairs: Vec<(String, String)>| {
            let decode = |(name, value)| (name, Bytes::from(STANDARD.decode(value).unwrap_or_default()));
            pairs.into_iter().map(decode).collect()
        };
        Draft {
            headers: decoded(self.headers),
            metadata: decoded(self.metadata),
            storage_class: self.storage_class,
            acl: self.acl,
            tags: self.tags,
            encryption: self.encryption,
            locked_until: self.locked_until,
        }
    }

    pub(crate) fn into_upload(self, started: u64) -> Multipart {
        Multipart::new(started, self.into_draft())
    }
}

impl StoredPart {
    pub(crate) fn of(part: &Part) -> Self {
        Self {
            micros: part.micros,
            pieces: part.pieces.numbers(),
            size: part.size,
            etag: part.etag.clone(),
            crc64: part.crc64,
        }
    }

    pub(crate) fn into_part(self, disk: &Disk) -> Part {
        Part {
            micros: self.micros,
            pieces: Pieces::at(&self.pieces, disk),
            size: self.size,
            etag: self.etag,
            crc64: self.crc64,
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
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            read => read?,
        };
        let mut lines: Vec<Line> = Vec::new();
        for (at, line) in text.split(|&byte| byte == b'\n').enumerate() {
            match serde_json::from_slice(line) {
                Ok(line) => lines.push(line),
                // Never written whole, as the process died or the disk was full: that change was never acknowledged.
                Err(error) if error.is_eof() => {}
                // Of another emulator, or damaged: what it tells of would be removed as nobody's.
                Err(error) => return Err(io::Error::other(format!("line {} of its index: {error}", at + 1))),
            }
        }
        lines.sort_by_key(|line| line.sequence);
        let file = RwLock::new(append_to(&path)?);
        Ok((Self { path, file }, lines))
    }

    /// A line feed comes first, too: should the last line be torn, this one is not part of it.
    pub(crate) fn append(&self, line: &Line) -> io::Result<()> {
        let mut text = vec![b'\n'];
        serde_json::to_writer(&mut text, line)?;
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
