use std::fmt;
use std::ops::{Range, RangeFrom, RangeInclusive, RangeTo, RangeToInclusive};
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::request::{Describe, Request};

/// A run of bytes of an object, counted from 0. From Rust's ranges: `0..100`, `..100`, `100..`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ByteRange {
    first: u64,
    /// Inclusive, as on the wire; `None` is to the end. Before `first` when the range is empty.
    last: Option<u64>,
    empty: bool,
}

impl ByteRange {
    /// From the first byte to the last, both included.
    pub fn new(first: u64, last: u64) -> Self {
        Self { first, last: Some(last), empty: last < first }
    }

    /// The first byte.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// The last byte, included; `None` for the end of the object.
    pub fn last(&self) -> Option<u64> {
        self.last
    }

    /// The last byte of it that an object of so many bytes has.
    pub(crate) fn last_of(&self, total: u64) -> u64 {
        let end = total.saturating_sub(1);
        self.last.map_or(end, |last| last.min(end))
    }

    /// Whether it holds no byte, which no header can say.
    pub(crate) fn is_empty(&self) -> bool {
        self.empty
    }
}

impl From<Range<u64>> for ByteRange {
    fn from(range: Range<u64>) -> Self {
        Self { first: range.start, last: Some(range.end.saturating_sub(1)), empty: range.is_empty() }
    }
}

impl From<RangeInclusive<u64>> for ByteRange {
    fn from(range: RangeInclusive<u64>) -> Self {
        Self::new(*range.start(), *range.end())
    }
}

impl From<RangeFrom<u64>> for ByteRange {
    fn from(range: RangeFrom<u64>) -> Self {
        Self { first: range.start, last: None, empty: false }
    }
}

/// The first so many bytes.
impl From<RangeTo<u64>> for ByteRange {
    fn from(range: RangeTo<u64>) -> Self {
        (0..range.end).into()
    }
}

impl From<RangeToInclusive<u64>> for ByteRange {
    fn from(range: RangeToInclusive<u64>) -> Self {
        Self::new(0, range.end)
    }
}

impl fmt::Display for ByteRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.last {
            Some(last) => write!(f, "bytes={}-{last}", self.first),
            None => write!(f, "bytes={}-", self.first),
        }
    }
}

/// As the header `Range` has it: `bytes=0-99`, `bytes=100-`. What HTTP takes for no range, like `bytes=5-4`, is none
/// here; the last bytes, `bytes=-5`, are [`GetObject::last_bytes`](crate::GetObject::last_bytes). The error is
/// [`ErrorKind::Input`](crate::ErrorKind::Input) with field `range`.
impl FromStr for ByteRange {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parse = || {
            let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
            let number = |digits: &str| {
                let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
                plain.then(|| digits.parse().ok()).flatten()
            };
            let first = number(first)?;
            Some(if last.is_empty() { Self::from(first..) } else { Self::new(first, number(last)?) })
        };
        let range = parse().filter(|range| !range.empty);
        range.ok_or_else(|| Error::input("range", "is not of the form bytes=0-99 or bytes=100-"))
    }
}

impl Describe for ByteRange {
    fn describe(&self, request: Request) -> Result<Request> {
        if self.empty {
            return Err(Error::input("range", "is empty"));
        }
        request.header("range", self.to_string())
    }
}

/// Which bytes of how many an answer brings (`Content-Range`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ContentRange {
    /// The first byte, from 0.
    pub first: u64,
    /// The last byte, included.
    pub last: u64,
    /// The size of the whole object.
    pub total: u64,
}

impl ContentRange {
    /// How many bytes that is.
    pub fn length(&self) -> u64 {
        self.last - self.first + 1
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let [first, last, total] = [first, last, total].map(|number| number.trim().parse::<u64>().ok());
        let range = Self { first: first?, last: last?, total: total? };
        (range.first <= range.last && range.last < range.total).then_some(range)
    }
}

impl fmt::Display for ContentRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bytes {}-{}/{}", self.first, self.last, self.total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rust_ranges_become_byte_ranges() {
        assert_eq!(ByteRange::from(0..100).to_string(), "bytes=0-99");
        assert_eq!(ByteRange::from(0..=99).to_string(), "bytes=0-99");
        assert_eq!(ByteRange::from(..100), ByteRange::from(0..100));
        assert_eq!(ByteRange::from(..=99), ByteRange::from(0..=99));
        assert_eq!(ByteRange::from(7..).to_string(), "bytes=7-");
        for range in [ByteRange::from(0..100), ByteRange::from(7..)] {
            assert_eq!(range.to_string().parse::<ByteRange>().unwrap(), range);
        }
        for none in ["", "0-99", "bytes=", "bytes=-5", "bytes=+1-2", "bytes=1-2,4-5", "bytes=1", "bytes=5-4"] {
            assert_eq!(none.parse::<ByteRange>().unwrap_err().field(), Some("range"), "{none}");
        }
        for range in [ByteRange::from(5..5), ByteRange::from(0..0), ByteRange::from(..0), ByteRange::new(5, 4)] {
            assert_eq!(range.describe(Request::bucket()).unwrap_err().field(), Some("range"));
        }
    }
}
