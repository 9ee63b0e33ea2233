use std::time::SystemTime;

use crate::error::{Error, Result};
use crate::options::StorageClass;
use crate::time::{from_unix_seconds, iso8601, parse_iso8601};
use crate::xml::Element;

/// When something is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LifecycleTime {
    /// So many days after the object was last modified.
    Days(u32),
    /// From this day on.
    Date(SystemTime),
}

/// A change of the storage class of objects.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LifecycleTransition {
    /// When it is due.
    pub time: LifecycleTime,
    /// The class they get.
    pub storage_class: StorageClass,
}

/// A removal of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LifecycleExpiration {
    /// Objects, when they are so old.
    Object(LifecycleTime),
    /// Delete markers, when no version is left behind them (`ExpiredObjectDeleteMarker`).
    DeleteMarker,
}

/// A change of the storage class of versions that are not the latest any more.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NoncurrentVersionTransition {
    /// How many days after they stopped being the latest.
    pub days: u32,
    /// The class they get.
    pub storage_class: StorageClass,
}

impl From<LifecycleTime> for LifecycleExpiration {
    fn from(time: LifecycleTime) -> Self {
        Self::Object(time)
    }
}

impl LifecycleTime {
    fn read(days: Option<&str>, date: Option<&str>, least: u32) -> Option<Self> {
        match (days, date) {
            (Some(days), None) => read_days(days, least).map(Self::Days),
            (None, Some(date)) => {
                let time = parse_iso8601(date)?;
                // It is written in whole seconds.
                (parse_iso8601(&iso8601(time)) == Some(time)).then_some(Self::Date(time))
            }
            _ => None,
        }
    }

    /// Whether COS takes it; `least` is the least number of days.
    pub(super) fn check(self, least: u32) -> Result<()> {
        match self {
            Self::Days(days) => check_days(days, least),
            Self::Date(date) => {
                let since = date.duration_since(SystemTime::UNIX_EPOCH).ok();
                let known = since.and_then(|since| from_unix_seconds(since.as_secs()));
                known.map(|_| ()).ok_or_else(|| Error::input("date", "is not from 1970 to 9999"))
            }
        }
    }

    fn write(self, element: Element) -> Element {
        match self {
            Self::Days(days) => element.leaf("Days", days.to_string()),
            Self::Date(date) => element.leaf("Date", iso8601(date)),
        }
    }
}

impl LifecycleTransition {
    /// To this class, at this time.
    pub fn new(time: LifecycleTime, storage_class: StorageClass) -> Self {
        Self { time, storage_class }
    }

    pub(super) fn read(element: &Element) -> Option<Self> {
        let [days, date, class] = element.texts(["Days", "Date", "StorageClass"])?;
        Some(Self { time: LifecycleTime::read(days, date, 0)?, storage_class: read_class(class?)? })
    }

    pub(super) fn write(&self) -> Element {
        self.time.write(Element::new("Transition")).leaf("StorageClass", self.storage_class.as_str())
    }
}

impl LifecycleExpiration {
    pub(super) fn read(element: &Element) -> Option<Self> {
        match element.texts(["Days", "Date", "ExpiredObjectDeleteMarker"])? {
            [None, None, Some("true")] => Some(Self::DeleteMarker),
            // Some clients write the default beside.
            [days, date, None | Some("false")] => LifecycleTime::read(days, date, 1).map(Self::Object),
            _ => None,
        }
    }

    pub(super) fn write(self) -> Element {
        let element = Element::new("Expiration");
        match self {
            Self::Object(time) => time.write(element),
            Self::DeleteMarker => element.leaf("ExpiredObjectDeleteMarker", "true"),
        }
    }
}

impl NoncurrentVersionTransition {
    /// To this class, so many days after they stopped being the latest.
    pub fn new(days: u32, storage_class: StorageClass) -> Self {
        Self { days, storage_class }
    }

    pub(super) fn read(element: &Element) -> Option<Self> {
        let [days, class] = element.texts(["NoncurrentDays", "StorageClass"])?;
        Some(Self { days: read_days(days?, 0)?, storage_class: read_class(class?)? })
    }

    pub(super) fn write(&self) -> Element {
        let element = Element::new("NoncurrentVersionTransition").leaf("NoncurrentDays", self.days.to_string());
        element.leaf("StorageClass", self.storage_class.as_str())
    }
}

pub(super) const MAX_DAYS: u32 = 3650;

pub(super) fn check_days(days: u32, least: u32) -> Result<()> {
    if (least..=MAX_DAYS).contains(&days) {
        return Ok(());
    }
    Err(Error::input("days", "are 0, or more than 3650"))
}

/// The days of an element that says nothing else.
pub(super) fn days(element: &Element, name: &str) -> Option<u32> {
    let [days] = element.texts([name])?;
    read_days(days?, 1)
}

/// Days that would be written.
fn read_days(text: &str, least: u32) -> Option<u32> {
    text.trim().parse().ok().filter(|&days| check_days(days, least).is_ok())
}

/// A class that would be written as it is, but for its case: no name is none.
fn read_class(text: &str) -> Option<StorageClass> {
    Some(StorageClass::new(text)).filter(|class| class.as_str().eq_ignore_ascii_case(text))
}
