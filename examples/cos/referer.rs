//! `cos referer`.

use std::fmt::Write as _;

use clap::Args;
use serde_json::{Value, json};
use tencent_cos::{DeleteBucketReferer, GetBucketReferer, PutBucketReferer, RefererConfiguration, RefererType};

use crate::failure::{Failure, Outcome};
use crate::session::Session;
use crate::url::BucketUrl;

pub const EXAMPLES: &str = "\
Examples:
  cos referer cos://examplebucket-1250000000
  cos referer cos://examplebucket-1250000000 --white-list '*.example.com'
  cos referer cos://examplebucket-1250000000 --black-list bad.example
  cos referer cos://examplebucket-1250000000 --remove";

/// Show which web pages may show the objects of a bucket, or say it anew
///
/// It goes by the Referer that browsers send. A signed request, a presigned URL too, may come from anywhere. A new list
/// takes the place of the old one; what others set beside it stays.
#[derive(Debug, Args)]
pub struct Referer {
    /// cos://BUCKET-APPID
    #[arg(value_name = "BUCKET")]
    url: BucketUrl,
    /// Let in the pages of these alone: hosts, maybe with a port and a path; *.example.com is all of example.com
    #[arg(long, value_name = "DOMAINS", value_delimiter = ',')]
    white_list: Vec<String>,
    /// Let in all pages but those of these
    #[arg(long, value_name = "DOMAINS", value_delimiter = ',', conflicts_with = "white_list")]
    black_list: Vec<String>,
    /// Let in requests without a Referer: an address that is typed in, most programs
    #[arg(long)]
    allow_empty: bool,
    /// Let in all pages
    #[arg(long, conflicts_with_all = ["white_list", "black_list", "allow_empty"])]
    remove: bool,
}

pub async fn run(session: &Session, asked: Referer) -> Outcome {
    let Referer { url, white_list, black_list, allow_empty, remove } = asked;
    let bucket = session.bucket(&url.0)?;
    let mut output = session.output();
    if remove {
        let removed = session.send(&bucket, DeleteBucketReferer::new()).await?;
        let json = || json!({ "action": "remove", "request_id": removed.request_id() });
        output.line(json, format_args!("any page may show {url} (request id {})", removed.request_id()))?;
        return output.finish();
    }
    let list = match (white_list.is_empty(), black_list.is_empty()) {
        (false, _) => Some((RefererType::WhiteList, white_list)),
        (_, false) => Some((RefererType::BlackList, black_list)),
        _ => None,
    };
    if list.is_none() && allow_empty {
        return Err(Failure::usage("--allow-empty is for a list"));
    }
    let found = session.send(&bucket, GetBucketReferer::new()).await?;
    let referer = if let Some((referer_type, domains)) = list {
        let mut referer = found.unwrap_or_default().enabled(true).empty_referer(allow_empty);
        (referer.referer_type, referer.domains) = (Some(referer_type), domains);
        session.send(&bucket, PutBucketReferer::new(referer.clone())).await?;
        Some(referer)
    } else {
        found
    };
    if let Some(referer) = referer {
        output.line(|| told(&referer), line(&referer))?;
    }
    output.finish()
}

fn told(referer: &RefererConfiguration) -> Value {
    json!({
        "type": "referer",
        "enabled": referer.enabled,
        "list": referer.referer_type.map(RefererType::as_str),
        "domains": referer.domains,
        "allow_empty": referer.empty_referer,
        "unknown": referer.unknown().collect::<Vec<_>>(),
    })
}

fn line(referer: &RefererConfiguration) -> String {
    let domains = referer.domains.join(" ");
    let mut line = match referer.referer_type {
        Some(RefererType::WhiteList) => format!("pages of {domains} alone"),
        Some(RefererType::BlackList) => format!("no pages of {domains}"),
        Some(other) => format!("{}: {domains}", other.as_str()),
        None => domains,
    };
    let empty = if referer.empty_referer == Some(true) { "requests" } else { "no requests" };
    let _ = write!(line, ", and {empty} without a Referer");
    let unknown: Vec<_> = referer.unknown().collect();
    if !unknown.is_empty() {
        let _ = write!(line, ", and {}", unknown.join(" "));
    }
    if referer.enabled { line } else { format!("not in force: {line}") }
}
