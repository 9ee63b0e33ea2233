//! `cos restore`.

use clap::{Args, ValueEnum};
use serde_json::json;
use tencent_cos::{RestoreObject, RestoreTier};

use crate::amount::counted;
use crate::failure::Outcome;
use crate::session::Session;
use crate::url::{ObjectUrl, VersionId};

pub const EXAMPLES: &str = "\
Examples:
  cos restore cos://examplebucket-1250000000/logs/2025.zip --days 7
  cos restore cos://examplebucket-1250000000/logs/2025.zip --days 7 --tier bulk
  cos --json stat cos://examplebucket-1250000000/logs/2025.zip | jq .restore";

/// Make an archived object readable for some days
///
/// COS begins to, and the command ends; minutes to days later the object can be read. `cos stat` tells how far it is. For
/// an object that is restored already, the days begin anew.
#[derive(Debug, Args)]
pub struct Restore {
    /// cos://BUCKET-APPID/KEY
    #[arg(value_name = "OBJECT")]
    object: ObjectUrl,
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

pub async fn run(session: &Session, Restore { object, days, tier, version_id, .. }: Restore) -> Outcome {
    let tier = match tier {
        Tier::Expedited => RestoreTier::Expedited,
        Tier::Standard => RestoreTier::Standard,
        Tier::Bulk => RestoreTier::Bulk,
    };
    let restore = match days {
        Some(days) => RestoreObject::new(object.key.clone(), days),
        None => RestoreObject::intelligent_tiering(object.key.clone()),
    };
    let mut restore = restore.tier(tier);
    if let Some(VersionId(id)) = version_id {
        restore = restore.version_id(id);
    }
    let begun = session.send(&session.bucket(&object.bucket)?, restore).await?;
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
    let doing = if begun.was_restored { "restored already" } else { "restoring" };
    let days = days.map(|days| format!(", for {}", counted(u64::from(days), "day"))).unwrap_or_default();
    output.line(json, format_args!("{doing}: {object}{days} (request id {})", begun.request_id()))?;
    output.finish()
}
