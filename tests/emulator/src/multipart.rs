//! Multipart uploads: Initiate, Upload Part, Complete, Abort, and the two lists.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::attributes::{draft, forbids_overwrite, refuse_unknown, writable_key};
use crate::bucket::{
    Spelling, check_delimiter, deny_strangers, iso_milliseconds, page_size, write_person, write_prefixes,
};
use crate::callback::{self, Callback};
use crate::cam::OWNER;
use crate::customer_key::{self, CustomerKey};
use crate::encoding::{encode_path, number};
use crate::error::CosError;
use crate::object::{describe_write, may_write};
use crate::receive::{Digests, receive, receive_document};
use crate::respond::Reply;
use crate::service::{CRC, Call};
use crate::store::{Completion, Entry, ListQuery, Versioning};
use crate::xml::{Document, Element};

/// The least size of every part but the last.
const SMALLEST_PART: u64 = 1024 * 1024;

const MOST_PARTS: u32 = 10_000;

const NAMESPACE: &str = "http://www.qcloud.com/document/product/436/7751";

pub(crate) fn initiate(call: &Call<'_>) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    may_write(call, &bucket)?;
    let key = writable_key(call)?;
    refuse_unknown(call.head)?;
    let draft = draft(call.head, &bucket, key)?;
    let guard = forbids_overwrite(call.head)?;
    bucket.check(key, |occupant| occupant.guard(guard))?;
    let encryption = draft.encryption.clone();
    let id = bucket.initiate(key, draft, &call.world.ids, call.world.clock.now())?;

    let mut xml = Document::new("InitiateMultipartUploadResult");
    xml.text("Bucket", &bucket.name);
    xml.text("Key", key);
    xml.text("UploadId", &id);
    let mut reply = Reply::xml(xml.finish());
    reply.set_all(&encryption);
    Ok(reply)
}

pub(crate) async fn upload_part(call: &mut Call<'_>) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    may_write(call, &bucket)?;
    let key = call.key()?.to_owned();
    refuse_unknown(call.head)?;
    let (id, number) = part_meant(call)?;
    call.demand_length()?;
    let digests = Digests::of(call.head)?;
    let begun = bucket.upload_draft(&key, &id)?;
    customer_key::demand(CustomerKey::of(call.head)?.as_ref(), &begun)?;
    let mut content = receive(call, &digests).await?;
    customer_key::disguise(&mut content, &begun, &call.world.ids);
    // The upload may have been completed or aborted while the body came.
    let part = bucket.put_part(&key, &id, number, content, call.world.clock.now())?;

    let mut reply = Reply::ok();
    reply.set("etag", &part.etag);
    reply.set(CRC, part.crc64.to_string());
    reply.set_all(&begun.encryption);
    Ok(reply)
}

/// `uploadId` and `partNumber`.
pub(crate) fn part_meant(call: &Call<'_>) -> Result<(String, u32), CosError> {
    let number = call.head.query.get("partNumber").and_then(number);
    let number = number
        .filter(|number| (1..=MOST_PARTS).contains(number))
        .ok_or_else(|| CosError::invalid_argument("Part number must be an integer between 1 and 10000, inclusive."))?;
    Ok((upload_meant(call)?.to_owned(), number))
}

fn upload_meant<'c>(call: &Call<'c>) -> Result<&'c str, CosError> {
    call.head.query.get("uploadId").ok_or_else(|| CosError::invalid_argument("The request has no uploadId."))
}

pub(crate) async fn complete(call: &mut Call<'_>) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    may_write(call, &bucket)?;
    let key = call.key()?.to_owned();
    refuse_unknown(call.head)?;
    let id = upload_meant(call)?;
    let parts = listed_parts(&receive_document(call, "CompleteMultipartUpload").await?)?;
    let order = Completion {
        parts: &parts,
        smallest: if call.world.small_parts { 0 } else { SMALLEST_PART },
        forbid_overwrite: forbids_overwrite(call.head)?,
        etag: &call.world.ids.hex(32),
    };
    let callback = Callback::of(call.head)?;
    let committed = bucket.complete(&key, id, &order, call.world.clock.now())?;

    let host = format!("{}.cos.{}.myqcloud.com", bucket.name, bucket.region);
    let mut xml = Document::in_namespace("CompleteMultipartUploadResult", NAMESPACE);
    xml.text("Location", &format!("http://{host}/{}", encode_path(key.as_bytes())));
    xml.text("Bucket", &bucket.name);
    xml.text("Key", &key);
    xml.text("ETag", &committed.version.etag);
    if let Some(callback) = callback {
        xml.open("CallbackResult");
        match callback.send(&bucket, &committed.version, &key).await {
            Ok(said) => {
                xml.text("Status", "200");
                xml.text("CallbackBody", &STANDARD.encode(said));
            }
            Err(why) => {
                xml.text("Status", &callback::FAILED.to_string());
                xml.open("Error");
                xml.text("Code", callback::CODE);
                xml.text("Message", &why);
                xml.close();
            }
        }
        xml.close();
    }
    let mut reply = Reply::late_xml(xml.finish());
    describe_write(&mut reply, &committed);
    if committed.versioning == Versioning::Suspended {
        reply.set("x-cos-version-id", "null");
    }
    Ok(reply)
}

/// Number and `ETag` of each part, in the order of the document. An `ETag` in CDATA matches none, as on the service.
fn listed_parts(document: &Element) -> Result<Vec<(u32, String)>, CosError> {
    let mut parts = Vec::new();
    for part in document.all("Part") {
        let number = part.text_of("PartNumber").and_then(|text| number(text.trim()));
        let etag = part.child("ETag").filter(|etag| !etag.text.is_empty());
        let (Some(number), Some(etag)) = (number, etag) else { return Err(CosError::malformed_xml()) };
        parts.push((number, if etag.cdata { String::new() } else { etag.text.trim().to_owned() }));
    }
    if parts.is_empty() { Err(CosError::malformed_xml()) } else { Ok(parts) }
}

pub(crate) fn abort(call: &Call<'_>) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    may_write(call, &bucket)?;
    bucket.abort(call.key()?, upload_meant(call)?)?;
    Ok(Reply::no_content())
}

pub(crate) fn list_parts(call: &Call<'_>) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    deny_strangers(call)?;
    let query = &call.head.query;
    let key = call.key()?;
    let Some(id) = query.get("uploadId") else {
        return Err(CosError::new(400, "ListPartUploadIdIsEmpty", "The uploadId is empty."));
    };
    let limit = page_size(query.get("max-parts"), "max-parts")?;
    let spelled = Spelling::of(query.get("encoding-type"))?;
    let marker = query.get("part-number-marker").unwrap_or("0");
    let marker: u32 = number(marker)
        .ok_or_else(|| CosError::invalid_argument("part-number-marker must be an integer between 0 and 10000."))?;
    let upload = bucket.upload(key, id)?;
    let mut parts: Vec<_> = upload.parts.iter().filter(|(number, _)| **number > marker).collect();
    let truncated = parts.len() > limit;
    parts.truncate(limit);

    let mut xml = Document::new("ListPartsResult");
    xml.text("Bucket", &bucket.name);
    if spelled == Spelling::Url {
        xml.text("Encoding-type", "url");
    }
    xml.text("Key", &spelled.write(key));
    xml.text("UploadId", id);
    write_person(&mut xml, "Initiator", OWNER);
    write_person(&mut xml, "Owner", &call.world.appid);
    xml.text("StorageClass", &upload.draft.storage_class);
    xml.number("PartNumberMarker", u64::from(marker));
    if let Some((last, _)) = parts.last().filter(|_| truncated) {
        xml.number("NextPartNumberMarker", u64::from(**last));
    }
    xml.number("MaxParts", limit as u64);
    xml.flag("IsTruncated", truncated);
    for (&number, part) in parts {
        xml.open("Part");
        xml.number("PartNumber", u64::from(number));
        xml.text("LastModified", &iso_milliseconds(part.micros));
        xml.text("ETag", &part.etag);
        xml.number("Size", part.size);
        xml.close();
    }
    Ok(Reply::xml(xml.finish()))
}

pub(crate) fn list_uploads(call: &Call<'_>) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    deny_strangers(call)?;
    let query = &call.head.query;
    let delimiter = query.get("delimiter");
    check_delimiter(delimiter)?;
    let spelled = Spelling::of(query.get("encoding-type"))?;
    let asked = ListQuery {
        prefix: query.get("prefix").unwrap_or_default(),
        delimiter,
        marker: query.get("key-marker").unwrap_or_default(),
        id_marker: query.get("upload-id-marker"),
        limit: page_size(query.get("max-uploads"), "max-uploads")?,
    };
    let (entries, truncated) = bucket.list_uploads(&asked);

    let mut xml = Document::new("ListMultipartUploadsResult");
    xml.text("Bucket", &bucket.name);
    if spelled == Spelling::Url {
        xml.text("Encoding-Type", "url");
    }
    xml.text("KeyMarker", &spelled.write(asked.marker));
    xml.text("UploadIdMarker", asked.id_marker.unwrap_or_default());
    if let Some(last) = entries.last().filter(|_| truncated) {
        xml.text("NextKeyMarker", &spelled.write(last.name()));
        if let Entry::Item(_, upload) = last {
            xml.text("NextUploadIdMarker", &upload.id);
        }
    }
    xml.number("MaxUploads", asked.limit as u64);
    xml.flag("IsTruncated", truncated);
    xml.text("Prefix", &spelled.write(asked.prefix));
    if let Some(delimiter) = delimiter {
        xml.text("Delimiter", &spelled.write(delimiter));
    }
    for entry in &entries {
        let Entry::Item(key, upload) = entry else { continue };
        xml.open("Upload");
        xml.text("Key", &spelled.write(key));
        xml.text("UploadId", &upload.id);
        xml.text("StorageClass", &upload.storage_class); // always there: the Node SDK reads it unguarded
        write_person(&mut xml, "Initiator", OWNER);
        write_person(&mut xml, "Owner", &call.world.appid);
        xml.text("Initiated", &iso_milliseconds(upload.started));
        xml.close();
    }
    write_prefixes(&mut xml, &entries, spelled);
    Ok(Reply::xml(xml.finish()))
}
