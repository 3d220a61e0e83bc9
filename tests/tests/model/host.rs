//! The program: many histories at once, each an order of one tenant, on the road that `observe` takes: gates, lease,
//! pages, rules, SQLite.

use std::{collections::BTreeMap, fmt::Write as _, path::Path, sync::Arc};

use plugin_api::ShippedBy;
use serde_json::{Value, json};
use statusync::{
    clock::SettableClock,
    domain::{
        apply::Outcome,
        codes::{ChannelCode, ItemCode, TenantCode},
        duties::{Conflict, Decision, Putaway, PutawayStatus, PutawayType, Quality},
        invoice::{Invoice, InvoiceStatus, Sequence, SequenceKind},
        observed::Observed,
        order::{Item, ItemStatus, PackageStatus, Stage},
        snapshot::{OrderFile, Snapshot},
    },
    fetch::{Egress, Fetcher, NoPacing, Retrying, Setup as FetchSetup},
    plugins::Registry,
    secrets::Key,
    storage::{RunResult, Sqlite, Store},
    sync::{self, Engine, LeaseTimes, Line, ObserveRequest, Setup},
};

use crate::{
    history::{History, Said, State, Step},
    reference::{Class, Place},
};

/// 2026-01-20T10:00:00Z.
pub(crate) const NOW: i64 = 1_768_903_200_000;

pub(crate) struct Host {
    pub(crate) engine: Engine,
    pub(crate) store: Arc<dyn Store>,
    registry: Arc<Registry>,
    data: Arc<tempfile::TempDir>,
}

pub(crate) fn tenant() -> TenantCode {
    "acme".into()
}

pub(crate) fn channel() -> ChannelCode {
    "FK1".into()
}

pub(crate) fn connector() -> Arc<Registry> {
    let data = tempfile::tempdir().expect("a folder");
    let registry = Registry::new(data.path());
    let file = kit::built_programs::folder().expect("the connectors build").join("libflipkart.so");
    registry.add_file(&file).expect("the connector loads");
    Arc::new(registry)
}

/// The facility that a history's order goes out from: named after the series that it lacks, and until when.
fn facility(history: &History) -> String {
    history.missing.map_or_else(|| "ALL".to_owned(), |(kind, step)| format!("{step}-{kind}"))
}

fn series(facility: &str, kind: SequenceKind) -> Sequence {
    let prefix = match kind {
        SequenceKind::ShippingPackage => "SP",
        SequenceKind::SaleInvoice => "INV/",
        SequenceKind::SaleReturnInvoice => "RET/",
    };
    Sequence {
        owner: facility.into(),
        kind,
        prefix: prefix.to_owned(),
        width: 1,
        next: 1,
        reset: true,
        next_year_prefix: None,
        financial_year: None,
    }
}

const KINDS: [SequenceKind; 3] =
    [SequenceKind::ShippingPackage, SequenceKind::SaleInvoice, SequenceKind::SaleReturnInvoice];

/// Everything that these histories begin with, as a snapshot.
pub(crate) fn snapshot<'a>(histories: impl Iterator<Item = (usize, &'a History)>) -> Snapshot {
    let (mut orders, mut invoices, mut stock) = (Vec::new(), Vec::new(), Vec::new());
    let mut facilities: BTreeMap<String, Option<SequenceKind>> = BTreeMap::new();
    for (number, history) in histories {
        let at = facility(history);
        facilities.insert(at.clone(), history.missing.map(|(kind, _)| kind));
        let (mut items, mut packages) = (Vec::new(), Vec::new());
        let mut blocked = [0, 0];
        for (place, start) in history.parcels.iter().enumerate() {
            let code = format!("P{number}-{place}");
            let (status, package) = match start.state {
                State::Loose(status) => (status, None),
                State::Packed(status) => {
                    let item = match status.stage() {
                        Stage::Sent => ItemStatus::Dispatched,
                        Stage::Delivered => ItemStatus::Delivered,
                        _ => ItemStatus::Fulfillable,
                    };
                    (item, Some(status))
                }
            };
            let first = items.len();
            for &product in &start.products {
                blocked[product] += i64::from(start.state.is_blocked());
                items.push(json!({"code": format!("O{number}-{}", items.len() + 1),
                    "channel_item_id": (items.len() + 1).to_string(), "sku": format!("OD{number}-{product}"),
                    "facility": at, "status": status, "package": package.map(|_| code.clone())}));
            }
            if let Some(status) = package {
                let invoice = (status.stage() > Stage::BeforePacked).then(|| format!("OLD/{number}-{place}"));
                if let Some(invoice) = &invoice {
                    let units: Vec<_> = items[first..].iter().map(|item| item["code"].clone()).collect();
                    invoices.push(json!({"owner": at, "kind": "SALE_INVOICE", "financial_year": "2025-26",
                        "number": invoice, "package": code, "status": "GENERATED", "date": "2026-01-01", "items": units}));
                }
                packages.push(json!({"code": code, "facility": at, "status": status, "invoice": invoice}));
            }
        }
        for (product, (blocked, free)) in blocked.into_iter().zip(history.free).enumerate() {
            stock.push(json!({"facility": at, "sku": format!("OD{number}-{product}"), "on_hand": blocked + free, "blocked": blocked}));
        }
        orders.push(json!({"code": format!("O{number}"), "channel": "FK1", "channel_order_id": format!("OD{number}"),
            "status": history.status(), "shipping": history.shipped_by.as_str(), "items": items, "packages": packages}));
    }
    let sequences: Vec<Value> = facilities
        .iter()
        .flat_map(|(at, missing)| {
            KINDS.iter().filter(move |kind| Some(**kind) != *missing).map(|&kind| series(at, kind))
        })
        .map(|series| serde_json::to_value(series).unwrap())
        .collect();
    let places: Vec<Value> = facilities.keys().map(|code| json!({"code": code})).collect();
    let document = json!({"tenant": "acme", "live": true, "facilities": places, "sequences": sequences, "stock": stock,
        "channels": [{"code": "FK1", "connector": "flipkart", "shipping": ShippedBy::Channel.as_str(), "invoice_numbering": "SELLER"}],
        "orders": orders, "invoices": invoices});
    serde_json::from_value(document).expect("a snapshot")
}

impl Host {
    pub(crate) async fn new(registry: &Arc<Registry>, snapshot: Snapshot) -> Host {
        // In memory where the system has a place for it: these tests are about decisions, not about disks.
        let memory = Path::new("/dev/shm");
        let data = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let data = Arc::new(data.expect("a folder"));
        Key::create(&data.path().join("key")).expect("a key");
        let host = Host::on(data, Arc::clone(registry), "one");
        host.store.import(snapshot, BTreeMap::new()).await.expect("the snapshot fits");
        host
    }

    /// Another host on the same database.
    pub(crate) fn another(&self) -> Host {
        Host::on(Arc::clone(&self.data), Arc::clone(&self.registry), "another")
    }

    fn on(data: Arc<tempfile::TempDir>, registry: Arc<Registry>, name: &str) -> Host {
        let key = Key::load(&data.path().join("key")).expect("the key");
        let store: Arc<dyn Store> = Arc::new(Sqlite::open(&data.path().join("s.db"), key).expect("a store"));
        let clock = Arc::new(SettableClock::at(NOW));
        let fetcher = Fetcher::new(FetchSetup {
            egress: Egress { allow_loopback: false },
            retrying: Retrying::default(),
            pacing: Arc::new(NoPacing),
            clock: clock.clone(),
            random: Box::new(|| 0.5),
            breaker_log: Arc::new(statusync::fetch::NoBreakerLog),
        })
        .expect("a fetcher");
        let engine = Engine::new(Setup {
            store: Arc::clone(&store),
            registry: Arc::clone(&registry),
            fetcher: Arc::new(fetcher),
            clock,
            lease: LeaseTimes::default(),
            host: name.to_owned(),
            run_limit_ms: 60_000,
            stop: statusync::sync::Stop::default(),
        });
        Host { engine, store, registry, data }
    }

    /// Defines the series that histories lacked until this step.
    pub(crate) async fn define(&self, step: usize) {
        for kind in KINDS {
            let owner = format!("{step}-{kind}");
            let known = self.store.facilities(&tenant()).await.expect("facilities");
            if known.iter().any(|known| known.code == owner.as_str()) {
                self.store.put_sequence(&tenant(), &series(&owner, kind)).await.expect("a series is defined");
            }
        }
    }

    /// Has facts observed, in one run; says what became of each.
    pub(crate) async fn observe(&self, facts: Vec<Observed>) -> Vec<Class> {
        self.run(facts).await.lines.iter().map(|line| class(&line.outcome)).collect()
    }

    /// The same; says how the run ended.
    pub(crate) async fn observe_all(&self, facts: Vec<Observed>) -> RunResult {
        self.run(facts).await.result
    }

    async fn run(&self, facts: Vec<Observed>) -> sync::Observed {
        let line = |(number, observed)| Line { observed, answer: None, number };
        let request = ObserveRequest {
            tenant: tenant(),
            channel: channel(),
            lines: facts.into_iter().enumerate().map(line).collect(),
            now: None,
            since_ms: None,
            dry_run: false,
        };
        self.engine.observe(request).await.expect("it is observed")
    }

    pub(crate) async fn file(&self, number: usize) -> OrderFile {
        self.store
            .order(&tenant(), &format!("O{number}"))
            .await
            .expect("the store answers")
            .expect("the order")
    }

    /// A person's act; whether it was done.
    pub(crate) async fn act(&self, number: usize, step: &Step) -> bool {
        let file = self.file(number).await;
        match step {
            Step::PutAway(unit, good) => {
                let item = format!("O{number}-{}", unit + 1);
                let due =
                    file.putaways.iter().find(|p| p.item == item.as_str() && p.status == PutawayStatus::Due);
                let Some(due) = due else { return false };
                let quality = if *good { Quality::Good } else { Quality::Bad };
                self.engine.complete_putaway(&tenant(), &due.code, quality).await.is_ok()
            }
            Step::Decide(accept) => {
                let Some(open) = file.conflicts.iter().find(|conflict| conflict.open) else { return false };
                let decision = if *accept { Decision::Accept } else { Decision::Keep };
                self.engine.decide_conflict(&tenant(), &open.code, decision).await.is_ok()
            }
            Step::Answer(_) | Step::Pause => false,
        }
    }

    pub(crate) async fn export(&self) -> Snapshot {
        let mut out = Vec::new();
        self.store.export(&tenant(), NOW, &mut out).await.expect("an export");
        serde_json::from_slice(&out).expect("a snapshot")
    }
}

fn class(outcome: &str) -> Class {
    match Outcome::ALL.into_iter().find(|known| known.as_str() == outcome).expect("an outcome") {
        Outcome::Refused => Class::Refused,
        Outcome::Conflict => Class::Conflict,
        Outcome::Applied => Class::Applied,
        Outcome::Parked => Class::Parked,
        Outcome::Ignored | Outcome::Stale | Outcome::Unchanged => Class::Nothing,
    }
}

pub(crate) fn observed(facts: &[Said], number: usize) -> Vec<Observed> {
    facts.iter().map(|said| said.observation(&format!("OD{number}")).into()).collect()
}

/// What an order came to.
pub(crate) struct End {
    pub(crate) file: OrderFile,
    /// On hand, blocked and short, of each product.
    pub(crate) stock: [(i64, i64, i64); 2],
    /// Facts that wait.
    pub(crate) waiting: usize,
}

impl End {
    /// In the words that the reference uses too.
    pub(crate) fn in_words(&self) -> String {
        let End { file, stock, waiting } = self;
        let mut text = format!("order {}\n", file.order.status);
        for number in 0..file.order.items.len() {
            writeln!(text, "{}", unit_in_words(file, number)).unwrap();
        }
        let sales = file.invoices.iter().filter(|i| i.kind == SequenceKind::SaleInvoice);
        let withdrawn = sales.clone().filter(|i| i.status == InvoiceStatus::Cancelled).count();
        writeln!(text, "invoices {} withdrawn {withdrawn}", sales.count()).unwrap();
        for (product, (on_hand, blocked, shortfall)) in stock.iter().enumerate() {
            writeln!(text, "product {product} on hand {on_hand} blocked {blocked} shortfall {shortfall}")
                .unwrap();
        }
        let open = file.conflicts.iter().filter(|conflict| conflict.open);
        let mut open: Vec<String> = open.map(conflict_in_words).collect();
        open.sort();
        writeln!(text, "open {open:?}\nwaiting {waiting}").unwrap();
        text
    }
}

/// A unit's number in its order.
fn number_of(item: &ItemCode) -> &str {
    item.as_str().rsplit_once('-').map_or("?", |(_, number)| number)
}

fn conflict_in_words(conflict: &Conflict) -> String {
    let mut units: Vec<&str> = conflict.items.iter().map(number_of).collect();
    units.sort_unstable();
    format!("{} {}", conflict.cause, units.join("+"))
}

fn unit_in_words(file: &OrderFile, number: usize) -> String {
    let item = &file.order.items[number];
    let is_cancelled = item.status == ItemStatus::Cancelled;
    let package = file.order.living_package_of(item).filter(|_| !is_cancelled);
    let place = match (item.status, package.map(|package| package.status)) {
        (ItemStatus::Cancelled, _) => Place::Cancelled,
        (ItemStatus::Returned, _) => Place::Returned,
        (ItemStatus::Dispatched | ItemStatus::Delivered, Some(PackageStatus::ReturnExpected)) => {
            Place::ComingBack
        }
        (ItemStatus::Delivered, _) => Place::Delivered,
        (ItemStatus::Dispatched, _) => Place::Sent,
        _ => Place::Open,
    };
    let is_with = |other: &&Item| {
        other.status != ItemStatus::Cancelled
            && package.is_some_and(|package| other.package.as_ref() == Some(&package.code))
    };
    let with: Vec<&str> =
        file.order.items.iter().filter(is_with).map(|other| number_of(&other.code)).collect();
    let due = file.putaways.iter().find(|p| p.item == item.code && p.status == PutawayStatus::Due);
    let came_back = |due: &Putaway| {
        matches!(due.kind, PutawayType::CourierReturnedItems | PutawayType::ReversePickupItem)
    };
    let credits = |i: &&Invoice| i.kind == SequenceKind::SaleReturnInvoice && i.items.contains(&item.code);
    format!(
        "unit {} {place:?} parcel {:?} blocked {} due {:?} credited {} courier {:?}",
        number + 1,
        with.join("+"),
        item.is_allocated(),
        due.map(came_back),
        file.invoices.iter().filter(credits).count(),
        package.and_then(|package| package.courier_status.as_deref()),
    )
}
