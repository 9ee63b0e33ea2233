//! From COS to COS, by one request; the bytes do not come through here.

use serde_json::json;
use tencent_cos::{Conditions, CopyObject, CopySource, HeadObject, Region};

use crate::failure::{Failure, Outcome};
use crate::session::Session;
use crate::url::{ObjectUrl, VersionId};

/// What COS copies in one request.
const MAX_BYTES: u64 = 5 << 30;

pub async fn copy(
    session: &Session,
    source: &ObjectUrl,
    destination: &ObjectUrl,
    source_region: Option<&Region>,
    version_id: Option<VersionId>,
) -> Outcome {
    let itself = source.bucket == destination.bucket && source.key == destination.key;
    if itself && version_id.is_none() {
        return Err(Failure::usage(format!("SRC and DST are the same object, {source}")));
    }
    let from = session.bucket_in(source_region, &source.bucket)?;
    let to = session.bucket(&destination.bucket)?;
    let mut head = HeadObject::new(source.key.clone());
    let mut copied = CopySource::new(from.name(), from.region(), &source.key);
    if let Some(VersionId(id)) = version_id {
        head = head.version_id(&id);
        copied = copied.version_id(id);
    }
    let meta = session.send(&from, head).await?;
    if meta.content_length.is_some_and(|size| size > MAX_BYTES) {
        let told = "more than 5368709120 bytes (5 GiB), which one request copies at most; copying by parts comes later";
        return Err(Failure::failed(format!("{source}: {told}")));
    }
    // The size and checksum that are told are those of what was copied.
    copied = copied.conditions(Conditions::new().if_match(&meta.etag));
    let copy = session.send(&to, CopyObject::new(copied, destination.key.clone())).await?;
    if let (Some(kept), Some(made)) = (meta.crc64, copy.crc64)
        && kept != made
    {
        return Err(Failure::failed(format!("{destination}: has CRC-64 {made}, and {source} has {kept}")));
    }
    let crc64 = copy.crc64.map(|crc64| crc64.to_string());
    let json = || {
        json!({
            "source": source.to_string(),
            "destination": destination.to_string(),
            "size": meta.content_length,
            "etag": copy.etag,
            "crc64": crc64,
            "version_id": copy.version_id,
            "source_version_id": copy.source_version_id,
            "request_id": copy.request_id(),
        })
    };
    let size = meta.content_length.map_or("?".to_owned(), |size| size.to_string());
    let checked = crc64.as_ref().map_or("not checked".to_owned(), |crc64| format!("CRC-64 {crc64}"));
    let text = format!("{source} -> {destination}: {size} bytes, {checked} (request id {})", copy.request_id());
    let mut output = session.output();
    output.line(json, text)?;
    output.finish()
}
