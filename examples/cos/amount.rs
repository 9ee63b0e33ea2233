//! Sizes and spans as people write them.

use std::str::FromStr;
use std::time::Duration;

/// Bytes: `8MiB`, `512KiB`, `1GiB`, or a number.
#[derive(Clone, Copy, Debug)]
pub struct Bytes(pub u64);

/// A span: `90s`, `15m`, `24h`, `7d`.
#[derive(Clone, Copy, Debug)]
pub struct Span(pub Duration);

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let units = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40), ("B", 1), ("", 1)];
        number(text, &units).map(Self).ok_or_else(|| "is not a size like 8MiB, 512KiB or 1GiB".to_owned())
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let seconds = number(text, &[("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)]);
        seconds
            .map(|seconds| Self(Duration::from_secs(seconds)))
            .ok_or_else(|| "is not a span like 90s, 15m, 24h or 7d".to_owned())
    }
}

fn number(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (digits, factor) = units.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)))?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<u64>().ok()?.checked_mul(*factor))?
}
