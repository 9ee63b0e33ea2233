//! PUT Object - Copy and Upload Part - Copy.
//!
//! The target shares the bytes of the source, which are read only if their hash is not known. Metadata and tags come along
//! unless they are replaced; class, ACL and encryption are those of the request.

use std::sync::Arc;

use http::HeaderValue;
use md5::{Digest, Md5};

use crate::access;
use crate::address::{self, Address, Domains, Region};
use crate::attributes::{draft, forbids_overwrite, refuse_unknown, writable_key};
use crate::bucket::iso_seconds;
use crate::customer_key::{self, CustomerKey};
use crate::encoding::{Query, decode_path, number};
use crate::error::CosError;
use crate::multipart::part_meant;
use crate::object::{check_conditions, echo_encryption, may_read, may_write};
use crate::receive::LARGEST;
use crate::request::Head;
use crate::respond::Reply;
use crate::restore;
use crate::service::{CRC, Call};
use crate::store::{Bucket, Content, Kind, Made, NotFound, Version, Versioning};
use crate::xml::Document;

pub(crate) async fn object(call: &mut Call<'_>) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    may_write(call, &bucket)?;
    let key = writable_key(call)?.to_owned();
    refuse_unknown(call.head)?;
    let mut draft = draft(call.head, &bucket, &key)?;
    let new_metadata = replaces(call.head, "x-cos-metadata-directive")?;
    let new_tags = replaces(call.head, "x-cos-tagging-directive")?;
    let guard = forbids_overwrite(call.head)?;
    let source = Source::find(call)?;
    if source.bucket.name == bucket.name && source.key == key && source.id.is_none() && !new_metadata {
        let message = "An object can be copied to itself only if its metadata is replaced.";
        return Err(CosError::invalid_request(message));
    }
    let version = &source.version;
    if version.size > LARGEST {
        return Err(CosError::entity_too_large());
    }
    if !new_metadata {
        // Whatever is sent beside: browsers give every PUT a Content-Type.
        draft.headers.clone_from(&version.draft.headers);
        draft.metadata.clone_from(&version.draft.metadata);
    }
    if !new_tags {
        draft.tags.clone_from(&version.draft.tags);
    }
    // A copy was never parts: its ETag is the hash of its bytes, however the source came together.
    let content = stretch(version, 0, version.size).await;
    let mut content = content.map_err(|error| CosError::internal(&error))?;
    customer_key::disguise(&mut content, &draft, &call.world.ids);
    let made = Made { crc64: version.crc64, ..Made::of(content, draft) };
    let committed = bucket.commit(&key, made, |occupant| occupant.guard(guard), call.world.clock.now())?;

    let copy = &committed.version;
    let mut xml = Document::new("CopyObjectResult");
    xml.text("ETag", &copy.etag);
    if let Some(crc) = copy.crc64 {
        xml.number("CRC64", crc);
    }
    xml.text("LastModified", &iso_seconds(copy.micros));
    if let Some(id) = committed.version_id() {
        xml.text("VersionId", &id);
    }
    let mut reply = Reply::late_xml(xml.finish());
    // Told to whoever asked for one.
    reply.set_if("x-cos-copy-source-version-id", source.id);
    echo_encryption(&mut reply, copy);
    Ok(reply)
}

pub(crate) async fn part(call: &mut Call<'_>) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    may_write(call, &bucket)?;
    let key = call.key()?.to_owned();
    refuse_unknown(call.head)?;
    let (id, number) = part_meant(call)?;
    check_pair(call.head)?;
    let begun = bucket.upload_draft(&key, &id)?;
    customer_key::demand(CustomerKey::of(call.head)?.as_ref(), &begun)?;
    let source = Source::find(call)?;
    let (start, length) = source_range(call.head.header("x-cos-copy-source-range"), source.version.size)?;
    if length > LARGEST {
        return Err(CosError::entity_too_large());
    }
    let content = stretch(&source.version, start, length).await;
    let mut content = content.map_err(|error| CosError::internal(&error))?;
    customer_key::disguise(&mut content, &begun, &call.world.ids);
    let part = bucket.put_part(&key, &id, number, content, call.world.clock.now())?;

    let mut xml = Document::new("CopyPartResult");
    xml.text("ETag", &part.etag);
    xml.text("LastModified", &iso_seconds(part.micros));
    xml.number("CRC64", part.crc64);
    let mut reply = Reply::xml(xml.finish());
    // Whether the checksum stands in the document or in the header is not documented: it stands in both.
    reply.set(CRC, part.crc64.to_string());
    reply.set_all(&begun.encryption);
    if source.bucket.versioning() != Versioning::Unset {
        reply.set("x-cos-copy-source-version-id", source.version.id());
    }
    Ok(reply)
}

/// The source of a part takes conditions of one kind only: that it is still the same, or that it is another by now.
fn check_pair(head: &Head) -> Result<(), CosError> {
    let any = |names: [&str; 2]| names.iter().any(|name| head.header(&format!("x-cos-copy-source-{name}")).is_some());
    if any(["if-match", "if-unmodified-since"]) && any(["if-none-match", "if-modified-since"]) {
        return Err(CosError::invalid_request("These conditions on the source of a part cannot go together."));
    }
    Ok(())
}

/// `bytes=a-b`, both within the source; everything if there is no range.
fn source_range(text: Option<&str>, size: u64) -> Result<(u64, u64), CosError> {
    let Some(text) = text else { return Ok((0, size)) };
    let range = text.strip_prefix("bytes=").and_then(|range| range.split_once('-'));
    match range.and_then(|(first, last)| Some((number::<u64>(first)?, number::<u64>(last)?))) {
        Some((first, last)) if first <= last && last < size => Ok((first, last - first + 1)),
        Some((first, last)) if first <= last => {
            Err(CosError::new(416, "InvalidRange", "The x-cos-copy-source-range lies outside the source object."))
        }
        _ => Err(CosError::invalid_argument("The x-cos-copy-source-range must be bytes=first-last.")),
    }
}

/// Part of an object as content of its own. Bytes are read only if their checksums are not known already.
async fn stretch(version: &Arc<Version>, start: u64, length: u64) -> std::io::Result<Content> {
    let pieces = version.pieces.slice(start, length);
    let whole = length == version.size && customer_key::digest_of(&version.draft).is_none();
    let known = whole.then(|| md5_of(&version.etag).zip(version.crc64)).flatten();
    if let Some((md5, crc64)) = known {
        return Ok(Content { pieces, size: length, md5, crc64, sha1: None });
    }
    let read = pieces.clone();
    let digest = tokio::task::spawn_blocking(move || read.digest(Md5::new()));
    let (md5, crc64) = digest.await.map_err(std::io::Error::other)??;
    Ok(Content { pieces, size: length, md5: md5.finalize().into(), crc64, sha1: None })
}

/// The hash that an `ETag` is, unless it is that of a multipart upload.
fn md5_of(etag: &str) -> Option<[u8; 16]> {
    hex::decode(etag.trim_matches('"')).ok()?.try_into().ok()
}

/// A directive: `Copy`, or `Replaced`, for which the Java SDK sends `REPLACE`.
fn replaces(head: &Head, name: &str) -> Result<bool, CosError> {
    match head.header(name).map(str::to_ascii_lowercase).as_deref() {
        None | Some("copy") => Ok(false),
        Some("replaced" | "replace") => Ok(true),
        Some(_) => Err(CosError::invalid_argument(format!("{name} is Copy or Replaced."))),
    }
}

/// The object that is copied: there, readable, and as the conditions want it.
#[derive(Debug)]
struct Source {
    bucket: Arc<Bucket>,
    key: String,
    id: Option<String>,
    version: Arc<Version>,
}

impl Source {
    fn find(call: &Call<'_>) -> Result<Self, CosError> {
        let text = call.head.headers.get("x-cos-copy-source").and_then(|value: &HeaderValue| value.to_str().ok());
        let (bucket, region, key, id) = text.and_then(parse_source).ok_or_else(|| {
            let message = "x-cos-copy-source must be <bucket>.cos.<region>.myqcloud.com/<encoded key>[?versionId=].";
            CosError::new(400, "InvalidCopySource", message)
        })?;
        let bucket =
            call.world.store.bucket(&bucket).filter(|bucket| region.is_none_or(|region| region == bucket.region));
        let bucket = bucket.ok_or_else(CosError::no_such_bucket)?;
        let standing = access::demand(call, &[access::GET_OBJECT], &bucket, &key)?;
        let found = bucket.find(&key, id.as_deref());
        may_read(call, standing, &bucket, &key, found.as_deref().ok())?;
        let version = found.map_err(|reason| match reason {
            NotFound::Marker { .. } if id.is_some() => {
                CosError::invalid_request("The source of a copy cannot be a delete marker.")
            }
            reason => reason.error(),
        })?;
        if matches!(version.kind, Kind::Symlink(_)) {
            return Err(CosError::not_implemented("copies of symbolic links"));
        }
        customer_key::demand(CustomerKey::of_source(call.head)?.as_ref(), &version.draft)?;
        restore::refuse_archived(&version, call.world.clock.now())?;
        if !check_conditions(call.head, "x-cos-copy-source-", &version)? {
            return Err(CosError::precondition_failed());
        }
        Ok(Self { bucket, key, id, version })
    }
}

/// Bucket, region unless the host serves all, key and version id. The host is an official one, without a scheme.
fn parse_source(text: &str) -> Option<(String, Option<String>, String, Option<String>)> {
    let (host, rest) = text.split_once('/')?;
    let (key, query) = rest.split_once('?').unwrap_or((rest, ""));
    // A bare plus would be a space to some and a plus to others; nothing else that a URL encodes comes bare either.
    if key.bytes().any(|byte| !byte.is_ascii_alphanumeric() && !b"-_.~/%!$&'()*,;=:@".contains(&byte)) {
        return None;
    }
    let key = String::from_utf8(decode_path(key)?.into_owned()).ok().filter(|key| !key.is_empty())?;
    let query = Query::parse(query)?;
    if query.pairs().any(|(name, _)| !name.eq_ignore_ascii_case(b"versionId")) {
        return None;
    }
    let id = query.get("versionId").map(str::to_owned);
    if host.contains(':') {
        return None; // not even the port of the host that is asked
    }
    match address::resolve(host, b"/", &Domains::new(), |_| None) {
        Address::Bucket { website: true, .. } => None,
        Address::Bucket { bucket, region: Region::Named(region), .. } => Some((bucket, Some(region), key, id)),
        Address::Bucket { bucket, region: Region::Accelerate, .. } => Some((bucket, None, key, id)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_an_official_host_and_an_encoded_key() {
        let host = "b-1.cos.ap-beijing.myqcloud.com";
        let parsed = |rest: &str| parse_source(&format!("{host}{rest}")).map(|(_, _, key, id)| (key, id));
        assert_eq!(parsed("/a%20b%2Bc%3F%2F"), Some(("a b+c?/".to_owned(), None)));
        assert_eq!(parsed("/k?versionId=v1"), Some(("k".to_owned(), Some("v1".to_owned()))));
        assert_eq!(parsed("/k?versionId="), Some(("k".to_owned(), None)));
        for bad in ["", "/", "/k?acl", "/%", "/%ff", "/a+b", "/a b", "/a#b", "/\"a\""] {
            assert_eq!(parsed(bad), None, "{bad}");
        }
        assert_eq!(parse_source(&format!("http://{host}/k")), None);
        assert_eq!(parse_source(&format!("{host}:80/k")), None);
        assert_eq!(parse_source("/b-1/k"), None);
        assert_eq!(parse_source("127.0.0.1/b-1/k"), None);
        assert_eq!(parse_source("b-1.cos.accelerate.myqcloud.com/k").unwrap().1, None);
    }

    #[test]
    fn a_source_range_lies_within_the_source() {
        assert_eq!(source_range(None, 10).ok(), Some((0, 10)));
        assert_eq!(source_range(Some("bytes=0-9"), 10).ok(), Some((0, 10)));
        assert_eq!(source_range(Some("bytes=9-9"), 10).ok(), Some((9, 1)));
        assert_eq!(source_range(Some("bytes=0-10"), 10).unwrap_err().code, "InvalidRange");
        for bad in ["bytes=5-4", "bytes=5-", "bytes=-5", "0-5"] {
            assert_eq!(source_range(Some(bad), 10).unwrap_err().code, "InvalidArgument");
        }
    }
}
