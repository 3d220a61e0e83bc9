//! Pulls and logins against scripts of replies: what is peculiar to Tata CLiQ, seen from outside.

mod codes;
mod failures;
mod known;
mod lists;
mod login;
mod xml;

use plugin_api::{
    Mark, Millis, Observation, OrderRef, Task,
    testing::{Ran, Script},
};
use serde_json::{Value, json};

/// 2026-01-15 09:30 UTC: the scripts' now.
const NOW: Millis = 1_768_469_400_000;

const LIST: &str = "GET /PartnerConnect/PC_100001/AP_SALES_ORDER/AVT_JSON_SALES_ORDER/AV_2.0/";

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../../fixtures/", $name))
    };
}
use fixture;

/// The call for one order.
fn by_id(order: &str) -> String {
    format!("{LIST}OG_1/ORDID_{order}/")
}

/// The settings that must be given, and these.
fn settings(more: Value) -> Value {
    let mut all = json!({"base_url": "https://cliq.example", "seller_id": "100001", "_secrets": ["token"]});
    let Value::Object(more) = more else { panic!("not an object: {more}") };
    all.as_object_mut().unwrap().extend(more);
    all
}

/// Pulls what is active.
fn changed(script: Script, more: Value) -> Ran<Mark> {
    script.changed::<crate::TataCliq>(Task::Status, settings(more), NOW - 1_800_000, NOW)
}

/// Pulls known orders.
fn known(script: Script, orders: &[&str]) -> Ran<Mark> {
    known_with(script, orders, json!({}))
}

fn known_with(script: Script, orders: &[&str], more: Value) -> Ran<Mark> {
    let refs = orders.iter().map(|&order| OrderRef { order: order.into(), ..OrderRef::default() }).collect();
    script.orders::<crate::TataCliq>(Task::Pending, settings(more), refs)
}

/// The list's answer, read with these settings.
fn listed(body: impl Into<Vec<u8>>, more: Value) -> Ran<Mark> {
    changed(Script::new().reply(LIST, 200, body), more)
}

/// An answer with one line.
fn one_line(line: &Value) -> String {
    json!({"order": [{"orderNo": "10001-200-300000", "orderLine": [line]}]}).to_string()
}

/// The observations of a line.
fn of<'a>(ran: &'a Ran<Mark>, item: &str) -> Vec<&'a Observation> {
    ran.observations.iter().filter(|seen| seen.item.as_deref() == Some(item)).collect()
}
