//! Unofficial async client for [Tencent Cloud Object Storage][COS] (COS): requests signed as COS wants them, temporary
//! keys that refresh themselves, bytes that are checked on the way.
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
//! // Your server hands out temporary keys. It is asked in time, and once for all requests.
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
//! | store, read, look at an object | [`PutObject`], [`GetObject`], [`HeadObject`] |
//! | read an object line by line, or by whatever takes a reader | [`ByteStream::reader`], [`blocking::Object`] |
//! | download by parallel ranges, to a file, a writer or as a stream; resume it in another process | [`Bucket::download`], [`transfer::Download`] |
//! | copy, append to, remove objects | [`CopyObject`], [`AppendObject`], [`DeleteObject`], [`DeleteObjects`] |
//! | change what COS keeps of an object beside its bytes | [`ObjectMeta::to_attributes`], [`CopyObject`] |
//! | hand on what a web server is asked, and what it answers | [`Conditions::from_headers`], [`GetObject::range_from_headers`], [`ServiceError::headers`] |
//! | tag objects | [`Tags`], [`PutObjectTagging`], [`GetObjectTagging`], [`DeleteObjectTagging`] |
//! | link one key to another | [`PutSymlink`], [`GetSymlink`] |
//! | read of an object what SQL selects | [`SelectObjectContent`] |
//! | read archived objects | [`RestoreObject`], [`ObjectMeta::restored`] |
//! | upload a file or a stream of any size | [`Bucket::upload`], [`transfer::Upload`] |
//! | upload or download a directory, or only what of it changed | [`transfer::UploadDirectory`], [`transfer::DownloadDirectory`] |
//! | copy an object of any size, or all that is behind a prefix, inside COS | [`Bucket::copy`], [`transfer::LargeCopy`], [`transfer::CopyDirectory`] |
//! | find uploads that were left behind | [`Bucket::orphans`] |
//! | have COS tell a server of yours of an upload, and hear what it says | [`Callback`] |
//! | upload by parts, call by call | [`InitiateMultipartUpload`], [`UploadPart`], [`UploadPartCopy`], [`CompleteMultipartUpload`], [`AbortMultipartUpload`], [`ListParts`], [`ListMultipartUploads`] |
//! | list | [`Bucket::list`], [`Bucket::pages`], [`Listing`]; [`ListObjects`], [`ListObjectVersions`], [`ListBuckets`] |
//! | make, look at, find, remove a bucket; keep versions | [`CreateBucket`], [`HeadBucket`], [`GetBucketLocation`], [`DeleteBucket`], [`PutBucketVersioning`], [`GetBucketVersioning`] |
//! | say who may do what with a bucket or an object, and read it | [`Acl`], [`PutObjectAcl`], [`GetObjectAcl`], [`PutBucketAcl`], [`GetBucketAcl`], [`AccessControl`] |
//! | let other accounts, users or everybody in, or keep them out | [`PutBucketPolicy`], [`GetBucketPolicy`], [`DeleteBucketPolicy`], [`policy::BucketPolicy`] |
//! | tag a bucket | [`PutBucketTagging`], [`GetBucketTagging`], [`DeleteBucketTagging`] |
//! | encrypt what does not say how itself | [`PutBucketEncryption`], [`GetBucketEncryption`], [`DeleteBucketEncryption`] |
//! | let web pages use a bucket, and ask whether one may | [`PutBucketCors`], [`GetBucketCors`], [`DeleteBucketCors`], [`OptionsObject`] |
//! | show a bucket as a website | [`PutBucketWebsite`], [`GetBucketWebsite`], [`DeleteBucketWebsite`] |
//! | give a bucket domains of its own, with certificates | [`PutBucketDomain`], [`GetBucketDomain`], [`DeleteBucketDomain`], [`PutBucketDomainCertificate`], [`GetBucketDomainCertificate`], [`DeleteBucketDomainCertificate`] |
//! | get what a bucket does not have from elsewhere, or send visitors there | [`PutBucketOrigin`], [`GetBucketOrigin`], [`DeleteBucketOrigin`] |
//! | keep the pages of others from showing what is in a bucket | [`PutBucketReferer`], [`GetBucketReferer`], [`DeleteBucketReferer`] |
//! | have COS copy new objects to other buckets | [`PutBucketReplication`], [`GetBucketReplication`], [`DeleteBucketReplication`] |
//! | keep a log of the requests for a bucket | [`PutBucketLogging`], [`GetBucketLogging`], [`DeleteBucketLogging`] |
//! | reach a bucket by global acceleration | [`PutBucketAccelerate`], [`GetBucketAccelerate`], [`Endpoint::accelerate`] |
//! | lock objects: neither removed nor overwritten before their time | [`PutBucketObjectLock`], [`GetBucketObjectLock`], [`PutObjectRetention`], [`GetObjectRetention`] |
//! | let COS itself give up old uploads, remove or archive old objects | [`PutBucketLifecycle`], [`GetBucketLifecycle`], [`DeleteBucketLifecycle`] |
//! | have COS list what is in a bucket, every day or once | [`PutBucketInventory`], [`GetBucketInventory`], [`ListBucketInventory`], [`DeleteBucketInventory`], [`PostBucketInventory`] |
//! | let COS move what is seldom read to cheaper tiers | [`PutBucketIntelligentTiering`], [`GetBucketIntelligentTiering`], [`ListBucketIntelligentTiering`], [`DeleteBucketIntelligentTiering`] |
//! | hand out a URL | [`Bucket::presign`], [`PresignOptions::presign`] without a client; [`Bucket::object_url`] for what everybody may read |
//! | let a form on a web page upload | [`PostPolicy`], [`Bucket::post_form`] |
//! | say what a temporary key may do, by the operations it is for | [`policy`], [`Operation::PERMISSIONS`] |
//! | get temporary keys from STS | [`sts`], [`blocking::sts`] without a runtime |
//! | bring keys | [`Client::from_env`], [`Credentials`], [`SessionCredentials`], [`client::provider`], [`blocking::from_fn`] |
//! | see every limit and wait | [`client::defaults`] |
//! | find out why COS says `SignatureDoesNotMatch` | [`sign::SigningKey::stages`] |
//! | use another HTTP library | [`Bucket::sign`], [`HttpClient`], or the core without features: [`Operation`], [`sign`], [`read_response`], [`retry`] |
//! | do without a runtime | [`blocking`] |
//! | send a call that is missing here | implement [`Operation`], maybe with [`Done`] as its output |
//!
//! # Two doors
//!
//! The short verbs of [`Bucket`] take what they need: `bucket.put(key, body)`. An operation has all the options and goes
//! through [`Bucket::send`]: `bucket.send(PutObject::new(key, body).acl(..).tags(..))`. There is no third.
//!
//! # Errors
//!
//! Every failure is an [`Error`]. It says what was being done and to what, what COS answered ([`Error::code`],
//! [`Error::request_id`]), whether it may have taken effect all the same ([`Error::may_have_taken_effect`]), and whether
//! it is worth another try later ([`Error::is_retryable`]); the client has by then retried within its limits. Bad input
//! is [`ErrorKind::Input`] before any I/O, with the name of the field. `{error:#}` prints it with its causes.
//!
//! # Retries
//!
//! What COS never saw is sent again, for every operation. What it may have seen is sent again where that is safe
//! ([`Operation::safety`]): a read, a put, a delete of a named version; not a delete that may add a delete marker, which
//! ends as [`ErrorKind::Ambiguous`] when nothing says how it went. Each attempt is signed afresh with the key of the
//! moment. An answer that says the key is over refreshes it, once; one that says the clock is wrong corrects it, once.
//! The body of an object that breaks off or stalls is read on from the next byte. While `myqcloud.com` is out of reach,
//! buckets on their default hosts are reached under `tencentcos.cn`.
//!
//! # Integrity
//!
//! COS keeps a CRC-64 of every object. A put compares it with that of the bytes sent; a get of a whole object checks it
//! while the bytes run through, and a mismatch is an error before the end of the stream. Where it cannot be checked,
//! [`Object::integrity`] says why.
//!
//! # Wrappers in other languages
//!
//! [`blocking`] is the door for functions that wait, with callbacks for keys ([`blocking::from_fn`]) and for bytes
//! ([`blocking::source`], [`blocking::Object`]); a call that must be stopped from outside is a future of [`Bucket`] in a
//! runtime of the wrapper's own. What brings its own HTTP takes the core without features: an [`Operation`] makes the
//! request, [`sign`] or [`PresignOptions::presign`] signs it, [`read_response`] reads the answer, [`retry::Attempts`] says
//! what comes after a failure, and [`credentials`] when a key is due. Temporary keys to hand out are made by [`sts::sign`],
//! with the feature `sts` alone. The example `own_transport` is all of that.
//!
//! An error crosses as [`ErrorKind::as_str`], [`Error::code`] and its neighbours. What a callback for keys failed with is
//! one of its `source`s; what a reader failed with is inside of one, in the `get_ref` of an [`std::io::Error`]. A callback
//! must not panic, nor unwind in another way: catch that before it comes here. After a `fork` the child has none of the
//! threads of its parent: it makes clients of its own, and does not drop a runtime it took along, which waits for threads.
//!
//! # Cancellation
//!
//! Dropping a future or a stream stops its I/O. A request that was sent by then may take effect. A refresh of a key runs
//! in a task of its own and serves those who still wait. What a transfer leaves behind, its job says.
//!
//! # Security
//!
//! Keys, tokens, signatures and presigned queries appear in no `Debug`, no error and no log line. A secret key is wiped from
//! memory when it is dropped, as far as a library can; a token in the requests and URLs that carry it is not. Only https is
//! spoken to other machines unless [`allow_http`](ClientBuilder::allow_http) is said; the metadata of a CVM instance knows
//! only http. Redirects are never followed. No key of an object can become a request to its bucket ([`ObjectKey`]). Answers
//! are read with limits on size and depth. To a presigned URL may be added what is not signed ([`Bucket::presign`]).
//!
//! # Tracing
//!
//! With the feature `tracing`, each of these is a span of level `INFO` and target `tencent_cos`:
//!
//! | span | is | fields |
//! |---|---|---|
//! | `cos.transfer` | a transfer, from its first request to its last; as a stream, to the end of that | `otel.name` (`upload`, `download`, `copy`, `upload directory`, `download directory`), `cos.target`, at its end `cos.bytes`, `cos.parts` (of a directory: objects), `cos.resumed_parts`, `error.type` |
//! | `cos.part` | a part or range of it, from 1 | `cos.part_number`, `cos.offset`, `cos.length` |
//! | `cos.operation` | an operation with all its attempts; a call of STS | `otel.name`, `otel.kind`, `http.request.method`, `server.address`, `cos.target`, `http.response.status_code`, `cos.request_id`, `error.type` |
//! | `cos.refresh` | a refresh of a key | |
//!
//! They lie in each other as they come about, in tasks of their own as well: the requests of a part in the part, files in
//! their directory, a refresh in the operation that began it. The first request of a download, which tells what there is,
//! lies in the transfer. What happens in them is an event of level `DEBUG`:
//!
//! | event | tells that | fields |
//! |---|---|---|
//! | `attempt answered`, `attempt failed` | a request came to its end; one event for each | `http.request.resend_count`, `http.response.status_code`, `cos.request_id`, of a failure `error.type` and `evidence` |
//! | `body read on` | a body broke off, and the rest of it is asked for | `cos.offset` of that in the object, `error.type` |
//! | `reconciled` | an answer was lost, and what is stored tells that it was a success | |
//! | `parts lost` | COS does not have all parts any more: they are sent again | |
//! | `begun anew` | what was downloaded had the wrong checksum: once more, all of it | |
//! | `paused`, `resumed` | a transfer waits for its handle, and goes on | |
//! | `key refreshed` | a provider gave a key | `cos.provider` |
//! | `key not refreshed` | it gave none; a `WARN` the first time | `cos.provider`, `error` |
//!
//! No field and no message has a query, a header other than the request id, a key or what is made of one. The example
//! `trace` shows a transfer.
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
//! | `sts` | | temporary keys from STS, for those who have a key to ask with; without `client` it makes the requests, and yours sends them |
//! | `tracing` | | [spans](#tracing) for transfers, parts and operations, events for attempts |
//!
//! Without features the core is left: operations, signatures, errors, with no I/O and no runtime.
//!
//! # Types of other crates
//!
//! Types of [`bytes`], [`http`], [`futures_core`] and [`http_body`] stand in signatures here. They are re-exported, so that
//! an [`Operation`] or an [`HttpClient`] of your own needs none of them beside this crate, and has them at its versions.
//! Readers and writers are those of tokio 1: its traits `AsyncRead`, `AsyncBufRead` and `AsyncWrite`.
//!
//! # How it is built
//!
//! A module uses lower floors only.
//!
//! ```text
//! 5  sts (client)                                             a consumer of the client: its cache, clock and budget
//! 4  transfer                                                 whole files and directories, by operations
//! 3  client (bucket, execute, retry, provider, http)          the lowest floor that waits, sleeps and reads the clock
//! 2  object  multipart  bucket  policy                        operations: know no client, no credentials, no signing
//! 1  operation  request  head  answer  options  rest
//!    sign  presign  retry                                     vocabulary of a request; pure, as the calls of sts are
//! 0  error  time  credentials  region  key  body  xml  crc64  name  leaves
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
//!     status, document -> Error         error.rs            the one table
//!     operation.output(sent, response)  object/put.rs       PutObjectOutput
//!     history.decide(evidence, ..)      client/retry.rs     pure: stop, wait, refresh, sign anew
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
mod error;
mod head;
mod key;
mod multipart;
mod name;
mod object;
mod operation;
mod options;
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
pub use crate::error::{Canonical, Error, ErrorKind, Phase, Result, ServiceError, SignatureMismatch, TransportError};
pub use crate::head::Head;
pub use crate::key::ObjectKey;
pub use crate::multipart::*;
pub use crate::object::*;
pub use crate::operation::{Operation, Paged, Permissions, ResponseBody, Safety, Scope, Sent, read_response};
pub use crate::options::*;
pub use crate::presign::{PresignOptions, Presigned};
pub use crate::region::{Address, BucketName, Endpoint, Region, Scheme};
pub use crate::request::{Describe, Request, Target};
pub use crate::rest::Rest;
pub use crate::time::Clock;

/// The examples of the README are compiled with the tests.
#[cfg(all(doctest, feature = "client"))]
#[doc = include_str!("../README.md")]
struct Readme;
