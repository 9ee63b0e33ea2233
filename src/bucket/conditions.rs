//! What the filters of lifecycle, inventories, tiering and replication say alike: a prefix, tags, an `And` around
//! several.

use crate::options::Tags;
use crate::xml::Element;

/// Whether the value was read, and the place for it free.
pub(super) fn set<T>(place: &mut Option<T>, value: Option<T>) -> bool {
    let free = place.is_none() && value.is_some();
    if free {
        *place = value;
    }
    free
}

/// Takes up what a `Tag` says; nothing when it is strange.
pub(super) fn take_tag(tags: &mut Tags, condition: &Element) -> Option<()> {
    let [key, value] = condition.texts(["Key", "Value"])?;
    *tags = std::mem::take(tags).tag(key?, value.unwrap_or_default());
    Some(())
}

/// A `Tag` for each.
pub(super) fn with_tags(conditions: Element, tags: &Tags) -> Element {
    tags.iter().fold(conditions, |conditions, (key, value)| {
        conditions.child(Element::new("Tag").leaf("Key", key).leaf("Value", value))
    })
}

/// The `Filter` of these conditions, which are in an `And` unless it is one of those that may stand alone.
pub(super) fn filter(and: Element, alone: &[&str]) -> Element {
    let filter = Element::new("Filter");
    match and.children.as_slice() {
        [] => filter,
        [one] if alone.contains(&one.name.as_str()) => filter.child(one.clone()),
        _ => filter.child(and),
    }
}
