//! `cos cp`.

use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};
use tencent_cos::Region;

use crate::copy::copy;
use crate::download::download;
use crate::failure::{Failure, Outcome};
use crate::session::Session;
use crate::upload::upload;
use crate::url::{Place, VersionId};

pub const EXAMPLES: &str = "\
Examples:
  cos cp a.png cos://examplebucket-1250000000/photos/a.png
  cos cp cos://examplebucket-1250000000/photos/a.png downloads/
  cos cp cos://examplebucket-1250000000/a.png cos://backup-1250000000/a.png --source-region ap-shanghai";

/// Copy one object to COS, back, or inside COS
///
/// One side is cos://BUCKET-APPID/KEY, the other a file, `-`, or an object, too. The object goes in one request, so it
/// has at most 5 GiB.
///
/// What arrives at a file is complete and checked, or the file is left as it was. To an existing directory, or a path
/// that ends in a slash, goes a file named like the last segment of the key.
///
/// From COS to COS the bytes do not come through here. --region is that of DST; content headers and metadata come along,
/// storage class, ACL and encryption do not.
#[derive(Debug, Args)]
pub struct Cp {
    /// From where
    #[arg(value_name = "SRC", value_parser = OsStringValueParser::new().try_map(Place::new))]
    source: Place,
    /// To where; a key is taken as it is, also when it ends in a slash
    #[arg(value_name = "DST", value_parser = OsStringValueParser::new().try_map(Place::new))]
    destination: Place,
    /// Region of SRC, when both sides are on COS and it is not that of DST
    #[arg(long, value_name = "REGION")]
    source_region: Option<Region>,
    /// This version of SRC, in place of the latest
    #[arg(long, value_name = "ID")]
    version_id: Option<VersionId>,
}

pub async fn run(session: &Session, command: Cp) -> Outcome {
    let Cp { source, destination, source_region, version_id } = command;
    if let (Place::Object(source), Place::Object(destination)) = (&source, &destination) {
        return copy(session, source, destination, source_region.as_ref(), version_id).await;
    }
    if source_region.is_some() {
        return Err(Failure::usage("--source-region is for copies from COS to COS"));
    }
    match (source, destination) {
        (Place::Object(object), place) => download(session, object, version_id, place).await,
        (_, Place::Object(_)) if version_id.is_some() => Err(Failure::usage("--version-id is for a SRC on COS")),
        (place, Place::Object(object)) => upload(session, place, object).await,
        _ => Err(Failure::usage("neither SRC nor DST is a cos:// URL")),
    }
}
