//! The key a client signs with, ready made: one for each generation of the credentials and each minute.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::client::provider::{RefreshingCredentials, Snapshot};
use crate::error::Result;
use crate::sign::{BACKDATE, REQUEST_LIFETIME, SigningKey};
use crate::time::{from_unix_seconds, unix_seconds};

/// How long one serves.
const MINUTE: Duration = Duration::from_secs(60);

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
        // For all of its minute: those who sign last have as long as those who sign first.
        let first = from_unix_seconds(minute * 60).unwrap_or(now);
        let start = first.checked_sub(BACKDATE).unwrap_or(first);
        let end = first + MINUTE + REQUEST_LIFETIME;
        let key = Arc::new(SigningKey::new(snapshot.credentials(), start, end)?);
        *cached = Some(Cached { generation, minute, key: Arc::clone(&key) });
        Ok(Some(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::Credentials;

    #[tokio::test]
    async fn a_signature_holds_for_its_lifetime_from_any_second_on() {
        let key = Credentials::permanent("AKIDexample", "example").unwrap();
        let signer = Signer::new(RefreshingCredentials::new(key));
        let snapshot = signer.credentials().current().await.unwrap();
        for second in [0, 1, 59] {
            let now = from_unix_seconds(1_800_000_000 + second).unwrap();
            let key = signer.key(&snapshot, now).unwrap().unwrap();
            let holds = key.end().duration_since(now).unwrap();
            assert!((REQUEST_LIFETIME..=REQUEST_LIFETIME + MINUTE).contains(&holds), "{holds:?}");
        }
    }
}
