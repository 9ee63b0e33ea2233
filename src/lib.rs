//! Unofficial client for Tencent Cloud Object Storage (COS).
#![warn(missing_docs, missing_debug_implementations, unreachable_pub, clippy::unwrap_used)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

#[cfg(feature = "client")]
pub mod client;
pub mod credentials;
mod crc64;
mod error;
mod head;
mod key;
mod region;
pub mod sign;
mod time;

pub use crate::crc64::Crc64;
pub use crate::credentials::{Credentials, SessionCredentials};
pub use crate::error::{Error, ErrorKind, Result, ServiceError};
pub use crate::head::Head;
pub use crate::key::ObjectKey;
pub use crate::region::{Address, BucketName, Endpoint, Region, Scheme};
pub use crate::time::Clock;
