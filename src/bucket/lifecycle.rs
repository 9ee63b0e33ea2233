use std::time::SystemTime;

use bytes::Bytes;
use http::{Method, Response};

use crate::answer::request_id;
use crate::error::{Error, Result, ServiceError};
use crate::operation::{Operation, Permissions, Safety, Sent};
use crate::options::{StorageClass, Tags};
use crate::request::Request;
use crate::time::{from_unix_seconds, iso8601, parse_iso8601};
use crate::xml::{self, Element, Unknown};

/// What COS does by itself with objects and uploads of a bucket as they grow old.
///
/// What this crate does not know in a configuration that was read is kept and written back with it.
///
/// # Examples
/// ```
/// use tencent_cos::{LifecycleConfiguration, LifecycleFilter, LifecycleRule, LifecycleTime, StorageClass};
///
/// let left_behind = LifecycleRule::new(LifecycleFilter::new()).id("uploads").abort_incomplete_multipart_upload(7);
/// let logs = LifecycleRule::new(LifecycleFilter::new().prefix("logs/"))
///     .transition(LifecycleTime::Days(30), StorageClass::ARCHIVE)
///     .expiration(LifecycleTime::Days(365));
/// let configuration = LifecycleConfiguration::new([left_behind, logs]);
/// # let _ = configuration;
/// ```
///
/// COS reference: [Lifecycle](https://cloud.tencent.com/document/product/436/17028)
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LifecycleConfiguration {
    /// The rules.
    pub rules: Vec<LifecycleRule>,
    unknown: Unknown,
}

/// One rule of a [`LifecycleConfiguration`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LifecycleRule {
    /// A name, 255 characters at most, another for each rule.
    pub id: Option<String>,
    /// Whether the rule is in force (`Status`).
    pub enabled: bool,
    /// The objects it is about. `None`: all, or those of a `Filter`, or of a `Prefix` as rules once had it, that is among
    /// the [`unknown`](Self::unknown).
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

/// The objects that a [`LifecycleRule`] is about: those that all of it fits, all objects if it says nothing.
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

/// When something is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LifecycleTime {
    /// So many days after the object was last modified.
    Days(u32),
    /// From this day on.
    Date(SystemTime),
}

/// A change of the storage class of objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LifecycleTransition {
    /// When it is due.
    pub time: LifecycleTime,
    /// The class they get.
    pub storage_class: StorageClass,
}

/// A removal of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LifecycleExpiration {
    /// Objects, when they are so old.
    Object(LifecycleTime),
    /// Delete markers, when no version is left behind them (`ExpiredObjectDeleteMarker`).
    DeleteMarker,
}

/// A change of the storage class of versions that are not the latest any more.
#[derive(Clone, Debug, PartialEq, Eq)]
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

impl LifecycleConfiguration {
    /// The most rules.
    pub const MAX_RULES: usize = 1000;

    /// These rules.
    pub fn new(rules: impl IntoIterator<Item = LifecycleRule>) -> Self {
        Self { rules: rules.into_iter().collect(), unknown: Unknown::default() }
    }

    fn read(mut root: Element) -> Self {
        let mut configuration = Self { unknown: root.take_unknown(), ..Self::default() };
        for child in root.children {
            if child.name == "Rule" {
                configuration.rules.push(LifecycleRule::read(child));
            } else {
                configuration.unknown.push(child);
            }
        }
        configuration
    }

    fn write(&self) -> Result<Element> {
        if !(1..=Self::MAX_RULES).contains(&self.rules.len()) {
            return Err(Error::input("rules", "are not from 1 to 1000"));
        }
        let mut ids: Vec<&str> = self.rules.iter().filter_map(|rule| rule.id.as_deref()).collect();
        let named = ids.len();
        ids.sort_unstable();
        ids.dedup();
        if ids.len() < named {
            return Err(Error::input("id", "is that of two rules"));
        }
        let mut root = Element::new(ROOT);
        for rule in &self.rules {
            root = root.child(rule.write()?);
        }
        Ok(root.with_unknown(&self.unknown, &[]).expect("nothing in it is there but once"))
    }
}

impl LifecycleRule {
    /// The most days.
    pub const MAX_DAYS: u32 = 3650;

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
        self.transitions.push(LifecycleTransition { time, storage_class });
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
        self.noncurrent_version_transitions.push(NoncurrentVersionTransition { days, storage_class });
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

    fn read(mut element: Element) -> Self {
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

    fn write(&self) -> Result<Element> {
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
            element = element.leaf("Status", if self.enabled { "Enabled" } else { "Disabled" });
        }
        let said = element.children.len();
        for LifecycleTransition { time, storage_class } in &self.transitions {
            let transition = time.write(Element::new("Transition"));
            element = element.child(transition.leaf("StorageClass", storage_class.as_str()));
        }
        if let Some(expiration) = &self.expiration {
            element = element.child(expiration.write());
        }
        if let Some(days) = self.abort_incomplete_multipart_upload {
            let after = Element::new("AbortIncompleteMultipartUpload");
            element = element.child(after.leaf("DaysAfterInitiation", days.to_string()));
        }
        for NoncurrentVersionTransition { days, storage_class } in &self.noncurrent_version_transitions {
            let transition = Element::new("NoncurrentVersionTransition").leaf("NoncurrentDays", days.to_string());
            element = element.child(transition.leaf("StorageClass", storage_class.as_str()));
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
            match time {
                LifecycleTime::Days(days) => {
                    by_days = true;
                    check_days(days, least)?;
                }
                LifecycleTime::Date(date) => {
                    by_date = true;
                    let since = date.duration_since(SystemTime::UNIX_EPOCH).ok();
                    if since.and_then(|since| from_unix_seconds(since.as_secs())).is_none() {
                        return Err(Error::input("date", "is not from 1970 to 9999"));
                    }
                }
            }
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

fn check_days(days: u32, least: u32) -> Result<()> {
    if (least..=LifecycleRule::MAX_DAYS).contains(&days) {
        return Ok(());
    }
    Err(Error::input("days", "are 0, or more than 3650"))
}

/// Whether the value was read, and the place for it free.
fn set<T>(place: &mut Option<T>, value: Option<T>) -> bool {
    let free = place.is_none() && value.is_some();
    if free {
        *place = value;
    }
    free
}

fn days(element: &Element, name: &str) -> Option<u32> {
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

impl LifecycleFilter {
    /// All objects.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only keys that begin so.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// No keys that begin so (`PrefixNotEquals`).
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

    fn read(element: &Element) -> Option<Self> {
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
                "Tag" => {
                    let [key, value] = condition.texts(["Key", "Value"])?;
                    filter = filter.tag(key?, value.unwrap_or_default());
                    true
                }
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

    fn write(&self) -> Result<Element> {
        self.tags.check()?;
        if self.prefix_not_equals.as_deref() == Some("") {
            // No key fits it, unless COS takes it for none: then all do.
            return Err(Error::input("prefix_not_equals", "is empty"));
        }
        let prefix = self.prefix.as_deref().filter(|prefix| !prefix.is_empty());
        let mut conditions = Element::new("And")
            .leaf_opt("Prefix", prefix)
            .leaf_opt("PrefixNotEquals", self.prefix_not_equals.as_deref());
        for (key, value) in self.tags.iter() {
            conditions = conditions.child(Element::new("Tag").leaf("Key", key).leaf("Value", value));
        }
        let conditions = conditions
            .leaf_opt("ObjectSizeGreaterThan", self.larger_than.map(|bytes| bytes.to_string()))
            .leaf_opt("ObjectSizeLessThan", self.smaller_than.map(|bytes| bytes.to_string()));
        let filter = Element::new("Filter");
        Ok(match conditions.children.as_slice() {
            [] => filter,
            [alone] if matches!(alone.name.as_str(), "Prefix" | "Tag") => filter.child(alone.clone()),
            _ => filter.child(conditions),
        })
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

    fn write(self, element: Element) -> Element {
        match self {
            Self::Days(days) => element.leaf("Days", days.to_string()),
            Self::Date(date) => element.leaf("Date", iso8601(date)),
        }
    }
}

impl LifecycleTransition {
    fn read(element: &Element) -> Option<Self> {
        let [days, date, class] = element.texts(["Days", "Date", "StorageClass"])?;
        Some(Self { time: LifecycleTime::read(days, date, 0)?, storage_class: read_class(class?)? })
    }
}

impl LifecycleExpiration {
    fn read(element: &Element) -> Option<Self> {
        match element.texts(["Days", "Date", "ExpiredObjectDeleteMarker"])? {
            [None, None, Some("true")] => Some(Self::DeleteMarker),
            // Some clients write the default beside.
            [days, date, None | Some("false")] => LifecycleTime::read(days, date, 1).map(Self::Object),
            _ => None,
        }
    }

    fn write(self) -> Element {
        let element = Element::new("Expiration");
        match self {
            Self::Object(time) => time.write(element),
            Self::DeleteMarker => element.leaf("ExpiredObjectDeleteMarker", "true"),
        }
    }
}

impl NoncurrentVersionTransition {
    fn read(element: &Element) -> Option<Self> {
        let [days, class] = element.texts(["NoncurrentDays", "StorageClass"])?;
        Some(Self { days: read_days(days?, 0)?, storage_class: read_class(class?)? })
    }
}

const ROOT: &str = "LifecycleConfiguration";

/// Sets what COS does with objects and uploads as they grow old, in place of what was set before.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket` or `AccessDenied`.
/// [`ErrorKind::Input`](crate::ErrorKind::Input) for none or over 1 000 rules, one that does nothing, days and a date in
/// one rule, more than 3 650 days, an id twice or over 255 characters, tags that no object can have, or an empty prefix
/// that keys are not to begin with.
///
/// # Examples
/// ```no_run
/// use tencent_cos::{LifecycleConfiguration, LifecycleFilter, LifecycleRule, PutBucketLifecycle};
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// let tidy = LifecycleRule::new(LifecycleFilter::new()).abort_incomplete_multipart_upload(7);
/// bucket.send(PutBucketLifecycle::new(LifecycleConfiguration::new([tidy]))).await?;
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [PUT Bucket lifecycle](https://cloud.tencent.com/document/product/436/8280)
#[doc(alias = "PUT Bucket lifecycle")]
#[derive(Clone, Debug)]
pub struct PutBucketLifecycle(LifecycleConfiguration);

impl PutBucketLifecycle {
    /// Sets this.
    pub fn new(configuration: LifecycleConfiguration) -> Self {
        Self(configuration)
    }
}

/// Reads what COS does with objects and uploads as they grow old; `None` when that was never set, or was removed.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket` or `AccessDenied`.
///
/// # Examples
/// ```no_run
/// use tencent_cos::{GetBucketLifecycle, LifecycleFilter, LifecycleRule, PutBucketLifecycle};
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// let mut lifecycle = bucket.send(GetBucketLifecycle::new()).await?.unwrap_or_default();
/// lifecycle.rules.push(LifecycleRule::new(LifecycleFilter::new()).abort_incomplete_multipart_upload(7));
/// bucket.send(PutBucketLifecycle::new(lifecycle)).await?;
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [GET Bucket lifecycle](https://cloud.tencent.com/document/product/436/8278)
#[doc(alias = "GET Bucket lifecycle")]
#[derive(Clone, Copy, Debug, Default)]
pub struct GetBucketLifecycle {
    _private: (),
}

impl GetBucketLifecycle {
    /// Reads it.
    pub fn new() -> Self {
        Self::default()
    }
}

/// Lets objects and uploads grow old untouched. Nothing to remove is a success.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket` or `AccessDenied`.
///
/// # Examples
/// ```no_run
/// use tencent_cos::DeleteBucketLifecycle;
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// bucket.send(DeleteBucketLifecycle::new()).await?;
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [DELETE Bucket lifecycle](https://cloud.tencent.com/document/product/436/8284)
#[doc(alias = "DELETE Bucket lifecycle")]
#[derive(Clone, Copy, Debug, Default)]
pub struct DeleteBucketLifecycle {
    _private: (),
}

impl DeleteBucketLifecycle {
    /// Removes it.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Operation for PutBucketLifecycle {
    type Output = PutBucketLifecycleOutput;
    type Response = Bytes;
    const NAME: &'static str = "PUT Bucket lifecycle";
    const METHOD: Method = Method::PUT;
    const PERMISSIONS: Permissions = Permissions::bucket("name/cos:PutBucketLifecycle");

    fn request(&self) -> Result<Request> {
        let root = self.0.write()?;
        if !root.all_text(&xml::can_carry) {
            return Err(Error::input("rules", "have a control character, which XML cannot carry"));
        }
        Request::bucket().query("lifecycle", "").xml(ROOT, &root)
    }

    fn safety(&self) -> Safety {
        Safety::SameEffect
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<PutBucketLifecycleOutput> {
        Ok(PutBucketLifecycleOutput { request_id: request_id(response.headers()) })
    }
}

impl Operation for GetBucketLifecycle {
    type Output = Option<LifecycleConfiguration>;
    type Response = Bytes;
    const NAME: &'static str = "GET Bucket lifecycle";
    const METHOD: Method = Method::GET;
    const PERMISSIONS: Permissions = Permissions::bucket("name/cos:GetBucketLifecycle");

    fn request(&self) -> Result<Request> {
        Ok(Request::bucket().query("lifecycle", ""))
    }

    fn safety(&self) -> Safety {
        Safety::Read
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<Option<LifecycleConfiguration>> {
        let (head, body) = response.into_parts();
        let root = xml::read_whole(ROOT, head.status.as_u16(), &request_id(&head.headers), &body)?;
        Ok(Some(LifecycleConfiguration::read(root)))
    }

    fn unset_by(&self, refusal: &ServiceError) -> Option<Option<LifecycleConfiguration>> {
        (refusal.code == "NoSuchLifecycleConfiguration").then_some(None)
    }
}

impl Operation for DeleteBucketLifecycle {
    type Output = DeleteBucketLifecycleOutput;
    type Response = Bytes;
    const NAME: &'static str = "DELETE Bucket lifecycle";
    const METHOD: Method = Method::DELETE;
    const PERMISSIONS: Permissions = Permissions::bucket("name/cos:DeleteBucketLifecycle");

    fn request(&self) -> Result<Request> {
        Ok(Request::bucket().query("lifecycle", ""))
    }

    fn safety(&self) -> Safety {
        Safety::SameEffect
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<DeleteBucketLifecycleOutput> {
        Ok(DeleteBucketLifecycleOutput { request_id: request_id(response.headers()) })
    }

    fn unset_by(&self, refusal: &ServiceError) -> Option<DeleteBucketLifecycleOutput> {
        let none = refusal.code == "NoSuchLifecycleConfiguration";
        none.then(|| DeleteBucketLifecycleOutput { request_id: refusal.request_id.clone() })
    }
}

/// What [`PutBucketLifecycle`] gives.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PutBucketLifecycleOutput {
    request_id: String,
}

impl PutBucketLifecycleOutput {
    /// `x-cos-request-id`.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }
}

/// What [`DeleteBucketLifecycle`] gives.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeleteBucketLifecycleOutput {
    request_id: String,
}

impl DeleteBucketLifecycleOutput {
    /// `x-cos-request-id`.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::operation::{as_text, read_response};

    fn rule() -> LifecycleRule {
        LifecycleRule::new(LifecycleFilter::new())
    }

    fn written(rules: impl IntoIterator<Item = LifecycleRule>) -> String {
        text(LifecycleConfiguration::new(rules))
    }

    fn text(configuration: LifecycleConfiguration) -> String {
        let request = PutBucketLifecycle::new(configuration).request().unwrap();
        String::from_utf8(request.body_ref().as_bytes().unwrap().to_vec()).unwrap()
    }

    fn refused(rules: impl IntoIterator<Item = LifecycleRule>) -> Option<&'static str> {
        PutBucketLifecycle::new(LifecycleConfiguration::new(rules)).request().unwrap_err().field()
    }

    fn read(xml: impl Into<Bytes>) -> LifecycleConfiguration {
        GetBucketLifecycle::new().output(&Sent::default(), Response::new(xml.into())).unwrap().unwrap()
    }

    #[test]
    fn request_as_text() {
        let put = PutBucketLifecycle::new(LifecycleConfiguration::new([rule().abort_incomplete_multipart_upload(7)]));
        assert_eq!(
            as_text(&put),
            "PUT /?lifecycle\ncontent-md5: fC/QUjB2SzKx1O9wGeezOg==\ncontent-type: application/xml\n[204]"
        );
        assert_eq!(
            text(put.0),
            "<LifecycleConfiguration><Rule><Filter/><Status>Enabled</Status><AbortIncompleteMultipartUpload>\
             <DaysAfterInitiation>7</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule></LifecycleConfiguration>"
        );
        assert_eq!(as_text(&GetBucketLifecycle::new()), "GET /?lifecycle\n[0]");
        assert_eq!(as_text(&DeleteBucketLifecycle::new()), "DELETE /?lifecycle\n[0]");
    }

    #[test]
    fn a_rule_says_all_it_does_in_the_words_of_cos() {
        let date = LifecycleTime::Date(SystemTime::UNIX_EPOCH + Duration::from_secs(1_524_499_200));
        let rule = LifecycleRule::new(LifecycleFilter::new().prefix("a&b/"))
            .id("all")
            .enabled(false)
            .transition(date, StorageClass::ARCHIVE)
            .expiration(date)
            .noncurrent_version_transition(1, StorageClass::STANDARD_IA)
            .noncurrent_version_expiration(9);
        let xml = written([rule.clone()]);
        assert_eq!(
            xml,
            "<LifecycleConfiguration><Rule><ID>all</ID><Filter><Prefix>a&amp;b/</Prefix></Filter><Status>Disabled</Status>\
             <Transition><Date>2018-04-23T16:00:00.000Z</Date><StorageClass>ARCHIVE</StorageClass></Transition>\
             <Expiration><Date>2018-04-23T16:00:00.000Z</Date></Expiration><NoncurrentVersionTransition><NoncurrentDays>1\
             </NoncurrentDays><StorageClass>STANDARD_IA</StorageClass></NoncurrentVersionTransition>\
             <NoncurrentVersionExpiration><NoncurrentDays>9</NoncurrentDays></NoncurrentVersionExpiration></Rule>\
             </LifecycleConfiguration>"
        );
        assert_eq!(read(xml).rules, [rule]);
    }

    #[test]
    fn a_filter_of_several_conditions_joins_them() {
        let filter = |filter: &LifecycleFilter| {
            let xml = written([LifecycleRule::new(filter.clone()).expiration(LifecycleTime::Days(1))]);
            assert_eq!(read(xml.clone()).rules[0].filter.as_ref(), Some(filter));
            let (_, rest) = xml.split_once("<Filter>").unwrap();
            rest.split_once("</Filter>").unwrap().0.to_owned()
        };
        let tag = LifecycleFilter::new().tag("k", "v");
        assert_eq!(filter(&tag), "<Tag><Key>k</Key><Value>v</Value></Tag>");
        assert_eq!(
            filter(&tag.prefix("p/").prefix_not_equals("p/q/").larger_than(1).smaller_than(9)),
            "<And><Prefix>p/</Prefix><PrefixNotEquals>p/q/</PrefixNotEquals><Tag><Key>k</Key><Value>v</Value></Tag>\
             <ObjectSizeGreaterThan>1</ObjectSizeGreaterThan><ObjectSizeLessThan>9</ObjectSizeLessThan></And>"
        );
        assert_eq!(
            filter(&LifecycleFilter::new().smaller_than(9)),
            "<And><ObjectSizeLessThan>9</ObjectSizeLessThan></And>"
        );
    }

    #[test]
    fn output_reads_a_golden_document_and_writes_back_what_it_does_not_know() {
        let golden = include_str!("../../tests/golden/xml/lifecycle.xml");
        let configuration = read(golden);
        let [archive, tidy, logs] = configuration.rules.as_slice() else { panic!("{configuration:?}") };
        let filter = LifecycleFilter::new().prefix("projectA/").tag("key1", "value1");
        let known = LifecycleRule::new(filter).id("archive").transition(LifecycleTime::Days(30), StorageClass::ARCHIVE);
        assert_eq!(*archive, known.noncurrent_version_expiration(90));
        let known = rule().id("tidy").enabled(false).expiration(LifecycleExpiration::DeleteMarker);
        assert_eq!(*tidy, known.abort_incomplete_multipart_upload(7));
        assert_eq!((logs.transitions.len(), logs.unknown().collect::<Vec<_>>()), (0, vec!["Transition"]));
        let bare = golden.split_once("?>").unwrap().1.replace(['\n', '\t'], "");
        assert_eq!(text(configuration), bare);
    }

    #[test]
    fn what_is_set_anew_beside_an_unknown_form_of_it_is_refused() {
        let xml = |inside| format!("<LifecycleConfiguration><Rule>{inside}</Rule></LifecycleConfiguration>");
        let inside =
            "<Status>Enabled</Status><Filter><Suffix>.log</Suffix></Filter><Expiration><Days>1</Days></Expiration>";
        let mut configuration = read(xml(inside));
        let rule = &mut configuration.rules[0];
        assert_eq!((rule.filter.as_ref(), rule.unknown().collect::<Vec<_>>()), (None, vec!["Filter"]));
        rule.filter = Some(LifecycleFilter::new().prefix("p/"));
        assert_eq!(PutBucketLifecycle::new(configuration).request().unwrap_err().field(), Some("rules"));
        // A rule whose status is not known is in force for nobody who reads it, and keeps it.
        let configuration = read(xml("<Status>Paused</Status><Expiration><Days>1</Days></Expiration>"));
        assert!(!configuration.rules[0].enabled);
        assert!(text(configuration).contains("<Status>Paused</Status>"));
    }

    #[test]
    fn what_could_not_be_set_here_is_written_back_as_it_is() {
        let xml = |inside| {
            format!("<LifecycleConfiguration><Rule><Status>Enabled</Status>{inside}</Rule></LifecycleConfiguration>")
        };
        for (inside, unknown) in [
            ("<Expiration><Days>4000</Days></Expiration>", "Expiration"),
            ("<Expiration><Date>2020-01-01T00:00:00.500Z</Date></Expiration>", "Expiration"),
            ("<Expiration at=\"1\"><Days>1</Days></Expiration>", "Expiration"),
            ("<Expiration><Days>1</Days></Expiration><Expiration><Days>2</Days></Expiration>", "Expiration Expiration"),
            ("<Transition><Days>1</Days><StorageClass/></Transition>", "Transition"),
            ("<New/><Filter><And><PrefixNotEquals/></And></Filter>", "New Filter"),
            ("<New/><Filter><And at=\"1\"><Prefix>p</Prefix></And></Filter>", "New Filter"),
            ("<New/><Filter><Tag><Key>k</Key><Value>v</Value></Tag><Tag><Key>k</Key></Tag></Filter>", "New Filter"),
        ] {
            let configuration = read(xml(inside));
            assert_eq!(configuration.rules[0].unknown().collect::<Vec<_>>().join(" "), unknown);
            assert_eq!(text(configuration), xml(inside));
        }
        let twice = xml("<Status>Disabled</Status><New/>");
        assert_eq!(text(read(twice.clone())), twice);
        // Equal to it, and known.
        let configuration =
            read(xml("<ID/><Filter><And><Prefix/></And></Filter><Expiration><Days> 7</Days></Expiration>"));
        assert_eq!(
            text(configuration),
            xml("<Expiration><Days>7</Days></Expiration>").replace("<Status", "<Filter/><Status")
        );
    }

    #[test]
    fn the_most_rules_that_say_the_most_are_read_back() {
        let tags = (0..10).fold(LifecycleFilter::new().prefix("p/").prefix_not_equals("p/q/"), |filter, i| {
            filter.tag(format!("k{i}"), "v")
        });
        let mut rule = LifecycleRule::new(tags.larger_than(1).smaller_than(9)).expiration(LifecycleTime::Days(9));
        for class in [StorageClass::STANDARD_IA, StorageClass::INTELLIGENT_TIERING, StorageClass::ARCHIVE] {
            rule = rule.transition(LifecycleTime::Days(1), class.clone()).noncurrent_version_transition(1, class);
        }
        rule = rule.transition(LifecycleTime::Days(8), StorageClass::DEEP_ARCHIVE);
        rule = rule.abort_incomplete_multipart_upload(1).noncurrent_version_expiration(9);
        let rules = (0..1000).map(|i| rule.clone().id(format!("rule {i}"))).collect::<Vec<_>>();
        assert_eq!(read(written(rules.clone())).rules, rules);
    }

    #[test]
    fn a_prefix_as_rules_once_had_it_stays_where_it_is() {
        let xml = "<LifecycleConfiguration><Rule><Status>Enabled</Status><Expiration><Days>1</Days></Expiration><Prefix>p/\
                   </Prefix></Rule></LifecycleConfiguration>";
        let mut configuration = read(xml);
        assert_eq!((&configuration.rules[0].filter, text(configuration.clone()).as_str()), (&None, xml));
        configuration.rules[0].filter = Some(LifecycleFilter::new());
        assert_eq!(PutBucketLifecycle::new(configuration).request().unwrap_err().field(), Some("filter"));
        let both = xml.replace("</Rule>", "<Filter><Prefix>q/</Prefix></Filter></Rule>");
        assert_eq!(text(read(both.clone())), both);
    }

    #[test]
    fn no_configuration_is_none_and_no_bucket_an_error() {
        let answer = |code: &str| {
            let xml = format!("<Error><Code>{code}</Code></Error>");
            Response::builder().status(404).header("x-cos-request-id", "NjQ").body(Bytes::from(xml)).unwrap()
        };
        let get = |code| read_response(&GetBucketLifecycle::new(), &Sent::default(), answer(code));
        assert_eq!(get("NoSuchLifecycleConfiguration").unwrap(), None);
        assert_eq!(get("NoSuchBucket").unwrap_err().code(), Some("NoSuchBucket"));
        let delete = |code| read_response(&DeleteBucketLifecycle::new(), &Sent::default(), answer(code));
        assert!(delete("NoSuchLifecycleConfiguration").is_ok() && delete("NoSuchBucket").is_err());
    }

    #[test]
    fn what_cos_would_refuse_is_refused() {
        let (days, date) = (LifecycleTime::Days(1), LifecycleTime::Date(SystemTime::UNIX_EPOCH));
        let works = || rule().expiration(days);
        assert_eq!(refused([]), Some("rules"));
        assert_eq!(refused(vec![works(); 1001]), Some("rules"));
        assert_eq!(refused([rule()]), Some("rules"));
        assert_eq!(refused([works().transition(date, StorageClass::ARCHIVE)]), Some("rules"));
        assert_eq!(refused([works().id("a"), works().id("a")]), Some("id"));
        assert_eq!(refused([works().id("x".repeat(256))]), Some("id"));
        assert_eq!(refused([works().id("")]), Some("id"));
        for bad in [
            rule().expiration(LifecycleTime::Days(0)),
            rule().transition(LifecycleTime::Days(3651), StorageClass::ARCHIVE),
            rule().abort_incomplete_multipart_upload(0),
            rule().noncurrent_version_expiration(0),
            rule().noncurrent_version_transition(3651, StorageClass::ARCHIVE),
        ] {
            assert_eq!(refused([bad]), Some("days"));
        }
        let before = LifecycleTime::Date(SystemTime::UNIX_EPOCH - Duration::from_secs(1));
        assert_eq!(refused([rule().expiration(before)]), Some("date"));
        let tagged = |filter| LifecycleRule::new(filter).expiration(days);
        assert_eq!(refused([tagged(LifecycleFilter::new().tag("", "v"))]), Some("tags"));
        assert_eq!(refused([tagged(LifecycleFilter::new().prefix("\u{1}"))]), Some("rules"));
        assert_eq!(refused([tagged(LifecycleFilter::new().prefix_not_equals(""))]), Some("prefix_not_equals"));
        assert!(written([rule().transition(LifecycleTime::Days(0), StorageClass::ARCHIVE)]).contains("<Days>0</Days>"));
    }
}
