//! The role of a CVM instance, from the instance's metadata.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde::Deserialize;

use super::fetch::{Answer, Fetch, NoAnswer, Site};
use super::{BoxFuture, CredentialError, ProvideCredentials};
use crate::client::http::HttpClient;
use crate::credentials::{Credentials, SessionCredentials};
use crate::error::{Error, Result};

const ROLES: &str = "/latest/meta-data/cam/security-credentials/";
/// Metadata is one hop away: it connects at once or is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(750);
const TRY_TIMEOUT: Duration = Duration::from_secs(1);
const TRIES: u32 = 2;
const MAX_BYTES: usize = 64 * 1024;

/// The role that is bound to this CVM instance.
///
/// Asks `http://metadata.tencentyun.com` for the name of the role, then for its key; both answers at most 64 KiB, each
/// asked for twice, for 1 s. The metadata rotates the key by itself.
///
/// # Errors
/// [`NotConfigured`](super::CredentialErrorKind::NotConfigured) when there is no such service here, or no role is
/// bound. [`Transient`](super::CredentialErrorKind::Transient) when it answers with anything but a key, redirects
/// included.
///
/// Reference: [Instance roles](https://cloud.tencent.com/document/product/213/47668)
#[derive(Clone, Debug)]
pub struct MetadataCredentials {
    site: Site,
    role: Option<String>,
    fetch: Fetch,
}

impl MetadataCredentials {
    /// The first role that is bound to the instance; there is at most one today.
    pub fn new() -> Self {
        let site = Site::fixed("http", "metadata.tencentyun.com");
        Self { site, role: None, fetch: Fetch::direct(CONNECT_TIMEOUT, TRY_TIMEOUT, MAX_BYTES) }
    }

    /// This role, without asking which there is.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) with field `role` when no role can have this name.
    pub fn role(mut self, role: impl Into<String>) -> Result<Self> {
        let role = role.into();
        if !is_role(&role) {
            return Err(Error::input("role", "is not 1 to 128 letters, digits or +=,.@_-"));
        }
        self.role = Some(role);
        Ok(self)
    }

    /// Another address of the service: `http://host`, in front of `/latest/meta-data/`.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) with field `url`.
    pub fn base_url(mut self, url: &str) -> Result<Self> {
        self.site = Site::new("url", url, true)?;
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

    async fn read(&self) -> Result<Credentials, CredentialError> {
        let answer = if let Some(role) = &self.role {
            self.get(&format!("{ROLES}{role}")).await.map_err(Self::absent)?
        } else {
            let role = self.bound_role().await?;
            self.get(&format!("{ROLES}{role}")).await.map_err(|none| none.error)?
        };
        if answer.status == StatusCode::NOT_FOUND {
            return Err(CredentialError::not_configured("the role is not bound to this instance"));
        }
        let answer = answer.success(&self.site)?;
        let code = serde_json::from_slice::<Verdict>(&answer.body).ok().and_then(|verdict| verdict.code);
        if code.is_none() {
            return Err(CredentialError::transient(format!("{} answered with no key of a role", self.site.host())));
        }
        let key = SessionCredentials::from_json(&answer.body)
            .map_err(|error| CredentialError::transient(format!("{}: {error}", self.site.host())))?;
        Ok(answer.dated(key))
    }

    async fn bound_role(&self) -> Result<String, CredentialError> {
        let answer = self.get(ROLES).await.map_err(Self::absent)?;
        let none = || CredentialError::not_configured("no role is bound to this instance");
        if answer.status == StatusCode::NOT_FOUND {
            return Err(none());
        }
        let answer = answer.success(&self.site)?;
        let text = String::from_utf8_lossy(&answer.body);
        let first = text.lines().map(str::trim).find(|line| !line.is_empty()).ok_or_else(none)?;
        if !is_role(first) {
            return Err(CredentialError::transient(format!("{} answered with no name of a role", self.site.host())));
        }
        Ok(first.to_owned())
    }

    async fn get(&self, path: &str) -> Result<Answer, NoAnswer> {
        let mut tries = 0;
        loop {
            tries += 1;
            let outcome = self.fetch.send(Method::GET, &self.site, Some(path), HeaderMap::new(), Bytes::new()).await;
            let again = outcome.as_ref().map_or(true, |answer| answer.status.is_server_error());
            if !again || tries == TRIES {
                return outcome;
            }
        }
    }

    /// Other machines have no such service.
    fn absent(none: NoAnswer) -> CredentialError {
        if none.unreachable {
            CredentialError { kind: super::CredentialErrorKind::NotConfigured, ..none.error }
        } else {
            none.error
        }
    }
}

impl Default for MetadataCredentials {
    fn default() -> Self {
        Self::new()
    }
}

impl ProvideCredentials for MetadataCredentials {
    fn provide(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>> {
        Box::pin(self.read())
    }

    fn name(&self) -> &'static str {
        "instance metadata"
    }
}

/// Present, whatever it says, in every answer of the metadata.
#[derive(Deserialize)]
struct Verdict {
    #[serde(rename = "Code")]
    code: Option<String>,
}

fn is_role(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte);
    // Dots alone would be a step in the path.
    (1..=128).contains(&name.len()) && name.bytes().all(allowed) && name.bytes().any(|byte| byte != b'.')
}
