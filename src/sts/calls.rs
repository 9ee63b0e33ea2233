//! The calls, as values: what they ask for, checked before anything is sent.

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::key::push_encoded;
use crate::policy::Policy;

/// A call of STS that issues a temporary key: [`GetFederationToken`], [`AssumeRole`], [`AssumeRoleWithWebIdentity`].
pub trait Call: Clone + fmt::Debug + Send + Sync + sealed::Sealed {
    /// Its name in the API.
    const ACTION: &'static str;

    /// The parameters, or what is wrong with them.
    #[doc(hidden)]
    fn parameters(&self) -> Result<Map<String, Value>>;

    /// The token in place of a signature.
    #[doc(hidden)]
    fn web_identity_token(&self) -> Option<&str> {
        None
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::GetFederationToken {}
    impl Sealed for super::AssumeRole {}
    impl Sealed for super::AssumeRoleWithWebIdentity {}
}

/// A key that may do what both the caller and the policy allow: for an app, a browser, a machine that is not trusted.
///
/// The caller's key must be a permanent one. The key lives for 30 minutes unless asked otherwise: up to 36 hours when
/// the caller is a sub-account, up to 2 hours when it is the account itself.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `AuthFailure.…` when the caller's key is not taken,
/// `FailedOperation.TempKeyNotAllowed` when it is a temporary one, `InvalidParameter.OverTimeError` when the duration
/// is more than the caller may ask for, `InvalidParameter.…` for what else is wrong with the policy.
/// [`ErrorKind::Input`](crate::ErrorKind::Input), before anything is sent, with field `name`, `policy` or `duration`.
///
/// Reference: [GetFederationToken](https://cloud.tencent.com/document/product/1312/48195)
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is given to a client"]
pub struct GetFederationToken {
    name: String,
    policy: Policy,
    duration: Duration,
}

impl GetFederationToken {
    /// A key for somebody of this name, with these rights. The name is for the logs of CAM: 1 to 128 letters, digits or
    /// `+=,.@_-`.
    pub fn new(name: impl Into<String>, policy: Policy) -> Self {
        Self { name: name.into(), policy, duration: Duration::from_secs(1800) }
    }

    /// How long the key lives, in whole seconds: 1 s to 36 h.
    pub fn duration(mut self, duration: Duration) -> Self {
        self.duration = duration;
        self
    }
}

impl Call for GetFederationToken {
    const ACTION: &'static str = "GetFederationToken";

    fn parameters(&self) -> Result<Map<String, Value>> {
        named("name", &self.name, 1, NAME_SIGNS)?;
        let mut parameters = Map::new();
        parameters.insert("Name".to_owned(), json!(self.name));
        parameters.insert("Policy".to_owned(), json!(encoded(&self.policy)?));
        parameters.insert("DurationSeconds".to_owned(), json!(seconds(self.duration, 129_600, "36 h")?));
        Ok(parameters)
    }
}

/// A key that acts as a role, with no more than its rights.
///
/// The key lives for 2 hours unless asked otherwise: up to 12 hours, or less if the role says so.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `ResourceNotFound.RoleNotFound`, `UnauthorizedOperation`
/// when the caller may not assume it, `InvalidParameter.OverTimeError`. [`ErrorKind::Input`](crate::ErrorKind::Input),
/// before anything is sent, naming the field.
///
/// Reference: [AssumeRole](https://cloud.tencent.com/document/product/1312/48197)
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is given to a client"]
pub struct AssumeRole {
    role_arn: String,
    session_name: String,
    policy: Option<Policy>,
    duration: Duration,
    external_id: Option<String>,
    source_identity: Option<String>,
    tags: Vec<(String, String)>,
}

impl AssumeRole {
    /// This role, by its ARN (`qcs::cam::uin/100000000001:roleName/NAME`, or `…:role/ID`). The name of the session is
    /// for the logs of CAM: 2 to 128 letters, digits or `+=,.@_-`.
    pub fn new(role_arn: impl Into<String>, session_name: impl Into<String>) -> Self {
        Self {
            role_arn: role_arn.into(),
            session_name: session_name.into(),
            policy: None,
            duration: Duration::from_secs(7200),
            external_id: None,
            source_identity: None,
            tags: Vec::new(),
        }
    }

    /// Of the rights of the role, these alone.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// How long the key lives, in whole seconds: 1 s to 12 h.
    pub fn duration(mut self, duration: Duration) -> Self {
        self.duration = duration;
        self
    }

    /// The id that the owner of the role agreed on with whoever assumes it: 2 to 128 letters, digits or `+=,.@:/_-`.
    pub fn external_id(mut self, id: impl Into<String>) -> Self {
        self.external_id = Some(id.into());
        self
    }

    /// Who stands behind the call, a uin.
    pub fn source_identity(mut self, uin: impl Into<String>) -> Self {
        self.source_identity = Some(uin.into());
        self
    }

    /// A tag of the session: a key of 1 to 128 characters, a value of up to 256. At most 50.
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.push((key.into(), value.into()));
        self
    }
}

impl Call for AssumeRole {
    const ACTION: &'static str = "AssumeRole";

    fn parameters(&self) -> Result<Map<String, Value>> {
        role("role_arn", &self.role_arn)?;
        named("session_name", &self.session_name, 2, NAME_SIGNS)?;
        let mut parameters = Map::new();
        let mut add = |name: &str, value: Value| parameters.insert(name.to_owned(), value);
        add("RoleArn", json!(self.role_arn));
        add("RoleSessionName", json!(self.session_name));
        add("DurationSeconds", json!(seconds(self.duration, 43_200, "12 h")?));
        if let Some(policy) = &self.policy {
            add("Policy", json!(encoded(policy)?));
        }
        if let Some(id) = &self.external_id {
            named("external_id", id, 2, "+=,.@:/_-")?;
            add("ExternalId", json!(id));
        }
        if let Some(uin) = &self.source_identity {
            if uin.is_empty() || !uin.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(Error::input("source_identity", "is not a uin, which has digits alone"));
            }
            add("SourceIdentity", json!(uin));
        }
        let fits =
            |(key, value): &(String, String)| (1..=128).contains(&key.chars().count()) && value.chars().count() <= 256;
        if self.tags.len() > 50 || !self.tags.iter().all(fits) {
            return Err(Error::input("tags", "are more than 50, or one has no key, or is too long"));
        }
        if !self.tags.is_empty() {
            let tags = self.tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value }));
            add("Tags", tags.collect());
        }
        Ok(parameters)
    }
}

/// A key that acts as a role, for who has a token of an identity provider that the role trusts.
///
/// The call is not signed: the client may be one with [`Credentials::anonymous`](crate::Credentials::anonymous). The
/// key lives for 2 hours unless asked otherwise: up to 12 hours, or less if the role says so. A pod of TKE, whose token
/// is in a file that changes, takes [`WebIdentityCredentials`](crate::client::provider::WebIdentityCredentials).
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `InvalidParameter.WebIdentityTokenError` when the token
/// is not taken, `ResourceNotFound.RoleNotFound`, `InvalidParameter.OverTimeError`.
/// [`ErrorKind::Input`](crate::ErrorKind::Input), before anything is sent, naming the field.
///
/// Reference: [AssumeRoleWithWebIdentity](https://cloud.tencent.com/document/product/1312/73070)
#[derive(Clone)]
#[must_use = "nothing is sent before it is given to a client"]
pub struct AssumeRoleWithWebIdentity {
    provider_id: String,
    token: Zeroizing<String>,
    role_arn: String,
    session_name: String,
    duration: Duration,
}

impl AssumeRoleWithWebIdentity {
    /// This role, for a token of this provider (`OIDC`, for instance). The name of the session is as
    /// in [`AssumeRole::new`].
    pub fn new(
        provider_id: impl Into<String>,
        token: impl Into<String>,
        role_arn: impl Into<String>,
        session_name: impl Into<String>,
    ) -> Self {
        Self {
            provider_id: provider_id.into(),
            token: Zeroizing::new(token.into()),
            role_arn: role_arn.into(),
            session_name: session_name.into(),
            duration: Duration::from_secs(7200),
        }
    }

    /// How long the key lives, in whole seconds: 1 s to 12 h.
    pub fn duration(mut self, duration: Duration) -> Self {
        self.duration = duration;
        self
    }
}

impl Call for AssumeRoleWithWebIdentity {
    const ACTION: &'static str = "AssumeRoleWithWebIdentity";

    fn parameters(&self) -> Result<Map<String, Value>> {
        if self.provider_id.is_empty() {
            return Err(Error::input("provider_id", "is empty"));
        }
        if self.token.is_empty() || !self.token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::input("token", "is empty, or holds what is not visible ASCII"));
        }
        role("role_arn", &self.role_arn)?;
        named("session_name", &self.session_name, 2, NAME_SIGNS)?;
        let mut parameters = Map::new();
        let mut add = |name: &str, value: Value| parameters.insert(name.to_owned(), value);
        add("ProviderId", json!(self.provider_id));
        add("WebIdentityToken", json!(*self.token));
        add("RoleArn", json!(self.role_arn));
        add("RoleSessionName", json!(self.session_name));
        add("DurationSeconds", json!(seconds(self.duration, 43_200, "12 h")?));
        Ok(parameters)
    }

    fn web_identity_token(&self) -> Option<&str> {
        Some(&self.token)
    }
}

impl fmt::Debug for AssumeRoleWithWebIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(Self::ACTION).field("role_arn", &self.role_arn).finish_non_exhaustive()
    }
}

const NAME_SIGNS: &str = "+=,.@_-";

fn named(field: &'static str, text: &str, least: usize, signs: &str) -> Result<()> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || signs.contains(c);
    if (least..=128).contains(&text.len()) && text.chars().all(allowed) {
        return Ok(());
    }
    Err(Error::input(field, format!("is not {least} to 128 letters, digits or {signs}")))
}

fn seconds(duration: Duration, longest: u64, told: &str) -> Result<u64> {
    let seconds = duration.as_secs();
    if !(1..=longest).contains(&seconds) || duration.subsec_nanos() > 0 {
        return Err(Error::input("duration", format!("is not a whole number of seconds from 1 s to {told}")));
    }
    Ok(seconds)
}

fn role(field: &'static str, arn: &str) -> Result<()> {
    if is_role(arn) {
        return Ok(());
    }
    Err(Error::input(field, "is not of the form qcs::cam::uin/UIN:roleName/NAME or …:role/ID"))
}

/// `qcs::cam::uin/100000000001:roleName/NAME`; the roles of services have one segment more.
fn is_role(arn: &str) -> bool {
    let Some((uin, role)) = arn.strip_prefix("qcs::cam::uin/").and_then(|rest| rest.split_once(':')) else {
        return false;
    };
    let name = role.strip_prefix("roleName/").or_else(|| role.strip_prefix("role/"));
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
    !uin.is_empty() && uin.bytes().all(|byte| byte.is_ascii_digit()) && name.is_some_and(is_name)
}

/// STS decodes the value once, whatever carried it.
fn encoded(policy: &Policy) -> Result<String> {
    let mut encoded = String::new();
    push_encoded(&mut encoded, &policy.to_json()?);
    Ok(encoded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Resource;
    use crate::{GetObject, PutObject};

    fn policy() -> Policy {
        Policy::new().allow::<PutObject>(&Resource::prefix("ap-guangzhou", "examplebucket-1250000000", "dir/").unwrap())
    }

    /// The payload of the official Python SDK's call, which leaves `/` bare: decoded once both are the same.
    #[test]
    fn parameters_are_those_of_the_official_sdk() {
        let parameters = GetFederationToken::new("example", policy()).parameters().unwrap();
        let golden: Value = serde_json::from_str(include_str!("../../tests/golden/sdk_vectors.json")).unwrap();
        let case = golden["cases"].as_array().unwrap().iter().find(|case| case["id"] == "tc3-gft").unwrap();
        let theirs: Value = serde_json::from_str(case["payload"].as_str().unwrap()).unwrap();
        let decoded = |policy: &Value| -> Value {
            let text = percent_encoding::percent_decode_str(policy.as_str().unwrap()).decode_utf8().unwrap();
            serde_json::from_str(&text).unwrap()
        };
        assert_eq!(decoded(&parameters["Policy"]), decoded(&theirs["Policy"]));
        assert_eq!(
            (&parameters["Name"], &parameters["DurationSeconds"]),
            (&theirs["Name"], &theirs["DurationSeconds"])
        );
        assert_eq!(parameters.len(), theirs.as_object().unwrap().len());
        assert!(!parameters["Policy"].as_str().unwrap().contains(['/', '"', '{', ' ', ':', '*']));
    }

    #[test]
    fn a_role_is_assumed_with_all_it_may_ask_for() {
        let call = AssumeRole::new("qcs::cam::uin/100000000001:roleName/exampleRole", "sess-1")
            .duration(Duration::from_secs(43_200))
            .external_id("partner:7/a")
            .source_identity("100000000002")
            .tag("team", "blue");
        assert_eq!(
            Value::from(call.parameters().unwrap()),
            json!({
                "RoleArn": "qcs::cam::uin/100000000001:roleName/exampleRole",
                "RoleSessionName": "sess-1",
                "DurationSeconds": 43_200,
                "ExternalId": "partner:7/a",
                "SourceIdentity": "100000000002",
                "Tags": [{"Key": "team", "Value": "blue"}]
            })
        );
    }

    #[test]
    fn what_sts_would_refuse_is_refused_here() {
        let second = Duration::from_secs(1);
        let token = |name: &str| GetFederationToken::new(name, policy());
        let role = |arn: &str, session: &str| AssumeRole::new(arn, session);
        let web = |token: &str| AssumeRoleWithWebIdentity::new("OIDC", token, "qcs::cam::uin/1:role/1", "sess");
        let arn = "qcs::cam::uin/1:role/4611";
        let field = |outcome: Result<Map<String, Value>>| outcome.unwrap_err().field();
        for name in ["", "a b", "名", &"a".repeat(129)] {
            assert_eq!(field(token(name).parameters()), Some("name"), "{name}");
        }
        assert_eq!(field(GetFederationToken::new("a", Policy::new()).parameters()), Some("policy"));
        for duration in [Duration::ZERO, Duration::from_millis(1500), second * 129_601] {
            assert_eq!(field(token("a").duration(duration).parameters()), Some("duration"));
        }
        assert!(token("a").duration(second * 129_600).parameters().is_ok());
        for bad in ["", "exampleRole", "qcs::cam::uin/:role/1", "qcs::cam::uin/1:role/", "qcs::cam::uin/1:user/1"] {
            assert_eq!(field(role(bad, "sess").parameters()), Some("role_arn"), "{bad}");
        }
        assert!(role("qcs::cam::uin/1:role/tencentcloudServiceRoleName/X", "sess").parameters().is_ok());
        assert_eq!(field(role(arn, "s").parameters()), Some("session_name"));
        assert_eq!(field(role(arn, "sess").duration(second * 43_201).parameters()), Some("duration"));
        assert_eq!(field(role(arn, "sess").external_id("x").parameters()), Some("external_id"));
        assert_eq!(field(role(arn, "sess").source_identity("me").parameters()), Some("source_identity"));
        assert_eq!(field(role(arn, "sess").tag("", "v").parameters()), Some("tags"));
        assert!(web("eyJ.x.y").parameters().is_ok());
        for token in ["", "a b", "a\nb"] {
            assert_eq!(field(web(token).parameters()), Some("token"));
        }
        let nothing = Policy::new().allow::<GetObject>(&Resource::everything());
        assert!(role(arn, "sess").policy(nothing).parameters().unwrap().contains_key("Policy"));
    }
}
