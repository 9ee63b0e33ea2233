//! Buffers of one size that are used again and again, so that what comes and goes leaves no holes in memory.

use std::mem;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;

use crate::client::defaults::CHUNK;

/// Chunks that nobody uses at the moment. They are kept as long as anybody has one, or the pool.
#[derive(Clone, Default)]
pub(crate) struct Pool(Arc<Idle>);

type Idle = Mutex<Vec<Vec<u8>>>;

impl Pool {
    /// An empty one, with room for so many bytes if it is new: [`CHUNK`](crate::client::defaults::CHUNK) of them,
    /// unless nothing comes after it.
    pub(crate) fn take(&self, wanted: usize) -> Chunk {
        let bytes = self.idle().pop().unwrap_or_else(|| Vec::with_capacity(wanted));
        Chunk { bytes, pool: self.clone() }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The pool that is in use, if there is one.
#[derive(Clone, Default)]
pub(crate) struct Shared(Arc<Mutex<Weak<Idle>>>);

impl Shared {
    pub(crate) fn pool(&self) -> Pool {
        let mut known = self.known();
        known.upgrade().map_or_else(
            || {
                let pool = Pool::default();
                *known = Arc::downgrade(&pool.0);
                pool
            },
            Pool,
        )
    }

    /// Keeps no more than so many bytes that nobody uses.
    pub(crate) fn keep_at_most(&self, bytes: u64) {
        let Some(pool) = self.known().upgrade().map(Pool) else { return };
        let chunks = usize::try_from(bytes / CHUNK as u64).unwrap_or(usize::MAX);
        pool.idle().truncate(chunks);
    }

    /// How many chunks nobody uses.
    #[cfg(test)]
    pub(crate) fn idle(&self) -> usize {
        self.known().upgrade().map_or(0, |idle| Pool(idle).idle().len())
    }

    fn known(&self) -> MutexGuard<'_, Weak<Idle>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A buffer to fill; it goes back when it is dropped.
pub(crate) struct Chunk {
    bytes: Vec<u8>,
    pool: Pool,
}

impl Chunk {
    /// What was filled in; it goes back when the last who has it is done.
    pub(crate) fn freeze(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl Deref for Chunk {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.bytes
    }
}

impl DerefMut for Chunk {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        let mut bytes = mem::take(&mut self.bytes);
        // The short ones at an end would have to grow.
        if bytes.capacity() >= CHUNK {
            bytes.clear();
            self.pool.idle().push(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_comes_back_empty_when_the_last_who_has_it_is_done() {
        let pool = Pool::default();
        drop(pool.take(6).freeze());
        assert!(pool.idle().is_empty());
        let mut chunk = pool.take(CHUNK);
        chunk.extend_from_slice(b"abcdef");
        let at = chunk.as_ptr();
        let bytes = chunk.freeze();
        let part = bytes.slice(2..4);
        drop(bytes);
        let another = pool.take(6);
        assert_ne!(another.as_ptr(), at);
        assert_eq!(part, "cd");
        drop(part);
        let again = pool.take(6);
        assert_eq!((again.as_ptr(), again.len()), (at, 0));
    }

    #[test]
    fn one_pool_is_shared_until_the_last_is_done() {
        let shared = Shared::default();
        let (first, second) = (shared.pool(), shared.pool());
        let bytes = first.take(CHUNK).freeze();
        drop(first.take(CHUNK));
        drop((first, second));
        assert_eq!(shared.idle(), 1, "somebody has another");
        assert!(shared.pool().take(1).capacity() >= CHUNK);
        drop(bytes);
        assert_eq!(shared.idle(), 0);
    }
}
