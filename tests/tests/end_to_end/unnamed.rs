//! Facts that name an item and not its order.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use statusync::{
    domain::snapshot::Snapshot,
    sync::{Line, ObserveRequest, Observed},
};

use super::site::Site;

/// Has the dispatch of an item observed, without its order; without an item only what waits is tried again.
async fn observe(site: &Site, item: Option<&str>) -> Observed {
    let line = |item| Line {
        observed: serde_json::from_value(
            json!({"order": "", "item": item, "status": "DISPATCHED", "raw": "SHP"}),
        )
        .expect("an observation"),
        answer: None,
        number: 1,
    };
    let request = ObserveRequest {
        tenant: site.tenant.clone(),
        channel: site.simulator.channel().into(),
        lines: item.map(line).into_iter().collect(),
        now: None,
        since_ms: None,
        dry_run: false,
    };
    site.engine.observe(request).await.expect("it is observed")
}

async fn import(site: &Site, document: &Value) {
    let snapshot: Snapshot = serde_json::from_value(document.clone()).expect("a snapshot");
    site.store.import(snapshot, BTreeMap::new()).await.expect("it fits");
}

/// An order whose first item nobody has sent, in a document: its place, its id and the item's.
fn open_order(document: &Value) -> (usize, String, String) {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let orders = document["orders"].as_array().expect("orders");
    let place = orders.iter().position(|order| order["shipping"] == "CHANNEL").expect("one by courier");
    (place, text(&orders[place]["channel_order_id"]), text(&orders[place]["items"][0]["channel_item_id"]))
}

async fn status_of(site: &Site, order: &str, item: &str) -> String {
    let file = site.store.order(&site.tenant, order).await.expect("it answers").expect("the order");
    let mut items = file.order.items.iter();
    let found = items.find(|held| held.channel_item_id.as_deref() == Some(item)).expect("the item");
    found.status.as_str().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fact_that_names_its_item_only_reaches_the_order() {
    let site = Site::snapdeal(7, 10).await;
    let (_, order, item) = open_order(&site.export().await);
    let seen = observe(&site, Some(&item)).await;
    assert_eq!((seen.lines[0].outcome.as_str(), &seen.lines[0].order), ("APPLIED", &order), "{seen:?}");
    assert_eq!(status_of(&site, &order, &item).await, "DISPATCHED");
    assert_eq!(observe(&site, Some(&item)).await.lines[0].outcome, "UNCHANGED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fact_whose_item_is_of_no_order_waits_until_the_order_is_imported() {
    let site = Site::snapdeal(7, 10).await;
    let mut document = site.export().await;
    let (place, order, item) = open_order(&document);
    let late = document["orders"].as_array_mut().expect("orders").remove(place);
    import(&site, &document).await;

    for _ in 0..2 {
        let seen = observe(&site, Some(&item)).await;
        let line = &seen.lines[0];
        assert_eq!((line.outcome.as_str(), line.code.as_deref()), ("PARKED", Some("UNKNOWN_ORDER")));
        assert_eq!(line.message, format!("Item {item} of channel SD1 is of no order that is known here"));
        assert!(seen.retried.is_empty(), "there is nothing to try yet");
    }

    let mut document = site.export().await;
    assert_eq!(document["parked"].as_array().map(Vec::len), Some(1), "it waits once");
    document["orders"].as_array_mut().expect("orders").push(late);
    import(&site, &document).await;
    let next = observe(&site, None).await;
    let tried: Vec<_> = next.retried.iter().map(|line| (line.outcome.as_str(), &line.order)).collect();
    assert_eq!(tried, [("APPLIED", &order)], "{next:?}");
    assert_eq!(status_of(&site, &order, &item).await, "DISPATCHED");
    assert!(site.export().await["parked"].as_array().is_none_or(Vec::is_empty));
}
