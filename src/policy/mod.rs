//! Policies of access management (CAM): what a temporary key may do, derived from what a program does with it, and who
//! may do what with a bucket.
//!
//! | | [`Policy`], of a temporary key | [`BucketPolicy`], of a bucket |
//! |---|---|---|
//! | is given | to STS, when the key is asked for | to COS, by [`PutBucketPolicy`](crate::PutBucketPolicy) |
//! | lasts | as long as the key | until it is replaced or removed |
//! | is about | whoever has the key: no principal | the [`Principal`]s that each statement names |
//! | its allow | limits: the key may what its owner may and this allows | adds: it lets in who could not |
//! | its deny | ends it | ends it |
//! | is at most | [`Policy::MAX_CHARS`] long | [`BucketPolicy::MAX_BYTES`] long |
//!
//! A request with a temporary key passes both: its own policy limits what the policy of a bucket gives. This module is
//! pure, for wrappers that reach STS in their own way.

mod bucket;
mod condition;
mod principal;
mod resource;
mod statement;

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Serialize};

pub use self::bucket::{BucketPolicy, BucketStatement};
pub use self::condition::{Condition, ConditionValue};
pub use self::principal::Principal;
pub use self::resource::Resource;
pub use self::statement::Statement;
use crate::error::{Error, Result};
use crate::operation::Operation;

/// What a temporary key may do: statements that allow, statements that deny.
///
/// There are two doors. [`allow`](Self::allow) and [`allow_upload`](Self::allow_upload) take an operation, or a task,
/// and what it is about. A [`Statement`] has all the options, conditions among them, and goes through
/// [`statement`](Self::statement). The actions come from the operations ([`Operation::PERMISSIONS`]), so that a program
/// that sends nothing else needs nothing more.
///
/// Whatever is in no statement is not allowed, and what is denied in one is allowed by none. A policy never gives more
/// than the caller of STS has: unlike a [`BucketPolicy`], which names principals and lets them in, it names nobody and
/// limits whoever has the key.
///
/// # Examples
/// ```
/// use tencent_cos::policy::{Condition, Policy, Resource, Statement};
/// use tencent_cos::GetObject;
///
/// let alice = Resource::prefix("ap-guangzhou", "examplebucket-1250000000", "uploads/alice/")?;
/// let shared = Resource::prefix("ap-guangzhou", "examplebucket-1250000000", "shared/")?;
/// let policy = Policy::new()
///     .statement(Statement::allow(&alice).upload().when(Condition::content_length_at_most(5 << 20)))
///     .allow::<GetObject>(&shared);
/// assert!(policy.to_json()?.starts_with(r#"{"version":"2.0","statement":[{"effect":"allow","action":["name/cos:PutObject","#));
/// # Ok::<(), tencent_cos::Error>(())
/// ```
///
/// COS reference: [Elements of a policy](https://cloud.tencent.com/document/product/598/10603),
/// [actions for temporary keys](https://cloud.tencent.com/document/product/436/31923)
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policy {
    statements: Vec<Statement>,
}

impl Policy {
    /// The longest policy, in characters of its JSON. CAM states it for policies that are stored; STS states no limit
    /// of its own, only that there is one (`InvalidParameter.PolicyTooLong`).
    pub const MAX_CHARS: usize = 6144;

    /// Nothing is allowed yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Allows an operation on this. An operation that reads from another object, like a copy, is allowed within it.
    #[must_use]
    pub fn allow<O: Operation>(self, on: &Resource) -> Self {
        self.merge(Statement::allow(on).operation::<O>())
    }

    /// Allows an operation that reads from one place and writes to another, like a copy.
    #[must_use]
    pub fn allow_from<O: Operation>(self, source: &Resource, target: &Resource) -> Self {
        self.merge(Statement::allow(source).source_of::<O>()).merge(Statement::allow(target).target_of::<O>())
    }

    /// Allows an upload, simple or by parts, and what finds out how it ended: [`Statement::upload`].
    #[must_use]
    pub fn allow_upload(self, on: &Resource) -> Self {
        self.merge(Statement::allow(on).upload())
    }

    /// Allows the same, and to look for uploads that were begun and not finished: [`Statement::resumable_upload`].
    #[must_use]
    pub fn allow_resumable_upload(self, on: &Resource) -> Self {
        self.merge(Statement::allow(on).resumable_upload())
    }

    /// Adds a statement.
    #[must_use]
    pub fn statement(mut self, statement: Statement) -> Self {
        self.statements.push(statement);
        self
    }

    /// Into a statement that differs in its actions alone, if there is one.
    fn merge(mut self, statement: Statement) -> Self {
        match self.statements.iter_mut().find(|have| have.is_beside(&statement)) {
            Some(have) => have.take_actions(statement),
            None => self.statements.push(statement),
        }
        self
    }

    /// The document STS takes, on one line. STS wants it percent-encoded, as its value and beside what the transport
    /// does.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) with field `policy`: it has no statement, or a statement no
    /// action; a right on the bucket or on the account is to be had on less than that; a condition cannot be met; a
    /// statement has a principal; the document is longer than [`MAX_CHARS`](Self::MAX_CHARS).
    pub fn to_json(&self) -> Result<String> {
        if self.statements.is_empty() {
            return Err(refuse("allows nothing: it has no statement"));
        }
        let statement = self.statements.iter().map(Statement::write).collect::<Result<_>>()?;
        let document = Document { version: VERSION.into(), statement };
        // Strings, numbers and maps of them.
        let json = serde_json::to_string(&document).map_err(|error| refuse("cannot be written").with_source(error))?;
        let length = json.chars().count();
        if length > Self::MAX_CHARS {
            return Err(refuse(format!("is {length} characters long; CAM takes at most {}", Self::MAX_CHARS)));
        }
        Ok(json)
    }

    /// Reads a document: version 2.0, all names in lower case, no `principal`, which STS does not take.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) with field `policy`, telling the place.
    pub fn from_json(json: impl AsRef<[u8]>) -> Result<Self> {
        let document: Document =
            serde_json::from_slice(json.as_ref()).map_err(|error| refuse(format!("is not one of CAM: {error}")))?;
        if document.version != VERSION {
            return Err(refuse("is not of version 2.0"));
        }
        let policy = Self { statements: document.statement.into_iter().map(Statement::read).collect::<Result<_>>()? };
        policy.to_json()?;
        Ok(policy)
    }
}

const VERSION: &str = "2.0";

fn refuse(why: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::input("policy", why)
}

/// The wire form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: String,
    statement: Vec<Written>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    effect: Effect,
    #[serde(deserialize_with = "one_or_many")]
    action: Vec<String>,
    #[serde(deserialize_with = "one_or_many")]
    resource: Vec<String>,
    #[serde(default, deserialize_with = "each_once", skip_serializing_if = "Conditions::is_empty")]
    condition: Conditions,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Effect {
    Allow,
    Deny,
}

/// Operator, key, value or values.
type Conditions = BTreeMap<String, BTreeMap<String, serde_json::Value>>;

/// An operator or a key that stands twice would be read as its last alone, and the policy be wider than what was
/// written.
fn each_once<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Conditions, D::Error> {
    let operators = Once::<Once<serde_json::Value>>::deserialize(deserializer)?;
    Ok(operators.0.into_iter().map(|(operator, keys)| (operator, keys.0)).collect())
}

/// A map that refuses a name it has.
struct Once<V>(BTreeMap<String, V>);

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Once<V> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names<V>(PhantomData<V>);

        impl<'de, V: Deserialize<'de>> Visitor<'de> for Names<V> {
            type Value = Once<V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("conditions")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Once<V>, A::Error> {
                let mut map = BTreeMap::new();
                while let Some((name, value)) = access.next_entry::<String, V>()? {
                    if map.insert(name, value).is_some() {
                        return Err(serde::de::Error::custom("an operator or a key of a condition stands twice"));
                    }
                }
                Ok(Once(map))
            }
        }

        deserializer.deserialize_map(Names(PhantomData))
    }
}

fn one_or_many<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(text) => vec![text],
        OneOrMany::Many(texts) => texts,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{CopyObject, DeleteObject, GetObject, HeadBucket, HeadObject, ListBuckets, ListObjects, PutObject};

    const BUCKET: &str = "examplebucket-1250000000";

    fn prefix(prefix: &str) -> Resource {
        Resource::prefix("ap-beijing", BUCKET, prefix).unwrap()
    }

    fn value(policy: &Policy) -> Value {
        serde_json::from_str(&policy.to_json().unwrap()).unwrap()
    }

    /// The first example of "actions for temporary keys", with the comments taken out: uploads below `doc/`, downloads
    /// below `doc2/`. It has the form upload, and no `HeadObject`, which finds out how an upload ended.
    #[test]
    fn the_example_of_the_reference_is_written_by_operations() {
        let documented = json!({
            "version": "2.0",
            "statement": [{
                "action": [
                    "name/cos:PutObject", "name/cos:PostObject", "name/cos:InitiateMultipartUpload",
                    "name/cos:ListMultipartUploads", "name/cos:ListParts", "name/cos:UploadPart",
                    "name/cos:CompleteMultipartUpload", "name/cos:AbortMultipartUpload"
                ],
                "effect": "allow",
                "resource": ["qcs::cos:ap-beijing:uid/1250000000:examplebucket-1250000000/doc/*"]
            }, {
                "action": ["name/cos:GetObject"],
                "effect": "allow",
                "resource": ["qcs::cos:ap-beijing:uid/1250000000:examplebucket-1250000000/doc2/*"]
            }]
        });
        let policy = Policy::new()
            .statement(Statement::allow(&prefix("doc/")).resumable_upload().action("name/cos:PostObject"))
            .allow::<GetObject>(&prefix("doc2/"));
        let actions = |value: &Value| {
            let mut all: Vec<String> = serde_json::from_value(value.clone()).unwrap();
            all.retain(|action| action != "name/cos:HeadObject");
            all.sort();
            all
        };
        let ours = value(&policy);
        for at in 0..2 {
            let (ours, documented) = (&ours["statement"][at], &documented["statement"][at]);
            assert_eq!(actions(&ours["action"]), actions(&documented["action"]));
            assert_eq!((&ours["effect"], &ours["resource"]), (&documented["effect"], &documented["resource"]));
        }
        // And what is read is written again.
        let text = documented.to_string();
        assert_eq!(value(&Policy::from_json(&text).unwrap()), documented);
    }

    /// Named by itself a right may be on objects: that it is one on the bucket as well takes nothing away.
    #[test]
    fn a_right_keeps_the_wider_of_two_places() {
        for statement in [
            Statement::allow(&prefix("a/")).action("name/cos:HeadBucket").operation::<HeadBucket>(),
            Statement::allow(&prefix("a/")).operation::<HeadBucket>().action("name/cos:HeadBucket"),
        ] {
            let written = value(&Policy::new().statement(statement));
            assert_eq!(written["statement"][0]["action"], json!(["name/cos:HeadBucket"]));
        }
        let alone = Statement::allow(&prefix("a/")).operation::<HeadBucket>();
        assert!(Policy::new().statement(alone).to_json().is_err());
    }

    #[test]
    fn an_upload_has_what_it_needs_and_no_more() {
        let policy = Policy::new().allow_upload(&prefix("uploads/alice/"));
        assert_eq!(
            policy.to_json().unwrap(),
            r#"{"version":"2.0","statement":[{"effect":"allow","action":["name/cos:PutObject","name/cos:InitiateMultipartUpload","name/cos:UploadPart","name/cos:ListParts","name/cos:CompleteMultipartUpload","name/cos:AbortMultipartUpload","name/cos:HeadObject"],"resource":["qcs::cos:ap-beijing:uid/1250000000:examplebucket-1250000000/uploads/alice/*"]}]}"#
        );
    }

    #[test]
    fn operations_on_one_thing_share_a_statement() {
        let bucket = Resource::bucket("ap-beijing", BUCKET).unwrap();
        let object = Resource::object("ap-beijing", BUCKET, "a b/ü.txt").unwrap();
        let policy = Policy::new()
            .allow::<GetObject>(&object)
            .allow::<ListObjects>(&bucket)
            .allow::<HeadObject>(&object)
            .allow::<GetObject>(&object)
            .allow::<ListBuckets>(&Resource::everything())
            .statement(Statement::deny(&bucket).operation::<DeleteObject>());
        let base = "qcs::cos:ap-beijing:uid/1250000000:examplebucket-1250000000";
        assert_eq!(
            value(&policy)["statement"],
            json!([
                {"effect": "allow", "action": ["name/cos:GetObject", "name/cos:HeadObject"],
                 "resource": [format!("{base}/a b/ü.txt")]},
                {"effect": "allow", "action": ["name/cos:GetBucket"], "resource": [format!("{base}/")]},
                {"effect": "allow", "action": ["name/cos:GetService"], "resource": ["*"]},
                {"effect": "deny", "action": ["name/cos:DeleteObject"], "resource": [format!("{base}/*")]},
            ])
        );
        // On all objects and on the bucket itself.
        let policy = Policy::new().allow::<ListObjects>(&bucket).allow::<GetObject>(&bucket);
        assert_eq!(value(&policy)["statement"][0]["resource"], json!([format!("{base}/*")]));
    }

    #[test]
    fn a_copy_reads_in_one_place_and_writes_in_another() {
        let policy = Policy::new().allow_from::<CopyObject>(&prefix("in/"), &prefix("out/"));
        let statements = &value(&policy)["statement"];
        assert_eq!(statements[0]["action"], json!(["name/cos:GetObject"]));
        assert_eq!(statements[1]["action"], json!(["name/cos:PutObject"]));
        assert!(statements[1]["resource"][0].as_str().unwrap().ends_with("/out/*"));
        let within = Policy::new().allow::<CopyObject>(&prefix("in/"));
        assert_eq!(value(&within)["statement"][0]["action"], json!(["name/cos:PutObject", "name/cos:GetObject"]));
    }

    #[test]
    fn policies_that_cannot_work_are_refused() {
        let bucket = Resource::bucket("ap-beijing", BUCKET).unwrap();
        let refused = |policy: Policy, told: &str| {
            let error = policy.to_json().unwrap_err();
            assert_eq!(error.field(), Some("policy"));
            assert!(error.to_string().contains(told), "{error}");
        };
        refused(Policy::new(), "has no statement");
        refused(Policy::new().statement(Statement::allow(&bucket)), "has no action");
        refused(Policy::new().allow::<ListObjects>(&prefix("a/")), "name/cos:GetBucket is a right on the bucket");
        refused(Policy::new().allow::<ListBuckets>(&bucket), "name/cos:GetService is a right on the account");
        refused(Policy::new().statement(Statement::allow(&bucket).action("cos:PutObject")), "is not of the form");
        refused(Policy::new().allow_from::<GetObject>(&bucket, &bucket), "reads from no other object");
        let many = (0..60).fold(Policy::new(), |policy, n| policy.allow::<PutObject>(&prefix(&format!("{n}/"))));
        refused(many, "characters long; CAM takes at most 6144");
    }

    #[test]
    fn documents_that_sts_does_not_take_are_not_read() {
        let good = r#"{"version":"2.0","statement":[{"effect":"allow","action":"name/cos:GetObject","resource":"*"}]}"#;
        assert_eq!(Policy::from_json(good).unwrap().to_json().unwrap().len(), good.len() + 4);
        for (from, to) in [
            ("\"2.0\"", "\"1.0\""),
            ("effect", "Effect"),
            ("\"effect\"", "\"principal\":{\"qcs\":\"*\"},\"effect\""),
            ("\"name/cos:GetObject\"", "[]"),
            ("\"*\"", "[]"),
            ("allow", "Allow"),
            ("}]}", "}]"),
        ] {
            let error = Policy::from_json(good.replacen(from, to, 1)).unwrap_err();
            assert_eq!(error.field(), Some("policy"), "{error}");
        }
        let under = |condition: &str| {
            let end = format!(",\"condition\":{condition}}}]}}");
            Policy::from_json(good.replacen("}]}", &end, 1))
        };
        for met in [
            r#"{"ip_equal":{"qcs:ip":["10.0.0.0/8","::1"]}}"#,
            r#"{"date_less_than":{"a:b":"2026"}}"#,
            r#"{"bool_equal":{"a:b":true},"numeric_equal":{"a:b":["1.5",2]}}"#,
        ] {
            under(met).unwrap();
        }
        for unmet in [
            r#"{"ip_equal":{"qcs:ip":["10.0.0.0/33"]}}"#,
            r#"{"ip_not_equal_if_exist":{"qcs:ip":"localhost"}}"#,
            r#"{"string_equal":{"cos:prefix":[]}}"#,
            r#"{"string_equal":{"cos:prefix":null}}"#,
            r#"{"string_equal":{"":"a"}}"#,
            r#"{"":{"cos:prefix":"a"}}"#,
            r#"{"ip_equal":{}}"#,
            r#"{"string_like":{"cos:content-type":["image/*","a*b"]}}"#,
            r#"{"numeric_less_than_equal":{"cos:content-length":"5 MiB"}}"#,
            r#"{"bool_equal_if_exist":{"cos:secure-transport":"yes"}}"#,
        ] {
            assert_eq!(under(unmet).unwrap_err().field(), Some("policy"), "{unmet}");
        }
    }
}
