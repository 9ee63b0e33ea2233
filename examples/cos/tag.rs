//! `cos tag`.

use std::str::FromStr;

use clap::Args;
use serde_json::{Value, json};
use tencent_cos::{
    Bucket, DeleteBucketTagging, DeleteObjectTagging, GetBucketTagging, GetObjectTagging, ObjectKey, PutBucketTagging,
    PutObjectTagging, Tags,
};

use crate::amount::counted;
use crate::failure::{Failure, Outcome};
use crate::session::Session;
use crate::url::{ObjectUrl, PrefixUrl, VersionId};

pub const EXAMPLES: &str = "\
Examples:
  cos tag cos://examplebucket-1250000000/notes/a.txt
  cos tag cos://examplebucket-1250000000/notes/a.txt team=blue keep='a year'
  cos tag cos://examplebucket-1250000000 team=blue
  cos tag cos://examplebucket-1250000000/notes/a.txt --delete";

/// Show the tags of a bucket or an object, or give it others
///
/// Tags that are given take the place of all there are: up to 10 (of a bucket 50), with keys of up to 127 and values of
/// up to 255 characters. In KEY=VALUE the key ends at the first `=`.
#[derive(Debug, Args)]
pub struct Tag {
    /// cos://BUCKET-APPID[/KEY]
    #[arg(value_name = "BUCKET|OBJECT")]
    url: PrefixUrl,
    /// The tags it gets, in place of those it has
    #[arg(value_name = "KEY=VALUE")]
    tags: Vec<Pair>,
    /// Remove all its tags
    #[arg(long, conflicts_with = "tags")]
    delete: bool,
    /// This version of the object, in place of the latest
    #[arg(long, value_name = "ID")]
    version_id: Option<VersionId>,
}

/// `KEY=VALUE`
#[derive(Clone, Debug)]
pub struct Pair(pub String, pub String);

impl FromStr for Pair {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = text.split_once('=').ok_or("is not of the form KEY=VALUE")?;
        Ok(Self(key.to_owned(), value.to_owned()))
    }
}

/// What is tagged.
enum Tagged {
    Bucket,
    Object(ObjectKey, Option<String>),
}

/// The tags it has by now.
struct Told {
    tags: Tags,
    version_id: Option<String>,
    request_id: Option<String>,
}

pub async fn run(session: &Session, Tag { url, tags, delete, version_id }: Tag) -> Outcome {
    let tags: Tags = tags.into_iter().map(|Pair(key, value)| (key, value)).collect();
    let tagged = match version_id.map(|VersionId(id)| id) {
        Some(_) if url.prefix.is_empty() => return Err(Failure::usage("--version-id is for an object")),
        _ if url.prefix.is_empty() => Tagged::Bucket,
        id => Tagged::Object(ObjectUrl::try_from(url.clone())?.key, id),
    };
    let bucket = session.bucket(&url.bucket)?;
    let mut output = session.output();
    if delete {
        let told = remove(session, &bucket, tagged).await?;
        output.line(|| told.json(&url), format_args!("removed the tags of {url}{}", told.request()))?;
    } else if tags.is_empty() {
        let told = show(session, &bucket, tagged).await?;
        let text: Vec<_> = told.tags.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        output.lines(|| told.json(&url), &text)?;
    } else {
        let told = replace(session, &bucket, tagged, tags).await?;
        let count = counted(told.tags.len() as u64, "tag");
        output.line(|| told.json(&url), format_args!("gave {url} {count}{}", told.request()))?;
    }
    output.finish()
}

async fn show(session: &Session, bucket: &Bucket, tagged: Tagged) -> Outcome<Told> {
    let Tagged::Object(key, version_id) = tagged else {
        let tags = session.send(bucket, GetBucketTagging::new()).await?;
        return Ok(Told { tags, version_id: None, request_id: None });
    };
    let get = version_id.into_iter().fold(GetObjectTagging::new(key), GetObjectTagging::version_id);
    let found = session.send(bucket, get).await?;
    let request_id = Some(found.request_id().to_owned());
    Ok(Told { tags: found.tags, version_id: found.version_id, request_id })
}

async fn replace(session: &Session, bucket: &Bucket, tagged: Tagged, tags: Tags) -> Outcome<Told> {
    let Tagged::Object(key, version_id) = tagged else {
        let done = session.send(bucket, PutBucketTagging::new(tags.clone())).await?;
        return Ok(Told { tags, version_id: None, request_id: Some(done.request_id().to_owned()) });
    };
    let put = PutObjectTagging::new(key, tags.clone());
    let done = session.send(bucket, version_id.into_iter().fold(put, PutObjectTagging::version_id)).await?;
    let request_id = Some(done.request_id().to_owned());
    Ok(Told { tags, version_id: done.version_id, request_id })
}

async fn remove(session: &Session, bucket: &Bucket, tagged: Tagged) -> Outcome<Told> {
    let tags = Tags::new();
    let Tagged::Object(key, version_id) = tagged else {
        let done = session.send(bucket, DeleteBucketTagging::new()).await?;
        return Ok(Told { tags, version_id: None, request_id: Some(done.request_id().to_owned()) });
    };
    let delete = version_id.into_iter().fold(DeleteObjectTagging::new(key), DeleteObjectTagging::version_id);
    let done = session.send(bucket, delete).await?;
    let request_id = Some(done.request_id().to_owned());
    Ok(Told { tags, version_id: done.version_id, request_id })
}

impl Told {
    fn json(&self, url: &PrefixUrl) -> Value {
        let tags = self.tags.iter().map(|(key, value)| (key.to_owned(), json!(value)));
        json!({
            "bucket": url.bucket.as_str(),
            "key": Some(&url.prefix).filter(|key| !key.is_empty()),
            "version_id": self.version_id,
            "tags": tags.collect::<serde_json::Map<_, _>>(),
            "request_id": self.request_id,
        })
    }

    fn request(&self) -> String {
        self.request_id.as_ref().map(|id| format!(" (request id {id})")).unwrap_or_default()
    }
}
