//! What in a snapshot does not fit together. Every finding names its entry, the field and the codes.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    hash::Hash,
};

use crate::{
    domain::{
        codes::{ChannelCode, FacilityCode, ItemCode, OrderCode, OwnerCode, PackageCode},
        invoice::{Invoice, InvoiceStatus, SequenceKind},
        order::Order,
        snapshot::Snapshot,
    },
    nearest::did_you_mean,
};

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The entry: `orders[1].items[0]`.
    pub(super) entry: String,
    field: &'static str,
    /// The sentence.
    pub(super) problem: String,
}

impl Found {
    pub(super) fn path(&self) -> String {
        match (self.entry.is_empty(), self.field.is_empty()) {
            (true, _) => self.field.to_owned(),
            (_, true) => self.entry.clone(),
            (false, false) => format!("{}.{}", self.entry, self.field),
        }
    }
}

/// All findings.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// The snapshot cannot be taken.
    pub(super) faults: Vec<Found>,
    /// It can, but a person should look.
    pub(super) warnings: Vec<Found>,
}

/// Looks a snapshot over.
pub(super) fn find(snapshot: &Snapshot) -> Findings {
    let mut look = Look::new(snapshot);
    look.codes();
    look.channels();
    look.sequences();
    look.stock();
    for (index, order) in snapshot.orders.iter().enumerate() {
        look.order(index, order);
    }
    look.invoices();
    look.duties();
    look.found
}

struct Look<'a> {
    snapshot: &'a Snapshot,
    channels: HashSet<&'a ChannelCode>,
    facilities: HashSet<&'a FacilityCode>,
    /// The order of each item and package.
    items: HashMap<&'a ItemCode, &'a Order>,
    packages: HashMap<&'a PackageCode, &'a Order>,
    orders: HashMap<&'a OrderCode, &'a Order>,
    found: Findings,
}

impl<'a> Look<'a> {
    fn new(snapshot: &'a Snapshot) -> Self {
        let orders = &snapshot.orders;
        Look {
            snapshot,
            channels: snapshot.channels.iter().map(|channel| &channel.code).collect(),
            facilities: snapshot.facilities.iter().map(|facility| &facility.code).collect(),
            items: orders.iter().flat_map(|order| order.items.iter().map(move |item| (&item.code, order))).collect(),
            packages: orders
                .iter()
                .flat_map(|order| order.packages.iter().map(move |package| (&package.code, order)))
                .collect(),
            orders: orders.iter().map(|order| (&order.code, order)).collect(),
            found: Findings::default(),
        }
    }

    fn fault(&mut self, entry: impl Into<String>, field: &'static str, problem: String) {
        self.found.faults.push(Found { entry: entry.into(), field, problem });
    }

    fn warn(&mut self, entry: impl Into<String>, field: &'static str, problem: String) {
        self.found.warnings.push(Found { entry: entry.into(), field, problem });
    }

    /// Refuses keys that occur before in a list.
    fn unique<K: Hash + Eq>(
        &mut self,
        keys: impl Iterator<Item = (String, K)>,
        field: &'static str,
        what: impl Fn(&K) -> String,
    ) {
        let mut first: HashMap<K, String> = HashMap::new();
        for (entry, key) in keys {
            match first.get(&key) {
                Some(before) => {
                    let problem = format!("{} is there already, at {before}", what(&key));
                    self.fault(entry, field, problem);
                }
                None => {
                    first.insert(key, entry);
                }
            }
        }
    }

    fn codes(&mut self) {
        let snapshot = self.snapshot;
        if snapshot.tenant.as_str().is_empty() {
            self.fault("", "tenant", "is empty; name the tenant".into());
        }
        let facilities = snapshot.facilities.iter().enumerate();
        let facilities = facilities.map(|(i, facility)| (format!("facilities[{i}]"), &facility.code));
        self.unique(facilities, "code", |code| format!("facility {code}"));
        let channels = snapshot.channels.iter().enumerate();
        let channels = channels.map(|(i, channel)| (format!("channels[{i}]"), &channel.code));
        self.unique(channels, "code", |code| format!("channel {code}"));
        let orders = || snapshot.orders.iter().enumerate();
        self.unique(orders().map(|(i, order)| (format!("orders[{i}]"), &order.code)), "code", |code| {
            format!("order {code}")
        });
        let ids = orders().map(|(i, order)| (format!("orders[{i}]"), (&order.channel, &order.channel_order_id)));
        self.unique(ids, "channel_order_id", |(channel, id)| format!("order {id} of channel {channel}"));
        let items = orders().flat_map(|(i, order)| {
            order.items.iter().enumerate().map(move |(k, item)| (format!("orders[{i}].items[{k}]"), &item.code))
        });
        self.unique(items, "code", |code| format!("item {code}"));
        let packages = orders().flat_map(|(i, order)| {
            let packages = order.packages.iter().enumerate();
            packages.map(move |(k, package)| (format!("orders[{i}].packages[{k}]"), &package.code))
        });
        self.unique(packages, "code", |code| format!("package {code}"));
        let putaways = snapshot.putaways.iter().enumerate().filter(|(_, putaway)| !putaway.code.is_empty());
        let putaways = putaways.map(|(i, putaway)| (format!("putaways[{i}]"), &putaway.code));
        self.unique(putaways, "code", |code| format!("putaway {code}"));
        let conflicts = snapshot.conflicts.iter().enumerate().filter(|(_, conflict)| !conflict.code.is_empty());
        let conflicts = conflicts.map(|(i, conflict)| (format!("conflicts[{i}]"), &conflict.code));
        self.unique(conflicts, "code", |code| format!("conflict {code}"));
    }

    fn facility(&mut self, entry: &str, field: &'static str, who: &str, code: Option<&FacilityCode>) {
        let Some(code) = code.filter(|code| !self.facilities.contains(code)) else { return };
        let meant = did_you_mean(code.as_str(), self.facilities.iter().map(|code| code.as_str()));
        self.fault(entry, field, format!("{who} names facility {code}, which the tenant does not have{meant}"));
    }

    fn channels(&mut self) {
        for (i, channel) in self.snapshot.channels.iter().enumerate() {
            let entry = format!("channels[{i}]");
            if channel.code.as_str().is_empty() {
                self.fault(&*entry, "code", "is empty; name the channel".into());
            }
            if channel.connector.is_empty() {
                self.fault(&*entry, "connector", format!("channel {} names no connector", channel.code));
            }
            let who = format!("channel {}", channel.code);
            self.facility(&entry, "default_facility", &who, channel.default_facility.as_ref());
        }
    }

    fn sequences(&mut self) {
        let sequences = &self.snapshot.sequences;
        let keys = sequences.iter().enumerate();
        let keys = keys.map(|(i, sequence)| (format!("sequences[{i}]"), (&sequence.owner, sequence.kind)));
        self.unique(keys, "kind", |(owner, kind)| format!("the series {kind} of {owner}"));
        let mut owners: HashSet<&str> = self.facilities.iter().map(|code| code.as_str()).collect();
        owners.extend(self.snapshot.channels.iter().filter_map(|channel| channel.billing_party.as_ref()).map(OwnerCode::as_str));
        for (i, sequence) in sequences.iter().enumerate() {
            if !owners.contains(sequence.owner.as_str()) {
                let meant = did_you_mean(sequence.owner.as_str(), owners.iter().copied());
                let problem = format!(
                    "{} is neither a facility nor the billing party of a channel, so nothing draws from this series{meant}",
                    sequence.owner
                );
                self.warn(format!("sequences[{i}]"), "owner", problem);
            }
        }
    }

    fn stock(&mut self) {
        let stock = &self.snapshot.stock;
        let keys = stock.iter().enumerate().map(|(i, row)| (format!("stock[{i}]"), (&row.facility, &row.sku)));
        self.unique(keys, "sku", |(facility, sku)| format!("stock of {sku} in {facility}"));
        for (i, row) in stock.iter().enumerate() {
            let entry = format!("stock[{i}]");
            self.facility(&entry, "facility", &format!("stock of {}", row.sku), Some(&row.facility));
            for (field, units) in [("on_hand", row.on_hand), ("blocked", row.blocked), ("shortfall", row.shortfall)] {
                if units < 0 {
                    self.fault(&*entry, field, format!("{units} units of {} are fewer than none", row.sku));
                }
            }
        }
    }

    fn order(&mut self, index: usize, order: &Order) {
        let entry = format!("orders[{index}]");
        let code = &order.code;
        if code.as_str().is_empty() {
            self.fault(&*entry, "code", "is empty; name the order".into());
        }
        if order.channel_order_id.is_empty() {
            self.fault(&*entry, "channel_order_id", format!("order {code} has no id of the marketplace"));
        }
        if !self.channels.contains(&order.channel) {
            let meant = did_you_mean(order.channel.as_str(), self.channels.iter().map(|code| code.as_str()));
            let channel = &order.channel;
            let problem = format!("order {code} is of channel {channel}, which the tenant does not have{meant}");
            self.fault(&*entry, "channel", problem);
        }
        for (k, item) in order.items.iter().enumerate() {
            let entry = format!("{entry}.items[{k}]");
            self.facility(&entry, "facility", &format!("item {}", item.code), item.facility.as_ref());
            if let Some(package) = item.package.as_ref().filter(|code| order.package(code).is_none()) {
                let problem = format!("item {} is in package {package}, which order {code} does not have", item.code);
                self.fault(entry, "package", problem);
            }
        }
        for (k, package) in order.packages.iter().enumerate() {
            let entry = format!("{entry}.packages[{k}]");
            self.facility(&entry, "facility", &format!("package {}", package.code), package.facility.as_ref());
        }
        self.returns(&entry, order);
    }

    fn returns(&mut self, entry: &str, order: &Order) {
        let keys = order.returns.iter().enumerate();
        let keys = keys.map(|(k, ret)| (format!("{entry}.returns[{k}]"), (ret.kind.as_str(), &ret.code, &ret.package)));
        self.unique(keys, "code", |(kind, code, _)| format!("return {kind} {code}"));
        let own: HashSet<&ItemCode> = order.items.iter().map(|item| &item.code).collect();
        for (k, ret) in order.returns.iter().enumerate() {
            let entry = format!("{entry}.returns[{k}]");
            for item in ret.items.iter().filter(|item| !own.contains(item)) {
                let problem = format!("return {} is of item {item}, which order {} does not have", ret.code, order.code);
                self.fault(&*entry, "items", problem);
            }
            if let Some(package) = ret.package.as_ref().filter(|code| order.package(code).is_none()) {
                let problem =
                    format!("return {} is of package {package}, which order {} does not have", ret.code, order.code);
                self.fault(&*entry, "package", problem);
            }
        }
    }

    fn invoices(&mut self) {
        let snapshot = self.snapshot;
        let keys = snapshot.invoices.iter().enumerate().map(|(i, invoice)| {
            let Invoice { owner, kind, financial_year, number, .. } = invoice;
            (format!("invoices[{i}]"), (owner, *kind, financial_year, number))
        });
        self.unique(keys, "number", |(owner, kind, year, number)| format!("{kind} {number} of {owner} in {year}"));
        let mut live: BTreeMap<&PackageCode, &str> = BTreeMap::new();
        for (i, invoice) in snapshot.invoices.iter().enumerate() {
            let entry = format!("invoices[{i}]");
            self.invoice_refers(&entry, invoice);
            let is_live = invoice.kind == SequenceKind::SaleInvoice && invoice.status == InvoiceStatus::Generated;
            if let Some(before) = is_live.then(|| live.insert(&invoice.package, &invoice.number)).flatten() {
                let problem = format!(
                    "package {} has the live sale invoices {before} and {}; only one may be GENERATED",
                    invoice.package, invoice.number
                );
                self.fault(entry, "status", problem);
            }
        }
        let numbers: HashSet<&str> = snapshot.invoices.iter().map(|invoice| invoice.number.as_str()).collect();
        for (i, order) in snapshot.orders.iter().enumerate() {
            for (k, package) in order.packages.iter().enumerate() {
                if let Some(number) = package.invoice.as_deref().filter(|number| !numbers.contains(number)) {
                    let problem = format!("package {} has invoice {number}, of which there is no record", package.code);
                    self.warn(format!("orders[{i}].packages[{k}]"), "invoice", problem);
                }
            }
        }
    }

    /// An invoice of an order that the tenant no longer keeps only says that its number is used. One of which a part is
    /// known must fit.
    fn invoice_refers(&mut self, entry: &str, invoice: &Invoice) {
        let number = &invoice.number;
        let Some(order) = self.packages.get(&invoice.package).copied() else {
            let package = &invoice.package;
            if let Some(item) = invoice.items.iter().find(|item| self.items.contains_key(item)) {
                let problem =
                    format!("invoice {number} of item {item} names package {package}, which the tenant does not have");
                self.fault(entry, "package", problem);
            } else {
                let problem = format!(
                    "invoice {number} is of package {package}, which the tenant does not have; its number counts as used"
                );
                self.warn(entry, "package", problem);
            }
            return;
        };
        for item in &invoice.items {
            if self.items.get(item).is_none_or(|owner| owner.code != order.code) {
                let problem = format!(
                    "invoice {number} of package {} names item {item}, which order {} does not have",
                    invoice.package, order.code
                );
                self.fault(entry, "items", problem);
            }
        }
    }

    fn duties(&mut self) {
        let snapshot = self.snapshot;
        for (i, putaway) in snapshot.putaways.iter().enumerate() {
            let entry = format!("putaways[{i}]");
            match self.items.get(&putaway.item).copied() {
                None => {
                    let problem = format!("the putaway is of item {}, which the tenant does not have", putaway.item);
                    self.fault(entry, "item", problem);
                }
                Some(order) => {
                    if let Some(package) = putaway.package.as_ref().filter(|code| order.package(code).is_none()) {
                        let problem = format!(
                            "the putaway of item {} names package {package}, which order {} does not have",
                            putaway.item, order.code
                        );
                        self.fault(entry, "package", problem);
                    }
                }
            }
        }
        for (i, conflict) in snapshot.conflicts.iter().enumerate() {
            let entry = format!("conflicts[{i}]");
            let Some(order) = self.orders.get(&conflict.order).copied() else {
                let problem = format!("the conflict is about order {}, which the tenant does not have", conflict.order);
                self.fault(entry, "order", problem);
                continue;
            };
            for item in &conflict.items {
                if order.items.iter().all(|own| own.code != *item) {
                    let problem =
                        format!("the conflict is about item {item}, which order {} does not have", conflict.order);
                    self.fault(&*entry, "items", problem);
                }
            }
        }
        for (i, parked) in snapshot.parked.iter().enumerate() {
            if let Some(channel) = parked.channel.as_ref().filter(|code| !self.channels.contains(code)) {
                let problem = format!(
                    "the fact about order {} is of channel {channel}, which the tenant does not have",
                    parked.order
                );
                self.fault(format!("parked[{i}]"), "channel", problem);
            }
        }
    }
}

#[cfg(test)]
mod tests;
