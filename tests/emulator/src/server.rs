//! The socket: accepts connections, wraps them in a link and in TLS, and hands requests to the service.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use http::Request;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ProtocolVersion;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::body::Injected;
use crate::casing::Capitals;
use crate::service::Service;
use crate::wire::{Control, Link, Wire};

/// A running server. Dropping it stops accepting and closes every connection.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) connections: Arc<Connections>,
    task: AbortHandle,
}

#[derive(Debug, Default)]
pub(crate) struct Connections {
    pub(crate) accepted: AtomicU64,
    pub(crate) open: AtomicUsize,
}

/// How the socket behaves.
#[derive(Clone, Debug, Default)]
pub(crate) struct Socketing {
    pub(crate) link: Option<Link>,
    pub(crate) receive_buffer: Option<usize>,
    /// Whether a client that does not begin with TLS is served all the same.
    pub(crate) plain_too: bool,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort(); // the connections are in a JoinSet of that task, and go with it
    }
}

impl Server {
    pub(crate) fn start(
        address: SocketAddr,
        service: Service,
        tls: Option<TlsAcceptor>,
        socketing: Socketing,
    ) -> io::Result<Self> {
        let listener = listen(address, &socketing)?;
        let address = listener.local_addr()?;
        let connections = Arc::new(Connections::default());
        let accepting = accept(listener, service, tls, socketing, Arc::clone(&connections));
        let task = tokio::spawn(accepting).abort_handle();
        Ok(Self { address, connections, task })
    }
}

/// Buffer sizes are set before `listen`, as the window that a connection announces is fixed when it is accepted.
fn listen(address: SocketAddr, socketing: &Socketing) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    let link_buffer = socketing.link.map(|link| link.buffer());
    if let Some(bytes) = socketing.receive_buffer.or(link_buffer) {
        socket.set_recv_buffer_size(bytes)?;
    }
    socket.bind(&address.into())?;
    socket.listen(1024)?;
    socket.set_nonblocking(true)?;
    TcpListener::from_std(socket.into())
}

async fn accept(
    listener: TcpListener,
    service: Service,
    tls: Option<TlsAcceptor>,
    socketing: Socketing,
    connections: Arc<Connections>,
) {
    let mut tasks = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = tasks.join_next() => continue,
        };
        match accepted {
            Ok((tcp, from)) => {
                let number = connections.accepted.fetch_add(1, Ordering::Relaxed) + 1;
                let open = Open::new(&connections);
                let connection =
                    serve(tcp, Control::new(number, from.ip()), service.clone(), tls.clone(), socketing.clone());
                tasks.spawn(async move {
                    connection.await;
                    drop(open);
                });
            }
            // Out of file descriptors: the ones in use come back.
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
        }
    }
}

async fn serve(
    tcp: TcpStream,
    control: Arc<Control>,
    service: Service,
    mut tls: Option<TlsAcceptor>,
    socketing: Socketing,
) {
    let _ = tcp.set_nodelay(true);
    if tls.is_some() && socketing.plain_too && !begins_with_tls(&tcp).await {
        tls = None;
    }
    let link = socketing.link;
    if let Some(link) = link {
        let _ = SockRef::from(&tcp).set_send_buffer_size(link.buffer());
    }
    let wire = Wire::new(tcp, Arc::clone(&control), link);
    match tls {
        None => serve_http(wire, service, control).await,
        Some(tls) => {
            if let Ok(stream) = tls.accept(wire).await {
                let version = stream.get_ref().1.protocol_version();
                control.secured(if version == Some(ProtocolVersion::TLSv1_2) { "1.2" } else { "1.3" });
                serve_http(stream, service, control).await;
            }
        }
    }
}

/// Whether the first byte is that of a handshake. It stays where it is.
async fn begins_with_tls(tcp: &TcpStream) -> bool {
    const HANDSHAKE: u8 = 22;
    let mut first = [0];
    matches!(tcp.peek(&mut first).await, Ok(1)) && first[0] == HANDSHAKE
}

async fn serve_http<S>(stream: S, service: Service, control: Arc<Control>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let stream = Capitals::new(stream, Arc::clone(&control));
    let handler = service_fn(move |request: Request<hyper::body::Incoming>| {
        let service = service.clone();
        let control = Arc::clone(&control);
        async move {
            let answer = service.answer(request, Some(Arc::clone(&control))).await?;
            control.announce_head();
            Ok::<_, Injected>(answer)
        }
    });
    // The date is the emulator's own, from a clock that tests may shift.
    let connection = http1::Builder::new().auto_date_header(false).serve_connection(TokioIo::new(stream), handler);
    // An error here is a client that went away, or a fault that was asked for.
    let _ = connection.await;
}

/// Counts a connection as open while it lives, aborted tasks included.
struct Open(Arc<Connections>);

impl Open {
    fn new(connections: &Arc<Connections>) -> Self {
        connections.open.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(connections))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
