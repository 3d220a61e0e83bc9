//! Pulls and logins against scripts of replies: what is peculiar to ShopClues, seen from outside.

mod failures;
mod known;
mod lists;
mod login;

use plugin_api::{
    Mark, Millis, OrderRef, Status, Task,
    testing::{Ran, Script},
};
use serde_json::{Value, json};

/// 2026-01-15 09:00 UTC, half an hour before the scripts' now.
const SINCE: Millis = 1_768_467_600_000;
/// 2026-01-15 09:30 UTC.
const UNTIL: Millis = SINCE + 1_800_000;
const MINUTE: Millis = 60_000;
const DAY: Millis = 1440 * MINUTE;

const LIST: &str = "GET /api/v1/order";
const EMPTY: &str = r#"{"data":[],"extra":{"next":""}}"#;

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../../fixtures/", $name, ".json"))
    };
}
use fixture;

/// Pulls the orders placed in the half hour before now.
fn placed(script: Script) -> Ran<Mark> {
    script.changed::<crate::ShopClues>(Task::Status, json!({}), SINCE, UNTIL)
}

/// Pulls known orders, by order id and without a waybill.
fn known(script: Script, orders: &[&str]) -> Ran<Mark> {
    script.orders::<crate::ShopClues>(
        Task::Pending,
        json!({}),
        orders.iter().map(|id| order_ref(id)).collect(),
    )
}

fn order_ref(id: &str) -> OrderRef {
    OrderRef { order: id.into(), ..OrderRef::default() }
}

/// The call for one order.
fn detail_of(id: &str) -> String {
    format!("{LIST}/{id}")
}

/// One order in this state, as the detail shows it.
fn detail(id: &str, status: &str) -> String {
    json!({"data": {"order_id": id, "status": status, "items": {}}}).to_string()
}

/// A page of orders in these states, and the link to the next.
fn page(orders: &[(&str, &str)], next: &str) -> String {
    let rows: Vec<Value> = orders
        .iter()
        .map(|(id, status)| json!({"order_id": id, "status": status, "is_parent_order": "N"}))
        .collect();
    json!({"data": rows, "extra": {"next": next}}).to_string()
}
