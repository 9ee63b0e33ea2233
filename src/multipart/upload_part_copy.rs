use std::time::SystemTime;

use bytes::Bytes;
use http::{Method, Response};
use serde::Deserialize;

use crate::answer::{etag_of_stored, header_number, request_id};
use crate::error::{Error, Result};
use crate::key::ObjectKey;
use crate::operation::{Operation, Permissions, Safety, Sent};
use crate::options::{ByteRange, CopySource, CustomerKey};
use crate::request::Request;
use crate::time::parse_iso8601;
use crate::xml;

/// Makes one part of a multipart upload from an object, or a range of it, inside COS.
///
/// Numbers and sizes as for [`UploadPart`](crate::UploadPart). COS may answer 200 and report a failure in the body:
/// that is an error like any other. A part of a number that is there is replaced, so it may be repeated.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchUpload`, `NoSuchKey`, `AccessDenied`,
/// `InvalidRange`, or status 412 when a condition of the source does not hold.
///
/// # Examples
/// ```no_run
/// use tencent_cos::{CopySource, UploadPartCopy};
///
/// # async fn example(bucket: tencent_cos::Bucket, upload_id: &str) -> tencent_cos::Result<()> {
/// let source = CopySource::new(&"ap-guangzhou".parse()?, bucket.name(), &"old.mp4".parse()?);
/// let part = UploadPartCopy::new("video.mp4".parse()?, upload_id, 1, source)
///     .range(0..1024 * 1024);
/// println!("{}", bucket.send(part).await?.etag);
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [Upload Part - Copy](https://cloud.tencent.com/document/product/436/8287)
#[doc(alias = "Upload Part - Copy")]
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct UploadPartCopy {
    key: ObjectKey,
    upload_id: String,
    part_number: u32,
    source: CopySource,
    range: Option<ByteRange>,
    customer_key: Option<CustomerKey>,
}

impl UploadPartCopy {
    /// Makes part `part_number` of the upload from `source`.
    pub fn new(key: ObjectKey, upload_id: impl Into<String>, part_number: u32, source: CopySource) -> Self {
        Self { key, upload_id: upload_id.into(), part_number, source, range: None, customer_key: None }
    }

    /// From these bytes of the source only. COS wants both ends.
    pub fn range(mut self, range: impl Into<ByteRange>) -> Self {
        self.range = Some(range.into());
        self
    }

    /// The key the upload was begun with (SSE-C); that of the source goes into the [`CopySource`].
    pub fn customer_key(mut self, key: CustomerKey) -> Self {
        self.customer_key = Some(key);
        self
    }
}

impl Operation for UploadPartCopy {
    type Output = UploadPartCopyOutput;
    type Response = Bytes;
    const NAME: &'static str = "Upload Part - Copy";
    const METHOD: Method = Method::PUT;
    const PERMISSIONS: Permissions = Permissions::target("name/cos:PutObject").and_source("name/cos:GetObject");
    const WORKS_LONG: bool = true;

    fn request(&self) -> Result<Request> {
        let range = match self.range.map(|range| (range, range.last())) {
            None => None,
            Some((range, Some(last))) if !range.is_empty() && last - range.first() < super::MAX_PART_BYTES => {
                Some(range.to_string())
            }
            Some(_) => {
                return Err(Error::input("range", "is empty, has no end, or is longer than the 5 GiB of a part"));
            }
        };
        super::part(&self.key, &self.upload_id, self.part_number)?
            .with(&self.source)?
            .header_opt("x-cos-copy-source-range", range)?
            .with(&self.customer_key)
    }

    fn safety(&self) -> Safety {
        Safety::SameEffect
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<UploadPartCopyOutput> {
        let (head, body) = response.into_parts();
        let request_id = request_id(&head.headers);
        let result: Document = xml::read_late("CopyPartResult", head.status.as_u16(), &request_id, &body)?;
        Ok(UploadPartCopyOutput {
            part_number: self.part_number,
            etag: etag_of_stored(result.etag, &head)?,
            crc64: header_number(&head.headers, "x-cos-hash-crc64ecma").or(result.crc64.trim().parse().ok()),
            last_modified: parse_iso8601(&result.last_modified),
            request_id,
        })
    }
}

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "ETag", default)]
    etag: String,
    #[serde(rename = "CRC64", default)]
    crc64: String,
    #[serde(rename = "LastModified", default)]
    last_modified: String,
}

/// What [`UploadPartCopy`] gives.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UploadPartCopyOutput {
    /// The number.
    pub part_number: u32,
    /// The ETag, quotes included; completing needs it.
    pub etag: String,
    /// The CRC-64 of the part; `None` when COS named none.
    pub crc64: Option<u64>,
    /// When the part was made, if COS said so with a time zone.
    pub last_modified: Option<SystemTime>,
    request_id: String,
}

impl UploadPartCopyOutput {
    /// `x-cos-request-id`.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::as_text;

    fn part() -> UploadPartCopy {
        let source = CopySource::new(&"ap-y".parse().unwrap(), &"s-1".parse().unwrap(), &"a".parse().unwrap());
        UploadPartCopy::new("k".parse().unwrap(), "id", 1, source)
    }

    #[test]
    fn request_as_text() {
        assert_eq!(
            as_text(&part().range(0..1_048_576)),
            "PUT /k?partNumber=1&uploadId=id\n\
             x-cos-copy-source: s-1.cos.ap-y.myqcloud.com/a\n\
             x-cos-copy-source-range: bytes=0-1048575\n\
             [0]"
        );
        for range in [ByteRange::from(5..), ByteRange::from(5..5)] {
            assert_eq!(part().range(range).request().unwrap_err().field(), Some("range"));
        }
    }

    #[test]
    fn output_reads_a_golden_answer() {
        let read = |xml: &'static str| part().output(&Sent::default(), Response::new(Bytes::from(xml)));
        let output = read(include_str!("../../tests/golden/xml/copy_part.xml")).unwrap();
        assert_eq!((output.part_number, output.etag.as_str()), (1, "\"ba82b57cfdfda8bd17ad4e5879ebb4fe\""));
        // no zone, so no moment
        assert_eq!((output.last_modified, output.crc64), (None, None));
        let error = read("<Error><Code>SlowDown</Code></Error>").unwrap_err();
        assert_eq!((error.code(), error.status()), (Some("SlowDown"), Some(200)));
    }
}
