//! `cos://BUCKET-APPID/KEY`, taken literally.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use tencent_cos::{BucketName, Error, ObjectKey};

const SCHEME: &str = "cos://";
const EXAMPLE: &str = "cos://examplebucket-1250000000/notes/a.txt";

/// `cos://BUCKET-APPID`
#[derive(Clone, Debug)]
pub struct BucketUrl(pub BucketName);

/// `cos://BUCKET-APPID/KEY`
#[derive(Clone, Debug)]
pub struct ObjectUrl {
    pub bucket: BucketName,
    pub key: ObjectKey,
}

/// `cos://BUCKET-APPID[/PREFIX]`
#[derive(Clone, Debug)]
pub struct PrefixUrl {
    pub bucket: BucketName,
    pub prefix: String,
}

/// The id of a version, as listings show it.
#[derive(Clone, Debug)]
pub struct VersionId(pub String);

/// One side of a copy.
#[derive(Clone, Debug)]
pub enum Place {
    Cos(PrefixUrl),
    File(PathBuf),
    /// Standard input or output.
    Pipe,
}

/// One side of a tree. The prefix is that of a folder: empty, or with a slash at its end.
#[derive(Clone, Debug)]
pub enum Root {
    Cos(PrefixUrl),
    Local(PathBuf),
}

/// Why an argument is refused.
#[derive(Debug)]
pub struct Refused(String);

impl FromStr for PrefixUrl {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        let rest = text
            .strip_prefix(SCHEME)
            .ok_or_else(|| Refused(format!("does not begin with {SCHEME}, as in {EXAMPLE}")))?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        Ok(Self { bucket: BucketName::new(bucket)?, prefix: prefix.to_owned() })
    }
}

impl PrefixUrl {
    /// A key in the same bucket.
    pub fn beside(&self, key: &str) -> String {
        format!("{SCHEME}{}/{key}", self.bucket)
    }

    /// Whether all that begins so begins like the other as well.
    pub fn is_within(&self, other: &Self) -> bool {
        self.bucket == other.bucket && self.prefix.starts_with(&other.prefix)
    }
}

impl FromStr for BucketUrl {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        let PrefixUrl { bucket, prefix } = text.parse()?;
        if prefix.is_empty() { Ok(Self(bucket)) } else { Err(Refused("names more than a bucket".to_owned())) }
    }
}

impl FromStr for ObjectUrl {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        Ok(text.parse::<PrefixUrl>()?.try_into()?)
    }
}

impl TryFrom<PrefixUrl> for ObjectUrl {
    type Error = Error;

    fn try_from(PrefixUrl { bucket, prefix }: PrefixUrl) -> Result<Self, Error> {
        Ok(Self { bucket, key: ObjectKey::new(prefix)? })
    }
}

impl FromStr for VersionId {
    type Err = Refused;

    /// An empty one would mean the latest version.
    fn from_str(text: &str) -> Result<Self, Refused> {
        if text.is_empty() { Err(Refused("is empty".to_owned())) } else { Ok(Self(text.to_owned())) }
    }
}

impl Place {
    /// A path need not be text; a URL must.
    pub fn new(argument: OsString) -> Result<Self, Refused> {
        if argument == "-" {
            return Ok(Self::Pipe);
        }
        if !argument.as_encoded_bytes().starts_with(SCHEME.as_bytes()) {
            return if argument.is_empty() {
                Err(Refused("is empty".to_owned()))
            } else {
                Ok(Self::File(argument.into()))
            };
        }
        let text = argument.into_string().map_err(|_| Refused("is not UTF-8".to_owned()))?;
        text.parse().map(Self::Cos)
    }

    /// What it is called where it is.
    pub fn last_segment(&self) -> Option<&str> {
        match self {
            Self::Cos(url) => url.prefix.rsplit('/').next(),
            Self::File(path) => path.file_name()?.to_str(),
            Self::Pipe => None,
        }
    }

    /// The same as a whole tree.
    pub fn into_root(self) -> Result<Root, Refused> {
        match self {
            Self::Cos(mut url) => {
                if !url.prefix.is_empty() && !url.prefix.ends_with('/') {
                    url.prefix.push('/');
                }
                Ok(Root::Cos(url))
            }
            Self::File(path) => Ok(Root::Local(path)),
            Self::Pipe => Err(Refused("`-` is no directory".to_owned())),
        }
    }
}

impl Root {
    pub fn new(argument: OsString) -> Result<Self, Refused> {
        Place::new(argument)?.into_root()
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self(error.to_string())
    }
}

impl std::error::Error for Refused {}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for BucketUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}", self.0)
    }
}

impl fmt::Display for PrefixUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}/{}", self.bucket, self.prefix)
    }
}

impl fmt::Display for ObjectUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}/{}", self.bucket, self.key)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cos(url) => url.fmt(f),
            Self::File(path) => path.display().fmt(f),
            Self::Pipe => f.write_str("-"),
        }
    }
}
