//! Order lines as observations: where ids, times, couriers and who ships are read.
//!
//! Reports what a line says and nothing that it does not; no line ever means something because another is absent.

use plugin_api::{
    Meaning, Millis, Observation, ReturnFact, ShippedBy,
    Status::{
        self, CourierReturn, Delivered, Dispatched, ReturnCancelled, ReturnRequested, Returned, RtoDelivered,
    },
    reading::Row,
    time,
};

use crate::{
    config::Settings,
    status::{self, Said},
    wire::{Line, Order},
};

/// What was read from some orders.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) observations: Vec<Observation>,
    /// Rows that lack an id or a code, or have one of another type than known.
    pub(crate) unreadable: usize,
}

/// Reads orders. A line that cannot be read does not keep the others from being reported.
pub(crate) fn orders(rows: &[Row<Order>], settings: &Settings) -> Seen {
    let mut seen = Seen::default();
    for row in rows {
        match row {
            Row::Read(Order { order_no: Some(order_no), lines }) => {
                for row in lines {
                    let line = match row {
                        Row::Read(line) => Line::read(line, &settings.names),
                        Row::Unreadable => None,
                    };
                    match line.and_then(|line| observations(order_no, &line, settings)) {
                        Some(observations) => seen.observations.extend(observations),
                        None => seen.unreadable += 1,
                    }
                }
            }
            Row::Read(_) | Row::Unreadable => seen.unreadable += 1,
        }
    }
    seen
}

/// What a line says; `None` if it lacks its id or its code.
fn observations(order_no: &str, line: &Line, settings: &Settings) -> Option<Vec<Observation>> {
    if line.seller_id.as_ref().is_some_and(|seller| *seller != settings.seller_id) {
        tracing::warn!("a line of another seller was left out; check the setting `seller_id`");
        return Some(Vec::new());
    }
    let (item, raw) = (line.transaction_id.as_ref()?, line.oms_status_code.as_ref()?);
    let said = status::of(raw, line.delivery_mode.as_deref(), &settings.changes);
    let about = |status: Option<Status>| Observation {
        sku: line.article_number.clone(),
        at: at(status, line, settings.offset_secs),
        shipped_by: shipped_by(line.fulfillment_type.as_deref()),
        awb: line.awb.clone(),
        courier: line.courier.clone().or_else(|| line.p1_logistics_id.clone()),
        ret: ret(status, said, line),
        ..Observation::new(order_no, status, raw).item(item)
    };
    Some(match (said.line, said.courier) {
        (Meaning::NoChange | Meaning::Unmapped, Some(courier)) => vec![about(Some(courier))],
        (line, courier) => {
            let courier = courier.map(|courier| about(Some(courier)));
            [about(line.status())].into_iter().chain(courier).collect()
        }
    })
}

/// Only the two times that a line has: when it was shipped, and when delivered.
fn at(status: Option<Status>, line: &Line, offset_secs: i32) -> Option<Millis> {
    let text = match status? {
        Dispatched => line.shipped_at.as_ref(),
        Delivered => line.delivered_at.as_ref(),
        _ => None,
    };
    time::iso(text?, offset_secs)
}

fn ret(status: Option<Status>, said: Said, line: &Line) -> Option<ReturnFact> {
    match status? {
        CourierReturn | RtoDelivered | ReturnRequested | Returned | ReturnCancelled => Some(ReturnFact {
            kind: said.kind,
            awb: line.return_awb.clone(),
            courier: line.return_courier.clone().or_else(|| line.return_logistics_id.clone()),
            ..ReturnFact::default()
        }),
        _ => None,
    }
}

/// TSHIP is Tata CLiQ's logistics, SSHIP the seller's. Any other word is left to the order's own record.
fn shipped_by(fulfillment_type: Option<&str>) -> Option<ShippedBy> {
    match fulfillment_type {
        Some("TSHIP") => Some(ShippedBy::Channel),
        Some("SSHIP") => Some(ShippedBy::Seller),
        _ => None,
    }
}
