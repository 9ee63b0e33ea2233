use percent_encoding::utf8_percent_encode;

use crate::error::{Error, Result};
use crate::key::{ObjectKey, RESERVED};
use crate::options::{Conditions, CustomerKey};
use crate::region::{BucketName, Region};
use crate::request::{Describe, Request};

/// The object a copy is made of: bucket, region, key, and when it counts.
///
/// # Examples
/// ```
/// use tencent_cos::CopySource;
///
/// let (bucket, region) = ("examplebucket-1250000000".parse()?, "ap-guangzhou".parse()?);
/// let source = CopySource::new(&region, &bucket, &"a.txt".parse()?);
/// # let _ = source;
/// # Ok::<(), tencent_cos::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopySource {
    location: String,
    version_id: Option<String>,
    conditions: Conditions,
    customer_key: Option<CustomerKey>,
}

impl CopySource {
    /// The latest version of an object.
    pub fn new(region: &Region, bucket: &BucketName, key: &ObjectKey) -> Self {
        // COS takes the bucket's default host here, whatever host the request itself goes to.
        let location = format!("{bucket}.cos.{region}.myqcloud.com{}", key.url_path());
        Self { location, version_id: None, conditions: Conditions::new(), customer_key: None }
    }

    /// This version of it.
    #[must_use]
    pub fn version_id(mut self, version_id: impl Into<String>) -> Self {
        self.version_id = Some(version_id.into());
        self
    }

    /// When the copy is made (`x-cos-copy-source-If-Match` and its like); else the error has status 412.
    #[must_use]
    pub fn conditions(mut self, conditions: Conditions) -> Self {
        self.conditions = conditions;
        self
    }

    /// The key the source was encrypted with (SSE-C).
    #[must_use]
    pub fn customer_key(mut self, key: CustomerKey) -> Self {
        self.customer_key = Some(key);
        self
    }
}

impl Describe for CopySource {
    fn describe(&self, request: Request) -> Result<Request> {
        if self.version_id.as_deref() == Some("") {
            // It would mean the latest.
            return Err(Error::input("version_id", "is empty"));
        }
        let version = self.version_id.as_ref().map(|id| format!("?versionId={}", utf8_percent_encode(id, RESERVED)));
        let location = [self.location.as_str(), version.as_deref().unwrap_or_default()].concat();
        let request = self.conditions.describe_source(request.header("x-cos-copy-source", location)?)?;
        match &self.customer_key {
            Some(key) => key.describe_source(request),
            None => Ok(request),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_is_named_by_its_default_host_and_encoded_once() {
        let source = CopySource::new(&"ap-x".parse().unwrap(), &"b-1".parse().unwrap(), &"a b/../c+".parse().unwrap())
            .version_id("v+1")
            .conditions(Conditions::new().if_match("\"e\""))
            .customer_key(CustomerKey::new([7; 32]).unwrap());
        let request = source.describe(Request::bucket()).unwrap();
        let header = |name| request.headers()[name].to_str().unwrap();
        assert_eq!(header("x-cos-copy-source"), "b-1.cos.ap-x.myqcloud.com/a%20b/..%2Fc%2B?versionId=v%2B1");
        assert_eq!(header("x-cos-copy-source-if-match"), "\"e\"");
        assert_eq!(header("x-cos-copy-source-server-side-encryption-customer-algorithm"), "AES256");
    }
}
