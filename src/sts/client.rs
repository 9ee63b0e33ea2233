use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;

use super::endpoint::Site;
use super::{Call, Endpoint, Issued, Issuer};
// A stranger would write a budget and a corrected clock of their own; a second pair would say the same.
use crate::client::budget::Budget;
use crate::client::clock::{CorrectedClock, SystemClock};
use crate::client::provider::{ProvideCredentials, RefreshingCredentials};
use crate::client::{Connections, HttpClient};
use crate::error::{Error, Result};
use crate::region::Region;
use crate::request::header_value;
use crate::time::Clock;

/// A client of STS, with the key that signs its calls. Cheap to clone. Needs a tokio runtime.
///
/// Each attempt is signed anew. A call is repeated when STS says that it failed for a temporary reason, or when STS
/// does not answer; that is safe, because a key that nobody received does no harm. There are at most 3 attempts, within
/// 15 s in all. When STS refuses the time of a request, the clock is corrected once, for this client.
#[derive(Clone)]
pub struct Client(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) credentials: RefreshingCredentials,
    pub(super) http: Arc<dyn HttpClient>,
    pub(super) clock: Arc<CorrectedClock>,
    pub(super) region: HeaderValue,
    pub(super) site: Site,
    pub(super) user_agent: HeaderValue,
    pub(super) limits: Limits,
    pub(super) budget: Budget,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) attempts: u32,
    pub(super) attempt: Duration,
    pub(super) total: Duration,
}

impl Client {
    /// Starts a builder.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// Asks for a key.
    ///
    /// # Errors
    /// What the call documents, and everything that can go wrong on the way. Of STS's own codes `InternalError.…` and
    /// `RequestLimitExceeded` are [retryable](Error::is_retryable), and `AuthFailure.SignatureExpire` means that the
    /// [clock](Error::is_clock_skew) could not be corrected.
    ///
    /// # Cancellation
    /// Dropping the future stops all I/O. A key that was already issued is lost, and expires by itself.
    pub async fn send<C: Call>(&self, call: C) -> Result<Issued> {
        self.deliver(&call).await
    }

    /// A source of keys that makes this call each time it is asked. A client of COS caches what it gives.
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(sts: tencent_cos::sts::Client) -> tencent_cos::Result<()> {
    /// use tencent_cos::{Client, sts::AssumeRole};
    ///
    /// let keys = sts.provider(AssumeRole::new("qcs::cam::uin/100000000001:roleName/uploader", "nightly"));
    /// let client = Client::builder().region("ap-guangzhou").credentials(keys).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn provider<C: Call>(&self, call: C) -> Issuer<C> {
        Issuer::new(self.clone(), call)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("sts::Client").field("site", &self.0.site.uri).finish_non_exhaustive()
    }
}

/// Settings of a [`Client`]. An invalid value is reported by [`build`](Self::build).
#[derive(Debug)]
#[must_use]
pub struct ClientBuilder {
    region: Option<Result<Region>>,
    endpoint: Endpoint,
    credentials: Option<Arc<dyn ProvideCredentials>>,
    http: Option<Arc<dyn HttpClient>>,
    clock: Option<Arc<dyn Clock>>,
    limits: Limits,
    allow_http: bool,
}

impl Default for ClientBuilder {
    fn default() -> Self {
        Self {
            region: None,
            endpoint: Endpoint::default(),
            credentials: None,
            http: None,
            clock: None,
            limits: Limits { attempts: 3, attempt: Duration::from_secs(5), total: Duration::from_secs(15) },
            allow_http: false,
        }
    }
}

impl ClientBuilder {
    /// A region of the API, for instance `ap-guangzhou`. STS requires one; the keys are valid in all regions.
    pub fn region<R: TryInto<Region, Error: Into<Error>>>(mut self, region: R) -> Self {
        self.region = Some(region.try_into().map_err(Into::into));
        self
    }

    /// The key that signs the calls: a permanent one, or a source of it. [`AssumeRole`](super::AssumeRole) also accepts
    /// a temporary one.
    pub fn credentials(mut self, provider: impl ProvideCredentials + 'static) -> Self {
        self.credentials = Some(Arc::new(provider));
        self
    }

    /// The address of STS; by default `sts.tencentcloudapi.com`.
    pub fn endpoint(mut self, endpoint: Endpoint) -> Self {
        self.endpoint = endpoint;
        self
    }

    /// Allows plain http to another machine. The keys that STS issues can be read on the way.
    pub fn allow_http(mut self, allow: bool) -> Self {
        self.allow_http = allow;
        self
    }

    /// Sends through this: another HTTP library, or [`Connections`] with your own proxy, certificates or addresses.
    pub fn http_client(mut self, http: impl HttpClient + 'static) -> Self {
        self.http = Some(Arc::new(http));
        self
    }

    /// How often a call is sent at most, the first time included: 3 by default.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.limits.attempts = attempts.max(1);
        self
    }

    /// How long one attempt may take, connecting and reading included: 5 s by default.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.limits.attempt = timeout;
        self
    }

    /// How long a call may take with all its attempts and waits: 15 s by default.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.limits.total = deadline;
        self
    }

    /// Where the time comes from; for tests.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Makes the client. No I/O happens here.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) for an invalid region, when there are no credentials or no region,
    /// and when the address is plain http to another machine.
    pub fn build(self) -> Result<Client> {
        let region = self.region.ok_or_else(|| Error::input("region", "is not set"))??;
        let provider = self.credentials.ok_or_else(|| Error::input("credentials", "are not set"))?;
        let site = self.endpoint.site(&region, self.allow_http)?;
        let clock = Arc::new(CorrectedClock::new(self.clock.unwrap_or_else(|| Arc::new(SystemClock::new()))));
        Ok(Client(Arc::new(Inner {
            credentials: RefreshingCredentials::over(provider, Arc::clone(&clock)),
            http: self.http.map_or_else(|| Connections::new().open(), Ok)?,
            clock,
            region: header_value("region", region.as_str())?,
            site,
            user_agent: HeaderValue::from_static(concat!("tencent-cos-rust/", env!("CARGO_PKG_VERSION"))),
            limits: self.limits,
            budget: Budget::new(),
        })))
    }
}
