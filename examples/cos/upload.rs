//! To COS, by one PUT.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::json;
use tempfile::NamedTempFile;
use tencent_cos::{Body, PutObject};

use crate::failure::{Failure, Outcome};
use crate::session::Session;
use crate::url::{ObjectUrl, Place};

pub async fn upload(session: &Session, source: Place, object: ObjectUrl) -> Outcome {
    let bucket = session.bucket(&object.bucket)?;
    let (name, taken) = (source.to_string(), take(source).await?);
    if taken.length > PutObject::MAX_BYTES {
        let told = format!("{name}: more than {} bytes (5 GiB), which one PUT carries at most", PutObject::MAX_BYTES);
        return Err(Failure::failed(told));
    }
    let length = taken.length;
    let body = Body::file(taken.path(), 0, length);
    let put = session.send(&bucket, PutObject::new(object.key.clone(), body)).await?;
    let crc64 = put.crc64.map(|crc64| crc64.to_string());
    let json = || {
        json!({
            "source": name,
            "destination": object.to_string(),
            "size": length,
            "etag": put.etag,
            "crc64": crc64,
            "version_id": put.version_id,
            "attempts": put.attempts,
            "request_id": put.request_id(),
        })
    };
    let checked = crc64.as_ref().map_or("not checked".to_owned(), |crc64| format!("CRC-64 {crc64}"));
    let text = format!("{name} -> {object}: {length} bytes, {checked} (request id {})", put.request_id());
    let mut output = session.output();
    output.line(json, text)?;
    output.finish()
}

/// A file that can be sent, and sent again.
struct Taken {
    file: Source,
    length: u64,
}

enum Source {
    Own(PathBuf),
    /// Removed when dropped.
    Spool(NamedTempFile),
}

impl Taken {
    fn path(&self) -> &Path {
        match &self.file {
            Source::Own(path) => path,
            Source::Spool(file) => file.path(),
        }
    }
}

/// What has no length, like standard input or a named pipe, goes through a temporary file.
async fn take(source: Place) -> Outcome<Taken> {
    let Place::File(path) = source else { return spool("standard input".into(), || Ok(io::stdin())).await };
    let meta = fs::metadata(&path).map_err(Failure::at(&path))?;
    if meta.is_dir() {
        return Err(Failure::failed(format!("{}: is a directory; cp copies one object", path.display())));
    }
    if meta.is_file() {
        return Ok(Taken { file: Source::Own(path), length: meta.len() });
    }
    spool(path.clone(), move || File::open(path)).await
}

/// Reads one byte more than can be sent, and no further.
async fn spool<R: Read>(name: PathBuf, open: impl FnOnce() -> io::Result<R> + Send + 'static) -> Outcome<Taken> {
    let spooled = |error| Failure::io("cannot make a temporary file", error);
    let file = NamedTempFile::with_prefix("cos-").map_err(spooled)?;
    let mut writer = file.as_file().try_clone().map_err(spooled)?;
    let copy = move || io::copy(&mut open()?.take(PutObject::MAX_BYTES + 1), &mut writer);
    let length = match tokio::task::spawn_blocking(copy).await {
        Ok(copied) => copied.map_err(Failure::at(&name))?,
        Err(_) => return Err(Failure::failed("reading the source was cut short")),
    };
    Ok(Taken { file: Source::Spool(file), length })
}
