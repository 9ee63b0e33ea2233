//! Sources on sockets: their own transport, their limits in real time.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tencent_cos::client::Connections;
use tencent_cos::client::provider::{
    CredentialErrorKind, EndpointCredentials, MetadataCredentials, ProvideCredentials, WebIdentityCredentials,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::machine::Reply::Status;
use super::machine::of_metadata;

/// A peer on a socket that reads a request's head and answers with these bytes, or never.
async fn peer(answer: Option<Vec<u8>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let _ = socket.read(&mut [0; 4096]).await;
                let Some(answer) = answer else { return std::future::pending().await };
                let _ = socket.write_all(&answer).await;
                let _ = socket.shutdown().await;
            });
        }
    });
    url
}

/// Over real sockets, by the transport that comes with the source.
#[tokio::test]
async fn sources_keep_to_their_limits_on_sockets() {
    let elsewhere = peer(Some(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nweb".to_vec())).await;
    let moved = format!("HTTP/1.1 302 Found\r\nlocation: {elsewhere}\r\ncontent-length: 0\r\n\r\n").into_bytes();
    let mut long = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..200 {
        long.extend_from_slice(&[b"1000\r\n".as_slice(), &[b'x'; 0x1000], b"\r\n"].concat());
    }
    let zipped = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\n\x1f\x8b\x08".to_vec();
    let (closed, role) = ("http://127.0.0.1:1".to_owned(), "answered with no name of a role");
    for (url, kind, told) in [
        (peer(None).await, CredentialErrorKind::Transient, "127.0.0.1: no answer within 1 s"),
        (peer(Some(b"SSH-2.0-OpenSSH\r\n".to_vec())).await, CredentialErrorKind::Transient, "127.0.0.1: "),
        (peer(Some(moved)).await, CredentialErrorKind::Transient, "answered 302 Found"),
        (peer(Some(long)).await, CredentialErrorKind::Transient, "longer than 65536 bytes"),
        (peer(Some(zipped)).await, CredentialErrorKind::Transient, role),
        (closed, CredentialErrorKind::NotConfigured, "127.0.0.1: connecting failed"),
    ] {
        let source = MetadataCredentials::new().base_url(&url).unwrap();
        let start = Instant::now();
        let error = source.provide().await.unwrap_err();
        assert!(error.kind() == kind && error.to_string().contains(told), "{error}, not {told}");
        assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    }
    let body = r#"{"TmpSecretId":"i","TmpSecretKey":"k","Token":"t","ExpiredTime":4000000000}"#;
    let answer = format!("HTTP/1.1 200 OK\r\ndate: Tue, 14 Nov 2023 22:13:20 GMT\r\n\r\n{body}");
    let source = EndpointCredentials::new(&peer(Some(answer.into_bytes())).await).unwrap();
    assert_eq!(source.provide().await.unwrap().token(), Some("t"));
    let token = tempfile::NamedTempFile::new().unwrap();
    fs::write(token.path(), "pod").unwrap();
    let answer =
        b"HTTP/1.1 200 OK\r\n\r\n{\"Response\":{\"Error\":{\"Code\":\"InvalidParameter.WebIdentityTokenError\"}}}";
    let source = WebIdentityCredentials::new("ap-guangzhou".parse().unwrap(), "p", token.path(), "r");
    let error = source.endpoint(&peer(Some(answer.to_vec())).await).unwrap().provide().await.unwrap_err();
    assert!(error.to_string().contains("answered 200 InvalidParameter.WebIdentityTokenError"), "{error}");
    assert_eq!(tencent_cos::Error::from(error).code(), Some("InvalidParameter.WebIdentityTokenError"));
}

/// Runs itself in a process whose environment names a proxy: a source goes past it, who asks for it goes there.
#[tokio::test]
async fn sources_use_no_proxy() {
    const WHERE: &str = "COS_TEST_SOURCE_OF_KEYS";
    const BY_PROXY: &str = "COS_TEST_BY_PROXY";
    if let Ok(url) = std::env::var(WHERE) {
        let source = EndpointCredentials::new(&url).unwrap();
        if std::env::var_os(BY_PROXY).is_none() {
            MetadataCredentials::new().base_url(&url).unwrap().role("web").unwrap().provide().await.unwrap();
            source.provide().await.unwrap();
            return;
        }
        let proxied = Connections::new().system_proxy(true).open().unwrap();
        source.http_client(proxied).provide().await.unwrap_err();
        return;
    }
    let Status(.., key) = of_metadata("AKIDx", "t", 4_000_000_000) else { unreachable!() };
    let url = peer(Some([b"HTTP/1.1 200 OK\r\n\r\n".as_slice(), &key].concat())).await;
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy_url = format!("http://{}", proxy.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        while proxy.accept().await.is_ok() {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    for (by_proxy, expected) in [(false, 0), (true, 1)] {
        let mut child = tokio::process::Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "sources::sockets::sources_use_no_proxy"]).env(WHERE, &url);
        for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
            child.env(name, &proxy_url);
        }
        for name in ["no_proxy", "NO_PROXY", "REQUEST_METHOD"] {
            child.env_remove(name);
        }
        if by_proxy {
            child.env(BY_PROXY, "1");
        }
        let output = child.output().await.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        assert_eq!(connections.load(Ordering::Relaxed), expected);
    }
}
