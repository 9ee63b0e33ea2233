//! The role of a pod in TKE: its token for a key of STS, in a call that is not signed.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use serde_json::json;

use super::fetch::{Answer, Fetch, Site};
use super::{BoxFuture, CredentialError, ProvideCredentials, Variables, file};
use crate::answer::quoted;
use crate::client::clock::SystemClock;
use crate::client::http::HttpClient;
use crate::credentials::{Credentials, SessionCredentials, StsAnswer};
use crate::error::{Error, Result, ServiceError};
use crate::region::Region;
use crate::time::{Clock, unix_seconds};

const ACTION: &str = "AssumeRoleWithWebIdentity";
const REGION: &str = "TKE_REGION";
const PROVIDER_ID: &str = "TKE_PROVIDER_ID";
const TOKEN_FILE: &str = "TKE_WEB_IDENTITY_TOKEN_FILE";
const ROLE_ARN: &str = "TKE_ROLE_ARN";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// With the reading of the token less than what a provider may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);
const MAX_BYTES: usize = 256 * 1024;
const DURATION: Duration = Duration::from_secs(7200);
const LONGEST_DURATION: Duration = Duration::from_secs(43_200);

/// The role that TKE gave a pod.
///
/// Reads the pod's token anew each time (the cluster rotates the file), and exchanges it at STS for a key of two hours.
/// The call is not signed: the token is what it needs.
///
/// # Errors
/// [`NotConfigured`](super::CredentialErrorKind::NotConfigured) outside of such a pod.
/// [`Rejected`](super::CredentialErrorKind::Rejected) when a variable is missing, when the token cannot be one, or when
/// STS refuses, with its code. [`Transient`](super::CredentialErrorKind::Transient) when there is no token yet, and
/// when STS does not answer within 3 s, or not well.
///
/// Reference: [AssumeRoleWithWebIdentity](https://cloud.tencent.com/document/product/1312/73070)
#[doc(alias = "AssumeRoleWithWebIdentity")]
#[derive(Clone, Debug)]
pub struct WebIdentityCredentials {
    identity: Identity,
    site: Site,
    session_name: Option<String>,
    duration: Duration,
    clock: Arc<dyn Clock>,
    fetch: Fetch,
}

#[derive(Clone, Debug)]
enum Identity {
    Given(Pod),
    Variables(Variables),
}

#[derive(Clone, Debug)]
struct Pod {
    region: Region,
    provider_id: String,
    role_arn: String,
    token_file: PathBuf,
}

impl WebIdentityCredentials {
    /// The identity in the variables TKE sets: `TKE_REGION`, `TKE_PROVIDER_ID`, `TKE_WEB_IDENTITY_TOKEN_FILE`,
    /// `TKE_ROLE_ARN`. They are read anew each time.
    pub fn from_env() -> Self {
        Self::from_variables(Variables::of_process())
    }

    /// The same, with the variables read through `lookup`.
    pub fn with_lookup(lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self::from_variables(Variables::new(lookup))
    }

    pub(super) fn from_variables(variables: Variables) -> Self {
        Self::of(Identity::Variables(variables))
    }

    /// This identity: a region of the API, the provider's id, the file that holds the token, and the role's ARN
    /// (`qcs::cam::uin/…:roleName/…`).
    pub fn new(
        region: Region,
        provider_id: impl Into<String>,
        token_file: impl Into<PathBuf>,
        role_arn: impl Into<String>,
    ) -> Self {
        let (provider_id, role_arn, token_file) = (provider_id.into(), role_arn.into(), token_file.into());
        Self::of(Identity::Given(Pod { region, provider_id, role_arn, token_file }))
    }

    fn of(identity: Identity) -> Self {
        Self {
            identity,
            site: Site::fixed("https", "sts.tencentcloudapi.com"),
            session_name: None,
            duration: DURATION,
            clock: Arc::new(SystemClock::new()),
            fetch: Fetch::direct(CONNECT_TIMEOUT, ANSWER_TIMEOUT, MAX_BYTES),
        }
    }

    /// The name of the session in the logs of CAM: 2 to 128 letters, digits or `+=,.@_-`.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) with field `session_name`.
    pub fn session_name(mut self, name: impl Into<String>) -> Result<Self> {
        let name = name.into();
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte);
        if !(2..=128).contains(&name.len()) || !name.bytes().all(allowed) {
            return Err(Error::input("session_name", "is not 2 to 128 letters, digits or +=,.@_-"));
        }
        self.session_name = Some(name);
        Ok(self)
    }

    /// How long a key lives: two hours by default, at most twelve.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) with field `duration`.
    pub fn duration(mut self, duration: Duration) -> Result<Self> {
        if duration < Duration::from_secs(1) || duration > LONGEST_DURATION {
            return Err(Error::input("duration", "is not 1 s to 12 h"));
        }
        self.duration = duration;
        Ok(self)
    }

    /// Another address of STS, like `https://sts.internal.tencentcloudapi.com` inside a VPC.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) with field `url`; plain http is for this machine alone.
    pub fn endpoint(mut self, url: &str) -> Result<Self> {
        self.site = Site::new("url", url, false)?;
        Ok(self)
    }

    /// Asks through this.
    #[must_use]
    pub fn http_client(self, http: impl HttpClient + 'static) -> Self {
        self.over(Arc::new(http))
    }

    pub(super) fn over(self, http: Arc<dyn HttpClient>) -> Self {
        Self { fetch: self.fetch.over(http), ..self }
    }

    /// Where the time of the request comes from; for tests.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    async fn exchange(&self) -> Result<Credentials, CredentialError> {
        let pod = match &self.identity {
            Identity::Given(pod) => pod.clone(),
            Identity::Variables(variables) => Pod::from_variables(variables)?,
        };
        let token = pod.token().await?;
        let now = unix_seconds(self.clock.now());
        let session_name = self.session_name.clone().unwrap_or_else(|| format!("tencent-cos-rust-{now}"));
        let body = json!({
            "ProviderId": pod.provider_id,
            "WebIdentityToken": token,
            "RoleArn": pod.role_arn,
            "RoleSessionName": session_name,
            "DurationSeconds": self.duration.as_secs(),
        });
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static("SKIP"));
        headers.insert("x-tc-action", HeaderValue::from_static(ACTION));
        headers.insert("x-tc-version", HeaderValue::from_static("2018-08-13"));
        headers.insert("x-tc-timestamp", now.into());
        // A region is a label.
        let region = HeaderValue::from_str(pod.region.as_str());
        headers.insert("x-tc-region", region.map_err(|_| CredentialError::rejected("the region cannot be sent"))?);
        let sent = self.fetch.send(Method::POST, &self.site, Some("/"), headers, Bytes::from(body.to_string())).await;
        let answer = sent.map_err(|none| none.error)?.success(&self.site)?;
        self.read(&answer, &token)
    }

    fn read(&self, answer: &Answer, token: &str) -> Result<Credentials, CredentialError> {
        let (host, sent) = (self.site.host(), [token]);
        if let Some(StsAnswer { request_id, refusal: Some((code, message)) }) = StsAnswer::read(&answer.body, &sent) {
            let status = answer.status.as_u16();
            let refusal = ServiceError { status, code, message, request_id, by_sts: true, ..ServiceError::default() };
            return Err(Error::service_error(refusal).during(ACTION, host, 0).into());
        }
        let key = SessionCredentials::from_json(&answer.body).map_err(|error| {
            let told = quoted(&error.to_string(), 256, &sent);
            CredentialError::transient(format!("{host} answered with no key: {told}"))
        })?;
        Ok(answer.dated(key))
    }
}

impl Pod {
    fn from_variables(variables: &Variables) -> Result<Self, CredentialError> {
        let identity = [PROVIDER_ID, TOKEN_FILE, ROLE_ARN].map(|name| variables.get(name));
        // The region alone says nothing of an identity.
        if identity.iter().all(Option::is_none) {
            return Err(CredentialError::not_configured(format!(
                "{PROVIDER_ID}, {TOKEN_FILE} and {ROLE_ARN} are not set"
            )));
        }
        let missing = |name: &str| CredentialError::rejected(format!("{name} is not set"));
        let [provider_id, token_file, role_arn] = identity;
        let region = variables.get(REGION).ok_or_else(|| missing(REGION))?;
        Ok(Self {
            region: Region::new(region).map_err(|_| CredentialError::rejected(format!("{REGION} is not a region")))?,
            provider_id: provider_id.ok_or_else(|| missing(PROVIDER_ID))?,
            token_file: token_file.ok_or_else(|| missing(TOKEN_FILE))?.into(),
            role_arn: role_arn.ok_or_else(|| missing(ROLE_ARN))?,
        })
    }

    async fn token(&self) -> Result<String, CredentialError> {
        let path = self.token_file.display();
        let absent = || CredentialError::transient(format!("{path}: there is no such file"));
        let text = file::read(&self.token_file).await?.ok_or_else(absent)?;
        let token = text.trim_end();
        if token.is_empty() {
            return Err(CredentialError::transient(format!("{path}: is empty")));
        }
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            let told = format!("{path}: holds a blank, a line break or another character that is not visible ASCII");
            return Err(CredentialError::rejected(told));
        }
        Ok(token.to_owned())
    }
}

impl ProvideCredentials for WebIdentityCredentials {
    fn provide(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>> {
        Box::pin(self.exchange())
    }

    fn name(&self) -> &'static str {
        "the web identity"
    }
}
