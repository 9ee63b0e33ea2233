//! How a connection failed a request.

use super::{BoxError, Error, ErrorKind, Phase};

/// How far a request came before the connection failed it. It becomes an [`Error`] that knows whether the request may
/// have taken effect, and whether it is worth another try.
#[derive(Debug, thiserror::Error)]
#[error("{} {}", doing(*phase), if *timed_out { "took too long" } else { "failed" })]
pub struct TransportError {
    phase: Phase,
    timed_out: bool,
    request_bytes: Option<u64>,
    reused: Option<bool>,
    source: BoxError,
}

impl TransportError {
    /// A failure in this phase.
    pub fn new(phase: Phase, source: impl Into<BoxError>) -> Self {
        Self { phase, timed_out: false, request_bytes: None, reused: None, source: source.into() }
    }

    /// It was a wait that came to its limit.
    #[must_use]
    pub fn with_timed_out(mut self, timed_out: bool) -> Self {
        self.timed_out = timed_out;
        self
    }

    /// How many bytes of the request, head included, were written to the connection. Without this the request counts
    /// as written.
    #[must_use]
    pub fn with_request_bytes(mut self, bytes: u64) -> Self {
        self.request_bytes = Some(bytes);
        self
    }

    /// Whether the connection had served a request before.
    #[must_use]
    pub fn with_reused(mut self, reused: bool) -> Self {
        self.reused = Some(reused);
        self
    }

    /// The phase.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether it was a wait that came to its limit.
    pub fn timed_out(&self) -> bool {
        self.timed_out
    }

    /// How many bytes of the request were written to the connection, if that is known.
    pub fn request_bytes(&self) -> Option<u64> {
        self.request_bytes
    }

    /// Whether the connection had served a request before, if that is known.
    pub fn reused(&self) -> Option<bool> {
        self.reused
    }

    /// Whether it is certain that COS saw nothing of the request.
    pub fn is_unsent(&self) -> bool {
        matches!(self.phase, Phase::Dns | Phase::Connect | Phase::Tls) || self.request_bytes == Some(0)
    }

    /// What the library below says, without what this error says already.
    #[cfg(feature = "client")]
    pub(crate) fn into_source(self) -> BoxError {
        self.source
    }

    /// Whether the connection was an idle one that had gone away.
    #[cfg(feature = "client")]
    pub(crate) fn is_stale(&self) -> bool {
        self.reused == Some(true) && self.request_bytes == Some(0)
    }
}

/// What was being done.
fn doing(phase: Phase) -> &'static str {
    match phase {
        Phase::Dns => "resolving the host",
        Phase::Connect => "connecting",
        Phase::Tls => "the TLS handshake",
        Phase::Send => "sending the request",
        Phase::AwaitHeaders => "waiting for the answer",
        Phase::ReadBody => "reading the answer",
    }
}

impl From<TransportError> for Error {
    fn from(error: TransportError) -> Self {
        let kind = match error.phase {
            Phase::Tls => ErrorKind::Tls,
            _ if error.timed_out => ErrorKind::Timeout,
            Phase::Dns => ErrorKind::Dns,
            Phase::Connect => ErrorKind::Connect,
            Phase::Send | Phase::AwaitHeaders | Phase::ReadBody => ErrorKind::Transport,
        };
        let (may_have, message) = (!error.is_unsent(), error.to_string());
        // The phase is told; what the library below says is the source, without repeating it.
        Self::new(kind, message)
            .retryable(kind != ErrorKind::Tls)
            .may_have(may_have)
            .on_the_wire(error.phase, error.timed_out)
            .with_source(error.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_far_a_request_came_is_told_beside_the_kind() {
        let lost = || TransportError::new(Phase::Tls, "silent").with_timed_out(true);
        let error = Error::from(lost());
        assert_eq!((error.kind(), error.phase(), error.is_timeout()), (ErrorKind::Tls, Some(Phase::Tls), true));
        let broken = TransportError::new(Phase::ReadBody, "reset").with_request_bytes(7).with_reused(true);
        assert_eq!((broken.timed_out(), broken.request_bytes(), broken.reused()), (false, Some(7), Some(true)));
        let error = Error::from(broken);
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Transport, Some(Phase::ReadBody)));
        assert!(!error.is_timeout());
        assert_eq!((lost().request_bytes(), lost().reused()), (None, None));
    }
}
