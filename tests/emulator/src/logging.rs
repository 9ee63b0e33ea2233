//! Logs of the requests for a bucket: where they would go. None are written.

use crate::attributes::check_key;
use crate::error::CosError;
use crate::service::Call;
use crate::settings::{children, texts};
use crate::store::Bucket;
use crate::xml::Element;

/// Whether logs are on: a document with nothing in it turns them off.
pub(crate) fn check(call: &Call<'_>, bucket: &Bucket, root: &Element) -> Result<bool, CosError> {
    let [enabled] = children(root, ["LoggingEnabled"]).ok_or_else(CosError::malformed_xml)?;
    let Some(enabled) = enabled else { return Ok(false) };
    let [target, prefix] = texts(enabled, ["TargetBucket", "TargetPrefix"]).ok_or_else(CosError::malformed_xml)?;
    // The reference calls both optional; logs without a bucket would have no place (inferred).
    let target = target.ok_or_else(invalid_target)?;
    let found = call.world.store.bucket(target).ok_or_else(invalid_target)?;
    if found.region != bucket.region {
        return Err(invalid_target());
    }
    // What makes a prefix wrong is not documented: what could begin no key.
    check_key(prefix.unwrap_or_default())
        .map_err(|_| CosError::new(400, "LoggingPrefixInvalid", "The prefix of the logs is not valid."))?;
    Ok(true)
}

fn invalid_target() -> CosError {
    let message = "The target bucket for logging does not exist, or is not in the region of the bucket.";
    CosError::new(400, "InvalidTargetBucketForLogging", message)
}
