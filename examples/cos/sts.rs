//! `cos sts`: a temporary key that may do less, as lines for a shell.

use std::path::PathBuf;
use std::str::FromStr;
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
    /// What the key may do behind PREFIX: upload, resume, download, list, or actions like DeleteObject, with commas
    /// between; those that are new here in full, like name/cos:DeleteObject
    #[arg(long, value_name = "ACTIONS", value_delimiter = ',', requires = "prefix")]
    allow: Vec<Right>,
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

/// What a key may do.
#[derive(Clone, Debug)]
enum Right {
    Upload,
    Resume,
    Download,
    List,
    /// In full: `name/cos:DeleteObject`.
    Action(String),
}

/// Actions on objects.
const ACTIONS: [&str; 22] = [
    "AbortMultipartUpload",
    "AppendObject",
    "CompleteMultipartUpload",
    "DeleteObject",
    "DeleteObjectTagging",
    "GetObject",
    "GetObjectACL",
    "GetObjectRetention",
    "GetObjectTagging",
    "GetSymlink",
    "HeadObject",
    "InitiateMultipartUpload",
    "ListParts",
    "OptionsObject",
    "PostObject",
    "PostObjectRestore",
    "PutObject",
    "PutObjectACL",
    "PutObjectRetention",
    "PutObjectTagging",
    "PutSymlink",
    "UploadPart",
];

impl FromStr for Right {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, &'static str> {
        if name.contains(':') {
            return Ok(Self::Action(name.to_owned()));
        }
        let known = ACTIONS.iter().find(|action| action.eq_ignore_ascii_case(name));
        match (&*name.to_ascii_lowercase(), known) {
            (_, Some(action)) => Ok(Self::Action(format!("name/cos:{action}"))),
            ("upload", _) => Ok(Self::Upload),
            ("resume", _) => Ok(Self::Resume),
            ("download", _) => Ok(Self::Download),
            ("list", _) => Ok(Self::List),
            _ => Err("is no right: upload, resume, download, list, an action like DeleteObject, or any in full, like \
                      name/cos:DeleteObject"),
        }
    }
}

fn allowing(region: &Region, url: &PrefixUrl, rights: &[Right]) -> Outcome<Policy> {
    let bucket = Resource::bucket(region, &url.bucket)?;
    let objects =
        if url.prefix.is_empty() { bucket.clone() } else { Resource::prefix(region, &url.bucket, &url.prefix)? };
    let mut policy = Policy::new();
    for right in rights {
        policy = match right {
            Right::Upload => policy.allow_upload(&objects),
            Right::Resume => policy.allow_resumable_upload(&objects),
            Right::Download => policy.allow::<GetObject>(&objects).allow::<HeadObject>(&objects),
            Right::List if url.prefix.is_empty() => policy.allow::<ListObjects>(&bucket),
            Right::List => {
                let listing = Statement::allow(&bucket).operation::<ListObjects>();
                policy.statement(listing.when(Condition::list_prefix(&url.prefix)))
            }
            Right::Action(action) => policy.statement(Statement::allow(&objects).action(action)),
        };
    }
    Ok(policy)
}
