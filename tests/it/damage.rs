//! Answers that were damaged on the way: cut off, changed, without a header. What is cut off is never taken for whole, and
//! nothing makes the client panic or repeat a long text of strangers.

use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use tencent_cos::PresignOptions;

use crate::operations::{Answer, Row, Scene, TABLE, Trial};
use crate::support::{Random, full};

/// What the operation is answered when all is well.
async fn answer(row: &Row) -> (Box<dyn Trial>, Response<Bytes>) {
    let scene = Scene::in_memory();
    let trial = row.prepare(&scene).await;
    let client = scene.client().build().expect("a client");
    let options = PresignOptions::from(Duration::from_secs(600));
    let presigned = trial.presign(&client, options).await.expect("a URL");
    let body = trial.body();
    let mut request = http::Request::new(Full::new(body.clone()));
    *request.method_mut() = presigned.method.clone();
    *request.uri_mut() = presigned.url.parse().expect("a URL");
    *request.headers_mut() = presigned.headers.clone();
    request.headers_mut().insert(header::CONTENT_LENGTH, body.len().into());
    let (head, body) = scene.emulator().service().call(request).await.expect("an answer").into_parts();
    let response = Response::from_parts(head, body.collect().await.expect("a body").to_bytes());
    (trial, response)
}

fn with_body(response: &Response<Bytes>, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut other = Response::new(body.into());
    *other.status_mut() = response.status();
    other.headers_mut().clone_from(response.headers());
    other
}

#[tokio::test(start_paused = true)]
async fn a_document_that_is_cut_off_is_no_answer() {
    for row in TABLE.iter().filter(|row| matches!(row.answer, Answer::Xml | Answer::Json | Answer::LateXml)) {
        let (trial, response) = answer(row).await;
        trial.parse(with_body(&response, response.body().clone())).unwrap_or_else(|error| panic!("{row}: {error}"));
        let whole = response.body().trim_ascii_end();
        assert!(whole.len() > 10, "{row}");
        for end in usize::from(row.may_say_nothing())..whole.len() {
            let cut = trial.parse(with_body(&response, response.body().slice(..end)));
            assert!(cut.is_err(), "{row}: {:?} is an answer", String::from_utf8_lossy(&whole[..end]));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_is_changed_on_the_way_is_an_answer_or_a_short_error() {
    let seed = Random::seed();
    println!("COS_SEED={seed}");
    let mut random = Random(seed);
    for row in TABLE {
        let (trial, response) = answer(row).await;
        for _ in 0..if full() { 20_000 } else { 200 } {
            let damaged = damage(&response, &mut random);
            let told = format!("{damaged:?}");
            if let Err(error) = trial.parse(damaged) {
                let length = format!("{error:#} {error:?}").len();
                assert!(length < 10_000, "{row}: an error of {length} bytes after {told}");
            }
        }
    }
}

/// One to three changes.
fn damage(response: &Response<Bytes>, random: &mut Random) -> Response<Bytes> {
    let mut damaged = with_body(response, response.body().clone());
    for _ in 0..=random.below(3) {
        let mut body = damaged.body().to_vec();
        let mut place = || usize::try_from(random.next()).unwrap_or(0) % (body.len() + 1);
        let (from, to) = (place(), place());
        let (from, to) = (from.min(to), from.max(to));
        match random.below(8) {
            0 => drop(body.drain(from..to)),
            1 => body.insert(from, random.next().to_le_bytes()[0]),
            2 if from < body.len() => body[from] = random.next().to_le_bytes()[0],
            // What is there once comes twice, or many times.
            3 => {
                let piece = body[from..to].repeat(random.pick(&[1, 2, 50]));
                body.splice(from..from, piece);
            }
            4 => {
                let odd = [
                    "&#0;",
                    "&x;",
                    "<!DOCTYPE a>",
                    "]]>",
                    "<![CDATA[",
                    "-1",
                    "99999999999999999999",
                    "\u{feff}",
                    "{",
                    "\"",
                ];
                drop(body.splice(from..from, random.pick(&odd).bytes()));
            }
            5 => {
                let names: Vec<_> = damaged.headers().keys().cloned().collect();
                let name = random.pick(&names.iter().collect::<Vec<_>>());
                let odd: &[&[u8]] = &[b"", b"-1", b"99999999999999999999", b"\xff\xfe", b"a, b", b"\"", b"null", b"0"];
                let value = header::HeaderValue::from_bytes(random.pick(odd));
                damaged.headers_mut().insert(name, value.expect("a value"));
            }
            6 => {
                let names: Vec<_> = damaged.headers().keys().cloned().collect();
                damaged.headers_mut().remove(random.pick(&names.iter().collect::<Vec<_>>()));
            }
            _ => {
                let status = random.pick(&[200, 204, 206, 304, 301, 400, 403, 404, 409, 500, 503]);
                *damaged.status_mut() = StatusCode::from_u16(status).expect("a status");
            }
        }
        *damaged.body_mut() = body.into();
        if damaged.headers().is_empty() {
            break;
        }
    }
    damaged
}
