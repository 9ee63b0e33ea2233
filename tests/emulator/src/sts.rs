//! The security token service: temporary keys for those who prove that they may have them.
//!
//! It answers on the same port, for any host: a `POST /` with the header `X-TC-Action` is signed with TC3, one whose form
//! has a field `Action` in the older way. Errors come with status 200, as everywhere in the cloud's API.
//!
//! Rights to call STS itself are not looked at: whoever has a permanent key may ask.

mod actions;
mod parameters;
mod tc3;
mod v1;

use std::borrow::Cow;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::body::{Body, Upload};
use crate::cam::Holder;
use crate::encoding::Query;
use crate::error::CosError;
use crate::ids::Ids;
use crate::request::Head;
use crate::respond::Reply;
use crate::service::World;
use parameters::Parameters;

const VERSION: &str = "2018-08-13";

/// A form or a document that is longer is none that a client would send.
pub(crate) const LONGEST_BODY: usize = 1024 * 1024;

/// Seconds that a client's clock may be off, either way.
const TOLERATED_SKEW: u64 = 300;

/// The action that a request asks for, if it is one for STS.
pub(crate) fn action_of(head: &Head) -> Option<String> {
    if head.path != b"/" || head.method != Method::POST {
        return None;
    }
    match &head.form {
        Some(form) => form.get("Action").map(str::to_owned),
        None => head.header("x-tc-action").map(str::to_owned),
    }
}

/// Why a call is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: Cow<'static, str>,
    pub(crate) message: String,
}

impl Refusal {
    fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into() }
    }
}

/// Who calls, as far as the signature proves it.
#[derive(Debug)]
struct Caller {
    holder: Holder,
    /// Whether the key is a temporary one.
    session: bool,
}

/// A call as it was sent, and what is to be believed of it.
#[derive(Debug)]
struct Asked {
    action: String,
    version: String,
    region: String,
    parameters: Parameters,
    /// Nobody for a call that needs no signature.
    caller: Option<Caller>,
}

/// An answer, and what the journal wants to know about the call.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) reply: Reply,
    pub(crate) key_id: Option<String>,
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) signature_error: Option<String>,
}

pub(crate) async fn answer(world: &World, head: &Head, upload: &mut Upload, request_id: &str) -> Answered {
    let (mut key_id, mut parameters) = (None, Vec::new());
    let answered = match receive(upload).await {
        Ok(body) => perform(world, head, &body, &mut key_id, &mut parameters),
        Err(refusal) => Err(refusal),
    };
    let mut signature_error = None;
    let reply = answered.map_or_else(
        |refusal| {
            let signature = refusal.code.starts_with("AuthFailure.");
            signature_error = signature.then(|| refusal.code.clone().into_owned());
            refused(StatusCode::OK, &refusal.code, &refusal.message, request_id)
        },
        |mut response| {
            response["RequestId"] = request_id.into();
            document(StatusCode::OK, &json!({ "Response": response }))
        },
    );
    Answered { reply, key_id, parameters, signature_error }
}

fn perform(
    world: &World,
    head: &Head,
    body: &[u8],
    key_id: &mut Option<String>,
    parameters: &mut Vec<(String, String)>,
) -> Result<Value, Refusal> {
    let asked = match &head.form {
        Some(form) => v1::read(world, head, form, key_id)?,
        None => tc3::read(world, head, body, key_id)?,
    };
    *parameters = asked.parameters.to_text();
    if asked.version != VERSION {
        return Err(Refusal::new("NoSuchVersion", format!("There is no version {} of STS.", asked.version)));
    }
    if !crate::address::is_region_name(&asked.region) {
        return Err(Refusal::new("MissingParameter", "The request names no region."));
    }
    actions::perform(world, &asked)
}

async fn receive(upload: &mut Upload) -> Result<Vec<u8>, Refusal> {
    let mut body = Vec::new();
    let broken = |error: CosError| Refusal::new("InvalidParameter", error.message.into_owned());
    while let Some(bytes) = upload.next().await.map_err(broken)? {
        body.extend_from_slice(&bytes);
        if body.len() > LONGEST_BODY {
            return Err(Refusal::new("RequestSizeLimitExceeded", "The request is too long."));
        }
    }
    Ok(body)
}

/// An error document.
pub(crate) fn refused(status: StatusCode, code: &str, message: &str, request_id: &str) -> Reply {
    let error = json!({ "Code": code, "Message": message });
    let mut reply = document(status, &json!({ "Response": { "Error": error, "RequestId": request_id } }));
    reply.code = Some(code.to_owned());
    reply
}

fn document(status: StatusCode, value: &Value) -> Reply {
    let mut reply = Reply::new(status);
    reply.body = Body::from(bytes::Bytes::from(value.to_string()));
    reply.set("content-type", "application/json");
    reply
}

/// A request id of the cloud's API, which looks like a UUID.
pub(crate) fn request_id(ids: &Ids) -> String {
    let hex = ids.hex(32);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// Finds the key, and believes it if its signature, its token and its time are right. `check` says whether the signature
/// is that of a secret.
fn believe(
    world: &World,
    key_id: &str,
    token: Option<&str>,
    time: u64,
    check: impl FnOnce(&str) -> bool,
) -> Result<Caller, Refusal> {
    let now = world.clock.now();
    if time.abs_diff(crate::ids::unix_seconds(now)) > TOLERATED_SKEW {
        let message = format!("The timestamp is more than {TOLERATED_SKEW} seconds off.");
        return Err(Refusal::new("AuthFailure.SignatureExpire", message));
    }
    let unknown = || Refusal::new("AuthFailure.SecretIdNotFound", "The SecretId is not found.");
    let key = world.keys.find(key_id).ok_or_else(unknown)?;
    if !check(&key.secret) {
        let message = "The provided credentials could not be validated: the signature is not the one computed.";
        return Err(Refusal::new("AuthFailure.SignatureFailure", message));
    }
    if !key.takes(token.map(str::as_bytes)) || key.is_over(now) {
        return Err(Refusal::new("AuthFailure.TokenFailure", "The token is missing, wrong or over."));
    }
    Ok(Caller { holder: key.holder.as_ref().clone(), session: key.temporary.is_some() })
}

/// A form of the older way, if it can be read at all.
pub(crate) fn read_form(body: &[u8]) -> Option<Query> {
    Query::parse(std::str::from_utf8(body).ok()?).filter(Query::is_text)
}
