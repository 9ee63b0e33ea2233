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

use std::cell::Cell;
use std::fmt;
use std::future::poll_fn;
use std::io::{self, BufRead as _, Read as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use tokio::sync::Mutex;

use crate::client::defaults::CHUNK;
use crate::client::provider::{self, ProvideCredentials, RefreshingCredentials};
use crate::error::BoxError;
use crate::transfer::{
    Download, DownloadOutput, Job, LargeCopyOutput, OrphansAborted, Progress, TransferHandle, UploadOutput,
    UploadSource,
};
use crate::{
    Body, BucketName, ByteReader, ByteStream, ClientBuilder, ContentRange, Credentials, DeleteObjectOutput, Error,
    ErrorKind, Integrity, Listing, ObjectKey, ObjectMeta, ObjectSummary, Operation, Overrides, Paged, PostForm,
    PostPolicy, PresignOptions, Presigned, PutObjectOutput, Region, Result, SelectObjectContent, SelectProgress,
    UploadSummary,
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
    /// As [`ClientBuilder::build`]; [`ErrorKind::Io`] when no thread can be had.
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
    pub fn bucket<B>(&self, name: B) -> Result<Bucket>
    where
        B: TryInto<BucketName>,
        B::Error: Into<Error>,
    {
        Ok(Bucket { bucket: self.client.bucket(name)?, runtime: self.runtime.clone() })
    }

    /// A bucket in another region.
    ///
    /// # Errors
    /// As [`bucket`](Self::bucket).
    pub fn bucket_in<R, B>(&self, region: R, name: B) -> Result<Bucket>
    where
        R: TryInto<Region>,
        R::Error: Into<Error>,
        B: TryInto<BucketName>,
        B::Error: Into<Error>,
    {
        Ok(Bucket { bucket: self.client.bucket_in(region, name)?, runtime: self.runtime.clone() })
    }

    /// Sends an operation on the account; see [`crate::Client::send`].
    ///
    /// # Errors
    /// As there; [`ErrorKind::Input`] inside a tokio runtime.
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
        self.runtime.iter(self.client.pages(operation))
    }
}

/// One bucket to talk to; see [`crate::Bucket`]. Cheap to clone.
///
/// Every call is [`ErrorKind::Input`] with field `runtime` inside a tokio runtime, and in a process that was forked since
/// its client was made.
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
        K: TryInto<ObjectKey>,
        K::Error: Into<Error>,
    {
        self.runtime.wait(self.bucket.put(key, body))
    }

    /// Reads an object; see [`crate::Bucket::get`].
    ///
    /// # Errors
    /// As there.
    pub fn get<K>(&self, key: K) -> Result<Object>
    where
        K: TryInto<ObjectKey>,
        K::Error: Into<Error>,
    {
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
    pub fn head<K>(&self, key: K) -> Result<ObjectMeta>
    where
        K: TryInto<ObjectKey>,
        K::Error: Into<Error>,
    {
        self.runtime.wait(self.bucket.head(key))
    }

    /// Whether there is such an object; see [`crate::Bucket::exists`].
    ///
    /// # Errors
    /// As there.
    pub fn exists<K>(&self, key: K) -> Result<bool>
    where
        K: TryInto<ObjectKey>,
        K::Error: Into<Error>,
    {
        self.runtime.wait(self.bucket.exists(key))
    }

    /// Removes an object; see [`crate::Bucket::delete`].
    ///
    /// # Errors
    /// As there.
    pub fn delete<K>(&self, key: K) -> Result<DeleteObjectOutput>
    where
        K: TryInto<ObjectKey>,
        K::Error: Into<Error>,
    {
        self.runtime.wait(self.bucket.delete(key))
    }

    /// All objects whose keys begin so, page by page as the iterator is read; the first error ends it.
    pub fn list(&self, prefix: impl Into<String>) -> Iter<ObjectSummary> {
        self.runtime.iter(self.bucket.list(prefix))
    }

    /// All pages of an operation; the first error ends the iterator.
    pub fn pages<O>(&self, operation: O) -> Iter<O::Output>
    where
        O: Paged + 'static,
        O::Output: Send + 'static,
    {
        self.runtime.iter(self.bucket.pages(operation))
    }

    /// Sends an operation; see [`crate::Bucket::send`].
    ///
    /// # Errors
    /// As there.
    pub fn send<O: Operation>(&self, operation: O) -> Result<O::Output> {
        self.runtime.wait(self.bucket.send(operation))
    }

    /// Sends an operation and keeps status and headers of the answer beside its output; see [`crate::Bucket::send_raw`].
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
    pub fn object_url<K>(&self, key: K) -> Result<String>
    where
        K: TryInto<ObjectKey>,
        K::Error: Into<Error>,
    {
        self.bucket.object_url(key)
    }

    /// A URL that lets anybody read the object for `lifetime`; see [`crate::Bucket::presign_get`].
    ///
    /// # Errors
    /// As there.
    pub fn presign_get<K>(&self, key: K, lifetime: Duration) -> Result<Presigned>
    where
        K: TryInto<ObjectKey>,
        K::Error: Into<Error>,
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
    pub fn upload<K>(&self, key: K, source: impl Into<UploadSource>) -> Transfer<UploadOutput>
    where
        K: TryInto<ObjectKey>,
        K::Error: Into<Error>,
    {
        self.own(self.bucket.upload(key, source))
    }

    /// Downloads an object to a file; see [`crate::Bucket::download`].
    pub fn download<K>(&self, key: K, path: impl Into<PathBuf>) -> Transfer<DownloadOutput>
    where
        K: TryInto<ObjectKey>,
        K::Error: Into<Error>,
    {
        self.own(self.bucket.download(key, path))
    }

    /// Copies an object of any size; see [`crate::Bucket::copy`].
    pub fn copy<F, K>(&self, from: F, key: K) -> Transfer<LargeCopyOutput>
    where
        F: TryInto<ObjectKey>,
        F::Error: Into<Error>,
        K: TryInto<ObjectKey>,
        K::Error: Into<Error>,
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
    pub fn transfer<J: Job>(&self, job: J) -> Transfer<J::Output> {
        self.own(self.bucket.transfer(job))
    }

    fn own<T>(&self, transfer: crate::transfer::Transfer<T>) -> Transfer<T> {
        Transfer { transfer, runtime: self.runtime.clone() }
    }
}

/// What can be read, to be uploaded: of a length that is known (`Some`) or not. It is read on a thread for blocking work,
/// where it may be another [`Object`].
pub fn source(length: Option<u64>, reader: impl io::Read + Send + 'static) -> UploadSource {
    let pieces = stream::try_unfold(reader, |mut reader| async {
        let read = tokio::task::spawn_blocking(move || {
            let _waiting = MayWait::here();
            let mut piece = Vec::new();
            reader.by_ref().take(CHUNK as u64).read_to_end(&mut piece).map(|_| (piece, reader))
        });
        let (piece, reader) = read.await.map_err(io::Error::other)??;
        Ok::<_, Error>(if piece.is_empty() { None } else { Some((Bytes::from(piece), reader)) })
    });
    UploadSource::stream(ByteStream::new(length, pieces))
}

/// A source of keys from a closure that may wait for its answer, for [`ClientBuilder::credentials`]. Any client takes it.
///
/// The closure runs on a thread for blocking work, never twice at once. A refresh waits 5 s for it and then fails; what it
/// gives later, the next one takes, without asking again. Its key and its errors are those of
/// [`provider::from_fn`]; a panic is a failure that may pass.
///
/// # Examples
/// ```no_run
/// use tencent_cos::{Client, SessionCredentials, blocking};
///
/// # fn ask_app_server() -> std::io::Result<Vec<u8>> { Ok(Vec::new()) }
/// # fn example() -> tencent_cos::Result<()> {
/// let keys = blocking::from_fn(|| SessionCredentials::from_json(&ask_app_server()?));
/// let client = blocking::Client::new(Client::builder().region("ap-guangzhou").credentials(keys))?;
/// # Ok(())
/// # }
/// ```
pub fn from_fn<F, C, E>(ask: F) -> impl ProvideCredentials + 'static
where
    F: Fn() -> Result<C, E> + Send + Sync + 'static,
    C: Into<Credentials>,
    E: Into<BoxError>,
{
    let ask = Arc::new(move || ask().map(Into::into).map_err(Into::into));
    // Who gave up waiting leaves the answer to the next.
    let under_way = Arc::new(Mutex::new(None));
    provider::from_fn(move || {
        let (ask, under_way) = (Arc::clone(&ask), Arc::clone(&under_way));
        async move {
            let mut under_way = under_way.lock().await;
            let asked = under_way.get_or_insert_with(|| {
                tokio::task::spawn_blocking(move || {
                    let _waiting = MayWait::here();
                    ask()
                })
            });
            let answer: Result<Result<Credentials, BoxError>, _> = asked.await;
            *under_way = None;
            answer?
        }
    })
}

/// An object that is being read: what COS keeps of it, and its bytes through [`io::Read`] and [`io::BufRead`].
///
/// The end of the bytes is told only after their number, and their CRC-64 where there is one, were found right; else
/// reading ends with an error that holds an [`Error`], and with another one whenever it is tried again.
pub struct Object {
    /// What COS keeps of it.
    pub meta: ObjectMeta,
    /// Which bytes these are, when a range was asked for.
    pub content_range: Option<ContentRange>,
    /// Whether the bytes are checked while they run through.
    pub integrity: Integrity,
    reader: Reader,
}

impl Object {
    /// Reads everything that was not read yet into memory, at most `limit` bytes.
    ///
    /// # Errors
    /// As [`crate::Object::bytes`].
    pub fn bytes(self, limit: usize) -> Result<Bytes> {
        self.reader.bytes(limit)
    }
}

/// The results of a [`SelectObjectContent`] that are being read, through [`io::Read`] and [`io::BufRead`].
///
/// The end is told only after COS said that these are all; else reading ends with an error that holds an [`Error`], and
/// with another one whenever it is tried again.
pub struct Selection {
    /// How far COS is, as told between the records that were read.
    pub progress: SelectProgress,
    /// `x-cos-request-id`.
    pub request_id: String,
    reader: Reader,
}

impl Selection {
    /// Reads all records that were not read yet into memory, at most `limit` bytes.
    ///
    /// # Errors
    /// As [`crate::Selection::bytes`].
    pub fn bytes(self, limit: usize) -> Result<Bytes> {
        self.reader.bytes(limit)
    }
}

macro_rules! read {
    ($($what:ty),+) => {
        $(
            impl io::Read for $what {
                fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                    self.reader.read(buffer)
                }
            }

            impl io::BufRead for $what {
                fn fill_buf(&mut self) -> io::Result<&[u8]> {
                    self.reader.fill_buf()
                }

                fn consume(&mut self, bytes: usize) {
                    self.reader.consume(bytes);
                }
            }
        )+
    };
}

read!(Object, Selection);

/// What comes, to be waited for.
struct Reader {
    body: ByteReader,
    runtime: Runtime,
}

impl Reader {
    fn bytes(self, limit: usize) -> Result<Bytes> {
        self.runtime.wait(self.body.bytes(limit))
    }
}

impl io::Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let length = io::Read::read(&mut self.fill_buf()?, buffer)?;
        self.consume(length);
        Ok(length)
    }
}

impl io::BufRead for Reader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.body.piece().is_empty() {
            self.runtime.wait(poll_fn(|cx| self.body.poll_fill(cx)))?;
        }
        Ok(self.body.piece())
    }

    fn consume(&mut self, bytes: usize) {
        self.body.take(bytes);
    }
}

/// What a listing gives, one by one.
#[must_use = "nothing is fetched before it is read"]
pub struct Iter<T> {
    listing: Option<Listing<T>>,
    runtime: Runtime,
}

impl<T> Iterator for Iter<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        let listing = self.listing.as_mut()?;
        let item = self.runtime.wait(async { listing.next().await.transpose() }).transpose();
        if !matches!(item, Some(Ok(_))) {
            self.listing = None;
        }
        item
    }
}

/// Uploads that were left behind; see [`crate::transfer::Orphans`].
#[derive(Clone, Debug)]
#[must_use = "list or abort them"]
pub struct Orphans {
    orphans: crate::transfer::Orphans,
    runtime: Runtime,
}

impl Orphans {
    /// Only those to keys that begin so.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.orphans = self.orphans.prefix(prefix);
        self
    }

    /// Lists them, page by page as the iterator is read; the first error ends it.
    pub fn list(&self) -> Iter<UploadSummary> {
        self.runtime.iter(self.orphans.list())
    }

    /// Aborts them, one after the other; see [`crate::transfer::Orphans::abort`].
    ///
    /// # Errors
    /// As there.
    pub fn abort(&self) -> Result<OrphansAborted> {
        self.runtime.wait(self.orphans.abort())
    }
}

/// A transfer that begins with [`wait`](Self::wait); see [`crate::transfer::Transfer`].
#[must_use = "nothing is transferred before it is waited for"]
#[derive(Debug)]
pub struct Transfer<T> {
    transfer: crate::transfer::Transfer<T>,
    runtime: Runtime,
}

impl<T> Transfer<T> {
    /// A handle to look at it, hold it and stop it from another thread.
    pub fn handle(&self) -> TransferHandle {
        self.transfer.handle()
    }

    /// Calls `callback` with the progress, at most ten times a second and once at the end, from the client's thread
    /// or the one that waits.
    pub fn on_progress(mut self, callback: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.transfer = self.transfer.on_progress(callback);
        self
    }

    /// Transfers, and waits for the end.
    ///
    /// # Errors
    /// As the job says; [`ErrorKind::Input`] inside a tokio runtime.
    pub fn wait(self) -> Result<T> {
        self.runtime.wait(self.transfer)
    }
}

thread_local! {
    /// On a thread that a runtime keeps for blocking work, which looks like any other of its threads.
    static MAY_WAIT: Cell<bool> = const { Cell::new(false) };
}

/// For as long as a reader is read.
struct MayWait;

impl MayWait {
    fn here() -> Self {
        MAY_WAIT.set(true);
        Self
    }
}

impl Drop for MayWait {
    fn drop(&mut self) {
        MAY_WAIT.set(false);
    }
}

/// A runtime of one thread, shared; the last to go ends it.
#[derive(Clone, Debug)]
struct Runtime(Arc<Owned>);

#[derive(Debug)]
struct Owned {
    runtime: Option<tokio::runtime::Runtime>,
    /// The process its threads are in.
    process: u32,
}

impl Owned {
    fn is_forked(&self) -> bool {
        self.process != std::process::id()
    }
}

impl Runtime {
    fn new() -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("tencent-cos")
            .enable_all()
            .build()
            .map_err(|error| Error::new(ErrorKind::Io, "no thread for the client").with_source(error))?;
        Ok(Self(Arc::new(Owned { runtime: Some(runtime), process: std::process::id() })))
    }

    fn iter<T>(&self, listing: Listing<T>) -> Iter<T> {
        Iter { listing: Some(listing), runtime: self.clone() }
    }

    fn wait<T>(&self, future: impl Future<Output = Result<T>>) -> Result<T> {
        if tokio::runtime::Handle::try_current().is_ok() && !MAY_WAIT.get() {
            return Err(Error::input("runtime", "a blocking call inside a tokio runtime; use the async client there"));
        }
        if self.0.is_forked() {
            return Err(Error::input("runtime", "its threads stayed behind in a fork; make a client in this process"));
        }
        let runtime = self.0.runtime.as_ref().expect("taken when dropped");
        runtime.block_on(future)
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // In the background: a runtime must not be waited for inside another.
        let Some(runtime) = self.runtime.take() else { return };
        if self.is_forked() {
            // What its threads held when the process forked, nobody lets go of.
            std::mem::forget(runtime);
        } else {
            runtime.shutdown_background();
        }
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

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Object").field("meta", &self.meta).field("integrity", &self.integrity).finish_non_exhaustive()
    }
}

impl fmt::Debug for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Selection").field("progress", &self.progress).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Iter<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::client::provider::CredentialErrorKind;

    #[test]
    fn a_forked_process_has_no_thread_of_the_client() {
        let mut runtime = Runtime::new().unwrap();
        assert!(runtime.wait(async { Ok(()) }).is_ok());
        // Of another process: the threads of this one stay until the test ends.
        Arc::get_mut(&mut runtime.0).unwrap().process = 0;
        let error = runtime.wait(async { Ok(()) }).unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::Input, Some("runtime")));
    }

    #[tokio::test]
    async fn a_late_answer_is_for_the_next_who_asks() {
        let asked = Arc::new(AtomicU32::new(0));
        let (answer, wait) = std::sync::mpsc::channel();
        let wait = std::sync::Mutex::new(wait);
        let count = Arc::clone(&asked);
        let provider = from_fn(move || {
            count.fetch_add(1, Ordering::Relaxed);
            wait.lock().unwrap().recv().map(|()| Credentials::anonymous())
        });
        assert!(tokio::time::timeout(Duration::from_millis(20), provider.provide()).await.is_err());
        answer.send(()).unwrap();
        assert!(provider.provide().await.is_ok());
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        drop(answer);
        let error = provider.provide().await.unwrap_err();
        assert_eq!((error.kind(), asked.load(Ordering::Relaxed)), (CredentialErrorKind::Transient, 2));
    }

    #[tokio::test]
    async fn a_closure_that_panics_is_asked_again() {
        let asked = AtomicU32::new(0);
        let provider = from_fn(move || match asked.fetch_add(1, Ordering::Relaxed) {
            0 => panic!("as a wrapper's callback may"),
            _ => Ok::<_, Error>(Credentials::anonymous()),
        });
        assert_eq!(provider.provide().await.unwrap_err().kind(), CredentialErrorKind::Transient);
        assert!(provider.provide().await.is_ok());
    }
}
