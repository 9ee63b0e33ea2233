//! Answers that say no, from COS or from a stranger.

use std::error::Error as _;
use std::io::ErrorKind as IoErrorKind;
use std::net::TcpListener;

use bytes::Bytes;
use cos_emulator::{Action, Matcher, Rule};
use tencent_cos::{AppendObject, ErrorKind, GetObjectTagging, Overrides, Tags};

use super::{EVERY, REPEATABLE, call, rig, status_of};
use crate::support::{self, emulator};

/// A refusal is final for what it says, and this one does not get to say it.
#[tokio::test(start_paused = true)]
async fn a_refusal_that_breaks_off_is_asked_for_again() {
    for cut in [Action::CutBody { at: 20 }, Action::ResetBody { at: 0 }] {
        let (memory, bucket) = rig();
        memory.emulator.script(Rule::on(Matcher::any()).then(cut.clone()));
        let tags = GetObjectTagging::new("k".parse().unwrap());
        assert_eq!(bucket.send(tags).await.unwrap().tags, Tags::new());
        assert_eq!(status_of(&memory.emulator), [Some(404); 2]);
        // Whatever the operation: a refusal is that.
        memory.emulator.clear_journal();
        memory.emulator.script(Rule::on(Matcher::any()).then(cut.clone()));
        let guarded = AppendObject::new("k".parse().unwrap(), 0, "x");
        let error = bucket.send(guarded).await.unwrap_err();
        assert_eq!((error.attempts(), error.may_have_taken_effect()), (2, false), "{error:#}");
        assert!(error.code().is_some_and(|code| !code.is_empty()));
        // Not for ever.
        memory.emulator.script(Rule::on(Matcher::any()).always().then(cut));
        let error = bucket.get("none").await.unwrap_err();
        assert_eq!((error.attempts(), error.status(), error.is_retryable()), (4, Some(404), true), "{error:#}");
        assert!(error.source().is_some());
    }
}

/// Half a code is no code, and half a message may be of any kind.
#[tokio::test(start_paused = true)]
async fn a_refusal_for_the_clock_is_understood_wherever_it_breaks_off() {
    for at in (0..400).step_by(3) {
        let (memory, bucket) = rig();
        memory.clock.set_off(5_000);
        memory.emulator.script(Rule::on(Matcher::any()).then(Action::CutBody { at }));
        let object = bucket.get("k").await.unwrap_or_else(|error| panic!("after {at} bytes: {error:#}"));
        assert_eq!(object.bytes(100).await.unwrap(), "hello");
        assert_eq!(status_of(&memory.emulator)[0], Some(403));
    }
    let (memory, bucket) = rig();
    memory.clock.set_off(5_000);
    memory.emulator.script(Rule::on(Matcher::any()).always().then(Action::CutBody { at: 50 }));
    let error = bucket.get("k").await.unwrap_err();
    assert!(error.status() == Some(403) && error.advice().is_none() && error.is_retryable(), "{error:#}");
}

/// F27.
#[tokio::test(start_paused = true)]
async fn final_answers_are_final() {
    for operation in EVERY {
        for (status, code) in [
            (400, "InvalidArgument"),
            (403, "AccessDenied"),
            (404, "NoSuchBucket"),
            (405, "MethodNotAllowed"),
            (409, "BucketNotEmpty"),
            (411, "MissingContentLength"),
            (412, "PreconditionFailed"),
            (416, "InvalidRange"),
            (451, "UnavailableForLegalReasons"),
            (501, "NotImplemented"),
            (505, "HttpVersionNotSupported"),
        ] {
            let (mem, bucket) = rig();
            mem.emulator.script(Rule::on(operation).times(2).then(Action::status(status, code)));
            let error = call(&bucket, operation).await.unwrap_err();
            let what = format!("{operation}, {status}: {error}");
            assert_eq!(
                (error.kind(), error.status(), error.attempts()),
                (ErrorKind::Service, Some(status), 1),
                "{what}"
            );
            assert!(operation == "HEAD Object" || error.code() == Some(code), "{what}");
            assert_eq!(error.is_not_found(), status == 404, "{what}");
            assert_eq!(error.is_precondition_failed(), status == 412, "{what}");
            assert!(!error.is_retryable() && !error.may_have_taken_effect(), "{what}");
            assert_eq!(mem.emulator.journal().len(), 1, "{what}");
        }
    }
}

/// F43.
#[tokio::test]
async fn redirects_are_not_followed() {
    let emulator = emulator().await;
    emulator.put_object(emulator.bucket(), "k", "hello");
    let bucket = support::bucket(&emulator);
    let evil = TcpListener::bind("127.0.0.1:0").unwrap();
    evil.set_nonblocking(true).unwrap();
    let location = vec![("Location".to_owned(), format!("http://{}/k", evil.local_addr().unwrap()))];
    for status in [301, 302, 303, 307, 308] {
        for operation in REPEATABLE {
            for from_cos in [true, false] {
                emulator.clear_journal();
                let (headers, body) = (location.clone(), Bytes::new());
                let action = if from_cos {
                    Action::RawBody { status, headers, body }
                } else {
                    Action::Foreign { status, headers, body }
                };
                emulator.script(Rule::on(operation).always().then(action));
                let bucket = bucket.with(Overrides::new().max_attempts(2));
                let error = call(&bucket, operation).await.unwrap_err();
                let what = format!("{operation}, {status}: {error}");
                assert_eq!((error.kind(), error.status()), (ErrorKind::Response, Some(status)), "{what}");
                // Without a request id it may be anybody's answer, so COS is asked again.
                let sends = if from_cos { 1 } else { 2 };
                assert_eq!((error.attempts(), emulator.journal().len()), (sends, sends as usize), "{what}");
                emulator.clear_script();
            }
        }
    }
    assert_eq!(evil.accept().unwrap_err().kind(), IoErrorKind::WouldBlock, "somebody came");
}

/// An answer without a request id is not COS's: it is tried again, and told with its first words.
#[tokio::test(start_paused = true)]
async fn strangers_are_not_believed() {
    let portal = "<html>\u{1b}[2J\nPlease log in ".to_owned() + &"x".repeat(10_000);
    let foreign = |status| Action::Foreign { status, headers: vec![], body: Bytes::from(portal.clone()) };
    for operation in REPEATABLE {
        for status in [400, 403, 404, 407, 500, 503] {
            let (mem, bucket) = rig();
            mem.emulator.script(Rule::on(operation).then(foreign(status)));
            call(&bucket, operation).await.expect(operation);
            assert_eq!(mem.emulator.journal().len(), 2);
        }
    }
    let (mem, bucket) = rig();
    mem.emulator.script(Rule::on(Matcher::any()).always().then(foreign(404)));
    let error = bucket.get("k").await.unwrap_err();
    assert_eq!((error.kind(), error.status(), error.attempts()), (ErrorKind::Response, Some(404), 4), "{error}");
    assert!(!error.is_not_found() && error.request_id().is_none());
    assert!(!bucket.exists("k").await.is_ok_and(|exists| !exists), "a stranger's 404 is no answer");
    let told = std::error::Error::source(&error).expect("a source").to_string();
    assert!(told.contains("Please log in") && told.len() < 400 && !told.contains('\u{1b}'), "{told}");
}
