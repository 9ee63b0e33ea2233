//! What a request says about the object it makes: everything that GET and HEAD will say again.

use bytes::Bytes;

use crate::acl::{self, About};
use crate::customer_key::CustomerKey;
use crate::encryption;
use crate::error::CosError;
use crate::lock;
use crate::media::media_type;
use crate::request::{Head, KEPT};
use crate::service::Call;
use crate::store::{Bucket, Draft};
use crate::tagging;

const LONGEST_KEY: usize = 850;

/// The key to write to: of a length and of characters that the service takes.
pub(crate) fn writable_key<'c>(call: &'c Call<'_>) -> Result<&'c str, CosError> {
    let key = call.key()?;
    check_key(key)?;
    Ok(key)
}

pub(crate) fn check_key(key: &str) -> Result<(), CosError> {
    if key.len() > LONGEST_KEY {
        return Err(CosError::new(400, "KeyTooLong", "The specified key is longer than 850 bytes."));
    }
    // The four arrows of the documents: CAN, EM, SUB and ESC.
    if key.bytes().any(|byte| (24..=27).contains(&byte)) {
        return Err(CosError::new(400, "InvalidObjectName", "The specified key holds a control character."));
    }
    Ok(())
}

/// Whether what is there must stay.
pub(crate) fn forbids_overwrite(head: &Head) -> Result<bool, CosError> {
    match head.header("x-cos-forbid-overwrite").map(str::to_ascii_lowercase).as_deref() {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(CosError::invalid_argument("x-cos-forbid-overwrite is true or false.")),
    }
}

/// Headers that ask for something we would have to pretend to do.
pub(crate) fn refuse_unknown(head: &Head) -> Result<(), CosError> {
    for name in head.headers.keys().map(http::HeaderName::as_str) {
        if name == "pic-operations" {
            return Err(CosError::not_implemented(&format!("the header {name}")));
        }
    }
    Ok(())
}

/// Headers, metadata, class, ACL, tags and encryption; that of the bucket, if none is given.
pub(crate) fn draft(head: &Head, bucket: &Bucket, key: &str) -> Result<Draft, CosError> {
    let value = |name: &str| head.headers.get(name).map(|value| Bytes::copy_from_slice(value.as_bytes()));
    let mut draft = Draft::default();
    for name in KEPT {
        if let Some(value) = value(name).filter(|value| !value.is_empty()) {
            draft.headers.push((name.to_owned(), value));
        }
    }
    if !draft.headers.iter().any(|(name, _)| name == "content-type") {
        draft.headers.push(("content-type".to_owned(), Bytes::from_static(media_type(key).as_bytes())));
    }
    draft.metadata = metadata(head)?;
    draft.storage_class = storage_class(head.header("x-cos-storage-class"))?;
    draft.acl = acl::of_headers(head, About::key(key))?;
    draft.tags = head.header("x-cos-tagging").map(tagging::from_header).transpose()?.unwrap_or_default();
    if let Some(algorithm) = head.header(encryption::HEADER) {
        match algorithm {
            encryption::AES256 => draft.encryption.push((encryption::HEADER.to_owned(), algorithm.to_owned())),
            "cos/kms" => return Err(CosError::not_implemented("encryption with keys of KMS")),
            _ => return Err(CosError::invalid_argument("x-cos-server-side-encryption is AES256 or cos/kms.")),
        }
    }
    if let Some(key) = CustomerKey::of(head)? {
        if !draft.encryption.is_empty() {
            return Err(CosError::invalid_argument(
                "An object is encrypted with one key: the customer's or that of COS.",
            ));
        }
        draft.encryption.extend(key.described());
    }
    encryption::apply(bucket, &mut draft);
    draft.locked_until = lock::of_headers(head, bucket)?;
    Ok(draft)
}

/// `x-cos-meta-*`: letters, digits and hyphens; 2 KB each and 4 KB together, values as the bytes they came as.
fn metadata(head: &Head) -> Result<Vec<(String, Bytes)>, CosError> {
    let mut metadata = Vec::new();
    let mut total = 0;
    for (name, value) in &head.headers {
        let Some(suffix) = name.as_str().strip_prefix("x-cos-meta-") else { continue };
        if suffix.is_empty() || !suffix.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Err(CosError::invalid_argument("Names of user metadata have letters, digits and hyphens only."));
        }
        let size = suffix.len() + value.len();
        total += size;
        if size > 2048 || total > 4096 {
            return Err(CosError::invalid_argument("User metadata is larger than 2 KB each or 4 KB together."));
        }
        metadata.push((name.to_string(), Bytes::copy_from_slice(value.as_bytes())));
    }
    Ok(metadata)
}

fn storage_class(text: Option<&str>) -> Result<String, CosError> {
    let class = text.unwrap_or("STANDARD");
    if is_storage_class(class) {
        return Ok(class.to_ascii_uppercase());
    }
    Err(CosError::new(400, "NotSupportedStorageClass", "The storage class you specified is not supported."))
}

/// Classes are compared without regard to case, as the Java SDK writes `Standard_IA`.
pub(crate) fn is_storage_class(text: &str) -> bool {
    const CLASSES: [&str; 9] = [
        "STANDARD",
        "STANDARD_IA",
        "INTELLIGENT_TIERING",
        "ARCHIVE",
        "DEEP_ARCHIVE",
        "MAZ_STANDARD",
        "MAZ_STANDARD_IA",
        "MAZ_INTELLIGENT_TIERING",
        "MAZ_ARCHIVE",
    ];
    CLASSES.iter().any(|class| class.eq_ignore_ascii_case(text))
}
