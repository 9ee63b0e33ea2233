//! The seam to the network: thin, replaceable, with errors of our own.

mod connections;
#[cfg(feature = "hyper")]
mod hyper;
mod options;
mod reqwest;

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
pub(crate) use crate::error::{Phase, TransportError};

/// Sends a request and brings the answer. It retries nothing, follows nothing, decompresses nothing.
///
/// The client made by [`ClientBuilder`](crate::ClientBuilder) brings one on reqwest; implement this for another HTTP
/// library, or for tests that need no socket.
///
/// The request is complete: absolute URI, `Host`, `Content-Length`, signature. Send its headers as they are. The
/// [`Payload`] is an [`http_body::Body`] of known length; take its frames as the connection takes them, because the
/// stall limit runs on them. Connecting must be bounded in time here; everything after is bounded by the caller, who
/// drops the future. Once the head of an answer was returned, a payload that was not taken to its end has no more
/// frames, and fails when the call is over: its connection must serve no other request.
///
/// # Cancellation
/// Dropping the future, or the stream of the answer, stops all I/O; a connection with a half-sent request is closed.
///
/// # Examples
/// For the tests of a program, a COS that refuses everything:
/// ```
/// use tencent_cos::bytes::Bytes;
/// use tencent_cos::client::provider::BoxFuture;
/// use tencent_cos::http::{Request, Response};
/// use tencent_cos::{ByteStream, Client, Credentials, HttpClient, Payload, TransportError};
///
/// #[derive(Debug)]
/// struct Refusing;
///
/// impl HttpClient for Refusing {
///     fn execute(&self, _: Request<Payload>) -> BoxFuture<'_, Result<Response<ByteStream>, TransportError>> {
///         let document = Bytes::from_static(b"<Error><Code>AccessDenied</Code></Error>");
///         let answer = Response::builder().status(403).header("x-cos-request-id", "NjQ");
///         Box::pin(async move { Ok(answer.body(document.into()).expect("these are headers")) })
///     }
/// }
///
/// # async fn example() -> tencent_cos::Result<()> {
/// let builder = Client::builder().region("ap-guangzhou").credentials(Credentials::anonymous());
/// let bucket = builder.http_client(Refusing).build()?.bucket("examplebucket-1250000000")?;
/// let error = bucket.get("notes/a.txt").await.expect_err("it was refused");
/// assert!(error.is_access_denied());
/// # Ok(())
/// # }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// #     tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(example())?;
/// #     Ok(())
/// # }
/// ```
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

/// Whether this machine had no file descriptor for a connection, which says nothing of the host.
pub(crate) fn is_shortage(failure: &TransportError) -> bool {
    if !failure.is_unsent() {
        return false;
    }
    // A resolver that could open nothing says that there is no such host.
    lacks_files(failure)
        || failure.phase() == Phase::Dns
            && UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).is_err_and(|error| is_want_of_files(&error))
}

/// Whether what failed came of a file descriptor that was not to be had.
pub(crate) fn lacks_files(error: &dyn std::error::Error) -> bool {
    let mut causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.any(|cause| cause.downcast_ref().is_some_and(is_want_of_files))
}

fn is_want_of_files(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|code| NO_MORE_FILES.contains(&code))
}

/// How the system says that a process, or all of them, have too many files open; on Windows, of files and of sockets.
const NO_MORE_FILES: [i32; 2] = if cfg!(windows) { [4, 10_024] } else { [24, 23] };
