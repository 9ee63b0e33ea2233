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
    /// These bytes only, from 0, both included; A- is to the end
    #[arg(long, value_name = "A-B")]
    range: Option<Span>,
    /// This version, in place of the latest
    #[arg(long, value_name = "ID")]
    version_id: Option<VersionId>,
}

pub async fn run(session: &Session, Cat { object, range, version_id }: Cat) -> Outcome {
    let bucket = session.bucket(&object.bucket)?;
    let mut get = GetObject::new(object.key);
    if let Some(Span(range)) = range {
        get = get.range(range);
    }
    if let Some(VersionId(id)) = version_id {
        get = get.version_id(id);
    }
    copy_to_stdout(session.send(&bucket, get).await?.body).await
}

#[derive(Clone, Copy, Debug)]
struct Span(ByteRange);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || "is not of the form A-B or A-, with numbers from 0 and B not under A".to_owned();
        let number = |text: &str| {
            // `parse` would take a sign.
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<u64>().ok().filter(|_| digits).ok_or_else(refused)
        };
        let (first, last) = text.split_once('-').ok_or_else(refused)?;
        let first = number(first)?;
        if last.is_empty() {
            return Ok(Self((first..).into()));
        }
        let last = number(last)?;
        if last < first { Err(refused()) } else { Ok(Self((first..=last).into())) }
    }
}
