use bytes::Bytes;
use http::{Method, Response};

use crate::answer::{header_text, request_id};
use crate::error::{Result, ServiceError};
use crate::key::ObjectKey;
use crate::operation::{Operation, Permissions, Safety, Sent};
use crate::request::Request;

/// Removes an object, or one version of it.
///
/// Deleting a key that does not exist succeeds. Where the bucket keeps versions, a delete without a version id hides
/// the object behind a delete marker, and each repeat would add another. Such a delete is therefore not repeated when
/// its result is unknown, unless [`unversioned`](Self::unversioned) is set. When the result of an attempt is unknown
/// and the object is gone afterwards, the delete succeeded.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket`, `AccessDenied`, or `ObjectLocked`.
/// [`ErrorKind::Ambiguous`](crate::ErrorKind::Ambiguous) when nothing tells whether it took effect.
///
/// # Examples
/// ```no_run
/// use tencent_cos::DeleteObject;
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// let delete = DeleteObject::new("notes/a.txt".parse()?).version_id("MTg0NDUxNTc1NjIz");
/// bucket.send(delete).await?;
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [DELETE Object](https://cloud.tencent.com/document/product/436/7743)
#[doc(alias = "DELETE Object")]
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct DeleteObject {
    key: ObjectKey,
    version_id: Option<String>,
    unversioned: bool,
}

impl DeleteObject {
    /// Removes the object.
    pub fn new(key: ObjectKey) -> Self {
        Self { key, version_id: None, unversioned: false }
    }

    /// Removes this version for good.
    pub fn version_id(mut self, version_id: impl Into<String>) -> Self {
        self.version_id = Some(version_id.into());
        self
    }

    /// Says that the bucket keeps no versions, so that the request may be repeated freely.
    pub fn unversioned(mut self) -> Self {
        self.unversioned = true;
        self
    }
}

impl Operation for DeleteObject {
    type Output = DeleteObjectOutput;
    type Response = Bytes;
    const NAME: &'static str = "DELETE Object";
    const METHOD: Method = Method::DELETE;
    const PERMISSIONS: Permissions = Permissions::target("name/cos:DeleteObject");

    fn request(&self) -> Result<Request> {
        Request::object(&self.key).version_id(self.version_id.as_deref())
    }

    fn safety(&self) -> Safety {
        if self.version_id.is_some() || self.unversioned { Safety::SameEffect } else { Safety::CreatesState }
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<DeleteObjectOutput> {
        let headers = response.headers();
        Ok(DeleteObjectOutput {
            version_id: header_text(headers, "x-cos-version-id").map(str::to_owned),
            delete_marker: header_text(headers, "x-cos-delete-marker")
                .is_some_and(|it| it.eq_ignore_ascii_case("true")),
            request_id: request_id(headers),
        })
    }

    fn settled_by(&self, refusal: &ServiceError) -> Option<DeleteObjectOutput> {
        let gone = matches!(refusal.code.as_str(), "NoSuchVersion" | "NoSuchKey");
        gone.then(|| DeleteObjectOutput {
            version_id: self.version_id.clone(),
            delete_marker: false,
            request_id: refusal.request_id.clone(),
        })
    }
}

/// What [`DeleteObject`] gives.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeleteObjectOutput {
    /// The version that was removed, or the delete marker that was added.
    pub version_id: Option<String>,
    /// Whether a delete marker was added or removed.
    pub delete_marker: bool,
    request_id: String,
}

impl DeleteObjectOutput {
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
        let delete = DeleteObject::new(ObjectKey::new("a/b").unwrap());
        assert_eq!(as_text(&delete), "DELETE /a/b\n[0]");
        assert_eq!(delete.safety(), Safety::CreatesState);
        assert_eq!(delete.clone().unversioned().safety(), Safety::SameEffect);
        let delete = delete.version_id("null");
        assert_eq!(as_text(&delete), "DELETE /a/b?versionId=null\n[0]");
        assert_eq!(delete.safety(), Safety::SameEffect);
    }

    #[test]
    fn output_tells_of_a_delete_marker() {
        let response = Response::builder()
            .status(204)
            .header("x-cos-delete-marker", "true")
            .header("x-cos-version-id", "MTg0")
            .body(Bytes::new())
            .unwrap();
        let output = DeleteObject::new(ObjectKey::new("k").unwrap()).output(&Sent::default(), response).unwrap();
        assert_eq!((output.delete_marker, output.version_id.as_deref()), (true, Some("MTg0")));
    }
}
