//! CRC-64 of bytes, and of bytes that are known by their checksums only.

use crc::{CRC_64_XZ, Crc, Digest, Table};

static CRC64: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_XZ);

/// The polynomial with its bits reversed: the highest bit stands for 1, the one below it for x.
const POLYNOMIAL: u64 = 0xc96c_5795_d787_0f42;

/// A checksum being computed.
pub(crate) type Crc64 = Digest<'static, u64, Table<16>>;

pub(crate) fn digest() -> Crc64 {
    CRC64.digest()
}

/// The checksum of two stretches of bytes in a row, from theirs: the first is moved up by the length of the second.
pub(crate) fn combine(first: u64, second: u64, second_length: u64) -> u64 {
    let mut shift = 1 << 63;
    let mut byte = 1 << 55; // x to the 8th, then to the 16th, 32nd, …
    let mut left = second_length;
    while left > 0 {
        if left & 1 == 1 {
            shift = multiply(shift, byte);
        }
        byte = multiply(byte, byte);
        left >>= 1;
    }
    multiply(shift, first) ^ second
}

/// The product of two polynomials, modulo the one above.
fn multiply(a: u64, mut b: u64) -> u64 {
    let mut product = 0;
    for bit in (0..64).rev() {
        if a >> bit & 1 == 1 {
            product ^= b;
        }
        b = b >> 1 ^ if b & 1 == 1 { POLYNOMIAL } else { 0 };
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_halves_combine_to_the_documented_whole() {
        assert_eq!(combine(1_796_661_072_844_795_914, 4_472_352_582_074_980_600, 5), 5_981_764_153_023_615_706);
        assert_eq!(combine(0, 4_472_352_582_074_980_600, 5), 4_472_352_582_074_980_600);
        assert_eq!(combine(1_796_661_072_844_795_914, 0, 0), 1_796_661_072_844_795_914);
    }
}
