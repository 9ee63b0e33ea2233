//! What is traced: a span for an operation, a refresh, a transfer and a part, an event for an attempt; no secret.

mod capture;
mod transfers;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cos_emulator::{Action, Emulator, Role, Rule};
use tencent_cos::Credentials;
use tencent_cos::client::Connections;
use tencent_cos::client::provider::{CredentialError, RefreshingCredentials, from_fn};
use tencent_cos::sts::{self, AssumeRole};
use tracing::field::Empty;
use tracing::span::{Attributes, Id};
use tracing::{Event, Instrument as _, Subscriber};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use self::capture::Trace;
use crate::support::{self, InMemory};

#[tokio::test(start_paused = true)]
async fn an_operation_is_a_span_and_each_of_its_attempts_an_event() {
    let trace = Trace::start();
    let mem = InMemory::new();
    mem.emulator.put_object(mem.emulator.bucket(), "k", "hello");
    let bucket = mem.bucket();
    mem.emulator.script(Rule::on("HEAD Object").times(2).then(Action::status(500, "InternalError")));
    mem.emulator.script(Rule::on("PUT Object").then(Action::ResetBeforeHeaders));
    bucket.head("k").await.unwrap();
    bucket.put("new", "x").await.unwrap();
    bucket.get("missing").await.unwrap_err();
    bucket.get("..").await.unwrap_err();
    let tree = trace.tree();
    let [head, put, get] = tree.named("cos.operation")[..] else { panic!("{:#?}", tree.spans) };
    for ((_, span), name, key, status, error) in [
        (head, "HEAD Object", "k", "200", None),
        (put, "PUT Object", "new", "200", None),
        (get, "GET Object", "missing", "404", Some("Service")),
    ] {
        assert_eq!((span.text("otel.name"), span.text("http.request.method")), (Some(name), name.split(' ').next()));
        assert_eq!(span.text("cos.target"), Some(&*format!("{}/{key}", mem.emulator.bucket())));
        assert_eq!((span.text("http.response.status_code"), span.text("error.type")), (Some(status), error));
        assert!(span.over && span.within.is_none() && !span.fields["cos.request_id"].is_empty());
    }
    let attempts: Vec<_> = tree.events.iter().filter(|event| event.name.starts_with("attempt")).collect();
    let told: Vec<_> = attempts
        .iter()
        .map(|event| (&*event.name, event.within.unwrap(), event.number("http.request.resend_count")))
        .collect();
    let expected = [
        ("attempt failed", head.0, 0),
        ("attempt failed", head.0, 1),
        ("attempt answered", head.0, 2),
        ("attempt failed", put.0, 0),
        ("attempt answered", put.0, 1),
        ("attempt failed", get.0, 0),
    ];
    assert_eq!(told, expected);
    let ids: Vec<_> = attempts.iter().filter_map(|event| event.text("cos.request_id")).collect();
    let journal = mem.emulator.journal().into_iter().filter(|record| record.status.is_some());
    assert!(journal.map(|record| record.request_id).eq(ids));
    assert!(!tree.text().contains("q-sign") && !tree.text().contains('?'));
}

/// A span of the caller with fields of the same names is not ours to write to.
#[tokio::test]
async fn the_spans_of_the_caller_are_left_alone() {
    let trace = Trace::of(filter_fn(|metadata| !metadata.target().starts_with("tencent_cos")));
    let mem = InMemory::new();
    let span = tracing::info_span!(
        "request",
        http.response.status_code = Empty,
        error.type = Empty,
        cos.request_id = Empty,
        cos.bytes = Empty
    );
    let both = async {
        mem.bucket().get("missing").await.unwrap_err();
        mem.bucket().upload("k", vec![0; 3]).await.unwrap();
    };
    both.instrument(span).await;
    let tree = trace.tree();
    assert!(tree.only("request").1.fields.is_empty() && tree.events.is_empty(), "{tree:?}");
}

#[tokio::test]
async fn a_key_is_fetched_in_a_span_of_the_operation_that_needs_it() {
    let emulator = Emulator::builder().role(Role::new("uploader")).start().await.unwrap();
    emulator.script(Rule::on("AssumeRole").then(Action::status(500, "InternalError")));
    let http = Connections::new().transport(support::transport()).open().unwrap();
    let builder = sts::Client::builder().region(emulator.region()).http_client(http);
    let builder = builder.endpoint(sts::Endpoint::custom(emulator.endpoint()).unwrap());
    let sts = builder.credentials(support::permanent(&emulator)).build().unwrap();
    let call = AssumeRole::new("qcs::cam::uin/100000000001:roleName/uploader", "nightly");
    let client = support::client(&emulator).credentials(sts.provider(call)).build().unwrap();
    let trace = Trace::start();
    client.bucket(emulator.bucket()).unwrap().head("k").await.unwrap_err();
    let tree = trace.tree();
    assert_eq!(tree.attempts(), ["AssumeRole", "AssumeRole", "HEAD Object"]);
    // STS is asked with a key that has to be fetched as well.
    let [own, issued] = tree.events("key refreshed")[..] else { panic!("{:?}", tree.events) };
    assert_eq!(tree.path(issued), ["HEAD Object", "cos.refresh"]);
    assert_eq!(tree.path(own), ["HEAD Object", "cos.refresh", "AssumeRole", "cos.refresh"]);
    assert_eq!(own.text("cos.provider"), Some("the key given to the client"));
    assert!(tree.spans.iter().all(|span| span.over), "{:#?}", tree.spans);
    let text = tree.text();
    let (issued, own) = (&client.credentials().current().await.unwrap(), emulator.secret_key());
    let issued = issued.credentials();
    for secret in [issued.secret_id(), issued.token().unwrap(), issued.secret_key(), own, emulator.secret_id(), "TC3"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[tokio::test]
async fn a_provider_that_has_no_key_is_named() {
    let trace = Trace::start();
    let refuse = || async { Err::<Credentials, _>(CredentialError::rejected("no")) };
    let mem = InMemory::new();
    mem.bucket_of(mem.client().credentials(from_fn(refuse))).head("k").await.unwrap_err();
    let tree = trace.tree();
    let refused = tree.events("key not refreshed")[0];
    assert_eq!(tree.path(refused), ["HEAD Object", "cos.refresh"]);
    assert_eq!(refused.text("cos.provider"), Some("the credential provider"));
    assert_eq!(refused.text("error"), Some("no"));
}

/// Looks at a key at every span and event.
struct Looks {
    keys: RefreshingCredentials,
    free: Arc<AtomicUsize>,
    held: Arc<AtomicUsize>,
}

impl Looks {
    fn look(&self) {
        let (keys, (tell, told)) = (self.keys.clone(), std::sync::mpsc::channel());
        std::thread::spawn(move || tell.send(keys.peek().is_some()));
        let looked = told.recv_timeout(Duration::from_secs(10)).is_ok();
        if looked { &self.free } else { &self.held }.fetch_add(1, Ordering::Relaxed);
    }
}

impl<S: Subscriber> Layer<S> for Looks {
    fn on_new_span(&self, _: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        self.look();
    }

    fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
        self.look();
    }
}

#[tokio::test]
async fn who_listens_may_look_at_the_key() {
    let calls = Arc::new(AtomicUsize::new(0));
    let fails = move || {
        let fails = calls.fetch_add(1, Ordering::Relaxed) % 2 == 1;
        async move { if fails { Err(CredentialError::rejected("no")) } else { Ok(Credentials::anonymous()) } }
    };
    let keys = RefreshingCredentials::new(from_fn(fails));
    let (free, held) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
    let looks = Looks { keys: keys.clone(), free: Arc::clone(&free), held: Arc::clone(&held) };
    let _guard = support::record(tracing_subscriber::registry().with(looks));
    let first = keys.current().await.unwrap();
    keys.invalidate(first.generation());
    keys.current().await.unwrap();
    // A span and an event for each refresh.
    assert_eq!((free.load(Ordering::Relaxed), held.load(Ordering::Relaxed)), (4, 0));
}
