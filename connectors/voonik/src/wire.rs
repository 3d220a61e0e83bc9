//! Voonik's orders under their own names. No meaning: a state is text here.
//!
//! Buyer, address and price blocks have no field here, so they are dropped while reading, and so are the milestones that
//! are planned (`vendor_package_tracking_details`), which say nothing of what happened. A row that cannot be read does
//! not spoil its neighbours.

use std::collections::BTreeMap;

use plugin_api::reading::{self, Quantity, Row};
use serde::Deserialize;
use serde_json::{Map, Value};

/// A vendor order: what one seller ships of a customer's order.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Order {
    #[serde(deserialize_with = "reading::text")]
    pub(crate) voonik_order_number: Option<String>,
    /// Another number if the order was processed anew.
    #[serde(deserialize_with = "reading::text")]
    pub(crate) current_processed_voonik_order_number: Option<String>,
    #[serde(deserialize_with = "reading::text")]
    pub(crate) created_at: Option<String>,
    /// `None` if the member is not there at all; an order without packages has an empty list.
    #[serde(deserialize_with = "reading::rows")]
    pub(crate) vendor_packages: Option<Vec<Row<Package>>>,
}

/// A package. The state lives here.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Package {
    #[serde(deserialize_with = "reading::text")]
    pub(crate) state: Option<String>,
    #[serde(deserialize_with = "reading::text")]
    pub(crate) tracking_code: Option<String>,
    #[serde(deserialize_with = "reading::text")]
    pub(crate) shipment_provider_id: Option<String>,
    /// What happened, in the buyer's view.
    #[serde(deserialize_with = "reading::list")]
    pub(crate) customer_tracking_details: Vec<Row<Event>>,
    #[serde(deserialize_with = "reading::list")]
    pub(crate) vendor_order_line_items: Vec<Row<Item>>,
}

/// Something that happened to a package.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Event {
    #[serde(deserialize_with = "reading::text")]
    pub(crate) changed_at: Option<String>,
    #[serde(deserialize_with = "reading::text")]
    pub(crate) formatted_customer_visible_text: Option<String>,
}

/// Some units of a product.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Item {
    #[serde(deserialize_with = "reading::text")]
    pub(crate) id: Option<String>,
    #[serde(deserialize_with = "reading::text")]
    pub(crate) sku: Option<String>,
    pub(crate) quantity: Quantity,
    pub(crate) get_progress_state: Option<Progress>,
}

/// How far a line is, in the buyer's view.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_field_names, reason = "Voonik's own names")]
pub(crate) struct Progress {
    #[serde(deserialize_with = "reading::text")]
    pub(crate) code: Option<String>,
    pub(crate) progress_position: Quantity,
    #[serde(deserialize_with = "reading::flag")]
    pub(crate) is_negative: Option<bool>,
}

/// The same tree with the names that are read here, where the marketplace has others. A member that is there under our
/// name already stays.
pub(crate) fn renamed(value: Value, aliases: &BTreeMap<String, String>) -> Value {
    match value {
        _ if aliases.is_empty() => value,
        Value::Array(rows) => rows.into_iter().map(|row| renamed(row, aliases)).collect(),
        Value::Object(members) => {
            let (theirs, ours): (Vec<_>, Vec<_>) =
                members.into_iter().partition(|(name, _)| aliases.contains_key(name));
            let mut read = Map::new();
            for (name, value) in ours.into_iter().chain(theirs) {
                let name = aliases.get(&name).cloned().unwrap_or(name);
                if read.get(&name).is_none_or(Value::is_null) {
                    read.insert(name, renamed(value, aliases));
                }
            }
            Value::Object(read)
        }
        _ => value,
    }
}
