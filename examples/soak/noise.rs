//! Bytes that repeat nowhere, the same ones for a seed, made as they are read.

use std::io::{self, Read};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};

pub struct Noise {
    state: u64,
    left: u64,
    /// Of the last word made: how much of it was handed out.
    word: [u8; 8],
    used: usize,
}

impl Noise {
    pub fn new(seed: u64, length: u64) -> Self {
        Self { state: seed ^ 0x9e37_79b9_7f4a_7c15, left: length, word: [0; 8], used: 8 }
    }

    fn next(&mut self) -> [u8; 8] {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state.to_le_bytes()
    }

    /// Fills as much as is left, and says how much that was.
    fn fill(&mut self, buffer: &mut [u8]) -> usize {
        let length = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let mut rest = &mut buffer[..length];
        while !rest.is_empty() {
            if self.used == 8 {
                (self.word, self.used) = (self.next(), 0);
            }
            let piece = rest.len().min(8 - self.used);
            rest[..piece].copy_from_slice(&self.word[self.used..self.used + piece]);
            self.used += piece;
            rest = &mut rest[piece..];
        }
        self.left -= length as u64;
        length
    }
}

impl Read for Noise {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(self.fill(buffer))
    }
}

impl AsyncRead for Noise {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let filled = self.fill(buffer.initialize_unfilled());
        buffer.advance(filled);
        Poll::Ready(Ok(()))
    }
}

/// Whether these are the bytes.
pub fn is_noise(mut found: impl Read, seed: u64, length: u64) -> io::Result<bool> {
    let mut expected = Noise::new(seed, length);
    let (mut left, mut right) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    loop {
        let read = found.read(&mut left)?;
        let wanted = expected.fill(&mut right[..read.max(1)]);
        if read != wanted || left[..read] != right[..read] {
            return Ok(false);
        }
        if read == 0 {
            return Ok(true);
        }
    }
}
