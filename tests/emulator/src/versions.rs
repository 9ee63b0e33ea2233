//! Versioning of a bucket, and the list of its versions.

use crate::bucket::{
    Spelling, check_delimiter, deny_strangers, iso_milliseconds, page_size, write_class, write_person, write_prefixes,
};
use crate::error::CosError;
use crate::receive::receive_document;
use crate::respond::Reply;
use crate::service::Call;
use crate::store::{Entry, ListQuery, Listed, Version, Versioning};
use crate::xml::Document;

/// PUT Bucket versioning: on, or suspended, never off again.
pub(crate) async fn configure(call: &mut Call<'_>) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    deny_strangers(call)?;
    let document = receive_document(call, "VersioningConfiguration").await?;
    let versioning = match document.text_of("Status").map(str::trim) {
        Some("Enabled") => Versioning::Enabled,
        Some("Suspended") => Versioning::Suspended,
        _ => return Err(CosError::malformed_xml()),
    };
    bucket.set_versioning(versioning)?;
    Ok(Reply::ok())
}

/// GET Bucket versioning: an empty document while it has never been on.
pub(crate) fn configuration(call: &Call<'_>) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    deny_strangers(call)?;
    let mut xml = Document::new("VersioningConfiguration");
    match bucket.versioning() {
        Versioning::Unset => {}
        Versioning::Enabled => xml.text("Status", "Enabled"),
        Versioning::Suspended => xml.text("Status", "Suspended"),
    }
    Ok(Reply::xml(xml.finish()))
}

/// GET Bucket Object Versions. A page holds `max-keys` versions, delete markers and common prefixes together.
pub(crate) fn list(call: &Call<'_>) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    deny_strangers(call)?;
    let query = &call.head.query;
    let delimiter = query.get("delimiter");
    check_delimiter(delimiter)?;
    let spelled = Spelling::of(query.get("encoding-type"))?;
    let asked = ListQuery {
        prefix: query.get("prefix").unwrap_or_default(),
        delimiter,
        marker: query.get("key-marker").unwrap_or_default(),
        id_marker: query.get("version-id-marker"),
        limit: page_size(query.get("max-keys"), "max-keys")?,
    };
    if asked.id_marker.is_some() && asked.marker.is_empty() {
        return Err(CosError::invalid_argument("A version-id-marker cannot be specified without a key-marker."));
    }
    let versioning = bucket.versioning();
    let (entries, truncated) = bucket.list_versions(&asked);

    let mut xml = Document::new("ListVersionsResult");
    if spelled == Spelling::Url {
        xml.text("EncodingType", "url");
    }
    xml.text("Name", &bucket.name);
    xml.text("Prefix", &spelled.write(asked.prefix));
    xml.text("KeyMarker", &spelled.write(asked.marker));
    xml.text("VersionIdMarker", asked.id_marker.unwrap_or_default());
    xml.number("MaxKeys", asked.limit as u64);
    xml.flag("IsTruncated", truncated);
    if let Some(last) = entries.last().filter(|_| truncated) {
        xml.text("NextKeyMarker", &spelled.write(last.name()));
        let id = match last {
            Entry::Item(_, Listed { version, .. }) => id_of(version, versioning),
            Entry::Prefix(_) => String::new(),
        };
        xml.text("NextVersionIdMarker", &id);
    }
    if let Some(delimiter) = delimiter {
        xml.text("Delimiter", &spelled.write(delimiter));
    }
    write_prefixes(&mut xml, &entries, spelled);
    for entry in &entries {
        if let Entry::Item(key, listed) = entry {
            let id = id_of(&listed.version, versioning);
            write_version(&mut xml, &spelled.write(key), &id, listed, &call.world.appid);
        }
    }
    let mut reply = Reply::xml(xml.finish());
    reply.set("x-cos-bucket-region", &bucket.region);
    Ok(reply)
}

/// A bucket that never kept versions has no ids for what is in it, not even `null`.
fn id_of(version: &Version, versioning: Versioning) -> String {
    if versioning == Versioning::Unset { String::new() } else { version.id() }
}

fn write_version(xml: &mut Document, key: &str, id: &str, Listed { version, latest }: &Listed, appid: &str) {
    xml.open(if version.marker { "DeleteMarker" } else { "Version" });
    xml.text("Key", key);
    xml.text("VersionId", id);
    xml.flag("IsLatest", *latest);
    xml.text("LastModified", &iso_milliseconds(version.micros));
    if !version.marker {
        xml.text("ETag", &version.etag);
        xml.number("Size", version.size);
        write_class(xml, version);
    }
    write_person(xml, "Owner", appid);
    xml.close();
}
