use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::response::Parts;
use http::{HeaderName, HeaderValue, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value};
use url::{Host, Url};

use crate::answer::{bare_answer, refusal};
use crate::error::{Error, Result, ServiceError};
use crate::request::{Describe, Request};
use crate::xml;

/// A request that COS sends to a server of yours once it has stored an object, and before it answers: what the server
/// says is in the `callback` of the output.
///
/// The object is there whatever becomes of it. That no server was reached, or none answered 200, is told in that place,
/// with the code `CallbackFailed`, and fails no upload. It is sent once more when an upload is repeated whose answer
/// was lost, and is not known of when the object itself told that it was made. Whoever sends with a presigned URL sends
/// its headers, too. COS turns callbacks on for an account on request.
///
/// # Examples
/// ```
/// use tencent_cos::{Callback, PutObject};
///
/// let callback = Callback::new("https://app.example.com/uploaded", r#"{"key": ${object}, "user": ${x:user}}"#)
///     .json()
///     .variable("user", "alice");
/// let put = PutObject::new("avatars/alice.png".parse()?, "...").callback(callback);
/// # let _ = put;
/// # Ok::<(), tencent_cos::Error>(())
/// ```
///
/// COS reference: [Callback](https://cloud.tencent.com/document/product/436/106770)
#[derive(Clone, PartialEq, Eq)]
pub struct Callback {
    urls: Vec<String>,
    host: Option<String>,
    body: String,
    json: bool,
    variables: Vec<(String, String)>,
}

impl Callback {
    /// The most URLs.
    pub const MAX_URLS: usize = 5;

    /// A POST of `body` to `url`, as `application/x-www-form-urlencoded`. In the body `${object}`, `${etag}` and others
    /// of COS's variables stand for what is stored, `${x:NAME}` for a [`variable`](Self::variable).
    pub fn new(url: impl Into<String>, body: impl Into<String>) -> Self {
        Self { urls: vec![url.into()], host: None, body: body.into(), json: false, variables: Vec::new() }
    }

    /// Where to send it when none of the URLs before answers, up to five in all.
    #[must_use]
    pub fn or_url(mut self, url: impl Into<String>) -> Self {
        self.urls.push(url.into());
        self
    }

    /// `Host` of the request, a name or an IP address; else that of the URL.
    #[must_use]
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = Some(host.into());
        self
    }

    /// The body is sent as `application/json`: COS puts a text there in its quotes.
    #[must_use]
    pub fn json(mut self) -> Self {
        self.json = true;
        self
    }

    /// What stands for `${x:NAME}` in the body.
    #[must_use]
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// What became of it by the answer to a put: its body, as the server gave it, or an error document with 203. `None`
    /// when COS says nothing of it.
    pub(crate) fn outcome(head: &Parts, body: Bytes) -> Option<Result<Bytes, Box<ServiceError>>> {
        if head.status == StatusCode::NON_AUTHORITATIVE_INFORMATION {
            return Some(Err(Box::new(refusal(head, &body))));
        }
        (!body.is_empty()).then_some(Ok(body))
    }
}

/// Where it goes may hold a secret, and so may its variables.
impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callback").finish_non_exhaustive()
    }
}

impl Describe for Callback {
    fn describe(&self, request: Request) -> Result<Request> {
        let refuse = |told| Err(Error::input("callback", told));
        if self.urls.len() > Self::MAX_URLS {
            return refuse("has more than five URLs");
        }
        let Some(urls) = self.urls.iter().map(|url| encoded(url)).collect::<Option<Vec<_>>>() else {
            return refuse("has a URL that is none of http or https, or holds a semicolon");
        };
        if self.body.is_empty() {
            return refuse("has an empty body");
        }
        if self.host.as_ref().is_some_and(|host| Host::parse(host).is_err()) {
            return refuse("has a host that is neither a name nor an IP address");
        }
        let is_name =
            |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
        if !self.variables.iter().all(|(name, _)| is_name(name)) {
            return refuse("has a variable whose name is not letters, digits, `_`, `-` and `.`");
        }
        let mut callback = Map::from_iter([
            ("callbackUrl".to_owned(), Value::from(urls.join(";"))),
            ("callbackBody".to_owned(), Value::from(&*self.body)),
        ]);
        if let Some(host) = &self.host {
            callback.insert("callbackHost".to_owned(), Value::from(&**host));
        }
        if self.json {
            callback.insert("callbackBodyType".to_owned(), Value::from("application/json"));
        }
        let variables = self.variables.iter().map(|(name, value)| (format!("x:{name}"), Value::from(&**value)));
        let variables: Map<String, Value> = variables.collect();
        let request = request.header_value(HeaderName::from_static("x-cos-callback"), secret(callback));
        Ok(if variables.is_empty() {
            request
        } else {
            request.header_value(HeaderName::from_static("x-cos-callback-var"), secret(variables))
        })
    }
}

/// COS tells one URL from the next by the semicolon.
fn encoded(url: &str) -> Option<String> {
    let url = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    Some(String::from(url)).filter(|url| !url.contains(';'))
}

fn secret(object: Map<String, Value>) -> HeaderValue {
    // Base64 is visible ASCII.
    let value = HeaderValue::from_str(&STANDARD.encode(Value::from(object).to_string()));
    let mut value = value.unwrap_or(HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

/// The same in the document of a completed upload.
#[derive(Deserialize)]
pub(crate) struct CallbackResult {
    #[serde(rename = "Status", default)]
    status: u16,
    #[serde(rename = "CallbackBody", default)]
    body: String,
    #[serde(rename = "Error", default)]
    error: Failure,
}

#[derive(Default, Deserialize)]
struct Failure {
    #[serde(rename = "Code", default)]
    code: String,
    #[serde(rename = "Message", default)]
    message: String,
}

impl CallbackResult {
    pub(crate) fn outcome(self, head: &Parts) -> Result<Bytes, Box<ServiceError>> {
        if self.status != 200 {
            let (code, message) = (xml::short(self.error.code), xml::short(self.error.message));
            return Err(Box::new(ServiceError { status: self.status, code, message, ..bare_answer(head) }));
        }
        // In a document it stands in Base64.
        Ok(STANDARD.decode(&self.body).map_or_else(|_| Bytes::from(self.body), Bytes::from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ErrorKind, ObjectKey};

    fn described(callback: &Callback) -> Result<Request> {
        callback.describe(Request::object(&ObjectKey::new("k").unwrap()))
    }

    fn header(request: &Request, name: &str) -> Option<Value> {
        let text = STANDARD.decode(request.headers().get(name)?).unwrap();
        Some(serde_json::from_slice(&text).unwrap())
    }

    #[test]
    fn it_goes_out_as_two_objects_in_base64() {
        let callback = Callback::new("http://example.com/测试.php?key=value&名称=值", "key=${object}&by=${x:my_var}");
        let request = described(&callback.clone().variable("my_var", "夏")).unwrap();
        // The URL is the reference's own example.
        let url = "http://example.com/%E6%B5%8B%E8%AF%95.php?key=value&%E5%90%8D%E7%A7%B0=%E5%80%BC";
        let told = serde_json::json!({ "callbackUrl": url, "callbackBody": "key=${object}&by=${x:my_var}" });
        assert_eq!(header(&request, "x-cos-callback"), Some(told));
        assert_eq!(header(&request, "x-cos-callback-var"), Some(serde_json::json!({ "x:my_var": "夏" })));

        let callback =
            Callback::new("https://a.example/", "{}").or_url("http://10.0.0.1:80/b").host("a.example").json();
        let request = described(&callback).unwrap();
        let told = serde_json::json!({
            "callbackUrl": "https://a.example/;http://10.0.0.1/b",
            "callbackHost": "a.example",
            "callbackBody": "{}",
            "callbackBodyType": "application/json",
        });
        assert_eq!(header(&request, "x-cos-callback"), Some(told));
        assert_eq!(header(&request, "x-cos-callback-var"), None);
    }

    #[test]
    fn what_cos_could_not_send_is_refused() {
        let callback = || Callback::new("https://a.example/", "a=b");
        let many = (0..5).fold(callback(), |callback, _| callback.or_url("https://b.example/"));
        for wrong in [
            many,
            Callback::new("", "a=b"),
            Callback::new("a.example/no/scheme", "a=b"),
            Callback::new("ftp://a.example/", "a=b"),
            Callback::new("https://a.example/;http://b.example/", "a=b"),
            Callback::new("https://a.example/", ""),
            callback().host("a b"),
            callback().host(""),
            callback().variable("", "v"),
            callback().variable("a}", "v"),
        ] {
            let error = described(&wrong).unwrap_err();
            assert_eq!((error.kind(), error.field()), (ErrorKind::Input, Some("callback")));
        }
    }

    #[test]
    fn nothing_of_it_is_printed() {
        let callback = Callback::new("https://a.example/?token=SECRET", "a=SECRET").variable("v", "SECRET");
        let request = described(&callback).unwrap();
        let shown = format!("{callback:?} {request:?}");
        let encoded = request.headers()["x-cos-callback"].to_str().unwrap();
        assert!(!shown.contains("SECRET") && !shown.contains(&encoded[..12]), "{shown}");
    }
}
