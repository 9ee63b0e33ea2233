//! Names the service gives out: request, trace and version ids, temporary keys. Shapes follow documented samples.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// Gives every answer its own request id and every temporary key its own secrets.
#[derive(Debug)]
pub(crate) struct Ids {
    salt: u64,
    count: AtomicU64,
}

impl Ids {
    pub(crate) fn new() -> Self {
        Self { salt: RandomState::new().build_hasher().finish(), count: AtomicU64::new(0) }
    }

    /// Base64 of `seconds_node_thread_count`, each in hex: `NWU5MDNkYzlfNjRiODJhMDlfMzFmYzhfMTFm`.
    pub(crate) fn request(&self, now: SystemTime) -> String {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let node = self.salt >> 32;
        let thread = self.salt & 0xf_ffff;
        STANDARD.encode(format!("{:x}_{node:08x}_{thread:x}_{count:x}", unix_seconds(now)))
    }

    /// Base64 of a long hex string. It goes with errors only.
    pub(crate) fn trace(&self) -> String {
        STANDARD.encode(self.hex(64))
    }

    /// Ten digits of seconds, then 64 hex digits, the first five of them microseconds: uploads sort by their ids in the
    /// order in which they began.
    pub(crate) fn upload(&self, micros: u64) -> String {
        format!("{:010}{:05x}{}", micros / 1_000_000, micros % 1_000_000, self.hex(59))
    }

    /// `length` hex digits that nobody has seen before.
    pub(crate) fn hex(&self, length: usize) -> String {
        let mut text = String::with_capacity(length + 16);
        while text.len() < length {
            let mut hasher = RandomState::new().build_hasher();
            hasher.write_u64(self.salt);
            hasher.write_u64(self.count.fetch_add(1, Ordering::Relaxed));
            text.push_str(&hex::encode(hasher.finish().to_be_bytes()));
        }
        text.truncate(length);
        text
    }
}

/// A version id as clients see it: base64url of the decimal text of `2^64 - 1 - microseconds`.
pub(crate) fn version(micros: u64) -> String {
    URL_SAFE_NO_PAD.encode((u64::MAX - micros).to_string())
}

/// The microseconds behind a version id, if it is one: nobody else spells them so.
pub(crate) fn version_micros(id: &str) -> Option<u64> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(id).ok()?).ok()?;
    let micros = u64::MAX - text.parse::<u64>().ok()?;
    (version(micros) == id).then_some(micros)
}

/// Whole seconds since 1970; zero before that.
pub(crate) fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Microseconds since 1970; zero before that.
pub(crate) fn unix_micros(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_id_is_the_documented_text() {
        assert_eq!(version(1_700_000_000_000_000), "MTg0NDUwNDQwNzM3MDk1NTE2MTU");
        assert_eq!(version_micros("MTg0NDUwNDQwNzM3MDk1NTE2MTU"), Some(1_700_000_000_000_000));
        assert_eq!(version_micros("null"), None);
        let spelled = |text: &str| version_micros(&URL_SAFE_NO_PAD.encode(text));
        assert_eq!((spelled("18446744073709551615"), spelled("018446744073709551615")), (Some(0), None));
    }

    #[test]
    fn request_ids_differ_and_decode_to_four_hex_words() {
        let ids = Ids::new();
        let (one, two) = (ids.request(UNIX_EPOCH), ids.request(UNIX_EPOCH));
        assert_ne!(one, two);
        let text = String::from_utf8(STANDARD.decode(one).unwrap()).unwrap();
        assert_eq!(text.split('_').filter(|word| u64::from_str_radix(word, 16).is_ok()).count(), 4);
    }
}
