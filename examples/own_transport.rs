//! Signs with the core of the crate and sends with ureq, which blocks: what a wrapper in another language does. A key that
//! is due is asked for anew, and what failed is sent again where that is safe.
//!
//! `cargo run --example own_transport`. It needs no feature of the library; for https turn on one of ureq's.
#![allow(clippy::disallowed_methods)] // here it is the program that reads the clock

use std::error::Error;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use cos_emulator::{Action, Emulator, Rule};
use futures_util::FutureExt as _;
use tencent_cos::bytes::Bytes;
use tencent_cos::credentials::{Freshness, Lifetime};
use tencent_cos::retry::{Attempts, MAX_ATTEMPTS, Next};
use tencent_cos::sign::{self, BACKDATE, REQUEST_LIFETIME, SigningKey};
use tencent_cos::{
    Address, BucketName, Credentials, Endpoint, ErrorKind, GetObject, ObjectKey, Operation, Phase, PutObject, Region,
    Result, Sent, SessionCredentials, TransportError, read_response,
};

struct Wire<'a> {
    address: Address,
    http: ureq::Agent,
    ask: &'a dyn Fn() -> Result<SessionCredentials>,
    key: Option<(Credentials, Lifetime)>,
    /// The time, and when it was that.
    clock: (SystemTime, Instant),
    start: Instant,
}

impl Wire<'_> {
    fn send<O: Operation>(&mut self, operation: &O) -> Result<O::Output> {
        let mut attempts = Attempts::new(MAX_ATTEMPTS);
        loop {
            let key = self.key()?;
            let error = match self.attempt(operation, &key, attempts.number()) {
                Ok(output) => return Ok(output),
                Err(error) => error,
            };
            println!("  attempt {}: {error}", attempts.number());
            let random = f64::from(self.start.elapsed().subsec_nanos()) / 1e9;
            match attempts.failed(operation, error, &key, self.now(), random)? {
                Next::Done(output) => return Ok(output),
                Next::Wait(time) => sleep(time),
                Next::RefreshCredentials(_) => self.key = None,
                Next::SetClock(time) => self.clock = (time, Instant::now()),
                _ => unreachable!("there is no other"),
            }
        }
    }

    fn now(&self) -> SystemTime {
        self.clock.0 + self.clock.1.elapsed()
    }

    fn key(&mut self) -> Result<Credentials> {
        let (now, monotonic) = (self.now(), self.start.elapsed());
        if let Some((key, life)) = &self.key
            && life.freshness(now, monotonic) == Freshness::Fresh
        {
            return Ok(key.clone());
        }
        let key = (self.ask)()?;
        let life = Lifetime::new(now, monotonic, key.expires_at(), 0.5);
        Ok(self.key.insert((key.into(), life)).0.clone())
    }

    fn attempt<O: Operation>(&self, operation: &O, key: &Credentials, number: u32) -> Result<O::Output> {
        let key = SigningKey::new(key, self.now() - BACKDATE, self.now() + REQUEST_LIFETIME)?;
        let (mut head, body) = operation.request()?.into_head(O::METHOD, &self.address);
        sign::headers(&mut head, &key);
        let no_bytes = || tencent_cos::Error::new(ErrorKind::Input, "only bodies in memory");
        let body = body.as_bytes().ok_or_else(no_bytes)?;
        let mut sent = Sent::once(&body);
        sent.attempts = number;
        let answer = match &*body {
            [] => self.http.run(head.into_request(())?),
            bytes => self.http.run(head.into_request(bytes)?),
        };
        let (parts, mut body) = answer.map_err(|error| lost(error, Phase::AwaitHeaders))?.into_parts();
        let bytes = Bytes::from(body.read_to_vec().map_err(|error| lost(error, Phase::ReadBody))?);
        read_response(operation, &sent, http::Response::from_parts(parts, bytes))
    }
}

/// How far a request came. Where nobody knows, it may have come to COS.
fn lost(error: ureq::Error, otherwise: Phase) -> TransportError {
    let phase = match &error {
        ureq::Error::HostNotFound => Phase::Dns,
        ureq::Error::ConnectionFailed => Phase::Connect,
        ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => Phase::Connect,
        _ => otherwise,
    };
    TransportError::new(phase, error)
}

fn main() -> Result<(), Box<dyn Error>> {
    // Only the emulator needs a runtime.
    let runtime = tokio::runtime::Runtime::new()?;
    let emulator = runtime.block_on(Emulator::builder().strict_signature(true).start())?;
    let ask = || {
        let key = emulator.mint(Duration::from_secs(1800));
        SessionCredentials::new(key.secret_id, key.secret_key, key.token, key.expires_at)
    };
    let (bucket, region) = (BucketName::new(emulator.bucket())?, Region::new(emulator.region())?);
    let mut wire = Wire {
        address: Endpoint::custom(emulator.endpoint())?.address(Some(&bucket), &region)?,
        http: ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).proxy(None).build().into(),
        ask: &ask,
        key: None,
        clock: (SystemTime::now(), Instant::now()),
        start: Instant::now(),
    };
    let key: ObjectKey = "notes/a b.txt".parse()?;
    emulator.script(Rule::on("PUT Object").then(Action::status(503, "ServiceUnavailable")));
    emulator.script(Rule::on("PUT Object").then(Action::status(403, "ExpiredToken")));
    let put = wire.send(&PutObject::new(key.clone(), "hello"))?;
    println!("stored, entity tag {}, CRC-64 checked: {}", put.etag, put.crc64.is_some());

    // All of it is in memory: there is nothing to wait for.
    let bytes = wire.send(&GetObject::new(key))?.bytes(1024).now_or_never().ok_or("not in memory")??;
    println!("read back {:?}", String::from_utf8(bytes.to_vec())?);
    println!("another key: {}", wire.send(&GetObject::new("missing".parse()?)).err().ok_or("it is there")?);
    Ok(())
}
