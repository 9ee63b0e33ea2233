//! What a request carries and what an answer brings: bytes in memory, a part of a file, or a stream.

use std::fmt;
#[cfg(feature = "client")]
use std::fs::File;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
#[cfg(feature = "client")]
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use futures_core::Stream;

use crate::error::{Error, ErrorKind, Result};

/// The body of a request. It only describes the bytes: the client opens files and runs streams. Every body knows its
/// length.
///
/// Every body except [`once`](Self::once) can be sent again, so that a failed attempt can be repeated. When a stream,
/// what makes it, or an observer panics, the request fails with [`ErrorKind::Io`].
#[derive(Clone, Default)]
pub struct Body {
    pub(crate) source: Source,
    pub(crate) observer: Option<Observer>,
}

/// Is told how many bytes of an attempt the transport has taken.
pub(crate) type Observer = Arc<dyn Fn(u64) + Send + Sync>;

#[derive(Clone, Default)]
pub(crate) enum Source {
    #[default]
    Empty,
    Bytes(Bytes),
    File {
        path: Arc<Path>,
        offset: u64,
        length: u64,
        /// The file itself, where the path might lead to another by now.
        #[cfg(feature = "client")]
        opened: Option<Arc<File>>,
        /// Length and time of the file, when it must be the one it was.
        #[cfg(feature = "client")]
        as_of: Option<(u64, SystemTime)>,
    },
    Factory {
        length: u64,
        open: Arc<dyn Fn() -> ByteStream + Send + Sync>,
    },
    Once {
        length: u64,
        stream: Arc<Mutex<Option<ByteStream>>>,
    },
}

impl Body {
    /// No bytes.
    pub fn empty() -> Self {
        Source::Empty.into()
    }

    /// `length` bytes of the file from `offset`. The file is opened again for every attempt. When it is shorter, the
    /// request fails with [`ErrorKind::Changed`]; when it is a pipe, with [`ErrorKind::Io`], without waiting for it.
    pub fn file(path: impl Into<PathBuf>, offset: u64, length: u64) -> Self {
        Source::File {
            path: path.into().into(),
            offset,
            length,
            #[cfg(feature = "client")]
            opened: None,
            #[cfg(feature = "client")]
            as_of: None,
        }
        .into()
    }

    /// The same of a file that must not change: it is looked at before the last bytes are handed out. One that is open
    /// is not opened anew.
    #[cfg(feature = "client")]
    pub(crate) fn file_as_of(
        path: &Arc<Path>,
        opened: Option<Arc<File>>,
        offset: u64,
        length: u64,
        as_of: Option<(u64, SystemTime)>,
    ) -> Self {
        Source::File { path: Arc::clone(path), opened, offset, length, as_of }.into()
    }

    /// A stream of `length` bytes that can be made again for every attempt. The last bytes are sent only when the
    /// stream has ended: when it is longer, or ends with an error, the request fails, and nothing is stored.
    pub fn factory(length: u64, open: impl Fn() -> ByteStream + Send + Sync + 'static) -> Self {
        Source::Factory { length, open: Arc::new(open) }.into()
    }

    /// A stream of `length` bytes that can be read once: a request with it is not repeated once bytes were taken. As
    /// with [`factory`](Self::factory), the last bytes are sent only when the stream has ended.
    pub fn once(length: u64, stream: ByteStream) -> Self {
        Source::Once { length, stream: Arc::new(Mutex::new(Some(stream))) }.into()
    }

    /// Calls `observer` with the number of bytes that the transport has taken; every attempt starts from 0. It is
    /// called between two frames, so it must be quick and must not block.
    #[must_use]
    pub fn observe(mut self, observer: impl Fn(u64) + Send + Sync + 'static) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// The length in bytes.
    #[allow(clippy::len_without_is_empty)] // an empty body is a body like any other
    pub fn len(&self) -> u64 {
        match &self.source {
            Source::Empty => 0,
            Source::Bytes(bytes) => bytes.len() as u64,
            Source::File { length, .. } | Source::Factory { length, .. } | Source::Once { length, .. } => *length,
        }
    }

    /// The bytes, when they are in memory.
    pub fn as_bytes(&self) -> Option<Bytes> {
        match &self.source {
            Source::Empty => Some(Bytes::new()),
            Source::Bytes(bytes) => Some(bytes.clone()),
            _ => None,
        }
    }

    /// The file and the offset in it, when it is a part of one.
    pub fn as_file(&self) -> Option<(&Path, u64)> {
        match &self.source {
            Source::File { path, offset, .. } => Some((path, *offset)),
            _ => None,
        }
    }

    /// The stream, when the body is one. A stream that can be read once is taken out by this.
    pub fn open_stream(&self) -> Option<ByteStream> {
        match &self.source {
            Source::Factory { open, .. } => Some(open()),
            Source::Once { stream, .. } => stream.lock().unwrap_or_else(PoisonError::into_inner).take(),
            _ => None,
        }
    }

    /// Whether it can be sent (again).
    pub fn is_replayable(&self) -> bool {
        match &self.source {
            Source::Once { stream, .. } => stream.lock().unwrap_or_else(PoisonError::into_inner).is_some(),
            _ => true,
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.source {
            Source::Empty => "empty",
            Source::Bytes(_) => "bytes",
            Source::File { .. } => "file",
            Source::Factory { .. } => "factory",
            Source::Once { .. } => "once",
        };
        write!(f, "Body({kind}, {} bytes)", self.len())
    }
}

impl From<Source> for Body {
    fn from(source: Source) -> Self {
        Self { source, observer: None }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        if bytes.is_empty() { Self::empty() } else { Source::Bytes(bytes).into() }
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes()).into()
    }
}

impl From<&'static [u8]> for Body {
    fn from(bytes: &'static [u8]) -> Self {
        Bytes::from_static(bytes).into()
    }
}

impl<const N: usize> From<&'static [u8; N]> for Body {
    fn from(bytes: &'static [u8; N]) -> Self {
        Bytes::from_static(bytes).into()
    }
}

/// Bytes that come piece by piece.
///
/// An error is the last item. The stream of an object is checked: when the body is cut short, or its checksum does not
/// match, it ends with an error.
///
/// # Cancellation
/// Dropping it closes the connection unless everything was read. The future of [`next`](Self::next) may be dropped and
/// called again: nothing is lost.
pub struct ByteStream {
    inner: Inner,
    length: Option<u64>,
}

enum Inner {
    Bytes(Option<Bytes>),
    /// Locked by no reader: the mutex makes a stream that may only move between threads one that may also be shared.
    Stream(Mutex<Pin<Box<dyn Pieces>>>),
}

/// What comes piece by piece, and knows what it is a piece of.
pub(crate) trait Pieces: Stream<Item = Result<Bytes>> + Send {
    /// Says of an error what was being read.
    fn about(&self, error: Error) -> Error {
        error
    }
}

impl ByteStream {
    /// Memory that is taken up on an announced length alone.
    const TAKEN_AT_ITS_WORD: usize = 16 * 1024 * 1024;

    /// A stream whose length is known (`Some`) or not. Empty pieces are left out. Errors of another crate come in as
    /// [`std::io::Error`].
    ///
    /// # Examples
    /// The body of a request to a web server, stored in a bucket as it arrives:
    /// ```
    /// use futures_util::TryStreamExt as _;
    /// use tencent_cos::{Body, ByteStream};
    ///
    /// fn body(sent: axum::body::Body, content_length: u64) -> Body {
    ///     let stream = sent.into_data_stream().map_err(std::io::Error::other);
    ///     Body::once(content_length, ByteStream::new(Some(content_length), stream))
    /// }
    /// ```
    pub fn new<S, E>(length: Option<u64>, stream: S) -> Self
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<Error> + 'static,
    {
        Self::from_pieces(length, Converted(Box::pin(stream)))
    }

    pub(crate) fn from_pieces(length: Option<u64>, pieces: impl Pieces + 'static) -> Self {
        Self { inner: Inner::Stream(Mutex::new(Box::pin(pieces))), length }
    }

    /// Says of an error what was being read.
    pub(crate) fn about(&self, error: Error) -> Error {
        match &self.inner {
            Inner::Bytes(_) => error,
            Inner::Stream(stream) => stream.lock().unwrap_or_else(PoisonError::into_inner).about(error),
        }
    }

    /// The length in bytes, if that is known.
    pub fn content_length(&self) -> Option<u64> {
        self.length
    }

    /// Whether all of it is in memory.
    #[cfg(feature = "client")]
    pub(crate) fn is_here(&self) -> bool {
        matches!(self.inner, Inner::Bytes(_))
    }

    /// All of it, when it is in memory and nothing was taken of it.
    pub(crate) fn at_hand(&self) -> Option<&[u8]> {
        match &self.inner {
            Inner::Bytes(bytes) => Some(bytes.as_deref().unwrap_or_default()),
            Inner::Stream(_) => None,
        }
    }

    /// The next piece; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<Bytes>> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// Reads everything into memory, at most `limit` bytes.
    ///
    /// # Errors
    /// [`ErrorKind::Response`] when there are more than `limit` bytes; otherwise the error of the stream.
    pub async fn bytes(mut self, limit: usize) -> Result<Bytes> {
        let too_long =
            || Error::new(ErrorKind::Response, format!("the body is longer than the limit of {limit} bytes"));
        if self.length.is_some_and(|length| length > limit as u64) {
            return Err(too_long());
        }
        let Some(first) = self.next().await.transpose()? else { return Ok(Bytes::new()) };
        if first.len() > limit {
            return Err(too_long());
        }
        let Some(second) = self.next().await.transpose()? else { return Ok(first) };
        // Announced is not come: what is more than this grows with the bytes themselves.
        let announced = self.length.map_or(0, |length| usize::try_from(length).unwrap_or(usize::MAX));
        let mut whole = BytesMut::with_capacity(announced.min(Self::TAKEN_AT_ITS_WORD));
        whole.extend_from_slice(&first);
        let mut piece = Some(second);
        while let Some(bytes) = piece {
            if whole.len() + bytes.len() > limit {
                return Err(too_long());
            }
            whole.extend_from_slice(&bytes);
            piece = self.next().await.transpose()?;
        }
        Ok(whole.freeze())
    }
}

impl From<Bytes> for ByteStream {
    fn from(bytes: Bytes) -> Self {
        Self { length: Some(bytes.len() as u64), inner: Inner::Bytes(Some(bytes).filter(|bytes| !bytes.is_empty())) }
    }
}

impl Stream for ByteStream {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let stream = match &mut self.inner {
            Inner::Bytes(bytes) => return Poll::Ready(bytes.take().map(Ok)),
            Inner::Stream(stream) => stream.get_mut().unwrap_or_else(PoisonError::into_inner),
        };
        match stream.as_mut().poll_next(cx) {
            // Who asks for bytes asks again; between that others have their turn, however many of these there are.
            Poll::Ready(Some(Ok(piece))) if piece.is_empty() => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            piece => piece,
        }
    }
}

impl fmt::Debug for ByteStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByteStream").field("content_length", &self.length).finish_non_exhaustive()
    }
}

/// Turns the errors of a stream into ours.
struct Converted<S>(Pin<Box<S>>);

impl<S, E> Stream for Converted<S>
where
    S: Stream<Item = Result<Bytes, E>>,
    E: Into<Error>,
{
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(cx).map(|item| item.map(|bytes| bytes.map_err(Into::into)))
    }
}

impl<S, E> Pieces for Converted<S>
where
    S: Stream<Item = Result<Bytes, E>> + Send,
    E: Into<Error>,
{
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_taken_for_bytes_not_for_an_announcement() {
        let pieces = ["a", "b"].map(|piece| Ok::<_, Error>(Bytes::from(piece)));
        let stream = ByteStream::new(Some(usize::MAX as u64), futures_util::stream::iter(pieces));
        let mut future = std::pin::pin!(stream.bytes(usize::MAX));
        let Poll::Ready(read) = future.as_mut().poll(&mut Context::from_waker(std::task::Waker::noop())) else {
            panic!("not ready");
        };
        assert_eq!(read.unwrap(), "ab");
    }
}
