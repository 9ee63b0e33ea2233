//! Global acceleration of a bucket, and what its host serves.

use crate::address::{Address, Region};
use crate::error::CosError;
use crate::request::Operation;
use crate::service::Call;
use crate::settings::texts;
use crate::store::{Bucket, Setting};
use crate::xml::{Document, Element};

const ROOT: &str = "AccelerateConfiguration";
const ENABLED: &str = "Enabled";

/// What is kept: the document, with the type that a GET shows. A bucket that never had acceleration has none to suspend.
pub(crate) fn kept(bucket: &Bucket, root: &Element) -> Result<Option<String>, CosError> {
    let read = texts(root, ["Status", "Type"]);
    let Some([Some(status), kind]) = read else { return Err(CosError::malformed_xml()) };
    if ![ENABLED, "Suspended"].contains(&status) || kind.is_some_and(|kind| kind != "COS") {
        return Err(CosError::malformed_xml());
    }
    if status != ENABLED && bucket.setting(Setting::Accelerate).is_none() {
        return Ok(None);
    }
    let mut document = Document::new(ROOT);
    document.text("Status", status);
    document.text("Type", "COS");
    Ok(Some(document.finish()))
}

/// At the acceleration host, refuses what is about the bucket, and everything until acceleration is on. Which calls are
/// meant is inferred: those that make, remove or set up a bucket, not those that list what is in it.
pub(crate) fn check_host(call: &Call<'_>, operation: &Operation) -> Result<(), CosError> {
    let Address::Bucket { region: Region::Accelerate, key, .. } = &call.head.address else { return Ok(()) };
    let lists = matches!(
        operation,
        Operation::HeadBucket
            | Operation::GetBucket
            | Operation::GetBucketVersions
            | Operation::ListMultipartUploads
            | Operation::DeleteMultipleObjects
            | Operation::PostObject
            | Operation::OptionsObject
    );
    if key.is_empty() && !lists {
        let message = "The acceleration endpoint does not support this action.";
        return Err(CosError::new(400, "ActionAccelerateNotSupported", message));
    }
    let document = call.bucket()?.setting(Setting::Accelerate);
    if document.is_some_and(|document| document.contains(ENABLED)) {
        return Ok(());
    }
    Err(CosError::new(400, "BucketAccelerateNotEnabled", "The acceleration endpoint is not enabled for the bucket."))
}
