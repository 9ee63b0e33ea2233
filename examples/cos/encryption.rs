//! `cos encryption`.

use std::fmt;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use tencent_cos::{BucketEncryption, DeleteBucketEncryption, GetBucketEncryption, PutBucketEncryption};

use crate::failure::Outcome;
use crate::session::Session;
use crate::url::BucketUrl;

pub const EXAMPLES: &str = "\
Examples:
  cos encryption cos://examplebucket-1250000000
  cos encryption cos://examplebucket-1250000000 --set cos
  cos encryption cos://examplebucket-1250000000 --set kms --kms-key-id mykey
  cos encryption cos://examplebucket-1250000000 --remove";

/// Show how COS encrypts new objects that do not say it, or change it
///
/// Objects that are there stay as they are.
#[derive(Debug, Args)]
pub struct Encryption {
    /// cos://BUCKET-APPID
    #[arg(value_name = "BUCKET")]
    url: BucketUrl,
    /// Encrypt new objects with keys of COS (SSE-COS, AES256), or with a key of the key management service (SSE-KMS)
    #[arg(long, value_name = "KEYS")]
    set: Option<Keys>,
    /// The key of the key management service, in place of the account's default key
    #[arg(long, value_name = "ID", requires = "set")]
    kms_key_id: Option<String>,
    /// Encrypt new objects no more
    #[arg(long, conflicts_with_all = ["set", "kms_key_id"])]
    remove: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Keys {
    Cos,
    Kms,
}

pub async fn run(session: &Session, Encryption { url, set, kms_key_id, remove }: Encryption) -> Outcome {
    let bucket = session.bucket(&url.0)?;
    let mut output = session.output();
    if remove {
        let removed = session.send(&bucket, DeleteBucketEncryption::new()).await?;
        let json = || json!({ "action": "remove", "request_id": removed.request_id() });
        let line = format_args!("new objects of {url} are not encrypted (request id {})", removed.request_id());
        output.line(json, line)?;
        return output.finish();
    }
    let Some(keys) = set else {
        let there = session.send(&bucket, GetBucketEncryption::new()).await?;
        output.line(|| told(there.as_ref()), Line(there.as_ref()))?;
        return output.finish();
    };
    let mut encryption = match keys {
        Keys::Cos => BucketEncryption::cos(),
        Keys::Kms => BucketEncryption::kms(),
    };
    encryption.kms_key_id = kms_key_id;
    session.send(&bucket, PutBucketEncryption::new(encryption.clone())).await?;
    output.line(|| told(Some(&encryption)), Line(Some(&encryption)))?;
    output.finish()
}

fn told(encryption: Option<&BucketEncryption>) -> Value {
    json!({
        "type": "encryption",
        "algorithm": encryption.map(|it| &it.algorithm),
        "kms_key_id": encryption.and_then(|it| it.kms_key_id.as_ref()),
        "unknown": encryption.map(|it| it.unknown().collect::<Vec<_>>()).unwrap_or_default(),
    })
}

struct Line<'a>(Option<&'a BucketEncryption>);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(encryption) = self.0 else { return f.write_str("new objects are not encrypted unless they say it") };
        write!(f, "new objects are encrypted with {}", encryption.algorithm)?;
        if let Some(id) = &encryption.kms_key_id {
            write!(f, ", key {id}")?;
        }
        encryption.unknown().try_for_each(|name| write!(f, ", and {name}"))
    }
}
