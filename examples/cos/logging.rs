//! `cos logging`.

use clap::Args;
use serde_json::{Value, json};
use tencent_cos::{BucketLogging, BucketName, DeleteBucketLogging, GetBucketLogging, PutBucketLogging};

use crate::failure::Outcome;
use crate::session::Session;
use crate::url::{BucketUrl, PrefixUrl};

pub const EXAMPLES: &str = "\
Examples:
  cos logging cos://examplebucket-1250000000
  cos logging cos://examplebucket-1250000000 --to cos://logs-1250000000/example/
  cos logging cos://examplebucket-1250000000 --remove";

/// Show where COS keeps a log of the requests for a bucket, or have it kept elsewhere
///
/// COS must have been allowed to write logs, in its console.
#[derive(Debug, Args)]
pub struct Logging {
    /// cos://BUCKET-APPID
    #[arg(value_name = "BUCKET")]
    url: BucketUrl,
    /// A bucket of the same region, and what the keys of the logs begin with: cos://BUCKET-APPID[/PREFIX]
    #[arg(long, value_name = "PLACE")]
    to: Option<PrefixUrl>,
    /// Keep no log
    #[arg(long, conflicts_with = "to")]
    remove: bool,
}

pub async fn run(session: &Session, Logging { url, to, remove }: Logging) -> Outcome {
    let bucket = session.bucket(&url.0)?;
    let mut output = session.output();
    if remove {
        let removed = session.send(&bucket, DeleteBucketLogging::new()).await?;
        let json = || json!({ "action": "remove", "request_id": removed.request_id() });
        output.line(json, format_args!("no log of {url} is kept (request id {})", removed.request_id()))?;
        return output.finish();
    }
    let found = session.send(&bucket, GetBucketLogging::new()).await?;
    let logging = if let Some(PrefixUrl { bucket: target, prefix }) = to {
        let mut logging = found.unwrap_or_default().target_prefix(prefix);
        logging.target_bucket = Some(target);
        session.send(&bucket, PutBucketLogging::new(logging.clone())).await?;
        Some(logging)
    } else {
        found
    };
    if let Some(logging) = logging {
        output.line(|| told(&logging), line(&logging))?;
    }
    output.finish()
}

fn told(logging: &BucketLogging) -> Value {
    json!({
        "type": "logging",
        "bucket": logging.target_bucket.as_ref().map(BucketName::as_str),
        "prefix": logging.target_prefix,
        "unknown": logging.unknown().collect::<Vec<_>>(),
    })
}

fn line(logging: &BucketLogging) -> String {
    let bucket = logging.target_bucket.as_ref().map_or("?", BucketName::as_str);
    let prefix = logging.target_prefix.as_deref().unwrap_or_default();
    let unknown: Vec<_> = logging.unknown().collect();
    let and = if unknown.is_empty() { String::new() } else { format!(", and {}", unknown.join(" ")) };
    format!("the log is kept under cos://{bucket}/{prefix}{and}")
}
