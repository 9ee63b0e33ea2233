use std::time::SystemTime;

use bytes::Bytes;
use http::{Method, Response};

use crate::answer::{Done, request_id};
use crate::error::{Error, ErrorKind, Result, ServiceError};
use crate::key::ObjectKey;
use crate::operation::{Operation, Permissions, Safety, Sent};
use crate::request::Request;
use crate::time::{from_unix_seconds, iso8601, parse_iso8601, unix_seconds};
use crate::xml::{self, Element};

/// Locks an object until a time: it is neither removed nor overwritten before, by nobody.
///
/// The time may be set later, never earlier, and the lock cannot be taken off. The bucket must have object lock; see
/// [`PutBucketObjectLock`](crate::PutBucketObjectLock). It may be repeated freely.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchKey` or `AccessDenied`; the reference names no
/// codes for a bucket without object lock and for an earlier time. [`ErrorKind::Input`](crate::ErrorKind::Input) for a
/// time after the year 9999.
///
/// # Examples
/// ```no_run
/// use std::time::{Duration, SystemTime};
/// use tencent_cos::PutObjectRetention;
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// let week = Duration::from_secs(7 * 24 * 3600);
/// bucket.send(PutObjectRetention::new("books/2025.pdf".parse()?, SystemTime::now() + week)).await?;
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [PUT Object Retention](https://cloud.tencent.com/document/product/436/95768)
#[doc(alias = "PUT Object Retention")]
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct PutObjectRetention {
    key: ObjectKey,
    until: SystemTime,
}

impl PutObjectRetention {
    /// Locks it until then. COS has whole seconds: a part of one is taken for all of it.
    pub fn new(key: ObjectKey, until: SystemTime) -> Self {
        Self { key, until }
    }
}

/// Reads until when an object is locked; `None` when it never was. The time may have passed.
///
/// Changes nothing and may be repeated freely. The reference does not tell what COS answers of an object that was never
/// locked: `NoSuchObjectLockConfiguration` and an empty document are taken for that.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchKey` or `AccessDenied`.
///
/// # Examples
/// ```no_run
/// use tencent_cos::GetObjectRetention;
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// if let Some(retention) = bucket.send(GetObjectRetention::new("books/2025.pdf".parse()?)).await? {
///     println!("locked until {:?}", retention.until);
/// }
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [GET Object Retention](https://www.tencentcloud.com/document/product/436/58039)
#[doc(alias = "GET Object Retention")]
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct GetObjectRetention {
    key: ObjectKey,
}

impl GetObjectRetention {
    /// Reads that of this object.
    pub fn new(key: ObjectKey) -> Self {
        Self { key }
    }
}

/// Until when an object is locked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retention {
    /// `RetainUntilDate`.
    pub until: SystemTime,
    /// `Mode`, as COS writes it; it has `COMPLIANCE` alone, and may say nothing.
    pub mode: Option<String>,
}

impl Operation for PutObjectRetention {
    type Output = Done;
    type Response = Bytes;
    const NAME: &'static str = "PUT Object Retention";
    const METHOD: Method = Method::PUT;
    const PERMISSIONS: Permissions = Permissions::target("name/cos:PutObjectRetention");

    fn request(&self) -> Result<Request> {
        // Never a moment too early.
        let seconds = unix_seconds(self.until);
        let more = from_unix_seconds(seconds).is_some_and(|whole| whole < self.until);
        let until = from_unix_seconds(seconds + u64::from(more));
        let until = until.ok_or_else(|| Error::input("until", "is after the year 9999"))?;
        let document = Element::new(ROOT).leaf(MODE, "COMPLIANCE").leaf(UNTIL, iso8601(until));
        Request::object(&self.key).query("retention", "").element("until", &document)
    }

    fn safety(&self) -> Safety {
        Safety::SameEffect
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<Done> {
        Ok(Done::told(response.headers()))
    }
}

impl Operation for GetObjectRetention {
    type Output = Option<Retention>;
    type Response = Bytes;
    const NAME: &'static str = "GET Object Retention";
    const METHOD: Method = Method::GET;
    const PERMISSIONS: Permissions = Permissions::target("name/cos:GetObjectRetention");

    fn request(&self) -> Result<Request> {
        Ok(Request::object(&self.key).query("retention", ""))
    }

    fn safety(&self) -> Safety {
        Safety::Read
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<Option<Retention>> {
        let (head, body) = response.into_parts();
        let (status, request_id) = (head.status.as_u16(), request_id(&head.headers));
        let root = xml::read_whole(ROOT, status, &request_id, &body)?;
        if root.children.is_empty() {
            return Ok(None);
        }
        let text = |name| root.children.iter().find(|child| child.name == name).and_then(Element::text);
        let until = text(UNTIL).and_then(parse_iso8601).ok_or_else(|| {
            // Not to know until when is not to be unlocked.
            let service = ServiceError { status, request_id, ..ServiceError::default() };
            Error::new(ErrorKind::Response, "the retention names no date that can be read").with_service(service)
        })?;
        Ok(Some(Retention { until, mode: text(MODE).map(|mode| mode.trim().to_owned()) }))
    }

    fn unset_by(&self, refusal: &ServiceError) -> Option<Option<Retention>> {
        (refusal.code == "NoSuchObjectLockConfiguration").then_some(None)
    }
}

const ROOT: &str = "Retention";
const MODE: &str = "Mode";
const UNTIL: &str = "RetainUntilDate";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::operation::{as_text, read_response};

    const GOLDEN: &str = include_str!("../../tests/golden/xml/retention.xml");

    fn key() -> ObjectKey {
        ObjectKey::new("k").unwrap()
    }

    fn at(seconds: u64, millis: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_millis(millis)
    }

    /// The time of the golden document.
    const DAY: u64 = 1_670_661_288;

    fn read(status: u16, xml: &'static str) -> Result<Option<Retention>> {
        let answer =
            Response::builder().status(status).header("x-cos-request-id", "NjQ").body(Bytes::from(xml)).unwrap();
        read_response(&GetObjectRetention::new(key()), &Sent::default(), answer)
    }

    #[test]
    fn request_as_text() {
        let golden: String = GOLDEN.lines().map(str::trim).collect();
        for until in [at(DAY, 0), at(DAY - 1, 1)] {
            let request = PutObjectRetention::new(key(), until).request().unwrap();
            assert_eq!(request.body_ref().as_bytes().unwrap(), golden);
        }
        let put = as_text(&PutObjectRetention::new(key(), at(DAY, 0)));
        assert!(put.starts_with("PUT /k?retention\ncontent-md5: ") && put.ends_with("\n[105]"), "{put}");
        assert_eq!(as_text(&GetObjectRetention::new(key())), "GET /k?retention\n[0]");
        // The last of them is near the last moment that a `SystemTime` has, which on Windows is in the year 30828.
        let last = if cfg!(windows) { 910_692_730_085 } else { i64::MAX.unsigned_abs() };
        for (seconds, millis) in [(253_402_300_799, 1), (253_402_300_800, 0), (last, 1)] {
            let late = PutObjectRetention::new(key(), at(seconds, millis)).request().unwrap_err();
            assert_eq!((late.kind(), late.field()), (ErrorKind::Input, Some("until")));
        }
    }

    #[test]
    fn output_reads_a_golden_document() {
        let mode = Some("COMPLIANCE".to_owned());
        assert_eq!(read(200, GOLDEN).unwrap(), Some(Retention { until: at(DAY, 0), mode }));
        let older =
            "<Retention new=\"1\"><RetainUntilDate>2022-12-10T16:34:48+08:00</RetainUntilDate><New/></Retention>";
        assert_eq!(read(200, older).unwrap(), Some(Retention { until: at(DAY, 0), mode: None }));
    }

    #[test]
    fn what_is_not_locked_is_none_and_what_cannot_be_read_is_not() {
        assert_eq!(read(200, "<Retention/>").unwrap(), None);
        assert_eq!(read(404, "<Error><Code>NoSuchObjectLockConfiguration</Code></Error>").unwrap(), None);
        assert!(read(404, "<Error><Code>NoSuchKey</Code></Error>").unwrap_err().is_not_found());
        for xml in [
            "<Retention><Mode>COMPLIANCE</Mode></Retention>",
            "<Retention><RetainUntilDate>x</RetainUntilDate></Retention>",
        ] {
            assert_eq!(read(200, xml).unwrap_err().kind(), ErrorKind::Response, "{xml}");
        }
    }
}
