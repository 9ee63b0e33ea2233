//! From `myqcloud.com` to `tencentcos.cn` and back, with a transport that decides who answers for which host.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tencent_cos::client::provider::BoxFuture;
use tencent_cos::{Body, ByteStream, Endpoint, ErrorKind, HttpClient, Payload, Phase, TransportError};

use crate::support::{InMemory, ServiceTransport};

/// What the primary host does.
#[derive(Clone, Copy, Debug)]
enum Primary {
    Refused,
    WrongCertificate,
    Portal(u16),
    /// A load balancer that asks for half a minute.
    Busy,
    Well,
}

/// Answers for `myqcloud.com` as told, for every other host by the emulator; keeps the hosts that were asked.
struct TwoHosts {
    service: ServiceTransport,
    primary: Arc<Mutex<Primary>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl fmt::Debug for TwoHosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TwoHosts")
    }
}

impl HttpClient for TwoHosts {
    fn execute(
        &self,
        request: http::Request<Payload>,
    ) -> BoxFuture<'_, Result<http::Response<ByteStream>, TransportError>> {
        let host = request.uri().host().unwrap_or_default().to_owned();
        let suffix = host.rsplit('.').take(2).collect::<Vec<_>>();
        self.asked.lock().unwrap().push(format!("{}.{}", suffix[1], suffix[0]));
        let primary = *self.primary.lock().unwrap();
        if !host.ends_with("myqcloud.com") {
            return self.service.execute(request);
        }
        match primary {
            Primary::Well => self.service.execute(request),
            Primary::Refused => Box::pin(async { Err(TransportError::new(Phase::Connect, "refused")) }),
            Primary::WrongCertificate => {
                Box::pin(async { Err(TransportError::new(Phase::Tls, "a wrong certificate")) })
            }
            Primary::Portal(status) => Box::pin(async move {
                let body = ByteStream::from(Bytes::from_static(b"<html>please log in"));
                Ok(http::Response::builder().status(status).body(body).unwrap())
            }),
            Primary::Busy => Box::pin(async {
                let busy = http::Response::builder().status(503).header("retry-after", "30");
                Ok(busy.body(Bytes::new().into()).unwrap())
            }),
        }
    }
}

struct Scene {
    memory: InMemory,
    primary: Arc<Mutex<Primary>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Scene {
    fn new(primary: Primary) -> Self {
        Self { memory: InMemory::new(), primary: Arc::new(Mutex::new(primary)), asked: Arc::default() }
    }

    fn client(&self) -> tencent_cos::ClientBuilder {
        let service = ServiceTransport(self.memory.emulator.service());
        let hosts = TwoHosts { service, primary: Arc::clone(&self.primary), asked: Arc::clone(&self.asked) };
        self.memory.client().http_client(hosts)
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

const PRIMARY: &str = "myqcloud.com";
const BACKUP: &str = "tencentcos.cn";

#[tokio::test(start_paused = true)]
async fn two_failures_lead_to_the_other_host_and_five_minutes_back() {
    let scene = Scene::new(Primary::Refused);
    let bucket = scene.memory.bucket_of(scene.client());
    bucket.put("k", "hello").await.unwrap();
    assert_eq!(scene.asked(), [PRIMARY, PRIMARY, BACKUP]);
    // the emulator checks signatures strictly, so the third was signed for the other host
    bucket.put("k", "hello").await.unwrap();
    assert_eq!(scene.asked(), [BACKUP]);

    tokio::time::advance(Duration::from_secs(301)).await;
    bucket.put("k", "hello").await.unwrap();
    assert_eq!(scene.asked(), [PRIMARY, BACKUP], "the probe failed");

    *scene.primary.lock().unwrap() = Primary::Well;
    tokio::time::advance(Duration::from_secs(301)).await;
    for _ in 0..2 {
        bucket.put("k", "hello").await.unwrap();
        assert_eq!(scene.asked(), [PRIMARY]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_not_from_cos_counts_and_a_redirect_counts_at_once() {
    for (status, hosts) in [(502, &[PRIMARY, PRIMARY, BACKUP][..]), (302, &[PRIMARY, BACKUP])] {
        let scene = Scene::new(Primary::Portal(status));
        scene.memory.bucket_of(scene.client()).put("k", "hello").await.unwrap();
        assert_eq!(scene.asked(), hosts, "{status}");
    }
}

/// However long the waits are that lie between two failures.
#[tokio::test(start_paused = true)]
async fn failures_in_a_row_lead_there_at_any_pace() {
    let scene = Scene::new(Primary::Busy);
    scene.memory.bucket_of(scene.client()).put("k", "hello").await.unwrap();
    assert_eq!(scene.asked(), [PRIMARY, PRIMARY, BACKUP]);
}

/// Where the other host is out of reach, as behind a firewall that knows the first alone, nobody stays with it.
#[tokio::test(start_paused = true)]
async fn two_failures_there_lead_back() {
    let hosts = [PRIMARY, PRIMARY, BACKUP, BACKUP];
    // Who shows a wrong certificate there, as a proxy may, is left at once.
    for (phase, kind, hosts) in
        [(Phase::Connect, ErrorKind::Connect, &hosts[..]), (Phase::Tls, ErrorKind::Tls, &hosts[..3])]
    {
        let scene = Scene::new(Primary::Well);
        let service = ServiceTransport(scene.memory.emulator.service());
        let blip = Blip { service, phase, failures: AtomicU32::new(0), asked: Arc::clone(&scene.asked) };
        let bucket = scene.memory.bucket_of(scene.memory.client().http_client(blip));
        assert_eq!(bucket.put("k", "hello").await.unwrap_err().kind(), kind);
        assert_eq!(scene.asked(), hosts);
        for _ in 0..2 {
            bucket.put("k", "hello").await.unwrap();
            assert_eq!(scene.asked(), [PRIMARY]);
        }
    }
}

/// Knows the primary host alone, and fails the first two connections to it; those to the other in this phase.
#[derive(Debug)]
struct Blip {
    service: ServiceTransport,
    phase: Phase,
    failures: AtomicU32,
    asked: Arc<Mutex<Vec<String>>>,
}

impl HttpClient for Blip {
    fn execute(
        &self,
        request: http::Request<Payload>,
    ) -> BoxFuture<'_, Result<http::Response<ByteStream>, TransportError>> {
        let is_backup = request.uri().host().unwrap_or_default().ends_with(BACKUP);
        self.asked.lock().unwrap().push(if is_backup { BACKUP } else { PRIMARY }.to_owned());
        let phase = if is_backup { self.phase } else { Phase::Connect };
        if is_backup || self.failures.fetch_add(1, Ordering::Relaxed) < 2 {
            return Box::pin(async move { Err(TransportError::new(phase, "refused")) });
        }
        self.service.execute(request)
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_certificate_never_leads_there() {
    let scene = Scene::new(Primary::WrongCertificate);
    let bucket = scene.memory.bucket_of(scene.client());
    for _ in 0..5 {
        assert_eq!(bucket.head("k").await.unwrap_err().kind(), ErrorKind::Tls);
        assert_eq!(scene.asked(), [PRIMARY]);
    }
}

#[tokio::test(start_paused = true)]
async fn other_hosts_and_those_who_do_not_want_it_stay() {
    let scene = Scene::new(Primary::Refused);
    let custom = Endpoint::custom("https://{bucket}.cos.{region}.myqcloud.com").unwrap();
    for client in [
        scene.client().failover(false),
        scene.client().endpoint(Endpoint::accelerate()),
        scene.client().endpoint(custom),
    ] {
        let error = scene.memory.bucket_of(client).head("k").await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Connect, 4));
        assert_eq!(scene.asked(), [PRIMARY; 4]);
    }
}

#[tokio::test(start_paused = true)]
async fn both_hosts_out_of_reach_end_within_ten_seconds() {
    let scene = Scene::new(Primary::Refused);
    let nowhere = scene.memory.client().http_client(Nowhere(Arc::clone(&scene.asked)));
    let started = tokio::time::Instant::now();
    let error = scene.memory.bucket_of(nowhere).put("k", "hello").await.unwrap_err();
    assert_eq!((error.kind(), error.attempts(), error.may_have_taken_effect()), (ErrorKind::Connect, 4, false));
    assert_eq!(scene.asked(), [PRIMARY, PRIMARY, BACKUP, BACKUP]);
    assert!(started.elapsed() <= Duration::from_secs(10));
}

/// Refuses every connection.
#[derive(Debug)]
struct Nowhere(Arc<Mutex<Vec<String>>>);

impl HttpClient for Nowhere {
    fn execute(
        &self,
        request: http::Request<Payload>,
    ) -> BoxFuture<'_, Result<http::Response<ByteStream>, TransportError>> {
        let host = request.uri().host().unwrap_or_default();
        self.0.lock().unwrap().push(if host.ends_with(BACKUP) { BACKUP } else { PRIMARY }.to_owned());
        Box::pin(async { Err(TransportError::new(Phase::Connect, "refused")) })
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_runs_once_outlives_connections_that_were_never_made() {
    let scene = Scene::new(Primary::Refused);
    let pieces = futures_util::stream::iter([Ok::<_, tencent_cos::Error>(Bytes::from_static(b"hello"))]);
    let body = Body::once(5, ByteStream::new(Some(5), pieces));
    scene.memory.bucket_of(scene.client()).put("k", body).await.unwrap();
    assert_eq!(scene.asked(), [PRIMARY, PRIMARY, BACKUP]);
    assert_eq!(scene.memory.emulator.object(scene.memory.emulator.bucket(), "k").unwrap().bytes(), "hello");
}
