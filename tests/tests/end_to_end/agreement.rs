//! Compares what the host holds with what the marketplace knows, unit by unit.

use std::collections::BTreeMap;

use statusync::domain::{order::ItemStatus, snapshot::OrderFile};

use super::site::Site;

/// One line for each order that is not as it must be.
pub(crate) async fn disagreements(site: &Site) -> Vec<String> {
    let mut wrong = Vec::new();
    for truth in site.simulator.truth(false).orders {
        let file = site
            .store
            .order(&site.tenant, &truth.order)
            .await
            .expect("the store answers")
            .expect("the order");
        let expected: BTreeMap<String, BTreeMap<String, u32>> = truth
            .items
            .iter()
            .map(|(item, states)| {
                (
                    item.clone(),
                    states
                        .iter()
                        .filter(|(_, n)| **n > 0)
                        .map(|(state, n)| ((*state).to_owned(), *n))
                        .collect(),
                )
            })
            .collect();
        let held = held(&file);
        let mut complaints = Vec::new();
        if held != expected {
            complaints.push(format!("items {held:?}, marketplace {expected:?}"));
        }
        if !truth.untouched {
            let awbs: Vec<_> =
                truth.packages.iter().filter(|p| !matches!(p.state, "OPEN" | "CANCELLED")).collect();
            for package in awbs {
                if !file.order.packages.iter().any(|ours| same_state(ours.status.as_str(), package.state)) {
                    let ours: Vec<_> = file.order.packages.iter().map(|ours| ours.status.as_str()).collect();
                    complaints.push(format!(
                        "packages {ours:?}, marketplace {} {}",
                        package.package, package.state
                    ));
                }
            }
            for ret in &truth.returns {
                let found = file.order.returns.iter().any(|ours| {
                    ours.kind.as_str() == ret.kind
                        && (ret.kind == "RTO" || ret.id.is_empty() || ours.code == ret.id)
                        && ours.status.as_str() == ret.state
                });
                if !found {
                    complaints.push(format!("returns {:?}, marketplace {ret:?}", file.order.returns));
                }
            }
            complaints.extend(odd_numbers(&file));
        }
        if !complaints.is_empty() {
            let history = site.store.history(&site.tenant, &file.order.code).await.expect("history");
            let story: Vec<String> = history
                .iter()
                .map(|change| {
                    let seen = change.observation.clone().unwrap_or_default();
                    let effects: Vec<_> = change.effects.iter().map(ToString::to_string).collect();
                    format!(
                        "      {} {:?} {:?} q{:?} pkg{:?}: {}",
                        change.row,
                        seen.status,
                        seen.raw,
                        seen.quantity,
                        seen.package,
                        effects.join(" | ")
                    )
                })
                .collect();
            let conflicts: Vec<_> = file.conflicts.iter().map(|conflict| conflict.message.clone()).collect();
            wrong.push(format!(
                "{} ({}): {}\n{}\n   {conflicts:?}",
                truth.order,
                file.order.code,
                complaints.join("\n   "),
                story.join("\n")
            ));
        }
    }
    wrong
}

/// Every package that left has one live invoice, and no unit is on two.
fn odd_numbers(file: &OrderFile) -> Vec<String> {
    let mut odd = Vec::new();
    for package in &file.order.packages {
        let sent = matches!(
            package.status.as_str(),
            "DISPATCHED" | "SHIPPED" | "DELIVERED" | "RETURN_EXPECTED" | "RETURNED"
        );
        let live = file
            .invoices
            .iter()
            .filter(|invoice| {
                invoice.package == package.code
                    && invoice.kind.as_str() == "SALE_INVOICE"
                    && invoice.status.as_str() != "CANCELLED"
            })
            .count();
        if sent && live != 1 {
            odd.push(format!("package {} has {live} live invoices", package.code));
        }
    }
    odd
}

fn same_state(ours: &str, theirs: &str) -> bool {
    ours == theirs || (theirs == "DISPATCHED" && ours == "SHIPPED")
}

fn held(file: &OrderFile) -> BTreeMap<String, BTreeMap<String, u32>> {
    let mut held: BTreeMap<String, BTreeMap<String, u32>> = BTreeMap::new();
    for item in &file.order.items {
        let state = match item.status {
            ItemStatus::Dispatched => "DISPATCHED",
            ItemStatus::Delivered => "DELIVERED",
            ItemStatus::Cancelled => "CANCELLED",
            ItemStatus::Returned => "RETURNED",
            _ => "OPEN",
        };
        let id = item.channel_item_id.clone().unwrap_or_default();
        *held.entry(id).or_default().entry(state.to_owned()).or_default() += 1;
    }
    held
}
