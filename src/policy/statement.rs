//! One statement: actions on a resource, under conditions.

use super::condition::unmet;
use super::{Condition, Conditions, Effect, Principal, Resource, Written, refuse};
use crate::error::Result;
use crate::multipart::{
    AbortMultipartUpload, CompleteMultipartUpload, InitiateMultipartUpload, ListMultipartUploads, ListParts, UploadPart,
};
use crate::object::{HeadObject, PutObject};
use crate::operation::{Operation, Scope};

/// Actions that are allowed on a [`Resource`], or denied, maybe under conditions.
///
/// A statement of a [`Policy`](super::Policy) is about whoever gets the key; one of a
/// [`BucketPolicy`](super::BucketPolicy) is about its [`principal`](Self::principal)s.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Statement {
    effect: Effect,
    resource: Resource,
    actions: Vec<(String, Scope)>,
    conditions: Conditions,
    principals: Vec<Principal>,
    sid: Option<String>,
    refused: Option<String>,
}

impl Statement {
    /// Allows what is added.
    pub fn allow(on: &Resource) -> Self {
        Self::new(Effect::Allow, on)
    }

    /// Denies what is added, whatever else allows it.
    pub fn deny(on: &Resource) -> Self {
        Self::new(Effect::Deny, on)
    }

    fn new(effect: Effect, on: &Resource) -> Self {
        Self {
            effect,
            resource: on.clone(),
            actions: Vec::new(),
            conditions: Conditions::new(),
            principals: Vec::new(),
            sid: None,
            refused: None,
        }
    }

    /// All the rights of an operation.
    pub fn operation<O: Operation>(self) -> Self {
        O::PERMISSIONS.iter().fold(self, |statement, (action, scope)| statement.add(action.to_owned(), scope))
    }

    /// What an upload needs to be made and to find out how it ended: [`PutObject`]; [`InitiateMultipartUpload`],
    /// [`UploadPart`], [`ListParts`], [`CompleteMultipartUpload`], [`AbortMultipartUpload`]; [`HeadObject`].
    pub fn upload(self) -> Self {
        self.operation::<PutObject>()
            .operation::<InitiateMultipartUpload>()
            .operation::<UploadPart>()
            .operation::<ListParts>()
            .operation::<CompleteMultipartUpload>()
            .operation::<AbortMultipartUpload>()
            .operation::<HeadObject>()
    }

    /// The same, and [`ListMultipartUploads`], to go on with an upload whose id was lost. It is granted on the objects,
    /// as the documents of COS do; so COS lists the uploads of these alone.
    pub fn resumable_upload(self) -> Self {
        let listing = ListMultipartUploads::PERMISSIONS;
        listing.iter().fold(self.upload(), |statement, (action, _)| statement.add(action.to_owned(), Scope::Target))
    }

    /// An action by its name in CAM, for instance `name/cos:PostObject`.
    pub fn action(self, action: impl Into<String>) -> Self {
        self.add(action.into(), Scope::Target)
    }

    /// A condition that must hold as well. A second one on the same key needs another operator.
    pub fn when(mut self, condition: Condition) -> Self {
        match condition.write() {
            Ok((operator, key, value)) => {
                let keys = self.conditions.entry(operator).or_default();
                if keys.insert(key, value).is_some() {
                    self.refuse("has two conditions with one operator on one key".to_owned());
                }
            }
            Err(why) => self.refuse(why),
        }
        self
    }

    /// Whom it is about, in a bucket policy; there may be several. The policy of a temporary key has none.
    pub fn principal(mut self, principal: Principal) -> Self {
        if !self.principals.contains(&principal) {
            self.principals.push(principal);
        }
        self
    }

    /// Its name in a bucket policy, to find it again.
    pub fn sid(mut self, name: impl Into<String>) -> Self {
        self.sid = Some(name.into());
        self
    }

    /// What an operation needs of the object it reads from.
    pub(super) fn source_of<O: Operation>(mut self) -> Self {
        for (action, _) in O::PERMISSIONS.iter().filter(|(_, scope)| *scope == Scope::Source) {
            self = self.add(action.to_owned(), Scope::Source);
        }
        if self.actions.is_empty() {
            self.refuse(format!("{} reads from no other object", O::NAME));
        }
        self
    }

    /// What an operation needs beside that.
    pub(super) fn target_of<O: Operation>(self) -> Self {
        let others = O::PERMISSIONS.iter().filter(|(_, scope)| *scope != Scope::Source);
        others.fold(self, |statement, (action, scope)| statement.add(action.to_owned(), scope))
    }

    fn add(mut self, action: String, scope: Scope) -> Self {
        if !is_action(&action) {
            self.refuse(format!("{action:?} is not of the form name/cos:PutObject"));
        }
        match self.actions.iter_mut().find(|(have, _)| *have == action) {
            // On the bucket and its objects is on its objects.
            Some((_, have)) if *have == Scope::Bucket => *have = scope,
            Some(_) => {}
            None => self.actions.push((action, scope)),
        }
        self
    }

    fn refuse(&mut self, why: String) {
        self.refused.get_or_insert(why);
    }

    /// Whether it is about the same, without conditions.
    pub(super) fn is_beside(&self, other: &Self) -> bool {
        let free = |it: &Self| it.conditions.is_empty() && it.principals.is_empty() && it.sid.is_none();
        free(self) && free(other) && self.effect == other.effect && self.resource == other.resource
    }

    pub(super) fn take_actions(&mut self, other: Self) {
        let mut merged =
            other.actions.into_iter().fold(self.clone(), |merged, (action, scope)| merged.add(action, scope));
        merged.refused = merged.refused.or(other.refused);
        *self = merged;
    }

    /// For the policy of a temporary key.
    pub(super) fn write(&self) -> Result<Written> {
        if !self.principals.is_empty() || self.sid.is_some() {
            return Err(refuse("has a statement with a principal or a name, which STS does not take"));
        }
        self.write_what()
    }

    /// For the policy of a bucket, with whom it is about, and its name.
    pub(super) fn write_for_bucket(&self) -> Result<(Option<&str>, &[Principal], Written)> {
        if self.principals.is_empty() {
            return Err(refuse("has a statement without a principal"));
        }
        if self.resource.has_account() {
            return Err(refuse("has a statement about more than the bucket"));
        }
        if self.sid.as_ref().is_some_and(String::is_empty) {
            return Err(refuse("has a statement with an empty name"));
        }
        Ok((self.sid.as_deref(), &self.principals, self.write_what()?))
    }

    fn write_what(&self) -> Result<Written> {
        if let Some(why) = &self.refused {
            return Err(refuse(why.clone()));
        }
        if self.actions.is_empty() {
            return Err(refuse("has a statement that has no action"));
        }
        for (action, scope) in &self.actions {
            if *scope == Scope::Service && !self.resource.has_account() {
                return Err(refuse(format!("{action} is a right on the account: it needs Resource::everything")));
            }
            if *scope == Scope::Bucket && !self.resource.has_bucket() {
                return Err(refuse(format!(
                    "{action} is a right on the bucket: it needs Resource::bucket, maybe with a condition"
                )));
            }
        }
        let bucket_only = self.actions.iter().all(|(_, scope)| *scope == Scope::Bucket);
        Ok(Written {
            effect: self.effect,
            action: self.actions.iter().map(|(action, _)| action.clone()).collect(),
            resource: self.resource.write(bucket_only),
            condition: self.conditions.clone(),
        })
    }

    pub(super) fn read(written: Written) -> Result<Self> {
        let mut statement = Self::new(written.effect, &Resource::written(written.resource)?);
        for action in written.action {
            statement = statement.add(action, Scope::Target);
        }
        for (operator, keys) in &written.condition {
            if keys.is_empty() {
                // It looks like a limit and is none.
                statement.refuse(format!("has {operator:?} of a condition on no key"));
            }
            for (key, value) in keys {
                if let Some(why) = unmet(operator, key, value) {
                    statement.refuse(why.to_owned());
                }
            }
        }
        statement.conditions = written.condition;
        Ok(statement)
    }
}

/// `name/SERVICE:ACTION`, maybe with a `*` at its end, or `*`.
fn is_action(action: &str) -> bool {
    let word = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let named = action.strip_prefix("name/").and_then(|rest| rest.split_once(':'));
    let known =
        |(service, name): (&str, &str)| word(service) && (name == "*" || word(name.strip_suffix('*').unwrap_or(name)));
    action == "*" || named.is_some_and(known)
}
