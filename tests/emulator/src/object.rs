//! PUT, GET, HEAD and DELETE Object.

use std::sync::Arc;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::StatusCode;

use crate::body::Body;
use crate::encoding::decode_form;
use crate::error::CosError;
use crate::media::media_type;
use crate::request::Head;
use crate::respond::Reply;
use crate::service::{CRC, Call};
use crate::store::{Acl, Bucket, Content, Draft, NotFound, Reader, Sink, Version, Versioning};

/// 5 GB, the limit of a simple upload.
const LARGEST: u64 = 5 * 1024 * 1024 * 1024;

const LONGEST_KEY: usize = 850;

pub(crate) async fn put(call: &mut Call<'_>) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    may_write(call, &bucket)?;
    let key = writable_key(call)?.to_owned();
    refuse_unknown(call.head)?;
    let draft = draft(call.head, &key)?;
    let digests = Digests::of(call.head)?;
    let forbid_overwrite = is_true(call.head.header("x-cos-forbid-overwrite"));
    if forbid_overwrite {
        bucket.check_overwrite(&key)?;
    }
    let content = receive(call, &digests).await?;
    let committed = bucket.commit(&key, content, draft, forbid_overwrite, call.world.clock.now())?;

    let version = &committed.version;
    let mut reply = Reply::ok();
    reply.set("etag", &version.etag);
    reply.set_if(CRC, version.crc64.map(|crc| crc.to_string()));
    reply.set_if("x-cos-version-id", committed.version_id);
    echo_encryption(&mut reply, version);
    Ok(reply)
}

/// Takes the body in, and believes it only if its length and its digests are what the request says.
async fn receive(call: &mut Call<'_>, digests: &Digests) -> Result<Content, CosError> {
    if call.upload.length().is_some_and(|length| length > LARGEST) {
        return Err(CosError::entity_too_large());
    }
    let mut sink = Sink::new(&call.world.store.disk, digests.sha1.is_some());
    while let Some(bytes) = call.upload.next().await? {
        sink.write(bytes).await.map_err(|error| CosError::internal(&error))?;
        if sink.size() > LARGEST {
            return Err(CosError::entity_too_large());
        }
    }
    let content = sink.finish().await.map_err(|error| CosError::internal(&error))?;
    digests.check(&content)?;
    Ok(content)
}

/// What the request says about the digests of its body.
#[derive(Debug)]
struct Digests {
    md5: Option<[u8; 16]>,
    sha1: Option<[u8; 20]>,
}

impl Digests {
    fn of(head: &Head) -> Result<Self, CosError> {
        let md5 = head.header("content-md5").map(|text| {
            let bytes = STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
            bytes.ok_or_else(|| CosError::new(400, "InvalidDigest", "The Content-MD5 you specified is not valid."))
        });
        let sha1 = head.header("x-cos-content-sha1").map(|text| {
            let bytes = hex::decode(text).ok().and_then(|bytes| bytes.try_into().ok());
            bytes.ok_or_else(bad_sha1)
        });
        Ok(Self { md5: md5.transpose()?, sha1: sha1.transpose()? })
    }

    fn check(&self, content: &Content) -> Result<(), CosError> {
        if self.md5.is_some_and(|md5| md5 != content.md5) {
            let message = "The Content-MD5 you specified did not match what we received.";
            return Err(CosError::new(400, "BadDigest", message));
        }
        if self.sha1.is_some() && self.sha1 != content.sha1 {
            return Err(bad_sha1());
        }
        Ok(())
    }
}

fn bad_sha1() -> CosError {
    CosError::new(400, "InvalidSHA1Digest", "The x-cos-content-sha1 you specified did not match what we received.")
}

/// Headers that ask for something we would have to pretend to do.
fn refuse_unknown(head: &Head) -> Result<(), CosError> {
    for name in head.headers.keys().map(http::HeaderName::as_str) {
        if name == "pic-operations" || name.starts_with("x-cos-server-side-encryption-customer-") {
            return Err(CosError::not_implemented(&format!("the header {name}")));
        }
    }
    Ok(())
}

/// What the request says about the object: everything that GET and HEAD will say again.
fn draft(head: &Head, key: &str) -> Result<Draft, CosError> {
    const KEPT: [&str; 6] =
        ["cache-control", "content-disposition", "content-encoding", "content-language", "content-type", "expires"];
    let value = |name: &str| head.headers.get(name).map(|value| Bytes::copy_from_slice(value.as_bytes()));
    let mut draft = Draft::default();
    for name in KEPT {
        if let Some(value) = value(name).filter(|value| !value.is_empty()) {
            draft.headers.push((name.to_owned(), value));
        }
    }
    if !draft.headers.iter().any(|(name, _)| name == "content-type") {
        draft.headers.push(("content-type".to_owned(), Bytes::from_static(media_type(key).as_bytes())));
    }
    draft.metadata = metadata(head)?;
    draft.storage_class = storage_class(head.header("x-cos-storage-class"))?;
    draft.acl = object_acl(head.header("x-cos-acl"))?;
    for (name, value) in &head.headers {
        if name.as_str().starts_with("x-cos-grant-") {
            draft.grants.push((name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
        }
    }
    draft.tags = head.header("x-cos-tagging").map(tags).transpose()?.unwrap_or_default();
    if let Some(algorithm) = head.header("x-cos-server-side-encryption") {
        match algorithm {
            "AES256" => draft.encryption.push(("x-cos-server-side-encryption".to_owned(), algorithm.to_owned())),
            "cos/kms" => return Err(CosError::not_implemented("encryption with keys of KMS")),
            _ => return Err(CosError::invalid_argument("x-cos-server-side-encryption is AES256 or cos/kms.")),
        }
    }
    Ok(draft)
}

/// `x-cos-meta-*`: 2 KB each and 4 KB together, values as the bytes they came as.
fn metadata(head: &Head) -> Result<Vec<(String, Bytes)>, CosError> {
    let mut metadata = Vec::new();
    let mut total = 0;
    for (name, value) in &head.headers {
        let Some(suffix) = name.as_str().strip_prefix("x-cos-meta-") else { continue };
        let size = suffix.len() + value.len();
        total += size;
        if size > 2048 || total > 4096 {
            return Err(CosError::invalid_argument("User metadata is larger than 2 KB each or 4 KB together."));
        }
        metadata.push((name.to_string(), Bytes::copy_from_slice(value.as_bytes())));
    }
    Ok(metadata)
}

/// Classes are compared without regard to case, as the Java SDK writes `Standard_IA`.
fn storage_class(text: Option<&str>) -> Result<String, CosError> {
    const CLASSES: [&str; 9] = [
        "STANDARD",
        "STANDARD_IA",
        "INTELLIGENT_TIERING",
        "ARCHIVE",
        "DEEP_ARCHIVE",
        "MAZ_STANDARD",
        "MAZ_STANDARD_IA",
        "MAZ_INTELLIGENT_TIERING",
        "MAZ_ARCHIVE",
    ];
    let class = text.unwrap_or("STANDARD").to_ascii_uppercase();
    if CLASSES.contains(&class.as_str()) {
        return Ok(class);
    }
    Err(CosError::new(400, "NotSupportedStorageClass", "The storage class you specified is not supported."))
}

fn object_acl(text: Option<&str>) -> Result<Option<String>, CosError> {
    match text {
        None | Some("default") => Ok(None),
        Some("private" | "public-read" | "authenticated-read" | "bucket-owner-read" | "bucket-owner-full-control") => {
            Ok(text.map(str::to_owned))
        }
        Some(_) => Err(CosError::invalid_argument("x-cos-acl is not an ACL for objects.")),
    }
}

/// `key=value&key2=value2`, form-encoded; at most ten, each key once.
fn tags(text: &str) -> Result<Vec<(String, String)>, CosError> {
    let bad = |message| CosError::new(400, "InvalidTag", message);
    let mut tags: Vec<(String, String)> = Vec::new();
    for pair in text.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let decode = |text| decode_form(text).and_then(|bytes| String::from_utf8(bytes.into_owned()).ok());
        let (Some(name), Some(value)) = (decode(name), decode(value)) else {
            return Err(bad("A tag is not percent-encoded UTF-8."));
        };
        if name.is_empty() || name.chars().count() > 128 || value.chars().count() > 256 {
            return Err(bad("A tag key has 1 to 128 characters, a value up to 256."));
        }
        if tags.iter().any(|(have, _)| *have == name) {
            return Err(bad("A tag key is given twice."));
        }
        tags.push((name, value));
    }
    if tags.len() > 10 { Err(bad("An object has at most 10 tags.")) } else { Ok(tags) }
}

fn is_true(text: Option<&str>) -> bool {
    text.is_some_and(|text| text.eq_ignore_ascii_case("true"))
}

fn writable_key<'c>(call: &'c Call<'_>) -> Result<&'c str, CosError> {
    let key = call.key()?;
    if key.len() > LONGEST_KEY {
        return Err(CosError::new(400, "KeyTooLong", "The specified key is longer than 850 bytes."));
    }
    // The four arrows of the documents: CAN, EM, SUB and ESC.
    if key.bytes().any(|byte| (24..=27).contains(&byte)) {
        return Err(CosError::new(400, "InvalidObjectName", "The specified key holds a control character."));
    }
    Ok(key)
}

/// GET, and HEAD, which is the same without the bytes.
pub(crate) fn get(call: &Call<'_>, with_body: bool) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    let head = call.head;
    refuse_unknown(head)?;
    let id = head.query.get("versionId");
    let found = bucket.find(call.key()?, id);
    may_read(call, &bucket, found.as_deref().ok())?;
    let version = found.map_err(|reason| missing(&reason))?;
    if with_body && version.draft.storage_class.ends_with("ARCHIVE") {
        let message = "The operation is not valid for the object's storage class: restore it first.";
        return Err(CosError::new(403, "InvalidObjectState", message));
    }
    if !check_conditions(head, &version)? {
        let mut reply = Reply::new(StatusCode::NOT_MODIFIED);
        reply.set("etag", &version.etag);
        reply.set("last-modified", httpdate::fmt_http_date(version.modified()));
        return Ok(reply);
    }
    let mut reply = describe(&bucket, &version);
    override_headers(call, &mut reply)?;
    if !with_body {
        reply.set("content-length", version.size.to_string());
        return Ok(reply);
    }
    let range = head.header("range").and_then(|text| Range::parse(text, version.size)).transpose()?;
    let Range { start, length } = range.unwrap_or(Range { start: 0, length: version.size });
    if range.is_some() {
        reply.status = StatusCode::PARTIAL_CONTENT;
        reply.set("content-range", format!("bytes {start}-{}/{}", start + length - 1, version.size));
    }
    reply.body = open(&version, start, length).map_err(|error| CosError::internal(&error))?;
    Ok(reply)
}

fn open(version: &Version, start: u64, length: u64) -> std::io::Result<Body> {
    use std::io::{Seek, SeekFrom};
    match version.blob.read()? {
        Reader::Bytes(bytes) => {
            let start = usize::try_from(start).unwrap_or(usize::MAX).min(bytes.len());
            let end = start.saturating_add(usize::try_from(length).unwrap_or(usize::MAX)).min(bytes.len());
            Ok(Body::from(bytes.slice(start..end)))
        }
        Reader::File(mut file) => {
            file.seek(SeekFrom::Start(start))?;
            Ok(Body::file(file, length))
        }
    }
}

/// The headers that an object gives of itself.
fn describe(bucket: &Bucket, version: &Version) -> Reply {
    let mut reply = Reply::ok();
    reply.set("etag", &version.etag);
    reply.set("last-modified", httpdate::fmt_http_date(version.modified()));
    reply.set("accept-ranges", "bytes");
    reply.set_if(CRC, version.crc64.map(|crc| crc.to_string()));
    for (name, value) in version.draft.headers.iter().chain(&version.draft.metadata) {
        reply.set(name, value);
    }
    if version.draft.storage_class != "STANDARD" {
        reply.set("x-cos-storage-class", &version.draft.storage_class);
    }
    reply.set("x-cos-object-type", "normal");
    if !version.draft.tags.is_empty() {
        reply.set("x-cos-tagging-count", version.draft.tags.len().to_string());
    }
    if bucket.versioning != Versioning::Unset {
        reply.set("x-cos-version-id", version.id());
    }
    echo_encryption(&mut reply, version);
    reply
}

fn echo_encryption(reply: &mut Reply, version: &Version) {
    for (name, value) in &version.draft.encryption {
        reply.set(name, value);
    }
}

/// `response-content-type=…` and its like, for signed requests only.
fn override_headers(call: &Call<'_>, reply: &mut Reply) -> Result<(), CosError> {
    const OVERRIDES: [&str; 6] = [
        "response-cache-control",
        "response-content-disposition",
        "response-content-encoding",
        "response-content-language",
        "response-content-type",
        "response-expires",
    ];
    for name in OVERRIDES {
        let Some(value) = call.head.query.get(name) else { continue };
        if call.is_anonymous() {
            return Err(CosError::invalid_request("Response headers can be set by signed requests only."));
        }
        reply.set(name.trim_start_matches("response-"), value);
    }
    Ok(())
}

/// The conditions of RFC 9110 section 13.2.2, in its order. False is 304.
fn check_conditions(head: &Head, version: &Version) -> Result<bool, CosError> {
    let date = |name| head.header(name).and_then(|text| httpdate::parse_http_date(text).ok());
    let modified: SystemTime = version.modified();
    match head.header("if-match") {
        Some(tags) if !matches_any(tags, &version.etag) => return Err(CosError::precondition_failed()),
        None if date("if-unmodified-since").is_some_and(|since| modified > since) => {
            return Err(CosError::precondition_failed());
        }
        _ => {}
    }
    match head.header("if-none-match") {
        Some(tags) => Ok(!matches_any(tags, &version.etag)),
        None => Ok(date("if-modified-since").is_none_or(|since| modified > since)),
    }
}

fn matches_any(tags: &str, etag: &str) -> bool {
    let bare = |tag: &str| tag.trim().trim_start_matches("W/").trim_matches('"').to_owned();
    tags.trim() == "*" || tags.split(',').any(|tag| bare(tag) == bare(etag))
}

/// A range within an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    start: u64,
    length: u64,
}

impl Range {
    /// `bytes=a-b`, `bytes=a-` or `bytes=-n`. What is not one range of bytes is ignored, as RFC 9110 asks; what lies
    /// outside the object is 416.
    fn parse(text: &str, size: u64) -> Option<Result<Self, CosError>> {
        let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
        let unsatisfiable = || {
            CosError::new(416, "InvalidRange", "The requested range cannot be satisfied.")
                .header("content-range", format!("bytes */{size}"))
        };
        let number = |text: &str| text.trim().parse::<u64>().ok();
        let (start, end) = match (first.trim(), last.trim()) {
            ("", last) => (size.saturating_sub(number(last)?), size),
            (first, "") => (number(first)?, size),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                if last < first {
                    return None;
                }
                (first, size.min(last.saturating_add(1)))
            }
        };
        Some(if start < end { Ok(Self { start, length: end - start }) } else { Err(unsatisfiable()) })
    }
}

pub(crate) fn delete(call: &Call<'_>) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    may_write(call, &bucket)?;
    let deleted = bucket.delete(call.key()?, call.head.query.get("versionId"), call.world.clock.now())?;
    let mut reply = Reply::no_content();
    reply.set_if("x-cos-version-id", deleted.version_id);
    if deleted.marker {
        reply.set("x-cos-delete-marker", "true");
    }
    Ok(reply)
}

fn missing(reason: &NotFound) -> CosError {
    match reason {
        NotFound::Key => CosError::no_such_key(),
        NotFound::Version => CosError::no_such_version(),
        NotFound::Marker { id } => {
            CosError::no_such_key().header("x-cos-delete-marker", "true").header("x-cos-version-id", id)
        }
    }
}

fn may_write(call: &Call<'_>, bucket: &Arc<Bucket>) -> Result<(), CosError> {
    let allowed = !call.is_anonymous() || bucket.acl == Acl::PublicReadWrite;
    if allowed { Ok(()) } else { Err(CosError::access_denied()) }
}

/// A stranger learns that an object is missing only where he might list the bucket.
fn may_read(call: &Call<'_>, bucket: &Arc<Bucket>, version: Option<&Version>) -> Result<(), CosError> {
    let public = match version.and_then(|version| version.draft.acl.as_deref()) {
        Some(acl) => acl == "public-read",
        None => bucket.acl != Acl::Private,
    };
    if public || !call.is_anonymous() { Ok(()) } else { Err(CosError::access_denied()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_cut_to_the_object() {
        let parsed = |text| Range::parse(text, 10).map(|range| range.map(|range| (range.start, range.length)).ok());
        assert_eq!(parsed("bytes=0-0"), Some(Some((0, 1))));
        assert_eq!(parsed("bytes=3-"), Some(Some((3, 7))));
        assert_eq!(parsed("bytes=-4"), Some(Some((6, 4))));
        assert_eq!(parsed("bytes=-40"), Some(Some((0, 10))));
        assert_eq!(parsed("bytes=5-100"), Some(Some((5, 5))));
        assert_eq!(parsed("bytes=10-"), Some(None));
        assert_eq!(parsed("bytes=-0"), Some(None));
        for ignored in ["bytes=5-4", "bytes=1-2,4-5", "bytes=a-b", "lines=1-2", "bytes=-"] {
            assert_eq!(parsed(ignored), None, "{ignored}");
        }
    }

    #[test]
    fn etags_match_with_and_without_quotes() {
        for tags in ["\"abc\"", "abc", "W/\"abc\"", "\"x\", \"abc\"", "*"] {
            assert!(matches_any(tags, "\"abc\""), "{tags}");
        }
        assert!(!matches_any("\"abcd\"", "\"abc\""));
    }
}
