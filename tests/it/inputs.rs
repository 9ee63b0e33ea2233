//! What COS would take for something else than was meant, or must never see, is refused before any of it goes out.

use std::time::Duration;

use cos_emulator::{Action, Rule};
use futures_util::{FutureExt as _, TryStreamExt as _};
use tencent_cos::policy::Policy;
use tencent_cos::sts;
use tencent_cos::transfer::UploadDirectory;
use tencent_cos::{
    Acl, Client, CompleteMultipartUpload, CompletedPart, Conditions, CopyObject, CopySource, CreateBucket, Credentials,
    CustomerKey, DeleteKey, DeleteObject, DeleteObjects, Encryption, Endpoint, Error, ErrorKind, GetObject, HeadObject,
    InitiateMultipartUpload, KmsKey, ListBuckets, ListMultipartUploads, ListObjectVersions, ObjectKey, Operation,
    Overrides, PostPolicy, PresignOptions, PutBucketAcl, PutObject, PutObjectAcl, ResponseOverrides, UploadPart,
    UploadPartCopy,
};

use crate::support;

fn key() -> ObjectKey {
    "k".parse().expect("a key")
}

fn source() -> CopySource {
    CopySource::new(&"ap-x".parse().expect("a region"), &"b-1".parse().expect("a bucket"), &key())
}

#[track_caller]
fn refused(field: &str, outcome: Result<impl Sized, Error>) {
    let error = outcome.err().expect("an error");
    assert_eq!((error.kind(), error.field()), (ErrorKind::Input, Some(field)), "{error}");
}

/// Polls once, outside any runtime.
#[track_caller]
fn at_once<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("an answer without a wait")
}

#[test]
fn outside_a_runtime_a_call_is_refused_and_does_not_panic() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let emulator = runtime.block_on(support::emulator());
    let bucket = support::bucket(&emulator);
    let client = bucket.client().clone();
    let calls = || {
        let large = vec![1; 20 << 20];
        refused("runtime", at_once(bucket.put("k", "hello")));
        refused("runtime", at_once(bucket.with(Overrides::new().deadline(Duration::from_secs(1))).head("k")));
        refused("runtime", at_once(bucket.list("").try_next()));
        refused("runtime", at_once(client.send(ListBuckets::new())));
        refused("runtime", at_once(bucket.upload("k", large)));
        refused("runtime", at_once(bucket.download("k", "nowhere")));
        refused("runtime", at_once(bucket.copy("k", "l")));
        refused("runtime", at_once(bucket.transfer(UploadDirectory::new("nowhere", "k/"))));
    };
    calls();
    // With the key at hand as well, which needs no runtime.
    runtime.block_on(bucket.put("k", "hello")).expect("a put");
    let before = emulator.journal().len();
    calls();
    assert_eq!(emulator.journal().len(), before);

    let sts = sts::Client::builder().region("ap-guangzhou").credentials(support::permanent(&emulator));
    let sts = sts.build().expect("a client of STS");
    refused("runtime", at_once(sts.send(sts::GetFederationToken::new("alice", Policy::new()))));
}

/// What a stream waits with is of the runtime, too.
#[test]
fn outside_a_runtime_a_stream_is_refused_and_does_not_panic() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let emulator = runtime.block_on(support::emulator());
    emulator.put_object(emulator.bucket(), "k", vec![7; 100_000]);
    let bucket = support::bucket(&emulator);
    let lasting = Duration::from_secs(3600);
    for (number, fault) in [Action::StallBody { at: 5, lasting }, Action::ResetBody { at: 5 }].into_iter().enumerate() {
        emulator.script(Rule::on("GET Object").then(fault));
        let mut body = runtime.block_on(bucket.get("k")).expect("an object").body;
        runtime.block_on(body.next()).expect("a piece").expect("bytes");
        if number > 0 {
            // Until the end of the connection is here.
            std::thread::sleep(Duration::from_secs(1));
        }
        refused("runtime", at_once(body.next()).expect("an error"));
    }
}

#[test]
fn a_range_without_bytes_copies_none() {
    let part = |range: std::ops::Range<u64>| UploadPartCopy::new(key(), "id", 1, source()).range(range).request();
    refused("range", part(0..0));
    refused("range", part(5..5));
    refused("range", part(0..5 * 1024 * 1024 * 1024 + 1));
    assert!(part(0..5 * 1024 * 1024 * 1024).is_ok());
    refused("range", UploadPartCopy::new(key(), "id", 1, source()).range(5..).request());
}

#[test]
fn an_empty_etag_is_no_condition() {
    for empty in ["", " "] {
        for conditions in [Conditions::new().if_match(empty), Conditions::new().if_none_match(empty)] {
            refused("conditions", GetObject::new(key()).conditions(conditions.clone()).request());
            refused("conditions", HeadObject::new(key()).conditions(conditions.clone()).request());
            refused("conditions", CopyObject::new(source().conditions(conditions), key()).request());
        }
    }
    refused("content-md5", PutObject::new(key(), "x").content_md5("").request());
    refused("content-md5", PutObject::new(key(), "x").content_md5("nonsense").request());
    refused("content-md5", UploadPart::new(key(), "id", 1, "x").content_md5("XUFAKrxLKna5cZ2REBfFkg").request());
}

#[test]
fn an_empty_name_is_not_the_default() {
    let put = || PutObject::new(key(), "x");
    for empty in ["", " "] {
        let kms = || Encryption::Kms(KmsKey::new().kms_key_id(empty));
        refused("kms_key_id", put().encryption(kms()).request());
        refused("kms_key_id", InitiateMultipartUpload::new(key()).encryption(kms()).request());
        refused("acl", put().acl(Acl::canned(empty)).request());
        refused("acl", CreateBucket::new().acl(Acl::canned(empty)).request());
        refused("acl", PutBucketAcl::new(Acl::canned(empty)).request());
    }
    refused("acl", put().acl(Acl::new()).request());
    refused("acl", PutObjectAcl::new(key(), Acl::new()).request());
    refused("version_id", PutObjectAcl::new(key(), Acl::private()).version_id("").request());
    assert!(put().encryption(Encryption::Kms(KmsKey::new())).acl(Acl::new().grant_read("1")).request().is_ok());
}

#[test]
fn a_marker_without_its_key_does_not_begin_anew() {
    let versions = ListObjectVersions::new;
    refused("version_id_marker", versions().version_id_marker("v").request());
    refused("version_id_marker", versions().key_marker("").version_id_marker("v").request());
    refused("version_id_marker", versions().key_marker("k").version_id_marker("").request());
    assert!(versions().key_marker("k").version_id_marker("v").request().is_ok());
    let uploads = ListMultipartUploads::new;
    refused("upload_id_marker", uploads().upload_id_marker("id").request());
    refused("upload_id_marker", uploads().key_marker("k").upload_id_marker("").request());
    assert!(uploads().key_marker("k").request().is_ok());
}

#[test]
fn an_override_is_one_line() {
    let get = |name: &str| {
        let overrides = ResponseOverrides::new().content_disposition(format!("attachment; filename=\"{name}\""));
        GetObject::new(key()).response_overrides(overrides).request()
    };
    refused("response-content-disposition", get("a\r\nSet-Cookie: x"));
    assert!(get("夏.txt").is_ok());
}

#[test]
fn an_empty_version_id_is_not_the_latest_version() {
    refused("version_id", GetObject::new(key()).version_id("").request());
    refused("version_id", HeadObject::new(key()).version_id("").request());
    refused("version_id", DeleteObject::new(key()).version_id("").request());
    refused("version_id", CopyObject::new(source().version_id(""), key()).request());
    refused("keys", DeleteObjects::new(["a"]).key(DeleteKey::new("b").version_id("")).request());
}

#[tokio::test]
async fn parameters_are_the_callers_only_once_and_never_the_signatures() {
    let emulator = support::emulator().await;
    let bucket = support::bucket(&emulator);
    let minute = Duration::from_secs(60);
    for (name, get) in [
        ("", GetObject::new(key())),
        ("q-signature", GetObject::new(key())),
        ("Q-AK", GetObject::new(key())),
        ("x-cos-security-token", GetObject::new(key())),
        ("VersionId", GetObject::new(key()).version_id("1")),
    ] {
        let bucket = bucket.with(Overrides::new().query(name, "x"));
        refused("query", bucket.send(get.clone()).await);
        refused("query", bucket.sign(get.clone()).await);
        refused("query", bucket.presign(get, minute).await);
    }
    refused("query", bucket.send(GetObject::new(key()).param("q-sign-algorithm", "sha1")).await);
    refused("query", bucket.send(GetObject::new(key()).param("a", "1").param("A", "2")).await);
    refused(
        "lifetime",
        bucket.presign(GetObject::new(key()), PresignOptions::new(Duration::MAX).allow_over_a_week()).await,
    );
    assert!(emulator.journal().is_empty());
}

#[tokio::test]
async fn an_encryption_key_crosses_no_network_in_the_clear() {
    let client = |url: &str| {
        let builder = Client::builder().region("ap-guangzhou").endpoint(Endpoint::custom(url).expect("an endpoint"));
        let credentials = Credentials::permanent("AKIDexample", "secret").expect("credentials");
        builder.allow_http(true).credentials(credentials).build().expect("a client")
    };
    let encryption = CustomerKey::new([7; 32]).expect("a key");
    let get = || GetObject::new(key()).customer_key(encryption.clone());
    let copy = || CopyObject::new(source().customer_key(encryption.clone()), key());
    let bucket = |url: &str| client(url).bucket("b-1250000000").expect("a bucket");
    refused("customer_key", bucket("http://cos.example.com").sign(get()).await);
    refused("customer_key", bucket("http://10.0.0.1").sign(copy()).await);
    assert!(bucket("http://127.0.0.1:9000").sign(get()).await.is_ok());
    assert!(bucket("https://cos.example.com").sign(copy()).await.is_ok());
}

#[tokio::test]
async fn a_template_that_is_not_all_of_a_label_has_no_host_of_the_account() {
    let region = "ap-guangzhou".parse().expect("a region");
    let service = |url: &str| Endpoint::custom(url).expect("an endpoint").address(None, &region);
    refused("endpoint", service("https://cdn-{bucket}.example.com"));
    refused("endpoint", service("https://files.{bucket}.example.com"));
    let address = service("https://{bucket}.cos.{region}.example.com").expect("an address");
    assert_eq!(address.host(), "cos.ap-guangzhou.example.com");
    let client = Client::builder()
        .region("ap-guangzhou")
        .endpoint(Endpoint::custom("https://cdn-{bucket}.example.com").expect("an endpoint"))
        .credentials(Credentials::permanent("AKIDexample", "secret").expect("credentials"))
        .build();
    match client {
        Ok(client) => refused("endpoint", client.send(ListBuckets::new()).await),
        Err(error) => refused("endpoint", Err::<(), _>(error)),
    }
}

#[test]
fn what_cos_answers_with_an_error_is_refused_here() {
    refused("delimiter", ListObjectVersions::new().delimiter("ab").request());
    refused("delimiter", ListMultipartUploads::new().delimiter("").request());
    let parts = vec![CompletedPart::new(1, "a\u{1}")];
    refused("parts", CompleteMultipartUpload::new(key(), "id", parts).request());
    refused("prefix", PostPolicy::prefix("a\u{18}"));
}

#[test]
fn a_policy_keeps_all_its_conditions_or_is_none() {
    let policy = |condition: &str| {
        let statement =
            format!(r#"{{"effect":"allow","action":["name/cos:GetBucket"],"resource":["*"],"condition":{condition}}}"#);
        Policy::from_json(format!(r#"{{"version":"2.0","statement":[{statement}]}}"#))
    };
    assert!(policy(r#"{"string_equal":{"cos:prefix":"a"},"ip_equal":{"qcs:ip":"10.0.0.1"}}"#).is_ok());
    assert!(policy(r#"{"string_equal":{"cos:prefix":"a"},"string_equal":{"cos:delimiter":"/"}}"#).is_err());
    assert!(policy(r#"{"string_equal":{"cos:prefix":"a","cos:prefix":"b"}}"#).is_err());
}
