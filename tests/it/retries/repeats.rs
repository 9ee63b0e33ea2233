//! What is sent again, and what is not.

use std::error::Error as _;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use cos_emulator::{Action, Effect, Matcher, Rule};
use tencent_cos::{
    AppendObject, Crc64, DeleteObject, Error, ErrorKind, InitiateMultipartUpload, ObjectKey, Overrides, Phase,
    PutObject, TransportError, UploadPart,
};
use tokio::time::Instant;

use super::{EVERY, REPEATABLE, call, failing, millis, rig, seconds, status_of, waits};
use crate::support::{self, emulator};

/// F1: nothing was sent, so even what must not happen twice is tried again.
#[tokio::test(start_paused = true)]
async fn refused_connections_are_tried_again_for_every_operation() {
    for phase in [Phase::Connect, Phase::Dns] {
        for operation in EVERY {
            let (mem, _) = rig();
            let (bucket, seen) =
                failing(&mem, move |number| (number < 2).then(|| TransportError::new(phase, "refused")));
            let start = Instant::now();
            call(&bucket, operation).await.expect(operation);
            assert_eq!(seen.load(Ordering::Relaxed), 3, "{operation}");
            assert!(start.elapsed() <= seconds(1), "{operation}: {:?}", start.elapsed());
            assert_eq!(status_of(&mem.emulator).len(), 1, "{operation}");
        }
    }
}

/// F2, F4 and F6: it ends, with the kind of the failure; a wrong certificate at once.
#[tokio::test(start_paused = true)]
async fn connections_refused_for_good() {
    for operation in EVERY {
        for (phase, timed_out, kind, sends) in [
            (Phase::Connect, false, ErrorKind::Connect, 4),
            (Phase::Connect, true, ErrorKind::Timeout, 4),
            (Phase::Dns, false, ErrorKind::Dns, 4),
            (Phase::Tls, false, ErrorKind::Tls, 1),
        ] {
            let (mem, _) = rig();
            let (bucket, seen) =
                failing(&mem, move |_| Some(TransportError::new(phase, "no").with_timed_out(timed_out)));
            let start = Instant::now();
            let error = call(&bucket, operation).await.unwrap_err();
            assert_eq!((error.kind(), error.attempts()), (kind, sends), "{operation}: {error}");
            assert_eq!(seen.load(Ordering::Relaxed), sends as usize);
            assert!(start.elapsed() <= seconds(10));
            assert!(!error.may_have_taken_effect(), "{operation}: {error}");
            assert_eq!(error.is_retryable(), kind != ErrorKind::Tls);
            assert!(mem.emulator.journal().is_empty());
        }
    }
}

/// F9: an idle connection that was gone costs one try more, and no time.
#[tokio::test(start_paused = true)]
async fn a_stale_connection_is_dialled_again_at_once() {
    for operation in EVERY {
        let (mem, _) = rig();
        let stale = || TransportError::new(Phase::Send, "gone").with_request_bytes(0).with_reused(true);
        let (bucket, seen) = failing(&mem, move |number| (number < 1).then(stale));
        let start = Instant::now();
        call(&bucket, operation).await.expect(operation);
        assert_eq!((seen.load(Ordering::Relaxed), start.elapsed()), (2, Duration::ZERO), "{operation}");
    }
}

/// F9 over sockets: the server closes each connection while the client keeps it for later.
#[tokio::test]
async fn connections_closed_while_idle_are_not_noticed() {
    let emulator = emulator().await;
    emulator.put_object(emulator.bucket(), "k", "hello");
    let bucket = support::bucket(&emulator);
    emulator.script(Rule::on(Matcher::any()).always().then(Action::CloseIdle));
    for round in 0..100 {
        call(&bucket, REPEATABLE[round % 4]).await.unwrap_or_else(|error| panic!("round {round}: {error:?}"));
    }
    let accepted = emulator.accepted_connections();
    assert!((100..=110).contains(&accepted), "{accepted}");
    assert!(emulator.journal().len() <= 110);
}

/// F7.
#[tokio::test(start_paused = true)]
async fn a_reset_before_the_answer_is_tried_again_where_that_is_safe() {
    for effect in [Effect::Skip, Effect::Apply] {
        for operation in REPEATABLE {
            let (mem, bucket) = rig();
            mem.emulator.script(Rule::on(operation).then(Action::ResetBeforeHeaders).effect(effect));
            call(&bucket, operation).await.expect(operation);
            assert_eq!(status_of(&mem.emulator), [None, Some(200)], "{operation}");
            assert!(waits(&mem.emulator.journal())[0] <= millis(101));
        }
    }
}

/// F7 over sockets: the broken connection is not used again.
#[tokio::test]
async fn a_reset_connection_is_not_used_again() {
    let emulator = emulator().await;
    emulator.put_object(emulator.bucket(), "k", "hello");
    let bucket = support::bucket(&emulator);
    for operation in REPEATABLE {
        call(&bucket, operation).await.expect(operation);
        emulator.clear_journal();
        emulator.script(Rule::on(operation).then(Action::ResetBeforeHeaders));
        call(&bucket, operation).await.expect(operation);
        let records = emulator.journal();
        assert_eq!(records.len(), 2, "{operation}");
        assert_ne!(records[0].connection, records[1].connection, "{operation}");
    }
}

/// F8: a delete may leave a marker each time.
#[tokio::test(start_paused = true)]
async fn a_delete_without_version_is_not_repeated_blindly() {
    for effect in [Effect::Skip, Effect::Apply] {
        let (mem, bucket) = rig();
        mem.emulator.script(Rule::on("DELETE Object").always().then(Action::ResetBeforeHeaders).effect(effect));
        let error = bucket.delete("k").await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Ambiguous, 1), "{error}");
        assert!(error.may_have_taken_effect() && !error.is_retryable());
        assert_eq!(mem.emulator.journal().len(), 1);
    }
    // With a version, or where there are none, twice is as once.
    let key = || -> ObjectKey { "k".parse().unwrap() };
    for delete in [DeleteObject::new(key()).unversioned(), DeleteObject::new(key()).version_id("null")] {
        let (mem, bucket) = rig();
        mem.emulator.script(Rule::on("DELETE Object").then(Action::ResetBeforeHeaders).effect(Effect::Apply));
        let answer = bucket.send(delete).await;
        assert!(answer.as_ref().is_ok_and(|_| true) || answer.as_ref().is_err_and(Error::is_not_found), "{answer:?}");
        assert_eq!(mem.emulator.journal().len(), 2);
        assert!(mem.emulator.object(mem.emulator.bucket(), "k").is_none());
    }
    // COS refused to begin: the delete may come again.
    let (mem, bucket) = rig();
    mem.emulator.script(Rule::on("DELETE Object").then(Action::status(503, "SlowDown")));
    bucket.delete("k").await.unwrap();
    assert_eq!(status_of(&mem.emulator), [Some(503), Some(204)]);
    // It may have begun.
    let (mem, bucket) = rig();
    mem.emulator.script(Rule::on("DELETE Object").then(Action::status(500, "InternalError")).effect(Effect::Apply));
    let error = bucket.delete("k").await.unwrap_err();
    assert_eq!((error.attempts(), error.may_have_taken_effect()), (1, true), "{error}");
}

/// A key that one of many takes by a put that forbids to overwrite: the bytes of another, equal to ours, are not ours.
#[tokio::test(start_paused = true)]
async fn an_object_that_was_there_before_is_not_taken_for_the_one_that_was_sent() {
    for (age, ours) in [(0, true), (1, true), (4, false), (3600, false)] {
        let (memory, bucket) = rig();
        memory.emulator.put_object(memory.emulator.bucket(), "lock", "taken");
        memory.clock.jump(age);
        memory.emulator.script(Rule::on("PUT Object").then(Action::ResetBeforeHeaders));
        let put = PutObject::new("lock".parse().unwrap(), "taken").forbid_overwrite();
        let outcome = bucket.send(put).await;
        // Times are told in whole seconds.
        assert_eq!(outcome.is_ok(), ours, "{age}: {outcome:?}");
        let Err(error) = outcome else { continue };
        assert_eq!((error.kind(), error.code()), (ErrorKind::Ambiguous, Some("FileAlreadyExists")), "{error}");
    }
    // Made by the attempt that was not heard of, however long that took.
    let (memory, bucket) = rig();
    let silence = Action::StallBeforeHeaders(Duration::from_secs(24 * 3600));
    memory.emulator.script(Rule::on("PUT Object").times(2).then(silence).effect(Effect::Apply));
    let put = PutObject::new("lock".parse().unwrap(), "ours").forbid_overwrite();
    assert_eq!(bucket.send(put).await.unwrap().attempts, 3);
    // A piece that another appended meanwhile, and the like of it long ago.
    let (memory, bucket) = rig();
    let log = || "log".parse().unwrap();
    bucket.send(AppendObject::new(log(), 0, "line")).await.unwrap();
    memory.clock.jump(10);
    memory.emulator.script(Rule::on("APPEND Object").then(Action::ResetBeforeHeaders));
    let error = bucket.send(AppendObject::new(log(), 0, "line").previous_crc64(0)).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Ambiguous, Some("AppendPositionErr")), "{error}");
}

/// F8 and F7 for uploads by parts: a second beginning would be an upload nobody knows of, a second part is the same.
#[tokio::test(start_paused = true)]
async fn an_upload_is_begun_once() {
    let key = || -> ObjectKey { "new".parse().unwrap() };
    for action in [Action::ResetBeforeHeaders, Action::StallBeforeHeaders(seconds(3600))] {
        let (mem, bucket) = rig();
        mem.emulator.script(Rule::on(Matcher::any()).always().then(action.clone()).effect(Effect::Apply));
        let error = bucket.send(InitiateMultipartUpload::new(key())).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Ambiguous, 1), "{action:?}: {error}");
        assert_eq!(mem.emulator.journal().len(), 1, "{action:?}");
    }
    let (mem, _) = rig();
    let (bucket, _) = failing(&mem, |number| (number < 2).then(|| TransportError::new(Phase::Connect, "refused")));
    let upload = bucket.send(InitiateMultipartUpload::new(key())).await.unwrap();
    assert_eq!(mem.emulator.journal().len(), 1);
    for action in [Action::ResetBeforeHeaders, Action::status(500, "InternalError"), Action::CorruptByte { at: 3 }] {
        mem.emulator.clear_journal();
        mem.emulator.script(Rule::on("Upload Part").then(action.clone()).effect(Effect::Apply));
        let part = UploadPart::new(key(), upload.upload_id.clone(), 1, "hello");
        let output = bucket.send(part).await.unwrap();
        assert_eq!(output.etag, "\"5d41402abc4b2a76b9719d911017c592\"", "{action:?}");
        assert_eq!(mem.emulator.journal().len(), 2, "{action:?}");
    }
}

/// F13: 30 s for the head of an answer, then again.
#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_come_is_given_up_after_thirty_seconds() {
    for operation in REPEATABLE {
        let (mem, bucket) = rig();
        mem.emulator.script(Rule::on(operation).then(Action::StallBeforeHeaders(seconds(3600))));
        call(&bucket, operation).await.expect(operation);
        let records = mem.emulator.journal();
        assert_eq!(records.len(), 2, "{operation}");
        let wait = waits(&records)[0];
        assert!((seconds(30)..=millis(30_200)).contains(&wait), "{operation}: {wait:?}");
    }
    let (mem, bucket) = rig();
    mem.emulator.script(Rule::on("DELETE Object").then(Action::StallBeforeHeaders(seconds(3600))));
    let error = bucket.delete("k").await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Ambiguous, 1), "{error}");
}

/// F7, where the first attempt took effect and COS has no more of what it removed.
#[tokio::test(start_paused = true)]
async fn what_is_gone_after_an_open_end_was_deleted() {
    let gone = Action::Status {
        status: 404,
        code: "NoSuchVersion".to_owned(),
        message: String::new(),
        retry_after: None,
        request_id: true,
    };
    let (mem, bucket) = rig();
    let delete = || DeleteObject::new("k".parse().unwrap()).version_id("MTg0NDUxNTc1NjIz");
    let first = Rule::on("DELETE Object").then(Action::ResetBeforeHeaders).times(1);
    mem.emulator.script(first);
    mem.emulator.script(Rule::on("DELETE Object").then(gone.clone()).times(1));
    let deleted = bucket.send(delete()).await.unwrap();
    assert_eq!(deleted.version_id.as_deref(), Some("MTg0NDUxNTc1NjIz"));
    assert_eq!(mem.emulator.journal().len(), 2);
    // The first word of COS stands.
    mem.emulator.script(Rule::on("DELETE Object").then(gone).times(1));
    assert!(bucket.send(delete()).await.unwrap_err().is_not_found());
}

/// Every attempt is described and signed anew, and says that it is one.
#[tokio::test(start_paused = true)]
async fn every_attempt_is_signed_afresh() {
    for operation in REPEATABLE {
        let (mem, bucket) = rig();
        let action = Action::Status {
            status: 500,
            code: "InternalError".to_owned(),
            message: String::new(),
            retry_after: Some("60".to_owned()),
            request_id: true,
        };
        mem.emulator.script(Rule::on(operation).times(3).then(action));
        call(&bucket, operation).await.expect(operation);
        let records = mem.emulator.journal();
        assert_eq!(records.len(), 4);
        let mut signatures = Vec::new();
        for (number, record) in records.iter().enumerate() {
            assert_eq!(record.signature_error, None);
            let authorization = record.headers["authorization"].to_str().unwrap().to_owned();
            let fields: Vec<_> = authorization.split('&').filter_map(|field| field.split_once('=')).collect();
            let field = |name| fields.iter().find(|(have, _)| *have == name).expect(name).1;
            let start: u64 = field("q-sign-time").split_once(';').unwrap().0.parse().unwrap();
            let now = record.time.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
            assert!((60..=120).contains(&(now - start)), "signed for {start} at {now}");
            let marked = field("q-header-list").split(';').any(|name| name == "x-cos-sdk-retry");
            assert_eq!(marked, number > 0, "{operation}, attempt {number}");
            let sent = record.headers.get("x-cos-sdk-retry").map(|value| value.to_str().unwrap());
            assert_eq!(sent, (number > 0).then_some("true"), "{operation}, attempt {number}");
            signatures.push(field("q-signature").to_owned());
        }
        signatures.sort();
        signatures.dedup();
        assert_eq!(signatures.len(), 4, "{operation}");
    }
}

/// A put that must not overwrite, whose answer was lost: our own object is a success, anybody else's leaves it open.
#[tokio::test(start_paused = true)]
async fn a_guard_is_not_mistaken_for_a_refusal() {
    let put = |body: &'static str| PutObject::new("new".parse().unwrap(), body).forbid_overwrite();
    // Taken by somebody else, plainly.
    let (mem, bucket) = rig();
    mem.emulator.put_object(mem.emulator.bucket(), "new", "theirs");
    let error = bucket.send(put("ours")).await.unwrap_err();
    assert_eq!((error.kind(), error.code(), error.attempts()), (ErrorKind::Service, Some("FileAlreadyExists"), 1));
    assert!(error.is_precondition_failed() && !error.may_have_taken_effect());

    let lost =
        [Action::ResetBeforeHeaders, Action::status(500, "InternalError"), Action::status(503, "ServiceUnavailable")];
    for action in lost {
        // Ours, though the answer was lost.
        let (mem, bucket) = rig();
        mem.emulator.script(Rule::on("PUT Object").then(action.clone()).effect(Effect::Apply));
        let output = bucket.send(put("ours")).await.expect("our own object is there");
        assert_eq!((output.attempts, output.crc64), (2, Some(Crc64::of(b"ours"))), "{action:?}");
        let operations: Vec<_> = mem.emulator.journal().into_iter().map(|record| record.operation).collect();
        assert_eq!(operations, ["PUT Object", "PUT Object", "HEAD Object"], "{action:?}");

        // Somebody else's: whether ours was there in between nobody knows.
        let (mem, bucket) = rig();
        mem.emulator.put_object(mem.emulator.bucket(), "new", "theirs");
        mem.emulator.script(Rule::on("PUT Object").then(action.clone()));
        let error = bucket.send(put("ours")).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.code()),
            (ErrorKind::Ambiguous, Some("FileAlreadyExists")),
            "{action:?}: {error}"
        );
        assert!(error.may_have_taken_effect() && !error.is_retryable(), "{action:?}");
        assert!(!error.is_precondition_failed(), "{action:?}: not known to have failed");
        assert_eq!(error.attempts(), 2);

        // The look at it fails as well.
        let (mem, bucket) = rig();
        mem.emulator.script(Rule::on("PUT Object").then(action.clone()).effect(Effect::Apply));
        mem.emulator.script(Rule::on("HEAD Object").always().then(Action::ResetBeforeHeaders));
        let error = bucket.send(put("ours")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Ambiguous, "{action:?}: {error}");
    }

    // What is there was garbled on the way: the guard keeps it there, and it must not pass for ours.
    let (mem, bucket) = rig();
    mem.emulator.script(Rule::on("PUT Object").then(Action::CorruptByte { at: 1 }));
    let error = bucket.send(put("ours")).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Ambiguous | ErrorKind::Integrity), "{error}");
    assert!(error.may_have_taken_effect());
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_everything() {
    // In the middle of a wait.
    let (mem, bucket) = rig();
    let action = Action::Status {
        status: 503,
        code: "ServiceUnavailable".to_owned(),
        message: String::new(),
        retry_after: Some("7".to_owned()),
        request_id: true,
    };
    mem.emulator.script(Rule::on(Matcher::any()).always().then(action));
    let hurried = bucket.with(Overrides::new().deadline(seconds(10)));
    for operation in REPEATABLE {
        mem.emulator.clear_journal();
        let start = Instant::now();
        let error = call(&hurried, operation).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Timeout, 2), "{operation}: {error}");
        assert!((seconds(10)..=millis(10_002)).contains(&start.elapsed()), "{operation}");
        assert_eq!(mem.emulator.journal().len(), 2, "{operation}");
        assert_eq!(error.may_have_taken_effect(), operation == "PUT Object", "{operation}");
        let before = error.source().and_then(|source| source.downcast_ref::<Error>()).expect("what COS said");
        assert_eq!((before.status(), error.status()), (Some(503), None), "{operation}");
        assert!(error.to_string().contains("passed while waiting for the next attempt"), "{error}");
    }
    // In the middle of a wait for the budget, which requests of transfers have.
    let (mem, bucket) = rig();
    mem.emulator.script(Rule::on(Matcher::any()).always().then(Action::status(503, "ServiceUnavailable")));
    while call(&bucket, "GET Object").await.unwrap_err().advice().is_none() {}
    let hurried = bucket.with(Overrides::new().deadline(millis(400)));
    let error = hurried.upload("new", Bytes::from("x")).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Timeout, 1), "{error}");
    let before = error.source().and_then(|source| source.downcast_ref::<Error>()).expect("what COS said");
    assert_eq!(before.status(), Some(503));
    assert!(error.to_string().contains("passed while waiting for the next attempt"), "{error}");
    // In the middle of a request.
    let (mem, bucket) = rig();
    mem.emulator.script(Rule::on(Matcher::any()).always().then(Action::StallBeforeHeaders(seconds(3600))));
    let hurried = bucket.with(Overrides::new().deadline(seconds(3)));
    for operation in EVERY {
        let start = Instant::now();
        let error = call(&hurried, operation).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Timeout, 1), "{operation}: {error}");
        assert_eq!(start.elapsed().as_secs(), 3);
        let writes = matches!(operation, "PUT Object" | "DELETE Object");
        assert_eq!(error.may_have_taken_effect(), writes, "{operation}");
        assert!(error.to_string().contains("passed while waiting for COS"), "{error}");
    }
    // In the middle of nothing.
    let (mem, _) = rig();
    let narrow = mem.bucket_of(mem.client().max_connections(1));
    mem.emulator.script(Rule::on("GET Object").then(Action::StallBody { at: 2, lasting: seconds(15) }));
    let unread = narrow.get("k").await.unwrap();
    let error = narrow.with(Overrides::new().deadline(seconds(3))).head("k").await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Timeout, 0), "{error}");
    assert!(error.to_string().contains("passed while waiting for a place among the connections"), "{error}");
    drop(unread);
    // Not while a stream is read: it counts until the object begins.
    let (mem, bucket) = rig();
    mem.emulator.script(Rule::on("GET Object").then(Action::StallBody { at: 2, lasting: seconds(15) }));
    let object = bucket.with(Overrides::new().deadline(seconds(3))).get("k").await.unwrap();
    assert_eq!(object.bytes(100).await.unwrap(), "hello");
}

#[tokio::test(start_paused = true)]
async fn the_number_of_attempts_can_be_set() {
    for attempts in [0, 1, 2, 7] {
        let (mem, bucket) = rig();
        mem.emulator.script(Rule::on(Matcher::any()).always().then(Action::status(500, "InternalError")));
        for bucket in
            [bucket.with(Overrides::new().max_attempts(attempts)), mem.bucket_of(mem.client().max_attempts(attempts))]
        {
            mem.emulator.clear_journal();
            let error = bucket.get("k").await.unwrap_err();
            assert_eq!((error.attempts(), mem.emulator.journal().len()), (attempts.max(1), attempts.max(1) as usize));
        }
    }
}
