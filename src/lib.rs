//! Unofficial async client for [Tencent Cloud Object Storage][COS] (COS). It signs requests, refreshes temporary keys
//! by itself, and checks bytes on the way.
//!
//! [COS]: https://cloud.tencent.com/document/product/436
//!
//! # Quick start
//!
//! ```no_run
//! use tencent_cos::client::provider::from_fn;
//! use tencent_cos::{Client, SessionCredentials};
//!
//! # async fn ask_app_server() -> std::io::Result<Vec<u8>> { Ok(Vec::new()) }
//! # async fn example() -> tencent_cos::Result<()> {
//! // Your server hands out temporary keys. The client asks it before a key ends, once for all requests.
//! let keys = from_fn(|| async {
//!     let answer = ask_app_server().await?;
//!     SessionCredentials::from_json(&answer)
//! });
//! let client = Client::builder().region("ap-guangzhou").credentials(keys).build()?;
//! let bucket = client.bucket("examplebucket-1250000000")?;
//!
//! bucket.put("notes/a.txt", "hello").await?;
//! let text = bucket.get("notes/a.txt").await?.bytes(1024).await?;
//! assert_eq!(text, "hello");
//! # Ok(())
//! # }
//! ```
//!
//! # Map
//!
//! | to | see |
//! |---|---|
//! | talk to a bucket | [`Client`], [`Bucket`] |
//! | store an object, read it, or read only its metadata | [`PutObject`], [`GetObject`], [`HeadObject`] |
//! | read an object line by line, or with code that takes a reader | [`ByteStream::reader`], [`blocking::Object`] |
//! | download in parallel ranges, to a file, a writer or as a stream; resume it in another process | [`Bucket::download`], [`transfer::Download`] |
//! | copy, append to, remove objects | [`CopyObject`], [`AppendObject`], [`DeleteObject`], [`DeleteObjects`] |
//! | change the metadata of an object | [`ObjectMeta::to_attributes`], [`CopyObject`] |
//! | pass the headers of a web request on to COS, and COS's answer back | [`Conditions::from_headers`], [`GetObject::range_from_headers`], [`ServiceError::headers`] |
//! | tag objects | [`Tags`], [`PutObjectTagging`], [`GetObjectTagging`], [`DeleteObjectTagging`] |
//! | link one key to another | [`PutSymlink`], [`GetSymlink`] |
//! | read only what an SQL query selects from an object | [`SelectObjectContent`] |
//! | read archived objects | [`RestoreObject`], [`ObjectMeta::restored`] |
//! | upload a file or a stream of any size | [`Bucket::upload`], [`transfer::Upload`] |
//! | upload or download a directory, or only what changed in it | [`transfer::UploadDirectory`], [`transfer::DownloadDirectory`] |
//! | copy an object of any size, or everything behind a prefix, inside COS | [`Bucket::copy`], [`transfer::LargeCopy`], [`transfer::CopyDirectory`] |
//! | find uploads that were left behind | [`Bucket::orphans`] |
//! | have COS call your server after an upload, and read what it answered | [`Callback`] |
//! | upload in parts, call by call | [`InitiateMultipartUpload`], [`UploadPart`], [`UploadPartCopy`], [`CompleteMultipartUpload`], [`AbortMultipartUpload`], [`ListParts`], [`ListMultipartUploads`] |
//! | list | [`Bucket::list`], [`Bucket::pages`], [`Listing`]; [`ListObjects`], [`ListObjectVersions`], [`ListBuckets`] |
//! | make, look at, find, remove a bucket; keep versions | [`CreateBucket`], [`HeadBucket`], [`GetBucketLocation`], [`DeleteBucket`], [`PutBucketVersioning`], [`GetBucketVersioning`] |
//! | set and read who may do what with a bucket or an object | [`Acl`], [`PutObjectAcl`], [`GetObjectAcl`], [`PutBucketAcl`], [`GetBucketAcl`], [`AccessControl`] |
//! | let other accounts, users or everybody in, or keep them out | [`PutBucketPolicy`], [`GetBucketPolicy`], [`DeleteBucketPolicy`], [`policy::BucketPolicy`] |
//! | tag a bucket | [`PutBucketTagging`], [`GetBucketTagging`], [`DeleteBucketTagging`] |
//! | encrypt every object whose upload names no encryption | [`PutBucketEncryption`], [`GetBucketEncryption`], [`DeleteBucketEncryption`] |
//! | let web pages use a bucket, and ask whether one may | [`PutBucketCors`], [`GetBucketCors`], [`DeleteBucketCors`], [`OptionsObject`] |
//! | show a bucket as a website | [`PutBucketWebsite`], [`GetBucketWebsite`], [`DeleteBucketWebsite`] |
//! | give a bucket domains of its own, with certificates | [`PutBucketDomain`], [`GetBucketDomain`], [`DeleteBucketDomain`], [`PutBucketDomainCertificate`], [`GetBucketDomainCertificate`], [`DeleteBucketDomainCertificate`] |
//! | fetch what a bucket does not have from another server, or redirect visitors there | [`PutBucketOrigin`], [`GetBucketOrigin`], [`DeleteBucketOrigin`] |
//! | keep other web sites from showing what is in a bucket | [`PutBucketReferer`], [`GetBucketReferer`], [`DeleteBucketReferer`] |
//! | have COS copy new objects to other buckets | [`PutBucketReplication`], [`GetBucketReplication`], [`DeleteBucketReplication`] |
//! | keep a log of the requests for a bucket | [`PutBucketLogging`], [`GetBucketLogging`], [`DeleteBucketLogging`] |
//! | reach a bucket by global acceleration | [`PutBucketAccelerate`], [`GetBucketAccelerate`], [`Endpoint::accelerate`] |
//! | lock objects, so that until a date they can be neither removed nor overwritten | [`PutBucketObjectLock`], [`GetBucketObjectLock`], [`PutObjectRetention`], [`GetObjectRetention`] |
//! | have COS abort old uploads, and remove or archive old objects, by itself | [`PutBucketLifecycle`], [`GetBucketLifecycle`], [`DeleteBucketLifecycle`] |
//! | have COS list what is in a bucket, every day or once | [`PutBucketInventory`], [`GetBucketInventory`], [`ListBucketInventory`], [`DeleteBucketInventory`], [`PostBucketInventory`] |
//! | have COS move what is seldom read to cheaper tiers | [`PutBucketIntelligentTiering`], [`GetBucketIntelligentTiering`], [`ListBucketIntelligentTiering`], [`DeleteBucketIntelligentTiering`] |
//! | hand out a URL | [`Bucket::presign`], [`PresignOptions::presign`] without a client; [`Bucket::object_url`] for what everybody may read |
//! | let a form on a web page upload | [`PostPolicy`], [`Bucket::post_form`] |
//! | limit a temporary key to the operations it is for | [`policy`], [`Operation::PERMISSIONS`] |
//! | get temporary keys from STS | [`sts`], [`blocking::sts`] without a runtime |
//! | provide keys | [`Client::from_env`], [`Credentials`], [`SessionCredentials`], [`client::provider`], [`blocking::from_fn`] |
//! | see every limit and timeout | [`client::defaults`] |
//! | find out why COS says `SignatureDoesNotMatch` | [`sign::SigningKey::stages`] |
//! | use another HTTP library | [`Bucket::sign`], [`HttpClient`], or the core without features: [`Operation`], [`sign`], [`read_response`], [`retry`] |
//! | do without a runtime | [`blocking`] |
//! | send a call that is missing here | implement [`Operation`], maybe with [`Done`] as its output |
//!
//! # Two doors
//!
//! The short verbs of [`Bucket`] take what they need: `bucket.put(key, body)`. An operation has all the options and
//! goes through [`Bucket::send`]: `bucket.send(PutObject::new(key, body).acl(..).tags(..))`. There is no third door.
//!
//! # Errors
//!
//! Every failure is an [`Error`]. It says what was being done and to what, what COS answered ([`Error::code`],
//! [`Error::request_id`]), whether the request may have taken effect all the same ([`Error::may_have_taken_effect`]),
//! and whether it is worth trying again later ([`Error::is_retryable`]). The client has already retried within its
//! limits. A bad argument is refused before any I/O: [`ErrorKind::Input`], with the name of the field. `{error:#}`
//! prints an error with its causes.
//!
//! # Retries
//!
//! A request that COS never saw is sent again, whatever its operation. A request that COS may have seen is sent again
//! only where that is safe ([`Operation::safety`]): a read, a put, a delete of a named version. A delete that may add a
//! delete marker is not repeated: it ends as [`ErrorKind::Ambiguous`] when nothing tells whether it took effect. Each
//! attempt is signed anew with the current key. When COS answers that the key has expired, the key is refreshed, once.
//! When it answers that the clock is wrong, the clock is corrected, once. When the body of an object breaks off or
//! stalls, reading continues at the next byte. When a transfer can no longer connect, it keeps trying for a minute.
//! While `myqcloud.com` cannot be reached, buckets on their default hosts are reached under `tencentcos.cn`.
//!
//! # Integrity
//!
//! COS keeps a CRC-64 of every object. A put compares it with the CRC-64 of the bytes sent. A get of a whole object
//! computes it while the bytes pass through, and a mismatch is an error before the end of the stream. Where the bytes
//! cannot be checked, [`Object::integrity`] says why.
//!
//! # Wrappers in other languages
//!
//! A wrapper of functions that block uses [`blocking`], with callbacks for keys ([`blocking::from_fn`]) and for bytes
//! ([`blocking::source`], [`blocking::Object`]). A call that must be stoppable from outside is a future of [`Bucket`]
//! in a runtime that the wrapper owns. A wrapper that brings its own HTTP uses the core, without features: an
//! [`Operation`] makes the request, [`sign`] or [`PresignOptions::presign`] signs it, [`read_response`] reads the
//! answer, [`retry::Attempts`] says what to do after a failure, and [`credentials`] when a key must be refreshed.
//! [`sts::sign`] makes temporary keys to hand out, with the feature `sts` alone. The example `own_transport` shows all
//! of this.
//!
//! Across the language border an error is [`ErrorKind::as_str`], [`Error::code`] and the methods beside them. The error
//! of a callback for keys is among the `source`s of the [`Error`]; the error of a reader is inside a source that is an
//! [`std::io::Error`], behind its `get_ref`. A callback must not panic or unwind in any other way: catch that before it
//! reaches this crate. After a `fork` the child has none of its parent's threads. It must make its own clients, and
//! must not drop a runtime it inherited, because that waits for those threads.
//!
//! # Cancellation
//!
//! Dropping a future or a stream stops its I/O. A request that was already sent may still take effect. A refresh of a
//! key runs in its own task, and goes on for the others who wait for it. Each transfer job documents what it leaves
//! behind.
//!
//! # Security
//!
//! Keys, tokens, signatures and presigned queries appear in no `Debug`, no error and no log line. A secret key is wiped
//! from memory when it is dropped, as far as a library can; a token is not wiped from the requests and URLs that carry
//! it. Other machines are reached by https only, unless [`allow_http`](ClientBuilder::allow_http) is set; the one
//! exception is the metadata service of a CVM instance, which offers only http. Redirects are never followed. No object
//! key can turn into a request to the bucket itself ([`ObjectKey`]). Answers are read with limits on size and depth.
//! Whoever has a presigned URL may add parameters and headers that were not signed ([`Bucket::presign`]).
//!
//! # Tracing
//!
//! With the feature `tracing`, each of these is a span of level `INFO` and target `tencent_cos`:
//!
//! | span | is | fields |
//! |---|---|---|
//! | `cos.transfer` | a transfer, from its first request to its last; a download as a stream, until the stream ends | `otel.name` (`upload`, `download`, `copy`, `upload directory`, `download directory`), `cos.target`, at its end `cos.bytes`, `cos.parts` (of a directory: objects), `cos.resumed_parts`, `error.type` |
//! | `cos.part` | one part or range of a transfer, counted from 1 | `cos.part_number`, `cos.offset`, `cos.length` |
//! | `cos.operation` | an operation with all its attempts; a call of STS | `otel.name`, `otel.kind`, `http.request.method`, `server.address`, `cos.target`, `http.response.status_code`, `cos.request_id`, `error.type` |
//! | `cos.refresh` | a refresh of a key | |
//!
//! Spans nest as the work does, across tasks as well: the requests of a part lie in the part, files in their directory,
//! a refresh in the operation that started it. The first request of a download, which finds out what the object is,
//! lies directly in the transfer. What happens inside a span is an event of level `DEBUG`:
//!
//! | event | says that | fields |
//! |---|---|---|
//! | `attempt answered`, `attempt failed` | an attempt ended; one event for each | `http.request.resend_count`, `http.response.status_code`, `cos.request_id`; of a failure `error.type` and `evidence` |
//! | `body read on` | a body broke off, and the client asks for the rest | `cos.offset` of the rest in the object, `error.type` |
//! | `reconciled` | an answer was lost, and what COS stores shows that the request succeeded | |
//! | `parts lost` | COS no longer has all parts: they are sent again | |
//! | `begun anew` | a download had the wrong checksum, and starts again from the beginning | |
//! | `paused`, `resumed` | the handle of a transfer paused it, or let it go on | |
//! | `key refreshed` | a provider gave a key | `cos.provider` |
//! | `key not refreshed` | a provider gave none; a `WARN` the first time | `cos.provider`, `error` |
//!
//! No field and no message contains a query, a header other than the request id, a key, or anything made from a key.
//! The example `trace` shows a transfer.
//!
//! # Features
//!
//! | feature | default | brings |
//! |---|---|---|
//! | `client` | yes | the async client on reqwest and tokio |
//! | `rustls` | yes | TLS by rustls, with the certificates of the machine |
//! | `native-tls` | | TLS by the library of the platform |
//! | `hyper` | | a second transport, [`Transport`]`::Hyper`, for many small objects |
//! | `blocking` | | [`blocking`]: the same for programs without a runtime |
//! | `sts` | | temporary keys from STS, for those who have a key to ask with; without `client` it makes the requests, and you send them |
//! | `tracing` | | [spans](#tracing) for transfers, parts and operations, events for attempts |
//!
//! Without features the core is left: operations, signatures, errors, with no I/O and no runtime.
//!
//! # Types of other crates
//!
//! Signatures here use types of [`bytes`], [`http`], [`futures_core`] and [`http_body`]. This crate re-exports them, so
//! an [`Operation`] or an [`HttpClient`] of your own needs no other dependency and gets matching versions. Readers and
//! writers are those of tokio 1: its traits `AsyncRead`, `AsyncBufRead` and `AsyncWrite`.
//!
//! # How it is built
//!
//! A module uses lower floors only.
//!
//! ```text
//! 5  sts (client)                                             a consumer of the client: its cache, clock and budget
//! 4  transfer                                                 whole files and directories, by operations
//! 3  client (bucket, execute, provider, http)                 the lowest floor that waits, sleeps and reads the clock
//! 2  object  multipart  bucket  policy                        operations: know no client, no credentials, no signing
//! 1  operation  paging  request  head  answer  options
//!    rest  sign  presign  retry                               vocabulary of a request; pure, as the calls of sts are
//! 0  error  time  credentials  region  endpoint  key  body
//!    xml  crc64  name                                         leaves
//! ```
//!
//! The way of a put: handle, loop, leaves.
//!
//! ```text
//! bucket.put("a.png", bytes)          client/bucket.rs    makes PutObject::new(key, body), calls send
//! bucket.send(operation)              client/execute.rs   the loop; each attempt anew:
//!     credentials.current()             client/provider     cached, one refresh for all
//!     operation.request()               object/put.rs       target, parameters, headers, body
//!     request.into_head(address)        head.rs             put to a host, percent-encoded once
//!     sign::headers(head, key)          sign.rs             pure
//!     http.execute(request)             client/http         reqwest, or yours
//!     status, document -> Error         error/service.rs    the one table
//!     operation.output(sent, response)  object/put.rs       PutObjectOutput
//!     history.decide(evidence, ..)      retry.rs            pure: stop, wait, refresh, sign anew
//! ```
#![warn(missing_docs, missing_debug_implementations, unreachable_pub, clippy::unwrap_used)]
#![cfg_attr(test, allow(clippy::unwrap_used))]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(all(feature = "client", feature = "blocking", feature = "sts")),
    allow(rustdoc::broken_intra_doc_links)
)] // the front page tells of the client

mod answer;
#[cfg(feature = "blocking")]
pub mod blocking;
mod body;
mod bucket;
#[cfg(feature = "client")]
pub mod client;
mod crc64;
pub mod credentials;
mod endpoint;
mod error;
mod head;
mod key;
mod multipart;
mod name;
mod object;
mod operation;
mod options;
mod paging;
pub mod policy;
mod presign;
mod region;
mod request;
mod rest;
pub mod retry;
pub mod sign;
#[cfg(feature = "sts")]
pub mod sts;
mod time;
#[cfg(feature = "client")]
pub mod transfer;
mod xml;

/// The bytes of bodies, in and out: [`Body`], [`ByteStream`].
pub use ::bytes;
/// What streams of bytes and listings implement: [`ByteStream`], [`Listing`].
pub use ::futures_core;
/// Methods, headers, requests and responses: [`Operation`], [`Bucket::sign`], [`HttpClient`].
pub use ::http;
/// What a [`Payload`] implements.
#[cfg(feature = "client")]
pub use ::http_body;

pub use crate::answer::Done;
pub use crate::body::{Body, ByteStream};
pub use crate::bucket::*;
#[cfg(feature = "client")]
#[doc(inline)]
pub use crate::client::{
    Bucket, ByteReader, Client, ClientBuilder, Connections, HttpClient, Listing, Overrides, Payload, Transport,
};
pub use crate::crc64::Crc64;
#[doc(inline)]
pub use crate::credentials::{Credentials, SessionCredentials};
pub use crate::endpoint::{Address, Endpoint, Scheme};
pub use crate::error::{Canonical, Error, ErrorKind, Phase, Result, ServiceError, SignatureMismatch, TransportError};
pub use crate::head::Head;
pub use crate::key::ObjectKey;
pub use crate::multipart::*;
pub use crate::object::*;
pub use crate::operation::{Operation, Permissions, ResponseBody, Safety, Scope, Sent, read_response};
pub use crate::options::*;
pub use crate::paging::Paged;
pub use crate::presign::{PresignOptions, Presigned};
pub use crate::region::{BucketName, Region};
pub use crate::request::{Describe, Request, Target};
pub use crate::rest::Rest;
pub use crate::time::Clock;

/// The examples of the README are compiled with the tests.
#[cfg(all(doctest, feature = "client"))]
#[doc = include_str!("../README.md")]
struct Readme;
