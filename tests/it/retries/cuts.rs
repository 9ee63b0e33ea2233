//! Answers that are cut short or do not fit their checksum.

use cos_emulator::{Action, Matcher, Rule};
use tencent_cos::{ByteStream, Crc64, Error, ErrorKind, GetObject, Integrity, ListObjects, Overrides};

use super::{pattern, rig};
use crate::support::{self, InMemory, emulator};

/// F19: a listing that is cut short is fetched again, and never shown.
#[tokio::test(start_paused = true)]
async fn a_listing_cut_short_is_never_a_listing() {
    let (mem, bucket) = rig();
    for number in 0..20 {
        mem.emulator.put_object(mem.emulator.bucket(), &format!("p/{number:02}"), "x");
    }
    let list = || bucket.send(ListObjects::new().prefix("p/"));
    assert_eq!(list().await.unwrap().objects.len(), 20);
    let length = mem.emulator.journal()[0].bytes_out;
    for at in [0, 1, 50, length / 2, length - 1] {
        for action in [Action::CutBody { at }, Action::ResetBody { at }] {
            mem.emulator.clear_journal();
            mem.emulator.script(Rule::on("GET Bucket").then(action.clone()));
            assert_eq!(list().await.unwrap().objects.len(), 20, "{action:?}");
            assert_eq!(mem.emulator.journal().len(), 2, "{action:?}");
        }
    }
    mem.emulator.clear_journal();
    mem.emulator.script(Rule::on("GET Bucket").always().then(Action::CutBody { at: length - 1 }));
    let error = list().await.unwrap_err();
    assert_eq!((error.kind(), error.attempts(), error.status()), (ErrorKind::Transport, 4, Some(200)), "{error}");
    assert!(error.request_id().is_some());
    assert_eq!(mem.emulator.journal().len(), 4);
}

/// Reads to the error or to the end.
async fn read_all(mut body: ByteStream) -> (Vec<u8>, Option<Error>) {
    let mut bytes = Vec::new();
    loop {
        match body.next().await {
            Some(Ok(piece)) => bytes.extend_from_slice(&piece),
            Some(Err(error)) => {
                assert!(body.next().await.is_none(), "an error is the last item");
                return (bytes, Some(error));
            }
            None => return (bytes, None),
        }
    }
}

/// F19, F21: an object cut short is an error where it may not be asked for again, whole or as a range, in memory and over
/// sockets.
#[tokio::test]
async fn an_object_cut_short_is_never_an_object() {
    let emulator = emulator().await;
    let whole = pattern(200_000);
    emulator.put_object(emulator.bucket(), "big", whole.clone());
    let in_memory = InMemory::new();
    in_memory.emulator.put_object(in_memory.emulator.bucket(), "big", whole.clone());
    for (emulator, bucket) in [(&emulator, support::bucket(&emulator)), (&in_memory.emulator, in_memory.bucket())] {
        let bucket = bucket.with(Overrides::new().max_attempts(1));
        for (range, expected) in [(None, whole.clone()), (Some(1000..150_000), whole.slice(1000..150_000))] {
            let get = || {
                let get = GetObject::new("big".parse().unwrap());
                match range.clone() {
                    Some(range) => get.range(range),
                    None => get,
                }
            };
            let length = expected.len() as u64;
            for at in [0, 1, 64 * 1024, length - 1] {
                for action in [Action::CutBody { at }, Action::ResetBody { at }] {
                    emulator.script(Rule::on("GET Object").then(action.clone()));
                    let object = bucket.send(get()).await.unwrap();
                    let (bytes, error) = read_all(object.body).await;
                    let error = error.unwrap_or_else(|| panic!("{action:?} of {length} was a success"));
                    assert_eq!(error.kind(), ErrorKind::Transport, "{action:?}: {error:?}");
                    assert!(bytes.len() as u64 <= at && expected.starts_with(&bytes), "{action:?}");
                }
            }
            let (bytes, error) = read_all(bucket.send(get()).await.unwrap().body).await;
            assert!(error.is_none() && bytes == expected);
        }
    }
}

/// F22: without a checksum the result says so.
#[tokio::test(start_paused = true)]
async fn a_missing_checksum_is_told() {
    let (mem, bucket) = rig();
    mem.emulator.script(Rule::on(Matcher::any()).times(2).then(Action::NoCrc));
    assert_eq!(bucket.put("new", "hello").await.unwrap().crc64, None);
    let object = bucket.get("k").await.unwrap();
    assert!(matches!(object.integrity, Integrity::Unverified(_)));
    assert_eq!(object.bytes(10).await.unwrap(), "hello");
    assert_eq!(bucket.put("new", "hello").await.unwrap().crc64, Some(Crc64::of(b"hello")));
    assert_eq!(bucket.get("k").await.unwrap().integrity, Integrity::Crc64(Crc64::of(b"hello")));
}

/// F21: what COS stored is compared with what was sent.
#[tokio::test(start_paused = true)]
async fn a_wrong_checksum_of_a_put_is_read_again_once() {
    let whole = pattern(150_000);
    for action in [Action::WrongCrc, Action::CorruptByte { at: 77_777 }] {
        let (mem, bucket) = rig();
        mem.emulator.script(Rule::on("PUT Object").then(action.clone()));
        let put = bucket.put("new", whole.clone()).await.unwrap();
        assert_eq!((put.attempts, put.crc64), (2, Some(Crc64::of(&whole))), "{action:?}");
        assert_eq!(mem.emulator.object(mem.emulator.bucket(), "new").unwrap().bytes(), whole);

        let (mem, bucket) = rig();
        mem.emulator.script(Rule::on("PUT Object").always().then(action.clone()));
        let error = bucket.put("new", whole.clone()).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Integrity, 2), "{action:?}: {error}");
        assert!(error.may_have_taken_effect());
        assert_eq!(mem.emulator.journal().len(), 2, "{action:?}");
    }
}

/// F21: the mismatch comes before the end of the stream does.
#[tokio::test]
async fn a_wrong_checksum_of_a_get_is_no_end() {
    let emulator = emulator().await;
    emulator.put_object(emulator.bucket(), "big", pattern(2_000_000));
    let bucket = support::bucket(&emulator);
    for action in [Action::WrongCrc, Action::CorruptByte { at: 0 }, Action::CorruptByte { at: 1_999_999 }] {
        emulator.script(Rule::on("GET Object").then(action.clone()));
        let (bytes, error) = read_all(bucket.get("big").await.unwrap().body).await;
        assert_eq!(error.map(|error| error.kind()), Some(ErrorKind::Integrity), "{action:?}");
        assert_eq!(bytes.len(), 2_000_000);
        emulator.script(Rule::on("GET Object").then(action.clone()));
        let error = bucket.get("big").await.unwrap().bytes(1 << 22).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Integrity, "{action:?}");
    }
}

/// What came with its head is looked at before it is given out, and read again once.
#[tokio::test]
async fn a_wrong_checksum_of_a_small_get_is_read_again_once() {
    let emulator = emulator().await;
    let bucket = support::bucket(&emulator);
    emulator.put_object(emulator.bucket(), "small", "hello");
    for action in [Action::WrongCrc, Action::CorruptByte { at: 0 }] {
        emulator.clear_journal();
        emulator.script(Rule::on("GET Object").then(action.clone()));
        assert_eq!(bucket.get("small").await.unwrap().bytes(10).await.unwrap(), "hello");
        assert_eq!(emulator.count("GET Object"), 2, "{action:?}");
        emulator.script(Rule::on("GET Object").times(2).then(action.clone()));
        let error = bucket.get("small").await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Integrity, 2), "{action:?}");
    }
}
