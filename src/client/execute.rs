//! The loop: describe, sign, send, read, judge, all of it anew for every attempt.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::response::Parts;
use http::{HeaderValue, Method, Response, header};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::answer::{REQUEST_ID, bare_answer, content_length, header_text};
use crate::body::{Body, ByteStream};
use crate::client::budget::UNAFFORDABLE;
use crate::client::clock::{CorrectedClock, Mark};
use crate::client::defaults::{COMMIT_TIMEOUT, CONNECT_GRACE, MAX_ATTEMPTS, TRANSFER_ATTEMPTS};
use crate::client::failover::Side;
use crate::client::http::{Fresh, HttpClient, Phase, TransportError};
use crate::client::overrides::Overrides;
use crate::client::payload::{Payload, Progress};
use crate::client::provider::{BoxFuture, Snapshot};
use crate::client::reach::Reach;
use crate::client::resume::{Ask, Onward, Origin, Resuming};
use crate::client::route::{Route, peer_of, server_time};
use crate::client::runtime::in_runtime;
use crate::client::signer::Signer;
use crate::client::stall::Stalling;
use crate::client::trace::{self, Span};
use crate::client::verdict::{Failure, Waits, age, judge_output, late, refused, unread};
use crate::endpoint::Address;
use crate::error::{Class, Error, ErrorKind, Result};
use crate::head::Head;
use crate::object::{HeadObject, ObjectMeta};
use crate::operation::{Operation, ResponseBody, Safety, Sent, given, no_part, unset};
use crate::paging::Paged;
use crate::request::Target;
use crate::retry::{Decision, Evidence, History, backoff};
use crate::sign;
use crate::time::Clock;
use crate::xml;

/// What every request of a client shares.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) http: Arc<dyn HttpClient>,
    pub(crate) signer: Arc<Signer>,
    /// The clock as COS sees it.
    pub(crate) clock: Arc<CorrectedClock>,
    pub(crate) limits: Limits,
    pub(crate) connections: Arc<Semaphore>,
    pub(crate) user_agent: HeaderValue,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) connect: Duration,
    pub(crate) stall: Duration,
    pub(crate) response: Duration,
    /// As many as are usual, when nothing else was said.
    pub(crate) attempts: Option<u32>,
}

/// One operation on one route.
pub(crate) struct Call<'a> {
    pub(crate) engine: &'a Arc<Engine>,
    pub(crate) route: &'a Arc<Route>,
    pub(crate) overrides: &'a Arc<Overrides>,
}

/// How far an operation came; it survives the deadline that ends it.
struct Journey<T> {
    attempts: u32,
    /// When the first attempt began, by the monotonic clock.
    began: Option<Duration>,
    history: History,
    under_way: bool,
    /// What it waits for.
    waits: Waits,
    keep: bool,
    /// What the latest attempt failed with.
    failure: Option<Error>,
    /// The key of the latest attempt.
    snapshot: Option<Snapshot>,
    /// The host of the latest attempt.
    side: Side,
    /// The body, once an attempt has sent all of it.
    sent: Option<Sent>,
    /// It waits here, and is not handed up from call to call.
    arrived: Option<Arrived<T>>,
}

/// The output, and the head of the answer if that is kept.
type Arrived<T> = (T, Option<Box<Parts>>);

impl<T> Journey<T> {
    fn new(keep: bool) -> Self {
        Self {
            attempts: 0,
            began: None,
            history: History::default(),
            under_way: false,
            waits: Waits::Key,
            keep,
            failure: None,
            snapshot: None,
            side: Side::Primary,
            sent: None,
            arrived: None,
        }
    }

    /// The end, with what the latest attempt failed with.
    fn failed(&mut self) -> Error {
        self.failure.take().expect("an attempt that is not repeated has failed")
    }
}

impl Call<'_> {
    /// Sends the operation until it succeeds, fails for good, or the budget ends. `keep` keeps the head of the answer.
    pub(crate) async fn send<O: Operation>(&self, operation: &O, keep: bool) -> Result<Arrived<O::Output>> {
        let mut journey = Journey::new(keep);
        {
            // Pinned, so that it is not moved from hand to hand: it is large.
            let run = std::pin::pin!(self.run_in_time(operation, &mut journey));
            let host = self.route.address.host();
            Span::operation(O::NAME, &O::METHOD, host, || self.target(operation)).around(run).await?;
        }
        Ok(journey.arrived.expect("an operation that did not fail has arrived"))
    }

    async fn run_in_time<O: Operation>(&self, operation: &O, journey: &mut Journey<O::Output>) -> Result<()> {
        if let Err(error) = in_runtime() {
            return Err(self.given_up(operation, journey, error));
        }
        let outcome = match self.overrides.deadline {
            None => self.run(operation, journey).await,
            Some(deadline) => {
                let in_time = tokio::time::timeout(deadline, self.run(operation, journey)).await;
                in_time.unwrap_or_else(|_| {
                    let no_key = if journey.waits == Waits::Key { self.no_key() } else { None };
                    let before = no_key.or_else(|| journey.failure.take());
                    Err(late(deadline, journey.waits, before).may_have(journey.under_way))
                })
            }
        };
        outcome.map_err(|error| self.given_up(operation, journey, error))
    }

    /// Why there is no key to sign with, when that is what an operation waits for.
    #[cold]
    fn no_key(&self) -> Option<Error> {
        let credentials = self.signer().credentials();
        let failed = credentials.last_error().filter(|_| credentials.peek().is_none());
        failed.map(Error::from)
    }

    /// The error with all that is known of the operation.
    #[cold]
    fn given_up<O: Operation>(&self, operation: &O, journey: &Journey<O::Output>, error: Error) -> Error {
        let open = journey.history.ambiguous || error.may_have_taken_effect();
        let error = error.may_have(open && operation.safety() != Safety::Read);
        let request = operation.request().ok();
        let upload_id = request.as_ref().and_then(|request| request.param("uploadId"));
        let error = error.during(O::NAME, &self.target(operation), journey.attempts).with_upload_id(upload_id);
        let address = self.route.address_of(journey.side);
        let error = self.explain(operation, address, journey.snapshot.as_ref(), error);
        trace::gave_up(&error);
        error
    }

    /// The same, with status and headers of the answer beside the output.
    pub(crate) async fn send_raw<O: Operation>(&self, operation: &O) -> Result<Response<O::Output>> {
        let (output, head) = self.send(operation, true).await?;
        let mut response = Response::new(output);
        if let Some(head) = head {
            *response.status_mut() = head.status;
            *response.version_mut() = head.version;
            *response.headers_mut() = head.headers;
        }
        Ok(response)
    }

    /// A page, and the operation that fetches the next.
    pub(crate) async fn page<O: Paged>(&self, operation: &O) -> Result<(O::Output, Option<O>)> {
        let (output, _) = self.send(operation, false).await?;
        let next = operation.next_page(&output)?;
        Ok((output, next))
    }

    /// What the operation is about, for people to read: the bucket, or bucket and key.
    fn target<O: Operation>(&self, operation: &O) -> String {
        let target = operation.request().map(|request| request.target().clone());
        self.route.told(&target.unwrap_or(Target::Bucket))
    }

    async fn run<O: Operation>(&self, operation: &O, journey: &mut Journey<O::Output>) -> Result<()> {
        let limit = self.max_attempts();
        let mut spent = 0;
        let mut free = false;
        // Failed attempts to connect that do not count.
        let mut missed = 0;
        loop {
            journey.history.tries += u32::from(!std::mem::take(&mut free));
            let Failure { error, evidence } = match self.attempt(operation, journey).await {
                Ok(()) => {
                    self.route.host.budget.give_back(spent);
                    return Ok(());
                }
                Err(failure) => failure,
            };
            // Whether it took effect is for the history to say from here.
            journey.under_way = false;
            trace::failed(journey.attempts, &error, evidence);
            let replayable = operation.request()?.body_ref().is_replayable();
            let Some(snapshot) = journey.snapshot.clone() else { return Err(error) };
            let temporary = snapshot.credentials().token().is_some();
            if let Some(output) = Self::settled(operation, journey, &error) {
                trace::event("reconciled");
                journey.arrived = Some((output, None));
                return Ok(());
            }
            let before = journey.history;
            let decide = |history: &mut History, limit| {
                history.decide(evidence, operation.safety(), replayable, temporary, limit)
            };
            let unreached = evidence == Evidence::Unsent && matches!(error.phase(), Some(Phase::Dns | Phase::Connect));
            let outage = if unreached { self.outage() } else { None };
            let limit = match outage {
                Some(_) => u32::MAX,
                None if unreached && missed > 0 => 0,
                None => limit,
            };
            let mut decision = decide(&mut journey.history, limit);
            // It stays there while something is waited for: a deadline that ends the wait tells it.
            let error = journey.failure.insert(error);
            let asked = error.service().and_then(|service| service.retry_after).unwrap_or_default();
            journey.waits = Waits::Repeat;
            if let (Decision::Wait { cost, .. }, None) = (decision, outage) {
                if self.route.host.budget.afford(cost, self.overrides.is_patient()).await {
                    spent += cost;
                } else {
                    journey.failure = Some(journey.failed().with_advice(UNAFFORDABLE.to_owned()));
                    journey.history = before;
                    decision = decide(&mut journey.history, 0);
                }
            }
            match decision {
                Decision::Stop => return Err(journey.failed()),
                Decision::StopAmbiguous => {
                    let guarded =
                        operation.safety() == Safety::Guarded && evidence == Evidence::Answer(Class::Terminal);
                    if guarded && self.reconcile(operation, journey).await.is_some() {
                        return Ok(());
                    }
                    return Err(journey.failed().into_ambiguous());
                }
                Decision::Again | Decision::Resign => free = true,
                Decision::Wait { base, .. } => {
                    let random = fastrand::f64();
                    if let Some((reach, left)) = outage {
                        free = true;
                        missed += 1;
                        reach.wait(backoff(base, missed, random).min(left)).await;
                    } else {
                        tokio::time::sleep(backoff(base, journey.history.tries, random).max(asked)).await;
                    }
                }
                Decision::RefreshCredentials => {
                    free = true;
                    journey.waits = Waits::Key;
                    if !self.has_another_key(&snapshot).await && decide(&mut journey.history, limit) != Decision::Resign
                    {
                        // No other key is to be had: what COS said stands.
                        return Err(journey.failed());
                    }
                }
            }
        }
    }

    /// A refusal that says an earlier attempt, whose end was unknown, took effect.
    fn settled<O: Operation>(operation: &O, journey: &Journey<O::Output>, error: &Error) -> Option<O::Output> {
        error.service().filter(|_| journey.history.ambiguous).and_then(|refusal| operation.settled_by(refusal))
    }

    /// A guard says no after an attempt whose end is unknown: the object there may be the very one that was sent.
    async fn reconcile<O: Operation>(&self, operation: &O, journey: &mut Journey<O::Output>) -> Option<()> {
        let sent = Sent { attempts: journey.attempts, ..journey.sent? };
        let request = operation.request().ok()?;
        let Target::Object(key) = request.target() else { return None };
        let head = given(HeadObject::new(key.clone()), operation.customer_key(), HeadObject::customer_key);
        let found = self.probe(head).await.ok()?;
        let age = age(found.headers())?;
        let since_begun = self.engine.clock.monotonic().saturating_sub(journey.began.unwrap_or_default());
        // What another put there before may have the very same bytes. Times are told in whole seconds.
        if age > since_begun + Duration::from_secs(2) {
            return None;
        }
        let output = operation.reconcile(&sent, found.headers())?;
        trace::event("reconciled");
        let mut head = Response::new(()).into_parts().0;
        head.headers = found.headers().clone();
        journey.arrived = Some((output, journey.keep.then(|| Box::new(head))));
        Some(())
    }

    /// In a box of its own: it is this loop again.
    fn probe(&self, head: HeadObject) -> BoxFuture<'_, Result<ObjectMeta>> {
        Box::pin(async move { Ok(self.send(&head, false).await?.0) })
    }

    /// Whether the credentials have another key than this one, which COS refused.
    async fn has_another_key(&self, refused: &Snapshot) -> bool {
        let credentials = self.signer().credentials();
        credentials.invalidate(refused.generation());
        credentials.current().await.is_ok_and(|current| current.generation() != refused.generation())
    }

    pub(crate) fn signer(&self) -> &Signer {
        self.overrides.signer.as_deref().unwrap_or(&self.engine.signer)
    }

    /// A place among the connections the client may have.
    async fn permit(&self) -> OwnedSemaphorePermit {
        let permit = Arc::clone(&self.engine.connections).acquire_owned().await;
        permit.expect("the semaphore is never closed")
    }

    /// A place, the time, and the key of that time. Signed once the connection is to be had: what waits here does not
    /// grow old.
    async fn turn(&self, waits: &mut Waits) -> Result<(OwnedSemaphorePermit, Mark, Snapshot)> {
        let clock = &self.engine.clock;
        let credentials = self.signer().credentials();
        let mut just_given: Option<(Snapshot, Duration)> = None;
        for _ in 0..3 {
            *waits = Waits::Place;
            let permit = self.permit().await;
            let mark = clock.mark();
            if let Some(current) = credentials.at_once(clock.at(mark), mark.monotonic) {
                return Ok((permit, mark, current));
            }
            if let Some((current, since)) = just_given.take()
                && mark.monotonic.saturating_sub(since) < Duration::from_secs(1)
            {
                // The best there is.
                return Ok((permit, mark, current));
            }
            // Others may have the place meanwhile, and the provider may need one itself.
            drop(permit);
            *waits = Waits::Key;
            just_given = Some((credentials.current().await?, clock.mark().monotonic));
        }
        // Each time the place came so late that the key was old again.
        let permit = self.permit().await;
        let current = credentials.current().await?;
        Ok((permit, clock.mark(), current))
    }

    async fn attempt<O: Operation>(&self, operation: &O, journey: &mut Journey<O::Output>) -> Result<(), Failure> {
        let (permit, mark, current) = self.turn(&mut journey.waits).await?;
        journey.waits = Waits::Cos;
        let clock = &self.engine.clock;
        let signed_with = clock.in_force(mark);
        let snapshot = &*journey.snapshot.insert(current);
        let (side, address) = self.route.choose(mark.monotonic);
        journey.side = side;
        let (mut head, body) = self.describe(operation, address, journey.attempts + 1)?;
        if let Some(key) = self.signer().key(snapshot, clock.at(mark))? {
            sign::headers(&mut head, &key);
        }
        let length = body.len();
        let payload = Payload::open(body).await?;
        let progress = payload.progress();
        let wants_part = head.headers().contains_key(header::RANGE);
        let mut request = head.into_request(payload)?;
        if journey.history.shuns_idle() {
            request.extensions_mut().insert(Fresh);
        }
        journey.attempts += 1;
        journey.began.get_or_insert(mark.monotonic);
        journey.under_way = true;
        let waiting = progress.waiting();
        let execute = self.engine.http.execute(request);
        let outcome = self.await_head(execute, &progress, self.patience::<O>()).await;
        waiting.answered();
        let (sent_length, crc64) = progress.sent();
        let sent = Sent { length, crc64, attempts: journey.attempts };
        let whole = sent_length == length;
        let outcome = outcome.map_err(|failure| if whole { failure } else { failure.incomplete() });
        let changed = whole && journey.sent.replace(sent).is_some_and(|before| before.crc64 != crc64);
        self.route.report(
            side,
            || clock.monotonic(),
            || match &outcome {
                Ok(response) => Some(peer_of(response)),
                Err(failure) => failure.peer(),
            },
        );
        if changed {
            let told = "the body has other bytes than in the attempt before";
            return Err(Error::new(ErrorKind::Changed, told).may_have(true).into());
        }
        let (parts, body) = outcome?.into_parts();
        if let Some(reach) = &self.overrides.reach {
            reach.answered();
        }
        // The date is that of the answer, which is waited for from the last byte.
        let offset = self.clock_offset(&parts, address, mark.after(progress.sending()));
        // While COS works it may send nothing for long, or a blank now and then.
        let works_on = O::WORKS_LONG && parts.status.is_success();
        let silence = if works_on { COMMIT_TIMEOUT } else { self.engine.limits.stall };
        let body = Stalling::new(body, silence, permit).slowly(O::COMES_SLOWLY);
        if !parts.status.is_success() {
            let offset = offset.map(|offset| (offset, signed_with));
            let failure = refused(clock, &parts, body.into_stream(), snapshot, offset).await;
            let Some(output) = unset(operation, &failure.error) else {
                return Err(failure);
            };
            let request_id = header_text(&parts.headers, &REQUEST_ID).unwrap_or_default();
            trace::answered(journey.attempts, parts.status.as_u16(), request_id);
            journey.arrived = Some((output, journey.keep.then(|| Box::new(parts))));
            return Ok(());
        }
        if !whole {
            let told = format!("COS answered {} after {sent_length} of {length} bytes", parts.status.as_u16());
            let error = Error::new(ErrorKind::Response, told).with_service(bare_answer(&parts));
            return Err(Failure { error, evidence: Evidence::Unknown });
        }
        no_part(&parts, wants_part)?;
        self.read(operation, journey, &sent, parts, body).await
    }

    /// By how much COS's clock is ahead, if the answer tells. Of a success that is of use only while a correction is in
    /// force, which then follows it.
    fn clock_offset(&self, parts: &Parts, address: &Address, waited_since: Mark) -> Option<i64> {
        let clock = &self.engine.clock;
        if parts.status.is_success() && !clock.is_corrected() {
            return None;
        }
        let offset = clock.measure(waited_since, server_time(parts, address)?)?;
        if parts.status.is_success() {
            clock.follow(offset);
        }
        Some(offset)
    }

    /// Makes the output of a success.
    async fn read<O: Operation>(
        &self,
        operation: &O,
        journey: &mut Journey<O::Output>,
        sent: &Sent,
        parts: Parts,
        body: Stalling,
    ) -> Result<(), Failure> {
        let (status, id) = (parts.status.as_u16(), parts.headers.get(&REQUEST_ID).cloned());
        let kept = journey.keep.then(|| Box::new(parts.clone()));
        let body = if O::METHOD == Method::HEAD {
            O::Response::from(Bytes::new())
        } else if O::Response::STREAMED {
            O::Response::from_stream(self.streamed(operation, journey.attempts, &parts, body)?)
        } else {
            let read = body.into_stream().bytes(xml::MAX_BYTES).await;
            O::Response::from(read.map_err(|error| unread(error, &parts))?)
        };
        let request_id = id.as_ref().and_then(|id| id.to_str().ok()).unwrap_or_default();
        let output = operation
            .output(sent, Response::from_parts(parts, body))
            .map_err(|error| judge_output(error, operation.safety(), status, request_id))?;
        trace::answered(journey.attempts, status, request_id);
        journey.arrived = Some((output, kept));
        Ok(())
    }

    /// The body of an answer that is handed on as a stream, and read on when it breaks off.
    fn streamed<O: Operation>(&self, operation: &O, attempts: u32, head: &Parts, body: Stalling) -> Result<ByteStream> {
        let announced = body.content_length();
        if body.is_here() && announced == content_length(&head.headers) {
            return Ok(body.into_stream());
        }
        let rest = operation.rest(head).filter(|_| !self.overrides.chooses_body());
        let onward = rest.map(|rest| Onward {
            rest,
            attempts: self.max_attempts(),
            patient: self.overrides.is_patient(),
            ask: self.ask(),
        });
        let origin = Origin {
            route: Arc::clone(self.route),
            operation: O::NAME,
            target: operation.request()?.target().clone(),
            attempts,
            status: head.status,
            request_id: head.headers.get(&REQUEST_ID).cloned(),
        };
        Ok(ByteStream::from_pieces(announced, Resuming::new(body, onward, origin)))
    }

    /// This loop, for the rest of a body.
    fn ask(&self) -> Ask {
        let (engine, route, overrides) = (Arc::clone(self.engine), Arc::clone(self.route), Arc::clone(self.overrides));
        Box::new(move |read_on| {
            let (engine, route, overrides) = (Arc::clone(&engine), Arc::clone(&route), Arc::clone(&overrides));
            Box::pin(async move {
                let call = Call { engine: &engine, route: &route, overrides: &overrides };
                Ok(call.send(&read_on, false).await?.0)
            })
        })
    }

    fn max_attempts(&self) -> u32 {
        let usual = if self.overrides.is_patient() { TRANSFER_ATTEMPTS } else { MAX_ATTEMPTS };
        self.given_attempts().unwrap_or(usual)
    }

    fn given_attempts(&self) -> Option<u32> {
        self.overrides.max_attempts.or(self.engine.limits.attempts)
    }

    /// How much longer a transfer that can no longer connect keeps trying; not at all where the attempts are set.
    fn outage(&self) -> Option<(&Reach, Duration)> {
        let reach = self.overrides.reach.as_ref().filter(|_| self.given_attempts().is_none())?;
        Some((reach, reach.left()?))
    }

    /// The request at its address.
    pub(crate) fn place<O: Operation>(&self, operation: &O, address: &Address) -> Result<(Head, Body)> {
        let request = operation.request()?;
        // The account has another host than its buckets: there the same path and query mean something else.
        match (request.target(), self.route.bucket.is_empty()) {
            (Target::Service, false) => Err(Error::input("operation", "is about the account: Client::send sends it")),
            (Target::Bucket | Target::Object(_), true) => {
                Err(Error::input("operation", "is about a bucket: Bucket::send sends it"))
            }
            _ => Ok(request.into_head(O::METHOD, address)),
        }
    }

    /// The request as it is signed and sent, but for the signature.
    pub(crate) fn describe<O: Operation>(
        &self,
        operation: &O,
        address: &Address,
        attempt: u32,
    ) -> Result<(Head, Body)> {
        let (mut head, body) = self.place(operation, address)?;
        self.overrides.apply(&mut head);
        head.check()?;
        if attempt > 1 {
            head.headers_mut().insert("x-cos-sdk-retry", HeaderValue::from_static("true"));
        }
        head.headers_mut().entry(header::USER_AGENT).or_insert_with(|| self.engine.user_agent.clone());
        Ok((head, body))
    }

    /// How long the head of the answer may take.
    fn patience<O: Operation>(&self) -> Duration {
        if O::WORKS_LONG { COMMIT_TIMEOUT } else { self.engine.limits.response }
    }

    /// Waits for the head of the answer, as long as something moves.
    async fn await_head(
        &self,
        mut execute: BoxFuture<'_, Result<Response<ByteStream>, TransportError>>,
        progress: &Progress,
        response: Duration,
    ) -> Result<Response<ByteStream>, Failure> {
        let Limits { connect, stall, .. } = self.engine.limits;
        let patience = || progress.patience(stall, connect, response);
        // When connected, or sent to the end, other limits count. Nobody says when that was: the shortest of them is
        // the time to look again.
        let longest = stall.max(connect + CONNECT_GRACE);
        let (shortest, varies) = (stall.min(response), stall.min(response) < longest);
        let look = || if varies { patience().min(Instant::now() + shortest) } else { patience() };
        let mut timer = std::pin::pin!(tokio::time::sleep_until(look()));
        let outcome = poll_fn(|cx| {
            if let Poll::Ready(outcome) = execute.as_mut().poll(cx) {
                return Poll::Ready(outcome);
            }
            while timer.as_mut().poll(cx).is_ready() {
                // Frames may have been taken since the timer was set.
                let patience = patience();
                if patience <= Instant::now() {
                    return Poll::Ready(Err(silence(progress, patience)));
                }
                timer.as_mut().reset(look());
            }
            Poll::Pending
        });
        let outcome = outcome.await;
        if let Some(error) = progress.take_error() {
            // The source of the body failed, not the network, and an answer can only complain of that. COS keeps
            // nothing of a body that ends early.
            return Err(error.into());
        }
        outcome.map_err(Failure::of_transport)
    }
}

/// Nothing moved since the last byte, until patience ended.
fn silence(progress: &Progress, patience: Instant) -> TransportError {
    let seconds = patience.saturating_duration_since(progress.last()).as_secs_f32();
    let seconds = (seconds * 10.0).round() / 10.0;
    let (phase, told) = if progress.is_sent() {
        (Phase::AwaitHeaders, format!("no answer for {seconds} s after the last byte"))
    } else {
        (Phase::Send, format!("no byte was taken for {seconds} s"))
    };
    TransportError::new(phase, told).with_timed_out(true)
}
