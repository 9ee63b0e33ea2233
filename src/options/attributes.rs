use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use crate::error::{Error, Result};
use crate::request::{Describe, Request};
use crate::request::{Named, header_name, header_value};
use crate::time::http_date;

pub(crate) const META_PREFIX: &str = "x-cos-meta-";

/// What COS keeps with an object: content headers, storage class, user metadata.
///
/// # Examples
/// ```
/// use tencent_cos::Attributes;
///
/// let attributes = Attributes::new()
///     .content_type("text/plain; charset=utf-8")
///     .cache_control("max-age=600")
///     .meta("origin", "camera-7")
///     .meta_text("title", "夏の海");
/// # let _ = attributes;
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    content_type: Option<String>,
    content_encoding: Option<String>,
    content_disposition: Option<String>,
    content_language: Option<String>,
    cache_control: Option<String>,
    expires: Option<SystemTime>,
    storage_class: Option<StorageClass>,
    meta: Named,
}

impl Attributes {
    /// No attribute. Without a content type COS chooses one by the key's extension, or `application/octet-stream`.
    pub fn new() -> Self {
        Self::default()
    }

    /// `Content-Type`.
    #[must_use]
    pub fn content_type(mut self, value: impl Into<String>) -> Self {
        self.content_type = Some(value.into());
        self
    }

    /// `Content-Encoding`.
    #[must_use]
    pub fn content_encoding(mut self, value: impl Into<String>) -> Self {
        self.content_encoding = Some(value.into());
        self
    }

    /// `Content-Disposition`.
    #[must_use]
    pub fn content_disposition(mut self, value: impl Into<String>) -> Self {
        self.content_disposition = Some(value.into());
        self
    }

    /// `Content-Language`.
    #[must_use]
    pub fn content_language(mut self, value: impl Into<String>) -> Self {
        self.content_language = Some(value.into());
        self
    }

    /// `Cache-Control`.
    #[must_use]
    pub fn cache_control(mut self, value: impl Into<String>) -> Self {
        self.cache_control = Some(value.into());
        self
    }

    /// `Expires`.
    #[must_use]
    pub fn expires(mut self, time: SystemTime) -> Self {
        self.expires = Some(time);
        self
    }

    /// `x-cos-storage-class`.
    #[must_use]
    pub fn storage_class(mut self, class: StorageClass) -> Self {
        self.storage_class = Some(class);
        self
    }

    /// User metadata (`x-cos-meta-NAME`): letters, digits and hyphens in the name, visible ASCII in the value, 2 KiB
    /// each. The value is sent as given, without blanks at its ends, which a header cannot carry. An empty value counts
    /// as none.
    #[must_use]
    pub fn meta(mut self, name: impl AsRef<str>, value: impl Into<String>) -> Self {
        self.meta.0.push((name.as_ref().to_ascii_lowercase(), value.into()));
        self
    }

    /// User metadata of any text: what a header cannot carry is percent-encoded.
    /// [`ObjectMeta::meta_text`](crate::ObjectMeta::meta_text) reads it back.
    #[must_use]
    pub fn meta_text(self, name: impl AsRef<str>, text: impl AsRef<str>) -> Self {
        let encoded = encode_meta_text(text.as_ref());
        self.meta(name, encoded)
    }
}

/// Everything that cannot stand in a header as it is; blanks too, because those at the ends would be cut.
const NOT_IN_META: &AsciiSet = &CONTROLS.add(b' ').add(b'%');

fn encode_meta_text(text: &str) -> String {
    utf8_percent_encode(text, NOT_IN_META).to_string()
}

pub(crate) fn decode_meta_text(value: &str) -> Option<String> {
    percent_decode_str(value).decode_utf8().ok().map(Cow::into_owned)
}

impl Describe for Attributes {
    fn describe(&self, request: Request) -> Result<Request> {
        let mut request = request
            .header_opt("content-type", self.content_type.as_deref())?
            .header_opt("content-encoding", self.content_encoding.as_deref())?
            .header_opt("content-disposition", self.content_disposition.as_deref())?
            .header_opt("content-language", self.content_language.as_deref())?
            .header_opt("cache-control", self.cache_control.as_deref())?
            .header_opt("expires", self.expires.map(http_date))?
            .header_opt("x-cos-storage-class", self.storage_class.as_ref().map(StorageClass::as_str))?;
        for (name, value) in &self.meta.0 {
            if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
                return Err(Error::input("meta", "has a name that is not letters, digits and hyphens"));
            }
            if name.len() + value.len() > 2048 {
                return Err(Error::input("meta", "is longer than the 2 KiB COS allows"));
            }
            let name = header_name("meta", &format!("{META_PREFIX}{name}"))?;
            let value = header_value("meta", value)?;
            if !value.is_empty() {
                request = request.header_value(name, value);
            }
        }
        Ok(request)
    }
}

/// A storage class. The set is open: COS may add to it.
///
/// COS reference: [Storage classes](https://cloud.tencent.com/document/product/436/33417)
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct StorageClass(Cow<'static, str>);

impl StorageClass {
    /// `STANDARD`, the default.
    pub const STANDARD: Self = Self(Cow::Borrowed("STANDARD"));
    /// `STANDARD_IA`: infrequent access.
    pub const STANDARD_IA: Self = Self(Cow::Borrowed("STANDARD_IA"));
    /// `INTELLIGENT_TIERING`.
    pub const INTELLIGENT_TIERING: Self = Self(Cow::Borrowed("INTELLIGENT_TIERING"));
    /// `ARCHIVE`: must be restored before it is read.
    pub const ARCHIVE: Self = Self(Cow::Borrowed("ARCHIVE"));
    /// `DEEP_ARCHIVE`: must be restored before it is read.
    pub const DEEP_ARCHIVE: Self = Self(Cow::Borrowed("DEEP_ARCHIVE"));
    /// `MAZ_STANDARD`: in several availability zones.
    pub const MAZ_STANDARD: Self = Self(Cow::Borrowed("MAZ_STANDARD"));
    /// `MAZ_STANDARD_IA`.
    pub const MAZ_STANDARD_IA: Self = Self(Cow::Borrowed("MAZ_STANDARD_IA"));
    /// `MAZ_INTELLIGENT_TIERING`.
    pub const MAZ_INTELLIGENT_TIERING: Self = Self(Cow::Borrowed("MAZ_INTELLIGENT_TIERING"));
    /// `MAZ_ARCHIVE`.
    pub const MAZ_ARCHIVE: Self = Self(Cow::Borrowed("MAZ_ARCHIVE"));

    /// A class by its name. Some SDKs write mixed case; COS's own form is upper case. An empty name is `STANDARD`,
    /// which COS leaves out.
    pub fn new(name: impl AsRef<str>) -> Self {
        match name.as_ref().trim() {
            "" => Self::STANDARD,
            name => Self(name.to_ascii_uppercase().into()),
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for StorageClass {
    type Err = Infallible;

    fn from_str(name: &str) -> Result<Self, Infallible> {
        Ok(Self::new(name))
    }
}

impl Default for StorageClass {
    fn default() -> Self {
        Self::STANDARD
    }
}

/// A name that came with an answer may hold anything: what a terminal would obey is written escaped.
impl fmt::Display for StorageClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.escape_debug().fmt(f)
    }
}

impl fmt::Debug for StorageClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ErrorKind, ObjectKey};

    fn described(group: &impl Describe) -> Result<Request> {
        group.describe(Request::object(&ObjectKey::new("k").unwrap()))
    }

    #[test]
    fn text_metadata_survives_the_header() {
        for text in ["plain", " blanks ", "夏の海", "100% a+b", "line\nbreak", "", "😀"] {
            let request = described(&Attributes::new().meta_text("T", text)).unwrap();
            let value = request.headers().get("x-cos-meta-t").map_or("", |value| value.to_str().unwrap());
            assert_eq!(decode_meta_text(value).unwrap(), text);
        }
    }

    #[test]
    fn a_class_that_is_none_does_nothing_to_a_terminal() {
        assert_eq!("archive".parse(), Ok(StorageClass::ARCHIVE));
        let class = StorageClass::new("cold\u{1b}[2J");
        assert_eq!((class.to_string().as_str(), class.as_str()), ("COLD\\u{1b}[2J", "COLD\u{1b}[2J"));
        assert_eq!(format!("{:?} {}", StorageClass::MAZ_STANDARD_IA, StorageClass::ARCHIVE), "MAZ_STANDARD_IA ARCHIVE");
    }

    #[test]
    fn values_of_metadata_are_not_printed() {
        let told = format!("{:?}", Attributes::new().meta("origin", "SECRET").meta_text("title", "SECRET"));
        assert!(told.contains("origin") && told.contains("title") && !told.contains("SECRET"), "{told}");
    }

    #[test]
    fn what_cannot_stand_in_a_header_is_refused_by_name() {
        for (attributes, field) in [
            (Attributes::new().content_type("a\r\nx: y"), "content-type"),
            (Attributes::new().cache_control("a\0"), "cache-control"),
            (Attributes::new().content_disposition("夏"), "content-disposition"),
            (Attributes::new().meta("a_b", "v"), "meta"),
            (Attributes::new().meta("a", "v\n"), "meta"),
            (Attributes::new().meta("a", "v".repeat(2049)), "meta"),
        ] {
            let error = described(&attributes).unwrap_err();
            assert_eq!((error.kind(), error.field()), (ErrorKind::Input, Some(field)));
            assert!(!error.to_string().contains("x: y"));
        }
        assert!(described(&Attributes::new().content_type("a\tb c")).is_ok());
    }
}
