//! Sizes and spans as people write and read them.

use std::fmt;
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

/// Bytes as people read them, and exactly.
#[derive(Clone, Copy, Debug)]
pub struct Size(pub u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("1 byte"),
            bytes @ 0..1024 => write!(f, "{bytes} bytes"),
            bytes => write!(f, "{} ({bytes} bytes)", rounded(bytes, 2)),
        }
    }
}

/// How far something is: `38.22 of 361.17 MiB   32.0 MiB/s  10s left`.
pub fn figures(bytes: u64, total: Option<u64>, rate: f64) -> String {
    let (name, factor) = unit(total.unwrap_or(bytes));
    let of = total.map(|total| format!(" of {}", scaled(total, factor, 2))).unwrap_or_default();
    let amount = format!("{}{of} {name}", scaled(bytes, factor, 2));
    if rate < 1.0 {
        return format!("{amount:>21}");
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a positive number of bytes
    let speed = format!("{}/s", rounded(rate as u64, 1));
    #[allow(clippy::cast_precision_loss)] // an estimate
    let left = total.map(|total| span(total.saturating_sub(bytes) as f64 / rate) + " left");
    format!("{amount:>21} {speed:>12} {:>9}", left.unwrap_or_default())
}

/// `9s`, `90m`, `30h`
fn span(seconds: f64) -> String {
    match seconds {
        ..100.0 => format!("{seconds:.0}s"),
        ..6000.0 => format!("{:.0}m", seconds / 60.0),
        ..3.6e6 => format!("{:.0}h", seconds / 3600.0),
        _ => "long".to_owned(),
    }
}

/// `1 file`, `2 files`
pub fn counted(number: u64, what: &str) -> String {
    let ending = match (number, what.ends_with('x')) {
        (1, _) => "",
        (_, true) => "es",
        (_, false) => "s",
    };
    format!("{number} {what}{ending}")
}

/// `361.17 MiB`
pub fn rounded(bytes: u64, decimals: usize) -> String {
    let (name, factor) = unit(bytes);
    format!("{} {name}", scaled(bytes, factor, decimals))
}

/// Bytes a second.
pub fn rate(bytes: u64, span: Duration) -> f64 {
    #[allow(clippy::cast_precision_loss)] // an estimate
    let bytes = bytes as f64;
    bytes / span.as_secs_f64().max(0.001)
}

const UNITS: [(&str, u64); 5] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];

fn unit(bytes: u64) -> (&'static str, u64) {
    UNITS.into_iter().rev().find(|(_, factor)| bytes >= *factor).unwrap_or(UNITS[0])
}

fn scaled(bytes: u64, factor: u64, decimals: usize) -> String {
    #[allow(clippy::cast_precision_loss)] // it is rounded anyway
    let value = bytes as f64 / factor as f64;
    if factor == 1 { bytes.to_string() } else { format!("{value:.decimals$}") }
}
