//! Wooplr's orders as observations: ids, times, who ships, the way back.

use plugin_api::{Millis, Observation, ReturnFact, ReturnKind, ShippedBy, Status};

use crate::{
    config::Settings,
    status::{self, Asked, Said},
    wire::Order,
};

/// Reads an order. `held` is the host's order id of one that was asked for by id; else it is the transaction's, or the
/// sub-order's own where there is none.
pub(crate) fn order(settings: &Settings, order: &Order, held: Option<&str>) -> Vec<Observation> {
    let asked = if held.is_some() { Asked::ById } else { Asked::List };
    let id = held.or(order.transaction.as_deref()).unwrap_or(&order.sub_order);
    let said = status::said(&settings.statuses, order, asked);
    if said.is_empty() {
        tracing::warn!("an order without any status was skipped");
    }
    said.into_iter().map(|said| observation(order, id, &said)).collect()
}

fn observation(order: &Order, id: &str, said: &Said<'_>) -> Observation {
    Observation {
        sku: order.sku.clone(),
        at: at(order, said),
        shipped_by: shipped_by(order.fulfilment.as_deref()),
        awb: order.waybill.clone().or_else(|| order.tracking.clone()),
        courier: order.courier.clone(),
        ret: ret(order, said),
        ..Observation::new(id, said.status, said.raw).item(&order.sub_order)
    }
}

/// The time of what is said, if there is one for it; else when the order last changed by Wooplr's own field.
fn at(order: &Order, said: &Said<'_>) -> Option<Millis> {
    let fields: &[&str] = match said.status {
        Some(Status::Dispatched) => &["pickupDate"],
        Some(Status::Delivered) => &["deliveryDate"],
        Some(Status::Cancelled) => &["cancellationDate", "rejectedDate"],
        Some(Status::Returned) => &["receivedDate"],
        Some(Status::Created) => &["confirmedDate", "purchaseDate"],
        _ => &[],
    };
    fields.iter().chain(&["orderUpdateDate"]).find_map(|field| order.dates.get(field).copied())
}

/// What is known of a return. The tracking number of the way back is a buyer's return's only.
fn ret(order: &Order, said: &Said<'_>) -> Option<ReturnFact> {
    let tells =
        matches!(said.status, Some(Status::Returned | Status::ReturnRequested | Status::CourierReturn));
    tells.then(|| ReturnFact {
        kind: said.kind,
        awb: order.reverse_tracking.clone().filter(|_| said.kind != Some(ReturnKind::Rto)),
        ..ReturnFact::default()
    })
}

fn shipped_by(fulfilment: Option<&str>) -> Option<ShippedBy> {
    match fulfilment? {
        "self" => Some(ShippedBy::Seller),
        "wooplr" => Some(ShippedBy::Channel),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fulfilment_type_says_who_ships() {
        assert_eq!(shipped_by(Some("self")), Some(ShippedBy::Seller));
        assert_eq!(shipped_by(Some("wooplr")), Some(ShippedBy::Channel));
        assert_eq!((shipped_by(Some("drone")), shipped_by(None)), (None, None));
    }
}
