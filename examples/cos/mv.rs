//! `cos mv`.

use clap::Args;
use tencent_cos::{Conditions, HeadObject, Region};

use crate::copy::copy;
use crate::cp::named;
use crate::failure::{Failure, Outcome};
use crate::options::Options;
use crate::rm::remove;
use crate::session::Session;
use crate::url::{ObjectUrl, Place, PrefixUrl};

pub const EXAMPLES: &str = "\
Examples:
  cos mv cos://examplebucket-1250000000/draft.txt \\
    cos://examplebucket-1250000000/final.txt
  cos mv --storage-class ARCHIVE cos://examplebucket-1250000000/a.png \\
    cos://examplebucket-1250000000/archive/";

/// Move or rename an object inside COS
///
/// COS knows no other names for an object: it is copied as `cos cp` copies it, and then SRC is removed as `cos rm` removes
/// it. When SRC was replaced meanwhile, both stay, and the exit status is 1. It is looked at just before it is removed: COS
/// removes under no condition, so what is written in between is removed with it. Of a SRC whose bucket keeps versions,
/// they stay behind a delete marker.
#[derive(Debug, Args)]
pub struct Mv {
    /// cos://BUCKET-APPID/KEY
    #[arg(value_name = "SRC")]
    source: ObjectUrl,
    /// cos://BUCKET-APPID/KEY; in a bucket, or behind a key that ends in a slash, it is named like SRC
    #[arg(value_name = "DST")]
    destination: PrefixUrl,
    /// Region of SRC, when it is not that of DST
    #[arg(long, value_name = "REGION")]
    source_region: Option<Region>,
    #[command(flatten)]
    options: Options,
}

pub async fn run(session: &Session, command: Mv) -> Outcome {
    let Mv { source, destination, source_region, options } = command;
    options.check(true)?;
    let place = Place::Cos(PrefixUrl { bucket: source.bucket.clone(), prefix: source.key.to_string() });
    let destination = named(&place, destination)?.try_into()?;
    let from = session.bucket_in(source_region.as_ref(), &source.bucket)?;
    let moved = session.send(&from, HeadObject::new(source.key.clone())).await?;
    copy(session, &source, &destination, source_region.as_ref(), None, &options).await?;
    let same = HeadObject::new(source.key.clone()).conditions(Conditions::new().if_match(moved.etag()));
    if let Err(failure) = session.send(&from, same).await {
        let kept =
            format!("{source} was copied to {destination} and not removed, as it may be another by now: {failure}");
        return Err(Failure::failed(kept));
    }
    remove(session, &from, &source, None).await
}
