//! `cos mb` and `cos rb`.

use clap::Args;
use serde_json::json;
use tencent_cos::{CreateBucket, DeleteBucket};

use crate::failure::Outcome;
use crate::session::Session;
use crate::tag::Pair;
use crate::url::BucketUrl;

#[derive(Debug, Args)]
pub struct Mb {
    /// cos://BUCKET-APPID
    #[arg(value_name = "BUCKET")]
    url: BucketUrl,
    /// A tag of the bucket, up to 50; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    tag: Vec<Pair>,
    /// Keep its objects in several availability zones; for good
    #[arg(long)]
    multi_az: bool,
    /// With metadata acceleration; for good
    #[arg(long)]
    ofs: bool,
}

#[derive(Debug, Args)]
pub struct Bucket {
    /// cos://BUCKET-APPID
    #[arg(value_name = "BUCKET")]
    url: BucketUrl,
}

pub async fn make(session: &Session, Mb { url, tag, multi_az, ofs }: Mb) -> Outcome {
    let mut create = CreateBucket::new().tags(tag.into_iter().map(|Pair(key, value)| (key, value)).collect());
    if multi_az {
        create = create.multi_az();
    }
    if ofs {
        create = create.ofs();
    }
    let made = session.send(&session.bucket(&url.0)?, create).await?;
    done(session, &url, "made", made.request_id())
}

pub async fn remove(session: &Session, Bucket { url }: Bucket) -> Outcome {
    let removed = session.send(&session.bucket(&url.0)?, DeleteBucket::new()).await?;
    done(session, &url, "removed", removed.request_id())
}

fn done(session: &Session, url: &BucketUrl, what: &str, request_id: &str) -> Outcome {
    let mut output = session.output();
    let json = || json!({ "bucket": url.0.as_str(), "request_id": request_id });
    output.line(json, format_args!("{what} {url} (request id {request_id})"))?;
    output.finish()
}
