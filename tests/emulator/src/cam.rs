//! Access management: who there is beside the account itself, and what each may do.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use crate::policy::{BadPolicy, Policy, Rights};

/// The account that owns everything.
pub(crate) const UIN: &str = "100000000001";

/// The same, in the long form.
pub(crate) const OWNER: &str = "qcs::cam::uin/100000000001:uin/100000000001";

/// The longest a role lets a session live unless it says otherwise.
const LONGEST_SESSION: Duration = Duration::from_secs(43_200);

/// A role, to be assumed with `AssumeRole` or with the token of an identity provider. See [`crate::Builder::role`].
///
/// ```
/// use cos_emulator::Role;
///
/// let role = Role::new("uploader")
///     .policy(r#"{"version":"2.0","statement":[{"effect":"allow","action":"name/cos:PutObject","resource":"*"}]}"#)
///     .external_id("partner-7");
/// assert_eq!(role.arn(), "qcs::cam::uin/100000000001:roleName/uploader");
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Role {
    name: String,
    policy: Option<String>,
    pub(crate) longest: Duration,
    pub(crate) external_id: Option<String>,
}

impl Role {
    /// A role that may do everything.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), policy: None, longest: LONGEST_SESSION, external_id: None }
    }

    /// What the role may do: a policy as JSON.
    pub fn policy(mut self, json: impl Into<String>) -> Self {
        self.policy = Some(json.into());
        self
    }

    /// The longest duration of a session. The default is 12 hours, which is also the most.
    pub fn longest_session(mut self, duration: Duration) -> Self {
        self.longest = duration.min(LONGEST_SESSION);
        self
    }

    /// The external id that whoever assumes the role must know.
    pub fn external_id(mut self, id: impl Into<String>) -> Self {
        self.external_id = Some(id.into());
        self
    }

    /// How the role is called in `RoleArn`. The form with a number, see [`Role::id`], will do as well.
    pub fn arn(&self) -> String {
        format!("qcs::cam::uin/{UIN}:roleName/{}", self.name)
    }

    /// Its number, made from its name.
    pub fn id(&self) -> String {
        let mixed = self.name.bytes().fold(0_u64, |sum, byte| (sum * 31 + u64::from(byte)) % 100_000_000);
        format!("4611686018{mixed:08}")
    }

    /// Whether a `RoleArn` means this role. A role of a service is named with a prefix.
    fn is_meant_by(&self, arn: &str) -> bool {
        let Some(rest) = arn.strip_prefix("qcs::cam::uin/").and_then(|rest| rest.strip_prefix(UIN)) else {
            return false;
        };
        match rest.strip_prefix(':').and_then(|rest| rest.split_once('/')) {
            Some(("roleName", name)) => name == self.name,
            Some(("role", id)) => match id.split_once('/') {
                Some(("tencentcloudServiceRoleName", name)) => name == self.name,
                Some(("tencentcloudServiceRole", id)) => id == self.id(),
                Some(_) => false,
                None => id == self.id(),
            },
            _ => false,
        }
    }
}

/// Somebody to whom keys are given.
#[derive(Clone, Debug)]
pub(crate) struct Holder {
    /// The account: that of the buckets, or another.
    pub(crate) account: String,
    pub(crate) kind: Kind,
    /// The id behind `uin/` or `roleId/`.
    pub(crate) id: String,
    pub(crate) rights: Rights,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Root,
    SubAccount,
    Role,
}

impl Holder {
    pub(crate) fn root(rights: Rights) -> Self {
        Self { account: UIN.to_owned(), kind: Kind::Root, id: UIN.to_owned(), rights }
    }

    pub(crate) fn sub_account(number: usize, rights: Rights) -> Self {
        Self { account: UIN.to_owned(), kind: Kind::SubAccount, id: format!("1000000001{number:02}"), rights }
    }

    /// Another account, counted from 0. It may what buckets let it.
    pub(crate) fn other_account(number: usize) -> Self {
        let uin = format!("1000000000{:02}", number + 2);
        Self { account: uin.clone(), kind: Kind::Root, id: uin, rights: Rights::default() }
    }

    /// Whether the buckets are its own, or its account's.
    pub(crate) fn is_at_home(&self) -> bool {
        self.account == UIN
    }

    /// The account that all is of, and nobody in it.
    pub(crate) fn is_owner(&self) -> bool {
        self.is_at_home() && self.kind == Kind::Root
    }

    /// As policies and ACLs write it.
    pub(crate) fn principal(&self) -> String {
        let place = if self.kind == Kind::Role { "roleId" } else { "uin" };
        format!("qcs::cam::uin/{}:{place}/{}", self.account, self.id)
    }
}

/// Roles, and the tokens of identity providers that are good for one.
#[derive(Debug, Default)]
pub(crate) struct Cam {
    roles: Vec<(Role, Rights)>,
    web: RwLock<Vec<WebIdentity>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WebIdentity {
    pub(crate) provider: String,
    pub(crate) token: String,
    /// The role's name.
    pub(crate) role: String,
}

impl Cam {
    /// # Errors
    /// If a role's policy is none.
    pub(crate) fn new(roles: &[Role], web: Vec<WebIdentity>, owns: &dyn Fn(&str) -> bool) -> Result<Self, BadPolicy> {
        let with_rights = |role: &Role| Ok((role.clone(), rights(role.policy.as_deref(), owns)?));
        let roles = roles.iter().map(with_rights).collect::<Result<_, BadPolicy>>()?;
        Ok(Self { roles, web: RwLock::new(web) })
    }

    pub(crate) fn role_by_arn(&self, arn: &str) -> Option<(&Role, Holder)> {
        self.find(|role| role.is_meant_by(arn))
    }

    pub(crate) fn role_by_name(&self, name: &str) -> Option<(&Role, Holder)> {
        self.find(|role| role.name == name)
    }

    fn find(&self, is: impl Fn(&Role) -> bool) -> Option<(&Role, Holder)> {
        let (role, rights) = self.roles.iter().find(|(role, _)| is(role))?;
        let holder = Holder { account: UIN.to_owned(), kind: Kind::Role, id: role.id(), rights: rights.clone() };
        Some((role, holder))
    }

    pub(crate) fn trust(&self, identity: WebIdentity) {
        self.web.write().unwrap_or_else(PoisonError::into_inner).push(identity);
    }

    pub(crate) fn distrust(&self, token: &str) -> bool {
        let mut web = self.web.write().unwrap_or_else(PoisonError::into_inner);
        let before = web.len();
        web.retain(|identity| identity.token != token);
        web.len() < before
    }

    /// Whether a provider's token is known, and good for this role.
    pub(crate) fn vouches(&self, provider: &str, token: &str, role: &Role) -> bool {
        let web = self.web.read().unwrap_or_else(PoisonError::into_inner);
        web.iter().any(|known| known.provider == provider && known.token == token && known.role == role.name)
    }
}

/// The rights that a policy leaves, or all of them.
pub(crate) fn rights(policy: Option<&str>, owns: &dyn Fn(&str) -> bool) -> Result<Rights, BadPolicy> {
    let policy = policy.map(|text| Policy::parse(text, owns)).transpose()?;
    Ok(Rights::new(policy.map(Arc::new)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_has_four_names() {
        let role = Role::new("exampleRole");
        let id = role.id();
        for name in [
            "roleName/exampleRole".to_owned(),
            format!("role/{id}"),
            format!("role/tencentcloudServiceRole/{id}"),
            "role/tencentcloudServiceRoleName/exampleRole".to_owned(),
        ] {
            assert!(role.is_meant_by(&format!("qcs::cam::uin/{UIN}:{name}")), "{name}");
            assert!(!role.is_meant_by(&format!("qcs::cam::uin/100000000002:{name}")), "{name}");
            assert!(!role.is_meant_by(&format!("qcs::cam::uin/{UIN}:{name}x")), "{name}");
        }
        assert!(!role.is_meant_by("exampleRole"));
    }
}
