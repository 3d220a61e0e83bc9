//! The time zone that a tenant's people read times in. What the law dates (invoices, financial years) is Indian whatever
//! the zone: see [`super::time`].

use jiff::{Timestamp, tz::TimeZone};
use plugin_api::Millis;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use super::time;

/// India's, which tenants have that say nothing else.
const INDIA: &str = "Asia/Kolkata";

/// A time zone of the IANA database, which the program carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Zone {
    /// The zone of an IANA name such as `Asia/Kolkata`, in either case.
    ///
    /// # Errors
    /// A sentence that says what to write instead.
    pub fn parse(name: &str) -> Result<Zone, String> {
        let named = TimeZone::get(name).ok().filter(|zone| zone.iana_name().is_some());
        named.map(Zone).ok_or_else(|| {
            format!("there is no time zone `{name}`; write a name of the IANA database, such as {INDIA} or Asia/Dubai")
        })
    }

    /// As it is stored; nothing, and what this version does not know, is India's.
    pub fn of_stored(name: Option<&str>) -> Zone {
        name.and_then(|name| Zone::parse(name).ok()).unwrap_or_default()
    }

    /// Its IANA name.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or(INDIA)
    }

    /// An instant in words: `15 Jan 2026 15:00 IST`.
    pub fn words(&self, at: Millis) -> String {
        match Timestamp::from_millisecond(at) {
            Ok(at) => at.to_zoned(self.0.clone()).strftime("%-d %b %Y %H:%M %Z").to_string(),
            Err(_) => time::text(at),
        }
    }

    /// When the day of an instant began there, UTC.
    pub fn midnight(&self, at: Millis) -> Millis {
        let there = Timestamp::from_millisecond(at).map(|at| at.to_zoned(self.0.clone()));
        let began = there.and_then(|there| there.start_of_day());
        began.map_or(at, |began| began.timestamp().as_millisecond())
    }
}

impl Default for Zone {
    fn default() -> Self {
        Zone(TimeZone::get(INDIA).unwrap_or(TimeZone::UTC))
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        Zone::parse(&String::deserialize(input)?).map_err(D::Error::custom)
    }
}

impl JsonSchema for Zone {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Zone".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "description": "A time zone by its IANA name.", "examples": [INDIA]})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_told_as_the_zone_has_it_on_that_day() {
        let words = |zone: &str, at: &str| Zone::parse(zone).unwrap().words(time::parse(at).unwrap());
        assert_eq!(words("Asia/Kolkata", "2026-01-15T09:30:00Z"), "15 Jan 2026 15:00 IST");
        assert_eq!(words("asia/dubai", "2026-01-15T20:30:00Z"), "16 Jan 2026 00:30 +04");
        assert_eq!(words("Europe/London", "2026-01-15T09:30:00Z"), "15 Jan 2026 09:30 GMT");
        assert_eq!(words("Europe/London", "2026-07-15T09:30:00Z"), "15 Jul 2026 10:30 BST");
        assert_eq!(Zone::default().words(Millis::MAX), time::text(Millis::MAX));
        assert_eq!(Zone::parse("asia/kolkata").unwrap().name(), "Asia/Kolkata");
    }

    #[test]
    fn a_day_begins_at_midnight_there() {
        let at = time::parse("2026-01-15T20:30:00Z").unwrap();
        assert_eq!(Zone::default().midnight(at), time::parse("2026-01-15T18:30:00Z").unwrap());
        assert_eq!(Zone::parse("UTC").unwrap().midnight(at), time::parse("2026-01-15T00:00:00Z").unwrap());
    }

    #[test]
    fn what_is_no_zone_is_refused_and_what_was_stored_never_is() {
        for wrong in ["", "IST+5:30", "Asia/Nowhere", "../etc/passwd", "Local"] {
            assert!(Zone::parse(wrong).is_err_and(|said| said.contains("such as Asia/Kolkata")), "{wrong}");
        }
        assert_eq!(Zone::of_stored(Some("Asia/Nowhere")), Zone::default());
        assert_eq!(Zone::of_stored(None).name(), "Asia/Kolkata");
        let zone: Zone = serde_json::from_str("\"Asia/Dubai\"").unwrap();
        assert_eq!(serde_json::to_string(&zone).unwrap(), "\"Asia/Dubai\"");
        assert!(serde_json::from_str::<Zone>("\"x\"").is_err());
    }
}
