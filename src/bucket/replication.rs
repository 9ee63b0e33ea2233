use std::collections::HashSet;

use super::conditions::{self, set, take_tag, with_tags};
use super::setting::{self, Setting};
use crate::error::{Error, Result};
use crate::options::{StorageClass, Tags};
use crate::region::{BucketName, Region};
use crate::xml::{Element, Unknown, status};

/// To which buckets COS copies new objects of a bucket, by rules.
///
/// The bucket and those it is copied to keep versions. What this crate does not know in a configuration that was read
/// is kept and written back with it.
///
/// # Examples
/// ```
/// use tencent_cos::{ReplicationConfiguration, ReplicationDestination, ReplicationRule};
///
/// let there = ReplicationDestination::new(&"ap-beijing".parse()?, &"copy-1250000000".parse()?);
/// let rule = ReplicationRule::new(there).prefix("documents/").delete_markers(false);
/// let role = "qcs::cam::uin/100000000001:uin/100000000001";
/// let replication = ReplicationConfiguration::new(role, [rule]);
/// # let _ = replication;
/// # Ok::<(), tencent_cos::Error>(())
/// ```
///
/// COS reference: [PUT Bucket replication](https://cloud.tencent.com/document/product/436/19223)
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReplicationConfiguration {
    /// Who sets it up, as `qcs::cam::uin/OWNER:uin/USER` with the numbers of the account and of the user. Empty when it
    /// is among the [`unknown`](Self::unknown).
    pub role: String,
    /// What is copied where.
    pub rules: Vec<ReplicationRule>,
    unknown: Unknown,
}

/// One rule of a [`ReplicationConfiguration`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReplicationRule {
    /// Its name.
    pub id: Option<String>,
    /// Whether it is in force (`Status`).
    pub enabled: bool,
    /// Which rule counts where several fit.
    pub priority: Option<u32>,
    /// What the keys begin with; without one, all objects.
    pub prefix: Option<String>,
    /// Tags that the objects have (`Filter`).
    pub tags: Tags,
    /// Where to. `None` when it is among the [`unknown`](Self::unknown).
    pub destination: Option<ReplicationDestination>,
    /// Whether delete markers are copied, too (`DeleteMarkerReplication`). COS takes no value as yes.
    pub delete_markers: Option<bool>,
    /// Whether objects that are encrypted by the key management service are copied (`SseKmsEncryptedObjects`).
    pub kms_encrypted: Option<bool>,
    /// Whether the prefix stood in a `Filter`, where it is written back.
    in_filter: bool,
    unknown: Unknown,
}

/// Where a [`ReplicationRule`] copies to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReplicationDestination {
    /// The region of the bucket.
    pub region: Region,
    /// The bucket.
    pub bucket: BucketName,
    /// The class of the copies; without one, that of the objects.
    pub storage_class: Option<StorageClass>,
    /// The key of the key management service that copies are encrypted with (`ReplicaKmsKeyID`).
    pub kms_key_id: Option<String>,
    unknown: Unknown,
}

impl ReplicationConfiguration {
    /// The most rules.
    pub const MAX_RULES: usize = 1000;

    /// With these rules.
    pub fn new(role: impl Into<String>, rules: impl IntoIterator<Item = ReplicationRule>) -> Self {
        Self { role: role.into(), rules: rules.into_iter().collect(), ..Self::default() }
    }

    /// Names of what was read, is not known here or could not be set here, and is written back with it.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        self.unknown.names()
    }
}

impl Setting for ReplicationConfiguration {
    const PARAMETER: &'static str = "replication";
    const ROOT: &'static str = "ReplicationConfiguration";
    const UNSET: &'static str = "ReplicationConfigurationNotFoundError";
    const FIELD: &'static str = "replication";

    fn write(&self) -> Result<Element> {
        let has_role = !self.role.is_empty();
        if !self.role.starts_with(ROLE_PREFIX) && (has_role || !self.unknown.has(ROLE)) {
            return Err(Error::input("role", "is not of the form qcs::cam::uin/OWNER:uin/USER"));
        }
        if self.rules.is_empty() {
            return Err(Error::input("rules", "are none: DeleteBucketReplication removes those there are"));
        }
        if self.rules.len() > Self::MAX_RULES {
            return Err(Error::input("rules", "are over 1000"));
        }
        let mut ids = HashSet::new();
        if !self.rules.iter().filter_map(|rule| rule.id.as_ref()).all(|id| id.is_empty() || ids.insert(id)) {
            return Err(Error::input("rules", "have two with the same id"));
        }
        let root = Element::new(Self::ROOT).leaf_opt(ROLE, has_role.then_some(self.role.as_str()));
        let root = self.rules.iter().try_fold(root, |root, rule| Ok::<_, Error>(root.child(rule.write()?)))?;
        root.with_unknown(&self.unknown, &[ROLE])
            .ok_or_else(|| Error::input("replication", "has a part twice, once with a value that is not known"))
    }

    fn read(mut root: Element) -> Self {
        let mut read = Self { unknown: root.take_unknown(), ..Self::default() };
        let repeated = !root.repeated(&[ROLE]).is_empty();
        for child in root.children {
            match (child.name.as_str(), child.text()) {
                (RULE, _) => read.rules.push(ReplicationRule::read(child)),
                (ROLE, Some(role)) if !repeated && role.starts_with(ROLE_PREFIX) => role.clone_into(&mut read.role),
                _ => read.unknown.push(child),
            }
        }
        read
    }
}

impl ReplicationRule {
    /// Copies all objects there.
    pub fn new(destination: ReplicationDestination) -> Self {
        Self { enabled: true, destination: Some(destination), ..Self::default() }
    }

    /// `ID`.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// `Status`: whether it is in force.
    #[must_use]
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }

    /// `Priority`.
    #[must_use]
    pub fn priority(mut self, priority: u32) -> Self {
        self.priority = Some(priority);
        self
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

    /// `DeleteMarkerReplication`.
    #[must_use]
    pub fn delete_markers(mut self, copied: bool) -> Self {
        self.delete_markers = Some(copied);
        self
    }

    /// `SseKmsEncryptedObjects`.
    #[must_use]
    pub fn kms_encrypted(mut self, copied: bool) -> Self {
        self.kms_encrypted = Some(copied);
        self
    }

    /// Names of what was read in the rule, is not known here or could not be set here, and is written back with it.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        let destination = self.destination.iter().flat_map(|destination| destination.unknown.names());
        self.unknown.names().chain(destination)
    }

    fn read(mut element: Element) -> Self {
        let mut rule = Self { unknown: element.take_unknown(), ..Self::default() };
        let mut repeated = element.repeated(&ONCE);
        // Which of the two counts is not known.
        if element.has(PREFIX) && element.has(FILTER) {
            repeated.extend([PREFIX, FILTER]);
        }
        for part in element.children {
            if repeated.contains(&part.name.as_str()) || !rule.take(&part) {
                rule.unknown.push(part);
            }
        }
        rule
    }

    /// Whether it is known what this part says, all of it but of the destination.
    fn take(&mut self, part: &Element) -> bool {
        match part.name.as_str() {
            ID => set(&mut self.id, part.text().map(str::to_owned)),
            STATUS => {
                self.enabled = part.enabled() == Some(true);
                part.enabled().is_some()
            }
            PRIORITY => set(&mut self.priority, part.number()),
            PREFIX => set(&mut self.prefix, part.text().map(str::to_owned)),
            FILTER => match read_filter(part) {
                Some((prefix, tags)) => {
                    (self.prefix, self.tags, self.in_filter) = (prefix, tags, true);
                    true
                }
                None => false,
            },
            DESTINATION => set(&mut self.destination, ReplicationDestination::read(part)),
            MARKERS => set(&mut self.delete_markers, switch(part)),
            CRITERIA => match part.children.as_slice() {
                [encrypted] if encrypted.name == ENCRYPTED && part.is_bare() => {
                    set(&mut self.kms_encrypted, switch(encrypted))
                }
                _ => false,
            },
            _ => false,
        }
    }

    fn write(&self) -> Result<Element> {
        if self.destination.is_none() && !self.unknown.has(DESTINATION) {
            return Err(Error::input("rules", "have one without a destination"));
        }
        if self.tags.check().is_err() {
            return Err(Error::input("rules", "have one with tags that no object has"));
        }
        let mut rule = Element::new(RULE).leaf_opt(ID, self.id.as_deref());
        if self.enabled || !self.unknown.has(STATUS) {
            rule = rule.leaf(STATUS, status(self.enabled));
        }
        rule = rule.leaf_opt(PRIORITY, self.priority.map(|priority| priority.to_string()));
        let prefix = self.prefix.as_deref();
        rule = if self.tags.is_empty() && !self.in_filter {
            rule.leaf_opt(PREFIX, prefix)
        } else {
            rule.child(write_filter(prefix, &self.tags))
        };
        if let Some(destination) = &self.destination {
            rule = rule.child(destination.write()?);
        }
        if let Some(copied) = self.delete_markers {
            rule = rule.child(Element::new(MARKERS).leaf(STATUS, status(copied)));
        }
        if let Some(copied) = self.kms_encrypted {
            let encrypted = Element::new(ENCRYPTED).leaf(STATUS, status(copied));
            rule = rule.child(Element::new(CRITERIA).child(encrypted));
        }
        let both = |this, other| rule.has(this) && self.unknown.has(other);
        let doubled = both(PREFIX, FILTER) || both(FILTER, PREFIX);
        rule.with_unknown(&self.unknown, &ONCE)
            .filter(|_| !doubled)
            .ok_or_else(|| Error::input("rules", "have one with a part twice, once with a value that is not known"))
    }
}

impl ReplicationDestination {
    /// Copies go to this bucket, in the class that the objects have.
    pub fn new(region: &Region, bucket: &BucketName) -> Self {
        let (region, bucket) = (region.clone(), bucket.clone());
        Self { region, bucket, storage_class: None, kms_key_id: None, unknown: Unknown::default() }
    }

    /// `StorageClass` of the copies.
    #[must_use]
    pub fn storage_class(mut self, class: StorageClass) -> Self {
        self.storage_class = Some(class);
        self
    }

    /// `ReplicaKmsKeyID`.
    #[must_use]
    pub fn kms_key_id(mut self, id: impl Into<String>) -> Self {
        self.kms_key_id = Some(id.into());
        self
    }

    fn read(part: &Element) -> Option<Self> {
        let mut part = part.clone();
        let unknown = part.take_unknown();
        let repeated = part.repeated(&IN_DESTINATION);
        let at = part.children.iter().position(|child| child.name == BUCKET && !repeated.contains(&BUCKET))?;
        let (region, bucket) = part.children[at].text()?.strip_prefix(BUCKET_PREFIX)?.split_once("::")?;
        let mut read = Self { unknown, ..Self::new(&region.parse().ok()?, &bucket.parse().ok()?) };
        part.children.remove(at);
        for child in part.children {
            let known = match child.name.as_str() {
                name if repeated.contains(&name) => false,
                CLASS => {
                    // Some SDKs write mixed case.
                    let class = child.text().filter(|class| !class.trim().is_empty());
                    set(&mut read.storage_class, class.map(StorageClass::new))
                }
                ENCRYPTION => {
                    let id = child.texts([KMS_KEY_ID]).and_then(|[id]| id.filter(|id| !id.is_empty()));
                    set(&mut read.kms_key_id, id.map(str::to_owned))
                }
                _ => false,
            };
            if !known {
                read.unknown.push(child);
            }
        }
        Some(read)
    }

    fn write(&self) -> Result<Element> {
        if self.kms_key_id.as_deref() == Some("") {
            return Err(Error::input("kms_key_id", "is empty"));
        }
        let mut destination = Element::new(DESTINATION)
            .leaf(BUCKET, format!("{BUCKET_PREFIX}{}::{}", self.region.as_str(), self.bucket.as_str()))
            .leaf_opt(CLASS, self.storage_class.as_ref().map(StorageClass::as_str));
        if let Some(id) = &self.kms_key_id {
            destination = destination.child(Element::new(ENCRYPTION).leaf(KMS_KEY_ID, id.as_str()));
        }
        destination.with_unknown(&self.unknown, &IN_DESTINATION).ok_or_else(|| {
            Error::input("rules", "have a destination with a part twice, once with a value that is not known")
        })
    }
}

const ROLE: &str = "Role";
const ROLE_PREFIX: &str = "qcs::cam::uin/";
const RULE: &str = "Rule";
const ID: &str = "ID";
const STATUS: &str = "Status";
const PRIORITY: &str = "Priority";
const PREFIX: &str = "Prefix";
const FILTER: &str = "Filter";
const AND: &str = "And";
const TAG: &str = "Tag";
const DESTINATION: &str = "Destination";
const BUCKET: &str = "Bucket";
const BUCKET_PREFIX: &str = "qcs::cos:";
const CLASS: &str = "StorageClass";
const ENCRYPTION: &str = "EncryptionConfiguration";
const KMS_KEY_ID: &str = "ReplicaKmsKeyID";
const MARKERS: &str = "DeleteMarkerReplication";
const CRITERIA: &str = "SourceSelectionCriteria";
const ENCRYPTED: &str = "SseKmsEncryptedObjects";

/// What is in a rule once at most.
const ONCE: [&str; 8] = [ID, STATUS, PRIORITY, PREFIX, FILTER, DESTINATION, MARKERS, CRITERIA];

/// What is in a destination once at most.
const IN_DESTINATION: [&str; 3] = [BUCKET, CLASS, ENCRYPTION];

/// An element that says `Enabled` or `Disabled`, and nothing else.
fn switch(part: &Element) -> Option<bool> {
    match part.texts([STATUS])? {
        [Some("Enabled")] => Some(true),
        [Some("Disabled")] => Some(false),
        _ => None,
    }
}

/// A prefix, or an `And` of a prefix and tags.
fn read_filter(filter: &Element) -> Option<(Option<String>, Tags)> {
    if let Some([prefix]) = filter.texts([PREFIX]) {
        return Some((prefix.map(str::to_owned), Tags::new()));
    }
    let [and] = filter.children.as_slice() else { return None };
    if and.name != AND || !filter.is_bare() || !and.is_bare() || !and.has(TAG) || !and.repeated(&[PREFIX]).is_empty() {
        return None;
    }
    let (mut prefix, mut tags) = (None, Tags::new());
    for condition in &and.children {
        match condition.name.as_str() {
            PREFIX => prefix = Some(condition.text()?.to_owned()),
            // One without a value would be written back with one.
            TAG if condition.has("Value") => take_tag(&mut tags, condition)?,
            _ => return None,
        }
    }
    tags.check().is_ok().then_some((prefix, tags))
}

fn write_filter(prefix: Option<&str>, tags: &Tags) -> Element {
    conditions::filter(with_tags(Element::new(AND).leaf_opt(PREFIX, prefix), tags), &[PREFIX])
}

/// Has COS copy new objects of the bucket to other buckets, by these rules in place of those before.
///
/// What was in the bucket before is not copied. It may be repeated freely.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) when the bucket or one it is copied to does not keep versions, or
/// with code `NoSuchBucket` or `AccessDenied`. [`ErrorKind::Input`](crate::ErrorKind::Input) for a role of another
/// form, no rules, over 1000, two with the same id, and one without a destination.
///
/// # Examples
/// ```no_run
/// use tencent_cos::{PutBucketReplication, ReplicationConfiguration, ReplicationDestination, ReplicationRule};
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// let there = ReplicationDestination::new(&"ap-beijing".parse()?, &"copy-1250000000".parse()?);
/// let role = "qcs::cam::uin/100000000001:uin/100000000001";
/// let replication = ReplicationConfiguration::new(role, [ReplicationRule::new(there)]);
/// bucket.send(PutBucketReplication::new(replication)).await?;
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [PUT Bucket replication](https://cloud.tencent.com/document/product/436/19223)
#[doc(alias = "PUT Bucket replication")]
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct PutBucketReplication(ReplicationConfiguration);

/// Reads to which buckets COS copies new objects of the bucket; `None` when there are no rules.
///
/// Changes nothing and may be repeated freely.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket` or `AccessDenied`.
///
/// # Examples
/// ```no_run
/// use tencent_cos::GetBucketReplication;
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// if let Some(replication) = bucket.send(GetBucketReplication::new()).await? {
///     println!("{} rules", replication.rules.len());
/// }
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [GET Bucket replication](https://cloud.tencent.com/document/product/436/19222)
#[doc(alias = "GET Bucket replication")]
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct GetBucketReplication {
    _private: (),
}

/// Has COS copy new objects of the bucket nowhere any more. Copies that are there stay; nothing to remove is a success.
///
/// It may be repeated freely.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket` or `AccessDenied`.
///
/// # Examples
/// ```no_run
/// use tencent_cos::DeleteBucketReplication;
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// bucket.send(DeleteBucketReplication::new()).await?;
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [DELETE Bucket replication](https://cloud.tencent.com/document/product/436/19221)
#[doc(alias = "DELETE Bucket replication")]
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct DeleteBucketReplication {
    _private: (),
}

setting::calls! {
    ReplicationConfiguration;
    PUT PutBucketReplication, "PUT Bucket replication", "name/cos:PutBucketReplication";
    GET GetBucketReplication, "GET Bucket replication", "name/cos:GetBucketReplication";
    DELETE DeleteBucketReplication, "DELETE Bucket replication", "name/cos:DeleteBucketReplication";
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Response;

    use super::*;
    use crate::ErrorKind;
    use crate::operation::{Operation, Sent, as_text, read_response};

    const GOLDEN: &str = include_str!("../../tests/golden/xml/replication.xml");
    const USER: &str = "qcs::cam::uin/100000000001:uin/100000000001";

    fn answer(status: u16, xml: impl Into<Bytes>) -> Response<Bytes> {
        Response::builder().status(status).header("x-cos-request-id", "NjQ").body(xml.into()).unwrap()
    }

    fn read(xml: impl Into<Bytes>) -> ReplicationConfiguration {
        GetBucketReplication::new().output(&Sent::default(), answer(200, xml)).unwrap().unwrap()
    }

    fn written(configuration: ReplicationConfiguration) -> String {
        let request = PutBucketReplication::new(configuration).request().unwrap();
        String::from_utf8(request.body_ref().as_bytes().unwrap().to_vec()).unwrap()
    }

    fn refused(configuration: ReplicationConfiguration) -> Option<&'static str> {
        let error = PutBucketReplication::new(configuration).request().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input);
        error.field()
    }

    fn there() -> ReplicationDestination {
        ReplicationDestination::new(&"ap-beijing".parse().unwrap(), &"destinationbucket-1250000000".parse().unwrap())
    }

    fn rule() -> ReplicationRule {
        ReplicationRule::new(there())
    }

    fn with(rules: impl IntoIterator<Item = ReplicationRule>) -> ReplicationConfiguration {
        ReplicationConfiguration::new(USER, rules)
    }

    /// What the reference's example says.
    fn example() -> ReplicationConfiguration {
        with([ReplicationRule::new(there().storage_class(StorageClass::STANDARD)).id("1").prefix("sync/")])
    }

    #[test]
    fn request_as_text() {
        let golden = GOLDEN.replace('\n', "").replace("    ", "").replace("Standard", "STANDARD");
        assert_eq!(written(example()), golden);
        let text = as_text(&PutBucketReplication::new(example()));
        assert!(text.starts_with("PUT /?replication\ncontent-md5: "), "{text}");
        let all = ReplicationRule::new(there().kms_key_id("k")).priority(3).prefix("a").tag("b", "c");
        let all = written(with([all.enabled(false).delete_markers(false).kms_encrypted(true)]));
        assert_eq!(
            all.split_once("</Role>").unwrap().1,
            "<Rule><Status>Disabled</Status><Priority>3</Priority><Filter><And><Prefix>a</Prefix><Tag><Key>b</Key><Value>c\
             </Value></Tag></And></Filter><Destination><Bucket>qcs::cos:ap-beijing::destinationbucket-1250000000</Bucket>\
             <EncryptionConfiguration><ReplicaKmsKeyID>k</ReplicaKmsKeyID></EncryptionConfiguration></Destination>\
             <DeleteMarkerReplication><Status>Disabled</Status></DeleteMarkerReplication><SourceSelectionCriteria>\
             <SseKmsEncryptedObjects><Status>Enabled</Status></SseKmsEncryptedObjects></SourceSelectionCriteria></Rule>\
             </ReplicationConfiguration>"
        );
        assert_eq!(as_text(&GetBucketReplication::new()), "GET /?replication\n[0]");
        assert_eq!(as_text(&DeleteBucketReplication::new()), "DELETE /?replication\n[0]");
    }

    #[test]
    fn output_reads_a_golden_document() {
        assert_eq!(read(GOLDEN), example());
        let put = PutBucketReplication::new(example()).output(&Sent::default(), answer(200, "")).unwrap();
        let delete = DeleteBucketReplication::new().output(&Sent::default(), answer(204, "")).unwrap();
        assert_eq!((put.request_id(), delete.request_id()), ("NjQ", "NjQ"));
    }

    #[test]
    fn what_is_written_is_read() {
        let all = ReplicationRule::new(there().kms_key_id("k")).priority(3).prefix("a").tag("b", "");
        let mut found = read(written(with([all.clone().delete_markers(true).kms_encrypted(false), rule()])));
        found.rules[0].in_filter = false;
        assert_eq!(found, with([all.delete_markers(true).kms_encrypted(false), rule()]));
        let filter = "<Filter><Prefix>a</Prefix></Filter>";
        let xml = written(with([rule().prefix("a")])).replace("<Prefix>a</Prefix>", filter);
        let found = read(xml.clone());
        assert_eq!((found.rules[0].prefix.as_deref(), written(found.clone())), (Some("a"), xml));
    }

    #[test]
    fn a_bucket_without_rules_gives_none_however_cos_says_it() {
        let none = "<Error><Code>ReplicationConfigurationNotFoundError</Code></Error>";
        for (status, xml) in [(404, none), (200, "<ReplicationConfiguration/>")] {
            let found = read_response(&GetBucketReplication::new(), &Sent::default(), answer(status, xml)).unwrap();
            assert_eq!(found, None, "{xml}");
        }
        let delete = read_response(&DeleteBucketReplication::new(), &Sent::default(), answer(404, none)).unwrap();
        assert_eq!(delete.request_id(), "NjQ");
        let missing = answer(404, "<Error><Code>NoSuchBucket</Code></Error>");
        assert!(read_response(&GetBucketReplication::new(), &Sent::default(), missing).unwrap_err().is_not_found());
    }

    #[test]
    fn what_cos_would_refuse_is_refused() {
        for (configuration, field) in [
            (ReplicationConfiguration::new("", [rule()]), "role"),
            (ReplicationConfiguration::new("uin/1", [rule()]), "role"),
            (with([]), "rules"),
            (with(vec![rule(); 1001]), "rules"),
            (with([rule().id("a"), rule().id("a")]), "rules"),
            (with([ReplicationRule { destination: None, ..rule() }]), "rules"),
            (with([rule().tag("", "")]), "rules"),
            (with([ReplicationRule::new(there().kms_key_id(""))]), "kms_key_id"),
            (with([rule().prefix("a\u{1}")]), "replication"),
        ] {
            assert_eq!(refused(configuration.clone()), Some(field), "{configuration:?}");
        }
        assert!(PutBucketReplication::new(with(vec![rule(); 1000])).request().is_ok());
    }

    #[test]
    fn what_is_empty_is_written_back() {
        let bare = "<Destination><Bucket>qcs::cos:ap-beijing::x-1</Bucket></Destination>";
        let key = "<EncryptionConfiguration><ReplicaKmsKeyID/></EncryptionConfiguration></Destination>";
        let keyed = bare.replace("</Destination>", key);
        let xml = format!(
            "<ReplicationConfiguration><Role>{USER}</Role><Rule><ID/><Status>Enabled</Status>{keyed}</Rule><Rule><ID/>\
             <Status>Enabled</Status>{bare}</Rule></ReplicationConfiguration>"
        );
        let found = read(xml.clone());
        assert_eq!(found.rules[0].unknown().collect::<Vec<_>>(), ["EncryptionConfiguration"]);
        assert_eq!(written(found), xml);
    }

    #[test]
    fn what_is_not_known_is_written_back() {
        let xml = "<ReplicationConfiguration a=\"1\"><Rule b=\"2\"><ID>1</ID><Destination c=\"3\"><Bucket>\
            qcs::cos:ap-beijing::x-1</Bucket><Account>2</Account></Destination><Status>Paused</Status><Priority>high\
            </Priority><Filter><Tag><Key>k</Key></Tag></Filter><DeleteMarkerReplication><Status>Maybe</Status>\
            </DeleteMarkerReplication><SourceSelectionCriteria><Replicas/></SourceSelectionCriteria><New/></Rule><Rule>\
            <Status>Enabled</Status><Prefix>a</Prefix><Filter><Prefix>b</Prefix></Filter><Destination><Bucket>\
            qcs:id/0:cos:cn-south:appid/1:x</Bucket></Destination></Rule><Role>me</Role><New/>\
            </ReplicationConfiguration>";
        let found = read(xml);
        assert_eq!((found.role.as_str(), found.unknown().collect::<Vec<_>>()), ("", vec!["Role", "New"]));
        let [first, second] = &found.rules[..] else { panic!("{found:?}") };
        let unknown =
            ["Status", "Priority", "Filter", "DeleteMarkerReplication", "SourceSelectionCriteria", "New", "Account"];
        assert_eq!(first.unknown().collect::<Vec<_>>(), unknown);
        assert_eq!(first.destination.as_ref().unwrap().bucket.as_str(), "x-1");
        assert_eq!((&second.prefix, &second.destination), (&None, &None));
        assert_eq!(second.unknown().collect::<Vec<_>>(), ["Prefix", "Filter", "Destination"]);
        assert_eq!(written(found.clone()), xml);
        let changed = |change: fn(&mut ReplicationConfiguration)| {
            let mut found = found.clone();
            change(&mut found);
            refused(found)
        };
        assert_eq!(changed(|all| USER.clone_into(&mut all.role)), Some("replication"));
        assert_eq!(changed(|all| all.rules[0].enabled = true), Some("rules"));
        assert_eq!(changed(|all| all.rules[0].prefix = Some("p".to_owned())), Some("rules"));
        assert_eq!(changed(|all| all.rules[1].destination = Some(there())), Some("rules"));
        // A prefix and a filter in one rule: which of the two counts is not known.
        let mut odd = read(GOLDEN.replace("<Prefix>", "<Prefix at=\"1\">"));
        assert_eq!(odd.rules[0].unknown().collect::<Vec<_>>(), ["Prefix"]);
        odd.rules[0].tags = [("k", "v")].into_iter().collect();
        assert_eq!(refused(odd), Some("rules"));
    }
}
