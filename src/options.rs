//! Values that travel together: the same group goes into a put, a copy or a multipart upload.

mod access_control;
mod acl;
mod attributes;
mod callback;
mod conditions;
mod copy_source;
mod encryption;
mod range;
mod tags;

pub use self::access_control::{AccessControl, Account, Grant, Grantee, Permission};
pub use self::acl::Acl;
pub use self::attributes::{Attributes, StorageClass};
pub(crate) use self::attributes::{META_PREFIX, decode_meta_text};
pub use self::callback::Callback;
pub(crate) use self::callback::CallbackResult;
pub use self::conditions::{Conditions, ResponseOverrides};
pub use self::copy_source::CopySource;
pub use self::encryption::{CustomerKey, Encryption, KmsKey};
pub use self::range::{ByteRange, ContentRange};
pub(crate) use self::tags::Tagging;
pub use self::tags::Tags;

use crate::error::{Error, Result};
use crate::request::{Describe, Request};

/// How fast a single request may move its body, in bits a second: 819 200 to 838 860 800.
///
/// COS reference: [Single-connection bandwidth limit](https://cloud.tencent.com/document/product/436/40140)
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrafficLimit(u64);

impl TrafficLimit {
    /// A limit in bits a second.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) with field `traffic_limit` outside 819 200 to 838 860 800.
    pub fn bits_per_second(bits: u64) -> Result<Self> {
        if (819_200..=838_860_800).contains(&bits) {
            Ok(Self(bits))
        } else {
            Err(Error::input("traffic_limit", "is not from 819 200 to 838 860 800 bits a second"))
        }
    }

    /// The limit in bits a second.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl Describe for TrafficLimit {
    fn describe(&self, request: Request) -> Result<Request> {
        request.header("x-cos-traffic-limit", self.0.to_string())
    }
}
