//! Preflights, and what answers tell browsers.

use cos_emulator::{Action, Cors, Emulator, Rule};

use crate::client::Ask;

/// A configuration that lets one page get.
pub const DOCUMENT: &str = "<CORSConfiguration><CORSRule><AllowedOrigin>https://app.example.com</AllowedOrigin>\
                            <AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>";

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

fn setting(emulator: &Emulator, method: &str) -> Ask {
    Ask::new(emulator, method, "/").query("cors", "")
}

#[tokio::test]
async fn what_clients_set_decides_and_is_read_back() {
    let emulator = Emulator::builder().cors(Cors::origin("*")).in_memory().unwrap();
    let document = "<CORSConfiguration xmlns='x'><CORSRule><ID>a &amp; b</ID><AllowedOrigin>https://a.example\
                    </AllowedOrigin><AllowedOrigin>http://*</AllowedOrigin><AllowedMethod>GET</AllowedMethod>\
                    <AllowedMethod>PUT</AllowedMethod><AllowedHeader>x-cos-meta-a</AllowedHeader>\
                    <ExposeHeader>ETag</ExposeHeader></CORSRule><ResponseVary>true</ResponseVary></CORSConfiguration>";
    let put = setting(&emulator, "PUT").body(document).send(&emulator).await;
    assert_eq!((put.verdict().as_str(), put.body.len()), ("200", 0));
    let kept = setting(&emulator, "GET").send(&emulator).await;
    assert_eq!(kept.text().replace(['\n', '\t'], ""), document.replace(" xmlns='x'", "").replacen('<', DECLARED, 1));

    let asked = preflight(&emulator, "http://b.example", "PUT", "X-Cos-Meta-A").send(&emulator).await;
    assert_eq!(asked.header("access-control-allow-origin"), "http://b.example");
    assert_eq!((asked.header("access-control-max-age"), asked.header("vary")), ("", "Origin"));
    for (origin, method, headers) in
        [("https://b.example", "GET", ""), ("https://a.example", "POST", ""), ("https://a.example", "GET", "range")]
    {
        let refused = preflight(&emulator, origin, method, headers).send(&emulator).await;
        assert_eq!(refused.verdict(), "403 AccessForbidden", "{origin} {method} {headers}");
    }
    // Of another origin, or of none: a cache may not mistake one answer for the other.
    let plain = Ask::new(&emulator, "GET", "/").send(&emulator).await;
    assert_eq!((plain.header("vary"), plain.header("access-control-allow-origin")), ("Origin", ""));

    for _ in 0..2 {
        assert_eq!(setting(&emulator, "DELETE").send(&emulator).await.verdict(), "204");
    }
    assert_eq!(setting(&emulator, "GET").send(&emulator).await.verdict(), "404 NoSuchCORSConfiguration");
    let gone = preflight(&emulator, "http://b.example", "PUT", "").send(&emulator).await;
    assert_eq!(gone.verdict(), "403 AccessForbidden");
    assert_eq!(setting(&emulator, "GET").anonymous().send(&emulator).await.verdict(), "403 AccessDenied");
}

const DECLARED: &str = "<?xml version='1.0' encoding='utf-8' ?><";

#[tokio::test]
async fn a_document_that_cos_would_not_take_changes_nothing() {
    let emulator = Emulator::builder().in_memory().unwrap();
    assert_eq!(setting(&emulator, "PUT").body(DOCUMENT).send(&emulator).await.verdict(), "200");
    let before = setting(&emulator, "GET").send(&emulator).await.text().to_owned();
    let rule = &DOCUMENT["<CORSConfiguration>".len()..DOCUMENT.len() - "</CORSConfiguration>".len()];
    let rules = |count| format!("<CORSConfiguration>{}</CORSConfiguration>", rule.repeat(count));
    assert_eq!(setting(&emulator, "PUT").body(rules(100)).send(&emulator).await.verdict(), "200");
    assert_eq!(setting(&emulator, "PUT").body(DOCUMENT).send(&emulator).await.verdict(), "200");
    let id = format!("<CORSRule><ID>{}</ID>", "x".repeat(65_536));
    for (document, want) in [
        (String::new(), "400 MissingRequestBodyError"),
        ("<Other/>".to_owned(), "400 MalformedXML"),
        (rules(0), "400 MalformedXML"),
        (rules(101), "400 MalformedXML"),
        (DOCUMENT.replace("AllowedOrigin", "Origin"), "400 MalformedXML"),
        (DOCUMENT.replace("<AllowedMethod>GET</AllowedMethod>", ""), "400 MalformedXML"),
        (DOCUMENT.replace("</CORSRule>", "<MaxAgeSeconds>x</MaxAgeSeconds></CORSRule>"), "400 MalformedXML"),
        (DOCUMENT.replace("<CORSRule>", "<ResponseVary>maybe</ResponseVary><CORSRule>"), "400 MalformedXML"),
        (DOCUMENT.replace("GET", "PATCH"), "400 InvalidArgument"),
        (DOCUMENT.replace("app", "*.*"), "400 InvalidArgument"),
        (DOCUMENT.replace("</CORSRule>", "<ExposeHeader>*</ExposeHeader></CORSRule>"), "400 InvalidArgument"),
        (DOCUMENT.replace("<CORSRule>", &id), "400 XMLSizeLimit"),
    ] {
        assert_eq!(
            setting(&emulator, "PUT").body(document.clone()).send(&emulator).await.verdict(),
            want,
            "{document}"
        );
    }
    let damaged = setting(&emulator, "PUT").body(DOCUMENT).header("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==");
    assert_eq!(damaged.send(&emulator).await.verdict(), "400 BadDigest");
    assert_eq!(setting(&emulator, "GET").send(&emulator).await.text(), before);
}

#[tokio::test]
async fn a_preflight_needs_no_signature_but_a_wrong_one_in_a_header_is_refused() {
    let emulator = Emulator::builder().cors(Cors::origin("*")).in_memory().unwrap();
    let mut ask = preflight(&emulator, "https://a.example", "GET", "");
    assert_eq!(ask.send(&emulator).await.verdict(), "200");
    ask.anonymous = false;
    assert_eq!(ask.send(&emulator).await.verdict(), "200");
    ask.key.push('x');
    assert_eq!(ask.send(&emulator).await.verdict(), "403 SignatureDoesNotMatch");
}
