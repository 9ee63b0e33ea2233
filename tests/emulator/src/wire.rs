//! The socket under a connection: a link of limited speed, and orders to break it.

use std::io::{self, IoSlice};
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

/// The shape of every connection, in both directions.
///
/// It works on the stream itself: a slow link fills the socket's small buffers and the peer's writes block, as on a real
/// one. `latency` is added whenever the direction turns, so a request and its answer take twice that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// Bytes a second each way; `None` for as fast as the machine can.
    pub bytes_per_second: Option<u64>,
    /// One-way delay.
    pub latency: Duration,
}

impl Link {
    /// The size for socket buffers: a tenth of a second of this link.
    pub(crate) fn buffer(&self) -> usize {
        let tenth = self.bytes_per_second.map_or(256 * 1024, |rate| rate / 10);
        usize::try_from(tenth.clamp(4 * 1024, 256 * 1024)).unwrap_or(4 * 1024)
    }
}

/// How to end a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Close it in the ordinary way.
    Close,
    /// Reset it: `SO_LINGER` of zero.
    Reset,
}

/// Who is at the other end, and how well nobody else can listen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    pub(crate) ip: IpAddr,
    /// The version of TLS, as `1.3`.
    pub(crate) tls: Option<&'static str>,
}

impl Peer {
    /// Whoever calls without a socket.
    pub(crate) const NOBODY: Self = Self { ip: IpAddr::V4(Ipv4Addr::LOCALHOST), tls: None };
}

/// The handle that handlers hold on their connection.
#[derive(Debug)]
pub(crate) struct Control {
    pub(crate) connection: u64,
    ip: IpAddr,
    tls: OnceLock<&'static str>,
    order: AtomicU8,
    /// Heads and ends of messages so far: odd while a request is being answered.
    messages: AtomicU64,
    /// Answers whose heads are still to be written.
    heads: AtomicU64,
    reader: Mutex<Option<Waker>>,
}

impl Control {
    pub(crate) fn new(connection: u64, ip: IpAddr) -> Arc<Self> {
        let (order, messages, heads) = (AtomicU8::new(0), AtomicU64::new(0), AtomicU64::new(0));
        Arc::new(Self { connection, ip, tls: OnceLock::new(), order, messages, heads, reader: Mutex::default() })
    }

    /// TLS has been agreed on, in this version.
    pub(crate) fn secured(&self, version: &'static str) {
        let _ = self.tls.set(version);
    }

    pub(crate) fn peer(&self) -> Peer {
        Peer { ip: self.ip, tls: self.tls.get().copied() }
    }

    /// A request has come.
    pub(crate) fn asked(&self) {
        self.messages.fetch_add(1, Ordering::AcqRel);
    }

    /// Its answer has been handed over. The number tells whether another request has come since.
    pub(crate) fn answered(&self) -> u64 {
        self.messages.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// The head of an answer is about to be written.
    pub(crate) fn announce_head(&self) {
        self.heads.fetch_add(1, Ordering::AcqRel);
    }

    /// Takes back one announcement, if there is any.
    pub(crate) fn takes_head(&self) -> bool {
        self.heads.fetch_update(Ordering::AcqRel, Ordering::Acquire, |heads| heads.checked_sub(1)).is_ok()
    }

    /// Ends the connection if nothing has happened on it since.
    pub(crate) fn close_if_still(&self, answered: u64) {
        if self.messages.load(Ordering::Acquire) == answered {
            self.order(Order::Close);
            if let Some(reader) = self.reader.lock().unwrap_or_else(PoisonError::into_inner).take() {
                reader.wake();
            }
        }
    }

    /// Whether an idle connection is to end. Otherwise remembers whom to wake when it is.
    fn poll_closed(&self, cx: &Context<'_>) -> bool {
        *self.reader.lock().unwrap_or_else(PoisonError::into_inner) = Some(cx.waker().clone());
        self.ordered() == Some(Order::Close) && self.messages.load(Ordering::Acquire).is_multiple_of(2)
    }

    /// Ends the connection as soon as the server has flushed what it has written so far.
    pub(crate) fn order(&self, order: Order) {
        let number = match order {
            Order::Close => 1,
            Order::Reset => 2,
        };
        self.order.fetch_max(number, Ordering::AcqRel);
    }

    fn ordered(&self) -> Option<Order> {
        match self.order.load(Ordering::Acquire) {
            0 => None,
            1 => Some(Order::Close),
            _ => Some(Order::Reset),
        }
    }
}

/// A TCP stream that obeys its [`Control`] and keeps to its [`Link`].
#[derive(Debug)]
pub(crate) struct Wire {
    tcp: TcpStream,
    control: Arc<Control>,
    shape: Option<Box<Shape>>,
    farewell: Option<Pin<Box<Sleep>>>,
}

impl Wire {
    pub(crate) fn new(tcp: TcpStream, control: Arc<Control>, link: Option<Link>) -> Self {
        let shape = link.map(|link| Box::new(Shape::new(link)));
        Self { tcp, control, shape, farewell: None }
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.control.poll_closed(cx) {
            return Poll::Ready(Ok(())); // as if the client had closed: the server then does
        }
        let Some(shape) = &mut this.shape else { return Pin::new(&mut this.tcp).poll_read(cx, buf) };
        // The delay starts when bytes arrive, not while nobody speaks.
        ready!(this.tcp.poll_read_ready(cx))?;
        ready!(shape.poll_ready(cx, Direction::In));
        let mut piece = vec![0; shape.slice.min(buf.remaining())];
        let mut part = ReadBuf::new(&mut piece);
        ready!(Pin::new(&mut this.tcp).poll_read(cx, &mut part))?;
        buf.put_slice(part.filled());
        shape.moved(Direction::In, part.filled().len());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let Some(shape) = &mut this.shape else { return Pin::new(&mut this.tcp).poll_write(cx, buf) };
        ready!(shape.poll_ready(cx, Direction::Out));
        let piece = &buf[..buf.len().min(shape.slice)];
        let written = ready!(Pin::new(&mut this.tcp).poll_write(cx, piece))?;
        shape.moved(Direction::Out, written);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.shape.is_some() {
            let first = bufs.iter().find(|buf| !buf.is_empty()).map_or(&[][..], |buf| buf);
            return self.poll_write(cx, first);
        }
        Pin::new(&mut self.tcp).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    /// The server flushes after everything it has to say has been written: the moment for an order to end it.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.tcp).poll_flush(cx))?;
        match self.control.ordered() {
            None => Poll::Ready(Ok(())),
            Some(_) => Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
        }
    }

    /// Closes our half, then reads on for a moment. A client that is still sending when an early answer arrives would
    /// otherwise be reset, and lose the answer.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        const FAREWELL: Duration = Duration::from_secs(1);
        let this = &mut *self;
        if this.farewell.is_none() {
            ready!(Pin::new(&mut this.tcp).poll_shutdown(cx))?;
        }
        let farewell = this.farewell.get_or_insert_with(|| Box::pin(tokio::time::sleep(FAREWELL)));
        let mut waste = [0; 16 * 1024];
        while farewell.as_mut().poll(cx).is_pending() {
            let mut buf = ReadBuf::new(&mut waste);
            match ready!(Pin::new(&mut this.tcp).poll_read(cx, &mut buf)) {
                Ok(()) if !buf.filled().is_empty() => {}
                _ => break,
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.control.ordered() == Some(Order::Reset) {
            // If this fails the connection is closed instead, which the test at hand will notice.
            let _ = SockRef::from(&self.tcp).set_linger(Some(Duration::ZERO));
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    In,
    Out,
}

/// Paces one connection: after each slice a direction sleeps for as long as the slice takes on the link.
#[derive(Debug)]
struct Shape {
    link: Link,
    slice: usize,
    last: Option<Direction>,
    waiting_in: Option<Pin<Box<Sleep>>>,
    waiting_out: Option<Pin<Box<Sleep>>>,
    free_in: Instant,
    free_out: Instant,
}

impl Shape {
    fn new(link: Link) -> Self {
        let slice = link.bytes_per_second.map_or(64 * 1024, |rate| (rate / 100).clamp(64, 64 * 1024));
        let now = Instant::now();
        Self {
            link,
            slice: usize::try_from(slice).unwrap_or(64),
            last: None,
            waiting_in: None,
            waiting_out: None,
            free_in: now,
            free_out: now,
        }
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>, direction: Direction) -> Poll<()> {
        let waiting = match direction {
            Direction::In => &mut self.waiting_in,
            Direction::Out => &mut self.waiting_out,
        };
        if self.last != Some(direction) {
            self.last = Some(direction);
            *waiting = Some(Box::pin(tokio::time::sleep(self.link.latency)));
        }
        if let Some(sleep) = waiting {
            ready!(sleep.as_mut().poll(cx));
            *waiting = None;
        }
        Poll::Ready(())
    }

    fn moved(&mut self, direction: Direction, bytes: usize) {
        let Some(rate) = self.link.bytes_per_second.filter(|_| bytes > 0) else { return };
        let (free, waiting) = match direction {
            Direction::In => (&mut self.free_in, &mut self.waiting_in),
            Direction::Out => (&mut self.free_out, &mut self.waiting_out),
        };
        let took = Duration::from_micros(bytes as u64 * 1_000_000 / rate.max(1));
        *free = (*free).max(Instant::now()) + took;
        *waiting = Some(Box::pin(tokio::time::sleep_until(*free)));
    }
}
