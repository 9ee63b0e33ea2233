//! POST Object restore: a readable copy of an archived object, for some days.
//!
//! How long it takes is the longest that the documents say, unless the builder says. The copy comes and goes with the
//! emulator's clock. Objects of `INTELLIGENT_TIERING` are in no archive tier here, ever.

use std::time::{Duration, SystemTime};

use http::StatusCode;

use crate::bucket::deny_strangers;
use crate::customer_key::{self, CustomerKey};
use crate::encoding::number;
use crate::error::CosError;
use crate::receive::receive_document;
use crate::respond::Reply;
use crate::service::Call;
use crate::store::{Restoring, Version};
use crate::xml::Element;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// How long a copy may be there.
const MOST_DAYS: u32 = 365;

/// Begins to restore; of a copy that is there, the time is set anew.
pub(crate) async fn post(call: &mut Call<'_>) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    deny_strangers(call)?;
    let found = bucket.find(call.key()?, call.head.query.get("versionId"));
    found.map_err(|reason| reason.error())?;
    let document = receive_document(call, "RestoreRequest").await?;
    let days =
        document.text_of("Days").map(str::trim).and_then(number::<u32>).filter(|days| (1..=MOST_DAYS).contains(days));
    let tier = tier(&document);
    let customer_key = CustomerKey::of(call.head)?;
    let (now, restore_time) = (call.world.clock.now(), call.world.restore_time);
    let restored = bucket.amend(call.key()?, call.head.query.get("versionId"), |version| {
        // The documents do not ask for it; the Python SDK sends it.
        if customer_key.is_some() {
            customer_key::demand(customer_key.as_ref(), &version.draft)?;
        }
        let class = version.draft.storage_class.as_str();
        if !is_archive(class) {
            let message = "Only an object of an archive class can be restored.";
            return Err(CosError::new(405, "RestoreNonArchiveObject", message));
        }
        let days = days.ok_or_else(|| CosError::invalid_argument("Days must be a number from 1 to 365."))?;
        let takes =
            takes(class, tier).ok_or_else(|| CosError::invalid_argument("The Tier is not one of this class."))?;
        let takes = restore_time.unwrap_or(Duration::from_secs(takes));
        let lasts = Duration::from_secs(u64::from(days) * DAY);
        let stage = Stage::of(version, now);
        let (status, asked, ready) = match (stage, &version.restoring) {
            (Stage::Ongoing, _) => {
                let message = "Object restore is already in progress.";
                return Err(CosError::new(409, "RestoreAlreadyInProgress", message));
            }
            (Stage::Readable, Some(restoring)) => (StatusCode::OK, restoring.asked, restoring.ready),
            _ => (StatusCode::ACCEPTED, now, now + takes),
        };
        version.restoring = Some(Restoring { tier: tier.to_owned(), asked, ready, until: ready.max(now) + lasts });
        Ok(status)
    })?;
    Ok(Reply::new(restored))
}

pub(crate) fn is_archive(class: &str) -> bool {
    class.ends_with("ARCHIVE")
}

/// `Standard`, unless the request says otherwise.
fn tier(document: &Element) -> &str {
    let job = document.child("CASJobParameters");
    job.and_then(|job| job.text_of("Tier")).map_or("Standard", str::trim)
}

/// In seconds.
fn takes(class: &str, tier: &str) -> Option<u64> {
    Some(match (class == "DEEP_ARCHIVE", tier) {
        (false, "Expedited") => 5 * MINUTE,
        (false, "Standard") => 5 * HOUR,
        (false, "Bulk") => 12 * HOUR,
        (true, "Standard") => 24 * HOUR,
        (true, "Bulk") => 48 * HOUR,
        _ => return None,
    })
}

/// How far a restore is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// None was asked for, or its copy is gone.
    Archived,
    Ongoing,
    Readable,
}

impl Stage {
    fn of(version: &Version, now: SystemTime) -> Self {
        match &version.restoring {
            Some(restoring) if now < restoring.ready => Self::Ongoing,
            Some(restoring) if now < restoring.until => Self::Readable,
            _ => Self::Archived,
        }
    }
}

/// The bytes of an archived object are out of reach until it is restored.
pub(crate) fn refuse_archived(version: &Version, now: SystemTime) -> Result<(), CosError> {
    if is_archive(&version.draft.storage_class) && Stage::of(version, now) != Stage::Readable {
        let message = "The operation is not valid for the object's storage class: restore it first.";
        return Err(CosError::new(403, "InvalidObjectState", message));
    }
    Ok(())
}

/// What the list of objects says of a restore.
pub(crate) fn status(version: &Version, now: SystemTime) -> &'static str {
    match Stage::of(version, now) {
        Stage::Archived => "",
        Stage::Ongoing => "ONGOING",
        Stage::Readable => "DONE",
    }
}

/// What GET and HEAD say of a restore.
pub(crate) fn describe(reply: &mut Reply, version: &Version, now: SystemTime) {
    let Some(restoring) = &version.restoring else { return };
    match Stage::of(version, now) {
        Stage::Archived => {}
        Stage::Ongoing => {
            let (tier, asked) = (restoring.tier.to_ascii_lowercase(), httpdate::fmt_http_date(restoring.asked));
            reply.set("x-cos-restore", "ongoing-request=\"true\"");
            reply.set("x-cos-restore-status", format!("tier=\"{tier}\"; request-date=\"{asked}\""));
        }
        Stage::Readable => {
            let until = httpdate::fmt_http_date(restoring.until);
            reply.set("x-cos-restore", format!("ongoing-request=\"false\", expiry-date=\"{until}\""));
        }
    }
}
