//! The loop: sign, send, read, judge, each attempt anew.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, header};
use tokio::time::{sleep, timeout};

use super::{Call, Client, Issued, SignedCall, request};
use crate::client::Payload;
use crate::client::budget::UNAFFORDABLE;
use crate::client::defaults::{BACKOFF_BASE, THROTTLE_BASE};
use crate::client::runtime::in_runtime;
use crate::client::trace::{self, Span};
use crate::credentials::Credentials;
use crate::error::{Class, Error, ErrorKind, Result, ServiceError};
use crate::retry::{Evidence, THROTTLE_COST, TRANSIENT_COST, backoff};
use crate::time::Clock;

/// Keys and tokens have a few KiB.
const MAX_BYTES: usize = 256 * 1024;

/// How far a call came. Each remedy is tried once.
#[derive(Default)]
struct Journey {
    attempts: u32,
    spent: u32,
    corrected: bool,
    refreshed: bool,
    /// What the latest attempt failed with.
    failure: Option<Error>,
}

/// A failed attempt, and whether the clock was set right because of it.
struct Failure {
    error: Error,
    clock: bool,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, clock: false }
    }
}

impl Client {
    pub(super) async fn deliver<C: Call>(&self, call: &C) -> Result<Issued> {
        in_runtime().map_err(|error| error.during(C::ACTION, self.0.site.host.to_str().unwrap_or_default(), 0))?;
        let mut journey = Journey::default();
        let total = self.0.limits.total;
        let host = self.0.site.host.to_str().unwrap_or_default();
        let run = async {
            let in_time = timeout(total, self.run(call, &mut journey)).await;
            let outcome = in_time.unwrap_or_else(|_| {
                let told = format!("the deadline of {total:?} passed");
                let late = Error::new(ErrorKind::Timeout, told).retryable(true);
                Err(match journey.failure.take() {
                    Some(before) => late.with_source(before),
                    None => late,
                })
            });
            // A key that was issued and lost ends by itself.
            let outcome = outcome.map_err(|error| error.may_have(false).during(C::ACTION, host, journey.attempts));
            outcome.inspect_err(trace::gave_up)
        };
        Span::operation(C::ACTION, &Method::POST, host, || host.to_owned()).around(run).await
    }

    async fn run<C: Call>(&self, call: &C, journey: &mut Journey) -> Result<Issued> {
        let body = request::body(call)?;
        loop {
            let snapshot = self.0.credentials.current().await?;
            journey.attempts += 1;
            let Failure { error, clock } = match self.attempt(call, snapshot.credentials(), body.clone()).await {
                Ok(issued) => {
                    trace::answered(journey.attempts, 200, issued.request_id());
                    self.0.budget.give_back(journey.spent);
                    return Ok(issued);
                }
                Err(failure) => failure,
            };
            let class = error.service().map(ServiceError::class);
            trace::failed(journey.attempts, &error, class.map_or(Evidence::Unknown, Evidence::Answer));
            if clock && !std::mem::replace(&mut journey.corrected, true) {
                continue;
            }
            if class == Some(Class::CredentialExpired) && !std::mem::replace(&mut journey.refreshed, true) {
                self.0.credentials.invalidate(snapshot.generation());
                let fresh = self.0.credentials.current().await;
                if fresh.is_ok_and(|fresh| fresh.generation() != snapshot.generation()) {
                    continue;
                }
            }
            let (base, cost) = match class {
                Some(Class::Throttled) => (THROTTLE_BASE, THROTTLE_COST),
                _ => (BACKOFF_BASE, TRANSIENT_COST),
            };
            let worth = error.is_retryable() && journey.attempts < self.0.limits.attempts;
            if !worth {
                return Err(error);
            }
            if !self.0.budget.take(cost) {
                return Err(error.with_advice(UNAFFORDABLE.to_owned()));
            }
            journey.spent += cost;
            journey.failure = Some(error);
            sleep(backoff(base, journey.attempts, fastrand::f64())).await;
        }
    }

    async fn attempt<C: Call>(&self, call: &C, credentials: &Credentials, body: Bytes) -> Result<Issued, Failure> {
        let clock = &self.0.clock;
        let signed_with = clock.in_force(clock.mark());
        let signed = SignedCall::new(call, credentials, &self.0.region, &self.0.site, clock.now(), body)?;
        let mut request = signed.request().map(Payload::from);
        request.headers_mut().insert(header::USER_AGENT, self.0.user_agent.clone());
        let mark = clock.mark();
        let limit = self.0.limits.attempt;
        let exchange = async {
            let (parts, body) = self.0.http.execute(request).await?.into_parts();
            let body = body.bytes(MAX_BYTES).await?;
            Ok::<_, Error>((parts, body))
        };
        let Ok(outcome) = timeout(limit, exchange).await else {
            return Err(late(limit).into());
        };
        let (parts, body) = outcome?;
        signed.read_parts(&parts, &body).map_err(|error| {
            let offset = signed.time(&parts).and_then(|time| clock.measure(mark, time));
            let clock = error.is_clock_skew() && offset.is_some_and(|offset| clock.correct(offset, signed_with));
            Failure { error, clock }
        })
    }
}

fn late(limit: Duration) -> Error {
    Error::new(ErrorKind::Timeout, format!("no answer within {} s", limit.as_secs_f32())).retryable(true)
}
