//! Where keys come from: each source of the standard chain, failing in each way it can.

mod issuer;
mod machine;
mod sockets;

use std::error::Error as _;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cos_emulator::{Emulator, Role};
use serde_json::Value;
use tencent_cos::client::provider::{
    ChainCredentials, CredentialError, CredentialErrorKind, MetadataCredentials, ProvideCredentials,
    WebIdentityCredentials, from_fn,
};
use tencent_cos::{Client, ClientBuilder, Clock, Endpoint, ErrorKind, Phase, SessionCredentials};
use tokio::time::Instant;

use self::machine::Reply::{Hangs, Lost, NoFiles, Status};
use self::machine::{
    METADATA, Machine, POD_TOKEN, ROLES, Reply, STS, TCCLI, WEB_ROLE, alive, of_metadata, of_sts, ok, refusal, status,
    tccli, unix,
};
use crate::support::{InMemory, ServiceTransport, TestClock, emulator};

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
        (
            "refused",
            pod(refusal("AuthFailure", "no")),
            Rejected,
            tke,
            "STS answered 200 AuthFailure: no (request id r-1)",
        ),
        ("busy", pod(refusal("InternalError.DbError", "x")), Transient, tke, "answered 200 InternalError.DbError: x"),
        ("echo", pod(refusal("InvalidParameter", POD_TOKEN)), Rejected, tke, "InvalidParameter: (it repeats the"),
        ("over", pod(of_sts("AKIDx", "t", over)), Unusable, tke, "returned a key that is over"),
        ("9999", pod(of_sts("AKIDx", "t", 253_402_300_799)), Unusable, tke, "ends in more than 36 hours"),
        ("CR LF", pod(of_sts("AKIDx", injected, alive())), Transient, tke, "token: holds a blank, a line break"),
        ("empty", pod(of_sts("", "PLANTED", alive())), Transient, tke, "secret_id: is missing or empty"),
        ("absent", Machine::new(), NotConfigured, cvm, "metadata.tencentyun.com: resolving the host failed"),
        ("absent", roles(Lost(Phase::Connect)), NotConfigured, cvm, "connecting failed"),
        ("no files", roles(NoFiles), Transient, cvm, "connecting failed"),
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
        ("empty", role(of_metadata("AKIDx", "", alive())), Transient, cvm, "token: is missing or empty"),
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
    let odd = || from(&[("COS_REGION", "no region"), ("COS_ENDPOINT", "nowhere")]);
    assert_eq!(odd().region("ap-said").build().unwrap_err().field(), Some("endpoint"));
    assert_eq!(odd().endpoint(Endpoint::default()).build().unwrap_err().field(), Some("region"));
    let said = odd().region("ap-said").endpoint(Endpoint::default()).build().unwrap();
    assert_eq!(said.bucket("b-1").unwrap().region().as_str(), "ap-said");
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
