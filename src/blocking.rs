//! The same for programs without a runtime: every call waits for its end.
//!
//! A thin layer over [`Client`](crate::Client) and [`Bucket`](crate::Bucket): options, errors, retries and limits are
//! theirs. A runtime with one thread of its own does the work; it lives as long as the client and its buckets. Inside a
//! tokio runtime these calls would stop a thread that others need, so there they are an error: use the async client.
//!
//! Another thread stops a transfer by its [`handle`](Transfer::handle). Nothing stops another call before its end but a
//! [deadline](Overrides::deadline); a program that must is one for the async client in a runtime of its own. A process
//! that `fork` made has no thread of the client: there each call is an error, and it makes a client for itself.
//!
//! # Examples
//! ```no_run
//! use std::io::Read as _;
//!
//! use tencent_cos::{Credentials, blocking};
//!
//! # fn example() -> tencent_cos::Result<()> {
//! let builder = tencent_cos::Client::builder().region("ap-guangzhou");
//! let client = blocking::Client::new(builder.credentials(Credentials::permanent("AKID…", "…")?))?;
//! let bucket = client.bucket("examplebucket-1250000000")?;
//!
//! bucket.put("notes/a.txt", "hello")?;
//! let mut text = String::new();
//! bucket.get("notes/a.txt")?.read_to_string(&mut text)?;
//! bucket.upload("video.mp4", std::path::Path::new("video.mp4")).wait()?;
//! for object in bucket.list("notes/") {
//!     println!("{}", object?.key);
//! }
//! # Ok(())
//! # }
//! ```

mod callbacks;
mod listing;
mod read;
mod runtime;
#[cfg(feature = "sts")]
pub mod sts;
mod transfer;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

pub use self::callbacks::{from_fn, source};
pub use self::listing::Iter;
use self::read::Reader;
pub use self::read::{Object, Selection};
use self::runtime::Runtime;
pub use self::transfer::{Orphans, Transfer};
use crate::client::provider::RefreshingCredentials;
use crate::transfer::{Download, DownloadOutput, Job, LargeCopyOutput, UploadOutput, UploadSource};
use crate::{
    Body, BucketName, ByteStream, ClientBuilder, DeleteObjectOutput, Error, ObjectKey, ObjectMeta, ObjectSummary,
    Operation, Overrides, Paged, PostForm, PostPolicy, PresignOptions, Presigned, PutObjectOutput, Region, Result,
    SelectObjectContent,
};

/// A connection to COS for one account; see [`crate::Client`]. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    client: crate::Client,
    runtime: Runtime,
}

impl Client {
    /// Makes a client of what the builder holds. No I/O happens here.
    ///
    /// # Errors
    /// As [`ClientBuilder::build`]; [`ErrorKind::Io`](crate::ErrorKind::Io) when no thread can be had.
    pub fn new(builder: ClientBuilder) -> Result<Self> {
        Ok(Self { client: builder.build()?, runtime: Runtime::new()? })
    }

    /// A client as the environment describes it; see [`ClientBuilder::from_env`].
    ///
    /// # Errors
    /// As [`new`](Self::new). Whether there is a key shows with the first request.
    pub fn from_env() -> Result<Self> {
        Self::new(ClientBuilder::from_env())
    }

    /// A bucket in the client's region; see [`crate::Client::bucket`].
    ///
    /// # Errors
    /// As there.
    pub fn bucket<B: TryInto<BucketName, Error: Into<Error>>>(&self, name: B) -> Result<Bucket> {
        Ok(Bucket { bucket: self.client.bucket(name)?, runtime: self.runtime.clone() })
    }

    /// A bucket in another region.
    ///
    /// # Errors
    /// As [`bucket`](Self::bucket).
    pub fn bucket_in<R, B>(&self, region: R, name: B) -> Result<Bucket>
    where
        R: TryInto<Region, Error: Into<Error>>,
        B: TryInto<BucketName, Error: Into<Error>>,
    {
        Ok(Bucket { bucket: self.client.bucket_in(region, name)?, runtime: self.runtime.clone() })
    }

    /// Sends an operation on the account; see [`crate::Client::send`].
    ///
    /// # Errors
    /// As there; [`ErrorKind::Input`](crate::ErrorKind::Input) inside a tokio runtime.
    pub fn send<O: Operation>(&self, operation: O) -> Result<O::Output> {
        self.runtime.wait(self.client.send(operation))
    }

    /// Sends an operation on the account and keeps status and headers of the answer beside its output.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn send_raw<O: Operation>(&self, operation: O) -> Result<http::Response<O::Output>> {
        self.runtime.wait(self.client.send_raw(operation))
    }

    /// Signs an operation on the account into a URL; see [`crate::Client::presign`].
    ///
    /// # Errors
    /// As there.
    pub fn presign<O: Operation>(&self, operation: O, options: impl Into<PresignOptions>) -> Result<Presigned> {
        self.runtime.wait(self.client.presign(operation, options))
    }

    /// Signs an operation on the account for another HTTP client; see [`crate::Client::sign`].
    ///
    /// # Errors
    /// As there.
    pub fn sign<O: Operation>(&self, operation: O) -> Result<http::Request<Body>> {
        self.runtime.wait(self.client.sign(operation))
    }

    /// The client's credentials: look at the key that is there, or invalidate it. What of them is async needs a tokio
    /// runtime.
    pub fn credentials(&self) -> &RefreshingCredentials {
        self.client.credentials()
    }

    /// All pages of an operation on the account; the first error ends the iterator.
    pub fn pages<O>(&self, operation: O) -> Iter<O::Output>
    where
        O: Paged + 'static,
        O::Output: Send + 'static,
    {
        Iter::new(self.client.pages(operation), &self.runtime)
    }
}

/// One bucket to talk to; see [`crate::Bucket`]. Cheap to clone.
///
/// Every call is [`ErrorKind::Input`](crate::ErrorKind::Input) with field `runtime` inside a tokio runtime, and in a
/// process that was forked since its client was made.
#[derive(Clone)]
pub struct Bucket {
    bucket: crate::Bucket,
    runtime: Runtime,
}

impl Bucket {
    /// The full name: `name-appid`.
    pub fn name(&self) -> &BucketName {
        self.bucket.name()
    }

    /// The region.
    pub fn region(&self) -> &Region {
        self.bucket.region()
    }

    /// The client it belongs to.
    pub fn client(&self) -> Client {
        Client { client: self.bucket.client().clone(), runtime: self.runtime.clone() }
    }

    /// The same bucket for what takes an async one, like
    /// [`LargeCopy::from_bucket`](crate::transfer::LargeCopy::from_bucket). Its own calls need a tokio runtime.
    pub fn as_async(&self) -> &crate::Bucket {
        &self.bucket
    }

    /// The same bucket with other settings for what goes through this handle.
    #[must_use]
    pub fn with(&self, overrides: Overrides) -> Self {
        Self { bucket: self.bucket.with(overrides), runtime: self.runtime.clone() }
    }

    /// Stores an object; see [`crate::Bucket::put`].
    ///
    /// # Errors
    /// As there.
    pub fn put<K>(&self, key: K, body: impl Into<Body>) -> Result<PutObjectOutput>
    where
        K: TryInto<ObjectKey, Error: Into<Error>>,
    {
        self.runtime.wait(self.bucket.put(key, body))
    }

    /// Reads an object; see [`crate::Bucket::get`].
    ///
    /// # Errors
    /// As there.
    pub fn get<K: TryInto<ObjectKey, Error: Into<Error>>>(&self, key: K) -> Result<Object> {
        let object = self.runtime.wait(self.bucket.get(key))?;
        Ok(self.object(object))
    }

    /// Reads an object with all the options of [`GetObject`](crate::GetObject).
    ///
    /// # Errors
    /// As [`crate::Bucket::send`].
    pub fn read(&self, operation: crate::GetObject) -> Result<Object> {
        let object = self.send(operation)?;
        Ok(self.object(object))
    }

    fn object(&self, object: crate::Object) -> Object {
        let crate::Object { meta, body, content_range, integrity, .. } = object;
        Object { meta, content_range, integrity, reader: self.reader(body) }
    }

    /// Reads of an object what an SQL expression selects.
    ///
    /// # Errors
    /// As [`crate::Bucket::send`].
    pub fn select(&self, operation: SelectObjectContent) -> Result<Selection> {
        let crate::Selection { records, progress, request_id, .. } = self.send(operation)?;
        Ok(Selection { progress, request_id, reader: self.reader(records) })
    }

    fn reader(&self, body: ByteStream) -> Reader {
        Reader { body: body.reader(), runtime: self.runtime.clone() }
    }

    /// Reads what COS keeps of an object beside its bytes; see [`crate::Bucket::head`].
    ///
    /// # Errors
    /// As there.
    pub fn head<K: TryInto<ObjectKey, Error: Into<Error>>>(&self, key: K) -> Result<ObjectMeta> {
        self.runtime.wait(self.bucket.head(key))
    }

    /// Whether there is such an object; see [`crate::Bucket::exists`].
    ///
    /// # Errors
    /// As there.
    pub fn exists<K: TryInto<ObjectKey, Error: Into<Error>>>(&self, key: K) -> Result<bool> {
        self.runtime.wait(self.bucket.exists(key))
    }

    /// Removes an object; see [`crate::Bucket::delete`].
    ///
    /// # Errors
    /// As there.
    pub fn delete<K: TryInto<ObjectKey, Error: Into<Error>>>(&self, key: K) -> Result<DeleteObjectOutput> {
        self.runtime.wait(self.bucket.delete(key))
    }

    /// All objects whose keys begin with `prefix`, page by page as the iterator is read; the first error ends it.
    pub fn list(&self, prefix: impl Into<String>) -> Iter<ObjectSummary> {
        Iter::new(self.bucket.list(prefix), &self.runtime)
    }

    /// All pages of an operation; the first error ends the iterator.
    pub fn pages<O>(&self, operation: O) -> Iter<O::Output>
    where
        O: Paged + 'static,
        O::Output: Send + 'static,
    {
        Iter::new(self.bucket.pages(operation), &self.runtime)
    }

    /// Sends an operation; see [`crate::Bucket::send`].
    ///
    /// # Errors
    /// As there.
    pub fn send<O: Operation>(&self, operation: O) -> Result<O::Output> {
        self.runtime.wait(self.bucket.send(operation))
    }

    /// Sends an operation and keeps status and headers of the answer beside its output; see
    /// [`crate::Bucket::send_raw`].
    ///
    /// # Errors
    /// As there.
    pub fn send_raw<O: Operation>(&self, operation: O) -> Result<http::Response<O::Output>> {
        self.runtime.wait(self.bucket.send_raw(operation))
    }

    /// The URL of an object, unsigned; see [`crate::Bucket::object_url`].
    ///
    /// # Errors
    /// As there.
    pub fn object_url<K: TryInto<ObjectKey, Error: Into<Error>>>(&self, key: K) -> Result<String> {
        self.bucket.object_url(key)
    }

    /// A URL that lets anybody read the object for `lifetime`; see [`crate::Bucket::presign_get`].
    ///
    /// # Errors
    /// As there.
    pub fn presign_get<K>(&self, key: K, lifetime: Duration) -> Result<Presigned>
    where
        K: TryInto<ObjectKey, Error: Into<Error>>,
    {
        self.runtime.wait(self.bucket.presign_get(key, lifetime))
    }

    /// Signs an operation into a URL; see [`crate::Bucket::presign`].
    ///
    /// # Errors
    /// As there.
    pub fn presign<O: Operation>(&self, operation: O, options: impl Into<PresignOptions>) -> Result<Presigned> {
        self.runtime.wait(self.bucket.presign(operation, options))
    }

    /// Signs a form with which a web page uploads; see [`crate::Bucket::post_form`].
    ///
    /// # Errors
    /// As there.
    pub fn post_form(&self, policy: PostPolicy, options: impl Into<PresignOptions>) -> Result<PostForm> {
        self.runtime.wait(self.bucket.post_form(policy, options))
    }

    /// Signs an operation for another HTTP client; see [`crate::Bucket::sign`].
    ///
    /// # Errors
    /// As there.
    pub fn sign<O: Operation>(&self, operation: O) -> Result<http::Request<Body>> {
        self.runtime.wait(self.bucket.sign(operation))
    }

    /// Uploads a file, bytes, or what a reader gives ([`source`]); see [`crate::Bucket::upload`].
    ///
    /// # Errors
    /// As there, from [`Transfer::wait`].
    pub fn upload<K>(&self, key: K, source: impl Into<UploadSource>) -> Transfer<UploadOutput>
    where
        K: TryInto<ObjectKey, Error: Into<Error>>,
    {
        self.own(self.bucket.upload(key, source))
    }

    /// Downloads an object to a file; see [`crate::Bucket::download`].
    ///
    /// # Errors
    /// As there, from [`Transfer::wait`].
    pub fn download<K>(&self, key: K, path: impl Into<PathBuf>) -> Transfer<DownloadOutput>
    where
        K: TryInto<ObjectKey, Error: Into<Error>>,
    {
        self.own(self.bucket.download(key, path))
    }

    /// Copies an object of any size; see [`crate::Bucket::copy`].
    ///
    /// # Errors
    /// As there, from [`Transfer::wait`].
    pub fn copy<F, K>(&self, from: F, key: K) -> Transfer<LargeCopyOutput>
    where
        F: TryInto<ObjectKey, Error: Into<Error>>,
        K: TryInto<ObjectKey, Error: Into<Error>>,
    {
        self.own(self.bucket.copy(from, key))
    }

    /// Reads an object with ranges ahead of the reader; see [`Download::to_stream`].
    ///
    /// # Errors
    /// As there.
    pub fn open(&self, download: Download) -> Result<Object> {
        let object = self.transfer(download.to_stream()).wait()?;
        Ok(self.object(object))
    }

    /// Uploads that were begun longer ago than this and not ended, to list and to abort.
    pub fn orphans(&self, age: Duration) -> Orphans {
        Orphans { orphans: self.bucket.orphans(age), runtime: self.runtime.clone() }
    }

    /// Makes a transfer of a job; see [`crate::Bucket::transfer`]. It begins with [`Transfer::wait`].
    ///
    /// # Errors
    /// As there, from [`Transfer::wait`].
    pub fn transfer<J: Job>(&self, job: J) -> Transfer<J::Output> {
        self.own(self.bucket.transfer(job))
    }

    fn own<T>(&self, transfer: crate::transfer::Transfer<T>) -> Transfer<T> {
        Transfer { transfer, runtime: self.runtime.clone() }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.client.fmt(f)
    }
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bucket.fmt(f)
    }
}
