//! Object lock: a bucket that may lock objects, the time for which it locks new ones, the time of one object.
//!
//! A version that is locked is neither removed nor overwritten, by the emulator's clock. Two editions of the reference differ:
//! the older refuses to shorten the time of a bucket, which is done here; the newer lets the rule be removed, which is
//! done here, too. In a bucket that keeps versions, a new version or a delete marker over one that is locked is inferred
//! to be allowed, as it removes nothing.

use std::time::{Duration, SystemTime};

use crate::bucket::{deny_strangers, iso_milliseconds};
use crate::encoding::number;
use crate::error::CosError;
use crate::ids::unix_micros;
use crate::receive::receive_document;
use crate::request::Head;
use crate::respond::Reply;
use crate::service::Call;
use crate::store::{Bucket, Named, Setting, Version, Versioning};
use crate::xml::{Document, Element, parse};

const DAY: u64 = 24 * 60 * 60;
/// For how long a bucket may lock.
const MOST_DAYS: u32 = 36_500;
const MODE: &str = "x-cos-object-lock-mode";
const UNTIL: &str = "x-cos-object-lock-retain-until-date";
const COMPLIANCE: &str = "COMPLIANCE";

pub(crate) fn unset() -> CosError {
    CosError::new(404, "NoSuchObjectLockConfiguration", "The object lock configuration does not exist.")
}

/// Of an object that is not locked the reference names no answer: this is that of a bucket (inferred).
fn not_locked() -> CosError {
    CosError::new(
        404,
        "NoSuchObjectLockConfiguration",
        "The specified object does not have a ObjectLock configuration.",
    )
}

/// Refuses a configuration that is none, or that this bucket may not have.
pub(crate) fn check(bucket: &Bucket, root: &Element) -> Result<(), CosError> {
    let enabled = root.text_of("ObjectLockEnabled").map(str::trim) == Some("Enabled");
    if !enabled || !root.has_only(&["ObjectLockEnabled", "Rule"]) || root.all("Rule").count() > 1 {
        return Err(CosError::malformed_xml());
    }
    // Inferred: the reference tells that it is not to be, and no code.
    if bucket.versioning() == Versioning::Suspended {
        let message = "Object lock cannot be enabled for a bucket whose versioning is suspended.";
        return Err(CosError::new(409, "InvalidBucketState", message));
    }
    if !bucket.named(Named::IntelligentTiering).is_empty() {
        return Err(not_with_tiering());
    }
    let Some(rule) = root.child("Rule") else { return Ok(()) };
    let retention = rule.child("DefaultRetention").filter(|_| rule.children().len() == 1);
    let retention = retention.filter(|it| it.has_only(&["Days", "Mode"])).ok_or_else(CosError::malformed_xml)?;
    if !matches!(retention.text_of("Mode").map(str::trim), None | Some(COMPLIANCE)) {
        return Err(CosError::malformed_xml());
    }
    let days = days_of(root).ok_or_else(CosError::malformed_xml)?;
    let before = bucket.setting(Setting::ObjectLock).and_then(|document| days_of(&parse(document.as_bytes())?));
    if !(1..=MOST_DAYS).contains(&days) || before.is_some_and(|before| days < before) {
        let message = "The bucket object lock days cannot be less than before, and must be between 1 and 36500.";
        return Err(CosError::new(409, "InvalidLockedTime", message));
    }
    Ok(())
}

/// That they are not to be together is what the reference tells; with which code is inferred.
fn not_with_tiering() -> CosError {
    CosError::new(409, "InvalidBucketState", "A bucket has either object lock or intelligent tiering.")
}

/// Refuses intelligent tiering to a bucket that may lock objects.
pub(crate) fn allow_tiering(bucket: &Bucket) -> Result<(), CosError> {
    bucket.setting(Setting::ObjectLock).map_or(Ok(()), |_| Err(not_with_tiering()))
}

fn days_of(root: &Element) -> Option<u32> {
    number(root.child("Rule")?.child("DefaultRetention")?.text_of("Days")?.trim())
}

/// Until when a new object is locked that does not say it itself.
pub(crate) fn default_until(document: Option<&str>, now: SystemTime) -> Option<SystemTime> {
    let days = days_of(&parse(document?.as_bytes())?)?;
    Some(now + Duration::from_secs(u64::from(days) * DAY))
}

/// What a new object says of its lock.
pub(crate) fn of_headers(head: &Head, bucket: &Bucket) -> Result<Option<SystemTime>, CosError> {
    let (mode, until) = match (head.header(MODE), head.header(UNTIL)) {
        (None, None) => return Ok(None),
        (Some(mode), Some(until)) => (mode, until),
        _ => return Err(CosError::invalid_argument("The headers of an object lock come together.")),
    };
    if mode != COMPLIANCE {
        return Err(CosError::invalid_argument(
            "invalid object lock header, x-cos-object-lock-mode must be COMPLIANCE",
        ));
    }
    demand_enabled(bucket)?;
    read_date(until).map(Some).ok_or_else(|| CosError::invalid_argument("The date of an object lock is ISO 8601."))
}

fn demand_enabled(bucket: &Bucket) -> Result<(), CosError> {
    match bucket.setting(Setting::ObjectLock) {
        Some(_) => Ok(()),
        None => Err(CosError::new(409, "InvalidBucketState", "Object lock is not enabled for the bucket.")), // inferred
    }
}

fn read_date(text: &str) -> Option<SystemTime> {
    let form = time::format_description::well_known::Rfc3339;
    time::OffsetDateTime::parse(text.trim(), &form).ok().map(SystemTime::from)
}

fn write_date(until: SystemTime) -> String {
    iso_milliseconds(unix_micros(until))
}

/// PUT Object retention: a lock is made longer, never shorter.
pub(crate) async fn put(call: &mut Call<'_>) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    deny_strangers(call)?;
    let root = receive_document(call, "Retention").await?;
    let mode = root.text_of("Mode").map(str::trim);
    if !root.has_only(&["Mode", "RetainUntilDate"]) || !matches!(mode, None | Some(COMPLIANCE)) {
        return Err(CosError::malformed_xml());
    }
    let until = root.text_of("RetainUntilDate").and_then(read_date).ok_or_else(CosError::malformed_xml)?;
    let now = call.world.clock.now();
    demand_enabled(&bucket)?;
    bucket.amend(call.key()?, call.head.query.get("versionId"), |version| {
        let before = version.draft.locked_until;
        if until <= now || before.is_some_and(|before| until < before) {
            let message = "The date must lie in the future, and not before the one that is there.";
            return Err(CosError::new(409, "InvalidLockedTime", message)); // inferred: the code is that of a bucket
        }
        version.made.draft.locked_until = Some(until);
        Ok(())
    })?;
    Ok(Reply::ok())
}

pub(crate) fn get(call: &Call<'_>) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    deny_strangers(call)?;
    let found = bucket.find(call.key()?, call.head.query.get("versionId"));
    let version = found.map_err(|reason| reason.error())?;
    let until = version.draft.locked_until.ok_or_else(not_locked)?;
    let mut xml = Document::new("Retention");
    xml.text("Mode", COMPLIANCE);
    xml.text("RetainUntilDate", &write_date(until));
    Ok(Reply::xml(xml.finish()))
}

/// What GET and HEAD say of it (inferred: they are the headers it is made with).
pub(crate) fn describe(reply: &mut Reply, version: &Version) {
    if let Some(until) = version.draft.locked_until {
        reply.set(MODE, COMPLIANCE);
        reply.set(UNTIL, write_date(until));
    }
}

/// Refuses to remove a version.
pub(crate) fn refuse_locked(version: &Version, now: SystemTime) -> Result<(), CosError> {
    match version.draft.locked_until {
        Some(until) if now < until => {
            let message = "The object is locked, you are not allowed to put or delete it.";
            Err(CosError::new(409, "ObjectLocked", message))
        }
        _ => Ok(()),
    }
}
