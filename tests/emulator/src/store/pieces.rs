//! What an object is made of: stretches of blobs, one after the other.
//!
//! A completed upload is the list of its parts, a copy is the list of its source: no bytes move for either.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom, Take};
use std::sync::Arc;

use bytes::Bytes;
use md5::{Digest, Md5};

use super::blob::{Blob, Disk, Reader};
use super::crc;

/// Bytes that lie in any number of blobs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pieces(Vec<Piece>);

#[derive(Clone, Debug)]
struct Piece {
    blob: Arc<Blob>,
    start: u64,
    length: u64,
}

impl Pieces {
    pub(crate) fn whole(blob: Blob, length: u64) -> Self {
        if length == 0 { Self::default() } else { Self(vec![Piece { blob: Arc::new(blob), start: 0, length }]) }
    }

    /// From the numbers that the index keeps.
    pub(crate) fn at(numbers: &[(u64, u64, u64)], disk: &Disk) -> Self {
        Self(numbers.iter().map(|&(number, start, length)| Piece { blob: disk.at(number), start, length }).collect())
    }

    /// Number of the blob, start and length, of each piece.
    pub(crate) fn numbers(&self) -> Vec<(u64, u64, u64)> {
        let numbers = |piece: &Piece| Some((piece.blob.number()?, piece.start, piece.length));
        self.0.iter().filter_map(numbers).collect()
    }

    /// `length` bytes from `start`, as far as there are any.
    pub(crate) fn slice(&self, mut start: u64, mut length: u64) -> Self {
        let mut slice = Vec::new();
        for piece in &self.0 {
            let skipped = start.min(piece.length);
            let taken = length.min(piece.length - skipped);
            if taken > 0 {
                slice.push(Piece { blob: Arc::clone(&piece.blob), start: piece.start + skipped, length: taken });
            }
            start -= skipped;
            length -= taken;
        }
        Self(slice)
    }

    /// Puts other bytes behind these.
    pub(crate) fn append(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }

    /// Part of an object now: the files stay.
    pub(crate) fn keep(&self) {
        self.0.iter().for_each(|piece| piece.blob.keep());
    }

    /// No longer part of that object. Files that belong to no other go with their last reader.
    pub(crate) fn doom(&self) {
        self.0.iter().for_each(|piece| piece.blob.doom());
    }

    /// All the bytes, if they are in memory in one stretch.
    pub(crate) fn in_memory(&self) -> Option<Bytes> {
        let [piece] = self.0.as_slice() else { return self.0.is_empty().then(Bytes::new) };
        let start = usize::try_from(piece.start).ok()?;
        Some(piece.blob.memory()?.slice(start..start + usize::try_from(piece.length).ok()?))
    }

    /// The bytes, one after the other. Files are opened as they are reached.
    pub(crate) fn reader(&self) -> PiecesReader {
        PiecesReader { pieces: self.clone().0.into_iter(), current: None }
    }

    /// Hashes the bytes, going on from `md5`. It reads files: not for async threads.
    pub(crate) fn digest(&self, mut md5: Md5) -> io::Result<(Md5, u64)> {
        let mut crc = crc::digest();
        let mut reader = self.reader();
        let mut buffer = vec![0; 256 * 1024];
        loop {
            match reader.read(&mut buffer)? {
                0 => return Ok((md5, crc.finalize())),
                read => {
                    md5.update(&buffer[..read]);
                    crc.update(&buffer[..read]);
                }
            }
        }
    }
}

/// Reads [`Pieces`] from the first to the last.
#[derive(Debug)]
pub(crate) struct PiecesReader {
    pieces: std::vec::IntoIter<Piece>,
    current: Option<Stretch>,
}

#[derive(Debug)]
enum Stretch {
    Bytes(Take<Cursor<Bytes>>),
    File(Take<File>),
}

impl Read for PiecesReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = match &mut self.current {
                None => 0,
                Some(Stretch::Bytes(bytes)) => bytes.read(buffer)?,
                Some(Stretch::File(file)) => file.read(buffer)?,
            };
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            let Some(piece) = self.pieces.next() else { return Ok(0) };
            self.current = Some(match piece.blob.read()? {
                Reader::Bytes(bytes) => {
                    let mut cursor = Cursor::new(bytes);
                    cursor.set_position(piece.start);
                    Stretch::Bytes(cursor.take(piece.length))
                }
                Reader::File(mut file) => {
                    file.seek(SeekFrom::Start(piece.start))?;
                    Stretch::File(file.take(piece.length))
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::blob::Sink;
    use super::*;

    fn pieces(texts: &[&'static str]) -> Pieces {
        let disk = Arc::new(Disk::open(None).unwrap());
        let mut pieces = Pieces::default();
        for text in texts {
            pieces.append(&Sink::take(&disk, Bytes::from_static(text.as_bytes())).unwrap().pieces);
        }
        pieces
    }

    fn text(pieces: &Pieces) -> String {
        let mut text = String::new();
        pieces.reader().read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn slices_go_across_pieces() {
        let pieces = pieces(&["abc", "", "defg", "h"]);
        assert_eq!(text(&pieces), "abcdefgh");
        for start in 0..9 {
            for length in 0..9 {
                let wanted: String = "abcdefgh".chars().skip(start).take(length).collect();
                let slice = pieces.slice(start as u64, length as u64);
                assert_eq!(text(&slice), wanted);
                assert_eq!(text(&slice.slice(1, 3)), wanted.chars().skip(1).take(3).collect::<String>());
                if let Some(bytes) = slice.in_memory() {
                    assert_eq!(bytes, wanted);
                }
            }
        }
    }
}
