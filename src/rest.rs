//! The rest of an answer whose body broke off: what to ask for, and whether what comes is that.

use http::response::Parts;
use http::{HeaderMap, StatusCode, header};

use crate::answer::{VERSION_ID, bare_answer, content_length, header_text};
use crate::error::{Error, ErrorKind, Result};
use crate::options::{ByteRange, Conditions, ContentRange};
use crate::request::Request;

/// What it takes to read on an answer whose body broke off: the request, and which bytes of what its answer brings.
///
/// The rest is asked for from the exact byte, of the same version, on the condition that the `ETag` is still the one of
/// the first answer.
#[derive(Clone, Debug)]
pub struct Rest {
    request: Request,
    etag: String,
    range: ContentRange,
}

impl Rest {
    /// From the request and the head of its answer. `None` when the answer cannot be read on: its length is not known,
    /// or it has no `ETag` (or a weak one) that would tell whether the object is still the same.
    pub fn of(request: Request, head: &Parts) -> Option<Self> {
        let range = range_of(head)?;
        let etag =
            header_text(&head.headers, header::ETAG).filter(|etag| !etag.is_empty() && !etag.starts_with("W/"))?;
        let etag = etag.to_owned();
        let request = match header_text(&head.headers, &VERSION_ID) {
            Some(version) if request.param("versionId").is_none() => request.query("versionId", version.to_owned()),
            _ => request,
        };
        Some(Self { request, etag, range })
    }

    /// The request whose answer it is.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// How many bytes the whole answer brings.
    pub fn length(&self) -> u64 {
        self.range.last - self.range.first + 1
    }

    /// Where in the object the byte after the first `delivered` of the answer lies.
    pub(crate) fn offset_after(&self, delivered: u64) -> u64 {
        self.range.first.saturating_add(delivered)
    }

    /// The request for all that comes after the first `delivered` bytes of the answer.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) when nothing is left.
    pub fn request_after(&self, delivered: u64) -> Result<Request> {
        let range = ByteRange::new(self.offset_after(delivered), self.range.last);
        self.request.clone().with(&range)?.with(&Conditions::new().if_match(&self.etag))
    }

    /// Whether this is the head of the answer to [`request_after`](Self::request_after).
    ///
    /// # Errors
    /// [`ErrorKind::Changed`](crate::ErrorKind::Changed) when another object is there by now,
    /// [`ErrorKind::Response`](crate::ErrorKind::Response) when it brings other bytes than were asked for.
    pub fn check(&self, delivered: u64, head: &Parts) -> Result<()> {
        let other = |kind, message: String| Err(Error::new(kind, message).with_service(bare_answer(head)));
        let Some(range) = content_range(&head.headers) else {
            return other(ErrorKind::Response, "asked for a range, got something else".to_owned());
        };
        let etag = header_text(&head.headers, header::ETAG);
        if range.total != self.range.total || etag.is_some_and(|etag| etag != self.etag) {
            return other(ErrorKind::Changed, "the object changed while it was being read".to_owned());
        }
        let asked = ContentRange { first: self.offset_after(delivered), ..self.range };
        let length = content_length(&head.headers);
        if head.status != StatusCode::PARTIAL_CONTENT || range != asked || length.is_some_and(|it| it != asked.length())
        {
            return other(ErrorKind::Response, format!("asked for {asked}, got {range}"));
        }
        Ok(())
    }
}

/// Which bytes the answer brings; `None` when that is not known, or it brings none.
fn range_of(head: &Parts) -> Option<ContentRange> {
    let length = content_length(&head.headers)?;
    match head.status {
        StatusCode::OK => Some(ContentRange { first: 0, last: length.checked_sub(1)?, total: length }),
        StatusCode::PARTIAL_CONTENT => content_range(&head.headers).filter(|range| range.length() == length),
        _ => None,
    }
}

fn content_range(headers: &HeaderMap) -> Option<ContentRange> {
    header_text(headers, "content-range").and_then(ContentRange::parse)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::ObjectKey;
    use http::Response;

    fn head(status: u16, headers: &[(&str, &str)]) -> Parts {
        let builder = headers
            .iter()
            .fold(Response::builder().status(status), |builder, (name, value)| builder.header(*name, *value));
        builder.body(()).unwrap().into_parts().0
    }

    fn request() -> Request {
        Request::object(&ObjectKey::new("k").unwrap())
    }

    const WHOLE: [(&str, &str); 3] = [("content-length", "100"), ("etag", "\"e\""), ("x-cos-request-id", "r")];

    #[test]
    fn the_rest_is_asked_for_from_the_exact_byte_of_the_same_object() {
        let rest = Rest::of(request(), &head(200, &WHOLE)).unwrap();
        let after = rest.request_after(7).unwrap();
        assert_eq!(after.headers()["range"], "bytes=7-99");
        assert_eq!(after.headers()["if-match"], "\"e\"");
        assert_eq!(after.param("versionId"), None);
        assert!(rest.request_after(100).is_err());

        let partial =
            [("content-length", "5"), ("etag", "\"e\""), ("content-range", "bytes 5-9/100"), ("x-cos-version-id", "v")];
        let rest = Rest::of(request(), &head(206, &partial)).unwrap();
        let after = rest.request_after(2).unwrap();
        assert_eq!((&after.headers()["range"], after.param("versionId")), (&"bytes=7-9".parse().unwrap(), Some("v")));
        let named = Rest::of(request().query("versionId", "w"), &head(206, &partial)).unwrap();
        assert_eq!(named.request_after(0).unwrap().param("versionId"), Some("w"));
        assert_eq!(rest.request_after(u64::MAX).unwrap_err().field(), Some("range"));
    }

    #[test]
    fn what_cannot_be_told_apart_is_not_read_on() {
        for headers in [
            &WHOLE[1..],
            &WHOLE[..1],
            &[("content-length", "100"), ("etag", "W/\"e\"")],
            &[("content-length", "0"), ("etag", "\"e\"")],
        ] {
            assert!(Rest::of(request(), &head(200, headers)).is_none(), "{headers:?}");
        }
        let odd = [("content-length", "6"), ("etag", "\"e\""), ("content-range", "bytes 5-9/100")];
        assert!(Rest::of(request(), &head(206, &odd)).is_none());
        assert!(Rest::of(request(), &head(203, &WHOLE)).is_none());
    }

    #[test]
    fn what_comes_must_be_the_rest_of_the_same_object() {
        let rest = Rest::of(request(), &head(200, &WHOLE)).unwrap();
        let check = |status, range: &str, etag: &str, length: &str| {
            rest.check(7, &head(status, &[("content-range", range), ("etag", etag), ("content-length", length)]))
        };
        assert!(check(206, "bytes 7-99/100", "\"e\"", "93").is_ok());
        for (range, etag) in [("bytes 7-99/100", "\"f\""), ("bytes 7-100/101", "\"e\"")] {
            assert_eq!(check(206, range, etag, "93").unwrap_err().kind(), ErrorKind::Changed);
        }
        for range in ["bytes 6-99/100", "bytes 7-98/100", "bytes 0-99/100", "", "bytes 7-x/100"] {
            assert_eq!(check(206, range, "\"e\"", "93").unwrap_err().kind(), ErrorKind::Response, "{range}");
        }
        assert_eq!(check(200, "bytes 7-99/100", "\"e\"", "93").unwrap_err().kind(), ErrorKind::Response);
        assert_eq!(check(206, "bytes 7-99/100", "\"e\"", "94").unwrap_err().kind(), ErrorKind::Response);
    }
}
