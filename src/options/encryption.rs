use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue};
use md5::{Digest, Md5};
use serde_json::json;
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::request::{Describe, Request};

/// How COS encrypts an object at rest.
///
/// COS reference: [Server-side encryption](https://cloud.tencent.com/document/product/436/18145)
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Encryption {
    /// With a key COS keeps (SSE-COS).
    Cos,
    /// With a key of the key management service (SSE-KMS).
    Kms(KmsKey),
    /// With a key of the caller (SSE-C). The same key must come with every later read.
    Customer(CustomerKey),
}

impl Encryption {
    pub(crate) fn customer_key(&self) -> Option<&CustomerKey> {
        match self {
            Self::Customer(key) => Some(key),
            Self::Cos | Self::Kms(_) => None,
        }
    }
}

impl Describe for Encryption {
    fn describe(&self, request: Request) -> Result<Request> {
        match self {
            Self::Cos => request.header("x-cos-server-side-encryption", "AES256"),
            Self::Kms(key) => key.describe(request),
            Self::Customer(key) => key.describe(request),
        }
    }
}

/// A key of the key management service for SSE-KMS, and the context it encrypts in.
///
/// # Examples
/// ```
/// use tencent_cos::{Encryption, KmsKey, PutObject};
///
/// # fn main() -> tencent_cos::Result<()> {
/// let key = KmsKey::new().kms_key_id("48ba38aa-26c5-11ea-855c-52540085f0c2").context("company", "Tencent");
/// let put = PutObject::new("k".parse()?, "hello").encryption(Encryption::Kms(key));
/// # let _ = put;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KmsKey {
    kms_key_id: Option<String>,
    context: BTreeMap<String, String>,
}

impl KmsKey {
    /// The account's default key.
    pub fn new() -> Self {
        Self::default()
    }

    /// The key of this id.
    #[must_use]
    pub fn kms_key_id(mut self, id: impl Into<String>) -> Self {
        self.kms_key_id = Some(id.into());
        self
    }

    /// One more pair of the encryption context (`x-cos-server-side-encryption-context`). It is no secret.
    #[must_use]
    pub fn context(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.context.insert(name.into(), value.into());
        self
    }
}

impl Describe for KmsKey {
    fn describe(&self, request: Request) -> Result<Request> {
        // It would be sent as none, and mean the account's default key.
        if self.kms_key_id.as_ref().is_some_and(|id| id.trim().is_empty()) {
            return Err(Error::input("kms_key_id", "is empty"));
        }
        let context = (!self.context.is_empty()).then(|| STANDARD.encode(json!(self.context).to_string()));
        request
            .header("x-cos-server-side-encryption", "cos/kms")?
            .header_opt("x-cos-server-side-encryption-cos-kms-key-id", self.kms_key_id.as_deref())?
            .header_opt("x-cos-server-side-encryption-context", context)
    }
}

/// A key of the caller for SSE-C: 32 bytes. Wiped when dropped; `Debug` shows nothing of it. Needs https.
#[derive(Clone, PartialEq, Eq)]
pub struct CustomerKey(Arc<Zeroizing<[u8; 32]>>);

impl CustomerKey {
    /// A key of 32 bytes.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) with field `customer_key` when there are not 32.
    pub fn new(key: impl AsRef<[u8]>) -> Result<Self> {
        let key = key.as_ref().try_into();
        let key: [u8; 32] = key.map_err(|_| Error::input("customer_key", "is not 32 bytes long"))?;
        Ok(Self(Arc::new(Zeroizing::new(key))))
    }
}

impl CustomerKey {
    /// Algorithm, key and digest under these three names.
    fn describe_as(&self, request: Request, [algorithm, key, digest]: [&'static str; 3]) -> Result<Request> {
        let secret = |text: Zeroizing<String>| {
            // Base64 is visible ASCII.
            let mut value = HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""));
            value.set_sensitive(true);
            value
        };
        Ok(request
            .header(algorithm, "AES256")?
            .header_value(HeaderName::from_static(key), secret(Zeroizing::new(STANDARD.encode(**self.0))))
            .header_value(
                HeaderName::from_static(digest),
                secret(Zeroizing::new(STANDARD.encode(Md5::digest(**self.0)))),
            ))
    }

    /// The key of the source of a copy.
    pub(super) fn describe_source(&self, request: Request) -> Result<Request> {
        let names = [
            "x-cos-copy-source-server-side-encryption-customer-algorithm",
            "x-cos-copy-source-server-side-encryption-customer-key",
            "x-cos-copy-source-server-side-encryption-customer-key-md5",
        ];
        self.describe_as(request, names)
    }
}

impl Describe for CustomerKey {
    fn describe(&self, request: Request) -> Result<Request> {
        let names = [
            "x-cos-server-side-encryption-customer-algorithm",
            "x-cos-server-side-encryption-customer-key",
            "x-cos-server-side-encryption-customer-key-md5",
        ];
        self.describe_as(request, names)
    }
}

impl fmt::Debug for CustomerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CustomerKey(***)")
    }
}
