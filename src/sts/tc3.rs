//! TC3-HMAC-SHA256, the signature of Tencent Cloud's API 3.0: pure, the time is an argument.
//!
//! ```text
//! CanonicalRequest = METHOD LF / LF query LF headers LF signed-headers LF hex(SHA256(body))
//! StringToSign     = TC3-HMAC-SHA256 LF timestamp LF date/service/tc3_request LF hex(SHA256(CanonicalRequest))
//! Key              = HMAC(HMAC(HMAC("TC3" SecretKey, date), service), "tc3_request")
//! Signature        = hex(HMAC(Key, StringToSign))
//! ```
//!
//! Reference: [Signature v3](https://cloud.tencent.com/document/product/213/30654)

use std::fmt;
use std::time::SystemTime;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::credentials::Credentials;
use crate::error::{Error, Result};
use crate::time::{iso8601, unix_seconds};

/// A request to the root of a host, as far as it is signed.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    /// The method.
    pub method: &'a str,
    /// The query, as it stands in the URL; empty for a POST.
    pub query: &'a str,
    /// Headers to sign: `content-type` and `host` at least. Neither order nor case matters.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body, byte for byte.
    pub body: &'a [u8],
}

impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A token may be among the headers, or in the body.
        let headers: Vec<&str> = self.headers.iter().map(|(name, _)| *name).collect();
        f.debug_struct("Message").field("method", &self.method).field("headers", &headers).finish_non_exhaustive()
    }
}

/// What a signature came from, stage by stage. `Debug` leaves the signature out.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stages {
    /// The request in canonical form.
    pub canonical_request: String,
    /// What the HMAC runs over.
    pub string_to_sign: String,
    /// The 64 hex digits of the signature.
    pub signature: String,
    /// The value of the `Authorization` header.
    pub authorization: String,
}

impl fmt::Debug for Stages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stages").field("string_to_sign", &self.string_to_sign).finish_non_exhaustive()
    }
}

/// Signs a message for a service like `sts` at this time, which goes into `X-TC-Timestamp`. A session token is not
/// signed: it goes into `X-TC-Token`.
///
/// # Errors
/// [`ErrorKind::Input`](crate::ErrorKind::Input) with field `credentials` when they are anonymous.
pub fn sign(credentials: &Credentials, service: &str, time: SystemTime, message: &Message<'_>) -> Result<Stages> {
    if credentials.is_anonymous() {
        return Err(Error::input("credentials", "are anonymous: there is nothing to sign with"));
    }
    let mut headers: Vec<_> = message
        .headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_ascii_lowercase()))
        .collect();
    headers.sort();
    let lines: Vec<String> = headers.iter().map(|(name, value)| format!("{name}:{value}")).collect();
    let lines = lines.join("\n");
    let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
    let names = names.join(";");
    let body = hex::encode(Sha256::digest(message.body));
    let canonical_request = format!("{}\n/\n{}\n{lines}\n\n{names}\n{body}", message.method, message.query);

    let iso = iso8601(time);
    let date = iso.split('T').next().unwrap_or_default();
    let scope = format!("{date}/{service}/tc3_request");
    let digest = hex::encode(Sha256::digest(canonical_request.as_bytes()));
    let string_to_sign = format!("{ALGORITHM}\n{}\n{scope}\n{digest}", unix_seconds(time));

    let secret = Zeroizing::new(format!("TC3{}", credentials.secret_key()));
    let key = [date, service, "tc3_request"]
        .iter()
        .fold(Zeroizing::new(secret.as_bytes().to_vec()), |key, part| Zeroizing::new(mac(&key, part).to_vec()));
    let signature = hex::encode(mac(&key, &string_to_sign));
    let id = credentials.secret_id();
    let authorization = format!("{ALGORITHM} Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}");
    Ok(Stages { canonical_request, string_to_sign, signature, authorization })
}

const ALGORITHM: &str = "TC3-HMAC-SHA256";

fn mac(key: &[u8], text: &str) -> [u8; 32] {
    let keyed = Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| unreachable!("HMAC takes keys of any length"));
    keyed.chain_update(text.as_bytes()).finalize().into_bytes().into()
}
