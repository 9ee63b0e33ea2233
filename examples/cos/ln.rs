//! `cos ln`.

use clap::Args;
use serde_json::json;
use tencent_cos::{GetSymlink, PutSymlink};

use crate::failure::{Failure, Outcome};
use crate::session::Session;
use crate::url::ObjectUrl;

pub const EXAMPLES: &str = "\
Examples:
  cos ln cos://my-1250000000/v1.2.zip cos://my-1250000000/latest.zip
  cos ln cos://my-1250000000/latest.zip";

/// Make a symbolic link to an object of the same bucket, or show where one leads
///
/// Who gets the link gets what is under its target then. Whether that is there is not looked at. What was under the key
/// of the link is replaced.
#[derive(Debug, Args)]
pub struct Ln {
    /// What it leads to; alone, the link to show: cos://BUCKET-APPID/KEY
    #[arg(value_name = "TARGET")]
    target: ObjectUrl,
    /// The link to make: cos://BUCKET-APPID/KEY
    #[arg(value_name = "LINK")]
    link: Option<ObjectUrl>,
    /// Fail when there is something under the key of the link; COS ignores it in buckets that ever kept versions
    #[arg(long, requires = "link")]
    no_overwrite: bool,
}

pub async fn run(session: &Session, Ln { target, link, no_overwrite }: Ln) -> Outcome {
    let bucket = session.bucket(&target.bucket)?;
    let mut output = session.output();
    let Some(link) = link else {
        let found = session.send(&bucket, GetSymlink::new(target.key.clone())).await?;
        let to = format!("cos://{}/{}", target.bucket.as_str(), found.target);
        let json = || {
            json!({
                "bucket": target.bucket.as_str(),
                "key": target.key.as_str(),
                "target": found.target,
                "version_id": found.version_id,
                "request_id": found.request_id(),
            })
        };
        output.line(json, to)?;
        return output.finish();
    };
    if link.bucket != target.bucket {
        return Err(Failure::usage("a link and its target are in the same bucket"));
    }
    let mut put = PutSymlink::new(link.key.clone(), target.key.clone());
    if no_overwrite {
        put = put.forbid_overwrite();
    }
    let made = session.send(&bucket, put).await?;
    let json = || {
        json!({
            "bucket": link.bucket.as_str(),
            "key": link.key.as_str(),
            "target": target.key.as_str(),
            "version_id": made.version_id,
            "request_id": made.request_id(),
        })
    };
    output.line(json, format_args!("{link} leads to {target} (request id {})", made.request_id()))?;
    output.finish()
}
