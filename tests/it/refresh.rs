//! Keys that end: one refresh for everybody, and nobody notices.

use std::error::Error as _;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cos_emulator::{Action, Emulator, ExpiryAnswer, Matcher, Record, Rule};
use futures_util::TryStreamExt as _;
use futures_util::future::join_all;
use tencent_cos::client::provider::{BoxFuture, CredentialError, ProvideCredentials, from_fn};
use tencent_cos::{Bucket, Clock, Credentials, ErrorKind, Overrides, SessionCredentials};
use tokio::time::{Instant, advance, sleep, timeout};

use crate::support::{self, InMemory, TestClock, client, session};

const HOUR: Duration = Duration::from_secs(3600);

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

type Answer = BoxFuture<'static, Result<Credentials, CredentialError>>;

/// A provider that counts its calls and answers by their number, which begins with 1.
struct Source {
    calls: AtomicUsize,
    answer: Box<dyn Fn(usize) -> Answer + Send + Sync>,
}

impl Source {
    fn new(answer: impl Fn(usize) -> Answer + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { calls: AtomicUsize::new(0), answer: Box::new(answer) })
    }

    /// Mints a key of this life at every call, and takes its time.
    fn minting(rig: &Arc<InMemory>, life: Duration, takes: Duration) -> Arc<Self> {
        let rig = Arc::clone(rig);
        Self::new(move |_| {
            let rig = Arc::clone(&rig);
            Box::pin(async move {
                sleep(takes).await;
                Ok(session(&rig.emulator.mint(life)).into())
            })
        })
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source")
    }
}

impl ProvideCredentials for Source {
    fn provide(&self) -> Answer {
        (self.answer)(self.calls.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_passes_without_a_key_tells_why_there_is_none() {
    let rig = rig();
    let source = Source::new(|_| Box::pin(async { Err(CredentialError::transient("the vault is sealed")) }));
    let bucket = bucket_with(&rig, &source).with(Overrides::new().deadline(seconds(3)));
    let error = bucket.put("k", "v").await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Timeout, true));
    assert!(format!("{error:#}").ends_with("no usable credentials: the vault is sealed"), "{error:#}");
    assert!(error.to_string().contains("passed while waiting for a key"), "{error}");
}

fn rig() -> Arc<InMemory> {
    let rig = Arc::new(InMemory::new());
    rig.emulator.put_object(rig.emulator.bucket(), "k", "hello");
    rig
}

fn bucket_with(rig: &InMemory, source: &Arc<Source>) -> Bucket {
    rig.bucket_of(rig.client().credentials(Arc::clone(source)))
}

/// One of four operations, each checked to have done what it says.
async fn work(bucket: Bucket, number: usize) {
    match number % 4 {
        0 => assert_eq!(bucket.get("k").await.expect("get").bytes(10).await.expect("bytes"), "hello"),
        1 => assert_eq!(bucket.head("k").await.expect("head").content_length(), Some(5)),
        2 => drop(bucket.put(format!("put/{number}"), "x").await.expect("put")),
        _ => drop(bucket.list("k").try_collect::<Vec<_>>().await.expect("list")),
    }
}

/// As [`work`], without the operation whose refusal has no body to tell why.
async fn talkative_work(bucket: Bucket, number: usize) {
    work(bucket, if number % 4 == 1 { 0 } else { number }).await;
}

/// All of it at once, in tasks of their own.
async fn at_once<F>(count: usize, work: impl Fn(usize) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    for done in join_all((0..count).map(|number| tokio::spawn(work(number)))).await {
        done.expect("no task fails");
    }
}

fn key_ids(records: &[Record]) -> Vec<&str> {
    records.iter().map(|record| record.key_id.as_deref().expect("a signed request")).collect()
}

/// How many requests each key signed, in order. A key that comes back after another shows as a third group.
fn key_groups(emulator: &Emulator) -> Vec<usize> {
    let records = emulator.journal();
    key_ids(&records).chunk_by(|a, b| a == b).map(<[&str]>::len).collect()
}

fn refused(emulator: &Emulator) -> usize {
    emulator.journal().iter().filter(|record| record.status.is_none_or(|status| status >= 400)).count()
}

#[tokio::test(start_paused = true)]
async fn a_thousand_calls_at_the_end_of_a_key_cause_one_refresh() {
    let rig = rig();
    let source = Source::minting(&rig, seconds(600), Duration::from_millis(300));
    let bucket = bucket_with(&rig, &source);
    work(bucket.clone(), 0).await;
    assert_eq!(source.calls(), 1);
    advance(seconds(600)).await;

    let start = Instant::now();
    at_once(1000, |number| work(bucket.clone(), number)).await;
    // Nobody waited for longer than the provider took.
    assert_eq!(start.elapsed().as_millis() / 10, 30);
    assert_eq!(source.calls(), 2);
    assert_eq!(key_groups(&rig.emulator), [1, 1000]);
    assert_eq!(refused(&rig.emulator), 0);
}

/// COS says that the key is over while the client still believes in it.
#[tokio::test(start_paused = true)]
async fn a_thousand_refusals_cause_one_refresh() {
    for answer in [ExpiryAnswer::BadRequest, ExpiryAnswer::Forbidden, ExpiryAnswer::RequestHasExpired] {
        let rig = rig();
        let source = Source::minting(&rig, 10 * HOUR, Duration::from_millis(300));
        let bucket = bucket_with(&rig, &source);
        work(bucket.clone(), 0).await;
        let old = rig.emulator.journal()[0].key_id.clone().unwrap();
        rig.emulator.expire(&old, answer);
        rig.emulator.clear_journal();
        // As many as may be on the wire at once are, before the first is refused.
        let slow = Rule::on(Matcher::any()).times(256).then(Action::Delay(Duration::from_millis(50)));
        rig.emulator.script(slow);

        at_once(1000, |number| talkative_work(bucket.clone(), number)).await;
        assert_eq!(source.calls(), 2, "{answer:?}");
        // The others were signed when it was their turn: with the new key.
        assert_eq!(key_groups(&rig.emulator), [256, 1000], "{answer:?}");
        assert_eq!(refused(&rig.emulator), 256, "{answer:?}");
    }
}

/// Requests that come one after the other while a key ends and the provider takes longer than what is left.
#[tokio::test(start_paused = true)]
async fn a_flow_of_requests_passes_the_end_of_a_key() {
    for takes in [1, 300, 1500, 4000] {
        let rig = rig();
        let source = Source::minting(&rig, seconds(600), Duration::from_millis(takes));
        let bucket = bucket_with(&rig, &source);
        work(bucket.clone(), 0).await;
        advance(seconds(598)).await;
        at_once(1000, |number| {
            let bucket = bucket.clone();
            async move {
                sleep(Duration::from_millis(4 * number as u64)).await;
                work(bucket, number).await;
            }
        })
        .await;
        assert_eq!(source.calls(), 2, "{takes} ms");
        assert_eq!(key_groups(&rig.emulator).len(), 2, "{takes} ms");
        assert_eq!((rig.emulator.journal().len(), refused(&rig.emulator)), (1001, 0), "{takes} ms");
    }
}

/// An emulator on a socket, whose clock and the client's jump together.
async fn on_sockets(
    answer: impl Fn(Arc<Emulator>) -> Answer + Send + Sync + 'static,
) -> (Arc<Emulator>, Arc<TestClock>, Arc<Source>, Bucket) {
    let clock = Arc::new(TestClock::new());
    let server_clock = Arc::clone(&clock);
    let emulator = Emulator::builder().strict_signature(true).clock(Arc::new(move || server_clock.true_time()));
    let emulator = Arc::new(emulator.start().await.expect("the emulator starts"));
    emulator.put_object(emulator.bucket(), "k", "hello");
    let minting = Arc::clone(&emulator);
    let source = Source::new(move |_| answer(Arc::clone(&minting)));
    let client_clock: Arc<dyn Clock> = Arc::<TestClock>::clone(&clock);
    let client = client(&emulator).clock(client_clock).credentials(Arc::clone(&source));
    let bucket = client.build().and_then(|client| client.bucket(emulator.bucket())).expect("a bucket");
    (emulator, clock, source, bucket)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_calls_over_sockets_at_the_end_of_a_key() {
    let (emulator, clock, source, bucket) = on_sockets(|emulator| {
        Box::pin(async move {
            sleep(Duration::from_millis(100)).await;
            Ok(session(&emulator.mint(seconds(600))).into())
        })
    })
    .await;
    work(bucket.clone(), 0).await;
    clock.jump(600);
    at_once(200, |number| work(bucket.clone(), number)).await;
    assert_eq!(source.calls(), 2);
    assert_eq!(key_groups(&emulator), [1, 200]);
    assert_eq!(refused(&emulator), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_refusals_over_sockets() {
    // The provider answers once every request on its way with the old key has been refused.
    let (emulator, _, source, bucket) = on_sockets(|emulator| {
        Box::pin(async move {
            let all_refused = async {
                while refused(&emulator) < 200 {
                    sleep(Duration::from_millis(5)).await;
                }
            };
            let wait = if emulator.journal().is_empty() { Duration::ZERO } else { seconds(3) };
            let _ = timeout(wait, all_refused).await;
            Ok(session(&emulator.mint(10 * HOUR)).into())
        })
    })
    .await;
    work(bucket.clone(), 0).await;
    let old = emulator.journal()[0].key_id.clone().unwrap();
    emulator.expire(&old, ExpiryAnswer::BadRequest);
    emulator.clear_journal();
    // So that all are on their way before the first is refused.
    emulator.script(Rule::on(Matcher::any()).times(200).then(Action::Delay(Duration::from_millis(400))));

    at_once(200, |number| talkative_work(bucket.clone(), number)).await;
    assert_eq!(source.calls(), 2);
    let groups = key_groups(&emulator);
    assert!(matches!(groups[..], [first, 200] if first <= 200), "{groups:?}");
    assert_eq!(refused(&emulator), groups[0]);
}

/// A provider that is down costs nothing while the old key lives.
#[tokio::test(start_paused = true)]
async fn a_provider_that_is_down_is_not_noticed_before_the_key_ends() {
    let rig = rig();
    let key = session(&rig.emulator.mint(seconds(1800)));
    let next = Arc::clone(&rig);
    let source = Source::new(move |call| {
        let (key, next) = (key.clone(), Arc::clone(&next));
        Box::pin(async move {
            match call {
                1 => Ok(key.into()),
                _ if next.clock.true_time() < key.expires_at() + seconds(60) => Err(CredentialError::transient("down")),
                _ => Ok(session(&next.emulator.mint(HOUR)).into()),
            }
        })
    });
    let bucket = bucket_with(&rig, &source);
    for number in 0..1800 {
        let start = Instant::now();
        work(bucket.clone(), number).await;
        assert!(start.elapsed() <= seconds(1), "{number}: a request waited for {:?}", start.elapsed());
        advance(seconds(1).saturating_sub(start.elapsed())).await;
    }
    // In the last 300 s it was asked at each step of the back-off, never at each request.
    let asked = source.calls() - 1;
    assert!((10..=120).contains(&asked), "{asked}");
    assert_eq!(refused(&rig.emulator), 0);

    let sent = rig.emulator.journal().len();
    let start = Instant::now();
    let error = bucket.get("k").await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Credentials, 0), "{error}");
    assert!(start.elapsed() <= seconds(15), "{:?}", start.elapsed());
    assert!(error.is_retryable());
    assert_eq!(std::error::Error::source(&error).expect("a source").to_string(), "down");
    let before = source.calls();
    at_once(100, |_| {
        let bucket = bucket.clone();
        async move { drop(bucket.get("k").await.unwrap_err()) }
    })
    .await;
    // A hundred more callers ask no more often than one.
    assert!(source.calls() - before <= 6, "{}", source.calls() - before);
    assert_eq!(rig.emulator.journal().len(), sent, "nothing is sent without a key");

    advance(seconds(120)).await;
    work(bucket, 0).await;
}

/// As instance metadata may: the same half-hour key until its last second, then the next.
#[tokio::test(start_paused = true)]
async fn a_provider_that_rotates_in_the_last_second_is_not_noticed() {
    let rig = rig();
    let (given, issuer) = (Arc::new(Mutex::new(Vec::new())), Arc::clone(&rig));
    let source = Source::new({
        let (given, current) = (Arc::clone(&given), Mutex::new(None::<SessionCredentials>));
        move |_| {
            let (now, mut current) = (issuer.clock.true_time(), current.lock().unwrap());
            let key = current.take().filter(|key| key.expires_at() > now + seconds(1));
            let key = key.unwrap_or_else(|| session(&issuer.emulator.mint(seconds(1800))));
            given.lock().unwrap().push((key.secret_id().to_owned(), issuer.clock.monotonic()));
            *current = Some(key.clone());
            Box::pin(async move { Ok(key.into()) })
        }
    });
    let bucket = bucket_with(&rig, &source);
    for number in 0..4 * 1800 {
        let start = Instant::now();
        work(bucket.clone(), number).await;
        assert!(start.elapsed() <= seconds(1), "{number}: a request waited for {:?}", start.elapsed());
        advance(seconds(1).saturating_sub(start.elapsed())).await;
    }
    assert_eq!(refused(&rig.emulator), 0);
    // Whoever insists on a key is asked again after 1 s, then after waits whose limit doubles up to 30 s.
    let given = given.lock().unwrap();
    let groups: Vec<_> = given.chunk_by(|a, b| a.0 == b.0).collect();
    assert!((4..=5).contains(&groups.len()), "{}", groups.len());
    for calls in groups {
        let waits: Vec<_> = calls.windows(2).map(|pair| pair[1].1.saturating_sub(pair[0].1)).collect();
        assert!(waits.iter().all(|wait| *wait >= seconds(1)), "{waits:?}");
        // The first wait is for the window of 300 s, give or take a tenth.
        assert!(waits.first().is_none_or(|wait| (seconds(1470)..=seconds(1532)).contains(wait)), "{waits:?}");
        for (wait, limit) in waits.iter().skip(1).zip([1, 2, 4, 8, 16].into_iter().chain(std::iter::repeat(30))) {
            assert!(*wait <= seconds(limit + 1), "{waits:?}");
        }
    }
}

/// One call for each key, all day long.
#[tokio::test(start_paused = true)]
async fn a_day_takes_one_call_for_each_key() {
    let rig = rig();
    let issued = Arc::new(Mutex::new(Vec::new()));
    let source = Source::new({
        let (rig, issued) = (Arc::clone(&rig), Arc::clone(&issued));
        move |_| {
            issued.lock().unwrap().push(rig.clock.monotonic());
            let key = session(&rig.emulator.mint(seconds(1800)));
            Box::pin(async move { Ok(key.into()) })
        }
    });
    let bucket = bucket_with(&rig, &source);
    for number in 0..8640 {
        work(bucket.clone(), number).await;
        advance(seconds(10)).await;
    }
    assert_eq!(refused(&rig.emulator), 0);
    let issued = issued.lock().unwrap();
    let windows = issued.windows(2).map(|pair| pair[1].saturating_sub(pair[0]));
    for between in windows {
        assert!((seconds(1470)..=seconds(1540)).contains(&between), "{between:?}");
    }
    // The last one may have come for nobody, as the day ended.
    let used = key_groups(&rig.emulator).len();
    assert!(used == issued.len() || used + 1 == issued.len(), "{used} of {} used", issued.len());
    assert!((56..=59).contains(&issued.len()), "{}", issued.len());
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_slow_provider_while_the_key_lives() {
    let rig = rig();
    let key = session(&rig.emulator.mint(seconds(1800)));
    let source = Source::new(move |call| {
        let key = key.clone();
        Box::pin(async move {
            sleep(if call == 1 { Duration::ZERO } else { seconds(30) }).await;
            Ok(key.into())
        })
    });
    let bucket = bucket_with(&rig, &source);
    work(bucket.clone(), 0).await;
    advance(seconds(1800 - 240)).await;
    let start = Instant::now();
    at_once(100, |number| work(bucket.clone(), number)).await;
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(source.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_takes_nobody_with_it() {
    let rig = rig();
    let source = Source::minting(&rig, seconds(600), Duration::from_millis(300));
    let bucket = bucket_with(&rig, &source);
    work(bucket.clone(), 0).await;
    advance(seconds(600)).await;
    // The first one starts the refresh, and goes.
    let first = tokio::spawn(work(bucket.clone(), 0));
    sleep(Duration::from_millis(100)).await;
    assert_eq!(source.calls(), 2);
    let others: Vec<_> = (0..50).map(|number| tokio::spawn(work(bucket.clone(), number))).collect();
    sleep(Duration::from_millis(100)).await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    for other in others {
        other.await.expect("the others are served");
    }
    assert_eq!(source.calls(), 2);
    assert_eq!(key_groups(&rig.emulator), [1, 50]);
}

/// Each way COS is documented to tell the end of a key: one refresh, one more request.
#[tokio::test(start_paused = true)]
async fn every_documented_refusal_of_an_old_key_is_healed() {
    for answer in
        [ExpiryAnswer::BadRequest, ExpiryAnswer::Forbidden, ExpiryAnswer::RequestHasExpired, ExpiryAnswer::BareHead]
    {
        for number in 0..4 {
            let rig = rig();
            let source = Source::minting(&rig, seconds(1800), Duration::from_millis(10));
            let bucket = bucket_with(&rig, &source);
            work(bucket.clone(), 0).await;
            let old = rig.emulator.journal()[0].key_id.clone().unwrap();
            // A refusal of HEAD has no body: only a key near its end explains it. The clock of this machine is
            // behind, so it does not know yet that the key is over.
            let is_head = number % 4 == 1;
            if is_head {
                advance(seconds(1755)).await;
            }
            rig.emulator.expire(&old, answer);
            rig.emulator.clear_journal();
            work(bucket.clone(), number).await;

            let what = format!("{answer:?}, operation {number}");
            assert_eq!(source.calls(), 2, "{what}");
            let records = rig.emulator.journal();
            assert_eq!(records.len(), 2, "{what}");
            assert_eq!(records[0].key_id.as_deref(), Some(old.as_str()), "{what}");
            assert!(matches!(records[0].status, Some(400 | 403)), "{what}");
            assert_ne!(records[1].key_id, records[0].key_id, "{what}");
            assert_eq!(records[1].status, Some(200), "{what}");
            assert_eq!(records[1].headers["x-cos-sdk-retry"], "true", "{what}");
            // It costs no time: the second is sent as soon as there is a key.
            work(bucket, number).await;
            assert_eq!((source.calls(), rig.emulator.journal().len()), (2, 3), "{what}");
        }
    }
}

/// A revoked temporary key is not known any more.
#[tokio::test(start_paused = true)]
async fn an_unknown_key_is_refreshed_once() {
    let rig = rig();
    let source = Source::minting(&rig, HOUR, Duration::from_millis(10));
    let bucket = bucket_with(&rig, &source);
    work(bucket.clone(), 0).await;
    let old = rig.emulator.journal()[0].key_id.clone().unwrap();
    rig.emulator.revoke(&old);
    work(bucket.clone(), 0).await;
    assert_eq!((source.calls(), rig.emulator.journal().len()), (2, 3));

    // A permanent key has no successor.
    rig.emulator.revoke(rig.emulator.secret_id());
    rig.emulator.clear_journal();
    let error = rig.bucket().get("k").await.unwrap_err();
    assert_eq!((error.code(), error.attempts()), (Some("InvalidAccessKeyId"), 1));
    assert_eq!(rig.emulator.journal().len(), 1);
}

/// The span of a signature may be over while its key lives, as after a machine slept: where no other key is to be had, a
/// fresh time is enough.
#[tokio::test(start_paused = true)]
async fn an_overdue_signature_is_made_anew_with_the_only_key_there_is() {
    let rig = rig();
    let bucket = rig.bucket_of(rig.client().credentials(session(&rig.emulator.mint(HOUR))));
    let overdue = |times| {
        let refusal = Action::Status {
            status: 403,
            code: "AccessDenied".to_owned(),
            message: "Request has expired".to_owned(),
            retry_after: None,
            request_id: true,
        };
        Rule::on("GET Object").times(times).then(refusal)
    };
    rig.emulator.script(overdue(1));
    bucket.get("k").await.unwrap();
    assert_eq!(rig.emulator.journal().len(), 2);
    // Once.
    rig.emulator.script(overdue(2));
    let error = bucket.get("k").await.unwrap_err();
    assert_eq!((error.code(), error.attempts(), error.is_clock_skew()), (Some("AccessDenied"), 2, true), "{error}");
}

/// When the new key is refused as well, that is the answer.
#[tokio::test(start_paused = true)]
async fn one_refresh_is_all_a_request_gets() {
    let rig = rig();
    let source = Source::minting(&rig, 10 * HOUR, Duration::from_millis(10));
    let bucket = bucket_with(&rig, &source);
    work(bucket.clone(), 0).await;
    for (status, code) in [(400, "ExpiredToken"), (403, "ExpiredToken"), (403, "InvalidAccessKeyId")] {
        advance(seconds(10)).await;
        rig.emulator.clear_journal();
        let before = source.calls();
        rig.emulator.script(Rule::on("GET Object").times(2).then(Action::status(status, code)));
        let error = bucket.get("k").await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Service, Some(code)));
        assert!(error.is_expired_credential());
        assert_eq!((error.attempts(), rig.emulator.journal().len()), (2, 2), "{status} {code}");
        assert_eq!(source.calls() - before, 1, "{status} {code}");
    }
}

#[tokio::test(start_paused = true)]
async fn other_refusals_do_not_touch_the_key() {
    let rig = rig();
    let source = Source::minting(&rig, 10 * HOUR, Duration::from_millis(10));
    let bucket = bucket_with(&rig, &source);
    work(bucket.clone(), 0).await;
    for (status, code, message) in [
        (403, "AccessDenied", "Access Denied."),
        (403, "AccessDenied", "You are denied by bucket referer rule"),
        (403, "AccessDenied", "Strict signature missing header that must be signed"),
        (403, "AccessForbidden", "expired token of another kind"),
        (403, "SignatureDoesNotMatch", "The Signature you specified is invalid."),
        (403, "InvalidObjectState", "restore it first"),
        (400, "InvalidArgument", "ExpiredToken?"),
        (401, "ExpiredToken", "a status COS does not use"),
        (404, "NoSuchKey", "ExpiredToken"),
        (451, "UnavailableForLegalReasons", "arrears"),
    ] {
        rig.emulator.clear_journal();
        let refusal = Action::Status {
            status,
            code: code.to_owned(),
            message: message.to_owned(),
            retry_after: None,
            request_id: true,
        };
        rig.emulator.script(Rule::on("GET Object").then(refusal));
        let error = bucket.get("k").await.unwrap_err();
        assert_eq!((error.kind(), error.status(), error.code()), (ErrorKind::Service, Some(status), Some(code)));
        assert_eq!((error.attempts(), rig.emulator.journal().len()), (1, 1), "{status} {code} {message}");
    }
    // A refused HEAD tells nothing, and the key has long to live.
    rig.emulator.clear_journal();
    rig.emulator.script(Rule::on("HEAD Object").then(Action::status(403, "AccessDenied")));
    let error = bucket.head("k").await.unwrap_err();
    assert_eq!((error.status(), error.code(), rig.emulator.journal().len()), (Some(403), None, 1));
    assert_eq!(source.calls(), 1);
}

/// A provider that gives out the refused key again: what COS says stands, and there is no loop.
#[tokio::test(start_paused = true)]
async fn a_provider_that_insists_on_its_key_ends_the_matter() {
    let rig = rig();
    let key: SessionCredentials = session(&rig.emulator.mint(10 * HOUR));
    let old = key.secret_id().to_owned();
    let source = Source::new(move |_| {
        let key = key.clone();
        Box::pin(async move { Ok(key.into()) })
    });
    let bucket = bucket_with(&rig, &source);
    work(bucket.clone(), 0).await;
    rig.emulator.expire(&old, ExpiryAnswer::BadRequest);
    rig.emulator.clear_journal();
    for call in 1..=20 {
        let error = bucket.get("k").await.unwrap_err();
        assert_eq!((error.status(), error.code()), (Some(400), Some("ExpiredToken")), "{error}");
        assert_eq!(error.attempts(), 1);
        assert_eq!((rig.emulator.journal().len(), source.calls()), (call, 2));
    }
    // A minute later it may be doubted again.
    advance(seconds(61)).await;
    for _ in 0..20 {
        assert_eq!(bucket.get("k").await.unwrap_err().code(), Some("ExpiredToken"));
    }
    assert_eq!((rig.emulator.journal().len(), source.calls()), (40, 3));
}

/// What a provider gives is looked at before it is used; the old key stays.
#[tokio::test(start_paused = true)]
async fn a_key_of_no_use_does_not_replace_a_good_one() {
    let temporary = |end| SessionCredentials::new("AKIDother", "other", "other", end).map(Credentials::from);
    for (what, end) in
        [("over", Some(60)), ("sooner over", Some(1700)), ("to last for 48 h", Some(48 * 3600)), ("the same", None)]
    {
        let rig = rig();
        let good = session(&rig.emulator.mint(seconds(1800)));
        let end = end.map(|end| rig.clock.true_time() + seconds(end));
        let source = Source::new(move |call| {
            let other = end.filter(|_| call > 1).map(|end| temporary(end).expect("a key"));
            let key = other.unwrap_or_else(|| good.clone().into());
            Box::pin(async move { Ok(key) })
        });
        let client = rig.client().credentials(Arc::clone(&source)).build().unwrap();
        let bucket = client.bucket(rig.emulator.bucket()).unwrap();
        work(bucket.clone(), 0).await;
        advance(seconds(1600)).await;
        at_once(10, |number| work(bucket.clone(), number)).await;
        assert!(source.calls() >= 2, "a key that is {what} was not asked for");
        assert_eq!(key_groups(&rig.emulator), [11], "a key that is {what} was used");
        assert!(client.credentials().last_error().is_some(), "a key that is {what} was taken");
    }
}

/// Who waits for a place for longer than a key lives gets the next.
#[tokio::test(start_paused = true)]
async fn a_long_wait_for_a_place_outlives_no_key() {
    for (count, life) in [(200, 600), (400, 1800), (200, 7200)] {
        let rig = rig();
        rig.emulator.script(Rule::on("PUT Object").always().then(Action::Delay(seconds(20))));
        let source = Source::minting(&rig, seconds(life), Duration::from_millis(100));
        let client = rig.client().max_connections(4).response_timeout(seconds(60)).credentials(Arc::clone(&source));
        let bucket = rig.bucket_of(client);
        let all = (0..count).map(|number| bucket.put(format!("p/{number}"), "x"));
        futures_util::future::try_join_all(all).await.unwrap();
        let refused = rig.emulator.journal().iter().filter(|record| record.status != Some(200)).count();
        assert_eq!(refused, 0, "{count} {life}");
        let lives = usize::try_from(count * 20 / 4 / life).unwrap();
        assert!((lives..=2 * lives + 4).contains(&source.calls()), "{count} {life}: {}", source.calls());
    }
}

/// Of a token whose end is not known an answer without a document is reason to ask.
#[tokio::test(start_paused = true)]
async fn a_head_refreshes_a_token_of_unknown_end() {
    for answer in [ExpiryAnswer::BadRequest, ExpiryAnswer::Forbidden, ExpiryAnswer::BareHead] {
        let rig = rig();
        let minting = Arc::clone(&rig);
        let source = Source::new(move |_| {
            let key = minting.emulator.mint(seconds(1800));
            Box::pin(async move {
                Credentials::with_token(key.secret_id, key.secret_key, key.token)
                    .map_err(|error| CredentialError::rejected(error.to_string()))
            })
        });
        rig.emulator.set_expiry_answer(answer);
        let bucket = bucket_with(&rig, &source);
        for calls in 1..4 {
            bucket.head("k").await.unwrap();
            assert!(bucket.exists("k").await.unwrap());
            assert_eq!(source.calls(), calls, "{answer:?}");
            sleep(HOUR).await;
        }
    }
}

/// Nobody else can be asked for another: the error is there at once, not after tries of 15 s, and stays.
#[tokio::test(start_paused = true)]
async fn a_fixed_key_of_no_use_is_told_at_once() {
    let rig = rig();
    let now = rig.clock.true_time();
    for end in [now - HOUR, now + 48 * HOUR] {
        let key = SessionCredentials::new("AKIDover", "key", "token", end).unwrap();
        let start = Instant::now();
        for client in
            [rig.client().credentials(key.clone()), rig.client().credentials(Arc::new(Credentials::from(key)))]
        {
            let error = rig.bucket_of(client).get("k").await.unwrap_err();
            assert_eq!((error.kind(), start.elapsed()), (ErrorKind::Credentials, Duration::ZERO), "{error}");
            assert!(!error.is_retryable());
            let told = error.source().unwrap().to_string();
            assert!(
                told.contains("given to the client is over") || told.contains("given to the client ends"),
                "{told}"
            );
        }
    }
    assert!(rig.emulator.journal().is_empty());
}

/// What the issuer's clock showed was the time when the key was new, and is none when the key comes again at its end.
#[tokio::test(start_paused = true)]
async fn a_fixed_key_at_its_end_leaves_the_clock_as_it_is() {
    let rig = rig();
    let key = session(&rig.emulator.mint(seconds(1800))).told_at(rig.clock.true_time());
    let stored = key.clone();
    let again = from_fn(move || std::future::ready(Ok::<_, CredentialError>(stored.clone())));
    let owner = rig.bucket();
    let tenants = [owner.with(Overrides::new().credentials(key)), owner.with(Overrides::new().credentials(again))];
    for tenant in &tenants {
        work(tenant.clone(), 0).await;
    }
    advance(HOUR).await;
    rig.emulator.clear_journal();
    for tenant in tenants {
        for _ in 0..2 {
            let error = tenant.get("k").await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Credentials, "{error:#}");
            assert!(format!("{error:#}").contains("is over by this machine's clock"), "{error:#}");
            assert_eq!(tenant.presign_get("k", HOUR).await.unwrap_err().kind(), ErrorKind::Credentials);
        }
        work(owner.clone(), 0).await;
    }
    assert_eq!(rig.emulator.journal().len(), 2);
}

#[test]
fn a_kind_of_failure_has_the_name_that_the_source_has() {
    use tencent_cos::client::provider::CredentialErrorKind::{NotConfigured, Rejected, Transient, Unusable};
    for kind in [NotConfigured, Transient, Unusable, Rejected] {
        assert_eq!(kind.as_str(), format!("{kind:?}"));
    }
}

/// A setting for one call takes no other back, the key of a tenant least of all.
#[tokio::test]
async fn settings_come_over_those_of_their_handle() {
    let mem = InMemory::new();
    let none = from_fn(|| async { Err::<Credentials, _>(CredentialError::rejected("not yours")) });
    let tenant = mem.bucket().with(Overrides::new().credentials(none).max_attempts(1));
    let hurried = tenant.with(Overrides::new().deadline(Duration::from_secs(5)));
    for handle in [&tenant, &hurried] {
        assert_eq!(handle.put("k", "x").await.unwrap_err().kind(), ErrorKind::Credentials);
    }
    assert!(mem.emulator.journal().is_empty());
    let own = tenant.with(Overrides::new().credentials(support::permanent(&mem.emulator)));
    let named = own.with(Overrides::new().header("x-cos-meta-a", "1").unwrap().query("x", "1"));
    let both = named.with(Overrides::new().header("x-cos-meta-b", "2").unwrap().query("y", "2"));
    both.put("k", "x").await.unwrap();
    let meta = own.head("k").await.unwrap();
    assert_eq!((meta.meta("a"), meta.meta("b")), (Some("1"), Some("2")));
    let target = mem.emulator.journal()[0].target.clone();
    assert!(target.contains("x=1") && target.contains("y=2"), "{target}");
    mem.emulator.script(Rule::on("HEAD Object").always().then(Action::status(500, "InternalError")));
    assert_eq!(both.head("k").await.unwrap_err().attempts(), 1);
}
