//! Keys that a server of your own hands out over https.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use percent_encoding::percent_decode;

use super::fetch::{Fetch, Site};
use super::{BoxFuture, CredentialError, ProvideCredentials};
use crate::answer::repeats;
use crate::client::http::HttpClient;
use crate::credentials::{Credentials, SessionCredentials};
use crate::error::{Error, Result};
use crate::request::{header_name, header_value};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Less than what a provider may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(4);
const MAX_BYTES: usize = 256 * 1024;

/// Temporary keys from a URL of yours.
///
/// The server answers 200 with any of the documents that [`SessionCredentials::from_json`] reads, within 4 s and 256
/// KiB. Redirects are not followed, and no proxy is used.
///
/// A wrong clock on this machine does no harm if the server's is right: a key that is over, or not begun, by this clock
/// but alive by the `Date` of the answer sets the client's clock right, for its signatures too; without `Date` a
/// `startTime` ahead of this clock does.
///
/// For headers that change, like the token of a session, ask from a closure: [`from_fn`](super::from_fn).
///
/// # Errors
/// [`Rejected`](super::CredentialErrorKind::Rejected) when the server answers 4xx or shows a wrong certificate;
/// [`Transient`](super::CredentialErrorKind::Transient) when it does not answer in time, or with anything but a key.
/// Errors name the host, never the path, the query or a header.
///
/// # Examples
/// ```
/// use tencent_cos::Client;
/// use tencent_cos::client::provider::EndpointCredentials;
///
/// # fn example() -> tencent_cos::Result<()> {
/// let keys = EndpointCredentials::new("https://app.example.com/cos-key")?.header("Authorization", "Bearer …")?;
/// let client = Client::builder().region("ap-guangzhou").credentials(keys).build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct EndpointCredentials {
    site: Site,
    name: String,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
    fetch: Fetch,
}

impl EndpointCredentials {
    /// Asks this URL with GET.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) with field `url` when it is none, does not begin with `https://`
    /// (but for this machine), or has user information or a fragment.
    pub fn new(url: &str) -> Result<Self> {
        let site = Site::new("url", url, false)?;
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, header_value("header", "application/json")?);
        Ok(Self {
            name: format!("the endpoint {}", site.host()),
            site,
            method: Method::GET,
            headers,
            body: Bytes::new(),
            fetch: Fetch::direct(CONNECT_TIMEOUT, ANSWER_TIMEOUT, MAX_BYTES),
        })
    }

    /// Asks with this method.
    #[must_use]
    pub fn method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// Sends this header, for instance to prove who asks. Its value is shown nowhere.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) with field `header` when it cannot stand in a request, or is
    /// `host`, `content-length`, `transfer-encoding` or `connection`.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self> {
        let (name, mut value) = (header_name("header", name)?, header_value("header", value)?);
        if ["host", "content-length", "transfer-encoding", "connection"].contains(&name.as_str()) {
            return Err(Error::input("header", "belongs to the connection"));
        }
        value.set_sensitive(true);
        self.headers.insert(name, value);
        Ok(self)
    }

    /// Sends this body, with the `Content-Type` that [`header`](Self::header) gives it.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Asks through this, for instance [`Connections`](crate::client::Connections) with certificates or a proxy of
    /// yours.
    #[must_use]
    pub fn http_client(self, http: impl HttpClient + 'static) -> Self {
        Self { fetch: self.fetch.over(Arc::new(http)), ..self }
    }

    async fn ask(&self) -> Result<Credentials, CredentialError> {
        let (headers, body) = (self.headers.clone(), self.body.clone());
        let sent = self.fetch.send(self.method.clone(), &self.site, None, headers, body).await;
        let answer = sent.map_err(|none| none.error)?.success(&self.site)?;
        let key = SessionCredentials::from_json(&answer.body).map_err(|error| {
            CredentialError::transient(format!("{} answered with no key: {}", self.site.host(), self.told(&error)))
        })?;
        Ok(answer.dated(key))
    }

    /// What a document says is wrong, unless it repeats what it was sent.
    fn told(&self, error: &Error) -> String {
        let text = error.to_string();
        let headers = || self.headers.values().filter(|value| value.is_sensitive()).map(HeaderValue::as_bytes);
        let target = self.site.target();
        let sent = headers().chain([target.as_bytes(), &self.body]).any(|secret| repeats(&text, secret));
        // Short ones too, each by itself: what follows `Bearer`, and the values of the query, as they are and decoded.
        let in_headers = headers().flat_map(|value| value.split(|byte| *byte == b' ')).map(Cow::Borrowed);
        let query = target.split_once('?').map_or("", |(_, query)| query);
        let values = query.split('&').filter_map(|pair| Some(pair.split_once('=')?.1.as_bytes()));
        let values = values.flat_map(|value| [Cow::Borrowed(value), percent_decode(value).into()]);
        let repeats = sent || in_headers.chain(values).any(|word| word.len() > 3 && repeats(&text, &word));
        if repeats { "it repeats the request".to_owned() } else { text }
    }
}

impl ProvideCredentials for EndpointCredentials {
    fn provide(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>> {
        Box::pin(self.ask())
    }

    fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Debug for EndpointCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointCredentials")
            .field("site", &self.site)
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}
