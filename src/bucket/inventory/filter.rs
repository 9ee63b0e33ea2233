use std::time::SystemTime;

use crate::bucket::conditions::{self, take_tag, with_tags};
use crate::error::{Error, Result};
use crate::options::{StorageClass, Tags};
use crate::time::{from_unix_seconds, unix_seconds};
use crate::xml::Element;

/// The objects that are on an inventory: those that all of it fits, all objects if it says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct InventoryFilter {
    /// What the keys begin with.
    pub prefix: Option<String>,
    /// Tags that the objects have.
    pub tags: Tags,
    /// Only objects of this class.
    pub storage_class: Option<StorageClass>,
    /// Only objects made then or later (`Period.StartTime`), to the second.
    pub start_time: Option<SystemTime>,
    /// Only objects made until then (`Period.EndTime`), to the second.
    pub end_time: Option<SystemTime>,
    /// Whether the prefix stood alone in an `And`, where it is written back: the SDK for Go reads it nowhere else.
    in_and: bool,
}

impl InventoryFilter {
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

    /// Only objects with this tag, too.
    #[must_use]
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags = self.tags.tag(key, value);
        self
    }

    /// Only objects of this class.
    #[must_use]
    pub fn storage_class(mut self, class: StorageClass) -> Self {
        self.storage_class = Some(class);
        self
    }

    /// Only objects made then or later, to the second.
    #[must_use]
    pub fn start_time(mut self, time: SystemTime) -> Self {
        self.start_time = Some(time);
        self
    }

    /// Only objects made until then, to the second.
    #[must_use]
    pub fn end_time(mut self, time: SystemTime) -> Self {
        self.end_time = Some(time);
        self
    }

    pub(super) fn read(element: &Element) -> Option<Self> {
        let mut filter = Self::new();
        let both = element.has("Prefix") && element.has("And");
        if both || !element.is_bare() || !element.repeated(&["Prefix", "And", PERIOD]).is_empty() {
            return None;
        }
        for part in &element.children {
            match part.name.as_str() {
                "Prefix" => filter.take(part)?,
                "And" if part.is_bare() && part.repeated(&["Prefix", CLASS]).is_empty() => {
                    part.children.iter().try_for_each(|condition| filter.take(condition))?;
                    filter.in_and = matches!(part.children.as_slice(), [alone] if alone.name == "Prefix");
                }
                PERIOD => {
                    let [start, end] = part.texts(["StartTime", "EndTime"])?;
                    (filter.start_time, filter.end_time) = (read_time(start)?, read_time(end)?);
                }
                _ => return None,
            }
        }
        // An empty one excludes nothing.
        filter.prefix = filter.prefix.filter(|prefix| !prefix.is_empty());
        filter.tags.check().is_ok().then_some(filter)
    }

    fn take(&mut self, condition: &Element) -> Option<()> {
        match condition.name.as_str() {
            "Prefix" => self.prefix = Some(condition.text()?.to_owned()),
            CLASS => {
                let class = condition.text()?.trim();
                self.storage_class = (!class.is_empty()).then(|| StorageClass::new(class));
            }
            "Tag" => take_tag(&mut self.tags, condition)?,
            _ => return None,
        }
        Some(())
    }

    pub(super) fn write(&self) -> Result<Element> {
        self.tags.check()?;
        if let (Some(start), Some(end)) = (self.start_time, self.end_time)
            && start > end
        {
            return Err(Error::input("end_time", "is before the start"));
        }
        let prefix = self.prefix.as_deref().filter(|prefix| !prefix.is_empty());
        let conditions = with_tags(Element::new("And").leaf_opt("Prefix", prefix), &self.tags)
            .leaf_opt(CLASS, self.storage_class.as_ref().map(StorageClass::as_str));
        let filter = conditions::filter(conditions, if self.in_and { &[] } else { &["Prefix"] });
        let period = Element::new(PERIOD)
            .leaf_opt("StartTime", self.start_time.map(|time| unix_seconds(time).to_string()))
            .leaf_opt("EndTime", self.end_time.map(|time| unix_seconds(time).to_string()));
        Ok(if period.children.is_empty() { filter } else { filter.child(period) })
    }
}

const PERIOD: &str = "Period";
const CLASS: &str = "StorageClass";

/// Nothing is a time that is none; an empty one is not set.
#[allow(clippy::option_option)]
fn read_time(text: Option<&str>) -> Option<Option<SystemTime>> {
    match text.map(str::trim) {
        None | Some("") => Some(None),
        Some(seconds) => from_unix_seconds(seconds.parse().ok()?).map(Some),
    }
}
