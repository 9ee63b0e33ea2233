//! What an error adds to COS's answer: the first difference of two signatures, the right, the key's end, the clock.

use std::time::Duration;

use bytes::Bytes;
use cos_emulator::{Action, Matcher, Rule};
use tencent_cos::client::provider::BoxFuture;
use tencent_cos::{
    Acl, AppendObject, Attributes, ByteStream, Credentials, ErrorKind, HttpClient, Payload, PutBucketAcl,
    PutBucketReferer, PutObject, RefererConfiguration, RefererType, TransportError,
};

use crate::support::{InMemory, ServiceTransport, session};

/// A proxy on the way that changes a header that was signed.
#[derive(Debug)]
struct Meddler(ServiceTransport);

impl HttpClient for Meddler {
    fn execute(
        &self,
        mut request: http::Request<Payload>,
    ) -> BoxFuture<'_, Result<http::Response<ByteStream>, TransportError>> {
        request.headers_mut().insert("content-type", "text/plain; charset=utf-8".parse().unwrap());
        self.0.execute(request)
    }
}

/// A web server that knows nothing of COS.
#[derive(Debug)]
struct Stranger;

impl HttpClient for Stranger {
    fn execute(&self, _: http::Request<Payload>) -> BoxFuture<'_, Result<http::Response<ByteStream>, TransportError>> {
        let mut answer = http::Response::new(ByteStream::from(Bytes::new()));
        *answer.status_mut() = http::StatusCode::NOT_FOUND;
        Box::pin(std::future::ready(Ok(answer)))
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_signature_tells_the_first_difference_and_no_secret() {
    let memory = InMemory::new();
    let key = memory.emulator.mint(Duration::from_secs(1800));
    let client =
        memory.client().credentials(session(&key)).http_client(Meddler(ServiceTransport(memory.emulator.service())));
    let put = PutObject::new("k".parse().unwrap(), "hello").attributes(Attributes::new().content_type("text/plain"));
    let error = memory.bucket_of(client).send(put).await.unwrap_err();
    assert_eq!(error.code(), Some("SignatureDoesNotMatch"));
    let told = "header content-type: signed \"text%2Fplain\", COS saw \"text%2Fplain%3B%20charset%3Dutf-8\"";
    let mismatch = error.signature_mismatch().unwrap();
    assert_eq!(mismatch.first_difference(), told);
    assert!(error.to_string().ends_with(&format!("; first difference: {told}")), "{error}");
    // The rest is the same, line breaks included.
    assert_eq!(
        mismatch.ours.http_string,
        mismatch.cos.http_string.replace("text%2Fplain%3B%20charset%3Dutf-8", "text%2Fplain")
    );
    assert!(mismatch.ours.http_string.starts_with("put\n/k\n\n") && mismatch.ours.http_string.ends_with('\n'));
    let printed = format!("{error:?} {error} {mismatch:?}");
    assert!(![&key.token, &key.secret_key].iter().any(|secret| printed.contains(secret.as_str())), "{printed}");
    assert!(mismatch.cos.http_string.contains("x-cos-security-token=(masked"), "{printed}");
}

#[tokio::test(start_paused = true)]
async fn a_secret_key_of_another_id_is_told_apart_from_a_wrong_request() {
    let memory = InMemory::new();
    let wrong = Credentials::permanent(memory.emulator.secret_id(), "another-secret").unwrap();
    let bucket = memory.bucket_of(memory.client().credentials(wrong));
    let error = bucket.get("a b&c<d").await.unwrap_err();
    let difference = error.signature_mismatch().unwrap().first_difference();
    assert!(difference.starts_with("nothing: "), "{difference}");
    assert!(
        error
            .to_string()
            .ends_with("; the request is as it was signed, so the secret key does not belong to the key id")
    );
}

#[tokio::test(start_paused = true)]
async fn access_denied_names_the_right_and_the_end_of_a_temporary_key() {
    let memory = InMemory::new();
    let key = memory.emulator.mint(Duration::from_secs(1800));
    let bucket = memory.bucket_of(memory.client().credentials(session(&key)));
    memory.emulator.script(Rule::on(Matcher::any()).then(Action::status(403, "AccessDenied")).always());
    let error = bucket.put("k", "hello").await.unwrap_err();
    assert_eq!(
        error.advice(),
        Some("it needs name/cos:PutObject on the object; the temporary key, which ends in 30 min, may lack it")
    );
    let error = bucket.head("k").await.unwrap_err();
    let told = error.advice().unwrap();
    assert!(told.starts_with("it needs name/cos:HeadObject on the object"), "{error}");
    assert!(told.ends_with("; a HEAD is told no reason, so it may be the key itself"), "{error}");
}

/// A clock that was corrected tells of a key what COS sees.
#[tokio::test(start_paused = true)]
async fn the_end_of_a_key_is_told_by_the_corrected_clock() {
    let memory = InMemory::new();
    let key = memory.emulator.mint(Duration::from_secs(1800));
    memory.clock.set_off(-3600);
    let bucket = memory.bucket_of(memory.client().credentials(session(&key)));
    bucket.put("k", "hello").await.unwrap();
    memory.emulator.script(Rule::on(Matcher::any()).then(Action::status(403, "AccessDenied")));
    let error = bucket.put("k", "hello").await.unwrap_err();
    assert!(error.advice().unwrap_or_default().contains("which ends in 30 min"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn hotlink_protection_is_told_from_a_missing_right() {
    let memory = InMemory::new();
    let bucket = memory.bucket();
    bucket.send(PutBucketAcl::new(Acl::public_read())).await.unwrap();
    bucket.put("k", "hello").await.unwrap();
    let ours = RefererConfiguration::new(RefererType::WhiteList, ["*.a.example"]);
    bucket.send(PutBucketReferer::new(ours)).await.unwrap();
    let stranger = memory.bucket_of(memory.client().credentials(Credentials::anonymous()));
    let error = stranger.get("k").await.unwrap_err();
    let told = "it is the hotlink protection of the bucket, which goes by the Referer; a signed request needs none";
    assert_eq!((error.code(), error.advice()), (Some("AccessDenied"), Some(told)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_head_that_finds_nothing_tells_where_it_looked() {
    let memory = InMemory::new();
    let host = |name: &str| format!("{name}-1250000000.cos.ap-guangzhou.myqcloud.com");
    let error = memory.bucket().head("k").await.unwrap_err();
    let told = format!("no such object, or no such bucket at {}: a HEAD is not told which", host("examplebucket"));
    assert_eq!((error.code(), error.advice()), (None, Some(&*told)));

    let absent = memory.client().build().unwrap().bucket("absent-1250000000").unwrap();
    let error = absent.send(tencent_cos::HeadBucket::new()).await.unwrap_err();
    let told = format!("it was looked for at {}, and is found in its own region only", host("absent"));
    assert_eq!((error.code(), error.advice()), (None, Some(&*told)));
    assert!(!absent.exists("k").await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn who_answers_and_is_not_cos_is_named() {
    let memory = InMemory::new();
    let client = memory.client().http_client(Stranger).max_attempts(1);
    let error = memory.bucket_of(client).get("k").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Response);
    let told = "the host is examplebucket-1250000000.cos.ap-guangzhou.myqcloud.com";
    assert_eq!(error.advice(), Some(told), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_wrong_clock_is_told_with_its_error() {
    let memory = InMemory::new();
    memory.clock.set_off(48 * 3600);
    let error = memory.bucket().put("k", "hello").await.unwrap_err();
    assert!(error.is_clock_skew());
    assert_eq!(error.advice(), Some("the clock of this machine is 48 h ahead of that of COS"), "{error}");
    let error = memory.bucket().head("k").await.unwrap_err();
    let told = "the clock of this machine is 48 h ahead of that of COS; a HEAD is told no reason, but this is one";
    assert_eq!(error.advice(), Some(told), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_code_that_says_little_is_explained() {
    let memory = InMemory::new();
    let client = memory.client().build().unwrap();
    let error = client.bucket("absent-1250000000").unwrap().get("k").await.unwrap_err();
    let host = "absent-1250000000.cos.ap-guangzhou.myqcloud.com";
    let told = format!("it was looked for at {host}, and is found in its own region only");
    assert_eq!((error.code(), error.advice()), (Some("NoSuchBucket"), Some(&*told)));

    let key = memory.emulator.mint(Duration::from_secs(1800));
    for (credentials, told) in [
        (Credentials::permanent(&key.secret_id, &key.secret_key), "a temporary key needs its token as well"),
        (
            Credentials::with_token(memory.emulator.secret_id(), memory.emulator.secret_key(), &key.token),
            "the key's id and token must be of one answer of STS",
        ),
    ] {
        let error = memory.bucket_of(memory.client().credentials(credentials.unwrap())).get("k").await.unwrap_err();
        assert_eq!((error.code(), error.advice()), (Some("InvalidAccessKeyId"), Some(told)), "{error}");
    }
    let bucket = memory.bucket();
    bucket.put("k", "x").await.unwrap();
    let error = bucket.send(tencent_cos::DeleteBucket::new()).await.unwrap_err();
    assert_eq!(error.code(), Some("BucketNotEmpty"));
    assert!(error.advice().unwrap().starts_with("versions, delete markers and uploads"), "{error}");
    bucket.send(AppendObject::new("log".parse().unwrap(), 0, "begin\n")).await.unwrap();
    let error = bucket.send(AppendObject::new("log".parse().unwrap(), 1, "more\n")).await.unwrap_err();
    assert_eq!(error.code(), Some("AppendPositionErr"));
    assert_eq!(error.advice(), Some("the position is the length of the object, which a HEAD tells"));
}
