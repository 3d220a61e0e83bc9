//! Whether an order is one that Amazon's courier carries from the seller: Easy Ship. Decided for each order, because a
//! seller can have Easy Ship and own shipping side by side. Nothing but these fields is ever asked: service levels and
//! Prime say how fast, not by whom.

use crate::{wire, wire_v0};

const EASY_SHIP: &str = "AMAZON_EASY_SHIP";
/// Another of Amazon's programmes, seen in Brazil only.
const DELIVERY_BY_AMAZON: &str = "DELIVERY_BY_AMAZON";

/// Who ships an order, as far as one answer shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shipping {
    /// Amazon's courier, from the seller's warehouse: ours.
    EasyShip,
    /// Cancelled and without a sign of Easy Ship. Such an order may have lost the sign on being cancelled, so what was
    /// known of it before decides.
    CancelledUnknown,
    /// From Amazon's warehouse, or by a courier of the seller's choice: not ours.
    Other,
}

/// By Orders 2026-01-01.
pub(crate) fn orders_2026(order: &wire::Order) -> Shipping {
    let fulfilled_by = order.fulfillment.as_ref().and_then(|fulfillment| fulfillment.fulfilled_by.as_deref());
    let status = order.fulfillment.as_ref().and_then(|fulfillment| fulfillment.fulfillment_status.as_deref());
    let has = |program: &str| order.programs.iter().flatten().any(|known| known == program);
    match fulfilled_by {
        Some("MERCHANT") | None if has(EASY_SHIP) => Shipping::EasyShip,
        Some("MERCHANT") | None if status == Some("CANCELLED") && !has(DELIVERY_BY_AMAZON) => {
            Shipping::CancelledUnknown
        }
        _ => Shipping::Other,
    }
}

/// By Orders v0.
pub(crate) fn orders_v0(order: &wire_v0::Order) -> Shipping {
    let has_easy_ship =
        order.easy_ship_shipment_status.as_deref().is_some_and(|status| !status.trim().is_empty());
    match (order.fulfillment_channel.as_deref(), has_easy_ship) {
        (Some("MFN"), true) => Shipping::EasyShip,
        (Some("MFN") | None, false) if order.order_status == "Canceled" => Shipping::CancelledUnknown,
        _ => Shipping::Other,
    }
}
