//! Paytm's orders as observations: where ids, codes and times are read.
//!
//! Reports what an item says and nothing that it does not. Who ships is not told: no client knows what the fulfilment
//! fields of an item say about it. The status is the whole item's, so no quantity is told either.

use plugin_api::{Observation, ReturnFact, ReturnKind, Status, reading::Row, settings::StatusChanges, time};

use crate::{
    status,
    wire::{Item, Order},
};

/// What an order says: its readable items, and how many could not be read.
pub(crate) fn order(row: &Row<Order>, changes: &StatusChanges) -> (Vec<Observation>, usize) {
    let Row::Read(Order { id: Some(id), items }) = row else { return (Vec::new(), 1) };
    let mut unreadable = 0;
    let seen = items.iter().filter_map(|row| match row {
        Row::Read(item) if item.order_id.as_ref().is_some_and(|parent| parent != id) => {
            tracing::warn!("an item that names another order than the one it came with was skipped");
            None
        }
        Row::Read(item) => {
            let seen = observation(id, item, changes);
            unreadable += usize::from(seen.is_none());
            seen
        }
        Row::Unreadable => {
            unreadable += 1;
            None
        }
    });
    (seen.collect(), unreadable)
}

fn observation(order: &str, item: &Item, changes: &StatusChanges) -> Option<Observation> {
    let (id, raw) = (item.id.as_ref()?, item.status.as_ref()?);
    let status = status::of_item(raw, item.fulfillment_id.is_some(), changes);
    Some(Observation {
        sku: item.sku.clone(),
        at: item.updated_at.as_ref().and_then(|text| time::iso(text, 0)),
        package: item.fulfillment_id.clone(),
        ret: return_of(status),
        ..Observation::new(order, status, raw).item(id)
    })
}

/// What a status says of a return: a request is a buyer's, goods that came back do not say why.
fn return_of(status: Option<Status>) -> Option<ReturnFact> {
    let kind = match status? {
        Status::ReturnRequested => Some(ReturnKind::Cir),
        Status::Returned => None,
        _ => return None,
    };
    Some(ReturnFact { kind, ..ReturnFact::default() })
}
