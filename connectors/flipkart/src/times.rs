//! Flipkart's times to milliseconds UTC and back.
//!
//! Flipkart mixes forms: `+05:30` with and without milliseconds, `Z` for order dates of returns, and at times no offset
//! at all. Each is read with its own offset; none means Indian time, which the panel shows (assumed, no page says so).

use jiff::{
    Timestamp,
    civil::DateTime,
    tz::{Offset, TimeZone},
};
use plugin_api::Millis;

/// India, UTC+05:30, without summer time.
const IST_SECS: i32 = 19_800;

/// Reads a time; `None` if it is none.
pub(crate) fn parse(text: &str) -> Option<Millis> {
    let text = text.trim();
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(instant.as_millisecond());
    }
    let ist = TimeZone::fixed(Offset::from_seconds(IST_SECS).ok()?);
    let local: DateTime = text.parse().ok()?;
    Some(local.to_zoned(ist).ok()?.timestamp().as_millisecond())
}

/// Writes a time as RFC 3339 with `Z`, which Flipkart's filters take as well as `+05:30` and which needs no escaping in
/// a query. A time outside the calendar becomes its first or last instant.
pub(crate) fn text(at: Millis) -> String {
    let edge = if at < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_millisecond(at).unwrap_or(edge).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_read_with_its_own_offset() {
        let noon_ist = 1_736_490_600_000; // 2025-01-10 06:30 UTC
        for form in [
            "2025-01-10T12:00:00.000+05:30",
            "2025-01-10T12:00:00+05:30",
            "2025-01-10T12:00:00+0530",
            "2025-01-10T06:30:00.000Z",
            "2025-01-10T06:30:00Z",
            "2025-01-10T12:00:00",
            " 2025-01-10 12:00:00 ",
        ] {
            assert_eq!(parse(form), Some(noon_ist), "{form}");
        }
    }

    #[test]
    fn a_day_alone_begins_at_midnight_in_india() {
        assert_eq!(parse("2025-01-10").map(text).as_deref(), Some("2025-01-09T18:30:00Z"));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in ["", "yesterday", "2025-13-01T00:00:00Z", "1736490600000"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_outside_the_calendar_is_its_edge() {
        assert_eq!(text(i64::MAX), Timestamp::MAX.to_string());
        assert_eq!(text(i64::MIN), Timestamp::MIN.to_string());
    }
}
