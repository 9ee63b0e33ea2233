//! Whose keys are good, and what time it is.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use crate::cam::Holder;
use crate::ids::Ids;

/// The emulator's clock: a base, the system's unless the builder was given another, and a shift that tests may change.
#[derive(Clone)]
pub(crate) struct Clock {
    base: Arc<dyn Fn() -> SystemTime + Send + Sync>,
    shift: Arc<AtomicI64>,
}

impl Clock {
    pub(crate) fn system() -> Self {
        #[allow(clippy::disallowed_methods)] // the one place that reads the system's clock
        Self::new(Arc::new(SystemTime::now))
    }

    pub(crate) fn new(base: Arc<dyn Fn() -> SystemTime + Send + Sync>) -> Self {
        Self { base, shift: Arc::new(AtomicI64::new(0)) }
    }

    pub(crate) fn now(&self) -> SystemTime {
        let shift = self.shift.load(Ordering::Relaxed);
        let by = Duration::from_secs(shift.unsigned_abs());
        let base = (self.base)();
        let shifted = if shift < 0 { base.checked_sub(by) } else { base.checked_add(by) };
        shifted.unwrap_or(base)
    }

    pub(crate) fn shift(&self, seconds: i64) {
        self.shift.store(seconds, Ordering::Relaxed);
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock").field("shift", &self.shift).finish_non_exhaustive()
    }
}

/// A temporary key as STS would issue it. [`crate::Emulator::mint`] makes one.
#[derive(Clone, PartialEq, Eq)]
pub struct TemporaryKey {
    /// The temporary `SecretId`.
    pub secret_id: String,
    /// The temporary `SecretKey`.
    pub secret_key: String,
    /// The session token that every request must carry.
    pub token: String,
    /// When the key was issued, by the emulator's clock.
    pub start: SystemTime,
    /// When it stops being accepted, by the emulator's clock.
    pub expires_at: SystemTime,
}

impl fmt::Debug for TemporaryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TemporaryKey")
            .field("secret_id", &self.secret_id)
            .field("start", &self.start)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// How the emulator answers a temporary key that is over. The documents disagree, so a client must know them all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExpiryAnswer {
    /// `400 ExpiredToken`, as the current documents say.
    #[default]
    BadRequest,
    /// `403 ExpiredToken`, as older documents say.
    Forbidden,
    /// `403 AccessDenied` with the message `Request has expired`.
    RequestHasExpired,
    /// `403` for a HEAD request, whose answer has no body to tell why, and `400 ExpiredToken` for any other.
    BareHead,
}

/// A key the emulator accepts.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) secret: Arc<str>,
    pub(crate) holder: Arc<Holder>,
    pub(crate) temporary: Option<Temporary>,
}

#[derive(Clone)]
pub(crate) struct Temporary {
    pub(crate) token: Arc<str>,
    pub(crate) expires_at: SystemTime,
    /// Made dead before its time, by [`Keys::expire`], and to be answered so.
    dead: Option<ExpiryAnswer>,
}

impl Key {
    /// Whether this is the token that goes with the key. A permanent key has none.
    pub(crate) fn takes(&self, token: Option<&[u8]>) -> bool {
        self.temporary.as_ref().map(|temporary| temporary.token.as_bytes()) == token
    }

    pub(crate) fn is_over(&self, now: SystemTime) -> bool {
        self.temporary.as_ref().is_some_and(|temporary| temporary.dead.is_some() || now >= temporary.expires_at)
    }
}

/// The keys of the account, of its sub-accounts, and of everybody's sessions.
pub(crate) struct Keys {
    known: RwLock<HashMap<String, Key>>,
    /// For keys whose time is over.
    answer: RwLock<ExpiryAnswer>,
}

impl Keys {
    pub(crate) fn new(answer: ExpiryAnswer) -> Self {
        Self { known: RwLock::default(), answer: RwLock::new(answer) }
    }

    pub(crate) fn find(&self, secret_id: &str) -> Option<Key> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).get(secret_id).cloned()
    }

    pub(crate) fn add_permanent(&self, secret_id: &str, secret_key: &str, holder: Holder) {
        self.insert(secret_id, Key { secret: Arc::from(secret_key), holder: Arc::new(holder), temporary: None });
    }

    pub(crate) fn add(&self, key: &TemporaryKey, holder: Holder) {
        let temporary = Temporary { token: Arc::from(key.token.as_str()), expires_at: key.expires_at, dead: None };
        let secret = Arc::from(key.secret_key.as_str());
        self.insert(&key.secret_id, Key { secret, holder: Arc::new(holder), temporary: Some(temporary) });
    }

    fn insert(&self, secret_id: &str, key: Key) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).insert(secret_id.to_owned(), key);
    }

    pub(crate) fn remove(&self, secret_id: &str) -> bool {
        self.known.write().unwrap_or_else(PoisonError::into_inner).remove(secret_id).is_some()
    }

    pub(crate) fn expire(&self, secret_id: &str, answer: ExpiryAnswer) -> bool {
        let mut keys = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let Some(temporary) = keys.get_mut(secret_id).and_then(|key| key.temporary.as_mut()) else { return false };
        temporary.dead = Some(answer);
        true
    }

    /// How a request with a key that is over is answered.
    pub(crate) fn answer_for(&self, key: &Key) -> ExpiryAnswer {
        let own = key.temporary.as_ref().and_then(|temporary| temporary.dead);
        own.unwrap_or_else(|| *self.answer.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn set_answer(&self, answer: ExpiryAnswer) {
        *self.answer.write().unwrap_or_else(PoisonError::into_inner) = answer;
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

/// A new temporary key, good from now on.
pub(crate) fn issue(ids: &Ids, now: SystemTime, lifetime: Duration) -> TemporaryKey {
    TemporaryKey {
        secret_id: format!("AKIDtmp{}", ids.hex(57)),
        secret_key: ids.hex(44),
        // Real tokens run to a few hundred bytes: long enough to notice a header limit.
        token: format!("emulator{}", ids.hex(504)),
        start: now,
        expires_at: now + lifetime,
    }
}
