//! The seam to the network: thin, replaceable, with errors of our own.

mod connections;
#[cfg(feature = "hyper")]
mod hyper;
mod options;
mod reqwest;

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

pub use self::connections::Connections;
#[cfg(feature = "hyper")]
pub(crate) use self::hyper::HyperTransport;
pub use self::options::Transport;
pub(crate) use self::options::TransportOptions;
pub(crate) use self::reqwest::ReqwestTransport;
use crate::body::ByteStream;
use crate::client::payload::Payload;
use crate::client::provider::BoxFuture;
pub(crate) use crate::error::Phase;
use crate::error::{BoxError, Error, ErrorKind};

/// Sends a request and brings the answer. It retries nothing, follows nothing, decompresses nothing.
///
/// The client made by [`ClientBuilder`](crate::ClientBuilder) brings one on reqwest; implement this for another HTTP
/// library, or for tests that need no socket.
///
/// The request is complete: absolute URI, `Host`, `Content-Length`, signature. Send its headers as they are. The
/// [`Payload`] is an [`http_body::Body`] of known length; take its frames as the connection takes them, because the
/// stall limit runs on them. Connecting must be bounded in time here; everything after is bounded by the caller, who
/// drops the future. Once the head of an answer was returned, a payload that was not taken to its end has no more frames,
/// and fails when the call is over: its connection must serve no other request.
///
/// # Cancellation
/// Dropping the future, or the stream of the answer, stops all I/O; a connection with a half-sent request is closed.
pub trait HttpClient: Send + Sync + fmt::Debug {
    /// Sends one request.
    fn execute(
        &self,
        request: http::Request<Payload>,
    ) -> BoxFuture<'_, Result<http::Response<ByteStream>, TransportError>>;
}

/// Shared by several clients.
impl<H: HttpClient + ?Sized> HttpClient for Arc<H> {
    fn execute(
        &self,
        request: http::Request<Payload>,
    ) -> BoxFuture<'_, Result<http::Response<ByteStream>, TransportError>> {
        (**self).execute(request)
    }
}

/// Beside a request that shall not go over an idle connection: what ended one may have ended them all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fresh;

/// The first frame of the body of an answer, if it came with the head. Of a small object it is all: then its connection
/// is free again, and nothing of the body waits for anything.
fn at_hand<B>(body: &mut B) -> Option<Result<Bytes, B::Error>>
where
    B: http_body::Body<Data = Bytes> + Unpin,
{
    if body.is_end_stream() {
        return Some(Ok(Bytes::new()));
    }
    match Pin::new(body).poll_frame(&mut Context::from_waker(Waker::noop())) {
        // else trailers
        Poll::Ready(Some(Ok(frame))) => frame.into_data().ok().map(Ok),
        Poll::Ready(Some(Err(error))) => Some(Err(error)),
        Poll::Ready(None) | Poll::Pending => None,
    }
}

/// How far a request came before the connection failed it.
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
    pub(crate) fn into_source(self) -> BoxError {
        self.source
    }

    /// Whether this machine had no file descriptor for a connection, which says nothing of the host.
    pub(crate) fn is_shortage(&self) -> bool {
        let mut cause = Some(&*self.source as &(dyn StdError + 'static));
        while let Some(error) = cause {
            if self.is_unsent() && error.downcast_ref().is_some_and(is_want_of_files) {
                return true;
            }
            cause = error.source();
        }
        // A resolver that could open nothing says that there is no such host.
        self.phase == Phase::Dns
            && UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).is_err_and(|error| is_want_of_files(&error))
    }

    /// Whether the connection was an idle one that had gone away.
    pub(crate) fn is_stale(&self) -> bool {
        self.reused == Some(true) && self.request_bytes == Some(0)
    }
}

fn is_want_of_files(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|code| NO_MORE_FILES.contains(&code))
}

/// How the system says that a process, or all of them, have too many files open.
#[cfg(not(windows))]
const NO_MORE_FILES: [i32; 2] = [24, 23];
#[cfg(windows)]
const NO_MORE_FILES: [i32; 1] = [10_024];

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
