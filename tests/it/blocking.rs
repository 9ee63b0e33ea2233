//! The blocking door, from threads without a runtime.

use std::io::{BufRead as _, Read as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cos_emulator::{Action, Emulator, Rule};
use tencent_cos::policy::{Policy, Resource};
use tencent_cos::sts::GetFederationToken;
use tencent_cos::transfer::{Download, LargeCopy};
use tencent_cos::{
    CsvInput, CsvOutput, ErrorKind, FileHeaderInfo, GetObject, InitiateMultipartUpload, ListBuckets, Overrides,
    PostPolicy, SelectInput, SelectObjectContent, SelectOutput, SessionCredentials, blocking,
};

use crate::support;

/// Runs the test on a thread of its own beside the emulator's runtime.
async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, wait) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || done.send(work()));
    wait.await.expect("the thread did not panic")
}

fn client(emulator: &Emulator) -> blocking::Client {
    blocking::Client::new(support::client(emulator)).expect("a client")
}

#[tokio::test]
async fn everyday_verbs_without_a_runtime() {
    let emulator = support::emulator().await;
    let client = client(&emulator);
    let bucket = client.bucket(emulator.bucket()).unwrap();
    beside(move || {
        let body = "0123456789".repeat(20_000);
        let put = bucket.put("a b", body.clone()).unwrap();
        assert_eq!(bucket.head("a b").unwrap().crc64(), put.crc64);
        assert!(bucket.exists("a b").unwrap() && !bucket.exists("b").unwrap());
        let mut read = String::new();
        bucket.get("a b").unwrap().read_to_string(&mut read).unwrap();
        assert_eq!(read, body);
        let part = bucket.read(GetObject::new("a b".parse().unwrap()).range(5..15)).unwrap();
        assert_eq!(part.bytes(10).unwrap(), "5678901234");
        bucket.put("a c", "").unwrap();
        let keys: Vec<_> = bucket.list("a").map(|object| object.unwrap().key).collect();
        assert_eq!(keys, ["a b", "a c"]);
        let mut refused = client.bucket("another-1250000000").unwrap().list("a");
        assert!(refused.next().unwrap().unwrap_err().is_not_found() && refused.next().is_none());
        assert!(bucket.presign_get("a b", Duration::from_secs(60)).unwrap().url.contains("/a%20b?"));
        bucket.delete("a b").unwrap();
        assert!(bucket.get("a b").unwrap_err().is_not_found());
        assert_eq!(client.send(ListBuckets::new()).unwrap().buckets.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_server_without_a_runtime_hands_out_keys() {
    let emulator = support::emulator().await;
    let name = emulator.bucket().to_owned();
    let alice = Resource::prefix(emulator.region(), name.as_str(), "alice/").unwrap();
    let policy = Policy::new().allow_upload(&alice);
    let sts = blocking::sts::Client::new(support::sts(&emulator)).unwrap();
    let app = support::client(&emulator);
    let keys = sts.provider(GetFederationToken::new("alice", policy.clone()));
    let refreshing = blocking::Client::new(support::client(&emulator).credentials(keys)).unwrap();
    let call = GetFederationToken::new("alice", policy);
    beside(move || {
        let issued = sts.send(call).unwrap();
        let app = blocking::Client::new(app.credentials(issued.key)).unwrap().bucket(name.clone()).unwrap();
        app.put("alice/a", "hello").unwrap();
        assert_eq!(app.put("bob/a", "hello").unwrap_err().code(), Some("AccessDenied"));
        refreshing.bucket(name).unwrap().put("alice/b", "hello").unwrap();
    })
    .await;
    assert_eq!(support::count(&emulator, "GetFederationToken"), 2);
}

#[tokio::test]
async fn files_and_readers_go_up_and_come_down() {
    let emulator = support::emulator().await;
    let bucket = client(&emulator).bucket(emulator.bucket()).unwrap();
    let bytes: Vec<u8> = (0..20_000_000_u32).map(|at| (at / 7).to_le_bytes()[0]).collect();
    let there = beside({
        let bytes = bytes.clone();
        move || {
            let folder = tempfile::tempdir().unwrap();
            let (up, down) = (folder.path().join("up"), folder.path().join("down"));
            std::fs::write(&up, &bytes).unwrap();
            let moved = Arc::new(AtomicU64::new(0));
            let seen = Arc::clone(&moved);
            let upload = bucket.upload("file", &*up).on_progress(move |progress| {
                seen.store(progress.bytes, Ordering::Relaxed);
            });
            assert!(upload.wait().unwrap().parts > 1);
            assert_eq!(moved.load(Ordering::Relaxed), bytes.len() as u64);
            bucket.copy("file", "copy").wait().unwrap();
            assert_eq!(bucket.download("copy", &down).wait().unwrap().bytes, bytes.len() as u64);
            assert!(std::fs::read(&down).unwrap() == bytes);
            bucket.upload("reader", blocking::source(None, std::fs::File::open(&up).unwrap())).wait().unwrap();
            let mut read = Vec::new();
            bucket.open(Download::new("reader".parse().unwrap())).unwrap().read_to_end(&mut read).unwrap();
            assert!(read == bytes);
            // One object read into another, on the very threads that wait for it.
            let object = bucket.get("file").unwrap();
            bucket.upload("read", blocking::source(object.meta.content_length(), object)).wait().unwrap();
            let long = blocking::source(Some(3), &b"four"[..]);
            assert_eq!(bucket.upload("long", long).wait().unwrap_err().kind(), ErrorKind::Changed);
        }
    });
    there.await;
    for key in ["file", "copy", "reader", "read"] {
        let mut stored = Vec::new();
        emulator.object(emulator.bucket(), key).expect(key).reader().read_to_end(&mut stored).unwrap();
        assert!(stored == bytes, "{key}");
    }
    assert!(emulator.object(emulator.bucket(), "long").is_none());
}

#[tokio::test]
async fn results_are_read_line_by_line_and_one_that_broke_off_is_no_end() {
    let emulator = support::emulator().await;
    emulator.put_object(emulator.bucket(), "people.csv", "name,age\nAda,36\nAlan,41\n");
    let client = client(&emulator);
    let bucket = client.bucket(emulator.bucket()).unwrap();
    let select = || {
        let input = CsvInput::new().file_header_info(FileHeaderInfo::Use);
        let names = "SELECT s.name FROM COSObject s";
        SelectObjectContent::new(
            "people.csv".parse().unwrap(),
            names,
            SelectInput::csv(input),
            SelectOutput::csv(CsvOutput::new()),
        )
    };
    beside({
        let bucket = bucket.clone();
        move || {
            let mut selection = bucket.select(select()).unwrap();
            let names: Vec<_> = selection.by_ref().lines().map(Result::unwrap).collect();
            assert_eq!(names, ["Ada", "Alan"]);
            assert_eq!(selection.progress.stats().unwrap().bytes_returned, Some(9));
            assert_eq!(bucket.select(select()).unwrap().bytes(9).unwrap(), "Ada\nAlan\n");
        }
    })
    .await;
    emulator.script(Rule::on("SELECT Object Content").then(Action::CutBody { at: 60 }).always());
    beside(move || {
        let mut selection = bucket.select(select()).unwrap();
        assert!(selection.read_to_end(&mut Vec::new()).is_err() && selection.read(&mut [0]).is_err());
    })
    .await;
}

#[tokio::test]
async fn a_body_that_is_wrong_is_an_error_of_the_reader() {
    let emulator = support::emulator().await;
    emulator.put_object(emulator.bucket(), "k", vec![7; 100_000]);
    emulator.script(Rule::on("GET Object").then(Action::WrongCrc).always());
    let bucket = client(&emulator).bucket(emulator.bucket()).unwrap();
    beside(move || {
        let bucket = bucket.with(Overrides::new().max_attempts(1));
        let mut object = bucket.get("k").unwrap();
        let error = object.read_to_end(&mut Vec::new()).unwrap_err();
        // And never an end of the bytes.
        assert!(object.read(&mut [0]).is_err() && object.read_to_end(&mut Vec::new()).is_err());
        assert!(object.bytes(100_000).is_err());
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
        assert_eq!(tencent_cos::Error::from(error).kind(), ErrorKind::Integrity);
    })
    .await;
}

#[tokio::test]
async fn the_rest_of_an_object_begins_where_the_reader_stands() {
    let emulator = support::emulator().await;
    emulator.put_object(emulator.bucket(), "k", "0123456789".repeat(10_000));
    let bucket = client(&emulator).bucket(emulator.bucket()).unwrap();
    beside(move || {
        let mut object = bucket.get("k").unwrap();
        object.read_exact(&mut [0; 3]).unwrap();
        let rest = object.bytes(100_000).unwrap();
        assert_eq!((rest.len(), &rest[..4]), (99_997, &b"3456"[..]));
        let mut object = bucket.get("k").unwrap();
        object.read_exact(&mut [0; 3]).unwrap();
        assert_eq!(object.bytes(99_996).unwrap_err().kind(), ErrorKind::Response);
        bucket.put("lines", "one\ntwo\nthree").unwrap();
        let lines: Vec<_> = bucket.get("lines").unwrap().lines().map(Result::unwrap).collect();
        assert_eq!(lines, ["one", "two", "three"]);
    })
    .await;
}

#[tokio::test]
async fn another_bucket_is_a_source_and_orphans_are_found() {
    let other = "backup-1250000000";
    let buckets = Emulator::builder().bucket("examplebucket-1250000000", "ap-guangzhou").bucket(other, "ap-guangzhou");
    let emulator = buckets.start().await.unwrap();
    let client = client(&emulator);
    let (from, to) = (client.bucket(emulator.bucket()).unwrap(), client.bucket(other).unwrap());
    beside(move || {
        assert_eq!((to.name().as_str(), to.region().as_str()), (other, "ap-guangzhou"));
        let put = from.put("a b", "hello").unwrap();
        let copy = LargeCopy::new("a b".parse().unwrap(), "c".parse().unwrap()).from_bucket(from.as_async());
        assert_eq!(to.transfer(copy).wait().unwrap().crc64, put.crc64);
        assert!(to.object_url("a b").unwrap().ends_with("/backup-1250000000/a%20b"));

        for key in ["x/1", "y/1"] {
            to.send(InitiateMultipartUpload::new(key.parse().unwrap())).unwrap();
        }
        assert_eq!(to.orphans(Duration::from_secs(3600)).list().count(), 0);
        let aborted = to.orphans(Duration::ZERO).prefix("x/").abort().unwrap();
        assert_eq!((aborted.aborted.len(), aborted.failed.len()), (1, 0));
        let left: Vec<_> = to.orphans(Duration::ZERO).list().map(|upload| upload.unwrap().key).collect();
        assert_eq!(left, ["y/1"]);

        let pages: Vec<_> = client.pages(ListBuckets::new()).map(Result::unwrap).collect();
        assert_eq!(pages.iter().map(|page| page.buckets.len()).sum::<usize>(), 2);
    })
    .await;
}

#[tokio::test]
async fn what_is_signed_for_others_is_signed_without_a_runtime() {
    let emulator = support::emulator().await;
    let client = client(&emulator);
    let bucket = client.bucket(emulator.bucket()).unwrap();
    beside(move || {
        let minute = Duration::from_secs(60);
        let form = bucket.post_form(PostPolicy::prefix("up/").unwrap(), minute).unwrap();
        assert!(form.fields.iter().any(|(name, _)| name == "policy"));
        let get = || GetObject::new("k".parse().unwrap());
        assert!(bucket.sign(get()).unwrap().headers().contains_key("authorization"));
        bucket.put("k", "v").unwrap();
        assert_eq!(bucket.send_raw(get()).unwrap().status(), 200);

        let account = bucket.client();
        assert!(account.sign(ListBuckets::new()).unwrap().headers().contains_key("authorization"));
        assert!(account.presign(ListBuckets::new(), minute).unwrap().url.contains("q-signature="));
        assert_eq!(account.send_raw(ListBuckets::new()).unwrap().into_body().buckets.len(), 1);
        assert!(client.credentials().peek().is_some());
    })
    .await;
}

#[tokio::test]
async fn inside_a_runtime_it_is_an_error_and_no_panic() {
    let emulator = support::emulator().await;
    let bucket = client(&emulator).bucket(emulator.bucket()).unwrap();
    for error in [
        bucket.put("k", "v").unwrap_err(),
        bucket.upload("k", vec![1]).wait().unwrap_err(),
        bucket.download("k", "nowhere").wait().unwrap_err(),
        bucket.list("").next().unwrap().unwrap_err(),
        bucket.presign_get("k", Duration::from_secs(60)).unwrap_err(),
    ] {
        assert_eq!((error.kind(), error.field()), (ErrorKind::Input, Some("runtime")));
    }
    assert!(emulator.journal().is_empty());
    // The last handle goes here, inside the runtime.
    drop(bucket);
}

#[tokio::test]
async fn keys_come_from_a_closure_that_waits() {
    let emulator = support::emulator().await;
    let keys = support::bucket(&emulator);
    let key = support::session(&emulator.mint(Duration::from_secs(3600)));
    keys.put("key", key.to_json()).await.unwrap();
    // Where the key lies is asked with a client that waits, too.
    let vault = client(&emulator).bucket(emulator.bucket()).unwrap();
    let from_vault = blocking::from_fn(move || SessionCredentials::from_json(&vault.get("key")?.bytes(4096)?));
    let builder = support::client(&emulator).credentials(from_vault);
    let bucket = blocking::Client::new(builder).unwrap().bucket(emulator.bucket()).unwrap();
    beside(move || bucket.put("k", "v").unwrap()).await;
    assert_eq!(support::count(&emulator, "GET Object"), 1);
}
