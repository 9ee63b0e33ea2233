//! `cos ls`.

use clap::Args;
use serde_json::{Value, json};
use tencent_cos::{ListBuckets, ListObjectVersions, ListObjects, ObjectSummary, ObjectVersion, Paged};

use crate::failure::Outcome;
use crate::output::{Output, time_text};
use crate::session::Session;
use crate::url::PrefixUrl;

pub const EXAMPLES: &str = "\
Examples:
  cos ls
  cos ls cos://examplebucket-1250000000/photos/
  cos ls --versions --recursive cos://examplebucket-1250000000";

/// List objects, or versions of objects, or buckets
///
/// Without PREFIX: the buckets of the account, in all regions.
#[derive(Debug, Args)]
pub struct Ls {
    /// cos://BUCKET-APPID[/PREFIX]
    #[arg(value_name = "PREFIX")]
    url: Option<PrefixUrl>,
    /// List everything behind the prefix, in place of one level
    #[arg(long, short, requires = "url")]
    recursive: bool,
    /// List all versions and delete markers, the newest of a key first
    #[arg(long, requires = "url")]
    versions: bool,
}

impl Ls {
    /// Buckets are in all regions.
    pub fn is_about_the_account(&self) -> bool {
        self.url.is_none()
    }
}

pub async fn run(session: &Session, Ls { url, recursive, versions }: Ls) -> Outcome {
    let output = session.output();
    match url {
        None => buckets(session, output).await,
        Some(url) if versions => all_versions(session, url, recursive, output).await,
        Some(url) => objects(session, url, recursive, output).await,
    }
}

async fn buckets(session: &Session, mut output: Output) -> Outcome {
    let mut list = ListBuckets::new();
    loop {
        let page = session.send_to_account(list.clone()).await?;
        for bucket in &page.buckets {
            let created = time_text(bucket.created);
            let json =
                || json!({ "type": "bucket", "bucket": bucket.name, "region": bucket.region, "created": created });
            let time = created.as_deref().unwrap_or("-");
            output.line(json, format_args!("{time:>20} {:>14}  {}", bucket.region, bucket.name))?;
        }
        output.flush()?;
        match list.next_page(&page)? {
            Some(next) => list = next,
            None => return output.finish(),
        }
    }
}

async fn objects(session: &Session, url: PrefixUrl, recursive: bool, mut output: Output) -> Outcome {
    let bucket = session.bucket(&url.bucket)?;
    let mut list = ListObjects::new().prefix(url.prefix);
    if !recursive {
        list = list.delimiter("/");
    }
    loop {
        let page = session.send(&bucket, list.clone()).await?;
        prefixes(&mut output, &page.common_prefixes)?;
        for object in &page.objects {
            let time = time_text(object.last_modified);
            let time = time.as_deref().unwrap_or("-");
            output.line(|| object_json(object), format_args!("{time:>20} {:>14}  {}", object.size, object.key))?;
        }
        output.flush()?;
        match list.next_page(&page)? {
            Some(next) => list = next,
            None => return output.finish(),
        }
    }
}

async fn all_versions(session: &Session, url: PrefixUrl, recursive: bool, mut output: Output) -> Outcome {
    let bucket = session.bucket(&url.bucket)?;
    let mut list = ListObjectVersions::new().prefix(url.prefix);
    if !recursive {
        list = list.delimiter("/");
    }
    loop {
        let page = session.send(&bucket, list.clone()).await?;
        prefixes(&mut output, &page.common_prefixes)?;
        for version in &page.versions {
            let time = time_text(version.last_modified);
            let time = time.as_deref().unwrap_or("-");
            let size = if version.is_delete_marker { "MARKER".to_owned() } else { version.size.to_string() };
            let latest = if version.is_latest { "latest" } else { "" };
            let (id, key) = (&version.version_id, &version.key);
            output.line(|| version_json(version), format_args!("{time:>20} {size:>14}  {latest:6}  {id}  {key}"))?;
        }
        output.flush()?;
        match list.next_page(&page)? {
            Some(next) => list = next,
            None => return output.finish(),
        }
    }
}

fn prefixes(output: &mut Output, prefixes: &[String]) -> Outcome {
    for prefix in prefixes {
        let json = || json!({ "type": "prefix", "prefix": prefix });
        output.line(json, format_args!("{:>20} {:>14}  {prefix}", "", "PRE"))?;
    }
    Ok(())
}

fn object_json(object: &ObjectSummary) -> Value {
    json!({
        "type": "object",
        "key": object.key,
        "size": object.size,
        "etag": object.etag,
        "last_modified": time_text(object.last_modified),
        "storage_class": object.storage_class.as_str(),
    })
}

/// A delete marker has no bytes.
fn version_json(version: &ObjectVersion) -> Value {
    let bytes = !version.is_delete_marker;
    json!({
        "type": "version",
        "key": version.key,
        "version_id": version.version_id,
        "latest": version.is_latest,
        "delete_marker": version.is_delete_marker,
        "size": bytes.then_some(version.size),
        "etag": bytes.then_some(&version.etag),
        "last_modified": time_text(version.last_modified),
        "storage_class": bytes.then_some(version.storage_class.as_str()),
    })
}
