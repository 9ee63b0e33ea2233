use crate::bucket::conditions::{self, set, take_tag, with_tags};
use crate::error::{Error, Result};
use crate::options::Tags;
use crate::xml::Element;

/// The objects that a [`LifecycleRule`](crate::LifecycleRule) is about: those that all of it fits, all objects if it
/// says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LifecycleFilter {
    /// What the keys begin with.
    pub prefix: Option<String>,
    /// What the keys do not begin with (`PrefixNotEquals`).
    pub prefix_not_equals: Option<String>,
    /// Tags that the objects have.
    pub tags: Tags,
    /// Only larger objects, in bytes (`ObjectSizeGreaterThan`).
    pub larger_than: Option<u64>,
    /// Only smaller objects, in bytes (`ObjectSizeLessThan`).
    pub smaller_than: Option<u64>,
}

impl LifecycleFilter {
    /// All objects.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only keys that begin with this.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// No keys that begin with this (`PrefixNotEquals`).
    #[must_use]
    pub fn prefix_not_equals(mut self, prefix: impl Into<String>) -> Self {
        self.prefix_not_equals = Some(prefix.into());
        self
    }

    /// Only objects with this tag, too.
    #[must_use]
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags = self.tags.tag(key, value);
        self
    }

    /// Only objects of more bytes (`ObjectSizeGreaterThan`).
    #[must_use]
    pub fn larger_than(mut self, bytes: u64) -> Self {
        self.larger_than = Some(bytes);
        self
    }

    /// Only objects of fewer bytes (`ObjectSizeLessThan`).
    #[must_use]
    pub fn smaller_than(mut self, bytes: u64) -> Self {
        self.smaller_than = Some(bytes);
        self
    }

    pub(super) fn read(element: &Element) -> Option<Self> {
        if !element.is_bare() {
            return None;
        }
        let conditions = match element.children.as_slice() {
            [and] if and.name == "And" && and.is_bare() => &and.children,
            alone @ ([] | [_]) => alone,
            _ => return None,
        };
        let mut filter = Self::new();
        for condition in conditions {
            let known = match condition.name.as_str() {
                "Prefix" => set(&mut filter.prefix, condition.text().map(str::to_owned)),
                "PrefixNotEquals" => {
                    let prefix = condition.text().filter(|prefix| !prefix.is_empty());
                    set(&mut filter.prefix_not_equals, prefix.map(str::to_owned))
                }
                "ObjectSizeGreaterThan" => set(&mut filter.larger_than, condition.number()),
                "ObjectSizeLessThan" => set(&mut filter.smaller_than, condition.number()),
                "Tag" => take_tag(&mut filter.tags, condition).is_some(),
                _ => false,
            };
            if !known {
                return None;
            }
        }
        // An empty one excludes nothing.
        filter.prefix = filter.prefix.filter(|prefix| !prefix.is_empty());
        filter.tags.check().is_ok().then_some(filter)
    }

    pub(super) fn write(&self) -> Result<Element> {
        self.tags.check()?;
        if self.prefix_not_equals.as_deref() == Some("") {
            // No key fits it, unless COS takes it for none: then all do.
            return Err(Error::input("prefix_not_equals", "is empty"));
        }
        let prefix = self.prefix.as_deref().filter(|prefix| !prefix.is_empty());
        let conditions = Element::new("And")
            .leaf_opt("Prefix", prefix)
            .leaf_opt("PrefixNotEquals", self.prefix_not_equals.as_deref());
        let conditions = with_tags(conditions, &self.tags)
            .leaf_opt("ObjectSizeGreaterThan", self.larger_than.map(|bytes| bytes.to_string()))
            .leaf_opt("ObjectSizeLessThan", self.smaller_than.map(|bytes| bytes.to_string()));
        Ok(conditions::filter(conditions, &["Prefix", "Tag"]))
    }
}
