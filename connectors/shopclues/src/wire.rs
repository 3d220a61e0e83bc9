//! ShopClues' JSON under its own names. No logic beyond reading the forms in which a value was seen: numbers come as text.
//!
//! Names, addresses, telephone numbers and prices of buyers have no field here. Lines have none either: the status is the
//! order's, whatever form they come in. No type that can hold a token or a whole order has a `Debug`.

use plugin_api::reading::{Row, flag, text};
use serde::Deserialize;
use serde_json::Value;

/// The answer of the login.
#[derive(Deserialize)]
pub(crate) struct TokenReply {
    #[serde(default)]
    pub(crate) access_token: Option<String>,
    /// Seconds.
    #[serde(default, deserialize_with = "text")]
    pub(crate) expires_in: Option<String>,
}

/// What every answer may have besides its data.
#[derive(Deserialize)]
pub(crate) struct Envelope {
    /// An HTTP status inside the body, as a number or as digits; absent from most.
    #[serde(default)]
    pub(crate) status: Value,
}

/// A page of a list.
#[derive(Debug, Deserialize)]
pub(crate) struct Page {
    /// `None` if there is none, which is a failure and not an empty list.
    #[serde(default)]
    pub(crate) data: Option<Vec<Row<Order>>>,
    #[serde(default)]
    pub(crate) extra: Option<Extra>,
}

/// What comes beside the rows of a page.
#[derive(Debug, Deserialize)]
pub(crate) struct Extra {
    /// The next page; blank on the last.
    #[serde(default, deserialize_with = "text")]
    pub(crate) next: Option<String>,
}

/// The answer to a question by id. Its waybill may stand in several places, so the order is kept whole until it is found.
#[derive(Deserialize)]
pub(crate) struct Detail {
    #[serde(default)]
    pub(crate) data: Option<Value>,
}

/// An order: the goods of one seller. The same in lists and by id, as far as it is read. `timestamp` is the time of
/// placement; no time of a change is told.
#[derive(Debug, Deserialize)]
#[expect(clippy::struct_field_names, reason = "ShopClues' own names")]
pub(crate) struct Order {
    #[serde(deserialize_with = "text")]
    pub(crate) order_id: Option<String>,
    /// Whether it only holds the orders of several sellers.
    #[serde(default, deserialize_with = "flag")]
    pub(crate) is_parent_order: Option<bool>,
    #[serde(deserialize_with = "text")]
    pub(crate) status: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_personal_is_gone_after_reading() {
        let body = include_str!("../fixtures/list_first.json");
        let page: Page = serde_json::from_str(body).unwrap();
        let read = format!("{page:?}");
        for personal in ["BUYER-FIRSTNAME", "BUYER-CITY", "BUYER-ZIP", "buyer@example.invalid"] {
            assert!(body.contains(personal) && !read.contains(personal), "{personal}");
        }
    }

    #[test]
    fn absent_data_and_null_are_no_empty_list() {
        let data = |body| serde_json::from_str::<Page>(body).unwrap().data.map(|rows| rows.len());
        assert_eq!((data("{}"), data(r#"{"data":null}"#), data(r#"{"data":[]}"#)), (None, None, Some(0)));
    }
}
