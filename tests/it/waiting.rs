//! How long is waited, and for what: a body that moves is never too slow, a peer that is silent is given up in time. And
//! each way in which a connection fails.

use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use cos_emulator::{Action, Emulator, Link, Matcher, Rule, Tls};
use futures_util::stream::{Stream, iter, unfold};
use http::Method;
use tencent_cos::transfer::UploadSource;
use tencent_cos::{
    Body, Bucket, ByteStream, ClientBuilder, Crc64, Endpoint, Error, ErrorKind, Object, ObjectKey, Operation,
    Overrides, Permissions, Request, Safety, Sent, Transport,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{Instant, advance, sleep, timeout};

use crate::support::{InMemory, client, emulator};

const MIB: usize = 1 << 20;

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn pattern(length: usize) -> Bytes {
    (0..length).map(|at| u8::try_from((at ^ (at >> 8) ^ (at >> 16)) % 256).expect("a byte")).collect::<Vec<_>>().into()
}

#[track_caller]
fn assert_about(elapsed: Duration, expected: Duration) {
    let least = expected.saturating_sub(millis(1));
    assert!((least..expected + seconds(1)).contains(&elapsed), "{elapsed:?} in place of {expected:?}");
}

/// Checks what comes without keeping it.
async fn read(object: Object) -> Result<(u64, u64), Error> {
    let (mut crc64, mut length, mut body) = (Crc64::new(), 0, object.body);
    while let Some(piece) = body.next().await.transpose()? {
        crc64.update(&piece);
        length += piece.len() as u64;
    }
    Ok((length, crc64.value()))
}

/// The default limits are 20 s and 30 s; this takes 67 s each way.
#[tokio::test(start_paused = true)]
async fn sixty_four_mib_at_a_megabyte_a_second() {
    let mem = InMemory::new();
    let bucket = mem.bucket();
    let whole = pattern(64 * MIB);
    mem.emulator.script(Rule::on("PUT Object").then(Action::ReadRate(1_000_000)));
    let start = Instant::now();
    let put = bucket.put("big", whole.clone()).await.unwrap();
    assert_about(start.elapsed(), seconds(67));
    assert_eq!((put.attempts, put.crc64), (1, Some(Crc64::of(&whole))));
    assert_eq!(mem.emulator.object(mem.emulator.bucket(), "big").unwrap().crc64(), Some(Crc64::of(&whole)));

    mem.emulator.script(Rule::on("GET Object").then(Action::SlowBody { bytes_per_second: 1_000_000 }));
    let start = Instant::now();
    let (length, crc64) = read(bucket.get("big").await.unwrap()).await.unwrap();
    assert_about(start.elapsed(), seconds(67));
    assert_eq!((length, crc64), (64 << 20, Crc64::of(&whole)));
    assert_eq!(mem.emulator.journal().len(), 2);
}

/// The same with sockets, kernel buffers and a real clock: 4 MiB, or 64 MiB with `COS_FULL=1`.
#[tokio::test]
async fn a_slow_link_is_no_failure() {
    let full = std::env::var("COS_FULL").is_ok_and(|value| value == "1");
    let size = if full { 64 * MIB } else { 4 * MIB };
    let link = Link { bytes_per_second: Some(1_000_000), latency: Duration::ZERO };
    let emulator = Emulator::builder().strict_signature(true).link(link).start().await.unwrap();
    let whole = pattern(size);
    for (name, client) in transports(&emulator) {
        // The default limits at full size. Reduced, a stall limit well under what the transfer takes.
        let client = if full { client } else { client.stall_timeout(seconds(2)) };
        let bucket = client.build().unwrap().bucket(emulator.bucket()).unwrap();
        emulator.clear_journal();
        let start = Instant::now();
        let put = bucket.put("big", whole.clone()).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert!(start.elapsed() >= seconds(size as u64 / 1_000_000), "{name}: {:?}", start.elapsed());
        assert_eq!((put.attempts, put.crc64), (1, Some(Crc64::of(&whole))), "{name}");
        assert_eq!(emulator.journal().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_stops_reading_is_given_up_after_twenty_seconds() {
    let mem = InMemory::new();
    let bucket = mem.bucket();
    mem.emulator.script(Rule::on("PUT Object").then(Action::StopReading { after_bytes: 300_000 }));
    let start = Instant::now();
    let error = bucket.with(Overrides::new().max_attempts(1)).put("k", pattern(4 * MIB)).await.unwrap_err();
    // COS keeps nothing of a body that ends early.
    assert_eq!((error.kind(), error.may_have_taken_effect()), (ErrorKind::Timeout, false), "{error}");
    assert_about(start.elapsed(), seconds(20));
    // Slowly at first, then not at all: it counts from the last frame taken.
    let rule = Rule::on("PUT Object").then(Action::StopReading { after_bytes: 3_000_000 });
    mem.emulator.script(rule.then(Action::ReadRate(100_000)));
    let start = Instant::now();
    let error = bucket.with(Overrides::new().max_attempts(1)).put("k", pattern(4 * MIB)).await.unwrap_err();
    assert!(error.is_retryable() && error.to_string().contains("took too long"), "{error}");
    // A frame is two thirds of a second of this pace.
    assert_about(start.elapsed(), millis(49_100));
    // Once is passing trouble: the next attempt stores it.
    mem.emulator.script(Rule::on("PUT Object").then(Action::StopReading { after_bytes: 300_000 }));
    assert_eq!(bucket.put("k", pattern(4 * MIB)).await.unwrap().attempts, 2);
}

/// It begins when the last frame is taken, not with the request.
#[tokio::test(start_paused = true)]
async fn the_answer_has_thirty_seconds_from_the_last_frame() {
    let mem = InMemory::new();
    let bucket = mem.bucket().with(Overrides::new().max_attempts(1));
    let slow = || Rule::on("PUT Object").then(Action::ReadRate(100_000));
    mem.emulator.script(slow().then(Action::StallBeforeHeaders(seconds(29))));
    let start = Instant::now();
    bucket.put("k", pattern(4_000_000)).await.unwrap();
    assert_about(start.elapsed(), seconds(40 + 29));
    mem.emulator.script(slow().then(Action::StallBeforeHeaders(seconds(3600))));
    let start = Instant::now();
    let error = bucket.put("k", pattern(4_000_000)).await.unwrap_err();
    // The end of the body may be on its way for twice what 256 KiB of it took.
    assert_about(start.elapsed(), seconds(40 + 30 + 5));
    assert!(error.to_string().contains("waiting for the answer took too long"), "{error}");
    // Without a body it begins at once.
    mem.emulator.script(Rule::on("GET Object").then(Action::StallBeforeHeaders(seconds(3600))));
    let start = Instant::now();
    let error = bucket.get("k").await.unwrap_err();
    assert_about(start.elapsed(), seconds(30));
    assert_eq!((error.kind(), error.may_have_taken_effect()), (ErrorKind::Timeout, false), "{error}");
}

/// Which limit counts changes while a request is under way; the shorter one is kept, whichever comes later.
#[tokio::test(start_paused = true)]
async fn each_limit_is_kept_also_where_it_is_the_shorter() {
    let mem = InMemory::new();
    let once = Overrides::new().max_attempts(1);
    // The limit of the answer below that of a stall.
    let bucket = mem.bucket_of(mem.client().response_timeout(seconds(1))).with(once.clone());
    for body in ["", "hello"] {
        mem.emulator.script(Rule::on("PUT Object").then(Action::StallBeforeHeaders(seconds(3600))));
        let start = Instant::now();
        let error = bucket.put("k", body).await.unwrap_err();
        assert!(format!("{error:#}").contains("no answer for 1 s"), "{error:#}");
        assert_about(start.elapsed(), seconds(1));
    }
    let slow = Rule::on("PUT Object").then(Action::ReadRate(100_000));
    mem.emulator.script(slow.then(Action::StallBeforeHeaders(seconds(3600))));
    let start = Instant::now();
    bucket.put("k", pattern(400_000)).await.unwrap_err();
    // The end of the body may be on its way for twice what 256 KiB of it took.
    assert_about(start.elapsed(), seconds(4 + 1 + 5));
    // The limit of a stall below that of connecting.
    let bucket = mem.bucket_of(mem.client().stall_timeout(seconds(1))).with(once);
    mem.emulator.script(Rule::on("PUT Object").then(Action::StopReading { after_bytes: 300_000 }));
    let start = Instant::now();
    bucket.put("k", pattern(4 * MIB)).await.unwrap_err();
    assert_about(start.elapsed(), seconds(1));
}

/// An operation that COS answers when it has merged or copied: here a put that says so.
struct Merge(ObjectKey);

impl Operation for Merge {
    type Output = ();
    type Response = Bytes;
    const NAME: &'static str = "Merge";
    const METHOD: Method = Method::PUT;
    const PERMISSIONS: Permissions = Permissions::target("name/cos:PutObject");
    const WORKS_LONG: bool = true;

    fn request(&self) -> tencent_cos::Result<Request> {
        Ok(Request::object(&self.0))
    }

    fn safety(&self) -> Safety {
        Safety::Commit
    }

    fn output(&self, _: &Sent, _: http::Response<Bytes>) -> tencent_cos::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn long_work_has_twenty_minutes() {
    let mem = InMemory::new();
    let bucket = mem.bucket();
    let merge = || bucket.send(Merge("k".parse().unwrap()));
    mem.emulator.script(Rule::on(Matcher::any()).then(Action::StallBeforeHeaders(seconds(19 * 60))));
    merge().await.unwrap();
    assert_eq!(mem.emulator.journal().len(), 1);
    mem.emulator.script(Rule::on(Matcher::any()).then(Action::StallBeforeHeaders(seconds(3600))));
    let start = Instant::now();
    let error = merge().await.unwrap_err();
    assert_about(start.elapsed(), seconds(20 * 60));
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Ambiguous, 1), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_reader_may_take_its_time() {
    let mem = InMemory::new();
    mem.emulator.put_object(mem.emulator.bucket(), "big", pattern(MIB));
    let bucket = mem.bucket();
    // So that there are pieces.
    mem.emulator.script(Rule::on("GET Object").then(Action::SlowBody { bytes_per_second: 4 << 20 }));
    let mut object = bucket.get("big").await.unwrap();
    sleep(seconds(600)).await;
    let mut length = 0;
    while let Some(piece) = object.body.next().await {
        length += piece.unwrap().len();
        sleep(seconds(600)).await;
    }
    assert_eq!((length, mem.emulator.journal().len()), (MIB, 1));
}

#[tokio::test(start_paused = true)]
async fn a_download_that_stands_still_is_given_up_after_twenty_seconds() {
    let mem = InMemory::new();
    let whole = pattern(MIB);
    mem.emulator.put_object(mem.emulator.bucket(), "big", whole.clone());
    let bucket = mem.bucket_of(mem.client().max_attempts(1));
    for at in [0, 1, 700_000] {
        mem.emulator.script(Rule::on("GET Object").then(Action::StallBody { at, lasting: seconds(3600) }));
        let start = Instant::now();
        let mut body = bucket.get("big").await.unwrap().body;
        let mut bytes = Vec::new();
        let error = loop {
            match body.next().await.expect("no end") {
                Ok(piece) => bytes.extend_from_slice(&piece),
                Err(error) => break error,
            }
        };
        assert_about(start.elapsed(), seconds(20));
        assert_eq!((error.kind(), bytes.len() as u64), (ErrorKind::Timeout, at), "{error}");
        assert!(whole.starts_with(&bytes) && body.next().await.is_none());
        // A pause that is shorter is none.
        mem.emulator.script(Rule::on("GET Object").then(Action::StallBody { at, lasting: seconds(19) }));
        assert_eq!(read(bucket.get("big").await.unwrap()).await.unwrap().0, 1 << 20);
    }
}

/// Five pieces of a kilobyte, with a pause before each.
fn pieces(pause: Duration) -> ByteStream {
    let pieces = unfold(0, move |number| async move {
        sleep(pause).await;
        (number < 5).then(|| (Ok::<_, Error>(Bytes::from(vec![number; 1024])), number + 1))
    });
    ByteStream::new(None, pieces)
}

/// While the caller's own stream has nothing to give, nobody else is late.
#[tokio::test(start_paused = true)]
async fn a_writer_may_take_its_time() {
    let mem = InMemory::new();
    let bucket = mem.bucket();
    for pause in [seconds(19), seconds(25), seconds(600)] {
        for body in [Body::once(5 * 1024, pieces(pause)), Body::factory(5 * 1024, move || pieces(pause))] {
            let put = bucket.put("k", body).await.unwrap();
            assert_eq!(put.attempts, 1);
            assert_eq!(mem.emulator.object(mem.emulator.bucket(), "k").unwrap().size(), 5 * 1024);
        }
    }
    // But a peer that does not take what there is is late.
    mem.emulator.script(Rule::on("PUT Object").then(Action::StopReading { after_bytes: 2048 }));
    let start = Instant::now();
    let body = Body::once(5 * 1024, pieces(seconds(60)));
    bucket.put("k", body).await.unwrap_err();
    // Two pauses until the second piece is taken, and the limit.
    assert_about(start.elapsed(), seconds(2 * 60 + 20));
}

/// Who waits for a place on the wire is not late either.
#[tokio::test(start_paused = true)]
async fn waiting_for_a_place_has_no_limit() {
    let mem = InMemory::new();
    mem.emulator.put_object(mem.emulator.bucket(), "k", "hello");
    let bucket = mem.bucket_of(mem.client().max_connections(1));
    mem.emulator.script(Rule::on(Matcher::any()).always().then(Action::StallBeforeHeaders(seconds(25))));
    let start = Instant::now();
    let calls: Vec<_> = (0..10)
        .map(|_| {
            let bucket = bucket.clone();
            tokio::spawn(async move { bucket.head("k").await })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_about(start.elapsed(), seconds(250));
    // Each was signed when it was its turn.
    assert!(mem.emulator.journal().iter().all(|record| record.signature_error.is_none()));
    // A stream that is not read holds its place until it is dropped.
    mem.emulator.clear_script();
    let held = bucket.get("k").await.unwrap();
    assert!(timeout(seconds(3600), bucket.head("k")).await.is_err());
    drop(held);
    bucket.head("k").await.unwrap();
}

/// The transports there are, each in a client of the emulator.
fn transports(emulator: &Emulator) -> Vec<(&'static str, ClientBuilder)> {
    let through = |transport| client(emulator).transport(transport);
    vec![("reqwest", through(Transport::Reqwest)), ("hyper", through(Transport::Hyper))]
}

/// A client of an address where no COS is.
fn clients_of(emulator: &Emulator, url: &str) -> Vec<(&'static str, Bucket)> {
    let endpoint = Endpoint::custom(url).unwrap();
    transports(emulator)
        .into_iter()
        .map(|(name, client)| {
            let client = client.endpoint(endpoint.clone()).allow_http(true).max_attempts(2);
            (name, client.build().unwrap().bucket(emulator.bucket()).unwrap())
        })
        .collect()
}

/// Who wants no limit sets the longest there is.
#[tokio::test]
async fn limits_may_be_endless() {
    let emulator = emulator().await;
    for (name, client) in transports(&emulator) {
        let client = client.connect_timeout(Duration::MAX).pool_idle(Duration::MAX);
        let client = client.stall_timeout(Duration::MAX).response_timeout(Duration::MAX).build().unwrap();
        let bucket = client.bucket(emulator.bucket()).unwrap().with(Overrides::new().deadline(Duration::MAX));
        for body in [Body::from("hello"), Body::once(5 * 1024, pieces(millis(1)))] {
            let length = body.len();
            bucket.put(name, body).await.unwrap();
            assert_eq!(bucket.get(name).await.unwrap().bytes(MIB).await.unwrap().len() as u64, length, "{name}");
        }
    }
}

#[tokio::test]
async fn a_host_that_does_not_resolve() {
    let emulator = emulator().await;
    for (name, bucket) in clients_of(&emulator, "http://nonexistent.invalid") {
        let error = bucket.put("k", "x").await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Dns, 2), "{name}: {error:?}");
        assert!(!error.may_have_taken_effect() && error.is_retryable(), "{name}");
    }
}

#[tokio::test]
async fn a_connection_that_is_refused() {
    let emulator = emulator().await;
    // A port that is bound but does not listen refuses, and nobody else gets it.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    for (name, bucket) in clients_of(&emulator, &format!("http://{}", socket.local_addr().unwrap())) {
        let error = bucket.delete("k").await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Connect, 2), "{name}: {error:?}");
        assert!(!error.may_have_taken_effect() && error.is_retryable(), "{name}");
    }
}

/// A listener whose queue is full: the kernel drops what knocks.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_connection_that_is_not_taken() {
    let emulator = emulator().await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queued = Vec::new();
    while let Ok(Ok(stream)) = timeout(millis(300), TcpStream::connect(address)).await {
        queued.push(stream);
        assert!(queued.len() < 100, "the queue never fills");
    }
    let connect_timeout = millis(400);
    for (name, client) in transports(&emulator) {
        let client = client
            .connect_timeout(connect_timeout)
            .endpoint(Endpoint::custom(format!("http://{address}")).unwrap())
            .max_attempts(2);
        let bucket = client.build().unwrap().bucket(emulator.bucket()).unwrap();
        let start = Instant::now();
        let error = bucket.delete("k").await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Timeout, 2), "{name}: {error:?}");
        assert!(error.to_string().contains("connecting took too long"), "{name}: {error}");
        assert_eq!(error.advice(), Some(&*format!("the host is {address}")), "{name}");
        assert!(!error.may_have_taken_effect(), "{name}");
        assert!(start.elapsed() >= 2 * connect_timeout && start.elapsed() < seconds(5), "{:?}", start.elapsed());
    }
    // A shorter limit for a body that does not move does not make it uncertain whether anything was sent.
    for (name, client) in transports(&emulator) {
        let client = client
            .connect_timeout(connect_timeout)
            .stall_timeout(millis(100))
            .endpoint(Endpoint::custom(format!("http://{address}")).unwrap())
            .max_attempts(1);
        let bucket = client.build().unwrap().bucket(emulator.bucket()).unwrap();
        let error = bucket.send(tencent_cos::AppendObject::new("k".parse().unwrap(), 0, "hello")).await.unwrap_err();
        assert!(error.to_string().contains("connecting took too long"), "{name}: {error}");
        assert!(error.kind() == ErrorKind::Timeout && !error.may_have_taken_effect(), "{name}: {error:?}");
    }
}

/// Clients that trust this authority beside their own.
fn trusting(emulator: &Emulator, pem: &str) -> Vec<(&'static str, Bucket)> {
    let clients = transports(emulator).into_iter().map(|(name, client)| (name, client.root_certificates(pem)));
    clients.map(|(name, client)| (name, client.build().unwrap().bucket(emulator.bucket()).unwrap())).collect()
}

#[tokio::test]
async fn a_trusted_certificate_is_taken() {
    let emulator = Emulator::builder().strict_signature(true).tls_self_made(true).start().await.unwrap();
    for (name, bucket) in trusting(&emulator, &emulator.ca_pem().unwrap()) {
        bucket.put("k", "hello").await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!(bucket.get("k").await.unwrap().bytes(10).await.unwrap(), "hello", "{name}");
    }
}

/// F6: never retried, and not a byte of the request is sent.
#[tokio::test]
async fn a_wrong_certificate_ends_the_matter() {
    let localhost = || Tls::for_names(["localhost"]);
    let other = Emulator::builder().tls(localhost()).start().await.unwrap();
    let cases = [
        ("of an unknown authority", localhost(), other.ca_pem()),
        ("of another host", Tls::for_names(["other.example"]), None),
        ("that is over", localhost().expired(), None),
    ];
    for (what, tls, authority) in cases {
        let emulator = Emulator::builder().tls(tls).start().await.unwrap();
        let pem = authority.or_else(|| emulator.ca_pem()).unwrap();
        for (number, (name, bucket)) in (1..).zip(trusting(&emulator, &pem)) {
            for outcome in [bucket.put("k", "x").await.map(drop), bucket.delete("k").await.map(drop)] {
                let error = outcome.expect_err(&format!("{name}, {what}: taken"));
                assert_eq!((error.kind(), error.attempts()), (ErrorKind::Tls, 1), "{name}, {what}: {error:?}");
                assert!(!error.is_retryable() && !error.may_have_taken_effect(), "{name}, {what}");
            }
            assert_eq!(emulator.accepted_connections(), 2 * number, "{name}, {what}");
        }
        assert!(emulator.journal().is_empty(), "{what}");
    }
    // Nothing said about authorities: that of the emulator is not among those of this machine.
    let (_, client) = transports(&other).remove(0);
    let bucket = client.build().unwrap().bucket(other.bucket()).unwrap();
    let error = bucket.put("k", "x").await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Tls, 1), "{error:?}");
    assert!(other.journal().is_empty());
}

/// Reads the head of a request and so many bytes of its body.
async fn begin_to_read(listener: &TcpListener, body: usize) -> TcpStream {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut seen = Vec::new();
    while !seen.windows(4).any(|window| window == b"\r\n\r\n") {
        let mut piece = [0; 4096];
        let count = stream.read(&mut piece).await.unwrap();
        assert!(count > 0, "closed within the head");
        seen.extend_from_slice(&piece[..count]);
    }
    let mut rest = vec![0; body];
    stream.read_exact(&mut rest).await.unwrap();
    stream
}

/// What comes until the connection ends, one way or the other.
async fn read_to_the_end(mut stream: TcpStream) -> usize {
    let (mut total, mut piece) = (0, vec![0; MIB]);
    loop {
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return total,
            Ok(count) => total += count,
        }
    }
}

/// F15 over sockets: the limit runs once the buffers of the kernel are full, and the connection is dropped.
#[tokio::test]
async fn a_peer_that_stops_reading_over_a_socket() {
    let emulator = emulator().await;
    let body = Bytes::from(vec![0; 64 * MIB]);
    for (name, client) in transports(&emulator) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = Endpoint::custom(format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let client = client.endpoint(endpoint).max_attempts(1).stall_timeout(millis(400));
        let bucket = client.build().unwrap().bucket(emulator.bucket()).unwrap();
        let body = body.clone();
        let put = tokio::spawn(async move {
            let start = Instant::now();
            (bucket.put("k", body).await, start.elapsed())
        });
        let stream = begin_to_read(&listener, 100_000).await;
        let (outcome, elapsed) = put.await.unwrap();
        let error = outcome.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Timeout, 1), "{name}: {error:?}");
        assert!(error.to_string().contains("sending the request took too long"), "{name}: {error}");
        assert!(elapsed >= millis(400) && elapsed < seconds(20), "{name}: {elapsed:?}");
        let rest = timeout(seconds(10), read_to_the_end(stream)).await.expect("the connection is closed");
        assert!(rest < 64 * MIB - 100_000, "{name}: all was sent");
    }
}

/// Dropping the future closes the connection: what was half sent cannot be taken for a request.
#[tokio::test]
async fn a_dropped_call_closes_its_connection() {
    let emulator = emulator().await;
    let body = Bytes::from(vec![0; 64 * MIB]);
    for (name, client) in transports(&emulator) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = Endpoint::custom(format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let bucket = client.endpoint(endpoint).build().unwrap().bucket(emulator.bucket()).unwrap();
        let body = body.clone();
        let put = tokio::spawn(async move { bucket.put("k", body).await });
        let stream = begin_to_read(&listener, 100_000).await;
        put.abort();
        assert!(put.await.unwrap_err().is_cancelled());
        let rest = timeout(seconds(10), read_to_the_end(stream)).await.expect("the connection is closed");
        assert!(rest < 64 * MIB - 100_000, "{name}: all was sent");
    }
}

#[tokio::test]
async fn silence_over_sockets() {
    let emulator = emulator().await;
    let whole = pattern(8 * MIB);
    emulator.put_object(emulator.bucket(), "big", whole.clone());
    for (name, client) in transports(&emulator) {
        let client = client.max_attempts(1).stall_timeout(millis(400)).response_timeout(millis(400));
        let bucket = client.build().unwrap().bucket(emulator.bucket()).unwrap();
        // No answer.
        emulator.script(Rule::on("GET Object").then(Action::StallBeforeHeaders(seconds(3600))));
        let start = Instant::now();
        let error = bucket.get("big").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{name}: {error:?}");
        assert!(start.elapsed() >= millis(400) && start.elapsed() < seconds(10), "{name}: {:?}", start.elapsed());
        // Half an answer.
        emulator.script(Rule::on("GET Object").then(Action::StallBody { at: 3_000_000, lasting: seconds(3600) }));
        let start = Instant::now();
        let error = read(bucket.get("big").await.unwrap()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{name}: {error:?}");
        assert!(start.elapsed() >= millis(400) && start.elapsed() < seconds(10), "{name}: {:?}", start.elapsed());
        // A reader that pauses for longer than the limit, with the kernel's buffers full meanwhile.
        let mut body = bucket.get("big").await.unwrap().body;
        let first = body.next().await.unwrap().unwrap();
        sleep(millis(1000)).await;
        let mut length = first.len();
        while let Some(piece) = body.next().await {
            length += piece.unwrap_or_else(|error| panic!("{name}: {error:?}")).len();
        }
        assert_eq!(length, whole.len(), "{name}");
        // A writer that pauses.
        let paused = Body::once(5 * 1024, pieces(millis(600)));
        assert_eq!(bucket.put("k", paused).await.unwrap().attempts, 1, "{name}");
        assert_eq!(emulator.journal().iter().filter(|record| record.operation == "PUT Object").count(), 1);
        emulator.clear_journal();
    }
}

/// What breaks within an exchange, over sockets.
#[tokio::test]
async fn broken_exchanges_over_sockets() {
    let emulator = emulator().await;
    emulator.put_object(emulator.bucket(), "big", pattern(MIB));
    for (name, client) in transports(&emulator) {
        let bucket = client.max_attempts(1).build().unwrap().bucket(emulator.bucket()).unwrap();
        emulator.script(Rule::on("GET Object").then(Action::ResetBeforeHeaders));
        let error = bucket.get("big").await.unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Transport, true), "{name}: {error:?}");
        emulator.script(Rule::on("PUT Object").then(Action::ResetBeforeHeaders));
        let error = bucket.put("k", "x").await.unwrap_err();
        assert_eq!((error.kind(), error.may_have_taken_effect()), (ErrorKind::Ambiguous, true), "{name}: {error:?}");
        for action in [
            Action::ResetAfterHeaders,
            Action::CutBody { at: 500_000 },
            Action::ResetBody { at: 500_000 },
            Action::CutBody { at: (MIB - 1) as u64 },
        ] {
            emulator.script(Rule::on("GET Object").then(action.clone()));
            let error = match bucket.get("big").await {
                Ok(object) => read(object).await.expect_err("a broken body is no object"),
                Err(error) => error,
            };
            assert_eq!(error.kind(), ErrorKind::Transport, "{name}, {action:?}: {error:?}");
        }
    }
}

/// A server that speaks no HTTP, or closes at once.
#[tokio::test]
async fn no_http_at_all() {
    let emulator = emulator().await;
    for answer in [&b"SSH-2.0-OpenSSH_9.6\r\n"[..], b"", b"HTTP/1.1 2", b"HTTP/1.1 abc OK\r\n\r\n"] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            loop {
                let mut stream = begin_to_read(&listener, 0).await;
                let _ = stream.write_all(answer).await;
            }
        });
        for (name, bucket) in clients_of(&emulator, &url) {
            let error = bucket.get("k").await.unwrap_err();
            assert_eq!((error.kind(), error.attempts()), (ErrorKind::Transport, 2), "{name}, {answer:?}: {error:?}");
        }
        server.abort();
    }
}

/// A stream that never gives anything and is polled once: for a body that is dropped.
struct Silent;

impl Stream for Silent {
    type Item = Result<Bytes, Error>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Pending
    }
}

/// A caller who waits for its own stream for ever waits for ever, unless it said how long.
#[tokio::test(start_paused = true)]
async fn only_a_deadline_ends_a_silent_stream() {
    let mem = InMemory::new();
    let silent = || Body::once(5, ByteStream::new(None, Silent));
    let put = tokio::spawn({
        let bucket = mem.bucket();
        async move { bucket.put("k", silent()).await }
    });
    sleep(seconds(24 * 3600)).await;
    assert!(!put.is_finished());
    put.abort();
    let hurried = mem.bucket().with(Overrides::new().deadline(seconds(60)));
    let error = hurried.put("k", silent()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    advance(seconds(1)).await;
    assert!(mem.emulator.object(mem.emulator.bucket(), "k").is_none());
}

/// Pieces without bytes, until it is told to end.
fn empty_pieces(end: &Arc<AtomicBool>) -> ByteStream {
    let end = Arc::clone(end);
    let piece = move || (!end.load(Ordering::Relaxed)).then(|| Ok::<_, Error>(Bytes::new()));
    ByteStream::new(None, iter(std::iter::from_fn(piece)))
}

/// Nobody else waits for a source that always has something, and never a byte.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_empty_pieces_is_stopped_as_a_silent_one_is() {
    let emulator = emulator().await;
    let over = || Arc::new(AtomicBool::new(false));
    for (name, client) in transports(&emulator) {
        let bucket = client.build().unwrap().bucket(emulator.bucket()).unwrap();
        for length in [0, 5] {
            let end = over();
            let (pieces, hurried) = (empty_pieces(&end), bucket.with(Overrides::new().deadline(seconds(1))));
            let put = tokio::spawn(async move { hurried.put("k", Body::once(length, pieces)).await });
            let outcome = timeout(seconds(10), put).await;
            end.store(true, Ordering::Relaxed);
            let error = outcome.expect("it ends").unwrap().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Timeout, "{name} {length}: {error}");
        }
        let end = over();
        let upload = bucket.upload("k", UploadSource::stream(empty_pieces(&end)));
        let handle = upload.handle();
        let upload = tokio::spawn(upload);
        sleep(millis(100)).await;
        handle.cancel();
        let outcome = timeout(seconds(10), upload).await;
        end.store(true, Ordering::Relaxed);
        assert_eq!(outcome.expect("it ends").unwrap().unwrap_err().kind(), ErrorKind::Cancelled, "{name}");
    }
}

/// A file is opened anew for every attempt, at its offset.
#[tokio::test]
async fn a_file_is_read_again_from_its_offset() {
    let emulator = emulator().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let whole = pattern(300_000);
    std::fs::write(&path, &whole).unwrap();
    for (name, client) in transports(&emulator) {
        // Of what failed the head may have gone out, and come late.
        let put = |bucket: Bucket, path: &Path| {
            let body = Body::file(path, 1000, 250_000);
            async move { bucket.put(name, body).await }
        };
        let bucket = client.build().unwrap().bucket(emulator.bucket()).unwrap();
        let rule = Rule::on(Matcher::operation("PUT Object").key(name)).times(2);
        emulator.script(rule.then(Action::ResetBeforeHeaders));
        assert_eq!(put(bucket.clone(), &path).await.unwrap().attempts, 3, "{name}");
        let stored = emulator.object(emulator.bucket(), name).unwrap().bytes();
        assert_eq!(stored, whole.slice(1000..251_000), "{name}");
        // Shorter than it was.
        std::fs::write(&path, &whole[..200_000]).unwrap();
        let error = put(bucket.clone(), &path).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Changed, 1), "{name}: {error:?}");
        std::fs::write(&path, &whole).unwrap();
        let error = put(bucket, &folder.path().join("none")).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Io, 0), "{name}: {error:?}");
        assert_eq!(emulator.object(emulator.bucket(), name).unwrap().bytes(), stored, "{name}");
    }
}
