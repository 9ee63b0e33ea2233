//! Every operation, one row each.

use std::time::{Duration, SystemTime};

use http::Method;
use tencent_cos::policy::{BucketPolicy, Principal, Resource, Statement};
use tencent_cos::{
    AbortMultipartUpload, AccelerateConfiguration, AccessTier, Acl, AppendObject, Bucket, BucketEncryption,
    BucketLogging, BucketName, CompleteMultipartUpload, CopyObject, CorsConfiguration, CorsRule, Crc64, CreateBucket,
    CsvInput, CustomCertificate, DeleteBucket, DeleteBucketCors, DeleteBucketDomain, DeleteBucketDomainCertificate,
    DeleteBucketEncryption, DeleteBucketIntelligentTiering, DeleteBucketInventory, DeleteBucketLifecycle,
    DeleteBucketLogging, DeleteBucketOrigin, DeleteBucketPolicy, DeleteBucketReferer, DeleteBucketReplication,
    DeleteBucketTagging, DeleteBucketWebsite, DeleteKey, DeleteObject, DeleteObjectTagging, DeleteObjects,
    DomainConfiguration, DomainRule, DomainType, GetBucketAccelerate, GetBucketAcl, GetBucketCors, GetBucketDomain,
    GetBucketDomainCertificate, GetBucketEncryption, GetBucketIntelligentTiering, GetBucketIntelligentTieringV1,
    GetBucketInventory, GetBucketLifecycle, GetBucketLocation, GetBucketLogging, GetBucketObjectLock, GetBucketOrigin,
    GetBucketPolicy, GetBucketReferer, GetBucketReplication, GetBucketTagging, GetBucketVersioning, GetBucketWebsite,
    GetObject, GetObjectAcl, GetObjectRetention, GetObjectTagging, GetSymlink, HeadBucket, HeadObject,
    InitiateMultipartUpload, IntelligentTieringConfiguration, IntelligentTieringFilter, InventoryConfiguration,
    InventoryDestination, InventoryField, InventoryFilter, InventorySchedule, LifecycleConfiguration, LifecycleFilter,
    LifecycleRule, ListBucketIntelligentTiering, ListBucketInventory, ListBuckets, ListMultipartUploads,
    ListObjectVersions, ListObjects, ListParts, ObjectLockConfiguration, OptionsObject, OriginConfiguration,
    OriginHost, OriginRule, PostBucketInventory, PutBucketAccelerate, PutBucketAcl, PutBucketCors, PutBucketDomain,
    PutBucketDomainCertificate, PutBucketEncryption, PutBucketIntelligentTiering, PutBucketIntelligentTieringV1,
    PutBucketInventory, PutBucketLifecycle, PutBucketLogging, PutBucketObjectLock, PutBucketOrigin, PutBucketPolicy,
    PutBucketReferer, PutBucketReplication, PutBucketTagging, PutBucketVersioning, PutBucketWebsite, PutObject,
    PutObjectAcl, PutObjectRetention, PutObjectTagging, PutSymlink, RefererConfiguration, RefererType, Region,
    ReplicationConfiguration, ReplicationDestination, ReplicationRule, RestoreObject, Safety, SelectInput,
    SelectObjectContent, SelectOutput, Tags, UploadPart, UploadPartCopy, Versioning, WebsiteConfiguration,
};

use super::{Answer, BUCKET, DOOMED, Fact, MADE, OTHER_KEY, Row, Scene, ready};

/// Every object there is, by key.
fn objects(mut all: Vec<(String, &'static str)>) -> Fact {
    all.sort();
    Fact::Objects(all)
}

/// The one object the operation is about.
fn object(scene: &Scene, bytes: &'static str) -> Fact {
    objects(vec![(scene.key().to_string(), bytes)])
}

fn with_source(scene: &Scene, bytes: Option<&'static str>) -> Fact {
    let mut all = vec![(OTHER_KEY.to_owned(), "hello")];
    all.extend(bytes.map(|bytes| (scene.key().to_string(), bytes)));
    objects(all)
}

const HELLO: u64 = 5;

fn cors() -> CorsConfiguration {
    CorsConfiguration::new([CorsRule::new("https://app.example.com", [Method::PUT]).allowed_header("*")])
}

fn website() -> WebsiteConfiguration {
    WebsiteConfiguration::new("index.html").error_document("errors/a & b.html")
}

fn referer() -> RefererConfiguration {
    RefererConfiguration::new(RefererType::BlackList, ["*.example.com"]).empty_referer(true)
}

pub(super) fn inventory_place() -> InventoryDestination {
    let (region, bucket) = (Region::new("ap-guangzhou"), BucketName::new("reports-1250000000"));
    InventoryDestination::new(&region.expect("a region"), &bucket.expect("a name")).prefix("a & b")
}

fn inventory() -> InventoryConfiguration {
    InventoryConfiguration::new("weekly", InventorySchedule::Weekly, inventory_place())
        .filter(InventoryFilter::new().prefix("photos/").tag("k", "v"))
        .optional_field(InventoryField::SIZE)
}

fn tiering() -> IntelligentTieringConfiguration {
    let photos = IntelligentTieringFilter::new().prefix("photos/").tag("k", "v");
    IntelligentTieringConfiguration::new("photos", photos).tiering(AccessTier::ArchiveAccess, 91)
}

fn accelerate() -> AccelerateConfiguration {
    AccelerateConfiguration::new(true)
}

fn logging() -> BucketLogging {
    BucketLogging::new(BUCKET.parse().expect("a name")).target_prefix("logs & more/")
}

fn replication() -> ReplicationConfiguration {
    let there =
        ReplicationDestination::new(&"ap-guangzhou".parse().expect("a region"), &DOOMED.parse().expect("a name"));
    let rule = ReplicationRule::new(there).id("1").prefix("a & b/").delete_markers(false);
    ReplicationConfiguration::new("qcs::cam::uin/100000000001:uin/100000000001", [rule])
}

pub(super) const DOMAIN: &str = "cdn.example.com";

fn domains() -> Vec<DomainRule> {
    vec![DomainRule::new(DOMAIN, DomainType::Rest), DomainRule::new("www.example.com", DomainType::Website)]
}

fn put_domains() -> PutBucketDomain {
    PutBucketDomain::new(DomainConfiguration::new(domains()))
}

fn put_certificate() -> PutBucketDomainCertificate {
    let (chain, key) =
        (include_str!("../../golden/certificate/cdn.pem"), include_str!("../../golden/certificate/cdn.key"));
    PutBucketDomainCertificate::new(CustomCertificate::pem(chain, key).expect("a certificate"), [DOMAIN])
}

/// The domain, and its certificate.
async fn certified(admin: &Bucket) {
    admin.send(put_domains()).await.expect("a setting");
    admin.send(put_certificate()).await.expect("a setting");
}

fn origin() -> OriginConfiguration {
    OriginConfiguration::new([
        OriginRule::mirror(1, [OriginHost::new("a.example").weight(2).standby("b.example")]).prefix("a & b/"),
        OriginRule::redirect(2, 403, "c.example").fixed_file("no.html"),
    ])
}

fn lock() -> ObjectLockConfiguration {
    ObjectLockConfiguration::for_days(30)
}

/// In the year 2096.
fn far_future() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000)
}

fn bucket_tags() -> Tags {
    Tags::new().tag("a b", "夏").tag("c", "")
}

fn policy(scene: &Scene) -> String {
    let all = Resource::bucket(scene.admin().region().clone(), scene.admin().name().clone()).expect("a resource");
    let statement = Statement::allow(&all).operation::<GetObject>().principal(Principal::anyone());
    BucketPolicy::new().statement(statement).to_json().expect("a policy")
}

fn lifecycle() -> LifecycleConfiguration {
    let filter = LifecycleFilter::new().prefix("a & b/");
    LifecycleConfiguration::new([LifecycleRule::new(filter).abort_incomplete_multipart_upload(7)])
}

/// All of them, and those that repeat in several ways more than once.
pub static TABLE: &[Row] = &[
    Row {
        name: "PutObject",
        variant: "",
        title: "PUT Object",
        safety: Safety::SameEffect,
        answer: Answer::Empty,
        prepare: |scene| {
            Box::pin(async {
                scene.put(scene.key.as_str(), "what was there before");
                let put = PutObject::new(scene.key(), "hello");
                ready(put, |put| assert_eq!(put.crc64, Some(Crc64::of(b"hello")))).leaves([object(scene, "hello")])
            })
        },
    },
    Row {
        name: "PutObject",
        variant: "forbid_overwrite",
        title: "PUT Object",
        safety: Safety::Guarded,
        answer: Answer::Empty,
        prepare: |scene| {
            Box::pin(async {
                let put = PutObject::new(scene.key(), "hello").forbid_overwrite();
                ready(put, |put| assert_eq!(put.crc64, Some(Crc64::of(b"hello")))).leaves([object(scene, "hello")])
            })
        },
    },
    Row {
        name: "GetObject",
        variant: "",
        title: "GET Object",
        safety: Safety::Read,
        answer: Answer::Stream,
        prepare: |scene| {
            Box::pin(async {
                scene.put(scene.key.as_str(), "hello");
                let mut get = ready(GetObject::new(scene.key()), drop);
                get.verify = Box::new(|object| {
                    Box::pin(async move {
                        assert_eq!(object.bytes(1024).await?, "hello");
                        Ok(())
                    })
                });
                get.leaves([object(scene, "hello")])
            })
        },
    },
    Row {
        name: "HeadObject",
        variant: "",
        title: "HEAD Object",
        safety: Safety::Read,
        answer: Answer::Head,
        prepare: |scene| {
            Box::pin(async {
                scene.put(scene.key.as_str(), "hello");
                ready(HeadObject::new(scene.key()), |meta| assert_eq!(meta.content_length(), Some(HELLO)))
                    .leaves([object(scene, "hello")])
            })
        },
    },
    Row {
        name: "DeleteObject",
        variant: "",
        title: "DELETE Object",
        safety: Safety::CreatesState,
        answer: Answer::Empty,
        prepare: |scene| {
            Box::pin(async {
                scene.put(scene.key.as_str(), "hello");
                ready(DeleteObject::new(scene.key()), drop).leaves([objects(vec![])])
            })
        },
    },
    Row {
        name: "DeleteObject",
        variant: "unversioned",
        title: "DELETE Object",
        safety: Safety::SameEffect,
        answer: Answer::Empty,
        prepare: |scene| {
            Box::pin(async {
                scene.put(scene.key.as_str(), "hello");
                ready(DeleteObject::new(scene.key()).unversioned(), drop).leaves([objects(vec![])])
            })
        },
    },
    Row {
        name: "DeleteObject",
        variant: "one version",
        title: "DELETE Object",
        safety: Safety::SameEffect,
        answer: Answer::Empty,
        prepare: |scene| {
            Box::pin(async {
                scene.set_versioning().await;
                let old = scene.put_version("hello").await;
                scene.put_version("hello again").await;
                let delete = DeleteObject::new(scene.key()).version_id(&old);
                ready(delete, |deleted| assert!(!deleted.delete_marker))
                    .leaves([Fact::NoVersion(old), object(scene, "hello again")])
            })
        },
    },
    Row {
        name: "DeleteObjects",
        variant: "",
        title: "DELETE Multiple Objects",
        safety: Safety::CreatesState,
        answer: Answer::Xml,
        prepare: |scene| {
            Box::pin(async {
                scene.put(scene.key.as_str(), "hello");
                scene.put(OTHER_KEY, "hello");
                ready(DeleteObjects::new([scene.key().as_str(), OTHER_KEY]), |answer| {
                    assert_eq!((answer.deleted.len(), answer.failed.len()), (2, 0));
                })
                .leaves([objects(vec![])])
            })
        },
    },
    Row {
        name: "DeleteObjects",
        variant: "unversioned",
        title: "DELETE Multiple Objects",
        safety: Safety::SameEffect,
        answer: Answer::Xml,
        prepare: |scene| {
            Box::pin(async {
                scene.put(scene.key.as_str(), "hello");
                scene.put(OTHER_KEY, "hello");
                ready(DeleteObjects::new([scene.key().as_str()]).unversioned(), |answer| {
                    assert_eq!((answer.deleted.len(), answer.failed.len()), (1, 0));
                })
                .leaves([with_source(scene, None)])
            })
        },
    },
    Row {
        name: "DeleteObjects",
        variant: "versions",
        title: "DELETE Multiple Objects",
        safety: Safety::SameEffect,
        answer: Answer::Xml,
        prepare: |scene| {
            Box::pin(async {
                scene.set_versioning().await;
                let old = scene.put_version("hello").await;
                scene.put_version("hello again").await;
                let key = DeleteKey::from(&scene.key()).version_id(&old);
                ready(DeleteObjects::new([key]), |answer| assert!(answer.failed.is_empty()))
                    .leaves([Fact::NoVersion(old), object(scene, "hello again")])
            })
        },
    },
    Row {
        name: "CopyObject",
        variant: "",
        title: "PUT Object - Copy",
        safety: Safety::Commit,
        answer: Answer::LateXml,
        prepare: |scene| {
            Box::pin(async {
                let copy = CopyObject::new(scene.source(), scene.key());
                ready(copy, |copy| assert_eq!(copy.crc64, Some(Crc64::of(b"hello"))))
                    .leaves([with_source(scene, Some("hello"))])
            })
        },
    },
    Row {
        name: "AppendObject",
        variant: "",
        title: "APPEND Object",
        safety: Safety::Guarded,
        answer: Answer::Empty,
        prepare: |scene| {
            Box::pin(async {
                scene.admin().send(AppendObject::new(scene.key(), 0, "he")).await.expect("an append");
                let append = AppendObject::new(scene.key(), 2, "llo").previous_crc64(Crc64::of(b"he"));
                ready(append, |appended| assert_eq!(appended.next_position, HELLO)).leaves([object(scene, "hello")])
            })
        },
    },
    Row {
        name: "PutObjectTagging",
        variant: "",
        title: "PUT Object tagging",
        safety: Safety::SameEffect,
        answer: Answer::Empty,
        prepare: |scene| {
            Box::pin(async {
                scene.put_tagged(Tags::new().tag("before", "1")).await;
                let tags = Tags::new().tag("a b", "夏").tag("c", "");
                let put = PutObjectTagging::new(scene.key(), tags.clone());
                ready(put, drop).leaves([Fact::Tags(tags), object(scene, "hello")])
            })
        },
    },
    Row {
        name: "GetObjectTagging",
        variant: "",
        title: "GET Object tagging",
        safety: Safety::Read,
        answer: Answer::Xml,
        prepare: |scene| {
            Box::pin(async {
                let tags = Tags::new().tag("a b", "夏").tag("c", "");
                scene.put_tagged(tags.clone()).await;
                ready(GetObjectTagging::new(scene.key()), move |found| assert_eq!(found.tags, tags))
                    .leaves([object(scene, "hello")])
            })
        },
    },
    Row {
        name: "DeleteObjectTagging",
        variant: "",
        title: "DELETE Object tagging",
        safety: Safety::SameEffect,
        answer: Answer::Empty,
        prepare: |scene| {
            Box::pin(async {
                scene.put_tagged(Tags::new().tag("before", "1")).await;
                ready(DeleteObjectTagging::new(scene.key()), drop)
                    .leaves([Fact::Tags(Tags::new()), object(scene, "hello")])
            })
        },
    },
    Row {
        name: "SelectObjectContent",
        variant: "",
        title: "SELECT Object Content",
        safety: Safety::Read,
        answer: Answer::Frames,
        prepare: |scene| {
            Box::pin(async {
                scene.put(scene.key.as_str(), "a,1\nb,2\n");
                let (input, output) = (SelectInput::csv(CsvInput::new()), SelectOutput::json());
                let expression = "SELECT _1 AS name FROM COSObject WHERE _2 > 1";
                let mut select = ready(SelectObjectContent::new(scene.key(), expression, input, output), drop);
                select.verify = Box::new(|selection| {
                    Box::pin(async move {
                        assert_eq!(selection.bytes(1024).await?, "{\"name\":\"b\"}\n");
                        Ok(())
                    })
                });
                select.leaves([object(scene, "a,1\nb,2\n")])
            })
        },
    },
    Row {
        name: "PutObjectRetention",
        variant: "",
        title: "PUT Object Retention",
        safety: Safety::SameEffect,
        answer: Answer::Empty,
        prepare: |scene| {
            Box::pin(async {
                scene.admin().send(PutBucketObjectLock::new(ObjectLockConfiguration::new())).await.expect("a setting");
                scene.put(scene.key.as_str(), "hello");
                let put = PutObjectRetention::new(scene.key(), far_future());
                ready(put, drop).leaves([Fact::LockedUntil(far_future()), object(scene, "hello")])
            })
        },
    },
    Row {
        name: "GetObjectRetention",
        variant: "",
        title: "GET Object Retention",
        safety: Safety::Read,
        answer: Answer::Xml,
        prepare: |scene| {
            Box::pin(async {
                scene.admin().send(PutBucketObjectLock::new(ObjectLockConfiguration::new())).await.expect("a setting");
                scene.put(scene.key.as_str(), "hello");
                let put = PutObjectRetention::new(scene.key(), far_future());
                scene.admin().send(put).await.expect("a lock");
                ready(GetObjectRetention::new(scene.key()), |found| {
                    assert_eq!(found.map(|found| found.until), Some(far_future()));
                })
                .leaves([Fact::LockedUntil(far_future()), object(scene, "hello")])
            })
        },
    },
    Row {
        name: "PutBucketObjectLock",
        variant: "",
        title: "PUT Bucket ObjectLockConfiguration",
        safety: Safety::SameEffect,
        answer: Answer::Empty,
        prepare: |_| {
            Box::pin(async { ready(PutBucketObjectLock::new(lock()), drop).leaves([Fact::ObjectLock(Some(lock()))]) })
        },
    },
    Row {
        name: "GetBucketObjectLock",
        variant: "",
        title: "GET Bucket ObjectLockConfiguration",
        safety: Safety::Read,
        answer: Answer::Xml,
        prepare: |scene| {
            Box::pin(async {
                scene.admin().send(PutBucketObjectLock::new(lock())).await.expect("a setting");
                ready(GetBucketObjectLock::new(), |found| assert_eq!(found, Some(lock())))
                    .leaves([Fact::ObjectLock(Some(lock()))])
            })
        },
    },
    Row {
        name: "RestoreObject",
        variant: "",
        title: "POST Object restore",
        safety: Safety::Guarded,
        answer: Answer::Empty,
        prepare: |scene| {
            Box::pin(async {
                scene.put_archived().await;
                ready(RestoreObject::new(scene.key(), 3), |answer| assert!(!answer.was_restored))
                    .leaves([Fact::Restoring, object(scene, "hello")])
            })
        },
    },
    Row {
        name: "PutSymlink",
        variant: "",
        title: "PUT Object symlink",
        safety: Safety::SameEffect,
        answer: Answer::Empty,
        prepare: |scene| {
            Box::pin(async {
                let (source, link) = (OTHER_KEY.parse().expect("a key"), scene.key());
                scene.put(OTHER_KEY, "hello");
                scene.put(scene.key.as_str(), "what was there before");
                ready(PutSymlink::new(link, source), |put| assert_eq!(put.version_id, None)).leaves([Fact::Symlink])
            })
        },
    },
    Row {
        name: "GetSymlink",
        variant: "",
        title: "GET Object symlink",
        safety: Safety::Read,
        answer: Answer::Empty,
        prepare: |scene| {
            Box::pin(async {
                let link = PutSymlink::new(scene.key(), OTHER_KEY.parse().expect("a key"));
                scene.put(OTHER_KEY, "hello");
                scene.admin().send(link).await.expect("a link");
                ready(GetSymlink::new(scene.key()), |link| assert_eq!(link.target, OTHER_KEY)).leaves([Fact::Symlink])
            })
        },
    },
    Row {
        name: "InitiateMultipartUpload",
        variant: "",
        title: "Initiate Multipart Upload",
        safety: Safety::CreatesState,
        answer: Answer::Xml,
        prepare: |scene| {
            Box::pin(async {
                ready(InitiateMultipartUpload::new(scene.key()), |begun| assert!(!begun.upload_id.is_empty()))
                    .leaves([Fact::Uploads(1)])
            })
        },
    },
    Row {
        name: "UploadPart",
        variant: "",
        title: "Upload Part",
        safety: Safety::SameEffect,
        answer: Answer::Empty,
        prepare: |scene| {
            Box::pin(async {
                let id = scene.begin_upload().await;
                let part = UploadPart::new(scene.key(), &id, 1, "hello");
                ready(part, |part| assert_eq!(part.crc64, Some(Crc64::of(b"hello"))))
                    .leaves([Fact::Uploads(1), Fact::Part(id, HELLO)])
            })
        },
    },
    Row {
        name: "UploadPartCopy",
        variant: "",
        title: "Upload Part - Copy",
        safety: Safety::SameEffect,
        answer: Answer::LateXml,
        prepare: |scene| {
            Box::pin(async {
                let id = scene.begin_upload().await;
                let part = UploadPartCopy::new(scene.key(), &id, 1, scene.source()).range(1..=3);
                ready(part, |part| assert!(!part.etag.is_empty())).leaves([Fact::Uploads(1), Fact::Part(id, 3)])
            })
        },
    },
    Row {
        name: "ListParts",
        variant: "",
        title: "List Parts",
        safety: Safety::Read,
        answer: Answer::Xml,
        prepare: |scene| {
            Box::pin(async {
                let id = scene.begin_upload().await;
                scene.upload_part(&id).await;
                ready(ListParts::new(scene.key(), &id), |list| {
                    let parts: Vec<_> = list.parts.iter().map(|part| (part.part_number, part.size)).collect();
                    assert_eq!(parts, [(1, HELLO)]);
                })
                .leaves([Fact::Part(id, HELLO)])
            })
        },
    },
    Row {
        name: "ListMultipartUploads",
        variant: "",
        title: "List Multipart Uploads",
        safety: Safety::Read,
        answer: Answer::Xml,
        prepare: |scene| {
            Box::pin(async {
                let id = scene.begin_upload().await;
                ready(ListMultipartUploads::new(), move |list| {
                    let ids: Vec<_> = list.uploads.iter().map(|upload| &upload.upload_id).collect();
                    assert_eq!(ids, [&id]);
                })
                .leaves([Fact::Uploads(1)])
            })
        },
    },
    Row {
        name: "CompleteMultipartUpload",
        variant: "",
        title: "Complete Multipart Upload",
        safety: Safety::Commit,
        answer: Answer::LateXml,
        prepare: |scene| {
            Box::pin(async {
                let id = scene.begin_upload().await;
                let part = scene.upload_part(&id).await;
                let complete = CompleteMultipartUpload::new(scene.key(), id, [part]).crc64(Crc64::of(b"hello"));
                ready(complete, |done| assert!(done.etag.ends_with("-1\""), "{}", done.etag))
                    .leaves([Fact::Uploads(0), object(scene, "hello")])
            })
        },
    },
    Row {
        name: "AbortMultipartUpload",
        variant: "",
        title: "Abort Multipart Upload",
        safety: Safety::SameEffect,
        answer: Answer::Empty,
        prepare: |scene| {
            Box::pin(async {
                let id = scene.begin_upload().await;
                scene.upload_part(&id).await;
                ready(AbortMultipartUpload::new(scene.key(), id), drop).leaves([Fact::Uploads(0), objects(vec![])])
            })
        },
    },
    Row {
        name: "CreateBucket",
        variant: "",
        title: "PUT Bucket",
        safety: Safety::Guarded,
        answer: Answer::Empty,
        prepare: |_| {
            Box::pin(async { ready(CreateBucket::new(), drop).in_bucket(MADE).leaves([Fact::Bucket(MADE, true)]) })
        },
    },
    Row {
        name: "HeadBucket",
        variant: "",
        title: "HEAD Bucket",
        safety: Safety::Read,
        answer: Answer::Head,
        prepare: |_| {
            Box::pin(async {
                ready(HeadBucket::new(), |meta| assert_eq!(meta.region.as_deref(), Some("ap-guangzhou")))
                    .leaves([Fact::Bucket(BUCKET, true)])
            })
        },
    },
    Row {
        name: "DeleteBucket",
        variant: "",
        title: "DELETE Bucket",
        safety: Safety::SameEffect,
        answer: Answer::Empty,
        prepare: |scene| {
            Box::pin(async {
                let doomed = scene.admin.bucket(DOOMED).expect("a bucket");
                doomed.send(CreateBucket::new()).await.expect("a new bucket");
                ready(DeleteBucket::new(), drop).in_bucket(DOOMED).leaves([Fact::Bucket(DOOMED, false)])
            })
        },
    },
    Row {
        name: "ListObjects",
        variant: "",
        title: "GET Bucket",
        safety: Safety::Read,
        answer: Answer::Xml,
        prepare: |scene| {
            Box::pin(async {
                scene.put(scene.key.as_str(), "hello");
                let key = scene.key();
                ready(ListObjects::new(), move |list| {
                    let objects: Vec<_> = list.objects.iter().map(|it| (it.key.as_str(), it.size)).collect();
                    assert_eq!((objects, list.is_truncated), (vec![(key.as_str(), HELLO)], false));
                })
                .leaves([object(scene, "hello")])
            })
        },
    },
    Row {
        name: "ListBuckets",
        variant: "",
        title: "GET Service",
        safety: Safety::Read,
        answer: Answer::Xml,
        prepare: |_| {
            Box::pin(async {
                ready(ListBuckets::new(), |list| {
                    let names: Vec<_> = list.buckets.iter().map(|bucket| bucket.name.as_str()).collect();
                    assert_eq!(names, [BUCKET]);
                })
                .leaves([])
            })
        },
    },
    Row {
        name: "ListObjectVersions",
        variant: "",
        title: "GET Bucket Object Versions",
        safety: Safety::Read,
        answer: Answer::Xml,
        prepare: |scene| {
            Box::pin(async {
                scene.set_versioning().await;
                let (old, new) = (scene.put_version("hello").await, scene.put_version("hello again").await);
                ready(ListObjectVersions::new(), move |list| {
                    let ids: Vec<_> = list.versions.iter().map(|it| (it.version_id.as_ref(), it.is_latest)).collect();
                    assert_eq!(ids, [(Some(&new), true), (Some(&old), false)]);
                })
                .leaves([object(scene, "hello again")])
            })
        },
    },
    Row {
        name: "PutBucketVersioning",
        variant: "",
        title: "PUT Bucket versioning",
        safety: Safety::SameEffect,
        answer: Answer::Empty,
        prepare: |_| {
            Box::pin(async { ready(PutBucketVersioning::new(Versioning::Enabled), drop).leaves([Fact::Versioned]) })
        },
    },
    Row {
        name: "GetBucketVersioning",
        variant: "",
        title: "GET Bucket versioning",
        safety: Safety::Read,
        answer: Answer::Xml,
        prepare: |scene| {
            Box::pin(async {
                scene.set_versioning().await;
                ready(GetBucketVersioning::new(), |found| assert_eq!(found, Some(Versioning::Enabled)))
                    .leaves([Fact::Versioned])
            })
        },
    },
    Row {
        name: "PutBucketAcl",
        variant: "",
        title: "PUT Bucket acl",
        safety: Safety::SameEffect,
        answer: Answer::Empty,
        prepare: |_| {
            Box::pin(async { ready(PutBucketAcl::new(Acl::public_read()), drop).leaves([Fact::PublicBucket]) })
        },
    },
    Row {
        name: "GetBucketAcl",
        variant: "",
        title: "GET Bucket acl",
        safety: Safety::Read,
        answer: Answer::Xml,
        prepare: |scene| {
            Box::pin(async {
                scene.admin().send(PutBucketAcl::new(Acl::public_read())).await.expect("an ACL");
                ready(GetBucketAcl::new(), |access| assert!(access.is_public_read())).leaves([Fact::PublicBucket])
            })
        },
    },
    Row {
        name: "PutObjectAcl",
        variant: "",
        title: "PUT Object acl",
        safety: Safety::SameEffect,
        answer: Answer::Empty,
        prepare: |scene| {
            Box::pin(async {
                scene.put(scene.key.as_str(), "hello");
                ready(PutObjectAcl::new(scene.key(), Acl::public_read()), drop)
                    .leaves([Fact::PublicObject, object(scene, "hello")])
            })
        },
    },
    Row {
        name: "GetObjectAcl",
        variant: "",
        title: "GET Object acl",
        safety: Safety::Read,
        answer: Answer::Xml,
        prepare: |scene| {
            Box::pin(async {
                scene.put(scene.key.as_str(), "hello");
                scene.admin().send(PutObjectAcl::new(scene.key(), Acl::public_read())).await.expect("an ACL");
                ready(GetObjectAcl::new(scene.key()), |access| assert!(access.is_public_read()))
                    .leaves([Fact::PublicObject, object(scene, "hello")])
            })
        },
    },
    Row {
        name: "PutBucketCors",
        variant: "",
        title: "PUT Bucket cors",
        safety: Safety::SameEffect,
        answer: Answer::Empty,
        prepare: |_| Box::pin(async { ready(PutBucketCors::new(cors()), drop).leaves([Fact::Cors(Some(cors()))]) }),
    },
    Row {
        name: "GetBucketCors",
        variant: "",
        title: "GET Bucket cors",
        safety: Safety::Read,
        answer: Answer::Xml,
        prepare: |scene| {
            Box::pin(async {
                scene.admin().send(PutBucketCors::new(cors())).await.expect("a setting");
                ready(GetBucketCors::new(), |found| assert_eq!(found, Some(cors()))).leaves([Fact::Cors(Some(cors()))])
            })
        },
    },
    Row {
        name: "DeleteBucketCors",
        variant: "",
        title: "DELETE Bucket cors",
        safety: Safety::SameEffect,
        answer: Answer::Empty,
        prepare: |scene| {
            Box::pin(async {
                scene.admin().send(PutBucketCors::new(cors())).await.expect("a setting");
                ready(DeleteBucketCors::new(), drop).leaves([Fact::Cors(None)])
            })
        },
    },
    Row {
        name: "PutBucketLifecycle",
        variant: "",
        title: "PUT Bucket lifecycle",
        safety: Safety::SameEffect,
        answer: Answer::Empty,
        prepare: |_| {
            Box::pin(async {
                ready(PutBucketLifecycle::new(lifecycle()), drop).leaves([Fact::Lifecycle(Some(lifecycle()))])
            })
        },
    },
    Row {
        name: "GetBucketLifecycle",
        variant: "",
        title: "GET Bucket lifecycle",
        safety: Safety::Read,
        answer: Answer::Xml,
        prepare: |scene| {
            Box::pin(async {
                scene.admin().send(PutBucketLifecycle::new(lifecycle())).await.expect("a setting");
                ready(GetBucketLifecycle::new(), |found| assert_eq!(found, Some(lifecycle())))
                    .leaves([Fact::Lifecycle(Some(lifecycle()))])
            })
        },
    },
    Row {
        name: "DeleteBucketLifecycle",
        variant: "",
        title: "DELETE Bucket lifecycle",
        safety: Safety::SameEffect,
        answer: Answer::Empty,
        prepare: |scene| {
            Box::pin(async {
                scene.admin().send(PutBucketLifecycle::new(lifecycle())).await.expect("a setting");
                ready(DeleteBucketLifecycle::new(), drop).leaves([Fact::Lifecycle(None)])
            })
        },
    },
    Row {
        name: "PutBucketEncryption",
        variant: "",
        title: "PUT Bucket encryption",
        safety: Safety::SameEffect,
        answer: Answer::Empty,
        prepare: |_| {
            Box::pin(async {
                let put = PutBucketEncryption::new(BucketEncryption::cos());
                ready(put, drop).leaves([Fact::Encryption(Some(BucketEncryption::cos()))])
            })
        },
    },
    Row {
        name: "GetBucketEncryption",
        variant: "",
        title: "GET Bucket encryption",
        safety: Safety::Read,
        answer: Answer::Xml,
        prepare: |scene| {
            Box::pin(async {
                scene.admin().send(PutBucketEncryption::new(BucketEncryption::cos())).await.expect("a setting");
                ready(GetBucketEncryption::new(), |found| assert_eq!(found, Some(BucketEncryption::cos())))
                    .leaves([Fact::Encryption(Some(BucketEncryption::cos()))])
            })
        },
    },
    Row {
        name: "DeleteBucketEncryption",
        variant: "",
        title: "DELETE Bucket encryption",
        safety: Safety::SameEffect,
        answer: Answer::Empty,
        prepare: |scene| {
            Box::pin(async {
                scene.admin().send(PutBucketEncryption::new(BucketEncryption::cos())).await.expect("a setting");
                ready(DeleteBucketEncryption::new(), drop).leaves([Fact::Encryption(None)])
            })
        },
    },
    Row {
        name: "PutBucketPolicy",
        variant: "",
        title: "PUT Bucket policy",
        safety: Safety::SameEffect,
        answer: Answer::Empty,
        prepare: |scene| {
            Box::pin(async {
                let policy = policy(scene);
                ready(PutBucketPolicy::json(&policy), drop).leaves([Fact::Policy(Some(policy))])
            })
        },
    },
    Row {
        name: "GetBucketPolicy",
        variant: "",
        title: "GET Bucket policy",
        safety: Safety::Read,
        answer: Answer::Json,
        prepare: |scene| {
            Box::pin(async {
                let policy = policy(scene);
                scene.admin().send(PutBucketPolicy::json(&policy)).await.expect("a setting");
                let expected = policy.clone();
                let verify = move |found: Option<BucketPolicy>| {
                    assert_eq!(found.and_then(|found| found.to_json().ok()), Some(expected.clone()));
                };
                ready(GetBucketPolicy::new(), verify).leaves([Fact::Policy(Some(policy))])
            })
        },
    },
    Row {
        name: "DeleteBucketPolicy",
        variant: "",
        title: "DELETE Bucket policy",
        safety: Safety::SameEffect,
        answer: Answer::Empty,
        prepare: |scene| {
            Box::pin(async {
                scene.admin().send(PutBucketPolicy::json(policy(scene))).await.expect("a setting");
                ready(DeleteBucketPolicy::new(), drop).leaves([Fact::Policy(None)])
            })
        },
    },
    Row {
        name: "PutBucketTagging",
        variant: "",
        title: "PUT Bucket tagging",
        safety: Safety::SameEffect,
        answer: Answer::Empty,
        prepare: |scene| {
            Box::pin(async {
                let before = PutBucketTagging::new(Tags::new().tag("before", "1"));
                scene.admin().send(before).await.expect("a setting");
                ready(PutBucketTagging::new(bucket_tags()), drop).leaves([Fact::BucketTags(bucket_tags())])
            })
        },
    },
    Row {
        name: "GetBucketTagging",
        variant: "",
        title: "GET Bucket tagging",
        safety: Safety::Read,
        answer: Answer::Xml,
        prepare: |scene| {
            Box::pin(async {
                scene.admin().send(PutBucketTagging::new(bucket_tags())).await.expect("a setting");
                ready(GetBucketTagging::new(), |found| assert_eq!(found, bucket_tags()))
                    .leaves([Fact::BucketTags(bucket_tags())])
            })
        },
    },
    Row {
        name: "DeleteBucketTagging",
        variant: "",
        title: "DELETE Bucket tagging",
        safety: Safety::SameEffect,
        answer: Answer::Empty,
        prepare: |scene| {
            Box::pin(async {
                scene.admin().send(PutBucketTagging::new(bucket_tags())).await.expect("a setting");
                ready(DeleteBucketTagging::new(), drop).leaves([Fact::BucketTags(Tags::new())])
            })
        },
    },
    Row {
        name: "PutBucketWebsite",
        variant: "",
        title: "PUT Bucket website",
        safety: Safety::SameEffect,
        answer: Answer::Empty,
        prepare: |_| {
            Box::pin(async { ready(PutBucketWebsite::new(website()), drop).leaves([Fact::Website(Some(website()))]) })
        },
    },
    Row {
        name: "GetBucketWebsite",
        variant: "",
        title: "GET Bucket website",
        safety: Safety::Read,
        answer: Answer::Xml,
        prepare: |scene| {
            Box::pin(async {
                scene.admin().send(PutBucketWebsite::new(website())).await.expect("a setting");
                ready(GetBucketWebsite::new(), |found| assert_eq!(found, Some(website())))
                    .leaves([Fact::Website(Some(website()))])
            })
        },
    },
    Row {
        name: "DeleteBucketWebsite",
        variant: "",
        title: "DELETE Bucket website",
        safety: Safety::SameEffect,
        answer: Answer::Empty,
        prepare: |scene| {
            Box::pin(async {
                scene.admin().send(PutBucketWebsite::new(website())).await.expect("a setting");
                ready(DeleteBucketWebsite::new(), drop).leaves([Fact::Website(None)])
            })
        },
    },
    Row {
        name: "PutBucketReferer",
        variant: "",
        title: "PUT Bucket referer",
        safety: Safety::SameEffect,
        answer: Answer::Empty,
        prepare: |_| {
            Box::pin(async { ready(PutBucketReferer::new(referer()), drop).leaves([Fact::Referer(Some(referer()))]) })
        },
    },
    Row {
        name: "GetBucketReferer",
        variant: "",
        title: "GET Bucket referer",
        safety: Safety::Read,
        answer: Answer::Xml,
        prepare: |scene| {
            Box::pin(async {
                scene.admin().send(PutBucketReferer::new(referer())).await.expect("a setting");
                ready(GetBucketReferer::new(), |found| assert_eq!(found, Some(referer())))
                    .leaves([Fact::Referer(Some(referer()))])
            })
        },
    },
    Row {
        name: "DeleteBucketReferer",
        variant: "",
        title: "PUT Bucket referer",
        safety: Safety::SameEffect,
        answer: Answer::Empty,
        prepare: |scene| {
            Box::pin(async {
                scene.admin().send(PutBucketReferer::new(referer())).await.expect("a setting");
                ready(DeleteBucketReferer::new(), drop).leaves([Fact::Referer(None)])
            })
        },
    },
    Row {
        name: "PutBucketInventory",
        variant: "",
        title: "PUT Bucket inventory",
        safety: Safety::SameEffect,
        answer: Answer::Empty,
        prepare: |_| {
            Box::pin(async {
                ready(PutBucketInventory::new(inventory()), drop).leaves([Fact::Inventories(vec![inventory()])])
            })
        },
    },
    Row {
        name: "GetBucketInventory",
        variant: "",
        title: "GET Bucket inventory",
        safety: Safety::Read,
        answer: Answer::Xml,
        prepare: |scene| {
            Box::pin(async {
                scene.admin().send(PutBucketInventory::new(inventory())).await.expect("a setting");
                ready(GetBucketInventory::new("weekly"), |found| assert_eq!(found, Some(inventory())))
                    .leaves([Fact::Inventories(vec![inventory()])])
            })
        },
    },
    Row {
        name: "ListBucketInventory",
        variant: "",
        title: "List Bucket Inventory Configurations",
        safety: Safety::Read,
        answer: Answer::Xml,
        prepare: |scene| {
            Box::pin(async {
                scene.admin().send(PutBucketInventory::new(inventory())).await.expect("a setting");
                ready(ListBucketInventory::new(), |list| assert_eq!(list.configurations, [inventory()]))
                    .leaves([Fact::Inventories(vec![inventory()])])
            })
        },
    },
    Row {
        name: "DeleteBucketInventory",
        variant: "",
        title: "DELETE Bucket inventory",
        safety: Safety::SameEffect,
        answer: Answer::Empty,
        prepare: |scene| {
            Box::pin(async {
                scene.admin().send(PutBucketInventory::new(inventory())).await.expect("a setting");
                ready(DeleteBucketInventory::new("weekly"), drop).leaves([Fact::Inventories(Vec::new())])
            })
        },
    },
    Row {
        name: "PostBucketInventory",
        variant: "",
        title: "POST Bucket inventory",
        safety: Safety::CreatesState,
        answer: Answer::Xml,
        prepare: |_| {
            Box::pin(async {
                let once = InventoryConfiguration::once("now", inventory_place());
                ready(PostBucketInventory::new(once), |job| assert!(job.job_id.is_some()))
                    .leaves([Fact::InventoryBegun("now"), Fact::Inventories(Vec::new())])
            })
        },
    },
    Row {
        name: "PutBucketIntelligentTiering",
        variant: "",
        title: "PUT Bucket IntelligentTiering",
        safety: Safety::SameEffect,
        answer: Answer::Empty,
        prepare: |_| {
            Box::pin(async {
                ready(PutBucketIntelligentTiering::new(tiering()), drop).leaves([Fact::Tiering(vec![tiering()])])
            })
        },
    },
    Row {
        name: "PutBucketIntelligentTiering",
        variant: "turns it on",
        title: "PUT Bucket IntelligentTiering",
        safety: Safety::CreatesState,
        answer: Answer::Empty,
        prepare: |_| {
            Box::pin(async {
                let on = IntelligentTieringConfiguration::turn_on(60);
                ready(PutBucketIntelligentTiering::new(on.clone()), drop).leaves([Fact::Tiering(vec![on])])
            })
        },
    },
    Row {
        name: "GetBucketIntelligentTiering",
        variant: "",
        title: "GET Bucket IntelligentTiering",
        safety: Safety::Read,
        answer: Answer::Xml,
        prepare: |scene| {
            Box::pin(async {
                scene.admin().send(PutBucketIntelligentTiering::new(tiering())).await.expect("a setting");
                ready(GetBucketIntelligentTiering::new("photos"), |found| assert_eq!(found, Some(tiering())))
                    .leaves([Fact::Tiering(vec![tiering()])])
            })
        },
    },
    Row {
        name: "ListBucketIntelligentTiering",
        variant: "",
        title: "List Bucket IntelligentTiering Configurations",
        safety: Safety::Read,
        answer: Answer::Xml,
        prepare: |scene| {
            Box::pin(async {
                scene.admin().send(PutBucketIntelligentTiering::new(tiering())).await.expect("a setting");
                ready(ListBucketIntelligentTiering::new(), |list| assert_eq!(list, [tiering()]))
                    .leaves([Fact::Tiering(vec![tiering()])])
            })
        },
    },
    Row {
        name: "DeleteBucketIntelligentTiering",
        variant: "",
        title: "DELETE Bucket IntelligentTiering",
        safety: Safety::SameEffect,
        answer: Answer::Empty,
        prepare: |scene| {
            Box::pin(async {
                scene.admin().send(PutBucketIntelligentTiering::new(tiering())).await.expect("a setting");
                ready(DeleteBucketIntelligentTiering::new("photos"), drop).leaves([Fact::Tiering(Vec::new())])
            })
        },
    },
    Row {
        name: "PutBucketIntelligentTieringV1",
        variant: "",
        title: "PUT Bucket intelligenttiering",
        safety: Safety::CreatesState,
        answer: Answer::Empty,
        prepare: |_| {
            Box::pin(async {
                ready(PutBucketIntelligentTieringV1::new(60), drop)
                    .leaves([Fact::Tiering(vec![IntelligentTieringConfiguration::turn_on(60)])])
            })
        },
    },
    Row {
        name: "GetBucketIntelligentTieringV1",
        variant: "",
        title: "GET Bucket intelligenttiering",
        safety: Safety::Read,
        answer: Answer::Xml,
        prepare: |scene| {
            Box::pin(async {
                let on = IntelligentTieringConfiguration::turn_on(60);
                scene.admin().send(PutBucketIntelligentTiering::new(on.clone())).await.expect("a setting");
                ready(GetBucketIntelligentTieringV1::new(), |found| assert_eq!(found.expect("it is on").days, Some(60)))
                    .leaves([Fact::Tiering(vec![on])])
            })
        },
    },
    Row {
        name: "PutBucketAccelerate",
        variant: "",
        title: "PUT Bucket accelerate",
        safety: Safety::SameEffect,
        answer: Answer::Empty,
        prepare: |_| {
            Box::pin(async {
                ready(PutBucketAccelerate::new(accelerate()), drop).leaves([Fact::Accelerate(Some(accelerate()))])
            })
        },
    },
    Row {
        name: "GetBucketAccelerate",
        variant: "",
        title: "GET Bucket accelerate",
        safety: Safety::Read,
        answer: Answer::Xml,
        prepare: |scene| {
            Box::pin(async {
                scene.admin().send(PutBucketAccelerate::new(accelerate())).await.expect("a setting");
                ready(GetBucketAccelerate::new(), |found| assert!(found.expect("a setting").enabled))
                    .leaves([Fact::Accelerate(Some(accelerate()))])
            })
        },
    },
    Row {
        name: "PutBucketLogging",
        variant: "",
        title: "PUT Bucket logging",
        safety: Safety::SameEffect,
        answer: Answer::Empty,
        prepare: |_| {
            Box::pin(async { ready(PutBucketLogging::new(logging()), drop).leaves([Fact::Logging(Some(logging()))]) })
        },
    },
    Row {
        name: "GetBucketLogging",
        variant: "",
        title: "GET Bucket logging",
        safety: Safety::Read,
        answer: Answer::Xml,
        prepare: |scene| {
            Box::pin(async {
                scene.admin().send(PutBucketLogging::new(logging())).await.expect("a setting");
                ready(GetBucketLogging::new(), |found| assert_eq!(found, Some(logging())))
                    .leaves([Fact::Logging(Some(logging()))])
            })
        },
    },
    Row {
        name: "DeleteBucketLogging",
        variant: "",
        title: "PUT Bucket logging",
        safety: Safety::SameEffect,
        answer: Answer::Empty,
        prepare: |scene| {
            Box::pin(async {
                scene.admin().send(PutBucketLogging::new(logging())).await.expect("a setting");
                ready(DeleteBucketLogging::new(), drop).leaves([Fact::Logging(None)])
            })
        },
    },
    Row {
        name: "PutBucketReplication",
        variant: "",
        title: "PUT Bucket replication",
        safety: Safety::SameEffect,
        answer: Answer::Empty,
        prepare: |scene| {
            Box::pin(async {
                scene.keep_versions_of_both().await;
                ready(PutBucketReplication::new(replication()), drop).leaves([Fact::Replication(Some(replication()))])
            })
        },
    },
    Row {
        name: "GetBucketReplication",
        variant: "",
        title: "GET Bucket replication",
        safety: Safety::Read,
        answer: Answer::Xml,
        prepare: |scene| {
            Box::pin(async {
                scene.keep_versions_of_both().await;
                scene.admin().send(PutBucketReplication::new(replication())).await.expect("a setting");
                ready(GetBucketReplication::new(), |found| assert_eq!(found, Some(replication())))
                    .leaves([Fact::Replication(Some(replication()))])
            })
        },
    },
    Row {
        name: "DeleteBucketReplication",
        variant: "",
        title: "DELETE Bucket replication",
        safety: Safety::SameEffect,
        answer: Answer::Empty,
        prepare: |scene| {
            Box::pin(async {
                scene.keep_versions_of_both().await;
                scene.admin().send(PutBucketReplication::new(replication())).await.expect("a setting");
                ready(DeleteBucketReplication::new(), drop).leaves([Fact::Replication(None)])
            })
        },
    },
    Row {
        name: "PutBucketDomain",
        variant: "",
        title: "PUT Bucket domain",
        safety: Safety::SameEffect,
        answer: Answer::Empty,
        prepare: |_| Box::pin(async { ready(put_domains(), drop).leaves([Fact::Domains(domains())]) }),
    },
    Row {
        name: "GetBucketDomain",
        variant: "",
        title: "GET Bucket domain",
        safety: Safety::Read,
        answer: Answer::Xml,
        prepare: |scene| {
            Box::pin(async {
                scene.admin().send(put_domains()).await.expect("a setting");
                ready(GetBucketDomain::new(), |found| assert_eq!(found.expect("domains").rules, domains()))
                    .leaves([Fact::Domains(domains())])
            })
        },
    },
    Row {
        name: "DeleteBucketDomain",
        variant: "",
        title: "DELETE Bucket domain",
        safety: Safety::SameEffect,
        answer: Answer::Empty,
        prepare: |scene| {
            Box::pin(async {
                scene.admin().send(put_domains()).await.expect("a setting");
                ready(DeleteBucketDomain::new(), drop).leaves([Fact::Domains(Vec::new())])
            })
        },
    },
    Row {
        name: "PutBucketDomainCertificate",
        variant: "",
        title: "PUT Bucket domaincertificate",
        safety: Safety::SameEffect,
        answer: Answer::Empty,
        prepare: |scene| {
            Box::pin(async {
                scene.admin().send(put_domains()).await.expect("a setting");
                ready(put_certificate(), drop).leaves([Fact::Certificate(true)])
            })
        },
    },
    Row {
        name: "GetBucketDomainCertificate",
        variant: "",
        title: "GET Bucket domaincertificate",
        safety: Safety::Read,
        answer: Answer::Xml,
        prepare: |scene| {
            Box::pin(async {
                certified(&scene.admin()).await;
                ready(GetBucketDomainCertificate::new(DOMAIN), |found| assert!(found.expect("a certificate").enabled))
                    .leaves([Fact::Certificate(true)])
            })
        },
    },
    Row {
        name: "DeleteBucketDomainCertificate",
        variant: "",
        title: "DELETE Bucket domaincertificate",
        safety: Safety::SameEffect,
        answer: Answer::Empty,
        prepare: |scene| {
            Box::pin(async {
                certified(&scene.admin()).await;
                ready(DeleteBucketDomainCertificate::new(DOMAIN), drop).leaves([Fact::Certificate(false)])
            })
        },
    },
    Row {
        name: "PutBucketOrigin",
        variant: "",
        title: "PUT Bucket Origin",
        safety: Safety::SameEffect,
        answer: Answer::Empty,
        prepare: |_| {
            Box::pin(async { ready(PutBucketOrigin::new(origin()), drop).leaves([Fact::Origin(Some(origin()))]) })
        },
    },
    Row {
        name: "GetBucketOrigin",
        variant: "",
        title: "GET Bucket Origin",
        safety: Safety::Read,
        answer: Answer::Xml,
        prepare: |scene| {
            Box::pin(async {
                scene.admin().send(PutBucketOrigin::new(origin())).await.expect("a setting");
                ready(GetBucketOrigin::new(), |found| assert_eq!(found, Some(origin())))
                    .leaves([Fact::Origin(Some(origin()))])
            })
        },
    },
    Row {
        name: "DeleteBucketOrigin",
        variant: "",
        title: "DELETE Bucket Origin",
        safety: Safety::SameEffect,
        answer: Answer::Empty,
        prepare: |scene| {
            Box::pin(async {
                scene.admin().send(PutBucketOrigin::new(origin())).await.expect("a setting");
                ready(DeleteBucketOrigin::new(), drop).leaves([Fact::Origin(None)])
            })
        },
    },
    Row {
        name: "GetBucketLocation",
        variant: "",
        title: "GET Bucket location",
        safety: Safety::Read,
        answer: Answer::Xml,
        prepare: |_| {
            Box::pin(async {
                ready(GetBucketLocation::new(), |region| assert_eq!(region.as_str(), "ap-guangzhou")).leaves([])
            })
        },
    },
    Row {
        name: "OptionsObject",
        variant: "",
        title: "OPTIONS Object",
        safety: Safety::Read,
        answer: Answer::Empty,
        prepare: |scene| {
            Box::pin(async {
                scene.admin().send(PutBucketCors::new(cors())).await.expect("a setting");
                let ask =
                    OptionsObject::new(scene.key(), "https://app.example.com", Method::PUT).header("content-type");
                ready(ask, |preflight| assert_eq!(preflight.expect("a rule").allow_headers, ["content-type"]))
                    .leaves([Fact::Cors(Some(cors()))])
            })
        },
    },
];
