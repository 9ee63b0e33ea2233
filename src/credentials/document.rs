//! Every document that a temporary key comes in: levels that nest, names in any case, times in any form.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};
use zeroize::{Zeroize, Zeroizing};

use super::{Credentials, SessionCredentials};
use crate::error::{Error, ErrorKind, Result};
use crate::time::{from_unix_seconds, parse_iso8601};

/// The levels of a document, the innermost first: what one lacks the next may have. Names are in lower case and have
/// neither `_` nor `-`, for STS, its SDKs and the servers that pass keys on spell them in five ways.
struct Levels(Vec<Map<String, Value>>);

/// What issuers and web servers wrap a key in.
const WRAPPERS: [&str; 4] = ["credentials", "response", "data", "result"];

const SECRET_ID: [&str; 2] = ["tmpsecretid", "secretid"];

/// Reads a key, or why there is none.
pub(super) fn read(json: &[u8]) -> Result<SessionCredentials> {
    // Some servers begin with a byte order mark.
    let json = json.strip_prefix(b"\xef\xbb\xbf").unwrap_or(json);
    // serde_json's own message can quote the document, and with it a key: only the place is told.
    let document: Value = serde_json::from_slice(json)
        .map_err(|error| none(&format!(" (line {}, column {})", error.line(), error.column())))?;
    if !document.is_object() {
        return Err(none(": it is no object"));
    }
    let mut levels = Levels(Vec::new());
    levels.lay_open(document);
    levels.into_key()
}

fn none(why: &str) -> Error {
    Error::new(ErrorKind::Credentials, format!("no temporary key in this document{why}"))
}

impl Levels {
    /// As deep as `serde_json` reads, 128 levels.
    fn lay_open(&mut self, value: Value) {
        let Value::Object(level) = value else { return };
        let mut plain = Map::new();
        for (name, value) in level {
            let name = name.to_ascii_lowercase().replace(['_', '-'], "");
            if WRAPPERS.contains(&&*name) {
                self.lay_open(value);
            } else if !is_nothing(&value) {
                plain.insert(name, value);
            }
        }
        self.0.push(plain);
    }

    fn into_key(mut self) -> Result<SessionCredentials> {
        if let Some(told) = self.refusal() {
            return Err(Error::new(ErrorKind::Credentials, format!("the issuer answered {told}")));
        }
        let secret_id = self.text("secret_id", &SECRET_ID)?;
        let secret_key = self.text("secret_key", &["tmpsecretkey", "secretkey"])?;
        // `token` is last: beside another it may be that of the user's session.
        let token = self.text("token", &["sessiontoken", "securitytoken", "xcossecuritytoken", "token"])?;
        let expires_at = self.time("expires_at", &["expiredtime", "expiration"])?;
        let expires_at = expires_at.ok_or_else(|| Error::input("expires_at", "is missing"))?;
        let starts_at = self.time("starts_at", &["starttime"])?;
        let secret_id = String::clone(&secret_id);
        let key = Credentials::from_parts(secret_id, secret_key, Some(token), starts_at, Some(expires_at))?;
        Ok(SessionCredentials(key))
    }

    /// What the issuer says in place of a key. A code that is a number is a web server's: it counts when there is no
    /// key.
    fn refusal(&mut self) -> Option<String> {
        const MESSAGES: [&str; 3] = ["message", "msg", "codedesc"];
        if let Some(error) = self.take(&["error"]) {
            let (code, message) = if error.is_object() {
                let mut inside = Self(Vec::new());
                inside.lay_open(error);
                (inside.take(&["code"]), inside.take(&MESSAGES))
            } else {
                (Some(error), self.take(&MESSAGES))
            };
            if code.as_ref().map_or(message.is_some(), |code| !says_success(code)) {
                return Some(told([code, message]));
            }
        }
        let code = self.take(&["code"]).filter(|code| !says_success(code))?;
        let is_number = code.as_str().map_or(code.is_number(), |text| text.trim().parse::<i64>().is_ok());
        let has_key = self.0.iter().any(|level| SECRET_ID.iter().any(|name| level.contains_key(*name)));
        if is_number && has_key {
            return None;
        }
        Some(told([Some(code), self.take(&MESSAGES)]))
    }

    /// The first of these names that some level has, from the innermost on.
    fn take(&mut self, names: &[&str]) -> Option<Value> {
        self.0.iter_mut().find_map(|level| names.iter().find_map(|name| level.remove(*name)))
    }

    fn text(&mut self, field: &'static str, names: &[&str]) -> Result<Zeroizing<String>> {
        match self.take(names) {
            Some(Value::String(text)) => Ok(text.into()),
            Some(_) => Err(Error::input(field, "is not a string")),
            None => Err(Error::input(field, "is missing or empty")),
        }
    }

    /// Unix seconds, whole or not, as a number or as text; or ISO 8601.
    fn time(&mut self, field: &'static str, names: &[&str]) -> Result<Option<SystemTime>> {
        let whole = |seconds: f64| Some(Duration::try_from_secs_f64(seconds).ok()?.as_secs());
        let Some(value) = self.take(names) else { return Ok(None) };
        let seconds: Option<u64> = match &value {
            Value::Number(number) => number.as_u64().or_else(|| whole(number.as_f64()?)),
            Value::String(text) => text.trim().parse().ok().or_else(|| whole(text.trim().parse().ok()?)),
            _ => None,
        };
        let time = seconds.and_then(from_unix_seconds).or_else(|| parse_iso8601(value.as_str()?));
        time.map(Some).ok_or_else(|| Error::input(field, "is neither a Unix time in seconds nor an ISO 8601 time"))
    }
}

/// Keys and tokens that nobody took.
impl Drop for Levels {
    fn drop(&mut self) {
        for value in self.0.iter_mut().flat_map(Map::values_mut) {
            if let Value::String(text) = value {
                text.zeroize();
            }
        }
    }
}

/// Written where others write nothing.
fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(str::is_empty)
}

/// What stands for success in the place of a code, or of an error.
fn says_success(code: &Value) -> bool {
    match code {
        Value::String(text) => ["0", "200", "ok", "success"].iter().any(|word| text.eq_ignore_ascii_case(word)),
        Value::Number(number) => matches!(number.as_i64(), Some(0 | 200)),
        Value::Bool(failed) => !failed,
        _ => false,
    }
}

/// Code and message of a stranger, short and on one line.
fn told(code_and_message: [Option<Value>; 2]) -> String {
    let printable = |value: Value| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        text.chars().filter(|c| !c.is_control()).take(256).collect::<String>()
    };
    code_and_message.into_iter().flatten().map(printable).collect::<Vec<_>>().join(": ")
}
