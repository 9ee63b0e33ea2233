//! `cos website`.

use std::str::FromStr;

use clap::Args;
use serde_json::{Value, json};
use tencent_cos::{Bucket, DeleteBucketWebsite, GetBucketWebsite, PutBucketWebsite, RoutingRule, WebsiteConfiguration};

use crate::failure::{Failure, Outcome};
use crate::session::Session;
use crate::url::BucketUrl;

pub const EXAMPLES: &str = "\
Examples:
  cos website cos://examplebucket-1250000000
  cos website cos://examplebucket-1250000000 --index index.html --error 404.html
  cos website cos://examplebucket-1250000000 --redirect docs/=documents/
  cos website cos://examplebucket-1250000000 --remove";

/// Show whether a bucket is a static website, or make it one
///
/// What is given is changed, the rest stays. Visitors see what everybody may read: `cos acl` shows and sets it.
#[derive(Debug, Args)]
pub struct Website {
    /// cos://BUCKET-APPID
    #[arg(value_name = "BUCKET")]
    url: BucketUrl,
    /// Show this object of a directory, like index.html
    #[arg(long, value_name = "NAME")]
    index: Option<String>,
    /// Show this object when there is an error
    #[arg(long, value_name = "KEY")]
    error: Option<String>,
    /// Send visitors over http to https
    #[arg(long)]
    https_only: bool,
    /// Send visitors of keys that begin so to keys that begin otherwise; may be repeated
    #[arg(long, value_name = "PREFIX=PREFIX")]
    redirect: Vec<Prefixes>,
    /// Be no website any more
    #[arg(long, conflicts_with_all = ["index", "error", "https_only", "redirect"])]
    remove: bool,
}

#[derive(Clone, Debug)]
struct Prefixes(String, String);

impl FromStr for Prefixes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (from, to) = text.split_once('=').ok_or("is not of the form PREFIX=PREFIX")?;
        Ok(Self(from.to_owned(), to.to_owned()))
    }
}

pub async fn run(session: &Session, asked: Website) -> Outcome {
    let bucket = session.bucket(&asked.url.0)?;
    let mut output = session.output();
    if asked.remove {
        let removed = session.send(&bucket, DeleteBucketWebsite::new()).await?;
        let json = || json!({ "action": "remove", "request_id": removed.request_id() });
        let text = format_args!("{} is no website (request id {})", asked.url, removed.request_id());
        output.line(json, text)?;
        return output.finish();
    }
    let found = session.send(&bucket, GetBucketWebsite::new()).await?;
    let changes = asked.index.is_some() || asked.error.is_some() || asked.https_only || !asked.redirect.is_empty();
    let website = if changes {
        let website = changed(found, asked)?;
        session.send(&bucket, PutBucketWebsite::new(website.clone())).await?;
        Some(website)
    } else {
        found
    };
    if let Some(website) = website {
        output.lines(|| told(&bucket, &website), &text(&bucket, &website))?;
    }
    output.finish()
}

fn changed(found: Option<WebsiteConfiguration>, asked: Website) -> Outcome<WebsiteConfiguration> {
    let mut website = match (found, asked.index) {
        (Some(website), None) => website,
        (Some(mut website), Some(index)) => {
            website.index_document = index;
            website
        }
        (None, Some(index)) => WebsiteConfiguration::new(index),
        (None, None) => return Err(Failure::usage("it is no website yet, which begins with --index")),
    };
    website.error_document = asked.error.or(website.error_document);
    website.https_only |= asked.https_only;
    for Prefixes(from, to) in asked.redirect {
        // Of two rules for one beginning the second would never be followed.
        match website.routing_rules.iter_mut().find(|rule| rule.key_prefix.as_ref() == Some(&from)) {
            Some(rule) => (rule.replace_key_with, rule.replace_key_prefix_with) = (None, Some(to)),
            None => website.routing_rules.push(RoutingRule::replace_prefix(from, to)),
        }
    }
    Ok(website)
}

fn address(bucket: &Bucket) -> String {
    format!("https://{}.cos-website.{}.myqcloud.com/", bucket.name(), bucket.region())
}

fn told(bucket: &Bucket, website: &WebsiteConfiguration) -> Value {
    let rule = |rule: &RoutingRule| {
        json!({
            "error_code": rule.error_code,
            "prefix": rule.key_prefix,
            "key": rule.replace_key_with,
            "replace_prefix": rule.replace_key_prefix_with,
            "https": rule.https,
            "unknown": rule.unknown().collect::<Vec<_>>(),
        })
    };
    json!({
        "type": "website",
        "url": address(bucket),
        "index": website.index_document,
        "error": website.error_document,
        "original_http_status": website.original_http_status,
        "https_only": website.https_only,
        "ignore_html_extension": website.ignore_html_extension,
        "rules": website.routing_rules.iter().map(rule).collect::<Vec<_>>(),
        "unknown": website.unknown().collect::<Vec<_>>(),
    })
}

fn text(bucket: &Bucket, website: &WebsiteConfiguration) -> Vec<(String, String)> {
    let line = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut lines = vec![line("url", &address(bucket)), line("index", &website.index_document)];
    if let Some(key) = &website.error_document {
        lines.push(line("error", key));
    }
    if website.https_only {
        lines.push(line("http", "is sent to https"));
    }
    if website.ignore_html_extension == Some(true) {
        lines.push(line("extension", ".html may be left out"));
    }
    for rule in &website.routing_rules {
        let error = rule.error_code.map(|code| code.to_string());
        let from = rule.key_prefix.as_ref().map(|prefix| format!("{prefix}*")).or(error).unwrap_or_default();
        let prefix = rule.replace_key_prefix_with.as_ref().map(|prefix| format!("{prefix}*"));
        let to = prefix.or(rule.replace_key_with.clone()).unwrap_or_default();
        let unknown: Vec<_> = rule.unknown().collect();
        let and = if unknown.is_empty() { String::new() } else { format!(", and {}", unknown.join(" ")) };
        lines.push(line("redirect", &format!("{from} to {}{to}{and}", if rule.https { "https, " } else { "" })));
    }
    let unknown: Vec<_> = website.unknown().collect();
    if !unknown.is_empty() {
        lines.push(line("and", &unknown.join(" ")));
    }
    lines
}
