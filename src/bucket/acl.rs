use bytes::Bytes;
use http::{Method, Response};

use crate::answer::Done;
use crate::error::Result;
use crate::operation::{Operation, Permissions, Safety, Sent};
use crate::options::{AccessControl, Acl};
use crate::request::Request;

/// Says who may do what with the bucket, and with its objects that have no ACL of their own, nor in a directory
/// ([`Acl::inherited`]). All that was said before is replaced.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket` or `AccessDenied`.
/// [`ErrorKind::Input`](crate::ErrorKind::Input) when the ACL says nothing, or is one for objects only.
///
/// # Examples
/// ```no_run
/// use tencent_cos::{Acl, PutBucketAcl};
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// bucket.send(PutBucketAcl::new(Acl::private().grant_read("100000000002"))).await?;
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [PUT Bucket acl](https://cloud.tencent.com/document/product/436/7737)
#[doc(alias = "PUT Bucket acl")]
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct PutBucketAcl(Acl);

impl PutBucketAcl {
    /// Sets this.
    pub fn new(acl: Acl) -> Self {
        Self(acl)
    }
}

/// Reads who may do what with the bucket.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket` or `AccessDenied`.
///
/// # Examples
/// ```no_run
/// use tencent_cos::GetBucketAcl;
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// let access = bucket.send(GetBucketAcl::new()).await?;
/// assert!(!access.is_public_read());
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [GET Bucket acl](https://cloud.tencent.com/document/product/436/7733)
#[doc(alias = "GET Bucket acl")]
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct GetBucketAcl {
    _private: (),
}

impl GetBucketAcl {
    /// Reads it.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Operation for PutBucketAcl {
    type Output = Done;
    type Response = Bytes;
    const NAME: &'static str = "PUT Bucket acl";
    const METHOD: Method = Method::PUT;
    const PERMISSIONS: Permissions = Permissions::bucket("name/cos:PutBucketACL");

    fn request(&self) -> Result<Request> {
        Request::bucket().query("acl", "").with(&self.0)
    }

    fn safety(&self) -> Safety {
        Safety::SameEffect
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<Done> {
        Ok(Done::told(response.headers()))
    }
}

impl Operation for GetBucketAcl {
    type Output = AccessControl;
    type Response = Bytes;
    const NAME: &'static str = "GET Bucket acl";
    const METHOD: Method = Method::GET;
    const PERMISSIONS: Permissions = Permissions::bucket("name/cos:GetBucketACL");

    fn request(&self) -> Result<Request> {
        Ok(Request::bucket().query("acl", ""))
    }

    fn safety(&self) -> Safety {
        Safety::Read
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<AccessControl> {
        AccessControl::read(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::as_text;

    #[test]
    fn request_as_text() {
        let put = PutBucketAcl::new(Acl::public_read().grant_write("1"));
        assert_eq!(as_text(&put), "PUT /?acl\nx-cos-acl: public-read\nx-cos-grant-write: id=\"1\"\n[0]");
        assert_eq!(as_text(&GetBucketAcl::new()), "GET /?acl\n[0]");
    }

    #[test]
    fn output_reads_a_golden_answer() {
        let xml = include_str!("../../tests/golden/xml/acl.xml");
        let access = GetBucketAcl::new().output(&Sent::default(), Response::new(Bytes::from(xml))).unwrap();
        assert!(access.is_public_read());
        let response = Response::builder().header("x-cos-request-id", "NjQ").body(Bytes::new()).unwrap();
        let put = PutBucketAcl::new(Acl::private());
        assert_eq!(put.output(&Sent::default(), response).unwrap().request_id(), "NjQ");
    }
}
