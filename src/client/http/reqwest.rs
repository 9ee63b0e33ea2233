//! The default transport, on reqwest: HTTP/1.1, no redirects, no decompression, proxies only when asked for.

use std::error::Error as StdError;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use http_body::Body as _;

use super::{HttpClient, Phase, TransportError};
use crate::body::ByteStream;
use crate::client::defaults;
use crate::client::payload::Payload;
use crate::client::provider::BoxFuture;
use crate::error::{Error, Result};

/// What the builder of the client says of the connections.
#[derive(Clone, Debug)]
pub(crate) struct TransportOptions {
    pub(crate) connect_timeout: Duration,
    pub(crate) pool_idle: Duration,
    pub(crate) system_proxy: bool,
    /// May hold a password, so it has no `Debug` of its own.
    pub(crate) proxies: Vec<reqwest::Proxy>,
    pub(crate) root_certificates: Vec<Certificate>,
    pub(crate) resolve: Vec<(String, SocketAddr)>,
}

impl Default for TransportOptions {
    fn default() -> Self {
        Self {
            connect_timeout: defaults::CONNECT_TIMEOUT,
            pool_idle: defaults::POOL_IDLE,
            system_proxy: false,
            proxies: Vec::new(),
            root_certificates: Vec::new(),
            resolve: Vec::new(),
        }
    }
}

impl TransportOptions {
    pub(crate) fn proxy(&mut self, url: &str) -> Result<()> {
        // reqwest's error can quote the URL, and with it a password.
        let proxy = reqwest::Proxy::all(url).map_err(|_| Error::input("proxy", "is not the URL of a proxy"))?;
        self.proxies.push(proxy);
        Ok(())
    }

    pub(crate) fn root_certificates(&mut self, pem: &[u8]) -> Result<()> {
        let refuse = || Error::input("root_certificates", "holds no PEM certificate");
        let found = certificates(pem).map_err(|error| refuse().with_source(error))?;
        if found.is_empty() {
            return Err(refuse());
        }
        self.root_certificates.extend(found);
        Ok(())
    }
}

#[cfg(any(feature = "rustls", feature = "native-tls"))]
use reqwest::Certificate;

/// Without TLS there are none.
#[cfg(not(any(feature = "rustls", feature = "native-tls")))]
type Certificate = std::convert::Infallible;

#[cfg(any(feature = "rustls", feature = "native-tls"))]
fn certificates(pem: &[u8]) -> Result<Vec<Certificate>, reqwest::Error> {
    Certificate::from_pem_bundle(pem)
}

#[cfg(not(any(feature = "rustls", feature = "native-tls")))]
fn certificates(_: &[u8]) -> Result<Vec<Certificate>, io::Error> {
    Err(io::Error::other("built without TLS"))
}

#[derive(Debug)]
pub(crate) struct ReqwestTransport {
    options: TransportOptions,
    /// For http endpoints: it never looks for the certificates of this machine, which may have none.
    plain: OnceLock<reqwest::Client>,
    /// Made at the first https request.
    tls: OnceLock<reqwest::Client>,
}

impl ReqwestTransport {
    pub(crate) fn new(options: TransportOptions) -> Self {
        Self { options, plain: OnceLock::new(), tls: OnceLock::new() }
    }

    fn client(&self, https: bool) -> Result<&reqwest::Client, reqwest::Error> {
        let cell = if https { &self.tls } else { &self.plain };
        if let Some(client) = cell.get() {
            return Ok(client);
        }
        let client = self.build(https)?;
        Ok(cell.get_or_init(|| client))
    }

    fn build(&self, https: bool) -> Result<reqwest::Client, reqwest::Error> {
        let options = &self.options;
        let mut builder = reqwest::Client::builder()
            .http1_only()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_gzip()
            .no_brotli()
            .no_deflate()
            .no_zstd()
            .tcp_nodelay(true)
            .connect_timeout(options.connect_timeout)
            .pool_idle_timeout(options.pool_idle);
        if !options.system_proxy {
            builder = builder.no_proxy();
        }
        for proxy in &options.proxies {
            builder = builder.proxy(proxy.clone());
        }
        for (host, address) in &options.resolve {
            builder = builder.resolve(host, *address);
        }
        builder = tls(builder, https, &options.root_certificates);
        builder.build()
    }
}

#[cfg(any(feature = "rustls", feature = "native-tls"))]
fn tls(builder: reqwest::ClientBuilder, https: bool, roots: &[Certificate]) -> reqwest::ClientBuilder {
    if https { builder.tls_certs_merge(roots.iter().cloned()) } else { builder.tls_certs_only(Vec::new()) }
}

#[cfg(not(any(feature = "rustls", feature = "native-tls")))]
fn tls(builder: reqwest::ClientBuilder, _: bool, _: &[Certificate]) -> reqwest::ClientBuilder {
    builder
}

impl HttpClient for ReqwestTransport {
    fn execute(
        &self,
        request: http::Request<Payload>,
    ) -> BoxFuture<'_, Result<http::Response<ByteStream>, TransportError>> {
        Box::pin(async move {
            let https = request.uri().scheme_str() == Some("https");
            let client =
                self.client(https).map_err(|error| TransportError::new(phase_of(&error, Phase::Tls), error))?;
            let request = reqwest::Request::try_from(request.map(reqwest::Body::wrap))
                .map_err(|error| TransportError::new(Phase::Connect, error.without_url()))?;
            let response =
                client.execute(request).await.map_err(|error| transport_error(error, Phase::AwaitHeaders))?;
            let (head, body) = http::Response::<reqwest::Body>::from(response).into_parts();
            let length = body.size_hint().exact();
            let body = match length {
                Some(0) => Bytes::new().into(),
                _ => ByteStream::from_results(length, Answer(body)),
            };
            Ok(http::Response::from_parts(head, body))
        })
    }
}

/// The body of an answer.
struct Answer(reqwest::Body);

impl Stream for Answer {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match std::task::ready!(Pin::new(&mut self.0).poll_frame(cx)) {
                Some(Ok(frame)) => {
                    // else trailers
                    if let Ok(bytes) = frame.into_data() {
                        return Poll::Ready(Some(Ok(bytes)));
                    }
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(transport_error(error, Phase::ReadBody).into()))),
                None => return Poll::Ready(None),
            }
        }
    }
}

/// The URL is taken out: it may carry a signature.
fn transport_error(error: reqwest::Error, otherwise: Phase) -> TransportError {
    let error = error.without_url();
    let (phase, timed_out) = (phase_of(&error, otherwise), error.is_timeout());
    TransportError::new(phase, error).timed_out(timed_out)
}

fn phase_of(error: &reqwest::Error, otherwise: Phase) -> Phase {
    if is_tls(error) {
        Phase::Tls
    } else if error.is_dns() {
        Phase::Dns
    } else if error.is_connect() {
        Phase::Connect
    } else {
        otherwise
    }
}

/// reqwest says "connect" alike of a refused connection and of a bad certificate: only the chain of causes tells.
fn is_tls(error: &(dyn StdError + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if is_tls_error(error) {
            return true;
        }
        cause = match error.downcast_ref::<io::Error>() {
            // An io::Error made from another error passes over that error in its `source`.
            Some(error) => error.get_ref().map(|inner| inner as &(dyn StdError + 'static)),
            None => error.source(),
        };
    }
    false
}

fn is_tls_error(error: &(dyn StdError + 'static)) -> bool {
    #[cfg(feature = "rustls")]
    if error.is::<rustls::Error>() {
        return true;
    }
    #[cfg(feature = "native-tls")]
    if error.is::<native_tls::Error>() {
        return true;
    }
    let _ = error;
    false
}
