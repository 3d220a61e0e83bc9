//! Amazon's ways to write a time, and ours for a request. Owns no clock.

use jiff::{Timestamp, civil::Date, fmt::strtime, tz};
use plugin_api::Millis;

/// How far Indian Standard Time, in which the returns report writes its days, is ahead of UTC.
const IST_AHEAD_MS: Millis = (5 * 60 + 30) * 60 * 1_000;

/// Reads an ISO 8601 time with `Z` or an offset. `None` for anything else: a bound that cannot be read must neither
/// fail a page nor become a watermark.
pub(crate) fn read(text: &str) -> Option<Millis> {
    text.trim().parse::<Timestamp>().ok().map(Timestamp::as_millisecond)
}

/// Writes a time for a request, in UTC and down to the second (`2026-09-01T04:10:00Z`); rounds down, so that a window
/// begins early rather than late.
pub(crate) fn write(at: Millis) -> String {
    let seconds = at.div_euclid(1_000);
    Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}

/// Reads a day of the returns report as the instant at which that day begins in India. Accepts `02-Sep-2026` (seen in
/// live Indian files), an ISO date, and an ISO time.
pub(crate) fn read_day(text: &str) -> Option<Millis> {
    let text = text.trim();
    let day = strtime::parse("%d-%b-%Y", text).and_then(|parsed| parsed.to_date());
    match day.or_else(|_| iso_day(text)) {
        Ok(day) => {
            let midnight = tz::Offset::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok()?;
            Some(midnight.as_millisecond() - IST_AHEAD_MS)
        }
        Err(_) => read(text),
    }
}

/// An ISO date with nothing after it.
fn iso_day(text: &str) -> Result<Date, jiff::Error> {
    strtime::parse("%Y-%m-%d", text).and_then(|parsed| parsed.to_date())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_any_offset() {
        assert_eq!(read("2026-09-03T11:28:00Z"), Some(1_788_434_880_000));
        assert_eq!(read("2026-09-03T16:58:00.250+05:30"), Some(1_788_434_880_250));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in ["", "soon", "2026-09-03", "2026-13-03T11:28:00Z", "1788434880"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn times_are_written_to_the_second_and_round_down() {
        assert_eq!(write(1_788_434_880_999), "2026-09-03T11:28:00Z");
        assert_eq!(write(-1), "1969-12-31T23:59:59Z");
    }

    #[test]
    fn a_day_begins_at_midnight_in_india() {
        let midnight = read("2026-09-01T18:30:00Z");
        assert_eq!(read_day("02-Sep-2026"), midnight);
        assert_eq!(read_day(" 2-Sep-2026 "), midnight);
        assert_eq!(read_day("2026-09-02"), midnight);
    }

    #[test]
    fn a_day_with_a_time_keeps_its_time() {
        assert_eq!(read_day("2026-09-02T10:00:00Z"), read("2026-09-02T10:00:00Z"));
    }

    #[test]
    fn what_is_no_day_is_none() {
        for text in ["", "N/A", "-", "31-Feb-2026", "02-09-2026"] {
            assert_eq!(read_day(text), None, "{text}");
        }
    }
}
