//! A small stage: one order with stock and series, things said about it, and what comes of that as text.

use std::{
    collections::{BTreeSet, HashMap},
    fmt::Write,
};

use plugin_api::{InvoiceNumbering, Observation, ReturnFact, ReturnKind, ShippedBy, Status};

use super::super::{Decision, Fact, Policy, apply, people};
use crate::domain::{
    duties,
    effect::Effect,
    invoice::{Invoice, InvoiceStatus, Sequence, SequenceKind},
    ledger::{Counters, Ledger},
    order::{
        Hold, Item, ItemStatus, Order, OrderStatus, Package, PackageSource, PackageStatus, ReturnStatus,
        Stage,
    },
    snapshot::OrderFile,
    stock::Stock,
    time,
};

pub(super) const ALL_SERIES: [SequenceKind; 3] =
    [SequenceKind::ShippingPackage, SequenceKind::SaleInvoice, SequenceKind::SaleReturnInvoice];

#[derive(Debug)]
pub(super) struct Scene {
    pub(super) file: OrderFile,
    pub(super) ledger: Ledger,
    pub(super) policy: Policy,
    series: Vec<Sequence>,
}

fn series_of(kind: SequenceKind) -> Sequence {
    let (prefix, width, next) = match kind {
        SequenceKind::ShippingPackage => ("SP", 1, 101),
        SequenceKind::SaleInvoice => ("INV/", 4, 1),
        SequenceKind::SaleReturnInvoice => ("RET/", 4, 1),
    };
    Sequence {
        owner: "DEL1".into(),
        kind,
        prefix: prefix.to_owned(),
        width,
        next,
        reset: true,
        next_year_prefix: None,
        financial_year: None,
    }
}

/// An order without units, ten of product A on hand, every series defined, everything declared; 20 January 2026.
pub(super) fn scene() -> Scene {
    let capabilities: BTreeSet<_> = Status::ALL
        .iter()
        .flat_map(|&status| [(status, ShippedBy::Channel), (status, ShippedBy::Seller)])
        .collect();
    let order = Order {
        code: "O1".into(),
        channel: "FK1".into(),
        channel_order_id: "OD1".to_owned(),
        status: OrderStatus::Processing,
        shipping: Some(ShippedBy::Channel),
        on_hold: false,
        items: Vec::new(),
        packages: Vec::new(),
        returns: Vec::new(),
        attention: Vec::new(),
        applied: Vec::new(),
    };
    let file = OrderFile { order, invoices: Vec::new(), putaways: Vec::new(), conflicts: Vec::new() };
    let policy = Policy {
        channel: "FK1".into(),
        shipping: Some(ShippedBy::Channel),
        invoice_numbering: InvoiceNumbering::Seller,
        default_facility: None,
        billing_party: None,
        trust_delivery: false,
        capabilities,
        traceability: HashMap::new(),
        return_window_ms: 30 * 86_400_000,
        now: at("2026-01-20T10:00:00Z"),
    };
    let mut scene = Scene { file, ledger: Ledger::default(), policy, series: Vec::new() };
    scene.series = ALL_SERIES.map(series_of).to_vec();
    scene.reload(10, 0);
    scene
}

/// An order of one unit that is in no package.
pub(super) fn loose(status: ItemStatus) -> Scene {
    scene().loose(status)
}

/// An order with one package.
pub(super) fn packed(status: PackageStatus, units: usize) -> Scene {
    scene().package("SP90", status, units)
}

pub(super) fn at(text: &str) -> i64 {
    let text = if text.contains('T') { text.to_owned() } else { format!("{text}T00:00:00Z") };
    time::parse(&text).unwrap()
}

fn unit_of(status: PackageStatus) -> ItemStatus {
    match status.stage() {
        Stage::BeforePacked | Stage::Packed => ItemStatus::Fulfillable,
        Stage::Sent | Stage::ComingBack | Stage::Acknowledged => ItemStatus::Dispatched,
        Stage::Delivered => ItemStatus::Delivered,
        Stage::Returned => ItemStatus::Returned,
        Stage::Gone => ItemStatus::Cancelled,
    }
}

impl Scene {
    /// Builds the ledger again, as a store would load it.
    fn reload(&mut self, on_hand: i64, blocked: i64) {
        let row = Stock { on_hand, blocked, ..Stock::none("DEL1".into(), "A".into()) };
        let used = self
            .file
            .invoices
            .iter()
            .map(|i| (i.owner.clone(), i.kind, i.financial_year.clone(), i.number.clone()))
            .collect();
        let counters = Counters {
            putaways: self.file.putaways.len() as u64,
            conflicts: self.file.conflicts.len() as u64,
        };
        self.ledger = Ledger::new([row], self.series.clone(), used, counters);
    }

    fn add_unit(&mut self, status: ItemStatus, package: Option<&str>) {
        let number = self.file.order.items.len() + 1;
        let item = Item {
            code: format!("O1-{number}").into(),
            channel_item_id: Some(number.to_string()),
            sku: "A".into(),
            facility: Some("DEL1".into()),
            status,
            package: package.map(Into::into),
            allocated: None,
            cancelled_at: None,
            channel_status: None,
        };
        if item.is_allocated() {
            self.ledger.change_stock(&("DEL1".into(), "A".into()), |row| row.blocked += 1);
        }
        self.file.order.items.push(item);
        self.file.order.status = self.file.order.derived_status();
    }

    pub(super) fn loose(mut self, status: ItemStatus) -> Self {
        self.add_unit(status, None);
        self
    }

    /// A package with units as its state has them; with an invoice from `PACKED` on.
    pub(super) fn package(mut self, code: &str, status: PackageStatus, units: usize) -> Self {
        let first = self.file.order.items.len();
        for _ in 0..units {
            self.add_unit(unit_of(status), Some(code));
        }
        let invoiced = !matches!(status.stage(), Stage::BeforePacked | Stage::Gone);
        let number = format!("OLD/{code}");
        if invoiced {
            self.file.invoices.push(Invoice {
                owner: "DEL1".into(),
                kind: SequenceKind::SaleInvoice,
                financial_year: "2025-26".to_owned(),
                number: number.clone(),
                package: code.into(),
                status: InvoiceStatus::Generated,
                date: time::india_date(at("2026-01-10")),
                against: None,
                items: self.file.order.items[first..].iter().map(|item| item.code.clone()).collect(),
            });
        }
        self.file.order.packages.push(Package {
            code: code.into(),
            facility: Some("DEL1".into()),
            status,
            source: PackageSource::Allocation,
            channel_package_id: None,
            awb: None,
            courier: None,
            invoice: invoiced.then_some(number),
            hold: None,
            dispatched_at: None,
            delivered_at: None,
            last_delivered_at: None,
            courier_status: None,
        });
        self
    }

    /// Changes anything else.
    pub(super) fn with(mut self, change: impl FnOnce(&mut Scene)) -> Self {
        change(&mut self);
        self
    }

    pub(super) fn seller_ships(self) -> Self {
        self.with(|scene| scene.file.order.shipping = Some(ShippedBy::Seller))
    }

    pub(super) fn stock(mut self, on_hand: i64, blocked: i64) -> Self {
        self.reload(on_hand, blocked);
        self
    }

    pub(super) fn lacking(mut self, kinds: &[SequenceKind]) -> Self {
        let stock = self.stock_row();
        self.series.retain(|series| !kinds.contains(&series.kind));
        self.reload(stock.on_hand, stock.blocked);
        self
    }

    pub(super) fn define(&mut self, kind: SequenceKind) {
        self.define_as(series_of(kind));
    }

    pub(super) fn define_as(&mut self, series: Sequence) {
        for changed in self.ledger.changes(Counters::default()).sequences {
            self.series.retain(|known| known.kind != changed.kind || known.owner != changed.owner);
            self.series.push(changed);
        }
        self.series.retain(|known| known.kind != series.kind || known.owner != series.owner);
        self.series.push(series);
        let stock = self.stock_row();
        self.reload(stock.on_hand, stock.blocked);
        self.ledger.change_stock(&("DEL1".into(), "A".into()), |row| row.shortfall = stock.shortfall);
    }

    pub(super) fn stock_row(&self) -> Stock {
        self.ledger.stock(&("DEL1".into(), "A".into()))
    }

    pub(super) fn item(&mut self, number: usize) -> &mut Item {
        &mut self.file.order.items[number - 1]
    }

    pub(super) fn edit(&mut self, package: &str) -> &mut Package {
        self.file.order.packages.iter_mut().find(|known| known.code == *package).unwrap()
    }

    /// Applies one answer and keeps the order as it is afterwards.
    pub(super) fn decide(&mut self, facts: &[Observation]) -> Decision {
        let facts: Vec<_> = facts.iter().cloned().map(Fact::new).collect();
        let decision = apply(&self.file, &mut self.ledger, &self.policy, &facts);
        if let Some(file) = &decision.file {
            self.file = file.clone();
        }
        decision
    }

    /// The same, as text: a line a fact, then what it changed.
    pub(super) fn hear(&mut self, facts: &[Observation]) -> String {
        let decision = self.decide(facts);
        let mut text = String::new();
        for (verdict, effects) in decision.verdicts.iter().zip(&decision.effects) {
            let code = verdict.code.map_or_else(String::new, |code| format!(" {}", code.as_str()));
            writeln!(text, "{} {}{code}: {}", verdict.outcome, verdict.row_text(), verdict.message).unwrap();
            list(&mut text, effects);
        }
        text
    }

    /// A person decides a conflict.
    pub(super) fn person(&mut self, code: &str, decision: duties::Decision) -> String {
        match people::decide_conflict(&self.file, &mut self.ledger, &self.policy, code, decision) {
            Ok(act) => self.keep(act),
            Err(why) => format!("not done: {why}"),
        }
    }

    /// A person completes a putaway.
    pub(super) fn put_away(&mut self, code: &str, quality: duties::Quality) -> String {
        match people::complete_putaway(&self.file, &mut self.ledger, &self.policy, code, quality) {
            Ok(act) => self.keep(act),
            Err(why) => format!("not done: {why}"),
        }
    }

    fn keep(&mut self, act: people::Act) -> String {
        let mut text = String::new();
        for verdict in &act.verdicts {
            writeln!(text, "{} {}: {}", verdict.outcome, verdict.row_text(), verdict.message).unwrap();
        }
        list(&mut text, &act.effects);
        self.file = act.file;
        text
    }

    /// The order as it is, a line a thing.
    pub(super) fn state(&self) -> String {
        let order = &self.file.order;
        let mut text = format!("order {}{}\n", order.status, if order.on_hold { " on hold" } else { "" });
        for item in &order.items {
            let package = item.package.as_ref().map_or_else(String::new, |package| format!(" in {package}"));
            let word = item.channel_status.as_ref().map_or_else(String::new, |word| format!(" ({word})"));
            writeln!(text, "{} {}{package}{word}", item.code, item.status).unwrap();
        }
        for package in &order.packages {
            let invoice = package.invoice.as_deref().unwrap_or("no invoice");
            let held = package.hold.map_or("", Hold::as_str);
            let awb = package.awb.as_deref().map_or_else(String::new, |awb| format!(" AWB {awb}"));
            writeln!(
                text,
                "{}",
                format!("{} {} {}, {invoice}{awb} {held}", package.code, package.status, package.source)
                    .trim_end()
            )
            .unwrap();
        }
        for ret in &order.returns {
            let items: Vec<_> = ret.items.iter().map(ToString::to_string).collect();
            writeln!(
                text,
                "{} {} {} ({}) reason {:?} AWB {:?} courier {:?} at {:?} flag {:?}",
                ret.kind.as_str(),
                ret.code,
                ret.status,
                items.join(", "),
                ret.reason.as_deref().unwrap_or(""),
                ret.awb.as_deref().unwrap_or(""),
                ret.courier.as_deref().unwrap_or(""),
                ret.at.map(time::text).unwrap_or_default(),
                ret.flag.as_deref().unwrap_or(""),
            )
            .unwrap();
        }
        for invoice in &self.file.invoices {
            let items: Vec<_> = invoice.items.iter().map(ToString::to_string).collect();
            let against =
                invoice.against.as_deref().map_or_else(String::new, |number| format!(" against {number}"));
            writeln!(
                text,
                "{} {} {} of {}{against} ({})",
                invoice.kind,
                invoice.number,
                invoice.status,
                invoice.package,
                items.join(", ")
            )
            .unwrap();
        }
        for putaway in &self.file.putaways {
            writeln!(text, "{} {} {} {}", putaway.code, putaway.kind, putaway.item, putaway.status).unwrap();
        }
        for conflict in &self.file.conflicts {
            let open = if conflict.open { "open" } else { "closed" };
            writeln!(text, "{} {} {open}: {}", conflict.code, conflict.cause, conflict.message).unwrap();
        }
        for line in &order.attention {
            writeln!(text, "attention: {line}").unwrap();
        }
        let stock = self.stock_row();
        writeln!(text, "stock {} blocked {} shortfall {}", stock.on_hand, stock.blocked, stock.shortfall)
            .unwrap();
        text
    }

    /// What facts in any order have to agree on: states of items and packages, and the counts.
    pub(super) fn outline(&self) -> String {
        let order = &self.file.order;
        let mut text = format!("{}", order.status);
        for item in &order.items {
            write!(text, " {} {}", item.code, item.status).unwrap();
        }
        for package in &order.packages {
            write!(text, " {} {}", package.code, package.status).unwrap();
        }
        let sales = self.file.invoices.iter().filter(|i| i.kind == SequenceKind::SaleInvoice).count();
        write!(text, " packages {} sale invoices {sales}", order.packages.len()).unwrap();
        text
    }

    pub(super) fn open_returns(&self) -> usize {
        self.file.order.returns.iter().filter(|ret| ret.status == ReturnStatus::NotReceived).count()
    }
}

fn list(text: &mut String, effects: &[Effect]) {
    for effect in effects {
        writeln!(text, "  {effect}").unwrap();
    }
}

/// A fact about the whole order.
pub(super) fn says(status: Status) -> Observation {
    Observation::new("OD1", Some(status), status.as_str().to_lowercase())
}

/// The rest of a fact.
pub(super) trait Words {
    fn sku(self, sku: &str, quantity: u32) -> Self;
    fn on(self, at: &str) -> Self;
    fn package(self, id: &str) -> Self;
    fn awb(self, awb: &str) -> Self;
    fn invoice(self, number: &str) -> Self;
    fn raw(self, raw: &str) -> Self;
    fn ret(self, id: &str, kind: Option<ReturnKind>) -> Self;
}

impl Words for Observation {
    fn sku(mut self, sku: &str, quantity: u32) -> Self {
        self.sku = Some(sku.to_owned());
        self.quantity = Some(quantity);
        self
    }
    fn on(mut self, text: &str) -> Self {
        self.at = Some(at(text));
        self
    }
    fn package(mut self, id: &str) -> Self {
        self.package = Some(id.to_owned());
        self
    }
    fn awb(mut self, awb: &str) -> Self {
        self.awb = Some(awb.to_owned());
        self
    }
    fn invoice(mut self, number: &str) -> Self {
        self.invoice = Some(number.to_owned());
        self
    }
    fn raw(mut self, raw: &str) -> Self {
        raw.clone_into(&mut self.raw);
        self
    }
    fn ret(mut self, id: &str, kind: Option<ReturnKind>) -> Self {
        let id = Some(id.to_owned()).filter(|id| !id.is_empty());
        self.ret = Some(ReturnFact { id, kind, ..ReturnFact::default() });
        self
    }
}
