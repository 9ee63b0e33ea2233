//! Which pages may use a bucket: preflights, and what answers tell browsers.

use http::StatusCode;
use http::header::ORIGIN;

use crate::address::Address;
use crate::encoding::number;
use crate::error::CosError;
use crate::request::Head;
use crate::respond::Reply;
use crate::service::{Call, World};
use crate::store::{Bucket, Setting};
use crate::xml::{Document, Element, parse};

/// A rule of the CORS configuration that buckets have at the start. See [`crate::Builder::cors`].
///
/// It allows every method and every header, and exposes `ETag`, `x-cos-request-id`, `x-cos-hash-crc64ecma` and
/// `x-cos-version-id`, until it is told otherwise.
///
/// ```
/// use cos_emulator::Cors;
///
/// let rule = Cors::origin("https://*.example.com").methods(["GET", "HEAD"]).max_age(60);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Cors {
    origins: Vec<String>,
    methods: Vec<String>,
    headers: Vec<String>,
    expose: Vec<String>,
    max_age: Option<u32>,
}

impl Cors {
    /// Allows an origin such as `https://example.com`. One `*` in it stands for anything.
    pub fn origin(origin: impl Into<String>) -> Self {
        let list = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Self {
            origins: vec![origin.into()],
            methods: list(&["GET", "PUT", "POST", "DELETE", "HEAD"]),
            headers: list(&["*"]),
            expose: list(&["ETag", "x-cos-request-id", "x-cos-hash-crc64ecma", "x-cos-version-id"]),
            max_age: Some(600),
        }
    }

    /// Only these methods.
    pub fn methods<T: Into<String>>(mut self, methods: impl IntoIterator<Item = T>) -> Self {
        self.methods = methods.into_iter().map(Into::into).collect();
        self
    }

    /// Only these request headers; `*` stands for all.
    pub fn headers<T: Into<String>>(mut self, headers: impl IntoIterator<Item = T>) -> Self {
        self.headers = headers.into_iter().map(Into::into).collect();
        self
    }

    /// The headers of answers that pages may read. COS takes no `*` here.
    pub fn expose<T: Into<String>>(mut self, headers: impl IntoIterator<Item = T>) -> Self {
        self.expose = headers.into_iter().map(Into::into).collect();
        self
    }

    /// For how many seconds a browser may remember a preflight.
    pub fn max_age(mut self, seconds: u32) -> Self {
        self.max_age = Some(seconds);
        self
    }

    /// Why COS would not take the rule.
    pub(crate) fn problem(&self) -> Option<String> {
        if let Some(origin) = self.origins.iter().find(|origin| origin.is_empty() || origin.matches('*').count() > 1) {
            return Some(format!("{origin:?} is no origin with at most one *"));
        }
        let known = ["GET", "PUT", "POST", "DELETE", "HEAD"];
        if let Some(method) = self.methods.iter().find(|method| !known.contains(&method.as_str())) {
            return Some(format!("a CORS rule cannot allow the method {method}"));
        }
        self.expose.iter().any(|name| name == "*").then(|| "a CORS rule cannot expose *".to_owned())
    }

    fn read(rule: &Element) -> Result<Self, CosError> {
        let names = ["ID", "AllowedOrigin", "AllowedMethod", "AllowedHeader", "ExposeHeader", "MaxAgeSeconds"];
        let texts = |name| rule.all(name).map(|child| child.text.clone()).collect::<Vec<_>>();
        let (origins, methods) = (texts("AllowedOrigin"), texts("AllowedMethod"));
        let repeated = ["ID", "MaxAgeSeconds"].iter().any(|name| rule.all(name).count() > 1);
        if !rule.has_only(&names) || repeated || origins.is_empty() || methods.is_empty() {
            return Err(CosError::malformed_xml());
        }
        let age = |text: &str| number(text.trim()).ok_or_else(CosError::malformed_xml);
        let max_age = rule.text_of("MaxAgeSeconds").map(age).transpose()?;
        Ok(Self { origins, methods, headers: texts("AllowedHeader"), expose: texts("ExposeHeader"), max_age })
    }

    fn takes(&self, origin: &str, method: &str) -> bool {
        self.origin_for(origin).is_some() && self.methods.iter().any(|allowed| allowed == method)
    }

    /// The origin of the rule that stands for this one.
    fn origin_for(&self, origin: &str) -> Option<&str> {
        let stands = |allowed: &&String| match allowed.split_once('*') {
            Some((before, after)) => {
                origin.len() >= before.len() + after.len() && origin.starts_with(before) && origin.ends_with(after)
            }
            None => origin == **allowed,
        };
        self.origins.iter().find(stands).map(String::as_str)
    }

    fn takes_header(&self, name: &str) -> bool {
        self.headers.iter().any(|allowed| allowed == "*" || allowed.eq_ignore_ascii_case(name))
    }

    fn dress(&self, origin: &str, reply: &mut Reply) {
        if self.origin_for(origin) == Some("*") {
            reply.set("access-control-allow-origin", "*");
        } else {
            reply.set("access-control-allow-origin", origin);
            reply.set("access-control-allow-credentials", "true");
        }
        if !self.expose.is_empty() {
            reply.set("access-control-expose-headers", self.expose.join(","));
        }
    }
}

/// The document that sets these rules.
pub(crate) fn document(rules: &[Cors]) -> String {
    let mut xml = Document::new("CORSConfiguration");
    for rule in rules {
        xml.open("CORSRule");
        let lists = [
            ("AllowedOrigin", &rule.origins),
            ("AllowedMethod", &rule.methods),
            ("AllowedHeader", &rule.headers),
            ("ExposeHeader", &rule.expose),
        ];
        for (name, texts) in lists {
            for text in texts {
                xml.text(name, text);
            }
        }
        if let Some(age) = rule.max_age {
            xml.number("MaxAgeSeconds", age.into());
        }
        xml.close();
    }
    xml.finish()
}

/// Refuses a document that COS would not take.
pub(crate) fn check(root: &Element) -> Result<(), CosError> {
    let configuration = Configuration::read(root)?;
    match configuration.rules.iter().find_map(Cors::problem) {
        Some(problem) => Err(CosError::invalid_argument(problem)),
        None => Ok(()),
    }
}

/// What is set of a bucket.
#[derive(Default)]
struct Configuration {
    rules: Vec<Cors>,
    /// Whether every answer has `Vary: Origin`.
    vary: bool,
}

impl Configuration {
    const RULES: usize = 100;

    fn of(bucket: &Bucket) -> Self {
        let document = bucket.setting(Setting::Cors);
        let root = document.and_then(|document| parse(document.as_bytes()));
        root.and_then(|root| Self::read(&root).ok()).unwrap_or_default()
    }

    fn read(root: &Element) -> Result<Self, CosError> {
        let rules = root.all("CORSRule").map(Cors::read).collect::<Result<Vec<_>, _>>()?;
        let known = root.has_only(&["CORSRule", "ResponseVary"]) && root.all("ResponseVary").count() <= 1;
        if !known || !(1..=Self::RULES).contains(&rules.len()) {
            return Err(CosError::malformed_xml());
        }
        let vary = match root.text_of("ResponseVary").map(str::trim) {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => return Err(CosError::malformed_xml()),
        };
        Ok(Self { rules, vary })
    }

    fn vary(&self, reply: &mut Reply) {
        if self.vary {
            reply.set("vary", "Origin");
        }
    }
}

/// OPTIONS Object: whether a browser may send what it is about to send.
pub(crate) fn preflight(call: &Call<'_>) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    let header = |name| call.head.header(name);
    let asked = header("origin").zip(header("access-control-request-method"));
    let (origin, method) = asked.ok_or_else(|| {
        CosError::invalid_request("A preflight has the headers Origin and Access-Control-Request-Method.")
    })?;
    let headers = header("access-control-request-headers").unwrap_or_default();
    let names: Vec<&str> = headers.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    let fits = |rule: &&Cors| rule.takes(origin, method) && names.iter().all(|name| rule.takes_header(name));
    let configuration = Configuration::of(&bucket);
    let rule = configuration.rules.iter().find(fits);
    let rule = rule.ok_or_else(|| CosError::new(403, "AccessForbidden", "No CORS rule of the bucket allows this."))?;
    let mut reply = Reply::new(StatusCode::OK);
    rule.dress(origin, &mut reply);
    configuration.vary(&mut reply);
    reply.set("access-control-allow-methods", rule.methods.join(","));
    if !names.is_empty() {
        reply.set("access-control-allow-headers", names.join(","));
    }
    reply.set_if("access-control-max-age", rule.max_age.map(|age| age.to_string()));
    Ok(reply)
}

/// Tells the browser whether the page that asked may see the answer.
pub(crate) fn dress(world: &World, head: &Head, reply: &mut Reply) {
    let Address::Bucket { bucket, .. } = &head.address else { return };
    let Some(bucket) = world.store.bucket(bucket) else { return };
    let configuration = Configuration::of(&bucket);
    configuration.vary(reply);
    let Some(origin) = head.headers.get(ORIGIN).and_then(|origin| origin.to_str().ok()) else { return };
    if let Some(rule) = configuration.rules.iter().find(|rule| rule.takes(origin, head.method.as_str())) {
        rule.dress(origin, reply);
    }
}
