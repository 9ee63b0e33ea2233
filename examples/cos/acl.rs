//! `cos acl`.

use clap::Args;
use serde_json::{Value, json};
use tencent_cos::{AccessControl, Acl, Bucket, GetBucketAcl, GetObjectAcl, Grant, Grantee, PutBucketAcl, PutObjectAcl};

use crate::failure::{Failure, Outcome};
use crate::session::Session;
use crate::url::{ObjectUrl, PrefixUrl, VersionId};

pub const EXAMPLES: &str = "\
Examples:
  cos acl cos://examplebucket-1250000000
  cos acl cos://examplebucket-1250000000/logo.png --set public-read
  cos acl cos://examplebucket-1250000000 --grant-read 100000000002";

/// Show who may do what with a bucket or an object, or say it anew
///
/// What is set replaces all that was said before.
#[derive(Debug, Args)]
pub struct AclOf {
    /// cos://BUCKET-APPID[/KEY]
    #[arg(value_name = "BUCKET|OBJECT")]
    url: PrefixUrl,
    /// This version of the object, in place of the latest
    #[arg(long, value_name = "ID")]
    version_id: Option<VersionId>,
    /// Set this canned ACL, like private or public-read; default makes an object as its
    /// directories and its bucket
    #[arg(long, value_name = "NAME")]
    set: Option<String>,
    /// Set that this account may read, by its uin; may be repeated. Without --set a bucket is private besides, an object
    /// as with --set default
    #[arg(long, value_name = "UIN")]
    grant_read: Vec<String>,
    /// The same, that it may write into the bucket
    #[arg(long, value_name = "UIN")]
    grant_write: Vec<String>,
    /// The same, that it may do everything, also with the ACL
    #[arg(long, value_name = "UIN")]
    grant_full_control: Vec<String>,
}

pub async fn run(session: &Session, command: AclOf) -> Outcome {
    let AclOf { url, version_id, set, grant_read, grant_write, grant_full_control } = command;
    if url.prefix.is_empty() && version_id.is_some() {
        return Err(Failure::usage("--version-id is for an object"));
    }
    let bucket = session.bucket(&url.bucket)?;
    let object = if url.prefix.is_empty() { None } else { Some(ObjectUrl::try_from(url.clone())?) };
    let acl = set.map_or_else(Acl::new, Acl::canned);
    let acl = grant_read.into_iter().fold(acl, Acl::grant_read);
    let acl = grant_write.into_iter().fold(acl, Acl::grant_write);
    let acl = grant_full_control.into_iter().fold(acl, Acl::grant_full_control);
    let mut output = session.output();
    if acl == Acl::new() {
        let access = get(session, &bucket, object, version_id).await?;
        output.lines(|| as_json(&url, &access), &text(&url, &access))?;
    } else {
        let request_id = put(session, &bucket, object, version_id, acl).await?;
        let json = || json!({ "bucket": url.bucket.as_str(), "key": key(&url), "request_id": request_id });
        output.line(json, format_args!("set the ACL of {url} (request id {request_id})"))?;
    }
    output.finish()
}

async fn put(
    session: &Session,
    bucket: &Bucket,
    object: Option<ObjectUrl>,
    version_id: Option<VersionId>,
    acl: Acl,
) -> Outcome<String> {
    let Some(object) = object else {
        return Ok(session.send(bucket, PutBucketAcl::new(acl)).await?.request_id().to_owned());
    };
    let put = version_id.into_iter().fold(PutObjectAcl::new(object.key, acl), |put, id| put.version_id(id.0));
    Ok(session.send(bucket, put).await?.request_id().to_owned())
}

async fn get(
    session: &Session,
    bucket: &Bucket,
    object: Option<ObjectUrl>,
    version_id: Option<VersionId>,
) -> Outcome<AccessControl> {
    let Some(object) = object else { return session.send(bucket, GetBucketAcl::new()).await };
    let get = version_id.into_iter().fold(GetObjectAcl::new(object.key), |get, id| get.version_id(id.0));
    session.send(bucket, get).await
}

fn key(url: &PrefixUrl) -> Option<&str> {
    Some(url.prefix.as_str()).filter(|key| !key.is_empty())
}

fn as_json(url: &PrefixUrl, access: &AccessControl) -> Value {
    // What an object leaves to its directories and its bucket is not told here.
    let told = |public: bool| (public || !access.is_inherited()).then_some(public);
    let grant = |grant: &Grant| json!({ "grantee": name(&grant.grantee), "permission": grant.permission.as_str() });
    json!({
        "bucket": url.bucket.as_str(),
        "key": key(url),
        "owner": access.owner.id,
        "acl": access.canned,
        "public_read": told(access.is_public_read()),
        "public_write": told(access.is_public_write()),
        "grants": access.grants.iter().map(grant).collect::<Vec<_>>(),
        "request_id": access.request_id(),
    })
}

fn text(url: &PrefixUrl, access: &AccessControl) -> Vec<(String, String)> {
    let line = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut lines = vec![line("owner", &access.owner.id)];
    if access.is_inherited() {
        let is_in_directory = url.prefix.trim_end_matches('/').contains('/');
        let whose = if is_in_directory { "those of its directories and" } else { "that" };
        lines.push(line("acl", &format!("as {whose} of cos://{}", url.bucket)));
    }
    lines.extend(access.grants.iter().map(|grant| line(grant.permission.as_str(), name(&grant.grantee))));
    lines
}

fn name(grantee: &Grantee) -> &str {
    match grantee {
        Grantee::Account(account) => &account.id,
        Grantee::Group(uri) => uri,
        Grantee::Other(kind) => kind,
        _ => "",
    }
}
