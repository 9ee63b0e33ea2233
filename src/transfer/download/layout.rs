//! How what is downloaded to a file is split. Pure.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::client::defaults::{MAX_SHARE, PART_SIZE};
use crate::transfer::plan::{MAX_OBJECT_BYTES, MAX_PARTS};

const MIB: u64 = 1024 * 1024;

/// A span of an object: its first range, and all others of one size; the last may be smaller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Layout {
    start: u64,
    end: u64,
    first: u64,
    size: u64,
}

impl Layout {
    /// `first` is what the first answer brings. Without a size that is wanted the rest is split into even shares, a few
    /// for each of `places`: fewer requests than by small ranges, and no connection is left with much at the end.
    pub(super) fn new(span: Range<u64>, first: u64, size: Option<u64>, places: usize) -> Self {
        let rest = (span.end - span.start).saturating_sub(first);
        let share = rest / (places as u64).saturating_mul(4);
        let size = size.unwrap_or(share.clamp(PART_SIZE, MAX_SHARE));
        let size = size.max(rest.div_ceil(MAX_PARTS)).next_multiple_of(MIB);
        Self { start: span.start, end: span.end, first, size }
    }

    /// Whether it can be one at all, of an object of so many bytes: it may come from a file that anybody wrote.
    pub(super) fn is_sound(&self, total: u64) -> bool {
        let fits = self.start < self.end && self.end <= total && total <= MAX_OBJECT_BYTES;
        fits && (1..=self.length()).contains(&self.first)
            && (MIB..=MAX_OBJECT_BYTES).contains(&self.size)
            && (self.length() - self.first).div_ceil(self.size) <= MAX_PARTS
    }

    /// How many bytes it is in all.
    pub(super) fn length(&self) -> u64 {
        self.end - self.start
    }

    /// How many ranges there are; none of an empty object.
    pub(super) fn count(&self) -> usize {
        let rest = (self.length() - self.first).div_ceil(self.size);
        usize::try_from(rest).expect("at most 10 000") + usize::from(self.first > 0)
    }

    /// A range of the object, by its index from 0.
    pub(super) fn range(&self, index: usize) -> Range<u64> {
        let behind = |index: usize| (self.start + self.first + self.size * index as u64).min(self.end);
        match index {
            0 => self.start..self.start + self.first,
            index => behind(index - 1)..behind(index),
        }
    }

    /// Where in the file it lies.
    pub(super) fn place(&self, index: usize) -> Range<u64> {
        let range = self.range(index);
        range.start - self.start..range.end - self.start
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_cover_the_span_without_gap() {
        for (span, first) in [
            (0..0, 0),
            (0..1, 1),
            (0..8 * MIB, 8 * MIB),
            (5..8 * MIB + 6, 8 * MIB),
            (7..1024 * MIB, 8 * MIB),
            (0..MAX_OBJECT_BYTES, 8 * MIB),
        ] {
            for size in [None, Some(MIB), Some(5 * 1024 * MIB)] {
                let layout = Layout::new(span.clone(), first, size, 8);
                let mut end = span.start;
                for index in 0..layout.count() {
                    let range = layout.range(index);
                    assert!(range.start == end && !range.is_empty(), "{layout:?} {index}");
                    assert_eq!(layout.place(index), range.start - span.start..range.end - span.start);
                    end = range.end;
                }
                assert_eq!(end, span.end);
                assert!(layout.count() <= 10_001);
                assert_eq!(layout.is_sound(span.end), !span.is_empty());
            }
        }
    }

    #[test]
    fn any_number_of_places_is_one() {
        for places in [1, usize::MAX / 4 + 1, usize::MAX] {
            assert!(Layout::new(0..1024 * MIB, 8 * MIB, None, places).count() > 1);
        }
    }

    #[test]
    fn even_shares_are_neither_small_nor_large() {
        let size = |length: u64| Layout::new(0..length, 8 * MIB, None, 8).size / MIB;
        assert_eq!([size(64 * MIB), size(1024 * MIB), size(10_240 * MIB)], [8, 32, 64]);
    }

    #[test]
    fn what_cannot_be_is_not_sound() {
        let good = Layout { start: 0, end: 100 * MIB, first: 8 * MIB, size: 8 * MIB };
        assert!(good.is_sound(100 * MIB));
        for bad in [
            Layout { start: 100 * MIB, ..good },
            Layout { end: 1 << 63, ..good },
            Layout { first: 0, ..good },
            Layout { first: u64::MAX, ..good },
            Layout { size: 0, ..good },
            Layout { size: u64::MAX, ..good },
        ] {
            assert!(!bad.is_sound(100 * MIB), "{bad:?}");
        }
    }
}
