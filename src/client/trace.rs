//! Spans and events of the feature `tracing`; `untraced.rs` stands in its place without it. Never a header value, a
//! query or a secret.

use http::Method;
use tracing::field::{Empty, debug};
use tracing::{Instrument as _, debug, info_span, warn};

use crate::client::provider::CredentialError;
use crate::error::Error;
use crate::region::BucketName;
use crate::retry::Evidence;

const OPERATION: &str = "cos.operation";
const TRANSFER: &str = "cos.transfer";

/// What goes on inside it is told to belong to it.
#[derive(Clone, Debug)]
pub(crate) struct Span(tracing::Span);

impl Span {
    /// That of an operation, with all its attempts.
    pub(crate) fn operation(name: &'static str, method: &Method, host: &str, target: impl FnOnce() -> String) -> Self {
        Self(info_span!(
            OPERATION,
            otel.name = name,
            otel.kind = "client",
            http.request.method = method.as_str(),
            server.address = host,
            cos.target = target(),
            http.response.status_code = Empty,
            cos.request_id = Empty,
            error.type = Empty,
        ))
    }

    /// That of a transfer.
    pub(crate) fn transfer(name: &'static str, bucket: &BucketName, key: &str) -> Self {
        Self(info_span!(
            TRANSFER,
            otel.name = name,
            cos.target = format!("{bucket}/{key}"),
            cos.bytes = Empty,
            cos.parts = Empty,
            cos.resumed_parts = Empty,
            error.type = Empty,
        ))
    }

    /// That of a part of a transfer, or a range.
    pub(crate) fn part(number: u64, offset: u64, length: u64) -> Self {
        Self(info_span!("cos.part", cos.part_number = number, cos.offset = offset, cos.length = length))
    }

    /// That of a refresh of a key.
    pub(crate) fn refresh() -> Self {
        Self(info_span!("cos.refresh"))
    }

    /// The one this is in: for a task of its own.
    pub(crate) fn current() -> Self {
        Self(tracing::Span::current())
    }

    /// Runs the future in it. Not an async function: that would hold the future twice.
    pub(crate) fn around<F: Future>(self, future: F) -> impl Future<Output = F::Output> {
        future.instrument(self.0)
    }

    /// The transfer is over: how many bytes and parts there were, and what it failed with.
    pub(crate) fn over(self, moved: impl FnOnce() -> (u64, u32), error: Option<&Error>) {
        if !self.0.is_disabled() {
            let (bytes, parts) = moved();
            self.0.record("cos.bytes", bytes).record("cos.parts", parts);
            self.0.record("error.type", error.map(|error| debug(error.kind())));
        }
    }
}

/// The span this is in, if it is one of these; where those are switched off, none, and not the caller's, which may have
/// fields of the same names.
fn inside(name: &str) -> tracing::Span {
    let span = tracing::Span::current();
    if span.metadata().is_some_and(|it| it.name() == name) { span } else { tracing::Span::none() }
}

/// An attempt came to its end with a success.
pub(crate) fn answered(attempt: u32, status: u16, request_id: &str) {
    inside(OPERATION).record("http.response.status_code", status).record("cos.request_id", request_id);
    debug!(
        http.request.resend_count = attempt - 1,
        http.response.status_code = status,
        cos.request_id = request_id,
        "attempt answered"
    );
}

/// An attempt failed.
pub(crate) fn failed(attempt: u32, error: &Error, evidence: Evidence) {
    debug!(
        // None when it failed before anything was sent.
        http.request.resend_count = attempt.saturating_sub(1),
        http.response.status_code = error.status(),
        cos.request_id = error.request_id(),
        error.type = ?error.kind(),
        ?evidence,
        "attempt failed"
    );
}

/// The operation failed for good.
pub(crate) fn gave_up(error: &Error) {
    inside(OPERATION)
        .record("http.response.status_code", error.status())
        .record("cos.request_id", error.request_id())
        .record("error.type", debug(error.kind()));
}

/// The body of an answer broke off, and is asked for from this byte of the object on.
pub(crate) fn read_on(offset: u64, error: &Error) {
    debug!(cos.offset = offset, error.type = ?error.kind(), "body read on");
}

/// So many parts of the transfer were done by an earlier run.
pub(crate) fn resumed(parts: usize) {
    if parts > 0 {
        inside(TRANSFER).record("cos.resumed_parts", parts);
    }
}

/// A provider gave a key.
pub(crate) fn refreshed(provider: &str) {
    debug!(cos.provider = provider, "key refreshed");
}

/// A provider gave no key that is of use, for the first time in a row or once more.
pub(crate) fn not_refreshed(provider: &str, error: &CredentialError, again: bool) {
    if again {
        debug!(cos.provider = provider, %error, "key not refreshed");
    } else {
        warn!(cos.provider = provider, %error, "key not refreshed");
    }
}

/// Something else that happens now and then.
pub(crate) fn event(what: &'static str) {
    debug!("{what}");
}
