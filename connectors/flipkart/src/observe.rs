//! Flipkart's rows as observations: where ids, quantities, times and who ships are read.
//!
//! Reports what a row says and nothing that it does not: a row that lacks order, item or status is skipped and counted
//! in the log, and no row ever means something because another is absent.

use plugin_api::{Observation, ReturnFact, ReturnKind, ShippedBy, reading::Quantity, time};

use crate::{
    requests::Source,
    status::{self, COURIER, NONE, Stage},
    wire::{OrderItem, ReturnItem, Shipment},
};

/// What was seen of a shipment, before its courier data is known.
#[derive(Debug)]
pub(crate) struct Sighting {
    pub(crate) shipment: Option<String>,
    pub(crate) order: String,
    pub(crate) shipped_by: Option<ShippedBy>,
    /// How far its most advanced units are.
    pub(crate) stage: Stage,
    /// One per row, two where a row also says something about the courier.
    pub(crate) observations: Vec<Observation>,
}

/// Reads a shipment; `None` if there is nothing to report of it.
pub(crate) fn shipment(seen: &Shipment, include_fbf: bool) -> Option<Sighting> {
    let shipped_by = shipped_by(seen.shipment_type.as_deref());
    let mut observations = Vec::new();
    for row in &seen.order_items {
        if include_fbf || !is_fbf(row.service_profile.as_deref()) {
            push_row(&mut observations, seen, row, shipped_by);
        }
    }
    let order = observations.first()?.order.clone();
    let stage = observations.iter().map(|seen| status::stage(seen.status)).max().unwrap_or_default();
    Some(Sighting { shipment: seen.shipment_id.clone(), order, shipped_by, stage, observations })
}

fn push_row(
    into: &mut Vec<Observation>,
    shipment: &Shipment,
    row: &OrderItem,
    shipped_by: Option<ShippedBy>,
) {
    // The details call lists items without a status; its rows are not ours to report.
    let Some(raw) = &row.status else { return };
    let (Some(order), Some(item), Some(quantity)) =
        (row.order_id.as_ref().or(shipment.order_id.as_ref()), &row.order_item_id, units(row.quantity))
    else {
        tracing::warn!(status = raw, "a row without order id, item id or a readable quantity was skipped");
        return;
    };
    if quantity == Some(0) {
        return;
    }
    let courier_return = row.courier_return == Some(true);
    let status = status::of_item(raw, courier_return);
    let is_cancelled = raw == "CANCELLED";
    let own_time = row.cancellation_date.as_ref().filter(|_| is_cancelled);
    let seen = Observation {
        sku: row.sku.as_deref().map(unescaped),
        quantity,
        at: own_time.or(shipment.updated_at.as_ref()).and_then(|text| time::iso(text, time::IST_SECS)),
        shipped_by,
        package: shipment.shipment_id.clone(),
        ret: return_of(row, status),
        ..Observation::new(order, status, raw).item(item)
    };
    let courier = COURIER.meaning(raw);
    let also = match courier {
        plugin_api::Meaning::Is(status) if shipped_by == Some(ShippedBy::Channel) => {
            Some(Observation { status: Some(status), ..seen.clone() })
        }
        _ => None,
    };
    into.push(seen);
    into.extend(also);
}

/// What an item row says of a return. Only a turned-back cancellation tells its kind.
fn return_of(row: &OrderItem, status: Option<plugin_api::Status>) -> Option<ReturnFact> {
    use plugin_api::Status::{CourierReturn, ReturnRequested, Returned};
    match status? {
        CourierReturn => Some(ReturnFact {
            kind: Some(ReturnKind::Rto),
            reason: row.cancellation_reason.clone().or_else(|| row.cancellation_sub_reason.clone()),
            ..ReturnFact::default()
        }),
        ReturnRequested | Returned => Some(ReturnFact::default()),
        _ => None,
    }
}

/// Reads a row of the returns; `None` if there is nothing to report of it.
pub(crate) fn return_item(row: &ReturnItem, source: Source, include_fbf: bool) -> Option<Observation> {
    if !include_fbf && is_fbf(row.service_profile.as_deref()) {
        return None;
    }
    let (Some(order), Some(item), Some(quantity)) = (&row.order_id, &row.order_item_id, units(row.quantity))
    else {
        tracing::warn!("a return without order id, item id or a readable quantity was skipped");
        return None;
    };
    if quantity == Some(0) {
        return None;
    }
    let (status, parcel) = (row.status.as_deref(), row.shipment_status.as_deref());
    let raw = format!("{}/{}", status.unwrap_or(NONE), parcel.unwrap_or(NONE));
    let kind = match source {
        Source::Courier => ReturnKind::Rto,
        Source::Customer => ReturnKind::Cir,
    };
    Some(Observation {
        quantity,
        at: row
            .updated_date
            .as_ref()
            .or(row.created_date.as_ref())
            .and_then(|text| time::iso(text, time::IST_SECS)),
        ret: Some(ReturnFact {
            id: row.return_id.clone(),
            kind: Some(kind),
            reason: row.reason.clone().or_else(|| row.sub_reason.clone()),
            awb: row.tracking_id.clone(),
            courier: row.courier_name.clone(),
        }),
        ..Observation::new(order, status::of_return(source, status, parcel, row.action.as_deref()), raw)
            .item(item)
    })
}

/// The units of a row; `None` if they cannot be read, `Some(None)` if the row does not say.
#[expect(clippy::option_option, reason = "unreadable and unsaid are different things")]
fn units(quantity: Quantity) -> Option<Option<u32>> {
    match quantity {
        Quantity::Units(units) => Some(Some(units)),
        Quantity::Absent => Some(None),
        Quantity::Unreadable => None,
    }
}

/// Old payloads have no type; Flipkart shipped then. A type nobody has described is left to the order's own record.
fn shipped_by(shipment_type: Option<&str>) -> Option<ShippedBy> {
    match shipment_type {
        None | Some("NORMAL" | "EXPRESS") => Some(ShippedBy::Channel),
        Some("SELF") => Some(ShippedBy::Seller),
        Some(_) => None,
    }
}

/// Goods in Flipkart's own warehouse. `Smart_Fulfilment` and `FBF_LITE` leave from the seller's and are not among them.
fn is_fbf(profile: Option<&str>) -> bool {
    matches!(profile, Some("FBF" | "Flipkart_Fulfilment"))
}

/// A SKU as the seller wrote it: Flipkart escapes it like HTML.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let entity = rest.find(';').and_then(|end| Some((character(&rest[1..end])?, end + 1)));
        let (c, length) = entity.unwrap_or(('&', 1));
        out.push(c);
        rest = &rest[length..];
    }
    out.push_str(rest);
    out
}

fn character(entity: &str) -> Option<char> {
    match entity {
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "nbsp" => Some('\u{a0}'),
        _ => {
            let number = entity.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?).filter(|c| !c.is_control())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skus_are_as_the_seller_wrote_them() {
        for (escaped, plain) in [
            ("MUG-RED", "MUG-RED"),
            ("TV 32&quot; &amp; stand", "TV 32\" & stand"),
            ("a&lt;b&gt;c&apos;d&#39;e&#x27;f", "a<b>c'd'e'f"),
            ("A&B", "A&B"),
            ("A&B;C", "A&B;C"),
            ("&amp;quot;", "&quot;"),
            ("&#0;&#xD800;&#99999999999;", "&#0;&#xD800;&#99999999999;"),
            ("&", "&"),
            ("₹&amp;₹", "₹&₹"),
        ] {
            assert_eq!(unescaped(escaped), plain);
        }
    }

    #[test]
    fn who_ships_is_decided_per_shipment() {
        assert_eq!(shipped_by(Some("NORMAL")), Some(ShippedBy::Channel));
        assert_eq!(shipped_by(Some("EXPRESS")), Some(ShippedBy::Channel));
        assert_eq!(shipped_by(None), Some(ShippedBy::Channel));
        assert_eq!(shipped_by(Some("SELF")), Some(ShippedBy::Seller));
        assert_eq!(shipped_by(Some("DRONE")), None);
    }

    #[test]
    fn only_flipkart_s_own_warehouse_is_not_ours() {
        for (profile, fbf) in [
            (None, false),
            (Some("Seller_Fulfilment"), false),
            (Some("NON_FBF"), false),
            (Some("Smart_Fulfilment"), false),
            (Some("FBF_LITE"), false),
            (Some("FBF"), true),
            (Some("Flipkart_Fulfilment"), true),
        ] {
            assert_eq!(is_fbf(profile), fbf, "{profile:?}");
        }
    }
}
