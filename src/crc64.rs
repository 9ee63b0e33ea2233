//! The checksum COS keeps of every object: CRC-64/XZ (also called CRC-64/GO-ECMA), as in `x-cos-hash-crc64ecma`.

use std::fmt;

use crc_fast::{CrcAlgorithm, Digest, checksum, checksum_combine};

/// A CRC-64 that grows with the bytes it is fed.
///
/// The state alone: with all that a digest holds, a payload would be three times its size, and it is moved a lot.
#[derive(Clone)]
pub struct Crc64(u64);

impl Crc64 {
    /// The checksum of no bytes.
    pub fn new() -> Self {
        // CRC-64/XZ begins with ones, and inverts what it ends with.
        Self(!0)
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        let mut digest = Digest::new_with_init_state(CrcAlgorithm::Crc64Xz, self.0);
        digest.update(bytes);
        self.0 = digest.get_state();
    }

    /// The value so far, as COS prints it in decimal.
    pub fn value(&self) -> u64 {
        !self.0
    }

    /// The checksum of these bytes.
    pub fn of(bytes: &[u8]) -> u64 {
        checksum(CrcAlgorithm::Crc64Xz, bytes)
    }

    /// The checksum of two runs of bytes laid end to end, from the checksum of each and the length of the second.
    pub fn combine(first: u64, second: u64, second_length: u64) -> u64 {
        checksum_combine(CrcAlgorithm::Crc64Xz, first, second, second_length)
    }
}

impl Default for Crc64 {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Crc64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Crc64").field(&self.value()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_values_the_official_sdks_give() {
        assert_eq!(Crc64::of(b""), 0);
        assert_eq!(Crc64::of(b"123456789"), 11_051_210_869_376_104_954);
        assert_eq!(Crc64::of(b"hello world"), 5_981_764_153_023_615_706);
        assert_eq!(Crc64::of(&[0; 1024]), 14_085_117_335_336_199_948);
    }

    #[test]
    fn parts_combine_to_the_whole() {
        let (first, second) = (Crc64::of(b"hello "), Crc64::of(b"world"));
        assert_eq!(Crc64::combine(first, second, 5), Crc64::of(b"hello world"));
        assert_eq!(Crc64::combine(first, Crc64::of(b""), 0), first);
        let mut running = Crc64::new();
        running.update(b"hello ");
        running.update(b"world");
        assert_eq!(running.value(), Crc64::of(b"hello world"));
    }
}
