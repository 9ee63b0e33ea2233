//! Temporary keys from STS: what they may do, how calls fail, how long they take.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use cos_emulator::{Action, Emulator, Matcher, Role, Rule};
use futures_util::TryStreamExt as _;
use serde_json::{Value, json};
use tencent_cos::client::Connections;
use tencent_cos::client::provider::{CredentialErrorKind, ProvideCredentials as _, from_fn};
use tencent_cos::policy::{Condition, Policy, Resource, Statement};
use tencent_cos::sts::{self, AssumeRole, AssumeRoleWithWebIdentity, GetFederationToken};
use tencent_cos::{
    Attributes, Bucket, Client, CompleteMultipartUpload, CompletedPart, CopyObject, CopySource, Credentials,
    DeleteObject, DeleteObjects, Error, ErrorKind, GetObject, HeadBucket, InitiateMultipartUpload,
    ListMultipartUploads, ListObjects, ListParts, ObjectKey, PutObject, SessionCredentials, Transport, UploadPart,
};
use tokio::time::Instant;

use crate::support::{self, InMemory, ServiceTransport, TestClock};

const BUCKET: &str = "examplebucket-1250000000";
const ARN: &str = "qcs::cam::uin/100000000001:roleName/uploader";
const MIB: usize = 1 << 20;

/// The emulator's bucket with the keys of this call.
fn bucket_with(emulator: &Emulator, call: impl sts::Call + 'static) -> Bucket {
    let keys = support::sts(emulator).build().expect("a client of STS").provider(call);
    support::client(emulator).credentials(keys).build().and_then(|it| it.bucket(BUCKET)).expect("a bucket")
}

fn key(key: &str) -> ObjectKey {
    key.parse().expect("a key")
}

fn prefix(prefix: &str) -> Resource {
    Resource::prefix("ap-guangzhou", BUCKET, prefix).expect("a prefix")
}

async fn upload_by_parts(bucket: &Bucket, name: &str) -> tencent_cos::Result<()> {
    let id = bucket.send(InitiateMultipartUpload::new(key(name))).await?.upload_id;
    let mut parts = Vec::new();
    for (number, bytes) in [(1, Bytes::from(vec![b'a'; MIB])), (2, Bytes::from_static(b"b"))] {
        let part = bucket.send(UploadPart::new(key(name), &id, number, bytes)).await?;
        parts.push(CompletedPart::new(number, part.etag));
    }
    bucket.send(CompleteMultipartUpload::new(key(name), id, parts)).await?;
    Ok(())
}

#[track_caller]
fn denied<T>(what: &str, outcome: tencent_cos::Result<T>) {
    let Err(error) = outcome else { panic!("{what} is allowed") };
    assert_eq!((error.kind(), error.status()), (ErrorKind::Service, Some(403)), "{what}: {error}");
    // An answer to HEAD has no document.
    assert!(matches!(error.code(), Some("AccessDenied") | None), "{what}: {error}");
    assert!(!error.is_retryable() && error.attempts() == 1, "{what}: {error}");
}

#[tokio::test]
async fn a_key_for_a_prefix_uploads_and_reads_there_and_nowhere_else() {
    let emulator = support::emulator().await;
    for taken in ["uploads/bob/a", "uploads/alice", "k"] {
        emulator.put_object(BUCKET, taken, "hello");
    }
    let alice = prefix("uploads/alice/");
    let policy = Policy::new().allow_upload(&alice).allow::<GetObject>(&alice);
    // By hand.
    let expected = json!({
        "version": "2.0",
        "statement": [{
            "effect": "allow",
            "action": [
                "name/cos:PutObject",
                "name/cos:InitiateMultipartUpload",
                "name/cos:UploadPart",
                "name/cos:ListParts",
                "name/cos:CompleteMultipartUpload",
                "name/cos:AbortMultipartUpload",
                "name/cos:HeadObject",
                "name/cos:GetObject"
            ],
            "resource": ["qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/uploads/alice/*"]
        }]
    });
    assert_eq!(serde_json::from_str::<Value>(&policy.to_json().unwrap()).unwrap(), expected);

    let bucket = bucket_with(&emulator, GetFederationToken::new("alice", policy));
    bucket.put("uploads/alice/a", "hello").await.unwrap();
    upload_by_parts(&bucket, "uploads/alice/目录/b").await.unwrap();
    assert_eq!(bucket.head("uploads/alice/目录/b").await.unwrap().content_length(), Some(MIB as u64 + 1));
    assert_eq!(bucket.get("uploads/alice/a").await.unwrap().bytes(9).await.unwrap(), "hello");
    let id = bucket.send(InitiateMultipartUpload::new(key("uploads/alice/c"))).await.unwrap().upload_id;
    bucket.send(ListParts::new(key("uploads/alice/c"), &id)).await.unwrap();

    for other in ["uploads/bob/a", "uploads/alice", "uploads/alic", "uploads/alice2/a", "k", "Uploads/alice/a"] {
        denied(other, bucket.put(other, "x").await);
        denied(other, bucket.get(other).await);
        denied(other, bucket.head(other).await);
        denied(other, bucket.send(InitiateMultipartUpload::new(key(other))).await);
        denied(other, bucket.delete(other).await);
    }
    denied("list", bucket.send(ListObjects::new().prefix("uploads/alice/")).await);
    denied("list uploads", bucket.send(ListMultipartUploads::new().prefix("uploads/alice/")).await);
    denied("delete", bucket.delete("uploads/alice/a").await);
    denied("head bucket", bucket.send(HeadBucket::new()).await);
    let source = CopySource::new(bucket.region(), bucket.name(), &key("k"));
    denied("copy", bucket.send(CopyObject::new(source, key("uploads/alice/d"))).await);
    let several = bucket.send(DeleteObjects::new(["uploads/alice/a", "k"])).await.unwrap();
    assert!(
        several.deleted.is_empty() && several.failed.iter().all(|it| it.to_error().is_access_denied()),
        "{several:?}"
    );
    let url = bucket.presign(DeleteObject::new(key("uploads/alice/a")), Duration::from_secs(60)).await.unwrap();
    assert_eq!(url.method, http::Method::DELETE);

    assert_eq!(emulator.object(BUCKET, "uploads/bob/a").unwrap().bytes(), "hello");
    assert_eq!(emulator.object(BUCKET, "uploads/alice/a").unwrap().bytes(), "hello");
    assert_eq!(emulator.count("GetFederationToken"), 1, "one key served for all, a refusal asks for no other");
}

/// Who may not look still uploads: nothing but what the documents demand of an upload is needed when nothing fails.
#[tokio::test]
async fn uploads_need_neither_head_nor_list() {
    let emulator = support::emulator().await;
    let narrow = Statement::allow(&prefix("up/"))
        .operation::<PutObject>()
        .operation::<InitiateMultipartUpload>()
        .operation::<UploadPart>()
        .operation::<CompleteMultipartUpload>();
    let bucket = bucket_with(&emulator, GetFederationToken::new("narrow", Policy::new().statement(narrow)));
    bucket.put("up/a", "hello").await.unwrap();
    upload_by_parts(&bucket, "up/b").await.unwrap();
    denied("head", bucket.head("up/a").await);
    let id = bucket.send(InitiateMultipartUpload::new(key("up/c"))).await.unwrap().upload_id;
    denied("list parts", bucket.send(ListParts::new(key("up/c"), id)).await);
    assert_eq!(emulator.object(BUCKET, "up/b").unwrap().size(), MIB as u64 + 1);
}

#[tokio::test]
async fn uploads_that_are_resumed_are_found_behind_their_prefix() {
    let emulator = support::emulator().await;
    let policy = Policy::new().allow_resumable_upload(&prefix("up/"));
    let bucket = bucket_with(&emulator, GetFederationToken::new("resume", policy));
    let id = bucket.send(InitiateMultipartUpload::new(key("up/a"))).await.unwrap().upload_id;
    let found = bucket.send(ListMultipartUploads::new().prefix("up/")).await.unwrap();
    assert_eq!(found.uploads.iter().map(|it| it.upload_id.as_str()).collect::<Vec<_>>(), [id]);
    denied("all uploads", bucket.send(ListMultipartUploads::new()).await);
}

#[tokio::test]
async fn conditions_hold_at_the_service() {
    let emulator = support::emulator().await;
    let images = Statement::allow(&prefix("up/"))
        .operation::<PutObject>()
        .when(Condition::content_type("image/*"))
        .when(Condition::content_length_at_most(5))
        .when(Condition::source_ip(["127.0.0.0/8", "::1"]));
    let bucket_of = Resource::bucket("ap-guangzhou", BUCKET).unwrap();
    let listing = Statement::allow(&bucket_of).operation::<ListObjects>().when(Condition::list_prefix("up/"));
    let policy = Policy::new().statement(images).statement(listing);
    let bucket = bucket_with(&emulator, GetFederationToken::new("images", policy));
    let put = |kind: &str, body: &'static str| {
        PutObject::new(key("up/a"), body).attributes(Attributes::new().content_type(kind))
    };
    bucket.send(put("image/png", "12345")).await.unwrap();
    denied("type", bucket.send(put("text/plain", "12345")).await);
    denied("length", bucket.send(put("image/png", "123456")).await);
    assert_eq!(bucket.list("up/").try_collect::<Vec<_>>().await.unwrap().len(), 1);
    denied("another prefix", bucket.send(ListObjects::new().prefix("u")).await);
    denied("no prefix", bucket.send(ListObjects::new()).await);
}

#[tokio::test]
async fn a_copy_needs_both_ends() {
    let emulator = support::emulator().await;
    emulator.put_object(BUCKET, "in/a", "hello");
    let policy = Policy::new().allow_from::<CopyObject>(&prefix("in/"), &prefix("out/"));
    let bucket = bucket_with(&emulator, GetFederationToken::new("copy", policy));
    let copy =
        |from: &str, to: &str| CopyObject::new(CopySource::new(bucket.region(), bucket.name(), &key(from)), key(to));
    bucket.send(copy("in/a", "out/a")).await.unwrap();
    denied("the way back", bucket.send(copy("out/a", "in/b")).await);
    denied("read", bucket.get("out/a").await);
}

#[tokio::test]
async fn a_role_gives_its_rights_or_some_of_them() {
    let role = Role::new("uploader").external_id("partner-7").longest_session(Duration::from_secs(3600));
    let emulator = Emulator::builder().strict_signature(true).role(role).start().await.expect("the emulator starts");
    emulator.put_object(BUCKET, "k", "hello");
    let assume = || AssumeRole::new(ARN, "nightly").external_id("partner-7").duration(Duration::from_secs(900));
    let whole = bucket_with(&emulator, assume().tag("team", "blue"));
    whole.put("anything", "x").await.unwrap();
    let some = bucket_with(&emulator, assume().policy(Policy::new().allow::<GetObject>(&prefix("k"))));
    some.get("k").await.unwrap();
    denied("put", some.put("k", "x").await);
    // With the key of a role another role may be assumed, but no federation token be asked for.
    let session = support::sts(&emulator).build().unwrap().send(assume()).await.unwrap();
    assert!(!session.request_id().is_empty());
    let chained = support::sts(&emulator).credentials(session.key).build().unwrap();
    chained.send(assume()).await.unwrap();
    let error =
        chained.send(GetFederationToken::new("a", Policy::new().allow_upload(&prefix("a/")))).await.unwrap_err();
    assert_eq!(error.code(), Some("FailedOperation.TempKeyNotAllowed"));
    assert_eq!(emulator.count("AssumeRole"), 4);
}

#[tokio::test]
async fn a_token_of_an_identity_provider_is_enough_and_appears_nowhere() {
    let emulator = Emulator::builder().strict_signature(true).role(Role::new("uploader")).start().await.unwrap();
    emulator.trust_web_identity("OIDC", "eyJ0.good.t0ken", "uploader");
    let call = |token: &str| AssumeRoleWithWebIdentity::new("OIDC", token, ARN, "nightly");
    let bucket = bucket_with(&emulator, call("eyJ0.good.t0ken"));
    bucket.put("k", "v").await.unwrap();
    let nobody = support::sts(&emulator).credentials(Credentials::anonymous()).build().unwrap();
    nobody.send(call("eyJ0.good.t0ken").duration(Duration::from_secs(900))).await.unwrap();
    let error = nobody.send(call("eyJ0.bad.t0ken")).await.unwrap_err();
    assert_eq!(error.code(), Some("InvalidParameter.WebIdentityTokenError"));
    assert!(!format!("{error:?} {:?}", call("eyJ0.bad.t0ken")).contains("t0ken"));
    assert_eq!(nobody.send(call("")).await.unwrap_err().field(), Some("token"));
    assert_eq!(emulator.count("AssumeRoleWithWebIdentity"), 3);
}

fn federation() -> GetFederationToken {
    GetFederationToken::new("example", Policy::new().allow_upload(&prefix("a/")))
}

#[tokio::test]
async fn refusals_are_typed_and_final() {
    let emulator = support::emulator().await;
    let sts = support::sts(&emulator).build().unwrap();
    let wrong = Credentials::permanent(emulator.secret_id(), "anotherKEY").unwrap();
    let unknown = Credentials::permanent("AKIDunknown", "anotherKEY").unwrap();
    let wrong = support::sts(&emulator).credentials(wrong).build().unwrap();
    let unknown = support::sts(&emulator).credentials(unknown).build().unwrap();
    let foreign = Resource::prefix("ap-guangzhou", "theirs-1259999999", "a/").unwrap();
    let foreign = GetFederationToken::new("a", Policy::new().allow::<GetObject>(&foreign));
    for (code, outcome) in [
        ("AuthFailure.SignatureFailure", wrong.send(federation()).await),
        ("AuthFailure.SecretIdNotFound", unknown.send(federation()).await),
        ("InvalidParameter.OverTimeError", sts.send(federation().duration(Duration::from_secs(7201))).await),
        ("InvalidParameter.GrantOtherResource", sts.send(foreign).await),
        ("ResourceNotFound.RoleNotFound", sts.send(AssumeRole::new(ARN, "nightly")).await),
    ] {
        let error = outcome.unwrap_err();
        assert_eq!(
            (error.kind(), error.code(), error.status()),
            (ErrorKind::Service, Some(code), Some(200)),
            "{error}"
        );
        assert!(error.request_id().is_some_and(|id| id.len() == 36), "{error}");
        assert_eq!(
            (error.is_retryable(), error.attempts(), error.may_have_taken_effect()),
            (false, 1, false),
            "{error}"
        );
        assert!(matches!(error.operation(), Some("GetFederationToken" | "AssumeRole")));
        assert!(error.to_string().contains(&format!("STS answered 200 {code}: ")), "{error}");
    }
    assert_eq!(emulator.journal().len(), 5);
    // As a source of keys: what was refused is refused, with the reason.
    let error = wrong.provider(federation()).provide().await.unwrap_err();
    assert_eq!(error.kind(), CredentialErrorKind::Rejected);
    assert!(error.to_string().contains("AuthFailure.SignatureFailure"), "{error}");
}

#[tokio::test]
async fn bad_input_is_refused_before_anything_is_sent() {
    let emulator = support::emulator().await;
    let sts = support::sts(&emulator).build().unwrap();
    let empty = GetFederationToken::new("a", Policy::new());
    let unfit = GetFederationToken::new("a", Policy::new().allow::<ListObjects>(&prefix("a/")));
    for (field, outcome) in [
        ("policy", sts.send(empty).await),
        ("policy", sts.send(unfit).await),
        ("name", sts.send(GetFederationToken::new("a b", Policy::new())).await),
        ("duration", sts.send(federation().duration(Duration::ZERO)).await),
        ("duration", sts.send(federation().duration(Duration::from_secs(129_601))).await),
        ("duration", sts.send(AssumeRole::new(ARN, "nightly").duration(Duration::from_secs(43_201))).await),
        ("role_arn", sts.send(AssumeRole::new("uploader", "nightly")).await),
        ("session_name", sts.send(AssumeRole::new(ARN, "n")).await),
    ] {
        let error = outcome.unwrap_err();
        assert_eq!((error.kind(), error.field(), error.attempts()), (ErrorKind::Input, Some(field), 0), "{error}");
    }
    let anonymous = support::sts(&emulator).credentials(Credentials::anonymous()).build().unwrap();
    assert_eq!(anonymous.send(federation()).await.unwrap_err().field(), Some("credentials"));
    for (field, builder) in [
        ("region", sts::Client::builder().credentials(support::permanent(&emulator))),
        ("region", support::sts(&emulator).region("AP")),
        ("credentials", sts::Client::builder().region("ap-guangzhou")),
        ("endpoint", support::sts(&emulator).endpoint(sts::Endpoint::custom("http://sts.example.com").unwrap())),
    ] {
        assert_eq!(builder.build().unwrap_err().field(), Some(field));
    }
    assert!(emulator.journal().is_empty());
}

/// By an HTTP client that knows nothing of the call.
#[tokio::test]
async fn a_call_is_signed_for_anybody_to_send() {
    let InMemory { emulator, clock } = InMemory::new();
    let call = GetFederationToken::new("alice", Policy::new().allow::<GetObject>(&prefix("k")));
    let region = "ap-guangzhou".parse().unwrap();
    let sign = |credentials: &Credentials| {
        sts::sign(&call, credentials, &region, &sts::Endpoint::nearest(), clock.true_time())
    };
    let send = async |signed: &sts::SignedCall| {
        let request = signed.request().map(http_body_util::Full::new);
        let (head, body) = emulator.service().call(request).await.unwrap().into_parts();
        let body = http_body_util::BodyExt::collect(body).await.unwrap().to_bytes();
        signed.read(http::Response::from_parts(head, body))
    };
    emulator.put_object(BUCKET, "k", "hello");
    let signed = sign(&support::permanent(&emulator)).unwrap();
    let issued = send(&signed).await.unwrap();
    assert!(!issued.request_id().is_empty());
    let service = ServiceTransport(emulator.service());
    let client = Client::builder().region("ap-guangzhou").http_client(service).credentials(issued.key);
    let bucket = client.clock(Arc::<TestClock>::clone(&clock)).build().and_then(|it| it.bucket(BUCKET)).unwrap();
    assert_eq!(bucket.get("k").await.unwrap().bytes(9).await.unwrap(), "hello");
    denied("put", bucket.put("k", "x").await);

    let wrong = Credentials::permanent(emulator.secret_id(), "another").unwrap();
    let refused = send(&sign(&wrong).unwrap()).await.unwrap_err();
    assert_eq!(refused.code(), Some("AuthFailure.SignatureFailure"), "{refused}");
    let permanent = support::permanent(&emulator);
    let shown = format!("{signed:?} {refused:?} {refused:#}");
    let authorization = signed.request().headers()["authorization"].to_str().unwrap().to_owned();
    let signature = authorization.rsplit('=').next().unwrap();
    assert!(signature.len() == 64 && ![signature, permanent.secret_key()].iter().any(|it| shown.contains(it)));
    clock.jump(400);
    assert_eq!(send(&signed).await.unwrap_err().code(), Some("AuthFailure.SignatureExpire"));
    let nobody = sign(&Credentials::anonymous()).unwrap_err();
    assert_eq!((nobody.kind(), nobody.field()), (ErrorKind::Input, Some("credentials")));

    // A token that proves who calls stands alone: what else there is stays at home.
    let call = AssumeRoleWithWebIdentity::new("OIDC", "eyJ0.good.t0ken", ARN, "nightly");
    let temporary = SessionCredentials::new("AKID1", "key", "their-t0ken", clock.true_time() + Duration::from_secs(60));
    let endpoint = sts::Endpoint::nearest();
    let signed = sts::sign(&call, &temporary.unwrap().into(), &region, &endpoint, clock.true_time()).unwrap();
    let request = signed.request();
    assert_eq!(
        (&request.headers()["authorization"], request.headers().get("x-tc-token")),
        (&"SKIP".parse().unwrap(), None)
    );
    assert!(!format!("{request:?}").contains("their-t0ken"));
}

/// An emulator without a socket, where time may be paused.
struct Rig {
    emulator: Emulator,
    clock: Arc<TestClock>,
}

fn rig() -> Rig {
    let InMemory { emulator, clock } = InMemory::new();
    Rig { emulator, clock }
}

impl Rig {
    fn sts(&self) -> sts::Client {
        self.builder().build().expect("a client")
    }

    fn builder(&self) -> sts::ClientBuilder {
        sts::Client::builder()
            .region("ap-guangzhou")
            .credentials(support::permanent(&self.emulator))
            .http_client(ServiceTransport(self.emulator.service()))
            .clock(Arc::<TestClock>::clone(&self.clock))
    }

    fn script(&self, times: u64, action: Action) {
        self.emulator.script(Rule::on(Matcher::any()).times(times).then(action));
    }

    /// Outcome, requests, and how long it took.
    async fn call(&self) -> (Result<sts::Issued, Error>, usize, Duration) {
        self.emulator.clear_journal();
        let start = Instant::now();
        let outcome = self.sts().send(federation()).await;
        (outcome, self.emulator.journal().len(), start.elapsed())
    }
}

fn status(code: &str) -> Action {
    Action::status(200, code)
}

#[tokio::test(start_paused = true)]
async fn what_passes_is_tried_again_within_limits() {
    for action in [
        status("InternalError.DbError"),
        status("RequestLimitExceeded"),
        Action::status(503, "InternalError"),
        Action::ResetBeforeHeaders,
        Action::CutBody { at: 10 },
        Action::Foreign { status: 502, headers: vec![], body: Bytes::from("<html>") },
    ] {
        let rig = rig();
        rig.script(2, action.clone());
        let (outcome, requests, _) = rig.call().await;
        assert!(outcome.is_ok(), "{action:?}: {outcome:?}");
        assert_eq!(requests, 3, "{action:?}");
        rig.script(3, action.clone());
        let (outcome, requests, took) = rig.call().await;
        let error = outcome.unwrap_err();
        assert!(error.is_retryable() && !error.may_have_taken_effect(), "{action:?}: {error}");
        assert_eq!((requests, error.attempts()), (3, 3), "{action:?}: {error}");
        assert!(took <= Duration::from_secs(15), "{action:?}: {took:?}");
    }
    // Each attempt was signed anew.
    let rig = rig();
    rig.script(1, Action::StallBeforeHeaders(Duration::from_secs(60)));
    rig.call().await.0.unwrap();
    let stamps: Vec<_> = rig.emulator.journal().into_iter().map(|it| it.headers["x-tc-timestamp"].clone()).collect();
    assert!(stamps.len() == 2 && stamps[0] != stamps[1], "{stamps:?}");
}

#[tokio::test(start_paused = true)]
async fn what_does_not_pass_is_not_tried_again() {
    for (action, kind) in [
        (status("InvalidParameter.ParamError"), ErrorKind::Service),
        (status("UnauthorizedOperation"), ErrorKind::Service),
        (Action::Foreign { status: 200, headers: vec![], body: Bytes::from("<html>") }, ErrorKind::Response),
        (Action::Foreign { status: 302, headers: vec![], body: Bytes::new() }, ErrorKind::Response),
    ] {
        let rig = rig();
        rig.script(1, action.clone());
        let (outcome, requests, _) = rig.call().await;
        let error = outcome.unwrap_err();
        assert_eq!((error.kind(), error.is_retryable(), requests), (kind, false, 1), "{action:?}: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_ends_in_15_seconds_whatever_stalls() {
    for action in [
        Action::StallBeforeHeaders(Duration::from_secs(3600)),
        Action::StallBody { at: 1, lasting: Duration::from_secs(3600) },
        Action::SlowBody { bytes_per_second: 1 },
    ] {
        let rig = rig();
        rig.emulator.script(Rule::on(Matcher::any()).always().then(action.clone()));
        let (outcome, _, took) = rig.call().await;
        let error = outcome.unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Timeout, true), "{action:?}: {error}");
        assert!((Duration::from_secs(14)..Duration::from_millis(15_100)).contains(&took), "{action:?}: {took:?}");
        assert!(
            format!("{error:#}").contains("no answer within 5 s"),
            "what the attempts before failed with: {error:#}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_and_a_call_last_as_long_as_was_said() {
    let stalled = Action::StallBeforeHeaders(Duration::from_secs(3600));
    let rig = rig();
    rig.emulator.script(Rule::on(Matcher::any()).always().then(stalled));
    let seconds = Duration::from_secs;
    for (attempt, total, took) in [(seconds(1), seconds(600), 3..5), (seconds(60), seconds(2), 2..3)] {
        let sts = rig.builder().attempt_timeout(attempt).deadline(total).max_attempts(3).build().unwrap();
        let start = Instant::now();
        let error = sts.send(federation()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
        assert!(took.contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    }
}

/// An outage is not multiplied by the repeats of everybody.
#[tokio::test(start_paused = true)]
async fn repeats_have_a_budget() {
    let rig = rig();
    rig.emulator.script(Rule::on(Matcher::any()).always().then(status("InternalError.SystemError")));
    let sts = rig.sts();
    for call in 0..100 {
        let error = sts.send(federation()).await.unwrap_err();
        assert!(call < 50 || error.advice().unwrap_or_default().contains("retry budget"), "{error}");
    }
    let requests = rig.emulator.journal().len();
    assert!((100..=140).contains(&requests), "{requests}");
}

#[tokio::test(start_paused = true)]
async fn a_wrong_clock_is_corrected_once() {
    for seconds in [-3600, 3600] {
        let rig = rig();
        rig.clock.set_off(seconds);
        let sts = rig.sts();
        sts.send(federation()).await.unwrap();
        assert_eq!(rig.emulator.journal().len(), 2, "refused, corrected");
        sts.send(federation()).await.unwrap();
        assert_eq!(rig.emulator.journal().len(), 3, "right from then on");
    }
    // So are those that were signed before the correction.
    let many = rig();
    many.clock.set_off(1200);
    many.emulator.script(Rule::on(Matcher::any()).always().then(Action::Delay(Duration::from_millis(50))));
    let sts = many.sts();
    futures_util::future::try_join_all((0..10).map(|_| sts.send(federation()))).await.unwrap();
    assert_eq!(many.emulator.journal().len(), 20);
    // Refused whatever the time: there is nothing to correct.
    let rig = rig();
    rig.emulator.script(Rule::on(Matcher::any()).always().then(status("AuthFailure.SignatureExpire")));
    let (outcome, requests, _) = rig.call().await;
    let error = outcome.unwrap_err();
    assert!(error.is_clock_skew() && requests == 1, "{requests}: {error}");
}

/// The permanent key was replaced: STS does not know the old one, and the source has the new one by now.
#[tokio::test(start_paused = true)]
async fn a_key_that_sts_does_not_know_is_fetched_anew_once() {
    for (good, calls) in [(true, 2), (false, 1)] {
        let rig = rig();
        let asked = Arc::new(AtomicUsize::new(0));
        let (counter, new) = (Arc::clone(&asked), support::permanent(&rig.emulator));
        let keys = from_fn(move || {
            let first = counter.fetch_add(1, Ordering::Relaxed) == 0;
            let old = Credentials::permanent("AKIDreplaced", "anotherKEY");
            let key = if first || !good { old.unwrap() } else { new.clone() };
            async move { Ok::<_, std::io::Error>(key) }
        });
        let outcome = rig.builder().credentials(keys).build().unwrap().send(federation()).await;
        assert_eq!(outcome.as_ref().err().and_then(Error::code).is_none(), good, "{outcome:?}");
        assert_eq!((rig.emulator.journal().len(), asked.load(Ordering::Relaxed)), (calls, 2));
        if let Err(error) = outcome {
            assert!(error.is_expired_credential() && !error.is_retryable(), "{error}");
        }
    }
}

/// Asking STS from a closure ends as its provider does: what is refused is not asked for again, what passes is.
#[tokio::test(start_paused = true)]
async fn a_refusal_is_one_from_a_closure_as_well() {
    for (code, refused) in [("AuthFailure.SecretIdNotFound", true), ("InternalError.DbError", false)] {
        let rig = rig();
        rig.script(3, status(code));
        let sts = rig.sts();
        let keys = from_fn(move || {
            let sts = sts.clone();
            async move { sts.send(federation()).await }
        });
        let (memory, start) = (InMemory { emulator: rig.emulator, clock: rig.clock }, Instant::now());
        let outcome = memory.bucket_of(memory.client().credentials(keys)).put("a/b", "x").await;
        if refused {
            let error = outcome.unwrap_err();
            assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Credentials, false), "{error}");
            assert_eq!(start.elapsed(), Duration::ZERO);
        } else {
            outcome.unwrap();
        }
        let asked = memory.emulator.count("GetFederationToken");
        assert_eq!(asked, if refused { 1 } else { 4 }, "{code}");
    }
}

/// Who answers in the place of STS has refused nothing in its name: it is asked again soon.
#[tokio::test(start_paused = true)]
async fn a_strangers_answer_is_no_refusal_of_sts() {
    for status in [200, 302] {
        let rig = rig();
        rig.script(1, Action::Foreign { status, headers: vec![], body: Bytes::from("<html>") });
        let keys = rig.sts().provider(federation());
        assert_eq!(keys.provide().await.unwrap_err().kind(), CredentialErrorKind::Transient, "{status}");
        rig.script(1, Action::Foreign { status, headers: vec![], body: Bytes::from("<html>") });
        let memory = InMemory { emulator: rig.emulator, clock: rig.clock };
        memory.bucket_of(memory.client().credentials(keys)).put("a/b", "x").await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn behind_a_cache_a_key_is_asked_for_once_and_again_in_time() {
    let rig = rig();
    let keys = rig.sts().provider(federation());
    let memory = InMemory { emulator: rig.emulator, clock: rig.clock };
    let client = memory.bucket_of(memory.client().credentials(keys));
    for number in 0..20 {
        client.put(format!("a/{number}"), "x").await.unwrap();
    }
    assert_eq!(memory.emulator.count("GetFederationToken"), 1);
    // Two hours, a put every minute: a key of half an hour is renewed before it ends.
    for minute in 0..120 {
        tokio::time::sleep(Duration::from_secs(60)).await;
        client.put(format!("a/{minute}"), "x").await.unwrap();
    }
    let asked = memory.emulator.count("GetFederationToken");
    assert!((4..=7).contains(&asked), "{asked}");
    assert!(memory.emulator.journal().iter().all(|it| it.code.is_none()));
}

/// Certificates of one's own reach STS as they reach COS; without them nothing is sent.
#[tokio::test]
async fn connections_are_made_as_said() {
    let emulator = Emulator::builder().tls_self_made(true).start().await.expect("the emulator starts");
    for transport in [Transport::Reqwest, Transport::Hyper] {
        let trusting = Connections::new().transport(transport).root_certificates(emulator.ca_pem().unwrap());
        let sts = support::sts(&emulator).http_client(trusting.open().unwrap()).build().unwrap();
        sts.send(federation()).await.unwrap();
        let doubting = Connections::new().transport(transport).open().unwrap();
        let error =
            support::sts(&emulator).http_client(doubting).build().unwrap().send(federation()).await.unwrap_err();
        assert_eq!((error.kind(), error.is_retryable(), error.attempts()), (ErrorKind::Tls, false, 1), "{error}");
    }
    assert_eq!(emulator.count("GetFederationToken"), 2);
}
