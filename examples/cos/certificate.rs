//! `cos certificate`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use tencent_cos::{
    CustomCertificate, DeleteBucketDomainCertificate, GetBucketDomainCertificate, PutBucketDomainCertificate,
};

use crate::failure::Outcome;
use crate::input;
use crate::output::time_text;
use crate::session::Session;
use crate::url::BucketUrl;

pub const EXAMPLES: &str = "\
Examples:
  cos certificate cos://examplebucket-1250000000 --domain cdn.example.com
  cos certificate cos://examplebucket-1250000000 --domain cdn.example.com \\
      --cert cdn.pem --private-key cdn.key
  cos certificate cos://examplebucket-1250000000 --domain cdn.example.com \\
      --remove";

/// Show the certificate of a custom domain of a bucket, set or remove it
///
/// What is shown is when it ends, not the certificate.
#[derive(Debug, Args)]
pub struct Certificate {
    /// cos://BUCKET-APPID
    #[arg(value_name = "BUCKET")]
    url: BucketUrl,
    /// The domain; `cos domain` shows and adds them
    #[arg(long)]
    domain: String,
    /// Set this certificate, PEM, with those that vouch for it behind it
    #[arg(long, value_name = "FILE", requires = "private_key")]
    cert: Option<PathBuf>,
    /// The key of the certificate, PEM; - is standard input
    #[arg(long, value_name = "FILE", requires = "cert")]
    private_key: Option<PathBuf>,
    /// Remove it
    #[arg(long, conflicts_with_all = ["cert", "private_key"])]
    remove: bool,
}

pub async fn run(session: &Session, asked: Certificate) -> Outcome {
    let Certificate { url, domain, cert, private_key, remove } = asked;
    let bucket = session.bucket(&url.0)?;
    let mut output = session.output();
    if remove {
        let removed = session.send(&bucket, DeleteBucketDomainCertificate::new(&domain)).await?;
        let json = || json!({ "action": "remove", "request_id": removed.request_id() });
        output.line(json, format_args!("{domain} has no certificate (request id {})", removed.request_id()))?;
        return output.finish();
    }
    if let (Some(cert), Some(private_key)) = (cert, private_key) {
        let certificate = CustomCertificate::pem(input::read(&cert)?, input::read(&private_key)?)?;
        let set = session.send(&bucket, PutBucketDomainCertificate::new(certificate, [&domain])).await?;
        let json = || json!({ "action": "set", "request_id": set.request_id() });
        output.line(json, format_args!("set the certificate of {domain} (request id {})", set.request_id()))?;
        return output.finish();
    }
    if let Some(found) = session.send(&bucket, GetBucketDomainCertificate::new(&domain)).await? {
        let (begin, expire) = (time_text(found.validity_begin), time_text(found.validity_expire));
        let json = || {
            json!({
                "type": "certificate",
                "domain": domain,
                "enabled": found.enabled,
                "cert_id": found.cert_id,
                "validity_begin": begin,
                "validity_expire": expire,
            })
        };
        let named = [("id", found.cert_id.clone()), ("begins", begin.clone()), ("ends", expire.clone())];
        let mut text = vec![("in use".to_owned(), if found.enabled { "yes" } else { "no" }.to_owned())];
        text.extend(named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        output.lines(json, &text)?;
    }
    output.finish()
}
