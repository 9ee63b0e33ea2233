//! One request of a source of keys: direct, bounded in time and size, never redirected.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::CredentialError;
use crate::body::ByteStream;
use crate::client::http::{HttpClient, Phase, ReqwestTransport, TransportError, TransportOptions, is_shortage};
use crate::client::payload::Payload;
use crate::credentials::{Credentials, SessionCredentials};
use crate::error::{Error, Result};
use crate::time::parse_http_date;

/// How sources reach those they ask.
#[derive(Clone, Debug)]
pub(super) struct Fetch {
    http: Arc<dyn HttpClient>,
    pub(super) limit: Duration,
    pub(super) max_bytes: usize,
}

/// Where a source asks: a URL that was looked at when the source was made.
#[derive(Clone)]
pub(super) struct Site {
    uri: Uri,
    authority: HeaderValue,
    host: String,
}

pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// The `Date` of the answer.
    told_at: Option<SystemTime>,
    pub(super) body: Zeroizing<Vec<u8>>,
}

/// Why there is no answer.
pub(super) struct NoAnswer {
    /// Nobody was reached.
    pub(super) unreachable: bool,
    pub(super) error: CredentialError,
}

impl Fetch {
    /// Connects directly, whatever proxy the environment or the client names. Nothing is set up before the first use.
    pub(super) fn direct(connect: Duration, limit: Duration, max_bytes: usize) -> Self {
        let options = TransportOptions { connect_timeout: connect, ..TransportOptions::default() };
        Self { http: Arc::new(ReqwestTransport::new(options)), limit, max_bytes }
    }

    pub(super) fn over(self, http: Arc<dyn HttpClient>) -> Self {
        Self { http, ..self }
    }

    /// Sends one request and reads the whole answer, whatever its status.
    pub(super) async fn send(
        &self,
        method: Method,
        site: &Site,
        path: Option<&str>,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Answer, NoAnswer> {
        let run = async {
            let request = site.request(method, path, headers, body).await;
            let request = request.map_err(|error| NoAnswer::of(site, &error.to_string(), false))?;
            let (head, body) = self.http.execute(request).await.map_err(|error| lost(site, error))?.into_parts();
            let body = self.read(site, body).await?;
            // A cache tells the time of another day.
            let date = head.headers.get(header::DATE).filter(|_| !head.headers.contains_key(header::AGE));
            let date = date.and_then(|date| date.to_str().ok());
            Ok(Answer { status: head.status, told_at: date.and_then(parse_http_date), body })
        };
        let elapsed = || NoAnswer::of(site, &format!("no answer within {} s", self.limit.as_secs()), false);
        timeout(self.limit, run).await.unwrap_or_else(|_| Err(elapsed()))
    }

    async fn read(&self, site: &Site, mut body: ByteStream) -> Result<Zeroizing<Vec<u8>>, NoAnswer> {
        // In full from the start: growing would leave copies behind.
        let expected = body.content_length().map_or(4096, |length| usize::try_from(length).unwrap_or(usize::MAX));
        let mut whole = Zeroizing::new(Vec::with_capacity(expected.min(self.max_bytes)));
        while let Some(piece) = body.next().await {
            let piece = piece.map_err(|error| NoAnswer::of(site, &error.to_string(), false))?;
            if whole.len() + piece.len() > self.max_bytes {
                return Err(NoAnswer::of(site, &format!("the answer is longer than {} bytes", self.max_bytes), false));
            }
            whole.extend_from_slice(&piece);
        }
        Ok(whole)
    }
}

impl Site {
    /// An address that never changes.
    pub(super) fn fixed(scheme: &'static str, host: &'static str) -> Self {
        let uri = Uri::builder().scheme(scheme).authority(host).path_and_query("/").build();
        Self { uri: uri.unwrap_or_default(), authority: HeaderValue::from_static(host), host: host.to_owned() }
    }

    /// A URL whose host is asked for keys. Over plain http only if `plain` says so, or on this machine.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) with this field; the URL is not repeated, its query may be secret.
    pub(super) fn new(field: &'static str, url: &str, plain: bool) -> Result<Self> {
        let parsed = url::Url::parse(url.trim()).map_err(|_| Error::input(field, "is not a URL"))?;
        if !parsed.username().is_empty() || parsed.password().is_some() || parsed.fragment().is_some() {
            return Err(Error::input(field, "has user information or a fragment"));
        }
        let local = match parsed.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
            Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
            None => return Err(Error::input(field, "has no host")),
        };
        match parsed.scheme() {
            "https" => {}
            "http" if plain || local => {}
            "http" => {
                return Err(Error::input(field, "is plain http to another machine: keys could be read on the way"));
            }
            _ => return Err(Error::input(field, "does not begin with https://")),
        }
        let uri: Uri = parsed.as_str().parse().map_err(|_| Error::input(field, "is not a URL"))?;
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let authority = HeaderValue::from_str(authority).map_err(|_| Error::input(field, "has a host that is none"))?;
        Ok(Self { host: uri.host().unwrap_or_default().to_owned(), authority, uri })
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Path and query.
    pub(super) fn target(&self) -> &str {
        self.uri.path_and_query().map_or("", |target| target.as_str())
    }

    async fn request(
        &self,
        method: Method,
        path: Option<&str>,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<http::Request<Payload>> {
        let mut parts = self.uri.clone().into_parts();
        if let Some(path) = path {
            let base = self.uri.path().trim_end_matches('/');
            let target = format!("{base}{path}").parse().map_err(|_| Error::input("path", "is not a path"))?;
            parts.path_and_query = Some(target);
        }
        let length = body.len();
        let mut request = http::Request::new(Payload::open(body.into()).await?);
        if length > 0 || method == Method::POST {
            request.headers_mut().insert(header::CONTENT_LENGTH, length.into());
        }
        *request.method_mut() = method;
        *request.uri_mut() = Uri::from_parts(parts).map_err(|_| Error::input("path", "is not a path"))?;
        request.headers_mut().insert(header::HOST, self.authority.clone());
        let agent = concat!("tencent-cos-rust/", env!("CARGO_PKG_VERSION"));
        request.headers_mut().insert(header::USER_AGENT, HeaderValue::from_static(agent));
        request.headers_mut().extend(headers);
        Ok(request)
    }
}

/// Without path and query, which may be secret.
impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.uri.scheme_str().unwrap_or_default(), self.authority.to_str().unwrap_or_default())
    }
}

impl Answer {
    /// A key that came with this answer.
    pub(super) fn dated(&self, key: SessionCredentials) -> Credentials {
        match self.told_at {
            Some(time) => key.told_at(time).into(),
            None => key.into(),
        }
    }

    /// The body of a success; any other status as an error. A refusal is final, the rest may pass.
    pub(super) fn success(self, site: &Site) -> Result<Self, CredentialError> {
        let status = self.status;
        if status == StatusCode::OK {
            return Ok(self);
        }
        let told = match status.as_u16() {
            300..=399 => format!("{} answered {status}: redirects are not followed", site.host),
            _ => format!("{} answered {status}", site.host),
        };
        let passing = matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
        Err(if status.is_client_error() && !passing {
            CredentialError::rejected(told)
        } else {
            CredentialError::transient(told)
        })
    }
}

impl NoAnswer {
    fn of(site: &Site, what: &str, unreachable: bool) -> Self {
        Self { unreachable, error: CredentialError::transient(format!("{}: {what}", site.host)) }
    }
}

fn lost(site: &Site, error: TransportError) -> NoAnswer {
    // Without a file descriptor nobody is reached, which says nothing of who is there.
    let unreachable = matches!(error.phase(), Phase::Dns | Phase::Connect) && !is_shortage(&error);
    let mut failed = NoAnswer::of(site, &error.to_string(), unreachable);
    if error.phase() == Phase::Tls {
        // Whoever steers us to a wrong certificate must gain nothing.
        failed.error = CredentialError::rejected(format!("{}: {error}", site.host));
    }
    failed.error.source = Some(error.into_source().into());
    failed
}
