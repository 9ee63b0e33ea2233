//! PUT, GET, HEAD and DELETE Object.

use std::sync::Arc;
use std::time::SystemTime;

use http::StatusCode;

use crate::access::Standing;
use crate::attributes::{draft, forbids_overwrite, refuse_unknown, writable_key};
use crate::body::Body;
use crate::callback::{self, Callback};
use crate::customer_key::{self, CustomerKey};
use crate::encoding::number;
use crate::error::CosError;
use crate::lock;
use crate::receive::{Digests, receive};
use crate::referer;
use crate::request::Head;
use crate::respond::Reply;
use crate::restore;
use crate::service::{CRC, Call};
use crate::store::{Bucket, Committed, Kind, Made, Version, Versioning};
use crate::symlink;
use crate::tiering;

pub(crate) async fn put(call: &mut Call<'_>) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    may_write(call, &bucket)?;
    let key = writable_key(call)?.to_owned();
    refuse_unknown(call.head)?;
    let draft = draft(call.head, &bucket, &key)?;
    let digests = Digests::of(call.head)?;
    let forbid_overwrite = forbids_overwrite(call.head)?;
    let callback = Callback::of(call.head)?;
    bucket.check(&key, |occupant| occupant.guard(forbid_overwrite))?;
    let mut content = receive(call, &digests).await?;
    customer_key::disguise(&mut content, &draft, &call.world.ids);
    let made = Made::of(content, draft);
    let committed = bucket.commit(&key, made, |occupant| occupant.guard(forbid_overwrite), call.world.clock.now())?;

    let mut reply = Reply::ok();
    reply.set("etag", &committed.version.etag);
    describe_write(&mut reply, &committed);
    if let Some(callback) = callback {
        match callback.send(&bucket, &committed.version, &key).await {
            Ok(said) => reply.body = Body::from(said),
            Err(why) => {
                let error = CosError::new(callback::FAILED, callback::CODE, why);
                let written = std::mem::replace(
                    &mut reply,
                    Reply::error(&error, &call.head.method, &key, "", &call.world.ids.trace()),
                );
                reply.headers.extend(written.headers);
            }
        }
    }
    Ok(reply)
}

/// The headers of every answer to a write.
pub(crate) fn describe_write(reply: &mut Reply, committed: &Committed) {
    reply.set_if(CRC, committed.version.crc64.map(|crc| crc.to_string()));
    reply.set_if("x-cos-version-id", committed.version_id());
    echo_encryption(reply, &committed.version);
}

/// GET, and HEAD, which is the same without the bytes.
pub(crate) fn get(call: &Call<'_>, with_body: bool) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    let head = call.head;
    referer::check_request(call, &bucket)?;
    refuse_unknown(head)?;
    if head.headers.contains_key("x-cos-server-side-encryption") {
        let message = "How an object is encrypted is said when it is made, not when it is read.";
        return Err(CosError::new(400, "SSEHeaderNotAllowed", message));
    }
    let id = head.query.get("versionId");
    let found = bucket.find(call.key()?, id);
    may_read(call, call.standing, &bucket, call.key()?, found.as_deref().ok())?;
    let asked = found.map_err(|reason| reason.error())?;
    let version = symlink::follow(call, &bucket, Arc::clone(&asked))?;
    let mut reply = show(call, &bucket, &version, with_body)?;
    if reply.headers.contains_key("x-cos-version-id") {
        // Of a link its own (inferred): the key that was asked for has no other.
        reply.set("x-cos-version-id", asked.id());
    }
    if reply.status != StatusCode::NOT_MODIFIED {
        override_headers(call, &mut reply)?;
    }
    Ok(reply)
}

/// A version as GET and HEAD show it to who may read it.
pub(crate) fn show(call: &Call<'_>, bucket: &Bucket, version: &Version, with_body: bool) -> Result<Reply, CosError> {
    let (head, now) = (call.head, call.world.clock.now());
    customer_key::demand(CustomerKey::of(head)?.as_ref(), &version.draft)?;
    if with_body {
        restore::refuse_archived(version, now)?;
    }
    if !check_conditions(head, "", version)? {
        return Ok(not_modified(call, version, with_body));
    }
    let range = head.header("range").filter(|_| with_body);
    let range = range.and_then(|text| Range::parse(text, version.size)).transpose()?;
    Ok(give(call, bucket, version, with_body, range))
}

/// What HEAD answers is that of an error: nothing of the object.
fn not_modified(call: &Call<'_>, version: &Version, with_body: bool) -> Reply {
    let mut reply = Reply::new(StatusCode::NOT_MODIFIED);
    if with_body {
        reply.set("etag", &version.etag);
        reply.set_if(CRC, version.crc64.map(|crc| crc.to_string()));
        let kind = version.draft.headers.iter().find(|(name, _)| name == "content-type");
        reply.set_if("content-type", kind.map(|(_, value)| value));
    } else {
        reply.set("content-type", "application/xml");
        reply.set("x-cos-trace-id", call.world.ids.trace());
    }
    reply
}

/// The same, whatever the request says of conditions and ranges.
pub(crate) fn show_whole(
    call: &Call<'_>,
    bucket: &Bucket,
    version: &Version,
    with_body: bool,
) -> Result<Reply, CosError> {
    customer_key::demand(CustomerKey::of(call.head)?.as_ref(), &version.draft)?;
    if with_body {
        restore::refuse_archived(version, call.world.clock.now())?;
    }
    Ok(give(call, bucket, version, with_body, None))
}

fn give(call: &Call<'_>, bucket: &Bucket, version: &Version, with_body: bool, range: Option<Range>) -> Reply {
    let mut reply = describe(bucket, version);
    restore::describe(&mut reply, version, call.world.clock.now());
    if !with_body {
        reply.set("content-length", version.size.to_string());
        return reply;
    }
    let Range { start, length } = range.unwrap_or(Range { start: 0, length: version.size });
    if range.is_some() {
        reply.status = StatusCode::PARTIAL_CONTENT;
        reply.set("content-range", format!("bytes {start}-{}/{}", start + length - 1, version.size));
    }
    reply.body = Body::pieces(&version.pieces.slice(start, length), length);
    reply
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
    reply.set_if("x-cos-storage-tier", tiering::tier_of(&version.draft.storage_class));
    let grows = matches!(version.kind, Kind::Appendable(_));
    reply.set("x-cos-object-type", if grows { "appendable" } else { "normal" });
    if !version.draft.tags.is_empty() {
        reply.set("x-cos-tagging-count", version.draft.tags.len().to_string());
    }
    if bucket.versioning() != Versioning::Unset {
        reply.set("x-cos-version-id", version.id());
    }
    echo_encryption(&mut reply, version);
    lock::describe(&mut reply, version);
    reply
}

pub(crate) fn echo_encryption(reply: &mut Reply, version: &Version) {
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

/// The conditions of RFC 9110 section 13.2.2, in its order, in headers that begin with `prefix`. False is 304.
pub(crate) fn check_conditions(head: &Head, prefix: &str, version: &Version) -> Result<bool, CosError> {
    let header = |name: &str| head.header(&format!("{prefix}{name}"));
    let date = |name| header(name).and_then(|text| httpdate::parse_http_date(text).ok());
    let modified: SystemTime = version.modified();
    match header("if-match") {
        Some(tags) if !matches_any(tags, &version.etag) => return Err(CosError::precondition_failed()),
        None if date("if-unmodified-since").is_some_and(|since| modified > since) => {
            return Err(CosError::precondition_failed());
        }
        _ => {}
    }
    match header("if-none-match") {
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
        let (start, end) = match (first.trim(), last.trim()) {
            ("", last) => (size.saturating_sub(number(last)?), size),
            (first, "") => (number(first)?, size),
            (first, last) => {
                let (first, last) = (number(first)?, number::<u64>(last)?);
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

pub(crate) fn may_write(call: &Call<'_>, bucket: &Arc<Bucket>) -> Result<(), CosError> {
    let by_acl = || bucket.lets_in(call.caller.principal().as_deref(), call.key().unwrap_or_default(), "WRITE");
    if call.is_stranger() && !by_acl() { Err(CosError::access_denied()) } else { Ok(()) }
}

/// A stranger learns that an object is missing only where he might list the bucket.
pub(crate) fn may_read(
    call: &Call<'_>,
    standing: Standing,
    bucket: &Arc<Bucket>,
    key: &str,
    version: Option<&Version>,
) -> Result<(), CosError> {
    let who = call.caller.principal();
    let who = who.as_deref();
    let by_acl = || match version.map(|version| &version.draft.acl) {
        None => bucket.acl().lets(who, "READ"),
        Some(own) => own.lets(who, "READ") || (own.canned.is_none() && bucket.lets_in(who, key, "READ")),
    };
    if standing == Standing::Unsaid && !by_acl() { Err(CosError::access_denied()) } else { Ok(()) }
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
        for ignored in ["bytes=+5-6", "bytes=5-4", "bytes=1-2,4-5", "bytes=a-b", "lines=1-2", "bytes=-"] {
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
