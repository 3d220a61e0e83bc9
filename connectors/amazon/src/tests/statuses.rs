//! Every row of every table, by way of a whole pull: the text in, the observations out.

use std::collections::BTreeSet;

use plugin_api::{Observation, ReturnKind, ShippedBy, Status, StatusTable};
use serde_json::json;

use super::*;
use crate::status;

use Status::{
    CourierReturn, Created, Damaged, Delivered, Dispatched, InTransit, Lost, OutForDelivery, Returned,
    Undelivered,
};

type Expected = [(&'static str, &'static [Status])];

/// The finer status in v0.
const V0_ROWS: &Expected = &[
    ("PendingSchedule", &[Created]),
    ("PendingPickUp", &[Created]),
    ("PendingDropOff", &[Created]),
    ("LabelCanceled", &[Created]),
    ("PickedUp", &[Dispatched, InTransit]),
    ("DroppedOff", &[Dispatched, InTransit]),
    ("DropOff", &[Dispatched, InTransit]),
    ("AtOriginFC", &[Dispatched, InTransit]),
    ("AtDestinationFC", &[Dispatched, InTransit]),
    ("OutForDelivery", &[Dispatched, OutForDelivery]),
    ("Delivered", &[Delivered]),
    ("RejectedByBuyer", &[CourierReturn]),
    ("Undeliverable", &[CourierReturn, Undelivered]),
    ("ReturningToSeller", &[CourierReturn]),
    ("ReturnedToSeller", &[Returned]),
    ("Lost", &[Lost]),
    ("Damaged", &[Damaged]),
];

/// The finer status in 2026-01-01.
const DETAILED_ROWS: &Expected = &[
    ("PENDING_SCHEDULE", &[Created]),
    ("PENDING_PICK_UP", &[Created]),
    ("PENDING_DROP_OFF", &[Created]),
    ("LABEL_CANCELLED", &[Created]),
    ("PICKED_UP", &[Dispatched, InTransit]),
    ("DROPPED_OFF", &[Dispatched, InTransit]),
    ("AT_ORIGIN_FC", &[Dispatched, InTransit]),
    ("AT_DESTINATION_FC", &[Dispatched, InTransit]),
    ("OUT_FOR_DELIVERY", &[Dispatched, OutForDelivery]),
    ("DELIVERED", &[Delivered]),
    ("REJECTED_BY_BUYER", &[CourierReturn]),
    ("UNDELIVERABLE", &[CourierReturn, Undelivered]),
    ("RETURNING_TO_SELLER", &[CourierReturn]),
    ("RETURNED_TO_SELLER", &[Returned]),
    ("LOST", &[Lost]),
    ("DAMAGED", &[Damaged]),
];

/// The coarser status in 2026-01-01.
const PACKAGE_ROWS: &Expected = &[
    ("PENDING", &[Created]),
    ("SHIPPED", &[Dispatched, InTransit]),
    ("IN_TRANSIT", &[Dispatched, InTransit]),
    ("DELIVERED", &[Delivered]),
    ("CANCELLED", &[]),
    ("UNDELIVERABLE", &[CourierReturn, Undelivered]),
];

/// The status of an Easy Ship package.
const SCHEDULED_ROWS: &Expected = &[
    ("ReadyForPickup", &[Created]),
    ("LabelCanceled", &[Created]),
    ("PickedUp", &[Dispatched, InTransit]),
    ("AtOriginFC", &[Dispatched, InTransit]),
    ("AtDestinationFC", &[Dispatched, InTransit]),
    ("OutForDelivery", &[Dispatched, OutForDelivery]),
    ("Delivered", &[Delivered]),
    ("Rejected", &[CourierReturn]),
    ("Undeliverable", &[CourierReturn, Undelivered]),
    ("ReturnedToSeller", &[Returned]),
    ("LostInTransit", &[Lost]),
    ("DamagedInTransit", &[Damaged]),
];

/// The status of the order, with nothing finer said.
const ORDER_ROWS: &Expected = &[
    ("PENDING_AVAILABILITY", &[Created]),
    ("PENDING", &[Created]),
    ("UNSHIPPED", &[Created]),
    ("PARTIALLY_SHIPPED", &[Dispatched]),
    ("SHIPPED", &[Dispatched]),
    ("CANCELLED", &[Status::Cancelled]),
    ("UNFULFILLABLE", &[]),
];

fn covers_all(rows: &Expected, table: StatusTable) {
    let tested: BTreeSet<_> = rows.iter().map(|(raw, _)| (*raw).to_owned()).collect();
    let known: BTreeSet<_> = table.rows().into_iter().map(|row| row.raw).collect();
    assert_eq!(tested, known);
}

/// What holds for every observation of an order that is ours.
fn is_sound(seen: &[Observation], raw: &str) {
    for seen in seen {
        assert_eq!(seen.order, "404-0000001-0000001");
        assert_eq!(seen.raw, raw);
        assert_eq!(seen.shipped_by, Some(ShippedBy::Channel));
        let is_return = matches!(seen.status, Some(CourierReturn | Returned));
        assert_eq!(seen.ret.as_ref().and_then(|ret| ret.kind), is_return.then_some(ReturnKind::Rto), "{raw}");
    }
}

#[test]
fn the_finer_status_of_v0_is_read_row_by_row() {
    covers_all(V0_ROWS, status::EASY_SHIP_V0.item);
    for (raw, expected) in V0_ROWS {
        let seen = seen_v0(order_v0("Shipped", Some(raw)));
        assert_eq!(statuses(&seen), *expected, "{raw}");
        is_sound(&seen, raw);
    }
}

#[test]
fn the_finer_status_of_2026_is_read_row_by_row() {
    covers_all(DETAILED_ROWS, status::DETAILED_2026.item);
    for (raw, expected) in DETAILED_ROWS {
        // The coarser status says something else on purpose.
        let seen = seen_2026(order_2026("SHIPPED", &json!([package_2026("IN_TRANSIT", Some(raw))])));
        assert_eq!(statuses(&seen), *expected, "{raw}");
        is_sound(&seen, raw);
    }
}

#[test]
fn the_coarser_status_of_2026_is_read_row_by_row_where_the_finer_is_absent() {
    covers_all(PACKAGE_ROWS, status::PACKAGE_2026.item);
    for (raw, expected) in PACKAGE_ROWS {
        for detailed in [None, Some("")] {
            let seen = seen_2026(order_2026("SHIPPED", &json!([package_2026(raw, detailed)])));
            assert_eq!(statuses(&seen), *expected, "{raw}");
            assert!(!seen.is_empty(), "{raw}");
            is_sound(&seen, raw);
        }
    }
}

#[test]
fn the_status_of_an_easy_ship_package_is_read_row_by_row() {
    covers_all(SCHEDULED_ROWS, status::SCHEDULED.item);
    for (raw, expected) in SCHEDULED_ROWS {
        let package = json!({
            "scheduledPackageId": {"amazonOrderId": "404-0000001-0000001", "packageId": "p"}, "packageStatus": raw,
        });
        let page = page_2026(&[order_2026("UNSHIPPED", &json!([]))]);
        let script = script().reply(SEARCH, 200, page).reply(EASY_SHIP, 200, package.to_string());
        let ran = changed(script, json!({ "easy_ship": true }));
        assert_eq!(statuses(&ran.observations), *expected, "{raw}");
        is_sound(&ran.observations, raw);
    }
}

#[test]
fn the_status_of_an_order_is_read_row_by_row_where_no_package_is_told() {
    covers_all(ORDER_ROWS, status::ORDER_2026);
    for (raw, expected) in ORDER_ROWS {
        let mut order = order_2026(raw, &json!([]));
        order["orderItems"] =
            json!([{"orderItemId": "66", "quantityOrdered": 2, "fulfillment": {"quantityFulfilled": 1}}]);
        let seen = seen_2026(order);
        assert_eq!(statuses(&seen), *expected, "{raw}");
        assert_eq!(seen.len(), 1, "{raw}");
        is_sound(&seen, raw);
    }
}

#[test]
fn every_order_status_of_v0_is_known() {
    // In v0 an order of ours always has the finer status, which is trusted more; so the table itself is looked at.
    let meanings: Vec<_> = status::ORDER_V0.rows().into_iter().map(|row| (row.raw, row.status)).collect();
    let expected = [
        ("PendingAvailability", Some(Created)),
        ("Pending", Some(Created)),
        ("Unshipped", Some(Created)),
        ("PartiallyShipped", Some(Dispatched)),
        ("Shipped", Some(Dispatched)),
        ("InvoiceUnconfirmed", Some(Dispatched)),
        ("Canceled", Some(Status::Cancelled)),
        ("Unfulfillable", None),
    ];
    assert_eq!(meanings, expected.map(|(raw, status)| (raw.to_owned(), status)));
}

#[test]
fn whatever_the_order_status_of_v0_says_the_finer_one_decides_unless_the_order_is_cancelled() {
    for row in status::ORDER_V0.rows() {
        if row.status == Some(Status::Cancelled) || row.raw == "PartiallyShipped" {
            continue;
        }
        assert_eq!(
            statuses(&seen_v0(order_v0(&row.raw, Some("PickedUp")))),
            [Dispatched, InTransit],
            "{}",
            row.raw
        );
    }
    for fine in ["LabelCanceled", "PendingPickUp", "PickedUp", "Delivered"] {
        let seen = seen_v0(order_v0("Canceled", Some(fine)));
        assert_eq!(statuses(&seen), [Status::Cancelled], "{fine}");
        is_sound(&seen, "Canceled");
    }
}

#[test]
fn a_text_that_is_in_no_table_stays_unmapped_with_its_text() {
    let fine = seen_2026(order_2026("SHIPPED", &json!([package_2026("DELIVERED", Some("TELEPORTED"))])));
    let coarse = seen_2026(order_2026("SHIPPED", &json!([package_2026("TELEPORTED", None)])));
    let order = seen_2026(order_2026("TELEPORTED", &json!([])));
    for seen in [fine, coarse, order, seen_v0(order_v0("Shipped", Some("TELEPORTED")))] {
        assert_eq!(statuses(&seen), [Status::Unmapped]);
        is_sound(&seen, "TELEPORTED");
    }
}

#[test]
fn an_unknown_order_status_does_not_hide_a_known_finer_one() {
    assert_eq!(statuses(&seen_v0(order_v0("Teleported", Some("Delivered")))), [Delivered]);
}

#[test]
fn an_order_without_any_status_says_nothing() {
    let mut order = order_2026("SHIPPED", &json!([]));
    order["fulfillment"] = json!({ "fulfilledBy": "MERCHANT" });
    assert_eq!(seen_2026(order), []);
}
