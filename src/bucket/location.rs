use bytes::Bytes;
use http::{Method, Response};

use crate::answer::{bare_answer, request_id};
use crate::error::{Error, ErrorKind, Result};
use crate::operation::{Operation, Permissions, Safety, Sent};
use crate::region::Region;
use crate::request::Request;
use crate::xml;

/// Asks where the bucket is. Only its owner may; [`HeadBucket`](crate::HeadBucket) tells it everybody who may list.
///
/// Changes nothing and may be repeated freely.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket`, which a bucket of another region than
/// the client's has too, or `AccessDenied`.
///
/// # Examples
/// ```no_run
/// use tencent_cos::GetBucketLocation;
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// println!("it is in {}", bucket.send(GetBucketLocation::new()).await?);
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [GET Bucket location](https://cloud.tencent.com/document/product/436/8275)
#[doc(alias = "GET Bucket location")]
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct GetBucketLocation {
    _private: (),
}

impl GetBucketLocation {
    /// Asks for it.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Operation for GetBucketLocation {
    type Output = Region;
    type Response = Bytes;
    const NAME: &'static str = "GET Bucket location";
    const METHOD: Method = Method::GET;
    const PERMISSIONS: Permissions = Permissions::bucket("name/cos:GetBucketLocation");

    fn request(&self) -> Result<Request> {
        Ok(Request::bucket().query("location", ""))
    }

    fn safety(&self) -> Safety {
        Safety::Read
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<Region> {
        let (head, body) = response.into_parts();
        let root = xml::read_whole("LocationConstraint", head.status.as_u16(), &request_id(&head.headers), &body)?;
        let text = root.text().unwrap_or_default().trim();
        // One sample of the reference has the host's beginning with it.
        let region = text.strip_prefix("cos.").unwrap_or(text);
        Region::new(region)
            .map_err(|_| Error::new(ErrorKind::Response, "the location is no region").with_service(bare_answer(&head)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::as_text;

    fn read(xml: &'static str) -> Result<Region> {
        let answer = Response::builder().header("x-cos-request-id", "NjQ").body(Bytes::from(xml)).unwrap();
        GetBucketLocation::new().output(&Sent::default(), answer)
    }

    #[test]
    fn request_as_text() {
        assert_eq!(as_text(&GetBucketLocation::new()), "GET /?location\n[0]");
    }

    #[test]
    fn output_reads_a_golden_document() {
        assert_eq!(read(include_str!("../../tests/golden/xml/location.xml")).unwrap().as_str(), "ap-beijing");
        let prefixed = "<LocationConstraint xmlns='x'> cos.ap-beijing\n</LocationConstraint>";
        assert_eq!(read(prefixed).unwrap().as_str(), "ap-beijing");
        for odd in ["<LocationConstraint/>", "<LocationConstraint>AP</LocationConstraint>", "<Other/>", ""] {
            let error = read(odd).unwrap_err();
            assert_eq!((error.kind(), error.request_id()), (ErrorKind::Response, Some("NjQ")), "{odd}");
        }
    }
}
