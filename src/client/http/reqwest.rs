//! The default transport, on reqwest: HTTP/1.1, no redirects, no decompression, proxies only when asked for.

use std::error::Error as StdError;
use std::io;
use std::pin::Pin;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use http_body::{Body as _, Frame};
use reqwest::Url;

use super::options::{Certificate, TransportOptions};
use super::{Fresh, HttpClient, Phase, TransportError, at_hand};
use crate::body::{ByteStream, Pieces};
use crate::client::payload::Payload;
use crate::client::provider::BoxFuture;
use crate::error::{BoxError, Result};

#[derive(Debug)]
pub(crate) struct ReqwestTransport {
    options: TransportOptions,
    /// For http endpoints: they never look for the certificates of this machine, which may have none.
    plain: Clients,
    tls: Clients,
    /// Of the latest request: most go to the same host, and parsing it takes longer than signing.
    origin: Mutex<Option<Url>>,
}

/// Each made with the first request it is for.
#[derive(Debug, Default)]
struct Clients {
    pooling: OnceLock<reqwest::Client>,
    /// For requests that shall not go over an idle connection: it keeps none.
    fresh: OnceLock<reqwest::Client>,
}

impl ReqwestTransport {
    pub(crate) fn new(options: TransportOptions) -> Self {
        Self { options, plain: Clients::default(), tls: Clients::default(), origin: Mutex::default() }
    }

    fn client(&self, https: bool, fresh: bool) -> Result<&reqwest::Client, reqwest::Error> {
        let clients = if https { &self.tls } else { &self.plain };
        let cell = if fresh { &clients.fresh } else { &clients.pooling };
        if let Some(client) = cell.get() {
            return Ok(client);
        }
        let mut builder = self.builder(https);
        if fresh {
            builder = builder.pool_max_idle_per_host(0);
        }
        let client = builder.build()?;
        Ok(cell.get_or_init(|| client))
    }

    fn url(&self, uri: &http::Uri) -> Result<Url, BoxError> {
        let scheme = uri.scheme_str().unwrap_or_default();
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let mut latest = self.origin.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |origin: &&mut Url| origin.authority() == authority && origin.scheme() == scheme;
        let mut url = if let Some(origin) = latest.as_mut().filter(same) {
            origin.clone()
        } else {
            latest.insert(Url::parse(&format!("{scheme}://{authority}/"))?).clone()
        };
        drop(latest);
        url.set_path(uri.path());
        url.set_query(uri.query());
        Ok(url)
    }

    fn builder(&self, https: bool) -> reqwest::ClientBuilder {
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
        // A request that was answered early is left in the midst; a peer that takes nothing more of it would keep its
        // connection.
        #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
        {
            builder = builder.tcp_user_timeout(options.unheeded);
        }
        if !options.system_proxy {
            builder = builder.no_proxy();
        }
        for proxy in &options.proxies {
            builder = builder.proxy(proxy.clone());
        }
        for (host, address) in &options.resolve {
            builder = builder.resolve(host, *address);
        }
        tls(builder, https, &options.root_certificates)
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
            let fresh = request.extensions().get::<Fresh>().is_some();
            let client =
                self.client(https, fresh).map_err(|error| TransportError::new(phase_of(&error, Phase::Tls), error))?;
            let (head, body) = request.into_parts();
            let url = self.url(&head.uri).map_err(|error| TransportError::new(Phase::Connect, error))?;
            let mut request = reqwest::Request::new(head.method, url);
            *request.headers_mut() = head.headers;
            *request.body_mut() = (body.remaining() > 0).then(|| reqwest::Body::wrap(body));
            let response =
                client.execute(request).await.map_err(|error| transport_error(error, Phase::AwaitHeaders))?;
            let (head, mut body) = http::Response::<reqwest::Body>::from(response).into_parts();
            let length = body.size_hint().exact();
            let body = match at_hand(&mut body) {
                Some(Ok(whole)) if body.is_end_stream() => whole.into(),
                first => ByteStream::from_pieces(length, Answer { first, body }),
            };
            Ok(http::Response::from_parts(head, body))
        })
    }
}

/// The body of an answer.
struct Answer {
    first: Option<reqwest::Result<Bytes>>,
    body: reqwest::Body,
}

impl Pieces for Answer {}

impl Stream for Answer {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let frame = match self.first.take() {
                Some(first) => Some(first.map(Frame::data)),
                None => ready!(Pin::new(&mut self.body).poll_frame(cx)),
            };
            match frame {
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
    TransportError::new(phase, error).with_timed_out(timed_out)
}

fn phase_of(error: &reqwest::Error, otherwise: Phase) -> Phase {
    // After the handshake TLS fails as any connection does.
    if error.is_connect() && is_tls(error) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_what_the_uri_says() {
        let transport = ReqwestTransport::new(TransportOptions::default());
        for text in [
            "http://127.0.0.1:9911/b-1/a%20b//c/.%2Fd?uploads&prefix=a%2F%2B&marker=",
            "http://127.0.0.1:9911/b-1/%2Flead?x-cos-security-token=a%2B",
            "http://127.0.0.1:9911/",
            "https://b-1.cos.ap-x.myqcloud.com/~a%2Ab%21%27%28%29%5C%7C%5E",
            "https://b-1.cos.ap-x.myqcloud.com/?acl",
            "http://[::1]:1/b-1/k",
        ] {
            for _ in 0..2 {
                assert_eq!(transport.url(&text.parse().unwrap()).unwrap().as_str(), text);
            }
        }
    }
}
