//! An observation as files and the store write it: the line format of `observe` and `connector try`.

use plugin_api::{Millis, Observation, ReturnFact, ReturnKind, ShippedBy, Status};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::{time::option_instant, zone::Zone};

/// One observation line. Absent and empty mean the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Observed {
    /// The marketplace's order id; empty if it names only the item.
    pub order: String,
    /// The marketplace's item id; needed if `order` is empty.
    #[serde(default, deserialize_with = "text")]
    #[schemars(with = "Option<super::form::TextOrDigits>")]
    pub item: Option<String>,
    /// The seller's product code.
    #[serde(default, deserialize_with = "text")]
    #[schemars(with = "Option<super::form::TextOrDigits>")]
    pub sku: Option<String>,
    /// Units in this status by now, in total.
    #[serde(default)]
    pub quantity: Option<u32>,
    /// The canonical status; null for a word that is known to change nothing.
    #[serde(default)]
    #[schemars(with = "Option<super::form::StatusName>")]
    pub status: Option<Status>,
    /// The marketplace's own text.
    #[serde(default, deserialize_with = "text")]
    #[schemars(with = "Option<super::form::TextOrDigits>")]
    pub raw: Option<String>,
    /// When, by the marketplace's account.
    #[serde(default, with = "option_instant")]
    #[schemars(with = "Option<super::form::Instant>")]
    pub at: Option<Millis>,
    /// Who ships: `CHANNEL` or `SELLER`.
    #[serde(default)]
    #[schemars(with = "Option<super::form::ChannelOrSeller>")]
    pub shipped_by: Option<ShippedBy>,
    /// The marketplace's package id.
    #[serde(default, deserialize_with = "text")]
    #[schemars(with = "Option<super::form::TextOrDigits>")]
    pub package: Option<String>,
    /// The forward waybill.
    #[serde(default, deserialize_with = "text")]
    #[schemars(with = "Option<super::form::TextOrDigits>")]
    pub awb: Option<String>,
    /// The forward courier.
    #[serde(default, deserialize_with = "text")]
    #[schemars(with = "Option<super::form::TextOrDigits>")]
    pub courier: Option<String>,
    /// The marketplace's invoice number.
    #[serde(default, deserialize_with = "text")]
    #[schemars(with = "Option<super::form::TextOrDigits>")]
    pub invoice: Option<String>,
    /// Data of a return.
    #[serde(default, rename = "return")]
    pub ret: Option<ObservedReturn>,
}

/// Data of a return.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ObservedReturn {
    /// The marketplace's return id.
    #[serde(default, deserialize_with = "text")]
    #[schemars(with = "Option<super::form::TextOrDigits>")]
    pub id: Option<String>,
    /// `RTO` or `CIR`; null if the marketplace does not tell.
    #[serde(default)]
    #[schemars(with = "Option<super::form::RtoOrCir>")]
    pub kind: Option<ReturnKind>,
    /// Why.
    #[serde(default, deserialize_with = "text")]
    #[schemars(with = "Option<super::form::TextOrDigits>")]
    pub reason: Option<String>,
    /// The waybill of the way back.
    #[serde(default, deserialize_with = "text")]
    #[schemars(with = "Option<super::form::TextOrDigits>")]
    pub awb: Option<String>,
    /// The courier of the way back.
    #[serde(default, deserialize_with = "text")]
    #[schemars(with = "Option<super::form::TextOrDigits>")]
    pub courier: Option<String>,
}

impl Observed {
    /// What was said, in words: `"SHIPPED" (DISPATCHED) of item 111, on 15 Jan 2026 15:00 IST`.
    pub fn words(&self, zone: &Zone) -> String {
        let status = self.status.map_or("no status of ours", Status::as_str);
        let status = match &self.raw {
            Some(raw) if raw != status => format!("\"{raw}\" ({status})"),
            _ => status.to_owned(),
        };
        let of = match (&self.item, &self.sku, self.quantity) {
            (Some(item), _, None) => format!("item {item}"),
            (Some(item), _, Some(units)) => format!("{units} in total of item {item}"),
            (None, Some(sku), Some(units)) => format!("{units} in total of {sku}"),
            (None, Some(sku), None) => sku.clone(),
            (None, None, _) => "the whole order".to_owned(),
        };
        let details = [
            ("package", &self.package),
            ("AWB", &self.awb),
            ("courier", &self.courier),
            ("invoice", &self.invoice),
        ];
        let details = details.iter().filter_map(|(name, value)| Some(format!("{name} {}", value.as_ref()?)));
        let reason = self.ret.as_ref().and_then(|ret| ret.reason.as_ref());
        let at = self.at.map_or_else(|| "without a time".to_owned(), |at| format!("on {}", zone.words(at)));
        let parts: Vec<String> = std::iter::once(format!("{status} of {of}"))
            .chain(details)
            .chain(reason.map(|reason| format!("because \"{reason}\"")))
            .chain([at])
            .collect();
        parts.join(", ")
    }
}

/// A text; a number is taken as its digits, and empty text as none.
fn text<'de, D: Deserializer<'de>>(input: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Text(String),
        Whole(i64),
    }
    Ok(match Option::<Either>::deserialize(input)? {
        None => None,
        Some(Either::Text(text)) => Some(text).filter(|text| !text.is_empty()),
        Some(Either::Whole(number)) => Some(number.to_string()),
    })
}

impl From<Observation> for Observed {
    fn from(seen: Observation) -> Self {
        fn some(text: Option<String>) -> Option<String> {
            text.filter(|text| !text.is_empty())
        }
        Observed {
            order: seen.order,
            item: some(seen.item),
            sku: some(seen.sku),
            quantity: seen.quantity,
            status: seen.status,
            raw: some(Some(seen.raw)),
            at: seen.at,
            shipped_by: seen.shipped_by,
            package: some(seen.package),
            awb: some(seen.awb),
            courier: some(seen.courier),
            invoice: some(seen.invoice),
            ret: seen.ret.map(|ret| ObservedReturn {
                id: some(ret.id),
                kind: ret.kind,
                reason: some(ret.reason),
                awb: some(ret.awb),
                courier: some(ret.courier),
            }),
        }
    }
}

impl From<Observed> for Observation {
    fn from(line: Observed) -> Self {
        Observation {
            order: line.order,
            item: line.item,
            sku: line.sku,
            quantity: line.quantity,
            status: line.status,
            raw: line.raw.unwrap_or_default(),
            at: line.at,
            shipped_by: line.shipped_by,
            package: line.package,
            awb: line.awb,
            courier: line.courier,
            invoice: line.invoice,
            ret: line.ret.map(|ret| ReturnFact {
                id: ret.id,
                kind: ret.kind,
                reason: ret.reason,
                awb: ret.awb,
                courier: ret.courier,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Observed {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_number_is_read_as_its_digits_and_empty_text_as_none() {
        let read = line(r#"{"order": "OD1", "item": 11, "sku": "", "awb": "EK1", "courier": null}"#);
        assert_eq!(
            (read.item.as_deref(), read.sku, read.awb.as_deref(), read.courier, read.raw),
            (Some("11"), None, Some("EK1"), None, None)
        );
    }

    #[test]
    fn a_line_becomes_an_observation_and_the_same_line_again() {
        let full = line(
            r#"{"order": "OD1", "item": "11", "sku": "A", "quantity": 2, "status": "RETURNED", "raw": "back",
                "at": "2026-01-15T09:30:00Z", "shipped_by": "CHANNEL", "package": "P1", "awb": "EK1", "courier": "Ekart",
                "invoice": "F1", "return": {"id": "R1", "kind": "CIR", "reason": "too small", "awb": "RV1", "courier": "X"}}"#,
        );
        let seen = Observation::from(full.clone());
        assert_eq!(
            (seen.quantity, seen.status, seen.raw.as_str()),
            (Some(2), Some(Status::Returned), "back")
        );
        assert_eq!(seen.ret.as_ref().and_then(|ret| ret.reason.as_deref()), Some("too small"));
        assert_eq!(Observed::from(seen), full);
    }

    #[test]
    fn empty_texts_of_an_observation_are_written_as_none() {
        let said = Observation { awb: Some(String::new()), ..Observation::new("OD1", None, "") };
        assert_eq!(Observed::from(said), line(r#"{"order": "OD1"}"#));
    }

    #[test]
    fn what_the_marketplace_said_reads_as_a_sentence() {
        let said = Observed {
            order: "OD1".into(),
            item: Some("111".into()),
            status: Some(Status::Dispatched),
            raw: Some("SHIPPED".into()),
            awb: Some("EK1".into()),
            at: crate::domain::time::parse("2026-01-15T09:30:00Z"),
            ..Observed::default()
        };
        assert_eq!(
            said.words(&Zone::default()),
            "\"SHIPPED\" (DISPATCHED) of item 111, AWB EK1, on 15 Jan 2026 15:00 IST"
        );
        let units = Observed {
            sku: Some("A".into()),
            quantity: Some(2),
            status: Some(Status::Cancelled),
            ..Observed::default()
        };
        assert_eq!(units.words(&Zone::default()), "CANCELLED of 2 in total of A, without a time");
    }
}
