//! Keys that are simply there.

use super::{BoxFuture, CredentialError, ProvideCredentials};
use crate::credentials::{Credentials, SessionCredentials};

/// A key that is simply there, or none.
impl ProvideCredentials for Credentials {
    fn provide(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>> {
        let key = self.clone();
        Box::pin(async move { Ok(key) })
    }

    fn name(&self) -> &'static str {
        "the key given to the client"
    }

    fn is_fixed(&self) -> bool {
        true
    }
}

/// Serves until its end and fails from then on: nobody can give the next one.
impl ProvideCredentials for SessionCredentials {
    fn provide(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>> {
        let key = Credentials::from(self.clone());
        Box::pin(async move { Ok(key) })
    }

    fn name(&self) -> &'static str {
        "the temporary key given to the client"
    }

    fn is_fixed(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn gives_the_same_key_each_time() {
        let key = Credentials::permanent("AKIDexample", "PLANTEDsecret").unwrap();
        assert_eq!(key.provide().await.unwrap(), key);
        assert_eq!(key.provide().await.unwrap(), key);
        assert!(!format!("{key:?}").contains("PLANTED"));
        assert!(Credentials::anonymous().provide().await.unwrap().is_anonymous());
    }
}
