//! `cos restore`.

use clap::{Args, ValueEnum};
use serde_json::json;
use tencent_cos::{
    Bucket, ErrorKind, ListObjects, ObjectKey, ObjectSummary, RestoreObject, RestoreObjectOutput, RestoreTier,
    StorageClass,
};

use crate::amount::counted;
use crate::failure::{Failure, Outcome, chain, error_json, tell};
use crate::session::Session;
use crate::tree::{Globs, is_folder};
use crate::url::{ObjectUrl, PrefixUrl, VersionId};

pub const EXAMPLES: &str = "\
Examples:
  cos restore cos://examplebucket-1250000000/logs/2025.zip --days 7
  cos restore cos://examplebucket-1250000000/logs/2025.zip --days 7 --tier bulk
  cos restore -r cos://examplebucket-1250000000/logs/ --days 7 --dry-run
  cos --json stat cos://examplebucket-1250000000/logs/2025.zip | jq .restore";

/// Make an archived object readable for some days, or all of a folder
///
/// COS begins to, and the command ends; minutes to days later the object can be read. `cos stat` tells how far it is. For
/// an object that is restored already, the days begin anew.
///
/// A folder ends in a slash; cos://BUCKET-APPID alone is every object of the bucket. What is not archived is left out.
/// What could not be restored is told line by line on standard error, and the exit status is 1.
#[derive(Debug, Args)]
pub struct Restore {
    /// cos://BUCKET-APPID/KEY, or cos://BUCKET-APPID[/DIR/] with --recursive
    #[arg(value_name = "OBJECT")]
    url: PrefixUrl,
    /// Restore every archived object whose key begins with DIR/
    #[arg(long, short, conflicts_with_all = ["intelligent_tiering", "version_id"])]
    recursive: bool,
    /// Print what --recursive would restore, and restore nothing
    #[arg(long, requires = "recursive")]
    dry_run: bool,
    #[command(flatten)]
    globs: Globs,
    /// For how many days, up to 365
    #[arg(long, value_name = "N", required_unless_present = "intelligent_tiering")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=365))]
    days: Option<u32>,
    /// Bring an object of INTELLIGENT_TIERING back from an archive tier, for good
    #[arg(long, conflicts_with = "days")]
    intelligent_tiering: bool,
    /// How fast; the faster, the dearer
    #[arg(long, value_name = "TIER", value_enum, default_value = "standard")]
    tier: Tier,
    /// This version, in place of the latest
    #[arg(long, value_name = "ID")]
    version_id: Option<VersionId>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Tier {
    /// Minutes; not from DEEP_ARCHIVE
    Expedited,
    /// 3 to 5 hours; from DEEP_ARCHIVE 12 to 24
    Standard,
    /// 5 to 12 hours; from DEEP_ARCHIVE 24 to 48
    Bulk,
}

impl From<Tier> for RestoreTier {
    fn from(tier: Tier) -> Self {
        match tier {
            Tier::Expedited => Self::Expedited,
            Tier::Standard => Self::Standard,
            Tier::Bulk => Self::Bulk,
        }
    }
}

pub async fn run(session: &Session, command: Restore) -> Outcome {
    let bucket = session.bucket(&command.url.bucket)?;
    if command.recursive {
        return folder(session, &bucket, command).await;
    }
    let Restore { url, days, tier, version_id, globs, .. } = command;
    globs.for_trees()?;
    let object = ObjectUrl::try_from(url)?;
    let restore = match days {
        Some(days) => RestoreObject::new(object.key.clone(), days),
        None => RestoreObject::intelligent_tiering(object.key.clone()),
    };
    let mut restore = restore.tier(tier.into());
    if let Some(VersionId(id)) = version_id {
        restore = restore.version_id(id);
    }
    let begun = session.send(&bucket, restore).await?;
    let mut output = session.output();
    let json = || {
        json!({
            "bucket": object.bucket.as_str(),
            "key": object.key.as_str(),
            "days": days,
            "was_restored": begun.was_restored,
            "request_id": begun.request_id(),
        })
    };
    let days = days.map(for_days).unwrap_or_default();
    output.line(json, format_args!("{}: {object}{days} (request id {})", doing(&begun), begun.request_id()))?;
    output.finish()
}

fn doing(begun: &RestoreObjectOutput) -> &'static str {
    if begun.was_restored { "restored already" } else { "restoring" }
}

fn for_days(days: u32) -> String {
    format!(", for {}", counted(u64::from(days), "day"))
}

/// Classes of objects that must be restored before they are read.
const ARCHIVED: [StorageClass; 3] = [StorageClass::ARCHIVE, StorageClass::DEEP_ARCHIVE, StorageClass::MAZ_ARCHIVE];

/// What is archived in a folder, one object after the other.
async fn folder(session: &Session, bucket: &Bucket, command: Restore) -> Outcome {
    let Restore { url, days, tier, globs, dry_run, .. } = command;
    is_folder(&url)?;
    let (is_meant, below) = (globs.paths()?, url.prefix.len());
    let days = days.expect("clap demands it");
    // A look at what would be done may end early.
    let early = |failure: Failure| if dry_run { failure } else { failure.early() };
    let (mut output, mut begun, mut failed) = (session.output(), 0_u64, 0_u64);
    let mut pages = bucket.pages(ListObjects::new().prefix(url.prefix));
    while let Some(page) = pages.next().await.transpose()? {
        let objects = page.objects.iter().filter(|object| ARCHIVED.contains(&object.storage_class));
        for object in objects.filter(|object| is_meant(&object.key[below..])) {
            let target = format!("cos://{}/{}", bucket.name(), object.key);
            let (doing, told) = match begin(bucket, object, days, tier, dry_run).await {
                Ok(done) => done,
                Err(error) if matches!(error.kind(), ErrorKind::Service | ErrorKind::Input) => {
                    failed += 1;
                    if output.is_json() {
                        output.failed(&target, &error_json(&error)).map_err(early)?;
                    } else {
                        tell(&chain(target, Some(&error)));
                    }
                    continue;
                }
                // Where COS does not answer, it would not for the next, either.
                Err(error) => return Err(error.into()),
            };
            begun += 1;
            let json = || {
                json!({
                    "action": "restore",
                    "bucket": bucket.name().as_str(),
                    "key": object.key,
                    "size": object.size,
                    "days": days,
                    "was_restored": told.as_ref().map(|told| told.was_restored),
                    "request_id": told.as_ref().map(RestoreObjectOutput::request_id),
                    "dry_run": dry_run,
                })
            };
            let request = told.as_ref().map(|told| format!(" (request id {})", told.request_id())).unwrap_or_default();
            output.line(json, format_args!("{doing}: {target}{}{request}", for_days(days))).map_err(early)?;
        }
        output.flush().map_err(early)?;
    }
    if output.is_json() {
        output.line(|| json!({ "action": "sum", "begun": begun, "failed": failed, "dry_run": dry_run }), "")?;
    }
    output.finish()?;
    match failed {
        0 => Ok(()),
        failed => Err(Failure::failed(format!("{failed} of {} objects were not restored", failed + begun))),
    }
}

/// What is done with one object of a folder, and what COS says if it was asked for anything new.
async fn begin(
    bucket: &Bucket,
    object: &ObjectSummary,
    days: u32,
    tier: Tier,
    dry_run: bool,
) -> tencent_cos::Result<(&'static str, Option<RestoreObjectOutput>)> {
    if dry_run {
        return Ok(("would restore", None));
    }
    match bucket.send(RestoreObject::new(ObjectKey::new(&object.key)?, days).tier(tier.into())).await {
        Ok(begun) => Ok((doing(&begun), Some(begun))),
        Err(error) if error.code() == Some("RestoreAlreadyInProgress") => Ok(("under way", None)),
        Err(error) => Err(error),
    }
}
