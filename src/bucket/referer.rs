use bytes::Bytes;
use http::{Method, Response};

use super::setting::{self, Setting};
use crate::answer::Done;
use crate::error::{Error, Result};
use crate::name::display_name;
use crate::operation::{Operation, Permissions, Safety, Sent};
use crate::request::Request;
use crate::xml::{Element, Unknown, status};

/// Which web pages may show the objects of a bucket (hotlink protection), by the `Referer` that browsers send.
///
/// It holds for requests without a signature; a signed one, a presigned URL too, may come from anywhere. Who is refused
/// sees 403 `AccessDenied`. What this crate does not know in a configuration that was read is kept and written back
/// with it.
///
/// # Examples
/// ```
/// use tencent_cos::{RefererConfiguration, RefererType};
///
/// let ours = RefererConfiguration::new(RefererType::WhiteList, ["*.example.com", "192.168.1.2:8080"])
///     .empty_referer(true);
/// # let _ = ours;
/// ```
///
/// COS reference: [PUT Bucket referer](https://cloud.tencent.com/document/product/436/32492)
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RefererConfiguration {
    /// Whether it is in force (`Status`).
    pub enabled: bool,
    /// What the list says of those on it. `None` when it is among the [`unknown`](Self::unknown).
    pub referer_type: Option<RefererType>,
    /// What a `Referer` begins with behind its scheme: a host, maybe with a port and a path. `*.example.com` is
    /// `example.com` and everything under it.
    pub domains: Vec<String>,
    /// Whether requests without a `Referer` are let in (`EmptyReferConfiguration`): an address that is typed in, most
    /// programs. COS takes no value as no.
    pub empty_referer: Option<bool>,
    /// Of the configuration, of its list.
    unknown: [Unknown; 2],
}

/// What a [`RefererConfiguration`] does with the pages on its list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefererType {
    /// They are let in, all others are not.
    WhiteList,
    /// They are not let in, all others are.
    BlackList,
}

impl RefererType {
    /// As COS writes it: `White-List` or `Black-List`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WhiteList => "White-List",
            Self::BlackList => "Black-List",
        }
    }
}

display_name!(RefererType);

impl RefererConfiguration {
    /// A list that is in force.
    pub fn new<D: Into<String>>(referer_type: RefererType, domains: impl IntoIterator<Item = D>) -> Self {
        let domains = domains.into_iter().map(Into::into).collect();
        Self { enabled: true, referer_type: Some(referer_type), domains, ..Self::default() }
    }

    /// `Status`: whether it is in force.
    #[must_use]
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }

    /// `EmptyReferConfiguration`.
    #[must_use]
    pub fn empty_referer(mut self, allowed: bool) -> Self {
        self.empty_referer = Some(allowed);
        self
    }

    /// Names of what was read, is not known here or could not be set here, and is written back with it.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        self.unknown.iter().flat_map(Unknown::names)
    }

    /// Whether it is known what this is, and would be written.
    fn take(&mut self, child: &Element) -> bool {
        match child.name.as_str() {
            STATUS => {
                self.enabled = child.enabled() == Some(true);
                child.enabled().is_some()
            }
            TYPE => {
                let types = [RefererType::WhiteList, RefererType::BlackList];
                self.referer_type = types.into_iter().find(|known| child.text() == Some(known.as_str()));
                self.referer_type.is_some()
            }
            LIST if child.has(DOMAIN) => {
                let mut list = child.clone();
                self.unknown[1] = list.take_unknown();
                for child in list.children {
                    match child.text() {
                        Some(text) if child.name == DOMAIN && is_domain(text) => self.domains.push(text.to_owned()),
                        _ => self.unknown[1].push(child),
                    }
                }
                true
            }
            EMPTY => {
                self.empty_referer = match child.text() {
                    Some("Allow") => Some(true),
                    Some("Deny") => Some(false),
                    _ => None,
                };
                self.empty_referer.is_some()
            }
            _ => false,
        }
    }
}

impl Setting for RefererConfiguration {
    const PARAMETER: &'static str = "referer";
    const ROOT: &'static str = "RefererConfiguration";
    const UNSET: &'static str = "NoSuchRefererConfiguration";
    const FIELD: &'static str = "referer";

    fn write(&self) -> Result<Element> {
        let [of_root, of_list] = &self.unknown;
        if self.referer_type.is_none() && !of_root.has(TYPE) {
            return Err(Error::input("referer_type", "is not there"));
        }
        if self.domains.is_empty() && !of_list.has(DOMAIN) && !of_root.has(LIST) {
            return Err(Error::input("domains", "are none"));
        }
        if !self.domains.iter().all(|domain| is_domain(domain)) {
            return Err(Error::input("domains", "have one that is empty or has a blank"));
        }
        let mut root = Element::new(Self::ROOT);
        if self.enabled || !of_root.has(STATUS) {
            root = root.leaf(STATUS, status(self.enabled));
        }
        root = root.leaf_opt(TYPE, self.referer_type.map(RefererType::as_str));
        let list = self.domains.iter().fold(Element::new(LIST), |list, domain| list.leaf(DOMAIN, domain));
        let list = list.with_unknown(of_list, &[]).expect("nothing in it is there but once");
        if !list.children.is_empty() {
            root = root.child(list);
        }
        root = root.leaf_opt(EMPTY, self.empty_referer.map(|allowed| if allowed { "Allow" } else { "Deny" }));
        root.with_unknown(of_root, &ONCE)
            .ok_or_else(|| Error::input("referer", "has a part twice, once with a value that is not known"))
    }

    fn read(mut root: Element) -> Self {
        let mut read = Self { unknown: [root.take_unknown(), Unknown::default()], ..Self::default() };
        let repeated = root.repeated(&ONCE);
        for child in root.children {
            if repeated.contains(&child.name.as_str()) || !read.take(&child) {
                read.unknown[0].push(child);
            }
        }
        read
    }
}

const STATUS: &str = "Status";
const TYPE: &str = "RefererType";
const LIST: &str = "DomainList";
const DOMAIN: &str = "Domain";
const EMPTY: &str = "EmptyReferConfiguration";

/// What is in a configuration once at most.
const ONCE: [&str; 4] = [STATUS, TYPE, LIST, EMPTY];

fn is_domain(text: &str) -> bool {
    !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

/// Says which web pages may show the objects of the bucket, in place of what was said before.
///
/// It may be repeated freely.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket` or `AccessDenied`.
/// [`ErrorKind::Input`](crate::ErrorKind::Input) without a type or a domain, or for a domain that is empty or has a
/// blank.
///
/// # Examples
/// ```no_run
/// use tencent_cos::{PutBucketReferer, RefererConfiguration, RefererType};
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// let ours = RefererConfiguration::new(RefererType::WhiteList, ["*.example.com"]);
/// bucket.send(PutBucketReferer::new(ours)).await?;
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [PUT Bucket referer](https://cloud.tencent.com/document/product/436/32492)
#[doc(alias = "PUT Bucket referer")]
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct PutBucketReferer(RefererConfiguration);

/// Reads which web pages may show the objects of the bucket; `None` when that was never said, or was removed.
///
/// Changes nothing and may be repeated freely.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket` or `AccessDenied`.
///
/// # Examples
/// ```no_run
/// use tencent_cos::{GetBucketReferer, PutBucketReferer};
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// if let Some(mut referer) = bucket.send(GetBucketReferer::new()).await? {
///     referer.domains.push("*.new.example.com".to_owned());
///     bucket.send(PutBucketReferer::new(referer)).await?;
/// }
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [GET Bucket referer](https://cloud.tencent.com/document/product/436/32493)
#[doc(alias = "GET Bucket referer")]
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct GetBucketReferer {
    _private: (),
}

/// Lets any page show the objects of the bucket again. Nothing to remove is a success.
///
/// COS has no DELETE for it: this is a PUT of nothing, and needs the right to put. It may be repeated freely.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket` or `AccessDenied`.
///
/// # Examples
/// ```no_run
/// use tencent_cos::DeleteBucketReferer;
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// bucket.send(DeleteBucketReferer::new()).await?;
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [PUT Bucket referer](https://cloud.tencent.com/document/product/436/32492)
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct DeleteBucketReferer {
    _private: (),
}

impl DeleteBucketReferer {
    /// Removes it.
    pub fn new() -> Self {
        Self::default()
    }
}

setting::calls! {
    RefererConfiguration;
    PUT PutBucketReferer, "PUT Bucket referer", "name/cos:PutBucketReferer";
    GET GetBucketReferer, "GET Bucket referer", "name/cos:GetBucketReferer";
}

impl Operation for DeleteBucketReferer {
    type Output = Done;
    type Response = Bytes;
    const NAME: &'static str = "PUT Bucket referer";
    const METHOD: Method = Method::PUT;
    const PERMISSIONS: Permissions = Permissions::bucket("name/cos:PutBucketReferer");

    fn request(&self) -> Result<Request> {
        Request::bucket().query("referer", "").header("content-md5", MD5_OF_NOTHING)
    }

    fn safety(&self) -> Safety {
        Safety::SameEffect
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<Done> {
        Ok(Done::told(response.headers()))
    }
}

const MD5_OF_NOTHING: &str = "1B2M2Y8AsgTpgAmY7PhCfg==";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::operation::{as_text, read_response};

    fn answer(status: u16, xml: &'static str) -> Response<Bytes> {
        Response::builder().status(status).header("x-cos-request-id", "NjQ").body(Bytes::from(xml)).unwrap()
    }

    fn read(xml: &'static str) -> RefererConfiguration {
        GetBucketReferer::new().output(&Sent::default(), answer(200, xml)).unwrap().unwrap()
    }

    fn written(configuration: RefererConfiguration) -> String {
        let request = PutBucketReferer::new(configuration).request().unwrap();
        String::from_utf8(request.body_ref().as_bytes().unwrap().to_vec()).unwrap()
    }

    fn example() -> RefererConfiguration {
        RefererConfiguration::new(RefererType::WhiteList, ["*.qq.com", "*.qcloud.com"]).empty_referer(true)
    }

    const GOLDEN: &str = include_str!("../../tests/golden/xml/referer.xml");

    #[test]
    fn request_as_text() {
        assert_eq!(written(example()), GOLDEN.replace('\n', "").replace("    ", ""));
        // The digest is that of the reference's example.
        assert_eq!(
            as_text(&PutBucketReferer::new(example())),
            "PUT /?referer\ncontent-md5: kOz7g54LMJZjxKs070V9jQ==\ncontent-type: application/xml\n[241]"
        );
        let off = RefererConfiguration::new(RefererType::BlackList, ["a.example"]).enabled(false);
        assert_eq!(
            written(off),
            "<RefererConfiguration><Status>Disabled</Status><RefererType>Black-List</RefererType><DomainList><Domain>\
             a.example</Domain></DomainList></RefererConfiguration>"
        );
        assert_eq!(as_text(&GetBucketReferer::new()), "GET /?referer\n[0]");
        let delete = "PUT /?referer\ncontent-md5: 1B2M2Y8AsgTpgAmY7PhCfg==\n[0]";
        assert_eq!(as_text(&DeleteBucketReferer::new()), delete);
    }

    #[test]
    fn output_reads_a_golden_document() {
        assert_eq!(read(GOLDEN), example());
        let put = PutBucketReferer::new(example()).output(&Sent::default(), answer(200, "")).unwrap();
        let delete = DeleteBucketReferer::new().output(&Sent::default(), answer(200, "")).unwrap();
        assert_eq!((put.request_id(), delete.request_id()), ("NjQ", "NjQ"));
    }

    #[test]
    fn a_bucket_without_it_gives_none_however_cos_says_it() {
        let none = "<Error><Code>NoSuchRefererConfiguration</Code></Error>";
        for (status, xml) in [(404, none), (200, "<RefererConfiguration/>")] {
            let found = read_response(&GetBucketReferer::new(), &Sent::default(), answer(status, xml)).unwrap();
            assert_eq!(found, None, "{xml}");
        }
        let missing = answer(404, "<Error><Code>NoSuchBucket</Code></Error>");
        assert!(read_response(&GetBucketReferer::new(), &Sent::default(), missing).unwrap_err().is_not_found());
    }

    #[test]
    fn what_cos_would_refuse_is_refused() {
        let list = |domains: &[&str]| RefererConfiguration::new(RefererType::WhiteList, domains.iter().copied());
        for (configuration, field) in [
            (RefererConfiguration { referer_type: None, ..list(&["a"]) }, "referer_type"),
            (list(&[]), "domains"),
            (list(&["a", ""]), "domains"),
            (list(&["a b"]), "domains"),
            (list(&["a\u{1}"]), "domains"),
            (list(&["a\u{ffff}"]), "referer"),
        ] {
            let error = PutBucketReferer::new(configuration).request().unwrap_err();
            assert_eq!((error.kind(), error.field()), (ErrorKind::Input, Some(field)));
        }
    }

    #[test]
    fn what_is_not_known_is_written_back() {
        let xml = "<RefererConfiguration a=\"1\"><DomainList b=\"2\"><Domain>x</Domain><Domain/><New/></DomainList>\
                   <Status>Paused</Status><RefererType>Grey-List</RefererType><EmptyReferConfiguration>Maybe\
                   </EmptyReferConfiguration><VerifySignatureURL>Enabled</VerifySignatureURL></RefererConfiguration>";
        let found = read(xml);
        let unknown = ["Status", "RefererType", "EmptyReferConfiguration", "VerifySignatureURL", "Domain", "New"];
        assert_eq!(found.unknown().collect::<Vec<_>>(), unknown);
        assert_eq!((found.enabled, found.referer_type, &found.domains[..]), (false, None, &["x".to_owned()][..]));
        assert_eq!(written(found.clone()), xml);
        for changed in [found.clone().enabled(true), found.clone().empty_referer(true)] {
            assert_eq!(PutBucketReferer::new(changed).request().unwrap_err().field(), Some("referer"));
        }
        let other = RefererConfiguration { referer_type: Some(RefererType::BlackList), ..found };
        assert_eq!(PutBucketReferer::new(other).request().unwrap_err().field(), Some("referer"));
    }
}
