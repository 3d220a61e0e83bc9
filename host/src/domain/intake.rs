//! What the seller's own system may say about an order: it brings orders in and keeps them up to date until they leave.
//!
//! Until a unit has left or was cancelled, the seller's system knows best. From then on what is known here stays: it came
//! from the marketplace, and a system that is told later would set it back. What is not mentioned stays as well.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    codes::FacilityCode,
    effect::Effect,
    ledger::{Ledger, StockKey},
    order::{Item, ItemStatus, Order, OrderStatus, Package, Stage, states},
    snapshot::{Channel, OrderFile},
};

states! {
    /// What became of an order that was handed over.
    Intake {
        /// It was not known; it is now.
        Created "CREATED",
        /// It was known and is changed.
        Updated "UPDATED",
        /// It was known so, or what it says anew is not taken.
        Unchanged "UNCHANGED",
        /// It contradicts what is kept; nothing of it is taken.
        Rejected "REJECTED",
    }
}

/// An order that is taken over.
#[derive(Clone, Debug)]
pub struct TakenOver {
    /// As what.
    pub intake: Intake,
    /// The order as it shall be kept.
    pub file: OrderFile,
    /// What changes.
    pub effects: Vec<Effect>,
    /// What was said and is not taken, in sentences.
    pub notes: Vec<String>,
}

/// Takes an order over. `here` is what is known of it, by the marketplace's id.
///
/// # Errors
/// Why it is rejected.
pub fn take_over(
    given: &Order,
    here: Option<&OrderFile>,
    channel: &Channel,
    ledger: &mut Ledger,
) -> Result<TakenOver, String> {
    let Some(here) = here else { return Ok(taken_anew(given, channel, ledger)) };
    if here.order.code != given.code {
        let (id, known) = (&given.channel_order_id, &here.order.code);
        return Err(format!(
            "order {id} of channel {} is here as {known}, not as {}",
            given.channel, given.code
        ));
    }
    let mut taking =
        Taking { order: here.order.clone(), channel, ledger, effects: Vec::new(), notes: Vec::new() };
    for package in &given.packages {
        taking.package(package);
    }
    for item in &given.items {
        taking.item(item);
    }
    let Taking { mut order, effects: mut changes, notes, .. } = taking;
    for ret in &given.returns {
        let is_known = order
            .returns
            .iter()
            .any(|known| (known.kind, &known.code, &known.package) == (ret.kind, &ret.code, &ret.package));
        if !is_known {
            order.returns.push(ret.clone());
        }
    }
    order.on_hold = given.on_hold;
    order.shipping = given.shipping.or(order.shipping);
    order.status = further(order.status, given.status);
    order.status = order.derived_status();
    if order.status != here.order.status {
        changes.push(Effect::Order { from: here.order.status, to: order.status });
    }
    let intake = if order == here.order { Intake::Unchanged } else { Intake::Updated };
    Ok(TakenOver { intake, file: OrderFile { order, ..here.clone() }, effects: changes, notes })
}

fn taken_anew(given: &Order, channel: &Channel, ledger: &mut Ledger) -> TakenOver {
    let mut order = given.clone();
    order.attention.clear();
    order.applied.clear();
    let mut effects = vec![Effect::Note {
        text: format!("order {} taken over with {} units", order.code, order.items.len()),
    }];
    for item in order.items.iter().filter(|item| item.is_allocated()) {
        effects.extend(block(ledger, place(item, channel), 1, 0));
    }
    order.status = order.derived_status();
    let file = OrderFile { order, invoices: Vec::new(), putaways: Vec::new(), conflicts: Vec::new() };
    TakenOver { intake: Intake::Created, file, effects, notes: Vec::new() }
}

/// Of two stages before packages progress the later one; what the items imply comes on top.
fn further(here: OrderStatus, given: OrderStatus) -> OrderStatus {
    match (here, given) {
        (OrderStatus::PendingVerification, OrderStatus::Created | OrderStatus::Processing)
        | (OrderStatus::Created, OrderStatus::Processing) => given,
        _ => here,
    }
}

/// Where a unit of an item lies; nowhere if it has no facility.
fn place(item: &Item, channel: &Channel) -> Option<StockKey> {
    let facility: Option<&FacilityCode> = item.facility.as_ref().or(channel.default_facility.as_ref());
    facility.map(|facility| (facility.clone(), item.sku.clone()))
}

fn block(ledger: &mut Ledger, place: Option<StockKey>, blocked: i64, on_hand: i64) -> Option<Effect> {
    let place = place?;
    ledger.change_stock(&place, |row| {
        row.blocked = (row.blocked + blocked).max(0);
        row.on_hand = (row.on_hand + on_hand).max(0);
    });
    let (facility, sku) = place;
    Some(Effect::Stock { facility, sku, on_hand, blocked, shortfall: 0 })
}

struct Taking<'a> {
    order: Order,
    channel: &'a Channel,
    ledger: &'a mut Ledger,
    effects: Vec<Effect>,
    notes: Vec<String>,
}

impl Taking<'_> {
    fn item(&mut self, given: &Item) {
        let Some(at) = self.order.items.iter().position(|item| item.code == given.code) else {
            if given.is_allocated() {
                self.effects.extend(block(self.ledger, place(given, self.channel), 1, 0));
            }
            self.effects.push(Effect::Note { text: format!("item {} taken over", given.code) });
            self.order.items.push(given.clone());
            return;
        };
        let here = self.order.items[at].clone();
        if !here.status.is_open() {
            if given.status != here.status {
                self.notes
                    .push(format!("item {} stays {}: {} is not taken", here.code, here.status, given.status));
            }
            if here.channel_item_id.is_none() {
                self.order.items[at].channel_item_id.clone_from(&given.channel_item_id);
            }
            return;
        }
        let now = Item {
            channel_item_id: given.channel_item_id.clone().or(here.channel_item_id.clone()),
            facility: given.facility.clone().or(here.facility.clone()),
            package: given.package.clone().or(here.package.clone()),
            cancelled_at: given.cancelled_at.or(here.cancelled_at),
            channel_status: here.channel_status.clone(),
            ..given.clone()
        };
        self.stock(&here, &now);
        if now.status != here.status {
            self.effects.push(Effect::Item { item: here.code.clone(), from: here.status, to: now.status });
        }
        if now.package != here.package {
            let (from, to) = (here.package.clone(), now.package.clone());
            self.effects.push(Effect::Moved { item: here.code.clone(), from, to });
        }
        self.order.items[at] = now;
    }

    /// Keeps the books of blocked units: what left with a block takes its unit along.
    fn stock(&mut self, here: &Item, now: &Item) {
        let (before, after) = (place(here, self.channel), place(now, self.channel));
        let (had, has) = (here.is_allocated(), now.is_allocated());
        if had && has && before == after {
            return;
        }
        if had {
            let left = match now.status {
                ItemStatus::Dispatched | ItemStatus::Delivered | ItemStatus::Returned => -1,
                ItemStatus::Created
                | ItemStatus::Unfulfillable
                | ItemStatus::Fulfillable
                | ItemStatus::LocationNotServiceable
                | ItemStatus::Cancelled => 0,
            };
            self.effects.extend(block(self.ledger, before, -1, left));
        }
        if has {
            self.effects.extend(block(self.ledger, after, 1, 0));
        }
    }

    fn package(&mut self, given: &Package) {
        let Some(here) = self.order.packages.iter_mut().find(|package| package.code == given.code) else {
            self.effects.push(Effect::PackageMade { package: given.code.clone(), source: given.source });
            self.order.packages.push(given.clone());
            return;
        };
        let is_ours = here.status.stage() >= Stage::Sent;
        if !is_ours && given.status.stage() >= here.status.stage() {
            if given.status != here.status {
                let (package, from, to) = (here.code.clone(), here.status, given.status);
                self.effects.push(Effect::Package { package, from, to });
            }
            here.status = given.status;
            here.hold = given.hold;
        } else if given.status != here.status {
            self.notes
                .push(format!("package {} stays {}: {} is not taken", here.code, here.status, given.status));
        }
        // What has left is known better here, so there only blanks are filled.
        let fact = |here: &mut Option<String>, given: &Option<String>| {
            if given.is_some() && (!is_ours || here.is_none()) {
                here.clone_from(given);
            }
        };
        fact(&mut here.channel_package_id, &given.channel_package_id);
        fact(&mut here.awb, &given.awb);
        fact(&mut here.courier, &given.courier);
        fact(&mut here.invoice, &given.invoice);
        here.facility =
            if is_ours { here.facility.clone() } else { given.facility.clone().or(here.facility.clone()) };
        here.dispatched_at = here.dispatched_at.or(given.dispatched_at);
        here.delivered_at = here.delivered_at.or(given.delivered_at);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::json;

    use super::*;
    use crate::domain::{ledger::Counters, stock::Stock};

    fn order(status: &str, item: &str, package: &str) -> Order {
        serde_json::from_value(
            json!({"code": "O1", "channel": "FK1", "channel_order_id": "OD1", "status": status,
            "items": [{"code": "O1-1", "sku": "A", "facility": "DEL1", "status": item, "package": "SP1"}],
            "packages": [{"code": "SP1", "facility": "DEL1", "status": package, "awb": "EK1"}]}),
        )
        .unwrap()
    }

    fn channel() -> Channel {
        serde_json::from_value(json!({"code": "FK1", "connector": "flipkart", "default_facility": "DEL1"}))
            .unwrap()
    }

    fn ledger(on_hand: i64, blocked: i64) -> Ledger {
        let row = Stock { on_hand, blocked, ..Stock::none("DEL1".into(), "A".into()) };
        Ledger::new([row], [], HashSet::new(), Counters::default())
    }

    fn stock(ledger: &Ledger) -> (i64, i64) {
        let row = ledger.stock(&("DEL1".into(), "A".into()));
        (row.on_hand, row.blocked)
    }

    /// Takes `given` over when `here` is known; answers what became of it and of the stock, which was 5 with 1 blocked.
    fn taken(here: Option<Order>, given: &Order) -> (TakenOver, (i64, i64)) {
        let here =
            here.map(|order| OrderFile { order, invoices: vec![], putaways: vec![], conflicts: vec![] });
        let mut ledger = ledger(5, 1);
        let done = take_over(given, here.as_ref(), &channel(), &mut ledger).unwrap();
        (done, stock(&ledger))
    }

    #[test]
    fn an_order_that_is_not_known_is_taken_as_it_is_and_blocks_its_units() {
        let (done, stock) = taken(None, &order("CREATED", "FULFILLABLE", "CREATED"));
        assert_eq!((done.intake, stock), (Intake::Created, (5, 2)));
        let (done, stock) = taken(None, &order("CREATED", "DISPATCHED", "DISPATCHED"));
        assert_eq!((done.file.order.status, stock), (OrderStatus::Complete, (5, 1)), "its stock left before");
    }

    #[test]
    fn the_same_again_changes_nothing() {
        let same = order("PROCESSING", "FULFILLABLE", "CREATED");
        let (done, stock) = taken(Some(same.clone()), &same);
        assert_eq!(
            (done.intake, done.effects, done.notes, stock),
            (Intake::Unchanged, vec![], vec![], (5, 1))
        );
    }

    #[test]
    fn what_has_not_left_follows_the_sellers_system_with_its_stock() {
        let here = || Some(order("PROCESSING", "FULFILLABLE", "CREATED"));
        for (item, package, after, status) in [
            ("FULFILLABLE", "PACKED", (5, 1), OrderStatus::Processing),
            ("UNFULFILLABLE", "CREATED", (5, 0), OrderStatus::Processing),
            ("CANCELLED", "CANCELLED", (5, 0), OrderStatus::Cancelled),
            ("DISPATCHED", "DISPATCHED", (4, 0), OrderStatus::Complete),
        ] {
            let (done, stock) = taken(here(), &order("PROCESSING", item, package));
            assert_eq!(
                (done.intake, stock, done.file.order.status),
                (Intake::Updated, after, status),
                "{item}"
            );
            assert!(done.notes.is_empty() && !done.effects.is_empty(), "{item}");
        }
        let (_, stock) = taken(
            Some(order("CREATED", "UNFULFILLABLE", "CREATED")),
            &order("CREATED", "FULFILLABLE", "CREATED"),
        );
        assert_eq!(stock, (5, 2));
    }

    #[test]
    fn what_has_left_stays_and_the_difference_is_told() {
        let here = order("COMPLETE", "DELIVERED", "DELIVERED");
        let mut late = order("PROCESSING", "FULFILLABLE", "PACKED");
        late.packages[0].awb = Some("EK2".into());
        late.packages[0].courier = Some("Ekart".into());
        let (done, stock) = taken(Some(here.clone()), &late);
        assert_eq!(stock, (5, 1));
        assert_eq!(done.notes.len(), 2, "{:?}", done.notes);
        let package = &done.file.order.packages[0];
        assert_eq!(
            (package.awb.as_deref(), package.courier.as_deref()),
            (Some("EK1"), Some("Ekart")),
            "a blank is filled"
        );
        assert_eq!((done.file.order.status, &done.file.order.items), (OrderStatus::Complete, &here.items));
    }

    #[test]
    fn a_package_does_not_go_back_and_what_is_not_mentioned_stays() {
        let here = order("PROCESSING", "FULFILLABLE", "PACKED");
        let mut given = order("CREATED", "FULFILLABLE", "CREATED");
        given.items[0].code = "O1-2".into();
        let (done, stock) = taken(Some(here), &given);
        assert_eq!(done.notes, ["package SP1 stays PACKED: CREATED is not taken"]);
        let codes: Vec<&str> = done.file.order.items.iter().map(|item| item.code.as_str()).collect();
        assert_eq!((codes, stock), (vec!["O1-1", "O1-2"], (5, 2)));
    }

    #[test]
    fn an_order_that_is_here_under_another_code_is_rejected() {
        let here = OrderFile {
            order: order("CREATED", "CREATED", "CREATED"),
            invoices: vec![],
            putaways: vec![],
            conflicts: vec![],
        };
        let given = Order { code: "O2".into(), ..here.order.clone() };
        let refused = take_over(&given, Some(&here), &channel(), &mut ledger(0, 0)).unwrap_err();
        assert_eq!(refused, "order OD1 of channel FK1 is here as O1, not as O2");
    }
}
