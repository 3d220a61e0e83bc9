//! Paytm's JSON under its own names. No logic beyond reading the forms in which a value was seen.
//!
//! Names, addresses, telephone numbers and prices of buyers have no field here, so they are dropped while reading. No
//! type that can hold a token has a `Debug`.

use plugin_api::reading::{Row, list, one_or_many, text};
use serde::Deserialize;
use serde_json::Value;

/// The answer of the first step of the login.
#[derive(Deserialize)]
pub(crate) struct Code {
    #[serde(default)]
    pub(crate) code: Option<String>,
}

/// The answer of the second step.
#[derive(Deserialize)]
pub(crate) struct TokenReply {
    #[serde(default)]
    pub(crate) access_token: Option<String>,
    /// A time since 1970, as a number or as digits; whether in seconds or in milliseconds was seen both ways.
    #[serde(default)]
    pub(crate) token_expiry_time: Value,
}

/// A body that tells of a failure, whatever the HTTP status.
#[derive(Deserialize)]
pub(crate) struct Failure {
    #[serde(default)]
    pub(crate) error: Value,
}

/// A list: a bare array. There is no envelope, no total and no link.
pub(crate) type Rows<T> = Vec<Row<T>>;

/// An order. Its own `status` is often missing and is not read: the items have theirs.
#[derive(Debug, Deserialize)]
pub(crate) struct Order {
    #[serde(deserialize_with = "text")]
    pub(crate) id: Option<String>,
    #[serde(deserialize_with = "list")]
    pub(crate) items: Vec<Row<Item>>,
}

/// An item: a line of an order.
#[derive(Debug, Deserialize)]
pub(crate) struct Item {
    #[serde(deserialize_with = "text")]
    pub(crate) id: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(crate) order_id: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(crate) sku: Option<String>,
    /// A code, as a number or as digits.
    #[serde(deserialize_with = "text")]
    pub(crate) status: Option<String>,
    /// Absent until a shipment exists.
    #[serde(default, deserialize_with = "text")]
    pub(crate) fulfillment_id: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(crate) updated_at: Option<String>,
}

/// A fulfilment: a shipment of some items of one order. Its tracking address may hold unfilled marks and is not read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Fulfilment {
    #[serde(deserialize_with = "text")]
    id: Option<String>,
    #[serde(deserialize_with = "text")]
    fulfillment_id: Option<String>,
    #[serde(deserialize_with = "one_or_many")]
    items: Vec<FulfilmentItem>,
    #[serde(deserialize_with = "list")]
    order_item_ids: Vec<Row<Id>>,
    #[serde(deserialize_with = "text")]
    pub(crate) order_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) tracking_number: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) shipper_id: Option<String>,
    /// The courier's name in words.
    #[serde(deserialize_with = "text")]
    pub(crate) shipping_description: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct FulfilmentItem {
    #[serde(deserialize_with = "text")]
    fulfillment_id: Option<String>,
}

/// An id by itself, as a number or as text.
#[derive(Debug, PartialEq, Eq, Deserialize)]
struct Id(#[serde(deserialize_with = "text")] Option<String>);

impl Fulfilment {
    /// Its own id, from the first of its places that has one; clients disagree about which.
    pub(crate) fn own_id(&self) -> Option<&str> {
        let of_items = || self.items.first().and_then(|item| item.fulfillment_id.as_ref());
        self.id.as_ref().or(self.fulfillment_id.as_ref()).or_else(of_items).map(String::as_str)
    }

    /// Whether it names this item.
    pub(crate) fn holds(&self, item: &str) -> bool {
        self.order_item_ids.iter().any(|row| matches!(row, Row::Read(Id(Some(id))) if id == item))
    }
}

/// A courier.
#[derive(Debug, Deserialize)]
pub(crate) struct Shipper {
    #[serde(deserialize_with = "text")]
    pub(crate) id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) name: Option<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fulfilment(value: Value) -> Fulfilment {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_fulfilment_s_id_is_found_in_each_of_its_places() {
        let own = |value| fulfilment(value).own_id().map(str::to_owned);
        let items = json!([{"fulfillment_id": 3}]);
        assert_eq!(own(json!({"id": 1, "fulfillment_id": 2, "items": items})).as_deref(), Some("1"));
        assert_eq!(own(json!({"fulfillment_id": "2", "items": items})).as_deref(), Some("2"));
        assert_eq!(own(json!({"items": items})).as_deref(), Some("3"));
        assert_eq!(own(json!({"items": []})), None);
    }

    #[test]
    fn the_items_of_a_fulfilment_are_numbers_or_text() {
        let seen = fulfilment(json!({"order_item_ids": [8_000_000_001_u64, "8000000002", null, {}]}));
        assert!(seen.holds("8000000001") && seen.holds("8000000002"));
        assert!(!seen.holds("8000000003") && !seen.holds(""));
    }

    #[test]
    fn an_order_without_its_items_is_no_order() {
        assert!(serde_json::from_value::<Order>(json!({"id": 1})).is_err());
        assert!(serde_json::from_value::<Order>(json!({"items": []})).is_err());
        assert!(serde_json::from_value::<Order>(json!({"id": 1, "items": null})).is_ok());
    }

    #[test]
    fn what_is_personal_is_gone_after_reading() {
        let body = include_str!("../fixtures/orders.json");
        let orders: Rows<Order> = serde_json::from_str(body).unwrap();
        let read = format!("{orders:?}");
        for personal in ["BUYER-FIRSTNAME", "BUYER-STREET", "0000000000", "buyer@example.invalid"] {
            assert!(body.contains(personal) && !read.contains(personal), "{personal}");
        }
    }
}
