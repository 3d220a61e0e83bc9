//! One order being decided: its working copy, what the answer says as a whole, and the few ways in which state changes.
//!
//! Every change of state goes through a method here that also writes the effect down. Which change is right is decided
//! in the rule files.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
};

use plugin_api::{InvoiceNumbering, Observation, ShippedBy, Status};

use super::{Code, Fact, Outcome, Part, Policy, Row, Verdict, place, select};
use crate::domain::{
    codes::{FacilityCode, ItemCode, OwnerCode, PackageCode, natural},
    duties::{Putaway, PutawayStatus, PutawayType},
    effect::Effect,
    fingerprint,
    invoice::{Invoice, InvoiceStatus, SequenceKind},
    ledger::Ledger,
    observed::Observed,
    order::{Item, ItemStatus, OrderStatus, Package, PackageSource, PackageStatus, Stage},
    snapshot::{OrderFile, Traceability},
    time,
};

/// An item's place in the order's list.
pub(super) type ItemIndex = usize;

pub(super) struct Case<'a> {
    pub(super) file: OrderFile,
    pub(super) ledger: &'a mut Ledger,
    pub(super) policy: &'a Policy,
    effects: Vec<Effect>,
    /// Items that have a word of their own in this answer; an order's word passes them by.
    own_word: Vec<ItemIndex>,
    /// Items that this answer says were sent, each with the observation that says so.
    pub(super) sent: BTreeMap<ItemIndex, Observation>,
    /// Items that this answer says were cancelled, or came back undelivered.
    pub(super) said: BTreeSet<(Part, ItemIndex)>,
    /// What a group decided for each of its items, so that every fact about them gets the same answer.
    done: BTreeMap<(Part, ItemIndex), Verdict>,
}

impl<'a> Case<'a> {
    pub(super) fn new(file: OrderFile, ledger: &'a mut Ledger, policy: &'a Policy) -> Self {
        Case {
            file,
            ledger,
            policy,
            effects: Vec::new(),
            own_word: Vec::new(),
            sent: BTreeMap::new(),
            said: BTreeSet::new(),
            done: BTreeMap::new(),
        }
    }

    // ---- what the answer says as a whole

    /// Notes which items the answer speaks of by name, and which it says are cancelled or came back undelivered.
    ///
    /// What a guard has answered already was said all the same: an order's word must not reach units that have their own.
    pub(super) fn read_answer(&mut self, facts: &[Fact], work: &[(usize, Status)]) {
        for fact in facts {
            let seen = &fact.observation;
            if (seen.item.is_some() || seen.sku.is_some())
                && let Some(status) = seen.status.filter(|status| *status != Status::Unmapped)
                && let Ok(found) = select::targets(self, seen, status)
            {
                self.own_word.extend(found.items);
            }
        }
        for (index, status) in work {
            let part = match status {
                Status::Cancelled => Part::Cancel,
                Status::CourierReturn | Status::RtoInitiated | Status::RtoDelivered | Status::Returned => {
                    Part::Return
                }
                _ => continue,
            };
            if let Ok(found) = select::targets(self, &facts[*index].observation, *status) {
                self.said.extend(found.items.into_iter().map(|item| (part, item)));
            }
        }
    }

    /// Notes which items the answer says were sent, in so many words or by what happened to them later.
    pub(super) fn read_sent(&mut self, facts: &[Fact], work: &[(usize, Status)]) {
        let in_so_many_words = |status: &Status| place(*status).0 == Part::Dispatch;
        let first = work.iter().filter(|(_, status)| in_so_many_words(status));
        for (index, status) in first.chain(work.iter().filter(|(_, status)| !in_so_many_words(status))) {
            if matches!(place(*status).0, Part::Note | Part::Cancel) {
                continue;
            }
            let seen = &facts[*index].observation;
            if let Ok(found) = select::targets(self, seen, *status) {
                for item in found.items {
                    self.sent.entry(item).or_insert_with(|| seen.clone());
                }
            }
        }
    }

    pub(super) fn has_own_word(&self, item: ItemIndex) -> bool {
        self.own_word.contains(&item)
    }

    pub(super) fn decided(&self, part: Part, item: ItemIndex) -> Option<Verdict> {
        self.done.get(&(part, item)).cloned()
    }

    pub(super) fn decide(&mut self, part: Part, item: ItemIndex, verdict: Verdict) {
        self.done.insert((part, item), verdict);
    }

    /// Runs a group: if it is refused, nothing of it has happened.
    pub(super) fn attempt<T>(
        &mut self,
        group: impl FnOnce(&mut Self) -> Result<T, Verdict>,
    ) -> Result<T, Verdict> {
        let (file, effects, done, mark) =
            (self.file.clone(), self.effects.len(), self.done.clone(), self.ledger.mark());
        let result = group(self);
        if let Err(verdict) = &result
            && verdict.outcome == Outcome::Refused
        {
            self.file = file;
            self.effects.truncate(effects);
            self.done = done;
            self.ledger.roll_back(mark);
        }
        result
    }

    // ---- who ships, who numbers

    /// Who ships the order: its own word first, then the channel's.
    pub(super) fn shipped_by(&self) -> Option<ShippedBy> {
        self.file.order.shipping.or(self.policy.shipping)
    }

    /// Whether the channel is the source of delivery and courier status.
    pub(super) fn channel_tells_delivery(&self) -> bool {
        self.policy.trust_delivery || self.shipped_by() != Some(ShippedBy::Seller)
    }

    pub(super) fn owner(&self, facility: &FacilityCode) -> OwnerCode {
        self.policy.billing_party.clone().unwrap_or_else(|| facility.as_str().into())
    }

    pub(super) fn owner_words(&self, owner: &OwnerCode) -> String {
        let what = if self.policy.billing_party.is_some() { "billing party" } else { "facility" };
        format!("{what} {owner}")
    }

    pub(super) fn is_traced_by_unit(&self, facility: &FacilityCode) -> bool {
        self.policy.traceability.get(facility) == Some(&Traceability::Item)
    }

    // ---- reading

    pub(super) fn item(&self, index: ItemIndex) -> &Item {
        &self.file.order.items[index]
    }

    pub(super) fn code_of(&self, index: ItemIndex) -> ItemCode {
        self.item(index).code.clone()
    }

    pub(super) fn codes_of(&self, items: &[ItemIndex]) -> Vec<ItemCode> {
        items.iter().map(|&item| self.code_of(item)).collect()
    }

    /// The living package of an item.
    pub(super) fn package_of(&self, index: ItemIndex) -> Option<&Package> {
        self.file.order.living_package_of(self.item(index))
    }

    pub(super) fn package(&self, code: &PackageCode) -> Option<&Package> {
        self.file.order.package(code)
    }

    /// The items of a package that are not cancelled, in the order of their codes.
    pub(super) fn living_items(&self, package: &PackageCode) -> Vec<ItemIndex> {
        let mut items: Vec<_> = (0..self.file.order.items.len())
            .filter(|&index| {
                let item = self.item(index);
                item.package.as_ref() == Some(package) && item.status != ItemStatus::Cancelled
            })
            .collect();
        items.sort_by(|&a, &b| natural(self.item(a).code.as_str(), self.item(b).code.as_str()));
        items
    }

    /// The units of a package that are not cancelled and did not come back yet: what an RTO can bring.
    pub(super) fn still_out(&self, package: &PackageCode) -> Vec<ItemIndex> {
        let mut items = self.living_items(package);
        items.retain(|&index| self.item(index).status != ItemStatus::Returned);
        items
    }

    /// Where a unit stands, for the rules: its own state and its package's.
    pub(super) fn standing(&self, index: ItemIndex) -> Standing {
        let item = self.item(index);
        let stage = self.package_of(index).map(|package| package.status.stage());
        match (item.status, stage) {
            (ItemStatus::Cancelled, _) => Standing::Cancelled,
            (ItemStatus::Returned, _)
            | (ItemStatus::Dispatched | ItemStatus::Delivered, Some(Stage::Returned)) => Standing::Returned,
            (ItemStatus::Dispatched | ItemStatus::Delivered, Some(Stage::Acknowledged)) => {
                Standing::Acknowledged
            }
            (ItemStatus::Dispatched | ItemStatus::Delivered, Some(Stage::ComingBack)) => Standing::ComingBack,
            (ItemStatus::Delivered, _) => Standing::Delivered,
            (ItemStatus::Dispatched, _) => Standing::Sent,
            (
                ItemStatus::Created
                | ItemStatus::Unfulfillable
                | ItemStatus::Fulfillable
                | ItemStatus::LocationNotServiceable,
                _,
            ) => Standing::Open,
        }
    }

    /// How far along an open or sent unit is, for choosing among like ones.
    pub(super) fn progress(&self, index: ItemIndex) -> u8 {
        let package = self.package_of(index).map_or(0, |package| package.status as u8 + 2);
        let item = match self.item(index).status {
            ItemStatus::Created | ItemStatus::Unfulfillable | ItemStatus::LocationNotServiceable => 0,
            ItemStatus::Fulfillable => 1,
            ItemStatus::Dispatched => 30,
            ItemStatus::Delivered => 40,
            ItemStatus::Returned => 50,
            ItemStatus::Cancelled => 60,
        };
        item + package
    }

    /// The facility of a unit: its own, its package's, the channel's.
    fn known_facility(&self, index: ItemIndex) -> Option<FacilityCode> {
        let own = self.item(index).facility.clone();
        own.or_else(|| self.package_of(index).and_then(|package| package.facility.clone()))
            .or_else(|| self.policy.default_facility.clone())
    }

    /// The facility that a unit goes out from.
    ///
    /// # Errors
    /// Refused if neither item nor channel knows one.
    pub(super) fn facility_of(&self, index: ItemIndex) -> Result<FacilityCode, Verdict> {
        let item = self.item(index);
        self.known_facility(index).ok_or_else(|| {
            let text = format!(
                "Item {} has no facility and channel {} has no default",
                item.code, self.policy.channel
            );
            Verdict::new(Outcome::Refused, Row::D14, text).code(Code::FacilityNotAssigned)
        })
    }

    /// Whether putaways of all these units are complete.
    pub(super) fn is_put_away(&self, index: ItemIndex) -> bool {
        let code = &self.item(index).code;
        let mut due = self
            .file
            .putaways
            .iter()
            .filter(|putaway| putaway.item == *code && putaway.status != PutawayStatus::Discarded)
            .peekable();
        due.peek().is_some() && due.all(|putaway| putaway.status == PutawayStatus::Complete)
    }

    // ---- changing

    pub(super) fn note(&mut self, text: impl Into<String>) {
        self.effects.push(Effect::Note { text: text.into() });
    }

    pub(super) fn push(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    pub(super) fn take_effects(&mut self) -> Vec<Effect> {
        mem::take(&mut self.effects)
    }

    pub(super) fn set_item(&mut self, index: ItemIndex, to: ItemStatus) {
        let item = &mut self.file.order.items[index];
        if item.status != to {
            let allocated = item.is_allocated();
            self.effects.push(Effect::Item { item: item.code.clone(), from: item.status, to });
            item.status = to;
            item.allocated = Some(allocated);
        }
    }

    pub(super) fn move_item(&mut self, index: ItemIndex, to: Option<PackageCode>) {
        let item = &mut self.file.order.items[index];
        if item.package != to {
            self.effects.push(Effect::Moved {
                item: item.code.clone(),
                from: item.package.clone(),
                to: to.clone(),
            });
            item.package = to;
        }
    }

    pub(super) fn edit_item(&mut self, index: ItemIndex) -> &mut Item {
        &mut self.file.order.items[index]
    }

    pub(super) fn edit_package(&mut self, code: &PackageCode) -> Option<&mut Package> {
        self.file.order.packages.iter_mut().find(|package| package.code == *code)
    }

    pub(super) fn set_package(&mut self, code: &PackageCode, to: PackageStatus) {
        let Some(package) = self.file.order.packages.iter_mut().find(|package| package.code == *code) else {
            return;
        };
        if package.status != to {
            self.effects.push(Effect::Package { package: code.clone(), from: package.status, to });
            package.status = to;
        }
    }

    pub(super) fn make_package(
        &mut self,
        code: PackageCode,
        facility: FacilityCode,
        source: PackageSource,
        status: PackageStatus,
    ) {
        self.effects.push(Effect::PackageMade { package: code.clone(), source });
        self.file.order.packages.push(Package {
            code,
            facility: Some(facility),
            status,
            source,
            channel_package_id: None,
            awb: None,
            courier: None,
            invoice: None,
            hold: None,
            dispatched_at: None,
            delivered_at: None,
            last_delivered_at: None,
            courier_status: None,
        });
    }

    /// Writes an invoice for a package.
    pub(super) fn add_invoice(&mut self, invoice: Invoice) {
        self.effects.push(Effect::Invoice {
            number: invoice.number.clone(),
            kind: invoice.kind,
            package: invoice.package.clone(),
            to: invoice.status,
        });
        if invoice.kind == SequenceKind::SaleInvoice
            && let Some(package) = self.edit_package(&invoice.package)
        {
            package.invoice = Some(invoice.number.clone());
        }
        self.file.invoices.push(invoice);
    }

    /// The live sale invoice of a package.
    pub(super) fn live_invoice(&self, package: &PackageCode) -> Option<&Invoice> {
        let number = self.package(package)?.invoice.as_ref()?;
        self.file.invoices.iter().rev().find(|invoice| {
            invoice.kind == SequenceKind::SaleInvoice
                && invoice.number == *number
                && (invoice.package == *package || invoice.status == InvoiceStatus::Generated)
        })
    }

    /// Cancels the live invoice of a package; its number stays used.
    pub(super) fn cancel_invoice(&mut self, package: &PackageCode) {
        let Some(number) = self.edit_package(package).and_then(|package| package.invoice.take()) else {
            return;
        };
        let live = self.file.invoices.iter_mut().find(|invoice| {
            invoice.kind == SequenceKind::SaleInvoice
                && invoice.number == number
                && invoice.package == *package
                && invoice.status == InvoiceStatus::Generated
        });
        if let Some(invoice) = live {
            invoice.status = InvoiceStatus::Cancelled;
        }
        self.effects.push(Effect::Invoice {
            number,
            kind: SequenceKind::SaleInvoice,
            package: package.clone(),
            to: InvoiceStatus::Cancelled,
        });
    }

    /// Moves stock of a unit's product in its facility.
    pub(super) fn move_stock(&mut self, index: ItemIndex, on_hand: i64, blocked: i64, shortfall: i64) {
        let Some(facility) = self.known_facility(index) else { return };
        let sku = self.item(index).sku.clone();
        self.ledger.change_stock(&(facility.clone(), sku.clone()), |row| {
            row.on_hand += on_hand;
            row.blocked += blocked;
            row.shortfall += shortfall;
        });
        self.effects.push(Effect::Stock { facility, sku, on_hand, blocked, shortfall });
    }

    /// Frees the block on stock that a unit holds.
    pub(super) fn release(&mut self, index: ItemIndex) {
        if self.item(index).is_allocated() && self.stock_of(index).is_some_and(|stock| stock.blocked > 0) {
            self.move_stock(index, 0, -1, 0);
        }
        self.edit_item(index).allocated = Some(false);
    }

    pub(super) fn stock_of(&self, index: ItemIndex) -> Option<crate::domain::stock::Stock> {
        Some(self.ledger.stock(&(self.known_facility(index)?, self.item(index).sku.clone())))
    }

    /// Makes a putaway due, unless one for the same unit and reason is. A unit comes back once, but may be opened again
    /// and cancelled again.
    pub(super) fn due(&mut self, index: ItemIndex, kind: PutawayType, package: Option<PackageCode>) {
        let item = self.code_of(index);
        let comes_back = matches!(kind, PutawayType::CourierReturnedItems | PutawayType::ReversePickupItem);
        if self.file.putaways.iter().any(|p| {
            p.item == item
                && p.kind == kind
                && (p.status == PutawayStatus::Due || p.status == PutawayStatus::Complete && comes_back)
        }) {
            return;
        }
        let code = self.ledger.putaway_code();
        self.effects.push(Effect::PutawayDue { code: code.clone(), kind, item: item.clone() });
        self.file.putaways.push(Putaway {
            code,
            kind,
            item,
            package,
            status: PutawayStatus::Due,
            quality: None,
        });
    }

    /// A unit that leaves does not go back on the shelf first.
    pub(super) fn discard_putaways(&mut self, index: ItemIndex) {
        let item = self.code_of(index);
        let due = |putaway: &&mut Putaway| putaway.item == item && putaway.status == PutawayStatus::Due;
        let mut codes = Vec::new();
        for putaway in self.file.putaways.iter_mut().filter(due) {
            putaway.status = PutawayStatus::Discarded;
            codes.push(putaway.code.clone());
        }
        for code in codes {
            self.note(format!("putaway {code} is discarded: item {item} leaves after all"));
        }
    }

    /// Fills blank facts of a package; never overwrites.
    pub(super) fn fill_package(&mut self, code: &PackageCode, seen: &Observation) {
        let numbers = self.policy.invoice_numbering == InvoiceNumbering::Channel;
        let mut filled = Vec::new();
        let mut notes = Vec::new();
        if let Some(package) = self.edit_package(code) {
            for (field, slot, value) in [
                ("channel package id", &mut package.channel_package_id, &seen.package),
                ("AWB", &mut package.awb, &seen.awb),
                ("courier", &mut package.courier, &seen.courier),
            ] {
                match (slot.as_deref().filter(|text| !text.is_empty()), value) {
                    (None, Some(value)) if !value.is_empty() => {
                        *slot = Some(value.clone());
                        filled.push((field, value.clone()));
                    }
                    (Some(old), Some(new)) if field == "AWB" && old != new => {
                        notes.push(format!(
                            "package {code} has AWB {old}, the channel says {new}: not overwritten"
                        ));
                    }
                    _ => {}
                }
            }
            if matches!(seen.status, Some(Status::Dispatched | Status::Complete))
                && package.dispatched_at.is_none()
            {
                package.dispatched_at = seen.at;
            }
        }
        for (field, value) in filled {
            self.effects.push(Effect::Filled {
                of: format!("package {code}"),
                field: field.to_owned(),
                value,
            });
        }
        for note in notes {
            self.attention(note);
        }
        let sent = self.package(code).is_some_and(|package| {
            package.invoice.is_none() && !matches!(package.status.stage(), Stage::BeforePacked | Stage::Gone)
        });
        if numbers
            && sent
            && let Some(number) = &seen.invoice
        {
            let items = self.living_items(code);
            if let Err(bad) = super::dispatch::adopt_invoice(self, code, &items, number) {
                self.attention(format!("package {code}: {}", bad.message));
            }
        }
    }

    /// Keeps the marketplace's own word on an item.
    pub(super) fn keep_word(&mut self, items: &[ItemIndex], word: &str) {
        for &item in items {
            self.edit_item(item).channel_status = Some(word.to_owned()).filter(|word| !word.is_empty());
        }
    }

    /// A sentence for the order's attention list, once.
    pub(super) fn attention(&mut self, text: String) {
        if !self.file.order.attention.contains(&text) {
            self.note(text.clone());
            self.file.order.attention.push(text);
        }
    }

    /// Remembers that an observation was applied.
    pub(super) fn remember(&mut self, seen: &Observation) {
        let print = fingerprint::text(&Observed::from(seen.clone()));
        if !self.file.order.applied.contains(&print) {
            self.file.order.applied.push(print);
        }
    }

    pub(super) fn knows(&self, seen: &Observation) -> bool {
        !self.file.order.applied.is_empty()
            && self.file.order.applied.contains(&fingerprint::text(&Observed::from(seen.clone())))
    }

    /// Lifts a hold and accepts an order that waits for it, when something was applied.
    pub(super) fn accompany(&mut self, mut verdict: Verdict) -> Verdict {
        let acted = self.effects.iter().any(|effect| matches!(effect, Effect::Item { .. }));
        if verdict.outcome != Outcome::Applied && !acted {
            return verdict;
        }
        if self.file.order.on_hold {
            self.file.order.on_hold = false;
            self.note("the order was on hold; the hold is lifted, since the marketplace has acted");
            verdict = verdict.after(&[Row::G10]);
        }
        let waits = self.file.order.status == OrderStatus::PendingVerification;
        let sent = self.file.order.items.iter().any(|item| {
            matches!(item.status, ItemStatus::Dispatched | ItemStatus::Delivered | ItemStatus::Returned)
        });
        if waits && sent {
            self.effects
                .push(Effect::Order { from: OrderStatus::PendingVerification, to: OrderStatus::Created });
            self.file.order.status = OrderStatus::Created;
            verdict = verdict.after(&[Row::G11]);
        }
        verdict
    }

    /// Lets the order's status follow its items.
    pub(super) fn derive_order_status(&mut self) {
        let to = self.file.order.derived_status();
        let from = self.file.order.status;
        if from != to {
            self.effects.push(Effect::Order { from, to });
            self.file.order.status = to;
        }
    }

    /// Warns when a document of this year is made for something that happened in another.
    pub(super) fn warn_of_year_boundary(&mut self, seen: &Observation) {
        if let Some(at) = seen.at
            && time::financial_year(at) != time::financial_year(self.policy.now)
        {
            self.note(format!(
                "the channel dispatched on {}, the invoice belongs to financial year {}",
                time::india_date(at),
                time::financial_year(self.policy.now)
            ));
        }
    }
}

/// Where a unit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Has not left.
    Open,
    /// On its way out.
    Sent,
    /// With the buyer.
    Delivered,
    /// On its way back, undelivered.
    ComingBack,
    /// Back by the warehouse's word.
    Acknowledged,
    /// Back by the channel's word.
    Returned,
    /// Will not be sent.
    Cancelled,
}
