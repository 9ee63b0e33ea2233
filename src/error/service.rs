//! What COS or STS answered, and the one table that says what it means.

use std::fmt;
use std::time::{Duration, SystemTime};

use http::HeaderMap;

use super::{Canonical, Line};

/// The error document that COS answered with, or what is known without one.
///
/// COS reference: [Error codes](https://cloud.tencent.com/document/product/436/7730)
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServiceError {
    /// The HTTP status; 200 when an error came in the body of a success (copy, complete, delete of many).
    pub status: u16,
    /// COS's error code; empty when the answer had no body, as on HEAD.
    pub code: String,
    /// COS's message, cut to 1 KiB.
    pub message: String,
    /// The resource COS names.
    pub resource: String,
    /// `x-cos-request-id`; empty when the answer did not come from COS.
    pub request_id: String,
    /// `x-cos-trace-id`.
    pub trace_id: String,
    /// How long COS asks to wait (`Retry-After`), capped at 60 seconds.
    pub retry_after: Option<Duration>,
    /// The server's time, from the `Date` header.
    pub server_time: Option<SystemTime>,
    /// What COS says it signed, if it says so.
    pub signed: Option<Box<Canonical>>,
    /// It was STS that answered, not COS; its codes have a table of their own.
    pub(crate) by_sts: bool,
    pub(crate) headers: Headers,
}

/// Of an answer. They say how many they are, and not what: a stranger may repeat what it was sent.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Headers(Option<Box<HeaderMap>>);

impl Headers {
    /// More than these are not kept: a thousand errors may be held at once, of whoever answers.
    const MOST_BYTES: usize = 32 * 1024;
}

impl From<&HeaderMap> for Headers {
    fn from(headers: &HeaderMap) -> Self {
        let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        Self((bytes <= Self::MOST_BYTES).then(|| Box::new(headers.clone())))
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Headers").field(&self.0.as_ref().map_or(0, |headers| headers.len())).finish()
    }
}

/// What an answer means for the loop. The first row that matches wins; see [`ServiceError::class`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// The key is over, or not known (any more): refresh it once.
    CredentialExpired,
    /// Our clock is off: correct it, sign anew once.
    Clock,
    /// The span of the signature is over: the clock is off, the request was long under way, or the temporary key ended.
    SignatureExpired,
    /// COS received fewer or other bytes than we sent.
    Integrity,
    /// Too fast: wait longer.
    Throttled,
    /// Two writers met.
    Conflict,
    /// COS had a problem of its own.
    Transient,
    /// No request id: a proxy, a portal or a load balancer answered.
    NotCos,
    /// The answer is final.
    Terminal,
}

impl Class {
    /// Whether COS may have begun all the same.
    pub(crate) fn leaves_open(self) -> bool {
        matches!(self, Self::Transient | Self::NotCos | Self::Integrity)
    }
}

impl ServiceError {
    /// The headers of an HTTP answer that is an error: a proxy passes on the `ETag` of a 304, or the `Content-Range` of
    /// a 416. `None` without such an answer, or when its headers are longer than 32 KiB. When
    /// [`request_id`](Self::request_id) is empty, the answer came from somebody else than COS.
    pub fn headers(&self) -> Option<&HeaderMap> {
        self.headers.0.as_deref()
    }

    /// Whether it was STS that answered, not COS.
    pub fn is_from_sts(&self) -> bool {
        self.by_sts
    }

    /// The table of the COS error codes: code and message first, status last, because one meaning comes under
    /// several statuses (an expired token is 400 in today's documents, 403 in older ones).
    pub(crate) fn class(&self) -> Class {
        if self.by_sts {
            return self.class_of_sts();
        }
        let code = self.code.trim();
        let message = self.message.trim();
        let says = |word: &str| code.eq_ignore_ascii_case(word) || message.eq_ignore_ascii_case(word);
        if self.request_id.is_empty() {
            return Class::NotCos;
        }
        if matches!(self.status, 400 | 403) {
            if says("ExpiredToken") || says("InvalidAccessKeyId") {
                return Class::CredentialExpired;
            }
            if says("RequestTimeTooSkewed") {
                return Class::Clock;
            }
            if says("Request has expired") {
                return Class::SignatureExpired;
            }
        }
        #[allow(clippy::match_same_arms)] // rows of a table: the first that matches wins
        match (self.status, code) {
            (400, "RequestTimeout" | "IncompleteBody" | "UserNetworkTooSlow") => Class::Transient,
            // Of a SELECT: before there are results, or among them.
            (200 | 400, "Busy" | "Overload") => Class::Transient,
            (400, "BadDigest" | "InvalidSHA1Digest" | "EntitySizeNotMatch") => Class::Integrity,
            (_, "SlowDown" | "KmsFreqControl") | (429, _) => Class::Throttled,
            (409, "PathConflict" | "UploadConflict") => Class::Conflict,
            (_, "InternalError" | "ServiceUnavailable" | "KmsInternalException") => Class::Transient,
            (501 | 505, _) => Class::Terminal,
            (500..=599, _) => Class::Transient,
            _ => Class::Terminal,
        }
    }

    /// The table of the codes of STS, which come with status 200.
    fn class_of_sts(&self) -> Class {
        let (family, _) = self.code.split_once('.').unwrap_or((&self.code, ""));
        match (family, self.code.as_str()) {
            ("RequestLimitExceeded", _) => Class::Throttled,
            ("InternalError", _) => Class::Transient,
            (_, "AuthFailure.SignatureExpire") => Class::Clock,
            (_, "AuthFailure.SecretIdNotFound" | "AuthFailure.TokenFailure") => Class::CredentialExpired,
            _ => Class::Terminal,
        }
    }
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = match (self.request_id.is_empty(), self.by_sts) {
            (true, _) => "the peer",
            (false, true) => "STS",
            (false, false) => "COS",
        };
        write!(f, "{who} answered {}", self.status)?;
        if !self.code.is_empty() {
            write!(f, " {}", Line(&self.code))?;
        }
        if !self.message.is_empty() {
            write!(f, ": {}", Line(&self.message))?;
        }
        Ok(())
    }
}

/// An answer of COS, for tests.
#[cfg(test)]
pub(super) fn answer(status: u16, code: &str, message: &str) -> ServiceError {
    ServiceError {
        status,
        code: code.to_owned(),
        message: message.to_owned(),
        request_id: "NjQ".to_owned(),
        ..ServiceError::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expired_token_is_recognised_in_every_documented_form() {
        for (status, code, message) in [
            (400, "ExpiredToken", "temporary key token has expired"),
            (403, "ExpiredToken", ""),
            (403, "AccessDenied", "ExpiredToken"),
        ] {
            assert_eq!(answer(status, code, message).class(), Class::CredentialExpired, "{status} {code}");
        }
        assert_eq!(answer(403, "AccessDenied", "Request has expired").class(), Class::SignatureExpired);
        assert_eq!(answer(403, "Request has expired", "").class(), Class::SignatureExpired);
        assert_eq!(answer(403, "AccessDenied", "RequestTimeTooSkewed").class(), Class::Clock);
        assert_eq!(answer(403, "AccessDenied", "Access Denied.").class(), Class::Terminal);
    }

    #[test]
    fn only_some_5xx_are_worth_another_try() {
        for (status, code, class) in [
            (500, "InternalError", Class::Transient),
            (502, "", Class::Transient),
            (503, "SlowDown", Class::Throttled),
            (501, "NotImplemented", Class::Terminal),
            (505, "", Class::Terminal),
            (451, "UnavailableForLegalReasons", Class::Terminal),
            (200, "SlowDown", Class::Throttled),
            (200, "InternalError", Class::Transient),
            (200, "Busy", Class::Transient),
            (200, "AccessDenied", Class::Terminal),
            (409, "PathConflict", Class::Conflict),
            (409, "BucketNotEmpty", Class::Terminal),
        ] {
            assert_eq!(answer(status, code, "").class(), class, "{status} {code}");
        }
    }

    /// Of a directory a thousand failures may be held at once.
    #[test]
    fn an_error_keeps_no_headers_that_cos_would_not_send() {
        let kept = |value: usize| {
            let mut headers = HeaderMap::new();
            headers.insert("etag", "\"e\"".parse().unwrap());
            headers.insert("x-cos-meta-a", "a".repeat(value).parse().unwrap());
            let service = ServiceError { headers: (&headers).into(), ..answer(412, "PreconditionFailed", "") };
            service.headers().map(HeaderMap::len)
        };
        assert_eq!((kept(16 * 1024), kept(70_000)), (Some(2), None));
    }
}
