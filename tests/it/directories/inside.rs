//! From prefix to prefix, inside COS.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cos_emulator::{Action, Emulator, Matcher, Rule};
use tencent_cos::policy::{Policy, Resource};
use tencent_cos::transfer::{Compare, CopyDirectory};
use tencent_cos::{
    Attributes, Bucket, CopyObject, DeleteObjects, ErrorKind, HeadObject, ListObjects, ObjectKey, PutObject,
    StorageClass,
};

use super::tree::{Steps, counts, keys, nothing_listed};
use crate::support::{InMemory, noise, session};

const HERE: &str = "here-1250000000";
const THERE: &str = "there-1250000000";

/// Two buckets in two regions.
fn rig() -> (InMemory, [Bucket; 2]) {
    let mut memory = InMemory::new();
    let clock = Arc::clone(&memory.clock);
    memory.emulator = Emulator::builder()
        .bucket(HERE, "ap-guangzhou")
        .bucket(THERE, "eu-frankfurt")
        .strict_signature(true)
        .clock(Arc::new(move || clock.true_time()))
        .in_memory()
        .expect("the emulator starts");
    let client = memory.client().build().unwrap();
    let there = client.bucket_in("eu-frankfurt", THERE).unwrap();
    (memory, [client.bucket("here-1250000000").unwrap(), there])
}

fn store(emulator: &Emulator, bucket: &str, keys: &[&str]) {
    for key in keys {
        emulator.put_object(bucket, key, (*key).to_owned());
    }
}

fn bytes(emulator: &Emulator, bucket: &str, key: &str) -> Bytes {
    emulator.object(bucket, key).unwrap_or_else(|| panic!("there is no {key}")).bytes()
}

#[tokio::test]
async fn what_is_behind_a_prefix_is_copied_behind_another_with_the_options_of_each() {
    let (memory, [here, there]) = rig();
    let names = ["", "a", "a//b", "dir/", "dir/é 😀+%", ".", "CON", "z"];
    store(&memory.emulator, HERE, &names.map(|name| format!("s/{name}")).each_ref().map(String::as_str));
    store(&memory.emulator, HERE, &["s", "s0", "r/x"]);
    let cold = Attributes::new().storage_class(StorageClass::STANDARD_IA).content_type("text/x-one");
    let large = noise(3 << 20, 1);
    let put = PutObject::new(ObjectKey::new("s/large").unwrap(), large.clone()).attributes(cold);
    here.send(put).await.unwrap();
    let steps = Steps::default();
    let job = CopyDirectory::new("s/", "c/")
        .from_bucket(&here)
        .each(|file, copy| copy.storage_class(file.storage_class.clone().unwrap()).part_size(1 << 20))
        .filter(|file| file.path != "z" && file.key != "c/dir/")
        .count_ahead()
        .on_file(steps.listener());
    let report = there.transfer(job).await.unwrap();
    assert_eq!(counts(&report), [7, 0, 0, 0]);
    let expected = ["", ".", "CON", "a", "a//b", "dir/é 😀+%", "large"];
    assert_eq!(keys(&there, "").await, expected.map(|name| format!("c/{name}")));
    for name in &expected[..6] {
        assert_eq!(bytes(&memory.emulator, THERE, &format!("c/{name}")), format!("s/{name}"));
    }
    let copy = memory.emulator.object(THERE, "c/large").unwrap();
    assert_eq!((copy.storage_class(), copy.header("content-type")), ("STANDARD_IA", Some("text/x-one")));
    assert!(copy.bytes() == large);
    assert_eq!(memory.emulator.count("Upload Part - Copy"), 3);
    assert_eq!(steps.take().len(), 14);
    assert_eq!(memory.emulator.count("GET Object"), 0);
}

#[tokio::test]
async fn a_sync_copies_what_differs_and_deletes_only_when_asked() {
    let (memory, [here, there]) = rig();
    let emulator = &memory.emulator;
    store(emulator, HERE, &["s/same", "s/a-b", "s/a/x", "s/new", "s/size", "s/bytes", "s/odd//x"]);
    for (key, body) in [
        ("c/same", "s/same"),
        ("c/a-b", "s/a-b"),
        ("c/a/x", "s/a/x"),
        ("c/odd//x", "s/odd//x"),
        ("c/size", "long"),
        ("c/bytes", "s/BYTES"),
        ("c/a.gone", "x"),
        ("c/a/gone", "x"),
        ("c/kept", "x"),
        ("c/z", "x"),
        ("c", "x"),
        ("c0", "x"),
    ] {
        emulator.put_object(THERE, key, body);
    }
    let before = keys(&there, "").await;
    let steps = Steps::default();
    let job = CopyDirectory::new("s/", "c/").from_bucket(&here).sync(Compare::Crc64);
    let job = job.filter(|file| file.path != "kept").on_file(steps.listener());
    let dry = there.transfer(job.clone().delete_extraneous().dry_run()).await.unwrap();
    assert_eq!(counts(&dry), [3, 4, 3, 0]);
    assert_eq!(steps.take()[..4], ["a-b unchanged", "a.gone deleted", "a/gone deleted", "a/x unchanged"]);
    assert_eq!((keys(&there, "").await, bytes(emulator, THERE, "c/size")), (before, "long".into()));

    assert_eq!(counts(&there.transfer(job.clone()).await.unwrap()), [3, 4, 0, 0]);
    for name in ["new", "size", "bytes"] {
        assert_eq!(bytes(emulator, THERE, &format!("c/{name}")), format!("s/{name}"));
    }
    let deleted = there.transfer(job.clone().delete_extraneous()).await.unwrap();
    assert_eq!((counts(&deleted), deleted.withheld), ([0, 7, 3, 0], false));
    let left = ["c", "c/a-b", "c/a/x", "c/bytes", "c/kept", "c/new", "c/odd//x", "c/same", "c/size", "c0"];
    assert_eq!(keys(&there, "").await, left);
    assert_eq!(keys(&here, "").await.len(), 7);

    // By size or time nobody looks at an object.
    memory.emulator.clear_journal();
    emulator.put_object(HERE, "s/bytes", "S/bytes");
    assert_eq!(counts(&there.transfer(job.clone().sync(Compare::Size)).await.unwrap()), [0, 7, 0, 0]);
    assert_eq!(memory.emulator.count("HEAD Object"), 0);
    memory.clock.jump(5);
    emulator.put_object(HERE, "s/bytes", "S/bytes");
    assert_eq!(counts(&there.transfer(job.sync(Compare::Time)).await.unwrap()), [1, 6, 0, 0]);
    assert_eq!(bytes(emulator, THERE, "c/bytes"), "S/bytes");
}

/// Within a bucket one prefix may lie behind the other.
#[tokio::test]
async fn what_would_be_copied_again_or_deleted_as_a_copy_is_refused() {
    let (memory, [here, there]) = rig();
    store(&memory.emulator, HERE, &["a/b/b/x", "a/b/y", "a/z"]);
    memory.emulator.clear_journal();
    let sync = |from: &str, to: &str| CopyDirectory::new(from, to).sync(Compare::Size);
    for (job, field) in [
        (CopyDirectory::new("a/", "a/b/"), "prefix"),
        (CopyDirectory::new("a/", "a/").from_bucket(&here), "prefix"),
        (CopyDirectory::new("", "a/"), "prefix"),
        (CopyDirectory::new("a/", "b/").concurrency(0), "concurrency"),
        (CopyDirectory::new("a/", "b/").delete_extraneous(), "delete_extraneous"),
        (sync("a/b/", "a/").delete_extraneous(), "delete_extraneous"),
        (sync("a/b/", "").delete_extraneous(), "delete_extraneous"),
        (sync("a", "b/"), "prefix"),
        (sync("a/", "b"), "prefix"),
    ] {
        let error = here.transfer(job).await.unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::Input, Some(field)), "{error}");
    }
    assert!(memory.emulator.journal().is_empty());

    let report = here.transfer(CopyDirectory::new("a/b/", "a/")).await.unwrap();
    assert_eq!(counts(&report), [1, 0, 0, 1]);
    let failure = &report.failures[0];
    assert_eq!((failure.key.as_deref(), failure.path.as_deref()), (Some("a/b/x"), None));
    assert_eq!((failure.error.kind(), failure.error.field()), (ErrorKind::Input, Some("key")));
    assert_eq!(keys(&here, "").await, ["a/b/b/x", "a/b/y", "a/y", "a/z"]);

    // Another bucket is another place.
    assert_eq!(
        counts(&there.transfer(CopyDirectory::new("a/", "a/b/").from_bucket(&here)).await.unwrap()),
        [4, 0, 0, 0]
    );
}

#[tokio::test]
async fn a_copy_without_a_key_is_told_and_the_rest_goes_on() {
    let (memory, [here, _]) = rig();
    let long = format!("s/{}", "x".repeat(845));
    store(&memory.emulator, HERE, &["s/a", "s/b", &long]);
    let report = here.transfer(CopyDirectory::new("s/", "copies/")).await.unwrap();
    assert_eq!((counts(&report), report.failures[0].error.field()), ([2, 0, 0, 1], Some("key")));
    let report = here.transfer(CopyDirectory::new("s/a", "")).await.unwrap();
    assert_eq!((counts(&report), report.failures[0].error.field()), ([0, 0, 0, 1], Some("key")));
}

#[tokio::test]
async fn what_fails_is_told_and_nothing_is_deleted() {
    let (memory, [here, there]) = rig();
    store(&memory.emulator, HERE, &["s/a", "s/b"]);
    store(&memory.emulator, THERE, &["c/extra"]);
    let refused = Matcher::operation("PUT Object - Copy").key("c/a");
    memory.emulator.script(Rule::on(refused).then(Action::status(403, "AccessDenied")).times(1));
    let job = CopyDirectory::new("s/", "c/").from_bucket(&here).sync(Compare::Size).delete_extraneous();
    let report = there.transfer(job.clone()).await.unwrap();
    assert_eq!((counts(&report), report.withheld), ([1, 0, 0, 1], true));
    assert_eq!(report.failures[0].key.as_deref(), Some("c/a"));
    assert_eq!(keys(&there, "").await, ["c/b", "c/extra"]);
    // The source may not be empty either, nor be emptied under way.
    let gone = CopyDirectory::new("none/", "c/").from_bucket(&here).sync(Compare::Size).delete_extraneous();
    let error = there.transfer(gone).await.unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Input, Some("delete_extraneous")));
    assert_eq!(counts(&there.transfer(job).await.unwrap()), [1, 1, 1, 0]);
}

/// As the docs say.
#[tokio::test]
async fn a_copy_needs_no_more_rights_than_its_steps() {
    let (memory, [here, _]) = rig();
    store(&memory.emulator, HERE, &["s/a", "c/extra"]);
    let everything = Resource::bucket("ap-guangzhou", HERE).unwrap();
    let with = |policy: Policy| {
        let key = memory.emulator.mint_with(Duration::from_secs(1800), &policy.to_json().unwrap());
        memory.client().credentials(session(&key)).build().and_then(|client| client.bucket(HERE)).unwrap()
    };
    let copies = || {
        let policy = Policy::new().allow::<ListObjects>(&everything);
        policy.allow::<HeadObject>(&everything).allow::<CopyObject>(&everything)
    };
    let job = CopyDirectory::new("s/", "c/");
    assert_eq!(counts(&with(copies()).transfer(job.clone()).await.unwrap()), [1, 0, 0, 0]);
    let sync = job.sync(Compare::Crc64).delete_extraneous();
    let report = with(copies()).transfer(sync.clone()).await.unwrap();
    assert_eq!((counts(&report), report.failures[0].error.is_access_denied()), ([0, 1, 0, 1], true));
    let deletes = copies().allow::<DeleteObjects>(&everything);
    assert_eq!(counts(&with(deletes).transfer(sync).await.unwrap()), [0, 1, 1, 0]);
    assert_eq!(keys(&here, "").await, ["c/a", "s/a"]);
}

#[tokio::test]
async fn a_key_that_is_over_ends_it() {
    let (memory, [here, _]) = rig();
    let many: Vec<_> = (0..100).map(|number| format!("s/{number}")).collect();
    store(&memory.emulator, HERE, &many.iter().map(String::as_str).collect::<Vec<_>>());
    let key = memory.emulator.mint(Duration::from_secs(3600));
    let bucket = memory.bucket_of(memory.client().credentials(session(&key)));
    let over = Rule::on(Matcher::any().key("c/13")).then(Action::status(403, "InvalidAccessKeyId")).always();
    memory.emulator.script(over);
    let report = bucket.transfer(CopyDirectory::new("s/", "c/").concurrency(1)).await.unwrap();
    assert_eq!(report.ended_by.as_ref().unwrap().key.as_deref(), Some("c/13"));
    assert_eq!((report.failed, report.transferred), (1, 5));
    assert_eq!(keys(&here, "c/").await.len(), 5);
}

/// By a second listing.
#[tokio::test]
async fn a_source_that_was_emptied_under_way_empties_nothing() {
    let (memory, [here, there]) = rig();
    store(&memory.emulator, HERE, &["s/a"]);
    store(&memory.emulator, THERE, &["c/extra"]);
    let listing = Matcher::operation("GET Bucket").bucket(HERE);
    memory.emulator.script(Rule::on(listing).skip(1).then(nothing_listed()));
    let job = CopyDirectory::new("s/", "c/").from_bucket(&here).sync(Compare::Size).delete_extraneous();
    let report = there.transfer(job).await.unwrap();
    let ended_by = report.ended_by.as_ref().unwrap();
    assert_eq!((ended_by.error.field(), report.withheld), (Some("delete_extraneous"), true));
    assert_eq!(keys(&there, "").await, ["c/a", "c/extra"]);
}
