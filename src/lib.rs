//! Unofficial client for Tencent Cloud Object Storage (COS).
#![warn(missing_docs, missing_debug_implementations, unreachable_pub, clippy::unwrap_used)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod error;
pub mod credentials;
mod time;

pub use crate::credentials::{Credentials, SessionCredentials};
pub use crate::error::{Error, ErrorKind, Result, ServiceError};
pub use crate::time::Clock;
