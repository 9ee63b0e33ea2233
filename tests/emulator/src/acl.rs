//! Access control lists: PUT and GET Bucket acl, PUT and GET Object acl, and the headers that say the same when a bucket
//! or an object is made.

use crate::bucket::write_person;
use crate::cam::OWNER;
use crate::error::CosError;
use crate::receive::receive_document;
use crate::request::Head;
use crate::respond::Reply;
use crate::service::Call;
use crate::store::{ALL_USERS, ANYONE, AUTHENTICATED_USERS, Acl, Grant};
use crate::xml::{Document, Element};

const MOST_GRANTS: usize = 100;

const SCHEMA: &str = "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"";

/// What an ACL is about: not everything can be said of both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum About {
    Bucket,
    /// An object whose key ends in `/`: it tells of what is in it, too.
    Directory,
    Object,
}

impl About {
    pub(crate) fn key(key: &str) -> Self {
        if key.ends_with('/') { Self::Directory } else { Self::Object }
    }

    fn canned(self) -> &'static [&'static str] {
        match self {
            Self::Bucket => &["private", "public-read", "public-read-write", "authenticated-read"],
            Self::Directory => &[
                "default",
                "private",
                "public-read",
                "public-read-write",
                "authenticated-read",
                "bucket-owner-read",
                "bucket-owner-full-control",
            ],
            Self::Object => &[
                "default",
                "private",
                "public-read",
                "authenticated-read",
                "bucket-owner-read",
                "bucket-owner-full-control",
            ],
        }
    }

    fn permissions(self) -> &'static [&'static str] {
        match self {
            Self::Bucket | Self::Directory => &["READ", "WRITE", "READ_ACP", "WRITE_ACP", "FULL_CONTROL"],
            Self::Object => &["READ", "READ_ACP", "WRITE_ACP", "FULL_CONTROL"],
        }
    }

    fn things(self) -> &'static str {
        match self {
            Self::Bucket => "buckets",
            Self::Directory => "directories",
            Self::Object => "objects",
        }
    }

    fn check(self, permission: &str) -> Result<(), CosError> {
        if self.permissions().contains(&permission) {
            return Ok(());
        }
        Err(CosError::invalid_argument(format!("{permission} is not granted on {}.", self.things())))
    }
}

pub(crate) async fn put_bucket(call: &mut Call<'_>) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    demand(call, &bucket.acl(), "WRITE_ACP")?;
    let acl = told(call, About::Bucket).await?;
    bucket.set_acl(acl)?;
    Ok(Reply::ok())
}

pub(crate) fn get_bucket(call: &Call<'_>) -> Result<Reply, CosError> {
    let acl = call.bucket()?.acl();
    demand(call, &acl, "READ_ACP")?;
    Ok(Reply::xml(document(&acl.all())))
}

pub(crate) async fn put_object(call: &mut Call<'_>) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    let found = bucket.find(call.key()?, call.head.query.get("versionId"));
    demand(call, &found.as_ref().map(|version| version.draft.acl.clone()).unwrap_or_default(), "WRITE_ACP")?;
    found.map_err(|reason| reason.error())?;
    let about = About::key(call.key()?);
    let acl = told(call, about).await?;
    bucket.amend(call.key()?, call.head.query.get("versionId"), |version| {
        demand(call, &version.draft.acl, "WRITE_ACP")?;
        version.made.draft.acl = acl;
        Ok(())
    })?;
    Ok(Reply::ok())
}

pub(crate) fn get_object(call: &Call<'_>) -> Result<Reply, CosError> {
    let found = call.bucket()?.find(call.key()?, call.head.query.get("versionId"));
    demand(call, &found.as_ref().map(|version| version.draft.acl.clone()).unwrap_or_default(), "READ_ACP")?;
    let version = found.map_err(|reason| reason.error())?;
    let acl = &version.draft.acl;
    if *acl == Acl::default() {
        let mut reply = Reply::xml(empty_document());
        reply.set("x-cos-acl", "default");
        return Ok(reply);
    }
    let mut reply = Reply::xml(document(&acl.all()));
    reply.set_if("x-cos-acl", acl.canned.is_none().then_some("default"));
    Ok(reply)
}

/// Strangers may do with an ACL what it grants to them.
fn demand(call: &Call<'_>, acl: &Acl, permission: &str) -> Result<(), CosError> {
    let by_acl = || acl.lets(call.caller.principal().as_deref(), permission);
    if call.is_stranger() && !by_acl() { Err(CosError::access_denied()) } else { Ok(()) }
}

/// What a PUT says: in headers or in its body, never in both.
async fn told(call: &mut Call<'_>, about: About) -> Result<Acl, CosError> {
    let says = |name: &str| (name == "x-cos-acl" || name.starts_with(GRANT)) && call.head.header(name).is_some();
    if !call.head.headers.keys().any(|name| says(name.as_str())) {
        return of_document(&receive_document(call, "AccessControlPolicy").await?, about);
    }
    let acl = of_headers(call.head, about)?;
    if call.upload.next().await?.is_some() {
        return Err(CosError::invalid_argument("An ACL is set by headers or by the body, not by both."));
    }
    Ok(acl)
}

const GRANT: &str = "x-cos-grant-";

/// `x-cos-acl` and `x-cos-grant-*`.
pub(crate) fn of_headers(head: &Head, about: About) -> Result<Acl, CosError> {
    let canned = head.header("x-cos-acl");
    if canned.is_some_and(|name| !about.canned().contains(&name)) {
        return Err(CosError::invalid_argument(format!("x-cos-acl is not an ACL for {}.", about.things())));
    }
    let canned = canned.filter(|name| *name != "default").map(str::to_owned);
    let mut grants = Vec::new();
    for name in head.headers.keys().map(http::HeaderName::as_str) {
        let (Some(right), Some(text)) = (name.strip_prefix(GRANT), head.header(name)) else { continue };
        let permission = right.to_ascii_uppercase().replace('-', "_");
        about.check(&permission)?;
        for grantee in text.split(',') {
            let id = quoted_id(grantee).and_then(|id| account(&id));
            let id = id.ok_or_else(|| CosError::invalid_argument(format!("{name} is a list of id=\"...\".")))?;
            grants.push(Grant { permission: permission.clone(), grantee: id });
        }
    }
    Ok(Acl { canned, grants: kept(grants)? })
}

/// What is between the quotes of `id="100000000001"`. The Java SDK writes `uin` for `id`.
fn quoted_id(text: &str) -> Option<String> {
    let (_, text) = text.trim().split_once('=').filter(|(kind, _)| ["id", "uin"].contains(kind))?;
    Some(text.strip_prefix('"')?.strip_suffix('"')?.to_owned())
}

/// `AccessControlPolicy`: all that anybody may do from now on. Nothing comes from the bucket any more.
fn of_document(policy: &Element, about: About) -> Result<Acl, CosError> {
    let list = policy.child("AccessControlList").ok_or_else(CosError::malformed_xml)?;
    policy.child("Owner").and_then(|owner| owner.text_of("ID")).ok_or_else(CosError::malformed_xml)?;
    let mut grants = Vec::new();
    for grant in list.all("Grant") {
        let (Some(grantee), Some(permission)) = (grant.child("Grantee"), grant.text_of("Permission")) else {
            return Err(CosError::malformed_xml());
        };
        let permission = permission.trim();
        if !About::Bucket.permissions().contains(&permission) {
            return Err(CosError::malformed_xml());
        }
        about.check(permission)?;
        grants.push(Grant::new(permission, &grantee_of(grantee)?));
    }
    Ok(Acl { canned: Some("private".to_owned()), grants: kept(grants)? })
}

/// A group by its URI, or an account by its id; older clients say `uin` and `Subaccount`.
fn grantee_of(grantee: &Element) -> Result<String, CosError> {
    let text = |name| grantee.text_of(name).map(str::trim);
    let found = match (text("URI"), text("ID"), text("uin"), text("Subaccount")) {
        (Some(uri), ..) => [ALL_USERS, AUTHENTICATED_USERS].contains(&uri).then(|| uri.to_owned()),
        (None, Some(id), ..) => account(id),
        (None, None, Some(uin), None) => account(uin),
        (None, None, Some(uin), Some(sub)) => account(&format!("{uin}/{sub}")),
        _ => return Err(CosError::malformed_xml()),
    };
    found.ok_or_else(|| CosError::invalid_argument("There is no such grantee."))
}

/// The long form of `100000000001`, of `100000000001/100000000011`, and of itself.
fn account(id: &str) -> Option<String> {
    if id == ANYONE {
        return Some(id.to_owned());
    }
    let long = id.strip_prefix("qcs::cam::uin/").map(|rest| rest.split_once(":uin/"));
    let (owner, user) = long.unwrap_or_else(|| Some(id.split_once('/').unwrap_or((id, id))))?;
    let is_uin = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (is_uin(owner) && is_uin(user)).then(|| format!("qcs::cam::uin/{owner}:uin/{user}"))
}

/// The grants worth keeping: the owner has every permission anyway.
fn kept(mut grants: Vec<Grant>) -> Result<Vec<Grant>, CosError> {
    if grants.len() > MOST_GRANTS {
        return Err(CosError::new(400, "AttachmentFull", "An access control list has at most 100 grants."));
    }
    grants.retain(|grant| grant.grantee != OWNER);
    Ok(grants)
}

/// The owner and the grants, the owner's own first.
fn document(grants: &[Grant]) -> String {
    let mut xml = Document::new("AccessControlPolicy");
    write_person(&mut xml, "Owner", OWNER);
    xml.open("AccessControlList");
    write_grant(&mut xml, &Grant::new("FULL_CONTROL", OWNER));
    for grant in grants {
        write_grant(&mut xml, grant);
    }
    xml.finish()
}

/// Of an object that is as its directories and its bucket.
fn empty_document() -> String {
    let mut xml = Document::new("AccessControlPolicy");
    write_person(&mut xml, "Owner", OWNER);
    xml.text("AccessControlList", "");
    xml.finish()
}

/// A group has nothing but its URI: the Python SDK compares all of it.
fn write_grant(xml: &mut Document, Grant { permission, grantee }: &Grant) {
    xml.open("Grant");
    let group = [ALL_USERS, AUTHENTICATED_USERS].contains(&grantee.as_str());
    let kind = if group { "Group" } else { "CanonicalUser" };
    xml.open_with("Grantee", &format!("{SCHEMA} xsi:type=\"{kind}\""));
    if group {
        xml.text("URI", grantee);
    } else {
        xml.text("ID", grantee);
        xml.text("DisplayName", grantee);
    }
    xml.close();
    xml.text("Permission", permission);
    xml.close();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_kept_in_the_long_form() {
        for (id, long) in [
            ("1", Some("qcs::cam::uin/1:uin/1")),
            ("1/2", Some("qcs::cam::uin/1:uin/2")),
            ("qcs::cam::uin/1:uin/2", Some("qcs::cam::uin/1:uin/2")),
            (ANYONE, Some(ANYONE)),
            ("", None),
            ("1/", None),
            ("alice", None),
            ("qcs::cam::uin/1", None),
            ("qcs::cam::uin/1:uin/", None),
        ] {
            assert_eq!(account(id).as_deref(), long, "{id}");
        }
    }
}
