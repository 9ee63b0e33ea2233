//! The floor: hyper and nothing else. A connection for each worker, heads signed before the clock starts, files read and
//! written where the bytes pass by, buffers used again, no checksum, no second attempt. Ranges are as few as connections.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Request;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use tencent_cos::{
    Bucket, ByteRange, CompleteMultipartUpload, CompletedPart, Conditions, GetObject, InitiateMultipartUpload,
    Operation, PutObject, UploadPart,
};
use tokio::net::TcpStream;

use crate::case::{AT_ONCE, Case, PART, SMALL_AT_ONCE, SMALL_BYTES, Task};
use crate::ours::{big_key, small_key};
use crate::process::small_object;
use crate::server::{UPLOAD_ID, etag};

const FRAME: usize = 64 * 1024;

/// What is to be done once the clock starts.
pub struct Floor {
    task: Task,
    first: Option<Request<Sent>>,
    work: Queue,
    last: Option<Request<Sent>>,
}

/// A request, and where in the destination its answer goes.
type Queue = Arc<Mutex<VecDeque<(Request<Sent>, u64)>>>;

impl Floor {
    pub async fn prepare(task: Task, bucket: &Bucket) -> io::Result<Self> {
        let pieces = |of: u64| (0..task.size.div_ceil(of)).map(move |at| (at * of, of.min(task.size - at * of)));
        let (mut first, mut last, mut work) = (None, None, VecDeque::new());
        match task.case {
            Case::Up | Case::SlowUp => {
                let file = Arc::new(File::open(&task.source)?);
                first = Some(signed(bucket, InitiateMultipartUpload::new(big_key()), Sent::Bytes(Bytes::new())).await);
                for ((offset, length), number) in pieces(PART).zip(1..) {
                    let body = tencent_cos::Body::file(&task.source, offset, length);
                    let part = UploadPart::new(big_key(), UPLOAD_ID, number, body);
                    let body = Sent::File { file: Arc::clone(&file), offset, left: length, pool: Arc::default() };
                    work.push_back((signed(bucket, part, body).await, 0));
                }
                let parts = (1..=u32::try_from(work.len()).expect("few"))
                    .map(|n| CompletedPart::new(n, format!("\"{n:032x}\"")));
                let complete = CompleteMultipartUpload::new(big_key(), UPLOAD_ID, parts);
                let document = complete.request().expect("a request").body_ref().as_bytes();
                let body = Sent::Bytes(document.expect("a document"));
                last = Some(signed(bucket, complete, body).await);
            }
            Case::Down | Case::DownFile => {
                work.push_back((signed(bucket, GetObject::new(big_key()), Sent::Bytes(Bytes::new())).await, 0));
            }
            Case::Ranges | Case::RangesOrdered | Case::SlowDown => {
                for (offset, length) in pieces(task.size.div_ceil(AT_ONCE as u64)) {
                    let get = GetObject::new(big_key())
                        .range(ByteRange::new(offset, offset + length - 1))
                        .conditions(Conditions::new().if_match(etag(0)));
                    work.push_back((signed(bucket, get, Sent::Bytes(Bytes::new())).await, offset));
                }
            }
            Case::SmallUp => {
                let object = Bytes::from(small_object());
                for number in 0..task.size {
                    let put = PutObject::new(small_key(number), object.clone());
                    work.push_back((signed(bucket, put, Sent::Bytes(object.clone())).await, 0));
                }
            }
            Case::SmallDown => {
                for number in 0..task.size {
                    let get = GetObject::new(small_key(number));
                    work.push_back((signed(bucket, get, Sent::Bytes(Bytes::new())).await, 0));
                }
            }
        }
        Ok(Self { task, first, work: Arc::new(Mutex::new(work)), last })
    }

    pub async fn run(self) -> io::Result<()> {
        let Self { task, first, work, last } = self;
        let at_once = match task.case {
            Case::Down | Case::DownFile => 1,
            Case::SmallUp | Case::SmallDown => SMALL_AT_ONCE,
            _ => AT_ONCE,
        };
        let file = match task.case {
            Case::DownFile | Case::Ranges | Case::SlowDown => {
                let file = File::create(&task.destination)?;
                file.set_len(task.size)?;
                Some(Arc::new(file))
            }
            _ => None,
        };
        let mut connection = connect(task.server).await;
        if let Some(first) = first {
            receive(&mut connection, first, None).await?;
        }
        let mut connection = Some(connection);
        let mut workers = Vec::new();
        for _ in 0..at_once {
            let (work, file, connection) = (Arc::clone(&work), file.clone(), connection.take());
            workers.push(tokio::spawn(async move {
                let mut connection = match connection {
                    Some(connection) => connection,
                    None => connect(task.server).await,
                };
                let mut received = 0;
                loop {
                    let next = work.lock().expect("a queue").pop_front();
                    let Some((request, offset)) = next else { return Ok::<_, io::Error>((connection, received)) };
                    received += receive(&mut connection, request, file.as_deref().map(|file| (file, offset))).await?;
                }
            }));
        }
        let (mut received, mut connection) = (0, None);
        for worker in workers {
            let (used, bytes) = worker.await.expect("a worker")?;
            received += bytes;
            connection = Some(used);
        }
        if let Some(last) = last {
            receive(&mut connection.expect("a connection"), last, None).await?;
        }
        if let Some(file) = file {
            file.sync_all()?;
        }
        match task.case {
            Case::Up | Case::SlowUp | Case::SmallUp => {}
            Case::SmallDown => assert_eq!(received, task.size * SMALL_BYTES),
            _ => assert_eq!(received, task.size),
        }
        Ok(())
    }
}

/// The head as this crate signs it, with a body of the floor's own.
async fn signed<O: Operation>(bucket: &Bucket, operation: O, body: Sent) -> Request<Sent> {
    let (mut head, _) = bucket.sign(operation).await.expect("a request").into_parts();
    head.uri = head.uri.path_and_query().expect("a path").as_str().parse().expect("a path");
    Request::from_parts(head, body)
}

/// Sends one request and takes all of the answer.
async fn receive(
    connection: &mut SendRequest<Sent>,
    request: Request<Sent>,
    into: Option<(&File, u64)>,
) -> io::Result<u64> {
    connection.ready().await.map_err(io::Error::other)?;
    let answer = connection.send_request(request).await.map_err(io::Error::other)?;
    assert!(answer.status().is_success(), "{}", answer.status());
    let mut body: Incoming = answer.into_body();
    let mut received = 0;
    while let Some(frame) = body.frame().await {
        let Ok(bytes) = frame.map_err(io::Error::other)?.into_data() else { continue };
        if let Some((file, offset)) = into {
            file.write_all_at(&bytes, offset + received)?;
        }
        received += bytes.len() as u64;
    }
    Ok(received)
}

async fn connect(server: std::net::SocketAddr) -> SendRequest<Sent> {
    let stream = TcpStream::connect(server).await.expect("a connection");
    stream.set_nodelay(true).expect("a socket");
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("a handshake");
    tokio::spawn(connection);
    sender
}

/// What a request carries.
pub enum Sent {
    Bytes(Bytes),
    File { file: Arc<File>, offset: u64, left: u64, pool: Pool },
}

/// Buffers that come back when hyper is done with them.
type Pool = Arc<Mutex<Vec<Vec<u8>>>>;

struct Pooled(Vec<u8>, Pool);

impl AsRef<[u8]> for Pooled {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        self.1.lock().expect("a pool").push(std::mem::take(&mut self.0));
    }
}

impl Body for Sent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let bytes = match &mut *self {
            Self::Bytes(bytes) => std::mem::take(bytes),
            Self::File { left: 0, .. } => Bytes::new(),
            Self::File { file, offset, left, pool } => {
                let mut buffer = pool.lock().expect("a pool").pop().unwrap_or_default();
                buffer.resize(usize::try_from(*left).unwrap_or(FRAME).min(FRAME), 0);
                file.read_exact_at(&mut buffer, *offset).expect("a file");
                *offset += buffer.len() as u64;
                *left -= buffer.len() as u64;
                Bytes::from_owner(Pooled(buffer, Arc::clone(pool)))
            }
        };
        Poll::Ready(if bytes.is_empty() { None } else { Some(Ok(Frame::data(bytes))) })
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Bytes(bytes) => bytes.is_empty(),
            Self::File { left, .. } => *left == 0,
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File { left, .. } => *left,
        })
    }
}
