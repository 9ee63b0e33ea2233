//! Pieces on their way into the file of a download.

use std::collections::VecDeque;
use std::fs::File;
use std::mem;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;

use crate::client::defaults::DOWNLOAD_PIECE;
use crate::crc64::Crc64;
use crate::error::{Error, ErrorKind, Result};
use crate::transfer::disk::{io_error, write_all_at};

/// A file that several ranges are written to, one after the other: systems let one write at a time into a file, and
/// threads that wait for each other spin.
pub(super) struct Pen {
    file: Arc<File>,
    path: Box<Path>,
    queue: Mutex<Queue>,
}

/// A range puts in one batch at a time, so that this is no longer than there are ranges under way.
#[derive(Default)]
struct Queue {
    batches: VecDeque<Batch>,
    /// Whether a thread takes from it.
    taken: bool,
}

struct Batch {
    pieces: Vec<Bytes>,
    at: u64,
    written: oneshot::Sender<Result<Vec<Bytes>>>,
}

impl Pen {
    pub(super) fn new(file: Arc<File>, path: &Path) -> Self {
        Self { file, path: path.into(), queue: Mutex::default() }
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts in a batch; told is its empty list, for the next one.
    fn put(self: &Arc<Self>, pieces: Vec<Bytes>, at: u64) -> oneshot::Receiver<Result<Vec<Bytes>>> {
        let (written, told) = oneshot::channel();
        let mut queue = self.queue();
        queue.batches.push_back(Batch { pieces, at, written });
        if !mem::replace(&mut queue.taken, true) {
            let pen = Arc::clone(self);
            spawn_blocking(move || pen.write());
        }
        told
    }

    fn write(&self) {
        loop {
            let mut queue = self.queue();
            let Some(Batch { pieces, at, written }) = queue.batches.pop_front() else {
                queue.taken = false;
                return;
            };
            drop(queue);
            // Of a range that was given up nothing needs to be written.
            if !written.is_closed() {
                let _ = written.send(self.write_batch(pieces, at));
            }
        }
    }

    fn write_batch(&self, mut pieces: Vec<Bytes>, mut at: u64) -> Result<Vec<Bytes>> {
        for piece in pieces.drain(..) {
            write_all_at(&self.file, &piece, at).map_err(|error| io_error("writing", &self.path, error))?;
            at += piece.len() as u64;
        }
        Ok(pieces)
    }
}

/// Writes one range in batches: while one is written, the next comes in.
pub(super) struct Writer {
    pen: Arc<Pen>,
    at: u64,
    crc64: Crc64,
    pieces: Vec<Bytes>,
    length: usize,
    under_way: Option<oneshot::Receiver<Result<Vec<Bytes>>>>,
}

impl Writer {
    pub(super) fn new(pen: &Arc<Pen>, at: u64) -> Self {
        Self { pen: Arc::clone(pen), at, crc64: Crc64::new(), pieces: Vec::new(), length: 0, under_way: None }
    }

    pub(super) async fn write(&mut self, piece: Bytes) -> Result<()> {
        self.crc64.update(&piece);
        self.length += piece.len();
        self.pieces.push(piece);
        if self.length >= DOWNLOAD_PIECE { self.flush().await } else { Ok(()) }
    }

    async fn flush(&mut self) -> Result<()> {
        let empty = self.settle().await?;
        let pieces = mem::replace(&mut self.pieces, empty);
        self.under_way = Some(self.pen.put(pieces, self.at));
        self.at += mem::take(&mut self.length) as u64;
        Ok(())
    }

    /// Waits for what is being written.
    async fn settle(&mut self) -> Result<Vec<Bytes>> {
        let shut_down = |_| Err(Error::new(ErrorKind::Cancelled, "the runtime was shut down"));
        match self.under_way.take() {
            Some(told) => told.await.unwrap_or_else(shut_down),
            None => Ok(Vec::new()),
        }
    }

    /// The CRC-64 of all that was written.
    pub(super) async fn end(mut self) -> Result<u64> {
        self.flush().await?;
        self.settle().await?;
        Ok(self.crc64.value())
    }
}
