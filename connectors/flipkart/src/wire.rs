//! Flipkart's JSON under its own names. No logic beyond reading the forms in which a value was seen.
//!
//! Buyer, address and price blocks have no field here, so they are dropped while reading. No type that can hold a token
//! has a `Debug`.

use plugin_api::reading::{Quantity, list, one_or_many, rows, text};
use serde::Deserialize;

/// The answer of the token endpoint.
#[derive(Deserialize)]
pub(crate) struct TokenReply {
    #[serde(default)]
    pub(crate) access_token: String,
    /// Seconds left, not the life at issue: asking again gives the same token with a smaller number.
    pub(crate) expires_in: Option<u64>,
    #[serde(default)]
    pub(crate) refresh_token: Option<String>,
}

/// A body that tells of an error, in any of the forms seen.
#[derive(Deserialize)]
pub(crate) struct ErrorReply {
    /// `{"error":"invalid_token"}`, or a whole reply as text inside it.
    #[serde(default, deserialize_with = "text")]
    pub(crate) error: Option<String>,
    #[serde(default, deserialize_with = "list")]
    pub(crate) errors: Vec<ApiError>,
}

/// One member of `errors`. Its description is never read: it may quote ids and tokens.
#[derive(Debug, Deserialize)]
pub(crate) struct ApiError {
    #[serde(default, deserialize_with = "text")]
    pub(crate) code: Option<String>,
}

/// The answer to a shipment list, to a question by id, and to one for courier data.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ShipmentPage {
    /// Only lists have it.
    #[serde(default)]
    pub(crate) has_more: Option<bool>,
    #[serde(default)]
    pub(crate) next_page_url: Option<String>,
    /// `None` if the member is not there at all; `null` counts as empty.
    #[serde(default, deserialize_with = "rows")]
    pub(crate) shipments: Option<Vec<Shipment>>,
    #[serde(default, deserialize_with = "list")]
    pub(crate) errors: Vec<ApiError>,
}

/// A shipment: with statuses from lists and questions by id, with courier data from the details call.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(clippy::struct_field_names, reason = "Flipkart's own names")]
pub(crate) struct Shipment {
    #[serde(deserialize_with = "text")]
    pub(crate) shipment_id: Option<String>,
    /// Only in the details.
    #[serde(deserialize_with = "text")]
    pub(crate) order_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) shipment_type: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) updated_at: Option<String>,
    #[serde(deserialize_with = "list")]
    pub(crate) order_items: Vec<OrderItem>,
    /// Only in the details.
    #[serde(deserialize_with = "list")]
    pub(crate) sub_shipments: Vec<SubShipment>,
    /// Only in the details, in older models.
    pub(crate) courier_details: Option<CourierDetails>,
}

/// Units of one order line. The status lives here, not on the shipment.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(clippy::struct_field_names, reason = "Flipkart's own names")]
pub(crate) struct OrderItem {
    /// Eighteen digits: more than a float can hold, so never read as one.
    #[serde(deserialize_with = "text")]
    pub(crate) order_item_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) order_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) status: Option<String>,
    pub(crate) courier_return: Option<bool>,
    pub(crate) quantity: Quantity,
    #[serde(deserialize_with = "text")]
    pub(crate) sku: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) service_profile: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) cancellation_date: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) cancellation_reason: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) cancellation_sub_reason: Option<String>,
}

/// One parcel of a shipment.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct SubShipment {
    pub(crate) courier_details: Option<CourierDetails>,
}

/// The legs of a parcel's way. The pickup leg may be another courier's and is not read.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct CourierDetails {
    pub(crate) delivery_details: Option<Leg>,
}

/// One leg.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Leg {
    #[serde(deserialize_with = "text")]
    pub(crate) tracking_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) vendor_name: Option<String>,
}

/// The answer to a question for invoices.
#[derive(Debug, Deserialize)]
pub(crate) struct InvoiceReply {
    /// An array in the guide, a single object in a published mock.
    #[serde(default, deserialize_with = "one_or_many")]
    pub(crate) invoices: Vec<Invoice>,
}

/// The invoice of a shipment.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Invoice {
    #[serde(deserialize_with = "text")]
    pub(crate) shipment_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) invoice_number: Option<String>,
}

/// A page of returns. Its link is named differently from that of shipments.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReturnPage {
    #[serde(default)]
    pub(crate) has_more: Option<bool>,
    #[serde(default)]
    pub(crate) next_url: Option<String>,
    #[serde(default, deserialize_with = "rows")]
    pub(crate) return_items: Option<Vec<ReturnItem>>,
    #[serde(default, deserialize_with = "list")]
    pub(crate) errors: Vec<ApiError>,
}

/// Units of one order line on their way back. It does not repeat the source that was asked for. The buyer's comment is
/// not read.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ReturnItem {
    #[serde(deserialize_with = "text")]
    pub(crate) return_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) order_item_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) order_id: Option<String>,
    pub(crate) quantity: Quantity,
    #[serde(deserialize_with = "text")]
    pub(crate) created_date: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) updated_date: Option<String>,
    /// The courier and the waybill of the way back.
    #[serde(deserialize_with = "text")]
    pub(crate) courier_name: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) tracking_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) shipment_status: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) status: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) action: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) reason: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) sub_reason: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) service_profile: Option<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_absent_list_is_not_an_empty_one() {
        let page =
            |value| serde_json::from_value::<ShipmentPage>(value).unwrap().shipments.map(|rows| rows.len());
        assert_eq!(page(json!({"hasMore": false})), None);
        assert_eq!(page(json!({"shipments": null})), Some(0));
        assert_eq!(page(json!({"shipments": []})), Some(0));
    }

    #[test]
    fn what_is_personal_is_gone_after_reading() {
        let body = include_str!("../fixtures/shipment_details.json");
        assert!(body.contains("deliveryAddress") && body.contains("buyerDetails"));
        let page: ShipmentPage = serde_json::from_str(body).unwrap();
        let read = format!("{page:?}");
        for personal in ["BUYER-NAME", "BUYER-PHONE", "BUYER-STREET"] {
            assert!(body.contains(personal) && !read.contains(personal), "{personal}");
        }
    }
}
