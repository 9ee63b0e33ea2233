//! What is read: objects, and what an SQL expression selects.

use std::fmt;
use std::future::poll_fn;
use std::io::{self, BufRead as _};

use bytes::Bytes;

use super::runtime::Runtime;
use crate::{ByteReader, ContentRange, Integrity, ObjectMeta, Result, SelectProgress};

/// An object that is being read: what COS keeps of it, and its bytes through [`io::Read`] and [`io::BufRead`].
///
/// The end of the bytes is told only after their number, and their CRC-64 where there is one, were found right; else
/// reading ends with an error that holds an [`Error`](crate::Error), and with another one whenever it is tried again.
pub struct Object {
    /// What COS keeps of it.
    pub meta: ObjectMeta,
    /// Which bytes these are, when a range was asked for.
    pub content_range: Option<ContentRange>,
    /// Whether the bytes are checked while they run through.
    pub integrity: Integrity,
    pub(super) reader: Reader,
}

impl Object {
    /// Reads everything that was not read yet into memory, at most `limit` bytes.
    ///
    /// # Errors
    /// As [`crate::Object::bytes`].
    pub fn bytes(self, limit: usize) -> Result<Bytes> {
        self.reader.bytes(limit)
    }

    /// `x-cos-request-id`.
    pub fn request_id(&self) -> &str {
        self.meta.request_id()
    }
}

/// The results of a [`SelectObjectContent`](crate::SelectObjectContent) that are being read, through [`io::Read`] and
/// [`io::BufRead`].
///
/// The end is told only after COS said that these are all; else reading ends with an error that holds an
/// [`Error`](crate::Error), and with another one whenever it is tried again.
pub struct Selection {
    /// How far COS is, as told between the records that were read.
    pub progress: SelectProgress,
    pub(super) request_id: String,
    pub(super) reader: Reader,
}

impl Selection {
    /// Reads all records that were not read yet into memory, at most `limit` bytes.
    ///
    /// # Errors
    /// As [`crate::Selection::bytes`].
    pub fn bytes(self, limit: usize) -> Result<Bytes> {
        self.reader.bytes(limit)
    }

    /// `x-cos-request-id`.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }
}

macro_rules! read {
    ($($what:ty),+) => {
        $(
            impl io::Read for $what {
                fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                    self.reader.read(buffer)
                }
            }

            impl io::BufRead for $what {
                fn fill_buf(&mut self) -> io::Result<&[u8]> {
                    self.reader.fill_buf()
                }

                fn consume(&mut self, bytes: usize) {
                    self.reader.consume(bytes);
                }
            }
        )+
    };
}

read!(Object, Selection);

/// What comes, to be waited for.
pub(super) struct Reader {
    pub(super) body: ByteReader,
    pub(super) runtime: Runtime,
}

impl Reader {
    fn bytes(self, limit: usize) -> Result<Bytes> {
        self.runtime.wait(self.body.bytes(limit))
    }
}

impl io::Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let length = io::Read::read(&mut self.fill_buf()?, buffer)?;
        self.consume(length);
        Ok(length)
    }
}

impl io::BufRead for Reader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.body.piece().is_empty() {
            self.runtime.wait(poll_fn(|cx| self.body.poll_fill(cx)))?;
        }
        Ok(self.body.piece())
    }

    fn consume(&mut self, bytes: usize) {
        self.body.take(bytes);
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Object").field("meta", &self.meta).field("integrity", &self.integrity).finish_non_exhaustive()
    }
}

impl fmt::Debug for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Selection").field("progress", &self.progress).finish_non_exhaustive()
    }
}
