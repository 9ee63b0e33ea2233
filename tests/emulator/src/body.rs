//! Bodies: the answer's, with whatever is scripted to happen to it, and the request's.

use std::fmt;
use std::io::{self, Read};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Frame, SizeHint};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::Sleep;

use crate::error::CosError;
use crate::fault::Spaces;
use crate::journal::Entry;
use crate::store::{Pieces, PiecesReader};
use crate::wire::{Control, Order};
use crate::xml::DECLARATION;

/// A transport fault that a script asked for, where there is no connection to break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Injected {
    /// The connection was reset before the head of the answer.
    ResetBeforeHeaders,
    /// The connection was reset within the answer's body.
    Reset,
    /// The connection was closed within the answer's body.
    Cut,
    /// The emulator could not read what it had stored.
    Broken,
}

impl fmt::Display for Injected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ResetBeforeHeaders => "connection reset before the answer's head",
            Self::Reset => "connection reset within the answer's body",
            Self::Cut => "connection closed within the answer's body",
            Self::Broken => "the emulator could not read a stored object",
        })
    }
}

impl std::error::Error for Injected {}

/// The body of an answer.
///
/// A scripted cut or reset ends it with an [`Injected`] error; behind a socket the connection itself breaks.
#[derive(Debug)]
pub struct Body {
    source: Source,
    /// What Content-Length promises; `None` sends chunks.
    promised: Option<u64>,
    sent: u64,
    plan: Plan,
    wait: Option<Pin<Box<Sleep>>>,
    pending: Bytes,
    control: Option<Arc<Control>>,
    entry: Option<Entry>,
}

/// What is to happen on the way. All offsets count bytes of the body.
#[derive(Debug, Default, Clone)]
pub(crate) struct Plan {
    pub(crate) end: Option<(u64, Order)>,
    pub(crate) stall: Option<(u64, Duration)>,
    pub(crate) bytes_per_second: Option<u64>,
    pub(crate) corrupt: Option<u64>,
    pub(crate) close_after: bool,
    pub(crate) close_later: Option<Duration>,
}

#[derive(Debug)]
enum Source {
    Bytes(Bytes),
    Spaces(SpacedOut),
    Pieces(ReadAhead),
}

impl Body {
    pub(crate) fn empty() -> Self {
        Self::from(Bytes::new())
    }

    /// The bytes of an object, `length` of them.
    pub(crate) fn pieces(pieces: &Pieces, length: u64) -> Self {
        match pieces.in_memory() {
            Some(bytes) => Self::from(bytes),
            None => Self::new(Source::Pieces(ReadAhead::new(pieces.reader(), length)), length),
        }
    }

    /// Bytes that are sent in chunks: nothing says how many they are.
    pub(crate) fn chunked(bytes: Bytes) -> Self {
        let mut body = Self::from(bytes);
        body.promised = None;
        body
    }

    fn new(source: Source, length: u64) -> Self {
        Self {
            source,
            promised: Some(length),
            sent: 0,
            plan: Plan::default(),
            wait: None,
            pending: Bytes::new(),
            control: None,
            entry: None,
        }
    }

    pub(crate) fn length(&self) -> Option<u64> {
        self.promised
    }

    /// Promises another length than the source has: the body is then cut short there.
    pub(crate) fn promise(&mut self, length: u64) {
        self.promised = Some(length);
    }

    /// Changes a document that has not been sent yet, if `edit` finds what to change.
    pub(crate) fn edit(&mut self, edit: impl FnOnce(&str) -> Option<String>) {
        let Source::Bytes(bytes) = &self.source else { return };
        if let Some(text) = std::str::from_utf8(bytes).ok().and_then(edit) {
            *self = Self::from(Bytes::from(text));
        }
    }

    /// Changes the frames of results that have not been sent yet.
    pub(crate) fn edit_frames(&mut self, edit: impl FnOnce(&[u8]) -> Option<Vec<u8>>) {
        if let (Source::Bytes(bytes), None) = (&mut self.source, self.promised) {
            *bytes = edit(bytes).map_or_else(|| std::mem::take(bytes), Bytes::from);
        }
    }

    /// Puts spaces into a document, and says how long it is up to their end. It is then sent in chunks.
    pub(crate) fn put_spaces(&mut self, place: Spaces, count: u64, every: Duration) -> u64 {
        let Source::Bytes(document) = &mut self.source else { return 0 };
        let mut after = std::mem::take(document);
        let declared = after.starts_with(DECLARATION.as_bytes());
        let declaration = after.split_to(if declared { DECLARATION.len() } else { 0 });
        let before = match place {
            Spaces::AfterDeclaration => declaration,
            Spaces::WithoutDeclaration => Bytes::new(),
            Spaces::BeforeDeclaration => {
                after = [declaration, after].concat().into();
                Bytes::new()
            }
        };
        let end = before.len() as u64 + count;
        self.source = Source::Spaces(SpacedOut { before, spaces: count, every, wait: None, after });
        self.promised = None;
        end
    }

    pub(crate) fn attach(&mut self, plan: Plan, control: Option<Arc<Control>>, entry: Entry) {
        self.plan = plan;
        self.control = control;
        self.entry = Some(entry);
    }

    fn left(&self) -> u64 {
        self.promised.map_or(u64::MAX, |promised| promised - self.sent.min(promised))
    }

    /// Breaks off here. Behind a socket the connection does it, once it has flushed what it holds: an error now would
    /// make the server drop bytes that were already promised to the client.
    fn break_off(&mut self, order: Order) -> Poll<Option<Result<Frame<Bytes>, Injected>>> {
        if let Some(control) = &self.control {
            control.order(order);
            return Poll::Pending;
        }
        self.promised = Some(self.sent);
        Poll::Ready(Some(Err(match order {
            Order::Reset => Injected::Reset,
            Order::Close => Injected::Cut,
        })))
    }

    fn poll_source(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        if self.pending.is_empty() {
            self.pending = match &mut self.source {
                Source::Bytes(bytes) => std::mem::take(bytes),
                Source::Spaces(spaces) => ready!(spaces.poll_next(cx)),
                Source::Pieces(pieces) => ready!(pieces.poll_next(cx))?,
            };
        }
        Poll::Ready(Ok(std::mem::take(&mut self.pending)))
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Injected;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Injected>>> {
        if let Some(wait) = &mut self.wait {
            ready!(wait.as_mut().poll(cx));
            self.wait = None;
        }
        let mut limit = self.left();
        if limit == 0 {
            return Poll::Ready(None);
        }
        if let Some((at, order)) = self.plan.end {
            if self.sent >= at {
                return self.break_off(order);
            }
            limit = limit.min(at - self.sent);
        }
        if let Some((at, lasting)) = self.plan.stall {
            if self.sent >= at {
                self.plan.stall = None;
                self.wait = Some(Box::pin(tokio::time::sleep(lasting)));
                return self.poll_frame(cx);
            }
            limit = limit.min(at - self.sent);
        }
        if let Some(rate) = self.plan.bytes_per_second {
            limit = limit.min((rate / 20).max(1));
        }
        let Ok(mut bytes) = ready!(self.poll_source(cx)) else {
            return Poll::Ready(Some(Err(Injected::Broken)));
        };
        if bytes.is_empty() {
            return match self.promised {
                Some(_) => self.break_off(Order::Close),
                None => Poll::Ready(None),
            };
        }
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        if bytes.len() > limit {
            self.pending = bytes.split_off(limit);
        }
        let length = bytes.len() as u64;
        if let Some(at) = self.plan.corrupt.filter(|at| (self.sent..self.sent + length).contains(at)) {
            bytes = flip(&bytes, at - self.sent);
        }
        self.sent += length;
        if let Some(rate) = self.plan.bytes_per_second {
            self.wait = Some(Box::pin(tokio::time::sleep(pace(length, rate))));
        }
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    // Without `is_end_stream`: of a body that has ended before it began hyper leaves out the length where that is 304.
    fn size_hint(&self) -> SizeHint {
        self.promised.map_or_else(SizeHint::default, |_| SizeHint::with_exact(self.left()))
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        if let Some(entry) = &self.entry {
            entry.update(|record| record.bytes_out = self.sent);
        }
        let Some(control) = &self.control else { return };
        let answered = control.answered();
        // A runtime that shuts down drops bodies, too.
        if let (Some(after), Ok(runtime)) = (self.plan.close_later, Handle::try_current()) {
            let control = Arc::clone(control);
            runtime.spawn(async move {
                tokio::time::sleep(after).await;
                control.close_if_still(answered);
            });
        }
        // Answers without a body are never polled: what should have happened in it happens behind the head.
        match self.plan.end {
            Some((at, order)) if at <= self.sent => control.order(order),
            _ if self.plan.close_after => control.order(Order::Close),
            _ => {}
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        let length = bytes.len() as u64;
        Self::new(Source::Bytes(bytes), length)
    }
}

/// A document with spaces in it, which take their time.
#[derive(Debug)]
struct SpacedOut {
    before: Bytes,
    spaces: u64,
    every: Duration,
    wait: Option<Pin<Box<Sleep>>>,
    after: Bytes,
}

impl SpacedOut {
    /// The next bytes; none at the end.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Bytes> {
        if !self.before.is_empty() {
            return Poll::Ready(std::mem::take(&mut self.before));
        }
        if self.spaces == 0 {
            return Poll::Ready(std::mem::take(&mut self.after));
        }
        let every = self.every;
        ready!(self.wait.get_or_insert_with(|| Box::pin(tokio::time::sleep(every))).as_mut().poll(cx));
        self.wait = None;
        self.spaces -= 1;
        Poll::Ready(Bytes::from_static(b" "))
    }
}

fn flip(bytes: &Bytes, at: u64) -> Bytes {
    let mut changed = BytesMut::from(bytes.as_ref());
    if let Some(byte) = usize::try_from(at).ok().and_then(|at| changed.get_mut(at)) {
        *byte ^= 1;
    }
    changed.freeze()
}

pub(crate) fn pace(bytes: u64, per_second: u64) -> Duration {
    Duration::from_micros(bytes.saturating_mul(1_000_000) / per_second.max(1))
}

/// Reads an object ahead, a stretch at a time, off the async threads.
#[derive(Debug)]
struct ReadAhead {
    left: u64,
    reading: Option<JoinHandle<io::Result<(PiecesReader, Bytes)>>>,
    idle: Option<PiecesReader>,
}

const STRETCH: u64 = 256 * 1024;

impl ReadAhead {
    fn new(reader: PiecesReader, length: u64) -> Self {
        Self { left: length, reading: None, idle: Some(reader) }
    }

    /// The next stretch; empty at the end.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        self.read_ahead();
        let Some(reading) = &mut self.reading else { return Poll::Ready(Ok(Bytes::new())) };
        let (reader, stretch) = ready!(Pin::new(reading).poll(cx)).map_err(io::Error::other)??;
        self.reading = None;
        self.idle = Some(reader);
        self.left -= stretch.len() as u64;
        self.read_ahead();
        Poll::Ready(Ok(stretch))
    }

    fn read_ahead(&mut self) {
        let length = self.left.min(STRETCH);
        if length == 0 || self.reading.is_some() {
            return;
        }
        let Some(mut reader) = self.idle.take() else { return };
        self.reading = Some(tokio::task::spawn_blocking(move || {
            let mut stretch = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
            (&mut reader).take(length).read_to_end(&mut stretch)?;
            if (stretch.len() as u64) < length {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            Ok((reader, Bytes::from(stretch)))
        }));
    }
}

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;
type BoxBody = Pin<Box<dyn http_body::Body<Data = Bytes, Error = BoxError> + Send>>;

/// A request body being read.
pub(crate) struct Upload {
    body: BoxBody,
    /// What Content-Length promised and is still to come; `None` for chunks.
    left: Option<u64>,
    received: u64,
    ended: bool,
    plan: ReadPlan,
    entry: Entry,
}

/// What is scripted to happen while a body is read.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReadPlan {
    pub(crate) stop_after: Option<u64>,
    pub(crate) bytes_per_second: Option<u64>,
    pub(crate) corrupt: Option<u64>,
}

impl Upload {
    pub(crate) fn new<B>(body: B, length: Option<u64>, entry: Entry) -> Self
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let body: BoxBody = Box::pin(http_body_util::BodyExt::map_err(body, Into::into));
        let plan = ReadPlan::default();
        Self { body, left: length, received: 0, ended: length == Some(0), plan, entry }
    }

    pub(crate) fn plan(&mut self, plan: ReadPlan) {
        self.plan = plan;
    }

    /// The pace asked for by `x-cos-traffic-limit`; a scripted one stands.
    pub(crate) fn slow_down(&mut self, bytes_per_second: u64) {
        self.plan.bytes_per_second.get_or_insert(bytes_per_second);
    }

    /// The length that Content-Length promised.
    pub(crate) fn length(&self) -> Option<u64> {
        self.left.map(|left| left + self.received)
    }

    /// The next bytes, `None` at the end. What goes beyond Content-Length is cut silently; what falls short of it is
    /// `IncompleteBody`.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, CosError> {
        if self.ended {
            return Ok(None);
        }
        if self.plan.stop_after.is_some_and(|after| self.received >= after) {
            return std::future::pending().await;
        }
        let Some(mut bytes) = self.frame().await? else {
            self.ended = true;
            return match self.left {
                Some(left) if left > 0 => Err(CosError::incomplete_body()),
                _ => Ok(None),
            };
        };
        if let Some(left) = self.left {
            bytes.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        }
        let length = bytes.len() as u64;
        if let Some(at) = self.plan.corrupt.filter(|at| (self.received..self.received + length).contains(at)) {
            bytes = flip(&bytes, at - self.received);
        }
        self.received += length;
        self.left = self.left.map(|left| left - length);
        self.ended = self.left == Some(0);
        if let Some(rate) = self.plan.bytes_per_second {
            tokio::time::sleep(pace(length, rate)).await;
        }
        Ok(Some(bytes))
    }

    async fn frame(&mut self) -> Result<Option<Bytes>, CosError> {
        loop {
            let frame = std::future::poll_fn(|cx| self.body.as_mut().poll_frame(cx)).await;
            match frame {
                None => return Ok(None),
                Some(Err(_)) => return Err(CosError::incomplete_body()),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) if !data.is_empty() => return Ok(Some(data)),
                    _ => {}
                },
            }
        }
    }

    /// Reads what is left if it is little, so that the connection can be used again. Otherwise the server answers early
    /// and closes, as any server does that will not take 5 GiB to say no.
    pub(crate) async fn drain(&mut self) {
        const LITTLE: u64 = 256 * 1024;
        let until = self.received + LITTLE;
        let hopeless = self.left.is_some_and(|left| left > LITTLE) || self.plan.stop_after.is_some();
        while !hopeless && self.received < until {
            match self.next().await {
                Ok(Some(_)) => {}
                _ => break,
            }
        }
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let received = self.received;
        self.entry.update(|record| record.bytes_in = received);
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload").field("left", &self.left).field("received", &self.received).finish_non_exhaustive()
    }
}
