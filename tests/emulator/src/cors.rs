//! Which pages may use a bucket: preflights, and what answers tell browsers.

use http::StatusCode;
use http::header::ORIGIN;

use crate::error::CosError;
use crate::request::Head;
use crate::respond::Reply;
use crate::service::Call;

/// A rule of the CORS setting that all buckets of an emulator have. See [`crate::Builder::cors`].
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
    origin: String,
    methods: Vec<String>,
    headers: Vec<String>,
    expose: Vec<String>,
    max_age: u32,
}

impl Cors {
    /// Allows an origin such as `https://example.com`. One `*` in it stands for anything.
    pub fn origin(origin: impl Into<String>) -> Self {
        let list = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Self {
            origin: origin.into(),
            methods: list(&["GET", "PUT", "POST", "DELETE", "HEAD"]),
            headers: list(&["*"]),
            expose: list(&["ETag", "x-cos-request-id", "x-cos-hash-crc64ecma", "x-cos-version-id"]),
            max_age: 600,
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
        self.max_age = seconds;
        self
    }

    /// Why COS would not take the rule.
    pub(crate) fn problem(&self) -> Option<String> {
        let origin = &self.origin;
        if origin.is_empty() || origin.matches('*').count() > 1 {
            return Some(format!("{origin:?} is no origin with at most one *"));
        }
        let known = ["GET", "PUT", "POST", "DELETE", "HEAD"];
        if let Some(method) = self.methods.iter().find(|method| !known.contains(&method.as_str())) {
            return Some(format!("a CORS rule cannot allow the method {method}"));
        }
        self.expose.iter().any(|name| name == "*").then(|| "a CORS rule cannot expose *".to_owned())
    }

    fn takes(&self, origin: &str, method: &str) -> bool {
        let from = match self.origin.split_once('*') {
            Some((before, after)) => {
                origin.len() >= before.len() + after.len() && origin.starts_with(before) && origin.ends_with(after)
            }
            None => origin == self.origin,
        };
        from && self.methods.iter().any(|allowed| allowed == method)
    }

    fn takes_header(&self, name: &str) -> bool {
        self.headers.iter().any(|allowed| allowed == "*" || allowed.eq_ignore_ascii_case(name))
    }

    fn dress(&self, origin: &str, reply: &mut Reply) {
        if self.origin == "*" {
            reply.set("access-control-allow-origin", "*");
        } else {
            reply.set("access-control-allow-origin", origin);
            reply.set("access-control-allow-credentials", "true");
        }
        if !self.expose.is_empty() {
            reply.set("access-control-expose-headers", self.expose.join(","));
        }
        reply.set("vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers");
    }
}

/// OPTIONS Object: whether a browser may send what it is about to send.
pub(crate) fn preflight(call: &Call<'_>) -> Result<Reply, CosError> {
    call.bucket()?;
    let header = |name| call.head.header(name);
    let asked = header("origin").zip(header("access-control-request-method"));
    let (origin, method) = asked.ok_or_else(|| {
        CosError::invalid_request("A preflight has the headers Origin and Access-Control-Request-Method.")
    })?;
    let headers = header("access-control-request-headers").unwrap_or_default();
    let names: Vec<&str> = headers.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    let fits = |rule: &&Cors| rule.takes(origin, method) && names.iter().all(|name| rule.takes_header(name));
    let rule = call.world.cors.iter().find(fits);
    let rule = rule.ok_or_else(|| CosError::new(403, "AccessForbidden", "No CORS rule of the bucket allows this."))?;
    let mut reply = Reply::new(StatusCode::OK);
    rule.dress(origin, &mut reply);
    reply.set("access-control-allow-methods", rule.methods.join(","));
    if !names.is_empty() {
        reply.set("access-control-allow-headers", names.join(","));
    }
    reply.set("access-control-max-age", rule.max_age.to_string());
    Ok(reply)
}

/// Tells the browser whether the page that asked may see the answer.
pub(crate) fn dress(rules: &[Cors], head: &Head, reply: &mut Reply) {
    let Some(origin) = head.headers.get(ORIGIN).and_then(|origin| origin.to_str().ok()) else { return };
    if let Some(rule) = rules.iter().find(|rule| rule.takes(origin, head.method.as_str())) {
        rule.dress(origin, reply);
    }
}
