//! `cos versioning`.

use clap::Args;
use serde_json::json;
use tencent_cos::{GetBucketVersioning, PutBucketVersioning, Versioning as State};

use crate::failure::Outcome;
use crate::session::Session;
use crate::url::BucketUrl;

pub const EXAMPLES: &str = "\
Examples:
  cos versioning cos://examplebucket-1250000000
  cos versioning cos://examplebucket-1250000000 --enable
  cos versioning cos://examplebucket-1250000000 --suspend";

/// Show whether a bucket keeps older versions of its objects, or turn that on or off
///
/// Every write makes a version then, and a removal a delete marker, until it is suspended; versions that are there stay.
/// `cos ls --versions` shows them, `cos rm --version-id` and `cos rm -r --versions` remove them for good.
#[derive(Debug, Args)]
pub struct Versioning {
    /// cos://BUCKET-APPID
    #[arg(value_name = "BUCKET")]
    url: BucketUrl,
    /// Turn it on
    #[arg(long)]
    enable: bool,
    /// Turn it off, until it is turned on again
    #[arg(long, conflicts_with = "enable")]
    suspend: bool,
}

pub async fn run(session: &Session, Versioning { url, enable, suspend }: Versioning) -> Outcome {
    let bucket = session.bucket(&url.0)?;
    let wanted = match (enable, suspend) {
        (true, _) => Some(State::Enabled),
        (_, true) => Some(State::Suspended),
        _ => None,
    };
    let shown = if let Some(wanted) = wanted {
        session.send(&bucket, PutBucketVersioning::new(wanted.clone())).await?;
        Some(wanted)
    } else {
        session.send(&bucket, GetBucketVersioning::new()).await?
    };
    let word = match &shown {
        Some(State::Enabled) => "on",
        Some(State::Suspended) => "suspended",
        Some(other) => other.as_str(),
        None => "off",
    };
    let enabled = shown.as_ref().map(|shown| *shown == State::Enabled);
    let mut output = session.output();
    output
        .line(|| json!({ "type": "versioning", "enabled": enabled }), format_args!("versioning of {url} is {word}"))?;
    output.finish()
}
