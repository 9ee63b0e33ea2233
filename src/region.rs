//! Which bucket, and in which region.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::error::{Error, Result};

/// A COS region, for instance `ap-guangzhou`.
///
/// The set is open: any lower-case letters, digits and inner hyphens are taken.
///
/// COS reference: [Regions and access endpoints](https://cloud.tencent.com/document/product/436/6224)
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Region(Arc<str>);

impl Region {
    /// Parses a region.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) with field `region`.
    pub fn new(region: impl AsRef<str>) -> Result<Self> {
        let region = region.as_ref();
        if is_label(region) {
            Ok(Self(region.into()))
        } else {
            Err(Error::input("region", "is not of the form `ap-guangzhou`: lower-case letters, digits, inner hyphens"))
        }
    }

    /// The region as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The full name of a bucket: `name-appid`, for instance `examplebucket-1250000000`.
///
/// COS reference: [Bucket overview](https://cloud.tencent.com/document/product/436/13312)
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BucketName(Arc<str>);

impl BucketName {
    /// Parses a name: lower-case letters, digits and inner hyphens, then `-` and the digits of the APPID; at most 63
    /// characters, as it is a label of a host.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) with field `bucket`.
    pub fn new(name: impl AsRef<str>) -> Result<Self> {
        let name = name.as_ref();
        let is_app_id = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match name.rsplit_once('-') {
            Some((short, app_id)) if is_label(name) && is_label(short) && is_app_id(app_id) => Ok(Self(name.into())),
            _ => {
                Err(Error::input("bucket", "is not of the form `name-appid`, for instance `examplebucket-1250000000`"))
            }
        }
    }

    /// The full name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name without its APPID.
    pub fn name(&self) -> &str {
        self.0.rsplit_once('-').map_or(&self.0, |(name, _)| name)
    }

    /// The APPID of the account that owns it.
    pub fn app_id(&self) -> &str {
        self.0.rsplit_once('-').map_or("", |(_, app_id)| app_id)
    }
}

/// Lower-case letters, digits and inner hyphens: what may stand between the dots of a host.
fn is_label(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&text.len()) && text.bytes().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

macro_rules! text_conversions {
    ($($name:ident)*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl FromStr for $name {
            type Err = Error;
            fn from_str(text: &str) -> Result<Self> {
                Self::new(text)
            }
        }
        impl TryFrom<&str> for $name {
            type Error = Error;
            fn try_from(text: &str) -> Result<Self> {
                Self::new(text)
            }
        }
        impl TryFrom<String> for $name {
            type Error = Error;
            fn try_from(text: String) -> Result<Self> {
                Self::new(text)
            }
        }
        impl TryFrom<&String> for $name {
            type Error = Error;
            fn try_from(text: &String) -> Result<Self> {
                Self::new(text)
            }
        }
        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0.as_ref().to_owned()
            }
        }
        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
        impl From<&$name> for $name {
            fn from(name: &$name) -> Self {
                name.clone()
            }
        }
    )*};
}
text_conversions! { Region BucketName }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_text() {
        let (bucket, region) = (BucketName::new("b-1").unwrap(), Region::new("ap-x").unwrap());
        assert_eq!([bucket.as_ref(), region.as_ref()], ["b-1", "ap-x"]);
        assert_eq!([String::from(bucket), region.into()], ["b-1", "ap-x"]);
    }

    #[test]
    fn names_are_parsed_at_the_door() {
        for name in ["examplebucket-1250000000", "a-1", "a-b--c-1"] {
            assert_eq!(BucketName::new(name).unwrap().as_str(), name);
        }
        for name in ["", "a", "a-", "-1", "A-1", "a.b-1", "a-1x", "a_b-1", "-a-1", "a/b-1", "a@b-1", "a--1"] {
            assert_eq!(BucketName::new(name).unwrap_err().field(), Some("bucket"), "{name}");
        }
        for region in ["", "ap.guangzhou", "AP", "-a", "a-", "a/b", "a@b", "a:1"] {
            assert_eq!(Region::new(region).unwrap_err().field(), Some("region"), "{region}");
        }
        let bucket = BucketName::new("my-bucket-125").unwrap();
        assert_eq!((bucket.name(), bucket.app_id()), ("my-bucket", "125"));
    }
}
