//! What a page may need besides its orders: told from the orders alone, the same for every engine.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use plugin_api::Millis;

use super::page::PageKeys;
use crate::domain::{
    codes::{FacilityCode, OwnerCode, Sku, natural},
    duties::{Conflict, Parked, Putaway},
    invoice::{Invoice, Sequence, SequenceKind},
    order::Order,
    snapshot::{Channel, OrderFile},
    time,
};

/// The shared rows that the orders of a page may touch.
pub(super) struct Wanted<'a> {
    /// Where units may leave or come back.
    pub(super) places: BTreeSet<(&'a FacilityCode, &'a Sku)>,
    /// How many numbers each owner's series may give on this page: one for each unit and each package at most.
    draws: BTreeMap<&'a str, usize>,
}

impl<'a> Wanted<'a> {
    pub(super) fn by(channel: &'a Channel, files: impl Iterator<Item = &'a OrderFile>) -> Wanted<'a> {
        let mut places: BTreeSet<(&FacilityCode, &Sku)> = BTreeSet::new();
        let mut draws: BTreeMap<&str, usize> = BTreeMap::new();
        for file in files {
            for item in &file.order.items {
                let packed_in = item.package.as_ref().and_then(|code| file.order.package(code));
                let here = item.facility.as_ref().or(channel.default_facility.as_ref());
                let there = packed_in.and_then(|package| package.facility.as_ref());
                for facility in [here, there.filter(|there| Some(*there) != here)].into_iter().flatten() {
                    places.insert((facility, &item.sku));
                    *draws.entry(facility.as_str()).or_default() += 1;
                }
                if let Some(party) = &channel.billing_party {
                    *draws.entry(party.as_str()).or_default() += 1;
                }
            }
            for package in &file.order.packages {
                let owner = package.facility.as_ref().map(FacilityCode::as_str);
                for owner in
                    [owner, channel.billing_party.as_ref().map(OwnerCode::as_str)].into_iter().flatten()
                {
                    *draws.entry(owner).or_default() += 1;
                }
            }
        }
        Wanted { places, draws }
    }

    /// The invoice numbers that may be given on this page: owner, kind, financial year, number. `told` are those that the
    /// channel gave.
    pub(super) fn numbers<'b>(
        &self,
        channel: &'b Channel,
        (now, told): (Millis, &BTreeSet<&str>),
        sequences: &'b [Sequence],
    ) -> Vec<(&'b str, SequenceKind, String, String)> {
        let mut asked: Vec<(&str, SequenceKind, String, String)> = Vec::new();
        for sequence in sequences.iter().filter(|sequence| sequence.kind != SequenceKind::ShippingPackage) {
            let count = self.draws.get(sequence.owner.as_str()).copied().unwrap_or(0);
            let at = sequence.instant(now);
            let year = time::financial_year(at);
            let numbers = sequence.upcoming(at, count).into_iter();
            asked
                .extend(numbers.map(|number| (sequence.owner.as_str(), sequence.kind, year.clone(), number)));
        }
        let (given_by, year) = (channel.code.as_str(), time::financial_year(now));
        let given = told.iter();
        asked.extend(
            given.map(|number| (given_by, SequenceKind::SaleInvoice, year.clone(), (*number).to_owned())),
        );
        asked
    }
}

/// Invoice numbers that the channel gave: on this page, and in facts that wait or that a conflict has kept.
pub(super) fn told_numbers<'a>(
    keys: &'a PageKeys,
    waiting: &'a HashMap<String, Vec<(i64, Parked)>>,
    files: &'a HashMap<String, OrderFile>,
) -> BTreeSet<&'a str> {
    let waiting = waiting.values().flatten().map(|(_, parked)| &parked.observation);
    let kept = files.values().flat_map(|file| &file.conflicts).flat_map(|conflict| &conflict.facts);
    let facts = waiting.chain(kept).filter_map(|fact| fact.invoice.as_deref());
    keys.invoice_numbers.iter().map(String::as_str).chain(facts).collect()
}

/// What belongs to orders, by their codes.
#[derive(Default)]
pub(super) struct ByOrder {
    pub(super) invoices: HashMap<String, Vec<Invoice>>,
    pub(super) putaways: HashMap<String, Vec<Putaway>>,
    pub(super) conflicts: HashMap<String, Vec<Conflict>>,
}

impl ByOrder {
    /// Gives each order what belongs to it.
    pub(super) fn join(mut self, orders: Vec<Order>) -> Vec<OrderFile> {
        let file = |order: Order| {
            let code = order.code.as_str();
            let mut file = OrderFile {
                invoices: self.invoices.remove(code).unwrap_or_default(),
                putaways: self.putaways.remove(code).unwrap_or_default(),
                conflicts: self.conflicts.remove(code).unwrap_or_default(),
                order,
            };
            file.putaways.sort_by(|a, b| natural(&a.code, &b.code));
            file.conflicts.sort_by(|a, b| natural(&a.code, &b.code));
            file
        };
        orders.into_iter().map(file).collect()
    }
}

/// Keys of a page about one order, whatever its fingerprint.
pub(super) fn only(channel_order_id: String, now: Millis) -> PageKeys {
    PageKeys { orders: vec![(channel_order_id, None)], now, ..PageKeys::default() }
}
