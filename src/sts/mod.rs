//! Temporary keys from the Security Token Service (STS), for those who have a key to ask with.
//!
//! A server with a permanent key asks for keys that may do less and end soon, and hands them to apps and browsers. What
//! they may do is a [`Policy`](crate::policy::Policy), made of the operations they are for. Each call is also a source of
//! keys for a client of this crate: [`Client::provider`].
//!
//! [`Client`] needs the feature `client` as well; without a runtime take [`blocking::sts`](crate::blocking::sts). With a client
//! of HTTP of your own [`sign`] makes the request and reads the answer; that needs the feature `sts` alone.
//!
//! [`AssumeRoleWithWebIdentity`] needs no key and no signature. A pod of TKE, whose token is in a file, takes
//! [`WebIdentityCredentials`](crate::client::provider::WebIdentityCredentials).
//!
//! # Examples
//! ```no_run
//! use tencent_cos::policy::{Policy, Resource};
//! use tencent_cos::{Credentials, sts};
//!
//! # async fn example() -> tencent_cos::Result<()> {
//! let permanent = Credentials::permanent("AKID…", "…")?;
//! let sts = sts::Client::builder().region("ap-guangzhou").credentials(permanent).build()?;
//!
//! let uploads = Resource::prefix("ap-guangzhou", "examplebucket-1250000000", "uploads/alice/")?;
//! let call = sts::GetFederationToken::new("alice", Policy::new().allow_upload(&uploads));
//! let issued = sts.send(call).await?;
//! println!("{} until {:?}", issued.key.secret_id(), issued.key.expires_at());
//! # Ok(())
//! # }
//! ```

mod answer;
mod calls;
#[cfg(feature = "client")]
mod client;
mod endpoint;
#[cfg(feature = "client")]
mod provider;
mod request;
#[cfg(feature = "client")]
mod send;
pub mod tc3;

pub use self::answer::Issued;
pub use self::calls::{AssumeRole, AssumeRoleWithWebIdentity, Call, GetFederationToken};
#[cfg(feature = "client")]
pub use self::client::{Client, ClientBuilder};
pub use self::endpoint::Endpoint;
#[cfg(feature = "client")]
pub use self::provider::Issuer;
pub use self::request::{SignedCall, sign};
