//! The files below a directory, in the order of keys when it matters.

use std::ffi::{OsStr, OsString};
use std::fs::{self, ReadDir};
use std::io;
use std::path::PathBuf;
use std::time::SystemTime;
use std::vec;

use crate::error::{Error, Result};
use crate::key::ObjectKey;
use crate::transfer::disk::{blocking, io_error};
use crate::transfer::work_files::is_work_file;

/// How many files are taken from the disk in one go.
const BATCH: usize = 256;

/// What a walk meets.
#[derive(Debug)]
pub(super) enum Found {
    File {
        path: String,
        size: u64,
        last_modified: Option<SystemTime>,
    },
    /// A symbolic link that is not followed.
    Link {
        path: String,
    },
    /// A file that transfers make for themselves.
    WorkFile {
        path: String,
    },
    /// What is no file, or cannot be looked at. Of a name that is not UTF-8 `path` has what can be told.
    Unseen {
        path: String,
        error: Error,
    },
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct WalkOptions {
    /// Links are followed; cycles are told.
    pub(super) follow_links: bool,
    /// In the order of keys. The names of the directories on the way are held then, otherwise none.
    pub(super) sorted: bool,
    /// A path longer than this makes no key, and nothing below it does.
    pub(super) max_path: usize,
}

/// A walk that runs where it may block, a batch at a time.
pub(super) struct Walk {
    tree: Option<Box<Tree>>,
    batch: vec::IntoIter<Found>,
}

impl Walk {
    pub(super) fn new(root: PathBuf, options: WalkOptions) -> Self {
        let max_path = options.max_path.min(ObjectKey::MAX_BYTES);
        let tree = Tree { root, options: WalkOptions { max_path, ..options }, levels: Vec::new(), begun: false };
        Self { tree: Some(Box::new(tree)), batch: Vec::new().into_iter() }
    }

    /// The next; `None` at the end.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) when the root itself cannot be read. What is wrong below it is found,
    /// not an error.
    pub(super) async fn next(&mut self) -> Result<Option<Found>> {
        loop {
            if let Some(found) = self.batch.next() {
                return Ok(Some(found));
            }
            let Some(mut tree) = self.tree.take() else { return Ok(None) };
            let (tree, batch) = blocking(move || {
                let mut batch = Vec::with_capacity(BATCH);
                while batch.len() < BATCH {
                    match tree.next()? {
                        Some(found) => batch.push(found),
                        None => return Ok((None, batch)),
                    }
                }
                Ok((Some(tree), batch))
            })
            .await?;
            self.tree = tree;
            self.batch = batch.into_iter();
        }
    }
}

struct Tree {
    root: PathBuf,
    options: WalkOptions,
    /// From the root to the directory the walk is in.
    levels: Vec<Level>,
    begun: bool,
}

struct Level {
    /// Its path, with a slash at its end; that of the root is empty.
    path: String,
    entries: Entries,
    /// Where it really lies, when links are followed.
    real: Option<PathBuf>,
}

enum Entries {
    AsTheyCome(ReadDir),
    /// Names, those of directories with a slash at their end: so they sort like the keys below them.
    Sorted(vec::IntoIter<OsString>),
}

impl Level {
    fn next_name(&mut self) -> Option<io::Result<OsString>> {
        match &mut self.entries {
            Entries::AsTheyCome(entries) => Some(entries.next()?.map(|entry| entry.file_name())),
            Entries::Sorted(names) => names.next().map(Ok),
        }
    }
}

impl Tree {
    fn next(&mut self) -> Result<Option<Found>> {
        if !self.begun {
            self.begun = true;
            let cycle = self.enter(String::new()).map_err(|error| io_error("reading", &self.root, error))?;
            debug_assert!(cycle.is_none(), "the root is the first");
        }
        while let Some(level) = self.levels.last_mut() {
            let found = match level.next_name() {
                None => {
                    self.levels.pop();
                    None
                }
                Some(Err(error)) => {
                    let path = level.path.clone();
                    Some(self.unreadable(&path, error))
                }
                Some(Ok(name)) => self.look_at(&name),
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// A directory is entered; what else it is, is found.
    fn look_at(&mut self, name: &OsStr) -> Option<Found> {
        let above = self.levels.last().map_or("", |level| &level.path);
        let Some(text) = name.to_str() else {
            let path = format!("{above}{}", name.to_string_lossy().trim_end_matches('/'));
            return Some(Found::Unseen { path, error: Error::input("path", "is not UTF-8") });
        };
        let path = format!("{above}{}", text.trim_end_matches('/'));
        if path.len() > self.options.max_path {
            // Nor is anything below it short enough.
            let error = Error::input("key", format!("would be over {} bytes long", ObjectKey::MAX_BYTES));
            return Some(Found::Unseen { path, error });
        }
        let full = self.root.join(&path);
        let meta = match fs::symlink_metadata(&full) {
            // Removed a moment ago.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Ok(meta) if meta.is_symlink() && !self.options.follow_links => return Some(Found::Link { path }),
            Ok(meta) if meta.is_symlink() => fs::metadata(&full),
            meta => meta,
        };
        match meta {
            Err(error) => Some(self.unreadable(&path, error)),
            Ok(meta) if meta.is_dir() => match self.enter(format!("{path}/")) {
                Ok(cycle) => cycle,
                Err(error) => Some(self.unreadable(&path, error)),
            },
            Ok(meta) if meta.is_file() && is_work_file(text) => Some(Found::WorkFile { path }),
            Ok(meta) if meta.is_file() => {
                Some(Found::File { path, size: meta.len(), last_modified: meta.modified().ok() })
            }
            Ok(_) => {
                let error = Error::input("path", "is neither a file nor a directory");
                Some(Found::Unseen { path, error })
            }
        }
    }

    /// Goes into a directory, unless it is one the walk is in.
    fn enter(&mut self, path: String) -> io::Result<Option<Found>> {
        let full = self.root.join(&path);
        let real = if self.options.follow_links { Some(fs::canonicalize(&full)?) } else { None };
        if real.is_some() && self.levels.iter().any(|level| level.real == real) {
            let path = path.trim_end_matches('/').to_owned();
            return Ok(Some(Found::Unseen {
                path,
                error: Error::input("path", "is a link to a directory it lies in"),
            }));
        }
        let entries = fs::read_dir(&full)?;
        let entries = if self.options.sorted { self.sorted(entries)? } else { Entries::AsTheyCome(entries) };
        self.levels.push(Level { path, entries, real });
        Ok(None)
    }

    fn sorted(&self, entries: ReadDir) -> io::Result<Entries> {
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry?;
            let kind = entry.file_type()?;
            let leads_to_directory = || fs::metadata(entry.path()).is_ok_and(|meta| meta.is_dir());
            let mut name = entry.file_name();
            if kind.is_dir() || kind.is_symlink() && self.options.follow_links && leads_to_directory() {
                name.push("/");
            }
            names.push(name);
        }
        // As their paths: those that are not UTF-8, too, or none that is one would be in its place behind them.
        names.sort_unstable_by(|a, b| a.to_string_lossy().cmp(&b.to_string_lossy()));
        Ok(Entries::Sorted(names.into_iter()))
    }

    fn unreadable(&self, path: &str, error: io::Error) -> Found {
        let error = io_error("reading", &self.root.join(path), error);
        Found::Unseen { path: path.trim_end_matches('/').to_owned(), error }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;
    use std::path::Path;

    use super::*;

    impl Found {
        fn path(&self) -> &str {
            match self {
                Self::File { path, .. } | Self::Link { path } | Self::WorkFile { path } | Self::Unseen { path, .. } => {
                    path
                }
            }
        }
    }

    fn walk(root: &Path, options: WalkOptions) -> Vec<Found> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut walk = Walk::new(root.to_owned(), options);
            let mut all = Vec::new();
            while let Some(found) = walk.next().await.unwrap() {
                all.push(found);
            }
            all
        })
    }

    fn make(root: &Path, files: &[&str]) {
        for file in files {
            let path = root.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file).unwrap();
        }
    }

    const ALL: WalkOptions = WalkOptions { follow_links: false, sorted: true, max_path: 850 };

    #[test]
    fn a_sorted_walk_goes_in_the_order_of_keys() {
        let root = tempfile::tempdir().unwrap();
        let files = ["a-b", "a.txt", "a/x", "a/z/q", "a0", "B", "é/x", "b/c-d/e", "b/c/e"];
        make(root.path(), &files);
        let mut expected = files.map(str::to_owned);
        expected.sort();
        let paths: Vec<_> = walk(root.path(), ALL).iter().map(|found| found.path().to_owned()).collect();
        assert_eq!(paths, expected);
        let mut unsorted: Vec<_> = walk(root.path(), WalkOptions { sorted: false, ..ALL })
            .iter()
            .map(|found| found.path().to_owned())
            .collect();
        unsorted.sort();
        assert_eq!(unsorted, expected);
    }

    #[test]
    fn links_sockets_and_names_without_a_key_are_told_and_the_rest_is_found() {
        let root = tempfile::tempdir().unwrap();
        make(root.path(), &["a", "d/b", "long/nnnnnnnnnnnnnnnnnnn/x", ".cos-0123456789ab.tmp"]);
        symlink("/etc", root.path().join("etc")).unwrap();
        symlink("..", root.path().join("d/up")).unwrap();
        let _socket = UnixListener::bind(root.path().join("socket")).unwrap();
        fs::write(root.path().join(OsStr::from_bytes(b"\xff")), "x").unwrap();
        for sorted in [true, false] {
            let mut told: Vec<_> = walk(root.path(), WalkOptions { sorted, max_path: 21, ..ALL })
                .into_iter()
                .map(|found| match found {
                    Found::File { path, size, .. } => format!("file {path} {size}"),
                    Found::Link { path } => format!("link {path}"),
                    Found::WorkFile { path } => format!("work file {path}"),
                    Found::Unseen { path, error } => format!("unseen {path} {}", error.field().unwrap()),
                })
                .collect();
            told.sort();
            let unseen = ["unseen long/nnnnnnnnnnnnnnnnnnn key", "unseen socket path", "unseen \u{fffd} path"];
            let seen = ["file a 1", "file d/b 3", "link d/up", "link etc"];
            assert_eq!(told, [&seen[..], &unseen, &["work file .cos-0123456789ab.tmp"]].concat());
        }
    }

    /// A directory that cannot be read, and one whose names can be read and nothing else: their paths are longer than
    /// the system takes, also for root.
    #[test]
    fn what_may_not_be_looked_at_is_told_and_the_rest_is_found() {
        let root = tempfile::tempdir().unwrap();
        let below = |deep: &Path| deep.join("d".repeat(100));
        let mut deep = root.path().to_owned();
        while fs::create_dir(below(&deep)).is_ok() {
            deep = below(&deep);
        }
        fs::remove_dir(&deep).unwrap();
        deep.pop();
        make(&deep, &["a", "z"]);
        let open = cap_std::fs::Dir::open_ambient_dir(&deep, cap_std::ambient_authority()).unwrap();
        // With a slash at its end it is one byte too long.
        let is_locked = |name: &String| {
            open.create_dir(name).unwrap();
            let locked = deep.join(name).is_dir() && fs::read_dir(deep.join(format!("{name}/"))).is_err();
            if !locked {
                open.remove_dir(name).unwrap();
            }
            locked
        };
        let locked = (1..=200).map(|length| "l".repeat(length)).find(is_locked).unwrap();
        let names = format!("names/{}", "n".repeat(200));
        open.create_dir("names").unwrap();
        open.create_dir(&names).unwrap();
        for sorted in [true, false] {
            let mut found: Vec<_> = walk(&deep, WalkOptions { sorted, ..ALL })
                .iter()
                .map(|found| (found.path().to_owned(), matches!(found, Found::File { .. })))
                .collect();
            found.sort();
            let expected = [("a", true), (&locked, false), (&names, false), ("z", true)];
            assert_eq!(found, expected.map(|(path, is_file)| (path.to_owned(), is_file)));
        }
    }

    #[test]
    fn followed_links_lead_round_no_circle() {
        let root = tempfile::tempdir().unwrap();
        let other = tempfile::tempdir().unwrap();
        make(root.path(), &["d/a"]);
        make(other.path(), &["o"]);
        symlink("..", root.path().join("d/up")).unwrap();
        symlink(other.path(), root.path().join("other")).unwrap();
        symlink(root.path(), other.path().join("back")).unwrap();
        symlink("nowhere", root.path().join("dangling")).unwrap();
        let found = walk(root.path(), WalkOptions { follow_links: true, ..ALL });
        let paths: Vec<_> = found.iter().map(|found| (found.path(), matches!(found, Found::File { .. }))).collect();
        let expected = [("d/a", true), ("d/up", false), ("dangling", false), ("other/back", false), ("other/o", true)];
        assert_eq!(paths, expected);
    }
}
