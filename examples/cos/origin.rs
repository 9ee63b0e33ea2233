//! `cos origin`.

use clap::Args;
use serde_json::{Value, json};
use tencent_cos::{
    DeleteBucketOrigin, GetBucketOrigin, OriginConfiguration, OriginHeaders, OriginHost, OriginProtocol, OriginRule,
    OriginType, PutBucketOrigin,
};

use crate::failure::{Failure, Outcome};
use crate::session::Session;
use crate::url::BucketUrl;

pub const EXAMPLES: &str = "\
Examples:
  cos origin cos://examplebucket-1250000000
  cos origin cos://examplebucket-1250000000 --redirect example.com --prefix a/
  cos origin cos://examplebucket-1250000000 --mirror old.example.com
  cos origin cos://examplebucket-1250000000 --remove";

/// Show where COS looks for what a bucket does not have, or add a rule
///
/// It gets it from there, or sends visitors there. A new rule is asked after the others.
#[derive(Debug, Args)]
pub struct Origin {
    /// cos://BUCKET-APPID
    #[arg(value_name = "BUCKET")]
    url: BucketUrl,
    /// Send visitors to this host
    #[arg(long, value_name = "HOST")]
    redirect: Option<String>,
    /// Get it from this host, and keep it
    #[arg(long, value_name = "HOST", conflicts_with_all = ["redirect", "status"])]
    mirror: Option<String>,
    /// Send visitors on an error with this status
    #[arg(long, value_name = "STATUS", default_value_t = 404, requires = "redirect")]
    status: u16,
    /// Of keys that begin so alone
    #[arg(long)]
    prefix: Option<String>,
    /// Over https, whatever the request came by
    #[arg(long)]
    https: bool,
    /// Remove all rules
    #[arg(long, conflicts_with_all = ["redirect", "mirror", "status"])]
    remove: bool,
}

pub async fn run(session: &Session, asked: Origin) -> Outcome {
    let Origin { url, redirect, mirror, status, prefix, https, remove } = asked;
    let bucket = session.bucket(&url.0)?;
    let mut output = session.output();
    if redirect.is_none() && mirror.is_none() && (prefix.is_some() || https) {
        return Err(Failure::usage("--prefix and --https are for --redirect or --mirror"));
    }
    if remove {
        let removed = session.send(&bucket, DeleteBucketOrigin::new()).await?;
        let json = || json!({ "action": "remove", "request_id": removed.request_id() });
        output.line(json, format_args!("{url} has no origin (request id {})", removed.request_id()))?;
        return output.finish();
    }
    let mut found = session.send(&bucket, GetBucketOrigin::new()).await?;
    let last = found.iter().flat_map(|all| &all.rules).map(|rule| rule.priority).max();
    let priority = last.unwrap_or_default().saturating_add(1);
    let rule = match (redirect, mirror) {
        (Some(host), _) => Some(OriginRule::redirect(priority, status, host)),
        (_, Some(host)) => Some(OriginRule::mirror(priority, [OriginHost::new(host)])),
        _ => None,
    };
    if let Some(mut rule) = rule {
        rule.prefix = prefix;
        rule.protocol = https.then_some(OriginProtocol::Https);
        let mut all = found.unwrap_or_default();
        all.rules.push(rule);
        session.send(&bucket, PutBucketOrigin::new(all.clone())).await?;
        found = Some(all);
    }
    if let Some(all) = found {
        output.lines(|| told(&all), &text(&all))?;
    }
    output.finish()
}

fn told(all: &OriginConfiguration) -> Value {
    let host = |host: &OriginHost| {
        json!({
            "name": host.name,
            "weight": host.weight,
            "standby": host.standby,
            "unknown": host.unknown().collect::<Vec<_>>(),
        })
    };
    // What is said besides may be secret.
    let headers = |headers: &OriginHeaders| {
        json!({
            "follow_all": headers.follow_all,
            "new": headers.new.iter().map(|(name, _)| name).collect::<Vec<_>>(),
            "follow": headers.follow,
            "forbid": headers.forbid,
            "unknown": headers.unknown().collect::<Vec<_>>(),
        })
    };
    let rule = |rule: &OriginRule| {
        json!({
            "priority": rule.priority,
            "type": rule.origin_type.as_str(),
            "status": rule.status_code,
            "prefix": rule.prefix,
            "suffix": rule.suffix,
            "protocol": rule.protocol.map(OriginProtocol::as_str),
            "transparent_error_code": rule.transparent_error_code,
            "follow_query_string": rule.follow_query_string,
            "headers": rule.http_header.as_ref().map(headers),
            "follow_redirection": rule.follow_redirection,
            "redirect_code": rule.http_redirect_code,
            "hosts": rule.hosts.iter().map(host).collect::<Vec<_>>(),
            "file_prefix": rule.file_prefix,
            "file_suffix": rule.file_suffix,
            "fixed_file": rule.fixed_file,
            "unknown": rule.unknown().collect::<Vec<_>>(),
        })
    };
    json!({
        "type": "origins",
        "rules": all.rules.iter().map(rule).collect::<Vec<_>>(),
        "unknown": all.unknown().collect::<Vec<_>>(),
    })
}

fn text(all: &OriginConfiguration) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for rule in &all.rules {
        let does = match rule.origin_type {
            OriginType::Mirror => "gets from",
            OriginType::Proxy => "redirects, and gets meanwhile, to",
            OriginType::Redirect => "redirects to",
            other => other.as_str(),
        };
        let status = rule.status_code.map_or_else(|| "?".to_owned(), |status| status.to_string());
        let keys = format!("{}*{}", rule.prefix.as_deref().unwrap_or(""), rule.suffix.as_deref().unwrap_or(""));
        let hosts: Vec<_> = rule.hosts.iter().map(|host| host.name.as_str()).collect();
        let of_hosts = rule.hosts.iter().flat_map(OriginHost::unknown);
        let of_headers = rule.http_header.iter().flat_map(OriginHeaders::unknown);
        let unknown: Vec<_> = rule.unknown().chain(of_hosts).chain(of_headers).collect();
        let and = if unknown.is_empty() { String::new() } else { format!(", and {}", unknown.join(" ")) };
        lines.push((rule.priority.to_string(), format!("{status} of {keys} {does} {}{and}", hosts.join(" "))));
    }
    let unknown: Vec<_> = all.unknown().collect();
    if !unknown.is_empty() {
        lines.push(("and".to_owned(), unknown.join(" ")));
    }
    lines
}
