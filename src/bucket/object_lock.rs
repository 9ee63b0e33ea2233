use crate::bucket::setting::{self, Setting};
use crate::error::{Error, Result};
use crate::xml::{Element, Unknown};

/// Object lock of a bucket: that its objects may be locked, and for how long new ones are.
///
/// What is locked is neither removed nor overwritten before its time, by nobody. What this crate does not know in a
/// configuration that was read is kept and written back with it.
///
/// COS reference: [PUT Bucket ObjectLockConfiguration](https://www.tencentcloud.com/document/product/436/40133)
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObjectLockConfiguration {
    /// For how many days new objects are locked that do not say it themselves, 1 to 36 500 (`Rule`). `None` is not at
    /// all.
    pub default_days: Option<u32>,
    /// Of the root, of `Rule`, of `DefaultRetention`.
    unknown: [Unknown; 3],
}

impl ObjectLockConfiguration {
    /// The most days.
    pub const MAX_DAYS: u32 = 36_500;

    /// New objects are not locked by themselves.
    pub fn new() -> Self {
        Self::default()
    }

    /// New objects are locked for so many days, 1 to 36 500.
    pub fn for_days(days: u32) -> Self {
        Self { default_days: Some(days), ..Self::default() }
    }

    /// Names of what was read, is not known here or could not be set here, and is written back with it.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        self.unknown.iter().flat_map(Unknown::names)
    }

    fn take(&mut self, part: &Element) -> bool {
        match part.name.as_str() {
            ENABLED => part.text() == Some("Enabled"),
            // The rule may be left blank, says the reference.
            RULE if part.is_bare() && part.children.is_empty() => true,
            RULE => self.take_rule(part.clone()),
            _ => false,
        }
    }

    /// Whether it is known for how many days a rule is.
    fn take_rule(&mut self, mut rule: Element) -> bool {
        let of_rule = rule.take_unknown();
        let [mut retention] = match <[Element; 1]>::try_from(rule.children) {
            Ok(only) if only[0].name == RETENTION => only,
            _ => return false,
        };
        let mut of_retention = retention.take_unknown();
        let repeated = retention.repeated(&[MODE, DAYS]);
        let mut days = None;
        for leaf in retention.children {
            let once = !repeated.contains(&leaf.name.as_str());
            match leaf.name.as_str() {
                DAYS if once && leaf.number::<u32>().is_some() => days = leaf.number(),
                MODE if once && leaf.text() == Some(COMPLIANCE) => {}
                _ => of_retention.push(leaf),
            }
        }
        if days.is_none() {
            return false;
        }
        self.default_days = days;
        self.unknown[1] = of_rule;
        self.unknown[2] = of_retention;
        true
    }
}

impl Setting for ObjectLockConfiguration {
    const PARAMETER: &'static str = "object-lock";
    const ROOT: &'static str = "ObjectLockConfiguration";
    const UNSET: &'static str = "NoSuchObjectLockConfiguration";
    const FIELD: &'static str = "object_lock";

    fn read(mut root: Element) -> Self {
        let mut read = Self::default();
        read.unknown[0] = root.take_unknown();
        let repeated = root.repeated(&ONCE);
        for part in root.children {
            if repeated.contains(&part.name.as_str()) || !read.take(&part) {
                read.unknown[0].push(part);
            }
        }
        read
    }

    fn write(&self) -> Result<Element> {
        let [of_root, of_rule, of_retention] = &self.unknown;
        if self.default_days.is_some_and(|days| !(1..=Self::MAX_DAYS).contains(&days)) {
            return Err(Error::input("default_days", "are not 1 to 36500"));
        }
        let written = || {
            let mut root = Element::new(Self::ROOT);
            if !of_root.has(ENABLED) {
                root = root.leaf(ENABLED, "Enabled");
            }
            if let Some(days) = self.default_days {
                let mut retention = Element::new(RETENTION);
                if !of_retention.has(MODE) {
                    retention = retention.leaf(MODE, COMPLIANCE);
                }
                let retention = retention.leaf(DAYS, days.to_string()).with_unknown(of_retention, &[DAYS])?;
                root = root.child(Element::new(RULE).child(retention).with_unknown(of_rule, &[])?);
            }
            root.with_unknown(of_root, &[RULE])
        };
        written().ok_or_else(|| Error::input(Self::FIELD, "has a part twice, once with a value that is not known"))
    }
}

const ENABLED: &str = "ObjectLockEnabled";
const RULE: &str = "Rule";
const RETENTION: &str = "DefaultRetention";
const MODE: &str = "Mode";
const DAYS: &str = "Days";
/// The one mode that COS has.
const COMPLIANCE: &str = "COMPLIANCE";

const ONCE: [&str; 2] = [ENABLED, RULE];

/// Turns object lock on for the bucket, for good, and says for how long new objects are locked.
///
/// Nothing turns it off again. Objects that are there stay as they are:
/// [`PutObjectRetention`](crate::PutObjectRetention) locks one of them. COS gives the feature to those who ask for it.
/// It is not for buckets whose versioning is suspended, nor for those with intelligent tiering or several zones, and
/// its older reference refuses every bucket that has had versioning. It may be repeated freely.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `InvalidLockedTime` (409) for fewer days than before, as
/// the older reference has it; the newer says that they may be changed and removed. `InvalidBucketState` (409),
/// `NoSuchBucket` or `AccessDenied`. [`ErrorKind::Input`](crate::ErrorKind::Input) when the days are not 1 to 36 500.
///
/// # Examples
/// ```no_run
/// use tencent_cos::{ObjectLockConfiguration, PutBucketObjectLock};
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// bucket.send(PutBucketObjectLock::new(ObjectLockConfiguration::for_days(30))).await?;
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [PUT Bucket ObjectLockConfiguration](https://www.tencentcloud.com/document/product/436/40133)
#[doc(alias = "PUT Bucket ObjectLockConfiguration")]
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct PutBucketObjectLock(ObjectLockConfiguration);

/// Reads whether objects of the bucket may be locked, and for how long new ones are; `None` when they may not.
///
/// Changes nothing and may be repeated freely.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket` or `AccessDenied`.
///
/// # Examples
/// ```no_run
/// use tencent_cos::GetBucketObjectLock;
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// if let Some(lock) = bucket.send(GetBucketObjectLock::new()).await? {
///     println!("new objects are locked for {:?} days", lock.default_days);
/// }
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [GET Bucket ObjectLockConfiguration](https://www.tencentcloud.com/document/product/436/40134)
#[doc(alias = "GET Bucket ObjectLockConfiguration")]
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct GetBucketObjectLock {
    _private: (),
}

setting::calls! {
    ObjectLockConfiguration;
    PUT PutBucketObjectLock, "PUT Bucket ObjectLockConfiguration", "name/cos:PutBucketObjectLockConfiguration";
    GET GetBucketObjectLock, "GET Bucket ObjectLockConfiguration", "name/cos:GetBucketObjectLockConfiguration";
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Response;

    use super::*;
    use crate::operation::{as_text, read_response};
    use crate::{ErrorKind, Operation, Sent};

    fn answer(status: u16, xml: &'static str) -> Response<Bytes> {
        Response::builder().status(status).header("x-cos-request-id", "NjQ").body(Bytes::from(xml)).unwrap()
    }

    fn read(xml: &'static str) -> ObjectLockConfiguration {
        GetBucketObjectLock::new().output(&Sent::default(), answer(200, xml)).unwrap().unwrap()
    }

    fn written(configuration: ObjectLockConfiguration) -> String {
        let request = PutBucketObjectLock::new(configuration).request().unwrap();
        String::from_utf8(request.body_ref().as_bytes().unwrap().to_vec()).unwrap()
    }

    const GOLDEN: &str = include_str!("../../tests/golden/xml/object_lock.xml");

    #[test]
    fn request_as_text() {
        let golden: String = GOLDEN.lines().map(str::trim).collect();
        assert_eq!(written(ObjectLockConfiguration::for_days(30)), golden);
        let enabled =
            "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>";
        assert_eq!(written(ObjectLockConfiguration::new()), enabled);
        let put = as_text(&PutBucketObjectLock::new(ObjectLockConfiguration::new()));
        assert!(put.starts_with("PUT /?object-lock\ncontent-md5: ") && put.ends_with("\n[97]"), "{put}");
        assert_eq!(as_text(&GetBucketObjectLock::new()), "GET /?object-lock\n[0]");
    }

    #[test]
    fn output_reads_a_golden_document() {
        assert_eq!(read(GOLDEN), ObjectLockConfiguration::for_days(30));
        // As the older reference shows it.
        let older = "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention>\
                     <Days>1</Days></DefaultRetention></Rule></ObjectLockConfiguration>";
        assert_eq!(read(older), ObjectLockConfiguration::for_days(1));
    }

    #[test]
    fn a_bucket_without_it_gives_none() {
        let none = "<Error><Code>NoSuchObjectLockConfiguration</Code></Error>";
        for (status, xml) in [(404, none), (200, "<ObjectLockConfiguration/>")] {
            let found = read_response(&GetBucketObjectLock::new(), &Sent::default(), answer(status, xml)).unwrap();
            assert_eq!(found, None, "{xml}");
        }
    }

    #[test]
    fn a_blank_rule_is_none() {
        let blank =
            "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule/></ObjectLockConfiguration>";
        let mut found = read(blank);
        assert_eq!(found, ObjectLockConfiguration::new());
        found.default_days = Some(30);
        assert_eq!(written(found), written(ObjectLockConfiguration::for_days(30)));
    }

    #[test]
    fn days_are_some() {
        for days in [0, 36_501] {
            let put = PutBucketObjectLock::new(ObjectLockConfiguration::for_days(days));
            let error = put.request().unwrap_err();
            assert_eq!((error.kind(), error.field()), (ErrorKind::Input, Some("default_days")));
        }
    }

    #[test]
    fn what_is_not_known_is_written_back() {
        let xml = "<ObjectLockConfiguration a=\"1\"><Rule b=\"2\"><DefaultRetention c=\"3\"><Days>7</Days><Mode>GOVERNANCE\
                   </Mode><Years>1</Years></DefaultRetention></Rule><ObjectLockEnabled>Paused</ObjectLockEnabled><New/>\
                   </ObjectLockConfiguration>";
        let found = read(xml);
        assert_eq!(found.unknown().collect::<Vec<_>>(), ["ObjectLockEnabled", "New", "Mode", "Years"]);
        assert_eq!((found.default_days, written(found.clone())), (Some(7), xml.to_owned()));
        for strange in ["<Rule a=\"1\"/>", "<Rule><DefaultRetention><Years>1</Years></DefaultRetention></Rule>"] {
            let xml = format!(
                "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>{strange}\
                 </ObjectLockConfiguration>"
            );
            let found = read(xml.clone().leak());
            assert_eq!((found.default_days, written(found.clone())), (None, xml));
            let error = PutBucketObjectLock::new(ObjectLockConfiguration { default_days: Some(1), ..found }).request();
            assert_eq!(error.unwrap_err().field(), Some("object_lock"));
        }
    }
}
