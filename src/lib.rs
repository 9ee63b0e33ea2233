//! Unofficial client for Tencent Cloud Object Storage (COS).
#![warn(missing_docs, missing_debug_implementations, unreachable_pub, clippy::unwrap_used)]
#![cfg_attr(test, allow(clippy::unwrap_used))]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod body;
mod bucket;
#[cfg(feature = "client")]
pub mod client;
mod crc64;
pub mod credentials;
mod error;
mod head;
mod key;
mod object;
mod operation;
mod options;
mod region;
pub mod sign;
mod time;
mod xml;

pub use crate::body::{Body, ByteStream};
pub use crate::bucket::{
    BucketMeta, CreateBucket, CreateBucketOutput, DeleteBucket, DeleteBucketOutput, HeadBucket, ListObjects,
    ObjectList, ObjectSummary,
};
#[cfg(feature = "client")]
pub use crate::client::{
    Bucket, Client, ClientBuilder, HttpClient, Overrides, Payload, Phase, PresignOptions, Presigned, TransportError,
};
pub use crate::crc64::Crc64;
pub use crate::credentials::{Credentials, SessionCredentials};
pub use crate::error::{Error, ErrorKind, Result, ServiceError};
pub use crate::head::Head;
pub use crate::key::ObjectKey;
pub use crate::object::{
    ContentRange, DeleteObject, DeleteObjectOutput, GetObject, HeadObject, Integrity, Object, ObjectMeta, PutObject,
    PutObjectOutput,
};
pub use crate::operation::{
    Describe, Operation, Paged, Permissions, Request, ResponseBody, Safety, Scope, Sent, Target, read_response,
};
pub use crate::options::{
    Acl, Attributes, ByteRange, Conditions, CustomerKey, Encryption, ResponseOverrides, StorageClass, Tags,
    TrafficLimit,
};
pub use crate::region::{Address, BucketName, Endpoint, Region, Scheme};
pub use crate::time::Clock;
