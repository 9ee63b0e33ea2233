//! Several sources, and the first that is set up.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::{
    BoxFuture, CredentialError, CredentialErrorKind, EnvironmentCredentials, MetadataCredentials, ProfileCredentials,
    ProvideCredentials, Variables, WebIdentityCredentials,
};
use crate::client::http::HttpClient;
use crate::credentials::Credentials;

/// All sources together: less than what a provider may take, so that the error can tell which it was.
const CHAIN_TIMEOUT: Duration = Duration::from_millis(4500);

/// Asks several sources in turn, and stays with the first that gives a key.
///
/// A source that is [not set up](CredentialErrorKind::NotConfigured) is passed over. One that is set up and fails ends
/// the search: the key of another source would be somebody else's. Once a source has given a key, only that one is
/// asked. All of it takes at most 4.5 s.
///
/// # Errors
/// The kind of the last source that was asked. The message names every source that was asked, with its reason; it holds
/// no secret.
///
/// # Examples
/// ```
/// use tencent_cos::client::provider::{ChainCredentials, EndpointCredentials, EnvironmentCredentials};
///
/// # fn example() -> tencent_cos::Result<()> {
/// let keys = ChainCredentials::new()
///     .then(EnvironmentCredentials::new())
///     .then(EndpointCredentials::new("https://app.example.com/cos-key")?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct ChainCredentials {
    sources: Vec<Box<dyn ProvideCredentials>>,
    chosen: OnceLock<usize>,
}

impl ChainCredentials {
    /// No source yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a source.
    #[must_use]
    pub fn then(mut self, source: impl ProvideCredentials + 'static) -> Self {
        self.sources.push(Box::new(source));
        self
    }

    /// [Environment](EnvironmentCredentials), [profile](ProfileCredentials), [TKE](WebIdentityCredentials),
    /// [CVM](MetadataCredentials).
    ///
    /// Only on a machine with none of them the last one is waited for, up to 2 s.
    pub fn standard() -> Self {
        Self::of(&Variables::of_process(), None)
    }

    /// The same, with the variables read through `lookup`, `HOME` among them, and the network reached through `http`.
    pub fn standard_with(
        lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
        http: impl HttpClient + 'static,
    ) -> Self {
        Self::of(&Variables::new(lookup), Some(Arc::new(http)))
    }

    pub(crate) fn of(variables: &Variables, http: Option<Arc<dyn HttpClient>>) -> Self {
        let mut pod = WebIdentityCredentials::from_variables(variables.clone());
        let mut instance = MetadataCredentials::new();
        if let Some(http) = http {
            pod = pod.over(Arc::clone(&http));
            instance = instance.over(http);
        }
        Self::new()
            .then(EnvironmentCredentials::from_variables(variables.clone()))
            .then(ProfileCredentials::from_variables(variables.clone()))
            .then(pod)
            .then(instance)
    }

    async fn search(&self) -> Result<Credentials, CredentialError> {
        let deadline = Instant::now() + CHAIN_TIMEOUT;
        if let Some(source) = self.chosen() {
            return ask(source, deadline).await.map_err(|error| match error.kind {
                // It was, and may be again.
                CredentialErrorKind::NotConfigured => failed(CredentialErrorKind::Transient, source, &error, &[]),
                kind => failed(kind, source, &error, &[]),
            });
        }
        let mut passed = Vec::new();
        for (number, source) in self.sources.iter().enumerate() {
            match ask(&**source, deadline).await {
                Ok(key) => {
                    // Nobody else asks at the same time; if somebody does, the first one's choice stands.
                    let _ = self.chosen.set(number);
                    return Ok(key);
                }
                Err(error) if error.kind == CredentialErrorKind::NotConfigured => {
                    passed.push(format!("{}: {error}", source.name()));
                }
                Err(error) => return Err(failed(error.kind, &**source, &error, &passed)),
            }
        }
        let none = "the chain has no source".to_owned();
        Err(CredentialError::not_configured(if passed.is_empty() { none } else { passed.join("; ") }))
    }

    fn chosen(&self) -> Option<&dyn ProvideCredentials> {
        self.chosen.get().and_then(|number| self.sources.get(*number)).map(|source| &**source)
    }
}

async fn ask(source: &dyn ProvideCredentials, deadline: Instant) -> Result<Credentials, CredentialError> {
    let answer = timeout_at(deadline, source.provide()).await;
    answer.unwrap_or_else(|_| Err(CredentialError::transient("gave no answer in time")))
}

fn failed(
    kind: CredentialErrorKind,
    source: &dyn ProvideCredentials,
    error: &CredentialError,
    passed: &[String],
) -> CredentialError {
    let last = format!("{}: {error}", source.name());
    let reasons: Vec<&str> = passed.iter().map(String::as_str).chain([last.as_str()]).collect();
    CredentialError { kind, message: reasons.join("; ").into(), source: error.source.clone(), lasts: error.lasts }
}

impl ProvideCredentials for ChainCredentials {
    fn provide(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>> {
        Box::pin(self.search())
    }

    /// That of the source it stays with.
    fn name(&self) -> &str {
        self.chosen().map_or("the chain of credential sources", ProvideCredentials::name)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::from_fn;
    use super::*;

    type Reply = fn(usize) -> Result<Credentials, CredentialError>;

    /// Counts its calls and answers by their number, which begins with 1.
    #[derive(Clone, Debug)]
    struct Source(&'static str, Arc<AtomicUsize>, Reply);

    impl Source {
        fn new(name: &'static str, reply: Reply) -> Self {
            Self(name, Arc::default(), reply)
        }

        fn calls(&self) -> usize {
            self.1.load(Ordering::Relaxed)
        }
    }

    impl ProvideCredentials for Source {
        fn provide(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>> {
            let call = self.1.fetch_add(1, Ordering::Relaxed) + 1;
            Box::pin(async move { (self.2)(call) })
        }

        fn name(&self) -> &str {
            self.0
        }
    }

    fn absent(_: usize) -> Result<Credentials, CredentialError> {
        Err(CredentialError::not_configured("is not there"))
    }

    fn key(number: usize) -> Result<Credentials, CredentialError> {
        Ok(Credentials::permanent(format!("AKID{number}"), "PLANTED")?)
    }

    #[tokio::test]
    async fn the_first_source_that_is_set_up_is_stayed_with() {
        let sources = [Source::new("one", absent), Source::new("two", key), Source::new("three", key)];
        let chain = sources.iter().fold(ChainCredentials::new(), |chain, source| chain.then(source.clone()));
        assert_eq!(chain.name(), "the chain of credential sources");
        for call in 1..4 {
            assert_eq!(chain.provide().await.unwrap().secret_id(), format!("AKID{call}"));
        }
        assert_eq!(sources.map(|source| source.calls()), [1, 3, 0]);
        assert_eq!(chain.name(), "two");
    }

    #[tokio::test]
    async fn a_source_that_is_set_up_and_fails_ends_the_search() {
        for kind in [CredentialErrorKind::Transient, CredentialErrorKind::Rejected, CredentialErrorKind::Unusable] {
            let third = Source::new("three", key);
            let failing = from_fn(move || async move { Err::<Credentials, _>(CredentialError::new(kind, "is ill")) });
            let chain = ChainCredentials::new().then(Source::new("one", absent)).then(failing).then(third.clone());
            let error = chain.provide().await.unwrap_err();
            let told = "one: is not there; the credential provider: is ill";
            assert_eq!((error.kind(), error.to_string(), third.calls()), (kind, told.to_owned(), 0));
        }
    }

    #[tokio::test]
    async fn a_source_that_gave_a_key_is_not_left_for_another() {
        let first = Source::new("one", |call| if call == 1 { key(1) } else { absent(call) });
        let second = Source::new("two", key);
        let chain = ChainCredentials::new().then(first).then(second.clone());
        chain.provide().await.unwrap();
        let error = chain.provide().await.unwrap_err();
        assert_eq!((error.kind(), error.to_string()), (CredentialErrorKind::Transient, "one: is not there".to_owned()));
        assert_eq!(second.calls(), 0);
    }

    #[tokio::test]
    async fn without_any_source_set_up_each_is_told() {
        let chain = ChainCredentials::new().then(Source::new("one", absent)).then(Source::new("two", absent));
        let error = chain.provide().await.unwrap_err();
        assert_eq!(error.to_string(), "one: is not there; two: is not there");
        assert_eq!(error.kind(), CredentialErrorKind::NotConfigured);
        let error = ChainCredentials::new().provide().await.unwrap_err();
        assert_eq!(error.to_string(), "the chain has no source");
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_that_hangs_is_named() {
        let hanging = from_fn(std::future::pending::<Result<Credentials, String>>);
        let chain = ChainCredentials::new().then(Source::new("one", absent)).then(hanging);
        let start = Instant::now();
        let error = chain.provide().await.unwrap_err();
        assert_eq!(error.to_string(), "one: is not there; the credential provider: gave no answer in time");
        assert!(start.elapsed() < super::super::refreshing::PROVIDER_TRY_TIMEOUT);
    }

    #[test]
    fn the_standard_chain_is_environment_profile_pod_instance() {
        let names: Vec<_> =
            ChainCredentials::standard().sources.iter().map(|source| source.name().to_owned()).collect();
        assert_eq!(names, ["the environment", "the profile", "the web identity", "instance metadata"]);
    }
}
