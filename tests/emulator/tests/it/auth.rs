//! Keys, tokens, clocks and strangers.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use cos_emulator::{Emulator, ExpiryAnswer};

use crate::client::{Ask, enc, now};

fn emulator() -> Emulator {
    let emulator = Emulator::builder().in_memory().unwrap();
    emulator.put_object("examplebucket-1250000000", "k", "x");
    emulator
}

#[tokio::test]
async fn a_refusal_shows_what_the_server_computed() {
    let emulator = emulator();
    let mut ask = Ask::new(&emulator, "GET", "/k");
    ask.key.push('x');
    let answer = ask.send(&emulator).await;
    assert_eq!(answer.verdict(), "403 SignatureDoesNotMatch");
    assert_eq!(answer.element("FormatString"), format!("get\n/k\n\nhost={}\n", ask.host));
    assert!(answer.element("StringToSign").starts_with("sha1\n"));
    for name in ["Message", "Resource", "RequestId", "TraceId"] {
        assert!(!answer.element(name).is_empty(), "{name}");
    }
    assert_eq!(answer.element("RequestId"), answer.header("x-cos-request-id"));
    let seen = &emulator.journal()[0];
    assert_eq!(seen.signature_error.as_deref(), Some("SignatureDoesNotMatch"));
    assert_eq!((seen.status, seen.code.as_deref()), (Some(403), Some("SignatureDoesNotMatch")));
}

#[tokio::test]
async fn a_temporary_key_needs_its_token_and_its_time() {
    let emulator = emulator();
    let key = emulator.mint(Duration::from_secs(1800));
    let good = Ask::new(&emulator, "GET", "/k").temporary(&key);
    assert_eq!(good.send(&emulator).await.verdict(), "200");

    let mut bare = Ask::new(&emulator, "GET", "/k");
    (bare.id, bare.key) = (key.secret_id.clone(), key.secret_key.clone());
    assert_eq!(bare.send(&emulator).await.verdict(), "403 InvalidAccessKeyId");
    let wrong = bare.clone().header("x-cos-security-token", "wrong");
    assert_eq!(wrong.send(&emulator).await.verdict(), "403 InvalidAccessKeyId");
    let unsigned = bare.clone().unsigned("x-cos-security-token", &key.token);
    assert_eq!(unsigned.send(&emulator).await.verdict(), "200");
    let in_query = bare.query("x-cos-security-token", &key.token);
    assert_eq!(in_query.send(&emulator).await.verdict(), "200");
    let misplaced = Ask::new(&emulator, "GET", "/k").header("x-cos-security-token", &key.token);
    assert_eq!(misplaced.send(&emulator).await.verdict(), "403 InvalidAccessKeyId");

    emulator.shift_clock(1801);
    let late = good.window(now() + 1700, now() + 2000);
    let answer = late.send(&emulator).await;
    assert_eq!((answer.verdict().as_str(), answer.header("x-cos-request-id").is_empty()), ("400 ExpiredToken", false));
    assert!(emulator.revoke(&key.secret_id));
    assert_eq!(late.send(&emulator).await.verdict(), "403 InvalidAccessKeyId");
}

#[tokio::test]
async fn a_dead_key_is_answered_in_each_documented_form() {
    let emulator = emulator();
    for (answer, get, head) in [
        (ExpiryAnswer::BadRequest, "400 ExpiredToken", "400"),
        (ExpiryAnswer::Forbidden, "403 ExpiredToken", "403"),
        (ExpiryAnswer::RequestHasExpired, "403 AccessDenied", "403"),
        (ExpiryAnswer::BareHead, "400 ExpiredToken", "403"),
    ] {
        let key = emulator.mint(Duration::from_secs(1800));
        assert!(emulator.expire(&key.secret_id, answer));
        let refused = Ask::new(&emulator, "GET", "/k").temporary(&key).send(&emulator).await;
        assert_eq!(refused.verdict(), get, "{answer:?}");
        assert_eq!(refused.element("Message") == "Request has expired", answer == ExpiryAnswer::RequestHasExpired);
        let refused = Ask::new(&emulator, "HEAD", "/k").temporary(&key).send(&emulator).await;
        assert_eq!(refused.verdict(), head, "{answer:?}");
    }
    assert!(!emulator.expire(emulator.secret_id(), ExpiryAnswer::Forbidden));

    // A key that ran out is answered as the emulator was told for all of them.
    let key = emulator.mint(Duration::from_secs(10));
    emulator.shift_clock(10);
    let get = Ask::new(&emulator, "GET", "/k").temporary(&key);
    for (answer, want) in
        [(ExpiryAnswer::BadRequest, "400 ExpiredToken"), (ExpiryAnswer::RequestHasExpired, "403 AccessDenied")]
    {
        emulator.set_expiry_answer(answer);
        assert_eq!(get.send(&emulator).await.verdict(), want);
    }
}

#[tokio::test]
async fn clocks_may_differ_by_a_quarter_of_an_hour() {
    let emulator = emulator();
    for (shift, verdict) in
        [(0, "200"), (300, "200"), (-300, "200"), (-1200, "403 RequestTimeTooSkewed"), (1200, "403 AccessDenied")]
    {
        emulator.shift_clock(shift);
        let answer = Ask::new(&emulator, "GET", "/k").send(&emulator).await;
        assert_eq!(answer.verdict(), verdict, "{shift}");
        let date = httpdate::parse_http_date(answer.header("date")).unwrap().duration_since(UNIX_EPOCH).unwrap();
        assert!(date.as_secs().abs_diff(now().checked_add_signed(shift).unwrap()) <= 1, "{shift}");
    }
}

#[tokio::test]
async fn the_base_clock_can_be_replaced() {
    let emulator = Emulator::builder().clock(Arc::new(|| UNIX_EPOCH + Duration::from_secs(1_000_000_000)));
    let emulator = emulator.in_memory().unwrap();
    let ask = Ask::new(&emulator, "PUT", "/k").window(1_000_000_000, 1_000_000_000);
    assert_eq!(ask.send(&emulator).await.header("date"), "Sun, 09 Sep 2001 01:46:40 GMT");
    let listed = Ask::new(&emulator, "GET", "/").window(1_000_000_000, 1_000_000_000).send(&emulator).await;
    assert_eq!(listed.element("LastModified"), "2001-09-09T01:46:40.000Z");
}

#[tokio::test]
async fn strangers_see_what_is_public_and_nothing_else() {
    let emulator = emulator();
    let read = |path| Ask::new(&emulator, "GET", path).anonymous();
    assert_eq!(read("/k").send(&emulator).await.verdict(), "403 AccessDenied");
    assert_eq!(read("/none").send(&emulator).await.verdict(), "403 AccessDenied");
    assert_eq!(read("/").send(&emulator).await.verdict(), "403 AccessDenied");
    let empty = read("/k").unsigned("authorization", "");
    assert_eq!(empty.send(&emulator).await.verdict(), "403 AccessDenied");

    let shared = Ask::new(&emulator, "PUT", "/shared").header("x-cos-acl", "public-read").body("y");
    assert_eq!(shared.send(&emulator).await.verdict(), "200");
    assert_eq!(read("/shared").send(&emulator).await.text(), "y");
    let dressed = read("/shared").query("response-content-type", "text/html");
    assert_eq!(dressed.send(&emulator).await.verdict(), "400 InvalidRequest");

    let host = "open-1250000000.cos.ap-guangzhou.myqcloud.com";
    let open = Ask::new(&emulator, "PUT", "/").host(host).header("x-cos-acl", "public-read-write");
    assert_eq!(open.send(&emulator).await.verdict(), "200");
    let ask = |method, path| Ask::new(&emulator, method, path).host(host).anonymous();
    assert_eq!(ask("PUT", "/k").body("z").send(&emulator).await.verdict(), "200");
    assert_eq!(ask("GET", "/k").send(&emulator).await.text(), "z");
    assert_eq!(ask("GET", "/none").send(&emulator).await.verdict(), "404 NoSuchKey");
    assert_eq!(ask("GET", "/").send(&emulator).await.verdict(), "200");
    assert_eq!(ask("DELETE", "/").send(&emulator).await.verdict(), "403 AccessDenied");
    assert_eq!(ask("GET", "/").host("service.cos.myqcloud.com").send(&emulator).await.verdict(), "403 AccessDenied");
}

#[tokio::test]
async fn strict_mode_refuses_what_the_service_would_let_pass() {
    let emulator = Emulator::builder().strict_signature(true).in_memory().unwrap();
    let signed =
        Ask::new(&emulator, "PUT", "/k").body("x").header("content-length", "1").header("x-cos-acl", "default");
    assert_eq!(signed.send(&emulator).await.verdict(), "200");
    let loose = Ask::new(&emulator, "PUT", "/k").body("x").unsigned("x-cos-acl", "default");
    let answer = loose.send(&emulator).await;
    assert_eq!(answer.verdict(), "403 AccessDenied");
    assert!(answer.element("Message").starts_with("Strict signature missing header"));
}

#[tokio::test]
async fn a_signature_stands_in_one_place() {
    let emulator = emulator();
    let text = Ask::new(&emulator, "GET", "/k").authorization();
    let fields = text.split('&').map(|field| field.split_once('=').unwrap());
    let fields: Vec<String> = fields.map(|(name, value)| format!("{name}={}", enc(value.as_bytes()))).collect();
    let (fields, sign) = (fields.join("&"), format!("sign={}", enc(text.as_bytes())));
    for (query, header, verdict) in [
        (fields.clone(), "", "200"),
        (sign.clone(), "", "200"),
        (String::new(), text.as_str(), "200"),
        (fields.clone(), &text, "403 AccessDenied"),
        (sign.clone(), &text, "403 AccessDenied"),
        (format!("{sign}&{fields}"), "", "403 AccessDenied"),
    ] {
        let ask = Ask::new(&emulator, "GET", &format!("/k?{query}")).anonymous().unsigned("authorization", header);
        assert_eq!(ask.send(&emulator).await.verdict(), verdict, "{query} {header}");
    }
}
