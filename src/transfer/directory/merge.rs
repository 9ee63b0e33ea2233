//! The two sides of a directory, each in the order of paths, and what comes of laying one over the other.

use std::cmp::Ordering;
use std::path::PathBuf;

use crate::client::Bucket;
use crate::error::{Error, Result};
use crate::key::ObjectKey;
use crate::transfer::directory::listing::Listing;
use crate::transfer::directory::names::{FileNames, Spellings, key_of, path_of};
use crate::transfer::directory::report::{DirectoryFile, Filter};
use crate::transfer::directory::walk::{Found, Walk, WalkOptions};

/// What a side shows.
#[derive(Debug)]
pub(super) enum Entry {
    File(DirectoryFile),
    /// A symbolic link that is not followed.
    Link(DirectoryFile),
    /// A file that transfers make for themselves.
    WorkFile(DirectoryFile),
    /// What cannot be transferred.
    Refused(DirectoryFile, Error),
}

impl Entry {
    pub(super) fn file(&self) -> &DirectoryFile {
        match self {
            Self::File(file) | Self::Link(file) | Self::WorkFile(file) | Self::Refused(file, _) => file,
        }
    }

    pub(super) fn into_file(self) -> DirectoryFile {
        match self {
            Self::File(file) | Self::Link(file) | Self::WorkFile(file) | Self::Refused(file, _) => file,
        }
    }
}

/// One of the sides.
pub(super) trait Shows: Sized {
    /// What is wanted of it; all, when there is none.
    fn filter(&self) -> Option<&Filter>;

    /// The next, wanted or not.
    async fn any(&mut self) -> Result<Option<Entry>>;

    /// The next that is wanted.
    async fn next(&mut self) -> Result<Option<Entry>> {
        loop {
            let entry = self.any().await?;
            if entry.as_ref().is_none_or(|entry| wants(self.filter(), entry.file())) {
                return Ok(entry);
            }
        }
    }

    /// Bytes and files of what is wanted.
    async fn count(mut self) -> Result<(u64, u32)> {
        let (mut bytes, mut files) = (0_u64, 0_u32);
        while let Some(entry) = self.next().await? {
            if let Entry::File(file) = &entry {
                bytes = bytes.saturating_add(file.size);
            }
            if !matches!(entry, Entry::Link(_) | Entry::WorkFile(_)) {
                files = files.saturating_add(1);
            }
        }
        Ok((bytes, files))
    }
}

/// The files on the disk.
pub(super) struct Local {
    walk: Walk,
    prefix: String,
    filter: Option<Filter>,
}

impl Local {
    pub(super) fn new(root: PathBuf, prefix: String, filter: Option<Filter>, options: WalkOptions) -> Self {
        let max_path = ObjectKey::MAX_BYTES.saturating_sub(prefix.len());
        Self { walk: Walk::new(root, WalkOptions { max_path, ..options }), prefix, filter }
    }

    fn entry(&self, found: Found) -> Entry {
        let key = |path: &str| key_of(&self.prefix, path);
        let named = |path| DirectoryFile { path, ..DirectoryFile::default() };
        match found {
            Found::File { path, size, last_modified } => match key(&path) {
                Ok(key) => {
                    let key = key.as_str().to_owned();
                    Entry::File(DirectoryFile { path, key, size, last_modified, ..DirectoryFile::default() })
                }
                Err(error) => Entry::Refused(named(path), error),
            },
            Found::Link { path } => Entry::Link(named(path)),
            Found::WorkFile { path } => Entry::WorkFile(named(path)),
            Found::Unseen { path, error } => Entry::Refused(named(path), error),
        }
    }
}

impl Shows for Local {
    fn filter(&self) -> Option<&Filter> {
        self.filter.as_ref()
    }

    async fn any(&mut self) -> Result<Option<Entry>> {
        let found = self.walk.next().await?;
        Ok(found.map(|found| self.entry(found)))
    }
}

/// The objects behind the prefix.
pub(super) struct Remote {
    listing: Listing,
    prefix: String,
    names: FileNames,
    spellings: Option<Spellings>,
    filter: Option<Filter>,
}

impl Remote {
    pub(super) fn new(bucket: Bucket, prefix: String, filter: Option<Filter>, names: FileNames) -> Self {
        let spellings = names.folds_case().then(Spellings::new);
        Self { listing: Listing::new(bucket, prefix.clone()), prefix, names, spellings, filter }
    }

    /// Takes names for different that systems which fold case take for the same.
    pub(super) fn unfolded(self) -> Self {
        Self { spellings: None, ..self }
    }

    /// Where an entry would lie, if a file could have such a path.
    fn place<'a>(&self, entry: &'a Entry) -> &'a str {
        let key = &entry.file().key;
        key.strip_prefix(&*self.prefix).unwrap_or(key)
    }
}

impl Shows for Remote {
    fn filter(&self) -> Option<&Filter> {
        self.filter.as_ref()
    }

    async fn any(&mut self) -> Result<Option<Entry>> {
        let Some(object) = self.listing.next().await? else { return Ok(None) };
        let (path, refused) = match path_of(&object.key, &self.prefix, self.names) {
            Ok(path) => (path, None),
            // No path; but a filter is asked about it as about all others.
            Err(error) => (object.key.strip_prefix(&*self.prefix).unwrap_or_default(), Some(error)),
        };
        let path = path.to_owned();
        let file = DirectoryFile {
            path,
            key: object.key,
            size: object.size,
            last_modified: object.last_modified,
            storage_class: Some(object.storage_class),
        };
        // One that is not wanted is in nobody's way.
        let mut collides =
            |spellings: &mut Spellings| wants(self.filter.as_ref(), &file) && spellings.collides(&file.path);
        Ok(Some(match refused {
            Some(error) => Entry::Refused(file, error),
            None if self.spellings.as_mut().is_some_and(&mut collides) => {
                let why = "differs from one before it only in case, in how its letters are composed, or in characters \
                           without a look";
                Entry::Refused(file, Error::input("key", why))
            }
            None => Entry::File(file),
        }))
    }
}

/// Whether a filter, if there is one, lets it through.
pub(super) fn wants(filter: Option<&Filter>, file: &DirectoryFile) -> bool {
    filter.is_none_or(|filter| filter(file))
}

/// What both sides together show.
#[derive(Debug)]
pub(super) enum Side {
    Local(DirectoryFile),
    /// `unsure` when the disk has something there that was not looked at.
    Remote {
        object: DirectoryFile,
        unsure: bool,
    },
    Both {
        file: DirectoryFile,
        object: DirectoryFile,
    },
    /// What the disk has beside files.
    LocalAside(Entry),
    /// What makes no file.
    RemoteAside(Entry),
}

/// Which side the other is made like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Local,
    Remote,
}

/// Both sides in one pass.
///
/// The filter is asked of what the source has, and of what only the destination has. So what the source has, wanted or
/// not, is never taken for extraneous on the other side.
pub(super) struct Merge {
    local: Local,
    remote: Remote,
    source: Source,
    filter: Option<Filter>,
    next_local: Option<Entry>,
    next_remote: Option<Entry>,
    unseen: Unseen,
    /// Whether the source showed a file so far, wanted or not.
    source_has_files: bool,
}

impl Merge {
    pub(super) async fn new(mut local: Local, mut remote: Remote, source: Source) -> Result<Self> {
        let filter = remote.filter.clone();
        let (next_local, next_remote) = (local.any().await?, remote.any().await?);
        let (unseen, source_has_files) = (Unseen::default(), false);
        Ok(Self { local, remote, source, filter, next_local, next_remote, unseen, source_has_files })
    }

    /// Before the first: whether the source has anything at all.
    pub(super) fn source_has_anything(&self) -> bool {
        match self.source {
            Source::Local => self.next_local.is_some(),
            Source::Remote => self.next_remote.is_some(),
        }
    }

    pub(super) fn source_has_files(&self) -> bool {
        self.source_has_files
    }

    /// The next that is wanted.
    pub(super) async fn next(&mut self) -> Result<Option<Side>> {
        loop {
            let order = match (&self.next_local, &self.next_remote) {
                (None, None) => return Ok(None),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(local), Some(remote)) => (*local.file().path).cmp(self.remote.place(remote)),
            };
            let local = if order.is_le() { self.take_local().await? } else { None };
            let side = match local {
                // What the other side has there is judged after it.
                Some(aside @ (Entry::Link(_) | Entry::WorkFile(_) | Entry::Refused(..))) => self.aside(aside),
                local => {
                    let remote = if order.is_ge() { self.take_remote().await? } else { None };
                    self.side(local, remote)
                }
            };
            if side.is_some() {
                return Ok(side);
            }
        }
    }

    /// It stands for what nobody looked at, wanted or not.
    fn aside(&mut self, aside: Entry) -> Option<Side> {
        self.unseen.add(aside.file().path.clone());
        self.wants(aside.file()).then_some(Side::LocalAside(aside))
    }

    /// What the two make that have one path; `None` when it is not wanted.
    fn side(&mut self, local: Option<Entry>, remote: Option<Entry>) -> Option<Side> {
        match (local, remote) {
            (Some(Entry::File(file)), Some(Entry::File(object))) => {
                let source = if self.source == Source::Local { &file } else { &object };
                self.wants(source).then_some(Side::Both { file, object })
            }
            // Its file is not extraneous.
            (_, Some(refused @ Entry::Refused(..))) if self.source == Source::Remote => {
                self.wants(refused.file()).then_some(Side::RemoteAside(refused))
            }
            (Some(Entry::File(file)), _) => self.wants(&file).then_some(Side::Local(file)),
            (None, Some(Entry::File(object))) if self.wants(&object) => {
                let unsure = self.unseen.covers(&object.path);
                Some(Side::Remote { object, unsure })
            }
            _ => None,
        }
    }

    fn wants(&self, file: &DirectoryFile) -> bool {
        wants(self.filter.as_ref(), file)
    }

    async fn take_local(&mut self) -> Result<Option<Entry>> {
        let next = self.local.any().await?;
        let taken = std::mem::replace(&mut self.next_local, next);
        self.source_has_files |= self.source == Source::Local && matches!(taken, Some(Entry::File(_)));
        Ok(taken)
    }

    async fn take_remote(&mut self) -> Result<Option<Entry>> {
        let next = self.remote.any().await?;
        let taken = std::mem::replace(&mut self.next_remote, next);
        self.source_has_files |= self.source == Source::Remote && matches!(taken, Some(Entry::File(_)));
        Ok(taken)
    }
}

/// Paths on the disk that were not looked at, as long as the other side may have them or something below them. In the
/// order of paths few are left at a time: each begins with the one before it.
#[derive(Default)]
struct Unseen(Vec<String>);

impl Unseen {
    fn add(&mut self, path: String) {
        self.pass(&path);
        self.0.push(path);
    }

    /// Whether it is one of them, or lies below one.
    fn covers(&mut self, path: &str) -> bool {
        self.pass(path);
        let below = |rest: &str| rest.is_empty() || rest.starts_with('/');
        self.0.iter().any(|unseen| path.strip_prefix(&**unseen).is_some_and(below))
    }

    /// Forgets those that nothing from this path on lies below.
    fn pass(&mut self, path: &str) {
        // What lies below one sorts before its name with the character behind the slash.
        let before_end = |unseen: &str| path.strip_prefix(unseen).map_or(path < unseen, |rest| rest < "0");
        self.0.retain(|unseen| before_end(unseen));
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::*;
    use crate::client::Client;
    use crate::credentials::Credentials;

    async fn merge(root: &Path, keys: &[String]) -> Merge {
        let credentials = Credentials::permanent("id", "key").unwrap();
        let client = Client::builder().region("ap-guangzhou").credentials(credentials).build().unwrap();
        let bucket = client.bucket("b-1250000000").unwrap();
        let local =
            Local::new(root.to_owned(), String::new(), None, WalkOptions { sorted: true, ..WalkOptions::default() });
        let remote = Remote::new(bucket.clone(), String::new(), None, FileNames::Native).unfolded();
        Merge::new(local, Remote { listing: Listing::of(bucket, keys), ..remote }, Source::Local).await.unwrap()
    }

    /// Many links take no memory, and no time for each object.
    #[tokio::test]
    async fn only_links_are_held_that_an_object_may_lie_behind() {
        let root = tempfile::tempdir().unwrap();
        let mut keys = Vec::new();
        for number in 100..200 {
            symlink("nowhere", root.path().join(number.to_string())).unwrap();
            keys.extend([number.to_string(), format!("{number}/x"), format!("{number}0")]);
        }
        let mut held = 0;
        for keys in [keys, Vec::new()] {
            let mut merge = merge(root.path(), &keys).await;
            while let Some(side) = merge.next().await.unwrap() {
                held = held.max(merge.unseen.0.len());
                if let Side::Remote { object, unsure } = side {
                    assert_eq!(unsure, !object.path.ends_with('0') || object.path.len() == 3, "{}", object.path);
                }
            }
        }
        assert_eq!(held, 1);
    }

    /// Of all that sorts about a slash.
    #[tokio::test]
    async fn an_object_is_sure_to_have_no_file_when_nothing_on_its_way_is_a_link() {
        const NAMES: [&str; 5] = ["a", "a-", "a-a", "a.", "a0"];
        for _ in 0..200 {
            let root = tempfile::tempdir().unwrap();
            let (mut links, mut files, mut keys) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
            for above in ["", "a/", "a-/", "a-a/a/"] {
                for path in NAMES.map(|name| format!("{above}{name}")) {
                    let full = root.path().join(&path);
                    let free =
                        fs::create_dir_all(full.parent().unwrap()).is_ok() && fs::symlink_metadata(&full).is_err();
                    match fastrand::u8(..4) {
                        0 if free => {
                            symlink("nowhere", &full).unwrap();
                            links.insert(path.clone());
                        }
                        1 if free => {
                            fs::write(&full, "").unwrap();
                            files.insert(path.clone());
                        }
                        _ => {}
                    }
                    if fastrand::bool() {
                        keys.insert(path);
                    }
                }
            }
            let listed: Vec<_> = keys.iter().cloned().collect();
            let mut merge = merge(root.path(), &listed).await;
            let (mut met, mut both) = (BTreeSet::new(), 0);
            while let Some(side) = merge.next().await.unwrap() {
                match side {
                    Side::Remote { object, unsure } => {
                        let behind = |link: &String| Path::new(&object.path).starts_with(link);
                        assert_eq!(unsure, links.iter().any(behind), "{} beside {links:?}", object.path);
                        assert!(!files.contains(&object.path));
                    }
                    Side::Both { file, .. } => both += usize::from(met.insert(file.path)),
                    Side::Local(file) => assert!(met.insert(file.path)),
                    Side::LocalAside(aside) => assert!(links.contains(&aside.file().path)),
                    Side::RemoteAside(aside) => panic!("{aside:?}"),
                }
            }
            assert_eq!((&met, both), (&files, files.intersection(&keys).count()));
        }
    }
}
