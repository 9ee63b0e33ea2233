//! What is said of the connections, for each transport that comes with the crate.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

#[cfg(any(feature = "rustls", feature = "native-tls"))]
pub(crate) use reqwest::Certificate;

use crate::client::defaults;
use crate::error::{Error, Result};

/// What carries the requests.
///
/// Small objects cost either of them a seventh to a fifth less of the processor in a program that is optimised as a
/// whole, with `lto = "fat"` and `codegen-units = 1` in its profile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Transport {
    /// reqwest: proxies, the certificates of the machine.
    #[default]
    Reqwest,
    /// hyper with a small pool of its own: less work for each request, so take it for many small objects. It knows no
    /// proxy, and trusts the authorities of Mozilla's list and those it is given. What happened to a failed request is
    /// told exactly, so that one lost to an idle connection that had gone away is sent again at once, whatever the
    /// operation.
    #[cfg(feature = "hyper")]
    Hyper,
}

/// What is said of the connections.
#[derive(Clone)]
pub(crate) struct TransportOptions {
    pub(crate) connect_timeout: Duration,
    pub(crate) pool_idle: Duration,
    /// A request that was dropped may have bytes on their way yet: after so long without one taken its connection is
    /// closed.
    pub(crate) unheeded: Duration,
    pub(crate) system_proxy: bool,
    pub(crate) proxies: Vec<reqwest::Proxy>,
    pub(crate) root_certificates: Vec<Certificate>,
    /// The same as text, for transports that read them another way.
    #[cfg(feature = "hyper")]
    pub(crate) root_pem: Vec<u8>,
    pub(crate) resolve: Vec<(String, SocketAddr)>,
}

impl Default for TransportOptions {
    fn default() -> Self {
        Self {
            connect_timeout: defaults::CONNECT_TIMEOUT,
            pool_idle: defaults::POOL_IDLE,
            unheeded: unheeded(defaults::STALL_TIMEOUT),
            system_proxy: false,
            proxies: Vec::new(),
            root_certificates: Vec::new(),
            #[cfg(feature = "hyper")]
            root_pem: Vec::new(),
            resolve: Vec::new(),
        }
    }
}

/// Who waits must see the stall first.
fn unheeded(stall: Duration) -> Duration {
    stall.saturating_add(Duration::from_secs(10))
}

impl TransportOptions {
    pub(crate) fn stall_timeout(&mut self, stall: Duration) {
        self.unheeded = unheeded(stall);
    }

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
        #[cfg(feature = "hyper")]
        self.root_pem.extend([pem, b"\n"].concat());
        Ok(())
    }
}

/// Without TLS there are none.
#[cfg(not(any(feature = "rustls", feature = "native-tls")))]
pub(crate) type Certificate = std::convert::Infallible;

#[cfg(any(feature = "rustls", feature = "native-tls"))]
fn certificates(pem: &[u8]) -> Result<Vec<Certificate>, reqwest::Error> {
    Certificate::from_pem_bundle(pem)
}

#[cfg(not(any(feature = "rustls", feature = "native-tls")))]
fn certificates(_: &[u8]) -> Result<Vec<Certificate>, std::io::Error> {
    Err(std::io::Error::other("built without TLS"))
}

impl fmt::Debug for TransportOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A proxy may come with a password.
        f.debug_struct("TransportOptions")
            .field("connect_timeout", &self.connect_timeout)
            .field("pool_idle", &self.pool_idle)
            .finish_non_exhaustive()
    }
}
