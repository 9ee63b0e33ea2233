//! A part of a file on its way out: read in large chunks, one ahead, and handed out in frames.

use std::fs::File;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::SystemTime;

use bytes::Bytes;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::client::chunks::Pool;
use crate::client::defaults::{CHUNK, FRAME};
use crate::error::{Error, ErrorKind, Result};

/// Holds at most two chunks: the one that is handed out, and the next, which a thread for blocking work reads
/// meanwhile. A frame is a slice of its chunk; nothing is copied.
pub(crate) struct FileFrames {
    chunk: Bytes,
    next: Option<JoinHandle<io::Result<(Bytes, Rest)>>>,
}

/// The file, and how much of it is still to be read.
struct Rest {
    file: Arc<File>,
    at: u64,
    left: u64,
    as_of: Option<(u64, SystemTime)>,
    pool: Pool,
}

impl FileFrames {
    /// Opens the file, unless it is open, and reads its first chunk. With `as_of`, its length and time, the last chunk
    /// is handed out only if the file is still the one it was: what ends early leaves nothing at COS.
    pub(crate) async fn open(
        path: &Arc<Path>,
        opened: Option<Arc<File>>,
        offset: u64,
        length: u64,
        as_of: Option<(u64, SystemTime)>,
    ) -> Result<Self> {
        let path_there = Arc::clone(path);
        let opened = spawn_blocking(move || {
            let file = opened.map_or_else(|| open(&path_there).map(Arc::new), Ok)?;
            Rest { file, at: offset, left: length, as_of, pool: Pool::default() }.read()
        });
        let (chunk, rest) =
            outcome(opened.await).map_err(|error| failed(error, || format!("opening {}", path.display())))?;
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
                    return Poll::Ready(Err(failed(error, || "reading the file".to_owned())));
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
        let read = read_at(&self.file, &mut chunk, wanted, self.at)?;
        self.at += read as u64;
        // One that is shorter is the last: the file has ended.
        self.left = if read == wanted { self.left - read as u64 } else { 0 };
        if self.left == 0
            && let Some((length, modified)) = self.as_of
        {
            let now = self.file.metadata()?;
            if (now.len(), now.modified()?) != (length, modified) {
                let told = "the file changed while it was uploaded";
                return Err(Error::new(ErrorKind::Changed, told).into());
            }
        }
        Ok((chunk.freeze(), self))
    }
}

/// Opens a file to read it. Whoever opens a pipe would wait for one who writes.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        let nonblock = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, nonblock);
    }
    options.open(path)
}

/// Appends so many bytes of a file from an offset, fewer only at its end. Others may read it meanwhile, wherever they
/// are.
pub(crate) fn read_at(file: &File, bytes: &mut Vec<u8>, length: usize, offset: u64) -> io::Result<usize> {
    let start = bytes.len();
    bytes.reserve(length);
    loop {
        let read = bytes.len() - start;
        if read >= length {
            bytes.truncate(start + length);
            return Ok(length);
        }
        if read_some_at(file, bytes, length - read, offset + read as u64)? == 0 {
            return Ok(read);
        }
    }
}

/// Appends what comes at once. It may be more than is wanted where there is room.
#[cfg(unix)]
fn read_some_at(file: &File, bytes: &mut Vec<u8>, _wanted: usize, offset: u64) -> io::Result<usize> {
    loop {
        match rustix::io::pread(file, rustix::buffer::spare_capacity(bytes), offset) {
            Err(rustix::io::Errno::INTR) => {}
            read => return Ok(read?),
        }
    }
}

/// Appends what comes at once.
#[cfg(windows)]
fn read_some_at(file: &File, bytes: &mut Vec<u8>, wanted: usize, offset: u64) -> io::Result<usize> {
    let start = bytes.len();
    bytes.resize(start + wanted, 0);
    let read = std::os::windows::fs::FileExt::seek_read(file, &mut bytes[start..], offset);
    bytes.truncate(start + read.as_ref().map_or(0, |read| *read));
    read
}

fn failed(error: io::Error, doing: impl FnOnce() -> String) -> Error {
    match error.downcast::<Error>() {
        Ok(own) => own,
        Err(error) => Error::new(ErrorKind::Io, doing()).with_source(error),
    }
}

/// A runtime that is shut down reads nothing any more.
fn outcome<T>(joined: Result<io::Result<T>, tokio::task::JoinError>) -> io::Result<T> {
    joined.unwrap_or_else(|error| Err(io::Error::other(error)))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    /// Nobody writes into the pipe: opening it would take for ever, and its thread would outlive every deadline.
    #[tokio::test]
    async fn a_pipe_is_no_file() {
        let directory = tempfile::tempdir().unwrap();
        let path: Arc<Path> = directory.path().join("pipe").into();
        let made = std::process::Command::new("mkfifo").arg(&*path).status().unwrap();
        assert!(made.success());
        let error = FileFrames::open(&path, None, 0, 1, None).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Io);
    }
}
