//! Operations on multipart uploads, one file each.

mod abort;
mod complete;
mod initiate;
mod list_parts;
mod list_uploads;
mod upload_part;
mod upload_part_copy;

pub use self::abort::AbortMultipartUpload;
pub use self::complete::{CompleteMultipartUpload, CompleteMultipartUploadOutput, CompletedPart};
pub use self::initiate::{InitiateMultipartUpload, InitiateMultipartUploadOutput};
pub use self::list_parts::{ListParts, PartList, PartSummary};
pub use self::list_uploads::{ListMultipartUploads, UploadList, UploadSummary};
pub use self::upload_part::{UploadPart, UploadPartOutput};
pub use self::upload_part_copy::{UploadPartCopy, UploadPartCopyOutput};
use crate::error::{Error, Result};
use crate::key::ObjectKey;
use crate::request::Request;

/// The longest part, 5 GiB.
const MAX_PART_BYTES: u64 = 5 * 1024 * 1024 * 1024;

const MAX_PART_NUMBER: u32 = 10_000;

/// A request about an upload.
fn upload(key: &ObjectKey, upload_id: &str) -> Result<Request> {
    if upload_id.is_empty() {
        return Err(Error::input("upload_id", "is empty"));
    }
    Ok(Request::object(key).query("uploadId", upload_id.to_owned()))
}

/// A request about a part of an upload.
fn part(key: &ObjectKey, upload_id: &str, part_number: u32) -> Result<Request> {
    if !is_part_number(part_number) {
        return Err(Error::input("part_number", "is not from 1 to 10 000"));
    }
    if upload_id.is_empty() {
        return Err(Error::input("upload_id", "is empty"));
    }
    Ok(Request::object(key).query("partNumber", part_number.to_string()).query("uploadId", upload_id.to_owned()))
}

fn is_part_number(number: u32) -> bool {
    (1..=MAX_PART_NUMBER).contains(&number)
}
