use std::borrow::Cow;

use crate::error::{Error, Result};
use crate::request::{Describe, Request, Target};

/// Who may do what: a canned ACL, grants to accounts, or both. At most 100 grants.
///
/// It can be set when a bucket or an object is made, or replace the ACL of an existing one:
/// [`PutBucketAcl`](crate::PutBucketAcl), [`PutObjectAcl`](crate::PutObjectAcl). An empty ACL, or one that does not
/// apply to the bucket or object, is [`ErrorKind::Input`](crate::ErrorKind::Input). An object whose key ends in `/` is
/// a directory: its ACL applies to the objects in it that have no ACL of their own.
///
/// Accounts are named by their uin, users of an account as `100000000001/100000000011`, both also as
/// [`Account::id`](crate::Account::id).
///
/// COS reference: [ACL overview](https://cloud.tencent.com/document/product/436/30752)
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acl {
    canned: Option<Cow<'static, str>>,
    grants: Vec<(&'static str, String)>,
}

impl Acl {
    /// Grants only. Apart from them a bucket is private, and an object is [`inherited`](Self::inherited): to let nobody
    /// else in, add the grants to [`Acl::private`].
    pub fn new() -> Self {
        Self::default()
    }

    /// The owner alone. The default of a bucket.
    pub fn private() -> Self {
        Self::canned("private")
    }

    /// Anybody reads.
    pub fn public_read() -> Self {
        Self::canned("public-read")
    }

    /// Anybody reads and writes. One page of COS's documents even gives everybody full control, including the ACL. For
    /// buckets and directories only.
    pub fn public_read_write() -> Self {
        Self::canned("public-read-write")
    }

    /// Anybody with an account reads.
    pub fn authenticated_read() -> Self {
        Self::canned("authenticated-read")
    }

    /// As the directories of the object and the bucket say. For objects only, and their default.
    pub fn inherited() -> Self {
        Self::canned("default")
    }

    /// The owner of the bucket reads. For objects only.
    pub fn bucket_owner_read() -> Self {
        Self::canned("bucket-owner-read")
    }

    /// The owner of the bucket has full control. For objects only.
    pub fn bucket_owner_full_control() -> Self {
        Self::canned("bucket-owner-full-control")
    }

    /// Any canned ACL, by its name (`x-cos-acl`).
    pub fn canned(name: impl Into<Cow<'static, str>>) -> Self {
        Self { canned: Some(name.into()), grants: Vec::new() }
    }

    /// Lets an account read (`x-cos-grant-read`), by its uin.
    #[must_use]
    pub fn grant_read(self, uin: impl Into<String>) -> Self {
        self.grant("x-cos-grant-read", uin)
    }

    /// Lets an account write (`x-cos-grant-write`). For buckets and directories only.
    #[must_use]
    pub fn grant_write(self, uin: impl Into<String>) -> Self {
        self.grant("x-cos-grant-write", uin)
    }

    /// Lets an account read the ACL (`x-cos-grant-read-acp`).
    #[must_use]
    pub fn grant_read_acp(self, uin: impl Into<String>) -> Self {
        self.grant("x-cos-grant-read-acp", uin)
    }

    /// Lets an account write the ACL (`x-cos-grant-write-acp`).
    #[must_use]
    pub fn grant_write_acp(self, uin: impl Into<String>) -> Self {
        self.grant("x-cos-grant-write-acp", uin)
    }

    /// Lets an account do everything (`x-cos-grant-full-control`).
    #[must_use]
    pub fn grant_full_control(self, uin: impl Into<String>) -> Self {
        self.grant("x-cos-grant-full-control", uin)
    }

    fn grant(mut self, header: &'static str, uin: impl Into<String>) -> Self {
        self.grants.push((header, uin.into()));
        self
    }
}

/// More are refused by COS (`AttachmentFull`).
const MAX_GRANTS: usize = 100;

/// What can be said of a bucket or a directory, but not of another object, and what of objects alone.
const FOR_BUCKETS: [&str; 1] = ["public-read-write"];
const FOR_OBJECTS: [&str; 3] = ["default", "bucket-owner-read", "bucket-owner-full-control"];

impl Acl {
    /// Whether it can be said of what the request is about.
    fn check(&self, target: &Target) -> Result<()> {
        if self.canned.is_none() && self.grants.is_empty() {
            return Err(Error::input("acl", "says nothing"));
        }
        if self.grants.len() > MAX_GRANTS {
            return Err(Error::input("grant", "is given more than 100 times"));
        }
        let is = |names: &[&str]| self.canned.as_deref().is_some_and(|name| names.contains(&name.trim()));
        match target {
            Target::Object(key) if key.as_str().ends_with('/') => Ok(()),
            Target::Object(_) if is(&FOR_BUCKETS) => Err(Error::input("acl", "is for buckets and directories only")),
            Target::Object(_) if self.grants.iter().any(|(header, _)| *header == "x-cos-grant-write") => {
                Err(Error::input("grant", "is of writing, which is for buckets and directories only"))
            }
            Target::Bucket if is(&FOR_OBJECTS) => Err(Error::input("acl", "is for objects only")),
            _ => Ok(()),
        }
    }
}

impl Describe for Acl {
    fn describe(&self, request: Request) -> Result<Request> {
        self.check(request.target())?;
        if self.canned.as_deref().is_some_and(|name| name.trim().is_empty()) {
            // It would be sent as none: an object is then as open as its directories and its bucket.
            return Err(Error::input("acl", "has an empty name"));
        }
        let mut request = request.header_opt("x-cos-acl", self.canned.as_deref())?;
        for header in [
            "x-cos-grant-read",
            "x-cos-grant-write",
            "x-cos-grant-read-acp",
            "x-cos-grant-write-acp",
            "x-cos-grant-full-control",
        ] {
            let accounts = self.grants.iter().filter(|(name, _)| *name == header).map(|(_, uin)| uin);
            let mut ids = Vec::new();
            for uin in accounts {
                if uin.is_empty() || uin.contains(|c: char| c.is_whitespace() || matches!(c, '"' | ',')) {
                    return Err(Error::input("grant", "is not the uin of an account"));
                }
                ids.push(format!("id=\"{uin}\""));
            }
            request = request.header(header, ids.join(","))?;
        }
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_of_one_kind_share_a_header() {
        let acl = Acl::private().grant_read("1").grant_read("2").grant_full_control("3");
        let request = acl.describe(Request::bucket()).unwrap();
        let header = |name| request.headers().get(name).map(|value| value.to_str().unwrap());
        assert_eq!(header("x-cos-acl"), Some("private"));
        assert_eq!(header("x-cos-grant-read"), Some("id=\"1\",id=\"2\""));
        assert_eq!(header("x-cos-grant-full-control"), Some("id=\"3\""));
        assert_eq!(header("x-cos-grant-write"), None);
        for uin in ["", " ", "1\",id=\"2", "1 2"] {
            let error = Acl::new().grant_read(uin).describe(Request::bucket()).unwrap_err();
            assert_eq!(error.field(), Some("grant"), "{uin}");
        }
    }

    #[test]
    fn what_cannot_be_said_of_a_bucket_or_of_an_object_is_refused() {
        let field = |acl: &Acl, request: Request| acl.describe(request).err().and_then(|error| error.field());
        let object = || Request::object(&"k".parse().unwrap());
        let many = |count| (0..count).fold(Acl::new(), |acl, uin| acl.grant_read(uin.to_string()));
        for (acl, of_bucket, of_object) in [
            (Acl::private(), None, None),
            (Acl::public_read(), None, None),
            (Acl::authenticated_read(), None, None),
            (Acl::canned("of-tomorrow"), None, None),
            (Acl::public_read_write(), None, Some("acl")),
            (Acl::new().grant_write("1"), None, Some("grant")),
            (Acl::inherited(), Some("acl"), None),
            (Acl::bucket_owner_read(), Some("acl"), None),
            (Acl::bucket_owner_full_control(), Some("acl"), None),
            (Acl::new(), Some("acl"), Some("acl")),
            (many(100), None, None),
            (many(101), Some("grant"), Some("grant")),
        ] {
            assert_eq!((field(&acl, Request::bucket()), field(&acl, object())), (of_bucket, of_object), "{acl:?}");
            let directory = Request::object(&"k/".parse().unwrap());
            assert_eq!(field(&acl, directory), if of_bucket == of_object { of_bucket } else { None }, "{acl:?}");
        }
    }
}
