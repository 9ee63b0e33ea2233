//! `cos sync`.

use clap::ValueHint::DirPath;
use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, ValueEnum};
use tencent_cos::Region;
use tencent_cos::transfer::{Compare, DownloadDirectory, UploadDirectory};

use crate::copy::{Alike, copy_tree};
use crate::failure::{Failure, Outcome};
use crate::options::Options;
use crate::session::Session;
use crate::tree::{Choice, Lines, is_there};
use crate::url::Root;

pub const EXAMPLES: &str = "\
Examples:
  cos sync --delete --dry-run site cos://examplebucket-1250000000/www/
  cos sync cos://examplebucket-1250000000/www/ site --exclude '*.tmp'
  cos sync --source-region ap-shanghai \\
    cos://examplebucket-1250000000/www/ cos://backup-1250000000/www/";

/// Make a directory like another, one of them on COS, or both
///
/// One side is cos://BUCKET-APPID[/DIR], the other a local directory or on COS, too. What is the same on both sides stays:
/// by size and CRC-64, which reads every file and looks at every object; or quicker by --by.
///
/// Only --delete removes what DST has beside SRC, after all the rest: never outside of it, never links, never what
/// --include and --exclude leave out, and nothing where the disk could not be read, a transfer failed, or SRC has no
/// file. A file that fails is told on standard error, the rest goes
/// on, and the exit status is 1. Keys that would lead elsewhere or are no names of files everywhere are refused so. A DIR
/// on COS with nothing at all below it is no SRC. Files get the times of their objects.
///
/// From COS to COS it copies as `cos cp -r` does: the bytes do not come through here, and --region is that of DST.
#[derive(Debug, Args)]
pub struct Sync {
    /// From where
    #[arg(value_name = "SRC", value_hint = DirPath, value_parser = OsStringValueParser::new().try_map(Root::new))]
    source: Root,
    /// To where
    #[arg(value_name = "DST", value_hint = DirPath, value_parser = OsStringValueParser::new().try_map(Root::new))]
    destination: Root,
    /// Remove from DST what SRC does not have
    #[arg(long)]
    delete: bool,
    /// What counts as the same, beside the size
    #[arg(long, value_name = "HOW", default_value = "crc64")]
    by: By,
    /// Region of SRC, when both sides are on COS and it is not that of DST
    #[arg(long, value_name = "REGION")]
    source_region: Option<Region>,
    #[command(flatten)]
    choice: Choice,
    #[command(flatten)]
    options: Options,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum By {
    /// The CRC-64 of the bytes
    Crc64,
    /// That SRC was not written after DST
    Time,
    /// Nothing
    Size,
}

impl By {
    fn compare(self) -> Compare {
        match self {
            Self::Crc64 => Compare::Crc64,
            Self::Time => Compare::Time,
            Self::Size => Compare::Size,
        }
    }
}

pub async fn run(session: &Session, command: Sync) -> Outcome {
    let Sync { source, destination, delete, by, source_region, choice, options } = command;
    let both = matches!((&source, &destination), (Root::Cos(_), Root::Cos(_)));
    if source_region.is_some() && !both {
        return Err(Failure::usage("--source-region is for copies from COS to COS"));
    }
    options.check(matches!(destination, Root::Cos(_)))?;
    let outcome = match (source, destination) {
        (Root::Local(directory), Root::Cos(destination)) => {
            let bucket = session.bucket(&destination.bucket)?;
            let lines = Lines::new(session, Root::Local(directory.clone()), Root::Cos(destination.clone()), &choice);
            let mut job = choice.upload(UploadDirectory::new(directory, destination.prefix))?.sync(by.compare());
            job = options.upload_directory(job).on_file(lines.listener()).count_ahead();
            if delete {
                job = job.delete_extraneous();
            }
            lines.run(bucket.transfer(job)).await
        }
        (Root::Cos(source), Root::Local(directory)) => {
            let bucket = session.bucket(&source.bucket)?;
            let lines = Lines::new(session, Root::Cos(source.clone()), Root::Local(directory.clone()), &choice);
            let mut job = choice.download(DownloadDirectory::new(&source.prefix, directory))?.sync(by.compare());
            is_there(session, &bucket, &source).await?;
            job = options.download_directory(job).on_file(lines.listener());
            if lines.has_bars() {
                job = job.count_ahead();
            }
            if delete {
                job = job.delete_extraneous();
            }
            lines.run(bucket.transfer(job)).await
        }
        (Root::Cos(source), Root::Cos(destination)) => {
            let alike = Some(Alike { by: by.compare(), delete });
            return copy_tree(session, source, destination, source_region.as_ref(), &choice, &options, alike).await;
        }
        _ => return Err(Failure::usage("neither SRC nor DST is a cos:// URL")),
    };
    options.hint(outcome)
}
