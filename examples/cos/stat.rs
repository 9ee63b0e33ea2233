//! `cos stat`.

use std::collections::BTreeMap;

use clap::Args;
use serde_json::json;
use tencent_cos::HeadObject;

use crate::failure::Outcome;
use crate::output::time_text;
use crate::session::Session;
use crate::url::{ObjectUrl, VersionId};

#[derive(Debug, Args)]
pub struct Stat {
    /// cos://BUCKET-APPID/KEY
    #[arg(value_name = "OBJECT")]
    object: ObjectUrl,
    /// This version, in place of the latest
    #[arg(long, value_name = "ID")]
    version_id: Option<VersionId>,
}

pub async fn run(session: &Session, Stat { object, version_id }: Stat) -> Outcome {
    let bucket = session.bucket(&object.bucket)?;
    let mut head = HeadObject::new(object.key.clone());
    if let Some(VersionId(id)) = version_id {
        head = head.version_id(id);
    }
    let meta = session.send(&bucket, head).await?;
    let metadata: BTreeMap<&str, &str> = meta.metadata().collect();
    // A number of 64 bits does not survive every reader of JSON.
    let crc64 = meta.crc64.map(|crc64| crc64.to_string());
    let written = time_text(meta.last_modified);
    let json = || {
        json!({
            "bucket": object.bucket.as_str(),
            "key": object.key.as_str(),
            "size": meta.content_length,
            "etag": meta.etag,
            "crc64": crc64,
            "last_modified": written,
            "content_type": meta.content_type(),
            "storage_class": meta.storage_class.as_str(),
            "version_id": meta.version_id,
            "metadata": metadata,
            "request_id": meta.request_id(),
        })
    };
    let mut text = vec![("object".to_owned(), object.to_string())];
    let mut add = |name: &str, value: Option<String>| text.extend(value.map(|value| (name.to_owned(), value)));
    add("size", meta.content_length.map(|size| size.to_string()));
    add("etag", Some(meta.etag.clone()));
    add("crc64", crc64.clone());
    add("last modified", written.clone());
    add("content type", meta.content_type().map(str::to_owned));
    add("storage class", Some(meta.storage_class.as_str().to_owned()));
    add("version id", meta.version_id.clone());
    for (name, value) in &metadata {
        add(&format!("meta {name}"), Some((*value).to_owned()));
    }
    add("request id", Some(meta.request_id().to_owned()));
    let mut output = session.output();
    output.lines(json, &text)?;
    output.finish()
}
