//! `cos rm`.

use clap::Args;
use serde_json::json;
use tencent_cos::{Bucket, DeleteObject};

use crate::failure::{Failure, Outcome};
use crate::session::Session;
use crate::sweep::{Wanted, sweep};
use crate::tree::{Globs, is_folder};
use crate::url::{ObjectUrl, PrefixUrl, VersionId};

pub const EXAMPLES: &str = "\
Examples:
  cos rm cos://examplebucket-1250000000/notes/a.txt
  cos rm --recursive --dry-run cos://examplebucket-1250000000/logs/2025/
  cos rm -r cos://examplebucket-1250000000/logs/ --include '*.tmp'
  cos rm -r --versions cos://examplebucket-1250000000/drafts/";

/// Remove an object, or with --recursive all that is in a folder
///
/// A folder ends in a slash: cos://BUCKET-APPID/a/ takes a/b, and not ab. cos://BUCKET-APPID alone is every object of the
/// bucket; with --include 'a*' it is those whose keys begin with a. What could not be removed is told line by line on
/// standard error, and the exit status is 1.
///
/// Versions are not touched, unless --version-id names one or --versions means all: where the bucket keeps them, a
/// removed object is hidden behind a delete marker and its versions stay.
#[derive(Debug, Args)]
pub struct Rm {
    /// cos://BUCKET-APPID/KEY, or cos://BUCKET-APPID[/DIR/] with --recursive; one that does not exist is a success
    #[arg(value_name = "OBJECT")]
    url: PrefixUrl,
    /// Remove this version for good
    // Also of --dry-run: clap lets what an option requires be missing where that is in conflict with another.
    #[arg(long, value_name = "ID", conflicts_with_all = ["recursive", "dry_run", "versions"])]
    version_id: Option<VersionId>,
    /// Remove every object whose key begins with DIR/
    #[arg(long, short)]
    recursive: bool,
    /// Print what --recursive would remove, and remove nothing
    #[arg(long, requires = "recursive")]
    dry_run: bool,
    /// With --recursive: remove all versions and delete markers for good
    #[arg(long, requires = "recursive")]
    versions: bool,
    #[command(flatten)]
    globs: Globs,
}

pub async fn run(session: &Session, command: Rm) -> Outcome {
    let Rm { url, version_id, recursive, dry_run, versions, globs } = command;
    if recursive {
        is_folder(&url)?;
        return sweep(session, url, Wanted { globs, versions, dry_run }).await;
    }
    globs.for_trees()?;
    if url.prefix.is_empty() {
        return Err(Failure::usage("key: is empty; --recursive removes every object of a bucket"));
    }
    let object = ObjectUrl::try_from(url)?;
    let bucket = session.bucket(&object.bucket)?;
    remove(session, &bucket, &object, version_id).await
}

/// One object, or one version of it.
pub async fn remove(session: &Session, bucket: &Bucket, object: &ObjectUrl, version_id: Option<VersionId>) -> Outcome {
    let mut delete = DeleteObject::new(object.key.clone());
    if let Some(VersionId(id)) = version_id {
        delete = delete.version_id(id);
    }
    let removed = session.send(bucket, delete).await?;
    let mut output = session.output();
    let json = || {
        json!({
            "bucket": object.bucket.as_str(),
            "key": object.key.as_str(),
            "delete_marker": removed.delete_marker,
            "version_id": removed.version_id,
            "request_id": removed.request_id(),
        })
    };
    output.line(json, format_args!("removed {object} (request id {})", removed.request_id()))?;
    output.finish()
}
