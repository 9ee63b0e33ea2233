//! Preflights, and what answers tell browsers.

use cos_emulator::{Action, Cors, Emulator, Rule};

use crate::client::Ask;

fn preflight(emulator: &Emulator, origin: &str, method: &str, headers: &str) -> Ask {
    let ask = Ask::new(emulator, "OPTIONS", "/k").anonymous().unsigned("origin", origin);
    let ask = ask.unsigned("access-control-request-method", method);
    if headers.is_empty() { ask } else { ask.unsigned("access-control-request-headers", headers) }
}

#[tokio::test]
async fn a_preflight_is_answered_by_the_first_rule_that_fits() {
    let emulator = Emulator::builder()
        .cors(Cors::origin("https://app.example.com").methods(["GET"]).headers(["authorization"]).max_age(5))
        .cors(Cors::origin("https://*.example.com"))
        .in_memory()
        .unwrap();
    let ask = |origin, method, headers| preflight(&emulator, origin, method, headers);
    let answer = ask("https://app.example.com", "GET", "Authorization").send(&emulator).await;
    assert_eq!((answer.verdict().as_str(), answer.body.len()), ("200", 0));
    for (name, value) in [
        ("access-control-allow-origin", "https://app.example.com"),
        ("access-control-allow-methods", "GET"),
        ("access-control-allow-headers", "Authorization"),
        ("access-control-allow-credentials", "true"),
        ("access-control-expose-headers", "ETag,x-cos-request-id,x-cos-hash-crc64ecma,x-cos-version-id"),
        ("access-control-max-age", "5"),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
    let wide = ask("https://app.example.com", "PUT", "authorization, x-cos-meta-a").send(&emulator).await;
    assert_eq!(wide.header("access-control-max-age"), "600");
    assert_eq!(wide.header("access-control-allow-headers"), "authorization,x-cos-meta-a");
    for (origin, method) in
        [("https://example.com", "GET"), ("http://app.example.com", "GET"), ("https://app.example.com", "PATCH")]
    {
        assert_eq!(ask(origin, method, "").send(&emulator).await.verdict(), "403 AccessForbidden", "{origin} {method}");
    }
    let parts = ask("https://app.example.com", "POST", "").query("uploads", "");
    assert_eq!(parts.send(&emulator).await.verdict(), "200");
    let bare = Ask::new(&emulator, "OPTIONS", "/k").anonymous();
    assert_eq!(bare.send(&emulator).await.verdict(), "400 InvalidRequest");
    let host = "none-1250000000.cos.ap-guangzhou.myqcloud.com";
    // The signature of a presigned URL is for the request that follows, not for the question.
    let presigned =
        Ask::new(&emulator, "OPTIONS", "/k?q-sign-algorithm=sha1&q-ak=AKIDunknown&q-signature=0").anonymous();
    let presigned = presigned.unsigned("origin", "https://app.example.com");
    let presigned = presigned.unsigned("access-control-request-method", "PUT").send(&emulator).await;
    assert_eq!(presigned.header("access-control-allow-origin"), "https://app.example.com");
    let nowhere = ask("https://app.example.com", "GET", "").host(host);
    assert_eq!(nowhere.send(&emulator).await.verdict(), "404 NoSuchBucket");
}

#[tokio::test]
async fn answers_to_a_page_name_its_origin_errors_and_faults_included() {
    let emulator = Emulator::builder().cors(Cors::origin("*").methods(["GET"])).in_memory().unwrap();
    emulator.put_object("examplebucket-1250000000", "k", "x");
    let get = |path| Ask::new(&emulator, "GET", path).unsigned("origin", "https://a.example");
    let answer = get("/k").send(&emulator).await;
    assert_eq!((answer.header("access-control-allow-origin"), answer.text()), ("*", "x"));
    assert_eq!(answer.header("access-control-allow-credentials"), "");
    assert!(answer.header("access-control-expose-headers").contains("x-cos-hash-crc64ecma"));
    assert_eq!(get("/none").send(&emulator).await.header("access-control-allow-origin"), "*");
    emulator.script(Rule::on("GET Object").then(Action::status(503, "SlowDown")));
    assert_eq!(get("/k").send(&emulator).await.header("access-control-allow-origin"), "*");
    let mut put = get("/k");
    put.method = http::Method::PUT;
    assert_eq!(put.send(&emulator).await.header("access-control-allow-origin"), "");
    assert_eq!(Ask::new(&emulator, "GET", "/k").send(&emulator).await.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn without_a_rule_no_page_may_anything() {
    let emulator = Emulator::builder().in_memory().unwrap();
    let answer = preflight(&emulator, "https://a.example", "GET", "").send(&emulator).await;
    assert_eq!(answer.verdict(), "403 AccessForbidden");
    for rule in
        [Cors::origin("https://*.*.example"), Cors::origin("*").methods(["PATCH"]), Cors::origin("*").expose(["*"])]
    {
        assert!(Emulator::builder().cors(rule).in_memory().is_err());
    }
}
