//! What an upload remembers for another run, and what of it still holds then.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use sha1::{Digest as _, Sha1};

use crate::client::Bucket;
use crate::error::{Error, ErrorKind, Result};
use crate::operation::Operation;
use crate::time::{from_unix_seconds, unix_seconds};
use crate::transfer::checkpoint::{Checkpoint, file_name};
use crate::transfer::commit::{Destination, Made, Session, abort, find};
use crate::transfer::disk::{FileState, io_error};
use crate::transfer::parts::Stored;
use crate::transfer::plan::Plan;
use crate::transfer::source::{SourceFile, Whole};

/// The checkpoint of an upload.
pub(super) type Journal = Arc<Checkpoint<Head, Record>>;

/// Which upload it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    what: What,
    upload_id: String,
    /// Seconds since 1970.
    begun: u64,
}

/// What makes it the upload it is: with anything else it is another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct What {
    bucket: String,
    region: String,
    key: String,
    path: PathBuf,
    file: FileState,
    part_size: u64,
    /// Of the headers it was begun with.
    headers: String,
}

/// What of it is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Record {
    Part(Stored),
    /// All parts are there; from here on the object may be.
    Completing {
        crc64: Option<u64>,
    },
}

impl What {
    /// # Errors
    /// [`ErrorKind::Input`] when a value cannot be sent.
    pub(super) fn new<O: Operation>(
        bucket: &Bucket,
        key: &str,
        file: &SourceFile,
        plan: Plan,
        begin: &O,
    ) -> Result<Self> {
        let request = begin.request()?;
        let mut headers: Vec<_> = request.headers().iter().collect();
        headers.sort_by_key(|(name, _)| name.as_str());
        let mut digest = Sha1::new();
        for (name, value) in headers {
            // A key of the caller is known by the digest that goes with it.
            if !name.as_str().ends_with("customer-key") {
                digest.update(name.as_str());
                digest.update(": ");
                digest.update(value);
                digest.update("\n");
            }
        }
        Ok(Self {
            bucket: bucket.name().to_string(),
            region: bucket.region().to_string(),
            key: key.to_owned(),
            path: absolute(&file.path)?,
            file: file.state,
            part_size: plan.part_size,
            headers: hex::encode(digest.finalize()),
        })
    }

    /// Where in a directory it is remembered.
    fn place(&self, directory: &Path) -> PathBuf {
        let path = self.path.to_string_lossy();
        directory.join(file_name("upload", &[&self.bucket, &self.region, &self.key, &path]))
    }

    /// Whether it is an upload of the same file to the same object, though perhaps of other bytes.
    fn is_kin(&self, other: &Self) -> bool {
        (&self.bucket, &self.region, &self.key, &self.path) == (&other.bucket, &other.region, &other.key, &other.path)
    }
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|error| io_error("finding", path, error))
}

/// What there is of an upload.
pub(super) enum Found {
    Nothing,
    Parts(Session, Vec<Stored>),
    /// An earlier run completed it and did not live to see it.
    Made(Made),
}

/// Takes up the upload that a checkpoint in the directory tells of, if it is this one.
///
/// # Errors
/// [`ErrorKind::Io`] when another transfer holds the checkpoint; [`ErrorKind::Changed`] when the file has other bytes than
/// those COS has.
pub(super) async fn take_up(
    bucket: &Bucket,
    what: &What,
    directory: &Path,
    plan: Plan,
    source: &Whole,
    to: &Destination,
) -> Result<Found> {
    let Some((journal, head, records)) = open(what.place(directory)).await? else { return Ok(Found::Nothing) };
    if head.what != *what || head.upload_id.is_empty() {
        // Of the file as it was, or of other options: that upload is ours, and nobody will go on with it.
        if head.what.is_kin(what) && !head.upload_id.is_empty() {
            abort(bucket.clone(), to.key.clone(), head.upload_id, None).await;
        }
        journal.remove().await?;
        return Ok(Found::Nothing);
    }
    let begun = from_unix_seconds(head.begun).unwrap_or(SystemTime::UNIX_EPOCH);
    let mut session = Session::resumed(bucket, to.clone(), head.upload_id, begun);
    session.keep(Arc::new(journal));
    let completing = records.iter().find_map(|record| match record {
        Record::Completing { crc64 } => *crc64,
        Record::Part(_) => None,
    });
    let listed = match session.list().await {
        Ok(None) => {
            let made = match completing {
                Some(crc64) => find(bucket, to, plan.length, Some(crc64), begun).await?,
                None => None,
            };
            session.forget().await;
            return Ok(made.map_or(Found::Nothing, Found::Made));
        }
        Ok(Some(listed)) => Some(listed),
        // Who may not list the parts goes by what was recorded: completing compares the ETags.
        Err(error) if error.status() == Some(403) => None,
        Err(error) => return Err(error),
    };
    // Of a part that was uploaded twice the later one counts.
    let mut parts = BTreeMap::new();
    for record in records {
        let Record::Part(part) = record else { continue };
        let fits = (1..=plan.count()).contains(&part.number) && plan.part(part.number).length == part.length;
        if fits && listed.as_ref().is_none_or(|listed| part.is_among(listed)) {
            parts.insert(part.number, part);
        }
    }
    let parts: Vec<Stored> = parts.into_values().collect();
    match verify(source, plan, &parts).await {
        Ok(()) => Ok(Found::Parts(session, parts)),
        Err(error) => Err(session.give_up(error).await),
    }
}

type Opened = (Checkpoint<Head, Record>, Head, Vec<Record>);

/// What was dropped a moment ago may still write its last record: it gets a second to let go.
async fn open(place: PathBuf) -> Result<Option<Opened>> {
    for _ in 0..20 {
        match Checkpoint::open(place.clone()).await {
            Err(error) if is_held(&error) => tokio::time::sleep(Duration::from_millis(50)).await,
            opened => return opened,
        }
    }
    Checkpoint::open(place).await
}

fn is_held(error: &Error) -> bool {
    let cause = std::error::Error::source(error).and_then(|source| source.downcast_ref::<io::Error>());
    cause.is_some_and(|cause| cause.kind() == io::ErrorKind::ResourceBusy)
}

/// Whether the file still has the bytes of these parts.
async fn verify(source: &Whole, plan: Plan, parts: &[Stored]) -> Result<()> {
    for part in parts {
        let now = source.crc64(plan.part(part.number)).await?;
        if part.crc64 != Some(now) {
            let told = format!("part {} has other bytes than were uploaded", part.number);
            return Err(Error::new(ErrorKind::Changed, told));
        }
    }
    Ok(())
}

/// Remembers an upload that was just begun.
///
/// # Errors
/// [`ErrorKind::Io`] when that cannot be written, or another transfer was faster.
pub(super) async fn remember(session: &mut Session, what: What, directory: &Path) -> Result<()> {
    let place = what.place(directory);
    let head = Head { what, upload_id: session.upload_id().to_owned(), begun: unix_seconds(session.begun()) };
    session.keep(Arc::new(Checkpoint::create(place, head).await?));
    Ok(())
}
