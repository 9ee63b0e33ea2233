//! What a success leaves behind, and a look whether it is so.

use std::time::SystemTime;

use futures_util::TryStreamExt as _;
use tencent_cos::{
    AccelerateConfiguration, BucketEncryption, BucketLogging, CorsConfiguration, DomainRule, GetBucketAccelerate,
    GetBucketAcl, GetBucketCors, GetBucketDomain, GetBucketDomainCertificate, GetBucketEncryption, GetBucketLifecycle,
    GetBucketLogging, GetBucketObjectLock, GetBucketOrigin, GetBucketPolicy, GetBucketReferer, GetBucketReplication,
    GetBucketTagging, GetBucketVersioning, GetBucketWebsite, GetObjectRetention, GetObjectTagging, GetSymlink,
    HeadBucket, HeadObject, IntelligentTieringConfiguration, InventoryConfiguration, LifecycleConfiguration,
    ListBucketIntelligentTiering, ListBucketInventory, ListMultipartUploads, ListParts, ObjectLockConfiguration,
    OriginConfiguration, PostBucketInventory, RefererConfiguration, ReplicationConfiguration, Restored, Tags,
    Versioning, WebsiteConfiguration,
};

use super::table::{DOMAIN, inventory_place};
use super::{OTHER_KEY, Scene};

/// What a success leaves behind.
pub(super) enum Fact {
    /// All objects of the bucket, with their bytes.
    Objects(Vec<(String, &'static str)>),
    /// So many uploads are under way.
    Uploads(usize),
    /// The upload has one part, of so many bytes.
    Part(String, u64),
    /// Whether there is such a bucket.
    Bucket(&'static str, bool),
    /// The bucket keeps versions.
    Versioned,
    /// Anybody may list the bucket.
    PublicBucket,
    /// Anybody may read the object.
    PublicObject,
    /// This version is gone.
    NoVersion(String),
    /// The object has these tags.
    Tags(Tags),
    /// COS restores the object.
    Restoring,
    /// Web pages may do this.
    Cors(Option<CorsConfiguration>),
    /// Objects are encrypted so.
    Encryption(Option<BucketEncryption>),
    /// This is the policy of the bucket.
    Policy(Option<String>),
    /// The bucket is shown so.
    Website(Option<WebsiteConfiguration>),
    /// These pages may show objects.
    Referer(Option<RefererConfiguration>),
    /// These inventories are made.
    Inventories(Vec<InventoryConfiguration>),
    /// This inventory was begun, which is made once.
    InventoryBegun(&'static str),
    /// These are the rules of intelligent tiering.
    Tiering(Vec<IntelligentTieringConfiguration>),
    /// Whether the bucket is reached by global acceleration.
    Accelerate(Option<AccelerateConfiguration>),
    /// The log of the bucket is there.
    Logging(Option<BucketLogging>),
    /// Objects are copied there.
    Replication(Option<ReplicationConfiguration>),
    /// The object is a link to the other.
    Symlink,
    /// The bucket has these domains.
    Domains(Vec<DomainRule>),
    /// Whether the domain has a certificate.
    Certificate(bool),
    /// What is not there is got so.
    Origin(Option<OriginConfiguration>),
    /// Objects may be locked, and new ones are for so long.
    ObjectLock(Option<ObjectLockConfiguration>),
    /// The object is locked until then.
    LockedUntil(SystemTime),
    /// The bucket has these tags.
    BucketTags(Tags),
    /// COS does this by itself.
    Lifecycle(Option<LifecycleConfiguration>),
}

impl Fact {
    #[allow(clippy::too_many_lines)] // a table: an arm for each fact
    pub(super) async fn check(&self, scene: &Scene) {
        let admin = scene.admin();
        match self {
            Self::Objects(expected) => {
                let listed: Vec<String> =
                    admin.list("").map_ok(|object| object.key).try_collect().await.expect("a listing");
                let keys: Vec<&str> = expected.iter().map(|(key, _)| key.as_str()).collect();
                assert_eq!(listed, keys);
                for (key, bytes) in expected {
                    let stored = scene.emulator().object(admin.name().as_str(), key).expect("an object");
                    assert_eq!(stored.bytes(), *bytes);
                }
            }
            Self::Uploads(count) => {
                let list = admin.send(ListMultipartUploads::new()).await.expect("a list of uploads");
                assert_eq!(list.uploads.len(), *count);
                assert!(list.uploads.iter().all(|upload| upload.key == scene.key.as_str()));
            }
            Self::Part(upload_id, size) => {
                let list = admin.send(ListParts::new(scene.key(), upload_id)).await.expect("a list of parts");
                let parts: Vec<_> = list.parts.iter().map(|part| (part.part_number, part.size)).collect();
                assert_eq!(parts, [(1, *size)]);
            }
            Self::Bucket(name, there) => {
                let bucket = scene.admin.bucket(*name).expect("a bucket");
                match bucket.send(HeadBucket::new()).await {
                    Ok(_) => assert!(there, "{name} is still there"),
                    Err(error) => assert!(!there && error.is_not_found(), "{error}"),
                }
            }
            Self::Versioned => {
                let found = admin.send(GetBucketVersioning::new()).await.expect("a setting");
                assert_eq!(found, Some(Versioning::Enabled));
            }
            Self::Cors(expected) => {
                assert_eq!(admin.send(GetBucketCors::new()).await.expect("a setting"), *expected);
            }
            Self::Encryption(expected) => {
                assert_eq!(admin.send(GetBucketEncryption::new()).await.expect("a setting"), *expected);
            }
            Self::Policy(expected) => {
                let found = admin.send(GetBucketPolicy::new()).await.expect("a setting");
                assert_eq!(found.as_ref().and_then(|policy| policy.as_read()), expected.as_deref());
            }
            Self::Website(expected) => {
                assert_eq!(admin.send(GetBucketWebsite::new()).await.expect("a setting"), *expected);
            }
            Self::Referer(expected) => {
                assert_eq!(admin.send(GetBucketReferer::new()).await.expect("a setting"), *expected);
            }
            Self::Inventories(expected) => {
                let list = admin.send(ListBucketInventory::new()).await.expect("a list of inventories");
                assert_eq!(list.configurations, *expected);
            }
            Self::InventoryBegun(id) => {
                // What befalls the call is not to befall this one.
                scene.emulator().clear_script();
                let once = InventoryConfiguration::once(*id, inventory_place());
                let again = admin.send(PostBucketInventory::new(once)).await.expect_err("an id that is taken");
                assert_eq!(again.code(), Some("DuplicateInventoryId"));
            }
            Self::Tiering(expected) => {
                assert_eq!(admin.send(ListBucketIntelligentTiering::new()).await.expect("a list of rules"), *expected);
            }
            Self::Accelerate(expected) => {
                let mut found = admin.send(GetBucketAccelerate::new()).await.expect("a setting");
                if let Some(found) = &mut found {
                    found.acceleration_type = None;
                }
                assert_eq!(found, *expected);
            }
            Self::Logging(expected) => {
                assert_eq!(admin.send(GetBucketLogging::new()).await.expect("a setting"), *expected);
            }
            Self::Replication(expected) => {
                assert_eq!(admin.send(GetBucketReplication::new()).await.expect("a setting"), *expected);
            }
            Self::Symlink => {
                assert_eq!(admin.send(GetSymlink::new(scene.key())).await.expect("a link").target, OTHER_KEY);
                let shown = admin.get(scene.key()).await.expect("an object").bytes(1024).await.expect("its bytes");
                assert_eq!(shown, "hello");
            }
            Self::Domains(expected) => {
                let found = admin.send(GetBucketDomain::new()).await.expect("a setting");
                assert_eq!(found.map(|found| found.rules).unwrap_or_default(), *expected);
            }
            Self::Certificate(there) => {
                let found = admin.send(GetBucketDomainCertificate::new(DOMAIN)).await.expect("a setting");
                assert_eq!(found.is_some(), *there);
            }
            Self::Origin(expected) => {
                assert_eq!(admin.send(GetBucketOrigin::new()).await.expect("a setting"), *expected);
            }
            Self::ObjectLock(expected) => {
                assert_eq!(admin.send(GetBucketObjectLock::new()).await.expect("a setting"), *expected);
            }
            Self::LockedUntil(until) => {
                let found = admin.send(GetObjectRetention::new(scene.key())).await.expect("a lock");
                assert_eq!(found.map(|found| found.until), Some(*until));
            }
            Self::BucketTags(expected) => {
                assert_eq!(admin.send(GetBucketTagging::new()).await.expect("tags"), *expected);
            }
            Self::Lifecycle(expected) => {
                assert_eq!(admin.send(GetBucketLifecycle::new()).await.expect("a setting"), *expected);
            }
            Self::PublicBucket => {
                assert!(admin.send(GetBucketAcl::new()).await.expect("an ACL").is_public_read());
            }
            Self::PublicObject => {
                let stored = scene.emulator().object(admin.name().as_str(), scene.key.as_str()).expect("an object");
                assert_eq!(stored.acl(), Some("public-read"));
            }
            Self::NoVersion(version_id) => {
                let gone = HeadObject::new(scene.key()).version_id(version_id);
                assert!(admin.send(gone).await.expect_err("the version is there").is_not_found());
            }
            Self::Tags(tags) => {
                let found = admin.send(GetObjectTagging::new(scene.key())).await.expect("tags").tags;
                assert_eq!(found, *tags);
            }
            Self::Restoring => {
                let meta = admin.head(scene.key()).await.expect("an object");
                assert_eq!(meta.restored(), Some(Restored::Ongoing));
            }
        }
    }
}
