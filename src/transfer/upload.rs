use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use crate::body::Body;
use crate::client::Bucket;
use crate::client::defaults::{CONCURRENCY, PART_SIZE, PUT_THRESHOLD};
use crate::client::provider::BoxFuture;
use crate::error::{Error, ErrorKind, Result};
use crate::key::ObjectKey;
use crate::multipart::{InitiateMultipartUpload, UploadPart};
use crate::object::{PutObject, PutObjectOutput};
use crate::options::{Acl, Attributes, CustomerKey, Encryption, Tags, TrafficLimit};
use crate::transfer::commit::{Destination, Made, Order, Outcome, Session};
use crate::transfer::handle::{Control, Transfer};
use crate::transfer::parts::{Crew, Stored, combined};
use crate::transfer::plan::{MAX_PARTS, Part, Plan, check_part_size, growing};
use crate::transfer::resume::{self, Found, Journal, Record, What};
use crate::transfer::sealed::Run;
use crate::transfer::source::{Flow, Kind, SourceFile, UploadSource, Whole};

/// Uploads a file, bytes, or a stream of any length: in one request when it is small, else in parts, several at once.
///
/// Up to 48.8 TiB. Parts have 8 MiB, or more where 10 000 of them would not be enough; a file is streamed from disk, and
/// what is held of streams and files together stays within the client's
/// [`memory_limit`](crate::ClientBuilder::memory_limit). A stream whose length is not known begins with parts of 8 MiB
/// that grow up to that limit: 492 GiB by default. Each part is signed when it is sent.
///
/// The CRC-64 of every part is compared with COS's, and those of all parts with the whole
/// [`expected`](Self::crc64) before the object comes into being, and with COS's after. When the source changes meanwhile,
/// no object is made. An upload whose end is unknown is found out by what COS has: the object, or the parts.
///
/// # Errors
/// As [`PutObject`] and [`UploadPart`](crate::UploadPart). [`ErrorKind::Changed`] when the file changed, or the stream
/// has another length than it was said to have. [`ErrorKind::Integrity`] when checksums differ. [`ErrorKind::Ambiguous`]
/// with the [`upload_id`](Error::upload_id) when nothing says whether the object was made; [`Error::advice`] names the
/// right with which that could have been found out (`name/cos:HeadObject`, `name/cos:ListParts`). [`ErrorKind::Input`]
/// when an option cannot be, and when a stream has more bytes than 10 000 parts within the limit of memory can carry.
/// [`ErrorKind::Io`] when the source cannot be read, or another upload holds the checkpoint.
///
/// # Cancellation
/// Dropping the future stops all I/O, and a task of its own gives the upload up within 30 s; with a
/// [`checkpoint`](Self::checkpoint) its parts stay for the next run. Once all parts are there and COS makes the object,
/// it is made all the same. A process that is killed leaves its upload to [`Bucket::orphans`].
///
/// # Examples
/// ```no_run
/// use std::path::Path;
/// use tencent_cos::transfer::Upload;
/// use tencent_cos::{Attributes, Bucket};
///
/// # async fn example(bucket: Bucket) -> tencent_cos::Result<()> {
/// let upload = Upload::new("video.mp4".parse()?, Path::new("video.mp4"))
///     .attributes(Attributes::new().content_type("video/mp4"))
///     .checkpoint("/var/lib/my-app");
/// let transfer = bucket.transfer(upload).on_progress(|progress| println!("{} bytes", progress.bytes));
/// println!("{}", transfer.await?.etag);
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [Multipart upload](https://cloud.tencent.com/document/product/436/14112)
#[derive(Debug)]
#[must_use = "Bucket::transfer runs it"]
pub struct Upload {
    draft: Draft,
    source: UploadSource,
    part_size: Option<u64>,
    concurrency: usize,
    crc64: Option<u64>,
    checkpoint: Option<PathBuf>,
}

impl Upload {
    /// Uploads `source` to `key`.
    pub fn new(key: ObjectKey, source: impl Into<UploadSource>) -> Self {
        Self {
            draft: Draft::new(key),
            source: source.into(),
            part_size: None,
            concurrency: CONCURRENCY,
            crc64: None,
            checkpoint: None,
        }
    }

    /// Content headers, storage class, user metadata.
    pub fn attributes(mut self, attributes: Attributes) -> Self {
        self.draft.attributes = attributes;
        self
    }

    /// Who may do what with it; else as the bucket says.
    pub fn acl(mut self, acl: Acl) -> Self {
        self.draft.acl = Some(acl);
        self
    }

    /// Tags.
    pub fn tags(mut self, tags: Tags) -> Self {
        self.draft.tags = Some(tags);
        self
    }

    /// Encryption at rest.
    pub fn encryption(mut self, encryption: Encryption) -> Self {
        self.draft.encryption = Some(encryption);
        self
    }

    /// The speed of each request.
    pub fn traffic_limit(mut self, limit: TrafficLimit) -> Self {
        self.draft.traffic_limit = Some(limit);
        self
    }

    /// Fails with `FileAlreadyExists` (409) when the key is taken. COS ignores it in buckets that ever had versioning.
    pub fn forbid_overwrite(mut self) -> Self {
        self.draft.forbid_overwrite = true;
        self
    }

    /// Parts of so many bytes, 1 MiB to 5 GiB, or more where 10 000 of them would not be enough. Up to one part goes in
    /// one request.
    pub fn part_size(mut self, bytes: u64) -> Self {
        self.part_size = Some(bytes);
        self
    }

    /// How many parts are under way at once, from 1; the limit of memory may allow fewer.
    pub fn concurrency(mut self, parts: usize) -> Self {
        self.concurrency = parts;
        self
    }

    /// The CRC-64 the source has: what has another one never becomes an object.
    pub fn crc64(mut self, crc64: u64) -> Self {
        self.crc64 = Some(crc64);
        self
    }

    /// Remembers in this directory which parts of a file are done, so that the same upload in another process goes on
    /// where this one ended. It belongs to this bucket, key, file and these options; with another of them, or when the
    /// file changed, the upload begins anew. It is gone when the upload has succeeded or cannot succeed any more, and
    /// only one upload at a time may hold it.
    pub fn checkpoint(mut self, directory: impl Into<PathBuf>) -> Self {
        self.checkpoint = Some(directory.into());
        self
    }
}

/// What [`Upload`] gives.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UploadOutput {
    /// The ETag, quotes included. Of an object made of parts it is no MD5.
    pub etag: String,
    /// The CRC-64 COS computed, equal to that of the bytes sent; `None` when COS named none.
    pub crc64: Option<u64>,
    /// The version, where the bucket keeps versions.
    pub version_id: Option<String>,
    /// How many bytes it has.
    pub length: u64,
    /// How many parts it was made of; 0 when it went in one request.
    pub parts: u32,
    /// How many of them an earlier run had uploaded.
    pub resumed_parts: u32,
    /// Whether COS's answer was lost, and the object itself told that it was made.
    pub reconciled: bool,
    request_id: String,
}

impl UploadOutput {
    fn put(put: PutObjectOutput, length: u64) -> Self {
        Self {
            request_id: put.request_id().to_owned(),
            etag: put.etag,
            crc64: put.crc64,
            version_id: put.version_id,
            length,
            parts: 0,
            resumed_parts: 0,
            reconciled: false,
        }
    }

    fn made(made: Made, length: u64, parts: u32, resumed_parts: u32) -> Self {
        let Made { etag, crc64, version_id, request_id, reconciled } = made;
        Self { etag, crc64, version_id, length, parts, resumed_parts, reconciled, request_id }
    }

    /// `x-cos-request-id`; of the look at the object when the answer was lost.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }
}

impl Bucket {
    /// Uploads a file, bytes, or a stream of any length: [`Upload`] without options.
    ///
    /// # Errors
    /// As [`Upload`]; [`ErrorKind::Input`] when the key is none.
    ///
    /// # Cancellation
    /// Dropping the future stops all I/O and gives the upload up, unless COS already makes the object.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
    /// let output = bucket.upload("video.mp4", std::path::Path::new("video.mp4")).await?;
    /// println!("{} bytes in {} parts", output.length, output.parts);
    /// # Ok(())
    /// # }
    /// ```
    pub fn upload<K>(&self, key: K, source: impl Into<UploadSource>) -> Transfer<UploadOutput>
    where
        K: TryInto<ObjectKey>,
        K::Error: Into<Error>,
    {
        match key.try_into() {
            Ok(key) => self.transfer(Upload::new(key, source)),
            Err(error) => Transfer::failed(error.into()),
        }
    }
}

impl Run for Upload {
    type Output = UploadOutput;

    fn run(self, bucket: Bucket, control: Control) -> BoxFuture<'static, Result<UploadOutput>> {
        Box::pin(async move {
            if self.concurrency == 0 {
                return Err(Error::input("concurrency", "is zero"));
            }
            let work = Work {
                part_size: self.part_size.map(check_part_size).transpose()?,
                places: self.concurrency,
                crc64: self.crc64,
                draft: self.draft,
                bucket,
                control,
            };
            // What no request could carry is refused before any of them.
            crate::operation::Operation::request(&work.draft.initiate())?;
            match (self.source.0, self.checkpoint) {
                (Kind::File(path), directory) => {
                    let file = SourceFile::look(path).await?;
                    work.file(file, directory).await
                }
                (_, Some(_)) => Err(Error::input("checkpoint", "needs a file: nothing else is there in another run")),
                (Kind::Bytes(bytes), None) => work.whole(Whole::Bytes(bytes)).await,
                (Kind::Flow(flow), None) => work.flow(flow).await,
            }
        })
    }
}

/// The object as it is asked for, in one request or in parts.
#[derive(Clone, Debug)]
struct Draft {
    key: ObjectKey,
    attributes: Attributes,
    acl: Option<Acl>,
    tags: Option<Tags>,
    encryption: Option<Encryption>,
    traffic_limit: Option<TrafficLimit>,
    forbid_overwrite: bool,
}

impl Draft {
    fn new(key: ObjectKey) -> Self {
        Self {
            key,
            attributes: Attributes::new(),
            acl: None,
            tags: None,
            encryption: None,
            traffic_limit: None,
            forbid_overwrite: false,
        }
    }

    fn put(&self, body: Body) -> PutObject {
        let mut put = PutObject::new(self.key.clone(), body).attributes(self.attributes.clone());
        if let Some(acl) = &self.acl {
            put = put.acl(acl.clone());
        }
        if let Some(tags) = &self.tags {
            put = put.tags(tags.clone());
        }
        if let Some(encryption) = &self.encryption {
            put = put.encryption(encryption.clone());
        }
        if let Some(limit) = self.traffic_limit {
            put = put.traffic_limit(limit);
        }
        if self.forbid_overwrite { put.forbid_overwrite() } else { put }
    }

    fn initiate(&self) -> InitiateMultipartUpload {
        let mut initiate = InitiateMultipartUpload::new(self.key.clone()).attributes(self.attributes.clone());
        if let Some(acl) = &self.acl {
            initiate = initiate.acl(acl.clone());
        }
        if let Some(tags) = &self.tags {
            initiate = initiate.tags(tags.clone());
        }
        if let Some(encryption) = &self.encryption {
            initiate = initiate.encryption(encryption.clone());
        }
        if self.forbid_overwrite { initiate.forbid_overwrite() } else { initiate }
    }

    fn part(&self, upload_id: &str, number: u32, body: Body) -> UploadPart {
        let mut part = UploadPart::new(self.key.clone(), upload_id, number, body);
        if let Some(key) = self.customer_key() {
            part = part.customer_key(key.clone());
        }
        if let Some(limit) = self.traffic_limit {
            part = part.traffic_limit(limit);
        }
        part
    }

    fn customer_key(&self) -> Option<&CustomerKey> {
        match &self.encryption {
            Some(Encryption::Customer(key)) => Some(key),
            _ => None,
        }
    }

    fn destination(&self) -> Destination {
        Destination {
            key: self.key.clone(),
            customer_key: self.customer_key().cloned(),
            forbid_overwrite: self.forbid_overwrite,
        }
    }
}

/// An upload under way.
struct Work {
    bucket: Bucket,
    control: Control,
    draft: Draft,
    part_size: Option<u64>,
    places: usize,
    crc64: Option<u64>,
}

impl Work {
    async fn file(self, file: SourceFile, checkpoint: Option<PathBuf>) -> Result<UploadOutput> {
        let length = file.state.length;
        if length <= SMALL_FILE && length <= self.put_threshold() {
            // In memory it is read once, whole and unchanged, however often it is sent.
            let _held = self.bucket.client().memory().hold(length).await;
            let bytes = self.control.unless_cancelled(file.read()).await?;
            return self.put(&Whole::Bytes(bytes)).await;
        }
        match checkpoint.filter(|_| length > self.put_threshold()) {
            None => self.whole(Whole::File(file)).await,
            Some(directory) => self.resumable(file, directory).await,
        }
    }

    /// What can be read again.
    async fn whole(self, source: Whole) -> Result<UploadOutput> {
        if source.len() <= self.put_threshold() {
            return self.put(&source).await;
        }
        let plan = Plan::new(source.len(), self.part_size.unwrap_or(PART_SIZE))?;
        self.control.set_total(Some(plan.length), Some(plan.count()));
        self.control.ready().await?;
        let session = Session::begin(&self.bucket, self.draft.initiate(), self.draft.destination()).await?;
        self.parts_of(&source, plan, session, Vec::new()).await
    }

    /// The same, with what an earlier run left.
    async fn resumable(self, file: SourceFile, directory: PathBuf) -> Result<UploadOutput> {
        let plan = Plan::new(file.state.length, self.part_size.unwrap_or(PART_SIZE))?;
        let what = What::new(&self.bucket, self.draft.key.as_str(), &file, plan, &self.draft.initiate())?;
        let source = Whole::File(file);
        self.control.set_total(Some(plan.length), Some(plan.count()));
        self.control.ready().await?;
        let to = self.draft.destination();
        let found = resume::take_up(&self.bucket, &what, &directory, plan, &source, &to);
        match self.control.unless_cancelled(found).await? {
            Found::Made(made) => Ok(UploadOutput::made(made, plan.length, plan.count(), plan.count())),
            Found::Parts(session, parts) => self.parts_of(&source, plan, session, parts).await,
            Found::Nothing => {
                let mut session = Session::begin(&self.bucket, self.draft.initiate(), to).await?;
                if let Err(error) = resume::remember(&mut session, what, &directory).await {
                    return Err(session.give_up(error).await);
                }
                self.parts_of(&source, plan, session, Vec::new()).await
            }
        }
    }

    /// In one request.
    async fn put(&self, source: &Whole) -> Result<UploadOutput> {
        let all = Part { number: 1, offset: 0, length: source.len() };
        self.control.set_total(Some(all.length), Some(1));
        self.control.ready().await?;
        let work = async {
            let _held = self.bucket.client().memory().hold(source.memory(all)).await;
            if let Some(expected) = self.crc64 {
                expect(expected, source.crc64(all).await?)?;
            }
            let meter = Arc::new(self.control.meter());
            let output = self.bucket.send(self.draft.put(observed(source.body(all), &meter))).await?;
            source.check().await.map_err(|error| error.may_have(true))?;
            meter.done(all.length);
            Ok(UploadOutput::put(output, all.length))
        };
        self.control.unless_cancelled(work).await
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
        for part in &stored {
            self.control.meter().done(part.length);
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
                    stored.retain(|part| parts.binary_search(&part.number).is_err());
                    wanted = parts;
                }
            }
        }
    }

    async fn send_parts(&self, source: &Whole, plan: Plan, session: &Session, wanted: &[u32]) -> Result<Vec<Stored>> {
        let mut crew = Crew::new(self.places);
        let work = async {
            for &number in wanted {
                let part = plan.part(number);
                crew.room().await?;
                crew.meanwhile(self.control.ready()).await?;
                let held = async { Ok(self.bucket.client().memory().hold(source.memory(part)).await) };
                let held = crew.meanwhile(held).await?;
                let (source, sending) = (source.clone(), self.sending(session));
                crew.begin(async move {
                    let _held = held;
                    source.check().await?;
                    let body = source.body(part);
                    let stored = sending.part(number, body, Some(&source)).await?;
                    Ok(stored)
                });
            }
            crew.rest().await
        };
        let outcome = self.control.unless_cancelled(work).await;
        self.ended(crew, outcome).await
    }

    /// What flows by once: every part is held in memory until COS has it.
    async fn flow(self, mut flow: Flow) -> Result<UploadOutput> {
        let limit = self.bucket.client().memory().limit();
        let part_size = self.part_size.unwrap_or(PART_SIZE);
        let plan = flow.length.map(|length| Plan::new(length, part_size)).transpose()?;
        let size = move |number| plan.map_or_else(|| growing(part_size, limit, number), |plan| plan.part_size);
        if flow.expects(size(1)) > limit {
            return Err(Error::input("memory_limit", "is less than a part of the stream, which has to be held"));
        }
        self.control.set_total(flow.length, plan.map(|plan| plan.count().max(1)));
        self.control.ready().await?;
        let first = async {
            let held = self.bucket.client().memory().hold(flow.expects(size(1))).await;
            Ok((flow.take(size(1)).await?, held))
        };
        let (bytes, held) = self.control.unless_cancelled(first).await?;
        if flow.is_over() {
            let output = self.put(&Whole::Bytes(bytes)).await;
            drop(held);
            return output;
        }
        let session = Session::begin(&self.bucket, self.draft.initiate(), self.draft.destination()).await?;
        let mut crew = Crew::new(self.places);
        let work = async {
            let (mut number, mut next) = (1, Some((bytes, held)));
            while let Some((bytes, held)) = next {
                if u64::from(number) > MAX_PARTS {
                    return Err(Error::input("source", "has more bytes than 10 000 parts of this size can carry"));
                }
                let sending = self.sending(&session);
                crew.begin(async move {
                    let stored = sending.part(number, bytes.into(), None).await;
                    drop(held);
                    stored
                });
                number += 1;
                crew.room().await?;
                crew.meanwhile(self.control.ready()).await?;
                let more = async {
                    let held = self.bucket.client().memory().hold(flow.expects(size(number))).await;
                    let bytes = if flow.is_over() { Bytes::new() } else { flow.take(size(number)).await? };
                    Ok(Some((bytes, held)).filter(|(bytes, _)| !bytes.is_empty()))
                };
                next = crew.meanwhile(more).await?;
            }
            crew.rest().await
        };
        let outcome = self.control.unless_cancelled(work).await;
        let stored = match self.ended(crew, outcome).await {
            Ok(stored) => stored,
            Err(error) => return Err(session.give_up(error).await),
        };
        let (length, count) = (stored.iter().map(|part| part.length).sum(), stored.len());
        match self.publish(session, stored).await? {
            Outcome::Made(made) => Ok(UploadOutput::made(made, length, u32::try_from(count).unwrap_or(u32::MAX), 0)),
            // They flowed by.
            Outcome::Lost { session, error, .. } => Err(session.give_up(error).await),
        }
    }

    /// What the crew stored. Of one that failed nothing is under way any more.
    async fn ended(&self, mut crew: Crew, outcome: Result<()>) -> Result<Vec<Stored>> {
        if outcome.is_err() {
            crew.stop().await;
        }
        outcome.map(|()| crew.into_stored())
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

fn observed(body: Body, meter: &Arc<crate::transfer::progress::PartMeter>) -> Body {
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
