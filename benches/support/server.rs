//! The quickest server there is, in a process of its own: the same answer to every PUT, the same object to every GET.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

use tencent_cos::Crc64;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The object of every request, 4 KiB.
pub static OBJECT: [u8; 4096] = {
    let mut bytes = [0; 4096];
    let mut at = 0;
    while at < bytes.len() {
        #[allow(clippy::cast_possible_truncation)] // that is the point
        let byte = (at * at / 7) as u8;
        bytes[at] = byte;
        at += 1;
    }
    bytes
};

const ROLE: &str = "COS_BENCH_ROLE";

/// Ends with the value.
pub struct Server {
    process: Child,
    pub address: SocketAddr,
}

impl Server {
    /// Starts this very program once more, which must call [`be_the_server_if_asked`] first.
    pub fn start() -> Self {
        let program = std::env::current_exe().expect("this program");
        let mut process = Command::new(program)
            .env(ROLE, "server")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let mut line = String::new();
        let output = process.stdout.take().expect("its output");
        BufReader::new(output).read_line(&mut line).expect("its address");
        let address = line.trim().parse().expect("its address");
        Self { process, address }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It ends with its input.
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// Serves until the input ends, in the process that [`Server::start`] made; else does nothing.
pub fn be_the_server_if_asked() {
    if std::env::var_os(ROLE).is_none() {
        return;
    }
    std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime");
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            println!("{}", listener.local_addr().expect("an address"));
            std::io::stdout().flush().expect("somebody who reads");
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(connection(stream));
            }
        });
    });
    let _ = std::io::stdin().read(&mut [0]);
    std::process::exit(0);
}

async fn connection(mut stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let mut buffer = vec![0; 16 * 1024];
    let mut filled = 0;
    while let Ok(read @ 1..) = stream.read(&mut buffer[filled..]).await {
        filled += read;
        // No client here sends a second request before it has the answer to the first.
        let Some(answer) = answer(&buffer[..filled]) else { continue };
        filled = 0;
        if stream.write_all(answer).await.is_err() {
            return;
        }
    }
}

/// What is answered to this request; `None` while a part of it is missing.
pub fn answer(request: &[u8]) -> Option<&'static [u8]> {
    static PUT: LazyLock<Vec<u8>> = LazyLock::new(|| response("content-length: 0\r\n", &[]));
    static GET: LazyLock<Vec<u8>> = LazyLock::new(|| {
        response("content-length: 4096\r\ncontent-type: image/png\r\naccept-ranges: bytes\r\n", &OBJECT)
    });
    let head = request.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    match request[0] {
        b'P' => (request.len() == head + OBJECT.len()).then_some(&PUT),
        _ => Some(&GET),
    }
}

fn response(headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\n{headers}connection: keep-alive\r\ndate: Tue, 14 Nov 2023 22:13:20 GMT\r\n\
         etag: \"4d0e5b8c9a7f6e3d2c1b0a9f8e7d6c5b\"\r\nlast-modified: Tue, 14 Nov 2023 22:13:20 GMT\r\n\
         server: tencent-cos\r\nx-cos-hash-crc64ecma: {}\r\n\
         x-cos-request-id: NjU1M2YxMDBfNzU4ZDE1MGFfMTAxYV8xMjM0NTY3\r\n\r\n",
        Crc64::of(&OBJECT)
    );
    [head.as_bytes(), body].concat()
}
