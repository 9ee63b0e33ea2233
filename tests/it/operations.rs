//! One table of all operations: how each is prepared, what it is, and what its success leaves behind.

mod facts;
mod table;

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use bytes::Bytes;
use cos_emulator::Emulator;
use http::{Method, Response};
use tencent_cos::client::provider::BoxFuture;
use tencent_cos::{
    Attributes, Bucket, Client, ClientBuilder, CompletedPart, CopySource, Crc64, CreateBucket, InitiateMultipartUpload,
    ObjectKey, Operation, PresignOptions, Presigned, PutBucketVersioning, PutObject, Result, Safety, Sent,
    StorageClass, Tags, UploadPart, Versioning, read_response,
};

use self::facts::Fact;
pub use self::table::TABLE;
use crate::support::{self, InMemory};

/// What stands in the answer to a success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Headers; the request is a HEAD.
    Head,
    /// Headers.
    Empty,
    /// The bytes of an object.
    Stream,
    /// Results in frames, which cannot be read on when they break off.
    Frames,
    /// A document.
    Xml,
    /// A document of the other kind.
    Json,
    /// A document, when the work is done: maybe much later, and maybe an error.
    LateXml,
}

/// One operation, or one way of using it that repeats differently.
pub struct Row {
    /// Its type.
    pub name: &'static str,
    /// What makes this row another than the one before.
    pub variant: &'static str,
    /// Its title in the COS reference.
    pub title: &'static str,
    /// What repeating it may do.
    pub safety: Safety,
    /// What it answers.
    pub answer: Answer,
    prepare: for<'a> fn(&'a Scene) -> BoxFuture<'a, Box<dyn Trial>>,
}

impl Row {
    /// Brings the emulator to where the operation makes sense, and makes the operation.
    pub async fn prepare(&self, scene: &Scene) -> Box<dyn Trial> {
        let trial = (self.prepare)(scene).await;
        scene.emulator().clear_journal();
        trial
    }

    /// Whether an attempt whose end is unknown may be repeated.
    pub fn is_repeatable(&self) -> bool {
        matches!(self.safety, Safety::Read | Safety::SameEffect | Safety::Guarded)
    }

    /// Whether an answer without a body is one, too: an empty object, and where some of COS's references show no document.
    pub fn may_say_nothing(&self) -> bool {
        self.answer == Answer::Stream || self.name == "PostBucketInventory"
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        if self.variant.is_empty() { Ok(()) } else { write!(f, " ({})", self.variant) }
    }
}

/// An operation that is ready to be sent, whatever its type.
pub trait Trial: Send + Sync {
    /// Sends it, and looks at its output.
    fn send<'a>(&'a self, client: &'a Client) -> BoxFuture<'a, Result<()>>;

    /// Signs it into a URL.
    fn presign<'a>(&'a self, client: &'a Client, options: PresignOptions) -> BoxFuture<'a, Result<Presigned>>;

    /// The body that belongs to it.
    fn body(&self) -> Bytes;

    /// Reads an answer that somebody else brought, and looks at the output.
    fn read(&self, response: Response<Bytes>) -> BoxFuture<'_, Result<()>>;

    /// Reads an answer, and does not look at the output.
    fn parse(&self, response: Response<Bytes>) -> Result<()>;

    /// Whether the emulator is as a success leaves it.
    fn check<'a>(&'a self, scene: &'a Scene) -> BoxFuture<'a, ()>;

    /// Whether it is what the table says.
    fn is(&self, row: &Row);

    /// The upload it is about.
    fn upload_id(&self) -> Option<String>;

    /// Whether it is about the account, not a bucket.
    fn is_of_the_account(&self) -> bool;
}

/// An emulator, and a client of it to which nothing befalls.
pub struct Scene {
    world: World,
    admin: Client,
    key: ObjectKey,
}

enum World {
    Memory(InMemory),
    Sockets(Emulator),
}

const KEY: &str = "photos/a b+1%.txt";
const OTHER_KEY: &str = "photos/source & more.txt";
const MADE: &str = "made-1250000000";
const DOOMED: &str = "doomed-1250000000";

impl Scene {
    /// Without a socket: time may be paused.
    pub fn in_memory() -> Self {
        Self::new(World::Memory(InMemory::new()))
    }

    /// Over sockets.
    pub async fn over_sockets() -> Self {
        Self::new(World::Sockets(support::emulator().await))
    }

    fn new(world: World) -> Self {
        let admin = client_of(&world).build().expect("a client");
        Self { world, admin, key: KEY.parse().expect("a key") }
    }

    /// Another name for the object that operations are about.
    pub fn with_key(self, key: &str) -> Self {
        Self { key: key.parse().expect("a key"), ..self }
    }

    pub fn emulator(&self) -> &Emulator {
        match &self.world {
            World::Memory(memory) => &memory.emulator,
            World::Sockets(emulator) => emulator,
        }
    }

    pub fn memory(&self) -> &InMemory {
        match &self.world {
            World::Memory(memory) => memory,
            World::Sockets(_) => panic!("this scene has sockets"),
        }
    }

    /// A client of the emulator, with its permanent key.
    pub fn client(&self) -> ClientBuilder {
        client_of(&self.world)
    }

    pub fn admin(&self) -> Bucket {
        self.admin.bucket(self.emulator().bucket()).expect("a bucket")
    }

    pub fn key(&self) -> ObjectKey {
        self.key.clone()
    }

    /// How often it was sent, as the emulator saw it.
    pub fn sends(&self, title: &str) -> usize {
        self.emulator().journal().iter().filter(|record| record.operation == title).count()
    }

    fn put(&self, key: &str, body: &'static str) {
        self.emulator().put_object(self.emulator().bucket(), key, body);
    }

    async fn put_version(&self, body: &'static str) -> String {
        let stored = self.admin().send(PutObject::new(self.key(), body)).await.expect("a version");
        stored.version_id.expect("a version id")
    }

    async fn set_versioning(&self) {
        let enabled = PutBucketVersioning::new(Versioning::Enabled);
        self.admin().send(enabled).await.expect("versioning");
    }

    /// Of the bucket, and of another one.
    async fn keep_versions_of_both(&self) {
        self.set_versioning().await;
        let other = self.admin.bucket(DOOMED).expect("a bucket");
        other.send(CreateBucket::new()).await.expect("a bucket");
        other.send(PutBucketVersioning::new(Versioning::Enabled)).await.expect("versioning");
    }

    async fn begin_upload(&self) -> String {
        self.admin().send(InitiateMultipartUpload::new(self.key())).await.expect("an upload").upload_id
    }

    async fn upload_part(&self, upload_id: &str) -> CompletedPart {
        let part = UploadPart::new(self.key(), upload_id, 1, "hello");
        (&self.admin().send(part).await.expect("a part")).into()
    }

    async fn put_tagged(&self, tags: Tags) {
        self.admin().send(PutObject::new(self.key(), "hello").tags(tags)).await.expect("an object");
    }

    async fn put_archived(&self) {
        let archived = Attributes::new().storage_class(StorageClass::ARCHIVE);
        self.admin().send(PutObject::new(self.key(), "hello").attributes(archived)).await.expect("an object");
    }

    /// An object to copy from.
    fn source(&self) -> CopySource {
        self.put(OTHER_KEY, "hello");
        CopySource::new(self.admin().region(), self.admin().name(), &OTHER_KEY.parse().expect("a key"))
    }
}

fn client_of(world: &World) -> ClientBuilder {
    match world {
        World::Memory(memory) => memory.client(),
        World::Sockets(emulator) => support::client(emulator),
    }
}

type Verify<T> = Box<dyn Fn(T) -> BoxFuture<'static, Result<()>> + Send + Sync>;

struct Ready<O: Operation> {
    operation: O,
    bucket: Option<&'static str>,
    verify: Verify<O::Output>,
    leaves: Vec<Fact>,
}

/// An operation on the bucket of the scene, and how its output is looked at.
fn ready<O: Operation>(operation: O, verify: impl Fn(O::Output) + Send + Sync + 'static) -> Ready<O> {
    let verify: Verify<O::Output> = Box::new(move |output| {
        verify(output);
        Box::pin(async { Ok(()) })
    });
    Ready { operation, bucket: None, verify, leaves: Vec::new() }
}

impl<O> Ready<O>
where
    O: Operation + Clone + 'static,
    O::Output: Send,
{
    fn in_bucket(mut self, name: &'static str) -> Self {
        self.bucket = Some(name);
        self
    }

    fn leaves<const N: usize>(mut self, facts: [Fact; N]) -> Box<dyn Trial> {
        self.leaves = facts.into();
        Box::new(self)
    }

    fn bucket(&self, client: &Client) -> Bucket {
        client.bucket(self.bucket.unwrap_or(BUCKET)).expect("a bucket")
    }

    fn output(&self, response: Response<Bytes>) -> Result<O::Output> {
        let request = self.operation.request().expect("a request");
        let (body, mut sent) = (request.body_ref().as_bytes().expect("a body in memory"), Sent::default());
        (sent.length, sent.crc64, sent.attempts) = (body.len() as u64, Crc64::of(&body), 1);
        read_response(&self.operation, &sent, response)
    }
}

/// The bucket the emulator has if nobody asks for others.
const BUCKET: &str = "examplebucket-1250000000";

impl<O> Trial for Ready<O>
where
    O: Operation + Clone + 'static,
    O::Output: Send,
{
    fn send<'a>(&'a self, client: &'a Client) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let operation = self.operation.clone();
            let output = if self.is_of_the_account() {
                client.send(operation).await?
            } else {
                self.bucket(client).send(operation).await?
            };
            (self.verify)(output).await
        })
    }

    fn presign<'a>(&'a self, client: &'a Client, options: PresignOptions) -> BoxFuture<'a, Result<Presigned>> {
        Box::pin(async move {
            let operation = self.operation.clone();
            if self.is_of_the_account() {
                return client.presign(operation, options).await;
            }
            self.bucket(client).presign(operation, options).await
        })
    }

    fn body(&self) -> Bytes {
        let request = self.operation.request().expect("a request");
        request.body_ref().as_bytes().expect("a body in memory")
    }

    fn read(&self, response: Response<Bytes>) -> BoxFuture<'_, Result<()>> {
        let output = self.output(response);
        Box::pin(async move { (self.verify)(output?).await })
    }

    fn parse(&self, response: Response<Bytes>) -> Result<()> {
        self.output(response).map(drop)
    }

    fn check<'a>(&'a self, scene: &'a Scene) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            for fact in &self.leaves {
                fact.check(scene).await;
            }
        })
    }

    fn is(&self, row: &Row) {
        let works_long = row.answer == Answer::LateXml;
        let is_head = row.answer == Answer::Head;
        assert_eq!((O::NAME, self.operation.safety()), (row.title, row.safety), "{row}");
        assert_eq!((O::WORKS_LONG, O::METHOD == Method::HEAD), (works_long, is_head), "{row}");
        assert!(O::PERMISSIONS.iter().all(|(action, _)| action.starts_with("name/cos:")), "{row}");
    }

    fn upload_id(&self) -> Option<String> {
        self.operation.request().expect("a request").param("uploadId").map(str::to_owned)
    }

    fn is_of_the_account(&self) -> bool {
        *self.operation.request().expect("a request").target() == tencent_cos::Target::Service
    }
}

/// The types that implement `Operation`, as the sources of the library tell.
pub fn public_operations() -> BTreeSet<String> {
    sources().iter().flat_map(|source| operations_of(source)).collect()
}

fn sources() -> Vec<String> {
    let mut sources = Vec::new();
    let mut folders = vec![PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                sources.push(std::fs::read_to_string(path).expect("a source"));
            }
        }
    }
    sources
}

/// `impl Operation for PutObject {`, but neither in a comment nor indented, as in a test, nor of a private type; and the
/// calls of a setting, `    PUT PutBucketCors, `.
fn operations_of(source: &str) -> impl Iterator<Item = String> {
    source.lines().filter_map(|line| {
        let call =
            ["PUT ", "GET ", "DELETE "].iter().find_map(|method| line.strip_prefix("    ")?.strip_prefix(method));
        let implementor = match call {
            Some(call) => call.split_once(", \"")?.0,
            None => line.starts_with("impl").then(|| line.split_once(" Operation for "))??.1,
        };
        let name = implementor.split(|c: char| !c.is_alphanumeric()).next()?;
        source.contains(&format!("\npub struct {name}")).then(|| name.to_owned())
    })
}

#[test]
fn every_public_operation_is_in_the_table() {
    let public = public_operations();
    let known: BTreeSet<String> = TABLE.iter().map(|row| row.name.to_owned()).collect();
    assert_eq!(known, public, "the table on the left, the sources on the right");
    assert!(public.len() >= 26, "{public:?}");
    let variants: BTreeSet<String> = TABLE.iter().map(ToString::to_string).collect();
    assert_eq!(variants.len(), TABLE.len());
    // It finds what it looks for.
    let source = "/// impl Operation for GetSymlink {\npub struct PutConfig<T>(T);\n\
                  impl<T: BucketConfig> Operation for PutConfig<T> {\nimpl Operation for Private {\n\
                  pub struct GetCors;\n    GET GetCors, \"GET Bucket cors\", \"name/cos:GetBucketCORS\";\n";
    assert_eq!(operations_of(source).collect::<Vec<_>>(), ["PutConfig", "GetCors"]);
}

#[test]
fn the_compiler_tells_of_every_operation_that_is_not_sent() {
    for source in sources() {
        for name in operations_of(&source) {
            let (before, _) = source.split_once(&format!("\npub struct {name}")).expect("a struct");
            let attributes = before.lines().rev().take_while(|line| line.starts_with("#["));
            assert!(attributes.into_iter().any(|line| line.starts_with("#[must_use = ")), "{name}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_operation_is_what_the_table_says_and_succeeds_in_one_request() {
    for row in TABLE {
        let scene = Scene::in_memory();
        let trial = row.prepare(&scene).await;
        trial.is(row);
        let client = scene.client().build().expect("a client");
        trial.send(&client).await.unwrap_or_else(|error| panic!("{row}: {error}"));
        let records = scene.emulator().journal();
        assert_eq!(records.len(), 1, "{row}");
        assert_eq!(records[0].operation, row.title, "{row}");
        // An answer of this kind has a body, or has none.
        assert_eq!(records[0].bytes_out > 0, !matches!(row.answer, Answer::Empty | Answer::Head), "{row}");
        trial.check(&scene).await;
    }
}

#[test]
fn an_error_that_another_client_brought_names_the_operation() {
    let answer = Response::builder().status(403).header("x-cos-request-id", "NjQ");
    let answer = answer.body(Bytes::from_static(b"<Error><Code>AccessDenied</Code></Error>")).unwrap();
    let error = read_response(&PutObject::new("k".parse().unwrap(), "v"), &Sent::once(b"v"), answer).unwrap_err();
    assert_eq!((error.operation(), error.attempts()), (Some("PUT Object"), 1));
    assert_eq!(error.to_string(), "PUT Object: COS answered 403 AccessDenied (request id NjQ, 1 attempt)");
}
