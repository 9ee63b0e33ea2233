//! The unit of the API: an operation describes a request and reads the answer. It never acts.

use bytes::Bytes;
use http::response::Parts;
use http::{HeaderMap, Method, Response, StatusCode, header};

use crate::answer::{CRC64, bare_answer, header_number, refusal, request_id};
use crate::body::ByteStream;
use crate::crc64::Crc64;
use crate::error::{Error, ErrorKind, Result, ServiceError};
use crate::options::CustomerKey;
use crate::request::Request;
use crate::rest::Rest;

/// One call of the COS API, with everything it needs.
///
/// Send it with [`Bucket::send`](crate::Bucket::send), presign it with [`Bucket::presign`](crate::Bucket::presign), or
/// sign it for another HTTP client with [`Bucket::sign`](crate::Bucket::sign). The trait is open: a call this crate
/// lacks can be implemented outside.
///
/// # Examples
/// ```
/// use tencent_cos::bytes::Bytes;
/// use tencent_cos::http::{Method, Response};
/// use tencent_cos::{Operation, Permissions, Request, Result, Safety, Sent};
///
/// /// Reads which parts of a request must be signed for a bucket, as a document.
/// struct GetBucketStrictSignature;
///
/// impl Operation for GetBucketStrictSignature {
///     type Output = Bytes;
///     type Response = Bytes;
///     const NAME: &'static str = "GET Bucket strict-signature";
///     const METHOD: Method = Method::GET;
///     const PERMISSIONS: Permissions = Permissions::bucket("name/cos:GetBucketStrictSignature");
///
///     fn request(&self) -> Result<Request> {
///         Ok(Request::bucket().query("strict-signature", ""))
///     }
///     fn safety(&self) -> Safety {
///         Safety::Read
///     }
///     fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<Bytes> {
///         Ok(response.into_body())
///     }
/// }
/// ```
pub trait Operation: Send + Sync {
    /// What a success gives.
    type Output;
    /// How the body of the answer is wanted: [`Bytes`] in memory, or a [`ByteStream`].
    type Response: ResponseBody;
    /// The title of the call in the COS reference.
    const NAME: &'static str;
    /// The HTTP method.
    const METHOD: Method;
    /// The rights it needs: what a policy for a key must allow.
    const PERMISSIONS: Permissions;
    /// Whether COS answers only when it has copied or merged what may be large: such an answer may take minutes.
    const WORKS_LONG: bool = false;
    /// Whether the body of the answer may come as slowly as it likes, because COS writes it while it works. Only
    /// silence ends it then.
    const COMES_SLOWLY: bool = false;

    /// Describes the request. Pure. The document of a setting goes in with [`Request::document`].
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) when an argument cannot be sent.
    fn request(&self) -> Result<Request>;

    /// What repeating it may do. It may depend on values: a guard header, a version id.
    fn safety(&self) -> Safety;

    /// Reads the answer; the status is a success.
    ///
    /// # Errors
    /// [`ErrorKind::Response`](crate::ErrorKind::Response) when it is not what COS documents,
    /// [`ErrorKind::Service`](crate::ErrorKind::Service) when it is an error in a success's clothes.
    fn output(&self, sent: &Sent, response: Response<Self::Response>) -> Result<Self::Output>;

    /// For an answer that is handed on as a stream: what it takes to read on when its body breaks off. `None`, unless
    /// an operation says otherwise: then the stream ends with the error.
    fn rest(&self, head: &Parts) -> Option<Rest> {
        let _ = head;
        None
    }

    /// Whether this refusal is an answer: what was asked for was never set, and that is the output. An object without
    /// tags has an empty list of them, a bucket without a setting has none.
    fn unset_by(&self, refusal: &ServiceError) -> Option<Self::Output> {
        let _ = refusal;
        None
    }

    /// After an attempt whose end is unknown: whether this refusal says that the attempt took effect, and its output
    /// then. A bucket that is already yours was made; an upload that is gone was aborted.
    fn settled_by(&self, refusal: &ServiceError) -> Option<Self::Output> {
        let _ = refusal;
        None
    }

    /// For [`Safety::Guarded`] on an object: whether the object that is there now, by the headers of a HEAD, is the one
    /// that an earlier attempt sent. Then the guard says no to our own success, and this is its output. What is older
    /// than the first attempt is not asked about.
    fn reconcile(&self, sent: &Sent, found: &HeaderMap) -> Option<Self::Output> {
        let _ = (sent, found);
        None
    }

    /// The key of the caller that the object is encrypted with (SSE-C): without it COS does not tell what is there.
    fn customer_key(&self) -> Option<&CustomerKey> {
        None
    }
}

/// What repeating a request may do, after an attempt whose end is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Safety {
    /// It changes nothing.
    Read,
    /// Twice is as once.
    SameEffect,
    /// A guard (a position, a header that forbids overwriting) makes the second fail if the first took effect.
    Guarded,
    /// It publishes a result and must be reconciled, not repeated.
    Commit,
    /// Each time makes something new that nobody might find again.
    CreatesState,
}

/// What a right is needed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scope {
    /// The object the request reads from, when that is not its target.
    Source,
    /// The object of the request.
    Target,
    /// The bucket.
    Bucket,
    /// The account.
    Service,
}

/// The rights an operation needs, in CAM's words: `name/cos:PutObject`.
///
/// COS reference: [Actions in policies](https://cloud.tencent.com/document/product/436/31923)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permissions {
    first: (&'static str, Scope),
    second: Option<(&'static str, Scope)>,
}

impl Permissions {
    /// A right on the object of the request.
    pub const fn target(action: &'static str) -> Self {
        Self { first: (action, Scope::Target), second: None }
    }

    /// A right on the bucket.
    pub const fn bucket(action: &'static str) -> Self {
        Self { first: (action, Scope::Bucket), second: None }
    }

    /// A right on the account.
    pub const fn service(action: &'static str) -> Self {
        Self { first: (action, Scope::Service), second: None }
    }

    /// One more right, on the object that is read from.
    #[must_use]
    pub const fn and_source(mut self, action: &'static str) -> Self {
        self.second = Some((action, Scope::Source));
        self
    }

    /// The actions and what they are needed on.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Scope)> + use<> {
        std::iter::once(self.first).chain(self.second)
    }
}

/// What was sent, of the attempt that won.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sent {
    /// Bytes of the body.
    pub length: u64,
    /// CRC-64 of the body.
    pub crc64: u64,
    /// How many attempts there were. After more than one a versioned bucket may hold a version more.
    pub attempts: u32,
}

impl Sent {
    /// This body, in one attempt; for requests that you send yourself.
    pub fn once(body: &[u8]) -> Self {
        Self { length: body.len() as u64, crc64: Crc64::of(body), attempts: 1 }
    }
}

/// How the body of an answer is wanted. Implemented for [`Bytes`] and [`ByteStream`].
pub trait ResponseBody: Sized + Send + From<Bytes> + sealed::Sealed {
    /// Whether the body is handed on while it comes in.
    #[doc(hidden)]
    const STREAMED: bool;

    #[doc(hidden)]
    fn from_stream(stream: ByteStream) -> Self;

    /// What of it is in memory, where all of it is.
    #[doc(hidden)]
    fn at_hand(&self) -> &[u8];
}

impl ResponseBody for Bytes {
    const STREAMED: bool = false;

    fn from_stream(_: ByteStream) -> Self {
        Self::new()
    }

    fn at_hand(&self) -> &[u8] {
        self
    }
}

impl ResponseBody for ByteStream {
    const STREAMED: bool = true;

    fn from_stream(stream: ByteStream) -> Self {
        stream
    }

    fn at_hand(&self) -> &[u8] {
        self.at_hand().unwrap_or_default()
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for bytes::Bytes {}
    impl Sealed for crate::body::ByteStream {}
}

/// Reads an answer that another HTTP client brought: a success by the operation, anything else as the error it is.
///
/// `sent` tells what was sent, for operations that compare; a default is right for those without a body. The body is
/// [`Bytes`]; a document over 16 MiB is no answer of COS. What is handed on, like the body of an object, may come as a
/// [`ByteStream`], but not that of a refusal, which is read here.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) or [`ErrorKind::Response`](crate::ErrorKind::Response) for a
/// status that is no success, and for a part where all was asked for; else what the operation says. It names the
/// operation; bucket and key are the caller's to know.
pub fn read_response<O: Operation>(
    operation: &O,
    sent: &Sent,
    response: Response<impl Into<O::Response>>,
) -> Result<O::Output> {
    let (head, body) = response.map(Into::<O::Response>::into).into_parts();
    let outcome = if head.status.is_success() {
        let (status, request_id) = (head.status.as_u16(), request_id(&head.headers));
        let request = operation.request();
        let all = request.and_then(|request| no_part(&head, request.headers().contains_key(header::RANGE)));
        let output = all.and_then(|()| operation.output(sent, Response::from_parts(head, body)));
        output.map_err(|error| of_success(error, status, &request_id))
    } else {
        let refusal = refusal(&head, body.at_hand());
        let open = refusal.class().leaves_open();
        let error = Error::service_error(refusal).may_have(open);
        unset(operation, &error).ok_or(error)
    };
    outcome.map_err(|error| {
        let open = error.may_have_taken_effect() && operation.safety() != Safety::Read;
        error.may_have(open).during(O::NAME, "", sent.attempts)
    })
}

/// Refuses a part as the answer to who asked for all.
pub(crate) fn no_part(head: &Parts, wants_part: bool) -> Result<()> {
    if head.status == StatusCode::PARTIAL_CONTENT && !wants_part {
        let error = Error::new(ErrorKind::Response, "asked for all, got a part").with_service(bare_answer(head));
        return Err(error.may_have(true));
    }
    Ok(())
}

/// What an operation says of a success that was none, with the answer it was in.
pub(crate) fn of_success(error: Error, status: u16, request_id: &str) -> Error {
    // What cannot be read is a success all the same.
    let open = error.kind() == ErrorKind::Response || error.may_have_taken_effect();
    let error = error.may_have(open);
    if error.service().is_some() {
        return error;
    }
    let request_id = request_id.to_owned();
    error.with_service(ServiceError { status, request_id, ..ServiceError::default() })
}

/// The output that a refusal of COS is, if it is one.
pub(crate) fn unset<O: Operation>(operation: &O, error: &Error) -> Option<O::Output> {
    error.service().filter(|_| error.kind() == ErrorKind::Service).and_then(|refusal| operation.unset_by(refusal))
}

/// The operation with this option, where it is set.
#[cfg(feature = "client")]
pub(crate) fn given<O, V: Clone>(operation: O, option: Option<&V>, set: fn(O, V) -> O) -> O {
    match option {
        Some(value) => set(operation, value.clone()),
        None => operation,
    }
}

/// Compares what was sent with the checksum COS answers with, and gives that. An answer without one is let through: it
/// is the caller's to see.
pub(crate) fn check_crc64(sent: &Sent, headers: &HeaderMap) -> Result<Option<u64>> {
    match header_number(headers, &CRC64) {
        Some(stored) if stored != sent.crc64 => {
            let message = format!("COS stored bytes with CRC-64 {stored}, {} were sent", sent.crc64);
            Err(Error::new(ErrorKind::Integrity, message).may_have(true))
        }
        stored => Ok(stored),
    }
}

/// A request as text, for tests: request line, headers sorted by name, body length.
#[cfg(test)]
pub(crate) fn as_text<O: Operation>(operation: &O) -> String {
    use http::header;

    use crate::endpoint::Endpoint;
    use crate::region::{BucketName, Region};
    let (bucket, region) = (BucketName::new("b-1").unwrap(), Region::new("ap-x").unwrap());
    let address = Endpoint::default().address(Some(&bucket), &region).unwrap();
    let (head, body) = operation.request().unwrap().into_head(O::METHOD, &address);
    let mut lines = vec![format!("{} {}", head.method(), head.path_and_query())];
    let mut headers: Vec<_> =
        head.headers().iter().filter(|(name, _)| **name != header::HOST && **name != header::CONTENT_LENGTH).collect();
    headers.sort_by_key(|(name, _)| name.as_str());
    lines.extend(headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())));
    lines.push(format!("[{}]", body.len()));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::multipart::InitiateMultipartUpload;
    use crate::object::{GetObject, HeadObject, PutObject};

    fn key() -> crate::key::ObjectKey {
        "k".parse().unwrap()
    }

    fn answer(status: u16, headers: &[(&str, &str)], body: &'static str) -> Response<Bytes> {
        let builder =
            headers.iter().fold(Response::builder().status(status), |it, (name, value)| it.header(*name, *value));
        builder.header("x-cos-request-id", "NjQ").body(body.into()).unwrap()
    }

    #[test]
    fn what_may_have_begun_may_have_taken_effect() {
        let open = |status, code: &str| {
            let document = format!("<Error><Code>{code}</Code></Error>");
            let answer = answer(status, &[], "").map(|_| Bytes::from(document));
            let begin = read_response(&InitiateMultipartUpload::new(key()), &Sent::default(), answer.clone());
            assert!(
                !read_response(&GetObject::new(key()), &Sent::default(), answer).unwrap_err().may_have_taken_effect()
            );
            begin.unwrap_err().may_have_taken_effect()
        };
        assert!(open(500, "InternalError") && open(502, ""));
        assert!(!open(403, "AccessDenied") && !open(503, "SlowDown") && !open(400, "InvalidArgument"));
        let portal = Response::builder().status(502).body(Bytes::from("<html>")).unwrap();
        let error = read_response(&InitiateMultipartUpload::new(key()), &Sent::default(), portal).unwrap_err();
        assert!(error.may_have_taken_effect() && error.is_retryable(), "{error}");
    }

    #[test]
    fn a_success_that_is_none_names_its_request() {
        let put = PutObject::new(key(), "hello");
        let wrong = answer(200, &[("etag", "\"e\""), ("x-cos-hash-crc64ecma", "1")], "");
        let error = read_response(&put, &Sent::once(b"hello"), wrong).unwrap_err();
        assert_eq!((error.kind(), error.status(), error.request_id()), (ErrorKind::Integrity, Some(200), Some("NjQ")));
        let unread = read_response(&InitiateMultipartUpload::new(key()), &Sent::default(), answer(200, &[], "<a"));
        let error = unread.unwrap_err();
        assert_eq!((error.kind(), error.request_id()), (ErrorKind::Response, Some("NjQ")));
        assert!(error.may_have_taken_effect(), "what cannot be read is a success all the same");
    }

    #[test]
    fn an_object_may_come_piece_by_piece_and_a_refusal_in_memory() {
        let ends = |crc64: &str| {
            let pieces = ["he", "llo"].map(|piece| Ok::<_, Error>(Bytes::from(piece)));
            let body = ByteStream::new(None, futures_util::stream::iter(pieces));
            let answer = answer(200, &[("content-length", "5"), ("x-cos-hash-crc64ecma", crc64)], "").map(|_| body);
            let object = read_response(&GetObject::new(key()), &Sent::default(), answer).unwrap();
            futures_util::FutureExt::now_or_never(object.bytes(5)).unwrap().map_err(|error| error.kind())
        };
        assert_eq!(ends(&Crc64::of(b"hello").to_string()), Ok("hello".into()));
        assert_eq!(ends("1"), Err(ErrorKind::Integrity));
        let refused = answer(404, &[], "<Error><Code>NoSuchKey</Code></Error>").map(ByteStream::from);
        let error = read_response(&GetObject::new(key()), &Sent::default(), refused).unwrap_err();
        assert_eq!((error.code(), error.operation()), (Some("NoSuchKey"), Some("GET Object")));
    }

    #[test]
    fn a_part_is_no_answer_to_who_asked_for_all() {
        let part = || answer(206, &[("content-range", "bytes 0-4/100"), ("content-length", "5")], "hello");
        let error = read_response(&GetObject::new(key()), &Sent::default(), part()).unwrap_err();
        assert_eq!((error.kind(), error.request_id()), (ErrorKind::Response, Some("NjQ")));
        assert!(read_response(&HeadObject::new(key()), &Sent::default(), part()).is_err());
        assert!(read_response(&GetObject::new(key()).range(..5), &Sent::default(), part()).is_ok());
    }
}
