//! Downloads: to a file by parallel ranges, or in order to a writer or as a stream.

mod checkpoint;
mod destination;
mod file;
mod layout;
mod ordered;
mod pinned;
mod verify;
mod writer;

use std::ffi::OsStr;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::SystemTime;

use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use self::destination::Target;
use self::pinned::Begun;
use crate::client::Bucket;
use crate::client::defaults::CONCURRENCY;
use crate::error::{Error, ErrorKind, Result};
use crate::key::ObjectKey;
use crate::object::{GetObject, HeadObject, Integrity, Object, ObjectMeta, Unverified};
use crate::operation::Operation as _;
use crate::options::{ByteRange, Conditions, CustomerKey, TrafficLimit};
use crate::transfer::confined::Directory;
use crate::transfer::handle::{Control, Transfer};
use crate::transfer::plan::check_part_size;
use crate::transfer::sealed::Run;

/// Downloads an object in parallel ranges: [to a file](Self::to_path), [to a writer](Self::to_writer), or [as a
/// stream](Self::to_stream).
///
/// The first request reads the beginning and finds out what the object is; for a small object it is the only one. All
/// others ask for the same version on condition that the `ETag` is the same (`If-Match`), so that two objects are never
/// mixed. A range whose connection breaks is continued at the next byte. The CRC-64 of the whole is combined from those
/// of the ranges and compared with the one that COS keeps; [`Integrity`] tells whether there was one.
///
/// # Errors
/// As [`GetObject`]. [`ErrorKind::Changed`] when the object is replaced meanwhile. [`ErrorKind::Integrity`] when the
/// checksum of the bytes differs from COS's, or when COS has none and [one is required](Self::require_checksum).
/// [`ErrorKind::Input`] when an option is invalid.
///
/// # Examples
/// ```no_run
/// use tencent_cos::Bucket;
/// use tencent_cos::transfer::Download;
///
/// # async fn example(bucket: Bucket) -> tencent_cos::Result<()> {
/// let download = Download::new("video.mp4".parse()?)
///     .require_checksum()
///     .to_path("video.mp4")
///     .checkpoint("/var/lib/my-app");
/// let transfer = bucket.transfer(download)
///     .on_progress(|progress| println!("{} bytes", progress.bytes));
/// println!("{} bytes", transfer.await?.bytes);
///
/// // As it comes, several ranges ahead of the reader.
/// let tail = Download::new("log.txt".parse()?).range(1024..).to_stream();
/// let mut object = bucket.transfer(tail).await?;
/// while let Some(piece) = object.body.next().await.transpose()? {
///     println!("{} bytes", piece.len());
/// }
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [GET Object](https://cloud.tencent.com/document/product/436/7753)
#[derive(Clone, Debug)]
#[must_use = "it says what to download; to_path, to_writer and to_stream say where"]
pub struct Download {
    get: GetObject,
    conditions: Conditions,
    range: Option<ByteRange>,
    part_size: Option<u64>,
    concurrency: usize,
    require_checksum: bool,
}

impl Download {
    /// Downloads the latest version, whole.
    pub fn new(key: ObjectKey) -> Self {
        Self {
            get: GetObject::new(key),
            conditions: Conditions::new(),
            range: None,
            part_size: None,
            concurrency: CONCURRENCY,
            require_checksum: false,
        }
    }

    /// Downloads this version.
    pub fn version_id(mut self, version_id: impl Into<String>) -> Self {
        self.get = self.get.version_id(version_id);
        self
    }

    /// Downloads only these bytes. They are not checked: COS keeps a checksum of the whole object only.
    pub fn range(mut self, range: impl Into<ByteRange>) -> Self {
        self.range = Some(range.into());
        self
    }

    /// Conditions under which the object is downloaded.
    pub fn conditions(mut self, conditions: Conditions) -> Self {
        self.conditions = conditions;
        self
    }

    /// The key the object was encrypted with (SSE-C).
    pub fn customer_key(mut self, key: CustomerKey) -> Self {
        self.get = self.get.customer_key(key);
        self
    }

    /// Limits the speed of each request.
    pub fn traffic_limit(mut self, limit: TrafficLimit) -> Self {
        self.get = self.get.traffic_limit(limit);
        self
    }

    /// The size of a range, 1 MiB to 5 GiB.
    ///
    /// By default a download to a file reads 8 MiB first and then equal shares of 8 to 64 MiB (always 8 MiB with a
    /// checkpoint); a stream reads ranges of 4 MiB.
    pub fn part_size(mut self, bytes: u64) -> Self {
        self.part_size = Some(bytes);
        self
    }

    /// How many ranges are read at once, at least 1; 8 by default. The memory limit may allow fewer.
    pub fn concurrency(mut self, ranges: usize) -> Self {
        self.concurrency = ranges;
        self
    }

    /// Fails with [`ErrorKind::Integrity`] when COS keeps no checksum of the object.
    pub fn require_checksum(mut self) -> Self {
        self.require_checksum = true;
        self
    }

    /// To a file.
    pub fn to_path(self, path: impl Into<PathBuf>) -> DownloadToPath {
        DownloadToPath { download: self, target: Target::new(path.into()), checkpoint: None }
    }

    /// To a name in an open directory, whatever becomes of the path of that; the file gets the time that is given.
    pub(in crate::transfer) fn within(
        self,
        directory: Directory,
        name: &OsStr,
        modified: Option<SystemTime>,
    ) -> DownloadToPath {
        DownloadToPath { download: self, target: Target::within(directory, name, modified), checkpoint: None }
    }

    /// To a writer, in order. The writer is flushed at the end, and not shut down.
    pub fn to_writer(self, writer: impl AsyncWrite + Send + 'static) -> DownloadToWriter {
        DownloadToWriter { download: self, writer: Box::pin(writer) }
    }

    /// As a stream, in order, with ranges fetched ahead of the reader.
    pub fn to_stream(self) -> DownloadToStream {
        DownloadToStream(self)
    }

    /// A look at the object.
    pub(in crate::transfer) fn head(&self) -> HeadObject {
        self.get.head()
    }

    /// Refuses before any I/O what cannot be.
    fn check(&self) -> Result<()> {
        self.part_size.map(check_part_size).transpose()?;
        if self.concurrency == 0 {
            return Err(Error::input("concurrency", "is 0"));
        }
        if self.range.is_some() && self.require_checksum {
            return Err(Error::input("range", "has no checksum of its own, and one is required"));
        }
        let get = self.get.clone().conditions(self.conditions.clone());
        self.range.map_or_else(|| get.clone(), |range| get.clone().range(range)).request().map(drop)
    }

    /// Whether the bytes can be compared with a checksum of COS.
    fn integrity(&self, begun: &Begun) -> Result<Integrity> {
        let unverified = if begun.span != (0..begun.pinned.total) {
            Unverified::Range
        } else if let Some(crc64) = begun.meta.crc64() {
            return Ok(Integrity::Crc64(crc64));
        } else {
            Unverified::NoChecksum
        };
        if self.require_checksum {
            return Err(Error::new(ErrorKind::Integrity, unverified.to_string()));
        }
        Ok(Integrity::Unverified(unverified))
    }
}

/// A [`Download`] to a file.
///
/// The download writes a temporary file in the same directory, and reserves space for all of it at the start. When that
/// file is complete, checked and on disk, it gets the name; until then, and when anything fails, a file that had the
/// name stays as it was. Nothing is written through a symbolic link, and only a regular file is replaced.
///
/// A file that replaces another belongs to its owner alone until it is complete. Then it gets the permissions of the
/// old file and, where this process may set it, its group, but not its owner, and neither setuid nor setgid. If the
/// group is another than before, group and others each get only what both had. An access control list of the old file
/// is lost; its mask becomes the permissions of the group.
///
/// # Errors
/// As [`Download`]; [`ErrorKind::Io`] when the file cannot be written, the disk is full, or another download holds the
/// checkpoint or the partial file.
///
/// # Cancellation
/// Dropping the future stops all I/O and removes the temporary file; with a [`checkpoint`](Self::checkpoint) it stays
/// for the next run. A file that is complete and about to get its name may still get it; [`TransferHandle::cancel`]
/// waits for that, and the download then counts as a success. When a process is killed, the next download to the same
/// file removes its temporary file.
///
/// [`TransferHandle::cancel`]: crate::transfer::TransferHandle::cancel
#[derive(Clone, Debug)]
#[must_use = "Bucket::transfer runs it"]
pub struct DownloadToPath {
    download: Download,
    target: Target,
    checkpoint: Option<PathBuf>,
}

impl DownloadToPath {
    /// Fails with [`ErrorKind::Io`] (`AlreadyExists`) when a file has the name already, or gets it during the download.
    pub fn forbid_overwrite(mut self) -> Self {
        self.target.forbid_overwrite = true;
        self
    }

    /// When the path is a symbolic link, writes the file it points to. Without this a link is an error.
    pub fn follow_symlinks(mut self) -> Self {
        self.target.follow_symlinks = true;
        self
    }

    /// Records in this directory which ranges are on disk, so that the same download in another process continues where
    /// this one stopped, as long as COS has the same object. The directory is created if it is missing. The partial
    /// file stays beside the final one under a name that begins with a dot and ends with `.cos-partial`. Both are
    /// removed when the download has succeeded or cannot succeed any more. Only one download at a time may hold either.
    ///
    /// Only this user should have access to the directory; one that is created here is like that. A checkpoint or
    /// partial file that belongs to another user or has a second name (a hard link) is neither used nor written to, but
    /// removed; where this user may not remove it, the download fails with [`ErrorKind::Io`].
    pub fn checkpoint(mut self, directory: impl Into<PathBuf>) -> Self {
        self.checkpoint = Some(directory.into());
        self
    }
}

impl Run for DownloadToPath {
    type Output = DownloadOutput;
    const NAME: &'static str = "download";

    fn key(&self) -> &str {
        self.download.get.key().as_str()
    }

    async fn run(self, bucket: Bucket, control: Control) -> Result<DownloadOutput> {
        file::run(self, &bucket, &control).await
    }
}

/// What a download brought.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DownloadOutput {
    /// The metadata of the object. Its length is that of the whole object, also when a range was downloaded.
    pub meta: ObjectMeta,
    /// How many bytes were downloaded, those of earlier runs included.
    pub bytes: u64,
    /// Whether they were compared with the checksum that COS keeps.
    pub integrity: Integrity,
}

impl DownloadOutput {
    /// `x-cos-request-id` of the first request.
    pub fn request_id(&self) -> &str {
        self.meta.request_id()
    }
}

/// A [`Download`] to a writer.
///
/// # Errors
/// As [`Download`]; [`ErrorKind::Io`] when the writer fails. Bytes written before an error stay written: a wrong
/// checksum is known only at the end.
///
/// # Cancellation
/// Dropping the future stops all I/O, and drops the writer.
#[must_use = "Bucket::transfer runs it"]
pub struct DownloadToWriter {
    download: Download,
    writer: Pin<Box<dyn AsyncWrite + Send>>,
}

impl std::fmt::Debug for DownloadToWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("DownloadToWriter").field(&self.download).finish()
    }
}

impl Run for DownloadToWriter {
    type Output = DownloadOutput;
    const NAME: &'static str = "download";

    fn key(&self) -> &str {
        self.download.get.key().as_str()
    }

    async fn run(self, bucket: Bucket, control: Control) -> Result<DownloadOutput> {
        let Self { download, mut writer } = self;
        let stopping = control.clone();
        let run = async {
            let Object { mut body, meta, integrity, .. } = ordered::begin(download, &bucket, control).await?;
            let mut bytes = 0;
            while let Some(piece) = body.next().await.transpose()? {
                writer.write_all(&piece).await.map_err(writer_failed)?;
                bytes += piece.len() as u64;
            }
            writer.flush().await.map_err(writer_failed)?;
            Ok(DownloadOutput { meta, bytes, integrity })
        };
        stopping.unless_cancelled(run).await
    }
}

fn writer_failed(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Io, "writing what was downloaded").with_source(error)
}

/// A [`Download`] as a stream: an [`Object`] whose [`body`](Object::body) comes in order, while ranges ahead of the
/// reader are fetched in parallel. The future ends when the object begins; its handle can still report, pause and
/// cancel.
///
/// What is fetched ahead is held in memory, within the client's [`memory_limit`](crate::ClientBuilder::memory_limit).
/// When that is used up, only what is being read is fetched. The reader may take as long as it likes.
///
/// # Errors
/// As [`Download`], from the future or from the stream. A wrong checksum is an error before the end of the stream.
///
/// # Cancellation
/// Dropping the stream stops all I/O.
#[derive(Debug)]
#[must_use = "Bucket::transfer runs it"]
pub struct DownloadToStream(Download);

impl Run for DownloadToStream {
    type Output = Object;
    const NAME: &'static str = "download";

    fn key(&self) -> &str {
        self.0.get.key().as_str()
    }

    async fn run(self, bucket: Bucket, control: Control) -> Result<Object> {
        let stopping = control.clone();
        stopping.unless_cancelled(ordered::begin(self.0, &bucket, control)).await
    }
}

impl Bucket {
    /// Downloads an object to a file, in parallel ranges: [`Download`] without options. The file gets its name when it
    /// is complete and checked; until then a file that had the name stays.
    ///
    /// # Errors
    /// As [`DownloadToPath`]; [`ErrorKind::Input`] when the key is not valid.
    ///
    /// # Cancellation
    /// As [`DownloadToPath`].
    pub fn download<K>(&self, key: K, path: impl Into<PathBuf>) -> Transfer<DownloadOutput>
    where
        K: TryInto<ObjectKey, Error: Into<Error>>,
    {
        match key.try_into() {
            Ok(key) => self.transfer(Download::new(key).to_path(path)),
            Err(error) => Transfer::failed(error.into()),
        }
    }
}
