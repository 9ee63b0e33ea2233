use std::time::SystemTime;

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use serde::Serialize;

use crate::answer::request_id;
use crate::error::{Error, Result, ServiceError};
use crate::key::ObjectKey;
use crate::name::display_name;
use crate::operation::{Operation, Permissions, Safety, Sent};
use crate::options::CustomerKey;
use crate::request::Request;
use crate::time::parse_http_date;

/// Restores an archived object: makes a copy of it that can be read for some days.
///
/// COS begins to, which is told at once; the copy is there minutes to days later, as [`RestoreTier`] says. Until then a
/// GET answers `InvalidObjectState`. [`ObjectMeta::restored`](crate::ObjectMeta::restored) tells how far it is. Of an
/// object that is restored, the time is set anew. The object itself stays in its class.
///
/// COS takes 100 of these requests a second. One that may have taken effect is repeated: the second finds the first
/// under way. What is under way after an attempt whose end is unknown counts as begun by it.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `RestoreAlreadyInProgress` (409),
/// `RestoreNonArchiveObject` (405), `NoSuchKey`, `NoSuchVersion` or `AccessDenied`.
/// [`ErrorKind::Input`](crate::ErrorKind::Input) with field `days` when they are not 1 to 365.
///
/// # Examples
/// ```no_run
/// use tencent_cos::{RestoreObject, RestoreTier};
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// let restore = RestoreObject::new("logs/2025.zip".parse()?, 7).tier(RestoreTier::Bulk);
/// bucket.send(restore).await?;
/// // … much later:
/// let restored = bucket.head("logs/2025.zip").await?.restored();
/// if restored.is_some_and(|restored| restored.is_readable()) {
///     bucket.download("logs/2025.zip", "2025.zip").await?;
/// }
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [POST Object restore](https://cloud.tencent.com/document/product/436/12633)
#[doc(alias = "POST Object restore")]
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct RestoreObject {
    key: ObjectKey,
    days: Option<u32>,
    tier: RestoreTier,
    version_id: Option<String>,
    customer_key: Option<CustomerKey>,
}

impl RestoreObject {
    /// Restores the object for so many days, 1 to 365, from when the copy is there.
    pub fn new(key: ObjectKey, days: u32) -> Self {
        Self::of(key, Some(days))
    }

    /// Brings an object of `INTELLIGENT_TIERING` back from one of its archive tiers. It comes to the standard tier
    /// itself: there is no copy that would end.
    pub fn intelligent_tiering(key: ObjectKey) -> Self {
        Self::of(key, None)
    }

    fn of(key: ObjectKey, days: Option<u32>) -> Self {
        Self { key, days, tier: RestoreTier::Standard, version_id: None, customer_key: None }
    }

    /// How fast; else [`RestoreTier::Standard`].
    pub fn tier(mut self, tier: RestoreTier) -> Self {
        self.tier = tier;
        self
    }

    /// Restores this version of it.
    pub fn version_id(mut self, version_id: impl Into<String>) -> Self {
        self.version_id = Some(version_id.into());
        self
    }

    /// The key the object was encrypted with (SSE-C). The reference does not name it here; the Python SDK sends it.
    pub fn customer_key(mut self, key: CustomerKey) -> Self {
        self.customer_key = Some(key);
        self
    }
}

/// How long a copy may be there.
const MAX_DAYS: u32 = 365;

/// How fast an archived object is restored; the faster, the dearer. The archive tier of `INTELLIGENT_TIERING` is as
/// `ARCHIVE`, its deep archive tier as `DEEP_ARCHIVE`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RestoreTier {
    /// From `ARCHIVE` in 1 to 5 minutes. Not for `DEEP_ARCHIVE`.
    Expedited,
    /// From `ARCHIVE` in 3 to 5 hours, from `DEEP_ARCHIVE` in 12 to 24.
    #[default]
    Standard,
    /// From `ARCHIVE` in 5 to 12 hours, from `DEEP_ARCHIVE` in 24 to 48.
    Bulk,
}

impl RestoreTier {
    /// As COS writes it: `Expedited`, `Standard`, `Bulk`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expedited => "Expedited",
            Self::Standard => "Standard",
            Self::Bulk => "Bulk",
        }
    }
}

display_name!(RestoreTier);

impl Operation for RestoreObject {
    type Output = RestoreObjectOutput;
    type Response = Bytes;
    const NAME: &'static str = "POST Object restore";
    const METHOD: Method = Method::POST;
    const PERMISSIONS: Permissions = Permissions::target("name/cos:PostObjectRestore");

    fn request(&self) -> Result<Request> {
        if self.days.is_some_and(|days| !(1..=MAX_DAYS).contains(&days)) {
            return Err(Error::input("days", "are not 1 to 365"));
        }
        let body = Document { days: self.days, job: Job { tier: self.tier.as_str() } };
        Request::object(&self.key)
            .query("restore", "")
            .version_id(self.version_id.as_deref())?
            .with(&self.customer_key)?
            .xml("RestoreRequest", &body)
    }

    fn safety(&self) -> Safety {
        Safety::Guarded
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<RestoreObjectOutput> {
        Ok(RestoreObjectOutput {
            was_restored: response.status() == StatusCode::OK,
            request_id: request_id(response.headers()),
        })
    }

    fn settled_by(&self, refusal: &ServiceError) -> Option<RestoreObjectOutput> {
        (refusal.code == "RestoreAlreadyInProgress")
            .then(|| RestoreObjectOutput { was_restored: false, request_id: refusal.request_id.clone() })
    }
}

#[derive(Serialize)]
struct Document {
    #[serde(rename = "Days", skip_serializing_if = "Option::is_none")]
    days: Option<u32>,
    #[serde(rename = "CASJobParameters")]
    job: Job,
}

#[derive(Serialize)]
struct Job {
    #[serde(rename = "Tier")]
    tier: &'static str,
}

/// What [`RestoreObject`] gives.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RestoreObjectOutput {
    /// Whether it was restored already (200), so that its time was set anew; else COS begins to restore it (202).
    pub was_restored: bool,
    request_id: String,
}

impl RestoreObjectOutput {
    /// `x-cos-request-id`.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }
}

/// How far an archived object is restored: `x-cos-restore`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Restored {
    /// COS restores it: it cannot be read yet.
    Ongoing,
    /// It can be read.
    Readable {
        /// Until then.
        until: Option<SystemTime>,
    },
}

impl Restored {
    /// `ongoing-request="true"`, or `ongoing-request="false", expiry-date="Wed, 12 Dec 2019 06:45:51 GMT"`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let value = |name: &str| {
            let (_, rest) = text.split_once(name)?;
            rest.trim_start().strip_prefix('=')?.trim_start().strip_prefix('"')?.split_once('"').map(|(value, _)| value)
        };
        match value("ongoing-request")? {
            ongoing if ongoing.eq_ignore_ascii_case("true") => Some(Self::Ongoing),
            ongoing if ongoing.eq_ignore_ascii_case("false") => {
                Some(Self::Readable { until: value("expiry-date").and_then(parse_http_date) })
            }
            _ => None,
        }
    }

    /// Whether it can be read.
    pub fn is_readable(&self) -> bool {
        matches!(self, Self::Readable { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::{as_text, read_response};
    use crate::time::from_unix_seconds;

    fn restore() -> RestoreObject {
        RestoreObject::new(ObjectKey::new("a b").unwrap(), 3)
    }

    /// The body is the one of the Go SDK.
    #[test]
    fn request_as_text() {
        let expedited = restore().tier(RestoreTier::Expedited).version_id("null");
        assert_eq!(
            as_text(&expedited),
            "POST /a%20b?restore&versionId=null\n\
             content-md5: zunNhdlT9mQ5HTKtim08rQ==\n\
             content-type: application/xml\n\
             [106]"
        );
        assert_eq!(
            expedited.request().unwrap().body_ref().as_bytes().unwrap(),
            "<RestoreRequest><Days>3</Days><CASJobParameters><Tier>Expedited</Tier></CASJobParameters></RestoreRequest>"
        );
        let xml = restore().request().unwrap().body_ref().as_bytes().unwrap();
        assert!(std::str::from_utf8(&xml).unwrap().contains("<Tier>Standard</Tier>"));
        for days in [0, 366, u32::MAX] {
            let error = RestoreObject::new("k".parse().unwrap(), days).request().unwrap_err();
            assert_eq!(error.field(), Some("days"), "{days}");
        }
        assert!(RestoreObject::new("k".parse().unwrap(), 365).request().is_ok());
        let tiered = RestoreObject::intelligent_tiering("k".parse().unwrap()).tier(RestoreTier::Bulk);
        assert_eq!(
            tiered.request().unwrap().body_ref().as_bytes().unwrap(),
            "<RestoreRequest><CASJobParameters><Tier>Bulk</Tier></CASJobParameters></RestoreRequest>"
        );
        assert_eq!(restore().version_id("").request().unwrap_err().field(), Some("version_id"));
    }

    #[test]
    fn the_key_of_an_encrypted_object_comes_along() {
        let key = CustomerKey::new(b"0123456789ABCDEF0123456789ABCDEF").unwrap();
        let request = restore().customer_key(key).request().unwrap();
        assert_eq!(request.headers()["x-cos-server-side-encryption-customer-key-md5"], "U5L61r7jcwdNvT7frmUG8g==");
    }

    #[test]
    fn output_tells_a_new_restore_from_one_more_time() {
        for (status, was_restored) in [(202, false), (200, true)] {
            let answer = Response::builder().status(status).header("x-cos-request-id", "NjQ").body(Bytes::new());
            let output = read_response(&restore(), &Sent::default(), answer.unwrap()).unwrap();
            assert_eq!((output.was_restored, output.request_id()), (was_restored, "NjQ"), "{status}");
        }
        let refusal = |code: &str| ServiceError { status: 409, code: code.to_owned(), ..ServiceError::default() };
        assert!(!restore().settled_by(&refusal("RestoreAlreadyInProgress")).unwrap().was_restored);
        assert_eq!(restore().settled_by(&refusal("ObjectLocked")), None);
    }

    #[test]
    fn how_far_it_is_is_read_from_the_documented_header() {
        assert_eq!(Restored::parse("ongoing-request=\"true\""), Some(Restored::Ongoing));
        let until = from_unix_seconds(1_557_989_151);
        let date = "ongoing-request=\"false\", expiry-date=\"Thu, 16 May 2019 06:45:51 GMT\"";
        assert_eq!(Restored::parse(date), Some(Restored::Readable { until }));
        let odd = "ongoing-request=\"false\", expiry-date=\"soon\"";
        assert_eq!(Restored::parse(odd), Some(Restored::Readable { until: None }));
        for none in ["", "true", "ongoing-request", "ongoing-request=\"", "ongoing-request=\"maybe\""] {
            assert_eq!(Restored::parse(none), None, "{none}");
        }
    }
}
