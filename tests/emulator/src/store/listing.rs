//! Walks through a bucket in byte order: its objects, all their versions, its unfinished uploads.
//!
//! Groups are skipped by seeking past them, so the cost is that of the answer, not of the keys under a prefix. A marker
//! that is itself a common prefix, as the next marker of a page may be, skips everything under it.

use std::ops::Bound;
use std::sync::Arc;

use super::bucket::{Bucket, Version};
use crate::ids;

/// What every listing asks.
#[derive(Clone, Debug, Default)]
pub(crate) struct ListQuery<'a> {
    pub(crate) prefix: &'a str,
    pub(crate) delimiter: Option<&'a str>,
    /// The listing goes on behind this key or common prefix.
    pub(crate) marker: &'a str,
    /// The listing goes on within the versions or the uploads of the marker's key, behind this one.
    pub(crate) id_marker: Option<&'a str>,
    pub(crate) limit: usize,
}

/// A line of a listing: a common prefix, or something under a key.
#[derive(Clone, Debug)]
pub(crate) enum Entry<T> {
    Item(String, T),
    Prefix(String),
}

impl<T> Entry<T> {
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Item(name, _) | Self::Prefix(name) => name,
        }
    }
}

/// A page, and whether there are more.
pub(crate) type Page<T> = (Vec<Entry<T>>, bool);

/// A version in a listing of versions.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) version: Arc<Version>,
    pub(crate) latest: bool,
}

/// An unfinished upload in a listing of uploads.
#[derive(Clone, Debug)]
pub(crate) struct ListedUpload {
    pub(crate) id: String,
    /// Microseconds since 1970.
    pub(crate) started: u64,
    pub(crate) storage_class: String,
}

impl Bucket {
    pub(crate) fn list(&self, query: &ListQuery<'_>) -> Page<Arc<Version>> {
        let state = self.read();
        let mut entries = Vec::new();
        let mut from = query.start();
        loop {
            let next = state.objects.range::<str, _>((from.as_ref().map(String::as_str), Bound::Unbounded)).next();
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
                entries.push(Entry::Item(key.clone(), Arc::clone(version)));
                from = Bound::Excluded(key.clone());
            }
        }
    }

    /// Versions and delete markers: keys in byte order, the versions of each from the newest to the oldest.
    pub(crate) fn list_versions(&self, query: &ListQuery<'_>) -> Page<Listed> {
        let state = self.read();
        let mut entries = Vec::new();
        let mut from = query.start();
        let mut skip = 0;
        if let (Some(id), Bound::Excluded(key)) = (query.id_marker, &from) {
            let versions = state.objects.get(key).map(Vec::as_slice).unwrap_or_default();
            skip = behind(versions, id);
            from = Bound::Included(key.clone());
        }
        loop {
            let next = state.objects.range::<str, _>((from.as_ref().map(String::as_str), Bound::Unbounded)).next();
            let Some((key, versions)) = next.filter(|(key, _)| key.starts_with(query.prefix)) else {
                return (entries, false);
            };
            if let Some(group) = query.group(key) {
                if entries.len() == query.limit {
                    return (entries, true);
                }
                entries.push(Entry::Prefix(group.to_owned()));
                from = after_group(group);
                continue;
            }
            let skip = if key == query.marker { skip } else { 0 };
            for (at, version) in versions.iter().enumerate().skip(skip) {
                if entries.len() == query.limit {
                    return (entries, true);
                }
                let listed = Listed { version: Arc::clone(version), latest: at == 0 };
                entries.push(Entry::Item(key.clone(), listed));
            }
            from = Bound::Excluded(key.clone());
        }
    }

    /// Unfinished uploads: keys in byte order, the uploads of each from the oldest to the newest.
    pub(crate) fn list_uploads(&self, query: &ListQuery<'_>) -> Page<ListedUpload> {
        let state = self.read();
        let mut entries = Vec::new();
        let mut from = match (query.start(), query.id_marker) {
            (Bound::Excluded(key), Some(id)) => Bound::Excluded((key, id.to_owned())),
            (start, _) => first_upload(start),
        };
        loop {
            let next = state.uploads.range((from.clone(), Bound::Unbounded)).next();
            let Some(((key, id), upload)) = next.filter(|((key, _), _)| key.starts_with(query.prefix)) else {
                return (entries, false);
            };
            if entries.len() == query.limit {
                return (entries, true);
            }
            if let Some(group) = query.group(key) {
                entries.push(Entry::Prefix(group.to_owned()));
                from = first_upload(after_group(group));
            } else {
                let storage_class = upload.draft.storage_class.clone();
                let listed = ListedUpload { id: id.clone(), started: upload.started, storage_class };
                entries.push(Entry::Item(key.clone(), listed));
                from = Bound::Excluded((key.clone(), id.clone()));
            }
        }
    }
}

impl ListQuery<'_> {
    fn start(&self) -> Bound<String> {
        if self.marker.is_empty() || self.marker < self.prefix {
            return Bound::Included(self.prefix.to_owned());
        }
        match self.group(self.marker) {
            Some(group) if group == self.marker => after_group(group),
            _ => Bound::Excluded(self.marker.to_owned()),
        }
    }

    /// The common prefix a key is rolled up into: up to and with the first delimiter after the prefix.
    fn group<'k>(&self, key: &'k str) -> Option<&'k str> {
        let delimiter = self.delimiter?;
        let rest = key.strip_prefix(self.prefix)?;
        let end = rest.find(delimiter)? + delimiter.len();
        Some(&key[..self.prefix.len() + end])
    }
}

/// How many versions a listing skips that goes on behind `id`, which may be gone by now.
fn behind(versions: &[Arc<Version>], id: &str) -> usize {
    if let Some(at) = versions.iter().position(|version| version.has_id(id)) {
        return at + 1;
    }
    let micros = ids::version_micros(id).unwrap_or_default();
    versions.iter().position(|version| version.micros < micros).unwrap_or(versions.len())
}

/// The first upload of a key, or of the key behind it.
fn first_upload(key: Bound<String>) -> Bound<(String, String)> {
    match key {
        Bound::Included(key) => Bound::Included((key, String::new())),
        Bound::Excluded(key) => Bound::Included((key + "\0", String::new())),
        Bound::Unbounded => Bound::Unbounded,
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
