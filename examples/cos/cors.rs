//! `cos cors`.

use std::fmt::Write as _;
use std::time::Duration;

use clap::Args;
use http::Method;
use serde_json::{Value, json};
use tencent_cos::{CorsRule, DeleteBucketCors, GetBucketCors, PutBucketCors};

use crate::failure::Outcome;
use crate::rules::put;
use crate::session::Session;
use crate::url::BucketUrl;

pub const EXAMPLES: &str = "\
Examples:
  cos cors cos://examplebucket-1250000000
  cos cors cos://examplebucket-1250000000 --allow https://app.example.com
  cos cors cos://examplebucket-1250000000 --remove";

/// Show which web pages may use a bucket, or change it
///
/// A browser lets a page use a bucket of another origin only where a rule of the bucket allows it. Requests need their
/// signature all the same.
#[derive(Debug, Args)]
pub struct Cors {
    /// cos://BUCKET-APPID
    #[arg(value_name = "BUCKET")]
    url: BucketUrl,
    /// Add a rule that allows the pages of this origin, like https://app.example.com; one * stands for anything. It takes
    /// the place of the one there is for this origin alone
    #[arg(long, value_name = "ORIGIN")]
    allow: Option<String>,
    /// What the added rule allows: of GET, PUT, POST, DELETE and HEAD
    #[arg(
        long,
        value_name = "METHODS",
        requires = "allow",
        value_delimiter = ',',
        default_value = "GET,HEAD,PUT,POST"
    )]
    methods: Vec<Method>,
    /// Remove all rules
    #[arg(long, conflicts_with_all = ["allow", "methods"])]
    remove: bool,
}

/// What COS tells of an object, beside what a page may always read.
const TOLD: [&str; 4] = ["ETag", "x-cos-request-id", "x-cos-hash-crc64ecma", "x-cos-version-id"];

pub async fn run(session: &Session, Cors { url, allow, methods, remove }: Cors) -> Outcome {
    let bucket = session.bucket(&url.0)?;
    let mut output = session.output();
    if remove {
        let removed = session.send(&bucket, DeleteBucketCors::new()).await?;
        let json = || json!({ "action": "remove", "request_id": removed.request_id() });
        output.line(json, format_args!("no page may use {url} (request id {})", removed.request_id()))?;
        return output.finish();
    }
    let mut cors = session.send(&bucket, GetBucketCors::new()).await?.unwrap_or_default();
    let Some(origin) = allow else {
        for rule in &cors.rules {
            output.line(|| told(rule), line(rule))?;
        }
        return output.finish();
    };
    let replaces = |there: &CorsRule| there.allowed_origins == [origin.as_str()];
    // What else there is in its rule stays.
    let there = cors.rules.iter().find(|there| replaces(there)).cloned();
    let mut rule = there.unwrap_or_else(|| CorsRule::new(&origin, []));
    rule.allowed_methods = methods;
    rule.allowed_headers = vec!["*".to_owned()];
    rule.expose_headers = TOLD.map(str::to_owned).into();
    rule.max_age = Some(Duration::from_secs(600));
    let Some(done) = put(&mut cors.rules, rule.clone(), replaces) else {
        output.line(|| told(&rule), format_args!("is there already: {}", line(&rule)))?;
        return output.finish();
    };
    session.send(&bucket, PutBucketCors::new(cors)).await?;
    output.line(|| told(&rule), format_args!("{done}: {}", line(&rule)))?;
    output.finish()
}

fn told(rule: &CorsRule) -> Value {
    json!({
        "type": "rule",
        "id": rule.id,
        "origins": rule.allowed_origins,
        "methods": rule.allowed_methods.iter().map(Method::as_str).collect::<Vec<_>>(),
        "headers": rule.allowed_headers,
        "expose": rule.expose_headers,
        "max_age": rule.max_age.map(|age| age.as_secs()),
        "unknown": rule.unknown().collect::<Vec<_>>(),
    })
}

fn line(rule: &CorsRule) -> String {
    let methods: Vec<_> = rule.allowed_methods.iter().map(Method::as_str).collect();
    let mut line = format!("{} may {}", rule.allowed_origins.join(" "), methods.join(" "));
    let unknown: Vec<_> = rule.unknown().collect();
    let (headers, told) = (rule.allowed_headers.join(" "), rule.expose_headers.join(" "));
    for (what, names) in [("with", headers), ("reads", told), ("and", unknown.join(" "))] {
        if !names.is_empty() {
            let _ = write!(line, ", {what} {names}");
        }
    }
    line
}
