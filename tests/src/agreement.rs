//! Compares a seller's exported state with what a simulated marketplace knows, unit by unit.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::simulators::Simulator;

/// The states that both sides have a word for.
pub const STATES: [&str; 5] = ["OPEN", "DISPATCHED", "DELIVERED", "CANCELLED", "RETURNED"];

/// Units by state, for every order and item id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Units(BTreeMap<(String, String), BTreeMap<String, u32>>);

impl Units {
    /// What the marketplace has.
    pub fn said(market: &Simulator) -> Units {
        let mut units = Units::default();
        for order in market.truth(false).orders {
            for (item, states) in order.items {
                let there = states.into_iter().filter(|(_, units)| *units > 0);
                let states = there.map(|(state, units)| (state.to_owned(), units)).collect();
                units.0.insert((order.order.clone(), item), states);
            }
        }
        units
    }

    /// What an exported snapshot holds of a channel.
    pub fn held(snapshot: &Value, channel: &str) -> Units {
        let mut units = Units::default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        for order in list(&snapshot["orders"]).filter(|order| order["channel"] == channel) {
            for item in list(&order["items"]) {
                let state = match item["status"].as_str().unwrap_or_default() {
                    state @ ("DISPATCHED" | "DELIVERED" | "CANCELLED" | "RETURNED") => state,
                    _ => "OPEN",
                };
                let key = (text(&order["channel_order_id"]), text(&item["channel_item_id"]));
                *units.0.entry(key).or_default().entry(state.to_owned()).or_default() += 1;
            }
        }
        units
    }

    /// Units in a state, all orders together.
    pub fn sum(&self, state: &str) -> u32 {
        self.0.values().filter_map(|states| states.get(state)).sum()
    }

    /// A line for each item that differs from the other side.
    pub fn differences(&self, other: &Units) -> Vec<String> {
        let keys = self.0.keys().chain(other.0.keys().filter(|key| !self.0.contains_key(*key)));
        keys.filter(|key| self.0.get(*key) != other.0.get(*key))
            .map(|key| {
                format!("order {} item {}: {:?} and {:?}", key.0, key.1, self.0.get(key), other.0.get(key))
            })
            .collect()
    }
}

/// What is wrong with the numbers of an exported snapshot: gaps and doubles in a series, packages that left without one
/// live invoice.
pub fn odd_numbers(snapshot: &Value) -> Vec<String> {
    let mut odd = Vec::new();
    let mut series: BTreeMap<(String, String), Vec<u64>> = BTreeMap::new();
    for invoice in list(&snapshot["invoices"]) {
        let number = invoice["number"].as_str().unwrap_or_default();
        let (prefix, counter) = number.rsplit_once('-').unwrap_or(("", number));
        let key = (invoice["owner"].to_string(), prefix.to_owned());
        series.entry(key).or_default().push(counter.parse().unwrap_or(0));
    }
    for (key, mut counters) in series {
        counters.sort_unstable();
        let expected: Vec<u64> = (1..=counters.len() as u64).collect();
        if counters != expected {
            odd.push(format!("series {key:?} is not 1 to {}: {counters:?}", counters.len()));
        }
    }
    for order in list(&snapshot["orders"]) {
        for package in list(&order["packages"]) {
            let left = ["DISPATCHED", "SHIPPED", "DELIVERED", "RETURN_EXPECTED", "RETURNED"];
            let sent = left.contains(&package["status"].as_str().unwrap_or_default());
            let live = list(&snapshot["invoices"]).filter(|invoice| {
                invoice["package"] == package["code"]
                    && invoice["kind"] == "SALE_INVOICE"
                    && invoice["status"] != "CANCELLED"
            });
            let live = if sent { live.count() } else { 1 };
            if live != 1 {
                odd.push(format!("package {} has {live} live invoices", package["code"]));
            }
        }
    }
    odd
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
