//! Fault scripts without a socket, under a clock that stands still.

use std::time::Duration;

use bytes::Bytes;
use cos_emulator::{Action, Effect, Emulator, Injected, Matcher, Rule};
use tokio::time::Instant;

use crate::client::Ask;

fn emulator() -> Emulator {
    let emulator = Emulator::builder().in_memory().unwrap();
    emulator.put_object("examplebucket-1250000000", "k", "0123456789");
    emulator
}

#[tokio::test]
async fn a_status_replaces_the_answer_and_the_request_does_nothing() {
    let emulator = emulator();
    let slow = Action::Status {
        status: 503,
        code: "SlowDown".to_owned(),
        message: "Please reduce your request rate.".to_owned(),
        retry_after: Some("7".to_owned()),
        request_id: false,
    };
    emulator.script(Rule::on("PUT Object").then(slow));
    let put = Ask::new(&emulator, "PUT", "/new").body("x");
    let answer = put.send(&emulator).await;
    assert_eq!((answer.verdict().as_str(), answer.header("retry-after")), ("503 SlowDown", "7"));
    assert!(!answer.headers.contains_key("x-cos-request-id"));
    assert!(emulator.object(emulator.bucket(), "new").is_none());
    assert_eq!(put.send(&emulator).await.verdict(), "200");
    let journal = emulator.journal();
    assert_eq!((journal[0].faulted, journal[1].faulted), (true, false));
    assert_eq!((journal[0].code.as_deref(), journal[0].bytes_in), (Some("SlowDown"), 1));
    assert_eq!(journal[0].key_id.as_deref(), Some(emulator.secret_id()));
    assert_eq!(journal[0].signature_error, None);
}

#[tokio::test]
async fn a_lost_answer_may_leave_its_effect() {
    let emulator = emulator();
    let matcher = || Matcher::operation("PUT Object").prefix("lost/");
    emulator.script(Rule::on(matcher()).then(Action::ResetBeforeHeaders).effect(Effect::Apply));
    emulator.script(Rule::on(matcher()).then(Action::ResetBeforeHeaders));
    let put = |key| Ask::new(&emulator, "PUT", key).body("x");
    assert_eq!(put("/lost/1").try_send(&emulator).await.unwrap_err(), Injected::ResetBeforeHeaders);
    assert_eq!(put("/lost/2").try_send(&emulator).await.unwrap_err(), Injected::ResetBeforeHeaders);
    assert_eq!(put("/lost/3").send(&emulator).await.verdict(), "200");
    assert!(emulator.object(emulator.bucket(), "lost/1").is_some());
    assert!(emulator.object(emulator.bucket(), "lost/2").is_none());
    assert_eq!(emulator.journal()[0].status, None);
}

#[tokio::test]
async fn bodies_break_where_they_are_told_to() {
    let emulator = emulator();
    let get = Ask::new(&emulator, "GET", "/k");
    emulator.script(Rule::on("GET Object").then(Action::CutBody { at: 4 }));
    emulator.script(Rule::on("GET Object").then(Action::ResetAfterHeaders));
    emulator.script(Rule::on("GET Object").then(Action::CutBody { at: 10 }));
    assert_eq!(get.try_send(&emulator).await.unwrap_err(), Injected::Cut);
    assert_eq!(get.try_send(&emulator).await.unwrap_err(), Injected::Reset);
    assert_eq!(get.send(&emulator).await.text(), "0123456789");
    let sent: Vec<u64> = emulator.journal().iter().map(|record| record.bytes_out).collect();
    assert_eq!(sent, [4, 0, 10]);
}

#[tokio::test]
async fn headers_and_bytes_can_lie() {
    let emulator = emulator();
    let get = Ask::new(&emulator, "GET", "/k");
    let real = get.send(&emulator).await.header("x-cos-hash-crc64ecma").parse::<u64>().unwrap();
    emulator.script(Rule::on("GET Object").then(Action::WrongCrc));
    emulator.script(Rule::on("GET Object").then(Action::NoCrc).then(Action::NoRequestId));
    emulator.script(Rule::on("GET Object").then(Action::CorruptByte { at: 3 }));
    let wrong = get.send(&emulator).await;
    assert_eq!(wrong.header("x-cos-hash-crc64ecma"), (real + 1).to_string());
    let none = get.send(&emulator).await;
    assert!(!none.headers.contains_key("x-cos-hash-crc64ecma") && !none.headers.contains_key("x-cos-request-id"));
    assert_eq!(none.text(), "0123456789");
    assert_eq!(get.send(&emulator).await.text(), "0122456789");

    emulator.script(Rule::on("PUT Object").then(Action::CorruptByte { at: 0 }));
    let put = Ask::new(&emulator, "PUT", "/k").body("a").send(&emulator).await;
    assert_eq!(put.verdict(), "200");
    assert_eq!(emulator.object(emulator.bucket(), "k").unwrap().bytes(), "`");
}

#[tokio::test]
async fn answers_can_come_from_elsewhere_or_hold_anything() {
    let emulator = emulator();
    let portal = Action::Foreign {
        status: 302,
        headers: vec![("Location".to_owned(), "http://portal.example/".to_owned())],
        body: Bytes::from_static(b"<html>"),
    };
    emulator.script(Rule::on("GET Object").then(portal));
    let garbage =
        Action::RawBody { status: 200, headers: vec![("x-a".to_owned(), "b".to_owned())], body: "<Er".into() };
    emulator.script(Rule::on("GET Bucket").then(garbage));
    emulator.script(Rule::on("GET Bucket").then(Action::status(200, "InternalError")));
    let foreign = Ask::new(&emulator, "GET", "/k").send(&emulator).await;
    assert_eq!((foreign.status.as_u16(), foreign.text()), (302, "<html>"));
    let names: Vec<&str> = foreign.headers.keys().map(http::HeaderName::as_str).collect();
    assert_eq!(names, ["location", "content-length"]);
    let list = Ask::new(&emulator, "GET", "/");
    let raw = list.send(&emulator).await;
    assert_eq!((raw.text(), raw.header("x-a"), raw.header("x-cos-request-id").is_empty()), ("<Er", "b", false));
    assert_eq!(list.send(&emulator).await.verdict(), "200 InternalError");
}

#[tokio::test(start_paused = true)]
async fn waiting_costs_no_time_when_the_clock_is_paused() {
    let emulator = emulator();
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    emulator.script(Rule::on("GET Object").then(Action::Delay(minutes(1))));
    emulator.script(Rule::on("GET Object").then(Action::StallBeforeHeaders(minutes(2))));
    emulator.script(Rule::on("GET Object").then(Action::StallBody { at: 5, lasting: minutes(3) }));
    emulator.script(Rule::on("GET Object").then(Action::SlowBody { bytes_per_second: 1 }));
    for seconds in [60, 120, 180, 10] {
        let start = Instant::now();
        assert_eq!(Ask::new(&emulator, "GET", "/k").send(&emulator).await.text(), "0123456789");
        let took = start.elapsed();
        assert!(took.abs_diff(Duration::from_secs(seconds)) < Duration::from_secs(2), "{took:?} not {seconds}");
    }
    emulator.script(Rule::on("PUT Object").then(Action::ReadRate(1000)));
    let start = Instant::now();
    Ask::new(&emulator, "PUT", "/slow").body(vec![0; 30_000]).send(&emulator).await;
    assert_eq!(start.elapsed().as_secs(), 30);
    emulator.script(Rule::on("PUT Object").then(Action::StopReading { after_bytes: 0 }));
    let put = Ask::new(&emulator, "PUT", "/never").body("x");
    tokio::time::timeout(minutes(60), put.send(&emulator)).await.unwrap_err();
}

#[tokio::test]
async fn rules_match_by_header_and_query_and_can_be_cleared() {
    let emulator = emulator();
    let matcher = Matcher::operation("GET Object").header_value("range", "bytes=5-").query("x-a");
    emulator.script(Rule::on(matcher).always().then(Action::status(500, "InternalError")));
    let get = Ask::new(&emulator, "GET", "/k").query("x-a", "1");
    assert_eq!(get.send(&emulator).await.verdict(), "200");
    let ranged = get.header("range", "bytes=5-");
    assert_eq!(ranged.send(&emulator).await.verdict(), "500 InternalError");
    assert_eq!(ranged.send(&emulator).await.verdict(), "500 InternalError");
    emulator.clear_script();
    assert_eq!(ranged.send(&emulator).await.verdict(), "206");
}

#[tokio::test]
async fn the_journal_has_every_request_and_can_be_bounded() {
    let emulator = Emulator::builder().journal_limit(2).in_memory().unwrap();
    for key in ["/a", "/b", "/c%20d"] {
        let put = Ask::new(&emulator, "PUT", key).query("x", "1 2").header("x-cos-meta-q", "v").body("abc");
        put.send(&emulator).await;
    }
    let journal = emulator.journal();
    assert_eq!((journal.len(), journal[0].number, journal[1].number), (2, 1, 2));
    let last = &journal[1];
    assert_eq!((last.method.as_str(), last.target.as_str()), ("PUT", "/c%20d?x=1%202"));
    assert_eq!((last.path.as_str(), last.query.as_slice()), ("/c d", &[("x".to_owned(), "1 2".to_owned())][..]));
    assert_eq!((last.bucket.as_deref(), last.key.as_deref()), (Some(emulator.bucket()), Some("c d")));
    assert_eq!((last.operation.as_str(), last.status, last.bytes_in), ("PUT Object", Some(200), 3));
    assert_eq!((last.headers["x-cos-meta-q"].as_bytes(), last.connection), (b"v".as_slice(), 0));
    emulator.clear_journal();
    assert!(emulator.journal().is_empty());
    let silent = Emulator::builder().journal(false).in_memory().unwrap();
    Ask::new(&silent, "PUT", "/a").send(&silent).await;
    assert!(silent.journal().is_empty());
}
