//! Lifecycle: the configuration and its three operations; what a rule says has files of its own.

mod due;
mod filter;
mod rule;

pub use self::due::{LifecycleExpiration, LifecycleTime, LifecycleTransition, NoncurrentVersionTransition};
pub use self::filter::LifecycleFilter;
pub use self::rule::LifecycleRule;
use super::setting::{self, Setting};
use crate::error::{Error, Result};
use crate::xml::{Element, Unknown};

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

impl LifecycleConfiguration {
    /// The most rules.
    pub const MAX_RULES: usize = 1000;

    /// These rules.
    pub fn new(rules: impl IntoIterator<Item = LifecycleRule>) -> Self {
        Self { rules: rules.into_iter().collect(), unknown: Unknown::default() }
    }

    /// Names of what was read beside the rules, is not known here, and is written back with them.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        self.unknown.names()
    }
}

impl Setting for LifecycleConfiguration {
    const PARAMETER: &'static str = "lifecycle";
    const ROOT: &'static str = "LifecycleConfiguration";
    const UNSET: &'static str = "NoSuchLifecycleConfiguration";
    const FIELD: &'static str = "rules";

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
        let mut root = Element::new(Self::ROOT);
        for rule in &self.rules {
            root = root.child(rule.write()?);
        }
        Ok(root.with_unknown(&self.unknown, &[]).expect("nothing in it is there but once"))
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
}

/// Sets what COS does with objects and uploads as they grow old, in place of what was set before.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket` or `AccessDenied`.
/// [`ErrorKind::Input`](crate::ErrorKind::Input) for none or over 1 000 rules, one that does nothing, days and a date
/// in one rule, more than 3 650 days, an id twice or over 255 characters, tags that no object can have, or an empty
/// prefix that keys are not to begin with.
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
#[must_use = "nothing is sent before it is given to `send`"]
pub struct PutBucketLifecycle(LifecycleConfiguration);

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
#[must_use = "nothing is sent before it is given to `send`"]
pub struct GetBucketLifecycle {
    _private: (),
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
#[must_use = "nothing is sent before it is given to `send`"]
pub struct DeleteBucketLifecycle {
    _private: (),
}

setting::calls! {
    LifecycleConfiguration;
    PUT PutBucketLifecycle, "PUT Bucket lifecycle", "name/cos:PutBucketLifecycle";
    GET GetBucketLifecycle, "GET Bucket lifecycle", "name/cos:GetBucketLifecycle";
    DELETE DeleteBucketLifecycle, "DELETE Bucket lifecycle", "name/cos:DeleteBucketLifecycle";
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use bytes::Bytes;
    use http::Response;

    use super::*;
    use crate::operation::{Operation, Sent, as_text, read_response};
    use crate::options::StorageClass;

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
        let golden = include_str!("../../../tests/golden/xml/lifecycle.xml");
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
    fn what_is_not_known_beside_the_rules_is_named_and_written_back() {
        let xml = "<LifecycleConfiguration><Rule><Filter/><Status>Enabled</Status><Expiration><Days>1</Days></Expiration>\
                   </Rule><New>x</New></LifecycleConfiguration>";
        let configuration = read(xml);
        assert_eq!(configuration.unknown().collect::<Vec<_>>(), ["New"]);
        assert_eq!(text(configuration), xml);
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
