//! Orders that the seller's system hands over.

use std::sync::{Arc, Mutex};

use super::{
    Database,
    sample::{acme, acme_with, apply, fence, file, fk1, import, keys, now, order},
};
use crate::{
    domain::{
        duties::Parked,
        order::{Order, OrderStatus},
        snapshot::OrderFile,
    },
    storage::{IntakeKeys, IntakeState, Mode, PageKeys, PageResult, Store, StoreError},
};

fn given(n: usize) -> Order {
    serde_json::from_value(order(n, "FK1")).unwrap()
}

fn asked(orders: &[Order]) -> IntakeKeys {
    IntakeKeys {
        page: PageKeys {
            orders: orders.iter().map(|order| (order.channel_order_id.clone(), None)).collect(),
            stock: vec![("DEL1".into(), "A".into())],
            now: now(),
            ..PageKeys::default()
        },
        codes: orders.iter().map(|order| order.code.clone()).collect(),
    }
}

/// Writes the orders as they are, and one unit more blocked for each.
async fn hand_over(store: &dyn Store, orders: Vec<Order>, mode: Mode) {
    let keys = asked(&orders);
    let decide = move |mut state: IntakeState| {
        let mut result = PageResult::default();
        for order in orders {
            state.page.ledger.change_stock(&("DEL1".into(), "A".into()), |row| row.blocked += 1);
            result.files.push(OrderFile { order, invoices: vec![], putaways: vec![], conflicts: vec![] });
        }
        result.ledger = state.page.ledger.changes(state.page.counters);
        result
    };
    store.take_orders(&acme(), &fk1(), keys, mode, Box::new(decide)).await.unwrap();
}

pub(crate) async fn orders_are_added_and_replaced_and_nothing_else_is_touched(db: &impl Database) {
    let store = db.open();
    import(&*store, acme_with(2)).await;
    let untouched = file(&*store, "O1").await;
    let mut changed = given(2);
    changed.on_hold = true;
    hand_over(&*store, vec![changed.clone(), given(9)], Mode::Rehearse).await;
    assert!(store.order(&acme(), "O9").await.unwrap().is_none());
    hand_over(&*store, vec![changed.clone(), given(9)], Mode::Commit).await;
    assert_eq!(file(&*store, "O2").await.order, changed);
    assert_eq!(file(&*store, "O9").await.order.status, OrderStatus::Processing);
    assert_eq!(file(&*store, "O1").await, untouched);
    assert_eq!(store.stock(&acme()).await.unwrap()[0].blocked, 4);
}

pub(crate) async fn what_is_taken_by_other_orders_is_told(db: &impl Database) {
    let store = db.open();
    import(&*store, acme_with(2)).await;
    let seen: Arc<Mutex<Option<IntakeState>>> = Arc::default();
    let tell = Arc::clone(&seen);
    let decide = move |state: IntakeState| {
        *tell.lock().unwrap() = Some(state);
        PageResult::default()
    };
    let keys = asked(&[Order { channel_order_id: "OD7".into(), ..given(1) }, given(2), given(9)]);
    store.take_orders(&acme(), &fk1(), keys, Mode::Commit, Box::new(decide)).await.unwrap();
    let state = seen.lock().unwrap().take().unwrap();
    let known: Vec<&str> = state.page.files.keys().map(String::as_str).collect();
    assert_eq!(known, ["OD2"]);
    assert_eq!(state.taken["O1"], (fk1(), "OD1".to_owned()));
    assert_eq!(state.taken["O2"], (fk1(), "OD2".to_owned()));
    assert!(!state.taken.contains_key("O9"));
}

pub(crate) async fn stock_that_only_new_orders_name_is_there(db: &impl Database) {
    let store = db.open();
    import(&*store, acme_with(0)).await;
    hand_over(&*store, vec![given(1)], Mode::Commit).await;
    let row = &store.stock(&acme()).await.unwrap()[0];
    assert_eq!((row.on_hand, row.blocked), (50, 3));
}

pub(crate) async fn a_fact_that_waits_under_its_item_comes_to_the_order_that_was_handed_over(
    db: &impl Database,
) {
    let store = db.open();
    import(&*store, acme_with(0)).await;
    let fence = fence(&*store, "FK1", "R1").await;
    let waiting: Parked =
        serde_json::from_value(serde_json::json!({"cause": "UNKNOWN_ORDER", "order": "911",
        "item": "911", "observation": {"order": "911", "item": "911", "status": "DISPATCHED"}}))
        .unwrap();
    let park = |_| PageResult { park: vec![waiting], ..PageResult::default() };
    apply(&*store, &fence, keys([]), park).await.unwrap();
    assert!(store.waiting_orders(&acme(), &fk1(), None, 10).await.unwrap().is_empty());
    hand_over(&*store, vec![given(9)], Mode::Commit).await;
    assert_eq!(store.waiting_orders(&acme(), &fk1(), None, 10).await.unwrap(), ["OD9"]);
}

pub(crate) async fn orders_of_a_channel_that_is_not_known_are_refused(db: &impl Database) {
    let store = db.open();
    import(&*store, acme_with(0)).await;
    let decide = |_: IntakeState| PageResult::default();
    let refused = store.take_orders(&acme(), &"NO".into(), asked(&[]), Mode::Commit, Box::new(decide)).await;
    assert!(matches!(refused, Err(StoreError::NotFound(_))));
}
