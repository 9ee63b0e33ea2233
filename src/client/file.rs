//! A part of a file on its way out: read in large pieces, one ahead, and handed out in frames.

use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::client::defaults::{FRAME, READ_AHEAD};
use crate::error::{Error, ErrorKind, Result};

/// Holds at most two pieces: the one that is handed out, and the next, which a thread for blocking work reads meanwhile.
/// A frame is a slice of its piece; nothing is copied.
pub(crate) struct FileFrames {
    piece: Bytes,
    next: Option<JoinHandle<io::Result<Piece>>>,
}

/// What was read, the file, and how much of it is still to be read.
type Piece = (Bytes, File, u64);

impl FileFrames {
    /// Opens the file and reads its first piece.
    pub(crate) async fn open(path: &Arc<Path>, offset: u64, length: u64) -> Result<Self> {
        let path_there = Arc::clone(path);
        let opened = spawn_blocking(move || {
            let mut file = File::open(&path_there)?;
            file.seek(io::SeekFrom::Start(offset))?;
            read(file, length)
        });
        let (piece, file, left) = outcome(opened.await)
            .map_err(|error| Error::new(ErrorKind::Io, format!("opening {}", path.display())).with_source(error))?;
        Ok(Self { piece, next: read_ahead(file, left) })
    }

    /// The next frame; an empty one when the file has ended.
    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes>> {
        if self.piece.is_empty()
            && let Some(next) = &mut self.next
        {
            let read = outcome(ready!(Pin::new(next).poll(cx)));
            self.next = None;
            match read {
                Ok((piece, file, left)) => {
                    self.piece = piece;
                    self.next = read_ahead(file, left);
                }
                Err(error) => {
                    return Poll::Ready(Err(Error::new(ErrorKind::Io, "reading the file").with_source(error)));
                }
            }
        }
        Poll::Ready(Ok(self.piece.split_to(self.piece.len().min(FRAME))))
    }
}

fn read_ahead(file: File, left: u64) -> Option<JoinHandle<io::Result<Piece>>> {
    (left > 0).then(|| spawn_blocking(move || read(file, left)))
}

/// Reads a piece, or what is left of the file.
fn read(file: File, left: u64) -> io::Result<Piece> {
    let wanted = left.min(READ_AHEAD);
    let mut piece = Vec::with_capacity(usize::try_from(wanted).unwrap_or_default());
    let mut part = file.take(wanted);
    part.read_to_end(&mut piece)?;
    // A piece that is shorter is the last: the file has ended.
    let left = if part.limit() == 0 { left - wanted } else { 0 };
    Ok((piece.into(), part.into_inner(), left))
}

/// A runtime that is shut down reads nothing any more.
fn outcome(joined: Result<io::Result<Piece>, tokio::task::JoinError>) -> io::Result<Piece> {
    joined.unwrap_or_else(|error| Err(io::Error::other(error)))
}
