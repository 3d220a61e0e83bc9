//! Fixed pieces of work, each the same whenever it is done: rules on a page, a page over the boundary, a page into a database.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use anyhow::{Result, bail, ensure};
use kit::load::{self, CHANNEL, PAGE, Size};
use plugin_api::{InvoiceNumbering, Observation, ShippedBy, Status};
use statusync::{
    domain::{
        apply::{self, Fact, Outcome, Policy},
        effect::{Change, Effect},
        ledger::{Counters, Ledger},
        observed::Observed,
        order::PackageStatus,
        snapshot::{OrderFile, Snapshot, Traceability},
    },
    storage::{Claim, Decide, Fence, Mode, PageKeys, PageResult, PageState, Store},
};

/// An instant in the financial year 2026-27.
const NOW: i64 = 1_790_000_400_000;
const YEAR: &str = "2026-27";

fn tenant(orders: u32) -> Result<Snapshot> {
    let size = Size { orders, tenants: 1 };
    Ok(serde_json::from_value(load::snapshot(size, 0, "http://127.0.0.1:1", YEAR))?)
}

/// Orders as they are imported, and what a marketplace says about each once it was picked up.
pub(crate) struct Orders {
    files: Vec<OrderFile>,
    answers: Vec<Vec<Fact>>,
    ledger: Ledger,
    policy: Policy,
}

impl Orders {
    pub(crate) fn new(count: u32) -> Result<Orders> {
        let snapshot = tenant(count)?;
        let answer = |file: &OrderFile| -> Vec<Fact> {
            let said = |item: &str, status| {
                Fact::new(Observation {
                    quantity: Some(1),
                    at: Some(NOW - 600_000),
                    shipped_by: Some(ShippedBy::Channel),
                    package: Some("1".to_owned()),
                    awb: Some(format!("34{}", file.order.code)),
                    courier: Some("ATS".to_owned()),
                    ..Observation::new(&file.order.channel_order_id, Some(status), "PICKED_UP").item(item)
                })
            };
            let items = file.order.items.iter().filter_map(|item| item.channel_item_id.as_deref());
            items
                .flat_map(|item| [Status::Dispatched, Status::InTransit].map(|status| said(item, status)))
                .collect()
        };
        let files: Vec<OrderFile> = snapshot
            .orders
            .into_iter()
            .map(|order| {
                let is_of = |package: &_| order.packages.iter().any(|own| own.code == *package);
                let invoices =
                    snapshot.invoices.iter().filter(|invoice| is_of(&invoice.package)).cloned().collect();
                OrderFile { invoices, putaways: Vec::new(), conflicts: Vec::new(), order }
            })
            .collect();
        Ok(Orders {
            answers: files.iter().map(answer).collect(),
            files,
            ledger: Ledger::new(
                snapshot.stock,
                snapshot.sequences,
                std::collections::HashSet::new(),
                Counters::default(),
            ),
            policy: Policy {
                channel: CHANNEL.into(),
                shipping: Some(ShippedBy::Channel),
                invoice_numbering: InvoiceNumbering::Seller,
                default_facility: Some("F1".into()),
                billing_party: None,
                trust_delivery: false,
                capabilities: BTreeSet::from([
                    (Status::Dispatched, ShippedBy::Channel),
                    (Status::Delivered, ShippedBy::Channel),
                    (Status::Cancelled, ShippedBy::Channel),
                ]),
                traceability: HashMap::from([("F1".into(), Traceability::None)]),
                return_window_ms: 30 * 86_400_000,
                now: NOW,
            },
        })
    }

    /// Applies every answer to its order; answers how many facts were applied.
    pub(crate) fn apply(&self) -> usize {
        let mut ledger = self.ledger.clone();
        let decided = self.files.iter().zip(&self.answers).map(|(file, facts)| {
            let decision = apply::apply(file, &mut ledger, &self.policy, facts);
            decision.verdicts.iter().filter(|verdict| verdict.outcome == Outcome::Applied).count()
        });
        decided.sum()
    }
}

/// A tenant in a store, with its channel held.
pub(crate) struct Book {
    store: Arc<dyn Store>,
    fence: Fence,
    ids: Vec<String>,
}

impl Book {
    /// Fills a new store with a tenant of one page.
    pub(crate) async fn fill(store: Arc<dyn Store>) -> Result<Book> {
        let snapshot = tenant(PAGE)?;
        let code = snapshot.tenant.clone();
        let ids = snapshot.orders.iter().map(|order| order.channel_order_id.clone()).collect();
        store.import(snapshot, BTreeMap::new()).await?;
        match store.claim(&code, &CHANNEL.into(), "bench", 86_400_000, None).await? {
            Claim::Got(fence, _) => Ok(Book { store, fence, ids }),
            other => bail!("the channel cannot be held: {other:?}"),
        }
    }

    /// Writes the page once more: every order changes and gets two lines of history.
    pub(crate) async fn commit(&self) -> Result<()> {
        let keys = PageKeys {
            orders: self.ids.iter().map(|id| (id.clone(), None)).collect(),
            now: NOW,
            ..PageKeys::default()
        };
        let decide: Decide = Box::new(change_all);
        let report = self.store.apply_page(&self.fence, keys, Mode::Commit, decide).await?;
        ensure!(report.changes.len() == 2 * self.ids.len(), "{} lines", report.changes.len());
        Ok(())
    }
}

fn change_all(state: PageState) -> PageResult {
    let mut result = PageResult::default();
    let mut files: Vec<OrderFile> = state.files.into_values().collect();
    files.sort_by(|a, b| a.order.code.cmp(&b.order.code));
    for mut file in files {
        let order = &mut file.order;
        for package in &mut order.packages {
            package.status = match package.status {
                PackageStatus::Dispatched => PackageStatus::Shipped,
                _ => PackageStatus::Dispatched,
            };
        }
        let item = order.items.first().and_then(|item| item.channel_item_id.clone());
        for status in [Status::Dispatched, Status::InTransit] {
            let observation = Observed {
                order: order.channel_order_id.clone(),
                item: item.clone(),
                quantity: Some(1),
                status: Some(status),
                raw: Some("PICKED_UP".to_owned()),
                at: Some(NOW),
                shipped_by: Some(ShippedBy::Channel),
                awb: Some(format!("34{}", order.code)),
                ..Observed::default()
            };
            result.changes.push(Change {
                order: order.code.clone(),
                channel: order.channel.clone(),
                at: NOW,
                run: "r1".to_owned(),
                connector: "amazon 0.1.0".to_owned(),
                row: "D1".to_owned(),
                code: None,
                message: "the marketplace has picked it up".to_owned(),
                observation: Some(observation),
                waited: None,
                effects: vec![Effect::Note { text: "a note of some length".to_owned() }],
            });
        }
        result.seen.push((order.channel_order_id.clone(), None));
        result.files.push(file);
    }
    result
}
