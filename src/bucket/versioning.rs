use bytes::Bytes;
use http::{Method, Response};
use serde::{Deserialize, Serialize};

use crate::answer::{Done, request_id};
use crate::error::Result;
use crate::operation::{Operation, Permissions, Safety, Sent};
use crate::request::Request;
use crate::xml;

/// Whether a bucket keeps older versions of its objects.
///
/// COS reference: [Versioning](https://cloud.tencent.com/document/product/436/19883)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Versioning {
    /// Every write makes a version, a delete a delete marker.
    Enabled,
    /// Versions that are there stay; new writes have the version `null`.
    Suspended,
}

/// Turns versioning on, or suspends it. Once on, it can never be turned off again.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `InvalidBucketState` (409) when replication needs it.
///
/// # Examples
/// ```no_run
/// use tencent_cos::{PutBucketVersioning, Versioning};
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// bucket.send(PutBucketVersioning::new(Versioning::Enabled)).await?;
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [PUT Bucket versioning](https://cloud.tencent.com/document/product/436/19889)
#[doc(alias = "PUT Bucket versioning")]
#[derive(Clone, Copy, Debug)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct PutBucketVersioning(Versioning);

impl PutBucketVersioning {
    /// Sets this.
    pub fn new(versioning: Versioning) -> Self {
        Self(versioning)
    }
}

/// Reads whether the bucket keeps versions; `None` when it never did.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket` or `AccessDenied`.
///
/// # Examples
/// ```no_run
/// use tencent_cos::GetBucketVersioning;
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// println!("{:?}", bucket.send(GetBucketVersioning::new()).await?);
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [GET Bucket versioning](https://cloud.tencent.com/document/product/436/19888)
#[doc(alias = "GET Bucket versioning")]
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct GetBucketVersioning {
    _private: (),
}

impl GetBucketVersioning {
    /// Reads it.
    pub fn new() -> Self {
        Self::default()
    }
}

#[derive(Serialize, Deserialize)]
struct VersioningConfiguration {
    #[serde(rename = "Status", default, skip_serializing_if = "Option::is_none")]
    status: Option<Versioning>,
}

impl Operation for PutBucketVersioning {
    type Output = Done;
    type Response = Bytes;
    const NAME: &'static str = "PUT Bucket versioning";
    const METHOD: Method = Method::PUT;
    const PERMISSIONS: Permissions = Permissions::bucket("name/cos:PutBucketVersioning");

    fn request(&self) -> Result<Request> {
        let body = VersioningConfiguration { status: Some(self.0) };
        Request::bucket().query("versioning", "").xml("VersioningConfiguration", &body)
    }

    fn safety(&self) -> Safety {
        Safety::SameEffect
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<Done> {
        Ok(Done::told(response.headers()))
    }
}

impl Operation for GetBucketVersioning {
    type Output = Option<Versioning>;
    type Response = Bytes;
    const NAME: &'static str = "GET Bucket versioning";
    const METHOD: Method = Method::GET;
    const PERMISSIONS: Permissions = Permissions::bucket("name/cos:GetBucketVersioning");

    fn request(&self) -> Result<Request> {
        Ok(Request::bucket().query("versioning", ""))
    }

    fn safety(&self) -> Safety {
        Safety::Read
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<Option<Versioning>> {
        let (head, body) = response.into_parts();
        let request_id = request_id(&head.headers);
        let document: VersioningConfiguration =
            xml::read("VersioningConfiguration", head.status.as_u16(), &request_id, &body)?;
        Ok(document.status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::as_text;

    #[test]
    fn request_as_text() {
        let put = PutBucketVersioning::new(Versioning::Enabled);
        assert_eq!(
            as_text(&put),
            "PUT /?versioning\ncontent-md5: 8qj8HSeDu3APPMQZVG06WQ==\ncontent-type: application/xml\n[75]"
        );
        let xml = put.request().unwrap().body_ref().as_bytes().unwrap();
        assert_eq!(xml, "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>");
        assert_eq!(as_text(&GetBucketVersioning::new()), "GET /?versioning\n[0]");
    }

    #[test]
    fn output_tells_a_bucket_that_never_kept_versions() {
        let read = |xml: &'static str| GetBucketVersioning::new().output(&Sent::default(), Response::new(xml.into()));
        assert_eq!(read("<VersioningConfiguration/>").unwrap(), None);
        let suspended = "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>";
        assert_eq!(read(suspended).unwrap(), Some(Versioning::Suspended));
        assert!(read("<Other/>").is_err());
    }
}
