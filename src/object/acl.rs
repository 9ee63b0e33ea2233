use bytes::Bytes;
use http::{Method, Response};

use crate::answer::Done;
use crate::error::Result;
use crate::key::ObjectKey;
use crate::operation::{Operation, Permissions, Safety, Sent};
use crate::options::{AccessControl, Acl};
use crate::request::Request;

/// Says who may do what with an object that is there. All that was said before is replaced;
/// [`Acl::inherited`] makes it as its directories and its bucket again.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchKey`, `NoSuchVersion` or `AccessDenied`.
/// [`ErrorKind::Input`](crate::ErrorKind::Input) when the ACL says nothing, or is one for buckets and
/// directories only.
///
/// # Examples
/// ```no_run
/// use tencent_cos::{Acl, PutObjectAcl};
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// bucket.send(PutObjectAcl::new("logo.png".parse()?, Acl::public_read())).await?;
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [PUT Object acl](https://cloud.tencent.com/document/product/436/7748)
#[doc(alias = "PUT Object acl")]
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct PutObjectAcl {
    key: ObjectKey,
    acl: Acl,
    version_id: Option<String>,
}

impl PutObjectAcl {
    /// Sets `acl` on the latest version.
    pub fn new(key: ObjectKey, acl: Acl) -> Self {
        Self { key, acl, version_id: None }
    }

    /// Sets it on this version.
    pub fn version_id(mut self, version_id: impl Into<String>) -> Self {
        self.version_id = Some(version_id.into());
        self
    }
}

/// Reads who may do what with an object.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchKey`, `NoSuchVersion` or `AccessDenied`.
///
/// # Examples
/// ```no_run
/// use tencent_cos::{GetBucketAcl, GetObjectAcl};
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// let mut access = bucket.send(GetObjectAcl::new("logo.png".parse()?)).await?;
/// if access.is_inherited() {
///     access = bucket.send(GetBucketAcl::new()).await?;
/// }
/// println!("everybody may read it: {}", access.is_public_read());
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [GET Object acl](https://cloud.tencent.com/document/product/436/7744)
#[doc(alias = "GET Object acl")]
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct GetObjectAcl {
    key: ObjectKey,
    version_id: Option<String>,
}

impl GetObjectAcl {
    /// Reads that of the latest version.
    pub fn new(key: ObjectKey) -> Self {
        Self { key, version_id: None }
    }

    /// Reads that of this version.
    pub fn version_id(mut self, version_id: impl Into<String>) -> Self {
        self.version_id = Some(version_id.into());
        self
    }
}

impl Operation for PutObjectAcl {
    type Output = Done;
    type Response = Bytes;
    const NAME: &'static str = "PUT Object acl";
    const METHOD: Method = Method::PUT;
    const PERMISSIONS: Permissions = Permissions::target("name/cos:PutObjectACL");

    fn request(&self) -> Result<Request> {
        Request::object(&self.key).query("acl", "").version_id(self.version_id.as_deref())?.with(&self.acl)
    }

    fn safety(&self) -> Safety {
        Safety::SameEffect
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<Done> {
        Ok(Done::told(response.headers()))
    }
}

impl Operation for GetObjectAcl {
    type Output = AccessControl;
    type Response = Bytes;
    const NAME: &'static str = "GET Object acl";
    const METHOD: Method = Method::GET;
    const PERMISSIONS: Permissions = Permissions::target("name/cos:GetObjectACL");

    fn request(&self) -> Result<Request> {
        Request::object(&self.key).query("acl", "").version_id(self.version_id.as_deref())
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

    fn key() -> ObjectKey {
        "a b".parse().unwrap()
    }

    #[test]
    fn request_as_text() {
        let put = PutObjectAcl::new(key(), Acl::inherited());
        assert_eq!(as_text(&put), "PUT /a%20b?acl\nx-cos-acl: default\n[0]");
        let put = PutObjectAcl::new(key(), Acl::new().grant_read_acp("1/2")).version_id("v");
        assert_eq!(as_text(&put), "PUT /a%20b?acl&versionId=v\nx-cos-grant-read-acp: id=\"1/2\"\n[0]");
        assert_eq!(as_text(&GetObjectAcl::new(key()).version_id("v")), "GET /a%20b?acl&versionId=v\n[0]");
        assert_eq!(GetObjectAcl::new(key()).version_id("").request().unwrap_err().field(), Some("version_id"));
    }

    #[test]
    fn output_reads_a_golden_answer() {
        let xml = include_str!("../../tests/golden/xml/acl.xml");
        let access = GetObjectAcl::new(key()).output(&Sent::default(), Response::new(Bytes::from(xml))).unwrap();
        assert!(access.is_public_read());
        let response = Response::builder().header("x-cos-request-id", "NjQ").body(Bytes::new()).unwrap();
        let put = PutObjectAcl::new(key(), Acl::private());
        assert_eq!(put.output(&Sent::default(), response).unwrap().request_id(), "NjQ");
    }
}
