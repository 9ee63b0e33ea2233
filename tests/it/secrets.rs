//! Planted secrets show nowhere: not in Debug, not in errors and their causes, not in a log line of anybody at TRACE.

use std::collections::BTreeSet;
use std::error::Error as _;
use std::fmt::{Debug, Write as _};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use cos_emulator::{Action, Emulator, ExpiryAnswer, Matcher, Rule};
use futures_util::TryStreamExt as _;
use http::Method;
use tencent_cos::client::provider::{
    BoxFuture, ChainCredentials, EndpointCredentials, EnvironmentCredentials, MetadataCredentials, ProfileCredentials,
    ProvideCredentials, RefreshingCredentials, WebIdentityCredentials,
};
use tencent_cos::policy::{Policy, Resource};
use tencent_cos::sign::{self, Host, SigningKey};
use tencent_cos::sts::{self, AssumeRole, GetFederationToken};
use tencent_cos::{
    Attributes, Bucket, ByteStream, Client, Connections, Credentials, CustomCertificate, CustomerKey, Encryption,
    Endpoint, Error, GetObject, HeadObject, HttpClient, ListObjects, Operation as _, Overrides, Payload, PostPolicy,
    PutBucketDomainCertificate, PutObject, SessionCredentials, Transport, TransportError,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes as SpanAttributes, Id, Record as SpanRecord};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::{Layer, fmt};

use crate::support::{client, record, session};

const SECRET_KEY: &str = "PLANTEDsecretKEY0123456789abcdefXYZ";
const CUSTOMER_KEY: &str = "PLANTEDcustomerKEY0123456789abcd";
/// The Base64 of the key and of its MD5, as they stand in the headers.
const CUSTOMER_KEY_BASE64: &str = "UExBTlRFRGN1c3RvbWVyS0VZMDEyMzQ1Njc4OWFiY2Q=";
/// Of the key of a certificate, which stands in a document.
const PRIVATE_KEY: &str = "PLANTEDprivateKEY0123456789abcde";
const PROXY_PASSWORD: &str = "PLANTEDproxyPASSWORD";
const HEADER_SECRET: &str = "PLANTEDheaderVALUE";
const QUERY_SECRET: &str = "PLANTEDqueryVALUE";

/// Everything that was written.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("no panic")).into_owned()
    }
}

impl io::Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What was recorded, field by field: a formatter may leave fields out.
#[derive(Clone, Default)]
struct Fields(Arc<Mutex<String>>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = writeln!(self.0.lock().expect("no panic"), "{} = {value:?}", field.name());
    }
}

impl<S: Subscriber> Layer<S> for Fields {
    fn on_new_span(&self, attributes: &SpanAttributes<'_>, _: &Id, _: Context<'_, S>) {
        attributes.record(&mut self.clone());
    }

    fn on_record(&self, _: &Id, values: &SpanRecord<'_>, _: Context<'_, S>) {
        values.record(&mut self.clone());
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        event.record(&mut self.clone());
    }
}

/// Records everything this thread logs, through `tracing` or `log`, until it is dropped.
struct Recorder {
    log: Captured,
    fields: Fields,
    _guard: tracing::subscriber::DefaultGuard,
}

impl Recorder {
    fn start() -> Self {
        let (log, fields) = (Captured::default(), Fields::default());
        let writer = log.clone();
        let lines = fmt::layer()
            .with_ansi(false)
            .with_span_events(FmtSpan::FULL)
            .with_writer(move || writer.clone())
            .with_filter(LevelFilter::TRACE);
        let guard = record(tracing_subscriber::registry().with(lines).with(fields.clone()));
        Self { log, fields, _guard: guard }
    }

    fn text(&self) -> String {
        self.log.text() + &self.fields.0.lock().expect("no panic")
    }
}

/// Secrets to look for, and text to look in.
#[derive(Default)]
struct Search {
    secrets: BTreeSet<String>,
    shown: String,
}

impl Search {
    fn secret(&mut self, secret: impl Into<String>) {
        let secret = secret.into();
        assert!(secret.len() >= 6, "too short to look for: {secret}");
        self.secrets.insert(secret);
    }

    fn show(&mut self, value: &impl Debug) {
        let _ = writeln!(self.shown, "{value:?}\n{value:#?}");
    }

    /// An error in every form, with all its causes.
    fn error(&mut self, error: &Error) {
        let _ = writeln!(self.shown, "{error}\n{error:#}\n{error:?}\n{error:#?}");
        let mut cause = error.source();
        while let Some(error) = cause {
            let _ = writeln!(self.shown, "{error}\n{error:?}");
            cause = error.source();
        }
    }

    /// What the requests that came in were signed with, in every spelling of it.
    fn secrets_of(&mut self, emulator: &Emulator) {
        for record in emulator.journal() {
            for name in ["authorization", "x-cos-security-token", "proxy-authorization"] {
                if let Some(value) = record.headers.get(name).and_then(|value| value.to_str().ok()) {
                    self.secret(value);
                    if let Some((_, signature)) = value.split_once("q-signature=") {
                        self.secret(signature);
                    }
                }
            }
        }
    }

    fn found_in(&self, text: &str) -> Vec<&str> {
        self.secrets.iter().map(String::as_str).filter(|secret| text.contains(secret)).collect()
    }

    #[track_caller]
    fn check(&self, text: &str) {
        assert!(self.secrets.len() >= 4, "only {} secrets", self.secrets.len());
        for (text, what) in [(text, "the log"), (self.shown.as_str(), "Debug and errors")] {
            let found = self.found_in(text);
            assert!(found.is_empty(), "{found:?} in {what}:\n{}", line_of(text, found[0]));
        }
    }
}

fn line_of<'a>(text: &'a str, secret: &str) -> &'a str {
    text.lines().find(|line| line.contains(secret)).unwrap_or_default()
}

async fn planted() -> Emulator {
    let emulator = Emulator::builder().strict_signature(true).credentials("AKIDplanted", SECRET_KEY);
    let emulator = emulator.start().await.expect("the emulator starts");
    emulator.put_object(emulator.bucket(), "k", "hello");
    emulator
}

/// Whatever fails, in whatever way.
async fn failures(emulator: &Emulator, bucket: &Bucket) -> Vec<Error> {
    let mut errors = Vec::new();
    let hurried = bucket.with(Overrides::new().max_attempts(2).deadline(Duration::from_millis(200)));
    let html = Bytes::from("<html>x");
    for action in [
        Action::status(403, "AccessDenied"),
        Action::status(500, "InternalError"),
        Action::ResetBeforeHeaders,
        Action::StallBeforeHeaders(Duration::from_secs(60)),
        Action::CutBody { at: 1 },
        Action::WrongCrc,
        Action::RawBody { status: 200, headers: vec![], body: html.clone() },
        Action::RawBody {
            status: 301,
            headers: vec![("location".to_owned(), "http://x/".to_owned())],
            body: html.clone(),
        },
        Action::Foreign { status: 407, headers: vec![], body: html },
    ] {
        emulator.clear_script();
        emulator.script(Rule::on(Matcher::any()).always().then(action));
        errors.extend(hurried.put("new", "x").await.err());
        errors.extend(hurried.head("k").await.err());
        errors.extend(hurried.delete("k").await.err());
        errors.extend(hurried.send(ListObjects::new()).await.err());
        match hurried.get("k").await {
            Ok(object) => errors.extend(object.bytes(100).await.err()),
            Err(error) => errors.push(error),
        }
    }
    emulator.clear_script();
    errors.extend(bucket.get("missing").await.err());
    errors.extend(bucket.get("..").await.err());
    errors.extend(bucket.sign(ListObjects::new().prefix("x".repeat(80_000))).await.err());
    errors.extend(bucket.send(ListObjects::new().prefix("x".repeat(80_000))).await.err());
    errors
}

/// The key is in the document.
async fn refusal_of_a_certificate(emulator: &Emulator, bucket: &Bucket, search: &mut Search) {
    search.secret(PRIVATE_KEY);
    let chain = include_str!("../golden/certificate/cdn.pem");
    let key = format!("-----BEGIN PRIVATE KEY-----\n{PRIVATE_KEY}\n-----END PRIVATE KEY-----\n");
    let put = PutBucketDomainCertificate::new(CustomCertificate::pem(chain, key).unwrap(), ["cdn.example.com"]);
    search.show(&put);
    search.show(&put.request().unwrap());
    search.error(&bucket.send(put).await.unwrap_err());
    let sent = emulator.journal().pop().unwrap();
    assert!(sent.operation == "PUT Bucket domaincertificate" && sent.bytes_in > 500, "the key was on the wire");
}

#[tokio::test]
async fn secrets_show_nowhere() {
    let recorder = Recorder::start();
    let emulator = planted().await;
    let mut search = Search::default();
    search.secret(SECRET_KEY);

    // A permanent key, and a temporary one, over sockets.
    let temporary = emulator.mint(Duration::from_secs(3600));
    search.secret(&temporary.secret_key);
    search.secret(&temporary.token);
    let through = |transport| client(&emulator).transport(transport);
    let permanent = through(Transport::Reqwest).build().unwrap();
    let with_token = through(Transport::Hyper).credentials(session(&temporary)).build().unwrap();
    let permanent_by_hyper = through(Transport::Hyper).build().unwrap();
    let with_token_by_reqwest = through(Transport::Reqwest).credentials(session(&temporary)).build().unwrap();
    for client in [&permanent, &with_token, &permanent_by_hyper, &with_token_by_reqwest] {
        let bucket = client.bucket(emulator.bucket()).unwrap();
        bucket.put("k", "hello").await.unwrap();
        bucket.get("k").await.unwrap().bytes(10).await.unwrap();
        bucket.head("k").await.unwrap();
        bucket.list("").try_collect::<Vec<_>>().await.unwrap();
        search.show(client);
        search.show(client.credentials());
        search.show(&client.credentials().current().await.unwrap());
        search.show(&bucket);
        let presigned = bucket.presign_get("k", Duration::from_secs(60)).await.unwrap();
        search.secret(presigned.url.split_once('?').unwrap().1);
        search.secret(presigned.url.rsplit_once("q-signature=").unwrap().1);
        search.show(&presigned);
        search.show(&presigned.headers);
        let signed = bucket.sign(PutObject::new("new".parse().unwrap(), "x")).await.unwrap();
        search.secret(signed.headers()["authorization"].to_str().unwrap());
        search.show(&signed);
        refusal_of_a_certificate(&emulator, &bucket, &mut search).await;
        let errors = failures(&emulator, &bucket).await;
        assert!(errors.len() >= 40, "{}", errors.len());
        for error in &errors {
            search.error(error);
        }
    }

    // Keys that are wrong, over, or unknown. The refusal of a signature quotes what was signed.
    let wrong = Credentials::permanent(emulator.secret_id(), "PLANTEDwrongKEY").unwrap();
    search.secret("PLANTEDwrongKEY");
    let bucket = client(&emulator).credentials(wrong).build().unwrap().bucket(emulator.bucket()).unwrap();
    search.error(&bucket.get("k").await.unwrap_err());
    for answer in [ExpiryAnswer::BadRequest, ExpiryAnswer::RequestHasExpired] {
        emulator.expire(&temporary.secret_id, answer);
        let bucket = with_token.bucket(emulator.bucket()).unwrap();
        search.error(&bucket.get("k").await.unwrap_err());
    }

    // Values of the caller: an encryption key, a header, a parameter.
    search.secret(CUSTOMER_KEY);
    search.secret(CUSTOMER_KEY_BASE64);
    search.secret(HEADER_SECRET);
    search.secret(QUERY_SECRET);
    let key = CustomerKey::new(CUSTOMER_KEY).unwrap();
    let overrides = Overrides::new()
        .header("x-cos-meta-secret", HEADER_SECRET)
        .unwrap()
        .query("secret", QUERY_SECRET)
        .credentials(session(&emulator.mint(Duration::from_secs(600))));
    search.show(&key);
    search.show(&overrides);
    refusal_of_a_signature(&emulator, &mut search).await;
    let bucket = permanent.bucket(emulator.bucket()).unwrap().with(overrides);
    search.show(&bucket);
    let put = PutObject::new("new".parse().unwrap(), "x")
        .encryption(Encryption::Customer(key.clone()))
        .attributes(Attributes::new());
    let get = GetObject::new("new".parse().unwrap()).customer_key(key.clone());
    let head = HeadObject::new("new".parse().unwrap()).customer_key(key);
    search.show(&put);
    search.show(&put.request().unwrap());
    search.show(&get);
    search.show(&get.request().unwrap());
    search.show(&head.request().unwrap());
    let address = Endpoint::default().address(Some(bucket.name()), bucket.region()).unwrap();
    let mut out = get.request().unwrap().into_head(Method::GET, &address).0;
    let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let signing = SigningKey::new(&session(&temporary).into(), now, now + Duration::from_secs(60)).unwrap();
    sign::query(&mut out, &signing, &Host::Own);
    assert!(out.url().contains("x-cos-security-token="));
    // The names of parameters are no secret.
    search.shown += &format!("{out:?}\n{out:#?}\n").replace("\"q-signature\"", "");
    search.error(&bucket.send(get.clone()).await.unwrap_err());
    search.error(&bucket.send(head.clone()).await.unwrap_err());
    search.show(&bucket.send(put).await.unwrap());
    bucket.send(get).await.unwrap();
    bucket.send(head).await.unwrap();
    let sent = emulator.journal().into_iter().filter(|record| {
        record.headers.get("x-cos-server-side-encryption-customer-key").is_some_and(|it| it == CUSTOMER_KEY_BASE64)
    });
    assert!(sent.count() >= 3, "the key was on the wire");
    assert!(emulator.journal().iter().any(|record| record.query.iter().any(|(_, value)| value == QUERY_SECRET)));

    search.secrets_of(&emulator);
    let text = recorder.text();
    // The positive controls: whoever logs is heard, whatever it uses.
    for speaker in ["cos.operation", "attempt answered", "attempt failed", "reqwest"] {
        assert!(text.contains(speaker), "no line of {speaker}");
    }
    assert!(search.secrets.len() > 50, "{}", search.secrets.len());
    search.check(&text);
    assert!(!text.contains("PLANTED") && !search.shown.contains("PLANTED"));
    assert!(!text.contains("q-signature") && !search.shown.contains("q-signature"));

    tracing::trace!(target: "tencent_cos", "and this is caught: {SECRET_KEY}");
    assert_eq!(search.found_in(&recorder.text()), [SECRET_KEY]);
}

/// It quotes what was signed, the caller's own included.
async fn refusal_of_a_signature(emulator: &Emulator, search: &mut Search) {
    let wrong = Credentials::permanent(emulator.secret_id(), "PLANTEDwrongKEY").unwrap();
    let added = Overrides::new().header("x-cos-meta-secret", HEADER_SECRET).unwrap().query("secret", QUERY_SECRET);
    let bucket = client(emulator).credentials(wrong).build().unwrap().bucket(emulator.bucket()).unwrap();
    let error = bucket.with(added).get("k").await.unwrap_err();
    let mismatch = error.signature_mismatch().unwrap();
    assert!(
        mismatch.cos.http_string.contains("secret=(masked") && mismatch.ours.http_string.contains("secret=(masked")
    );
    search.show(&mismatch.ours.http_string);
    search.show(&mismatch.cos.http_string);
    search.error(&error);
}

/// Where a connection is not even made, and over TLS.
#[tokio::test]
async fn secrets_of_connections_show_nowhere() {
    let recorder = Recorder::start();
    let mut search = Search::default();
    search.secret(SECRET_KEY);
    search.secret(PROXY_PASSWORD);
    let emulator =
        Emulator::builder().credentials("AKIDplanted", SECRET_KEY).tls_self_made(true).start().await.unwrap();
    let through = |transport| client(&emulator).transport(transport).allow_http(true).max_attempts(2);
    let at = |transport, url: &str| through(transport).endpoint(Endpoint::custom(url).unwrap());
    let plain = |url: &str| at(Transport::Reqwest, url);
    let proxy = format!("http://user:{PROXY_PASSWORD}@127.0.0.1:1");
    let mut clients: Vec<(&str, Client)> =
        vec![("no proxy", plain("http://cos.example").proxy(&proxy).build().unwrap())];
    for transport in [Transport::Reqwest, Transport::Hyper] {
        let trusting = through(transport).root_certificates(emulator.ca_pem().unwrap());
        clients.push(("fine", trusting.build().unwrap()));
        clients.push(("no trust", through(transport).build().unwrap()));
        clients.push(("refused", at(transport, "http://127.0.0.1:1").build().unwrap()));
        clients.push(("no host", at(transport, "http://nonexistent.invalid").build().unwrap()));
    }
    for (what, client) in &clients {
        search.show(client);
        let bucket = client.bucket(emulator.bucket()).unwrap();
        let presigned = bucket.presign_get("k", Duration::from_secs(60)).await.unwrap();
        search.secret(presigned.url.split_once('?').unwrap().1);
        let outcome = bucket.with(Overrides::new().query("secret", QUERY_SECRET)).put("k", "x").await;
        assert_eq!(outcome.is_ok(), *what == "fine", "{what}: {outcome:?}");
        if let Err(error) = outcome {
            search.error(&error);
        }
    }
    search.secret(QUERY_SECRET);
    search.show(&plain("http://cos.example").proxy(&proxy));
    let refused = plain("http://cos.example").proxy(&format!("ht tp://user:{PROXY_PASSWORD}@x")).build();
    search.error(&refused.unwrap_err());
    // A proxy that takes the password and answers for itself.
    let other = planted().await;
    let url = other.endpoint().replacen("http://", &format!("http://user:{PROXY_PASSWORD}@"), 1);
    let bucket = plain("http://cos.example").proxy(&url).build().unwrap().bucket(emulator.bucket()).unwrap();
    search.error(&bucket.get("k").await.unwrap_err());
    assert!(other.journal().iter().all(|record| record.headers.contains_key("proxy-authorization")));
    search.secrets_of(&emulator);
    search.secrets_of(&other);
    let text = recorder.text();
    assert!(text.contains("reqwest"));
    search.check(&text);
}

/// A peer that answers with what it was sent, as a debugging proxy does: a 404 of nobody, or an unreadable document.
#[derive(Debug)]
struct Echo {
    status: u16,
    request_id: bool,
    told: Arc<Mutex<Vec<String>>>,
}

impl HttpClient for Echo {
    fn execute(
        &self,
        request: http::Request<Payload>,
    ) -> BoxFuture<'_, Result<http::Response<ByteStream>, TransportError>> {
        let mut text = format!("{} {}\r\n", request.method(), request.uri());
        for (name, value) in request.headers() {
            let value = value.to_str().unwrap_or_default();
            let _ = write!(text, "{name}: {value}\r\n");
            if matches!(name.as_str(), "authorization" | "x-cos-security-token") {
                self.told.lock().expect("no panic").push(value.to_owned());
            }
        }
        let mut response = http::Response::builder().status(self.status);
        if self.request_id {
            response = response.header("x-cos-request-id", "NjQ");
        }
        // The head of the request alone, with its secrets within the first words.
        let authorization = text.find("authorization").unwrap_or(0);
        let echoed = Bytes::from(text.split_off(authorization));
        Box::pin(async move { Ok(response.body(ByteStream::from(echoed)).expect("a response")) })
    }
}

#[tokio::test]
async fn an_echo_is_not_repeated() {
    let recorder = Recorder::start();
    let mut search = Search::default();
    let key = SessionCredentials::new(
        "AKIDplanted",
        SECRET_KEY,
        "PLANTEDtoken0123456789",
        std::time::UNIX_EPOCH + Duration::from_secs(4_000_000_000),
    )
    .unwrap();
    search.secret(SECRET_KEY);
    search.secret("PLANTEDtoken0123456789");
    // Over a day and a half of life no key is taken; this one needs none of its own time.
    let key = Credentials::with_token(key.secret_id(), key.secret_key(), key.token()).unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    for (status, request_id) in [(404, false), (200, true), (200, false), (403, true), (503, false)] {
        let transport = Echo { status, request_id, told: Arc::clone(&told) };
        let client = Client::builder()
            .region("ap-guangzhou")
            .credentials(key.clone())
            .http_client(transport)
            .max_attempts(1)
            .failover(false);
        let bucket = client.build().unwrap().bucket("examplebucket-1250000000").unwrap();
        search.error(&bucket.send(ListObjects::new()).await.unwrap_err());
        search.show(&bucket.head("k").await.err());
    }
    let told = told.lock().expect("no panic");
    assert!(told.len() >= 10);
    for value in told.iter() {
        search.secret(value.as_str());
        if let Some((_, signature)) = value.split_once("q-signature=") {
            search.secret(signature);
        }
    }
    search.check(&recorder.text());
    assert!(!search.shown.contains("q-signature"), "{}", line_of(&search.shown, "q-signature"));
}

/// A peer on a socket that answers with what it was sent.
async fn echo() -> (String, Arc<Mutex<Vec<u8>>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let told = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&told);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = vec![0; 8192];
            let length = socket.read(&mut request).await.unwrap_or(0);
            kept.lock().unwrap().extend_from_slice(&request[..length]);
            let message: String = String::from_utf8_lossy(&request[..length]).chars().filter(|c| *c >= ' ').collect();
            let body = serde_json::json!({"Code": "Echo", "Response": {"Error": {"Code": "Echo", "Message": message}}});
            let answer = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{body}");
            let _ = socket.write_all(answer.as_bytes()).await;
            let _ = socket.shutdown().await;
        }
    });
    (url, told)
}

/// What sources of keys know, and what they are told.
#[tokio::test]
async fn secrets_of_sources_show_nowhere() {
    let recorder = Recorder::start();
    let mut search = Search::default();
    let (bearer, query, body, pod_token) =
        ("PLANTEDbearerTOKEN", "PLANTEDqueryTOKEN", "PLANTEDbodyTOKEN", "eyJPLANTED.podTOKEN");
    for secret in [SECRET_KEY, bearer, query, body, pod_token] {
        search.secret(secret);
    }
    let (url, told) = echo().await;
    let home = tempfile::tempdir().unwrap();
    let token_file = home.path().join("token");
    std::fs::write(&token_file, pod_token).unwrap();
    std::fs::create_dir(home.path().join(".tccli")).unwrap();
    let half = format!(r#"{{"secretKey":"{SECRET_KEY}","token":"{bearer}"}}"#);
    std::fs::write(home.path().join(".tccli/default.credential"), half).unwrap();

    let endpoint = EndpointCredentials::new(&format!("{url}/key?session={query}")).unwrap().body(body);
    let endpoint = endpoint.header("Authorization", &format!("Bearer {bearer}")).unwrap();
    let pod = WebIdentityCredentials::new("ap-guangzhou".parse().unwrap(), "p", token_file, "r");
    let variables = EnvironmentCredentials::with_lookup(|name| {
        Some(if name == "TENCENTCLOUD_SECRET_ID" { "AKIDplanted".into() } else { format!("{SECRET_KEY}\n") })
    });
    let by_query = EndpointCredentials::new(&format!("{url}/key?session={query}")).unwrap();
    let sources: Vec<Arc<dyn ProvideCredentials>> = vec![
        Arc::new(endpoint),
        Arc::new(by_query),
        Arc::new(EndpointCredentials::new(&url).unwrap().body(body)),
        Arc::new(pod.endpoint(&url).unwrap()),
        Arc::new(MetadataCredentials::new().base_url(&url).unwrap()),
        Arc::new(ProfileCredentials::with_lookup(|_| None).home(home.path())),
        Arc::new(variables),
    ];
    for source in sources {
        search.show(&source);
        let chain = ChainCredentials::new().then(Arc::clone(&source));
        search.error(&source.provide().await.unwrap_err().into());
        search.error(&chain.provide().await.unwrap_err().into());
        search.show(&Client::builder().credentials(Arc::clone(&source)));
        search.show(&RefreshingCredentials::new(chain));
    }
    let told = String::from_utf8_lossy(&told.lock().unwrap()).into_owned();
    for secret in [bearer, query, body, pod_token] {
        assert!(told.contains(secret), "{secret} was on the wire");
    }
    assert!(search.shown.contains("it repeats the request"));
    let text = recorder.text();
    assert!(text.contains("reqwest"));
    search.check(&text);
    assert!(!text.contains("PLANTED") && !search.shown.contains("PLANTED"));
}

/// What STS is sent, and what it issues; a server that answers with the request; a form for a web page.
#[tokio::test]
async fn secrets_of_sts_show_nowhere() {
    let recorder = Recorder::start();
    let mut search = Search::default();
    let role = cos_emulator::Role::new("uploader");
    let emulator = Emulator::builder().credentials("AKIDplanted", SECRET_KEY).role(role).start().await.unwrap();
    let token = "PLANTEDtoken0123456789";
    for secret in [SECRET_KEY, token] {
        search.secret(secret);
    }
    let (echo, told) = echo().await;
    let at = |url: &str| {
        sts::Client::builder().region("ap-guangzhou").endpoint(sts::Endpoint::custom(url).unwrap()).max_attempts(2)
    };
    let permanent = Credentials::permanent("AKIDplanted", SECRET_KEY).unwrap();
    let wrong = Credentials::with_token("AKIDplanted", SECRET_KEY, token).unwrap();
    let prefix = Resource::prefix(emulator.region(), emulator.bucket(), "a/").unwrap();
    let federation = || GetFederationToken::new("alice", Policy::new().allow_upload(&prefix));
    let role = || AssumeRole::new("qcs::cam::uin/100000000001:roleName/uploader", "nightly");
    for transport in [Transport::Reqwest, Transport::Hyper] {
        let http = || Connections::new().transport(transport).open().unwrap();
        let good = at(&emulator.endpoint()).credentials(permanent.clone()).http_client(http());
        search.show(&good);
        let good = good.build().unwrap();
        for issued in [good.send(federation()).await.unwrap(), good.send(role()).await.unwrap()] {
            search.secret(issued.key.secret_key());
            search.secret(issued.key.token());
            search.show(&issued);
        }
        let provider = good.provider(federation());
        search.show(&good);
        search.show(&provider);
        search.show(&provider.provide().await.unwrap());
        let refused = at(&emulator.endpoint()).credentials(wrong.clone()).http_client(http()).build().unwrap();
        let echoed = at(&echo).credentials(wrong.clone()).http_client(http()).build().unwrap();
        let nobody = at("http://127.0.0.1:1").credentials(wrong.clone()).http_client(http()).build().unwrap();
        for sts in [&refused, &echoed, &nobody] {
            search.error(&sts.send(role()).await.unwrap_err());
            search.error(&sts.provider(role()).provide().await.unwrap_err().into());
        }
        // A form is given away with its secrets, but not printed.
        let keys = good.send(federation()).await.unwrap().key;
        let client = client(&emulator).transport(transport).credentials(keys.clone()).build().unwrap();
        let bucket = client.bucket(emulator.bucket()).unwrap();
        let form = bucket.post_form(PostPolicy::prefix("a/").unwrap(), Duration::from_secs(60)).await.unwrap();
        for (name, value) in &form.fields {
            if matches!(name.as_str(), "q-signature" | "x-cos-security-token") {
                search.secret(value.as_str());
            }
        }
        search.show(&form);
    }
    let told = String::from_utf8_lossy(&told.lock().unwrap()).into_owned();
    assert!(told.contains(token), "the token was on the wire");
    let sent = emulator.journal().into_iter().map(|record| record.headers["authorization"].clone());
    let sent: Vec<_> = sent.map(|value| value.to_str().unwrap().to_owned()).collect();
    let echoed = told.lines().filter_map(|line| line.split_once("TC3-HMAC-SHA256")).map(|(_, rest)| rest.trim());
    for value in sent.iter().map(String::as_str).chain(echoed) {
        search.secret(value);
        search.secret(value.split_once("Signature=").unwrap().1);
    }
    assert!(search.shown.contains("it repeats the request"));
    let message = sts::tc3::Message { method: "POST", query: "", headers: &[("host", "h")], body: b"{}" };
    let stages = sts::tc3::sign(&wrong, "sts", std::time::UNIX_EPOCH, &message).unwrap();
    search.secret(stages.signature.as_str());
    search.show(&stages);
    assert!(search.secrets.len() > 20, "{}", search.secrets.len());
    search.check(&recorder.text());
}

/// Values of this crate that hold keys.
#[tokio::test]
async fn keys_have_no_debug() {
    let mut search = Search::default();
    let token = "PLANTEDtoken0123456789";
    let end = std::time::UNIX_EPOCH + Duration::from_secs(4_000_000_000);
    for secret in [SECRET_KEY, token] {
        search.secret(secret);
    }
    let session = SessionCredentials::new("AKIDexampleFAKE0001", SECRET_KEY, token, end).unwrap();
    let credentials = Credentials::from(session.clone());
    search.show(&session);
    search.show(&credentials);
    search.show(&credentials.provide().await.unwrap());
    let key = SigningKey::for_key_time(&credentials, 1_700_000_000, 1_700_003_600).unwrap();
    search.show(&key);
    let stages = key.stages("get", "/k", &[], &[("host", "h"), ("x-cos-security-token", token)]);
    search.secret(stages.signature.as_str());
    search.secret(stages.authorization.as_str());
    search.show(&stages);
    search.show(&Client::builder().credentials(credentials));
    // The documents of STS, cut anywhere.
    let json = format!(
        r#"{{"Response":{{"Credentials":{{"TmpSecretId":"AKIDplanted","TmpSecretKey":"{SECRET_KEY}","Token":"{token}"}},"ExpiredTime":"soon"}}}}"#
    );
    for length in 0..=json.len() {
        search.error(&SessionCredentials::from_json(&json.as_bytes()[..length]).unwrap_err());
    }
    search.check("");
    assert!(search.shown.contains("AKID…0001"), "the ends of the id tell which key it is");
}
