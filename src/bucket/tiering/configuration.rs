use crate::bucket::conditions::{self, take_tag, with_tags};
use crate::bucket::setting::{ById, Setting};
use crate::error::{Error, Result};
use crate::name::display_name;
use crate::options::Tags;
use crate::xml::{Element, Unknown, status};

/// A rule of the intelligent tiering of a bucket: after how many days without access objects of the class
/// `INTELLIGENT_TIERING` go to which tier.
///
/// The rule `default` turns intelligent tiering on, of the whole bucket, and stays as it is from then on. Rules of
/// other ids are about the archive tiers. What this crate does not know in a rule that was read is kept and written
/// back with it.
///
/// # Examples
/// ```
/// use tencent_cos::{AccessTier, IntelligentTieringConfiguration, IntelligentTieringFilter};
///
/// let on = IntelligentTieringConfiguration::turn_on(30);
/// let logs = IntelligentTieringConfiguration::new("logs", IntelligentTieringFilter::new().prefix("logs/"))
///     .tiering(AccessTier::ArchiveAccess, 91)
///     .tiering(AccessTier::DeepArchiveAccess, 180);
/// # let _ = (on, logs);
/// ```
///
/// COS reference: [PUT Bucket IntelligentTiering](https://cloud.tencent.com/document/product/436/48348)
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct IntelligentTieringConfiguration {
    /// Its name in the bucket; `default` for the rule that turns intelligent tiering on.
    pub id: String,
    /// `Status`: whether it is in force.
    pub enabled: bool,
    /// Which objects it is about; `None` for all, or when that is not known here.
    pub filter: Option<IntelligentTieringFilter>,
    /// To which tiers they go, and when.
    pub tierings: Vec<Tiering>,
    unknown: Unknown,
}

/// To which tier objects go, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tiering {
    /// The tier.
    pub access_tier: AccessTier,
    /// After so many days: 30, 60 or 90 to the tier for infrequent access, 91 to 730 to the archive tier, 180 to 730 to
    /// the deep archive tier.
    pub days: u32,
    /// When they were read so many times at most in these days (`RequestFrequent`). COS takes no other than 1, and that
    /// for [`AccessTier::Infrequent`] alone.
    pub request_frequent: Option<u32>,
}

/// A tier below that of frequent access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AccessTier {
    /// `INFREQUENT`, of the rule `default`.
    Infrequent,
    /// `ARCHIVE_ACCESS`: must be restored before it is read.
    ArchiveAccess,
    /// `DEEP_ARCHIVE_ACCESS`: must be restored before it is read.
    DeepArchiveAccess,
}

/// The objects that a rule of intelligent tiering is about: those that all of it fits, all objects if it says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct IntelligentTieringFilter {
    /// What the keys begin with.
    pub prefix: Option<String>,
    /// Tags that the objects have.
    pub tags: Tags,
}

impl AccessTier {
    /// As COS writes it: `INFREQUENT`, `ARCHIVE_ACCESS`, `DEEP_ARCHIVE_ACCESS`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Infrequent => "INFREQUENT",
            Self::ArchiveAccess => "ARCHIVE_ACCESS",
            Self::DeepArchiveAccess => "DEEP_ARCHIVE_ACCESS",
        }
    }

    fn takes(self, days: u32) -> bool {
        match self {
            Self::Infrequent => matches!(days, 30 | 60 | 90),
            Self::ArchiveAccess => (91..=730).contains(&days),
            Self::DeepArchiveAccess => (180..=730).contains(&days),
        }
    }
}

display_name!(AccessTier);

impl Tiering {
    fn read(part: &Element) -> Option<Self> {
        let [tier, days, frequent] = part.texts(["AccessTier", "Days", "RequestFrequent"])?;
        let tiers = [AccessTier::Infrequent, AccessTier::ArchiveAccess, AccessTier::DeepArchiveAccess];
        let frequent = frequent.filter(|times| !times.is_empty());
        let access_tier = tiers.into_iter().find(|known| tier == Some(known.as_str()))?;
        Some(Self {
            access_tier,
            days: days?.parse().ok().filter(|days| access_tier.takes(*days))?,
            request_frequent: frequent.map(str::parse).transpose().ok()?,
        })
    }

    fn write(self) -> Element {
        Element::new(TIERING)
            .leaf("AccessTier", self.access_tier.as_str())
            .leaf("Days", self.days.to_string())
            .leaf_opt("RequestFrequent", self.request_frequent.map(|times| times.to_string()))
    }
}

impl IntelligentTieringFilter {
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

    fn read(element: &Element) -> Option<Self> {
        if !element.is_bare() {
            return None;
        }
        // The SDK for Go can write several tags without `And`.
        let conditions = match element.children.as_slice() {
            [and] if and.name == "And" && and.is_bare() => &and.children,
            conditions => conditions,
        };
        let mut filter = Self::new();
        for condition in conditions {
            match condition.name.as_str() {
                "Prefix" if filter.prefix.is_none() => filter.prefix = Some(condition.text()?.to_owned()),
                "Tag" => take_tag(&mut filter.tags, condition)?,
                _ => return None,
            }
        }
        // An empty one excludes nothing.
        filter.prefix = filter.prefix.filter(|prefix| !prefix.is_empty());
        filter.tags.check().is_ok().then_some(filter)
    }

    fn write(&self) -> Result<Element> {
        self.tags.check()?;
        let prefix = self.prefix.as_deref().filter(|prefix| !prefix.is_empty());
        let conditions = with_tags(Element::new("And").leaf_opt("Prefix", prefix), &self.tags);
        Ok(conditions::filter(conditions, &["Prefix", "Tag"]))
    }
}

impl IntelligentTieringConfiguration {
    /// The most rules of a bucket.
    pub const MAX_OF_BUCKET: usize = 1000;
    /// The id of the rule that turns intelligent tiering on.
    pub const DEFAULT: &str = "default";

    /// The rule that turns intelligent tiering on: objects that were not read for 30, 60 or 90 days go to the tier for
    /// infrequent access. It cannot be changed or removed once it is set.
    pub fn turn_on(days: u32) -> Self {
        let tiering = Tiering { access_tier: AccessTier::Infrequent, days, request_frequent: Some(1) };
        Self { id: Self::DEFAULT.to_owned(), enabled: true, tierings: vec![tiering], ..Self::default() }
    }

    /// A rule of the archive tiers, in force, which says nothing yet: [`tiering`](Self::tiering) is to follow.
    pub fn new(id: impl Into<String>, filter: IntelligentTieringFilter) -> Self {
        Self { id: id.into(), enabled: true, filter: Some(filter), ..Self::default() }
    }

    /// One more tier: objects that were not read for so many days go there, to a deeper one later.
    #[must_use]
    pub fn tiering(mut self, access_tier: AccessTier, days: u32) -> Self {
        self.tierings.push(Tiering { access_tier, days, request_frequent: None });
        self
    }

    /// `Status`.
    #[must_use]
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }

    /// Names of what was read, is not known here or could not be set here, and is written back with it.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        self.unknown.names()
    }

    /// Whether it is known what this part says.
    fn take(&mut self, part: &Element) -> bool {
        match part.name.as_str() {
            ID => {
                part.text().unwrap_or_default().clone_into(&mut self.id);
                !self.id.is_empty()
            }
            STATUS => {
                self.enabled = part.enabled() == Some(true);
                part.enabled().is_some()
            }
            FILTER => {
                self.filter = IntelligentTieringFilter::read(part);
                self.filter.is_some()
            }
            TIERING => {
                let tiering = Tiering::read(part)
                    .filter(|new| !self.tierings.iter().any(|old| old.access_tier == new.access_tier));
                self.tierings.extend(tiering);
                tiering.is_some()
            }
            _ => false,
        }
    }
}

impl Setting for IntelligentTieringConfiguration {
    const PARAMETER: &'static str = "intelligent-tiering";
    const ROOT: &'static str = "IntelligentTieringConfiguration";
    const UNSET: &'static str = "IntelligentTieringConfigurationNotFoundError";
    const FIELD: &'static str = "tiering";

    fn write(&self) -> Result<Element> {
        Self::check_id(&self.id)?;
        let others = self.unknown.has(TIERING);
        let refuse = |why: &'static str| Err(Error::input("tierings", why));
        for (at, tiering) in self.tierings.iter().enumerate() {
            if !tiering.access_tier.takes(tiering.days) {
                return refuse(
                    "have one after other days than 30, 60, 90, 91 to 730 (archive), 180 to 730 (deep archive)",
                );
            }
            if self.tierings[..at].iter().any(|earlier| earlier.access_tier == tiering.access_tier) {
                return refuse("have the same tier twice");
            }
        }
        let days = |tier| self.tierings.iter().find(|tiering| tiering.access_tier == tier).map(|tiering| tiering.days);
        let (archive, deep) = (days(AccessTier::ArchiveAccess), days(AccessTier::DeepArchiveAccess));
        if archive.zip(deep).is_some_and(|(archive, deep)| deep <= archive) {
            return refuse("have the deep archive tier not after the archive tier");
        }
        if self.id == Self::DEFAULT {
            if !matches!(self.tierings.as_slice(), [Tiering { access_tier: AccessTier::Infrequent, .. }]) {
                return refuse("of the rule default are not the tier for infrequent access alone");
            }
            if self.filter.as_ref().is_some_and(|filter| *filter != IntelligentTieringFilter::new()) {
                return Err(Error::input("filter", "is not for the rule default, which is about the whole bucket"));
            }
            if !self.enabled {
                return Err(Error::input("enabled", "is what the rule default always is"));
            }
        } else {
            if self.tierings.is_empty() && !others {
                return refuse("are none");
            }
            if self.tierings.iter().any(|tiering| tiering.access_tier == AccessTier::Infrequent) {
                return refuse("have the tier for infrequent access, which is for the rule default");
            }
        }
        let mut root = Element::new(Self::ROOT).leaf(ID, self.id.as_str());
        if self.enabled || !self.unknown.has(STATUS) {
            root = root.leaf(STATUS, status(self.enabled));
        }
        if let Some(filter) = &self.filter {
            let filter = filter.write()?;
            if !filter.children.is_empty() {
                root = root.child(filter);
            }
        }
        root = self.tierings.iter().fold(root, |root, tiering| root.child(tiering.write()));
        root.with_unknown(&self.unknown, &ONCE)
            .ok_or_else(|| Error::input("tiering", "has a part twice, once with a value that is not known"))
    }

    fn read(mut root: Element) -> Self {
        let mut read = Self { unknown: root.take_unknown(), ..Self::default() };
        let repeated = root.repeated(&ONCE);
        for part in root.children {
            if repeated.contains(&part.name.as_str()) || !read.take(&part) {
                read.unknown.push(part);
            }
        }
        read
    }
}

impl ById for IntelligentTieringConfiguration {
    fn id(&self) -> &str {
        &self.id
    }

    /// COS says nothing of its characters.
    fn check_id(id: &str) -> Result<()> {
        if id.is_empty() { Err(Error::input("id", "is empty")) } else { Ok(()) }
    }
}

const ID: &str = "Id";
const STATUS: &str = "Status";
const FILTER: &str = "Filter";
const TIERING: &str = "Tiering";

/// What is in a rule once at most.
const ONCE: [&str; 3] = [ID, STATUS, FILTER];
