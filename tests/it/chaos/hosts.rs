//! Two names of the same bucket, each well or not by turns of its own: what a call says is so, by whichever name it went.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tencent_cos::client::provider::BoxFuture;
use tencent_cos::{ByteStream, HttpClient, Payload, Phase, TransportError};
use tokio::time::Instant;

use super::weather::{PAUSED, Weather};
use super::{World, worlds};
use crate::support::{InMemory, Random, ServiceTransport};

/// How a name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Well,
    NoName,
    Refused,
    WrongCertificate,
    /// The request arrives, its answer does not.
    AnswerLost,
    /// Somebody else answers.
    Stranger(u16),
}

struct Name {
    state: State,
    until: Instant,
}

struct TwoNames {
    service: ServiceTransport,
    names: Mutex<([Name; 2], Random)>,
    /// How often each was asked, at the end.
    asked: Arc<Mutex<[u64; 2]>>,
}

impl TwoNames {
    fn new(service: ServiceTransport, seed: u64, asked: Arc<Mutex<[u64; 2]>>) -> Self {
        let well = || Name { state: State::Well, until: Instant::now() };
        Self { service, names: Mutex::new(([well(), well()], Random(seed))), asked }
    }

    fn state(&self, host: &str) -> State {
        let number = usize::from(!host.ends_with("myqcloud.com"));
        let (names, random) = &mut *self.names.lock().expect("no panic");
        let name = &mut names[number];
        if Instant::now() >= name.until {
            name.state = match random.below(10) {
                0 => State::NoName,
                1 => State::Refused,
                2 if random.below(3) == 0 => State::WrongCertificate,
                2 | 3 => State::AnswerLost,
                4 => State::Stranger(random.pick(&[302, 403, 404, 502])),
                _ => State::Well,
            };
            name.until = Instant::now() + Duration::from_secs(1 + random.below(400));
        }
        self.asked.lock().expect("no panic")[number] += 1;
        name.state
    }
}

impl fmt::Debug for TwoNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TwoNames")
    }
}

impl HttpClient for TwoNames {
    fn execute(
        &self,
        request: http::Request<Payload>,
    ) -> BoxFuture<'_, Result<http::Response<ByteStream>, TransportError>> {
        let fails = |phase, why| Box::pin(async move { Err(TransportError::new(phase, why)) });
        match self.state(request.uri().host().unwrap_or_default()) {
            State::Well => self.service.execute(request),
            State::NoName => fails(Phase::Dns, "no such name"),
            State::Refused => fails(Phase::Connect, "refused"),
            State::WrongCertificate => fails(Phase::Tls, "a wrong certificate"),
            State::AnswerLost => Box::pin(async move {
                let _ = self.service.execute(request).await;
                Err(TransportError::new(Phase::AwaitHeaders, "the connection was closed"))
            }),
            State::Stranger(status) => Box::pin(async move {
                let body = ByteStream::from(Bytes::from_static(b"<html>please log in"));
                Ok(http::Response::builder().status(status).body(body).expect("a response"))
            }),
        }
    }
}

fn world(seed: u64, asked: Arc<Mutex<[u64; 2]>>) -> World {
    let rig = InMemory::new();
    let names = TwoNames::new(ServiceTransport(rig.emulator.service()), seed, asked);
    let bucket = rig.bucket_of(rig.client().http_client(names));
    let mut world = World::new(Arc::new(rig.emulator), bucket, seed, Weather::Honest, PAUSED);
    world.clock = Some(rig.clock);
    world
}

#[tokio::test(start_paused = true)]
async fn what_a_call_says_is_so_by_whichever_name_it_went() {
    let asked: Arc<Mutex<[u64; 2]>> = Arc::default();
    worlds(|seed| world(seed, Arc::clone(&asked))).await;
    let [primary, backup] = *asked.lock().expect("no panic");
    println!("{primary} requests by one name, {backup} by the other");
    assert!(primary > 100 && backup > 100, "{primary} and {backup}");
}
