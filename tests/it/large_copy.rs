//! Copies of objects of any size inside COS.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cos_emulator::{Action, Effect, Emulator, Matcher, Rule};
use tencent_cos::policy::{Policy, Resource};
use tencent_cos::transfer::LargeCopy;
use tencent_cos::{
    AbortMultipartUpload, Attributes, Bucket, CompleteMultipartUpload, Crc64, ErrorKind, GetObjectTagging, HeadObject,
    InitiateMultipartUpload, ObjectKey, PutBucketVersioning, PutObject, PutObjectTagging, StorageClass, Tags,
    UploadPart, UploadPartCopy, Versioning,
};

use crate::support::{InMemory, count, noise, session};

const MIB: usize = 1024 * 1024;
const LENGTH: usize = 3 * MIB + 7;

fn key(text: &str) -> ObjectKey {
    text.parse().expect("a key")
}

fn copy() -> LargeCopy {
    LargeCopy::new(key("a b/ü+"), key("copy"))
}

/// The same, in parts or in one request.
fn both() -> [LargeCopy; 2] {
    [copy().part_size(MIB as u64), copy()]
}

fn described() -> Attributes {
    Attributes::new()
        .content_type("text/x-one")
        .content_disposition("attachment")
        .cache_control("no-cache")
        .storage_class(StorageClass::STANDARD_IA)
        .meta("who", "me")
        .meta_text("title", "夏")
}

/// Two buckets in two regions, on their own hosts, and an object in the first.
async fn two_regions() -> (InMemory, [Bucket; 2]) {
    let mut memory = InMemory::new();
    let clock = Arc::clone(&memory.clock);
    memory.emulator = Emulator::builder()
        .bucket("here-1250000000", "ap-guangzhou")
        .bucket("there-1250000000", "eu-frankfurt")
        .strict_signature(true)
        .clock(Arc::new(move || clock.true_time()))
        .in_memory()
        .expect("the emulator starts");
    let client = memory.client().build().unwrap();
    let there = client.bucket_in("eu-frankfurt", "there-1250000000").unwrap();
    let here = client.bucket("here-1250000000").unwrap();
    here.send(PutObject::new(key("a b/ü+"), noise(LENGTH, 1)).attributes(described())).await.unwrap();
    memory.emulator.clear_journal();
    (memory, [here, there])
}

fn bytes_of(memory: &InMemory, bucket: &Bucket) -> Bytes {
    memory.emulator.object(bucket.name().as_str(), "copy").expect("a copy").bytes()
}

fn left(memory: &InMemory) -> usize {
    ["here-1250000000", "there-1250000000"].map(|bucket| memory.emulator.uploads(bucket).len()).iter().sum()
}

#[tokio::test(start_paused = true)]
async fn a_copy_in_parts_is_as_one_in_one_request() {
    let (memory, [here, there]) = two_regions().await;
    for (to, from) in [(&here, None), (&there, Some(&here))] {
        let mut seen = Vec::new();
        for (copy, parts) in both().into_iter().zip([4, 0]) {
            let copy = from.map_or(copy.clone(), |from| copy.from_bucket(from));
            let transfer = to.transfer(copy);
            let handle = transfer.handle();
            let output = transfer.await.unwrap();
            assert_eq!((output.parts, output.length, output.reconciled), (parts, LENGTH as u64, false));
            assert_eq!(output.crc64, Some(Crc64::of(&noise(LENGTH, 1))));
            assert_eq!((handle.progress().bytes, handle.progress().total_bytes), (LENGTH as u64, Some(LENGTH as u64)));
            assert!(bytes_of(&memory, to) == noise(LENGTH, 1));
            let object = memory.emulator.object(to.name().as_str(), "copy").unwrap();
            assert_eq!(object.etag(), output.etag);
            assert_eq!(memory.emulator.journal().last().unwrap().request_id, output.request_id());
            let sorted = |pairs: &[(String, Bytes)]| {
                let mut pairs = pairs.to_vec();
                pairs.sort();
                pairs
            };
            seen.push((sorted(object.headers()), sorted(object.metadata()), object.storage_class().to_owned()));
        }
        assert_eq!(seen[0], seen[1], "what comes along");
        assert_eq!((seen[0].1.len(), &*seen[0].2), (2, "STANDARD"));
    }
    assert_eq!(here.copy("a b/ü+", "copy").await.unwrap().parts, 0);
    assert_eq!(here.copy("", "copy").await.unwrap_err().field(), Some("key"));
    assert!(here.copy("none", "copy").await.unwrap_err().is_not_found());
    assert_eq!(here.transfer(copy().part_size(1)).await.unwrap_err().field(), Some("part_size"));
    assert_eq!(left(&memory), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_said_replaces_what_would_come_along() {
    let (memory, [here, _]) = two_regions().await;
    let tagged = PutObject::new(key("a b/ü+"), noise(LENGTH, 1)).tags(Tags::new().tag("a", "b"));
    here.send(tagged).await.unwrap();
    for copy in both() {
        let copy = copy
            .replace_attributes(Attributes::new().content_type("text/x-two"))
            .replace_tags(Tags::new().tag("c", "d"))
            .storage_class(StorageClass::ARCHIVE);
        here.transfer(copy.clone()).await.unwrap();
        let object = memory.emulator.object(here.name().as_str(), "copy").unwrap();
        assert_eq!((object.header("content-type"), object.metadata().len()), (Some("text/x-two"), 0));
        assert_eq!((object.tags(), object.storage_class()), (&[("c".to_owned(), "d".to_owned())][..], "ARCHIVE"));
        let error = here.transfer(copy.forbid_overwrite()).await.unwrap_err();
        assert_eq!(error.code(), Some("FileAlreadyExists"), "{error}");
    }
    assert_eq!(left(&memory), 0);
}

fn tags_of(memory: &InMemory, bucket: &Bucket) -> Tags {
    let copy = memory.emulator.object(bucket.name().as_str(), "copy").expect("a copy");
    copy.tags().iter().cloned().collect()
}

#[tokio::test(start_paused = true)]
async fn tags_come_along_whatever_the_look_at_the_source_tells() {
    let (memory, [here, there]) = two_regions().await;
    let tags = Tags::new().tag("a b", "夏").tag("c", "");
    here.send(PutObjectTagging::new(key("a b/ü+"), tags.clone())).await.unwrap();
    for (to, from) in [(&here, None), (&there, Some(&here))] {
        for copy in both() {
            let copy = from.map_or(copy.clone(), |from| copy.from_bucket(from));
            to.transfer(copy.clone()).await.unwrap();
            assert_eq!(tags_of(&memory, to), tags);
            to.transfer(copy.clone().replace_tags(Tags::new())).await.unwrap();
            assert_eq!(tags_of(&memory, to), Tags::new());
            to.transfer(copy.replace_tags(Tags::new().tag("d", "e"))).await.unwrap();
            assert_eq!(tags_of(&memory, to), Tags::new().tag("d", "e"));
        }
    }
    // A HEAD that counts no tags says nothing of them.
    let look = here.head("a b/ü+").await.unwrap();
    let headers = look.headers().iter().filter(|(name, _)| *name != "x-cos-tagging-count");
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    let uncounted = Action::RawBody { status: 200, headers, body: Bytes::new() };
    memory.emulator.script(Rule::on("HEAD Object").then(uncounted));
    here.transfer(copy().part_size(MIB as u64)).await.unwrap();
    assert_eq!(tags_of(&memory, &here), tags);
    assert_eq!(left(&memory), 0);
}

/// COS took longer ones, once.
#[tokio::test(start_paused = true)]
async fn whether_the_tags_of_the_source_are_taken_cos_says() {
    let (memory, [here, _]) = two_regions().await;
    let long = "k".repeat(128);
    let body = format!("<Tagging><TagSet><Tag><Key>{long}</Key><Value/></Tag></TagSet></Tagging>").into();
    let headers = vec![("x-cos-request-id".to_owned(), "NjQ".to_owned())];
    memory.emulator.script(Rule::on("GET Object tagging").then(Action::RawBody { status: 200, headers, body }));
    let error = here.transfer(copy().part_size(MIB as u64)).await.unwrap_err();
    let told = (error.operation(), error.code());
    assert_eq!(told, (Some("Initiate Multipart Upload"), Some("InvalidTag")), "{error}");
    assert_eq!(left(&memory), 0);
}

#[tokio::test(start_paused = true)]
async fn the_tags_are_those_of_the_version_that_is_copied() {
    for version in [None, Some("null")] {
        let (memory, [here, _]) = two_regions().await;
        here.send(PutObjectTagging::new(key("a b/ü+"), Tags::new().tag("v", "null"))).await.unwrap();
        here.send(PutBucketVersioning::new(Versioning::Enabled)).await.unwrap();
        let second = PutObject::new(key("a b/ü+"), noise(LENGTH, 2)).tags(Tags::new().tag("v", "2"));
        here.send(second).await.unwrap();
        memory.emulator.script(Rule::on("GET Object tagging").then(Action::Delay(Duration::from_secs(1))));
        let copy = copy().part_size(MIB as u64);
        let copy = version.map_or(copy.clone(), |id| copy.source_version_id(id));
        let (outcome, third) = tokio::join!(here.transfer(copy), async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            here.send(PutObject::new(key("a b/ü+"), noise(LENGTH, 3)).tags(Tags::new().tag("v", "3"))).await
        });
        outcome.unwrap();
        third.unwrap();
        assert_eq!(tags_of(&memory, &here).get("v"), Some(version.unwrap_or("2")));
    }
}

#[tokio::test(start_paused = true)]
async fn tags_that_may_not_be_read_are_not_lost_without_a_word() {
    let (memory, [here, _]) = two_regions().await;
    let everything = Resource::bucket("ap-guangzhou", here.name().as_str()).unwrap();
    let without = |policy: Policy| {
        let rights = policy
            .allow::<HeadObject>(&everything)
            .allow::<InitiateMultipartUpload>(&everything)
            .allow::<UploadPartCopy>(&everything)
            .allow::<CompleteMultipartUpload>(&everything)
            .allow::<AbortMultipartUpload>(&everything);
        let minted = memory.emulator.mint_with(Duration::from_secs(1800), &rights.to_json().unwrap());
        let client = memory.client().credentials(session(&minted)).build().unwrap();
        client.bucket(here.name()).unwrap()
    };
    let denied = without(Policy::new());
    let in_parts = copy().part_size(MIB as u64);
    let error = denied.transfer(in_parts.clone()).await.unwrap_err();
    assert_eq!((error.code(), error.operation()), (Some("AccessDenied"), Some("GET Object tagging")), "{error}");
    assert!(error.to_string().contains("name/cos:GetObjectTagging"), "{error}");
    assert_eq!(count(&memory.emulator, "Initiate Multipart Upload"), 0);
    // Who gives tags, or wants none, does not need to.
    denied.transfer(in_parts.clone().replace_tags(Tags::new())).await.unwrap();
    without(Policy::new().allow::<GetObjectTagging>(&everything)).transfer(in_parts).await.unwrap();
    assert_eq!(left(&memory), 0);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_replaced_meanwhile_is_not_copied_in_pieces_of_two() {
    // Without versions: no copy at all.
    for copy in both() {
        let (memory, [here, _]) = two_regions().await;
        for operation in ["Upload Part - Copy", "PUT Object - Copy"] {
            memory.emulator.script(Rule::on(operation).then(Action::Delay(Duration::from_secs(1))));
        }
        let (outcome, ()) = tokio::join!(here.transfer(copy), async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            memory.emulator.put_object(here.name().as_str(), "a b/ü+", noise(LENGTH, 2));
        });
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Changed, "{error}");
        assert!(memory.emulator.object(here.name().as_str(), "copy").is_none());
        assert_eq!(left(&memory), 0);
    }
    // With versions: of the one that was there in the beginning.
    for copy in both() {
        let (memory, [here, _]) = two_regions().await;
        here.send(PutBucketVersioning::new(Versioning::Enabled)).await.unwrap();
        let first = here.put("a b/ü+", noise(LENGTH, 3)).await.unwrap().version_id;
        for operation in ["Upload Part - Copy", "PUT Object - Copy"] {
            memory.emulator.script(Rule::on(operation).then(Action::Delay(Duration::from_secs(1))));
        }
        let (outcome, ()) = tokio::join!(here.transfer(copy.clone()), async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            memory.emulator.put_object(here.name().as_str(), "a b/ü+", noise(LENGTH, 4));
        });
        assert_eq!(outcome.unwrap().source_version_id, first);
        assert!(bytes_of(&memory, &here) == noise(LENGTH, 3));
        let output = here.transfer(copy.source_version_id("null")).await.unwrap();
        assert!(bytes_of(&memory, &here) == noise(LENGTH, 1) && output.version_id.is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn a_copy_whose_end_was_not_heard_of_is_found_out() {
    for (copy, end) in both().into_iter().zip(["Complete Multipart Upload", "PUT Object - Copy"]) {
        for silent in [Action::ResetBeforeHeaders, Action::status(500, "InternalError")] {
            let (memory, [here, _]) = two_regions().await;
            memory.emulator.script(Rule::on(end).times(8).then(silent.clone()).effect(Effect::Apply));
            let output = here.transfer(copy.clone()).await.unwrap_or_else(|error| panic!("{end}: {error}"));
            assert!(output.reconciled && bytes_of(&memory, &here) == noise(LENGTH, 1), "{end}");
            assert_eq!(output.crc64, Some(Crc64::of(&noise(LENGTH, 1))));
            // Who may not look is told what is missing.
            let (memory, [here, _]) = two_regions().await;
            memory.emulator.script(Rule::on(end).always().then(silent));
            let target = Matcher::operation("HEAD Object").key("copy");
            memory.emulator.script(Rule::on(target).always().then(Action::status(403, "AccessDenied")));
            let error = here.transfer(copy.clone()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Ambiguous, "{error}");
            assert!(error.to_string().contains("name/cos:HeadObject"), "{error}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_copy_in_one_request_that_was_not_made_is_sent_again() {
    let copies = |memory: &InMemory| memory.emulator.count("PUT Object - Copy");
    // Whether COS says that it failed, or nothing.
    for (silent, most) in [(Action::ResetBeforeHeaders, 3), (Action::status(500, "InternalError"), 3 * 8)] {
        let (memory, [here, _]) = two_regions().await;
        memory.emulator.script(Rule::on("PUT Object - Copy").times(2).then(silent.clone()));
        let output = here.transfer(copy()).await.unwrap();
        assert!(!output.reconciled && bytes_of(&memory, &here) == noise(LENGTH, 1));
        assert_eq!(copies(&memory), 3);

        let (memory, [here, _]) = two_regions().await;
        memory.emulator.script(Rule::on("PUT Object - Copy").always().then(silent));
        let error = here.transfer(copy()).await.unwrap_err();
        assert_eq!((error.kind(), copies(&memory)), (ErrorKind::Ambiguous, most), "{error}");
    }
    // One that comes after the look at it is ours all the same.
    let (memory, [here, _]) = two_regions().await;
    memory.emulator.script(Rule::on("PUT Object - Copy").then(Action::ResetBeforeHeaders).effect(Effect::Apply));
    let target = Matcher::operation("HEAD Object").key("copy");
    memory.emulator.script(Rule::on(target).then(Action::status(404, "NoSuchKey")));
    let output = here.transfer(copy().forbid_overwrite()).await.unwrap();
    assert!(output.reconciled && bytes_of(&memory, &here) == noise(LENGTH, 1));
    assert_eq!(copies(&memory), 2);
}

/// What was at the target before has the same bytes, and is not what was asked for.
#[tokio::test(start_paused = true)]
async fn what_was_there_before_is_not_taken_for_the_copy() {
    for small in [true, false] {
        for onto_itself in [true, false] {
            let (memory, [here, _]) = two_regions().await;
            let name = if onto_itself { "a b/ü+" } else { "copy" };
            if !onto_itself {
                memory.emulator.put_object(here.name().as_str(), name, noise(LENGTH, 1));
                memory.clock.jump(2);
            }
            let copy = LargeCopy::new(key("a b/ü+"), key(name)).storage_class(StorageClass::ARCHIVE);
            let copy = copy.replace_attributes(Attributes::new());
            let copy = if small { copy } else { copy.part_size(MIB as u64) };
            let end = if small { "PUT Object - Copy" } else { "Complete Multipart Upload" };
            memory.emulator.script(Rule::on(end).then(Action::ResetBeforeHeaders));
            let output = here.transfer(copy).await.unwrap_or_else(|error| panic!("{end} {name}: {error}"));
            let made = memory.emulator.object(here.name().as_str(), name).unwrap();
            assert_eq!((output.reconciled, made.storage_class()), (false, "ARCHIVE"), "{end} {name}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_copy_of_other_bytes_is_told_before_it_is_an_object() {
    let (memory, [here, _]) = two_regions().await;
    memory.emulator.script(Rule::on("Upload Part - Copy").skip(2).then(Action::WrongCrc));
    let error = here.transfer(copy().part_size(MIB as u64)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity, "{error}");
    assert_eq!((count(&memory.emulator, "Complete Multipart Upload"), left(&memory)), (0, 0));
    // Where COS tells no checksums there is nothing to compare.
    memory.emulator.script(Rule::on(Matcher::any()).always().then(Action::NoCrc));
    let output = here.transfer(copy().part_size(MIB as u64)).await.unwrap();
    assert_eq!((output.crc64, bytes_of(&memory, &here) == noise(LENGTH, 1)), (None, true));
    // A part that fails for a passing reason, told in a success.
    let (memory, [here, _]) = two_regions().await;
    let late = Action::spaces(
        2,
        Duration::from_secs(30),
        cos_emulator::Ending::Error { code: "SlowDown".to_owned(), message: String::new() },
    );
    memory.emulator.script(Rule::on("Upload Part - Copy").then(late));
    here.transfer(copy().part_size(MIB as u64)).await.unwrap();
    assert!(bytes_of(&memory, &here) == noise(LENGTH, 1));
}

#[tokio::test(start_paused = true)]
async fn only_parts_that_were_lost_are_copied_again() {
    let (memory, [here, _]) = two_regions().await;
    memory.emulator.script(Rule::on("Complete Multipart Upload").then(Action::Delay(Duration::from_secs(1))));
    let transfer = here.transfer(copy().part_size(MIB as u64));
    let handle = transfer.handle();
    let (output, ()) = tokio::join!(transfer, async {
        while count(&memory.emulator, "Complete Multipart Upload") == 0 {
            tokio::task::yield_now().await;
        }
        let id = memory.emulator.uploads(here.name().as_str()).remove(0).upload_id;
        here.send(UploadPart::new(key("copy"), id, 2, noise(MIB, 99))).await.unwrap();
    });
    assert_eq!(output.unwrap().parts, 4);
    assert!(bytes_of(&memory, &here) == noise(LENGTH, 1));
    assert_eq!(count(&memory.emulator, "Upload Part - Copy"), 5);
    let progress = handle.progress();
    assert_eq!((progress.bytes, progress.parts), (LENGTH as u64, 4), "what was lost is moved once more");
}

/// A pause while the source is looked at holds up the copy.
#[tokio::test(start_paused = true)]
async fn a_paused_copy_is_not_begun() {
    for (copy, begins) in both().into_iter().zip(["Upload Part - Copy", "PUT Object - Copy"]) {
        let (memory, [here, _]) = two_regions().await;
        memory.emulator.script(Rule::on("HEAD Object").then(Action::Delay(Duration::from_secs(1))));
        let transfer = here.transfer(copy);
        let handle = transfer.handle();
        let (output, ()) = tokio::join!(transfer, async {
            while count(&memory.emulator, "HEAD Object") == 0 {
                tokio::task::yield_now().await;
            }
            handle.pause();
            tokio::time::sleep(Duration::from_secs(60)).await;
            assert_eq!(count(&memory.emulator, begins), 0);
            handle.resume();
        });
        output.unwrap();
    }
}

/// What nobody waits for any more may be made all the same.
#[tokio::test(start_paused = true)]
async fn a_copy_that_is_cancelled_in_its_one_request_may_be_there() {
    let (memory, [here, _]) = two_regions().await;
    let slow = Action::StallBeforeHeaders(Duration::from_secs(60));
    memory.emulator.script(Rule::on("PUT Object - Copy").then(slow));
    let transfer = here.transfer(copy());
    let handle = transfer.handle();
    let (outcome, ()) = tokio::join!(transfer, async {
        while memory.emulator.object(here.name().as_str(), "copy").is_none() {
            tokio::task::yield_now().await;
        }
        handle.cancel();
    });
    let error = outcome.unwrap_err();
    assert_eq!((error.kind(), error.may_have_taken_effect()), (ErrorKind::Cancelled, true), "{error}");
}
