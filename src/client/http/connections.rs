//! A transport made of its settings.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "hyper")]
use super::HyperTransport;
use super::{HttpClient, ReqwestTransport, Transport, TransportOptions};
use crate::client::defaults;
use crate::error::{Error, Result};

/// How the network is reached: which transport, and how it connects.
///
/// A [`ClientBuilder`](crate::ClientBuilder) has the same settings. Use this where there is no client, or for several
/// clients that share their connections.
///
/// # Examples
/// ```
/// use tencent_cos::client::Connections;
/// use tencent_cos::{Client, Credentials};
///
/// let http = Connections::new().resolve("cos.example.com", ([127, 0, 0, 1], 443).into()).open()?;
/// let anonymous = Client::builder().credentials(Credentials::anonymous()).http_client(http.clone()).build()?;
/// # Ok::<(), tencent_cos::Error>(())
/// ```
#[derive(Debug, Default)]
#[must_use]
pub struct Connections {
    transport: Transport,
    options: TransportOptions,
    refused: Option<Error>,
}

impl Connections {
    /// The default transport with the defaults of [`defaults`](crate::client::defaults).
    pub fn new() -> Self {
        Self::default()
    }

    /// Which of the transports that come with the crate.
    pub fn transport(mut self, transport: Transport) -> Self {
        self.transport = transport;
        self
    }

    /// Sends everything through this proxy: `http://user:password@host:port`.
    pub fn proxy(mut self, url: &str) -> Self {
        let outcome = self.options.proxy(url);
        self.note(outcome)
    }

    /// Uses the proxy of this machine's environment. Off by default.
    pub fn system_proxy(mut self, system: bool) -> Self {
        self.options.system_proxy = system;
        self
    }

    /// Trusts these certificates (PEM, one or several) beside those of the machine.
    pub fn root_certificates(mut self, pem: impl AsRef<[u8]>) -> Self {
        let outcome = self.options.root_certificates(pem.as_ref());
        self.note(outcome)
    }

    /// Connects to this address for that host, without asking DNS. The host is still what is signed and what TLS
    /// checks. A port in the endpoint takes precedence over the port of the address.
    pub fn resolve(mut self, host: impl Into<String>, address: SocketAddr) -> Self {
        self.options.resolve.push((host.into(), address));
        self
    }

    /// How long connecting may take, TLS included; 5 s by default.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.options.connect_timeout = timeout.min(defaults::LONGEST_WAIT);
        self
    }

    pub(crate) fn stall_timeout(mut self, timeout: Duration) -> Self {
        self.options.stall_timeout(timeout);
        self
    }

    /// How long an idle connection is kept; 25 s by default.
    pub fn pool_idle(mut self, timeout: Duration) -> Self {
        self.options.pool_idle = timeout.min(defaults::LONGEST_WAIT);
        self
    }

    /// Makes the transport; it connects when it is used.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) for the first value that is invalid, or that the transport does
    /// not support.
    pub fn open(mut self) -> Result<Arc<dyn HttpClient>> {
        self.check()?;
        Ok(match self.transport {
            Transport::Reqwest => Arc::new(ReqwestTransport::new(self.options)),
            #[cfg(feature = "hyper")]
            Transport::Hyper => Arc::new(HyperTransport::new(self.options)?),
        })
    }

    /// Fails with the first value that was none.
    pub(crate) fn check(&mut self) -> Result<()> {
        self.refused.take().map_or(Ok(()), Err)
    }

    fn note(mut self, outcome: Result<()>) -> Self {
        self.refused = self.refused.or(outcome.err());
        self
    }
}
