//! A machine made up: its environment, its files, its network, its clock.

use std::collections::VecDeque;
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use tempfile::TempDir;
use tencent_cos::client::provider::{BoxFuture, ChainCredentials, RefreshingCredentials};
use tencent_cos::{ByteStream, HttpClient, Payload, Phase, TransportError};

use self::Reply::{Hangs, Lost, NoFiles, Status};
use crate::support::TestClock;

pub const METADATA: &str = "metadata.tencentyun.com";
pub const STS: &str = "sts.tencentcloudapi.com";
pub const ROLES: &str = "/latest/meta-data/cam/security-credentials/";
pub const WEB_ROLE: &str = "metadata.tencentyun.com/latest/meta-data/cam/security-credentials/web";
pub const POD_TOKEN: &str = "eyJPLANTED.pod-token.0123456789abcdef";

/// What a peer does with one request.
#[derive(Clone, Debug)]
pub enum Reply {
    Lost(Phase),
    /// This machine has no file descriptor for a connection.
    NoFiles,
    Hangs,
    Status(u16, Vec<(&'static str, String)>, Bytes),
}

pub fn ok(body: impl Into<Bytes>) -> Reply {
    Status(200, Vec::new(), body.into())
}

pub fn status(status: u16) -> Reply {
    Status(status, Vec::new(), "PLANTED page".into())
}

pub struct Seen {
    pub host: String,
    pub path: String,
    pub method: http::Method,
    pub headers: http::HeaderMap,
    pub body: Bytes,
}

pub type Script = (&'static str, VecDeque<Reply>);

/// The network without a socket: each host, or path of a host, answers by its list, and goes on with the last.
#[derive(Clone, Default)]
pub struct Net {
    pub replies: Arc<Mutex<Vec<Script>>>,
    pub seen: Arc<Mutex<Vec<Seen>>>,
}

impl std::fmt::Debug for Net {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Net")
    }
}

impl Net {
    pub fn on(self, host: &'static str, replies: impl IntoIterator<Item = Reply>) -> Self {
        self.replies.lock().unwrap().push((host, replies.into_iter().collect()));
        self
    }

    pub fn hosts(&self) -> Vec<String> {
        self.seen.lock().unwrap().iter().map(|seen| seen.host.clone()).collect()
    }

    pub fn reply(&self, host: &str, path: &str) -> Reply {
        let mut replies = self.replies.lock().unwrap();
        let is_for = |target: &str| target == host || target.strip_prefix(host) == Some(path);
        let Some((_, replies)) = replies.iter_mut().find(|(target, _)| is_for(target)) else {
            return Lost(Phase::Dns);
        };
        if replies.len() > 1 { replies.pop_front().unwrap() } else { replies[0].clone() }
    }
}

impl HttpClient for Net {
    fn execute(
        &self,
        request: http::Request<Payload>,
    ) -> BoxFuture<'_, Result<http::Response<ByteStream>, TransportError>> {
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let host = head.uri.host().unwrap().to_owned();
            let authority = head.uri.authority().unwrap().as_str();
            assert_eq!(head.headers["host"], authority);
            let body = body.collect().await.expect("a body").to_bytes();
            let length = head.headers.get("content-length").map_or("0", |length| length.to_str().unwrap());
            assert_eq!(length, body.len().to_string());
            let path = head.uri.path_and_query().unwrap().to_string();
            let reply = self.reply(&host, &path);
            let seen = Seen { host, path, method: head.method, headers: head.headers, body };
            self.seen.lock().unwrap().push(seen);
            match reply {
                Lost(phase) => Err(TransportError::new(phase, "as scripted")),
                NoFiles => {
                    let code = if cfg!(windows) { 10_024 } else { 24 };
                    Err(TransportError::new(Phase::Connect, std::io::Error::from_raw_os_error(code)))
                }
                Hangs => std::future::pending().await,
                Status(status, headers, body) => {
                    let mut response = http::Response::builder().status(status);
                    for (name, value) in headers {
                        response = response.header(name, value);
                    }
                    Ok(response.body(ByteStream::from(body)).unwrap())
                }
            }
        })
    }
}

/// A machine: its environment, its files, its network, its clock.
pub struct Machine {
    pub home: TempDir,
    pub variables: Vec<(&'static str, String)>,
    pub net: Net,
    pub clock: Arc<TestClock>,
}

impl Machine {
    pub fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let name = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
        let variables = vec![(name, home.path().to_str().unwrap().to_owned())];
        Self { home, variables, net: Net::default(), clock: Arc::new(TestClock::new()) }
    }

    pub fn set(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.variables.push((name, value.into()));
        self
    }

    pub fn file(self, name: &str, text: &str) -> Self {
        let path = self.home.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    pub fn on(mut self, host: &'static str, replies: impl IntoIterator<Item = Reply>) -> Self {
        self.net = self.net.on(host, replies);
        self
    }

    pub fn pod(self) -> Self {
        let token = self.home.path().join("token").to_str().unwrap().to_owned();
        self.file("token", &format!("{POD_TOKEN}\n"))
            .set("TKE_REGION", "ap-guangzhou")
            .set("TKE_PROVIDER_ID", "cls-example")
            .set("TKE_WEB_IDENTITY_TOKEN_FILE", token)
            .set("TKE_ROLE_ARN", "qcs::cam::uin/100000000001:roleName/pod")
    }

    pub fn chain(&self) -> ChainCredentials {
        let variables = self.variables.clone();
        let find = move |name: &str| Some(variables.iter().rev().find(|(known, _)| *known == name)?.1.clone());
        ChainCredentials::standard_with(find, self.net.clone())
    }

    pub fn keys(&self) -> RefreshingCredentials {
        RefreshingCredentials::new(self.chain()).with_clock(Arc::<TestClock>::clone(&self.clock))
    }
}

pub fn unix(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Half an hour from the start of every test clock.
pub fn alive() -> u64 {
    unix(TestClock::new().true_time()) + 1800
}

pub fn of_sts(id: &str, token: &str, end: u64) -> Reply {
    ok(format!(
        r#"{{"Response":{{"Credentials":{{"Token":"{token}","TmpSecretId":"{id}","TmpSecretKey":"PLANTEDkey"}},"ExpiredTime":{end},"RequestId":"r-1"}}}}"#
    ))
}

pub fn refusal(code: &str, message: &str) -> Reply {
    ok(format!(r#"{{"Response":{{"Error":{{"Code":"{code}","Message":"{message}"}},"RequestId":"r-1"}}}}"#))
}

pub fn of_metadata(id: &str, token: &str, end: u64) -> Reply {
    ok(format!(
        r#"{{"TmpSecretId":"{id}","TmpSecretKey":"PLANTEDkey","ExpiredTime":{end},"Expiration":"x","Token":"{token}","Code":"Success"}}"#
    ))
}

pub fn tccli(id: &str, token: &str, end: u64) -> String {
    format!(r#"{{"secretId":"{id}","secretKey":"PLANTEDkey","token":"{token}","expiresAt":{end}}}"#)
}

pub const TCCLI: &str = ".tccli/default.credential";
