//! What only a socket can show.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cos_emulator::{Action, Emulator, Ending, Link, Matcher, Rule, Tls};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use crate::client::{Ask, HOST, exchange, list_of, on_socket};

async fn emulator() -> Emulator {
    let emulator = Emulator::builder().start().await.unwrap();
    emulator.put_object("examplebucket-1250000000", "k", "0123456789");
    emulator
}

fn close(ask: Ask) -> Ask {
    ask.unsigned("Connection", "close")
}

#[tokio::test]
async fn head_and_small_body_arrive_in_one_piece() {
    let emulator = emulator().await;
    for ask in [Ask::new(&emulator, "GET", "/k"), Ask::new(&emulator, "GET", "/"), Ask::new(&emulator, "GET", "/none")]
    {
        let request = ask.wire();
        let first = on_socket(&emulator, move |mut socket| {
            socket.write_all(&request).unwrap();
            let mut buffer = [0; 16384];
            let read = socket.read(&mut buffer).unwrap();
            String::from_utf8_lossy(&buffer[..read]).into_owned()
        })
        .await;
        let (head, body) = first.split_once("\r\n\r\n").unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap();
        assert_eq!(body.len().to_string(), length, "{first}");
    }
}

#[tokio::test]
async fn names_are_spelled_as_the_service_spells_them() {
    let emulator = emulator().await;
    let put = Ask::new(&emulator, "PUT", "/k").unsigned("Expect", "100-continue").body("etag: x-y").wire();
    let request = [put, close(Ask::new(&emulator, "GET", "/k").header("range", "bytes=0-")).wire()].concat();
    let (answer, _) = on_socket(&emulator, move |socket| exchange(socket, &request)).await;
    for line in ["ETag: \"", "Last-Modified: ", "Content-Range: ", "x-cos-hash-crc64ecma: ", "x-cos-request-id: "] {
        assert!(answer.contains(&format!("\r\n{line}")), "{line} in {answer}");
    }
    assert!(answer.ends_with("\r\n\r\netag: x-y"), "{answer}");
}

#[tokio::test]
async fn an_answer_without_a_body_has_the_length_of_none() {
    let emulator = emulator().await;
    let etag = emulator.object(emulator.bucket(), "k").unwrap().etag().to_owned();
    for (method, path, etag) in [("GET", "/k", etag.as_str()), ("HEAD", "/k", &etag), ("PUT", "/new", "")] {
        let request = close(Ask::new(&emulator, method, path).header("if-none-match", etag)).wire();
        let (answer, _) = on_socket(&emulator, move |socket| exchange(socket, &request)).await;
        assert_eq!(answer.starts_with("HTTP/1.1 304 "), method != "PUT", "{answer}");
        assert!(answer.contains("\r\nContent-Length: 0\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
    }
}

#[tokio::test]
async fn what_may_take_long_is_answered_in_chunks() {
    let emulator = emulator().await;
    let start = Ask::new(&emulator, "POST", "/new").query("uploads", "").send(&emulator).await;
    let upload = |method| Ask::new(&emulator, method, "/new").query("uploadId", start.element("UploadId"));
    upload("PUT").query("partNumber", "1").body("0123456789").send(&emulator).await;
    let list = list_of(&[(1, emulator.object(emulator.bucket(), "k").unwrap().etag())]);
    let copy = Ask::new(&emulator, "PUT", "/copy").header("x-cos-copy-source", format!("{HOST}/k"));
    for ask in [copy, upload("POST").body(list)] {
        let request = close(ask).wire();
        let (answer, _) = on_socket(&emulator, move |socket| exchange(socket, &request)).await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("Result"), "{answer}");
        assert!(answer.contains("\r\nTransfer-Encoding: chunked\r\n"), "{answer}");
    }
}

#[tokio::test]
async fn a_proxy_request_names_its_host_in_the_target() {
    let emulator = emulator().await;
    let ask = close(Ask::new(&emulator, "PUT", "/a%20b").body("x"));
    let request = ask.wire_to(&format!("http://{HOST}/a%20b"));
    let (answer, _) = on_socket(&emulator, move |socket| exchange(socket, &request)).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(emulator.object(emulator.bucket(), "a b").is_some());
    assert_eq!(emulator.journal()[0].target, format!("http://{HOST}/a%20b"));
}

#[tokio::test]
async fn a_signature_for_one_host_is_not_good_for_another() {
    let emulator = emulator().await;
    let ask = close(Ask::new(&emulator, "GET", "/k").host("other-1250000000.cos.ap-guangzhou.myqcloud.com"));
    let request = ask.wire_to(&format!("http://{HOST}/k"));
    let (answer, _) = on_socket(&emulator, move |socket| exchange(socket, &request)).await;
    assert!(answer.starts_with("HTTP/1.1 403") && answer.contains("SignatureDoesNotMatch"), "{answer}");
}

#[tokio::test]
async fn a_connection_serves_one_request_after_the_other() {
    let emulator = emulator().await;
    let request = [Ask::new(&emulator, "GET", "/k").wire(), close(Ask::new(&emulator, "HEAD", "/k")).wire()].concat();
    let (answer, end) = on_socket(&emulator, move |socket| exchange(socket, &request)).await;
    assert!(end.is_ok());
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 2, "{answer}");
    assert!(answer.ends_with("\r\n\r\n"), "{answer}");
    let journal = emulator.journal();
    assert_eq!((journal[0].connection, journal[1].connection), (1, 1));
    assert_eq!(emulator.accepted_connections(), 1);
}

#[tokio::test]
async fn chunks_are_taken_and_a_missing_length_is_not() {
    let emulator = emulator().await;
    let mut request = close(Ask::new(&emulator, "PUT", "/chunks").unsigned("Transfer-Encoding", "chunked")).wire();
    request.extend_from_slice(b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n");
    let (answer, _) = on_socket(&emulator, move |socket| exchange(socket, &request)).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(emulator.object(emulator.bucket(), "chunks").unwrap().bytes(), "hello world");

    let request = String::from_utf8(close(Ask::new(&emulator, "PUT", "/k")).wire()).unwrap();
    let request = request.replace("Content-Length: 0\r\n", "");
    let (answer, _) = on_socket(&emulator, move |socket| exchange(socket, request.as_bytes())).await;
    assert!(answer.starts_with("HTTP/1.1 411") && answer.contains("MissingContentLength"), "{answer}");
}

#[tokio::test]
async fn a_hundred_continue_is_sent_when_asked_for() {
    let emulator = emulator().await;
    let ask = close(Ask::new(&emulator, "PUT", "/k").unsigned("Expect", "100-continue").body("hello"));
    let mut head = ask.wire();
    let body = head.split_off(head.len() - 5);
    let answer = on_socket(&emulator, move |mut socket| {
        socket.write_all(&head).unwrap();
        let mut buffer = [0; 1024];
        let read = socket.read(&mut buffer).unwrap();
        assert_eq!(&buffer[..read], b"HTTP/1.1 100 Continue\r\n\r\n");
        exchange(socket, &body).0
    })
    .await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_not_stored() {
    let emulator = emulator().await;
    let request = Ask::new(&emulator, "PUT", "/half").body(vec![1; 100_000]).wire();
    let answer = on_socket(&emulator, move |mut socket| {
        socket.write_all(&request[..request.len() - 1]).unwrap();
        socket.shutdown(Shutdown::Write).unwrap();
        let mut answer = String::new();
        let _ = socket.read_to_string(&mut answer);
        answer
    })
    .await;
    assert!(answer.is_empty() || answer.contains("IncompleteBody"), "{answer}");
    assert!(emulator.object(emulator.bucket(), "half").is_none());
}

#[tokio::test]
async fn resets_and_cuts_happen_on_the_wire() {
    let emulator = emulator().await;
    for (action, received, error) in [
        (Action::ResetBeforeHeaders, "", Some(ErrorKind::ConnectionReset)),
        (Action::ResetAfterHeaders, "HEAD", Some(ErrorKind::ConnectionReset)),
        (Action::ResetBody { at: 4 }, "HEAD0123", Some(ErrorKind::ConnectionReset)),
        (Action::CutBody { at: 0 }, "HEAD", None),
        (Action::CutBody { at: 4 }, "HEAD0123", None),
        (Action::CloseIdle, "HEAD0123456789", None),
    ] {
        emulator.script(Rule::on("GET Object").then(action.clone()));
        let request = Ask::new(&emulator, "GET", "/k").wire();
        let (answer, end) = on_socket(&emulator, move |socket| exchange(socket, &request)).await;
        assert_eq!(end.err().map(|error| error.kind()), error, "{action:?}");
        assert!(!answer.to_lowercase().contains("connection:"), "{answer}");
        let answer = match answer.split_once("\r\n\r\n") {
            Some((_, body)) => format!("HEAD{body}"),
            None => answer,
        };
        assert_eq!(answer, received, "{action:?}");
    }
}

#[tokio::test]
async fn answers_without_a_body_can_be_reset_and_closed_too() {
    let emulator = emulator().await;
    for (action, error) in [(Action::ResetAfterHeaders, Some(ErrorKind::ConnectionReset)), (Action::CloseIdle, None)] {
        for method in ["HEAD", "PUT"] {
            emulator.script(Rule::on(Matcher::method(method)).then(action.clone()));
            let request = Ask::new(&emulator, method, "/k").wire();
            let (answer, end) = on_socket(&emulator, move |socket| exchange(socket, &request)).await;
            assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n\r\n"), "{action:?} {answer}");
            assert_eq!(end.err().map(|error| error.kind()), error, "{method} {action:?}");
        }
    }
}

#[tokio::test]
async fn an_idle_connection_can_be_closed_later_unless_it_is_used() {
    let emulator = emulator().await;
    let later = || Rule::on("GET Object").then(Action::CloseLater(Duration::from_millis(100)));
    let request = Ask::new(&emulator, "GET", "/k").wire();
    emulator.script(later());
    let again = request.clone();
    let (answer, end) = on_socket(&emulator, move |socket| exchange(socket, &again)).await;
    assert!(answer.ends_with("0123456789") && end.is_ok(), "{answer}");

    emulator.script(later());
    on_socket(&emulator, move |mut socket| {
        let mut buffer = [0; 4096];
        for pause in [0, 200] {
            socket.write_all(&request).unwrap();
            assert!(socket.read(&mut buffer).unwrap() > 0);
            std::thread::sleep(Duration::from_millis(pause));
        }
        socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        assert_eq!(socket.read(&mut buffer).unwrap_err().kind(), ErrorKind::WouldBlock);
    })
    .await;
}

#[tokio::test]
async fn an_answer_may_promise_more_than_it_has() {
    let emulator = emulator().await;
    let headers = vec![("Content-Length".to_owned(), "100".to_owned())];
    emulator.script(Rule::on("GET Object").then(Action::RawBody { status: 200, headers, body: "abc".into() }));
    let request = Ask::new(&emulator, "GET", "/k").wire();
    let (answer, end) = on_socket(&emulator, move |socket| exchange(socket, &request)).await;
    assert!(end.is_ok() && answer.contains("Content-Length: 100") && answer.ends_with("\r\n\r\nabc"), "{answer}");
}

#[tokio::test]
async fn spaces_go_out_one_by_one_in_chunks() {
    let emulator = emulator().await;
    let copy = || close(Ask::new(&emulator, "PUT", "/copy").header("x-cos-copy-source", format!("{HOST}/k")));
    let spaces = |then| Rule::on("PUT Object - Copy").then(Action::spaces(3, Duration::from_millis(50), then));
    for then in [Ending::Result, Ending::Close] {
        emulator.script(spaces(then.clone()));
        let request = copy().wire();
        let (first, rest) = on_socket(&emulator, move |mut socket| {
            socket.write_all(&request).unwrap();
            let mut buffer = [0; 4096];
            let mut first = Vec::new();
            while !first.ends_with(b"?>\n\r\n") {
                let read = socket.read(&mut buffer).unwrap();
                first.extend_from_slice(&buffer[..read]);
            }
            (String::from_utf8(first).unwrap(), exchange(socket, b"").0)
        })
        .await;
        assert!(first.starts_with("HTTP/1.1 200") && first.contains("\r\nTransfer-Encoding: chunked\r\n"), "{first}");
        assert!(rest.starts_with("1\r\n \r\n1\r\n \r\n1\r\n \r\n"), "{rest}");
        assert_eq!(rest.ends_with("</CopyObjectResult>\n\r\n0\r\n\r\n"), then == Ending::Result, "{rest}");
    }
}

#[tokio::test]
async fn a_server_that_stops_reading_blocks_the_client() {
    let emulator = Emulator::builder().receive_buffer(16 * 1024).start().await.unwrap();
    emulator.script(Rule::on("PUT Object").then(Action::StopReading { after_bytes: 1000 }));
    let request = Ask::new(&emulator, "PUT", "/k").body(vec![0; 32 << 20]).wire();
    let error = on_socket(&emulator, move |mut socket| {
        socket.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
        socket.write_all(&request).unwrap_err()
    })
    .await;
    assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
}

#[tokio::test]
async fn an_early_refusal_reaches_a_client_that_is_still_sending() {
    let emulator = emulator().await;
    let mut ask = Ask::new(&emulator, "PUT", "/k").body(vec![0; 64 << 20]);
    ask.key.push('x');
    let request = ask.wire();
    let answer = on_socket(&emulator, move |mut socket| {
        let mut reader = socket.try_clone().unwrap();
        let reading = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            let read = reader.read(&mut buffer).unwrap();
            String::from_utf8_lossy(&buffer[..read]).into_owned()
        });
        let _ = socket.write_all(&request);
        reading.join().unwrap()
    })
    .await;
    assert!(answer.starts_with("HTTP/1.1 403") && answer.contains("SignatureDoesNotMatch"), "{answer}");
}

#[tokio::test]
async fn a_large_object_goes_through_a_file_and_comes_back() {
    let emulator = emulator().await;
    let bytes: Bytes = (0..5_000_000_u32).map(|number| number.to_le_bytes()[(number % 3) as usize]).collect();
    let put = close(Ask::new(&emulator, "PUT", "/large").body(bytes.clone())).wire();
    let (answer, _) = on_socket(&emulator, move |socket| exchange(socket, &put)).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(emulator.object(emulator.bucket(), "large").unwrap().bytes(), bytes);
    let get = close(Ask::new(&emulator, "GET", "/large").header("range", "bytes=100000-4000000")).wire();
    let body = on_socket(&emulator, move |mut socket| {
        socket.write_all(&get).unwrap();
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        answer.split_off(end + 4)
    })
    .await;
    assert_eq!(body, bytes[100_000..=4_000_000]);
}

#[tokio::test]
async fn a_link_has_its_speed_in_both_directions() {
    let link = Link { bytes_per_second: Some(200_000), latency: Duration::from_millis(20) };
    let emulator = Emulator::builder().link(link).start().await.unwrap();
    let put = close(Ask::new(&emulator, "PUT", "/k").body(vec![0; 100_000])).wire();
    let start = Instant::now();
    let (answer, _) = on_socket(&emulator, move |socket| exchange(socket, &put)).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let up = start.elapsed();
    let get = close(Ask::new(&emulator, "GET", "/k")).wire();
    let start = Instant::now();
    on_socket(&emulator, move |socket| exchange(socket, &get)).await.1.unwrap();
    let down = start.elapsed();
    for took in [up, down] {
        assert!((Duration::from_millis(450)..Duration::from_millis(1500)).contains(&took), "{up:?} up, {down:?} down");
    }
}

#[tokio::test]
async fn dropping_the_emulator_closes_everything() {
    let emulator = emulator().await;
    let address = emulator.address();
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    socket.write_all(&Ask::new(&emulator, "GET", "/k").wire()).await.unwrap();
    let mut buffer = [0; 4096];
    assert!(socket.read(&mut buffer).await.unwrap() > 0);
    assert_eq!(emulator.open_connections(), 1);
    drop(emulator);
    assert_eq!(socket.read(&mut buffer).await.unwrap(), 0);
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

async fn tls_get(emulator: &Emulator, name: &'static str) -> std::io::Result<String> {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, ServerName};
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(emulator.ca_pem().unwrap().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let tcp = tokio::net::TcpStream::connect(emulator.address()).await?;
    let mut stream = connector.connect(ServerName::try_from(name).unwrap(), tcp).await?;
    stream.write_all(&close(Ask::new(emulator, "GET", "/k")).wire()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn tls_is_trusted_through_its_own_authority() {
    let emulator = Emulator::builder().tls_self_made(true).start().await.unwrap();
    emulator.put_object(emulator.bucket(), "k", "secret");
    assert!(emulator.endpoint().starts_with("https://localhost:"));
    for name in ["localhost", "127.0.0.1", HOST] {
        let answer = tls_get(&emulator, name).await.unwrap();
        assert!(answer.ends_with("\r\n\r\nsecret"), "{answer}");
    }
    emulator.script(Rule::on("GET Object").then(Action::CutBody { at: 3 }));
    assert!(tls_get(&emulator, "localhost").await.is_err());

    let wrong = Emulator::builder().tls(Tls::for_names(["elsewhere.example"])).start().await.unwrap();
    assert!(tls_get(&wrong, "localhost").await.unwrap_err().to_string().contains("certificate"));
    let expired = Emulator::builder().tls(Tls::for_names(["localhost"]).expired()).start().await.unwrap();
    assert!(tls_get(&expired, "localhost").await.unwrap_err().to_string().contains("expired"));
}

#[tokio::test]
async fn one_port_can_speak_tls_to_some_and_plainly_to_others() {
    let secure = r#"{"version":"2.0","statement":[{"effect":"allow","action":"*","resource":"*",
        "condition":{"bool_equal":{"cos:secure-transport":"true"},"numeric_greater_than_equal":{"cos:tls-version":1.2}}}]}"#;
    let emulator = Emulator::builder().tls_self_made(true).plain_too(true).rights(secure).start().await.unwrap();
    assert!(emulator.endpoint().starts_with("http://"));
    let answer = tls_get(&emulator, "localhost").await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    let request = Ask::new(&emulator, "GET", "/k").unsigned("Connection", "close").wire();
    let (answer, _) = on_socket(&emulator, move |socket| exchange(socket, &request)).await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
}
