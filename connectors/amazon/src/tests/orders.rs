//! Lines, packages, quantities, times, partial shipments and cancellations.

use plugin_api::{Observation, Status};
use serde_json::{Value, json};

use super::*;

use Status::{Cancelled, Created, Delivered, Dispatched, InTransit};

const ITEMS: &str = "GET /orders/v0/orders/404-0000001-0000001/orderItems";

/// Line and units of every observation, with its status.
fn shares(seen: &[Observation]) -> Vec<(Option<&str>, Option<u32>, Status)> {
    seen.iter().map(|seen| (seen.item.as_deref(), seen.quantity, seen.status.unwrap())).collect()
}

fn line(id: &str, ordered: u32, fulfilled: u32) -> Value {
    json!({
        "orderItemId": id, "quantityOrdered": ordered,
        "fulfillment": {"quantityFulfilled": fulfilled, "quantityUnfulfilled": ordered.saturating_sub(fulfilled)},
    })
}

fn with_lines(mut order: Value, lines: &[Value]) -> Value {
    order["orderItems"] = json!(lines);
    order
}

fn packed(reference: &str, detailed: &str, awb: &str, items: &[(&str, u32)]) -> Value {
    let mut package = package_2026("IN_TRANSIT", Some(detailed));
    package["packageReferenceId"] = json!(reference);
    package["trackingNumber"] = json!(awb);
    package["packageItems"] =
        items.iter().map(|(id, units)| json!({"orderItemId": id, "quantity": units})).collect();
    package
}

#[test]
fn a_package_is_reported_with_its_line_units_waybill_courier_and_times() {
    let seen = seen_2026(order_2026("SHIPPED", &json!([package_2026("IN_TRANSIT", Some("PICKED_UP"))])));
    assert_eq!(shares(&seen), [(Some("66"), Some(2), Dispatched), (Some("66"), Some(2), InTransit)]);
    for seen in &seen {
        assert_eq!(seen.package.as_deref(), Some("1"));
        assert_eq!(seen.awb.as_deref(), Some("340000000001"));
        assert_eq!(seen.courier.as_deref(), Some("ATS"));
        assert_eq!(seen.sku, None);
    }
    assert_eq!(seen[0].at, Some(at("2026-09-02T09:00:00Z")), "a dispatch happened when it was shipped");
    assert_eq!(seen[1].at, Some(at("2026-09-03T11:20:00Z")), "the rest by the last update");
}

#[test]
fn a_package_without_a_carrier_goes_by_easy_ship() {
    let mut package = package_2026("IN_TRANSIT", None);
    package["carrier"] = json!(null);
    let seen = seen_2026(order_2026("SHIPPED", &json!([package])));
    assert_eq!(seen[0].courier.as_deref(), Some("Amazon Easy Ship"));
    let seen = seen_v0(order_v0("Shipped", Some("PickedUp")));
    assert_eq!((seen[0].courier.as_deref(), seen[0].item.as_deref()), (Some("Amazon Easy Ship"), None));
}

#[test]
fn a_waybill_is_reported_before_pickup_but_not_that_of_a_withdrawn_label() {
    let pending =
        seen_2026(order_2026("UNSHIPPED", &json!([package_2026("PENDING", Some("PENDING_PICK_UP"))])));
    assert_eq!(shares(&pending), [(Some("66"), Some(2), Created)]);
    assert_eq!(pending[0].awb.as_deref(), Some("340000000001"));
    let withdrawn =
        seen_2026(order_2026("UNSHIPPED", &json!([package_2026("CANCELLED", Some("LABEL_CANCELLED"))])));
    assert_eq!(shares(&withdrawn), [(Some("66"), Some(2), Created)]);
    assert_eq!((withdrawn[0].awb.as_deref(), withdrawn[0].courier.as_deref()), (None, None));
}

#[test]
fn a_shipped_order_whose_package_waits_for_pickup_has_not_left() {
    let seen = seen_2026(order_2026("SHIPPED", &json!([package_2026("PENDING", Some("PENDING_PICK_UP"))])));
    assert_eq!(statuses(&seen), [Created]);
    assert_eq!(statuses(&seen_v0(order_v0("Shipped", Some("PendingPickUp")))), [Created]);
}

#[test]
fn several_packages_speak_each_for_what_is_inside() {
    let packages = json!([
        packed("1", "DELIVERED", "A1", &[("66", 2)]),
        packed("2", "PICKED_UP", "A2", &[("66", 1), ("77", 1)]),
    ]);
    let seen = seen_2026(with_lines(order_2026("SHIPPED", &packages), &[line("66", 3, 3), line("77", 1, 1)]));
    let split: Vec<_> = seen
        .iter()
        .map(|seen| {
            (
                seen.package.as_deref().unwrap(),
                seen.item.as_deref().unwrap(),
                seen.quantity,
                seen.status.unwrap(),
            )
        })
        .collect();
    assert_eq!(
        split,
        [
            ("1", "66", Some(2), Delivered),
            ("2", "66", Some(1), Dispatched),
            ("2", "66", Some(1), InTransit),
            ("2", "77", Some(1), Dispatched),
            ("2", "77", Some(1), InTransit),
        ]
    );
}

#[test]
fn a_withdrawn_label_is_silent_once_a_new_one_is_there() {
    let packages = json!([
        packed("1", "LABEL_CANCELLED", "A1", &[("66", 1)]),
        packed("2", "PENDING_PICK_UP", "A2", &[("66", 1)]),
    ]);
    let seen = seen_2026(order_2026("UNSHIPPED", &packages));
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].awb.as_deref(), Some("A2"));
}

#[test]
fn a_line_that_left_in_no_listed_package_is_still_reported() {
    let packages = json!([packed("1", "DELIVERED", "A1", &[("66", 1)])]);
    let seen = seen_2026(with_lines(order_2026("SHIPPED", &packages), &[line("66", 1, 1), line("77", 2, 2)]));
    assert_eq!(shares(&seen), [(Some("66"), Some(1), Delivered), (Some("77"), Some(2), Dispatched)]);
}

#[test]
fn one_package_that_does_not_say_what_is_inside_speaks_for_the_counted_lines_else_for_the_order() {
    let packages = json!([packed("1", "DELIVERED", "A1", &[])]);
    let counted = with_lines(order_2026("SHIPPED", &packages), &[line("66", 2, 2)]);
    assert_eq!(shares(&seen_2026(counted)), [(Some("66"), Some(2), Delivered)]);
    let seen = seen_2026(order_2026("SHIPPED", &packages));
    assert_eq!(shares(&seen), [(None, None, Delivered)]);
    assert_eq!(seen[0].package.as_deref(), Some("1"));
}

#[test]
fn several_packages_that_do_not_say_what_is_inside_leave_it_to_the_order() {
    let packages = json!([packed("1", "DELIVERED", "A1", &[]), packed("2", "PICKED_UP", "A2", &[])]);
    let seen = seen_2026(with_lines(order_2026("SHIPPED", &packages), &[line("66", 2, 2)]));
    assert_eq!(shares(&seen), [(Some("66"), Some(2), Dispatched)]);
    assert_eq!(seen[0].package, None);
}

#[test]
fn of_a_partly_shipped_order_only_the_units_that_left_are_dispatched() {
    let lines = [line("66", 3, 2), line("77", 1, 0)];
    let without = seen_2026(with_lines(order_2026("PARTIALLY_SHIPPED", &json!([])), &lines));
    assert_eq!(shares(&without), [(Some("66"), Some(2), Dispatched)]);
    let packages = json!([packed("1", "PICKED_UP", "A1", &[])]);
    let within = seen_2026(with_lines(order_2026("PARTIALLY_SHIPPED", &packages), &lines));
    assert_eq!(shares(&within), [(Some("66"), Some(2), Dispatched), (Some("66"), Some(2), InTransit)]);
    let packages = json!([packed("1", "PICKED_UP", "A1", &[("66", 2)])]);
    let listed = seen_2026(with_lines(order_2026("PARTIALLY_SHIPPED", &packages), &lines));
    assert_eq!(shares(&listed), [(Some("66"), Some(2), Dispatched), (Some("66"), Some(2), InTransit)]);
}

#[test]
fn a_partly_shipped_order_whose_lines_are_not_told_dispatches_nothing() {
    assert_eq!(seen_2026(order_2026("PARTIALLY_SHIPPED", &json!([]))), []);
}

#[test]
fn a_shipped_order_without_packages_is_reported_by_line_else_as_a_whole() {
    let lines = [line("66", 2, 2), json!({"orderItemId": "77", "quantityOrdered": 1})];
    let seen = seen_2026(with_lines(order_2026("SHIPPED", &json!([])), &lines));
    assert_eq!(shares(&seen), [(Some("66"), Some(2), Dispatched), (Some("77"), None, Dispatched)]);
    assert_eq!(shares(&seen_2026(order_2026("SHIPPED", &json!(null)))), [(None, None, Dispatched)]);
}

#[test]
fn a_cancelled_order_is_cancelled_whole_whatever_its_packages_say() {
    for detailed in ["LABEL_CANCELLED", "PENDING_PICK_UP", "PICKED_UP", "DELIVERED"] {
        let packages = json!([package_2026("IN_TRANSIT", Some(detailed))]);
        let seen = seen_2026(with_lines(order_2026("CANCELLED", &packages), &[line("66", 2, 0)]));
        assert_eq!(shares(&seen), [(None, None, Cancelled)], "{detailed}");
        assert_eq!(seen[0].at, Some(at("2026-09-03T11:20:00Z")));
    }
}

#[test]
fn a_wish_to_cancel_is_no_cancellation() {
    let mut wished = line("66", 2, 0);
    wished["cancellation"] =
        json!({"cancellationRequest": {"requester": "BUYER", "cancelReason": "INVENTED"}});
    let seen = seen_2026(with_lines(order_2026("UNSHIPPED", &json!([])), &[wished]));
    assert_eq!(shares(&seen), [(None, None, Created)]);
}

#[test]
fn a_line_whose_cancellation_was_carried_out_with_nothing_shipped_is_cancelled() {
    let mut gone = line("77", 1, 0);
    gone["cancellation"] =
        json!({"cancellationExecution": {"cancelledBy": "MERCHANT", "cancelReason": "NO_STOCK"}});
    let packages = json!([packed("1", "PICKED_UP", "A1", &[("66", 2)])]);
    let seen = seen_2026(with_lines(order_2026("SHIPPED", &packages), &[line("66", 2, 2), gone.clone()]));
    assert_eq!(
        shares(&seen),
        [(Some("77"), None, Cancelled), (Some("66"), Some(2), Dispatched), (Some("66"), Some(2), InTransit)]
    );
    assert_eq!(seen[0].raw, "cancellationExecution");
    let seen = seen_2026(with_lines(order_2026("UNSHIPPED", &json!([])), &[line("66", 2, 0), gone]));
    assert_eq!(shares(&seen), [(Some("77"), None, Cancelled), (None, None, Created)]);
}

#[test]
fn a_line_of_which_something_has_left_is_not_cancelled() {
    let mut partly = line("66", 2, 1);
    partly["cancellation"] = json!({"cancellationExecution": {"cancelledBy": "MERCHANT"}});
    let seen = seen_2026(with_lines(order_2026("SHIPPED", &json!([])), &[partly]));
    assert_eq!(shares(&seen), [(Some("66"), Some(1), Dispatched)]);
    let mut packed_line = json!({"orderItemId": "66", "quantityOrdered": 1});
    packed_line["cancellation"] = json!({"cancellationExecution": {"cancelledBy": "MERCHANT"}});
    let packages = json!([packed("1", "PICKED_UP", "A1", &[("66", 1)])]);
    let seen = seen_2026(with_lines(order_2026("SHIPPED", &packages), &[packed_line]));
    assert_eq!(statuses(&seen), [Dispatched, InTransit]);
}

#[test]
fn a_line_with_nothing_ordered_any_more_is_cancelled() {
    let seen =
        seen_2026(with_lines(order_2026("UNSHIPPED", &json!([])), &[line("66", 0, 0), line("77", 1, 0)]));
    assert_eq!(shares(&seen), [(Some("66"), None, Cancelled), (None, None, Created)]);
}

#[test]
fn the_lines_of_a_partly_shipped_v0_order_are_read_and_only_then() {
    let fixture = include_str!("../../fixtures/v0_order_items.json");
    let ran = changed(
        script()
            .reply(V0, 200, page_v0(&[order_v0("PartiallyShipped", Some("PickedUp"))]))
            .reply(ITEMS, 200, fixture),
        v0(),
    );
    assert_eq!(
        shares(&ran.observations),
        [
            (Some("66000000000005"), None, Cancelled),
            (Some("66000000000002"), Some(2), Dispatched),
            (Some("66000000000002"), Some(2), InTransit),
        ]
    );
    assert_eq!(ran.observations[1].sku.as_deref(), Some("MUG-BLUE"));
    let orders: Vec<_> = ["Shipped", "Unshipped", "Canceled"]
        .iter()
        .map(|status| order_v0(status, Some("PendingPickUp")))
        .collect();
    let ran = changed(script().reply(V0, 200, page_v0(&orders)), v0());
    assert_eq!(ran.requests.len(), 1);
}

#[test]
fn the_lines_of_a_v0_order_come_in_pages_too() {
    let items = |id: &str, next: Option<&str>| {
        let item = json!({"OrderItemId": id, "QuantityOrdered": 1, "QuantityShipped": 1});
        json!({"payload": {"OrderItems": [item], "NextToken": next}}).to_string()
    };
    let order = page_v0(&[order_v0("PartiallyShipped", Some("Delivered"))]);
    let ran = changed(
        script().reply(V0, 200, order.clone()).reply(ITEMS, 200, items("66", Some("t"))).reply(
            ITEMS,
            200,
            items("77", None),
        ),
        v0(),
    );
    assert_eq!(
        shares(&ran.observations),
        [(Some("66"), Some(1), Delivered), (Some("77"), Some(1), Delivered)]
    );
    assert!(ran.requests[2].ends_with("?NextToken=t"));
    let ran = changed(
        script().reply(V0, 200, order).reply(ITEMS, 200, items("66", Some("t"))).reply(
            ITEMS,
            200,
            items("66", Some("t")),
        ),
        v0(),
    );
    assert_eq!(ran.result.unwrap_err().kind, plugin_api::ErrorKind::BadReply);
}

#[test]
fn fixtures_of_v0_are_read() {
    let ran = changed(script().reply(V0, 200, include_str!("../../fixtures/v0_orders.json")), v0());
    assert_eq!(shares(&ran.observations), [(None, None, Status::CourierReturn)]);
    assert_eq!(ran.observations[0].at, Some(at("2026-09-04T06:00:00Z")));
}

#[test]
fn an_order_without_an_id_is_passed_over_and_the_others_are_read() {
    let mut nameless = order_2026("SHIPPED", &json!([package_2026("IN_TRANSIT", Some("PICKED_UP"))]));
    let sound = nameless.clone();
    nameless["orderId"] = json!(" ");
    let ran = changed(script().reply(SEARCH, 200, page_2026(&[nameless, sound])), json!({}));
    assert!(ran.result.is_ok() && ran.observations.len() == 2, "{ran:?}");
}
