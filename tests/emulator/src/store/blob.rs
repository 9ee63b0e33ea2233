//! Bytes: how they come in, where they stay, how they are read.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::{Bytes, BytesMut};
use md5::Md5;
use sha1::{Digest, Sha1};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::crc::{self, Crc64};
use super::pieces::Pieces;

/// Objects up to this size are kept in memory while there is room.
const SMALL: usize = 64 * 1024;

/// Room for small objects. Beyond it they go to disk like the others.
const ROOM: usize = 256 * 1024 * 1024;

/// Bytes gathered before they are hashed and written off the async threads.
const BATCH: usize = 1024 * 1024;

/// The folder that bytes are kept in.
#[derive(Debug)]
pub(crate) struct Disk {
    place: Place,
    next: AtomicU64,
    room: Arc<AtomicUsize>,
    /// Blobs by number while the index is read: several objects may share one.
    known: Mutex<HashMap<u64, Arc<Blob>>>,
}

#[derive(Debug)]
enum Place {
    /// Made when the first file is, as most tests need none; removed on drop.
    Temporary(OnceLock<TempDir>),
    /// Objects outlive the process. The lock keeps other processes out while this one lives.
    Data { folder: PathBuf, _lock: File },
}

impl Disk {
    pub(crate) fn open(data: Option<&Path>) -> io::Result<Self> {
        let place = match data {
            None => Place::Temporary(OnceLock::new()),
            Some(data) => {
                fs::create_dir_all(data.join("blobs"))?;
                let lock = File::create(data.join("lock"))?;
                lock.try_lock().map_err(|_| io::Error::other("another emulator uses this folder"))?;
                Place::Data { folder: data.to_owned(), _lock: lock }
            }
        };
        Ok(Self { place, next: AtomicU64::new(1), room: Arc::new(AtomicUsize::new(ROOM)), known: Mutex::default() })
    }

    fn blobs(&self) -> io::Result<PathBuf> {
        let folder = match &self.place {
            Place::Data { folder, .. } => folder,
            Place::Temporary(made) => {
                if made.get().is_none() {
                    // If two make one at once, the loser's is dropped, and so removed.
                    let _ = made.set(TempDir::with_prefix("cos-emulator-")?);
                }
                made.get().ok_or(io::ErrorKind::NotFound)?.path()
            }
        };
        Ok(folder.join("blobs"))
    }

    /// Whether an object must be on disk to outlive the process.
    fn is_lasting(&self) -> bool {
        matches!(self.place, Place::Data { .. })
    }

    /// Ends the reading of an index. Removes blobs that no object refers to: uploads that a crash interrupted.
    pub(crate) fn keep_only(&self, numbers: &[u64]) -> io::Result<()> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let keep: HashSet<u64> = numbers.iter().copied().collect();
        for folder in fs::read_dir(self.blobs()?)? {
            for file in fs::read_dir(folder?.path())? {
                let file = file?;
                let number = file.file_name().to_str().and_then(|name| name.parse::<u64>().ok());
                if !number.is_some_and(|number| keep.contains(&number)) {
                    fs::remove_file(file.path())?;
                }
            }
        }
        self.next.fetch_max(numbers.iter().max().map_or(1, |last| last + 1), Ordering::Relaxed);
        Ok(())
    }

    fn path(&self, number: u64) -> io::Result<PathBuf> {
        Ok(self.blobs()?.join(format!("{:02x}", number & 0xff)).join(number.to_string()))
    }

    /// A new file, removed on drop until [`BlobFile::keep`].
    fn create(&self) -> io::Result<(File, BlobFile)> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let path = self.path(number)?;
        let file = match File::create_new(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                path.parent().map_or(Ok(()), fs::create_dir_all)?;
                File::create_new(&path)?
            }
            created => created?,
        };
        Ok((file, BlobFile { number, path, owners: AtomicUsize::new(0) }))
    }

    /// The blob that the index says is there.
    pub(crate) fn at(&self, number: u64) -> Arc<Blob> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let blob = known.entry(number).or_insert_with(|| {
            let file = self.path(number).ok().map(|path| BlobFile { number, path, owners: AtomicUsize::new(0) });
            Arc::new(Blob { memory: None, file })
        });
        Arc::clone(blob)
    }

    /// Takes `bytes` of memory, if there is room.
    fn hold(&self, bytes: Bytes) -> Option<Held> {
        let taken = self.room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |room| room.checked_sub(bytes.len()));
        taken.ok().map(|_| Held { bytes, room: Arc::clone(&self.room) })
    }
}

/// Bytes that came in together: in memory, in a file, or both.
#[derive(Debug)]
pub(crate) struct Blob {
    memory: Option<Held>,
    file: Option<BlobFile>,
}

#[derive(Debug)]
struct Held {
    bytes: Bytes,
    room: Arc<AtomicUsize>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.room.fetch_add(self.bytes.len(), Ordering::Relaxed);
    }
}

/// A file of the disk. It is deleted when nobody refers to it any more, unless it is part of an object.
#[derive(Debug)]
struct BlobFile {
    number: u64,
    path: PathBuf,
    /// Objects and parts it belongs to, several times if they hold it several times.
    owners: AtomicUsize,
}

impl Drop for BlobFile {
    fn drop(&mut self) {
        if *self.owners.get_mut() == 0 {
            let _ = fs::remove_file(&self.path); // it may have gone with its folder
        }
    }
}

/// What a [`Blob`] is read from.
#[derive(Debug)]
pub(crate) enum Reader {
    Bytes(Bytes),
    File(File),
}

impl Blob {
    pub(crate) fn read(&self) -> io::Result<Reader> {
        match (&self.memory, &self.file) {
            (Some(held), _) => Ok(Reader::Bytes(held.bytes.clone())),
            (None, Some(file)) => File::open(&file.path).map(Reader::File),
            (None, None) => Ok(Reader::Bytes(Bytes::new())),
        }
    }

    pub(crate) fn memory(&self) -> Option<&Bytes> {
        self.memory.as_ref().map(|held| &held.bytes)
    }

    /// The number of its file, which the index keeps.
    pub(crate) fn number(&self) -> Option<u64> {
        self.file.as_ref().map(|file| file.number)
    }

    /// Part of one more object.
    pub(crate) fn keep(&self) {
        if let Some(file) = &self.file {
            file.owners.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Part of one object less.
    pub(crate) fn doom(&self) {
        if let Some(file) = &self.file {
            file.owners.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Bytes that have come in completely, and what was computed on the way.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) pieces: Pieces,
    pub(crate) size: u64,
    pub(crate) md5: [u8; 16],
    pub(crate) crc64: u64,
    /// Only if it was asked for.
    pub(crate) sha1: Option<[u8; 20]>,
}

/// Takes bytes as they come. Few bytes stay in memory; many are hashed and written in batches, off the async threads,
/// while the next ones arrive.
#[derive(Debug)]
pub(crate) struct Sink {
    disk: Arc<Disk>,
    gathered: Vec<Bytes>,
    gathered_length: usize,
    size: u64,
    want_sha1: bool,
    writing: Option<JoinHandle<io::Result<Writer>>>,
}

impl Sink {
    pub(crate) fn new(disk: &Arc<Disk>, want_sha1: bool) -> Self {
        Self { disk: Arc::clone(disk), gathered: Vec::new(), gathered_length: 0, size: 0, want_sha1, writing: None }
    }

    /// Bytes that are there already.
    pub(crate) fn take(disk: &Arc<Disk>, bytes: Bytes) -> io::Result<Content> {
        let mut sink = Self::new(disk, false);
        sink.size = bytes.len() as u64;
        sink.gathered.push(bytes);
        sink.finish_at_once()
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    pub(crate) async fn write(&mut self, bytes: Bytes) -> io::Result<()> {
        self.size += bytes.len() as u64;
        self.gathered_length += bytes.len();
        self.gathered.push(bytes);
        if self.gathered_length >= BATCH { self.start_batch().await } else { Ok(()) }
    }

    /// Everything is in. The content's file still has no owner: whoever makes it part of an object keeps it.
    pub(crate) async fn finish(mut self) -> io::Result<Content> {
        if self.size <= SMALL as u64 {
            return self.finish_at_once();
        }
        self.start_batch().await?;
        let writer = self.settle().await?;
        Ok(writer.finish(self.size))
    }

    fn finish_at_once(self) -> io::Result<Content> {
        let bytes = join(self.gathered);
        let mut hashes = Hashes::new(self.want_sha1);
        hashes.update(&bytes);
        let memory = if bytes.len() <= SMALL { self.disk.hold(bytes.clone()) } else { None };
        let file = if self.disk.is_lasting() || memory.is_none() {
            let (mut file, blob) = self.disk.create()?;
            file.write_all(&bytes)?;
            Some(blob)
        } else {
            None
        };
        Ok(hashes.finish(Blob { memory, file }, self.size))
    }

    async fn start_batch(&mut self) -> io::Result<()> {
        let mut writer = self.settle().await?;
        let batch = std::mem::take(&mut self.gathered);
        self.gathered_length = 0;
        self.writing = Some(tokio::task::spawn_blocking(move || {
            for bytes in batch {
                writer.write(&bytes)?;
            }
            Ok(writer)
        }));
        Ok(())
    }

    /// Waits for the batch under way; makes the file before the first.
    async fn settle(&mut self) -> io::Result<Writer> {
        if let Some(writing) = self.writing.take() {
            return writing.await.map_err(io::Error::other)?;
        }
        let (file, blob) = self.disk.create()?;
        Ok(Writer { file, blob, hashes: Hashes::new(self.want_sha1) })
    }
}

/// One piece without copying, if it came as one.
fn join(mut pieces: Vec<Bytes>) -> Bytes {
    match pieces.len() {
        0 => Bytes::new(),
        // A small piece of a large buffer would keep all of it alive.
        1 => Bytes::copy_from_slice(&pieces.swap_remove(0)),
        _ => {
            let mut joined = BytesMut::with_capacity(pieces.iter().map(Bytes::len).sum());
            for piece in &pieces {
                joined.extend_from_slice(piece);
            }
            joined.freeze()
        }
    }
}

#[derive(Debug)]
struct Writer {
    file: File,
    blob: BlobFile,
    hashes: Hashes,
}

impl Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hashes.update(bytes);
        self.file.write_all(bytes)
    }

    fn finish(self, size: u64) -> Content {
        self.hashes.finish(Blob { memory: None, file: Some(self.blob) }, size)
    }
}

struct Hashes {
    md5: Md5,
    crc64: Crc64,
    sha1: Option<Sha1>,
}

impl Hashes {
    fn new(want_sha1: bool) -> Self {
        Self { md5: Md5::new(), crc64: crc::digest(), sha1: want_sha1.then(Sha1::new) }
    }

    fn update(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        self.crc64.update(bytes);
        if let Some(sha1) = &mut self.sha1 {
            sha1.update(bytes);
        }
    }

    fn finish(self, blob: Blob, size: u64) -> Content {
        Content {
            pieces: Pieces::whole(blob, size),
            size,
            md5: self.md5.finalize().into(),
            crc64: self.crc64.finalize(),
            sha1: self.sha1.map(|sha1| sha1.finalize().into()),
        }
    }
}

impl std::fmt::Debug for Hashes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hashes").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn stored(pieces: &[&[u8]]) -> Content {
        let disk = Arc::new(Disk::open(None).unwrap());
        let mut sink = Sink::new(&disk, true);
        for piece in pieces {
            sink.write(Bytes::copy_from_slice(piece)).await.unwrap();
        }
        sink.finish().await.unwrap()
    }

    #[tokio::test]
    async fn checksums_are_those_of_the_documented_vectors() {
        assert_eq!(stored(&[]).await.crc64, 0);
        let hello = stored(&[b"hello ", b"world"]).await;
        assert_eq!(hello.crc64, 5_981_764_153_023_615_706);
        assert_eq!(hex::encode(hello.md5), "5eb63bbbe01eeed093cb22bb8f5acdc3");
        assert_eq!(hex::encode(hello.sha1.unwrap()), "2aae6c35c94fcfb415dbe95f408b9ce91ee846ed");
        assert_eq!(stored(&[&[0; 1024]]).await.crc64, 14_085_117_335_336_199_948);
    }

    #[tokio::test]
    async fn large_content_goes_to_a_file_with_the_same_checksums() {
        let piece = vec![7; 300_000];
        let large = stored(&[&piece, &piece, &piece, &piece, &piece]).await;
        let mut whole = Hashes::new(false);
        whole.update(&vec![7; 1_500_000]);
        let whole = whole.finish(Blob { memory: None, file: None }, 1_500_000);
        assert_eq!((large.size, large.md5, large.crc64), (1_500_000, whole.md5, whole.crc64));
        assert!(large.pieces.in_memory().is_none());
    }
}
