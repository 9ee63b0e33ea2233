use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, Response, header};

use crate::answer::{header_number, header_text, request_id};
use crate::error::{Error, Result, ServiceError};
use crate::key::ObjectKey;
use crate::operation::{Operation, Permissions, Safety, Sent};
use crate::request::Request;

/// Asks what a browser asks before it lets a page of another origin send a request: whether the bucket's CORS
/// configuration allows it. `None` when no rule does.
///
/// It tries the rules that [`PutBucketCors`](crate::PutBucketCors) sets. Whether the object is there does not matter.
/// COS needs no signature for it; a key that signs it must have the right to. Changes nothing and may be repeated
/// freely.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket` or `AccessDenied`. That no rule allows
/// it, 403 `AccessForbidden`, is the answer `None`. [`ErrorKind::Input`](crate::ErrorKind::Input) for an origin that is
/// empty, goes on behind host and port, or cannot stand in a header, or what is no name of a header.
///
/// # Examples
/// ```no_run
/// use http::Method;
/// use tencent_cos::OptionsObject;
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// let ask = OptionsObject::new("photos/a.png".parse()?, "https://app.example.com", Method::PUT);
/// match bucket.send(ask.header("content-type")).await? {
///     Some(preflight) => println!("it may, and reads {:?}", preflight.expose_headers),
///     None => println!("no rule allows it"),
/// }
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [OPTIONS Object](https://cloud.tencent.com/document/product/436/8288)
#[doc(alias = "OPTIONS Object")]
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct OptionsObject {
    key: ObjectKey,
    origin: String,
    method: Method,
    headers: Vec<String>,
}

impl OptionsObject {
    /// Whether a page of this origin, scheme and host with a port, may send this.
    pub fn new(key: ObjectKey, origin: impl Into<String>, method: Method) -> Self {
        Self { key, origin: origin.into(), method, headers: Vec::new() }
    }

    /// One more header that the page would send, by its name (`Access-Control-Request-Headers`).
    pub fn header(mut self, name: impl Into<String>) -> Self {
        self.headers.push(name.into());
        self
    }
}

impl Operation for OptionsObject {
    type Output = Option<Preflight>;
    type Response = Bytes;
    const NAME: &'static str = "OPTIONS Object";
    const METHOD: Method = Method::OPTIONS;
    const PERMISSIONS: Permissions = Permissions::target("name/cos:OptionsObject");

    fn request(&self) -> Result<Request> {
        if self.origin.trim().is_empty() {
            return Err(Error::input("origin", "is empty"));
        }
        if self.origin.split_once("://").is_some_and(|(_, host)| host.contains('/')) {
            return Err(Error::input("origin", "goes on behind host and port; that of a page never does"));
        }
        if !self.headers.iter().all(|name| HeaderName::from_bytes(name.as_bytes()).is_ok()) {
            return Err(Error::input("header", "is no name of a header"));
        }
        Request::object(&self.key)
            .header("origin", &self.origin)?
            .header("access-control-request-method", self.method.as_str())?
            .header("access-control-request-headers", self.headers.join(","))
    }

    fn safety(&self) -> Safety {
        Safety::Read
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<Option<Preflight>> {
        let headers = response.headers();
        // A browser goes by this header, whatever the status.
        let allow_origin =
            header_text(headers, header::ACCESS_CONTROL_ALLOW_ORIGIN).filter(|origin| !origin.is_empty());
        let Some(allow_origin) = allow_origin else { return Ok(None) };
        let methods = names(headers, header::ACCESS_CONTROL_ALLOW_METHODS);
        Ok(Some(Preflight {
            allow_origin: allow_origin.to_owned(),
            allow_methods: methods.filter_map(|method| method.parse().ok()).collect(),
            allow_headers: names(headers, header::ACCESS_CONTROL_ALLOW_HEADERS).map(str::to_owned).collect(),
            allow_credentials: header_text(headers, header::ACCESS_CONTROL_ALLOW_CREDENTIALS) == Some("true"),
            expose_headers: names(headers, header::ACCESS_CONTROL_EXPOSE_HEADERS).map(str::to_owned).collect(),
            max_age: header_number(headers, header::ACCESS_CONTROL_MAX_AGE).map(Duration::from_secs),
            request_id: request_id(headers),
        }))
    }

    fn unset_by(&self, refusal: &ServiceError) -> Option<Option<Preflight>> {
        (refusal.code == "AccessForbidden").then_some(None)
    }
}

/// The names of a list in a header, without blanks; COS sends one line, others may send several.
fn names(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim).filter(|name| !name.is_empty())
}

/// What [`OptionsObject`] gives where a rule allows it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Preflight {
    /// The origin that may; `*` for any (`Access-Control-Allow-Origin`).
    pub allow_origin: String,
    /// All the rule allows (`Access-Control-Allow-Methods`).
    pub allow_methods: Vec<Method>,
    /// Of the headers that were asked for, or of all (`Access-Control-Allow-Headers`).
    pub allow_headers: Vec<String>,
    /// Whether the page may send cookies (`Access-Control-Allow-Credentials`).
    pub allow_credentials: bool,
    /// What of the answer's headers the page may read (`Access-Control-Expose-Headers`).
    pub expose_headers: Vec<String>,
    /// For how long the browser may go by it (`Access-Control-Max-Age`).
    pub max_age: Option<Duration>,
    request_id: String,
}

impl Preflight {
    /// `x-cos-request-id`.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::operation::{as_text, read_response};

    fn ask() -> OptionsObject {
        OptionsObject::new("a b".parse().unwrap(), "https://example.com", Method::PUT)
    }

    #[test]
    fn request_as_text() {
        assert_eq!(
            as_text(&ask().header("content-type").header("x-cos-meta-author")),
            "OPTIONS /a%20b\naccess-control-request-headers: content-type,x-cos-meta-author\n\
             access-control-request-method: PUT\norigin: https://example.com\n[0]"
        );
        assert!(!as_text(&ask()).contains("request-headers"));
    }

    #[test]
    fn output_reads_a_documented_answer() {
        let answer = Response::builder()
            .header("Access-Control-Allow-Headers", "content-md5,content-type,x-cos-meta-author")
            .header("Access-Control-Allow-Methods", "PUT,GET,POST,DELETE,HEAD")
            .header("Access-Control-Allow-Origin", "https://example.com")
            .header("Access-Control-Expose-Headers", "ETag, Content-Length,")
            .header("Access-Control-Expose-Headers", "x-cos-request-id")
            .header("Access-Control-Max-Age", "600")
            .header("x-cos-request-id", "NjQ")
            .body(Bytes::new())
            .unwrap();
        let preflight = ask().output(&Sent::default(), answer).unwrap().unwrap();
        assert_eq!(preflight.allow_origin, "https://example.com");
        let methods = [Method::PUT, Method::GET, Method::POST, Method::DELETE, Method::HEAD];
        assert_eq!(preflight.allow_methods, methods);
        assert_eq!(preflight.allow_headers, ["content-md5", "content-type", "x-cos-meta-author"]);
        assert_eq!(preflight.expose_headers, ["ETag", "Content-Length", "x-cos-request-id"]);
        assert_eq!((preflight.max_age, preflight.allow_credentials), (Some(Duration::from_secs(600)), false));
        assert_eq!(preflight.request_id(), "NjQ");
    }

    #[test]
    fn that_no_rule_allows_it_is_an_answer_and_no_bucket_an_error() {
        let read = |status: u16, code: &str| {
            let xml = format!("<Error><Code>{code}</Code></Error>");
            let answer = Response::builder().status(status).header("x-cos-request-id", "NjQ");
            let answer = answer.body(Bytes::from(xml)).unwrap();
            read_response(&ask(), &Sent::default(), answer)
        };
        assert_eq!(read(403, "AccessForbidden").unwrap(), None);
        assert_eq!(ask().output(&Sent::default(), Response::new(Bytes::new())).unwrap(), None);
        assert_eq!(read(403, "AccessDenied").unwrap_err().code(), Some("AccessDenied"));
        assert!(read(404, "NoSuchBucket").unwrap_err().is_not_found());
    }

    #[test]
    fn what_cannot_be_asked_is_refused() {
        let with = |origin: &str| OptionsObject::new("a".parse().unwrap(), origin, Method::GET);
        for (ask, field) in [
            (with(" "), "origin"),
            (with("a\nb"), "origin"),
            (with("https://a.example/"), "origin"),
            (ask().header("a,b"), "header"),
            (ask().header(""), "header"),
        ] {
            let error = ask.request().unwrap_err();
            assert_eq!((error.kind(), error.field()), (ErrorKind::Input, Some(field)));
        }
        assert!(with("http://[::1]:8000").request().is_ok() && with("null").request().is_ok());
    }
}
