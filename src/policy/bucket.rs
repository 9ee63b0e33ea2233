//! The policy of a bucket: who may do what with it.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Effect, Statement, refuse};
use crate::error::Result;

/// Who may do what with a bucket and its objects, beside its ACL and what access management gives users themselves.
///
/// Each statement names its [`Principal`](super::Principal)s, unlike those of the [`Policy`](super::Policy) of a
/// temporary key: an allow lets in who could not without it, be it another account or, with
/// [`Principal::anyone`](super::Principal::anyone), somebody without a key. A deny holds against every allow, of an ACL
/// as well. A temporary key stays within its own policy all the same.
///
/// What was read is kept as it is, statements and whatever stands beside them, known here or not: statements can be
/// added and taken away, and the others are written back untouched.
///
/// # Examples
/// ```
/// use tencent_cos::policy::{BucketPolicy, Condition, Principal, Resource, Statement};
/// use tencent_cos::GetObject;
///
/// let reports = Resource::prefix("ap-guangzhou", "examplebucket-1250000000", "reports/")?;
/// let partner = Statement::allow(&reports)
///     .operation::<GetObject>()
///     .principal(Principal::account("100000000002")?)
///     .when(Condition::secure_transport())
///     .sid("partner reads reports");
/// let mut policy = BucketPolicy::new().statement(partner);
/// assert!(policy.to_json()?.contains(r#""Principal":{"qcs":["qcs::cam::uin/100000000002:uin/100000000002"]}"#));
/// policy.statements.retain(|statement| statement.sid().as_deref() != Some("partner reads reports"));
/// assert!(policy.statements.is_empty());
/// # Ok::<(), tencent_cos::Error>(())
/// ```
///
/// COS reference: [Access policy language](https://cloud.tencent.com/document/product/436/18023),
/// [how policies and ACLs are judged together](https://cloud.tencent.com/document/product/436/35240)
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct BucketPolicy {
    /// The statements. There must be one; to have none, the policy is removed.
    pub statements: Vec<BucketStatement>,
    /// What stands beside them: name and JSON.
    others: Vec<(String, String)>,
    /// Whether names begin with a capital. COS wants them all alike.
    capital: bool,
    read: Option<String>,
}

impl BucketPolicy {
    /// The longest statement, in bytes of its JSON.
    pub const MAX_STATEMENT_BYTES: usize = 4095;
    /// The longest document, in bytes.
    pub const MAX_BYTES: usize = 20 * 1024;

    /// Nothing is said yet.
    pub fn new() -> Self {
        Self { statements: Vec::new(), others: Vec::new(), capital: true, read: None }
    }

    /// Adds a statement.
    #[must_use]
    pub fn statement(mut self, statement: Statement) -> Self {
        self.statements.push(statement.into());
        self
    }

    /// The document as it was read, to the byte, whatever was changed since.
    pub fn as_read(&self) -> Option<&str> {
        self.read.as_deref()
    }

    /// The document COS takes.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) with field `policy`: it has no statement; one is longer than
    /// [`MAX_STATEMENT_BYTES`](Self::MAX_STATEMENT_BYTES), or all of it than [`MAX_BYTES`](Self::MAX_BYTES), without
    /// the blanks between; one that was built has no principal, no action, an empty name,
    /// [`Resource::everything`](super::Resource::everything), a right on the bucket on less than that, or a condition
    /// that cannot be met.
    pub fn to_json(&self) -> Result<String> {
        if self.statements.is_empty() {
            return Err(refuse("has no statement; to have none, remove the policy"));
        }
        let mut statements = Vec::new();
        for statement in &self.statements {
            let json = statement.write(self.capital)?;
            let length = compact_length(&json);
            if length > Self::MAX_STATEMENT_BYTES {
                let most = Self::MAX_STATEMENT_BYTES;
                return Err(refuse(format!("has a statement of {length} bytes; COS takes at most {most}")));
            }
            statements.push(json);
        }
        let name = if self.capital { "Statement" } else { "statement" };
        let mut fields = vec![(name.to_owned(), format!("[{}]", statements.join(",")))];
        fields.extend(self.others.iter().cloned());
        if !fields.iter().any(|(name, _)| name.eq_ignore_ascii_case("version")) {
            fields.push(("version".to_owned(), "\"2.0\"".to_owned()));
        }
        let document = object(&fields);
        let length = compact_length(&document);
        if length > Self::MAX_BYTES {
            return Err(refuse(format!("is {length} bytes long; COS takes at most {}", Self::MAX_BYTES)));
        }
        Ok(document)
    }

    /// Reads a document. Nothing is asked of a statement but that it be an object: COS judges the rest.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) with field `policy` when it is not a JSON object with a list of
    /// statements.
    pub fn from_json(json: impl AsRef<[u8]>) -> Result<Self> {
        let json = std::str::from_utf8(json.as_ref()).map_err(|_| refuse("is not UTF-8"))?;
        Self::read(json).map_err(refuse)
    }

    pub(crate) fn read(json: &str) -> Result<Self, String> {
        if json.starts_with('\u{feff}') {
            return Err("begins with a byte order mark, which is no JSON".to_owned());
        }
        // What else it is would be told in full, and be a stranger's words.
        if !json.trim_start().starts_with('{') {
            return Err("is not a JSON object".to_owned());
        }
        let fields: Fields = serde_json::from_str(json).map_err(|error| format!("is not a document: {error}"))?;
        let mut policy = Self { read: Some(json.to_owned()), ..Self::new() };
        let mut found = false;
        for (name, value) in fields.0 {
            if !name.eq_ignore_ascii_case("statement") {
                policy.others.push((name, value.get().to_owned()));
                continue;
            }
            if std::mem::replace(&mut found, true) {
                return Err("has two lists of statements".to_owned());
            }
            policy.capital = name.starts_with('S');
            let list = match value.get().as_bytes().first() {
                Some(b'[') => serde_json::from_str(value.get()).map_err(|error| error.to_string())?,
                _ => vec![value],
            };
            if !list.iter().all(|statement| statement.get().starts_with('{')) {
                return Err("has a statement that is not an object".to_owned());
            }
            policy.statements = list.iter().map(|it| BucketStatement(Kind::Read(it.get().to_owned()))).collect();
        }
        if found { Ok(policy) } else { Err("has no list of statements".to_owned()) }
    }
}

impl Default for BucketPolicy {
    fn default() -> Self {
        Self::new()
    }
}

/// A statement of a [`BucketPolicy`]: one that was read, as it is, or a [`Statement`] that was built.
#[derive(Clone, Debug, PartialEq)]
pub struct BucketStatement(Kind);

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Read(String),
    Built(Statement),
}

impl BucketStatement {
    /// Its name.
    pub fn sid(&self) -> Option<String> {
        self.texts("sid").into_iter().next()
    }

    /// Whether it allows, or denies; `None` when it says neither, or both.
    pub fn allows(&self) -> Option<bool> {
        let effects = self.texts("effect");
        let all = |word: &str| effects.iter().all(|effect| effect.eq_ignore_ascii_case(word));
        match (all("allow"), all("deny")) {
            (true, false) => Some(true),
            (false, true) => Some(false),
            _ => None,
        }
    }

    /// Whom it is about, as CAM writes them; nobody where the document says it for all its statements.
    pub fn principals(&self) -> Vec<String> {
        self.texts("principal")
    }

    /// What it is about doing.
    pub fn actions(&self) -> Vec<String> {
        self.texts("action")
    }

    /// What it is about doing that to.
    pub fn resources(&self) -> Vec<String> {
        self.texts("resource")
    }

    /// Its JSON: as it was read, or as it would be written.
    ///
    /// # Errors
    /// As [`BucketPolicy::to_json`] says, for one that was built.
    pub fn to_json(&self) -> Result<String> {
        self.write(true)
    }

    fn write(&self, capital: bool) -> Result<String> {
        let statement = match &self.0 {
            Kind::Read(json) => return Ok(json.clone()),
            Kind::Built(statement) => statement,
        };
        let (sid, principals, what) = statement.write_for_bucket()?;
        let principals: Vec<Value> = principals.iter().map(|principal| principal.as_str().into()).collect();
        let effect = if what.effect == Effect::Allow { "allow" } else { "deny" };
        let mut fields = Vec::new();
        let mut field = |name: &str, value: Value| {
            let name =
                if capital { format!("{}{}", name[..1].to_ascii_uppercase(), &name[1..]) } else { name.to_owned() };
            fields.push((name, value.to_string()));
        };
        if let Some(sid) = sid {
            field("sid", sid.into());
        }
        field("effect", effect.into());
        field("principal", serde_json::json!({ "qcs": principals }));
        field("action", what.action.into());
        field("resource", what.resource.into());
        if !what.condition.is_empty() {
            field("condition", serde_json::json!(what.condition));
        }
        Ok(object(&fields))
    }

    /// The texts under a name, which may begin with a capital: one, those of a list, or, of a principal, those of its
    /// kinds. What stands beside it is not looked at: it may be more than can be read.
    fn texts(&self, name: &str) -> Vec<String> {
        let fields = self.write(true).ok().and_then(|json| serde_json::from_str::<Fields>(&json).ok());
        let fields = fields.into_iter().flat_map(|fields| fields.0);
        let named = fields.filter(|(have, _)| have.eq_ignore_ascii_case(name));
        named.filter_map(|(_, value)| serde_json::from_str(value.get()).ok()).flat_map(texts).collect()
    }
}

impl From<Statement> for BucketStatement {
    fn from(statement: Statement) -> Self {
        Self(Kind::Built(statement))
    }
}

fn texts(value: Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(values) => values.into_iter().flat_map(texts).collect(),
        Value::Object(kinds) => kinds.into_iter().flat_map(|(_, value)| texts(value)).collect(),
        _ => Vec::new(),
    }
}

fn object(fields: &[(String, String)]) -> String {
    let fields: Vec<_> = fields.iter().map(|(name, json)| format!("{}:{json}", Value::from(name.as_str()))).collect();
    format!("{{{}}}", fields.join(","))
}

/// Without the blanks between: COS may count them or not.
fn compact_length(json: &str) -> usize {
    serde_json::from_str::<&RawValue>(json).map_or(json.len(), |raw| {
        let (mut length, mut in_text, mut escaped) = (0, false, false);
        for byte in raw.get().bytes() {
            length += usize::from(in_text || !byte.is_ascii_whitespace());
            (in_text, escaped) = match byte {
                b'"' if !escaped => (!in_text, false),
                b'\\' => (in_text, in_text && !escaped),
                _ => (in_text, false),
            };
        }
        length
    })
}

/// Names and what they say, in their order.
struct Fields(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a policy")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = access.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(Reader)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Condition, Policy, Principal, Resource};
    use super::*;
    use crate::{GetObject, ListObjects};

    fn bucket() -> Resource {
        Resource::bucket("ap-guangzhou", "examplebucket-1250000000").unwrap()
    }

    fn statement() -> Statement {
        Statement::allow(&bucket()).operation::<GetObject>().principal(Principal::anyone())
    }

    fn value(json: &str) -> Value {
        serde_json::from_str(json).unwrap()
    }

    /// The example of PUT Bucket policy, and the one with a condition of "Condition keys".
    #[test]
    fn the_examples_of_the_reference_are_written() {
        let list = Statement::allow(&bucket())
            .action("name/cos:GetBucket")
            .principal(Principal::user("100000000001", "100000000011").unwrap());
        assert_eq!(
            value(&BucketPolicy::new().statement(list).to_json().unwrap()),
            json!({
                "Statement": [{
                    "Principal": {"qcs": ["qcs::cam::uin/100000000001:uin/100000000011"]},
                    "Effect": "allow",
                    "Action": ["name/cos:GetBucket"],
                    "Resource": ["qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/*"]
                }],
                "version": "2.0"
            })
        );
        let documented = json!({
            "version": "2.0",
            "statement": [{
                "principal": {"qcs": ["qcs::cam::uin/100000000001:uin/100000000002"]},
                "effect": "allow",
                "action": ["name/cos:GetObject"],
                "condition": {"string_equal": {"cos:versionid": "MTg0NDUxNTc1NjIzMTQ1MDAwODg"}},
                "resource": ["qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/*"]
            }]
        });
        let version = Condition::new("string_equal", "cos:versionid", ["MTg0NDUxNTc1NjIzMTQ1MDAwODg"]);
        let get = Statement::allow(&bucket())
            .operation::<GetObject>()
            .principal(Principal::user("100000000001", "100000000002").unwrap())
            .when(version);
        let mut policy = BucketPolicy::from_json(documented.to_string()).unwrap();
        policy.statements = vec![get.into()];
        assert_eq!(value(&policy.to_json().unwrap()), documented);
    }

    #[test]
    fn what_was_read_is_written_back_beside_what_is_added() {
        let strange = r#"{"Effect":"Allow","New":{"a":1,"a":2},"Effect":"deny"}"#;
        let theirs = r#"{"Sid":"x","Principal":"*","Effect":"Deny","Action":"permid/1","Resource":["r"]}"#;
        let read = &format!("{{\"Id\": 1e999, \"Statement\": [ {strange},\n{theirs}],\"Version\":\"2.0\"}}");
        let mut policy = BucketPolicy::from_json(read).unwrap();
        assert_eq!(policy.as_read(), Some(&**read));
        let second = &policy.statements[1];
        assert_eq!(
            (second.sid().as_deref(), second.allows(), second.principals()),
            (Some("x"), Some(false), vec!["*".into()])
        );
        assert_eq!((second.actions(), second.resources()), (vec!["permid/1".to_owned()], vec!["r".to_owned()]));
        policy.statements.push(statement().sid("ours").into());
        let ours = policy.statements[2].to_json().unwrap();
        assert_eq!(
            policy.to_json().unwrap(),
            format!("{{\"Statement\":[{strange},{theirs},{ours}],\"Id\":1e999,\"Version\":\"2.0\"}}")
        );
        assert_eq!(
            ours,
            "{\"Sid\":\"ours\",\"Effect\":\"allow\",\"Principal\":{\"qcs\":[\"qcs::cam::anyone:anyone\"]},\
             \"Action\":[\"name/cos:GetObject\"],\
             \"Resource\":[\"qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/*\"]}"
        );
        let lower = BucketPolicy::from_json(r#"{"statement":{"effect":"allow"}}"#).unwrap().statement(statement());
        let lower = value(&lower.to_json().unwrap());
        assert_eq!(
            (&lower["statement"][0]["effect"], &lower["statement"][1]["effect"]),
            (&json!("allow"), &json!("allow"))
        );
    }

    #[test]
    fn a_statement_tells_what_it_says_whatever_stands_beside() {
        let read = |json: &str| {
            let policy = BucketPolicy::from_json(format!("{{\"Statement\":[{json}]}}")).unwrap();
            let [statement] = <[_; 1]>::try_from(policy.statements).unwrap();
            statement
        };
        let open = r#""Sid":"a","Effect":"allow","Principal":"*","Action":"name/cos:*","Resource":"*""#;
        let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
        for strange in ["1e999", &deep, r#""\ud800""#] {
            let found = read(&format!("{{{open},\"Condition\":{strange}}}"));
            assert_eq!((found.sid().as_deref(), found.allows()), (Some("a"), Some(true)), "{strange}");
            let lists = [found.principals(), found.actions(), found.resources()];
            assert_eq!(lists, [vec!["*"], vec!["name/cos:*"], vec!["*"]], "{strange}");
        }
        for both in [r#""Effect":"deny""#, r#""effect":"Deny""#] {
            assert_eq!(read(&format!("{{{open},{both}}}")).allows(), None, "{both}");
        }
        assert_eq!(read(r#"{"Effect":["allow","deny"]}"#).allows(), None);
        assert_eq!(read(&format!(r#"{{{open},"principal":"b"}}"#)).principals(), ["*", "b"]);
    }

    #[test]
    fn what_cannot_be_a_policy_is_refused() {
        let refused = |policy: BucketPolicy, told: &str| {
            let error = policy.to_json().unwrap_err();
            assert_eq!(error.field(), Some("policy"));
            assert!(error.to_string().contains(told), "{error}");
        };
        refused(BucketPolicy::new(), "has no statement");
        refused(BucketPolicy::from_json(r#"{"Statement":[]}"#).unwrap(), "has no statement");
        let add = |statement| BucketPolicy::new().statement(statement);
        refused(add(Statement::allow(&bucket()).operation::<GetObject>()), "without a principal");
        refused(add(Statement::allow(&bucket()).principal(Principal::anyone())), "has no action");
        refused(add(statement().sid("")), "with an empty name");
        let everything = Statement::deny(&Resource::everything()).action("*").principal(Principal::anyone());
        refused(add(everything), "about more than the bucket");
        let prefix = Resource::prefix("ap-x", "b-1", "a/").unwrap();
        let list = Statement::allow(&prefix).operation::<ListObjects>().principal(Principal::anyone());
        refused(add(list), "is a right on the bucket");
        refused(add(statement().sid("s".repeat(4096))), "COS takes at most 4095");
        let fits = |length: usize| {
            let blanks = " \n".repeat(3000);
            let json = format!(r#"{{"Statement":[{{{blanks}"a\\\"  b": "{}"}}]}}"#, "c".repeat(length));
            BucketPolicy::from_json(&json).unwrap().to_json().is_ok()
        };
        let beside = r#"{"a\\\"  b":""}"#.len();
        assert!(fits(4095 - beside) && !fits(4096 - beside));
        let whole = |length: usize| {
            let texts = ["a".repeat(4000), "b".repeat(4000), "c".repeat(4000), "d".repeat(4000), "e".repeat(4000)];
            let statements: Vec<_> = texts.iter().map(|text| format!("{{\"a\": \"{text}\"}}")).collect();
            let json = format!("{{\"Statement\": [{}], \"version\":\"\"}}", statements.join(",\n"));
            let room = length - compact_length(&json);
            BucketPolicy::from_json(json.replace("version\":\"", &format!("version\":\"{}", "v".repeat(room))))
        };
        assert!(whole(20 * 1024).unwrap().to_json().is_ok());
        refused(whole(20 * 1024 + 1).unwrap(), "is 20481 bytes long; COS takes at most 20480");
        for (no_object, told) in [
            ("\u{feff}{\"Statement\":[{}]}", "begins with a byte order mark"),
            ("\"q-signature=0123\"", "is not a JSON object"),
        ] {
            let error = BucketPolicy::from_json(no_object).unwrap_err().to_string();
            assert!(error.contains(told) && !error.contains("0123"), "{error}");
        }
        for bad in [
            "",
            "[]",
            "{}",
            "{\"Statement\":[1]}",
            "{\"Statement\":\"a\"}",
            "{\"Statement\":[{}],\"statement\":[{}]}",
            "{",
        ] {
            assert_eq!(BucketPolicy::from_json(bad).unwrap_err().field(), Some("policy"), "{bad}");
        }
    }

    #[test]
    fn the_policy_of_a_key_has_no_principal() {
        for statement in [statement(), Statement::allow(&bucket()).operation::<GetObject>().sid("a")] {
            let error = Policy::new().statement(statement.clone()).to_json().unwrap_err();
            assert!(error.to_string().contains("which STS does not take"), "{error}");
            // Nor is it widened by one that has none.
            let both = Policy::new().statement(statement).allow::<GetObject>(&bucket());
            assert!(both.to_json().is_err());
        }
    }
}
