//! Whether going on is of any use: some failures are those of every other file, too.

use std::error::Error as _;
use std::io;

use crate::error::{Class, Error, ErrorKind, Phase, ServiceError};

/// Who cannot be reached for so many files in a row is gone: each has outlasted a network that blinks.
const OUT_OF_REACH: u32 = 10;

/// What the files so far let one expect of the others.
#[derive(Debug, Default)]
pub(super) struct Outlook {
    any_success: bool,
    unreached: u32,
}

impl Outlook {
    /// A file went through.
    pub(super) fn succeeded(&mut self) {
        *self = Self { any_success: true, unreached: 0 };
    }

    /// A file failed: whether every other would, too.
    pub(super) fn is_hopeless_after(&mut self, error: &Error) -> bool {
        // Silence is a timeout, whatever was being done.
        let connecting = matches!(error.phase(), Some(Phase::Dns | Phase::Connect));
        let unreached = connecting || matches!(error.kind(), ErrorKind::Dns | ErrorKind::Connect | ErrorKind::Tls);
        self.unreached = if unreached { self.unreached + 1 } else { 0 };
        match error.kind() {
            ErrorKind::Credentials => true,
            ErrorKind::Io => is_of_the_disk(error),
            ErrorKind::Service => self.is_refusal_of_all(error),
            _ => self.unreached >= OUT_OF_REACH,
        }
    }

    /// The bucket is gone, or nobody may do anything with this key and clock.
    fn is_refusal_of_all(&self, error: &Error) -> bool {
        match (error.service().map(ServiceError::class), error.code()) {
            (Some(Class::CredentialExpired | Class::Clock), _) | (_, Some("NoSuchBucket")) => true,
            // A secret that is wrong is so from the first file on; else it is something about the file.
            (_, Some("SignatureDoesNotMatch")) => !self.any_success,
            _ => false,
        }
    }
}

/// Nothing more can be written.
fn is_of_the_disk(error: &Error) -> bool {
    let mut causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.any(|cause| {
        let kind = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        let over = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded, io::ErrorKind::ReadOnlyFilesystem];
        kind.is_some_and(|kind| over.contains(&kind))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::TransportError;

    fn of_disk(kind: io::ErrorKind) -> Error {
        Error::new(ErrorKind::Io, "writing a").with_source(io::Error::from(kind))
    }

    fn refusal(status: u16, code: &str) -> Error {
        let (code, request_id) = (code.to_owned(), "NjQ".to_owned());
        Error::service_error(ServiceError { status, code, request_id, ..ServiceError::default() })
    }

    #[test]
    fn what_concerns_one_file_says_nothing_of_the_others() {
        for error in [
            of_disk(io::ErrorKind::PermissionDenied),
            of_disk(io::ErrorKind::IsADirectory),
            Error::input("key", "is no name"),
            refusal(403, "AccessDenied"),
            refusal(404, "NoSuchKey"),
            refusal(503, "ServiceUnavailable"),
            Error::new(ErrorKind::Integrity, "other bytes"),
            Error::new(ErrorKind::Timeout, "late"),
        ] {
            let mut outlook = Outlook::default();
            assert!(!(0..1000).any(|_| outlook.is_hopeless_after(&error)), "{error}");
        }
    }

    #[test]
    fn a_full_disk_a_dead_key_and_a_bucket_that_is_gone_concern_all() {
        for error in [
            of_disk(io::ErrorKind::StorageFull),
            of_disk(io::ErrorKind::QuotaExceeded),
            of_disk(io::ErrorKind::ReadOnlyFilesystem),
            Error::new(ErrorKind::Credentials, "there is no key"),
            refusal(403, "InvalidAccessKeyId"),
            refusal(400, "ExpiredToken"),
            refusal(403, "RequestTimeTooSkewed"),
            refusal(404, "NoSuchBucket"),
        ] {
            let mut outlook = Outlook::default();
            outlook.succeeded();
            assert!(outlook.is_hopeless_after(&error), "{error}");
        }
    }

    #[test]
    fn a_signature_that_is_wrong_from_the_first_file_on_will_be_so() {
        let error = refusal(403, "SignatureDoesNotMatch");
        let mut outlook = Outlook::default();
        assert!(outlook.is_hopeless_after(&error));
        outlook.succeeded();
        assert!(!outlook.is_hopeless_after(&error));
    }

    #[test]
    fn a_host_is_gone_that_cannot_be_reached_for_long() {
        let mut outlook = Outlook::default();
        let told = [ErrorKind::Dns, ErrorKind::Connect, ErrorKind::Tls].map(|kind| Error::new(kind, "no way"));
        let silence = Error::from(TransportError::new(Phase::Connect, "silence").with_timed_out(true));
        assert_eq!(silence.kind(), ErrorKind::Timeout);
        for error in told.into_iter().chain([silence]) {
            assert!(!(1..OUT_OF_REACH).any(|_| outlook.is_hopeless_after(&error)));
            // An answer shows that there is somebody.
            assert!(!outlook.is_hopeless_after(&refusal(403, "AccessDenied")));
            assert!(!(1..OUT_OF_REACH).any(|_| outlook.is_hopeless_after(&error)));
            assert!(outlook.is_hopeless_after(&error));
            outlook.succeeded();
        }
    }
}
