//! ShopClues' orders as observations: which orders count, and what their code says of goods and parcel.
//!
//! The status is the order's, for every line of it, so a fact here is about the whole order. Who ships, and when something
//! changed, is not told: the API says neither.

use plugin_api::{Observation, ReturnFact, Status, settings::StatusChanges};

use crate::{status, tracking::Tracking, wire::Order};

/// What an order says: nothing for one that only holds others. `None` if it lacks its id or its status.
pub(crate) fn order(
    order: &Order,
    tracking: Option<&Tracking>,
    changes: &StatusChanges,
) -> Option<Vec<Observation>> {
    let (id, raw) = (order.order_id.as_ref()?, order.status.as_ref()?);
    if order.is_parent_order == Some(true) {
        return Some(Vec::new());
    }
    let status = status::of_order(raw, changes);
    let goods = observation(id, raw, status, tracking);
    let parcel = status::of_parcel(raw, changes).map(|status| observation(id, raw, Some(status), tracking));
    Some(std::iter::once(goods).chain(parcel).collect())
}

fn observation(order: &str, raw: &str, status: Option<Status>, tracking: Option<&Tracking>) -> Observation {
    // What is cancelled is so in every parcel.
    let tracking = tracking.filter(|_| status != Some(Status::Cancelled));
    let ret = status::return_kind(status, raw).map(|kind| ReturnFact { kind, ..ReturnFact::default() });
    Observation {
        awb: tracking.map(|tracking| tracking.awb.clone()),
        courier: tracking.and_then(|tracking| tracking.courier.clone()),
        ret,
        ..Observation::new(order, status, raw)
    }
}
