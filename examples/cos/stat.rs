//! `cos stat`.

use std::collections::BTreeMap;

use clap::Args;
use serde_json::{Map, Value, json};
use tencent_cos::{HeadObject, ObjectMeta};

use crate::amount::Size;
use crate::failure::Outcome;
use crate::output::time_text;
use crate::session::Session;
use crate::url::{ObjectUrl, VersionId};

pub const EXAMPLES: &str = "\
Examples:
  cos stat cos://examplebucket-1250000000/notes/a.txt
  cos --json stat cos://examplebucket-1250000000/notes/a.txt | jq .crc64";

/// Show what COS keeps of an object beside its bytes
///
/// With --json every field stands there, null where COS says nothing; `other` has what this program does not know.
#[derive(Debug, Args)]
pub struct Stat {
    /// cos://BUCKET-APPID/KEY
    #[arg(value_name = "OBJECT")]
    object: ObjectUrl,
    /// This version, in place of the latest
    #[arg(long, value_name = "ID")]
    version_id: Option<VersionId>,
}

/// Fields that are headers, as they are.
const HEADERS: [(&str, &str); 17] = [
    ("content_type", "content-type"),
    ("cache_control", "cache-control"),
    ("content_disposition", "content-disposition"),
    ("content_encoding", "content-encoding"),
    ("content_language", "content-language"),
    ("expires", "expires"),
    ("object_type", "x-cos-object-type"),
    ("next_append_position", "x-cos-next-append-position"),
    ("storage_tier", "x-cos-storage-tier"),
    ("restore", "x-cos-restore"),
    ("restore_status", "x-cos-restore-status"),
    ("expiration", "x-cos-expiration"),
    ("replication_status", "x-cos-replication-status"),
    ("encryption", "x-cos-server-side-encryption"),
    ("kms_key_id", "x-cos-server-side-encryption-cos-kms-key-id"),
    ("customer_algorithm", "x-cos-server-side-encryption-customer-algorithm"),
    ("tags", "x-cos-tagging-count"),
];

/// Headers of which other fields are made, or which are about the answer.
const KNOWN: [&str; 5] =
    ["x-cos-hash-crc64ecma", "x-cos-storage-class", "x-cos-version-id", "x-cos-request-id", "x-cos-trace-id"];

const META: &str = "x-cos-meta-";

pub async fn run(session: &Session, Stat { object, version_id }: Stat) -> Outcome {
    let bucket = session.bucket(&object.bucket)?;
    let mut head = HeadObject::new(object.key.clone());
    if let Some(VersionId(id)) = version_id {
        head = head.version_id(id);
    }
    let meta = session.send(&bucket, head).await?;
    let fields = fields(&object, &meta);
    let json = || Value::Object(fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect());
    let mut output = session.output();
    output.lines(json, &text(&object, &fields))?;
    output.finish()
}

/// In the order in which they are shown.
fn fields(object: &ObjectUrl, meta: &ObjectMeta) -> Vec<(&'static str, Value)> {
    // A number of 64 bits does not survive every reader of JSON.
    let crc64 = meta.crc64().map(|crc64| crc64.to_string());
    let mut fields = vec![
        ("bucket", json!(object.bucket.as_str())),
        ("key", json!(object.key.as_str())),
        ("size", json!(meta.content_length())),
        ("etag", json!(meta.etag())),
        ("crc64", json!(crc64)),
        ("last_modified", json!(time_text(meta.last_modified()))),
        ("version_id", json!(meta.version_id())),
        ("storage_class", json!(meta.storage_class().as_str())),
    ];
    let all = texts(meta);
    fields.extend(HEADERS.map(|(name, header)| {
        let text = all.get(header);
        let value = match name {
            "next_append_position" | "tags" => json!(text.and_then(|text| text.parse::<u64>().ok())),
            _ => json!(text),
        };
        (name, value)
    }));
    let is_known = |name: &str| KNOWN.contains(&name) || HEADERS.iter().any(|(_, header)| *header == name);
    let (mut metadata, mut other) = (Map::new(), Map::new());
    for (name, value) in &all {
        if let Some(name) = name.strip_prefix(META) {
            metadata.insert(name.to_owned(), json!(value));
        } else if name.starts_with("x-cos-") && !is_known(name) {
            other.insert((*name).to_owned(), json!(value));
        }
    }
    fields.extend([("metadata", metadata.into()), ("other", other.into()), ("request_id", json!(meta.request_id()))]);
    fields
}

/// All headers by name; metadata may be in any encoding.
fn texts(meta: &ObjectMeta) -> BTreeMap<&str, String> {
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    meta.headers().iter().map(|(name, value)| (name.as_str(), text(value.as_bytes()))).collect()
}

fn text(object: &ObjectUrl, fields: &[(&str, Value)]) -> Vec<(String, String)> {
    let mut lines = vec![("object".to_owned(), object.to_string())];
    for (name, value) in fields {
        match (*name, value) {
            ("bucket" | "key", _) | (_, Value::Null) => {}
            ("metadata", Value::Object(all)) => {
                lines.extend(all.iter().map(|(name, value)| (format!("meta {name}"), plain(value))));
            }
            ("other", Value::Object(all)) => lines.extend(all.iter().map(|(name, value)| (name.clone(), plain(value)))),
            ("size", value) => lines.extend(value.as_u64().map(|size| (name.to_string(), Size(size).to_string()))),
            (name, value) => lines.push((name.replace('_', " "), plain(value))),
        }
    }
    lines
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
