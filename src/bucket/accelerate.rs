use super::setting::{self, Setting};
use crate::error::{Error, Result};
use crate::xml::{Element, Unknown};

/// Whether a bucket is reached by global acceleration: at
/// [`Endpoint::accelerate`](crate::Endpoint::accelerate), which serves objects from everywhere.
///
/// What this crate does not know in a configuration that was read is kept and written back with it.
///
/// COS reference: [PUT Bucket accelerate](https://cloud.tencent.com/document/product/436/38869)
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccelerateConfiguration {
    /// Whether it is on (`Status`), not suspended.
    pub enabled: bool,
    /// `Type`, as COS tells it: `COS`. It need not be said.
    pub acceleration_type: Option<String>,
    unknown: Unknown,
}

impl AccelerateConfiguration {
    /// On, or suspended.
    pub fn new(enabled: bool) -> Self {
        Self { enabled, ..Self::default() }
    }

    /// Names of what was read, is not known here or could not be set here, and is written back with it.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        self.unknown.names()
    }
}

impl Setting for AccelerateConfiguration {
    const PARAMETER: &'static str = "accelerate";
    const ROOT: &'static str = "AccelerateConfiguration";
    const UNSET: &'static str = "NoSuchAccelerateConfiguration";
    const FIELD: &'static str = "accelerate";

    fn write(&self) -> Result<Element> {
        let mut root = Element::new(Self::ROOT);
        if self.enabled || !self.unknown.has(STATUS) {
            root = root.leaf(STATUS, if self.enabled { ENABLED } else { SUSPENDED });
        }
        root.leaf_opt(TYPE, self.acceleration_type.as_deref())
            .with_unknown(&self.unknown, &ONCE)
            .ok_or_else(|| Error::input("accelerate", "has a part twice, once with a value that is not known"))
    }

    fn read(mut root: Element) -> Self {
        let mut read = Self { unknown: root.take_unknown(), ..Self::default() };
        let repeated = root.repeated(&ONCE);
        for child in root.children {
            match (child.name.as_str(), child.text()) {
                (name, _) if repeated.contains(&name) => read.unknown.push(child),
                (STATUS, Some(status @ (ENABLED | SUSPENDED))) => read.enabled = status == ENABLED,
                (TYPE, Some(kind)) => read.acceleration_type = Some(kind.to_owned()),
                _ => read.unknown.push(child),
            }
        }
        read
    }
}

const STATUS: &str = "Status";
const TYPE: &str = "Type";
const ENABLED: &str = "Enabled";
const SUSPENDED: &str = "Suspended";

/// What is in a configuration once at most.
const ONCE: [&str; 2] = [STATUS, TYPE];

/// Turns global acceleration of the bucket on, or suspends it; what comes by its own host is as before.
///
/// Once on, it can be suspended, not removed. Data that goes this way is billed. It may be repeated freely.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket` or `AccessDenied`;
/// `ActionAccelerateNotSupported` (400) when it is asked at the acceleration host itself.
///
/// # Examples
/// ```no_run
/// use tencent_cos::{AccelerateConfiguration, PutBucketAccelerate};
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// bucket.send(PutBucketAccelerate::new(AccelerateConfiguration::new(true))).await?;
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [PUT Bucket accelerate](https://cloud.tencent.com/document/product/436/38869)
#[doc(alias = "PUT Bucket accelerate")]
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct PutBucketAccelerate(AccelerateConfiguration);

/// Reads whether the bucket is reached by global acceleration; `None` when it never was.
///
/// Changes nothing and may be repeated freely.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket` or `AccessDenied`.
///
/// # Examples
/// ```no_run
/// use tencent_cos::GetBucketAccelerate;
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// let found = bucket.send(GetBucketAccelerate::new()).await?;
/// println!("it is on: {}", found.is_some_and(|found| found.enabled));
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [GET Bucket accelerate](https://cloud.tencent.com/document/product/436/38868)
#[doc(alias = "GET Bucket accelerate")]
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct GetBucketAccelerate {
    _private: (),
}

setting::calls! {
    AccelerateConfiguration;
    PUT PutBucketAccelerate, "PUT Bucket accelerate", "name/cos:PutBucketAccelerate";
    GET GetBucketAccelerate, "GET Bucket accelerate", "name/cos:GetBucketAccelerate";
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Response;

    use super::*;
    use crate::operation::{Operation, Sent, as_text, read_response};

    fn read(xml: &'static str) -> Option<AccelerateConfiguration> {
        GetBucketAccelerate::new().output(&Sent::default(), Response::new(Bytes::from(xml))).unwrap()
    }

    fn written(configuration: AccelerateConfiguration) -> String {
        let request = PutBucketAccelerate::new(configuration).request().unwrap();
        String::from_utf8(request.body_ref().as_bytes().unwrap().to_vec()).unwrap()
    }

    #[test]
    fn request_as_text() {
        let on = PutBucketAccelerate::new(AccelerateConfiguration::new(true));
        let text = as_text(&on);
        assert!(text.starts_with("PUT /?accelerate\ncontent-md5: ") && text.ends_with("\n[75]"), "{text}");
        assert_eq!(
            written(AccelerateConfiguration::new(false)),
            "<AccelerateConfiguration><Status>Suspended</Status></AccelerateConfiguration>"
        );
        assert_eq!(as_text(&GetBucketAccelerate::new()), "GET /?accelerate\n[0]");
    }

    #[test]
    fn output_reads_a_golden_document() {
        let found = read(include_str!("../../tests/golden/xml/accelerate.xml")).unwrap();
        assert_eq!((found.enabled, found.acceleration_type.as_deref()), (true, Some("COS")));
        assert_eq!(found.unknown().count(), 0);
    }

    #[test]
    fn a_bucket_that_never_had_it_gives_none() {
        assert_eq!(read("<AccelerateConfiguration/>"), None);
        assert_eq!(read("<AccelerateConfiguration xmlns=\"cos xmlns/\">\n</AccelerateConfiguration>"), None);
        let missing = Response::builder().status(404).header("x-cos-request-id", "NjQ");
        let missing = missing.body(Bytes::from("<Error><Code>NoSuchBucket</Code></Error>")).unwrap();
        let error = read_response(&GetBucketAccelerate::new(), &Sent::default(), missing).unwrap_err();
        assert!(error.is_not_found());
    }

    #[test]
    fn what_is_not_known_is_written_back() {
        for xml in [
            "<AccelerateConfiguration a=\"1\"><Status>Paused</Status><New/></AccelerateConfiguration>",
            "<AccelerateConfiguration><Status>Enabled</Status><Status>Suspended</Status></AccelerateConfiguration>",
            "<AccelerateConfiguration><Status b=\"1\">Enabled</Status></AccelerateConfiguration>",
        ] {
            let found = read(xml).unwrap();
            assert!(!found.enabled && found.unknown().next() == Some("Status"));
            assert_eq!(written(found.clone()), xml);
            let on = PutBucketAccelerate::new(AccelerateConfiguration { enabled: true, ..found });
            assert_eq!(on.request().unwrap_err().field(), Some("accelerate"));
        }
    }
}
