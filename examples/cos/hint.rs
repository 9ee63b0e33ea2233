//! What to do next about an error, in the words of a shell.

use std::error::Error as _;
use std::io;

use tencent_cos::{Error, ErrorKind, Phase};

use crate::output::quoted;

/// The command that helps, the option or variable to look at.
pub fn of(error: &Error) -> Option<String> {
    if lacks_files(error) {
        return Some(
            "a lower --files or --concurrency takes fewer of them, a higher `ulimit -n` allows more".to_owned(),
        );
    }
    match error.kind() {
        ErrorKind::Service => service(error),
        ErrorKind::Credentials => Some(
            "set TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY, and TENCENTCLOUD_TOKEN if the key is temporary; \
             to try without an account, `cargo run -p cos-emulator` prints what to set"
                .to_owned(),
        ),
        ErrorKind::Dns => Some(
            "the bucket and its region, --region or COS_REGION, make up the host; `cos ls` shows those of all buckets"
                .to_owned(),
        ),
        ErrorKind::Tls => Some(
            "check --endpoint or COS_ENDPOINT where one is set; SSL_CERT_FILE names an authority to trust".to_owned(),
        ),
        // Silence is a timeout, whatever was being done.
        _ if error.phase() == Some(Phase::Connect) => {
            Some("check the network, and --endpoint or COS_ENDPOINT where one is set".to_owned())
        }
        ErrorKind::Timeout | ErrorKind::Transport => {
            Some("run it again; `cp` and `sync` with --checkpoint go on where they ended".to_owned())
        }
        ErrorKind::Changed => Some("it was written to meanwhile: run it again".to_owned()),
        ErrorKind::Ambiguous => {
            let look = match target(error) {
                "" => "cos ls".to_owned(),
                object if object.contains('/') => format!("cos stat {}", url(object)),
                bucket => format!("cos ls {}", url(bucket)),
            };
            Some(format!("`{look}` shows whether it was done"))
        }
        _ => None,
    }
}

/// Whether there were too many files open, for this program or this machine.
fn lacks_files(error: &Error) -> bool {
    let codes = if cfg!(windows) { [4, 10_024] } else { [24, 23] };
    let mut causes = std::iter::successors(error.source(), |&cause| cause.source());
    let mut code = || causes.find_map(|cause| cause.downcast_ref::<io::Error>()?.raw_os_error());
    code().is_some_and(|code| codes.contains(&code))
}

fn service(error: &Error) -> Option<String> {
    // A HEAD is told no reason.
    let told = error.advice().unwrap_or_default();
    if error.is_clock_skew() || told.starts_with("the clock of this machine") {
        return Some("set the clock of this machine".to_owned());
    }
    if error.is_throttled() {
        return Some("run it again later, `cp` and `sync` with a lower --files or --concurrency".to_owned());
    }
    let hint = match (error.code().unwrap_or_default(), error.status()) {
        ("AccessDenied", _) | ("", Some(403)) => {
            "use a key that may do this, or have the owner of the bucket allow it to yours".to_owned()
        }
        ("SignatureDoesNotMatch", _) => {
            "check TENCENTCLOUD_SECRET_KEY; `cos sign` shows step by step what is signed".to_owned()
        }
        ("InvalidAccessKeyId", _) => {
            "check TENCENTCLOUD_SECRET_ID, and TENCENTCLOUD_TOKEN: a temporary key needs it, a permanent one has none"
                .to_owned()
        }
        ("ExpiredToken", _) => "get a new key, as with `cos sts`, and set TENCENTCLOUD_SECRET_ID, \
             TENCENTCLOUD_SECRET_KEY and TENCENTCLOUD_TOKEN together"
            .to_owned(),
        ("NoSuchBucket", _) => {
            "`cos ls` shows your buckets and the region of each; --region or COS_REGION names it".to_owned()
        }
        ("NoSuchVersion" | "MethodNotAllowed", _) => {
            format!("`cos ls --versions {}` shows the versions and delete markers there are", url(target(error)))
        }
        ("NoSuchKey", _) | ("", Some(404)) => beside(target(error)),
        ("InvalidObjectState", _) => "restore it first, with `cos restore`".to_owned(),
        ("RestoreAlreadyInProgress", _) => format!("`cos stat {}` tells how far it is", url(target(error))),
        ("BucketAlreadyOwnedByYou", _) => format!("it is there: `cos ls {}`", url(target(error))),
        ("BucketAlreadyExists", _) => "take another name".to_owned(),
        ("BucketNotEmpty", _) => {
            let bucket = target(error);
            format!(
                "`cos rm -r --versions cos://{bucket}` removes its objects and all their versions, `cos orphans \
                 cos://{bucket} --older-than 0s --abort` what uploads left"
            )
        }
        ("NoSuchUpload" | "InvalidPart" | "InvalidPartOrder", _) => {
            "somebody ended the upload under way: run the same command again".to_owned()
        }
        ("EntityTooLarge", _) => "a smaller --part-size keeps each request below 5 GiB".to_owned(),
        ("ServiceUnavailable" | "InternalError", _) => "COS has a problem of its own: run it again later".to_owned(),
        _ => return None,
    };
    Some(hint)
}

/// About a key that is not there.
pub fn beside(target: &str) -> String {
    format!("`cos ls {}` shows what there is", url(folder(target)))
}

/// In a command that is pasted into a shell: a key may be a stranger's.
fn url(target: &str) -> String {
    quoted(&format!("cos://{target}"))
}

/// Bucket, or bucket and key.
fn target(error: &Error) -> &str {
    error.target().unwrap_or_default()
}

/// What lies beside a key, up to its last slash.
fn folder(target: &str) -> &str {
    target.rfind('/').map_or(target, |slash| &target[..=slash])
}
