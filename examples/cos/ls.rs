//! `cos ls`.

use clap::Args;
use serde_json::{Value, json};
use tencent_cos::{ListBuckets, ListObjectVersions, ListObjects, ObjectSummary, ObjectVersion, Paged};

use crate::amount::{Size, counted, rounded};
use crate::failure::{Outcome, tell_plainly};
use crate::output::{Output, time_text, width};
use crate::session::Session;
use crate::url::PrefixUrl;

pub const EXAMPLES: &str = "\
Examples:
  cos ls
  cos ls cos://examplebucket-1250000000/photos/
  cos ls --recursive --human cos://examplebucket-1250000000
  cos ls --versions --recursive cos://examplebucket-1250000000";

/// List objects, or versions of objects, or buckets
///
/// Time, size and key, each level after its PREfixes; how many, and their bytes, on standard error. Without PREFIX: the
/// buckets of the account, in all regions.
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
    /// Print sizes like 12.50 MiB
    #[arg(long, short = 'H', requires = "url")]
    human: bool,
}

impl Ls {
    /// Buckets are in all regions.
    pub fn is_about_the_account(&self) -> bool {
        self.url.is_none()
    }
}

pub async fn run(session: &Session, Ls { url, recursive, versions, human }: Ls) -> Outcome {
    let what = if versions { "version" } else { "object" };
    let listing = Listing { output: session.output(), human, what, prefixes: 0, objects: 0, bytes: 0 };
    match url {
        None => buckets(session, session.output()).await,
        Some(url) if versions => all_versions(session, url, recursive, listing).await,
        Some(url) => objects(session, url, recursive, listing).await,
    }
}

/// What is printed, and counted, line by line.
struct Listing {
    output: Output,
    human: bool,
    /// What it is a listing of.
    what: &'static str,
    prefixes: u64,
    objects: u64,
    bytes: u64,
}

async fn buckets(session: &Session, mut output: Output) -> Outcome {
    let mut list = ListBuckets::new();
    loop {
        let page = session.send_to_account(list.clone()).await?;
        let width = width(page.buckets.iter().map(|bucket| bucket.region.len()));
        for bucket in &page.buckets {
            let created = time_text(bucket.created);
            let json =
                || json!({ "type": "bucket", "bucket": bucket.name, "region": bucket.region, "created": created });
            let time = created.as_deref().unwrap_or("-");
            output.line(json, format_args!("{time:>20}  {:width$}  {}", bucket.region, bucket.name))?;
        }
        output.flush()?;
        match list.next_page(&page)? {
            Some(next) => list = next,
            None => return output.finish(),
        }
    }
}

async fn objects(session: &Session, url: PrefixUrl, recursive: bool, mut listing: Listing) -> Outcome {
    let bucket = session.bucket(&url.bucket)?;
    let mut list = ListObjects::new().prefix(url.prefix);
    if !recursive {
        list = list.delimiter("/");
    }
    loop {
        let page = session.send(&bucket, list.clone()).await?;
        listing.prefixes(&page.common_prefixes)?;
        for object in &page.objects {
            let time = time_text(object.last_modified);
            let size = listing.size(object.size);
            listing.output.line(|| object_json(object), columns(time.as_deref(), &size, &object.key))?;
        }
        listing.output.flush()?;
        match list.next_page(&page)? {
            Some(next) => list = next,
            None => return listing.finish(),
        }
    }
}

async fn all_versions(session: &Session, url: PrefixUrl, recursive: bool, mut listing: Listing) -> Outcome {
    let bucket = session.bucket(&url.bucket)?;
    let mut list = ListObjectVersions::new().prefix(url.prefix);
    if !recursive {
        list = list.delimiter("/");
    }
    loop {
        let page = session.send(&bucket, list.clone()).await?;
        listing.prefixes(&page.common_prefixes)?;
        let width = width(page.versions.iter().filter_map(|version| version.version_id.as_ref()).map(String::len));
        for version in &page.versions {
            let time = time_text(version.last_modified);
            let size = if version.is_delete_marker { "MARKER".to_owned() } else { listing.size(version.size) };
            let latest = if version.is_latest { "latest" } else { "" };
            let (id, key) = (version.version_id.as_deref().unwrap_or_default(), &version.key);
            let rest = format!("{latest:6}  {id:width$}  {key}");
            listing.output.line(|| version_json(version), columns(time.as_deref(), &size, &rest))?;
        }
        listing.output.flush()?;
        match list.next_page(&page)? {
            Some(next) => list = next,
            None => return listing.finish(),
        }
    }
}

impl Listing {
    fn prefixes(&mut self, prefixes: &[String]) -> Outcome {
        self.prefixes += prefixes.len() as u64;
        for prefix in prefixes {
            let json = || json!({ "type": "prefix", "prefix": prefix });
            self.output.line(json, columns(Some(""), "PRE", prefix))?;
        }
        Ok(())
    }

    /// Counts an object, and tells its size.
    fn size(&mut self, bytes: u64) -> String {
        self.objects += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        if self.human { rounded(bytes, 2) } else { bytes.to_string() }
    }

    /// The sum is no result: those who read on count themselves.
    fn finish(self) -> Outcome {
        let is_text = !self.output.is_json();
        self.output.finish()?;
        if is_text {
            let prefixes = match self.prefixes {
                0 => String::new(),
                some => counted(some, "prefix") + ", ",
            };
            tell_plainly(&format!("{prefixes}{}, {}", counted(self.objects, self.what), Size(self.bytes)));
        }
        Ok(())
    }
}

fn columns(time: Option<&str>, size: &str, rest: &str) -> String {
    format!("{:>20} {size:>14}  {rest}", time.unwrap_or("-"))
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
