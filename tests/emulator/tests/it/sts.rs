//! STS: signatures, parameters, durations, and the keys it gives.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use cos_emulator::{Action, Builder, Emulator, Role, Rule};
use serde_json::{Value, json};

use crate::client::{Answer, Ask, now};
use crate::sts_client::{Call, policy};

const ROLE: &str = "qcs::cam::uin/100000000001:roleName/exampleRole";

fn builder() -> Builder {
    Emulator::builder().role(Role::new("exampleRole"))
}

fn emulator() -> Emulator {
    builder().in_memory().unwrap()
}

fn federation(emulator: &Emulator) -> Call {
    let policy = policy("allow", "name/cos:GetObject", "examplebucket-1250000000/up/*");
    Call::new(emulator, "GetFederationToken").give("Name", "example").give_policy(&policy)
}

fn assume(emulator: &Emulator) -> Call {
    Call::new(emulator, "AssumeRole").give("RoleArn", ROLE).give("RoleSessionName", "test-1")
}

#[tokio::test]
async fn a_federation_token_reads_what_its_policy_says_until_it_ends() {
    let emulator = emulator();
    for key in ["up/k", "k"] {
        emulator.put_object("examplebucket-1250000000", key, "x");
    }
    let answer = federation(&emulator).give("DurationSeconds", 900).send(&emulator).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/json"));
    assert_eq!(answer.header("x-cos-request-id"), "");
    let response = Call::response(&answer);
    let ends = response["ExpiredTime"].as_u64().unwrap();
    assert!(ends.abs_diff(now() + 900) <= 1, "{ends}");
    assert!(response["RequestId"].as_str().unwrap().len() == 36);
    assert!(response["Expiration"].as_str().unwrap().ends_with('Z'));

    let ask = |method, path| Ask::new(&emulator, method, path).session(&response);
    assert_eq!(ask("GET", "/up/k").send(&emulator).await.verdict(), "200");
    assert_eq!(ask("GET", "/k").send(&emulator).await.verdict(), "403 AccessDenied");
    assert_eq!(ask("PUT", "/up/k").body("y").send(&emulator).await.verdict(), "403 AccessDenied");
    let head = ask("HEAD", "/k").send(&emulator).await;
    assert_eq!((head.verdict().as_str(), head.body.len()), ("403", 0));
    emulator.shift_clock(899);
    let late = |path| Ask::new(&emulator, "GET", path).session(&response).window(now(), now() + 2000);
    assert_eq!(late("/up/k").send(&emulator).await.verdict(), "200");
    emulator.shift_clock(901);
    assert_eq!(late("/up/k").send(&emulator).await.verdict(), "400 ExpiredToken");
    assert_eq!(emulator.count("GetFederationToken"), 1);
}

#[tokio::test]
async fn calls_of_the_official_sdks_are_believed_and_no_altered_copy_is() {
    let file = include_str!("../../../golden/sdk_vectors.json");
    let file: Value = serde_json::from_str(file).unwrap();
    let cases: Vec<&Value> = file["cases"].as_array().unwrap().iter().filter(|case| is_call(case)).collect();
    assert!(cases.len() >= 8, "{}", cases.len());
    for case in cases {
        let time = case["timestamp"].as_u64().unwrap_or(1_700_000_000);
        let text = |name: &str| case[name].as_str().unwrap_or_default().to_owned();
        let emulator = builder()
            .credentials(text("secret_id"), text("secret_key"))
            .clock(Arc::new(move || UNIX_EPOCH + Duration::from_secs(time)))
            .in_memory()
            .unwrap();
        let call = Call::from_vector(case);
        let outcome = |answer: &Answer| match Call::response(answer)["Error"]["Code"].as_str() {
            Some(code) => code.to_owned(),
            None => "believed".to_owned(),
        };
        let want = match case["id"].as_str().unwrap() {
            "tc3-assume-role-token" => "AuthFailure.TokenFailure", // the key is no temporary one here
            // Its helper writes a principal and resources of the old form, neither of which a session may have.
            "stsnode-gft" => "InvalidParameter.StrategyFormatError",
            _ => "believed",
        };
        assert_eq!(outcome(&call.send(&emulator).await), want, "{}", case["id"]);
        assert_eq!(emulator.journal()[0].key_id, Some(text("secret_id")));

        for (altered, want) in call.altered() {
            assert_eq!(outcome(&altered.send(&emulator).await), want, "{} {altered:?}", case["id"]);
        }
        assert!(emulator.journal()[1].signature_error.as_ref().unwrap().starts_with("AuthFailure."));
        for shift in [-301, 301] {
            emulator.shift_clock(shift);
            assert_eq!(outcome(&call.send(&emulator).await), "AuthFailure.SignatureExpire", "{}", case["id"]);
        }
        emulator.shift_clock(-300);
        assert_eq!(outcome(&call.send(&emulator).await), want, "{}", case["id"]);
    }
}

fn is_call(case: &Value) -> bool {
    case["kind"] == "sts-v1" || case["kind"] == "tc3" && case["service"] == "sts"
}

#[tokio::test]
async fn both_ways_to_sign_give_the_same_kind_of_key() {
    let emulator = emulator();
    for call in [federation(&emulator), assume(&emulator)] {
        for call in [call.clone(), call.clone().older("HmacSHA1"), call.clone().older("HmacSHA256")] {
            let answer = call.send(&emulator).await;
            let key = Call::response(&answer);
            let got = Ask::new(&emulator, "GET", "/up/k").session(&key).send(&emulator).await;
            assert_eq!(got.verdict(), "404 NoSuchKey", "{}", answer.text());
        }
    }
    let journal = emulator.journal();
    assert!(journal.iter().all(|record| record.key_id.is_some()));
    let named = ("Name".to_owned(), "example".to_owned());
    assert!(journal.iter().filter(|record| record.parameters.contains(&named)).count() == 3);
    assert_eq!((emulator.count("AssumeRole"), emulator.count("GetFederationToken")), (3, 3));
}

#[tokio::test]
async fn parameters_are_checked() {
    let emulator = emulator();
    let (federation, assume) = (federation(&emulator), assume(&emulator));
    for (call, want) in [
        (federation.clone().without("Name"), "MissingParameter"),
        (federation.clone().without("Policy"), "MissingParameter"),
        (federation.clone().give("Name", "a b"), "InvalidParameter.ParamError"),
        (federation.clone().give("Name", 5), "InvalidParameter"),
        (federation.clone().give("Extra", "x"), "UnknownParameter"),
        (federation.clone().give("DurationSeconds", "1800"), "InvalidParameter"),
        (federation.clone().give("DurationSeconds", 0), "InvalidParameter.ParamError"),
        (federation.clone().give("DurationSeconds", 7200), ""),
        (federation.clone().give("DurationSeconds", 7201), "InvalidParameter.OverTimeError"),
        (federation.clone().older("HmacSHA1").give("DurationSeconds", 7201), "InvalidParameter.OverTimeError"),
        (federation.clone().give("Policy", "{\"version\""), "InvalidParameter.StrategyFormatError"),
        (federation.clone().give("Policy", "%7B%2"), "InvalidParameter.StrategyFormatError"),
        (
            federation.clone().give_policy(&policy("allow", "name/cos:*", "b-1999999999/*")),
            "InvalidParameter.GrantOtherResource",
        ),
        (federation.clone().give_policy("{}"), "InvalidParameter.StrategyFormatError"),
        (federation.clone().give_policy(&"x".repeat(7000)), "InvalidParameter.PolicyTooLong"),
        (federation.clone().header("x-tc-version", "2017-03-12"), "NoSuchVersion"),
        (federation.clone().header("x-tc-region", ""), "MissingParameter"),
        (federation.clone().header("x-tc-action", "GetFederationTokens"), "InvalidAction"),
        (federation.clone().header("x-tc-action", "GetSessionToken"), "UnsupportedOperation"),
        (federation.clone().header("content-type", "text/plain"), "InvalidParameter"),
        (assume.clone().without("RoleArn"), "MissingParameter"),
        (assume.clone().give("RoleArn", "exampleRole"), "InvalidParameter.ParamError"),
        (assume.clone().give("RoleArn", format!("{ROLE}s")), "ResourceNotFound.RoleNotFound"),
        (assume.clone().give("RoleSessionName", "x"), "InvalidParameter.ParamError"),
        (assume.clone().give("DurationSeconds", 43_200), ""),
        (assume.clone().give("DurationSeconds", 43_201), "InvalidParameter.OverTimeError"),
        (assume.clone().give("ExternalId", "a b"), "InvalidParameter.ParamError"),
        (assume.clone().give("TokenCode", "123456"), "UnsupportedOperation"),
        (assume.clone().give("Tags", json!([{"Key": "a", "Value": "b"}])), ""),
        (assume.clone().give("Tags", json!([{"Key": "a"}])), "InvalidParameter"),
        (assume.clone().older("HmacSHA1").give("Tags.0.Key", "a").give("Tags.0.Value", "b"), ""),
        (assume.clone().older("HmacSHA1").give("ExternalId", "").give("Policy", ""), ""),
        (assume.clone().older("HmacMD5"), "InvalidParameterValue"),
        (Call::new(&emulator, "GetCallerIdentity"), ""),
    ] {
        let answer = call.send(&emulator).await;
        let code = Call::response(&answer)["Error"]["Code"].as_str().unwrap_or_default().to_owned();
        assert_eq!((answer.status.as_u16(), code.as_str()), (200, want), "{call:?}");
    }
}

#[tokio::test]
async fn a_sub_account_gets_keys_for_longer_and_never_more_than_its_own_rights() {
    let own = policy("allow", "name/cos:*", "examplebucket-1250000000/up/*");
    let emulator = Emulator::builder().sub_account("AKIDsub", "sub-secret", Some(&own)).in_memory().unwrap();
    let mut call = Call::new(&emulator, "GetFederationToken").give("Name", "sub").give("DurationSeconds", 129_600);
    (call.id, call.key) = ("AKIDsub".to_owned(), "sub-secret".to_owned());
    let wide = call.clone().give_policy(&policy("allow", "*", "examplebucket-1250000000/*"));
    let key = Call::response(&wide.send(&emulator).await);
    let put = |path| Ask::new(&emulator, "PUT", path).body("x").session(&key);
    assert_eq!(put("/up/k").send(&emulator).await.verdict(), "200");
    assert_eq!(put("/other").send(&emulator).await.verdict(), "403 AccessDenied");
    let over = wide.give("DurationSeconds", 129_601).send(&emulator).await;
    assert_eq!(Call::response(&over)["Error"]["Code"], "InvalidParameter.OverTimeError");
}

#[tokio::test]
async fn a_session_takes_the_rights_of_the_role_and_its_token_with_it() {
    let role = Role::new("reader")
        .policy(policy("allow", "name/cos:GetObject", "examplebucket-1250000000/*"))
        .longest_session(Duration::from_secs(3600))
        .external_id("partner");
    let arn = role.arn();
    let emulator = builder().role(role).in_memory().unwrap();
    emulator.put_object("examplebucket-1250000000", "k", "x");
    let call = assume(&emulator).give("RoleArn", arn);
    assert_eq!(Call::response(&call.send(&emulator).await)["Error"]["Code"], "UnauthorizedOperation");
    let call = call.give("ExternalId", "partner");
    let key = Call::response(&call.send(&emulator).await);
    assert!(key["ExpiredTime"].as_u64().unwrap().abs_diff(now() + 3600) <= 1);
    let ask = |method: &str| Ask::new(&emulator, method, "/k").session(&key);
    assert_eq!(ask("GET").send(&emulator).await.verdict(), "200");
    assert_eq!(ask("DELETE").send(&emulator).await.verdict(), "403 AccessDenied");
    let narrow = call.clone().give_policy(&policy("allow", "*", "examplebucket-1250000000/other"));
    let narrow = Call::response(&narrow.send(&emulator).await);
    assert_eq!(Ask::new(&emulator, "GET", "/k").session(&narrow).send(&emulator).await.verdict(), "403 AccessDenied");

    // A temporary key may assume a role with its token, and may not ask for a federation token.
    let again = assume(&emulator).session(&key);
    assert!(Call::response(&again.send(&emulator).await)["Error"].is_null());
    let mut bare = again.clone();
    bare.token = None;
    assert_eq!(Call::response(&bare.send(&emulator).await)["Error"]["Code"], "AuthFailure.TokenFailure");
    let older = again.older("HmacSHA1");
    assert!(Call::response(&older.send(&emulator).await)["Error"].is_null());
    let more = federation(&emulator).session(&key).send(&emulator).await;
    assert_eq!(Call::response(&more)["Error"]["Code"], "FailedOperation.TempKeyNotAllowed");
    let who = Call::new(&emulator, "GetCallerIdentity").session(&key).send(&emulator).await;
    assert_eq!(Call::response(&who)["Type"], "CAMRole");
}

#[tokio::test]
async fn a_web_identity_needs_no_signature_but_a_token_that_is_trusted() {
    let emulator = builder().role(Role::new("other")).web_identity("pod", "jwt-1", "exampleRole").in_memory().unwrap();
    let call = |token: &str| {
        Call::new(&emulator, "AssumeRoleWithWebIdentity")
            .unsigned()
            .give("ProviderId", "pod")
            .give("WebIdentityToken", token)
            .give("RoleArn", ROLE)
            .give("RoleSessionName", "test-1")
    };
    let key = Call::response(&call("jwt-1").send(&emulator).await);
    assert_eq!(Ask::new(&emulator, "GET", "/k").session(&key).send(&emulator).await.verdict(), "404 NoSuchKey");
    let code = |answer: Answer| Call::response(&answer)["Error"]["Code"].as_str().unwrap_or_default().to_owned();
    let refused = "InvalidParameter.WebIdentityTokenError";
    assert_eq!(code(call("jwt-2").send(&emulator).await), refused);
    assert_eq!(code(call("jwt-1").give("ProviderId", "x").send(&emulator).await), refused);
    assert_eq!(
        code(call("jwt-1").give("RoleArn", ROLE.replace("exampleRole", "other")).send(&emulator).await),
        refused
    );
    assert_eq!(
        code(call("jwt-1").header("authorization", "").send(&emulator).await),
        "AuthFailure.InvalidAuthorization"
    );
    emulator.trust_web_identity("pod", "jwt-2", "exampleRole");
    assert_eq!(code(call("jwt-2").send(&emulator).await), "");
    assert!(emulator.distrust_web_identity("jwt-1"));
    assert_eq!(code(call("jwt-1").send(&emulator).await), refused);
}

#[tokio::test]
async fn faults_are_scripted_as_for_cos() {
    let emulator = emulator();
    emulator.script(Rule::on("AssumeRole").then(Action::status(500, "InternalError.SystemError")));
    emulator.script(Rule::on("AssumeRole").then(Action::status(200, "RequestLimitExceeded")));
    let garbage = Action::RawBody { status: 200, headers: Vec::new(), body: "<html>".into() };
    emulator.script(Rule::on("GetFederationToken").then(garbage));
    emulator.script(Rule::on("GetFederationToken").then(Action::ResetBeforeHeaders));
    emulator.script(Rule::on("GetFederationToken").then(Action::Delay(Duration::from_millis(50))));
    let (federation, assume) = (federation(&emulator), assume(&emulator));
    for (status, code) in [(500, "InternalError.SystemError"), (200, "RequestLimitExceeded")] {
        let answer = assume.send(&emulator).await;
        assert_eq!((answer.status.as_u16(), &Call::response(&answer)["Error"]["Code"]), (status, &json!(code)));
        assert_eq!(answer.header("content-type"), "application/json");
    }
    assert_eq!(federation.send(&emulator).await.text(), "<html>");
    assert!(federation.try_send(&emulator).await.is_err());
    assert!(Call::response(&federation.send(&emulator).await)["Error"].is_null());
}

#[tokio::test]
async fn forms_are_read_for_sts_only() {
    let emulator = emulator();
    let mut call = federation(&emulator).older("HmacSHA1");
    call.host = "127.0.0.1:9911".to_owned();
    assert!(Call::response(&call.send(&emulator).await)["Error"].is_null());
    let form = Ask::new(&emulator, "POST", "/").host("127.0.0.1").anonymous().body("a=b");
    let form = form.unsigned("content-type", "application/x-www-form-urlencoded");
    assert_eq!(form.send(&emulator).await.verdict(), "403 AccessDenied");
}
