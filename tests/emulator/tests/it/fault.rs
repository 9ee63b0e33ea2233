//! Fault scripts without a socket, under a clock that stands still.

use std::time::Duration;

use bytes::Bytes;
use cos_emulator::{Action, Effect, Emulator, Ending, Injected, Matcher, Rule, Spaces};
use tokio::time::Instant;

use crate::client::{Ask, HOST, list_of};
use crate::{cors, domain, encryption, inventory, lifecycle, origin, referer, tagging, tiering, website};

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

/// A copy of `k` to `copy`.
fn copy(emulator: &Emulator) -> Ask {
    Ask::new(emulator, "PUT", "/copy").header("x-cos-copy-source", format!("{HOST}/k"))
}

fn spaces(place: Spaces, count: u64, then: Ending) -> Rule {
    let every = Duration::from_millis(1);
    Rule::on("PUT Object - Copy").then(Action::KeepAliveSpaces { place, count, every, then })
}

const DECLARATION: &str = "<?xml version='1.0' encoding='utf-8' ?>\n";

#[tokio::test]
async fn spaces_come_before_the_result_or_an_error() {
    let emulator = emulator();
    let plain = copy(&emulator).send(&emulator).await;
    let document = plain.text().strip_prefix(DECLARATION).unwrap();
    for (place, wanted) in [
        (Spaces::AfterDeclaration, format!("{DECLARATION}   {document}")),
        (Spaces::WithoutDeclaration, format!("   {document}")),
        (Spaces::BeforeDeclaration, format!("   {DECLARATION}{document}")),
    ] {
        emulator.script(spaces(place, 3, Ending::Result));
        let answer = copy(&emulator).send(&emulator).await;
        let same_time = |text: &str| text.split("<LastModified>").next().unwrap_or_default().to_owned();
        assert_eq!((answer.verdict().as_str(), same_time(answer.text())), ("200", same_time(&wanted)), "{place:?}");
        assert!(!answer.headers.contains_key("content-length") && answer.headers.contains_key("x-cos-request-id"));
    }
    let missing = Ask::new(&emulator, "PUT", "/copy").header("x-cos-copy-source", format!("{HOST}/none"));
    emulator.script(spaces(Spaces::default(), 1, Ending::Result));
    assert_eq!(missing.send(&emulator).await.verdict(), "200 NoSuchKey");
    Ask::new(&emulator, "DELETE", "/copy").send(&emulator).await;

    let error = || Ending::Error { code: "InternalError".to_owned(), message: "Try again.".to_owned() };
    emulator.script(spaces(Spaces::default(), 2, error()));
    let failed = copy(&emulator).send(&emulator).await;
    assert_eq!((failed.verdict().as_str(), failed.element("Message")), ("200 InternalError", "Try again."));
    assert!(failed.text().starts_with(&format!("{DECLARATION}  <Error>")), "{}", failed.text());
    assert!(emulator.object(emulator.bucket(), "copy").is_none());
    emulator.script(spaces(Spaces::default(), 2, error()).effect(Effect::Apply));
    assert_eq!(copy(&emulator).send(&emulator).await.verdict(), "200 InternalError");
    assert!(emulator.object(emulator.bucket(), "copy").is_some());
    let last = emulator.journal().pop().unwrap();
    assert_eq!((last.status, last.code.as_deref()), (Some(200), Some("InternalError")));
}

#[tokio::test]
async fn spaces_may_be_all_there_is() {
    let emulator = emulator();
    emulator.script(spaces(Spaces::WithoutDeclaration, 4, Ending::Nothing));
    emulator.script(spaces(Spaces::WithoutDeclaration, 0, Ending::Nothing));
    emulator.script(spaces(Spaces::AfterDeclaration, 4, Ending::Close).effect(Effect::Apply));
    emulator.script(spaces(Spaces::AfterDeclaration, 4, Ending::Reset));
    assert_eq!(copy(&emulator).send(&emulator).await.text(), "    ");
    assert_eq!(copy(&emulator).send(&emulator).await.text(), "");
    assert!(emulator.object(emulator.bucket(), "copy").is_none());
    assert_eq!(copy(&emulator).try_send(&emulator).await.unwrap_err(), Injected::Cut);
    assert!(emulator.object(emulator.bucket(), "copy").is_some());
    assert_eq!(copy(&emulator).try_send(&emulator).await.unwrap_err(), Injected::Reset);
    let sent: Vec<u64> = emulator.journal().iter().map(|record| record.bytes_out).collect();
    assert_eq!(sent, [4, 0, 44, 44]);
}

#[tokio::test(start_paused = true)]
async fn spaces_take_their_time() {
    let emulator = emulator();
    let start = Instant::now();
    let nineteen_minutes = Action::spaces(19 * 6, Duration::from_secs(10), Ending::Result);
    emulator.script(Rule::on("PUT Object - Copy").then(nineteen_minutes));
    assert_eq!(copy(&emulator).send(&emulator).await.verdict(), "200");
    assert_eq!(start.elapsed().as_secs(), 19 * 60);
}

#[tokio::test]
async fn the_checksum_of_a_copy_stands_in_its_document() {
    let emulator = emulator();
    let real: u64 = copy(&emulator).send(&emulator).await.element("CRC64").parse().unwrap();
    emulator.script(Rule::on("PUT Object - Copy").then(Action::WrongCrc));
    emulator.script(Rule::on("PUT Object - Copy").then(Action::NoCrc));
    let every = Duration::from_millis(1);
    emulator.script(Rule::on("PUT Object - Copy").then(Action::spaces(1, every, Ending::Result)).then(Action::NoCrc));
    assert_eq!(copy(&emulator).send(&emulator).await.element("CRC64"), (real + 1).to_string());
    for _ in 0..2 {
        let none = copy(&emulator).send(&emulator).await;
        assert_eq!((none.verdict().as_str(), none.text().contains("CRC64")), ("200", false));
    }
}

#[tokio::test]
async fn every_operation_can_go_wrong() {
    let emulator = Emulator::builder().small_parts(true).in_memory().unwrap();
    emulator.put_object(emulator.bucket(), "k", "x");
    let start = Ask::new(&emulator, "POST", "/up").query("uploads", "").send(&emulator).await;
    let id = start.element("UploadId").to_owned();
    let ask = |method: &str, path: &str, names: &[(&str, &str)]| {
        names.iter().fold(Ask::new(&emulator, method, path), |ask, (name, value)| ask.query(name, value))
    };
    let part = ask("PUT", "/up", &[("partNumber", "1"), ("uploadId", &id)]);
    let certificate = [("domaincertificate", ""), ("domainname", "cos.cloud.tencent.com")];
    let enabled = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    for (name, ask) in [
        ("Initiate Multipart Upload", ask("POST", "/up", &[("uploads", "")])),
        ("Upload Part", part.clone().body("x")),
        ("Upload Part - Copy", part.header("x-cos-copy-source", format!("{HOST}/k"))),
        ("List Parts", ask("GET", "/up", &[("uploadId", &id)])),
        ("List Multipart Uploads", ask("GET", "/", &[("uploads", "")])),
        ("PUT Object - Copy", copy(&emulator)),
        ("APPEND Object", ask("POST", "/new", &[("append", ""), ("position", "0")]).body("x")),
        (
            "DELETE Multiple Objects",
            ask("POST", "/", &[("delete", "")]).body("<Delete><Object><Key>z</Key></Object></Delete>"),
        ),
        ("GET Bucket Object Versions", ask("GET", "/", &[("versions", "")])),
        ("PUT Bucket versioning", ask("PUT", "/", &[("versioning", "")]).body(enabled)),
        ("GET Bucket versioning", ask("GET", "/", &[("versioning", "")])),
        ("PUT Bucket cors", ask("PUT", "/", &[("cors", "")]).body(cors::DOCUMENT)),
        ("GET Bucket cors", ask("GET", "/", &[("cors", "")])),
        ("DELETE Bucket cors", ask("DELETE", "/", &[("cors", "")])),
        ("PUT Bucket lifecycle", ask("PUT", "/", &[("lifecycle", "")]).body(lifecycle::DOCUMENT)),
        ("GET Bucket lifecycle", ask("GET", "/", &[("lifecycle", "")])),
        ("DELETE Bucket lifecycle", ask("DELETE", "/", &[("lifecycle", "")])),
        ("PUT Bucket tagging", ask("PUT", "/", &[("tagging", "")]).body(tagging::DOCUMENT)),
        ("GET Bucket tagging", ask("GET", "/", &[("tagging", "")])),
        ("DELETE Bucket tagging", ask("DELETE", "/", &[("tagging", "")])),
        ("PUT Bucket encryption", ask("PUT", "/", &[("encryption", "")]).body(encryption::DOCUMENT)),
        ("GET Bucket encryption", ask("GET", "/", &[("encryption", "")])),
        ("DELETE Bucket encryption", ask("DELETE", "/", &[("encryption", "")])),
        ("PUT Bucket website", ask("PUT", "/", &[("website", "")]).body(website::DOCUMENT)),
        ("GET Bucket website", ask("GET", "/", &[("website", "")])),
        ("DELETE Bucket website", ask("DELETE", "/", &[("website", "")])),
        ("PUT Bucket referer", ask("PUT", "/", &[("referer", "")]).body(referer::DOCUMENT)),
        ("GET Bucket referer", ask("GET", "/", &[("referer", "")])),
        ("PUT Bucket inventory", ask("PUT", "/", &[("inventory", ""), ("id", "list1")]).body(inventory::DOCUMENT)),
        ("GET Bucket inventory", ask("GET", "/", &[("inventory", ""), ("id", "list1")])),
        ("List Bucket Inventory Configurations", ask("GET", "/", &[("inventory", "")])),
        ("DELETE Bucket inventory", ask("DELETE", "/", &[("inventory", ""), ("id", "list1")])),
        ("POST Bucket inventory", ask("POST", "/", &[("inventory", ""), ("id", "list1")]).body(inventory::once())),
        (
            "PUT Bucket IntelligentTiering",
            ask("PUT", "/", &[("intelligent-tiering", ""), ("id", "a")]).body(tiering::RULE),
        ),
        ("GET Bucket IntelligentTiering", ask("GET", "/", &[("intelligent-tiering", ""), ("id", "a")])),
        ("List Bucket IntelligentTiering Configurations", ask("GET", "/", &[("intelligent-tiering", "")])),
        ("DELETE Bucket IntelligentTiering", ask("DELETE", "/", &[("intelligent-tiering", ""), ("id", "a")])),
        ("PUT Bucket intelligenttiering", ask("PUT", "/", &[("intelligenttiering", "")]).body(tiering::FIRST)),
        ("GET Bucket intelligenttiering", ask("GET", "/", &[("intelligenttiering", "")])),
        ("PUT Bucket domain", ask("PUT", "/", &[("domain", "")]).body(domain::DOCUMENT)),
        ("GET Bucket domain", ask("GET", "/", &[("domain", "")])),
        (
            "PUT Bucket domaincertificate",
            ask("PUT", "/", &[("domaincertificate", "")]).body(domain::certificate_document("cos.cloud.tencent.com")),
        ),
        ("GET Bucket domaincertificate", ask("GET", "/", &certificate)),
        ("DELETE Bucket domaincertificate", ask("DELETE", "/", &certificate)),
        ("DELETE Bucket domain", ask("DELETE", "/", &[("domain", "")])),
        ("PUT Bucket Origin", ask("PUT", "/", &[("origin", "")]).body(origin::DOCUMENT)),
        ("GET Bucket Origin", ask("GET", "/", &[("origin", "")])),
        ("DELETE Bucket Origin", ask("DELETE", "/", &[("origin", "")])),
        ("GET Bucket location", ask("GET", "/", &[("location", "")])),
        (
            "Complete Multipart Upload",
            ask("POST", "/up", &[("uploadId", &id)]).body(list_of(&[(1, "9dd4e461268c8034f5c8564e155c67a6")])),
        ),
        ("Abort Multipart Upload", ask("DELETE", "/up", &[("uploadId", start.element("UploadId"))])),
    ] {
        emulator.script(Rule::on(name).then(Action::status(503, "SlowDown")));
        emulator.script(Rule::on(name).then(Action::status(200, "InternalError")));
        emulator.script(Rule::on(name).then(Action::ResetBeforeHeaders));
        let headers = vec![("Location".to_owned(), "http://elsewhere.example/".to_owned())];
        emulator.script(Rule::on(name).then(Action::Foreign { status: 307, headers, body: Bytes::new() }));
        emulator.script(Rule::on(name).then(Action::NoRequestId));
        assert_eq!(ask.send(&emulator).await.verdict(), "503 SlowDown", "{name}");
        assert_eq!(ask.send(&emulator).await.verdict(), "200 InternalError", "{name}");
        assert_eq!(ask.try_send(&emulator).await.unwrap_err(), Injected::ResetBeforeHeaders, "{name}");
        let moved = ask.send(&emulator).await;
        assert_eq!((moved.status.as_u16(), moved.header("location")), (307, "http://elsewhere.example/"), "{name}");
        let real = ask.send(&emulator).await;
        assert!(real.status.is_success() || name.starts_with("Abort"), "{name}: {}", real.text());
        assert!(!real.headers.contains_key("x-cos-request-id"), "{name}");
    }
    assert_eq!(emulator.object(emulator.bucket(), "up").unwrap().bytes(), "x");
}
