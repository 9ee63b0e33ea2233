use bytes::Bytes;
use http::{Method, Response};
use serde::{Deserialize, Serialize};

use crate::answer::{bare_answer, etag_of_stored, header_number, header_text, request_id};
use crate::error::{Error, ErrorKind, Result, ServiceError};
use crate::key::ObjectKey;
use crate::multipart::{PartSummary, UploadPartCopyOutput, UploadPartOutput};
use crate::operation::{Operation, Permissions, Safety, Sent};
use crate::options::{Callback, CallbackResult};
use crate::request::Request;
use crate::xml;

/// Makes the object from the parts of a multipart upload.
///
/// COS may take minutes and sends blanks meanwhile; it may answer 200 and report a failure in the body, which is an
/// error like any other. Once it succeeded, the upload is gone. When nothing says how it ended, that is
/// [`ErrorKind::Ambiguous`] with the [`upload_id`](Error::upload_id): look for the object, list the parts, then decide.
///
/// # Errors
/// [`ErrorKind::Input`] when there are no parts, or their numbers do not rise from part to part.
/// [`ErrorKind::Service`] with code `NoSuchUpload`, `InvalidPart`, `InvalidPartOrder`, `EntityTooSmall` (a part under
/// 1 MiB before the last), or `FileAlreadyExists` after [`forbid_overwrite`](Self::forbid_overwrite).
/// [`ErrorKind::Integrity`] when the object has another CRC-64 than [`crc64`](Self::crc64) says.
///
/// # Examples
/// ```no_run
/// use tencent_cos::CompleteMultipartUpload;
///
/// # async fn example(bucket: tencent_cos::Bucket, upload_id: &str, parts: Vec<tencent_cos::UploadPartOutput>) -> tencent_cos::Result<()> {
/// // `parts` are what UploadPart gave, or ListParts shows, in rising order.
/// let complete = CompleteMultipartUpload::new("video.mp4".parse()?, upload_id, &parts);
/// println!("{}", bucket.send(complete).await?.etag);
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [Complete Multipart Upload](https://cloud.tencent.com/document/product/436/7742)
#[doc(alias = "Complete Multipart Upload")]
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct CompleteMultipartUpload {
    key: ObjectKey,
    upload_id: String,
    parts: Vec<CompletedPart>,
    crc64: Option<u64>,
    callback: Option<Callback>,
    forbid_overwrite: bool,
}

/// A part that was uploaded: its number and ETag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompletedPart {
    part_number: u32,
    etag: String,
}

impl CompletedPart {
    /// A part by its number and the ETag its upload gave.
    pub fn new(part_number: u32, etag: impl Into<String>) -> Self {
        Self { part_number, etag: etag.into() }
    }

    /// Its number.
    pub fn part_number(&self) -> u32 {
        self.part_number
    }

    /// Its ETag.
    pub fn etag(&self) -> &str {
        &self.etag
    }
}

impl From<&UploadPartOutput> for CompletedPart {
    fn from(part: &UploadPartOutput) -> Self {
        Self::new(part.part_number, part.etag.clone())
    }
}

impl From<&UploadPartCopyOutput> for CompletedPart {
    fn from(part: &UploadPartCopyOutput) -> Self {
        Self::new(part.part_number, part.etag.clone())
    }
}

/// For who goes on with an upload by [`ListParts`](crate::ListParts).
impl From<&PartSummary> for CompletedPart {
    fn from(part: &PartSummary) -> Self {
        Self::new(part.part_number, part.etag.clone())
    }
}

impl CompleteMultipartUpload {
    /// Completes the upload with these parts, in rising order of their numbers. A gap between two of them is
    /// `InvalidPart`.
    pub fn new(
        key: ObjectKey,
        upload_id: impl Into<String>,
        parts: impl IntoIterator<Item = impl Into<CompletedPart>>,
    ) -> Self {
        let parts = parts.into_iter().map(Into::into).collect();
        Self { key, upload_id: upload_id.into(), parts, crc64: None, callback: None, forbid_overwrite: false }
    }

    /// The CRC-64 the object must have, for instance [combined](crate::Crc64::combine) from those of the parts.
    pub fn crc64(mut self, crc64: u64) -> Self {
        self.crc64 = Some(crc64);
        self
    }

    /// COS tells a server of yours, and its answer is [`callback`](CompleteMultipartUploadOutput::callback) of the
    /// output.
    pub fn callback(mut self, callback: Callback) -> Self {
        self.callback = Some(callback);
        self
    }

    /// Fails with `FileAlreadyExists` (409) when the key is taken by now.
    pub fn forbid_overwrite(mut self) -> Self {
        self.forbid_overwrite = true;
        self
    }
}

impl Operation for CompleteMultipartUpload {
    type Output = CompleteMultipartUploadOutput;
    type Response = Bytes;
    const NAME: &'static str = "Complete Multipart Upload";
    const METHOD: Method = Method::POST;
    const PERMISSIONS: Permissions = Permissions::target("name/cos:CompleteMultipartUpload");
    const WORKS_LONG: bool = true;

    fn request(&self) -> Result<Request> {
        if self.parts.is_empty() {
            return Err(Error::input("parts", "are none"));
        }
        if !self.parts.is_sorted_by(|a, b| a.part_number < b.part_number) {
            return Err(Error::input("parts", "do not rise in number from part to part"));
        }
        if self.parts.iter().any(|part| !super::is_part_number(part.part_number) || part.etag.is_empty()) {
            return Err(Error::input("parts", "have one without an ETag, or with a number that is not 1 to 10 000"));
        }
        if !self.parts.iter().all(|part| xml::can_carry(&part.etag)) {
            return Err(Error::input("parts", "have an ETag with a control character, which XML cannot carry"));
        }
        let body = Document { parts: self.parts.iter().map(Entry::of).collect() };
        super::upload(&self.key, &self.upload_id)?
            .with(&self.callback)?
            .header_opt("x-cos-forbid-overwrite", self.forbid_overwrite.then_some("true"))?
            .xml("CompleteMultipartUpload", &body)
    }

    fn safety(&self) -> Safety {
        Safety::Commit
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<CompleteMultipartUploadOutput> {
        let (head, body) = response.into_parts();
        let request_id = request_id(&head.headers);
        let root = "CompleteMultipartUploadResult";
        let result: Answer = xml::read_late(root, head.status.as_u16(), &request_id, &body)?;
        let etag = etag_of_stored(result.etag, &head)?;
        let crc64 = header_number(&head.headers, "x-cos-hash-crc64ecma");
        if let (Some(expected), Some(found)) = (self.crc64, crc64)
            && expected != found
        {
            let message = format!("the object has CRC-64 {found}, its parts have {expected}");
            return Err(Error::new(ErrorKind::Integrity, message).may_have(true).with_service(bare_answer(&head)));
        }
        let callback = result.callback.map(|result| result.outcome(&head));
        Ok(CompleteMultipartUploadOutput {
            etag,
            location: result.location,
            crc64,
            version_id: header_text(&head.headers, "x-cos-version-id").map(str::to_owned),
            callback,
            request_id,
        })
    }
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "Part")]
    parts: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    #[serde(rename = "PartNumber")]
    part_number: u32,
    #[serde(rename = "ETag")]
    etag: &'a str,
}

impl<'a> Entry<'a> {
    fn of(part: &'a CompletedPart) -> Self {
        Self { part_number: part.part_number, etag: &part.etag }
    }
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "ETag", default)]
    etag: String,
    #[serde(rename = "Location", default)]
    location: String,
    #[serde(rename = "CallbackResult")]
    callback: Option<CallbackResult>,
}

/// What [`CompleteMultipartUpload`] gives.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CompleteMultipartUploadOutput {
    /// The ETag, quotes included. It ends in `-` and the number of parts, and is no MD5.
    pub etag: String,
    /// Where the object is.
    pub location: String,
    /// The CRC-64 of the whole object; `None` when COS named none.
    pub crc64: Option<u64>,
    /// The version, where the bucket keeps versions.
    pub version_id: Option<String>,
    /// What the server said that a [`Callback`] went to, or that it failed; `None` when COS tells nothing of it.
    pub callback: Option<Result<Bytes, Box<ServiceError>>>,
    request_id: String,
}

impl CompleteMultipartUploadOutput {
    /// `x-cos-request-id`.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::as_text;

    fn complete(parts: &[u32]) -> CompleteMultipartUpload {
        let parts = parts.iter().map(|number| CompletedPart::new(*number, format!("\"e{number}\"")));
        CompleteMultipartUpload::new("k".parse().unwrap(), "id", parts)
    }

    #[test]
    fn request_as_text() {
        let complete = complete(&[1, 3]).forbid_overwrite();
        assert_eq!(
            as_text(&complete),
            "POST /k?uploadId=id\n\
             content-md5: 9atKXqh5gTNBJAwZ9UHuVQ==\n\
             content-type: application/xml\n\
             x-cos-forbid-overwrite: true\n\
             [163]"
        );
        let xml = complete.request().unwrap().body_ref().as_bytes().unwrap();
        assert_eq!(
            xml,
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>\"e1\"</ETag></Part>\
             <Part><PartNumber>3</PartNumber><ETag>\"e3\"</ETag></Part></CompleteMultipartUpload>"
        );
    }

    #[test]
    fn output_tells_what_became_of_the_callback() {
        let told = |result: &str| {
            let root = "CompleteMultipartUploadResult";
            let xml = format!("<{root}><ETag>\"e-1\"</ETag><CallbackResult>{result}</CallbackResult></{root}>");
            let answer = Response::builder().header("x-cos-request-id", "NjQ").body(Bytes::from(xml)).unwrap();
            complete(&[1]).output(&Sent::default(), answer).unwrap().callback.unwrap()
        };
        // The forms are those that the SDKs for JavaScript and Android read.
        assert_eq!(told("<Status>200</Status><CallbackBody>eyJhIjoxfQ==</CallbackBody>"), Ok(Bytes::from("{\"a\":1}")));
        assert_eq!(told("<Status>200</Status><CallbackBody/>"), Ok(Bytes::new()));
        let failed = "<Status>203</Status><Error><Code>CallbackFailed</Code><Message>no answer</Message></Error>";
        let failure = told(failed).unwrap_err();
        assert_eq!(
            (failure.status, failure.code.as_str(), failure.message.as_str()),
            (203, "CallbackFailed", "no answer")
        );
        assert_eq!(failure.request_id, "NjQ");
        assert_eq!(told("").unwrap_err().code, "");
    }

    #[test]
    fn bad_parts_are_refused() {
        for parts in [&[][..], &[2, 1], &[1, 1], &[0], &[10_001]] {
            assert_eq!(complete(parts).request().unwrap_err().field(), Some("parts"), "{parts:?}");
        }
        let no_etag = CompleteMultipartUpload::new("k".parse().unwrap(), "id", [CompletedPart::new(1, "")]);
        assert_eq!(no_etag.request().unwrap_err().field(), Some("parts"));
    }

    #[test]
    fn output_reads_a_golden_answer() {
        let read = |xml: &'static str| {
            let builder = Response::builder().header("x-cos-request-id", "NjQ").header("x-cos-hash-crc64ecma", "7");
            complete(&[1]).crc64(7).output(&Sent::default(), builder.body(Bytes::from(xml)).unwrap())
        };
        let output = read(include_str!("../../tests/golden/xml/complete.xml")).unwrap();
        assert_eq!(output.etag, "\"4d9d8f5b1b1f8a5c4b7b1b0b8a8a8a8a-1\"");
        assert_eq!(output.crc64, Some(7));
        let error = read("  \n <Error><Code>InternalError</Code></Error>").unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Service, Some("InternalError")));
        for open in ["", "    ", "<CompleteMultipartUploadResult/>", "<html>"] {
            let error = read(open).unwrap_err();
            assert_eq!((error.kind(), error.may_have_taken_effect()), (ErrorKind::Ambiguous, true), "{open:?}");
        }
        let other = complete(&[1]).crc64(8);
        let builder = Response::builder().header("x-cos-hash-crc64ecma", "7");
        let body = Bytes::from(include_str!("../../tests/golden/xml/complete.xml"));
        let error = other.output(&Sent::default(), builder.body(body).unwrap()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Integrity);
    }
}
