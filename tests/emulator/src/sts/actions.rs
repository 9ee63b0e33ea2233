//! What STS does, once it knows who asks.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Asked, Caller, Refusal};
use crate::account::{self, TemporaryKey};
use crate::bucket::iso_seconds;
use crate::cam::{Holder, Kind, Role};
use crate::encoding::decode_form;
use crate::ids::{unix_micros, unix_seconds};
use crate::policy::{BadPolicy, Policy};
use crate::service::World;

pub(super) fn perform(world: &World, asked: &Asked) -> Result<Value, Refusal> {
    match asked.action.as_str() {
        "GetFederationToken" => federation_token(world, asked),
        "AssumeRole" => assume_role(world, asked),
        "AssumeRoleWithWebIdentity" => assume_role_with_web_identity(world, asked),
        "GetCallerIdentity" => caller_identity(asked),
        "AssumeRoleWithSAML" | "GetSessionToken" | "QueryApiKey" => {
            Err(Refusal::new("UnsupportedOperation", format!("The emulator does not implement {}.", asked.action)))
        }
        action => Err(Refusal::new("InvalidAction", format!("STS has no action {action}."))),
    }
}

fn federation_token(world: &World, asked: &Asked) -> Result<Value, Refusal> {
    asked.parameters.only(&["Name", "Policy", "DurationSeconds"])?;
    let caller = asked.caller()?;
    if caller.session {
        let message = "A temporary key cannot ask for another.";
        return Err(Refusal::new("FailedOperation.TempKeyNotAllowed", message));
    }
    // The documents say letters, but the official helpers send hyphens.
    named(asked.parameters.required("Name")?, "Name", 1, "+=,.@_-")?;
    let longest = if caller.holder.kind == Kind::Root { 7200 } else { 129_600 };
    let lifetime = duration(asked, 1800, longest)?;
    let policy = session_policy(world, asked)?;
    let policy = policy.ok_or_else(|| Refusal::new("MissingParameter", "The parameter Policy is missing."))?;
    Ok(issue(world, caller.holder.clone(), Some(policy), lifetime))
}

fn assume_role(world: &World, asked: &Asked) -> Result<Value, Refusal> {
    asked.parameters.only(&[
        "RoleArn",
        "RoleSessionName",
        "DurationSeconds",
        "Policy",
        "ExternalId",
        "Tags",
        "SourceIdentity",
        "SerialNumber",
        "TokenCode",
    ])?;
    if !asked.caller()?.holder.is_at_home() {
        return Err(Refusal::new("UnauthorizedOperation", "The role is for its own account."));
    }
    let (role, holder) = role_meant(world, asked)?;
    let lifetime = duration(asked, 7200.min(role.longest.as_secs()), role.longest.as_secs())?;
    let external_id = asked.parameters.text("ExternalId")?;
    if let Some(id) = external_id {
        named(id, "ExternalId", 2, "+=,.@:/_-")?;
    }
    if role.external_id.is_some() && role.external_id.as_deref() != external_id {
        return Err(Refusal::new("UnauthorizedOperation", "The role wants another ExternalId."));
    }
    let tags = asked.parameters.tags()?;
    let fits = |(key, value): &(String, String)| key.chars().count() <= 128 && value.chars().count() <= 256;
    if tags.len() > 50 || !tags.iter().all(fits) {
        return Err(Refusal::new(
            "InvalidParameter.OverLimit",
            "There are at most 50 tags, of 128 and 256 characters.",
        ));
    }
    if asked.parameters.text("SerialNumber")?.is_some() || asked.parameters.text("TokenCode")?.is_some() {
        return Err(Refusal::new("UnsupportedOperation", "The emulator does not know anybody's second factor."));
    }
    let policy = session_policy(world, asked)?;
    Ok(issue(world, holder, policy, lifetime))
}

fn assume_role_with_web_identity(world: &World, asked: &Asked) -> Result<Value, Refusal> {
    asked.parameters.only(&["ProviderId", "WebIdentityToken", "RoleArn", "RoleSessionName", "DurationSeconds"])?;
    if asked.caller.is_some() {
        return Err(Refusal::new("UnsupportedOperation", "This action takes no signature."));
    }
    let (provider, token) = (asked.parameters.required("ProviderId")?, asked.parameters.required("WebIdentityToken")?);
    let (role, holder) = role_meant(world, asked)?;
    let lifetime = duration(asked, 7200.min(role.longest.as_secs()), role.longest.as_secs())?;
    if !world.cam.vouches(provider, token, role) {
        let message = "The token of the identity provider is not accepted.";
        return Err(Refusal::new("InvalidParameter.WebIdentityTokenError", message));
    }
    Ok(issue(world, holder, None, lifetime))
}

fn caller_identity(asked: &Asked) -> Result<Value, Refusal> {
    asked.parameters.only(&[])?;
    let holder = &asked.caller()?.holder;
    let kind = if holder.kind == Kind::Role { "CAMRole" } else { "CAMUser" };
    Ok(json!({
        "Arn": holder.principal(),
        "AccountId": holder.account,
        "UserId": holder.id,
        "PrincipalId": holder.id,
        "Type": kind,
    }))
}

impl Asked {
    fn caller(&self) -> Result<&Caller, Refusal> {
        self.caller.as_ref().ok_or_else(|| Refusal::new("AuthFailure.InvalidAuthorization", "The call is not signed."))
    }
}

fn role_meant<'w>(world: &'w World, asked: &Asked) -> Result<(&'w Role, Holder), Refusal> {
    let arn = asked.parameters.required("RoleArn")?;
    if !arn.starts_with("qcs::cam::uin/") {
        return Err(Refusal::new("InvalidParameter.ParamError", "The RoleArn is none."));
    }
    named(asked.parameters.required("RoleSessionName")?, "RoleSessionName", 2, "+=,.@_-")?;
    world.cam.role_by_arn(arn).ok_or_else(|| Refusal::new("ResourceNotFound.RoleNotFound", "There is no such role."))
}

/// Checks a name: so many characters up to 128, letters, digits and some others.
fn named(text: &str, parameter: &str, least: usize, others: &str) -> Result<(), Refusal> {
    let plain = |character: char| character.is_ascii_alphanumeric() || others.contains(character);
    if (least..=128).contains(&text.len()) && text.chars().all(plain) {
        return Ok(());
    }
    Err(Refusal::new("InvalidParameter.ParamError", format!("The {parameter} is not of its form.")))
}

fn duration(asked: &Asked, usual: u64, longest: u64) -> Result<Duration, Refusal> {
    match asked.parameters.number("DurationSeconds")?.unwrap_or(usual) {
        0 => Err(Refusal::new("InvalidParameter.ParamError", "A key that lives for no time is of no use.")),
        seconds if seconds > longest => {
            let message = format!("DurationSeconds is {seconds}, more than {longest}.");
            Err(Refusal::new("InvalidParameter.OverTimeError", message))
        }
        seconds => Ok(Duration::from_secs(seconds)),
    }
}

/// The policy of the session, decoded once: the value itself is percent-encoded, whatever carried it.
fn session_policy(world: &World, asked: &Asked) -> Result<Option<Arc<Policy>>, Refusal> {
    let Some(text) = asked.parameters.text("Policy")?.filter(|text| !text.is_empty()) else { return Ok(None) };
    let decoded = decode_form(text).and_then(|bytes| String::from_utf8(bytes.into_owned()).ok());
    let malformed = || Refusal::new("InvalidParameter.StrategyFormatError", "The policy is not percent-encoded UTF-8.");
    let policy = world.policy(&decoded.ok_or_else(malformed)?);
    let refuse = |BadPolicy { code, message }| Refusal::new(format!("InvalidParameter.{code}"), message);
    policy.map(|policy| Some(Arc::new(policy))).map_err(refuse)
}

/// A key for somebody, with no more rights than the policy leaves.
fn issue(world: &World, mut holder: Holder, policy: Option<Arc<Policy>>, lifetime: Duration) -> Value {
    // Whole seconds, as the answer says when the key ends: it must end then.
    let now = world.clock.now();
    let now = std::time::UNIX_EPOCH + Duration::from_secs(unix_seconds(now));
    let key = account::issue(&world.ids, now, lifetime);
    holder.rights = holder.rights.within(policy);
    world.keys.add(&key, holder);
    let TemporaryKey { secret_id, secret_key, token, expires_at, .. } = &key;
    json!({
        "Credentials": { "Token": token, "TmpSecretId": secret_id, "TmpSecretKey": secret_key },
        "ExpiredTime": unix_seconds(*expires_at),
        "Expiration": iso_seconds(unix_micros(*expires_at)),
    })
}
