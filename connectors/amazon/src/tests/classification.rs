//! Which orders are ours.

use plugin_api::{ShippedBy, Status, Task};
use serde_json::{Value, json};

use super::*;

fn order(fulfilled_by: Option<&str>, programs: Option<&[&str]>, status: &str) -> Value {
    let mut order = order_2026(status, &json!([]));
    order["fulfillment"]["fulfilledBy"] = json!(fulfilled_by);
    order["programs"] = json!(programs);
    order
}

fn order_by_channel(channel: Option<&str>, easy_ship: Option<&str>, status: &str) -> Value {
    let mut order = order_v0(status, easy_ship);
    order["FulfillmentChannel"] = json!(channel);
    order
}

#[test]
fn easy_ship_orders_are_ours() {
    let easy_ship: Option<&[&str]> = Some(&["PRIME", "AMAZON_EASY_SHIP"]);
    for fulfilled_by in [Some("MERCHANT"), None] {
        let seen = seen_2026(order(fulfilled_by, easy_ship, "SHIPPED"));
        assert_eq!(seen[0].shipped_by, Some(ShippedBy::Channel));
    }
    assert_eq!(
        seen_v0(order_by_channel(Some("MFN"), Some("PickedUp"), "Shipped"))[0].shipped_by,
        Some(ShippedBy::Channel)
    );
}

#[test]
fn orders_from_amazon_s_warehouses_and_orders_that_the_seller_ships_are_not_reported_at_all() {
    for (fulfilled_by, programs) in [
        (Some("AMAZON"), Some(&["AMAZON_EASY_SHIP"][..])),
        (Some("AMAZON"), None),
        (Some("MERCHANT"), None),
        (Some("MERCHANT"), Some(&[][..])),
        (Some("MERCHANT"), Some(&["PRIME"][..])),
        (Some("MERCHANT"), Some(&["DELIVERY_BY_AMAZON"][..])),
        (Some("SOMEBODY"), Some(&["AMAZON_EASY_SHIP"][..])),
        (None, None),
    ] {
        for status in ["UNSHIPPED", "SHIPPED", "CANCELLED", "TELEPORTED"] {
            assert_eq!(
                seen_2026(order(fulfilled_by, programs, status)),
                [],
                "{fulfilled_by:?} {programs:?} {status}"
            );
        }
    }
    for (channel, easy_ship) in [
        (Some("AFN"), Some("PickedUp")),
        (Some("AFN"), None),
        (Some("MFN"), None),
        (Some("MFN"), Some("")),
        (None, None),
    ] {
        for status in ["Unshipped", "Shipped", "Canceled", "Teleported"] {
            assert_eq!(
                seen_v0(order_by_channel(channel, easy_ship, status)),
                [],
                "{channel:?} {easy_ship:?} {status}"
            );
        }
    }
}

#[test]
fn a_cancelled_order_that_lost_its_easy_ship_sign_is_reported_when_asked_for_by_id() {
    let body = json!({ "order": order(Some("MERCHANT"), None, "CANCELLED") }).to_string();
    let id = "404-0000001-0000001";
    let ran = script()
        .reply("GET /orders/2026-01-01/orders/404-0000001-0000001", 200, body)
        .orders::<Amazon>(Task::Pending, json!({}), vec![asked(id)]);
    let ran_v0 = script().reply(V0, 200, page_v0(&[order_v0("Canceled", None)])).orders::<Amazon>(
        Task::Pending,
        v0(),
        vec![asked(id)],
    );
    for ran in [ran, ran_v0] {
        assert_eq!(statuses(&ran.observations), [Status::Cancelled]);
        assert_eq!(ran.observations[0].shipped_by, None);
    }
}

#[test]
fn any_other_order_without_the_sign_is_not_reported_when_asked_for_by_id() {
    let id = "404-0000001-0000001";
    for (fulfilled_by, programs, status) in [
        (Some("MERCHANT"), None, "SHIPPED"),
        (Some("AMAZON"), None, "CANCELLED"),
        (Some("MERCHANT"), Some(&["DELIVERY_BY_AMAZON"][..]), "CANCELLED"),
    ] {
        let body = json!({ "order": order(fulfilled_by, programs, status) }).to_string();
        let ran = script()
            .reply("GET /orders/2026-01-01/orders/404-0000001-0000001", 200, body)
            .orders::<Amazon>(Task::Pending, json!({}), vec![asked(id)]);
        assert_eq!(ran.observations, [], "{fulfilled_by:?} {status}");
    }
    for order in [order_v0("Shipped", None), order_by_channel(Some("AFN"), None, "Canceled")] {
        let ran =
            script().reply(V0, 200, page_v0(&[order])).orders::<Amazon>(Task::Pending, v0(), vec![asked(id)]);
        assert_eq!(ran.observations, []);
    }
}
