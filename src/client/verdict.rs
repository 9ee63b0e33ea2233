//! What a failed attempt means: what COS said no to, or somebody in its place, or the network.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header;
use http::response::Parts;

use crate::answer::{bare_answer, header_text, refusal};
use crate::body::ByteStream;
use crate::client::clock::CorrectedClock;
use crate::client::failover::Peer;
use crate::client::http::{Phase, TransportError, is_shortage, lacks_files};
use crate::client::provider::Snapshot;
use crate::error::{Class, Error, ErrorKind};
use crate::operation::{Safety, of_success};
use crate::retry::{self, Evidence};
use crate::time::{Clock as _, parse_http_date};
use crate::xml;

/// A failed attempt, and what it tells of the next.
pub(super) struct Failure {
    pub(super) error: Error,
    pub(super) evidence: Evidence,
}

impl Failure {
    /// No answer came.
    pub(super) fn of_transport(error: TransportError) -> Self {
        let evidence = match error.phase() {
            Phase::Tls => Evidence::Final,
            _ if is_shortage(&error) => Evidence::Shortage,
            _ if error.is_stale() => Evidence::Stale,
            _ if error.is_unsent() => Evidence::Unsent,
            _ => Evidence::Unknown,
        };
        Self { error: error.into(), evidence }
    }

    /// What it tells of who answers at the host.
    pub(super) fn peer(&self) -> Option<Peer> {
        match self.evidence {
            Evidence::Unsent => Some(Peer::NotCos),
            _ if self.error.kind() == ErrorKind::Tls => Some(Peer::Untrusted),
            _ => None,
        }
    }

    /// The same of a request whose body was not taken to its end: COS keeps nothing of one that ends early.
    pub(super) fn incomplete(self) -> Self {
        match self.evidence {
            Evidence::Unknown => Self { error: self.error.may_have(false), evidence: Evidence::Incomplete },
            _ => self,
        }
    }
}

/// One that no further attempt would mend, unless it is a body whose file could not be opened yet.
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let is_shortage = error.kind() == ErrorKind::Io && lacks_files(&error);
        Self { error, evidence: if is_shortage { Evidence::Shortage } else { Evidence::Final } }
    }
}

/// COS said no, or somebody did in its place. `clocks` is how far its clock is ahead of ours, and what was taken for
/// that when the request was signed.
pub(super) async fn refused(
    clock: &CorrectedClock,
    parts: &Parts,
    body: ByteStream,
    snapshot: &Snapshot,
    clocks: Option<(i64, i64)>,
) -> Failure {
    // A body that is too long or breaks off still leaves a status and a request id.
    let (document, broke_off) = capped(body).await;
    let service = refusal(parts, &document);
    // Why a key is refused stands in the message alone, sometimes.
    let unexplained = service.code.is_empty() || service.status == 403;
    if let Some(broke_off) = broke_off
        && parts.status.is_client_error()
        && unexplained
        && service.class() == Class::Terminal
    {
        let error = Error::service_error(service).with_source(broke_off).retryable(true);
        return Failure { error, evidence: Evidence::Unexplained };
    }
    let corrects = || clocks.is_some_and(|(offset, signed_with)| clock.correct(offset, signed_with));
    let class = retry::class(&service, corrects, || retry::is_ending(snapshot.credentials(), clock.now()));
    let mut error = Error::service_error(service);
    if class == Class::NotCos && !document.is_empty() {
        error = error.with_source(format!("it begins {:?}", xml::beginning(&document)));
    }
    Failure { error, evidence: Evidence::Answer(class) }
}

/// How long ago an object was made, by COS's own clock. An answer that was kept on the way does not tell.
pub(super) fn age(found: &HeaderMap) -> Option<Duration> {
    let time = |name| header_text(found, name).and_then(parse_http_date);
    let (now, made) = (time(header::DATE)?, time(header::LAST_MODIFIED)?);
    (!found.contains_key(header::AGE)).then(|| now.duration_since(made).unwrap_or_default())
}

/// What an operation waits for, for whom its deadline ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waits {
    Place,
    Key,
    Cos,
    Repeat,
}

/// The deadline passed; what an attempt failed with before is the cause.
#[cold]
pub(super) fn late(deadline: Duration, waits: Waits, before: Option<Error>) -> Error {
    let doing = match waits {
        Waits::Place => "waiting for a place among the connections of the client",
        Waits::Key => "waiting for a key",
        Waits::Cos => "waiting for COS",
        Waits::Repeat => "waiting for the next attempt",
    };
    let told = format!("the deadline of {deadline:?} passed while {doing}");
    let error = Error::new(ErrorKind::Timeout, told).retryable(true);
    match before {
        Some(before) => error.with_source(before),
        None => error,
    }
}

/// A success whose document broke off, or is too long to be read.
#[cold]
pub(super) fn unread(error: Error, head: &Parts) -> Failure {
    let too_long = error.kind() == ErrorKind::Response;
    let evidence = if too_long { Evidence::Final } else { Evidence::Unknown };
    Failure { error: error.with_service(bare_answer(head)).may_have(too_long), evidence }
}

/// The beginning of a document, and why there is no more of it.
async fn capped(mut body: ByteStream) -> (Bytes, Option<Error>) {
    let mut document = Vec::new();
    while let Some(bytes) = body.next().await {
        let bytes = match bytes {
            Ok(bytes) => bytes,
            Err(error) => return (document.into(), Some(error)),
        };
        let room = xml::MAX_ERROR_BYTES - document.len();
        document.extend_from_slice(&bytes[..bytes.len().min(room)]);
        if document.len() == xml::MAX_ERROR_BYTES {
            break;
        }
    }
    (document.into(), None)
}

/// A success that was none.
pub(super) fn judge_output(error: Error, safety: Safety, status: u16, request_id: &str) -> Failure {
    let evidence = Evidence::of_success(&error, safety);
    Failure { error: of_success(error, status, request_id), evidence }
}
