//! What people list: filters, and rows short enough for a screen.

use plugin_api::{Millis, ShippedBy};
use serde::Serialize;

use crate::domain::{
    codes::{ChannelCode, OrderCode, TenantCode},
    duties::{Conflict, Parked, Putaway},
    order::{ItemStatus, OrderStatus},
};

/// Which orders to list. Everything that is set must hold.
#[derive(Clone, Debug, Default)]
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
}

/// Which orders to ask about, by who ships them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shipping {
    /// Only those that are shipped so; `None` for all.
    pub only: Option<ShippedBy>,
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
