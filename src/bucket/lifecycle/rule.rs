use super::due::{
    LifecycleExpiration, LifecycleTime, LifecycleTransition, MAX_DAYS, NoncurrentVersionTransition, check_days, days,
};
use super::filter::LifecycleFilter;
use crate::bucket::conditions::set;
use crate::error::{Error, Result};
use crate::options::StorageClass;
use crate::xml::{Element, Unknown, status};

/// One rule of a [`LifecycleConfiguration`](crate::LifecycleConfiguration).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LifecycleRule {
    /// A name, 255 characters at most, another for each rule.
    pub id: Option<String>,
    /// Whether the rule is in force (`Status`).
    pub enabled: bool,
    /// The objects it is about. `None`: all, or those of a `Filter`, or of a `Prefix` as rules once had it, that is
    /// among the [`unknown`](Self::unknown).
    pub filter: Option<LifecycleFilter>,
    /// When objects change their storage class.
    pub transitions: Vec<LifecycleTransition>,
    /// When objects are removed.
    pub expiration: Option<LifecycleExpiration>,
    /// How many days after its beginning an upload that was not completed is aborted.
    pub abort_incomplete_multipart_upload: Option<u32>,
    /// When versions that are not the latest any more change their storage class.
    pub noncurrent_version_transitions: Vec<NoncurrentVersionTransition>,
    /// How many days after they stopped being the latest versions are removed.
    pub noncurrent_version_expiration: Option<u32>,
    unknown: Unknown,
}

impl LifecycleRule {
    /// The most days.
    pub const MAX_DAYS: u32 = MAX_DAYS;

    /// A rule about these objects, in force as soon as it does something.
    pub fn new(filter: LifecycleFilter) -> Self {
        Self { filter: Some(filter), ..Self::bare() }
    }

    fn bare() -> Self {
        Self {
            id: None,
            enabled: true,
            filter: None,
            transitions: Vec::new(),
            expiration: None,
            abort_incomplete_multipart_upload: None,
            noncurrent_version_transitions: Vec::new(),
            noncurrent_version_expiration: None,
            unknown: Unknown::default(),
        }
    }

    /// `ID`.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// `Status`: whether the rule is in force.
    #[must_use]
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }

    /// One more `Transition`; 0 days are at once.
    #[must_use]
    pub fn transition(mut self, time: LifecycleTime, storage_class: StorageClass) -> Self {
        self.transitions.push(LifecycleTransition::new(time, storage_class));
        self
    }

    /// `Expiration`. Where the bucket keeps versions, an object is hidden behind a delete marker.
    #[must_use]
    pub fn expiration(mut self, expiration: impl Into<LifecycleExpiration>) -> Self {
        self.expiration = Some(expiration.into());
        self
    }

    /// `AbortIncompleteMultipartUpload`: so many days after the upload began.
    #[must_use]
    pub fn abort_incomplete_multipart_upload(mut self, days: u32) -> Self {
        self.abort_incomplete_multipart_upload = Some(days);
        self
    }

    /// One more `NoncurrentVersionTransition`.
    #[must_use]
    pub fn noncurrent_version_transition(mut self, days: u32, storage_class: StorageClass) -> Self {
        self.noncurrent_version_transitions.push(NoncurrentVersionTransition::new(days, storage_class));
        self
    }

    /// `NoncurrentVersionExpiration`.
    #[must_use]
    pub fn noncurrent_version_expiration(mut self, days: u32) -> Self {
        self.noncurrent_version_expiration = Some(days);
        self
    }

    /// Names of what was read in the rule, is not known here or could not be set here, and is written back with it: a
    /// `Transition` by how often objects are read, for one.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        self.unknown.names()
    }

    pub(super) fn read(mut element: Element) -> Self {
        let mut rule = Self { enabled: false, unknown: element.take_unknown(), ..Self::bare() };
        let mut strange = element.repeated(&ONCE);
        if element.has("Prefix") {
            strange.push("Filter"); // which of them counts, COS does not say
        }
        for child in element.children {
            if strange.contains(&child.name.as_str()) || !rule.take(&child) {
                rule.unknown.push(child);
            }
        }
        rule
    }

    /// Whether it is known what this is, and would be written.
    fn take(&mut self, child: &Element) -> bool {
        match child.name.as_str() {
            "ID" if child.text() == Some("") => true,
            "ID" => set(&mut self.id, child.text().filter(|id| is_id(id)).map(str::to_owned)),
            "Status" => {
                self.enabled = child.text() == Some("Enabled");
                self.enabled || child.text() == Some("Disabled")
            }
            "Filter" => set(&mut self.filter, LifecycleFilter::read(child)),
            "Expiration" => set(&mut self.expiration, LifecycleExpiration::read(child)),
            "AbortIncompleteMultipartUpload" => {
                set(&mut self.abort_incomplete_multipart_upload, days(child, "DaysAfterInitiation"))
            }
            "NoncurrentVersionExpiration" => {
                set(&mut self.noncurrent_version_expiration, days(child, "NoncurrentDays"))
            }
            "Transition" => LifecycleTransition::read(child).map(|it| self.transitions.push(it)).is_some(),
            "NoncurrentVersionTransition" => {
                let read = NoncurrentVersionTransition::read(child);
                read.map(|it| self.noncurrent_version_transitions.push(it)).is_some()
            }
            _ => false,
        }
    }

    pub(super) fn write(&self) -> Result<Element> {
        if self.id.as_ref().is_some_and(|id| !is_id(id)) {
            return Err(Error::input("id", "is not from 1 to 255 characters"));
        }
        self.check_times()?;
        let mut element = Element::new("Rule").leaf_opt("ID", self.id.as_deref());
        if let Some(filter) = &self.filter {
            element = element.child(filter.write()?);
        }
        if self.filter.is_some() && self.unknown.has("Prefix") {
            return Err(Error::input("filter", "is beside a prefix that the rule has as rules once had it"));
        }
        if self.enabled || !self.unknown.has("Status") {
            element = element.leaf("Status", status(self.enabled));
        }
        let said = element.children.len();
        for transition in &self.transitions {
            element = element.child(transition.write());
        }
        if let Some(expiration) = &self.expiration {
            element = element.child(expiration.write());
        }
        if let Some(days) = self.abort_incomplete_multipart_upload {
            let after = Element::new("AbortIncompleteMultipartUpload");
            element = element.child(after.leaf("DaysAfterInitiation", days.to_string()));
        }
        for transition in &self.noncurrent_version_transitions {
            element = element.child(transition.write());
        }
        if let Some(days) = self.noncurrent_version_expiration {
            let after = Element::new("NoncurrentVersionExpiration");
            element = element.child(after.leaf("NoncurrentDays", days.to_string()));
        }
        if element.children.len() == said && self.unknown().next().is_none() {
            return Err(Error::input("rules", "have one that does nothing"));
        }
        element
            .with_unknown(&self.unknown, &ONCE)
            .ok_or_else(|| Error::input("rules", "have one that sets anew what it has in a form that is not known"))
    }

    fn check_times(&self) -> Result<()> {
        let transitions = self.transitions.iter().map(|transition| (transition.time, 0));
        let expiration = match self.expiration {
            Some(LifecycleExpiration::Object(time)) => Some((time, 1)),
            _ => None,
        };
        let (mut by_days, mut by_date) = (false, false);
        for (time, least) in transitions.chain(expiration) {
            time.check(least)?;
            by_days |= matches!(time, LifecycleTime::Days(_));
            by_date |= matches!(time, LifecycleTime::Date(_));
        }
        if by_days && by_date {
            return Err(Error::input("rules", "have one with days and a date, which takes two rules"));
        }
        for transition in &self.noncurrent_version_transitions {
            check_days(transition.days, 0)?;
        }
        for days in [self.abort_incomplete_multipart_upload, self.noncurrent_version_expiration].into_iter().flatten() {
            check_days(days, 1)?;
        }
        Ok(())
    }
}

/// What is in a rule once at most.
const ONCE: [&str; 6] =
    ["ID", "Filter", "Status", "Expiration", "AbortIncompleteMultipartUpload", "NoncurrentVersionExpiration"];

fn is_id(text: &str) -> bool {
    (1..=255).contains(&text.chars().count())
}
