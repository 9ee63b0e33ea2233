//! The policy of a bucket: statements that name whom they are about.
//!
//! Where the documents are silent: a statement is about the bucket itself and its objects or about everything (`*`),
//! and has at least one principal, its own or that of the whole document.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::condition::Conditions;
use super::{BadPolicy, Facts, Once, Question, Resource, Statement, Verdict, Words, Written};
use crate::cam::{Holder, Role};

/// In bytes, of a statement and of all of it; the blanks between are not counted (inferred).
const LONGEST_STATEMENT: usize = 4095;
const LONGEST: usize = 20 * 1024;

#[derive(Debug)]
pub(crate) struct BucketPolicy(Vec<(Vec<Principal>, Statement)>);

/// Whom a statement is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Principal {
    Everybody,
    /// By the id in the long form.
    One(String),
}

/// The document as it is written: every name may begin with a capital, as those of the reference do.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(alias = "Version")]
    version: String,
    #[serde(alias = "Statement")]
    statement: Vec<Box<RawValue>>,
    #[serde(default, alias = "Principal")]
    principal: Option<Principals>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    #[serde(default, rename = "sid", alias = "Sid")]
    _sid: Option<String>,
    #[serde(default, alias = "Principal")]
    principal: Option<Principals>,
    #[serde(alias = "Effect")]
    effect: String,
    #[serde(alias = "Action")]
    action: Words,
    #[serde(alias = "Resource")]
    resource: Words,
    #[serde(default, alias = "Condition")]
    condition: Conditions,
}

/// By kind; `qcs` is the one there is.
type Principals = Once<Words>;

impl BucketPolicy {
    /// Reads the policy of a bucket.
    pub(crate) fn parse(text: &str, bucket: &str, region: &str) -> Result<Self, BadPolicy> {
        let document: Document = serde_json::from_str(text).map_err(BadPolicy::format)?;
        if length(text)? > LONGEST {
            return Err(BadPolicy::format(format!("it is longer than {LONGEST} bytes")));
        }
        if document.version != "2.0" {
            return Err(BadPolicy::format("the version is not 2.0"));
        }
        if document.statement.is_empty() {
            return Err(BadPolicy::format("it has no statement"));
        }
        let of_all = document.principal.as_ref().map(read_principals).transpose()?;
        let read = |json: Box<RawValue>| {
            let said: Said = serde_json::from_str(json.get()).map_err(BadPolicy::format)?;
            if length(json.get())? > LONGEST_STATEMENT {
                return Err(BadPolicy::format(format!("a statement is longer than {LONGEST_STATEMENT} bytes")));
            }
            let own = said.principal.as_ref().map(read_principals).transpose()?;
            let principals = own.or_else(|| of_all.clone());
            let principals = principals.ok_or_else(|| BadPolicy::format("a statement has no principal"))?;
            let Said { effect, action, resource, condition, .. } = said;
            if action.read("action", |word| Ok(word.starts_with("permid/")))?.contains(&true) {
                return Err(BadPolicy::not_played("sets of actions by number (permid)"));
            }
            let written = Written { effect: effect.to_ascii_lowercase(), action, resource, condition };
            let owns = |appid: &str| bucket.rsplit_once('-').is_some_and(|(_, own)| own == appid);
            let statement = Statement::read(&written, &owns)?;
            if !statement.resources.iter().all(|resource| resource.lies_in(bucket, region)) {
                return Err(BadPolicy::format("a resource is not of this bucket"));
            }
            Ok((principals, statement))
        };
        document.statement.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// What is said of somebody; `None` is somebody without a key. Denied to everybody is denied to those without a
    /// key: who has one is judged by what is said of him.
    pub(crate) fn judge(&self, who: Option<&Holder>, questions: &[Question<'_>], facts: &Facts) -> Verdict {
        let id = who.map(Holder::principal);
        let about = |(principals, statement): &&(Vec<Principal>, Statement)| {
            principals.iter().any(|principal| match principal {
                Principal::Everybody => id.is_none() || statement.allow,
                Principal::One(one) => Some(one) == id.as_ref(),
            })
        };
        Verdict::together(questions.iter().map(|question| {
            let said = self.0.iter().filter(about).map(|(_, statement)| statement);
            Verdict::of(said.filter(|it| it.speaks_of(question, facts)).map(|statement| statement.allow))
        }))
    }
}

impl Resource {
    fn lies_in(&self, bucket: &str, at: &str) -> bool {
        match self {
            Self::Everything => true,
            Self::Cos { region, path, .. } => {
                let name = path.text.split_once('/').map(|(name, _)| name);
                name == Some(bucket) && region.as_deref().is_none_or(|region| region == at)
            }
            Self::Foreign => false,
        }
    }
}

fn length(json: &str) -> Result<usize, BadPolicy> {
    let value: serde_json::Value = serde_json::from_str(json).map_err(BadPolicy::format)?;
    Ok(value.to_string().len())
}

fn read_principals(written: &Principals) -> Result<Vec<Principal>, BadPolicy> {
    match written.0.iter().next() {
        Some((kind, words)) if kind == "qcs" && written.0.len() == 1 => words.read("principal", Principal::read),
        _ => Err(BadPolicy::format("a principal is {\"qcs\": [...]}")),
    }
}

impl Principal {
    fn read(text: &str) -> Result<Self, BadPolicy> {
        let bad = || BadPolicy::format(format!("{text} is no principal such as qcs::cam::uin/1:uin/2"));
        let rest = match text {
            "*" => return Ok(Self::Everybody),
            _ => text.strip_prefix("qcs::cam::").ok_or_else(bad)?,
        };
        if ["anyone:anyone", "anonymous:anonymous"].contains(&rest) {
            return Ok(Self::Everybody);
        }
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let (owner, own) = rest.strip_prefix("uin/").and_then(|rest| rest.split_once(':')).ok_or_else(bad)?;
        let own = match own.split_once('/') {
            None if own == "root" => format!("uin/{owner}"),
            Some(("uin", user)) if digits(user) => own.to_owned(),
            Some(("role" | "roleId", id)) if digits(id) => format!("roleId/{id}"),
            Some(("groupid", id)) if digits(id) => return Err(BadPolicy::not_played("groups of users")),
            Some(("roleName", name)) if !name.is_empty() => format!("roleId/{}", Role::new(name).id()),
            _ => return Err(bad()),
        };
        if digits(owner) { Ok(Self::One(format!("qcs::cam::uin/{owner}:{own}"))) } else { Err(bad()) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Rights, Target};
    use super::*;

    const BUCKET: &str = "pics-1250000000";
    const ALL: &str = "qcs::cos:ap-guangzhou:uid/1250000000:pics-1250000000/*";

    fn parse(text: &str) -> Result<BucketPolicy, BadPolicy> {
        BucketPolicy::parse(text, BUCKET, "ap-guangzhou")
    }

    /// As the reference prints it.
    fn document(effect: &str, principal: &str, path: &str) -> String {
        format!(
            r#"{{"Statement":[{{"Principal":{{"qcs":["{principal}"]}},"Effect":"{effect}","Action":["name/cos:GetObject"],"Resource":["{}"]}}],"version":"2.0"}}"#,
            ALL.replace('*', path)
        )
    }

    fn verdict(policy: &BucketPolicy, who: Option<&Holder>, key: &str) -> Verdict {
        let target = Target::Bucket { bucket: BUCKET, region: "ap-guangzhou", key };
        policy.judge(who, &[Question { action: "name/cos:GetObject", target }], &Facts::default())
    }

    #[test]
    fn a_statement_is_about_its_principals() {
        let (root, user) = (Holder::root(Rights::default()), Holder::sub_account(11, Rights::default()));
        let other = Holder::other_account(0);
        for (principal, about) in [
            ("qcs::cam::uin/100000000001:uin/100000000001", [true, false, false, false]),
            ("qcs::cam::uin/100000000001:root", [true, false, false, false]),
            ("qcs::cam::uin/100000000001:uin/100000000111", [false, true, false, false]),
            ("qcs::cam::uin/100000000002:uin/100000000002", [false, false, true, false]),
            ("qcs::cam::anyone:anyone", [true; 4]),
            ("qcs::cam::anonymous:anonymous", [true; 4]),
            ("*", [true; 4]),
        ] {
            let policy = parse(&document("Allow", principal, "a/*")).unwrap();
            for (who, about) in [Some(&root), Some(&user), Some(&other), None].into_iter().zip(about) {
                let expected = if about { Verdict::Allowed } else { Verdict::Silent };
                assert_eq!(verdict(&policy, who, "a/b"), expected, "{principal} {who:?}");
                assert_eq!(verdict(&policy, who, "b"), Verdict::Silent);
            }
        }
        // "If the sub-account requests without a signature, it is denied", says the reference, and not with one.
        let policy = parse(&document("Deny", "qcs::cam::anyone:anyone", "*")).unwrap();
        assert_eq!(
            (verdict(&policy, Some(&user), "a"), verdict(&policy, None, "a")),
            (Verdict::Silent, Verdict::Denied)
        );
    }

    #[test]
    fn both_documented_spellings_are_read_and_what_nobody_could_check_is_refused() {
        let good = document("allow", "qcs::cam::uin/1:uin/2", "*");
        parse(&good).unwrap();
        let lower =
            good.replace("Statement", "statement").replace("Principal", "principal").replace("Effect", "effect");
        let lower = lower.replace("Action", "action").replace("Resource", "resource").replace("version", "Version");
        parse(&lower).unwrap();
        // A principal of the whole.
        let above = good.replace(r#""Principal":{"qcs":["qcs::cam::uin/1:uin/2"]},"#, "");
        parse(&above.replace(r#","version""#, r#","principal":{"qcs":["qcs::cam::uin/1:uin/2"]},"version""#)).unwrap();
        parse(&good.replace(r#""Effect""#, r#""Sid":"a","Effect""#)).unwrap();
        for bad in [
            above,
            good.replace("2.0", "1.0"),
            good.replace("qcs::cam::uin/1:uin/2", "qcs::cam::uin/1:uin/*"),
            good.replace("qcs::cam::uin/1:uin/2", "1"),
            good.replace("\"qcs\"", "\"AWS\""),
            good.replace("\"qcs\"", "\"qcs\":\"qcs::cam::uin/3:uin/4\",\"qcs\""),
            good.replace("\"allow\"", "\"permit\""),
            good.replace("name/cos:", "cos:"),
            good.replace("pics-1250000000/", "other-1250000000/"),
            good.replace("pics-1250000000/", "pics-12500"),
            good.replace("ap-guangzhou", "ap-beijing"),
            good.replace("uid/1250000000", "uid/1250000001"),
            good.replace(r#""Effect""#, r#""New":1,"Effect""#),
            good.replace(r#""Effect""#, &format!(r#""Sid":"{}","Effect""#, "s".repeat(4096))),
            r#"{"Statement":[],"version":"2.0"}"#.to_owned(),
            r#"{"version":"2.0"}"#.to_owned(),
            "<xml/>".to_owned(),
        ] {
            assert!(parse(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_policy_has_at_most_20_kilobytes() {
        let good = document("allow", "qcs::cam::uin/1:uin/2", "*").replace(r#""Effect""#, r#""Sid":"a","Effect""#);
        let (start, rest) = good.split_at(good.find('{').unwrap() + r#"{"Statement":["#.len());
        let (statement, end) = rest.split_at(rest.rfind(']').unwrap());
        let long = statement.replace(r#""Sid":"a""#, &format!(r#""Sid":"{}""#, "a".repeat(3800)));
        let whole = |last: usize| {
            let last = statement.replace(r#""Sid":"a""#, &format!(r#""Sid":"{}""#, "b".repeat(last)));
            format!("{start}{},\n\t {last}{end}", [&*long; 5].join(","))
        };
        let room = LONGEST - (whole(0).len() - "\n\t ".len());
        assert!(parse(&whole(room)).is_ok());
        assert!(parse(&whole(room + 1)).unwrap_err().message.contains("longer than 20480 bytes"));
    }
}
