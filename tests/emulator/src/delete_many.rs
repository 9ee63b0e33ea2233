//! DELETE Multiple Objects.

use crate::access::{self, Standing};
use crate::error::CosError;
use crate::object::may_write;
use crate::receive::receive_document;
use crate::respond::Reply;
use crate::service::Call;
use crate::store::{Bucket, Deleted, Setting};
use crate::xml::{Document, Element};

const MOST_KEYS: usize = 1000;

/// What is asked of each key by itself; of nobody in particular, both.
const ACTIONS: [&str; 2] = ["name/cos:DeleteObject", "name/cos:DeleteMultipleObjects"];

/// Deletes one key after the other, and says for each what became of it. Missing ones count as deleted.
pub(crate) async fn delete(call: &mut Call<'_>) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    // Where nothing but the ACL could let a stranger in, it is asked once for all.
    if bucket.setting(Setting::Policy).is_none() {
        may_write(call, &bucket)?;
    }
    let document = receive_document(call, "Delete").await?;
    let objects = listed_objects(&document)?;
    let quiet = document.text_of("Quiet").is_some_and(|text| text.trim().eq_ignore_ascii_case("true"));

    let mut xml = Document::new("DeleteResult");
    for (key, id) in objects {
        match may_delete(call, &bucket, key).and_then(|()| bucket.delete(key, id, call.world.clock.now())) {
            Ok(deleted) if !quiet => write_deleted(&mut xml, key, id, &deleted),
            Ok(_) => {}
            Err(error) => write_error(&mut xml, key, id, &error),
        }
    }
    Ok(Reply::xml(xml.finish()))
}

fn may_delete(call: &Call<'_>, bucket: &Bucket, key: &str) -> Result<(), CosError> {
    let by_acl = || bucket.lets_in(call.caller.principal().as_deref(), key, "WRITE");
    for action in &ACTIONS[..if call.is_anonymous() { 2 } else { 1 }] {
        if access::demand(call, &[action], bucket, key)? == Standing::Unsaid && !by_acl() {
            return Err(CosError::access_denied());
        }
    }
    Ok(())
}

/// Keys, and the versions meant. An empty version id means none, as the Java SDK sends one.
fn listed_objects(document: &Element) -> Result<Vec<(&str, Option<&str>)>, CosError> {
    let mut objects = Vec::new();
    for object in document.all("Object") {
        let key = object.text_of("Key").ok_or_else(CosError::malformed_xml)?;
        objects.push((key, object.text_of("VersionId")));
    }
    if objects.is_empty() {
        return Err(CosError::malformed_xml());
    }
    if objects.len() > MOST_KEYS {
        return Err(CosError::invalid_request("A request can delete at most 1000 objects."));
    }
    Ok(objects)
}

fn write_deleted(xml: &mut Document, key: &str, id: Option<&str>, deleted: &Deleted) {
    xml.open("Deleted");
    xml.text("Key", key);
    if let Some(id) = id {
        xml.text("VersionId", id);
    }
    if deleted.marker {
        xml.flag("DeleteMarker", true);
        xml.text("DeleteMarkerVersionId", deleted.version_id.as_deref().unwrap_or("null"));
    }
    xml.close();
}

fn write_error(xml: &mut Document, key: &str, id: Option<&str>, error: &CosError) {
    xml.open("Error");
    xml.text("Key", key);
    if let Some(id) = id {
        xml.text("VersionId", id);
    }
    xml.text("Code", &error.code);
    xml.text("Message", &error.message);
    xml.close();
}
