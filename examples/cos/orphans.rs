//! `cos orphans`.

use clap::Args;
use serde_json::{Value, json};
use tencent_cos::UploadSummary;

use crate::amount::Span;
use crate::failure::{Failure, Outcome, chain, error_json, tell};
use crate::output::time_text;
use crate::session::Session;
use crate::url::PrefixUrl;

pub const EXAMPLES: &str = "\
Examples:
  cos orphans cos://examplebucket-1250000000
  cos orphans cos://examplebucket-1250000000/videos/ --older-than 7d --abort";

/// List uploads that were begun and never ended, or give them up
///
/// Processes that are killed leave them behind: their parts take up paid space and show in no listing of objects. An
/// upload that somebody still works on is listed, too, if it is old enough.
#[derive(Debug, Args)]
pub struct Orphans {
    /// The bucket, or what the keys begin with
    #[arg(value_name = "cos://B[/PREFIX]")]
    url: PrefixUrl,
    /// Only those begun longer ago than this: 30s, 15m, 24h, 7d
    #[arg(long, value_name = "AGE", default_value = "24h")]
    older_than: Span,
    /// Give them up
    #[arg(long)]
    abort: bool,
}

pub async fn run(session: &Session, Orphans { url, older_than: Span(age), abort }: Orphans) -> Outcome {
    let bucket = session.bucket(&url.bucket)?;
    let found = bucket.orphans(age).prefix(&url.prefix);
    let mut output = session.output();
    let is_json = output.is_json();
    if !abort {
        let (mut uploads, mut count) = (found.list(), 0_u64);
        while let Some(upload) = uploads.next().await.transpose()? {
            count += 1;
            output.line(|| told(&upload, "orphan"), line(&url, &upload))?;
        }
        output.line(|| json!({ "action": "sum", "orphans": count }), format!("{count} uploads"))?;
        return output.finish();
    }
    let done = found.abort().await?;
    let (aborted, failed) = (done.aborted.len(), done.failed.len());
    let mut print = || {
        for upload in &done.aborted {
            output.line(|| told(upload, "abort"), format!("gave up {}", line(&url, upload)))?;
        }
        for (upload, error) in done.failed.iter().filter(|_| is_json) {
            output.failed(&format!("cos://{}/{}", url.bucket, upload.key), &error_json(error))?;
        }
        let sum = json!({ "action": "sum", "aborted": aborted, "failed": failed });
        output.line(|| sum, format!("{aborted} uploads given up, {failed} not"))?;
        output.flush()
    };
    let printed = print();
    for (upload, error) in done.failed.iter().filter(|_| !is_json) {
        tell(&chain(line(&url, upload), Some(error)));
    }
    if failed == 0 { printed } else { Err(Failure::failed(format!("{failed} uploads could not be given up"))) }
}

fn told(upload: &UploadSummary, action: &str) -> Value {
    json!({ "action": action, "key": upload.key, "upload_id": upload.upload_id, "initiated": time_text(upload.initiated) })
}

fn line(url: &PrefixUrl, upload: &UploadSummary) -> String {
    format!("cos://{}/{} upload {}", url.bucket, upload.key, upload.upload_id)
}
