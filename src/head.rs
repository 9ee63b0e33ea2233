//! The head of a request as it goes out: what is signed, what the signature is added to.

use http::uri::{self, PathAndQuery, Uri};
use http::{HeaderMap, HeaderValue, Method, header};

use crate::body::Body;
use crate::endpoint::{Address, Scheme};
use crate::error::{Error, ErrorKind, Result};
use crate::key::{ObjectKey, push_encoded};
use crate::request::{Description, Param, Request, Target};

/// The header, or parameter of a presigned URL, that carries the session token.
pub const SECURITY_TOKEN: &str = "x-cos-security-token";

/// The parameters that a signature in the query adds.
const FIELDS: [&str; 8] = [
    SECURITY_TOKEN,
    "q-sign-algorithm",
    "q-ak",
    "q-sign-time",
    "q-key-time",
    "q-header-list",
    "q-url-param-list",
    "q-signature",
];

/// Method, address, path, query and headers of one attempt. `Host` is among the headers from the start.
#[derive(Clone, Debug)]
pub struct Head {
    method: Method,
    address: Address,
    /// Its body went out beside the head.
    description: Box<Description>,
}

impl Request {
    /// Puts the request to an address.
    #[must_use]
    pub fn into_head(mut self, method: Method, address: &Address) -> (Head, Body) {
        let body = std::mem::take(&mut self.0.body);
        // COS answers 411 to a PUT or POST without a length, also where there is no body.
        let has_length = body.len() > 0 || method == Method::PUT || method == Method::POST;
        let mut head = Head::new(method, address, self.0);
        if has_length {
            head.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        }
        (head, body)
    }
}

impl Head {
    fn new(method: Method, address: &Address, mut description: Box<Description>) -> Self {
        // Host, Content-Length, User-Agent, the token, Authorization, and one that a transport adds.
        let headers = HeaderMap::with_capacity(6 + description.headers.len());
        let more = std::mem::replace(&mut description.headers, headers);
        description.headers.insert(header::HOST, address.host_header().clone());
        if !more.is_empty() {
            description.headers.extend(more);
        }
        Self { method, address: address.clone(), description }
    }

    /// The method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The headers, `Host` included.
    pub fn headers(&self) -> &HeaderMap {
        &self.description.headers
    }

    pub(crate) fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.description.headers
    }

    pub(crate) fn query(&self) -> &[Param] {
        &self.description.query
    }

    pub(crate) fn query_mut(&mut self) -> &mut Vec<Param> {
        &mut self.description.query
    }

    pub(crate) fn key(&self) -> Option<&ObjectKey> {
        match &self.description.target {
            Target::Object(key) => Some(key),
            Target::Bucket | Target::Service => None,
        }
    }

    /// The path as it is signed: decoded, with its leading slash.
    pub(crate) fn path(&self) -> [&str; 3] {
        [self.address.prefix(), "/", self.key().map_or("", ObjectKey::as_str)]
    }

    /// Path and query as they are sent: percent-encoded, a space as `%20`, never `+`.
    pub fn path_and_query(&self) -> String {
        let prefix = self.address.prefix();
        // Exact for the path of almost every key, so that it becomes part of a URL without a copy.
        let length = prefix.len() + self.key().map_or(1, ObjectKey::url_length);
        let mut target = String::with_capacity(length + 32 * self.query().len());
        target.push_str(prefix);
        match self.key() {
            Some(key) => key.push_url_path(&mut target),
            None => target.push('/'),
        }
        let mut separator = '?';
        for (name, value) in self.query() {
            target.push(separator);
            push_encoded(&mut target, name);
            // A sub-resource is a name alone. The fields of a signature are not, also where a list is empty.
            if !value.is_empty() || name.starts_with("q-") {
                target.push('=');
                push_encoded(&mut target, value);
            }
            separator = '&';
        }
        target
    }

    /// The whole URL.
    pub fn url(&self) -> String {
        [self.address.scheme().as_str(), "://", self.address.host(), &self.path_and_query()].concat()
    }

    /// Whether it is fit to be signed and sent, whoever described it.
    pub(crate) fn check(&self) -> Result<()> {
        for (index, (name, _)) in self.query().iter().enumerate() {
            if name.is_empty() || FIELDS.iter().any(|field| field.eq_ignore_ascii_case(name)) {
                let why = "has a parameter without a name, or one that belongs to the signature";
                return Err(Error::input("query", why));
            }
            // Names are signed in lower case.
            if self.query()[..index].iter().any(|(other, _)| other.eq_ignore_ascii_case(name)) {
                return Err(Error::input("query", "has a parameter twice"));
            }
        }
        self.keeps_its_key()
    }

    /// Whether no encryption key of the caller goes over a network in the clear.
    fn keeps_its_key(&self) -> Result<()> {
        let in_the_clear = self.address.scheme() == Scheme::Http
            && self.headers().keys().any(|name| name.as_str().ends_with("-customer-key"))
            && !self.address.is_loopback();
        if in_the_clear { Err(Error::input("customer_key", "needs https")) } else { Ok(()) }
    }

    /// The request for an HTTP client: absolute URL, every header, this body.
    ///
    /// # Errors
    /// [`ErrorKind::Input`] when no URL can be made of it; with field `customer_key` when such a key would go over
    /// plain http to another machine.
    pub fn into_request<B>(self, body: B) -> Result<http::Request<B>> {
        self.keeps_its_key()?;
        let target = self.path_and_query();
        let length = target.len();
        // The URL may carry a signature: the message tells its length, the source what is wrong with it.
        let refuse =
            |error: http::Error| Error::new(ErrorKind::Input, format!("a URL of {length} bytes")).with_source(error);
        let target = PathAndQuery::try_from(target).map_err(|error| refuse(error.into()))?;
        let mut url = uri::Parts::default();
        url.scheme = Some(self.address.scheme().of_url());
        (url.authority, url.path_and_query) = (Some(self.address.authority().clone()), Some(target));
        let mut request = http::Request::new(body);
        *request.method_mut() = self.method;
        *request.uri_mut() = Uri::from_parts(url).map_err(|error| refuse(error.into()))?;
        *request.headers_mut() = self.description.headers;
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::Endpoint;
    use crate::object::GetObject;
    use crate::operation::Operation;
    use crate::options::CustomerKey;
    use crate::region::{BucketName, Region};

    fn head(get: &GetObject, endpoint: &str) -> Head {
        let (bucket, region) = (BucketName::new("b-1").unwrap(), Region::new("ap-x").unwrap());
        let address = Endpoint::custom(endpoint).unwrap().address(Some(&bucket), &region).unwrap();
        get.request().unwrap().into_head(Method::GET, &address).0
    }

    #[test]
    fn an_encryption_key_goes_over_no_network_in_the_clear() {
        let get = GetObject::new("k".parse().unwrap()).customer_key(CustomerKey::new([7; 32]).unwrap());
        let refused = |endpoint: &str| head(&get, endpoint).into_request(()).err().and_then(|error| error.field());
        assert_eq!(refused("http://cos.example.com"), Some("customer_key"));
        assert_eq!(refused("http://127.0.0.1:9"), None);
        assert_eq!(refused("https://cos.example.com"), None);
    }
}
