//! `cos policy`.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use tencent_cos::{DeleteBucketPolicy, GetBucketPolicy, PutBucketPolicy};

use crate::failure::Outcome;
use crate::input;
use crate::session::Session;
use crate::url::BucketUrl;

pub const EXAMPLES: &str = "\
Examples:
  cos policy cos://examplebucket-1250000000 > policy.json
  cos policy cos://examplebucket-1250000000 --set policy.json
  cos policy cos://examplebucket-1250000000 --remove";

/// Show the policy of a bucket, or set another
///
/// The policy names who may do what with the bucket and its objects, and who may not: accounts, users, everybody. It is
/// the JSON of COS, set as it is.
#[derive(Debug, Args)]
pub struct Policy {
    /// cos://BUCKET-APPID
    #[arg(value_name = "BUCKET")]
    url: BucketUrl,
    /// Set this document in place of what there is; - is standard input
    #[arg(long, value_name = "FILE")]
    set: Option<PathBuf>,
    /// Remove it
    #[arg(long, conflicts_with = "set")]
    remove: bool,
}

pub async fn run(session: &Session, Policy { url, set, remove }: Policy) -> Outcome {
    let bucket = session.bucket(&url.0)?;
    let mut output = session.output();
    if remove {
        let removed = session.send(&bucket, DeleteBucketPolicy::new()).await?;
        let json = || json!({ "action": "remove", "request_id": removed.request_id() });
        output.line(json, format_args!("{url} has no policy (request id {})", removed.request_id()))?;
        return output.finish();
    }
    if let Some(file) = set {
        let set = session.send(&bucket, PutBucketPolicy::json(input::read(&file)?)).await?;
        let json = || json!({ "action": "set", "request_id": set.request_id() });
        output.line(json, format_args!("set the policy of {url} (request id {})", set.request_id()))?;
        return output.finish();
    }
    let policy = session.send(&bucket, GetBucketPolicy::new()).await?;
    if let Some(text) = policy.as_ref().and_then(|policy| policy.as_read()) {
        match serde_json::from_str::<Value>(text) {
            Ok(value) if output.is_json() => output.document(&value, true)?,
            _ => output.laid_out(text)?,
        }
    }
    output.finish()
}
