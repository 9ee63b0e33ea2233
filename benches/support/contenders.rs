//! Ways to send the same bytes: this crate, the bare transport under it, and a hyper connection for each worker; the last
//! two as they are, and with the work of this crate done by hand.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use tencent_cos::{Bucket, Client, Credentials, Endpoint, GetObject, ObjectKey, PutObject, SessionCredentials};
use tokio::net::TcpStream;

use super::by_hand::ByHand;
use super::server::OBJECT;
use super::typical::{BUCKET, PATH, REGION, token};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Put,
    Get,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Ours,
    #[cfg(feature = "hyper")]
    OursOnHyper,
    ByHand,
    Reqwest,
    ByHandOnHyper,
    Hyper,
}

impl Verb {
    pub fn name(self) -> &'static str {
        match self {
            Self::Put => "put",
            Self::Get => "get",
        }
    }
}

impl Kind {
    pub const ALL: &[Self] = &[
        Self::Ours,
        #[cfg(feature = "hyper")]
        Self::OursOnHyper,
        Self::ByHand,
        Self::Reqwest,
        Self::ByHandOnHyper,
        Self::Hyper,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            #[cfg(feature = "hyper")]
            Self::OursOnHyper => "ours-on-hyper",
            Self::ByHand => "by-hand",
            Self::Reqwest => "reqwest",
            Self::ByHandOnHyper => "by-hand-on-hyper",
            Self::Hyper => "hyper",
        }
    }
}

/// One of those who send at the same time.
pub enum Worker {
    Ours(Bucket),
    ByHand(reqwest::Client, ByHand),
    Reqwest(reqwest::Client, reqwest::Request),
    ByHandOnHyper(SendRequest<Full<Bytes>>, ByHand),
    Hyper(SendRequest<Full<Bytes>>, Request<Full<Bytes>>),
}

/// As many workers of a kind, with one client among them.
pub async fn workers(kind: Kind, verb: Verb, server: SocketAddr, count: usize) -> Vec<Worker> {
    let bucket = bucket(kind, server);
    let signed = signed(&bucket, verb).await;
    let body = if verb == Verb::Put { Bytes::from_static(&OBJECT) } else { Bytes::new() };
    let by_hand = || ByHand::like(&signed, &credentials(), body.clone());
    let client = bare();
    let mut workers = Vec::new();
    for _ in 0..count {
        workers.push(match kind {
            Kind::Ours => Worker::Ours(bucket.clone()),
            #[cfg(feature = "hyper")]
            Kind::OursOnHyper => Worker::Ours(bucket.clone()),
            Kind::ByHand => Worker::ByHand(client.clone(), by_hand()),
            Kind::Reqwest => {
                let url = signed.uri().to_string().parse().expect("a URL");
                let mut request = reqwest::Request::new(signed.method().clone(), url);
                *request.headers_mut() = signed.headers().clone();
                *request.body_mut() = (verb == Verb::Put).then(|| body.clone().into());
                Worker::Reqwest(client.clone(), request)
            }
            Kind::ByHandOnHyper => Worker::ByHandOnHyper(connect(server).await, by_hand()),
            Kind::Hyper => {
                let mut request = Request::new(Full::new(body.clone()));
                *request.method_mut() = signed.method().clone();
                *request.uri_mut() = signed.uri().path().parse().expect("a path");
                *request.headers_mut() = signed.headers().clone();
                Worker::Hyper(connect(server).await, request)
            }
        });
    }
    workers
}

impl Worker {
    /// Sends one request and reads all of the answer.
    pub async fn once(&mut self, verb: Verb) {
        let read = match self {
            Self::Ours(bucket) if verb == Verb::Put => {
                bucket.put(&PATH[1..], &OBJECT).await.expect("an answer");
                0
            }
            Self::Ours(bucket) => {
                let object = bucket.get(&PATH[1..]).await.expect("an answer");
                object.bytes(OBJECT.len()).await.expect("the object").len()
            }
            Self::ByHand(client, by_hand) => by_hand.on_reqwest(client).await,
            Self::Reqwest(client, request) => {
                let request = request.try_clone().expect("a body of bytes");
                let response = client.execute(request).await.expect("an answer");
                response.bytes().await.expect("the object").len()
            }
            Self::ByHandOnHyper(connection, by_hand) => by_hand.on_hyper(connection).await,
            Self::Hyper(connection, request) => {
                connection.ready().await.expect("a connection");
                let response = connection.send_request(request.clone()).await.expect("an answer");
                response.into_body().collect().await.expect("the object").to_bytes().len()
            }
        };
        assert_eq!(read, if verb == Verb::Put { 0 } else { OBJECT.len() });
    }
}

const SECRET: (&str, &str) = ("AKIDexampleFAKEexample", "FAKEsecretKEYexample");

fn credentials() -> Credentials {
    Credentials::with_token(SECRET.0, SECRET.1, token()).expect("a key")
}

fn bucket(kind: Kind, server: SocketAddr) -> Bucket {
    #[allow(clippy::disallowed_methods)] // a key must end some time from now
    let end = SystemTime::now() + Duration::from_secs(3600);
    let credentials = SessionCredentials::new(SECRET.0, SECRET.1, token(), end);
    let builder = Client::builder()
        .region(REGION)
        .endpoint(Endpoint::custom(format!("http://{server}")).expect("an endpoint"))
        .credentials(credentials.expect("a key"));
    let builder = match kind {
        #[cfg(feature = "hyper")]
        Kind::OursOnHyper => builder.transport(tencent_cos::Transport::Hyper),
        _ => builder,
    };
    builder.build().and_then(|client| client.bucket(BUCKET)).expect("a bucket")
}

/// Method, URL and headers, as this crate signs them.
async fn signed(bucket: &Bucket, verb: Verb) -> Request<()> {
    let key = ObjectKey::new(&PATH[1..]).expect("a key");
    let request = match verb {
        Verb::Put => bucket.sign(PutObject::new(key, &OBJECT)).await,
        Verb::Get => bucket.sign(GetObject::new(key)).await,
    };
    Request::from_parts(request.expect("a request").into_parts().0, ())
}

/// Set up as the transport of this crate is.
fn bare() -> reqwest::Client {
    let builder = reqwest::Client::builder()
        .http1_only()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .no_gzip()
        .no_brotli()
        .no_deflate()
        .no_zstd()
        .no_proxy()
        .tcp_nodelay(true)
        .connect_timeout(Duration::from_secs(5))
        .pool_idle_timeout(Duration::from_secs(25))
        .tls_certs_only(Vec::new());
    builder.build().expect("a client")
}

async fn connect(server: SocketAddr) -> SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(server).await.expect("a connection");
    stream.set_nodelay(true).expect("a socket");
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("a handshake");
    tokio::spawn(connection);
    sender
}
