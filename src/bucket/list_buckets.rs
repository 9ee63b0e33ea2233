use std::time::SystemTime;

use bytes::Bytes;
use http::{Method, Response};
use serde::Deserialize;

use crate::answer::request_id;
use crate::error::{Error, Result};
use crate::operation::{Operation, Permissions, Safety, Sent};
use crate::paging::{Paged, Trail, is_truncated, page_size, stands_still};
use crate::region::Region;
use crate::request::Request;
use crate::time::{parse_iso8601, unix_seconds};
use crate::xml;

/// Lists the buckets of the account. Send it with [`Client::send`](crate::Client::send).
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `AccessDenied`; it is never anonymous.
///
/// # Examples
/// ```no_run
/// use tencent_cos::ListBuckets;
///
/// # async fn example(client: tencent_cos::Client) -> tencent_cos::Result<()> {
/// for bucket in client.send(ListBuckets::new()).await?.buckets {
///     println!("{} in {}", bucket.name, bucket.region);
/// }
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [GET Service](https://cloud.tencent.com/document/product/436/8291)
#[doc(alias = "GET Service")]
#[derive(Clone, Debug, Default)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct ListBuckets {
    region: Option<Region>,
    tag: Option<(String, String)>,
    created: Option<(&'static str, u64)>,
    marker: Option<String>,
    max_keys: Option<u32>,
    trail: Trail,
}

impl ListBuckets {
    /// Lists the buckets of all regions.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only buckets of this region.
    pub fn region(mut self, region: Region) -> Self {
        self.region = Some(region);
        self
    }

    /// Only buckets with this tag. It may be allowed to a key that may not list all.
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tag = Some((key.into(), value.into()));
        self
    }

    /// Only buckets made before this second, in place of [`created_since`](Self::created_since): COS takes one of both.
    pub fn created_before(mut self, time: SystemTime) -> Self {
        self.created = Some(("lt", unix_seconds(time)));
        self
    }

    /// Only buckets made in this second or later, in place of [`created_before`](Self::created_before).
    pub fn created_since(mut self, time: SystemTime) -> Self {
        self.created = Some(("gte", unix_seconds(time)));
        self
    }

    /// Only buckets behind this one.
    pub fn marker(mut self, marker: impl Into<String>) -> Self {
        self.marker = Some(marker.into());
        self
    }

    /// How many buckets a page has, 1 to 2 000.
    pub fn max_keys(mut self, max_keys: u32) -> Self {
        self.max_keys = Some(max_keys);
        self
    }
}

impl Operation for ListBuckets {
    type Output = BucketList;
    type Response = Bytes;
    const NAME: &'static str = "GET Service";
    const METHOD: Method = Method::GET;
    const PERMISSIONS: Permissions = Permissions::service("name/cos:GetService");

    fn request(&self) -> Result<Request> {
        let max_keys = page_size("max_keys", self.max_keys, 2000)?;
        if self.tag.as_ref().is_some_and(|(key, value)| key.is_empty() || value.is_empty()) {
            return Err(Error::input("tag", "has an empty key or value, by which COS finds no buckets"));
        }
        let (key, value) = self.tag.clone().unzip();
        Ok(Request::service()
            .query_opt("region", self.region.as_ref().map(ToString::to_string))
            .query_opt("tagkey", key)
            .query_opt("tagvalue", value)
            .query_opt("create-time", self.created.map(|(_, time)| time.to_string()))
            .query_opt("range", self.created.map(|(range, _)| range))
            .query_opt("marker", self.marker.clone())
            .query_opt("max-keys", max_keys))
    }

    fn safety(&self) -> Safety {
        Safety::Read
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<BucketList> {
        let (head, body) = response.into_parts();
        let request_id = request_id(&head.headers);
        let document: Document = xml::read("ListAllMyBucketsResult", head.status.as_u16(), &request_id, &body)?;
        let summary = |element| match element {
            Element::Bucket(bucket) => Some(BucketSummary {
                created: parse_iso8601(&bucket.creation_date),
                name: bucket.name,
                region: bucket.location,
            }),
            Element::Other => None,
        };
        Ok(BucketList {
            buckets: document.buckets.elements.into_iter().filter_map(summary).collect(),
            // A server that knows no pages says nothing of them.
            is_truncated: document.is_truncated.map_or(Ok(false), |text| is_truncated(Some(&text)))?,
            next_marker: document.next_marker.filter(|marker| !marker.is_empty()),
            request_id,
        })
    }
}

impl Paged for ListBuckets {
    fn next_page(&self, output: &BucketList) -> Result<Option<Self>> {
        match &output.next_marker {
            _ if !output.is_truncated => Ok(None),
            // The reference tells no order of buckets.
            Some(marker) if self.marker.as_ref() != Some(marker) => {
                let trail = self.trail.to(&(Some(marker.clone()), None))?;
                Ok(Some(Self { trail, ..self.clone().marker(marker) }))
            }
            _ => Err(stands_still()),
        }
    }
}

/// One page of [`ListBuckets`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BucketList {
    /// The buckets.
    pub buckets: Vec<BucketSummary>,
    /// Whether there is another page.
    pub is_truncated: bool,
    /// Where the next page begins.
    pub next_marker: Option<String>,
    request_id: String,
}

impl BucketList {
    /// `x-cos-request-id`.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }
}

/// A bucket as a listing shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BucketSummary {
    /// The full name: `name-appid`.
    pub name: String,
    /// The region.
    pub region: String,
    /// When it was made.
    pub created: Option<SystemTime>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    #[serde(default)]
    buckets: Buckets,
    #[serde(default)]
    is_truncated: Option<String>,
    #[serde(default)]
    next_marker: Option<String>,
}

#[derive(Default, Deserialize)]
struct Buckets {
    #[serde(rename = "$value", default)]
    elements: Vec<Element>,
}

#[derive(Deserialize)]
enum Element {
    Bucket(Entry),
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    name: String,
    #[serde(default)]
    location: String,
    #[serde(default)]
    creation_date: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::as_text;

    #[test]
    fn request_as_text() {
        let list = ListBuckets::new().region("ap-x".parse().unwrap()).marker("b-1").max_keys(10);
        assert_eq!(as_text(&list), "GET /?region=ap-x&marker=b-1&max-keys=10\n[0]");
        let time = crate::time::from_unix_seconds(1_642_662_645).unwrap();
        let by_tag = ListBuckets::new().tag("team", "a b").created_since(time);
        assert_eq!(as_text(&by_tag), "GET /?tagkey=team&tagvalue=a%20b&create-time=1642662645&range=gte\n[0]");
        assert_eq!(as_text(&ListBuckets::new().created_before(time)), "GET /?create-time=1642662645&range=lt\n[0]");
        assert_eq!(ListBuckets::new().tag("team", "").request().unwrap_err().field(), Some("tag"));
        assert_eq!(list.max_keys(2001).request().unwrap_err().field(), Some("max_keys"));
    }

    #[test]
    fn output_reads_a_golden_page() {
        let read = |xml: &'static str| ListBuckets::new().output(&Sent::default(), Response::new(Bytes::from(xml)));
        let list = read(include_str!("../../tests/golden/xml/list_buckets.xml")).unwrap();
        assert_eq!(list.buckets.len(), 2);
        assert_eq!((list.buckets[1].name.as_str(), list.buckets[1].region.as_str()), ("b-1250000000", "ap-shanghai"));
        assert_eq!(list.buckets[0].created.map(crate::time::unix_seconds), Some(1_558_700_386));
        assert!(ListBuckets::new().next_page(&list).unwrap().is_none());
        let others = "<ListAllMyBucketsResult><Buckets><Bucket><Name>a-1</Name></Bucket><New>x</New><Bucket><Name>b-1</Name>\
            </Bucket></Buckets><Owner/></ListAllMyBucketsResult>";
        assert_eq!(read(others).unwrap().buckets.len(), 2);
        let empty = "<ListAllMyBucketsResult><Owner/><Buckets/></ListAllMyBucketsResult>";
        assert!(read(empty).unwrap().buckets.is_empty());
        let page = |marker: &str| BucketList {
            is_truncated: true,
            next_marker: Some(marker.to_owned()),
            ..BucketList::default()
        };
        let mut list = ListBuckets::new();
        let circle = ["a", "b", "c"].iter().cycle().take(100);
        assert!(circle.map(|it| list.next_page(&page(it)).map(|next| list = next.unwrap())).any(|it| it.is_err()));
        let cut = "<ListAllMyBucketsResult><Buckets/><IsTruncated>?</IsTruncated></ListAllMyBucketsResult>";
        assert_eq!(read(cut).unwrap_err().kind(), crate::ErrorKind::Response);
    }
}
