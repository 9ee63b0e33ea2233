use bytes::Bytes;
use http::{Method, Response};

use crate::answer::{Done, bare_answer};
use crate::error::{Error, ErrorKind, Result, ServiceError};
use crate::operation::{Operation, Permissions, Safety, Sent};
use crate::policy::BucketPolicy;
use crate::request::Request;

/// Says who may do what with the bucket, in place of what was said before.
///
/// A statement that denies holds for the caller as well, if it is about it; but COS always lets the account that owns
/// the bucket set another policy. It may be repeated freely.
///
/// # Errors
/// [`ErrorKind::Service`] with code `MalformedPolicy`, `NoSuchBucket` or `AccessDenied`. [`ErrorKind::Input`] with
/// field `policy` as [`BucketPolicy::to_json`] says.
///
/// # Examples
/// ```no_run
/// use tencent_cos::policy::{Principal, Resource, Statement};
/// use tencent_cos::{GetBucketPolicy, GetObject, PutBucketPolicy};
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// let mut policy = bucket.send(GetBucketPolicy::new()).await?.unwrap_or_default();
/// let logos = Resource::prefix(bucket.region(), bucket.name(), "logos/")?;
/// policy.statements.push(Statement::allow(&logos).operation::<GetObject>().principal(Principal::anyone()).into());
/// bucket.send(PutBucketPolicy::new(policy)).await?;
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [PUT Bucket policy](https://cloud.tencent.com/document/product/436/8282)
#[doc(alias = "PUT Bucket policy")]
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct PutBucketPolicy(Document);

#[derive(Clone, Debug)]
enum Document {
    Policy(BucketPolicy),
    Text(String),
}

impl PutBucketPolicy {
    /// Sets this.
    pub fn new(policy: BucketPolicy) -> Self {
        Self(Document::Policy(policy))
    }

    /// Sets this document, as it is.
    pub fn json(text: impl Into<String>) -> Self {
        Self(Document::Text(text.into()))
    }
}

/// Reads who may do what with the bucket; `None` when that was never said, or was removed.
///
/// The document as COS has it is [`BucketPolicy::as_read`]. Changes nothing and may be repeated freely.
///
/// # Errors
/// [`ErrorKind::Service`] with code `NoSuchBucket` or `AccessDenied`. [`ErrorKind::Response`] when the answer is no
/// JSON object with a list of statements.
///
/// # Examples
/// ```no_run
/// use tencent_cos::GetBucketPolicy;
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// let policy = bucket.send(GetBucketPolicy::new()).await?.unwrap_or_default();
/// for statement in &policy.statements {
///     println!("{:?} {:?}: {:?}", statement.sid(), statement.allows(), statement.principals());
/// }
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [GET Bucket policy](https://cloud.tencent.com/document/product/436/8276)
#[doc(alias = "GET Bucket policy")]
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct GetBucketPolicy {
    _private: (),
}

impl GetBucketPolicy {
    /// Reads it.
    pub fn new() -> Self {
        Self::default()
    }
}

/// Leaves who may do what to ACLs and to what users may themselves. Nothing to remove is a success.
///
/// It may be repeated freely.
///
/// # Errors
/// [`ErrorKind::Service`] with code `NoSuchBucket` or `AccessDenied`.
///
/// # Examples
/// ```no_run
/// use tencent_cos::DeleteBucketPolicy;
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// bucket.send(DeleteBucketPolicy::new()).await?;
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [DELETE Bucket policy](https://cloud.tencent.com/document/product/436/8285)
#[doc(alias = "DELETE Bucket policy")]
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct DeleteBucketPolicy {
    _private: (),
}

impl DeleteBucketPolicy {
    /// Removes it.
    pub fn new() -> Self {
        Self::default()
    }
}

/// One place of the documents says the first, another the second, an official client knows the third.
const UNSET: [&str; 3] = ["NoSuchBucketPolicy", "NoSuchPolicyVersion", "NoSuchPolicy"];

impl Operation for PutBucketPolicy {
    type Output = Done;
    type Response = Bytes;
    const NAME: &'static str = "PUT Bucket policy";
    const METHOD: Method = Method::PUT;
    const PERMISSIONS: Permissions = Permissions::bucket("name/cos:PutBucketPolicy");

    fn request(&self) -> Result<Request> {
        let json = match &self.0 {
            Document::Policy(policy) => policy.to_json()?,
            Document::Text(text) => {
                BucketPolicy::from_json(text)?.to_json()?;
                text.clone()
            }
        };
        Request::bucket().query("policy", "").document("application/json", json)
    }

    fn safety(&self) -> Safety {
        Safety::SameEffect
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<Done> {
        Ok(Done::told(response.headers()))
    }
}

impl Operation for GetBucketPolicy {
    type Output = Option<BucketPolicy>;
    type Response = Bytes;
    const NAME: &'static str = "GET Bucket policy";
    const METHOD: Method = Method::GET;
    const PERMISSIONS: Permissions = Permissions::bucket("name/cos:GetBucketPolicy");

    fn request(&self) -> Result<Request> {
        Ok(Request::bucket().query("policy", ""))
    }

    fn safety(&self) -> Safety {
        Safety::Read
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<Option<BucketPolicy>> {
        let (head, body) = response.into_parts();
        // Nothing at all is no answer: it may have been cut off.
        if body.trim_ascii() == b"{}" {
            return Ok(None);
        }
        let read = std::str::from_utf8(&body).map_err(|_| "is not UTF-8".to_owned()).and_then(BucketPolicy::read);
        read.map(Some).map_err(|why| {
            let message = format!("the policy of the bucket {why}");
            Error::new(ErrorKind::Response, message).with_service(bare_answer(&head))
        })
    }

    fn unset_by(&self, refusal: &ServiceError) -> Option<Option<BucketPolicy>> {
        UNSET.contains(&&*refusal.code).then_some(None)
    }
}

impl Operation for DeleteBucketPolicy {
    type Output = Done;
    type Response = Bytes;
    const NAME: &'static str = "DELETE Bucket policy";
    const METHOD: Method = Method::DELETE;
    const PERMISSIONS: Permissions = Permissions::bucket("name/cos:DeleteBucketPolicy");

    fn request(&self) -> Result<Request> {
        Ok(Request::bucket().query("policy", ""))
    }

    fn safety(&self) -> Safety {
        Safety::SameEffect
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<Done> {
        Ok(Done::told(response.headers()))
    }

    fn unset_by(&self, refusal: &ServiceError) -> Option<Done> {
        let none = UNSET.contains(&&*refusal.code);
        none.then(|| Done::refused(refusal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::{as_text, read_response};
    use crate::policy::{Principal, Resource, Statement};

    const GOLDEN: &str = include_str!("../../tests/golden/json/bucket_policy.json");

    fn answer(status: u16, body: &'static str) -> Response<Bytes> {
        Response::builder().status(status).header("x-cos-request-id", "NjQ").body(body.into()).unwrap()
    }

    fn get(status: u16, body: &'static str) -> Result<Option<BucketPolicy>> {
        read_response(&GetBucketPolicy::new(), &Sent::default(), answer(status, body))
    }

    #[test]
    fn request_as_text() {
        let bucket = Resource::bucket("ap-guangzhou", "examplebucket-1250000000").unwrap();
        let user = Principal::user("100000000001", "100000000011").unwrap();
        let list = Statement::allow(&bucket).action("name/cos:GetBucket").principal(user);
        let put = PutBucketPolicy::new(BucketPolicy::new().statement(list));
        assert_eq!(
            as_text(&put),
            "PUT /?policy\ncontent-md5: xMRnkLvJ0dvlN889f0LRAg==\ncontent-type: application/json\n[229]"
        );
        assert_eq!(as_text(&GetBucketPolicy::new()), "GET /?policy\n[0]");
        assert_eq!(as_text(&DeleteBucketPolicy::new()), "DELETE /?policy\n[0]");
    }

    #[test]
    fn a_document_is_sent_as_it_is_if_it_can_be_one() {
        let request = PutBucketPolicy::json(GOLDEN).request().unwrap();
        assert_eq!(request.body_ref().as_bytes().unwrap(), GOLDEN);
        for bad in ["", "{}", r#"{"Statement":[],"version":"2.0"}"#, "<xml/>"] {
            let error = PutBucketPolicy::json(bad).request().unwrap_err();
            assert_eq!((error.kind(), error.field()), (ErrorKind::Input, Some("policy")), "{bad}");
        }
        assert_eq!(PutBucketPolicy::new(BucketPolicy::new()).request().unwrap_err().field(), Some("policy"));
    }

    #[test]
    fn output_reads_a_golden_document() {
        let policy = get(200, GOLDEN).unwrap().unwrap();
        assert_eq!(policy.as_read(), Some(GOLDEN));
        let statement = &policy.statements[0];
        assert_eq!((statement.sid(), statement.allows()), (None, Some(true)));
        assert_eq!(statement.principals(), ["qcs::cam::uin/100000000001:uin/100000000001"]);
        assert_eq!(statement.actions(), ["name/cos:GetBucket"]);
        assert_eq!(statement.resources(), ["qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/*"]);
        let value = |json: &str| serde_json::from_str::<serde_json::Value>(json).unwrap();
        assert_eq!(value(&policy.to_json().unwrap()), value(GOLDEN));
        for odd in ["", "{", "<Error/>", "[]", "{\"Statement\":7}", "{\"version\":\"2.0\"}", "\u{feff}{}"] {
            let error = get(200, odd).unwrap_err();
            assert_eq!((error.kind(), error.request_id()), (ErrorKind::Response, Some("NjQ")), "{odd}");
        }
        let error = format!("{:#} {:?}", get(200, "\"q-signature=0123\"").unwrap_err(), get(200, "\"0123\""));
        assert!(!error.contains("0123"), "{error}");
    }

    #[test]
    fn no_policy_is_none_and_no_bucket_an_error() {
        for (status, body) in [
            (404, "<Error><Code>NoSuchBucketPolicy</Code></Error>"),
            (404, "<Error><Code>NoSuchPolicyVersion</Code></Error>"),
            (404, "<Error><Code>NoSuchPolicy</Code></Error>"),
            (200, "{}"),
        ] {
            assert_eq!(get(status, body).unwrap(), None, "{body}");
            let delete = read_response(&DeleteBucketPolicy::new(), &Sent::default(), answer(status, body)).unwrap();
            assert_eq!(delete.request_id(), "NjQ");
        }
        let missing = "<Error><Code>NoSuchBucket</Code></Error>";
        assert_eq!(get(404, missing).unwrap_err().code(), Some("NoSuchBucket"));
        assert!(read_response(&DeleteBucketPolicy::new(), &Sent::default(), answer(404, missing)).is_err());
    }
}
