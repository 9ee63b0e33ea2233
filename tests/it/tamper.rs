//! What is signed cannot be changed: one altered copy for every signed element, each refused with the code COS gives.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Uri, header};
use http_body_util::{BodyExt as _, Full};
use tencent_cos::{
    Acl, Attributes, Body, Bucket, Conditions, GetObject, ListObjects, PresignOptions, Presigned, PutObject,
    ResponseOverrides, StorageClass,
};

use crate::support::{InMemory, session};

const MISMATCH: &str = "403 SignatureDoesNotMatch";
const UNKNOWN_KEY: &str = "403 InvalidAccessKeyId";
const EXPIRED: &str = "403 AccessDenied: Request has expired";
const TOO_SKEWED: &str = "403 RequestTimeTooSkewed";

/// An emulator, and a bucket whose requests carry a session token.
fn rig() -> (InMemory, Bucket) {
    let mem = InMemory::new();
    let key = session(&mem.emulator.mint(Duration::from_secs(24 * 3600)));
    let bucket = mem.bucket_of(mem.client().credentials(key));
    mem.emulator.put_object(mem.emulator.bucket(), "a b/c.txt", "hello");
    (mem, bucket)
}

/// Sends it as it is. `200`, or status and code, and the message where it tells more.
async fn send(mem: &InMemory, request: Request<Bytes>) -> String {
    let is_head = *request.method() == Method::HEAD;
    let response = mem.emulator.service().call(request.map(Full::new)).await.expect("an answer");
    let status = response.status();
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    if status.is_success() || is_head {
        return status.as_u16().to_string();
    }
    let document = String::from_utf8_lossy(&body);
    let element = |name: &str| {
        let (_, rest) = document.split_once(&format!("<{name}>")).expect("an element");
        rest.split_once('<').expect("its end").0.to_owned()
    };
    match element("Code").as_str() {
        "AccessDenied" => format!("{} AccessDenied: {}", status.as_u16(), element("Message")),
        code => format!("{} {code}", status.as_u16()),
    }
}

fn copy(request: &Request<Bytes>) -> Request<Bytes> {
    request.clone()
}

fn with_header(request: &Request<Bytes>, name: &str, value: &str) -> Request<Bytes> {
    let mut changed = copy(request);
    let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
    changed.headers_mut().insert(name, HeaderValue::from_str(value).expect("a value"));
    changed
}

fn text<'a>(request: &'a Request<Bytes>, name: &str) -> &'a str {
    request.headers()[name].to_str().expect("ASCII")
}

fn with_uri(request: &Request<Bytes>, uri: &str) -> Request<Bytes> {
    let mut changed = copy(request);
    *changed.uri_mut() = uri.parse::<Uri>().expect("a URI");
    changed
}

fn with_method(request: &Request<Bytes>, method: Method) -> Request<Bytes> {
    let mut changed = copy(request);
    *changed.method_mut() = method;
    changed
}

/// Fields of `a=1&b=2`, changed one at a time.
fn with_field(fields: &str, name: &str, change: impl Fn(&str) -> Option<String>) -> String {
    let mut found = false;
    let changed: Vec<String> = fields
        .split('&')
        .filter_map(|field| {
            let (have, value) = field.split_once('=').unwrap_or((field, ""));
            if have != name {
                return Some(field.to_owned());
            }
            found = true;
            change(value).map(|value| format!("{name}={value}"))
        })
        .collect();
    assert!(found, "no {name} in {fields}");
    changed.join("&")
}

fn field<'a>(fields: &'a str, name: &str) -> &'a str {
    fields.split('&').find_map(|field| field.strip_prefix(name)?.strip_prefix('=')).expect("a field")
}

/// A value of the same kind: another number for a number, so that only the signature can be at fault.
fn altered(value: &str) -> String {
    let last = match value.chars().last() {
        Some('1') => "2",
        Some('0'..='9') => "1",
        Some('a') => "b",
        Some(_) => "a",
        None => return "a".to_owned(),
    };
    let mut text = value.to_owned();
    text.pop();
    text + last
}

fn in_memory(request: Request<Body>) -> Request<Bytes> {
    request.map(|body| body.as_bytes().expect("bytes"))
}

/// The query of a request, and the request with another.
fn query(request: &Request<Bytes>) -> &str {
    request.uri().query().unwrap_or_default()
}

fn with_query(request: &Request<Bytes>, query: &str) -> Request<Bytes> {
    let uri = request.uri().to_string();
    let base = uri.split('?').next().unwrap_or_default();
    if query.is_empty() { with_uri(request, base) } else { with_uri(request, &format!("{base}?{query}")) }
}

/// Copies of a request that is signed in its headers, each with one thing changed, and what they must be answered.
fn altered_copies(request: &Request<Bytes>) -> Vec<(String, Request<Bytes>, &'static str)> {
    let authorization = text(request, "authorization");
    let url = request.uri().to_string();
    let mut copies = Vec::new();
    let mut add = |what: &str, copy: Request<Bytes>, answer| copies.push((what.to_owned(), copy, answer));

    let other = if *request.method() == Method::GET { Method::PUT } else { Method::GET };
    add("method", with_method(request, other), MISMATCH);
    let (path, rest) = url.split_once('?').map_or((url.as_str(), ""), |(path, rest)| (path, rest));
    let elsewhere = if path.ends_with('/') { format!("{path}x") } else { altered(path) };
    let elsewhere = if rest.is_empty() { elsewhere } else { format!("{elsewhere}?{rest}") };
    add("path", with_uri(request, &elsewhere), MISMATCH);

    for name in field(authorization, "q-url-param-list").split(';').filter(|name| !name.is_empty()) {
        add(
            &format!("param {name}"),
            with_query(request, &with_field(query(request), name, |value| Some(altered(value)))),
            MISMATCH,
        );
        add(
            &format!("param {name} dropped"),
            with_query(request, &with_field(query(request), name, |_| None)),
            MISMATCH,
        );
    }
    let separator = if query(request).is_empty() { "" } else { "&" };
    let more = format!("{}{separator}response-expires=0", query(request));
    add(
        "param added",
        with_query(request, &more),
        "403 AccessDenied: Strict signature missing param that must be signed",
    );

    for name in field(authorization, "q-header-list").split(';').filter(|name| *name != "content-length") {
        let answer = if name == "x-cos-security-token" { UNKNOWN_KEY } else { MISMATCH };
        if name == "host" {
            let host = text(request, "host");
            let other = host.replace("examplebucket-", "otherbucket-");
            let moved = with_header(&with_uri(request, &url.replace(host, &other)), "host", &other);
            add("host", moved, answer);
            continue;
        }
        add(&format!("header {name}"), with_header(request, name, &altered(text(request, name))), answer);
        let mut without = copy(request);
        without.headers_mut().remove(name);
        add(&format!("header {name} dropped"), without, answer);
    }
    let more = with_header(request, "x-cos-meta-more", "1");
    add("header added", more, "403 AccessDenied: Strict signature missing header that must be signed");

    let signed = |name: &str, change: &dyn Fn(&str) -> Option<String>| {
        with_header(request, "authorization", &with_field(authorization, name, change))
    };
    let earlier = |span: &str| {
        let (start, end) = span.split_once(';').expect("a span");
        let number = |text: &str| text.parse::<u64>().expect("a number");
        Some(format!("{};{}", number(start) - 7200, number(end) - 7200))
    };
    let longer = |span: &str| Some(format!("{span}9"));
    let longer_by_an_hour = |span: &str| {
        let (start, end) = span.split_once(';').expect("a span");
        Some(format!("{start};{}", end.parse::<u64>().expect("a number") + 3600))
    };
    add("q-sign-time over", signed("q-sign-time", &earlier), EXPIRED);
    add("q-key-time over", signed("q-key-time", &earlier), EXPIRED);
    add("q-key-time stretched", signed("q-key-time", &longer_by_an_hour), MISMATCH);
    add("q-key-time stretched far", signed("q-key-time", &longer), MISMATCH);
    let both = with_field(authorization, "q-sign-time", longer_by_an_hour);
    let both = with_field(&both, "q-key-time", longer_by_an_hour);
    add("both times stretched", with_header(request, "authorization", &both), MISMATCH);
    add("key id", signed("q-ak", &|id| Some(altered(id))), UNKNOWN_KEY);
    add("signature", signed("q-signature", &|it| Some(altered(it))), MISMATCH);
    add("no signature", signed("q-signature", &|_| Some(String::new())), MISMATCH);
    for list in ["q-header-list", "q-url-param-list"] {
        if !field(authorization, list).is_empty() {
            let shorter = |names: &str| Some(names.split_once(';').map_or("", |(_, rest)| rest).to_owned());
            add(&format!("{list} shortened"), signed(list, &shorter), MISMATCH);
        }
    }
    let mut bare = copy(request);
    bare.headers_mut().remove(header::AUTHORIZATION);
    add("no Authorization", bare, "403 AccessDenied: Access Denied.");
    copies
}

async fn requests(bucket: &Bucket) -> Vec<(&'static str, Request<Bytes>)> {
    let attributes = Attributes::new()
        .content_type("text/plain")
        .cache_control("max-age=60")
        .content_disposition("attachment")
        .content_encoding("identity")
        .storage_class(StorageClass::STANDARD_IA)
        .meta("title", "A");
    let put = PutObject::new("a b/put".parse().unwrap(), "hello")
        .attributes(attributes)
        .acl(Acl::private())
        .content_md5("XUFAKrxLKna5cZ2REBfFkg==");
    let get = GetObject::new("a b/c.txt".parse().unwrap())
        .range(1..3)
        .conditions(Conditions::new().if_match("\"5d41402abc4b2a76b9719d911017c592\""))
        .response_overrides(ResponseOverrides::new().content_type("text/x").cache_control("no-store"));
    let list = ListObjects::new().prefix("a b/").delimiter("/").marker("a").max_keys(10);
    vec![
        ("put", in_memory(bucket.sign(put).await.unwrap())),
        ("get", in_memory(bucket.sign(get).await.unwrap())),
        ("list", in_memory(bucket.sign(list).await.unwrap())),
    ]
}

#[tokio::test]
async fn every_altered_copy_of_a_signed_request_is_refused() {
    let (mem, bucket) = rig();
    let mut counts = Vec::new();
    for (name, request) in requests(&bucket).await {
        let unchanged = send(&mem, copy(&request)).await;
        assert!(["200", "206"].contains(&unchanged.as_str()), "{name}: {unchanged}");
        let copies = altered_copies(&request);
        counts.push(copies.len());
        for (what, copy, answer) in copies {
            let found = send(&mem, copy).await;
            assert!(found == answer, "{name}, {what}: {found}, not {answer}");
        }
        // The refusals did not use the request up.
        assert_eq!(send(&mem, copy(&request)).await, unchanged);
    }
    assert_eq!(counts, [33, 26, 28]);
    let refused = mem.emulator.journal().iter().filter(|record| record.status == Some(403)).count();
    assert_eq!(refused, counts.iter().sum::<usize>());
}

#[tokio::test]
async fn a_body_other_than_the_signed_digest_is_refused() {
    let (mem, bucket) = rig();
    let (_, put) = requests(&bucket).await.remove(0);
    assert_eq!(send(&mem, put.map(|_| Bytes::from("hellO"))).await, "400 BadDigest");
}

#[tokio::test(start_paused = true)]
async fn a_signed_request_counts_for_fifteen_minutes() {
    let (mem, bucket) = rig();
    for (name, request) in requests(&bucket).await {
        mem.emulator.shift_clock(-18 * 60);
        assert_eq!(send(&mem, copy(&request)).await, TOO_SKEWED, "{name}");
        for (seconds, accepted) in [(-13 * 60, true), (0, true), (15 * 60, true), (16 * 60 + 1, false), (86_399, false)]
        {
            mem.emulator.shift_clock(seconds);
            let found = send(&mem, copy(&request)).await;
            let expected = if accepted { found.starts_with("20") } else { found == EXPIRED };
            assert!(expected, "{name} at {seconds} s: {found}");
        }
        mem.emulator.shift_clock(0);
    }
}

fn of_presigned(presigned: &Presigned, body: &'static str) -> Request<Bytes> {
    let mut request = Request::new(Bytes::from(body));
    *request.method_mut() = presigned.method.clone();
    *request.uri_mut() = presigned.url.parse().expect("a URL");
    *request.headers_mut() = presigned.headers.clone();
    request
}

#[tokio::test(start_paused = true)]
async fn every_altered_copy_of_a_presigned_url_is_refused() {
    let (mem, bucket) = rig();
    let lifetime = Duration::from_secs(600);
    let get = GetObject::new("a b/c.txt".parse().unwrap())
        .response_overrides(ResponseOverrides::new().content_type("text/x").content_disposition("attachment; a"));
    let get = bucket.presign(get, lifetime).await.unwrap();
    let put = PutObject::new("a b/put".parse().unwrap(), "")
        .attributes(Attributes::new().content_type("text/plain").meta("title", "A"));
    let put = bucket.presign(put, PresignOptions::new(lifetime).content_length(5)).await.unwrap();
    let mut count = 0;
    for (presigned, body) in [(&get, ""), (&put, "hello")] {
        let request = of_presigned(presigned, body);
        let name = presigned.method.as_str();
        assert_eq!(send(&mem, copy(&request)).await, "200", "{name}");
        let fields = query(&request).to_owned();
        let mut copies = vec![
            ("method".to_owned(), with_method(&request, Method::DELETE), MISMATCH),
            ("path".to_owned(), with_uri(&request, &presigned.url.replacen("a%20b/", "a%20c/", 1)), MISMATCH),
            (
                "host".to_owned(),
                with_uri(&request, &presigned.url.replacen("examplebucket", "otherbucket", 1)),
                MISMATCH,
            ),
            (
                "param added".to_owned(),
                with_query(&request, &format!("{fields}&versionId=x")),
                "403 AccessDenied: Strict signature missing param that must be signed",
            ),
        ];
        let change = |name: &str, to: String, answer: &'static str| {
            (name.to_owned(), with_query(&request, &with_field(&fields, name, |_| Some(to.clone()))), answer)
        };
        for field in fields.split('&') {
            let (name, value) = field.split_once('=').expect("a value");
            match name {
                "q-sign-algorithm" => {}
                "q-ak" => copies.push(change(name, altered(value), UNKNOWN_KEY)),
                "q-sign-time" | "q-key-time" => {
                    copies.push(change(name, "1600000000%3B1600000600".to_owned(), EXPIRED));
                }
                "q-header-list" | "q-url-param-list" if value.contains("%3B") => {
                    copies.push(change(name, value.split_once("%3B").expect("two").1.to_owned(), MISMATCH));
                }
                "q-header-list" | "q-url-param-list" => copies.push(change(name, String::new(), MISMATCH)),
                "x-cos-security-token" => {
                    copies.push(change(name, altered(value), UNKNOWN_KEY));
                    copies.push((
                        format!("{name} dropped"),
                        with_query(&request, &with_field(&fields, name, |_| None)),
                        UNKNOWN_KEY,
                    ));
                }
                _ => copies.push(change(name, altered(value), MISMATCH)),
            }
        }
        for (name, value) in &presigned.headers {
            let answer = MISMATCH;
            copies.push((
                format!("header {name}"),
                with_header(&request, name.as_str(), &altered(value.to_str().unwrap())),
                answer,
            ));
            let mut without = copy(&request);
            without.headers_mut().remove(name);
            // Without a stated length the body's own is sent, which is the right one here.
            if name != header::CONTENT_LENGTH {
                copies.push((format!("header {name} dropped"), without, answer));
            }
        }
        for (what, copy, answer) in copies {
            let found = send(&mem, copy).await;
            assert!(found == answer, "{name}, {what}: {found}, not {answer}");
            count += 1;
        }
        assert_eq!(send(&mem, copy(&request)).await, "200", "{name}");
    }
    assert_eq!(count, 31);
}

#[tokio::test(start_paused = true)]
async fn a_presigned_url_ends_and_cannot_be_stretched() {
    let (mem, bucket) = rig();
    let presigned = bucket.presign_get("a b/c.txt", Duration::from_secs(600)).await.unwrap();
    let request = of_presigned(&presigned, "");
    tokio::time::advance(Duration::from_secs(600)).await;
    assert_eq!(send(&mem, copy(&request)).await, "200");
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(send(&mem, copy(&request)).await, EXPIRED);

    let fields = query(&request);
    let longer = |span: &str| {
        let (start, end) = span.split_once("%3B").expect("a span");
        Some(format!("{start}%3B{}", end.parse::<u64>().expect("a number") + 3600))
    };
    let sign_time = with_field(fields, "q-sign-time", longer);
    assert_eq!(send(&mem, with_query(&request, &sign_time)).await, EXPIRED);
    let key_time = with_field(fields, "q-key-time", longer);
    assert_eq!(send(&mem, with_query(&request, &key_time)).await, EXPIRED);
    let both = with_field(&sign_time, "q-key-time", longer);
    assert_eq!(send(&mem, with_query(&request, &both)).await, MISMATCH);
}

/// The key of a URL may end before the URL does: it ends with the key.
#[tokio::test(start_paused = true)]
async fn a_presigned_url_ends_with_its_key() {
    let mem = InMemory::new();
    mem.emulator.put_object(mem.emulator.bucket(), "k", "hello");
    let key = mem.emulator.mint(Duration::from_secs(300));
    let bucket = mem.bucket_of(mem.client().credentials(session(&key)));
    let presigned = bucket.presign_get("k", Duration::from_secs(3600)).await.unwrap();
    assert_eq!(presigned.expires_at, key.expires_at);
    let error = bucket
        .presign(
            GetObject::new("k".parse().unwrap()),
            PresignOptions::new(Duration::from_secs(3600)).refuse_short_key(),
        )
        .await
        .unwrap_err();
    assert_eq!(error.field(), Some("lifetime"));
    let request = of_presigned(&presigned, "");
    assert_eq!(send(&mem, copy(&request)).await, "200");
    tokio::time::advance(Duration::from_secs(301)).await;
    assert_eq!(send(&mem, request).await, EXPIRED);
}
