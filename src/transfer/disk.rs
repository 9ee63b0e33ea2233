//! Files, off the runtime's threads; and what the systems do differently about them.

use std::fs::{File, Metadata};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cap_fs_ext::MetadataExt as _;
use serde::{Deserialize, Serialize};
use tokio::task::JoinError;

use crate::client::lacks_files;
use crate::crc64::Crc64;
use crate::error::{Error, ErrorKind, Result};

/// How much of a file is read in one go to sum it up.
pub(super) const BLOCK: usize = 256 * 1024;

/// Runs work that blocks where it may block. It is not stopped when the future is dropped.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(joined_badly)?
}

/// What became of a task that did not come to its end. A panic goes on here.
pub(super) fn joined_badly(error: JoinError) -> Error {
    match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(error) => Error::new(ErrorKind::Cancelled, "the runtime was shut down").with_source(error),
    }
}

/// An error of a file; `doing` names it.
pub(super) fn io_error(doing: &str, path: &Path, error: io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("{doing} {}", path.display())).with_source(error)
}

/// What another transfer holds.
pub(super) fn held(told: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::ResourceBusy, told)
}

/// Tries it, and again when another transfer [holds](held) it: one that was dropped a moment ago may still be at its
/// last step, and gets a second to let go. So do all others of this program where there is no file descriptor.
pub(super) async fn when_let_go<T, F>(attempt: impl Fn() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    for _ in 0..20 {
        match attempt().await {
            Err(error) if is_held(&error) || lacks_files(&error) => tokio::time::sleep(Duration::from_millis(50)).await,
            outcome => return outcome,
        }
    }
    attempt().await
}

fn is_held(error: &Error) -> bool {
    let cause = std::error::Error::source(error).and_then(|source| source.downcast_ref::<io::Error>());
    cause.is_some_and(|cause| cause.kind() == io::ErrorKind::ResourceBusy)
}

/// What tells whether a file is still the one it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileState {
    pub(super) length: u64,
    /// Nanoseconds since 1970, negative before; 0 where the system keeps none.
    modified: i128,
    /// Device and file number.
    identity: (u64, u64),
}

impl FileState {
    /// Of the file that a path leads to, which this was said of.
    pub(super) fn of(path: &Path, metadata: &Metadata) -> io::Result<Self> {
        let modified = metadata.modified().map_or(0, nanos);
        Ok(Self { length: metadata.len(), modified, identity: identity_of(path, metadata)? })
    }

    /// Of an open file, wherever its path leads by now.
    pub(super) fn of_open(file: &File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        let modified = metadata.modified().map_or(0, nanos);
        Ok(Self { length: metadata.len(), modified, identity: identity(file)? })
    }
}

fn nanos(time: SystemTime) -> i128 {
    let span = |span: Duration| i128::try_from(span.as_nanos()).unwrap_or(i128::MAX);
    time.duration_since(UNIX_EPOCH).map_or_else(|before| -span(before.duration()), span)
}

/// Whether a file may be one that this user left here: nobody else can read or change it by another name, or because it
/// is theirs.
pub(super) fn is_ours(metadata: &cap_std::fs::Metadata) -> bool {
    #[cfg(unix)]
    let ours = {
        let owner = cap_std::fs::MetadataExt::uid(metadata);
        owner == rustix::process::geteuid().as_raw() && metadata.nlink() < 2
    };
    // Who may do what comes from the directory.
    #[cfg(not(unix))]
    let ours = true;
    ours && metadata.is_file()
}

/// Removes what somebody else put where a file of ours is to be.
pub(super) fn clear_away(path: &Path, remove: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    match remove() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let told = format!("{} is somebody else's, and cannot be removed", path.display());
            Err(io::Error::new(error.kind(), told))
        }
        outcome => outcome,
    }
}

/// Whether the path still leads to this open file.
pub(super) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    match std::fs::symlink_metadata(path) {
        Ok(there) if there.is_file() => Ok(identity_of(path, &there)? == identity(file)?),
        Ok(_) => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn identity(file: &File) -> io::Result<(u64, u64)> {
    let metadata = cap_std::fs::Metadata::from_file(file)?;
    Ok((metadata.dev(), metadata.ino()))
}

#[cfg(unix)]
#[allow(clippy::unnecessary_wraps)] // elsewhere it can fail
fn identity_of(_: &Path, metadata: &Metadata) -> io::Result<(u64, u64)> {
    Ok((metadata.dev(), metadata.ino()))
}

/// Windows tells it of open files only.
#[cfg(not(unix))]
fn identity_of(path: &Path, _: &Metadata) -> io::Result<(u64, u64)> {
    identity(&File::open(path)?)
}

/// Writes all bytes at an offset; does not move where others read and write.
#[cfg(unix)]
pub(super) fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

/// Writes all bytes at an offset.
#[cfg(windows)]
pub(super) fn write_all_at(file: &File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_write(file, bytes, offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                bytes = &bytes[written..];
                offset += written as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Adds up to so many bytes of a file to the sum, from where it is read; fewer only at its end. Tells how many.
pub(super) fn sum_up(mut file: &File, most: u64, crc64: &mut Crc64) -> io::Result<u64> {
    let (mut block, mut left) = (vec![0; BLOCK], most);
    while left > 0 {
        let wanted = usize::try_from(left).unwrap_or(BLOCK).min(BLOCK);
        match file.read(&mut block[..wanted]) {
            Ok(0) => break,
            Ok(read) => {
                crc64.update(&block[..read]);
                left -= read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(most - left)
}

/// The CRC-64 of a stretch of a file; `None` when the file ends before it does.
pub(super) fn crc64_of(mut file: &File, stretch: Range<u64>) -> io::Result<Option<u64>> {
    file.seek(SeekFrom::Start(stretch.start))?;
    let (mut crc64, length) = (Crc64::new(), stretch.end - stretch.start);
    Ok((sum_up(file, length, &mut crc64)? == length).then(|| crc64.value()))
}

/// Of `statfs(2)`.
#[cfg(target_os = "linux")]
const TMPFS_MAGIC: rustix::fs::FsWord = 0x0102_1994;

/// Makes the file so long, with its space taken where the system can.
#[cfg(target_os = "linux")]
pub(super) fn allocate(file: &File, length: u64) -> io::Result<()> {
    use rustix::fs::{FallocateFlags, fallocate, fstatfs};
    use rustix::io::Errno;
    if length == 0 {
        return Ok(());
    }
    // A file system in memory takes space page by page: as long as to write it, and it keeps nothing together by that.
    let system = fstatfs(file)?;
    if system.f_type == TMPFS_MAGIC {
        let free = system.f_bavail.saturating_mul(u64::try_from(system.f_bsize).unwrap_or(1));
        let limited = system.f_blocks > 0;
        return if limited && free < length { Err(Errno::NOSPC.into()) } else { file.set_len(length) };
    }
    loop {
        match fallocate(file, FallocateFlags::empty(), 0, length) {
            Err(Errno::INTR) => {}
            // Not on every file system.
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => return file.set_len(length),
            outcome => return Ok(outcome?),
        }
    }
}

/// Makes the file so long.
#[cfg(not(target_os = "linux"))]
pub(super) fn allocate(file: &File, length: u64) -> io::Result<()> {
    file.set_len(length)
}

/// Makes a renamed or removed name last: what a directory holds is on disk only once the directory is.
pub(super) fn sync_directory(directory: &Path) -> io::Result<()> {
    // Elsewhere a directory cannot be opened as a file, and the rename itself lasts.
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_at_its_path_until_something_else_is_there_or_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("f");
        let file = File::create(&path).unwrap();
        assert!(is_at(&file, &path).unwrap());
        std::fs::rename(&path, directory.path().join("other")).unwrap();
        assert!(!is_at(&file, &path).unwrap());
        std::fs::write(&path, "").unwrap();
        assert!(!is_at(&file, &path).unwrap());
        assert_eq!(is_at(&file, &path.join("below")).unwrap_err().kind(), io::ErrorKind::NotADirectory);
    }

    /// Where a file system in memory is, space is looked at and not taken.
    #[test]
    fn a_file_system_in_memory_that_is_too_small_says_so() {
        let memory = Path::new("/dev/shm");
        let Ok(file) = tempfile::tempfile_in(memory) else { return };
        let error = allocate(&file, 1 << 50).unwrap_err();
        assert_eq!((error.kind(), file.metadata().unwrap().len()), (io::ErrorKind::StorageFull, 0));
        allocate(&file, 1 << 20).unwrap();
        assert_eq!(file.metadata().unwrap().len(), 1 << 20);
    }
}
