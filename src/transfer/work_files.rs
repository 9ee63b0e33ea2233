//! The files that transfers make for themselves while they work. Here their names are made, and known again.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// How long the mark in the name of a temporary file is, in letters and digits.
pub(super) const TEMPORARY_MARK: usize = 12;
/// How long the mark in the name of a part of a file is, in hexadecimal digits.
pub(super) const PARTIAL_MARK: usize = 16;
/// How long the digest in the name of a checkpoint is, in hexadecimal digits.
const DIGEST: usize = 40;

/// A file that is being downloaded: `.cos-MARK.tmp`.
pub(super) fn temporary_name(mark: &str) -> OsString {
    format!(".cos-{mark}.tmp").into()
}

/// What there is of a file that another run may go on with: `.NAME.MARK.cos-partial`; without the name where that would
/// be too long.
pub(super) fn partial_name(path: &Path, mark: &str) -> OsString {
    let name = path.file_name().filter(|name| name.len() <= 150).unwrap_or(OsStr::new(""));
    let mut partial = OsString::from(".");
    partial.push(name);
    partial.push(format!(".{mark}.cos-partial"));
    partial
}

/// What a transfer remembers: `upload-DIGEST.cos-checkpoint`, or `download-`.
pub(super) fn checkpoint_name(kind: &str, digest: &str) -> String {
    format!("{kind}-{digest}.cos-checkpoint")
}

/// A checkpoint that is being made.
pub(super) fn draft_of(checkpoint: &Path) -> PathBuf {
    let mut draft = checkpoint.as_os_str().to_owned();
    draft.push(".new");
    draft.into()
}

/// Whether a name is one of these.
pub(super) fn is_work_file(name: &str) -> bool {
    is_temporary(name) || is_partial(name) || is_checkpoint(name.strip_suffix(".new").unwrap_or(name))
}

fn is_temporary(name: &str) -> bool {
    let mark = name.strip_prefix(".cos-").and_then(|rest| rest.strip_suffix(".tmp"));
    mark.is_some_and(|mark| mark.len() == TEMPORARY_MARK && mark.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

fn is_partial(name: &str) -> bool {
    let marked = name.strip_prefix('.').and_then(|rest| rest.strip_suffix(".cos-partial"));
    marked.and_then(|marked| marked.rsplit_once('.')).is_some_and(|(_, mark)| is_hex(mark, PARTIAL_MARK))
}

fn is_checkpoint(name: &str) -> bool {
    let marked = name.strip_suffix(".cos-checkpoint").and_then(|rest| rest.split_once('-'));
    marked.is_some_and(|(kind, digest)| matches!(kind, "upload" | "download") && is_hex(digest, DIGEST))
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_is_known_again() {
        let digest = "0123456789abcdef0123456789abcdef01234567";
        let mark = &digest[..PARTIAL_MARK];
        let long = "n".repeat(151);
        let mut made = vec![temporary_name(&digest[..TEMPORARY_MARK])];
        made.extend(["big", "a.b", ".hidden", &long].map(|name| partial_name(Path::new(name), mark)));
        for kind in ["upload", "download"] {
            let checkpoint = checkpoint_name(kind, digest);
            made.push(draft_of(Path::new(&checkpoint)).into());
            made.push(checkpoint.into());
        }
        for name in made {
            assert!(is_work_file(name.to_str().unwrap()), "{name:?}");
        }
    }

    #[test]
    fn what_only_looks_alike_is_somebody_elses() {
        for name in [
            ".cos-x.tmp",
            ".cos-0123456789a-.tmp",
            ".cos-0123456789abc.tmp",
            "cos-0123456789ab.tmp",
            "mine.cos-checkpoint",
            "copy-0123456789abcdef0123456789abcdef01234567.cos-checkpoint",
            "upload-0123456789abcdef0123456789abcdef0123456g.cos-checkpoint",
            "upload-0123456789abcdef0123456789abcdef01234567.cos-checkpoint.old",
            ".big.cos-partial",
            ".0123456789abcdef.cos-partial",
            "big.0123456789abcdef.cos-partial",
            "a.new",
        ] {
            assert!(!is_work_file(name), "{name}");
        }
    }
}
