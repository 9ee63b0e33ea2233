//! The bytes that the transfers of a client may hold at once.

use std::fmt;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A permit counts KiB: the semaphore takes 32 bits.
const UNIT: u64 = 1024;

#[derive(Clone)]
pub(crate) struct Memory {
    free: Arc<Semaphore>,
    limit: u64,
}

/// Bytes that are held; given back when dropped.
#[derive(Debug)]
pub(crate) struct Held {
    _permit: OwnedSemaphorePermit,
}

impl Memory {
    pub(crate) fn new(limit: u64) -> Self {
        let units = usize::try_from(limit / UNIT).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        Self { free: Arc::new(Semaphore::new(units)), limit }
    }

    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    /// Waits until so many bytes are free; who asks for more than there is gets all there is.
    pub(crate) async fn hold(&self, bytes: u64) -> Held {
        let permit = Arc::clone(&self.free).acquire_many_owned(self.units(bytes)).await;
        Held { _permit: permit.expect("the semaphore is never closed") }
    }

    /// Takes so many bytes if they are free.
    pub(crate) fn try_hold(&self, bytes: u64) -> Option<Held> {
        let permit = Arc::clone(&self.free).try_acquire_many_owned(self.units(bytes)).ok()?;
        Some(Held { _permit: permit })
    }

    fn units(&self, bytes: u64) -> u32 {
        let units = u32::try_from(bytes.min(self.limit).div_ceil(UNIT)).unwrap_or(u32::MAX);
        units.min(u32::try_from(self.limit / UNIT).unwrap_or(u32::MAX))
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("limit", &self.limit).finish_non_exhaustive()
    }
}
