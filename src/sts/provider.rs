//! A call as a source of keys.

use super::{Call, Client};
use crate::client::provider::{BoxFuture, CredentialError, ProvideCredentials};
use crate::credentials::Credentials;
use crate::error::{Error, ErrorKind};

/// A source of keys that makes a call of STS each time it is asked: [`Client::provider`].
#[derive(Clone, Debug)]
pub struct Issuer<C> {
    client: Client,
    call: C,
}

impl<C: Call> Issuer<C> {
    pub(super) fn new(client: Client, call: C) -> Self {
        Self { client, call }
    }
}

impl<C: Call> ProvideCredentials for Issuer<C> {
    fn provide(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>> {
        Box::pin(async move {
            let issued = self.client.deliver(&self.call).await.map_err(refusal)?;
            Ok(issued.key.into())
        })
    }

    fn name(&self) -> &str {
        C::ACTION
    }
}

/// What STS refused it will refuse again; the rest may pass, and who answers in its place may go away.
fn refusal(error: Error) -> CredentialError {
    let told = error.to_string();
    let may_pass = error.is_retryable() || error.kind() == ErrorKind::Response;
    let kind = if may_pass { CredentialError::transient(told) } else { CredentialError::rejected(told) };
    kind.with_source(error)
}
