//! `cos policy`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use tencent_cos::{DeleteBucketPolicy, GetBucketPolicy, PutBucketPolicy};

use crate::failure::Outcome;
use crate::input;
use crate::session::Session;
use crate::url::BucketUrl;

pub const EXAMPLES: &str = "\
Examples:
  cos policy get cos://examplebucket-1250000000 > policy.json
  cos policy set cos://examplebucket-1250000000 policy.json
  cos policy rm cos://examplebucket-1250000000";

/// Show the policy of a bucket, set another, or remove it
///
/// The policy names who may do what with the bucket and its objects, and who may not: accounts, users, everybody. It is
/// the JSON of COS, set as it is.
#[derive(Debug, Args)]
pub struct Policy {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Show it; nothing if there is none
    Get {
        /// cos://BUCKET-APPID
        #[arg(value_name = "BUCKET")]
        url: BucketUrl,
    },
    /// Set it, in place of what there is
    Set {
        /// cos://BUCKET-APPID
        #[arg(value_name = "BUCKET")]
        url: BucketUrl,
        /// The document; - is standard input
        file: PathBuf,
    },
    /// Remove it
    Rm {
        /// cos://BUCKET-APPID
        #[arg(value_name = "BUCKET")]
        url: BucketUrl,
    },
}

pub async fn run(session: &Session, Policy { what }: Policy) -> Outcome {
    let mut output = session.output();
    match what {
        What::Get { url } => {
            let policy = session.send(&session.bucket(&url.0)?, GetBucketPolicy::new()).await?;
            if let Some(text) = policy.as_ref().and_then(|policy| policy.as_read()) {
                match serde_json::from_str::<Value>(text) {
                    Ok(value) if output.is_json() => output.document(&value, true)?,
                    _ => output.laid_out(text)?,
                }
            }
        }
        What::Set { url, file } => {
            let put = PutBucketPolicy::json(input::read(&file)?);
            let request_id = session.send(&session.bucket(&url.0)?, put).await?.request_id().to_owned();
            let json = || json!({ "action": "set", "request_id": request_id });
            output.line(json, format_args!("set the policy of {url} (request id {request_id})"))?;
        }
        What::Rm { url } => {
            let removed = session.send(&session.bucket(&url.0)?, DeleteBucketPolicy::new()).await?;
            let json = || json!({ "action": "remove", "request_id": removed.request_id() });
            output.line(json, format_args!("{url} has no policy (request id {})", removed.request_id()))?;
        }
    }
    output.finish()
}
