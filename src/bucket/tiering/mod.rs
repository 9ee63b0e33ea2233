mod configuration;
mod first;

use bytes::Bytes;
use http::{Method, Response};

pub use self::configuration::{AccessTier, IntelligentTieringConfiguration, IntelligentTieringFilter, Tiering};
pub use self::first::{GetBucketIntelligentTieringV1, IntelligentTieringV1, PutBucketIntelligentTieringV1};
use crate::answer::{Done, request_id};
use crate::bucket::setting::{self, Setting};
use crate::error::{Error, Result, ServiceError};
use crate::operation::{Operation, Permissions, Safety, Sent};
use crate::request::Request;
use crate::xml;

/// Sets a rule of the intelligent tiering of the bucket, in place of one of the same id.
///
/// The rule `default` turns intelligent tiering on and cannot be set twice: it is not repeated when nobody knows
/// whether it took effect; read it then. Others may be repeated freely. A bucket has up to 1 000 rules.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket` or `AccessDenied`, or another when the
/// rule `default` is there. [`ErrorKind::Input`](crate::ErrorKind::Input) without an id or a tier, for a tier that is
/// there twice, after days that COS does not take (see [`Tiering::days`]) or out of order, and for a rule `default` of
/// other tiers than that for infrequent access.
///
/// # Examples
/// ```no_run
/// use tencent_cos::{IntelligentTieringConfiguration, PutBucketIntelligentTiering};
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// bucket.send(PutBucketIntelligentTiering::new(IntelligentTieringConfiguration::turn_on(30))).await?;
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [PUT Bucket IntelligentTiering](https://cloud.tencent.com/document/product/436/48348)
#[doc(alias = "PUT Bucket IntelligentTiering")]
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct PutBucketIntelligentTiering(IntelligentTieringConfiguration);

impl PutBucketIntelligentTiering {
    /// Sets this.
    pub fn new(configuration: IntelligentTieringConfiguration) -> Self {
        Self(configuration)
    }
}

/// Reads a rule of the intelligent tiering of the bucket; `None` when there is none of this id.
///
/// Changes nothing and may be repeated freely.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket` or `AccessDenied`.
/// [`ErrorKind::Input`](crate::ErrorKind::Input) for an empty id.
///
/// # Examples
/// ```no_run
/// use tencent_cos::{GetBucketIntelligentTiering, IntelligentTieringConfiguration};
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// let rule = GetBucketIntelligentTiering::new(IntelligentTieringConfiguration::DEFAULT);
/// println!("it is on: {}", bucket.send(rule).await?.is_some());
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [GET Bucket IntelligentTiering](https://www.tencentcloud.com/document/product/436/38315)
#[doc(alias = "GET Bucket IntelligentTiering")]
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct GetBucketIntelligentTiering(String);

impl GetBucketIntelligentTiering {
    /// Reads that of this id.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }
}

/// Removes a rule of the archive tiers from the intelligent tiering of the bucket. Nothing to remove is a success.
///
/// It may be repeated freely.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket` or `AccessDenied`.
/// [`ErrorKind::Input`](crate::ErrorKind::Input) for an empty id, and for the rule `default`, which stays.
///
/// # Examples
/// ```no_run
/// use tencent_cos::DeleteBucketIntelligentTiering;
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// bucket.send(DeleteBucketIntelligentTiering::new("logs")).await?;
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [DELETE Bucket IntelligentTiering](https://www.tencentcloud.com/document/product/436/60837)
#[doc(alias = "DELETE Bucket IntelligentTiering")]
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct DeleteBucketIntelligentTiering(String);

impl DeleteBucketIntelligentTiering {
    /// Removes that of this id.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }
}

/// Lists all rules of the intelligent tiering of the bucket; COS knows no pages of them.
///
/// Changes nothing and may be repeated freely.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket` or `AccessDenied`.
///
/// # Examples
/// ```no_run
/// use tencent_cos::ListBucketIntelligentTiering;
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// for rule in bucket.send(ListBucketIntelligentTiering::new()).await? {
///     println!("{}: {:?}", rule.id, rule.tierings);
/// }
/// # Ok(())
/// # }
/// ```
///
/// COS reference:
/// [List Bucket IntelligentTiering Configurations](https://cloud.tencent.com/document/product/436/106783)
#[doc(alias = "List Bucket IntelligentTiering Configurations")]
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct ListBucketIntelligentTiering {
    _private: (),
}

impl ListBucketIntelligentTiering {
    /// Lists them.
    pub fn new() -> Self {
        Self::default()
    }
}

setting::calls_by_id! {
    IntelligentTieringConfiguration;
    GET GetBucketIntelligentTiering, "GET Bucket IntelligentTiering", "name/cos:GetBucketIntelligentTiering";
}

impl Operation for PutBucketIntelligentTiering {
    type Output = Done;
    type Response = Bytes;
    const NAME: &'static str = "PUT Bucket IntelligentTiering";
    const METHOD: Method = Method::PUT;
    const PERMISSIONS: Permissions = Permissions::bucket("name/cos:PutBucketIntelligentTiering");

    fn request(&self) -> Result<Request> {
        setting::put_by_id(&self.0)
    }

    fn safety(&self) -> Safety {
        // COS refuses the rule that turns it on a second time, with a code that the reference does not name.
        if self.0.id == IntelligentTieringConfiguration::DEFAULT { Safety::CreatesState } else { Safety::SameEffect }
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<Done> {
        Ok(Done::told(response.headers()))
    }
}

impl Operation for DeleteBucketIntelligentTiering {
    type Output = Done;
    type Response = Bytes;
    const NAME: &'static str = "DELETE Bucket IntelligentTiering";
    const METHOD: Method = Method::DELETE;
    const PERMISSIONS: Permissions = Permissions::bucket("name/cos:DeleteBucketIntelligentTiering");

    fn request(&self) -> Result<Request> {
        if self.0 == IntelligentTieringConfiguration::DEFAULT {
            return Err(Error::input("id", "is of the rule default, which cannot be removed"));
        }
        setting::request_by_id::<IntelligentTieringConfiguration>(&self.0)
    }

    fn safety(&self) -> Safety {
        Safety::SameEffect
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<Done> {
        Ok(Done::told(response.headers()))
    }

    fn unset_by(&self, refusal: &ServiceError) -> Option<Done> {
        setting::is_unset::<IntelligentTieringConfiguration>(refusal).then(|| Done::refused(refusal))
    }
}

impl Operation for ListBucketIntelligentTiering {
    type Output = Vec<IntelligentTieringConfiguration>;
    type Response = Bytes;
    const NAME: &'static str = "List Bucket IntelligentTiering Configurations";
    const METHOD: Method = Method::GET;
    const PERMISSIONS: Permissions = Permissions::bucket("name/cos:GetBucketIntelligentTiering");

    fn request(&self) -> Result<Request> {
        Ok(setting::request::<IntelligentTieringConfiguration>())
    }

    fn safety(&self) -> Safety {
        Safety::Read
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<Vec<IntelligentTieringConfiguration>> {
        let (head, body) = response.into_parts();
        let (status, request_id) = (head.status.as_u16(), request_id(&head.headers));
        // The SDKs for Go and Java read the first, the reference shows the second.
        let roots =
            ["ListBucketIntelligentTieringConfigurationsOutput", "ListBucketIntelligentTieringConfigurationOutput"];
        let root = xml::read_whole(roots[0], status, &request_id, &body)
            .or_else(|error| xml::read_whole(roots[1], status, &request_id, &body).map_err(|_| error))?;
        let rules = root.children.into_iter().filter(|child| child.name == IntelligentTieringConfiguration::ROOT);
        Ok(rules.map(IntelligentTieringConfiguration::read).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::operation::{as_text, read_response};

    const GOLDEN: &str = include_str!("../../../tests/golden/xml/intelligent_tiering_list.xml");

    fn answer(status: u16, xml: impl Into<Bytes>) -> Response<Bytes> {
        Response::builder().status(status).header("x-cos-request-id", "NjQ").body(xml.into()).unwrap()
    }

    fn read(xml: impl Into<Bytes>) -> IntelligentTieringConfiguration {
        GetBucketIntelligentTiering::new("a").output(&Sent::default(), answer(200, xml)).unwrap().unwrap()
    }

    fn written(operation: &impl Operation) -> String {
        String::from_utf8(operation.request().unwrap().body_ref().as_bytes().unwrap().to_vec()).unwrap()
    }

    fn put(configuration: IntelligentTieringConfiguration) -> PutBucketIntelligentTiering {
        PutBucketIntelligentTiering::new(configuration)
    }

    fn archive(filter: IntelligentTieringFilter) -> IntelligentTieringConfiguration {
        IntelligentTieringConfiguration::new("string", filter)
            .tiering(AccessTier::ArchiveAccess, 91)
            .tiering(AccessTier::DeepArchiveAccess, 180)
    }

    fn example() -> IntelligentTieringConfiguration {
        archive(IntelligentTieringFilter::new().prefix("string").tag("string", "string").tag("string2", "string"))
    }

    fn of_some(mut configuration: IntelligentTieringConfiguration) -> IntelligentTieringConfiguration {
        configuration.filter = Some(IntelligentTieringFilter::new().prefix("p"));
        configuration
    }

    #[test]
    fn request_as_text() {
        let golden = GOLDEN.replace('\n', "").replace("    ", "");
        let rules = golden.replace("<ListBucketIntelligentTieringConfigurationOutput>", "");
        let rules = rules.replace("</ListBucketIntelligentTieringConfigurationOutput>", "");
        let on = IntelligentTieringConfiguration::turn_on(30);
        assert_eq!(written(&put(on.clone())) + &written(&put(example())), rules);
        assert!(as_text(&put(on.clone())).starts_with("PUT /?intelligent-tiering&id=default\ncontent-md5: "));
        assert_eq!((put(on).safety(), put(example()).safety()), (Safety::CreatesState, Safety::SameEffect));
        let get = as_text(&GetBucketIntelligentTiering::new("a b"));
        assert_eq!(get, "GET /?intelligent-tiering&id=a%20b\n[0]");
        assert_eq!(as_text(&DeleteBucketIntelligentTiering::new("a")), "DELETE /?intelligent-tiering&id=a\n[0]");
        assert_eq!(as_text(&ListBucketIntelligentTiering::new()), "GET /?intelligent-tiering\n[0]");
    }

    #[test]
    fn output_reads_a_golden_document_by_either_name() {
        let other = GOLDEN.replace("ConfigurationOutput", "ConfigurationsOutput");
        for xml in [GOLDEN, &other] {
            let list = ListBucketIntelligentTiering::new();
            let found = list.output(&Sent::default(), answer(200, xml.to_owned())).unwrap();
            assert_eq!(found, [IntelligentTieringConfiguration::turn_on(30), example()]);
        }
        let list = |xml: &'static str| ListBucketIntelligentTiering::new().output(&Sent::default(), answer(200, xml));
        assert!(list("<ListBucketIntelligentTieringConfigurationsOutput/>").unwrap().is_empty());
        let error = list("<Other/>").unwrap_err();
        assert!(error.kind() == ErrorKind::Response && error.to_string().contains("ConfigurationsOutput"), "{error}");
        assert_eq!(list("<Error><Code>SlowDown</Code></Error>").unwrap_err().code(), Some("SlowDown"));
        let put = put(example()).output(&Sent::default(), answer(200, "")).unwrap();
        let delete = DeleteBucketIntelligentTiering::new("a").output(&Sent::default(), answer(204, "")).unwrap();
        assert_eq!((put.request_id(), delete.request_id()), ("NjQ", "NjQ"));
    }

    #[test]
    fn a_rule_that_is_not_there_is_none_and_removed() {
        let refusal = |code: &str| answer(404, format!("<Error><Code>{code}</Code></Error>"));
        let get = |code| read_response(&GetBucketIntelligentTiering::new("a"), &Sent::default(), refusal(code));
        let delete = |code| read_response(&DeleteBucketIntelligentTiering::new("a"), &Sent::default(), refusal(code));
        assert_eq!(get("IntelligentTieringConfigurationNotFoundError").unwrap(), None);
        assert_eq!(delete("IntelligentTieringConfigurationNotFoundError").unwrap().request_id(), "NjQ");
        assert!(get("NoSuchBucket").unwrap_err().is_not_found() && delete("NoSuchBucket").is_err());
    }

    #[test]
    fn a_filter_of_several_conditions_joins_them() {
        let filter = IntelligentTieringFilter::new;
        let tag = "<Tag><Key>k</Key><Value>v</Value></Tag>";
        for (given, expected) in [
            (filter().prefix("p/"), "<Filter><Prefix>p/</Prefix></Filter>".to_owned()),
            (filter().tag("k", "v"), format!("<Filter>{tag}</Filter>")),
            (filter().prefix("p/").tag("k", "v"), format!("<Filter><And><Prefix>p/</Prefix>{tag}</And></Filter>")),
        ] {
            let xml = written(&put(archive(given.clone())));
            assert!(xml.contains(&expected), "{xml}");
            assert_eq!(read(xml).filter, Some(given));
        }
        assert!(!written(&put(archive(filter()))).contains("Filter"));
        let loose = "<Filter><Tag><Key>k</Key><Value>v</Value></Tag><Tag><Key>l</Key></Tag></Filter>";
        let found = read(format!("<IntelligentTieringConfiguration>{loose}</IntelligentTieringConfiguration>"));
        assert_eq!(found.filter, Some(filter().tag("k", "v").tag("l", "")));
    }

    #[test]
    fn what_cos_would_refuse_is_refused() {
        let all = IntelligentTieringFilter::new;
        let on = IntelligentTieringConfiguration::turn_on;
        for (configuration, field) in [
            (on(31), "tierings"),
            (on(30).tiering(AccessTier::ArchiveAccess, 91), "tierings"),
            (on(30).enabled(false), "enabled"),
            (of_some(on(30)), "filter"),
            (IntelligentTieringConfiguration::new("a", all()), "tierings"),
            (IntelligentTieringConfiguration::new("", all()), "id"),
            (IntelligentTieringConfiguration::new("a", all()).tiering(AccessTier::Infrequent, 30), "tierings"),
            (IntelligentTieringConfiguration::new("a", all()).tiering(AccessTier::ArchiveAccess, 90), "tierings"),
            (IntelligentTieringConfiguration::new("a", all()).tiering(AccessTier::DeepArchiveAccess, 731), "tierings"),
            (archive(all()).tiering(AccessTier::Infrequent, 30), "tierings"),
            (
                IntelligentTieringConfiguration::new("a", all())
                    .tiering(AccessTier::DeepArchiveAccess, 200)
                    .tiering(AccessTier::ArchiveAccess, 200),
                "tierings",
            ),
            (example().tiering(AccessTier::ArchiveAccess, 92), "tierings"),
            (archive(all().tag("", "v")), "tags"),
            (archive(all().prefix("\u{1}")), "tiering"),
        ] {
            let error = put(configuration).request().unwrap_err();
            assert_eq!((error.kind(), error.field()), (ErrorKind::Input, Some(field)));
        }
        for id in ["", IntelligentTieringConfiguration::DEFAULT] {
            let error = DeleteBucketIntelligentTiering::new(id).request().unwrap_err();
            assert_eq!((error.kind(), error.field()), (ErrorKind::Input, Some("id")));
        }
        assert_eq!(GetBucketIntelligentTiering::new("").request().unwrap_err().field(), Some("id"));
        assert_eq!(PutBucketIntelligentTieringV1::new(45).request().unwrap_err().field(), Some("days"));
    }

    #[test]
    fn what_is_not_known_is_written_back() {
        let xml = "<IntelligentTieringConfiguration a=\"1\"><Id>a</Id><Tiering><AccessTier>ARCHIVE_ACCESS</AccessTier><Days>91\
                   </Days></Tiering><Status>Paused</Status><Filter><Suffix>.log</Suffix></Filter><Tiering><AccessTier>FROZEN\
                   </AccessTier><Days>9</Days></Tiering><Tiering><AccessTier>ARCHIVE_ACCESS</AccessTier><Days>92</Days>\
                   </Tiering><New/></IntelligentTieringConfiguration>";
        let found = read(xml);
        assert_eq!(found.unknown().collect::<Vec<_>>(), ["Status", "Filter", "Tiering", "Tiering", "New"]);
        assert_eq!((found.enabled, &found.filter, found.tierings.len()), (false, &None, 1));
        assert_eq!(written(&put(found.clone())), xml);
        for changed in [found.clone().enabled(true), of_some(found)] {
            assert_eq!(put(changed).request().unwrap_err().field(), Some("tiering"));
        }
    }

    #[test]
    fn the_older_call_turns_on_and_tells() {
        let put = PutBucketIntelligentTieringV1::new(60);
        let head = "PUT /?intelligenttiering\ncontent-md5: ";
        assert!(as_text(&put).starts_with(head) && put.safety() == Safety::CreatesState);
        let xml = "<IntelligentTieringConfiguration><Status>Enabled</Status><Transition><Days>60</Days><RequestFrequent>1\
                   </RequestFrequent></Transition></IntelligentTieringConfiguration>";
        assert_eq!(written(&put), xml);
        assert_eq!(put.output(&Sent::default(), answer(200, "")).unwrap().request_id(), "NjQ");
        let get = GetBucketIntelligentTieringV1::new();
        assert_eq!(as_text(&get), "GET /?intelligenttiering\n[0]");
        let read = |xml: String| get.output(&Sent::default(), answer(200, xml)).unwrap();
        assert_eq!(read("<IntelligentTieringConfiguration/>".to_owned()), None);
        // As the reference prints it.
        let found = read(xml.replacen("Configuration>", "Configuration xmlns=\"cos xmlns/\">", 1)).unwrap();
        assert_eq!((found.enabled, found.days, found.request_frequent), (true, Some(60), Some(1)));
        let strange = read(xml.replace("Enabled", "Paused").replace("60", "many")).unwrap();
        assert_eq!((strange.enabled, strange.days, strange.request_frequent), (false, None, Some(1)));
    }
}
