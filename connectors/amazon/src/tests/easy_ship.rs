//! Gaps filled from the Easy Ship interface, and that its troubles cost the orders nothing.

use plugin_api::{Error, ErrorKind, OrderRef, Reply, Result, Status, Task};
use serde_json::{Value, json};

use super::*;

use Status::{CourierReturn, Created, Delivered, Dispatched, InTransit, Returned};

const NOT_FOUND: &str = include_str!("../../fixtures/error_not_found.json");

fn on() -> Value {
    json!({ "easy_ship": true })
}

fn on_v0() -> Value {
    json!({ "easy_ship": true, "orders_api": "v0" })
}

fn scheduled(status: Option<&str>, awb: Option<&str>) -> String {
    json!({
        "scheduledPackageId": {"amazonOrderId": "404-0000001-0000001", "packageId": "P9"}, "packageStatus": status,
        "trackingDetails": {"trackingId": awb}, "invoice": {"invoiceNumber": "IN-77", "invoiceDate": "2026-09-01"},
    })
    .to_string()
}

fn pull(order: Value, answer: Result<Reply>) -> Ran<plugin_api::Mark> {
    changed(script().reply(SEARCH, 200, page_2026(&[order])).answer(EASY_SHIP, answer), on())
}

fn is_asked(ran: &Ran<plugin_api::Mark>) -> bool {
    ran.requests.iter().any(|request| request.contains("/easyShip/"))
}

/// An order whose package lacks the finer status.
fn coarse(status: &str) -> Value {
    order_2026("SHIPPED", &json!([package_2026(status, None)]))
}

#[test]
fn the_fixture_fills_status_waybill_package_and_invoice_of_a_v0_order() {
    let ran = changed(
        script().reply(V0, 200, include_str!("../../fixtures/v0_orders.json")).reply(
            EASY_SHIP,
            200,
            include_str!("../../fixtures/scheduled_package.json"),
        ),
        on_v0(),
    );
    assert_eq!(
        ran.requests[1],
        "GET https://sellingpartnerapi-eu.amazon.com/easyShip/2022-03-23/package\
         ?amazonOrderId=404-5550002-7654321&marketplaceId=A21TJRUUN4KGV"
    );
    let [seen] = ran.observations.as_slice() else { panic!("{:?}", ran.observations) };
    assert_eq!((seen.status, seen.raw.as_str()), (Some(Returned), "ReturnedToSeller"));
    assert_eq!(seen.awb.as_deref(), Some("340000000002"));
    assert_eq!(seen.package, None, "the order interface calls the same package otherwise");
    assert_eq!(seen.courier.as_deref(), Some("Amazon Easy Ship"));
    assert_eq!(seen.invoice.as_deref(), Some("IN-77"));
}

#[test]
fn a_missing_finer_status_is_filled_and_the_package_keeps_its_own_names() {
    let ran = pull(coarse("UNDELIVERABLE"), Ok(Reply::new(200, scheduled(Some("ReturnedToSeller"), None))));
    let [seen] = ran.observations.as_slice() else { panic!("{:?}", ran.observations) };
    assert_eq!((seen.status, seen.raw.as_str()), (Some(Returned), "ReturnedToSeller"));
    assert_eq!((seen.package.as_deref(), seen.awb.as_deref()), (Some("1"), Some("340000000001")));
    assert_eq!((seen.item.as_deref(), seen.quantity), (Some("66"), Some(2)));
    assert_eq!(seen.courier.as_deref(), Some("ATS"));
}

#[test]
fn of_two_finer_statuses_the_further_one_counts() {
    for (ours, theirs, expected) in [
        ("PENDING_PICK_UP", "PickedUp", &[Dispatched, InTransit][..]),
        ("PICKED_UP", "ReadyForPickup", &[Dispatched, InTransit]),
        ("RETURNING_TO_SELLER", "Delivered", &[Delivered]),
        ("RETURNING_TO_SELLER", "OutForDelivery", &[CourierReturn]),
        ("PICKED_UP", "Teleported", &[Dispatched, InTransit]),
        ("TELEPORTED", "PickedUp", &[Dispatched, InTransit]),
    ] {
        let mut package = package_2026("IN_TRANSIT", Some(ours));
        package["trackingNumber"] = json!(null);
        let order = order_2026("SHIPPED", &json!([package]));
        let ran = pull(order, Ok(Reply::new(200, scheduled(Some(theirs), Some("A9")))));
        assert_eq!(statuses(&ran.observations), expected, "{ours} {theirs}");
        assert!(ran.observations.iter().all(|seen| seen.awb.as_deref() == Some("A9")));
    }
}

#[test]
fn an_unknown_easy_ship_status_alone_stays_unmapped() {
    let order = order_2026("UNSHIPPED", &json!([]));
    let ran = pull(order, Ok(Reply::new(200, scheduled(Some("Teleported"), None))));
    assert_eq!(statuses(&ran.observations), [Status::Unmapped]);
    assert_eq!(ran.observations[0].raw, "Teleported");
}

#[test]
fn a_package_booked_anew_replaces_a_withdrawn_one() {
    let order = order_2026("UNSHIPPED", &json!([package_2026("CANCELLED", None)]));
    let ran = pull(order, Ok(Reply::new(200, scheduled(Some("ReadyForPickup"), Some("A9")))));
    assert_eq!(statuses(&ran.observations), [Created]);
    assert_eq!(ran.observations[0].awb.as_deref(), Some("A9"));
}

#[test]
fn only_gaps_are_asked_for() {
    let detailed = |raw: &str, awb: Option<&str>| {
        let mut package = package_2026("IN_TRANSIT", Some(raw));
        package["trackingNumber"] = json!(awb);
        json!([package])
    };
    let two = json!([package_2026("IN_TRANSIT", None), package_2026("IN_TRANSIT", None)]);
    for (order, expected) in [
        (order_2026("SHIPPED", &detailed("PICKED_UP", Some("A1"))), false),
        (order_2026("SHIPPED", &detailed("PICKED_UP", None)), true),
        (order_2026("SHIPPED", &detailed("DELIVERED", None)), false),
        (order_2026("SHIPPED", &detailed("RETURNED_TO_SELLER", None)), false),
        (order_2026("UNSHIPPED", &detailed("PENDING_SCHEDULE", None)), false),
        (order_2026("UNSHIPPED", &detailed("LABEL_CANCELLED", None)), false),
        (order_2026("UNSHIPPED", &json!([])), true),
        (order_2026("PENDING", &json!([])), false),
        (order_2026("CANCELLED", &json!([])), false),
        (order_2026("SHIPPED", &two), false),
        (coarse("IN_TRANSIT"), true),
    ] {
        let ran = pull(order.clone(), Ok(Reply::new(404, NOT_FOUND)));
        assert_eq!(is_asked(&ran), expected, "{order}");
        assert!(ran.result.is_ok());
    }
}

#[test]
fn it_is_not_asked_where_the_settings_do_not_say_so_nor_for_orders_that_are_not_ours() {
    let ran = changed(script().reply(SEARCH, 200, page_2026(&[coarse("IN_TRANSIT")])), json!({}));
    assert!(!is_asked(&ran));
    let mut other = coarse("IN_TRANSIT");
    other["programs"] = json!([]);
    assert!(!is_asked(&pull(other, Ok(Reply::new(404, NOT_FOUND)))));
}

#[test]
fn a_waybill_that_the_host_holds_is_not_asked_for() {
    let asked = OrderRef { awbs: vec!["A1".into()], ..asked("404-0000001-0000001") };
    let page = page_v0(&[order_v0("Shipped", Some("PickedUp"))]);
    let ran = script().reply(V0, 200, page).orders::<Amazon>(Task::Delivery, on_v0(), vec![asked]);
    assert!(!is_asked(&ran));
    assert_eq!(statuses(&ran.observations), [Dispatched, InTransit]);
}

#[test]
fn a_denied_interface_is_left_alone_for_the_run_and_the_orders_go_on() {
    let page = || page_2026(&[coarse("IN_TRANSIT"), coarse("IN_TRANSIT")]);
    for answer in [
        Ok(Reply::new(403, DENIED)),
        Ok(Reply::new(401, "")),
        Err(Error::auth("denied")),
        Ok(Reply::new(429, include_str!("../../fixtures/error_quota.json"))),
        Ok(Reply::new(500, "")),
        Err(Error::new(ErrorKind::Unavailable, "down")),
    ] {
        let ran = changed(script().reply(SEARCH, 200, page()).answer(EASY_SHIP, answer.clone()), on());
        assert!(ran.result.is_ok(), "{answer:?}");
        assert_eq!(ran.requests.iter().filter(|request| request.contains("/easyShip/")).count(), 1);
        assert_eq!(statuses(&ran.observations), [Dispatched, InTransit, Dispatched, InTransit]);
    }
}

#[test]
fn no_such_package_is_no_trouble_whatever_its_http_status() {
    for (status, code) in [
        (404, "ResourceNotFound"),
        (400, "ResourceNotFound"),
        (400, "InvalidInput"),
        (404, "RegionNotSupported"),
        (404, "InvalidOrderState"),
        (404, ""),
    ] {
        let body = json!({"errors": [{"code": code, "message": ""}]}).to_string();
        let page = page_2026(&[coarse("IN_TRANSIT"), coarse("IN_TRANSIT")]);
        let script = script()
            .reply(SEARCH, 200, page)
            .reply(EASY_SHIP, status, body.clone())
            .reply(EASY_SHIP, status, body);
        let ran = changed(script, on());
        assert!(ran.result.is_ok());
        assert_eq!(ran.requests.len(), 3, "the next order is asked for: {status} {code}");
        assert_eq!(statuses(&ran.observations), [Dispatched, InTransit, Dispatched, InTransit]);
    }
}

#[test]
fn an_answer_that_is_unreadable_or_about_another_order_is_not_used() {
    let other = scheduled(Some("Delivered"), None).replace("404-0000001-0000001", "404-9999999-9999999");
    for body in ["<html>", "", "[]", &other] {
        let ran = pull(coarse("IN_TRANSIT"), Ok(Reply::new(200, body)));
        assert!(ran.result.is_ok());
        assert_eq!(statuses(&ran.observations), [Dispatched, InTransit], "{body}");
    }
}
