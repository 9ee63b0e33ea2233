//! COS's ways to write time, and where the time comes from.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Where the client reads the time.
///
/// The client never reads a clock but through this trait, so a test can move time without sleeping.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The wall clock.
    fn now(&self) -> SystemTime;

    /// Time since some fixed moment; it never jumps. It tells how old a key is when the wall clock is set.
    fn monotonic(&self) -> Duration;
}

/// Smaller differences, in milliseconds, are the way of clocks.
pub(crate) const NOTABLE: i64 = 30_000;
/// Larger ones are no clock that runs wrong, and no server to be believed.
pub(crate) const BELIEVABLE: i64 = 24 * 3600 * 1000;

/// Whole seconds since 1970; 0 for times before.
pub(crate) fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The time of a Unix timestamp in seconds; `None` when it is out of range.
pub(crate) fn from_unix_seconds(seconds: u64) -> Option<SystemTime> {
    // The year 9999 is the last that every format of COS can write.
    (seconds <= 253_402_300_799).then(|| UNIX_EPOCH + Duration::from_secs(seconds))
}

/// The HTTP form: `Thu, 16 May 2019 06:45:51 GMT`.
pub(crate) fn http_date(time: SystemTime) -> String {
    // httpdate refuses years outside 1970..=9999 by panicking.
    let clamped = from_unix_seconds(unix_seconds(time)).unwrap_or(UNIX_EPOCH + Duration::from_secs(253_402_300_799));
    httpdate::fmt_http_date(clamped)
}

/// Reads the HTTP form.
pub(crate) fn parse_http_date(text: &str) -> Option<SystemTime> {
    httpdate::parse_http_date(text.trim()).ok()
}

/// The ISO 8601 form, in whole seconds: `2019-08-30T09:38:12.000Z`.
pub(crate) fn iso8601(time: SystemTime) -> String {
    // The longest unix time of COS is within the years of the calendar.
    let date = i64::try_from(unix_seconds(time)).ok().and_then(|it| OffsetDateTime::from_unix_timestamp(it).ok());
    let date = date.unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (day, (hour, minute, second)) = (date.date(), date.to_hms());
    format!("{:04}-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}.000Z", day.year(), u8::from(day.month()), day.day())
}

/// Reads ISO 8601 as COS and STS write it: `2020-12-10T03:37:30.000Z`, with or without a fraction.
pub(crate) fn parse_iso8601(text: &str) -> Option<SystemTime> {
    let time = OffsetDateTime::parse(text.trim(), &Rfc3339).ok()?;
    let seconds = u64::try_from(time.unix_timestamp()).ok()?;
    from_unix_seconds(seconds).map(|whole| whole + Duration::from_nanos(u64::from(time.nanosecond())))
}

/// A random share of a time, from 0.0 to 1.0 of it; what is no number is nothing of it.
pub(crate) fn share(time: Duration, random: f64) -> Duration {
    if random.is_nan() { Duration::ZERO } else { time.mul_f64(random.clamp(0.0, 1.0)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_iso_forms_of_cos() {
        let at = |text| parse_iso8601(text).map(unix_seconds);
        assert_eq!(at("2020-12-10T03:37:30.000Z"), Some(1_607_571_450));
        assert_eq!(at("2018-12-04T09:06:16Z"), Some(1_543_914_376));
        assert_eq!(at("2018-12-04T17:06:16+08:00"), Some(1_543_914_376));
        assert_eq!(at("yesterday"), None);
        assert_eq!(at("1900-01-01T00:00:00Z"), None);
    }

    #[test]
    fn iso_times_are_written_in_whole_seconds() {
        let time = UNIX_EPOCH + Duration::from_millis(1_567_157_892_414);
        assert_eq!(iso8601(time), "2019-08-30T09:38:12.000Z");
        assert_eq!(iso8601(UNIX_EPOCH + Duration::from_secs(253_402_300_799)), "9999-12-31T23:59:59.000Z");
    }

    #[test]
    fn http_dates_round_trip() {
        let time = UNIX_EPOCH + Duration::from_secs(1_557_989_151);
        assert_eq!(http_date(time), "Thu, 16 May 2019 06:45:51 GMT");
        assert_eq!(parse_http_date("Thu, 16 May 2019 06:45:51 GMT"), Some(time));
        assert_eq!(http_date(UNIX_EPOCH + Duration::from_secs(300_000_000_000)), "Fri, 31 Dec 9999 23:59:59 GMT");
    }

    #[test]
    fn no_random_number_is_too_odd_for_a_share() {
        let of_a_minute = |random| share(Duration::from_secs(60), random).as_secs();
        let odd = [f64::NAN, f64::NEG_INFINITY, -0.5, 0.5, 1.5, f64::INFINITY];
        assert_eq!(odd.map(of_a_minute), [0, 0, 0, 30, 60, 60]);
    }
}
