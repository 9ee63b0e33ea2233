use bytes::Bytes;
use http::{Method, Response};

use crate::answer::{VERSION_ID, header_text, request_id};
use crate::error::{Error, Result, ServiceError};
use crate::key::ObjectKey;
use crate::operation::{Operation, Permissions, Safety, Sent};
use crate::options::{Tagging, Tags};
use crate::request::Request;
use crate::xml;

/// Gives an object that exists these tags in place of those it has.
///
/// Bytes, ETag and date of the object stay; in a bucket that keeps versions, no version is made. It may be repeated
/// freely.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchKey`, `NoSuchVersion`, `AccessDenied`, or
/// `InvalidTag` when COS does not take a character. [`ErrorKind::Input`](crate::ErrorKind::Input) with field `tags`
/// when they break a limit of [`Tags`], are none ([`DeleteObjectTagging`] removes them), or have a control character,
/// which XML cannot carry.
///
/// # Examples
/// ```no_run
/// use tencent_cos::{PutObjectTagging, Tags};
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// let tags = Tags::new().tag("team", "blue").tag("keep", "a year");
/// bucket.send(PutObjectTagging::new("notes/a.txt".parse()?, tags)).await?;
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [PUT Object tagging](https://cloud.tencent.com/document/product/436/42997)
#[doc(alias = "PUT Object tagging")]
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct PutObjectTagging {
    key: ObjectKey,
    tags: Tags,
    version_id: Option<String>,
}

/// Reads the tags of an object. One that has none gives an empty list.
///
/// Changes nothing and may be repeated freely.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchKey`, `NoSuchVersion` or `AccessDenied`.
///
/// # Examples
/// ```no_run
/// use tencent_cos::GetObjectTagging;
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// let tags = bucket.send(GetObjectTagging::new("notes/a.txt".parse()?)).await?.tags;
/// println!("{:?}", tags.get("team"));
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [GET Object tagging](https://cloud.tencent.com/document/product/436/42998)
#[doc(alias = "GET Object tagging")]
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct GetObjectTagging {
    key: ObjectKey,
    version_id: Option<String>,
}

/// Removes all tags of an object. One that has none stays as it is, with success.
///
/// It may be repeated freely.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchKey`, `NoSuchVersion` or `AccessDenied`.
///
/// # Examples
/// ```no_run
/// use tencent_cos::DeleteObjectTagging;
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// bucket.send(DeleteObjectTagging::new("notes/a.txt".parse()?)).await?;
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [DELETE Object tagging](https://cloud.tencent.com/document/product/436/42999)
#[doc(alias = "DELETE Object tagging")]
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct DeleteObjectTagging {
    key: ObjectKey,
    version_id: Option<String>,
}

impl PutObjectTagging {
    /// Tags the object.
    pub fn new(key: ObjectKey, tags: Tags) -> Self {
        Self { key, tags, version_id: None }
    }

    /// Tags this version of it.
    pub fn version_id(mut self, version_id: impl Into<String>) -> Self {
        self.version_id = Some(version_id.into());
        self
    }
}

impl GetObjectTagging {
    /// Those of the latest version.
    pub fn new(key: ObjectKey) -> Self {
        Self { key, version_id: None }
    }

    /// Those of this version.
    pub fn version_id(mut self, version_id: impl Into<String>) -> Self {
        self.version_id = Some(version_id.into());
        self
    }
}

impl DeleteObjectTagging {
    /// Those of the latest version.
    pub fn new(key: ObjectKey) -> Self {
        Self { key, version_id: None }
    }

    /// Those of this version.
    pub fn version_id(mut self, version_id: impl Into<String>) -> Self {
        self.version_id = Some(version_id.into());
        self
    }
}

fn tagging_of(key: &ObjectKey, version_id: Option<&str>) -> Result<Request> {
    Request::object(key).query("tagging", "").version_id(version_id)
}

impl Operation for PutObjectTagging {
    type Output = ObjectTaggingOutput;
    type Response = Bytes;
    const NAME: &'static str = "PUT Object tagging";
    const METHOD: Method = Method::PUT;
    const PERMISSIONS: Permissions = Permissions::target("name/cos:PutObjectTagging");

    fn request(&self) -> Result<Request> {
        self.tags.check()?;
        if self.tags.is_empty() {
            return Err(Error::input("tags", "are none: DeleteObjectTagging removes those there are"));
        }
        tagging_of(&self.key, self.version_id.as_deref())?.xml(Tagging::ROOT, &Tagging::of(&self.tags)?)
    }

    fn safety(&self) -> Safety {
        Safety::SameEffect
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<ObjectTaggingOutput> {
        Ok(ObjectTaggingOutput::new(&response))
    }
}

impl Operation for GetObjectTagging {
    type Output = GetObjectTaggingOutput;
    type Response = Bytes;
    const NAME: &'static str = "GET Object tagging";
    const METHOD: Method = Method::GET;
    const PERMISSIONS: Permissions = Permissions::target("name/cos:GetObjectTagging");

    fn request(&self) -> Result<Request> {
        tagging_of(&self.key, self.version_id.as_deref())
    }

    fn safety(&self) -> Safety {
        Safety::Read
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<GetObjectTaggingOutput> {
        let version_id = version_id(&response);
        let (head, body) = response.into_parts();
        let request_id = request_id(&head.headers);
        let document: Tagging = xml::read(Tagging::ROOT, head.status.as_u16(), &request_id, &body)?;
        Ok(GetObjectTaggingOutput { tags: document.into_tags(), version_id, request_id })
    }

    fn unset_by(&self, refusal: &ServiceError) -> Option<GetObjectTaggingOutput> {
        (refusal.code == "NoSuchTagSet").then(|| GetObjectTaggingOutput {
            tags: Tags::new(),
            version_id: self.version_id.clone(),
            request_id: refusal.request_id.clone(),
        })
    }
}

impl Operation for DeleteObjectTagging {
    type Output = ObjectTaggingOutput;
    type Response = Bytes;
    const NAME: &'static str = "DELETE Object tagging";
    const METHOD: Method = Method::DELETE;
    const PERMISSIONS: Permissions = Permissions::target("name/cos:DeleteObjectTagging");

    fn request(&self) -> Result<Request> {
        tagging_of(&self.key, self.version_id.as_deref())
    }

    fn safety(&self) -> Safety {
        Safety::SameEffect
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<ObjectTaggingOutput> {
        Ok(ObjectTaggingOutput::new(&response))
    }
}

/// What [`PutObjectTagging`] and [`DeleteObjectTagging`] give.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObjectTaggingOutput {
    /// The version whose tags were changed, where COS tells it.
    pub version_id: Option<String>,
    request_id: String,
}

impl ObjectTaggingOutput {
    fn new(response: &Response<Bytes>) -> Self {
        Self { version_id: version_id(response), request_id: request_id(response.headers()) }
    }

    /// `x-cos-request-id`.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }
}

/// What [`GetObjectTagging`] gives.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GetObjectTaggingOutput {
    /// The tags, in COS's order.
    pub tags: Tags,
    /// The version whose tags they are, where COS tells it.
    pub version_id: Option<String>,
    request_id: String,
}

impl GetObjectTaggingOutput {
    /// `x-cos-request-id`.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }
}

fn version_id(response: &Response<Bytes>) -> Option<String> {
    header_text(response.headers(), &VERSION_ID).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::operation::{as_text, read_response};

    fn key() -> ObjectKey {
        ObjectKey::new("a b").unwrap()
    }

    fn answer(status: u16, xml: &'static str) -> Response<Bytes> {
        let answer = Response::builder().status(status).header("x-cos-request-id", "NjQ");
        answer.header("x-cos-version-id", "MTg0").body(Bytes::from(xml)).unwrap()
    }

    /// The example of the reference.
    #[test]
    fn request_as_text() {
        let put = PutObjectTagging::new(key(), Tags::new().tag("age", "18").tag("name", "xiaoming"));
        assert_eq!(
            as_text(&put),
            "PUT /a%20b?tagging\ncontent-md5: ZNLaGawKjrSVh1KRgVXqZg==\ncontent-type: application/xml\n[127]"
        );
        let xml = put.request().unwrap().body_ref().as_bytes().unwrap();
        assert_eq!(
            xml,
            "<Tagging><TagSet><Tag><Key>age</Key><Value>18</Value></Tag><Tag><Key>name</Key>\
             <Value>xiaoming</Value></Tag></TagSet></Tagging>"
        );
        assert!(as_text(&put.version_id("v+1")).starts_with("PUT /a%20b?tagging&versionId=v%2B1\n"));
        let get = GetObjectTagging::new(key());
        assert_eq!(as_text(&get), "GET /a%20b?tagging\n[0]");
        assert_eq!(as_text(&get.version_id("null")), "GET /a%20b?tagging&versionId=null\n[0]");
        let delete = DeleteObjectTagging::new(key()).version_id("null");
        assert_eq!(as_text(&delete), "DELETE /a%20b?tagging&versionId=null\n[0]");
        assert_eq!(delete.version_id("").request().unwrap_err().field(), Some("version_id"));
    }

    #[test]
    fn tags_that_cannot_be_sent_are_refused() {
        for tags in [Tags::new(), Tags::new().tag("a", "b\r"), Tags::new().tag("a\u{1}", ""), Tags::new().tag("", "")] {
            let error = PutObjectTagging::new(key(), tags).request().unwrap_err();
            assert_eq!((error.kind(), error.field()), (ErrorKind::Input, Some("tags")));
        }
    }

    #[test]
    fn output_reads_a_golden_answer() {
        let xml = include_str!("../../tests/golden/xml/object_tagging.xml");
        let output = GetObjectTagging::new(key()).output(&Sent::default(), answer(200, xml)).unwrap();
        assert_eq!(output.tags, Tags::new().tag("age", "18").tag("name", "xiaoming"));
        assert_eq!((output.version_id.as_deref(), output.request_id()), (Some("MTg0"), "NjQ"));
        let put = PutObjectTagging::new(key(), Tags::new()).output(&Sent::default(), answer(200, "")).unwrap();
        assert_eq!((put.version_id.as_deref(), put.request_id()), (Some("MTg0"), "NjQ"));
    }

    #[test]
    fn what_is_odd_is_passed_over_and_a_tag_without_a_key_is_refused() {
        let read = |xml| GetObjectTagging::new(key()).output(&Sent::default(), answer(200, xml));
        let odd = "<Tagging><X/><TagSet>\n<Tag><Key>a</Key><X><Y/></X><Value> b </Value></Tag><X>y</X>z<Tag><Key> c</Key>\
                   </Tag></TagSet></Tagging>";
        assert_eq!(read(odd).unwrap().tags, Tags::new().tag("a", " b ").tag(" c", ""));
        let none = "<Tagging><TagSet><Tag><Value>b</Value></Tag></TagSet></Tagging>";
        assert_eq!(read(none).unwrap_err().kind(), ErrorKind::Response);
    }

    #[test]
    fn an_object_without_tags_gives_an_empty_list_however_cos_says_it() {
        let get = GetObjectTagging::new(key());
        let none = "<Error><Code>NoSuchTagSet</Code></Error>";
        for (status, xml) in [
            (404, none),
            (200, "<Tagging/>"),
            (200, "<Tagging><TagSet/></Tagging>"),
            (200, "<Tagging>\n<TagSet>\n</TagSet>\n</Tagging>"),
        ] {
            let output = read_response(&get, &Sent::default(), answer(status, xml)).unwrap();
            assert_eq!((output.tags.len(), output.request_id()), (0, "NjQ"), "{xml}");
        }
        let missing = answer(404, "<Error><Code>NoSuchKey</Code></Error>");
        assert!(read_response(&get, &Sent::default(), missing).unwrap_err().is_not_found());
        let stranger = Response::builder().status(404).body(Bytes::from(none)).unwrap();
        let error = read_response(&get, &Sent::default(), stranger).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Response, "it has no request id of COS");
    }
}
