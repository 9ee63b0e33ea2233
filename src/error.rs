//! What can go wrong.

mod service;
mod signature;
mod transport;

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::io;

pub(crate) use self::service::Class;
pub use self::service::ServiceError;
pub use self::signature::{Canonical, SignatureMismatch};
pub use self::transport::TransportError;
use crate::name::display_name;

/// A `Result` whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

pub(crate) type BoxError = Box<dyn StdError + Send + Sync>;

/// Why an operation failed.
///
/// An error answers three questions: what was the client doing ([`operation`](Self::operation),
/// [`target`](Self::target)), may it have taken effect ([`may_have_taken_effect`](Self::may_have_taken_effect)), and is
/// it worth trying again ([`is_retryable`](Self::is_retryable)). What COS answered is in [`service`](Self::service).
///
/// `{error}` prints one line without the cause, which is in `source`, as error reporters expect; `{error:#}` prints the
/// causes, too. No secret, token, signature or query string ever appears in its `Debug` or `Display`.
///
/// # Examples
/// ```no_run
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// match bucket.get("notes/a.txt").await {
///     Ok(object) => println!("{} bytes", object.bytes(1 << 20).await?.len()),
///     Err(error) if error.is_not_found() => println!("there is none"),
///     Err(error) if error.is_access_denied() => println!("{:?} (request id {:?})", error.advice(), error.request_id()),
///     Err(error) => return Err(error),
/// }
/// # Ok(())
/// # }
/// ```
/// An error of your own, and how it prints:
/// ```
/// use tencent_cos::{Error, ErrorKind};
///
/// let error = Error::new(ErrorKind::Io, "reading a.txt").with_source(std::io::Error::other("the disk is gone"));
/// assert_eq!(format!("{error}"), "reading a.txt");
/// assert_eq!(format!("{error:#}"), "reading a.txt: the disk is gone");
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    /// What was met, where the kind says that its outcome is unknown.
    #[cfg(feature = "client")]
    met: ErrorKind,
    field: Option<&'static str>,
    message: Cow<'static, str>,
    operation: Option<&'static str>,
    target: Option<String>,
    attempts: u32,
    retryable: bool,
    may_have_taken_effect: bool,
    phase: Option<Phase>,
    timed_out: bool,
    service: Option<ServiceError>,
    upload_id: Option<String>,
    mismatch: Option<Box<SignatureMismatch>>,
    advice: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The kind of an [`Error`], in the order of a request's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An argument was refused before any I/O; [`Error::field`] names it.
    Input,
    /// No usable credentials: the provider failed, or gave something unusable.
    Credentials,
    /// The host name did not resolve.
    Dns,
    /// No connection was made. The request did not reach COS.
    Connect,
    /// The TLS handshake failed, for instance on a certificate of an unknown authority. Never retried.
    Tls,
    /// A timeout passed: of connecting, of a stalled body, of the response header, or the deadline.
    Timeout,
    /// The connection broke after it was made.
    Transport,
    /// COS answered with an error document; see [`Error::service`].
    Service,
    /// The answer is not one that COS gives: no request id, a redirect, unreadable XML, or a wrong length.
    Response,
    /// A checksum did not match.
    Integrity,
    /// The object or the source changed while it was being transferred.
    Changed,
    /// It is unknown whether the operation took effect.
    Ambiguous,
    /// A local file or stream failed.
    Io,
    /// The caller cancelled.
    Cancelled,
}

impl ErrorKind {
    /// Its name, like `Input`, for a log or for another programming language. It does not change.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Input => "Input",
            Self::Credentials => "Credentials",
            Self::Dns => "Dns",
            Self::Connect => "Connect",
            Self::Tls => "Tls",
            Self::Timeout => "Timeout",
            Self::Transport => "Transport",
            Self::Service => "Service",
            Self::Response => "Response",
            Self::Integrity => "Integrity",
            Self::Changed => "Changed",
            Self::Ambiguous => "Ambiguous",
            Self::Io => "Io",
            Self::Cancelled => "Cancelled",
        }
    }
}

display_name!(ErrorKind);

/// The steps of a request on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Resolving the host name.
    Dns,
    /// Connecting.
    Connect,
    /// The TLS handshake. Never retried: whoever steers us to a wrong certificate must gain nothing.
    Tls,
    /// Sending the request.
    Send,
    /// Waiting for the head of the answer.
    AwaitHeaders,
    /// Reading the body of the answer.
    ReadBody,
}

impl Phase {
    /// Its name, like `AwaitHeaders`, for a log or for another programming language. It does not change.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "Dns",
            Self::Connect => "Connect",
            Self::Tls => "Tls",
            Self::Send => "Send",
            Self::AwaitHeaders => "AwaitHeaders",
            Self::ReadBody => "ReadBody",
        }
    }
}

display_name!(Phase);

impl Error {
    /// An error of this kind, for your own operations and transports. Do not put a secret into the message.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            #[cfg(feature = "client")]
            met: kind,
            field: None,
            message: message.into(),
            operation: None,
            target: None,
            attempts: 0,
            retryable: false,
            may_have_taken_effect: matches!(kind, ErrorKind::Ambiguous),
            phase: None,
            timed_out: kind == ErrorKind::Timeout,
            service: None,
            upload_id: None,
            mismatch: None,
            advice: None,
            source: None,
        }))
    }

    /// A refused argument: `field` names it. The value is not repeated.
    pub fn input(field: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        let mut error = Self::new(ErrorKind::Input, message);
        error.0.field = Some(field);
        error
    }

    /// What COS answered. Code, message and status decide its kind, and whether it is retryable.
    pub fn service_error(service: ServiceError) -> Self {
        let class = service.class();
        let (kind, message) = match (class, service.status) {
            (Class::NotCos, _) => (ErrorKind::Response, "the answer has no COS request id"),
            (_, 300..=303 | 305..=399) => (ErrorKind::Response, "a redirect, which is never followed"),
            _ => (ErrorKind::Service, ""),
        };
        let mut error = Self::new(kind, message);
        error.0.retryable = matches!(class, Class::Throttled | Class::Conflict | Class::Transient | Class::NotCos);
        error.0.service = Some(service);
        error
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    pub(crate) fn with_service(mut self, service: ServiceError) -> Self {
        self.0.service = Some(service);
        self
    }

    pub(crate) fn retryable(mut self, retryable: bool) -> Self {
        self.0.retryable = retryable;
        self
    }

    pub(crate) fn may_have(mut self, taken_effect: bool) -> Self {
        self.0.may_have_taken_effect = taken_effect;
        self
    }

    /// So many bytes of a body did not come.
    pub(crate) fn ended_early(missing: u64) -> Self {
        Self::new(ErrorKind::Transport, format!("the body ended {missing} bytes early")).retryable(true)
    }

    /// The same failure, told as an unknown outcome: the request went out and nothing says what became of it.
    pub(crate) fn into_ambiguous(mut self) -> Self {
        self.0.kind = ErrorKind::Ambiguous;
        self.0.may_have_taken_effect = true;
        self.0.retryable = false;
        self
    }

    /// The same failure of a step that is of no consequence by itself: whether it took effect does not matter.
    #[cfg(feature = "client")]
    pub(crate) fn of_a_step(mut self) -> Self {
        if self.0.kind == ErrorKind::Ambiguous {
            self.0.kind = self.0.met;
            self.0.retryable = true;
        }
        self.may_have(false)
    }

    /// The same failure of a request that named the object as it was: another one is there by now.
    #[cfg(feature = "client")]
    pub(crate) fn if_changed(mut self) -> Self {
        if self.0.kind == ErrorKind::Service && matches!(self.status(), Some(412 | 416)) {
            self.0.kind = ErrorKind::Changed;
            self.0.message = "the object changed while it was being read".into();
            self.0.retryable = false;
        }
        self
    }

    /// The same failure, told of this operation.
    #[cfg(feature = "client")]
    pub(crate) fn renamed(mut self, operation: &'static str) -> Self {
        self.0.operation = Some(operation);
        self
    }

    /// Where and how often it was tried; the executor adds this once, at the end.
    pub(crate) fn during(mut self, operation: &'static str, target: &str, attempts: u32) -> Self {
        self.0.operation.get_or_insert(operation);
        if !target.is_empty() {
            self.0.target.get_or_insert_with(|| target.to_owned());
        }
        self.0.attempts = attempts;
        self
    }

    /// How far the request came on the wire, and whether a wait came to its limit there.
    pub(crate) fn on_the_wire(mut self, phase: Phase, timed_out: bool) -> Self {
        self.0.phase = Some(phase);
        self.0.timed_out = timed_out;
        self
    }

    /// The upload it was about.
    #[cfg(feature = "client")]
    pub(crate) fn with_upload_id(mut self, upload_id: Option<&str>) -> Self {
        self.0.upload_id = upload_id.map(str::to_owned);
        self
    }

    /// What this client signed, when COS refused the signature.
    #[cfg(feature = "client")]
    pub(crate) fn with_signed(mut self, ours: Canonical) -> Self {
        let cos = self.0.service.as_ref().and_then(|service| service.signed.as_deref()).cloned();
        if let Some(mismatch) = cos.map(|cos| SignatureMismatch::new(ours, cos)) {
            self.0.advice = Some(mismatch.advice());
            self.0.mismatch = Some(Box::new(mismatch));
        }
        self
    }

    /// A word to the reader about what to do. No secret.
    #[cfg(feature = "client")]
    pub(crate) fn with_advice(mut self, advice: String) -> Self {
        self.0.advice.get_or_insert(advice);
        self
    }

    /// The kind of failure.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The argument that was refused, for [`ErrorKind::Input`].
    pub fn field(&self) -> Option<&'static str> {
        self.0.field
    }

    /// The operation, in COS's words: `PUT Object`. `None` when no request failed, but for instance a file could not be
    /// read. Of a transfer that was cancelled, or failed without a request and left an upload behind, it is `upload`,
    /// `download`, `copy` or the like.
    pub fn operation(&self) -> Option<&'static str> {
        self.0.operation
    }

    /// What went wrong, without the operation, its target, the request id and what else `Display` adds. If the client
    /// has no message of its own, it is COS's; empty when COS sent none.
    pub fn message(&self) -> &str {
        match self.service() {
            Some(service) if self.0.message.is_empty() => &service.message,
            _ => &self.0.message,
        }
    }

    /// The bucket, or `bucket/key`, that the request was about; a bucket name has no slash. For a call of STS, its
    /// host. Never contains a query.
    pub fn target(&self) -> Option<&str> {
        self.0.target.as_deref()
    }

    /// How often the request was sent.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// What COS answered, if it answered.
    pub fn service(&self) -> Option<&ServiceError> {
        self.0.service.as_ref()
    }

    /// What was answered to this request, or to the one for a key without which this could not be sent.
    fn answer(&self) -> Option<&ServiceError> {
        let mut cause = if self.kind() == ErrorKind::Credentials { self.source() } else { None };
        self.service().or_else(|| {
            while let Some(error) = cause {
                if let Some(service) = error.downcast_ref::<Self>().and_then(Self::service) {
                    return Some(service);
                }
                cause = error.source();
            }
            None
        })
    }

    /// COS's error code, for instance `NoSuchKey`; or the code of STS, when it refused to give the key to sign with.
    /// `None` when there was none.
    pub fn code(&self) -> Option<&str> {
        self.answer().map(|service| service.code.as_str()).filter(|code| !code.is_empty())
    }

    /// The HTTP status, if there was an answer.
    pub fn status(&self) -> Option<u16> {
        self.service().map(|service| service.status)
    }

    /// `x-cos-request-id`, or the request id of STS when it refused to give the key to sign with. Tencent's support
    /// asks for it.
    pub fn request_id(&self) -> Option<&str> {
        self.answer().map(|service| service.request_id.as_str()).filter(|id| !id.is_empty())
    }

    /// The multipart upload it was about: with this id an upload whose result is unknown can be looked at and aborted.
    /// For a transfer, the upload that it left behind; `None` when it was aborted, or a checkpoint remembers it.
    pub fn upload_id(&self) -> Option<&str> {
        self.0.upload_id.as_deref()
    }

    /// After `SignatureDoesNotMatch`: what this client signed, what COS says it signed, and the first difference.
    pub fn signature_mismatch(&self) -> Option<&SignatureMismatch> {
        self.0.mismatch.as_deref()
    }

    /// What the client knows beyond COS's answer: the permission that was missing, when the temporary key expires, how
    /// wrong the clock is, the first difference between two signatures, the host that was asked. `Display` ends with
    /// it.
    pub fn advice(&self) -> Option<&str> {
        self.0.advice.as_deref()
    }

    /// Whether the same call may succeed later. The client has already retried within its limits.
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// Whether COS may have carried the request out in spite of this error.
    pub fn may_have_taken_effect(&self) -> bool {
        self.0.may_have_taken_effect
    }

    /// Whether a timeout passed, even when the kind is another, like [`Ambiguous`](ErrorKind::Ambiguous).
    pub fn is_timeout(&self) -> bool {
        self.0.timed_out
    }

    /// How far the request came before its connection failed; `None` when something else failed.
    pub fn phase(&self) -> Option<Phase> {
        self.0.phase
    }

    /// The object or bucket does not exist: HTTP 404.
    pub fn is_not_found(&self) -> bool {
        self.status() == Some(404) && self.kind() == ErrorKind::Service
    }

    /// The key is not allowed to do this: 403 `AccessDenied`, or that code in the body of a success. A 403 to a HEAD,
    /// which has no code, counts too, although the key itself may be what was refused.
    pub fn is_access_denied(&self) -> bool {
        let Some(service) = self.service() else { return false };
        let denied = matches!((service.status, service.code.as_str()), (403, "") | (200 | 403, "AccessDenied"));
        denied && service.class() == Class::Terminal
    }

    /// A condition of the request did not hold: 412, 304, or 409 `FileAlreadyExists`.
    pub fn is_precondition_failed(&self) -> bool {
        // Not when the outcome is unknown: what is there may be ours.
        self.kind() == ErrorKind::Service
            && (matches!(self.status(), Some(412 | 304)) || self.code() == Some("FileAlreadyExists"))
    }

    /// COS asks to slow down.
    pub fn is_throttled(&self) -> bool {
        self.service().is_some_and(|service| service.class() == Class::Throttled)
    }

    /// The temporary key has expired, or the key is not known.
    pub fn is_expired_credential(&self) -> bool {
        self.service().is_some_and(|service| service.class() == Class::CredentialExpired)
    }

    /// COS and this machine disagree about the time.
    pub fn is_clock_skew(&self) -> bool {
        self.service().is_some_and(|service| matches!(service.class(), Class::Clock | Class::SignatureExpired))
    }
}

/// For conversions that cannot fail.
impl From<std::convert::Infallible> for Error {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

/// An [`Error`] that was wrapped in an [`io::Error`] comes out unchanged; any other becomes [`ErrorKind::Io`].
impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(own) => own,
            Err(error) => Self::new(ErrorKind::Io, "a local file or stream failed").with_source(error),
        }
    }
}

/// For readers and writers: the error is wrapped unchanged, with the closest kind of `std::io`.
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::Input => io::ErrorKind::InvalidInput,
            ErrorKind::Integrity => io::ErrorKind::InvalidData,
            _ if error.is_timeout() => io::ErrorKind::TimedOut,
            _ if error.is_not_found() => io::ErrorKind::NotFound,
            _ if error.is_access_denied() => io::ErrorKind::PermissionDenied,
            _ => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &self.0;
        if let Some(operation) = inner.operation {
            write!(f, "{operation}")?;
            if let Some(target) = &inner.target {
                write!(f, " {}", Line(target))?;
            }
            f.write_str(": ")?;
        }
        if inner.kind == ErrorKind::Ambiguous {
            f.write_str("unknown outcome: ")?;
        }
        let message = Line(&inner.message);
        match (&inner.service, inner.field) {
            (Some(service), _) if inner.message.is_empty() => write!(f, "{service}")?,
            (Some(service), _) => write!(f, "{message}: {service}")?,
            (None, Some(field)) => write!(f, "{field}: {message}")?,
            (None, None) => write!(f, "{message}")?,
        }
        // That of a cause is told with the cause.
        let request_id = self.request_id().filter(|_| inner.service.is_some());
        if inner.attempts > 0 || request_id.is_some() {
            f.write_str(" (")?;
            if let Some(id) = request_id {
                write!(f, "request id {}", Line(id))?;
            }
            if inner.attempts > 0 {
                let comma = if request_id.is_some() { ", " } else { "" };
                let plural = if inner.attempts == 1 { "" } else { "s" };
                write!(f, "{comma}{} attempt{plural}", inner.attempts)?;
            }
            f.write_str(")")?;
        }
        if let Some(advice) = &inner.advice {
            write!(f, "; {}", Line(advice))?;
        }
        let mut cause = if f.alternate() { self.source() } else { None };
        let mut before = inner.message.to_string();
        while let Some(error) = cause {
            let text = error.to_string();
            // Some errors are made of the text of their cause.
            if !before.ends_with(&text) {
                write!(f, ": {}", Line(&text))?;
            }
            before = text;
            cause = error.source();
        }
        Ok(())
    }
}

/// Text of a stranger on one line: control characters cannot move the cursor of a terminal or forge a log line.
pub(crate) struct Line<'a>(pub(crate) &'a str);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            // Also what breaks lines, or turns their direction.
            let turns =
                matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            if c.is_control() || turns {
                write!(f, "{}", c.escape_default())?;
            } else {
                fmt::Write::write_char(f, c)?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.to_string())
            .field("service", &self.0.service)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_ref().map(|source| &**source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::service::answer;
    use super::*;

    #[test]
    fn a_cause_is_told_once() {
        let inner = Error::new(ErrorKind::Io, "the disk is gone").with_source("for good");
        let outer = Error::new(ErrorKind::Credentials, format!("no key: {inner}")).with_source(inner);
        assert_eq!(format!("{outer:#}"), "no key: the disk is gone: for good");
    }

    #[test]
    fn a_kind_has_the_name_that_the_source_and_traces_have() {
        use ErrorKind::{Ambiguous, Cancelled, Changed, Connect, Credentials, Dns, Input, Integrity, Io};
        use ErrorKind::{Response, Service, Timeout, Tls, Transport};
        let first = [Input, Credentials, Dns, Connect, Tls, Timeout, Transport];
        for kind in first.into_iter().chain([Service, Response, Integrity, Changed, Ambiguous, Io, Cancelled]) {
            assert_eq!(kind.as_str(), format!("{kind:?}"));
        }
        for phase in [Phase::Dns, Phase::Connect, Phase::Tls, Phase::Send, Phase::AwaitHeaders, Phase::ReadBody] {
            assert_eq!(phase.as_str(), format!("{phase:?}"));
        }
    }

    #[cfg(feature = "client")]
    #[test]
    fn display_is_one_line_with_request_id_and_attempts() {
        let error =
            Error::service_error(answer(403, "AccessDenied", "no\nway")).during("PUT Object", "b-1/photos/a.png", 1);
        assert_eq!(
            error.to_string(),
            "PUT Object b-1/photos/a.png: COS answered 403 AccessDenied: no\\nway (request id NjQ, 1 attempt)"
        );
    }

    #[test]
    fn only_a_missing_right_is_access_denied() {
        for (status, code, message, denied) in [
            (403, "AccessDenied", "Access Denied.", true),
            (403, "", "", true),
            (200, "AccessDenied", "", true),
            (200, "", "", false),
            (403, "AccessDenied", "Request has expired", false),
            (403, "AccessDenied", "ExpiredToken", false),
            (403, "SignatureDoesNotMatch", "", false),
            (400, "AccessDenied", "", false),
        ] {
            let error = Error::service_error(answer(status, code, message));
            assert_eq!(error.is_access_denied(), denied, "{status} {code} {message}");
            assert_eq!(error.is_expired_credential(), message == "ExpiredToken", "{status} {code} {message}");
        }
        let foreign = ServiceError { request_id: String::new(), ..answer(403, "", "") };
        assert!(!Error::service_error(foreign).is_access_denied());
    }

    #[test]
    fn an_error_comes_through_std_io_as_it_was() {
        for (status, code, kind) in [
            (404, "NoSuchKey", io::ErrorKind::NotFound),
            (403, "AccessDenied", io::ErrorKind::PermissionDenied),
            (409, "BucketNotEmpty", io::ErrorKind::Other),
        ] {
            let through = io::Error::from(Error::service_error(answer(status, code, "")));
            assert_eq!(through.kind(), kind);
            assert_eq!(Error::from(through).code(), Some(code));
        }
        let other = Error::from(io::Error::from(io::ErrorKind::NotFound));
        assert_eq!((other.kind(), other.is_not_found()), (ErrorKind::Io, false));
        let wrapped = io::Error::from(other);
        assert_eq!(wrapped.kind(), io::ErrorKind::Other);
    }

    #[test]
    fn the_refusal_of_a_key_names_its_code_and_request_outside() {
        let refused = ServiceError { by_sts: true, ..answer(200, "AuthFailure.UnauthorizedOperation", "no right") };
        let cause = Error::service_error(refused);
        assert!(cause.service().is_some_and(ServiceError::is_from_sts));
        assert_eq!(cause.message(), "no right");
        let asked = Error::new(ErrorKind::Io, "asking for a key").with_source(cause);
        let outer = Error::new(ErrorKind::Credentials, "no key").with_source(asked);
        assert_eq!((outer.code(), outer.request_id()), (Some("AuthFailure.UnauthorizedOperation"), Some("NjQ")));
        assert_eq!((outer.status(), outer.message(), outer.to_string().as_str()), (None, "no key", "no key"));
        let other = Error::new(ErrorKind::Io, "a file failed").with_source(Error::service_error(answer(404, "No", "")));
        assert_eq!((other.code(), other.request_id()), (None, None));
    }

    #[cfg(feature = "client")]
    #[test]
    fn how_far_a_request_came_outlives_its_kind() {
        let silent = Error::new(ErrorKind::Timeout, "waiting for the answer took too long");
        let silent = silent.on_the_wire(Phase::AwaitHeaders, true).into_ambiguous();
        assert_eq!((silent.kind(), silent.phase()), (ErrorKind::Ambiguous, Some(Phase::AwaitHeaders)));
        assert!(silent.is_timeout());
        assert_eq!(io::Error::from(silent).kind(), io::ErrorKind::TimedOut);
        let late = Error::new(ErrorKind::Timeout, "the deadline passed").into_ambiguous();
        assert_eq!((late.is_timeout(), late.phase()), (true, None));
        assert!(!Error::new(ErrorKind::Transport, "broke").is_timeout());
    }

    #[test]
    fn an_unknown_outcome_is_called_so_and_says_why() {
        let unheard = Error::new(ErrorKind::Transport, "waiting for the answer failed").into_ambiguous();
        assert_eq!(unheard.to_string(), "unknown outcome: waiting for the answer failed");
        let unread = Error::new(ErrorKind::Ambiguous, "the answer names no ETag").with_service(answer(200, "", ""));
        assert_eq!(unread.to_string(), "unknown outcome: the answer names no ETag: COS answered 200 (request id NjQ)");
    }

    /// A message may name a file, and a file may be called like a key that a stranger chose.
    #[test]
    fn a_message_is_one_line() {
        let path = "a\n2026-01-01 deleted\u{1b}[2K\u{202e}";
        let told = "writing a\\n2026-01-01 deleted\\u{1b}[2K\\u{202e}";
        assert_eq!(Error::new(ErrorKind::Io, format!("writing {path}")).to_string(), told);
        assert_eq!(Error::input("key", format!("writing {path}")).to_string(), format!("key: {told}"));
        let service = ServiceError { status: 200, ..ServiceError::default() };
        let strange = Error::new(ErrorKind::Response, format!("writing {path}")).with_service(service);
        assert_eq!(strange.to_string(), format!("{told}: the peer answered 200"));
        let inner = Error::new(ErrorKind::Io, path);
        let outer = Error::new(ErrorKind::Io, format!("no: {inner}")).with_source(inner);
        assert_eq!(format!("{outer:#}"), told.replace("writing", "no:"));
    }

    #[test]
    fn an_input_error_names_its_field() {
        let error = Error::input("key", "is empty");
        assert_eq!(error.to_string(), "key: is empty");
        assert_eq!(error.field(), Some("key"));
    }
}
