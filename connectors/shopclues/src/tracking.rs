//! Finds the waybill in an order. ShopClues is a fork of CS-Cart, whose shipments have one; where its API shows them is not
//! known, so places and names are settings, tried in their order.

use serde_json::{Map, Value};

use crate::config::Settings;

/// The place that means the order itself.
const ITSELF: &str = "order";

/// A waybill, and its courier if that is told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Tracking {
    pub(crate) awb: String,
    pub(crate) courier: Option<String>,
}

/// The waybill of an order: from the first place that has one. `None` if there is none, or several, since a status that is
/// the whole order's cannot say which parcel it is about.
pub(crate) fn find(order: &Value, settings: &Settings) -> Option<Tracking> {
    let found = settings.tracking_places.iter().map(|place| in_place(order, place, settings));
    let mut found = found.into_iter().find(|found| !found.is_empty())?;
    found.dedup_by(|a, b| a.awb == b.awb);
    match <[Tracking; 1]>::try_from(found) {
        Ok([one]) => Some(one),
        Err(several) => {
            tracing::info!(parcels = several.len(), "an order with several waybills is reported without one");
            None
        }
    }
}

fn in_place(order: &Value, place: &str, settings: &Settings) -> Vec<Tracking> {
    let shipments: Vec<&Map<String, Value>> = match (place, order.get(place)) {
        (ITSELF, _) => order.as_object().into_iter().collect(),
        (_, Some(Value::Array(rows))) => rows.iter().filter_map(Value::as_object).collect(),
        // One shipment, or several that are keyed by their ids.
        (_, Some(Value::Object(one))) if one.values().all(Value::is_object) => {
            one.values().filter_map(Value::as_object).collect()
        }
        (_, Some(Value::Object(one))) => vec![one],
        _ => Vec::new(),
    };
    let read = |shipment: &Map<String, Value>| {
        let awb = first(shipment, &settings.tracking_fields)?;
        Some(Tracking { awb, courier: first(shipment, &settings.courier_fields) })
    };
    shipments.into_iter().filter_map(read).collect()
}

/// The first of these members that is a text or a whole number and means something.
fn first(shipment: &Map<String, Value>, names: &[String]) -> Option<String> {
    names.iter().find_map(|name| {
        let text = match shipment.get(name)? {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) if !number.is_f64() => number.to_string(),
            _ => return None,
        };
        let is_blank =
            text.is_empty() || ["0", "null", "na", "n/a"].contains(&text.to_ascii_lowercase().as_str());
        (!is_blank).then_some(text)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn settings(given: Value) -> Settings {
        serde_json::from_value(given).unwrap()
    }

    fn found(order: &Value) -> Option<(String, Option<String>)> {
        find(order, &settings(json!({}))).map(|found| (found.awb, found.courier))
    }

    fn both(awb: &str, courier: &str) -> (String, Option<String>) {
        (awb.to_owned(), Some(courier.to_owned()))
    }

    #[test]
    fn a_waybill_is_found_in_each_place_and_under_each_name() {
        for order in [
            json!({"shipments": [{"tracking_number": "A1", "carrier": "Gati"}]}),
            json!({"shipments": {"71": {"awbno": "A1", "carrier_name": "Gati"}}}),
            json!({"shipment": {"awb": "A1", "carrier": "Gati"}}),
            json!({"awbno": "A1", "carrier_name": "Gati", "shipments": []}),
            json!({"shipments": [{"tracking_number": " ", "awbno": "NA", "awb": "A1", "carrier": "", "carrier_name": "Gati"}]}),
        ] {
            assert_eq!(found(&order), Some(both("A1", "Gati")), "{order}");
        }
        assert_eq!(found(&json!({"shipment": {"awb": 771}})), Some(("771".to_owned(), None)));
    }

    #[test]
    fn the_first_place_that_has_one_wins() {
        let order = json!({"awb": "C", "shipment": {"awb": "B"}, "shipments": [{"awb": "A"}]});
        let at = |given| find(&order, &settings(given)).map(|found| found.awb);
        assert_eq!(at(json!({})).as_deref(), Some("A"));
        assert_eq!(at(json!({"tracking_places": "order,shipments"})).as_deref(), Some("C"));
        assert_eq!(at(json!({"tracking_places": "parcels"})), None);
    }

    #[test]
    fn none_or_several_are_none() {
        for order in [
            json!({}),
            json!({"shipments": null}),
            json!({"shipments": "none"}),
            json!({"shipments": [{"tracking_number": null, "awb": "0", "awbno": 1.5}]}),
            json!({"shipments": [{"awb": "A"}, {"awb": "B"}]}),
            json!([]),
        ] {
            assert_eq!(found(&order), None, "{order}");
        }
        let twice = json!({"shipments": [{"awb": "A", "carrier": "Gati"}, {"awb": "A"}]});
        assert_eq!(found(&twice), Some(both("A", "Gati")), "the same one twice is one");
    }
}
