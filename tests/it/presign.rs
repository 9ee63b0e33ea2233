//! Presigned URLs in the hands of a client that knows HTTP and nothing else.

use std::time::Duration;

use bytes::Bytes;
use cos_emulator::Emulator;
use http::{HeaderMap, Method, Request, Response, Uri, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tencent_cos::policy::{Policy, Resource};
use tencent_cos::sign::{Host, HostName};
use tencent_cos::{
    Attributes, Client, Conditions, ErrorKind, GetObject, ListBuckets, PresignOptions, Presigned, PutObject,
};
use tokio::net::TcpStream;

use crate::operations::{Answer, Scene, TABLE};
use crate::support::{self, session};

const TEN_MINUTES: Duration = Duration::from_secs(600);

/// A request as somebody sends it who was given a URL and maybe headers.
#[derive(Clone)]
struct Plain {
    method: Method,
    uri: Uri,
    host: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Plain {
    fn new(presigned: &Presigned, body: Bytes) -> Self {
        let uri: Uri = presigned.url.parse().expect("a URL");
        let host = uri.authority().expect("a host").to_string();
        Self { method: presigned.method.clone(), uri, host, headers: presigned.headers.clone(), body }
    }

    fn url(mut self, change: impl FnOnce(&str) -> String) -> Self {
        self.uri = change(&self.uri.to_string()).parse().expect("a URL");
        self
    }

    fn host(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    async fn send(self, emulator: &Emulator) -> Response<Bytes> {
        let stream = TcpStream::connect(emulator.address()).await.expect("a connection");
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("a handshake");
        tokio::spawn(connection);
        let target = self.uri.path_and_query().expect("a path").as_str();
        let length = self.body.len();
        let mut request = Request::new(Full::new(self.body));
        *request.uri_mut() = target.parse().expect("a target");
        *request.headers_mut() = self.headers;
        if self.method == Method::PUT || self.method == Method::POST {
            request.headers_mut().insert(header::CONTENT_LENGTH, length.into());
        }
        *request.method_mut() = self.method;
        request.headers_mut().insert(header::HOST, self.host.parse().expect("a host"));
        let (head, body) = sender.send_request(request).await.expect("an answer").into_parts();
        Response::from_parts(head, body.collect().await.expect("a body").to_bytes())
    }

    /// `200`, or status and code and, where the code says little, the message.
    async fn verdict(self, emulator: &Emulator) -> String {
        let response = self.send(emulator).await;
        let (status, body) = (response.status().as_u16(), String::from_utf8_lossy(response.body()).into_owned());
        let element = |name: &str| {
            let rest = body.split_once(&format!("<{name}>"))?.1;
            Some(rest.split_once('<')?.0.to_owned())
        };
        match (element("Code"), element("Message")) {
            (Some(code), Some(message)) if code == "AccessDenied" => format!("{status} {code}: {message}"),
            (Some(code), _) => format!("{status} {code}"),
            _ => status.to_string(),
        }
    }
}

const MISMATCH: &str = "403 SignatureDoesNotMatch";
const UNKNOWN_KEY: &str = "403 InvalidAccessKeyId";
const EXPIRED: &str = "403 AccessDenied: Request has expired";
const UNSIGNED_PARAM: &str = "403 AccessDenied: Strict signature missing param that must be signed";
const UNSIGNED_HEADER: &str = "403 AccessDenied: Strict signature missing header that must be signed";

/// An answer to HEAD tells the status and no more.
fn as_told(row_or_method: &Method, verdict: &'static str) -> &'static str {
    if *row_or_method == Method::HEAD { &verdict[..3] } else { verdict }
}

fn permanent(scene: &Scene) -> Client {
    scene.client().build().expect("a client")
}

fn temporary(scene: &Scene) -> Client {
    let key = session(&scene.emulator().mint(Duration::from_secs(3600)));
    scene.client().credentials(key).build().expect("a client")
}

#[tokio::test]
async fn every_operation_can_be_presigned_and_run_by_anybody() {
    for row in TABLE {
        for client in [permanent, temporary] {
            let scene = Scene::over_sockets().await;
            let trial = row.prepare(&scene).await;
            let presigned = trial.presign(&client(&scene), TEN_MINUTES.into()).await.expect("a URL");
            assert_eq!(presigned.method == Method::HEAD, row.answer == Answer::Head, "{row}");
            assert!(!presigned.headers.contains_key(header::AUTHORIZATION), "{row}");
            assert!(!presigned.headers.contains_key(header::CONTENT_LENGTH), "{row}");
            assert!(scene.emulator().journal().is_empty(), "{row}: presigning asks nobody");

            let response = Plain::new(&presigned, trial.body()).send(scene.emulator()).await;
            trial.read(response).await.unwrap_or_else(|error| panic!("{row}: {error}"));
            let records = scene.emulator().journal();
            assert_eq!((records.len(), records[0].operation.as_str()), (1, row.title), "{row}");
            trial.check(&scene).await;
        }
    }
}

/// What the account holds is asked of another host than what a bucket holds.
#[tokio::test]
async fn operations_go_where_they_belong() {
    let emulator = support::emulator().await;
    let client = support::client(&emulator).build().unwrap();
    let bucket = client.bucket(emulator.bucket()).unwrap();
    for error in [
        bucket.presign(ListBuckets::new(), TEN_MINUTES).await.unwrap_err(),
        bucket.sign(ListBuckets::new()).await.unwrap_err(),
        bucket.send(ListBuckets::new()).await.unwrap_err(),
        client.send(GetObject::new("k".parse().unwrap())).await.unwrap_err(),
        client.presign(GetObject::new("k".parse().unwrap()), TEN_MINUTES).await.unwrap_err(),
        client.sign(tencent_cos::HeadBucket::new()).await.unwrap_err(),
        client.send(tencent_cos::DeleteBucket::new()).await.unwrap_err(),
    ] {
        assert_eq!((error.kind(), error.field()), (ErrorKind::Input, Some("operation")), "{error}");
    }
    assert!(emulator.journal().is_empty());
}

/// All pages, the head of an answer, a request for another client: the account has what a bucket has.
#[tokio::test]
async fn operations_on_the_account_are_sent_paged_and_signed() {
    let emulator = Emulator::builder().bucket(BUCKET, "ap-guangzhou").bucket(ELSEWHERE, "ap-guangzhou");
    let emulator = emulator.strict_signature(true).start().await.expect("the emulator starts");
    let client = support::client(&emulator).build().unwrap();
    let mut names = Vec::new();
    let mut pages = client.pages(ListBuckets::new().max_keys(1));
    while let Some(page) = pages.next().await {
        names.extend(page.unwrap().buckets.into_iter().map(|bucket| bucket.name));
    }
    names.sort();
    assert_eq!(names, [ELSEWHERE, BUCKET]);
    assert_eq!(emulator.journal().len(), 2);

    let answer = client.send_raw(ListBuckets::new()).await.unwrap();
    assert!(answer.status() == 200 && answer.headers().contains_key("x-cos-request-id"));
    assert_eq!(answer.body().buckets.len(), 2);

    let (head, body) = client.sign(ListBuckets::new()).await.unwrap().into_parts();
    assert!(head.headers.contains_key(header::AUTHORIZATION) && body.len() == 0);
    let host = head.headers[header::HOST].to_str().unwrap().to_owned();
    let plain = Plain { method: head.method, uri: head.uri, host, headers: head.headers, body: Bytes::new() };
    assert_eq!(plain.verdict(&emulator).await, "200");
}

/// The parameters before the signature's own, which are the operation's and the token.
fn parameters(url: &str) -> Vec<&str> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    query.split('&').filter(|param| !param.starts_with("q-")).collect()
}

#[tokio::test]
async fn what_is_signed_in_a_url_cannot_be_changed() {
    // A preflight is for everybody, by whatever URL.
    for row in TABLE.iter().filter(|row| row.name != "OptionsObject") {
        for client in [permanent, temporary] {
            let scene = Scene::over_sockets().await;
            let trial = row.prepare(&scene).await;
            let presigned = trial.presign(&client(&scene), TEN_MINUTES.into()).await.expect("a URL");
            let plain = Plain::new(&presigned, trial.body());
            let (method, url) = (plain.method.clone(), presigned.url.clone());
            // What is not signed is refused by buckets that ask for that; the account does not.
            let strictly = |refusal| if row.name == "ListBuckets" { "200" } else { as_told(&method, refusal) };
            let mut changed = Vec::new();

            let other = if method == Method::GET { Method::DELETE } else { Method::GET };
            changed.push((Plain { method: other.clone(), ..plain.clone() }, as_told(&other, MISMATCH), "method"));
            let longer = |url: &str| url.replacen('?', "x?", 1);
            changed.push((plain.clone().url(longer), as_told(&method, MISMATCH), "key"));
            for param in parameters(&url) {
                let expected = if param.starts_with("x-cos-security-token=") { UNKNOWN_KEY } else { MISMATCH };
                let value = if param.contains('=') { format!("{param}1") } else { format!("{param}=1") };
                let change = plain.clone().url(|url| url.replacen(param, &value, 1));
                changed.push((change, as_told(&method, expected), "parameter"));
            }
            let added = plain.clone().url(|url| format!("{url}&response-content-type=text%2Fhtml"));
            changed.push((added, strictly(UNSIGNED_PARAM), "a parameter more"));
            for name in presigned.headers.keys() {
                let mut change = plain.clone();
                change.headers.insert(name, "other".parse().expect("a value"));
                changed.push((change, as_told(&method, MISMATCH), "header"));
                let mut change = plain.clone();
                change.headers.remove(name);
                changed.push((change, as_told(&method, MISMATCH), "a header less"));
            }
            let mut added = plain.clone();
            added.headers.insert("x-cos-grant-read", "id=\"1\"".parse().expect("a value"));
            changed.push((added, strictly(UNSIGNED_HEADER), "a header more"));
            let span = field(&url, "q-key-time");
            let (start, end) = span.split_once("%3B").expect("a span");
            let longer = format!("{start}%3B{}", end.parse::<u64>().expect("a time") + 3600);
            changed.push((plain.clone().url(|url| url.replace(span, &longer)), as_told(&method, MISMATCH), "span"));

            for (plain, expected, what) in changed {
                assert_eq!(plain.verdict(scene.emulator()).await, expected, "{row}: {what}");
            }
            // Over, also for him who says that it is not.
            scene.emulator().shift_clock(601);
            let [now, then] = [span, &longer].map(|span| format!("q-sign-time={span}"));
            let later = plain.clone().url(|url| url.replace(&now, &then));
            for plain in [plain.clone(), later] {
                assert_eq!(plain.verdict(scene.emulator()).await, as_told(&method, EXPIRED), "{row}: expired");
            }
            scene.emulator().shift_clock(0);

            // Nothing of it did anything: as it was given, the URL still does what it is for.
            let response = plain.send(scene.emulator()).await;
            trial.read(response).await.unwrap_or_else(|error| panic!("{row}: {error}"));
            trial.check(&scene).await;
        }
    }
}

/// What a URL for one thing was made to do, by parameters and headers that are not signed: shown the rights on an object,
/// copied another one, let everybody read it.
async fn done_beside(emulator: &Emulator, client: &Client) -> [String; 3] {
    emulator.put_object(emulator.bucket(), "k", "hello");
    emulator.put_object(emulator.bucket(), "secret", "not for you");
    let bucket = client.bucket(emulator.bucket()).expect("a bucket");
    let get = bucket.presign_get("k", TEN_MINUTES).await.expect("a URL");
    let put = bucket.presign(PutObject::new("k".parse().unwrap(), ""), TEN_MINUTES).await.expect("a URL");
    let with = |header: &'static str, value: &str, body: &'static str| {
        let mut plain = Plain::new(&put, Bytes::from_static(body.as_bytes()));
        plain.headers.insert(header, value.parse().expect("a value"));
        plain
    };
    let source = format!("{}.cos.{}.myqcloud.com/secret", emulator.bucket(), emulator.region());
    let rights = Plain::new(&get, Bytes::new()).url(|url| format!("{url}&acl"));
    let copied = with("x-cos-copy-source", &source, "").verdict(emulator).await;
    let holds = emulator.object(emulator.bucket(), "k").unwrap().bytes();
    assert_eq!(holds == "not for you", copied == "200", "{copied}");
    [rights.verdict(emulator).await, copied, with("x-cos-acl", "public-read", "hello").verdict(emulator).await]
}

/// COS looks at what is signed. The rights of the key are the limit, or strict signature mode.
#[tokio::test]
async fn what_is_not_signed_may_be_added_as_far_as_the_key_or_the_bucket_lets_it() {
    let lenient = || async { Emulator::builder().start().await.expect("the emulator starts") };
    let emulator = lenient().await;
    let client = support::client(&emulator).build().unwrap();
    assert_eq!(done_beside(&emulator, &client).await, ["200"; 3]);

    let emulator = lenient().await;
    let own = Resource::object(emulator.region(), emulator.bucket(), "k").unwrap();
    let policy = Policy::new().allow::<GetObject>(&own).allow::<PutObject>(&own).to_json().unwrap();
    let key = session(&emulator.mint_with(TEN_MINUTES, &policy));
    let client = support::client(&emulator).credentials(key).build().unwrap();
    let denied = "403 AccessDenied: Access Denied.";
    assert_eq!(done_beside(&emulator, &client).await, [denied, denied, "200"]);

    let emulator = support::emulator().await;
    let client = support::client(&emulator).build().unwrap();
    assert_eq!(done_beside(&emulator, &client).await, [UNSIGNED_PARAM, UNSIGNED_HEADER, UNSIGNED_HEADER]);
}

/// A field of the signature, as it stands in the URL.
fn field<'a>(url: &'a str, name: &str) -> &'a str {
    let (_, rest) = url.split_once(&format!("&{name}=")).expect("a field");
    rest.split('&').next().expect("a value")
}

const BUCKET: &str = "examplebucket-1250000000";
const ELSEWHERE: &str = "elsewhere-1250000000";
const CDN: &str = "cdn.example.com";

/// A client of the real hosts, which the emulator serves as well. Presigning asks nobody.
fn client_of_the_hosts(emulator: &Emulator) -> Client {
    Client::builder().region(emulator.region()).credentials(support::permanent(emulator)).build().expect("a client")
}

/// A URL for `k`, and the hosts for which it holds: the bucket's own, a CDN in front of it, another bucket.
async fn holds_for(host: Host, strict: bool) -> [String; 3] {
    let emulator = Emulator::builder().bucket(BUCKET, "ap-guangzhou").bucket(ELSEWHERE, "ap-guangzhou");
    let emulator = emulator.domain(CDN, BUCKET).strict_signature(strict).start().await.expect("the emulator starts");
    emulator.put_object(BUCKET, "k", "hello");
    emulator.put_object(ELSEWHERE, "k", "hello from elsewhere");
    let bucket = client_of_the_hosts(&emulator).bucket(BUCKET).expect("a bucket");
    let options = PresignOptions::new(TEN_MINUTES).sign_host(host);
    let presigned = bucket.presign(GetObject::new("k".parse().unwrap()), options).await.expect("a URL");
    assert!(presigned.url.starts_with(&format!("https://{BUCKET}.cos.ap-guangzhou.myqcloud.com/k?")));
    let mut verdicts = [const { String::new() }; 3];
    let elsewhere = format!("{ELSEWHERE}.cos.ap-guangzhou.myqcloud.com");
    for (verdict, host) in verdicts.iter_mut().zip([presigned.url[8..].split('/').next().unwrap(), CDN, &elsewhere]) {
        *verdict = Plain::new(&presigned, Bytes::new()).host(host).verdict(&emulator).await;
    }
    verdicts
}

#[tokio::test]
async fn a_url_holds_for_the_host_it_is_bound_to() {
    assert_eq!(holds_for(Host::Own, true).await, ["200", MISMATCH, MISMATCH]);
    assert_eq!(holds_for(Host::Other(CDN.parse().unwrap()), true).await, [MISMATCH, "200", MISMATCH]);
    // Bound to none it holds for all, where the bucket does not demand that the host be signed.
    assert_eq!(holds_for(Host::Unsigned, false).await, ["200"; 3]);
    assert_eq!(holds_for(Host::Unsigned, true).await, [UNSIGNED_HEADER; 3]);
}

#[test]
fn a_host_that_no_client_sends_binds_nothing() {
    for good in [CDN, "cdn.example.com:8443", "127.0.0.1:9911", "[::1]:9911", "xn--fsq.example"] {
        assert_eq!(good.parse::<HostName>().unwrap().as_str(), good);
    }
    for bad in [
        "",
        "a b",
        "a\nb",
        "a\r\nx-cos-acl: public-read",
        "CDN.example.com",
        "例.example",
        "cdn.example.com/path",
        "cdn.example.com?a=b",
        "user:password@cdn.example.com",
        "https://cdn.example.com",
        "cdn.example.com:443",
        "cdn.example.com:80",
        "cdn.example.com:",
        "cdn%2eexample.com",
        "{bucket}.example.com",
        "cdn\"example.com",
    ] {
        assert_eq!(bad.parse::<HostName>().unwrap_err().field(), Some("host"), "{bad:?}");
    }
}

#[tokio::test]
async fn a_signed_length_is_the_only_one_that_fits() {
    let emulator = support::emulator().await;
    let bucket = support::bucket(&emulator);
    let put = || PutObject::new("k".parse().unwrap(), "").attributes(Attributes::new().content_type("text/plain"));
    let options = PresignOptions::new(TEN_MINUTES).content_length(5);
    let bound = bucket.presign(put(), options).await.unwrap();
    assert_eq!(bound.headers[header::CONTENT_LENGTH], "5");
    assert_eq!(bound.headers[header::CONTENT_TYPE], "text/plain");
    let send = |presigned: &Presigned, body: &'static str| Plain::new(presigned, Bytes::from_static(body.as_bytes()));
    assert_eq!(send(&bound, "hello!").verdict(&emulator).await, MISMATCH);
    assert_eq!(send(&bound, "").verdict(&emulator).await, MISMATCH);
    assert!(emulator.object(emulator.bucket(), "k").is_none());
    assert_eq!(send(&bound, "hello").verdict(&emulator).await, "200");
    assert_eq!(emulator.object(emulator.bucket(), "k").unwrap().bytes(), "hello");

    let free = bucket.presign(put(), TEN_MINUTES).await.unwrap();
    for body in ["", "hello!", "as long as it likes"] {
        assert_eq!(send(&free, body).verdict(&emulator).await, "200");
        assert_eq!(emulator.object(emulator.bucket(), "k").unwrap().bytes(), body);
    }
}

#[tokio::test]
async fn conditions_and_ranges_travel_as_headers() {
    let emulator = support::emulator().await;
    emulator.put_object(emulator.bucket(), "k", "hello");
    let etag = emulator.object(emulator.bucket(), "k").unwrap().etag().to_owned();
    let bucket = support::bucket(&emulator);
    let get =
        |etag: &str| GetObject::new("k".parse().unwrap()).range(1..=3).conditions(Conditions::new().if_match(etag));
    let presigned = bucket.presign(get(&etag), TEN_MINUTES).await.unwrap();
    let answer = Plain::new(&presigned, Bytes::new()).send(&emulator).await;
    assert_eq!((answer.status().as_u16(), &answer.body()[..]), (206, &b"ell"[..]));
    let presigned = bucket.presign(get("\"other\""), TEN_MINUTES).await.unwrap();
    assert_eq!(Plain::new(&presigned, Bytes::new()).verdict(&emulator).await, "412 PreconditionFailed");
}

#[tokio::test]
async fn no_url_outlives_its_key() {
    let emulator = support::emulator().await;
    emulator.put_object(emulator.bucket(), "k", "hello");
    let key = session(&emulator.mint(TEN_MINUTES));
    let end = key.expires_at();
    let client = support::client(&emulator).credentials(key).build().unwrap();
    let bucket = client.bucket(emulator.bucket()).unwrap();
    let hour = Duration::from_secs(3600);
    let get = || GetObject::new("k".parse().unwrap());

    let presigned = bucket.presign(get(), hour).await.unwrap();
    assert!(presigned.expires_at <= end);
    let plain = Plain::new(&presigned, Bytes::new());
    assert_eq!(plain.clone().verdict(&emulator).await, "200");
    emulator.shift_clock(601);
    assert_eq!(plain.verdict(&emulator).await, EXPIRED);
    emulator.shift_clock(0);

    let refusing = PresignOptions::new(hour).refuse_short_key();
    let error = bucket.presign(get(), refusing.clone()).await.unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Input, Some("lifetime")), "{error}");
    // Long enough is long enough, and a permanent key is always.
    assert!(bucket.presign(get(), PresignOptions::new(hour / 10).refuse_short_key()).await.is_ok());
    assert!(support::bucket(&emulator).presign(get(), refusing).await.is_ok());
}

#[tokio::test]
async fn a_lifetime_is_between_a_second_and_a_week_or_more_by_wish() {
    let emulator = support::emulator().await;
    emulator.put_object(emulator.bucket(), "k", "hello");
    let bucket = support::bucket(&emulator);
    let get = || GetObject::new("k".parse().unwrap());
    let week = Duration::from_secs(7 * 24 * 3600);
    for lifetime in [Duration::ZERO, Duration::from_millis(999), week + Duration::from_secs(1)] {
        let error = bucket.presign(get(), lifetime).await.unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::Input, Some("lifetime")), "{error}");
    }
    for options in [week.into(), PresignOptions::new(week * 4).allow_over_a_week()] {
        let presigned = bucket.presign(get(), options).await.unwrap();
        assert_eq!(Plain::new(&presigned, Bytes::new()).verdict(&emulator).await, "200");
    }
}
