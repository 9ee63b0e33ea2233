//! The file a download becomes: a temporary one beside it until it is whole.
//!
//! All of it happens in the open directory of the file, by names: a directory that is moved, or a link that is planted,
//! meanwhile leads nowhere else.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use cap_fs_ext::MetadataExt as _;
use cap_std::fs::Metadata;
use sha1::{Digest as _, Sha1};

use crate::error::Result;
use crate::transfer::confined::Directory;
use crate::transfer::disk::{allocate, blocking, clear_away, held, io_error, is_ours};
use crate::transfer::work_files::{TEMPORARY_MARK, partial_name, temporary_name};

/// Where a download goes, as the caller said it.
#[derive(Clone, Debug)]
pub(super) struct Target {
    path: PathBuf,
    /// The directory it lies in, when that is not for the path to say.
    within: Option<Directory>,
    pub(super) forbid_overwrite: bool,
    pub(super) follow_symlinks: bool,
    /// When it was last written, in place of now.
    modified: Option<SystemTime>,
}

/// A file that is being written. It is locked meanwhile: no other download has it.
pub(super) struct Destination {
    place: Place,
    /// The name it gets.
    name: OsString,
    path: PathBuf,
    /// The file that had the name when this one was begun; this one is private until it is whole.
    replaced: Option<Metadata>,
    forbid_overwrite: bool,
    modified: Option<SystemTime>,
}

/// The name it has so far.
struct Place {
    directory: Directory,
    name: OsString,
    /// Whether it stays, for another run, when it is dropped.
    stays: bool,
    file: Arc<File>,
}

impl Drop for Place {
    fn drop(&mut self) {
        // Locked as yet: what is removed is what was written.
        if !self.stays {
            let _ = self.directory.remove_file(&self.name);
        }
        // A thread that still writes to it does not hold it.
        let _ = self.file.unlock();
    }
}

impl Place {
    fn new(directory: Directory, name: OsString, file: File, stays: bool) -> Self {
        Self { directory, name, stays, file: Arc::new(file) }
    }
}

impl Target {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, within: None, forbid_overwrite: false, follow_symlinks: false, modified: None }
    }

    /// A name in an open directory.
    pub(super) fn within(directory: Directory, name: &OsStr, modified: Option<SystemTime>) -> Self {
        let path = directory.path().join(name);
        Self { within: Some(directory), modified, ..Self::new(path) }
    }

    /// The path, whatever the working directory will be.
    pub(super) fn absolute(&self) -> Result<PathBuf> {
        std::path::absolute(&self.path).map_err(|error| io_error("finding", &self.path, error))
    }

    /// Opens a temporary file beside the target. What a process that was killed left of this target is removed.
    pub(super) async fn open(&self) -> Result<Destination> {
        let opened = self.clone().opening(|path, directory, replaced| {
            let (name, private) = (temporary_name(&mark_of(path)), replaced.is_some());
            remove_left(&directory, &name);
            if let Ok(file) = directory.create_file(&name, private)
                && is_held(&file)
            {
                return Ok(Some(Place::new(directory, name, file, false)));
            }
            // Another download to this target is under way.
            loop {
                let mark: String = std::iter::repeat_with(fastrand::alphanumeric).take(TEMPORARY_MARK).collect();
                let name = temporary_name(&mark);
                match directory.create_file(&name, private) {
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                    file => return Ok(Some(Place::new(directory, name, file?, false))),
                }
            }
        });
        opened.await.map(|opened| opened.expect("a new one"))
    }

    /// Makes a file beside the target that stays when it is dropped, in place of one that is there and not held.
    pub(super) async fn create_partial(&self, mark: String) -> Result<Destination> {
        let opened = self.clone().opening(move |path, directory, replaced| {
            let name = partial_name(path, &mark);
            clear_partial(&directory, &name)?;
            let file = match directory.create_file(&name, replaced.is_some()) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(busy()),
                file => file?,
            };
            if is_held(&file) { Ok(Some(Place::new(directory, name, file, true))) } else { Err(busy()) }
        });
        opened.await.map(|opened| opened.expect("a new one"))
    }

    /// Opens what an earlier run left; `None` when there is nothing of this length that is ours. What is held is an
    /// error.
    pub(super) async fn open_partial(&self, mark: String, length: u64) -> Result<Option<Destination>> {
        let opened = self.clone().opening(move |path, directory, replaced| {
            let name = partial_name(path, &mark);
            let Some(file) = hold_ours(&directory, &name)? else { return Ok(None) };
            let meta = Metadata::from_file(&file)?;
            let private = replaced.is_none_or(|replaced| permits_no_more(&meta, replaced));
            let fits = meta.len() == length && private;
            Ok(fits.then(|| Place::new(directory, name, file, true)))
        });
        opened.await
    }

    async fn opening(
        self,
        open: impl FnOnce(&Path, Directory, Option<&Metadata>) -> io::Result<Option<Place>> + Send + 'static,
    ) -> Result<Option<Destination>> {
        blocking(move || {
            let failed = |error| io_error("writing", &self.path, error);
            let (path, name, directory, replaced) = self.resolve().map_err(failed)?;
            let opened = open(&path, directory, replaced.as_ref()).map_err(failed)?;
            let Some(place) = opened else { return Ok(None) };
            let Self { forbid_overwrite, modified, .. } = self;
            Ok(Some(Destination { place, name, path, replaced, forbid_overwrite, modified }))
        })
        .await
    }

    /// The path that is written, its last name in its open directory, and the file that is there.
    fn resolve(&self) -> io::Result<(PathBuf, OsString, Directory, Option<Metadata>)> {
        let located = |path: &Path, within: Option<&Directory>| {
            let Some(name) = path.file_name() else {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "it names no file"));
            };
            let directory = match within {
                Some(directory) => directory.clone(),
                None => Directory::open(directory_of(path))?,
            };
            Ok((name.to_owned(), directory))
        };
        let mut path = self.path.clone();
        let (mut name, mut directory) = located(&path, self.within.as_ref())?;
        let Some(mut there) = directory.metadata(&name)? else { return Ok((path, name, directory, None)) };
        if there.is_symlink() {
            if !self.follow_symlinks {
                return Err(io::Error::other(
                    "it is a symbolic link, and those are followed only by follow_symlinks()",
                ));
            }
            path = fs::canonicalize(&path)?;
            (name, directory) = located(&path, None)?;
            there = directory.metadata(&name)?.ok_or(io::ErrorKind::NotFound)?;
        }
        if there.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if !there.is_file() {
            return Err(io::Error::other("it is no regular file; to_writer() writes to anything"));
        }
        if self.forbid_overwrite {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        Ok((path, name, directory, Some(there)))
    }
}

impl Destination {
    /// Takes the space for so many bytes: a disk that is too full says so now.
    pub(super) async fn reserve(&self, length: u64) -> Result<()> {
        let (file, path) = (self.file(), self.path.clone());
        blocking(move || allocate(&file, length).map_err(|error| io_error("taking space for", &path, error))).await
    }

    pub(super) fn file(&self) -> Arc<File> {
        Arc::clone(&self.place.file)
    }

    /// The name it will have, for messages.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the file its name, once its bytes are on disk.
    pub(super) async fn finish(self) -> Result<Named> {
        blocking(move || {
            let Self { mut place, name, path, replaced, forbid_overwrite, modified } = self;
            let give = || {
                let file = &place.file;
                if let Some(time) = modified {
                    // Not every file system keeps one, and the bytes are what counts.
                    let _ = file.set_modified(time);
                }
                let there = place.directory.metadata(&name)?.filter(Metadata::is_file);
                if let Some(replaced) = there.or(replaced) {
                    permit(file, &replaced)?;
                }
                file.sync_all()?;
                if forbid_overwrite {
                    place.directory.rename_new(&place.name, &name)?;
                } else {
                    place.directory.rename(&place.name, &name)?;
                }
                place.stays = true;
                Ok(())
            };
            give().map_err(|error| io_error("writing", &path, error))?;
            Ok(Named { directory: place.directory.clone(), path })
        })
        .await
    }

    /// Removes it, also where it would have stayed.
    pub(super) async fn discard(self) -> Result<()> {
        let Self { mut place, path, .. } = self;
        blocking(move || {
            place.stays = true;
            match place.directory.remove_file(&place.name) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error("removing", &path, error)),
                _ => Ok(()),
            }
        })
        .await
    }
}

/// A file that has its name.
pub(super) struct Named {
    directory: Directory,
    path: PathBuf,
}

impl Named {
    /// Makes the name last.
    pub(super) async fn sync(self) -> Result<()> {
        blocking(move || self.directory.sync().map_err(|error| io_error("writing", &self.path, error))).await
    }
}

fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Lets nobody do more with the file than with the one that it replaces.
#[cfg(unix)]
fn permit(file: &File, replaced: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};

    use cap_std::fs::MetadataExt as _;

    let (there, group) = (file.metadata()?, replaced.gid());
    let kept = there.gid() == group || fchown(file, None, Some(group)).is_ok();
    let mode = mode_of_new(replaced.mode(), kept);
    // Where all files have one mode and one owner nobody may set it, nor needs to.
    if there.mode() & 0o7777 == mode { Ok(()) } else { file.set_permissions(fs::Permissions::from_mode(mode)) }
}

/// Lets nobody do more with the file than with the one that it replaces.
#[cfg(not(unix))]
fn permit(file: &File, replaced: &Metadata) -> io::Result<()> {
    file.set_permissions(replaced.permissions().into_std(file)?)
}

/// It runs in nobody's name. In another group than before, its members were others, and those of the old one are now.
#[cfg(unix)]
fn mode_of_new(mode: u32, same_group: bool) -> u32 {
    let both = mode & mode >> 3 & 0o7;
    if same_group { mode & 0o777 } else { mode & 0o700 | both << 3 | both }
}

/// Whether nobody may do more with a file that was begun than with the one that it is to replace.
#[cfg(unix)]
fn permits_no_more(begun: &Metadata, replaced: &Metadata) -> bool {
    use cap_std::fs::MetadataExt as _;

    let most = mode_of_new(replaced.mode(), begun.gid() == replaced.gid());
    begun.mode() & 0o077 & !most == 0
}

/// Who may do what comes from the directory.
#[cfg(not(unix))]
fn permits_no_more(_: &Metadata, _: &Metadata) -> bool {
    true
}

/// Tells the temporary file of a target from those of others in its directory.
fn mark_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or(OsStr::new(""));
    hex::encode(Sha1::digest(name.as_encoded_bytes())).chars().take(TEMPORARY_MARK).collect()
}

/// Locks a file, as long as its [`Place`] is there; `false` when another download has it, or took it for one that was
/// left.
fn is_held(file: &File) -> bool {
    // Where there are no locks, nobody takes it for that.
    let locked = !matches!(file.try_lock(), Err(TryLockError::WouldBlock));
    locked && has_name(file)
}

/// Opens a file of ours; `None` when there is none. Not what a link leads to.
fn open_ours(directory: &Directory, name: &OsStr) -> io::Result<Option<File>> {
    if !directory.metadata(name)?.is_some_and(|there| is_ours(&there)) {
        return Ok(None);
    }
    let Some(file) = directory.open_to_write(name)? else { return Ok(None) };
    let ours = is_ours(&Metadata::from_file(&file)?);
    Ok(ours.then_some(file))
}

/// The same, locked.
fn hold_ours(directory: &Directory, name: &OsStr) -> io::Result<Option<File>> {
    match open_ours(directory, name)? {
        Some(file) if !is_held(&file) => Err(busy()),
        file => Ok(file),
    }
}

/// Removes what is there under the name of a file that is to be begun, unless a download holds it.
fn clear_partial(directory: &Directory, name: &OsStr) -> io::Result<()> {
    let _held = hold_ours(directory, name)?;
    clear_away(&directory.path().join(name), || directory.remove_file(name))
}

fn busy() -> io::Error {
    held("another download to it is under way")
}

/// Removes a temporary file of ours that nobody holds. One that cannot be removed stays.
fn remove_left(directory: &Directory, name: &OsStr) {
    if let Ok(Some(left)) = open_ours(directory, name)
        && left.try_lock().is_ok()
        && has_name(&left)
    {
        let _ = directory.remove_file(name);
    }
}

/// Whether an open file was not removed. Who removes one holds it.
fn has_name(file: &File) -> bool {
    Metadata::from_file(file).is_ok_and(|meta| meta.nlink() > 0)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn in_another_group_a_file_grants_what_both_members_and_others_had() {
        let cases = [
            (0o644, 0o644, 0o644),
            (0o640, 0o640, 0o600),
            (0o664, 0o664, 0o644),
            (0o604, 0o604, 0o600),
            (0o753, 0o753, 0o711),
            (0o666, 0o666, 0o666),
            (0o6777, 0o777, 0o777),
            (0o7640, 0o640, 0o600),
        ];
        for (old, same, other) in cases {
            assert_eq!((mode_of_new(old, true), mode_of_new(old, false)), (same, other), "{old:o}");
        }
    }

    /// Of a file of `/proc` not even root may set the mode.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_mode_that_is_there_is_not_set() {
        let file = File::open("/proc/self/status").unwrap();
        permit(&file, &Metadata::from_file(&file).unwrap()).unwrap();
        assert!(file.set_permissions(file.metadata().unwrap().permissions()).is_err());
    }
}
