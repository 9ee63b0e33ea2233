use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::client::Bucket;
use crate::client::file::open;
use crate::error::{Error, Result};
use crate::key::ObjectKey;
use crate::operation::given;
use crate::transfer::confined::Directory;
use crate::transfer::directory::compare::{Compare, has_same_bytes};
use crate::transfer::directory::delete::{Extraneous, is_still_there};
use crate::transfer::directory::merge::{Entry, Local, Merge, Remote, Shows, Side, Source};
use crate::transfer::directory::names::FileNames;
use crate::transfer::directory::pool::{Deed, Pool, Settings, directory_options};
use crate::transfer::directory::report::{DirectoryFile, DirectoryReport, FileStep};
use crate::transfer::directory::walk::WalkOptions;
use crate::transfer::disk::{blocking, io_error, when_let_go};
use crate::transfer::handle::Control;
use crate::transfer::{Upload, UploadSource, sealed};

/// Uploads the files below a directory; with [`sync`](Self::sync), only those that differ from their objects.
///
/// The key of a file is the prefix followed by the path below the directory, with `/` between the names. The prefix is
/// used as it is, so it usually ends in `/`. Each file is uploaded as [`Upload`] does it, many files at a time: small
/// ones in one request, large ones in parts. Permissions and times of files are not kept, and a directory without files
/// leaves no object. Symbolic links are skipped unless [`follow_symlinks`](Self::follow_symlinks) is set.
///
/// What is neither a file nor a directory, has a name that is not UTF-8, or would have a key of more than 850 bytes is
/// reported as a failure, and the others go on; the same holds for a file that fails.
///
/// A sync reads the files and the listing side by side. An object that is the same as its file is left alone. An object
/// without a file is deleted only with [`delete_extraneous`](Self::delete_extraneous), after everything else, and never
/// when its key does not begin with the prefix, when its key could not be a file, or where the disk has something that
/// was skipped. Memory does not grow with the number of files: a sync holds only the names in the directories on the
/// way to the current file.
///
/// Temporary files and checkpoints that transfers make are skipped, and reported as [`FileStep::WorkFile`].
///
/// After a pause no further file or part begins. Cancelling stops each file as [`Upload`] does.
///
/// # Errors
/// The future gives a [`DirectoryReport`] even when files failed, or something ended the transfer early: check
/// [`is_complete`](DirectoryReport::is_complete). The future itself fails only before the first file was begun: with
/// [`ErrorKind::Io`](crate::ErrorKind::Io) when the directory cannot be read, with the error of the listing of a sync,
/// and with [`ErrorKind::Input`](crate::ErrorKind::Input) when options do not fit together.
///
/// # Cancellation
/// Dropping the future stops all I/O; each file leaves behind what [`Upload`] leaves. Files that are uploaded stay.
///
/// # Examples
/// ```no_run
/// use tencent_cos::Bucket;
/// use tencent_cos::transfer::{Compare, UploadDirectory};
///
/// # async fn example(bucket: Bucket) -> tencent_cos::Result<()> {
/// let job = UploadDirectory::new("site", "www/")
///     .sync(Compare::Crc64)
///     .filter(|file| !file.path.ends_with('~'));
/// let report = bucket.transfer(job).await?;
/// for failure in &report.failures {
///     eprintln!("{failure}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "Bucket::transfer runs it"]
pub struct UploadDirectory {
    directory: PathBuf,
    prefix: String,
    follow_links: bool,
    checkpoint: Option<PathBuf>,
    each: Each,
    settings: Settings,
}

type Each = Arc<dyn Fn(&DirectoryFile, Upload) -> Upload + Send + Sync>;

impl UploadDirectory {
    /// Uploads what is below the directory to keys that begin with the prefix; an empty prefix is the root of the
    /// bucket.
    pub fn new(directory: impl Into<PathBuf>, prefix: impl Into<String>) -> Self {
        let (directory, prefix) = (directory.into(), prefix.into());
        let each: Each = Arc::new(|_, upload| upload);
        Self { directory, prefix, follow_links: false, checkpoint: None, each, settings: Settings::default() }
    }

    /// Follows symbolic links, even to places outside the directory. A link to a directory that contains it is reported
    /// as a failure.
    ///
    /// Without this, each file is opened once, name by name from the open directory and never through a link, and sent
    /// from there. So nothing from outside the directory is sent, whoever changes it meanwhile.
    pub fn follow_symlinks(mut self) -> Self {
        self.follow_links = true;
        self
    }

    /// Gives each upload a [`checkpoint`](Upload::checkpoint) in this directory, so that another run continues large
    /// files where this one stopped.
    pub fn checkpoint(mut self, directory: impl Into<PathBuf>) -> Self {
        self.checkpoint = Some(directory.into());
        self
    }

    /// Sets the options of each upload: attributes, storage class, part size. A sync calls this before it compares, so
    /// that it can look at an object that is encrypted with a customer key.
    pub fn each(mut self, each: impl Fn(&DirectoryFile, Upload) -> Upload + Send + Sync + 'static) -> Self {
        self.each = Arc::new(each);
        self
    }

    directory_options! {
        /// With [`sync`](Self::sync): deletes objects behind the prefix that have no file, after everything else and in
        /// a separate pass, with a second listing. When anything failed, apart from names that were refused, nothing is
        /// deleted, and the report says [`withheld`](DirectoryReport::withheld). Nothing is deleted either when the
        /// directory has no files (any more): that is an [`ErrorKind::Input`](crate::ErrorKind::Input) error unless
        /// names were refused. When the directory itself is gone, it is an [`ErrorKind::Io`](crate::ErrorKind::Io)
        /// error.
        delete_extraneous
        /// Only files for which this returns `true`. Where file and object both exist, it is called with the file. When
        /// it leaves a file out, the object stays as it is; an object without a file is deleted only if this returns
        /// `true` for it.
        filter
        /// Counts the files in parallel with the transfer, so that its progress has a total.
        count_ahead
    }
}

impl fmt::Debug for UploadDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UploadDirectory")
            .field("directory", &self.directory)
            .field("prefix", &self.prefix)
            .field("sync", &self.settings.sync)
            .finish_non_exhaustive()
    }
}

impl sealed::Run for UploadDirectory {
    type Output = DirectoryReport;
    const NAME: &'static str = "upload directory";

    fn key(&self) -> &str {
        &self.prefix
    }

    async fn run(self, bucket: Bucket, control: Control) -> Result<DirectoryReport> {
        self.settings.check(&self.prefix)?;
        let mut pool = Pool::new(Some(self.directory.clone()), self.settings.clone(), control.clone());
        if self.settings.count_ahead {
            pool.count(self.local(false).count());
        }
        let outcome = match self.settings.sync {
            None => control.unless_cancelled(self.upload_all(&bucket, &mut pool)).await,
            Some(compare) => control.unless_cancelled(self.sync_all(&bucket, compare, &mut pool)).await,
        };
        pool.finish(outcome).await
    }

    fn ended_by(report: &DirectoryReport) -> Option<&Error> {
        report.ended_by.as_ref().map(|failure| &failure.error)
    }
}

impl UploadDirectory {
    fn local(&self, sorted: bool) -> Local {
        let options = WalkOptions { follow_links: self.follow_links, sorted, ..WalkOptions::default() };
        Local::new(self.directory.clone(), self.prefix.clone(), self.settings.filter.clone(), options)
    }

    async fn upload_all(&self, bucket: &Bucket, pool: &mut Pool) -> Result<()> {
        let root = self.root().await?;
        let mut local = self.local(false);
        while let Some(entry) = local.next().await? {
            match entry {
                Entry::File(file) => self.upload(bucket, &root, file, None, pool).await?,
                aside => pool.aside(aside)?,
            }
        }
        Ok(())
    }

    async fn sync_all(&self, bucket: &Bucket, compare: Compare, pool: &mut Pool) -> Result<()> {
        let root = self.root().await?;
        let mut merge = self.merge(bucket).await?;
        while let Some(side) = merge.next().await? {
            match side {
                Side::Local(file) => self.upload(bucket, &root, file, None, pool).await?,
                Side::Both { file, object } => {
                    self.upload(bucket, &root, file, Some((compare, object)), pool).await?;
                }
                Side::LocalAside(aside) => pool.aside(aside)?,
                Side::Remote { .. } | Side::RemoteAside(_) => {}
            }
        }
        if self.settings.delete_extraneous && pool.may_delete(merge.source_has_files()).await? {
            return self.delete_all(bucket, root, pool).await;
        }
        Ok(())
    }

    /// Deletes what is extraneous, in a pass of its own: a list of it might be long.
    async fn delete_all(&self, bucket: &Bucket, root: Directory, pool: &mut Pool) -> Result<()> {
        let mut merge = self.merge(bucket).await?;
        if !merge.source_has_anything() {
            let root = root.clone();
            blocking(move || is_still_there(&root)).await?;
            pool.still_has_source(false)?;
        }
        let mut extraneous = Extraneous::new(Some(root), bucket.clone(), self.settings.dry_run);
        while let Some(side) = merge.next().await? {
            if let Side::Remote { object, unsure: false } = side {
                extraneous.add(object, pool).await?;
            }
        }
        extraneous.flush(pool).await
    }

    async fn merge(&self, bucket: &Bucket) -> Result<Merge> {
        // What could be no file is not looked at.
        let filter = self.settings.filter.clone();
        let remote = Remote::new(bucket.clone(), self.prefix.clone(), filter, FileNames::Native).unfolded();
        Merge::new(self.local(true), remote, Source::Local).await
    }

    /// The directory, which is held open.
    async fn root(&self) -> Result<Directory> {
        let path = self.directory.clone();
        blocking(move || Directory::open(&path).map_err(|error| io_error("reading", &path, error))).await
    }

    async fn upload(
        &self,
        bucket: &Bucket,
        root: &Directory,
        file: DirectoryFile,
        twin: Option<(Compare, DirectoryFile)>,
        pool: &mut Pool,
    ) -> Result<()> {
        let worker = pool.worker(bucket);
        let (path, each, told) = (self.directory.join(&file.path), Arc::clone(&self.each), file.clone());
        let checkpoint = self.checkpoint.clone();
        let root = if self.follow_links { None } else { Some(root.clone()) };
        let work = async move {
            let upload = Upload::new(ObjectKey::new(&file.key)?, path.clone());
            let upload = each(&file, given(upload, checkpoint.as_ref(), Upload::checkpoint));
            if let Some((compare, object)) = twin {
                let (root, there, path) = (root.clone(), file.path.clone(), path.clone());
                let open = move || match root {
                    Some(root) => root.open_below(&there),
                    None => open(&path).map_err(|error| io_error("opening", &path, error)),
                };
                let bytes = has_same_bytes(&worker.bucket, file.size, upload.head(), open);
                if worker.unless_cancelled(compare.is_same(&file, &object, bytes)).await? {
                    return Ok(Deed::Unchanged);
                }
            }
            let upload = match root {
                // By its path a link might lead elsewhere by the time each part is read.
                Some(root) if upload.sends(&path) => {
                    let opened = when_let_go(|| {
                        let (root, there) = (root.clone(), file.path.clone());
                        blocking(move || root.open_below(&there))
                    });
                    upload.of(UploadSource::open_file(path, opened.await?))
                }
                _ => upload,
            };
            worker.transfer(&file, upload).await
        };
        pool.begin(told, Box::pin(work)).await
    }
}
