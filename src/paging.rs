//! Listings: an operation that comes in pages, the markers that lead from one to the next, and the keys on them.

use http::response::Parts;
use serde::Deserialize;

use crate::answer::bare_answer;
use crate::error::{Error, ErrorKind, Result};
use crate::operation::Operation;

/// An operation that comes in pages.
pub trait Paged: Operation + Sized {
    /// The operation that fetches the page after this one; `None` after the last.
    ///
    /// # Errors
    /// [`ErrorKind::Response`](crate::ErrorKind::Response) when the marker does not advance: such a listing never ends.
    fn next_page(&self, output: &Self::Output) -> Result<Option<Self>>;
}

/// The size of a page, as a parameter; from 1 to `max`.
pub(crate) fn page_size(field: &'static str, size: Option<u32>, max: u32) -> Result<Option<String>> {
    match size {
        Some(size) if !(1..=max).contains(&size) => Err(Error::input(field, format!("is not from 1 to {max}"))),
        size => Ok(size.map(|size| size.to_string())),
    }
}

/// What keys are gathered by, as a parameter: a single character, or COS answers `InvalidDelimiter`.
pub(crate) fn delimiter(delimiter: Option<&String>) -> Result<Option<String>> {
    if delimiter.is_some_and(|delimiter| delimiter.chars().count() != 1) {
        return Err(Error::input("delimiter", "is not a single character"));
    }
    Ok(delimiter.cloned())
}

/// An id among those of a key means nothing without the key: the listing would begin anew, unasked.
pub(crate) fn second_marker(field: &'static str, key: Option<&str>, id: Option<&str>) -> Result<()> {
    match (key, id) {
        (_, Some("")) => Err(Error::input(field, "is empty")),
        (None | Some(""), Some(_)) => Err(Error::input(field, "has no key marker beside it")),
        _ => Ok(()),
    }
}

/// A listing whose marker stays where it is would never end.
pub(crate) fn stands_still() -> Error {
    Error::new(ErrorKind::Response, "the listing does not advance: its marker is not behind the last")
}

/// A key, and an id among those of that key.
type Markers = (Option<String>, Option<String>);

/// The markers of the next page. Keys come in byte order; ids of one key are opaque, so the trail has to tell.
pub(crate) fn next_markers(trail: &Trail, now: &Markers, next: Markers) -> Result<(Markers, Trail)> {
    let advances = next.0 > now.0 || (next.0 == now.0 && next.1 != now.1);
    if next.0.is_none() || !advances {
        return Err(stands_still());
    }
    let trail = trail.to(&next)?;
    Ok((next, trail))
}

/// Where a listing has been whose markers have no order: one that goes round in a circle would never end.
///
/// One place is remembered, twice as far on each time, so that every circle comes by it (Brent's algorithm).
#[derive(Clone, Debug, Default)]
pub(crate) struct Trail {
    steps: u64,
    remembered: Markers,
}

impl Trail {
    pub(crate) fn to(&self, next: &Markers) -> Result<Self> {
        if self.remembered == *next {
            return Err(stands_still());
        }
        let steps = self.steps + 1;
        let remembered = if steps.is_power_of_two() { next } else { &self.remembered };
        Ok(Self { steps, remembered: remembered.clone() })
    }
}

/// More than any key of COS has, or of others that speak like it.
const LONGEST_LISTED: usize = 8 * 1024;

/// What a listing shows begins with the prefix it was asked for, and is not as long as it likes. The answer to another
/// question, which a proxy kept, would name other objects, and what is listed may be what is deleted next.
pub(crate) fn begin_with<'a>(
    prefix: Option<&str>,
    names: impl IntoIterator<Item = &'a String>,
    head: &Parts,
) -> Result<()> {
    let prefix = prefix.unwrap_or_default();
    let wrong = |name: &String| {
        if name.len() > LONGEST_LISTED {
            return Some("the listing has a key longer than 8 KiB");
        }
        (!name.starts_with(prefix)).then_some("the listing has a key that does not begin with the prefix")
    };
    match names.into_iter().find_map(wrong) {
        Some(told) => Err(Error::new(ErrorKind::Response, told).with_service(bare_answer(head))),
        None => Ok(()),
    }
}

/// What undoes the encoding of a listing, if it has one (`EncodingType` is `url`): COS writes a blank as `%20`, a plus
/// as `%2B`.
pub(crate) fn decoder(encoding_type: Option<&str>) -> impl Fn(String) -> Result<String> + use<> {
    let encoded = encoding_type.is_some_and(|kind| kind.trim().eq_ignore_ascii_case("url"));
    move |text| {
        if !encoded {
            return Ok(text);
        }
        let decoded = percent_encoding::percent_decode_str(&text).decode_utf8();
        let decoded =
            decoded.map_err(|_| Error::new(ErrorKind::Response, "a listing holds a key that is not UTF-8"))?;
        Ok(decoded.into_owned())
    }
}

/// Whether there is another page (`IsTruncated`). A listing that does not say so may be cut off: taken for whole, what
/// is not on it would count as gone.
pub(crate) fn is_truncated(text: Option<&str>) -> Result<bool> {
    let says = |word: &str| text.is_some_and(|text| text.trim().eq_ignore_ascii_case(word));
    match (says("true"), says("false")) {
        (false, false) => Err(Error::new(ErrorKind::Response, "the listing does not say whether there is more")),
        (truncated, _) => Ok(truncated),
    }
}

/// What a delimiter gathered, in a document.
#[derive(Deserialize)]
pub(crate) struct CommonPrefixes {
    #[serde(rename = "Prefix", default)]
    pub(crate) prefix: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever the length of the circle, and wherever it begins.
    #[test]
    fn a_trail_ends_in_every_circle_and_on_no_straight_way() {
        let ends = |places: &mut dyn Iterator<Item = u32>| {
            let mut trail = Trail::default();
            places.take(1000).any(|place| trail.to(&(Some(place.to_string()), None)).map(|on| trail = on).is_err())
        };
        for (before, circle) in [(0, 1), (0, 2), (0, 5), (3, 1), (7, 4), (50, 100)] {
            assert!(ends(&mut (0..before).chain((before..before + circle).cycle())), "{before} {circle}");
        }
        assert!(!ends(&mut (0..)));
    }

    /// Of a directory a thousand keys that were refused may be held at once.
    #[test]
    fn a_listing_has_no_key_of_another_prefix_or_of_any_length() {
        let head = http::Response::new(()).into_parts().0;
        let listed = |length: usize| {
            let names = ["a/b".to_owned(), format!("a/{}", "k".repeat(length))];
            begin_with(Some("a/"), &names, &head).map_err(|error| error.to_string())
        };
        assert!(listed(850).is_ok() && listed(8000).is_ok());
        assert!(listed(1_000_000).unwrap_err().contains("longer than"));
        assert!(begin_with(Some("b"), &["a/b".to_owned()], &head).unwrap_err().to_string().contains("the prefix"));
    }
}
