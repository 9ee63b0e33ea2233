use bytes::Bytes;
use http::{Method, Response};

use crate::answer::Done;
use crate::error::{Result, ServiceError};
use crate::key::ObjectKey;
use crate::operation::{Operation, Permissions, Safety, Sent};
use crate::request::Request;

/// Gives up a multipart upload and frees the space of its parts.
///
/// Parts that are still on their way may arrive after it: abort again when they have ended. It may be repeated; an
/// upload that is gone after an attempt whose end is unknown is a success.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchUpload`: completed, aborted, or never begun.
///
/// # Examples
/// ```no_run
/// use tencent_cos::AbortMultipartUpload;
///
/// # async fn example(bucket: tencent_cos::Bucket, upload_id: &str) -> tencent_cos::Result<()> {
/// bucket.send(AbortMultipartUpload::new("video.mp4".parse()?, upload_id)).await?;
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [Abort Multipart Upload](https://cloud.tencent.com/document/product/436/7740)
#[doc(alias = "Abort Multipart Upload")]
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct AbortMultipartUpload {
    key: ObjectKey,
    upload_id: String,
}

impl AbortMultipartUpload {
    /// Gives up this upload.
    pub fn new(key: ObjectKey, upload_id: impl Into<String>) -> Self {
        Self { key, upload_id: upload_id.into() }
    }
}

impl Operation for AbortMultipartUpload {
    type Output = Done;
    type Response = Bytes;
    const NAME: &'static str = "Abort Multipart Upload";
    const METHOD: Method = Method::DELETE;
    const PERMISSIONS: Permissions = Permissions::target("name/cos:AbortMultipartUpload");

    fn request(&self) -> Result<Request> {
        super::upload(&self.key, &self.upload_id)
    }

    fn safety(&self) -> Safety {
        Safety::SameEffect
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<Done> {
        Ok(Done::told(response.headers()))
    }

    fn settled_by(&self, refusal: &ServiceError) -> Option<Done> {
        let gone = refusal.code == "NoSuchUpload";
        gone.then(|| Done::refused(refusal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::as_text;

    #[test]
    fn request_as_text() {
        let abort = AbortMultipartUpload::new("k".parse().unwrap(), "id");
        assert_eq!(as_text(&abort), "DELETE /k?uploadId=id\n[0]");
        let none = AbortMultipartUpload::new("k".parse().unwrap(), "");
        assert_eq!(none.request().unwrap_err().field(), Some("upload_id"));
    }

    #[test]
    fn an_upload_that_is_gone_was_aborted() {
        let refusal = |code: &str| ServiceError { status: 404, code: code.to_owned(), ..ServiceError::default() };
        let abort = AbortMultipartUpload::new("k".parse().unwrap(), "id");
        assert!(abort.settled_by(&refusal("NoSuchUpload")).is_some());
        assert!(abort.settled_by(&refusal("NoSuchBucket")).is_none());
    }
}
