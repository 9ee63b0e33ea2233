//! Percent-encoding as COS reads and writes it, from the raw bytes of the request line.

use std::borrow::Cow;
use std::str::FromStr;

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// `A-Z a-z 0-9 - _ . ~` stay; every other byte becomes `%XX` with upper-case digits.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + 16);
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            text.push(char::from(byte));
        } else {
            text.push('%');
            text.push(char::from(HEX[usize::from(byte >> 4)]));
            text.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    text
}

/// A key as a path: slashes stay.
pub(crate) fn encode_path(bytes: &[u8]) -> String {
    encode(bytes).replace("%2F", "/")
}

/// The form of a name in signature lists: encoded first, lower-cased after, hex digits included.
pub(crate) fn encode_name(bytes: &[u8]) -> String {
    let mut text = encode(bytes);
    text.make_ascii_lowercase();
    text
}

/// Decodes a path once. A plus stays a plus. `None` if a `%` is not followed by two hex digits.
pub(crate) fn decode_path(text: &str) -> Option<Cow<'_, [u8]>> {
    decode(text.as_bytes(), false)
}

/// Decodes one name or value of a query once. A plus is a space.
pub(crate) fn decode_form(text: &str) -> Option<Cow<'_, [u8]>> {
    decode(text.as_bytes(), true)
}

fn decode(bytes: &[u8], plus_is_space: bool) -> Option<Cow<'_, [u8]>> {
    if !bytes.iter().any(|&byte| byte == b'%' || (plus_is_space && byte == b'+')) {
        return Some(Cow::Borrowed(bytes));
    }
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'%' => {
                let (pair, after) = rest.split_at_checked(2)?;
                decoded.push(nibble(pair[0])? << 4 | nibble(pair[1])?);
                rest = after;
            }
            b'+' if plus_is_space => decoded.push(b' '),
            _ => decoded.push(byte),
        }
    }
    Some(Cow::Owned(decoded))
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// A number in digits alone: Rust would take a plus in front, too.
pub(crate) fn number<T: FromStr>(text: &str) -> Option<T> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

/// A query, decoded once, in the order of the wire.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(Vec<(Vec<u8>, Vec<u8>)>);

impl Query {
    /// `None` if a percent sign is broken. A name without `=` has an empty value.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut pairs = Vec::new();
        for part in text.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            pairs.push((decode_form(name)?.into_owned(), decode_form(value)?.into_owned()));
        }
        Some(Self(pairs))
    }

    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.0.iter().map(|(name, value)| (name.as_slice(), value.as_slice()))
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(have, _)| have == name.as_bytes())
    }

    /// The value of a parameter; empty counts as absent, as clients send `versionId=` and mean nothing by it. That name
    /// alone has no case: the documents and the Go SDK write `VersionId`, too.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let any_case = name == "versionId";
        let same = |have: &[u8]| have == name.as_bytes() || any_case && have.eq_ignore_ascii_case(name.as_bytes());
        let (_, value) = self.0.iter().find(|(have, _)| same(have))?;
        std::str::from_utf8(value).ok().filter(|value| !value.is_empty())
    }

    /// A name that is there twice: nobody says which of the two values holds.
    pub(crate) fn repeated(&self) -> Option<&[u8]> {
        let mut names: Vec<&[u8]> = self.pairs().map(|(name, _)| name).collect();
        names.sort_unstable();
        names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
    }

    /// False if a name or a value is not UTF-8.
    pub(crate) fn is_text(&self) -> bool {
        self.pairs().all(|(name, value)| std::str::from_utf8(name).is_ok() && std::str::from_utf8(value).is_ok())
    }

    /// Names and values for the journal, with replacement characters where they are not UTF-8.
    pub(crate) fn to_text(&self) -> Vec<(String, String)> {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        self.pairs().map(|(name, value)| (text(name), text(value))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lowered_after_encoding() {
        assert_eq!(encode_name(b"imageMogr2/thumbnail/!50p"), "imagemogr2%2fthumbnail%2f%2150p");
        assert_eq!(encode("a b+~*中".as_bytes()), "a%20b%2B~%2A%E4%B8%AD");
    }

    #[test]
    fn a_plus_is_a_space_in_queries_only() {
        assert_eq!(decode_form("a+b%2Bc").unwrap().as_ref(), b"a b+c");
        assert_eq!(decode_path("/a+b%2Bc%2F%252F").unwrap().as_ref(), b"/a+b+c/%2F");
        assert_eq!(decode_path("/%4"), None);
        assert_eq!(decode_path("/%zz"), None);
    }

    #[test]
    fn numbers_are_digits() {
        assert_eq!((number::<u64>("007"), number::<u8>("255")), (Some(7), Some(255)));
        for text in ["", "+7", "-7", " 7", "7.0", "1e3", "٧"] {
            assert_eq!(number::<u64>(text), None, "{text:?}");
        }
    }

    #[test]
    fn names_have_a_case_but_for_the_version_id() {
        let query = Query::parse("Prefix=a&VersionId=b").unwrap();
        assert_eq!((query.get("prefix"), query.get("versionId")), (None, Some("b")));
    }

    #[test]
    fn valueless_and_empty_parameters_are_the_same() {
        let query = Query::parse("acl&versionId=&marker=a%26b").unwrap();
        assert!(query.has("acl"));
        assert_eq!(query.get("versionId"), None);
        assert_eq!(query.get("marker"), Some("a&b"));
    }
}
