//! A header signature by hand, by one that knows everything beforehand.

use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderValue};
use sha1::{Digest, Sha1};
use tencent_cos::Credentials;

/// The headers a signature covers, in order.
pub fn signed(headers: &HeaderMap) -> Vec<(String, String)> {
    let signed = |name: &str| name == "host" || name.starts_with("content-") || name.starts_with("x-cos-");
    let text = |value: &HeaderValue| value.to_str().expect("ASCII").to_owned();
    let headers = headers.iter().filter(|(name, _)| signed(name.as_str()));
    let mut pairs: Vec<_> = headers.map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    pairs.sort();
    pairs
}

/// The least there is to do.
pub struct Floor {
    hmac: Hmac<Sha1>,
    buffer: Vec<u8>,
    key_time: String,
    /// `Authorization` up to the list of headers.
    beginning: String,
}

impl Floor {
    /// `key_time` is the time a signature counts in: `START;END`.
    pub fn new(credentials: &Credentials, key_time: &str) -> Self {
        let hmac = |key: &[u8]| Hmac::<Sha1>::new_from_slice(key).expect("keys of any length");
        let sign_key = hmac(credentials.secret_key().as_bytes()).chain_update(key_time).finalize().into_bytes();
        let id = credentials.secret_id();
        let beginning =
            format!("q-sign-algorithm=sha1&q-ak={id}&q-sign-time={key_time}&q-key-time={key_time}&q-header-list=");
        Self {
            hmac: hmac(hex::encode(sign_key).as_bytes()),
            buffer: Vec::with_capacity(4096),
            key_time: key_time.to_owned(),
            beginning,
        }
    }

    /// The value of `Authorization`.
    pub fn sign(&mut self, method: &str, path: &str, headers: &[(&str, &str)]) -> &[u8] {
        let buffer = &mut self.buffer;
        buffer.clear();
        for piece in [method, "\n", path, "\n\n"] {
            buffer.extend_from_slice(piece.as_bytes());
        }
        for (index, (name, value)) in headers.iter().enumerate() {
            if index > 0 {
                buffer.push(b'&');
            }
            buffer.extend_from_slice(name.as_bytes());
            buffer.push(b'=');
            encode(value.as_bytes(), buffer);
        }
        buffer.push(b'\n');
        let mut digits = [0; 40];
        hex::encode_to_slice(Sha1::digest(&*buffer), &mut digits).expect("40 digits");
        let mut hmac = self.hmac.clone();
        for piece in [b"sha1\n", self.key_time.as_bytes(), b"\n", &digits, b"\n"] {
            hmac.update(piece);
        }
        hex::encode_to_slice(hmac.finalize().into_bytes(), &mut digits).expect("40 digits");

        buffer.clear();
        buffer.extend_from_slice(self.beginning.as_bytes());
        for (index, (name, _)) in headers.iter().enumerate() {
            if index > 0 {
                buffer.push(b';');
            }
            buffer.extend_from_slice(name.as_bytes());
        }
        buffer.extend_from_slice(b"&q-url-param-list=&q-signature=");
        buffer.extend_from_slice(&digits);
        buffer
    }
}

/// Runs of plain bytes are copied whole.
fn encode(value: &[u8], out: &mut Vec<u8>) {
    static PLAIN: [bool; 256] = {
        let mut plain = [false; 256];
        let mut byte = 0;
        while byte < 256 {
            #[allow(clippy::cast_possible_truncation)] // below 256
            let it = byte as u8;
            plain[byte] = it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_' | b'.' | b'~');
            byte += 1;
        }
        plain
    };
    let mut rest = value;
    while let Some(at) = rest.iter().position(|byte| !PLAIN[usize::from(*byte)]) {
        let byte = rest[at];
        out.extend_from_slice(&rest[..at]);
        let digit = |nibble: u8| b"0123456789ABCDEF"[usize::from(nibble)];
        out.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 15)]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}
