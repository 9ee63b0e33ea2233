use std::time::SystemTime;

use bytes::Bytes;
use http::{Method, Response};
use serde::Deserialize;

use crate::answer::{LONGEST_ETAG, bare_answer, request_id};
use crate::error::{Error, ErrorKind, Result};
use crate::key::ObjectKey;
use crate::operation::{Operation, Permissions, Safety, Sent};
use crate::paging::{Paged, is_truncated, page_size, stands_still};
use crate::request::Request;
use crate::time::parse_iso8601;
use crate::xml;

/// Lists the parts of a multipart upload, up to 1 000 a page, in order of their numbers.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchUpload`: completed, aborted, or never begun.
/// [`ErrorKind::Response`](crate::ErrorKind::Response) when the answer shows parts out of order, or beyond the 10 000
/// an upload may have.
///
/// # Examples
/// ```no_run
/// use tencent_cos::ListParts;
///
/// # async fn example(bucket: tencent_cos::Bucket, upload_id: &str) -> tencent_cos::Result<()> {
/// let mut pages = bucket.pages(ListParts::new("video.mp4".parse()?, upload_id));
/// while let Some(page) = pages.next().await.transpose()? {
///     page.parts.iter().for_each(|part| println!("{}: {} bytes", part.part_number, part.size));
/// }
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [List Parts](https://cloud.tencent.com/document/product/436/7747)
#[doc(alias = "List Parts")]
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct ListParts {
    key: ObjectKey,
    upload_id: String,
    marker: Option<u32>,
    max_parts: Option<u32>,
}

impl ListParts {
    /// Lists the parts of this upload from the first.
    pub fn new(key: ObjectKey, upload_id: impl Into<String>) -> Self {
        Self { key, upload_id: upload_id.into(), marker: None, max_parts: None }
    }

    /// Only parts behind this number (`part-number-marker`).
    pub fn marker(mut self, part_number: u32) -> Self {
        self.marker = Some(part_number);
        self
    }

    /// How many parts a page has, 1 to 1 000 (the default).
    pub fn max_parts(mut self, max_parts: u32) -> Self {
        self.max_parts = Some(max_parts);
        self
    }
}

impl Operation for ListParts {
    type Output = PartList;
    type Response = Bytes;
    const NAME: &'static str = "List Parts";
    const METHOD: Method = Method::GET;
    const PERMISSIONS: Permissions = Permissions::target("name/cos:ListParts");

    fn request(&self) -> Result<Request> {
        let max_parts = page_size("max_parts", self.max_parts, 1000)?;
        Ok(super::upload(&self.key, &self.upload_id)?
            .query_opt("part-number-marker", self.marker.map(|marker| marker.to_string()))
            .query_opt("max-parts", max_parts)
            .query("encoding-type", "url"))
    }

    fn safety(&self) -> Safety {
        Safety::Read
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<PartList> {
        let (head, body) = response.into_parts();
        let request_id = request_id(&head.headers);
        let document: Document = xml::read("ListPartsResult", head.status.as_u16(), &request_id, &body)?;
        let list = document.into_list(request_id)?;
        let mut before = self.marker.unwrap_or_default();
        for part in &list.parts {
            let is_one = super::is_part_number(part.part_number) && part.etag.len() <= LONGEST_ETAG;
            if part.part_number <= before || !is_one {
                let told = "the parts are not in order, or one is that no upload has";
                return Err(Error::new(ErrorKind::Response, told).with_service(bare_answer(&head)));
            }
            before = part.part_number;
        }
        Ok(list)
    }
}

impl Paged for ListParts {
    fn next_page(&self, output: &PartList) -> Result<Option<Self>> {
        if !output.is_truncated {
            return Ok(None);
        }
        match output.next_marker.or(output.parts.last().map(|part| part.part_number)) {
            Some(marker) if Some(marker) > self.marker && super::is_part_number(marker) => {
                Ok(Some(self.clone().marker(marker)))
            }
            _ => Err(stands_still()),
        }
    }
}

/// One page of [`ListParts`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartList {
    /// The parts, in order of their numbers.
    pub parts: Vec<PartSummary>,
    /// Whether there is another page.
    pub is_truncated: bool,
    /// Where the next page begins.
    pub next_marker: Option<u32>,
    request_id: String,
}

impl PartList {
    /// `x-cos-request-id`.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }
}

/// A part as a listing shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartSummary {
    /// The number.
    pub part_number: u32,
    /// The size in bytes.
    pub size: u64,
    /// The ETag, quotes included.
    pub etag: String,
    /// When it was uploaded, if COS wrote it in ISO 8601.
    pub last_modified: Option<SystemTime>,
}

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "$value", default)]
    elements: Vec<Element>,
}

#[derive(Deserialize)]
enum Element {
    IsTruncated(String),
    NextPartNumberMarker(String),
    Part(Entry),
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    part_number: String,
    #[serde(default)]
    last_modified: String,
    #[serde(rename = "ETag", default)]
    etag: String,
    size: String,
}

impl Document {
    fn into_list(self, request_id: String) -> Result<PartList> {
        let mut list = PartList { request_id, ..PartList::default() };
        let mut truncated = None;
        for element in self.elements {
            match element {
                Element::IsTruncated(text) => truncated = Some(text),
                Element::NextPartNumberMarker(marker) => list.next_marker = marker.trim().parse().ok(),
                Element::Part(part) => list.parts.push(PartSummary {
                    part_number: xml::number("part number", &part.part_number)?,
                    size: xml::number("size", &part.size)?,
                    etag: part.etag,
                    last_modified: parse_iso8601(&part.last_modified),
                }),
                Element::Other => {}
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

    fn list() -> ListParts {
        ListParts::new("k".parse().unwrap(), "id")
    }

    #[test]
    fn request_as_text() {
        assert_eq!(
            as_text(&list().marker(2).max_parts(3)),
            "GET /k?uploadId=id&part-number-marker=2&max-parts=3&encoding-type=url\n[0]"
        );
        assert_eq!(list().max_parts(0).request().unwrap_err().field(), Some("max_parts"));
    }

    #[test]
    fn output_reads_a_golden_page() {
        let xml = include_str!("../../tests/golden/xml/list_parts.xml");
        let page = list().output(&Sent::default(), Response::new(Bytes::from(xml))).unwrap();
        assert_eq!(page.parts.len(), 2);
        assert_eq!((page.parts[1].part_number, page.parts[1].size), (2, 1_048_576));
        assert_eq!(page.parts[0].etag, "\"39270a968a357d24207e9911162507eb\"");
        assert_eq!(as_text(&list().next_page(&page).unwrap().unwrap()).split('&').nth(1), Some("part-number-marker=2"));
        assert!(list().marker(2).next_page(&page).is_err());
    }

    /// Whatever is answered, so many parts and pages there are at most.
    #[test]
    fn parts_have_an_order_and_an_end() {
        let read = |marker: u32, numbers: &[u32], next: u32| {
            let part = |number: &u32| format!("<Part><PartNumber>{number}</PartNumber><Size>1</Size></Part>");
            let parts: String = numbers.iter().map(part).collect();
            let xml = format!(
                "<ListPartsResult><IsTruncated>true</IsTruncated>\
                 <NextPartNumberMarker>{next}</NextPartNumberMarker>{parts}</ListPartsResult>"
            );
            let list = list().marker(marker);
            let page = list.output(&Sent::default(), Response::new(Bytes::from(xml)))?;
            list.next_page(&page)
        };
        assert!(read(0, &[1, 2, 7], 7).is_ok() && read(7, &[9, 10_000], 10_000).is_ok() && read(7, &[], 9).is_ok());
        for (marker, numbers, next) in [
            (0, &[2, 1][..], 2),
            (0, &[1, 1], 1),
            (2, &[2, 3], 3),
            (0, &[0], 1),
            (9999, &[10_000, 10_001], 10_001),
            (0, &[], 10_001),
        ] {
            let error = read(marker, numbers, next).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Response, "{marker} {numbers:?} {next}");
        }
    }

    #[test]
    fn a_page_that_does_not_say_it_is_the_last_is_none() {
        for xml in ["<ListPartsResult/>", "<ListPartsResult><IsTruncated/></ListPartsResult>"] {
            let error = list().output(&Sent::default(), Response::new(Bytes::from(xml))).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Response, "{xml}");
        }
    }
}
