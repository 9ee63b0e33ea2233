use bytes::Bytes;
use http::{Method, Response};
use serde::Serialize;

use crate::answer::Done;
use crate::error::{Result, ServiceError};
use crate::operation::{Operation, Permissions, Safety, Sent};
use crate::options::{Acl, Tags};
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
    tags: Tags,
    multi_az: bool,
    ofs: bool,
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

    /// Tags of the bucket, from the beginning: up to 50.
    pub fn tags(mut self, tags: Tags) -> Self {
        self.tags = tags;
        self
    }

    /// Keeps its objects in several availability zones, where the region has them. It cannot be changed later.
    pub fn multi_az(mut self) -> Self {
        self.multi_az = true;
        self
    }

    /// With metadata acceleration: folders are kept as such, for file systems on top. It cannot be changed later.
    pub fn ofs(mut self) -> Self {
        self.ofs = true;
        self
    }
}

#[derive(Serialize)]
struct CreateBucketConfiguration {
    #[serde(rename = "BucketAZConfig", skip_serializing_if = "Option::is_none")]
    az: Option<&'static str>,
    #[serde(rename = "BucketArchConfig", skip_serializing_if = "Option::is_none")]
    arch: Option<&'static str>,
}

impl Operation for CreateBucket {
    type Output = Done;
    type Response = Bytes;
    const NAME: &'static str = "PUT Bucket";
    const METHOD: Method = Method::PUT;
    const PERMISSIONS: Permissions = Permissions::bucket("name/cos:PutBucket");

    fn request(&self) -> Result<Request> {
        self.tags.check_for_bucket()?;
        let request = Request::bucket().with(&self.acl)?.header(Tags::HEADER, self.tags.encoded())?;
        let configuration =
            CreateBucketConfiguration { az: self.multi_az.then_some("MAZ"), arch: self.ofs.then_some("OFS") };
        if self.multi_az || self.ofs {
            return request.xml("CreateBucketConfiguration", &configuration);
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
        let create = CreateBucket::new().acl(Acl::private()).tags(Tags::new().tag("team", "a b"));
        assert_eq!(as_text(&create), "PUT /\nx-cos-acl: private\nx-cos-tagging: team=a%20b\n[0]");
        let request = CreateBucket::new().multi_az().request().unwrap();
        let crate::body::Source::Bytes(body) = &request.body_ref().source else { panic!("no body") };
        let xml = "<CreateBucketConfiguration><BucketAZConfig>MAZ</BucketAZConfig></CreateBucketConfiguration>";
        assert_eq!(body, xml);
        assert_eq!(request.headers()["content-type"], "application/xml");
        assert_eq!(request.headers()["content-md5"], "+s/F4Djmmgu2Zh/a5KDWDw==");
        let request = CreateBucket::new().ofs().request().unwrap();
        let xml = "<CreateBucketConfiguration><BucketArchConfig>OFS</BucketArchConfig></CreateBucketConfiguration>";
        assert_eq!(request.body_ref().as_bytes().unwrap(), xml);
    }

    #[test]
    fn a_bucket_may_have_more_tags_than_an_object() {
        let tags = |count: u32| (0..count).map(|number| (number.to_string(), "")).collect::<Tags>();
        assert!(CreateBucket::new().tags(tags(50)).request().is_ok());
        assert_eq!(CreateBucket::new().tags(tags(51)).request().unwrap_err().field(), Some("tags"));
    }

    #[test]
    fn output_keeps_the_request_id() {
        let response = Response::builder().header("x-cos-request-id", "NjQ").body(Bytes::new()).unwrap();
        assert_eq!(CreateBucket::new().output(&Sent::default(), response).unwrap().request_id(), "NjQ");
    }
}
