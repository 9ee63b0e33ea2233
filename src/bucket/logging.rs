use bytes::Bytes;
use http::{Method, Response};

use super::setting::{self, Setting};
use crate::answer::Done;
use crate::error::{Error, Result};
use crate::operation::{Operation, Permissions, Safety, Sent};
use crate::region::BucketName;
use crate::request::Request;
use crate::xml::{Element, Unknown};

/// Where COS keeps a log of the requests for a bucket: as objects of a bucket in the same region, which may be the
/// bucket itself, though COS advises against it.
///
/// Its log service must have been allowed to write to COS. What this crate does not know in a configuration that was
/// read is kept and written back with it.
///
/// COS reference: [PUT Bucket logging](https://cloud.tencent.com/document/product/436/17054)
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BucketLogging {
    /// The bucket for the logs. `None` when it is among the [`unknown`](Self::unknown).
    pub target_bucket: Option<BucketName>,
    /// What the keys of the logs begin with; behind it come `YYYY/MM/DD/` and a name.
    pub target_prefix: Option<String>,
    /// Of the configuration, of what is on.
    unknown: [Unknown; 2],
}

impl BucketLogging {
    /// Logs in this bucket.
    pub fn new(target_bucket: BucketName) -> Self {
        Self { target_bucket: Some(target_bucket), ..Self::default() }
    }

    /// `TargetPrefix`.
    #[must_use]
    pub fn target_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.target_prefix = Some(prefix.into());
        self
    }

    /// Names of what was read, is not known here or could not be set here, and is written back with it.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        self.unknown.iter().flat_map(Unknown::names)
    }
}

impl Setting for BucketLogging {
    const PARAMETER: &'static str = "logging";
    const ROOT: &'static str = "BucketLoggingStatus";
    const UNSET: &'static str = "NoSuchLoggingConfiguration";
    const FIELD: &'static str = "logging";

    fn write(&self) -> Result<Element> {
        let [of_root, of_enabled] = &self.unknown;
        if self.target_bucket.is_none() && !of_enabled.has(BUCKET) && !of_root.has(ENABLED) {
            return Err(Error::input("target_bucket", "is not there"));
        }
        let enabled = Element::new(ENABLED)
            .leaf_opt(BUCKET, self.target_bucket.as_ref().map(BucketName::as_str))
            .leaf_opt(PREFIX, self.target_prefix.as_deref());
        let twice = || Error::input("logging", "has a part twice, once with a value that is not known");
        let enabled = enabled.with_unknown(of_enabled, &ONCE).ok_or_else(twice)?;
        let root = Element::new(Self::ROOT);
        let root = if enabled.children.is_empty() { root } else { root.child(enabled) };
        root.with_unknown(of_root, &[ENABLED]).ok_or_else(twice)
    }

    fn read(mut root: Element) -> Self {
        let mut read = Self { unknown: [root.take_unknown(), Unknown::default()], ..Self::default() };
        let repeated = !root.repeated(&[ENABLED]).is_empty();
        for child in root.children {
            if child.name == ENABLED && !repeated && !child.children.is_empty() {
                read.take(child);
            } else {
                read.unknown[0].push(child);
            }
        }
        read
    }
}

impl BucketLogging {
    fn take(&mut self, mut enabled: Element) {
        self.unknown[1] = enabled.take_unknown();
        let repeated = enabled.repeated(&ONCE);
        for child in enabled.children {
            let known = match child.name.as_str() {
                name if repeated.contains(&name) => false,
                BUCKET => {
                    self.target_bucket = child.text().and_then(|name| name.parse().ok());
                    self.target_bucket.is_some()
                }
                PREFIX => {
                    self.target_prefix = child.text().map(str::to_owned);
                    self.target_prefix.is_some()
                }
                _ => false,
            };
            if !known {
                self.unknown[1].push(child);
            }
        }
    }
}

const ENABLED: &str = "LoggingEnabled";
const BUCKET: &str = "TargetBucket";
const PREFIX: &str = "TargetPrefix";

/// What is in it once at most.
const ONCE: [&str; 2] = [BUCKET, PREFIX];

/// Keeps a log of the requests for the bucket, in place of where it was kept before.
///
/// It may be repeated freely.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `InvalidTargetBucketForLogging` or
/// `LoggingPrefixInvalid` (400), `NoSuchBucket` or `AccessDenied`. [`ErrorKind::Input`](crate::ErrorKind::Input)
/// without a target bucket.
///
/// # Examples
/// ```no_run
/// use tencent_cos::{BucketLogging, PutBucketLogging};
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// let logging = BucketLogging::new("logs-1250000000".parse()?).target_prefix("example/");
/// bucket.send(PutBucketLogging::new(logging)).await?;
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [PUT Bucket logging](https://cloud.tencent.com/document/product/436/17054)
#[doc(alias = "PUT Bucket logging")]
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct PutBucketLogging(BucketLogging);

/// Reads where COS keeps a log of the requests for the bucket; `None` when it keeps none.
///
/// Changes nothing and may be repeated freely.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket` or `AccessDenied`.
///
/// # Examples
/// ```no_run
/// use tencent_cos::GetBucketLogging;
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// if let Some(logging) = bucket.send(GetBucketLogging::new()).await? {
///     println!("logs are in {:?}", logging.target_bucket);
/// }
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [GET Bucket logging](https://cloud.tencent.com/document/product/436/17053)
#[doc(alias = "GET Bucket logging")]
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct GetBucketLogging {
    _private: (),
}

/// Keeps no log of the requests for the bucket any more. Logs that are there stay; nothing to turn off is a success.
///
/// COS has no DELETE for it: this is a PUT of an empty document, and needs the right to put. It may be repeated freely.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket` or `AccessDenied`.
///
/// # Examples
/// ```no_run
/// use tencent_cos::DeleteBucketLogging;
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// bucket.send(DeleteBucketLogging::new()).await?;
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [PUT Bucket logging](https://cloud.tencent.com/document/product/436/17054)
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct DeleteBucketLogging {
    _private: (),
}

impl DeleteBucketLogging {
    /// Turns it off.
    pub fn new() -> Self {
        Self::default()
    }
}

setting::calls! {
    BucketLogging;
    PUT PutBucketLogging, "PUT Bucket logging", "name/cos:PutBucketLogging";
    GET GetBucketLogging, "GET Bucket logging", "name/cos:GetBucketLogging";
}

impl Operation for DeleteBucketLogging {
    type Output = Done;
    type Response = Bytes;
    const NAME: &'static str = "PUT Bucket logging";
    const METHOD: Method = Method::PUT;
    const PERMISSIONS: Permissions = Permissions::bucket("name/cos:PutBucketLogging");

    fn request(&self) -> Result<Request> {
        let nothing = Element::new(<BucketLogging as Setting>::ROOT);
        setting::request::<BucketLogging>().element("logging", &nothing)
    }

    fn safety(&self) -> Safety {
        Safety::SameEffect
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<Done> {
        Ok(Done::told(response.headers()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::operation::{as_text, read_response};

    const GOLDEN: &str = include_str!("../../tests/golden/xml/logging.xml");

    fn answer(status: u16, xml: &'static str) -> Response<Bytes> {
        Response::builder().status(status).header("x-cos-request-id", "NjQ").body(Bytes::from(xml)).unwrap()
    }

    fn read(xml: &'static str) -> Option<BucketLogging> {
        GetBucketLogging::new().output(&Sent::default(), answer(200, xml)).unwrap()
    }

    fn written(logging: BucketLogging) -> String {
        let request = PutBucketLogging::new(logging).request().unwrap();
        String::from_utf8(request.body_ref().as_bytes().unwrap().to_vec()).unwrap()
    }

    fn example() -> BucketLogging {
        BucketLogging::new("examplebucket-1250000000".parse().unwrap()).target_prefix("prefix")
    }

    #[test]
    fn request_as_text() {
        assert_eq!(written(example()), GOLDEN.replace('\n', "").replace("    ", ""));
        let text = as_text(&PutBucketLogging::new(example()));
        assert!(text.starts_with("PUT /?logging\ncontent-md5: ") && text.ends_with("\n[164]"), "{text}");
        assert_eq!(as_text(&GetBucketLogging::new()), "GET /?logging\n[0]");
        let off = DeleteBucketLogging::new().request().unwrap().body_ref().as_bytes().unwrap();
        assert_eq!(off, "<BucketLoggingStatus/>");
    }

    #[test]
    fn output_reads_a_golden_document() {
        assert_eq!(read(GOLDEN), Some(example()));
        let put = PutBucketLogging::new(example()).output(&Sent::default(), answer(200, "")).unwrap();
        let off = DeleteBucketLogging::new().output(&Sent::default(), answer(200, "")).unwrap();
        assert_eq!((put.request_id(), off.request_id()), ("NjQ", "NjQ"));
    }

    #[test]
    fn a_bucket_without_logs_gives_none() {
        assert_eq!(read("<BucketLoggingStatus/>"), None);
        assert_eq!(read("<BucketLoggingStatus>\n</BucketLoggingStatus>"), None);
        let missing = answer(404, "<Error><Code>NoSuchBucket</Code></Error>");
        assert!(read_response(&GetBucketLogging::new(), &Sent::default(), missing).unwrap_err().is_not_found());
    }

    #[test]
    fn what_cos_would_refuse_is_refused() {
        for (logging, field) in [
            (BucketLogging::default().target_prefix("a"), "target_bucket"),
            (example().target_prefix("a\u{1}"), "logging"),
        ] {
            let error = PutBucketLogging::new(logging).request().unwrap_err();
            assert_eq!((error.kind(), error.field()), (ErrorKind::Input, Some(field)));
        }
    }

    #[test]
    fn what_is_not_known_is_written_back() {
        for (xml, unknown) in [
            (
                "<BucketLoggingStatus a=\"1\"><LoggingEnabled b=\"2\"><TargetPrefix>p</TargetPrefix><TargetBucket>no name\
                 </TargetBucket><LoggingRole>r</LoggingRole></LoggingEnabled><New/></BucketLoggingStatus>",
                &["New", "TargetBucket", "LoggingRole"][..],
            ),
            ("<BucketLoggingStatus><LoggingEnabled/></BucketLoggingStatus>", &["LoggingEnabled"]),
            (
                "<BucketLoggingStatus><LoggingEnabled><TargetBucket>a-1</TargetBucket></LoggingEnabled><LoggingEnabled>\
                 <TargetBucket>b-1</TargetBucket></LoggingEnabled></BucketLoggingStatus>",
                &["LoggingEnabled", "LoggingEnabled"],
            ),
        ] {
            let found = read(xml).unwrap();
            assert_eq!((found.unknown().collect::<Vec<_>>(), &found.target_bucket), (unknown.to_vec(), &None));
            assert_eq!(written(found.clone()), xml);
            let other = BucketLogging { target_bucket: example().target_bucket, ..found };
            assert_eq!(PutBucketLogging::new(other).request().unwrap_err().field(), Some("logging"));
        }
    }
}
