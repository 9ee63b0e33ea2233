//! `cos domain`.

use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use tencent_cos::{
    DeleteBucketDomain, DomainConfiguration, DomainRule, DomainType, ForcedReplacement, GetBucketDomain,
    PutBucketDomain,
};

use crate::failure::{Failure, Outcome};
use crate::session::Session;
use crate::url::BucketUrl;

pub const EXAMPLES: &str = "\
Examples:
  cos domain cos://examplebucket-1250000000
  cos domain cos://examplebucket-1250000000 --add cdn.example.com
  cos domain cos://examplebucket-1250000000 --add www.example.com --to website
  cos domain cos://examplebucket-1250000000 --delete cdn.example.com
  cos domain cos://examplebucket-1250000000 --remove";

/// Show the custom domains of a bucket, add one or remove them
///
/// Before one is added, a CNAME record of it names the host that COS has for the bucket.
#[derive(Debug, Args)]
pub struct Domain {
    /// cos://BUCKET-APPID
    #[arg(value_name = "BUCKET")]
    url: BucketUrl,
    /// Add this domain, or change where it leads
    #[arg(long, value_name = "DOMAIN")]
    add: Option<String>,
    /// Where it leads; unless said, where it led before, or to the bucket
    #[arg(long, value_name = "WHERE", value_enum, requires = "add")]
    to: Option<To>,
    /// Take it from the bucket that has it; this record says that it is yours
    #[arg(long, value_name = "RECORD", value_enum, requires = "add")]
    force: Option<Record>,
    /// Remove this domain
    #[arg(long, value_name = "DOMAIN", conflicts_with_all = ["add", "to", "force"])]
    delete: Option<String>,
    /// Remove all of them
    #[arg(long, conflicts_with_all = ["add", "delete", "to", "force"])]
    remove: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum To {
    Bucket,
    Website,
    Accelerate,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Record {
    Cname,
    Txt,
}

pub async fn run(session: &Session, asked: Domain) -> Outcome {
    let Domain { url, add, to, force, delete, remove } = asked;
    let bucket = session.bucket(&url.0)?;
    let mut output = session.output();
    if remove {
        let removed = session.send(&bucket, DeleteBucketDomain::new()).await?;
        let json = || json!({ "action": "remove", "request_id": removed.request_id() });
        output.line(json, format_args!("{url} has no domain (request id {})", removed.request_id()))?;
        return output.finish();
    }
    let mut found = session.send(&bucket, GetBucketDomain::new()).await?;
    if let Some(name) = add {
        let mut domains = found.unwrap_or_default();
        match domains.rules.iter_mut().find(|rule| rule.name.eq_ignore_ascii_case(&name)) {
            Some(rule) => {
                rule.enabled = true;
                rule.domain_type = to.map_or(rule.domain_type, Into::into);
            }
            None => domains.rules.push(DomainRule::new(&name, to.unwrap_or(To::Bucket).into())),
        }
        if let Some(rule) = domains.rules.iter_mut().find(|rule| rule.name.eq_ignore_ascii_case(&name)) {
            rule.forced_replacement = force.map(Into::into);
        }
        session.send(&bucket, PutBucketDomain::new(domains.clone())).await?;
        found = Some(domains);
    }
    if let Some(name) = delete {
        let mut domains = found.unwrap_or_default();
        let before = domains.rules.len();
        domains.rules.retain(|rule| !rule.name.eq_ignore_ascii_case(&name));
        if domains.rules.len() == before {
            return Err(Failure::failed(format!("{name} is no domain of {url}")));
        }
        // COS takes no list without a domain.
        found = if domains.rules.is_empty() && domains.unknown().next().is_none() {
            session.send(&bucket, DeleteBucketDomain::new()).await?;
            None
        } else {
            session.send(&bucket, PutBucketDomain::new(domains.clone())).await?;
            Some(domains)
        };
    }
    if let Some(domains) = found {
        output.lines(|| told(&domains), &text(&domains))?;
    }
    output.finish()
}

impl From<To> for DomainType {
    fn from(to: To) -> Self {
        match to {
            To::Bucket => Self::Rest,
            To::Website => Self::Website,
            To::Accelerate => Self::Accelerate,
        }
    }
}

impl From<Record> for ForcedReplacement {
    fn from(record: Record) -> Self {
        match record {
            Record::Cname => Self::Cname,
            Record::Txt => Self::Txt,
        }
    }
}

fn told(domains: &DomainConfiguration) -> Value {
    let rule = |rule: &DomainRule| {
        json!({
            "name": rule.name,
            "enabled": rule.enabled,
            "to": rule.domain_type.as_str(),
            "unknown": rule.unknown().collect::<Vec<_>>(),
        })
    };
    json!({
        "type": "domains",
        "domains": domains.rules.iter().map(rule).collect::<Vec<_>>(),
        "txt_verification": domains.txt_verification,
        "unknown": domains.unknown().collect::<Vec<_>>(),
    })
}

fn text(domains: &DomainConfiguration) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for rule in &domains.rules {
        let to = match rule.domain_type {
            DomainType::Rest => "the bucket",
            DomainType::Website => "its website",
            DomainType::Accelerate => "the bucket, accelerated",
            other => other.as_str(),
        };
        let unknown: Vec<_> = rule.unknown().collect();
        let and = if unknown.is_empty() { String::new() } else { format!(", and {}", unknown.join(" ")) };
        let off = if rule.enabled { "" } else { ", not in use" };
        lines.push((rule.name.clone(), format!("{to}{off}{and}")));
    }
    if let Some(proof) = &domains.txt_verification {
        lines.push(("TXT".to_owned(), proof.clone()));
    }
    let unknown: Vec<_> = domains.unknown().collect();
    if !unknown.is_empty() {
        lines.push(("and".to_owned(), unknown.join(" ")));
    }
    lines
}
