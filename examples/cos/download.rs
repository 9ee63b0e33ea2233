//! From COS, by one GET. A file appears at its place when it is complete and on disk, or not at all.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use serde_json::json;
use tempfile::NamedTempFile;
use tencent_cos::{ByteStream, GetObject, Integrity, ObjectKey};
use tokio::io::AsyncWriteExt;

use crate::failure::{Failure, Outcome};
use crate::output::copy_to_stdout;
use crate::session::Session;
use crate::url::{ObjectUrl, Place, VersionId};

pub async fn download(
    session: &Session,
    object: ObjectUrl,
    version_id: Option<VersionId>,
    destination: Place,
) -> Outcome {
    let bucket = session.bucket(&object.bucket)?;
    let mut get = GetObject::new(object.key.clone());
    if let Some(VersionId(id)) = version_id {
        get = get.version_id(id);
    }
    let Place::File(path) = destination else {
        return copy_to_stdout(session.send(&bucket, get).await?.body).await;
    };
    // Whatever is wrong with the destination is told before anything is fetched.
    let path = file_for(&path, &object.key)?;
    let part = Part::beside(&path)?;
    let answer = session.send(&bucket, get).await?;
    let (request_id, etag, integrity) =
        (answer.meta.request_id().to_owned(), answer.meta.etag.clone(), answer.integrity);
    let size = part.fill(answer.body, &path).await?;
    let crc64 = match integrity {
        Integrity::Crc64(crc64) => Some(crc64.to_string()),
        _ => None,
    };
    let json = || {
        json!({
            "source": object.to_string(),
            "destination": path.display().to_string(),
            "size": size,
            "etag": etag,
            "crc64": crc64,
            "request_id": request_id,
        })
    };
    let checked = crc64.as_ref().map_or("not checked".to_owned(), |crc64| format!("CRC-64 {crc64}"));
    let text = format!("{object} -> {}: {size} bytes, {checked} (request id {request_id})", path.display());
    let mut output = session.output();
    output.line(json, text)?;
    output.finish()
}

/// The file to write: `path` itself, or one named like the key's last segment in the directory `path`.
fn file_for(path: &Path, key: &ObjectKey) -> Outcome<PathBuf> {
    let directory = || -> Outcome<PathBuf> { Ok(path.join(last_segment(key)?)) };
    let ends_in_slash = path.to_string_lossy().ends_with(std::path::is_separator);
    let wants_directory = ends_in_slash || path.ends_with("..") || path == Path::new(".");
    let meta = if wants_directory { fs::metadata(path) } else { fs::symlink_metadata(path) };
    let file = match meta {
        Ok(meta) if meta.is_dir() => directory()?,
        Ok(_) if wants_directory => return Err(Failure::failed(format!("{}: is not a directory", path.display()))),
        Err(error) if wants_directory || error.kind() != io::ErrorKind::NotFound => {
            return Err(Failure::at(path)(error));
        }
        _ => path.to_owned(),
    };
    may_be_replaced(&file)?;
    Ok(file)
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

/// A regular file is replaced, and a link to one, but never what it leads to. Devices, pipes and directories are not.
fn may_be_replaced(path: &Path) -> Outcome {
    let refuse = |why: &str| Err(Failure::failed(format!("{}: {why}", path.display())));
    let found = |meta: io::Result<Metadata>| match meta {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        meta => meta.map(Some),
    };
    let Some(own) = found(fs::symlink_metadata(path)).map_err(Failure::at(path))? else { return Ok(()) };
    // A link is replaced when it leads to a file or nowhere.
    let meta = if own.is_symlink() { found(fs::metadata(path)).map_err(Failure::at(path))? } else { Some(own) };
    match meta {
        Some(meta) if meta.is_dir() => refuse("is a directory, or a link to one; end it in a slash to write into it"),
        Some(meta) if !meta.is_file() => refuse("is neither a file nor a directory; `-` is standard output"),
        _ => Ok(()),
    }
}

/// Those of the file that is replaced, or of any new file; less the umask.
#[cfg(unix)]
fn permissions(path: &Path) -> fs::Permissions {
    let replaced = fs::symlink_metadata(path).ok().filter(Metadata::is_file);
    replaced.map_or(std::os::unix::fs::PermissionsExt::from_mode(0o666), |meta| meta.permissions())
}

/// A file under another name in the same directory, so that renaming it is one step. Dropping it removes it.
struct Part(NamedTempFile);

impl Part {
    fn beside(path: &Path) -> Outcome<Self> {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::metadata(parent).map_err(Failure::at(parent))?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(".cos-").suffix(".part");
        #[cfg(unix)]
        builder.permissions(permissions(path));
        builder.tempfile_in(parent).map(Self).map_err(Failure::at(parent))
    }

    async fn fill(self, mut body: ByteStream, path: &Path) -> Outcome<u64> {
        let failed = |error| Failure::at(path)(error);
        let mut file = tokio::fs::File::from_std(self.0.as_file().try_clone().map_err(failed)?);
        let mut size = 0;
        while let Some(bytes) = body.next().await {
            let bytes = bytes?;
            file.write_all(&bytes).await.map_err(failed)?;
            size += bytes.len() as u64;
        }
        file.sync_all().await.map_err(failed)?;
        self.0.persist(path).map_err(|error| failed(error.error))?;
        Ok(size)
    }
}
