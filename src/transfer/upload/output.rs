//! What an upload gives.

use bytes::Bytes;

use crate::error::ServiceError;
use crate::object::PutObjectOutput;
use crate::transfer::commit::Made;

/// What [`Upload`](crate::transfer::Upload) gives.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UploadOutput {
    /// The ETag, quotes included. For an object made of parts it is not an MD5.
    pub etag: String,
    /// The CRC-64 that COS computed, equal to that of the bytes sent; `None` when COS did not send one.
    pub crc64: Option<u64>,
    /// The version, where the bucket keeps versions.
    pub version_id: Option<String>,
    /// What your server answered to the [`Callback`](crate::Callback), or that the call failed; `None` when COS says
    /// nothing about it, or the upload is [`reconciled`](Self::reconciled).
    pub callback: Option<Result<Bytes, Box<ServiceError>>>,
    /// The length in bytes.
    pub length: u64,
    /// How many parts it was made of; 0 when it went in one request.
    pub parts: u32,
    /// How many of the parts an earlier run had uploaded.
    pub resumed_parts: u32,
    /// Whether COS's answer was lost, and a look at the object showed that it was made.
    pub reconciled: bool,
    request_id: String,
}

impl UploadOutput {
    pub(super) fn put(put: PutObjectOutput, length: u64) -> Self {
        Self {
            request_id: put.request_id().to_owned(),
            etag: put.etag,
            crc64: put.crc64,
            version_id: put.version_id,
            callback: put.callback,
            length,
            parts: 0,
            resumed_parts: 0,
            reconciled: false,
        }
    }

    pub(super) fn made(made: Made, length: u64, parts: u32, resumed_parts: u32) -> Self {
        let Made { etag, crc64, version_id, callback, request_id, reconciled } = made;
        Self { etag, crc64, version_id, callback, length, parts, resumed_parts, reconciled, request_id }
    }

    /// `x-cos-request-id`; when the answer was lost, that of the request that looked at the object.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }
}
