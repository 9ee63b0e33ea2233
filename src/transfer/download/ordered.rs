//! Ranges fetched in parallel and handed on in order.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::try_unfold;
use tokio::task::JoinHandle;

use crate::body::ByteStream;
use crate::client::Bucket;
use crate::client::defaults::READ_AHEAD_PART;
use crate::client::memory::{Held, Memory};
use crate::client::trace::Span;
use crate::crc64::Crc64;
use crate::error::{Error, Result};
use crate::object::{Integrity, Object};
use crate::transfer::disk::joined_badly;
use crate::transfer::download::Download;
use crate::transfer::download::pinned::{Begun, Pinned};
use crate::transfer::download::verify::{compare, fits};
use crate::transfer::handle::Control;
use crate::transfer::progress::PartMeter;

/// Asks for the beginning; the rest is fetched as the body is read.
pub(super) async fn begin(download: Download, bucket: &Bucket, control: Control) -> Result<Object> {
    download.check()?;
    control.ready().await?;
    let size = download.part_size.unwrap_or(READ_AHEAD_PART);
    let start = download.range.map_or(0, |range| range.first());
    let begun = download.begin(bucket, start..start.saturating_add(size), &download.conditions).await?;
    let integrity = download.integrity(&begun)?;
    let Begun { pinned, meta, span, first, body } = begun;
    let length = span.end - span.start;
    let parts = 1 + (span.end - first.end).div_ceil(size);
    control.set_total(Some(length), u32::try_from(parts).ok());
    let content_range = download.range.map(|_| crate::options::ContentRange {
        first: span.start,
        last: span.end.saturating_sub(1),
        total: pinned.total,
    });
    let left = first.end - first.start;
    let front =
        Front { meter: control.meter(), left, delivered: 0, from: From::Wire(body, Span::part(1, first.start, left)) };
    let ordered = Ordered {
        span: Span::current(),
        pinned: Arc::new(pinned),
        memory: bucket.client().memory().clone(),
        ahead: VecDeque::new(),
        places: download.concurrency - 1,
        next: first.end,
        end: span.end,
        size,
        front: Some(front),
        taken: 1,
        integrity,
        crc64: Crc64::new(),
        control,
    };
    ordered.control.outlive_future();
    let pieces = try_unfold(ordered, |mut ordered| {
        ordered.span.clone().around(async move {
            let stopping = ordered.control.clone();
            let piece = stopping.unless_cancelled(ordered.next()).await?;
            Ok::<_, Error>(piece.map(|piece| (piece, ordered)))
        })
    });
    Ok(Object { meta, body: ByteStream::new(Some(length), pieces), content_range, integrity })
}

struct Ordered {
    /// That of the transfer, which goes on with the stream.
    span: Span,
    pinned: Arc<Pinned>,
    memory: Memory,
    front: Option<Front>,
    ahead: VecDeque<Ahead>,
    /// How many ranges may be ahead of the front.
    places: usize,
    /// Where the next range begins that is not asked for yet.
    next: u64,
    /// How many ranges were asked for.
    taken: u64,
    end: u64,
    size: u64,
    integrity: Integrity,
    crc64: Crc64,
    control: Control,
}

/// The range that is handed on.
struct Front {
    from: From,
    left: u64,
    delivered: u64,
    meter: PartMeter,
}

enum From {
    Wire(ByteStream, Span),
    /// With what they take of the client's memory.
    Memory(VecDeque<Bytes>, #[expect(dead_code, reason = "kept to be dropped")] Held),
}

/// A range on its way into memory. Dropping it stops that.
struct Ahead {
    length: u64,
    task: JoinHandle<Result<(VecDeque<Bytes>, Held)>>,
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The stream has ended, or nobody wants it.
impl Drop for Ordered {
    fn drop(&mut self) {
        self.control.end();
    }
}

impl Ordered {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            self.read_ahead();
            if let Some(front) = &mut self.front {
                if let Some(piece) = front.next().await? {
                    self.crc64.update(&piece);
                    return Ok(Some(piece));
                }
                self.front = None;
            }
            let (from, left) = if let Some(ahead) = self.ahead.front_mut() {
                let (joined, length) = ((&mut ahead.task).await, ahead.length);
                self.ahead.pop_front();
                let (pieces, held) = joined.map_err(joined_badly)??;
                (From::Memory(pieces, held), length)
            } else if let Some((range, span)) = self.take_range() {
                // No memory to read ahead: straight from the wire.
                self.control.ready().await?;
                let body = span.clone().around(self.pinned.open(&range)).await?;
                (From::Wire(body, span), range.end - range.start)
            } else {
                compare(self.crc64.value(), self.integrity)?;
                return Ok(None);
            };
            self.front = Some(Front { from, left, delivered: 0, meter: self.control.meter() });
        }
    }

    fn read_ahead(&mut self) {
        while self.ahead.len() < self.places && self.next < self.end && self.control.is_running() {
            // What waits here for its reader must not make others wait, and must not be more than there is.
            let Some(held) = self.memory.try_hold_ahead(self.size.min(self.end - self.next)) else { return };
            let Some((range, span)) = self.take_range() else { return };
            let (pinned, length) = (Arc::clone(&self.pinned), range.end - range.start);
            let fetch = async move {
                let mut body = pinned.open(&range).await?;
                let (mut pieces, mut received) = (VecDeque::new(), 0);
                while let Some(piece) = body.next().await.transpose()? {
                    received += piece.len() as u64;
                    fits(received, length)?;
                    pieces.push_back(piece);
                }
                Ok((pieces, held))
            };
            self.ahead.push_back(Ahead { length, task: tokio::spawn(span.around(fetch)) });
        }
    }

    fn take_range(&mut self) -> Option<(Range<u64>, Span)> {
        let range = self.next..self.end.min(self.next + self.size);
        if range.is_empty() {
            return None;
        }
        self.next = range.end;
        self.taken += 1;
        let span = Span::part(self.taken, range.start, range.end - range.start);
        Some((range, span))
    }
}

impl Front {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        let piece = match &mut self.from {
            From::Wire(body, span) => span.clone().around(body.next()).await.transpose()?,
            From::Memory(pieces, _) => pieces.pop_front(),
        };
        let Some(piece) = piece else {
            if self.left > 0 {
                return Err(Error::ended_early(self.left));
            }
            self.meter.done(self.delivered);
            return Ok(None);
        };
        fits(piece.len() as u64, self.left)?;
        self.left -= piece.len() as u64;
        self.delivered += piece.len() as u64;
        self.meter.set(self.delivered);
        Ok(Some(piece))
    }
}
