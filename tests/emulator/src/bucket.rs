//! PUT, HEAD and DELETE Bucket, and GET Bucket: the list of its objects.

use crate::acl::{self, About};
use crate::address::{Address, Region, is_bucket_name, is_region_name};
use crate::encoding::{encode, number};
use crate::error::CosError;
use crate::respond::Reply;
use crate::restore;
use crate::service::{Call, World};
use crate::store::{Bucket, Entry, ListQuery, Setting, Version, Versioning};
use crate::tagging;
use crate::tiering;
use crate::xml::Document;

pub(crate) async fn put(call: &mut Call<'_>) -> Result<Reply, CosError> {
    deny_strangers(call)?;
    let Address::Bucket { bucket, region, .. } = &call.head.address else {
        return Err(CosError::new(400, "InvalidBucketName", "The specified bucket is not valid."));
    };
    if !is_bucket_name(bucket) {
        return Err(CosError::new(400, "InvalidBucketName", "The specified bucket is not valid."));
    }
    let region = match region {
        Region::Named(region) => region.clone(),
        // The acceleration host was refused before.
        Region::Unsaid | Region::Accelerate => call.world.region.clone(),
    };
    if !is_region_name(&region) {
        return Err(CosError::new(400, "InvalidRegionName", "The specified region is not valid."));
    }
    // name-appid.cos.region.myqcloud.com may not be longer than 60 characters.
    if bucket.len() + region.len() + ".cos..myqcloud.com".len() > 60 {
        return Err(CosError::new(400, "BucketNameTooLong", "The bucket name is too long."));
    }
    let acl = acl::of_headers(call.head, About::Bucket)?;
    let tags = call.head.header("x-cos-tagging").map(tagging::from_header_of_bucket).transpose()?;
    if call.upload.next().await?.is_some() {
        return Err(CosError::not_implemented("a body on PUT Bucket"));
    }
    call.world.store.create_bucket(bucket, &region, Versioning::Unset, acl, call.world.clock.now())?;
    if let Some(tags) = tags {
        call.bucket()?.set(Setting::Tagging, Some(tagging::document(&tags)))?;
    }
    Ok(Reply::ok())
}

pub(crate) fn head(call: &Call<'_>) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    may_list(call, &bucket)?;
    let mut reply = Reply::ok();
    reply.set("x-cos-bucket-region", &bucket.region);
    Ok(reply)
}

/// Where it is. Only the owner may ask.
pub(crate) fn location(call: &Call<'_>) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    deny_strangers(call)?;
    Ok(Reply::xml(Document::leaf("LocationConstraint", &bucket.region)))
}

pub(crate) fn delete(call: &Call<'_>) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    deny_strangers(call)?;
    call.world.store.delete_bucket(&bucket.name)?;
    Ok(Reply::no_content())
}

/// Lists objects. A page holds `max-keys` objects and common prefixes together.
pub(crate) fn get(call: &Call<'_>) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    may_list(call, &bucket)?;
    let query = &call.head.query;
    let delimiter = query.get("delimiter");
    check_delimiter(delimiter)?;
    let limit = page_size(query.get("max-keys"), "max-keys")?;
    let spelled = Spelling::of(query.get("encoding-type"))?;
    let asked = ListQuery {
        prefix: query.get("prefix").unwrap_or_default(),
        delimiter,
        marker: query.get("marker").unwrap_or_default(),
        id_marker: None,
        limit,
    };
    let (entries, truncated) = bucket.list(&asked);

    let mut xml = Document::new("ListBucketResult");
    xml.text("Name", &bucket.name);
    if spelled == Spelling::Url {
        xml.text("EncodingType", "url");
    }
    xml.text("Prefix", &spelled.write(asked.prefix));
    xml.text("Marker", &spelled.write(asked.marker));
    xml.number("MaxKeys", limit as u64);
    if let Some(delimiter) = delimiter {
        xml.text("Delimiter", &spelled.write(delimiter));
    }
    xml.flag("IsTruncated", truncated);
    if let Some(last) = entries.last().filter(|_| truncated) {
        xml.text("NextMarker", &spelled.write(last.name()));
    }
    write_prefixes(&mut xml, &entries, spelled);
    for entry in &entries {
        if let Entry::Item(key, version) = entry {
            write_contents(&mut xml, &spelled.write(key), version, call.world);
        }
    }
    let mut reply = Reply::xml(xml.finish());
    reply.set("x-cos-bucket-region", &bucket.region);
    Ok(reply)
}

pub(crate) fn write_prefixes<T>(xml: &mut Document, entries: &[Entry<T>], spelled: Spelling) {
    for entry in entries {
        if let Entry::Prefix(prefix) = entry {
            xml.open("CommonPrefixes");
            xml.text("Prefix", &spelled.write(prefix));
            xml.close();
        }
    }
}

fn write_contents(xml: &mut Document, key: &str, version: &Version, world: &World) {
    xml.open("Contents");
    xml.text("Key", key);
    xml.text("LastModified", &iso_milliseconds(version.micros));
    xml.text("ETag", &version.etag);
    xml.number("Size", version.size);
    write_person(xml, "Owner", &world.appid);
    write_class(xml, version);
    if restore::is_archive(&version.draft.storage_class) {
        xml.text("RestoreStatus", restore::status(version, world.clock.now()));
    }
    xml.close();
}

/// The class, and the tier where it has any.
pub(crate) fn write_class(xml: &mut Document, version: &Version) {
    let class = &version.draft.storage_class;
    xml.text("StorageClass", class);
    if let Some(tier) = tiering::tier_of(class) {
        xml.text("StorageTier", tier);
    }
}

/// An owner or an initiator.
pub(crate) fn write_person(xml: &mut Document, role: &'static str, id: &str) {
    xml.open(role);
    xml.text("ID", id);
    xml.text("DisplayName", id);
    xml.close();
}

/// `2020-12-10T03:37:30.000Z`: the milliseconds are always zero, as times are kept in seconds.
pub(crate) fn iso_milliseconds(micros: u64) -> String {
    iso(micros, ".000Z")
}

/// `2020-12-10T03:37:30Z`.
pub(crate) fn iso_seconds(micros: u64) -> String {
    iso(micros, "Z")
}

fn iso(micros: u64, end: &str) -> String {
    let seconds = i64::try_from(micros / 1_000_000).unwrap_or_default();
    let format = time::macros::format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");
    let time = time::OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    let text = time.format(&format).unwrap_or_default();
    text + end
}

pub(crate) fn check_delimiter(delimiter: Option<&str>) -> Result<(), CosError> {
    if delimiter.is_some_and(|delimiter| delimiter.chars().nth(1).is_some()) {
        return Err(CosError::new(400, "InvalidDelimiter", "The delimiter must be one character."));
    }
    Ok(())
}

/// How keys are written in a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spelling {
    Plain,
    Url,
}

impl Spelling {
    pub(crate) fn of(encoding_type: Option<&str>) -> Result<Self, CosError> {
        match encoding_type {
            None => Ok(Self::Plain),
            Some("url") => Ok(Self::Url),
            Some(_) => Err(CosError::invalid_argument("encoding-type must be url.")),
        }
    }

    /// Percent-encoded with `%20` and `%2B`, as decoders disagree about a plus. The slash is encoded too, so that a
    /// client which forgets to decode is found out.
    pub(crate) fn write(self, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Url => encode(text.as_bytes()),
        }
    }
}

/// A page size: 1 to 1000, 1000 by default, more is taken as 1000.
pub(crate) fn page_size(text: Option<&str>, name: &str) -> Result<usize, CosError> {
    let Some(text) = text else { return Ok(1000) };
    match number::<u32>(text) {
        Some(size) if size > 0 => Ok(usize::try_from(size.min(1000)).unwrap_or(1000)),
        _ => Err(CosError::invalid_argument(format!("{name} must be a number between 1 and 1000."))),
    }
}

fn may_list(call: &Call<'_>, bucket: &Bucket) -> Result<(), CosError> {
    let by_acl = || bucket.acl().lets(call.caller.principal().as_deref(), "READ");
    if call.is_stranger() && !by_acl() { Err(CosError::access_denied()) } else { Ok(()) }
}

pub(crate) fn deny_strangers(call: &Call<'_>) -> Result<(), CosError> {
    if call.is_stranger() { Err(CosError::access_denied()) } else { Ok(()) }
}
