//! Signatures of the XML API: `q-sign-algorithm=sha1`, in a header or in the query.
//!
//! Everything here is pure: the time is part of the [`SigningKey`], the request is an argument, nothing is sent.
//!
//! Two steps, each usable alone. [`SigningKey::sign`] signs exactly the parameters and headers it is given, and
//! [`SigningKey::stages`] shows what that came from, for finding out why COS answered `SignatureDoesNotMatch`.
//! [`headers`] and [`query`] choose what a request signs: `host`, every `x-cos-*` header with the session token among
//! them, `content-type`, `content-md5`, `content-length`, `range`, and every parameter. That passes every rule of
//! COS's strict signature mode.
//!
//! ```text
//! KeyTime      = start;end
//! SignKey      = hex(HMAC-SHA1(SecretKey, KeyTime))
//! HttpString   = method LF path LF params LF headers LF
//! StringToSign = sha1 LF KeyTime LF hex(SHA1(HttpString)) LF
//! Signature    = hex(HMAC-SHA1(SignKey, StringToSign))
//! ```
//!
//! COS reference: [Request signature](https://cloud.tencent.com/document/product/436/7778)

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use sha1::{Digest, Sha1};
use zeroize::Zeroizing;

use crate::credentials::{Credentials, Token};
use crate::endpoint::{Scheme, host_of};
use crate::error::{Error, Result};
use crate::head::Head;
pub use crate::head::SECURITY_TOKEN;
use crate::key::push_encoded;
use crate::name::display_name;
use crate::time::unix_seconds;

static SECURITY_TOKEN_HEADER: HeaderName = HeaderName::from_static(SECURITY_TOKEN);

/// A key ready to sign with, for one span of time (COS's `KeyTime`).
///
/// It holds the keyed HMAC state, so that one serves many requests. Cheap to clone next to making one. `Debug` shows
/// no secret.
#[derive(Clone)]
pub struct SigningKey {
    secret_id: String,
    key_time: String,
    end: SystemTime,
    hmac: Hmac<Sha1>,
    token: Option<Arc<Token>>,
}

impl SigningKey {
    /// A key that signs from `start` to `end`, cut to the end of the credential.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input): with field `credentials` when they are anonymous, with field
    /// `end` when nothing is left of the span.
    pub fn new(credentials: &Credentials, start: SystemTime, end: SystemTime) -> Result<Self> {
        if credentials.is_anonymous() {
            return Err(Error::input("credentials", "are anonymous: there is nothing to sign with"));
        }
        let end = credentials.expires_at().map_or(end, |expiry| end.min(expiry));
        if end <= start {
            return Err(Error::input("end", "is not after the start, or the credential ends before it"));
        }
        Self::for_key_time(credentials, unix_seconds(start), unix_seconds(end))
    }

    /// A key for exactly this `KeyTime`, in Unix seconds, whatever the end of the credential.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn for_key_time(credentials: &Credentials, start: u64, end: u64) -> Result<Self> {
        if credentials.is_anonymous() {
            return Err(Error::input("credentials", "are anonymous: there is nothing to sign with"));
        }
        let end_time = crate::time::from_unix_seconds(end).filter(|_| start <= end);
        let end_time = end_time.ok_or_else(|| Error::input("end", "is before the start, or beyond the year 9999"))?;
        let key_time = format!("{start};{end}");
        let sign_key = mac(credentials.secret_key().as_bytes(), key_time.as_bytes());
        let sign_key = Zeroizing::new(Hex::of(&sign_key).0);
        Ok(Self {
            secret_id: credentials.secret_id().to_owned(),
            key_time,
            end: end_time,
            hmac: keyed(&*sign_key),
            token: credentials.ready_token().cloned(),
        })
    }

    /// The span, as `start;end` in Unix seconds.
    pub fn key_time(&self) -> &str {
        &self.key_time
    }

    /// The `SecretId`.
    pub(crate) fn secret_id(&self) -> &str {
        &self.secret_id
    }

    /// The session token.
    pub(crate) fn token(&self) -> Option<&str> {
        self.token.as_ref().map(|token| token.as_str())
    }

    /// When signatures of this key end.
    pub fn end(&self) -> SystemTime {
        self.end
    }

    /// Signs exactly these parameters and headers, and returns the value of the `Authorization` header.
    ///
    /// `path` is decoded (`/目录/a b.txt`), names and values are plain text. Order and case of names do not matter.
    pub fn sign(&self, method: &str, path: &str, params: &[(&str, &str)], headers: &[(&str, &str)]) -> String {
        let params = canonical(params.len(), params.iter().copied());
        let headers = canonical(headers.len(), headers.iter().copied());
        self.authorization(method, &[path], &params, &headers)
    }

    /// Signs as [`sign`](Self::sign) does and keeps every string on the way.
    pub fn stages(&self, method: &str, path: &str, params: &[(&str, &str)], headers: &[(&str, &str)]) -> Stages {
        let params = canonical(params.len(), params.iter().copied());
        let headers = canonical(headers.len(), headers.iter().copied());
        let http_string = http_string(method, &[path], &params, &headers, self.token.as_deref());
        let digest = Sha1::digest(http_string.as_bytes());
        let signature = self.signature(&digest.into());
        Stages {
            string_to_sign: format!("sha1\n{}\n{}\n", self.key_time, hex::encode(digest)),
            signature: signature.as_str().to_owned(),
            authorization: self.assemble(&signature, &params, &headers),
            http_string,
        }
    }

    /// Signs the policy of a form upload: exactly this text, before it is encoded. Returns the field `q-signature`.
    ///
    /// COS reference: [POST Object](https://cloud.tencent.com/document/product/436/14690)
    pub fn sign_policy(&self, policy: &str) -> String {
        let digest = Hex::of(&Sha1::digest(policy.as_bytes()).into());
        let signature = self.hmac.clone().chain_update(digest.as_str().as_bytes()).finalize();
        Hex::of(&signature.into_bytes().into()).as_str().to_owned()
    }

    fn authorization(&self, method: &str, path: &[&str], params: &[Pair], headers: &[Pair]) -> String {
        let digest = Sha1::digest(http_string(method, path, params, headers, self.token.as_deref()).as_bytes());
        self.assemble(&self.signature(&digest.into()), params, headers)
    }

    /// `hex(HMAC-SHA1(SignKey, StringToSign))`, the string fed piece by piece.
    fn signature(&self, http_string_digest: &[u8; 20]) -> Hex {
        let mut hmac = self.hmac.clone();
        hmac.update(b"sha1\n");
        hmac.update(self.key_time.as_bytes());
        hmac.update(b"\n");
        hmac.update(&Hex::of(http_string_digest).0);
        hmac.update(b"\n");
        Hex::of(&hmac.finalize().into_bytes().into())
    }

    fn assemble(&self, signature: &Hex, params: &[Pair], headers: &[Pair]) -> String {
        let names = |pairs: &[Pair]| pairs.iter().map(|(name, _)| 1 + name.len()).sum::<usize>();
        // Exact, so that the string becomes a header value without a copy.
        let fixed =
            "q-sign-algorithm=sha1&q-ak=&q-sign-time=&q-key-time=&q-header-list=&q-url-param-list=&q-signature=";
        let length = fixed.len() + self.secret_id.len() + 2 * self.key_time.len() + 40;
        let lists = names(headers).saturating_sub(1) + names(params).saturating_sub(1);
        let mut text = String::with_capacity(length + lists);
        for piece in ["q-sign-algorithm=sha1&q-ak=", &self.secret_id, "&q-sign-time=", &self.key_time] {
            text.push_str(piece);
        }
        text.push_str("&q-key-time=");
        text.push_str(&self.key_time);
        text.push_str("&q-header-list=");
        push_list(&mut text, headers);
        text.push_str("&q-url-param-list=");
        push_list(&mut text, params);
        text.push_str("&q-signature=");
        text.push_str(signature.as_str());
        text
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("key_time", &self.key_time).finish_non_exhaustive()
    }
}

/// What a signature came from, stage by stage. Not secret but for the signature itself, which `Debug` leaves out.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stages {
    /// Method, path, parameters and headers in COS's canonical form. COS calls it `FormatString` in its errors.
    pub http_string: String,
    /// What the HMAC runs over.
    pub string_to_sign: String,
    /// The 40 hex digits of the signature.
    pub signature: String,
    /// The value of the `Authorization` header.
    pub authorization: String,
}

impl fmt::Debug for Stages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The HttpString holds the value of every signed header, the token's among them.
        f.debug_struct("Stages").field("string_to_sign", &self.string_to_sign).finish_non_exhaustive()
    }
}

/// Which host a signature is bound to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Host {
    /// The host the request goes to.
    #[default]
    Own,
    /// Another name for the bucket, like that of a CDN in front of it: `Host::Other("cdn.example.com".parse()?)`.
    Other(HostName),
    /// None: the signature holds for the same key in every bucket the credential reaches.
    Unsigned,
}

/// A host as it stands in a `Host` header: lower-case ASCII, with a port if it is another than that of the scheme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostName(String);

impl HostName {
    /// The name, and the port if it has one.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

display_name!(HostName);

impl FromStr for HostName {
    type Err = Error;

    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) with field `host`: it is not what an HTTP client would send. A
    /// signature over it would hold nowhere.
    fn from_str(name: &str) -> Result<Self> {
        let refuse = |why| Err(Error::input("host", why));
        if name.ends_with(":443") || name.ends_with(":80") {
            return refuse("has the port of the scheme, which clients leave out");
        }
        match host_of(Scheme::Https, name) {
            Some(_) => Ok(Self(name.to_owned())),
            None => refuse("is not a host in lower-case ASCII, maybe with a port"),
        }
    }
}

/// Signs the request in its headers: adds `x-cos-security-token` if there is a token, then `Authorization`.
pub fn headers(head: &mut Head, key: &SigningKey) {
    if let Some(token) = &key.token {
        head.headers_mut().insert(&SECURITY_TOKEN_HEADER, token.value().clone());
    }
    let authorization = authorization(head, key, &Host::Own);
    head.headers_mut().insert(header::AUTHORIZATION, sensitive(authorization));
}

/// What [`headers`] signed, stage by stage: the request as it is, with or without its signature.
pub fn header_stages(head: &Head, key: &SigningKey) -> Stages {
    let params: Vec<(&str, &str)> = head.query().iter().map(|(name, value)| (&**name, &**value)).collect();
    let headers: Vec<(&str, &str)> = signed_headers(head.headers(), &Host::Own, key.token.as_deref()).collect();
    key.stages(head.method().as_str(), &head.path().concat(), &params, &headers)
}

/// Signs the request in its query: adds the token if there is one, then the seven `q-` parameters.
///
/// What headers the request carries by now are signed with it and must be sent with the URL as they are, its length
/// among them: [`PresignOptions::presign`](crate::PresignOptions::presign) leaves that to whoever uses the URL.
pub fn query(head: &mut Head, key: &SigningKey, host: &Host) {
    if let Some(token) = key.token() {
        head.query_mut().push((Cow::Borrowed(SECURITY_TOKEN), Cow::Owned(token.to_owned())));
    }
    let authorization = authorization(head, key, host);
    for field in authorization.split('&') {
        let (name, value) = field.split_once('=').unwrap_or((field, ""));
        head.query_mut().push((Cow::Owned(name.to_owned()), Cow::Owned(value.to_owned())));
    }
}

fn authorization(head: &Head, key: &SigningKey, host: &Host) -> String {
    let params = canonical(head.query().len(), head.query().iter().map(|(name, value)| (&**name, &**value)));
    let headers = canonical(head.headers().len(), signed_headers(head.headers(), host, key.token.as_deref()));
    key.authorization(head.method().as_str(), &head.path(), &params, &headers)
}

/// What a request signs, of the headers it has.
fn signed_headers<'a>(
    headers: &'a HeaderMap,
    host: &'a Host,
    token: Option<&'a Token>,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    headers.iter().filter_map(move |(name, value)| {
        match (name, host) {
            (&header::HOST, Host::Other(other)) => return Some((name.as_str(), other.as_str())),
            (&header::HOST, Host::Unsigned) => return None,
            (&header::HOST, Host::Own) => {}
            _ => is_signed(name).then_some(())?,
        }
        let value = match token {
            // The very value that was put there: it need not be read to know that it is text.
            Some(token) if std::ptr::eq(token.value().as_bytes(), value.as_bytes()) => token.as_str(),
            // Values come through `header_value`, which lets ASCII in only.
            _ => std::str::from_utf8(value.as_bytes()).ok()?,
        };
        Some((name.as_str(), value))
    })
}

/// Headers that COS acts on and no proxy touches.
fn is_signed(name: &HeaderName) -> bool {
    let name = name.as_str();
    name.starts_with("x-cos-")
        || name.starts_with("x-ci-")
        || matches!(
            name,
            "cache-control"
                | "content-disposition"
                | "content-encoding"
                | "content-length"
                | "content-md5"
                | "content-type"
                | "expires"
                | "if-match"
                | "if-modified-since"
                | "if-none-match"
                | "if-unmodified-since"
                | "origin"
                | "pic-operations"
                | "range"
        )
}

fn sensitive(value: String) -> HeaderValue {
    // Percent-encoding and `Credentials` leave only visible ASCII.
    let mut value = HeaderValue::from_maybe_shared(Bytes::from(value)).unwrap_or(HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

/// A name as it is signed, with its value as it is sent.
type Pair<'a> = (Cow<'a, str>, &'a str);

/// In the order of COS: by encoded name, byte by byte; equal names by value.
fn canonical<'a>(at_most: usize, pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<Pair<'a>> {
    let mut canonical = Vec::with_capacity(at_most);
    canonical.extend(pairs.map(|(name, value)| (encoded_name(name), value)));
    canonical.sort_unstable();
    canonical
}

/// Encoded first and lower-cased then, its hex digits included.
fn encoded_name(name: &str) -> Cow<'_, str> {
    // Almost every name there is.
    if name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-') {
        return Cow::Borrowed(name);
    }
    let mut encoded = String::with_capacity(3 * name.len());
    push_encoded(&mut encoded, name);
    encoded.make_ascii_lowercase();
    Cow::Owned(encoded)
}

fn http_string(method: &str, path: &[&str], params: &[Pair], headers: &[Pair], token: Option<&Token>) -> String {
    // Encoding grows values; half as much again holds every usual request without a second allocation. What the token
    // takes is known, so that the buffer is of a size that allocators keep at hand.
    let encoded = |value: &str| match token {
        Some(token) if token.is(value) => token.encoded().len(),
        _ => value.len() * 3 / 2,
    };
    let length = |pairs: &[Pair]| pairs.iter().map(|(name, value)| 2 + name.len() + encoded(value)).sum::<usize>();
    let path_length = path.iter().map(|piece| piece.len()).sum::<usize>();
    let mut text = String::with_capacity(16 + method.len() + path_length + length(params) + length(headers));
    text.push_str(method);
    text.make_ascii_lowercase();
    text.push('\n');
    text.extend(path.iter().copied());
    text.push('\n');
    push_pairs(&mut text, params, token);
    text.push('\n');
    push_pairs(&mut text, headers, token);
    text.push('\n');
    text
}

fn push_pairs(text: &mut String, pairs: &[Pair], token: Option<&Token>) {
    for (index, (name, value)) in pairs.iter().enumerate() {
        if index > 0 {
            text.push('&');
        }
        text.push_str(name);
        text.push('=');
        match token {
            Some(token) if token.is(value) => text.push_str(token.encoded()),
            _ => push_encoded(text, value),
        }
    }
}

fn push_list(text: &mut String, pairs: &[Pair]) {
    for (index, (name, _)) in pairs.iter().enumerate() {
        if index > 0 {
            text.push(';');
        }
        text.push_str(name);
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha1> {
    // HMAC takes keys of any length.
    Hmac::<Sha1>::new_from_slice(key).unwrap_or_else(|_| unreachable!("HMAC takes keys of any length"))
}

pub(crate) fn mac(key: &[u8], message: &[u8]) -> [u8; 20] {
    keyed(key).chain_update(message).finalize().into_bytes().into()
}

/// 40 hex digits without an allocation.
struct Hex([u8; 40]);

impl Hex {
    fn of(bytes: &[u8; 20]) -> Self {
        let mut digits = [0; 40];
        // 20 bytes make 40 digits.
        hex::encode_to_slice(bytes, &mut digits).unwrap_or_default();
        Self(digits)
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// How long before now a signature should start: it absorbs a fast clock.
pub const BACKDATE: Duration = Duration::from_secs(60);

/// How long the signature of a request should hold.
pub const REQUEST_LIFETIME: Duration = Duration::from_secs(15 * 60);

/// The longest life of a presigned URL.
pub const MAX_PRESIGN: Duration = Duration::from_secs(7 * 24 * 3600);
