//! The fields of a seller order, by Wooplr's names of 2016 (mistakes included), wherever a reply has them.
//!
//! Names are compared without case: the marketplace's bean naming makes `AWBGeneratedDate` or `awbgeneratedDate`, and
//! nobody knows which. A field may have other names too, by default or by the setting `field_aliases`. Customers' fields
//! have no name here, so they are never picked.

use std::collections::BTreeMap;

use plugin_api::{Millis, time::epoch};
use serde_json::{Map, Value};

use crate::config::{Settings, TimeUnit};

/// Fields of a seller order, each with the other names under which it is looked for.
const FIELDS: &[(&str, &[&str])] = &[
    ("subOrderId", &["id"]),
    ("transactionOrderId", &[]),
    ("orderStatus", &[]),
    ("shipmentCreateStatus", &[]),
    ("reverseShipmentStatus", &[]),
    ("partner", &[]),
    ("WayBillNumber", &[]),
    ("trackingId", &[]),
    ("reverseTrackingId", &[]),
    ("fullfilmentType", &["fulfillmentType"]),
    ("product", &[]),
];

/// Fields with times; the first is that of another of the marketplace's beans.
pub(crate) const DATES: &[(&str, &[&str])] = &[
    ("orderUpdateDate", &[]),
    ("purchaseDate", &["orderDate"]),
    ("confirmedDate", &[]),
    ("rejectedDate", &[]),
    ("AWBGeneratedDate", &[]),
    ("readyToShipDate", &[]),
    ("pickupDate", &[]),
    ("deliveryDate", &[]),
    ("cancellationDate", &[]),
    ("receivedDate", &[]),
];

/// Under which names fields are looked for, all in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FieldNames {
    given: BTreeMap<String, String>,
}

impl FieldNames {
    /// The default names and the operator's, which go first: a key is one of Wooplr's names, its value the other name.
    ///
    /// # Errors
    /// If a key is none of the names that are read.
    pub(crate) fn with(aliases: &BTreeMap<String, String>) -> Result<Self, String> {
        let known =
            |name: &str| FIELDS.iter().chain(DATES).any(|(field, _)| field.eq_ignore_ascii_case(name));
        match aliases.keys().find(|name| !known(name)) {
            Some(unknown) => Err(format!("`field_aliases`: `{unknown}` is no field that is read")),
            None => Ok(FieldNames {
                given: aliases
                    .iter()
                    .map(|(field, name)| (field.to_ascii_lowercase(), name.to_ascii_lowercase()))
                    .collect(),
            }),
        }
    }

    /// Every name of a field, the most telling first.
    fn of(&self, field: &str) -> impl Iterator<Item = String> {
        let given = self.given.get(&field.to_ascii_lowercase()).cloned();
        let usual =
            FIELDS.iter().chain(DATES).find(|(name, _)| *name == field).map_or(&[][..], |(_, names)| names);
        given
            .into_iter()
            .chain(std::iter::once(field.to_ascii_lowercase()))
            .chain(usual.iter().map(|name| name.to_ascii_lowercase()))
    }
}

/// A place in a JSON document: member names with dots between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JsonPath(Vec<String>);

impl JsonPath {
    /// Reads a path such as `data.orders`.
    pub(crate) fn read(text: &str) -> Self {
        JsonPath(text.split('.').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect())
    }

    /// What stands there; names without case.
    pub(crate) fn in_value<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(value, |value, name| {
            let members = value.as_object()?;
            members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
        })
    }
}

impl std::fmt::Display for JsonPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

/// A seller order: one product line of a customer's transaction. Every field but the id may be absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "after Wooplr's own names")]
pub(crate) struct Order {
    pub(crate) sub_order: String,
    pub(crate) transaction: Option<String>,
    pub(crate) order_status: Option<String>,
    pub(crate) shipment_status: Option<String>,
    pub(crate) reverse_status: Option<String>,
    pub(crate) courier: Option<String>,
    pub(crate) waybill: Option<String>,
    pub(crate) tracking: Option<String>,
    pub(crate) reverse_tracking: Option<String>,
    pub(crate) fulfilment: Option<String>,
    pub(crate) sku: Option<String>,
    /// When it last changed: the field for it, else the latest of all times.
    pub(crate) changed_at: Option<Millis>,
    /// Times that are there, by Wooplr's names.
    pub(crate) dates: BTreeMap<&'static str, Millis>,
}

/// Picks the fields of an order; `None` if it is no object, or has no readable id.
pub(crate) fn order(settings: &Settings, row: &Value) -> Option<Order> {
    let row = Members::of(&settings.names, row.as_object()?);
    let dates: BTreeMap<&'static str, Millis> = DATES
        .iter()
        .filter_map(|(field, _)| Some((*field, time(settings.time_unit, row.value(field)?)?)))
        .collect();
    let updated = row.named(&settings.updated_field).and_then(|value| time(settings.time_unit, value));
    Some(Order {
        sub_order: row.text("subOrderId")?,
        transaction: row.text("transactionOrderId"),
        order_status: row.text("orderStatus"),
        shipment_status: row.text("shipmentCreateStatus"),
        reverse_status: row.text("reverseShipmentStatus"),
        courier: row.text("partner"),
        waybill: row.text("WayBillNumber"),
        tracking: row.text("trackingId"),
        reverse_tracking: row.text("reverseTrackingId"),
        fulfilment: row.text("fullfilmentType"),
        sku: row
            .value("product")
            .and_then(Value::as_object)
            .and_then(|product| Members::of(&settings.names, product).named("sku").and_then(text)),
        changed_at: updated.or_else(|| dates.values().copied().max()),
        dates,
    })
}

/// An object's members by their names in lower case.
struct Members<'v> {
    names: &'v FieldNames,
    members: BTreeMap<String, &'v Value>,
}

impl<'v> Members<'v> {
    fn of(names: &'v FieldNames, object: &'v Map<String, Value>) -> Self {
        let members = object.iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
        Members { names, members }
    }

    fn named(&self, name: &str) -> Option<&'v Value> {
        self.members.get(&name.to_ascii_lowercase()).copied().filter(|value| !value.is_null())
    }

    fn value(&self, field: &str) -> Option<&'v Value> {
        self.names.of(field).find_map(|name| self.named(&name))
    }

    fn text(&self, field: &str) -> Option<String> {
        self.value(field).and_then(text)
    }
}

/// A text or a whole number; blank is none, and so is a float, which may have lost digits.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    }
}

/// A count since 1970, as a number or as digits.
fn time(unit: TimeUnit, value: &Value) -> Option<Millis> {
    let number = match value {
        Value::Number(number) => number.as_i64()?,
        Value::String(digits) => digits.trim().parse().ok()?,
        _ => return None,
    };
    match unit {
        TimeUnit::Milliseconds => epoch(number),
        TimeUnit::Seconds => (number > 0).then(|| number.saturating_mul(1000)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn settings(more: &Value) -> Settings {
        let mut given = json!({"base_url": "https://wooplr.example", "store_id": "77"});
        given.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(given).unwrap()
    }

    fn read(row: &Value) -> Order {
        order(&settings(&json!({})), row).unwrap()
    }

    #[test]
    fn names_are_compared_without_case() {
        let order = read(
            &json!({"suborderid": 501, "waybillnumber": "W1", "awbgeneratedDate": 1_480_000_000_000_i64,
            "FULLFILMENTTYPE": "self", "Product": {"SKU": "KURTA-M"}}),
        );
        assert_eq!((order.sub_order.as_str(), order.waybill.as_deref()), ("501", Some("W1")));
        assert_eq!((order.fulfilment.as_deref(), order.sku.as_deref()), (Some("self"), Some("KURTA-M")));
        assert_eq!(order.dates["AWBGeneratedDate"], 1_480_000_000_000);
    }

    #[test]
    fn fields_have_the_names_of_both_beans() {
        let order = read(&json!({"id": "501", "orderDate": 1, "fulfillmentType": "wooplr"}));
        assert_eq!((order.sub_order.as_str(), order.fulfilment.as_deref()), ("501", Some("wooplr")));
        assert_eq!(order.dates["purchaseDate"], 1000);
    }

    #[test]
    fn every_field_but_the_id_may_be_null_or_of_another_type() {
        let order =
            read(&json!({"subOrderId": 501, "orderStatus": null, "partner": {"a": 1}, "product": null,
            "pickupDate": "soon", "deliveryDate": 0, "WayBillNumber": "  ", "trackingId": 1.5}));
        assert_eq!(order, Order { sub_order: "501".into(), ..Order::default() });
        for none in [
            json!({"orderStatus": "SHIPPED"}),
            json!({"subOrderId": null}),
            json!({"subOrderId": 1e30}),
            json!(7),
        ] {
            assert_eq!(super::order(&settings(&json!({})), &none), None, "{none}");
        }
    }

    #[test]
    fn seconds_and_milliseconds_are_told_apart() {
        let times = json!({"subOrderId": 1, "pickupDate": 1_480_100_000, "deliveryDate": "1480200000000"});
        let order = read(&times);
        assert_eq!(
            (order.dates["pickupDate"], order.dates["deliveryDate"]),
            (1_480_100_000_000, 1_480_200_000_000)
        );
        let seconds = super::order(&settings(&json!({"time_unit": "s"})), &times).unwrap();
        assert_eq!(seconds.dates["pickupDate"], 1_480_100_000_000);
    }

    #[test]
    fn the_last_change_is_the_field_for_it_else_the_latest_time() {
        let row = json!({"subOrderId": 1, "pickupDate": 1_480_100_000_000_i64, "deliveryDate": 1_480_200_000_000_i64,
            "orderUpdateDate": 1_480_150_000_000_i64, "touched": 1_480_300_000_000_i64});
        assert_eq!(read(&row).changed_at, Some(1_480_150_000_000));
        let other = settings(&json!({"updated_field": "Touched"}));
        assert_eq!(order(&other, &row).unwrap().changed_at, Some(1_480_300_000_000));
        let none = settings(&json!({"updated_field": "nowhere"}));
        assert_eq!(order(&none, &row).unwrap().changed_at, Some(1_480_200_000_000));
        assert_eq!(read(&json!({"subOrderId": 1})).changed_at, None);
    }

    #[test]
    fn an_operator_s_name_goes_before_wooplr_s() {
        let settings =
            settings(&json!({"field_aliases": {"waybillNumber": "awbNo", "subOrderId": "orderItemId"}}));
        let row = json!({"subOrderId": 1, "orderItemId": 2, "AWBNO": "A", "WayBillNumber": "B"});
        let read = order(&settings, &row).unwrap();
        assert_eq!((read.sub_order.as_str(), read.waybill.as_deref()), ("2", Some("A")));
        let usual = order(&settings, &json!({"subOrderId": 1, "WayBillNumber": "B"})).unwrap();
        assert_eq!((usual.sub_order.as_str(), usual.waybill.as_deref()), ("1", Some("B")));
    }

    #[test]
    fn a_path_leads_through_objects() {
        let document = json!({"Data": {"orders": [1]}, "orders": 2});
        assert_eq!(JsonPath::read("data.Orders").in_value(&document), Some(&json!([1])));
        assert_eq!(JsonPath::read("data.orders.x").in_value(&document), None);
        assert_eq!(JsonPath::read("data.orders").to_string(), "data.orders");
    }
}
