//! What a host that has read everything must hold now.
//!
//! It starts from the open orders of [`World::snapshot`](super::World::snapshot) and looks at every item, parcel and
//! return. Only what is determined is told: a parcel that is `DISPATCHED` here may be held as SHIPPED by a host that also
//! follows the courier, and returns that were withdrawn or re-attempted are left out, since a host may never have seen
//! them.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Fulfilment, Order, ReturnKind, ReturnStage, Stage, World};

/// What a marketplace's API lets anybody see at all.
#[derive(Clone, Copy, Debug)]
pub struct Sight {
    /// Whether it tells that an undelivered parcel is back at the seller.
    pub rto_end: bool,
    /// Whether it names buyers' returns.
    pub return_ids: bool,
}

/// Units of an item by state: OPEN, DISPATCHED, DELIVERED, CANCELLED, RETURNED.
pub type UnitCounts = BTreeMap<&'static str, u32>;

/// The truth of one order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OrderTruth {
    /// The marketplace's order id.
    pub order: String,
    /// Who ships: CHANNEL or SELLER.
    pub shipping: &'static str,
    /// Whether the order must stay as it was imported, whatever the marketplace says.
    pub untouched: bool,
    /// Units by state, for every item id.
    pub items: BTreeMap<String, UnitCounts>,
    /// Its parcels.
    pub packages: Vec<ParcelTruth>,
    /// The returns that must be known.
    pub returns: Vec<ReturnTruth>,
}

/// The truth of one parcel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ParcelTruth {
    /// The marketplace's package id.
    pub package: String,
    /// OPEN, DISPATCHED (or SHIPPED), DELIVERED, `RETURN_EXPECTED`, RETURNED, CANCELLED (or there is none).
    pub state: &'static str,
    /// The item ids in it.
    pub items: Vec<String>,
    /// The courier's number, once there is one.
    pub awb: Option<String>,
}

/// The truth of one return.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReturnTruth {
    /// RTO (its `id` is the package's) or CIR (its `id` is the marketplace's return id, empty if it gives none).
    pub kind: &'static str,
    /// See `kind`.
    pub id: String,
    /// RTO: `NOT_RECEIVED`. CIR: CREATED or COMPLETE.
    pub state: &'static str,
    /// CIR: the item id.
    pub item: Option<String>,
    /// CIR: units.
    pub quantity: Option<u32>,
}

/// The truth of a world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Truth {
    /// The virtual hour.
    pub hour: u32,
    /// Steps still to come.
    pub steps_left: usize,
    /// Units by state, all orders together.
    pub items: UnitCounts,
    /// Parcels by state, all orders together.
    pub packages: UnitCounts,
    /// Every order, in the order of their numbers; empty if only counts were asked for.
    pub orders: Vec<OrderTruth>,
}

impl World {
    /// The truth of every order, or only the counts.
    pub fn truth(&self, sight: Sight, counts_only: bool) -> Truth {
        let mut truth = Truth {
            hour: self.hour,
            steps_left: self.steps_left(),
            items: UnitCounts::new(),
            packages: UnitCounts::new(),
            orders: Vec::new(),
        };
        for order in self.orders() {
            let one = self.truth_of(order, sight);
            for (state, units) in one.items.values().flatten() {
                *truth.items.entry(state).or_default() += units;
            }
            for package in &one.packages {
                *truth.packages.entry(package.state).or_default() += 1;
            }
            if !counts_only {
                truth.orders.push(one);
            }
        }
        truth
    }

    /// The truth of one order.
    pub fn truth_of(&self, order: &Order, sight: Sight) -> OrderTruth {
        let by_channel = order.fulfilment == Fulfilment::Channel;
        let untouched = !by_channel && !self.profile.follows_seller_shipped;
        let mut items = BTreeMap::new();
        for (k, line) in order.lines.iter().enumerate() {
            let stage = order.parcels[usize::from(line.parcel)].stage;
            let mut units = UnitCounts::new();
            let mut add = |state, count| {
                if count > 0 {
                    *units.entry(state).or_default() += count;
                }
            };
            if untouched {
                add("OPEN", line.ordered);
            } else {
                let back = if by_channel { order.returned(k).1.min(line.living()) } else { 0 };
                add("CANCELLED", line.cancelled);
                add("RETURNED", back);
                add(item_state(stage, by_channel, sight), line.living() - back);
            }
            items.insert(line.id.clone(), units);
        }
        let packages = order.parcels.iter().enumerate().map(|(k, parcel)| {
            let lines: Vec<_> = order.lines_of(k).collect();
            let all = |state| {
                lines
                    .iter()
                    .all(|(_, line)| items[&line.id].keys().all(|&held| held == state || held == "CANCELLED"))
            };
            let state = match item_state(parcel.stage, by_channel, sight) {
                _ if untouched => "OPEN",
                _ if order.is_cancelled(k) => "CANCELLED",
                "DISPATCHED"
                    if matches!(
                        parcel.stage,
                        Stage::RtoInitiated | Stage::RtoInTransit | Stage::RtoDelivered
                    ) =>
                {
                    "RETURN_EXPECTED"
                }
                "DELIVERED" if all("RETURNED") => "RETURNED",
                state => state,
            };
            ParcelTruth {
                package: parcel.id.clone(),
                state,
                items: lines.iter().map(|(_, line)| line.id.clone()).collect(),
                awb: parcel.awb.clone(),
            }
        });
        let packages: Vec<ParcelTruth> = packages.collect();
        let returns = if untouched { Vec::new() } else { returns(order, &packages, sight) };
        let shipping = if by_channel { "CHANNEL" } else { "SELLER" };
        OrderTruth { order: order.id.clone(), shipping, untouched, items, packages, returns }
    }
}

/// The state of units that are neither cancelled nor sent back by the buyer.
fn item_state(stage: Stage, by_channel: bool, sight: Sight) -> &'static str {
    match stage {
        Stage::Approved | Stage::Packed | Stage::LabelWithdrawn | Stage::Ready => "OPEN",
        Stage::Delivered if by_channel => "DELIVERED",
        Stage::RtoDelivered if sight.rto_end => "RETURNED",
        Stage::PickedUp
        | Stage::InTransit
        | Stage::OutForDelivery
        | Stage::Delivered
        | Stage::Lost
        | Stage::RtoInitiated
        | Stage::RtoInTransit
        | Stage::RtoDelivered => "DISPATCHED",
    }
}

fn returns(order: &Order, packages: &[ParcelTruth], sight: Sight) -> Vec<ReturnTruth> {
    let rto = order.parcels.iter().zip(packages).filter(|(parcel, _)| parcel.stage >= Stage::RtoInitiated);
    let rto = rto.map(|(_, package)| ReturnTruth {
        kind: "RTO",
        id: package.package.clone(),
        state: "NOT_RECEIVED",
        item: None,
        quantity: None,
    });
    let cir =
        order.returns.iter().filter(|row| row.kind == ReturnKind::Cir && row.stage != ReturnStage::Cancelled);
    let cir = cir.map(|row| ReturnTruth {
        kind: "CIR",
        id: if sight.return_ids { row.id.clone() } else { String::new() },
        state: if row.stage == ReturnStage::Completed { "COMPLETE" } else { "CREATED" },
        item: Some(order.lines[usize::from(row.line)].id.clone()),
        quantity: Some(row.quantity),
    });
    rto.chain(cir).collect()
}
