//! What people and tasks by id list.

use plugin_api::ShippedBy;
use serde_json::json;

use super::{
    Database,
    sample::{acme, acme_with, fk1, import, now, order, snapshot},
};
use crate::{
    domain::{
        order::{ItemStatus, OrderStatus},
        snapshot::Snapshot,
    },
    storage::{Mode, OrderFilter, OrderStage, PageResult, PageState, Shipping, Store, StoreError},
};

/// Orders 1 to 4 of FK1, each in another situation, and order 5 of AZ1, cancelled.
fn mixed() -> Snapshot {
    let mut orders: Vec<_> = (1..=5).map(|n| order(n, if n == 5 { "AZ1" } else { "FK1" })).collect();
    orders[1]["status"] = json!("COMPLETE");
    orders[1]["items"][0]["status"] = json!("DISPATCHED");
    orders[1]["packages"][0]["status"] = json!("SHIPPED");
    orders[2]["status"] = json!("COMPLETE");
    orders[2]["items"][0]["status"] = json!("RETURNED");
    orders[2]["packages"][0]["status"] = json!("RETURNED");
    orders[2]["returns"] = json!([{"kind": "RTO", "code": "SP3", "status": "NOT_RECEIVED", "package": "SP3", "items": ["O3-1"]}]);
    orders[3]["status"] = json!("COMPLETE");
    orders[3]["items"][0]["status"] = json!("DELIVERED");
    orders[3]["packages"][0]["status"] = json!("DELIVERED");
    orders[4]["status"] = json!("CANCELLED");
    orders[4]["items"][0]["status"] = json!("CANCELLED");
    orders[4]["packages"][0]["status"] = json!("CANCELLED");
    let mut tenant = acme_with(0);
    tenant.orders = serde_json::from_value(json!(orders)).unwrap();
    let conflict = |code, order, open| json!({"code": code, "cause": "CANCEL_AFTER_DELIVERY", "order": order, "items": [], "message": "m", "open": open});
    tenant.conflicts =
        serde_json::from_value(json!([conflict("CF10", "O4", true), conflict("CF9", "O1", false)])).unwrap();
    let putaway = |code, item, status| json!({"code": code, "type": "PUTAWAY_COURIER_RETURNED_ITEMS", "item": item, "status": status});
    tenant.putaways =
        serde_json::from_value(json!([putaway("PA10", "O3-1", "DUE"), putaway("PA9", "O5-1", "COMPLETE")]))
            .unwrap();
    tenant
}

async fn codes(store: &dyn Store, filter: OrderFilter) -> Vec<String> {
    let rows = store.orders(&acme(), &filter, None, 100).await.unwrap();
    rows.into_iter().map(|row| row.code.to_string()).collect()
}

pub(crate) async fn orders_are_filtered(db: &impl Database) {
    let store = db.open();
    import(&*store, mixed()).await;
    let all = OrderFilter::default();
    assert_eq!(codes(&*store, all.clone()).await, ["O1", "O2", "O3", "O4", "O5"]);
    let az1 = OrderFilter { channel: Some("AZ1".into()), ..all.clone() };
    assert_eq!(codes(&*store, az1).await, ["O5"]);
    let complete = OrderFilter { status: Some(OrderStatus::Complete), ..all.clone() };
    assert_eq!(codes(&*store, complete.clone()).await, ["O2", "O3", "O4"]);
    assert_eq!(codes(&*store, OrderFilter { in_conflict: true, ..all.clone() }).await, ["O4"]);
    assert_eq!(codes(&*store, OrderFilter { has_putaway_due: true, ..all.clone() }).await, ["O3"]);
    assert_eq!(codes(&*store, OrderFilter { returned_not_received: true, ..all }).await, ["O3"]);
    assert!(codes(&*store, OrderFilter { has_shortfall: true, ..complete }).await.is_empty());
    let row = &store.orders(&acme(), &OrderFilter::default(), None, 1).await.unwrap()[0];
    assert_eq!(row.items, [(ItemStatus::Fulfillable, 1)]);
    assert_eq!((row.waiting, row.open_conflicts, row.changed_at), (0, 0, None));
}

pub(crate) async fn orders_are_paged_by_code(db: &impl Database) {
    let store = db.open();
    import(&*store, acme_with(5)).await;
    let mut pages = Vec::new();
    let mut after = None;
    loop {
        let page = store.orders(&acme(), &OrderFilter::default(), after.as_ref(), 2).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.code.clone());
        pages.push(page.iter().map(|row| row.code.to_string()).collect::<Vec<_>>());
    }
    assert_eq!(pages, [vec!["O1", "O2"], vec!["O3", "O4"], vec!["O5"]]);
}

pub(crate) async fn an_order_is_found_by_our_code_or_the_channels_id(db: &impl Database) {
    let store = db.open();
    import(&*store, mixed()).await;
    for id in ["O3", "OD3"] {
        let file = store.order(&acme(), id).await.unwrap().unwrap();
        assert_eq!((file.order.code.as_str(), file.putaways[0].code.as_str()), ("O3", "PA10"));
    }
    assert!(store.order(&acme(), "OD9").await.unwrap().is_none());
    assert!(store.order(&"other".into(), "O3").await.unwrap().is_none());
}

pub(crate) async fn an_id_that_two_channels_have_is_refused(db: &impl Database) {
    let store = db.open();
    let mut tenant = mixed();
    tenant.orders[4].channel_order_id = "OD1".into();
    import(&*store, tenant).await;
    let error = store.order(&acme(), "OD1").await.unwrap_err();
    assert!(matches!(error, StoreError::Contradiction(_)));
    assert!(error.to_string().contains("O1 or O5"), "{error}");
}

pub(crate) async fn tasks_by_id_get_the_orders_that_they_are_about(db: &impl Database) {
    let store = db.open();
    let mut tenant = mixed();
    tenant.orders[3].packages[0].delivered_at = Some(now());
    import(&*store, tenant).await;
    let of = |stage| OrderFilter { channel: Some(fk1()), stage: Some(stage), ..OrderFilter::default() };
    let found = |filter: OrderFilter, after: Option<&'static str>| {
        let store = &store;
        async move {
            let after = after.map(Into::into);
            let refs = store.matching_refs(&acme(), &filter, after.as_ref(), 10).await.unwrap();
            if after.is_none() {
                assert_eq!(store.count_orders(&acme(), &filter).await.unwrap(), refs.len() as u64);
            }
            let named = store.matching_orders(&acme(), &filter, after.as_ref(), 10).await.unwrap();
            assert!(named.iter().map(|order| &order.code).eq(refs.iter().map(|found| &found.code)));
            refs.into_iter().map(|found| found.code.to_string()).collect::<Vec<_>>()
        }
    };
    assert_eq!(found(of(OrderStage::Open), None).await, ["O1"]);
    assert_eq!(found(of(OrderStage::Moving), None).await, ["O2", "O3"]);
    assert_eq!(found(of(OrderStage::Moving), Some("O2")).await, ["O3"]);
    assert_eq!(found(of(OrderStage::DeliveredSince(now())), None).await, ["O4"]);
    assert!(found(of(OrderStage::DeliveredSince(now() + 1)), None).await.is_empty());
    for (only, count) in [(ShippedBy::Channel, 1), (ShippedBy::Seller, 0)] {
        let shipping = Some(Shipping { only, usual: ShippedBy::Seller });
        let filter = OrderFilter { shipping, ..of(OrderStage::Open) };
        assert_eq!(found(filter, None).await.len(), count, "the order says itself that the channel ships it");
    }
    let asked = ["OD2", "O1", "O2", "O9", "O5"].map(String::from);
    let refs = store.refs(&acme(), &fk1(), &asked).await.unwrap();
    let named: Vec<_> = refs.iter().map(|found| (found.code.as_str(), found.has_left)).collect();
    assert_eq!(named, [("O1", false), ("O2", true)], "each once; O9 is unknown and O5 is of another channel");
    let first = &refs[0].order;
    assert_eq!(
        (first.order.as_str(), &first.items[..], &first.packages[..], &first.awbs[..]),
        ("OD1", &["111".to_owned()][..], &["P1".to_owned()][..], &["EK1".to_owned()][..])
    );
}

pub(crate) async fn orders_are_filtered_by_what_is_in_them(db: &impl Database) {
    let store = db.open();
    let mut tenant = mixed();
    tenant.orders[0].on_hold = true;
    tenant.orders[1].items[0].facility = None;
    tenant.orders[2].channel_order_id = "50%_OFF".into();
    import(&*store, tenant).await;
    let text = |text: &str| OrderFilter { text: Some(text.to_owned()), ..OrderFilter::default() };
    for (what, expected) in [
        ("o4", &["O4"][..]),
        ("od1", &["O1"]),
        ("Ek2", &["O2"]),
        ("K2", &[]),
        ("50%_o", &["O3"]),
        ("off", &["O3"]),
        ("%", &[]),
        ("", &["O1", "O2", "O3", "O4", "O5"]),
        ("a", &["O1", "O2", "O3", "O4", "O5"]),
        ("nothing", &[]),
    ] {
        assert_eq!(codes(&*store, text(what)).await, expected, "{what}");
    }
    let all = OrderFilter::default();
    let from = OrderFilter { facility: Some("DEL1".into()), ..all.clone() };
    assert_eq!(codes(&*store, from).await, ["O1", "O3", "O4", "O5"]);
    assert_eq!(codes(&*store, OrderFilter { on_hold: true, ..all.clone() }).await, ["O1"]);
    let quiet = |since| OrderFilter { unchanged_since: Some(since), ..OrderFilter::default() };
    assert_eq!(store.count_orders(&acme(), &quiet(1)).await.unwrap(), 5, "they never changed here");
    assert_eq!(store.count_orders(&acme(), &all).await.unwrap(), 5);
}

pub(crate) async fn orders_are_found_in_all_channels_by_their_names(db: &impl Database) {
    let store = db.open();
    let mut tenant = mixed();
    tenant.orders[4].channel_order_id = "OD1".into();
    import(&*store, tenant).await;
    let named = store.named_orders(&acme(), &["OD1", "O2", "OD2", "O9"].map(String::from)).await.unwrap();
    let found: Vec<_> = named.iter().map(|order| (order.code.as_str(), order.channel.as_str())).collect();
    assert_eq!(found, [("O1", "FK1"), ("O2", "FK1"), ("O5", "AZ1")]);
    assert!(store.named_orders(&"other".into(), &["O1".to_owned()]).await.unwrap().is_empty());
}

pub(crate) async fn items_are_counted_per_channel_and_state(db: &impl Database) {
    let store = db.open();
    import(&*store, mixed()).await;
    let counts = store.item_counts(&acme()).await.unwrap();
    let counts: Vec<_> = counts.iter().map(|row| (row.channel.as_str(), row.status, row.count)).collect();
    assert_eq!(
        counts,
        [
            ("AZ1", ItemStatus::Cancelled, 1),
            ("FK1", ItemStatus::Fulfillable, 1),
            ("FK1", ItemStatus::Dispatched, 1),
            ("FK1", ItemStatus::Delivered, 1),
            ("FK1", ItemStatus::Returned, 1),
        ]
    );
}

pub(crate) async fn duties_are_listed_by_number(db: &impl Database) {
    let store = db.open();
    import(&*store, mixed()).await;
    import(&*store, snapshot(json!({"tenant": "other"}))).await;
    let conflicts = store.conflicts(&acme(), false).await.unwrap();
    let listed: Vec<_> = conflicts.iter().map(|row| row.conflict.code.as_str()).collect();
    assert_eq!(listed, ["CF9", "CF10"]);
    assert_eq!(store.conflicts(&acme(), true).await.unwrap().len(), 1);
    let conflict = store.conflict(&acme(), "CF10").await.unwrap().unwrap();
    assert_eq!((conflict.channel, conflict.conflict.order.as_str()), (fk1(), "O4"));
    let putaways = store.putaways(&acme(), false).await.unwrap();
    let listed: Vec<_> = putaways.iter().map(|row| row.putaway.code.as_str()).collect();
    assert_eq!(listed, ["PA9", "PA10"]);
    assert_eq!(store.putaways(&acme(), true).await.unwrap()[0].order.as_str(), "O3");
    assert_eq!(store.putaway(&acme(), "PA9").await.unwrap().unwrap().order.as_str(), "O5");
    assert!(store.putaway(&"other".into(), "PA9").await.unwrap().is_none());
    assert!(store.conflict(&acme(), "CF1").await.unwrap().is_none());
}

pub(crate) async fn changed_orders_are_paged_from_the_last_changed_one_on(db: &impl Database) {
    let store = db.open();
    import(&*store, acme_with(5)).await;
    let changed = async |after: Option<(i64, &str)>, limit: u32| {
        let after = after.map(|(at, code)| (at, code.into()));
        let rows =
            store.changed_orders(&acme(), after.as_ref().map(|(at, code)| (*at, code)), limit).await.unwrap();
        rows.into_iter().map(|row| (row.changed_at.unwrap(), row.code.to_string())).collect::<Vec<_>>()
    };
    assert_eq!(changed(None, 10).await, [], "an import changes nothing");
    for (order, at) in [("O1", 5), ("O4", 7), ("O2", 7), ("O3", 6)] {
        let as_it_is = |state: PageState| PageResult {
            files: state.files.into_values().collect(),
            ..PageResult::default()
        };
        store.edit_order(&acme(), &order.into(), at, Mode::Commit, Box::new(as_it_is)).await.unwrap();
    }
    let all = [(7, "O4"), (7, "O2"), (6, "O3"), (5, "O1")].map(|(at, code)| (at, code.to_owned()));
    assert_eq!(changed(None, 10).await, all);
    assert_eq!(changed(None, 1).await, all[..1]);
    assert_eq!(changed(Some((7, "O4")), 10).await, all[1..]);
    assert_eq!(changed(Some((6, "O3")), 10).await, all[3..]);
}
