//! `cos rm`.

use clap::Args;
use serde_json::json;
use tencent_cos::DeleteObject;

use crate::failure::Outcome;
use crate::session::Session;
use crate::url::ObjectUrl;

#[derive(Debug, Args)]
pub struct Rm {
    /// cos://BUCKET-APPID/KEY; one that does not exist is a success
    #[arg(value_name = "OBJECT")]
    object: ObjectUrl,
}

pub async fn run(session: &Session, Rm { object }: Rm) -> Outcome {
    let bucket = session.bucket(&object.bucket)?;
    let removed = session.send(&bucket, DeleteObject::new(object.key.clone())).await?;
    let mut output = session.output();
    let json = || {
        json!({
            "bucket": object.bucket.as_str(),
            "key": object.key.as_str(),
            "delete_marker": removed.delete_marker,
            "version_id": removed.version_id,
            "request_id": removed.request_id(),
        })
    };
    output.line(json, format_args!("removed {object} (request id {})", removed.request_id()))?;
    output.finish()
}
