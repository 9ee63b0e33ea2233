//! `cos cp`.

use clap::Args;
use clap::ValueHint::AnyPath;
use clap::builder::{OsStringValueParser, TypedValueParser};
use tencent_cos::Region;

use crate::copy::{copy, copy_tree};
use crate::download::{download, download_tree};
use crate::failure::{Failure, Outcome};
use crate::options::Options;
use crate::session::Session;
use crate::tree::Choice;
use crate::upload::{upload, upload_tree};
use crate::url::{Place, PrefixUrl, Root, VersionId};

pub const EXAMPLES: &str = "\
Examples:
  cos cp a.png cos://examplebucket-1250000000/photos/
  cos cp cos://examplebucket-1250000000/photos/a.png downloads/
  cos cp -r photos cos://examplebucket-1250000000/photos --exclude '*.tmp'
  cos cp -r site cos://examplebucket-1250000000/www/ --cache-control max-age=600
  cos cp --source-region ap-shanghai \\
    cos://examplebucket-1250000000/a.png cos://backup-1250000000/a.png";

/// Copy an object or a tree to COS, back, or inside COS
///
/// One side is cos://BUCKET-APPID/KEY, the other a file, `-`, or an object, too. What is large goes by parts, several at
/// once. Ctrl-C leaves none of them behind; with --checkpoint they stay, and the same command goes on where it ended.
///
/// What arrives at a file is complete and checked, or the file is left as it was. Nothing is written through a symbolic
/// link. To an existing directory, or a path that ends in a slash, goes a file named like the last segment of the key; to
/// a bucket, or a key that ends in a slash, an object named like the file, or like the last segment of the other key.
///
/// With --recursive a directory goes up, or what is behind cos://BUCKET-APPID/DIR/ comes down, each file on a line of its
/// own; a file that fails is told on standard error, the rest goes on, and the exit status is 1. Keys that would lead
/// elsewhere, or are no names of files everywhere, are refused so. Marks of folders are left out. Files get the times of
/// their objects. A DIR on COS with nothing at all below it is no SRC.
///
/// From COS to COS the bytes do not come through here. --region is that of DST; content headers, metadata and tags come
/// along, storage class, ACL and encryption do not.
#[derive(Debug, Args)]
pub struct Cp {
    /// From where
    #[arg(value_name = "SRC", value_hint = AnyPath, value_parser = OsStringValueParser::new().try_map(Place::new))]
    source: Place,
    /// To where; in a bucket, or behind a key that ends in a slash, the object is named like SRC, which `-` is not
    #[arg(value_name = "DST", value_hint = AnyPath, value_parser = OsStringValueParser::new().try_map(Place::new))]
    destination: Place,
    /// Copy all that is below SRC, a directory here or on COS
    #[arg(long, short)]
    recursive: bool,
    /// Region of SRC, when both sides are on COS and it is not that of DST
    #[arg(long, value_name = "REGION")]
    source_region: Option<Region>,
    /// This version of SRC, in place of the latest
    #[arg(long, value_name = "ID", conflicts_with = "recursive")]
    version_id: Option<VersionId>,
    #[command(flatten)]
    choice: Choice,
    #[command(flatten)]
    options: Options,
}

pub async fn run(session: &Session, command: Cp) -> Outcome {
    let both = matches!((&command.source, &command.destination), (Place::Cos(_), Place::Cos(_)));
    if command.source_region.is_some() && !both {
        return Err(Failure::usage("--source-region is for copies from COS to COS"));
    }
    command.options.check(matches!(command.destination, Place::Cos(_)))?;
    if command.recursive {
        return trees(session, command).await;
    }
    command.choice.for_trees()?;
    let Cp { source, destination, source_region, version_id, options, .. } = command;
    if let Place::Cos(bucket) = &source
        && bucket.prefix.is_empty()
    {
        return Err(Failure::usage(format!("{bucket} is no object; --recursive copies all that is in it")));
    }
    let destination = match destination {
        Place::Cos(url) => Place::Cos(named(&source, url)?),
        place => place,
    };
    match (source, destination) {
        (Place::Cos(source), Place::Cos(destination)) => {
            let (source, destination) = (source.try_into()?, destination.try_into()?);
            copy(session, &source, &destination, source_region.as_ref(), version_id, &options).await
        }
        (Place::Cos(object), place) => download(session, object.try_into()?, version_id, place, &options).await,
        (_, Place::Cos(_)) if version_id.is_some() => Err(Failure::usage("--version-id is for a SRC on COS")),
        (place, Place::Cos(object)) => upload(session, place, object.try_into()?, &options).await,
        _ => Err(Failure::usage("neither SRC nor DST is a cos:// URL")),
    }
}

/// In a directory on COS, or in a bucket, the object that is named like the source.
pub fn named(source: &Place, mut url: PrefixUrl) -> Outcome<PrefixUrl> {
    if !url.prefix.is_empty() && !url.prefix.ends_with('/') {
        return Ok(url);
    }
    let no_name = |why| Err(Failure::usage(format!("`{source}` {why}; {url}KEY would be an object")));
    let name = match source {
        Place::Pipe if url.prefix.is_empty() => return no_name("has no name"),
        // So that a key may end in a slash, as the marks of folders do.
        Place::Pipe => return Ok(url),
        // No file is called so; that is told where it is opened.
        Place::File(path) if path.file_name().is_none() => "KEY",
        _ => match source.last_segment() {
            Some(name) => name,
            None => return no_name("is not UTF-8"),
        },
    };
    url.prefix.push_str(name);
    Ok(url)
}

async fn trees(session: &Session, command: Cp) -> Outcome {
    let Cp { source, destination, source_region, choice, options, .. } = command;
    let root = |place: Place| place.into_root().map_err(|refused| Failure::usage(refused.to_string()));
    match (root(source)?, root(destination)?) {
        (Root::Local(directory), Root::Cos(url)) => upload_tree(session, directory, url, &choice, &options).await,
        (Root::Cos(url), Root::Local(directory)) => download_tree(session, url, directory, &choice, &options).await,
        (Root::Cos(from), Root::Cos(to)) => {
            copy_tree(session, from, to, source_region.as_ref(), &choice, &options, None).await
        }
        _ => Err(Failure::usage("neither SRC nor DST is a cos:// URL")),
    }
}
