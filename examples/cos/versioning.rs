//! `cos versioning`.

use clap::Args;
use serde_json::json;
use tencent_cos::{GetBucketVersioning, PutBucketVersioning, Versioning as State};

use crate::failure::Outcome;
use crate::session::Session;
use crate::switch::Switch;
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
    #[command(flatten)]
    switch: Switch,
}

pub async fn run(session: &Session, Versioning { url, switch }: Versioning) -> Outcome {
    let bucket = session.bucket(&url.0)?;
    let shown = if let Some(enable) = switch.wanted() {
        let wanted = if enable { State::Enabled } else { State::Suspended };
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
