//! Keys that are simply there.

use super::{BoxFuture, CredentialError, ProvideCredentials};
use crate::credentials::{Credentials, SessionCredentials};

/// Gives one and the same key, or none.
///
/// [`Credentials`] is a provider of itself; this is the name for where one is wanted.
///
/// # Examples
/// ```
/// use tencent_cos::Credentials;
/// use tencent_cos::client::provider::StaticCredentials;
///
/// let keys = StaticCredentials::new(Credentials::permanent("AKIDexample", "example")?);
/// let nobody = StaticCredentials::anonymous();
/// # Ok::<(), tencent_cos::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct StaticCredentials(Credentials);

impl StaticCredentials {
    /// Gives this key each time.
    pub fn new(credentials: impl Into<Credentials>) -> Self {
        Self(credentials.into())
    }

    /// Gives no key: requests go out unsigned, for what anybody may read.
    pub fn anonymous() -> Self {
        Self(Credentials::anonymous())
    }
}

impl ProvideCredentials for StaticCredentials {
    fn provide(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>> {
        self.0.provide()
    }
}

impl ProvideCredentials for Credentials {
    fn provide(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>> {
        let key = self.clone();
        Box::pin(async move { Ok(key) })
    }
}

/// Serves until its end and fails from then on: nobody can give the next one.
impl ProvideCredentials for SessionCredentials {
    fn provide(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>> {
        let key = Credentials::from(self.clone());
        Box::pin(async move { Ok(key) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn gives_the_same_key_each_time() {
        let key = Credentials::permanent("AKIDexample", "PLANTEDsecret").unwrap();
        let provider = StaticCredentials::new(key.clone());
        assert_eq!(provider.provide().await.unwrap(), key);
        assert_eq!(provider.provide().await.unwrap(), key);
        assert_eq!(key.provide().await.unwrap(), key);
        assert!(!format!("{provider:?}").contains("PLANTED"));
        assert!(StaticCredentials::anonymous().provide().await.unwrap().is_anonymous());
    }
}
