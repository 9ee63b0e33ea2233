use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::client::Bucket;
use crate::client::defaults::PART_SIZE;
use crate::error::{Error, ErrorKind, Result};
use crate::key::ObjectKey;
use crate::transfer::Download;
use crate::transfer::confined::Directory;
use crate::transfer::directory::compare::{Compare, has_same_bytes};
use crate::transfer::directory::merge::{Entry, Local, Merge, Remote, Shows, Side, Source};
use crate::transfer::directory::names::{Arrivals, FileNames};
use crate::transfer::directory::pool::{Deed, Pool, Settings, directory_options};
use crate::transfer::directory::report::{DirectoryFile, DirectoryReport, FileStep};
use crate::transfer::directory::walk::WalkOptions;
use crate::transfer::disk::{blocking, io_error};
use crate::transfer::handle::Control;
use crate::transfer::sealed;

/// Downloads the objects behind a prefix into a directory; with [`sync`](Self::sync), only those that differ from their
/// files.
///
/// The part of a key behind the prefix is the path below the directory, which is made when it is missing. A prefix that
/// is a directory ends in a slash: what begins with one behind it is refused. Each object
/// comes down as [`Download`] does it: a file appears at its place when it is complete, checked and on disk, or not at
/// all; many files at a time. Its time is that of its object. Metadata of the object, like permissions somebody put there,
/// are not looked at, and no directory is made that has no file. An object that fails is told as a failure, and the rest
/// goes on.
///
/// Keys are strangers' text. One that makes no plain path below the directory is refused and told, by
/// [`ErrorKind::Input`](crate::ErrorKind::Input) and field `key`: with names that are empty (`a//b`, and a slash at the
/// end, as the marks of folders have it), `.` or `..`, over 255 bytes, with a NUL, or as transfers call the files they make
/// for themselves. So is, unless
/// [`native_names`](Self::native_names) are asked for, what Windows refuses or takes for something else, on every system:
/// `\`, `:`, `CON`, a dot or space at the end; four characters that some systems take for one of plain ASCII (U+212A, `ſ`,
/// U+037E, U+1FEF), or ignore beside plain ASCII (`a`, U+200D, `b`); a short name as Windows makes them up for other files
/// (`LONGFI~1.TXT`); and a path that differs from one before it only in case, `straße` from `strasse`, too, in how its
/// letters are composed, as `é` of one character or two, or in characters without a look, as some emoji have them (told as
/// long as fewer than a million paths have capitals, or are not plain ASCII). Paths are walked name by name in the open directory, through no symbolic link, and no link is
/// replaced: no file outside the directory is ever made, changed or deleted, whoever changes it meanwhile.
///
/// A sync goes through the files and the listing side by side. It leaves a file alone that has its object, and deletes
/// one that has none only with [`delete_extraneous`](Self::delete_extraneous), after all the rest; never links,
/// directories, what is no file, a file whose name makes no key, or one whose object was refused. It holds the names of
/// the directories on the way to the file it is at; beside that and the paths just named, and where it deletes up to a
/// million that are new, memory does not grow with the number of objects.
/// Files that transfers make for themselves are left alone, and told as [`FileStep::WorkFile`].
///
/// Pausing begins no further object or part. Cancelling stops each as [`Download`] does.
///
/// # Errors
/// The future gives a [`DirectoryReport`] also when objects failed or were refused, or something ended it before all was
/// seen to: look at [`is_complete`](DirectoryReport::is_complete). Only before the first file was begun it fails: with what
/// the listing fails with, with
/// [`ErrorKind::Io`](crate::ErrorKind::Io) when the directory itself can be neither made nor read, with
/// [`ErrorKind::Response`](crate::ErrorKind::Response) when a listing has keys out of order, and with
/// [`ErrorKind::Input`](crate::ErrorKind::Input) when options do not fit.
///
/// # Cancellation
/// Dropping the future stops all I/O; of each object remains what [`Download`] leaves. Files that are complete stay.
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
    each: Option<Each>,
    settings: Settings,
}

type Each = Arc<dyn Fn(&DirectoryFile, Download) -> Download + Send + Sync>;

impl DownloadDirectory {
    /// Downloads what is behind the prefix into the directory; an empty prefix is the whole bucket.
    pub fn new(prefix: impl Into<String>, directory: impl Into<PathBuf>) -> Self {
        let (prefix, directory) = (prefix.into(), directory.into());
        Self {
            directory,
            prefix,
            names: FileNames::Portable,
            checkpoint: None,
            each: None,
            settings: Settings::default(),
        }
    }

    /// Takes every name this system can give a file, also those that others cannot, and those that differ in case, in how
    /// their letters are composed or in characters without a look where this system tells them apart.
    pub fn native_names(mut self) -> Self {
        self.names = FileNames::Native;
        self
    }

    /// Gives each download of a large object a [`checkpoint`](crate::transfer::DownloadToPath::checkpoint) in this
    /// directory, so that it is gone on with in another run.
    pub fn checkpoint(mut self, directory: impl Into<PathBuf>) -> Self {
        self.checkpoint = Some(directory.into());
        self
    }

    /// Sets the options of each download: part size, concurrency, customer key. A sync asks for them before it compares.
    pub fn each(mut self, each: impl Fn(&DirectoryFile, Download) -> Download + Send + Sync + 'static) -> Self {
        self.each = Some(Arc::new(each));
        self
    }

    directory_options! {
        /// With [`sync`](Self::sync): deletes files below the directory that have no object, after all the rest and in a pass
        /// of its own, with a second listing. Where anything failed but for keys that were refused, nothing is deleted, and
        /// the report says [`withheld`](DirectoryReport::withheld). Nor is it where no object can be a file, as with the mark
        /// of a folder alone, or by the second listing there is none: if no key was refused, that is an [`ErrorKind::Input`](crate::ErrorKind::Input).
        ///
        /// What may be a file that just came down, by another spelling, stays until another run: its path differs only in case,
        /// in how letters are composed or in characters without a look, as some file systems show names. So does all where over
        /// a million came.
        delete_extraneous
        /// Only what this is true of. Of what both sides have it is asked for the object. A file whose object is left out
        /// stays as it is; one without an object is deleted only if this is true of it. Keys that would be refused are asked
        /// about, too: for them `path` is what follows the prefix, which is no path then.
        filter
        /// Counts the objects beside the transfer, by a second listing, so that its progress has a total.
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
            pool.count(self.remote(&bucket).unfolded().count());
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
        let (worker, root, each, told) = (pool.worker(bucket), root.cloned(), self.each.clone(), object.clone());
        // Only a name that this system takes for the same can be there when the walk did not meet it.
        let (dry_run, unmet) = (self.settings.dry_run, self.settings.sync.is_some() && twin.is_none());
        // What one request brings is not worth remembering.
        let checkpoint = self.checkpoint.clone().filter(|_| object.size > PART_SIZE);
        let work = async move {
            let Some(root) = root else { return Ok(Deed::Transferred(object.size)) };
            let download = Download::new(ObjectKey::new(&object.key)?);
            let download = match each {
                Some(each) => each(&object, download),
                None => download,
            };
            if let Some((compare, file)) = twin {
                let (root, path) = (root.clone(), file.path.clone());
                let open = move || root.open_below(&path);
                let bytes = has_same_bytes(&worker.bucket, object.size, download.head(), open);
                if worker.unless_cancelled(compare.is_same(&object, &file, bytes)).await? {
                    return Ok(Deed::Unchanged);
                }
            }
            let path = object.path.clone();
            let place = blocking(move || find_place(&root, &path, !dry_run, unmet)).await?;
            let Some((directory, name)) = place else { return Ok(Deed::Transferred(object.size)) };
            let mut download = download.within(directory, &name, object.last_modified);
            if let Some(checkpoint) = checkpoint {
                download = download.checkpoint(checkpoint);
            }
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
