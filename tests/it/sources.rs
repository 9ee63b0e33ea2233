//! Where keys come from: each source of the standard chain, failing in each way it can.

use std::collections::VecDeque;
use std::error::Error as _;
use std::fmt::Write as _;
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use cos_emulator::{Emulator, Role};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tempfile::TempDir;
use tencent_cos::client::Connections;
use tencent_cos::client::provider::{
    BoxFuture, ChainCredentials, CredentialError, CredentialErrorKind, EndpointCredentials, MetadataCredentials,
    ProvideCredentials, RefreshingCredentials, WebIdentityCredentials, from_fn,
};
use tencent_cos::{
    ByteStream, Client, ClientBuilder, Clock, ErrorKind, HttpClient, Payload, Phase, SessionCredentials, TransportError,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::support::{InMemory, ServiceTransport, TestClock, emulator, session};

const METADATA: &str = "metadata.tencentyun.com";
const STS: &str = "sts.tencentcloudapi.com";
const ROLES: &str = "/latest/meta-data/cam/security-credentials/";
const WEB_ROLE: &str = "metadata.tencentyun.com/latest/meta-data/cam/security-credentials/web";
const POD_TOKEN: &str = "eyJPLANTED.pod-token.0123456789abcdef";

/// What a peer does with one request.
#[derive(Clone, Debug)]
enum Reply {
    Lost(Phase),
    Hangs,
    Status(u16, Vec<(&'static str, String)>, Bytes),
}

use Reply::{Hangs, Lost, Status};

fn ok(body: impl Into<Bytes>) -> Reply {
    Status(200, Vec::new(), body.into())
}

fn status(status: u16) -> Reply {
    Status(status, Vec::new(), "PLANTED page".into())
}

struct Seen {
    host: String,
    path: String,
    method: http::Method,
    headers: http::HeaderMap,
    body: Bytes,
}

type Script = (&'static str, VecDeque<Reply>);

/// The network without a socket: each host, or path of a host, answers by its list, and goes on with the last.
#[derive(Clone, Default)]
struct Net {
    replies: Arc<Mutex<Vec<Script>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl std::fmt::Debug for Net {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Net")
    }
}

impl Net {
    fn on(self, host: &'static str, replies: impl IntoIterator<Item = Reply>) -> Self {
        self.replies.lock().unwrap().push((host, replies.into_iter().collect()));
        self
    }

    fn hosts(&self) -> Vec<String> {
        self.seen.lock().unwrap().iter().map(|seen| seen.host.clone()).collect()
    }

    fn reply(&self, host: &str, path: &str) -> Reply {
        let mut replies = self.replies.lock().unwrap();
        let is_for = |target: &str| target == host || target.strip_prefix(host) == Some(path);
        let Some((_, replies)) = replies.iter_mut().find(|(target, _)| is_for(target)) else {
            return Lost(Phase::Dns);
        };
        if replies.len() > 1 { replies.pop_front().unwrap() } else { replies[0].clone() }
    }
}

impl HttpClient for Net {
    fn execute(
        &self,
        request: http::Request<Payload>,
    ) -> BoxFuture<'_, Result<http::Response<ByteStream>, TransportError>> {
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let host = head.uri.host().unwrap().to_owned();
            let authority = head.uri.authority().unwrap().as_str();
            assert_eq!(head.headers["host"], authority);
            let body = body.collect().await.expect("a body").to_bytes();
            let length = head.headers.get("content-length").map_or("0", |length| length.to_str().unwrap());
            assert_eq!(length, body.len().to_string());
            let path = head.uri.path_and_query().unwrap().to_string();
            let reply = self.reply(&host, &path);
            let seen = Seen { host, path, method: head.method, headers: head.headers, body };
            self.seen.lock().unwrap().push(seen);
            match reply {
                Lost(phase) => Err(TransportError::new(phase, "as scripted")),
                Hangs => std::future::pending().await,
                Status(status, headers, body) => {
                    let mut response = http::Response::builder().status(status);
                    for (name, value) in headers {
                        response = response.header(name, value);
                    }
                    Ok(response.body(ByteStream::from(body)).unwrap())
                }
            }
        })
    }
}

/// A machine: its environment, its files, its network, its clock.
struct Machine {
    home: TempDir,
    variables: Vec<(&'static str, String)>,
    net: Net,
    clock: Arc<TestClock>,
}

impl Machine {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let name = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
        let variables = vec![(name, home.path().to_str().unwrap().to_owned())];
        Self { home, variables, net: Net::default(), clock: Arc::new(TestClock::new()) }
    }

    fn set(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.variables.push((name, value.into()));
        self
    }

    fn file(self, name: &str, text: &str) -> Self {
        let path = self.home.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    fn on(mut self, host: &'static str, replies: impl IntoIterator<Item = Reply>) -> Self {
        self.net = self.net.on(host, replies);
        self
    }

    fn pod(self) -> Self {
        let token = self.home.path().join("token").to_str().unwrap().to_owned();
        self.file("token", &format!("{POD_TOKEN}\n"))
            .set("TKE_REGION", "ap-guangzhou")
            .set("TKE_PROVIDER_ID", "cls-example")
            .set("TKE_WEB_IDENTITY_TOKEN_FILE", token)
            .set("TKE_ROLE_ARN", "qcs::cam::uin/100000000001:roleName/pod")
    }

    fn chain(&self) -> ChainCredentials {
        let variables = self.variables.clone();
        let find = move |name: &str| Some(variables.iter().rev().find(|(known, _)| *known == name)?.1.clone());
        ChainCredentials::standard_with(find, self.net.clone())
    }

    fn keys(&self) -> RefreshingCredentials {
        RefreshingCredentials::new(self.chain()).with_clock(Arc::<TestClock>::clone(&self.clock))
    }
}

fn unix(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Half an hour from the start of every test clock.
fn alive() -> u64 {
    unix(TestClock::new().true_time()) + 1800
}

fn of_sts(id: &str, token: &str, end: u64) -> Reply {
    ok(format!(
        r#"{{"Response":{{"Credentials":{{"Token":"{token}","TmpSecretId":"{id}","TmpSecretKey":"PLANTEDkey"}},"ExpiredTime":{end},"RequestId":"r-1"}}}}"#
    ))
}

fn refusal(code: &str, message: &str) -> Reply {
    ok(format!(r#"{{"Response":{{"Error":{{"Code":"{code}","Message":"{message}"}},"RequestId":"r-1"}}}}"#))
}

fn of_metadata(id: &str, token: &str, end: u64) -> Reply {
    ok(format!(
        r#"{{"TmpSecretId":"{id}","TmpSecretKey":"PLANTEDkey","ExpiredTime":{end},"Expiration":"x","Token":"{token}","Code":"Success"}}"#
    ))
}

fn tccli(id: &str, token: &str, end: u64) -> String {
    format!(r#"{{"secretId":"{id}","secretKey":"PLANTEDkey","token":"{token}","expiresAt":{end}}}"#)
}

const TCCLI: &str = ".tccli/default.credential";

#[tokio::test(start_paused = true)]
async fn the_first_source_that_is_set_up_gives_the_key_and_the_others_are_left_alone() {
    let instance = || Machine::new().on(METADATA, [ok("\nweb\nother\n"), of_metadata("AKIDinstance", "t", alive())]);
    let pod = || instance().pod().on(STS, [of_sts("AKIDpod", "t", alive())]);
    let profile = || pod().file(TCCLI, &tccli("AKIDprofile", "t", alive()));
    let variables = || profile().set("TENCENTCLOUD_SECRET_ID", "AKIDvariables").set("TENCENTCLOUD_SECRET_KEY", "k");
    for (machine, id, asked) in [
        (variables(), "AKIDvariables", vec![]),
        (profile(), "AKIDprofile", vec![]),
        (pod(), "AKIDpod", vec![STS]),
        (instance(), "AKIDinstance", vec![METADATA, METADATA]),
    ] {
        let keys = machine.keys();
        assert_eq!(keys.current().await.unwrap().credentials().secret_id(), id);
        assert_eq!(machine.net.hosts(), asked, "{id}");
    }
    let machine = instance();
    machine.keys().current().await.unwrap();
    let seen = machine.net.seen.lock().unwrap();
    let paths: Vec<_> = seen.iter().map(|seen| seen.path.clone()).collect();
    assert_eq!(paths, [ROLES.to_owned(), format!("{ROLES}web")]);
}

#[tokio::test(start_paused = true)]
async fn sts_is_asked_as_its_reference_says_with_the_token_of_the_moment() {
    let machine = Machine::new().pod().on(STS, [of_sts("AKIDpod", "t", alive())]);
    let chain = machine.chain();
    chain.provide().await.unwrap();
    let machine = machine.file("token", "rotated\r\n");
    chain.provide().await.unwrap();

    let seen = machine.net.seen.lock().unwrap();
    for (seen, token) in seen.iter().zip([POD_TOKEN, "rotated"]) {
        assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", "/"));
        for (name, value) in [
            ("authorization", "SKIP"),
            ("x-tc-action", "AssumeRoleWithWebIdentity"),
            ("x-tc-version", "2018-08-13"),
            ("x-tc-region", "ap-guangzhou"),
            ("content-type", "application/json"),
        ] {
            assert_eq!(seen.headers[name], value);
        }
        let now = unix(TestClock::new().true_time());
        assert!(seen.headers["x-tc-timestamp"].to_str().unwrap().parse::<u64>().unwrap() > now);
        let body: Value = serde_json::from_slice(&seen.body).unwrap();
        assert_eq!(body["WebIdentityToken"], token);
        assert_eq!((&body["ProviderId"], &body["DurationSeconds"]), (&"cls-example".into(), &7200.into()));
        assert_eq!(body["RoleArn"], "qcs::cam::uin/100000000001:roleName/pod");
        assert!(body["RoleSessionName"].as_str().unwrap().starts_with("tencent-cos-rust-"));
        assert_eq!(body.as_object().unwrap().len(), 5);
    }
    assert_eq!(seen.len(), 2);
}

/// Each source fails in each way it can, the ones before it being absent.
fn failures() -> Vec<(&'static str, Machine, CredentialErrorKind, &'static str, &'static str)> {
    use CredentialErrorKind::{NotConfigured, Rejected, Transient, Unusable};
    let (over, injected) = (alive() - 1801, r"PLANTED\r\nx-injected: 1");
    let long = Bytes::from(vec![b' '; 10 << 20]);
    let moved = || Status(302, vec![("location", format!("http://{STS}/"))], Bytes::new());
    let variables = |token: &str| {
        let machine = Machine::new().set("TENCENTCLOUD_SECRET_ID", "AKIDx").set("TENCENTCLOUD_SECRET_KEY", "PLANTED");
        machine.set("TENCENTCLOUD_TOKEN", token)
    };
    let profile = |text: &str| Machine::new().file(TCCLI, text);
    let pod = |reply: Reply| Machine::new().pod().on(STS, [reply]);
    let role = |reply: Reply| Machine::new().on(WEB_ROLE, [reply]).on(METADATA, [ok("web")]);
    let roles = |reply: Reply| Machine::new().on(METADATA, [reply]);
    let (env, file, tke, cvm) = ("the environment", "the profile", "the web identity", "instance metadata");
    vec![
        (
            "half",
            Machine::new().set("TENCENTCLOUD_SECRET_ID", "AKIDx"),
            Rejected,
            env,
            "TENCENTCLOUD_SECRET_KEY is not",
        ),
        (
            "CR LF",
            variables("PLANTED\r\nx"),
            Rejected,
            env,
            "the value of TENCENTCLOUD_TOKEN cannot be a part of a key",
        ),
        ("garbage", profile("PLANTED"), Rejected, file, "no JSON of tccli"),
        ("a folder", profile("x").file(".tencentcloud/credentials/x", ""), Transient, file, "is not a regular file"),
        ("over", profile(&tccli("AKIDx", "t", over)), Unusable, file, "returned a key that is over"),
        ("CR LF", profile(&tccli("AKIDx", injected, alive())), Rejected, file, "token: holds a blank, a line break"),
        ("half", pod(Hangs).set("TKE_ROLE_ARN", ""), Rejected, tke, "TKE_ROLE_ARN is not set"),
        ("no token", pod(Hangs).set("TKE_WEB_IDENTITY_TOKEN_FILE", "/absent"), Transient, tke, "no such file"),
        ("CR LF", pod(Hangs).file("token", "PLANTED\r\nx"), Rejected, tke, "holds a blank, a line break"),
        ("no name", pod(Lost(Phase::Dns)), Transient, tke, "sts.tencentcloudapi.com: resolving the host failed"),
        ("no TLS", pod(Lost(Phase::Tls)), Rejected, tke, "the TLS handshake failed"),
        ("slow", pod(Hangs), Transient, tke, "no answer within 3 s"),
        ("500", pod(status(500)), Transient, tke, "answered 500 Internal Server Error"),
        ("moved", pod(moved()), Transient, tke, "answered 302 Found: redirects are not followed"),
        ("garbage", pod(ok("PLANTED <html>")), Transient, tke, "answered with no key"),
        ("10 MiB", pod(ok(long.clone())), Transient, tke, "longer than 262144 bytes"),
        ("refused", pod(refusal("AuthFailure", "no")), Rejected, tke, "answered AuthFailure: no (request id r-1)"),
        ("busy", pod(refusal("InternalError.DbError", "x")), Transient, tke, "answered InternalError.DbError: x"),
        ("echo", pod(refusal("InvalidParameter", POD_TOKEN)), Rejected, tke, "InvalidParameter: (it repeats the"),
        ("over", pod(of_sts("AKIDx", "t", over)), Unusable, tke, "returned a key that is over"),
        ("9999", pod(of_sts("AKIDx", "t", 253_402_300_799)), Unusable, tke, "ends in more than 36 hours"),
        ("CR LF", pod(of_sts("AKIDx", injected, alive())), Transient, tke, "token: holds a blank, a line break"),
        ("empty", pod(of_sts("", "PLANTED", alive())), Transient, tke, "secret_id: is empty"),
        ("absent", Machine::new(), NotConfigured, cvm, "metadata.tencentyun.com: resolving the host failed"),
        ("absent", roles(Lost(Phase::Connect)), NotConfigured, cvm, "connecting failed"),
        ("no role", roles(status(404)), NotConfigured, cvm, "no role is bound to this instance"),
        ("no role", roles(ok("\n\n")), NotConfigured, cvm, "no role is bound to this instance"),
        ("slow", roles(Hangs), Transient, cvm, "no answer within 1 s"),
        ("cut", roles(Lost(Phase::ReadBody)), Transient, cvm, "reading the answer failed"),
        ("500", roles(status(500)), Transient, cvm, "answered 500"),
        ("moved", roles(moved()), Transient, cvm, "answered 302 Found: redirects are not followed"),
        ("portal", roles(ok("<html>PLANTED</html>")), Transient, cvm, "answered with no name of a role"),
        ("a path", roles(ok("..")), Transient, cvm, "answered with no name of a role"),
        ("10 MiB", roles(ok(long.clone())), Transient, cvm, "longer than 65536 bytes"),
        ("slow", role(Hangs), Transient, cvm, "no answer within 1 s"),
        ("500", role(status(503)), Transient, cvm, "answered 503"),
        ("refused", role(status(403)), Rejected, cvm, "answered 403"),
        ("portal", role(ok("<html>PLANTED</html>")), Transient, cvm, "answered with no key of a role"),
        ("failed", role(ok(r#"{"Code":"Failed","TmpSecretKey":"PLANTED"}"#)), Transient, cvm, "answered Failed"),
        ("no code", role(of_sts("AKIDx", "PLANTED", alive())), Transient, cvm, "answered with no key of a role"),
        ("gone", role(Lost(Phase::Connect)), Transient, cvm, "connecting failed"),
        ("10 MiB", role(ok(long)), Transient, cvm, "longer than 65536 bytes"),
        ("over", role(of_metadata("AKIDx", "t", over)), Unusable, cvm, "returned a key that is over"),
        ("1970", role(of_metadata("AKIDx", "t", 1)), Unusable, cvm, "returned a key that is over"),
        ("CR LF", role(of_metadata("AKIDx", injected, alive())), Transient, cvm, "token: holds a blank, a line break"),
        ("empty", role(of_metadata("AKIDx", "", alive())), Transient, cvm, "token: is empty"),
    ]
}

#[tokio::test(start_paused = true)]
async fn every_source_that_fails_is_named_with_its_reason_within_15_s() {
    for (what, machine, kind, source, reason) in failures() {
        let what = format!("{source}, {what}");
        let keys = machine.keys();
        let start = Instant::now();
        let error = keys.current().await.expect_err(&what);
        let told = error.to_string();
        assert!(start.elapsed() <= Duration::from_secs(15), "{what}: {:?}", start.elapsed());
        assert!(told.contains(source) && told.contains(reason), "{what}: {told}");
        assert_eq!(error.kind(), kind, "{what}: {told}");
        // Whoever was asked before is named as well, unless the key was of no use.
        let all = ["the environment", "the profile", "the web identity", "instance metadata"];
        let before = all.iter().take_while(|name| **name != source);
        assert!(kind == CredentialErrorKind::Unusable || before.clone().all(|name| told.contains(name)), "{told}");
        let mut shown = format!("{error:?} {keys:?}");
        let mut cause = error.source();
        while let Some(error) = cause {
            write!(shown, "{error} {error:?}").unwrap();
            cause = error.source();
        }
        assert!(!told.contains("PLANTED") && !shown.contains("PLANTED"), "{what}: {told} {shown}");
        assert!(!told.contains(['\r', '\n']), "{what}: {told:?}");
        // A redirect leads nowhere.
        if source == "instance metadata" {
            assert!(machine.net.hosts().iter().all(|host| host == METADATA), "{what}");
        }
    }
}

/// The same through a client: no request is sent, and the error says why.
#[tokio::test(start_paused = true)]
async fn without_a_key_no_request_is_sent() {
    let rig = InMemory::new();
    let machine = Machine::new();
    let bucket = rig.bucket_of(rig.client().credentials(machine.chain()));
    let error = bucket.get("k").await.unwrap_err();
    assert_eq!((error.kind(), error.attempts(), error.is_retryable()), (ErrorKind::Credentials, 0, false));
    let reasons = error.source().unwrap().to_string();
    for reason in [
        "the environment: TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY are not set; the profile: no file",
        "; the web identity: TKE_PROVIDER_ID, TKE_WEB_IDENTITY_TOKEN_FILE and TKE_ROLE_ARN are not set; ",
        "; instance metadata: metadata.tencentyun.com: resolving the host failed",
    ] {
        assert!(reasons.contains(reason), "{reasons}");
    }
    assert!(rig.emulator.journal().is_empty());
}

#[tokio::test(start_paused = true)]
async fn instance_metadata_is_asked_twice_for_a_second_each() {
    let machine = Machine::new().on(METADATA, [Hangs, ok("web"), status(500), of_metadata("AKIDx", "t", alive())]);
    let start = Instant::now();
    let source = MetadataCredentials::new().http_client(machine.net.clone());
    assert_eq!(source.provide().await.unwrap().secret_id(), "AKIDx");
    assert_eq!((start.elapsed().as_millis() / 10, machine.net.hosts().len()), (100, 4));
    let source = source.role("named").unwrap();
    source.provide().await.unwrap();
    assert_eq!(machine.net.seen.lock().unwrap().last().unwrap().path, format!("{ROLES}named"));
    for bad in ["", "a/b", "..", "a b", "a\r\nb"] {
        assert_eq!(source.clone().role(bad).unwrap_err().field(), Some("role"), "{bad:?}");
    }
}

/// A chain that found its source does not leave it for another while that one is away.
#[tokio::test(start_paused = true)]
async fn a_source_that_goes_away_is_waited_for() {
    let (first, second) = (of_metadata("AKIDa", "t", alive()), of_metadata("AKIDb", "t", alive() + 1800));
    let away = [Lost(Phase::Connect), Lost(Phase::Connect)];
    let replies = [ok("web"), first].into_iter().chain(away).chain([ok("web"), second]);
    let machine = Machine::new().on(METADATA, replies);
    let keys = machine.keys();
    assert_eq!(keys.current().await.unwrap().generation(), 1);
    tokio::time::advance(Duration::from_secs(1801)).await;
    // Within the same wait the source is asked again, for it was there.
    let snapshot = keys.current().await.unwrap();
    assert_eq!((snapshot.generation(), snapshot.credentials().secret_id()), (2, "AKIDb"));
}

/// An instance with a role, and then a pod in it whose token is rotated: with the emulator's metadata and STS.
#[tokio::test(start_paused = true)]
async fn an_instance_and_a_pod_work_with_the_keys_of_their_roles() {
    let clock = Arc::new(TestClock::new());
    let server_clock = Arc::clone(&clock);
    let emulator = Emulator::builder()
        .strict_signature(true)
        .clock(Arc::new(move || server_clock.true_time()))
        .role(Role::new("web"))
        .role(Role::new("pod"))
        .instance_role("web")
        .web_identity("cls-example", POD_TOKEN, "pod")
        .in_memory()
        .unwrap();
    let bucket = |machine: &Machine| {
        let variables = machine.variables.clone();
        let find = move |name: &str| Some(variables.iter().rev().find(|(known, _)| *known == name)?.1.clone());
        Client::builder()
            .region(emulator.region())
            .clock(Arc::<TestClock>::clone(&clock))
            .credentials(ChainCredentials::standard_with(find, ServiceTransport(emulator.service())))
            .http_client(ServiceTransport(emulator.service()))
            .build()
            .and_then(|client| client.bucket(emulator.bucket()))
            .unwrap()
    };
    let asked = || ["Instance metadata", "AssumeRoleWithWebIdentity"].map(|name| emulator.count(name));
    let instance = bucket(&Machine::new());
    instance.put("of the instance", "x").await.unwrap();
    assert_eq!(asked(), [2, 0]);

    let arn = Role::new("pod").arn();
    let machine = Machine::new().pod().set("TKE_ROLE_ARN", arn);
    let pod = bucket(&machine);
    pod.put("of the pod", "x").await.unwrap();
    assert!(emulator.distrust_web_identity(POD_TOKEN));
    emulator.trust_web_identity("cls-example", "eyJrotated.token", "pod");
    let _machine = machine.file("token", "eyJrotated.token\n");
    tokio::time::advance(Duration::from_secs(7200)).await;
    for bucket in [instance, pod] {
        bucket.get("of the pod").await.unwrap();
    }
    assert_eq!(asked(), [4, 2]);
    assert!(emulator.journal().iter().all(|record| record.status == Some(200)));
}

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

/// A peer on a socket that reads a request's head and answers with these bytes, or never.
async fn peer(answer: Option<Vec<u8>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let _ = socket.read(&mut [0; 4096]).await;
                let Some(answer) = answer else { return std::future::pending().await };
                let _ = socket.write_all(&answer).await;
                let _ = socket.shutdown().await;
            });
        }
    });
    url
}

/// Over real sockets, by the transport that comes with the source.
#[tokio::test]
async fn sources_keep_to_their_limits_on_sockets() {
    let elsewhere = peer(Some(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nweb".to_vec())).await;
    let moved = format!("HTTP/1.1 302 Found\r\nlocation: {elsewhere}\r\ncontent-length: 0\r\n\r\n").into_bytes();
    let mut long = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..200 {
        long.extend_from_slice(&[b"1000\r\n".as_slice(), &[b'x'; 0x1000], b"\r\n"].concat());
    }
    let zipped = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\n\x1f\x8b\x08".to_vec();
    let (closed, role) = ("http://127.0.0.1:1".to_owned(), "answered with no name of a role");
    for (url, kind, told) in [
        (peer(None).await, CredentialErrorKind::Transient, "127.0.0.1: no answer within 1 s"),
        (peer(Some(b"SSH-2.0-OpenSSH\r\n".to_vec())).await, CredentialErrorKind::Transient, "127.0.0.1: "),
        (peer(Some(moved)).await, CredentialErrorKind::Transient, "answered 302 Found"),
        (peer(Some(long)).await, CredentialErrorKind::Transient, "longer than 65536 bytes"),
        (peer(Some(zipped)).await, CredentialErrorKind::Transient, role),
        (closed, CredentialErrorKind::NotConfigured, "127.0.0.1: connecting failed"),
    ] {
        let source = MetadataCredentials::new().base_url(&url).unwrap();
        let start = Instant::now();
        let error = source.provide().await.unwrap_err();
        assert!(error.kind() == kind && error.to_string().contains(told), "{error}, not {told}");
        assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    }
    let body = r#"{"TmpSecretId":"i","TmpSecretKey":"k","Token":"t","ExpiredTime":4000000000}"#;
    let answer = format!("HTTP/1.1 200 OK\r\ndate: Tue, 14 Nov 2023 22:13:20 GMT\r\n\r\n{body}");
    let source = EndpointCredentials::new(&peer(Some(answer.into_bytes())).await).unwrap();
    assert_eq!(source.provide().await.unwrap().token(), Some("t"));
    let token = tempfile::NamedTempFile::new().unwrap();
    fs::write(token.path(), "pod").unwrap();
    let answer =
        b"HTTP/1.1 200 OK\r\n\r\n{\"Response\":{\"Error\":{\"Code\":\"InvalidParameter.WebIdentityTokenError\"}}}";
    let source = WebIdentityCredentials::new("ap-guangzhou".parse().unwrap(), "p", "r", token.path());
    let error = source.endpoint(&peer(Some(answer.to_vec())).await).unwrap().provide().await.unwrap_err();
    assert!(error.to_string().contains("answered InvalidParameter.WebIdentityTokenError"), "{error}");
}

/// Runs itself in a process whose environment names a proxy: a source goes past it, who asks for it goes there.
#[tokio::test]
async fn sources_use_no_proxy() {
    const WHERE: &str = "COS_TEST_SOURCE_OF_KEYS";
    const BY_PROXY: &str = "COS_TEST_BY_PROXY";
    if let Ok(url) = std::env::var(WHERE) {
        let source = EndpointCredentials::new(&url).unwrap();
        if std::env::var_os(BY_PROXY).is_none() {
            MetadataCredentials::new().base_url(&url).unwrap().role("web").unwrap().provide().await.unwrap();
            source.provide().await.unwrap();
            return;
        }
        let proxied = Connections::new().system_proxy(true).open().unwrap();
        source.http_client(proxied).provide().await.unwrap_err();
        return;
    }
    let Status(.., key) = of_metadata("AKIDx", "t", 4_000_000_000) else { unreachable!() };
    let url = peer(Some([b"HTTP/1.1 200 OK\r\n\r\n".as_slice(), &key].concat())).await;
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy_url = format!("http://{}", proxy.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        while proxy.accept().await.is_ok() {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    for (by_proxy, expected) in [(false, 0), (true, 1)] {
        let mut child = tokio::process::Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "sources::sources_use_no_proxy"]).env(WHERE, &url);
        for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
            child.env(name, &proxy_url);
        }
        for name in ["no_proxy", "NO_PROXY", "REQUEST_METHOD"] {
            child.env_remove(name);
        }
        if by_proxy {
            child.env(BY_PROXY, "1");
        }
        let output = child.output().await.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        assert_eq!(connections.load(Ordering::Relaxed), expected);
    }
}

#[tokio::test]
async fn a_client_is_made_of_the_environment() {
    let emulator = emulator().await;
    let variables = [
        ("TENCENTCLOUD_SECRET_ID", emulator.secret_id().to_owned()),
        ("TENCENTCLOUD_SECRET_KEY", emulator.secret_key().to_owned()),
        ("COS_ENDPOINT", emulator.endpoint()),
        ("TENCENTCLOUD_REGION", emulator.region().to_owned()),
        ("TKE_REGION", "ap-nowhere".to_owned()),
    ];
    let from = |extra: &[(&'static str, &str)]| {
        let extra = extra.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let all: Vec<_> = extra.chain(variables.clone()).collect();
        ClientBuilder::from_lookup(move |name| Some(all.iter().find(|(known, _)| *known == name)?.1.clone()))
    };
    let bucket = from(&[]).build().unwrap().bucket(emulator.bucket()).unwrap();
    bucket.put("k", "x").await.unwrap();
    assert_eq!(bucket.region().as_str(), emulator.region());
    let region = |extra: &[_]| from(extra).build().unwrap().bucket("b-1").unwrap().region().to_string();
    assert_eq!(region(&[("COS_REGION", "ap-first")]), "ap-first");
    assert_eq!(region(&[("COS_REGION", ""), ("TENCENTCLOUD_REGION", "")]), "ap-nowhere");
    assert_eq!(from(&[("COS_REGION", "no region")]).build().unwrap_err().field(), Some("region"));
    assert_eq!(from(&[("COS_ENDPOINT", "nowhere")]).build().unwrap_err().field(), Some("endpoint"));
    // What is said later counts, and nothing at all is a client that finds no key.
    let nobody = from_fn(|| async { Err::<SessionCredentials, _>(CredentialError::rejected("nobody")) });
    let client = from(&[]).credentials(nobody).build().unwrap();
    assert!(client.bucket(emulator.bucket()).unwrap().head("k").await.is_err());
    let bare = ClientBuilder::from_lookup(|_| None).build().unwrap();
    assert_eq!(bare.bucket("b-1").unwrap_err().field(), Some("region"));
    let _: fn() -> tencent_cos::Result<Client> = Client::from_env;
}

/// A clock of a source's own, for the time of its request.
#[tokio::test(start_paused = true)]
async fn the_time_of_a_request_to_sts_comes_from_outside() {
    let machine = Machine::new().pod().on(STS, [of_sts("AKIDpod", "t", alive())]);
    let variables = machine.variables.clone();
    let find = move |name: &str| Some(variables.iter().find(|(known, _)| *known == name)?.1.clone());
    let clock: Arc<dyn Clock> = Arc::<TestClock>::clone(&machine.clock);
    let source = WebIdentityCredentials::with_lookup(find).http_client(machine.net.clone()).clock(clock);
    let source = source.session_name("nightly@pod").and_then(|source| source.duration(Duration::from_secs(900)));
    let source = source.unwrap();
    let _: Result<_, CredentialError> = source.provide().await;
    let seen = machine.net.seen.lock().unwrap();
    assert_eq!(seen[0].headers["x-tc-timestamp"], unix(machine.clock.true_time()).to_string());
    let body: Value = serde_json::from_slice(&seen[0].body).unwrap();
    assert_eq!((&body["RoleSessionName"], &body["DurationSeconds"]), (&"nightly@pod".into(), &900.into()));
    for (error, field) in [
        (source.clone().session_name("x").unwrap_err(), "session_name"),
        (source.clone().duration(Duration::from_secs(43_201)).unwrap_err(), "duration"),
        (source.clone().duration(Duration::ZERO).unwrap_err(), "duration"),
        (source.clone().endpoint("http://sts.example.com").unwrap_err(), "url"),
    ] {
        assert_eq!(error.field(), Some(field));
    }
}
