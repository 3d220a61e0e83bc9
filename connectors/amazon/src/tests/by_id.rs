//! Orders asked for by id.

use plugin_api::{ErrorKind, Mark, OrderRef, Status, Task};
use serde_json::json;

use super::*;

fn one(id: &str) -> String {
    let mut order = order_2026("SHIPPED", &json!([]));
    order["orderId"] = json!(id);
    json!({ "order": order }).to_string()
}

fn get(id: &str) -> String {
    format!("GET /orders/2026-01-01/orders/{id}")
}

#[test]
fn each_order_of_2026_is_one_call() {
    let ran = script()
        .reply(&get("404-1"), 200, one("404-1"))
        .reply(&get("404-2"), 200, one("404-2"))
        .orders::<Amazon>(Task::Delivery, json!({}), vec![asked("404-1"), asked("404-2")]);
    assert_eq!(ran.statuses(), [("404-1", Some(Status::Dispatched)), ("404-2", Some(Status::Dispatched))]);
    assert_eq!(ran.result.unwrap(), Mark::default());
    assert_eq!(
        ran.requests[0],
        "GET https://sellingpartnerapi-eu.amazon.com/orders/2026-01-01/orders/404-1\
         ?includedData=FULFILLMENT,PACKAGES,CANCELLATION"
    );
}

#[test]
fn every_task_by_id_asks_the_same_way() {
    for task in [Task::Pending, Task::Delivery, Task::Returns, Task::Status] {
        let ran = script().reply(&get("404-1"), 200, one("404-1")).orders::<Amazon>(
            task,
            json!({}),
            vec![asked("404-1")],
        );
        assert_eq!(ran.observations.len(), 1, "{task}");
    }
}

#[test]
fn an_order_that_amazon_does_not_know_is_passed_over() {
    let ran = script()
        .reply(&get("404-1"), 404, "")
        .reply(&get("404-2"), 200, one("404-2"))
        .orders::<Amazon>(Task::Pending, json!({}), vec![asked("404-1"), asked("404-2")]);
    assert!(ran.result.is_ok());
    assert_eq!(ran.observations.len(), 1);
}

#[test]
fn a_refused_id_costs_the_others_nothing_but_refusing_all_is_an_error() {
    let refs = || vec![asked("404-1"), asked("404-2")];
    let ran = script()
        .reply(&get("404-1"), 400, "")
        .reply(&get("404-2"), 200, one("404-2"))
        .orders::<Amazon>(Task::Pending, json!({}), refs());
    assert!(ran.result.is_ok());
    assert_eq!(ran.observations.len(), 1);
    let ran = script().reply(&get("404-1"), 400, "").reply(&get("404-2"), 400, "").orders::<Amazon>(
        Task::Pending,
        json!({}),
        refs(),
    );
    assert_eq!(ran.result.unwrap_err().kind, ErrorKind::BadRequest);
}

#[test]
fn denied_and_broken_orders_end_the_pull() {
    for (status, kind) in
        [(403, ErrorKind::Auth), (429, ErrorKind::RateLimited), (500, ErrorKind::Unavailable)]
    {
        let ran = script().reply(&get("404-1"), status, DENIED).orders::<Amazon>(
            Task::Pending,
            json!({}),
            vec![asked("404-1")],
        );
        assert_eq!(ran.result.unwrap_err().kind, kind, "{status}");
    }
}

#[test]
fn what_cannot_be_an_order_id_never_enters_an_address() {
    for settings in [json!({}), v0()] {
        let refs = vec![asked("../reports"), asked("a?b=c"), asked("")];
        let ran = script().orders::<Amazon>(Task::Pending, settings, refs);
        assert!(ran.result.is_ok());
        assert_eq!(ran.requests, Vec::<String>::new());
    }
}

#[test]
fn no_orders_are_no_requests() {
    for settings in [json!({}), v0()] {
        let ran = script().orders::<Amazon>(Task::Pending, settings, Vec::new());
        assert!(ran.result.is_ok());
        assert_eq!(ran.requests, Vec::<String>::new());
    }
}

#[test]
fn v0_asks_for_fifty_orders_a_call_and_no_dates() {
    let refs: Vec<_> = (0..51).map(|number| asked(&format!("404-{number:02}"))).collect();
    let ran = script().reply(V0, 200, page_v0(&[])).reply(V0, 200, page_v0(&[])).orders::<Amazon>(
        Task::Pending,
        v0(),
        refs,
    );
    assert!(ran.result.is_ok());
    assert_eq!(ran.requests.len(), 2);
    assert_eq!(ran.requests[0].matches("404-").count(), 50);
    assert_eq!(
        ran.requests[1],
        "GET https://sellingpartnerapi-eu.amazon.com/orders/v0/orders?MarketplaceIds=A21TJRUUN4KGV&AmazonOrderIds=404-50"
    );
}

#[test]
fn an_order_that_is_absent_from_the_answer_says_nothing() {
    let ran =
        script().reply(V0, 200, page_v0(&[])).orders::<Amazon>(Task::Pending, v0(), vec![asked("404-1")]);
    assert!(ran.result.is_ok());
    assert_eq!(ran.observations, []);
}

#[test]
fn a_v0_order_with_fewer_units_than_we_hold_lines_has_its_lines_read() {
    let mut order = order_v0("Unshipped", Some("PendingPickUp"));
    order["NumberOfItemsShipped"] = json!(0);
    order["NumberOfItemsUnshipped"] = json!(1);
    let items = json!({"payload": {"OrderItems": [
        {"OrderItemId": "66", "QuantityOrdered": 1, "QuantityShipped": 0},
        {"OrderItemId": "77", "QuantityOrdered": 0, "QuantityShipped": 0},
    ]}});
    let holds = |items: &[&str]| OrderRef {
        items: items.iter().map(|&item| item.to_owned()).collect(),
        ..asked("404-0000001-0000001")
    };
    let ran = script()
        .reply(V0, 200, page_v0(std::slice::from_ref(&order)))
        .reply("GET /orders/v0/orders/404-0000001-0000001/orderItems", 200, items.to_string())
        .orders::<Amazon>(Task::Pending, v0(), vec![holds(&["66", "77"])]);
    let seen: Vec<_> =
        ran.observations.iter().map(|seen| (seen.item.as_deref(), seen.raw.as_str())).collect();
    assert_eq!(seen, [(Some("77"), "quantityOrdered=0"), (None, "PendingPickUp")]);

    let ran = script().reply(V0, 200, page_v0(&[order])).orders::<Amazon>(
        Task::Pending,
        v0(),
        vec![holds(&["66", "66"])],
    );
    assert_eq!(ran.requests.len(), 1, "one line, held for two units");
}
