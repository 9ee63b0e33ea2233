//! The bytes of a stream for those who read.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use futures_util::StreamExt as _;
use tokio::io::{AsyncBufRead, AsyncRead, ReadBuf};

use crate::body::ByteStream;
use crate::error::{Error, ErrorKind, Result};

impl ByteStream {
    /// The same for what reads: line by line, through a decoder, into a parser.
    ///
    /// # Examples
    /// ```no_run
    /// use tokio::io::AsyncBufReadExt as _;
    ///
    /// # async fn example(bucket: &tencent_cos::Bucket) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut lines = bucket.get("log.txt").await?.body.reader().lines();
    /// while let Some(line) = lines.next_line().await? {
    ///     println!("{line}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn reader(self) -> ByteReader {
        ByteReader { stream: self, piece: Bytes::new(), failed: false }
    }
}

/// A [`ByteStream`] through tokio's [`AsyncBufRead`]: [`ByteStream::reader`].
///
/// The end is told only after what the stream checks was found right. Until then reading ends with an error that holds
/// an [`Error`] (`Error::from` takes it out again), and with another one whenever it is tried again.
///
/// # Cancellation
/// As of the stream.
#[derive(Debug)]
pub struct ByteReader {
    stream: ByteStream,
    piece: Bytes,
    failed: bool,
}

impl ByteReader {
    /// Gets the next piece when the one before was taken; none is the end.
    pub(crate) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        while self.piece.is_empty() {
            match ready!(self.stream.poll_next_unpin(cx)) {
                Some(Ok(piece)) => self.piece = piece,
                Some(Err(error)) => {
                    self.failed = true;
                    return Poll::Ready(Err(error));
                }
                // Those who read on after an error must not take it for the end.
                None if self.failed => return Poll::Ready(Err(failed_before())),
                None => break,
            }
        }
        Poll::Ready(Ok(()))
    }

    /// What was got and not taken.
    pub(crate) fn piece(&self) -> &[u8] {
        &self.piece
    }

    pub(crate) fn take(&mut self, bytes: usize) {
        self.piece.advance(bytes);
    }

    /// Reads what is left into memory, at most `limit` bytes.
    #[cfg(feature = "blocking")]
    pub(crate) async fn bytes(self, limit: usize) -> Result<Bytes> {
        if self.failed {
            return Err(failed_before());
        }
        if self.piece.is_empty() {
            return self.stream.bytes(limit).await;
        }
        let piece = futures_util::stream::iter([Ok(self.piece)]);
        ByteStream::new(None, piece.chain(self.stream)).bytes(limit).await
    }
}

fn failed_before() -> Error {
    Error::new(ErrorKind::Io, "the body failed before")
}

impl AsyncBufRead for ByteReader {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        ready!(this.poll_fill(cx))?;
        Poll::Ready(Ok(this.piece()))
    }

    fn consume(self: Pin<&mut Self>, bytes: usize) {
        self.get_mut().take(bytes);
    }
}

impl AsyncRead for ByteReader {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if buffer.remaining() > 0 {
            ready!(this.poll_fill(cx))?;
            let length = this.piece.len().min(buffer.remaining());
            buffer.put_slice(&this.piece[..length]);
            this.take(length);
        }
        Poll::Ready(Ok(()))
    }
}
