use bytes::Bytes;
use http::{Method, Response};
use serde::Serialize;

use crate::answer::Done;
use crate::error::{Result, ServiceError};
use crate::operation::{Operation, Permissions, Safety, Sent};
use crate::options::Acl;
use crate::request::Request;

/// Makes the bucket.
///
/// The request goes to the bucket's own host, so its region is that of the [`Bucket`](crate::Bucket) it is sent with. A
/// name that is taken is an error, also when it is yours; only after an attempt whose end is unknown a bucket that is
/// yours by then is the success of that attempt.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `BucketAlreadyExists`, `BucketAlreadyOwnedByYou`,
/// `TooManyBuckets` (200 an account) or `AccessDenied`.
///
/// # Examples
/// ```no_run
/// use tencent_cos::CreateBucket;
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// bucket.send(CreateBucket::new().multi_az()).await?;
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [PUT Bucket](https://cloud.tencent.com/document/product/436/7738)
#[doc(alias = "PUT Bucket")]
#[derive(Clone, Debug, Default)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct CreateBucket {
    acl: Option<Acl>,
    multi_az: bool,
}

impl CreateBucket {
    /// A private bucket.
    pub fn new() -> Self {
        Self::default()
    }

    /// Who may do what with it.
    pub fn acl(mut self, acl: Acl) -> Self {
        self.acl = Some(acl);
        self
    }

    /// Keeps its objects in several availability zones, where the region has them. It cannot be changed later.
    pub fn multi_az(mut self) -> Self {
        self.multi_az = true;
        self
    }
}

#[derive(Serialize)]
struct CreateBucketConfiguration {
    #[serde(rename = "BucketAZConfig")]
    az: &'static str,
}

impl Operation for CreateBucket {
    type Output = Done;
    type Response = Bytes;
    const NAME: &'static str = "PUT Bucket";
    const METHOD: Method = Method::PUT;
    const PERMISSIONS: Permissions = Permissions::bucket("name/cos:PutBucket");

    fn request(&self) -> Result<Request> {
        let request = Request::bucket().with(&self.acl)?;
        if self.multi_az {
            return request.xml("CreateBucketConfiguration", &CreateBucketConfiguration { az: "MAZ" });
        }
        Ok(request)
    }

    fn safety(&self) -> Safety {
        Safety::Guarded
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<Done> {
        Ok(Done::told(response.headers()))
    }

    fn settled_by(&self, refusal: &ServiceError) -> Option<Done> {
        let ours = refusal.code == "BucketAlreadyOwnedByYou";
        ours.then(|| Done::refused(refusal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::as_text;

    #[test]
    fn request_as_text() {
        assert_eq!(as_text(&CreateBucket::new().acl(Acl::private())), "PUT /\nx-cos-acl: private\n[0]");
        let request = CreateBucket::new().multi_az().request().unwrap();
        let crate::body::Source::Bytes(body) = &request.body_ref().source else { panic!("no body") };
        let xml = "<CreateBucketConfiguration><BucketAZConfig>MAZ</BucketAZConfig></CreateBucketConfiguration>";
        assert_eq!(body, xml);
        assert_eq!(request.headers()["content-type"], "application/xml");
        assert_eq!(request.headers()["content-md5"], "+s/F4Djmmgu2Zh/a5KDWDw==");
    }

    #[test]
    fn output_keeps_the_request_id() {
        let response = Response::builder().header("x-cos-request-id", "NjQ").body(Bytes::new()).unwrap();
        assert_eq!(CreateBucket::new().output(&Sent::default(), response).unwrap().request_id(), "NjQ");
    }
}
