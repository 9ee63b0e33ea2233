use bytes::Bytes;
use http::{Method, Response};

use crate::answer::{request_id, stored_etag};
use crate::body::Body;
use crate::error::{Error, Result};
use crate::key::ObjectKey;
use crate::operation::{Operation, Permissions, Safety, Sent, check_crc64};
use crate::options::{CustomerKey, TrafficLimit};
use crate::request::Request;

/// Uploads one part of a multipart upload.
///
/// Parts have numbers from 1 to 10 000 and 1 MiB to 5 GiB; the last may be smaller. They may come in any order and at
/// once; a part of a number that is there is replaced. The CRC-64 COS computes is compared with that of the bytes sent.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchUpload`: completed, aborted, or never begun.
/// [`ErrorKind::Integrity`](crate::ErrorKind::Integrity) when COS holds other bytes than were sent.
///
/// # Examples
/// ```no_run
/// use tencent_cos::{Body, UploadPart};
///
/// # async fn example(bucket: tencent_cos::Bucket, upload_id: &str) -> tencent_cos::Result<()> {
/// let mib = 1024 * 1024;
/// let third = Body::file("video.mp4", 16 * mib, 8 * mib);
/// let part = UploadPart::new("video.mp4".parse()?, upload_id, 3, third);
/// println!("{}", bucket.send(part).await?.etag);
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [Upload Part](https://cloud.tencent.com/document/product/436/7750)
#[doc(alias = "Upload Part")]
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct UploadPart {
    key: ObjectKey,
    upload_id: String,
    part_number: u32,
    body: Body,
    content_md5: Option<String>,
    customer_key: Option<CustomerKey>,
    traffic_limit: Option<TrafficLimit>,
}

impl UploadPart {
    /// The highest part number.
    pub const MAX_PART_NUMBER: u32 = super::MAX_PART_NUMBER;

    /// Uploads `body` as part `part_number` of the upload.
    pub fn new(key: ObjectKey, upload_id: impl Into<String>, part_number: u32, body: impl Into<Body>) -> Self {
        Self {
            key,
            upload_id: upload_id.into(),
            part_number,
            body: body.into(),
            content_md5: None,
            customer_key: None,
            traffic_limit: None,
        }
    }

    /// `Content-MD5`: the Base64 of the part's MD5. COS refuses a part that does not match.
    pub fn content_md5(mut self, base64: impl Into<String>) -> Self {
        self.content_md5 = Some(base64.into());
        self
    }

    /// The key the upload was begun with (SSE-C).
    pub fn customer_key(mut self, key: CustomerKey) -> Self {
        self.customer_key = Some(key);
        self
    }

    /// Limits the speed of this request.
    pub fn traffic_limit(mut self, limit: TrafficLimit) -> Self {
        self.traffic_limit = Some(limit);
        self
    }
}

impl Operation for UploadPart {
    type Output = UploadPartOutput;
    type Response = Bytes;
    const NAME: &'static str = "Upload Part";
    const METHOD: Method = Method::PUT;
    const PERMISSIONS: Permissions = Permissions::target("name/cos:UploadPart");

    fn request(&self) -> Result<Request> {
        if self.body.len() > super::MAX_PART_BYTES {
            return Err(Error::input("body", "is longer than the 5 GiB a part may have"));
        }
        super::part(&self.key, &self.upload_id, self.part_number)?
            .content_md5(self.content_md5.as_deref())?
            .with(&self.customer_key)?
            .with(&self.traffic_limit)
            .map(|request| request.body(self.body.clone()))
    }

    fn safety(&self) -> Safety {
        Safety::SameEffect
    }

    fn output(&self, sent: &Sent, response: Response<Bytes>) -> Result<UploadPartOutput> {
        let (head, _) = response.into_parts();
        let crc64 = check_crc64(sent, &head.headers)?;
        Ok(UploadPartOutput {
            part_number: self.part_number,
            etag: stored_etag(&head)?,
            crc64,
            sent: *sent,
            request_id: request_id(&head.headers),
        })
    }
}

/// What [`UploadPart`] gives.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UploadPartOutput {
    /// The number.
    pub part_number: u32,
    /// The ETag, quotes included; completing needs it.
    pub etag: String,
    /// The CRC-64 COS computed, equal to that of the bytes sent; `None` when COS named none.
    pub crc64: Option<u64>,
    /// Length and CRC-64 of the bytes sent: those of the parts combine to those of the object.
    pub sent: Sent,
    request_id: String,
}

impl UploadPartOutput {
    /// `x-cos-request-id`.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::as_text;
    use crate::{Crc64, ErrorKind};

    fn part(number: u32) -> UploadPart {
        UploadPart::new("k".parse().unwrap(), "id+1", number, "hello")
    }

    #[test]
    fn request_as_text() {
        let part_7 = part(7).content_md5("XUFAKrxLKna5cZ2REBfFkg==");
        assert_eq!(as_text(&part_7), "PUT /k?partNumber=7&uploadId=id%2B1\ncontent-md5: XUFAKrxLKna5cZ2REBfFkg==\n[5]");
    }

    #[test]
    fn bad_parts_are_refused() {
        for number in [0, 10_001, u32::MAX] {
            assert_eq!(part(number).request().unwrap_err().field(), Some("part_number"));
        }
        let no_id = UploadPart::new("k".parse().unwrap(), "", 1, "");
        assert_eq!(no_id.request().unwrap_err().field(), Some("upload_id"));
        let long = UploadPart::new("k".parse().unwrap(), "id", 1, Body::file("/nowhere", 0, u64::MAX));
        assert_eq!(long.request().unwrap_err().field(), Some("body"));
    }

    #[test]
    fn output_compares_the_checksum() {
        let sent = Sent { length: 5, crc64: Crc64::of(b"hello"), attempts: 1 };
        let answer = |crc64: u64| {
            let builder = Response::builder().header("etag", "\"e\"").header("x-cos-hash-crc64ecma", crc64.to_string());
            builder.body(Bytes::new()).unwrap()
        };
        let output = part(7).output(&sent, answer(sent.crc64)).unwrap();
        assert_eq!((output.part_number, output.etag.as_str(), output.sent), (7, "\"e\"", sent));
        assert_eq!(part(7).output(&sent, answer(0)).unwrap_err().kind(), ErrorKind::Integrity);
        let error = part(7).output(&sent, Response::new(Bytes::new())).unwrap_err();
        assert_eq!((error.kind(), error.status()), (ErrorKind::Ambiguous, Some(200)));
    }
}
