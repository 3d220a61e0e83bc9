//! Pages: all or nothing, under the fence.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use plugin_api::{Mark, Task};
use serde_json::json;

use super::{
    Database,
    sample::{
        acme, acme_with, apply, begin, change, export, fence, file, fk1, import, keys, now, order, snapshot,
    },
};
use crate::{
    domain::{
        duties::Parked,
        effect::Effect,
        invoice::SequenceKind,
        observed::Observed,
        order::{ItemStatus, OrderStatus},
        snapshot::Traceability,
    },
    storage::{
        Claim, Counts, Mode, NewRun, NewTask, OrderFilter, PageKeys, PageResult, ParkedFilter, RunLine,
        Store, StoreError, Trigger,
    },
};

pub(super) fn parked(order: &str, cause: &str) -> Parked {
    serde_json::from_value(
        json!({"cause": cause, "order": order, "observation": {"order": order, "raw": "SHIPPED"}}),
    )
    .unwrap()
}

/// Dispatches every order that was loaded.
fn dispatch_all(state: crate::storage::PageState) -> PageResult {
    let mut result = PageResult::default();
    for (_, mut file) in state.files {
        file.order.items[0].status = ItemStatus::Dispatched;
        file.order.status = OrderStatus::Complete;
        result.changes.push(change(&file.order.code));
        result.files.push(file);
    }
    result
}

pub(crate) async fn a_page_is_written_whole(db: &impl Database) {
    let store = db.open();
    import(&*store, acme_with(3)).await;
    store.ensure_tasks(&acme(), &fk1(), &[NewTask::usual(Task::Status, now())]).await.unwrap();
    let new = NewRun {
        tenant: acme(),
        channel: fk1(),
        task: Some(Task::Status),
        trigger: Trigger::Timer,
        request_key: None,
        only_if_due: false,
        started_at: now(),
    };
    let (fence, run) = begin(&*store, &new, "a").await;
    let mark = Mark::complete_until(now()).with_text("page 7");
    let kept = mark.clone();
    let page = PageKeys { run: Some(run), ..keys([1, 2, 9]) };
    let report = apply(&*store, &fence, page, move |mut state| {
        assert_eq!(state.facilities["DEL1"], Traceability::Sku);
        assert!(state.live);
        assert_eq!(state.channel.code, fk1());
        assert_eq!(state.files.len(), 2, "order 9 is not known here");
        let mut file = state.files.remove("OD1").unwrap();
        file.order.items[0].status = ItemStatus::Dispatched;
        let ledger = &mut state.ledger;
        ledger.change_stock(&("DEL1".into(), "A".into()), |stock| stock.on_hand -= 1);
        let number = ledger.draw(&("DEL1".into(), SequenceKind::SaleInvoice), now()).unwrap();
        file.invoices.push(
            serde_json::from_value(json!({"owner": "DEL1", "kind": "SALE_INVOICE", "financial_year": "2025-26",
                "number": number, "package": "SP1", "status": "GENERATED", "date": "2026-01-15", "items": ["O1-1"]}))
            .unwrap(),
        );
        file.putaways.push(
            serde_json::from_value(json!({"code": ledger.putaway_code(), "type": "PUTAWAY_CANCELLED_ITEM",
                "item": "O1-1", "status": "DUE"}))
            .unwrap(),
        );
        file.conflicts.push(
            serde_json::from_value(json!({"code": ledger.conflict_code(), "cause": "CANCEL_AFTER_DELIVERY",
                "order": "O1", "items": ["O1-1"], "message": "m", "open": true}))
            .unwrap(),
        );
        PageResult {
            changes: vec![change(&file.order.code)],
            files: vec![file],
            ledger: state.ledger.changes(state.counters),
            park: vec![parked("OD9", "UNKNOWN_ORDER")],
            seen: vec![("OD1".into(), Some(u64::MAX)), ("OD2".into(), Some(5))],
            lines: vec![RunLine { order: "OD9".into(), outcome: "PARKED".into(), ..RunLine::default() }],
            counts: Counts { polled: 3, applied: 1, ..Counts::default() },
            mark: Some((Task::Status, kept)),
            ..PageResult::default()
        }
    })
    .await
    .unwrap();
    assert_eq!((report.changes.len(), report.counts.polled, report.unchanged), (1, 3, 0));

    let file = file(&*store, "O1").await;
    assert_eq!(file.order.items[0].status, ItemStatus::Dispatched);
    assert_eq!(file.invoices[0].number, "INV/0001");
    assert_eq!((file.putaways[0].code.as_str(), file.conflicts[0].code.as_str()), ("PA1", "CF1"));
    assert_eq!(store.history(&acme(), &"O1".into()).await.unwrap(), [change(&"O1".into())]);
    let stock = store.stock(&acme()).await.unwrap();
    assert_eq!((stock[0].on_hand, stock[0].blocked, stock[0].available), (49, 2, 47));
    assert_eq!(store.sequences(&acme()).await.unwrap()[0].next, 2);
    let waiting = store.parked(&acme(), &ParkedFilter::default(), None, 10).await.unwrap();
    assert_eq!((waiting[0].parked.order.as_str(), waiting[0].parked.channel.clone()), ("OD9", Some(fk1())));
    assert_eq!(store.mark(&acme(), &fk1(), Task::Status).await.unwrap(), Some(mark));
    assert_eq!(store.run(run).await.unwrap().unwrap().1[0].order, "OD9");
    let page = PageKeys { orders: vec![("OD1".into(), Some(u64::MAX)), ("OD2".into(), Some(5))], ..keys([]) };
    let report = apply(&*store, &fence, page, |mut state| {
        assert!(state.files.is_empty());
        assert_eq!((state.ledger.putaway_code(), state.ledger.conflict_code()), ("PA2".into(), "CF2".into()));
        PageResult::default()
    });
    assert_eq!(report.await.unwrap().unchanged, 2);
}

pub(crate) async fn a_page_that_contradicts_the_data_changes_nothing(db: &impl Database) {
    let store = db.open();
    import(&*store, acme_with(3)).await;
    let fence = fence(&*store, "FK1", "a").await;
    let before = export(&*store, &acme()).await;
    let report = apply(&*store, &fence, keys([1, 2]), |state| {
        let mut result = dispatch_all(state);
        for file in &mut result.files {
            // The same number twice, for two orders.
            file.invoices.push(
                serde_json::from_value(json!({"owner": "DEL1", "kind": "SALE_INVOICE", "financial_year": "2025-26",
                    "number": "X1", "package": "SP1", "status": "GENERATED", "date": "2026-01-15", "items": []}))
                .unwrap(),
            );
        }
        result
    });
    assert!(matches!(report.await, Err(StoreError::Contradiction(_))));
    assert_eq!(export(&*store, &acme()).await, before);
}

pub(crate) async fn a_decision_that_panics_changes_nothing(db: &impl Database) {
    let store = db.open();
    import(&*store, acme_with(1)).await;
    let fence = fence(&*store, "FK1", "a").await;
    let before = export(&*store, &acme()).await;
    let report = apply(&*store, &fence, keys([1]), |_| panic!("a fault of the program")).await;
    assert!(matches!(report, Err(StoreError::DecisionFailed { .. })));
    assert_eq!(export(&*store, &acme()).await, before);
    apply(&*store, &fence, keys([1]), dispatch_all).await.unwrap();
}

pub(crate) async fn a_passed_fence_changes_nothing(db: &impl Database) {
    let (one, two) = (db.open(), db.open());
    import(&*one, acme_with(1)).await;
    // A time to live of nothing: the lease has run out when the next asks.
    let Claim::Got(old, _) = one.claim(&acme(), &fk1(), "one", 0, None).await.unwrap() else { panic!() };
    let new = fence(&*two, "FK1", "two").await;
    let before = export(&*one, &acme()).await;
    let asked = Arc::new(AtomicBool::new(false));
    let noted = Arc::clone(&asked);
    let report = apply(&*one, &old, keys([1]), move |state| {
        noted.store(true, Ordering::SeqCst);
        dispatch_all(state)
    });
    assert!(matches!(report.await, Err(StoreError::LeaseLost { .. })));
    assert!(!asked.load(Ordering::SeqCst), "nothing is decided for a stale holder");
    assert_eq!(export(&*one, &acme()).await, before);
    apply(&*two, &new, keys([1]), dispatch_all).await.unwrap();
    assert_ne!(export(&*one, &acme()).await, before);
}

pub(crate) async fn a_lease_that_ran_out_changes_nothing_although_nobody_took_over(db: &impl Database) {
    let store = db.open();
    import(&*store, acme_with(1)).await;
    let Claim::Got(fence, _) = store.claim(&acme(), &fk1(), "one", 0, None).await.unwrap() else { panic!() };
    let report = apply(&*store, &fence, keys([1]), dispatch_all).await;
    assert!(matches!(report, Err(StoreError::LeaseLost { .. })));
}

pub(crate) async fn a_rehearsal_leaves_no_trace(db: &impl Database) {
    let store = db.open();
    import(&*store, acme_with(2)).await;
    let fence = fence(&*store, "FK1", "a").await;
    let before = export(&*store, &acme()).await;
    let decide = Box::new(|state| PageResult { seen: vec![("OD1".into(), Some(1))], ..dispatch_all(state) });
    let report = store.apply_page(&fence, keys([1, 2]), Mode::Rehearse, decide).await.unwrap();
    assert_eq!(report.changes.len(), 2);
    assert_eq!(export(&*store, &acme()).await, before);
    let page = PageKeys { orders: vec![("OD1".into(), Some(1))], ..keys([]) };
    assert_eq!(apply(&*store, &fence, page, |_| PageResult::default()).await.unwrap().unchanged, 0);
}

pub(crate) async fn an_unchanged_order_is_not_loaded(db: &impl Database) {
    let store = db.open();
    import(&*store, acme_with(3)).await;
    let fence = fence(&*store, "FK1", "a").await;
    apply(&*store, &fence, keys([1, 2, 3]), |_| PageResult {
        seen: (1..=3).map(|n| (format!("OD{n}"), Some(n))).collect(),
        park: vec![parked("OD3", "UNKNOWN_ITEM")],
        ..PageResult::default()
    })
    .await
    .unwrap();
    let orders = vec![("OD1".into(), Some(1)), ("OD2".into(), Some(7)), ("OD3".into(), Some(3))];
    let report = apply(&*store, &fence, PageKeys { orders, ..keys([]) }, |state| {
        assert_eq!(state.unchanged, ["OD1"]);
        let loaded: BTreeSet<&str> = state.files.keys().map(String::as_str).collect();
        assert_eq!(loaded, BTreeSet::from(["OD2", "OD3"]), "another fingerprint; a fact that waits");
        PageResult::default()
    });
    assert_eq!(report.await.unwrap().unchanged, 1);
}

/// Whether OD1 counts as unchanged under fingerprint 1.
async fn is_remembered(store: &dyn Store, fence: &crate::storage::Fence) -> bool {
    let page = PageKeys { orders: vec![("OD1".into(), Some(1))], ..keys([]) };
    apply(store, fence, page, |_| PageResult::default()).await.unwrap().unchanged == 1
}

async fn remember(store: &dyn Store, fence: &crate::storage::Fence) {
    let result = PageResult { seen: vec![("OD1".into(), Some(1))], ..PageResult::default() };
    apply(store, fence, keys([1]), |_| result).await.unwrap();
    assert!(is_remembered(store, fence).await);
}

pub(crate) async fn an_order_forgets_its_fingerprint_when_it_is_written_otherwise(db: &impl Database) {
    let store = db.open();
    import(&*store, acme_with(1)).await;
    let fence = fence(&*store, "FK1", "a").await;
    remember(&*store, &fence).await;
    let decide = Box::new(|_| PageResult::default());
    store.edit_order(&acme(), &"O1".into(), now(), Mode::Commit, decide).await.unwrap();
    assert!(!is_remembered(&*store, &fence).await);
    remember(&*store, &fence).await;
    apply(&*store, &fence, keys([1]), dispatch_all).await.unwrap();
    assert!(!is_remembered(&*store, &fence).await);
}

pub(crate) async fn a_channel_that_is_set_anew_forgets_fingerprints(db: &impl Database) {
    let store = db.open();
    import(&*store, acme_with(1)).await;
    let fence = fence(&*store, "FK1", "a").await;
    remember(&*store, &fence).await;
    let mut channel = super::sample::channel(&*store, "FK1").await;
    channel.enabled = false;
    store.put_channel(&acme(), &channel).await.unwrap();
    assert!(is_remembered(&*store, &fence).await, "being off decides nothing otherwise");
    channel.trust_delivery = true;
    store.put_channel(&acme(), &channel).await.unwrap();
    assert!(!is_remembered(&*store, &fence).await);
}

pub(crate) async fn facts_wait_until_they_are_taken_back(db: &impl Database) {
    let store = db.open();
    import(&*store, acme_with(2)).await;
    let fence = fence(&*store, "FK1", "a").await;
    apply(&*store, &fence, keys([]), |_| PageResult {
        park: vec![
            parked("OD2", "SEQUENCE_NOT_DEFINED"),
            parked("OD1", "UNKNOWN_ORDER"),
            parked("OD7", "UNKNOWN_ORDER"),
            parked("OD2", "UNKNOWN_ITEM"),
        ],
        ..PageResult::default()
    })
    .await
    .unwrap();
    let waiting = store.waiting_orders(&acme(), &fk1(), None, 10).await.unwrap();
    assert_eq!(waiting, ["OD1", "OD2"], "OD7 is not known here yet");
    assert_eq!(store.waiting_orders(&acme(), &fk1(), Some("OD1"), 10).await.unwrap(), ["OD2"]);
    assert_eq!(store.waiting_orders(&acme(), &fk1(), None, 1).await.unwrap(), ["OD1"]);
    let parked_only = OrderFilter { has_parked: true, ..OrderFilter::default() };
    assert_eq!(store.orders(&acme(), &parked_only, None, 10).await.unwrap().len(), 2);
    let refused = OrderFilter { has_refused: true, ..OrderFilter::default() };
    let refused = store.orders(&acme(), &refused, None, 10).await.unwrap();
    assert_eq!((refused.len(), refused[0].code.as_str(), refused[0].waiting), (1, "O2", 2));
    apply(&*store, &fence, keys([2, 7]), |state| {
        assert_eq!(state.waiting["OD7"].len(), 1);
        let causes: Vec<_> = state.waiting["OD2"].iter().map(|(_, fact)| fact.cause.as_str()).collect();
        assert_eq!(causes, ["SEQUENCE_NOT_DEFINED", "UNKNOWN_ITEM"], "oldest first");
        PageResult {
            unpark: state.waiting["OD2"].iter().map(|(id, _)| *id).collect(),
            ..PageResult::default()
        }
    })
    .await
    .unwrap();
    assert_eq!(store.waiting_orders(&acme(), &fk1(), None, 10).await.unwrap(), ["OD1"]);
    let filter = ParkedFilter { channel_order_id: Some("OD7".into()), ..ParkedFilter::default() };
    assert_eq!(store.parked(&acme(), &filter, None, 10).await.unwrap().len(), 1);
}

pub(crate) async fn an_order_is_found_by_its_item(db: &impl Database) {
    let store = db.open();
    let mut tenant = acme_with(3);
    tenant.orders.push(serde_json::from_value(order(4, "AZ1")).unwrap());
    // A second order with the item of the first.
    tenant.orders[2].items[0].channel_item_id = Some("111".into());
    import(&*store, tenant).await;
    let items: Vec<String> = ["111", "211", "311", "411", ""].map(str::to_owned).to_vec();
    let found = store.orders_of_items(&acme(), &fk1(), &items).await.unwrap();
    let pairs = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(item, order)| ((*item).to_owned(), (*order).to_owned())).collect()
    };
    assert_eq!(found, pairs(&[("111", "OD1"), ("211", "OD2")]));
    let elsewhere = store.orders_of_items(&acme(), &"AZ1".into(), &items).await.unwrap();
    assert_eq!(elsewhere, pairs(&[("411", "OD4")]));

    import(&*store, acme_with(1)).await;
    let left = store.orders_of_items(&acme(), &fk1(), &items).await.unwrap();
    assert_eq!(left, pairs(&[("111", "OD1")]), "what an import replaces is gone");
    store.remove_tenant(&acme()).await.unwrap();
    assert!(store.orders_of_items(&acme(), &fk1(), &items).await.unwrap().is_empty());
}

pub(crate) async fn a_fact_that_waits_under_its_item_comes_to_the_order_with_the_import(db: &impl Database) {
    let store = db.open();
    let mut tenant = acme_with(2);
    let fact = |order: &str, item: &str| Parked {
        item: Some(item.to_owned()),
        observation: Observed { item: Some(item.to_owned()), ..parked(order, "UNKNOWN_ORDER").observation },
        ..parked(order, "UNKNOWN_ORDER")
    };
    tenant.parked = vec![fact("211", "211"), fact("911", "911"), fact("OD9", "111")];
    for parked in &mut tenant.parked {
        parked.channel = Some(fk1());
    }
    import(&*store, tenant).await;
    assert_eq!(store.waiting_orders(&acme(), &fk1(), None, 10).await.unwrap(), ["OD2"]);
    let rows = store.parked(&acme(), &ParkedFilter::default(), None, 10).await.unwrap();
    let orders: Vec<_> =
        rows.iter().map(|row| (row.parked.order.as_str(), row.parked.observation.order.as_str())).collect();
    assert_eq!(
        orders,
        [("OD2", "OD2"), ("911", "911"), ("OD9", "OD9")],
        "the other items are of no order here"
    );
}

pub(crate) async fn the_ledger_knows_stock_and_used_numbers(db: &impl Database) {
    let store = db.open();
    let mut start = acme_with(1);
    let invoice = |owner: &str, number: &str| {
        serde_json::from_value(json!({"owner": owner, "kind": "SALE_INVOICE", "financial_year": "2025-26",
            "number": number, "package": "GONE", "status": "GENERATED", "date": "2026-01-10", "items": []}))
        .unwrap()
    };
    start.invoices = vec![invoice("DEL1", "INV/0002"), invoice("FK1", "FLK7")];
    start.orders[0].items[0].facility = None;
    import(&*store, start).await;
    let fence = fence(&*store, "FK1", "a").await;
    let page = PageKeys { invoice_numbers: vec!["FLK7".into(), "FLK8".into()], ..keys([1]) };
    apply(&*store, &fence, page, |mut state| {
        let ledger = &mut state.ledger;
        let at = &("DEL1".into(), "A".into());
        assert_eq!(
            ledger.stock(at).on_hand,
            50,
            "an item without a facility goes out from the channel's default"
        );
        let (sale, del1, fk1) = (SequenceKind::SaleInvoice, "DEL1".into(), "FK1".into());
        assert!(ledger.use_number(&del1, sale, "INV/0001", now(), true).is_ok());
        assert!(ledger.use_number(&del1, sale, "INV/0002", now(), true).is_err());
        assert!(ledger.use_number(&fk1, sale, "FLK7", now(), false).is_err());
        assert!(ledger.use_number(&fk1, sale, "FLK8", now(), false).is_ok());
        PageResult::default()
    })
    .await
    .unwrap();
}

pub(crate) async fn shortfall_is_summed_over_changes(db: &impl Database) {
    let store = db.open();
    import(&*store, acme_with(2)).await;
    let fence = fence(&*store, "FK1", "a").await;
    for shortfall in [2, -1] {
        apply(&*store, &fence, keys([1]), move |state| {
            let mut result = dispatch_all(state);
            let (facility, sku) = ("DEL1".into(), "A".into());
            result.changes[0].effects.push(Effect::Stock {
                facility,
                sku,
                on_hand: 0,
                blocked: 0,
                shortfall,
            });
            result
        })
        .await
        .unwrap();
    }
    let short = OrderFilter { has_shortfall: true, ..OrderFilter::default() };
    let rows = store.orders(&acme(), &short, None, 10).await.unwrap();
    assert_eq!((rows.len(), rows[0].shortfall, rows[0].changed_at), (1, 1, Some(now())));
    // An import finds it again in the history.
    let again = serde_json::from_str(&export(&*store, &acme()).await).unwrap();
    store.release(&fence).await.unwrap();
    import(&*store, again).await;
    assert_eq!(store.orders(&acme(), &short, None, 10).await.unwrap(), rows);
}

pub(crate) async fn two_hosts_draw_distinct_consecutive_numbers(db: &impl Database) {
    const PAGES: usize = 20;
    let (one, two) = (db.open(), db.open());
    let mut start = acme_with(1);
    start.orders.push(serde_json::from_value(order(2, "AZ1")).unwrap());
    import(&*one, start).await;
    let (fk, az) = (fence(&*one, "FK1", "one").await, fence(&*two, "AZ1", "two").await);
    let drawn = Arc::new(Mutex::new(Vec::new()));
    let draw = async |store: &dyn Store, fence, number| {
        for _ in 0..PAGES {
            // Only the last decision about a page counts.
            let last = Arc::new(Mutex::new(None));
            let decided = Arc::clone(&last);
            apply(store, fence, keys([number]), move |mut state| {
                let key = ("DEL1".into(), SequenceKind::SaleInvoice);
                *decided.lock().unwrap() = state.ledger.draw(&key, now());
                PageResult { ledger: state.ledger.changes(state.counters), ..PageResult::default() }
            })
            .await
            .unwrap();
            let number = last.lock().unwrap().take();
            drawn.lock().unwrap().push(number.unwrap());
        }
    };
    tokio::join!(draw(&*one, &fk, 1), draw(&*two, &az, 2));
    let expected: Vec<_> = (1..=2 * PAGES).map(|n| format!("INV/{n:04}")).collect();
    let mut drawn = std::mem::take(&mut *drawn.lock().unwrap());
    drawn.sort();
    assert_eq!(drawn, expected);
}

pub(crate) async fn a_person_edits_one_order_without_a_lease(db: &impl Database) {
    let store = db.open();
    import(&*store, acme_with(2)).await;
    let _run = fence(&*store, "FK1", "a").await;
    let edit = |order: &str, mode| {
        let order = order.into();
        let store = &store;
        async move { store.edit_order(&acme(), &order, now(), mode, Box::new(dispatch_all)).await }
    };
    edit("O2", Mode::Rehearse).await.unwrap();
    assert_eq!(file(&*store, "O2").await.order.status, OrderStatus::Processing);
    assert_eq!(edit("O2", Mode::Commit).await.unwrap().changes.len(), 1);
    assert_eq!(file(&*store, "O2").await.order.status, OrderStatus::Complete);
    assert_eq!(file(&*store, "O1").await.order.status, OrderStatus::Processing);
    assert!(matches!(edit("O7", Mode::Commit).await, Err(StoreError::NotFound(_))));
    let other = snapshot(json!({"tenant": "other"}));
    import(&*store, other).await;
    let decide = Box::new(|_| PageResult::default());
    let edited = store.edit_order(&"other".into(), &"O2".into(), now(), Mode::Commit, decide).await;
    assert!(matches!(edited, Err(StoreError::NotFound(_))), "another tenant's order is not known");
}
