use std::time::SystemTime;

use bytes::Bytes;
use http::{Method, Response};
use serde::Deserialize;

use crate::answer::request_id;
use crate::error::Result;
use crate::operation::{Operation, Permissions, Safety, Sent};
use crate::options::StorageClass;
use crate::paging::{
    CommonPrefixes, Paged, Trail, begin_with, decoder, delimiter, is_truncated, next_markers, page_size, second_marker,
};
use crate::request::Request;
use crate::time::parse_iso8601;
use crate::xml;

/// Lists versions of objects and delete markers, up to 1 000 a page: by key, the newest of a key first.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket` or `AccessDenied`.
/// [`ErrorKind::Response`](crate::ErrorKind::Response) when the answer shows a key that does not begin with the prefix,
/// or is longer than 8 KiB.
///
/// # Examples
/// ```no_run
/// use tencent_cos::ListObjectVersions;
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// let mut pages = bucket.pages(ListObjectVersions::new().prefix("notes/"));
/// while let Some(page) = pages.next().await.transpose()? {
///     page.versions.iter().for_each(|version| println!("{} {:?}", version.key, version.version_id));
/// }
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [GET Bucket Object Versions](https://cloud.tencent.com/document/product/436/35521)
#[doc(alias = "GET Bucket Object Versions")]
#[derive(Clone, Debug, Default)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct ListObjectVersions {
    prefix: Option<String>,
    delimiter: Option<String>,
    key_marker: Option<String>,
    version_id_marker: Option<String>,
    max_keys: Option<u32>,
    trail: Trail,
}

impl ListObjectVersions {
    /// Lists from the first version.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only keys that begin with this.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// Gathers keys that agree up to this one character behind the prefix; usually `/`.
    pub fn delimiter(mut self, delimiter: impl Into<String>) -> Self {
        self.delimiter = Some(delimiter.into());
        self
    }

    /// Only versions behind this key (`key-marker`).
    pub fn key_marker(mut self, key: impl Into<String>) -> Self {
        self.key_marker = Some(key.into());
        self
    }

    /// With a key marker: also the versions of that key behind this one (`version-id-marker`).
    pub fn version_id_marker(mut self, version_id: impl Into<String>) -> Self {
        self.version_id_marker = Some(version_id.into());
        self
    }

    /// How many entries a page has, 1 to 1 000 (the default).
    pub fn max_keys(mut self, max_keys: u32) -> Self {
        self.max_keys = Some(max_keys);
        self
    }
}

impl Operation for ListObjectVersions {
    type Output = VersionList;
    type Response = Bytes;
    const NAME: &'static str = "GET Bucket Object Versions";
    const METHOD: Method = Method::GET;
    const PERMISSIONS: Permissions = Permissions::bucket("name/cos:GetBucketObjectVersions");

    fn request(&self) -> Result<Request> {
        let max_keys = page_size("max_keys", self.max_keys, 1000)?;
        second_marker("version_id_marker", self.key_marker.as_deref(), self.version_id_marker.as_deref())?;
        Ok(Request::bucket()
            .query("versions", "")
            .query_opt("prefix", self.prefix.clone())
            .query_opt("delimiter", delimiter(self.delimiter.as_ref())?)
            .query_opt("key-marker", self.key_marker.clone())
            .query_opt("version-id-marker", self.version_id_marker.clone())
            .query_opt("max-keys", max_keys)
            .query("encoding-type", "url"))
    }

    fn safety(&self) -> Safety {
        Safety::Read
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<VersionList> {
        let (head, body) = response.into_parts();
        let request_id = request_id(&head.headers);
        let document: Document = xml::read("ListVersionsResult", head.status.as_u16(), &request_id, &body)?;
        let list = document.into_list(request_id)?;
        let keys = list.versions.iter().map(|it| &it.key);
        begin_with(self.prefix.as_deref(), keys.chain(&list.common_prefixes), &head)?;
        Ok(list)
    }
}

impl Paged for ListObjectVersions {
    fn next_page(&self, output: &VersionList) -> Result<Option<Self>> {
        if !output.is_truncated {
            return Ok(None);
        }
        let now = (self.key_marker.clone(), self.version_id_marker.clone());
        let next = (output.next_key_marker.clone(), output.next_version_id_marker.clone());
        let ((key_marker, version_id_marker), trail) = next_markers(&self.trail, &now, next)?;
        Ok(Some(Self { key_marker, version_id_marker, trail, ..self.clone() }))
    }
}

/// One page of [`ListObjectVersions`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct VersionList {
    /// Versions and delete markers, by key, the newest of a key first.
    pub versions: Vec<ObjectVersion>,
    /// What a delimiter gathered, the delimiter included.
    pub common_prefixes: Vec<String>,
    /// Whether there is another page.
    pub is_truncated: bool,
    /// The key where the next page begins.
    pub next_key_marker: Option<String>,
    /// The version of that key where the next page begins.
    pub next_version_id_marker: Option<String>,
    request_id: String,
}

impl VersionList {
    /// `x-cos-request-id`.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }
}

/// A version of an object, or a delete marker, as a listing shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObjectVersion {
    /// The key.
    pub key: String,
    /// The version; `null` for one from before versioning. `None` where the bucket has never kept versions: a removal
    /// names none there.
    pub version_id: Option<String>,
    /// Whether it is the newest of its key.
    pub is_latest: bool,
    /// Whether it is a delete marker: it has no bytes, and hides the versions behind it.
    pub is_delete_marker: bool,
    /// When it was written.
    pub last_modified: Option<SystemTime>,
    /// The size in bytes.
    pub size: u64,
    /// The ETag, quotes included; empty for a delete marker.
    pub etag: String,
    /// The storage class.
    pub storage_class: StorageClass,
}

/// Versions, delete markers and prefixes come in any order, and their order counts.
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
    IsTruncated(String),
    NextKeyMarker(String),
    NextVersionIdMarker(String),
    Version(Entry),
    DeleteMarker(Entry),
    CommonPrefixes(CommonPrefixes),
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    key: String,
    #[serde(default)]
    version_id: String,
    #[serde(default)]
    is_latest: String,
    #[serde(default)]
    last_modified: String,
    #[serde(rename = "ETag", default)]
    etag: String,
    #[serde(default)]
    size: Option<String>,
    #[serde(default)]
    storage_class: String,
}

impl Document {
    fn into_list(self, request_id: String) -> Result<VersionList> {
        let encoding = self.elements.iter().find_map(|element| match element {
            Element::EncodingType(kind) => Some(kind.as_str()),
            _ => None,
        });
        let decoded = decoder(encoding);
        let mut list = VersionList { request_id, ..VersionList::default() };
        let mut truncated = None;
        for element in self.elements {
            let is_delete_marker = matches!(element, Element::DeleteMarker(_));
            match element {
                Element::IsTruncated(text) => truncated = Some(text),
                Element::NextKeyMarker(key) if !key.is_empty() => list.next_key_marker = Some(decoded(key)?),
                Element::NextVersionIdMarker(id) if !id.is_empty() => list.next_version_id_marker = Some(id),
                Element::CommonPrefixes(prefixes) => list.common_prefixes.push(decoded(prefixes.prefix)?),
                Element::Version(version) | Element::DeleteMarker(version) => list.versions.push(ObjectVersion {
                    key: decoded(version.key)?,
                    version_id: (!version.version_id.is_empty()).then_some(version.version_id),
                    is_latest: version.is_latest.eq_ignore_ascii_case("true"),
                    is_delete_marker,
                    last_modified: parse_iso8601(&version.last_modified),
                    size: version.size.map_or(Ok(0), |size| xml::number("size", &size))?,
                    etag: version.etag,
                    storage_class: StorageClass::new(version.storage_class),
                }),
                _ => {}
            }
        }
        list.is_truncated = is_truncated(truncated.as_deref())?;
        Ok(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::as_text;

    #[test]
    fn request_as_text() {
        let list = ListObjectVersions::new().prefix("p/").key_marker("k").version_id_marker("v").max_keys(2);
        assert_eq!(
            as_text(&list),
            "GET /?versions&prefix=p%2F&key-marker=k&version-id-marker=v&max-keys=2&encoding-type=url\n[0]"
        );
        assert_eq!(list.max_keys(0).request().unwrap_err().field(), Some("max_keys"));
    }

    #[test]
    fn output_reads_a_golden_page_in_order() {
        let xml = include_str!("../../tests/golden/xml/list_versions.xml");
        let list = ListObjectVersions::new();
        let page = list.output(&Sent::default(), Response::new(Bytes::from(xml))).unwrap();
        let seen: Vec<_> =
            page.versions.iter().map(|it| (it.key.as_str(), it.version_id.as_deref(), it.is_delete_marker)).collect();
        let (marker, version) = (Some("MTg0NDUxNzgx"), Some("MTg0NDUxNzgy"));
        assert_eq!(seen, [("a b", marker, true), ("a b", version, false), ("c", Some("null"), false)]);
        assert!(page.versions[0].is_latest && !page.versions[1].is_latest);
        assert_eq!(page.versions[1].size, 5);
        let next = list.next_page(&page).unwrap().unwrap();
        assert!(as_text(&next).contains("key-marker=c&version-id-marker=null"));
        assert!(next.next_page(&page).is_err());
    }

    #[test]
    fn a_bucket_that_never_kept_versions_names_none() {
        for id in ["<VersionId/>", "<VersionId></VersionId>", ""] {
            let version = format!("<Version><Key>k</Key>{id}<IsLatest>true</IsLatest></Version>");
            let next = "<IsTruncated>true</IsTruncated><NextKeyMarker>k</NextKeyMarker><NextVersionIdMarker/>";
            let xml = format!("<ListVersionsResult>{next}{version}</ListVersionsResult>");
            let list = ListObjectVersions::new();
            let page = list.output(&Sent::default(), Response::new(Bytes::from(xml))).unwrap();
            assert_eq!(page.versions[0].version_id, None, "{id}");
            let next = list.next_page(&page).unwrap().unwrap();
            assert_eq!(as_text(&next), "GET /?versions&key-marker=k&encoding-type=url\n[0]");
        }
    }

    #[test]
    fn a_page_that_does_not_say_it_is_the_last_is_none() {
        for xml in ["<ListVersionsResult/>", "<ListVersionsResult><IsTruncated/></ListVersionsResult>"] {
            let error =
                ListObjectVersions::new().output(&Sent::default(), Response::new(Bytes::from(xml))).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Response, "{xml}");
        }
    }

    #[test]
    fn a_listing_that_goes_round_in_a_circle_ends() {
        let page = |id: &str| {
            let next = format!("<NextKeyMarker>k</NextKeyMarker><NextVersionIdMarker>{id}</NextVersionIdMarker>");
            let xml = format!("<ListVersionsResult><IsTruncated>true</IsTruncated>{next}</ListVersionsResult>");
            ListObjectVersions::new().output(&Sent::default(), Response::new(Bytes::from(xml))).unwrap()
        };
        let mut list = ListObjectVersions::new();
        let mut advances = |id| list.next_page(&page(id)).map(|next| list = next.unwrap()).is_ok();
        assert!(advances("a") && advances("b"));
        assert!(!["a", "b", "a", "b"].into_iter().all(advances));
    }
}
