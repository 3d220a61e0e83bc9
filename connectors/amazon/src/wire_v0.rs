//! Amazon's JSON of Orders v0, under Amazon's names and without logic.
//!
//! v0 sends city, state, postal code and a mail address unasked; none has a field here, so they are dropped while
//! reading. The interface ends on 2027-03-27 (Amazon's deprecation note, read 2026-09), and this file with it.

#![expect(clippy::struct_field_names, reason = "the names are Amazon's")]

use serde::Deserialize;

/// Every reply of v0. Errors may stand beside a payload.
#[derive(Deserialize)]
pub(crate) struct Envelope<T> {
    pub(crate) payload: Option<T>,
}

/// `getOrders`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Orders {
    pub(crate) orders: Vec<Order>,
    pub(crate) next_token: Option<String>,
    pub(crate) last_updated_before: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Order {
    pub(crate) amazon_order_id: String,
    pub(crate) order_status: String,
    pub(crate) last_update_date: Option<String>,
    pub(crate) fulfillment_channel: Option<String>,
    pub(crate) easy_ship_shipment_status: Option<String>,
    pub(crate) number_of_items_shipped: Option<u32>,
    pub(crate) number_of_items_unshipped: Option<u32>,
}

/// `getOrderItems`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct OrderItems {
    pub(crate) order_items: Vec<OrderItem>,
    pub(crate) next_token: Option<String>,
}

/// A buyer's wish to cancel stands here too (`BuyerRequestedCancel`); it is not a cancellation and not read.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct OrderItem {
    pub(crate) order_item_id: String,
    #[serde(rename = "SellerSKU")]
    pub(crate) seller_sku: Option<String>,
    pub(crate) quantity_ordered: u32,
    pub(crate) quantity_shipped: Option<u32>,
}
