//! The journal: every request seen, in order.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use http::{HeaderMap, Method};

/// One request, as the emulator saw it. What is not known yet, or never came to be, is `None`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Record {
    /// Position in the journal since the emulator started; clearing does not reset it.
    pub number: u64,
    /// The method.
    pub method: Method,
    /// The request target, raw: percent-encoded, in absolute form if it came so.
    pub target: String,
    /// The host the request was for, with its port.
    pub host: String,
    /// The path, decoded once.
    pub path: String,
    /// The query, decoded once, in the order of the wire.
    pub query: Vec<(String, String)>,
    /// All headers. Names are lower-case; values are the bytes received.
    pub headers: HeaderMap,
    /// The `SecretId` of the signature, believed or not.
    pub key_id: Option<String>,
    /// Why the signature was refused: a code. `None` if it was good, or if there was none.
    pub signature_error: Option<String>,
    /// The operation, by its title in the COS reference; for STS the action.
    pub operation: String,
    /// What a call of STS was given, by name: texts as they are, anything else as JSON.
    pub parameters: Vec<(String, String)>,
    /// The bucket, if the request named one.
    pub bucket: Option<String>,
    /// The key, if the request named one.
    pub key: Option<String>,
    /// The status answered. `None` while there is no answer, and for connections reset instead.
    pub status: Option<u16>,
    /// The error code answered.
    pub code: Option<String>,
    /// Bytes of the request body read.
    pub bytes_in: u64,
    /// Bytes of the answer's body handed to the connection.
    pub bytes_out: u64,
    /// Which connection, counted from 1; 0 without a socket.
    pub connection: u64,
    /// When the request's head was complete, by the emulator's clock.
    pub time: SystemTime,
    /// The request id given to the request.
    pub request_id: String,
    /// Whether a rule of the fault script fired.
    pub faulted: bool,
}

/// A record that is still being written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entry(Option<Arc<Mutex<Record>>>);

impl Entry {
    pub(crate) fn update(&self, change: impl FnOnce(&mut Record)) {
        if let Some(record) = &self.0 {
            change(&mut record.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}

#[derive(Debug)]
pub(crate) struct Journal {
    limit: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    count: u64,
    records: VecDeque<Arc<Mutex<Record>>>,
}

impl Journal {
    /// Keeps the last `limit` records; none at all if that is zero.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, kept: Mutex::default() }
    }

    /// Begins a record. It is made only if it is kept.
    pub(crate) fn begin(&self, record: impl FnOnce() -> Record) -> Entry {
        if self.limit == 0 {
            return Entry(None);
        }
        let mut record = record();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        record.number = kept.count;
        kept.count += 1;
        if kept.records.len() == self.limit {
            kept.records.pop_front();
        }
        let record = Arc::new(Mutex::new(record));
        kept.records.push_back(Arc::clone(&record));
        Entry(Some(record))
    }

    pub(crate) fn records(&self) -> Vec<Record> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.records.iter().map(|record| record.lock().unwrap_or_else(PoisonError::into_inner).clone()).collect()
    }

    pub(crate) fn clear(&self) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).records.clear();
    }
}
