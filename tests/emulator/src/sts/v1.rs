//! The older signature, which the STS helpers of COS send: a form, signed with SHA-1 unless it says otherwise.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;

use super::{Asked, Parameters, Refusal, believe};
use crate::encoding::Query;
use crate::request::Head;
use crate::service::World;

/// What the official Java helper signs when it is pointed at another address.
const DEFAULT_HOST: &str = "sts.tencentcloudapi.com";

/// Fields of every request; all others are parameters of the action.
const COMMON: [&str; 10] = [
    "Action",
    "Language",
    "Nonce",
    "Region",
    "RequestClient",
    "SecretId",
    "Signature",
    "SignatureMethod",
    "Timestamp",
    "Token",
];

pub(super) fn read(world: &World, head: &Head, form: &Query, key_id: &mut Option<String>) -> Result<Asked, Refusal> {
    let fields = form.to_text();
    for (name, _) in &fields {
        if fields.iter().filter(|(have, _)| have == name).count() > 1 {
            return Err(Refusal::new("InvalidParameter", format!("{name} is given twice.")));
        }
    }
    let field = |name: &str| fields.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str());
    let required = |name: &str| {
        let missing = || Refusal::new("MissingParameter", format!("The form has no {name}."));
        field(name).filter(|value| !value.is_empty()).ok_or_else(missing)
    };
    let number = |name: &str| {
        let wrong = |_| Refusal::new("InvalidParameterValue", format!("{name} is no number."));
        required(name)?.parse::<u64>().map_err(wrong)
    };
    let (id, signature) = (required("SecretId")?, required("Signature")?);
    *key_id = Some(id.to_owned());
    let method = field("SignatureMethod").filter(|text| !text.is_empty()).unwrap_or("HmacSHA1");
    let (time, nonce) = (number("Timestamp")?, number("Nonce")?);
    if nonce == 0 {
        return Err(Refusal::new("InvalidParameterValue", "Nonce is no positive number."));
    }
    if !["HmacSHA1", "HmacSHA256"].contains(&method) {
        return Err(Refusal::new("InvalidParameterValue", format!("There is no SignatureMethod {method}.")));
    }
    let token = field("Token").filter(|token| !token.is_empty());
    let right = |secret: &str| {
        [head.host.as_str(), DEFAULT_HOST]
            .iter()
            .any(|host| signature == self::signature(secret, method, &to_sign(host, &fields)))
    };
    let caller = believe(world, id, token, time, right)?;
    let parameters = fields.iter().filter(|(name, _)| name != "Version" && !COMMON.contains(&name.as_str()));
    Ok(Asked {
        action: required("Action")?.to_owned(),
        version: required("Version")?.to_owned(),
        region: field("Region").unwrap_or_default().to_owned(),
        parameters: Parameters::from_form(parameters),
        caller: Some(caller),
    })
}

/// `POST`, host, `/?`, and all fields but the signature by name, their values as they are.
pub(super) fn to_sign(host: &str, fields: &[(String, String)]) -> String {
    let mut fields: Vec<&(String, String)> = fields.iter().filter(|(name, _)| name != "Signature").collect();
    fields.sort();
    let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("POST{host}/?{}", pairs.join("&"))
}

pub(super) fn signature(secret: &str, method: &str, to_sign: &str) -> String {
    if method == "HmacSHA256" {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
        mac.update(to_sign.as_bytes());
        return STANDARD.encode(mac.finalize().into_bytes());
    }
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(to_sign.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Case {
        id: String,
        secret_key: String,
        host: String,
        params: Vec<(String, String)>,
        string_to_sign: String,
        signature: String,
    }

    #[test]
    fn signatures_of_the_official_helpers_are_computed_alike() {
        let file = include_str!("../../../golden/sdk_vectors.json");
        let file: serde_json::Value = serde_json::from_str(file).unwrap();
        let cases = file["cases"].as_array().unwrap().iter().filter(|case| case["kind"] == "sts-v1");
        let cases: Vec<Case> = cases.map(|case| serde_json::from_value(case.clone()).unwrap()).collect();
        assert!(cases.len() >= 3);
        for case in cases {
            assert_eq!(to_sign(&case.host, &case.params), case.string_to_sign, "{}", case.id);
            assert_eq!(signature(&case.secret_key, "HmacSHA1", &case.string_to_sign), case.signature, "{}", case.id);
        }
    }
}
