//! Tags of objects: PUT, GET and DELETE Object tagging, and the header `x-cos-tagging`. What tags a bucket may have.

use std::sync::Arc;

use crate::bucket::deny_strangers;
use crate::encoding::decode_form;
use crate::error::CosError;
use crate::receive::receive_document;
use crate::respond::Reply;
use crate::service::Call;
use crate::store::{Bucket, Setting, Version, Versioning};
use crate::xml::{Document, Element, parse};

const MOST_TAGS: usize = 10;
const MOST_TAGS_OF_A_BUCKET: usize = 50;
/// Keys that begin so are the system's own.
const RESERVED: [&str; 2] = ["qcs:", "project"];
const LONGEST_KEY: usize = 127;
const LONGEST_VALUE: usize = 255;

/// Keys and values.
pub(crate) type Tags = Vec<(String, String)>;

/// Takes the place of all tags there are.
pub(crate) async fn put(call: &mut Call<'_>) -> Result<Reply, CosError> {
    let (bucket, _) = tagged(call)?;
    let tags = listed_tags(&receive_document(call, "Tagging").await?)?;
    check(&tags)?;
    set(call, &bucket, tags, Reply::ok())
}

pub(crate) fn get(call: &Call<'_>) -> Result<Reply, CosError> {
    let (bucket, version) = tagged(call)?;
    if version.draft.tags.is_empty() {
        return Err(CosError::new(404, "NoSuchTagSet", "There is no tag set associated with the object."));
    }
    let mut reply = Reply::xml(document(&version.draft.tags));
    name_version(&mut reply, &bucket, version.id());
    Ok(reply)
}

pub(crate) fn delete(call: &Call<'_>) -> Result<Reply, CosError> {
    let (bucket, _) = tagged(call)?;
    set(call, &bucket, Tags::new(), Reply::no_content())
}

/// The version meant.
fn tagged(call: &Call<'_>) -> Result<(Arc<Bucket>, Arc<Version>), CosError> {
    let bucket = call.bucket()?;
    deny_strangers(call)?;
    let found = bucket.find(call.key()?, call.head.query.get("versionId"));
    let version = found.map_err(|reason| reason.error())?;
    Ok((bucket, version))
}

fn set(call: &Call<'_>, bucket: &Bucket, tags: Tags, mut reply: Reply) -> Result<Reply, CosError> {
    let id = bucket.amend(call.key()?, call.head.query.get("versionId"), |version| {
        version.made.draft.tags = tags;
        Ok(version.id())
    })?;
    name_version(&mut reply, bucket, id);
    Ok(reply)
}

fn name_version(reply: &mut Reply, bucket: &Bucket, id: String) {
    if bucket.versioning() != Versioning::Unset {
        reply.set("x-cos-version-id", id);
    }
}

/// Tags as a document.
pub(crate) fn document(tags: &Tags) -> String {
    let mut xml = Document::new("Tagging");
    xml.open("TagSet");
    for (key, value) in tags {
        xml.open("Tag");
        xml.text("Key", key);
        xml.text("Value", value);
        xml.close();
    }
    xml.finish()
}

/// Those that a bucket has.
pub(crate) fn of_bucket(bucket: &Bucket) -> Tags {
    let document = bucket.setting(Setting::Tagging).and_then(|text| parse(text.as_bytes()));
    document.and_then(|document| listed_tags(&document).ok()).unwrap_or_default()
}

fn listed_tags(document: &Element) -> Result<Tags, CosError> {
    let set = document.child("TagSet").ok_or_else(CosError::malformed_xml)?;
    let text = |tag: &Element, name| tag.child(name).map(|child| child.text.clone());
    let tags = set.all("Tag").map(|tag| Some((text(tag, "Key")?, text(tag, "Value")?)));
    tags.collect::<Option<Tags>>().filter(|tags| !tags.is_empty()).ok_or_else(CosError::malformed_xml)
}

/// `key=value&key2=value2`, form-encoded.
pub(crate) fn from_header(text: &str) -> Result<Tags, CosError> {
    let tags = encoded(text)?;
    check(&tags)?;
    Ok(tags)
}

/// The same for a bucket that is made.
pub(crate) fn from_header_of_bucket(text: &str) -> Result<Tags, CosError> {
    let tags = encoded(text)?;
    check_all_of_bucket(&tags)?;
    Ok(tags)
}

fn encoded(text: &str) -> Result<Tags, CosError> {
    if !text.is_ascii() {
        return Err(invalid("A tag is not percent-encoded."));
    }
    let decode = |text: &str| decode_form(text).and_then(|bytes| String::from_utf8(bytes.into_owned()).ok());
    let tag = |pair: &str| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((decode(key)?, decode(value)?))
    };
    let tags: Option<Tags> = text.split('&').map(tag).collect();
    tags.ok_or_else(|| invalid("A tag is not percent-encoded UTF-8."))
}

/// Those of a bucket, as a document.
pub(crate) fn check_bucket(document: &Element) -> Result<(), CosError> {
    let known = |tag: &Element| tag.has_only(&["Key", "Value"]) && tag.children().len() == 2;
    let sets = document.children();
    if !document.has_only(&["TagSet"])
        || sets.len() != 1
        || !sets[0].has_only(&["Tag"])
        || !sets[0].all("Tag").all(known)
    {
        return Err(CosError::malformed_xml());
    }
    check_all_of_bucket(&listed_tags(document)?)
}

fn check_all_of_bucket(tags: &Tags) -> Result<(), CosError> {
    if tags.len() > MOST_TAGS_OF_A_BUCKET {
        return Err(invalid("A bucket has at most 50 tags."));
    }
    if tags.iter().any(|(key, _)| RESERVED.iter().any(|reserved| key.starts_with(reserved))) {
        return Err(invalid("A tag key that begins with qcs: or project is the system's own."));
    }
    check_each(tags)
}

/// Those that objects must have for a rule to be about them.
pub(crate) fn check_filter(conditions: &Element) -> Result<(), CosError> {
    let known = |tag: &Element| tag.has_only(&["Key", "Value"]) && tag.children().len() == 2;
    let text = |tag: &Element, name| tag.child(name).map(|child| child.text.clone()).unwrap_or_default();
    if !conditions.all("Tag").all(known) {
        return Err(CosError::malformed_xml());
    }
    check(&conditions.all("Tag").map(|tag| (text(tag, "Key"), text(tag, "Value"))).collect())
}

fn check(tags: &Tags) -> Result<(), CosError> {
    if tags.len() > MOST_TAGS {
        return Err(invalid("An object has at most 10 tags."));
    }
    check_each(tags)
}

/// How long, each key once, and no other characters than the documents name.
fn check_each(tags: &Tags) -> Result<(), CosError> {
    for (at, (key, value)) in tags.iter().enumerate() {
        if !(1..=LONGEST_KEY).contains(&key.chars().count()) || value.chars().count() > LONGEST_VALUE {
            return Err(invalid("A tag key has 1 to 127 characters, a value up to 255."));
        }
        if !key.chars().chain(value.chars()).all(is_taken) {
            return Err(invalid("A tag has letters, digits, spaces and + - = . _ : / @ only."));
        }
        if tags[..at].iter().any(|(earlier, _)| earlier == key) {
            return Err(invalid("A tag key is given twice."));
        }
    }
    Ok(())
}

fn is_taken(character: char) -> bool {
    character.is_alphanumeric() || " +-=._:/@".contains(character)
}

fn invalid(message: &'static str) -> CosError {
    CosError::new(400, "InvalidTag", message)
}
