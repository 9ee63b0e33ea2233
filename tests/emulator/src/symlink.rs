//! Symbolic links: objects that hold the key of another one in their bucket, which GET and HEAD show in their place.

use std::sync::Arc;

use crate::access;
use crate::attributes::{check_key, draft, forbids_overwrite, refuse_unknown, writable_key};
use crate::customer_key;
use crate::encoding::{decode_path, encode_path};
use crate::error::CosError;
use crate::object::{describe_write, may_read, may_write};
use crate::receive::receive_nothing;
use crate::respond::Reply;
use crate::service::Call;
use crate::store::{Bucket, Kind, Made, Sink, Version, Versioning};

const TARGET: &str = "x-cos-symlink-target";

/// PUT Object symlink. Nobody looks whether the target is there.
pub(crate) async fn put(call: &mut Call<'_>) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    may_write(call, &bucket)?;
    let key = writable_key(call)?.to_owned();
    refuse_unknown(call.head)?;
    customer_key::refuse(call.head)?;
    let target = call.head.header(TARGET).map(read_target);
    let target = target.ok_or_else(|| CosError::invalid_argument("x-cos-symlink-target is missing."))?;
    check_key(&target)?;
    let draft = draft(call.head, &bucket, &key)?;
    if draft.storage_class != "STANDARD" {
        return Err(CosError::not_implemented("symbolic links of another class than STANDARD"));
    }
    let guard = forbids_overwrite(call.head)?;
    if call.upload.next().await?.is_some() {
        return Err(CosError::invalid_request("A symbolic link has no body."));
    }
    receive_nothing(call)?;
    // Its bytes are the key of the target; its ETag is the MD5 of that.
    let content = Sink::take(&call.world.store.disk, target.clone().into_bytes().into());
    let content = content.map_err(|error| CosError::internal(&error))?;
    let made = Made { crc64: None, kind: Kind::Symlink(target), ..Made::of(content, draft) };
    let committed = bucket.commit(&key, made, |occupant| occupant.guard(guard), call.world.clock.now())?;
    let mut reply = Reply::ok();
    reply.set("etag", &committed.version.etag);
    describe_write(&mut reply, &committed);
    Ok(reply)
}

/// The Go SDK sends a target percent-encoded, the others as it is. What cannot be decoded is as it is.
fn read_target(text: &str) -> String {
    let decoded = decode_path(text).and_then(|bytes| String::from_utf8(bytes.into_owned()).ok());
    decoded.unwrap_or_else(|| text.to_owned())
}

/// GET Object symlink: the link itself, as nothing else shows it. That its target is told percent-encoded is inferred: a
/// header holds no other text safely.
pub(crate) fn get(call: &Call<'_>) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    let found = bucket.find(call.key()?, call.head.query.get("versionId"));
    may_read(call, call.standing, &bucket, call.key()?, found.as_deref().ok())?;
    let version = found.map_err(|reason| reason.error())?;
    let Kind::Symlink(target) = &version.kind else {
        return Err(CosError::new(400, "NotSymlink", "The object is not a symbolic link."));
    };
    let mut reply = Reply::ok();
    reply.set(TARGET, encode_path(target.as_bytes()));
    reply.set("etag", &version.etag);
    reply.set("last-modified", httpdate::fmt_http_date(version.modified()));
    if bucket.versioning() != Versioning::Unset {
        reply.set("x-cos-version-id", version.id());
    }
    Ok(reply)
}

/// What is shown in the place of a version: of a link the latest version of its target, for those who may read both.
///
/// That a target which is not there is `NoSuchKey` is inferred. What comes of a link to a link is not documented.
pub(crate) fn follow(call: &Call<'_>, bucket: &Arc<Bucket>, version: Arc<Version>) -> Result<Arc<Version>, CosError> {
    let Kind::Symlink(target) = &version.kind else { return Ok(version) };
    let found = bucket.find(target, None);
    let standing = access::demand(call, &[access::GET_OBJECT], bucket, target)?;
    may_read(call, standing, bucket, target, found.as_deref().ok())?;
    let shown = found.map_err(|reason| reason.error())?;
    match shown.kind {
        Kind::Symlink(_) => Err(CosError::not_implemented("symbolic links to symbolic links")),
        _ => Ok(shown),
    }
}
