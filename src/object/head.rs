use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, Response, header};

use crate::answer::{CRC64, VERSION_ID, content_length, header_number, header_text};
use crate::error::Result;
use crate::key::ObjectKey;
use crate::object::Restored;
use crate::operation::{Operation, Permissions, Safety, Sent};
use crate::options::{Attributes, Conditions, CustomerKey, META_PREFIX, StorageClass, decode_meta_text};
use crate::request::{Describe as _, Request};
use crate::time::parse_http_date;

/// Reads the metadata of an object, without its bytes.
///
/// Changes nothing and may be repeated freely. An error has a status and a request id but no code, because an answer
/// to HEAD has no body.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with status 404 when there is no such object or version
/// ([`Error::is_not_found`](crate::Error::is_not_found)), 403, or 304 and 412 when a condition does not hold.
///
/// # Examples
/// ```no_run
/// use tencent_cos::HeadObject;
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// let meta = bucket.send(HeadObject::new("notes/a.txt".parse()?)).await?;
/// println!("{:?} bytes, last changed {:?}", meta.content_length(), meta.last_modified());
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [HEAD Object](https://cloud.tencent.com/document/product/436/7745)
#[doc(alias = "HEAD Object")]
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct HeadObject {
    key: ObjectKey,
    version_id: Option<String>,
    conditions: Conditions,
    customer_key: Option<CustomerKey>,
}

impl HeadObject {
    /// Reads the latest version.
    pub fn new(key: ObjectKey) -> Self {
        Self { key, version_id: None, conditions: Conditions::new(), customer_key: None }
    }

    /// Reads this version.
    pub fn version_id(mut self, version_id: impl Into<String>) -> Self {
        self.version_id = Some(version_id.into());
        self
    }

    /// Conditions under which the metadata is sent.
    pub fn conditions(mut self, conditions: Conditions) -> Self {
        self.conditions = conditions;
        self
    }

    /// The key the object was encrypted with (SSE-C).
    pub fn customer_key(mut self, key: CustomerKey) -> Self {
        self.customer_key = Some(key);
        self
    }
}

impl Operation for HeadObject {
    type Output = ObjectMeta;
    type Response = Bytes;
    const NAME: &'static str = "HEAD Object";
    const METHOD: Method = Method::HEAD;
    const PERMISSIONS: Permissions = Permissions::target("name/cos:HeadObject");

    fn request(&self) -> Result<Request> {
        Request::object(&self.key)
            .version_id(self.version_id.as_deref())?
            .with(&self.conditions)?
            .with(&self.customer_key)
    }

    fn safety(&self) -> Safety {
        Safety::Read
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<ObjectMeta> {
        Ok(ObjectMeta::new(response.into_parts().0.headers))
    }
}

/// The metadata of an object: the headers of COS's answer, parsed when they are asked for. A header that is absent, or
/// not as COS documents it, is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectMeta(HeaderMap);

static STORAGE_CLASS: HeaderName = HeaderName::from_static("x-cos-storage-class");

impl ObjectMeta {
    pub(crate) fn new(headers: HeaderMap) -> Self {
        Self(headers)
    }

    /// The size in bytes; for a range, the size of the range.
    pub fn content_length(&self) -> Option<u64> {
        content_length(&self.0)
    }

    /// Of an answer with a part of the object, to tell the size of all of it.
    #[cfg(feature = "client")]
    pub(crate) fn set_content_length(&mut self, length: u64) {
        self.0.insert(header::CONTENT_LENGTH, length.into());
    }

    /// The ETag, quotes included; empty if there is none. Opaque: for an object uploaded in parts it is not an MD5.
    pub fn etag(&self) -> &str {
        header_text(&self.0, header::ETAG).unwrap_or_default()
    }

    /// The CRC-64 of the whole object, also when a range was read. Objects from before 2017 may have none.
    pub fn crc64(&self) -> Option<u64> {
        header_number(&self.0, &CRC64)
    }

    /// When it was last written, in whole seconds.
    pub fn last_modified(&self) -> Option<SystemTime> {
        header_text(&self.0, header::LAST_MODIFIED).and_then(parse_http_date)
    }

    /// The storage class.
    pub fn storage_class(&self) -> StorageClass {
        header_text(&self.0, &STORAGE_CLASS).map(StorageClass::new).unwrap_or_default()
    }

    /// The version, where the bucket keeps versions.
    pub fn version_id(&self) -> Option<&str> {
        header_text(&self.0, &VERSION_ID)
    }

    /// The state of the restored copy of an archived object; `None` when no copy was requested, or it has expired.
    pub fn restored(&self) -> Option<Restored> {
        Restored::parse(self.header("x-cos-restore")?)
    }

    /// `Content-Type`.
    pub fn content_type(&self) -> Option<&str> {
        self.header("content-type")
    }

    /// User metadata (`x-cos-meta-NAME`) as stored; `None` when it is absent or not ASCII (see
    /// [`headers`](Self::headers) for its bytes).
    pub fn meta(&self, name: &str) -> Option<&str> {
        self.header(&format!("{META_PREFIX}{name}"))
    }

    /// User metadata written by [`Attributes::meta_text`](crate::Attributes::meta_text), decoded.
    pub fn meta_text(&self, name: &str) -> Option<String> {
        decode_meta_text(self.meta(name)?)
    }

    /// All user metadata that is ASCII: names in lower case, values as stored.
    pub fn metadata(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(|(name, value)| {
            let name = name.as_str().strip_prefix(META_PREFIX)?;
            Some((name, value.to_str().ok()?))
        })
    }

    /// Attributes with the same values, to give to another object, or to this one with one of them changed. `None` when
    /// the object has something that [`Attributes`] cannot express, like metadata that is not ASCII.
    ///
    /// # Examples
    /// Changes `Cache-Control` by copying an object onto itself, unless it was replaced meanwhile:
    /// ```no_run
    /// use tencent_cos::{Conditions, CopyObject, CopySource, ObjectKey};
    ///
    /// # async fn example(bucket: tencent_cos::Bucket, key: ObjectKey) -> tencent_cos::Result<()> {
    /// let meta = bucket.head(key.clone()).await?;
    /// if let Some(attributes) = meta.to_attributes() {
    ///     let source = CopySource::new(bucket.region(), bucket.name(), &key)
    ///         .conditions(Conditions::new().if_match(meta.etag()));
    ///     bucket.send(CopyObject::new(source, key).replace_attributes(attributes.cache_control("no-cache"))).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn to_attributes(&self) -> Option<Attributes> {
        let mut attributes = Attributes::new();
        for (name, value) in &self.0 {
            let text = || value.to_str().ok();
            attributes = match name.as_str() {
                "content-type" => attributes.content_type(text()?),
                "content-encoding" => attributes.content_encoding(text()?),
                "content-disposition" => attributes.content_disposition(text()?),
                "content-language" => attributes.content_language(text()?),
                "cache-control" => attributes.cache_control(text()?),
                "expires" => attributes.expires(parse_http_date(text()?)?),
                "x-cos-storage-class" => attributes.storage_class(StorageClass::new(text()?)),
                name => match name.strip_prefix(META_PREFIX) {
                    Some(name) => attributes.meta(name, text()?),
                    None => attributes,
                },
            };
        }
        attributes.describe(Request::bucket()).is_ok().then_some(attributes)
    }

    /// A header of the answer, if it is ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        header_text(&self.0, name)
    }

    /// All headers of the answer.
    pub fn headers(&self) -> &HeaderMap {
        &self.0
    }

    /// `x-cos-request-id`.
    pub fn request_id(&self) -> &str {
        self.header("x-cos-request-id").unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::as_text;
    use http::HeaderValue;

    #[test]
    fn request_as_text() {
        let head = HeadObject::new(ObjectKey::new("k").unwrap())
            .version_id("MTg0/+")
            .conditions(Conditions::new().if_none_match("\"e\""));
        assert_eq!(as_text(&head), "HEAD /k?versionId=MTg0%2F%2B\nif-none-match: \"e\"\n[0]");
    }

    #[test]
    fn output_reads_the_documented_headers() {
        let response = Response::builder()
            .header("Content-Length", "4")
            .header("Content-Type", "text/plain")
            .header("ETag", "\"098f6bcd\"")
            .header("Last-Modified", "Thu, 16 May 2019 06:45:51 GMT")
            .header("x-cos-hash-crc64ecma", "18446744073709551615")
            .header("x-cos-meta-title", "%E5%A4%8F%20")
            .header("x-cos-request-id", "NjQ")
            .header("x-cos-storage-class", "Standard_IA")
            .body(Bytes::new())
            .unwrap();
        let meta = HeadObject::new(ObjectKey::new("k").unwrap()).output(&Sent::default(), response).unwrap();
        assert_eq!(meta.content_length(), Some(4));
        assert_eq!(meta.crc64(), Some(u64::MAX));
        assert_eq!(meta.storage_class(), StorageClass::STANDARD_IA);
        assert_eq!(meta.content_type(), Some("text/plain"));
        assert_eq!(meta.meta_text("title").as_deref(), Some("夏 "));
        assert_eq!(meta.metadata().collect::<Vec<_>>(), [("title", "%E5%A4%8F%20")]);
        assert_eq!(meta.last_modified().map(crate::time::unix_seconds), Some(1_557_989_151));
        assert_eq!((meta.etag(), meta.request_id()), ("\"098f6bcd\"", "NjQ"));
    }

    #[test]
    fn what_is_kept_of_an_object_is_said_of_another() {
        let meta = |headers: &[(&'static str, &str)]| {
            let headers = headers.iter().map(|(name, value)| {
                (HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap())
            });
            ObjectMeta::new(headers.collect())
        };
        let kept = [
            ("content-type", "text/plain"),
            ("content-encoding", "br"),
            ("content-disposition", "inline"),
            ("content-language", "tlh"),
            ("cache-control", "no-store"),
            ("expires", "Tue, 14 Nov 2023 22:13:20 GMT"),
            ("x-cos-storage-class", "ARCHIVE"),
            ("x-cos-meta-origin", "a  b"),
        ];
        let others = [("content-length", "4"), ("etag", "\"e\""), ("x-cos-version-id", "v"), ("x-cos-restore", "r")];
        let attributes = meta(&[&kept[..], &others].concat()).to_attributes().unwrap();
        let request = attributes.describe(Request::bucket()).unwrap();
        assert_eq!(ObjectMeta::new(request.headers().clone()), meta(&kept));
        for unsayable in [("x-cos-meta-title", "夏"), ("x-cos-meta-a_b", "c"), ("expires", "0")] {
            assert_eq!(meta(&[unsayable]).to_attributes(), None, "{unsayable:?}");
        }
    }
}
