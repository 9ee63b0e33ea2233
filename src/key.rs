//! The key of an object, safe in every URL.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode_byte};

use crate::error::{Error, Result};

/// Everything but `A-Z a-z 0-9 - _ . ~`: the set of COS's signature and of its URLs.
pub(crate) const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The complement of [`RESERVED`], as a table: every request encodes its key and what it signs.
static UNRESERVED: [bool; 256] = unreserved(false);
static UNRESERVED_OR_SLASH: [bool; 256] = unreserved(true);

const fn unreserved(slash: bool) -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
        byte += 1;
    }
    table[b'/' as usize] = slash;
    table
}

/// Appends the text with every [`RESERVED`] byte percent-encoded.
pub(crate) fn push_encoded(text: &mut String, plain: &str) {
    push_encoded_but(&UNRESERVED, text, plain);
}

fn push_encoded_but(kept: &[bool; 256], text: &mut String, plain: &str) {
    let mut rest = plain;
    while let Some(at) = rest.as_bytes().iter().position(|byte| !kept[usize::from(*byte)]) {
        let (run, from) = rest.split_at(at);
        let (reserved, after) = from.split_at(from.chars().next().map_or(0, char::len_utf8));
        text.push_str(run);
        text.extend(reserved.bytes().map(percent_encode_byte));
        rest = after;
    }
    text.push_str(rest);
}

/// The key of an object: 1 to 850 bytes of UTF-8 that name an object and never its bucket.
///
/// Refused are the empty key and keys that come to nothing once dot segments are resolved (`/`, `.`, `..`, `a/..`):
/// some part on the way might resolve them, and a DELETE of such a key would be a DELETE of the bucket. Every other key
/// reaches exactly its object: `a/../b`, `./c` and `a//b` are objects of these names.
///
/// A slash at the beginning belongs to the key: `/a.txt` is another object than `a.txt`, which some SDKs make of
/// both.
///
/// Keys in listings are plain strings, because a bucket may hold keys that are refused here.
///
/// # Examples
/// ```
/// use tencent_cos::ObjectKey;
///
/// let key: ObjectKey = "photos/2026/a b.png".parse()?;
/// assert_eq!(key.as_str(), "photos/2026/a b.png");
/// assert!("a/..".parse::<ObjectKey>().is_err());
/// # Ok::<(), tencent_cos::Error>(())
/// ```
///
/// COS reference: [Object overview](https://cloud.tencent.com/document/product/436/13324)
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey(Arc<str>);

impl ObjectKey {
    /// The longest key, in bytes of UTF-8.
    pub const MAX_BYTES: usize = 850;

    /// Parses a key, taken literally: nothing in it is percent-decoded.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) with field `key`.
    pub fn new(key: impl AsRef<str>) -> Result<Self> {
        let raw = key.as_ref();
        if raw.is_empty() {
            return Err(Error::input("key", "is empty"));
        }
        if raw.len() > Self::MAX_BYTES {
            return Err(Error::input("key", format!("is {} bytes long; COS takes at most 850", raw.len())));
        }
        if !is_plain(raw) && names_the_bucket(raw) {
            return Err(Error::input("key", "names the bucket, not an object, once its dot segments are resolved"));
        }
        if raw.bytes().any(|byte| (24..=27).contains(&byte)) {
            return Err(Error::input("key", "holds one of the control characters 24 to 27, which COS refuses"));
        }
        Ok(Self(raw.into()))
    }

    /// The key as given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path of its URL: percent-encoded, with a leading slash, safe from URL libraries that merge dot segments.
    pub fn url_path(&self) -> String {
        let mut path = String::with_capacity(self.url_length());
        self.push_url_path(&mut path);
        path
    }

    /// How long that path is, unless a slash in it is encoded.
    pub(crate) fn url_length(&self) -> usize {
        let encoded = |byte: u8| if UNRESERVED_OR_SLASH[usize::from(byte)] { 1 } else { 3 };
        1 + self.0.bytes().map(encoded).sum::<usize>()
    }

    /// Appends the path of its URL.
    ///
    /// `/` stays a slash, except at the start of the key and next to a dot segment, where it becomes `%2F`: URL
    /// libraries merge `.` and `..`, even spelled `%2E`, but none looks into a segment that holds `%2F`; COS decodes
    /// it.
    pub(crate) fn push_url_path(&self, path: &mut String) {
        let key = &*self.0;
        path.push('/');
        if is_plain(key) {
            push_encoded_but(&UNRESERVED_OR_SLASH, path, key);
            return;
        }
        let stripped = key.trim_start_matches('/');
        for _ in stripped.len()..key.len() {
            path.push_str("%2F");
        }
        let mut segments = stripped.split('/').peekable();
        let mut joined = true;
        while let Some(segment) = segments.next() {
            let is_dot = |segment: &str| matches!(segment, "." | "..");
            if !joined {
                path.push_str(if is_dot(segment) && segments.peek().is_none() { "%2F" } else { "/" });
            }
            push_encoded(path, segment);
            joined = is_dot(segment) && segments.peek().is_some();
            if joined {
                path.push_str("%2F");
            }
        }
    }
}

/// Whether no segment could be a dot segment, nor the first one empty: almost every key there is.
fn is_plain(key: &str) -> bool {
    !key.starts_with(['/', '.']) && !key.as_bytes().windows(2).any(|pair| pair == b"/.")
}

/// Whether resolving `.` and `..` and dropping empty segments leaves nothing.
fn names_the_bucket(key: &str) -> bool {
    let mut depth = 0_usize;
    for segment in key.split('/') {
        match segment {
            "" | "." => {}
            ".." => depth = depth.saturating_sub(1),
            _ => depth += 1,
        }
    }
    depth == 0
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectKey({:?})", &*self.0)
    }
}

/// For [`DeleteObjects`](crate::DeleteObjects), and whatever else takes keys as they are in listings.
impl From<ObjectKey> for String {
    fn from(key: ObjectKey) -> Self {
        key.0.as_ref().to_owned()
    }
}

impl AsRef<str> for ObjectKey {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl FromStr for ObjectKey {
    type Err = Error;

    fn from_str(key: &str) -> Result<Self> {
        Self::new(key)
    }
}

impl TryFrom<&str> for ObjectKey {
    type Error = Error;

    fn try_from(key: &str) -> Result<Self> {
        Self::new(key)
    }
}

impl TryFrom<&String> for ObjectKey {
    type Error = Error;

    fn try_from(key: &String) -> Result<Self> {
        Self::new(key)
    }
}

impl TryFrom<String> for ObjectKey {
    type Error = Error;

    fn try_from(key: String) -> Result<Self> {
        Self::new(key)
    }
}

impl From<&ObjectKey> for ObjectKey {
    fn from(key: &ObjectKey) -> Self {
        key.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_come_to_the_bucket_are_refused() {
        for key in
            ["", "/", "//", ".", "..", "./", "../", "a/..", "a/../", "/a/..", "a/b/../..", "./.", "..//.", "a/../.."]
        {
            let error = ObjectKey::new(key).expect_err(key);
            assert_eq!(error.field(), Some("key"), "{key:?}");
        }
        let longest = ObjectKey::new("k".repeat(850)).unwrap();
        assert_eq!((longest.as_ref(), String::from(longest.clone())), ("k".repeat(850).as_str(), "k".repeat(850)));
        assert!(ObjectKey::new("k".repeat(851)).is_err());
        assert!(ObjectKey::new("中".repeat(284)).is_err());
    }

    #[test]
    fn paths_are_those_of_the_reference() {
        for (key, path) in [
            ("a b.txt", "/a%20b.txt"),
            ("a+b", "/a%2Bb"),
            ("~a*b!'()", "/~a%2Ab%21%27%28%29"),
            ("100%", "/100%25"),
            ("%2F", "/%252F"),
            ("目录/😀", "/%E7%9B%AE%E5%BD%95/%F0%9F%98%80"),
            ("t/", "/t/"),
            ("a//b", "/a//b"),
            ("/lead", "/%2Flead"),
            ("//two", "/%2F%2Ftwo"),
            ("a/./b", "/a/.%2Fb"),
            ("a/../b", "/a/..%2Fb"),
            ("./c", "/.%2Fc"),
            ("../c", "/..%2Fc"),
            ("a/b/..", "/a/b%2F.."),
            ("a/b/.", "/a/b%2F."),
            ("a/b/./..", "/a/b/.%2F.."),
            ("a/.././b", "/a/..%2F.%2Fb"),
            ("/../a", "/%2F..%2Fa"),
            ("a\nb", "/a%0Ab"),
            ("a?b#c&d=e", "/a%3Fb%23c%26d%3De"),
            ("...", "/..."),
        ] {
            assert_eq!(ObjectKey::new(key).unwrap().url_path(), path, "{key:?}");
        }
    }

    #[test]
    fn no_url_library_merges_a_path() {
        // all keys of up to seven of these pieces, against the library reqwest uses
        let pieces = ["/", ".", "..", "a", "%2E", "\\"];
        let mut keys = vec![String::new()];
        for _ in 0..5 {
            keys = keys.iter().flat_map(|key| pieces.iter().map(move |piece| format!("{key}{piece}"))).collect();
            for key in keys.iter().filter_map(|key| ObjectKey::new(key).ok()) {
                let url = url::Url::parse(&format!("http://host{}", key.url_path())).unwrap();
                assert_eq!(url.path(), key.url_path(), "{key:?}");
                let decoded = percent_encoding::percent_decode_str(&url.path()[1..]).decode_utf8().unwrap();
                assert_eq!(decoded, key.as_str());
            }
        }
    }
}
