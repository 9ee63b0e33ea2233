//! Temporary keys from STS, for programs without a runtime; see [`crate::sts`].
//!
//! # Examples
//! ```no_run
//! use tencent_cos::policy::{Policy, Resource};
//! use tencent_cos::{Credentials, blocking, sts};
//!
//! # fn example() -> tencent_cos::Result<()> {
//! let builder = sts::Client::builder().region("ap-guangzhou").credentials(Credentials::permanent("AKID…", "…")?);
//! let sts = blocking::sts::Client::new(builder)?;
//!
//! let uploads = Resource::prefix("ap-guangzhou", "examplebucket-1250000000", "uploads/alice/")?;
//! let issued = sts.send(sts::GetFederationToken::new("alice", Policy::new().allow_upload(&uploads)))?;
//! println!("{} until {:?}", issued.key.secret_id(), issued.key.expires_at());
//! # Ok(())
//! # }
//! ```

use std::fmt;

use super::runtime::Runtime;
use crate::Result;
use crate::sts::{Call, ClientBuilder, Issued, Issuer};

/// A connection to STS with a key to ask with; see [`crate::sts::Client`]. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    client: crate::sts::Client,
    runtime: Runtime,
}

impl Client {
    /// Makes a client of what the builder holds. No I/O happens here.
    ///
    /// # Errors
    /// As [`ClientBuilder::build`]; [`ErrorKind::Io`](crate::ErrorKind::Io) when no thread can be had.
    pub fn new(builder: ClientBuilder) -> Result<Self> {
        Ok(Self { client: builder.build()?, runtime: Runtime::new()? })
    }

    /// Asks for a key, and waits for it: 15 s at most, unless the builder said otherwise.
    ///
    /// # Errors
    /// As [`crate::sts::Client::send`]; [`ErrorKind::Input`](crate::ErrorKind::Input) with field `runtime` inside a
    /// tokio runtime, and in a process that was forked since the client was made.
    pub fn send<C: Call>(&self, call: C) -> Result<Issued> {
        self.runtime.wait(self.client.send(call))
    }

    /// A source of keys that makes this call each time it is asked; see [`crate::sts::Client::provider`]. Blocking
    /// clients and others take it.
    pub fn provider<C: Call>(&self, call: C) -> Issuer<C> {
        self.client.provider(call)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.client.fmt(f)
    }
}
