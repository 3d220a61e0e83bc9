//! Every local state against every word of a marketplace, as the rules answer it. The printed table of the documents and
//! the test that compares it with what is wanted both come from here.
//!
//! Each cell is one run of [`apply`] over an order of one unit with every series defined; it says nothing about
//! parts of packages, quantities or missing series.

use std::{
    collections::{BTreeSet, HashMap},
    fmt::Write,
};

use plugin_api::{InvoiceNumbering, Millis, Observation, ReturnFact, ReturnKind, ShippedBy, Status};

use super::{Fact, Outcome, Policy, apply};
use crate::domain::{
    codes::{FacilityCode, Sku},
    invoice::{Invoice, InvoiceStatus, Sequence, SequenceKind},
    ledger::{Counters, Ledger},
    order::{
        Item, ItemStatus, Order, OrderStatus, Package, PackageSource, PackageStatus, Return, ReturnStatus,
        Stage,
    },
    snapshot::OrderFile,
    stock::Stock,
    time,
};

/// A state that a unit and its package can be in.
pub type Local = (ItemStatus, Option<PackageStatus>);

/// Something that a marketplace may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    /// The word.
    pub status: Status,
    /// For a return: its kind, if it is told.
    pub kind: Option<ReturnKind>,
    /// Who ships the order.
    pub shipped_by: ShippedBy,
}

/// The answer to one word in one state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The state.
    pub local: Local,
    /// The word.
    pub said: Said,
    /// The answer.
    pub outcome: Outcome,
    /// The rules that gave it: `D1>L2`.
    pub rows: String,
}

/// Every state that a unit and its package can be in together.
pub fn locals() -> Vec<Local> {
    use ItemStatus as I;
    let mut locals = vec![
        (I::Created, None),
        (I::Unfulfillable, None),
        (I::LocationNotServiceable, None),
        (I::Fulfillable, None),
    ];
    for &package in PackageStatus::ALL {
        let item = match package.stage() {
            Stage::BeforePacked | Stage::Packed => I::Fulfillable,
            Stage::Sent | Stage::ComingBack | Stage::Acknowledged => I::Dispatched,
            Stage::Delivered => I::Delivered,
            Stage::Returned => I::Returned,
            Stage::Gone => continue,
        };
        locals.push((item, Some(package)));
    }
    locals.extend([(I::Cancelled, None), (I::Cancelled, Some(PackageStatus::Cancelled))]);
    locals
}

/// The words, in the groups in which they are printed.
fn groups() -> Vec<(&'static str, Vec<Said>)> {
    let channel = |status| Said { status, kind: None, shipped_by: ShippedBy::Channel };
    let seller = |status| Said { status, kind: None, shipped_by: ShippedBy::Seller };
    let back = |status, kind| Said { status, kind: Some(kind), shipped_by: ShippedBy::Channel };
    let way = [
        Status::InTransit,
        Status::OutForDelivery,
        Status::Undelivered,
        Status::Lost,
        Status::Damaged,
        Status::Delivered,
    ];
    vec![
        (
            "Nothing has left yet",
            [
                Status::Created,
                Status::PendingVerification,
                Status::Packed,
                Status::ReadyToShip,
                Status::Unmapped,
            ]
            .map(channel)
            .to_vec(),
        ),
        (
            "Sent or cancelled",
            [Status::Dispatched, Status::Complete, Status::Cancelled].map(channel).to_vec(),
        ),
        ("On the way, the channel ships", way.map(channel).to_vec()),
        ("On the way, the seller ships", way.map(seller).to_vec()),
        (
            "Coming back undelivered",
            vec![
                channel(Status::CourierReturn),
                channel(Status::RtoInitiated),
                seller(Status::RtoInitiated),
                channel(Status::RtoDelivered),
                back(Status::Returned, ReturnKind::Rto),
            ],
        ),
        (
            "Sent back by the buyer",
            vec![
                back(Status::ReturnRequested, ReturnKind::Cir),
                back(Status::Returned, ReturnKind::Cir),
                channel(Status::Returned),
                back(Status::ReturnCancelled, ReturnKind::Cir),
            ],
        ),
    ]
}

const DAY_MS: Millis = 86_400_000;
/// 2026-01-20T00:00:00Z: any fixed day will do.
const NOW: Millis = 1_768_867_200_000;
/// When all that is known happened: 2026-01-19T00:00:00Z.
const KNOWN: Millis = 1_768_780_800_000;

/// What is said is newer than all that is known.
fn observation(said: Said) -> Observation {
    Observation {
        at: Some(NOW),
        ret: Some(ReturnFact { kind: said.kind, ..ReturnFact::default() }),
        ..Observation::new("OD1", Some(said.status), said.status.as_str())
    }
}

fn policy() -> Policy {
    let modes = [ShippedBy::Channel, ShippedBy::Seller];
    Policy {
        channel: "CH1".into(),
        shipping: None,
        invoice_numbering: InvoiceNumbering::Seller,
        default_facility: None,
        billing_party: None,
        trust_delivery: false,
        capabilities: Status::ALL
            .iter()
            .flat_map(|&status| modes.map(|mode| (status, mode)))
            .collect::<BTreeSet<_>>(),
        traceability: HashMap::new(),
        return_window_ms: DAY_MS,
        now: NOW,
    }
}

fn package(status: PackageStatus) -> Package {
    let invoiced = !matches!(status.stage(), Stage::BeforePacked | Stage::Gone);
    Package {
        code: "P1".into(),
        facility: Some("W1".into()),
        status,
        source: PackageSource::Allocation,
        channel_package_id: None,
        awb: None,
        courier: None,
        invoice: invoiced.then(|| "OLD/1".to_owned()),
        hold: None,
        dispatched_at: None,
        delivered_at: Some(KNOWN),
        last_delivered_at: None,
        courier_status: None,
    }
}

fn file((item, in_package): Local, shipped_by: ShippedBy) -> OrderFile {
    let package = in_package.map(package);
    let coming_back = in_package.is_some_and(|status| {
        matches!(status.stage(), Stage::ComingBack | Stage::Acknowledged | Stage::Returned)
    });
    let rto = Return {
        kind: ReturnKind::Rto,
        code: "P1".to_owned(),
        status: ReturnStatus::NotReceived,
        package: Some("P1".into()),
        items: vec!["U1".into()],
        reason: None,
        awb: None,
        courier: None,
        at: Some(KNOWN),
        flag: None,
        last_at: None,
    };
    let invoice = package.as_ref().and_then(|package| package.invoice.clone()).map(|number| Invoice {
        owner: "W1".into(),
        kind: SequenceKind::SaleInvoice,
        financial_year: time::financial_year(NOW),
        number,
        package: "P1".into(),
        status: InvoiceStatus::Generated,
        date: time::india_date(NOW),
        against: None,
        items: vec!["U1".into()],
    });
    let item = Item {
        code: "U1".into(),
        channel_item_id: Some("1".to_owned()),
        sku: "A".into(),
        facility: Some("W1".into()),
        status: item,
        package: package.as_ref().map(|package| package.code.clone()),
        allocated: None,
        cancelled_at: (item == ItemStatus::Cancelled).then_some(KNOWN),
        channel_status: None,
    };
    let mut order = Order {
        code: "O1".into(),
        channel: "CH1".into(),
        channel_order_id: "OD1".to_owned(),
        status: OrderStatus::Processing,
        shipping: Some(shipped_by),
        on_hold: false,
        items: vec![item],
        packages: package.into_iter().collect(),
        returns: coming_back.then_some(rto).into_iter().collect(),
        attention: Vec::new(),
        applied: Vec::new(),
    };
    order.status = order.derived_status();
    OrderFile { order, invoices: invoice.into_iter().collect(), putaways: Vec::new(), conflicts: Vec::new() }
}

fn ledger(file: &OrderFile) -> Ledger {
    let blocked = i64::from(file.order.items.iter().any(Item::is_allocated));
    let (facility, sku): (FacilityCode, Sku) = ("W1".into(), "A".into());
    let stock = Stock { on_hand: blocked, blocked, ..Stock::none(facility, sku) };
    let series = [
        (SequenceKind::ShippingPackage, "P"),
        (SequenceKind::SaleInvoice, "INV/"),
        (SequenceKind::SaleReturnInvoice, "RET/"),
    ]
    .map(|(kind, prefix)| Sequence {
        owner: "W1".into(),
        kind,
        prefix: prefix.to_owned(),
        width: 1,
        next: 2,
        reset: true,
        next_year_prefix: None,
        financial_year: None,
    });
    Ledger::new([stock], series, std::collections::HashSet::new(), Counters::default())
}

fn cell(local: Local, said: Said) -> Cell {
    let file = file(local, said.shipped_by);
    let decision = apply(&file, &mut ledger(&file), &policy(), &[Fact::new(observation(said))]);
    let (outcome, rows) = decision
        .verdicts
        .first()
        .map_or((Outcome::Unchanged, String::new()), |verdict| (verdict.outcome, verdict.row_text()));
    Cell { local, said, outcome, rows }
}

/// Every cell.
pub fn cells() -> Vec<Cell> {
    let words: Vec<Said> = groups().into_iter().flat_map(|(_, words)| words).collect();
    locals().into_iter().flat_map(|local| words.iter().map(move |&said| cell(local, said))).collect()
}

/// The whole matrix as a Markdown page.
pub fn matrix() -> String {
    let mut page = String::from(
        "# What is said against what is known\n\n\
         Printed from the rules: every state of a unit and its package against every word of a marketplace. The word is newer than\n\
         all that is known; every number series is defined; the order has one unit. `D6>L2` reads: row D6, then row L2.\n",
    );
    for (title, words) in groups() {
        let heads: Vec<String> = words.iter().copied().map(head).collect();
        // Writing into a String cannot fail.
        let _ = write!(
            page,
            "\n## {title}\n\n| unit / package | {} |\n|---|{}\n",
            heads.join(" | "),
            "---|".repeat(heads.len())
        );
        for local in locals() {
            let answers: Vec<String> = words
                .iter()
                .map(|&said| {
                    let cell = cell(local, said);
                    format!("{} {}", cell.outcome, cell.rows)
                })
                .collect();
            let _ = writeln!(page, "| {} | {} |", name(local), answers.join(" | "));
        }
    }
    page
}

/// `FULFILLABLE / PACKED`.
pub fn name((item, package): Local) -> String {
    format!("{item} / {}", package.map_or("–", PackageStatus::as_str))
}

fn head(said: Said) -> String {
    let kind = match (said.status, said.kind) {
        (_, Some(kind)) => format!(" ({})", kind.as_str()),
        (Status::Returned, None) => " (kind not told)".to_owned(),
        _ => String::new(),
    };
    let who = if said.shipped_by == ShippedBy::Seller { ", seller ships" } else { "" };
    format!("{}{kind}{who}", said.status)
}
