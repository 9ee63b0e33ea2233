//! A directory held open, and nothing but what lies below it.
//!
//! Names are looked up in the open directory, one by one, and through no symbolic link: who plants a link on the way,
//! or moves a directory, gets an error and no file anywhere else. The work blocks.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_fs_ext::{DirExt as _, FollowSymlinks, MetadataExt as _, OpenOptionsFollowExt as _, OpenOptionsSyncExt as _};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, Metadata, OpenOptions};

use crate::error::Result;
use crate::transfer::disk::io_error;

/// An open directory.
#[derive(Clone, Debug)]
pub(super) struct Directory {
    dir: Arc<Dir>,
    /// What it was called, for messages.
    path: PathBuf,
}

impl Directory {
    /// Opens it by a path of the caller's, which may lead through links.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let here = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let dir = Dir::open_ambient_dir(here, ambient_authority())?;
        Ok(Self { dir: Arc::new(dir), path: path.to_owned() })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a path of the caller's leads here.
    pub(super) fn is_at(&self, path: &Path) -> io::Result<bool> {
        let there = Self::open(path)?;
        let (here, there) = (self.dir.dir_metadata()?, there.dir.dir_metadata()?);
        Ok((here.dev(), here.ino()) == (there.dev(), there.ino()))
    }

    /// The directory a path of names leads to from here, and the last name; what is missing on the way is made if
    /// `make`.
    pub(super) fn descend(&self, path: &str, make: bool) -> io::Result<(Self, OsString)> {
        let mut directory = self.clone();
        let mut rest = path;
        while let Some((name, below)) = rest.split_once('/') {
            directory = directory.child(name, make)?;
            rest = below;
        }
        Ok((directory, rest.into()))
    }

    fn child(&self, name: &str, make: bool) -> io::Result<Self> {
        let opened = match self.dir.open_dir_nofollow(name) {
            Err(error) if make && error.kind() == io::ErrorKind::NotFound => {
                match self.dir.create_dir(name) {
                    // Another file may need it, too.
                    Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                    _ => self.dir.open_dir_nofollow(name),
                }
            }
            opened => opened,
        };
        let path = self.path.join(name);
        match opened {
            Ok(dir) => Ok(Self { dir: Arc::new(dir), path }),
            Err(error) => Err(match self.metadata(name) {
                Ok(Some(meta)) if meta.is_symlink() => link_in_the_way(&path),
                Ok(Some(meta)) if !meta.is_dir() => {
                    io::Error::new(io::ErrorKind::NotADirectory, format!("{} is no directory", path.display()))
                }
                _ => error,
            }),
        }
    }

    /// What a name is, a link itself included; `None` when there is nothing.
    pub(super) fn metadata(&self, name: impl AsRef<Path>) -> io::Result<Option<Metadata>> {
        match self.dir.symlink_metadata(name) {
            Ok(meta) => Ok(Some(meta)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Opens a file below it to be read, name by name and through no link.
    pub(super) fn open_below(&self, path: &str) -> Result<File> {
        let opened = self.descend(path, false).and_then(|(directory, name)| directory.open_file(&name));
        opened.map_err(|error| io_error("opening", &self.path().join(path), error))
    }

    /// Opens a file to read it.
    pub(super) fn open_file(&self, name: impl AsRef<Path>) -> io::Result<File> {
        let mut options = OpenOptions::new();
        // Whoever opens a pipe waits for one who writes.
        options.read(true).follow(FollowSymlinks::No).nonblock(true);
        let file = self.dir.open_with(name, &options)?.into_std();
        if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is no file")) }
    }

    /// Makes a file that is not there yet; a private one is for its owner alone.
    pub(super) fn create_file(&self, name: impl AsRef<Path>, private: bool) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).follow(FollowSymlinks::No);
        #[cfg(unix)]
        if private {
            cap_std::fs::OpenOptionsExt::mode(&mut options, 0o600);
        }
        #[cfg(not(unix))]
        let _ = private; // Who may do what comes from the directory.
        Ok(self.dir.open_with(name, &options)?.into_std())
    }

    /// Opens a file to go on with it; `None` when there is none.
    pub(super) fn open_to_write(&self, name: impl AsRef<Path>) -> io::Result<Option<File>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).follow(FollowSymlinks::No);
        match self.dir.open_with(name, &options) {
            Ok(file) => Ok(Some(file.into_std())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Gives a file another name in this directory that nothing has.
    pub(super) fn rename_new(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::{RenameFlags, renameat_with};
            use rustix::io::Errno;
            match renameat_with(&*self.dir, from.as_ref(), &*self.dir, to.as_ref(), RenameFlags::NOREPLACE) {
                // Not on every file system.
                Err(Errno::INVAL | Errno::NOSYS) => {}
                outcome => return Ok(outcome?),
            }
        }
        // A link is made only where nothing is.
        match self.dir.hard_link(&from, &self.dir, &to) {
            Ok(()) => self.dir.remove_file(from),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
            Err(_) => self.rename_taking(from, to),
        }
    }

    /// The same where a file has one name: an empty file takes the other first, and is replaced.
    fn rename_taking(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
        drop(self.create_file(&to, true)?);
        self.rename(from, &to).inspect_err(|_| drop(self.remove_file(&to)))
    }

    /// Gives a file another name in this directory, in place of what had it.
    pub(super) fn rename(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
        self.dir.rename(from, &self.dir, to)
    }

    /// Makes names given and taken last.
    pub(super) fn sync(&self) -> io::Result<()> {
        // Elsewhere a directory cannot be opened as a file, and the rename itself lasts.
        if cfg!(unix) { self.dir.open(".")?.sync_all() } else { Ok(()) }
    }

    pub(super) fn remove_file(&self, name: impl AsRef<Path>) -> io::Result<()> {
        self.dir.remove_file(name)
    }
}

fn link_in_the_way(path: &Path) -> io::Error {
    io::Error::new(io::ErrorKind::NotADirectory, format!("{} is a symbolic link", path.display()))
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::MetadataExt as _;
    use std::sync::Barrier;

    use super::*;

    fn root() -> (tempfile::TempDir, Directory) {
        let root = tempfile::tempdir().unwrap();
        let directory = Directory::open(root.path()).unwrap();
        (root, directory)
    }

    #[test]
    fn what_is_in_the_way_is_named() {
        let (root, directory) = root();
        std::fs::write(root.path().join("file"), "").unwrap();
        std::os::unix::fs::symlink("file", root.path().join("link")).unwrap();
        for make in [true, false] {
            for (name, why) in [("file", "is no directory"), ("link", "is a symbolic link")] {
                let error = directory.descend(&format!("{name}/x"), make).unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::NotADirectory);
                assert_eq!(error.to_string(), format!("{} {why}", root.path().join(name).display()));
            }
        }
    }

    /// Nobody writes into the pipe: opening it would take for ever.
    #[test]
    fn only_files_are_opened_to_be_read() {
        let (root, directory) = root();
        std::fs::write(root.path().join("file"), "bytes").unwrap();
        std::fs::create_dir(root.path().join("directory")).unwrap();
        std::os::unix::fs::symlink("file", root.path().join("link")).unwrap();
        let made = std::process::Command::new("mkfifo").arg(root.path().join("pipe")).status().unwrap();
        assert!(made.success());
        assert_eq!(io::read_to_string(directory.open_file("file").unwrap()).unwrap(), "bytes");
        for name in ["directory", "link", "pipe", "none"] {
            assert!(directory.open_file(name).is_err(), "{name}");
        }
    }

    #[test]
    fn what_cannot_be_looked_at_is_not_taken_for_missing() {
        let (_root, directory) = root();
        assert!(directory.metadata("none").unwrap().is_none() && directory.open_to_write("none").unwrap().is_none());
        let long = "n".repeat(256);
        assert!(directory.metadata(&long).is_err() && directory.open_to_write(&long).is_err());
    }

    /// From the start: who opened it in between would read all that comes.
    #[test]
    fn a_private_file_is_its_owners_alone() {
        let (root, directory) = root();
        std::fs::write(root.path().join("usual"), "").unwrap();
        let usual = std::fs::metadata(root.path().join("usual")).unwrap().mode();
        let mode = |name, private| directory.create_file(name, private).unwrap().metadata().unwrap().mode();
        assert_eq!((mode("private", true) & 0o777, mode("other", false)), (0o600, usual));
        for private in [true, false] {
            assert_eq!(directory.create_file("usual", private).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        }
    }

    #[test]
    fn where_a_file_has_one_name_it_gets_another_that_nothing_has() {
        let (root, directory) = root();
        std::fs::write(root.path().join("file"), "bytes").unwrap();
        std::fs::write(root.path().join("taken"), "theirs").unwrap();
        let read = |name| std::fs::read_to_string(root.path().join(name)).ok();
        let refused = directory.rename_taking("file", "taken").unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!([read("file").as_deref(), read("taken").as_deref()], [Some("bytes"), Some("theirs")]);
        assert_eq!(directory.rename_taking("none", "new").unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(read("new"), None);
        directory.rename_taking("file", "new").unwrap();
        assert_eq!([read("file"), read("new")], [None, Some("bytes".to_owned())]);
    }

    #[test]
    fn a_directory_is_made_only_when_asked() {
        let (root, directory) = root();
        assert_eq!(directory.descend("a/b/x", false).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(!root.path().join("a").exists());
        let (made, name) = directory.descend("a/b/x", true).unwrap();
        assert_eq!((made.path(), name.to_str()), (&*root.path().join("a/b"), Some("x")));
        assert!(made.is_at(&root.path().join("a/b")).unwrap() && !made.is_at(root.path()).unwrap());
    }

    /// Files that come down side by side need the same directories.
    #[test]
    fn many_may_make_a_directory_at_once() {
        let (_root, directory) = root();
        let all = Barrier::new(4);
        let make = |number: usize| {
            all.wait();
            directory.descend(&format!("{number}/x"), true).map(drop)
        };
        std::thread::scope(|scope| {
            let makers = [(); 4].map(|()| scope.spawn(|| (0..200).map(make).collect::<Vec<_>>()));
            for made in makers.into_iter().flat_map(|maker| maker.join().unwrap()) {
                made.unwrap();
            }
        });
    }
}
