//! The bytes that the transfers of a client may hold at once.
//!
//! Who holds memory may have to wait: for the network, which is bounded in time, or for a caller, who may take for ever
//! to give or to take the next bytes. So that idle callers stop nobody but themselves, what waits for them has shares
//! of its own: half of the limit for the parts of streams while they fill, and for what is read ahead what is left
//! beside a reserve. The reserve is an eighth, at least 2 MiB, and more than any other work asks for at once; that work
//! ends by itself. So memory that is waited for always comes: a part that fills has its share first, and of the limit
//! there is as much left as it asks for once all other work has ended. Streams wait for each other: as many fill at
//! once as have room in their share. Work asks for memory before it asks for a connection.

use std::fmt;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::client::chunks::{Pool, Shared};

/// A permit counts KiB: the semaphore takes 32 bits.
const UNIT: u64 = 1024;
const MIB: u64 = 1024 * 1024;

#[derive(Clone)]
pub(crate) struct Memory {
    all: Share,
    /// For parts of streams while they fill.
    filling: Share,
    /// For what is read ahead.
    ahead: Share,
    chunks: Shared,
}

/// Bytes that are held; given back when dropped.
pub(crate) struct Held {
    _permit: OwnedSemaphorePermit,
    /// Of the share of those who wait for a caller.
    idle: Option<OwnedSemaphorePermit>,
}

impl Held {
    /// What it is for does not depend on a caller any more.
    pub(crate) fn filled(mut self) -> Self {
        self.idle = None;
        self
    }
}

impl Memory {
    pub(crate) fn new(limit: u64) -> Self {
        let reserve = (limit / 8).max(2 * MIB);
        let filling = limit / 2;
        Self {
            all: Share::new(limit),
            filling: Share::new(filling),
            ahead: Share::new(limit.saturating_sub(filling + reserve)),
            chunks: Shared::default(),
        }
    }

    /// Waits until so many bytes are free, for work that ends by itself.
    pub(crate) async fn hold(&self, bytes: u64) -> Held {
        self.taken(self.all.take(bytes).await, None)
    }

    /// The most that [`hold_to_fill`](Self::hold_to_fill) gives.
    pub(crate) fn most_to_fill(&self) -> u64 {
        self.filling.size
    }

    /// Waits until so many bytes are free, for a part of a stream that has yet to come.
    pub(crate) async fn hold_to_fill(&self, bytes: u64) -> Held {
        let idle = Some(self.filling.take(bytes).await);
        self.taken(self.all.take(bytes).await, idle)
    }

    /// Takes so many bytes if they are free, for what waits until somebody reads it.
    pub(crate) fn try_hold_ahead(&self, bytes: u64) -> Option<Held> {
        let idle = Some(self.ahead.try_take(bytes)?);
        Some(self.taken(self.all.try_take(bytes)?, idle))
    }

    /// Where parts of streams lie; they are held. Who sends a stream has it as long as that lasts.
    pub(crate) fn chunks(&self) -> Pool {
        self.chunks.pool()
    }

    /// Something was taken: what is kept for the next part has room in the rest.
    fn taken(&self, permit: OwnedSemaphorePermit, idle: Option<OwnedSemaphorePermit>) -> Held {
        self.chunks.keep_at_most(self.all.free());
        Held { _permit: permit, idle }
    }
}

#[derive(Clone)]
struct Share {
    free: Arc<Semaphore>,
    size: u64,
}

impl Share {
    fn new(size: u64) -> Self {
        let units = usize::try_from(size / UNIT).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        Self { free: Arc::new(Semaphore::new(units)), size }
    }

    /// Who asks for more than there is gets all there is.
    async fn take(&self, bytes: u64) -> OwnedSemaphorePermit {
        let most = u32::try_from(self.size / UNIT).unwrap_or(u32::MAX);
        let permit = Arc::clone(&self.free).acquire_many_owned(units(bytes).min(most)).await;
        permit.expect("the semaphore is never closed")
    }

    /// Who asks for more than there is gets nothing.
    fn try_take(&self, bytes: u64) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.free).try_acquire_many_owned(units(bytes)).ok()
    }

    fn free(&self) -> u64 {
        (self.free.available_permits() as u64).saturating_mul(UNIT)
    }
}

/// No more than a semaphore counts where addresses are short.
fn units(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT).min(Semaphore::MAX_PERMITS as u64)).unwrap_or(u32::MAX)
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("limit", &self.all.size).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use super::*;
    use crate::client::defaults::CHUNK;

    fn now<T>(future: impl Future<Output = T>) -> Option<T> {
        match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        }
    }

    /// With everything that may wait for a caller waiting, there is room for what ends by itself.
    #[test]
    fn the_idle_leave_the_reserve() {
        for limit in [8, 9, 16, 64, 1024] {
            let memory = Memory::new(limit * MIB);
            let mut idle = Vec::new();
            idle.extend(std::iter::from_fn(|| memory.try_hold_ahead(UNIT)));
            while let Some(held) = now(memory.hold_to_fill(64 * UNIT)) {
                idle.push(held);
            }
            for _ in 0..3 {
                drop(now(memory.hold(2 * MIB)).unwrap_or_else(|| panic!("{limit}")));
            }
            // And what fills gets what it asked for once others have filled.
            idle.retain(|held| held.idle.is_some());
            let work = now(memory.hold(2 * MIB)).unwrap();
            assert!(now(memory.hold_to_fill(64 * UNIT)).is_none());
            idle.pop();
            drop(work);
            assert!(now(memory.hold_to_fill(64 * UNIT)).is_some(), "{limit}");
        }
    }

    #[test]
    fn a_range_that_is_more_than_there_is_is_not_read_ahead() {
        let memory = Memory::new(8 * MIB);
        assert!(memory.try_hold_ahead(2 * MIB + 1).is_none() && memory.try_hold_ahead(1 << 40).is_none());
        let held = memory.try_hold_ahead(2 * MIB).unwrap();
        assert!(memory.try_hold_ahead(1).is_none());
        drop(held);
        assert!(memory.try_hold_ahead(1).is_some());
    }

    #[test]
    fn what_is_filled_leaves_its_share_to_the_next() {
        let memory = Memory::new(64 * MIB);
        let first = now(memory.hold_to_fill(32 * MIB)).unwrap();
        assert!(now(memory.hold_to_fill(MIB)).is_none());
        let first = first.filled();
        let second = now(memory.hold_to_fill(32 * MIB)).unwrap();
        assert!(now(memory.hold(MIB)).is_none());
        drop((first, second));
    }

    #[test]
    fn chunks_wait_for_the_next_part_as_long_as_a_stream_is_sent() {
        let memory = Memory::new(64 * MIB);
        let stream = memory.chunks();
        drop(stream.take(CHUNK).freeze());
        assert!(memory.chunks().take(1).capacity() >= CHUNK);
        assert_eq!(memory.chunks.idle(), 1);
        drop(stream);
        assert_eq!(memory.chunks.idle(), 0);
    }

    /// Chunks that nobody uses give way to all who hold memory.
    #[test]
    fn what_is_kept_fits_in_what_nobody_holds() {
        let memory = Memory::new(8 * MIB);
        let stream = memory.chunks();
        let keep = |count: usize| {
            let held = now(memory.hold_to_fill(MIB)).unwrap();
            drop((0..count).map(|_| stream.take(CHUNK)).collect::<Vec<_>>());
            drop(held);
            assert_eq!(memory.chunks.idle(), count);
        };
        keep(4);
        let most = now(memory.hold(8 * MIB - 3 * CHUNK as u64)).unwrap();
        assert_eq!(memory.chunks.idle(), 3);
        let ahead = memory.try_hold_ahead(CHUNK as u64 + 1).unwrap();
        assert_eq!(memory.chunks.idle(), 1);
        let filling = now(memory.hold_to_fill(CHUNK as u64 + 1)).unwrap();
        assert_eq!(memory.chunks.idle(), 0);
        drop((most, ahead, filling));
        keep(4);
    }

    #[test]
    fn any_limit_is_one() {
        for limit in [8 * MIB, u64::MAX] {
            let memory = Memory::new(limit);
            drop(now(memory.hold(MIB)).unwrap());
            drop(now(memory.hold_to_fill(MIB)).unwrap());
            drop(memory.chunks());
        }
    }
}
