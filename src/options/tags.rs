use percent_encoding::utf8_percent_encode;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::key::RESERVED;
use crate::request::{Describe, Named, Request};
use crate::xml;

/// Tags of an object, up to 10, or of a bucket, up to 50: keys of 1 to 127 characters, each once, values of up to 255.
///
/// COS takes letters and digits of any script, blanks and `+ - = . _ : / @`, and answers `InvalidTag` to anything else.
/// Its pages differ: by some 127 and 255 are bytes, which is fewer letters beyond ASCII, and the newest name no blanks.
/// Keys of a bucket may not begin with `qcs:` or `project`.
///
/// COS reference: [Object tagging](https://cloud.tencent.com/document/product/436/42993)
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags(Named);

impl Tags {
    /// The most tags of an object.
    pub const MAX: usize = 10;
    /// The most tags of a bucket.
    pub const MAX_OF_BUCKET: usize = 50;

    /// No tags.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a tag.
    #[must_use]
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.0.push((key.into(), value.into()));
        self
    }

    /// The tags, in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The value of this key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter().find(|(have, _)| *have == key).map(|(_, value)| value)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.0.is_empty()
    }

    /// Whether an object may have them. Which characters it takes, COS says itself.
    pub(crate) fn check(&self) -> Result<()> {
        if self.len() > Self::MAX {
            return Err(Error::input("tags", "are more than the 10 an object may have"));
        }
        self.check_each()
    }

    /// Whether a bucket may have them. Which keys are COS's own, and what characters it takes, COS says itself.
    pub(crate) fn check_for_bucket(&self) -> Result<()> {
        if self.len() > Self::MAX_OF_BUCKET {
            return Err(Error::input("tags", "are more than the 50 a bucket may have"));
        }
        self.check_each()
    }

    fn check_each(&self) -> Result<()> {
        for (index, (key, value)) in self.0.0.iter().enumerate() {
            if !(1..128).contains(&key.chars().count()) || value.chars().count() > 255 {
                return Err(Error::input("tags", "have a key that is not 1 to 127 or a value over 255 characters"));
            }
            if self.0.0[..index].iter().any(|(earlier, _)| earlier == key) {
                return Err(Error::input("tags", "have the same key twice"));
            }
        }
        Ok(())
    }
}

impl Tags {
    /// Where they stand when an object is made.
    pub(crate) const HEADER: &str = "x-cos-tagging";

    /// As they stand there.
    pub(crate) fn encoded(&self) -> String {
        let encoded = |text: &str| utf8_percent_encode(text, RESERVED).to_string();
        let pairs: Vec<String> =
            self.iter().map(|(key, value)| format!("{}={}", encoded(key), encoded(value))).collect();
        pairs.join("&")
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Tags {
    fn from_iter<T: IntoIterator<Item = (K, V)>>(tags: T) -> Self {
        Self(Named(tags.into_iter().map(|(key, value)| (key.into(), value.into())).collect()))
    }
}

impl Describe for Tags {
    fn describe(&self, request: Request) -> Result<Request> {
        self.check()?;
        request.header(Self::HEADER, self.encoded())
    }
}

/// Tags as a document.
#[derive(Serialize, Deserialize)]
pub(crate) struct Tagging {
    #[serde(rename = "TagSet", default)]
    tag_set: TagSet,
}

#[derive(Default, Serialize, Deserialize)]
struct TagSet {
    #[serde(rename = "$value", default)]
    elements: Vec<Element>,
}

#[derive(Serialize, Deserialize)]
enum Element {
    Tag {
        #[serde(rename = "Key")]
        key: String,
        #[serde(rename = "Value", default)]
        value: String,
    },
    #[serde(other)]
    Other,
}

impl Tagging {
    pub(crate) const ROOT: &str = "Tagging";

    pub(crate) fn of(tags: &Tags) -> Result<Self> {
        if !tags.iter().all(|(key, value)| xml::can_carry(key) && xml::can_carry(value)) {
            return Err(Error::input("tags", "have one with a control character, which XML cannot carry"));
        }
        let tag = |(key, value): (&str, &str)| Element::Tag { key: key.to_owned(), value: value.to_owned() };
        Ok(Self { tag_set: TagSet { elements: tags.iter().map(tag).collect() } })
    }

    pub(crate) fn into_tags(self) -> Tags {
        let tags = self.tag_set.elements.into_iter().filter_map(|element| match element {
            Element::Tag { key, value } => Some((key, value)),
            Element::Other => None,
        });
        tags.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_one_encoded_header() {
        let request = Tags::new().tag("a b", "1&2").tag("c", "").describe(Request::bucket()).unwrap();
        assert_eq!(request.headers()["x-cos-tagging"], "a%20b=1%262&c=");
        let none = Tags::new().describe(Request::bucket()).unwrap();
        assert!(none.headers().is_empty());
    }

    #[test]
    fn limits_count_characters() {
        let many = |count: usize| (0..count).map(|number| (number.to_string(), "")).collect::<Tags>();
        let long = |key: usize, value: usize| Tags::new().tag("夏".repeat(key), "夏".repeat(value));
        for fits in [many(10), long(127, 255), long(1, 0), Tags::new().tag("a", "1").tag("A", "1")] {
            assert!(fits.check().is_ok(), "{fits:?}");
        }
        for bad in [many(11), long(128, 0), long(0, 1), long(1, 256), Tags::new().tag("a", "1").tag("a", "2")] {
            assert_eq!(bad.check().unwrap_err().field(), Some("tags"), "{bad:?}");
        }
        assert!(many(50).check_for_bucket().is_ok() && long(127, 255).check_for_bucket().is_ok());
        for bad in [many(51), long(128, 0), long(0, 1), long(1, 256), Tags::new().tag("a", "1").tag("a", "2")] {
            assert_eq!(bad.check_for_bucket().unwrap_err().field(), Some("tags"), "{bad:?}");
        }
    }

    #[test]
    fn values_are_not_printed() {
        assert_eq!(format!("{:?}", Tags::new().tag("team", "SECRET")), "Tags([\"team\"])");
    }

    #[test]
    fn a_tag_is_found_by_its_key() {
        let tags: Tags = [("a", "1"), ("b", "")].into_iter().collect();
        assert_eq!((tags.get("a"), tags.get("b"), tags.get("B"), tags.len()), (Some("1"), Some(""), None, 2));
        assert_eq!(tags.iter().collect::<Vec<_>>(), [("a", "1"), ("b", "")]);
    }
}
