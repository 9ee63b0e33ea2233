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

/// Lists multipart uploads that were begun and not ended, up to 1 000 a page, by key and age.
///
/// They take up paid space until they are completed or aborted.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket` or `AccessDenied`.
/// [`ErrorKind::Response`](crate::ErrorKind::Response) when the answer shows a key that does not begin with the prefix,
/// or is longer than 8 KiB.
///
/// # Examples
/// ```no_run
/// use tencent_cos::ListMultipartUploads;
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// let mut pages = bucket.pages(ListMultipartUploads::new().prefix("videos/"));
/// while let Some(page) = pages.next().await.transpose()? {
///     page.uploads.iter().for_each(|upload| println!("{} since {:?}", upload.key, upload.initiated));
/// }
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [List Multipart Uploads](https://cloud.tencent.com/document/product/436/7736)
#[doc(alias = "List Multipart Uploads")]
#[derive(Clone, Debug, Default)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct ListMultipartUploads {
    prefix: Option<String>,
    delimiter: Option<String>,
    key_marker: Option<String>,
    upload_id_marker: Option<String>,
    max_uploads: Option<u32>,
    trail: Trail,
}

impl ListMultipartUploads {
    /// Lists from the first upload.
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

    /// Only uploads behind this key (`key-marker`).
    pub fn key_marker(mut self, key: impl Into<String>) -> Self {
        self.key_marker = Some(key.into());
        self
    }

    /// With a key marker: also the uploads of that key behind this one (`upload-id-marker`).
    pub fn upload_id_marker(mut self, upload_id: impl Into<String>) -> Self {
        self.upload_id_marker = Some(upload_id.into());
        self
    }

    /// How many uploads a page has, 1 to 1 000 (the default).
    pub fn max_uploads(mut self, max_uploads: u32) -> Self {
        self.max_uploads = Some(max_uploads);
        self
    }
}

impl Operation for ListMultipartUploads {
    type Output = UploadList;
    type Response = Bytes;
    const NAME: &'static str = "List Multipart Uploads";
    const METHOD: Method = Method::GET;
    const PERMISSIONS: Permissions = Permissions::bucket("name/cos:ListMultipartUploads");

    fn request(&self) -> Result<Request> {
        let max_uploads = page_size("max_uploads", self.max_uploads, 1000)?;
        second_marker("upload_id_marker", self.key_marker.as_deref(), self.upload_id_marker.as_deref())?;
        Ok(Request::bucket()
            .query("uploads", "")
            .query_opt("prefix", self.prefix.clone())
            .query_opt("delimiter", delimiter(self.delimiter.as_ref())?)
            .query_opt("key-marker", self.key_marker.clone())
            .query_opt("upload-id-marker", self.upload_id_marker.clone())
            .query_opt("max-uploads", max_uploads)
            .query("encoding-type", "url"))
    }

    fn safety(&self) -> Safety {
        Safety::Read
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<UploadList> {
        let (head, body) = response.into_parts();
        let request_id = request_id(&head.headers);
        let document: Document = xml::read("ListMultipartUploadsResult", head.status.as_u16(), &request_id, &body)?;
        let list = document.into_list(request_id)?;
        let keys = list.uploads.iter().map(|it| &it.key);
        begin_with(self.prefix.as_deref(), keys.chain(&list.common_prefixes), &head)?;
        Ok(list)
    }
}

impl Paged for ListMultipartUploads {
    fn next_page(&self, output: &UploadList) -> Result<Option<Self>> {
        if !output.is_truncated {
            return Ok(None);
        }
        let now = (self.key_marker.clone(), self.upload_id_marker.clone());
        let next = (output.next_key_marker.clone(), output.next_upload_id_marker.clone());
        let ((key_marker, upload_id_marker), trail) = next_markers(&self.trail, &now, next)?;
        Ok(Some(Self { key_marker, upload_id_marker, trail, ..self.clone() }))
    }
}

/// One page of [`ListMultipartUploads`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UploadList {
    /// The uploads, by key and then by age.
    pub uploads: Vec<UploadSummary>,
    /// What a delimiter gathered, the delimiter included.
    pub common_prefixes: Vec<String>,
    /// Whether there is another page.
    pub is_truncated: bool,
    /// The key where the next page begins.
    pub next_key_marker: Option<String>,
    /// The upload of that key where the next page begins.
    pub next_upload_id_marker: Option<String>,
    request_id: String,
}

impl UploadList {
    /// `x-cos-request-id`.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }
}

/// An upload as a listing shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UploadSummary {
    /// The key.
    pub key: String,
    /// The id of the upload.
    pub upload_id: String,
    /// When it was begun.
    pub initiated: Option<SystemTime>,
    /// The storage class.
    pub storage_class: StorageClass,
}

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "$value", default)]
    elements: Vec<Element>,
}

#[derive(Deserialize)]
enum Element {
    #[serde(rename = "Encoding-Type", alias = "EncodingType", alias = "Encoding-type")]
    EncodingType(String),
    IsTruncated(String),
    NextKeyMarker(String),
    NextUploadIdMarker(String),
    Upload(Entry),
    // The reference has it without the last e.
    #[serde(alias = "CommonPrefixs")]
    CommonPrefixes(CommonPrefixes),
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    key: String,
    upload_id: String,
    #[serde(default)]
    initiated: String,
    #[serde(default)]
    storage_class: String,
}

impl Document {
    fn into_list(self, request_id: String) -> Result<UploadList> {
        let encoding = self.elements.iter().find_map(|element| match element {
            Element::EncodingType(kind) => Some(kind.as_str()),
            _ => None,
        });
        let decoded = decoder(encoding);
        let mut list = UploadList { request_id, ..UploadList::default() };
        let mut truncated = None;
        for element in self.elements {
            match element {
                Element::IsTruncated(text) => truncated = Some(text),
                Element::NextKeyMarker(key) if !key.is_empty() => list.next_key_marker = Some(decoded(key)?),
                Element::NextUploadIdMarker(id) if !id.is_empty() => list.next_upload_id_marker = Some(id),
                Element::CommonPrefixes(prefixes) => list.common_prefixes.push(decoded(prefixes.prefix)?),
                Element::Upload(upload) => list.uploads.push(UploadSummary {
                    key: decoded(upload.key)?,
                    upload_id: upload.upload_id,
                    initiated: parse_iso8601(&upload.initiated),
                    storage_class: StorageClass::new(upload.storage_class),
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
        let list = ListMultipartUploads::new().prefix("a b").key_marker("k").upload_id_marker("id").max_uploads(2);
        assert_eq!(
            as_text(&list),
            "GET /?uploads&prefix=a%20b&key-marker=k&upload-id-marker=id&max-uploads=2&encoding-type=url\n[0]"
        );
        assert_eq!(list.max_uploads(1001).request().unwrap_err().field(), Some("max_uploads"));
    }

    #[test]
    fn output_reads_a_golden_page() {
        let xml = include_str!("../../tests/golden/xml/list_uploads.xml");
        let list = ListMultipartUploads::new();
        let page = list.output(&Sent::default(), Response::new(Bytes::from(xml))).unwrap();
        assert_eq!(page.uploads.len(), 2);
        assert_eq!((page.uploads[0].key.as_str(), page.uploads[0].upload_id.as_str()), ("a b", "1585130821aa"));
        assert_eq!(page.common_prefixes, ["d/"]);
        let next = list.next_page(&page).unwrap().unwrap();
        assert!(as_text(&next).contains("key-marker=a%20b&upload-id-marker=1585130822bb"));
        assert!(next.next_page(&page).is_err());
    }

    #[test]
    fn common_prefixes_are_understood_in_either_spelling() {
        for name in ["CommonPrefixes", "CommonPrefixs"] {
            let xml = format!(
                "<ListMultipartUploadsResult><Encoding-Type>url</Encoding-Type><IsTruncated>false</IsTruncated>\
                 <{name}><Prefix>a%20b/</Prefix></{name}></ListMultipartUploadsResult>"
            );
            let page = ListMultipartUploads::new().output(&Sent::default(), Response::new(Bytes::from(xml))).unwrap();
            assert_eq!(page.common_prefixes, ["a b/"], "{name}");
        }
    }

    #[test]
    fn an_empty_marker_is_none() {
        let none =
            "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated><NextKeyMarker/></ListMultipartUploadsResult>";
        let page = ListMultipartUploads::new().output(&Sent::default(), Response::new(Bytes::from(none))).unwrap();
        assert_eq!(page.next_key_marker, None);
        let xml = "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated><NextKeyMarker>k</NextKeyMarker>\
                   <NextUploadIdMarker/></ListMultipartUploadsResult>";
        let list = ListMultipartUploads::new();
        let page = list.output(&Sent::default(), Response::new(Bytes::from(xml))).unwrap();
        assert_eq!(page.next_upload_id_marker, None);
        assert_eq!(
            as_text(&list.next_page(&page).unwrap().unwrap()),
            "GET /?uploads&key-marker=k&encoding-type=url\n[0]"
        );
    }

    #[test]
    fn a_page_that_does_not_say_it_is_the_last_is_none() {
        for xml in
            ["<ListMultipartUploadsResult/>", "<ListMultipartUploadsResult><IsTruncated/></ListMultipartUploadsResult>"]
        {
            let error =
                ListMultipartUploads::new().output(&Sent::default(), Response::new(Bytes::from(xml))).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Response, "{xml}");
        }
    }

    #[test]
    fn a_listing_that_goes_round_in_a_circle_ends() {
        let page = |id: &str| {
            let next = format!("<NextKeyMarker>k</NextKeyMarker><NextUploadIdMarker>{id}</NextUploadIdMarker>");
            let xml = format!(
                "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated>{next}</ListMultipartUploadsResult>"
            );
            ListMultipartUploads::new().output(&Sent::default(), Response::new(Bytes::from(xml))).unwrap()
        };
        let mut list = ListMultipartUploads::new();
        let mut advances = |id| list.next_page(&page(id)).map(|next| list = next.unwrap()).is_ok();
        assert!(advances("a") && advances("b"));
        assert!(!["a", "b", "a", "b"].into_iter().all(advances));
    }
}
