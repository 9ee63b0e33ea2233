//! The same requests written by hand on the bare transport.
//!
//! They are signed anew, summed up, sent in time, and what the answer says is read and checked: no program can do less
//! that sends many objects to COS. But they know their headers beforehand, take their key for granted, and repeat nothing.

use std::time::Duration;

use bytes::Bytes;
use http::response::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;
use percent_encoding::percent_decode_str;
use reqwest::Url;
use tencent_cos::{Crc64, Credentials};
use tokio::time::timeout;

use super::floor::{Floor, signed};

const PATIENCE: Duration = Duration::from_secs(20);

pub struct ByHand {
    method: Method,
    /// What a signature says of the method and the path.
    signs: (String, String),
    endpoint: Url,
    target: String,
    headers: HeaderMap,
    signed: Vec<(String, String)>,
    floor: Floor,
    body: Bytes,
}

impl ByHand {
    /// Like this request, which is signed already.
    pub fn like(request: &Request<()>, credentials: &Credentials, body: Bytes) -> Self {
        let mut endpoint: Url = request.uri().to_string().parse().expect("a URL");
        endpoint.set_path("");
        let theirs = request.headers()[header::AUTHORIZATION].to_str().expect("ASCII");
        let key_time = theirs.split('&').find_map(|pair| pair.strip_prefix("q-key-time="));
        let path = percent_decode_str(request.uri().path()).decode_utf8().expect("UTF-8").into_owned();
        let mut by_hand = Self {
            method: request.method().clone(),
            signs: (request.method().as_str().to_ascii_lowercase(), path),
            endpoint,
            target: request.uri().path().to_owned(),
            headers: request.headers().clone(),
            signed: signed(request.headers()),
            floor: Floor::new(credentials, key_time.expect("a time")),
            body,
        };
        assert_eq!(by_hand.sign()[header::AUTHORIZATION], theirs);
        by_hand
    }

    /// Sends the request, and says how much was in the answer.
    pub async fn on_reqwest(&mut self, client: &reqwest::Client) -> usize {
        let headers = self.sign();
        let mut url = self.endpoint.clone();
        url.set_path(&self.target);
        let mut request = reqwest::Request::new(self.method.clone(), url);
        *request.headers_mut() = headers;
        *request.body_mut() = (!self.body.is_empty()).then(|| self.body.clone().into());
        let sent = Crc64::of(&self.body);
        let response = timeout(PATIENCE, client.execute(request)).await.expect("in time").expect("an answer");
        let (head, body) = http::Response::<reqwest::Body>::from(response).into_parts();
        let bytes = body.collect().await.expect("the object").to_bytes();
        self.check(&head, sent, &bytes);
        bytes.len()
    }

    /// The same.
    pub async fn on_hyper(&mut self, connection: &mut SendRequest<Full<Bytes>>) -> usize {
        let headers = self.sign();
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.target.parse::<Uri>().expect("a path");
        *request.headers_mut() = headers;
        let sent = Crc64::of(&self.body);
        connection.ready().await.expect("a connection");
        let answer = timeout(PATIENCE, connection.send_request(request)).await;
        let (head, body) = answer.expect("in time").expect("an answer").into_parts();
        let bytes = body.collect().await.expect("the object").to_bytes();
        self.check(&head, sent, &bytes);
        bytes.len()
    }

    fn sign(&mut self) -> HeaderMap {
        let pairs: Vec<_> = self.signed.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let signature = HeaderValue::from_bytes(self.floor.sign(&self.signs.0, &self.signs.1, &pairs));
        let mut headers = self.headers.clone();
        headers.insert(header::AUTHORIZATION, signature.expect("ASCII"));
        headers
    }

    /// The checksum is that of what was sent, or of what came, and the answer names object and request.
    fn check(&self, head: &Parts, sent: u64, came: &Bytes) {
        let text = |name: &str| head.headers[name].to_str().expect("ASCII");
        let crc64 = if self.body.is_empty() { Crc64::of(came) } else { sent };
        assert!(head.status.is_success());
        assert_eq!(text("x-cos-hash-crc64ecma").parse(), Ok(crc64));
        std::hint::black_box((text("etag").to_owned(), text("x-cos-request-id").to_owned()));
    }
}
