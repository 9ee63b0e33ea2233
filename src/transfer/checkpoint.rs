//! A file that remembers what of a transfer is done, so that another process can go on with it.
//!
//! A line of format and version, then a record a line: its CRC-64 in hexadecimal and a JSON document. The first record
//! says what the transfer is, the others what of it is done. The file comes into being whole (written beside, synced,
//! renamed) and grows by records; a last line that a crash tore is cut off. It is private to its owner, locked
//! while in use, and holds no key and no token. What somebody else put in its place is none.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use cap_std::fs::Metadata;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha1::{Digest as _, Sha1};

use crate::crc64::Crc64;
use crate::error::{Error, ErrorKind, Result};
use crate::transfer::disk::{blocking, clear_away, held, io_error, is_at, is_ours, sync_directory, when_let_go};
use crate::transfer::work_files::{checkpoint_name, draft_of};

const FORMAT: &str = "tencent-cos checkpoint 1\n";
/// 10 000 parts take under 2 MiB.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// A checkpoint that this process holds. `H` says what the transfer is, `R` what of it is done.
pub(super) struct Checkpoint<H, R> {
    path: PathBuf,
    file: Arc<Mutex<Locked>>,
    records: PhantomData<fn(H, R)>,
}

/// The lock ends with the file, once the last record is written. Windows lets go of it some time after the file is
/// closed unless it is told to.
struct Locked(File);

impl Drop for Locked {
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

impl<H, R> Checkpoint<H, R>
where
    H: Serialize + DeserializeOwned + Send + 'static,
    R: Serialize + DeserializeOwned + Send + 'static,
{
    /// Opens a checkpoint that is there; `None` when there is none, or what is there is none of this version.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] when it cannot be read, or another transfer holds it.
    pub(super) async fn open(path: PathBuf) -> Result<Option<(Self, H, Vec<R>)>> {
        when_let_go(|| Self::open_now(path.clone())).await
    }

    async fn open_now(path: PathBuf) -> Result<Option<(Self, H, Vec<R>)>> {
        blocking(move || {
            let Some(mut file) = open_locked(&path).map_err(|error| io_error("opening", &path, error))? else {
                return Ok(None);
            };
            let text = read(&mut file).map_err(|error| io_error("reading", &path, error))?;
            let Some((head, records, good)) = parse(&text) else { return Ok(None) };
            let cut = file.set_len(good).and_then(|()| file.seek(SeekFrom::End(0)));
            cut.map_err(|error| io_error("mending", &path, error))?;
            Ok(Some((Self::holding(path, file), head, records)))
        })
        .await
    }

    /// Makes a checkpoint in place of any that is there and not held.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] when it cannot be written, or another transfer holds it.
    pub(super) async fn create(path: PathBuf, head: H) -> Result<Self> {
        let line = line(&head)?;
        when_let_go(|| Self::create_now(path.clone(), line.clone())).await
    }

    async fn create_now(path: PathBuf, line: String) -> Result<Self> {
        blocking(move || {
            let file = create_locked(&path, &line).map_err(|error| io_error("writing", &path, error))?;
            Ok(Self::holding(path, file))
        })
        .await
    }

    fn holding(path: PathBuf, file: File) -> Self {
        Self { path, file: Arc::new(Mutex::new(Locked(file))), records: PhantomData }
    }

    /// Remembers that something is done. What it speaks of must be on disk by then.
    pub(super) async fn record(&self, record: R) -> Result<()> {
        let (file, path) = (Arc::clone(&self.file), self.path.clone());
        blocking(move || {
            let line = line(&record)?;
            let file = &mut file.lock().unwrap_or_else(PoisonError::into_inner).0;
            let written = file.write_all(line.as_bytes()).and_then(|()| file.sync_data());
            written.map_err(|error| io_error("writing", &path, error))
        })
        .await
    }

    /// Removes it: the transfer is over.
    pub(super) async fn remove(&self) -> Result<()> {
        let path = self.path.clone();
        blocking(move || match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error("removing", &path, error)),
            _ => Ok(()),
        })
        .await
    }
}

/// The name of the checkpoint of a transfer, from what makes it the one it is.
pub(super) fn file_name(kind: &str, of: &[&str]) -> String {
    let mut digest = Sha1::new();
    for part in of {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    checkpoint_name(kind, &hex::encode(digest.finalize()))
}

/// A path as it is remembered and compared: one that is no Unicode is told by a digest, too.
pub(super) fn path_text(path: &Path) -> String {
    path.to_str().map_or_else(
        || format!("{} ({})", path.display(), hex::encode(Sha1::digest(path.as_os_str().as_encoded_bytes()))),
        str::to_owned,
    )
}

/// Two processes may find the same file; the lock decides, and then whether it is still there.
fn open_locked(path: &Path) -> io::Result<Option<File>> {
    if is_others(path) {
        return Ok(None);
    }
    let file = match File::options().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    // Who may have put it there may hold it for ever.
    if !is_ours(&Metadata::from_file(&file)?) {
        return Ok(None);
    }
    lock(&file)?;
    Ok(is_at(&file, path)?.then_some(file))
}

/// Opens a draft that a killed process left, or makes it.
fn open_draft(path: &Path) -> io::Result<File> {
    if let Some(left) = open_locked(path)? {
        return Ok(left);
    }
    clear_others(path)?;
    let mut options = File::options();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(busy()),
        made => made?,
    };
    lock(&file)?;
    // It has become a checkpoint meanwhile.
    if is_at(&file, path)? { Ok(file) } else { Err(busy()) }
}

/// Whether something is there that somebody else put there. A directory is told by opening it.
fn is_others(path: &Path) -> bool {
    let there = fs::symlink_metadata(path);
    there.is_ok_and(|there| !there.is_dir() && !is_ours(&Metadata::from_just_metadata(there)))
}

fn clear_others(path: &Path) -> io::Result<()> {
    if is_others(path) { clear_away(path, || fs::remove_file(path)) } else { Ok(()) }
}

/// Its draft has one name, so that what a killed process left of it is taken over; who makes the file holds that first.
fn create_locked(path: &Path, head: &str) -> io::Result<File> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut folder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
    folder.recursive(true).create(directory)?;
    let draft = draft_of(path);
    let mut file = open_draft(&draft)?;
    if let Err(error) = put_in_place(&mut file, &draft, path, head) {
        // It is ours to remove: we hold its lock.
        let _ = fs::remove_file(&draft);
        return Err(error);
    }
    sync_directory(directory)?;
    Ok(file)
}

fn put_in_place(file: &mut File, draft: &Path, path: &Path, head: &str) -> io::Result<()> {
    if let Some(old) = open_locked(path)? {
        fs::remove_file(path)?;
        drop(old);
    } else {
        clear_others(path)?;
    }
    file.set_len(0)?;
    file.write_all(FORMAT.as_bytes())?;
    file.write_all(head.as_bytes())?;
    file.sync_all()?;
    fs::rename(draft, path)
}

fn lock(file: &File) -> io::Result<()> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(busy()),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn busy() -> io::Error {
    held("another transfer holds this checkpoint")
}

fn read(file: &mut File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn line(record: &impl Serialize) -> Result<String> {
    let json = serde_json::to_string(record)
        .map_err(|error| Error::new(ErrorKind::Io, "the checkpoint cannot be written").with_source(error))?;
    Ok(format!("{:016x} {json}\n", Crc64::of(json.as_bytes())))
}

/// Head and records, and where the last good line ends.
fn parse<H: DeserializeOwned, R: DeserializeOwned>(bytes: &[u8]) -> Option<(H, Vec<R>, u64)> {
    let mut rest = bytes.strip_prefix(FORMAT.as_bytes())?;
    let head = next_record(&mut rest)?;
    let mut records = Vec::new();
    let mut good = rest;
    while let Some(record) = next_record(&mut rest) {
        records.push(record);
        good = rest;
    }
    Some((head, records, (bytes.len() - good.len()) as u64))
}

fn next_record<T: DeserializeOwned>(rest: &mut &[u8]) -> Option<T> {
    let end = rest.iter().position(|&byte| byte == b'\n')?;
    let (line, after) = (&rest[..end], &rest[end + 1..]);
    let (checksum, json) = (line.get(..16)?, line.get(17..)?);
    let checksum = u64::from_str_radix(std::str::from_utf8(checksum).ok()?, 16).ok()?;
    if line[16] != b' ' || checksum != Crc64::of(json) {
        return None;
    }
    *rest = after;
    serde_json::from_slice(json).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    type Numbers = Checkpoint<String, u32>;

    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
    }

    fn with_records(directory: &Path) -> PathBuf {
        let path = directory.join("c");
        run(async {
            let checkpoint = Numbers::create(path.clone(), "head".to_owned()).await.unwrap();
            checkpoint.record(1).await.unwrap();
            checkpoint.record(2).await.unwrap();
        });
        path
    }

    #[test]
    fn what_was_recorded_is_found_again_and_grows() {
        let directory = tempfile::tempdir().unwrap();
        let path = with_records(directory.path());
        run(async {
            let (checkpoint, head, records) = Numbers::open(path.clone()).await.unwrap().unwrap();
            assert_eq!((head.as_str(), records.as_slice()), ("head", [1, 2].as_slice()));
            checkpoint.record(3).await.unwrap();
        });
        run(async {
            let (checkpoint, _, records) = Numbers::open(path.clone()).await.unwrap().unwrap();
            assert_eq!(records, [1, 2, 3]);
            checkpoint.remove().await.unwrap();
            // Some systems keep the name as long as the file is open.
            drop(checkpoint);
            assert!(Numbers::open(path.clone()).await.unwrap().is_none());
        });
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn any_flipped_bit_and_any_torn_end_loses_records_but_never_invents_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = with_records(directory.path());
        let whole = fs::read(&path).unwrap();
        for (position, bit) in (0..whole.len()).flat_map(|position| (0..8).map(move |bit| (position, bit))) {
            let mut changed = whole.clone();
            changed[position] ^= 1 << bit;
            if let Some((head, records, good)) = parse::<String, u32>(&changed) {
                assert_eq!(head, "head");
                // A letter of a checksum in upper case is the same number.
                assert!([1, 2].starts_with(&records), "{records:?}");
                assert!(good <= whole.len() as u64);
            }
        }
        for end in 0..whole.len() {
            fs::write(&path, &whole[..end]).unwrap();
            let Some((_, _, records)) = run(Numbers::open(path.clone())).unwrap() else { continue };
            assert!([1, 2].starts_with(&records) && records.len() < 2);
            let (head, again, good) = parse::<String, u32>(&fs::read(&path).unwrap()).unwrap();
            assert_eq!((head.as_str(), again), ("head", records));
            assert_eq!(good, fs::metadata(&path).unwrap().len());
        }
    }

    #[test]
    fn one_that_was_removed_meanwhile_is_gone_and_one_that_cannot_be_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("c");
        run(async {
            let checkpoint = Numbers::create(path.clone(), "head".to_owned()).await.unwrap();
            // Windows keeps the name of a removed file until it is closed, but lets it be moved.
            fs::rename(&path, directory.path().join("elsewhere")).unwrap();
            checkpoint.remove().await.unwrap();
            fs::create_dir(&path).unwrap();
            for refused in [checkpoint.remove().await.err(), Numbers::open(path.clone()).await.err()] {
                assert_eq!(refused.unwrap().kind(), ErrorKind::Io);
            }
        });
    }

    #[test]
    fn two_transfers_do_not_hold_one_checkpoint() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("c");
        run(async {
            let first = Numbers::create(path.clone(), "a".to_owned()).await.unwrap();
            for refused in
                [Numbers::open(path.clone()).await.err(), Numbers::create(path.clone(), "b".to_owned()).await.err()]
            {
                assert_eq!(refused.unwrap().kind(), ErrorKind::Io);
            }
            assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "no draft stays");
            drop(first);
            assert!(Numbers::create(path, "b".to_owned()).await.is_ok());
        });
    }

    #[test]
    fn a_draft_that_a_killed_process_left_is_taken_over() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("c.new"), "half a line, longer than what is written in its place").unwrap();
        let path = with_records(directory.path());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
        let (_, head, records) = run(Numbers::open(path)).unwrap().unwrap();
        assert_eq!((head.as_str(), records.as_slice()), ("head", [1, 2].as_slice()));
    }

    /// Makes a file that is not this user's alone, beside what it holds. That of another user only root can make.
    #[cfg(unix)]
    fn plants() -> Vec<fn(&Path, &Path)> {
        let link = |theirs: &Path, here: &Path| fs::hard_link(theirs, here).unwrap();
        let symlink = |theirs: &Path, here: &Path| std::os::unix::fs::symlink(theirs, here).unwrap();
        let mut plants: Vec<fn(&Path, &Path)> = vec![link, symlink];
        if rustix::process::geteuid().is_root() {
            plants.push(|theirs, here| {
                fs::copy(theirs, here).unwrap();
                std::os::unix::fs::chown(here, Some(1234), None).unwrap();
            });
        }
        plants
    }

    /// Whoever made it, or can reach it, could hold it for ever, and say what was done.
    #[cfg(unix)]
    #[test]
    fn what_somebody_else_put_in_its_place_is_none_and_is_not_written() {
        for plant in plants() {
            let (directory, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            let theirs = with_records(elsewhere.path());
            let written = fs::read(&theirs).unwrap();
            for name in ["c", "c.new"] {
                plant(&theirs, &directory.path().join(name));
            }
            let locked = File::options().read(true).write(true).open(directory.path().join("c")).unwrap();
            lock(&locked).unwrap();
            let path = directory.path().join("c");
            run(async {
                assert!(Numbers::open(path.clone()).await.unwrap().is_none());
                let ours = Numbers::create(path.clone(), "ours".to_owned()).await.unwrap();
                ours.record(7).await.unwrap();
                drop(ours);
                let (_, head, records) = Numbers::open(path).await.unwrap().unwrap();
                assert_eq!((head.as_str(), records.as_slice()), ("ours", [7].as_slice()));
            });
            assert_eq!(fs::read(&theirs).unwrap(), written);
            assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
        }
    }

    #[cfg(unix)]
    #[test]
    fn it_is_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let folder = directory.path().join("a/b");
        let path = with_records(&folder);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(&folder), mode(&directory.path().join("a"))), (0o600, 0o700, 0o700));
    }
}
