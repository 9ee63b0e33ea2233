//! Calls signed by the official SDK, and the documented examples: each must be computed alike.

use http::Request;
use serde::Deserialize;

use super::*;
use crate::address::Domains;

#[derive(Deserialize)]
struct Case {
    id: String,
    secret_key: String,
    method: String,
    host: String,
    service: String,
    query: String,
    content_type: String,
    timestamp: u64,
    payload: String,
    unsigned_payload: Option<bool>,
    extra_signed: Option<Vec<(String, String)>>,
    canonical_request: String,
    hashed_canonical_request: String,
    string_to_sign: String,
    signature: String,
    authorization: String,
}

#[test]
fn signatures_of_the_sdk_and_of_the_documents_are_computed_alike() {
    let files = [
        include_str!("../../../../golden/sdk_vectors.json"),
        include_str!("../../../../golden/official_examples.json"),
    ];
    let mut services = Vec::new();
    for file in files {
        let file: serde_json::Value = serde_json::from_str(file).unwrap();
        for case in file["cases"].as_array().unwrap().iter().filter(|case| case["kind"] == "tc3") {
            let case: Case = serde_json::from_value(case.clone()).unwrap();
            let target = if case.query.is_empty() { "/".to_owned() } else { format!("/?{}", case.query) };
            let mut request = Request::builder().method(case.method.as_str()).uri(target).header("host", &case.host);
            request = request.header("content-type", &case.content_type);
            for (name, value) in case.extra_signed.iter().flatten() {
                request = request.header(name, value);
            }
            if case.unsigned_payload == Some(true) {
                request = request.header("x-tc-content-sha256", "UNSIGNED-PAYLOAD");
            }
            let head = Head::new(request.body(()).unwrap().into_parts().0, &Domains::new(), |_| None);
            let claim = Claim::read(&case.authorization).unwrap();
            claim.check_scope(case.timestamp, &case.service).unwrap();
            let (request, to_sign) = canonical(&head, case.payload.as_bytes(), &claim, case.timestamp).unwrap();
            assert_eq!(request, case.canonical_request, "{}", case.id);
            assert_eq!(hex::encode(Sha256::digest(&request)), case.hashed_canonical_request, "{}", case.id);
            assert_eq!(to_sign, case.string_to_sign, "{}", case.id);
            assert_eq!(signature(&case.secret_key, &claim, &to_sign), case.signature, "{}", case.id);
            services.push(case.service);
        }
    }
    assert!(services.iter().filter(|service| *service == "sts").count() >= 5, "{services:?}");
    assert!(services.iter().filter(|service| *service == "cvm").count() >= 3, "{services:?}");
}

#[test]
fn an_authorization_of_another_form_is_refused_with_the_reason() {
    let signature = "0".repeat(64);
    let good = format!(
        "TC3-HMAC-SHA256 Credential=AKID/2023-11-14/sts/tc3_request, SignedHeaders=content-type;host, \
         Signature={signature}"
    );
    assert!(Claim::read(&good).is_ok());
    for (from, to) in [
        ("TC3-HMAC-SHA256 ", "TC3-HMAC-SHA1 "),
        ("tc3_request", "tc4_request"),
        ("Credential=AKID/", "Credential="),
        ("content-type;host", "host;content-type"),
        ("content-type;host", "Content-Type;host"),
        ("content-type;host", "host"),
        ("content-type;host", "content-type"),
        ("Signature=0", "Signature="),
        ("Signature=", "Sign="),
        (", Signature", ", X=1, Signature"),
    ] {
        assert_ne!(good.replace(from, to), good, "{from}");
        assert_eq!(Claim::read(&good.replace(from, to)).unwrap_err().code, "AuthFailure.InvalidAuthorization", "{to}");
    }
    let claim = Claim::read(&good).unwrap();
    assert!(claim.check_scope(1_700_000_000, "sts").is_ok());
    assert!(claim.check_scope(1_700_000_000, "cvm").is_err());
    assert!(claim.check_scope(1_700_000_000 + 86_400, "sts").is_err());
}
