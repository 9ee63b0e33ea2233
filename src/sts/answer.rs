//! What STS answers: a key, or why not. Both come with status 200.

use std::time::SystemTime;

use bytes::Bytes;
use http::response::Parts;

use super::endpoint::Site;
use crate::answer::{bare_answer, quoted};
use crate::credentials::{Credentials, SessionCredentials, StsAnswer};
use crate::error::{Error, ErrorKind, Result, ServiceError};

/// A key that STS issued.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Issued {
    /// The key. STS does not say when it begins: it counts at once.
    pub key: SessionCredentials,
    request_id: String,
}

impl Issued {
    /// With what the clock of STS showed.
    pub(super) fn told_at(self, time: Option<SystemTime>) -> Self {
        match time {
            Some(time) => Self { key: self.key.told_at(time), ..self },
            None => self,
        }
    }

    /// The id of the request, for Tencent's support.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }
}

impl From<Issued> for SessionCredentials {
    fn from(issued: Issued) -> Self {
        issued.key
    }
}

impl From<Issued> for Credentials {
    fn from(issued: Issued) -> Self {
        issued.key.into()
    }
}

/// Reads an answer. What is not of STS's form did not come from STS. `sent` are the secrets of the request, which no
/// message shall repeat.
pub(super) fn read(parts: &Parts, body: &Bytes, site: &Site, sent: &[&str]) -> Result<Issued> {
    let mut told = ServiceError { by_sts: true, ..bare_answer(parts) };
    let Some(StsAnswer { request_id, refusal }) = StsAnswer::read(body, sent) else {
        let host = site.host.to_str().unwrap_or_default();
        let foreign = Error::new(ErrorKind::Response, format!("{host} does not answer as STS does")).with_service(told);
        // A proxy or a load balancer with a problem of its own.
        return Err(foreign.retryable(matches!(parts.status.as_u16(), 429 | 500..=599)));
    };
    told.request_id = request_id;
    if let Some((code, message)) = refusal {
        return Err(Error::service_error(ServiceError { code, message, ..told }));
    }
    match SessionCredentials::from_json(body) {
        Ok(key) => Ok(Issued { key, request_id: told.request_id }),
        Err(error) => {
            let why = quoted(&error.to_string(), 1024, sent);
            Err(Error::new(ErrorKind::Response, "no key in it").with_source(why).with_service(told))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::region::Region;
    use crate::sts::Endpoint;

    fn answer(status: u16, body: &str) -> Result<Issued> {
        let site = Endpoint::default().site(&Region::new("ap-x").unwrap(), false).unwrap();
        let (parts, ()) = http::Response::builder().status(status).body(()).unwrap().into_parts();
        read(&parts, &Bytes::copy_from_slice(body.as_bytes()), &site, &["5161e7a5cd2f2d5a", "t0kent0ken"])
    }

    /// The documents of the reference, with values of our own.
    #[test]
    fn a_key_and_a_refusal_are_read() {
        let issued = answer(
            200,
            r#"{"Response":{"Credentials":{"Token":"tok","TmpSecretId":"AKIDx","TmpSecretKey":"key"},
                "ExpiredTime":1543914376,"Expiration":"2018-12-04T09:06:16Z","RequestId":"4daec797"}}"#,
        )
        .unwrap();
        assert_eq!((issued.key.secret_id(), issued.key.token(), issued.request_id()), ("AKIDx", "tok", "4daec797"));

        let refuse = |code: &str| {
            let body = format!(r#"{{"Response":{{"Error":{{"Code":"{code}","Message":"no"}},"RequestId":"r-1"}}}}"#);
            answer(200, &body).unwrap_err()
        };
        let error = refuse("AuthFailure.SignatureFailure");
        assert_eq!((error.kind(), error.code()), (ErrorKind::Service, Some("AuthFailure.SignatureFailure")));
        assert_eq!((error.status(), error.request_id(), error.is_retryable()), (Some(200), Some("r-1"), false));
        assert_eq!(error.to_string(), "STS answered 200 AuthFailure.SignatureFailure: no (request id r-1)");
        assert!(refuse("InternalError.DbError").is_retryable());
        assert!(refuse("RequestLimitExceeded").is_throttled() && refuse("RequestLimitExceeded").is_retryable());
        assert!(refuse("AuthFailure.SignatureExpire").is_clock_skew());
        assert!(refuse("AuthFailure.SecretIdNotFound").is_expired_credential());
        assert!(!refuse("InvalidParameter.PolicyTooLong").is_retryable());
        let told =
            |length: usize, secret: &str| refuse(&format!("{}{secret}", "m".repeat(length))).code().map(str::len);
        for secret in ["5161e7a5cd2f2d5a", "t0kent0ken"] {
            assert_eq!(refuse(&format!("sent {secret}")).code(), Some("(it repeats the request)"));
            // Cut off within it, and before it.
            assert_eq!([255, 256].map(|length| told(length, secret)), [Some(24), Some(24)], "{secret}");
        }
    }

    #[test]
    fn what_is_not_of_sts_is_told_as_such() {
        for (status, body, retryable) in [
            (502, "<html>", true),
            (200, "<html>", false),
            (302, "", false),
            (200, r#"{"Response":{"RequestId":"r"}}"#, false),
        ] {
            let error = answer(status, body).unwrap_err();
            assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Response, retryable), "{status} {body}");
        }
    }
}
