//! The body of an answer that is read on when it breaks off.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use http::{HeaderValue, Method, Response, StatusCode};

use crate::body::{ByteStream, Pieces};
use crate::client::budget::UNAFFORDABLE;
use crate::client::defaults::{BACKOFF_BASE, PROGRESS};
use crate::client::provider::BoxFuture;
use crate::client::route::Route;
use crate::client::runtime::in_runtime;
use crate::client::stall::Stalling;
use crate::client::trace;
use crate::error::{Error, ErrorKind, Result, ServiceError};
use crate::operation::{Operation, Permissions, Safety, Sent};
use crate::request::{Request, Target};
use crate::rest::Rest;
use crate::retry::{TRANSIENT_COST, backoff};

/// Hands on a body; when it breaks off, asks for the rest from the next byte that was not handed on. It does so again
/// as long as bytes come, and where none come as often as any request is tried.
pub(crate) struct Resuming {
    reading: Reading,
    /// `None` when the answer cannot be read on, or need not be.
    onward: Option<Arc<Onward>>,
    origin: Origin,
    delivered: u64,
    /// As of the last break.
    delivered_before: u64,
    /// How often it was asked for, the first time included, since it advanced.
    tries: u32,
    /// Tokens of the budget, given back when it advances.
    spent: u32,
}

/// Where the answer came from.
pub(crate) struct Origin {
    pub(crate) route: Arc<Route>,
    pub(crate) operation: &'static str,
    pub(crate) target: Target,
    pub(crate) attempts: u32,
    pub(crate) status: StatusCode,
    pub(crate) request_id: Option<HeaderValue>,
}

/// What it takes to read on.
pub(crate) struct Onward {
    pub(crate) rest: Rest,
    /// How often what brings nothing is asked for.
    pub(crate) attempts: u32,
    /// Whether it waits for the budget of the host.
    pub(crate) patient: bool,
    pub(crate) ask: Ask,
}

/// Sends the question for the rest, as any operation is sent.
pub(crate) type Ask = Box<dyn Fn(ReadOn) -> BoxFuture<'static, Result<(ByteStream, Sent)>> + Send + Sync>;

enum Reading {
    First(Stalling),
    Next(ByteStream),
    Asking(BoxFuture<'static, Result<(ByteStream, Sent)>>),
    Over,
}

impl Resuming {
    pub(crate) fn new(body: Stalling, onward: Option<Onward>, origin: Origin) -> Self {
        Self {
            reading: Reading::First(body),
            onward: onward.map(Arc::new),
            origin,
            delivered: 0,
            delivered_before: 0,
            tries: 1,
            spent: 0,
        }
    }

    /// Asks for the rest after this, or gives it back: then it is the end.
    fn ask(&mut self, error: Error) -> Result<()> {
        let broke = matches!(error.kind(), ErrorKind::Transport | ErrorKind::Timeout);
        let Some(onward) = self.onward.as_ref().filter(|onward| broke && self.delivered < onward.rest.length()) else {
            return Err(error);
        };
        let route = Arc::clone(&self.origin.route);
        let advanced = self.delivered - self.delivered_before >= PROGRESS;
        if advanced {
            route.host.budget.give_back(std::mem::take(&mut self.spent));
            self.tries = 1;
        }
        if self.tries >= onward.attempts {
            return Err(error);
        }
        let mut wait = None;
        if !advanced {
            wait = Some(backoff(BACKOFF_BASE, self.tries, fastrand::f64()));
            self.spent += TRANSIENT_COST;
        }
        trace::read_on(onward.rest.offset_after(self.delivered), &error);
        self.tries += 1;
        self.delivered_before = self.delivered;
        let onward = Arc::clone(onward);
        let delivered = self.delivered;
        self.reading = Reading::Asking(Box::pin(async move {
            in_runtime()?;
            if let Some(wait) = wait {
                if !route.host.budget.afford(TRANSIENT_COST, onward.patient).await {
                    // Nothing was sent beyond what is counted.
                    return Err(error.with_advice(UNAFFORDABLE.to_owned()).during(ReadOn::NAME, "", 0));
                }
                tokio::time::sleep(wait).await;
            }
            (onward.ask)(ReadOn { onward: Arc::clone(&onward), delivered }).await
        }));
        Ok(())
    }

    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        loop {
            let item = match &mut self.reading {
                Reading::First(body) => ready!(Pin::new(body).poll_next(cx)),
                Reading::Next(body) => ready!(Pin::new(body).poll_next(cx)),
                Reading::Over => return Poll::Ready(None),
                Reading::Asking(answer) => match ready!(answer.as_mut().poll(cx)) {
                    Ok((body, sent)) => {
                        self.origin.attempts += sent.attempts;
                        self.reading = Reading::Next(body);
                        continue;
                    }
                    Err(error) => {
                        self.origin.attempts += error.attempts();
                        self.reading = Reading::Over;
                        return Poll::Ready(Some(Err(error.if_changed())));
                    }
                },
            };
            let error = match item {
                Some(Ok(bytes)) => {
                    self.delivered += bytes.len() as u64;
                    return Poll::Ready(Some(Ok(bytes)));
                }
                Some(Err(error)) => error,
                None => match self.missing() {
                    0 => {
                        if self.spent > 0 {
                            self.origin.route.host.budget.give_back(std::mem::take(&mut self.spent));
                        }
                        return Poll::Ready(None);
                    }
                    // A transport may take the end of a connection for the end of the body.
                    missing => Error::ended_early(missing),
                },
            };
            // What is left of the body goes before the rest is asked for, and its connection with it.
            self.reading = Reading::Over;
            if let Err(error) = self.ask(error) {
                return Poll::Ready(Some(Err(error)));
            }
        }
    }

    fn missing(&self) -> u64 {
        self.onward.as_ref().map_or(0, |onward| onward.rest.length().saturating_sub(self.delivered))
    }
}

impl Stream for Resuming {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = ready!(self.poll_body(cx));
        // The transport cannot know that nothing was changed.
        Poll::Ready(item.map(|item| item.map_err(|error| self.about(error).may_have(false))))
    }
}

impl Pieces for Resuming {
    fn about(&self, error: Error) -> Error {
        let Origin { route, operation, target, attempts, status, request_id, .. } = &self.origin;
        let error = if error.service().is_some() {
            error
        } else {
            let request_id = request_id.as_ref().and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
            error.with_service(ServiceError { status: status.as_u16(), request_id, ..ServiceError::default() })
        };
        error.renamed(operation).during(operation, &route.told(target), *attempts)
    }
}

/// Asks for the rest.
pub(crate) struct ReadOn {
    onward: Arc<Onward>,
    delivered: u64,
}

impl Operation for ReadOn {
    type Output = (ByteStream, Sent);
    type Response = ByteStream;
    const NAME: &'static str = "GET Object";
    const METHOD: Method = Method::GET;
    const PERMISSIONS: Permissions = Permissions::target("name/cos:GetObject");

    fn request(&self) -> Result<Request> {
        self.onward.rest.request_after(self.delivered)
    }

    fn safety(&self) -> Safety {
        Safety::Read
    }

    fn output(&self, sent: &Sent, response: Response<ByteStream>) -> Result<Self::Output> {
        let (head, body) = response.into_parts();
        self.onward.rest.check(self.delivered, &head)?;
        Ok((body, *sent))
    }
}
