//! Checks signatures (version 5) from the raw request, by what they list and nothing else.
//!
//! The service lets the client choose which headers and parameters to sign, so a verifier trusts the two lists and
//! demands no header, not even the token; [`demand_strict`] adds the demands of a bucket in strict signature mode.
//!
//! Where the documents are silent, this file decides, and says so beside the code:
//! an unknown key, or a temporary key without its token, is `InvalidAccessKeyId`; a malformed signature is `AccessDenied`
//! with the reason in the message; a start up to 15 minutes ahead of the clock is tolerated, an end in the past is not.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use http::Method;
use http::header::AUTHORIZATION;
use sha1::{Digest, Sha1};

use crate::account::{Clock, ExpiryAnswer, Keys};
use crate::address::without_port;
use crate::cam::Holder;
use crate::encoding::{Query, decode_form, encode, encode_name, number};
use crate::error::CosError;
use crate::ids::unix_seconds;
use crate::request::Head;

/// Who sent a request, as far as its signature proves it.
#[derive(Clone, Debug)]
pub(crate) enum Caller {
    Anonymous,
    /// Somebody with a key.
    Known(Arc<Holder>),
}

impl Caller {
    pub(crate) fn holder(&self) -> Option<&Holder> {
        match self {
            Self::Anonymous => None,
            Self::Known(holder) => Some(holder),
        }
    }

    /// As policies and ACLs write it.
    pub(crate) fn principal(&self) -> Option<String> {
        self.holder().map(Holder::principal)
    }
}

/// How far a client's clock may be ahead of the service's.
const TOLERATED_SKEW: Duration = Duration::from_secs(15 * 60);

const FIELDS: [&str; 7] =
    ["q-sign-algorithm", "q-ak", "q-sign-time", "q-key-time", "q-header-list", "q-url-param-list", "q-signature"];

/// A signature as the request states it, not yet believed.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(crate) key_id: String,
    sign_time: Window,
    key_time: Window,
    key_time_text: String,
    headers: Vec<String>,
    params: Vec<String>,
    signature: String,
    carrier: Carrier,
}

/// Where the signature stood. Query parameters that carry it are not signed themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Carrier {
    Header,
    /// Seven `q-*` parameters.
    Fields,
    /// One parameter `sign` with the whole `Authorization` text, as the Java SDK presigns.
    Sign,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    start: u64,
    end: u64,
}

/// Reads the signature of a request. `None` for an anonymous one, including the Python SDK's empty `Authorization`.
pub(crate) fn read_claim(head: &Head) -> Result<Option<Claim>, CosError> {
    let in_fields = head.query.has("q-signature") || head.query.has("q-sign-algorithm");
    let in_sign = head.query.get("sign").filter(|text| text.contains("q-signature="));
    let in_header = head.headers.get(AUTHORIZATION).filter(|value| !value.is_empty());
    if u8::from(in_fields) + u8::from(in_sign.is_some()) + u8::from(in_header.is_some()) > 1 {
        return Err(malformed("it is given in more than one place"));
    }
    if let Some(value) = in_header {
        let text = value.to_str().map_err(|_| malformed("Authorization is not ASCII"))?;
        return Claim::from_text(text, Carrier::Header).map(Some);
    }
    if in_fields {
        let pairs = head.query.pairs().filter(|(name, _)| is_signature_field(name));
        let fields = pairs.map(|(name, value)| (String::from_utf8_lossy(name), String::from_utf8_lossy(value)));
        return Claim::from_fields(fields, Carrier::Fields).map(Some);
    }
    in_sign.map(|text| Claim::from_text(text, Carrier::Sign)).transpose()
}

impl Claim {
    fn from_text(text: &str, carrier: Carrier) -> Result<Self, CosError> {
        let mut fields = Vec::with_capacity(FIELDS.len());
        for part in text.split('&') {
            let (name, value) = part.split_once('=').ok_or_else(|| malformed("a field has no value"))?;
            fields.push((Cow::Borrowed(name), Cow::Borrowed(value)));
        }
        Self::from_fields(fields.into_iter(), carrier)
    }

    fn from_fields<'a>(
        fields: impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)>,
        carrier: Carrier,
    ) -> Result<Self, CosError> {
        let mut found: [Option<String>; 7] = Default::default();
        for (name, value) in fields {
            let slot = FIELDS.iter().position(|field| *field == name);
            let slot = slot.ok_or_else(|| malformed(&format!("unknown field {name}")))?;
            if found[slot].replace(value.into_owned()).is_some() {
                return Err(malformed(&format!("{name} is given twice")));
            }
        }
        let mut take =
            |slot: usize| found[slot].take().ok_or_else(|| malformed(&format!("{} is missing", FIELDS[slot])));
        let algorithm = take(0)?;
        if algorithm != "sha1" {
            return Err(malformed(&format!("q-sign-algorithm is {algorithm}, not sha1")));
        }
        let key_id = take(1)?;
        let sign_time = Window::parse(&take(2)?, "q-sign-time")?;
        let key_time_text = take(3)?;
        let key_time = Window::parse(&key_time_text, "q-key-time")?;
        let headers = parse_list(&take(4)?, "q-header-list")?;
        let params = parse_list(&take(5)?, "q-url-param-list")?;
        let signature = take(6)?;
        if key_id.is_empty() {
            return Err(malformed("q-ak is empty"));
        }
        Ok(Self { key_id, sign_time, key_time, key_time_text, headers, params, signature, carrier })
    }

    /// The parameters that could be signed: all but those that carry the signature.
    fn params_of<'a>(&self, query: &'a Query) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let carrier = self.carrier;
        query.pairs().filter(move |(name, _)| match carrier {
            Carrier::Header => true,
            Carrier::Fields => !is_signature_field(name),
            Carrier::Sign => *name != b"sign",
        })
    }
}

impl Window {
    pub(crate) fn parse(text: &str, field: &str) -> Result<Self, CosError> {
        let window = text.split_once(';').and_then(|(start, end)| Some((number(start)?, number(end)?)));
        match window {
            Some((start, end)) if start <= end => Ok(Self { start, end }),
            _ => Err(malformed(&format!("{field} is not start;end in seconds"))),
        }
    }

    /// An end in the past is final. A start in the future is a clock that runs ahead: up to [`TOLERATED_SKEW`] that is
    /// tolerated, or every client whose clock is a second fast would be refused; beyond, the two clocks disagree.
    fn check(self, now: u64) -> Result<(), CosError> {
        if now > self.end {
            return Err(CosError::request_has_expired());
        }
        if self.start > now + TOLERATED_SKEW.as_secs() {
            return Err(CosError::new(
                403,
                "RequestTimeTooSkewed",
                "The difference between the request time and the current time is too large.",
            ));
        }
        Ok(())
    }
}

/// A list of names: lower-case, sorted, each in its encoded form.
fn parse_list(text: &str, field: &str) -> Result<Vec<String>, CosError> {
    let names: Vec<String> = text.split(';').filter(|_| !text.is_empty()).map(str::to_owned).collect();
    if names.iter().any(|name| name.is_empty() || name.bytes().any(|byte| byte.is_ascii_uppercase())) {
        return Err(malformed(&format!("{field} holds a name that is empty or not lower-case")));
    }
    if !names.is_sorted() {
        return Err(malformed(&format!("{field} is not sorted")));
    }
    Ok(names)
}

fn is_signature_field(name: &[u8]) -> bool {
    FIELDS.iter().any(|field| field.as_bytes() == name)
}

/// The documents name no code for a signature that cannot even be read.
fn malformed(reason: &str) -> CosError {
    CosError::new(403, "AccessDenied", format!("Malformed signature: {reason}."))
}

/// The two texts a signature is made from, as the server computes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Canonical {
    pub(crate) http_string: Vec<u8>,
    pub(crate) string_to_sign: String,
}

/// Believes a claim, or says why not: key known, token right, time right, signature right, token still alive.
pub(crate) fn verify(head: &Head, claim: &Claim, keys: &Keys, clock: &Clock) -> Result<Caller, CosError> {
    let token = token(head);
    let check = |secret: &str| check_signature(head, claim, secret);
    let times = [claim.sign_time, claim.key_time];
    // Go prints a sign time of its own but signs the key time. Both windows must hold, as only the second is protected.
    believe(
        &Proof { key_id: &claim.key_id, token: token.as_deref(), times: &times, check: &check },
        &head.method,
        keys,
        clock,
    )
}

/// What somebody shows to be believed, whatever carried it.
pub(crate) struct Proof<'a> {
    pub(crate) key_id: &'a str,
    pub(crate) token: Option<&'a [u8]>,
    pub(crate) times: &'a [Window],
    /// Whether the signature is that of this secret.
    pub(crate) check: &'a dyn Fn(&str) -> Result<(), CosError>,
}

pub(crate) fn believe(proof: &Proof<'_>, method: &Method, keys: &Keys, clock: &Clock) -> Result<Caller, CosError> {
    let now = clock.now();
    let unknown = || {
        CosError::new(403, "InvalidAccessKeyId", "The access key ID you provided does not exist in our records.")
            .with("AccessKeyId", proof.key_id)
    };
    let key = keys.find(proof.key_id).ok_or_else(unknown)?;
    // A temporary id means nothing without its token, and a permanent one has no token: to the service the pair is unknown.
    if !key.takes(proof.token) {
        return Err(unknown());
    }
    let seconds = unix_seconds(now);
    for window in proof.times {
        window.check(seconds)?;
    }
    (proof.check)(&key.secret)?;
    if key.is_over(now) {
        return Err(expired(keys.answer_for(&key), method));
    }
    Ok(Caller::Known(Arc::clone(&key.holder)))
}

fn expired(answer: ExpiryAnswer, method: &Method) -> CosError {
    let token = |status| CosError::new(status, "ExpiredToken", "The provided token has expired.");
    match answer {
        ExpiryAnswer::Forbidden => token(403),
        ExpiryAnswer::RequestHasExpired => CosError::request_has_expired(),
        ExpiryAnswer::BareHead if *method == Method::HEAD => CosError::access_denied(),
        ExpiryAnswer::BadRequest | ExpiryAnswer::BareHead => token(400),
    }
}

/// The session token: a header, or a parameter of a presigned URL.
fn token(head: &Head) -> Option<Cow<'_, [u8]>> {
    let header = head.headers.get("x-cos-security-token").map(|value| Cow::Borrowed(value.as_bytes()));
    let in_query = || head.query.get("x-cos-security-token").map(|value| Cow::Borrowed(value.as_bytes()));
    header.filter(|value| !value.is_empty()).or_else(in_query)
}

/// Tries Host as received and, for the Python SDK, without its port. The refusal shows what the server computed.
fn check_signature(head: &Head, claim: &Claim, secret: &str) -> Result<(), CosError> {
    let sign_key = hmac_hex(secret.as_bytes(), claim.key_time_text.as_bytes());
    // The host that was meant, not the header: a target in absolute form has a host of its own, and that one decides.
    let host = head.host.as_bytes();
    let computed = canonical(head, claim, host)?;
    if hmac_hex(sign_key.as_bytes(), computed.string_to_sign.as_bytes()) == claim.signature {
        return Ok(());
    }
    let bare = without_port(&head.host).as_bytes();
    if bare.len() != host.len() {
        let again = canonical(head, claim, bare)?;
        if hmac_hex(sign_key.as_bytes(), again.string_to_sign.as_bytes()) == claim.signature {
            return Ok(());
        }
    }
    Err(does_not_match("The Signature you specified is invalid.")
        .with("StringToSign", computed.string_to_sign)
        .with("FormatString", String::from_utf8_lossy(&computed.http_string).into_owned()))
}

pub(crate) fn does_not_match(message: &str) -> CosError {
    CosError::new(403, "SignatureDoesNotMatch", message.to_owned())
}

/// Builds the two texts from the wire, taking `host` for the header of that name.
pub(crate) fn canonical(head: &Head, claim: &Claim, host: &[u8]) -> Result<Canonical, CosError> {
    let mut http_string = Vec::with_capacity(512);
    http_string.extend_from_slice(head.method.as_str().to_ascii_lowercase().as_bytes());
    http_string.push(b'\n');
    http_string.extend_from_slice(&head.path);
    http_string.push(b'\n');

    let params: Vec<(String, &[u8])> =
        claim.params_of(&head.query).map(|(name, value)| (encode_name(name), value)).collect();
    cover(&mut http_string, &claim.params, "parameter", |listed, values| {
        values.extend(params.iter().filter(|(name, _)| name == listed).map(|(_, value)| *value));
    })?;
    http_string.push(b'\n');

    cover(&mut http_string, &claim.headers, "header", |listed, values| {
        if listed == "host" {
            return values.push(host);
        }
        let name = decode_form(listed).unwrap_or(Cow::Borrowed(listed.as_bytes()));
        let name = std::str::from_utf8(&name).unwrap_or(listed);
        values.extend(head.headers.get_all(name).iter().map(http::HeaderValue::as_bytes));
        if values.is_empty() {
            values.push(b""); // a listed header that some hop dropped is signed as empty
        }
    })?;
    http_string.push(b'\n');

    let digest = hex::encode(Sha1::digest(&http_string));
    let string_to_sign = format!("sha1\n{}\n{digest}\n", claim.key_time_text);
    Ok(Canonical { http_string, string_to_sign })
}

/// Writes `name=value&…` for every listed name. A name that occurs several times must be listed as often: a signature
/// that covers one of two values covers neither.
fn cover<'a>(
    out: &mut Vec<u8>,
    listed: &[String],
    kind: &str,
    find: impl Fn(&str, &mut Vec<&'a [u8]>),
) -> Result<(), CosError> {
    let mut first = true;
    for group in listed.chunk_by(|a, b| a == b) {
        let mut values = Vec::with_capacity(1);
        find(&group[0], &mut values);
        if values.len() != group.len() {
            let (name, listed, sent) = (&group[0], group.len(), values.len());
            return Err(does_not_match(&format!("The {kind} {name} is listed {listed} times but sent {sent} times.")));
        }
        values.sort_unstable();
        for value in values {
            if !first {
                out.push(b'&');
            }
            first = false;
            out.extend_from_slice(group[0].as_bytes());
            out.push(b'=');
            out.extend_from_slice(encode(value).as_bytes());
        }
    }
    Ok(())
}

pub(crate) fn hmac_hex(key: &[u8], message: &[u8]) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    hex::encode(mac.finalize().into_bytes())
}

/// Demands what a bucket in strict signature mode may demand at most: host, every `x-cos-*` header, the headers that
/// describe the body, and every parameter. A presigned URL is sent by somebody else, whose HTTP client adds its own
/// `Content-Length` and `Content-Type`: there only host, `x-cos-*` and the parameters are asked for.
pub(crate) fn demand_strict(head: &Head, claim: &Claim) -> Result<(), CosError> {
    let missing = |what, name: &str| {
        let message = format!("Strict signature missing {what} that must be signed");
        Err(CosError::new(403, "AccessDenied", message).with("Missing", name))
    };
    let listed = |list: &[String], name: &str| list.iter().any(|have| have == name);
    for name in head.headers.keys().map(http::HeaderName::as_str) {
        let always = name == "host" || name.starts_with("x-cos-");
        let described = matches!(name, "content-length" | "content-md5" | "content-type" | "range");
        let demanded = always || (described && claim.carrier == Carrier::Header);
        if demanded && !listed(&claim.headers, &encode_name(name.as_bytes())) {
            return missing("header", name);
        }
    }
    for (name, _) in claim.params_of(&head.query) {
        if !listed(&claim.params, &encode_name(name)) {
            return missing("param", &String::from_utf8_lossy(name));
        }
    }
    Ok(())
}

#[cfg(test)]
mod golden;
