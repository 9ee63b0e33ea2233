//! What a request asks for in the words of access management, and whether whoever sends it may.

use crate::address::{Address, Region};
use crate::auth::Caller;
use crate::cam::Holder;
use crate::encoding::encode;
use crate::error::CosError;
use crate::policy::{BucketPolicy, Facts, Question, Target, Verdict};
use crate::request::{Head, Operation};
use crate::service::Call;
use crate::store::{Bucket, Setting};
use crate::wire::Peer;

/// What an operation is called in policies, and what it is done to.
enum Asks {
    Account(&'static str),
    Bucket(&'static str),
    Object(&'static str),
    /// Said of the bucket, but granted with the beginning of a key, too: that of the parameter `prefix`.
    Prefix(&'static str),
    /// Nothing, or something that only the body tells: its handler asks.
    Later,
}

fn asks(operation: &Operation) -> Asks {
    match operation {
        Operation::GetService => Asks::Account("name/cos:GetService"),
        Operation::PutBucket => Asks::Bucket("name/cos:PutBucket"),
        Operation::HeadBucket => Asks::Bucket("name/cos:HeadBucket"),
        Operation::DeleteBucket => Asks::Bucket("name/cos:DeleteBucket"),
        Operation::GetBucket => Asks::Bucket("name/cos:GetBucket"),
        Operation::GetBucketVersions => Asks::Bucket("name/cos:GetBucketObjectVersions"),
        Operation::PutBucketVersioning => Asks::Bucket("name/cos:PutBucketVersioning"),
        Operation::GetBucketVersioning => Asks::Bucket("name/cos:GetBucketVersioning"),
        Operation::PutBucketAcl => Asks::Bucket("name/cos:PutBucketACL"),
        Operation::GetBucketAcl => Asks::Bucket("name/cos:GetBucketACL"),
        Operation::PutObjectAcl => Asks::Object("name/cos:PutObjectACL"),
        Operation::GetObjectAcl => Asks::Object("name/cos:GetObjectACL"),
        Operation::PutBucketCors => Asks::Bucket("name/cos:PutBucketCORS"),
        Operation::GetBucketCors => Asks::Bucket("name/cos:GetBucketCORS"),
        Operation::DeleteBucketCors => Asks::Bucket("name/cos:DeleteBucketCORS"),
        Operation::PutBucketLifecycle => Asks::Bucket("name/cos:PutBucketLifecycle"),
        Operation::GetBucketLifecycle => Asks::Bucket("name/cos:GetBucketLifecycle"),
        Operation::DeleteBucketLifecycle => Asks::Bucket("name/cos:DeleteBucketLifecycle"),
        Operation::PutBucketTagging => Asks::Bucket("name/cos:PutBucketTagging"),
        Operation::GetBucketTagging => Asks::Bucket("name/cos:GetBucketTagging"),
        Operation::DeleteBucketTagging => Asks::Bucket("name/cos:DeleteBucketTagging"),
        Operation::PutBucketEncryption => Asks::Bucket("name/cos:PutBucketEncryption"),
        Operation::GetBucketEncryption => Asks::Bucket("name/cos:GetBucketEncryption"),
        Operation::DeleteBucketEncryption => Asks::Bucket("name/cos:DeleteBucketEncryption"),
        Operation::PutBucketPolicy => Asks::Bucket("name/cos:PutBucketPolicy"),
        Operation::GetBucketPolicy => Asks::Bucket("name/cos:GetBucketPolicy"),
        Operation::DeleteBucketPolicy => Asks::Bucket("name/cos:DeleteBucketPolicy"),
        Operation::PutBucketWebsite => Asks::Bucket("name/cos:PutBucketWebsite"),
        Operation::GetBucketWebsite => Asks::Bucket("name/cos:GetBucketWebsite"),
        Operation::DeleteBucketWebsite => Asks::Bucket("name/cos:DeleteBucketWebsite"),
        Operation::PutBucketReferer => Asks::Bucket("name/cos:PutBucketReferer"),
        Operation::GetBucketReferer => Asks::Bucket("name/cos:GetBucketReferer"),
        Operation::PutBucketInventory => Asks::Bucket("name/cos:PutBucketInventory"),
        Operation::PostBucketInventory => Asks::Bucket("name/cos:PostBucketInventory"),
        // The reference of the tool COSCLI names no other right for the list; for that of rules the same is inferred.
        Operation::GetBucketInventory | Operation::ListBucketInventory => Asks::Bucket("name/cos:GetBucketInventory"),
        Operation::DeleteBucketInventory => Asks::Bucket("name/cos:DeleteBucketInventory"),
        Operation::PutBucketIntelligentTiering | Operation::PutBucketIntelligentTieringV1 => {
            Asks::Bucket("name/cos:PutBucketIntelligentTiering")
        }
        Operation::GetBucketIntelligentTiering
        | Operation::ListBucketIntelligentTiering
        | Operation::GetBucketIntelligentTieringV1 => Asks::Bucket("name/cos:GetBucketIntelligentTiering"),
        Operation::DeleteBucketIntelligentTiering => Asks::Bucket("name/cos:DeleteBucketIntelligentTiering"),
        Operation::PutBucketAccelerate => Asks::Bucket("name/cos:PutBucketAccelerate"),
        Operation::GetBucketAccelerate => Asks::Bucket("name/cos:GetBucketAccelerate"),
        Operation::PutBucketLogging => Asks::Bucket("name/cos:PutBucketLogging"),
        Operation::GetBucketLogging => Asks::Bucket("name/cos:GetBucketLogging"),
        Operation::PutBucketReplication => Asks::Bucket("name/cos:PutBucketReplication"),
        Operation::GetBucketReplication => Asks::Bucket("name/cos:GetBucketReplication"),
        Operation::DeleteBucketReplication => Asks::Bucket("name/cos:DeleteBucketReplication"),
        Operation::PutBucketDomain => Asks::Bucket("name/cos:PutBucketDomain"),
        Operation::GetBucketDomain => Asks::Bucket("name/cos:GetBucketDomain"),
        Operation::DeleteBucketDomain => Asks::Bucket("name/cos:DeleteBucketDomain"),
        Operation::PutBucketDomainCertificate => Asks::Bucket("name/cos:PutBucketDomainCertificate"),
        Operation::GetBucketDomainCertificate => Asks::Bucket("name/cos:GetBucketDomainCertificate"),
        Operation::DeleteBucketDomainCertificate => Asks::Bucket("name/cos:DeleteBucketDomainCertificate"),
        Operation::PutBucketOrigin => Asks::Bucket("name/cos:PutBucketOrigin"),
        Operation::GetBucketOrigin => Asks::Bucket("name/cos:GetBucketOrigin"),
        Operation::DeleteBucketOrigin => Asks::Bucket("name/cos:DeleteBucketOrigin"),
        Operation::PutBucketObjectLock => Asks::Bucket("name/cos:PutBucketObjectLockConfiguration"),
        Operation::GetBucketObjectLock => Asks::Bucket("name/cos:GetBucketObjectLockConfiguration"),
        Operation::PutObjectRetention => Asks::Object("name/cos:PutObjectRetention"),
        Operation::GetObjectRetention => Asks::Object("name/cos:GetObjectRetention"),
        Operation::GetBucketLocation => Asks::Bucket("name/cos:GetBucketLocation"),
        Operation::ListMultipartUploads => Asks::Prefix("name/cos:ListMultipartUploads"),
        // The source of a copy is asked for where it is found.
        Operation::PutObject | Operation::CopyObject | Operation::UploadPartCopy => Asks::Object("name/cos:PutObject"),
        Operation::PutSymlink => Asks::Object("name/cos:PutSymlink"),
        Operation::GetSymlink => Asks::Object("name/cos:GetSymlink"),
        Operation::GetObject | Operation::SelectObjectContent => Asks::Object(GET_OBJECT),
        Operation::OptionsObject => Asks::Object("name/cos:OptionsObject"),
        Operation::HeadObject => Asks::Object("name/cos:HeadObject"),
        Operation::DeleteObject => Asks::Object("name/cos:DeleteObject"),
        Operation::AppendObject => Asks::Object("name/cos:AppendObject"),
        Operation::InitiateMultipartUpload => Asks::Object("name/cos:InitiateMultipartUpload"),
        Operation::UploadPart => Asks::Object("name/cos:UploadPart"),
        Operation::ListParts => Asks::Object("name/cos:ListParts"),
        Operation::CompleteMultipartUpload => Asks::Object("name/cos:CompleteMultipartUpload"),
        Operation::AbortMultipartUpload => Asks::Object("name/cos:AbortMultipartUpload"),
        Operation::PutObjectTagging => Asks::Object("name/cos:PutObjectTagging"),
        Operation::GetObjectTagging => Asks::Object("name/cos:GetObjectTagging"),
        Operation::DeleteObjectTagging => Asks::Object("name/cos:DeleteObjectTagging"),
        Operation::RestoreObject => Asks::Object("name/cos:PostObjectRestore"),
        Operation::DeleteMultipleObjects
        | Operation::PostObject
        | Operation::Page
        | Operation::Sts(_)
        | Operation::InstanceMetadata
        | Operation::Other(_) => Asks::Later,
    }
}

pub(crate) const GET_OBJECT: &str = "name/cos:GetObject";

/// What is said of a request beside ACLs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It may be done.
    Allowed,
    /// Nothing is said: it may be done if an ACL lets it.
    Unsaid,
}

/// Refuses what is denied. It comes before everything else: who may not ask does not learn what is there.
///
/// What a key may is the union of what its holder may and what the policy of the bucket says, within the policies of
/// its session; whatever is denied in one of these is denied.
pub(crate) fn check(call: &Call<'_>, operation: &Operation) -> Result<Standing, CosError> {
    let facts = facts(call.head, call.peer);
    let (name, at, key) = place(call)?;
    let policy = call.world.store.bucket(name);
    let to = |action, key| Question { action, target: Target::Bucket { bucket: name, region: &at, key } };
    let judge = |questions: &[Question<'_>]| judge(&call.caller, policy.as_deref(), questions, &facts);
    match asks(operation) {
        Asks::Later if call.caller.holder().is_some_and(Holder::is_at_home) => Ok(Standing::Allowed),
        Asks::Later => Ok(Standing::Unsaid),
        Asks::Account(action) => judge(&[Question { action, target: Target::Account }]),
        Asks::Bucket(action) => judge(&[to(action, "")]),
        Asks::Object(action) => judge(&[to(action, key)]),
        Asks::Prefix(action) => {
            let prefix = call.head.query.get("prefix").unwrap_or_default();
            judge(&[to(action, ""), to(action, prefix)])
        }
    }
}

/// Refuses what is denied of one object: any of these actions will do.
pub(crate) fn demand(call: &Call<'_>, actions: &[&str], bucket: &Bucket, key: &str) -> Result<Standing, CosError> {
    permit(&call.caller, call.head, call.peer, actions, bucket, key)
}

pub(crate) fn permit(
    caller: &Caller,
    head: &Head,
    peer: Peer,
    actions: &[&str],
    bucket: &Bucket,
    key: &str,
) -> Result<Standing, CosError> {
    let target = Target::Bucket { bucket: &bucket.name, region: &bucket.region, key };
    let questions: Vec<Question<'_>> = actions.iter().map(|&action| Question { action, target }).collect();
    judge(caller, Some(bucket), &questions, &facts(head, peer))
}

/// What the policy of a bucket never denies to the account that all is of, so that it can take its own denial back.
const KEPT: &str = "name/cos:PutBucketPolicy";

fn judge(
    caller: &Caller,
    bucket: Option<&Bucket>,
    questions: &[Question<'_>],
    facts: &Facts,
) -> Result<Standing, CosError> {
    let holder = caller.holder();
    let of_account = questions.iter().all(|question| matches!(question.target, Target::Account));
    let own = holder.map_or(Verdict::Silent, |holder| match holder.rights.judge(questions, facts) {
        // In another account, buckets are not its own.
        Verdict::Allowed if !holder.is_at_home() && !of_account => Verdict::Silent,
        verdict => verdict,
    });
    let policy = bucket.and_then(policy_of);
    let mut said = policy.map_or(Verdict::Silent, |policy| policy.judge(holder, questions, facts));
    let kept = || questions.iter().all(|question| question.action == KEPT);
    if said == Verdict::Denied && holder.is_some_and(Holder::is_owner) && kept() {
        said = Verdict::Silent;
    }
    match (own, said) {
        (Verdict::Denied, _) | (_, Verdict::Denied) => Err(CosError::access_denied()),
        (Verdict::Allowed, _) | (_, Verdict::Allowed) => Ok(Standing::Allowed),
        // Where there is no bucket, there is nothing that could let anybody in.
        _ if bucket.is_none() && holder.is_some() => Err(CosError::access_denied()),
        _ => Ok(Standing::Unsaid),
    }
}

/// What is kept was found right when it came.
fn policy_of(bucket: &Bucket) -> Option<BucketPolicy> {
    let document = bucket.setting(Setting::Policy)?;
    BucketPolicy::parse(&document, &bucket.name, &bucket.region).ok()
}

/// Bucket, region and key; the region is the bucket's own if there is such a bucket.
fn place<'c>(call: &Call<'c>) -> Result<(&'c str, String, &'c str), CosError> {
    let Address::Bucket { bucket, region, key, .. } = &call.head.address else { return Ok(("", String::new(), "")) };
    let key = std::str::from_utf8(key).map_err(|_| CosError::invalid_uri())?;
    let kept = call.world.store.bucket(bucket).map(|bucket| bucket.region.clone());
    let region = kept.unwrap_or_else(|| match region {
        Region::Named(region) => region.clone(),
        _ => call.world.region.clone(),
    });
    Ok((bucket, region, key))
}

/// What conditions may ask about.
fn facts(head: &Head, peer: Peer) -> Facts {
    let mut facts = Facts::default();
    let header = |name| head.header(name);
    // "If the value of `prefix` contains special characters such as `/`, the value must be URL-encoded before being
    // written into the bucket policy." (document 46206)
    let query = |name| head.query.get(name).map(|value| encode(value.as_bytes()));
    facts.add("qcs:ip", Some(peer.ip.to_string()));
    facts.add("cos:secure-transport", Some(peer.tls.is_some().to_string()));
    facts.add("cos:tls-version", peer.tls);
    facts.add("cos:x-cos-storage-class", header("x-cos-storage-class"));
    facts.add("cos:x-cos-acl", header("x-cos-acl"));
    facts.add("cos:content-length", header("content-length"));
    facts.add("cos:content-type", header("content-type"));
    facts.add("cos:versionid", query("versionId"));
    facts.add("cos:prefix", query("prefix"));
    facts.add("cos:response-content-type", query("response-content-type"));
    facts
}
