//! What a header signature costs, next to a floor that knows everything beforehand.
//!
//! The floor has the keyed HMAC state, the order of the headers and one buffer for all signatures; it encodes, hashes
//! and formats, and does nothing else. `cargo bench --bench sign -- --check` fails when a goal is missed.
#![allow(clippy::disallowed_methods)] // a bench reads the clock

mod support {
    pub mod rounds;
    pub mod signing;
    pub mod typical;
    pub mod words;
}

use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use http::{Method, header};
use sha1::{Digest, Sha1};
use support::rounds::Rounds;
use support::signing::{address, credentials, put};
use support::typical::{PATH, token};
use support::words::{has, number};
use tencent_cos::sign::{self, SigningKey};
use tencent_cos::{Credentials, GetObject, Head, ObjectKey, Operation};

const GOAL_KEPT: f64 = 1.5;
const GOAL_MADE: f64 = 2.2;

const START: u64 = 1_700_000_000;
const END: u64 = 1_700_003_600;

fn main() -> ExitCode {
    agrees_with_the_official_sdks();

    let credentials = credentials(&token());
    let key = SigningKey::for_key_time(&credentials, START, END).expect("a key");
    let mut head = put();
    sign::headers(&mut head, &key);
    let signed = signed(&head);
    let pairs: Vec<(&str, &str)> = signed.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut floor = Floor::new(&credentials);
    assert_eq!(head.headers()[header::AUTHORIZATION], floor.sign("put", PATH, &pairs));

    let mut candidates: [(&str, Candidate); 4] = [
        ("floor", Box::new(|| _ = black_box(floor.sign("put", PATH, black_box(&pairs))))),
        ("sign::headers, key kept", Box::new(|| sign::headers(black_box(&mut head), &key))),
        (
            "sign::headers, key made anew",
            Box::new({
                let (mut head, credentials) = (put(), credentials.clone());
                move || {
                    let (start, end) = (UNIX_EPOCH + Duration::from_secs(START), UNIX_EPOCH + Duration::from_secs(END));
                    let key = SigningKey::new(black_box(&credentials), start, end).expect("a key");
                    sign::headers(black_box(&mut head), &key);
                }
            }),
        ),
        ("SigningKey::sign, key kept", Box::new(|| _ = black_box(key.sign("PUT", PATH, &[], black_box(&pairs))))),
    ];

    let (rounds, signatures) = (number("--rounds", 41), number("--signatures", 10_000));
    let mut nanos = [const { Vec::new() }; 4].map(|_: Vec<f64>| Rounds::default());
    for _ in 0..rounds {
        for ((_, candidate), nanos) in candidates.iter_mut().zip(&mut nanos) {
            let start = Instant::now();
            for _ in 0..signatures {
                candidate();
            }
            nanos.push(start.elapsed().as_secs_f64() * 1e9 / f64::from(signatures));
        }
    }

    println!("{:30} {:>8} {:>8} {:>8}", "signature of a PUT", "ns", "spread", "× floor");
    let ratios = nanos.each_ref().map(|figures| figures.over(&nanos[0]).median());
    for (((name, _), nanos), ratio) in candidates.iter().zip(&nanos).zip(ratios) {
        println!("{name:30} {:8.0} {:7.1}% {ratio:8.2}", nanos.median(), nanos.spread() * 100.0);
    }
    let reached = ratios[1] <= GOAL_KEPT && ratios[2] <= GOAL_MADE;
    let verdict = if reached { "reached" } else { "missed" };
    println!("goals: {GOAL_KEPT} with the key kept, {GOAL_MADE} with a key made anew: {verdict}");
    if has("--check") && !reached { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

type Candidate<'a> = Box<dyn FnMut() + 'a>;

/// The headers a signature covers, in order.
fn signed(head: &Head) -> Vec<(String, String)> {
    let signed = |name: &str| name == "host" || name.starts_with("content-") || name.starts_with("x-cos-");
    let text = |value: &http::HeaderValue| value.to_str().expect("ASCII").to_owned();
    let headers = head.headers().iter().filter(|(name, _)| signed(name.as_str()));
    let mut pairs: Vec<_> = headers.map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    pairs.sort();
    pairs
}

/// Ours and the floor give what the official SDKs gave for a request with a token.
fn agrees_with_the_official_sdks() {
    let document: serde_json::Value =
        serde_json::from_str(include_str!("../tests/golden/sdk_vectors.json")).expect("JSON");
    let cases = document["cases"].as_array().expect("cases");
    let case = cases.iter().find(|case| case["id"] == "go-token-signed").expect("the case");
    let expected = case["authorization"].as_str().expect("a signature");
    let headers = case["headers"].as_array().expect("headers");
    let token = headers.iter().find(|pair| pair[0] == sign::SECURITY_TOKEN).and_then(|pair| pair[1].as_str());

    let credentials = credentials(token.expect("a token"));
    let get = GetObject::new(ObjectKey::new("exampleobject").expect("a key"));
    let mut head = get.request().expect("a request").into_head(Method::GET, &address()).0;
    sign::headers(&mut head, &SigningKey::for_key_time(&credentials, START, END).expect("a key"));
    assert_eq!(head.headers()[header::AUTHORIZATION], expected);

    let signed = signed(&head);
    let pairs: Vec<(&str, &str)> = signed.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(Floor::new(&credentials).sign("get", "/exampleobject", &pairs), expected.as_bytes());
}

/// The least there is to do.
struct Floor {
    hmac: Hmac<Sha1>,
    buffer: Vec<u8>,
    key_time: String,
    /// `Authorization` up to the list of headers.
    beginning: String,
}

impl Floor {
    fn new(credentials: &Credentials) -> Self {
        let key_time = format!("{START};{END}");
        let hmac = |key: &[u8]| Hmac::<Sha1>::new_from_slice(key).expect("keys of any length");
        let sign_key = hmac(credentials.secret_key().as_bytes()).chain_update(&key_time).finalize().into_bytes();
        let id = credentials.secret_id();
        let beginning =
            format!("q-sign-algorithm=sha1&q-ak={id}&q-sign-time={key_time}&q-key-time={key_time}&q-header-list=");
        Self { hmac: hmac(hex::encode(sign_key).as_bytes()), buffer: Vec::with_capacity(4096), key_time, beginning }
    }

    fn sign(&mut self, method: &str, path: &str, headers: &[(&str, &str)]) -> &[u8] {
        let buffer = &mut self.buffer;
        buffer.clear();
        for piece in [method, "\n", path, "\n\n"] {
            buffer.extend_from_slice(piece.as_bytes());
        }
        for (index, (name, value)) in headers.iter().enumerate() {
            if index > 0 {
                buffer.push(b'&');
            }
            buffer.extend_from_slice(name.as_bytes());
            buffer.push(b'=');
            encode(value.as_bytes(), buffer);
        }
        buffer.push(b'\n');
        let mut digits = [0; 40];
        hex::encode_to_slice(Sha1::digest(&*buffer), &mut digits).expect("40 digits");
        let mut hmac = self.hmac.clone();
        for piece in [b"sha1\n", self.key_time.as_bytes(), b"\n", &digits, b"\n"] {
            hmac.update(piece);
        }
        hex::encode_to_slice(hmac.finalize().into_bytes(), &mut digits).expect("40 digits");

        buffer.clear();
        buffer.extend_from_slice(self.beginning.as_bytes());
        for (index, (name, _)) in headers.iter().enumerate() {
            if index > 0 {
                buffer.push(b';');
            }
            buffer.extend_from_slice(name.as_bytes());
        }
        buffer.extend_from_slice(b"&q-url-param-list=&q-signature=");
        buffer.extend_from_slice(&digits);
        buffer
    }
}

/// Runs of plain bytes are copied whole.
fn encode(value: &[u8], out: &mut Vec<u8>) {
    static PLAIN: [bool; 256] = {
        let mut plain = [false; 256];
        let mut byte = 0;
        while byte < 256 {
            #[allow(clippy::cast_possible_truncation)] // below 256
            let it = byte as u8;
            plain[byte] = it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_' | b'.' | b'~');
            byte += 1;
        }
        plain
    };
    let mut rest = value;
    while let Some(at) = rest.iter().position(|byte| !PLAIN[usize::from(*byte)]) {
        let byte = rest[at];
        out.extend_from_slice(&rest[..at]);
        let digit = |nibble: u8| b"0123456789ABCDEF"[usize::from(nibble)];
        out.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 15)]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}
