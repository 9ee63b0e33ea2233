//! Refusals: a status, a code, a message, and the XML document that carries them.

use std::borrow::Cow;

use http::StatusCode;

use crate::xml::Document;

/// What COS answers instead of doing what it was asked.
#[derive(Debug, Clone)]
pub(crate) struct CosError {
    pub(crate) status: StatusCode,
    pub(crate) code: Cow<'static, str>,
    pub(crate) message: Cow<'static, str>,
    /// Elements beside the usual five, in order.
    pub(crate) extra: Vec<(&'static str, String)>,
    /// Headers of the answer beside the usual ones.
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl CosError {
    pub(crate) fn new(status: u16, code: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            code: code.into(),
            message: message.into(),
            extra: Vec::new(),
            headers: Vec::new(),
        }
    }

    pub(crate) fn with(mut self, element: &'static str, text: impl Into<String>) -> Self {
        self.extra.push((element, text.into()));
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The document of D.1: five elements, all with text, then whatever else there is to say.
    pub(crate) fn document(&self, resource: &str, request_id: &str, trace_id: &str) -> String {
        let mut xml = Document::new("Error");
        xml.text("Code", &self.code);
        xml.text("Message", if self.message.is_empty() { &self.code } else { &self.message });
        xml.text("Resource", resource);
        xml.text("RequestId", request_id);
        xml.text("TraceId", trace_id);
        for (name, text) in &self.extra {
            xml.text(name, text);
        }
        xml.finish()
    }
}

/// The refusals that more than one place gives. One constructor a code, so that status and message are said once.
impl CosError {
    pub(crate) fn access_denied() -> Self {
        Self::new(403, "AccessDenied", "Access Denied.")
    }

    /// The pair of code and message that the Node SDK recognises as a clock problem.
    pub(crate) fn request_has_expired() -> Self {
        Self::new(403, "AccessDenied", "Request has expired")
    }

    pub(crate) fn invalid_argument(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(400, "InvalidArgument", message)
    }

    pub(crate) fn invalid_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(400, "InvalidRequest", message)
    }

    pub(crate) fn invalid_uri() -> Self {
        Self::new(400, "InvalidURI", "Could not parse the specified URI.")
    }

    pub(crate) fn no_such_bucket() -> Self {
        Self::new(404, "NoSuchBucket", "The specified bucket does not exist.")
    }

    pub(crate) fn no_such_key() -> Self {
        Self::new(404, "NoSuchKey", "The specified key does not exist.")
    }

    pub(crate) fn no_such_version() -> Self {
        Self::new(404, "NoSuchVersion", "The specified version does not exist.")
    }

    pub(crate) fn precondition_failed() -> Self {
        Self::new(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold.")
    }

    pub(crate) fn malformed_xml() -> Self {
        let message = "The XML you provided was not well-formed or did not validate against our published schema.";
        Self::new(400, "MalformedXML", message)
    }

    pub(crate) fn missing_content_length() -> Self {
        Self::new(411, "MissingContentLength", "You must provide the Content-Length HTTP header.")
    }

    pub(crate) fn method_not_allowed() -> Self {
        Self::new(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
    }

    pub(crate) fn not_implemented(what: &str) -> Self {
        Self::new(501, "NotImplemented", format!("The emulator does not implement {what}."))
    }

    pub(crate) fn incomplete_body() -> Self {
        Self::new(400, "IncompleteBody", "The request body ended before Content-Length was reached.")
    }

    pub(crate) fn entity_too_large() -> Self {
        Self::new(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed object size.")
    }

    pub(crate) fn internal(reason: &impl std::fmt::Display) -> Self {
        Self::new(500, "InternalError", format!("We encountered an internal error: {reason}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_has_five_elements_and_escapes_them() {
        let text = CosError::no_such_key().with("ServerTime", "x").document("host/a<b", "id", "trace");
        assert_eq!(
            text,
            "<?xml version='1.0' encoding='utf-8' ?>\n<Error>\n\t<Code>NoSuchKey</Code>\n\t<Message>The specified key \
             does not exist.</Message>\n\t<Resource>host/a&lt;b</Resource>\n\t<RequestId>id</RequestId>\n\t<TraceId>\
             trace</TraceId>\n\t<ServerTime>x</ServerTime>\n</Error>\n"
        );
    }
}
