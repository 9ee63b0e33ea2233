//! The body of an answer with a limit on silence.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Sleep;

use crate::body::{ByteStream, Pieces};
use crate::client::http::{Phase, TransportError};
use crate::error::Result;

/// Fails when nothing came for `limit` while the caller was waiting. A caller that does not ask is never late.
pub(crate) struct Stalling {
    body: ByteStream,
    limit: Duration,
    silence: Option<Pin<Box<Sleep>>>,
    /// The place of the connection among those the client may have; given back at the end.
    permit: Option<OwnedSemaphorePermit>,
}

impl Stalling {
    pub(crate) fn new(body: ByteStream, limit: Duration, permit: OwnedSemaphorePermit) -> Self {
        // What is here already needs no connection any more.
        let permit = if body.is_here() { None } else { Some(permit) };
        Self { body, limit, silence: None, permit }
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
            this.silence = None;
            if !matches!(item, Some(Ok(_))) {
                this.permit = None;
            }
            return Poll::Ready(item);
        }
        let limit = this.limit;
        let silence = this.silence.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        std::task::ready!(silence.as_mut().poll(cx));
        // What is left of the body is dropped with its connection.
        this.body = Bytes::new().into();
        this.permit = None;
        let told = format!("no byte for {} s", limit.as_secs_f32());
        Poll::Ready(Some(Err(TransportError::new(Phase::ReadBody, told).timed_out(true).into())))
    }
}

impl Pieces for Stalling {}
