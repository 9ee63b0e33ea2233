//! What an operation asks for, in COS's terms.

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use md5::{Digest, Md5};

use crate::body::Body;
use crate::error::{Error, Result};
use crate::key::ObjectKey;
use crate::xml::{self, Element};

/// A query parameter; a sub-resource like `acl` has an empty value.
pub(crate) type Param = (Cow<'static, str>, Cow<'static, str>);

/// A request in COS's terms: what it is about, parameters, headers, body. It knows no host and no key.
///
/// In a box, because each value adds to it by taking it and giving it back.
#[derive(Clone)]
pub struct Request(pub(crate) Box<Description>);

#[derive(Clone)]
pub(crate) struct Description {
    pub(crate) target: Target,
    pub(crate) query: Vec<Param>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
}

/// What a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// The account.
    Service,
    /// The bucket.
    Bucket,
    /// An object.
    Object(ObjectKey),
}

/// A group of values that travel together and know how they are sent. An `Option` of a group is a group.
pub trait Describe {
    /// Adds parameters and headers to the request.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) when a value cannot be sent.
    fn describe(&self, request: Request) -> Result<Request>;
}

impl<T: Describe> Describe for Option<T> {
    fn describe(&self, request: Request) -> Result<Request> {
        match self {
            Some(group) => group.describe(request),
            None => Ok(request),
        }
    }
}

impl Request {
    fn new(target: Target) -> Self {
        Self(Box::new(Description { target, query: Vec::new(), headers: HeaderMap::new(), body: Body::empty() }))
    }

    /// A request about the account.
    pub fn service() -> Self {
        Self::new(Target::Service)
    }

    /// A request about the bucket.
    pub fn bucket() -> Self {
        Self::new(Target::Bucket)
    }

    /// A request about an object.
    pub fn object(key: &ObjectKey) -> Self {
        Self::new(Target::Object(key.clone()))
    }

    /// Adds a parameter; a sub-resource like `acl` has the value `""`.
    #[must_use]
    pub fn query(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Cow<'static, str>>) -> Self {
        self.0.query.push((name.into(), value.into()));
        self
    }

    /// Adds a parameter if there is a value.
    #[must_use]
    pub fn query_opt(self, name: impl Into<Cow<'static, str>>, value: Option<impl Into<Cow<'static, str>>>) -> Self {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    /// Sets a header. Blanks around the value are cut; an empty value sets nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) naming the header, or with field `header` when its name was made
    /// at run time: the name is none, or the value holds anything but visible ASCII, blanks and tabs. It is not
    /// repeated.
    pub fn header(mut self, name: impl Into<Cow<'static, str>>, value: impl AsRef<str>) -> Result<Self> {
        let name = name.into();
        let field = match name {
            Cow::Borrowed(name) => name,
            Cow::Owned(_) => "header",
        };
        let value = header_value(field, value.as_ref())?;
        if !value.is_empty() {
            self.0.headers.insert(header_name(field, &name)?, value);
        }
        Ok(self)
    }

    /// Sets a header if there is a value.
    ///
    /// # Errors
    /// As [`header`](Self::header).
    pub fn header_opt(self, name: impl Into<Cow<'static, str>>, value: Option<impl AsRef<str>>) -> Result<Self> {
        match value {
            Some(value) => self.header(name, value),
            None => Ok(self),
        }
    }

    /// Sets a header whose name is not known beforehand, or whose value must not be printed.
    pub(crate) fn header_value(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.insert(name, value);
        self
    }

    /// Adds the version that is meant. An empty id would mean the latest.
    pub(crate) fn version_id(self, id: Option<&str>) -> Result<Self> {
        if id.is_some_and(str::is_empty) {
            return Err(Error::input("version_id", "is empty"));
        }
        Ok(self.query_opt("versionId", id.map(str::to_owned)))
    }

    /// Sets `Content-MD5`. An empty one would guard nothing.
    pub(crate) fn content_md5(self, base64: Option<&str>) -> Result<Self> {
        if base64.is_some_and(|base64| STANDARD.decode(base64).map_or(0, |digest| digest.len()) != 16) {
            return Err(Error::input("content-md5", "is not the Base64 of an MD5"));
        }
        self.header_opt("content-md5", base64)
    }

    /// Adds what a group of values describes.
    ///
    /// # Errors
    /// What the group says.
    pub fn with(self, group: &impl Describe) -> Result<Self> {
        group.describe(self)
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: Body) -> Self {
        self.0.body = body;
        self
    }

    /// Sets a document as the body, with its `Content-Type` and the `Content-MD5` that COS asks for with settings.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) when the type can stand in no header.
    ///
    /// # Examples
    /// ```
    /// use tencent_cos::Request;
    ///
    /// # fn main() -> tencent_cos::Result<()> {
    /// let website = "<WebsiteConfiguration>\
    ///     <IndexDocument><Suffix>index.html</Suffix></IndexDocument></WebsiteConfiguration>";
    /// let request = Request::bucket().query("website", "").document("application/xml", website)?;
    /// assert_eq!(request.headers()["content-md5"], "3ZYkxtmToN0nnoyq49MfqQ==");
    /// # Ok(())
    /// # }
    /// ```
    pub fn document(self, content_type: &str, document: impl Into<Bytes>) -> Result<Self> {
        let document = document.into();
        let digest = STANDARD.encode(Md5::digest(&document));
        Ok(self.header("content-type", content_type)?.header("content-md5", digest)?.body(document.into()))
    }

    /// Sets an XML body.
    pub(crate) fn xml(self, root: &str, value: &impl serde::Serialize) -> Result<Self> {
        self.document("application/xml", xml::write(root, value)?)
    }

    /// Sets an XML body that is written element by element; `field` is the input that its text comes from.
    pub(crate) fn element(self, field: &'static str, root: &Element) -> Result<Self> {
        if !root.all_text(&xml::can_carry) {
            return Err(Error::input(field, "a control character, which XML cannot carry"));
        }
        self.xml(&root.name, root)
    }

    /// What it is about.
    pub fn target(&self) -> &Target {
        &self.0.target
    }

    /// The parameter of this name.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.0.query.iter().find(|(param, _)| param == name).map(|(_, value)| &**value)
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    /// The body, to look at.
    pub fn body_ref(&self) -> &Body {
        &self.0.body
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("description", &self.0).field("body", &self.0.body).finish()
    }
}

impl fmt::Debug for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values may be secret (a customer's encryption key, a token): names tell enough.
        let params: Vec<&str> = self.query.iter().map(|(name, _)| &**name).collect();
        let headers: Vec<&str> = self.headers.keys().map(HeaderName::as_str).collect();
        f.debug_struct("Description")
            .field("target", &self.target)
            .field("params", &params)
            .field("headers", &headers)
            .finish_non_exhaustive()
    }
}

/// Values under names the caller chose. They may be secret: `Debug` shows the names.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Named(pub(crate) Vec<(String, String)>);

impl fmt::Debug for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// A header value that can stand on the wire and in a signature: visible ASCII, blanks and tabs, trimmed.
///
/// # Errors
/// [`ErrorKind::Input`] with `field`; the value is not repeated.
pub(crate) fn header_value(field: &'static str, value: &str) -> Result<HeaderValue> {
    let value = value.trim_matches([' ', '\t']);
    if !value.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t')) {
        return Err(Error::input(field, "holds a line break, a control character or a character that is not ASCII"));
    }
    HeaderValue::from_str(value).map_err(|_| Error::input(field, "cannot stand in a header"))
}

/// A header name given by the caller.
pub(crate) fn header_name(field: &'static str, name: &str) -> Result<HeaderName> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| Error::input(field, "is not a header name"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_may_have_a_name_made_at_run_time() {
        let name = |end: &str| format!("x-cos-meta-{end}");
        let request = Request::bucket().header(name("a"), "1").unwrap().header_opt(name("b"), Some("2")).unwrap();
        assert_eq!([&request.headers()["x-cos-meta-a"], &request.headers()["x-cos-meta-b"]], ["1", "2"]);
        assert_eq!(Request::bucket().header(name("a b"), "1").unwrap_err().field(), Some("header"));
        assert_eq!(Request::bucket().header("x-a", "\n").unwrap_err().field(), Some("x-a"));
    }
}
