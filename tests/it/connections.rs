//! What becomes of connections when a peer answers early, says nothing, or is gone: against sockets that do so.

use std::collections::BTreeSet;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use cos_emulator::Emulator;
use futures_util::stream;
use tencent_cos::client::provider::{CredentialError, from_fn};
use tencent_cos::{
    Body, Bucket, ByteStream, Client, ClientBuilder, Credentials, Endpoint, Error, ErrorKind, InitiateMultipartUpload,
    Overrides, SessionCredentials, Transport,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use crate::support::{self, emulator, noise, transport, until};

const MIB: usize = 1024 * 1024;
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nx-cos-request-id: abc\r\ncontent-length: 0\r\n\r\n";

fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn client(endpoint: &str) -> ClientBuilder {
    Client::builder()
        .transport(transport())
        .region("ap-guangzhou")
        .endpoint(Endpoint::custom(endpoint).unwrap())
        .credentials(Credentials::permanent("AKIDx", "secret").unwrap())
}

fn bucket(client: ClientBuilder) -> Bucket {
    client.build().unwrap().bucket("b-1250000000").unwrap()
}

/// A peer, and how often it was called.
struct Peer {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Peer {
    async fn new<F: Future<Output = ()> + Send + 'static>(
        serve: impl Fn(usize, TcpStream) -> F + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, connections) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(count.fetch_add(1, Ordering::Relaxed), stream));
            }
        });
        Self { address, connections }
    }

    /// One that answers every request without a body.
    async fn well() -> Self {
        Self::new(|_, mut stream| async move {
            while head(&mut stream).await.is_some() {
                if stream.write_all(OK).await.is_err() {
                    return;
                }
            }
        })
        .await
    }

    fn client(&self) -> ClientBuilder {
        client(&format!("http://{}", self.address))
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

/// The head of a request, and how much of its body came with it.
async fn head(stream: &mut TcpStream) -> Option<(String, usize)> {
    let (mut seen, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let count = stream.read(&mut piece).await.ok().filter(|count| *count > 0)?;
        seen.extend_from_slice(&piece[..count]);
        if let Some(end) = seen.windows(4).position(|window| window == b"\r\n\r\n") {
            return Some((String::from_utf8_lossy(&seen[..end]).into_owned(), seen.len() - end - 4));
        }
    }
}

fn refusal(status: u16) -> Vec<u8> {
    let document = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>";
    let length = document.len();
    format!("HTTP/1.1 {status} No\r\nx-cos-request-id: abc\r\ncontent-length: {length}\r\n\r\n{document}").into_bytes()
}

/// The system takes a body long before it is on its way: on a slow link the answer comes late, and nothing is wrong.
#[tokio::test]
async fn a_body_that_is_on_its_way_is_waited_for() {
    let peer = Peer::new(|_, mut stream| async move {
        let Some((_, came)) = head(&mut stream).await else { return };
        let mut rest = vec![0; 64 * 1024 - came];
        for piece in rest.chunks_mut(8 * 1024) {
            tokio::time::sleep(millis(100)).await;
            stream.read_exact(piece).await.unwrap();
        }
        let stored = b"HTTP/1.1 200 OK\r\nx-cos-request-id: abc\r\netag: \"e\"\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(stored).await.unwrap();
    })
    .await;
    let bucket = bucket(peer.client().response_timeout(millis(300)).max_attempts(1));
    bucket.put("k", Bytes::from(vec![0; 64 * 1024])).await.unwrap();
}

/// F50: the connection of a request that was refused in the midst serves no other, whether its peer reads on or not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_half_sent_connection_serves_nobody() {
    let peer = Peer::new(|_, mut stream| async move {
        while let Some((line, _)) = head(&mut stream).await {
            if line.starts_with("PUT") {
                stream.write_all(&refusal(403)).await.unwrap();
                tokio::time::sleep(seconds(60)).await;
            } else if stream.write_all(OK).await.is_err() {
                return;
            }
        }
    })
    .await;
    let bucket = bucket(peer.client().stall_timeout(seconds(5)).response_timeout(seconds(5)));
    for _ in 0..3 {
        let error = bucket.put("k", Bytes::from(vec![0; 64 * MIB])).await.unwrap_err();
        assert_eq!(error.code(), Some("AccessDenied"), "{error}");
        let start = Instant::now();
        bucket.head("k").await.unwrap();
        assert!(start.elapsed() < seconds(1), "{:?}", start.elapsed());
    }
    let error = bucket.put("k", Bytes::from(vec![0; 64 * MIB])).await.unwrap_err();
    assert_eq!(error.code(), Some("AccessDenied"), "{error}");
    // Not repeated when in doubt: nothing of it may go to a connection that still writes something else.
    let error = bucket.send(InitiateMultipartUpload::new("k".parse().unwrap())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Response, "{error}");
}

/// F50: what was answered is not sent on; the refusal is read all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_ends_the_sending() {
    let came = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&came);
    let peer = Peer::new(move |_, mut stream| {
        let count = Arc::clone(&count);
        async move {
            let Some((_, first)) = head(&mut stream).await else { return };
            count.fetch_add(first as u64, Ordering::Relaxed);
            let answer = refusal(403);
            let (start, end) = answer.split_at(answer.len() - 10);
            stream.write_all(start).await.unwrap();
            let mut piece = vec![0; 64 * 1024];
            for turn in 0.. {
                match stream.read(&mut piece).await {
                    Ok(read @ 1..) => count.fetch_add(read as u64, Ordering::Relaxed),
                    _ => return,
                };
                if turn == 8 {
                    stream.write_all(end).await.unwrap();
                }
            }
        }
    })
    .await;
    let bucket = bucket(peer.client());
    let told = Arc::new(AtomicU64::new(0));
    let observed = Arc::clone(&told);
    let body = Body::from(Bytes::from(vec![0; 512 * MIB]));
    let body = body.observe(move |bytes| observed.store(bytes, Ordering::Relaxed));
    let error = bucket.put("k", body).await.unwrap_err();
    assert_eq!(error.code(), Some("AccessDenied"), "{error}");
    let sent = told.load(Ordering::Relaxed);
    assert!(sent < 128 * MIB as u64, "{sent}");
    tokio::time::sleep(millis(500)).await;
    // A frame that was being handed out went out.
    let later = told.load(Ordering::Relaxed);
    assert!(later <= sent + 64 * 1024, "{later}, {sent}");
    let (came, buffers) = (came.load(Ordering::Relaxed), 16 * MIB as u64);
    assert!(came <= later, "{came} of {later}");
    assert!(sent < came + buffers, "{came} of {sent}");
}

/// The same for a stream that has nothing at the moment: it is let go of with the attempt.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_lets_go_of_a_silent_stream() {
    let peer = Peer::new(|_, mut stream| async move {
        head(&mut stream).await;
        stream.write_all(&refusal(403)).await.unwrap();
        tokio::time::sleep(seconds(60)).await;
    })
    .await;
    let bucket = bucket(peer.client());
    let held = Arc::new(());
    let watched = Arc::clone(&held);
    let pieces = stream::unfold((0, watched), |(turn, watched)| async move {
        if turn > 0 {
            std::future::pending::<()>().await;
        }
        Some((Ok::<_, Error>(Bytes::from_static(b"hello")), (turn + 1, watched)))
    });
    let error = bucket.put("k", Body::once(10, ByteStream::new(None, pieces))).await.unwrap_err();
    assert_eq!(error.code(), Some("AccessDenied"), "{error}");
    until("the stream is dropped", || Arc::strong_count(&held) == 1).await;
}

/// What is refused is not sent on while the refusal is read, however long that takes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_request_that_was_answered_early_nothing_more_is_sent() {
    let length = 64 * MIB;
    let came = Arc::new(AtomicUsize::new(0));
    let peer = Peer::new({
        let came = Arc::clone(&came);
        move |_, mut stream| {
            let came = Arc::clone(&came);
            async move {
                if head(&mut stream).await.is_none() {
                    return;
                }
                let refusal = refusal(403);
                let (first, last) = refusal.split_at(refusal.len() - 1);
                stream.write_all(first).await.unwrap();
                let mut piece = vec![0; 64 * 1024];
                // Until nothing comes any more. Not at once, as no network does: what could be written without a pause
                // would be, before anybody looks for an answer.
                while let Ok(Ok(count @ 1..)) = tokio::time::timeout(millis(300), stream.read(&mut piece)).await {
                    came.fetch_add(count, Ordering::Relaxed);
                    tokio::time::sleep(millis(1)).await;
                }
                stream.write_all(last).await.unwrap();
                tokio::time::sleep(seconds(5)).await;
            }
        }
    })
    .await;
    let error = bucket(peer.client()).put("k", Bytes::from(vec![0; length])).await.unwrap_err();
    assert_eq!(error.code(), Some("AccessDenied"), "{error}");
    let came = came.load(Ordering::Relaxed);
    assert!(came < length / 2, "{came}");
}

/// F50: an early 503 is repeated on a connection of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_early_503_is_repeated_at_once() {
    let length = 32 * MIB;
    let peer = Peer::new(move |turn, mut stream| async move {
        let Some((_, mut have)) = head(&mut stream).await else { return };
        if turn == 0 {
            stream.write_all(&refusal(503)).await.unwrap();
            return tokio::time::sleep(seconds(60)).await;
        }
        let mut piece = vec![0; 64 * 1024];
        while have < length {
            have += stream.read(&mut piece).await.unwrap();
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nx-cos-request-id: a\r\netag: \"x\"\r\n\r\n").await.unwrap();
    })
    .await;
    let bucket = bucket(peer.client());
    let start = Instant::now();
    let stored = bucket.put("k", Bytes::from(vec![0; length])).await.unwrap();
    assert_eq!((stored.attempts, peer.connections()), (2, 2));
    assert!(start.elapsed() < seconds(5), "{:?}", start.elapsed());
}

#[tokio::test]
async fn an_answer_read_to_its_end_leaves_its_connection_to_the_next() {
    let emulator = emulator().await;
    let bytes = noise(4 * MIB, 5);
    emulator.put_object(emulator.bucket(), "k", bytes.clone());
    let bucket = support::bucket(&emulator);
    for _ in 0..3 {
        assert!(bucket.get("k").await.unwrap().bytes(bytes.len()).await.unwrap() == bytes);
        // The transport may put it away a moment later.
        tokio::time::sleep(millis(20)).await;
    }
    let used: BTreeSet<_> = emulator.journal().iter().map(|record| record.connection).collect();
    assert_eq!((emulator.journal().len(), used.len()), (3, 1));
}

/// F3: a TLS handshake that nobody takes up is silence, not a wrong certificate.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_handshake_is_repeated() {
    let peer = Peer::new(|_, stream| async move {
        tokio::time::sleep(seconds(60)).await;
        drop(stream);
    })
    .await;
    let https = client(&format!("https://{}", peer.address));
    let error = bucket(https.connect_timeout(millis(200))).head("k").await.unwrap_err();
    assert_eq!((error.kind(), error.attempts(), peer.connections()), (ErrorKind::Timeout, 4, 4), "{error}");
}

/// Passes bytes to and fro until so many came from one side; what the client gets then is no TLS.
async fn garble(mut client: TcpStream, server: SocketAddr, from_client: usize, from_server: usize) {
    let mut server = TcpStream::connect(server).await.unwrap();
    let (mut up, mut down) = (vec![0; 16 * 1024], vec![0; 16 * 1024]);
    let (mut sent, mut received) = (0, 0);
    loop {
        tokio::select! {
            Ok(count @ 1..) = client.read(&mut up) => {
                sent += count;
                server.write_all(&up[..count]).await.unwrap();
            }
            Ok(count @ 1..) = server.read(&mut down) => {
                received += count;
                if sent >= from_client || received >= from_server {
                    client.write_all(b"no TLS at all").await.unwrap();
                    return;
                }
                client.write_all(&down[..count]).await.unwrap();
            }
            else => return,
        }
    }
}

/// TLS that breaks after its handshake is a connection that broke: the certificate was right, and the request is out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_that_breaks_later_is_no_wrong_certificate() {
    let emulator = Emulator::builder().strict_signature(true).tls_self_made(true).start().await.unwrap();
    let server = emulator.address();
    let whole = noise(400_000, 1);
    let through = async |from_client, from_server| {
        let peer = Peer::new(move |number, stream| {
            let unharmed = number > 0;
            let limit = |limit| if unharmed { usize::MAX } else { limit };
            garble(stream, server, limit(from_client), limit(from_server))
        })
        .await;
        let client = support::client(&emulator).root_certificates(emulator.ca_pem().unwrap());
        let endpoint = Endpoint::custom(format!("https://{}", peer.address)).unwrap();
        client.endpoint(endpoint).build().unwrap().bucket(emulator.bucket()).unwrap()
    };

    let bucket = through(200_000, usize::MAX).await;
    assert_eq!(bucket.put("k", whole.clone()).await.unwrap().attempts, 2);
    let bucket = through(200_000, usize::MAX).await.with(Overrides::new().max_attempts(1));
    let error = bucket.put("k", whole.clone()).await.unwrap_err();
    assert_eq!((error.kind(), error.may_have_taken_effect()), (ErrorKind::Ambiguous, true), "{error:?}");
    let bucket = through(usize::MAX, 200_000).await;
    assert_eq!(bucket.get("k").await.unwrap().bytes(1 << 20).await.unwrap(), whole);
}

#[allow(clippy::disallowed_methods)] // no emulator is here to tell the time
fn temporary() -> SessionCredentials {
    SessionCredentials::new("AKID1", "key", "token", SystemTime::now() + seconds(3600)).unwrap()
}

/// Who waits for a key has no place among the connections.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_hangs_stops_nobody_else() {
    let peer = Peer::well().await;
    let bucket = bucket(peer.client().max_connections(2));
    let never = from_fn(|| async {
        std::future::pending::<()>().await;
        Err::<Credentials, _>(CredentialError::transient("never"))
    });
    let ill = bucket.with(Overrides::new().credentials(never));
    let waiting: Vec<_> = (0..4)
        .map(|_| {
            let ill = ill.clone();
            tokio::spawn(async move { ill.head("k").await.map(|_| ()) })
        })
        .collect();
    tokio::time::sleep(millis(100)).await;
    tokio::time::timeout(seconds(1), bucket.head("k")).await.expect("a place").unwrap();
    waiting.iter().for_each(tokio::task::JoinHandle::abort);
}

/// A provider may read its key through the client it is for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_may_use_the_same_client() {
    let peer = Peer::well().await;
    let bucket = bucket(peer.client().max_connections(2));
    let keys = bucket.clone();
    let reads = from_fn(move || {
        let keys = keys.clone();
        async move {
            keys.head("the-key").await?;
            Ok::<_, Error>(temporary())
        }
    });
    let scoped = bucket.with(Overrides::new().credentials(reads));
    let all = (0..8).map(|_| scoped.head("k"));
    let all = tokio::time::timeout(seconds(5), futures_util::future::try_join_all(all)).await;
    all.expect("no deadlock").unwrap();
}

/// COS said no, and the time ends while another key is fetched: nothing took effect.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadline_after_a_refusal_leaves_no_doubt() {
    let document = "<Error><Code>ExpiredToken</Code><Message>m</Message></Error>";
    let peer = Peer::new(move |_, mut stream| async move {
        head(&mut stream).await;
        let length = document.len();
        let head = format!("HTTP/1.1 403 F\r\nx-cos-request-id: abc\r\ncontent-length: {length}\r\n\r\n");
        stream.write_all((head + document).as_bytes()).await.unwrap();
    })
    .await;
    let calls = AtomicUsize::new(0);
    let slow = from_fn(move || {
        let turn = calls.fetch_add(1, Ordering::Relaxed);
        async move {
            if turn > 0 {
                tokio::time::sleep(seconds(10)).await;
            }
            Ok::<_, CredentialError>(temporary())
        }
    });
    let bucket = bucket(peer.client().credentials(slow)).with(Overrides::new().deadline(millis(500)));
    let error = bucket.put("k", "x").await.unwrap_err();
    assert_eq!((error.kind(), error.may_have_taken_effect()), (ErrorKind::Timeout, false), "{error}");
    assert!(error.to_string().contains("passed while waiting for a key"), "{error}");
    assert!(format!("{error:#}").contains("COS answered 403 ExpiredToken"), "{error:#}");
}

/// F18: bytes that trickle are as good as none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_trickles_is_given_up() {
    let peer = Peer::new(|_, mut stream| async move {
        head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nx-cos-request-id: a\r\ncontent-length: 9000\r\n\r\n").await.unwrap();
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(millis(100)).await;
        }
    })
    .await;
    let bucket = bucket(peer.client().stall_timeout(millis(500)).max_attempts(1));
    let object = bucket.get("k").await.unwrap();
    let start = Instant::now();
    let error = tokio::time::timeout(seconds(30), object.bytes(9000)).await.expect("an end").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!((millis(1500)..seconds(10)).contains(&start.elapsed()), "{:?}", start.elapsed());
}

/// A transport that outlives a runtime closes its idle connections in the next. reqwest's does not.
#[test]
fn idle_connections_are_closed_in_any_runtime() {
    if transport() != Transport::Hyper {
        return;
    }
    let server = tokio::runtime::Runtime::new().unwrap();
    let open = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&open);
    let peer = server.block_on(Peer::new(move |_, mut stream| {
        let count = Arc::clone(&count);
        async move {
            count.fetch_add(1, Ordering::Relaxed);
            while head(&mut stream).await.is_some() {
                tokio::time::sleep(millis(50)).await;
                if stream.write_all(OK).await.is_err() {
                    break;
                }
            }
            count.fetch_sub(1, Ordering::Relaxed);
        }
    }));
    let bucket = bucket(peer.client().pool_idle(millis(300)));
    for turn in 0..2 {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let all = (0..5).map(|_| bucket.head("k"));
        runtime.block_on(futures_util::future::try_join_all(all)).unwrap();
        if turn > 0 {
            runtime.block_on(until("the connections are closed", || open.load(Ordering::Relaxed) == 0));
        }
    }
}

/// A body of the caller's that fails says nothing of the connections.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_body_leaves_the_idle_connections() {
    let peer = Peer::new(|_, mut stream| async move {
        while head(&mut stream).await.is_some() {
            tokio::time::sleep(millis(50)).await;
            stream.write_all(OK).await.unwrap();
        }
    })
    .await;
    let bucket = bucket(peer.client());
    let all = || async { futures_util::future::try_join_all((0..5).map(|_| bucket.head("k"))).await.unwrap() };
    all().await;
    assert_eq!(peer.connections(), 5);
    let broken = || ByteStream::new(None, stream::iter([Err::<Bytes, _>(std::io::Error::other("gone"))]));
    bucket.put("k", Body::factory(5, broken)).await.unwrap_err();
    all().await;
    // One was spent on the failure, and a pool may be a little late; were they all forgotten, there would be ten.
    assert!(peer.connections() <= 8, "{}", peer.connections());
}

/// An address that is given for a host is taken for it in any case, and its port where the endpoint names none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_may_have_an_address_of_ours() {
    let (one, other) = (Peer::well().await, Peer::well().await);
    let reach = async |endpoint: String, host: &str| {
        let client = client(&endpoint).allow_http(true).resolve(host, one.address).max_attempts(1);
        bucket(client).head("k").await.unwrap();
        (one.connections(), other.connections())
    };
    let plain = || "http://cos.example.com".to_owned();
    assert_eq!(reach(plain(), "cos.example.com").await, (1, 0));
    assert_eq!(reach(plain(), "COS.Example.com").await, (2, 0));
    assert_eq!(reach(format!("{}:{}", plain(), other.address.port()), "cos.example.com").await, (2, 1));
}

/// A network that forgot its connections: the silence of one is waited for, not that of all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_connections_that_went_silent_cost_one_attempt() {
    const OLD: usize = 6;
    let forgotten = Arc::new(AtomicBool::new(false));
    let of_peer = Arc::clone(&forgotten);
    let peer = Peer::new(move |number, mut stream| {
        let forgotten = Arc::clone(&of_peer);
        async move {
            while head(&mut stream).await.is_some() {
                tokio::time::sleep(millis(50)).await;
                let silent = number < OLD && forgotten.load(Ordering::Relaxed);
                if !silent && stream.write_all(OK).await.is_err() {
                    return;
                }
            }
        }
    })
    .await;
    let bucket = bucket(peer.client().response_timeout(millis(500)));
    futures_util::future::try_join_all((0..OLD).map(|_| bucket.head("k"))).await.unwrap();
    assert_eq!(peer.connections(), OLD);
    forgotten.store(true, Ordering::Relaxed);
    bucket.with(Overrides::new().max_attempts(2)).head("k").await.unwrap();
    assert_eq!(peer.connections(), OLD + 1);
}

/// What panics on the way out is a failure of the body, told at once, and of nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_panics_fails_its_own_request() {
    let emulator = emulator().await;
    let bucket = support::bucket(&emulator);
    let panicking =
        || ByteStream::new(None, stream::poll_fn(|_| -> Poll<Option<Result<Bytes, Error>>> { panic!("on purpose") }));
    let bodies = [
        ("factory", 0, Body::factory(5, || panic!("on purpose"))),
        ("stream", 1, Body::factory(5, panicking)),
        ("once", 1, Body::once(5, panicking())),
        ("empty", 0, Body::once(0, panicking())),
        ("observer", 0, Body::from("hello").observe(|_| panic!("on purpose"))),
        ("observer of bytes", 1, Body::from("hello").observe(|taken| assert_eq!(taken, 0, "on purpose"))),
    ];
    for (name, attempts, body) in bodies {
        let error = bucket.put("k", body).await.unwrap_err();
        let told = (error.kind(), error.attempts(), error.may_have_taken_effect());
        assert_eq!(told, (ErrorKind::Io, attempts, false), "{name}: {error:?}");
        assert!(!bucket.exists("k").await.unwrap(), "{name}");
    }
}
