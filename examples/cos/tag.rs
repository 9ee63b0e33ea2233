//! `cos tag`.

use std::str::FromStr;

use clap::Args;
use serde_json::{Value, json};
use tencent_cos::{DeleteObjectTagging, GetObjectTagging, PutObjectTagging, Tags};

use crate::amount::counted;
use crate::failure::Outcome;
use crate::session::Session;
use crate::url::{ObjectUrl, VersionId};

pub const EXAMPLES: &str = "\
Examples:
  cos tag cos://examplebucket-1250000000/notes/a.txt
  cos tag cos://examplebucket-1250000000/notes/a.txt team=blue keep='a year'
  cos tag cos://examplebucket-1250000000/notes/a.txt --delete";

/// Show the tags of an object, or give it others
///
/// Tags that are given take the place of all there are: up to 10, with keys of up to 127 and values of up to 255
/// characters. In KEY=VALUE the key ends at the first `=`.
#[derive(Debug, Args)]
pub struct Tag {
    /// cos://BUCKET-APPID/KEY
    #[arg(value_name = "OBJECT")]
    object: ObjectUrl,
    /// The tags it gets, in place of those it has
    #[arg(value_name = "KEY=VALUE")]
    tags: Vec<Pair>,
    /// Remove all its tags
    #[arg(long, conflicts_with = "tags")]
    delete: bool,
    /// This version, in place of the latest
    #[arg(long, value_name = "ID")]
    version_id: Option<VersionId>,
}

#[derive(Clone, Debug)]
struct Pair(String, String);

impl FromStr for Pair {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = text.split_once('=').ok_or("is not of the form KEY=VALUE")?;
        Ok(Self(key.to_owned(), value.to_owned()))
    }
}

pub async fn run(session: &Session, Tag { object, tags, delete, version_id }: Tag) -> Outcome {
    let tags: Tags = tags.into_iter().map(|Pair(key, value)| (key, value)).collect();
    let version_id = version_id.map(|VersionId(id)| id);
    if delete {
        remove(session, &object, version_id).await
    } else if tags.is_empty() {
        show(session, &object, version_id).await
    } else {
        replace(session, &object, version_id, tags).await
    }
}

async fn show(session: &Session, object: &ObjectUrl, version_id: Option<String>) -> Outcome {
    let mut get = GetObjectTagging::new(object.key.clone());
    if let Some(id) = version_id {
        get = get.version_id(id);
    }
    let found = session.send(&session.bucket(&object.bucket)?, get).await?;
    let mut output = session.output();
    let text: Vec<_> = found.tags.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    output.lines(|| told(object, found.version_id.as_deref(), &found.tags, found.request_id()), &text)?;
    output.finish()
}

async fn replace(session: &Session, object: &ObjectUrl, version_id: Option<String>, tags: Tags) -> Outcome {
    let mut put = PutObjectTagging::new(object.key.clone(), tags.clone());
    if let Some(id) = version_id {
        put = put.version_id(id);
    }
    let done = session.send(&session.bucket(&object.bucket)?, put).await?;
    let mut output = session.output();
    let text = format!("gave {object} {} (request id {})", counted(tags.len() as u64, "tag"), done.request_id());
    output.line(|| told(object, done.version_id.as_deref(), &tags, done.request_id()), text)?;
    output.finish()
}

async fn remove(session: &Session, object: &ObjectUrl, version_id: Option<String>) -> Outcome {
    let mut delete = DeleteObjectTagging::new(object.key.clone());
    if let Some(id) = version_id {
        delete = delete.version_id(id);
    }
    let done = session.send(&session.bucket(&object.bucket)?, delete).await?;
    let mut output = session.output();
    let text = format!("removed the tags of {object} (request id {})", done.request_id());
    output.line(|| told(object, done.version_id.as_deref(), &Tags::new(), done.request_id()), text)?;
    output.finish()
}

/// The tags it has by now.
fn told(object: &ObjectUrl, version_id: Option<&str>, tags: &Tags, request_id: &str) -> Value {
    json!({
        "bucket": object.bucket.as_str(),
        "key": object.key.as_str(),
        "version_id": version_id,
        "tags": tags.iter().map(|(key, value)| (key.to_owned(), json!(value))).collect::<serde_json::Map<_, _>>(),
        "request_id": request_id,
    })
}
