//! A transport on hyper with a small pool of its own, for many small objects.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
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
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

use super::options::TransportOptions;
use super::{HttpClient, Phase, TransportError, at_hand};
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
            resolve: options.resolve.into_iter().collect(),
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

    async fn connect(&self, host: &Host) -> Result<Box<Connection>, TransportError> {
        let mut phase = Phase::Dns;
        let connecting = self.connect_in(host, &mut phase);
        match tokio::time::timeout(self.connect_timeout, connecting).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(TransportError::new(phase_of(phase, &*error), error)),
            Err(elapsed) => Err(TransportError::new(phase, elapsed).timed_out(true)),
        }
    }

    async fn connect_in(&self, host: &Host, phase: &mut Phase) -> Result<Box<Connection>, BoxError> {
        let name = host.authority.host();
        let addresses: Vec<SocketAddr> = match self.resolve.get(name) {
            Some(address) => vec![*address],
            None => tokio::net::lookup_host((name.trim_matches(['[', ']']), host.port())).await?.collect(),
        };
        *phase = Phase::Connect;
        let tcp = first_that_answers(&addresses).await?;
        tcp.set_nodelay(true)?;
        if host.https {
            let name = ServerName::try_from(name.to_owned())?;
            *phase = Phase::Tls;
            let stream = self.tls()?.connect(name, tcp).await?;
            Connection::begin(host, stream).await
        } else {
            Connection::begin(host, tcp).await
        }
    }
}

/// The handshake may also fail because the connection broke, which says nothing of a certificate.
fn phase_of(phase: Phase, error: &(dyn StdError + 'static)) -> Phase {
    let broke = error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() != io::ErrorKind::InvalidData);
    if phase == Phase::Tls && broke { Phase::Connect } else { phase }
}

async fn first_that_answers(addresses: &[SocketAddr]) -> Result<TcpStream, BoxError> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(tcp) => return Ok(tcp),
            Err(error) => last = error,
        }
    }
    Err(last.into())
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
            loop {
                let (mut connection, reused) = match pool.take(host.authority.as_str(), progress.started()).await {
                    Some(connection) => (connection, true),
                    // In a box: connecting is rare, and its state large.
                    None => (Box::pin(self.connect(&host)).await?, false),
                };
                let before = connection.written();
                let mut error = match connection.sender.try_send_request(request).await {
                    Ok(response) => return Ok(Answer::of(response, connection, pool, &progress)),
                    Err(error) => error,
                };
                match error.take_message() {
                    // An idle connection had gone away before it took the request: nothing was sent, take another.
                    Some(unsent) if reused => request = unsent,
                    _ => return Err(failed(error.into_error(), &progress, connection.written() - before, reused)),
                }
            }
        })
    }
}

fn failed(error: hyper::Error, progress: &Progress, written: u64, reused: bool) -> TransportError {
    let phase = if progress.is_sent() { Phase::AwaitHeaders } else { Phase::Send };
    TransportError::new(phase, error).request_bytes(written).reused(reused)
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

    fn port(&self) -> u16 {
        self.authority.port_u16().unwrap_or(if self.https { 443 } else { 80 })
    }
}

/// One connection, with a count of the bytes written to it.
struct Connection {
    authority: Authority,
    sender: SendRequest<Payload>,
    written: Arc<AtomicU64>,
}

impl Connection {
    async fn begin(
        host: &Host,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) -> Result<Box<Self>, BoxError> {
        let written = Arc::new(AtomicU64::new(0));
        let io = TokioIo::new(Counted { stream, written: Arc::clone(&written) });
        let (sender, connection) = http1::handshake(io).await?;
        // It ends when its sender is dropped, or its peer goes away; what went wrong reaches the request. A task of its
        // own, because requests at the same time then go out in a row, and their answers come in in a row: with each
        // request driving its connection itself, every step of one came between the steps of the others, at a quarter
        // more of the processor.
        tokio::spawn(async move {
            let _ = connection.await;
        });
        Ok(Box::new(Self { authority: host.authority.clone(), sender, written }))
    }

    fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }
}

/// Idle connections by host, the latest used last.
struct Pool {
    idle: Mutex<HashMap<String, Vec<Idle>>>,
    limit: Duration,
    max: usize,
    /// Closed with the pool.
    open: watch::Sender<()>,
}

struct Idle {
    connection: Box<Connection>,
    since: Instant,
}

impl Pool {
    fn new(limit: Duration) -> Arc<Self> {
        Arc::new(Self { idle: Mutex::default(), limit, max: defaults::MAX_IDLE_PER_HOST, open: watch::Sender::new(()) })
    }

    /// The connection that was used last, if it is alive.
    async fn take(&self, authority: &str, now: Instant) -> Option<Box<Connection>> {
        loop {
            let mut idle = self.lock().get_mut(authority)?.pop()?;
            if now.saturating_duration_since(idle.since) < self.limit && idle.connection.sender.ready().await.is_ok() {
                return Some(idle.connection);
            }
        }
    }

    fn put(self: &Arc<Self>, connection: Box<Connection>, since: Instant) {
        if connection.sender.is_closed() {
            return;
        }
        let idle = Idle { connection, since };
        let mut hosts = self.lock();
        // Hosts stay on the list, with or without connections, until it is tidied.
        let first = hosts.is_empty();
        match hosts.get_mut(idle.connection.authority.as_str()) {
            Some(others) if others.len() < self.max => others.push(idle),
            Some(_) => {}
            None => {
                hosts.insert(idle.connection.authority.as_str().to_owned(), vec![idle]);
            }
        }
        drop(hosts);
        if first {
            tokio::spawn(Self::tidy(Arc::downgrade(self), self.open.subscribe(), self.limit));
        }
    }

    /// Closes connections that were idle for long, as long as there are any.
    async fn tidy(pool: Weak<Self>, mut open: watch::Receiver<()>, limit: Duration) {
        // Nothing is ever sent: that the wait ends early says that the pool is gone.
        while tokio::time::timeout(limit, open.changed()).await.is_err() {
            let Some(pool) = pool.upgrade() else { return };
            let mut hosts = pool.lock();
            hosts.retain(|_, idle| {
                idle.retain(|it| it.since.elapsed() < limit && !it.connection.sender.is_closed());
                !idle.is_empty()
            });
            if hosts.is_empty() {
                return;
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Vec<Idle>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("limit", &self.limit).field("max", &self.max).finish_non_exhaustive()
    }
}

/// The body of an answer; read to its end, it gives its connection back.
struct Answer {
    first: Option<hyper::Result<Bytes>>,
    body: Incoming,
    lease: Option<(Box<Connection>, Arc<Pool>)>,
}

impl Answer {
    fn of(
        response: http::Response<Incoming>,
        connection: Box<Connection>,
        pool: &Arc<Pool>,
        progress: &Progress,
    ) -> http::Response<ByteStream> {
        let (head, mut body) = response.into_parts();
        let length = body.size_hint().exact();
        let first = match at_hand(&mut body) {
            Some(Ok(whole)) if body.is_end_stream() => {
                // Not idle since, but close to it, and the clock needs not be read again.
                pool.put(connection, progress.last());
                return http::Response::from_parts(head, whole.into());
            }
            first => first,
        };
        let answer = Self { first, body, lease: Some((connection, Arc::clone(pool))) };
        http::Response::from_parts(head, ByteStream::from_pieces(length, answer))
    }

    fn give_back(&mut self) {
        if let Some((connection, pool)) = self.lease.take() {
            pool.put(connection, Instant::now());
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
                    self.lease = None;
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
}

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
