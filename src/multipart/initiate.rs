use bytes::Bytes;
use http::{Method, Response};
use serde::Deserialize;

use crate::answer::{bare_answer, request_id};
use crate::error::{Error, ErrorKind, Result};
use crate::key::ObjectKey;
use crate::operation::{Operation, Permissions, Safety, Sent};
use crate::options::{Acl, Attributes, Encryption, Tags};
use crate::request::Request;
use crate::xml;

/// Begins a multipart upload.
///
/// All that COS shall keep of the object beside its bytes is said here. Each call makes an upload of its own that takes
/// up paid space until it is completed or aborted; it is therefore not repeated when nothing says whether it took
/// effect.
///
/// # Errors
/// [`ErrorKind::Service`] with code `NoSuchBucket`, `AccessDenied`, or `FileAlreadyExists` after
/// [`forbid_overwrite`](Self::forbid_overwrite). [`ErrorKind::Ambiguous`] when an upload may have been begun whose id
/// is not known.
///
/// # Examples
/// ```no_run
/// use tencent_cos::{Attributes, InitiateMultipartUpload};
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// let initiate = InitiateMultipartUpload::new("video.mp4".parse()?)
///     .attributes(Attributes::new().content_type("video/mp4"));
/// let upload_id = bucket.send(initiate).await?.upload_id;
/// # drop(upload_id);
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [Initiate Multipart Upload](https://cloud.tencent.com/document/product/436/7746)
#[doc(alias = "Initiate Multipart Upload")]
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct InitiateMultipartUpload {
    key: ObjectKey,
    attributes: Attributes,
    acl: Option<Acl>,
    tags: Option<Tags>,
    encryption: Option<Encryption>,
    forbid_overwrite: bool,
}

impl InitiateMultipartUpload {
    /// Begins an upload to `key`.
    pub fn new(key: ObjectKey) -> Self {
        Self { key, attributes: Attributes::new(), acl: None, tags: None, encryption: None, forbid_overwrite: false }
    }

    /// Content headers, storage class, user metadata.
    pub fn attributes(mut self, attributes: Attributes) -> Self {
        self.attributes = attributes;
        self
    }

    /// Who may do what with the object; by default [`Acl::inherited`].
    pub fn acl(mut self, acl: Acl) -> Self {
        self.acl = Some(acl);
        self
    }

    /// Tags.
    pub fn tags(mut self, tags: Tags) -> Self {
        self.tags = Some(tags);
        self
    }

    /// Encryption at rest. A customer's key must come with every part.
    pub fn encryption(mut self, encryption: Encryption) -> Self {
        self.encryption = Some(encryption);
        self
    }

    /// Fails with `FileAlreadyExists` (409) when the key is taken; say it when completing, too.
    pub fn forbid_overwrite(mut self) -> Self {
        self.forbid_overwrite = true;
        self
    }
}

impl Operation for InitiateMultipartUpload {
    type Output = InitiateMultipartUploadOutput;
    type Response = Bytes;
    const NAME: &'static str = "Initiate Multipart Upload";
    const METHOD: Method = Method::POST;
    const PERMISSIONS: Permissions = Permissions::target("name/cos:InitiateMultipartUpload");

    fn request(&self) -> Result<Request> {
        Request::object(&self.key)
            .query("uploads", "")
            .with(&self.attributes)?
            .with(&self.acl)?
            .with(&self.tags)?
            .with(&self.encryption)?
            .header_opt("x-cos-forbid-overwrite", self.forbid_overwrite.then_some("true"))
    }

    fn safety(&self) -> Safety {
        Safety::CreatesState
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<InitiateMultipartUploadOutput> {
        let (head, body) = response.into_parts();
        let request_id = request_id(&head.headers);
        let root = "InitiateMultipartUploadResult";
        let result: Document = xml::read(root, head.status.as_u16(), &request_id, &body)?;
        if result.upload_id.is_empty() {
            return Err(
                Error::new(ErrorKind::Response, "the answer names no upload id").with_service(bare_answer(&head))
            );
        }
        Ok(InitiateMultipartUploadOutput { upload_id: result.upload_id, request_id })
    }
}

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "UploadId", default)]
    upload_id: String,
}

/// What [`InitiateMultipartUpload`] gives.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InitiateMultipartUploadOutput {
    /// The id of the upload.
    pub upload_id: String,
    request_id: String,
}

impl InitiateMultipartUploadOutput {
    /// `x-cos-request-id`.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::as_text;

    #[test]
    fn request_as_text() {
        let initiate = InitiateMultipartUpload::new("a b".parse().unwrap())
            .attributes(Attributes::new().content_type("text/plain"))
            .forbid_overwrite();
        assert_eq!(
            as_text(&initiate),
            "POST /a%20b?uploads\ncontent-type: text/plain\nx-cos-forbid-overwrite: true\n[0]"
        );
        assert_eq!(initiate.safety(), Safety::CreatesState);
    }

    #[test]
    fn output_reads_a_golden_answer() {
        let read = |xml: &'static str| {
            let response = Response::builder().header("x-cos-request-id", "NjQ").body(Bytes::from(xml)).unwrap();
            InitiateMultipartUpload::new("k".parse().unwrap()).output(&Sent::default(), response)
        };
        let output = read(include_str!("../../tests/golden/xml/initiate.xml")).unwrap();
        assert_eq!(output.upload_id, "1585130821cbb7df1d11846c073ad648e8f33b087cec2381df437acdc833cf654b9ecc6361");
        let none = read("<InitiateMultipartUploadResult/>").unwrap_err();
        assert_eq!((none.kind(), none.request_id()), (ErrorKind::Response, Some("NjQ")));
    }
}
