//! What of an upload of an earlier run still holds.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::oneshot;

use crate::client::Bucket;
use crate::client::trace::{self, Span};
use crate::error::{Error, ErrorKind, Result};
use crate::key::ObjectKey;
use crate::time::{from_unix_seconds, unix_seconds};
use crate::transfer::checkpoint::Checkpoint;
use crate::transfer::commit::{Destination, Made, Session, abort, find, since};
use crate::transfer::disk::joined_badly;
use crate::transfer::journal::{Head, Record, What};
use crate::transfer::parts::Stored;
use crate::transfer::plan::Plan;
use crate::transfer::source::Whole;

type Remembered = Checkpoint<Head, Record>;

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
/// [`ErrorKind::Io`] when another transfer holds the checkpoint; [`ErrorKind::Changed`] when the file has other bytes
/// than those COS has.
pub(super) async fn take_up(
    bucket: &Bucket,
    what: &What,
    directory: &Path,
    plan: Plan,
    source: &Whole,
    to: &Destination,
) -> Result<Found> {
    let Some((journal, head, records)) = Remembered::open(what.place(directory)).await? else {
        return Ok(Found::Nothing);
    };
    if head.what != *what || head.upload_id.is_empty() {
        give_up(bucket, what, &to.key, &journal, head).await?;
        return Ok(Found::Nothing);
    }
    let begun = from_unix_seconds(head.begun).unwrap_or(SystemTime::UNIX_EPOCH);
    let mut session = Session::resumed(bucket, to.clone(), head.upload_id, begun);
    session.keep(Arc::new(journal));
    let completing = records.iter().find_map(|record| match record {
        Record::Completing { crc64 } => *crc64,
        Record::Part(_) => None,
    });
    let (listed, made) = match session.list().await {
        Ok(None) => {
            let made = match completing {
                Some(crc64) => find(bucket, to, plan.length, Some(crc64), since(begun)).await?,
                None => None,
            };
            if made.is_none() {
                session.forget().await;
                return Ok(Found::Nothing);
            }
            (None, made)
        }
        Ok(Some(listed)) => (Some(listed), None),
        // Who may not list the parts goes by what was recorded: completing compares the ETags.
        Err(error) if error.status() == Some(403) => (None, None),
        // The checkpoint tells of it: nobody else need give it up.
        Err(error) => return Err(error.with_upload_id(None)),
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
    match (verify(source, plan, &parts).await, made) {
        (Ok(()), None) => Ok(Found::Parts(session, parts)),
        (Ok(()), Some(made)) => {
            session.forget().await;
            Ok(Found::Made(made))
        }
        (Err(error), _) => Err(session.give_up(error).await),
    }
}

/// Gives up the upload that a checkpoint in the directory tells of, where this one has no parts to go on with.
///
/// # Errors
/// [`ErrorKind::Io`] when another transfer holds the checkpoint.
pub(super) async fn abandon(bucket: &Bucket, what: &What, directory: &Path, key: &ObjectKey) -> Result<()> {
    match Remembered::open(what.place(directory)).await? {
        Some((journal, head, _)) => give_up(bucket, what, key, &journal, head).await,
        None => Ok(()),
    }
}

/// Of the file as it was, or of other options: that upload is ours, and nobody will go on with it.
async fn give_up(bucket: &Bucket, what: &What, key: &ObjectKey, journal: &Remembered, head: Head) -> Result<()> {
    if head.what.is_kin(what) && !head.upload_id.is_empty() {
        let (tell, told) = oneshot::channel();
        abort(bucket.clone(), key.clone(), head.upload_id, Some(tell)).await;
        if !matches!(told.await, Ok(true)) {
            trace::event("an upload is left behind");
        }
    }
    journal.remove().await
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

/// Remembers an upload that was just begun; one that cannot be remembered is given up. In a task of its own: where
/// nobody waits for it any more, nothing speaks of an upload that is given up.
///
/// # Errors
/// [`ErrorKind::Io`] when that cannot be written, or another transfer was faster.
pub(super) async fn remember(mut session: Session, what: What, directory: &Path) -> Result<Session> {
    let place = what.place(directory);
    let head = Head { what, upload_id: session.upload_id().to_owned(), begun: unix_seconds(session.begun()) };
    let (wanted, awaited) = oneshot::channel::<()>();
    let work = async move {
        match Checkpoint::create(place, head).await {
            Ok(journal) => session.keep(Arc::new(journal)),
            Err(error) => return Err(session.give_up(error).await),
        }
        if wanted.is_closed() { Err(session.discard().await) } else { Ok(session) }
    };
    let session = tokio::spawn(Span::current().around(work)).await;
    drop(awaited);
    session.unwrap_or_else(|error| Err(joined_badly(error)))
}
