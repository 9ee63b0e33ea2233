//! A transport on hyper with a small pool of its own, for many small objects.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use http::uri::{Authority, Scheme};
use http_body::{Body as _, Frame};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

use super::options::TransportOptions;
use super::{Fresh, HttpClient, Phase, TransportError, at_hand};
use crate::body::{ByteStream, Pieces};
use crate::client::defaults;
use crate::client::payload::{Payload, Progress};
use crate::client::provider::BoxFuture;
use crate::error::{BoxError, Error, Result};

/// HTTP/1.1 on hyper, with a pool of its own and nothing else.
pub(crate) struct HyperTransport {
    pool: Arc<Pool>,
    tls_pool: Arc<Pool>,
    connect_timeout: Duration,
    resolve: HashMap<String, SocketAddr>,
    roots: Vec<CertificateDer<'static>>,
    /// Made with the first https request.
    tls: OnceLock<TlsConnector>,
}

impl HyperTransport {
    pub(crate) fn new(options: TransportOptions) -> Result<Self> {
        if options.system_proxy || !options.proxies.is_empty() {
            return Err(Error::input("proxy", "is not for the transport on hyper"));
        }
        let roots = CertificateDer::pem_slice_iter(&options.root_pem).collect::<Result<_, _>>();
        Ok(Self {
            pool: Pool::new(options.pool_idle),
            tls_pool: Pool::new(options.pool_idle),
            connect_timeout: options.connect_timeout,
            resolve: options.resolve.into_iter().map(|(host, to)| (host.to_ascii_lowercase(), to)).collect(),
            roots: roots.map_err(|_| Error::input("root_certificates", "hold one that is no PEM certificate"))?,
            tls: OnceLock::new(),
        })
    }

    fn tls(&self) -> Result<&TlsConnector, BoxError> {
        if let Some(tls) = self.tls.get() {
            return Ok(tls);
        }
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        for certificate in &self.roots {
            roots.add(certificate.clone())?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(self.tls.get_or_init(|| TlsConnector::from(Arc::new(config))))
    }

    async fn connect(&self, host: &Host, pool: &Arc<Pool>) -> Result<Box<Connection>, TransportError> {
        let mut phase = Phase::Dns;
        let home = pool.home(host.authority.as_str());
        let connecting = self.connect_in(host, &home, &mut phase);
        match tokio::time::timeout(self.connect_timeout, connecting).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(TransportError::new(phase_of(phase, &*error), error)),
            // Silence says nothing of a certificate.
            Err(elapsed) => {
                let phase = if phase == Phase::Tls { Phase::Connect } else { phase };
                Err(TransportError::new(phase, elapsed).with_timed_out(true))
            }
        }
    }

    async fn connect_in(&self, host: &Host, home: &Arc<Home>, phase: &mut Phase) -> Result<Box<Connection>, BoxError> {
        let name = host.authority.host();
        let bare_name = name.trim_matches(['[', ']']);
        let addresses: Vec<SocketAddr> = match self.resolve.get(name) {
            Some(address) => vec![host.at(*address)],
            None => tokio::net::lookup_host((bare_name, host.port())).await?.collect(),
        };
        *phase = Phase::Connect;
        let tcp = first_that_answers(addresses).await?;
        tcp.set_nodelay(true)?;
        if host.https {
            let name = ServerName::try_from(bare_name.to_owned())?;
            *phase = Phase::Tls;
            let stream = self.tls()?.connect(name, tcp).await?;
            Connection::begin(home, stream).await
        } else {
            Connection::begin(home, tcp).await
        }
    }
}

/// The handshake may also fail because the connection broke, which says nothing of a certificate.
fn phase_of(phase: Phase, error: &(dyn StdError + 'static)) -> Phase {
    let broke = error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() != io::ErrorKind::InvalidData);
    if phase == Phase::Tls && broke { Phase::Connect } else { phase }
}

/// Tries the addresses in turn, each as soon as the one before failed or had its head start.
async fn first_that_answers(addresses: Vec<SocketAddr>) -> Result<TcpStream, BoxError> {
    let mut addresses = addresses.into_iter();
    let mut trying = JoinSet::new();
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    loop {
        let next = addresses.next();
        let is_last = next.is_none();
        if let Some(address) = next {
            trying.spawn(TcpStream::connect(address));
        }
        let outcome = if is_last {
            trying.join_next().await
        } else {
            match tokio::time::timeout(defaults::HEAD_START, trying.join_next()).await {
                Ok(outcome) => outcome,
                Err(_) => continue,
            }
        };
        match outcome {
            Some(Ok(Ok(tcp))) => return Ok(tcp),
            Some(Ok(Err(error))) => last = error,
            Some(Err(stopped)) => last = stopped.into(),
            None if is_last => return Err(last.into()),
            None => {}
        }
    }
}

impl fmt::Debug for HyperTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HyperTransport").field("pool", &self.pool).finish_non_exhaustive()
    }
}

impl HttpClient for HyperTransport {
    fn execute(
        &self,
        mut request: http::Request<Payload>,
    ) -> BoxFuture<'_, Result<http::Response<ByteStream>, TransportError>> {
        Box::pin(async move {
            let progress = request.body().progress();
            let host = Host::taken_from(&mut request)?;
            let pool = if host.https { &self.tls_pool } else { &self.pool };
            let idle = match request.extensions().get::<Fresh>() {
                Some(Fresh) => None,
                None => pool.take(host.authority.as_str(), progress.started()).await,
            };
            let (mut connection, reused) = match idle {
                Some(connection) => (connection, true),
                // In a box: connecting is rare, and its state large.
                None => (Box::pin(self.connect(&host, pool)).await?, false),
            };
            let before = connection.written();
            match connection.sender.send_request(request).await {
                Ok(response) => Ok(Answer::of(response, connection, &progress)),
                Err(error) => {
                    let written = connection.written() - before;
                    let gone = reused && written == 0 && !progress.has_failed();
                    if let (true, Some(home)) = (gone, connection.home.upgrade()) {
                        // It had gone away while it was idle, and so have those that were idle for longer: what comes
                        // in place of this attempt shall meet none of them.
                        home.lock().clear();
                    }
                    let phase = if progress.is_sent() { Phase::AwaitHeaders } else { Phase::Send };
                    Err(TransportError::new(phase, error).with_request_bytes(written).with_reused(reused))
                }
            }
        })
    }
}

/// Where to connect.
struct Host {
    https: bool,
    authority: Authority,
}

impl Host {
    /// A connection sends `GET /path`, not `GET http://host/path`.
    fn taken_from(request: &mut http::Request<Payload>) -> Result<Self, TransportError> {
        let url = std::mem::take(request.uri_mut()).into_parts();
        let (Some(authority), Some(target)) = (url.authority, url.path_and_query) else {
            return Err(TransportError::new(Phase::Connect, "the URL has no host"));
        };
        *request.uri_mut() = target.into();
        Ok(Self { https: url.scheme == Some(Scheme::HTTPS), authority })
    }

    /// The address that was given for it.
    fn at(&self, mut address: SocketAddr) -> SocketAddr {
        if self.authority.port().is_some() || address.port() == 0 {
            address.set_port(self.port());
        }
        address
    }

    fn port(&self) -> u16 {
        self.authority.port_u16().unwrap_or(if self.https { 443 } else { 80 })
    }
}

/// One connection, with a count of the bytes written to it.
struct Connection {
    sender: SendRequest<Payload>,
    written: Arc<AtomicU64>,
    /// Where it waits between two requests; gone with the pool.
    home: Weak<Home>,
    task: JoinHandle<()>,
}

/// hyper would write the rest of a request's body before it heeds that nobody wants the connection any more.
impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Connection {
    async fn begin(
        home: &Arc<Home>,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) -> Result<Box<Self>, BoxError> {
        let written = Arc::new(AtomicU64::new(0));
        let io = TokioIo::new(Counted { stream, written: Arc::clone(&written), few: Vec::new() });
        let (sender, connection) = http1::handshake(io).await?;
        // It ends when its sender is dropped, or its peer goes away; what went wrong reaches the request. A task of its
        // own, because requests at the same time then go out in a row, and their answers come in in a row: with each
        // request driving its connection itself, every step of one came between the steps of the others, at a quarter
        // more of the processor.
        let task = tokio::spawn(async move {
            let _ = connection.await;
        });
        Ok(Box::new(Self { sender, written, home: Arc::downgrade(home), task }))
    }

    fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// It serves the next request.
    fn go_home(self: Box<Self>, since: Instant) {
        if let Some(home) = self.home.upgrade().filter(|_| !self.sender.is_closed()) {
            let mut idle = home.lock();
            if idle.len() < defaults::MAX_IDLE_PER_HOST {
                idle.push(Idle { connection: self, since });
            }
        }
    }
}

/// How long a connection that came home may take until it is ready for the next request.
const ABOUT_TO_BE: Duration = Duration::from_millis(20);

/// How long a connection may stay beyond its limit, which then serves nobody any more.
const TIDY_AT_MOST_EVERY: Duration = Duration::from_secs(1);

/// The connections by host.
struct Pool {
    hosts: Mutex<Hosts>,
    limit: Duration,
    /// Closed with the pool.
    open: watch::Sender<()>,
}

#[derive(Default)]
struct Hosts {
    homes: HashMap<String, Arc<Home>>,
    /// It ends with the runtime it began in.
    tidying: Option<JoinHandle<()>>,
}

/// The idle connections to one host, the latest used last.
#[derive(Default)]
struct Home(Mutex<Vec<Idle>>);

struct Idle {
    connection: Box<Connection>,
    since: Instant,
}

impl Pool {
    fn new(limit: Duration) -> Arc<Self> {
        Arc::new(Self { hosts: Mutex::default(), limit, open: watch::Sender::new(()) })
    }

    /// The connection that was used last, if it is alive.
    async fn take(&self, authority: &str, now: Instant) -> Option<Box<Connection>> {
        loop {
            let mut idle = self.lock().homes.get(authority)?.lock().pop()?;
            if now.saturating_duration_since(idle.since) >= self.limit {
                continue;
            }
            let sender = &mut idle.connection.sender;
            if sender.is_ready() || matches!(tokio::time::timeout(ABOUT_TO_BE, sender.ready()).await, Ok(Ok(()))) {
                return Some(idle.connection);
            }
        }
    }

    /// Where connections to this host wait.
    fn home(self: &Arc<Self>, authority: &str) -> Arc<Home> {
        if self.limit.is_zero() {
            // Nobody keeps it, so no connection finds it again.
            return Arc::default();
        }
        let mut hosts = self.lock();
        if hosts.tidying.as_ref().is_none_or(JoinHandle::is_finished) {
            let tidying = Self::tidy(Arc::downgrade(self), self.open.subscribe(), self.limit);
            hosts.tidying = Some(tokio::spawn(tidying));
        }
        Arc::clone(hosts.homes.entry(authority.to_owned()).or_default())
    }

    /// Closes connections that were idle for long, as long as there are any.
    async fn tidy(pool: Weak<Self>, mut open: watch::Receiver<()>, limit: Duration) {
        // Nothing is ever sent: that the wait ends early says that the pool is gone.
        while tokio::time::timeout(limit.max(TIDY_AT_MOST_EVERY), open.changed()).await.is_err() {
            let Some(pool) = pool.upgrade() else { return };
            let mut hosts = pool.lock();
            hosts.homes.retain(|_, home| {
                let mut idle = home.lock();
                idle.retain(|it| it.since.elapsed() < limit && !it.connection.sender.is_closed());
                // A connection that is at work, or being made, comes home to it.
                !idle.is_empty() || Arc::weak_count(home) > 0 || Arc::strong_count(home) > 1
            });
            if hosts.homes.is_empty() {
                hosts.tidying = None;
                return;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Hosts> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Home {
    fn lock(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("limit", &self.limit).finish_non_exhaustive()
    }
}

/// The body of an answer; read to its end, it sends its connection home.
struct Answer {
    first: Option<hyper::Result<Bytes>>,
    body: Incoming,
    connection: Option<Box<Connection>>,
    /// Whether the connection serves a next request.
    is_sent: bool,
}

impl Answer {
    fn of(
        response: http::Response<Incoming>,
        connection: Box<Connection>,
        progress: &Progress,
    ) -> http::Response<ByteStream> {
        let (head, mut body) = response.into_parts();
        let length = body.size_hint().exact();
        // With an answer that came early the rest of the request is never sent.
        let is_sent = progress.is_sent();
        let first = match at_hand(&mut body) {
            Some(Ok(whole)) if body.is_end_stream() => {
                if is_sent {
                    // Not idle since, but close to it, and the clock needs not be read again.
                    connection.go_home(progress.last());
                }
                return http::Response::from_parts(head, whole.into());
            }
            first => first,
        };
        let answer = Self { first, body, connection: Some(connection), is_sent };
        http::Response::from_parts(head, ByteStream::from_pieces(length, answer))
    }

    fn give_back(&mut self) {
        if let Some(connection) = self.connection.take().filter(|_| self.is_sent) {
            connection.go_home(Instant::now());
        }
    }
}

impl Pieces for Answer {}

impl Stream for Answer {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let frame = match self.first.take() {
                Some(first) => Some(first.map(Frame::data)),
                None => ready!(Pin::new(&mut self.body).poll_frame(cx)),
            };
            let bytes = match frame {
                Some(Ok(frame)) => frame.into_data().ok(),
                Some(Err(error)) => {
                    self.connection = None;
                    return Poll::Ready(Some(Err(TransportError::new(Phase::ReadBody, error).into())));
                }
                None => {
                    self.give_back();
                    return Poll::Ready(None);
                }
            };
            if self.body.is_end_stream() {
                self.give_back();
            }
            // else trailers
            if let Some(bytes) = bytes {
                return Poll::Ready(Some(Ok(bytes)));
            }
        }
    }
}

/// Counts the bytes written.
struct Counted<S> {
    stream: S,
    written: Arc<AtomicU64>,
    /// For head and body of a small request.
    few: Vec<u8>,
}

/// How many bytes are copied to be written as one run.
const FEW: usize = 8 * 1024;

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        self.written.fetch_add(written as u64, Ordering::Relaxed);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // The system takes one run of bytes by a shorter way than a list, even of one; a copy of a few costs less.
        if let [one] = slices {
            return self.poll_write(cx, one);
        }
        if slices.iter().map(|slice| slice.len()).sum::<usize>() <= FEW {
            let mut few = std::mem::take(&mut self.few);
            few.clear();
            for slice in slices {
                few.extend_from_slice(slice);
            }
            let outcome = self.as_mut().poll_write(cx, &few);
            self.few = few;
            return outcome;
        }
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, slices))?;
        self.written.fetch_add(written as u64, Ordering::Relaxed);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::defaults::HEAD_START;

    /// An address whose backlog is full, which therefore answers nobody.
    async fn silent() -> (SocketAddr, impl Sized) {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut waiting = JoinSet::new();
        for _ in 0..8 {
            waiting.spawn(TcpStream::connect(address));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        (address, (listener, waiting))
    }

    #[tokio::test]
    async fn an_address_that_is_silent_has_a_head_start_only() {
        let (silent, _held) = silent().await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let good = listener.local_addr().unwrap();
        let refused = ([127, 0, 0, 1], 1).into();
        for (addresses, least) in [
            (vec![good], Duration::ZERO),
            (vec![refused, good], Duration::ZERO),
            (vec![silent, good], HEAD_START),
            (vec![silent, refused, good], HEAD_START),
            (vec![silent, silent, good], HEAD_START * 2),
        ] {
            let start = Instant::now();
            let tcp = first_that_answers(addresses.clone()).await.unwrap();
            assert_eq!(tcp.peer_addr().unwrap(), good);
            let took = start.elapsed();
            assert!((least..least + Duration::from_secs(2)).contains(&took), "{addresses:?}: {took:?}");
        }
    }

    #[tokio::test]
    async fn where_nothing_waits_there_is_nothing_to_tidy() {
        for (limit, tidies) in [(Duration::ZERO, false), (Duration::from_millis(1), true)] {
            let pool = Pool::new(limit);
            drop(pool.home("host"));
            let hosts = pool.lock();
            assert_eq!((hosts.tidying.is_some(), hosts.homes.len()), (tidies, usize::from(tidies)));
        }
    }

    #[tokio::test]
    async fn addresses_that_refuse_are_told() {
        let refused: SocketAddr = ([127, 0, 0, 1], 1).into();
        let error = first_that_answers(vec![refused, refused]).await.unwrap_err();
        assert_eq!(error.downcast_ref::<io::Error>().unwrap().kind(), io::ErrorKind::ConnectionRefused);
        let error = first_that_answers(Vec::new()).await.unwrap_err();
        assert_eq!(error.downcast_ref::<io::Error>().unwrap().kind(), io::ErrorKind::NotFound);
    }
}
