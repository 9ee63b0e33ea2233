//! `cos replication`.

use std::fmt::Write as _;
use std::str::FromStr;

use clap::Args;
use serde_json::{Value, json};
use tencent_cos::{
    BucketName, DeleteBucketReplication, GetBucketReplication, PutBucketReplication, Region, ReplicationConfiguration,
    ReplicationDestination, ReplicationRule, StorageClass,
};

use crate::failure::{Failure, Outcome};
use crate::output::objects;
use crate::session::Session;
use crate::url::BucketUrl;

pub const EXAMPLES: &str = "\
Examples:
  cos replication cos://examplebucket-1250000000
  cos replication cos://examplebucket-1250000000 --to b-1250000000@ap-beijing
  cos replication cos://examplebucket-1250000000 --remove";

/// Show to which buckets COS copies new objects of a bucket, or add one
///
/// Both buckets keep versions. What is there already is not copied.
#[derive(Debug, Args)]
pub struct Replication {
    /// cos://BUCKET-APPID
    #[arg(value_name = "BUCKET")]
    url: BucketUrl,
    /// Copy to this bucket, too
    #[arg(long, value_name = "BUCKET-APPID@REGION")]
    to: Option<There>,
    /// Who sets it up, with the numbers of the account and of the user; said with the first rule
    #[arg(long, value_name = "qcs::cam::uin/OWNER:uin/USER", requires = "to")]
    role: Option<String>,
    /// Only objects whose keys begin so
    #[arg(long, value_name = "PREFIX", requires = "to")]
    prefix: Option<String>,
    /// Copy no delete markers
    #[arg(long, requires = "to")]
    no_delete_markers: bool,
    /// Copy nothing any more
    #[arg(long, conflicts_with_all = ["to", "role", "prefix", "no_delete_markers"])]
    remove: bool,
}

#[derive(Clone, Debug)]
struct There(Region, BucketName);

impl FromStr for There {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (bucket, region) = text.split_once('@').ok_or("is not of the form BUCKET-APPID@REGION")?;
        let bucket = bucket.parse().map_err(|error: tencent_cos::Error| error.to_string())?;
        Ok(Self(region.parse().map_err(|error: tencent_cos::Error| error.to_string())?, bucket))
    }
}

pub async fn run(session: &Session, asked: Replication) -> Outcome {
    let bucket = session.bucket(&asked.url.0)?;
    let mut output = session.output();
    if asked.remove {
        let removed = session.send(&bucket, DeleteBucketReplication::new()).await?;
        let json = || json!({ "action": "remove", "request_id": removed.request_id() });
        let url = &asked.url;
        output.line(json, format_args!("nothing of {url} is copied (request id {})", removed.request_id()))?;
        return output.finish();
    }
    let found = session.send(&bucket, GetBucketReplication::new()).await?;
    let replication = if let Some(There(region, to)) = asked.to {
        let mut replication = found.unwrap_or_else(|| ReplicationConfiguration::new("", []));
        if let Some(role) = asked.role {
            replication.role = role;
        } else if replication.rules.is_empty() {
            return Err(Failure::usage("there is no rule yet: the first one needs --role"));
        }
        let mut rule = ReplicationRule::new(ReplicationDestination::new(&region, &to));
        rule.prefix = asked.prefix;
        if asked.no_delete_markers {
            rule = rule.delete_markers(false);
        }
        replication.rules.push(rule);
        session.send(&bucket, PutBucketReplication::new(replication.clone())).await?;
        Some(replication)
    } else {
        found
    };
    if let Some(replication) = replication {
        for rule in &replication.rules {
            output.line(|| told(&replication, rule), line(rule))?;
        }
    }
    output.finish()
}

fn told(replication: &ReplicationConfiguration, rule: &ReplicationRule) -> Value {
    let tags: serde_json::Map<_, _> = rule.tags.iter().map(|(key, value)| (key.to_owned(), json!(value))).collect();
    let there = rule.destination.as_ref();
    json!({
        "type": "rule",
        "role": replication.role,
        "id": rule.id,
        "enabled": rule.enabled,
        "priority": rule.priority,
        "prefix": rule.prefix,
        "tags": tags,
        "bucket": there.map(|there| there.bucket.as_str()),
        "region": there.map(|there| there.region.as_str()),
        "storage_class": there.and_then(|there| there.storage_class.as_ref()).map(StorageClass::as_str),
        "kms_key_id": there.and_then(|there| there.kms_key_id.as_ref()),
        "delete_markers": rule.delete_markers,
        "kms_encrypted": rule.kms_encrypted,
        "unknown": rule.unknown().chain(replication.unknown()).collect::<Vec<_>>(),
    })
}

fn line(rule: &ReplicationRule) -> String {
    let mut line = objects(rule.prefix.as_deref(), &rule.tags);
    match &rule.destination {
        Some(there) => {
            let _ = write!(line, " to {} in {}", there.bucket.as_str(), there.region.as_str());
        }
        None => line.push_str(" to ?"),
    }
    if rule.delete_markers == Some(false) {
        line.push_str(", no delete markers");
    }
    let unknown: Vec<_> = rule.unknown().collect();
    if !unknown.is_empty() {
        let _ = write!(line, ", and {}", unknown.join(" "));
    }
    if rule.enabled { line } else { format!("not in force: {line}") }
}
