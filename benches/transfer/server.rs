//! A server for this bench alone, in a process of its own: a thread for each connection, files sent by the kernel, all
//! checksums known before the first request. It keeps nothing of what it is sent.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tencent_cos::Crc64;

use crate::case::{PART, SMALL_BYTES};
use crate::process;

/// The id of the one upload.
pub const UPLOAD_ID: &str = "1700000000a1b2c3d4e5f60718293a4b5c6d7e8f9a0b1c2d3e4f5a6b7c8d9e0f";

/// The slow link: what a request and its answer take on the way, and what a connection carries each way.
const LATENCY: Duration = Duration::from_millis(20);
const BYTES_PER_SECOND: u64 = 20_000_000;

/// Ends with the value.
pub struct Server {
    process: Child,
    output: BufReader<ChildStdout>,
    pub address: SocketAddr,
}

/// What was asked of the server since it was asked for this last.
#[derive(Clone, Copy, Default)]
pub struct Seen {
    pub requests: u64,
    pub head_bytes: u64,
    pub cpu_nanos: f64,
}

impl Server {
    /// Starts this very program once more, to serve this file.
    pub fn start(file: &Path, slow: bool) -> Self {
        let mut process = Command::new(std::env::current_exe().expect("this program"))
            .env(process::ROLE, "server")
            .args([file.as_os_str(), if slow { "slow" } else { "fast" }.as_ref()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let mut output = BufReader::new(process.stdout.take().expect("its output"));
        let mut line = String::new();
        output.read_line(&mut line).expect("its address");
        let address = line.trim().parse().expect("its address");
        Self { process, output, address }
    }

    pub fn seen(&mut self) -> Seen {
        let input = self.process.stdin.as_mut().expect("its input");
        input.write_all(b"\n").expect("a server");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("what it saw");
        let numbers: Vec<f64> = line.split_whitespace().map(|word| word.parse().expect("a number")).collect();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // counts
        Seen { requests: numbers[0] as u64, head_bytes: numbers[1] as u64, cpu_nanos: numbers[2] }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It ends with its input.
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

struct World {
    path: std::path::PathBuf,
    length: u64,
    crc64: u64,
    /// Of the parts, in order.
    parts: Vec<u64>,
    small: Vec<u8>,
    slow: bool,
    requests: AtomicU64,
    head_bytes: AtomicU64,
}

/// Serves until its input ends.
pub fn serve(file: &str, slow: bool) {
    let world = Arc::new(World::new(Path::new(file), slow).expect("a file"));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    println!("{}", listener.local_addr().expect("an address"));
    let serving = Arc::clone(&world);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let world = Arc::clone(&serving);
            std::thread::spawn(move || Connection::new(stream, &world).and_then(|mut it| it.run()));
        }
    });
    let mut cpu = process::cpu_nanos();
    for _ in io::stdin().lock().lines() {
        let now = process::cpu_nanos();
        let [requests, bytes] = [&world.requests, &world.head_bytes].map(|count| count.swap(0, Ordering::Relaxed));
        println!("{requests} {bytes} {}", now - cpu);
        cpu = now;
    }
}

impl World {
    fn new(path: &Path, slow: bool) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let (mut crc64, mut parts, mut length) = (0, Vec::new(), 0);
        let mut part = Vec::new();
        loop {
            part.clear();
            (&mut file).take(PART).read_to_end(&mut part)?;
            if part.is_empty() {
                break;
            }
            let own = Crc64::of(&part);
            crc64 = Crc64::combine(crc64, own, part.len() as u64);
            length += part.len() as u64;
            parts.push(own);
        }
        Ok(Self {
            path: path.to_owned(),
            length,
            crc64,
            parts,
            small: process::small_object(),
            slow,
            requests: AtomicU64::new(0),
            head_bytes: AtomicU64::new(0),
        })
    }
}

struct Connection<'a> {
    stream: TcpStream,
    world: &'a World,
    file: File,
    buffer: Vec<u8>,
    filled: usize,
}

struct Asked {
    method: u8,
    small: bool,
    query: HashMap<String, String>,
    range: Option<(u64, u64)>,
    length: u64,
}

impl<'a> Connection<'a> {
    fn new(stream: TcpStream, world: &'a World) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        if world.slow {
            std::thread::sleep(LATENCY);
        }
        // Its own place in the file.
        let file = File::open(&world.path)?;
        Ok(Self { stream, world, file, buffer: vec![0; 256 * 1024], filled: 0 })
    }

    fn run(&mut self) -> io::Result<()> {
        while let Some(head) = self.head()? {
            let asked = Asked::read(&self.buffer[..head]);
            self.world.requests.fetch_add(1, Ordering::Relaxed);
            self.world.head_bytes.fetch_add(head as u64, Ordering::Relaxed);
            self.swallow(head, asked.length)?;
            if self.world.slow {
                std::thread::sleep(LATENCY);
            }
            self.answer(&asked)?;
        }
        Ok(())
    }

    /// The length of the next head in the buffer; `None` at the end.
    fn head(&mut self) -> io::Result<Option<usize>> {
        loop {
            if let Some(at) = self.buffer[..self.filled].windows(4).position(|window| window == b"\r\n\r\n") {
                return Ok(Some(at + 4));
            }
            match self.stream.read(&mut self.buffer[self.filled..])? {
                0 => return Ok(None),
                read => self.filled += read,
            }
        }
    }

    /// Reads the body behind a head. Nobody here sends a request before the answer to the last.
    fn swallow(&mut self, head: usize, length: u64) -> io::Result<()> {
        let mut pace = Pace::new(self.world.slow);
        let mut left = length - (self.filled - head) as u64;
        self.filled = 0;
        while left > 0 {
            let wanted = pace.piece(left.min(self.buffer.len() as u64));
            #[allow(clippy::cast_possible_truncation)] // no more than the buffer
            let read = self.stream.read(&mut self.buffer[..wanted as usize])? as u64;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            left -= read;
            pace.moved(read);
        }
        Ok(())
    }

    fn answer(&mut self, asked: &Asked) -> io::Result<()> {
        let world = self.world;
        let (length, crc64) =
            if asked.small { (SMALL_BYTES, Crc64::of(&world.small)) } else { (world.length, world.crc64) };
        let part = asked.query.get("partNumber").and_then(|number| number.parse::<usize>().ok());
        match asked.method {
            b'P' if asked.query.contains_key("uploads") => self.document(
                &format!(
                    "<InitiateMultipartUploadResult><Bucket>b</Bucket><Key>k</Key><UploadId>{UPLOAD_ID}</UploadId>\
                     </InitiateMultipartUploadResult>"
                ),
                None,
            ),
            b'P' if part.is_some() => {
                let number = part.unwrap_or_default();
                self.head_of(200, &etag(number), Some(world.parts[number - 1]), 0, "")
            }
            b'P' if asked.query.contains_key("uploadId") => self.document(
                &format!(
                    "<CompleteMultipartUploadResult><Location>l</Location><Bucket>b</Bucket><Key>k</Key>\
                     <ETag>{}</ETag></CompleteMultipartUploadResult>",
                    etag(0)
                ),
                Some(crc64),
            ),
            b'P' => self.head_of(200, &etag(0), Some(crc64), 0, ""),
            b'H' => self.head_of(200, &etag(0), Some(crc64), length, "accept-ranges: bytes\r\n"),
            b'G' if asked.small => {
                self.head_of(200, &etag(0), Some(crc64), length, "accept-ranges: bytes\r\n")?;
                self.stream.write_all(&world.small)
            }
            b'G' => {
                let (first, last) = asked.range.unwrap_or((0, length - 1));
                let last = last.min(length - 1);
                let more = match asked.range {
                    Some(_) => format!("accept-ranges: bytes\r\ncontent-range: bytes {first}-{last}/{length}\r\n"),
                    None => "accept-ranges: bytes\r\n".to_owned(),
                };
                let status = if asked.range.is_some() { 206 } else { 200 };
                self.head_of(status, &etag(0), Some(crc64), last + 1 - first, &more)?;
                self.send(first, last + 1 - first)
            }
            _ => self.head_of(204, &etag(0), None, 0, ""),
        }
    }

    fn document(&mut self, xml: &str, crc64: Option<u64>) -> io::Result<()> {
        self.head_of(200, &etag(0), crc64, xml.len() as u64, "content-type: application/xml\r\n")?;
        self.stream.write_all(xml.as_bytes())
    }

    fn head_of(&mut self, status: u16, etag: &str, crc64: Option<u64>, length: u64, more: &str) -> io::Result<()> {
        let crc64 = crc64.map_or(String::new(), |crc64| format!("x-cos-hash-crc64ecma: {crc64}\r\n"));
        let head = format!(
            "HTTP/1.1 {status} OK\r\ncontent-length: {length}\r\n{more}connection: keep-alive\r\n\
             date: Tue, 14 Nov 2023 22:13:20 GMT\r\netag: {etag}\r\nlast-modified: Tue, 14 Nov 2023 22:13:20 GMT\r\n\
             server: tencent-cos\r\n{crc64}x-cos-request-id: NjU1M2YxMDBfNzU4ZDE1MGFfMTAxYV8xMjM0NTY3\r\n\r\n",
        );
        self.stream.write_all(head.as_bytes())
    }

    /// From the file to the socket; the library asks the kernel to, so that no byte passes through this process.
    fn send(&mut self, offset: u64, mut length: u64) -> io::Result<()> {
        let mut pace = Pace::new(self.world.slow);
        self.file.seek(SeekFrom::Start(offset))?;
        while length > 0 {
            let piece = pace.piece(length);
            let sent = io::copy(&mut (&self.file).take(piece), &mut self.stream)?;
            if sent == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            length -= sent;
            pace.moved(sent);
        }
        Ok(())
    }
}

pub fn etag(number: usize) -> String {
    format!("\"{number:032x}\"")
}

impl Asked {
    fn read(head: &[u8]) -> Self {
        let text = String::from_utf8_lossy(head);
        let mut lines = text.split("\r\n");
        let target = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let query = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let query = query.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let mut asked = Self { method: head[0], small: path.contains("/small/"), query, range: None, length: 0 };
        for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
            match name.to_ascii_lowercase().as_str() {
                "content-length" => asked.length = value.parse().unwrap_or(0),
                "range" => {
                    let ends = value.trim_start_matches("bytes=").split_once('-').unwrap_or_default();
                    asked.range = Some((ends.0.parse().unwrap_or(0), ends.1.parse().unwrap_or(u64::MAX)));
                }
                _ => {}
            }
        }
        asked
    }
}

/// Keeps a body to the speed of the link.
struct Pace {
    slow: bool,
    start: Instant,
    moved: u64,
}

impl Pace {
    fn new(slow: bool) -> Self {
        Self { slow, start: Instant::now(), moved: 0 }
    }

    /// How much of it to move next.
    fn piece(&self, left: u64) -> u64 {
        if self.slow { left.min(64 * 1024) } else { left }
    }

    fn moved(&mut self, bytes: u64) {
        self.moved += bytes;
        if self.slow {
            let due = Duration::from_nanos(self.moved * 1_000_000_000 / BYTES_PER_SECOND);
            std::thread::sleep(due.saturating_sub(self.start.elapsed()));
        }
    }
}
