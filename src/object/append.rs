use bytes::Bytes;
use http::{HeaderMap, Method, Response};

use crate::answer::{content_length, header_number, header_text, request_id, stored_etag};
use crate::body::Body;
use crate::crc64::Crc64;
use crate::error::{Error, ErrorKind, Result};
use crate::key::ObjectKey;
use crate::operation::{Operation, Permissions, Safety, Sent};
use crate::options::{Acl, Attributes, CustomerKey, Encryption, TrafficLimit};
use crate::request::Request;

/// Adds bytes to the end of an appendable object, or makes one at position 0.
///
/// Up to 5 GiB in total. The position must be the object's length: that guards a repeat from adding the bytes twice. An
/// object made otherwise cannot be appended to, nor one in a bucket that keeps versions. Attributes count with the
/// first append only.
///
/// # Errors
/// [`ErrorKind::Service`] with code `AppendPositionErr` (409) when the position is not the length, or
/// `ObjectNotAppendable`. [`ErrorKind::Integrity`] when COS holds other bytes than were sent.
///
/// # Examples
/// ```no_run
/// use tencent_cos::AppendObject;
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// let first = bucket.send(AppendObject::new("app.log".parse()?, 0, "begin\n")).await?;
/// let next = AppendObject::new("app.log".parse()?, first.next_position, "more\n");
/// println!("{} bytes", bucket.send(next).await?.next_position);
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [APPEND Object](https://cloud.tencent.com/document/product/436/7741)
#[doc(alias = "APPEND Object")]
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct AppendObject {
    key: ObjectKey,
    position: u64,
    body: Body,
    attributes: Attributes,
    acl: Option<Acl>,
    encryption: Option<Encryption>,
    traffic_limit: Option<TrafficLimit>,
    previous_crc64: Option<u64>,
}

impl AppendObject {
    /// Adds `body` to the object, which is `position` bytes long.
    pub fn new(key: ObjectKey, position: u64, body: impl Into<Body>) -> Self {
        Self {
            key,
            position,
            body: body.into(),
            attributes: Attributes::new(),
            acl: None,
            encryption: None,
            traffic_limit: None,
            previous_crc64: (position == 0).then_some(0),
        }
    }

    /// The CRC-64 of the object before this append, as the last one gave it: the whole is then checked.
    pub fn previous_crc64(mut self, crc64: u64) -> Self {
        self.previous_crc64 = Some(crc64);
        self
    }

    /// Content headers, storage class, user metadata; of the first append.
    pub fn attributes(mut self, attributes: Attributes) -> Self {
        self.attributes = attributes;
        self
    }

    /// Who may do what with it; of the first append.
    pub fn acl(mut self, acl: Acl) -> Self {
        self.acl = Some(acl);
        self
    }

    /// Encryption at rest; of the first append.
    pub fn encryption(mut self, encryption: Encryption) -> Self {
        self.encryption = Some(encryption);
        self
    }

    /// Limits the speed of this request.
    pub fn traffic_limit(mut self, limit: TrafficLimit) -> Self {
        self.traffic_limit = Some(limit);
        self
    }

    /// The CRC-64 the whole object has after this append, as far as it can be known.
    fn expected_crc64(&self, sent: &Sent) -> Option<u64> {
        self.previous_crc64.map(|previous| Crc64::combine(previous, sent.crc64, sent.length))
    }
}

impl Operation for AppendObject {
    type Output = AppendObjectOutput;
    type Response = Bytes;
    const NAME: &'static str = "APPEND Object";
    const METHOD: Method = Method::POST;
    const PERMISSIONS: Permissions = Permissions::target("name/cos:AppendObject");

    fn request(&self) -> Result<Request> {
        if self.position.checked_add(self.body.len()).is_none_or(|end| end > super::PutObject::MAX_BYTES) {
            return Err(Error::input("body", "makes the object longer than the 5 GiB it may have"));
        }
        Ok(Request::object(&self.key)
            .query("append", "")
            .query("position", self.position.to_string())
            .with(&self.attributes)?
            .with(&self.acl)?
            .with(&self.encryption)?
            .with(&self.traffic_limit)?
            .body(self.body.clone()))
    }

    fn safety(&self) -> Safety {
        Safety::Guarded
    }

    fn output(&self, sent: &Sent, response: Response<Bytes>) -> Result<AppendObjectOutput> {
        let (head, _) = response.into_parts();
        stored_etag(&head)?;
        let output = AppendObjectOutput::new(&head.headers, self.position + sent.length);
        match (self.expected_crc64(sent), output.crc64) {
            (Some(expected), Some(stored)) if expected != stored => {
                let message = format!("the object has CRC-64 {stored} after the append, {expected} was expected");
                Err(Error::new(ErrorKind::Integrity, message).may_have(true))
            }
            _ => Ok(output),
        }
    }

    fn reconcile(&self, sent: &Sent, found: &HeaderMap) -> Option<AppendObjectOutput> {
        let end = self.position + sent.length;
        let output = AppendObjectOutput::new(found, end);
        let ours =
            content_length(found) == Some(end) && output.crc64.is_some() && output.crc64 == self.expected_crc64(sent);
        ours.then_some(output)
    }

    fn customer_key(&self) -> Option<&CustomerKey> {
        self.encryption.as_ref()?.customer_key()
    }
}

/// What [`AppendObject`] gives.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AppendObjectOutput {
    /// The length of the object now: where the next append goes.
    pub next_position: u64,
    /// The CRC-64 of the whole object.
    pub crc64: Option<u64>,
    /// The ETag, quotes included.
    pub etag: String,
    request_id: String,
}

impl AppendObjectOutput {
    fn new(headers: &HeaderMap, end: u64) -> Self {
        Self {
            next_position: header_number(headers, "x-cos-next-append-position").unwrap_or(end),
            crc64: header_number(headers, "x-cos-hash-crc64ecma"),
            etag: header_text(headers, "etag").unwrap_or_default().to_owned(),
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

    fn append(position: u64) -> AppendObject {
        AppendObject::new("k".parse().unwrap(), position, "world")
    }

    #[test]
    fn request_as_text() {
        let append = append(6).attributes(Attributes::new().content_type("text/plain"));
        assert_eq!(as_text(&append), "POST /k?append&position=6\ncontent-type: text/plain\n[5]");
        assert_eq!(AppendObject::new("k".parse().unwrap(), u64::MAX, "x").request().unwrap_err().field(), Some("body"));
    }

    #[test]
    fn output_checks_the_whole_object_when_the_beginning_is_known() {
        let sent = Sent { length: 5, crc64: Crc64::of(b"world"), attempts: 1 };
        let answer = |crc64: u64| {
            Response::builder()
                .header("etag", "\"e\"")
                .header("x-cos-next-append-position", "11")
                .header("x-cos-hash-crc64ecma", crc64.to_string())
                .body(Bytes::new())
                .unwrap()
        };
        let whole = Crc64::of(b"hello world");
        let known = append(6).previous_crc64(Crc64::of(b"hello "));
        assert_eq!(known.output(&sent, answer(whole)).unwrap().next_position, 11);
        assert_eq!(known.output(&sent, answer(whole ^ 1)).unwrap_err().kind(), ErrorKind::Integrity);
        assert!(append(6).output(&sent, answer(whole ^ 1)).is_ok());
        assert!(append(0).output(&sent, answer(whole)).is_err());
        assert_eq!(append(6).output(&sent, Response::new(Bytes::new())).unwrap_err().kind(), ErrorKind::Ambiguous);
    }

    #[test]
    fn our_own_append_is_recognised() {
        let sent = Sent { length: 5, crc64: Crc64::of(b"world"), attempts: 2 };
        let mut found = HeaderMap::new();
        found.insert("content-length", "11".parse().unwrap());
        found.insert("x-cos-hash-crc64ecma", Crc64::of(b"hello world").to_string().parse().unwrap());
        let append = append(6).previous_crc64(Crc64::of(b"hello "));
        assert_eq!(append.reconcile(&sent, &found).unwrap().next_position, 11);
        found.insert("content-length", "12".parse().unwrap());
        assert_eq!(append.reconcile(&sent, &found), None);
    }
}
