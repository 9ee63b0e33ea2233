//! `cos cp`.

use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};

use crate::download::download;
use crate::failure::{Failure, Outcome};
use crate::session::Session;
use crate::upload::upload;
use crate::url::Place;

/// Copy one object to COS or back
///
/// One side is cos://BUCKET-APPID/KEY, the other a file or `-`. The object goes in one request, so it has at most 5 GiB.
///
/// What arrives at a file is complete and checked, or the file is left as it was. To an existing directory, or a path
/// that ends in a slash, goes a file named like the last segment of the key.
#[derive(Debug, Args)]
pub struct Cp {
    /// From where
    #[arg(value_name = "SRC", value_parser = OsStringValueParser::new().try_map(Place::new))]
    source: Place,
    /// To where; a key is taken as it is, also when it ends in a slash
    #[arg(value_name = "DST", value_parser = OsStringValueParser::new().try_map(Place::new))]
    destination: Place,
}

pub async fn run(session: &Session, Cp { source, destination }: Cp) -> Outcome {
    match (source, destination) {
        (Place::Object(object), place) if !matches!(place, Place::Object(_)) => download(session, object, place).await,
        (place, Place::Object(object)) if !matches!(place, Place::Object(_)) => upload(session, place, object).await,
        (Place::Object(_), _) => Err(Failure::usage("copying from COS to COS is not there yet")),
        _ => Err(Failure::usage("neither SRC nor DST is a cos:// URL")),
    }
}
