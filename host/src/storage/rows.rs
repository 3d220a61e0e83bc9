//! The rows that a record becomes, and what stands in the columns beside its body: the same in every engine.

use std::collections::{BTreeSet, HashMap, HashSet};

use plugin_api::Millis;

use super::page::PageResult;
use crate::domain::{
    codes::{ChannelCode, OrderCode},
    duties::{Conflict, Parked, Putaway, PutawayStatus},
    effect::{Change, Effect},
    invoice::Invoice,
    order::{Order, PackageStatus},
    snapshot::{Channel, OrderFile},
};

/// Every table that holds rows of a tenant, in the order in which they are emptied.
pub(super) const TENANT_TABLES: &[&str] = &[
    "run_lines",
    "run_orders",
    "runs",
    "tasks",
    "tokens",
    "secrets",
    "history",
    "parked",
    "conflicts",
    "putaways",
    "invoices",
    "order_items",
    "order_words",
    "orders",
    "channels",
    "stock",
    "sequences",
    "facilities",
    "deliveries",
    "outbox",
    "webhooks",
    "api_keys",
    "roles",
    "saved_filters",
    "actions",
    "tenants",
];

/// What follows from other tables of the tenant: it is made where its rows are taken, and is in no copy.
pub(super) const DERIVED: &[&str] = &["order_words"];

/// What is kept of a tenant's callers: it stays in the database in which all callers are known.
pub(super) const OF_CALLERS: &[&str] = &["api_keys", "roles", "actions"];

/// The rows of an order file, as they are written.
pub(super) struct Rows<'a> {
    pub(super) orders: Vec<Derived<'a>>,
    pub(super) invoices: Vec<(&'a OrderCode, &'a Invoice)>,
    pub(super) putaways: Vec<(&'a OrderCode, &'a Putaway)>,
    pub(super) conflicts: Vec<&'a Conflict>,
}

impl<'a> Rows<'a> {
    pub(super) fn of(
        files: &'a [OrderFile],
        shortfall: &HashMap<&OrderCode, i64>,
        seen: &HashMap<&str, Option<i64>>,
        changed_at: Option<Millis>,
    ) -> Rows<'a> {
        let mut rows = Rows {
            orders: Vec::with_capacity(files.len()),
            invoices: Vec::with_capacity(files.len()),
            putaways: Vec::new(),
            conflicts: Vec::new(),
        };
        for file in files {
            let code = &file.order.code;
            rows.orders.push(Derived {
                order: &file.order,
                open_conflicts: file.conflicts.iter().filter(|conflict| conflict.open).count(),
                putaways_due: file.putaways.iter().filter(|putaway| is_due(putaway)).count(),
                shortfall: shortfall.get(code).copied().unwrap_or(0),
                changed_at,
                seen: seen.get(file.order.channel_order_id.as_str()).copied().flatten(),
            });
            rows.invoices.extend(file.invoices.iter().map(|invoice| (code, invoice)));
            rows.putaways.extend(file.putaways.iter().map(|putaway| (code, putaway)));
            rows.conflicts.extend(&file.conflicts);
        }
        rows
    }
}

/// An order with what is derived from its belongings.
pub(super) struct Derived<'a> {
    pub(super) order: &'a Order,
    pub(super) open_conflicts: usize,
    pub(super) putaways_due: usize,
    /// Added to what is stored.
    pub(super) shortfall: i64,
    pub(super) changed_at: Option<Millis>,
    pub(super) seen: Option<i64>,
}

pub(super) fn is_due(putaway: &Putaway) -> bool {
    putaway.status == PutawayStatus::Due
}

/// Units that left although the books had none, by order.
pub(super) fn shortfalls(changes: &[Change]) -> HashMap<&OrderCode, i64> {
    let mut by_order = HashMap::new();
    for change in changes {
        for effect in &change.effects {
            if let Effect::Stock { shortfall, .. } = effect
                && *shortfall != 0
            {
                *by_order.entry(&change.order).or_default() += shortfall;
            }
        }
    }
    by_order
}

impl Derived<'_> {
    /// Whether an item has not left and still may.
    pub(super) fn is_open(&self) -> bool {
        self.order.items.iter().any(|item| item.status.is_open())
    }

    /// Whether goods are on their way in either direction, or expected back.
    pub(super) fn is_moving(&self) -> bool {
        let on_its_way = |status| {
            matches!(
                status,
                PackageStatus::Dispatched | PackageStatus::Shipped | PackageStatus::ReturnExpected
            )
        };
        self.order.packages.iter().any(|package| on_its_way(package.status))
            || self.order.returns.iter().any(|ret| ret.status.is_open())
    }

    /// When the last of its packages that are with the buyer got there, as near as it is known.
    pub(super) fn delivered_at(&self) -> Option<Millis> {
        let packages = self.order.packages.iter();
        let delivered = packages.filter(|package| package.status == PackageStatus::Delivered);
        let times = delivered.filter_map(|package| {
            let told = package.last_delivered_at.or(package.delivered_at).or(package.dispatched_at);
            told.or(self.changed_at)
        });
        times.max()
    }
}

/// Which order has an item, by the marketplace's ids: channel, item, order.
pub(super) fn homes_of_items(files: &[OrderFile]) -> Vec<(&ChannelCode, &str, &str)> {
    files
        .iter()
        .flat_map(|file| {
            let order = &file.order;
            let ids = order.items.iter().filter_map(|item| item.channel_item_id.as_deref());
            // Units of one line share its id.
            let ids: BTreeSet<&str> = ids.filter(|id| !id.is_empty()).collect();
            ids.into_iter().map(|id| (&order.channel, id, order.channel_order_id.as_str()))
        })
        .collect()
}

/// The fingerprints that a page remembers, by the marketplace's order id, as they are stored.
pub(super) fn fingerprints(result: &PageResult) -> HashMap<&str, Option<i64>> {
    result.seen.iter().map(|(id, seen)| (id.as_str(), seen.map(u64::cast_signed))).collect()
}

/// Those of them whose orders the page does not write otherwise.
pub(super) fn only_seen<'a>(
    result: &PageResult,
    seen: HashMap<&'a str, Option<i64>>,
) -> Vec<(&'a str, Option<i64>)> {
    let written: HashSet<&str> =
        result.files.iter().map(|file| file.order.channel_order_id.as_str()).collect();
    seen.into_iter().filter(|(id, _)| !written.contains(id)).collect()
}

/// Facts that begin to wait, each with the channel that it is of.
pub(super) fn of_channel(facts: &[(ChannelCode, Parked)]) -> Vec<Parked> {
    let fact =
        |(channel, fact): &(ChannelCode, Parked)| Parked { channel: Some(channel.clone()), ..fact.clone() };
    facts.iter().map(fact).collect()
}

/// Whether the channel decides as it did before: being off decides nothing otherwise.
pub(super) fn decides_alike(old: Option<Channel>, new: &Channel) -> bool {
    old.is_none_or(|old| Channel { enabled: new.enabled, ..old } == *new)
}
