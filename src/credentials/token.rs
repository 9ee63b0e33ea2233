//! A session token, made ready once for all the requests that carry it.

use http::HeaderValue;
use zeroize::Zeroizing;

use crate::key::push_encoded;

/// The longest value of almost every request that has one.
#[derive(PartialEq, Eq)]
pub(crate) struct Token {
    text: Zeroizing<String>,
    /// As it stands in what is signed.
    encoded: Zeroizing<String>,
    /// Marked sensitive; shared, not copied, from request to request.
    value: HeaderValue,
}

impl Token {
    /// Of visible ASCII.
    pub(super) fn new(text: Zeroizing<String>) -> Self {
        let mut value = HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""));
        value.set_sensitive(true);
        // At most three bytes for one: it never moves, so that no copy is left behind.
        let mut encoded = Zeroizing::new(String::with_capacity(3 * text.len()));
        push_encoded(&mut encoded, &text);
        Self { text, encoded, value }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn encoded(&self) -> &str {
        &self.encoded
    }

    pub(crate) fn value(&self) -> &HeaderValue {
        &self.value
    }

    /// By its address, as it stands in the headers of a request, or by its bytes.
    pub(crate) fn is(&self, value: &str) -> bool {
        std::ptr::eq(self.as_str(), value) || self.as_str() == value
    }
}
