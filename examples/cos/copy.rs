//! From COS to COS: in one request, or by parts; the bytes do not come through here.

use serde_json::json;
use tencent_cos::Region;
use tencent_cos::transfer::{Compare, CopyDirectory, LargeCopy};

use crate::failure::{Failure, Outcome};
use crate::options::Options;
use crate::output::done;
use crate::session::Session;
use crate::tree::{Choice, Lines, is_there};
use crate::url::{ObjectUrl, PrefixUrl, Root, VersionId};

pub async fn copy(
    session: &Session,
    source: &ObjectUrl,
    destination: &ObjectUrl,
    source_region: Option<&Region>,
    version_id: Option<VersionId>,
    options: &Options,
) -> Outcome {
    let itself = source.bucket == destination.bucket && source.key == destination.key;
    if itself && version_id.is_none() {
        return Err(Failure::usage(format!("SRC and DST are the same object, {source}")));
    }
    no_checkpoint(options)?;
    let from = session.bucket_in(source_region, &source.bucket)?;
    let to = session.bucket(&destination.bucket)?;
    let mut job = options.copy(LargeCopy::new(source.key.clone(), destination.key.clone()).from_bucket(&from));
    if let Some(VersionId(id)) = version_id {
        job = job.source_version_id(id);
    }
    let (copied, took) = session.run(source.key.as_str(), to.transfer(job)).await?;
    let mut output = session.output();
    let (from, to) = (source.to_string(), destination.to_string());
    let crc64 = copied.crc64.map(|crc64| crc64.to_string());
    let text = done(&from, &to, copied.length, took, crc64.as_deref());
    let json = || {
        json!({
            "source": from,
            "destination": to,
            "size": copied.length,
            "etag": copied.etag,
            "crc64": crc64,
            "version_id": copied.version_id,
            "source_version_id": copied.source_version_id,
            "parts": copied.parts,
            "request_id": copied.request_id(),
        })
    };
    output.line(json, text)?;
    output.finish()
}

/// Only what differs, and what DST has beside SRC removed if that is wanted.
#[derive(Clone, Copy)]
pub struct Alike {
    pub by: Compare,
    pub delete: bool,
}

/// Every object behind a prefix, to the same place behind another.
pub async fn copy_tree(
    session: &Session,
    source: PrefixUrl,
    destination: PrefixUrl,
    source_region: Option<&Region>,
    choice: &Choice,
    options: &Options,
    alike: Option<Alike>,
) -> Outcome {
    no_checkpoint(options)?;
    let deletes = alike.is_some_and(|alike| alike.delete);
    are_apart(&source, &destination, deletes)?;
    let (from, to) = (session.bucket_in(source_region, &source.bucket)?, session.bucket(&destination.bucket)?);
    let lines = Lines::new(session, Root::Cos(source.clone()), Root::Cos(destination.clone()), choice);
    let job = choice.copy(CopyDirectory::new(&source.prefix, destination.prefix))?.from_bucket(&from);
    is_there(session, &from, &source).await?;
    let mut job = options.copy_directory(job).on_file(lines.listener());
    if let Some(Alike { by, .. }) = alike {
        job = job.sync(by);
    }
    if deletes {
        job = job.delete_extraneous();
    }
    if lines.has_bars() {
        job = job.count_ahead();
    }
    lines.run(to.transfer(job)).await
}

/// What is copied must not be among the copies, nor be deleted as one.
fn are_apart(source: &PrefixUrl, destination: &PrefixUrl, deletes: bool) -> Outcome {
    let why = match (destination.is_within(source), source.is_within(destination)) {
        (true, true) => "SRC and DST are the same",
        (true, false) => "DST is below SRC: its copies would be copied again",
        (false, true) if deletes => "SRC is below DST: --delete would delete it",
        _ => return Ok(()),
    };
    Err(Failure::usage(why))
}

fn no_checkpoint(options: &Options) -> Outcome {
    match options.checkpoint {
        Some(_) => Err(Failure::usage("--checkpoint is for files; a copy inside COS is begun anew")),
        None => Ok(()),
    }
}
