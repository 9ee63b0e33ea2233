//! What a transfer of a directory tells: file by file while it runs, and in sum at its end.

use std::error::Error as StdError;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use crate::error::{Error, Line};
use crate::options::StorageClass;

/// A file of a directory, or the object that is its twin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DirectoryFile {
    /// The path below the directory, with `/` between the names. It is empty when the key makes no path, except in a
    /// call of a filter. For [`CopyDirectory`](crate::transfer::CopyDirectory) it is what follows the prefix, whatever
    /// that is.
    pub path: String,
    /// The key, prefix included; empty when the path makes no key.
    pub key: String,
    /// Its size in bytes.
    pub size: u64,
    /// When it was last written, where that is known.
    pub last_modified: Option<SystemTime>,
    /// The storage class of an object; `None` for a file. An archived object cannot be downloaded before it is
    /// restored: a filter may leave it out.
    pub storage_class: Option<StorageClass>,
}

/// What happens to a file. In a dry run the steps are those that would be taken.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum FileStep<'a> {
    /// It is being transferred.
    Begun,
    /// So many of its bytes are moved; told at most ten times a second.
    Moved(u64),
    /// It was transferred.
    Transferred,
    /// Both sides have it, and it was left as it is.
    Unchanged,
    /// It was deleted where it is extraneous.
    Deleted,
    /// It is a symbolic link, which was not followed.
    Link,
    /// It is a file that transfers make for themselves while they work, and was left alone: a download that is not
    /// whole (`.cos-MARK.tmp`, `.NAME.MARK.cos-partial`) or a checkpoint (`upload-DIGEST.cos-checkpoint`, `download-`).
    WorkFile,
    /// It was refused, or its transfer or deletion failed.
    Failed(&'a Error),
}

/// The result of the transfer of a directory: counts, and the failures one by one. Once a file was begun, an error that
/// ends the transfer early is also here, in [`ended_by`](Self::ended_by).
#[derive(Debug, Default)]
#[non_exhaustive]
#[must_use = "what failed, or ended it early, is told here, not by an error"]
pub struct DirectoryReport {
    /// Files transferred.
    pub transferred: u64,
    /// The bytes of these.
    pub bytes: u64,
    /// Files that both sides had.
    pub unchanged: u64,
    /// Extraneous files or objects deleted.
    pub deleted: u64,
    /// Whether deletions were asked for but not done, because something failed or ended the transfer before, or because
    /// the source has no file.
    pub withheld: bool,
    /// Symbolic links not followed.
    pub links: u64,
    /// Files of transfers left alone, as [`FileStep::WorkFile`] says.
    pub work_files: u64,
    /// Files that were refused or failed.
    pub failed: u64,
    /// The first of these, except the one in [`ended_by`](Self::ended_by): up to a thousand, or as
    /// [`failure_limit`](crate::transfer::UploadDirectory::failure_limit) says. `on_file` is called for all of them.
    pub failures: Vec<DirectoryFailure>,
    /// What ended the transfer before every file was handled. Files that were under way then were stopped; like files
    /// that were not begun, they are counted nowhere.
    ///
    /// It is either a file, which is counted among those that failed: the first failure with
    /// [`stop_on_failure`](crate::transfer::UploadDirectory::stop_on_failure), else one that every other file would
    /// meet, too. The disk is full, over its quota or read-only; there are no credentials, or the key has expired or is
    /// unknown; the clocks differ and cannot be corrected; the bucket does not exist; the signature is refused, and no
    /// file was transferred before; or it is the tenth file in a row for which COS could not be reached.
    ///
    /// Or it has neither key nor path: the listing failed, the directory could not be read further, or the transfer was
    /// cancelled.
    pub ended_by: Option<DirectoryFailure>,
}

impl DirectoryReport {
    /// Whether nothing failed, and nothing ended it early.
    pub fn is_complete(&self) -> bool {
        self.failed == 0 && self.ended_by.is_none()
    }
}

/// A file that was not transferred. `Display` says which, why, and with all causes, on one line.
#[derive(Debug)]
#[non_exhaustive]
pub struct DirectoryFailure {
    /// The key; `None` when the path makes none.
    pub key: Option<String>,
    /// The file; `None` when the key makes none, or there are only objects.
    pub path: Option<PathBuf>,
    /// Why. [`ErrorKind::Input`](crate::ErrorKind::Input) when it was refused.
    pub error: Error,
}

impl fmt::Display for DirectoryFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.key, &self.path) {
            (Some(key), _) => write!(f, "{key:?}: ")?,
            (None, Some(path)) => write!(f, "{}: ", Line(&path.to_string_lossy()))?,
            (None, None) => {}
        }
        write!(f, "{:#}", self.error)
    }
}

impl StdError for DirectoryFailure {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.error)
    }
}

impl DirectoryFailure {
    pub(super) fn of(file: DirectoryFile, root: Option<&Path>, error: Error) -> Self {
        let path = root.filter(|_| !file.path.is_empty()).map(|root| root.join(&file.path));
        Self { key: Some(file.key).filter(|key| !key.is_empty()), path, error }
    }
}

/// Which files are meant.
pub(super) type Filter = Arc<dyn Fn(&DirectoryFile) -> bool + Send + Sync>;

/// Who is told of each file.
pub(super) type Listener = Arc<dyn Fn(&DirectoryFile, FileStep<'_>) + Send + Sync>;

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_failure_says_which_file_it_was_and_why() {
        let failure = |path: &str, key: &str| {
            let denied = io::Error::new(io::ErrorKind::PermissionDenied, "you may not");
            let error = Error::new(ErrorKind::Io, "reading it").with_source(denied);
            let file = DirectoryFile { path: path.to_owned(), key: key.to_owned(), ..DirectoryFile::default() };
            DirectoryFailure::of(file, Some(Path::new("root")), error)
        };
        for (path, key, expected) in [
            ("secret", "d/secret", "\"d/secret\": reading it: you may not"),
            ("secret", "", "root/secret: reading it: you may not"),
            ("", "", "reading it: you may not"),
            ("a\nb\u{1b}[2K", "", "root/a/nb/u{1b}[2K: reading it: you may not"),
        ] {
            let failure = failure(path, key);
            assert_eq!(failure.to_string().replace('\\', "/"), expected);
            assert_eq!(format!("{failure:#}"), failure.to_string());
        }
        let failure = failure("secret", "d/secret");
        let error = failure.source().and_then(|source| source.downcast_ref::<Error>());
        assert_eq!(error.map(Error::kind), Some(ErrorKind::Io));
    }
}
