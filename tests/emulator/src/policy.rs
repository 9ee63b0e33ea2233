//! Policies of access management, version 2.0: read strictly, judged as documented.
//!
//! Where the documents are silent, this file decides, and says so beside the code: a `*` stands at the end of an action or
//! a resource and nowhere else, and a policy has at most 6144 characters.

mod bucket;
mod condition;
mod once;

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;

use crate::address::is_region_name;
use condition::{Condition, Conditions};
use once::Once;

pub(crate) use bucket::BucketPolicy;
pub(crate) use condition::Facts;

/// The limit that access management states for a policy of its own; STS states none.
const LONGEST: usize = 6144;

/// What statements allow and deny.
#[derive(Debug)]
pub(crate) struct Policy(Vec<Statement>);

#[derive(Debug)]
struct Statement {
    allow: bool,
    actions: Vec<Pattern>,
    resources: Vec<Resource>,
    conditions: Vec<Condition>,
}

/// What somebody wants to do, and to what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'a> {
    /// As policies write it: `name/cos:GetObject`.
    pub(crate) action: &'a str,
    pub(crate) target: Target<'a>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Target<'a> {
    /// The account as a whole.
    Account,
    /// A bucket, if the key is empty, or an object.
    Bucket { bucket: &'a str, region: &'a str, key: &'a str },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Allowed,
    Denied,
    Silent,
}

/// Why a policy cannot be taken: the second half of an error code of STS, and a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BadPolicy {
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl BadPolicy {
    fn format(message: impl fmt::Display) -> Self {
        Self { code: "StrategyFormatError", message: format!("The policy is malformed: {message}.") }
    }

    /// Of something that the documents have and that is not played here.
    fn not_played(what: &str) -> Self {
        Self { code: Self::NOT_PLAYED, message: what.to_owned() }
    }

    pub(crate) const NOT_PLAYED: &str = "NotImplemented";

    fn resource(text: &str, message: &str) -> Self {
        // Spelled as it is served.
        Self { code: "ResouceError", message: format!("The resource {text} {message}.") }
    }
}

/// The document as it is written. Serde refuses what is unknown and what is given twice.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: String,
    statement: Vec<Written>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    effect: String,
    action: Words,
    resource: Words,
    #[serde(default)]
    condition: Conditions,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Words {
    One(String),
    Many(Vec<String>),
}

impl Words {
    fn read<T>(&self, name: &str, read: impl Fn(&str) -> Result<T, BadPolicy>) -> Result<Vec<T>, BadPolicy> {
        let words = match self {
            Self::One(word) => std::slice::from_ref(word),
            Self::Many(words) if words.is_empty() => return Err(BadPolicy::format(format!("{name} is empty"))),
            Self::Many(words) => words,
        };
        words.iter().map(|word| read(word)).collect()
    }
}

impl Policy {
    /// Reads a policy. `owns` says which APPIDs are the account's: nobody grants what is another's.
    pub(crate) fn parse(text: &str, owns: &dyn Fn(&str) -> bool) -> Result<Self, BadPolicy> {
        if text.chars().count() > LONGEST {
            let message = format!("The policy is longer than {LONGEST} characters.");
            return Err(BadPolicy { code: "PolicyTooLong", message });
        }
        let document: Document = serde_json::from_str(text).map_err(BadPolicy::format)?;
        if document.version != "2.0" {
            return Err(BadPolicy::format("the version is not 2.0"));
        }
        if document.statement.is_empty() {
            return Err(BadPolicy::format("it has no statement"));
        }
        document.statement.iter().map(|written| Statement::read(written, owns)).collect::<Result<_, _>>().map(Self)
    }

    /// A denial wins, whatever is allowed elsewhere.
    fn judge(&self, question: &Question<'_>, facts: &Facts) -> Verdict {
        let said = self.0.iter().filter(|statement| statement.speaks_of(question, facts));
        Verdict::of(said.map(|statement| statement.allow))
    }
}

impl Verdict {
    fn of(said: impl Iterator<Item = bool>) -> Self {
        let mut verdict = Self::Silent;
        for allowed in said {
            if !allowed {
                return Self::Denied;
            }
            verdict = Self::Allowed;
        }
        verdict
    }

    /// Of several questions that stand for one request: one allowed and none denied is allowed.
    fn together(verdicts: impl Iterator<Item = Self>) -> Self {
        Self::of(verdicts.filter(|verdict| *verdict != Self::Silent).map(|verdict| verdict == Self::Allowed))
    }
}

impl Statement {
    fn read(written: &Written, owns: &dyn Fn(&str) -> bool) -> Result<Self, BadPolicy> {
        Ok(Self {
            allow: match written.effect.as_str() {
                "allow" => true,
                "deny" => false,
                _ => return Err(BadPolicy::format("the effect is neither allow nor deny")),
            },
            actions: written.action.read("action", read_action)?,
            resources: written.resource.read("resource", |text| Resource::read(text, owns))?,
            conditions: condition::read(&written.condition)?,
        })
    }

    fn speaks_of(&self, question: &Question<'_>, facts: &Facts) -> bool {
        self.actions.iter().any(|action| action.matches(question.action))
            && self.resources.iter().any(|resource| resource.covers(&question.target))
            && self.conditions.iter().all(|condition| condition.holds(facts))
    }
}

/// `name/SERVICE:ACTION`, case and all, or everything.
fn read_action(text: &str) -> Result<Pattern, BadPolicy> {
    let word = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let known = |text: &str| {
        let (service, action) = text.strip_prefix("name/")?.split_once(':')?;
        let action = action.strip_suffix('*').unwrap_or(action);
        (word(service) && (action.is_empty() || word(action))).then_some(())
    };
    if text != "*" && (known(text).is_none() || text.ends_with(':')) {
        return Err(BadPolicy::format(format!("{text} is no action such as name/cos:GetObject")));
    }
    Ok(Pattern::new(text))
}

/// A text, or the beginning of one if it ended in a `*`.
#[derive(Clone, Debug)]
struct Pattern {
    text: String,
    open: bool,
}

impl Pattern {
    fn new(text: &str) -> Self {
        let beginning = text.strip_suffix('*');
        Self { text: beginning.unwrap_or(text).to_owned(), open: beginning.is_some() }
    }

    fn matches(&self, text: &str) -> bool {
        if self.open { text.starts_with(&self.text) } else { text == self.text }
    }
}

/// `qcs::cos:REGION:uid/APPID:BUCKET/KEY`, or everything.
#[derive(Debug)]
enum Resource {
    Everything,
    Cos {
        /// `None` for all of them.
        region: Option<String>,
        appid: String,
        path: Pattern,
    },
    /// Of a service that is not played here.
    Foreign,
}

impl Resource {
    fn read(text: &str, owns: &dyn Fn(&str) -> bool) -> Result<Self, BadPolicy> {
        if text == "*" {
            return Ok(Self::Everything);
        }
        let bad = |message| BadPolicy::resource(text, message);
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let &["qcs", "", service, region, account, path] = parts.as_slice() else {
            return Err(bad("is not qcs::SERVICE:REGION:ACCOUNT:PATH"));
        };
        if service != "cos" {
            return Ok(Self::Foreign);
        }
        let appid = account.strip_prefix("uid/").filter(|appid| appid.bytes().all(|byte| byte.is_ascii_digit()));
        let appid = appid.filter(|appid| !appid.is_empty()).ok_or_else(|| bad("names no account as uid/APPID"))?;
        if !owns(appid) {
            let message = format!("The resource {text} belongs to another account.");
            return Err(BadPolicy { code: "GrantOtherResource", message });
        }
        let region = match region {
            "" | "*" => None,
            region if is_region_name(region) => Some(region.to_owned()),
            _ => return Err(bad("names no region")),
        };
        let path = Pattern::new(path);
        if path.text.contains('*') {
            return Err(bad("has a * before its end"));
        }
        if path.text.starts_with("prefix//") || path.text.is_empty() && !path.open || path.text.starts_with('/') {
            return Err(bad("names no bucket as BUCKET-APPID"));
        }
        Ok(Self::Cos { region, appid: appid.to_owned(), path })
    }

    fn covers(&self, target: &Target<'_>) -> bool {
        match (self, target) {
            (Self::Everything, _) => true,
            (Self::Cos { region, appid, path }, Target::Bucket { bucket, region: at, key }) => {
                let owner = bucket.rsplit_once('-').map(|(_, appid)| appid);
                region.as_deref().is_none_or(|region| region == *at)
                    && owner == Some(appid.as_str())
                    && path.matches(&format!("{bucket}/{key}"))
            }
            _ => false,
        }
    }
}

/// What somebody may in the own account: all of it unless there is a policy. And within what, with a temporary key: the
/// policies of a session must all allow whatever is done with it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rights {
    own: Option<Arc<Policy>>,
    sessions: Vec<Arc<Policy>>,
}

impl Rights {
    pub(crate) fn new(own: Option<Arc<Policy>>) -> Self {
        Self { own, sessions: Vec::new() }
    }

    /// Less or the same: what this policy of a session allows of it.
    pub(crate) fn within(mut self, session: Option<Arc<Policy>>) -> Self {
        self.sessions.extend(session);
        self
    }

    /// Of the own account. What a session does not allow is denied, whoever else allows it.
    pub(crate) fn judge(&self, questions: &[Question<'_>], facts: &Facts) -> Verdict {
        let judge =
            |policy: &Arc<Policy>| Verdict::together(questions.iter().map(|question| policy.judge(question, facts)));
        if self.sessions.iter().any(|session| judge(session) != Verdict::Allowed) {
            return Verdict::Denied;
        }
        self.own.as_ref().map_or(Verdict::Allowed, judge)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Policy, BadPolicy> {
        Policy::parse(text, &|appid| appid == "1250000000")
    }

    fn statement(effect: &str, action: &str, resource: &str) -> String {
        format!(r#"{{"effect":"{effect}","action":["name/cos:{action}"],"resource":["{resource}"]}}"#)
    }

    fn policy(statements: &[String]) -> Rights {
        let text = format!(r#"{{"version":"2.0","statement":[{}]}}"#, statements.join(","));
        Rights::new(Some(Arc::new(parse(&text).unwrap())))
    }

    fn allows(rights: &Rights, action: &str, key: &str) -> bool {
        let target = Target::Bucket { bucket: "pics-1250000000", region: "ap-guangzhou", key };
        let question = Question { action: &format!("name/cos:{action}"), target };
        rights.judge(&[question], &Facts::default()) == Verdict::Allowed
    }

    const HERE: &str = "qcs::cos:ap-guangzhou:uid/1250000000:pics-1250000000";

    #[test]
    fn a_prefix_covers_what_is_behind_it_and_an_exact_key_nothing_else() {
        let rights = policy(&[statement("allow", "GetObject", &format!("{HERE}/up/*"))]);
        assert!(allows(&rights, "GetObject", "up/a/b") && allows(&rights, "GetObject", "up/"));
        for (action, key) in [("GetObject", "up"), ("GetObject", "other"), ("PutObject", "up/a"), ("getobject", "up/a")]
        {
            assert!(!allows(&rights, action, key), "{action} {key}");
        }
        let exact = policy(&[statement("allow", "Get*", &format!("{HERE}/a:b"))]);
        assert!(allows(&exact, "GetObject", "a:b") && !allows(&exact, "GetObject", "a:bc"));
        let elsewhere =
            policy(&[statement("allow", "*", &HERE.replace("guangzhou", "beijing").replace("pics-1250000000", "*"))]);
        assert!(!allows(&elsewhere, "GetObject", "k"));
    }

    #[test]
    fn a_bucket_is_its_name_and_a_slash() {
        for (path, covered) in [("/", true), ("/*", true), ("*", true), ("", false), ("/x*", false)] {
            let rights = policy(&[statement("allow", "GetBucket", &format!("{HERE}{path}"))]);
            assert_eq!(allows(&rights, "GetBucket", ""), covered, "{path}");
        }
        let account = Question { action: "name/cos:GetService", target: Target::Account };
        let all = policy(&[statement("allow", "GetService", "*")]);
        assert_eq!(all.judge(&[account], &Facts::default()), Verdict::Allowed);
        let buckets = policy(&[statement("allow", "GetService", "qcs::cos::uid/1250000000:*")]);
        assert_eq!(buckets.judge(&[account], &Facts::default()), Verdict::Silent);
    }

    #[test]
    fn a_denial_wins_and_rights_are_an_intersection() {
        let (all, some) = (format!("{HERE}/*"), format!("{HERE}/secret/*"));
        let rights = policy(&[statement("deny", "*", &some), statement("allow", "*", &all)]);
        assert!(allows(&rights, "GetObject", "k") && !allows(&rights, "GetObject", "secret/k"));
        let session = parse(&format!(
            r#"{{"version":"2.0","statement":[{}]}}"#,
            statement("allow", "GetObject", &format!("{HERE}/secret/*"))
        ));
        let both = rights.clone().within(Some(Arc::new(session.unwrap())));
        assert!(!allows(&both, "GetObject", "k") && !allows(&both, "GetObject", "secret/k"));
        assert!(allows(&Rights::default(), "Anything", "k"));
    }

    #[test]
    fn what_is_not_in_the_grammar_is_refused() {
        let good =
            format!(r#"{{"version":"2.0","statement":[{}]}}"#, statement("allow", "GetObject", &format!("{HERE}/*")));
        assert!(parse(&good).is_ok());
        let refused = |text: String| parse(&text).unwrap_err().code;
        for (from, to) in [
            (r#""version":"2.0""#, r#""version":"1.0""#),
            (r#""version":"2.0","#, ""),
            (r#""statement""#, r#""Statement""#),
            (r#""effect""#, r#""principal":{"qcs":"*"},"effect""#),
            (r#""effect":"allow""#, r#""effect":"Allow""#),
            (r#""effect":"allow""#, r#""effect":"allow","effect":"deny""#),
            ("name/cos:GetObject", "cos:GetObject"),
            ("name/cos:GetObject", "name/cos:"),
            (r#"["name/cos:GetObject"]"#, "[]"),
            (r#""resource""#, r#""condition":{"date_less_than":{"qcs:ip":"1.2.3.4"}},"resource""#),
            (r#""resource""#, r#""condition":{"ip_equal":{"qcs:ip":"::1"},"ip_equal":{}},"resource""#),
            (r#""resource""#, r#""condition":{"ip_equal":{"qcs:ip":"::1","qcs:ip":"::2"}},"resource""#),
            ("]}]}", "]}]"),
        ] {
            assert_ne!(good.replace(from, to), good, "{from}");
            assert_eq!(refused(good.replace(from, to)), "StrategyFormatError", "{to}");
        }
        for resource in ["qcs::cos:ap-guangzhou:uid/:b-1/*", "cos:b", "b-1250000000/*", "qcs::cos:A:uid/1250000000:b/*"]
        {
            assert_eq!(refused(good.replace(&format!("{HERE}/*"), resource)), "ResouceError", "{resource}");
        }
        assert_eq!(refused(good.replace("pics-1250000000/*", "pics-1250000000/*/x")), "ResouceError");
        assert_eq!(refused(good.replace("uid/1250000000", "uid/1250000001")), "GrantOtherResource");
        assert_eq!(refused(good.replace("/*", &"x".repeat(LONGEST))), "PolicyTooLong");
    }
}
