use bytes::Bytes;
use http::{Method, Response};

use crate::answer::Done;
use crate::error::{Result, ServiceError};
use crate::operation::{Operation, Permissions, Safety, Sent};
use crate::request::Request;

/// Removes the bucket, which must be empty: no object, no version, no unfinished upload.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `BucketNotEmpty`, `NoSuchBucket` or `AccessDenied`.
/// A bucket that is gone after an attempt whose end is unknown is a success.
///
/// # Examples
/// ```no_run
/// use tencent_cos::DeleteBucket;
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// bucket.send(DeleteBucket::new()).await?;
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [DELETE Bucket](https://cloud.tencent.com/document/product/436/7732)
#[doc(alias = "DELETE Bucket")]
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct DeleteBucket {
    _private: (),
}

impl DeleteBucket {
    /// Removes the bucket.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Operation for DeleteBucket {
    type Output = Done;
    type Response = Bytes;
    const NAME: &'static str = "DELETE Bucket";
    const METHOD: Method = Method::DELETE;
    const PERMISSIONS: Permissions = Permissions::bucket("name/cos:DeleteBucket");

    fn request(&self) -> Result<Request> {
        Ok(Request::bucket())
    }

    fn safety(&self) -> Safety {
        Safety::SameEffect
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<Done> {
        Ok(Done::told(response.headers()))
    }

    fn settled_by(&self, refusal: &ServiceError) -> Option<Done> {
        let gone = refusal.code == "NoSuchBucket";
        gone.then(|| Done::refused(refusal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::as_text;

    #[test]
    fn request_as_text() {
        assert_eq!(as_text(&DeleteBucket::new()), "DELETE /\n[0]");
    }

    #[test]
    fn output_keeps_the_request_id() {
        let response = Response::builder().status(204).header("x-cos-request-id", "NjQ").body(Bytes::new()).unwrap();
        assert_eq!(DeleteBucket::new().output(&Sent::default(), response).unwrap().request_id(), "NjQ");
    }
}
