//! What the account holds: buckets, object versions, bytes.
//!
//! Metadata lives in memory. With a data folder, every change is also appended to an index there, from which the next
//! start rebuilds it. Bytes live in files that are named by number, never by key; small ones are kept in memory as well.

mod acl;
mod blob;
mod bucket;
mod crc;
mod index;
mod listing;
mod multipart;
mod named;
mod pieces;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

pub(crate) use acl::{ALL_USERS, ANYONE, AUTHENTICATED_USERS, Acl, Grant};
pub(crate) use blob::{Content, Sink};
pub(crate) use bucket::{
    Bucket, Committed, Deleted, Draft, Kind, Made, NotFound, Occupant, Restoring, Setting, Version, Versioning,
};
pub(crate) use crc::combine;
pub(crate) use listing::{Entry, ListQuery, Listed};
pub(crate) use multipart::{Completion, Multipart, Part};
pub(crate) use named::{Documents, Named};
pub(crate) use pieces::{Pieces, PiecesReader};

use crate::error::CosError;
use crate::ids::unix_micros;
use blob::Disk;
use index::{Index, Line};

/// Everything the account holds.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) disk: Arc<Disk>,
    buckets: RwLock<BTreeMap<String, Arc<Bucket>>>,
    log: Arc<Log>,
}

/// Numbers changes, and writes them down if there is a place for it.
#[derive(Debug)]
pub(crate) struct Log {
    index: Option<Index>,
    sequence: AtomicU64,
    /// The last moment given to a version, in microseconds: no two versions have the same.
    last_micros: AtomicU64,
}

impl Store {
    /// Keeps bytes and index under `data`, or bytes in a temporary folder if there is none.
    pub(crate) fn open(data: Option<&Path>) -> io::Result<Self> {
        let disk = Arc::new(Disk::open(data)?);
        let (index, lines) = match data {
            None => (None, Vec::new()),
            Some(data) => {
                let (index, lines) = Index::open(data)?;
                (Some(index), lines)
            }
        };
        let log = Log { index, sequence: AtomicU64::new(0), last_micros: AtomicU64::new(0) };
        let store = Self { disk, buckets: RwLock::default(), log: Arc::new(log) };
        store.replay(lines)?;
        Ok(store)
    }

    /// Rebuilds the state, then writes it down anew: an index does not grow with what has been deleted.
    fn replay(&self, lines: Vec<Line>) -> io::Result<()> {
        let Some(index) = &self.log.index else { return Ok(()) };
        for line in lines {
            self.apply(line);
        }
        let mut lines = Vec::new();
        for bucket in self.buckets() {
            bucket.dump(&mut lines);
        }
        let mut blobs = Vec::new();
        for (number, line) in lines.iter_mut().enumerate() {
            line.sequence = number as u64 + 1;
            blobs.extend(line.blobs());
        }
        self.log.sequence.store(lines.len() as u64, Ordering::Relaxed);
        index.rewrite(&lines)?;
        self.disk.keep_only(&blobs)
    }

    fn apply(&self, line: Line) {
        match line.change {
            index::Change::Bucket { name, region, created, versioning, acl } => {
                let bucket = Bucket::new(&name, &region, created, versioning, acl, Arc::clone(&self.log));
                self.write().insert(name, Arc::new(bucket));
            }
            index::Change::DropBucket { name } => {
                self.write().remove(&name);
            }
            index::Change::Versioning { bucket, versioning } => {
                if let Some(bucket) = self.bucket(&bucket) {
                    bucket.restore_versioning(versioning);
                }
            }
            index::Change::BucketAcl { bucket, acl } => {
                if let Some(bucket) = self.bucket(&bucket) {
                    bucket.restore_acl(acl);
                }
            }
            index::Change::Setting { bucket, setting, document } => {
                if let Some(bucket) = self.bucket(&bucket) {
                    bucket.restore_setting(setting, document);
                }
            }
            index::Change::Named { bucket, kind, id, document } => {
                if let Some(bucket) = self.bucket(&bucket) {
                    bucket.restore_named(kind, &id, document);
                }
            }
            index::Change::Put { bucket, key, version, upload } => {
                self.log.last_micros.fetch_max(version.micros, Ordering::Relaxed);
                if let Some(bucket) = self.bucket(&bucket) {
                    bucket.restore(&key, version.into_version(&self.disk));
                    if let Some(id) = upload {
                        bucket.forget_upload(&key, &id);
                    }
                }
            }
            index::Change::Amend { bucket, key, version } => {
                if let Some(bucket) = self.bucket(&bucket) {
                    bucket.restore_amended(&key, version.into_version(&self.disk));
                }
            }
            index::Change::Remove { bucket, key, micros } => {
                if let Some(bucket) = self.bucket(&bucket) {
                    bucket.forget(&key, micros);
                }
            }
            index::Change::Initiate { bucket, key, id, started, draft } => {
                self.log.last_micros.fetch_max(started, Ordering::Relaxed);
                if let Some(bucket) = self.bucket(&bucket) {
                    bucket.restore_upload(&key, &id, draft.into_upload(started));
                }
            }
            index::Change::Part { bucket, key, id, number, part } => {
                if let Some(bucket) = self.bucket(&bucket) {
                    bucket.restore_part(&key, &id, number, part.into_part(&self.disk));
                }
            }
            index::Change::Abort { bucket, key, id } => {
                if let Some(bucket) = self.bucket(&bucket) {
                    bucket.forget_upload(&key, &id);
                }
            }
        }
    }

    pub(crate) fn bucket(&self, name: &str) -> Option<Arc<Bucket>> {
        self.buckets.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Whether one of the buckets is this account's.
    pub(crate) fn owns(&self, appid: &str) -> bool {
        let buckets = self.buckets.read().unwrap_or_else(PoisonError::into_inner);
        buckets.keys().any(|name| name.rsplit_once('-').is_some_and(|(_, owner)| owner == appid))
    }

    /// All buckets, by name.
    pub(crate) fn buckets(&self) -> Vec<Arc<Bucket>> {
        self.buckets.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    pub(crate) fn create_bucket(
        &self,
        name: &str,
        region: &str,
        versioning: Versioning,
        acl: Acl,
        now: SystemTime,
    ) -> Result<(), CosError> {
        let mut buckets = self.write();
        if buckets.contains_key(name) {
            return Err(CosError::new(
                409,
                "BucketAlreadyOwnedByYou",
                "The bucket you tried to create already exists, and you own it.",
            ));
        }
        let bucket = Bucket::new(name, region, unix_micros(now), versioning, acl, Arc::clone(&self.log));
        let mut lines = Vec::new();
        bucket.dump(&mut lines);
        buckets.insert(name.to_owned(), Arc::new(bucket));
        // Under the lock, or an object could be written down before its bucket.
        lines.into_iter().try_for_each(|line| self.log.write(|| line.change))
    }

    pub(crate) fn delete_bucket(&self, name: &str) -> Result<(), CosError> {
        let mut buckets = self.write();
        let bucket = buckets.get(name).ok_or_else(CosError::no_such_bucket)?;
        bucket.close()?;
        buckets.remove(name);
        self.log.write(|| index::Change::DropBucket { name: name.to_owned() })
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, BTreeMap<String, Arc<Bucket>>> {
        self.buckets.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log {
    /// A moment for a new version: now, or just after the last one.
    fn next_micros(&self, now: SystemTime) -> u64 {
        let now = unix_micros(now);
        let last = self.last_micros.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(now.max(last + 1)));
        now.max(last.unwrap_or_default() + 1)
    }

    fn next_sequence(&self) -> u64 {
        self.sequence.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn write(&self, change: impl FnOnce() -> index::Change) -> Result<(), CosError> {
        self.write_as(self.next_sequence(), change)
    }

    /// Writes a change whose place in the order was taken under the lock that made it.
    fn write_as(&self, sequence: u64, change: impl FnOnce() -> index::Change) -> Result<(), CosError> {
        let Some(index) = &self.index else { return Ok(()) };
        index.append(&Line { sequence, change: change() }).map_err(|error| CosError::internal(&error))
    }
}
