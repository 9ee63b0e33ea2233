use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, header};

use crate::client::Bucket;
use crate::client::defaults::{COMMITS, CONCURRENCY, COPY_PART_SIZE, COPY_THRESHOLD};
use crate::error::{Error, ErrorKind, Result};
use crate::key::ObjectKey;
use crate::multipart::UploadPartCopy;
use crate::object::{CopyObject, GetObjectTagging, HeadObject, ObjectMeta};
use crate::operation::{Operation as _, given};
use crate::options::{
    Acl, Attributes, Conditions, CopySource, CustomerKey, Encryption, META_PREFIX, StorageClass, Tags,
};
use crate::request::header_value;
use crate::time::{Clock as _, parse_http_date};
use crate::transfer::commit::{Beginning, Made, Order, Outcome, Session, before_another, find, with_rights};
use crate::transfer::draft::Draft;
use crate::transfer::handle::{Control, Transfer};
use crate::transfer::parts::{self, Stored, combined};
use crate::transfer::plan::{Part, Plan, check_part_size};
use crate::transfer::sealed::Run;

/// Copies an object of any size inside COS, within a bucket or across buckets and regions: in one request when it is
/// small, else in parts, several at once.
///
/// What is copied is the source as it was at the start, identified by version or ETag; when it is replaced meanwhile,
/// no object is made. Content headers, user metadata and tags are copied unless
/// [`replace_attributes`](Self::replace_attributes) or [`replace_tags`](Self::replace_tags) is set, as with
/// [`CopyObject`]; storage class, ACL and encryption are not. Where COS tells both, the CRC-64 of the parts is compared
/// with that of the source before the object is made.
///
/// # Rights
/// A copy in one request needs [`HeadObject`] (of the source) and [`CopyObject`]. A copy in parts needs [`HeadObject`]
/// and [`GetObjectTagging`] (of the source), [`InitiateMultipartUpload`](crate::InitiateMultipartUpload),
/// [`UploadPartCopy`], [`CompleteMultipartUpload`](crate::CompleteMultipartUpload) and
/// [`AbortMultipartUpload`](crate::AbortMultipartUpload). With [`replace_tags`](Self::replace_tags) it does not read
/// the tags of the source. [`HeadObject`] and [`ListParts`](crate::ListParts) of the copy are used to find out how it
/// ended when an answer was lost.
///
/// # Errors
/// As [`CopyObject`], [`HeadObject`] and [`GetObjectTagging`] (of the source) and [`UploadPartCopy`].
/// [`ErrorKind::Changed`] when the source was replaced. [`ErrorKind::Integrity`] when the copy has another CRC-64.
/// [`ErrorKind::Ambiguous`] as [`Upload`](crate::transfer::Upload).
///
/// # Cancellation
/// Dropping the future stops all requests; a separate task then aborts the upload within 30 s. A copy that COS is
/// already making, in one request or from all parts, is made all the same.
///
/// # Examples
/// ```no_run
/// use tencent_cos::transfer::LargeCopy;
///
/// # async fn example(here: tencent_cos::Bucket, there: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// let copy = LargeCopy::new("video.mp4".parse()?, "archive/video.mp4".parse()?)
///     .from_bucket(&there);
/// println!("{} bytes", here.transfer(copy).await?.length);
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [Upload Part - Copy](https://cloud.tencent.com/document/product/436/8287)
#[derive(Clone, Debug)]
#[must_use = "Bucket::transfer runs it"]
pub struct LargeCopy {
    from: ObjectKey,
    from_bucket: Option<Bucket>,
    version_id: Option<String>,
    source_key: Option<CustomerKey>,
    /// But for the attributes.
    draft: Draft,
    /// In place of the source's.
    attributes: Option<Attributes>,
    storage_class: Option<StorageClass>,
    part_size: Option<u64>,
    concurrency: usize,
}

impl LargeCopy {
    /// Copies `from` to `key`, within the bucket that runs the job unless [`from_bucket`](Self::from_bucket) is set.
    pub fn new(from: ObjectKey, key: ObjectKey) -> Self {
        Self {
            from,
            from_bucket: None,
            version_id: None,
            source_key: None,
            draft: Draft::new(key),
            attributes: None,
            storage_class: None,
            part_size: None,
            concurrency: CONCURRENCY,
        }
    }

    /// The bucket of the source, with credentials to look at it. COS reads the source with the credentials of the
    /// bucket that runs the job.
    pub fn from_bucket(mut self, bucket: &Bucket) -> Self {
        self.from_bucket = Some(bucket.clone());
        self
    }

    /// This version of the source; by default the latest.
    pub fn source_version_id(mut self, version_id: impl Into<String>) -> Self {
        self.version_id = Some(version_id.into());
        self
    }

    /// The key the source was encrypted with (SSE-C).
    pub fn source_customer_key(mut self, key: CustomerKey) -> Self {
        self.source_key = Some(key);
        self
    }

    /// Gives the copy these attributes in place of the source's.
    pub fn replace_attributes(mut self, attributes: Attributes) -> Self {
        self.attributes = Some(attributes);
        self
    }

    /// `x-cos-storage-class` of the copy; `STANDARD` by default.
    pub fn storage_class(mut self, class: StorageClass) -> Self {
        self.storage_class = Some(class);
        self
    }

    /// Who may do what with the copy; by default [`Acl::inherited`].
    pub fn acl(mut self, acl: Acl) -> Self {
        self.draft.acl = Some(acl);
        self
    }

    /// Gives the copy these tags, or none, in place of the source's.
    pub fn replace_tags(mut self, tags: Tags) -> Self {
        self.draft.tags = Some(tags);
        self
    }

    /// Encryption of the copy at rest.
    pub fn encryption(mut self, encryption: Encryption) -> Self {
        self.draft.encryption = Some(encryption);
        self
    }

    /// Fails with `FileAlreadyExists` (409) when an object with this key exists. COS ignores this in buckets that ever
    /// had versioning.
    pub fn forbid_overwrite(mut self) -> Self {
        self.draft.forbid_overwrite = true;
        self
    }

    /// The size of a part, 1 MiB to 5 GiB; parts are larger where 10 000 of this size would not be enough. A source of
    /// up to one part is copied in one request. By default parts have 128 MiB, and a source of up to 256 MiB is copied
    /// in one request.
    pub fn part_size(mut self, bytes: u64) -> Self {
        self.part_size = Some(bytes);
        self
    }

    /// How many parts are copied at once, at least 1; 8 by default.
    pub fn concurrency(mut self, parts: usize) -> Self {
        self.concurrency = parts;
        self
    }
}

/// What [`LargeCopy`] gives.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LargeCopyOutput {
    /// The ETag of the copy, quotes included. For a copy made in parts it differs from the source's.
    pub etag: String,
    /// The CRC-64 of the copy, equal to that of the source where COS tells both.
    pub crc64: Option<u64>,
    /// The version of the copy, where its bucket keeps versions.
    pub version_id: Option<String>,
    /// The version that was copied, where the source's bucket keeps versions.
    pub source_version_id: Option<String>,
    /// The length in bytes.
    pub length: u64,
    /// How many parts it was made of; 0 when it went in one request.
    pub parts: u32,
    /// Whether COS's answer was lost, and a look at the object showed that it was made.
    pub reconciled: bool,
    request_id: String,
}

impl LargeCopyOutput {
    /// `x-cos-request-id`; when the answer was lost, that of the request that looked at the object.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }
}

impl Bucket {
    /// Copies an object of any size within the bucket: [`LargeCopy`] without options.
    ///
    /// # Errors
    /// As [`LargeCopy`]; [`ErrorKind::Input`] when a key is not valid.
    ///
    /// # Cancellation
    /// Dropping the future stops all requests and aborts the upload, unless COS is already making the object.
    pub fn copy<F, K>(&self, from: F, key: K) -> Transfer<LargeCopyOutput>
    where
        F: TryInto<ObjectKey, Error: Into<Error>>,
        K: TryInto<ObjectKey, Error: Into<Error>>,
    {
        match (from.try_into(), key.try_into()) {
            (Ok(from), Ok(key)) => self.transfer(LargeCopy::new(from, key)),
            (Err(error), _) => Transfer::failed(error.into()),
            (_, Err(error)) => Transfer::failed(error.into()),
        }
    }
}

impl Run for LargeCopy {
    type Output = LargeCopyOutput;
    const NAME: &'static str = "copy";

    fn key(&self) -> &str {
        self.draft.key.as_str()
    }

    async fn run(self, bucket: Bucket, control: Control) -> Result<LargeCopyOutput> {
        if self.concurrency == 0 {
            return Err(Error::input("concurrency", "is zero"));
        }
        self.part_size.map(check_part_size).transpose()?;
        self.initiate(HeaderMap::new()).request()?;
        control.ready().await?;
        let source = control.unless_cancelled(self.look(&bucket)).await?;
        control.ready().await?;
        let parts_of = self.part_size.unwrap_or(COPY_PART_SIZE);
        let made = if source.length <= self.part_size.unwrap_or(COPY_THRESHOLD) {
            control.set_total(Some(source.length), Some(1));
            let made = control.unless_cancelled_midway(self.in_one(&bucket, &source)).await?;
            control.meter().done(source.length);
            (made, 0)
        } else {
            let plan = Plan::new(source.length, parts_of)?;
            control.set_total(Some(plan.length), Some(plan.count()));
            (self.in_parts(&bucket, &control, &source, plan).await?, plan.count())
        };
        let (Made { etag, crc64, version_id, request_id, reconciled, .. }, parts) = made;
        let (source_version_id, length) = (source.meta.version_id().map(str::to_owned), source.length);
        Ok(LargeCopyOutput { etag, crc64, version_id, source_version_id, length, parts, reconciled, request_id })
    }
}

/// The source as it was in the beginning.
struct Source {
    pinned: CopySource,
    length: u64,
    /// When that was, by COS's clock.
    seen: SystemTime,
    meta: ObjectMeta,
}

impl LargeCopy {
    /// Looks at the source and at the copy, each with its bucket.
    pub(super) fn heads(&self, bucket: &Bucket) -> [(Bucket, HeadObject); 2] {
        let from = self.from_bucket.as_ref().unwrap_or(bucket);
        let head = HeadObject::new(self.from.clone());
        let head = given(head, self.version_id.as_ref(), HeadObject::version_id);
        let head = given(head, self.source_key.as_ref(), HeadObject::customer_key);
        [(from.clone(), head), (bucket.clone(), self.draft.destination().head())]
    }

    async fn look(&self, bucket: &Bucket) -> Result<Source> {
        let [(from, head), _] = self.heads(bucket);
        let meta = from.send(head).await?;
        let Some(length) = meta.content_length() else {
            return Err(Error::new(ErrorKind::Response, "the look at the source tells no length"));
        };
        let seen = meta.header("date").and_then(parse_http_date);
        let pinned =
            CopySource::new(from.region(), from.name(), &self.from).conditions(Conditions::new().if_match(meta.etag()));
        let version_id = self.version_id.as_deref().or(meta.version_id()).map(str::to_owned);
        let pinned = given(pinned, version_id.as_ref(), CopySource::version_id);
        let pinned = given(pinned, self.source_key.as_ref(), CopySource::customer_key);
        let seen = seen.unwrap_or_else(|| bucket.client().engine().clock.now());
        Ok(Source { pinned, length, seen, meta })
    }

    async fn in_one(&self, bucket: &Bucket, source: &Source) -> Result<Made> {
        let copy = CopyObject::new(source.pinned.clone(), self.draft.key.clone());
        let copy = given(copy, self.attributes.as_ref(), CopyObject::replace_attributes);
        let copy = given(copy, self.storage_class.as_ref(), CopyObject::storage_class);
        let copy = given(copy, self.draft.acl.as_ref(), CopyObject::acl);
        let copy = given(copy, self.draft.tags.as_ref(), CopyObject::replace_tags);
        let copy = given(copy, self.draft.encryption.as_ref(), CopyObject::encryption);
        let copy = if self.draft.forbid_overwrite { copy.forbid_overwrite() } else { copy };
        let (to, crc64, since) = (self.draft.destination(), source.meta.crc64(), self.since(bucket, source));
        let (mut requests, mut open) = (0, false);
        loop {
            let error = match bucket.send(copy.clone()).await {
                Ok(output) => {
                    same(crc64, output.crc64).map_err(|error| error.may_have(true))?;
                    return Ok(Made {
                        request_id: output.request_id().to_owned(),
                        etag: output.etag,
                        crc64: output.crc64,
                        version_id: output.version_id,
                        callback: None,
                        reconciled: false,
                    });
                }
                Err(error) => error,
            };
            let unknown = error.may_have_taken_effect();
            (requests, open) = (requests + 1, open | unknown);
            if !open {
                return Err(replaced(error));
            }
            match find(bucket, &to, source.length, crc64, since).await {
                Ok(Some(made)) => return Ok(made),
                // One that is still to come has the same bytes.
                Ok(None) if unknown && requests < COMMITS => before_another(requests).await,
                look => return Err(with_rights(error.into_ambiguous(), &[(look.err(), HeadObject::PERMISSIONS)])),
            }
        }
    }

    /// When a copy in one request was made, at the earliest. What was at the target before may have the same bytes, and
    /// only its age, in whole seconds, tells that it is not the copy.
    fn since(&self, bucket: &Bucket, source: &Source) -> SystemTime {
        let from = self.from_bucket.as_ref().unwrap_or(bucket);
        let onto_itself = from.name() == bucket.name() && self.from == self.draft.key;
        let after = source.meta.last_modified().filter(|_| onto_itself).map(|made| made + Duration::from_secs(1));
        after.map_or(source.seen, |after| after.max(source.seen))
    }

    async fn in_parts(&self, bucket: &Bucket, control: &Control, source: &Source, plan: Plan) -> Result<Made> {
        let mut carried = if self.attributes.is_some() { HeaderMap::new() } else { carried(&source.meta) };
        if self.draft.tags.is_none() {
            let tags = control.unless_cancelled(self.tags_of(bucket, source)).await?;
            if !tags.is_empty() {
                // COS took them once. What it takes now is its own to say.
                carried.insert(Tags::HEADER, header_value(Tags::HEADER, &tags.encoded())?);
            }
        }
        let initiate = self.initiate(carried);
        let mut session = Session::begin(bucket, control, initiate, self.draft.destination()).await?;
        let mut stored: Vec<Stored> = Vec::new();
        let mut wanted: Vec<u32> = (1..=plan.count()).collect();
        loop {
            let upload_id: Arc<str> = session.upload_id().into();
            let copy = |Part { number, offset, length }| {
                let (bucket, control, upload_id) = (bucket.clone(), control.clone(), Arc::clone(&upload_id));
                let copy = UploadPartCopy::new(self.draft.key.clone(), &*upload_id, number, source.pinned.clone());
                let copy = given(copy, self.draft.customer_key(), UploadPartCopy::customer_key);
                let copy = copy.range(offset..offset + length);
                async move {
                    let meter = control.meter();
                    let output = bucket.send(copy).await.map_err(replaced)?;
                    meter.done(length);
                    Ok(Stored { number, length, etag: output.etag, crc64: output.crc64 })
                }
            };
            let checked = match parts::run(control, self.concurrency, plan, &wanted, copy).await {
                Ok(more) => {
                    stored.extend(more);
                    stored.sort_by_key(|part| part.number);
                    same(source.meta.crc64(), combined(&stored)).and(control.ready().await)
                }
                Err(error) => Err(error),
            };
            if let Err(error) = checked {
                return Err(session.give_up(error).await);
            }
            let parts = std::mem::take(&mut stored);
            let crc64 = source.meta.crc64().or_else(|| combined(&parts));
            match session.complete(Order { parts, crc64 }).await? {
                Outcome::Made(made) => return Ok(made),
                Outcome::Lost { session: back, parts, order, .. } => {
                    session = back;
                    stored = order.parts;
                    for &number in &parts {
                        control.lose(plan.part(number).length);
                    }
                    stored.retain(|part| parts.binary_search(&part.number).is_err());
                    wanted = parts;
                }
            }
        }
    }

    /// The tags of the source. Whether there are any, the look at it does not tell for sure.
    async fn tags_of(&self, bucket: &Bucket, source: &Source) -> Result<Tags> {
        let from = self.from_bucket.as_ref().unwrap_or(bucket);
        let version_id = self.version_id.as_deref().or(source.meta.version_id()).map(str::to_owned);
        let get = given(GetObjectTagging::new(self.from.clone()), version_id.as_ref(), GetObjectTagging::version_id);
        Ok(from.send(get).await?.tags)
    }

    fn initiate(&self, carried: HeaderMap) -> Beginning {
        let attributes = self.attributes.clone().unwrap_or_default();
        let attributes = given(attributes, self.storage_class.as_ref(), Attributes::storage_class);
        Beginning { carried, ..Draft { attributes, ..self.draft.clone() }.initiate() }
    }
}

/// A pinned source that is not there as it was: somebody replaced it.
fn replaced(error: Error) -> Error {
    if error.status() == Some(412) {
        return Error::new(ErrorKind::Changed, "the source was replaced while it was copied").with_source(error);
    }
    error
}

fn same(source: Option<u64>, copy: Option<u64>) -> Result<()> {
    match (source, copy) {
        (Some(source), Some(copy)) if source != copy => {
            Err(Error::new(ErrorKind::Integrity, format!("the source has CRC-64 {source}, its copy {copy}")))
        }
        _ => Ok(()),
    }
}

/// What a copy in one request would carry over, as it came.
fn carried(meta: &ObjectMeta) -> HeaderMap {
    let content = [
        header::CONTENT_TYPE,
        header::CONTENT_ENCODING,
        header::CONTENT_DISPOSITION,
        header::CONTENT_LANGUAGE,
        header::CACHE_CONTROL,
        header::EXPIRES,
    ];
    let headers = meta.headers().iter();
    let wanted = headers.filter(|(name, _)| content.contains(name) || name.as_str().starts_with(META_PREFIX));
    wanted.map(|(name, value)| (name.clone(), value.clone())).collect()
}
