//! Where keys come from.
//!
//! A source implements [`ProvideCredentials`]. [`RefreshingCredentials`] wraps a source, caches its key, and gets the
//! next one before it expires. The client wraps every source in one.
//!
//! | source | gives | asks |
//! |---|---|---|
//! | [`Credentials`], [`SessionCredentials`](crate::SessionCredentials) | themselves | nobody |
//! | [`EnvironmentCredentials`] | the key in `TENCENTCLOUD_SECRET_ID`, `…_SECRET_KEY`, `…_TOKEN` | the environment, anew each time |
//! | [`ProfileCredentials`] | the key in `~/.tencentcloud/credentials` or in a profile of `tccli` | a file, anew each time |
//! | [`WebIdentityCredentials`] | the role of a pod in TKE | STS, unsigned, with the token of the pod |
//! | [`MetadataCredentials`] | the role of a CVM instance | the instance's metadata |
//! | [`EndpointCredentials`] | what your server hands out | a URL over https |
//! | [`from_fn`] | whatever you like | a closure of yours |
//! | [`ChainCredentials`] | the key of the first source that is set up | its sources, in turn |
//!
//! [`ChainCredentials::standard`] tries environment, profile, TKE and CVM, in this order:
//! [`Client::from_env`](crate::Client::from_env) uses it.
//!
//! Every source has limits on time and size, and says why it gave no key ([`CredentialErrorKind`]); no message contains
//! a secret. Sources that use the network connect directly, not through a proxy, follow no redirect, and accept another
//! [`HttpClient`](crate::HttpClient).

mod chain;
mod endpoint;
mod env;
mod fetch;
mod file;
mod fixed;
mod from_fn;
mod metadata;
mod profile;
mod refreshing;
mod variables;
mod web_identity;

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

pub use self::chain::ChainCredentials;
pub use self::endpoint::EndpointCredentials;
pub use self::env::EnvironmentCredentials;
pub use self::from_fn::{FromFn, from_fn};
pub use self::metadata::MetadataCredentials;
pub use self::profile::ProfileCredentials;
pub use self::refreshing::{RefreshingCredentials, Snapshot};
pub(crate) use self::variables::Variables;
pub use self::web_identity::WebIdentityCredentials;
use crate::credentials::Credentials;
use crate::error::{Error, ErrorKind, Line};
use crate::name::display_name;

/// A future on the heap that may move between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A source of keys.
///
/// Implement it for a source of your own, or make one from a closure with [`from_fn`]. The client wraps every provider
/// in a [`RefreshingCredentials`], so `provide` just asks the source each time; it is never called twice at once.
///
/// Its `Debug` output is part of the client's: it must not show a secret.
///
/// # Cancellation
/// `provide` runs in a task of its own and is dropped when it takes longer than 5 s. It must not block the thread.
///
/// # Examples
/// ```
/// use tencent_cos::client::provider::{BoxFuture, CredentialError, ProvideCredentials};
/// use tencent_cos::{Credentials, SessionCredentials};
///
/// # #[derive(Debug)] struct Vault;
/// # impl Vault { async fn read(&self, _: &str) -> std::io::Result<Vec<u8>> { Ok(Vec::new()) } }
/// #[derive(Debug)]
/// struct VaultCredentials(Vault);
///
/// impl ProvideCredentials for VaultCredentials {
///     fn provide(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>> {
///         Box::pin(async move {
///             let json = self.0.read("cos/key").await.map_err(|error| {
///                 CredentialError::transient("the vault did not answer").with_source(error)
///             })?;
///             Ok(SessionCredentials::from_json(json)?.into())
///         })
///     }
///
///     fn name(&self) -> &str {
///         "vault"
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no source of keys",
    note = "a closure that returns a future becomes one by `tencent_cos::client::provider::from_fn`"
)]
pub trait ProvideCredentials: Send + Sync + fmt::Debug {
    /// Asks the source for a key.
    ///
    /// # Errors
    /// A [`CredentialError`] whose kind says whether asking again may help.
    fn provide(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>>;

    /// What errors call this source.
    #[allow(clippy::unnecessary_literal_bound)] // others have their name in a field
    fn name(&self) -> &str {
        "the credential provider"
    }

    /// Whether it gives the same key for ever: then nobody waits for another one.
    fn is_fixed(&self) -> bool {
        false
    }
}

impl<P: ProvideCredentials + ?Sized> ProvideCredentials for Arc<P> {
    fn provide(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>> {
        (**self).provide()
    }

    fn name(&self) -> &str {
        (**self).name()
    }

    fn is_fixed(&self) -> bool {
        (**self).is_fixed()
    }
}

/// Why a source gave no key. Cheap to clone: all who waited for one answer get the same error.
#[derive(Clone, Debug)]
pub struct CredentialError {
    kind: CredentialErrorKind,
    message: Arc<str>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
    /// Nobody can give another key.
    lasts: bool,
}

/// The kind of a [`CredentialError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CredentialErrorKind {
    /// The source is not set up here; a chain asks the next.
    NotConfigured,
    /// The source did not answer, or its answer made no sense: try again later.
    Transient,
    /// The source answered with a key that cannot be used: expired, the same as before, or valid for longer than any
    /// key of STS.
    Unusable,
    /// The source refused: a wrong key, a missing right.
    Rejected,
}

impl CredentialErrorKind {
    /// Its name here, like `Transient`: for a log, or for a language that does not know this type. It stays as it is.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotConfigured => "NotConfigured",
            Self::Transient => "Transient",
            Self::Unusable => "Unusable",
            Self::Rejected => "Rejected",
        }
    }
}

display_name!(CredentialErrorKind);

impl CredentialError {
    /// An error of this kind. Put no secret into the message.
    pub fn new(kind: CredentialErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into().into(), source: None, lasts: false }
    }

    /// The source is not set up here.
    pub fn not_configured(message: impl Into<String>) -> Self {
        Self::new(CredentialErrorKind::NotConfigured, message)
    }

    /// Try again later.
    pub fn transient(message: impl Into<String>) -> Self {
        Self::new(CredentialErrorKind::Transient, message)
    }

    /// The source gave a key of no use.
    pub fn unusable(message: impl Into<String>) -> Self {
        Self::new(CredentialErrorKind::Unusable, message)
    }

    /// A key that is fixed is of no use, and stays so.
    fn useless(key: &str, wrong: &str) -> Self {
        Self { lasts: true, ..Self::unusable(format!("{key} {wrong}")) }
    }

    /// The source refused.
    pub fn rejected(message: impl Into<String>) -> Self {
        Self::new(CredentialErrorKind::Rejected, message)
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// The kind.
    pub fn kind(&self) -> CredentialErrorKind {
        self.kind
    }
}

impl fmt::Display for CredentialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Line(&self.message))
    }
}

impl StdError for CredentialError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        // Not the `Arc`, which is an error as well: then nobody could downcast to what was given.
        let source = self.source.as_deref()?;
        Some(source)
    }
}

/// What a service refused it will refuse again. A key that does not parse is a source that answered badly.
impl From<Error> for CredentialError {
    fn from(error: Error) -> Self {
        let refused = error.kind() == ErrorKind::Service && !error.is_retryable();
        let kind = if refused { CredentialErrorKind::Rejected } else { CredentialErrorKind::Transient };
        Self::new(kind, error.to_string()).with_source(error)
    }
}

impl From<CredentialError> for Error {
    fn from(error: CredentialError) -> Self {
        let may_pass = matches!(error.kind, CredentialErrorKind::Transient | CredentialErrorKind::Unusable);
        let retryable = may_pass && !error.lasts;
        Self::new(ErrorKind::Credentials, "no usable credentials").retryable(retryable).with_source(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// It may be the text of a server, and is logged as it is told.
    #[test]
    fn an_error_is_one_line() {
        let error = CredentialError::rejected("no\nkey refreshed\u{1b}[2K");
        assert_eq!(error.to_string(), "no\\nkey refreshed\\u{1b}[2K");
    }
}
