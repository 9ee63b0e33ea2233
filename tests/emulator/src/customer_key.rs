//! Encryption with a key of the customer (SSE-C).
//!
//! Nothing is encrypted here, and no key is kept. What is kept of it is its digest: whoever comes without that key gets
//! nothing of the object.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};

use crate::error::CosError;
use crate::ids::Ids;
use crate::request::Head;
use crate::store::{Content, Draft};

const OF_OBJECT: &str = "x-cos-server-side-encryption-customer-";
const OF_SOURCE: &str = "x-cos-copy-source-server-side-encryption-customer-";
const ALGORITHM: &str = "x-cos-server-side-encryption-customer-algorithm";
const KEY_MD5: &str = "x-cos-server-side-encryption-customer-key-MD5";

/// A key that came with a request, by its digest.
#[derive(Debug)]
pub(crate) struct CustomerKey {
    digest: String,
}

impl CustomerKey {
    /// The key that the object is written or read with.
    pub(crate) fn of(head: &Head) -> Result<Option<Self>, CosError> {
        Self::under(OF_OBJECT, head)
    }

    /// The key that the source of a copy is read with.
    pub(crate) fn of_source(head: &Head) -> Result<Option<Self>, CosError> {
        Self::under(OF_SOURCE, head)
    }

    fn under(prefix: &str, head: &Head) -> Result<Option<Self>, CosError> {
        let bad = |what: &str| CosError::invalid_argument(format!("{prefix}{what}"));
        let (algorithm, key, digest) =
            match ["algorithm", "key", "key-md5"].map(|name| head.header(&[prefix, name].concat())) {
                [None, None, None] => return Ok(None),
                [Some(algorithm), Some(key), Some(digest)] => (algorithm, key, digest),
                _ => return Err(bad("algorithm, -key and -key-MD5 come together.")),
            };
        if algorithm != "AES256" {
            return Err(bad("algorithm is AES256."));
        }
        let key = STANDARD.decode(key).ok().filter(|key| key.len() == 32);
        let key = key.ok_or_else(|| bad("key is the Base64 of 32 bytes."))?;
        if digest != STANDARD.encode(Md5::digest(&key)) {
            return Err(bad("key-MD5 is not the digest of the key."));
        }
        Ok(Some(Self { digest: digest.to_owned() }))
    }

    /// What answers say of it.
    pub(crate) fn described(self) -> [(String, String); 2] {
        [(ALGORITHM.to_owned(), "AES256".to_owned()), (KEY_MD5.to_owned(), self.digest)]
    }
}

/// The digest of the key that an object was written with.
pub(crate) fn digest_of(draft: &Draft) -> Option<&str> {
    draft.encryption.iter().find(|(name, _)| name == KEY_MD5).map(|(_, digest)| digest.as_str())
}

/// Refuses whoever does not have the object's key, or has a key for an object without one.
pub(crate) fn demand(given: Option<&CustomerKey>, draft: &Draft) -> Result<(), CosError> {
    match (digest_of(draft), given.map(|key| key.digest.as_str())) {
        (None, None) => Ok(()),
        (Some(needed), Some(given)) if needed == given => Ok(()),
        (Some(_), _) => {
            let message = "The object is encrypted with a key of the customer, which must come with the request.";
            Err(CosError::new(400, "SsecDecryptHeaderInvalid", message))
        }
        (None, Some(_)) => {
            let message = "The object is not encrypted with a key of the customer.";
            Err(CosError::new(400, "SSEHeaderNotAllowed", message))
        }
    }
}

/// Where such a key would have to be pretended.
pub(crate) fn refuse(head: &Head) -> Result<(), CosError> {
    match head.headers.keys().find(|name| name.as_str().contains("server-side-encryption-customer-")) {
        Some(name) => Err(CosError::not_implemented(&format!("the header {name} here"))),
        None => Ok(()),
    }
}

/// The `ETag` of what is encrypted is not the MD5 of its bytes.
pub(crate) fn disguise(content: &mut Content, draft: &Draft, ids: &Ids) {
    if digest_of(draft).is_some() {
        content.md5 = Md5::digest(ids.hex(32)).into();
    }
}
