//! TC3-HMAC-SHA256, from the raw request.

use hmac::{Hmac, KeyInit, Mac};
use http::header::AUTHORIZATION;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use super::{Asked, Parameters, Refusal, believe};
use crate::request::Head;
use crate::service::World;

const ALGORITHM: &str = "TC3-HMAC-SHA256";

/// What calls without a signature carry in its place.
const SKIP: &str = "SKIP";

/// The one action that needs no signature: the token of the identity provider is proof enough.
const UNSIGNED: &str = "AssumeRoleWithWebIdentity";

pub(super) fn read(world: &World, head: &Head, body: &[u8], key_id: &mut Option<String>) -> Result<Asked, Refusal> {
    let header = |name: &str| head.header(name);
    let required = |name: &str| {
        header(name).ok_or_else(|| Refusal::new("MissingParameter", format!("The request has no header {name}.")))
    };
    let action = required("x-tc-action")?.to_owned();
    let text = head.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let caller = if action == UNSIGNED {
        if text != SKIP {
            return Err(unreadable("this action wants SKIP in place of a signature"));
        }
        None
    } else {
        let claim = Claim::read(text)?;
        *key_id = Some(claim.key_id.to_owned());
        let time = required("x-tc-timestamp")?;
        let time: u64 =
            time.parse().map_err(|_| Refusal::new("InvalidParameterValue", "X-TC-Timestamp is no number."))?;
        claim.check_scope(time, "sts")?;
        let (_, to_sign) = canonical(head, body, &claim, time)?;
        Some(believe(world, claim.key_id, header("x-tc-token"), time, |secret| {
            claim.signature == signature(secret, &claim, &to_sign)
        })?)
    };
    let kind = header("content-type").unwrap_or_default();
    if kind.split(';').next() != Some("application/json") {
        return Err(Refusal::new("InvalidParameter", "The Content-Type is not application/json."));
    }
    Ok(Asked {
        action,
        version: required("x-tc-version")?.to_owned(),
        region: header("x-tc-region").unwrap_or_default().to_owned(),
        parameters: Parameters::from_json(body)?,
        caller,
    })
}

fn unreadable(reason: &str) -> Refusal {
    Refusal::new("AuthFailure.InvalidAuthorization", format!("The Authorization cannot be read: {reason}."))
}

/// What `Authorization` states, not yet believed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim<'a> {
    pub(super) key_id: &'a str,
    date: &'a str,
    service: &'a str,
    signed: &'a str,
    signature: &'a str,
}

impl<'a> Claim<'a> {
    /// `TC3-HMAC-SHA256 Credential=ID/DATE/SERVICE/tc3_request, SignedHeaders=a;b, Signature=HEX`.
    pub(super) fn read(text: &'a str) -> Result<Self, Refusal> {
        let rest = text.strip_prefix(ALGORITHM).and_then(|rest| rest.strip_prefix(' '));
        let rest = rest.ok_or_else(|| unreadable("it does not begin with TC3-HMAC-SHA256"))?;
        let fields: Vec<&str> = rest.split(',').map(str::trim).collect();
        let field = |index: usize, name: &str| {
            let field = fields.get(index).and_then(|field| field.strip_prefix(name)?.strip_prefix('='));
            field.ok_or_else(|| unreadable(&format!("it has no {name} in its place")))
        };
        let (scope, signed, signature) = (field(0, "Credential")?, field(1, "SignedHeaders")?, field(2, "Signature")?);
        let parts: Vec<&str> = scope.split('/').collect();
        let &[key_id, date, service, "tc3_request"] = parts.as_slice() else {
            return Err(unreadable("its Credential is not ID/DATE/SERVICE/tc3_request"));
        };
        let names: Vec<&str> = signed.split(';').collect();
        if !names.is_sorted_by(|a, b| a < b) || signed.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(unreadable("its SignedHeaders are not lower-case and sorted"));
        }
        if !names.contains(&"content-type") || !names.contains(&"host") {
            return Err(unreadable("its SignedHeaders lack content-type or host"));
        }
        if fields.len() != 3 || key_id.is_empty() || signature.len() != 64 {
            return Err(unreadable("it is not of its form"));
        }
        Ok(Self { key_id, date, service, signed, signature })
    }

    pub(super) fn check_scope(&self, time: u64, service: &str) -> Result<(), Refusal> {
        let seconds = i64::try_from(time).unwrap_or(i64::MAX);
        let day = OffsetDateTime::from_unix_timestamp(seconds)
            .ok()
            .and_then(|time| time.format(time::macros::format_description!("[year]-[month]-[day]")).ok());
        if day.as_deref() != Some(self.date) {
            return Err(Refusal::new(
                "AuthFailure.SignatureFailure",
                "The Credential has another day than the timestamp.",
            ));
        }
        if self.service != service {
            return Err(Refusal::new("AuthFailure.SignatureFailure", "The Credential is for another service."));
        }
        Ok(())
    }
}

/// The canonical request and the text to sign, as the server computes them.
pub(super) fn canonical(head: &Head, body: &[u8], claim: &Claim<'_>, time: u64) -> Result<(String, String), Refusal> {
    let mut headers = String::new();
    for name in claim.signed.split(';') {
        // The host that was meant, not the header: a target in absolute form has a host of its own, and that one decides.
        let value = if name == "host" { head.host.as_str() } else { single(head, name)? };
        headers.extend([name, ":", &value.trim().to_lowercase(), "\n"]);
    }
    let payload = match head.header("x-tc-content-sha256") {
        Some("UNSIGNED-PAYLOAD") => b"UNSIGNED-PAYLOAD",
        _ => body,
    };
    let query = head.target.split_once('?').map_or("", |(_, query)| query);
    let (method, signed) = (&head.method, claim.signed);
    let payload = hex::encode(Sha256::digest(payload));
    let request = format!("{method}\n/\n{query}\n{headers}\n{signed}\n{payload}");
    let digest = hex::encode(Sha256::digest(&request));
    let to_sign = format!("{ALGORITHM}\n{time}\n{}/{}/tc3_request\n{digest}", claim.date, claim.service);
    Ok((request, to_sign))
}

/// A header that is there once, as a signature that covers one of two covers neither.
fn single<'h>(head: &'h Head, name: &str) -> Result<&'h str, Refusal> {
    let mut values = head.headers.get_all(name).iter();
    match (values.next().and_then(|value| value.to_str().ok()), values.next()) {
        (Some(value), None) => Ok(value),
        _ => Err(Refusal::new("AuthFailure.SignatureFailure", format!("The signed header {name} is not sent once."))),
    }
}

pub(super) fn signature(secret: &str, claim: &Claim<'_>, to_sign: &str) -> String {
    let day = hmac(format!("TC3{secret}").as_bytes(), claim.date);
    let key = hmac(&hmac(&day, claim.service), "tc3_request");
    hex::encode(hmac(&key, to_sign))
}

fn hmac(key: &[u8], message: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod golden;
