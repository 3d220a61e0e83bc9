//! Pulls and logins against scripts of replies: what is peculiar to Flipkart, seen from outside.

mod failures;
mod known;
mod lists;
mod login;
mod returns;

use plugin_api::{
    Mark, Millis, Observation, OrderRef, Reply, Status,
    testing::{Ran, Script},
};
use serde_json::json;

/// 2026-01-15 09:00 UTC, half an hour before the scripts' now.
const SINCE: Millis = 1_768_467_600_000;
/// 2026-01-15 09:30 UTC.
const UNTIL: Millis = SINCE + 1_800_000;

const LIST: &str = "POST /sellers/v3/shipments/filter";
const BY_ID: &str = "GET /sellers/v3/shipments";
const RETURNS: &str = "GET /sellers/v2/returns";

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../../fixtures/", $name, ".json"))
    };
}
use fixture;

/// The fixtures' shipment id of this number.
fn shipment(number: u32) -> String {
    format!("7b1e2c90-1111-4222-8333-{number:012}")
}

/// The fixtures' item id of this number.
fn item(number: u32) -> String {
    format!("9990001112223{number:05}")
}

/// A reference to the fixtures' order of this number, by shipment.
fn packed_ref(number: u32) -> OrderRef {
    OrderRef { packages: vec![shipment(number)], ..order_ref(number) }
}

/// A reference by order id alone.
fn order_ref(number: u32) -> OrderRef {
    OrderRef { order: format!("OD{}", item(number)), ..OrderRef::default() }
}

/// A script in which the three lists of cancellations are empty.
fn nothing_cancelled() -> Script {
    (0..3).fold(Script::new(), |script, _| script.reply(LIST, 200, fixture!("list_empty")))
}

/// Pulls what changed in the half hour before now.
fn changed(script: Script) -> Ran<Mark> {
    script.changed::<crate::Flipkart>(plugin_api::Task::Status, json!({}), SINCE, UNTIL)
}

/// Pulls the returns of the half hour before now.
fn returned(script: Script) -> Ran<Mark> {
    script.changed::<crate::Flipkart>(plugin_api::Task::Returns, json!({}), SINCE, UNTIL)
}

/// Pulls known orders.
fn known(script: Script, refs: Vec<OrderRef>) -> Ran<Mark> {
    script.orders::<crate::Flipkart>(plugin_api::Task::Pending, json!({}), refs)
}

/// The observations of an item.
fn of_item(ran: &Ran<Mark>, number: u32) -> Vec<&Observation> {
    let id = item(number);
    ran.observations.iter().filter(|seen| seen.item.as_deref() == Some(&id)).collect()
}

fn statuses_of(ran: &Ran<Mark>, number: u32) -> Vec<Option<Status>> {
    of_item(ran, number).iter().map(|seen| seen.status).collect()
}

/// The path and query of each request, without host and encoding.
fn paths(ran: &Ran<Mark>) -> Vec<String> {
    ran.requests.iter().map(|line| line.replace("https://api.flipkart.net", "")).collect()
}

/// The JSON body of the n-th request.
fn body(ran: &Ran<Mark>, n: usize) -> serde_json::Value {
    let body = ran.transcript[n].split_once("\n\n").map_or("null", |(_, body)| body);
    serde_json::from_str(body).unwrap()
}

/// A reply of this body that the host got through with.
fn empty_page() -> Reply {
    Reply::new(200, fixture!("list_empty"))
}
