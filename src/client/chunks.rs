//! Buffers of one size that are used again and again, so that what comes and goes leaves no holes in memory.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::client::defaults::CHUNK;

/// Chunks that nobody uses at the moment.
#[derive(Clone, Default)]
pub(crate) struct Pool(Arc<Mutex<Vec<Vec<u8>>>>);

impl Pool {
    /// An empty one, with room for so many bytes if it is new: [`CHUNK`](crate::client::defaults::CHUNK) of them, unless nothing comes after it.
    pub(crate) fn take(&self, wanted: usize) -> Vec<u8> {
        self.free().pop().unwrap_or_else(|| Vec::with_capacity(wanted))
    }

    /// What was filled in; it comes back when the last who has it is done.
    pub(crate) fn lend(&self, chunk: Vec<u8>) -> Bytes {
        Bytes::from_owner(Lent { chunk, pool: self.clone() })
    }

    /// Forgets what nobody uses.
    pub(crate) fn clear(&self) {
        self.free().clear();
    }

    fn free(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Lent {
    chunk: Vec<u8>,
    pool: Pool,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.chunk
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut chunk = mem::take(&mut self.chunk);
        // The short ones at an end would have to grow.
        if chunk.capacity() >= CHUNK {
            chunk.clear();
            self.pool.free().push(chunk);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_comes_back_empty_when_the_last_who_has_it_is_done() {
        let pool = Pool::default();
        drop(pool.lend(pool.take(6)));
        assert!(pool.free().is_empty());
        let mut chunk = pool.take(CHUNK);
        chunk.extend_from_slice(b"abcdef");
        let at = chunk.as_ptr();
        let bytes = pool.lend(chunk);
        let part = bytes.slice(2..4);
        drop(bytes);
        let another = pool.take(6);
        assert_ne!(another.as_ptr(), at);
        assert_eq!(part, "cd");
        drop(part);
        let again = pool.take(6);
        assert_eq!((again.as_ptr(), again.len()), (at, 0));
    }
}
