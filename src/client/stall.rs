//! The body of an answer with a limit on silence.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep};

use crate::body::{ByteStream, Pieces};
use crate::client::defaults::{MIN_RATE, SLOW_LIMITS};
use crate::client::http::{Phase, TransportError};
use crate::client::runtime::in_runtime;
use crate::error::Result;

/// Fails when nothing came for `limit` while the caller was waiting, and when what comes is next to nothing for a few
/// times as long. A caller that does not ask is never late.
pub(crate) struct Stalling {
    body: ByteStream,
    limit: Duration,
    /// In bytes a second.
    least: u64,
    silence: Option<Silence>,
    /// How long the caller has waited since the rate was last looked at.
    waited: Duration,
    /// How many bytes came in that time.
    came: u64,
    /// The place of the connection among those the client may have; given back at the end.
    permit: Option<OwnedSemaphorePermit>,
}

struct Silence {
    since: Instant,
    end: Pin<Box<Sleep>>,
}

impl Stalling {
    pub(crate) fn new(body: ByteStream, limit: Duration, permit: OwnedSemaphorePermit) -> Self {
        // What is here already needs no connection any more.
        let permit = if body.is_here() { None } else { Some(permit) };
        Self { body, limit, least: MIN_RATE, silence: None, waited: Duration::ZERO, came: 0, permit }
    }

    /// Whether any rate will do.
    pub(crate) fn slowly(self, slowly: bool) -> Self {
        if slowly { Self { least: 0, ..self } } else { self }
    }

    /// Whether bytes come at a rate worth waiting for.
    fn comes(&mut self, bytes: u64) -> bool {
        self.came += bytes;
        if let Some(silence) = self.silence.take() {
            let waited = silence.since.elapsed();
            // A caller that was away for longer than this was not waiting.
            self.waited += if waited > self.limit { Duration::ZERO } else { waited };
        }
        if self.waited < self.limit.saturating_mul(SLOW_LIMITS) {
            return true;
        }
        let waited = std::mem::take(&mut self.waited);
        std::mem::take(&mut self.came) >= self.least * waited.as_secs()
    }

    fn give_up(&mut self, told: String) -> Poll<Option<Result<Bytes>>> {
        // What is left of the body is dropped with its connection.
        self.body = Bytes::new().into();
        self.permit = None;
        Poll::Ready(Some(Err(TransportError::new(Phase::ReadBody, told).with_timed_out(true).into())))
    }

    pub(crate) fn content_length(&self) -> Option<u64> {
        self.body.content_length()
    }

    pub(crate) fn is_here(&self) -> bool {
        self.body.is_here()
    }

    pub(crate) fn into_stream(self) -> ByteStream {
        if self.is_here() { self.body } else { ByteStream::from_pieces(self.body.content_length(), self) }
    }
}

impl Stream for Stalling {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if let Poll::Ready(item) = Pin::new(&mut this.body).poll_next(cx) {
            match &item {
                Some(Ok(bytes)) if !this.comes(bytes.len() as u64) => {
                    return this.give_up(format!("less than {} bytes a second", this.least));
                }
                Some(Ok(_)) => {}
                _ => this.permit = None,
            }
            return Poll::Ready(item);
        }
        if this.silence.is_none()
            && let Err(error) = in_runtime()
        {
            return Poll::Ready(Some(Err(error)));
        }
        let limit = this.limit;
        let begin = || Silence { since: Instant::now(), end: Box::pin(tokio::time::sleep(limit)) };
        std::task::ready!(this.silence.get_or_insert_with(begin).end.as_mut().poll(cx));
        this.give_up(format!("no byte for {} s", limit.as_secs_f32()))
    }
}

impl Pieces for Stalling {}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::stream::unfold;
    use tokio::sync::Semaphore;
    use tokio::time::{sleep, timeout};

    use super::*;
    use crate::error::Error;

    /// Also when it asked before it went: a select may leave one question for another.
    #[tokio::test(start_paused = true)]
    async fn a_caller_that_is_away_does_not_wait() {
        let pieces = unfold((), |()| async {
            sleep(Duration::from_secs(1)).await;
            Some((Ok::<_, Error>(Bytes::from_static(b"piece")), ()))
        });
        let permit = Arc::new(Semaphore::new(1)).acquire_owned().await.unwrap();
        let mut body = Stalling::new(ByteStream::new(None, pieces), Duration::from_secs(20), permit).into_stream();
        for turn in 0..100 {
            assert!(timeout(Duration::from_millis(1), body.next()).await.is_err());
            sleep(Duration::from_secs(600)).await;
            let piece = body.next().await.unwrap();
            assert_eq!(piece.unwrap_or_else(|error| panic!("{turn}: {error:#}")), "piece");
        }
    }
}
