use std::time::SystemTime;

use bytes::Bytes;
use http::{Method, Response};
use serde::Deserialize;

use crate::answer::request_id;
use crate::error::Result;
use crate::operation::{Operation, Permissions, Safety, Sent};
use crate::options::StorageClass;
use crate::paging::{CommonPrefixes, Paged, begin_with, decoder, delimiter, is_truncated, page_size, stands_still};
use crate::request::Request;
use crate::time::parse_iso8601;
use crate::xml;

/// Lists objects, up to 1 000 a page, in byte order of their keys.
///
/// Keys come as plain strings, because a bucket may hold keys that [`ObjectKey`](crate::ObjectKey) refuses. Changes
/// nothing and may be repeated freely; COS's listings may lag behind writes.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket`, `AccessDenied` or `InvalidDelimiter`.
/// [`ErrorKind::Response`](crate::ErrorKind::Response) when the answer shows a key that does not begin with the prefix,
/// or is longer than 8 KiB.
///
/// # Examples
/// ```
/// use tencent_cos::ListObjects;
///
/// let list = ListObjects::new().prefix("photos/").delimiter("/").max_keys(100);
/// # let _ = list;
/// ```
///
/// COS reference: [GET Bucket](https://cloud.tencent.com/document/product/436/7734)
#[doc(alias = "GET Bucket")]
#[doc(alias = "List Objects")]
#[derive(Clone, Debug, Default)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct ListObjects {
    prefix: Option<String>,
    delimiter: Option<String>,
    marker: Option<String>,
    max_keys: Option<u32>,
}

impl ListObjects {
    /// Lists from the first object.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only keys that begin with this.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// Gathers keys that agree up to this one character behind the prefix into one common prefix; usually `/`.
    pub fn delimiter(mut self, delimiter: impl Into<String>) -> Self {
        self.delimiter = Some(delimiter.into());
        self
    }

    /// Only keys behind this one.
    pub fn marker(mut self, marker: impl Into<String>) -> Self {
        self.marker = Some(marker.into());
        self
    }

    /// How many entries a page has, 1 to 1 000 (the default).
    pub fn max_keys(mut self, max_keys: u32) -> Self {
        self.max_keys = Some(max_keys);
        self
    }
}

impl Operation for ListObjects {
    type Output = ObjectList;
    type Response = Bytes;
    const NAME: &'static str = "GET Bucket";
    const METHOD: Method = Method::GET;
    const PERMISSIONS: Permissions = Permissions::bucket("name/cos:GetBucket");

    fn request(&self) -> Result<Request> {
        let max_keys = page_size("max_keys", self.max_keys, 1000)?;
        // XML cannot carry every key: COS encodes them, and they are decoded again.
        Ok(Request::bucket()
            .query_opt("prefix", self.prefix.clone())
            .query_opt("delimiter", delimiter(self.delimiter.as_ref())?)
            .query_opt("marker", self.marker.clone())
            .query_opt("max-keys", max_keys)
            .query("encoding-type", "url"))
    }

    fn safety(&self) -> Safety {
        Safety::Read
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<ObjectList> {
        let (head, body) = response.into_parts();
        let request_id = request_id(&head.headers);
        let document: Document = xml::read("ListBucketResult", head.status.as_u16(), &request_id, &body)?;
        let list = document.into_list(request_id)?;
        let keys = list.objects.iter().map(|it| &it.key);
        begin_with(self.prefix.as_deref(), keys.chain(&list.common_prefixes), &head)?;
        Ok(list)
    }
}

impl Paged for ListObjects {
    fn next_page(&self, output: &ObjectList) -> Result<Option<Self>> {
        if !output.is_truncated {
            return Ok(None);
        }
        // COS documents the marker for every truncated page; the last entry is what it stands for.
        let last_key = output.objects.last().map(|object| object.key.as_str());
        let last = last_key.max(output.common_prefixes.last().map(String::as_str));
        match output.next_marker.as_deref().or(last) {
            Some(marker) if Some(marker) > self.marker.as_deref() => Ok(Some(self.clone().marker(marker))),
            _ => Err(stands_still()),
        }
    }
}

/// One page of [`ListObjects`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObjectList {
    /// The objects, in byte order of their keys.
    pub objects: Vec<ObjectSummary>,
    /// What a delimiter gathered, the delimiter included.
    pub common_prefixes: Vec<String>,
    /// Whether there is another page.
    pub is_truncated: bool,
    /// Where the next page begins.
    pub next_marker: Option<String>,
    request_id: String,
}

impl ObjectList {
    /// `x-cos-request-id`.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }
}

/// An object as a listing shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObjectSummary {
    /// The key, as stored.
    pub key: String,
    /// The size in bytes.
    pub size: u64,
    /// The ETag, quotes included.
    pub etag: String,
    /// When it was last written.
    pub last_modified: Option<SystemTime>,
    /// The storage class.
    pub storage_class: StorageClass,
}

/// Objects and common prefixes may come in any order, so everything is one list of elements.
#[derive(Deserialize)]
struct Document {
    #[serde(rename = "$value", default)]
    elements: Vec<Element>,
}

#[derive(Deserialize)]
enum Element {
    // One name in the reference, others in answers.
    #[serde(alias = "Encoding-Type", alias = "Encoding-type")]
    EncodingType(String),
    NextMarker(String),
    IsTruncated(String),
    Contents(Contents),
    CommonPrefixes(CommonPrefixes),
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Contents {
    key: String,
    #[serde(default)]
    last_modified: String,
    #[serde(rename = "ETag", default)]
    etag: String,
    size: String,
    #[serde(default)]
    storage_class: String,
}

impl Document {
    fn into_list(self, request_id: String) -> Result<ObjectList> {
        let encoding = self.elements.iter().find_map(|element| match element {
            Element::EncodingType(kind) => Some(kind.as_str()),
            _ => None,
        });
        let decoded = decoder(encoding);
        let mut list = ObjectList { request_id, ..ObjectList::default() };
        let mut truncated = None;
        for element in self.elements {
            match element {
                Element::NextMarker(marker) if !marker.is_empty() => list.next_marker = Some(decoded(marker)?),
                Element::IsTruncated(text) => truncated = Some(text),
                Element::CommonPrefixes(prefixes) => list.common_prefixes.push(decoded(prefixes.prefix)?),
                Element::Contents(contents) => list.objects.push(ObjectSummary {
                    key: decoded(contents.key)?,
                    size: xml::number("size", &contents.size)?,
                    etag: contents.etag,
                    last_modified: parse_iso8601(&contents.last_modified),
                    storage_class: StorageClass::new(contents.storage_class),
                }),
                Element::EncodingType(_) | Element::NextMarker(_) | Element::Other => {}
            }
        }
        list.is_truncated = is_truncated(truncated.as_deref())?;
        Ok(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::operation::as_text;

    fn read(xml: &'static str) -> Result<ObjectList> {
        let response = Response::builder().header("x-cos-request-id", "NjQ").body(Bytes::from(xml)).unwrap();
        ListObjects::new().output(&Sent::default(), response)
    }

    #[test]
    fn request_as_text() {
        let list = ListObjects::new().prefix("a b/+").delimiter("/").marker("a b/x").max_keys(2);
        assert_eq!(
            as_text(&list),
            "GET /?prefix=a%20b%2F%2B&delimiter=%2F&marker=a%20b%2Fx&max-keys=2&encoding-type=url\n[0]"
        );
        for list in [ListObjects::new().max_keys(0), ListObjects::new().max_keys(1001)] {
            assert_eq!(list.request().unwrap_err().field(), Some("max_keys"));
        }
        assert_eq!(ListObjects::new().delimiter("ab").request().unwrap_err().field(), Some("delimiter"));
    }

    #[test]
    fn output_reads_a_golden_page() {
        let list = read(include_str!("../../tests/golden/xml/list_objects.xml")).unwrap();
        assert_eq!(list.common_prefixes, ["a b/", "中文/"]);
        let keys: Vec<_> = list.objects.iter().map(|object| object.key.as_str()).collect();
        assert_eq!(keys, ["a+b", " lead\u{1}&<"]);
        let object = &list.objects[0];
        assert_eq!((object.size, object.etag.as_str()), (5, "\"5d41402abc4b2a76b9719d911017c592\""));
        assert_eq!(object.last_modified.map(crate::time::unix_seconds), Some(1_607_571_450));
        assert_eq!(object.storage_class, StorageClass::STANDARD);
        assert_eq!((list.is_truncated, list.next_marker.as_deref()), (true, Some("中文/")));
        let next = ListObjects::new().next_page(&list).unwrap().unwrap();
        assert!(as_text(&next).contains("marker=%E4%B8%AD%E6%96%87%2F"));
    }

    #[test]
    fn an_empty_marker_is_none() {
        let last = read("<ListBucketResult><IsTruncated>false</IsTruncated><NextMarker/></ListBucketResult>").unwrap();
        assert_eq!(last.next_marker, None);
    }

    #[test]
    fn what_is_left_out_or_spelled_otherwise_is_understood() {
        let entry = |key: &str, class: &str| format!("<Contents><Key>{key}</Key><Size>1</Size>{class}</Contents>");
        for name in ["EncodingType", "Encoding-Type", "Encoding-type"] {
            let encoding = format!("<{name}> url </{name}><IsTruncated>false</IsTruncated>");
            let entries =
                [entry("a%20b", ""), entry("c", "<StorageClass/>"), entry("d", "<StorageClass>Archive</StorageClass>")];
            let xml = format!("<ListBucketResult>{encoding}{}</ListBucketResult>", entries.concat());
            let list = ListObjects::new().output(&Sent::default(), Response::new(Bytes::from(xml))).unwrap();
            let seen: Vec<_> = list.objects.iter().map(|it| (it.key.as_str(), it.storage_class.as_str())).collect();
            assert_eq!(seen, [("a b", "STANDARD"), ("c", "STANDARD"), ("d", "ARCHIVE")], "{name}");
        }
    }

    #[test]
    fn a_listing_that_does_not_say_it_is_all_is_not_taken_for_all() {
        for xml in [
            "<ListBucketResult/>",
            "<ListBucketResult><Contents><Key>k</Key><Size>1</Size></Contents></ListBucketResult>",
            "<ListBucketResult><IsTruncated>yes</IsTruncated></ListBucketResult>",
            "<ListBucketResult><IsTruncated/></ListBucketResult>",
            "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Size>1</Size></Contents></ListBucketResult>",
        ] {
            assert_eq!(read(xml).unwrap_err().kind(), ErrorKind::Response, "{xml}");
        }
        let says = |text: &str| format!("<ListBucketResult><IsTruncated>{text}</IsTruncated></ListBucketResult>");
        for (text, truncated) in [(" true\n", true), ("True", true), ("FALSE", false)] {
            let answer = Response::new(Bytes::from(says(text)));
            assert_eq!(
                ListObjects::new().output(&Sent::default(), answer).unwrap().is_truncated,
                truncated,
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_listing_that_does_not_advance_is_an_error() {
        let list =
            read("<ListBucketResult><IsTruncated>true</IsTruncated><NextMarker>b</NextMarker></ListBucketResult>");
        let list = list.unwrap();
        assert!(ListObjects::new().marker("a").next_page(&list).unwrap().is_some());
        for marker in ["b", "c"] {
            let error = ListObjects::new().marker(marker).next_page(&list).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Response);
        }
        let end = read("<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>").unwrap();
        assert!(ListObjects::new().next_page(&end).unwrap().is_none());
    }
}
