//! Unfinished uploads: parts that come in any order, and become an object together or not at all.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use super::blob::Content;
use super::bucket::{Bucket, Committed, Draft, Kind, Made, State};
use super::crc;
use super::index::{Change, StoredDraft, StoredPart};
use super::pieces::Pieces;
use crate::error::CosError;
use crate::ids::{self, Ids};

/// An upload between Initiate and Complete or Abort.
#[derive(Clone, Debug)]
pub(crate) struct Multipart {
    /// Microseconds since 1970.
    pub(crate) started: u64,
    /// All there is to say about the object: Complete adds nothing.
    pub(crate) draft: Draft,
    pub(crate) parts: BTreeMap<u32, Arc<Part>>,
}

/// A part as it was sent last.
#[derive(Debug)]
pub(crate) struct Part {
    /// When it came, in microseconds since 1970.
    pub(crate) micros: u64,
    pub(crate) pieces: Pieces,
    pub(crate) size: u64,
    /// With quotes.
    pub(crate) etag: String,
    pub(crate) crc64: u64,
}

impl Multipart {
    pub(super) fn new(started: u64, draft: Draft) -> Self {
        Self { started, draft, parts: BTreeMap::new() }
    }

    /// Puts a part in, and gives back the one it replaces.
    pub(super) fn put(&mut self, number: u32, part: Arc<Part>) -> Option<Arc<Part>> {
        part.pieces.keep();
        let replaced = self.parts.insert(number, part);
        if let Some(replaced) = &replaced {
            replaced.pieces.doom();
        }
        replaced
    }

    /// The parts of a list that names each by its number and its `ETag`, one number after the other, all others left out.
    fn pick(&self, listed: &[(u32, String)], smallest: u64) -> Result<Vec<Arc<Part>>, CosError> {
        if !listed.is_sorted_by(|(one, _), (next, _)| one < next) {
            let message = "The list of parts was not in ascending order: parts must be listed by their numbers.";
            return Err(CosError::new(400, "InvalidPartOrder", message));
        }
        if listed.windows(2).any(|pair| pair[0].0 + 1 != pair[1].0) {
            return Err(CosError::new(400, "InvalidPart", "The numbers of the parts do not follow on one another."));
        }
        let mut parts = Vec::with_capacity(listed.len());
        for (number, etag) in listed {
            let part = self.parts.get(number).filter(|part| part.etag.trim_matches('"') == etag.trim_matches('"'));
            parts.push(Arc::clone(part.ok_or_else(|| {
                let message = "One or more of the specified parts could not be found, or its ETag did not match.";
                CosError::new(400, "InvalidPart", message).with("PartNumber", number.to_string())
            })?));
        }
        let all_but_last = parts.len().saturating_sub(1);
        if let Some(at) = parts[..all_but_last].iter().position(|part| part.size < smallest) {
            let message = "Your proposed upload is smaller than the minimum allowed size of a part.";
            return Err(CosError::new(400, "EntityTooSmall", message).with("PartNumber", listed[at].0.to_string()));
        }
        Ok(parts)
    }

    /// The changes that make this upload from nothing.
    pub(super) fn dump(&self, bucket: &str, key: &str, id: &str, push: &mut impl FnMut(Change)) {
        push(self.initiation(bucket, key, id));
        for (&number, part) in &self.parts {
            push(part_change(bucket, key, id, number, part));
        }
    }

    fn initiation(&self, bucket: &str, key: &str, id: &str) -> Change {
        let (bucket, key, id) = (bucket.to_owned(), key.to_owned(), id.to_owned());
        Change::Initiate { bucket, key, id, started: self.started, draft: Box::new(StoredDraft::of(&self.draft)) }
    }
}

fn part_change(bucket: &str, key: &str, id: &str, number: u32, part: &Part) -> Change {
    let (bucket, key, id) = (bucket.to_owned(), key.to_owned(), id.to_owned());
    Change::Part { bucket, key, id, number, part: StoredPart::of(part) }
}

fn no_such_upload() -> CosError {
    let message = "The specified multipart upload does not exist. It may have been completed or aborted.";
    CosError::new(404, "NoSuchUpload", message)
}

fn place(key: &str, id: &str) -> (String, String) {
    (key.to_owned(), id.to_owned())
}

impl State {
    /// Takes an upload out. Its files go once it is dropped, better without the lock.
    fn remove_upload(&mut self, key: &str, id: &str) -> Option<Multipart> {
        let upload = self.uploads.remove(&place(key, id))?;
        upload.parts.values().for_each(|part| part.pieces.doom());
        Some(upload)
    }
}

impl Bucket {
    /// Begins an upload, and gives it an id.
    pub(crate) fn initiate(&self, key: &str, draft: Draft, ids: &Ids, now: SystemTime) -> Result<String, CosError> {
        let mut state = self.open()?;
        let started = self.log.next_micros(now);
        let id = ids.upload(started);
        let upload = Multipart::new(started, draft);
        let initiation = upload.initiation(&self.name, key, &id);
        state.uploads.insert(place(key, &id), upload);
        let sequence = self.log.next_sequence();
        drop(state);
        self.log.write_as(sequence, || initiation)?;
        Ok(id)
    }

    /// An upload as it stands.
    pub(crate) fn upload(&self, key: &str, id: &str) -> Result<Multipart, CosError> {
        self.read().uploads.get(&place(key, id)).cloned().ok_or_else(no_such_upload)
    }

    /// What was said when it began. Refuses an upload that is not there, before a body is read in vain.
    pub(crate) fn upload_draft(&self, key: &str, id: &str) -> Result<Draft, CosError> {
        self.read().uploads.get(&place(key, id)).map(|upload| upload.draft.clone()).ok_or_else(no_such_upload)
    }

    /// Every unfinished upload, by key and time.
    pub(crate) fn uploads(&self) -> Vec<(String, String, Multipart)> {
        let state = self.read();
        state.uploads.iter().map(|((key, id), upload)| (key.clone(), id.clone(), upload.clone())).collect()
    }

    /// Puts a part in the place of the one with its number.
    pub(crate) fn put_part(
        &self,
        key: &str,
        id: &str,
        number: u32,
        content: Content,
        now: SystemTime,
    ) -> Result<Arc<Part>, CosError> {
        let mut state = self.write();
        let upload = state.uploads.get_mut(&place(key, id)).ok_or_else(no_such_upload)?;
        let part = Arc::new(Part {
            micros: ids::unix_micros(now),
            pieces: content.pieces,
            size: content.size,
            etag: format!("\"{}\"", hex::encode(content.md5)),
            crc64: content.crc64,
        });
        let _replaced = upload.put(number, Arc::clone(&part));
        let sequence = self.log.next_sequence();
        drop(state);
        self.log.write_as(sequence, || part_change(&self.name, key, id, number, &part))?;
        Ok(part)
    }

    /// Makes an object of the listed parts, which share its bytes, and forgets the upload with all others.
    pub(crate) fn complete(
        &self,
        key: &str,
        id: &str,
        order: &Completion<'_>,
        now: SystemTime,
    ) -> Result<Committed, CosError> {
        let mut state = self.open()?;
        let upload = state.uploads.get(&place(key, id)).ok_or_else(no_such_upload)?;
        let parts = upload.pick(order.parts, order.smallest)?;
        state.occupant(key).guard(order.forbid_overwrite)?;
        let mut made = Made {
            etag: format!("\"{}-{}\"", order.etag, parts.len()),
            draft: upload.draft.clone(),
            kind: Kind::Normal,
            crc64: Some(0),
            ..Made::default()
        };
        for part in &parts {
            made.pieces.append(&part.pieces);
            made.size += part.size;
            made.crc64 = made.crc64.map(|crc| crc::combine(crc, part.crc64, part.size));
        }
        let (version, _replaced) = self.insert(&mut state, key, made, false, now)?;
        let _upload = state.remove_upload(key, id);
        let sequence = self.log.next_sequence();
        let committed = state.committed(version);
        drop(state);
        self.log_put(sequence, key, &committed.version, Some(id))?;
        Ok(committed)
    }

    /// Forgets an upload and its parts.
    pub(crate) fn abort(&self, key: &str, id: &str) -> Result<(), CosError> {
        let mut state = self.write();
        let _upload = state.remove_upload(key, id).ok_or_else(no_such_upload)?;
        let sequence = self.log.next_sequence();
        drop(state);
        let (bucket, key, id) = (self.name.clone(), key.to_owned(), id.to_owned());
        self.log.write_as(sequence, || Change::Abort { bucket, key, id })
    }
}

/// How an upload is to be completed.
#[derive(Debug)]
pub(crate) struct Completion<'a> {
    /// Number and `ETag` of each part, quotes or not.
    pub(crate) parts: &'a [(u32, String)],
    /// The least size of every part but the last.
    pub(crate) smallest: u64,
    pub(crate) forbid_overwrite: bool,
    /// 32 hex digits that mean nothing, as those of the service.
    pub(crate) etag: &'a str,
}

/// Persistence: the same changes, from the index.
impl Bucket {
    pub(super) fn restore_upload(&self, key: &str, id: &str, upload: Multipart) {
        self.write().uploads.insert(place(key, id), upload);
    }

    pub(super) fn restore_part(&self, key: &str, id: &str, number: u32, part: Part) {
        if let Some(upload) = self.write().uploads.get_mut(&place(key, id)) {
            drop(upload.put(number, Arc::new(part)));
        }
    }

    pub(super) fn forget_upload(&self, key: &str, id: &str) {
        drop(self.write().remove_upload(key, id));
    }
}
