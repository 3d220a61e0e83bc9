//! Pulls against scripts of replies: what is peculiar to Snapdeal, seen from outside.

mod failures;
mod known;
mod lists;
mod returns;
mod search;

use plugin_api::{
    Mark, Millis, Observation, OrderRef, Status, Task,
    testing::{Ran, Script},
};
use serde_json::{Value, json};

/// 2026-01-14 14:13:20 UTC, the fixtures' own time.
const THEN: Millis = 1_768_400_000_000;
const DAY: Millis = 86_400_000;
/// 2026-01-15 09:30 UTC, the scripts' now.
const UNTIL: Millis = 1_768_469_400_000;
const SINCE: Millis = UNTIL - 2 * DAY;

const NEW: &str = "GET /seller-api/orders/new";
const COMPLETED: &str = "GET /seller-api/orders/completed";
const CANCELLED: &str = "GET /seller-api/suborders/cancelled";
const PENDING: &str = "GET /seller-api/returns/pending";
const RETURNED: &str = "GET /seller-api/returns/completed";

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../../fixtures/", $name, ".json"))
    };
}
use fixture;

fn suborder(number: u32) -> String {
    format!("7410000{number:04}")
}

fn package(number: u32) -> String {
    format!("SLP500000{number:04}")
}

fn order(number: u32) -> String {
    format!("6570000{number:04}")
}

/// A path of the by-id calls.
fn of(call: &str, code: &str) -> String {
    format!("{call}/{code}")
}

fn pending_of(number: u32) -> String {
    format!("{PENDING}/suborder/{}", suborder(number))
}

/// An order as the host holds it.
fn held(number: u32, suborders: &[u32], packages: &[u32]) -> OrderRef {
    OrderRef {
        order: order(number),
        items: suborders.iter().copied().map(suborder).collect(),
        packages: packages.iter().copied().map(package).collect(),
        awbs: Vec::new(),
    }
}

/// A page of packages with one suborder each, in this status; the suborder, its package and its order share a number.
fn packages(numbers: impl IntoIterator<Item = u32>, status: &str) -> String {
    let rows: Vec<Value> = numbers
        .into_iter()
        .map(|n| {
            json!({"packageReferenceCode": package(n), "fulfillmentModelCode": "DROPSHIP", "items": [
                {"suborderCode": suborder(n), "orderCode": order(n), "siStatusCode": status}]})
        })
        .collect();
    json!({"metadata": {}, "payload": {"packages": rows}}).to_string()
}

fn known_with(settings: Value, script: Script, refs: Vec<OrderRef>) -> Ran<Mark> {
    script.orders::<crate::Snapdeal>(Task::Pending, settings, refs)
}

fn known(script: Script, refs: Vec<OrderRef>) -> Ran<Mark> {
    known_with(json!({}), script, refs)
}

fn delivery(script: Script, refs: Vec<OrderRef>) -> Ran<Mark> {
    script.orders::<crate::Snapdeal>(Task::Delivery, json!({}), refs)
}

fn changed(script: Script) -> Ran<Mark> {
    script.changed::<crate::Snapdeal>(Task::Status, json!({}), SINCE, UNTIL)
}

/// The observations of a suborder.
fn about(ran: &Ran<Mark>, number: u32) -> Vec<&Observation> {
    let code = suborder(number);
    ran.observations.iter().filter(|seen| seen.item.as_deref() == Some(&code)).collect()
}

fn status_of(ran: &Ran<Mark>, number: u32) -> Option<Status> {
    let seen = about(ran, number);
    assert_eq!(seen.len(), 1, "{seen:?}");
    seen[0].status
}

/// The path of each request, without base and query.
fn paths(ran: &Ran<Mark>) -> Vec<String> {
    let bare = |line: &String| line.split('?').next().unwrap_or_default().to_owned();
    ran.requests.iter().map(bare).map(|line| line.replace("https://apigateway.snapdeal.com", "")).collect()
}
