//! The end of an upload by parts: what is done when nothing says whether COS made the object.

use std::io::{Seek as _, SeekFrom, Write as _};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cos_emulator::{Action, Effect, Ending, Matcher, Rule};
use tencent_cos::client::provider::BoxFuture;
use tencent_cos::transfer::{Upload, UploadOutput, UploadSource};
use tencent_cos::{
    AbortMultipartUpload, Bucket, ByteStream, Crc64, Error, ErrorKind, HttpClient, ObjectKey, Payload, TransportError,
    UploadPart,
};

use crate::support::{InMemory, ServiceTransport, count, noise};

const MIB: usize = 1024 * 1024;
const COMPLETE: &str = "Complete Multipart Upload";
const ABORT: &str = "Abort Multipart Upload";
const LENGTH: usize = 3 * MIB + 9;

fn key() -> ObjectKey {
    "k".parse().expect("a key")
}

async fn upload(bucket: &Bucket) -> Result<UploadOutput, Error> {
    upload_of(bucket, noise(LENGTH, 1)).await
}

async fn upload_of(bucket: &Bucket, source: impl Into<UploadSource>) -> Result<UploadOutput, Error> {
    bucket.transfer(Upload::new(key(), source).part_size(MIB as u64)).await
}

fn denied(operation: &str) -> Rule {
    Rule::on(operation).always().then(Action::status(403, "AccessDenied"))
}

/// Answers that do not say how it went.
fn silent() -> Vec<Action> {
    let body = |text: &'static str| Action::RawBody { status: 200, headers: Vec::new(), body: Bytes::from(text) };
    let spaces = |then| Action::spaces(3, Duration::from_secs(1), then);
    vec![
        Action::ResetBeforeHeaders,
        body(""),
        body("<html>"),
        body("<CompleteMultipartUploadResult/>"),
        spaces(Ending::Nothing),
        spaces(Ending::Close),
        spaces(Ending::Reset),
    ]
}

async fn upload_id(memory: &InMemory) -> String {
    loop {
        match memory.emulator.uploads(memory.emulator.bucket()).pop() {
            Some(upload) => return upload.upload_id,
            None => tokio::task::yield_now().await,
        }
    }
}

/// Waits until an operation was asked for.
async fn asked(memory: &InMemory, operation: &str) {
    while count(&memory.emulator, operation) == 0 {
        tokio::task::yield_now().await;
    }
}

fn check(memory: &InMemory, output: &UploadOutput, reconciled: bool) {
    let object = memory.emulator.object(memory.emulator.bucket(), "k").expect("an object");
    assert!(object.bytes() == noise(LENGTH, 1));
    assert_eq!(output.etag, object.etag());
    assert_eq!((output.reconciled, output.crc64), (reconciled, Some(Crc64::of(&noise(LENGTH, 1)))));
    let told = if reconciled { "HEAD Object" } else { COMPLETE };
    let told = memory.emulator.journal().into_iter().rfind(|record| record.operation == told).expect("it was asked");
    assert_eq!(output.request_id(), told.request_id);
    assert_eq!(count(&memory.emulator, ABORT), 0);
    assert!(memory.emulator.uploads(memory.emulator.bucket()).is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_object_whose_making_was_not_heard_of_is_found() {
    for silent in silent() {
        let memory = InMemory::new();
        memory.emulator.script(Rule::on(COMPLETE).then(silent.clone()).effect(Effect::Apply));
        let output = upload(&memory.bucket()).await.unwrap_or_else(|error| panic!("{silent:?}: {error}"));
        check(&memory, &output, true);
        assert_eq!(count(&memory.emulator, COMPLETE), 1, "{silent:?}");
    }
    // COS says it had a problem, and the second time that there is no such upload.
    let memory = InMemory::new();
    memory.emulator.script(Rule::on(COMPLETE).then(Action::status(503, "ServiceUnavailable")).effect(Effect::Apply));
    let output = upload(&memory.bucket()).await.unwrap();
    check(&memory, &output, true);
    assert_eq!(count(&memory.emulator, COMPLETE), 2);
    // Its own guard refuses what it made.
    let memory = InMemory::new();
    memory.emulator.script(Rule::on(COMPLETE).then(Action::status(500, "InternalError")).effect(Effect::Apply));
    let guarded = Upload::new(key(), noise(LENGTH, 1)).part_size(MIB as u64).forbid_overwrite();
    let output = memory.bucket().transfer(guarded).await.unwrap();
    check(&memory, &output, true);
}

#[tokio::test(start_paused = true)]
async fn an_object_that_was_not_made_is_made_by_a_further_try() {
    for silent in silent() {
        for times in [1, 2] {
            let memory = InMemory::new();
            memory.emulator.script(Rule::on(COMPLETE).times(times).then(silent.clone()));
            let output = upload(&memory.bucket()).await.unwrap_or_else(|error| panic!("{silent:?}: {error}"));
            check(&memory, &output, false);
            assert_eq!(count(&memory.emulator, COMPLETE), 1 + usize::try_from(times).unwrap(), "{silent:?}");
        }
        // Not for ever.
        let memory = InMemory::new();
        memory.emulator.script(Rule::on(COMPLETE).always().then(silent.clone()));
        let error = upload(&memory.bucket()).await.unwrap_err();
        assert_eq!((error.kind(), error.may_have_taken_effect()), (ErrorKind::Ambiguous, true), "{error}");
        assert_eq!(error.upload_id(), Some(upload_id(&memory).await.as_str()), "what is left can be looked at");
        assert_eq!((count(&memory.emulator, COMPLETE), count(&memory.emulator, ABORT)), (3, 0), "{silent:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn only_parts_that_were_lost_are_sent_again() {
    // Somebody puts other bytes in the place of part 2 just before the end: what was sent is not there any more.
    let lose = async |memory: &InMemory| {
        asked(memory, COMPLETE).await;
        let id = upload_id(memory).await;
        let other = UploadPart::new(key(), id, 2, noise(MIB, 99));
        memory.bucket().send(other).await.unwrap();
    };
    for silent in [None, Some(Action::ResetBeforeHeaders)] {
        let memory = InMemory::new();
        let mut rule = Rule::on(COMPLETE).then(Action::Delay(Duration::from_secs(1)));
        if let Some(silent) = silent {
            rule = rule.then(silent);
        }
        memory.emulator.script(rule);
        let transfer = memory.bucket().transfer(Upload::new(key(), noise(LENGTH, 1)).part_size(MIB as u64));
        let handle = transfer.handle();
        let (output, ()) = tokio::join!(transfer, lose(&memory));
        check(&memory, &output.unwrap(), false);
        let progress = handle.progress();
        assert_eq!((progress.bytes, progress.parts), (LENGTH as u64, 4), "what was lost is moved once more");
        let sent: Vec<String> = memory
            .emulator
            .journal()
            .iter()
            .filter(|sent| sent.operation == "Upload Part")
            .map(|sent| sent.query.iter().find(|(name, _)| name == "partNumber").unwrap().1.clone())
            .collect();
        assert_eq!((sent.len(), &*sent[5]), (6, "2"), "four of ours, one of theirs, one once more: {sent:?}");
    }
    // A file whose part has other bytes by then, though it looks the same.
    let memory = InMemory::new();
    memory.emulator.script(Rule::on(COMPLETE).then(Action::Delay(Duration::from_secs(1))));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    std::fs::write(&path, noise(LENGTH, 1)).unwrap();
    let bucket = memory.bucket();
    let (outcome, ()) = tokio::join!(upload_of(&bucket, &*path), async {
        lose(&memory).await;
        let mut file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        let modified = file.metadata().unwrap().modified().unwrap();
        file.seek(SeekFrom::Start(MIB as u64)).and_then(|_| file.write_all(b"other")).unwrap();
        file.set_modified(modified).unwrap();
    });
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Changed);
    assert!(memory.emulator.object(memory.emulator.bucket(), "k").is_none());
    assert!(memory.emulator.uploads(memory.emulator.bucket()).is_empty());
    // A stream has flowed by.
    let memory = InMemory::new();
    memory.emulator.script(Rule::on(COMPLETE).then(Action::Delay(Duration::from_secs(1))));
    let bucket = memory.bucket();
    let stream = UploadSource::reader(None, std::io::Cursor::new(noise(LENGTH, 1)));
    let (outcome, ()) = tokio::join!(upload_of(&bucket, stream), lose(&memory));
    assert_eq!(outcome.unwrap_err().code(), Some("InvalidPart"));
    assert!(memory.emulator.uploads(memory.emulator.bucket()).is_empty());
    // A completion that nobody heard of may still be under way when a part cannot be sent once more.
    let memory = InMemory::new();
    let silent = Rule::on(COMPLETE).then(Action::Delay(Duration::from_secs(1))).then(Action::ResetBeforeHeaders);
    memory.emulator.script(silent);
    let bucket = memory.bucket();
    let (outcome, ()) = tokio::join!(upload(&bucket), async {
        lose(&memory).await;
        memory.emulator.script(denied("Upload Part"));
    });
    let error = outcome.unwrap_err();
    assert_eq!((error.code(), error.may_have_taken_effect()), (Some("AccessDenied"), true), "{error}");
    assert_eq!(error.upload_id(), Some(upload_id(&memory).await.as_str()));
    assert_eq!(count(&memory.emulator, ABORT), 0);
    // Who may not list the parts is told so.
    let memory = InMemory::new();
    memory.emulator.script(Rule::on(COMPLETE).then(Action::Delay(Duration::from_secs(1))));
    memory.emulator.script(denied("List Parts"));
    let bucket = memory.bucket();
    let (outcome, ()) = tokio::join!(upload(&bucket), lose(&memory));
    let error = outcome.unwrap_err();
    assert_eq!(error.code(), Some("InvalidPart"), "{error}");
    assert!(error.to_string().contains("name/cos:ListParts"), "{error}");
    assert_eq!(count(&memory.emulator, COMPLETE), 1, "it would be refused again");
    assert!(memory.emulator.uploads(memory.emulator.bucket()).is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_object_of_somebody_else_is_not_taken_for_ours() {
    let memory = InMemory::new();
    memory.emulator.script(Rule::on(COMPLETE).then(Action::ResetBeforeHeaders).effect(Effect::Apply));
    memory.emulator.script(Rule::on("HEAD Object").then(Action::Delay(Duration::from_secs(1))));
    let bucket = memory.bucket();
    let (outcome, ()) = tokio::join!(upload(&bucket), async {
        asked(&memory, "HEAD Object").await;
        memory.emulator.put_object(memory.emulator.bucket(), "k", noise(LENGTH, 2));
    });
    let error = outcome.unwrap_err();
    assert_eq!((error.kind(), error.may_have_taken_effect()), (ErrorKind::Ambiguous, true), "{error}");
    assert!(error.upload_id().is_some());
    assert_eq!(count(&memory.emulator, ABORT), 0);
    // The very same bytes, but there long before the upload.
    let memory = InMemory::new();
    memory.emulator.put_object(memory.emulator.bucket(), "k", noise(LENGTH, 1));
    memory.clock.jump(120);
    memory.emulator.script(Rule::on(COMPLETE).then(Action::ResetBeforeHeaders));
    let output = upload(&memory.bucket()).await.unwrap();
    check(&memory, &output, false);
    assert_eq!(count(&memory.emulator, COMPLETE), 2);
    // Or a moment before it: what tells them apart is that the upload is still there.
    let memory = InMemory::new();
    memory.emulator.put_object(memory.emulator.bucket(), "k", noise(LENGTH, 1));
    memory.emulator.script(Rule::on(COMPLETE).then(Action::ResetBeforeHeaders));
    let output = upload(&memory.bucket()).await.unwrap();
    check(&memory, &output, false);
    assert_eq!(count(&memory.emulator, COMPLETE), 2);
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_somebody_ended_is_a_plain_error() {
    for when in ["Upload Part", COMPLETE] {
        let memory = InMemory::new();
        memory.emulator.script(Rule::on(Matcher::operation(when)).then(Action::Delay(Duration::from_secs(1))));
        let bucket = memory.bucket();
        let (outcome, ()) = tokio::join!(upload(&bucket), async {
            asked(&memory, when).await;
            let id = upload_id(&memory).await;
            memory.bucket().send(AbortMultipartUpload::new(key(), id)).await.unwrap();
        });
        let error = outcome.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Service, Some("NoSuchUpload")), "{when}: {error}");
        assert!(!error.may_have_taken_effect() || when == "Upload Part", "{error}");
        assert!(memory.emulator.uploads(memory.emulator.bucket()).is_empty());
        assert!(memory.emulator.object(memory.emulator.bucket(), "k").is_none());
    }
}

/// A key that may not look: the upload works, and where its end cannot be found out the error says what was missing.
#[tokio::test(start_paused = true)]
async fn a_right_that_is_missing_is_named() {
    let lost = |effect| Rule::on(COMPLETE).then(Action::ResetBeforeHeaders).effect(effect);
    let cases: [(&[&str], Option<Effect>, &str); 6] = [
        (&["HEAD Object", "List Parts"], None, ""),
        (&["List Parts"], Some(Effect::Skip), ""),
        (&["List Parts"], Some(Effect::Apply), ""),
        (&["HEAD Object"], Some(Effect::Skip), ""),
        (&["HEAD Object"], Some(Effect::Apply), "name/cos:HeadObject"),
        (&["HEAD Object", "List Parts"], Some(Effect::Apply), "name/cos:HeadObject"),
    ];
    for (forbidden, effect, named) in cases {
        let memory = InMemory::new();
        for operation in forbidden {
            memory.emulator.script(denied(operation));
        }
        if let Some(effect) = effect {
            memory.emulator.script(lost(effect));
        }
        match upload(&memory.bucket()).await {
            Ok(output) if named.is_empty() => check(&memory, &output, effect == Some(Effect::Apply)),
            Ok(_) => panic!("{forbidden:?} {effect:?}: found out"),
            Err(error) => {
                assert_eq!((error.kind(), named.is_empty()), (ErrorKind::Ambiguous, false), "{forbidden:?} {error}");
                assert!(error.to_string().contains(named), "{error}");
                assert_eq!(count(&memory.emulator, ABORT), 0);
            }
        }
    }
}

/// A transport that panics when it is to send a POST with this in its query.
#[derive(Debug)]
struct Panics(ServiceTransport, &'static str);

impl HttpClient for Panics {
    fn execute(
        &self,
        request: http::Request<Payload>,
    ) -> BoxFuture<'_, Result<http::Response<ByteStream>, TransportError>> {
        let query = request.uri().query().unwrap_or_default();
        assert!(request.method() != http::Method::POST || !query.contains(self.1), "on purpose");
        self.0.execute(request)
    }
}

/// Begin and end of an upload run in tasks of their own.
#[tokio::test]
async fn a_panic_goes_on_in_who_awaits_the_upload() {
    for query in ["uploads", "uploadId"] {
        let memory = InMemory::new();
        let client = memory.client().http_client(Arc::new(Panics(ServiceTransport(memory.emulator.service()), query)));
        let bucket = memory.bucket_of(client);
        let panic = tokio::spawn(async move { upload(&bucket).await }).await.unwrap_err().into_panic();
        assert_eq!(panic.downcast_ref(), Some(&"on purpose"), "{query}");
    }
}
