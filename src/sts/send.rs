//! The loop: sign, send, read, judge, each attempt anew.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use tokio::time::{sleep, timeout};
use zeroize::Zeroizing;

use super::{Call, Client, Issued, answer, tc3};
use crate::answer::bare_answer;
use crate::client::Payload;
use crate::client::defaults::{BACKOFF_BASE, THROTTLE_BASE};
use crate::client::retry::{Evidence, THROTTLE_COST, TRANSIENT_COST, backoff};
use crate::client::runtime::in_runtime;
use crate::client::trace::{self, Span};
use crate::credentials::Credentials;
use crate::error::{Class, Error, ErrorKind, Result, ServiceError};
use crate::time::{Clock, unix_seconds};

const VERSION: &str = "2018-08-13";
const CONTENT_TYPE: &str = "application/json";
/// Keys and tokens have a few KiB.
const MAX_BYTES: usize = 256 * 1024;

/// How far a call came. Each remedy is tried once.
#[derive(Default)]
struct Journey {
    attempts: u32,
    spent: u32,
    corrected: bool,
    refreshed: bool,
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
            let outcome = match timeout(total, self.run(call, &mut journey)).await {
                Ok(outcome) => outcome,
                Err(_) => {
                    Err(Error::new(ErrorKind::Timeout, format!("the deadline of {total:?} passed")).retryable(true))
                }
            };
            // A key that was issued and lost ends by itself.
            let outcome = outcome.map_err(|error| error.may_have(false).during(C::ACTION, host, journey.attempts));
            outcome.inspect_err(trace::gave_up)
        };
        Span::operation(C::ACTION, &Method::POST, host, || host.to_owned()).around(run).await
    }

    async fn run<C: Call>(&self, call: &C, journey: &mut Journey) -> Result<Issued> {
        let parameters = serde_json::Value::from(call.parameters()?).to_string();
        let body = Bytes::from(parameters);
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
            if !worth || !self.0.budget.take(cost) {
                return Err(error);
            }
            journey.spent += cost;
            sleep(backoff(base, journey.attempts, fastrand::f64())).await;
        }
    }

    async fn attempt<C: Call>(&self, call: &C, credentials: &Credentials, body: Bytes) -> Result<Issued, Failure> {
        let clock = &self.0.clock;
        let signed_with = clock.in_force(clock.mark());
        let (request, proof) = self.request(call, credentials, body)?;
        let sent = [&**proof, credentials.token().unwrap_or_default()];
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
        // A cache tells the time of another day.
        let believable = self.0.site.believable && !parts.headers.contains_key(header::AGE);
        let time = bare_answer(&parts).server_time.filter(|_| believable);
        match answer::read(&parts, &body, &self.0.site, &sent) {
            Ok(issued) => Ok(issued.told_at(time)),
            Err(error) => {
                let offset = time.and_then(|time| clock.measure(mark, time));
                let clock = error.is_clock_skew() && offset.is_some_and(|offset| clock.correct(offset, signed_with));
                Err(Failure { error, clock })
            }
        }
    }

    /// The request, and what proves in it who asks: its signature, or the token in place of one.
    fn request<C: Call>(
        &self,
        call: &C,
        credentials: &Credentials,
        body: Bytes,
    ) -> Result<(http::Request<Payload>, Zeroizing<String>)> {
        let (site, now) = (&self.0.site, self.0.clock.now());
        let signed = [
            ("content-type", CONTENT_TYPE),
            ("host", site.host.to_str().unwrap_or_default()),
            ("x-tc-action", C::ACTION),
        ];
        let message = tc3::Message { method: "POST", query: "", headers: &signed, body: &body };
        let (authorization, proof) = if let Some(token) = call.web_identity_token() {
            ("SKIP".to_owned(), token.to_owned())
        } else {
            let stages = tc3::sign(credentials, "sts", now, &message)?;
            (stages.authorization, stages.signature)
        };
        let mut headers = HeaderMap::with_capacity(12);
        headers.insert(header::HOST, site.host.clone());
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
        headers.insert(header::CONTENT_LENGTH, body.len().into());
        headers.insert(header::USER_AGENT, self.0.user_agent.clone());
        headers.insert("x-tc-action", HeaderValue::from_static(C::ACTION));
        headers.insert("x-tc-version", HeaderValue::from_static(VERSION));
        headers.insert("x-tc-timestamp", unix_seconds(now).into());
        headers.insert("x-tc-region", self.0.region.clone());
        headers.insert("x-tc-language", HeaderValue::from_static("en-US"));
        headers.insert(header::AUTHORIZATION, sensitive(&authorization)?);
        if let Some(token) = credentials.token() {
            headers.insert("x-tc-token", sensitive(token)?);
        }
        let mut request = http::Request::new(Payload::from(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = site.uri.clone();
        *request.headers_mut() = headers;
        Ok((request, Zeroizing::new(proof)))
    }
}

fn sensitive(text: &str) -> Result<HeaderValue> {
    let value = HeaderValue::from_str(text);
    let mut value = value.map_err(|_| Error::input("credentials", "hold what no header can carry"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn late(limit: Duration) -> Error {
    Error::new(ErrorKind::Timeout, format!("no answer within {} s", limit.as_secs_f32())).retryable(true)
}
