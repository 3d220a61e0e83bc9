//! A snapshot before it replaces a tenant's state: it is checked, and its records find their orders, without the database.
//! The engines write it.

use std::collections::{BTreeMap, HashMap, HashSet};

use plugin_api::Millis;

use super::StoreError;
use crate::{
    domain::{
        codes::{ChannelCode, ItemCode, OrderCode},
        duties::{Conflict, Parked, Putaway},
        invoice::Invoice,
        ledger::Counters,
        order::Order,
        snapshot::{OrderFile, Snapshot},
    },
    secrets::Secret,
};

/// Rows that one statement writes.
pub(super) const CHUNK: usize = 1_000;

/// The tables that a snapshot replaces whole.
pub(super) const REPLACED: &[&str] = &[
    "history",
    "parked",
    "conflicts",
    "putaways",
    "invoices",
    "order_items",
    "order_words",
    "orders",
    "stock",
    "sequences",
    "facilities",
];

/// The tables that keep something for a run.
pub(super) const OF_RUN: &[&str] = &["run_lines", "run_orders"];

/// The tables, beside those of its runs, that keep something for a channel and its connector.
pub(super) const OF_CHANNEL: &[&str] = &["runs", "tasks", "tokens", "secrets"];

/// A snapshot whose records have found their orders.
pub(super) struct Import {
    pub(super) snapshot: Snapshot,
    pub(super) files: Vec<OrderFile>,
    pub(super) parked: Vec<(ChannelCode, Parked)>,
    pub(super) counters: Counters,
}

/// A channel that loses its runs, tasks and secrets.
pub(super) struct Reset {
    pub(super) channel: String,
    /// Whether it loses its lease row too. A channel that remains keeps it, so that an old fence stays passed.
    pub(super) is_gone: bool,
}

/// What has found its order.
#[derive(Default)]
struct Belongings {
    invoices: Vec<Invoice>,
    putaways: Vec<Putaway>,
    conflicts: Vec<Conflict>,
}

fn wrong(text: String) -> StoreError {
    StoreError::Contradiction(text)
}

/// Where orders, and what belongs to them, are in the snapshot.
struct Places<'a> {
    codes: HashMap<&'a str, usize>,
    packages: HashMap<&'a str, Vec<usize>>,
    items: HashMap<&'a str, Vec<usize>>,
}

impl<'a> Places<'a> {
    fn of(orders: &'a [Order], channels: &HashSet<&str>) -> Result<Places<'a>, StoreError> {
        let mut places = Places { codes: HashMap::new(), packages: HashMap::new(), items: HashMap::new() };
        let mut ids = HashSet::new();
        for (at, order) in orders.iter().enumerate() {
            if !channels.contains(order.channel.as_str()) {
                return Err(wrong(format!(
                    "order {} is of channel {}, which is not listed",
                    order.code, order.channel
                )));
            }
            if places.codes.insert(order.code.as_str(), at).is_some() {
                return Err(wrong(format!("order {} is listed twice", order.code)));
            }
            if !ids.insert((order.channel.as_str(), order.channel_order_id.as_str())) {
                let id = &order.channel_order_id;
                return Err(wrong(format!("channel {} has two orders of the id {id}", order.channel)));
            }
            unique(order.items.iter().map(|item| item.code.as_str()), |code| {
                format!("order {} has two items {code}", order.code)
            })?;
            unique(order.packages.iter().map(|package| package.code.as_str()), |code| {
                format!("order {} has two packages {code}", order.code)
            })?;
            for item in &order.items {
                places.items.entry(item.code.as_str()).or_default().push(at);
            }
            for package in &order.packages {
                places.packages.entry(package.code.as_str()).or_default().push(at);
            }
        }
        Ok(places)
    }

    /// The order that has the package, or one of the items. Two facilities may number packages alike, so of several
    /// orders with the package the one that has an item too is meant.
    fn find(&self, package: Option<&str>, items: &[ItemCode]) -> Option<usize> {
        let with_package = package.and_then(|code| self.packages.get(code)).map_or(&[][..], Vec::as_slice);
        let with_item = |at: &usize| {
            items.iter().any(|item| self.items.get(item.as_str()).is_some_and(|orders| orders.contains(at)))
        };
        match with_package {
            [] => items.iter().find_map(|item| self.items.get(item.as_str())?.first().copied()),
            [only] => Some(*only),
            [first, ..] => with_package.iter().copied().find(|at| with_item(at)).or(Some(*first)),
        }
    }
}

fn unique<T: Eq + std::hash::Hash + Copy>(
    keys: impl Iterator<Item = T>,
    say: impl Fn(T) -> String,
) -> Result<(), StoreError> {
    let mut seen = HashSet::new();
    for key in keys {
        if !seen.insert(key) {
            return Err(wrong(say(key)));
        }
    }
    Ok(())
}

impl Import {
    /// Checks a snapshot, fills in missing codes and the counters behind them.
    pub(super) fn prepare(
        mut snapshot: Snapshot,
        secrets: &BTreeMap<ChannelCode, BTreeMap<String, Secret>>,
    ) -> Result<Import, StoreError> {
        if snapshot.tenant.as_str().is_empty() {
            return Err(wrong("the snapshot names no tenant".to_owned()));
        }
        check_keys(&snapshot)?;
        let counters = Counters {
            putaways: number(snapshot.putaways.iter_mut().map(|putaway| &mut putaway.code), "PA"),
            conflicts: number(snapshot.conflicts.iter_mut().map(|conflict| &mut conflict.code), "CF"),
        };
        unique(snapshot.putaways.iter().map(|putaway| putaway.code.as_str()), |code| {
            format!("putaway {code} is listed twice")
        })?;
        unique(snapshot.conflicts.iter().map(|conflict| conflict.code.as_str()), |code| {
            format!("conflict {code} is listed twice")
        })?;
        let channels: HashSet<&str> = snapshot.channels.iter().map(|channel| channel.code.as_str()).collect();
        if let Some(unknown) = secrets.keys().find(|code| !channels.contains(code.as_str())) {
            return Err(wrong(format!("there are secrets for channel {unknown}, which is not listed")));
        }
        let orders = std::mem::take(&mut snapshot.orders);
        let places = Places::of(&orders, &channels)?;
        let parked = std::mem::take(&mut snapshot.parked)
            .into_iter()
            .map(|fact| Ok((channel_of(&fact, &orders, &channels)?, fact)))
            .collect::<Result<Vec<_>, StoreError>>()?;

        let mut belongings: Vec<Belongings> = Vec::new();
        belongings.resize_with(orders.len(), Belongings::default);
        let mut elsewhere = Vec::new();
        for invoice in std::mem::take(&mut snapshot.invoices) {
            match places.find(Some(invoice.package.as_str()), &invoice.items) {
                Some(at) => belongings[at].invoices.push(invoice),
                // Its number stays used, whatever became of its order.
                None => elsewhere.push(invoice),
            }
        }
        for putaway in std::mem::take(&mut snapshot.putaways) {
            let package = putaway.package.as_ref().map(AsRef::as_ref);
            let at = places.find(package, std::slice::from_ref(&putaway.item)).ok_or_else(|| {
                wrong(format!("putaway {} is for item {}, which no order has", putaway.code, putaway.item))
            })?;
            belongings[at].putaways.push(putaway);
        }
        for conflict in std::mem::take(&mut snapshot.conflicts) {
            let at = places.codes.get(conflict.order.as_str()).copied().ok_or_else(|| {
                wrong(format!(
                    "conflict {} is about order {}, which is not listed",
                    conflict.code, conflict.order
                ))
            })?;
            belongings[at].conflicts.push(conflict);
        }
        snapshot.invoices = elsewhere;
        let files = orders.into_iter().zip(belongings).map(|(order, belongings)| OrderFile {
            order,
            invoices: belongings.invoices,
            putaways: belongings.putaways,
            conflicts: belongings.conflicts,
        });
        Ok(Import { files: files.collect(), snapshot, parked, counters })
    }

    /// Which channels lose what is kept beside orders, of those that there are with the connector of each: what a
    /// channel has kept was kept for its connector.
    pub(super) fn resets(&self, before: BTreeMap<String, String>) -> Vec<Reset> {
        let stays: BTreeMap<&str, &str> = self
            .snapshot
            .channels
            .iter()
            .map(|channel| (channel.code.as_str(), channel.connector.as_str()))
            .collect();
        before
            .into_iter()
            .filter(|(code, connector)| stays.get(code.as_str()) != Some(&connector.as_str()))
            .map(|(code, _)| Reset { is_gone: !stays.contains_key(code.as_str()), channel: code })
            .collect()
    }
}

fn check_keys(snapshot: &Snapshot) -> Result<(), StoreError> {
    unique(snapshot.facilities.iter().map(|facility| facility.code.as_str()), |code| {
        format!("facility {code} is listed twice")
    })?;
    unique(snapshot.channels.iter().map(|channel| channel.code.as_str()), |code| {
        format!("channel {code} is listed twice")
    })?;
    unique(snapshot.sequences.iter().map(|series| (series.owner.as_str(), series.kind)), |(owner, kind)| {
        format!("sequence {kind} of {owner} is listed twice")
    })?;
    unique(snapshot.stock.iter().map(|stock| (stock.facility.as_str(), stock.sku.as_str())), |(at, sku)| {
        format!("stock of {sku} in {at} is listed twice")
    })?;
    unique(
        snapshot.invoices.iter().map(|invoice| {
            (invoice.owner.as_str(), invoice.kind, invoice.financial_year.as_str(), invoice.number.as_str())
        }),
        |(owner, kind, year, number)| format!("{kind} {number} of {owner} is listed twice for {year}"),
    )
}

/// Gives a code to each that has none, after the highest number there is; answers the highest then.
fn number<'a>(codes: impl Iterator<Item = &'a mut String>, prefix: &str) -> u64 {
    let codes: Vec<&mut String> = codes.collect();
    let of = |code: &str| code.strip_prefix(prefix).and_then(|digits| digits.parse::<u64>().ok());
    let mut last = codes.iter().filter_map(|code| of(code)).max().unwrap_or(0);
    for code in codes {
        if code.is_empty() {
            last += 1;
            *code = format!("{prefix}{last}");
        }
    }
    last
}

/// The channel of a waiting fact: as it says, else that of the only order of its id, else the only channel.
fn channel_of(fact: &Parked, orders: &[Order], channels: &HashSet<&str>) -> Result<ChannelCode, StoreError> {
    if let Some(channel) = &fact.channel {
        if channels.contains(channel.as_str()) {
            return Ok(channel.clone());
        }
        return Err(wrong(format!(
            "a fact waits for order {} of channel {channel}, which is not listed",
            fact.order
        )));
    }
    let mut of_id = orders.iter().filter(|order| order.channel_order_id == fact.order);
    match (of_id.next(), of_id.next(), channels.iter().next()) {
        (Some(order), None, _) => Ok(order.channel.clone()),
        (None, _, Some(&only)) if channels.len() == 1 => Ok(only.into()),
        _ => Err(wrong(format!("a fact waits for order {} and does not say of which channel", fact.order))),
    }
}

/// When each order last changed, by the history.
pub(super) fn last_changes(snapshot: &Snapshot) -> HashMap<&OrderCode, Millis> {
    let mut last = HashMap::new();
    for change in &snapshot.history {
        let at = last.entry(&change.order).or_insert(change.at);
        *at = change.at.max(*at);
    }
    last
}
