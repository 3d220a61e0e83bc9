//! Orders come in from the seller's own system.

use serde_json::{Value, json};
use statusync::access::Scope;

use crate::site::{Site, order};

async fn stock(site: &Site) -> Value {
    site.get("/v1/tenants/acme/stock").await.good()["rows"][0].clone()
}

#[tokio::test]
async fn an_order_is_added_kept_up_to_date_and_explained_and_nothing_else_changes() {
    let site = Site::new(2).await;
    let erp = site.key(Some("acme"), &[Scope::Orders]).await;
    let put =
        async |body: &Value| site.ask("PUT", "/v1/tenants/acme/orders/O9", &erp, Some(body.clone())).await;
    let before = stock(&site).await;
    let mut given = order(9);
    let first = put(&given).await;
    assert_eq!((first.status.as_u16(), &first.body["outcome"]), (201, &"CREATED".into()), "{first:?}");
    assert_eq!(stock(&site).await["blocked"], before["blocked"].as_i64().unwrap() + 1, "its unit is blocked");
    assert_eq!(put(&given).await.good()["outcome"], "UNCHANGED");
    given["items"][0]["status"] = json!("CANCELLED");
    assert_eq!(put(&given).await.good()["outcome"], "UPDATED");
    assert_eq!(stock(&site).await, before);
    given["items"][0]["status"] = json!("FULFILLABLE");
    let late = put(&given).await.good();
    assert_eq!(
        (&late["outcome"], &late["notes"][0]),
        (&"UNCHANGED".into(), &"item O9-1 stays CANCELLED: FULFILLABLE is not taken".into())
    );
    let told = site.get("/v1/tenants/acme/orders/O9/explain").await.good();
    assert_eq!(told["now"]["order"]["status"], "CANCELLED");
    assert_eq!(told["history"].as_array().unwrap().len(), 2);
    assert_eq!(site.get("/v1/tenants/acme/orders").await.good()["rows"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn of_many_orders_those_that_are_wrong_are_told_and_do_not_stop_the_others() {
    let site = Site::new(3).await;
    let mut orders: Vec<Value> = (10..16).map(order).collect();
    orders[1]["items"][0]["stauts"] = json!("CREATED");
    orders[2]["channel"] = json!("FK2");
    orders[3]["items"][0]["package"] = json!("SP9");
    orders[4]["code"] = json!("O2");
    orders[5] = json!(7);
    let asked = json!({"orders": orders});
    for (path, is_dry) in [("/v1/tenants/acme/orders?dry_run=true", true), ("/v1/tenants/acme/orders", false)]
    {
        let report = site.send("POST", path, asked.clone()).await.good();
        assert_eq!(report["dry_run"], is_dry);
        assert_eq!(
            report["counts"],
            json!({"created": 1, "updated": 0, "unchanged": 0, "rejected": 5}),
            "{report}"
        );
        for (at, path, part) in [
            (1, "orders[1].items[0].stauts", "did you mean `status`?"),
            (2, "orders[2].channel", "did you mean `FK1`?"),
            (3, "orders[3].items[0].package", "SP9"),
            (4, "orders[4]", "O2 is here as order OD2 of channel FK1"),
            (5, "orders[5].", "invalid type"),
        ] {
            let wrong = &report["orders"][at]["errors"][0];
            assert!(wrong["path"].as_str().unwrap().starts_with(path), "{report}");
            assert!(wrong["problem"].as_str().unwrap().contains(part), "{report}");
        }
        let is_there = site.get("/v1/tenants/acme/orders/O10").await.status.is_success();
        assert_eq!(is_there, !is_dry);
    }
}

#[tokio::test]
async fn an_order_that_contradicts_is_refused_with_the_place() {
    let site = Site::new(2).await;
    let mut given = order(9);
    given["items"][0]["facility"] = json!("DEL9");
    let refused = site.send("PUT", "/v1/tenants/acme/orders/O9", given.clone()).await;
    assert_eq!(refused.problem(), "data.contradicts");
    assert_eq!(refused.body["errors"][0]["path"], "orders[0].items[0].facility");
    let elsewhere = site.send("PUT", "/v1/tenants/acme/orders/O8", given).await;
    assert_eq!(elsewhere.problem(), "body.wrong");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fact_that_waited_for_an_order_is_applied_once_the_order_was_handed_over() {
    let site = Site::with_market(5).await;
    let path = "/v1/tenants/acme/channels/FK1/observations";
    let facility = site.get("/v1/tenants/acme/facilities").await.good()["rows"][0]["code"].clone();
    let seen = json!({"observations": [{"order": "NEW1", "item": "1", "status": "DISPATCHED", "shipped_by": "CHANNEL"}]});
    let waits = site.send("POST", path, seen).await.good();
    assert_eq!(waits["outcomes"][0]["outcome"], "PARKED", "{waits}");
    let given = json!({"code": "X1", "channel": "FK1", "channel_order_id": "NEW1", "status": "CREATED", "shipping": "CHANNEL",
        "items": [{"code": "X1-1", "channel_item_id": "1", "sku": "A", "facility": facility, "status": "CREATED"}]});
    assert_eq!(site.send("PUT", "/v1/tenants/acme/orders/X1", given).await.status, 201);
    let applied = site.send("POST", path, json!({"observations": []})).await.good();
    assert_eq!(applied["retried"][0]["outcome"], "APPLIED", "{applied}");
    let shown = site.get("/v1/tenants/acme/orders/X1").await.good();
    assert_eq!(shown["order"]["items"][0]["status"], "DISPATCHED");
}

#[tokio::test]
async fn a_snapshot_is_exported_and_taken_again() {
    let site = Site::new(200).await;
    let snapshot = site.get("/v1/tenants/acme/snapshot").await.good();
    assert_eq!(snapshot["orders"].as_array().unwrap().len(), 200);
    let taken = site.send("PUT", "/v1/tenants/acme/snapshot", snapshot.clone()).await.good();
    assert_eq!((&taken["orders"], &taken["channels"]), (&json!(200), &json!(1)));
    assert_eq!(site.get("/v1/tenants/acme/snapshot").await.good(), snapshot);
    assert_eq!(
        site.send("PUT", "/v1/tenants/other/snapshot", snapshot.clone()).await.problem(),
        "body.wrong"
    );
    let mut wrong = snapshot;
    wrong["orders"][0]["channel"] = json!("FK2");
    let refused = site.send("PUT", "/v1/tenants/acme/snapshot", wrong).await;
    assert_eq!(refused.problem(), "body.wrong");
    assert_eq!(refused.body["errors"][0]["path"], "orders[0].channel");
}
