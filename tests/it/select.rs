//! SELECT: results over a connection, their checksums, and what goes wrong in them.

use std::time::Duration;

use cos_emulator::{Action, Emulator, Rule};
use tencent_cos::{
    CsvInput, CsvOutput, Error, ErrorKind, FileHeaderInfo, QuoteFields, SelectInput, SelectObjectContent, SelectOutput,
    Selection,
};
use tokio::io::AsyncBufReadExt as _;

use crate::support::{InMemory, bucket, count, emulator};

const LINES: usize = 40_000;

fn people() -> String {
    let lines = (0..LINES).map(|line| format!("name {line},{line}\n"));
    "who,age\n".to_owned() + &lines.collect::<String>()
}

fn select(expression: &str, output: SelectOutput) -> SelectObjectContent {
    let input = SelectInput::csv(CsvInput::new().file_header_info(FileHeaderInfo::Use));
    SelectObjectContent::new("people.csv".parse().unwrap(), expression, input, output)
}

async fn with_people() -> Emulator {
    let emulator = emulator().await;
    emulator.put_object(emulator.bucket(), "people.csv", people());
    emulator
}

async fn read(mut selection: Selection) -> (usize, Result<(), Error>) {
    let mut read = 0;
    while let Some(piece) = selection.records.next().await {
        match piece {
            Ok(piece) => read += piece.len(),
            Err(error) => return (read, Err(error)),
        }
    }
    (read, Ok(()))
}

#[tokio::test]
async fn records_are_read_line_by_line_and_counted_by_cos() {
    let emulator = with_people().await;
    let all = select("SELECT s.who FROM COSObject s WHERE s.age >= 10", SelectOutput::csv(CsvOutput::new()));
    let selection = bucket(&emulator).send(all.progress(true)).await.unwrap();
    let progress = selection.progress.clone();
    assert!(!selection.request_id().is_empty());
    let mut lines = selection.records.reader().lines();
    let (mut found, mut bytes) = (10, 0);
    while let Some(line) = lines.next_line().await.unwrap() {
        assert_eq!(line, format!("name {found}"));
        (found, bytes) = (found + 1, bytes + line.len() + 1);
    }
    assert_eq!(found, LINES);
    let stats = progress.stats().unwrap();
    assert_eq!(stats.bytes_returned, Some(bytes as u64));
    assert_eq!((stats.bytes_scanned, stats.bytes_processed), (Some(people().len() as u64), stats.bytes_scanned));
    assert_eq!(progress.latest(), Some(stats));
}

#[tokio::test]
async fn formats_are_as_asked() {
    let emulator = with_people().await;
    let bucket = bucket(&emulator);
    let line = |output| {
        let one = select("SELECT * FROM COSObject LIMIT 2", output);
        async { String::from_utf8(bucket.send(one).await.unwrap().bytes(1024).await.unwrap().to_vec()).unwrap() }
    };
    let csv = CsvOutput::new().quote_fields(QuoteFields::Always).field_delimiter('\t').record_delimiter("\r\n");
    assert_eq!(line(SelectOutput::csv(csv)).await, "\"name 0\"\t\"0\"\r\n\"name 1\"\t\"1\"\r\n");
    let json = "{\"who\":\"name 0\",\"age\":\"0\"}|{\"who\":\"name 1\",\"age\":\"1\"}|";
    assert_eq!(line(SelectOutput::json_delimited("|")).await, json);
    emulator.put_object(emulator.bucket(), "people.csv", "{\"a\":\n[1,\"夏\"]}");
    let document = SelectObjectContent::new(
        "people.csv".parse().unwrap(),
        "SELECT s.a FROM COSObject s",
        SelectInput::json_document(),
        SelectOutput::json(),
    );
    assert_eq!(bucket.send(document).await.unwrap().bytes(1024).await.unwrap(), "{\"a\":[1,\"夏\"]}\n");
}

#[tokio::test]
async fn what_cos_refuses_is_its_error() {
    let emulator = with_people().await;
    let wrong = select("SELECT * FROM COSObject GROUP BY who", SelectOutput::json());
    let error = bucket(&emulator).send(wrong).await.unwrap_err();
    assert_eq!((error.kind(), error.code(), error.status()), (ErrorKind::Service, Some("SQLParsingError"), Some(400)));
    assert_eq!(error.target(), Some("examplebucket-1250000000/people.csv"));

    // Found on the way, after a good part of the records.
    emulator.put_object(emulator.bucket(), "people.csv", people() + "\"");
    let all = select("SELECT * FROM COSObject", SelectOutput::json());
    let (read, outcome) = read(bucket(&emulator).send(all).await.unwrap()).await;
    let error = outcome.unwrap_err();
    assert_eq!((error.kind(), error.code(), error.status()), (ErrorKind::Service, Some("CSVParsingError"), Some(200)));
    assert!(read > 100_000 && error.request_id().is_some_and(|id| !id.is_empty()), "{read} {error:?}");
    assert_eq!(error.operation(), Some("SELECT Object Content"));
}

#[tokio::test]
async fn frames_that_are_wrong_cut_or_an_error_are_never_taken_for_all() {
    let emulator = with_people().await;
    let bucket = bucket(&emulator);
    let all = select("SELECT * FROM COSObject", SelectOutput::csv(CsvOutput::new()));
    let whole = read(bucket.send(all.clone()).await.unwrap()).await;
    assert!(whole.1.is_ok());
    let error = |code: &str| Action::ErrorFrame { after: 2, code: code.to_owned(), message: "Try again.".to_owned() };
    for (action, kind, least, retryable) in [
        (Action::WrongFrame { number: 0 }, ErrorKind::Integrity, 0, true),
        (Action::WrongFrame { number: 2 }, ErrorKind::Integrity, 1, true),
        (Action::CutBody { at: 70_000 }, ErrorKind::Transport, 1, true),
        (Action::ResetBody { at: 20 }, ErrorKind::Transport, 0, true),
        (error("InternalError"), ErrorKind::Service, 1, true),
        (error("Busy"), ErrorKind::Service, 1, true),
        (error("OverMaxRecordSize"), ErrorKind::Service, 1, false),
    ] {
        emulator.clear_journal();
        emulator.script(Rule::on("SELECT Object Content").then(action.clone()));
        let (read, outcome) = read(bucket.send(all.clone()).await.unwrap()).await;
        let error = outcome.unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (kind, retryable), "{action:?}: {error:?}");
        assert!((least..whole.0).contains(&read), "{action:?}: {read}");
        assert!(!error.may_have_taken_effect());
        assert_eq!(count(&emulator, "SELECT Object Content"), 1, "{action:?}");
    }
    // Before there is an answer, it is asked for again as anything that reads.
    emulator.script(Rule::on("SELECT Object Content").then(Action::ResetBeforeHeaders));
    emulator.script(Rule::on("SELECT Object Content").then(Action::status(400, "Busy")));
    assert_eq!(read(bucket.send(all).await.unwrap()).await.0, whole.0);
    assert_eq!(count(&emulator, "SELECT Object Content"), 4);
}

/// A query that finds little in much is kept alive by small frames, for as long as it takes.
#[tokio::test(start_paused = true)]
async fn results_may_come_as_slowly_as_they_like_but_not_stand_still() {
    let mem = InMemory::new();
    mem.emulator.put_object(mem.emulator.bucket(), "people.csv", people());
    let some = select("SELECT * FROM COSObject LIMIT 3000", SelectOutput::csv(CsvOutput::new()));
    let slow = Rule::on("SELECT Object Content").then(Action::SlowBody { bytes_per_second: 200 });
    mem.emulator.script(slow);
    let (length, outcome) = read(mem.bucket().send(some.clone()).await.unwrap()).await;
    outcome.unwrap();
    assert!(length > 40_000, "{length}");
    mem.emulator.script(
        Rule::on("SELECT Object Content").then(Action::StallBody { at: 30_000, lasting: Duration::from_secs(3600) }),
    );
    let (_, outcome) = read(mem.bucket().send(some).await.unwrap()).await;
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Timeout);
}
