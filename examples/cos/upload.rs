//! To COS: in one request, or by parts.

use std::fs;
use std::path::PathBuf;

use serde_json::json;
use tencent_cos::transfer::{Upload, UploadDirectory, UploadSource};

use crate::failure::{Failure, Outcome};
use crate::options::Options;
use crate::output::done;
use crate::session::Session;
use crate::tree::{Choice, Lines};
use crate::url::{ObjectUrl, Place, PrefixUrl, Root};

pub async fn upload(session: &Session, source: Place, object: ObjectUrl, options: &Options) -> Outcome {
    let bucket = session.bucket(&object.bucket)?;
    let name = source.to_string();
    let (source, is_file) = open(source, options.checkpoint.is_some()).await?;
    let mut upload = options.upload(Upload::new(object.key.clone(), source));
    match &options.checkpoint {
        Some(directory) if is_file => upload = upload.checkpoint(directory),
        Some(_) => return Err(Failure::usage("--checkpoint is for files: a stream cannot be read again")),
        None => {}
    }
    let outcome = session.run(&name, bucket.transfer(upload)).await;
    let (sent, took) = if is_file { options.hint(outcome)? } else { outcome? };
    let crc64 = sent.crc64.map(|crc64| crc64.to_string());
    let json = || {
        json!({
            "source": name,
            "destination": object.to_string(),
            "size": sent.length,
            "etag": sent.etag,
            "crc64": crc64,
            "version_id": sent.version_id,
            "parts": sent.parts,
            "resumed_parts": sent.resumed_parts,
            "request_id": sent.request_id(),
        })
    };
    let text = done(&name, &object, sent.length, took, crc64.as_deref());
    let resumed = match sent.resumed_parts {
        0 => String::new(),
        parts => format!("; {parts} of {} parts were there", sent.parts),
    };
    let mut output = session.output();
    output.line(json, text + &resumed)?;
    output.finish()
}

/// What has no length, like standard input or a named pipe, is read as it comes.
async fn open(source: Place, has_checkpoint: bool) -> Outcome<(UploadSource, bool)> {
    let Place::File(path) = source else { return Ok((UploadSource::reader(None, tokio::io::stdin()), false)) };
    let meta = fs::metadata(&path).map_err(Failure::at(&path))?;
    if meta.is_dir() {
        return Err(Failure::failed(format!(
            "{}: is a directory; --recursive copies what is below it",
            path.display()
        )));
    }
    // One that has bytes all the same has no length, either, as in /proc.
    if meta.is_file() && (meta.len() > 0 || has_checkpoint) {
        return Ok((UploadSource::file(path), true));
    }
    let file = tokio::fs::File::open(&path).await.map_err(Failure::at(&path))?;
    Ok((UploadSource::reader(None, file), false))
}

/// All files below a directory.
pub async fn upload_tree(
    session: &Session,
    directory: PathBuf,
    destination: PrefixUrl,
    choice: &Choice,
    options: &Options,
) -> Outcome {
    let bucket = session.bucket(&destination.bucket)?;
    let lines = Lines::new(session, Root::Local(directory.clone()), Root::Cos(destination.clone()), choice);
    let job = choice.upload(UploadDirectory::new(directory, destination.prefix))?;
    let job = job.on_file(lines.listener()).count_ahead();
    options.hint(lines.run(bucket.transfer(options.upload_directory(job))).await)
}
