//! Inventories of a bucket. What is asked for is checked and kept; none is ever written.

use std::time::{Duration, SystemTime};

use crate::address::{is_bucket_name, is_region_name};
use crate::attributes::is_storage_class;
use crate::bucket::deny_strangers;
use crate::encoding::number;
use crate::error::CosError;
use crate::ids::unix_micros;
use crate::receive::receive_document_within;
use crate::respond::Reply;
use crate::service::Call;
use crate::settings::{children, texts};
use crate::store::{Documents, Named};
use crate::tagging;
use crate::xml::{Document, Element, parse};

const ROOT: &str = "InventoryConfiguration";
/// In bytes. COS names no limit.
const LONGEST: usize = 2 * 1024 * 1024;
/// In a bucket.
const MOST: usize = 1000;
/// On a page of the list.
const PAGE: usize = 100;
/// How long the id of a one-off inventory is taken.
const DAY: Duration = Duration::from_secs(24 * 3600);

const FIELDS: [&str; 8] =
    ["Size", "LastModifiedDate", "ETag", "StorageClass", "IsMultipartUploaded", "ReplicationStatus", "Tag", "Crc64"];

/// The id in the parameters. Its characters are those that the reference names.
fn id<'c>(call: &'c Call<'_>) -> Result<&'c str, CosError> {
    let id = call.head.query.get("id").unwrap_or_default();
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if id.is_empty() || !id.bytes().all(fine) {
        return Err(CosError::invalid_argument("The id of an inventory has letters, digits and - _ . only."));
    }
    Ok(id)
}

pub(crate) async fn put(call: &mut Call<'_>) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    deny_strangers(call)?;
    let document = receive_document_within(call, ROOT, LONGEST).await?;
    let id = id(call)?;
    check(&document, id, true).ok_or_else(CosError::malformed_xml)??;
    let mut text = Document::of(&document);
    // The SDK for Python misses it where it is not told.
    if document.child("OptionalFields").is_none() {
        text = text.replace("</InventoryConfiguration>", "\t<OptionalFields/>\n</InventoryConfiguration>");
    }
    // One of the same id is replaced (the SDK for Node says so).
    bucket.set_named(Named::Inventory, id, Some(text), |kept| {
        let full = kept.len() >= MOST && !kept.contains_key(id);
        if full { Err(CosError::new(400, "InventoryFull", "The bucket has 1000 inventories.")) } else { Ok(()) }
    })?;
    Ok(Reply::ok())
}

/// A one-off inventory.
pub(crate) async fn post(call: &mut Call<'_>) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    deny_strangers(call)?;
    let document = receive_document_within(call, ROOT, LONGEST).await?;
    let id = id(call)?;
    check(&document, id, false).ok_or_else(CosError::malformed_xml)??;
    let now = call.world.clock.now();
    let taken = bucket.named(Named::Inventory).contains_key(id);
    bucket.set_named(Named::OnceInventory, id, Some(unix_micros(now).to_string()), |kept| {
        if taken || is_recent(kept, id, now) { Err(duplicate()) } else { Ok(()) }
    })?;
    let mut xml = Document::new("PostInventoryResult");
    // What an id of a job looks like is inferred: the reference shows Base64 of some length.
    xml.text("JobId", &call.world.ids.hex(32));
    Ok(Reply::xml(xml.finish()))
}

/// The reference takes no id twice within a day. Code and status are inferred; the former from a test of the SDK for
/// Python.
fn duplicate() -> CosError {
    CosError::new(400, "DuplicateInventoryId", "There is an inventory of this id already.")
}

fn is_recent(kept: &Documents, id: &str, now: SystemTime) -> bool {
    let asked = kept.get(id).and_then(|micros| number::<u64>(micros)).unwrap_or(0);
    let day = u64::try_from(DAY.as_micros()).unwrap_or(u64::MAX);
    asked.saturating_add(day) > unix_micros(now)
}

pub(crate) fn get(call: &Call<'_>) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    deny_strangers(call)?;
    let kept = bucket.named(Named::Inventory);
    kept.get(id(call)?).map(|document| Reply::xml(document.to_string())).ok_or_else(unset)
}

/// By id. A token is not what anybody but the emulator could make.
pub(crate) fn list(call: &Call<'_>) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    deny_strangers(call)?;
    let token = call.head.query.get("continuation-token").filter(|token| !token.is_empty());
    let after = token.map(|token| hex::decode(token).ok().and_then(|id| String::from_utf8(id).ok()));
    if after == Some(None) {
        return Err(CosError::invalid_argument("The continuation token provided is incorrect."));
    }
    let after = after.flatten().unwrap_or_default();
    let kept = bucket.named(Named::Inventory);
    let mut rest = kept.iter().filter(|(id, _)| **id > after);
    let page: Vec<_> = rest.by_ref().take(PAGE).collect();
    let truncated = rest.next().is_some();

    let mut xml = Document::new("ListInventoryConfigurationResult");
    for document in page.iter().filter_map(|(_, document)| parse(document.as_bytes())) {
        xml.copy(&document);
    }
    xml.flag("IsTruncated", truncated);
    if let Some(token) = token {
        xml.text("ContinuationToken", token);
    }
    if let Some((id, _)) = page.last().filter(|_| truncated) {
        xml.text("NextContinuationToken", &hex::encode(id.as_bytes()));
    }
    Ok(Reply::xml(xml.finish()))
}

pub(crate) fn delete(call: &Call<'_>) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    deny_strangers(call)?;
    let id = id(call)?;
    bucket.set_named(Named::Inventory, id, None, |kept| if kept.contains_key(id) { Ok(()) } else { Err(unset()) })?;
    Ok(Reply::no_content())
}

fn unset() -> CosError {
    let message = "The specified inventory configuration does not exist.";
    CosError::new(404, "InventoryConfigurationNotFoundError", message)
}

/// Nothing is a document that is not of this form.
fn check(root: &Element, id: &str, repeats: bool) -> Option<Result<(), CosError>> {
    let names = ["Id", "IsEnabled", "IncludedObjectVersions", "Filter", "OptionalFields", "Schedule", "Destination"];
    let [said, enabled, versions, filter, fields, schedule, destination] = children(root, names)?;
    // A one-off inventory has none of the two.
    if enabled.is_some() != repeats || schedule.is_some() != repeats {
        return None;
    }
    let flag = |element: &Element| ["true", "false"].iter().any(|word| element.text.eq_ignore_ascii_case(word));
    if !enabled.is_none_or(flag) || !matches!(versions?.text.as_str(), "All" | "Current") {
        return None;
    }
    if let Some(schedule) = schedule {
        check_schedule(schedule)?;
    }
    check_destination(destination?)?;
    let field = |field: &Element| FIELDS.contains(&field.text.as_str()) || field.text.starts_with("x-cos-meta-");
    if !fields.is_none_or(|fields| fields.has_only(&["Field"]) && fields.all("Field").all(field)) {
        return None;
    }
    // That the two must agree is inferred.
    if said?.text != id {
        return Some(Err(CosError::invalid_argument("The Id of the document is another than that of the request.")));
    }
    filter.map_or(Some(Ok(())), check_filter)
}

fn check_schedule(schedule: &Element) -> Option<()> {
    let [frequency, day] = texts(schedule, ["Frequency", "MonthlyDate"])?;
    // The day of a month; what it may be is inferred.
    let day = day.map(|day| number::<u32>(day).filter(|day| (1..=31).contains(day)));
    match (frequency?, day) {
        ("Daily" | "Weekly", None) | ("Monthly", None | Some(Some(_))) => Some(()),
        _ => None,
    }
}

fn check_destination(destination: &Element) -> Option<()> {
    let [bucket] = children(destination, ["COSBucketDestination"])?;
    let [format, account, name, prefix, encryption] =
        children(bucket?, ["Format", "AccountId", "Bucket", "Prefix", "Encryption"])?;
    let text = |element: &Element| element.children().is_empty();
    let digits = |element: &Element| element.text.bytes().all(|byte| byte.is_ascii_digit());
    let encryption = encryption.is_none_or(|encryption| {
        encryption.has_only(&["SSE-COS"])
            && encryption.children().len() == 1
            && encryption.children().iter().all(|key| text(key) && key.text.trim().is_empty())
    });
    let fine = format?.text == "CSV" && is_place(&name?.text) && account.is_none_or(digits) && prefix.is_none_or(text);
    (fine && encryption).then_some(())
}

/// `qcs::cos:ap-guangzhou::examplebucket-1250000000`. Whether there is such a bucket, and whether COS may write to it, is
/// not asked: none is written to.
fn is_place(text: &str) -> bool {
    let place = text.strip_prefix("qcs::cos:").and_then(|rest| rest.split_once("::"));
    place.is_some_and(|(region, bucket)| is_region_name(region) && is_bucket_name(bucket))
}

fn check_filter(filter: &Element) -> Option<Result<(), CosError>> {
    let [prefix, and, period] = children(filter, ["Prefix", "And", "Period"])?;
    if prefix.is_some() && and.is_some() {
        return None;
    }
    if let Some(period) = period {
        let [start, end] = texts(period, ["StartTime", "EndTime"])?;
        // Seconds since 1970.
        [start, end].into_iter().flatten().all(|time| number::<u64>(time).is_some()).then_some(())?;
    }
    let Some(and) = and else { return Some(Ok(())) };
    let [_, class] = texts_beside(and, ["Prefix", "StorageClass"], "Tag")?;
    class.is_none_or(is_storage_class).then_some(())?;
    Some(tagging::check_filter(and))
}

/// Texts that are there once at most, and children of another name that may be there more often.
fn texts_beside<'d, const N: usize>(
    parent: &'d Element,
    names: [&str; N],
    other: &str,
) -> Option<[Option<&'d str>; N]> {
    let known = |child: &Element| child.name == other || names.contains(&child.name.as_str());
    let once = names.iter().all(|name| parent.all(name).count() <= 1);
    (once && parent.children().iter().all(known)).then(|| names.map(|name| parent.text_of(name)))
}
