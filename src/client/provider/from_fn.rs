//! A provider from a closure.

use std::any::type_name;
use std::fmt;
use std::future::Future;

use super::{BoxFuture, CredentialError, ProvideCredentials};
use crate::credentials::Credentials;
use crate::error::{BoxError, Error};

/// A source of keys from a closure that returns a future: your app server, a vault, a file.
///
/// The future gives [`SessionCredentials`](crate::SessionCredentials) or [`Credentials`]. Its error may be of any type,
/// even a `String`. A [`CredentialError`] is passed on unchanged, so it can say that the source refused. An
/// [`Error`] with which a service like STS refused counts as a refusal, too. Any other error means "try
/// again later", and is kept as the source of the error. Do not put a secret into it.
///
/// # Examples
/// ```
/// use tencent_cos::SessionCredentials;
/// use tencent_cos::client::provider::{CredentialError, from_fn};
/// # #[derive(Clone)] struct Http;
/// # impl Http { async fn get(&self, _: &str) -> std::io::Result<Vec<u8>> { Ok(Vec::new()) } }
/// # let http = Http;
///
/// let provider = from_fn(move || {
///     let http = http.clone();
///     async move {
///         let body = http.get("https://app.example.com/cos-key").await.map_err(|error| {
///             CredentialError::transient("the app server did not answer").with_source(error)
///         })?;
///         Ok::<_, CredentialError>(SessionCredentials::from_json(&body)?)
///     }
/// });
/// ```
pub fn from_fn<F, Fut, C, E>(ask: F) -> FromFn<F>
where
    F: Fn() -> Fut + Send + Sync,
    Fut: Future<Output = Result<C, E>> + Send,
    C: Into<Credentials>,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    FromFn(ask)
}

/// The provider that [`from_fn`] makes.
#[derive(Clone)]
pub struct FromFn<F>(F);

impl<F, Fut, C, E> ProvideCredentials for FromFn<F>
where
    F: Fn() -> Fut + Send + Sync,
    Fut: Future<Output = Result<C, E>> + Send,
    C: Into<Credentials>,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn provide(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>> {
        Box::pin(async move {
            match (self.0)().await {
                Ok(key) => Ok(key.into()),
                Err(error) => Err(told(error.into())),
            }
        })
    }
}

fn told(error: BoxError) -> CredentialError {
    let error = match error.downcast::<CredentialError>() {
        Ok(error) => return *error,
        Err(other) => other,
    };
    match error.downcast::<Error>() {
        Ok(error) => (*error).into(),
        Err(other) => {
            let mut failed = CredentialError::transient("the closure that gives credentials failed");
            failed.source = Some(other.into());
            failed
        }
    }
}

impl<F> fmt::Debug for FromFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The closure's path, which names the function it was written in; never what it captured.
        f.debug_tuple("FromFn").field(&format_args!("{}", type_name::<F>())).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;
    use std::time::{Duration, UNIX_EPOCH};

    use super::super::CredentialErrorKind;
    use super::*;
    use crate::credentials::SessionCredentials;

    fn key() -> SessionCredentials {
        SessionCredentials::new("AKIDexample", "key", "token", UNIX_EPOCH + Duration::from_secs(1_900_000_000)).unwrap()
    }

    #[tokio::test]
    async fn takes_either_kind_of_key() {
        let temporary = from_fn(|| async { Ok::<_, std::io::Error>(key()) });
        assert_eq!(temporary.provide().await.unwrap().token(), Some("token"));
        let any = from_fn(|| async { Ok::<_, String>(Credentials::anonymous()) });
        assert!(any.provide().await.unwrap().is_anonymous());
    }

    #[tokio::test]
    async fn an_error_of_ours_keeps_its_kind_and_any_other_is_transient() {
        let refused = from_fn(|| async { Err::<Credentials, _>(CredentialError::rejected("no")) });
        let error = refused.provide().await.unwrap_err();
        assert_eq!((error.kind(), error.to_string()), (CredentialErrorKind::Rejected, "no".to_owned()));

        let unreadable = from_fn(|| async { SessionCredentials::from_json(b"<html>") });
        let error = unreadable.provide().await.unwrap_err();
        assert_eq!(error.kind(), CredentialErrorKind::Transient);
        assert!(error.to_string().contains("no temporary key"), "{error}");

        let down = from_fn(|| async { Err::<Credentials, _>("connection refused") });
        let error = down.provide().await.unwrap_err();
        assert_eq!(error.kind(), CredentialErrorKind::Transient);
        assert_eq!(error.source().unwrap().to_string(), "connection refused");
    }

    #[tokio::test]
    async fn what_the_closure_failed_with_comes_out_as_it_was() {
        let failure = || std::io::Error::from_raw_os_error(7);
        let bare = from_fn(move || async move { Err::<Credentials, _>(failure()) });
        let told = from_fn(move || async move {
            Err::<Credentials, _>(CredentialError::transient("no answer").with_source(failure()))
        });
        for error in [bare.provide().await.unwrap_err(), told.provide().await.unwrap_err()] {
            let error = Error::from(error);
            let cause = error.source().and_then(std::error::Error::source).unwrap();
            assert_eq!(cause.downcast_ref::<std::io::Error>().unwrap().raw_os_error(), Some(7));
        }
    }

    #[test]
    fn debug_does_not_show_what_the_closure_holds() {
        let secret = "PLANTEDsecret".to_owned();
        let provider = from_fn(move || {
            let secret = secret.clone();
            async move { Credentials::permanent("AKIDexample", secret) }
        });
        assert!(!format!("{provider:?}").contains("PLANTED"));
    }
}
