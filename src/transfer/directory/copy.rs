use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use crate::client::Bucket;
use crate::error::{Error, ErrorKind, Result};
use crate::key::ObjectKey;
use crate::transfer::directory::compare::{Compare, have_same_bytes};
use crate::transfer::directory::delete::Extraneous;
use crate::transfer::directory::listing::Listing;
use crate::transfer::directory::merge::{Entry, Shows, wants};
use crate::transfer::directory::pool::{Deed, Pool, Settings, directory_options};
use crate::transfer::directory::report::{DirectoryFile, DirectoryReport, FileStep, Filter};
use crate::transfer::handle::Control;
use crate::transfer::{LargeCopy, sealed};

/// Copies the objects behind a prefix to another, in the bucket that runs it, from there or from another bucket; with
/// [`sync`](Self::sync), only those that differ from their copies. The bytes move inside COS.
///
/// The key of a copy is its prefix followed by what follows the prefix of the source. Both prefixes are used as they
/// are, so they usually end in `/`. Each object is copied as [`LargeCopy`] does it, many at a time. A copy does not
/// keep the storage class; [`each`](Self::each) may set it again. Keys of folders are objects like any other. An object
/// whose copy would have no valid key, or a key among those that are copied, is reported as a failure, and the others
/// go on; the same holds for an object that fails.
///
/// A sync reads both listings side by side. A copy that is the same as its object is left alone. A copy without an
/// object is deleted only with [`delete_extraneous`](Self::delete_extraneous), after everything else. Memory does not
/// grow with the number of objects.
///
/// [`DirectoryFile::path`] is what follows the prefixes, [`DirectoryFile::key`] the key of the copy. Size, time and
/// class are those of the source; for an extraneous copy, its own.
///
/// After a pause no further object or part begins. Cancelling stops each object as [`LargeCopy`] does.
///
/// # Rights
/// Those of [`LargeCopy`], and [`ListObjects`](crate::ListObjects) of the source. A sync also needs
/// [`ListObjects`](crate::ListObjects) of the copies, with [`Compare::Crc64`] [`HeadObject`](crate::HeadObject) of
/// them, and [`DeleteObjects`](crate::DeleteObjects) to delete.
///
/// # Errors
/// The future gives a [`DirectoryReport`] even when objects failed, or something ended the transfer early: check
/// [`is_complete`](DirectoryReport::is_complete). The future itself fails only before the first object was begun: with
/// the error of a listing, with [`ErrorKind::Response`] when one has keys out of order, and with [`ErrorKind::Input`]
/// when options do not fit together, or when source and copies have one bucket and the copies would lie behind the
/// prefix of the source, where they would be copied again.
///
/// # Cancellation
/// Dropping the future stops all requests; each object leaves behind what [`LargeCopy`] leaves. Copies that are made
/// stay.
///
/// # Examples
/// ```no_run
/// use tencent_cos::Bucket;
/// use tencent_cos::transfer::{Compare, CopyDirectory};
///
/// # async fn example(backup: Bucket, bucket: Bucket) -> tencent_cos::Result<()> {
/// let job = CopyDirectory::new("photos/", "photos/")
///     .from_bucket(&bucket)
///     .each(|file, copy| copy.storage_class(file.storage_class.clone().unwrap_or_default()))
///     .sync(Compare::Crc64);
/// let report = backup.transfer(job).await?;
/// println!("{} copied, {} failed", report.transferred, report.failed);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "Bucket::transfer runs it"]
pub struct CopyDirectory {
    from: String,
    from_bucket: Option<Bucket>,
    prefix: String,
    each: Each,
    settings: Settings,
}

type Each = Arc<dyn Fn(&DirectoryFile, LargeCopy) -> LargeCopy + Send + Sync>;

impl CopyDirectory {
    /// Copies the objects behind the prefix `from` to keys behind `prefix`; an empty prefix is the root of a bucket.
    pub fn new(from: impl Into<String>, prefix: impl Into<String>) -> Self {
        let (from, prefix) = (from.into(), prefix.into());
        Self { from, from_bucket: None, prefix, each: Arc::new(|_, copy| copy), settings: Settings::default() }
    }

    /// The bucket of the source, with credentials to list it and to look at its objects; by default the bucket that
    /// runs the job. COS reads the objects with the credentials of the bucket that runs the job.
    pub fn from_bucket(mut self, bucket: &Bucket) -> Self {
        self.from_bucket = Some(bucket.clone());
        self
    }

    /// Sets the options of each copy: storage class, attributes, part size, customer keys. A sync calls this before it
    /// compares.
    pub fn each(mut self, each: impl Fn(&DirectoryFile, LargeCopy) -> LargeCopy + Send + Sync + 'static) -> Self {
        self.each = Arc::new(each);
        self
    }

    directory_options! {
        /// With [`sync`](Self::sync): deletes objects behind the prefix that have none in the source, after everything
        /// else and in a separate pass, with a second listing of both. When anything failed, apart from keys that were
        /// refused, nothing is deleted, and the report says [`withheld`](DirectoryReport::withheld). Nothing is deleted
        /// either when the source has no object (any more): that is an [`ErrorKind::Input`] error unless keys were
        /// refused. It is one, too, when the source itself lies behind the prefix.
        delete_extraneous
        /// Only objects for which this returns `true`. Where object and copy both exist, it is called with the object.
        /// When it leaves an object out, the copy stays as it is; a copy without an object is deleted only if this
        /// returns `true` for it.
        filter
        /// Counts the objects in parallel with the transfer, by a second listing, so that its progress has a total.
        count_ahead
    }
}

impl fmt::Debug for CopyDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CopyDirectory")
            .field("from", &self.from)
            .field("from_bucket", &self.from_bucket)
            .field("prefix", &self.prefix)
            .field("sync", &self.settings.sync)
            .finish_non_exhaustive()
    }
}

impl sealed::Run for CopyDirectory {
    type Output = DirectoryReport;
    const NAME: &'static str = "copy directory";

    fn key(&self) -> &str {
        &self.prefix
    }

    async fn run(self, bucket: Bucket, control: Control) -> Result<DirectoryReport> {
        self.check(&bucket)?;
        let mut pool = Pool::new(None, self.settings.clone(), control.clone());
        if self.settings.count_ahead {
            pool.count(self.source(&bucket).count());
        }
        let outcome = match self.settings.sync {
            None => control.unless_cancelled(self.copy_all(&bucket, &mut pool)).await,
            Some(compare) => control.unless_cancelled(self.sync_all(&bucket, compare, &mut pool)).await,
        };
        pool.finish(outcome).await
    }

    fn ended_by(report: &DirectoryReport) -> Option<&Error> {
        report.ended_by.as_ref().map(|failure| &failure.error)
    }
}

impl CopyDirectory {
    fn check(&self, bucket: &Bucket) -> Result<()> {
        self.settings.check(&self.from)?;
        self.settings.check(&self.prefix)?;
        if !self.is_within(bucket) {
            return Ok(());
        }
        if self.prefix.starts_with(&self.from) {
            return Err(Error::input("prefix", "begins like the source: the copies would be copied again"));
        }
        if self.settings.delete_extraneous && self.from.starts_with(&self.prefix) {
            return Err(Error::input("delete_extraneous", "would delete the source, which lies behind the prefix"));
        }
        Ok(())
    }

    /// Whether source and copies have one bucket.
    fn is_within(&self, bucket: &Bucket) -> bool {
        self.from_bucket.as_ref().is_none_or(|from| from.name() == bucket.name())
    }

    fn source(&self, bucket: &Bucket) -> Objects {
        let listing = Listing::new(self.from_bucket.as_ref().unwrap_or(bucket).clone(), self.from.clone());
        // Those would be copied again, or replace what is not copied yet.
        let reserved = self.is_within(bucket).then(|| self.from.clone());
        let (from, to) = (self.from.clone(), self.prefix.clone());
        Objects { listing, from, to, reserved, filter: self.settings.filter.clone() }
    }

    fn copies(&self, bucket: &Bucket) -> Objects {
        let listing = Listing::new(bucket.clone(), self.prefix.clone());
        let (from, to) = (self.prefix.clone(), self.prefix.clone());
        Objects { listing, from, to, reserved: None, filter: self.settings.filter.clone() }
    }

    async fn copy_all(&self, bucket: &Bucket, pool: &mut Pool) -> Result<()> {
        let mut source = self.source(bucket);
        while let Some(entry) = source.next().await? {
            self.copy(bucket, entry, None, pool).await?;
        }
        Ok(())
    }

    async fn sync_all(&self, bucket: &Bucket, compare: Compare, pool: &mut Pool) -> Result<()> {
        let mut twins = self.twins(bucket).await?;
        while let Some((source, copy)) = twins.next().await? {
            if let Some(source) = source {
                let twin = copy.map(|copy| (compare, copy));
                self.copy(bucket, source, twin, pool).await?;
            }
        }
        if self.settings.delete_extraneous && pool.may_delete(twins.source_has_objects).await? {
            let mut twins = self.twins(bucket).await?;
            pool.still_has_source(twins.next_source.is_some())?;
            let mut extraneous = Extraneous::new(None, bucket.clone(), self.settings.dry_run);
            while let Some((source, copy)) = twins.next().await? {
                if let (None, Some(copy)) = (source, copy) {
                    extraneous.add(copy, pool).await?;
                }
            }
            extraneous.flush(pool).await?;
        }
        Ok(())
    }

    async fn twins(&self, bucket: &Bucket) -> Result<Twins> {
        let (mut source, mut copies) = (self.source(bucket), self.copies(bucket));
        let (next_source, next_copy) = (source.any().await?, copies.any().await?);
        Ok(Twins { source, copies, next_source, next_copy, source_has_objects: false })
    }

    async fn copy(
        &self,
        bucket: &Bucket,
        entry: Entry,
        twin: Option<(Compare, DirectoryFile)>,
        pool: &mut Pool,
    ) -> Result<()> {
        let object = match entry {
            Entry::Refused(file, error) => return pool.fail(file, error),
            Entry::File(file) | Entry::Link(file) | Entry::WorkFile(file) => file,
        };
        let (worker, each, told) = (pool.worker(bucket), Arc::clone(&self.each), object.clone());
        let from_bucket = self.from_bucket.clone();
        let from = format!("{}{}", self.from, object.path);
        let work = async move {
            let mut copy = LargeCopy::new(ObjectKey::new(from)?, ObjectKey::new(&object.key)?);
            if let Some(from) = &from_bucket {
                copy = copy.from_bucket(from);
            }
            let copy = each(&object, copy);
            if let Some((compare, twin)) = twin {
                let bytes = have_same_bytes(object.size, copy.heads(&worker.bucket));
                if worker.unless_cancelled(compare.is_same(&object, &twin, bytes)).await? {
                    return Ok(Deed::Unchanged);
                }
            }
            worker.transfer(&object, copy).await
        };
        pool.begin(told, Box::pin(work)).await
    }
}

/// The objects behind a prefix, as their copies are called.
struct Objects {
    listing: Listing,
    from: String,
    to: String,
    /// No copy may lie behind this.
    reserved: Option<String>,
    filter: Option<Filter>,
}

impl Shows for Objects {
    fn filter(&self) -> Option<&Filter> {
        self.filter.as_ref()
    }

    async fn any(&mut self) -> Result<Option<Entry>> {
        let Some(object) = self.listing.next().await? else { return Ok(None) };
        let Some(path) = object.key.strip_prefix(&*self.from) else {
            return Err(Error::new(ErrorKind::Response, "the listing has a key without the prefix"));
        };
        let key = format!("{}{path}", self.to);
        let refused = match &self.reserved {
            Some(reserved) if key.starts_with(&**reserved) => {
                Some(Error::input("key", "its copy would lie among what is copied"))
            }
            _ => ObjectKey::new(&object.key).and_then(|_| ObjectKey::new(&key)).err(),
        };
        let file = DirectoryFile {
            path: path.to_owned(),
            key,
            size: object.size,
            last_modified: object.last_modified,
            storage_class: Some(object.storage_class),
        };
        Ok(Some(match refused {
            Some(error) => Entry::Refused(file, error),
            None => Entry::File(file),
        }))
    }
}

/// Source and copies in one pass. The filter is asked as in [`Merge`](super::merge::Merge).
struct Twins {
    source: Objects,
    copies: Objects,
    next_source: Option<Entry>,
    next_copy: Option<Entry>,
    /// Whether the source showed an object so far, wanted or not.
    source_has_objects: bool,
}

impl Twins {
    /// The next that is wanted, on one side or both.
    async fn next(&mut self) -> Result<Option<(Option<Entry>, Option<DirectoryFile>)>> {
        loop {
            let order = match (&self.next_source, &self.next_copy) {
                (None, None) => return Ok(None),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(source), Some(copy)) => source.file().path.cmp(&copy.file().path),
            };
            let (mut source, mut copy) = (None, None);
            if order.is_le() {
                source = std::mem::replace(&mut self.next_source, self.source.any().await?);
                self.source_has_objects |= matches!(source, Some(Entry::File(_)));
            }
            if order.is_ge() {
                copy = std::mem::replace(&mut self.next_copy, self.copies.any().await?);
            }
            let shown = source.as_ref().or(copy.as_ref()).map(Entry::file);
            if shown.is_some_and(|file| wants(self.source.filter(), file)) {
                return Ok(Some((source, copy.map(Entry::into_file))));
            }
        }
    }
}
