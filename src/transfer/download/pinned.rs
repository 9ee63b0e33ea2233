//! One object, held to what the first answer said it is.

use std::ops::Range;

use crate::body::ByteStream;
use crate::client::Bucket;
use crate::error::{Error, ErrorKind, Result};
use crate::object::{GetObject, Object, ObjectMeta};
use crate::options::{ByteRange, Conditions};
use crate::transfer::download::Download;

/// The object as it was when the download began.
#[derive(Clone, Debug)]
pub(super) struct Pinned {
    bucket: Bucket,
    get: GetObject,
    pub(super) etag: String,
    pub(super) total: u64,
}

/// A download of which the first answer is there.
pub(super) struct Begun {
    pub(super) pinned: Pinned,
    /// Its length is that of the whole object.
    pub(super) meta: ObjectMeta,
    /// All that is to be downloaded.
    pub(super) span: Range<u64>,
    /// What the first answer brings.
    pub(super) first: Range<u64>,
    pub(super) body: ByteStream,
}

impl Download {
    /// Asks for `wanted`, or the part of it that there is.
    ///
    /// # Errors
    /// As [`GetObject`]; [`ErrorKind::Response`] when more is needed and the object has no `ETag` to hold on to.
    pub(super) async fn begin(&self, bucket: &Bucket, wanted: Range<u64>, conditions: &Conditions) -> Result<Begun> {
        let last = self.range.and_then(|range| range.last()).unwrap_or(u64::MAX);
        let get = self.get.clone().conditions(conditions.clone());
        let range = ByteRange::new(wanted.start, last.min(wanted.end - 1));
        let object = match bucket.send(get.clone().range(range)).await {
            // Of nothing there is no range.
            Err(error) if error.status() == Some(416) && self.range.is_none() && wanted.start == 0 => {
                bucket.send(get).await?
            }
            answer => answer?,
        };
        let Object { mut meta, body, content_range, .. } = object;
        let (first, total) = match (content_range, meta.content_length()) {
            (Some(range), _) => (range.first..range.last + 1, range.total),
            (None, Some(length)) => (0..length, length),
            (None, None) => return Err(Error::new(ErrorKind::Response, "the answer tells no length")),
        };
        meta.set_content_length(total);
        let start = self.range.map_or(0, |range| range.first());
        let span = start..last.saturating_add(1).min(total).max(start);
        if first != span && (meta.etag().is_empty() || meta.etag().starts_with("W/")) {
            return Err(Error::new(ErrorKind::Response, "the object has no ETag that would hold its ranges together"));
        }
        let get = self.get.clone().conditions(self.conditions.clone().if_match(meta.etag()));
        let get = match meta.version_id() {
            Some(version) => get.version_id(version),
            None => get,
        };
        let pinned = Pinned { bucket: bucket.clone(), get, etag: meta.etag().to_owned(), total };
        Ok(Begun { pinned, meta, span, first, body })
    }
}

impl Pinned {
    /// The bytes of a range, which is within the object.
    ///
    /// # Errors
    /// [`ErrorKind::Changed`] when another object is there by now.
    pub(super) async fn open(&self, range: &Range<u64>) -> Result<ByteStream> {
        let get = self.get.clone().range(range.clone());
        let object = self.bucket.send(get).await.map_err(Error::if_changed)?;
        let same = object.meta.etag() == self.etag;
        match object.content_range {
            Some(got) if same && got.total == self.total => {
                if (got.first..got.last + 1) == *range {
                    return Ok(object.body);
                }
                Err(Error::new(ErrorKind::Response, format!("asked for {} bytes, got {got}", range.end - range.start)))
            }
            _ => Err(Error::new(ErrorKind::Changed, "the object changed while it was being read")),
        }
    }
}
