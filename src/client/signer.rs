//! The key a client signs with, ready made: one for each generation of the credentials and each minute.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use crate::client::provider::{RefreshingCredentials, Snapshot};
use crate::error::Result;
use crate::sign::{BACKDATE, REQUEST_LIFETIME, SigningKey};
use crate::time::{from_unix_seconds, unix_seconds};

#[derive(Debug)]
pub(crate) struct Signer {
    credentials: RefreshingCredentials,
    cached: Mutex<Option<Cached>>,
}

#[derive(Debug)]
struct Cached {
    generation: u64,
    minute: u64,
    key: Arc<SigningKey>,
}

impl Signer {
    pub(crate) fn new(credentials: RefreshingCredentials) -> Self {
        Self { credentials, cached: Mutex::new(None) }
    }

    pub(crate) fn credentials(&self) -> &RefreshingCredentials {
        &self.credentials
    }

    /// The key for requests signed now. `None` when the credentials are anonymous.
    pub(crate) fn key(&self, snapshot: &Snapshot, now: SystemTime) -> Result<Option<Arc<SigningKey>>> {
        if snapshot.credentials().is_anonymous() {
            return Ok(None);
        }
        let (generation, minute) = (snapshot.generation(), unix_seconds(now) / 60);
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cached) = cached.as_ref().filter(|it| it.generation == generation && it.minute == minute) {
            return Ok(Some(Arc::clone(&cached.key)));
        }
        let at = from_unix_seconds(minute * 60).unwrap_or(now);
        let start = at.checked_sub(BACKDATE).unwrap_or(at);
        let key = Arc::new(SigningKey::new(snapshot.credentials(), start, at + REQUEST_LIFETIME)?);
        *cached = Some(Cached { generation, minute, key: Arc::clone(&key) });
        Ok(Some(key))
    }
}
