use bytes::Bytes;
use http::{Method, Response};

use super::IntelligentTieringConfiguration;
use crate::answer::{Done, request_id};
use crate::bucket::setting::Setting;
use crate::error::{Error, Result};
use crate::operation::{Operation, Permissions, Safety, Sent};
use crate::request::Request;
use crate::xml::{self, Element};

/// Turns the intelligent tiering of the bucket on, as COS had it before there were rules with ids.
///
/// [`PutBucketIntelligentTiering`](crate::PutBucketIntelligentTiering) with
/// [`turn_on`](crate::IntelligentTieringConfiguration::turn_on) is what the reference describes now; take this where
/// only the older call is known. It cannot be changed or turned off again, so it is not repeated when nobody knows
/// whether it took effect: read it then.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket`, `AccessDenied`, or another when it is
/// on. [`ErrorKind::Input`](crate::ErrorKind::Input) for other days than 30, 60 or 90.
///
/// # Examples
/// ```no_run
/// use tencent_cos::PutBucketIntelligentTieringV1;
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// bucket.send(PutBucketIntelligentTieringV1::new(30)).await?;
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [PUT Bucket IntelligentTiering](https://cloud.tencent.com/document/product/436/48348)
#[doc(alias = "PUT Bucket intelligenttiering")]
#[derive(Clone, Copy, Debug)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct PutBucketIntelligentTieringV1(u32);

impl PutBucketIntelligentTieringV1 {
    /// Objects that were not read for so many days go to the tier for infrequent access: 30, 60 or 90.
    pub fn new(days: u32) -> Self {
        Self(days)
    }
}

/// Reads whether the intelligent tiering of the bucket is on, as COS had it before there were rules with ids; `None`
/// when it was never turned on.
///
/// [`GetBucketIntelligentTiering`](crate::GetBucketIntelligentTiering) is what the reference describes now. Changes
/// nothing and may be repeated freely.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket` or `AccessDenied`.
///
/// # Examples
/// ```no_run
/// use tencent_cos::GetBucketIntelligentTieringV1;
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// if let Some(on) = bucket.send(GetBucketIntelligentTieringV1::new()).await? {
///     println!("after {:?} days", on.days);
/// }
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [GET Bucket IntelligentTiering](https://www.tencentcloud.com/document/product/436/38315)
#[doc(alias = "GET Bucket intelligenttiering")]
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct GetBucketIntelligentTieringV1 {
    _private: (),
}

impl GetBucketIntelligentTieringV1 {
    /// Reads it.
    pub fn new() -> Self {
        Self::default()
    }
}

/// What [`GetBucketIntelligentTieringV1`] gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct IntelligentTieringV1 {
    /// `Status`: whether it is on.
    pub enabled: bool,
    /// After so many days objects go to the tier for infrequent access.
    pub days: Option<u32>,
    /// When they were read so many times at most in these days.
    pub request_frequent: Option<u32>,
}

impl Operation for PutBucketIntelligentTieringV1 {
    type Output = Done;
    type Response = Bytes;
    const NAME: &'static str = "PUT Bucket intelligenttiering";
    const METHOD: Method = Method::PUT;
    const PERMISSIONS: Permissions = Permissions::bucket("name/cos:PutBucketIntelligentTiering");

    fn request(&self) -> Result<Request> {
        if !matches!(self.0, 30 | 60 | 90) {
            return Err(Error::input("days", "are not 30, 60 or 90"));
        }
        let transition = Element::new(TRANSITION).leaf(DAYS, self.0.to_string()).leaf(FREQUENT, "1");
        let root = Element::new(IntelligentTieringConfiguration::ROOT).leaf("Status", "Enabled").child(transition);
        Request::bucket().query("intelligenttiering", "").element("days", &root)
    }

    fn safety(&self) -> Safety {
        // COS refuses it a second time, with a code that the reference does not name.
        Safety::CreatesState
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<Done> {
        Ok(Done::told(response.headers()))
    }
}

impl Operation for GetBucketIntelligentTieringV1 {
    type Output = Option<IntelligentTieringV1>;
    type Response = Bytes;
    const NAME: &'static str = "GET Bucket intelligenttiering";
    const METHOD: Method = Method::GET;
    const PERMISSIONS: Permissions = Permissions::bucket("name/cos:GetBucketIntelligentTiering");

    fn request(&self) -> Result<Request> {
        Ok(Request::bucket().query("intelligenttiering", ""))
    }

    fn safety(&self) -> Safety {
        Safety::Read
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<Option<IntelligentTieringV1>> {
        let (head, body) = response.into_parts();
        let root = xml::read_whole(
            IntelligentTieringConfiguration::ROOT,
            head.status.as_u16(),
            &request_id(&head.headers),
            &body,
        )?;
        if root.children.is_empty() {
            return Ok(None);
        }
        let mut read = IntelligentTieringV1::default();
        for part in &root.children {
            match part.name.as_str() {
                "Status" => read.enabled = part.enabled() == Some(true),
                TRANSITION => {
                    let number = |name| part.children.iter().find(|leaf| leaf.name == name).and_then(Element::number);
                    (read.days, read.request_frequent) = (number(DAYS), number(FREQUENT));
                }
                _ => {}
            }
        }
        Ok(Some(read))
    }
}

const TRANSITION: &str = "Transition";
const DAYS: &str = "Days";
const FREQUENT: &str = "RequestFrequent";
