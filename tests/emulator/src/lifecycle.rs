//! What a lifecycle configuration may say. It is not carried out.

use std::collections::BTreeSet;

use crate::encoding::number;
use crate::error::CosError;
use crate::xml::Element;

const RULES: usize = 1000;
const DAYS: u64 = 3650;

/// The elements of a rule that do something.
const ACTIONS: [&str; 5] = [
    "Transition",
    "Expiration",
    "AbortIncompleteMultipartUpload",
    "NoncurrentVersionTransition",
    "NoncurrentVersionExpiration",
];

pub(crate) fn check(root: &Element) -> Result<(), CosError> {
    let rules = root.children();
    if !root.has_only(&["Rule"]) || !(1..=RULES).contains(&rules.len()) {
        return Err(CosError::malformed_xml());
    }
    let mut ids = BTreeSet::new();
    for rule in rules {
        check_rule(rule)?;
        let Some(id) = rule.text_of("ID") else { continue };
        if id.chars().count() > 255 || !ids.insert(id) {
            return Err(CosError::invalid_argument("The ID of a rule is too long, or there twice."));
        }
    }
    Ok(())
}

fn check_rule(rule: &Element) -> Result<(), CosError> {
    let known = rule.has_only(&[&["ID", "Status", "Filter"], &ACTIONS[..]].concat());
    let acts = ACTIONS.iter().any(|action| rule.child(action).is_some());
    if !known || !acts || !matches!(rule.text_of("Status"), Some("Enabled" | "Disabled")) {
        return Err(CosError::malformed_xml());
    }
    let once =
        ["ID", "Status", "Filter", "Expiration", "AbortIncompleteMultipartUpload", "NoncurrentVersionExpiration"];
    if once.iter().any(|name| rule.all(name).count() > 1) {
        return Err(CosError::malformed_xml());
    }
    if let Some(filter) = rule.child("Filter") {
        check_filter(filter)?;
    }
    let (mut by_days, mut by_date) = (false, false);
    for action in rule.children().iter().filter(|child| ACTIONS.contains(&child.name.as_str())) {
        check_action(action)?;
        by_days |= action.child("Days").is_some();
        by_date |= action.child("Date").is_some();
    }
    if by_days && by_date {
        return Err(CosError::invalid_argument("Days and Date cannot be in the same rule."));
    }
    Ok(())
}

fn check_filter(filter: &Element) -> Result<(), CosError> {
    let conditions = match filter.child("And") {
        Some(_) if filter.children().len() > 1 => return Err(CosError::malformed_xml()),
        Some(and)
            if and.has_only(&["Prefix", "Tag", "PrefixNotEquals", "ObjectSizeGreaterThan", "ObjectSizeLessThan"]) =>
        {
            and
        }
        None if filter.has_only(&["Prefix", "Tag"]) && filter.children().len() <= 1 => filter,
        _ => return Err(CosError::malformed_xml()),
    };
    let keys: Vec<&str> = conditions.all("Tag").map(|tag| tag.text_of("Key").unwrap_or_default()).collect();
    let others: BTreeSet<&str> = keys.iter().copied().collect();
    if keys.len() > 10 || others.len() < keys.len() || others.contains("") {
        return Err(CosError::new(400, "InvalidTag", "The tags of a filter are none that an object can have."));
    }
    Ok(())
}

fn check_action(action: &Element) -> Result<(), CosError> {
    let (names, least): (&[&str], u64) = match action.name.as_str() {
        "Transition" => (&["Days", "Date", "StorageClass", "AccessFrequency"], 0),
        "Expiration" => (&["Days", "Date", "ExpiredObjectDeleteMarker"], 1),
        "AbortIncompleteMultipartUpload" => (&["DaysAfterInitiation"], 1),
        "NoncurrentVersionTransition" => (&["NoncurrentDays", "StorageClass", "AccessFrequency"], 0),
        _ => (&["NoncurrentDays"], 1),
    };
    let times = ["Days", "Date", "DaysAfterInitiation", "NoncurrentDays", "AccessFrequency"];
    let given = times.iter().filter(|name| action.child(name).is_some()).count();
    let marker = action.text_of("ExpiredObjectDeleteMarker").is_some_and(|flag| flag == "true");
    let classed = action.name.ends_with("Transition") == action.text_of("StorageClass").is_some();
    if !action.has_only(names) || given + usize::from(marker) != 1 || !classed {
        return Err(CosError::malformed_xml());
    }
    for name in ["Days", "DaysAfterInitiation", "NoncurrentDays"] {
        let Some(days) = action.child(name) else { continue };
        let days = number::<u64>(days.text.trim()).ok_or_else(CosError::malformed_xml)?;
        if !(least..=DAYS).contains(&days) {
            return Err(CosError::invalid_argument(format!("{name} must be between {least} and {DAYS}.")));
        }
    }
    Ok(())
}
