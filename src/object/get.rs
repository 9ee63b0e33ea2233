use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use http::response::Parts;
use http::{HeaderMap, Method, Response, StatusCode, header};

use crate::answer::header_text;
use crate::body::{ByteStream, Pieces};
use crate::crc64::Crc64;
use crate::error::{Error, ErrorKind, Result, ServiceError};
use crate::key::ObjectKey;
#[cfg(feature = "client")]
use crate::object::HeadObject;
use crate::object::ObjectMeta;
#[cfg(feature = "client")]
use crate::operation::given;
use crate::operation::{Operation, Permissions, Safety, Sent};
use crate::options::{ByteRange, Conditions, ContentRange, CustomerKey, ResponseOverrides, TrafficLimit};
use crate::request::{Describe, Named, Request};
use crate::rest::Rest;

/// Reads an object, or a range of it, as a stream.
///
/// The bytes are handed on as they arrive. There is a limit on how long they may stall, and none on the total time.
/// When a body breaks off or stalls, reading continues at the next byte, as long as the object is still the same:
/// without limit while there is progress, and as often as for any other request when there is none. The CRC-64 of a
/// whole object is computed while the bytes pass through: a mismatch is an error before the end of the stream. The
/// request changes nothing and may be repeated freely.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchKey`, `NoSuchVersion`, `AccessDenied`,
/// `InvalidObjectState` (archived and not restored), `InvalidRange`, or with status 304 or 412 when a condition does
/// not hold. From the stream: [`ErrorKind::Integrity`](crate::ErrorKind::Integrity),
/// [`ErrorKind::Changed`](crate::ErrorKind::Changed) when it broke off and the object was replaced meanwhile,
/// [`ErrorKind::Transport`](crate::ErrorKind::Transport), [`ErrorKind::Timeout`](crate::ErrorKind::Timeout).
///
/// # Cancellation
/// Dropping the stream closes its connection, unless it was read to the end.
///
/// # Examples
/// ```
/// use tencent_cos::{Conditions, GetObject};
///
/// let get = GetObject::new("notes/a.txt".parse()?)
///     .range(0..1024)
///     .conditions(Conditions::new().if_match("\"5d41402abc4b2a76b9719d911017c592\""));
/// # let _ = get;
/// # Ok::<(), tencent_cos::Error>(())
/// ```
///
/// COS reference: [GET Object](https://cloud.tencent.com/document/product/436/7753)
#[doc(alias = "GET Object")]
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct GetObject {
    key: ObjectKey,
    version_id: Option<String>,
    span: Option<Span>,
    conditions: Conditions,
    overrides: ResponseOverrides,
    customer_key: Option<CustomerKey>,
    traffic_limit: Option<TrafficLimit>,
    params: Named,
}

impl GetObject {
    /// Reads the latest version, whole.
    pub fn new(key: ObjectKey) -> Self {
        Self {
            key,
            version_id: None,
            span: None,
            conditions: Conditions::new(),
            overrides: ResponseOverrides::new(),
            customer_key: None,
            traffic_limit: None,
            params: Named::default(),
        }
    }

    /// Reads this version.
    pub fn version_id(mut self, version_id: impl Into<String>) -> Self {
        self.version_id = Some(version_id.into());
        self
    }

    /// Reads only these bytes. They are not checked: COS keeps a checksum of the whole object only.
    pub fn range(mut self, range: impl Into<ByteRange>) -> Self {
        self.span = Some(Span::Range(range.into()));
        self
    }

    /// Reads only the last `count` bytes, or all if there are fewer. Replaces a [`range`](Self::range).
    /// [`Object::content_range`] tells which bytes came, and how many the object has.
    pub fn last_bytes(mut self, count: u64) -> Self {
        self.span = Some(Span::Last(count));
        self
    }

    /// Reads the bytes named in the `Range` header of a request that you pass on, counted from the start or from the
    /// end. Reads the whole object where there is no range or more than one, and also beside `If-Range`: who sends that
    /// already has the beginning of an object, and bytes of a newer object would not fit to it.
    pub fn range_from_headers(mut self, headers: &HeaderMap) -> Self {
        let asked = header_text(headers, header::RANGE).filter(|_| !headers.contains_key(header::IF_RANGE));
        self.span = asked.and_then(Span::parse);
        self
    }

    /// Conditions under which the object is sent.
    pub fn conditions(mut self, conditions: Conditions) -> Self {
        self.conditions = conditions;
        self
    }

    /// Response headers to send instead of those stored with the object.
    pub fn response_overrides(mut self, overrides: ResponseOverrides) -> Self {
        self.overrides = overrides;
        self
    }

    /// The key the object was encrypted with (SSE-C).
    pub fn customer_key(mut self, key: CustomerKey) -> Self {
        self.customer_key = Some(key);
        self
    }

    /// Limits the speed of this request.
    pub fn traffic_limit(mut self, limit: TrafficLimit) -> Self {
        self.traffic_limit = Some(limit);
        self
    }

    /// A look at what this reads.
    #[cfg(feature = "client")]
    pub(crate) fn head(&self) -> HeadObject {
        let head = HeadObject::new(self.key.clone());
        let head = given(head, self.version_id.as_ref(), HeadObject::version_id);
        given(head, self.customer_key.as_ref(), HeadObject::customer_key)
    }

    /// A parameter for processing by Cloud Infinite, for instance `imageMogr2/thumbnail/!50p` with an empty value. What
    /// is read then is not the object itself, and no checksum is checked.
    pub fn param(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.params.0.push((name.into(), value.into()));
        self
    }

    #[cfg(feature = "client")]
    pub(crate) fn key(&self) -> &ObjectKey {
        &self.key
    }

    #[cfg(feature = "client")]
    pub(crate) fn version(&self) -> Option<&str> {
        self.version_id.as_deref()
    }

    fn integrity(&self, status: StatusCode, meta: &ObjectMeta) -> Integrity {
        if !self.params.0.is_empty() {
            Integrity::Unverified(Unverified::Processed)
        } else if self.span.is_some() || status != StatusCode::OK {
            Integrity::Unverified(Unverified::Range)
        } else {
            meta.crc64().map_or(Integrity::Unverified(Unverified::NoChecksum), Integrity::Crc64)
        }
    }
}

/// Which bytes are asked for.
#[derive(Clone, Copy, Debug)]
enum Span {
    Range(ByteRange),
    Last(u64),
}

impl Span {
    /// As the header has it.
    fn parse(text: &str) -> Option<Self> {
        let Some(count) = text.strip_prefix("bytes=-") else { return text.parse().ok().map(Self::Range) };
        let plain = count.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| count.parse().ok())?.filter(|count| *count > 0).map(Self::Last)
    }

    /// The first and the last byte of it that an object of so many bytes has.
    fn within(self, total: u64) -> (u64, u64) {
        match self {
            Self::Range(range) => (range.first(), range.last_of(total)),
            Self::Last(count) => (total.saturating_sub(count), total.saturating_sub(1)),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Range(range) => range.fmt(f),
            Self::Last(count) => write!(f, "bytes=-{count}"),
        }
    }
}

impl Describe for Span {
    fn describe(&self, request: Request) -> Result<Request> {
        match self {
            Self::Range(range) => range.describe(request),
            Self::Last(0) => Err(Error::input("range", "is empty")),
            Self::Last(_) => request.header("range", self.to_string()),
        }
    }
}

impl Operation for GetObject {
    type Output = Object;
    type Response = ByteStream;
    const NAME: &'static str = "GET Object";
    const METHOD: Method = Method::GET;
    const PERMISSIONS: Permissions = Permissions::target("name/cos:GetObject");

    fn request(&self) -> Result<Request> {
        let mut request = Request::object(&self.key);
        for (name, value) in &self.params.0 {
            request = request.query(name.clone(), value.clone());
        }
        request
            .version_id(self.version_id.as_deref())?
            .with(&self.overrides)?
            .with(&self.span)?
            .with(&self.conditions)?
            .with(&self.customer_key)?
            .with(&self.traffic_limit)
    }

    fn safety(&self) -> Safety {
        Safety::Read
    }

    fn rest(&self, head: &Parts) -> Option<Rest> {
        // What was processed on the way is not the object.
        if self.params.0.is_empty() { Rest::of(self.request().ok()?, head) } else { None }
    }

    fn output(&self, _: &Sent, response: Response<ByteStream>) -> Result<Object> {
        let (head, body) = response.into_parts();
        let meta = ObjectMeta::new(head.headers);
        let content_range = header_text(meta.headers(), header::CONTENT_RANGE).and_then(ContentRange::parse);
        let other = |message: String| {
            let (status, request_id) = (head.status.as_u16(), meta.request_id().to_owned());
            let service = ServiceError { status, request_id, ..ServiceError::default() };
            Err(Error::new(ErrorKind::Response, message).with_service(service))
        };
        if !matches!(head.status, StatusCode::OK | StatusCode::PARTIAL_CONTENT) {
            return other("neither the object nor a part of it".to_owned());
        }
        if let (Some(asked), StatusCode::PARTIAL_CONTENT) = (self.span, head.status) {
            // As much of it as the object has, and no byte less.
            let fits = |got: ContentRange| (got.first, got.last) == asked.within(got.total);
            if !content_range.is_some_and(fits) {
                return other(format!("asked for {asked}, got {:?}", meta.header("content-range").unwrap_or_default()));
            }
        } else if self.span.is_some() && self.params.0.is_empty() {
            return other("asked for a range, got something else".to_owned());
        }
        let ranged = content_range.filter(|_| head.status == StatusCode::PARTIAL_CONTENT).map(|range| range.length());
        let length = meta.content_length().or(ranged);
        if ranged.is_some() && ranged != length {
            return other("the answer has another length than its range".to_owned());
        }
        let integrity = self.integrity(head.status, &meta);
        let crc64 = match integrity {
            Integrity::Crc64(expected) => Some((Crc64::new(), expected)),
            Integrity::Unverified(_) => None,
        };
        let mut checked = Checked { body, remaining: length, crc64, done: false };
        if let Some(error) = checked.wrong_at_once() {
            return Err(error);
        }
        Ok(Object { body: checked.into_stream(length), meta, content_range, integrity })
    }
}

/// An object that is being read.
#[derive(Debug)]
#[non_exhaustive]
pub struct Object {
    /// Its metadata.
    pub meta: ObjectMeta,
    /// Its bytes.
    pub body: ByteStream,
    /// Which bytes these are, when a range was asked for.
    pub content_range: Option<ContentRange>,
    /// Whether the bytes are checked while they run through.
    pub integrity: Integrity,
}

impl Object {
    /// Reads everything into memory, at most `limit` bytes.
    ///
    /// # Errors
    /// [`ErrorKind::Response`](crate::ErrorKind::Response) when it is longer; otherwise the errors of the stream.
    pub async fn bytes(self, limit: usize) -> Result<Bytes> {
        self.body.bytes(limit).await
    }

    /// `x-cos-request-id`.
    pub fn request_id(&self) -> &str {
        self.meta.request_id()
    }
}

/// Whether the bytes of an [`Object`] are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Integrity {
    /// Against this CRC-64; a mismatch is an error before the end of the stream.
    Crc64(u64),
    /// They are not checked, and why. Their number still is.
    Unverified(Unverified),
}

/// Why the bytes of an [`Object`] are not checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Unverified {
    /// The answer is not the object itself, but was made from it.
    Processed,
    /// Only a range was asked for.
    Range,
    /// COS keeps no checksum of this object.
    NoChecksum,
}

impl fmt::Display for Unverified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Processed => "the object was processed on the way",
            Self::Range => "COS keeps the checksum of the whole object, not of a range",
            Self::NoChecksum => "COS keeps no checksum of this object",
        })
    }
}

/// Counts the bytes, sums them up, and turns a wrong end into an error.
struct Checked {
    body: ByteStream,
    remaining: Option<u64>,
    crc64: Option<(Crc64, u64)>,
    done: bool,
}

impl Checked {
    /// What is wrong with a body that is here already, which nobody has to read for that.
    fn wrong_at_once(&mut self) -> Option<Error> {
        let body = std::mem::replace(&mut self.body, Bytes::new().into());
        let error = body.at_hand().and_then(|bytes| self.take(bytes).or_else(|| self.wrong_end()));
        self.body = body;
        error
    }

    fn into_stream(self, length: Option<u64>) -> ByteStream {
        if self.body.at_hand().is_some() { self.body } else { ByteStream::from_pieces(length, self) }
    }

    /// Counts and sums up; an error where it is too much.
    fn take(&mut self, bytes: &[u8]) -> Option<Error> {
        if let Some((crc64, _)) = &mut self.crc64 {
            crc64.update(bytes);
        }
        let left = self.remaining.map(|remaining| remaining.checked_sub(bytes.len() as u64));
        self.remaining = left.flatten();
        (left == Some(None)).then(|| Error::new(ErrorKind::Response, "the body is longer than announced"))
    }

    fn wrong_end(&self) -> Option<Error> {
        if let Some(missing @ 1..) = self.remaining {
            return Some(Error::ended_early(missing));
        }
        let (crc64, expected) = self.crc64.as_ref()?;
        let found = crc64.value();
        (found != *expected).then(|| {
            let message = format!("the bytes have CRC-64 {found}, COS says {expected}");
            Error::new(ErrorKind::Integrity, message).retryable(true)
        })
    }
}

impl Stream for Checked {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.done {
            return Poll::Ready(None);
        }
        let item = match ready!(Pin::new(&mut self.body).poll_next(cx)) {
            Some(Ok(bytes)) => match self.take(&bytes) {
                Some(error) => Some(Err(self.about(error))),
                None => Some(Ok(bytes)),
            },
            broken @ Some(Err(_)) => broken,
            None => self.wrong_end().map(|error| Err(self.about(error))),
        };
        self.done = !matches!(item, Some(Ok(_)));
        Poll::Ready(item)
    }
}

impl Pieces for Checked {
    fn about(&self, error: Error) -> Error {
        self.body.about(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::as_text;
    use crate::time::from_unix_seconds;

    fn key() -> ObjectKey {
        ObjectKey::new("k").unwrap()
    }

    fn answer(status: u16, headers: &[(&str, &str)], body: &'static [u8]) -> Response<ByteStream> {
        let builder = headers
            .iter()
            .fold(Response::builder().status(status), |builder, (name, value)| builder.header(*name, *value));
        builder.body(Bytes::from_static(body).into()).unwrap()
    }

    /// The streams of these tests are always ready.
    fn read(object: Object) -> Result<Bytes> {
        let mut future = std::pin::pin!(object.bytes(1024));
        match future.as_mut().poll(&mut Context::from_waker(std::task::Waker::noop())) {
            Poll::Ready(result) => result,
            Poll::Pending => panic!("not ready"),
        }
    }

    #[test]
    fn a_range_that_is_handed_on_is_one_run_of_bytes_of_the_object_that_was_asked_for() {
        for (asked, range) in [
            (&[("range", "bytes=0-99")][..], Some("bytes=0-99")),
            (&[("range", "bytes=100-")], Some("bytes=100-")),
            (&[("range", "bytes=-5")], Some("bytes=-5")),
            (&[("range", "bytes=-0")], None),
            (&[("range", "bytes=-+5")], None),
            (&[("range", "bytes=5-4")], None),
            (&[("range", "bytes=0-1,3-4")], None),
            (&[("range", "lines=1-2")], None),
            (&[("range", "bytes=2-"), ("if-range", "\"0123\"")], None),
            (&[], None),
        ] {
            let headers = asked.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
            let get = GetObject::new(key()).range(7..).range_from_headers(&headers.collect());
            let request = get.request().unwrap();
            assert_eq!(header_text(request.headers(), header::RANGE), range, "{asked:?}");
        }
    }

    #[test]
    fn request_as_text() {
        let get = GetObject::new(key())
            .param("imageMogr2/thumbnail/!50p", "")
            .version_id("v")
            .range(5..=9)
            .response_overrides(ResponseOverrides::new().content_type("text/plain; a=b"));
        assert_eq!(
            as_text(&get),
            "GET /k?imageMogr2%2Fthumbnail%2F%2150p&versionId=v&response-content-type=text%2Fplain%3B%20a%3Db\n\
             range: bytes=5-9\n[0]"
        );
    }

    #[test]
    fn conditions_and_overrides_as_text() {
        let [earlier, later] = [1_000_000_000, 1_700_000_000].map(|seconds| from_unix_seconds(seconds).unwrap());
        let conditions = Conditions::new()
            .if_match("\"a\"")
            .if_none_match("\"b\"")
            .if_modified_since(earlier)
            .if_unmodified_since(later);
        let overrides = ResponseOverrides::new()
            .content_type("a/b")
            .content_language("tlh")
            .content_disposition("inline")
            .content_encoding("br")
            .cache_control("no-store")
            .expires(later);
        assert_eq!(
            as_text(&GetObject::new(key()).conditions(conditions).response_overrides(overrides)),
            "GET /k?response-content-type=a%2Fb&response-content-language=tlh&response-content-disposition=inline\
             &response-content-encoding=br&response-cache-control=no-store\
             &response-expires=Tue%2C%2014%20Nov%202023%2022%3A13%3A20%20GMT\n\
             if-match: \"a\"\n\
             if-modified-since: Sun, 09 Sep 2001 01:46:40 GMT\n\
             if-none-match: \"b\"\n\
             if-unmodified-since: Tue, 14 Nov 2023 22:13:20 GMT\n[0]"
        );
    }

    #[test]
    fn values_of_parameters_are_not_printed() {
        let told = format!("{:?}", GetObject::new(key()).param("ci-process", "SECRET"));
        assert!(told.contains("ci-process") && !told.contains("SECRET"), "{told}");
    }

    #[test]
    fn output_checks_length_and_checksum() {
        let crc64 = Crc64::of(b"hello").to_string();
        let headers = [("content-length", "5"), ("x-cos-hash-crc64ecma", crc64.as_str())];
        let get =
            |headers: &[(&str, &str)], body| GetObject::new(key()).output(&Sent::default(), answer(200, headers, body));
        // What is here is looked at at once, what comes while it is read.
        let late = |body: &'static [u8]| {
            let pieces = futures_util::stream::iter([Ok::<_, Error>(Bytes::from_static(body))]);
            let late = answer(200, &headers, b"").map(|_| ByteStream::new(None, pieces));
            read(GetObject::new(key()).output(&Sent::default(), late).unwrap())
        };
        assert_eq!(late(b"hello").unwrap(), "hello");
        assert_eq!(late(b"hellO").unwrap_err().kind(), ErrorKind::Integrity);
        assert_eq!(late(b"hell").unwrap_err().kind(), ErrorKind::Transport);
        assert_eq!(late(b"hello!").unwrap_err().kind(), ErrorKind::Response);
        let object = get(&headers, b"hello").unwrap();
        assert_eq!(object.integrity, Integrity::Crc64(Crc64::of(b"hello")));
        assert_eq!(read(object).unwrap(), "hello");
        assert_eq!(get(&headers, b"hellO").unwrap_err().kind(), ErrorKind::Integrity);
        assert_eq!(get(&headers, b"hell").unwrap_err().kind(), ErrorKind::Transport);
        assert_eq!(get(&headers, b"hello!").unwrap_err().kind(), ErrorKind::Response);
        let object = get(&headers[..1], b"hello").unwrap();
        assert_eq!(object.integrity, Integrity::Unverified(Unverified::NoChecksum));
    }

    #[test]
    fn a_range_must_be_the_one_asked_for() {
        let get = |status, range: &str| {
            let headers = [("content-range", range), ("content-length", "5"), ("x-cos-hash-crc64ecma", "1")];
            GetObject::new(key()).range(5..=9).output(&Sent::default(), answer(status, &headers, b"hello"))
        };
        let object = get(206, "bytes 5-9/100").unwrap();
        assert_eq!(object.content_range.unwrap().to_string(), "bytes 5-9/100");
        assert_eq!(object.integrity, Integrity::Unverified(Unverified::Range));
        assert_eq!(read(object).unwrap(), "hello");
        for wrong in
            ["bytes 4-8/100", "bytes 5-10/100", "bytes 5-8/100", "", "bytes 9-5/100", "bytes 5-18446744073709551616/1"]
        {
            assert_eq!(get(206, wrong).unwrap_err().kind(), ErrorKind::Response, "{wrong}");
        }
        assert_eq!(get(200, "").unwrap_err().kind(), ErrorKind::Response);
    }

    #[test]
    fn the_last_bytes_are_all_of_an_object_that_has_no_more() {
        let get = GetObject::new(key()).range(5..=9).last_bytes(5);
        assert_eq!(as_text(&get), "GET /k\nrange: bytes=-5\n[0]");
        assert_eq!(as_text(&get.clone().range(..7)), "GET /k\nrange: bytes=0-6\n[0]");
        assert_eq!(get.clone().last_bytes(0).request().unwrap_err().field(), Some("range"));
        let answered = |range: &str, body: &'static [u8]| {
            let headers = [("content-range", range), ("x-cos-hash-crc64ecma", "1")];
            get.output(&Sent::default(), answer(206, &headers, body))
        };
        let object = answered("bytes 95-99/100", b"hello").unwrap();
        assert_eq!(object.integrity, Integrity::Unverified(Unverified::Range));
        assert_eq!(read(object).unwrap(), "hello");
        assert_eq!(read(answered("bytes 0-2/3", b"abc").unwrap()).unwrap(), "abc");
        for wrong in ["bytes 0-4/100", "bytes 94-98/100", "bytes 94-99/100", "bytes 96-99/100", "bytes 1-2/3", ""] {
            assert_eq!(answered(wrong, b"hello").unwrap_err().kind(), ErrorKind::Response, "{wrong}");
        }
    }

    #[test]
    fn an_answer_without_content_is_no_empty_object() {
        for status in [202, 203, 204, 205] {
            let error = GetObject::new(key()).output(&Sent::default(), answer(status, &[], b"")).unwrap_err();
            assert_eq!((error.kind(), error.status()), (ErrorKind::Response, Some(status)));
        }
        assert_eq!(read(GetObject::new(key()).output(&Sent::default(), answer(200, &[], b"")).unwrap()).unwrap(), "");
    }

    #[test]
    fn a_range_comes_whole_or_not_at_all() {
        let get = |range: ByteRange, headers: &[(&str, &str)], body: &'static [u8]| {
            GetObject::new(key()).range(range).output(&Sent::default(), answer(206, headers, body)).and_then(read)
        };
        let (end, open) = (ByteRange::new(5, 9), ByteRange::from(5..));
        let to_the_end = [("content-range", "bytes 5-7/8"), ("content-length", "3")];
        assert_eq!(get(end, &to_the_end, b"abc").unwrap(), "abc");
        assert_eq!(get(open, &to_the_end, b"abc").unwrap(), "abc");
        let short = [("content-range", "bytes 5-7/100"), ("content-length", "3")];
        let contradicting = [("content-range", "bytes 5-9/100"), ("content-length", "3")];
        for (range, headers) in [(end, short), (open, short), (end, contradicting)] {
            assert_eq!(get(range, &headers, b"abc").unwrap_err().kind(), ErrorKind::Response, "{headers:?}");
        }
        // Without a length, as from a connection that just ends.
        assert_eq!(get(end, &contradicting[..1], b"abc").unwrap_err().kind(), ErrorKind::Transport);
        assert_eq!(get(end, &contradicting[..1], b"abcde").unwrap(), "abcde");
    }
}
