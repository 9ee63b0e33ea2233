//! Tags of objects, by every way they are given.

use tencent_cos::transfer::Upload;
use tencent_cos::{
    DeleteObjectTagging, ErrorKind, GetObjectTagging, ObjectKey, Operation, PutBucketVersioning, PutObject,
    PutObjectTagging, Tags, Versioning, read_response,
};

use crate::support::{InMemory, bucket, client, emulator};

fn key() -> ObjectKey {
    "a b.txt".parse().expect("a key")
}

fn blue() -> Tags {
    Tags::new().tag("team", "blue").tag("a b", "夏=+:/@").tag("empty", "")
}

#[tokio::test]
async fn tags_are_put_read_and_removed() {
    let emulator = emulator().await;
    let bucket = bucket(&emulator);
    bucket.put("a b.txt", "hello").await.unwrap();
    let get = || bucket.send(GetObjectTagging::new(key()));
    assert!(get().await.unwrap().tags.is_empty());
    bucket.send(PutObjectTagging::new(key(), Tags::new().tag("old", "1"))).await.unwrap();
    let put = bucket.send(PutObjectTagging::new(key(), blue())).await.unwrap();
    let stored = emulator.object(emulator.bucket(), "a b.txt").unwrap();
    assert_eq!(stored.tags().iter().cloned().collect::<Tags>(), blue());
    let found = get().await.unwrap();
    assert_eq!((found.tags, found.version_id, &put.version_id), (blue(), None, &None));
    assert!(!put.request_id().is_empty());
    let deleted = bucket.send(DeleteObjectTagging::new(key())).await.unwrap();
    assert!(!deleted.request_id().is_empty());
    let none = get().await.unwrap();
    assert!(none.tags.is_empty() && !none.request_id().is_empty());
    // None is an answer, and not one to be asked for twice.
    let last = emulator.journal().pop().unwrap();
    assert_eq!((last.status, last.code.as_deref()), (Some(404), Some("NoSuchTagSet")));
    let missing = bucket.send(GetObjectTagging::new("none".parse().unwrap())).await.unwrap_err();
    assert!(missing.is_not_found() && missing.code() == Some("NoSuchKey"), "{missing}");
}

#[tokio::test]
async fn an_answer_that_there_are_none_keeps_its_status_and_headers() {
    let emulator = emulator().await;
    let bucket = bucket(&emulator);
    bucket.put("a b.txt", "hello").await.unwrap();
    let raw = bucket.send_raw(GetObjectTagging::new(key())).await.unwrap();
    assert_eq!((raw.status().as_u16(), raw.body().tags.len()), (404, 0));
    assert_eq!(raw.headers()["x-cos-request-id"], raw.body().request_id());
}

#[tokio::test]
async fn what_is_tagged_when_it_is_made_is_tagged_the_same() {
    let emulator = emulator().await;
    let bucket = bucket(&emulator);
    bucket.send(PutObject::new(key(), "x").tags(blue())).await.unwrap();
    assert_eq!(bucket.send(GetObjectTagging::new(key())).await.unwrap().tags, blue());
    let parts = Upload::new("parts".parse().unwrap(), vec![0; 3 << 20]).part_size(1 << 20).tags(blue());
    assert!(bucket.transfer(parts).await.unwrap().parts > 1);
    assert_eq!(bucket.send(GetObjectTagging::new("parts".parse().unwrap())).await.unwrap().tags, blue());
}

#[tokio::test(start_paused = true)]
async fn each_version_has_tags_of_its_own() {
    let memory = InMemory::new();
    let bucket = memory.bucket();
    bucket.send(PutBucketVersioning::new(Versioning::Enabled)).await.unwrap();
    let first = bucket.put("a b.txt", "one").await.unwrap().version_id.unwrap();
    let second = bucket.put("a b.txt", "two").await.unwrap().version_id.unwrap();
    let put = PutObjectTagging::new(key(), blue()).version_id(&first);
    assert_eq!(bucket.send(put).await.unwrap().version_id.as_deref(), Some(first.as_str()));
    let of = |id: &str| bucket.send(GetObjectTagging::new(key()).version_id(id));
    let (old, new) = (of(&first).await.unwrap(), of(&second).await.unwrap());
    assert_eq!((old.tags, old.version_id), (blue(), Some(first.clone())));
    assert_eq!((new.tags, new.version_id), (Tags::new(), Some(second)));
    bucket.send(DeleteObjectTagging::new(key()).version_id(&first)).await.unwrap();
    assert!(of(&first).await.unwrap().tags.is_empty());
    assert_eq!(memory.emulator.versions(memory.emulator.bucket(), "a b.txt").len(), 2);
}

#[tokio::test]
async fn tags_that_cos_would_refuse_go_nowhere() {
    let emulator = emulator().await;
    let bucket = bucket(&emulator);
    let many = (0..11).map(|number| (number.to_string(), "")).collect::<Tags>();
    let twice = Tags::new().tag("a", "1").tag("a", "2");
    let (key_too_long, value_too_long) = ("k".repeat(128), "v".repeat(256));
    for tags in [many, twice, Tags::new().tag(key_too_long, ""), Tags::new().tag("k", value_too_long)] {
        for error in [
            bucket.send(PutObjectTagging::new(key(), tags.clone())).await.unwrap_err(),
            bucket.send(PutObject::new(key(), "x").tags(tags.clone())).await.unwrap_err(),
        ] {
            assert_eq!((error.kind(), error.field()), (ErrorKind::Input, Some("tags")), "{error}");
        }
    }
    assert!(emulator.journal().is_empty());
    // Which characters it takes, COS says.
    bucket.send(PutObject::new(key(), "x")).await.unwrap();
    let error = bucket.send(PutObjectTagging::new(key(), Tags::new().tag("a", "*"))).await.unwrap_err();
    assert_eq!((error.code(), error.status()), (Some("InvalidTag"), Some(400)));
}

/// With an HTTP client of one's own.
#[tokio::test]
async fn a_presigned_url_and_read_response_know_that_there_may_be_none() {
    let emulator = emulator().await;
    let client = client(&emulator).build().unwrap();
    let bucket = client.bucket(emulator.bucket()).unwrap();
    bucket.put("a b.txt", "hello").await.unwrap();
    let get = GetObjectTagging::new(key());
    let url = bucket.presign(get.clone(), std::time::Duration::from_secs(60)).await.unwrap();
    let answer = reqwest::get(url.url.as_str()).await.unwrap();
    assert_eq!(answer.status(), 404);
    let (status, headers) = (answer.status(), answer.headers().clone());
    let mut response = http::Response::new(answer.bytes().await.unwrap());
    (*response.status_mut(), *response.headers_mut()) = (status, headers);
    assert!(read_response(&get, &tencent_cos::Sent::default(), response).unwrap().tags.is_empty());
    assert_eq!(GetObjectTagging::NAME, emulator.journal().pop().unwrap().operation);
}
