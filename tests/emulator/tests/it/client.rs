//! The smallest client that can sign, so that the emulator is tested without the one it tests.

use std::fmt::Display;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use cos_emulator::{Emulator, Injected, TemporaryKey};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use sha1::{Digest, Sha1};

pub(crate) const HOST: &str = "examplebucket-1250000000.cos.ap-guangzhou.myqcloud.com";

/// A request to be signed and sent. Everything in it is signed.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) method: Method,
    pub(crate) host: String,
    /// Raw: already percent-encoded.
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) unsigned: Vec<(String, Vec<u8>)>,
    pub(crate) body: Bytes,
    pub(crate) id: String,
    pub(crate) key: String,
    pub(crate) window: Option<(u64, u64)>,
    pub(crate) anonymous: bool,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// All of it.
    pub(crate) async fn of<B: Body<Data = Bytes, Error = Injected>>(response: Response<B>) -> Result<Self, Injected> {
        let (parts, body) = response.into_parts();
        Ok(Self { status: parts.status, headers: parts.headers, body: body.collect().await?.to_bytes() })
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The text of the first element of this name.
    pub(crate) fn element(&self, name: &str) -> &str {
        let text = self.text();
        let start = text.find(&format!("<{name}>")).map(|at| at + name.len() + 2);
        start.map_or("", |start| &text[start..start + text[start..].find("</").unwrap()])
    }

    /// The texts of all elements of this name, in order.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let pieces = self.text().split(&format!("<{name}>")).skip(1).collect::<Vec<_>>();
        pieces.into_iter().map(|piece| &piece[..piece.find('<').unwrap()]).collect()
    }

    /// Status and error code in one, as `404 NoSuchKey`.
    pub(crate) fn verdict(&self) -> String {
        format!("{} {}", self.status.as_u16(), self.element("Code")).trim_end().to_owned()
    }
}

impl Ask {
    pub(crate) fn new(emulator: &Emulator, method: &str, path: &str) -> Self {
        Self {
            method: method.parse().unwrap(),
            host: HOST.to_owned(),
            path: path.to_owned(),
            query: Vec::new(),
            headers: Vec::new(),
            unsigned: Vec::new(),
            body: Bytes::new(),
            id: emulator.secret_id().to_owned(),
            key: emulator.secret_key().to_owned(),
            window: None,
            anonymous: false,
        }
    }

    pub(crate) fn host(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    pub(crate) fn query(mut self, name: &str, value: &str) -> Self {
        self.query.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    pub(crate) fn unsigned(mut self, name: &str, value: &str) -> Self {
        self.unsigned.push((name.to_owned(), value.as_bytes().to_vec()));
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn temporary(mut self, key: &TemporaryKey) -> Self {
        self.id.clone_from(&key.secret_id);
        self.key.clone_from(&key.secret_key);
        self.header("x-cos-security-token", &key.token)
    }

    pub(crate) fn window(mut self, start: u64, end: u64) -> Self {
        self.window = Some((start, end));
        self
    }

    pub(crate) fn anonymous(mut self) -> Self {
        self.anonymous = true;
        self
    }

    pub(crate) fn target(&self) -> String {
        let query: Vec<String> = self
            .query
            .iter()
            .map(|(name, value)| format!("{}={}", enc(name.as_bytes()), enc(value.as_bytes())))
            .collect();
        if query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, query.join("&")) }
    }

    pub(crate) fn authorization(&self) -> String {
        let (start, end) = self.window.unwrap_or_else(|| (now() - 60, now() + 900));
        let time = format!("{start};{end}");
        let name = |name: &str| enc(name.as_bytes()).to_ascii_lowercase();
        let mut params: Vec<(String, String)> =
            self.query.iter().map(|(key, value)| (name(key), enc(value.as_bytes()))).collect();
        let mut headers: Vec<(String, String)> =
            self.headers.iter().map(|(key, value)| (name(key), enc(value))).collect();
        headers.push(("host".to_owned(), enc(self.host.as_bytes())));
        params.sort();
        headers.sort();
        let line = |pairs: &[(String, String)]| {
            pairs.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join("&")
        };
        let list = |pairs: &[(String, String)]| pairs.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>().join(";");
        let mut text = self.method.as_str().to_ascii_lowercase().into_bytes();
        text.push(b'\n');
        text.extend_from_slice(&decode(&self.path));
        text.extend_from_slice(format!("\n{}\n{}\n", line(&params), line(&headers)).as_bytes());
        let to_sign = format!("sha1\n{time}\n{}\n", hex::encode(Sha1::digest(&text)));
        let sign_key = hmac(&self.key, &time);
        format!(
            "q-sign-algorithm=sha1&q-ak={}&q-sign-time={time}&q-key-time={time}&q-header-list={}&q-url-param-list={}\
             &q-signature={}",
            self.id,
            list(&headers),
            list(&params),
            hmac(&sign_key, &to_sign)
        )
    }

    pub(crate) fn request(&self) -> Request<Full<Bytes>> {
        let mut request = Request::builder().method(self.method.clone()).uri(self.target()).header("host", &self.host);
        for (name, value) in self.headers.iter().chain(&self.unsigned) {
            request = request.header(name, value.as_slice());
        }
        if !self.anonymous {
            request = request.header("authorization", self.authorization());
        }
        request.body(Full::new(self.body.clone())).unwrap()
    }

    /// Through the service, without a socket.
    pub(crate) async fn send(&self, emulator: &Emulator) -> Answer {
        self.try_send(emulator).await.unwrap()
    }

    pub(crate) async fn try_send(&self, emulator: &Emulator) -> Result<Answer, Injected> {
        Answer::of(emulator.service().call(self.request()).await?).await
    }

    /// The request as bytes, for a raw socket.
    pub(crate) fn wire(&self) -> Vec<u8> {
        self.wire_to(&self.target())
    }

    pub(crate) fn wire_to(&self, target: &str) -> Vec<u8> {
        let mut text = format!("{} {target} HTTP/1.1\r\nHost: {}\r\n", self.method, self.host).into_bytes();
        let length = ("Content-Length".to_owned(), self.body.len().to_string().into_bytes());
        let framed = self.unsigned.iter().any(|(name, _)| name == "Transfer-Encoding" || name == "Content-Length");
        let length = (!framed && matches!(self.method, Method::PUT | Method::POST)).then_some(&length);
        for (name, value) in self.headers.iter().chain(&self.unsigned).chain(length) {
            text.extend_from_slice(name.as_bytes());
            text.extend_from_slice(b": ");
            text.extend_from_slice(value);
            text.extend_from_slice(b"\r\n");
        }
        text.extend_from_slice(format!("Authorization: {}\r\n\r\n", self.authorization()).as_bytes());
        text.extend_from_slice(&self.body);
        text
    }
}

/// A blocking socket with a deadline, run off the async threads.
pub(crate) async fn on_socket<T: Send + 'static>(
    emulator: &Emulator,
    run: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> T {
    let address = emulator.address();
    tokio::task::spawn_blocking(move || {
        let socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        socket.set_write_timeout(Some(Duration::from_secs(5))).unwrap();
        socket.set_nodelay(true).unwrap();
        run(socket)
    })
    .await
    .unwrap()
}

/// Writes, then reads to the end or to an error.
pub(crate) fn exchange(mut socket: TcpStream, request: &[u8]) -> (String, std::io::Result<usize>) {
    socket.write_all(request).unwrap();
    let mut answer = Vec::new();
    let end = socket.read_to_end(&mut answer);
    (String::from_utf8_lossy(&answer).into_owned(), end)
}

/// The document of Complete, of numbers and `ETag`s.
pub(crate) fn list_of(parts: &[(impl Display, impl AsRef<str>)]) -> String {
    let part = |(number, etag): &(_, _)| {
        let etag: &str = AsRef::as_ref(etag);
        format!("<Part><PartNumber>{number}</PartNumber><ETag>{}</ETag></Part>", etag.replace('"', "&quot;"))
    };
    let parts: String = parts.iter().map(part).collect();
    format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>")
}

pub(crate) fn now() -> u64 {
    #[allow(clippy::disallowed_methods)] // a client has a clock of its own
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

pub(crate) fn enc(bytes: &[u8]) -> String {
    let literal = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    bytes
        .iter()
        .map(|&byte| if literal(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn decode(path: &str) -> Vec<u8> {
    let mut bytes = path.bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        let digit = |byte: u8| u8::try_from(char::from(byte).to_digit(16).unwrap()).unwrap();
        decoded.push(if byte == b'%' {
            digit(bytes.next().unwrap()) * 16 + digit(bytes.next().unwrap())
        } else {
            byte
        });
    }
    decoded
}

pub(crate) fn hmac(key: &str, message: &str) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(message.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}
