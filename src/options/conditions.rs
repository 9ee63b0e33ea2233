use std::borrow::Cow;
use std::time::SystemTime;

use http::{HeaderMap, HeaderName, header};

use crate::answer::header_text;
use crate::error::{Error, Result};
use crate::request::{Describe, Request};
use crate::time::{http_date, parse_http_date};

/// When a read counts. A condition that does not hold is an error of status 304 or 412
/// ([`Error::is_precondition_failed`](crate::Error::is_precondition_failed)).
#[allow(clippy::struct_field_names)] // the headers' own names
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    if_match: Option<String>,
    if_none_match: Option<String>,
    if_modified_since: Option<SystemTime>,
    if_unmodified_since: Option<SystemTime>,
}

impl Conditions {
    /// No condition.
    pub fn new() -> Self {
        Self::default()
    }

    /// The object has this ETag (`If-Match`); else 412.
    #[must_use]
    pub fn if_match(mut self, etag: impl Into<String>) -> Self {
        self.if_match = Some(etag.into());
        self
    }

    /// Whether an object with this ETag is the one asked for, as far as `If-Match` says.
    #[cfg(feature = "client")]
    pub(crate) fn wants<'a>(&'a self, etag: &'a str) -> bool {
        let bare = |etag: &'a str| etag.trim_matches('"');
        // An empty one is refused when it is sent.
        self.if_match.as_deref().is_none_or(|wanted| matches!(bare(wanted), "*" | "") || bare(wanted) == bare(etag))
    }

    /// The object has another ETag (`If-None-Match`); else 304.
    #[must_use]
    pub fn if_none_match(mut self, etag: impl Into<String>) -> Self {
        self.if_none_match = Some(etag.into());
        self
    }

    /// It changed after this time, in whole seconds (`If-Modified-Since`); else 304.
    #[must_use]
    pub fn if_modified_since(mut self, time: SystemTime) -> Self {
        self.if_modified_since = Some(time);
        self
    }

    /// It did not change after this time, in whole seconds (`If-Unmodified-Since`); else 412.
    #[must_use]
    pub fn if_unmodified_since(mut self, time: SystemTime) -> Self {
        self.if_unmodified_since = Some(time);
        self
    }
}

impl Conditions {
    /// Those of a request that is handed on, as HTTP reads them: a time that is none is passed over, and so is
    /// `If-Modified-Since` beside `If-None-Match`, `If-Unmodified-Since` beside `If-Match`. An ETag that cannot be sent
    /// is refused with the operation.
    ///
    /// # Examples
    /// ```
    /// use tencent_cos::http::HeaderMap;
    /// use tencent_cos::{Conditions, GetObject};
    ///
    /// # fn example(asked: &HeaderMap) -> tencent_cos::Result<()> {
    /// let get = GetObject::new("notes/a.txt".parse()?)
    ///     .conditions(Conditions::from_headers(asked))
    ///     .range_from_headers(asked);
    /// # let _ = get;
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_headers(headers: &HeaderMap) -> Self {
        let etags = |name: HeaderName| {
            let lines = headers.get_all(name).into_iter().map(|line| String::from_utf8_lossy(line.as_bytes()));
            lines.map(Cow::into_owned).reduce(|all, line| format!("{all}, {line}"))
        };
        let time = |name: HeaderName| header_text(headers, name).and_then(parse_http_date);
        let (if_match, if_none_match) = (etags(header::IF_MATCH), etags(header::IF_NONE_MATCH));
        Self {
            if_modified_since: time(header::IF_MODIFIED_SINCE).filter(|_| if_none_match.is_none()),
            if_unmodified_since: time(header::IF_UNMODIFIED_SINCE).filter(|_| if_match.is_none()),
            if_match,
            if_none_match,
        }
    }

    /// `If-Match` and its like: name, value.
    fn headers(&self) -> Result<[(&'static str, Option<String>); 4]> {
        let blank = |etag: &Option<String>| etag.as_ref().is_some_and(|etag| etag.trim().is_empty());
        if blank(&self.if_match) || blank(&self.if_none_match) {
            // It would be sent as no condition at all.
            return Err(Error::input("conditions", "have an empty ETag"));
        }
        Ok([
            ("if-match", self.if_match.clone()),
            ("if-none-match", self.if_none_match.clone()),
            ("if-modified-since", self.if_modified_since.map(http_date)),
            ("if-unmodified-since", self.if_unmodified_since.map(http_date)),
        ])
    }

    /// The conditions under the names they have for the source of a copy.
    pub(super) fn describe_source(&self, mut request: Request) -> Result<Request> {
        for (name, value) in self.headers()? {
            let name = match name {
                "if-match" => "x-cos-copy-source-if-match",
                "if-none-match" => "x-cos-copy-source-if-none-match",
                "if-modified-since" => "x-cos-copy-source-if-modified-since",
                _ => "x-cos-copy-source-if-unmodified-since",
            };
            request = request.header_opt(name, value)?;
        }
        Ok(request)
    }
}

impl Describe for Conditions {
    fn describe(&self, request: Request) -> Result<Request> {
        self.headers()?.into_iter().try_fold(request, |request, (name, value)| request.header_opt(name, value))
    }
}

/// Headers the answer shall carry in place of those stored (`response-content-type` and its like). Signed requests
/// only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResponseOverrides {
    params: Vec<(&'static str, String)>,
}

impl ResponseOverrides {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// `Content-Type` of the answer.
    #[must_use]
    pub fn content_type(self, value: impl Into<String>) -> Self {
        self.set("response-content-type", value)
    }

    /// `Content-Language` of the answer.
    #[must_use]
    pub fn content_language(self, value: impl Into<String>) -> Self {
        self.set("response-content-language", value)
    }

    /// `Content-Disposition` of the answer, for instance `attachment; filename="report.pdf"`.
    #[must_use]
    pub fn content_disposition(self, value: impl Into<String>) -> Self {
        self.set("response-content-disposition", value)
    }

    /// `Content-Encoding` of the answer.
    #[must_use]
    pub fn content_encoding(self, value: impl Into<String>) -> Self {
        self.set("response-content-encoding", value)
    }

    /// `Cache-Control` of the answer.
    #[must_use]
    pub fn cache_control(self, value: impl Into<String>) -> Self {
        self.set("response-cache-control", value)
    }

    /// `Expires` of the answer.
    #[must_use]
    pub fn expires(self, time: SystemTime) -> Self {
        self.set("response-expires", http_date(time))
    }

    fn set(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.params.retain(|(param, _)| *param != name);
        self.params.push((name, value.into()));
        self
    }
}

impl Describe for ResponseOverrides {
    fn describe(&self, request: Request) -> Result<Request> {
        self.params.iter().try_fold(request, |request, (name, value)| {
            // COS makes a header of it.
            if value.contains(char::is_control) {
                return Err(Error::input(name, "holds a line break or another control character"));
            }
            Ok(request.query(*name, value.clone()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::GetObject;
    use crate::operation::{Operation as _, as_text};
    use http::HeaderValue;

    fn of(headers: &[(&'static str, &[u8])]) -> Conditions {
        let value = |bytes: &[u8]| HeaderValue::from_bytes(bytes).unwrap();
        let mut map = HeaderMap::new();
        for (name, bytes) in headers {
            map.append(*name, value(bytes));
        }
        Conditions::from_headers(&map)
    }

    #[test]
    fn the_conditions_of_a_request_are_handed_on() {
        let time: (_, &[u8]) = ("if-modified-since", b"Sunday, 06-Nov-94 08:49:37 GMT");
        let get = |conditions| as_text(&GetObject::new("k".parse().unwrap()).conditions(conditions));
        assert_eq!(
            get(of(&[("if-none-match", b"\"a\""), ("if-none-match", b"W/\"b\", \"c\""), time])),
            "GET /k\nif-none-match: \"a\", W/\"b\", \"c\"\n[0]"
        );
        assert_eq!(
            get(of(&[time, ("range", b"bytes=0-1")])),
            "GET /k\nif-modified-since: Sun, 06 Nov 1994 08:49:37 GMT\n[0]"
        );
        let unmodified: (_, &[u8]) = ("if-unmodified-since", b"Sun Nov  6 08:49:37 1994");
        assert_eq!(get(of(&[unmodified])), "GET /k\nif-unmodified-since: Sun, 06 Nov 1994 08:49:37 GMT\n[0]");
        assert_eq!(get(of(&[unmodified, ("if-match", b"*")])), "GET /k\nif-match: *\n[0]");
        assert_eq!(of(&[("if-modified-since", b"yesterday"), ("if-unmodified-since", b"\xff")]), Conditions::new());
    }

    #[test]
    fn what_is_no_etag_is_not_passed_over() {
        for (name, value, field) in [
            ("if-match", &b""[..], "conditions"),
            ("if-none-match", b" ", "conditions"),
            ("if-match", b"\"\xff\"", "if-match"),
        ] {
            let get = GetObject::new("k".parse().unwrap()).conditions(of(&[(name, value)]));
            assert_eq!(get.request().unwrap_err().field(), Some(field), "{name} {value:?}");
        }
    }
}
