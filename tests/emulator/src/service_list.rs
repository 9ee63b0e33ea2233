//! GET Service: the list of buckets.

use std::cmp::Ordering;

use crate::address::Address;
use crate::bucket::iso_seconds;
use crate::cam::{Holder, OWNER, UIN};
use crate::encoding::{Query, number};
use crate::error::CosError;
use crate::respond::Reply;
use crate::service::Call;
use crate::store::Bucket;
use crate::tagging;
use crate::xml::Document;

pub(crate) fn get(call: &Call<'_>) -> Result<Reply, CosError> {
    if call.is_anonymous() {
        return Err(CosError::access_denied());
    }
    let query = &call.head.query;
    let filter = Filter::of(query)?;
    let Address::Service { region } = &call.head.address else { return Err(CosError::no_such_bucket()) };
    let region = region.as_deref().or_else(|| query.get("region"));
    let marker = query.get("marker").unwrap_or_default();
    let limit = match query.get("max-keys") {
        None => usize::MAX,
        Some(text) => match number::<u32>(text) {
            Some(size) if size > 0 => usize::try_from(size).unwrap_or(usize::MAX),
            _ => return Err(CosError::invalid_argument("max-keys must be a positive number.")),
        },
    };
    let mut buckets = call.world.store.buckets();
    buckets.retain(|_| call.caller.holder().is_some_and(Holder::is_at_home));
    buckets.retain(|bucket| region.is_none_or(|region| region == bucket.region) && bucket.name.as_str() > marker);
    buckets.retain(|bucket| filter.takes(bucket));
    let truncated = buckets.len() > limit;
    buckets.truncate(limit);

    let mut xml = Document::new("ListAllMyBucketsResult");
    xml.open("Owner");
    xml.text("ID", OWNER);
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

/// Which buckets are wanted: by a tag, by when they were created, or both.
#[derive(Debug)]
struct Filter {
    tag: Option<(String, String)>,
    created: Option<(Ordering, bool, u64)>,
}

impl Filter {
    fn of(query: &Query) -> Result<Self, CosError> {
        let (name, value) = (query.get("tagkey"), query.get("tagvalue"));
        if name.is_none() != value.is_none() {
            return Err(CosError::invalid_argument("tagkey and tagvalue go together."));
        }
        let created = match (query.get("create-time"), query.get("range")) {
            (None, None) => None,
            (Some(time), Some(range)) => {
                let bad = || CosError::invalid_argument("create-time must be seconds, and range lt, gt, lte or gte.");
                let (order, or_equal) = match range {
                    "lt" => (Ordering::Less, false),
                    "gt" => (Ordering::Greater, false),
                    "lte" => (Ordering::Less, true),
                    "gte" => (Ordering::Greater, true),
                    _ => return Err(bad()),
                };
                Some((order, or_equal, number(time).ok_or_else(bad)?))
            }
            _ => return Err(CosError::invalid_argument("create-time and range go together.")),
        };
        Ok(Self { tag: name.zip(value).map(|(name, value)| (name.to_owned(), value.to_owned())), created })
    }

    fn takes(&self, bucket: &Bucket) -> bool {
        let created = self.created.is_none_or(|(order, or_equal, time)| {
            let found = (bucket.created / 1_000_000).cmp(&time);
            found == order || (or_equal && found == Ordering::Equal)
        });
        created && self.tag.as_ref().is_none_or(|tag| tagging::of_bucket(bucket).contains(tag))
    }
}
