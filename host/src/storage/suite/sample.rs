//! Records for the cases: a tenant `acme` with channels `FK1` and `AZ1` and one facility.

use std::collections::BTreeMap;

use plugin_api::Millis;
use serde_json::json;

use crate::{
    domain::{
        codes::{ChannelCode, OrderCode, TenantCode},
        effect::Change,
        snapshot::{Channel, OrderFile, Snapshot},
        time,
    },
    storage::{
        Claim, Fence, Mode, NewRun, PageKeys, PageReport, PageResult, PageState, Result, RunId, Store,
    },
};

pub(crate) const MINUTE: Millis = 60_000;

pub(crate) fn now() -> Millis {
    time::parse("2026-01-15T09:30:00Z").unwrap()
}

pub(crate) fn acme() -> TenantCode {
    "acme".into()
}

pub(crate) fn fk1() -> ChannelCode {
    "FK1".into()
}

/// A snapshot from its JSON.
pub(crate) fn snapshot(document: serde_json::Value) -> Snapshot {
    serde_json::from_value(document).unwrap()
}

/// An order `O<n>` of a channel, id `OD<n>`, with one open unit in a package.
pub(crate) fn order(n: usize, channel: &str) -> serde_json::Value {
    json!({"code": format!("O{n}"), "channel": channel, "channel_order_id": format!("OD{n}"), "status": "PROCESSING",
        "shipping": "CHANNEL",
        "items": [{"code": format!("O{n}-1"), "channel_item_id": format!("{n}11"), "sku": "A", "facility": "DEL1",
            "status": "FULFILLABLE", "package": format!("SP{n}")}],
        "packages": [{"code": format!("SP{n}"), "facility": "DEL1", "status": "CREATED", "awb": format!("EK{n}"),
            "channel_package_id": format!("P{n}")}]})
}

/// The tenant with orders 1 to `count` on FK1.
pub(crate) fn acme_with(count: usize) -> Snapshot {
    let orders: Vec<_> = (1..=count).map(|n| order(n, "FK1")).collect();
    snapshot(json!({"tenant": "acme", "live": true,
        "facilities": [{"code": "DEL1", "traceability": "SKU"}],
        "sequences": [
            {"owner": "DEL1", "kind": "SHIPPING_PACKAGE", "prefix": "SP", "next": 10_001},
            {"owner": "DEL1", "kind": "SALE_INVOICE", "prefix": "INV/", "width": 4, "next": 1}],
        "stock": [{"facility": "DEL1", "sku": "A", "on_hand": 50, "blocked": 2}],
        "channels": [
            {"code": "FK1", "connector": "flipkart", "default_facility": "DEL1"},
            {"code": "AZ1", "connector": "amazon", "default_facility": "DEL1"}],
        "orders": orders}))
}

pub(crate) async fn import(store: &dyn Store, snapshot: Snapshot) {
    store.import(snapshot, BTreeMap::new()).await.unwrap();
}

pub(crate) async fn export(store: &dyn Store, tenant: &TenantCode) -> String {
    let mut out = Vec::new();
    store.export(tenant, now(), &mut out).await.unwrap();
    String::from_utf8(out).unwrap()
}

/// A lease of a channel that holds for the rest of the case.
pub(crate) async fn fence(store: &dyn Store, channel: &str, holder: &str) -> Fence {
    match store.claim(&acme(), &channel.into(), holder, 10 * MINUTE, None).await.unwrap() {
        Claim::Got(fence, None) => fence,
        other => panic!("{other:?}"),
    }
}

/// A run that has its channel for the rest of the case.
pub(crate) async fn begin(store: &dyn Store, run: &NewRun, holder: &str) -> (Fence, RunId) {
    match store.claim(&run.tenant, &run.channel, holder, 10 * MINUTE, Some(run)).await.unwrap() {
        Claim::Got(fence, Some(run)) => (fence, run),
        other => panic!("{other:?}"),
    }
}

/// A page about the orders with these numbers, without fingerprints.
pub(crate) fn keys(numbers: impl IntoIterator<Item = usize>) -> PageKeys {
    let orders = numbers.into_iter().map(|n| (format!("OD{n}"), None)).collect();
    PageKeys { orders, now: now(), ..PageKeys::default() }
}

pub(crate) async fn apply(
    store: &dyn Store,
    fence: &Fence,
    keys: PageKeys,
    decide: impl FnOnce(PageState) -> PageResult + Clone + Send + Sync + 'static,
) -> Result<PageReport> {
    let decide = Box::new(move |state| (decide.clone())(state));
    store.apply_page(fence, keys, Mode::Commit, decide).await
}

/// The channel `code` of the tenant.
pub(crate) async fn channel(store: &dyn Store, code: &str) -> Channel {
    store.channel(&acme(), &code.into()).await.unwrap().unwrap()
}

pub(crate) async fn file(store: &dyn Store, order: &str) -> OrderFile {
    store.order(&acme(), order).await.unwrap().unwrap()
}

/// A line of history about an order.
pub(crate) fn change(order: &OrderCode) -> Change {
    Change {
        order: order.clone(),
        channel: fk1(),
        at: now(),
        run: "R1".into(),
        connector: "flipkart 0.1.0".into(),
        row: "D3".into(),
        code: None,
        message: format!("order {order} was dispatched"),
        observation: None,
        waited: None,
        effects: Vec::new(),
    }
}

/// Changes every order in every way that has a table of its own.
pub(crate) fn everything(mut state: PageState) -> PageResult {
    let mut result = PageResult::default();
    for (id, mut file) in std::mem::take(&mut state.files) {
        let code = file.order.code.clone();
        let package = file.order.packages[0].code.clone();
        file.order.attention.push("looked at".into());
        file.invoices.push(
            serde_json::from_value(
                json!({"owner": "DEL1", "kind": "SALE_INVOICE", "financial_year": "2025-26",
                "number": format!("N{code}"), "package": package, "status": "GENERATED", "date": "2026-01-15",
                "items": [file.order.items[0].code]}),
            )
            .unwrap(),
        );
        file.putaways.push(
            serde_json::from_value(
                json!({"code": state.ledger.putaway_code(), "type": "PUTAWAY_PICKLIST_ITEM",
                "item": file.order.items[0].code, "status": "DUE"}),
            )
            .unwrap(),
        );
        file.conflicts.push(
            serde_json::from_value(
                json!({"code": state.ledger.conflict_code(), "cause": "REOPENED_ON_CHANNEL",
                "order": code, "items": [], "message": "m", "open": true}),
            )
            .unwrap(),
        );
        state.ledger.change_stock(&("DEL1".into(), code.as_str().into()), |stock| stock.on_hand += 1);
        result.park.push(
            serde_json::from_value(
                json!({"cause": "UNKNOWN_ITEM", "order": id, "observation": {"order": id}}),
            )
            .unwrap(),
        );
        result.changes.push(change(&code));
        result.seen.push((id, Some(1)));
        result.files.push(file);
    }
    result.ledger = state.ledger.changes(state.counters);
    result
}
