use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue, header};

use crate::client::clock::CorrectedClock;
use crate::client::provider::{ProvideCredentials, RefreshingCredentials};
use crate::client::reach::Reach;
use crate::client::signer::Signer;
use crate::error::{Error, Result};
use crate::head::Head;
use crate::request::{Param, header_name, header_value};
use crate::sign::SECURITY_TOKEN;

/// Settings for what goes through one handle of a bucket ([`Bucket::with`](crate::Bucket::with)).
///
/// # Examples
/// ```no_run
/// use std::time::Duration;
///
/// use tencent_cos::{Bucket, Overrides, SessionCredentials};
///
/// # async fn example(bucket: Bucket, key_of_alice: SessionCredentials) -> tencent_cos::Result<()> {
/// let alice = bucket.with(Overrides::new().credentials(key_of_alice).deadline(Duration::from_secs(10)));
/// alice.put("uploads/alice/a.txt", "hello").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Overrides {
    pub(crate) deadline: Option<Duration>,
    pub(crate) max_attempts: Option<u32>,
    /// Of a transfer: its requests wait for the budget of the host, and for the host.
    pub(crate) reach: Option<Arc<Reach>>,
    provider: Option<Arc<dyn ProvideCredentials>>,
    /// The provider behind a cache that lives by the client's clock; made when a bucket takes these settings.
    pub(crate) signer: Option<Arc<Signer>>,
    headers: Vec<(HeaderName, HeaderValue)>,
    query: Vec<Param>,
}

impl Overrides {
    /// No other settings.
    pub const fn new() -> Self {
        Self {
            deadline: None,
            max_attempts: None,
            reach: None,
            provider: None,
            signer: None,
            headers: Vec::new(),
            query: Vec::new(),
        }
    }

    /// How long an operation may take with all its attempts and waits; for a stream, until it begins. When the deadline
    /// passes, the operation is dropped, and may have taken effect. The failure of its last attempt is the `source` of
    /// the error.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// How often a request is sent at most: as [`ClientBuilder::max_attempts`](crate::ClientBuilder::max_attempts).
    #[must_use]
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = Some(attempts.max(1));
        self
    }

    /// Other credentials. Each call of [`Bucket::with`](crate::Bucket::with) makes a new cache for them, so keep the
    /// handle.
    #[must_use]
    pub fn credentials(mut self, provider: impl ProvideCredentials + 'static) -> Self {
        self.provider = Some(Arc::new(provider));
        self
    }

    /// One more header. It replaces a header of that name that the operation sets, and is signed if COS checks it. When
    /// a `range` is set this way, a body that breaks off is not continued.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) when it cannot stand in a request, or is one that belongs to the
    /// client: `host`, `authorization`, `content-length`, `transfer-encoding`, `connection`, `x-cos-security-token`.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self> {
        let (name, mut value) = (header_name("header", name)?, header_value("header", value)?);
        value.set_sensitive(true);
        let reserved = ["host", "authorization", "content-length", "transfer-encoding", "connection", SECURITY_TOKEN];
        if reserved.contains(&name.as_str()) || value.is_empty() {
            return Err(Error::input("header", "is empty, or belongs to the client"));
        }
        self.headers.push((name, value));
        Ok(self)
    }

    /// One more parameter, signed. A request is refused ([`ErrorKind::Input`](crate::ErrorKind::Input), field `query`)
    /// when the parameter has no name, is a field of the signature, or is there already. When a `versionId` is set this
    /// way, a body that breaks off is not continued.
    #[must_use]
    pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.push((name.into().into(), value.into().into()));
        self
    }

    /// These over those that hold already.
    pub(crate) fn over(self, base: &Self, clock: &Arc<CorrectedClock>) -> Self {
        let cache = self.provider.map(|provider| RefreshingCredentials::over(provider, Arc::clone(clock)));
        let signer = cache.map(|cache| Arc::new(Signer::new(cache)));
        Self {
            deadline: self.deadline.or(base.deadline),
            max_attempts: self.max_attempts.or(base.max_attempts),
            reach: self.reach.or_else(|| base.reach.clone()),
            provider: None,
            signer: signer.or_else(|| base.signer.clone()),
            headers: base.headers.iter().cloned().chain(self.headers).collect(),
            query: base.query.iter().cloned().chain(self.query).collect(),
        }
    }

    /// For the requests of one transfer: they wait for the budget of the host, wait for a host that has answered before,
    /// and have more attempts.
    pub(crate) fn patient() -> Self {
        Self { reach: Some(Arc::default()), ..Self::new() }
    }

    pub(crate) fn is_patient(&self) -> bool {
        self.reach.is_some()
    }

    /// Whether the range of a body, or its version, is the caller's own business.
    pub(crate) fn chooses_body(&self) -> bool {
        let is_version = |(name, _): &Param| name.eq_ignore_ascii_case("versionId");
        self.headers.iter().any(|(name, _)| name == header::RANGE) || self.query.iter().any(is_version)
    }

    /// Adds what is wanted to a request.
    pub(crate) fn apply(&self, head: &mut Head) {
        for (name, value) in &self.headers {
            head.headers_mut().insert(name, value.clone());
        }
        head.query_mut().extend(self.query.iter().cloned());
    }
}

impl fmt::Debug for Overrides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values of headers and parameters may be secret.
        f.debug_struct("Overrides")
            .field("deadline", &self.deadline)
            .field("max_attempts", &self.max_attempts)
            .field("credentials", &(self.provider.is_some() || self.signer.is_some()))
            .finish_non_exhaustive()
    }
}
