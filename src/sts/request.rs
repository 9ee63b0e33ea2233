//! One call as a request, and what reads its answer. Pure: the time is an argument.

use std::fmt;
use std::time::SystemTime;

use bytes::Bytes;
use http::response::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, header};
use zeroize::Zeroizing;

use super::endpoint::Site;
use super::{Call, Endpoint, Issued, answer, tc3};
use crate::answer::bare_answer;
use crate::credentials::Credentials;
use crate::error::{Error, Result};
use crate::region::Region;
use crate::request::header_value;
use crate::time::unix_seconds;

const VERSION: &str = "2018-08-13";
const CONTENT_TYPE: &str = "application/json";

/// Makes the request of a call, signed for this time, for an HTTP client of your own. It holds for five minutes.
///
/// A failed call may be repeated, signed afresh: a key that nobody holds does no harm. Set a limit on the wait.
///
/// # Errors
/// [`ErrorKind::Input`](crate::ErrorKind::Input) for what is wrong with the call, for anonymous credentials where the
/// call is signed with them, and for an endpoint that is plain http to another machine.
///
/// # Examples
/// ```
/// use std::time::SystemTime;
///
/// use tencent_cos::policy::{Policy, Resource};
/// use tencent_cos::{Credentials, GetObject, SessionCredentials, sts};
///
/// # type Answer = http::Response<bytes::Bytes>;
/// # fn example(send: fn(http::Request<bytes::Bytes>) -> Answer) -> tencent_cos::Result<SessionCredentials> {
/// let permanent = Credentials::permanent("AKID…", "…")?;
/// let photos = Resource::prefix("ap-guangzhou", "examplebucket-1250000000", "photos/")?;
/// let call = sts::GetFederationToken::new("alice", Policy::new().allow::<GetObject>(&photos));
/// let region = "ap-guangzhou".parse()?;
///
/// let signed = sts::sign(&call, &permanent, &region, &sts::Endpoint::nearest(), SystemTime::now())?;
/// let response = send(signed.request()); // by any client
/// Ok(signed.read(response)?.key)
/// # }
/// ```
///
/// Reference: [STS](https://cloud.tencent.com/document/product/1312/48195)
pub fn sign<C: Call>(
    call: &C,
    credentials: &Credentials,
    region: &Region,
    endpoint: &Endpoint,
    time: SystemTime,
) -> Result<SignedCall> {
    let site = endpoint.site(region, false)?;
    let region = header_value("region", region.as_str())?;
    SignedCall::new(call, credentials, &region, &site, time, body(call)?)
}

/// The parameters, as they are sent.
pub(super) fn body<C: Call>(call: &C) -> Result<Bytes> {
    Ok(Bytes::from(serde_json::Value::from(call.parameters()?).to_string()))
}

/// The request of a call, and what reads its answer: see [`sign`]. `Debug` shows no secret.
pub struct SignedCall {
    request: Request<Bytes>,
    site: Site,
    /// What no error shall repeat: the signature or the token that stands for it, and the session's token.
    secrets: [Zeroizing<String>; 2],
}

impl SignedCall {
    pub(super) fn new<C: Call>(
        call: &C,
        credentials: &Credentials,
        region: &HeaderValue,
        site: &Site,
        time: SystemTime,
        body: Bytes,
    ) -> Result<Self> {
        let signed = [
            ("content-type", CONTENT_TYPE),
            ("host", site.host.to_str().unwrap_or_default()),
            ("x-tc-action", C::ACTION),
        ];
        let message = tc3::Message { method: "POST", query: "", headers: &signed, body: &body };
        let (authorization, proof, token) = if let Some(token) = call.web_identity_token() {
            ("SKIP".to_owned(), token.to_owned(), "")
        } else {
            let stages = tc3::sign(credentials, "sts", time, &message)?;
            (stages.authorization, stages.signature, credentials.token().unwrap_or_default())
        };
        let mut headers = HeaderMap::with_capacity(12);
        headers.insert(header::HOST, site.host.clone());
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
        headers.insert(header::CONTENT_LENGTH, body.len().into());
        headers.insert("x-tc-action", HeaderValue::from_static(C::ACTION));
        headers.insert("x-tc-version", HeaderValue::from_static(VERSION));
        headers.insert("x-tc-timestamp", unix_seconds(time).into());
        headers.insert("x-tc-region", region.clone());
        headers.insert("x-tc-language", HeaderValue::from_static("en-US"));
        headers.insert(header::AUTHORIZATION, sensitive(&authorization)?);
        if !token.is_empty() {
            headers.insert("x-tc-token", sensitive(token)?);
        }
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = site.uri.clone();
        *request.headers_mut() = headers;
        Ok(Self { request, site: site.clone(), secrets: [Zeroizing::new(proof), Zeroizing::new(token.to_owned())] })
    }

    /// The request, with all its headers.
    pub fn request(&self) -> Request<Bytes> {
        self.request.clone()
    }

    /// Reads the answer to it. STS says no with status 200, too.
    ///
    /// # Errors
    /// [`ErrorKind::Service`](crate::ErrorKind::Service) with STS's code when it refuses,
    /// [`ErrorKind::Response`](crate::ErrorKind::Response) for what STS would not answer.
    pub fn read(&self, response: Response<Bytes>) -> Result<Issued> {
        let (parts, body) = response.into_parts();
        self.read_parts(&parts, &body)
    }

    pub(super) fn read_parts(&self, parts: &Parts, body: &Bytes) -> Result<Issued> {
        let secrets = self.secrets.each_ref().map(|secret| secret.as_str());
        Ok(answer::read(parts, body, &self.site, &secrets)?.told_at(self.time(parts)))
    }

    /// What the clock of STS showed. A cache tells the time of another day.
    pub(super) fn time(&self, parts: &Parts) -> Option<SystemTime> {
        let believable = self.site.believable && !parts.headers.contains_key(header::AGE);
        bare_answer(parts).server_time.filter(|_| believable)
    }
}

impl fmt::Debug for SignedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedCall").field("uri", self.request.uri()).finish_non_exhaustive()
    }
}

fn sensitive(text: &str) -> Result<HeaderValue> {
    let value = HeaderValue::from_str(text);
    let mut value = value.map_err(|_| Error::input("credentials", "hold what no header can carry"))?;
    value.set_sensitive(true);
    Ok(value)
}
