//! Clients of an emulator, with and without sockets.

use std::fmt;
use std::future::poll_fn;
use std::hash::{BuildHasher as _, Hasher as _};
use std::pin::pin;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::task::Poll;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use cos_emulator::{Emulator, Injected, Service, TemporaryKey};
use http_body_util::BodyExt as _;
use tencent_cos::client::Connections;
use tencent_cos::client::provider::BoxFuture;
use tencent_cos::{
    Bucket, ByteStream, Client, ClientBuilder, Clock, Credentials, Endpoint, Error, HttpClient, Payload, Phase,
    SessionCredentials, Transport, TransportError, sts,
};
use tokio::time::Instant;
use tracing::Dispatch;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::util::SubscriberInitExt;

/// An emulator on a socket that demands that everything be signed.
pub async fn emulator() -> Emulator {
    Emulator::builder().strict_signature(true).start().await.expect("the emulator starts")
}

/// A client of the emulator over sockets, with its permanent key.
pub fn client(emulator: &Emulator) -> ClientBuilder {
    Client::builder()
        .transport(transport())
        .region(emulator.region())
        .endpoint(Endpoint::custom(emulator.endpoint()).expect("an endpoint"))
        .credentials(permanent(emulator))
}

/// The transport the run is for: `COS_TEST_TRANSPORT=hyper`, or the default.
pub fn transport() -> Transport {
    match std::env::var("COS_TEST_TRANSPORT").as_deref() {
        Ok("hyper") => Transport::Hyper,
        _ => Transport::Reqwest,
    }
}

/// The emulator's bucket through such a client.
pub fn bucket(emulator: &Emulator) -> Bucket {
    client(emulator).build().and_then(|client| client.bucket(emulator.bucket())).expect("a bucket")
}

pub fn permanent(emulator: &Emulator) -> Credentials {
    Credentials::permanent(emulator.secret_id(), emulator.secret_key()).expect("a key")
}

/// STS of an emulator on a socket.
pub fn sts(emulator: &Emulator) -> sts::ClientBuilder {
    let http = Connections::new().transport(transport()).open().expect("a transport");
    sts::Client::builder()
        .region(emulator.region())
        .endpoint(sts::Endpoint::custom(emulator.endpoint()).expect("an endpoint"))
        .http_client(http)
        .credentials(permanent(emulator))
}

pub fn session(key: &TemporaryKey) -> SessionCredentials {
    SessionCredentials::new(&key.secret_id, &key.secret_key, &key.token, key.expires_at).expect("a temporary key")
}

/// How often an operation was asked for.
pub fn count(emulator: &Emulator, operation: &str) -> usize {
    emulator.journal().iter().filter(|record| record.operation == operation).count()
}

/// Waits for something that is not told, at most 5 s.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..500 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what}: not within 5 s");
}

/// What a future gives, unless it is pending more often than so many times: then it is dropped.
pub async fn dropped_after<F: Future>(polls: u32, future: F) -> Option<F::Output> {
    let (mut future, mut left) = (pin!(future), polls);
    poll_fn(|context| {
        let outcome = future.as_mut().poll(context).map(Some);
        if left == 0 && outcome.is_pending() {
            return Poll::Ready(None);
        }
        left = left.saturating_sub(1);
        outcome
    })
    .await
}

/// An emulator without a socket, and a client that hands it requests as values. Both live by tokio's clock, so a test
/// may pause it.
pub struct InMemory {
    pub emulator: Emulator,
    pub clock: Arc<TestClock>,
}

impl InMemory {
    pub fn new() -> Self {
        let clock = Arc::new(TestClock::new());
        let server_clock = Arc::clone(&clock);
        let emulator = Emulator::builder()
            .strict_signature(true)
            .clock(Arc::new(move || server_clock.true_time()))
            .in_memory()
            .expect("the emulator starts");
        Self { emulator, clock }
    }

    /// A client with the emulator's permanent key.
    pub fn client(&self) -> ClientBuilder {
        Client::builder()
            .region(self.emulator.region())
            .http_client(ServiceTransport(self.emulator.service()))
            .clock(Arc::<TestClock>::clone(&self.clock))
            .credentials(permanent(&self.emulator))
    }

    pub fn bucket(&self) -> Bucket {
        self.bucket_of(self.client())
    }

    pub fn bucket_of(&self, client: ClientBuilder) -> Bucket {
        client.build().and_then(|client| client.bucket(self.emulator.bucket())).expect("a bucket")
    }
}

/// Wall time that follows tokio's clock from a fixed start, or jumps; the client's view of it can be set off.
#[derive(Debug)]
pub struct TestClock {
    start: Instant,
    jumped: AtomicU64,
    offset: AtomicI64,
}

impl TestClock {
    pub fn new() -> Self {
        Self { start: Instant::now(), jumped: AtomicU64::new(0), offset: AtomicI64::new(0) }
    }

    pub fn true_time(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_700_000_000) + self.monotonic()
    }

    /// Lets so many seconds pass at once, for everybody: where tokio's clock cannot be paused, because of sockets.
    pub fn jump(&self, seconds: u64) {
        self.jumped.fetch_add(seconds, Ordering::Relaxed);
    }

    /// Sets the client's clock ahead by this many seconds, or behind.
    pub fn set_off(&self, seconds: i64) {
        self.offset.store(seconds, Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> SystemTime {
        let offset = self.offset.load(Ordering::Relaxed);
        let shift = Duration::from_secs(offset.unsigned_abs());
        if offset < 0 { self.true_time() - shift } else { self.true_time() + shift }
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed() + Duration::from_secs(self.jumped.load(Ordering::Relaxed))
    }
}

/// Hands requests to the emulator's service.
pub struct ServiceTransport(pub Service);

impl fmt::Debug for ServiceTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServiceTransport")
    }
}

impl HttpClient for ServiceTransport {
    fn execute(
        &self,
        request: http::Request<Payload>,
    ) -> BoxFuture<'_, Result<http::Response<ByteStream>, TransportError>> {
        Box::pin(async move {
            let answer = self.0.call(request).await;
            let response = answer.map_err(|injected: Injected| TransportError::new(Phase::AwaitHeaders, injected))?;
            let (parts, body) = response.into_parts();
            let length = http_body::Body::size_hint(&body).exact();
            let frames = body.into_data_stream();
            let pieces = futures_util::StreamExt::map(frames, |piece| -> Result<Bytes, Error> {
                piece.map_err(|injected| TransportError::new(Phase::ReadBody, injected).into())
            });
            Ok(http::Response::from_parts(parts, ByteStream::new(length, pieces)))
        })
    }
}

/// Bytes of which no stretch looks like another.
pub fn noise(length: usize, seed: u64) -> Bytes {
    let mut random = Random(seed);
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        bytes.extend_from_slice(&random.next().to_le_bytes());
    }
    bytes.truncate(length);
    bytes.into()
}

/// `SplitMix64`: the same numbers for the same seed.
pub struct Random(pub u64);

impl Random {
    /// A seed for this run; a test prints it, so that what it found can be found again: `COS_SEED`.
    pub fn seed() -> u64 {
        let given = std::env::var("COS_SEED").ok().and_then(|seed| seed.parse().ok());
        given.unwrap_or_else(|| std::hash::RandomState::new().build_hasher().finish())
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// One of them.
    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.below(of.len() as u64)).expect("less than that")]
    }
}

/// Sets a subscriber for this thread. While it is the only one there is, a thread without one that comes first by a span
/// or an event switches that off for all (<https://github.com/tokio-rs/tracing/issues/3611>); so there is another.
pub fn record(subscriber: impl SubscriberInitExt) -> DefaultGuard {
    static ANOTHER: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(tracing_subscriber::registry()));
    LazyLock::force(&ANOTHER);
    subscriber.set_default()
}

/// Whether proofs of size are wanted at full size.
pub fn full() -> bool {
    std::env::var_os("COS_FULL").is_some()
}
