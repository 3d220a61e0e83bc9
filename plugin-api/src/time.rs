//! A marketplace's ways to write a time, to and from milliseconds UTC. Owns no clock: the run's time is
//! [`Cx::now`](crate::Cx::now).

use jiff::{
    Timestamp,
    civil::DateTime,
    fmt::strtime,
    tz::{Offset, TimeZone},
};

use crate::Millis;

/// India, UTC+05:30, without summer time: where a time without an offset is meant by most of these marketplaces.
pub const IST_SECS: i32 = 19_800;

/// Reads ISO 8601 with its own offset; without one, as local time `offset_secs` ahead of UTC; a day alone begins at
/// midnight there. `None` if it is no time.
pub fn iso(text: &str, offset_secs: i32) -> Option<Millis> {
    let text = text.trim();
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(instant.as_millisecond());
    }
    local(text.parse().ok()?, offset_secs)
}

/// Reads a local time written in a `strftime` form such as `%H:%M:%S %d-%m-%Y`; `offset_secs` ahead of UTC. `None` if
/// it does not fit the form.
pub fn formatted(text: &str, form: &str, offset_secs: i32) -> Option<Millis> {
    let parsed = strtime::parse(form, text.trim()).ok()?;
    let at = parsed.to_datetime().or_else(|_| parsed.to_date().map(DateTime::from)).ok()?;
    local(at, offset_secs)
}

/// Reads a count since 1970, in seconds below 10¹¹ and in milliseconds from there on: 10¹¹ seconds are the year 5138,
/// 10¹¹ milliseconds are March 1973. Zero and less is no time.
pub fn epoch(number: i64) -> Option<Millis> {
    match number {
        ..=0 => None,
        1..100_000_000_000 => Some(number * 1000),
        _ => Some(number),
    }
}

/// As RFC 3339 with `Z`, milliseconds only where there are some. A time outside the calendar becomes its edge.
pub fn rfc3339(at: Millis) -> String {
    let edge = if at < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_millisecond(at).unwrap_or(edge).to_string()
}

fn local(at: DateTime, offset_secs: i32) -> Option<Millis> {
    let zone = TimeZone::fixed(Offset::from_seconds(offset_secs).ok()?);
    Some(at.to_zoned(zone).ok()?.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2025-01-10 12:00 in India.
    const NOON: Millis = 1_736_490_600_000;

    #[test]
    fn each_form_is_read_with_its_own_offset() {
        for form in [
            "2025-01-10T12:00:00.000+05:30",
            "2025-01-10T12:00:00+0530",
            "2025-01-10T12:30:00+06:00",
            "2025-01-10T06:30:00.000Z",
            "2025-01-10T12:00:00",
            " 2025-01-10 12:00:00.0 ",
        ] {
            assert_eq!(iso(form, IST_SECS), Some(NOON), "{form}");
        }
    }

    #[test]
    fn a_day_alone_begins_at_midnight_where_it_is_meant() {
        assert_eq!(iso("2025-01-10", IST_SECS).map(rfc3339).as_deref(), Some("2025-01-09T18:30:00Z"));
        let form = "%d-%b-%Y";
        assert_eq!(formatted("10-Jan-2025", form, IST_SECS), iso("2025-01-10", IST_SECS));
    }

    #[test]
    fn a_form_is_kept_to() {
        let form = "%H:%M:%S %d-%m-%Y";
        assert_eq!(formatted("12:00:00 10-01-2025", form, IST_SECS), Some(NOON));
        for text in ["12:00:00 10/01/2025", "", "NA", "12:00:00 31-02-2025"] {
            assert_eq!(formatted(text, form, IST_SECS), None, "{text}");
        }
    }

    #[test]
    fn seconds_and_milliseconds_are_told_apart_by_size() {
        assert_eq!(epoch(1_736_490_600), Some(NOON));
        assert_eq!(epoch(NOON), Some(NOON));
        assert_eq!(epoch(0), None);
        assert_eq!(epoch(-1), None);
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in ["", "yesterday", "2025-13-01T00:00:00Z", "1736490600000"] {
            assert_eq!(iso(text, IST_SECS), None, "{text}");
        }
        assert_eq!(iso("2025-01-10T12:00:00", i32::MAX), None, "no such offset");
    }

    #[test]
    fn a_time_outside_the_calendar_is_its_edge() {
        assert_eq!(rfc3339(i64::MAX), Timestamp::MAX.to_string());
        assert_eq!(rfc3339(i64::MIN), Timestamp::MIN.to_string());
    }
}
