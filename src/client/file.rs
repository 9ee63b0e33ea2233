//! A part of a file on its way out: read in large chunks, one ahead, and handed out in frames.

use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::client::chunks::Pool;
use crate::client::defaults::{CHUNK, FRAME};
use crate::error::{Error, ErrorKind, Result};

/// Holds at most two chunks: the one that is handed out, and the next, which a thread for blocking work reads meanwhile.
/// A frame is a slice of its chunk; nothing is copied.
pub(crate) struct FileFrames {
    chunk: Bytes,
    next: Option<JoinHandle<io::Result<(Bytes, Rest)>>>,
}

/// The file, and how much of it is still to be read.
struct Rest {
    file: File,
    left: u64,
    pool: Pool,
}

impl FileFrames {
    /// Opens the file and reads its first chunk.
    pub(crate) async fn open(path: &Arc<Path>, offset: u64, length: u64) -> Result<Self> {
        let path_there = Arc::clone(path);
        let opened = spawn_blocking(move || {
            let mut file = File::open(&path_there)?;
            file.seek(io::SeekFrom::Start(offset))?;
            Rest { file, left: length, pool: Pool::default() }.read()
        });
        let (chunk, rest) = outcome(opened.await)
            .map_err(|error| Error::new(ErrorKind::Io, format!("opening {}", path.display())).with_source(error))?;
        Ok(Self { chunk, next: rest.read_ahead() })
    }

    /// The next frame; an empty one when the file has ended.
    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes>> {
        if self.chunk.is_empty()
            && let Some(next) = &mut self.next
        {
            let read = outcome(ready!(Pin::new(next).poll(cx)));
            self.next = None;
            match read {
                Ok((chunk, rest)) => {
                    self.chunk = chunk;
                    self.next = rest.read_ahead();
                }
                Err(error) => {
                    return Poll::Ready(Err(Error::new(ErrorKind::Io, "reading the file").with_source(error)));
                }
            }
        }
        Poll::Ready(Ok(self.chunk.split_to(self.chunk.len().min(FRAME))))
    }
}

impl Rest {
    fn read_ahead(self) -> Option<JoinHandle<io::Result<(Bytes, Self)>>> {
        (self.left > 0).then(|| spawn_blocking(move || self.read()))
    }

    /// Reads a chunk, or what is left of the file.
    fn read(mut self) -> io::Result<(Bytes, Self)> {
        let wanted = usize::try_from(self.left).unwrap_or(CHUNK).min(CHUNK);
        let mut chunk = self.pool.take(wanted);
        let read = (&self.file).take(wanted as u64).read_to_end(&mut chunk)?;
        // One that is shorter is the last: the file has ended.
        self.left = if read == wanted { self.left - read as u64 } else { 0 };
        Ok((self.pool.lend(chunk), self))
    }
}

/// A runtime that is shut down reads nothing any more.
fn outcome<T>(joined: Result<io::Result<T>, tokio::task::JoinError>) -> io::Result<T> {
    joined.unwrap_or_else(|error| Err(io::Error::other(error)))
}
