//! `cos lifecycle`.

use std::fmt::Write as _;

use clap::Args;
use serde_json::{Value, json};
use tencent_cos::{
    DeleteBucketLifecycle, GetBucketLifecycle, LifecycleExpiration, LifecycleFilter, LifecycleRule, LifecycleTime,
    PutBucketLifecycle,
};

use crate::failure::Outcome;
use crate::output::time_text;
use crate::rules::put;
use crate::session::Session;
use crate::url::BucketUrl;

pub const EXAMPLES: &str = "\
Examples:
  cos lifecycle cos://examplebucket-1250000000
  cos lifecycle cos://examplebucket-1250000000 --abort-uploads 7
  cos lifecycle cos://examplebucket-1250000000 --remove";

/// Show what COS does by itself with old objects and uploads of a bucket, or change it
#[derive(Debug, Args)]
pub struct Lifecycle {
    /// cos://BUCKET-APPID
    #[arg(value_name = "BUCKET")]
    url: BucketUrl,
    /// Add a rule that gives up uploads which are not completed after so many days. It takes the place of one that does
    /// so after other days
    #[arg(long, value_name = "DAYS")]
    abort_uploads: Option<u32>,
    /// Remove all rules
    #[arg(long, conflicts_with = "abort_uploads")]
    remove: bool,
}

pub async fn run(session: &Session, Lifecycle { url, abort_uploads, remove }: Lifecycle) -> Outcome {
    let bucket = session.bucket(&url.0)?;
    let mut output = session.output();
    if remove {
        let removed = session.send(&bucket, DeleteBucketLifecycle::new()).await?;
        let json = || json!({ "action": "remove", "request_id": removed.request_id() });
        output.line(json, format_args!("COS does nothing by itself in {url} (request id {})", removed.request_id()))?;
        return output.finish();
    }
    let mut lifecycle = session.send(&bucket, GetBucketLifecycle::new()).await?.unwrap_or_default();
    let Some(days) = abort_uploads else {
        for rule in &lifecycle.rules {
            output.line(|| told(rule), line(rule))?;
        }
        return output.finish();
    };
    let wanted = LifecycleRule::new(LifecycleFilter::new()).abort_incomplete_multipart_upload(days);
    let replaces = |there: &LifecycleRule| is_same(there, &wanted);
    let there = lifecycle.rules.iter().find(|there| replaces(there)).cloned();
    let rule = there.unwrap_or_else(|| wanted.clone()).abort_incomplete_multipart_upload(days);
    let Some(done) = put(&mut lifecycle.rules, rule.clone(), replaces) else {
        output.line(|| told(&rule), format_args!("is there already: {}", line(&rule)))?;
        return output.finish();
    };
    session.send(&bucket, PutBucketLifecycle::new(lifecycle)).await?;
    output.line(|| told(&rule), format_args!("{done}: {}", line(&rule)))?;
    output.finish()
}

/// Whether they say the same, by whatever name and after however many days.
fn is_same(there: &LifecycleRule, rule: &LifecycleRule) -> bool {
    let mut there = there.clone();
    there.id.clone_from(&rule.id);
    there.abort_incomplete_multipart_upload = rule.abort_incomplete_multipart_upload;
    there == *rule
}

fn told(rule: &LifecycleRule) -> Value {
    let filter = rule.filter.clone().unwrap_or_default();
    let transitions =
        rule.transitions.iter().map(|it| timed(it.time, json!({ "storage_class": it.storage_class.as_str() })));
    let noncurrent = rule.noncurrent_version_transitions.iter();
    let noncurrent = noncurrent.map(|it| json!({ "days": it.days, "storage_class": it.storage_class.as_str() }));
    json!({
        "type": "rule",
        "id": rule.id,
        "enabled": rule.enabled,
        "prefix": filter.prefix,
        "prefix_not_equals": filter.prefix_not_equals,
        "tags": filter.tags.iter().collect::<Vec<_>>(),
        "larger_than": filter.larger_than,
        "smaller_than": filter.smaller_than,
        "transitions": transitions.collect::<Vec<_>>(),
        "expiration": rule.expiration.map(|expiration| match expiration {
            LifecycleExpiration::Object(time) => timed(time, json!({})),
            LifecycleExpiration::DeleteMarker => json!({ "delete_markers": true }),
            _ => Value::Null,
        }),
        "abort_uploads": rule.abort_incomplete_multipart_upload,
        "noncurrent_transitions": noncurrent.collect::<Vec<_>>(),
        "noncurrent_expiration": rule.noncurrent_version_expiration,
        "unknown": rule.unknown().collect::<Vec<_>>(),
    })
}

fn timed(time: LifecycleTime, mut what: Value) -> Value {
    match time {
        LifecycleTime::Days(days) => what["days"] = days.into(),
        LifecycleTime::Date(date) => what["date"] = time_text(Some(date)).into(),
        _ => {}
    }
    what
}

fn line(rule: &LifecycleRule) -> String {
    let mut line = rule.id.clone().unwrap_or_else(|| "a rule without a name".to_owned());
    if !rule.enabled {
        line += " (not in force)";
    }
    let Value::Object(fields) = told(rule) else { return line };
    for (name, value) in fields.iter().filter(|(name, _)| !["type", "id", "enabled"].contains(&name.as_str())) {
        if !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty()) {
            let _ = write!(line, ", {name} {value}");
        }
    }
    line
}
