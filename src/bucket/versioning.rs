use bytes::Bytes;
use http::{Method, Response};
use serde::Deserialize;

use crate::answer::{Done, request_id};
use crate::error::Result;
use crate::name::display_foreign_name;
use crate::operation::{Operation, Permissions, Safety, Sent};
use crate::request::Request;
use crate::xml::{self, Element};

/// Whether a bucket keeps older versions of its objects.
///
/// COS reference: [Versioning](https://cloud.tencent.com/document/product/436/19883)
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Versioning {
    /// Every write makes a version, a delete a delete marker.
    Enabled,
    /// Versions that are there stay; new writes have the version `null`.
    Suspended,
    /// What COS says, and this crate does not know.
    Other(String),
}

impl Versioning {
    /// As COS writes it: `Enabled`, `Suspended`.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Enabled => "Enabled",
            Self::Suspended => "Suspended",
            Self::Other(status) => status,
        }
    }

    /// An empty one says nothing.
    fn read(status: String) -> Option<Self> {
        match status.trim() {
            "" => None,
            "Enabled" => Some(Self::Enabled),
            "Suspended" => Some(Self::Suspended),
            _ => Some(Self::Other(status)),
        }
    }
}

display_foreign_name!(Versioning);

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
#[derive(Clone, Debug)]
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

const ROOT: &str = "VersioningConfiguration";

#[derive(Deserialize)]
struct VersioningConfiguration {
    #[serde(rename = "Status", default)]
    status: String,
}

impl Operation for PutBucketVersioning {
    type Output = Done;
    type Response = Bytes;
    const NAME: &'static str = "PUT Bucket versioning";
    const METHOD: Method = Method::PUT;
    const PERMISSIONS: Permissions = Permissions::bucket("name/cos:PutBucketVersioning");

    fn request(&self) -> Result<Request> {
        let root = Element::new(ROOT).leaf("Status", self.0.as_str());
        Request::bucket().query("versioning", "").element("versioning", &root)
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
        let document: VersioningConfiguration = xml::read(ROOT, head.status.as_u16(), &request_id, &body)?;
        Ok(Versioning::read(document.status))
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
        let odd = "<VersioningConfiguration><Status>Frozen</Status></VersioningConfiguration>";
        let odd = read(odd).unwrap().unwrap();
        assert_eq!(odd, Versioning::Other("Frozen".to_owned()));
        let xml = PutBucketVersioning::new(odd).request().unwrap().body_ref().as_bytes().unwrap();
        assert_eq!(xml, "<VersioningConfiguration><Status>Frozen</Status></VersioningConfiguration>");
        assert!(read("<Other/>").is_err());
    }
}
