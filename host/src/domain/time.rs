//! Times as files show them, and the calendar that the law uses.
//!
//! Inside, an instant is milliseconds since 1970 in UTC. In files it is RFC 3339 in UTC. A date of an invoice and a
//! financial year are Indian: calendar days in IST (UTC+5:30, without daylight saving), years from 1 April.

use jiff::{
    Timestamp,
    civil::Date,
    tz::{Offset, TimeZone},
};
use plugin_api::Millis;

/// India's offset from UTC: 5 h 30 min, all year.
const IST_MS: i64 = 19_800_000;

/// An instant as RFC 3339 in UTC, with milliseconds only where there are any.
pub fn text(at: Millis) -> String {
    match Timestamp::from_millisecond(at) {
        Ok(at) => at.to_string(),
        Err(_) => format!("@{at}ms"),
    }
}

/// An instant in words: `15 Jan 2026 15:00 IST`.
pub fn india(at: Millis) -> String {
    match Timestamp::from_millisecond(at.saturating_add(IST_MS)) {
        Ok(there) => format!("{} IST", there.strftime("%-d %b %Y %H:%M")),
        Err(_) => text(at),
    }
}

/// Reads RFC 3339 with any offset.
pub fn parse(text: &str) -> Option<Millis> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond)
}

/// The calendar day of an instant in India.
pub fn india_date(at: Millis) -> Date {
    let there = Timestamp::from_millisecond(at.saturating_add(IST_MS)).unwrap_or(Timestamp::UNIX_EPOCH);
    Offset::UTC.to_datetime(there).date()
}

/// The financial year of an instant, `2025-26` for 1 April 2025 to 31 March 2026.
pub fn financial_year(at: Millis) -> String {
    let date = india_date(at);
    let from = if date.month() >= 4 { date.year() } else { date.year() - 1 };
    format!("{from}-{:02}", (i32::from(from) + 1) % 100)
}

/// The first instant of a financial year in India; `None` if the text names no year.
pub fn beginning_of(financial_year: &str) -> Option<Millis> {
    let from: i16 = financial_year.split_once('-')?.0.parse().ok()?;
    let first = Date::new(from, 4, 1).ok()?.to_zoned(TimeZone::UTC).ok()?;
    Some(first.timestamp().as_millisecond() - IST_MS)
}

/// Serde for an instant.
pub mod instant {
    use plugin_api::Millis;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Writes RFC 3339.
    pub fn serialize<S: Serializer>(at: &Millis, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&super::text(*at))
    }

    /// Reads RFC 3339.
    pub fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Millis, D::Error> {
        let text = String::deserialize(input)?;
        super::parse(&text).ok_or_else(|| {
            D::Error::custom(format!("`{text}` is no RFC 3339 time such as 2026-01-15T09:30:00Z"))
        })
    }
}

/// Serde for an instant that may be absent; an empty text is absent.
pub mod option_instant {
    use plugin_api::Millis;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    /// Writes RFC 3339 or null.
    pub fn serialize<S: Serializer>(at: &Option<Millis>, out: S) -> Result<S::Ok, S::Error> {
        at.map(super::text).serialize(out)
    }

    /// Reads RFC 3339 or null.
    pub fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Millis>, D::Error> {
        match Option::<String>::deserialize(input)? {
            None => Ok(None),
            Some(text) if text.is_empty() => Ok(None),
            Some(text) => super::parse(&text).map(Some).ok_or_else(|| {
                D::Error::custom(format!("`{text}` is no RFC 3339 time such as 2026-01-15T09:30:00Z"))
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_financial_year_turns_at_midnight_in_india() {
        let before = parse("2026-03-31T18:29:59.999Z").unwrap();
        assert_eq!(financial_year(before), "2025-26");
        assert_eq!(financial_year(before + 1), "2026-27");
        assert_eq!(india_date(before + 1).to_string(), "2026-04-01");
        assert_eq!(financial_year(parse("2099-12-31T00:00:00Z").unwrap()), "2099-00");
        assert_eq!(beginning_of("2026-27"), Some(before + 1));
        assert_eq!(beginning_of("soon"), None);
    }

    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Record {
        #[serde(with = "instant")]
        at: Millis,
        #[serde(default, with = "option_instant")]
        then: Option<Millis>,
    }

    #[test]
    fn files_hold_times_as_text_and_an_absent_one_as_null() {
        let read = |text: &str| serde_json::from_str::<Record>(text).map_err(|error| error.to_string());
        let at = parse("2026-01-15T09:30:00Z").unwrap();
        for (record, text) in [
            (
                Record { at, then: Some(at + 1) },
                r#"{"at":"2026-01-15T09:30:00Z","then":"2026-01-15T09:30:00.001Z"}"#,
            ),
            (Record { at, then: None }, r#"{"at":"2026-01-15T09:30:00Z","then":null}"#),
        ] {
            assert_eq!(serde_json::to_string(&record).unwrap(), text);
            assert_eq!(read(text), Ok(record));
        }
        let absent = Ok(Record { at, then: None });
        assert_eq!(read(r#"{"at": "2026-01-15T15:00:00+05:30", "then": ""}"#), absent);
        assert_eq!(read(r#"{"at": "2026-01-15T09:30:00Z"}"#), absent);
        for wrong in [
            r#"{"at": "15 January"}"#,
            r#"{"at": ""}"#,
            r#"{"at": "2026-01-15T09:30:00Z", "then": "15 January"}"#,
        ] {
            assert!(read(wrong).is_err_and(|error| error.contains("is no RFC 3339 time")), "{wrong}");
        }
    }

    #[test]
    fn an_instant_outside_the_calendar_is_still_written() {
        assert_eq!(text(Millis::MAX), format!("@{}ms", Millis::MAX));
    }

    #[test]
    fn times_are_written_in_utc_and_read_with_any_offset() {
        assert_eq!(parse("2026-01-15T15:00:00+05:30"), parse("2026-01-15T09:30:00Z"));
        assert_eq!(text(parse("2026-01-15T15:00:00+05:30").unwrap()), "2026-01-15T09:30:00Z");
    }
}
