use bytes::Bytes;
use http::{HeaderMap, Method, Response, header};

use crate::answer::{CRC64, VERSION_ID, content_length, header_number, header_text, request_id, stored_etag};
use crate::body::Body;
use crate::error::{Error, Result, ServiceError};
use crate::key::ObjectKey;
use crate::operation::{Operation, Permissions, Safety, Sent, check_crc64};
use crate::options::{Acl, Attributes, Callback, CustomerKey, Encryption, Tags, TrafficLimit};
use crate::request::Request;

/// Stores a whole object in one request.
///
/// The object may have up to 5 GiB; larger ones are uploaded in parts. An object with the same key is replaced, or
/// becomes an older version where the bucket keeps versions; it is replaced only after every byte has arrived. The
/// CRC-64 that COS computes is compared with that of the bytes sent. Repeating the request has the same effect, but may
/// leave one more version.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket`, `AccessDenied`, or `FileAlreadyExists`
/// after [`forbid_overwrite`](Self::forbid_overwrite). [`ErrorKind::Integrity`](crate::ErrorKind::Integrity) when COS
/// stored other bytes than were sent. [`ErrorKind::Ambiguous`](crate::ErrorKind::Ambiguous) when the answer has no
/// ETag, like that of a captive portal. [`ErrorKind::Input`](crate::ErrorKind::Input) when an option cannot be sent.
///
/// # Examples
/// ```
/// use tencent_cos::{Attributes, PutObject};
///
/// let put = PutObject::new("notes/a.txt".parse()?, "hello")
///     .attributes(Attributes::new().content_type("text/plain"))
///     .forbid_overwrite();
/// # let _ = put;
/// # Ok::<(), tencent_cos::Error>(())
/// ```
///
/// COS reference: [PUT Object](https://cloud.tencent.com/document/product/436/7749)
#[doc(alias = "PUT Object")]
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct PutObject {
    key: ObjectKey,
    body: Body,
    attributes: Attributes,
    acl: Option<Acl>,
    tags: Option<Tags>,
    encryption: Option<Encryption>,
    traffic_limit: Option<TrafficLimit>,
    content_md5: Option<String>,
    callback: Option<Callback>,
    forbid_overwrite: bool,
}

impl PutObject {
    /// The longest body, 5 GiB.
    pub const MAX_BYTES: u64 = 5 * 1024 * 1024 * 1024;

    /// Stores `body` under `key`.
    pub fn new(key: ObjectKey, body: impl Into<Body>) -> Self {
        Self {
            key,
            body: body.into(),
            attributes: Attributes::new(),
            acl: None,
            tags: None,
            encryption: None,
            traffic_limit: None,
            content_md5: None,
            callback: None,
            forbid_overwrite: false,
        }
    }

    /// Content headers, storage class, user metadata.
    pub fn attributes(mut self, attributes: Attributes) -> Self {
        self.attributes = attributes;
        self
    }

    /// Who may do what with the object; by default [`Acl::inherited`].
    pub fn acl(mut self, acl: Acl) -> Self {
        self.acl = Some(acl);
        self
    }

    /// Tags.
    pub fn tags(mut self, tags: Tags) -> Self {
        self.tags = Some(tags);
        self
    }

    /// Encryption at rest.
    pub fn encryption(mut self, encryption: Encryption) -> Self {
        self.encryption = Some(encryption);
        self
    }

    /// Limits the speed of this request.
    pub fn traffic_limit(mut self, limit: TrafficLimit) -> Self {
        self.traffic_limit = Some(limit);
        self
    }

    /// `Content-MD5`: the Base64 of the body's MD5. COS refuses a body that does not match.
    pub fn content_md5(mut self, base64: impl Into<String>) -> Self {
        self.content_md5 = Some(base64.into());
        self
    }

    /// Has COS call your server after the upload. The server's answer is in [`callback`](PutObjectOutput::callback) of
    /// the output.
    pub fn callback(mut self, callback: Callback) -> Self {
        self.callback = Some(callback);
        self
    }

    /// Fails with `FileAlreadyExists` (409) when an object with this key exists. COS ignores this in buckets that ever
    /// had versioning: if the output has a [`version_id`](PutObjectOutput::version_id), nothing was protected.
    ///
    /// When the answer to an attempt is lost and the next attempt finds the key taken, the client looks at the object:
    /// it counts as ours if it has exactly these bytes and is not older than the first attempt. If you use a key as a
    /// lock, store something unique in it, like a random number, so that the object of another process is not taken for
    /// yours.
    pub fn forbid_overwrite(mut self) -> Self {
        self.forbid_overwrite = true;
        self
    }
}

impl Operation for PutObject {
    type Output = PutObjectOutput;
    type Response = Bytes;
    const NAME: &'static str = "PUT Object";
    const METHOD: Method = Method::PUT;
    const PERMISSIONS: Permissions = Permissions::target("name/cos:PutObject");

    fn request(&self) -> Result<Request> {
        if self.body.len() > Self::MAX_BYTES {
            return Err(Error::input("body", "is longer than the 5 GiB a single request may carry"));
        }
        Ok(Request::object(&self.key)
            .with(&self.attributes)?
            .with(&self.acl)?
            .with(&self.tags)?
            .with(&self.encryption)?
            .with(&self.traffic_limit)?
            .content_md5(self.content_md5.as_deref())?
            .with(&self.callback)?
            .header_opt("x-cos-forbid-overwrite", self.forbid_overwrite.then_some("true"))?
            .body(self.body.clone()))
    }

    fn safety(&self) -> Safety {
        if self.forbid_overwrite { Safety::Guarded } else { Safety::SameEffect }
    }

    fn output(&self, sent: &Sent, response: Response<Bytes>) -> Result<PutObjectOutput> {
        let (head, body) = response.into_parts();
        let crc64 = check_crc64(sent, &head.headers)?;
        let output = PutObjectOutput::new(sent, &head.headers, stored_etag(&head)?, crc64);
        Ok(PutObjectOutput { callback: self.callback.as_ref().and_then(|_| Callback::outcome(&head, body)), ..output })
    }

    fn reconcile(&self, sent: &Sent, found: &HeaderMap) -> Option<PutObjectOutput> {
        let crc64 = header_number(found, &CRC64);
        let same = content_length(found) == Some(sent.length) && crc64 == Some(sent.crc64);
        let etag = header_text(found, header::ETAG).unwrap_or_default();
        same.then(|| PutObjectOutput::new(sent, found, etag.to_owned(), crc64))
    }

    fn customer_key(&self) -> Option<&CustomerKey> {
        self.encryption.as_ref()?.customer_key()
    }
}

/// What [`PutObject`] gives.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PutObjectOutput {
    /// The ETag, quotes included.
    pub etag: String,
    /// The CRC-64 that COS computed, equal to that of the bytes sent; `None` when COS did not send one.
    pub crc64: Option<u64>,
    /// The version, where the bucket keeps versions.
    pub version_id: Option<String>,
    /// What your server answered to the [`Callback`], or that the call failed; `None` when COS says nothing about it.
    pub callback: Option<Result<Bytes, Box<ServiceError>>>,
    /// How many attempts there were.
    pub attempts: u32,
    request_id: String,
}

impl PutObjectOutput {
    fn new(sent: &Sent, headers: &HeaderMap, etag: String, crc64: Option<u64>) -> Self {
        Self {
            etag,
            crc64,
            version_id: header_text(headers, &VERSION_ID).map(str::to_owned),
            callback: None,
            attempts: sent.attempts,
            request_id: request_id(headers),
        }
    }

    /// `x-cos-request-id`.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::as_text;
    use crate::options::{KmsKey, StorageClass};
    use crate::{Crc64, CustomerKey, ErrorKind};

    fn key() -> ObjectKey {
        ObjectKey::new("a b.txt").unwrap()
    }

    #[test]
    fn request_as_text() {
        let put = PutObject::new(key(), "hello")
            .attributes(
                Attributes::new().content_type(" text/plain ").storage_class(StorageClass::ARCHIVE).meta("N", "v"),
            )
            .acl(Acl::private())
            .tags(Tags::new().tag("k", "v"))
            .encryption(Encryption::Cos)
            .traffic_limit(TrafficLimit::bits_per_second(819_200).unwrap())
            .content_md5("XUFAKrxLKna5cZ2REBfFkg==")
            .forbid_overwrite();
        assert_eq!(
            as_text(&put),
            "PUT /a%20b.txt\n\
             content-md5: XUFAKrxLKna5cZ2REBfFkg==\n\
             content-type: text/plain\n\
             x-cos-acl: private\n\
             x-cos-forbid-overwrite: true\n\
             x-cos-meta-n: v\n\
             x-cos-server-side-encryption: AES256\n\
             x-cos-storage-class: ARCHIVE\n\
             x-cos-tagging: k=v\n\
             x-cos-traffic-limit: 819200\n\
             [5]"
        );
        assert_eq!(put.safety(), Safety::Guarded);
        assert_eq!(PutObject::new(key(), "").safety(), Safety::SameEffect);
    }

    #[test]
    fn a_key_of_kms_and_an_expiry_are_headers() {
        let expires = crate::time::from_unix_seconds(1_700_000_000).unwrap();
        let kms = KmsKey::new().kms_key_id("k-1").context("b", "2").context("a", "\u{4e2d}");
        let put =
            PutObject::new(key(), "").encryption(Encryption::Kms(kms)).attributes(Attributes::new().expires(expires));
        assert_eq!(
            as_text(&put),
            "PUT /a%20b.txt\n\
             expires: Tue, 14 Nov 2023 22:13:20 GMT\n\
             x-cos-server-side-encryption: cos/kms\n\
             x-cos-server-side-encryption-context: eyJhIjoi5LitIiwiYiI6IjIifQ==\n\
             x-cos-server-side-encryption-cos-kms-key-id: k-1\n\
             [0]"
        );
        let default = as_text(&PutObject::new(key(), "").encryption(Encryption::Kms(KmsKey::new())));
        assert!(!default.contains("key-id") && !default.contains("context"), "{default}");
    }

    #[test]
    fn a_customer_key_goes_out_with_its_digest_and_shows_nowhere() {
        let secret = *b"01234567890123456789012345678901";
        let put = PutObject::new(key(), "x").encryption(Encryption::Customer(CustomerKey::new(secret).unwrap()));
        assert_eq!(
            as_text(&put),
            "PUT /a%20b.txt\n\
             x-cos-server-side-encryption-customer-algorithm: AES256\n\
             x-cos-server-side-encryption-customer-key: MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n\
             x-cos-server-side-encryption-customer-key-md5: KYvwGXoFFJ42a2u2GDWhwQ==\n\
             [1]"
        );
        assert!(!format!("{put:?}{:?}", put.request().unwrap()).contains("MDEyMz"));
    }

    #[test]
    fn output_compares_the_checksum() {
        let sent = Sent { length: 5, crc64: Crc64::of(b"hello"), attempts: 2 };
        let answer = |crc: u64| {
            Response::builder()
                .header("etag", "\"5d41402abc4b2a76b9719d911017c592\"")
                .header("x-cos-hash-crc64ecma", crc.to_string())
                .header("x-cos-request-id", "NjQ")
                .body(Bytes::new())
                .unwrap()
        };
        let output = PutObject::new(key(), "hello").output(&sent, answer(sent.crc64)).unwrap();
        assert_eq!(output.etag, "\"5d41402abc4b2a76b9719d911017c592\"");
        assert_eq!((output.crc64, output.attempts, output.request_id()), (Some(sent.crc64), 2, "NjQ"));
        let error = PutObject::new(key(), "hello").output(&sent, answer(1)).unwrap_err();
        assert_eq!((error.kind(), error.may_have_taken_effect()), (ErrorKind::Integrity, true));
    }

    #[test]
    fn output_tells_what_became_of_the_callback() {
        let told = |callback: bool, status: u16, body: &'static str| {
            let put = PutObject::new(key(), "hello");
            let put = if callback { put.callback(Callback::new("https://a.example/", "a=b")) } else { put };
            let answer = Response::builder().status(status).header("etag", "\"e\"").header("x-cos-request-id", "NjQ");
            put.output(&Sent::once(b"hello"), answer.body(Bytes::from(body)).unwrap()).unwrap().callback
        };
        assert_eq!(told(true, 200, "{}"), Some(Ok(Bytes::from("{}"))));
        let error = "<Error><Code>CallbackFailed</Code><Message>no answer</Message></Error>";
        let failure = told(true, 203, error).unwrap().unwrap_err();
        assert_eq!(
            (failure.status, failure.code.as_str(), failure.request_id.as_str()),
            (203, "CallbackFailed", "NjQ")
        );
        assert_eq!((told(true, 200, ""), told(false, 200, "{}")), (None, None));
    }

    #[test]
    fn the_page_of_a_captive_portal_stored_nothing() {
        let page = Response::new(Bytes::from("<html>log in</html>"));
        let error = PutObject::new(key(), "hello").output(&Sent::once(b"hello"), page).unwrap_err();
        assert_eq!((error.kind(), error.status()), (ErrorKind::Ambiguous, Some(200)));
    }

    #[test]
    fn more_than_5_gib_is_refused() {
        let body = Body::file("/nowhere", 0, PutObject::MAX_BYTES + 1);
        assert_eq!(PutObject::new(key(), body).request().unwrap_err().field(), Some("body"));
    }
}
