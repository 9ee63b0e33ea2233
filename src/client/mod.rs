//! The async client: the lowest floor that waits, sleeps and reads the clock.

mod account;
mod bucket;
pub(crate) mod budget;
pub(crate) mod chunks;
pub(crate) mod clock;
pub mod defaults;
mod execute;
mod explain;
mod failover;
pub(crate) mod file;
mod http;
mod listing;
pub(crate) mod memory;
mod overrides;
mod payload;
mod presign;
pub mod provider;
mod reach;
mod reader;
mod resume;
mod route;
pub(crate) mod runtime;
mod signer;
mod stall;
#[cfg(feature = "tracing")]
pub(crate) mod trace;
#[cfg(not(feature = "tracing"))]
#[path = "untraced.rs"]
pub(crate) mod trace;
mod verdict;

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;

pub use self::bucket::Bucket;
use self::clock::{CorrectedClock, SystemClock};
use self::execute::{Engine, Limits};
pub(crate) use self::http::lacks_files;
pub use self::http::{Connections, HttpClient, Transport};
pub use self::listing::Listing;
use self::memory::Memory;
pub use self::overrides::Overrides;
pub use self::payload::Payload;
use self::provider::{ChainCredentials, ProvideCredentials, RefreshingCredentials, Variables};
pub use self::reader::ByteReader;
use self::route::{HostState, Route};
use self::signer::Signer;
use crate::endpoint::{Endpoint, Scheme};
use crate::error::{Error, Result};
use crate::region::{BucketName, Region};
use crate::request::header_value;
use crate::time::Clock;

/// So many hosts are remembered at least, whether somebody has a bucket of them or not.
const CROWD: usize = 1024;

/// A connection to COS for one account: credentials, region, endpoint, connection pool. Cheap to clone.
///
/// Needs a tokio runtime whose timer and I/O are enabled. Without a runtime every request ends with
/// [`ErrorKind::Input`](crate::ErrorKind) and field `runtime`, and so does a stream that has to wait; without timer or
/// I/O tokio panics. [`blocking`](crate::blocking) brings a runtime of its own. See [`Bucket`] for what to do with a
/// client, and [`defaults`] for every limit it keeps.
///
/// A connection belongs to the runtime whose request opened it. When a runtime ends, its connections end with it, and
/// the client opens new ones in another runtime. A runtime that is kept but not driven is worse: its idle connections
/// answer nothing, and a request that is given one of them waits until a limit ends the attempt. Give each such runtime
/// a client of its own, and each process that `fork` made, too.
///
/// # Examples
/// ```no_run
/// use tencent_cos::{Client, Credentials};
///
/// # fn example() -> tencent_cos::Result<()> {
/// let credentials = Credentials::permanent("AKID…", "…")?;
/// let client = Client::builder().region("ap-guangzhou").credentials(credentials).build()?;
/// let bucket = client.bucket("examplebucket-1250000000")?;
/// let backup = client.bucket_in("ap-shanghai", "backup-1250000000")?;
/// # let _ = (bucket, backup);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    engine: Arc<Engine>,
    region: Option<Region>,
    endpoint: Endpoint,
    allow_http: bool,
    failover: bool,
    hosts: Mutex<HashMap<String, Arc<HostState>>>,
    memory: Memory,
}

impl Client {
    /// Starts a builder.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// A client configured by the environment; see [`ClientBuilder::from_env`].
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example() -> tencent_cos::Result<()> {
    /// let bucket = tencent_cos::Client::from_env()?.bucket("examplebucket-1250000000")?;
    /// bucket.put("notes/a.txt", "hello").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`ClientBuilder::build`]. Whether the environment has a key is known only at the first request.
    pub fn from_env() -> Result<Self> {
        ClientBuilder::from_env().build()
    }

    /// A bucket in the client's region, by its full name: `name-appid`.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) when the name is not a bucket name, when the client has no region,
    /// or when the address is plain http to another machine and [`allow_http`](ClientBuilder::allow_http) is not set.
    pub fn bucket<B: TryInto<BucketName, Error: Into<Error>>>(&self, name: B) -> Result<Bucket> {
        let region = self.0.region.clone().ok_or_else(|| Error::input("region", "is not set"))?;
        self.bucket_in(region, name)
    }

    /// A bucket in another region.
    ///
    /// # Errors
    /// As [`bucket`](Self::bucket).
    pub fn bucket_in<R, B>(&self, region: R, name: B) -> Result<Bucket>
    where
        R: TryInto<Region, Error: Into<Error>>,
        B: TryInto<BucketName, Error: Into<Error>>,
    {
        let region = region.try_into().map_err(Into::into)?;
        let name = name.try_into().map_err(Into::into)?;
        let route = self.route(Some(&name), &region)?;
        Ok(Bucket::new(self.clone(), name, region, Arc::new(route)))
    }

    /// The client's credentials: look at the current key, or invalidate it.
    pub fn credentials(&self) -> &RefreshingCredentials {
        self.0.engine.signer.credentials()
    }

    /// What transfers may hold.
    pub(crate) fn memory(&self) -> &Memory {
        &self.0.memory
    }

    pub(crate) fn engine(&self) -> &Arc<Engine> {
        &self.0.engine
    }

    fn route(&self, bucket: Option<&BucketName>, region: &Region) -> Result<Route> {
        let address = self.0.endpoint.address(bucket, region)?;
        if address.scheme() == Scheme::Http && !self.0.allow_http && !address.is_loopback() {
            return Err(Error::input("endpoint", "is plain http to another machine; allow_http(true) permits it"));
        }
        let backup = self.0.endpoint.backup(bucket, region).filter(|_| self.0.failover);
        let mut hosts = self.0.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        // Now and then, each time of twice as many.
        let is_time = hosts.len() >= CROWD && hosts.len().is_power_of_two();
        if is_time && !hosts.contains_key(address.host()) {
            hosts.retain(|_, host| Arc::strong_count(host) > 1);
        }
        let host = hosts.entry(address.host().to_owned()).or_insert_with(|| Arc::new(HostState::new()));
        let host = Arc::clone(host);
        Ok(Route { address, backup, bucket: bucket.map(ToString::to_string).unwrap_or_default(), host })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("region", &self.0.region)
            .field("endpoint", &self.0.endpoint)
            .finish_non_exhaustive()
    }
}

/// Settings of a [`Client`]. An invalid value is reported by [`build`](Self::build). Settings for some requests only,
/// like a deadline for a whole operation, are in [`Overrides`].
#[must_use]
pub struct ClientBuilder {
    region: Option<Result<Region>>,
    endpoint: Result<Endpoint>,
    credentials: Option<Arc<dyn ProvideCredentials>>,
    http: Option<Arc<dyn HttpClient>>,
    connections: Connections,
    clock: Option<Arc<dyn Clock>>,
    limits: Limits,
    max_connections: usize,
    memory_limit: u64,
    allow_http: bool,
    failover: bool,
    user_agent: String,
}

impl Default for ClientBuilder {
    fn default() -> Self {
        Self {
            region: None,
            endpoint: Ok(Endpoint::default()),
            credentials: None,
            http: None,
            connections: Connections::new(),
            clock: None,
            limits: Limits {
                connect: defaults::CONNECT_TIMEOUT,
                stall: defaults::STALL_TIMEOUT,
                response: defaults::RESPONSE_TIMEOUT,
                attempts: None,
            },
            max_connections: defaults::MAX_CONNECTIONS,
            memory_limit: defaults::MEMORY_LIMIT,
            allow_http: false,
            failover: true,
            user_agent: concat!("tencent-cos-rust/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

impl ClientBuilder {
    /// Takes keys, region and endpoint from the environment: the keys from [`ChainCredentials::standard`], the region
    /// from `COS_REGION`, else `TENCENTCLOUD_REGION`, else `TKE_REGION`, and the endpoint from `COS_ENDPOINT`. What is
    /// set afterwards replaces these.
    pub fn from_env() -> Self {
        Self::from_variables(&Variables::of_process())
    }

    /// The same, with the variables read through `lookup`.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self::from_variables(&Variables::new(lookup))
    }

    fn from_variables(variables: &Variables) -> Self {
        let mut builder = Self::default().credentials(ChainCredentials::of(variables, None));
        let region = ["COS_REGION", "TENCENTCLOUD_REGION", "TKE_REGION"].iter().find_map(|name| variables.get(name));
        if let Some(region) = region {
            builder = builder.region(region);
        }
        if let Some(url) = variables.get("COS_ENDPOINT") {
            builder.endpoint = Endpoint::custom(url);
        }
        builder
    }

    /// The region of the buckets, for instance `ap-guangzhou`.
    pub fn region<R: TryInto<Region, Error: Into<Error>>>(mut self, region: R) -> Self {
        self.region = Some(region.try_into().map_err(Into::into));
        self
    }

    /// Where the keys come from: [`Credentials`](crate::Credentials) themselves, or a provider. The client wraps it in
    /// a [`RefreshingCredentials`], so that it is asked in time, and once for all requests.
    pub fn credentials(mut self, provider: impl ProvideCredentials + 'static) -> Self {
        self.credentials = Some(Arc::new(provider));
        self
    }

    /// The hosts to talk to; by default those under `myqcloud.com`.
    pub fn endpoint(mut self, endpoint: Endpoint) -> Self {
        self.endpoint = Ok(endpoint);
        self
    }

    /// Allows plain http to another machine. Everything sent there, session tokens included, can be read on the way.
    pub fn allow_http(mut self, allow: bool) -> Self {
        self.allow_http = allow;
        self
    }

    /// Whether requests go to `tencentcos.cn` while `myqcloud.com` cannot be reached, or something that is not COS
    /// answers there. On by default. It concerns only the default hosts of buckets. A wrong certificate never causes
    /// the switch, and a client that cannot reach `tencentcos.cn` either goes back.
    pub fn failover(mut self, failover: bool) -> Self {
        self.failover = failover;
        self
    }

    /// Which of the built-in transports sends the requests.
    pub fn transport(mut self, transport: Transport) -> Self {
        self.connections = self.connections.transport(transport);
        self
    }

    /// Sends requests through this client instead of a built-in transport. The settings of connections do not apply to
    /// it.
    pub fn http_client(mut self, http: impl HttpClient + 'static) -> Self {
        self.http = Some(Arc::new(http));
        self
    }

    /// Sends everything through this proxy: `http://user:password@host:port`.
    pub fn proxy(mut self, url: &str) -> Self {
        self.connections = self.connections.proxy(url);
        self
    }

    /// Uses the proxy settings of this machine's environment. Off by default.
    pub fn system_proxy(mut self, system: bool) -> Self {
        self.connections = self.connections.system_proxy(system);
        self
    }

    /// Trusts these certificates (PEM, one or several) in addition to those of the machine.
    pub fn root_certificates(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.connections = self.connections.root_certificates(pem);
        self
    }

    /// Connects to this address for that host, without asking DNS. The host is still what is signed and what TLS
    /// checks. A port in the endpoint takes precedence over the port of the address.
    pub fn resolve(mut self, host: impl Into<String>, address: SocketAddr) -> Self {
        self.connections = self.connections.resolve(host, address);
        self
    }

    /// How long connecting may take, TLS included; 5 s by default.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.limits.connect = timeout.min(defaults::LONGEST_WAIT);
        self.connections = self.connections.connect_timeout(timeout);
        self
    }

    /// How long a body may make no progress, in either direction; 20 s by default. A body that stays slower than
    /// [`MIN_RATE`](defaults::MIN_RATE) for three times as long is given up, too, except the results of a
    /// [`SelectObjectContent`](crate::SelectObjectContent).
    pub fn stall_timeout(mut self, timeout: Duration) -> Self {
        self.limits.stall = timeout.min(defaults::LONGEST_WAIT);
        self.connections = self.connections.stall_timeout(timeout);
        self
    }

    /// How long to wait for the head of the answer after the last byte was sent; for a request without a body, from its
    /// start. 30 s by default, and always 20 min while COS works on a copy or a completion.
    ///
    /// Bytes that the system took may still be on their way. For them the wait is longer: by up to 1 s for each 4 KiB,
    /// at most 64 s, unless earlier bytes went out faster. Keep this timeout longer than the connect timeout: a request
    /// that it ends before there is a connection counts as sent.
    pub fn response_timeout(mut self, timeout: Duration) -> Self {
        self.limits.response = timeout.min(defaults::LONGEST_WAIT);
        self
    }

    /// How often a request is sent at most, the first time included; 4 by default, 8 for the requests of transfers.
    ///
    /// Retries also draw on a budget of the host, so that they do not multiply an outage: 35 in a row, then one more
    /// for every fourteen successes, or every three seconds. When the budget is used up, a request fails although it
    /// has attempts left ([`Error::advice`](crate::Error::advice) says so); a request of a transfer waits for the
    /// budget, up to a minute.
    ///
    /// When a transfer has had an answer and can no longer connect, it keeps trying for up to a minute. These attempts
    /// count neither here nor in the budget. When a number is set here, that is the limit for them, too.
    ///
    /// Three remedies are not counted, and each is used once: a new connection when an idle one was closed before
    /// anything was sent on it, a new key when COS says that this one has expired, and a corrected time when COS says
    /// that the clock is wrong. None of them repeats a request that may have taken effect.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.limits.attempts = Some(attempts.max(1));
        self
    }

    /// How many requests are on the wire at once, 256 by default; further ones wait. Each may take a file descriptor:
    /// when the system has none left, a request waits a few seconds for one, and then fails. A stream that is not read
    /// to its end counts until it is dropped: tasks that each send one on through the same client need two places each,
    /// and when all places are taken by such streams, all of them wait until a deadline ends one.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.max_connections = connections.clamp(1, Semaphore::MAX_PERMITS);
        self
    }

    /// How many bytes all transfers of this client hold in memory at once: parts of streams, kept in case they must be
    /// sent again, and what is on its way between file and network. 64 MiB by default, at least 8 MiB.
    ///
    /// Half of it is for parts of streams that are still being filled. Each stream needs room there for one part and 2
    /// MiB; a stream that finds no room waits until a part of another stream is full. For many slow sources, set a
    /// higher limit or smaller parts. Three eighths of it are for bytes that downloads fetch ahead of their readers,
    /// all downloads together. Transfers of files never wait for either share.
    pub fn memory_limit(mut self, bytes: u64) -> Self {
        self.memory_limit = bytes;
        self
    }

    /// How long an idle connection is kept; 25 s by default.
    pub fn pool_idle(mut self, timeout: Duration) -> Self {
        self.connections = self.connections.pool_idle(timeout);
        self
    }

    /// Where the time comes from; for tests.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Adds the name of the program to `User-Agent`.
    pub fn user_agent(mut self, program: &str) -> Self {
        self.user_agent = format!("{} {program}", self.user_agent);
        self
    }

    /// Makes the client. No I/O happens here.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) for an invalid value, and when there are no credentials: those of
    /// [the environment](Self::from_env), and anonymous ones, must be asked for.
    pub fn build(mut self) -> Result<Client> {
        let (region, endpoint) = (self.region.transpose()?, self.endpoint?);
        if self.memory_limit < defaults::MIN_MEMORY_LIMIT {
            return Err(Error::input("memory_limit", "is under 8 MiB"));
        }
        let provider = self.credentials.ok_or_else(|| {
            let told =
                "are not set; from_env() takes those of this machine, Credentials::anonymous() reads what all may";
            Error::input("credentials", told)
        })?;
        let clock = Arc::new(CorrectedClock::new(self.clock.unwrap_or_else(|| Arc::new(SystemClock::new()))));
        let credentials = RefreshingCredentials::over(provider, Arc::clone(&clock));
        self.connections.check()?;
        let http = self.http.map_or_else(|| self.connections.open(), Ok)?;
        let engine = Arc::new(Engine {
            http,
            signer: Arc::new(Signer::new(credentials)),
            clock,
            limits: self.limits,
            connections: Arc::new(Semaphore::new(self.max_connections)),
            user_agent: header_value("user_agent", &self.user_agent)?,
        });
        let (allow_http, failover) = (self.allow_http, self.failover);
        let memory = Memory::new(self.memory_limit);
        let hosts = Mutex::default();
        Ok(Client(Arc::new(Inner { engine, region, endpoint, allow_http, failover, hosts, memory })))
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("region", &self.region)
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::Credentials;

    #[test]
    fn hosts_that_nobody_holds_are_forgotten_in_a_crowd() {
        let region = Region::new("ap-x").unwrap();
        let client = Client::builder().credentials(Credentials::anonymous()).build().unwrap();
        let route = |name: String| client.route(Some(&name.parse().unwrap()), &region).unwrap();
        let held = route("held-1250000000".to_owned());
        for number in 0..10_000 {
            route(format!("b{number}-1250000000"));
        }
        assert!(client.0.hosts.lock().unwrap().len() <= CROWD);
        assert!(Arc::ptr_eq(&held.host, &route("held-1250000000".to_owned()).host));
        let all: Vec<_> = (0..2 * CROWD).map(|number| route(format!("c{number}-1250000000"))).collect();
        assert!(
            all.iter()
                .enumerate()
                .all(|(number, one)| { Arc::ptr_eq(&one.host, &route(format!("c{number}-1250000000")).host) })
        );
    }
}
