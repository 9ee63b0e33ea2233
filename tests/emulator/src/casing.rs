//! How header names are spelled on the wire.
//!
//! The service sends `Content-Length`, `ETag` and their like with capitals and its own `x-cos-*` without, and the official
//! Java SDK looks them up exactly so. Names have no case in hyper, which writes them in small letters; capitals are put in
//! here, on the way to the socket.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::wire::Control;

/// A stream that capitalises the heads written to it, and passes everything else through.
#[derive(Debug)]
pub(crate) struct Capitals<S> {
    stream: S,
    control: Arc<Control>,
    place: Place,
}

impl<S> Capitals<S> {
    pub(crate) fn new(stream: S, control: Arc<Control>) -> Self {
        Self { stream, control, place: Place::Body }
    }

    /// Whether the next byte is one of a head. Heads are announced before they are written.
    fn in_head(&mut self) -> bool {
        if self.place == Place::Body && self.control.takes_head() {
            self.place = Place::Status { at: 0 };
        }
        self.place != Place::Body
    }

    /// Steps over bytes that the stream has taken.
    fn pass(&mut self, bytes: &[u8]) {
        self.place = capitalise(bytes, self.place).1;
    }
}

/// The bytes with capitals where they belong, and where that leaves us.
fn capitalise(bytes: &[u8], mut place: Place) -> (Vec<u8>, Place) {
    let capitals = bytes.iter().map(|&byte| place.next(byte)).collect();
    (capitals, place)
}

/// Where in an answer a byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In a body, or between two answers.
    Body,
    Status {
        at: usize,
    },
    /// `100 Continue` and the empty line under it: the answer's own head follows.
    Interim {
        lines: usize,
    },
    /// A header name, by its first byte, the last one, and how many there were.
    Name {
        first: u8,
        last: u8,
        at: usize,
    },
    Value,
    /// The line feed behind the empty line.
    End,
}

/// In place of the first byte of a name that begins as `x-cos-server-side-encryption-customer-key-MD5` does, the one of
/// COS's own with capitals.
const ENCRYPTION: u8 = b'X';

const LINE: Place = Place::Name { first: 0, last: b'-', at: 0 };

impl Place {
    /// Steps over a byte, and says how to spell it.
    fn next(&mut self, byte: u8) -> u8 {
        let (place, spelled) = match *self {
            Self::Status { at: 9 } if byte == b'1' => (Self::Interim { lines: 0 }, byte),
            Self::Status { .. } | Self::Value if byte == b'\n' => (LINE, byte),
            Self::Status { at } => (Self::Status { at: at + 1 }, byte),
            Self::Interim { lines: 0 } if byte == b'\n' => (Self::Interim { lines: 1 }, byte),
            Self::Interim { .. } if byte == b'\n' => (Self::Status { at: 0 }, byte),
            Self::Name { at: 0, .. } if byte == b'\r' => (Self::End, byte),
            Self::Name { .. } if byte == b':' => (Self::Value, byte),
            Self::Name { first, last, at } => {
                let first = match (first, at, byte) {
                    (_, 0, _) => byte,
                    (b'x', 6, b's') => ENCRYPTION,
                    _ => first,
                };
                let capital = match first {
                    b'x' => false,
                    ENCRYPTION => matches!((last, at, byte), (b'-', 42, b'm') | (b'm', 43, b'd')),
                    _ => last == b'-' || (first, byte, at) == (b'e', b't', 1),
                };
                let spelled = if capital { byte.to_ascii_uppercase() } else { byte };
                (Self::Name { first, last: byte, at: at + 1 }, spelled)
            }
            Self::Interim { .. } | Self::Value => (*self, byte),
            Self::Body | Self::End => (Self::Body, byte),
        };
        *self = place;
        spelled
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Capitals<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Capitals<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    /// A head comes as the first buffer, with the bodies behind it, and goes on like that: in one write.
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if !this.in_head() {
            return Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        }
        let start = bufs.iter().position(|buf| !buf.is_empty()).unwrap_or_default();
        let Some((first, rest)) = bufs[start..].split_first() else { return Poll::Ready(Ok(0)) };
        let (spelled, after) = capitalise(first, this.place);
        let mut slices = vec![IoSlice::new(&spelled)];
        if after == Place::Body {
            slices.extend_from_slice(rest);
        }
        let written = ready!(Pin::new(&mut this.stream).poll_write_vectored(cx, &slices))?;
        this.pass(&first[..written.min(first.len())]);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_names_get_capitals_and_those_of_cos_none() {
        let head = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\netag: \"e-tag\"\r\nexpires: x-y\r\n\
                    x-cos-request-id: etag: a-b\r\ncontent-length: 5\r\n\
                    x-cos-server-side-encryption-customer-key-md5: md5\r\n\r\na-b: c-d\r\n";
        let wanted = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nETag: \"e-tag\"\r\nExpires: x-y\r\n\
                      x-cos-request-id: etag: a-b\r\nContent-Length: 5\r\n\
                      x-cos-server-side-encryption-customer-key-MD5: md5\r\n\r\na-b: c-d\r\n";
        let (spelled, place) = capitalise(head.as_bytes(), Place::Status { at: 0 });
        assert_eq!((std::str::from_utf8(&spelled).unwrap(), place), (wanted, Place::Body));
        for at in 0..head.len() {
            let (mut one, place) = capitalise(&head.as_bytes()[..at], Place::Status { at: 0 });
            one.extend(capitalise(&head.as_bytes()[at..], place).0);
            assert_eq!(one, spelled, "cut at {at}");
        }
    }
}
