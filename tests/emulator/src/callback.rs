//! Upload callbacks: what a server of the user's says of an object, before its upload is answered.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::net::TcpStream;

use crate::error::CosError;
use crate::request::Head;
use crate::store::{Bucket, Version};

/// How long a server may take, and how long its answer may be (inferred).
const TIMEOUT: Duration = Duration::from_secs(5);
const LONGEST_ANSWER: usize = 3 * 1024 * 1024;

/// Status and code of a callback that failed. The object is stored.
pub(crate) const FAILED: u16 = 203;
pub(crate) const CODE: &str = "CallbackFailed";

#[derive(Debug, Deserialize)]
struct Wanted {
    #[serde(rename = "callbackUrl", default)]
    url: String,
    #[serde(rename = "callbackHost")]
    host: Option<String>,
    #[serde(rename = "callbackBody")]
    body: String,
    #[serde(rename = "callbackBodyType")]
    body_type: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Callback {
    urls: Vec<Uri>,
    wanted: Wanted,
    variables: Map<String, Value>,
}

impl Callback {
    /// What the headers ask for; without a URL that is nothing.
    pub(crate) fn of(head: &Head) -> Result<Option<Self>, CosError> {
        let Some(wanted) = object::<Wanted>(head, "x-cos-callback")? else { return Ok(None) };
        if wanted.url.is_empty() {
            return Ok(None);
        }
        let urls = wanted.url.split(';').map(to_send_to).collect::<Option<Vec<_>>>();
        let urls = urls.filter(|urls| urls.len() <= 5);
        let urls = urls.ok_or_else(|| CosError::invalid_argument("callbackUrl is not one to five URLs."))?;
        let kinds = [None, Some("application/x-www-form-urlencoded"), Some("application/json")];
        if wanted.body.is_empty() || !kinds.contains(&wanted.body_type.as_deref()) {
            return Err(CosError::invalid_argument("callbackBody is empty, or of no type that is known."));
        }
        let variables: Map<String, Value> = object(head, "x-cos-callback-var")?.unwrap_or_default();
        if !variables.iter().all(|(name, value)| name.starts_with("x:") && value.is_string()) {
            return Err(CosError::invalid_argument("A variable of a callback is a string whose name begins with x:."));
        }
        Ok(Some(Self { urls, wanted, variables }))
    }

    /// Asks the servers one after the other: what the first said that answered 200, or why that was none.
    pub(crate) async fn send(&self, bucket: &Bucket, version: &Version, key: &str) -> Result<Bytes, String> {
        let body = Bytes::from(self.body(bucket, version, key));
        let mut why = String::new();
        for url in &self.urls {
            match tokio::time::timeout(TIMEOUT, self.post(url, body.clone())).await {
                Ok(Ok(said)) => return Ok(said),
                Ok(Err(reason)) => why = reason,
                Err(_) => "The callback server did not answer in time.".clone_into(&mut why),
            }
        }
        Err(why)
    }

    async fn post(&self, url: &Uri, body: Bytes) -> Result<Bytes, String> {
        if url.scheme_str() != Some("http") {
            return Err("This emulator calls back by http alone.".to_owned());
        }
        let told = |error: &dyn std::fmt::Display| format!("The callback server was not reached: {error}");
        let host = url.host().unwrap_or_default();
        let stream = TcpStream::connect((host.trim_matches(['[', ']']), url.port_u16().unwrap_or(80))).await;
        let io = TokioIo::new(stream.map_err(|error| told(&error))?);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.map_err(|error| told(&error))?;
        let connection = tokio::spawn(connection);
        let authority = url.authority().map_or("", http::uri::Authority::as_str);
        let request = Request::post(url.path_and_query().map_or("/", http::uri::PathAndQuery::as_str))
            .header(HOST, self.wanted.host.as_deref().unwrap_or(authority))
            .header(CONTENT_TYPE, self.content_type())
            .body(Full::new(body))
            .map_err(|error| told(&error))?;
        let response = sender.send_request(request).await.map_err(|error| told(&error))?;
        let status = response.status();
        let said = Limited::new(response.into_body(), LONGEST_ANSWER).collect().await;
        connection.abort();
        if status != StatusCode::OK {
            return Err(format!("The callback server answered {}.", status.as_u16()));
        }
        said.map(http_body_util::Collected::to_bytes).map_err(|error| told(&error))
    }

    fn content_type(&self) -> &str {
        self.wanted.body_type.as_deref().unwrap_or("application/x-www-form-urlencoded")
    }

    /// The body with what its variables stand for: in JSON a JSON value, else the text. One that is not known is empty.
    fn body(&self, bucket: &Bucket, version: &Version, key: &str) -> String {
        let of_json = self.content_type() == "application/json";
        let header = |name: &str| {
            let found = version.draft.headers.iter().find(|(have, _)| have == name);
            found.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
        };
        let value = |name: &str| match name {
            "bucket" => json!(bucket.name),
            "object" => json!(key),
            "etag" => json!(version.etag),
            "size" => json!(version.size),
            "region" => json!(bucket.region),
            "mimeType" => json!(header("content-type").unwrap_or_default()),
            name => self.variables.get(name).cloned().unwrap_or_else(|| json!("")),
        };
        let mut filled = String::new();
        let mut rest = self.wanted.body.as_str();
        while let Some((before, after)) = rest.split_once("${")
            && let Some((name, after)) = after.split_once('}')
        {
            filled.push_str(before);
            match value(name) {
                Value::String(text) if !of_json => filled.push_str(&text),
                value => filled.push_str(&value.to_string()),
            }
            rest = after;
        }
        filled + rest
    }
}

/// A URL without a scheme is one of http.
fn to_send_to(url: &str) -> Option<Uri> {
    let url = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
    let url = Uri::try_from(url).ok()?;
    (matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some()).then_some(url)
}

/// The Base64 of an object in JSON.
fn object<T: serde::de::DeserializeOwned>(head: &Head, name: &str) -> Result<Option<T>, CosError> {
    let Some(text) = head.header(name) else { return Ok(None) };
    let object = STANDARD.decode(text).ok().and_then(|text| serde_json::from_slice(&text).ok());
    let bad = || CosError::invalid_argument(format!("{name} is not the Base64 of what it holds in JSON."));
    object.map(Some).ok_or_else(bad)
}
