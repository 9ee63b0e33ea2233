//! Temporary keys from the Security Token Service (STS), for those who have a key to sign the request with.
//!
//! A server with a permanent key requests keys that may do less and expire soon, and hands them to apps and browsers.
//! What they may do is a [`Policy`](crate::policy::Policy), made from the operations they are for. A call can also be a
//! source of keys for a client of this crate: [`Client::provider`].
//!
//! [`Client`] also needs the feature `client`; without a runtime use [`blocking::sts`](crate::blocking::sts). With
//! another HTTP client, [`sign`] makes the request and reads the answer; that needs the feature `sts` alone.
//!
//! [`AssumeRoleWithWebIdentity`] needs no key and no signature. In a pod of TKE, whose token is in a file, use
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
