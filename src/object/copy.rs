use std::time::SystemTime;

use bytes::Bytes;
use http::{Method, Response};
use serde::Deserialize;

use crate::answer::{etag_of_stored, header_text, request_id};
use crate::error::Result;
use crate::key::ObjectKey;
use crate::operation::{Operation, Permissions, Safety, Sent};
use crate::options::{Acl, Attributes, CopySource, Encryption, StorageClass, Tags};
use crate::request::Request;
use crate::time::parse_iso8601;
use crate::xml;

/// Copies an object inside COS, within a bucket or across buckets and regions.
///
/// The object may have up to 5 GiB; larger ones are copied in parts. Content headers, user metadata and tags are copied
/// unless [`replace_attributes`](Self::replace_attributes) or [`replace_tags`](Self::replace_tags) is set; storage
/// class, ACL and encryption are not. COS may answer 200 and report a failure in the body: that is an error like any
/// other. To copy an object onto itself, replace its attributes. When nothing tells whether the copy was made, the
/// request is not repeated.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchKey`, `NoSuchCopySource`, `InvalidCopySource`,
/// `AccessDenied`, `InvalidObjectState` (an archived source), or status 412 when a condition of the source does not
/// hold. [`ErrorKind::Ambiguous`](crate::ErrorKind::Ambiguous) when it is unknown whether the copy was made.
///
/// # Examples
/// ```
/// use tencent_cos::{CopyObject, CopySource, StorageClass};
///
/// let (bucket, region) = ("examplebucket-1250000000".parse()?, "ap-guangzhou".parse()?);
/// let source = CopySource::new(&region, &bucket, &"a.txt".parse()?);
/// let copy = CopyObject::new(source, "archive/a.txt".parse()?)
///     .storage_class(StorageClass::ARCHIVE);
/// # let _ = copy;
/// # Ok::<(), tencent_cos::Error>(())
/// ```
///
/// COS reference: [PUT Object - Copy](https://cloud.tencent.com/document/product/436/10881)
#[doc(alias = "PUT Object - Copy")]
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct CopyObject {
    source: CopySource,
    key: ObjectKey,
    attributes: Option<Attributes>,
    storage_class: Option<StorageClass>,
    acl: Option<Acl>,
    tags: Option<Tags>,
    encryption: Option<Encryption>,
    forbid_overwrite: bool,
}

impl CopyObject {
    /// Copies `source` to `key`.
    pub fn new(source: CopySource, key: ObjectKey) -> Self {
        Self {
            source,
            key,
            attributes: None,
            storage_class: None,
            acl: None,
            tags: None,
            encryption: None,
            forbid_overwrite: false,
        }
    }

    /// Gives the copy these attributes in place of the source's;
    /// [`ObjectMeta::to_attributes`](crate::ObjectMeta::to_attributes) has those.
    pub fn replace_attributes(mut self, attributes: Attributes) -> Self {
        self.attributes = Some(attributes);
        self
    }

    /// `x-cos-storage-class` of the copy; `STANDARD` by default.
    pub fn storage_class(mut self, class: StorageClass) -> Self {
        self.storage_class = Some(class);
        self
    }

    /// Who may do what with the copy; by default [`Acl::inherited`].
    pub fn acl(mut self, acl: Acl) -> Self {
        self.acl = Some(acl);
        self
    }

    /// Gives the copy these tags, or none, in place of the source's.
    pub fn replace_tags(mut self, tags: Tags) -> Self {
        self.tags = Some(tags);
        self
    }

    /// Encryption of the copy at rest.
    pub fn encryption(mut self, encryption: Encryption) -> Self {
        self.encryption = Some(encryption);
        self
    }

    /// Fails with `FileAlreadyExists` (409) when an object with this key exists. COS ignores this in buckets that ever
    /// had versioning.
    pub fn forbid_overwrite(mut self) -> Self {
        self.forbid_overwrite = true;
        self
    }
}

impl Operation for CopyObject {
    type Output = CopyObjectOutput;
    type Response = Bytes;
    const NAME: &'static str = "PUT Object - Copy";
    const METHOD: Method = Method::PUT;
    const PERMISSIONS: Permissions = Permissions::target("name/cos:PutObject").and_source("name/cos:GetObject");
    const WORKS_LONG: bool = true;

    fn request(&self) -> Result<Request> {
        Request::object(&self.key)
            .with(&self.source)?
            .header_opt("x-cos-metadata-directive", self.attributes.as_ref().map(|_| "Replaced"))?
            .with(&self.attributes)?
            .header_opt("x-cos-tagging-directive", self.tags.as_ref().map(|_| "Replaced"))?
            .with(&self.tags)?
            .header_opt("x-cos-storage-class", self.storage_class.as_ref().map(StorageClass::as_str))?
            .with(&self.acl)?
            .with(&self.encryption)?
            .header_opt("x-cos-forbid-overwrite", self.forbid_overwrite.then_some("true"))
    }

    fn safety(&self) -> Safety {
        Safety::Commit
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<CopyObjectOutput> {
        let (head, body) = response.into_parts();
        let request_id = request_id(&head.headers);
        let result: Document = xml::read_late("CopyObjectResult", head.status.as_u16(), &request_id, &body)?;
        let header = |name| header_text(&head.headers, name).map(str::to_owned);
        Ok(CopyObjectOutput {
            etag: etag_of_stored(result.etag, &head)?,
            crc64: result.crc64.trim().parse().ok(),
            last_modified: parse_iso8601(&result.last_modified),
            version_id: header("x-cos-version-id").or(Some(result.version_id).filter(|id| !id.is_empty())),
            source_version_id: header("x-cos-copy-source-version-id"),
            request_id,
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    #[serde(rename = "ETag", default)]
    etag: String,
    #[serde(rename = "CRC64", default)]
    crc64: String,
    #[serde(default)]
    last_modified: String,
    #[serde(default)]
    version_id: String,
}

/// What [`CopyObject`] gives.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CopyObjectOutput {
    /// The ETag of the copy, quotes included.
    pub etag: String,
    /// The CRC-64 of the copy; `None` when the source has none.
    pub crc64: Option<u64>,
    /// When the copy was made.
    pub last_modified: Option<SystemTime>,
    /// The version of the copy, where its bucket keeps versions.
    pub version_id: Option<String>,
    /// The version that was copied, where the source named one: otherwise COS does not tell it.
    pub source_version_id: Option<String>,
    request_id: String,
}

impl CopyObjectOutput {
    /// `x-cos-request-id`.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::operation::as_text;

    fn copy() -> CopyObject {
        let source = CopySource::new(&"ap-y".parse().unwrap(), &"s-1".parse().unwrap(), &"a b".parse().unwrap());
        CopyObject::new(source, "k".parse().unwrap())
    }

    #[test]
    fn request_as_text() {
        let replaced = copy()
            .replace_attributes(Attributes::new().content_type("text/plain"))
            .replace_tags(Tags::new().tag("k", "v"))
            .storage_class(StorageClass::ARCHIVE)
            .forbid_overwrite();
        assert_eq!(
            as_text(&replaced),
            "PUT /k\n\
             content-type: text/plain\n\
             x-cos-copy-source: s-1.cos.ap-y.myqcloud.com/a%20b\n\
             x-cos-forbid-overwrite: true\n\
             x-cos-metadata-directive: Replaced\n\
             x-cos-storage-class: ARCHIVE\n\
             x-cos-tagging: k=v\n\
             x-cos-tagging-directive: Replaced\n\
             [0]"
        );
        assert_eq!(as_text(&copy()), "PUT /k\nx-cos-copy-source: s-1.cos.ap-y.myqcloud.com/a%20b\n[0]");
        assert_eq!(CopyObject::PERMISSIONS.iter().count(), 2);
    }

    #[test]
    fn output_reads_a_golden_answer() {
        let read = |xml: &'static str| {
            let response = Response::builder().header("x-cos-request-id", "NjQ").body(Bytes::from(xml)).unwrap();
            copy().output(&Sent::default(), response)
        };
        let output = read(include_str!("../../tests/golden/xml/copy_object.xml")).unwrap();
        assert_eq!(output.etag, "\"ee8de918d05640145b18f70f4c3aa602\"");
        assert_eq!(output.crc64, Some(16_749_565_679_157_681_890));
        assert_eq!(output.last_modified.map(crate::time::unix_seconds), Some(1_586_542_830));
        assert_eq!(read("<CopyObjectResult/>").unwrap_err().kind(), ErrorKind::Ambiguous);
        let error = read("<Error><Code>InternalError</Code></Error>").unwrap_err();
        assert_eq!((error.code(), error.status(), error.is_retryable()), (Some("InternalError"), Some(200), true));
    }
}
