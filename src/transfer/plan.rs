//! How a length is split into parts. Pure.
//!
//! COS reference: [Limits](https://cloud.tencent.com/document/product/436/14518)

use crate::error::{Error, Result};

const MIB: u64 = 1024 * 1024;

/// The least a part may have that is not the last.
pub(crate) const MIN_PART_BYTES: u64 = MIB;
/// The most a part may have.
pub(crate) const MAX_PART_BYTES: u64 = 5 * 1024 * MIB;
/// The most parts an upload may have.
pub(crate) const MAX_PARTS: u64 = 10_000;
/// The largest object: 10 000 parts of 5 GiB, about 48.8 TiB.
pub(crate) const MAX_OBJECT_BYTES: u64 = MAX_PARTS * MAX_PART_BYTES;

/// An object of a known length, split into parts of one size; the last may be smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) length: u64,
    pub(crate) part_size: u64,
}

/// One part: its number, from 1, and where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) number: u32,
    pub(crate) offset: u64,
    pub(crate) length: u64,
}

impl Plan {
    /// Parts of the size that is wanted, or the next whole MiB at which 10 000 parts are enough.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) with field `length` over 48.8 TiB.
    pub(crate) fn new(length: u64, part_size: u64) -> Result<Self> {
        if length > MAX_OBJECT_BYTES {
            return Err(Error::input("length", "is over the 48.8 TiB of 10 000 parts of 5 GiB"));
        }
        let needed = length.div_ceil(MAX_PARTS).next_multiple_of(MIB);
        Ok(Self { length, part_size: part_size.max(needed) })
    }

    /// How many parts there are; none of an empty object.
    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.length.div_ceil(self.part_size)).expect("at most 10 000 parts")
    }

    /// The part of this number, from 1 to [`count`](Self::count).
    pub(crate) fn part(&self, number: u32) -> Part {
        let offset = u64::from(number - 1) * self.part_size;
        Part { number, offset, length: self.part_size.min(self.length - offset) }
    }

    /// All of them in order.
    #[cfg(test)]
    fn parts(self) -> impl Iterator<Item = Part> {
        (1..=self.count()).map(move |number| self.part(number))
    }
}

/// The size of a part of a stream whose length is not known: it doubles every thousand parts, up to `limit`.
pub(crate) fn growing(part_size: u64, limit: u64, number: u32) -> u64 {
    let doublings = number.saturating_sub(1) / 1000;
    part_size.saturating_mul(1 << doublings.min(20)).min(limit.min(MAX_PART_BYTES)).max(part_size)
}

/// A part size a caller asks for.
///
/// # Errors
/// [`ErrorKind::Input`](crate::ErrorKind::Input) with field `part_size` outside 1 MiB to 5 GiB.
pub(crate) fn check_part_size(part_size: u64) -> Result<u64> {
    if (MIN_PART_BYTES..=MAX_PART_BYTES).contains(&part_size) {
        Ok(part_size)
    } else {
        Err(Error::input("part_size", "is not from 1 MiB to 5 GiB"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_the_length_without_gap_and_keep_the_limits() {
        let sizes = [0, 1, MIB - 1, MIB, 8 * MIB, 8 * MIB + 1, 80_000 * MIB, 80_000 * MIB + 1, MAX_OBJECT_BYTES];
        for length in sizes {
            let plan = Plan::new(length, 8 * MIB).unwrap();
            let mut end = 0;
            for (part, number) in plan.parts().zip(1..) {
                assert_eq!((part.number, part.offset), (number, end));
                assert!(part.length > 0 && part.length <= MAX_PART_BYTES);
                assert!(part.length >= MIN_PART_BYTES || part.offset + part.length == length);
                end += part.length;
            }
            assert_eq!(end, length);
            assert!(u64::from(plan.count()) <= MAX_PARTS);
        }
        assert!(Plan::new(MAX_OBJECT_BYTES + 1, MIB).is_err());
    }

    #[test]
    fn parts_of_unknown_length_grow_within_their_limit() {
        let sizes = |limit: u64| (1..=10_000).map(move |number| growing(8 * MIB, limit, number));
        assert_eq!(sizes(64 * MIB).sum::<u64>() / MIB, 504_000);
        assert!(sizes(64 * MIB).is_sorted() && sizes(64 * MIB).max() == Some(64 * MIB));
        assert!(sizes(8 * MIB).all(|size| size == 8 * MIB));
        assert_eq!(sizes(u64::MAX).max(), Some(4096 * MIB));
        assert_eq!(growing(5120 * MIB, u64::MAX, 10_000), MAX_PART_BYTES);
    }

    #[test]
    fn a_part_size_is_checked_and_grows_only_where_it_must() {
        assert!(check_part_size(MIB - 1).is_err() && check_part_size(MAX_PART_BYTES + 1).is_err());
        assert_eq!(Plan::new(10_000 * MIB, check_part_size(MIB).unwrap()).unwrap().part_size, MIB);
        assert_eq!(Plan::new(10_000 * MIB + 1, MIB).unwrap().part_size, 2 * MIB);
    }
}
