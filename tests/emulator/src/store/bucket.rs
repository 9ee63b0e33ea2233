//! One bucket: its object versions, and the rules by which they come, go and are listed.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use md5::Md5;
use serde::{Deserialize, Serialize};

use super::Log;
use super::acl::Acl;
use super::blob::Content;
use super::index::{Change, Line, StoredVersion};
use super::multipart::Multipart;
use super::named::{Documents, Named};
use super::pieces::Pieces;
use crate::error::CosError;
use crate::ids;
use crate::lock;

/// A bucket. What changes in it is behind one lock that nobody holds while moving bytes.
#[derive(Debug)]
pub(crate) struct Bucket {
    pub(crate) name: String,
    pub(crate) region: String,
    /// Microseconds since 1970.
    pub(crate) created: u64,
    pub(super) state: RwLock<State>,
    pub(super) log: Arc<Log>,
}

/// Whether a bucket keeps old versions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Versioning {
    #[default]
    Unset,
    Enabled,
    Suspended,
}

/// What is set of a bucket by a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Setting {
    Cors,
    Lifecycle,
    Tagging,
    Encryption,
    Policy,
    Website,
    Referer,
    Accelerate,
    Logging,
    Replication,
    Domain,
    /// Of all its domains together, as [`crate::certificate`] keeps them.
    Certificates,
    Origin,
    ObjectLock,
}

#[derive(Debug, Default)]
pub(super) struct State {
    /// Newest version first. A key without versions is not in the map.
    pub(super) objects: BTreeMap<String, Vec<Arc<Version>>>,
    /// By key, then by upload id, which begins with the time.
    pub(super) uploads: BTreeMap<(String, String), Multipart>,
    versioning: Versioning,
    acl: Acl,
    settings: BTreeMap<Setting, Arc<str>>,
    pub(super) named: BTreeMap<Named, Documents>,
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
    pub(crate) acl: Acl,
    pub(crate) tags: Vec<(String, String)>,
    /// Server-side encryption headers to echo.
    pub(crate) encryption: Vec<(String, String)>,
    /// Until when it is neither removed nor overwritten.
    pub(crate) locked_until: Option<SystemTime>,
}

/// One version of an object, or a delete marker.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    /// When it was made, unique in the store: the version id is made from it.
    pub(crate) micros: u64,
    /// Whether its id is the literal `null`: made while versioning was not enabled.
    pub(crate) null: bool,
    pub(crate) marker: bool,
    pub(crate) made: Made,
    pub(crate) restoring: Option<Restoring>,
}

/// A readable copy of an archived version: asked for, there from then, and until then.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Restoring {
    pub(crate) tier: String,
    pub(crate) asked: SystemTime,
    pub(crate) ready: SystemTime,
    pub(crate) until: SystemTime,
}

/// A version without its place in time: what a write makes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Made {
    pub(crate) pieces: Pieces,
    pub(crate) size: u64,
    /// With quotes.
    pub(crate) etag: String,
    pub(crate) crc64: Option<u64>,
    pub(crate) draft: Draft,
    pub(crate) kind: Kind,
}

/// What an object is beside its bytes.
#[derive(Clone, Debug, Default)]
pub(crate) enum Kind {
    #[default]
    Normal,
    /// Made by APPEND, with the hash so far if it is known: the next append goes on from it.
    Appendable(Option<Md5>),
    /// A symbolic link to this key.
    Symlink(String),
}

impl Made {
    pub(crate) fn of(content: Content, draft: Draft) -> Self {
        Self {
            pieces: content.pieces,
            size: content.size,
            etag: format!("\"{}\"", hex::encode(content.md5)),
            crc64: Some(content.crc64),
            draft,
            kind: Kind::Normal,
        }
    }
}

impl std::ops::Deref for Version {
    type Target = Made;

    fn deref(&self) -> &Made {
        &self.made
    }
}

impl Version {
    pub(crate) fn id(&self) -> String {
        if self.null { "null".to_owned() } else { ids::version(self.micros) }
    }

    /// Whole seconds, as `Last-Modified` has no more.
    pub(crate) fn modified(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.micros / 1_000_000)
    }

    pub(super) fn has_id(&self, id: &str) -> bool {
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

impl NotFound {
    pub(crate) fn error(&self) -> CosError {
        match self {
            Self::Key => CosError::no_such_key(),
            Self::Version => CosError::no_such_version(),
            Self::Marker { id } => {
                CosError::no_such_key().header("x-cos-delete-marker", "true").header("x-cos-version-id", id)
            }
        }
    }
}

/// What became of a write.
#[derive(Debug)]
pub(crate) struct Committed {
    pub(crate) version: Arc<Version>,
    pub(crate) versioning: Versioning,
}

impl Committed {
    /// What answers tell of it: that of a version which is kept. A `null` one is told by Complete alone.
    pub(crate) fn version_id(&self) -> Option<String> {
        (!self.version.null).then(|| self.version.id())
    }
}

/// What became of a deletion.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Deleted {
    pub(crate) version_id: Option<String>,
    pub(crate) marker: bool,
}

impl Bucket {
    pub(crate) fn new(name: &str, region: &str, created: u64, versioning: Versioning, acl: Acl, log: Arc<Log>) -> Self {
        let state = RwLock::new(State { versioning, acl, ..State::default() });
        Self { name: name.to_owned(), region: region.to_owned(), created, state, log }
    }

    pub(crate) fn versioning(&self) -> Versioning {
        self.read().versioning
    }

    /// Turns versioning on, or suspends it, unless replication needs it. Nothing turns it off.
    pub(crate) fn set_versioning(&self, versioning: Versioning) -> Result<(), CosError> {
        let mut state = self.open()?;
        if versioning != Versioning::Enabled && state.settings.contains_key(&Setting::Replication) {
            let message = "A bucket with replication rules keeps versions: remove the rules first.";
            return Err(CosError::new(409, "InvalidBucketState", message));
        }
        // Inferred: the reference tells that it is not to be, and no code.
        if versioning == Versioning::Suspended && state.settings.contains_key(&Setting::ObjectLock) {
            let message = "Versioning cannot be suspended in a bucket with object lock.";
            return Err(CosError::new(409, "InvalidBucketState", message));
        }
        state.versioning = versioning;
        let sequence = self.log.next_sequence();
        drop(state);
        self.log.write_as(sequence, || Change::Versioning { bucket: self.name.clone(), versioning })
    }

    /// Who may do what with it.
    pub(crate) fn acl(&self) -> Acl {
        self.read().acl.clone()
    }

    /// Whether somebody has a permission on what has no list of its own: the directories it is in tell, objects whose
    /// keys end in `/`, the innermost that has a list, else the bucket.
    pub(crate) fn lets_in(&self, who: Option<&str>, key: &str, permission: &str) -> bool {
        let state = self.read();
        for directory in directories(key) {
            let acl =
                state.objects.get(directory).and_then(|versions| versions.first()).map(|latest| &latest.draft.acl);
            if acl.is_some_and(|acl| acl.lets(who, permission)) {
                return true;
            }
            if acl.is_some_and(|acl| acl.canned.is_some()) {
                return false;
            }
        }
        state.acl.lets(who, permission)
    }

    pub(crate) fn set_acl(&self, acl: Acl) -> Result<(), CosError> {
        let mut state = self.open()?;
        state.acl.clone_from(&acl);
        let sequence = self.log.next_sequence();
        drop(state);
        self.log.write_as(sequence, || Change::BucketAcl { bucket: self.name.clone(), acl })
    }

    /// The document of a setting.
    pub(crate) fn setting(&self, setting: Setting) -> Option<Arc<str>> {
        self.read().settings.get(&setting).cloned()
    }

    /// Puts a document in the place of another, or takes it away.
    pub(crate) fn set(&self, setting: Setting, document: Option<String>) -> Result<(), CosError> {
        let mut state = self.open()?;
        state.put_setting(setting, document.clone());
        let sequence = self.log.next_sequence();
        drop(state);
        self.log.write_as(sequence, || Change::Setting { bucket: self.name.clone(), setting, document })
    }

    /// Makes something the newest version of a key, unless `refuse` has a reason not to: it sees what is there now.
    pub(crate) fn commit(
        &self,
        key: &str,
        made: Made,
        refuse: impl FnOnce(&Occupant<'_>) -> Result<(), CosError>,
        now: SystemTime,
    ) -> Result<Committed, CosError> {
        let mut state = self.open()?;
        refuse(&state.occupant(key))?;
        let (version, _replaced) = self.insert(&mut state, key, made, false, now)?;
        let sequence = self.log.next_sequence();
        let committed = state.committed(version);
        drop(state);
        self.log_put(sequence, key, &committed.version, None)?;
        Ok(committed)
    }

    /// Asks a question of [`Bucket::commit`] early, before a body is read in vain.
    pub(crate) fn check<T>(
        &self,
        key: &str,
        ask: impl FnOnce(&Occupant<'_>) -> Result<T, CosError>,
    ) -> Result<T, CosError> {
        ask(&self.read().occupant(key))
    }

    /// The newest version, or the one with this id.
    pub(crate) fn find(&self, key: &str, id: Option<&str>) -> Result<Arc<Version>, NotFound> {
        let state = self.read();
        let versions = state.objects.get(key).map(Vec::as_slice).unwrap_or_default();
        Ok(Arc::clone(&versions[place_of(versions, id)?]))
    }

    /// Every version of a key and every delete marker, newest first.
    pub(crate) fn versions(&self, key: &str) -> Vec<Arc<Version>> {
        self.read().objects.get(key).cloned().unwrap_or_default()
    }

    /// Changes what is said of the newest version, or of the one with this id, which stays the one it is. Which that is
    /// by now, nobody else changes meanwhile.
    pub(crate) fn amend<T>(
        &self,
        key: &str,
        id: Option<&str>,
        change: impl FnOnce(&mut Version) -> Result<T, CosError>,
    ) -> Result<T, CosError> {
        let mut state = self.open()?;
        let versions = state.objects.get_mut(key).map(Vec::as_mut_slice).unwrap_or_default();
        let place = place_of(versions, id).map_err(|reason| reason.error())?;
        let mut amended = Version::clone(&versions[place]);
        let outcome = change(&mut amended)?;
        let amended = Arc::new(amended);
        versions[place] = Arc::clone(&amended);
        let sequence = self.log.next_sequence();
        drop(state);
        self.log.write_as(sequence, || Change::Amend {
            bucket: self.name.clone(),
            key: key.to_owned(),
            version: Box::new(StoredVersion::of(&amended)),
        })?;
        Ok(outcome)
    }

    /// Removes a version, or puts a delete marker on top, or removes the object, as versioning says.
    pub(crate) fn delete(&self, key: &str, id: Option<&str>, now: SystemTime) -> Result<Deleted, CosError> {
        let mut state = self.open()?;
        if id.is_none() && state.versioning != Versioning::Unset {
            let (marker, _replaced) = self.insert(&mut state, key, Made::default(), true, now)?;
            let sequence = self.log.next_sequence();
            drop(state);
            self.log_put(sequence, key, &marker, None)?;
            return Ok(Deleted { version_id: Some(marker.id()), marker: true });
        }
        let id = id.unwrap_or("null");
        let versions = state.objects.get(key).map(Vec::as_slice).unwrap_or_default();
        versions
            .iter()
            .filter(|version| version.has_id(id))
            .try_for_each(|version| lock::refuse_locked(version, now))?;
        let removed = remove(&mut state, key, |version| version.has_id(id));
        let version_id = (state.versioning != Versioning::Unset).then(|| id.to_owned());
        let sequence = self.log.next_sequence();
        drop(state);
        if let Some(removed) = &removed {
            self.log.write_as(sequence, || Change::Remove {
                bucket: self.name.clone(),
                key: key.to_owned(),
                micros: removed.micros,
            })?;
        }
        Ok(Deleted { version_id, marker: removed.is_some_and(|removed| removed.marker) })
    }

    /// Puts a version on top of a key; a `null` one takes the place of the last, which is given back.
    pub(super) fn insert(
        &self,
        state: &mut State,
        key: &str,
        mut made: Made,
        marker: bool,
        now: SystemTime,
    ) -> Result<(Arc<Version>, Option<Arc<Version>>), CosError> {
        let null = state.versioning != Versioning::Enabled;
        let versions = state.objects.get(key).map(Vec::as_slice).unwrap_or_default();
        let overwritten = versions.iter().find(|old| null && old.null);
        overwritten.map_or(Ok(()), |old| lock::refuse_locked(old, now))?;
        if !marker && made.draft.locked_until.is_none() {
            made.draft.locked_until =
                lock::default_until(state.settings.get(&Setting::ObjectLock).map(|it| &**it), now);
        }
        let version = Arc::new(Version { micros: self.log.next_micros(now), null, marker, made, restoring: None });
        let replaced = push(state, key, Arc::clone(&version));
        Ok((version, replaced))
    }

    /// Writes a version down, and the upload that it came from as gone.
    pub(super) fn log_put(
        &self,
        sequence: u64,
        key: &str,
        version: &Arc<Version>,
        upload: Option<&str>,
    ) -> Result<(), CosError> {
        self.log.write_as(sequence, || Change::Put {
            bucket: self.name.clone(),
            key: key.to_owned(),
            version: Box::new(StoredVersion::of(version)),
            upload: upload.map(str::to_owned),
        })
    }

    /// Refuses everything from now on, if nothing is in it: no object, no version, no unfinished upload.
    pub(crate) fn close(&self) -> Result<(), CosError> {
        let mut state = self.write();
        if !state.objects.is_empty() || !state.uploads.is_empty() {
            return Err(CosError::new(409, "BucketNotEmpty", "The bucket you tried to delete is not empty."));
        }
        state.closed = true;
        Ok(())
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// To change something: not once the bucket is deleted, or its successor of the same name would show it after a restart.
    pub(super) fn open(&self) -> Result<RwLockWriteGuard<'_, State>, CosError> {
        let state = self.write();
        if state.closed { Err(CosError::no_such_bucket()) } else { Ok(state) }
    }
}

/// What a key has, for those who must know before they write to it.
#[derive(Debug)]
pub(crate) struct Occupant<'a> {
    newest: Option<&'a Arc<Version>>,
    pub(crate) versioning: Versioning,
}

impl<'a> Occupant<'a> {
    /// The object there is; a delete marker is none.
    pub(crate) fn object(&self) -> Option<&'a Arc<Version>> {
        self.newest.filter(|newest| !newest.marker)
    }

    /// Refuses to overwrite an object, if the request says so. A bucket that has had versioning ignores that.
    pub(crate) fn guard(&self, forbid_overwrite: bool) -> Result<(), CosError> {
        if forbid_overwrite && self.versioning == Versioning::Unset && self.newest.is_some() {
            let message = "The file already exists, and overwriting it is forbidden.";
            return Err(CosError::new(409, "FileAlreadyExists", message));
        }
        Ok(())
    }
}

impl State {
    fn put_setting(&mut self, setting: Setting, document: Option<String>) {
        match document {
            Some(document) => drop(self.settings.insert(setting, document.into())),
            None => drop(self.settings.remove(&setting)),
        }
    }

    pub(super) fn occupant(&self, key: &str) -> Occupant<'_> {
        let newest = self.objects.get(key).and_then(|versions| versions.first());
        Occupant { newest, versioning: self.versioning }
    }

    pub(super) fn committed(&self, version: Arc<Version>) -> Committed {
        Committed { version, versioning: self.versioning }
    }
}

/// Puts a version on top, and gives back the one it replaces: dropping that deletes a file, better done without the lock.
#[must_use]
fn push(state: &mut State, key: &str, version: Arc<Version>) -> Option<Arc<Version>> {
    version.pieces.keep();
    // Looking up by reference first saves the copy of the key on every overwrite.
    let Some(versions) = state.objects.get_mut(key) else {
        state.objects.insert(key.to_owned(), vec![version]);
        return None;
    };
    let old = versions.iter().position(|old| version.null && old.null).map(|at| versions.remove(at));
    if let Some(old) = &old {
        old.pieces.doom();
    }
    versions.insert(0, version);
    old
}

/// Of `a/b/c` these are `a/b/` and `a/`, of `a/b/` it is `a/`.
fn directories(key: &str) -> impl Iterator<Item = &str> {
    let name = key.strip_suffix('/').unwrap_or(key);
    name.rmatch_indices('/').map(|(at, _)| &name[..=at])
}

/// Where the newest of them is, or the one with this id.
fn place_of(versions: &[Arc<Version>], id: Option<&str>) -> Result<usize, NotFound> {
    let place = match id {
        None => versions.first().map(|_| 0).ok_or(NotFound::Key)?,
        Some(id) => versions.iter().position(|version| version.has_id(id)).ok_or(NotFound::Version)?,
    };
    if versions[place].marker {
        return Err(NotFound::Marker { id: versions[place].id() });
    }
    Ok(place)
}

fn remove(state: &mut State, key: &str, which: impl Fn(&Version) -> bool) -> Option<Arc<Version>> {
    let versions = state.objects.get_mut(key)?;
    let removed = versions.remove(versions.iter().position(|version| which(version))?);
    removed.pieces.doom();
    if versions.is_empty() {
        state.objects.remove(key);
    }
    Some(removed)
}

/// Persistence: the same changes, from the index and to it.
impl Bucket {
    pub(crate) fn restore(&self, key: &str, version: Version) {
        drop(push(&mut self.write(), key, Arc::new(version)));
    }

    /// Its bytes are those of the version it takes the place of.
    pub(crate) fn restore_amended(&self, key: &str, version: Version) {
        let mut state = self.write();
        let versions = state.objects.get_mut(key).map(Vec::as_mut_slice).unwrap_or_default();
        let Some(place) = versions.iter_mut().find(|place| place.micros == version.micros) else { return };
        version.pieces.keep();
        let replaced = std::mem::replace(place, Arc::new(version));
        replaced.pieces.doom();
    }

    pub(crate) fn restore_versioning(&self, versioning: Versioning) {
        self.write().versioning = versioning;
    }

    pub(crate) fn restore_acl(&self, acl: Acl) {
        self.write().acl = acl;
    }

    pub(crate) fn restore_setting(&self, setting: Setting, document: Option<String>) {
        self.write().put_setting(setting, document);
    }

    pub(crate) fn forget(&self, key: &str, micros: u64) {
        remove(&mut self.write(), key, |version| version.micros == micros);
    }

    /// The changes that make this bucket from nothing.
    pub(crate) fn dump(&self, lines: &mut Vec<Line>) {
        let (name, region) = (self.name.clone(), self.region.clone());
        let state = self.read();
        let (created, versioning, acl) = (self.created, state.versioning, state.acl.clone());
        let mut push = |change| lines.push(Line { sequence: 0, change });
        push(Change::Bucket { name, region, created, versioning, acl });
        for (&setting, document) in &state.settings {
            push(Change::Setting { bucket: self.name.clone(), setting, document: Some(document.to_string()) });
        }
        for (&kind, documents) in &state.named {
            for (id, document) in documents {
                let (id, document) = (id.clone(), Some(document.to_string()));
                push(Change::Named { bucket: self.name.clone(), kind, id, document });
            }
        }
        for (key, versions) in &state.objects {
            for version in versions.iter().rev() {
                let version = Box::new(StoredVersion::of(version));
                push(Change::Put { bucket: self.name.clone(), key: key.clone(), version, upload: None });
            }
        }
        for ((key, id), upload) in &state.uploads {
            upload.dump(&self.name, key, id, &mut push);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Store;
    use super::*;

    #[test]
    fn nothing_changes_in_a_bucket_that_is_deleted() {
        let store = Store::open(None).unwrap();
        store.create_bucket("b-1", "ap-guangzhou", Versioning::Enabled, Acl::default(), UNIX_EPOCH).unwrap();
        let held = store.bucket("b-1").unwrap();
        store.delete_bucket("b-1").unwrap();
        let refusals = [
            held.delete("k", None, UNIX_EPOCH).unwrap_err(),
            held.set_versioning(Versioning::Suspended).unwrap_err(),
            held.set(Setting::Cors, None).unwrap_err(),
            held.commit("k", Made::default(), |_| Ok(()), UNIX_EPOCH).unwrap_err(),
        ];
        assert!(refusals.iter().all(|refusal| refusal.code == "NoSuchBucket"), "{refusals:?}");
    }
}
