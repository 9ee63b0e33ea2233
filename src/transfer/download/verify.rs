//! What every download holds its bytes against.

use crate::error::{Error, ErrorKind, Result};
use crate::object::Integrity;

/// A range that brings more than was asked for is none.
pub(super) fn fits(length: u64, wanted: u64) -> Result<()> {
    if length <= wanted { Ok(()) } else { Err(Error::new(ErrorKind::Response, "the body is longer than announced")) }
}

/// # Errors
/// [`ErrorKind::Integrity`] when the bytes are not those COS summed up.
pub(super) fn compare(found: u64, integrity: Integrity) -> Result<()> {
    match integrity {
        Integrity::Crc64(expected) if expected != found => {
            let message = format!("the bytes have CRC-64 {found}, COS says {expected}");
            Err(Error::new(ErrorKind::Integrity, message).retryable(true))
        }
        _ => Ok(()),
    }
}
