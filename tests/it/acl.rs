//! Access control lists: who may do what, set and read, and what strangers may then.

use cos_emulator::Emulator;
use tencent_cos::policy::{Policy, Resource};
use tencent_cos::transfer::Upload;
use tencent_cos::{
    AccessControl, Acl, Bucket, CopyObject, CopySource, CreateBucket, Credentials, DeleteObject, Error, GetBucketAcl,
    GetObjectAcl, Grantee, ObjectKey, PutBucketAcl, PutBucketVersioning, PutObject, PutObjectAcl, Versioning,
};

use crate::support;

const KEY: &str = "photos/a b+1%.txt";
const FRIEND: &str = "qcs::cam::uin/100000000002:uin/100000000002";

fn key() -> ObjectKey {
    KEY.parse().expect("a key")
}

/// The bucket as somebody without a key reaches it.
fn stranger(emulator: &Emulator) -> Bucket {
    let client = support::client(emulator).credentials(Credentials::anonymous()).build();
    client.and_then(|client| client.bucket(emulator.bucket())).expect("a bucket")
}

async fn is_open(stranger: &Bucket) -> bool {
    match stranger.get(KEY).await {
        Ok(object) => object.bytes(1024).await.expect("its bytes") == "hello",
        Err(error) => {
            assert_eq!(error.code(), Some("AccessDenied"), "{error}");
            false
        }
    }
}

/// Permission and id of every account but the owner.
fn granted(access: &AccessControl) -> Vec<(&str, &str)> {
    let others = access.grants.iter().filter_map(|grant| match &grant.grantee {
        Grantee::Account(account) if account.id != access.owner.id => Some((grant.permission.as_str(), &*account.id)),
        _ => None,
    });
    others.collect()
}

#[tokio::test]
async fn an_object_is_open_as_long_as_its_list_says_so() {
    let emulator = support::emulator().await;
    let (bucket, stranger) = (support::bucket(&emulator), stranger(&emulator));
    bucket.put(KEY, "hello").await.expect("an object");
    assert!(bucket.send(GetObjectAcl::new(key())).await.expect("an ACL").is_inherited());
    assert!(!is_open(&stranger).await);
    for (acl, open) in [(Acl::public_read(), true), (Acl::private(), false), (Acl::authenticated_read(), false)] {
        bucket.send(PutObjectAcl::new(key(), acl)).await.expect("to set an ACL");
        let access = bucket.send(GetObjectAcl::new(key())).await.expect("an ACL");
        assert_eq!((access.is_public_read(), access.is_inherited()), (open, false));
        assert_eq!(is_open(&stranger).await, open);
    }
    bucket.send(PutBucketAcl::new(Acl::public_read())).await.expect("to set an ACL");
    assert!(!is_open(&stranger).await, "its own list counts");
    bucket.send(PutObjectAcl::new(key(), Acl::inherited())).await.expect("to set an ACL");
    assert!(is_open(&stranger).await);
    let access = bucket.send(GetObjectAcl::new(key())).await.expect("an ACL");
    assert!(access.is_inherited() && !access.is_public_read());
    assert!(bucket.send(GetBucketAcl::new()).await.expect("an ACL").is_public_read());
}

/// A copy brings no ACL along; one that says the same is made of what was read.
#[tokio::test]
async fn what_was_read_can_be_said_of_another_object() {
    let emulator = support::emulator().await;
    let bucket = support::bucket(&emulator);
    let to: ObjectKey = "copy".parse().unwrap();
    for acl in [
        Acl::inherited(),
        Acl::private(),
        Acl::public_read(),
        Acl::authenticated_read(),
        Acl::private().grant_read(FRIEND).grant_write_acp(FRIEND),
        Acl::public_read().grant_full_control("100000000002/100000000022"),
    ] {
        bucket.send(PutObject::new(key(), "hello").acl(acl.clone())).await.unwrap();
        let access = bucket.send(GetObjectAcl::new(key())).await.unwrap();
        let from = CopySource::new(bucket.region(), bucket.name(), &key());
        bucket.send(CopyObject::new(from, to.clone()).acl(access.to_acl().unwrap())).await.unwrap();
        let copied = bucket.send(GetObjectAcl::new(to.clone())).await.unwrap();
        assert_eq!((copied.grants, copied.canned), (access.grants, access.canned), "{acl:?}");
    }
}

/// The key of a directory ends in `/`.
#[tokio::test]
async fn an_object_without_a_list_is_as_its_directories_say() {
    let emulator = support::emulator().await;
    let (bucket, stranger) = (support::bucket(&emulator), stranger(&emulator));
    bucket.put(KEY, "hello").await.expect("an object");
    let directory = || ObjectKey::new("photos/").expect("a key");
    bucket.send(PutObject::new(directory(), "").acl(Acl::public_read())).await.expect("a directory");
    let access = bucket.send(GetObjectAcl::new(key())).await.expect("an ACL");
    assert!(access.is_inherited() && !access.is_public_read());
    assert!(!bucket.send(GetBucketAcl::new()).await.expect("an ACL").is_public_read());
    assert!(bucket.send(GetObjectAcl::new(directory())).await.expect("an ACL").is_public_read());
    assert!(is_open(&stranger).await);
    bucket.send(PutObjectAcl::new(key(), Acl::private())).await.expect("to set an ACL");
    assert!(!is_open(&stranger).await);

    let denied = |error: Error| assert_eq!(error.code(), Some("AccessDenied"));
    stranger.put("photos/new", "x").await.map(drop).map_err(denied).expect_err("a refusal");
    bucket.send(PutObjectAcl::new(directory(), Acl::public_read_write())).await.expect("to set an ACL");
    assert!(bucket.send(GetObjectAcl::new(directory())).await.expect("an ACL").is_public_write());
    stranger.put("photos/new", "x").await.expect("an object");
    stranger.put("new", "x").await.map(drop).map_err(denied).expect_err("a refusal");
    let acl = Acl::private().grant_write("100000000002");
    bucket.send(PutObjectAcl::new(directory(), acl)).await.expect("to set an ACL");
    assert_eq!(granted(&bucket.send(GetObjectAcl::new(directory())).await.expect("an ACL")), [("WRITE", FRIEND)]);
}

#[tokio::test]
async fn grants_alone_leave_an_object_as_its_bucket() {
    let emulator = support::emulator().await;
    let (bucket, stranger) = (support::bucket(&emulator), stranger(&emulator));
    bucket.send(PutBucketAcl::new(Acl::public_read())).await.expect("to set an ACL");
    bucket.put(KEY, "hello").await.expect("an object");
    for (acl, open) in [(Acl::private(), false), (Acl::new(), true)] {
        bucket.send(PutObjectAcl::new(key(), acl.grant_read("100000000002"))).await.expect("to set an ACL");
        let access = bucket.send(GetObjectAcl::new(key())).await.expect("an ACL");
        assert_eq!(granted(&access), [("READ", FRIEND)]);
        assert_eq!((access.is_inherited(), is_open(&stranger).await), (open, open));
    }
    bucket.send(PutBucketAcl::new(Acl::new().grant_read("100000000002"))).await.expect("to set an ACL");
    assert!(!is_open(&stranger).await, "a bucket is private besides");
}

#[tokio::test]
async fn a_bucket_that_anybody_writes_to_says_so() {
    let emulator = support::emulator().await;
    let (bucket, stranger) = (support::bucket(&emulator), stranger(&emulator));
    let denied = |error: Error| assert_eq!(error.code(), Some("AccessDenied"));
    stranger.put(KEY, "hello").await.map(drop).map_err(denied).expect_err("a refusal");
    bucket.send(PutBucketAcl::new(Acl::public_read_write())).await.expect("to set an ACL");
    let access = bucket.send(GetBucketAcl::new()).await.expect("an ACL");
    assert!(access.is_public_read() && access.is_public_write());
    stranger.put(KEY, "hello").await.expect("an object");
    bucket.send(PutBucketAcl::new(Acl::private())).await.expect("to set an ACL");
    let access = bucket.send(GetBucketAcl::new()).await.expect("an ACL");
    assert!(!access.is_public_read() && !access.is_public_write());
    stranger.put(KEY, "hello").await.map(drop).map_err(denied).expect_err("a refusal");
    stranger.send(GetBucketAcl::new()).await.map(drop).map_err(denied).expect_err("a refusal");
}

/// What is told of an account can be granted again as it is.
#[tokio::test]
async fn grants_are_told_however_they_were_made() {
    let emulator = support::emulator().await;
    let bucket = support::bucket(&emulator);
    let acl = || Acl::private().grant_read("100000000002").grant_read_acp(FRIEND).grant_write_acp("100000000002/11");
    let expected = [("READ", FRIEND), ("READ_ACP", FRIEND), ("WRITE_ACP", "qcs::cam::uin/100000000002:uin/11")];
    let told = async |name: &str| {
        let access = bucket.send(GetObjectAcl::new(name.parse().expect("a key"))).await.expect("an ACL");
        let mut granted: Vec<_> =
            granted(&access).into_iter().map(|(may, id)| (may.to_owned(), id.to_owned())).collect();
        granted.sort();
        granted
    };
    let expected_of_objects: Vec<_> = expected.iter().map(|(may, id)| ((*may).to_owned(), (*id).to_owned())).collect();
    bucket.send(PutObject::new("put".parse().expect("a key"), "x").acl(acl())).await.expect("an object");
    let source = CopySource::new(bucket.region(), bucket.name(), &"put".parse().expect("a key"));
    bucket.send(CopyObject::new(source, "copy".parse().expect("a key")).acl(acl())).await.expect("a copy");
    let parts = Upload::new("parts".parse().expect("a key"), vec![0; 3 << 20]).part_size(1 << 20);
    bucket.transfer(parts.acl(acl())).await.expect("an upload");
    bucket.put("later", "x").await.expect("an object");
    bucket.send(PutObjectAcl::new("later".parse().expect("a key"), acl())).await.expect("to set an ACL");
    for name in ["put", "copy", "parts", "later"] {
        assert_eq!(told(name).await, expected_of_objects, "{name}");
    }

    let client = support::client(&emulator).build().expect("a client");
    let made = client.bucket("made-1250000000").expect("a bucket");
    made.send(CreateBucket::new().acl(Acl::private().grant_write("100000000002"))).await.expect("a bucket");
    let access = made.send(GetBucketAcl::new()).await.expect("an ACL");
    assert_eq!(granted(&access), [("WRITE", FRIEND)]);
    made.send(PutBucketAcl::new(Acl::new().grant_full_control(FRIEND))).await.expect("to set an ACL");
    let access = made.send(GetBucketAcl::new()).await.expect("an ACL");
    assert_eq!(granted(&access), [("FULL_CONTROL", FRIEND)], "all that was said before is replaced");
    assert_eq!(access.owner.id, "qcs::cam::uin/100000000001:uin/100000000001");
}

#[tokio::test]
async fn every_version_has_a_list_of_its_own() {
    let emulator = support::emulator().await;
    let (bucket, stranger) = (support::bucket(&emulator), stranger(&emulator));
    bucket.send(PutBucketVersioning::new(Versioning::Enabled)).await.expect("versioning");
    let old = bucket.put(KEY, "hello").await.expect("a version").version_id.expect("its id");
    bucket.put(KEY, "hello again").await.expect("a version");
    bucket.send(PutObjectAcl::new(key(), Acl::public_read()).version_id(&old)).await.expect("to set an ACL");
    let of = |id: Option<&str>| id.into_iter().fold(GetObjectAcl::new(key()), GetObjectAcl::version_id);
    assert!(bucket.send(of(None)).await.expect("an ACL").is_inherited());
    assert!(bucket.send(of(Some(&old))).await.expect("an ACL").is_public_read());
    assert!(!is_open(&stranger).await);
    assert_eq!(emulator.versions(emulator.bucket(), KEY).len(), 2);
    bucket.send(DeleteObject::new(key())).await.expect("a delete marker");
    for missing in [bucket.send(of(None)).await, bucket.send(of(Some("none"))).await] {
        assert!(missing.expect_err("a refusal").is_not_found());
    }
    let put = bucket.send(PutObjectAcl::new(key(), Acl::private())).await;
    assert_eq!(put.expect_err("a refusal").code(), Some("NoSuchKey"));
}

#[tokio::test]
async fn a_temporary_key_needs_the_rights_that_the_operations_name() {
    let emulator = support::emulator().await;
    support::bucket(&emulator).put(KEY, "hello").await.expect("an object");
    let photos = Resource::prefix(emulator.region(), emulator.bucket(), "photos/").expect("a resource");
    let all = Resource::bucket(emulator.region(), emulator.bucket()).expect("a resource");
    let with = |policy: Policy| {
        let key = emulator.mint_with(std::time::Duration::from_secs(600), &policy.to_json().expect("a policy"));
        let client = support::client(&emulator).credentials(support::session(&key)).build();
        client.and_then(|client| client.bucket(emulator.bucket())).expect("a bucket")
    };
    let objects = with(Policy::new().allow::<PutObjectAcl>(&photos).allow::<GetObjectAcl>(&photos));
    objects.send(PutObjectAcl::new(key(), Acl::public_read())).await.expect("to set an ACL");
    assert!(objects.send(GetObjectAcl::new(key())).await.expect("an ACL").is_public_read());
    let other = PutObjectAcl::new("other".parse().expect("a key"), Acl::public_read());
    assert_eq!(objects.send(other).await.expect_err("a refusal").code(), Some("AccessDenied"));
    assert_eq!(objects.send(GetBucketAcl::new()).await.expect_err("a refusal").code(), Some("AccessDenied"));
    let buckets = with(Policy::new().allow::<PutBucketAcl>(&all).allow::<GetBucketAcl>(&all));
    buckets.send(PutBucketAcl::new(Acl::public_read())).await.expect("to set an ACL");
    assert!(buckets.send(GetBucketAcl::new()).await.expect("an ACL").is_public_read());
    assert_eq!(buckets.send(GetObjectAcl::new(key())).await.expect_err("a refusal").code(), Some("AccessDenied"));
}
