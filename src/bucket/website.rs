use super::setting::{self, Setting, sift};
use crate::error::{Error, Result};
use crate::xml::{self, Element, Unknown};

/// How a bucket is shown as a static website.
///
/// The site is at `https://BUCKET-APPID.cos-website.REGION.myqcloud.com`, for everybody, and shows what everybody may
/// read: see [`Acl`](crate::Acl). What this crate does not know in a configuration that was read is kept and written
/// back with it.
///
/// # Examples
/// ```
/// use tencent_cos::{RoutingRule, WebsiteConfiguration};
///
/// let website = WebsiteConfiguration::new("index.html")
///     .error_document("pages/error.html")
///     .https_only(true)
///     .routing_rule(RoutingRule::replace_prefix("docs/", "documents/"))
///     .routing_rule(RoutingRule::on_error(404, "pages/404.html"));
/// # let _ = website;
/// ```
///
/// COS reference: [PUT Bucket website](https://cloud.tencent.com/document/product/436/31930)
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WebsiteConfiguration {
    /// What is shown of a directory, by its name in it: with `index.html`, `article/` shows `article/index.html`.
    pub index_document: String,
    /// The key of the object that is shown when there is an error and no rule for it.
    pub error_document: Option<String>,
    /// Whether the error document has the status of the error, not 200 (`OriginalHttpStatus`). COS takes no value as
    /// yes.
    pub original_http_status: Option<bool>,
    /// Whether visitors over http are sent to https (`RedirectAllRequestsTo`).
    pub https_only: bool,
    /// Whether `a` shows `a.html` (`AutoAddressing`). COS takes no value as no.
    pub ignore_html_extension: Option<bool>,
    /// Where visitors are sent.
    pub routing_rules: Vec<RoutingRule>,
    unknown: Parts,
}

/// What is not known of the configuration and of each of its parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Parts {
    root: Unknown,
    index: Unknown,
    error: Unknown,
    redirect_all: Unknown,
    auto: Unknown,
    rules: Unknown,
}

/// One rule of a [`WebsiteConfiguration`]: for an error or the beginning of a key, where visitors are sent.
///
/// It is for one of the two, and replaces either the whole key or its beginning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RoutingRule {
    /// The status of the error that it is for, from 400 to 499.
    pub error_code: Option<u16>,
    /// What the keys begin with that it is for.
    pub key_prefix: Option<String>,
    /// What takes the place of the whole key.
    pub replace_key_with: Option<String>,
    /// What takes the place of the beginning; with [`key_prefix`](Self::key_prefix) only.
    pub replace_key_prefix_with: Option<String>,
    /// Whether visitors are sent to https, not to what they came by (`Protocol`).
    pub https: bool,
    /// Of the rule, of its condition, of its redirect.
    unknown: [Unknown; 3],
}

impl WebsiteConfiguration {
    /// The most routing rules.
    pub const MAX_RULES: usize = 100;
    /// The longest document, in bytes.
    pub const MAX_BYTES: usize = 64 * 1024;

    /// With this index document.
    pub fn new(index_document: impl Into<String>) -> Self {
        Self { index_document: index_document.into(), ..Self::default() }
    }

    /// `ErrorDocument`, by its key.
    #[must_use]
    pub fn error_document(mut self, key: impl Into<String>) -> Self {
        self.error_document = Some(key.into());
        self
    }

    /// `OriginalHttpStatus`, for [`error_document`](Self::error_document).
    #[must_use]
    pub fn original_http_status(mut self, original: bool) -> Self {
        self.original_http_status = Some(original);
        self
    }

    /// `RedirectAllRequestsTo`.
    #[must_use]
    pub fn https_only(mut self, only: bool) -> Self {
        self.https_only = only;
        self
    }

    /// `AutoAddressing`.
    #[must_use]
    pub fn ignore_html_extension(mut self, ignore: bool) -> Self {
        self.ignore_html_extension = Some(ignore);
        self
    }

    /// One more `RoutingRule`.
    #[must_use]
    pub fn routing_rule(mut self, rule: RoutingRule) -> Self {
        self.routing_rules.push(rule);
        self
    }

    /// Names of what was read, is not known here or could not be set here, and is written back with it.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        let Parts { root, index, error, redirect_all, auto, rules } = &self.unknown;
        [root, index, error, redirect_all, auto, rules].into_iter().flat_map(Unknown::names)
    }

    /// Whether it is known what this part says, if not all of it.
    fn take(&mut self, part: &Element) -> bool {
        match part.name.as_str() {
            INDEX => {
                let known = |_: &str, leaf: &Element| filled(leaf).is_some();
                let (unknown, [Some(suffix)]) = sift(part, ["Suffix"], known) else { return false };
                self.unknown.index = unknown;
                self.index_document = filled(&suffix).unwrap_or_default();
                true
            }
            ERROR => {
                let known = |name: &str, leaf: &Element| match name {
                    "Key" => filled(leaf).is_some(),
                    _ => leaf.enabled().is_some(),
                };
                let (unknown, [Some(key), original]) = sift(part, ["Key", ORIGINAL], known) else { return false };
                self.unknown.error = unknown;
                self.error_document = filled(&key);
                self.original_http_status = original.and_then(|original| original.enabled());
                true
            }
            REDIRECT_ALL => {
                let known = |_: &str, leaf: &Element| leaf.text() == Some(HTTPS);
                let (unknown, [Some(_)]) = sift(part, ["Protocol"], known) else { return false };
                self.unknown.redirect_all = unknown;
                self.https_only = true;
                true
            }
            AUTO => {
                let known = |_: &str, leaf: &Element| leaf.enabled().is_some();
                let (unknown, [Some(status)]) = sift(part, ["Status"], known) else { return false };
                self.unknown.auto = unknown;
                self.ignore_html_extension = status.enabled();
                true
            }
            RULES if part.has(RULE) => {
                let mut rules = part.clone();
                self.unknown.rules = rules.take_unknown();
                for child in rules.children {
                    if child.name == RULE {
                        self.routing_rules.push(RoutingRule::read(child));
                    } else {
                        self.unknown.rules.push(child);
                    }
                }
                true
            }
            _ => false,
        }
    }

    fn document(&self, rules: Vec<Element>) -> Option<Element> {
        let mut root = Element::new(Self::ROOT);
        if !self.index_document.is_empty() {
            let index = Element::new(INDEX).leaf("Suffix", self.index_document.as_str());
            root = root.child(index.with_unknown(&self.unknown.index, &["Suffix"])?);
        }
        if self.https_only {
            let all = Element::new(REDIRECT_ALL).leaf("Protocol", HTTPS);
            root = root.child(all.with_unknown(&self.unknown.redirect_all, &["Protocol"])?);
        }
        if let Some(ignore) = self.ignore_html_extension {
            let auto = Element::new(AUTO).leaf("Status", xml::status(ignore));
            root = root.child(auto.with_unknown(&self.unknown.auto, &["Status"])?);
        }
        if let Some(key) = &self.error_document {
            let error = Element::new(ERROR).leaf("Key", key.as_str());
            let error = error.leaf_opt(ORIGINAL, self.original_http_status.map(xml::status));
            root = root.child(error.with_unknown(&self.unknown.error, &["Key", ORIGINAL])?);
        }
        if !rules.is_empty() {
            let rules = rules.into_iter().fold(Element::new(RULES), Element::child);
            root = root.child(rules.with_unknown(&self.unknown.rules, &[])?);
        }
        root.with_unknown(&self.unknown.root, &PARTS)
    }
}

impl Setting for WebsiteConfiguration {
    const PARAMETER: &'static str = "website";
    const ROOT: &'static str = "WebsiteConfiguration";
    const UNSET: &'static str = "NoSuchWebsiteConfiguration";
    const FIELD: &'static str = "website";
    const LONGEST: usize = Self::MAX_BYTES;

    fn write(&self) -> Result<Element> {
        if self.index_document.is_empty() && !self.unknown.root.has(INDEX) {
            return Err(Error::input("index_document", "is empty"));
        }
        if self.error_document.as_deref() == Some("") {
            return Err(Error::input("error_document", "is empty"));
        }
        if self.error_document.is_none() && self.original_http_status.is_some() {
            return Err(Error::input("original_http_status", "is for an error document, and there is none"));
        }
        if self.routing_rules.len() > Self::MAX_RULES {
            return Err(Error::input("routing_rules", "are over 100"));
        }
        let rules = self.routing_rules.iter().map(RoutingRule::write).collect::<Result<Vec<_>>>()?;
        self.document(rules)
            .ok_or_else(|| Error::input("website", "has a part twice, once with a value that is not known"))
    }

    fn read(mut root: Element) -> Self {
        let mut read = Self { unknown: Parts { root: root.take_unknown(), ..Parts::default() }, ..Self::default() };
        let repeated = root.repeated(&PARTS);
        for part in root.children {
            let strange = repeated.contains(&part.name.as_str()) || !read.take(&part);
            if strange {
                read.unknown.root.push(part);
            }
        }
        read
    }
}

impl RoutingRule {
    /// For an error with this status, from 400 to 499: to the object of this key, if there is one.
    pub fn on_error(status: u16, key: impl Into<String>) -> Self {
        Self { error_code: Some(status), replace_key_with: Some(key.into()), ..Self::default() }
    }

    /// For keys that begin with `prefix`: to the object of this key.
    pub fn on_prefix(prefix: impl Into<String>, key: impl Into<String>) -> Self {
        Self { key_prefix: Some(prefix.into()), replace_key_with: Some(key.into()), ..Self::default() }
    }

    /// For keys that begin with `prefix`: to the key with this other beginning.
    pub fn replace_prefix(prefix: impl Into<String>, other: impl Into<String>) -> Self {
        Self { key_prefix: Some(prefix.into()), replace_key_prefix_with: Some(other.into()), ..Self::default() }
    }

    /// `Protocol`: whether to https.
    #[must_use]
    pub fn https(mut self, https: bool) -> Self {
        self.https = https;
        self
    }

    /// Names of what was read in the rule, is not known here or could not be set here, and is written back with it.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        self.unknown.iter().flat_map(Unknown::names)
    }

    fn read(mut element: Element) -> Self {
        let mut rule =
            Self { unknown: [element.take_unknown(), Unknown::default(), Unknown::default()], ..Self::default() };
        let repeated = element.repeated(&[CONDITION, REDIRECT]);
        // What a redirect may be depends on the condition.
        element.children.sort_by_key(|part| part.name == REDIRECT);
        for part in element.children {
            let known = match part.name.as_str() {
                name if repeated.contains(&name) => false,
                CONDITION => rule.take_condition(&part),
                REDIRECT => rule.take_redirect(&part),
                _ => false,
            };
            if !known {
                rule.unknown[0].push(part);
            }
        }
        rule
    }

    fn take_condition(&mut self, part: &Element) -> bool {
        let known = |name: &str, leaf: &Element| match name {
            PREFIX => filled(leaf).is_some(),
            _ => status(leaf).is_some(),
        };
        let (unknown, [code, prefix]) = sift(part, [CODE, PREFIX], known);
        if code.is_some() == prefix.is_some() {
            return false;
        }
        self.unknown[1] = unknown;
        self.error_code = code.as_ref().and_then(status);
        self.key_prefix = prefix.as_ref().and_then(filled);
        true
    }

    fn take_redirect(&mut self, part: &Element) -> bool {
        let known = |name: &str, leaf: &Element| match name {
            "Protocol" => leaf.text() == Some(HTTPS),
            _ => filled(leaf).is_some(),
        };
        let (unknown, [protocol, key, prefix]) = sift(part, ["Protocol", TO_KEY, TO_PREFIX], known);
        if key.is_some() == prefix.is_some() || (prefix.is_some() && self.key_prefix.is_none()) {
            return false;
        }
        self.unknown[2] = unknown;
        self.https = protocol.is_some();
        self.replace_key_with = key.as_ref().and_then(filled);
        self.replace_key_prefix_with = prefix.as_ref().and_then(filled);
        true
    }

    fn write(&self) -> Result<Element> {
        let Self { error_code, key_prefix, replace_key_with, replace_key_prefix_with, https, unknown } = self;
        let refuse = |why: &'static str| Err(Error::input("routing_rules", why));
        if error_code.is_some_and(|code| !STATUS.contains(&code)) {
            return refuse("have one for an error that is not from 400 to 499");
        }
        if [key_prefix, replace_key_with, replace_key_prefix_with].into_iter().any(|text| text.as_deref() == Some("")) {
            return refuse("have one with an empty key or beginning");
        }
        let conditions = usize::from(error_code.is_some()) + usize::from(key_prefix.is_some());
        let targets = usize::from(replace_key_with.is_some()) + usize::from(replace_key_prefix_with.is_some());
        let other = |name| usize::from(unknown[0].has(name));
        if conditions + other(CONDITION) != 1 {
            return refuse("have one that is not for either an error or the beginning of a key");
        }
        if targets + other(REDIRECT) != 1 || (*https && targets == 0) {
            return refuse("have one that does not replace either a key or its beginning");
        }
        if replace_key_prefix_with.is_some() && error_code.is_some() {
            return refuse("have one for an error that replaces the beginning of a key");
        }
        let mut rule = Element::new(RULE);
        let written = (|| {
            if conditions > 0 {
                let condition = Element::new(CONDITION).leaf_opt(CODE, error_code.map(|code| code.to_string()));
                let condition = condition.leaf_opt(PREFIX, key_prefix.as_deref());
                rule = rule.child(condition.with_unknown(&unknown[1], &[CODE, PREFIX])?);
            }
            if targets > 0 {
                let redirect = Element::new(REDIRECT).leaf_opt("Protocol", https.then_some(HTTPS));
                let redirect = redirect.leaf_opt(TO_KEY, replace_key_with.as_deref());
                let redirect = redirect.leaf_opt(TO_PREFIX, replace_key_prefix_with.as_deref());
                rule = rule.child(redirect.with_unknown(&unknown[2], &["Protocol", TO_KEY, TO_PREFIX])?);
            }
            rule.with_unknown(&unknown[0], &[CONDITION, REDIRECT])
        })();
        written.ok_or_else(|| {
            Error::input("routing_rules", "have one with a part twice, once with a value that is not known")
        })
    }
}

const INDEX: &str = "IndexDocument";
const REDIRECT_ALL: &str = "RedirectAllRequestsTo";
const AUTO: &str = "AutoAddressing";
const ERROR: &str = "ErrorDocument";
const ORIGINAL: &str = "OriginalHttpStatus";
const RULES: &str = "RoutingRules";
const RULE: &str = "RoutingRule";
const CONDITION: &str = "Condition";
const CODE: &str = "HttpErrorCodeReturnedEquals";
const PREFIX: &str = "KeyPrefixEquals";
const REDIRECT: &str = "Redirect";
const TO_KEY: &str = "ReplaceKeyWith";
const TO_PREFIX: &str = "ReplaceKeyPrefixWith";
const HTTPS: &str = "https";

/// What is in a configuration once at most.
const PARTS: [&str; 5] = [INDEX, REDIRECT_ALL, AUTO, ERROR, RULES];

const STATUS: std::ops::RangeInclusive<u16> = 400..=499;

/// The text, if there is any.
fn filled(leaf: &Element) -> Option<String> {
    leaf.text().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A status as it would be written.
fn status(leaf: &Element) -> Option<u16> {
    leaf.number().filter(|code| STATUS.contains(code) && leaf.text() == Some(code.to_string().as_str()))
}

/// Shows the bucket as a static website, in place of how it was shown before.
///
/// It may be repeated freely.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket` or `AccessDenied`.
/// [`ErrorKind::Input`](crate::ErrorKind::Input) for an empty index or error document, a status without an error
/// document, over 100 rules, a document over 64 KiB, and a rule that is not for either an error from 400 to 499 or the
/// beginning of a key, or does not replace either the key or, for a beginning, that.
///
/// # Examples
/// ```no_run
/// use tencent_cos::{PutBucketWebsite, WebsiteConfiguration};
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// let website = WebsiteConfiguration::new("index.html").error_document("error.html");
/// bucket.send(PutBucketWebsite::new(website)).await?;
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [PUT Bucket website](https://cloud.tencent.com/document/product/436/31930)
#[doc(alias = "PUT Bucket website")]
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct PutBucketWebsite(WebsiteConfiguration);

/// Reads how the bucket is shown as a website; `None` when that was never set, or was removed.
///
/// Changes nothing and may be repeated freely.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket` or `AccessDenied`.
///
/// # Examples
/// ```no_run
/// use tencent_cos::{GetBucketWebsite, PutBucketWebsite, RoutingRule};
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// if let Some(mut website) = bucket.send(GetBucketWebsite::new()).await? {
///     website.routing_rules.push(RoutingRule::replace_prefix("old/", "new/"));
///     bucket.send(PutBucketWebsite::new(website)).await?;
/// }
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [GET Bucket website](https://cloud.tencent.com/document/product/436/31929)
#[doc(alias = "GET Bucket website")]
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct GetBucketWebsite {
    _private: (),
}

/// Shows the bucket as a website no more. Its objects stay; nothing to remove is a success.
///
/// It may be repeated freely.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket` or `AccessDenied`.
///
/// # Examples
/// ```no_run
/// use tencent_cos::DeleteBucketWebsite;
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// bucket.send(DeleteBucketWebsite::new()).await?;
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [DELETE Bucket website](https://cloud.tencent.com/document/product/436/31928)
#[doc(alias = "DELETE Bucket website")]
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct DeleteBucketWebsite {
    _private: (),
}

setting::calls! {
    WebsiteConfiguration;
    PUT PutBucketWebsite, "PUT Bucket website", "name/cos:PutBucketWebsite";
    GET GetBucketWebsite, "GET Bucket website", "name/cos:GetBucketWebsite";
    DELETE DeleteBucketWebsite, "DELETE Bucket website", "name/cos:DeleteBucketWebsite";
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Response;

    use super::*;
    use crate::ErrorKind;
    use crate::operation::{Operation, Sent, as_text, read_response};

    fn answer(status: u16, xml: impl Into<Bytes>) -> Response<Bytes> {
        Response::builder().status(status).header("x-cos-request-id", "NjQ").body(xml.into()).unwrap()
    }

    fn read(xml: impl Into<Bytes>) -> WebsiteConfiguration {
        GetBucketWebsite::new().output(&Sent::default(), answer(200, xml)).unwrap().unwrap()
    }

    fn written(configuration: WebsiteConfiguration) -> String {
        let request = PutBucketWebsite::new(configuration).request().unwrap();
        String::from_utf8(request.body_ref().as_bytes().unwrap().to_vec()).unwrap()
    }

    fn site() -> WebsiteConfiguration {
        WebsiteConfiguration::new("index.html")
    }

    fn refused(configuration: WebsiteConfiguration) -> Option<&'static str> {
        let error = PutBucketWebsite::new(configuration).request().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input);
        error.field()
    }

    /// What the reference's example says.
    fn example() -> WebsiteConfiguration {
        site()
            .https_only(true)
            .error_document("pages/error.html")
            .routing_rule(RoutingRule::on_error(403, "pages/403.html").https(true))
            .routing_rule(RoutingRule::on_error(404, "pages/404.html"))
            .routing_rule(RoutingRule::on_prefix("assets/", "index.html"))
            .routing_rule(RoutingRule::replace_prefix("article/", "archived/").https(true))
    }

    #[test]
    fn request_as_text() {
        let golden = include_str!("../../tests/golden/xml/website.xml");
        assert_eq!(written(example()), golden.replace(['\n', '\t'], ""));
        let text = as_text(&PutBucketWebsite::new(site()));
        assert!(text.starts_with("PUT /?website\ncontent-md5: ") && text.ends_with("\n[103]"), "{text}");
        let all = site().error_document("e").original_http_status(false).ignore_html_extension(true);
        assert_eq!(
            written(all),
            "<WebsiteConfiguration><IndexDocument><Suffix>index.html</Suffix></IndexDocument><AutoAddressing><Status>\
             Enabled</Status></AutoAddressing><ErrorDocument><Key>e</Key><OriginalHttpStatus>Disabled\
             </OriginalHttpStatus></ErrorDocument></WebsiteConfiguration>"
        );
        assert_eq!(as_text(&GetBucketWebsite::new()), "GET /?website\n[0]");
        assert_eq!(as_text(&DeleteBucketWebsite::new()), "DELETE /?website\n[0]");
    }

    #[test]
    fn output_reads_a_golden_document() {
        assert_eq!(read(include_str!("../../tests/golden/xml/website.xml")), example());
        let put = PutBucketWebsite::new(site()).output(&Sent::default(), answer(200, "")).unwrap();
        let delete = DeleteBucketWebsite::new().output(&Sent::default(), answer(204, "")).unwrap();
        assert_eq!((put.request_id(), delete.request_id()), ("NjQ", "NjQ"));
    }

    #[test]
    fn a_bucket_that_is_no_website_gives_none_however_cos_says_it() {
        let none = "<Error><Code>NoSuchWebsiteConfiguration</Code></Error>";
        for (status, xml) in [(404, none), (200, "<WebsiteConfiguration/>")] {
            let found = read_response(&GetBucketWebsite::new(), &Sent::default(), answer(status, xml)).unwrap();
            assert_eq!(found, None, "{xml}");
        }
        let delete = read_response(&DeleteBucketWebsite::new(), &Sent::default(), answer(404, none)).unwrap();
        assert_eq!(delete.request_id(), "NjQ");
        let missing = answer(404, "<Error><Code>NoSuchBucket</Code></Error>");
        assert!(read_response(&GetBucketWebsite::new(), &Sent::default(), missing).unwrap_err().is_not_found());
    }

    #[test]
    fn what_cos_would_refuse_is_refused() {
        let rule = || RoutingRule::on_error(404, "a");
        let with = |rule: RoutingRule| site().routing_rule(rule);
        for (configuration, field) in [
            (WebsiteConfiguration::default(), "index_document"),
            (site().error_document(""), "error_document"),
            (site().original_http_status(true), "original_http_status"),
            (WebsiteConfiguration { routing_rules: vec![rule(); 101], ..site() }, "routing_rules"),
            (with(RoutingRule::default()), "routing_rules"),
            (with(RoutingRule::on_error(399, "a")), "routing_rules"),
            (with(RoutingRule::on_error(500, "a")), "routing_rules"),
            (with(RoutingRule::on_error(404, "")), "routing_rules"),
            (with(RoutingRule::on_prefix("", "a")), "routing_rules"),
            (with(RoutingRule::replace_prefix("a", "")), "routing_rules"),
            (with(RoutingRule { key_prefix: Some("a".into()), ..rule() }), "routing_rules"),
            (with(RoutingRule { replace_key_with: None, ..rule() }), "routing_rules"),
            (with(RoutingRule { replace_key_prefix_with: Some("a".into()), ..rule() }), "routing_rules"),
            (
                with(RoutingRule { error_code: Some(404), key_prefix: None, ..RoutingRule::replace_prefix("a", "b") }),
                "routing_rules",
            ),
            (site().error_document("a\u{1}"), "website"),
            (site().error_document("k".repeat(65_536)), "website"),
        ] {
            assert_eq!(refused(configuration.clone()), Some(field), "{configuration:?}");
        }
        assert!(
            PutBucketWebsite::new(WebsiteConfiguration { routing_rules: vec![rule(); 100], ..site() })
                .request()
                .is_ok()
        );
    }

    #[test]
    fn an_empty_condition_is_none() {
        let xml = written(site().routing_rule(RoutingRule::on_error(404, "a")));
        let with_empty = xml.replace("</Condition>", "<KeyPrefixEquals/></Condition>");
        let found = read(with_empty.clone());
        assert_eq!((found.routing_rules[0].unknown().count(), written(found)), (0, xml));
        let twice = with_empty.replace("</Condition>", "<HttpErrorCodeReturnedEquals/></Condition>");
        assert_eq!(read(twice).routing_rules[0].error_code, Some(404));
        let nothing_else = with_empty.replace("<HttpErrorCodeReturnedEquals>404</HttpErrorCodeReturnedEquals>", "");
        let kept = written(read(nothing_else));
        assert!(kept.contains("<Condition><KeyPrefixEquals/></Condition>"), "{kept}");
    }

    #[test]
    fn what_is_not_known_is_written_back() {
        let xml = "<WebsiteConfiguration at=\"1\"><IndexDocument b=\"2\"><Suffix>i</Suffix><New/></IndexDocument>\
            <ErrorDocument><Key>e</Key><OriginalHttpStatus>maybe</OriginalHttpStatus><Charity404>Disabled</Charity404>\
            </ErrorDocument><RoutingRules c=\"3\"><RoutingRule d=\"4\"><Condition><KeyPrefixEquals>a/</KeyPrefixEquals>\
            <Old/></Condition><Redirect><ReplaceKeyWith>a</ReplaceKeyWith><URLRedirect>Enabled\
            </URLRedirect></Redirect><Newer/></RoutingRule><RoutingRule><Condition><HttpErrorCodeReturnedEquals>404\
            </HttpErrorCodeReturnedEquals><KeyPrefixEquals>b/</KeyPrefixEquals></Condition><Redirect><HostName>h\
            </HostName></Redirect></RoutingRule><Rule/></RoutingRules><RedirectAllRequestsTo><Protocol>http</Protocol>\
            </RedirectAllRequestsTo><Newest/></WebsiteConfiguration>";
        let mut found = read(xml);
        let unknown = ["RedirectAllRequestsTo", "Newest", "New", "OriginalHttpStatus", "Charity404", "Rule"];
        assert_eq!(found.unknown().collect::<Vec<_>>(), unknown);
        let [first, second] = &found.routing_rules[..] else { panic!("{found:?}") };
        assert_eq!(first.unknown().collect::<Vec<_>>(), ["Newer", "Old", "URLRedirect"]);
        assert_eq!(first.key_prefix.as_deref(), Some("a/"));
        assert_eq!(second.unknown().collect::<Vec<_>>(), ["Condition", "Redirect"]);
        assert_eq!(written(found.clone()), xml);
        assert_eq!(refused(found.clone().original_http_status(true)), Some("website"));
        assert_eq!(refused(found.clone().https_only(true)), Some("website"));
        found.routing_rules[1].error_code = Some(404);
        assert_eq!(refused(found), Some("routing_rules"));
    }
}
