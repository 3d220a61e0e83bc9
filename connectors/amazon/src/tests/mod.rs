//! Whole pulls against scripts of replies. What belongs to one module alone is tested beside it.

mod by_id;
mod classification;
mod easy_ship;
mod login;
mod orders;
mod paging;
mod report;
mod statuses;

use plugin_api::{Millis, Observation, OrderRef, Status, Task, testing::Ran, testing::Script};
use serde_json::{Value, json};

use crate::{Amazon, time};

const SEARCH: &str = "GET /orders/2026-01-01/orders";
const V0: &str = "GET /orders/v0/orders";
const EASY_SHIP: &str = "GET /easyShip/2022-03-23/package";
const DENIED: &str = include_str!("../../fixtures/error_denied.json");

/// The run's time in these tests.
fn now() -> Millis {
    at("2026-09-03T11:30:00Z")
}

fn at(text: &str) -> Millis {
    time::read(text).unwrap()
}

fn script() -> Script {
    Script::new().at(now())
}

fn v0() -> Value {
    json!({ "orders_api": "v0" })
}

/// Pulls the last hour.
fn changed(script: Script, settings: Value) -> Ran<plugin_api::Mark> {
    script.changed::<Amazon>(Task::Status, settings, now() - 3_600_000, now())
}

fn asked(order: &str) -> OrderRef {
    OrderRef { order: order.into(), ..OrderRef::default() }
}

/// An Easy Ship order of Orders 2026-01-01 with this status and these packages.
fn order_2026(status: &str, packages: &Value) -> Value {
    json!({
        "orderId": "404-0000001-0000001", "createdTime": "2026-09-01T04:10:00Z", "lastUpdatedTime": "2026-09-03T11:20:00Z",
        "programs": ["AMAZON_EASY_SHIP"], "fulfillment": {"fulfillmentStatus": status, "fulfilledBy": "MERCHANT"},
        "orderItems": [], "packages": packages,
    })
}

fn package_2026(status: &str, detailed: Option<&str>) -> Value {
    json!({
        "packageReferenceId": "1", "packageStatus": {"status": status, "detailedStatus": detailed}, "carrier": "ATS",
        "trackingNumber": "340000000001", "shipTime": "2026-09-02T09:00:00Z",
        "packageItems": [{"orderItemId": "66", "quantity": 2}],
    })
}

fn page_2026(orders: &[Value]) -> String {
    json!({ "orders": orders, "lastUpdatedBefore": "2026-09-03T11:28:00Z" }).to_string()
}

/// An Easy Ship order of Orders v0.
fn order_v0(status: &str, easy_ship: Option<&str>) -> Value {
    json!({
        "AmazonOrderId": "404-0000001-0000001", "OrderStatus": status, "PurchaseDate": "2026-09-01T04:10:00Z",
        "LastUpdateDate": "2026-09-03T11:20:00Z", "FulfillmentChannel": "MFN", "EasyShipShipmentStatus": easy_ship,
    })
}

fn page_v0(orders: &[Value]) -> String {
    json!({ "payload": { "Orders": orders, "LastUpdatedBefore": "2026-09-03T11:28:00Z" } }).to_string()
}

/// What one order of Orders 2026-01-01 is reported as.
fn seen_2026(order: Value) -> Vec<Observation> {
    let ran = changed(script().reply(SEARCH, 200, page_2026(&[order])), json!({}));
    ran.result.unwrap();
    ran.observations
}

/// What one order of Orders v0 is reported as.
fn seen_v0(order: Value) -> Vec<Observation> {
    let ran = changed(script().reply(V0, 200, page_v0(&[order])), v0());
    ran.result.unwrap();
    ran.observations
}

fn statuses(seen: &[Observation]) -> Vec<Status> {
    seen.iter().filter_map(|seen| seen.status).collect()
}
