//! Back-to-origin rules: the configuration and its three operations; what a rule says has files of its own.

mod headers;
mod host;
mod rule;

pub use self::headers::OriginHeaders;
pub use self::host::OriginHost;
pub use self::rule::{OriginProtocol, OriginRule, OriginType};
use super::setting::{self, Setting};
use crate::error::{Error, Result};
use crate::xml::{Element, Unknown};

/// Where COS gets, or sends visitors for, what a bucket does not have.
///
/// Origins with keys of their own (`PrivateHost`), and all else that this crate does not know in a configuration that
/// was read, are kept and written back with it. `Debug` shows the names of it alone: it may hold keys.
///
/// # Examples
/// ```
/// use tencent_cos::{OriginConfiguration, OriginHost, OriginRule};
///
/// let origins = OriginConfiguration::new([
///     OriginRule::mirror(1, [OriginHost::new("old.example.com")]).prefix("archive/"),
///     OriginRule::redirect(2, 404, "www.example.com").fixed_file("missing.html"),
/// ]);
/// # let _ = origins;
/// ```
///
/// COS reference: [PUT Bucket Origin](https://cloud.tencent.com/document/product/436/34533)
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OriginConfiguration {
    /// The rules.
    pub rules: Vec<OriginRule>,
    unknown: Unknown,
}

impl OriginConfiguration {
    /// With these.
    pub fn new(rules: impl IntoIterator<Item = OriginRule>) -> Self {
        Self { rules: rules.into_iter().collect(), ..Self::default() }
    }

    /// Names of what was read, is not known here or could not be set here, and is written back with it.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        self.unknown.names()
    }
}

impl Setting for OriginConfiguration {
    const PARAMETER: &'static str = "origin";
    const ROOT: &'static str = "OriginConfiguration";
    const UNSET: &'static str = "OriginConfigurationNotFoundError";
    const FIELD: &'static str = "origin";

    fn write(&self) -> Result<Element> {
        if self.rules.is_empty() && !self.unknown.has(RULE) {
            return Err(Error::input("rules", "are none: DELETE Bucket Origin removes all rules"));
        }
        let rules = self.rules.iter().map(OriginRule::write).collect::<Result<Vec<_>>>()?;
        let root = rules.into_iter().fold(Element::new(Self::ROOT), Element::child);
        Ok(root.with_unknown(&self.unknown, &[]).expect("nothing in it is there but once"))
    }

    fn read(mut root: Element) -> Self {
        let mut read = Self { unknown: root.take_unknown(), ..Self::default() };
        for child in root.children {
            match OriginRule::read(&child) {
                Some(rule) if child.name == RULE => read.rules.push(rule),
                _ => read.unknown.push(child),
            }
        }
        read
    }
}

const RULE: &str = "OriginRule";

/// A number as it would be written.
fn whole<T: std::str::FromStr + ToString>(leaf: &Element) -> Option<T> {
    leaf.number().filter(|number: &T| leaf.text() == Some(number.to_string().as_str()))
}

/// Sets where COS gets, or sends visitors for, what the bucket does not have, in place of all that was set before.
///
/// It may be repeated freely.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket` or `AccessDenied`.
/// [`ErrorKind::Input`](crate::ErrorKind::Input) without a rule; for a rule without a status, or with another than 404
/// that does not redirect, or not from 400 to 599 that does; without a host, with more than one, or than ten that are
/// mirrored; for a host that is empty or has a blank or a slash, or for which more than ten stand by; for an empty
/// prefix, suffix or path; for a header without a name, and more than ten that are added; and for a redirect that is
/// not 301, 302 or 307.
///
/// # Examples
/// ```no_run
/// use tencent_cos::{OriginConfiguration, OriginRule, PutBucketOrigin};
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// let rule = OriginRule::redirect(1, 404, "www.example.com");
/// bucket.send(PutBucketOrigin::new(OriginConfiguration::new([rule]))).await?;
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [PUT Bucket Origin](https://cloud.tencent.com/document/product/436/34533)
#[doc(alias = "PUT Bucket Origin")]
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct PutBucketOrigin(OriginConfiguration);

/// Reads where COS gets, or sends visitors for, what the bucket does not have; `None` when that was never set, or was
/// removed.
///
/// Changes nothing and may be repeated freely.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket` or `AccessDenied`.
///
/// # Examples
/// ```no_run
/// use tencent_cos::{GetBucketOrigin, OriginRule, PutBucketOrigin};
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// let mut origins = bucket.send(GetBucketOrigin::new()).await?.unwrap_or_default();
/// origins.rules.push(OriginRule::proxy(9, "old.example.com"));
/// bucket.send(PutBucketOrigin::new(origins)).await?;
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [GET Bucket Origin](https://cloud.tencent.com/document/product/436/82859)
#[doc(alias = "GET Bucket Origin")]
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct GetBucketOrigin {
    _private: (),
}

/// Leaves what the bucket does not have at an error again. Nothing to remove is a success.
///
/// It may be repeated freely.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket` or `AccessDenied`.
///
/// # Examples
/// ```no_run
/// use tencent_cos::DeleteBucketOrigin;
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// bucket.send(DeleteBucketOrigin::new()).await?;
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [DELETE Bucket Origin](https://cloud.tencent.com/document/product/436/82860)
#[doc(alias = "DELETE Bucket Origin")]
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct DeleteBucketOrigin {
    _private: (),
}

setting::calls! {
    OriginConfiguration;
    PUT PutBucketOrigin, "PUT Bucket Origin", "name/cos:PutBucketOrigin";
    GET GetBucketOrigin, "GET Bucket Origin", "name/cos:GetBucketOrigin";
    DELETE DeleteBucketOrigin, "DELETE Bucket Origin", "name/cos:DeleteBucketOrigin";
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Response;

    use super::*;
    use crate::ErrorKind;
    use crate::operation::{Operation, Sent, as_text, read_response};

    fn answer(status: u16, xml: &'static str) -> Response<Bytes> {
        Response::builder().status(status).header("x-cos-request-id", "NjQ").body(Bytes::from(xml)).unwrap()
    }

    fn read(xml: &'static str) -> OriginConfiguration {
        GetBucketOrigin::new().output(&Sent::default(), answer(200, xml)).unwrap().unwrap()
    }

    fn written(configuration: OriginConfiguration) -> String {
        let request = PutBucketOrigin::new(configuration).request().unwrap();
        String::from_utf8(request.body_ref().as_bytes().unwrap().to_vec()).unwrap()
    }

    fn bare(xml: &str) -> String {
        xml.lines().map(str::trim).collect()
    }

    /// The examples of the reference.
    const MIRROR: &str = include_str!("../../../tests/golden/xml/origin_mirror.xml");
    const REDIRECT: &str = include_str!("../../../tests/golden/xml/origin_redirect.xml");

    fn redirect() -> OriginConfiguration {
        let rule = OriginRule::redirect(1, 403, "examplebucket-1250000000.cos.ap-shanghai.myqcloud.com");
        OriginConfiguration::new([rule.http_redirect_code(301)])
    }

    #[test]
    fn request_as_text() {
        assert_eq!(written(redirect()), bare(REDIRECT).replace("<Prefix></Prefix>", ""));
        assert_eq!(
            as_text(&PutBucketOrigin::new(redirect())),
            "PUT /?origin\ncontent-md5: yF4oxmcg1KMxy8z9MF7FtQ==\ncontent-type: application/xml\n[397]"
        );
        let host = OriginHost::new("a.test").weight(8).standby("b.test").standby("1.2.3.4:80");
        let rule = OriginRule::mirror(2, [host, OriginHost::new("c.test")]).prefix("a&b/").suffix(".png");
        let rule = rule.protocol(OriginProtocol::Https).transparent_error_code(true).follow_query_string(false);
        let rule = rule.follow_redirection(true).file_prefix("p/").file_suffix(".s");
        let proxy = OriginRule::proxy(3, "d.test").fixed_file("x.html");
        assert_eq!(
            written(OriginConfiguration::new([rule, proxy])),
            "<OriginConfiguration><OriginRule><RulePriority>2</RulePriority><OriginType>Mirror</OriginType>\
             <OriginCondition><HTTPStatusCode>404</HTTPStatusCode><Prefix>a&amp;b/</Prefix><Suffix>.png</Suffix>\
             </OriginCondition><OriginParameter><Protocol>HTTPS</Protocol>\
             <TransparentErrorCode>true</TransparentErrorCode><FollowQueryString>false</FollowQueryString>\
             <FollowRedirection>true</FollowRedirection></OriginParameter><OriginInfo><HostInfo>\
             <HostName>a.test</HostName><Weight>8</Weight><StandbyHostName_1>b.test</StandbyHostName_1>\
             <StandbyHostName_2>1.2.3.4:80</StandbyHostName_2></HostInfo><HostInfo><HostName>c.test</HostName>\
             </HostInfo><FileInfo><PrefixConfiguration><Prefix>p/</Prefix></PrefixConfiguration>\
             <SuffixConfiguration><Suffix>.s</Suffix></SuffixConfiguration></FileInfo></OriginInfo></OriginRule>\
             <OriginRule><RulePriority>3</RulePriority><OriginType>Proxy</OriginType><OriginCondition>\
             <HTTPStatusCode>404</HTTPStatusCode></OriginCondition><OriginParameter/><OriginInfo><HostInfo>\
             <HostName>d.test</HostName></HostInfo><FileInfo><FixedFileConfiguration>\
             <FixedFilePath>x.html</FixedFilePath></FixedFileConfiguration></FileInfo></OriginInfo></OriginRule>\
             </OriginConfiguration>"
        );
        assert_eq!(as_text(&GetBucketOrigin::new()), "GET /?origin\n[0]");
        assert_eq!(as_text(&DeleteBucketOrigin::new()), "DELETE /?origin\n[0]");
    }

    #[test]
    fn output_reads_golden_documents() {
        assert_eq!(read(REDIRECT), redirect());
        let found = read(MIRROR);
        let rule = &found.rules[0];
        assert_eq!((rule.priority, rule.origin_type, rule.status_code), (1, OriginType::Mirror, Some(404)));
        assert_eq!((rule.protocol, rule.follow_query_string), (Some(OriginProtocol::Http), Some(true)));
        assert_eq!((rule.follow_redirection, rule.http_redirect_code), (Some(true), Some(302)));
        assert_eq!(rule.hosts, [OriginHost::new("examplebucket-1250000000.cos.ap-shanghai.myqcloud.com")]);
        let headers = OriginHeaders::new().follow_all(false).add("x-cos", "exampleHeader").follow("exampleHeaderKey");
        assert_eq!((&rule.http_header, rule.unknown().count()), (&Some(headers), 0));
        assert_eq!(written(found), bare(MIRROR).replace("<Prefix></Prefix>", ""));
        let put = PutBucketOrigin::new(redirect()).output(&Sent::default(), answer(200, "")).unwrap();
        let delete = DeleteBucketOrigin::new().output(&Sent::default(), answer(204, "")).unwrap();
        assert_eq!((put.request_id(), delete.request_id()), ("NjQ", "NjQ"));
    }

    #[test]
    fn a_bucket_without_one_gives_none() {
        let none = "<Error><Code>OriginConfigurationNotFoundError</Code></Error>";
        for (status, xml) in [(404, none), (200, "<OriginConfiguration/>")] {
            let found = read_response(&GetBucketOrigin::new(), &Sent::default(), answer(status, xml)).unwrap();
            assert_eq!(found, None, "{xml}");
        }
        assert!(read_response(&DeleteBucketOrigin::new(), &Sent::default(), answer(404, none)).is_ok());
    }

    #[test]
    fn what_cos_would_refuse_is_refused() {
        let redirect = || OriginRule::redirect(1, 404, "a.test");
        let mirror = |hosts: usize| OriginRule::mirror(1, vec![OriginHost::new("a.test"); hosts]);
        let standing_by = (0..11).fold(OriginHost::new("a.test"), |host, _| host.standby("b.test"));
        let of_status = |mut rule: OriginRule, status_code| {
            rule.status_code = status_code;
            rule
        };
        let mut two = mirror(2);
        two.origin_type = OriginType::Proxy;
        for (rule, field) in [
            (of_status(redirect(), None), "status_code"),
            (of_status(redirect(), Some(302)), "status_code"),
            (of_status(redirect(), Some(600)), "status_code"),
            (of_status(mirror(1), Some(403)), "status_code"),
            (of_status(OriginRule::proxy(1, "a.test"), Some(403)), "status_code"),
            (redirect().http_redirect_code(303), "http_redirect_code"),
            (redirect().prefix(""), "rules"),
            (redirect().fixed_file(""), "rules"),
            (mirror(0), "hosts"),
            (mirror(11), "hosts"),
            (two, "hosts"),
            (OriginRule::mirror(1, [standing_by]), "hosts"),
            (OriginRule::proxy(1, ""), "hosts"),
            (OriginRule::proxy(1, "http://a.test"), "hosts"),
            (OriginRule::mirror(1, [OriginHost::new("a.test").standby("b c")]), "hosts"),
            (redirect().prefix("\u{1}"), "origin"),
        ] {
            let error = PutBucketOrigin::new(OriginConfiguration::new([rule])).request().unwrap_err();
            assert_eq!((error.kind(), error.field()), (ErrorKind::Input, Some(field)), "{error}");
        }
        let none = PutBucketOrigin::new(OriginConfiguration::default()).request().unwrap_err();
        assert_eq!(none.field(), Some("rules"));
        let ten = OriginRule::mirror(1, vec![OriginHost::new("a.test"); 10]);
        assert!(PutBucketOrigin::new(OriginConfiguration::new([ten])).request().is_ok());
    }

    const STRANGE: &str = "<OriginConfiguration a=\"1\"><OriginRule b=\"2\"><RulePriority>1</RulePriority>\
        <OriginType>Mirror</OriginType><OriginCondition c=\"3\"><Prefix>p</Prefix><HTTPStatusCode>4XX</HTTPStatusCode>\
        <FilterHost><ForbidHost/></FilterHost></OriginCondition><OriginParameter><FollowQueryString>true\
        </FollowQueryString><Protocol>QUIC</Protocol><HttpRedirectCode>308</HttpRedirectCode></OriginParameter>\
        <OriginInfo><HostInfo><HostName>a.test</HostName><Weight>-1</Weight><PrivateHost><Host>b.test</Host>\
        <CredentialProvider><SecretKey>hush</SecretKey></CredentialProvider></PrivateHost>\
        <StandbyHostName_2>c.test</StandbyHostName_2></HostInfo><FileInfo><SuffixConfiguration><Suffix>s</Suffix>\
        </SuffixConfiguration><PrefixConfiguration><Prefix>p</Prefix><ReplacedWithPrefix>q</ReplacedWithPrefix>\
        </PrefixConfiguration></FileInfo><HostInfo><Weight>2</Weight></HostInfo></OriginInfo><HTTPStandbyCode>\
        <StatusCode>403</StatusCode></HTTPStandbyCode></OriginRule><OriginRule><RulePriority>1</RulePriority>\
        <OriginType>Teleport</OriginType></OriginRule><Other/></OriginConfiguration>";

    #[test]
    fn what_is_not_known_is_written_back_and_not_printed() {
        let found = read(STRANGE);
        assert_eq!(found.unknown().collect::<Vec<_>>(), ["OriginRule", "Other"]);
        let rule = &found.rules[0];
        let unknown = [
            "HTTPStandbyCode",
            "HTTPStatusCode",
            "FilterHost",
            "Protocol",
            "HttpRedirectCode",
            "HostInfo",
            "PrefixConfiguration",
        ];
        assert_eq!(rule.unknown().collect::<Vec<_>>(), unknown);
        let of_host = ["Weight", "PrivateHost", "StandbyHostName_2"];
        assert_eq!(rule.hosts[0].unknown().collect::<Vec<_>>(), of_host);
        assert_eq!((rule.prefix.as_deref(), rule.file_suffix.as_deref()), (Some("p"), Some("s")));
        assert!(!format!("{found:?}").contains("hush"), "{found:?}");
        assert_eq!(written(found.clone()), STRANGE);
        let changed = |change: fn(&mut OriginRule)| {
            let mut all = found.clone();
            change(&mut all.rules[0]);
            PutBucketOrigin::new(all).request().unwrap_err().field()
        };
        assert_eq!(changed(|rule| rule.status_code = Some(404)), Some("origin"));
        assert_eq!(changed(|rule| rule.protocol = Some(OriginProtocol::Http)), Some("origin"));
        assert_eq!(changed(|rule| rule.file_prefix = Some("x".to_owned())), Some("origin"));
        assert_eq!(changed(|rule| rule.hosts[0].weight = Some(1)), Some("hosts"));
        assert_eq!(changed(|rule| rule.hosts[0].standby = vec!["d.test".to_owned(); 2]), Some("hosts"));
    }

    #[test]
    fn headers_that_are_not_known_are_written_back_and_values_are_not_printed() {
        let xml = "<OriginConfiguration><OriginRule><RulePriority>1</RulePriority><OriginType>Proxy</OriginType>\
                   <OriginCondition><HTTPStatusCode>404</HTTPStatusCode></OriginCondition><OriginParameter>\
                   <HttpHeader a=\"1\"><FollowAllHeaders>true</FollowAllHeaders><NewHttpHeaders><Header><Key>token</Key>\
                   <Value>hush</Value></Header><Header><Key>bare</Key></Header></NewHttpHeaders><FollowHttpHeaders b=\"2\">\
                   <Header><Key>k</Key><Value>v</Value></Header></FollowHttpHeaders><ForbidFollowHeaders><Header>\
                   <Key>cookie</Key></Header><New/></ForbidFollowHeaders><ForbidFollowHttpHeaders><Header><Key>x</Key>\
                   </Header></ForbidFollowHttpHeaders></HttpHeader></OriginParameter><OriginInfo><HostInfo>\
                   <HostName>a.test</HostName></HostInfo></OriginInfo></OriginRule></OriginConfiguration>";
        let found = read(xml);
        let headers = found.rules[0].http_header.clone().unwrap();
        assert_eq!(headers.unknown().collect::<Vec<_>>(), ["ForbidFollowHttpHeaders", "Header", "Header", "New"]);
        assert_eq!(
            (headers.follow_all, headers.new.len(), &headers.forbid[..]),
            (Some(true), 1, &["cookie".to_owned()][..])
        );
        assert!(!format!("{found:?}{headers:#?}").contains("hush"));
        assert_eq!(written(found), xml);
        for wrong in [
            OriginHeaders::new().add("", "v"),
            OriginHeaders::new().add("a", "v\r\nb: w"),
            OriginHeaders::new().add("a\nb", "v"),
            OriginHeaders::new().follow(""),
            OriginHeaders::new().forbid("a b"),
        ] {
            let rule = OriginRule::proxy(1, "a.test").http_header(wrong);
            let error = PutBucketOrigin::new(OriginConfiguration::new([rule])).request().unwrap_err();
            assert_eq!(error.field(), Some("http_header"));
        }
        let many = (0..11).fold(OriginHeaders::new(), |headers, number| headers.add(number.to_string(), "v"));
        let rule = OriginRule::proxy(1, "a.test").http_header(many);
        let error = PutBucketOrigin::new(OriginConfiguration::new([rule])).request().unwrap_err();
        assert_eq!(error.field(), Some("http_header"));
    }

    #[test]
    fn a_status_that_does_not_fit_the_rule_is_not_known() {
        for (kind, status, known) in
            [("Mirror", "404", true), ("Mirror", "403", false), ("Proxy", "500", false), ("Redirect", "500", true)]
        {
            let xml = format!(
                "<OriginConfiguration><OriginRule><RulePriority>1</RulePriority><OriginType>{kind}</OriginType>\
                 <OriginCondition><HTTPStatusCode>{status}</HTTPStatusCode></OriginCondition><OriginParameter/>\
                 <OriginInfo><HostInfo><HostName>a.test</HostName></HostInfo></OriginInfo></OriginRule>\
                 </OriginConfiguration>"
            );
            let answer = Response::new(Bytes::from(xml.clone()));
            let found = GetBucketOrigin::new().output(&Sent::default(), answer).unwrap().unwrap();
            assert_eq!(found.rules[0].status_code.is_some(), known, "{kind} {status}");
            assert_eq!(written(found), xml);
        }
    }

    #[test]
    fn a_part_that_is_there_twice_is_kept_twice() {
        let xml = "<OriginConfiguration><OriginRule><RulePriority>1</RulePriority><OriginType>Proxy</OriginType>\
                   <OriginParameter><A/></OriginParameter><OriginInfo><HostInfo><HostName>a.test</HostName></HostInfo>\
                   <FileInfo/><FileInfo/></OriginInfo><OriginCondition><Prefix>a</Prefix></OriginCondition>\
                   <OriginCondition><Prefix>b</Prefix></OriginCondition></OriginRule></OriginConfiguration>";
        let found = read(xml);
        assert_eq!(found.rules[0].unknown().count(), 5);
        assert_eq!(written(found), xml);
    }
}
