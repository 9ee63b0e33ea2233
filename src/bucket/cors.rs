use std::time::Duration;

use http::{HeaderName, Method};

use super::setting::{self, Setting};
use crate::error::{Error, Result};
use crate::xml::{Element, Unknown};

/// Which web pages may use a bucket, and how (cross-origin resource sharing).
///
/// A browser asks COS before it lets a page of another origin send most requests, and COS answers by the first rule
/// that fits. Without a configuration no page may do anything. What this crate does not know in a configuration that
/// was read is kept and written back with it.
///
/// # Examples
/// ```
/// use std::time::Duration;
///
/// use http::Method;
/// use tencent_cos::{CorsConfiguration, CorsRule};
///
/// let uploads = CorsRule::new("https://app.example.com", [Method::PUT, Method::POST])
///     .allowed_header("*")
///     .expose_header("ETag")
///     .max_age(Duration::from_secs(600));
/// let configuration = CorsConfiguration::new([uploads]).response_vary(true);
/// # let _ = configuration;
/// ```
///
/// COS reference: [PUT Bucket cors](https://cloud.tencent.com/document/product/436/8279)
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CorsConfiguration {
    /// The rules; the first that fits is taken.
    pub rules: Vec<CorsRule>,
    /// Whether every answer has `Vary: Origin` (`ResponseVary`): so that caches do not hand the answer for one origin,
    /// or for none, to another. COS takes no value as no.
    pub response_vary: Option<bool>,
    unknown: Unknown,
}

/// One rule of a [`CorsConfiguration`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CorsRule {
    /// A name for people.
    pub id: Option<String>,
    /// Origins as browsers send them, scheme, host and port without a path. One `*` in each stands for anything.
    pub allowed_origins: Vec<String>,
    /// Methods of requests.
    pub allowed_methods: Vec<Method>,
    /// Headers of requests; `*` stands for all.
    pub allowed_headers: Vec<String>,
    /// Headers of answers that pages may read.
    pub expose_headers: Vec<String>,
    /// For how long a browser may go by what it was told.
    pub max_age: Option<Duration>,
    unknown: Unknown,
}

impl CorsConfiguration {
    /// The most rules.
    pub const MAX_RULES: usize = 100;
    /// The longest document, in bytes.
    pub const MAX_BYTES: usize = 64 * 1024;

    /// These rules.
    pub fn new(rules: impl IntoIterator<Item = CorsRule>) -> Self {
        Self { rules: rules.into_iter().collect(), ..Self::default() }
    }

    /// `ResponseVary`.
    #[must_use]
    pub fn response_vary(mut self, vary: bool) -> Self {
        self.response_vary = Some(vary);
        self
    }

    /// Names of what was read beside the rules, is not known here or could not be set here, and is written back with
    /// them.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        self.unknown.names()
    }
}

impl Setting for CorsConfiguration {
    const PARAMETER: &'static str = "cors";
    const ROOT: &'static str = "CORSConfiguration";
    const UNSET: &'static str = "NoSuchCORSConfiguration";
    const FIELD: &'static str = "rules";
    const LONGEST: usize = Self::MAX_BYTES;

    fn write(&self) -> Result<Element> {
        if !(1..=Self::MAX_RULES).contains(&self.rules.len()) {
            return Err(Error::input("rules", "are not from 1 to 100"));
        }
        let mut root = Element::new(Self::ROOT);
        for rule in &self.rules {
            root = root.child(rule.write()?);
        }
        let root = root.leaf_opt("ResponseVary", self.response_vary.map(|vary| vary.to_string()));
        root.with_unknown(&self.unknown, &["ResponseVary"])
            .ok_or_else(|| Error::input("response_vary", "is there already, with a value that is not known"))
    }

    fn read(mut root: Element) -> Self {
        let mut configuration = Self { unknown: root.take_unknown(), ..Self::default() };
        let repeated = !root.repeated(&["ResponseVary"]).is_empty();
        for child in root.children {
            match child.name.as_str() {
                "CORSRule" => configuration.rules.push(CorsRule::read(child)),
                "ResponseVary" if !repeated && child.flag().is_some() => configuration.response_vary = child.flag(),
                _ => configuration.unknown.push(child),
            }
        }
        configuration
    }
}

impl CorsRule {
    /// Allows these methods to an origin.
    pub fn new(origin: impl Into<String>, methods: impl IntoIterator<Item = Method>) -> Self {
        let allowed_methods = methods.into_iter().collect();
        Self { allowed_origins: vec![origin.into()], allowed_methods, ..Self::default() }
    }

    /// `ID`.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// One more `AllowedOrigin`.
    #[must_use]
    pub fn allowed_origin(mut self, origin: impl Into<String>) -> Self {
        self.allowed_origins.push(origin.into());
        self
    }

    /// One more `AllowedHeader`.
    #[must_use]
    pub fn allowed_header(mut self, name: impl Into<String>) -> Self {
        self.allowed_headers.push(name.into());
        self
    }

    /// One more `ExposeHeader`; COS takes no `*` here.
    #[must_use]
    pub fn expose_header(mut self, name: impl Into<String>) -> Self {
        self.expose_headers.push(name.into());
        self
    }

    /// `MaxAgeSeconds`, in whole seconds.
    #[must_use]
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }

    /// Names of what was read in the rule, is not known here or could not be set here, and is written back with it.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        self.unknown.names()
    }

    fn read(mut element: Element) -> Self {
        let mut rule = Self { unknown: element.take_unknown(), ..Self::default() };
        let repeated = element.repeated(&ONCE);
        for child in element.children {
            if repeated.contains(&child.name.as_str()) || !rule.take(&child) {
                rule.unknown.push(child);
            }
        }
        rule
    }

    /// Whether it is known what this is, and would be written.
    fn take(&mut self, child: &Element) -> bool {
        let Some(text) = child.text() else { return false };
        match child.name.as_str() {
            "ID" => self.id = Some(text.to_owned()).filter(|id| !id.is_empty()),
            "AllowedOrigin" if is_origin(text) => self.allowed_origins.push(text.to_owned()),
            "AllowedMethod" => match METHODS.iter().find(|method| method.as_str() == text) {
                Some(method) => self.allowed_methods.push(method.clone()),
                None => return false,
            },
            "AllowedHeader" if is_header(text) => self.allowed_headers.push(text.to_owned()),
            "ExposeHeader" if is_header(text) && !text.contains('*') => self.expose_headers.push(text.to_owned()),
            "MaxAgeSeconds" => match child.number().map(Duration::from_secs) {
                Some(age) if is_age(age) => self.max_age = Some(age),
                _ => return false,
            },
            _ => return false,
        }
        true
    }

    fn write(&self) -> Result<Element> {
        if self.id.as_deref() == Some("") {
            return Err(Error::input("id", "is empty"));
        }
        let none = |name, there: bool| !there && !self.unknown.has(name);
        if none("AllowedOrigin", !self.allowed_origins.is_empty())
            || none("AllowedMethod", !self.allowed_methods.is_empty())
        {
            return Err(Error::input("rules", "have one without an origin or a method"));
        }
        if !self.allowed_origins.iter().all(|origin| is_origin(origin)) {
            return Err(Error::input("allowed_origins", "have one that is empty, or has a blank or more than one *"));
        }
        if !self.allowed_methods.iter().all(|method| METHODS.contains(method)) {
            return Err(Error::input("allowed_methods", "have one that is not GET, PUT, POST, DELETE or HEAD"));
        }
        if !self.allowed_headers.iter().all(|name| is_header(name)) {
            return Err(Error::input("allowed_headers", "have one that is no name of a header"));
        }
        if !self.expose_headers.iter().all(|name| is_header(name) && !name.contains('*')) {
            return Err(Error::input("expose_headers", "have one that is no name of a header or has a *"));
        }
        if self.max_age.is_some_and(|age| !is_age(age)) {
            return Err(Error::input("max_age", "is not whole seconds, 2147483647 at most"));
        }
        let mut element = Element::new("CORSRule").leaf_opt("ID", self.id.as_deref());
        for origin in &self.allowed_origins {
            element = element.leaf("AllowedOrigin", origin);
        }
        for method in &self.allowed_methods {
            element = element.leaf("AllowedMethod", method.as_str());
        }
        for name in &self.allowed_headers {
            element = element.leaf("AllowedHeader", name);
        }
        for name in &self.expose_headers {
            element = element.leaf("ExposeHeader", name);
        }
        element = element.leaf_opt("MaxAgeSeconds", self.max_age.map(|age| age.as_secs().to_string()));
        element
            .with_unknown(&self.unknown, &ONCE)
            .ok_or_else(|| Error::input("rules", "have one with an id or age beside another that is not known"))
    }
}

/// What is in a rule once at most.
const ONCE: [&str; 2] = ["ID", "MaxAgeSeconds"];

const METHODS: [Method; 5] = [Method::GET, Method::PUT, Method::POST, Method::DELETE, Method::HEAD];

fn is_origin(text: &str) -> bool {
    !text.is_empty() && text.matches('*').count() <= 1 && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

/// A `*` may be in it.
fn is_header(text: &str) -> bool {
    HeaderName::from_bytes(text.as_bytes()).is_ok()
}

fn is_age(age: Duration) -> bool {
    age.subsec_nanos() == 0 && i32::try_from(age.as_secs()).is_ok()
}

/// Sets which web pages may use the bucket, in place of what was set before.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket` or `AccessDenied`.
/// [`ErrorKind::Input`](crate::ErrorKind::Input) for none or over 100 rules, a document over 64 KiB, a rule without an
/// origin or a method, a blank or a second `*` in an origin, what is no name of a header, a `*` among the exposed
/// headers, or another method than GET, PUT, POST, DELETE and HEAD.
///
/// # Examples
/// ```no_run
/// use http::Method;
/// use tencent_cos::{CorsConfiguration, CorsRule, PutBucketCors};
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// let rule = CorsRule::new("https://app.example.com", [Method::GET]);
/// bucket.send(PutBucketCors::new(CorsConfiguration::new([rule]))).await?;
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [PUT Bucket cors](https://cloud.tencent.com/document/product/436/8279)
#[doc(alias = "PUT Bucket cors")]
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct PutBucketCors(CorsConfiguration);

/// Reads which web pages may use the bucket; `None` when that was never set, or was removed.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket` or `AccessDenied`.
///
/// # Examples
/// ```no_run
/// use tencent_cos::{CorsRule, GetBucketCors, PutBucketCors};
/// use http::Method;
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// let mut cors = bucket.send(GetBucketCors::new()).await?.unwrap_or_default();
/// cors.rules.push(CorsRule::new("https://new.example.com", [Method::GET]));
/// bucket.send(PutBucketCors::new(cors)).await?;
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [GET Bucket cors](https://cloud.tencent.com/document/product/436/8274)
#[doc(alias = "GET Bucket cors")]
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct GetBucketCors {
    _private: (),
}

/// Lets no web page use the bucket any more. Nothing to remove is a success.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket` or `AccessDenied`.
///
/// # Examples
/// ```no_run
/// use tencent_cos::DeleteBucketCors;
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// bucket.send(DeleteBucketCors::new()).await?;
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [DELETE Bucket cors](https://cloud.tencent.com/document/product/436/8283)
#[doc(alias = "DELETE Bucket cors")]
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct DeleteBucketCors {
    _private: (),
}

setting::calls! {
    CorsConfiguration;
    PUT PutBucketCors, "PUT Bucket cors", "name/cos:PutBucketCORS";
    GET GetBucketCors, "GET Bucket cors", "name/cos:GetBucketCORS";
    DELETE DeleteBucketCors, "DELETE Bucket cors", "name/cos:DeleteBucketCORS";
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Response;

    use super::*;
    use crate::operation::{Operation, Sent, as_text, read_response};

    fn rule() -> CorsRule {
        CorsRule::new("https://a.example", [Method::GET])
    }

    fn refused(rule: CorsRule) -> Option<&'static str> {
        PutBucketCors::new(CorsConfiguration::new([rule])).request().unwrap_err().field()
    }

    fn read(xml: impl Into<Bytes>) -> CorsConfiguration {
        GetBucketCors::new().output(&Sent::default(), Response::new(xml.into())).unwrap().unwrap()
    }

    fn written(configuration: CorsConfiguration) -> String {
        let request = PutBucketCors::new(configuration).request().unwrap();
        String::from_utf8(request.body_ref().as_bytes().unwrap().to_vec()).unwrap()
    }

    #[test]
    fn request_as_text() {
        let rule = CorsRule::new("https://*.a.example", [Method::PUT, Method::POST])
            .id("a & b")
            .allowed_origin("http://127.0.0.1:8000")
            .allowed_header("*")
            .expose_header("ETag")
            .max_age(Duration::from_secs(600));
        let put = PutBucketCors::new(CorsConfiguration::new([rule]).response_vary(true));
        assert_eq!(
            as_text(&put),
            "PUT /?cors\ncontent-md5: iluVMsGJ5w4gytPTX5BWQg==\ncontent-type: application/xml\n[381]"
        );
        assert_eq!(
            written(put.0),
            "<CORSConfiguration><CORSRule><ID>a &amp; b</ID><AllowedOrigin>https://*.a.example</AllowedOrigin>\
             <AllowedOrigin>http://127.0.0.1:8000</AllowedOrigin><AllowedMethod>PUT</AllowedMethod><AllowedMethod>POST\
             </AllowedMethod><AllowedHeader>*</AllowedHeader><ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>600\
             </MaxAgeSeconds></CORSRule><ResponseVary>true</ResponseVary></CORSConfiguration>"
        );
        assert_eq!(as_text(&GetBucketCors::new()), "GET /?cors\n[0]");
        assert_eq!(as_text(&DeleteBucketCors::new()), "DELETE /?cors\n[0]");
    }

    #[test]
    fn output_reads_a_golden_document() {
        let configuration = read(include_str!("../../tests/golden/xml/cors.xml"));
        let rule = CorsRule::new("http://www.qq.com", [Method::PUT])
            .id("1234")
            .allowed_header("x-cos-meta-test")
            .expose_header("x-cos-meta-test1")
            .max_age(Duration::from_secs(500));
        assert_eq!(configuration, CorsConfiguration::new([rule]));
        let golden = include_str!("../../tests/golden/xml/cors.xml");
        for (text, vary) in [("true", Some(true)), ("false", Some(false)), ("perhaps", None)] {
            let end = format!("<ResponseVary>{text}</ResponseVary></CORSConfiguration>");
            assert_eq!(read(golden.replace("</CORSConfiguration>", &end)).response_vary, vary);
        }
        assert!(GetBucketCors::new().output(&Sent::default(), Response::new("<Other/>".into())).is_err());
    }

    #[test]
    fn no_configuration_is_none_and_no_bucket_an_error() {
        let answer = |code: &str| {
            let xml = format!("<Error><Code>{code}</Code></Error>");
            Response::builder().status(404).header("x-cos-request-id", "NjQ").body(Bytes::from(xml)).unwrap()
        };
        let get = |code| read_response(&GetBucketCors::new(), &Sent::default(), answer(code));
        assert_eq!(get("NoSuchCORSConfiguration").unwrap(), None);
        assert_eq!(get("NoSuchBucket").unwrap_err().code(), Some("NoSuchBucket"));
        let delete = |code| read_response(&DeleteBucketCors::new(), &Sent::default(), answer(code));
        assert!(delete("NoSuchCORSConfiguration").is_ok() && delete("NoSuchBucket").is_err());
    }

    #[test]
    fn what_is_not_known_is_written_back() {
        let xml = "<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod>\
                   <MaxAgeSeconds>ever</MaxAgeSeconds><New a=\"1\"><Deep>x</Deep></New></CORSRule><ResponseVary>maybe\
                   </ResponseVary><Newer/></CORSConfiguration>";
        let mut configuration = read(xml);
        assert_eq!(configuration.unknown().collect::<Vec<_>>(), ["ResponseVary", "Newer"]);
        assert_eq!(configuration.rules[0].unknown().collect::<Vec<_>>(), ["MaxAgeSeconds", "New"]);
        assert_eq!(written(configuration.clone()), xml);
        configuration.rules[0].max_age = Some(Duration::ZERO);
        assert_eq!(PutBucketCors::new(configuration).request().unwrap_err().field(), Some("rules"));
        let vary = PutBucketCors::new(read(xml).response_vary(true));
        assert_eq!(vary.request().unwrap_err().field(), Some("response_vary"));
    }

    #[test]
    fn what_could_not_be_set_here_is_written_back_as_it_is() {
        let xml = "<CORSConfiguration version=\"2\"><CORSRule at=\"1\"><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET\
                   </AllowedMethod><AllowedOrigin>*.*</AllowedOrigin><AllowedMethod>PATCH</AllowedMethod><AllowedHeader/>\
                   <ExposeHeader/><ExposeHeader>*</ExposeHeader><MaxAgeSeconds>99999999999</MaxAgeSeconds><ID>a</ID>\
                   <ID>b</ID></CORSRule><ResponseVary>true</ResponseVary><ResponseVary>false</ResponseVary>\
                   </CORSConfiguration>";
        let configuration = read(xml);
        let rule = CorsRule { unknown: configuration.rules[0].unknown.clone(), ..CorsRule::new("*", [Method::GET]) };
        assert_eq!((&configuration.rules[0], configuration.response_vary), (&rule, None));
        assert_eq!(rule.unknown().count(), 8);
        assert_eq!(written(configuration), xml);
        let strange = xml.replacen("GET", "OPTIONS", 1).replacen(">*<", "><", 1);
        assert!(written(read(strange)).contains("<AllowedMethod>OPTIONS</AllowedMethod>"));
    }

    #[test]
    fn what_cos_would_refuse_is_refused() {
        let count = |count| PutBucketCors::new(CorsConfiguration::new(vec![rule(); count])).request();
        assert_eq!(count(0).unwrap_err().field(), Some("rules"));
        assert!(count(100).is_ok());
        assert_eq!(count(101).unwrap_err().field(), Some("rules"));
        assert_eq!(refused(CorsRule::new("*", [])), Some("rules"));
        for origin in ["", "https://*.*.example", "https://a.example ", "https://a.example\n"] {
            assert_eq!(refused(rule().allowed_origin(origin)), Some("allowed_origins"));
        }
        assert_eq!(refused(CorsRule::new("*", [Method::PATCH])), Some("allowed_methods"));
        for name in ["", "a, b", "a\n", "ä"] {
            assert_eq!(refused(rule().allowed_header(name)), Some("allowed_headers"));
            assert_eq!(refused(rule().expose_header(name)), Some("expose_headers"));
        }
        assert_eq!(refused(rule().expose_header("x-cos-*")), Some("expose_headers"));
        assert_eq!(refused(rule().max_age(Duration::from_millis(1))), Some("max_age"));
        assert_eq!(refused(rule().id("")), Some("id"));
        assert_eq!(refused(rule().id("\r")), Some("rules"));
        assert_eq!(refused(rule().id("x".repeat(65_536))), Some("rules"));
    }
}
