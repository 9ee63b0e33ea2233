//! `cos presign`: a URL that does one thing to one object. Nothing is sent.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::json;
use tencent_cos::{DeleteObject, GetObject, HeadObject, PutObject};

use crate::failure::{Failure, Outcome};
use crate::output::time_text;
use crate::session::Session;
use crate::url::{ObjectUrl, VersionId};

pub const EXAMPLES: &str = "\
Examples:
  curl \"$(cos presign cos://examplebucket-1250000000/notes/a.txt)\"
  curl -T a.txt \"$(cos presign --method PUT --expires 60 \\
    cos://examplebucket-1250000000/notes/a.txt)\"";

/// Print a URL that lets anybody use an object for a while
///
/// Whoever has the URL may use it until it expires, and a temporary key's token stands in it. It ends sooner when the key
/// does. Nothing is sent, so nobody asks whether there is such an object.
///
/// Parameters and headers may be added to it, like `&acl` or x-cos-copy-source, as far as the key may do what comes of it:
/// `cos sts` makes one that may do less.
#[derive(Debug, Args)]
pub struct Presign {
    /// cos://BUCKET-APPID/KEY
    #[arg(value_name = "OBJECT")]
    object: ObjectUrl,
    /// What the URL is for
    #[arg(long, value_enum, ignore_case = true, default_value_t = Method::Get)]
    method: Method,
    /// How many seconds it holds, up to seven days
    #[arg(long, value_name = "S", default_value_t = 900, value_parser = clap::value_parser!(u64).range(1..=604_800))]
    expires: u64,
    /// This version, in place of the latest
    #[arg(long, value_name = "ID")]
    version_id: Option<VersionId>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Method {
    #[value(name = "GET")]
    Get,
    #[value(name = "PUT")]
    Put,
    #[value(name = "HEAD")]
    Head,
    #[value(name = "DELETE")]
    Delete,
}

pub async fn run(session: &Session, command: Presign) -> Outcome {
    let Presign { object, method, expires, version_id } = command;
    let bucket = session.bucket(&object.bucket)?;
    let (key, lifetime) = (object.key, Duration::from_secs(expires));
    let id = version_id.map(|VersionId(id)| id).into_iter();
    let signed = match method {
        Method::Put if id.len() > 0 => return Err(Failure::usage("--version-id is for GET, HEAD and DELETE")),
        Method::Get => bucket.presign(id.fold(GetObject::new(key), GetObject::version_id), lifetime).await,
        // Whoever uses the URL brings the body.
        Method::Put => bucket.presign(PutObject::new(key, ""), lifetime).await,
        Method::Head => bucket.presign(id.fold(HeadObject::new(key), HeadObject::version_id), lifetime).await,
        Method::Delete => bucket.presign(id.fold(DeleteObject::new(key), DeleteObject::version_id), lifetime).await,
    }?;
    let json = || {
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let headers = signed.headers.iter().map(|(name, value)| (name.as_str(), text(value.as_bytes())));
        json!({
            "method": signed.method.as_str(),
            "url": signed.url,
            "headers": headers.collect::<BTreeMap<_, _>>(),
            "expires_at": time_text(Some(signed.expires_at)),
        })
    };
    let mut output = session.output();
    output.line(json, &signed.url)?;
    output.finish()
}
