//! Transfers: their parts, the requests of those, what happens to them, and no secret.

use std::time::Duration;

use cos_emulator::{Action, Effect, Emulator, Matcher, Rule};
use tencent_cos::transfer::{Download, DownloadDirectory, LargeCopy, Upload, UploadDirectory, UploadSource};
use tencent_cos::{Attributes, Bucket, ObjectKey, Overrides, UploadPart};

use super::capture::{Trace, Tree};
use crate::support::{self, noise, session, until};

const MIB: usize = 1 << 20;
const PART: &str = "Upload Part";
const INITIATE: &str = "Initiate Multipart Upload";
const COMPLETE: &str = "Complete Multipart Upload";
const HEADER_SECRET: &str = "PLANTEDheaderVALUE";
const QUERY_SECRET: &str = "PLANTEDqueryVALUE";

fn key(text: &str) -> ObjectKey {
    text.parse().expect("a key")
}

fn upload(name: &str, parts: usize) -> Upload {
    Upload::new(key(name), noise(parts * MIB, 1)).part_size(MIB as u64)
}

/// The bucket with a temporary key, and a header and a parameter that nobody else shall see.
fn secretive(emulator: &Emulator) -> Bucket {
    let keys = session(&emulator.mint(Duration::from_secs(3600)));
    let client = support::client(emulator).credentials(keys).build().unwrap();
    let overrides = Overrides::new().header("x-cos-meta-secret", HEADER_SECRET).unwrap().query("secret", QUERY_SECRET);
    client.bucket(emulator.bucket()).unwrap().with(overrides)
}

/// One transfer of so many parts with an end, an operation for every request, and an event for every attempt, as the
/// emulator counts them.
#[track_caller]
fn is_whole(tree: &Tree, emulator: &Emulator, name: &str, key: &str, parts: u64) -> usize {
    let (place, transfer) = tree.only("cos.transfer");
    assert_eq!(transfer.text("otel.name"), Some(name));
    assert_eq!(transfer.text("cos.target"), Some(&*format!("{}/{key}", emulator.bucket())));
    assert_eq!((transfer.number("cos.parts"), transfer.text("error.type")), (parts, None));
    let spans = tree.named("cos.part");
    let mut numbers: Vec<_> = spans.iter().map(|(_, part)| part.number("cos.part_number")).collect();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(1..=parts), "{spans:#?}");
    assert!(spans.iter().all(|(_, part)| part.within == Some(place)), "{spans:#?}");
    let length: u64 = spans.iter().map(|(_, part)| part.number("cos.length")).sum();
    assert_eq!(transfer.number("cos.bytes"), length);
    let mut seen: Vec<_> = emulator.journal().into_iter().map(|record| record.operation).collect();
    seen.sort();
    assert_eq!(tree.attempts(), seen);
    assert!(tree.spans.iter().all(|span| span.over), "{:#?}", tree.spans);
    place
}

/// What it tells of what requests were signed with, asked by, or described with.
fn told_secrets(tree: &Tree, emulator: &Emulator) -> Vec<String> {
    let mut secrets = vec![emulator.secret_id().to_owned(), emulator.secret_key().to_owned()];
    secrets.extend(["q-sign", "authorization", "PLANTED", "?"].map(str::to_owned));
    for record in emulator.journal() {
        secrets.extend(record.key_id);
        let query = record.target.split_once('?').map_or("", |(_, query)| query);
        secrets.extend(query.split('&').filter(|pair| pair.contains('=')).map(str::to_owned));
        secrets.extend(record.query.into_iter().map(|(_, value)| value).filter(|value| value.len() > 4));
        for (name, value) in &record.headers {
            // The length and the host are told.
            if !matches!(name.as_str(), "content-length" | "host" | "connection" | "accept" | "x-cos-sdk-retry") {
                secrets.push(value.to_str().expect("text").to_owned());
            }
        }
    }
    assert!(secrets.len() > 30 && secrets.iter().all(|secret| !secret.is_empty()), "{secrets:?}");
    let text = tree.text();
    secrets.retain(|secret| text.contains(secret));
    secrets
}

#[tokio::test]
async fn an_upload_is_a_span_with_its_parts_in_it_and_an_event_for_each_request() {
    let emulator = support::emulator().await;
    let bucket = secretive(&emulator);
    emulator.script(Rule::on(INITIATE).then(Action::status(503, "SlowDown")));
    emulator.script(Rule::on(PART).skip(1).times(2).then(Action::status(503, "SlowDown")));
    emulator.script(Rule::on(PART).skip(2).then(Action::ResetBeforeHeaders));
    emulator.script(Rule::on(COMPLETE).then(Action::status(503, "ServiceUnavailable")));
    let trace = Trace::start();
    let attributes = Attributes::new().content_type("text/x-planted").meta("who", "PLANTEDperson");
    bucket.transfer(upload("k", 5).attributes(attributes).concurrency(2)).await.unwrap();
    let tree = trace.tree();

    let place = is_whole(&tree, &emulator, "upload", "k", 5);
    assert_eq!(tree.operations_in(place), [INITIATE, COMPLETE]);
    for (place, part) in tree.named("cos.part") {
        assert_eq!(tree.operations_in(place), [PART]);
        let (offset, length) = (part.number("cos.offset"), part.number("cos.length"));
        assert_eq!((offset / length + 1, length), (part.number("cos.part_number"), MIB as u64));
    }
    assert_eq!(tree.events("attempt failed").len(), 5);
    let failed = tree.events("attempt failed");
    let lost: Vec<_> = failed.iter().filter(|it| it.text("http.response.status_code").is_none()).collect();
    assert_eq!(lost.len(), 1);
    assert_eq!(lost[0].text("error.type"), Some("Transport"));
    assert_eq!(told_secrets(&tree, &emulator), [""; 0]);
    assert!(!tree.text().contains("x-cos"));
}

#[tokio::test]
async fn a_stream_that_flows_by_tells_its_parts_and_which_were_lost() {
    let emulator = support::emulator().await;
    let bucket = support::bucket(&emulator);
    let job = |name: &str| {
        let source = UploadSource::reader(None, std::io::Cursor::new(noise(3 * MIB, 9)));
        bucket.transfer(Upload::new(key(name), source).part_size(MIB as u64))
    };
    let trace = Trace::start();
    job("k").await.unwrap();
    let tree = trace.tree();
    is_whole(&tree, &emulator, "upload", "k", 3);
    let offsets: Vec<_> = tree.named("cos.part").iter().map(|(_, part)| part.number("cos.offset")).collect();
    assert_eq!(offsets, [0, 1, 2].map(|part| part * MIB as u64));
    assert!(tree.events("parts lost").is_empty());

    // Somebody puts other bytes in the place of a part just before the end.
    drop(trace);
    let trace = Trace::start();
    emulator.clear_journal();
    emulator.script(Rule::on(COMPLETE).then(Action::Delay(Duration::from_millis(500))));
    let lose = async {
        until("it is completed", || emulator.count(COMPLETE) > 0).await;
        let id = emulator.uploads(emulator.bucket()).pop().unwrap().upload_id;
        bucket.send(UploadPart::new(key("lost"), id, 2, noise(MIB, 10))).await.unwrap();
    };
    let (outcome, ()) = tokio::join!(job("lost"), lose);
    outcome.unwrap_err();
    let tree = trace.tree();
    assert_eq!(tree.events("parts lost")[0].within, Some(tree.only("cos.transfer").0));
}

#[tokio::test]
async fn a_search_finds_what_is_there() {
    let emulator = support::emulator().await;
    let trace = Trace::start();
    secretive(&emulator).transfer(upload("k", 2)).await.unwrap();
    let whole = trace.tree();
    let authorization = emulator.journal()[0].headers["authorization"].to_str().unwrap().to_owned();
    let upload_id = emulator.journal()[1].query.iter().find(|(name, _)| name == "uploadId").unwrap().1.clone();
    for leak in [emulator.secret_key(), HEADER_SECRET, &upload_id, &authorization, "partNumber=1"] {
        let mut tree = whole.clone();
        tree.events[0].fields.insert("leak", format!("some {leak} text"));
        assert_ne!(told_secrets(&tree, &emulator), [""; 0], "{leak}");
    }
}

#[tokio::test]
async fn a_download_is_a_span_with_its_ranges_in_it_and_tells_where_it_read_on() {
    let emulator = support::emulator().await;
    emulator.put_object(emulator.bucket(), "k", noise(4 * MIB, 2));
    let bucket = secretive(&emulator);
    let directory = tempfile::tempdir().unwrap();
    emulator.script(Rule::on("GET Object").skip(1).then(Action::CutBody { at: 300_000 }));
    emulator.script(Rule::on("GET Object").skip(2).then(Action::status(500, "InternalError")));
    let trace = Trace::start();
    let download = Download::new(key("k")).part_size(MIB as u64).concurrency(2);
    bucket.transfer(download.to_path(directory.path().join("k"))).await.unwrap();
    let tree = trace.tree();

    let place = is_whole(&tree, &emulator, "download", "k", 4);
    // The first request tells what there is to download; its body is the first part.
    assert_eq!(tree.operations_in(place), ["GET Object"]);
    let read_on = tree.events("body read on");
    assert_eq!(read_on.len(), 1);
    let (cut, part) = tree.named("cos.part").into_iter().find(|(place, _)| read_on[0].within == Some(*place)).unwrap();
    assert_eq!(read_on[0].number("cos.offset"), part.number("cos.offset") + 300_000);
    assert_eq!(tree.operations_in(cut), ["GET Object"; 2]);
    assert_eq!(tree.events("attempt failed").len(), 1);
    assert_eq!(told_secrets(&tree, &emulator), [""; 0]);
}

#[tokio::test]
async fn the_span_of_a_stream_lasts_as_long_as_the_stream() {
    let emulator = support::emulator().await;
    emulator.put_object(emulator.bucket(), "k", noise(5 * MIB, 3));
    emulator.script(Rule::on("GET Object").then(Action::CutBody { at: 300_000 }));
    let trace = Trace::start();
    let download = Download::new(key("k")).part_size(MIB as u64).concurrency(2).to_stream();
    let object = support::bucket(&emulator).transfer(download).await.unwrap();
    assert!(!trace.tree().only("cos.transfer").1.over);
    object.body.bytes(5 * MIB).await.unwrap();
    let tree = trace.tree();
    is_whole(&tree, &emulator, "download", "k", 5);
    let first = tree.named("cos.part")[0].0;
    assert_eq!(tree.events("body read on")[0].within, Some(first));

    // A writer gets the same, within the future.
    drop(trace);
    let trace = Trace::start();
    emulator.clear_journal();
    let download = Download::new(key("k")).part_size(MIB as u64).to_writer(tokio::io::sink());
    support::bucket(&emulator).transfer(download).await.unwrap();
    is_whole(&trace.tree(), &emulator, "download", "k", 5);
}

#[tokio::test]
async fn a_copy_is_a_span_with_its_parts_in_it() {
    let emulator = support::emulator().await;
    emulator.put_object(emulator.bucket(), "from", noise(3 * MIB, 4));
    let bucket = secretive(&emulator);
    emulator.script(Rule::on("Upload Part - Copy").skip(1).then(Action::status(500, "InternalError")));
    let trace = Trace::start();
    bucket.transfer(LargeCopy::new(key("from"), key("to")).part_size(MIB as u64)).await.unwrap();
    let tree = trace.tree();
    let place = is_whole(&tree, &emulator, "copy", "to", 3);
    assert_eq!(tree.operations_in(place), ["HEAD Object", "GET Object tagging", INITIATE, COMPLETE]);
    assert!(tree.named("cos.part").iter().all(|(place, _)| tree.operations_in(*place) == ["Upload Part - Copy"]));
    assert_eq!(told_secrets(&tree, &emulator), [""; 0]);
}

#[tokio::test]
async fn the_files_of_a_directory_are_transfers_within_its_own() {
    let emulator = support::emulator().await;
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("a"), "a").unwrap();
    std::fs::write(root.path().join("large"), noise(2 * MIB, 5)).unwrap();
    let trace = Trace::start();
    let each = |_: &_, upload: Upload| upload.part_size(MIB as u64);
    let report =
        support::bucket(&emulator).transfer(UploadDirectory::new(root.path(), "up/").each(each)).await.unwrap();
    assert!(report.is_complete());
    let tree = trace.tree();
    let transfers = tree.named("cos.transfer");
    let (place, directory) = transfers[0];
    assert_eq!(directory.text("otel.name"), Some("upload directory"));
    assert_eq!(directory.text("cos.target"), Some(&*format!("{}/up/", emulator.bucket())));
    assert_eq!((directory.number("cos.bytes"), directory.number("cos.parts")), (2 * MIB as u64 + 1, 2));
    assert!(transfers[1..].iter().all(|(_, file)| file.within == Some(place)));
    let mut files: Vec<_> = transfers[1..].iter().map(|(place, _)| tree.operations_in(*place)).collect();
    files.sort();
    assert_eq!(files, [vec![INITIATE, COMPLETE], vec!["PUT Object"]]);

    drop(trace);
    let trace = Trace::start();
    let report =
        support::bucket(&emulator).transfer(DownloadDirectory::new("up/", root.path().join("down"))).await.unwrap();
    assert!(report.is_complete());
    let mut targets: Vec<_> =
        trace.tree().named("cos.transfer").iter().map(|(_, it)| it.fields["cos.target"].clone()).collect();
    targets.sort();
    assert_eq!(targets, ["up/", "up/a", "up/large"].map(|key| format!("{}/{key}", emulator.bucket())));
}

#[tokio::test]
async fn who_pauses_gives_up_and_goes_on_is_told() {
    let emulator = support::emulator().await;
    let bucket = support::bucket(&emulator);
    let directory = tempfile::tempdir().unwrap();
    let source = directory.path().join("source");
    std::fs::write(&source, noise(4 * MIB, 6)).unwrap();
    let job = || Upload::new(key("k"), source.as_path()).part_size(MIB as u64).concurrency(1);
    let trace = Trace::start();
    let transfer = bucket.transfer(job());
    let handle = transfer.handle();
    handle.pause();
    let going_on = async {
        until("it pauses", || !trace.tree().events("paused").is_empty()).await;
        handle.resume();
        until("a part is there", || emulator.count(PART) > 0).await;
        handle.cancel();
    };
    let (outcome, ()) = futures_util::future::join(transfer, going_on).await;
    outcome.unwrap_err();
    let tree = trace.tree();
    let (place, span) = tree.only("cos.transfer");
    assert_eq!(span.text("error.type"), Some("Cancelled"));
    for event in ["paused", "resumed"] {
        let told: Vec<_> = tree.events(event).iter().map(|event| event.within).collect();
        assert_eq!(told, [Some(place)], "{event}");
    }
    let abort = "Abort Multipart Upload";
    assert!(tree.operations_in(place).contains(&abort));

    // Dropped, it is given up within its span as well.
    drop(trace);
    let trace = Trace::start();
    emulator.clear_journal();
    emulator.script(Rule::on(PART).always().then(Action::StallBeforeHeaders(Duration::from_secs(60))));
    let under_way = tokio::spawn(bucket.transfer(job()).into_future());
    until("a part is under way", || emulator.count(PART) > 0).await;
    under_way.abort();
    until("it is given up", || emulator.count(abort) > 0).await;
    let tree = trace.tree();
    assert!(tree.operations_in(tree.only("cos.transfer").0).contains(&abort));
}

#[tokio::test]
async fn an_upload_tells_what_an_earlier_run_did_and_what_was_found_out() {
    let emulator = support::emulator().await;
    let bucket = support::bucket(&emulator);
    let directory = tempfile::tempdir().unwrap();
    let source = directory.path().join("source");
    std::fs::write(&source, noise(4 * MIB, 7)).unwrap();
    let checkpoints = directory.path().join("state");
    let job = || {
        let job = Upload::new(key("k"), source.as_path()).part_size(MIB as u64).concurrency(1);
        bucket.transfer(job.checkpoint(&checkpoints))
    };
    emulator.script(Rule::on(PART).skip(2).then(Action::status(403, "AccessDenied")));
    job().await.unwrap_err();
    emulator.clear_script();
    emulator.script(Rule::on(COMPLETE).then(Action::ResetBeforeHeaders).effect(Effect::Apply));
    let trace = Trace::start();
    assert!(job().await.unwrap().reconciled);
    let tree = trace.tree();
    let (place, span) = tree.only("cos.transfer");
    assert_eq!((span.number("cos.resumed_parts"), span.number("cos.parts")), (2, 4));
    assert_eq!(tree.named("cos.part").len(), 2);
    assert_eq!(tree.events("reconciled")[0].within, Some(place));
}

#[tokio::test]
async fn a_download_that_came_wrong_begins_anew() {
    let emulator = support::emulator().await;
    emulator.put_object(emulator.bucket(), "k", noise(2 * MIB, 8));
    emulator.script(Rule::on(Matcher::operation("GET Object")).then(Action::CorruptByte { at: 7 }));
    let directory = tempfile::tempdir().unwrap();
    let trace = Trace::start();
    let download = Download::new(key("k")).part_size(MIB as u64).to_path(directory.path().join("k"));
    support::bucket(&emulator).transfer(download).await.unwrap();
    let tree = trace.tree();
    assert_eq!(tree.events("begun anew")[0].within, Some(tree.only("cos.transfer").0));
    assert_eq!(tree.named("cos.part").len(), 4);
}
