//! GET Service: the list of buckets.

use crate::address::Address;
use crate::bucket::iso_seconds;
use crate::error::CosError;
use crate::respond::Reply;
use crate::service::Call;
use crate::xml::Document;

/// The account that owns everything.
const UIN: &str = "100000000001";

pub(crate) fn get(call: &Call<'_>) -> Result<Reply, CosError> {
    if call.is_anonymous() {
        return Err(CosError::access_denied());
    }
    let query = &call.head.query;
    for name in ["tagkey", "tagvalue", "create-time", "range"] {
        if query.get(name).is_some() {
            return Err(CosError::not_implemented("the filters of GET Service by tag and by creation time"));
        }
    }
    let Address::Service { region } = &call.head.address else { return Err(CosError::no_such_bucket()) };
    let region = region.as_deref().or_else(|| query.get("region"));
    let marker = query.get("marker").unwrap_or_default();
    let limit = match query.get("max-keys") {
        None => usize::MAX,
        Some(text) => match text.parse::<u32>() {
            Ok(size) if size > 0 => usize::try_from(size).unwrap_or(usize::MAX),
            _ => return Err(CosError::invalid_argument("max-keys must be a positive number.")),
        },
    };
    let mut buckets = call.world.store.buckets();
    buckets.retain(|bucket| region.is_none_or(|region| region == bucket.region) && bucket.name.as_str() > marker);
    let truncated = buckets.len() > limit;
    buckets.truncate(limit);

    let owner = format!("qcs::cam::uin/{UIN}:uin/{UIN}");
    let mut xml = Document::new("ListAllMyBucketsResult");
    xml.open("Owner");
    xml.text("ID", &owner);
    xml.text("DisplayName", UIN);
    xml.close();
    xml.open("Buckets"); // always there: the Python SDK reads it unguarded
    for bucket in &buckets {
        xml.open("Bucket");
        xml.text("Name", &bucket.name);
        xml.text("Location", &bucket.region);
        xml.text("CreationDate", &iso_seconds(bucket.created));
        xml.text("BucketType", "cos");
        xml.close();
    }
    xml.close();
    if query.has("marker") || query.has("max-keys") {
        xml.text("Marker", marker);
        xml.flag("IsTruncated", truncated);
        if let Some(last) = buckets.last().filter(|_| truncated) {
            xml.text("NextMarker", &last.name);
        }
    }
    Ok(Reply::xml(xml.finish()))
}
