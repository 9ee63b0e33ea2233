//! `cos cat`.

use std::str::FromStr;

use clap::Args;
use tencent_cos::{ByteRange, GetObject};

use crate::failure::Outcome;
use crate::output::copy_to_stdout;
use crate::session::Session;
use crate::url::{ObjectUrl, VersionId};

#[derive(Debug, Args)]
pub struct Cat {
    /// cos://BUCKET-APPID/KEY
    #[arg(value_name = "OBJECT")]
    object: ObjectUrl,
    /// These bytes only, from 0, both included; A- is to the end, -N the last N
    #[arg(long, value_name = "A-B", allow_hyphen_values = true)]
    range: Option<Span>,
    /// This version, in place of the latest
    #[arg(long, value_name = "ID")]
    version_id: Option<VersionId>,
}

pub async fn run(session: &Session, Cat { object, range, version_id }: Cat) -> Outcome {
    let bucket = session.bucket(&object.bucket)?;
    let mut get = GetObject::new(object.key);
    match range {
        Some(Span::Range(range)) => get = get.range(range),
        Some(Span::Last(count)) => get = get.last_bytes(count),
        None => {}
    }
    if let Some(VersionId(id)) = version_id {
        get = get.version_id(id);
    }
    copy_to_stdout(session.send(&bucket, get).await?.body).await
}

#[derive(Clone, Copy, Debug)]
enum Span {
    Range(ByteRange),
    Last(u64),
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || "is not of the form A-B, A- or -N, with numbers from 0, B not under A and N not 0".to_owned();
        // `parse` would take a sign.
        let count = text.strip_prefix('-').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        match count.map(str::parse) {
            Some(Ok(0) | Err(_)) => Err(refused()),
            Some(Ok(count)) => Ok(Self::Last(count)),
            None => format!("bytes={text}").parse().map(Self::Range).map_err(|_| refused()),
        }
    }
}
