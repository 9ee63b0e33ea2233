//! The file a download becomes: a temporary one beside it until it is whole.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Permissions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempPath;

use crate::error::Result;
use crate::transfer::disk::{allocate, blocking, io_error, is_at, sync_directory};

/// Where a download goes, as the caller said it.
#[derive(Clone, Debug)]
pub(super) struct Target {
    path: PathBuf,
    pub(super) forbid_overwrite: bool,
    pub(super) follow_symlinks: bool,
}

/// A file that is being written.
pub(super) struct Destination {
    pub(super) file: Arc<File>,
    place: Place,
    /// The name it gets.
    path: PathBuf,
    forbid_overwrite: bool,
}

enum Place {
    /// Removed when dropped.
    Temporary(TempPath),
    /// Stays, for another run.
    Partial(PathBuf),
}

impl Target {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, forbid_overwrite: false, follow_symlinks: false }
    }

    /// The path, whatever the working directory will be.
    pub(super) fn absolute(&self) -> Result<PathBuf> {
        std::path::absolute(&self.path).map_err(|error| io_error("finding", &self.path, error))
    }

    /// Opens a temporary file beside the target.
    pub(super) async fn open(&self) -> Result<Destination> {
        self.clone()
            .opening(|_, directory| {
                let temporary = new_temporary(directory)?;
                let (file, place) = temporary.into_parts();
                Ok(Some((file, Place::Temporary(place))))
            })
            .await
            .map(|opened| opened.expect("a new one"))
    }

    /// Makes a file beside the target that stays when it is dropped, in place of one that is there.
    pub(super) async fn create_partial(&self, mark: String) -> Result<Destination> {
        let opened = self.clone().opening(move |path, directory| {
            let partial = directory.join(partial_name(path, &mark));
            match fs::remove_file(&partial) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let file = File::options().read(true).write(true).create_new(true).open(&partial)?;
            Ok(Some((file, Place::Partial(partial))))
        });
        opened.await.map(|opened| opened.expect("a new one"))
    }

    /// Opens what an earlier run left; `None` when there is nothing of this length.
    pub(super) async fn open_partial(&self, mark: String, length: u64) -> Result<Option<Destination>> {
        let opened = self.clone().opening(move |path, directory| {
            let partial = directory.join(partial_name(path, &mark));
            let file = match File::options().read(true).write(true).open(&partial) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            };
            let meta = file.metadata()?;
            // Not what a link leads to.
            let ours = meta.is_file() && meta.len() == length && is_at(&file, &partial)?;
            Ok(ours.then_some((file, Place::Partial(partial))))
        });
        opened.await
    }

    async fn opening(
        self,
        open: impl FnOnce(&Path, &Path) -> io::Result<Option<(File, Place)>> + Send + 'static,
    ) -> Result<Option<Destination>> {
        blocking(move || {
            let failed = |error| io_error("writing", &self.path, error);
            let (path, permissions) = self.resolve().map_err(failed)?;
            let directory = directory_of(&path);
            let Some((file, place)) = open(&path, directory).map_err(failed)? else { return Ok(None) };
            if let Some(permissions) = permissions {
                file.set_permissions(permissions).map_err(failed)?;
            }
            Ok(Some(Destination { file: Arc::new(file), place, path, forbid_overwrite: self.forbid_overwrite }))
        })
        .await
    }

    /// The path that is written, and the permissions of the file that is there.
    fn resolve(&self) -> io::Result<(PathBuf, Option<Permissions>)> {
        let mut path = self.path.clone();
        if path.file_name().is_none() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it names no file"));
        }
        let mut there = match fs::symlink_metadata(&path) {
            Ok(there) => there,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((path, None)),
            Err(error) => return Err(error),
        };
        if there.is_symlink() {
            if !self.follow_symlinks {
                return Err(io::Error::other(
                    "it is a symbolic link, and those are followed only by follow_symlinks()",
                ));
            }
            path = fs::canonicalize(&path)?;
            there = fs::symlink_metadata(&path)?;
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
        Ok((path, Some(there.permissions())))
    }
}

impl Destination {
    /// Takes the space for so many bytes: a disk that is too full says so now.
    pub(super) async fn reserve(&self, length: u64) -> Result<()> {
        let (file, path) = (Arc::clone(&self.file), self.path.clone());
        blocking(move || allocate(&file, length).map_err(|error| io_error("taking space for", &path, error))).await
    }

    /// The name it will have, for messages.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the file its name, once its bytes are on disk.
    pub(super) async fn finish(self) -> Result<Named> {
        blocking(move || {
            let Self { file, place, path, forbid_overwrite } = self;
            let failed = |error| io_error("writing", &path, error);
            file.sync_all().map_err(failed)?;
            match place {
                Place::Temporary(temporary) if forbid_overwrite => {
                    temporary.persist_noclobber(&path).map_err(|it| it.error)
                }
                Place::Temporary(temporary) => temporary.persist(&path).map_err(|it| it.error),
                Place::Partial(partial) if forbid_overwrite => {
                    // A link is made only where nothing is.
                    fs::hard_link(&partial, &path).and_then(|()| fs::remove_file(&partial))
                }
                Place::Partial(partial) => fs::rename(&partial, &path),
            }
            .map_err(failed)?;
            Ok(Named(path))
        })
        .await
    }

    /// Removes it, also where it would have stayed.
    pub(super) async fn discard(self) -> Result<()> {
        let Place::Partial(partial) = self.place else { return Ok(()) };
        blocking(move || fs::remove_file(&partial).map_err(|error| io_error("removing", &partial, error))).await
    }
}

/// A file that has its name.
pub(super) struct Named(PathBuf);

impl Named {
    /// Makes the name last.
    pub(super) async fn sync(self) -> Result<()> {
        blocking(move || sync_directory(directory_of(&self.0)).map_err(|error| io_error("writing", &self.0, error)))
            .await
    }
}

fn new_temporary(directory: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".cos-").suffix(".tmp");
    builder.make_in(directory, |path| File::options().read(true).write(true).create_new(true).open(path))
}

fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// `.NAME.MARK.cos-partial`; without the name where that would be too long.
fn partial_name(path: &Path, mark: &str) -> OsString {
    let name = path.file_name().filter(|name| name.len() <= 150).unwrap_or(OsStr::new(""));
    let mut partial = OsString::from(".");
    partial.push(name);
    partial.push(format!(".{mark}.cos-partial"));
    partial
}
