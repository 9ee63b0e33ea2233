use bytes::Bytes;
use http::{Method, Response};
use serde::{Deserialize, Serialize};

use crate::answer::request_id;
use crate::error::{Error, Result, ServiceError};
use crate::key::ObjectKey;
use crate::operation::{Operation, Permissions, Safety, Sent};
use crate::request::Request;
use crate::xml;

/// Removes up to 1 000 objects, or versions of them, in one request.
///
/// Each key has its own result: the request succeeds also when some, or all, fail. A key that does not exist counts as
/// removed. Keys are plain strings here, so that objects can be removed whose keys [`ObjectKey`] refuses. Where the
/// bucket keeps versions, a key without a version id is hidden behind a delete marker, and so such a request is not
/// repeated after a failure that leaves its end unknown, unless [`unversioned`](Self::unversioned) says that it may.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket` or `AccessDenied` for the request as a
/// whole. [`ErrorKind::Input`](crate::ErrorKind::Input) for none or over 1 000 keys, an empty one, or one with a
/// control character of ASCII that XML cannot carry (use [`DeleteObject`](crate::DeleteObject)).
///
/// # Examples
/// ```
/// use tencent_cos::{DeleteKey, DeleteObjects};
///
/// let delete = DeleteObjects::new(["a.txt", "b.txt"])
///     .key(DeleteKey::new("c.txt").version_id("MTg0NDUxNzgyMDIx"));
/// # let _ = delete;
/// ```
///
/// COS reference: [DELETE Multiple Objects](https://cloud.tencent.com/document/product/436/8289)
#[doc(alias = "DELETE Multiple Objects")]
#[derive(Clone, Debug, Default)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct DeleteObjects {
    keys: Vec<DeleteKey>,
    quiet: bool,
    unversioned: bool,
}

/// What to remove: a key, or one version of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeleteKey {
    key: String,
    version_id: Option<String>,
}

impl DeleteKey {
    /// The object of this key.
    pub fn new(key: impl Into<String>) -> Self {
        Self { key: key.into(), version_id: None }
    }

    /// This version of it, for good.
    #[must_use]
    pub fn version_id(mut self, version_id: impl Into<String>) -> Self {
        self.version_id = Some(version_id.into());
        self
    }
}

impl<K: Into<String>> From<K> for DeleteKey {
    fn from(key: K) -> Self {
        Self::new(key)
    }
}

impl From<&ObjectKey> for DeleteKey {
    fn from(key: &ObjectKey) -> Self {
        Self::new(key.as_str())
    }
}

impl DeleteObjects {
    /// The most keys of one request.
    pub const MAX_KEYS: usize = 1000;

    /// Removes these.
    pub fn new(keys: impl IntoIterator<Item = impl Into<DeleteKey>>) -> Self {
        Self { keys: keys.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// One more.
    pub fn key(mut self, key: impl Into<DeleteKey>) -> Self {
        self.keys.push(key.into());
        self
    }

    /// Answers with the failures alone.
    pub fn quiet(mut self) -> Self {
        self.quiet = true;
        self
    }

    /// Says that the bucket keeps no versions, so that the request may be repeated freely.
    pub fn unversioned(mut self) -> Self {
        self.unversioned = true;
        self
    }
}

impl Operation for DeleteObjects {
    type Output = DeleteObjectsOutput;
    type Response = Bytes;
    const NAME: &'static str = "DELETE Multiple Objects";
    const METHOD: Method = Method::POST;
    const PERMISSIONS: Permissions = Permissions::target("name/cos:DeleteObject");

    fn request(&self) -> Result<Request> {
        if !(1..=Self::MAX_KEYS).contains(&self.keys.len()) {
            return Err(Error::input("keys", "are not from 1 to 1000"));
        }
        if self.keys.iter().any(|it| it.key.is_empty() || it.key.len() > ObjectKey::MAX_BYTES) {
            return Err(Error::input("keys", "have one that is empty or longer than 850 bytes"));
        }
        if self.keys.iter().any(|it| it.version_id.as_deref() == Some("")) {
            return Err(Error::input("keys", "have one with an empty version id"));
        }
        let text = |it: &DeleteKey| [Some(it.key.clone()), it.version_id.clone()];
        if self.keys.iter().flat_map(text).flatten().any(|text| !xml::can_carry(&text)) {
            return Err(Error::input("keys", "have one with a control character, which XML cannot carry"));
        }
        let objects = self.keys.iter().map(|it| DeleteEntry { key: &it.key, version_id: it.version_id.as_deref() });
        Request::bucket().query("delete", "").xml("Delete", &Delete { quiet: self.quiet, objects: objects.collect() })
    }

    fn safety(&self) -> Safety {
        let named = self.keys.iter().all(|it| it.version_id.is_some());
        if named || self.unversioned { Safety::SameEffect } else { Safety::CreatesState }
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<DeleteObjectsOutput> {
        let (head, body) = response.into_parts();
        let request_id = request_id(&head.headers);
        let result: DeleteResult = xml::read("DeleteResult", head.status.as_u16(), &request_id, &body)?;
        let mut output = DeleteObjectsOutput { deleted: Vec::new(), failed: Vec::new(), request_id };
        for entry in result.entries {
            match entry {
                Entry::Deleted(deleted) => output.deleted.push(deleted.into()),
                Entry::Error(failed) => output.failed.push(failed.into_failure(&output.request_id)),
                Entry::Other => {}
            }
        }
        Ok(output)
    }
}

#[derive(Serialize)]
struct Delete<'a> {
    #[serde(rename = "Quiet")]
    quiet: bool,
    #[serde(rename = "Object")]
    objects: Vec<DeleteEntry<'a>>,
}

#[derive(Serialize)]
struct DeleteEntry<'a> {
    #[serde(rename = "Key")]
    key: &'a str,
    #[serde(rename = "VersionId", skip_serializing_if = "Option::is_none")]
    version_id: Option<&'a str>,
}

/// Successes and failures may come in any order.
#[derive(Deserialize)]
struct DeleteResult {
    #[serde(rename = "$value", default)]
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
enum Entry {
    Deleted(DeletedEntry),
    Error(ErrorEntry),
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeletedEntry {
    key: String,
    #[serde(default)]
    version_id: Option<String>,
    #[serde(default)]
    delete_marker: String,
    #[serde(default)]
    delete_marker_version_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ErrorEntry {
    // A failure that names no key is one all the same, and the others keep their results.
    #[serde(default)]
    key: String,
    #[serde(default)]
    version_id: Option<String>,
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

/// What [`DeleteObjects`] gives.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "objects that were not removed are told here, not by an error"]
pub struct DeleteObjectsOutput {
    /// What was removed; empty in quiet mode.
    pub deleted: Vec<DeletedObject>,
    /// What was not, and why.
    pub failed: Vec<DeleteFailure>,
    request_id: String,
}

impl DeleteObjectsOutput {
    /// `x-cos-request-id`.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }
}

/// One object that was removed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeletedObject {
    /// The key.
    pub key: String,
    /// The version that was asked for.
    pub version_id: Option<String>,
    /// Whether a delete marker was added or removed.
    pub delete_marker: bool,
    /// The version id of that marker.
    pub delete_marker_version_id: Option<String>,
}

impl From<DeletedEntry> for DeletedObject {
    fn from(entry: DeletedEntry) -> Self {
        let some = |text: Option<String>| text.filter(|text| !text.is_empty());
        Self {
            key: entry.key,
            version_id: some(entry.version_id),
            delete_marker: entry.delete_marker.eq_ignore_ascii_case("true"),
            delete_marker_version_id: some(entry.delete_marker_version_id),
        }
    }
}

/// One object that was not removed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeleteFailure {
    /// The key; empty when COS did not name it.
    pub key: String,
    /// The version that was asked for.
    pub version_id: Option<String>,
    /// COS's error code.
    pub code: String,
    /// COS's message.
    pub message: String,
    request_id: String,
}

impl DeleteFailure {
    /// The same as an error: its status is 200, that of the answer it stands in.
    pub fn to_error(&self) -> Error {
        let (code, message, request_id) = (self.code.clone(), self.message.clone(), self.request_id.clone());
        let service = ServiceError { status: 200, code, message, request_id, ..ServiceError::default() };
        Error::service_error(service).during(DeleteObjects::NAME, "", 0)
    }
}

impl ErrorEntry {
    fn into_failure(self, request_id: &str) -> DeleteFailure {
        DeleteFailure {
            key: self.key,
            version_id: self.version_id.filter(|text| !text.is_empty()),
            code: xml::short(self.code),
            message: xml::short(self.message),
            request_id: request_id.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::as_text;

    #[test]
    fn request_as_text() {
        let delete = DeleteObjects::new(["a&b", " c"]).key(DeleteKey::new("d").version_id("v")).quiet();
        assert_eq!(
            as_text(&delete),
            "POST /?delete\ncontent-md5: yOVnZRlJFbdkrCzagTAM3Q==\ncontent-type: application/xml\n[154]"
        );
        let xml = delete.request().unwrap().body_ref().as_bytes().unwrap();
        assert_eq!(
            xml,
            "<Delete><Quiet>true</Quiet><Object><Key>a&amp;b</Key></Object><Object><Key> c</Key></Object>\
             <Object><Key>d</Key><VersionId>v</VersionId></Object></Delete>"
        );
        assert_eq!(delete.safety(), Safety::CreatesState);
        assert_eq!(delete.unversioned().safety(), Safety::SameEffect);
    }

    #[test]
    fn bad_keys_are_refused() {
        let none: [&str; 0] = [];
        assert_eq!(DeleteObjects::new(none).request().unwrap_err().field(), Some("keys"));
        assert_eq!(DeleteObjects::new(vec!["k"; 1001]).request().unwrap_err().field(), Some("keys"));
        for key in ["", "a\u{1}", "a\r", &"k".repeat(851)] {
            assert_eq!(DeleteObjects::new([key]).request().unwrap_err().field(), Some("keys"), "{key:?}");
        }
        assert!(DeleteObjects::new([".", "..", "/"]).request().is_ok());
    }

    #[test]
    fn output_reads_a_golden_answer() {
        let xml = include_str!("../../tests/golden/xml/delete_objects.xml");
        let response = Response::builder().header("x-cos-request-id", "NjQ").body(Bytes::from(xml)).unwrap();
        let output = DeleteObjects::new(["a"]).output(&Sent::default(), response).unwrap();
        assert_eq!(output.deleted.len(), 2);
        assert_eq!(output.deleted[1].delete_marker_version_id.as_deref(), Some("MTg0NDUxNzgyMDIx"));
        assert!(output.deleted[1].delete_marker && !output.deleted[0].delete_marker);
        assert_eq!((output.failed[0].key.as_str(), output.failed[0].code.as_str()), ("b", "AccessDenied"));
        let error = output.failed[0].to_error();
        assert!(error.is_access_denied() && !error.is_retryable());
        assert_eq!(
            error.to_string(),
            "DELETE Multiple Objects: COS answered 200 AccessDenied: Access Denied. (request id NjQ)"
        );
    }

    #[test]
    fn a_failure_without_a_key_hides_no_other_result() {
        let xml =
            "<DeleteResult><Deleted><Key> a </Key></Deleted><Error><Code>InternalError</Code></Error></DeleteResult>";
        let output = DeleteObjects::new([" a "]).output(&Sent::default(), Response::new(Bytes::from(xml))).unwrap();
        assert_eq!(output.deleted[0].key, " a ");
        assert_eq!((output.failed[0].key.as_str(), output.failed[0].code.as_str()), ("", "InternalError"));
    }
}
