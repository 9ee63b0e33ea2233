//! From request to answer: read the head, check the signature, consult the script, do what is asked, answer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::{HeaderValue, Method, Request, Response, StatusCode, request::Parts};
use http_body_util::{BodyExt, Collected, Full, Limited};

use crate::access::Standing;
use crate::account::{Clock, Keys};
use crate::address::{Address, Domains, Region};
use crate::auth::{self, Caller};
use crate::body::{Body, BoxError, Injected, Plan, ReadPlan, Upload};
use crate::cam::{Cam, Holder};
use crate::encoding::number;
use crate::error::CosError;
use crate::fault::{Action, Effect, Ending, Fate, Script, Subject};
use crate::ids::Ids;
use crate::journal::{Entry, Journal, Record};
use crate::policy::{BadPolicy, Policy};
use crate::request::{Head, Operation};
use crate::respond::Reply;
use crate::store::{Bucket, Setting, Store};
use crate::wire::{Control, Order, Peer};
use crate::xml::DECLARATION;
use crate::{
    accelerate, access, acl, append, bucket, certificate, copy, cors, delete_many, domain, inventory, lock, metadata,
    multipart, object, origin, post_object, restore, select, service_list, settings, sts, symlink, tagging, tiering,
    versions, website,
};

/// The emulator without its socket: one request in, one answer out. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Service {
    pub(crate) world: Arc<World>,
}

/// Everything that outlives a request.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) keys: Keys,
    /// The account itself, with the rights that the builder left it.
    pub(crate) root: Holder,
    pub(crate) cam: Cam,
    /// The role of the instance whose metadata is played.
    pub(crate) instance_role: Option<String>,
    pub(crate) clock: Clock,
    pub(crate) store: Store,
    pub(crate) script: Script,
    pub(crate) journal: Journal,
    pub(crate) ids: Ids,
    pub(crate) domains: Domains,
    /// Held while domains come to buckets or go: no two have the same.
    pub(crate) domain_names: Mutex<()>,
    pub(crate) strict_signature: bool,
    /// Whether parts may be smaller than the service takes them.
    pub(crate) small_parts: bool,
    /// How long restoring takes, where that is not for its tier to say.
    pub(crate) restore_time: Option<Duration>,
    /// Where buckets go that are created through a host without a region.
    pub(crate) region: String,
    pub(crate) appid: String,
}

/// One request being answered.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) world: &'a World,
    pub(crate) head: &'a Head,
    pub(crate) upload: &'a mut Upload,
    pub(crate) caller: Caller,
    /// What is said of the request as a whole, beside ACLs.
    pub(crate) standing: Standing,
    pub(crate) peer: Peer,
}

impl World {
    /// Keeps others from setting domains for so long.
    pub(crate) fn hold_domains(&self) -> MutexGuard<'_, ()> {
        self.domain_names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads a policy about this account.
    pub(crate) fn policy(&self, text: &str) -> Result<Policy, BadPolicy> {
        Policy::parse(text, &|appid| appid == self.appid || self.store.owns(appid))
    }
}

impl Service {
    /// Answers a request as the server behind the socket would: same handlers, same faults, same journal.
    ///
    /// The target is in origin form with a `Host` header, or an absolute URI. What an HTTP stack adds to a request is
    /// added here: `Host` from the URI, and `Content-Length` from a body that knows its length, else chunks are assumed.
    ///
    /// # Errors
    /// [`Injected::ResetBeforeHeaders`] if a fault script resets the connection instead of answering. Faults in the
    /// answer's body show as errors of that body.
    pub async fn call<B>(&self, request: Request<B>) -> Result<Response<Body>, Injected>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        self.answer(as_sent(request), None).await
    }

    pub(crate) async fn answer<B>(
        &self,
        request: Request<B>,
        control: Option<Arc<Control>>,
    ) -> Result<Response<Body>, Injected>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        if let Some(control) = &control {
            control.asked();
        }
        let (parts, body) = request.into_parts();
        let length = content_length(&parts);
        let mut head = Head::new(parts, &self.world.domains, |host| domain::find(&self.world.store, host));
        if head.expects_form() {
            let body = Box::pin(Limited::new(body, sts::LONGEST_BODY).collect()).await;
            let bytes = body.map_or_else(|_| Bytes::new(), Collected::to_bytes);
            head.form = sts::read_form(&bytes);
            let asked = Asked::new(&self.world, head, control.as_deref());
            let upload = Upload::new(Full::new(bytes), length, asked.entry.clone());
            return asked.answer(&self.world, upload, control).await;
        }
        let asked = Asked::new(&self.world, head, control.as_deref());
        let upload = Upload::new(body, length, asked.entry.clone());
        asked.answer(&self.world, upload, control).await
    }
}

/// Completes a request the way an HTTP/1.1 client does before it goes on the wire.
fn as_sent<B: http_body::Body>(mut request: Request<B>) -> Request<B> {
    let authority = request.uri().authority().map(|authority| authority.as_str().to_owned());
    let exact = request.body().size_hint().exact();
    let carries = matches!(*request.method(), Method::PUT | Method::POST) || exact != Some(0);
    let headers = request.headers_mut();
    if let Some(host) = authority.and_then(|authority| HeaderValue::from_str(&authority).ok()) {
        headers.entry(HOST).or_insert(host);
    }
    if carries && !headers.contains_key(CONTENT_LENGTH) && !headers.contains_key(TRANSFER_ENCODING) {
        match exact {
            Some(length) => headers.insert(CONTENT_LENGTH, HeaderValue::from(length)),
            None => headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked")),
        };
    }
    request
}

/// The length that the request promises; `None` for chunks. No header at all is no body.
fn content_length(parts: &Parts) -> Option<u64> {
    if parts.headers.contains_key(TRANSFER_ENCODING) {
        return None;
    }
    let stated = parts.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    Some(stated.unwrap_or(0))
}

/// A request whose head has been read and judged.
struct Asked {
    head: Head,
    operation: Operation,
    caller: Result<Caller, CosError>,
    fate: Option<Fate>,
    request_id: String,
    entry: Entry,
    peer: Peer,
}

impl Asked {
    fn new(world: &World, head: Head, control: Option<&Control>) -> Self {
        let time = world.clock.now();
        let operation = head.operation();
        let (request_id, (key_id, caller)) = match operation {
            Operation::Sts(_) => (sts::request_id(&world.ids), (None, Ok(Caller::Anonymous))),
            // A website is for everybody, and knows no signatures (inferred).
            Operation::InstanceMetadata | Operation::Page => (world.ids.request(time), (None, Ok(Caller::Anonymous))),
            // A browser asks by the URL it is about to use: what is signed in it is for the request that follows. What is
            // signed in a header, as SDKs do, is checked (inferred).
            Operation::OptionsObject if head.header("authorization").is_none() => {
                (world.ids.request(time), (None, Ok(Caller::Anonymous)))
            }
            _ => (world.ids.request(time), authenticate(world, &head, &operation)),
        };
        let fate = fate(world, &head, &operation);
        let entry = world.journal.begin(|| {
            let (bucket, key) = named(&head.address);
            Record {
                number: 0,
                method: head.method.clone(),
                target: head.target.clone(),
                host: head.host.clone(),
                path: head.path_text().into_owned(),
                query: head.query.to_text(),
                headers: head.headers.clone(),
                key_id,
                signature_error: caller.as_ref().err().map(|error| error.code.clone().into_owned()),
                operation: operation.name().to_owned(),
                parameters: Vec::new(),
                bucket: bucket.map(str::to_owned),
                key,
                status: None,
                code: None,
                bytes_in: 0,
                bytes_out: 0,
                connection: control.map_or(0, |control| control.connection),
                time,
                request_id: request_id.clone(),
                faulted: fate.is_some(),
            }
        });
        let peer = control.map_or(Peer::NOBODY, Control::peer);
        Self { head, operation, caller, fate, request_id, entry, peer }
    }

    async fn answer(
        mut self,
        world: &World,
        mut upload: Upload,
        control: Option<Arc<Control>>,
    ) -> Result<Response<Body>, Injected> {
        let Fate { actions, effect } = self.fate.take().unwrap_or_default();
        before(&actions, &self.head.method, &mut upload).await;

        let instead = actions.iter().find(|action| action.replaces_answer());
        let mut reply = None;
        if instead.is_none() || effect == Effect::Apply {
            reply = Some(self.perform(world, &mut upload).await);
            upload.drain().await;
        } else {
            while let Ok(Some(_)) = upload.next().await {}
        }
        if let Some(action) = instead {
            reply = self.scripted(world, action);
        }
        drop(upload);
        for action in &actions {
            if let Action::StallBeforeHeaders(lasting) = action {
                tokio::time::sleep(*lasting).await;
            }
        }
        let Some(mut reply) = reply else {
            if let Some(control) = &control {
                control.order(Order::Reset);
            }
            return Err(Injected::ResetBeforeHeaders);
        };
        let plan = after(&actions, &mut reply, &self.head);
        self.entry.update(|record| {
            record.status = Some(reply.status.as_u16());
            record.code = reply.code.take();
        });
        reply.body.attach(plan, control, self.entry);
        Ok(reply.into_response())
    }

    /// The real answer.
    async fn perform(&self, world: &World, upload: &mut Upload) -> Reply {
        let result = match (&self.operation, &self.caller) {
            (Operation::Sts(_), _) => {
                let answered = Box::pin(sts::answer(world, &self.head, upload, &self.request_id)).await;
                self.entry.update(|record| {
                    record.key_id = answered.key_id;
                    record.parameters = answered.parameters;
                    record.signature_error = answered.signature_error;
                });
                Ok(answered.reply)
            }
            (Operation::InstanceMetadata, _) => Ok(metadata::answer(world, &self.head)),
            (_, Err(error)) => Err(error.clone()),
            (operation, Ok(caller)) => {
                let (caller, standing) = (caller.clone(), Standing::Unsaid);
                let mut call = Call { world, head: &self.head, upload, caller, standing, peer: self.peer };
                // Boxed, as the largest handler would otherwise set the size of every request's future.
                Box::pin(call.dispatch(operation)).await
            }
        };
        let mut reply = result.unwrap_or_else(|error| self.refusal(world, &error));
        self.sign_off(world, &mut reply);
        reply
    }

    /// The headers of every answer of the service that speaks.
    fn sign_off(&self, world: &World, reply: &mut Reply) {
        match self.operation {
            Operation::Sts(_) | Operation::InstanceMetadata => reply.date(world.clock.now()),
            _ => {
                reply.sign_off(&self.request_id, world.clock.now());
                if self.operation != Operation::OptionsObject {
                    cors::dress(world, &self.head, reply);
                }
            }
        }
    }

    fn refusal(&self, world: &World, error: &CosError) -> Reply {
        match self.operation {
            Operation::Sts(_) => return sts::refused(error.status, &error.code, &error.message, &self.request_id),
            Operation::InstanceMetadata => return metadata::text(error.status, &error.message),
            Operation::Page => return website::refused(error, &self.head.method, &self.request_id),
            _ => {}
        }
        let resource = format!("{}{}", self.head.host, self.head.path_text());
        Reply::error(error, &self.head.method, &resource, &self.request_id, &world.ids.trace())
    }

    /// The answer that a script gives in place of the real one; `None` is a reset.
    fn scripted(&self, world: &World, action: &Action) -> Option<Reply> {
        match action {
            Action::Status { status, code, message, retry_after, request_id } => {
                let error = CosError::new(*status, code.clone(), message.clone());
                let mut reply = self.refusal(world, &error);
                self.sign_off(world, &mut reply);
                reply.set_if("retry-after", retry_after.as_ref());
                if !request_id {
                    forget_ids(&mut reply);
                }
                Some(reply)
            }
            Action::RawBody { status, headers, body } => {
                let mut reply = raw(*status, headers, body);
                self.sign_off(world, &mut reply);
                Some(reply)
            }
            Action::Foreign { status, headers, body } => Some(raw(*status, headers, body)),
            Action::KeepAliveSpaces { then, .. } => {
                let mut reply = match then {
                    Ending::Error { code, message } => {
                        self.refusal(world, &CosError::new(200, code.clone(), message.clone()))
                    }
                    _ => Reply::xml(DECLARATION.to_owned()),
                };
                self.sign_off(world, &mut reply);
                Some(reply)
            }
            _ => None,
        }
    }
}

/// A scripted answer. A Content-Length among its headers is believed, whatever the body's: the rest never comes.
fn raw(status: u16, headers: &[(String, String)], body: &Bytes) -> Reply {
    let mut reply = Reply::new(StatusCode::from_u16(status).unwrap_or(StatusCode::OK));
    reply.body = Body::from(body.clone());
    reply.set_all(headers);
    if let Some(length) = reply.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok()) {
        reply.body.promise(length);
    }
    reply
}

fn forget_ids(reply: &mut Reply) {
    reply.headers.remove("x-cos-request-id");
    reply.headers.remove("x-cos-trace-id");
}

fn named(address: &Address) -> (Option<&str>, Option<String>) {
    match address {
        Address::Bucket { bucket, key, .. } => {
            let key = (!key.is_empty()).then(|| String::from_utf8_lossy(key).into_owned());
            (Some(bucket), key)
        }
        _ => (None, None),
    }
}

/// Who asks, by the id and by the proof. Checked for every request, scripted to fail or not: the journal shows it.
fn authenticate(world: &World, head: &Head, operation: &Operation) -> (Option<String>, Result<Caller, CosError>) {
    if head.broken_target {
        return (None, Err(CosError::invalid_uri()));
    }
    let claim = match auth::read_claim(head) {
        Ok(Some(claim)) => claim,
        Ok(None) => return (None, Ok(Caller::Anonymous)),
        Err(error) => return (None, Err(error)),
    };
    let mut verdict = auth::verify(head, &claim, &world.keys, &world.clock);
    if world.strict_signature && verdict.is_ok() && *operation != Operation::GetService {
        verdict = auth::demand_strict(head, &claim).and(verdict);
    }
    (Some(claim.key_id), verdict)
}

fn fate(world: &World, head: &Head, operation: &Operation) -> Option<Fate> {
    if world.script.is_empty() {
        return None;
    }
    let (bucket, key) = named(&head.address);
    world.script.fate(&Subject {
        operation: operation.name(),
        method: head.method.as_str(),
        bucket: bucket.unwrap_or_default(),
        key: key.as_deref().unwrap_or_default(),
        query: &head.query.to_text(),
        headers: &head.headers,
    })
}

/// Faults that come before the request is carried out.
async fn before(actions: &[Action], method: &Method, upload: &mut Upload) {
    let mut plan = ReadPlan::default();
    for action in actions {
        match action {
            Action::Delay(lasting) => tokio::time::sleep(*lasting).await,
            Action::StopReading { after_bytes } => plan.stop_after = Some(*after_bytes),
            Action::ReadRate(rate) => plan.bytes_per_second = Some(*rate),
            Action::CorruptByte { at } if has_request_body(method) => plan.corrupt = Some(*at),
            _ => {}
        }
    }
    upload.plan(plan);
}

/// Faults of the answer: its headers now, its body on the way.
fn after(actions: &[Action], reply: &mut Reply, head: &Head) -> Plan {
    let mut plan = Plan { bytes_per_second: traffic_limit(head).ok().flatten(), ..Plan::default() };
    for action in actions {
        match action {
            Action::WrongCrc => reply.change_crc(|crc| Some(crc.wrapping_add(1))),
            Action::NoCrc => reply.change_crc(|_| None),
            Action::NoRequestId => forget_ids(reply),
            Action::ResetAfterHeaders => plan.end = Some((0, Order::Reset)),
            Action::CutBody { at } => plan.end = Some((*at, Order::Close)),
            Action::ResetBody { at } => plan.end = Some((*at, Order::Reset)),
            Action::StallBody { at, lasting } => plan.stall = Some((*at, *lasting)),
            Action::SlowBody { bytes_per_second } => plan.bytes_per_second = Some(*bytes_per_second),
            Action::CorruptByte { at } if !has_request_body(&head.method) => plan.corrupt = Some(*at),
            Action::WrongFrame { number } => reply.body.edit_frames(|frames| select::frames::spoil(frames, *number)),
            Action::ErrorFrame { after, code, message } => {
                reply.body.edit_frames(|frames| Some(select::frames::fail_after(frames, *after, code, message)));
            }
            Action::CloseIdle => plan.close_after = true,
            Action::CloseLater(after) => plan.close_later = Some(*after),
            _ => {}
        }
    }
    // Last, as the others look at the document.
    for action in actions {
        let Action::KeepAliveSpaces { place, count, every, then } = action else { continue };
        reply.status = StatusCode::OK;
        let end = reply.body.put_spaces(*place, *count, *every);
        let order = match then {
            Ending::Result | Ending::Error { .. } | Ending::Nothing => continue,
            Ending::Close => Order::Close,
            Ending::Reset => Order::Reset,
        };
        if plan.end.is_none_or(|(at, _)| at > end) {
            plan.end = Some((end, order));
        }
    }
    plan
}

fn has_request_body(method: &Method) -> bool {
    matches!(*method, Method::PUT | Method::POST)
}

pub(crate) const CRC: &str = "x-cos-hash-crc64ecma";

/// `x-cos-traffic-limit`, header or parameter, in bits a second: here in bytes.
pub(crate) fn traffic_limit(head: &Head) -> Result<Option<u64>, CosError> {
    const NAME: &str = "x-cos-traffic-limit";
    let Some(text) = head.header(NAME).or_else(|| head.query.get(NAME)) else { return Ok(None) };
    match number::<u64>(text) {
        Some(bits) if (819_200..=838_860_800).contains(&bits) => Ok(Some(bits / 8)),
        _ => Err(CosError::invalid_argument("x-cos-traffic-limit must be between 819200 and 838860800 bit/s.")),
    }
}

impl Call<'_> {
    /// What is asked of every request, whatever it is about.
    fn admit(&mut self, operation: &Operation) -> Result<(), CosError> {
        if self.head.host.is_empty() {
            return Err(CosError::invalid_request("The request has no Host."));
        }
        self.head.check_headers()?;
        if let Some(name) = self.head.query.repeated() {
            let name = String::from_utf8_lossy(name);
            return Err(CosError::invalid_request(format!("The parameter {name} is there twice.")));
        }
        if !self.head.query.is_text() {
            return Err(CosError::invalid_uri());
        }
        if has_request_body(&self.head.method) && !self.states_length() {
            return Err(CosError::missing_content_length());
        }
        if let Some(rate) = traffic_limit(self.head)? {
            self.upload.slow_down(rate);
        }
        self.standing = access::check(self, operation)?;
        accelerate::check_host(self, operation)?;
        Ok(())
    }

    #[allow(clippy::too_many_lines)] // a table: a line for each operation
    async fn dispatch(&mut self, operation: &Operation) -> Result<Reply, CosError> {
        self.admit(operation)?;
        match operation {
            Operation::GetService => service_list::get(self),
            Operation::PutBucket => bucket::put(self).await,
            Operation::HeadBucket => bucket::head(self),
            Operation::DeleteBucket => bucket::delete(self),
            Operation::GetBucket => bucket::get(self),
            Operation::PutObject => object::put(self).await,
            Operation::GetObject => origin::redirect(self, object::get(self, true)),
            Operation::HeadObject => origin::redirect(self, object::get(self, false)),
            Operation::DeleteObject => object::delete(self),
            Operation::CopyObject => copy::object(self).await,
            Operation::AppendObject => append::append(self).await,
            Operation::DeleteMultipleObjects => delete_many::delete(self).await,
            Operation::InitiateMultipartUpload => multipart::initiate(self),
            Operation::UploadPart => multipart::upload_part(self).await,
            Operation::UploadPartCopy => copy::part(self).await,
            Operation::ListParts => multipart::list_parts(self),
            Operation::ListMultipartUploads => multipart::list_uploads(self),
            Operation::CompleteMultipartUpload => multipart::complete(self).await,
            Operation::AbortMultipartUpload => multipart::abort(self),
            Operation::GetBucketVersions => versions::list(self),
            Operation::PutBucketVersioning => versions::configure(self).await,
            Operation::GetBucketVersioning => versions::configuration(self),
            Operation::PutObjectTagging => tagging::put(self).await,
            Operation::GetObjectTagging => tagging::get(self),
            Operation::DeleteObjectTagging => tagging::delete(self),
            Operation::RestoreObject => restore::post(self).await,
            Operation::PutSymlink => symlink::put(self).await,
            Operation::GetSymlink => symlink::get(self),
            Operation::SelectObjectContent => select::post(self).await,
            Operation::PutBucketAcl => acl::put_bucket(self).await,
            Operation::GetBucketAcl => acl::get_bucket(self),
            Operation::PutObjectAcl => acl::put_object(self).await,
            Operation::GetObjectAcl => acl::get_object(self),
            Operation::PutBucketCors => settings::put(self, Setting::Cors).await,
            Operation::GetBucketCors => settings::get(self, Setting::Cors),
            Operation::DeleteBucketCors => settings::delete(self, Setting::Cors),
            Operation::PutBucketLifecycle => settings::put(self, Setting::Lifecycle).await,
            Operation::GetBucketLifecycle => settings::get(self, Setting::Lifecycle),
            Operation::DeleteBucketLifecycle => settings::delete(self, Setting::Lifecycle),
            Operation::PutBucketTagging => settings::put(self, Setting::Tagging).await,
            Operation::GetBucketTagging => settings::get(self, Setting::Tagging),
            Operation::DeleteBucketTagging => settings::delete(self, Setting::Tagging),
            Operation::PutBucketEncryption => settings::put(self, Setting::Encryption).await,
            Operation::GetBucketEncryption => settings::get(self, Setting::Encryption),
            Operation::DeleteBucketEncryption => settings::delete(self, Setting::Encryption),
            Operation::PutBucketPolicy => settings::put(self, Setting::Policy).await,
            Operation::GetBucketPolicy => settings::get(self, Setting::Policy),
            Operation::DeleteBucketPolicy => settings::delete(self, Setting::Policy),
            Operation::PutBucketWebsite => settings::put(self, Setting::Website).await,
            Operation::GetBucketWebsite => settings::get(self, Setting::Website),
            Operation::DeleteBucketWebsite => settings::delete(self, Setting::Website),
            Operation::PutBucketReferer => settings::put(self, Setting::Referer).await,
            Operation::GetBucketReferer => settings::get(self, Setting::Referer),
            Operation::PutBucketInventory => inventory::put(self).await,
            Operation::PostBucketInventory => inventory::post(self).await,
            Operation::GetBucketInventory => inventory::get(self),
            Operation::ListBucketInventory => inventory::list(self),
            Operation::DeleteBucketInventory => inventory::delete(self),
            Operation::PutBucketIntelligentTiering => tiering::put(self).await,
            Operation::GetBucketIntelligentTiering => tiering::get(self),
            Operation::ListBucketIntelligentTiering => tiering::list(self),
            Operation::DeleteBucketIntelligentTiering => tiering::delete(self),
            Operation::PutBucketIntelligentTieringV1 => tiering::put_first(self).await,
            Operation::GetBucketIntelligentTieringV1 => tiering::get_first(self),
            Operation::PutBucketAccelerate => settings::put(self, Setting::Accelerate).await,
            Operation::GetBucketAccelerate => settings::get(self, Setting::Accelerate),
            Operation::PutBucketLogging => settings::put(self, Setting::Logging).await,
            Operation::GetBucketLogging => settings::get(self, Setting::Logging),
            Operation::PutBucketReplication => settings::put(self, Setting::Replication).await,
            Operation::GetBucketReplication => settings::get(self, Setting::Replication),
            Operation::DeleteBucketReplication => settings::delete(self, Setting::Replication),
            Operation::PutBucketDomain => domain::put(self).await,
            Operation::GetBucketDomain => domain::get(self),
            Operation::DeleteBucketDomain => domain::delete(self),
            Operation::PutBucketDomainCertificate => certificate::put(self).await,
            Operation::GetBucketDomainCertificate => certificate::get(self),
            Operation::DeleteBucketDomainCertificate => certificate::delete(self),
            Operation::PutBucketOrigin => settings::put(self, Setting::Origin).await,
            Operation::GetBucketOrigin => settings::get(self, Setting::Origin),
            Operation::DeleteBucketOrigin => settings::delete(self, Setting::Origin),
            Operation::PutBucketObjectLock => settings::put(self, Setting::ObjectLock).await,
            Operation::GetBucketObjectLock => settings::get(self, Setting::ObjectLock),
            Operation::PutObjectRetention => lock::put(self).await,
            Operation::GetObjectRetention => lock::get(self),
            Operation::GetBucketLocation => bucket::location(self),
            Operation::Page => website::page(self),
            Operation::PostObject => post_object::post(self).await,
            Operation::OptionsObject => cors::preflight(self),
            Operation::Other(name) => {
                if self.is_stranger() && self.head.method != Method::OPTIONS {
                    return Err(CosError::access_denied());
                }
                match self.head.method.as_str() {
                    "GET" | "HEAD" | "PUT" | "POST" | "DELETE" | "OPTIONS" => Err(CosError::not_implemented(name)),
                    _ => Err(CosError::method_not_allowed()),
                }
            }
            Operation::Sts(_) | Operation::InstanceMetadata => Err(CosError::method_not_allowed()),
        }
    }

    fn states_length(&self) -> bool {
        let headers = &self.head.headers;
        headers.contains_key(CONTENT_LENGTH) || headers.contains_key(TRANSFER_ENCODING)
    }

    /// Refuses chunks: only PUT Object takes a body of unknown length.
    pub(crate) fn demand_length(&self) -> Result<(), CosError> {
        if self.upload.length().is_some() { Ok(()) } else { Err(CosError::missing_content_length()) }
    }

    /// The bucket meant. One that is elsewhere than the host says does not exist.
    pub(crate) fn bucket(&self) -> Result<Arc<Bucket>, CosError> {
        let Address::Bucket { bucket, region, .. } = &self.head.address else {
            return Err(CosError::no_such_bucket());
        };
        let bucket = self.world.store.bucket(bucket).ok_or_else(CosError::no_such_bucket)?;
        match region {
            Region::Named(region) if *region != bucket.region => Err(CosError::no_such_bucket()),
            _ => Ok(bucket),
        }
    }

    /// The key meant. COS takes any UTF-8.
    pub(crate) fn key(&self) -> Result<&str, CosError> {
        match &self.head.address {
            Address::Bucket { key, .. } => std::str::from_utf8(key).map_err(|_| CosError::invalid_uri()),
            _ => Err(CosError::no_such_bucket()),
        }
    }

    pub(crate) fn is_anonymous(&self) -> bool {
        matches!(self.caller, Caller::Anonymous)
    }

    /// Whether only an ACL can let the request in.
    pub(crate) fn is_stranger(&self) -> bool {
        self.standing == Standing::Unsaid
    }
}
