//! Keys reach exactly their object, by every way of addressing a bucket; what cannot be sent never leaves the machine.

use std::time::Duration;

use cos_emulator::Emulator;
use futures_util::TryStreamExt as _;
use http_body_util::{BodyExt as _, Empty};
use tencent_cos::{
    AppendObject, Attributes, Bucket, ClientBuilder, CompleteMultipartUpload, Conditions, CopyObject, CopySource,
    DeleteObjects, Endpoint, Error, ErrorKind, GetObject, InitiateMultipartUpload, ListMultipartUploads, ListObjects,
    ObjectKey, Overrides, PutObject, Tags, Transport, UploadPart,
};

use crate::support::{InMemory, client, emulator};

/// Keys that some step on the way might take for another: dot segments, slashes, escapes, separators, blanks, controls.
const ODD: [&str; 37] = [
    "a/../b",
    "../b",
    "a/./b",
    "./c",
    "a/b/.",
    "a/b/..",
    "a/.../b",
    "...",
    "a//b",
    "a///b",
    "/lead",
    "//two",
    "/../c",
    "trail/",
    "trail//",
    "%2F",
    "a%2Fb",
    "%2e%2e",
    "a/%2E%2E/b",
    "100%",
    "%zz",
    "a?b#c",
    "a?versionId=1&uploads",
    "a&b=c;d",
    "a+b",
    "a b",
    " blank ",
    "\\..\\c",
    "😀/目录",
    "e\u{301}",
    "line\nbreak\r\n",
    "del\u{7f}\u{85}\u{9f}",
    "tab\t\u{0}\u{1}\u{1f}\u{7f}",
    "<k>&\"'",
    "~a*b!'()-_.,:@$[]{}|^`",
    "http://host/a",
    "[::1]:80/@",
];

/// What such a step would find in their place. Nobody writes these.
const NEIGHBOURS: [&str; 8] = ["b", "c", "a/b", "lead", "two", "a", "trail", "/"];

async fn keys(bucket: &Bucket) -> Vec<String> {
    bucket.list("").map_ok(|object| object.key).try_collect().await.expect("a listing")
}

/// Puts, reads, lists and deletes every odd key, and looks behind the client's back at what became of it.
async fn reach_exactly_their_object(emulator: &Emulator, bucket: &Bucket, way: &str) {
    let name = bucket.name().as_str();
    for key in NEIGHBOURS {
        emulator.put_object(name, key, "neighbour");
    }
    let mut expected: Vec<String> = NEIGHBOURS.map(str::to_owned).into();
    for key in ODD {
        let body = format!("the object {key:?}");
        bucket.put(key, body.clone()).await.unwrap_or_else(|error| panic!("{way}: put {key:?}: {error}"));
        expected.push(key.to_owned());
        let record = emulator.journal().pop().expect("a record");
        assert_eq!((record.key.as_deref(), record.status), (Some(key), Some(200)), "{way}");
        assert_eq!(record.bucket.as_deref(), Some(name), "{way}: {key:?}");
        assert_eq!(record.operation, "PUT Object", "{way}: {key:?}");
        let stored = emulator.object(name, key).unwrap_or_else(|| panic!("{way}: {key:?} is not there"));
        assert_eq!(stored.bytes(), body, "{way}: {key:?}");
    }
    expected.sort();
    assert_eq!(keys(bucket).await, expected, "{way}");
    for key in ODD {
        let body = format!("the object {key:?}");
        assert_eq!(bucket.get(key).await.expect(key).bytes(1024).await.expect(key), body, "{way}: {key:?}");
        let meta = bucket.head(key).await.expect(key);
        assert_eq!(meta.content_length(), Some(body.len() as u64), "{way}: {key:?}");
        let listed: Vec<_> = bucket.list(key).map_ok(|object| object.key).try_collect().await.expect(key);
        assert_eq!(listed.first().map(String::as_str), Some(key), "{way}");
        let behind = bucket.send(ListObjects::new().marker(key).max_keys(1)).await.expect(key);
        let next = expected.iter().find(|other| other.as_str() > key);
        assert_eq!(behind.objects.first().map(|object| &object.key), next, "{way}: behind {key:?}");
        let url = bucket.presign_get(key, Duration::from_secs(60)).await.expect(key).url;
        let request = http::Request::get(&url).body(Empty::<bytes::Bytes>::new()).expect(key);
        let answer = emulator.service().call(request).await.expect(key);
        assert_eq!(answer.status(), 200, "{way}: {url}");
        assert_eq!(answer.into_body().collect().await.expect(key).to_bytes(), body, "{way}: {url}");
    }
    for key in ODD {
        bucket.delete(key).await.expect(key);
        assert!(emulator.object(name, key).is_none(), "{way}: {key:?}");
        assert!(!bucket.exists(key).await.expect(key), "{way}: {key:?}");
    }
    for key in NEIGHBOURS {
        assert_eq!(emulator.object(name, key).expect(key).bytes(), "neighbour", "{way}: {key}");
    }
    assert_eq!(keys(bucket).await.len(), NEIGHBOURS.len(), "{way}");
    let refused = emulator.journal().iter().filter(|record| record.signature_error.is_some()).count();
    assert_eq!(refused, 0, "{way}");
}

fn endpoint(url: &str) -> Endpoint {
    Endpoint::custom(url).unwrap_or_else(|error| panic!("{url}: {error}"))
}

#[tokio::test]
async fn odd_keys_in_memory() {
    for (way, to) in [
        ("official host", Endpoint::myqcloud()),
        ("other official host", Endpoint::tencentcos()),
        ("path style", endpoint("http://127.0.0.1:9911")),
        ("path style, IPv6", endpoint("http://[::1]:9911")),
        ("virtual host", endpoint("https://{bucket}.cos.{region}.myqcloud.com:8443")),
    ] {
        let mem = InMemory::new();
        let bucket = mem.bucket_of(mem.client().endpoint(to));
        reach_exactly_their_object(&mem.emulator, &bucket, way).await;
    }
}

async fn over_sockets(emulator: &Emulator, client: ClientBuilder, way: &str) {
    let bucket = client.build().and_then(|client| client.bucket(emulator.bucket())).expect("a bucket");
    reach_exactly_their_object(emulator, &bucket, way).await;
    assert!(emulator.accepted_connections() > 0, "{way}");
}

#[tokio::test]
async fn odd_keys_path_style() {
    let emulator = emulator().await;
    over_sockets(&emulator, client(&emulator), "path style").await;
}

#[tokio::test]
async fn odd_keys_by_virtual_host() {
    let emulator = emulator().await;
    let port = emulator.address().port();
    let host = format!("{}.cos.{}.myqcloud.com", emulator.bucket(), emulator.region());
    let to = endpoint(&format!("http://{{bucket}}.cos.{{region}}.myqcloud.com:{port}"));
    let client = client(&emulator).endpoint(to).allow_http(true).resolve(host, emulator.address());
    over_sockets(&emulator, client, "virtual host").await;
}

#[tokio::test]
async fn odd_keys_by_a_domain_of_the_bucket() {
    let emulator = Emulator::builder()
        .strict_signature(true)
        .domain("static.example.com", "examplebucket-1250000000")
        .start()
        .await
        .expect("the emulator starts");
    let to = endpoint(&format!("http://static.example.com:{}", emulator.address().port()));
    let resolved = client(&emulator).resolve("static.example.com", emulator.address());
    over_sockets(&emulator, resolved.endpoint(to).allow_http(true), "domain").await;
}

#[tokio::test]
async fn odd_keys_through_a_proxy() {
    let emulator = emulator().await;
    let to = endpoint("http://{bucket}.cos.{region}.myqcloud.com");
    let proxied = client(&emulator).transport(Transport::Reqwest).proxy(&emulator.endpoint());
    let client = proxied.endpoint(to).allow_http(true);
    over_sockets(&emulator, client, "proxy").await;
    let record = emulator.journal().remove(NEIGHBOURS.len());
    assert!(record.target.starts_with("http://examplebucket-1250000000.cos."), "{}", record.target);
}

/// The same for the other calls that name a key: in the path, in the header of a copy, in the documents of a multiple
/// deletion and of an upload by parts.
#[tokio::test]
async fn odd_keys_of_every_other_call() {
    let emulator = emulator().await;
    let name = emulator.bucket();
    let bucket = crate::support::bucket(&emulator);
    for key in NEIGHBOURS {
        emulator.put_object(name, key, "neighbour");
    }
    let stored = |key: &str| emulator.object(name, key).unwrap_or_else(|| panic!("{key:?} is not there")).bytes();
    for key in ODD {
        let parsed: ObjectKey = key.parse().expect(key);
        let body = format!("appended to {key:?}");
        bucket.send(AppendObject::new(parsed.clone(), 0, body.clone())).await.expect(key);
        assert_eq!(stored(key), body);
        let target = format!("copied/{key}");
        let source = CopySource::new(bucket.region(), bucket.name(), &parsed);
        bucket.send(CopyObject::new(source.clone(), target.parse().expect(key))).await.expect(key);
        assert_eq!(stored(&target), body);

        let target = format!("parts/{key}");
        let parsed: ObjectKey = target.parse().expect(key);
        let upload = bucket.send(InitiateMultipartUpload::new(parsed.clone())).await.expect(key).upload_id;
        let part = bucket.send(UploadPart::new(parsed.clone(), upload.as_str(), 1, body.clone())).await.expect(key);
        let listed = bucket.send(ListMultipartUploads::new()).await.expect(key);
        assert_eq!(listed.uploads.iter().map(|upload| &upload.key).collect::<Vec<_>>(), [&target]);
        bucket.send(CompleteMultipartUpload::new(parsed, upload, [&part])).await.expect(key);
        assert_eq!(stored(&target), body);
    }
    // An XML document cannot carry every key.
    let carried = |key: &&str| !key.chars().any(|c| c < ' ' && c != '\n' && c != '\t');
    let listed: Vec<&str> = ODD.into_iter().filter(carried).collect();
    assert!(listed.len() > 30);
    let deleted = bucket.send(DeleteObjects::new(listed.iter().copied())).await.unwrap();
    assert_eq!(deleted.deleted.iter().map(|object| object.key.as_str()).collect::<Vec<_>>(), listed);
    for key in ODD {
        assert_eq!(emulator.object(name, key).is_none(), carried(&key), "{key:?}");
        assert!(emulator.object(name, &format!("copied/{key}")).is_some(), "{key:?}");
    }
    for key in NEIGHBOURS {
        assert_eq!(stored(key), "neighbour");
    }
    assert!(emulator.journal().iter().all(|record| record.signature_error.is_none()));
}

#[track_caller]
fn assert_refused<T>(result: Result<T, Error>, field: &str, what: &str) {
    let Err(error) = result else { panic!("{what:?} was taken") };
    assert_eq!((error.kind(), error.field()), (ErrorKind::Input, Some(field)), "{what:?}: {error}");
    assert_eq!(error.attempts(), 0, "{what:?}");
    assert!(!error.is_retryable() && !error.may_have_taken_effect(), "{what:?}");
}

const NAMES_OF_THE_BUCKET: [&str; 16] = [
    "",
    "/",
    "//",
    "///",
    ".",
    "..",
    "./",
    "../",
    "/.",
    "/..",
    "a/..",
    "a/../",
    "/a/..",
    "a/b/../..",
    "../..",
    "a/./..",
];

#[tokio::test]
async fn a_key_that_names_the_bucket_goes_nowhere() {
    let emulator = emulator().await;
    emulator.put_object(emulator.bucket(), "a", "x");
    let mem = InMemory::new();
    for bucket in [crate::support::bucket(&emulator), mem.bucket()] {
        let too_long = "k".repeat(851);
        let keys = NAMES_OF_THE_BUCKET.into_iter().chain([too_long.as_str(), "\u{18}", "a\u{1b}[31m"]);
        for key in keys {
            assert_refused(bucket.put(key, "x").await, "key", key);
            assert_refused(bucket.get(key).await, "key", key);
            assert_refused(bucket.head(key).await, "key", key);
            assert_refused(bucket.exists(key).await, "key", key);
            assert_refused(bucket.delete(key).await, "key", key);
            assert_refused(bucket.presign_get(key, Duration::from_secs(60)).await, "key", key);
            // What every operation that is sent, signed or presigned is made from.
            assert_refused(ObjectKey::new(key), "key", key);
            assert_refused(key.parse::<ObjectKey>(), "key", key);
            assert_refused(ObjectKey::try_from(key.to_owned()), "key", key);
        }
    }
    assert!(emulator.journal().is_empty() && mem.emulator.journal().is_empty());
    assert_eq!(emulator.accepted_connections(), 0);
    assert!(emulator.object(emulator.bucket(), "a").is_some());
}

#[tokio::test]
async fn a_bucket_or_region_that_is_none_goes_nowhere() {
    let emulator = emulator().await;
    let over_sockets = client(&emulator).build().unwrap();
    let official = client(&emulator).endpoint(Endpoint::myqcloud()).build().unwrap();
    let long = format!("{}-1250000000", "b".repeat(64));
    let app_id = format!("b-{}", "1".repeat(64));
    for name in [
        "",
        "b",
        "b-",
        "-1",
        "B-1",
        "b_c-1",
        "b.c-1",
        "b/c-1",
        "b?c-1",
        "b#c-1",
        "b@c-1",
        "b:80-1",
        "b%2F-1",
        "b c-1",
        "b\r\n-1",
        "b-1\r\nx: y",
        "b-1\0",
        "中-1",
        "-b-1",
        "b--1",
        &long,
        &app_id,
    ] {
        assert_refused(over_sockets.bucket(name), "bucket", name);
        assert_refused(official.bucket(name), "bucket", name);
    }
    // The host may have 60 characters: 24 of them here are not the bucket's.
    assert!(official.bucket(format!("{}-1250000000", "b".repeat(19))).is_ok());
    let too_long = format!("{}-1250000000", "b".repeat(20));
    assert_refused(official.bucket(&too_long), "bucket", &too_long);

    let long = "r".repeat(64);
    for region in ["", "AP", "ap.guangzhou", "ap/guangzhou", "-a", "a-", "a b", "a\r\n", "a@b", "a:1", "a\0", &long] {
        assert_refused(over_sockets.bucket_in(region, emulator.bucket()), "region", region);
        assert_refused(client(&emulator).region(region).build(), "region", region);
    }
    assert_eq!(emulator.accepted_connections(), 0);
}

#[tokio::test]
async fn a_header_value_that_is_none_goes_nowhere() {
    let emulator = emulator().await;
    let bucket = crate::support::bucket(&emulator);
    for value in ["a\r\nx-cos-acl: public-read", "a\nb", "a\rb", "a\0b", "夏", "\u{7f}"] {
        let put = || PutObject::new("k".parse().unwrap(), "x");
        let with = |attributes| bucket.send(put().attributes(attributes));
        assert_refused(with(Attributes::new().content_type(value)).await, "content-type", value);
        assert_refused(with(Attributes::new().cache_control(value)).await, "cache-control", value);
        assert_refused(with(Attributes::new().content_disposition(value)).await, "content-disposition", value);
        assert_refused(with(Attributes::new().content_encoding(value)).await, "content-encoding", value);
        assert_refused(with(Attributes::new().content_language(value)).await, "content-language", value);
        assert_refused(with(Attributes::new().meta("name", value)).await, "meta", value);
        assert_refused(with(Attributes::new().meta(value, "value")).await, "meta", value);
        assert_refused(bucket.send(put().content_md5(value)).await, "content-md5", value);
        assert_refused(bucket.sign(put().content_md5(value)).await, "content-md5", value);
        assert_refused(bucket.presign(put().content_md5(value), Duration::from_secs(60)).await, "content-md5", value);
        let get = |conditions| bucket.send(GetObject::new("k".parse().unwrap()).conditions(conditions));
        assert_refused(get(Conditions::new().if_match(value)).await, "if-match", value);
        assert_refused(get(Conditions::new().if_none_match(value)).await, "if-none-match", value);
        assert_refused(Overrides::new().header("x-cos-meta-a", value), "header", value);
        assert_refused(client(&emulator).user_agent(value).build(), "user_agent", value);
        assert_refused(Endpoint::custom(format!("http://127.0.0.1:1{value}")), "endpoint", value);
    }
    for name in ["", "a b", "a:b", "a\r\nb", "é", "host", "Authorization", "content-length", "X-Cos-Security-Token"] {
        assert_refused(Overrides::new().header(name, "x"), "header", name);
    }
    assert!(emulator.journal().is_empty());

    // Values of parameters can be anything: they are encoded.
    bucket.put("k", "x").await.unwrap();
    let put = PutObject::new("t".parse().unwrap(), "x").tags(Tags::new().tag("a b+=", "夏/@="));
    bucket.send(put).await.unwrap();
    let tagged = emulator.object(emulator.bucket(), "t").unwrap();
    assert_eq!(tagged.tags(), [("a b+=".to_owned(), "夏/@=".to_owned())]);
    let error = bucket.send(GetObject::new("k".parse().unwrap()).version_id("v\r\nx: y&a=b")).await.unwrap_err();
    assert_eq!(error.code(), Some("NoSuchVersion"));
    let record = emulator.journal().pop().unwrap();
    assert_eq!(record.query, [("versionId".to_owned(), "v\r\nx: y&a=b".to_owned())]);
}
