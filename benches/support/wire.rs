//! What the contenders put on the wire.

use std::io::{Read, Write};
use std::net::TcpListener;

use super::contenders::{Kind, Verb, workers};
use super::server::answer;

/// All put the same bytes on the wire, but for the order of the headers and the time in the signature.
pub async fn send_the_same(verb: Verb) {
    let mut heads = Vec::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    for &kind in Kind::ALL {
        let listener = listener.try_clone().expect("a listener");
        let seen = tokio::task::spawn_blocking(move || head_of_one(&listener));
        for worker in &mut workers(kind, verb, address, 1).await {
            worker.once(verb).await;
        }
        heads.push(seen.await.expect("a head"));
    }
    assert!(heads.iter().all(|head| *head == heads[0]), "{heads:#?}");
}

/// The lines of the first request, sorted, but for what reqwest adds. Of the signature only the length counts.
fn head_of_one(listener: &TcpListener) -> Vec<String> {
    let (mut stream, _) = listener.accept().expect("a connection");
    let mut request = Vec::new();
    let answer = loop {
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).expect("a request");
        request.extend_from_slice(&buffer[..read]);
        if let Some(answer) = answer(&request) {
            break answer;
        }
    };
    stream.write_all(answer).expect("a connection");
    let text = String::from_utf8_lossy(&request);
    let head = text.split("\r\n\r\n").next().unwrap_or_default();
    let line = |line: &str| match line.strip_prefix("authorization: ") {
        Some(signature) => format!("authorization: {} bytes", signature.len()),
        None => line.to_owned(),
    };
    let mut lines: Vec<String> = head.split("\r\n").filter(|line| *line != "accept: */*").map(line).collect();
    lines.sort();
    lines
}
