//! Faults across every operation they apply to: what is repeated, what is told, and what the bucket is like afterwards.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use cos_emulator::{Action, Effect, Ending, ExpiryAnswer, Rule, Spaces};
use tencent_cos::client::provider::{BoxFuture, CredentialError, ProvideCredentials};
use tencent_cos::{
    ByteStream, Client, Credentials, Error, ErrorKind, HttpClient, Payload, Phase, Result, Safety, SessionCredentials,
    TransportError,
};
use tokio::time::{Instant, advance};

use crate::operations::{Answer, Row, Scene, TABLE, Trial, public_operations};
use crate::support::{ServiceTransport, session};

/// What goes wrong, and for which operations that means something.
struct Fault {
    name: &'static str,
    what: &'static str,
    applies: fn(&Row) -> bool,
}

const REFUSED: Fault = Fault { name: "F1", what: "two connections refused", applies: |_| true };
const RESET_REPEATABLE: Fault =
    Fault { name: "F7", what: "reset before the answer, repeatable", applies: Row::is_repeatable };
const RESET_ONCE: Fault =
    Fault { name: "F8", what: "reset before the answer, not repeatable", applies: |row| !row.is_repeatable() };
const SILENCE: Fault = Fault { name: "F13", what: "no answer", applies: |_| true };
const CUT: Fault = Fault { name: "F19", what: "an answer cut short", applies: has_body };
const BURST: Fault = Fault { name: "F23", what: "bursts of 5xx", applies: |_| true };
const RETRY_AFTER: Fault = Fault {
    name: "F26",
    what: "Retry-After",
    applies: |row| matches!(row.name, "PutObject" | "GetObject" | "HeadBucket" | "CompleteMultipartUpload"),
};
const LATE_ERROR: Fault =
    Fault { name: "F28", what: "an error in a success's clothes", applies: |row| row.answer == Answer::LateXml };
const KEY_OVER: Fault = Fault { name: "F34", what: "the temporary key ends", applies: |_| true };
const DENIED: Fault = Fault { name: "F35", what: "denied by policy", applies: |_| true };
const CLOCK_OFF: Fault = Fault { name: "F41", what: "the clock is off by 20 min", applies: |_| true };
const REDIRECT: Fault = Fault { name: "F43", what: "redirects", applies: |_| true };

const FAULTS: [Fault; 12] = [
    REFUSED,
    RESET_REPEATABLE,
    RESET_ONCE,
    SILENCE,
    CUT,
    BURST,
    RETRY_AFTER,
    LATE_ERROR,
    KEY_OVER,
    DENIED,
    CLOCK_OFF,
    REDIRECT,
];

fn has_body(row: &Row) -> bool {
    !matches!(row.answer, Answer::Head | Answer::Empty)
}

impl Fault {
    fn rows(&self) -> impl Iterator<Item = &'static Row> {
        TABLE.iter().filter(|row| (self.applies)(row))
    }
}

/// An operation on its own stage, and what became of it.
struct Run {
    row: &'static Row,
    case: String,
    scene: Scene,
    trial: Box<dyn Trial>,
}

struct Outcome {
    result: Result<()>,
    sends: usize,
    elapsed: Duration,
}

impl Run {
    async fn of(row: &'static Row, case: impl fmt::Display) -> Self {
        Self::on(Scene::in_memory(), row, case).await
    }

    async fn on(scene: Scene, row: &'static Row, case: impl fmt::Display) -> Self {
        let trial = row.prepare(&scene).await;
        Self { row, case: format!("{row}: {case}"), scene, trial }
    }

    fn script(&self, rule: impl FnOnce(Rule) -> Rule) {
        self.scene.emulator().script(rule(Rule::on(self.row.title)));
    }

    async fn send(&self) -> Outcome {
        let client = self.scene.client().build().expect("a client");
        self.send_by(&client).await
    }

    async fn send_by(&self, client: &Client) -> Outcome {
        self.scene.emulator().clear_journal();
        let started = Instant::now();
        let result = self.trial.send(client).await;
        let elapsed = started.elapsed();
        Outcome { result, sends: self.scene.sends(self.row.title), elapsed }
    }

    /// The success is one, and the state is what a success leaves.
    async fn succeeded(&self, outcome: &Outcome) {
        if let Err(error) = &outcome.result {
            panic!("{}: {error}", self.case);
        }
        self.scene.emulator().clear_script();
        self.trial.check(&self.scene).await;
    }
}

impl Outcome {
    #[track_caller]
    fn error(&self, case: &str) -> &Error {
        match &self.result {
            Err(error) => error,
            Ok(()) => panic!("{case}: no error"),
        }
    }
}

fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// The waits before so many repeats are at most this long in sum: each is random, up to a limit that doubles.
fn longest_waits(base: Duration, repeats: u32) -> Duration {
    // Timers end on whole milliseconds, up to one late.
    (0..repeats).map(|repeat| base * 2_u32.pow(repeat) + millis(1)).sum()
}

const BASE: Duration = Duration::from_millis(100);
const THROTTLED: Duration = Duration::from_secs(1);

/// Refuses some connections, then lets every request through.
struct Refusing {
    left: AtomicU32,
    sends: Arc<AtomicUsize>,
    service: ServiceTransport,
}

impl fmt::Debug for Refusing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Refusing")
    }
}

impl HttpClient for Refusing {
    fn execute(
        &self,
        request: http::Request<Payload>,
    ) -> BoxFuture<'_, Result<http::Response<ByteStream>, TransportError>> {
        self.sends.fetch_add(1, Ordering::Relaxed);
        let refuse = |left: u32| left.checked_sub(1);
        if self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, refuse).is_ok() {
            return Box::pin(async { Err(TransportError::new(Phase::Connect, "connection refused")) });
        }
        self.service.execute(request)
    }
}

#[tokio::test(start_paused = true)]
async fn two_refused_connections_are_nothing() {
    for row in REFUSED.rows() {
        for failover in [true, false] {
            let run = Run::of(row, format!("failover {failover}")).await;
            let sends = Arc::new(AtomicUsize::new(0));
            let service = ServiceTransport(run.scene.emulator().service());
            let refusing = Refusing { left: AtomicU32::new(2), sends: Arc::clone(&sends), service };
            let client = run.scene.client().http_client(refusing).failover(failover).build().expect("a client");
            let outcome = run.send_by(&client).await;
            run.succeeded(&outcome).await;
            assert_eq!((sends.load(Ordering::Relaxed), outcome.sends), (3, 1), "{}", run.case);
            let waited = outcome.elapsed;
            assert!(Duration::ZERO < waited && waited <= longest_waits(BASE, 2), "{}: {waited:?}", run.case);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_reset_before_the_answer_is_repeated_where_that_is_safe() {
    for row in RESET_REPEATABLE.rows() {
        for effect in [Effect::Skip, Effect::Apply] {
            let run = Run::of(row, format!("{effect:?}")).await;
            run.script(|rule| rule.then(Action::ResetBeforeHeaders).effect(effect));
            let outcome = run.send().await;
            assert_eq!(outcome.sends, 2, "{}: {:?}", run.case, outcome.result);
            run.succeeded(&outcome).await;
            assert!(outcome.elapsed <= longest_waits(BASE, 1), "{}: {:?}", run.case, outcome.elapsed);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_reset_before_the_answer_is_told_where_repeating_is_not_safe() {
    for row in RESET_ONCE.rows() {
        for effect in [Effect::Skip, Effect::Apply] {
            let run = Run::of(row, format!("{effect:?}")).await;
            run.script(|rule| rule.then(Action::ResetBeforeHeaders).effect(effect));
            let outcome = run.send().await;
            let error = outcome.error(&run.case);
            assert_eq!((outcome.sends, error.kind()), (1, ErrorKind::Ambiguous), "{}: {error}", run.case);
            assert!(error.may_have_taken_effect() && !error.is_retryable(), "{}", run.case);
            assert_eq!(error.upload_id().map(str::to_owned), run.trial.upload_id(), "{}", run.case);
            assert_eq!((error.operation(), error.attempts()), (Some(row.title), 1), "{}", run.case);
            if effect == Effect::Apply {
                run.trial.check(&run.scene).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn silence_is_waited_for_as_long_as_the_operation_may_take() {
    for row in SILENCE.rows() {
        let limit = if row.answer == Answer::LateXml { 20 * 60 } else { 30 };
        let run = Run::of(row, "silence").await;
        run.script(|rule| rule.then(Action::StallBeforeHeaders(seconds(24 * 3600))));
        let outcome = run.send().await;
        if row.is_repeatable() {
            assert_eq!(outcome.sends, 2, "{}: {:?}", run.case, outcome.result);
        } else {
            let error = outcome.error(&run.case);
            assert_eq!((outcome.sends, error.kind()), (1, ErrorKind::Ambiguous), "{}: {error}", run.case);
            assert!(error.may_have_taken_effect(), "{}", run.case);
        }
        let elapsed = outcome.elapsed;
        assert!((seconds(limit - 1)..=seconds(limit + 1)).contains(&elapsed), "{}: {elapsed:?}", run.case);
        if row.is_repeatable() {
            run.succeeded(&outcome).await;
        }

        // A second less is no reason to give up.
        let run = Run::of(row, "a late answer").await;
        run.script(|rule| rule.then(Action::StallBeforeHeaders(seconds(limit - 1))));
        let outcome = run.send().await;
        assert_eq!((outcome.sends, outcome.elapsed.as_secs()), (1, limit - 1), "{}", run.case);
        run.succeeded(&outcome).await;
    }
}

const PLACES: [Spaces; 3] = [Spaces::AfterDeclaration, Spaces::WithoutDeclaration, Spaces::BeforeDeclaration];

fn spaces(place: Spaces, count: u64, every: Duration, then: Ending) -> Action {
    Action::KeepAliveSpaces { place, count, every, then }
}

/// COS answers 200 at once, and sends a blank now and then while it works.
#[tokio::test(start_paused = true)]
async fn nineteen_minutes_of_blanks_are_waited_for() {
    for row in LATE_ERROR.rows() {
        for place in PLACES {
            for (count, every) in [(19, 60), (1, 19 * 60), (114, 10)] {
                let run = Run::of(row, format!("{place:?}, {count} blanks")).await;
                run.script(|rule| rule.then(spaces(place, count, seconds(every), Ending::Result)));
                let outcome = run.send().await;
                assert_eq!(
                    (outcome.sends, outcome.elapsed.as_secs()),
                    (1, 19 * 60),
                    "{}: {:?}",
                    run.case,
                    outcome.result
                );
                run.succeeded(&outcome).await;
            }
        }
    }
}

/// Blanks and nothing else: nobody knows how it ended.
#[tokio::test(start_paused = true)]
async fn blanks_are_no_answer() {
    for row in LATE_ERROR.rows() {
        for place in PLACES {
            for ending in [Ending::Nothing, Ending::Close, Ending::Reset] {
                let run = Run::of(row, format!("{place:?}, {ending:?}")).await;
                run.script(|rule| rule.then(spaces(place, 3, seconds(10), ending)).effect(Effect::Apply).always());
                let outcome = run.send().await;
                let error = outcome.error(&run.case);
                let sends = if row.is_repeatable() { 4 } else { 1 };
                assert_eq!((outcome.sends, error.attempts()), (sends, u32::try_from(sends).expect("few")), "{error}");
                assert_eq!(error.kind(), ErrorKind::Ambiguous, "{}: {error:?}", run.case);
                assert!(error.may_have_taken_effect(), "{}: {error:?}", run.case);
                run.trial.check(&run.scene).await;
            }
        }
    }
}

/// What a row answers when nothing goes wrong.
struct Intact {
    head: http::response::Parts,
    body: Bytes,
}

impl Intact {
    /// The headers that come from the operation itself, and maybe another length.
    fn headers(&self, length: Option<usize>) -> Vec<(String, String)> {
        let own = self.head.headers.iter().filter(|(name, _)| {
            !matches!(name.as_str(), "content-length" | "date" | "server" | "connection" | "x-cos-request-id")
        });
        let mut headers: Vec<_> =
            own.map(|(name, value)| (name.to_string(), value.to_str().expect("text").to_owned())).collect();
        headers.extend(length.map(|length| ("content-length".to_owned(), length.to_string())));
        headers
    }
}

/// Sends the operation once, and keeps its answer.
async fn intact(row: &'static Row) -> Intact {
    let run = Run::of(row, "intact").await;
    let kept = Arc::default();
    let service = ServiceTransport(run.scene.emulator().service());
    let client = run.scene.client().http_client(Keeping { service, kept: Arc::clone(&kept) }).build();
    let outcome = run.send_by(&client.expect("a client")).await;
    run.succeeded(&outcome).await;
    let kept = kept.lock().expect("no panic").take();
    kept.expect("an answer")
}

/// Keeps the last answer.
struct Keeping {
    service: ServiceTransport,
    kept: Arc<std::sync::Mutex<Option<Intact>>>,
}

impl fmt::Debug for Keeping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keeping")
    }
}

impl HttpClient for Keeping {
    fn execute(
        &self,
        request: http::Request<Payload>,
    ) -> BoxFuture<'_, Result<http::Response<ByteStream>, TransportError>> {
        Box::pin(async move {
            let (head, body) = self.service.execute(request).await?.into_parts();
            let body = body.bytes(1 << 20).await.expect("a body");
            *self.kept.lock().expect("no panic") = Some(Intact { head: head.clone(), body: body.clone() });
            Ok(http::Response::from_parts(head, body.into()))
        })
    }
}

/// Neither a connection that breaks nor one that ends in good order makes a part pass for the whole.
#[tokio::test(start_paused = true)]
async fn a_truncated_answer_is_never_a_success() {
    for row in CUT.rows() {
        let whole = intact(row).await;
        // Without the line break at the end of a document nothing is missing.
        let length = whole.body.trim_ascii_end().len();
        for at in [0, 1, length / 2, length - 1] {
            for action in [
                Action::CutBody { at: at as u64 },
                Action::ResetBody { at: at as u64 },
                // The transport notices nothing: the length is right, or there is none.
                Action::RawBody { status: 200, headers: whole.headers(None), body: whole.body.slice(..at) },
            ] {
                let replaced = matches!(action, Action::RawBody { .. });
                if replaced && at == 0 && row.may_say_nothing() {
                    continue;
                }
                let run = Run::of(row, format!("{at} of {length}, {action:?}")).await;
                run.script(|rule| rule.then(action.clone()).effect(Effect::Apply).always());
                // A stream would be read on, see resume.rs.
                let attempts = if row.answer == Answer::Stream { 1 } else { 4 };
                let client = run.scene.client().max_attempts(attempts).build().expect("a client");
                let outcome = run.send_by(&client).await;
                let error = outcome.error(&run.case);
                let kinds = [ErrorKind::Transport, ErrorKind::Response, ErrorKind::Integrity, ErrorKind::Ambiguous];
                assert!(kinds.contains(&error.kind()), "{}: {error:?}", run.case);
                assert_eq!(error.may_have_taken_effect(), row.safety != Safety::Read, "{}: {error:?}", run.case);
                if !row.is_repeatable() {
                    assert_eq!(outcome.sends, 1, "{}", run.case);
                    run.trial.check(&run.scene).await;
                }
                if row.answer == Answer::Frames {
                    // What was handed on cannot be taken back: who asked has to ask again.
                    assert_eq!((outcome.sends, error.is_retryable()), (1, true), "{}: {error:?}", run.case);
                    continue;
                }
                if replaced || !row.is_repeatable() {
                    continue;
                }

                let run = Run::of(row, format!("{at} of {length}, once")).await;
                run.script(|rule| rule.then(action));
                let outcome = run.send().await;
                assert_eq!(outcome.sends, 2, "{}: {:?}", run.case, outcome.result);
                run.succeeded(&outcome).await;
            }
        }
    }
}

const UNAVAILABLE: [(u16, &str); 4] =
    [(500, "InternalError"), (502, "BadGateway"), (503, "ServiceUnavailable"), (504, "GatewayTimeout")];

#[tokio::test(start_paused = true)]
async fn a_burst_of_5xx_is_waited_out_where_that_is_safe() {
    for row in BURST.rows().filter(|row| row.safety != Safety::CreatesState) {
        for (status, code) in UNAVAILABLE {
            for burst in 1..=6 {
                let run = Run::of(row, format!("{burst} times {status}")).await;
                run.script(|rule| rule.then(Action::status(status, code)).times(burst));
                let outcome = run.send().await;
                let repeats = u32::try_from(outcome.sends).expect("few") - 1;
                if burst <= 3 {
                    assert_eq!(u64::from(repeats), burst, "{}: {:?}", run.case, outcome.result);
                    run.succeeded(&outcome).await;
                } else {
                    let error = outcome.error(&run.case);
                    assert_eq!((outcome.sends, error.attempts()), (4, 4), "{}", run.case);
                    assert_eq!((error.kind(), error.status()), (ErrorKind::Service, Some(status)), "{}", run.case);
                    assert!(error.is_retryable(), "{}", run.case);
                    assert_eq!(error.may_have_taken_effect(), row.safety != Safety::Read, "{}", run.case);
                }
                assert!(outcome.elapsed <= longest_waits(BASE, repeats), "{}: {:?}", run.case, outcome.elapsed);
            }
        }
    }
}

/// COS did it, and says that it had a problem.
#[tokio::test(start_paused = true)]
async fn a_5xx_after_the_fact_never_undoes_a_success() {
    for row in BURST.rows().filter(|row| row.safety != Safety::CreatesState) {
        let run = Run::of(row, "done, and 500").await;
        run.script(|rule| rule.then(Action::status(500, "InternalError")).effect(Effect::Apply));
        let outcome = run.send().await;
        assert_eq!(outcome.sends, 2, "{}: {:?}", run.case, outcome.result);
        // A completion that was done is not there to be repeated. Who it was is for the caller to find out.
        if row.name == "CompleteMultipartUpload" {
            let error = outcome.error(&run.case);
            assert_eq!((error.kind(), error.code()), (ErrorKind::Ambiguous, Some("NoSuchUpload")), "{error}");
            assert!(error.upload_id().is_some(), "{error}");
            run.trial.check(&run.scene).await;
        } else {
            run.succeeded(&outcome).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_creates_something_new_is_repeated_only_when_cos_refused_to_begin() {
    for row in BURST.rows().filter(|row| row.safety == Safety::CreatesState) {
        for (status, code) in UNAVAILABLE {
            for effect in [Effect::Skip, Effect::Apply] {
                let run = Run::of(row, format!("{status}, {effect:?}")).await;
                run.script(|rule| rule.then(Action::status(status, code)).effect(effect));
                let outcome = run.send().await;
                let error = outcome.error(&run.case);
                assert_eq!((outcome.sends, error.status()), (1, Some(status)), "{}: {error}", run.case);
                assert!(error.may_have_taken_effect(), "{}: {error}", run.case);
                if effect == Effect::Apply {
                    run.trial.check(&run.scene).await;
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn slow_down_is_heeded_by_every_operation() {
    for row in BURST.rows() {
        // An answer to HEAD has no document: it is a 503 like any other.
        let base = if row.answer == Answer::Head { BASE } else { THROTTLED };
        for burst in 1..=6 {
            let run = Run::of(row, format!("{burst} times SlowDown")).await;
            run.script(|rule| rule.then(Action::status(503, "SlowDown")).times(burst));
            let outcome = run.send().await;
            let repeats = u32::try_from(outcome.sends).expect("few") - 1;
            assert_eq!(u64::from(repeats), burst.min(3), "{}: {:?}", run.case, outcome.result);
            assert!(outcome.elapsed <= longest_waits(base, repeats), "{}: {:?}", run.case, outcome.elapsed);
            if burst <= 3 {
                run.succeeded(&outcome).await;
            } else {
                let error = outcome.error(&run.case);
                assert_eq!(error.is_throttled(), row.answer != Answer::Head, "{}: {error}", run.case);
                assert!(error.is_retryable(), "{}: {error}", run.case);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_honoured_capped_or_ignored() {
    for row in RETRY_AFTER.rows() {
        for (asked, least, most) in [
            ("7", seconds(7), seconds(7)),
            ("in 7 s", seconds(7), seconds(7)),
            ("a minute ago", Duration::ZERO, BASE),
            ("99999", seconds(60), seconds(60)),
            ("soon", Duration::ZERO, BASE),
            ("-3", Duration::ZERO, BASE),
            ("", Duration::ZERO, BASE),
        ] {
            let run = Run::of(row, format!("Retry-After: {asked}")).await;
            let now = run.scene.memory().clock.true_time();
            let retry_after = match asked {
                "in 7 s" => date(now + seconds(7)),
                "a minute ago" => date(now - seconds(60)),
                other => other.to_owned(),
            };
            let action = Action::Status {
                status: 503,
                code: "ServiceUnavailable".to_owned(),
                message: "Try later.".to_owned(),
                retry_after: Some(retry_after),
                request_id: true,
            };
            run.script(|rule| rule.then(action));
            let outcome = run.send().await;
            run.succeeded(&outcome).await;
            let waited = outcome.elapsed;
            assert!(least <= waited && waited <= most + millis(2), "{}: {waited:?}", run.case);
        }
    }
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`.
fn date(time: SystemTime) -> String {
    httpdate::fmt_http_date(time)
}

#[tokio::test(start_paused = true)]
async fn an_error_behind_a_200_is_an_error_like_any_other() {
    for row in LATE_ERROR.rows() {
        for code in ["InternalError", "SlowDown", "ServiceUnavailable"] {
            for burst in 1..=4 {
                let run = Run::of(row, format!("{burst} times 200 {code}")).await;
                run.script(|rule| rule.then(Action::status(200, code)).times(burst));
                let outcome = run.send().await;
                if burst <= 3 {
                    assert_eq!(outcome.sends as u64, burst + 1, "{}: {:?}", run.case, outcome.result);
                    run.succeeded(&outcome).await;
                } else {
                    let error = outcome.error(&run.case);
                    assert_eq!((outcome.sends, error.kind()), (4, ErrorKind::Service), "{}: {error}", run.case);
                    assert_eq!((error.code(), error.status()), (Some(code), Some(200)), "{}", run.case);
                    assert!(error.is_retryable(), "{}", run.case);
                }
            }
        }
        let at_the_end = |code: &str| Ending::Error { code: code.to_owned(), message: "No.".to_owned() };
        for place in PLACES {
            let run = Run::of(row, format!("{place:?}, then InternalError")).await;
            run.script(|rule| rule.then(spaces(place, 3, seconds(10), at_the_end("InternalError"))));
            let outcome = run.send().await;
            assert_eq!(outcome.sends, 2, "{}: {:?}", run.case, outcome.result);
            run.succeeded(&outcome).await;
        }
        let blanks = |code| spaces(Spaces::AfterDeclaration, 3, seconds(10), at_the_end(code));
        for (code, action) in ["AccessDenied", "NoSuchKey"]
            .into_iter()
            .flat_map(|code| [(code, Action::status(200, code)), (code, blanks(code))])
        {
            let run = Run::of(row, format!("200 {code}")).await;
            run.script(|rule| rule.then(action).always());
            let outcome = run.send().await;
            let error = outcome.error(&run.case);
            assert_eq!((outcome.sends, error.kind()), (1, ErrorKind::Service), "{}: {error}", run.case);
            assert_eq!((error.code(), error.may_have_taken_effect()), (Some(code), false), "{}: {error}", run.case);
        }
    }
}

/// Whoever looks for the names of errors in an answer finds them in the names of objects.
#[tokio::test(start_paused = true)]
async fn an_object_may_have_the_name_of_an_error() {
    for row in TABLE {
        let scene = Scene::in_memory().with_key("InternalError.SlowDown.txt");
        let run = Run::on(scene, row, "named like an error").await;
        let outcome = run.send().await;
        run.succeeded(&outcome).await;
        assert_eq!(outcome.sends, 1, "{}", run.case);
    }
}

/// Hands out keys that were made beforehand, and counts.
#[derive(Debug)]
struct Keys {
    keys: Vec<SessionCredentials>,
    calls: AtomicUsize,
}

impl Keys {
    /// The first lives for half an hour, the others for a day.
    fn new(scene: &Scene) -> Arc<Self> {
        let mint = |life| session(&scene.emulator().mint(life));
        let keys = vec![mint(seconds(1800)), mint(seconds(86_400)), mint(seconds(86_400))];
        Arc::new(Self { keys, calls: AtomicUsize::new(0) })
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }
}

impl ProvideCredentials for Keys {
    fn provide(&self) -> BoxFuture<'static, Result<Credentials, CredentialError>> {
        let key = self.keys[self.calls.fetch_add(1, Ordering::Relaxed)].clone();
        Box::pin(async move { Ok(key.into()) })
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_ended_is_refreshed_once_and_the_request_sent_once_more() {
    for row in KEY_OVER.rows() {
        let answers = [
            ExpiryAnswer::BadRequest,
            ExpiryAnswer::Forbidden,
            ExpiryAnswer::RequestHasExpired,
            ExpiryAnswer::BareHead,
        ];
        for answer in answers {
            let run = Run::of(row, format!("{answer:?}")).await;
            let keys = Keys::new(&run.scene);
            let client = run.scene.client().credentials(Arc::clone(&keys)).build().expect("a client");
            client.credentials().current().await.expect("the first key");
            if row.answer == Answer::Head {
                // Nothing in the answer tells why: only a key near its end explains it.
                advance(seconds(1755)).await;
            }
            let old = keys.keys[0].secret_id();
            assert!(run.scene.emulator().expire(old, answer), "{}", run.case);

            let outcome = run.send_by(&client).await;
            let signed_by: Vec<_> = run.scene.emulator().journal().into_iter().map(|record| record.key_id).collect();
            let expected = keys.keys[..2].iter().map(|key| Some(key.secret_id().to_owned()));
            assert_eq!(signed_by, expected.collect::<Vec<_>>(), "{}: {:?}", run.case, outcome.result);
            assert_eq!((keys.calls(), outcome.elapsed), (2, Duration::ZERO), "{}", run.case);
            run.succeeded(&outcome).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_policy_denies_is_neither_refreshed_nor_repeated() {
    for row in DENIED.rows() {
        let run = Run::of(row, "denied").await;
        let keys = Keys::new(&run.scene);
        let client = run.scene.client().credentials(Arc::clone(&keys)).build().expect("a client");
        client.credentials().current().await.expect("the first key");
        run.script(|rule| rule.then(Action::status(403, "AccessDenied")).always());
        let outcome = run.send_by(&client).await;
        let error = outcome.error(&run.case);
        assert_eq!((outcome.sends, keys.calls()), (1, 1), "{}: {error}", run.case);
        assert_eq!((error.kind(), error.status()), (ErrorKind::Service, Some(403)), "{}", run.case);
        assert!(!error.may_have_taken_effect() && !error.is_retryable(), "{}: {error:?}", run.case);
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_off_costs_one_request() {
    for row in CLOCK_OFF.rows() {
        for off in [1200, -1200] {
            let run = Run::of(row, format!("{off} s off")).await;
            run.scene.memory().clock.set_off(off);
            let outcome = run.send().await;
            assert_eq!((outcome.sends, outcome.elapsed), (2, Duration::ZERO), "{}: {:?}", run.case, outcome.result);
            run.succeeded(&outcome).await;

            // The correction is the client's: what comes next, of whatever kind, needs none.
            let run = Run::of(row, format!("{off} s off, and known")).await;
            run.scene.memory().clock.set_off(off);
            let client = run.scene.client().build().expect("a client");
            let bucket = client.bucket(run.scene.emulator().bucket()).expect("a bucket");
            assert!(!bucket.exists("nothing").await.expect("an answer"), "{}", run.case);
            let outcome = run.send_by(&client).await;
            assert_eq!((outcome.sends, outcome.elapsed), (1, Duration::ZERO), "{}: {:?}", run.case, outcome.result);
            run.succeeded(&outcome).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_redirect_is_an_answer_and_not_an_order() {
    for row in REDIRECT.rows() {
        for status in [301, 302, 307, 308] {
            let run = Run::of(row, status).await;
            let location = vec![("location".to_owned(), "https://elsewhere.example/".to_owned())];
            run.script(|rule| rule.then(Action::RawBody { status, headers: location, body: Bytes::new() }).always());
            let outcome = run.send().await;
            let error = outcome.error(&run.case);
            assert_eq!((outcome.sends, error.kind()), (1, ErrorKind::Response), "{}: {error}", run.case);
            assert_eq!((error.status(), error.is_retryable()), (Some(status), false), "{}: {error}", run.case);
            assert!(error.request_id().is_some() && !error.may_have_taken_effect(), "{}: {error:?}", run.case);
            let hosts = run.scene.emulator().journal();
            assert!(hosts.iter().all(|record| !record.host.contains("elsewhere")), "{}", run.case);
            assert_eq!(hosts.len(), 1, "{}", run.case);
        }
    }
}

/// Every operation meets every fault that means something for it. Printed with `--nocapture`.
#[test]
fn every_operation_meets_every_fault() {
    let width = TABLE.iter().map(|row| row.to_string().len()).max().unwrap_or_default();
    let cells =
        |row: &Row| FAULTS.map(|fault| if (fault.applies)(row) { format!("{:>5}", "x") } else { "     ".into() });
    for fault in &FAULTS {
        println!("{:>4}  {}", fault.name, fault.what);
    }
    println!("{:width$}{}", "", FAULTS.map(|fault| format!("{:>5}", fault.name)).concat());
    for row in TABLE {
        println!("{:width$}{}", row.to_string(), cells(row).concat());
    }

    for operation in public_operations() {
        let rows: Vec<&Row> = TABLE.iter().filter(|row| row.name == operation).collect();
        let meets = |fault: &Fault| rows.iter().any(|row| (fault.applies)(row));
        for fault in [REFUSED, SILENCE, BURST, KEY_OVER, CLOCK_OFF, REDIRECT] {
            assert!(meets(&fault), "{operation} does not meet {}", fault.name);
        }
        for row in &rows {
            let reset = (RESET_REPEATABLE.applies)(row) || (RESET_ONCE.applies)(row);
            assert!(reset, "{row} meets neither F7 nor F8");
            assert!((CUT.applies)(row) || !has_body(row), "{row} does not meet F19");
        }
        assert!(!rows.is_empty(), "{operation} meets nothing");
    }
}
