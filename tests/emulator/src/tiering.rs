//! Intelligent tiering of a bucket: rules by id, and the older call that turns it on. Nothing is moved between tiers.

use crate::bucket::deny_strangers;
use crate::encoding::number;
use crate::error::CosError;
use crate::lock;
use crate::receive::receive_document_within;
use crate::respond::Reply;
use crate::service::Call;
use crate::settings::{children, texts};
use crate::store::Named;
use crate::tagging;
use crate::xml::{Document, Element, parse};

const ROOT: &str = "IntelligentTieringConfiguration";
/// In bytes. COS names no limit.
const LONGEST: usize = 2 * 1024 * 1024;
/// In a bucket.
const MOST: usize = 1000;
/// The rule that turns it on, of the tier for infrequent access. There it stays.
const DEFAULT: &str = "default";

/// Where an object is whose class has tiers.
pub(crate) fn tier_of(class: &str) -> Option<&'static str> {
    class.ends_with("INTELLIGENT_TIERING").then_some("FREQUENT")
}

fn id<'c>(call: &'c Call<'_>) -> Result<&'c str, CosError> {
    let id = call.head.query.get("id").filter(|id| !id.is_empty());
    id.ok_or_else(|| CosError::invalid_argument("A rule of intelligent tiering has an id."))
}

pub(crate) async fn put(call: &mut Call<'_>) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    deny_strangers(call)?;
    let document = receive_document_within(call, ROOT, LONGEST).await?;
    let id = id(call)?;
    check(&document, id).ok_or_else(CosError::malformed_xml)??;
    lock::allow_tiering(&bucket)?;
    bucket.set_named(Named::IntelligentTiering, id, Some(Document::of(&document)), |kept| {
        match kept.contains_key(id) {
            true if id == DEFAULT => Err(stays()),
            // The code is inferred.
            false if kept.len() >= MOST => Err(CosError::invalid_argument("The bucket has 1000 rules.")),
            _ => Ok(()),
        }
    })?;
    Ok(Reply::ok())
}

/// That it stays is what the reference says; with which code is inferred.
fn stays() -> CosError {
    CosError::invalid_request("Intelligent tiering cannot be changed or turned off.")
}

pub(crate) fn get(call: &Call<'_>) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    deny_strangers(call)?;
    let kept = bucket.named(Named::IntelligentTiering);
    kept.get(id(call)?).map(|document| Reply::xml(document.to_string())).ok_or_else(unset)
}

/// All of them at once. The root is what the SDKs for Go and Java read; the reference leaves out an `s`.
pub(crate) fn list(call: &Call<'_>) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    deny_strangers(call)?;
    let mut xml = Document::new("ListBucketIntelligentTieringConfigurationsOutput");
    for document in bucket.named(Named::IntelligentTiering).values().filter_map(|kept| parse(kept.as_bytes())) {
        xml.copy(&document);
    }
    Ok(Reply::xml(xml.finish()))
}

pub(crate) fn delete(call: &Call<'_>) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    deny_strangers(call)?;
    let id = id(call)?;
    bucket.set_named(Named::IntelligentTiering, id, None, |kept| match kept.contains_key(id) {
        true if id == DEFAULT => Err(stays()),
        true => Ok(()),
        false => Err(unset()),
    })?;
    Ok(Reply::no_content())
}

fn unset() -> CosError {
    let message = "The Intelligenttiering configuration was not found.";
    CosError::new(404, "IntelligentTieringConfigurationNotFoundError", message)
}

/// The older call, which knows one rule and no id: that it is the default one is inferred.
pub(crate) async fn put_first(call: &mut Call<'_>) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    deny_strangers(call)?;
    let document = receive_document_within(call, ROOT, LONGEST).await?;
    let days = first_days(&document).ok_or_else(CosError::malformed_xml)?;
    lock::allow_tiering(&bucket)?;
    let mut xml = Document::new(ROOT);
    xml.text("Id", DEFAULT);
    xml.text("Status", "Enabled");
    xml.open("Tiering");
    xml.text("AccessTier", "INFREQUENT");
    xml.text("Days", days);
    xml.text("RequestFrequent", "1");
    bucket.set_named(Named::IntelligentTiering, DEFAULT, Some(xml.finish()), |kept| {
        if kept.contains_key(DEFAULT) { Err(stays()) } else { Ok(()) }
    })?;
    Ok(Reply::ok())
}

fn first_days(root: &Element) -> Option<&str> {
    let [status, transition] = children(root, ["Status", "Transition"])?;
    let [days, frequent] = texts(transition?, ["Days", "RequestFrequent"])?;
    let fine =
        status?.text == "Enabled" && matches!(days?, "30" | "60" | "90") && frequent.is_none_or(|times| times == "1");
    days.filter(|_| fine)
}

pub(crate) fn get_first(call: &Call<'_>) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    deny_strangers(call)?;
    let kept = bucket.named(Named::IntelligentTiering);
    let rule = kept.get(DEFAULT).and_then(|document| parse(document.as_bytes()));
    let Some(days) = rule.as_ref().and_then(|rule| rule.child("Tiering")?.text_of("Days")) else {
        return Ok(Reply::xml(Document::leaf(ROOT, "")));
    };
    // Without the namespace that the reference shows: with it the SDK for Python finds nothing in it.
    let mut xml = Document::new(ROOT);
    xml.text("Status", "Enabled");
    xml.open("Transition");
    xml.text("Days", days);
    xml.text("RequestFrequent", "1");
    Ok(Reply::xml(xml.finish()))
}

/// Nothing is a document that is not of this form.
fn check(root: &Element, id: &str) -> Option<Result<(), CosError>> {
    if !root.has_only(&["Id", "Status", "Filter", "Tiering"])
        || ["Id", "Status", "Filter"].iter().any(|name| root.all(name).count() > 1)
    {
        return None;
    }
    let status = root.text_of("Status").filter(|status| matches!(*status, "Enabled" | "Disabled"))?;
    let tiers: Vec<(&str, u32)> = root.all("Tiering").map(|tiering| tier(tiering, id)).collect::<Option<_>>()?;
    // That each is there once is inferred.
    if tiers.is_empty() || (1..tiers.len()).any(|at| tiers[..at].iter().any(|tier| tier.0 == tiers[at].0)) {
        return None;
    }
    let filter = root.child("Filter");
    if id == DEFAULT && (status != "Enabled" || filter.is_some()) {
        return None;
    }
    // That the two must agree is inferred.
    if root.text_of("Id")? != id {
        return Some(Err(CosError::invalid_argument("The Id of the document is another than that of the request.")));
    }
    if let Err(why) = check_days(&tiers) {
        return Some(Err(CosError::invalid_argument(why)));
    }
    filter.map_or(Some(Ok(())), check_filter)
}

/// The default rule is of one tier, the others are of those below.
fn tier<'d>(tiering: &'d Element, id: &str) -> Option<(&'d str, u32)> {
    let [tier, days, frequent] = texts(tiering, ["AccessTier", "Days", "RequestFrequent"])?;
    let fine = match (tier?, id == DEFAULT) {
        ("INFREQUENT", true) => frequent.is_none_or(|times| times == "1"),
        ("ARCHIVE_ACCESS" | "DEEP_ARCHIVE_ACCESS", false) => frequent.is_none(),
        _ => false,
    };
    if fine { Some((tier?, number(days?)?)) } else { None }
}

/// The days of the archive tiers are what the provider for Terraform tells; the code is inferred.
fn check_days(tiers: &[(&str, u32)]) -> Result<(), &'static str> {
    for (tier, days) in tiers {
        let fine = match *tier {
            "INFREQUENT" => matches!(days, 30 | 60 | 90),
            "ARCHIVE_ACCESS" => (91..=730).contains(days),
            _ => (180..=730).contains(days),
        };
        if !fine {
            return Err("The days of a tier are not among those it takes.");
        }
    }
    let days = |name| tiers.iter().find(|(tier, _)| *tier == name).map(|(_, days)| days);
    match (days("ARCHIVE_ACCESS"), days("DEEP_ARCHIVE_ACCESS")) {
        (Some(archive), Some(deep)) if deep <= archive => Err("The deep archive tier comes after the archive tier."),
        _ => Ok(()),
    }
}

fn check_filter(filter: &Element) -> Option<Result<(), CosError>> {
    let conditions = filter.child("And").unwrap_or(filter);
    let alone = std::ptr::eq(conditions, filter);
    let fine = conditions.has_only(&["Prefix", "Tag"])
        && conditions.all("Prefix").count() <= 1
        && (alone || filter.children().len() == 1);
    fine.then(|| tagging::check_filter(conditions))
}
