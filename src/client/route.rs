//! Where requests go: the host of a bucket, the one that stands in for it, and what both have shown so far.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::response::Parts;
use http::{Response, header};

use crate::answer::{REQUEST_ID, bare_answer};
use crate::client::budget::Budget;
use crate::client::failover::{Breaker, Peer, Side};
use crate::endpoint::{Address, Scheme};
use crate::request::Target;

/// Where the requests of a bucket, or of the account, go.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) address: Address,
    /// The same bucket under `tencentcos.cn`, where there is one.
    pub(crate) backup: Option<Address>,
    /// The bucket's name; empty for the account.
    pub(crate) bucket: String,
    pub(crate) host: Arc<HostState>,
}

/// What all handles to one host share.
#[derive(Debug)]
pub(crate) struct HostState {
    pub(crate) budget: Budget,
    breaker: Breaker,
}

impl HostState {
    pub(crate) fn new() -> Self {
        Self { budget: Budget::new(), breaker: Breaker::default() }
    }
}

impl Route {
    /// The host for the next attempt.
    pub(crate) fn choose(&self, now: Duration) -> (Side, &Address) {
        match &self.backup {
            Some(backup) if self.host.breaker.choose(now) == Side::Backup => (Side::Backup, backup),
            _ => (Side::Primary, &self.address),
        }
    }

    /// The host on this side.
    pub(crate) fn address_of(&self, side: Side) -> &Address {
        match (&self.backup, side) {
            (Some(backup), Side::Backup) => backup,
            _ => &self.address,
        }
    }

    /// What a request is about, for people to read: the bucket, or bucket and key.
    pub(crate) fn told(&self, target: &Target) -> String {
        match target {
            Target::Object(key) => format!("{}/{key}", self.bucket),
            _ => self.bucket.clone(),
        }
    }

    /// What an attempt told of its host; nothing when it broke off on the way.
    pub(crate) fn report(&self, side: Side, now: impl FnOnce() -> Duration, peer: impl FnOnce() -> Option<Peer>) {
        if self.backup.is_some()
            && let Some(peer) = peer()
        {
            self.host.breaker.report(side, peer, now());
        }
    }
}

/// Who gave an answer.
pub(crate) fn peer_of<B>(response: &Response<B>) -> Peer {
    if response.headers().contains_key(&REQUEST_ID) {
        Peer::Cos
    } else if matches!(response.status().as_u16(), 301 | 302 | 307) {
        Peer::Redirected
    } else {
        Peer::NotCos
    }
}

/// The server's time, if it can be believed: from COS itself, not from a cache, and over TLS or from this machine.
pub(crate) fn server_time(parts: &Parts, address: &Address) -> Option<SystemTime> {
    let believable = address.scheme() == Scheme::Https || address.is_loopback();
    let answer = bare_answer(parts);
    let from_cos = !answer.request_id.is_empty() && !parts.headers.contains_key(header::AGE);
    answer.server_time.filter(|_| believable && from_cos)
}
