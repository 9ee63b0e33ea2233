//! Small files that hold a key or a token, read within limits.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::CredentialError;
use crate::client::file::open;

/// The longest file of a source: keys and tokens take a few KiB.
const MAX_FILE: u64 = 64 * 1024;
/// How long reading one may take: a network drive may be gone.
const READ_TIMEOUT: Duration = Duration::from_secs(1);

/// The text of a file; `None` when there is no such file.
pub(super) async fn read(path: &Path) -> Result<Option<Zeroizing<String>>, CredentialError> {
    let told = |what: &str| CredentialError::transient(format!("{}: {what}", path.display()));
    let bytes = match timeout(READ_TIMEOUT, read_bytes(path)).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(error)) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Ok(Err(error)) => return Err(told(&format!("cannot be read: {error}")).with_source(error)),
        Err(_elapsed) => return Err(told("could not be read within 1 s")),
    };
    if bytes.len() as u64 > MAX_FILE {
        return Err(CredentialError::rejected(format!("{}: longer than 64 KiB", path.display())));
    }
    match std::str::from_utf8(&bytes) {
        // Editors of Windows begin a file with a byte order mark.
        Ok(text) => Ok(Some(text.trim_start_matches('\u{feff}').to_owned().into())),
        Err(_) => Err(CredentialError::rejected(format!("{}: is not UTF-8 text", path.display()))),
    }
}

/// In one go, not by tokio's own file: that keeps what it read in a buffer which nobody wipes.
async fn read_bytes(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let path = path.to_owned();
    spawn_blocking(move || read_now(&path)).await.map_err(io::Error::other)?
}

fn read_now(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let metadata = fs::metadata(path).map_err(|error| match error.kind() {
        // A directory on the way may not be looked into: it is somebody else's, and so is what may be there.
        io::ErrorKind::PermissionDenied => io::ErrorKind::NotFound.into(),
        _ => error,
    })?;
    // Opening a pipe waits for whoever writes to it.
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "is not a regular file"));
    }
    let file = open(path)?;
    // Growing would leave copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(64 * 1024 + 64));
    file.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
