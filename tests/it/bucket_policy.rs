//! The policy of a bucket: who is let in by it, who is kept out, and that nothing of it is lost.

use std::time::Duration;

use cos_emulator::Emulator;
use tencent_cos::policy::{BucketPolicy, Condition, Policy, Principal, Resource, Statement};
use tencent_cos::{
    Acl, Bucket, Credentials, DeleteBucketPolicy, ErrorKind, GetBucketPolicy, GetObject, HeadObject, ListObjects,
    PutBucketAcl, PutBucketPolicy, PutObject,
};

use crate::support;

const KEY: &str = "reports/a b+1%.txt";

async fn emulator() -> Emulator {
    let emulator =
        Emulator::builder().strict_signature(true).other_account("AKIDfriend", "FAKEkeyOFaFRIEND").start().await;
    let emulator = emulator.expect("the emulator starts");
    support::bucket(&emulator).put(KEY, "hello").await.expect("an object");
    emulator
}

fn bucket_of(emulator: &Emulator, credentials: Credentials) -> Bucket {
    let client = support::client(emulator).credentials(credentials).build();
    client.and_then(|client| client.bucket(emulator.bucket())).expect("a bucket")
}

fn stranger(emulator: &Emulator) -> Bucket {
    bucket_of(emulator, Credentials::anonymous())
}

fn friend(emulator: &Emulator) -> Bucket {
    bucket_of(emulator, Credentials::permanent("AKIDfriend", "FAKEkeyOFaFRIEND").expect("a key"))
}

/// Below `reports/`.
fn reports(emulator: &Emulator) -> Resource {
    Resource::prefix(emulator.region(), emulator.bucket(), "reports/").expect("a resource")
}

fn account(uin: &str) -> Principal {
    Principal::account(uin).expect("a principal")
}

async fn set(emulator: &Emulator, policy: BucketPolicy) {
    let set = support::bucket(emulator).send(PutBucketPolicy::new(policy)).await.expect("to set a policy");
    assert!(!set.request_id().is_empty());
}

async fn reads(bucket: &Bucket) -> bool {
    match bucket.get(KEY).await {
        Ok(object) => object.bytes(1024).await.expect("its bytes") == "hello",
        Err(error) => {
            assert!(error.is_access_denied(), "{error}");
            false
        }
    }
}

#[tokio::test]
async fn strangers_read_what_the_policy_lets_them() {
    let emulator = emulator().await;
    let (stranger, friend) = (stranger(&emulator), friend(&emulator));
    assert!(!reads(&stranger).await && !reads(&friend).await);
    let to = |principal| Statement::allow(&reports(&emulator)).operation::<GetObject>().principal(principal);
    set(&emulator, BucketPolicy::new().statement(to(account("100000000002")))).await;
    assert!(!reads(&stranger).await && reads(&friend).await);
    set(&emulator, BucketPolicy::new().statement(to(Principal::anyone()))).await;
    assert!(reads(&stranger).await && reads(&friend).await);
    assert!(stranger.send(ListObjects::new()).await.expect_err("a refusal").is_access_denied());
    assert!(stranger.put(KEY, "x").await.expect_err("a refusal").is_access_denied());
    support::bucket(&emulator).send(DeleteBucketPolicy::new()).await.expect("to remove it");
    assert!(!reads(&stranger).await && !reads(&friend).await);
}

#[tokio::test]
async fn another_account_lists_and_writes_by_rights_on_the_bucket_and_its_objects() {
    let emulator = emulator().await;
    let friend = friend(&emulator);
    let all = Resource::bucket(emulator.region(), emulator.bucket()).expect("a resource");
    let list = Statement::allow(&all).operation::<ListObjects>().principal(account("100000000002"));
    let write = Statement::allow(&reports(&emulator)).upload().principal(account("100000000002"));
    set(&emulator, BucketPolicy::new().statement(list).statement(write)).await;
    assert_eq!(friend.send(ListObjects::new()).await.expect("a list").objects.len(), 1);
    friend.put("reports/theirs", "x").await.expect("an object");
    friend.send(HeadObject::new("reports/theirs".parse().expect("a key"))).await.expect("its head");
    assert!(friend.put("elsewhere", "x").await.expect_err("a refusal").is_access_denied());
    assert!(!reads(&friend).await);
}

#[tokio::test]
async fn a_denial_ends_what_an_acl_allows() {
    let emulator = emulator().await;
    let bucket = support::bucket(&emulator);
    let (stranger, friend) = (stranger(&emulator), friend(&emulator));
    bucket.send(PutBucketAcl::new(Acl::public_read())).await.expect("to set an ACL");
    assert!(reads(&stranger).await && reads(&friend).await);
    let deny = |principal| Statement::deny(&reports(&emulator)).operation::<GetObject>().principal(principal);
    set(&emulator, BucketPolicy::new().statement(deny(account("100000000002")))).await;
    assert!(reads(&stranger).await && !reads(&friend).await && reads(&bucket).await);
    // Of everybody those are kept out who come without a key.
    set(&emulator, BucketPolicy::new().statement(deny(Principal::anyone()))).await;
    assert!(!reads(&stranger).await && reads(&friend).await && reads(&bucket).await);
    // An account that denies itself everything can still set another policy, and nothing else.
    let all = Resource::bucket(emulator.region(), emulator.bucket()).expect("a resource");
    let itself = Statement::deny(&all).action("*").principal(account("100000000001"));
    set(&emulator, BucketPolicy::new().statement(itself)).await;
    assert!(!reads(&bucket).await);
    assert!(bucket.send(DeleteBucketPolicy::new()).await.expect_err("a refusal").is_access_denied());
    set(&emulator, BucketPolicy::new().statement(deny(Principal::anyone()))).await;
    assert!(reads(&bucket).await);
    bucket.send(DeleteBucketPolicy::new()).await.expect("to remove it");
}

#[tokio::test]
async fn conditions_hold_at_the_service() {
    let emulator = emulator().await;
    let stranger = stranger(&emulator);
    let when = |condition| {
        let statement = Statement::allow(&reports(&emulator)).operation::<GetObject>().principal(Principal::anyone());
        BucketPolicy::new().statement(statement.when(condition))
    };
    for (condition, may) in [
        (Condition::source_ip(["127.0.0.0/8"]), true),
        (Condition::source_ip(["10.0.0.0/8"]), false),
        (Condition::secure_transport(), false),
    ] {
        set(&emulator, when(condition.clone())).await;
        assert_eq!(reads(&stranger).await, may, "{condition:?}");
    }
}

#[tokio::test]
async fn a_temporary_key_stays_within_its_own_policy() {
    let emulator = emulator().await;
    let own = Policy::new().allow::<GetObject>(&reports(&emulator)).to_json().expect("a policy");
    let key = emulator.mint_with(Duration::from_secs(1800), &own);
    let bucket = bucket_of(&emulator, support::session(&key).into());
    let all = Resource::bucket(emulator.region(), emulator.bucket()).expect("a resource");
    let open = Statement::allow(&all).operation::<GetObject>().operation::<PutObject>().principal(Principal::anyone());
    set(&emulator, BucketPolicy::new().statement(open)).await;
    stranger(&emulator).put("elsewhere", "x").await.expect("an object");
    assert!(reads(&bucket).await);
    assert!(bucket.get("elsewhere").await.expect_err("a refusal").is_access_denied());
    assert!(bucket.put(KEY, "x").await.expect_err("a refusal").is_access_denied());
    // And what its owner is denied, it is denied.
    let deny = Statement::deny(&all).operation::<GetObject>().principal(account("100000000001"));
    set(&emulator, BucketPolicy::new().statement(deny)).await;
    assert!(!reads(&bucket).await);
}

#[tokio::test]
async fn a_document_goes_there_and_back_and_grows_beside_what_was_in_it() {
    let emulator = emulator().await;
    let bucket = support::bucket(&emulator);
    assert_eq!(bucket.send(GetBucketPolicy::new()).await.expect("an answer"), None);
    bucket.send(DeleteBucketPolicy::new()).await.expect("nothing to remove");
    let theirs = format!(
        "{{\n  \"version\": \"2.0\",\n  \"principal\": {{\"qcs\": \"*\"}},\n  \
         \"statement\": [{{\"sid\": \"theirs\", \"effect\": \"Allow\", \"action\": \"name/cos:HeadObject\",\n    \
         \"resource\": \"qcs::cos:{}:uid/1250000000:{}/*\"}}]\n}}\n",
        emulator.region(),
        emulator.bucket()
    );
    bucket.send(PutBucketPolicy::json(&theirs)).await.expect("to set a policy");
    let mut policy = bucket.send(GetBucketPolicy::new()).await.expect("an answer").expect("a policy");
    assert_eq!(policy.as_read(), Some(&*theirs));
    assert_eq!(policy.statements[0].sid().as_deref(), Some("theirs"));
    let ours = Statement::allow(&reports(&emulator)).operation::<GetObject>().principal(account("100000000002"));
    policy.statements.push(ours.sid("ours").into());
    set(&emulator, policy).await;
    assert!(reads(&friend(&emulator)).await && !reads(&stranger(&emulator)).await);
    stranger(&emulator).send(HeadObject::new(KEY.parse().expect("a key"))).await.expect("its head");
    let mut policy = bucket.send(GetBucketPolicy::new()).await.expect("an answer").expect("a policy");
    let sids: Vec<_> = policy.statements.iter().filter_map(tencent_cos::policy::BucketStatement::sid).collect();
    assert_eq!(sids, ["theirs", "ours"]);
    policy.statements.clear();
    let sent = emulator.journal().len();
    let error = bucket.send(PutBucketPolicy::new(policy)).await.expect_err("a refusal");
    assert_eq!((error.kind(), error.field()), (ErrorKind::Input, Some("policy")));
    assert_eq!(emulator.journal().len(), sent);
    let error = bucket.send(PutBucketPolicy::json(r#"{"statement":[{}]}"#)).await.expect_err("a refusal");
    assert_eq!(error.code(), Some("MalformedPolicy"));
}
