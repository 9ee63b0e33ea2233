//! A strict local Tencent Cloud COS.
//!
//! It checks every signature from the raw request, keeps bytes on disk, answers with the documents and the codes of the
//! service, and does on request what networks do by themselves: reset, stall, truncate, lie. It shares no code with the
//! client it tests.
//!
//! ```
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use cos_emulator::{Action, Emulator, Rule};
//!
//! let emulator = Emulator::builder().bucket("examplebucket-1250000000", "ap-guangzhou").start().await?;
//! println!("point a client at {}", emulator.endpoint());
//!
//! // The next GET breaks off after 100 bytes.
//! emulator.script(Rule::on("GET Object").then(Action::CutBody { at: 100 }));
//! // … run the client …
//! for seen in emulator.journal() {
//!     println!("{} {} {:?}", seen.operation, seen.target, seen.status);
//! }
//! # Ok(()) }
//! ```
//!
//! The same port plays STS (`POST /` with an action, for any host), which gives keys whose policies are enforced, and the
//! metadata of an instance. Faults are scripted for both as for COS: `Rule::on("AssumeRole")`. Web pages post forms
//! (POST Object), and see what the CORS configuration of the bucket lets them. Tags of a bucket, a lifecycle configuration,
//! logging and replication are kept for those who ask; the last three are not carried out. Symbolic links are followed, and
//! the acceleration host serves buckets where it is on. The default encryption of a bucket, with keys of COS alone, is
//! what its later objects tell. Who may do what is judged by the policy of the key, the policy of the bucket and ACLs
//! together; that of the bucket reads as the documents of COS do, down to who is meant by everybody. A static website is
//! served at `BUCKET.cos-website.REGION.myqcloud.com`, with its index and error documents and its redirects; hotlink
//! protection refuses unsigned requests for objects by their `Referer`. Inventories and the rules of intelligent tiering are
//! kept for those who ask: no inventory is ever written, one-off or not, and no object moves between tiers. Custom domains
//! that are set of a bucket stand for it; of their certificates it is told when they end, and no connection shows them.
//! Rules back to an origin redirect, and fetch nothing. A SELECT reads CSV and JSON that is not compressed, by a small part
//! of its SQL, and answers in the frames of the service. Objects that are locked are neither removed nor overwritten before
//! their time. The callback of an upload is sent, by http alone, before it is answered.
//!
//! What is not implemented answers `501 NotImplemented`; nothing answers with a success that did not happen. Only bytes
//! that are no HTTP at all (or a head of several hundred KB) get the bare 4xx of the HTTP library, without a request id.

#![warn(missing_docs, missing_debug_implementations, unreachable_pub, clippy::unwrap_used)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod accelerate;
mod access;
mod account;
mod acl;
mod address;
mod append;
mod attributes;
mod auth;
mod body;
mod bucket;
mod builder;
mod callback;
mod cam;
mod casing;
mod certificate;
mod copy;
mod cors;
mod customer_key;
mod delete_many;
mod domain;
mod encoding;
mod encryption;
mod error;
mod fault;
mod ids;
mod inventory;
mod journal;
mod lifecycle;
mod lock;
mod logging;
mod media;
mod metadata;
mod multipart;
mod object;
mod origin;
mod policy;
mod post_object;
mod receive;
mod referer;
mod replication;
mod request;
mod respond;
mod restore;
mod select;
mod server;
mod service;
mod service_list;
mod settings;
mod store;
mod sts;
mod symlink;
mod tagging;
mod tiering;
mod tls;
mod versions;
mod website;
mod wire;
mod xml;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;

pub use account::{ExpiryAnswer, TemporaryKey};
pub use body::{Body, Injected};
pub use builder::{Builder, StartError};
pub use cam::Role;
pub use cors::Cors;
pub use fault::{Action, Effect, Ending, Matcher, Rule, Spaces};
pub use journal::Record;
pub use service::Service;
pub use tls::Tls;
pub use wire::Link;

use server::Server;
use store::{Draft, Made, Sink};

/// A running emulator. Dropping it stops the server, closes its connections and removes a temporary data folder.
#[derive(Debug)]
pub struct Emulator {
    service: Service,
    server: Option<Server>,
    bucket: String,
    region: String,
    secret_id: String,
    secret_key: String,
    ca_pem: Option<String>,
    /// Whether nothing but TLS is spoken.
    secure: bool,
}

impl Emulator {
    /// Begins to set up an emulator.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The address it listens on.
    ///
    /// # Panics
    /// If the emulator was made by [`Builder::in_memory`] and has no socket.
    pub fn address(&self) -> SocketAddr {
        self.server.as_ref().expect("an emulator in memory has no address").address
    }

    /// Where to point a client: `http://127.0.0.1:PORT`, or `https://localhost:PORT`.
    ///
    /// # Panics
    /// If the emulator has no socket.
    pub fn endpoint(&self) -> String {
        let address = self.address();
        if self.secure { format!("https://localhost:{}", address.port()) } else { format!("http://{address}") }
    }

    /// The first bucket.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The region of the first bucket.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The permanent `SecretId`.
    pub fn secret_id(&self) -> &str {
        &self.secret_id
    }

    /// The permanent `SecretKey`.
    pub fn secret_key(&self) -> &str {
        &self.secret_key
    }

    /// The certificate of the authority that signed the server's, if the emulator speaks TLS.
    pub fn ca_pem(&self) -> Option<String> {
        self.ca_pem.clone()
    }

    /// The same emulator without a socket: requests go in as values.
    pub fn service(&self) -> Service {
        self.service.clone()
    }

    /// Issues a temporary key, accepted from now on until its time is over by the emulator's clock. It may do what the
    /// permanent key may.
    pub fn mint(&self, lifetime: Duration) -> TemporaryKey {
        self.issue(lifetime, None)
    }

    /// Issues a temporary key that may do what the permanent key may and this policy (as JSON) allows.
    ///
    /// # Panics
    /// If the policy is none.
    pub fn mint_with(&self, lifetime: Duration, policy: &str) -> TemporaryKey {
        let policy = self.service.world.policy(policy).unwrap_or_else(|bad| panic!("{}", bad.message));
        self.issue(lifetime, Some(Arc::new(policy)))
    }

    fn issue(&self, lifetime: Duration, policy: Option<Arc<policy::Policy>>) -> TemporaryKey {
        let world = &self.service.world;
        let key = account::issue(&world.ids, world.clock.now(), lifetime);
        let mut holder = world.root.clone();
        holder.rights = holder.rights.within(policy);
        world.keys.add(&key, holder);
        key
    }

    /// Accepts a token of an identity provider for a role, by its name, from now on.
    pub fn trust_web_identity(&self, provider: &str, token: &str, role: &str) {
        let (provider, token, role) = (provider.to_owned(), token.to_owned(), role.to_owned());
        self.service.world.cam.trust(cam::WebIdentity { provider, token, role });
    }

    /// Accepts a token of an identity provider no longer. False if it was not known.
    pub fn distrust_web_identity(&self, token: &str) -> bool {
        self.service.world.cam.distrust(token)
    }

    /// Forgets a key, permanent or temporary: from now on it is `InvalidAccessKeyId`. False if it was not known.
    pub fn revoke(&self, secret_id: &str) -> bool {
        self.service.world.keys.remove(secret_id)
    }

    /// Makes a temporary key dead at once, and says how requests with it are answered. False if there is no such key.
    pub fn expire(&self, secret_id: &str, answer: ExpiryAnswer) -> bool {
        self.service.world.keys.expire(secret_id, answer)
    }

    /// Says how requests are answered from now on whose temporary key is over, unless [`Emulator::expire`] said so.
    pub fn set_expiry_answer(&self, answer: ExpiryAnswer) {
        self.service.world.keys.set_answer(answer);
    }

    /// Sets the emulator's clock this many seconds ahead of its base (behind, if negative). It does not add up.
    pub fn shift_clock(&self, seconds: i64) {
        self.service.world.clock.shift(seconds);
    }

    /// Adds a rule to the fault script.
    pub fn script(&self, rule: Rule) {
        self.service.world.script.add(rule);
    }

    /// Removes all rules. Faults under way go on.
    pub fn clear_script(&self) {
        self.service.world.script.clear();
    }

    /// Every request seen, in the order in which their heads were complete.
    pub fn journal(&self) -> Vec<Record> {
        self.service.world.journal.records()
    }

    /// How many requests the journal has of an operation: `PUT Object`, `AssumeRole`, `Instance metadata`.
    pub fn count(&self, operation: &str) -> usize {
        self.journal().iter().filter(|record| record.operation == operation).count()
    }

    /// Empties the journal.
    pub fn clear_journal(&self) {
        self.service.world.journal.clear();
    }

    /// Connections open right now.
    pub fn open_connections(&self) -> usize {
        self.server.as_ref().map_or(0, |server| server.connections.open.load(Ordering::Relaxed))
    }

    /// Connections accepted since the start.
    pub fn accepted_connections(&self) -> u64 {
        self.server.as_ref().map_or(0, |server| server.connections.accepted.load(Ordering::Relaxed))
    }

    /// The newest version of an object, or nothing.
    pub fn object(&self, bucket: &str, key: &str) -> Option<StoredObject> {
        let version = self.service.world.store.bucket(bucket)?.find(key, None).ok()?;
        Some(StoredObject { version })
    }

    /// Every version of a key and every delete marker, the newest first.
    pub fn versions(&self, bucket: &str, key: &str) -> Vec<StoredObject> {
        let bucket = self.service.world.store.bucket(bucket);
        let versions = bucket.map(|bucket| bucket.versions(key)).unwrap_or_default();
        versions.into_iter().map(|version| StoredObject { version }).collect()
    }

    /// The unfinished uploads of a bucket, by key and time.
    pub fn uploads(&self, bucket: &str) -> Vec<UploadInfo> {
        let bucket = self.service.world.store.bucket(bucket);
        let uploads = bucket.map(|bucket| bucket.uploads()).unwrap_or_default();
        let part = |(&number, part): (&u32, &Arc<store::Part>)| (number, part.size, part.etag.clone());
        let info = |(key, upload_id, upload): (String, String, store::Multipart)| UploadInfo {
            key,
            upload_id,
            parts: upload.parts.iter().map(part).collect(),
        };
        uploads.into_iter().map(info).collect()
    }

    /// Stores an object behind the clients' back. The key is not checked: `..`, `/` or 2000 bytes will do.
    ///
    /// # Panics
    /// If there is no such bucket, or the disk is full.
    pub fn put_object(&self, bucket: &str, key: &str, bytes: impl Into<Bytes>) {
        let world = &self.service.world;
        let bucket = world.store.bucket(bucket).unwrap_or_else(|| panic!("no bucket {bucket}"));
        let content = Sink::take(&world.store.disk, bytes.into()).expect("bytes can be stored");
        let content_type = Bytes::from_static(media::media_type(key).as_bytes());
        let draft = Draft {
            headers: vec![("content-type".to_owned(), content_type)],
            storage_class: "STANDARD".to_owned(),
            ..Draft::default()
        };
        let stored = bucket.commit(key, Made::of(content, draft), |_| Ok(()), world.clock.now());
        stored.unwrap_or_else(|error| panic!("{key} not stored: {}", error.message));
    }
}

/// An upload that has been neither completed nor aborted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UploadInfo {
    /// The key it is for.
    pub key: String,
    /// Its `UploadId`.
    pub upload_id: String,
    /// Number, size and `ETag` (with quotes) of each part, by number.
    pub parts: Vec<(u32, u64, String)>,
}

/// A version of an object as the emulator keeps it, or a delete marker.
#[derive(Clone, Debug)]
pub struct StoredObject {
    version: Arc<store::Version>,
}

impl StoredObject {
    /// Its length.
    pub fn size(&self) -> u64 {
        self.version.size
    }

    /// Its bytes, all of them in memory.
    ///
    /// # Panics
    /// If they cannot be read from disk.
    pub fn bytes(&self) -> Bytes {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut self.reader(), &mut bytes).expect("a stored object can be read");
        Bytes::from(bytes)
    }

    /// Its bytes, one after the other. Reading fails if a file of the emulator is gone.
    pub fn reader(&self) -> impl std::io::Read + Send + use<> {
        self.version.pieces.reader()
    }

    /// Its entity tag, with quotes.
    pub fn etag(&self) -> &str {
        &self.version.etag
    }

    /// Its CRC-64, if it has one.
    pub fn crc64(&self) -> Option<u64> {
        self.version.crc64
    }

    /// Its version id; `null` if it was stored while versioning was off.
    pub fn version_id(&self) -> String {
        self.version.id()
    }

    /// Content-Type and its like: names in lower case, values as received.
    pub fn headers(&self) -> &[(String, Bytes)] {
        &self.version.draft.headers
    }

    /// One of [`StoredObject::headers`], if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.version.draft.headers.iter().find(|(have, _)| have == name)?;
        std::str::from_utf8(value).ok()
    }

    /// User metadata: full names (`x-cos-meta-…`) in lower case, values as received.
    pub fn metadata(&self) -> &[(String, Bytes)] {
        &self.version.draft.metadata
    }

    /// Whether it is a delete marker, which has no bytes and no headers.
    pub fn is_delete_marker(&self) -> bool {
        self.version.marker
    }

    /// Whether it was made by APPEND, and can grow.
    pub fn is_appendable(&self) -> bool {
        matches!(self.version.kind, store::Kind::Appendable(_))
    }

    /// Its storage class, `STANDARD` included.
    pub fn storage_class(&self) -> &str {
        &self.version.draft.storage_class
    }

    /// Its canned ACL, if it has one of its own.
    pub fn acl(&self) -> Option<&str> {
        self.version.draft.acl.canned.as_deref()
    }

    /// Its tags.
    pub fn tags(&self) -> &[(String, String)] {
        &self.version.draft.tags
    }
}
