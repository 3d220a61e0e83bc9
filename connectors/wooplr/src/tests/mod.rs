//! Pulls against scripts of replies: what is peculiar to Wooplr, seen from outside.

mod failures;
mod known;
mod lists;

use plugin_api::{
    Mark, Millis, Observation, OrderRef, Status, Task,
    testing::{Ran, Script},
};
use serde_json::{Value, json};

/// 2016-11-24 15:06:40 UTC, the fixtures' own time.
const THEN: Millis = 1_480_000_000_000;
const HOUR: Millis = 3_600_000;

const LIST: &str = "POST /shop/rest/v2/ecommorder/search";
const DETAIL: &str = "GET /shop/rest/v2/ecommorder/id";

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../../fixtures/", $name, ".json"))
    };
}
use fixture;

/// The settings that are needed, and these.
fn settings(more: &Value) -> Value {
    let mut all = json!({"base_url": "https://seller.wooplr.example", "store_id": "77"});
    for (name, value) in more.as_object().into_iter().flatten() {
        all[name] = value.clone();
    }
    all
}

/// Pulls what changed since the fixtures' time.
fn changed_with(more: &Value, script: Script) -> Ran<Mark> {
    script.changed::<crate::Wooplr>(Task::Status, settings(more), THEN, THEN + 240 * HOUR)
}

fn changed(script: Script) -> Ran<Mark> {
    changed_with(&json!({}), script)
}

/// Asks for a sub-order of the order `SO-1`.
fn one(script: Script, sub_order: &str) -> Ran<Mark> {
    known(script, vec![held("SO-1", &[sub_order])])
}

fn known(script: Script, refs: Vec<OrderRef>) -> Ran<Mark> {
    script.orders::<crate::Wooplr>(Task::Pending, settings(&json!({})), refs)
}

fn held(order: &str, sub_orders: &[&str]) -> OrderRef {
    let items = sub_orders.iter().map(|&id| id.to_owned()).collect();
    OrderRef { order: order.to_owned(), items, ..OrderRef::default() }
}

fn of(sub_order: &str) -> String {
    format!("{DETAIL}/{sub_order}")
}

/// A page of orders with these ids, each changed so many hours after the fixtures' time.
fn page(rows: impl IntoIterator<Item = (u32, i64)>) -> String {
    let rows: Vec<Value> = rows
        .into_iter()
        .map(|(id, hour)| {
            json!({"subOrderId": id, "transactionOrderId": 1, "orderStatus": "CONFIRMED",
                   "orderUpdateDate": THEN + hour * HOUR})
        })
        .collect();
    json!({ "orders": rows }).to_string()
}

fn about<'r>(ran: &'r Ran<Mark>, sub_order: &str) -> &'r Observation {
    let mut seen = ran.observations.iter().filter(|seen| seen.item.as_deref() == Some(sub_order));
    let first = seen.next().unwrap();
    assert_eq!(seen.next(), None);
    first
}
