//! `cos sts`: a temporary key that may do less, as lines for a shell.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use tencent_cos::client::provider::ChainCredentials;
use tencent_cos::policy::{Condition, Policy, Resource, Statement};
use tencent_cos::sts::{Client, Endpoint, GetFederationToken};
use tencent_cos::{GetObject, HeadObject, ListObjects, Region};

use crate::failure::{Failure, Outcome};
use crate::input::read;
use crate::output::{quoted, time_text};
use crate::session::Session;
use crate::url::PrefixUrl;

pub const EXAMPLES: &str = "\
Examples:
  cos sts --allow upload,download --prefix cos://examplebucket-1250000000/up/
  cos sts --policy policy.json --duration 900
  key=$(cos sts --allow download --prefix cos://examplebucket-1250000000/) &&
    (eval \"$key\"; cos cat cos://examplebucket-1250000000/a.txt)";

/// Ask STS for a temporary key that may do less
///
/// The key of the environment asks, and must be a permanent one. The new key may do what both it and the policy allow.
/// It is printed as lines that a shell takes, so keep the output from logs.
#[derive(Debug, Args)]
pub struct Sts {
    /// File with the policy, as JSON; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["allow", "prefix"], required_unless_present = "allow")]
    policy: Option<PathBuf>,
    /// What the key may do behind PREFIX: upload, resume, download, list, or actions like DeleteObject, with commas between
    #[arg(long, value_name = "ACTIONS", value_delimiter = ',', requires = "prefix")]
    allow: Vec<String>,
    /// cos://BUCKET-APPID[/PREFIX]
    #[arg(long, value_name = "PREFIX", requires = "allow")]
    prefix: Option<PrefixUrl>,
    /// How many seconds the key lives: up to 36 hours, or 2 hours when the account itself asks
    #[arg(long, value_name = "S", default_value_t = 1800, value_parser = clap::value_parser!(u64).range(1..=129_600))]
    duration: u64,
    /// Whose key it is, for the logs
    #[arg(long, value_name = "NAME", default_value = "cos-example")]
    name: String,
    /// Address of STS in place of its own [else: STS_ENDPOINT; else COS_ENDPOINT if that is this machine]
    #[arg(long = "sts-endpoint", value_name = "URL")]
    address: Option<String>,
}

pub async fn run(session: &Session, arguments: Sts) -> Outcome {
    let Sts { policy, allow, prefix, duration, name, address } = arguments;
    let policy = match (policy, prefix) {
        (Some(file), _) => Policy::from_json(&read(&file)?)?,
        (None, Some(prefix)) => allowing(session.region(), &prefix, &allow)?,
        (None, None) => return Err(Failure::usage("--prefix is needed")),
    };
    let endpoint = session.sts_address(address.as_ref())?;
    let endpoint = endpoint.map(Endpoint::custom).transpose()?.unwrap_or_default();
    let credentials = ChainCredentials::standard();
    let sts = Client::builder().region(session.region()).credentials(credentials).endpoint(endpoint).build()?;
    let call = GetFederationToken::new(name, policy).duration(Duration::from_secs(duration));
    let issued = sts.send(call).await?;
    let (key, end) = (&issued.key, time_text(Some(issued.key.expires_at())));
    let json = json!({
        "secret_id": key.secret_id(),
        "secret_key": key.secret_key(),
        "token": key.token(),
        "expires_at": end,
        "request_id": issued.request_id(),
    });
    let mut output = session.output();
    if session.is_json() {
        output.document(&json, true)?;
        return output.finish();
    }
    output.line(|| json, format_args!("# until {}", end.unwrap_or_default()))?;
    for (name, value) in [("ID", key.secret_id()), ("KEY", key.secret_key())] {
        output.line(|| json!(null), format_args!("export TENCENTCLOUD_SECRET_{name}={}", quoted(value)))?;
    }
    output.line(|| json!(null), format_args!("export TENCENTCLOUD_TOKEN={}", quoted(key.token())))?;
    output.finish()
}

fn allowing(region: &Region, url: &PrefixUrl, actions: &[String]) -> Outcome<Policy> {
    let bucket = Resource::bucket(region, &url.bucket)?;
    let objects =
        if url.prefix.is_empty() { bucket.clone() } else { Resource::prefix(region, &url.bucket, &url.prefix)? };
    let mut policy = Policy::new();
    for action in actions {
        policy = match action.as_str() {
            "upload" => policy.allow_upload(&objects),
            "resume" => policy.allow_resumable_upload(&objects),
            "download" => policy.allow::<GetObject>(&objects).allow::<HeadObject>(&objects),
            "list" if url.prefix.is_empty() => policy.allow::<ListObjects>(&bucket),
            "list" => {
                let listing = Statement::allow(&bucket).operation::<ListObjects>();
                policy.statement(listing.when(Condition::list_prefix(&url.prefix)?))
            }
            name if name.contains(':') => policy.statement(Statement::allow(&objects).action(name)),
            name => policy.statement(Statement::allow(&objects).action(format!("name/cos:{name}"))),
        };
    }
    Ok(policy)
}
