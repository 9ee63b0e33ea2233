//! What is tried again, how often, after how long, and what is not. The fault numbers are those of the test plan.

mod bodies;
mod budget;
mod cuts;
mod hostile;
mod refusals;
mod repeats;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use cos_emulator::{Emulator, Record};
use tencent_cos::client::provider::BoxFuture;
use tencent_cos::{Bucket, ByteStream, Crc64, Error, HttpClient, ListObjects, Payload, TransportError};

use crate::support::{InMemory, ServiceTransport};

const EVERY: [&str; 5] = ["GET Object", "HEAD Object", "PUT Object", "GET Bucket", "DELETE Object"];
const REPEATABLE: [&str; 4] = ["GET Object", "HEAD Object", "PUT Object", "GET Bucket"];

fn rig() -> (InMemory, Bucket) {
    let mem = InMemory::new();
    mem.emulator.put_object(mem.emulator.bucket(), "k", "hello");
    let bucket = mem.bucket();
    (mem, bucket)
}

/// Does it, and checks that a success is one.
async fn call(bucket: &Bucket, operation: &str) -> Result<(), Error> {
    match operation {
        "GET Object" => assert_eq!(bucket.get("k").await?.bytes(100).await?, "hello"),
        "HEAD Object" => assert_eq!(bucket.head("k").await?.content_length(), Some(5)),
        "PUT Object" => assert_eq!(bucket.put("new", "hello").await?.crc64, Some(Crc64::of(b"hello"))),
        "GET Bucket" => assert_eq!(bucket.send(ListObjects::new().prefix("k")).await?.objects.len(), 1),
        "DELETE Object" => drop(bucket.delete("k").await?),
        _ => panic!("{operation}"),
    }
    Ok(())
}

fn status_of(emulator: &Emulator) -> Vec<Option<u16>> {
    emulator.journal().iter().map(|record| record.status).collect()
}

/// The waits between the requests that came in.
fn waits(records: &[Record]) -> Vec<Duration> {
    records.windows(2).map(|pair| pair[1].time.duration_since(pair[0].time).expect("time goes on")).collect()
}

fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// A transport that fails some requests before they reach anybody.
struct Failing {
    inner: ServiceTransport,
    seen: Arc<AtomicUsize>,
    fail: Box<dyn Fn(usize) -> Option<TransportError> + Send + Sync>,
}

impl fmt::Debug for Failing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Failing")
    }
}

impl HttpClient for Failing {
    fn execute(
        &self,
        request: http::Request<Payload>,
    ) -> BoxFuture<'_, Result<http::Response<ByteStream>, TransportError>> {
        match (self.fail)(self.seen.fetch_add(1, Ordering::Relaxed)) {
            Some(error) => Box::pin(async move { Err(error) }),
            None => self.inner.execute(request),
        }
    }
}

/// The emulator's bucket behind such a transport, and the number of requests it saw.
fn failing(
    mem: &InMemory,
    fail: impl Fn(usize) -> Option<TransportError> + Send + Sync + 'static,
) -> (Bucket, Arc<AtomicUsize>) {
    let seen = Arc::new(AtomicUsize::new(0));
    let inner = ServiceTransport(mem.emulator.service());
    let transport = Failing { inner, seen: Arc::clone(&seen), fail: Box::new(fail) };
    (mem.bucket_of(mem.client().http_client(transport)), seen)
}

fn pattern(length: usize) -> Bytes {
    (0..length).map(|at| u8::try_from((at * 7 + at / 251) % 256).expect("a byte")).collect::<Vec<_>>().into()
}
