use std::borrow::Cow;

use super::filter::InventoryFilter;
use crate::bucket::setting::{ById, Setting, sift};
use crate::error::{Error, Result};
use crate::name::{display_foreign_name, display_name};
use crate::region::{BucketName, Region};
use crate::xml::{Element, Unknown};

/// What is on an inventory of a bucket, how often it is made, and where it goes.
///
/// COS writes a list of objects as CSV, gzipped, with a manifest beside it, into the bucket of the destination, which
/// must let it. What this crate does not know in a configuration that was read is kept and written back with it.
///
/// # Examples
/// ```
/// use tencent_cos::{
///     BucketName, InventoryConfiguration, InventoryDestination, InventoryField, InventoryFilter, InventorySchedule, Region,
/// };
///
/// # fn main() -> tencent_cos::Result<()> {
/// let reports = InventoryDestination::new(&Region::new("ap-guangzhou")?, &BucketName::new("reports-1250000000")?);
/// let weekly = InventoryConfiguration::new("photos-weekly", InventorySchedule::Weekly, reports.prefix("photos"))
///     .filter(InventoryFilter::new().prefix("photos/"))
///     .optional_field(InventoryField::SIZE)
///     .optional_field(InventoryField::STORAGE_CLASS);
/// # let _ = weekly;
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [PUT Bucket inventory](https://cloud.tencent.com/document/product/436/33707)
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct InventoryConfiguration {
    /// Its name in the bucket: letters, digits and `-`, `_`, `.`.
    pub id: String,
    /// Whether it is made (`IsEnabled`).
    pub enabled: bool,
    /// Which versions of objects are on it; `None` when that is not known here.
    pub included_object_versions: Option<IncludedObjectVersions>,
    /// Which objects are on it; `None` for all, or when that is not known here.
    pub filter: Option<InventoryFilter>,
    /// What it tells of each object beside its key.
    pub optional_fields: Vec<InventoryField>,
    /// How often it is made; `None` when it is made once, or when that is not known here.
    pub schedule: Option<InventorySchedule>,
    /// Where it goes; `None` when that is not known here.
    pub destination: Option<InventoryDestination>,
    /// Of the root, of the fields, of what the destination is in.
    unknown: [Unknown; 3],
}

/// Which versions of objects are on an inventory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IncludedObjectVersions {
    /// All, with their version ids.
    All,
    /// The current ones.
    Current,
}

/// How often an inventory is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InventorySchedule {
    /// Every day.
    Daily,
    /// Every week.
    Weekly,
    /// Every month.
    Monthly {
        /// The day of the month, from 1 to 31 (`MonthlyDate`).
        day: Option<u8>,
    },
}

/// What an inventory tells of each object, by COS's name for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct InventoryField(Cow<'static, str>);

/// Where an inventory goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct InventoryDestination {
    /// The bucket as COS names it here: `qcs::cos:ap-guangzhou::examplebucket-1250000000`.
    pub bucket: String,
    /// The account the bucket is of, by its UIN.
    pub account_id: Option<String>,
    /// What the keys of the inventory begin with; COS adds a slash.
    pub prefix: Option<String>,
    /// Whether the inventory is encrypted with keys of COS (`SSE-COS`).
    pub encrypted: bool,
    unknown: Unknown,
}

impl IncludedObjectVersions {
    /// As COS writes it: `All` or `Current`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "All",
            Self::Current => "Current",
        }
    }
}

display_name!(IncludedObjectVersions);

impl InventorySchedule {
    fn read(part: &Element) -> Option<Self> {
        let [frequency, day] = part.texts(["Frequency", "MonthlyDate"])?;
        let day = day.filter(|day| !day.is_empty());
        match (frequency?, day) {
            ("Daily", None) => Some(Self::Daily),
            ("Weekly", None) => Some(Self::Weekly),
            ("Monthly", None) => Some(Self::Monthly { day: None }),
            ("Monthly", Some(day)) => {
                day.parse().ok().filter(|day| is_day(*day)).map(|day| Self::Monthly { day: Some(day) })
            }
            _ => None,
        }
    }

    fn write(self) -> Result<Element> {
        let (frequency, day) = match self {
            Self::Daily => ("Daily", None),
            Self::Weekly => ("Weekly", None),
            Self::Monthly { day } => ("Monthly", day),
        };
        if day.is_some_and(|day| !is_day(day)) {
            return Err(Error::input("schedule", "is for a day that is not from 1 to 31"));
        }
        Ok(Element::new(SCHEDULE).leaf("Frequency", frequency).leaf_opt("MonthlyDate", day.map(|day| day.to_string())))
    }
}

fn is_day(day: u8) -> bool {
    (1..=31).contains(&day)
}

impl InventoryField {
    /// The size in bytes.
    pub const SIZE: Self = Self(Cow::Borrowed("Size"));
    /// When it was written.
    pub const LAST_MODIFIED_DATE: Self = Self(Cow::Borrowed("LastModifiedDate"));
    /// The ETag.
    pub const ETAG: Self = Self(Cow::Borrowed("ETag"));
    /// The storage class.
    pub const STORAGE_CLASS: Self = Self(Cow::Borrowed("StorageClass"));
    /// Whether it was uploaded in parts.
    pub const IS_MULTIPART_UPLOADED: Self = Self(Cow::Borrowed("IsMultipartUploaded"));
    /// What became of its replication.
    pub const REPLICATION_STATUS: Self = Self(Cow::Borrowed("ReplicationStatus"));
    /// Its tags.
    pub const TAG: Self = Self(Cow::Borrowed("Tag"));
    /// The CRC-64.
    pub const CRC64: Self = Self(Cow::Borrowed("Crc64"));
    /// Its metadata: `x-cos-meta-*`.
    pub const METADATA: Self = Self(Cow::Borrowed("x-cos-meta-*"));

    /// A field by COS's name for it.
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

display_foreign_name!(InventoryField);

impl InventoryDestination {
    /// This bucket, which may be the very one the inventory is of.
    pub fn new(region: &Region, bucket: &BucketName) -> Self {
        Self { bucket: format!("{PLACE}{}::{}", region.as_str(), bucket.as_str()), ..Self::default() }
    }

    /// `AccountId`: the account the bucket is of, by its UIN.
    #[must_use]
    pub fn account_id(mut self, uin: impl Into<String>) -> Self {
        self.account_id = Some(uin.into());
        self
    }

    /// `Prefix`: what the keys of the inventory begin with; COS adds a slash.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// `Encryption`: whether with keys of COS.
    #[must_use]
    pub fn encrypted(mut self, encrypted: bool) -> Self {
        self.encrypted = encrypted;
        self
    }

    fn read(place: &Element) -> Option<Self> {
        let known = |name: &str, part: &Element| match name {
            "Format" => part.text() == Some("CSV"),
            "Bucket" => part.text().is_some_and(is_place),
            "AccountId" => part.text().is_some_and(is_uin),
            ENCRYPTION => part.texts([SSE_COS]) == Some([Some("")]),
            _ => part.text().is_some(),
        };
        let (unknown, [format, account, bucket, prefix, encryption]) = sift(place, PLACE_PARTS, known);
        let text = |part: Element| part.text().map(str::to_owned);
        format?;
        Some(Self {
            bucket: text(bucket?)?,
            account_id: account.and_then(text),
            prefix: prefix.and_then(text),
            encrypted: encryption.is_some(),
            unknown,
        })
    }

    fn write(&self) -> Result<Element> {
        if !is_place(&self.bucket) {
            return Err(Error::input("destination", "is not a bucket of the form qcs::cos:REGION::BUCKET-APPID"));
        }
        if !self.account_id.as_deref().is_none_or(is_uin) {
            return Err(Error::input("account_id", "is not a number"));
        }
        let mut place = Element::new(COS)
            .leaf("Format", "CSV")
            .leaf_opt("AccountId", self.account_id.as_deref())
            .leaf("Bucket", self.bucket.as_str())
            .leaf_opt("Prefix", self.prefix.as_deref().filter(|prefix| !prefix.is_empty()));
        if self.encrypted {
            place = place.child(Element::new(ENCRYPTION).leaf(SSE_COS, ""));
        }
        place.with_unknown(&self.unknown, &PLACE_PARTS).ok_or_else(twice)
    }
}

fn is_place(text: &str) -> bool {
    let place = text.strip_prefix(PLACE).and_then(|place| place.split_once("::"));
    place.is_some_and(|(region, bucket)| Region::new(region).is_ok() && BucketName::new(bucket).is_ok())
}

fn is_uin(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

impl InventoryConfiguration {
    /// The most inventories of a bucket.
    pub const MAX_OF_BUCKET: usize = 1000;

    /// One that is made again and again, of the current versions of all objects. It has no optional fields.
    pub fn new(id: impl Into<String>, schedule: InventorySchedule, destination: InventoryDestination) -> Self {
        Self { schedule: Some(schedule), ..Self::once(id, destination) }
    }

    /// One that is made once: for [`PostBucketInventory`](crate::PostBucketInventory).
    pub fn once(id: impl Into<String>, destination: InventoryDestination) -> Self {
        Self {
            id: id.into(),
            enabled: true,
            included_object_versions: Some(IncludedObjectVersions::Current),
            destination: Some(destination),
            ..Self::default()
        }
    }

    /// `IsEnabled`.
    #[must_use]
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }

    /// `IncludedObjectVersions`.
    #[must_use]
    pub fn included_object_versions(mut self, versions: IncludedObjectVersions) -> Self {
        self.included_object_versions = Some(versions);
        self
    }

    /// `Filter`.
    #[must_use]
    pub fn filter(mut self, filter: InventoryFilter) -> Self {
        self.filter = Some(filter);
        self
    }

    /// One more `Field` of `OptionalFields`.
    #[must_use]
    pub fn optional_field(mut self, field: InventoryField) -> Self {
        self.optional_fields.push(field);
        self
    }

    /// Names of what was read, is not known here or could not be set here, and is written back with it.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        let place = self.destination.iter().flat_map(|place| place.unknown.names());
        self.unknown.iter().flat_map(Unknown::names).chain(place)
    }

    /// Whether it is known what this part says, if not all of it.
    fn take(&mut self, part: &Element) -> bool {
        match part.name.as_str() {
            ID => {
                part.text().filter(|id| is_id(id)).unwrap_or_default().clone_into(&mut self.id);
                !self.id.is_empty()
            }
            ENABLED => {
                self.enabled = part.flag() == Some(true);
                part.flag().is_some()
            }
            VERSIONS => {
                let all = [IncludedObjectVersions::All, IncludedObjectVersions::Current];
                self.included_object_versions = all.into_iter().find(|known| part.text() == Some(known.as_str()));
                self.included_object_versions.is_some()
            }
            FILTER => {
                self.filter = InventoryFilter::read(part);
                self.filter.is_some()
            }
            FIELDS if part.has(FIELD) || (part.children.is_empty() && part.is_bare()) => {
                let mut fields = part.clone();
                self.unknown[1] = fields.take_unknown();
                for field in fields.children {
                    match field.text() {
                        Some(name) if field.name == FIELD && !name.is_empty() => {
                            self.optional_fields.push(InventoryField::new(name.to_owned()));
                        }
                        _ => self.unknown[1].push(field),
                    }
                }
                true
            }
            SCHEDULE => {
                self.schedule = InventorySchedule::read(part);
                self.schedule.is_some()
            }
            DESTINATION => {
                let (unknown, [place]) = sift(part, [COS], |_, _| true);
                self.destination = place.as_ref().and_then(InventoryDestination::read);
                if self.destination.is_some() {
                    self.unknown[2] = unknown;
                }
                self.destination.is_some()
            }
            _ => false,
        }
    }

    /// As a document: of an inventory that is made again and again, or once.
    pub(super) fn document(&self, repeats: bool) -> Result<Element> {
        let [of_root, of_fields, of_destination] = &self.unknown;
        Self::check_id(&self.id)?;
        if self.included_object_versions.is_none() && !of_root.has(VERSIONS) {
            return Err(Error::input("included_object_versions", "are not there"));
        }
        if self.destination.is_none() && !of_root.has(DESTINATION) {
            return Err(Error::input("destination", "is not there"));
        }
        match self.schedule.is_some() || of_root.has(SCHEDULE) {
            false if repeats => return Err(Error::input("schedule", "is not there")),
            true if !repeats => return Err(Error::input("schedule", "is not for an inventory that is made once")),
            _ => {}
        }
        if !repeats && (!self.enabled || of_root.has(ENABLED)) {
            return Err(Error::input("enabled", "is not for an inventory that is made once"));
        }
        if self.optional_fields.iter().any(|field| field.as_str().is_empty()) {
            return Err(Error::input("optional_fields", "have one without a name"));
        }
        let mut root = Element::new(Self::ROOT).leaf(ID, self.id.as_str());
        if repeats && (self.enabled || !of_root.has(ENABLED)) {
            root = root.leaf(ENABLED, self.enabled.to_string());
        }
        if let Some(place) = &self.destination {
            let destination = Element::new(DESTINATION).child(place.write()?);
            root = root.child(destination.with_unknown(of_destination, &[COS]).ok_or_else(twice)?);
        }
        if let Some(schedule) = self.schedule {
            root = root.child(schedule.write()?);
        }
        if let Some(filter) = &self.filter {
            let filter = filter.write()?;
            if !filter.children.is_empty() {
                root = root.child(filter);
            }
        }
        root = root.leaf_opt(VERSIONS, self.included_object_versions.map(IncludedObjectVersions::as_str));
        let fields = self.optional_fields.iter().fold(Element::new(FIELDS), |all, one| all.leaf(FIELD, one.as_str()));
        let fields = fields.with_unknown(of_fields, &[]).ok_or_else(twice)?;
        if !fields.children.is_empty() {
            root = root.child(fields);
        }
        root.with_unknown(of_root, &PARTS).ok_or_else(twice)
    }
}

impl Setting for InventoryConfiguration {
    const PARAMETER: &'static str = "inventory";
    const ROOT: &'static str = "InventoryConfiguration";
    const UNSET: &'static str = "InventoryConfigurationNotFoundError";
    const FIELD: &'static str = "inventory";

    fn write(&self) -> Result<Element> {
        self.document(true)
    }

    fn read(mut root: Element) -> Self {
        let mut read =
            Self { unknown: [root.take_unknown(), Unknown::default(), Unknown::default()], ..Self::default() };
        let repeated = root.repeated(&PARTS);
        for part in root.children {
            if repeated.contains(&part.name.as_str()) || !read.take(&part) {
                read.unknown[0].push(part);
            }
        }
        read
    }
}

impl ById for InventoryConfiguration {
    fn id(&self) -> &str {
        &self.id
    }

    /// COS takes letters, digits and `-`, `_`, `.`.
    fn check_id(id: &str) -> Result<()> {
        if is_id(id) { Ok(()) } else { Err(Error::input("id", "is empty or has other than letters, digits and - _ .")) }
    }
}

fn twice() -> Error {
    Error::input("inventory", "has a part twice, once with a value that is not known")
}

fn is_id(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

const ID: &str = "Id";
const ENABLED: &str = "IsEnabled";
const VERSIONS: &str = "IncludedObjectVersions";
const FILTER: &str = "Filter";
const FIELDS: &str = "OptionalFields";
const FIELD: &str = "Field";
const SCHEDULE: &str = "Schedule";
const DESTINATION: &str = "Destination";
const COS: &str = "COSBucketDestination";
const ENCRYPTION: &str = "Encryption";
const SSE_COS: &str = "SSE-COS";
const PLACE: &str = "qcs::cos:";

/// What is in a configuration once at most.
const PARTS: [&str; 7] = [ID, ENABLED, VERSIONS, FILTER, FIELDS, SCHEDULE, DESTINATION];

/// What is in a destination once at most.
const PLACE_PARTS: [&str; 5] = ["Format", "AccountId", "Bucket", "Prefix", ENCRYPTION];
