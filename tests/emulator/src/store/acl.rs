//! Who may do what with a bucket or an object, beside the account that it belongs to.

use serde::{Deserialize, Serialize};

/// The group of everybody, signed or not.
pub(crate) const ALL_USERS: &str = "http://cam.qcloud.com/groups/global/AllUsers";

/// The group of everybody with an account.
pub(crate) const AUTHENTICATED_USERS: &str = "http://cam.qcloud.com/groups/global/AuthenticatedUsers";

/// The older name of everybody.
pub(crate) const ANYONE: &str = "qcs::cam::anyone:anyone";

/// A canned ACL, and grants beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Acl {
    /// `None`: an object is as open as its directories and its bucket, a bucket is private.
    #[serde(rename = "acl")]
    pub(crate) canned: Option<String>,
    pub(crate) grants: Vec<Grant>,
}

/// A permission that somebody has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Grant {
    /// `READ` and its like.
    pub(crate) permission: String,
    /// The URI of a group, or the id of an account in the long form.
    pub(crate) grantee: String,
}

impl Grant {
    pub(crate) fn new(permission: &str, grantee: &str) -> Self {
        Self { permission: permission.to_owned(), grantee: grantee.to_owned() }
    }
}

impl Acl {
    /// All grants, those that the canned ACL stands for among them. The owner's is understood.
    pub(crate) fn all(&self) -> Vec<Grant> {
        let meant: &[(&str, &str)] = match self.canned.as_deref() {
            Some("public-read") => &[("READ", ALL_USERS)],
            Some("public-read-write") => &[("READ", ALL_USERS), ("WRITE", ALL_USERS)],
            Some("authenticated-read") => &[("READ", AUTHENTICATED_USERS)],
            _ => &[], // the owner of a bucket owns its objects
        };
        let meant = meant.iter().map(|(permission, grantee)| Grant::new(permission, grantee));
        meant.chain(self.grants.iter().cloned()).collect()
    }

    /// Whether somebody has a permission, by the id in the long form; `None` is somebody without a key.
    pub(crate) fn lets(&self, who: Option<&str>, permission: &str) -> bool {
        self.all().iter().any(|grant| {
            let means = [ALL_USERS, ANYONE].contains(&grant.grantee.as_str())
                || who.is_some_and(|who| [AUTHENTICATED_USERS, who].contains(&grant.grantee.as_str()));
            means && [permission, "FULL_CONTROL"].contains(&grant.permission.as_str())
        })
    }
}
