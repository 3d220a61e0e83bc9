//! Snapdeal's times. The reference says "Date" and no form, so each form that was seen is read.

use plugin_api::{
    Millis,
    time::{IST_SECS, epoch, formatted, iso},
};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// The form of the seller panel's exports, in Indian time.
const PANEL_FORM: &str = "%H:%M:%S %d-%m-%Y";

/// Reads a time: a count since 1970 as a number or as digits, ISO 8601, or the panel's form. Without a zone it is Indian
/// time. Anything else is no time.
pub(crate) fn time<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Millis>, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::Number(number) => number.as_i64().and_then(epoch),
        Value::String(text) => read(text.trim()),
        _ => None,
    })
}

fn read(text: &str) -> Option<Millis> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().and_then(epoch);
    }
    iso(text, IST_SECS).or_else(|| formatted(text, PANEL_FORM, IST_SECS))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_form_is_the_same_instant() {
        // 2025-01-10 12:00 in India.
        let noon = 1_736_490_600_000;
        for form in [
            json!(noon),
            json!(noon.to_string()),
            json!("2025-01-10T12:00:00+05:30"),
            json!("2025-01-10T06:30:00.000Z"),
            json!("2025-01-10 12:00:00"),
            json!(" 12:00:00 10-01-2025 "),
        ] {
            assert_eq!(time(form.clone()).unwrap(), Some(noon), "{form}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for form in
            [json!(null), json!(""), json!("NA"), json!("soon"), json!(0), json!(1.5), json!({"a": 1})]
        {
            assert_eq!(time(form.clone()).unwrap(), None, "{form}");
        }
    }
}
