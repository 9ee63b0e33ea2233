//! Sets up an emulator.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use crate::Emulator;
use crate::account::{Clock, ExpiryAnswer, Keys};
use crate::address::{Domains, is_bucket_name, is_region_name};
use crate::cam::{self, Cam, Holder, Role, WebIdentity};
use crate::cors::{self, Cors};
use crate::fault::Script;
use crate::ids::Ids;
use crate::journal::Journal;
use crate::policy::BadPolicy;
use crate::server::{Server, Socketing};
use crate::service::{Service, World};
use crate::store::{Acl, Setting, Store, Versioning};
use crate::tls::{self, Tls};
use crate::wire::Link;

const DEFAULT_BUCKET: &str = "examplebucket-1250000000";
const DEFAULT_REGION: &str = "ap-guangzhou";
const DEFAULT_SECRET_ID: &str = "AKIDemulatorFAKEemulatorFAKEemulator0001";
const DEFAULT_SECRET_KEY: &str = "FAKEsecretKEYofTHEemulator0000001";
const DEFAULT_JOURNAL: usize = 100_000;

/// Settings of an [`Emulator`]. [`Emulator::builder`] makes one.
#[derive(Debug)]
#[must_use]
pub struct Builder {
    buckets: Vec<(String, String, Versioning)>,
    secret_id: String,
    secret_key: String,
    rights: Option<String>,
    sub_accounts: Vec<SubAccount>,
    other_accounts: Vec<(String, String)>,
    roles: Vec<Role>,
    web_identities: Vec<WebIdentity>,
    cors: Vec<Cors>,
    instance_role: Option<String>,
    expiry_answer: ExpiryAnswer,
    data_dir: Option<PathBuf>,
    listen: String,
    tls: Option<TlsChoice>,
    strict_signature: bool,
    small_parts: bool,
    restore_time: Option<Duration>,
    domains: Vec<(String, String)>,
    socketing: Socketing,
    clock: Clock,
    journal: usize,
}

#[derive(Debug)]
struct SubAccount {
    secret_id: String,
    secret_key: String,
    policy: Option<String>,
}

#[derive(Debug)]
enum TlsChoice {
    SelfMade,
    Given(Tls),
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            buckets: Vec::new(),
            secret_id: DEFAULT_SECRET_ID.to_owned(),
            secret_key: DEFAULT_SECRET_KEY.to_owned(),
            rights: None,
            sub_accounts: Vec::new(),
            other_accounts: Vec::new(),
            roles: Vec::new(),
            web_identities: Vec::new(),
            cors: Vec::new(),
            instance_role: None,
            expiry_answer: ExpiryAnswer::default(),
            data_dir: None,
            listen: "127.0.0.1:0".to_owned(),
            tls: None,
            strict_signature: false,
            small_parts: false,
            restore_time: None,
            domains: Vec::new(),
            socketing: Socketing::default(),
            clock: Clock::system(),
            journal: DEFAULT_JOURNAL,
        }
    }
}

impl Builder {
    /// Creates a bucket, unless the data folder has it. May be repeated. Without any there is
    /// `examplebucket-1250000000` in `ap-guangzhou`.
    pub fn bucket(self, name: impl Into<String>, region: impl Into<String>) -> Self {
        self.add(name.into(), region.into(), Versioning::Unset)
    }

    /// Creates a bucket with versioning enabled.
    pub fn versioned_bucket(self, name: impl Into<String>, region: impl Into<String>) -> Self {
        self.add(name.into(), region.into(), Versioning::Enabled)
    }

    fn add(mut self, name: String, region: String, versioning: Versioning) -> Self {
        self.buckets.push((name, region, versioning));
        self
    }

    /// The permanent key. The default is a fixed fake one.
    pub fn credentials(mut self, secret_id: impl Into<String>, secret_key: impl Into<String>) -> Self {
        self.secret_id = secret_id.into();
        self.secret_key = secret_key.into();
        self
    }

    /// What the permanent key may do: a policy as JSON. Without it that is everything.
    pub fn rights(mut self, policy: impl Into<String>) -> Self {
        self.rights = Some(policy.into());
        self
    }

    /// A sub-account with a permanent key of its own and, if there is one, a policy. May be repeated.
    ///
    /// STS gives it keys of up to 36 hours, where the account itself gets 2 hours.
    pub fn sub_account(
        mut self,
        secret_id: impl Into<String>,
        secret_key: impl Into<String>,
        policy: Option<&str>,
    ) -> Self {
        let policy = policy.map(str::to_owned);
        self.sub_accounts.push(SubAccount { secret_id: secret_id.into(), secret_key: secret_key.into(), policy });
        self
    }

    /// Another account, with a permanent key: it may what the policies and ACLs of buckets let it. May be repeated. The
    /// first has the uin `100000000002`, the next `100000000003`.
    pub fn other_account(mut self, secret_id: impl Into<String>, secret_key: impl Into<String>) -> Self {
        self.other_accounts.push((secret_id.into(), secret_key.into()));
        self
    }

    /// A role that can be assumed. May be repeated.
    pub fn role(mut self, role: Role) -> Self {
        self.roles.push(role);
        self
    }

    /// A token of an identity provider that is good for a role, by its name. May be repeated, and later there is
    /// [`Emulator::trust_web_identity`].
    pub fn web_identity(
        mut self,
        provider: impl Into<String>,
        token: impl Into<String>,
        role: impl Into<String>,
    ) -> Self {
        let (provider, token, role) = (provider.into(), token.into(), role.into());
        self.web_identities.push(WebIdentity { provider, token, role });
        self
    }

    /// The role, by its name, of the instance whose metadata the emulator plays. Without it the metadata knows no role.
    pub fn instance_role(mut self, name: impl Into<String>) -> Self {
        self.instance_role = Some(name.into());
        self
    }

    /// Lets the pages of an origin use the buckets of this builder. May be repeated: the first rule that fits is taken.
    ///
    /// It is their CORS configuration at the start, for clients to read, to change and to remove. One that a data folder
    /// has already stands.
    pub fn cors(mut self, rule: Cors) -> Self {
        self.cors.push(rule);
        self
    }

    /// How requests are answered whose temporary key is over.
    pub fn expiry_answer(mut self, answer: ExpiryAnswer) -> Self {
        self.expiry_answer = answer;
        self
    }

    /// Where objects and their index are kept. Without it they go when the emulator goes.
    pub fn data_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(path.into());
        self
    }

    /// The address to listen on. The default is a free port of 127.0.0.1.
    pub fn listen(mut self, address: impl Into<String>) -> Self {
        self.listen = address.into();
        self
    }

    /// Speaks TLS with a certificate for these names.
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(TlsChoice::Given(tls));
        self
    }

    /// Speaks TLS with a certificate for localhost, 127.0.0.1 and the official hosts of the buckets and
    /// of their websites.
    pub fn tls_self_made(mut self, on: bool) -> Self {
        self.tls = on.then_some(TlsChoice::SelfMade);
        self
    }

    /// Serves clients in the clear as well, on the same port, if they do not begin with TLS.
    pub fn plain_too(mut self, on: bool) -> Self {
        self.socketing.plain_too = on;
        self
    }

    /// Demands that every signature covers all it should, as a bucket in strict signature mode may. Off by default: the
    /// service demands nothing, and not every official client would pass.
    pub fn strict_signature(mut self, on: bool) -> Self {
        self.strict_signature = on;
        self
    }

    /// Takes parts of any size. By default all but the last have at least 1 MB, as the service demands.
    pub fn small_parts(mut self, on: bool) -> Self {
        self.small_parts = on;
        self
    }

    /// How long restoring takes, whatever the tier. By default as long as the documents say at most, minutes to days.
    pub fn restore_time(mut self, time: Duration) -> Self {
        self.restore_time = Some(time);
        self
    }

    /// Makes a host stand for a bucket: a custom domain. `host:port` wins over `host`.
    pub fn domain(mut self, host: impl Into<String>, bucket: impl Into<String>) -> Self {
        self.domains.push((host.into().to_ascii_lowercase(), bucket.into()));
        self
    }

    /// Shapes every connection.
    pub fn link(mut self, link: Link) -> Self {
        self.socketing.link = Some(link);
        self
    }

    /// The size of each connection's receive buffer (`SO_RCVBUF`). A small one makes a server that stops reading
    /// noticeable soon.
    pub fn receive_buffer(mut self, bytes: usize) -> Self {
        self.socketing.receive_buffer = Some(bytes);
        self
    }

    /// The clock, in place of the system's.
    pub fn clock(mut self, clock: Arc<dyn Fn() -> SystemTime + Send + Sync>) -> Self {
        self.clock = Clock::new(clock);
        self
    }

    /// Whether requests are recorded. On by default, for the last 100 000.
    pub fn journal(mut self, on: bool) -> Self {
        self.journal = if on { DEFAULT_JOURNAL } else { 0 };
        self
    }

    /// Records this many requests, then forgets the oldest.
    pub fn journal_limit(mut self, records: usize) -> Self {
        self.journal = records;
        self
    }

    /// Binds the socket and starts to serve, on the tokio runtime of the caller.
    ///
    /// # Errors
    /// [`StartError`] if a setting makes no sense, the address is taken, or the data folder cannot be used.
    #[allow(clippy::unused_async)] // binding needs the runtime, which an async function has
    pub async fn start(self) -> Result<Emulator, StartError> {
        let address: SocketAddr = self
            .listen
            .parse()
            .map_err(|_| StartError::setting(format!("{:?} is not an address such as 127.0.0.1:9911", self.listen)))?;
        let (acceptor, ca_pem) = match self.chosen_tls()? {
            None => (None, None),
            Some(tls) => {
                let (acceptor, ca_pem) = tls::acceptor(&tls)?;
                (Some(acceptor), Some(ca_pem))
            }
        };
        let socketing = self.socketing.clone();
        let secure = acceptor.is_some() && !socketing.plain_too;
        let mut emulator = self.in_memory()?;
        let server = Server::start(address, emulator.service(), acceptor, socketing)
            .map_err(|error| StartError { what: format!("cannot listen on {address}"), source: Some(error) })?;
        emulator.server = Some(server);
        emulator.ca_pem = ca_pem;
        emulator.secure = secure;
        Ok(emulator)
    }

    /// Makes the emulator without a socket: only [`Emulator::service`] answers.
    ///
    /// # Errors
    /// [`StartError`] if a setting makes no sense, or the data folder cannot be used.
    pub fn in_memory(self) -> Result<Emulator, StartError> {
        let buckets = self.checked_buckets()?;
        let (bucket, region) = (buckets[0].0.clone(), buckets[0].1.clone());
        let folder = self.data_dir.as_deref();
        let store = Store::open(folder).map_err(|error| StartError {
            what: folder.map_or_else(
                || "cannot make a temporary folder".to_owned(),
                |folder| format!("cannot use the folder {}", folder.display()),
            ),
            source: Some(error),
        })?;
        for (name, region, versioning) in &buckets {
            match store.bucket(name) {
                Some(kept) if kept.region != *region => {
                    return Err(StartError::setting(format!(
                        "the data folder has bucket {name} already, in {}",
                        kept.region
                    )));
                }
                // What clients have made of it stands, but a test that counts on versions should get them.
                Some(kept) if *versioning == Versioning::Enabled && kept.versioning() == Versioning::Unset => {
                    return Err(StartError::setting(format!(
                        "the data folder has bucket {name} already, without versions"
                    )));
                }
                Some(_) => {}
                None => store
                    .create_bucket(name, region, *versioning, Acl::default(), self.clock.now())
                    .map_err(|error| StartError::setting(format!("no bucket {name}: {}", error.message)))?,
            }
        }
        if let Some(problem) = self.cors.iter().find_map(Cors::problem) {
            return Err(StartError::setting(problem));
        }
        for bucket in buckets.iter().filter_map(|(name, ..)| store.bucket(name)) {
            if !self.cors.is_empty() && bucket.setting(Setting::Cors).is_none() {
                let set = bucket.set(Setting::Cors, Some(cors::document(&self.cors)));
                set.map_err(|error| StartError::setting(format!("no CORS rules: {}", error.message)))?;
            }
        }
        let domains: Domains = self.domains.iter().cloned().collect();
        if let Some((host, bucket)) = self.domains.iter().find(|(_, bucket)| store.bucket(bucket).is_none()) {
            return Err(StartError::setting(format!("domain {host} stands for bucket {bucket}, which does not exist")));
        }
        let appid = bucket.rsplit_once('-').map_or_else(String::new, |(_, appid)| appid.to_owned());
        let owns = |id: &str| id == appid || store.owns(id);
        let named: Vec<String> =
            self.web_identities.iter().map(|known| known.role.clone()).chain(self.instance_role.clone()).collect();
        let cam = Cam::new(&self.roles, self.web_identities, &owns).map_err(StartError::policy)?;
        if let Some(name) = named.iter().find(|name| cam.role_by_name(name).is_none()) {
            return Err(StartError::setting(format!("there is no role {name}")));
        }
        let keys = Keys::new(self.expiry_answer);
        let root = Holder::root(cam::rights(self.rights.as_deref(), &owns).map_err(StartError::policy)?);
        keys.add_permanent(&self.secret_id, &self.secret_key, root.clone());
        for (number, sub_account) in self.sub_accounts.iter().enumerate() {
            let rights = cam::rights(sub_account.policy.as_deref(), &owns).map_err(StartError::policy)?;
            let holder = Holder::sub_account(number + 11, rights);
            keys.add_permanent(&sub_account.secret_id, &sub_account.secret_key, holder);
        }
        for (number, (secret_id, secret_key)) in self.other_accounts.iter().enumerate() {
            keys.add_permanent(secret_id, secret_key, Holder::other_account(number));
        }
        let world = World {
            keys,
            root,
            cam,
            instance_role: self.instance_role,
            clock: self.clock,
            store,
            script: Script::default(),
            journal: Journal::new(self.journal),
            ids: Ids::new(),
            domains,
            domain_names: Mutex::default(),
            strict_signature: self.strict_signature,
            small_parts: self.small_parts,
            restore_time: self.restore_time,
            region: region.clone(),
            appid,
        };
        Ok(Emulator {
            service: Service { world: Arc::new(world) },
            server: None,
            bucket,
            region,
            secret_id: self.secret_id,
            secret_key: self.secret_key,
            ca_pem: None,
            secure: false,
        })
    }

    /// At least one bucket, each with a name and a region that COS would take.
    fn checked_buckets(&self) -> Result<Vec<(String, String, Versioning)>, StartError> {
        let mut buckets = self.buckets.clone();
        if buckets.is_empty() {
            buckets.push((DEFAULT_BUCKET.to_owned(), DEFAULT_REGION.to_owned(), Versioning::Unset));
        }
        for (name, region, _) in &buckets {
            if !is_bucket_name(name) {
                return Err(StartError::setting(format!("{name:?} is not a bucket name such as {DEFAULT_BUCKET}")));
            }
            if !is_region_name(region) {
                return Err(StartError::setting(format!("{region:?} is not a region such as {DEFAULT_REGION}")));
            }
        }
        if self.secret_id.is_empty() || self.secret_key.is_empty() {
            return Err(StartError::setting("the secret id and the secret key must not be empty".to_owned()));
        }
        Ok(buckets)
    }

    fn chosen_tls(&self) -> Result<Option<Tls>, StartError> {
        match &self.tls {
            None => Ok(None),
            Some(TlsChoice::Given(tls)) => Ok(Some(tls.clone())),
            Some(TlsChoice::SelfMade) => {
                let mut names: Vec<String> =
                    ["localhost", "127.0.0.1", "::1", "service.cos.myqcloud.com", "sts.tencentcloudapi.com"]
                        .map(str::to_owned)
                        .into();
                let mut regions: Vec<String> =
                    self.checked_buckets()?.into_iter().map(|(_, region, _)| region).collect();
                regions.sort_unstable();
                regions.dedup();
                for region in regions {
                    names.push(format!("*.cos.{region}.myqcloud.com"));
                    names.push(format!("*.cos.{region}.tencentcos.cn"));
                    names.push(format!("*.cos-website.{region}.myqcloud.com"));
                    names.push(format!("*.cos-website.{region}.tencentcos.cn"));
                    names.push(format!("cos.{region}.myqcloud.com"));
                    names.push(format!("sts.{region}.tencentcloudapi.com"));
                }
                names.extend(self.domains.iter().map(|(host, _)| crate::address::without_port(host).to_owned()));
                Ok(Some(Tls::for_names(names)))
            }
        }
    }
}

/// Why an emulator did not start.
#[derive(Debug)]
pub struct StartError {
    what: String,
    source: Option<io::Error>,
}

impl StartError {
    pub(crate) fn setting(what: String) -> Self {
        Self { what, source: None }
    }

    fn policy(bad: BadPolicy) -> Self {
        Self::setting(bad.message)
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}
