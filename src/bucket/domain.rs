use bytes::Bytes;
use http::{Method, Response};

use crate::answer::header_text;
use crate::bucket::setting::{self, Setting, sift};
use crate::error::{Error, Result, ServiceError};
use crate::name::display_name;
use crate::operation::{Operation, Permissions, Safety, Sent};
use crate::request::Request;
use crate::xml::{Element, Unknown};

/// The custom domains of a bucket.
///
/// Each leads to the bucket, its website or its acceleration once a CNAME record of it names the host that COS has for
/// that, which COS looks at when the domain is set. A client reaches the bucket by it with
/// [`Endpoint::custom`](crate::Endpoint::custom). What this crate does not know in a configuration that was read is
/// kept and written back with it.
///
/// COS reference: [PUT Bucket domain](https://www.tencentcloud.com/document/product/436/35868)
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DomainConfiguration {
    /// The domains. COS takes up to 20, and more for those who ask its support.
    pub rules: Vec<DomainRule>,
    /// What to put into a TXT record of a domain for COS to see that it is yours (`x-cos-domain-txt-verification`). It
    /// is read, never written.
    pub txt_verification: Option<String>,
    unknown: Unknown,
}

/// One custom domain of a [`DomainConfiguration`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DomainRule {
    /// The domain, in full: `cdn.example.com`.
    pub name: String,
    /// Whether it is in use (`Status`).
    pub enabled: bool,
    /// What it leads to (`Type`).
    pub domain_type: DomainType,
    /// How to see that the domain is yours, to take it from the bucket that has it. COS refuses a domain that another
    /// bucket has without this (`RecordAlreadyExist`), and this for a domain that none has, both with status 409.
    pub forced_replacement: Option<ForcedReplacement>,
    unknown: Unknown,
}

/// What a custom domain leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DomainType {
    /// The bucket.
    Rest,
    /// Its static website, which it must have: see [`PutBucketWebsite`](crate::PutBucketWebsite).
    Website,
    /// The bucket by global acceleration, which must be on.
    Accelerate,
}

impl DomainType {
    /// As COS writes it: `REST`, `WEBSITE` or `ACCELERATE`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rest => "REST",
            Self::Website => "WEBSITE",
            Self::Accelerate => "ACCELERATE",
        }
    }
}

display_name!(DomainType);

/// By which record COS sees that a domain is yours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ForcedReplacement {
    /// A CNAME record that names the bucket.
    Cname,
    /// A TXT record with [`DomainConfiguration::txt_verification`].
    Txt,
}

impl ForcedReplacement {
    /// As COS writes it: `CNAME` or `TXT`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cname => "CNAME",
            Self::Txt => "TXT",
        }
    }
}

display_name!(ForcedReplacement);

impl DomainConfiguration {
    /// With these.
    pub fn new(rules: impl IntoIterator<Item = DomainRule>) -> Self {
        Self { rules: rules.into_iter().collect(), ..Self::default() }
    }

    /// Names of what was read, is not known here or could not be set here, and is written back with it.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        self.unknown.names()
    }
}

impl Setting for DomainConfiguration {
    const PARAMETER: &'static str = "domain";
    const ROOT: &'static str = "DomainConfiguration";
    const UNSET: &'static str = "DomainConfigNotFoundError";
    const FIELD: &'static str = "domain";

    fn write(&self) -> Result<Element> {
        if self.rules.is_empty() && !self.unknown.has(RULE) {
            return Err(Error::input("rules", "are none: DELETE Bucket domain removes all domains"));
        }
        let rules = self.rules.iter().map(DomainRule::write).collect::<Result<Vec<_>>>()?;
        let root = rules.into_iter().fold(Element::new(Self::ROOT), Element::child);
        Ok(root.with_unknown(&self.unknown, &[]).expect("nothing in it is there but once"))
    }

    fn read(mut root: Element) -> Self {
        let mut read = Self { unknown: root.take_unknown(), ..Self::default() };
        for child in root.children {
            match DomainRule::read(&child) {
                Some(rule) if child.name == RULE => read.rules.push(rule),
                _ => read.unknown.push(child),
            }
        }
        read
    }
}

impl DomainRule {
    /// A domain that is in use.
    pub fn new(name: impl Into<String>, domain_type: DomainType) -> Self {
        let name = name.into();
        Self { name, enabled: true, domain_type, forced_replacement: None, unknown: Unknown::default() }
    }

    /// `Status`: whether it is in use.
    #[must_use]
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }

    /// `ForcedReplacement`: takes the domain from another bucket.
    #[must_use]
    pub fn forced_replacement(mut self, proof: ForcedReplacement) -> Self {
        self.forced_replacement = Some(proof);
        self
    }

    /// Names of what was read in the rule, is not known here, and is written back with it.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        self.unknown.names()
    }

    /// `None` for one that is not understood: it is kept as a whole.
    fn read(element: &Element) -> Option<Self> {
        let text = |leaf: &Element| leaf.text().map(str::to_owned);
        let (unknown, [status, name, kind, forced]) = sift(element, PARTS, |_, leaf| leaf.text().is_some());
        let kinds = [DomainType::Rest, DomainType::Website, DomainType::Accelerate];
        let proofs = [ForcedReplacement::Cname, ForcedReplacement::Txt];
        let kind = text(&kind?)?;
        let forced_replacement = match forced.as_ref().and_then(Element::text) {
            Some(forced) => Some(proofs.into_iter().find(|known| known.as_str() == forced)?),
            None => None,
        };
        let rule = Self {
            name: text(&name?)?,
            enabled: match status?.text()? {
                "ENABLED" => true,
                "DISABLED" => false,
                _ => return None,
            },
            domain_type: kinds.into_iter().find(|known| known.as_str() == kind)?,
            forced_replacement,
            unknown,
        };
        let strange = !is_domain(&rule.name) || PARTS.iter().any(|name| rule.unknown.has(name));
        (!strange).then_some(rule)
    }

    fn write(&self) -> Result<Element> {
        if !is_domain(&self.name) {
            return Err(Error::input(
                "name",
                "is no domain: it has other than letters, digits, hyphens and dots, or nothing",
            ));
        }
        let rule = Element::new(RULE)
            .leaf("Status", if self.enabled { "ENABLED" } else { "DISABLED" })
            .leaf("Name", self.name.as_str())
            .leaf("Type", self.domain_type.as_str())
            .leaf_opt("ForcedReplacement", self.forced_replacement.map(ForcedReplacement::as_str));
        Ok(rule.with_unknown(&self.unknown, &[]).expect("nothing in it is there but once"))
    }
}

const RULE: &str = "DomainRule";

/// What is in a rule once at most.
const PARTS: [&str; 4] = ["Status", "Name", "Type", "ForcedReplacement"];

pub(super) fn is_domain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.')
}

/// Sets the custom domains of the bucket, in place of all it had.
///
/// It may be repeated freely. An international domain is given as its `xn--` form.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket` or `AccessDenied`; `RecordAlreadyExist`
/// when another bucket has one of them, `DNSRecordVerifyFailed` when the DNS does not say that it is yours, and
/// `DomainAuditFailed` for one in mainland China without an ICP filing. [`ErrorKind::Input`](crate::ErrorKind::Input)
/// without a domain, or for one that has other than letters, digits, hyphens and dots.
///
/// # Examples
/// ```no_run
/// use tencent_cos::{DomainConfiguration, DomainRule, DomainType, PutBucketDomain};
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// let domain = DomainRule::new("cdn.example.com", DomainType::Rest);
/// bucket.send(PutBucketDomain::new(DomainConfiguration::new([domain]))).await?;
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [PUT Bucket domain](https://www.tencentcloud.com/document/product/436/35868)
#[doc(alias = "PUT Bucket domain")]
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct PutBucketDomain(DomainConfiguration);

/// Reads the custom domains of the bucket; `None` when it has none.
///
/// Changes nothing and may be repeated freely.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket` or `AccessDenied`.
///
/// # Examples
/// ```no_run
/// use tencent_cos::{DomainRule, DomainType, GetBucketDomain, PutBucketDomain};
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// let mut domains = bucket.send(GetBucketDomain::new()).await?.unwrap_or_default();
/// domains.rules.push(DomainRule::new("www.example.com", DomainType::Website));
/// bucket.send(PutBucketDomain::new(domains)).await?;
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [GET Bucket domain](https://www.tencentcloud.com/document/product/436/35869)
#[doc(alias = "GET Bucket domain")]
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct GetBucketDomain {
    _private: (),
}

impl GetBucketDomain {
    /// Reads it.
    pub fn new() -> Self {
        Self::default()
    }
}

/// Removes all custom domains of the bucket. Nothing to remove is a success.
///
/// To remove one, read them and set the others. It may be repeated freely.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket` or `AccessDenied`.
///
/// # Examples
/// ```no_run
/// use tencent_cos::DeleteBucketDomain;
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// bucket.send(DeleteBucketDomain::new()).await?;
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [DELETE Bucket domain](https://www.tencentcloud.com/document/product/436/35870)
#[doc(alias = "DELETE Bucket domain")]
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct DeleteBucketDomain {
    _private: (),
}

setting::calls! {
    DomainConfiguration;
    PUT PutBucketDomain, "PUT Bucket domain", "name/cos:PutBucketDomain";
    DELETE DeleteBucketDomain, "DELETE Bucket domain", "name/cos:DeleteBucketDomain";
}

impl Operation for GetBucketDomain {
    type Output = Option<DomainConfiguration>;
    type Response = Bytes;
    const NAME: &'static str = "GET Bucket domain";
    const METHOD: Method = Method::GET;
    const PERMISSIONS: Permissions = Permissions::bucket("name/cos:GetBucketDomain");

    fn request(&self) -> Result<Request> {
        Ok(setting::request::<DomainConfiguration>())
    }

    fn safety(&self) -> Safety {
        Safety::Read
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<Option<DomainConfiguration>> {
        let proof = header_text(response.headers(), "x-cos-domain-txt-verification").map(str::to_owned);
        let found = setting::read::<DomainConfiguration>(response)?;
        Ok(found.map(|found| DomainConfiguration { txt_verification: proof, ..found }))
    }

    fn unset_by(&self, refusal: &ServiceError) -> Option<Option<DomainConfiguration>> {
        setting::is_unset::<DomainConfiguration>(refusal).then_some(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::operation::{as_text, read_response};

    const PROOF: &str = "tencent-cloud-cos-verification=673029e5ff8e4d2b5723d58f73aab232";

    fn answer(status: u16, xml: &'static str) -> Response<Bytes> {
        let answer = Response::builder().status(status).header("x-cos-request-id", "NjQ");
        answer.header("x-cos-domain-txt-verification", PROOF).body(Bytes::from(xml)).unwrap()
    }

    fn read(xml: &'static str) -> DomainConfiguration {
        GetBucketDomain::new().output(&Sent::default(), answer(200, xml)).unwrap().unwrap()
    }

    fn written(configuration: DomainConfiguration) -> String {
        let request = PutBucketDomain::new(configuration).request().unwrap();
        String::from_utf8(request.body_ref().as_bytes().unwrap().to_vec()).unwrap()
    }

    fn example() -> DomainConfiguration {
        DomainConfiguration::new([
            DomainRule::new("cos.cloud.tencent.com", DomainType::Rest),
            DomainRule::new("www.cos.cloud.tencent.com", DomainType::Website),
        ])
    }

    const GOLDEN: &str = include_str!("../../tests/golden/xml/domain.xml");

    #[test]
    fn request_as_text() {
        assert_eq!(written(example()), GOLDEN.replace(['\n', '\t'], ""));
        assert_eq!(
            as_text(&PutBucketDomain::new(example())),
            "PUT /?domain\ncontent-md5: cO+8nUSV7FRbnx6bFrlebg==\ncontent-type: application/xml\n[250]"
        );
        let taken = DomainRule::new("a.test", DomainType::Accelerate).enabled(false);
        let taken = taken.forced_replacement(ForcedReplacement::Cname);
        assert_eq!(
            written(DomainConfiguration::new([taken])),
            "<DomainConfiguration><DomainRule><Status>DISABLED</Status><Name>a.test</Name><Type>ACCELERATE</Type>\
             <ForcedReplacement>CNAME</ForcedReplacement></DomainRule></DomainConfiguration>"
        );
        assert_eq!(as_text(&GetBucketDomain::new()), "GET /?domain\n[0]");
        assert_eq!(as_text(&DeleteBucketDomain::new()), "DELETE /?domain\n[0]");
    }

    #[test]
    fn output_reads_a_golden_document() {
        let found = read(GOLDEN);
        assert_eq!(found.txt_verification.as_deref(), Some(PROOF));
        assert_eq!(found.rules, example().rules);
        assert_eq!(written(found), GOLDEN.replace(['\n', '\t'], ""));
        let put = PutBucketDomain::new(example()).output(&Sent::default(), answer(200, "")).unwrap();
        let delete = DeleteBucketDomain::new().output(&Sent::default(), answer(204, "")).unwrap();
        assert_eq!((put.request_id(), delete.request_id()), ("NjQ", "NjQ"));
    }

    #[test]
    fn a_bucket_without_one_gives_none() {
        let none = "<Error><Code>DomainConfigNotFoundError</Code></Error>";
        for (status, xml) in [(404, none), (200, "<DomainConfiguration/>")] {
            let found = read_response(&GetBucketDomain::new(), &Sent::default(), answer(status, xml)).unwrap();
            assert_eq!(found, None, "{xml}");
        }
        assert!(read_response(&DeleteBucketDomain::new(), &Sent::default(), answer(404, none)).is_ok());
        let missing = answer(404, "<Error><Code>NoSuchBucket</Code></Error>");
        assert!(read_response(&GetBucketDomain::new(), &Sent::default(), missing).unwrap_err().is_not_found());
    }

    #[test]
    fn what_cos_would_refuse_is_refused() {
        let named = |name: &str| DomainConfiguration::new([DomainRule::new(name, DomainType::Rest)]);
        for (configuration, field) in [
            (DomainConfiguration::default(), "rules"),
            (named(""), "name"),
            (named("https://a.test"), "name"),
            (named("a.test:80"), "name"),
            (named("*.a.test"), "name"),
            (named("例.test"), "name"),
        ] {
            let error = PutBucketDomain::new(configuration).request().unwrap_err();
            assert_eq!((error.kind(), error.field()), (ErrorKind::Input, Some(field)));
        }
    }

    #[test]
    fn what_is_not_known_is_written_back() {
        let xml = "<DomainConfiguration a=\"1\"><DomainRule b=\"2\"><Status>ENABLED</Status><Name>a.test</Name>\
                   <Type>REST</Type><New>x</New></DomainRule><DomainRule><Status>ENABLED</Status><Name>b.test</Name>\
                   <Type>CDN</Type></DomainRule><DomainRule><Name>c.test</Name></DomainRule><DomainRule>\
                   <Status>ENABLED</Status><Name>d.test</Name><Name>e.test</Name><Type>REST</Type></DomainRule>\
                   <DomainRule><Status>DISABLED</Status><Name>f.test</Name><Type>REST</Type><ForcedReplacement>A\
                   </ForcedReplacement></DomainRule><Other/></DomainConfiguration>";
        let found = read(xml);
        let unknown = ["DomainRule", "DomainRule", "DomainRule", "DomainRule", "Other"];
        assert_eq!(found.unknown().collect::<Vec<_>>(), unknown);
        assert_eq!((found.rules.len(), found.rules[0].unknown().collect::<Vec<_>>()), (1, vec!["New"]));
        assert_eq!(written(found.clone()), xml);
        let mut only = found;
        only.rules.clear();
        assert!(written(only).contains("b.test"));
    }
}
