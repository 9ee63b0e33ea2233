//! `cos presign`: a URL that does one thing to one object. Nothing is sent.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::json;
use tencent_cos::{DeleteObject, GetObject, HeadObject, PutObject};

use crate::failure::Outcome;
use crate::output::time_text;
use crate::session::Session;
use crate::url::ObjectUrl;

pub const EXAMPLES: &str = "\
Examples:
  curl \"$(cos presign cos://examplebucket-1250000000/notes/a.txt)\"
  curl -T a.txt \"$(cos presign --method PUT --expires 60 \\
    cos://examplebucket-1250000000/notes/a.txt)\"";

/// Print a URL that lets anybody use an object for a while
///
/// Whoever has the URL may send that one request until it expires, and a temporary key's token stands in it. It ends
/// sooner when the key does. Nothing is sent, so nobody asks whether there is such an object.
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

pub async fn run(session: &Session, Presign { object, method, expires }: Presign) -> Outcome {
    let bucket = session.bucket(&object.bucket)?;
    let (key, lifetime) = (object.key, Duration::from_secs(expires));
    let signed = match method {
        Method::Get => bucket.presign(GetObject::new(key), lifetime).await,
        // Whoever uses the URL brings the body.
        Method::Put => bucket.presign(PutObject::new(key, ""), lifetime).await,
        Method::Head => bucket.presign(HeadObject::new(key), lifetime).await,
        Method::Delete => bucket.presign(DeleteObject::new(key), lifetime).await,
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
