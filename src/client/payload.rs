//! The body of one attempt on its way out: frame by frame, counted, summed up, timed.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use futures_util::FutureExt;
use futures_util::task::AtomicWaker;
use http_body::{Frame, SizeHint};
use tokio::time::Instant;

use crate::body::{Body, ByteStream, Observer, Source};
use crate::client::defaults::{self, BUFFERED, FRAME, LEAST_PACE, QUICK_PACE, SMALL_FRAME};
use crate::client::file::FileFrames;
use crate::crc64::Crc64;
use crate::error::{Error, ErrorKind, Result};

/// The body of one attempt, of known length: an [`http_body::Body`] that hands out frames of at most 64 KiB, smaller
/// ones as long as they are taken slowly.
pub struct Payload {
    frames: Frames,
    /// What the next frames are cut of.
    piece: Bytes,
    remaining: u64,
    crc64: Crc64,
    progress: Arc<Progress>,
    observer: Option<Observer>,
    /// The end of a stream, until it is known that nothing follows.
    last: Bytes,
    /// Where a stream that runs once came from, until something is taken of it.
    untouched: Option<Slot>,
}

type Slot = Arc<Mutex<Option<ByteStream>>>;

enum Frames {
    Bytes(Bytes),
    File(Box<FileFrames>),
    Stream(Box<ByteStream>),
}

impl Payload {
    /// Opens the body for an attempt. Here, too, the code of the caller runs.
    pub(crate) async fn open(body: Body) -> Result<Self> {
        AssertUnwindSafe(Self::opened(body)).catch_unwind().await.unwrap_or_else(|_| Err(panicked()))
    }

    async fn opened(body: Body) -> Result<Self> {
        let length = body.len();
        let mut untouched = None;
        let mut frames = match body.source {
            Source::Empty => Frames::Bytes(Bytes::new()),
            Source::Bytes(bytes) => Frames::Bytes(bytes),
            Source::File { path, opened, offset, length, as_of } => {
                Frames::File(Box::new(FileFrames::open(&path, opened, offset, length, as_of).await?))
            }
            Source::Factory { open, .. } => Frames::Stream(Box::new(open())),
            Source::Once { stream, .. } => {
                let taken = stream.lock().unwrap_or_else(PoisonError::into_inner).take();
                untouched = Some(stream);
                Frames::Stream(Box::new(taken.ok_or_else(|| {
                    Error::new(ErrorKind::Io, "the body was sent before and cannot be sent again (BodyNotReplayable)")
                })?))
            }
        };
        // The transport asks a body without bytes for nothing.
        if let (0, Frames::Stream(stream)) = (length, &mut frames) {
            end_of(stream).await?;
            **stream = Bytes::new().into();
        }
        if let Some(observer) = &body.observer {
            observer(0);
        }
        Ok(Self::new(length, frames, body.observer, untouched))
    }

    fn new(length: u64, frames: Frames, observer: Option<Observer>, untouched: Option<Slot>) -> Self {
        let progress = Arc::new(Progress::new(length));
        let (piece, last, crc64) = (Bytes::new(), Bytes::new(), Crc64::new());
        Self { frames, piece, remaining: length, crc64, progress, observer, last, untouched }
    }

    /// How many bytes are left to hand out.
    pub fn remaining(&self) -> u64 {
        self.remaining
    }

    pub(crate) fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// The code of the caller runs here: a panic of it would end the task of the connection, and with it every word of
    /// why.
    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes>> {
        let polled = catch_unwind(AssertUnwindSafe(|| self.poll_source(cx)));
        polled.unwrap_or_else(|_| Poll::Ready(Err(panicked())))
    }

    fn poll_source(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes>> {
        if self.piece.is_empty() {
            self.piece = ready!(self.poll_piece(cx))?;
        }
        let frame = self.piece.split_to(self.piece.len().min(self.progress.frame()));
        if let Some(observer) = self.observer.as_ref().filter(|_| !frame.is_empty()) {
            observer(self.progress.sent().0 + frame.len() as u64);
        }
        Poll::Ready(Ok(frame))
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes>> {
        Poll::Ready(Ok(match &mut self.frames {
            Frames::Bytes(bytes) => std::mem::take(bytes),
            Frames::File(file) => match ready!(file.poll_frame(cx))? {
                bytes if bytes.is_empty() => return Poll::Ready(Err(changed("the file is shorter than it was"))),
                bytes => bytes,
            },
            Frames::Stream(stream) => {
                let left = self.remaining - self.last.len() as u64;
                match ready!(Pin::new(stream).poll_next(cx)).transpose()? {
                    Some(bytes) if bytes.len() as u64 > left => {
                        return Poll::Ready(Err(changed(TOO_LONG)));
                    }
                    // A stream may say at its end that what it brought was wrong.
                    Some(bytes) if bytes.len() as u64 == left => {
                        if left > 0 {
                            self.last = bytes;
                        }
                        Bytes::new()
                    }
                    Some(bytes) => bytes,
                    None if left == 0 => std::mem::take(&mut self.last),
                    None => return Poll::Ready(Err(changed("the stream is shorter than announced"))),
                }
            }
        }))
    }
}

/// Waits for the end of a stream that is to bring nothing.
async fn end_of(stream: &mut ByteStream) -> Result<()> {
    while let Some(bytes) = stream.next().await.transpose()? {
        if !bytes.is_empty() {
            return Err(changed(TOO_LONG));
        }
    }
    Ok(())
}

const TOO_LONG: &str = "the stream is longer than announced";

fn panicked() -> Error {
    Error::new(ErrorKind::Io, "the body of the request panicked")
}

fn changed(what: &'static str) -> Error {
    Error::new(ErrorKind::Changed, what)
}

/// Bytes in memory, for requests of your own.
impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Self {
        Self::new(bytes.len() as u64, Frames::Bytes(bytes), None, None)
    }
}

impl http_body::Body for Payload {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>>>> {
        if self.remaining == 0 {
            return Poll::Ready(None);
        }
        match self.progress.wanted(cx) {
            Wanted::Sent => {}
            Wanted::Held => return Poll::Pending,
            Wanted::Over => {
                self.remaining = 0;
                return Poll::Ready(Some(Err(Error::new(ErrorKind::Cancelled, "nobody waits for the rest"))));
            }
        }
        self.untouched = None;
        loop {
            let Poll::Ready(outcome) = self.poll_bytes(cx) else {
                self.progress.wait_for_caller(cx);
                return Poll::Pending;
            };
            match outcome {
                Ok(bytes) if bytes.is_empty() => {}
                Ok(bytes) => {
                    self.crc64.update(&bytes);
                    self.remaining -= bytes.len() as u64;
                    let crc64 = (self.remaining == 0).then(|| self.crc64.value());
                    self.progress.took(bytes.len() as u64, crc64);
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                Err(error) => {
                    self.remaining = 0;
                    // The library below gets a word; the executor gets the error itself.
                    let word = Error::new(error.kind(), "the body of the request failed");
                    self.progress.fail(error);
                    return Poll::Ready(Some(Err(word)));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.remaining == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining)
    }
}

/// A request that failed before its body was begun leaves a stream that runs once for the next attempt.
impl Drop for Payload {
    fn drop(&mut self) {
        if let (Some(slot), Frames::Stream(stream)) = (self.untouched.take(), &mut self.frames) {
            let stream = std::mem::replace(&mut **stream, Bytes::new().into());
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(stream);
        }
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Payload").field("remaining", &self.remaining).finish_non_exhaustive()
    }
}

/// What the executor sees of a payload that a transport is sending.
#[derive(Debug)]
pub(crate) struct Progress {
    started: Instant,
    /// Of the last frame taken, since `started`.
    last_nanos: AtomicU64,
    sent: AtomicU64,
    crc64: AtomicU64,
    state: AtomicU8,
    error: Mutex<Option<Error>>,
    wanted: AtomicU8,
    /// Of the transport, while it is given nothing.
    waker: AtomicWaker,
}

const SENDING: u8 = 0;
const WAITING_FOR_CALLER: u8 = 1;
const SENT: u8 = 2;
const FAILED: u8 = 3;

/// What is to become of the rest of the body.
enum Wanted {
    Sent,
    /// The answer came early. It is read to its end, for which the connection must live.
    Held,
    /// The attempt has ended.
    Over,
}

const HELD: u8 = 1;
const OVER: u8 = 2;

/// The attempt that waits for an answer. Where it ends, nothing more of the body is handed out.
pub(crate) struct Waiting<'a>(&'a Progress);

impl Waiting<'_> {
    /// The answer begins: what it does not wait for is not sent.
    pub(crate) fn answered(&self) {
        self.0.want(HELD);
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.want(OVER);
    }
}

impl Progress {
    fn new(length: u64) -> Self {
        Self {
            started: Instant::now(),
            last_nanos: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            crc64: AtomicU64::new(0),
            state: AtomicU8::new(if length == 0 { SENT } else { SENDING }),
            error: Mutex::new(None),
            wanted: AtomicU8::new(0),
            waker: AtomicWaker::new(),
        }
    }

    /// For as long as an answer is waited for.
    pub(crate) fn waiting(&self) -> Waiting<'_> {
        Waiting(self)
    }

    fn want(&self, wanted: u8) {
        if !self.is_sent() {
            self.wanted.store(wanted, Ordering::Release);
            self.waker.wake();
        }
    }

    fn wanted(&self, cx: &Context<'_>) -> Wanted {
        if self.wanted.load(Ordering::Acquire) == 0 {
            return Wanted::Sent;
        }
        // First, so that the end that comes from here on wakes.
        self.waker.register(cx.waker());
        if self.wanted.load(Ordering::Acquire) == OVER { Wanted::Over } else { Wanted::Held }
    }

    fn touch(&self) {
        let nanos = u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.last_nanos.store(nanos, Ordering::Relaxed);
    }

    fn took(&self, bytes: u64, crc64: Option<u64>) {
        self.touch();
        self.sent.fetch_add(bytes, Ordering::Relaxed);
        if let Some(crc64) = crc64 {
            self.crc64.store(crc64, Ordering::Relaxed);
        }
        self.state.store(if crc64.is_some() { SENT } else { SENDING }, Ordering::Release);
    }

    fn wait_for_caller(&self, cx: &Context<'_>) {
        self.state.store(WAITING_FOR_CALLER, Ordering::Release);
        self.waker.register(cx.waker());
        if self.wanted.load(Ordering::Acquire) != 0 {
            cx.waker().wake_by_ref();
        }
    }

    fn fail(&self, error: Error) {
        *self.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        self.state.store(FAILED, Ordering::Release);
    }

    /// What the caller's side of the body failed with.
    pub(crate) fn take_error(&self) -> Option<Error> {
        if self.state.load(Ordering::Acquire) != FAILED {
            return None;
        }
        self.error.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Bytes and CRC-64 handed to the transport.
    pub(crate) fn sent(&self) -> (u64, u64) {
        (self.sent.load(Ordering::Relaxed), self.crc64.load(Ordering::Relaxed))
    }

    /// Whether the caller's side of the body failed.
    #[cfg(feature = "hyper")]
    pub(crate) fn has_failed(&self) -> bool {
        self.state.load(Ordering::Acquire) == FAILED
    }

    /// The most bytes of the next frame. A transport takes many before the first of them is on its way: until it is
    /// known that they go out quickly they are small, so that little is hidden by that.
    fn frame(&self) -> usize {
        let (sent, _) = self.sent();
        let is_quick = sent > BUFFERED && self.sending() <= time_of(sent, QUICK_PACE);
        if is_quick { FRAME } else { SMALL_FRAME }
    }

    /// How long the end of the body may be on its way when the last of it was taken: twice what it takes at the pace so
    /// far, if there is one.
    fn on_its_way(&self) -> Duration {
        let (sent, _) = self.sent();
        if sent <= BUFFERED {
            return time_of(sent, LEAST_PACE);
        }
        let millis = u64::try_from(self.sending().as_millis()).unwrap_or(u64::MAX);
        let pace = sent.saturating_mul(1000) / millis.max(1);
        time_of(2 * BUFFERED, pace.max(2 * LEAST_PACE))
    }

    pub(crate) fn is_sent(&self) -> bool {
        self.state.load(Ordering::Acquire) == SENT
    }

    #[cfg(feature = "hyper")]
    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    /// How long it was until the last frame was taken.
    pub(crate) fn sending(&self) -> Duration {
        Duration::from_nanos(self.last_nanos.load(Ordering::Relaxed))
    }

    /// When the last frame was taken, or else the start.
    pub(crate) fn last(&self) -> Instant {
        self.started + self.sending()
    }

    /// Until when the transport may be silent, as things stand: the stall limit counts from the last frame it took, the
    /// response limit from when the very last should be out. While the caller's own stream has nothing, nobody is late.
    /// Before the first frame it may still be connecting, which has a limit of its own, and ends with a better word.
    pub(crate) fn patience(&self, stall: Duration, connect: Duration, response: Duration) -> Instant {
        let state = self.state.load(Ordering::Acquire);
        let last = self.last();
        match state {
            SENT => last + response + self.on_its_way(),
            WAITING_FOR_CALLER => Instant::now() + stall,
            _ if self.sent.load(Ordering::Relaxed) == 0 => last + stall.max(connect + defaults::CONNECT_GRACE),
            _ => last + stall,
        }
    }
}

/// What so many bytes take at a pace in bytes a second.
fn time_of(bytes: u64, pace: u64) -> Duration {
    Duration::from_millis(bytes.saturating_mul(1000) / pace)
}

#[cfg(test)]
mod tests {
    use http_body::Body as _;

    use super::*;

    const KIB: u64 = 1024;

    /// Takes frames until so many bytes were taken in all.
    fn take(payload: &mut Payload, until: u64) -> u64 {
        let mut longest = 0;
        while payload.progress.sent().0 < until {
            let polled = Pin::new(&mut *payload).poll_frame(&mut Context::from_waker(std::task::Waker::noop()));
            let Poll::Ready(Some(Ok(frame))) = polled else { panic!("{polled:?}") };
            longest = longest.max(frame.into_data().unwrap().len() as u64);
        }
        longest
    }

    fn payload(length: u64) -> Payload {
        Bytes::from(vec![7; usize::try_from(length).unwrap()]).into()
    }

    #[tokio::test(start_paused = true)]
    async fn frames_are_small_until_they_go_out_quickly() {
        for (pace, longest) in [(64 * KIB, 8 * KIB), (1024 * KIB, 64 * KIB)] {
            let mut payload = payload(2048 * KIB);
            assert_eq!(take(&mut payload, BUFFERED), 8 * KIB);
            tokio::time::advance(time_of(BUFFERED, pace)).await;
            take(&mut payload, BUFFERED + 1);
            assert_eq!(take(&mut payload, 2 * BUFFERED), longest, "{pace}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_is_cut_into_frames_as_well() {
        let whole = ByteStream::from(Bytes::from(vec![7; 100_000]));
        let mut payload = Payload::open(Body::once(100_000, whole)).await.unwrap();
        assert_eq!(take(&mut payload, 100_000), 8 * KIB);
        assert_eq!(payload.progress.sent(), (100_000, Crc64::of(&vec![7; 100_000])));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_taken_has_time_to_go_out() {
        let limit = Duration::from_secs(30);
        let late = |payload: &Payload| {
            let patience = payload.progress.patience(limit, limit, limit);
            patience.saturating_duration_since(payload.progress.last()).saturating_sub(limit)
        };
        // Nobody knows how quickly it goes out.
        for (length, extra) in [(0, 0), (4 * KIB, 1), (64 * KIB, 16), (BUFFERED, 64)] {
            let mut payload = payload(length);
            take(&mut payload, length);
            assert_eq!(late(&payload), Duration::from_secs(extra), "{length}");
        }
        for (pace, extra) in [(1024, 64_000), (8 * KIB, 64_000), (64 * KIB, 8_000), (10 * 1024 * KIB, 50)] {
            let mut payload = payload(2048 * KIB);
            take(&mut payload, 1024 * KIB);
            tokio::time::advance(time_of(2048 * KIB, pace)).await;
            take(&mut payload, 2048 * KIB);
            assert_eq!(late(&payload), Duration::from_millis(extra), "{pace}");
        }
    }

    struct Woken(AtomicU8);

    impl std::task::Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(1, Ordering::SeqCst);
        }
    }

    /// However close the answer comes to a frame.
    #[test]
    fn whoever_is_held_is_woken_when_it_is_over() {
        const TURNS: u64 = 1000;
        let rounds: Arc<Vec<Progress>> = Arc::new((0..TURNS).map(|_| Progress::new(1)).collect());
        let (turn, done, theirs) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)), Arc::clone(&rounds));
        let (told, did) = (Arc::clone(&turn), Arc::clone(&done));
        let answer = std::thread::spawn(move || {
            for (number, progress) in theirs.iter().enumerate() {
                while told.load(Ordering::SeqCst) <= number as u64 {
                    std::hint::spin_loop();
                }
                for _ in 0..number % 64 {
                    std::hint::spin_loop();
                }
                progress.want(HELD);
                did.fetch_add(1, Ordering::SeqCst);
            }
        });
        let mut forgotten = 0;
        for progress in rounds.iter() {
            let woken = Arc::new(Woken(AtomicU8::new(0)));
            let waker = std::task::Waker::from(Arc::clone(&woken));
            let cx = Context::from_waker(&waker);
            turn.fetch_add(1, Ordering::SeqCst);
            while matches!(progress.wanted(&cx), Wanted::Sent) {}
            while done.load(Ordering::SeqCst) < turn.load(Ordering::SeqCst) {
                std::hint::spin_loop();
            }
            // Who is woken looks again.
            if woken.0.swap(0, Ordering::SeqCst) == 1 {
                assert!(matches!(progress.wanted(&cx), Wanted::Held));
            }
            progress.want(OVER);
            forgotten += u64::from(woken.0.load(Ordering::SeqCst) == 0);
        }
        answer.join().unwrap();
        assert_eq!(forgotten, 0);
    }
}
