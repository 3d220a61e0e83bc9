//! Pulls against scripts of replies: what is peculiar to Voonik, seen from outside.

mod failures;
mod known;
mod lists;
mod rows;

use plugin_api::{
    Mark, Millis, Observation, OrderRef, Task,
    testing::{Ran, Script},
};
use serde_json::{Value, json};

/// 2026-01-15 09:00 UTC, half an hour before the scripts' now.
const SINCE: Millis = 1_768_467_600_000;
/// 2026-01-15 09:30 UTC.
const UNTIL: Millis = SINCE + 1_800_000;

const LIST: &str = "GET /oms/vendor_orders.json";
const DETAIL: &str = "GET /oms/vendor_orders/vendor_order.json";

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../../fixtures/", $name, ".json"))
    };
}
use fixture;

/// The settings that must be given, and these.
fn settings(more: Value) -> Value {
    let mut all = json!({"base_url": "https://voonik.example", "seller_id": 42});
    let Value::Object(more) = more else { panic!("not an object: {more}") };
    all.as_object_mut().unwrap().extend(more);
    all
}

/// Pulls what changed in the half hour before now.
fn changed(script: Script, more: Value) -> Ran<Mark> {
    script.changed::<crate::Voonik>(Task::Status, settings(more), SINCE, UNTIL)
}

/// One page of the list, read with these settings.
fn listed(body: impl Into<Vec<u8>>, more: Value) -> Ran<Mark> {
    changed(Script::new().reply(LIST, 200, body), more)
}

/// Pulls known orders.
fn known(script: Script, orders: &[&str], more: Value) -> Ran<Mark> {
    let refs = orders.iter().map(|&order| OrderRef { order: order.into(), ..OrderRef::default() }).collect();
    script.orders::<crate::Voonik>(Task::Pending, settings(more), refs)
}

/// A list of one order with one package.
fn one_package(package: &Value) -> String {
    json!({"vendor_orders": [{"voonik_order_number": "R1-1", "vendor_packages": [package]}]}).to_string()
}

/// The observations of a line.
fn of<'a>(ran: &'a Ran<Mark>, item: &str) -> Vec<&'a Observation> {
    ran.observations.iter().filter(|seen| seen.item.as_deref() == Some(item)).collect()
}
