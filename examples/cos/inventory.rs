//! `cos inventory`.

use std::fmt::Write as _;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use tencent_cos::{
    DeleteBucketInventory, GetBucketInventory, IncludedObjectVersions, InventoryConfiguration, InventoryDestination,
    InventoryField, InventoryFilter, InventorySchedule, ListBucketInventory, PostBucketInventory, PutBucketInventory,
    StorageClass,
};

use crate::failure::{Failure, Outcome};
use crate::output::{objects, time_text};
use crate::session::Session;
use crate::url::BucketUrl;

pub const EXAMPLES: &str = "\
Examples:
  cos inventory cos://examplebucket-1250000000
  cos inventory cos://examplebucket-1250000000 --id daily \\
      --every day --to cos://reports-1250000000
  cos inventory cos://examplebucket-1250000000 --id today \\
      --once --to cos://reports-1250000000
  cos inventory cos://examplebucket-1250000000 --id daily --remove";

/// Show the inventories that COS makes of a bucket, set one or remove one
///
/// An inventory is a list of the objects, as CSV, in another bucket of the region or the same: that must let COS write.
/// What is not said of one that is there stays as it is, beside the place when that is another bucket.
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools)] // each is an option of its own
pub struct Inventory {
    /// cos://BUCKET-APPID
    #[arg(value_name = "BUCKET")]
    url: BucketUrl,
    /// The inventory of this name
    #[arg(long, value_name = "NAME")]
    id: Option<String>,
    /// Set it, to be made so often
    #[arg(long, requires = "to")]
    every: Option<Every>,
    /// Make it at once, and once
    #[arg(long, requires = "to", conflicts_with = "every")]
    once: bool,
    /// The bucket it goes to
    #[arg(long, value_name = "BUCKET", requires = "id")]
    to: Option<BucketUrl>,
    /// What its keys there begin with
    #[arg(long, value_name = "PREFIX", requires = "to")]
    into: Option<String>,
    /// Only objects whose keys begin so
    #[arg(long, value_name = "PREFIX", requires = "to")]
    prefix: Option<String>,
    /// What it tells beside the key, like Size, LastModifiedDate, ETag, StorageClass
    #[arg(long, value_name = "FIELDS", value_delimiter = ',', requires = "to")]
    fields: Vec<String>,
    /// All versions, not the current ones alone
    #[arg(long, requires = "to")]
    versions: bool,
    /// Encrypt it with keys of COS
    #[arg(long, requires = "to")]
    encrypt: bool,
    /// Remove it; what it wrote stays
    #[arg(long, requires = "id")]
    #[arg(conflicts_with_all = ["to", "every", "once", "into", "prefix", "fields", "versions", "encrypt"])]
    remove: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Every {
    Day,
    Week,
    Month,
}

pub async fn run(session: &Session, asked: Inventory) -> Outcome {
    let bucket = session.bucket(&asked.url.0)?;
    let mut output = session.output();
    let Some(id) = &asked.id else {
        let mut pages = bucket.pages(ListBucketInventory::new());
        while let Some(page) = pages.next().await.transpose()? {
            for found in page.configurations {
                output.line(|| told(&found), line(&found))?;
            }
        }
        return output.finish();
    };
    if asked.remove {
        let removed = session.send(&bucket, DeleteBucketInventory::new(id)).await?;
        let json = || json!({ "action": "remove", "id": id, "request_id": removed.request_id() });
        output.line(json, format_args!("removed {id} (request id {})", removed.request_id()))?;
    } else if let Some(to) = &asked.to {
        let to = session.bucket(&to.0)?;
        let to = InventoryDestination::new(to.region(), to.name());
        if asked.once {
            let once = changed(InventoryConfiguration::once(id, to.clone()), to, &asked);
            let job = session.send(&bucket, PostBucketInventory::new(once)).await?;
            let name = job.job_id.as_deref().unwrap_or("without a name");
            let json = || json!({ "action": "set", "job_id": job.job_id, "request_id": job.request_id() });
            output.line(json, format_args!("begun: job {name} (request id {})", job.request_id()))?;
        } else if let Some(every) = asked.every {
            let found = session.send(&bucket, GetBucketInventory::new(id)).await?;
            let found = found.unwrap_or_else(|| InventoryConfiguration::once(id, to.clone()));
            let mut configuration = changed(found, to, &asked);
            configuration.schedule = Some(match (every, configuration.schedule) {
                (Every::Day, _) => InventorySchedule::Daily,
                (Every::Week, _) => InventorySchedule::Weekly,
                (Every::Month, Some(monthly @ InventorySchedule::Monthly { .. })) => monthly,
                (Every::Month, _) => InventorySchedule::Monthly { day: None },
            });
            session.send(&bucket, PutBucketInventory::new(configuration.clone())).await?;
            output.line(|| told(&configuration), line(&configuration))?;
        } else {
            return Err(Failure::usage("--to is for an inventory that is made --every so often or --once"));
        }
    } else if let Some(found) = session.send(&bucket, GetBucketInventory::new(id)).await? {
        output.line(|| told(&found), line(&found))?;
    }
    output.finish()
}

/// With what is said, and as it was in all else.
fn changed(
    mut configuration: InventoryConfiguration,
    to: InventoryDestination,
    asked: &Inventory,
) -> InventoryConfiguration {
    let mut to = configuration.destination.take_if(|there| there.bucket == to.bucket).unwrap_or(to);
    to.prefix = asked.into.clone().or(to.prefix);
    to.encrypted |= asked.encrypt;
    configuration.destination = Some(to);
    if asked.versions {
        configuration.included_object_versions = Some(IncludedObjectVersions::All);
    }
    if asked.prefix.is_some() {
        configuration.filter.get_or_insert_default().prefix.clone_from(&asked.prefix);
    }
    if !asked.fields.is_empty() {
        configuration.optional_fields = asked.fields.iter().cloned().map(InventoryField::new).collect();
    }
    configuration
}

fn told(inventory: &InventoryConfiguration) -> Value {
    let to = inventory.destination.as_ref();
    let filter = inventory.filter.as_ref();
    json!({
        "type": "inventory",
        "id": inventory.id,
        "enabled": inventory.enabled,
        "every": inventory.schedule.map(every),
        "day": match inventory.schedule {
            Some(InventorySchedule::Monthly { day }) => day,
            _ => None,
        },
        "versions": inventory.included_object_versions.map(IncludedObjectVersions::as_str),
        "prefix": filter.and_then(|filter| filter.prefix.as_ref()),
        "tags": filter.map(|filter| filter.tags.iter().collect::<Vec<_>>()),
        "storage_class": filter.and_then(|filter| filter.storage_class.as_ref()).map(StorageClass::as_str),
        "start_time": filter.and_then(|filter| time_text(filter.start_time)),
        "end_time": filter.and_then(|filter| time_text(filter.end_time)),
        "fields": inventory.optional_fields.iter().map(InventoryField::as_str).collect::<Vec<_>>(),
        "to": to.map(|to| &to.bucket),
        "into": to.and_then(|to| to.prefix.as_ref()),
        "account": to.and_then(|to| to.account_id.as_ref()),
        "encrypted": to.map(|to| to.encrypted),
        "unknown": inventory.unknown().collect::<Vec<_>>(),
    })
}

fn every(schedule: InventorySchedule) -> &'static str {
    match schedule {
        InventorySchedule::Daily => "day",
        InventorySchedule::Weekly => "week",
        _ => "month",
    }
}

fn line(inventory: &InventoryConfiguration) -> String {
    let mut line = inventory.id.clone();
    if let Some(schedule) = inventory.schedule {
        let _ = write!(line, ": every {}", every(schedule));
    }
    if let Some(to) = &inventory.destination {
        let _ = write!(line, ", to {}", to.bucket);
    }
    if let Some(filter) = inventory.filter.as_ref().filter(|filter| **filter != InventoryFilter::new()) {
        let _ = write!(line, ", of {}", objects(filter.prefix.as_deref(), &filter.tags));
        if let Some(class) = &filter.storage_class {
            let _ = write!(line, " in {}", class.as_str());
        }
    }
    let unknown: Vec<_> = inventory.unknown().collect();
    if !unknown.is_empty() {
        let _ = write!(line, ", and {}", unknown.join(" "));
    }
    if inventory.enabled { line } else { format!("not made: {line}") }
}
