//! From COS: a file appears at its place when it is complete and on disk, or not at all.

use std::fs;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use serde_json::json;
use tencent_cos::transfer::{Download, DownloadDirectory};
use tencent_cos::{Bucket, Integrity, ObjectKey};

use crate::failure::{Failure, Outcome};
use crate::options::Options;
use crate::output::done;
use crate::session::Session;
use crate::tree::{Choice, Lines, is_there};
use crate::url::{ObjectUrl, Place, PrefixUrl, Root, VersionId};

pub async fn download(
    session: &Session,
    object: ObjectUrl,
    version_id: Option<VersionId>,
    destination: Place,
    options: &Options,
) -> Outcome {
    let bucket = session.bucket(&object.bucket)?;
    let mut download = options.download(Download::new(object.key.clone()));
    if let Some(VersionId(id)) = version_id {
        download = download.version_id(id);
    }
    let Place::File(path) = destination else {
        if options.checkpoint.is_some() {
            return Err(Failure::usage(
                "--checkpoint is for files: what was written to a stream cannot be found again",
            ));
        }
        return to_stdout(session, &bucket, download, &object).await;
    };
    let path = file_for(&path, &object.key)?;
    is_writable(&path)?;
    let mut download = download.to_path(&path);
    if let Some(directory) = &options.checkpoint {
        download = download.checkpoint(directory);
    }
    let (got, took) = options.hint(session.run(object.key.as_str(), bucket.transfer(download)).await)?;
    let (request_id, etag) = (got.request_id(), &got.meta.etag());
    let crc64 = match got.integrity {
        Integrity::Crc64(crc64) => Some(crc64.to_string()),
        _ => None,
    };
    let json = || {
        json!({
            "source": object.to_string(),
            "destination": path.display().to_string(),
            "size": got.bytes,
            "etag": etag,
            "crc64": crc64,
            "request_id": request_id,
        })
    };
    let text = done(&object, &path.display(), got.bytes, took, crc64.as_deref());
    let mut output = session.output();
    output.line(json, text)?;
    output.finish()
}

/// The bytes in order; a bar only where they do not go to the terminal themselves.
async fn to_stdout(session: &Session, bucket: &Bucket, download: Download, object: &ObjectUrl) -> Outcome {
    let transfer = bucket.transfer(download.to_writer(tokio::io::stdout()));
    let outcome = if io::stdout().is_terminal() {
        session.interrupt.guard(transfer).await.map(|_| ()).map_err(Failure::from)
    } else {
        session.run(object.key.as_str(), transfer).await.map(|_| ())
    };
    outcome.map_err(Failure::or_pipe)
}

/// All objects behind a prefix.
pub async fn download_tree(
    session: &Session,
    source: PrefixUrl,
    directory: PathBuf,
    choice: &Choice,
    options: &Options,
) -> Outcome {
    let bucket = session.bucket(&source.bucket)?;
    let lines = Lines::new(session, Root::Cos(source.clone()), Root::Local(directory.clone()), choice);
    let mut job = choice.download(DownloadDirectory::new(&source.prefix, directory))?.on_file(lines.listener());
    is_there(session, &bucket, &source).await?;
    if lines.has_bars() {
        job = job.count_ahead();
    }
    options.hint(lines.run(bucket.transfer(options.download_directory(job))).await)
}

/// The file to write: `path` itself, or one named like the key's last segment in the directory `path`.
fn file_for(path: &Path, key: &ObjectKey) -> Outcome<PathBuf> {
    let directory = || -> Outcome<PathBuf> { Ok(path.join(last_segment(key)?)) };
    let ends_in_slash = path.to_string_lossy().ends_with(std::path::is_separator);
    let wants_directory = ends_in_slash || path.ends_with("..") || path == Path::new(".");
    let meta = if wants_directory { fs::metadata(path) } else { fs::symlink_metadata(path) };
    match meta {
        Ok(meta) if meta.is_dir() => directory(),
        Ok(_) if wants_directory => Err(Failure::failed(format!("{}: is not a directory", path.display()))),
        Err(error) if wants_directory || error.kind() != io::ErrorKind::NotFound => Err(Failure::at(path)(error)),
        _ => Ok(path.to_owned()),
    }
}

/// Refuses what is no file: it would be replaced by one.
fn is_writable(path: &Path) -> Outcome {
    let what = match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_symlink() => "a symbolic link",
        Ok(meta) if !meta.is_file() && !meta.is_dir() => "no regular file",
        _ => return Ok(()),
    };
    let path = path.display();
    Err(Failure::failed(format!("writing {path}: it is {what}; `cos cp OBJECT - > FILE` writes to whatever it is")))
}

/// A name that stays in its directory, on every system.
fn last_segment(key: &ObjectKey) -> Outcome<&str> {
    let name = key.as_str().rsplit('/').next().unwrap_or_default();
    let foreign = cfg!(windows) && name.contains(['\\', ':']);
    if matches!(name, "" | "." | "..") || name.contains('\0') || foreign {
        return Err(Failure::usage(format!("key {key}: its last segment is no file name; name the file in DST")));
    }
    Ok(name)
}
