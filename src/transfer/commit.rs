//! The two ends of a multipart upload. They run in tasks of their own, so that nobody who walks away leaves an upload
//! behind that is not known, or gives one up that is about to become an object.

use std::pin::pin;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::future::{Either, select};
use http::{HeaderMap, Method, Response};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::answer::header_text;
use crate::client::Bucket;
use crate::client::defaults::{ABORT_TIMEOUT, BACKOFF_CAP, COMMITS};
use crate::client::trace::{self, Span};
use crate::error::{Error, ErrorKind, Result, ServiceError};
use crate::key::ObjectKey;
use crate::multipart::{
    AbortMultipartUpload, CompleteMultipartUpload, InitiateMultipartUpload, InitiateMultipartUploadOutput, ListParts,
    PartSummary,
};
use crate::object::{HeadObject, ObjectMeta};
use crate::operation::{Operation, Permissions, Safety, Sent, given};
use crate::options::{Callback, CustomerKey};
use crate::request::Request;
use crate::time::{Clock as _, parse_http_date};
use crate::transfer::disk::joined_badly;
use crate::transfer::handle::{Control, cancelled};
use crate::transfer::journal::{Journal, Record};
use crate::transfer::parts::{Stored, combined};

/// How far the clock that dates an object may lag behind the one that dated its upload.
const SLACK: Duration = Duration::from_secs(60);
/// Requests that were under way when an upload was given up may arrive after that; then it is given up again.
const AFTERMATH: Duration = Duration::from_millis(300);

/// The object an upload is to become.
#[derive(Clone)]
pub(super) struct Destination {
    pub(super) key: ObjectKey,
    pub(super) customer_key: Option<CustomerKey>,
    pub(super) callback: Option<Callback>,
    pub(super) forbid_overwrite: bool,
}

impl Destination {
    /// A look at what is there.
    pub(super) fn head(&self) -> HeadObject {
        given(HeadObject::new(self.key.clone()), self.customer_key.as_ref(), HeadObject::customer_key)
    }
}

/// An upload that is ours. Dropping it gives it up, unless it is kept for another run or may be about to succeed.
pub(super) struct Session {
    bucket: Bucket,
    to: Destination,
    upload_id: String,
    begun: SystemTime,
    runtime: Handle,
    journal: Option<Journal>,
    fate: Fate,
    completions: u32,
    /// Whether a completion may have taken effect, or be under way.
    open: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    GiveUp,
    Keep,
    Over,
}

/// What is to be made of the parts.
pub(super) struct Order {
    pub(super) parts: Vec<Stored>,
    /// The CRC-64 the object must have, if it is known.
    pub(super) crc64: Option<u64>,
}

impl Order {
    fn length(&self) -> u64 {
        self.parts.iter().map(|part| part.length).sum()
    }

    /// The parts that are not there as they were stored.
    fn missing(&self, there: &[PartSummary]) -> Vec<u32> {
        self.parts.iter().filter(|part| !part.is_among(there)).map(|part| part.number).collect()
    }
}

/// An object that was made.
#[derive(Clone, Debug, Default)]
pub(super) struct Made {
    pub(super) etag: String,
    pub(super) crc64: Option<u64>,
    pub(super) version_id: Option<String>,
    pub(super) callback: Option<Result<Bytes, Box<ServiceError>>>,
    pub(super) request_id: String,
    /// COS's answer was lost: the object itself told.
    pub(super) reconciled: bool,
}

impl Made {
    pub(super) fn found(meta: &ObjectMeta) -> Self {
        Self {
            etag: meta.etag().to_owned(),
            crc64: meta.crc64(),
            version_id: meta.version_id().map(str::to_owned),
            callback: None,
            request_id: meta.request_id().to_owned(),
            reconciled: true,
        }
    }
}

pub(super) enum Outcome {
    Made(Made),
    /// COS does not have these parts any more. With them the upload can be completed.
    Lost {
        session: Session,
        parts: Vec<u32>,
        order: Order,
        error: Error,
    },
}

impl Session {
    /// Begins an upload. Who does not wait for it any more, or cancels it, leaves nothing behind: its id is waited for,
    /// 30 s at most, and given up. It is tried again also when nobody knows whether it was begun: an upload without
    /// parts may be left then.
    pub(super) async fn begin(
        bucket: &Bucket,
        control: &Control,
        beginning: Beginning,
        to: Destination,
    ) -> Result<Self> {
        let (awaited, left) = oneshot::channel::<()>();
        let (bucket, control) = (bucket.clone(), control.clone());
        let work = async move {
            let asked = bucket.client().engine().clock.now();
            let send = pin!(bucket.send_raw(beginning));
            let stopped = pin!(control.until_cancelled());
            let answer = match select(send, select(left, stopped)).await {
                Either::Left((answer, _)) => answer,
                Either::Right((_, send)) => {
                    let late = |_| Err(cancelled());
                    tokio::time::timeout(ABORT_TIMEOUT, send).await.unwrap_or_else(late)
                }
            };
            let answer = answer.map_err(Error::of_a_step)?;
            let begun = header_text(answer.headers(), "date").and_then(parse_http_date).unwrap_or(asked);
            Ok(Self::resumed(&bucket, to, answer.into_body().upload_id, begun))
        };
        // What nobody waits for is given up by being dropped.
        let session = tokio::spawn(Span::current().around(work)).await;
        drop(awaited);
        session.unwrap_or_else(|error| Err(joined_badly(error)))
    }

    /// An upload that was begun earlier, and is ours.
    pub(super) fn resumed(bucket: &Bucket, to: Destination, upload_id: String, begun: SystemTime) -> Self {
        Self {
            bucket: bucket.clone(),
            to,
            upload_id,
            begun,
            runtime: Handle::current(),
            journal: None,
            fate: Fate::GiveUp,
            completions: 0,
            open: false,
        }
    }

    pub(super) fn upload_id(&self) -> &str {
        &self.upload_id
    }

    pub(super) fn begun(&self) -> SystemTime {
        self.begun
    }

    /// Keeps it for another run that has the journal.
    pub(super) fn keep(&mut self, journal: Journal) {
        self.journal = Some(journal);
        self.fate = Fate::Keep;
    }

    pub(super) fn journal(&self) -> Option<&Journal> {
        self.journal.as_ref()
    }

    /// All the parts COS has; `None` when there is no such upload.
    pub(super) async fn list(&self) -> Result<Option<Vec<PartSummary>>> {
        let mut pages = self.bucket.pages(ListParts::new(self.to.key.clone(), &self.upload_id));
        let mut parts = Vec::new();
        loop {
            match pages.next().await {
                Some(Ok(mut page)) => parts.append(&mut page.parts),
                None => return Ok(Some(parts)),
                Some(Err(error)) if is_gone(&error) => return Ok(None),
                Some(Err(error)) => return Err(error),
            }
        }
    }

    /// Completes it. The verdict is waited for also when nobody waits for it any more.
    ///
    /// # Errors
    /// [`ErrorKind::Ambiguous`] when nothing says whether the object was made; the upload is not given up then.
    pub(super) async fn complete(self, order: Order) -> Result<Outcome> {
        let verdict = tokio::spawn(Span::current().around(self.settle(order))).await;
        verdict.unwrap_or_else(|error| Err(joined_badly(error)))
    }

    async fn settle(mut self, order: Order) -> Result<Outcome> {
        if let Some(journal) = &self.journal
            && let Err(error) = journal.record(Record::Completing { crc64: combined(&order.parts) }).await
        {
            return Err(error);
        }
        loop {
            self.completions += 1;
            self.fate = Fate::Keep;
            let error = match self.bucket.send(self.completion(&order)).await {
                Ok(output) => {
                    self.over().await;
                    return Ok(Outcome::Made(Made {
                        request_id: output.request_id().to_owned(),
                        etag: output.etag,
                        crc64: output.crc64,
                        version_id: output.version_id,
                        callback: output.callback,
                        reconciled: false,
                    }));
                }
                Err(error) => error,
            };
            if error.kind() == ErrorKind::Integrity {
                // COS made something else of it: the upload is used up.
                self.over().await;
                return Err(error);
            }
            self.open |= error.may_have_taken_effect();
            let gone = is_gone(&error);
            let lost = matches!(error.code(), Some("InvalidPart" | "InvalidPartOrder"));
            let raced = matches!(error.code(), Some("PathConflict" | "UploadConflict"));
            if !(self.open || gone || lost || raced) {
                return Err(self.give_up(error).await);
            }
            let seen = self.look(&order).await;
            let there = if gone { Ok(None) } else { self.list().await };
            // An upload that is still there did not become an object: that one has the same bytes by chance.
            if let (Ok(Some(made)), Ok(None) | Err(_)) = (&seen, &there) {
                let made = made.clone();
                self.over().await;
                return Ok(Outcome::Made(made));
            }
            match &there {
                Ok(Some(there)) => {
                    let missing = order.missing(there);
                    if !missing.is_empty() && self.completions < COMMITS {
                        self.fate = if self.open || self.journal.is_some() { Fate::Keep } else { Fate::GiveUp };
                        trace::event("parts lost");
                        return Ok(Outcome::Lost { session: self, parts: missing, order, error });
                    }
                }
                // Nothing of ours is under way: somebody else ended it.
                Ok(None) if !self.open => return Err(self.give_up(error).await),
                Ok(None) => return Err(self.unknown(error, seen.err(), None)),
                Err(_) => {}
            }
            if self.completions >= COMMITS || (lost && !self.open) {
                let (seen, there) = (seen.err(), there.err());
                if self.open {
                    return Err(self.unknown(error, seen, there));
                }
                return Err(self.give_up(with_rights(error, &[(there, ListParts::PERMISSIONS)])).await);
            }
            before_another(self.completions).await;
        }
    }

    fn completion(&self, order: &Order) -> CompleteMultipartUpload {
        let complete = CompleteMultipartUpload::new(self.to.key.clone(), &self.upload_id, &order.parts);
        let complete = given(complete, order.crc64.as_ref(), CompleteMultipartUpload::crc64);
        let complete = given(complete, self.to.callback.as_ref(), CompleteMultipartUpload::callback);
        if self.to.forbid_overwrite { complete.forbid_overwrite() } else { complete }
    }

    /// Whether the object there is the one the parts make.
    async fn look(&self, order: &Order) -> Result<Option<Made>> {
        let crc64 = order.crc64.or(combined(&order.parts));
        find(&self.bucket, &self.to, order.length(), crc64, since(self.begun)).await
    }

    /// Nobody knows how it ended. What was not allowed to be looked at is named.
    fn unknown(mut self, error: Error, head: Option<Error>, list: Option<Error>) -> Error {
        self.fate = Fate::Keep;
        let error = error.into_ambiguous().with_upload_id(Some(&self.upload_id));
        with_rights(error, &[(head, HeadObject::PERMISSIONS), (list, ListParts::PERMISSIONS)])
    }

    /// Ends it for an error: gives it up, unless another run may go on with it. Gives the error back: before it is
    /// completed no object can have been made, whatever became of a part. It has the upload id only when something is
    /// left that nobody else knows of.
    pub(super) async fn give_up(mut self, error: Error) -> Error {
        if self.open {
            self.fate = Fate::Keep;
            return error.may_have(true).with_upload_id(Some(&self.upload_id));
        }
        let error = error.of_a_step();
        if self.journal.is_some() && !is_final(&error) {
            self.fate = Fate::Keep;
            return error.with_upload_id(None);
        }
        self.fate = Fate::Over;
        let (tell, told) = oneshot::channel();
        self.abort(Some(tell));
        let given_up = matches!(told.await, Ok(true));
        self.over().await;
        error.with_upload_id((!given_up).then_some(&*self.upload_id))
    }

    /// Gives it up in a task of its own.
    fn abort(&self, tell: Option<oneshot::Sender<bool>>) {
        let work = abort(self.bucket.clone(), self.to.key.clone(), self.upload_id.clone(), tell);
        self.runtime.spawn(Span::current().around(work));
    }

    /// Gives it up because nobody waits for it, and what remembers it first.
    pub(super) async fn discard(mut self) -> Error {
        self.over().await;
        self.abort(None);
        cancelled()
    }

    /// It is no more, and nothing is to be done about it.
    pub(super) async fn forget(mut self) {
        self.over().await;
    }

    async fn over(&mut self) {
        self.fate = Fate::Over;
        if let Some(journal) = self.journal.take() {
            // A checkpoint that stays speaks of an upload that is gone: the next run sees that.
            let _ = journal.remove().await;
        }
    }
}

/// Begins an upload, as often as need be, maybe with headers of another object.
pub(super) struct Beginning {
    pub(super) initiate: InitiateMultipartUpload,
    pub(super) carried: HeaderMap,
}

impl Operation for Beginning {
    type Output = InitiateMultipartUploadOutput;
    type Response = Bytes;
    const NAME: &'static str = InitiateMultipartUpload::NAME;
    const METHOD: Method = InitiateMultipartUpload::METHOD;
    const PERMISSIONS: Permissions = InitiateMultipartUpload::PERMISSIONS;

    fn request(&self) -> Result<Request> {
        let request = self.initiate.request()?;
        let carried = self.carried.iter();
        Ok(carried.fold(request, |request, (name, value)| request.header_value(name.clone(), value.clone())))
    }

    fn safety(&self) -> Safety {
        Safety::SameEffect
    }

    fn output(&self, sent: &Sent, response: Response<Bytes>) -> Result<InitiateMultipartUploadOutput> {
        self.initiate.output(sent, response)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.fate == Fate::GiveUp {
            self.abort(None);
        }
    }
}

/// The wait after so many requests whose end is unknown.
pub(super) async fn before_another(requests: u32) {
    let wait = Duration::from_secs(1 << requests.saturating_sub(1).min(8)).min(BACKOFF_CAP);
    tokio::time::sleep(wait.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
}

/// When the object of an upload was made, at the earliest.
pub(super) fn since(begun: SystemTime) -> SystemTime {
    begun.checked_sub(SLACK).unwrap_or(begun)
}

/// The object that is there, if it has this length and CRC-64 and was made since then.
pub(super) async fn find(
    bucket: &Bucket,
    to: &Destination,
    length: u64,
    crc64: Option<u64>,
    since: SystemTime,
) -> Result<Option<Made>> {
    let meta = match bucket.send(to.head()).await {
        Ok(meta) => meta,
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return Err(error),
    };
    let ours = meta.content_length() == Some(length)
        && meta.crc64().is_some()
        && meta.crc64() == crc64
        && meta.last_modified().is_some_and(|modified| modified >= since);
    if ours {
        trace::event("reconciled");
    }
    Ok(ours.then(|| Made::found(&meta)))
}

/// Gives an upload up, and once more for what was under way. Tells whether it was, as soon as that is known.
pub(super) async fn abort(bucket: Bucket, key: ObjectKey, upload_id: String, tell: Option<oneshot::Sender<bool>>) {
    // What is not wanted any more does not wait for a host that went away.
    let (bucket, mut tell) = (bucket.patient(), tell);
    let mut say = |given_up| {
        if let Some(tell) = tell.take() {
            let _ = tell.send(given_up);
        }
    };
    let work = async {
        for _ in 0..2 {
            match bucket.send(AbortMultipartUpload::new(key.clone(), &upload_id)).await {
                Ok(_) => say(true),
                Err(error) => return say(is_gone(&error)),
            }
            tokio::time::sleep(AFTERMATH).await;
        }
    };
    let _ = tokio::time::timeout(ABORT_TIMEOUT, work).await;
}

fn is_gone(error: &Error) -> bool {
    error.code() == Some("NoSuchUpload")
}

/// Whether another run with the same checkpoint would fail the same way.
fn is_final(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Input | ErrorKind::Changed | ErrorKind::Integrity => true,
        ErrorKind::Service => !error.is_retryable() && !error.is_expired_credential() && error.status() != Some(403),
        _ => false,
    }
}

/// The error, and the rights without which no more can be found out.
pub(super) fn with_rights(error: Error, looks: &[(Option<Error>, Permissions)]) -> Error {
    let denied = looks.iter().filter(|(look, _)| look.as_ref().is_some_and(|error| error.status() == Some(403)));
    let actions: Vec<&str> = denied.flat_map(|(_, needed)| needed.iter().map(|(action, _)| action)).collect();
    if actions.is_empty() {
        error
    } else {
        error.with_advice(format!("to find out it needs {}", actions.join(" and ")))
    }
}
