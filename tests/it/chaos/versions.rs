//! A bucket that keeps versions: nothing is lost, and nothing comes twice that nobody told of.
//!
//! Each call is compared with what the bucket had before it and has after it.

use bytes::Bytes;
use cos_emulator::{Emulator, StoredObject};
use futures_util::TryStreamExt as _;
use tencent_cos::transfer::{Download, LargeCopy, Upload};
use tencent_cos::{
    Bucket, CopyObject, CopySource, Crc64, DeleteKey, DeleteObject, DeleteObjects, Error, GetBucketVersioning,
    GetObject, HeadObject, ListObjectVersions, PutBucketVersioning, PutObject, Result, Versioning,
};

use super::weather::{PAUSED, Weather, faults};
use super::{MIB, key};
use crate::download::Kept;
use crate::support::{InMemory, Random, full, noise};

const KEYS: [&str; 3] = ["a", "b/c", "目录/g h"];
/// A single request is sent so often at most.
const ATTEMPTS: usize = 4;
/// The id of a version that there is none of.
const LONG_AGO: &str = "MTg0NDUxNDQwNzM3MDk1NTE2MTU";

/// A version of a key, or a marker.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Version {
    id: String,
    /// A marker has none.
    content: Option<Content>,
}

/// Bytes, by their number and CRC-64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Content(u64, u64);

impl Content {
    fn of(bytes: &Bytes) -> Self {
        Self(bytes.len() as u64, Crc64::of(bytes))
    }
}

impl From<StoredObject> for Version {
    fn from(stored: StoredObject) -> Self {
        let content = || Content(stored.size(), stored.crc64().expect("a checksum"));
        Self { id: stored.version_id(), content: (!stored.is_delete_marker()).then(content) }
    }
}

struct Versions {
    emulator: Emulator,
    bucket: Bucket,
    random: Random,
    story: Vec<String>,
    succeeded: u64,
    failed: u64,
}

/// What was there of a key, newest first, and what is there now.
struct Change {
    before: Vec<Version>,
    after: Vec<Version>,
}

impl Change {
    fn added(&self) -> Vec<&Version> {
        self.after.iter().filter(|version| !self.before.contains(version)).collect()
    }

    fn removed(&self) -> Vec<&Version> {
        self.before.iter().filter(|version| !self.after.contains(version)).collect()
    }
}

impl Versions {
    async fn new(seed: u64) -> Self {
        let rig = InMemory::new();
        let bucket = rig.bucket();
        bucket.send(PutBucketVersioning::new(Versioning::Enabled)).await.expect("versions are kept");
        Self { emulator: rig.emulator, bucket, random: Random(seed), story: Vec::new(), succeeded: 0, failed: 0 }
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.random.below(end as u64)).expect("less than that")
    }

    fn any_key(&mut self) -> &'static str {
        KEYS[self.below(KEYS.len())]
    }

    fn there(&self, name: &str) -> Vec<Version> {
        self.emulator.versions(self.emulator.bucket(), name).into_iter().map(Version::from).collect()
    }

    fn told(&self) -> String {
        self.story.join("\n")
    }

    fn note<T>(&mut self, result: &Result<T>) {
        match result {
            Ok(_) => self.succeeded += 1,
            Err(error) => {
                self.failed += 1;
                assert!(error.status() != Some(403) || error.request_id().is_none(), "{error:#}\n{}", self.told());
                self.story.push(format!("  {error:#} (may have taken effect: {})", error.may_have_taken_effect()));
            }
        }
    }

    /// What a write of `content`, or of a marker, has added: at most so many of them, none without a word. `told` is the
    /// version a success named.
    fn wrote(&self, change: &Change, content: Option<Content>, result: Result<Option<&str>, &Error>, most: usize) {
        let (added, removed, story) = (change.added(), change.removed(), self.told());
        assert!(added.iter().all(|version| version.content == content), "{added:?}\n{story}");
        assert!(added.len() <= most, "{} were added\n{story}", added.len());
        // Where versions are suspended, the version `null` makes room.
        assert!(removed.iter().all(|version| version.id == "null"), "{removed:?} went\n{story}");
        match result {
            Ok(told) => {
                let newest = change.after.first().expect("what was written is there");
                assert!(newest.content == content, "the newest is not what was written\n{story}");
                // Not every answer tells of `null`.
                let untold = told.is_none() && newest.id == "null";
                assert!(untold || told == Some(newest.id.as_str()), "{told:?} is {newest:?}\n{story}");
            }
            Err(error) if !error.may_have_taken_effect() => {
                assert!(added.is_empty() && removed.is_empty(), "{added:?} came, {removed:?} went\n{story}");
            }
            Err(_) => {}
        }
    }

    /// One of the versions, or one that there is none of.
    fn any_version(&mut self, name: &str) -> (String, Option<Version>) {
        let there = self.there(name);
        let index = self.below(there.len() + 1);
        match there.get(index) {
            Some(version) => (version.id.clone(), Some(version.clone())),
            None => (LONG_AGO.to_owned(), None),
        }
    }

    async fn step(&mut self) {
        let (name, choice) = (self.any_key(), self.random.below(100));
        self.story.push(format!("{choice} {name}"));
        match choice {
            0..25 => self.put(name).await,
            25..35 => self.upload(name).await,
            35..47 => self.hide(name).await,
            47..57 => self.delete_version(name).await,
            57..64 => self.delete_two(name).await,
            64..76 => self.read(name).await,
            76..88 => self.copy(name).await,
            88..96 => self.list().await,
            _ => self.switch().await,
        }
    }

    async fn put(&mut self, name: &'static str) {
        let (length, before) = (self.below(3_000), self.there(name));
        let content = noise(length, self.random.next());
        let mut put = PutObject::new(key(name), content.clone());
        if self.below(3) == 0 {
            // Ignored where versions are kept.
            put = put.forbid_overwrite();
        }
        let result = self.bucket.send(put).await;
        self.note(&result);
        let change = Change { before, after: self.there(name) };
        let most = result.as_ref().map_or(ATTEMPTS, |output| output.attempts as usize);
        self.wrote(
            &change,
            Some(Content::of(&content)),
            result.as_ref().map(|output| output.version_id.as_deref()),
            most,
        );
    }

    async fn upload(&mut self, name: &'static str) {
        let (length, before) = (MIB + self.random.below(2 * MIB), self.there(name));
        let content = noise(usize::try_from(length).expect("it is small"), self.random.next());
        let result = self.bucket.transfer(Upload::new(key(name), content.clone()).part_size(MIB)).await;
        self.note(&result);
        let change = Change { before, after: self.there(name) };
        let most = if length > MIB { 1 } else { ATTEMPTS };
        self.wrote(
            &change,
            Some(Content::of(&content)),
            result.as_ref().map(|output| output.version_id.as_deref()),
            most,
        );
    }

    /// A delete without version.
    async fn hide(&mut self, name: &'static str) {
        let before = self.there(name);
        let result = self.bucket.delete(name).await;
        self.note(&result);
        let change = Change { before, after: self.there(name) };
        self.wrote(&change, None, result.as_ref().map(|output| output.version_id.as_deref()), 1);
    }

    async fn delete_version(&mut self, name: &'static str) {
        let (id, version) = self.any_version(name);
        let before = self.there(name);
        let result = self.bucket.send(DeleteObject::new(key(name)).version_id(&id)).await;
        self.note(&result);
        let change = Change { before, after: self.there(name) };
        self.removed(&change, &id, version.is_some(), result.as_ref().err());
    }

    fn removed(&self, change: &Change, id: &str, was_there: bool, error: Option<&Error>) {
        let (added, removed, story) = (change.added(), change.removed(), self.told());
        assert!(added.is_empty(), "{added:?} were added\n{story}");
        assert!(removed.iter().all(|version| version.id == id), "{removed:?} in place of {id}\n{story}");
        match error {
            None => assert_eq!(removed.len(), usize::from(was_there), "{story}"),
            Some(error) if !error.may_have_taken_effect() => assert!(removed.is_empty(), "{removed:?}\n{story}"),
            Some(_) => {}
        }
    }

    /// A version of one key, and another key as it is.
    async fn delete_two(&mut self, name: &'static str) {
        let Some(other) = KEYS.into_iter().find(|other| *other != name) else { return };
        let (id, version) = self.any_version(name);
        let (before, before_other) = (self.there(name), self.there(other));
        let delete = DeleteObjects::new([DeleteKey::new(name).version_id(&id), DeleteKey::new(other)]);
        let result = self.bucket.send(delete).await;
        self.note(&result);
        let change = Change { before, after: self.there(name) };
        self.removed(&change, &id, version.is_some(), result.as_ref().err());
        let change = Change { before: before_other, after: self.there(other) };
        let marker = result.as_ref().map(|output| {
            assert!(output.failed.is_empty(), "{output:?}\n{}", self.told());
            let deleted = output.deleted.iter().find(|deleted| deleted.key == other).expect("it is told of");
            deleted.delete_marker_version_id.as_deref()
        });
        self.wrote(&change, None, marker, 1);
    }

    /// A version, or the newest.
    async fn read(&mut self, name: &'static str) {
        let (id, mut version) = self.any_version(name);
        let newest = self.below(3) == 0;
        if newest {
            version = self.there(name).first().cloned();
        }
        let way = self.below(3);
        let result = match way {
            0 => {
                let get = GetObject::new(key(name));
                match self.bucket.send(if newest { get } else { get.version_id(&id) }).await {
                    Ok(object) => object.bytes(4 << 20).await.map(Some),
                    Err(error) => Err(error),
                }
            }
            1 => {
                let head = HeadObject::new(key(name));
                self.bucket.send(if newest { head } else { head.version_id(&id) }).await.map(|meta| {
                    let length = meta.content_length();
                    assert_eq!(meta.version_id(), version.as_ref().map(|it| it.id.as_str()), "{}", self.told());
                    assert_eq!(length, version.as_ref().and_then(|it| it.content).map(|it| it.0));
                    None
                })
            }
            _ => {
                let (kept, download) = (Kept::default(), Download::new(key(name)).part_size(MIB));
                let download = if newest { download } else { download.version_id(&id) };
                let result = self.bucket.transfer(download.to_writer(kept.clone())).await;
                result.map(|_| Some(kept.bytes()))
            }
        };
        self.note(&result);
        let content = version.and_then(|version| version.content);
        match result {
            Ok(Some(bytes)) => assert!(Some(Content::of(&bytes)) == content, "{} bytes\n{}", bytes.len(), self.told()),
            Err(error) if matches!(error.code(), Some("NoSuchKey" | "NoSuchVersion")) => {
                assert!(content.is_none(), "it is there\n{}", self.told());
            }
            Ok(None) | Err(_) => {}
        }
    }

    async fn copy(&mut self, from: &'static str) {
        let (to, (id, version)) = (self.any_key(), self.any_version(from));
        let before = self.there(to);
        let large = self.below(2) == 0;
        let result = if large {
            let copy = LargeCopy::new(key(from), key(to)).source_version_id(&id).part_size(MIB);
            self.bucket.transfer(copy).await.map(|output| output.version_id)
        } else {
            let source = CopySource::new(self.bucket.region(), self.bucket.name(), &key(from)).version_id(&id);
            self.bucket.send(CopyObject::new(source, key(to))).await.map(|output| {
                assert_eq!(output.source_version_id.as_deref(), Some(id.as_str()), "{}", self.told());
                output.version_id
            })
        };
        self.note(&result);
        let change = Change { before, after: self.there(to) };
        let Some(Version { content: Some(content), .. }) = version else {
            assert!(result.is_err() && change.added().is_empty(), "a copy of nothing\n{}", self.told());
            return;
        };
        self.wrote(&change, Some(content), result.as_ref().map(Option::as_deref), ATTEMPTS);
    }

    async fn list(&mut self) {
        let pages = ListObjectVersions::new().max_keys(1 + u32::try_from(self.random.below(6)).expect("it is small"));
        let result: Result<Vec<_>> = self.bucket.pages(pages).try_collect().await;
        self.note(&result);
        let Ok(pages) = result else { return };
        let listed: Vec<_> = pages.into_iter().flat_map(|page| page.versions).collect();
        let listed: Vec<_> = listed
            .iter()
            .map(|it| (it.key.as_str(), it.version_id.clone(), it.is_latest, it.is_delete_marker, it.size))
            .collect();
        let mut there = Vec::new();
        for name in KEYS {
            for (index, version) in self.there(name).into_iter().enumerate() {
                let (marker, size) = (version.content.is_none(), version.content.map_or(0, |it| it.0));
                there.push((name, Some(version.id), index == 0, marker, size));
            }
        }
        assert!(listed == there, "{listed:?}\nin place of\n{there:?}\n{}", self.told());
    }

    async fn switch(&mut self) {
        let versioning = if self.below(3) == 0 { Versioning::Suspended } else { Versioning::Enabled };
        let before: Vec<_> = KEYS.map(|name| self.there(name)).into();
        let result = self.bucket.send(PutBucketVersioning::new(versioning.clone())).await;
        self.note(&result);
        let is = self.bucket.send(GetBucketVersioning::new()).await;
        self.note(&is);
        if let (Ok(_), Ok(is)) = (result, is) {
            assert_eq!(is, Some(versioning), "{}", self.told());
        }
        assert!(before == KEYS.map(|name| self.there(name)), "versions changed\n{}", self.told());
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_call_says_of_versions_is_so() {
    let seed = Random::seed();
    println!("COS_SEED={seed}");
    let worlds = if full() { 100 } else { 4 };
    let (mut succeeded, mut failed) = (0, 0);
    for number in 0..worlds {
        let mut versions = Versions::new(seed.wrapping_add(number)).await;
        for step in 0..120 {
            if step % 10 == 0 {
                let part = [0.05, 0.2, 0.5][versions.below(3)];
                faults(&versions.emulator, &mut versions.random, Weather::Honest, PAUSED, part);
            }
            versions.step().await;
        }
        succeeded += versions.succeeded;
        failed += versions.failed;
    }
    println!("{succeeded} calls succeeded, {failed} failed");
    assert!(succeeded > 20 * worlds && failed > 5 * worlds, "{succeeded} and {failed}");
}
