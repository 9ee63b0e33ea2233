//! What a header signature costs, next to a floor that knows everything beforehand.
//!
//! The floor has the keyed HMAC state, the order of the headers and one buffer for all signatures; it encodes, hashes
//! and formats, and does nothing else. `cargo bench --bench sign -- --check` fails when a goal is missed.
#![allow(clippy::disallowed_methods)] // a bench reads the clock

mod support {
    pub mod floor;
    pub mod rounds;
    pub mod signing;
    pub mod typical;
    pub mod words;
}

use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant, UNIX_EPOCH};

use http::{Method, header};
use support::floor::{Floor, signed};
use support::rounds::Rounds;
use support::signing::{address, credentials, put};
use support::typical::{PATH, token};
use support::words::{has, number};
use tencent_cos::sign::{self, SigningKey};
use tencent_cos::{Credentials, GetObject, ObjectKey, Operation};

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
    let signed = signed(head.headers());
    let pairs: Vec<(&str, &str)> = signed.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut floor = floor(&credentials);
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

fn floor(credentials: &Credentials) -> Floor {
    Floor::new(credentials, &format!("{START};{END}"))
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

    let signed = signed(head.headers());
    let pairs: Vec<(&str, &str)> = signed.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(floor(&credentials).sign("get", "/exampleobject", &pairs), expected.as_bytes());
}
