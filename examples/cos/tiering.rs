//! `cos tiering`.

use clap::Args;
use serde_json::{Value, json};
use tencent_cos::{
    AccessTier, DeleteBucketIntelligentTiering, GetBucketIntelligentTiering, IntelligentTieringConfiguration,
    IntelligentTieringFilter, ListBucketIntelligentTiering, PutBucketIntelligentTiering,
};

use crate::failure::Outcome;
use crate::output::objects;
use crate::session::Session;
use crate::url::BucketUrl;

pub const EXAMPLES: &str = "\
Examples:
  cos tiering cos://examplebucket-1250000000
  cos tiering cos://examplebucket-1250000000 --turn-on 30
  cos tiering cos://examplebucket-1250000000 --id logs \\
      --prefix logs/ --archive 91 --deep-archive 180
  cos tiering cos://examplebucket-1250000000 --id logs --remove";

/// Show the rules of the intelligent tiering of a bucket, set one or remove one
///
/// It is about objects of the class INTELLIGENT_TIERING. What is not said of a rule that is there stays as it is.
#[derive(Debug, Args)]
pub struct Tiering {
    /// cos://BUCKET-APPID
    #[arg(value_name = "BUCKET")]
    url: BucketUrl,
    /// Turn it on, for good: what was not read for 30, 60 or 90 days goes to the tier for infrequent access
    #[arg(long, value_name = "DAYS", conflicts_with_all = ["id", "archive", "deep_archive", "prefix", "remove"])]
    turn_on: Option<u32>,
    /// The rule of this name
    #[arg(long, value_name = "NAME")]
    id: Option<String>,
    /// Set it: what was not read for so many days goes to the archive tier
    #[arg(long, value_name = "DAYS", requires = "id")]
    archive: Option<u32>,
    /// Set it: what was not read for so many days goes to the deep archive tier
    #[arg(long, value_name = "DAYS", requires = "id")]
    deep_archive: Option<u32>,
    /// Only objects whose keys begin so
    #[arg(long, value_name = "PREFIX", requires = "id")]
    prefix: Option<String>,
    /// Remove it
    #[arg(long, requires = "id", conflicts_with_all = ["archive", "deep_archive", "prefix"])]
    remove: bool,
}

pub async fn run(session: &Session, asked: Tiering) -> Outcome {
    let Tiering { url, turn_on, id, archive, deep_archive, prefix, remove } = asked;
    let bucket = session.bucket(&url.0)?;
    let mut output = session.output();
    if let (Some(id), true) = (&id, remove) {
        let removed = session.send(&bucket, DeleteBucketIntelligentTiering::new(id)).await?;
        let json = || json!({ "action": "remove", "id": id, "request_id": removed.request_id() });
        output.line(json, format_args!("removed {id} (request id {})", removed.request_id()))?;
        return output.finish();
    }
    let changes = archive.is_some() || deep_archive.is_some() || prefix.is_some();
    let set = match (turn_on, &id) {
        (Some(days), _) => Some(IntelligentTieringConfiguration::turn_on(days)),
        (None, Some(id)) if changes => {
            let found = session.send(&bucket, GetBucketIntelligentTiering::new(id)).await?;
            let tiers = [(AccessTier::ArchiveAccess, archive), (AccessTier::DeepArchiveAccess, deep_archive)];
            Some(changed(found, id, prefix, tiers))
        }
        _ => None,
    };
    let shown = match (set, &id) {
        (Some(rule), _) => {
            session.send(&bucket, PutBucketIntelligentTiering::new(rule.clone())).await?;
            vec![rule]
        }
        (None, Some(id)) => session.send(&bucket, GetBucketIntelligentTiering::new(id)).await?.into_iter().collect(),
        (None, None) => session.send(&bucket, ListBucketIntelligentTiering::new()).await?,
    };
    for rule in shown {
        output.line(|| told(&rule), line(&rule))?;
    }
    output.finish()
}

fn changed(
    found: Option<IntelligentTieringConfiguration>,
    id: &str,
    prefix: Option<String>,
    tiers: [(AccessTier, Option<u32>); 2],
) -> IntelligentTieringConfiguration {
    let of_all = || IntelligentTieringConfiguration::new(id, IntelligentTieringFilter::new());
    let mut rule = found.unwrap_or_else(of_all);
    if prefix.is_some() {
        rule.filter.get_or_insert_default().prefix = prefix;
    }
    for (tier, days) in tiers {
        let Some(days) = days else { continue };
        match rule.tierings.iter_mut().find(|tiering| tiering.access_tier == tier) {
            Some(tiering) => tiering.days = days,
            None => rule = rule.tiering(tier, days),
        }
    }
    rule
}

fn told(rule: &IntelligentTieringConfiguration) -> Value {
    let filter = rule.filter.as_ref();
    let tiers = rule.tierings.iter().map(|tiering| json!([tiering.access_tier.as_str(), tiering.days]));
    json!({
        "type": "tiering",
        "id": rule.id,
        "enabled": rule.enabled,
        "prefix": filter.and_then(|filter| filter.prefix.as_ref()),
        "tags": filter.map(|filter| filter.tags.iter().collect::<Vec<_>>()),
        "tiers": tiers.collect::<Vec<_>>(),
        "unknown": rule.unknown().collect::<Vec<_>>(),
    })
}

fn line(rule: &IntelligentTieringConfiguration) -> String {
    let filter = rule.filter.as_ref().filter(|filter| **filter != IntelligentTieringFilter::new());
    let about = filter.map(|filter| format!(" of {}", objects(filter.prefix.as_deref(), &filter.tags)));
    let about = about.unwrap_or_default();
    let tiers: Vec<String> =
        rule.tierings.iter().map(|tier| format!("{} after {} days", tier.access_tier.as_str(), tier.days)).collect();
    let unknown: Vec<_> = rule.unknown().collect();
    let and = if unknown.is_empty() { String::new() } else { format!(", and {}", unknown.join(" ")) };
    let line = format!("{}{about}: {}{and}", rule.id, tiers.join(", "));
    if rule.enabled { line } else { format!("not in force: {line}") }
}
