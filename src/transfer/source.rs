//! Where the bytes of an upload come from: what can be read again at any place, and what flows by once.

use std::fmt;
use std::fs::File;
use std::io;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::{BufMut as _, Bytes};
use futures_util::FutureExt as _;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::time::timeout;

use crate::body::{Body, ByteStream};
use crate::client::chunks::Pool;
use crate::client::defaults::CHUNK;
use crate::client::file::{open, read_at};
use crate::crc64::Crc64;
use crate::error::{Error, ErrorKind, Result};
use crate::transfer::chunks::Chunks;
use crate::transfer::disk::{FileState, blocking, crc64_of, io_error};
use crate::transfer::plan::Part;

/// Where the bytes of an [`Upload`](crate::transfer::Upload) come from.
///
/// A file is streamed, part by part, and bytes in memory are sent as they are. Of a stream or a reader the parts under
/// way are held in memory, because a part that fails is sent again.
///
/// # Examples
/// ```
/// use std::path::Path;
/// use tencent_cos::transfer::UploadSource;
///
/// let file = UploadSource::from(Path::new("video.mp4"));
/// let bytes = UploadSource::from(vec![0; 1000]);
/// let reader = UploadSource::reader(None, tokio::io::repeat(0));
/// # let _ = (file, bytes, reader);
/// ```
pub struct UploadSource(pub(super) Kind);

pub(super) enum Kind {
    /// One that is open, or is opened by its path.
    File(PathBuf, Option<File>),
    Bytes(Bytes),
    Flow(Flow),
}

impl UploadSource {
    /// A file. It must not change while it is uploaded: by its length, its modification time or its number in the file
    /// system that is noticed, and no object is made.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(Kind::File(path.into(), None))
    }

    /// A file that is open, whatever becomes of its path.
    pub(super) fn open_file(path: PathBuf, file: File) -> Self {
        Self(Kind::File(path, Some(file)))
    }

    /// Bytes in memory.
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        Self(Kind::Bytes(bytes.into()))
    }

    /// All that can be read, of a length that is known (`Some`) or not.
    pub fn reader(length: Option<u64>, reader: impl AsyncRead + Send + 'static) -> Self {
        Self(Kind::Flow(Flow::new(length, Inlet::Reader(Box::pin(reader)))))
    }

    /// A stream; [`ByteStream::new`] makes one of any, of a length that is known or not.
    ///
    /// The part that fills holds its share of [`memory_limit`](crate::ClientBuilder::memory_limit) meanwhile, with the
    /// usual limits at most three streams' at once; others wait. Where strangers are at the other end of it, say how
    /// long they may take ([`stall_timeout`](Self::stall_timeout)). What fits one request and has a known length needs
    /// none of that memory as [`PutObject`](crate::PutObject) with [`Body::once`].
    pub fn stream(stream: ByteStream) -> Self {
        Self(Kind::Flow(Flow::new(stream.content_length(), Inlet::Stream(stream))))
    }

    /// Fails with [`ErrorKind::Timeout`] when a stream or reader gives no byte for so long while one is waited for.
    /// Without this it may take for ever. Files and bytes do not wait for anybody.
    #[must_use]
    pub fn stall_timeout(mut self, limit: Duration) -> Self {
        if let Kind::Flow(flow) = &mut self.0 {
            flow.patience = Some(limit);
        }
        self
    }
}

impl From<PathBuf> for UploadSource {
    fn from(path: PathBuf) -> Self {
        Self::file(path)
    }
}

impl From<&Path> for UploadSource {
    fn from(path: &Path) -> Self {
        Self::file(path)
    }
}

impl From<Bytes> for UploadSource {
    fn from(bytes: Bytes) -> Self {
        Self::bytes(bytes)
    }
}

impl From<Vec<u8>> for UploadSource {
    fn from(bytes: Vec<u8>) -> Self {
        Self::bytes(bytes)
    }
}

impl From<ByteStream> for UploadSource {
    fn from(stream: ByteStream) -> Self {
        Self::stream(stream)
    }
}

impl fmt::Debug for UploadSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::File(path, _) => f.debug_tuple("File").field(path).finish(),
            Kind::Bytes(bytes) => write!(f, "Bytes({} bytes)", bytes.len()),
            Kind::Flow(flow) => f.debug_struct("Stream").field("length", &flow.length).finish_non_exhaustive(),
        }
    }
}

/// A source of which any part can be read again.
#[derive(Clone)]
pub(super) enum Whole {
    Bytes(Bytes),
    /// All of a stream, sent at once.
    Chunks(Chunks),
    File(SourceFile),
}

/// A file as it was when the upload began.
#[derive(Clone)]
pub(super) struct SourceFile {
    pub(super) path: Arc<Path>,
    /// The file itself, where the path might lead to another by now. Its parts are read from it side by side.
    opened: Option<Arc<File>>,
    pub(super) state: FileState,
    /// Its length and time, as a body minds them.
    as_of: Option<(u64, SystemTime)>,
}

impl Whole {
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Chunks(chunks) => chunks.len(),
            Self::File(file) => file.state.length,
        }
    }

    pub(super) fn body(&self, part: Part) -> Body {
        match self {
            Self::Bytes(bytes) => slice(bytes, part).into(),
            Self::Chunks(chunks) => chunks.body(),
            Self::File(file) => Body::file_as_of(&file.path, file.opened.clone(), part.offset, part.length, file.as_of),
        }
    }

    /// What a part holds of the client's memory while it is under way.
    pub(super) fn memory(&self, part: Part) -> u64 {
        match self {
            Self::Bytes(_) | Self::Chunks(_) => 0,
            Self::File(_) => part.length.min(FILE_BUFFER),
        }
    }

    /// # Errors
    /// [`ErrorKind::Changed`] when the file is not the one it was.
    pub(super) async fn check(&self) -> Result<()> {
        match self {
            Self::Bytes(_) | Self::Chunks(_) => Ok(()),
            Self::File(file) => file.check().await,
        }
    }

    /// The CRC-64 of a part as it is now.
    pub(super) async fn crc64(&self, part: Part) -> Result<u64> {
        match self {
            Self::Bytes(bytes) => Ok(Crc64::of(&slice(bytes, part))),
            Self::Chunks(chunks) => Ok(chunks.crc64()),
            Self::File(file) => file.crc64(part).await,
        }
    }
}

/// A file that is sent is read ahead by no more than this.
const FILE_BUFFER: u64 = 1024 * 1024;

fn slice(bytes: &Bytes, part: Part) -> Bytes {
    let at = |offset: u64| usize::try_from(offset).expect("within bytes in memory");
    bytes.slice(at(part.offset)..at(part.offset + part.length))
}

impl SourceFile {
    /// # Errors
    /// [`ErrorKind::Io`] when there is none; [`ErrorKind::Input`] when it is a directory.
    pub(super) async fn look(path: PathBuf, opened: Option<File>) -> Result<Self> {
        blocking(move || {
            let metadata = opened.as_ref().map_or_else(|| std::fs::metadata(&path), File::metadata);
            let metadata = metadata.map_err(|error| io_error("looking at", &path, error))?;
            if !metadata.is_file() {
                return Err(Error::input("source", "is not a file"));
            }
            let as_of = metadata.modified().ok().map(|modified| (metadata.len(), modified));
            let state = opened.as_ref().map_or_else(|| FileState::of(&path, &metadata), FileState::of_open);
            let state = state.map_err(|error| io_error("looking at", &path, error))?;
            Ok(Self { state, as_of, path: path.into(), opened: opened.map(Arc::new) })
        })
        .await
    }

    /// # Errors
    /// [`ErrorKind::Changed`] when it is not the one it was.
    async fn check(&self) -> Result<()> {
        let file = self.clone();
        blocking(move || file.check_now()).await
    }

    fn check_now(&self) -> Result<()> {
        let state = match &self.opened {
            Some(file) => FileState::of_open(file),
            None => std::fs::metadata(&self.path).and_then(|metadata| FileState::of(&self.path, &metadata)),
        };
        let state = state.map_err(|error| io_error("looking at", &self.path, error))?;
        if state == self.state { Ok(()) } else { Err(changed()) }
    }

    fn open(&self) -> io::Result<Arc<File>> {
        self.opened.clone().map_or_else(|| open(&self.path).map(Arc::new), Ok)
    }

    /// All of it, which was read while it did not change.
    pub(super) async fn read(&self) -> Result<Bytes> {
        let file = self.clone();
        blocking(move || {
            let length = usize::try_from(file.state.length).unwrap_or(usize::MAX);
            let mut read = Vec::new();
            // One that grew is not read to its end.
            file.open()
                .and_then(|source| read_at(&source, &mut read, length.saturating_add(1), 0))
                .map_err(|error| io_error("reading", &file.path, error))?;
            file.check_now()?;
            if read.len() == length { Ok(read.into()) } else { Err(changed()) }
        })
        .await
    }

    async fn crc64(&self, part: Part) -> Result<u64> {
        let file = self.clone();
        blocking(move || {
            let found = file
                .open()
                .and_then(|source| crc64_of(&source, part.offset..part.offset + part.length))
                .map_err(|error| io_error("reading", &file.path, error))?;
            found.ok_or_else(changed)
        })
        .await
    }
}

fn changed() -> Error {
    Error::new(ErrorKind::Changed, "the file changed while it was uploaded")
}

/// A source that flows by once.
pub(super) struct Flow {
    pub(super) length: Option<u64>,
    inlet: Inlet,
    /// How long it may give nothing.
    patience: Option<Duration>,
    /// What came with the last piece and belongs to the next part.
    left: Bytes,
    pool: Pool,
    taken: u64,
    over: bool,
}

enum Inlet {
    Reader(Pin<Box<dyn AsyncRead + Send>>),
    Stream(ByteStream),
}

impl Flow {
    fn new(length: Option<u64>, inlet: Inlet) -> Self {
        Self { length, inlet, patience: None, left: Bytes::new(), pool: Pool::default(), taken: 0, over: false }
    }

    /// Lays what it takes into these chunks.
    pub(super) fn into_chunks(self, pool: Pool) -> Self {
        Self { pool, ..self }
    }

    /// Whether it is known to be at its end.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// How much of `size` may be there to take.
    pub(super) fn expects(&self, size: u64) -> u64 {
        self.length.map_or(size, |length| size.min(length.saturating_sub(self.taken)))
    }

    /// The next bytes: `size` of them, or fewer at the end.
    ///
    /// # Errors
    /// [`ErrorKind::Changed`] when it is shorter or longer than was said; what the source itself fails with.
    pub(super) async fn take(&mut self, size: u64) -> Result<Chunks> {
        let Ok(mut wanted) = usize::try_from(self.expects(size)) else {
            return Err(Error::input("part_size", "is more than this machine can hold"));
        };
        let mut filled = Vec::new();
        while !self.over && wanted > 0 {
            let room = wanted.min(CHUNK);
            let mut chunk = self.pool.take(room);
            while !self.over && chunk.len() < room {
                self.pull(&mut chunk, room).await?;
            }
            wanted -= chunk.len();
            filled.push(chunk);
        }
        let chunks = Chunks::new(filled);
        self.taken += chunks.len();
        match self.length {
            Some(length) if self.over && self.taken < length => return Err(unlike("shorter")),
            // Whether it ends where it was said to is known once it was asked for more.
            Some(length) if self.taken == length => {
                let mut beyond = Vec::with_capacity(1);
                while !self.over {
                    self.pull(&mut beyond, 1).await?;
                    if !beyond.is_empty() {
                        return Err(unlike("longer"));
                    }
                }
            }
            _ => {}
        }
        Ok(chunks)
    }

    /// Some more, up to `wanted` in the chunk. The code of the caller runs here: when it panics, what was begun is
    /// cleaned up as after any other failure.
    async fn pull(&mut self, chunk: &mut Vec<u8>, wanted: usize) -> Result<()> {
        let patience = self.patience;
        let pulled = AssertUnwindSafe(self.pull_some(chunk, wanted)).catch_unwind();
        let pulled = match patience {
            None => pulled.await,
            Some(patience) => timeout(patience, pulled).await.unwrap_or_else(|_| {
                let told = format!("the source of the upload gave nothing for {} s", patience.as_secs_f32());
                Ok(Err(Error::new(ErrorKind::Timeout, told)))
            }),
        };
        pulled.unwrap_or_else(|_| Err(Error::new(ErrorKind::Io, "the source of the upload panicked")))
    }

    async fn pull_some(&mut self, chunk: &mut Vec<u8>, wanted: usize) -> Result<()> {
        let room = wanted - chunk.len();
        if self.left.is_empty() {
            match &mut self.inlet {
                Inlet::Reader(reader) => {
                    self.over = reader.read_buf(&mut chunk.limit(room)).await? == 0;
                    return Ok(());
                }
                // A piece without bytes is nothing.
                Inlet::Stream(stream) => {
                    while self.left.is_empty() && !self.over {
                        match stream.next().await.transpose()? {
                            Some(piece) => self.left = piece,
                            None => self.over = true,
                        }
                    }
                }
            }
        }
        chunk.extend_from_slice(&self.left.split_to(room.min(self.left.len())));
        Ok(())
    }
}

fn unlike(how: &str) -> Error {
    Error::new(ErrorKind::Changed, format!("the stream is {how} than announced"))
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    impl Chunks {
        async fn text(&self) -> Bytes {
            self.body().open_stream().unwrap().bytes(100).await.unwrap()
        }
    }

    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    fn flow(length: Option<u64>, pieces: &'static [&'static str]) -> Flow {
        let pieces = stream::iter(pieces.iter().map(|piece| Ok::<_, Error>(Bytes::from_static(piece.as_bytes()))));
        let Kind::Flow(flow) = UploadSource::stream(ByteStream::new(length, pieces)).0 else { unreachable!() };
        flow
    }

    #[test]
    fn pieces_of_any_size_make_parts_of_one() {
        for length in [None, Some(7)] {
            let mut flow = flow(length, &["a", "", "bcdef", "g"]);
            run(async {
                assert_eq!(flow.take(3).await.unwrap().text().await, "abc");
                assert_eq!(flow.take(3).await.unwrap().text().await, "def");
                assert_eq!(flow.take(3).await.unwrap().text().await, "g");
                assert!(flow.is_over());
            });
        }
    }

    #[test]
    fn a_reader_is_read_to_its_end() {
        for (length, over) in [(None, false), (Some(6), true)] {
            let Kind::Flow(mut flow) = UploadSource::reader(length, &b"abcdef"[..]).0 else { unreachable!() };
            run(async {
                assert_eq!(flow.take(6).await.unwrap().text().await, "abcdef");
                assert_eq!(flow.is_over(), over, "an end is known when it was looked for");
                assert!(flow.take(6).await.unwrap().is_empty() && flow.is_over());
            });
        }
    }

    #[test]
    fn a_stream_of_another_length_than_it_was_said_to_have_is_refused() {
        for length in [2, 4] {
            let mut flow = flow(Some(length), &["abc"]);
            assert_eq!(run(flow.take(8)).err().unwrap().kind(), ErrorKind::Changed, "{length}");
        }
    }

    #[test]
    fn a_part_of_a_file_takes_as_much_memory_as_is_read_ahead() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let part = |length| Part { number: 1, offset: 0, length };
        let source = Whole::File(run(SourceFile::look(file.path().to_owned(), None)).unwrap());
        assert_eq!([0, 10, 8 << 20].map(|length| source.memory(part(length))), [0, 10, FILE_BUFFER]);
        assert_eq!(Whole::Bytes(Bytes::from_static(b"abc")).memory(part(3)), 0, "they are the caller's");
    }

    #[test]
    fn a_file_that_is_another_now_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("f");
        run(async {
            for opened in [false, true] {
                std::fs::write(&path, "hello world").unwrap();
                let opened = opened.then(|| File::open(&path).unwrap());
                let file = SourceFile::look(path.clone(), opened).await.unwrap();
                let part = Part { number: 2, offset: 6, length: 5 };
                for _ in 0..2 {
                    assert_eq!(file.crc64(part).await.unwrap(), Crc64::of(b"world"));
                    assert_eq!(file.read().await.unwrap(), "hello world");
                }
                std::fs::write(&path, "hello").unwrap();
                for outcome in [file.check().await.err(), file.read().await.err(), file.crc64(part).await.err()] {
                    assert_eq!(outcome.unwrap().kind(), ErrorKind::Changed);
                }
            }
            let nothing = SourceFile::look(directory.path().to_owned(), None).await;
            assert_eq!(nothing.err().unwrap().field(), Some("source"));
        });
    }
}
