//! One span for an operation, one event for an attempt. Never a header value, a query or a secret.

use crate::client::retry::Evidence;
use crate::error::Error;
use crate::region::Address;

/// Runs the operation in its span. Not an async function: that would hold the future twice.
#[cfg(feature = "tracing")]
pub(crate) fn operation<T>(
    name: &'static str,
    method: &http::Method,
    address: &Address,
    target: impl FnOnce() -> String,
    future: impl Future<Output = T>,
) -> impl Future<Output = T> {
    use tracing::Instrument;
    let span = tracing::info_span!(
        OPERATION,
        otel.name = name,
        otel.kind = "client",
        http.request.method = method.as_str(),
        server.address = address.host(),
        cos.target = target(),
        http.response.status_code = tracing::field::Empty,
        cos.request_id = tracing::field::Empty,
        error.type = tracing::field::Empty,
    );
    future.instrument(span)
}

#[cfg(feature = "tracing")]
const OPERATION: &str = "cos.operation";

/// The span of the operation; where it is switched off, none, and not the caller's, which may have fields of the same names.
#[cfg(feature = "tracing")]
fn span() -> tracing::Span {
    let span = tracing::Span::current();
    if span.metadata().is_some_and(|it| it.name() == OPERATION) { span } else { tracing::Span::none() }
}

#[cfg(not(feature = "tracing"))]
pub(crate) fn operation<T>(
    _: &'static str,
    _: &http::Method,
    _: &Address,
    _: impl FnOnce() -> String,
    future: impl Future<Output = T>,
) -> impl Future<Output = T> {
    future
}

/// An attempt came to its end with an answer of this status.
#[cfg(feature = "tracing")]
pub(crate) fn answered(attempt: u32, status: u16, request_id: Option<&http::HeaderValue>) {
    let request_id = request_id.and_then(|id| id.to_str().ok()).unwrap_or("");
    span().record("http.response.status_code", status).record("cos.request_id", request_id);
    tracing::debug!(
        http.request.resend_count = attempt - 1,
        http.response.status_code = status,
        cos.request_id = request_id,
        "attempt answered"
    );
}

#[cfg(not(feature = "tracing"))]
pub(crate) fn answered(_: u32, _: u16, _: Option<&http::HeaderValue>) {}

/// An attempt failed.
#[cfg(feature = "tracing")]
pub(crate) fn failed(attempt: u32, error: &Error, evidence: Evidence) {
    // None when it failed before anything was sent.
    let (kind, resent) = (error.kind(), attempt.saturating_sub(1));
    tracing::debug!(http.request.resend_count = resent, error.type = ?kind, ?evidence, "attempt failed");
}

#[cfg(not(feature = "tracing"))]
pub(crate) fn failed(_: u32, _: &Error, _: Evidence) {}

/// The operation failed for good.
#[cfg(feature = "tracing")]
pub(crate) fn gave_up(error: &Error) {
    let kind = error.kind();
    span().record("error.type", tracing::field::debug(kind));
}

#[cfg(not(feature = "tracing"))]
pub(crate) fn gave_up(_: &Error) {}
