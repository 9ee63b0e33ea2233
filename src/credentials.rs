//! Keys: permanent, temporary, none. Redacted wherever they could be printed, wiped when dropped.

mod document;
mod freshness;
#[cfg(any(feature = "client", feature = "sts"))]
mod sts;
mod token;

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use zeroize::Zeroizing;

pub use self::freshness::{Freshness, Lifetime, RefreshSchedule};
#[cfg(any(feature = "client", feature = "sts"))]
pub(crate) use self::sts::StsAnswer;
pub(crate) use self::token::Token;
use crate::error::{Error, Result};
use crate::time::{from_unix_seconds, iso8601, unix_seconds};

/// What a request is signed with.
///
/// A permanent key, a temporary one (from [`SessionCredentials`]), or no key. Cheap to clone. `Debug` shows the ends of
/// the id, never the key or the token. Both are wiped from memory with the last clone, but not the token as requests and
/// URLs carry it.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials(Option<Arc<Parts>>);

#[derive(Clone, PartialEq, Eq)]
struct Parts {
    secret_id: String,
    secret_key: Zeroizing<String>,
    token: Option<Arc<Token>>,
    starts_at: Option<SystemTime>,
    expires_at: Option<SystemTime>,
    told_at: Option<SystemTime>,
}

impl Credentials {
    /// A permanent key: a `SecretId` and its `SecretKey`.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) when one is empty, is surrounded by blanks or quotation marks, or
    /// contains a character that is not visible ASCII.
    pub fn permanent(secret_id: impl Into<String>, secret_key: impl Into<String>) -> Result<Self> {
        Self::from_parts(secret_id.into(), secret_key.into().into(), None, None, None)
    }

    /// A key with a session token whose expiry is not known, as in an environment variable.
    ///
    /// Prefer [`SessionCredentials`], which knows its expiry: only then can a key be refreshed in time.
    ///
    /// # Errors
    /// As [`permanent`](Self::permanent).
    pub fn with_token(
        secret_id: impl Into<String>,
        secret_key: impl Into<String>,
        token: impl Into<String>,
    ) -> Result<Self> {
        Self::from_parts(secret_id.into(), secret_key.into().into(), Some(token.into().into()), None, None)
    }

    /// No key: requests are sent unsigned, for what everybody may read.
    pub fn anonymous() -> Self {
        Self(None)
    }

    fn from_parts(
        secret_id: String,
        secret_key: Zeroizing<String>,
        token: Option<Zeroizing<String>>,
        starts_at: Option<SystemTime>,
        expires_at: Option<SystemTime>,
    ) -> Result<Self> {
        check("secret_id", &secret_id)?;
        check("secret_key", &secret_key)?;
        if let Some(token) = &token {
            check("token", token)?;
        }
        let token = token.map(|token| Arc::new(Token::new(token)));
        Ok(Self(Some(Arc::new(Parts { secret_id, secret_key, token, starts_at, expires_at, told_at: None }))))
    }

    /// Whether there is no key.
    pub fn is_anonymous(&self) -> bool {
        self.0.is_none()
    }

    /// The `SecretId`; empty when anonymous. It is not secret: every signed request contains it.
    pub fn secret_id(&self) -> &str {
        self.0.as_ref().map_or("", |parts| &parts.secret_id)
    }

    /// The `SecretKey`; empty when anonymous. Keep it out of logs.
    pub fn secret_key(&self) -> &str {
        self.0.as_ref().map_or("", |parts| &parts.secret_key)
    }

    /// The session token of a temporary key. Keep it out of logs.
    pub fn token(&self) -> Option<&str> {
        self.ready_token().map(|token| token.as_str())
    }

    /// The session token, ready to be signed and sent.
    pub(crate) fn ready_token(&self) -> Option<&Arc<Token>> {
        self.0.as_ref()?.token.as_ref()
    }

    /// When the key becomes valid, if the issuer said so.
    pub fn starts_at(&self) -> Option<SystemTime> {
        self.0.as_ref()?.starts_at
    }

    /// When the key expires; `None` for a permanent key.
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.0.as_ref()?.expires_at
    }

    /// What the issuer's clock showed when it gave the key out.
    #[cfg(feature = "client")]
    pub(crate) fn told_at(&self) -> Option<SystemTime> {
        self.0.as_ref()?.told_at
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(parts) = &self.0 else {
            return f.write_str("Credentials(anonymous)");
        };
        f.debug_struct("Credentials")
            .field("secret_id", &format_args!("{}", Ends(&parts.secret_id)))
            .field("secret_key", &format_args!("***"))
            .field("token", &parts.token.as_ref().map(|_| format_args!("***")))
            .field("expires_at", &parts.expires_at)
            .finish()
    }
}

/// The first and last four characters of an id, when it is long enough that this gives nothing away.
struct Ends<'a>(&'a str);

impl fmt::Display for Ends<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `check` let only ASCII in, so slicing by bytes is slicing by characters.
        match self.0.len() {
            length @ 16.. => write!(f, "{}…{}", &self.0[..4], &self.0[length - 4..]),
            _ => f.write_str("***"),
        }
    }
}

/// A temporary key as STS issues it: id, key, token and expiry, all four required.
///
/// # Examples
/// ```
/// use tencent_cos::SessionCredentials;
///
/// let answer = r#"{"Response":{"Credentials":{"TmpSecretId":"AKIDexample","TmpSecretKey":"example","Token":"t0ken"},
///     "ExpiredTime":1900000000,"Expiration":"2030-03-17T17:46:40Z","RequestId":"id"}}"#;
/// let key = SessionCredentials::from_json(answer.as_bytes())?;
/// assert_eq!(key.secret_id(), "AKIDexample");
/// assert!(!format!("{key:?}").contains("t0ken"));
/// # Ok::<(), tencent_cos::Error>(())
/// ```
///
/// Reference: [Generating and Using Temporary Keys](https://cloud.tencent.com/document/product/436/14048)
#[derive(Clone, PartialEq, Eq)]
pub struct SessionCredentials(Credentials);

impl SessionCredentials {
    /// A temporary key from its four parts.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input), as for [`Credentials::permanent`], and with field `expires_at`
    /// when the expiry is before 1970 or after 9999.
    pub fn new(
        secret_id: impl Into<String>,
        secret_key: impl Into<String>,
        token: impl Into<String>,
        expires_at: SystemTime,
    ) -> Result<Self> {
        if expires_at < SystemTime::UNIX_EPOCH || from_unix_seconds(unix_seconds(expires_at)).is_none() {
            return Err(Error::input("expires_at", "is before 1970 or after 9999"));
        }
        let (key, token) = (secret_key.into().into(), Some(token.into().into()));
        Credentials::from_parts(secret_id.into(), key, token, None, Some(expires_at)).map(Self)
    }

    /// Reads the JSON of STS, of the STS SDKs, of instance metadata, or of an app server that passes one of these on.
    ///
    /// It reads `Response.Credentials.{TmpSecretId,TmpSecretKey,Token}` with `ExpiredTime` beside `Credentials`; the
    /// same without `Response`, or with lower-case initials and `sessionToken`; and all fields on one level, where the
    /// token is the first of `sessionToken`, `SecurityToken`, `XCosSecurityToken` and `Token` that is there. Any of
    /// these may be inside `data` or `result`. Case and `_` in names do not matter. Times are Unix seconds, as numbers
    /// or strings, or ISO 8601; `Expiration` is used when `ExpiredTime` is absent. A `code` from a web server counts
    /// only when there is no key.
    ///
    /// # Errors
    /// [`ErrorKind::Credentials`](crate::ErrorKind::Credentials) when the document contains an error (its code and
    /// message are in the error), or has none of these forms; [`ErrorKind::Input`](crate::ErrorKind::Input) with the
    /// name of the field when a part is missing or unusable. No value is repeated in the message.
    pub fn from_json(json: impl AsRef<[u8]>) -> Result<Self> {
        document::read(json.as_ref())
    }

    /// Writes the key as the STS SDKs do, for a server that hands it over: `credentials`, `startTime`, `expiredTime`,
    /// `expiration`. [`from_json`](Self::from_json) and the official SDKs for browsers and apps read it. It contains
    /// the key: send it over https to its owner only, and do not let anything store it.
    pub fn to_json(&self) -> String {
        let (start, end) = (self.starts_at(), self.expires_at());
        let mut document = serde_json::json!({
            "credentials": {
                "tmpSecretId": self.secret_id(),
                "tmpSecretKey": self.secret_key(),
                "sessionToken": self.token(),
            },
            "expiredTime": unix_seconds(end),
            "expiration": iso8601(end),
        });
        if let Some(start) = start {
            document["startTime"] = unix_seconds(start).into();
        }
        document.to_string()
    }

    /// Records the time of the issuer's clock when it issued the key: the `Date` of its answer.
    ///
    /// A client corrects its clock with this, but only when the key is new to it and makes no sense by its own clock:
    /// already expired, not valid yet, or longer than any key lives. Otherwise this changes nothing.
    #[must_use]
    pub fn told_at(self, issuer_time: SystemTime) -> Self {
        let Credentials(Some(parts)) = self.0 else { return self };
        let parts = Parts { told_at: Some(issuer_time), ..Arc::unwrap_or_clone(parts) };
        Self(Credentials(Some(Arc::new(parts))))
    }

    /// The temporary `SecretId` (`TmpSecretId`).
    pub fn secret_id(&self) -> &str {
        self.0.secret_id()
    }

    /// The temporary `SecretKey` (`TmpSecretKey`).
    pub fn secret_key(&self) -> &str {
        self.0.secret_key()
    }

    /// The session token that goes into `x-cos-security-token`.
    pub fn token(&self) -> &str {
        self.0.token().unwrap_or_default()
    }

    /// When the issuer says the key begins to count.
    pub fn starts_at(&self) -> Option<SystemTime> {
        self.0.starts_at()
    }

    /// When the key expires.
    pub fn expires_at(&self) -> SystemTime {
        // Every constructor sets it.
        self.0.expires_at().unwrap_or(SystemTime::UNIX_EPOCH)
    }
}

impl fmt::Debug for SessionCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SessionCredentials").field(&self.0).finish()
    }
}

impl From<SessionCredentials> for Credentials {
    fn from(key: SessionCredentials) -> Self {
        key.0
    }
}

fn check(field: &'static str, value: &str) -> Result<()> {
    if value.is_empty() {
        return Err(Error::input(field, "is empty"));
    }
    // Longer than anything STS issues (ids and keys 1024, tokens 4096 bytes), shorter than a header may be.
    if value.len() > 16 * 1024 {
        return Err(Error::input(field, "is longer than 16 KiB"));
    }
    if !value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::input(field, "holds a blank, a line break or another character that is not visible ASCII"));
    }
    // As `docker --env-file` hands them over; no key of STS has any.
    if value.starts_with(['"', '\'']) {
        return Err(Error::input(field, "begins with a quotation mark"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    const PLANTED: &str = "PLANTEDsecretPLANTED";

    fn read(json: &str) -> Result<SessionCredentials> {
        SessionCredentials::from_json(json.as_bytes())
    }

    #[test]
    fn reads_every_shape_a_key_comes_in() {
        for json in [
            // STS itself
            r#"{"Response":{"Credentials":{"Token":"tok","TmpSecretId":"id","TmpSecretKey":"key"},"ExpiredTime":1543914376,"Expiration":"2018-12-04T09:06:16Z","RequestId":"r"}}"#,
            // what is inside its Response
            r#"{"Credentials":{"Token":"tok","TmpSecretId":"id","TmpSecretKey":"key"},"ExpiredTime":1543914376}"#,
            // the STS SDKs
            r#"{"credentials":{"tmpSecretId":"id","tmpSecretKey":"key","sessionToken":"tok"},"startTime":1543912576,"expiredTime":1543914376,"expiration":"2018-12-04T09:06:16Z","requestId":"r"}"#,
            // numbers as strings, end only as text
            r#"{"credentials":{"tmpSecretId":"id","tmpSecretKey":"key","sessionToken":"tok"},"startTime":"1543912576","expiredTime":"1543914376"}"#,
            r#"{"Response":{"Credentials":{"Token":"tok","TmpSecretId":"id","TmpSecretKey":"key"},"Expiration":"2018-12-04T09:06:16Z","ExpiredTime":null}}"#,
            // instance metadata
            r#"{"TmpSecretId":"id","TmpSecretKey":"key","ExpiredTime":1543914376,"Expiration":"x","Token":"tok","Code":"Success"}"#,
            // the callback of the Node SDK, and a server's wrapping
            r#"{"TmpSecretId":"id","TmpSecretKey":"key","SecurityToken":"tok","StartTime":1543912576,"ExpiredTime":1543914376}"#,
            r#"{"TmpSecretId":"id","TmpSecretKey":"key","XCosSecurityToken":"tok","ExpiredTime":1543914376}"#,
            r#"{"code":0,"data":{"credentials":{"tmpSecretId":"id","tmpSecretKey":"key","token":"tok"},"expiredTime":1543914376}}"#,
            // other wrappings, with codes of their own
            r#"{"code":"0","message":"ok","data":{"tmpSecretId":"id","tmpSecretKey":"key","token":"tok","expiredTime":1543914376}}"#,
            r#"{"code":20000,"result":{"tmpSecretId":"id","tmpSecretKey":"key","token":"tok","expiredTime":1543914376}}"#,
            r#"{"response":"done","error":"","data":{"tmpSecretId":"id","tmpSecretKey":"key","token":"tok","expiredTime":1543914376}}"#,
            r#"{"error":{"code":0,"message":"ok"},"data":{"tmp_secret_id":"id","tmp_secret_key":"key","session_token":"tok","expired_time":1543914376}}"#,
            r#"{"error":false,"data":{"tmpSecretId":"id","tmpSecretKey":"key","token":"tok","expiredTime":1543914376}}"#,
            // the token under two names, or beside that of a session; the end twice
            r#"{"TmpSecretId":"id","TmpSecretKey":"key","SecurityToken":"tok","XCosSecurityToken":"tok","ExpiredTime":1543914376,"expiredTime":1543914376}"#,
            r#"{"token":"session","tmpSecretId":"id","tmpSecretKey":"key","sessionToken":"tok","expiredTime":1543914376}"#,
            // a byte order mark, and times as servers in other languages write them
            "\u{feff}{\"tmpSecretId\":\"id\",\"tmpSecretKey\":\"key\",\"token\":\"tok\",\"expiredTime\":1543914376.75}",
            r#"{"tmpSecretId":"id","tmpSecretKey":"key","token":"tok","startTime":"","expiredTime":"1543914376.0"}"#,
            r#"{"tmpSecretId":"id","tmpSecretKey":"key","token":"tok","expiredTime":1.543914376e9}"#,
            r#"{"tmpSecretId":"id","tmpSecretKey":"key","token":"tok","expiredTime":"2018-12-04T09:06:16Z"}"#,
            r#"{"tmpSecretId":"id","tmpSecretKey":"key","token":"tok","expiredTime":"","expiration":1543914376}"#,
        ] {
            let key = read(json).unwrap_or_else(|error| panic!("{error}: {json}"));
            assert_eq!((key.secret_id(), key.secret_key(), key.token()), ("id", "key", "tok"), "{json}");
            assert_eq!(key.expires_at(), UNIX_EPOCH + Duration::from_secs(1_543_914_376), "{json}");
        }
    }

    #[test]
    fn a_key_that_is_handed_over_arrives() {
        for start in ["", r#""startTime":1543912576,"#] {
            let json = format!(
                r#"{{"credentials":{{"tmpSecretId":"id","tmpSecretKey":"key","sessionToken":"tok"}},{start}"expiredTime":1543914376}}"#
            );
            let key = read(&json).unwrap();
            let written = key.to_json();
            assert_eq!(read(&written).unwrap(), key);
            assert!(written.contains(r#""expiration":"2018-12-04T09:06:16.000Z""#), "{written}");
        }
    }

    #[test]
    fn an_end_that_nobody_can_write_is_refused() {
        let key = |end| SessionCredentials::new("id", "key", "tok", end);
        for end in [UNIX_EPOCH + Duration::from_secs(253_402_300_800), UNIX_EPOCH - Duration::from_secs(1)] {
            assert_eq!(key(end).unwrap_err().field(), Some("expires_at"));
        }
        let last = UNIX_EPOCH + Duration::from_secs(253_402_300_799);
        assert_eq!(read(&key(last).unwrap().to_json()).unwrap().expires_at(), last);
    }

    #[test]
    fn tells_what_is_wrong_and_never_a_value() {
        let key = |id: &str, key: &str, token: &str, end: &str| {
            format!(r#"{{"TmpSecretId":{id:?},"TmpSecretKey":{key:?},"Token":{token:?},"ExpiredTime":{end}}}"#)
        };
        for (json, field) in [
            (key("", PLANTED, PLANTED, "1"), Some("secret_id")),
            (key("id", "", PLANTED, "1"), Some("secret_key")),
            (key("id", PLANTED, &format!("{PLANTED}\r\nx: y"), "1"), Some("token")),
            (key(" id", PLANTED, PLANTED, "1"), Some("secret_id")),
            (key("id", &format!("'{PLANTED}'"), PLANTED, "1"), Some("secret_key")),
            (key("id", PLANTED, &format!("\"{PLANTED}\""), "1"), Some("token")),
            (key("id", PLANTED, PLANTED, "99999999999999"), Some("expires_at")),
            (key("id", PLANTED, PLANTED, "null"), Some("expires_at")),
            (key("id", PLANTED, PLANTED, "-1"), Some("expires_at")),
            (key("id", PLANTED, PLANTED, "1543914376000"), Some("expires_at")),
            (key("id", PLANTED, PLANTED, &format!("\"{PLANTED}\"")), Some("expires_at")),
            (format!(r#"{{"TmpSecretId":"id","TmpSecretKey":["{PLANTED}"]}}"#), Some("secret_key")),
            (format!(r#"[null,null,null,"id","{PLANTED}","{PLANTED}",null,1,null,null]"#), None),
            (format!("{PLANTED} is no JSON"), None),
            (format!(r#"{{"TmpSecretKey":"{PLANTED}"}}"#), Some("secret_id")),
        ] {
            let error = read(&json).expect_err(&json);
            assert_eq!(error.field(), field, "{json}");
            assert!(!format!("{error:?} {error}").contains(PLANTED), "{error:?}");
        }
    }

    #[test]
    fn an_error_document_is_told_as_such() {
        let json = r#"{"Response":{"Error":{"Code":"AuthFailure.SignatureFailure","Message":"bad"},"RequestId":"r"}}"#;
        assert_eq!(read(json).unwrap_err().to_string(), "the issuer answered AuthFailure.SignatureFailure: bad");
        for (json, told) in [
            (r#"{"Code":"Failed"}"#, "Failed"),
            (r#"{"Code":"Failed","TmpSecretId":"id","TmpSecretKey":"k","Token":"t","ExpiredTime":1}"#, "Failed"),
            (r#"{"code":4100,"message":"who are you?","codeDesc":"AuthFailure"}"#, "4100: who are you?"),
            (r#"{"code":"-1","msg":"log in first","data":[]}"#, "-1: log in first"),
            (r#"{"error":{"code":4001,"message":"no"}}"#, "4001: no"),
            (r#"{"error":{"message":"no"},"data":{"secretId":"id"}}"#, "no"),
            (r#"{"error":"not logged in"}"#, "not logged in"),
            (r#"{"Response":{"Error":{"Code":"X"}}}"#, "X"),
            (r#"{"error":true,"data":{"tmpSecretId":"id","tmpSecretKey":"k","token":"t","expiredTime":1}}"#, "true"),
        ] {
            let error = read(json).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Credentials, "{json}");
            assert_eq!(error.to_string(), format!("the issuer answered {told}"), "{json}");
        }
    }

    #[test]
    fn debug_shows_the_ends_of_the_id_only() {
        let key = Credentials::with_token("AKIDexampleexample01", PLANTED, PLANTED).unwrap();
        let shown = format!("{key:?}");
        assert!(shown.contains("AKID…le01") && !shown.contains(PLANTED), "{shown}");
        assert!(!format!("{:?}", Credentials::permanent("short", PLANTED).unwrap()).contains("short"));
    }
}
