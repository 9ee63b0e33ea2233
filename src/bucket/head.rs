use bytes::Bytes;
use http::{Method, Response};

use crate::answer::{header_text, request_id};
use crate::error::Result;
use crate::operation::{Operation, Permissions, Safety, Sent};
use crate::request::Request;

/// Asks whether the bucket exists and may be used, and where it is.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with status 404 or 403, and no code, because an answer to HEAD has
/// no body.
///
/// # Examples
/// ```no_run
/// use tencent_cos::HeadBucket;
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// match bucket.send(HeadBucket::new()).await {
///     Ok(meta) => println!("it is in {:?}", meta.region),
///     Err(error) if error.is_not_found() => println!("no such bucket"),
///     Err(error) => return Err(error),
/// }
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [HEAD Bucket](https://cloud.tencent.com/document/product/436/7735)
#[doc(alias = "HEAD Bucket")]
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct HeadBucket {
    _private: (),
}

impl HeadBucket {
    /// Asks for the bucket.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Operation for HeadBucket {
    type Output = BucketMeta;
    type Response = Bytes;
    const NAME: &'static str = "HEAD Bucket";
    const METHOD: Method = Method::HEAD;
    const PERMISSIONS: Permissions = Permissions::bucket("name/cos:HeadBucket");

    fn request(&self) -> Result<Request> {
        Ok(Request::bucket())
    }

    fn safety(&self) -> Safety {
        Safety::Read
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<BucketMeta> {
        let headers = response.headers();
        Ok(BucketMeta {
            region: header_text(headers, "x-cos-bucket-region").map(str::to_owned),
            multi_az: header_text(headers, "x-cos-bucket-az-type") == Some("MAZ"),
            ofs: header_text(headers, "x-cos-bucket-arch") == Some("OFS"),
            request_id: request_id(headers),
        })
    }
}

/// What [`HeadBucket`] gives.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BucketMeta {
    /// The region of the bucket.
    pub region: Option<String>,
    /// Whether it keeps its objects in several availability zones.
    pub multi_az: bool,
    /// Whether it has [metadata acceleration](crate::CreateBucket::ofs).
    pub ofs: bool,
    request_id: String,
}

impl BucketMeta {
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
        assert_eq!(as_text(&HeadBucket::new()), "HEAD /\n[0]");
    }

    #[test]
    fn output_tells_the_region() {
        let response = Response::builder()
            .header("x-cos-bucket-region", "ap-guangzhou")
            .header("x-cos-bucket-az-type", "MAZ")
            .header("x-cos-bucket-arch", "OFS")
            .body(Bytes::new())
            .unwrap();
        let meta = HeadBucket::new().output(&Sent::default(), response).unwrap();
        assert_eq!((meta.region.as_deref(), meta.multi_az, meta.ofs), (Some("ap-guangzhou"), true, true));
        let plain = HeadBucket::new().output(&Sent::default(), Response::new(Bytes::new())).unwrap();
        assert!(!plain.multi_az && !plain.ofs);
    }
}
