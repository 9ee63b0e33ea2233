use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::client::Bucket;
use crate::client::defaults::PART_SIZE;
use crate::error::{Error, ErrorKind, Result};
use crate::key::ObjectKey;
use crate::operation::given;
use crate::transfer::confined::Directory;
use crate::transfer::directory::compare::{Compare, has_same_bytes};
use crate::transfer::directory::merge::{Entry, Local, Merge, Remote, Shows, Side, Source};
use crate::transfer::directory::names::{Arrivals, FileNames};
use crate::transfer::directory::pool::{Deed, Pool, Settings, directory_options};
use crate::transfer::directory::report::{DirectoryFile, DirectoryReport, FileStep};
use crate::transfer::directory::walk::WalkOptions;
use crate::transfer::disk::{blocking, io_error, when_let_go};
use crate::transfer::handle::Control;
use crate::transfer::{Download, DownloadToPath, sealed};

/// Downloads the objects behind a prefix into a directory; with [`sync`](Self::sync), only those that differ from their
/// files.
///
/// The part of a key after the prefix is the path below the directory; the directory is created if it is missing. A
/// prefix that names a folder must end in a slash: a key whose part after the prefix begins with a slash is refused.
/// Each object is downloaded as [`Download`] does it, many at a time: a file appears in its place when it is complete,
/// checked and on disk, or not at all. Its time is that of its object. Permissions or other metadata that somebody
/// stored with the object are not applied, and no directory is created without a file. An object that fails is reported
/// as a failure, and the others go on.
///
/// Keys may come from anybody. A key that does not make a plain path below the directory is refused and reported, as
/// [`ErrorKind::Input`](crate::ErrorKind::Input) with field `key`: when a name in it is empty (`a//b`, or a slash at
/// the end, as keys of folders have it), `.` or `..`, longer than 255 bytes, contains a NUL, or is a name that
/// transfers give to their own files. Unless [`native_names`](Self::native_names) is set, these are refused too, on
/// every system:
///
/// - what Windows forbids or reads as something else: `\`, `:`, `CON`, a dot or space at the end, and names like the
///   short ones that Windows makes for other files (`LONGFI~1.TXT`);
/// - four characters that some systems take for plain ASCII (U+212A, `ſ`, U+037E, U+1FEF), and characters that some
///   ignore beside plain ASCII (`a`, U+200D, `b`);
/// - a path that differs from an earlier one only in case (also `straße` and `strasse`), in how its letters are
///   composed (`é` as one character or two), or in invisible characters, as some emoji have them. This is detected as
///   long as fewer than a million paths have capitals or are not plain ASCII.
///
/// Paths are walked name by name from the open directory, never through a symbolic link, and no link is replaced: no
/// file outside the directory is ever created, changed or deleted, whoever changes the directory meanwhile.
///
/// A sync reads the files and the listing side by side. A file that is the same as its object is left alone. A file
/// without an object is deleted only with [`delete_extraneous`](Self::delete_extraneous), after everything else; links,
/// directories, special files, files whose name makes no key, and files whose object was refused are never deleted.
/// Memory does not grow with the number of objects, except for the paths named above and, where files are deleted, up
/// to a million new paths: a sync holds only the names in the directories on the way to the current file. Temporary
/// files and checkpoints that transfers make are left alone, and reported as [`FileStep::WorkFile`].
///
/// After a pause no further object or part begins. Cancelling stops each object as [`Download`] does.
///
/// # Errors
/// The future gives a [`DirectoryReport`] even when objects failed or were refused, or something ended the transfer
/// early: check [`is_complete`](DirectoryReport::is_complete). The future itself fails only before the first file was
/// begun: with the error of the listing, with [`ErrorKind::Io`](crate::ErrorKind::Io) when the directory can be neither
/// created nor read, with [`ErrorKind::Response`](crate::ErrorKind::Response) when a listing has keys out of order, and
/// with [`ErrorKind::Input`](crate::ErrorKind::Input) when options do not fit together.
///
/// # Cancellation
/// Dropping the future stops all I/O; each object leaves behind what [`Download`] leaves. Files that are complete stay.
///
/// # Examples
/// ```no_run
/// use tencent_cos::Bucket;
/// use tencent_cos::transfer::DownloadDirectory;
///
/// # async fn example(bucket: Bucket) -> tencent_cos::Result<()> {
/// // A key that ends in a slash is the mark of a folder.
/// let job = DownloadDirectory::new("www/", "site").filter(|file| !file.key.ends_with('/'));
/// let report = bucket.transfer(job).await?;
/// println!("{} files, {} failed", report.transferred, report.failed);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "Bucket::transfer runs it"]
pub struct DownloadDirectory {
    directory: PathBuf,
    prefix: String,
    names: FileNames,
    checkpoint: Option<PathBuf>,
    each: Each,
    settings: Settings,
}

type Each = Arc<dyn Fn(&DirectoryFile, Download) -> Download + Send + Sync>;

impl DownloadDirectory {
    /// Downloads the objects behind the prefix into the directory; an empty prefix is the whole bucket.
    pub fn new(prefix: impl Into<String>, directory: impl Into<PathBuf>) -> Self {
        let (prefix, directory) = (prefix.into(), directory.into());
        Self {
            directory,
            prefix,
            names: FileNames::Portable,
            checkpoint: None,
            each: Arc::new(|_, download| download),
            settings: Settings::default(),
        }
    }

    /// Accepts every name that this system can give to a file, even if other systems cannot. Paths that differ only in
    /// case, in how their letters are composed or in invisible characters are accepted where this system tells them
    /// apart.
    pub fn native_names(mut self) -> Self {
        self.names = FileNames::Native;
        self
    }

    /// Gives each download of a large object a [`checkpoint`](crate::transfer::DownloadToPath::checkpoint) in this
    /// directory, so that another run continues it where this one stopped.
    pub fn checkpoint(mut self, directory: impl Into<PathBuf>) -> Self {
        self.checkpoint = Some(directory.into());
        self
    }

    /// Sets the options of each download: part size, concurrency, customer key. A sync calls this before it compares.
    pub fn each(mut self, each: impl Fn(&DirectoryFile, Download) -> Download + Send + Sync + 'static) -> Self {
        self.each = Arc::new(each);
        self
    }

    directory_options! {
        /// With [`sync`](Self::sync): deletes files below the directory that have no object, after everything else and
        /// in a separate pass, with a second listing. When anything failed, apart from keys that were refused, nothing
        /// is deleted, and the report says [`withheld`](DirectoryReport::withheld). Nothing is deleted either when no
        /// object can be a file (for instance when there is only the key of a folder), or when the second listing is
        /// empty: that is an [`ErrorKind::Input`](crate::ErrorKind::Input) error unless keys were refused.
        ///
        /// A file that may be one just downloaded, under another spelling, stays until another run: its path differs
        /// only in case, in how letters are composed or in invisible characters, as some file systems change names.
        /// When more than a million files were downloaded, all extraneous files stay.
        delete_extraneous
        /// Only objects for which this returns `true`. Where file and object both exist, it is called with the object.
        /// When it leaves an object out, the file stays as it is; a file without an object is deleted only if this
        /// returns `true` for it. It is also called for keys that would be refused: then `path` is what follows the
        /// prefix, and is not a path.
        filter
        /// Counts the objects in parallel with the transfer, by a second listing, so that its progress has a total.
        count_ahead
    }
}

impl fmt::Debug for DownloadDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DownloadDirectory")
            .field("directory", &self.directory)
            .field("prefix", &self.prefix)
            .field("sync", &self.settings.sync)
            .finish_non_exhaustive()
    }
}

impl sealed::Run for DownloadDirectory {
    type Output = DirectoryReport;
    const NAME: &'static str = "download directory";

    fn key(&self) -> &str {
        &self.prefix
    }

    async fn run(self, bucket: Bucket, control: Control) -> Result<DirectoryReport> {
        self.settings.check(&self.prefix)?;
        let mut pool = Pool::new(Some(self.directory.clone()), self.settings.clone(), control.clone());
        if self.settings.count_ahead {
            pool.count(self.remote(&bucket).count());
        }
        let outcome = match self.settings.sync {
            None => control.unless_cancelled(self.download_all(&bucket, &mut pool)).await,
            Some(compare) => control.unless_cancelled(self.sync_all(&bucket, compare, &mut pool)).await,
        };
        pool.finish(outcome).await
    }

    fn ended_by(report: &DirectoryReport) -> Option<&Error> {
        report.ended_by.as_ref().map(|failure| &failure.error)
    }
}

impl DownloadDirectory {
    fn remote(&self, bucket: &Bucket) -> Remote {
        Remote::new(bucket.clone(), self.prefix.clone(), self.settings.filter.clone(), self.names)
    }

    fn local(&self) -> Local {
        let options = WalkOptions { sorted: true, ..WalkOptions::default() };
        Local::new(self.directory.clone(), self.prefix.clone(), self.settings.filter.clone(), options)
    }

    /// The root every path is resolved in; `None` when it is missing and nothing is to be made.
    async fn root(&self) -> Result<Option<Directory>> {
        let (path, make) = (self.directory.clone(), !self.settings.dry_run);
        blocking(move || {
            if make {
                std::fs::create_dir_all(&path).map_err(|error| io_error("making", &path, error))?;
            }
            match Directory::open(&path) {
                Err(error) if !make && error.kind() == io::ErrorKind::NotFound => Ok(None),
                opened => opened.map(Some).map_err(|error| io_error("opening", &path, error)),
            }
        })
        .await
    }

    async fn download_all(&self, bucket: &Bucket, pool: &mut Pool) -> Result<()> {
        let mut remote = self.remote(bucket);
        let root = self.root().await?;
        while let Some(entry) = remote.next().await? {
            match entry {
                Entry::File(object) => self.download(bucket, root.as_ref(), object, None, pool).await?,
                aside => pool.aside(aside)?,
            }
        }
        Ok(())
    }

    async fn sync_all(&self, bucket: &Bucket, compare: Compare, pool: &mut Pool) -> Result<()> {
        let Some(root) = self.root().await? else { return self.download_all(bucket, pool).await };
        let (mut merge, mut arrivals) = (self.merge(bucket).await?, Arrivals::new());
        while let Some(side) = merge.next().await? {
            match side {
                Side::Remote { object, .. } => {
                    if self.settings.delete_extraneous {
                        arrivals.add(&object.path);
                    }
                    self.download(bucket, Some(&root), object, None, pool).await?;
                }
                Side::Both { file, object } => {
                    self.download(bucket, Some(&root), object, Some((compare, file)), pool).await?;
                }
                Side::LocalAside(Entry::Refused(file, error)) if error.kind() == ErrorKind::Io => {
                    pool.fail(file, error)?;
                }
                Side::LocalAside(aside @ (Entry::Link(_) | Entry::WorkFile(_))) | Side::RemoteAside(aside) => {
                    pool.aside(aside)?;
                }
                Side::Local(_) | Side::LocalAside(_) => {}
            }
        }
        if self.settings.delete_extraneous && pool.may_delete(merge.source_has_files()).await? {
            // In a pass of its own: a list of what is to be deleted might be long.
            let mut merge = self.merge(bucket).await?;
            pool.still_has_source(merge.source_has_anything())?;
            while let Some(side) = merge.next().await? {
                if let Side::Local(file) = side
                    && !arrivals.may_have(&file.path)
                {
                    self.delete(&root, file, pool).await?;
                }
            }
        }
        Ok(())
    }

    async fn merge(&self, bucket: &Bucket) -> Result<Merge> {
        Merge::new(self.local(), self.remote(bucket), Source::Remote).await
    }

    async fn download(
        &self,
        bucket: &Bucket,
        root: Option<&Directory>,
        object: DirectoryFile,
        twin: Option<(Compare, DirectoryFile)>,
        pool: &mut Pool,
    ) -> Result<()> {
        let (worker, root, told) = (pool.worker(bucket), root.cloned(), object.clone());
        let each = Arc::clone(&self.each);
        // Only a name that this system takes for the same can be there when the walk did not meet it.
        let (dry_run, unmet) = (self.settings.dry_run, self.settings.sync.is_some() && twin.is_none());
        // What one request brings is not worth remembering.
        let checkpoint = self.checkpoint.clone().filter(|_| object.size > PART_SIZE);
        let work = async move {
            let Some(root) = root else { return Ok(Deed::Transferred(object.size)) };
            let download = each(&object, Download::new(ObjectKey::new(&object.key)?));
            if let Some((compare, file)) = twin {
                let (root, path) = (root.clone(), file.path.clone());
                let open = move || root.open_below(&path);
                let bytes = has_same_bytes(&worker.bucket, object.size, download.head(), open);
                if worker.unless_cancelled(compare.is_same(&object, &file, bytes)).await? {
                    return Ok(Deed::Unchanged);
                }
            }
            let place = when_let_go(|| {
                let (root, path) = (root.clone(), object.path.clone());
                blocking(move || find_place(&root, &path, !dry_run, unmet))
            });
            let Some((directory, name)) = place.await? else { return Ok(Deed::Transferred(object.size)) };
            let download = download.within(directory, &name, object.last_modified);
            let download = given(download, checkpoint.as_ref(), DownloadToPath::checkpoint);
            worker.transfer(&object, download).await
        };
        pool.begin(told, Box::pin(work)).await
    }

    async fn delete(&self, root: &Directory, file: DirectoryFile, pool: &mut Pool) -> Result<()> {
        let (root, path, dry_run) = (root.clone(), file.path.clone(), self.settings.dry_run);
        let work = blocking(move || {
            let delete = || {
                let (directory, name) = root.descend(&path, false)?;
                match directory.metadata(&name)? {
                    Some(meta) if !meta.is_file() => return Ok(Deed::Kept),
                    Some(_) if !dry_run => directory.remove_file(&name)?,
                    _ => {}
                }
                Ok(Deed::Deleted)
            };
            delete().map_err(|error| io_error("deleting", &root.path().join(&path), error))
        });
        pool.begin(file, Box::pin(work)).await
    }
}

/// The directory and the name of a file that may be made or replaced; `None` when nothing on the way is there, and
/// nothing is to be made.
fn find_place(root: &Directory, path: &str, make: bool, unmet: bool) -> Result<Option<(Directory, OsString)>> {
    let find = || {
        let (directory, name) = match root.descend(path, make) {
            Err(error) if !make && error.kind() == io::ErrorKind::NotFound => return Ok(None),
            found => found?,
        };
        match directory.metadata(&name)? {
            Some(meta) if meta.is_symlink() => Err(in_the_way("it is a symbolic link")),
            Some(meta) if !meta.is_file() => Err(in_the_way("it is no file")),
            Some(_) if unmet => Err(in_the_way("a file of another spelling is there")),
            _ => Ok(Some((directory, name))),
        }
    };
    find().map_err(|error| io_error("replacing", &root.path().join(path), error))
}

fn in_the_way(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::AlreadyExists, why)
}
