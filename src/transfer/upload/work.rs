//! An upload at work: what is sent in one request, in parts, and of a stream.

use std::path::PathBuf;
use std::sync::Arc;

use crate::body::Body;
use crate::client::Bucket;
use crate::client::defaults::{PART_SIZE, PUT_THRESHOLD};
use crate::client::trace;
use crate::error::{Error, ErrorKind, Result};
use crate::transfer::commit::{Order, Outcome, Session};
use crate::transfer::draft::Draft;
use crate::transfer::handle::Control;
use crate::transfer::journal::{Journal, Record, What};
use crate::transfer::parts::{self, Crew, Stored, combined};
use crate::transfer::plan::{MAX_PARTS, MIN_PART_BYTES, Part, Plan, growing};
use crate::transfer::progress::PartMeter;
use crate::transfer::resume::{self, Found};
use crate::transfer::source::{Flow, SourceFile, Whole};
use crate::transfer::upload::output::UploadOutput;

/// An upload under way.
pub(super) struct Work {
    pub(super) bucket: Bucket,
    pub(super) control: Control,
    pub(super) draft: Draft,
    pub(super) part_size: Option<u64>,
    pub(super) places: usize,
    pub(super) crc64: Option<u64>,
}

impl Work {
    pub(super) async fn file(self, file: SourceFile, checkpoint: Option<PathBuf>) -> Result<UploadOutput> {
        let length = file.state.length;
        if let Some(directory) = checkpoint {
            let plan = Plan::new(length, self.part_size.unwrap_or(PART_SIZE))?;
            let what = What::new(&self.bucket, self.draft.key.as_str(), &file, plan, &self.draft.initiate())?;
            if length > self.put_threshold() {
                return self.resumable(file, what, plan, directory).await;
            }
            // An earlier run may have begun it in parts.
            self.control.ready().await?;
            let earlier = resume::abandon(&self.bucket, &what, &directory, &self.draft.key);
            self.control.unless_cancelled(earlier).await?;
        }
        if length <= SMALL_FILE && length <= self.put_threshold() {
            // In memory it is read once, whole and unchanged, however often it is sent.
            self.control.set_total(Some(length), Some(1));
            self.control.ready().await?;
            let read = async {
                let held = self.bucket.client().memory().hold(length).await;
                Ok((file.read().await?, held))
            };
            let (bytes, _held) = self.control.unless_cancelled(read).await?;
            return self.put_now(&Whole::Bytes(bytes)).await;
        }
        self.whole(Whole::File(file)).await
    }

    /// What can be read again.
    pub(super) async fn whole(self, source: Whole) -> Result<UploadOutput> {
        if source.len() <= self.put_threshold() {
            return self.put(&source).await;
        }
        let plan = Plan::new(source.len(), self.part_size.unwrap_or(PART_SIZE))?;
        self.control.set_total(Some(plan.length), Some(plan.count()));
        self.control.ready().await?;
        let session = self.begin().await?;
        self.parts_of(&source, plan, session, Vec::new()).await
    }

    /// The same, with what an earlier run left.
    async fn resumable(self, file: SourceFile, what: What, plan: Plan, directory: PathBuf) -> Result<UploadOutput> {
        let source = Whole::File(file);
        self.control.set_total(Some(plan.length), Some(plan.count()));
        self.control.ready().await?;
        let to = self.draft.destination();
        let found = resume::take_up(&self.bucket, &what, &directory, plan, &source, &to);
        match self.control.unless_cancelled(found).await? {
            Found::Made(made) => {
                (1..=plan.count()).for_each(|number| self.control.meter().was_done(plan.part(number).length));
                Ok(UploadOutput::made(made, plan.length, plan.count(), plan.count()))
            }
            Found::Parts(session, parts) => self.parts_of(&source, plan, session, parts).await,
            Found::Nothing => {
                let session = resume::remember(self.begin().await?, what, &directory).await?;
                self.parts_of(&source, plan, session, Vec::new()).await
            }
        }
    }

    /// In one request.
    async fn put(&self, source: &Whole) -> Result<UploadOutput> {
        self.control.set_total(Some(source.len()), Some(1));
        self.control.ready().await?;
        let all = Part { number: 1, offset: 0, length: source.len() };
        let memory = async { Ok(self.bucket.client().memory().hold(source.memory(all)).await) };
        let _held = self.control.unless_cancelled(memory).await?;
        self.put_now(source).await
    }

    async fn put_now(&self, source: &Whole) -> Result<UploadOutput> {
        let all = Part { number: 1, offset: 0, length: source.len() };
        if let Some(expected) = self.crc64 {
            expect(expected, self.control.unless_cancelled(source.crc64(all)).await?)?;
        }
        let meter = Arc::new(self.control.meter());
        let put = self.bucket.send(self.draft.put(observed(source.body(all), &meter)));
        let output = self.control.unless_cancelled_midway(put).await?;
        source.check().await.map_err(|error| error.may_have(true))?;
        meter.done(all.length);
        Ok(UploadOutput::put(output, all.length))
    }

    async fn begin(&self) -> Result<Session> {
        Session::begin(&self.bucket, &self.control, self.draft.initiate(), self.draft.destination()).await
    }

    /// All parts that are not stored yet, and then the object.
    async fn parts_of(
        &self,
        source: &Whole,
        plan: Plan,
        mut session: Session,
        resumed: Vec<Stored>,
    ) -> Result<UploadOutput> {
        let taken_over = u32::try_from(resumed.len()).expect("at most 10 000 parts");
        let mut stored = resumed;
        trace::resumed(stored.len());
        for part in &stored {
            self.control.meter().was_done(part.length);
        }
        let mut wanted: Vec<u32> = (1..=plan.count()).collect();
        loop {
            wanted.retain(|number| stored.binary_search_by_key(number, |part| part.number).is_err());
            match self.send_parts(source, plan, &session, &wanted).await {
                Ok(more) => stored.extend(more),
                Err(error) => return Err(session.give_up(error).await),
            }
            stored.sort_by_key(|part| part.number);
            if let Err(error) = source.check().await {
                return Err(session.give_up(error).await);
            }
            match self.publish(session, std::mem::take(&mut stored)).await? {
                Outcome::Made(made) => return Ok(UploadOutput::made(made, plan.length, plan.count(), taken_over)),
                Outcome::Lost { session: back, parts, order, .. } => {
                    session = back;
                    stored = order.parts;
                    if let Err(error) = same_as_before(source, plan, &stored, &parts).await {
                        return Err(session.give_up(error).await);
                    }
                    for &number in &parts {
                        self.control.lose(plan.part(number).length);
                    }
                    stored.retain(|part| parts.binary_search(&part.number).is_err());
                    wanted = parts;
                }
            }
        }
    }

    async fn send_parts(&self, source: &Whole, plan: Plan, session: &Session, wanted: &[u32]) -> Result<Vec<Stored>> {
        let send = |part: Part| {
            let (source, sending) = (source.clone(), self.sending(session));
            async move {
                let _held = sending.bucket.client().memory().hold(source.memory(part)).await;
                source.check().await?;
                sending.part(part.number, source.body(part), Some(&source)).await
            }
        };
        parts::run(&self.control, self.places, plan, wanted, send).await
    }

    /// What flows by once: every part is held in memory until COS has it.
    pub(super) async fn flow(self, flow: Flow) -> Result<UploadOutput> {
        let memory = self.bucket.client().memory().clone();
        let most = memory.most_to_fill().saturating_sub(BESIDE_A_PART);
        let part_size = self.part_size.unwrap_or(PART_SIZE.min(most - most % MIN_PART_BYTES));
        let plan = flow.length.map(|length| Plan::new(length, part_size)).transpose()?;
        let size = move |number| plan.map_or_else(|| growing(part_size, most, number), |plan| plan.part_size);
        if flow.expects(size(1)) > most {
            let told = "leaves no room for a part of the stream, which is held: it takes half of it and 2 MiB at most";
            return Err(Error::input("memory_limit", told));
        }
        let mut flow = flow.into_chunks(memory.chunks());
        self.control.set_total(flow.length, plan.map(|plan| plan.count().max(1)));
        self.control.ready().await?;
        let first = async {
            let held = memory.hold_to_fill(flow.expects(size(1)) + BESIDE_A_PART).await;
            Ok((flow.take(size(1)).await?, held))
        };
        let (chunks, held) = self.control.unless_cancelled(first).await?;
        if flow.is_over() {
            self.control.ready().await?;
            let _held = held.filled();
            return self.put(&Whole::Chunks(chunks)).await;
        }
        let session = self.begin().await?;
        let mut crew = Crew::new(self.places);
        let work = async {
            let (mut number, mut offset, mut next) = (1, 0, Some((chunks, held)));
            while let Some((chunks, held)) = next {
                if u64::from(number) > MAX_PARTS {
                    return Err(Error::input("source", "has more bytes than 10 000 parts of this size can carry"));
                }
                crew.meanwhile(self.control.ready()).await?;
                let held = held.filled();
                let (sending, part) = (self.sending(&session), Part { number, offset, length: chunks.len() });
                crew.begin(part, async move {
                    let stored = sending.part(part.number, chunks.body(), None).await;
                    // Before another part takes their place.
                    drop(chunks);
                    drop(held);
                    stored
                });
                (number, offset) = (number + 1, offset + part.length);
                if flow.is_over() {
                    break;
                }
                crew.room().await?;
                crew.meanwhile(self.control.ready()).await?;
                let more = async {
                    let held = memory.hold_to_fill(flow.expects(size(number)) + BESIDE_A_PART).await;
                    let chunks = flow.take(size(number)).await?;
                    Ok(Some((chunks, held)).filter(|(chunks, _)| !chunks.is_empty()))
                };
                next = crew.meanwhile(more).await?;
            }
            crew.rest().await
        };
        let outcome = self.control.unless_cancelled(work).await;
        let mut stored = match crew.ended(outcome).await {
            Ok(stored) => stored,
            Err(error) => return Err(session.give_up(error).await),
        };
        stored.sort_by_key(|part| part.number);
        let (length, count) = (stored.iter().map(|part| part.length).sum(), stored.len());
        match self.publish(session, stored).await? {
            Outcome::Made(made) => Ok(UploadOutput::made(made, length, u32::try_from(count).unwrap_or(u32::MAX), 0)),
            // They flowed by.
            Outcome::Lost { session, error, .. } => Err(session.give_up(error).await),
        }
    }

    /// Makes the object of its parts.
    async fn publish(&self, session: Session, parts: Vec<Stored>) -> Result<Outcome> {
        let crc64 = combined(&parts);
        let right = match (self.crc64, crc64) {
            (Some(expected), Some(found)) => expect(expected, found),
            _ => Ok(()),
        };
        match right.and(self.control.ready().await) {
            Ok(()) => session.complete(Order { parts, crc64 }).await,
            Err(error) => Err(session.give_up(error).await),
        }
    }

    fn sending(&self, session: &Session) -> Sending {
        Sending {
            bucket: self.bucket.clone(),
            control: self.control.clone(),
            draft: self.draft.clone(),
            upload_id: session.upload_id().to_owned(),
            journal: session.journal().cloned(),
        }
    }

    fn put_threshold(&self) -> u64 {
        self.part_size.unwrap_or(PUT_THRESHOLD)
    }
}

/// A file up to this is read into memory and sent from there.
const SMALL_FILE: u64 = 1024 * 1024;

/// What the connection of a part in memory takes beside it.
const BESIDE_A_PART: u64 = 2 * 1024 * 1024;

/// What a task needs to send parts.
struct Sending {
    bucket: Bucket,
    control: Control,
    draft: Draft,
    upload_id: String,
    journal: Option<Journal>,
}

impl Sending {
    async fn part(self, number: u32, body: Body, source: Option<&Whole>) -> Result<Stored> {
        let length = body.len();
        let meter = Arc::new(self.control.meter());
        let part = self.draft.part(&self.upload_id, number, observed(body, &meter));
        let output = self.bucket.send(part).await?;
        if let Some(source) = source {
            source.check().await?;
        }
        let stored = Stored { number, length, etag: output.etag, crc64: Some(output.sent.crc64) };
        if let Some(journal) = &self.journal {
            journal.record(Record::Part(stored.clone())).await?;
        }
        meter.done(length);
        Ok(stored)
    }
}

fn observed(body: Body, meter: &Arc<PartMeter>) -> Body {
    let meter = Arc::clone(meter);
    body.observe(move |bytes| meter.set(bytes))
}

fn expect(expected: u64, found: u64) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Integrity, format!("the source has CRC-64 {found}, {expected} was expected")))
}

/// Parts that are sent once more must be what they were.
async fn same_as_before(source: &Whole, plan: Plan, stored: &[Stored], lost: &[u32]) -> Result<()> {
    for part in stored.iter().filter(|part| lost.binary_search(&part.number).is_ok()) {
        if part.crc64 != Some(source.crc64(plan.part(part.number)).await?) {
            return Err(Error::new(ErrorKind::Changed, format!("part {} has other bytes than before", part.number)));
        }
    }
    Ok(())
}
