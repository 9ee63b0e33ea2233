//! `cos accelerate`.

use clap::Args;
use serde_json::json;
use tencent_cos::{AccelerateConfiguration, GetBucketAccelerate, PutBucketAccelerate};

use crate::failure::Outcome;
use crate::session::Session;
use crate::switch::Switch;
use crate::url::BucketUrl;

pub const EXAMPLES: &str = "\
Examples:
  cos accelerate cos://examplebucket-1250000000
  cos accelerate cos://examplebucket-1250000000 --enable
  cos accelerate cos://examplebucket-1250000000 --suspend";

/// Show whether a bucket is reached by global acceleration, or turn that on or off
///
/// Its address is then BUCKET-APPID.cos.accelerate.myqcloud.com as well, from everywhere; what goes that way is billed.
#[derive(Debug, Args)]
pub struct Accelerate {
    /// cos://BUCKET-APPID
    #[arg(value_name = "BUCKET")]
    url: BucketUrl,
    #[command(flatten)]
    switch: Switch,
}

pub async fn run(session: &Session, Accelerate { url, switch }: Accelerate) -> Outcome {
    let bucket = session.bucket(&url.0)?;
    let mut output = session.output();
    let found = session.send(&bucket, GetBucketAccelerate::new()).await?;
    let shown = if let Some(enable) = switch.wanted() {
        let mut configuration = found.unwrap_or_else(|| AccelerateConfiguration::new(enable));
        configuration.enabled = enable;
        session.send(&bucket, PutBucketAccelerate::new(configuration.clone())).await?;
        Some(configuration)
    } else {
        found
    };
    let unknown: Vec<_> = shown.iter().flat_map(AccelerateConfiguration::unknown).collect();
    let enabled = shown.as_ref().map(|shown| shown.enabled);
    let json = || json!({ "type": "accelerate", "enabled": enabled, "unknown": unknown });
    let word = match enabled {
        Some(true) => "on",
        Some(false) => "suspended",
        None => "off",
    };
    let and = if unknown.is_empty() { String::new() } else { format!(", and {}", unknown.join(" ")) };
    output.line(json, format_args!("global acceleration of {url} is {word}{and}"))?;
    output.finish()
}
