//! What a statement is about, in CAM's six segments.

use super::refuse;
use crate::error::{Error, Result};
use crate::key::ObjectKey;
use crate::region::{BucketName, Region};

/// What a [`Statement`](super::Statement) is about: an object, all objects whose keys begin with a prefix, a bucket, or
/// everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// With `qcs::cos:REGION:uid/APPID:BUCKET`, for these three.
    Object(String, String),
    Prefix(String, String),
    Bucket(String),
    Everything,
    /// As somebody wrote it.
    Written(Vec<String>),
}

impl Resource {
    /// One object.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input): with field `region` or `bucket`, or with field `key` when it is
    /// none or holds what a policy takes for a pattern.
    pub fn object<R, B, K>(region: R, bucket: B, key: K) -> Result<Self>
    where
        R: TryInto<Region, Error: Into<Error>>,
        B: TryInto<BucketName, Error: Into<Error>>,
        K: TryInto<ObjectKey, Error: Into<Error>>,
    {
        let key = key.try_into().map_err(Into::into)?;
        let key = literal("key", key.as_str())?;
        Ok(Self(Kind::Object(base(region, bucket)?, key)))
    }

    /// All objects whose keys begin with this. It is literal and ends where it ends: `uploads/alice` is the beginning
    /// of `uploads/alice2/a` as well; `uploads/alice/` is not.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input): with field `region` or `bucket`, or with field `prefix` when it
    /// is empty, longer than a key may be, or holds what a policy takes for a pattern.
    pub fn prefix<R, B>(region: R, bucket: B, prefix: impl AsRef<str>) -> Result<Self>
    where
        R: TryInto<Region, Error: Into<Error>>,
        B: TryInto<BucketName, Error: Into<Error>>,
    {
        let prefix = prefix.as_ref();
        if prefix.is_empty() {
            return Err(Error::input("prefix", "is empty; Resource::bucket is the whole bucket"));
        }
        if prefix.len() > ObjectKey::MAX_BYTES {
            return Err(Error::input("prefix", "is longer than a key may be, 850 bytes"));
        }
        Ok(Self(Kind::Prefix(base(region, bucket)?, literal("prefix", prefix)?)))
    }

    /// A bucket and all its objects.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) with field `region` or `bucket`.
    pub fn bucket<R, B>(region: R, bucket: B) -> Result<Self>
    where
        R: TryInto<Region, Error: Into<Error>>,
        B: TryInto<BucketName, Error: Into<Error>>,
    {
        Ok(Self(Kind::Bucket(base(region, bucket)?)))
    }

    /// Everything the caller of STS may reach; listing the buckets of the account needs this.
    pub fn everything() -> Self {
        Self(Kind::Everything)
    }

    pub(super) fn written(resources: Vec<String>) -> Result<Self> {
        if resources.is_empty() || resources.iter().any(String::is_empty) {
            return Err(refuse("has a statement without a resource"));
        }
        Ok(Self(Kind::Written(resources)))
    }

    /// Whether a right on a bucket can be had on it.
    pub(super) fn has_bucket(&self) -> bool {
        !matches!(self.0, Kind::Object(..) | Kind::Prefix(..))
    }

    /// Whether a right on the account can be had on it.
    pub(super) fn has_account(&self) -> bool {
        matches!(self.0, Kind::Everything | Kind::Written(_))
    }

    /// As it stands in the document; `bucket_only` when nothing is said of objects.
    pub(super) fn write(&self, bucket_only: bool) -> Vec<String> {
        match &self.0 {
            Kind::Object(base, key) => vec![format!("{base}/{key}")],
            Kind::Prefix(base, prefix) => vec![format!("{base}/{prefix}*")],
            Kind::Bucket(base) if bucket_only => vec![format!("{base}/")],
            Kind::Bucket(base) => vec![format!("{base}/*")],
            Kind::Everything => vec!["*".to_owned()],
            Kind::Written(resources) => resources.clone(),
        }
    }
}

fn base<R, B>(region: R, bucket: B) -> Result<String>
where
    R: TryInto<Region, Error: Into<Error>>,
    B: TryInto<BucketName, Error: Into<Error>>,
{
    let region = region.try_into().map_err(Into::into)?;
    let bucket = bucket.try_into().map_err(Into::into)?;
    Ok(format!("qcs::cos:{region}:uid/{}:{bucket}", bucket.app_id()))
}

/// CAM has no way to say that a `*` or a variable means itself.
fn literal(field: &'static str, text: &str) -> Result<String> {
    if text.contains('*') || text.contains("${") {
        return Err(Error::input(field, "holds `*` or `${`, which mean something else in a policy"));
    }
    if text.chars().any(char::is_control) {
        return Err(Error::input(field, "holds a control character"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_mean_something_else_is_refused() {
        let prefix = |prefix: &str| Resource::prefix("ap-x", "b-1", prefix);
        for bad in ["", "a*", "*", "u/${uin}/", "a\nb", &"k".repeat(851)] {
            assert_eq!(prefix(bad).unwrap_err().field(), Some("prefix"), "{bad}");
        }
        for good in ["a", "a/", "目录/", "/a", "a b?", "$"] {
            assert_eq!(prefix(good).unwrap().write(false), [format!("qcs::cos:ap-x:uid/1:b-1/{good}*")]);
        }
        assert_eq!(Resource::object("ap-x", "b-1", "a*").unwrap_err().field(), Some("key"));
        assert_eq!(Resource::object("ap-x", "b-1", "").unwrap_err().field(), Some("key"));
        assert_eq!(Resource::bucket("AP", "b-1").unwrap_err().field(), Some("region"));
        assert_eq!(Resource::bucket("ap-x", "b").unwrap_err().field(), Some("bucket"));
    }
}
