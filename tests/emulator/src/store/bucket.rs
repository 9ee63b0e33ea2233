//! One bucket: its object versions, and the rules by which they come, go and are listed.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::Log;
use super::blob::{Blob, Content};
use super::index::{Change, Line, StoredVersion};
use crate::error::CosError;
use crate::ids;

/// A bucket. Its settings never change yet; its objects are behind one lock that nobody holds while moving bytes.
#[derive(Debug)]
pub(crate) struct Bucket {
    pub(crate) name: String,
    pub(crate) region: String,
    /// Microseconds since 1970.
    pub(crate) created: u64,
    pub(crate) versioning: Versioning,
    pub(crate) acl: Acl,
    objects: RwLock<Objects>,
    log: Arc<Log>,
}

/// Whether a bucket keeps old versions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Versioning {
    #[default]
    Unset,
    Enabled,
    Suspended,
}

/// The canned ACL of a bucket, as far as it decides about strangers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Acl {
    #[default]
    Private,
    PublicRead,
    PublicReadWrite,
}

#[derive(Debug, Default)]
struct Objects {
    /// Newest version first. A key without versions is not in the map.
    by_key: BTreeMap<String, Vec<Arc<Version>>>,
    closed: bool,
}

/// What a request says about an object before its bytes are there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Draft {
    /// Content-Type and its like; names in lower case, values as received.
    pub(crate) headers: Vec<(String, Bytes)>,
    /// `x-cos-meta-*`, names in full.
    pub(crate) metadata: Vec<(String, Bytes)>,
    pub(crate) storage_class: String,
    /// The canned ACL; `None` inherits the bucket's.
    pub(crate) acl: Option<String>,
    pub(crate) grants: Vec<(String, String)>,
    pub(crate) tags: Vec<(String, String)>,
    /// Server-side encryption headers to echo.
    pub(crate) encryption: Vec<(String, String)>,
}

/// One version of an object, or a delete marker.
#[derive(Debug)]
pub(crate) struct Version {
    /// When it was made, unique in the store: the version id is made from it.
    pub(crate) micros: u64,
    /// Whether its id is the literal `null`: made while versioning was not enabled.
    pub(crate) null: bool,
    pub(crate) marker: bool,
    pub(crate) blob: Blob,
    pub(crate) size: u64,
    /// With quotes.
    pub(crate) etag: String,
    pub(crate) crc64: Option<u64>,
    pub(crate) draft: Draft,
}

impl Version {
    pub(crate) fn id(&self) -> String {
        if self.null { "null".to_owned() } else { ids::version(self.micros) }
    }

    /// Whole seconds, as `Last-Modified` has no more.
    pub(crate) fn modified(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.micros / 1_000_000)
    }

    fn has_id(&self, id: &str) -> bool {
        if self.null { id == "null" } else { ids::version_micros(id) == Some(self.micros) }
    }
}

/// Why there is no such object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NotFound {
    Key,
    Version,
    /// The newest version, or the one asked for, is a delete marker of this id.
    Marker {
        id: String,
    },
}

/// What became of a write.
#[derive(Debug)]
pub(crate) struct Committed {
    pub(crate) version: Arc<Version>,
    /// Only in a bucket that keeps versions.
    pub(crate) version_id: Option<String>,
}

/// What became of a deletion.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Deleted {
    pub(crate) version_id: Option<String>,
    pub(crate) marker: bool,
}

impl Bucket {
    pub(crate) fn new(name: &str, region: &str, created: u64, versioning: Versioning, acl: Acl, log: Arc<Log>) -> Self {
        let objects = RwLock::default();
        Self { name: name.to_owned(), region: region.to_owned(), created, versioning, acl, objects, log }
    }

    /// Makes content the newest version of a key. With `forbid_overwrite`, only if there is none; a bucket that has had
    /// versioning ignores that.
    pub(crate) fn commit(
        &self,
        key: &str,
        content: Content,
        draft: Draft,
        forbid_overwrite: bool,
        now: SystemTime,
    ) -> Result<Committed, CosError> {
        let mut objects = self.write();
        if objects.closed {
            return Err(CosError::no_such_bucket());
        }
        if forbid_overwrite && !self.may_overwrite(&objects, key) {
            return Err(Self::already_exists());
        }
        content.blob.keep();
        let (version, _replaced) = self.insert(
            &mut objects,
            key,
            |micros, null| Version {
                micros,
                null,
                marker: false,
                etag: format!("\"{}\"", hex::encode(content.md5)),
                blob: content.blob,
                size: content.size,
                crc64: Some(content.crc64),
                draft,
            },
            now,
        );
        let sequence = self.log.next_sequence();
        drop(objects);
        self.log_put(sequence, key, &version)?;
        let version_id = (self.versioning != Versioning::Unset).then(|| version.id());
        Ok(Committed { version, version_id })
    }

    /// Refuses early what [`Bucket::commit`] would refuse, before a body is read in vain.
    pub(crate) fn check_overwrite(&self, key: &str) -> Result<(), CosError> {
        if self.may_overwrite(&self.read(), key) { Ok(()) } else { Err(Self::already_exists()) }
    }

    fn may_overwrite(&self, objects: &Objects, key: &str) -> bool {
        self.versioning != Versioning::Unset || !objects.by_key.contains_key(key)
    }

    fn already_exists() -> CosError {
        CosError::new(409, "FileAlreadyExists", "The file already exists, and overwriting it is forbidden.")
    }

    /// The newest version, or the one with this id.
    pub(crate) fn find(&self, key: &str, id: Option<&str>) -> Result<Arc<Version>, NotFound> {
        let objects = self.read();
        let versions = objects.by_key.get(key).map(Vec::as_slice).unwrap_or_default();
        let version = match id {
            None => versions.first().ok_or(NotFound::Key)?,
            Some(id) => versions.iter().find(|version| version.has_id(id)).ok_or(NotFound::Version)?,
        };
        if version.marker {
            return Err(NotFound::Marker { id: version.id() });
        }
        Ok(Arc::clone(version))
    }

    /// Removes a version, or puts a delete marker on top, or removes the object, as versioning says.
    pub(crate) fn delete(&self, key: &str, id: Option<&str>, now: SystemTime) -> Result<Deleted, CosError> {
        let mut objects = self.write();
        if id.is_none() && self.versioning != Versioning::Unset {
            let (marker, _replaced) = self.insert(
                &mut objects,
                key,
                |micros, null| Version {
                    micros,
                    null,
                    marker: true,
                    blob: Blob::nothing(),
                    size: 0,
                    etag: String::new(),
                    crc64: None,
                    draft: Draft::default(),
                },
                now,
            );
            let sequence = self.log.next_sequence();
            drop(objects);
            self.log_put(sequence, key, &marker)?;
            return Ok(Deleted { version_id: Some(marker.id()), marker: true });
        }
        let id = id.unwrap_or("null");
        let removed = remove(&mut objects, key, |version| version.has_id(id));
        let sequence = self.log.next_sequence();
        drop(objects);
        if let Some(removed) = &removed {
            self.log.write_as(sequence, || Change::Remove {
                bucket: self.name.clone(),
                key: key.to_owned(),
                micros: removed.micros,
            })?;
        }
        let version_id = (self.versioning != Versioning::Unset).then(|| id.to_owned());
        Ok(Deleted { version_id, marker: removed.is_some_and(|removed| removed.marker) })
    }

    /// Puts a version on top of a key; a `null` one takes the place of the last, which is given back.
    fn insert(
        &self,
        objects: &mut Objects,
        key: &str,
        make: impl FnOnce(u64, bool) -> Version,
        now: SystemTime,
    ) -> (Arc<Version>, Option<Arc<Version>>) {
        let null = self.versioning != Versioning::Enabled;
        let version = Arc::new(make(self.log.next_micros(now), null));
        let replaced = push(objects, key, Arc::clone(&version));
        (version, replaced)
    }

    fn log_put(&self, sequence: u64, key: &str, version: &Arc<Version>) -> Result<(), CosError> {
        self.log.write_as(sequence, || Change::Put {
            bucket: self.name.clone(),
            key: key.to_owned(),
            version: Box::new(StoredVersion::of(version)),
        })
    }

    /// Refuses everything from now on, if nothing is in it.
    pub(crate) fn close(&self) -> Result<(), CosError> {
        let mut objects = self.write();
        if !objects.by_key.is_empty() {
            return Err(CosError::new(409, "BucketNotEmpty", "The bucket you tried to delete is not empty."));
        }
        objects.closed = true;
        Ok(())
    }

    fn read(&self) -> RwLockReadGuard<'_, Objects> {
        self.objects.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Objects> {
        self.objects.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Puts a version on top, and gives back the one it replaces: dropping that deletes a file, better done without the lock.
#[must_use]
fn push(objects: &mut Objects, key: &str, version: Arc<Version>) -> Option<Arc<Version>> {
    // Looking up by reference first saves the copy of the key on every overwrite.
    let Some(versions) = objects.by_key.get_mut(key) else {
        objects.by_key.insert(key.to_owned(), vec![version]);
        return None;
    };
    let old = versions.iter().position(|old| version.null && old.null).map(|at| versions.remove(at));
    if let Some(old) = &old {
        old.blob.doom();
    }
    versions.insert(0, version);
    old
}

fn remove(objects: &mut Objects, key: &str, which: impl Fn(&Version) -> bool) -> Option<Arc<Version>> {
    let versions = objects.by_key.get_mut(key)?;
    let removed = versions.remove(versions.iter().position(|version| which(version))?);
    removed.blob.doom();
    if versions.is_empty() {
        objects.by_key.remove(key);
    }
    Some(removed)
}

/// Persistence: the same changes, from the index and to it.
impl Bucket {
    pub(crate) fn restore(&self, key: &str, version: Version) {
        drop(push(&mut self.write(), key, Arc::new(version)));
    }

    pub(crate) fn forget(&self, key: &str, micros: u64) {
        remove(&mut self.write(), key, |version| version.micros == micros);
    }

    /// The changes that make this bucket from nothing.
    pub(crate) fn dump(&self, lines: &mut Vec<Line>) {
        let (name, region) = (self.name.clone(), self.region.clone());
        let (created, versioning, acl) = (self.created, self.versioning, self.acl);
        let mut push = |change| lines.push(Line { sequence: 0, change });
        push(Change::Bucket { name, region, created, versioning, acl });
        for (key, versions) in &self.read().by_key {
            for version in versions.iter().rev() {
                let version = Box::new(StoredVersion::of(version));
                push(Change::Put { bucket: self.name.clone(), key: key.clone(), version });
            }
        }
    }
}

/// A question to [`Bucket::list`].
#[derive(Clone, Debug, Default)]
pub(crate) struct ListQuery<'a> {
    pub(crate) prefix: &'a str,
    pub(crate) delimiter: Option<&'a str>,
    pub(crate) marker: &'a str,
    pub(crate) limit: usize,
}

/// A line of a listing.
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    Object(String, Arc<Version>),
    Prefix(String),
}

impl Entry {
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Object(name, _) | Self::Prefix(name) => name,
        }
    }
}

impl Bucket {
    /// Objects and common prefixes after the marker, in byte order, and whether there are more.
    ///
    /// Groups are skipped by seeking past them, so the cost is that of the answer, not of the keys under a prefix. A
    /// marker that is itself a common prefix, as `NextMarker` may be, skips everything under it.
    pub(crate) fn list(&self, query: &ListQuery<'_>) -> (Vec<Entry>, bool) {
        let objects = self.read();
        let mut entries = Vec::new();
        let mut from = Bound::Included(query.prefix.to_owned());
        if query.marker >= query.prefix {
            from = match query.group(query.marker) {
                Some(group) if group == query.marker => after_group(group),
                _ => Bound::Excluded(query.marker.to_owned()),
            };
        }
        loop {
            let next = objects.by_key.range::<str, _>((from.as_ref().map(String::as_str), Bound::Unbounded)).next();
            let Some((key, versions)) = next.filter(|(key, _)| key.starts_with(query.prefix)) else {
                return (entries, false);
            };
            // The newest version decides; an object that ends in a delete marker is not there.
            let Some(version) = versions.first().filter(|version| !version.marker) else {
                from = Bound::Excluded(key.clone());
                continue;
            };
            if entries.len() == query.limit {
                return (entries, true);
            }
            if let Some(group) = query.group(key) {
                entries.push(Entry::Prefix(group.to_owned()));
                from = after_group(group);
            } else {
                entries.push(Entry::Object(key.clone(), Arc::clone(version)));
                from = Bound::Excluded(key.clone());
            }
        }
    }
}

impl ListQuery<'_> {
    /// The common prefix a key is rolled up into: up to and with the first delimiter after the prefix.
    fn group<'k>(&self, key: &'k str) -> Option<&'k str> {
        let delimiter = self.delimiter?;
        let rest = key.strip_prefix(self.prefix)?;
        let end = rest.find(delimiter)? + delimiter.len();
        Some(&key[..self.prefix.len() + end])
    }
}

/// The first position behind every key that starts with `group`: its last character replaced by the next one.
fn after_group(group: &str) -> Bound<String> {
    let mut stem = group.to_owned();
    while let Some(last) = stem.pop() {
        let next = match last {
            '\u{d7ff}' => Some('\u{e000}'),
            last => char::from_u32(u32::from(last) + 1),
        };
        if let Some(next) = next {
            stem.push(next);
            return Bound::Included(stem);
        }
    }
    Bound::Excluded(char::MAX.to_string().repeat(300))
}
