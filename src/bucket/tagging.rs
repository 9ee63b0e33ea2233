use bytes::Bytes;
use http::{Method, Response};

use crate::answer::{Done, request_id};
use crate::error::{Error, Result, ServiceError};
use crate::operation::{Operation, Permissions, Safety, Sent};
use crate::options::{Tagging, Tags};
use crate::request::Request;
use crate::xml;

/// Gives a bucket these tags in place of those it has. Its objects keep theirs.
///
/// A bucket has up to 50 ([`Tags::MAX_OF_BUCKET`]), an account up to 1000 different keys and 1000 values for each. It
/// may be repeated freely.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket`, `AccessDenied`, or `InvalidTag` when COS
/// does not take a character, or a key because it begins with `qcs:` or `project`.
/// [`ErrorKind::Input`](crate::ErrorKind::Input) with field `tags` when they break a limit of [`Tags`], are none
/// ([`DeleteBucketTagging`] removes them), or have a control character, which XML cannot carry.
///
/// # Examples
/// ```no_run
/// use tencent_cos::{PutBucketTagging, Tags};
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// bucket.send(PutBucketTagging::new(Tags::new().tag("team", "blue"))).await?;
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [PUT Bucket tagging](https://cloud.tencent.com/document/product/436/34838)
#[doc(alias = "PUT Bucket tagging")]
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct PutBucketTagging(Tags);

impl PutBucketTagging {
    /// Tags the bucket.
    pub fn new(tags: Tags) -> Self {
        Self(tags)
    }
}

/// Reads the tags of a bucket. One that has none gives an empty list.
///
/// Changes nothing and may be repeated freely.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket` or `AccessDenied`.
///
/// # Examples
/// ```no_run
/// use tencent_cos::{GetBucketTagging, PutBucketTagging};
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// let tags = bucket.send(GetBucketTagging::new()).await?;
/// bucket.send(PutBucketTagging::new(tags.tag("cost center", "7"))).await?;
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [GET Bucket tagging](https://cloud.tencent.com/document/product/436/34837)
#[doc(alias = "GET Bucket tagging")]
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct GetBucketTagging {
    _private: (),
}

impl GetBucketTagging {
    /// Reads them.
    pub fn new() -> Self {
        Self::default()
    }
}

/// Removes all tags of a bucket. Nothing to remove is a success.
///
/// It may be repeated freely.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket` or `AccessDenied`.
///
/// # Examples
/// ```no_run
/// use tencent_cos::DeleteBucketTagging;
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// bucket.send(DeleteBucketTagging::new()).await?;
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [DELETE Bucket tagging](https://cloud.tencent.com/document/product/436/34836)
#[doc(alias = "DELETE Bucket tagging")]
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct DeleteBucketTagging {
    _private: (),
}

impl DeleteBucketTagging {
    /// Removes them.
    pub fn new() -> Self {
        Self::default()
    }
}

fn tagging() -> Request {
    Request::bucket().query("tagging", "")
}

/// The reference has had both names.
fn is_unset(refusal: &ServiceError) -> bool {
    matches!(refusal.code.as_str(), "NoSuchTagSet" | "NoSuchTagSetError")
}

impl Operation for PutBucketTagging {
    type Output = Done;
    type Response = Bytes;
    const NAME: &'static str = "PUT Bucket tagging";
    const METHOD: Method = Method::PUT;
    const PERMISSIONS: Permissions = Permissions::bucket("name/cos:PutBucketTagging");

    fn request(&self) -> Result<Request> {
        self.0.check_for_bucket()?;
        if self.0.is_empty() {
            return Err(Error::input("tags", "are none: DeleteBucketTagging removes those there are"));
        }
        tagging().xml(Tagging::ROOT, &Tagging::of(&self.0)?)
    }

    fn safety(&self) -> Safety {
        Safety::SameEffect
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<Done> {
        Ok(Done::told(response.headers()))
    }
}

impl Operation for GetBucketTagging {
    type Output = Tags;
    type Response = Bytes;
    const NAME: &'static str = "GET Bucket tagging";
    const METHOD: Method = Method::GET;
    const PERMISSIONS: Permissions = Permissions::bucket("name/cos:GetBucketTagging");

    fn request(&self) -> Result<Request> {
        Ok(tagging())
    }

    fn safety(&self) -> Safety {
        Safety::Read
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<Tags> {
        let (head, body) = response.into_parts();
        let document: Tagging = xml::read(Tagging::ROOT, head.status.as_u16(), &request_id(&head.headers), &body)?;
        Ok(document.into_tags())
    }

    fn unset_by(&self, refusal: &ServiceError) -> Option<Tags> {
        is_unset(refusal).then(Tags::new)
    }
}

impl Operation for DeleteBucketTagging {
    type Output = Done;
    type Response = Bytes;
    const NAME: &'static str = "DELETE Bucket tagging";
    const METHOD: Method = Method::DELETE;
    const PERMISSIONS: Permissions = Permissions::bucket("name/cos:DeleteBucketTagging");

    fn request(&self) -> Result<Request> {
        Ok(tagging())
    }

    fn safety(&self) -> Safety {
        Safety::SameEffect
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<Done> {
        Ok(Done::told(response.headers()))
    }

    fn unset_by(&self, refusal: &ServiceError) -> Option<Done> {
        is_unset(refusal).then(|| Done::refused(refusal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::operation::{as_text, read_response};

    fn answer(status: u16, xml: &'static str) -> Response<Bytes> {
        Response::builder().status(status).header("x-cos-request-id", "NjQ").body(Bytes::from(xml)).unwrap()
    }

    /// The example of the reference.
    #[test]
    fn request_as_text() {
        let put = PutBucketTagging::new(Tags::new().tag("age", "18").tag("name", "xiaoming"));
        assert_eq!(
            as_text(&put),
            "PUT /?tagging\ncontent-md5: ZNLaGawKjrSVh1KRgVXqZg==\ncontent-type: application/xml\n[127]"
        );
        let xml = put.request().unwrap().body_ref().as_bytes().unwrap();
        assert_eq!(
            xml,
            "<Tagging><TagSet><Tag><Key>age</Key><Value>18</Value></Tag><Tag><Key>name</Key>\
             <Value>xiaoming</Value></Tag></TagSet></Tagging>"
        );
        assert_eq!(as_text(&GetBucketTagging::new()), "GET /?tagging\n[0]");
        assert_eq!(as_text(&DeleteBucketTagging::new()), "DELETE /?tagging\n[0]");
    }

    #[test]
    fn tags_that_cannot_be_sent_are_refused() {
        let many = |count: usize| (0..count).map(|number| (number.to_string(), "")).collect::<Tags>();
        assert!(PutBucketTagging::new(many(50)).request().is_ok());
        for tags in [Tags::new(), many(51), Tags::new().tag("a", "b\r"), Tags::new().tag("a\u{1}", "")] {
            let error = PutBucketTagging::new(tags).request().unwrap_err();
            assert_eq!((error.kind(), error.field()), (ErrorKind::Input, Some("tags")));
        }
    }

    #[test]
    fn output_reads_a_golden_answer() {
        let xml = include_str!("../../tests/golden/xml/bucket_tagging.xml");
        let tags = GetBucketTagging::new().output(&Sent::default(), answer(200, xml)).unwrap();
        assert_eq!(tags, Tags::new().tag("age", "18").tag("name", "xiaoming"));
        let put = PutBucketTagging::new(tags).output(&Sent::default(), answer(204, "")).unwrap();
        assert_eq!(put.request_id(), "NjQ");
        let delete = DeleteBucketTagging::new().output(&Sent::default(), answer(204, "")).unwrap();
        assert_eq!(delete.request_id(), "NjQ");
    }

    #[test]
    fn a_bucket_without_tags_gives_an_empty_list_however_cos_says_it() {
        for (status, xml) in [
            (404, "<Error><Code>NoSuchTagSet</Code></Error>"),
            (404, "<Error><Code>NoSuchTagSetError</Code></Error>"),
            (200, "<Tagging/>"),
            (200, "<Tagging>\n<TagSet>\n</TagSet>\n</Tagging>"),
        ] {
            let tags = read_response(&GetBucketTagging::new(), &Sent::default(), answer(status, xml)).unwrap();
            assert!(tags.is_empty(), "{xml}");
        }
        let none = answer(404, "<Error><Code>NoSuchTagSet</Code></Error>");
        let delete = read_response(&DeleteBucketTagging::new(), &Sent::default(), none).unwrap();
        assert_eq!(delete.request_id(), "NjQ");
        let missing = answer(404, "<Error><Code>NoSuchBucket</Code></Error>");
        assert!(read_response(&GetBucketTagging::new(), &Sent::default(), missing).unwrap_err().is_not_found());
    }
}
