//! `cos sign`: a signature with everything it came from. Nothing is sent.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use serde::Deserialize;
use serde_json::json;
use tencent_cos::client::provider::{ChainCredentials, ProvideCredentials};
use tencent_cos::sign::{SECURITY_TOKEN, SigningKey};

use crate::failure::{Failure, Outcome};
use crate::input::read;
use crate::output::Output;

pub const EXAMPLES: &str = "Example:
  cos sign --method GET --path /a.txt --header Host:HOST \\
    --start 1700000000 --end 1700003600";

/// Sign a request and show every step, to find out why COS said 403
///
/// Prints the HttpString, StringToSign, signature and Authorization of a request as JSON. Compare the first two with
/// what COS prints in its answer.
///
/// Every header given is signed, and the key's token as x-cos-security-token unless it is among them. A token stands in the
/// HttpString as it is, and whoever has the Authorization may send that request until END: show neither to others.
#[derive(Debug, Args)]
pub struct Sign {
    /// GET, PUT, …
    #[arg(long, value_name = "M", required_unless_present = "request")]
    method: Option<String>,
    /// The path, decoded, with its leading slash
    #[arg(long, value_name = "P", required_unless_present = "request")]
    path: Option<String>,
    /// A query parameter, decoded; may be repeated
    #[arg(long = "param", value_name = "K=V")]
    params: Vec<Param>,
    /// A header; may be repeated
    #[arg(long = "header", value_name = "N:V")]
    headers: Vec<Header>,
    /// When the signature begins, in Unix seconds
    #[arg(long, value_name = "S", required_unless_present = "request")]
    start: Option<u64>,
    /// When it ends, in Unix seconds
    #[arg(long, value_name = "E", required_unless_present = "request")]
    end: Option<u64>,
    /// All of this as JSON, from a file or from `-`:
    /// {"method":…,"path":…,"params":[[k,v]],"headers":[[n,v]],"start":…,"end":…}
    #[arg(long, value_name = "FILE", conflicts_with_all = ["method", "path", "params", "headers", "start", "end"])]
    request: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    method: String,
    path: String,
    #[serde(default)]
    params: Vec<(String, String)>,
    #[serde(default)]
    headers: Vec<(String, String)>,
    start: u64,
    end: u64,
}

pub async fn run(command: Sign, one_line: bool) -> Outcome {
    let request = command.into_request()?;
    let credentials = ChainCredentials::standard().provide().await.map_err(tencent_cos::Error::from)?;
    let key = SigningKey::for_key_time(&credentials, request.start, request.end)?;
    let params: Vec<_> = request.params.iter().map(|(name, value)| (&**name, &**value)).collect();
    let mut headers: Vec<_> = request.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    let has_token = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(SECURITY_TOKEN));
    headers.extend(credentials.token().filter(|_| !has_token).map(|token| (SECURITY_TOKEN, token)));
    let stages = key.stages(&request.method, &request.path, &params, &headers);
    let json = json!({
        "http_string": stages.http_string,
        "string_to_sign": stages.string_to_sign,
        "signature": stages.signature,
        "authorization": stages.authorization,
    });
    let mut output = Output::new(true);
    output.document(&json, one_line)?;
    output.finish()
}

impl Sign {
    fn into_request(self) -> Outcome<Request> {
        if let Some(path) = &self.request {
            return serde_json::from_str(&read(path)?).map_err(|error| {
                let (told, line, column) = (error.to_string(), error.line(), error.column());
                // All else that serde_json says may quote the document, and a token may be in it.
                let safe = told.starts_with("missing field");
                let told = if safe { told } else { format!("no request, at line {line} column {column}") };
                Failure::usage(format!("{}: {told}", path.display()))
            });
        }
        let Self {
            method: Some(method), path: Some(path), params, headers, start: Some(start), end: Some(end), ..
        } = self
        else {
            return Err(Failure::usage("--method, --path, --start and --end are needed"));
        };
        let params = params.into_iter().map(|Param(name, value)| (name, value)).collect();
        let headers = headers.into_iter().map(|Header(name, value)| (name, value)).collect();
        Ok(Request { method, path, params, headers, start, end })
    }
}

#[derive(Clone, Debug)]
struct Param(String, String);

impl FromStr for Param {
    type Err = String;

    /// A sub-resource like `acl` has no value.
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        Ok(Self(name.to_owned(), value.to_owned()))
    }
}

#[derive(Clone, Debug)]
struct Header(String, String);

impl FromStr for Header {
    type Err = String;

    /// Blanks around a value do not reach the other side, so they are not signed.
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once(':').ok_or("is not of the form NAME:VALUE")?;
        Ok(Self(name.trim().to_owned(), value.trim().to_owned()))
    }
}
