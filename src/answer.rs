//! What an answer of COS says in its headers, and how it says no.

#[cfg(any(feature = "client", feature = "sts"))]
use std::collections::HashSet;
use std::time::Duration;

use http::header::AsHeaderName;
use http::response::Parts;
use http::{HeaderMap, HeaderName, header};

use crate::error::{Error, ErrorKind, Result, ServiceError};
use crate::time::parse_http_date;
use crate::xml;

/// Names that are looked up in every answer: parsed here, not there.
pub(crate) static REQUEST_ID: HeaderName = HeaderName::from_static("x-cos-request-id");
pub(crate) static CRC64: HeaderName = HeaderName::from_static("x-cos-hash-crc64ecma");
pub(crate) static VERSION_ID: HeaderName = HeaderName::from_static("x-cos-version-id");

/// The header's text; `None` when it is absent or not ASCII.
pub(crate) fn header_text(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// `x-cos-request-id`; of one that is none, so long, the beginning.
pub(crate) fn request_id(headers: &HeaderMap) -> String {
    let id = header_text(headers, &REQUEST_ID).unwrap_or_default();
    id.get(..1024).unwrap_or(id).to_owned()
}

/// What an operation gives whose answer says nothing but that it is done. For operations of your own, too.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Done {
    request_id: String,
}

impl Done {
    /// By the headers of the answer.
    pub fn told(headers: &HeaderMap) -> Self {
        Self { request_id: request_id(headers) }
    }

    /// By a refusal that says it is done already.
    pub fn refused(refusal: &ServiceError) -> Self {
        Self { request_id: refusal.request_id.clone() }
    }

    /// `x-cos-request-id`.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }
}

/// A number in a header.
pub(crate) fn header_number(headers: &HeaderMap, name: impl AsHeaderName) -> Option<u64> {
    header_text(headers, name)?.trim_ascii().parse().ok()
}

/// The length COS announced; `None` when it did not.
pub(crate) fn content_length(headers: &HeaderMap) -> Option<u64> {
    header_number(headers, header::CONTENT_LENGTH)
}

/// COS's own have some forty bytes.
pub(crate) const LONGEST_ETAG: usize = 1024;

/// The ETag of what was stored. COS names it in every such answer: one without, or with something that is none, comes
/// from somebody else, or ended early, and nothing says what was stored.
pub(crate) fn etag_of_stored(etag: impl Into<String>, head: &Parts) -> Result<String> {
    let etag = etag.into();
    if etag.trim().is_empty() || etag.len() > LONGEST_ETAG {
        return Err(Error::new(ErrorKind::Ambiguous, "the answer names no ETag").with_service(bare_answer(head)));
    }
    Ok(etag)
}

/// The same, from the headers.
pub(crate) fn stored_etag(head: &Parts) -> Result<String> {
    etag_of_stored(header_text(&head.headers, header::ETAG).unwrap_or_default(), head)
}

/// What an answer says that is no success, from its head and the beginning of its body.
pub(crate) fn refusal(head: &Parts, document: &[u8]) -> ServiceError {
    let told = xml::read_error(document);
    let from_header = |name: &str| header_text(&head.headers, name).map(xml::short);
    ServiceError {
        // An answer to HEAD has no document; some kinds of bucket tell the code beside.
        code: Some(told.code).filter(|code| !code.is_empty()).or(from_header("x-cos-error-code")).unwrap_or_default(),
        message: told.message,
        resource: told.resource,
        signed: told.signed,
        trace_id: from_header("x-cos-trace-id").unwrap_or(told.trace_id),
        retry_after: retry_after(&head.headers),
        ..bare_answer(head)
    }
}

/// What an answer says in its head alone.
pub(crate) fn bare_answer(head: &Parts) -> ServiceError {
    ServiceError {
        status: head.status.as_u16(),
        request_id: request_id(&head.headers),
        server_time: header_text(&head.headers, "date").and_then(parse_http_date),
        headers: (&head.headers).into(),
        ..ServiceError::default()
    }
}

/// Seconds, or a date by the server's own clock; garbage is as nothing.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = header_text(headers, "retry-after")?.trim();
    let wait = if let Ok(seconds) = text.parse() {
        Duration::from_secs(seconds)
    } else {
        let now = parse_http_date(header_text(headers, "date")?)?;
        parse_http_date(text)?.duration_since(now).unwrap_or_default()
    };
    Some(wait.min(Duration::from_secs(60)))
}

/// A stranger's text, short and on one line, unless it repeats a piece of what was sent.
#[cfg(any(feature = "client", feature = "sts"))]
pub(crate) fn quoted(text: &str, longest: usize, sent: &[&str]) -> String {
    let line: String = text.chars().filter(|c| !c.is_control()).collect();
    // In all of it: a piece that is cut off would be one as well.
    let repeated = sent.iter().any(|secret| repeats(&line, secret.as_bytes()));
    if repeated { "(it repeats the request)".to_owned() } else { line.chars().take(longest).collect() }
}

/// Whether a stranger's text holds a piece of what it was sent, as debugging servers' do.
#[cfg(any(feature = "client", feature = "sts"))]
pub(crate) fn repeats(text: &str, sent: &[u8]) -> bool {
    let piece = sent.len().clamp(1, 12);
    let pieces: HashSet<&[u8]> = sent.windows(piece).collect();
    sent.len() > 3 && text.as_bytes().windows(piece).any(|part| pieces.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An upload holds those of all its parts.
    #[test]
    fn an_etag_of_any_length_is_none() {
        let head = http::Response::new(()).into_parts().0;
        for (length, is_one) in [(0, false), (42, true), (1024, true), (300_000, false)] {
            let etag = etag_of_stored("e".repeat(length), &head);
            assert_eq!(etag.map_err(|error| error.kind()).is_ok(), is_one, "{length}");
        }
    }

    #[test]
    fn a_code_in_a_header_is_as_short_and_discreet_as_one_in_a_document() {
        let refused = |code: &str| {
            let response = http::Response::builder().status(403).header("x-cos-error-code", code);
            let head = response.header(&REQUEST_ID, code).body(()).unwrap().into_parts().0;
            let told = refusal(&head, b"");
            assert!(told.request_id.len() <= 1024);
            told.code
        };
        assert_eq!(refused("AccessDenied"), "AccessDenied");
        assert_eq!(refused(&"c".repeat(100_000)).len(), 1024);
        assert!(!refused("q-signature=0123").contains("0123"));
    }

    #[test]
    #[cfg(any(feature = "client", feature = "sts"))]
    fn a_piece_of_what_was_sent_is_found_in_however_long_a_text() {
        let token = (0..4000).map(|number| format!("{number:04}")).collect::<Vec<_>>().concat();
        let text = "0".repeat(256 * 1024);
        assert!(!repeats(&text, token.as_bytes()));
        assert!(repeats(&(text + &token[100..112]), token.as_bytes()));
        for (text, sent, found) in
            [("a key", "key", false), ("a key.", "key.", true), ("", "key.", false), ("a", "", false)]
        {
            assert_eq!(repeats(text, sent.as_bytes()), found, "{text:?} {sent:?}");
        }
    }
}
