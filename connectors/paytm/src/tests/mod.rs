//! Pulls and logins against scripts of replies: what is peculiar to Paytm, seen from outside.

mod courier;
mod failures;
mod known;
mod lists;
mod login;

use plugin_api::{
    Mark, Millis, Observation, OrderRef, Reply, Status, Task,
    testing::{Ran, Script},
};
use serde_json::{Value, json};

/// 2026-01-15 09:00 UTC, half an hour before the scripts' now.
const SINCE: Millis = 1_768_467_600_000;
/// 2026-01-15 09:30 UTC.
const UNTIL: Millis = SINCE + 1_800_000;
const MINUTE: Millis = 60_000;
const DAY: Millis = 1440 * MINUTE;

const ORDERS: &str = "GET /v1/merchant/111111/orders.json";
const FULFILMENTS: &str = "GET /v1/merchant/111111/fulfillments.json";
const SHIPPERS: &str = "GET /v1/merchant/111111/shippers";

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../../fixtures/", $name, ".json"))
    };
}
use fixture;

fn settings() -> Value {
    json!({"merchant_id": "111111"})
}

/// Pulls the orders placed in the half hour before now.
fn placed(script: Script) -> Ran<Mark> {
    script.changed::<crate::Paytm>(Task::Status, settings(), SINCE, UNTIL)
}

/// Pulls known orders, by order id and without a waybill.
fn known(script: Script, orders: &[&str]) -> Ran<Mark> {
    script.orders::<crate::Paytm>(Task::Pending, settings(), orders.iter().map(|id| order_ref(id)).collect())
}

fn order_ref(id: &str) -> OrderRef {
    OrderRef { order: id.into(), ..OrderRef::default() }
}

/// A list of one order with one item.
fn one(order: u64, item: u64, status: u32, fulfilment: Option<u64>) -> String {
    json!([{"id": order, "items": [
        {"id": item, "order_id": order, "sku": "S", "status": status, "fulfillment_id": fulfilment}]}])
    .to_string()
}

fn of_item<'a>(ran: &'a Ran<Mark>, id: &str) -> &'a Observation {
    let mut found = ran.observations.iter().filter(|seen| seen.item.as_deref() == Some(id));
    let seen = found.next().unwrap_or_else(|| panic!("item {id} was not reported"));
    assert!(found.next().is_none(), "item {id} was reported twice");
    seen
}

/// The query of the n-th request, as it is before encoding.
fn query(ran: &Ran<Mark>, n: usize) -> &str {
    ran.requests[n].split_once('?').map_or("", |(_, query)| query)
}
