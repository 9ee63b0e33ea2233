//! Replication of a bucket to others: the rules are kept, and not carried out.

use std::collections::HashSet;

use crate::attributes::is_storage_class;
use crate::encoding::number;
use crate::error::CosError;
use crate::service::Call;
use crate::settings::{children, texts};
use crate::store::{Bucket, Versioning};
use crate::xml::Element;

const MOST: usize = 1000;

/// Both buckets must keep versions. The codes for a destination that will not do are inferred.
pub(crate) fn check(call: &Call<'_>, bucket: &Bucket, root: &Element) -> Result<(), CosError> {
    let rules = read(root).ok_or_else(CosError::malformed_xml)?;
    let mut ids = HashSet::new();
    if rules.iter().any(|rule| rule.id.is_some_and(|id| !ids.insert(id))) {
        return Err(CosError::invalid_argument("Two rules have the same ID."));
    }
    for (at, rule) in rules.iter().enumerate() {
        // The reference: prefixes cannot overlap. Priorities, which are newer, tell which rule holds (inferred).
        if rules[..at].iter().any(|other| rule.overlaps(other)) {
            return Err(CosError::invalid_argument("The prefixes of two rules without a priority overlap."));
        }
    }
    if bucket.versioning() != Versioning::Enabled {
        return Err(versions_missing());
    }
    for rule in &rules {
        let found = call.world.store.bucket(rule.bucket).filter(|found| found.region == rule.region);
        let found = found.ok_or_else(|| CosError::invalid_argument("The destination bucket does not exist."))?;
        if found.name == bucket.name {
            return Err(CosError::invalid_argument("A bucket cannot be replicated to itself."));
        }
        if found.versioning() != Versioning::Enabled {
            return Err(versions_missing());
        }
    }
    Ok(())
}

fn versions_missing() -> CosError {
    CosError::new(400, "BucketVersionNotOpen", "Versioning is not enabled for the bucket.")
}

struct Rule<'d> {
    id: Option<&'d str>,
    prefix: &'d str,
    /// Whether tags say more of it than the prefix.
    has_tags: bool,
    has_priority: bool,
    region: &'d str,
    bucket: &'d str,
}

fn read(root: &Element) -> Option<Vec<Rule<'_>>> {
    let rules: Vec<&Element> = root.all("Rule").collect();
    let fine = root.has_only(&["Role", "Rule"]) && root.all("Role").count() == 1 && (1..=MOST).contains(&rules.len());
    let role = root.text_of("Role").filter(|_| fine)?;
    let (owner, user) = role.strip_prefix("qcs::cam::uin/")?.split_once(":uin/")?;
    number::<u64>(owner).zip(number::<u64>(user))?;
    rules.into_iter().map(Rule::read).collect()
}

impl<'d> Rule<'d> {
    fn read(rule: &'d Element) -> Option<Self> {
        let names = [
            "ID",
            "Status",
            "Priority",
            "Prefix",
            "Filter",
            "Destination",
            "DeleteMarkerReplication",
            "SourceSelectionCriteria",
        ];
        let [_, _, _, prefix, filter, destination, markers, criteria] = children(rule, names)?;
        is_switched(rule)?;
        markers.map_or(Some(()), only_switched)?;
        if let Some(criteria) = criteria {
            let [encrypted] = children(criteria, ["SseKmsEncryptedObjects"])?;
            only_switched(encrypted?)?;
        }
        let priority = rule.text_of("Priority").map(number::<u32>);
        if priority == Some(None) || (prefix.is_some() && filter.is_some()) {
            return None;
        }
        let (in_filter, has_tags) = filter.map_or(Some(("", false)), read_filter)?;
        let destination = destination?;
        let [bucket, _, encryption] = children(destination, ["Bucket", "StorageClass", "EncryptionConfiguration"])?;
        destination.text_of("StorageClass").is_none_or(is_storage_class).then_some(())?;
        if let Some(encryption) = encryption {
            texts(encryption, ["ReplicaKmsKeyID"])?;
        }
        let (region, bucket) = bucket?.text.strip_prefix("qcs::cos:")?.split_once("::")?;
        let prefix = prefix.map_or(in_filter, |prefix| prefix.text.as_str());
        Some(Self { id: rule.text_of("ID"), prefix, has_tags, has_priority: priority.is_some(), region, bucket })
    }

    fn overlaps(&self, other: &Self) -> bool {
        let prefixes = self.prefix.starts_with(other.prefix) || other.prefix.starts_with(self.prefix);
        let told_apart = (self.has_priority && other.has_priority) || self.has_tags || other.has_tags;
        prefixes && !told_apart
    }
}

fn is_switched(parent: &Element) -> Option<()> {
    ["Enabled", "Disabled"].contains(&parent.text_of("Status")?).then_some(())
}

fn only_switched(parent: &Element) -> Option<()> {
    texts(parent, ["Status"])?;
    is_switched(parent)
}

/// The prefix of a filter, and whether it has tags: one of the two, or both in an `And`.
fn read_filter(filter: &Element) -> Option<(&str, bool)> {
    let [prefix, and] = children(filter, ["Prefix", "And"])?;
    let Some(and) = and else { return Some((prefix.map_or("", |prefix| prefix.text.as_str()), false)) };
    let tags: Vec<&Element> = and.all("Tag").collect();
    let fine = prefix.is_none() && and.has_only(&["Prefix", "Tag"]) && and.all("Prefix").count() <= 1;
    let tagged = tags.iter().all(|tag| tag.text_of("Key").is_some() && children(tag, ["Key", "Value"]).is_some());
    (fine && tagged && !tags.is_empty()).then(|| (and.text_of("Prefix").unwrap_or_default(), true))
}
