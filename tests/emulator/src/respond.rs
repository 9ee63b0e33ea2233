//! An answer on its way out.

use std::time::SystemTime;

use http::header::{CONTENT_LENGTH, DATE, SERVER};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};

use crate::body::Body;
use crate::error::CosError;
use crate::service::CRC;

/// Status, headers and body, before the headers that every answer has.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
    /// The error code, for the journal.
    pub(crate) code: Option<String>,
}

impl Reply {
    pub(crate) fn new(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), body: Body::empty(), code: None }
    }

    pub(crate) fn ok() -> Self {
        Self::new(StatusCode::OK)
    }

    pub(crate) fn no_content() -> Self {
        Self::new(StatusCode::NO_CONTENT)
    }

    pub(crate) fn xml(document: String) -> Self {
        let mut reply = Self::ok();
        reply.body = Body::from(bytes::Bytes::from(document));
        reply.set("content-type", "application/xml");
        reply
    }

    /// The document of what may take long: it is sent in chunks.
    pub(crate) fn late_xml(document: String) -> Self {
        let mut reply = Self::xml(String::new());
        reply.body = Body::chunked(bytes::Bytes::from(document));
        reply
    }

    /// The error document; for HEAD only its headers.
    pub(crate) fn error(error: &CosError, method: &Method, resource: &str, request_id: &str, trace_id: &str) -> Self {
        let mut reply = Self::new(error.status);
        if *method != Method::HEAD && error.status != StatusCode::NOT_MODIFIED {
            reply.body = Body::from(bytes::Bytes::from(error.document(resource, request_id, trace_id)));
        }
        reply.set("content-type", "application/xml");
        reply.set("x-cos-trace-id", trace_id);
        for (name, value) in &error.headers {
            reply.set(name, value);
        }
        reply.code = Some(error.code.clone().into_owned());
        reply
    }

    /// Sets a header. A value that no header can hold is left out.
    pub(crate) fn set(&mut self, name: &str, value: impl AsRef<[u8]>) {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value.as_ref())) {
            self.headers.insert(name, value);
        }
    }

    pub(crate) fn set_all(&mut self, headers: &[(String, String)]) {
        for (name, value) in headers {
            self.set(name, value);
        }
    }

    pub(crate) fn set_if(&mut self, name: &str, value: Option<impl AsRef<[u8]>>) {
        if let Some(value) = value {
            self.set(name, value);
        }
    }

    /// Changes the CRC-64, or takes it away: that of the header, and that of the document of a copy.
    pub(crate) fn change_crc(&mut self, change: impl Fn(u64) -> Option<u64>) {
        if let Some(crc) = self.headers.remove(CRC).and_then(|value| value.to_str().ok()?.parse().ok()) {
            self.set_if(CRC, change(crc).map(|crc| crc.to_string()));
        }
        self.body.edit(|text| {
            let (before, rest) = text.split_once("\t<CRC64>")?;
            let (crc, after) = rest.split_once("</CRC64>\n")?;
            let crc = change(crc.parse().ok()?).map(|crc| format!("\t<CRC64>{crc}</CRC64>\n"));
            Some(format!("{before}{}{after}", crc.unwrap_or_default()))
        });
    }

    /// The headers of every answer that comes from COS.
    pub(crate) fn sign_off(&mut self, request_id: &str, now: SystemTime) {
        self.set(SERVER.as_str(), "tencent-cos");
        self.date(now);
        self.set("x-cos-request-id", request_id);
    }

    pub(crate) fn date(&mut self, now: SystemTime) {
        self.set(DATE.as_str(), httpdate::fmt_http_date(now));
    }

    /// Adds the length unless the answer has none or states its own, and hands everything to the connection.
    pub(crate) fn into_response(mut self) -> Response<Body> {
        let told = self.status != StatusCode::NO_CONTENT;
        if let Some(length) = self.body.length().filter(|_| told) {
            self.headers.entry(CONTENT_LENGTH).or_insert_with(|| HeaderValue::from(length));
        }
        let mut response = Response::new(self.body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}
