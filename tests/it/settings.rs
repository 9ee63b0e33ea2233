//! Settings of a bucket that are documents: CORS, lifecycle, tags, encryption, acceleration, logging and replication.

use bytes::Bytes;
use http::{Method, Response};
use tencent_cos::{
    AccelerateConfiguration, BucketEncryption, BucketLogging, CorsConfiguration, CorsRule, CreateBucket,
    DeleteBucketCors, DeleteBucketEncryption, DeleteBucketLifecycle, DeleteBucketLogging, DeleteBucketReplication,
    DeleteBucketTagging, Endpoint, ErrorKind, GetBucketAccelerate, GetBucketCors, GetBucketEncryption,
    GetBucketLifecycle, GetBucketLogging, GetBucketReplication, GetBucketTagging, GetObjectTagging, HeadObject,
    LifecycleFilter, LifecycleRule, ListBuckets, Operation, Permissions, PutBucketAccelerate, PutBucketCors,
    PutBucketEncryption, PutBucketLifecycle, PutBucketLogging, PutBucketReplication, PutBucketTagging,
    PutBucketVersioning, PutObjectTagging, ReplicationConfiguration, ReplicationDestination, ReplicationRule, Request,
    Result, Safety, Sent, Tags, Versioning,
};

use crate::support::{bucket, client, emulator};

/// A document, as somebody else would set it.
struct PutDocument(&'static str, String);

impl Operation for PutDocument {
    type Output = ();
    type Response = Bytes;
    const NAME: &'static str = "PUT Bucket setting";
    const METHOD: Method = Method::PUT;
    const PERMISSIONS: Permissions = Permissions::bucket("*");

    fn request(&self) -> Result<Request> {
        Ok(Request::bucket().query(self.0, "").body(self.1.clone().into()))
    }

    fn safety(&self) -> Safety {
        Safety::SameEffect
    }

    fn output(&self, _: &Sent, _: Response<Bytes>) -> Result<()> {
        Ok(())
    }
}

/// A document as it is kept.
struct GetDocument(&'static str);

impl Operation for GetDocument {
    type Output = String;
    type Response = Bytes;
    const NAME: &'static str = "GET Bucket setting";
    const METHOD: Method = Method::GET;
    const PERMISSIONS: Permissions = Permissions::bucket("*");

    fn request(&self) -> Result<Request> {
        Ok(Request::bucket().query(self.0, ""))
    }

    fn safety(&self) -> Safety {
        Safety::Read
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<String> {
        Ok(String::from_utf8_lossy(response.body()).replace(['\n', '\t'], ""))
    }
}

#[tokio::test]
async fn what_was_never_set_is_none_in_one_request() {
    let emulator = emulator().await;
    let bucket = bucket(&emulator);
    assert_eq!(bucket.send(GetBucketCors::new()).await.unwrap(), None);
    assert_eq!(bucket.send(GetBucketLifecycle::new()).await.unwrap(), None);
    assert!(bucket.send(GetBucketTagging::new()).await.unwrap().is_empty());
    assert_eq!(bucket.send(GetBucketEncryption::new()).await.unwrap(), None);
    assert_eq!(emulator.journal().len(), 4);
    let raw = bucket.send_raw(GetBucketCors::new()).await.unwrap();
    assert_eq!((raw.status().as_u16(), raw.body()), (404, &None));
    assert!(raw.headers().contains_key("x-cos-request-id"));
    assert!(!bucket.send(DeleteBucketCors::new()).await.unwrap().request_id().is_empty());
    assert!(!bucket.send(DeleteBucketLifecycle::new()).await.unwrap().request_id().is_empty());
    assert!(!bucket.send(DeleteBucketTagging::new()).await.unwrap().request_id().is_empty());
    assert!(!bucket.send(DeleteBucketEncryption::new()).await.unwrap().request_id().is_empty());

    let nowhere = client(&emulator).build().unwrap().bucket("nowhere-1250000000").unwrap();
    let error = nowhere.send(GetBucketCors::new()).await.unwrap_err();
    assert_eq!((error.code(), error.is_not_found()), (Some("NoSuchBucket"), true));
    assert_eq!(nowhere.send(DeleteBucketLifecycle::new()).await.unwrap_err().code(), Some("NoSuchBucket"));
    assert_eq!(nowhere.send(GetBucketTagging::new()).await.unwrap_err().code(), Some("NoSuchBucket"));
}

#[tokio::test]
async fn a_rule_that_is_not_wholly_known_survives_a_change_beside_it() {
    let emulator = emulator().await;
    let bucket = bucket(&emulator);
    let rarely_read = "<Rule><ID>rarely read</ID><Filter/><Status>Enabled</Status><Transition><StorageClass>STANDARD_IA\
                       </StorageClass><AccessFrequency><AccessCountLessThan>5</AccessCountLessThan><RecentDays>30\
                       </RecentDays></AccessFrequency></Transition></Rule>";
    let theirs = format!("<LifecycleConfiguration>{rarely_read}</LifecycleConfiguration>");
    bucket.send(PutDocument("lifecycle", theirs)).await.unwrap();
    let mut lifecycle = bucket.send(GetBucketLifecycle::new()).await.unwrap().unwrap();
    assert_eq!(lifecycle.rules[0].unknown().collect::<Vec<_>>(), ["Transition"]);
    lifecycle.rules.push(LifecycleRule::new(LifecycleFilter::new()).abort_incomplete_multipart_upload(7));
    bucket.send(PutBucketLifecycle::new(lifecycle)).await.unwrap();
    let kept = bucket.send(GetDocument("lifecycle")).await.unwrap();
    assert!(kept.contains(rarely_read) && kept.contains("<DaysAfterInitiation>7<"), "{kept}");
}

#[tokio::test]
async fn what_may_not_be_set_is_not_sent() {
    let emulator = emulator().await;
    let bucket = bucket(&emulator);
    let rule = CorsRule::new("https://*.*.example", [Method::GET]);
    let error = bucket.send(PutBucketCors::new(CorsConfiguration::new([rule]))).await.unwrap_err();
    assert_eq!((error.kind(), error.field()), (tencent_cos::ErrorKind::Input, Some("allowed_origins")));
    let many = (0..51).map(|number| (number.to_string(), "")).collect();
    let error = bucket.send(PutBucketTagging::new(many)).await.unwrap_err();
    assert_eq!((error.kind(), error.field()), (tencent_cos::ErrorKind::Input, Some("tags")));
    assert!(emulator.journal().is_empty());
}

#[tokio::test]
async fn a_bucket_has_up_to_50_tags_and_its_objects_their_own() {
    let emulator = emulator().await;
    let bucket = bucket(&emulator);
    bucket.put("a b", "x").await.unwrap();
    let of_object = Tags::new().tag("team", "red");
    bucket.send(PutObjectTagging::new("a b".parse().unwrap(), of_object.clone())).await.unwrap();
    let many: Tags = (0..50).map(|number| (format!("key {number}"), "夏 +-=._:/@")).collect();
    assert!(!bucket.send(PutBucketTagging::new(many.clone())).await.unwrap().request_id().is_empty());
    assert_eq!(bucket.send(GetBucketTagging::new()).await.unwrap(), many);
    for key in ["project", "qcs:a", "a*"] {
        let error = bucket.send(PutBucketTagging::new(Tags::new().tag(key, ""))).await.unwrap_err();
        assert_eq!(error.code(), Some("InvalidTag"), "{key}");
    }
    assert_eq!(bucket.send(GetBucketTagging::new()).await.unwrap(), many);
    bucket.send(DeleteBucketTagging::new()).await.unwrap();
    assert!(bucket.send(GetBucketTagging::new()).await.unwrap().is_empty());
    let kept = bucket.send(GetObjectTagging::new("a b".parse().unwrap())).await.unwrap();
    assert_eq!(kept.tags, of_object);
}

#[tokio::test]
async fn buckets_are_made_with_tags_and_found_by_them_and_by_their_age() {
    let emulator = emulator().await;
    let client = client(&emulator).build().unwrap();
    let made = client.bucket("tagged-1250000000").unwrap();
    let tags = Tags::new().tag("team", "a b").tag("夏", "1");
    made.send(CreateBucket::new().tags(tags.clone())).await.unwrap();
    assert_eq!(made.send(GetBucketTagging::new()).await.unwrap(), tags);
    let names = async |list: ListBuckets| {
        let page = client.send(list).await.unwrap();
        page.buckets.into_iter().map(|bucket| bucket.name).collect::<Vec<_>>()
    };
    for (key, value, found) in [("team", "a b", 1), ("夏", "1", 1), ("team", "a", 0), ("other", "a b", 0)] {
        assert_eq!(names(ListBuckets::new().tag(key, value)).await, vec!["tagged-1250000000"; found], "{key}={value}");
    }
    let created = client.send(ListBuckets::new()).await.unwrap().buckets[0].created.unwrap();
    assert_eq!(names(ListBuckets::new().created_since(created)).await.len(), 2);
    assert_eq!(names(ListBuckets::new().created_before(created)).await.len(), 0);
    let error = client.bucket("many-1250000000").unwrap();
    let error = error.send(CreateBucket::new().tags(Tags::new().tag("qcs:a", "1"))).await.unwrap_err();
    assert_eq!(error.code(), Some("InvalidTag"));
}

#[tokio::test]
async fn objects_are_encrypted_as_their_bucket_says_from_then_on() {
    let emulator = emulator().await;
    let bucket = bucket(&emulator);
    let said = async |key: &str| {
        let object = bucket.send_raw(HeadObject::new(key.parse().unwrap())).await.unwrap();
        object.headers().get("x-cos-server-side-encryption").map(|value| value.to_str().unwrap().to_owned())
    };
    bucket.put("before", "x").await.unwrap();
    bucket.send(PutBucketEncryption::new(BucketEncryption::cos())).await.unwrap();
    assert_eq!(bucket.send(GetBucketEncryption::new()).await.unwrap(), Some(BucketEncryption::cos()));
    bucket.put("while", "x").await.unwrap();
    let refused = PutBucketEncryption::new(BucketEncryption::cos().kms_key_id("k"));
    let sent = emulator.journal().len();
    let error = bucket.send(refused).await.unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Input, Some("kms_key_id")));
    assert_eq!(emulator.journal().len(), sent);
    bucket.send(DeleteBucketEncryption::new()).await.unwrap();
    bucket.put("after", "x").await.unwrap();
    assert_eq!((said("before").await, said("after").await), (None, None));
    assert_eq!(said("while").await.as_deref(), Some("AES256"));
}

#[tokio::test]
async fn a_bucket_is_reached_by_acceleration_while_that_is_on() {
    let emulator = emulator().await;
    let bucket = bucket(&emulator);
    assert_eq!(bucket.send(GetBucketAccelerate::new()).await.unwrap(), None);
    let host = Endpoint::custom(format!("http://{{bucket}}.cos.accelerate.myqcloud.com:{}", emulator.address().port()));
    let name = format!("{}.cos.accelerate.myqcloud.com", emulator.bucket());
    let fast = client(&emulator).endpoint(host.unwrap()).allow_http(true).resolve(name, emulator.address());
    let fast = fast.build().unwrap().bucket(emulator.bucket()).unwrap();
    let off = |error: tencent_cos::Error| error.code() == Some("BucketAccelerateNotEnabled");
    let error = fast.put("k", "x").await.unwrap_err();
    assert_eq!(error.advice(), Some("PutBucketAccelerate turns it on, at the host of the region"));
    assert!(off(error));
    bucket.send(PutBucketAccelerate::new(AccelerateConfiguration::new(true))).await.unwrap();
    assert!(bucket.send(GetBucketAccelerate::new()).await.unwrap().unwrap().enabled);
    fast.put("k", "x").await.unwrap();
    assert_eq!(bucket.get("k").await.unwrap().bytes(9).await.unwrap(), "x");
    let error = fast.send(GetBucketAccelerate::new()).await.unwrap_err();
    assert_eq!(error.code(), Some("ActionAccelerateNotSupported"));
    bucket.send(PutBucketAccelerate::new(AccelerateConfiguration::new(false))).await.unwrap();
    assert!(!bucket.send(GetBucketAccelerate::new()).await.unwrap().unwrap().enabled);
    assert!(off(fast.put("k", "x").await.unwrap_err()));
}

#[tokio::test]
async fn logs_are_turned_on_and_off() {
    let emulator = emulator().await;
    let bucket = bucket(&emulator);
    assert_eq!(bucket.send(GetBucketLogging::new()).await.unwrap(), None);
    let here = BucketLogging::new(bucket.name().clone()).target_prefix("logs/");
    bucket.send(PutBucketLogging::new(here.clone())).await.unwrap();
    assert_eq!(bucket.send(GetBucketLogging::new()).await.unwrap(), Some(here.clone()));
    let nowhere = BucketLogging::new("nowhere-1250000000".parse().unwrap());
    let error = bucket.send(PutBucketLogging::new(nowhere)).await.unwrap_err();
    assert_eq!(error.code(), Some("InvalidTargetBucketForLogging"));
    assert_eq!(bucket.send(GetBucketLogging::new()).await.unwrap(), Some(here));
    for _ in 0..2 {
        assert!(!bucket.send(DeleteBucketLogging::new()).await.unwrap().request_id().is_empty());
        assert_eq!(bucket.send(GetBucketLogging::new()).await.unwrap(), None);
    }
}

#[tokio::test]
async fn replication_needs_versions_and_keeps_them() {
    let emulator = emulator().await;
    let bucket = bucket(&emulator);
    let other = client(&emulator).build().unwrap().bucket("copy-1250000000").unwrap();
    other.send(CreateBucket::new()).await.unwrap();
    let there = ReplicationDestination::new(other.region(), other.name());
    let rules = [
        ReplicationRule::new(there.clone()).id("1").prefix("a/").delete_markers(true),
        ReplicationRule::new(there).id("2").prefix("b/").tag("keep", "two copies").enabled(false),
    ];
    let replication = ReplicationConfiguration::new("qcs::cam::uin/100000000001:uin/100000000001", rules);
    let put = PutBucketReplication::new(replication.clone());
    assert_eq!(bucket.send(put.clone()).await.unwrap_err().code(), Some("BucketVersionNotOpen"));
    bucket.send(PutBucketVersioning::new(Versioning::Enabled)).await.unwrap();
    assert_eq!(bucket.send(put.clone()).await.unwrap_err().code(), Some("BucketVersionNotOpen"));
    other.send(PutBucketVersioning::new(Versioning::Enabled)).await.unwrap();
    assert_eq!(bucket.send(GetBucketReplication::new()).await.unwrap(), None);
    bucket.send(put).await.unwrap();
    let found = bucket.send(GetBucketReplication::new()).await.unwrap().unwrap();
    assert_eq!((found.rules[0].clone(), found.rules[1].tags.clone()), {
        (replication.rules[0].clone(), replication.rules[1].tags.clone())
    });
    let suspend = PutBucketVersioning::new(Versioning::Suspended);
    assert_eq!(bucket.send(suspend.clone()).await.unwrap_err().code(), Some("InvalidBucketState"));
    for _ in 0..2 {
        bucket.send(DeleteBucketReplication::new()).await.unwrap();
        assert_eq!(bucket.send(GetBucketReplication::new()).await.unwrap(), None);
    }
    bucket.send(suspend).await.unwrap();
}
