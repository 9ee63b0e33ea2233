//! Objects whose bodies break off and are read on.

use std::time::Duration;

use bytes::Bytes;
use cos_emulator::{Action, Emulator, Record, Rule};
use tencent_cos::{
    Bucket, Conditions, Crc64, Error, ErrorKind, GetObject, Integrity, Object, Overrides, PutBucketVersioning,
    Versioning,
};
use tokio::time::Instant;

use crate::support::{self, InMemory, Random, emulator, full, noise};

const MIB: usize = 1024 * 1024;

/// What came before the end, and the error if there was one.
async fn drain(object: Object) -> (Vec<u8>, Option<Error>) {
    let (mut body, mut bytes) = (object.body, Vec::new());
    while let Some(piece) = body.next().await {
        match piece {
            Ok(piece) => bytes.extend_from_slice(&piece),
            Err(error) => {
                assert!(body.next().await.is_none(), "an error is the last item");
                return (bytes, Some(error));
            }
        }
    }
    (bytes, None)
}

fn gets(emulator: &Emulator) -> Vec<Record> {
    emulator.journal().into_iter().filter(|record| record.operation == "GET Object").collect()
}

fn header<'a>(record: &'a Record, name: &str) -> Option<&'a str> {
    record.headers.get(name)?.to_str().ok()
}

/// The first byte a request asks for.
fn start(record: &Record) -> Option<u64> {
    header(record, "range")?.strip_prefix("bytes=")?.split('-').next()?.parse().ok()
}

fn cut(at: u64) -> Rule {
    Rule::on("GET Object").then(Action::CutBody { at })
}

/// F10: fifty breaks in one object of 64 MiB, or of 1 GiB with `COS_FULL`. Each time just what is missing is asked for.
#[tokio::test]
async fn fifty_breaks_cost_no_byte() {
    let seed = Random::seed();
    println!("COS_SEED={seed}");
    let mut random = Random(seed);
    let emulator = emulator().await;
    let whole = noise(if full() { 1024 * MIB } else { 64 * MIB }, seed);
    emulator.put_object(emulator.bucket(), "big", whole.clone());
    let etag = emulator.object(emulator.bucket(), "big").unwrap().etag().to_owned();
    let stretch = whole.len() as u64 / 52;
    for _ in 0..50 {
        // Not the same place each time, and each time enough to be progress.
        let at = stretch / 2 + random.below(stretch);
        let action = if random.below(2) == 0 { Action::CutBody { at } } else { Action::ResetBody { at } };
        emulator.script(Rule::on("GET Object").then(action));
    }
    let object = support::bucket(&emulator).get("big").await.unwrap();
    assert!(matches!(object.integrity, Integrity::Crc64(_)));
    let mut body = object.body;
    let (mut delivered, mut sends, mut crc64) = (0_usize, 1, Crc64::new());
    while let Some(piece) = body.next().await {
        let piece = piece.unwrap_or_else(|error| panic!("seed {seed}, {delivered}: {error:?}"));
        if emulator.accepted_connections() > sends {
            let records = gets(&emulator);
            assert_eq!(records.len() as u64, sends + 1, "seed {seed}");
            let latest = records.last().unwrap();
            assert_eq!(start(latest), Some(delivered as u64), "seed {seed}");
            assert_eq!(header(latest, "if-match"), Some(etag.as_str()));
            sends += 1;
        }
        assert_eq!(piece, whole.slice(delivered..delivered + piece.len()), "seed {seed}");
        delivered += piece.len();
        crc64.update(&piece);
    }
    assert_eq!((delivered, sends), (whole.len(), 51), "seed {seed}");
    assert_eq!(crc64.value(), Crc64::of(&whole));
}

/// F10, F19: wherever it breaks, whole, as a range or as an end, in memory and over sockets.
#[tokio::test]
async fn a_break_is_mended_wherever_it_is() {
    let sockets = emulator().await;
    let memory = InMemory::new();
    let whole = noise(200_000, 7);
    for (emulator, bucket) in [(&sockets, support::bucket(&sockets)), (&memory.emulator, memory.bucket())] {
        emulator.put_object(emulator.bucket(), "k", whole.clone());
        let get = || GetObject::new("k".parse().unwrap());
        for (get, first, end) in [
            (get(), 0, 200_000),
            (get().range(1000..150_000), 1000, 150_000),
            (get().last_bytes(150_000), 50_000, 200_000),
        ] {
            let expected = whole.slice(first..end);
            let length = expected.len() as u64;
            for at in [0, 1, 64 * 1024, length - 1] {
                for action in [Action::CutBody { at }, Action::ResetBody { at }] {
                    emulator.clear_journal();
                    emulator.script(Rule::on("GET Object").then(action.clone()));
                    let (bytes, error) = drain(bucket.send(get.clone()).await.unwrap()).await;
                    assert!(error.is_none() && expected == bytes, "{action:?}: {error:?}");
                    let records = gets(emulator);
                    assert_eq!(records.len(), 2, "{action:?}");
                    let range = header(&records[1], "range").unwrap();
                    assert!(range.ends_with(&format!("-{}", end - 1)), "{range}");
                    let (from, reach) = (start(&records[1]).unwrap(), first as u64 + at);
                    // A reset may take with it what was not read yet.
                    let exact = matches!(action, Action::CutBody { .. });
                    assert!(if exact { from == reach } else { from <= reach }, "{action:?}: {range}");
                    assert_eq!(header(&records[1], "x-cos-sdk-retry"), None, "the first of its own attempts");
                }
            }
        }
    }
}

/// F14: silence for 20 s is a break.
#[tokio::test(start_paused = true)]
async fn a_body_that_stands_still_is_read_on_elsewhere() {
    let mem = InMemory::new();
    let whole = noise(MIB, 1);
    mem.emulator.put_object(mem.emulator.bucket(), "k", whole.clone());
    for at in [0, 1, 700_000] {
        let stall = Action::StallBody { at, lasting: Duration::from_secs(3600) };
        mem.emulator.script(Rule::on("GET Object").then(stall));
        mem.emulator.clear_journal();
        let started = Instant::now();
        let (bytes, error) = drain(mem.bucket().get("k").await.unwrap()).await;
        assert!(error.is_none() && whole == bytes, "{error:?}");
        let took = started.elapsed();
        assert!((Duration::from_secs(20)..Duration::from_secs(21)).contains(&took), "{took:?}");
        assert_eq!(start(&gets(&mem.emulator)[1]), Some(at));
    }
}

/// F16: a reader may take its time also between a break and the rest.
#[tokio::test(start_paused = true)]
async fn a_slow_reader_is_not_late() {
    let mem = InMemory::new();
    let whole = noise(MIB, 2);
    mem.emulator.put_object(mem.emulator.bucket(), "k", whole.clone());
    mem.emulator.script(cut(300_000));
    let mut body = mem.bucket().get("k").await.unwrap().body;
    let mut bytes = Vec::new();
    while let Some(piece) = body.next().await {
        bytes.extend_from_slice(&piece.unwrap());
        tokio::time::sleep(Duration::from_secs(600)).await;
    }
    assert!(whole == bytes);
    assert_eq!(gets(&mem.emulator).len(), 2);
}

/// Where nothing comes, it is given up like any request, after waits.
#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_advance_is_given_up() {
    let mem = InMemory::new();
    mem.emulator.put_object(mem.emulator.bucket(), "dir/k", noise(100_000, 3));
    for (attempts, sends) in [(4, 4), (1, 1), (7, 7)] {
        mem.emulator.clear_script();
        mem.emulator.clear_journal();
        mem.emulator.script(cut(10).always());
        let bucket = mem.bucket().with(Overrides::new().max_attempts(attempts));
        let (bytes, error) = drain(bucket.get("dir/k").await.unwrap()).await;
        let error = error.unwrap();
        assert_eq!(bytes.len() as u64, 10 * sends);
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Transport, attempts), "{error}");
        assert_eq!(gets(&mem.emulator).len() as u64, sends);
        // An error says what was being read, and which answer broke off.
        assert_eq!(error.operation(), Some("GET Object"));
        assert_eq!(error.target(), Some(format!("{}/dir/k", mem.emulator.bucket()).as_str()));
        assert_eq!(error.request_id(), Some(gets(&mem.emulator).last().unwrap().request_id.as_str()));
        assert!(error.is_retryable() && !error.may_have_taken_effect());
    }
}

/// What advances is read on at once, however often it breaks; the rest waits, and ends with the budget of all requests.
#[tokio::test(start_paused = true)]
async fn only_what_does_not_advance_costs_time_and_budget() {
    let mem = InMemory::new();
    let whole = noise(60 * 70_000, 4);
    mem.emulator.put_object(mem.emulator.bucket(), "k", whole.clone());
    let bucket = mem.bucket().with(Overrides::new().max_attempts(5));
    for (at, comes, sends) in [(70_000, whole.len(), 60), (10, 50, 5)] {
        mem.emulator.clear_script();
        mem.emulator.clear_journal();
        mem.emulator.script(cut(at).always());
        let start = Instant::now();
        let (bytes, error) = drain(bucket.get("k").await.unwrap()).await;
        assert!(bytes == whole[..comes]);
        assert_eq!(gets(&mem.emulator).len(), sends);
        assert_eq!(error.is_some(), start.elapsed() > Duration::from_millis(50), "{:?}", start.elapsed());
    }
    // Others have used up the budget of the host.
    mem.emulator.script(Rule::on("HEAD Object").always().then(Action::status(503, "ServiceUnavailable")));
    let all = (0..20).map(|_| bucket.head("k"));
    assert!(futures_util::future::join_all(all).await.iter().all(Result::is_err));
    mem.emulator.clear_journal();
    let (bytes, error) = drain(bucket.get("k").await.unwrap()).await;
    let error = error.unwrap();
    assert!(error.advice().is_some_and(|advice| advice.contains("retry budget")), "{error:?}");
    assert!(bytes == whole[..10] && gets(&mem.emulator).len() == 1);
}

/// Whom the budget ends while it reads on is told so, and how often it was sent, each time counted once.
#[tokio::test(start_paused = true)]
async fn the_end_of_the_budget_is_told_where_a_body_is_read_on() {
    let mem = InMemory::new();
    mem.emulator.put_object(mem.emulator.bucket(), "k", noise(200_000, 11));
    let bucket = mem.bucket();
    mem.emulator.script(cut(10));
    mem.emulator.script(cut(10));
    mem.emulator.script(Rule::on("HEAD Object").always().then(Action::status(503, "ServiceUnavailable")));
    let mut body = bucket.get("k").await.unwrap().body;
    let mut came = 0;
    while came < 20 {
        came += body.next().await.unwrap().unwrap().len();
    }
    while bucket.head("k").await.unwrap_err().advice().is_none() {}
    let error = body.next().await.unwrap().unwrap_err();
    assert!(error.advice().unwrap_or_default().contains("retry budget"), "{error:#}");
    assert_eq!((gets(&mem.emulator).len(), error.attempts()), (2, 2), "{error:#}");
}

#[tokio::test]
async fn a_wrong_checksum_says_whose() {
    let emulator = emulator().await;
    emulator.put_object(emulator.bucket(), "k", "hello");
    emulator.script(Rule::on("GET Object").always().then(Action::CorruptByte { at: 1 }));
    let bucket = support::bucket(&emulator);
    let read = async { bucket.get("k").await?.bytes(10).await };
    let error = read.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity);
    assert_eq!(error.operation(), Some("GET Object"));
    assert_eq!(error.target(), Some(format!("{}/k", emulator.bucket()).as_str()));
    assert_eq!(error.request_id(), Some(gets(&emulator).last().unwrap().request_id.as_str()));
}

/// Reads to where the first answer breaks off, lets something happen, and reads on.
async fn broken(emulator: &Emulator, bucket: &Bucket, get: GetObject, then: impl FnOnce()) -> (Bytes, Option<Error>) {
    emulator.clear_journal();
    emulator.script(cut(100_000));
    let object = bucket.send(get).await.unwrap();
    then();
    let (bytes, error) = drain(object).await;
    (bytes.into(), error)
}

/// F51: another object is there by now.
#[tokio::test]
async fn what_was_replaced_meanwhile_is_not_mixed_in() {
    let emulator = emulator().await;
    let bucket = support::bucket(&emulator);
    let get = || GetObject::new("k".parse().unwrap());
    let old = noise(200_000, 4);
    for new in [noise(200_000, 5), noise(300_000, 5), noise(50_000, 5)] {
        emulator.put_object(emulator.bucket(), "k", old.clone());
        let replace = || emulator.put_object(emulator.bucket(), "k", new.clone());
        let (bytes, error) = broken(&emulator, &bucket, get(), replace).await;
        let error = error.unwrap();
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Changed, false), "{error:?}");
        assert_eq!(error.request_id(), Some(gets(&emulator)[1].request_id.as_str()));
        assert_eq!(bytes, old.slice(..100_000));
        assert_eq!(gets(&emulator).len(), 2);
    }
    // Where versions are kept, the one that was begun is read to its end.
    bucket.send(PutBucketVersioning::new(Versioning::Enabled)).await.unwrap();
    bucket.put("k", old.clone()).await.unwrap();
    let replace = || emulator.put_object(emulator.bucket(), "k", noise(10, 6));
    let (bytes, error) = broken(&emulator, &bucket, get(), replace).await;
    assert!(error.is_none() && bytes == old, "{error:?}");
}

/// F20: what else may come in answer to the request for the rest.
#[tokio::test]
async fn bytes_that_were_not_asked_for_are_never_handed_on() {
    let emulator = emulator().await;
    let bucket = support::bucket(&emulator);
    let whole = noise(200_000, 8);
    emulator.put_object(emulator.bucket(), "k", whole.clone());
    let etag = emulator.object(emulator.bucket(), "k").unwrap().etag().to_owned();
    let get = || GetObject::new("k".parse().unwrap());
    for (status, range, kind) in [
        (200, None, ErrorKind::Response),
        (206, None, ErrorKind::Response),
        (206, Some("bytes 0-199999/200000"), ErrorKind::Response),
        (206, Some("bytes 100001-199999/200000"), ErrorKind::Response),
        (206, Some("bytes 100000-199998/200000"), ErrorKind::Response),
        (206, Some("bytes 100000-199999/*"), ErrorKind::Response),
        (206, Some("bytes 100000-200000/200001"), ErrorKind::Changed),
    ] {
        let mut headers = vec![("ETag".to_owned(), etag.clone())];
        headers.extend(range.map(|range| ("Content-Range".to_owned(), range.to_owned())));
        let answer = Action::RawBody { status, headers, body: whole.slice(100_000..) };
        let rule = || emulator.script(Rule::on("GET Object").then(answer));
        let (bytes, error) = broken(&emulator, &bucket, get(), rule).await;
        let error = error.unwrap_or_else(|| panic!("{status} {range:?}"));
        assert_eq!(error.kind(), kind, "{status} {range:?}: {error:?}");
        assert_eq!(error.target(), Some(format!("{}/k", emulator.bucket()).as_str()));
        assert_eq!(bytes, whole.slice(..100_000));
    }
    // More than was announced goes nowhere: the connection ends with the length.
    let headers = vec![
        ("ETag".to_owned(), etag.clone()),
        ("Content-Range".to_owned(), "bytes 100000-199999/200000".to_owned()),
        ("Content-Length".to_owned(), "100000".to_owned()),
    ];
    let answer = Action::RawBody { status: 206, headers, body: whole.slice(100_000..) };
    let (bytes, error) =
        broken(&emulator, &bucket, get(), || emulator.script(Rule::on("GET Object").then(answer))).await;
    assert!(error.is_none() && bytes == whole);
}

/// What has no identity, is made on the way, or was asked for in words that the operation does not know, is not read on.
#[tokio::test]
async fn what_cannot_be_told_apart_ends_with_its_error() {
    let emulator = emulator().await;
    let bucket = support::bucket(&emulator);
    emulator.put_object(emulator.bucket(), "k", noise(200_000, 9));
    let answer = |etag: Option<&str>| {
        let mut headers =
            vec![("Content-Length".to_owned(), "200000".to_owned()), ("x-cos-version-id".to_owned(), "v".to_owned())];
        headers.extend(etag.map(|etag| ("ETag".to_owned(), etag.to_owned())));
        Rule::on("GET Object").then(Action::RawBody { status: 200, headers, body: noise(1000, 9) })
    };
    let get = || GetObject::new("k".parse().unwrap());
    let ranged = bucket.with(Overrides::new().header("range", "bytes=0-").unwrap());
    let version = bucket.with(Overrides::new().query("versionId", "v"));
    for (rule, bucket, get) in [
        (answer(None), &bucket, get()),
        (answer(Some("W/\"a\"")), &bucket, get()),
        (answer(Some("\"a\"")), &bucket, get().param("imageMogr2/thumbnail/!50p", "")),
        (answer(Some("\"a\"")), &ranged, get()),
        (answer(Some("\"a\"")), &version, get()),
    ] {
        emulator.clear_journal();
        emulator.script(rule);
        let (bytes, error) = drain(bucket.send(get).await.unwrap()).await;
        let error = error.unwrap();
        assert_eq!((error.kind(), bytes.len(), emulator.journal().len()), (ErrorKind::Transport, 1000, 1), "{error:?}");
        assert_eq!(error.operation(), Some("GET Object"));
        assert!(error.target().is_some() && error.request_id().is_some());
    }
}

/// The caller's own conditions hold for the rest as well.
#[tokio::test]
async fn conditions_go_with_the_rest() {
    let emulator = emulator().await;
    let bucket = support::bucket(&emulator);
    let whole = noise(200_000, 10);
    emulator.put_object(emulator.bucket(), "k", whole.clone());
    let get = GetObject::new("k".parse().unwrap()).conditions(Conditions::new().if_none_match("\"other\""));
    let (bytes, error) = broken(&emulator, &bucket, get, || {}).await;
    assert!(error.is_none() && bytes == whole);
    assert_eq!(header(&gets(&emulator)[1], "if-none-match"), Some("\"other\""));
}
