//! What people list: filters, and rows short enough for a screen.

use std::collections::BTreeMap;

use plugin_api::{Millis, OrderRef, ShippedBy};
use serde::Serialize;

use super::{Result, StoreError};
use crate::domain::{
    codes::{ChannelCode, FacilityCode, OrderCode, TenantCode},
    duties::{Conflict, Parked, Putaway},
    order::{ItemStatus, Order, OrderStatus},
    zone::Zone,
};

/// Which orders to list. Everything that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is one tick box of the orders page")]
pub struct OrderFilter {
    /// Of this channel.
    pub channel: Option<ChannelCode>,
    /// In this status.
    pub status: Option<OrderStatus>,
    /// With an open conflict.
    pub in_conflict: bool,
    /// With a fact that waits for an item.
    pub has_parked: bool,
    /// With a fact that was refused and waits for its cause to go away.
    pub has_refused: bool,
    /// With units that left although the books had none.
    pub has_shortfall: bool,
    /// Returned by the channel's word, not yet received by the warehouse.
    pub returned_not_received: bool,
    /// With a putaway to be done.
    pub has_putaway_due: bool,
    /// As far on its way.
    pub stage: Option<OrderStage>,
    /// Shipped so.
    pub shipping: Option<Shipping>,
    /// Whose code, marketplace's id, waybill or product begins with this text, or has it after a blank or one of `-_/.`; in
    /// either case of plain letters.
    pub text: Option<String>,
    /// With an item that goes out from this facility.
    pub facility: Option<FacilityCode>,
    /// The seller asked to wait with it.
    pub on_hold: bool,
    /// Not changed here since this instant, UTC; those that never changed since their import among them.
    pub unchanged_since: Option<Millis>,
}

impl OrderFilter {
    /// Since when orders were delivered, if that is asked.
    pub(super) fn delivered_since(&self) -> Option<Millis> {
        match self.stage {
            Some(OrderStage::DeliveredSince(since)) => Some(since),
            _ => None,
        }
    }
}

/// How far an order is on its way, as the tasks by id tell orders apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderStage {
    /// An item has not left and still may.
    Open,
    /// A package is on its way in either direction, or a return is open.
    Moving,
    /// Nothing of it is moving, and the buyer got some of it at this instant, UTC, or later.
    DeliveredSince(Millis),
}

/// Who ships, as a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shipping {
    /// Only those that are shipped so.
    pub only: ShippedBy,
    /// Who ships orders that do not say so themselves.
    pub usual: ShippedBy,
}

/// An order in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OrderRow {
    /// The seller's code.
    pub code: OrderCode,
    /// The channel.
    pub channel: ChannelCode,
    /// The marketplace's id.
    pub channel_order_id: String,
    /// Its status.
    pub status: OrderStatus,
    /// Units in it, with their states, in the order of the life cycle.
    pub items: Vec<(ItemStatus, u64)>,
    /// Open conflicts.
    pub open_conflicts: u64,
    /// Facts that wait for it, refused ones among them.
    pub waiting: u64,
    /// Units that left although the books had none.
    pub shortfall: i64,
    /// Returned by the channel's word, not yet received by the warehouse.
    pub returned_not_received: bool,
    /// Putaways to be done.
    pub putaways_due: u64,
    /// When it last changed here, UTC; absent since an import.
    pub changed_at: Option<Millis>,
}

impl OrderRow {
    /// The row of an order, without what is counted beside it.
    pub(super) fn of(order: Order) -> OrderRow {
        let mut items: BTreeMap<ItemStatus, u64> = BTreeMap::new();
        for item in &order.items {
            *items.entry(item.status).or_default() += 1;
        }
        OrderRow {
            code: order.code,
            channel: order.channel,
            channel_order_id: order.channel_order_id,
            status: order.status,
            items: items.into_iter().collect(),
            open_conflicts: 0,
            waiting: 0,
            shortfall: 0,
            returned_not_received: false,
            putaways_due: 0,
            changed_at: None,
        }
    }
}

/// An order as a marketplace knows it, to ask about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToAsk {
    /// The seller's code.
    pub code: OrderCode,
    /// The marketplace's ids.
    pub order: OrderRef,
    /// Whether an item of it has left.
    pub has_left: bool,
}

impl ToAsk {
    /// An order with the ids that the marketplace knows it by, each once.
    pub(super) fn of(order: Order) -> ToAsk {
        fn each_once(ids: impl Iterator<Item = Option<String>>) -> Vec<String> {
            let mut out: Vec<String> = Vec::new();
            for id in ids.flatten().filter(|id| !id.is_empty()) {
                if !out.contains(&id) {
                    out.push(id);
                }
            }
            out
        }
        let has_left = order.items.iter().any(|item| {
            matches!(item.status, ItemStatus::Dispatched | ItemStatus::Delivered | ItemStatus::Returned)
        });
        let reference = OrderRef {
            items: each_once(order.items.into_iter().map(|item| item.channel_item_id)),
            packages: each_once(order.packages.iter().map(|package| package.channel_package_id.clone())),
            awbs: each_once(order.packages.into_iter().map(|package| package.awb)),
            order: order.channel_order_id,
        };
        ToAsk { code: order.code, order: reference, has_left }
    }
}

/// Where an order belongs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NamedOrder {
    /// The seller's code.
    pub code: OrderCode,
    /// The channel.
    pub channel: ChannelCode,
    /// The marketplace's id.
    pub channel_order_id: String,
}

impl NamedOrder {
    /// Where an order belongs.
    pub(super) fn of(order: Order) -> NamedOrder {
        NamedOrder { code: order.code, channel: order.channel, channel_order_id: order.channel_order_id }
    }
}

/// A conflict with its channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConflictRow {
    /// The order's channel.
    pub channel: ChannelCode,
    /// The conflict.
    #[serde(flatten)]
    pub conflict: Conflict,
}

/// A putaway with its order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PutawayRow {
    /// The order.
    pub order: OrderCode,
    /// The putaway.
    #[serde(flatten)]
    pub putaway: Putaway,
}

/// Which waiting facts to list. Empty means all.
#[derive(Clone, Debug, Default)]
pub struct ParkedFilter {
    /// Of this channel.
    pub channel: Option<ChannelCode>,
    /// For this order, by the marketplace's id.
    pub channel_order_id: Option<String>,
}

/// A fact that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ParkedRow {
    /// The store's id, rising.
    pub id: i64,
    /// The fact.
    #[serde(flatten)]
    pub parked: Parked,
}

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TenantRow {
    /// Its code.
    pub code: TenantCode,
    /// Whether it has gone live.
    pub live: bool,
    /// In which time zone its people read times.
    pub zone: Zone,
}

/// How many units of a channel are in a state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ItemCount {
    /// The channel.
    pub channel: ChannelCode,
    /// The state.
    pub status: ItemStatus,
    /// Units.
    pub count: u64,
}

/// What the store says about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Health {
    /// The engine with its version.
    pub engine: String,
    /// How it keeps its journal.
    pub journal: String,
    /// The schema's number.
    pub schema: i64,
    /// What is wrong with the stored pages; empty if nothing is.
    pub faults: Vec<String>,
}

/// The one order that was found by a name, or none.
///
/// # Errors
/// [`StoreError::Contradiction`] if there are two: the name is an id that two channels gave.
pub(super) fn the_only(mut found: Vec<Order>, id: &str) -> Result<Option<Order>> {
    if let [one, two, ..] = found.as_slice() {
        return Err(StoreError::Contradiction(format!(
            "channels {} and {} both have an order {id}; name it by our code, {} or {}",
            one.channel, two.channel, one.code, two.code
        )));
    }
    Ok(found.pop())
}
