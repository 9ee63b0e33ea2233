//! Keys from environment variables.

use std::fmt;

use super::{BoxFuture, CredentialError, ProvideCredentials, Variables};
use crate::credentials::Credentials;

const SECRET_ID: &str = "TENCENTCLOUD_SECRET_ID";
const SECRET_KEY: &str = "TENCENTCLOUD_SECRET_KEY";
/// The first that is set counts: the tools of Tencent read the first, Terraform and Pulumi the second, and the third is
/// an old name that is still met.
const TOKENS: [&str; 3] = ["TENCENTCLOUD_TOKEN", "TENCENTCLOUD_SECURITY_TOKEN", "QCLOUD_SECRET_TOKEN"];

/// Reads `TENCENTCLOUD_SECRET_ID`, `TENCENTCLOUD_SECRET_KEY` and, for a temporary key, `TENCENTCLOUD_TOKEN`, else
/// `TENCENTCLOUD_SECURITY_TOKEN`, else `QCLOUD_SECRET_TOKEN`.
///
/// The variables are read anew each time. One that is empty counts as absent. The end of a temporary key does not stand
/// there, so it is used until COS refuses it, and then the variables are read again.
///
/// # Errors
/// [`NotConfigured`](super::CredentialErrorKind::NotConfigured) when neither id nor key is set.
/// [`Rejected`](super::CredentialErrorKind::Rejected), naming the variable, when only one of them is, or when a value
/// holds a blank, a line break or another character that is not visible ASCII, or begins with a quotation mark.
///
/// # Examples
/// ```
/// use tencent_cos::client::provider::EnvironmentCredentials;
///
/// let from_process = EnvironmentCredentials::new();
/// let from_settings = EnvironmentCredentials::with_lookup(|name| match name {
///     "TENCENTCLOUD_SECRET_ID" => Some("AKIDexample".to_owned()),
///     "TENCENTCLOUD_SECRET_KEY" => Some("example".to_owned()),
///     _ => None,
/// });
/// ```
#[derive(Clone)]
pub struct EnvironmentCredentials(Variables);

impl EnvironmentCredentials {
    /// Reads the environment of this process.
    pub fn new() -> Self {
        Self(Variables::of_process())
    }

    /// Reads the variables through `lookup`.
    pub fn with_lookup(lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Variables::new(lookup))
    }

    pub(super) fn from_variables(variables: Variables) -> Self {
        Self(variables)
    }

    fn read(&self) -> Result<Credentials, CredentialError> {
        let value = |name| self.0.get(name);
        let (id, key) = match (value(SECRET_ID), value(SECRET_KEY)) {
            (Some(id), Some(key)) => (id, key),
            (None, None) => {
                return Err(CredentialError::not_configured(format!("{SECRET_ID} and {SECRET_KEY} are not set")));
            }
            (Some(_), None) => return Err(CredentialError::rejected(format!("{SECRET_KEY} is not set"))),
            (None, Some(_)) => return Err(CredentialError::rejected(format!("{SECRET_ID} is not set"))),
        };
        let (token_name, token) = TOKENS.into_iter().find_map(|name| Some((name, value(name)?))).unzip();
        let key = match token {
            Some(token) => Credentials::with_token(id, key, token),
            None => Credentials::permanent(id, key),
        };
        key.map_err(|error| {
            let variable = match error.field() {
                Some("secret_id") => SECRET_ID,
                Some("secret_key") => SECRET_KEY,
                _ => token_name.unwrap_or(TOKENS[0]),
            };
            CredentialError::rejected(format!("the value of {variable} cannot be a part of a key")).with_source(error)
        })
    }
}

impl Default for EnvironmentCredentials {
    fn default() -> Self {
        Self::new()
    }
}

impl ProvideCredentials for EnvironmentCredentials {
    fn provide(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>> {
        Box::pin(async move { self.read() })
    }

    fn name(&self) -> &'static str {
        "the environment"
    }
}

impl fmt::Debug for EnvironmentCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EnvironmentCredentials")
    }
}

#[cfg(test)]
mod tests {
    use super::super::CredentialErrorKind::{NotConfigured, Rejected};
    use super::*;

    fn read<const N: usize>(variables: [(&'static str, &'static str); N]) -> Result<Credentials, CredentialError> {
        let find = move |name: &str| Some(variables.iter().find(|(known, _)| *known == name)?.1.to_owned());
        EnvironmentCredentials::with_lookup(find).read()
    }

    #[test]
    fn reads_id_key_and_the_first_token_that_is_set() {
        let key = read([(SECRET_ID, "AKIDa"), (SECRET_KEY, "k")]).unwrap();
        assert_eq!((key.secret_id(), key.secret_key(), key.token(), key.expires_at()), ("AKIDa", "k", None, None));
        let both = [(SECRET_ID, "AKIDa"), (SECRET_KEY, "k"), (TOKENS[0], "one"), (TOKENS[1], "two")];
        assert_eq!(read(both).unwrap().token(), Some("one"));
        let second = [(SECRET_ID, "AKIDa"), (SECRET_KEY, "k"), (TOKENS[0], ""), (TOKENS[1], "two")];
        assert_eq!(read(second).unwrap().token(), Some("two"));
        let third = [(SECRET_ID, "AKIDa"), (SECRET_KEY, "k"), (TOKENS[2], "three")];
        assert_eq!(read(third).unwrap().token(), Some("three"));
    }

    #[test]
    fn nothing_set_is_not_configured_and_half_set_names_the_other_half() {
        assert_eq!(read([]).unwrap_err().kind(), NotConfigured);
        assert_eq!(read([(SECRET_ID, ""), (TOKENS[0], "t")]).unwrap_err().kind(), NotConfigured);
        for (set, missing) in [(SECRET_ID, SECRET_KEY), (SECRET_KEY, SECRET_ID)] {
            let error = read([(set, "PLANTED"), (missing, "")]).unwrap_err();
            assert_eq!((error.kind(), error.to_string()), (Rejected, format!("{missing} is not set")));
        }
    }

    #[test]
    fn a_blank_or_a_quotation_mark_is_refused_by_name_and_the_value_is_not_told() {
        for bad in [" PLANTED", "PLANTED\n", "PLAN TED", "PLANTED\u{fffd}", "\"PLANTED\"", "'PLANTED'"] {
            for name in [SECRET_ID, SECRET_KEY, TOKENS[0], TOKENS[1], TOKENS[2]] {
                let variables = [(name, bad), (SECRET_ID, "AKIDa"), (SECRET_KEY, "k")];
                let error = read(variables).unwrap_err();
                assert_eq!(error.kind(), Rejected);
                assert!(error.to_string().contains(name), "{error}");
                assert!(!format!("{error} {error:?}").contains("PLAN"), "{error:?}");
            }
        }
    }
}
