//! The default encryption of a bucket: what objects get whose request does not say it.

use crate::error::CosError;
use crate::store::{Bucket, Draft, Setting};
use crate::xml::Element;

/// The one algorithm with keys of COS.
pub(crate) const AES256: &str = "AES256";
pub(crate) const HEADER: &str = "x-cos-server-side-encryption";

pub(crate) fn check(root: &Element) -> Result<(), CosError> {
    let default = only(root, "Rule").and_then(|rule| only(rule, "ApplyServerSideEncryptionByDefault"));
    let default = default.ok_or_else(CosError::malformed_xml)?;
    if !default.has_only(&["SSEAlgorithm", "KMSMasterKeyID", "KMSAlgorithm"])
        || default.all("SSEAlgorithm").count() != 1
    {
        return Err(CosError::malformed_xml());
    }
    match default.text_of("SSEAlgorithm") {
        Some("KMS") => Err(CosError::not_implemented("encryption with keys of KMS")),
        Some(AES256) if default.children().len() == 1 => Ok(()),
        Some(AES256) => Err(CosError::invalid_argument("A key of KMS is for the algorithm KMS.")),
        _ => Err(CosError::malformed_xml()),
    }
}

/// The child that must be there, and nothing else.
fn only<'e>(parent: &'e Element, name: &str) -> Option<&'e Element> {
    let children = parent.children();
    (parent.has_only(&[name]) && children.len() == 1).then(|| &children[0])
}

/// Gives the default to an object that does not say how it is encrypted.
pub(crate) fn apply(bucket: &Bucket, draft: &mut Draft) {
    if draft.encryption.is_empty() && bucket.setting(Setting::Encryption).is_some() {
        draft.encryption.push((HEADER.to_owned(), AES256.to_owned()));
    }
}
