//! What every answer of STS has, a key or a refusal; both come with status 200.

use serde::Deserialize;

use crate::answer::quoted;

pub(crate) struct StsAnswer {
    pub(crate) request_id: String,
    /// Code and message, in place of a key.
    pub(crate) refusal: Option<(String, String)>,
}

impl StsAnswer {
    /// Reads it; `None` for what is not of STS's form. Nothing in it repeats what was `sent`.
    pub(crate) fn read(body: &[u8], sent: &[&str]) -> Option<Self> {
        let Document { response } = serde_json::from_slice(body).ok()?;
        let refusal =
            response.error.map(|Refusal { code, message }| (quoted(&code, 256, sent), quoted(&message, 1024, sent)));
        Some(Self { request_id: quoted(&response.request_id, 256, sent), refusal })
    }
}

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "Response")]
    response: Response,
}

#[derive(Deserialize)]
struct Response {
    #[serde(rename = "Error")]
    error: Option<Refusal>,
    #[serde(rename = "RequestId", default)]
    request_id: String,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(rename = "Code", default)]
    code: String,
    #[serde(rename = "Message", default)]
    message: String,
}
