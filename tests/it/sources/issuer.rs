//! A server that hands out keys, and what it tells of the time.

use std::error::Error as _;
use std::time::{Duration, SystemTime};

use tencent_cos::client::provider::{CredentialErrorKind, EndpointCredentials, ProvideCredentials};
use tencent_cos::{ErrorKind, Phase, SessionCredentials};

use super::machine::Reply::{Hangs, Lost, Status};
use super::machine::{Net, Reply, alive, ok, status, unix};
use crate::support::{InMemory, session};

/// The document of an app server, with the times of its own clock.
fn handed_out(key: &SessionCredentials, start: SystemTime, date: Option<SystemTime>) -> Reply {
    let body = format!(
        r#"{{"credentials":{{"tmpSecretId":"{}","tmpSecretKey":"{}","sessionToken":"{}"}},"startTime":{},"expiredTime":{}}}"#,
        key.secret_id(),
        key.secret_key(),
        key.token(),
        unix(start),
        unix(key.expires_at()),
    );
    let date = date.map(|date| ("date", httpdate(date)));
    Status(200, date.into_iter().collect(), body.into())
}

fn httpdate(time: SystemTime) -> String {
    let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    // The test clock begins on Tue, 14 Nov 2023 at 22:13:20 and runs for less than an hour.
    let (seconds, midnight) = (unix(time), 1_699_920_000);
    let second = seconds - midnight;
    let day = days[usize::try_from(seconds / 86_400 % 7).unwrap()];
    format!("{day}, 14 Nov 2023 {:02}:{:02}:{:02} GMT", second / 3600, second / 60 % 60, second % 60)
}

/// The times of the issuer set right a clock by which its key makes no sense, and the first request is signed right.
#[tokio::test(start_paused = true)]
async fn a_wrong_clock_is_set_right_by_the_issuer_of_the_key() {
    let hour = 3600;
    for (what, off, started_before, date, works) in [
        ("right", 0, 0, true, true),
        ("an hour ahead", hour, 0, true, true),
        ("an hour ahead, of a key from the issuer's cache", hour, 1200, true, true),
        ("an hour behind", -hour, 0, true, true),
        ("an hour behind, without Date", -hour, 0, false, true),
        ("20 hours behind, without Date", -20 * hour, 0, false, true),
        ("an hour ahead, without Date", hour, 0, false, false),
        ("40 hours behind", -40 * hour, 0, true, false),
    ] {
        let rig = InMemory::new();
        rig.emulator.put_object(rig.emulator.bucket(), "k", "hello");
        let key = session(&rig.emulator.mint(Duration::from_secs(1800)));
        rig.clock.jump(started_before);
        let start = rig.clock.true_time() - Duration::from_secs(started_before);
        let reply = handed_out(&key, start, date.then(|| rig.clock.true_time()));
        rig.clock.set_off(off);
        let net = Net::default().on("app.example.com", [reply]);
        let source = EndpointCredentials::new("https://app.example.com/key").unwrap().http_client(net);
        let bucket = rig.bucket_of(rig.client().credentials(source));
        let outcome = bucket.get("k").await;
        assert_eq!(outcome.is_ok(), works, "{what}: {:?}", outcome.err());
        // Not one refusal was needed to learn the time.
        let statuses: Vec<_> = rig.emulator.journal().iter().map(|record| record.status).collect();
        assert_eq!(statuses, if works { vec![Some(200)] } else { vec![] }, "{what}");
        if let Err(error) = outcome {
            let told = error.source().unwrap().to_string();
            assert!(told.starts_with("the endpoint app.example.com returned a key that "), "{what}: {told}");
        }
    }
}

/// COS has the last word on the time.
/// What a cache hands out was true once.
#[tokio::test(start_paused = true)]
async fn an_answer_from_a_cache_tells_no_time() {
    let rig = InMemory::new();
    rig.emulator.put_object(rig.emulator.bucket(), "k", "hello");
    let key = session(&rig.emulator.mint(Duration::from_secs(1800)));
    let Status(status, mut headers, body) = handed_out(&key, rig.clock.true_time(), Some(rig.clock.true_time())) else {
        unreachable!()
    };
    headers.push(("age", "2400".to_owned()));
    rig.clock.jump(2400);
    let net = Net::default().on("app.example.com", [Status(status, headers, body)]);
    let source = EndpointCredentials::new("https://app.example.com/key").unwrap().http_client(net);
    let bucket = rig.bucket();
    let cached = bucket.with(tencent_cos::Overrides::new().credentials(source));
    assert_eq!(cached.get("k").await.unwrap_err().kind(), ErrorKind::Credentials);
    // The clock, which the handles share, is as right as it was.
    let url = bucket.presign_get("k", Duration::from_secs(600)).await.unwrap();
    assert_eq!(unix(url.expires_at), unix(rig.clock.true_time()) + 600);
}

#[tokio::test(start_paused = true)]
async fn an_issuer_whose_clock_is_wrong_costs_one_request() {
    let rig = InMemory::new();
    rig.emulator.put_object(rig.emulator.bucket(), "k", "hello");
    let key = session(&rig.emulator.mint(Duration::from_secs(10 * 3600)));
    // By its account the key begins in two hours, and it is that time already.
    let ahead = rig.clock.true_time() + Duration::from_secs(7200);
    let key = SessionCredentials::from_json(
        format!(
            r#"{{"tmpSecretId":"{}","tmpSecretKey":"{}","token":"{}","startTime":{},"expiredTime":{}}}"#,
            key.secret_id(),
            key.secret_key(),
            key.token(),
            unix(ahead),
            unix(key.expires_at())
        )
        .as_bytes(),
    );
    let key = key.unwrap().told_at(ahead);
    let bucket = rig.bucket_of(rig.client().credentials(key));
    for _ in 0..3 {
        bucket.get("k").await.unwrap();
    }
    let statuses: Vec<_> = rig.emulator.journal().iter().map(|record| record.status).collect();
    assert_eq!(statuses, [Some(403), Some(200), Some(200), Some(200)]);
}

#[tokio::test]
async fn an_endpoint_is_asked_with_what_it_is_told_to_send() {
    let key = |shape: &str| ok(shape.replace("END", &alive().to_string()));
    let shapes = [
        r#"{"credentials":{"tmpSecretId":"i","tmpSecretKey":"k","sessionToken":"t"},"startTime":1,"expiredTime":END,"expiration":"x","requestId":"r"}"#,
        r#"{"Response":{"Credentials":{"TmpSecretId":"i","TmpSecretKey":"k","Token":"t"},"ExpiredTime":END}}"#,
        r#"{"credentials":{"tmpSecretId":"i","tmpSecretKey":"k","token":"t"},"startTime":"1","expiredTime":"END"}"#,
        r#"{"TmpSecretId":"i","TmpSecretKey":"k","SecurityToken":"t","StartTime":1,"ExpiredTime":END,"ScopeLimit":true}"#,
        r#"{"TmpSecretId":"i","TmpSecretKey":"k","XCosSecurityToken":"t","ExpiredTime":END}"#,
        r#"{"code":0,"data":{"credentials":{"tmpSecretId":"i","tmpSecretKey":"k","sessionToken":"t"},"expiredTime":END}}"#,
    ];
    let net = Net::default().on("app.example.com", shapes.map(key));
    let source = EndpointCredentials::new("https://app.example.com:8443/v1/key?session=PLANTED")
        .and_then(|source| source.header("Authorization", "Bearer PLANTEDbearer"))
        .and_then(|source| source.header("Content-Type", "application/json"))
        .unwrap()
        .method(http::Method::POST)
        .body(r#"{"prefix":"u/1/"}"#)
        .http_client(net.clone());
    for shape in shapes {
        let key = source.provide().await.unwrap_or_else(|error| panic!("{shape}: {error}"));
        assert_eq!((key.secret_id(), key.secret_key(), key.token()), ("i", "k", Some("t")), "{shape}");
        assert_eq!(key.expires_at().map(unix), Some(alive()), "{shape}");
    }
    let seen = net.seen.lock().unwrap();
    let seen = &seen[0];
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", "/v1/key?session=PLANTED"));
    assert_eq!(seen.headers["authorization"], "Bearer PLANTEDbearer");
    assert_eq!(
        (&seen.headers["host"], &*seen.body),
        (&"app.example.com:8443".parse().unwrap(), br#"{"prefix":"u/1/"}"#.as_slice())
    );
    assert!(!format!("{source:?}").contains("PLANTED"));
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_fails_is_told_without_its_secrets() {
    use CredentialErrorKind::{Rejected, Transient};
    let echo = r#"{"Response":{"Error":{"Code":"Unauthorized","Message":"not allowed: Bearer PLANTEDbearer"}}}"#;
    for (reply, kind, told) in [
        (Hangs, Transient, "app.example.com: no answer within 4 s"),
        (Lost(Phase::Connect), Transient, "app.example.com: connecting failed"),
        (Lost(Phase::Tls), Rejected, "app.example.com: the TLS handshake failed"),
        (status(401), Rejected, "app.example.com answered 401 Unauthorized"),
        (status(404), Rejected, "app.example.com answered 404 Not Found"),
        (status(429), Transient, "app.example.com answered 429 Too Many Requests"),
        (status(204), Transient, "app.example.com answered 204 No Content"),
        (status(307), Transient, "app.example.com answered 307 Temporary Redirect: redirects are not followed"),
        (status(502), Transient, "app.example.com answered 502 Bad Gateway"),
        (ok("PLANTED"), Transient, "no temporary key in this document (line 1, column 1)"),
        (ok(vec![b' '; 300 << 10]), Transient, "the answer is longer than 262144 bytes"),
        (ok(echo), Transient, "answered with no key: it repeats the request"),
        (ok(r#"{"code":0,"data":{}}"#), Transient, "secret_id: is missing"),
    ] {
        let source = EndpointCredentials::new("https://app.example.com/key?session=PLANTED").unwrap();
        let source = source.header("Authorization", "Bearer PLANTEDbearer").unwrap();
        let source = source.http_client(Net::default().on("app.example.com", [reply]));
        let error = source.provide().await.unwrap_err();
        assert!(error.kind() == kind && error.to_string().contains(told), "{error}, not {told}");
        assert!(!format!("{error} {error:?} {source:?}").contains("PLANTED"), "{error:?}");
    }
    for (header, query, told) in [
        ("Bearer abc123", "", "abc123"),
        ("Bearer x", "?session=hunter2", "hunter2"),
        ("Bearer x", "?a=1&session=aaaa%2Fbb%2Bcc%3D%3D", "aaaa/bb+cc=="),
        ("Bearer x", "?session=aaaa%2Fbb%2Bcc", "aaaa%2Fbb%2Bcc"),
    ] {
        let document = format!(r#"{{"Error":{{"Code":"Denied","Message":"bad session {told}"}}}}"#);
        let source = EndpointCredentials::new(&format!("https://app.example.com/key{query}")).unwrap();
        let source = source.header("Authorization", header).unwrap();
        let source = source.http_client(Net::default().on("app.example.com", [ok(document)]));
        let error = source.provide().await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains(told), "{error}");
        assert!(error.to_string().contains("it repeats the request"), "{error}");
    }
    for (url, fine) in [
        ("https://app.example.com", true),
        ("http://127.0.0.1:9/key", true),
        ("http://[::1]/key", true),
        ("http://localhost/key", true),
        ("http://app.example.com/PLANTED", false),
        ("http://127.0.0.1.example.com/PLANTED", false),
        ("https://user:PLANTED@app.example.com/", false),
        ("ftp://app.example.com/PLANTED", false),
        ("PLANTED", false),
    ] {
        let made = EndpointCredentials::new(url);
        assert_eq!(made.is_ok(), fine, "{url}");
        if let Err(error) = made {
            assert_eq!((error.kind(), error.field()), (ErrorKind::Input, Some("url")), "{url}");
            assert!(!format!("{error} {error:?}").contains("PLANTED"), "{error:?}");
        }
    }
    let source = EndpointCredentials::new("https://app.example.com").unwrap();
    for (name, value) in [("x", "PLANTED\r\ny: z"), ("host", "PLANTED"), ("a b", "PLANTED")] {
        let error = source.clone().header(name, value).unwrap_err();
        assert!(error.field() == Some("header") && !format!("{error:?}").contains("PLANTED"), "{error:?}");
    }
}
