//! Uploads of any size.

mod output;
mod work;

use std::path::{Path, PathBuf};

pub use self::output::UploadOutput;
use self::work::Work;
use crate::body::Body;
use crate::client::Bucket;
use crate::client::defaults::CONCURRENCY;
use crate::error::{Error, Result};
use crate::key::ObjectKey;
use crate::object::HeadObject;
use crate::operation::Operation as _;
use crate::options::{Acl, Attributes, Callback, Encryption, Tags, TrafficLimit};
use crate::transfer::draft::Draft;
use crate::transfer::handle::{Control, Transfer};
use crate::transfer::plan::check_part_size;
use crate::transfer::sealed::Run;
use crate::transfer::source::{Kind, SourceFile, UploadSource, Whole};

/// Uploads a file, bytes, or a stream of any length: in one request when it is small, else in parts, several at once.
///
/// The object may have up to 48.8 TiB. Parts have 8 MiB, or more where 10 000 of them would not be enough. A file is
/// streamed from disk. All uploads together hold no more in memory than the client's
/// [`memory_limit`](crate::ClientBuilder::memory_limit). A stream whose length is not known starts with parts of 8 MiB,
/// which grow up to half of that limit minus 2 MiB: with the default limit it may have 257 GiB. Each part is signed
/// when it is sent.
///
/// The CRC-64 of every part is compared with COS's. The CRC-64 of the whole is compared with the [expected
/// one](Self::crc64) before the object is made, and with COS's afterwards. When the source changes during the upload,
/// no object is made. When the answer to the last request is lost, the client finds out what happened from what COS
/// has: the object, or the parts.
///
/// # Errors
/// As [`PutObject`](crate::PutObject) and [`UploadPart`](crate::UploadPart).
/// [`ErrorKind::Changed`](crate::ErrorKind::Changed) when the file changed, or the stream does not have the length it
/// was said to have. [`ErrorKind::Integrity`](crate::ErrorKind::Integrity) when checksums differ.
/// [`ErrorKind::Ambiguous`](crate::ErrorKind::Ambiguous) with the [`upload_id`](Error::upload_id) when nothing tells
/// whether the object was made; [`Error::advice`] then names the permission that was missing to find out
/// (`name/cos:HeadObject`, `name/cos:ListParts`). [`ErrorKind::Input`](crate::ErrorKind::Input) when an option is
/// invalid, and when a stream has more bytes than 10 000 parts within the memory limit can carry.
/// [`ErrorKind::Io`](crate::ErrorKind::Io) when the source cannot be read, or another upload holds the checkpoint.
///
/// # Cancellation
/// Dropping the future stops all I/O; a separate task then aborts the upload within 30 s. With a
/// [`checkpoint`](Self::checkpoint) the parts stay for the next run. Once all parts are there and COS is making the
/// object, it is made all the same. A process that is killed leaves its upload for [`Bucket::orphans`] to find; one
/// without parts may be left where COS's answer to the beginning was lost.
///
/// # Examples
/// ```no_run
/// use std::path::Path;
/// use tencent_cos::transfer::Upload;
/// use tencent_cos::{Attributes, Bucket};
///
/// # async fn example(bucket: Bucket) -> tencent_cos::Result<()> {
/// let upload = Upload::new("video.mp4".parse()?, Path::new("video.mp4"))
///     .attributes(Attributes::new().content_type("video/mp4"))
///     .checkpoint("/var/lib/my-app");
/// let transfer = bucket.transfer(upload)
///     .on_progress(|progress| println!("{} bytes", progress.bytes));
/// println!("{}", transfer.await?.etag);
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [Multipart upload](https://cloud.tencent.com/document/product/436/14112)
#[derive(Debug)]
#[must_use = "Bucket::transfer runs it"]
pub struct Upload {
    draft: Draft,
    source: UploadSource,
    part_size: Option<u64>,
    concurrency: usize,
    crc64: Option<u64>,
    checkpoint: Option<PathBuf>,
}

impl Upload {
    /// Uploads `source` to `key`.
    pub fn new(key: ObjectKey, source: impl Into<UploadSource>) -> Self {
        Self {
            draft: Draft::new(key),
            source: source.into(),
            part_size: None,
            concurrency: CONCURRENCY,
            crc64: None,
            checkpoint: None,
        }
    }

    /// Content headers, storage class, user metadata.
    pub fn attributes(mut self, attributes: Attributes) -> Self {
        self.draft.attributes = attributes;
        self
    }

    /// Who may do what with the object; by default [`Acl::inherited`].
    pub fn acl(mut self, acl: Acl) -> Self {
        self.draft.acl = Some(acl);
        self
    }

    /// Tags.
    pub fn tags(mut self, tags: Tags) -> Self {
        self.draft.tags = Some(tags);
        self
    }

    /// Encryption at rest.
    pub fn encryption(mut self, encryption: Encryption) -> Self {
        self.draft.encryption = Some(encryption);
        self
    }

    /// Limits the speed of each request.
    pub fn traffic_limit(mut self, limit: TrafficLimit) -> Self {
        self.draft.traffic_limit = Some(limit);
        self
    }

    /// Has COS call your server when the object is made. The server's answer is in [`callback`](UploadOutput::callback)
    /// of the output.
    pub fn callback(mut self, callback: Callback) -> Self {
        self.draft.callback = Some(callback);
        self
    }

    /// Fails with `FileAlreadyExists` (409) when an object with this key exists. COS ignores this in buckets that ever
    /// had versioning.
    pub fn forbid_overwrite(mut self) -> Self {
        self.draft.forbid_overwrite = true;
        self
    }

    /// The size of a part, 1 MiB to 5 GiB; parts are larger where 10 000 of this size would not be enough. A source of
    /// up to one part goes in one request. A part of a stream may take at most half of
    /// [`memory_limit`](crate::ClientBuilder::memory_limit) minus 2 MiB. By default parts have 8 MiB, and a source of
    /// up to 16 MiB that is not a stream goes in one request.
    pub fn part_size(mut self, bytes: u64) -> Self {
        self.part_size = Some(bytes);
        self
    }

    /// How many parts are sent at once, at least 1; 8 by default. The memory limit may allow fewer.
    pub fn concurrency(mut self, parts: usize) -> Self {
        self.concurrency = parts;
        self
    }

    /// The CRC-64 that the source must have. If it has another, no object is made.
    pub fn crc64(mut self, crc64: u64) -> Self {
        self.crc64 = Some(crc64);
        self
    }

    /// Records in this directory which parts of a file are done, so that the same upload in another process continues
    /// where this one stopped. The directory is created if it is missing. A checkpoint belongs to this bucket, key,
    /// file and options: when one of them is different, or the file changed, the upload starts from the beginning, and
    /// the earlier one is aborted. Where the key may not abort it, [`Bucket::orphans`](crate::Bucket::orphans) finds
    /// it. The checkpoint is removed when the upload has succeeded or cannot succeed any more. Only one upload at a
    /// time may hold it.
    ///
    /// Only this user should have access to the directory; one that is created here is like that. A checkpoint that
    /// belongs to another user or has a second name (a hard link) is neither used nor written to, but removed; where
    /// this user may not remove it, the upload fails with [`ErrorKind::Io`](crate::ErrorKind::Io).
    pub fn checkpoint(mut self, directory: impl Into<PathBuf>) -> Self {
        self.checkpoint = Some(directory.into());
        self
    }
}

impl Upload {
    /// A look at the object it is to replace.
    pub(in crate::transfer) fn head(&self) -> HeadObject {
        self.draft.destination().head()
    }

    /// Whether it sends the file that is at this path.
    pub(in crate::transfer) fn sends(&self, path: &Path) -> bool {
        matches!(&self.source.0, Kind::File(file, None) if file == path)
    }

    /// The same of another source.
    pub(in crate::transfer) fn of(self, source: UploadSource) -> Self {
        Self { source, ..self }
    }
}

impl Bucket {
    /// Uploads a file, bytes, or a stream of any length: [`Upload`] without options.
    ///
    /// # Errors
    /// As [`Upload`]; [`ErrorKind::Input`](crate::ErrorKind::Input) when the key is not valid.
    ///
    /// # Cancellation
    /// Dropping the future stops all I/O and aborts the upload, unless COS is already making the object.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
    /// let output = bucket.upload("video.mp4", std::path::Path::new("video.mp4")).await?;
    /// println!("{} bytes in {} parts", output.length, output.parts);
    /// # Ok(())
    /// # }
    /// ```
    pub fn upload<K>(&self, key: K, source: impl Into<UploadSource>) -> Transfer<UploadOutput>
    where
        K: TryInto<ObjectKey, Error: Into<Error>>,
    {
        match key.try_into() {
            Ok(key) => self.transfer(Upload::new(key, source)),
            Err(error) => Transfer::failed(error.into()),
        }
    }
}

impl Run for Upload {
    type Output = UploadOutput;
    const NAME: &'static str = "upload";

    fn key(&self) -> &str {
        self.draft.key.as_str()
    }

    async fn run(self, bucket: Bucket, control: Control) -> Result<UploadOutput> {
        if self.concurrency == 0 {
            return Err(Error::input("concurrency", "is zero"));
        }
        let work = Work {
            part_size: self.part_size.map(check_part_size).transpose()?,
            places: self.concurrency,
            crc64: self.crc64,
            draft: self.draft,
            bucket,
            control,
        };
        // What no request could carry is refused before any of them.
        work.draft.put(Body::empty()).request()?;
        match (self.source.0, self.checkpoint) {
            (Kind::File(path, opened), directory) => {
                let file = SourceFile::look(path, opened).await?;
                work.file(file, directory).await
            }
            (_, Some(_)) => Err(Error::input("checkpoint", "needs a file: nothing else is there in another run")),
            (Kind::Bytes(bytes), None) => work.whole(Whole::Bytes(bytes)).await,
            (Kind::Flow(flow), None) => work.flow(flow).await,
        }
    }
}
