//! Rows G3–G8, G10, G11.

use insta::assert_snapshot;
use plugin_api::{Observation, ShippedBy, Status};

use super::{
    super::{Outcome, unknown_order},
    scene::{Words, loose, packed, says},
};
use crate::domain::order::{ItemStatus, OrderStatus, PackageStatus};

#[test]
fn g3_what_is_not_declared_for_this_shipping_mode_is_ignored() {
    let mut scene = packed(PackageStatus::Created, 1).seller_ships();
    scene.policy.capabilities.retain(|(_, by)| *by == ShippedBy::Channel);
    let before = scene.file.clone();
    assert_snapshot!(scene.hear(&[says(Status::Dispatched), says(Status::Cancelled), says(Status::Delivered)]), @"
    IGNORED G3 STATUS_SYNC_UNSUPPORTED: DISPATCHED is not synced on channel FK1 for orders that the seller ships
    IGNORED G3 STATUS_SYNC_UNSUPPORTED: CANCELLED is not synced on channel FK1 for orders that the seller ships
    IGNORED G3 STATUS_SYNC_UNSUPPORTED: DELIVERED is not synced on channel FK1 for orders that the seller ships
    ");
    assert_eq!(scene.file, before);
}

#[test]
fn g3_the_orders_own_word_on_who_ships_comes_before_the_answers() {
    let mut scene = packed(PackageStatus::Created, 1).seller_ships();
    scene.policy.capabilities.retain(|(_, by)| *by == ShippedBy::Channel);
    let said = Observation { shipped_by: Some(ShippedBy::Channel), ..says(Status::Dispatched) };
    assert_snapshot!(scene.hear(&[said]), @"IGNORED G3 STATUS_SYNC_UNSUPPORTED: DISPATCHED is not synced on channel FK1 for orders that the seller ships");
}

#[test]
fn g4_an_unknown_order_waits_and_is_not_created() {
    let scene = loose(ItemStatus::Created);
    let verdict = unknown_order(&scene.policy, &says(Status::Dispatched).item("7"));
    assert_eq!(verdict.outcome, Outcome::Parked);
    assert_snapshot!(
        format!("{} {} {}", verdict.row_text(), verdict.code.unwrap().as_str(), verdict.message), @"G4 UNKNOWN_ORDER Order OD1 / item 7 of channel FK1 is not known here");
    let unmapped = unknown_order(&scene.policy, &says(Status::Unmapped));
    assert_eq!(unmapped.outcome, Outcome::Ignored);
    // Under an item's id stands what was said of the item alone.
    let mut nameless = says(Status::Returned).item("7");
    nameless.order = "7".to_owned();
    let message = unknown_order(&scene.policy, &nameless).message;
    assert_eq!(message, "Item 7 of channel FK1 is of no order that is known here");
}

#[test]
fn g5_an_unknown_item_waits_and_the_rest_applies() {
    let mut scene = packed(PackageStatus::Created, 1);
    let told = [
        says(Status::Dispatched).item("99"),
        says(Status::Dispatched).item("1"),
        says(Status::Dispatched).sku("ZZ", 1),
    ];
    assert_snapshot!(scene.hear(&told), @"
    PARKED G5 UNKNOWN_ITEM: Order OD1 / item 99 of channel FK1 is not known here
    APPLIED D3: dispatched in SP90, invoice INV/0001
      invoice INV/0001 of package SP90 GENERATED
      stock A in DEL1: on hand -1 blocked -1
      item O1-1 FULFILLABLE → DISPATCHED
      package SP90 CREATED → DISPATCHED
      order PROCESSING → COMPLETE
    PARKED G5 UNKNOWN_ITEM: Order OD1 / item ZZ of channel FK1 is not known here
    ");
}

#[test]
fn g5_an_order_without_items_is_left_as_it_is() {
    let mut scene = super::scene::scene();
    assert_snapshot!(scene.hear(&[says(Status::Dispatched)]), @"PARKED G5 UNKNOWN_ITEM: Order OD1 of channel FK1 has no items here");
    assert_eq!(scene.file.order.status, OrderStatus::Processing);
}

#[test]
fn g6_an_unmapped_word_is_kept_and_shown_and_changes_nothing() {
    let mut scene = packed(PackageStatus::Created, 1);
    assert_snapshot!(scene.hear(&[says(Status::Unmapped).raw("SHIP_HELD")]), @"IGNORED G6 UNMAPPED_STATUS: `SHIP_HELD` of channel FK1 has no mapping");
    assert_snapshot!(scene.state(), @"
    order PROCESSING
    O1-1 FULFILLABLE in SP90 (SHIP_HELD)
    SP90 CREATED ALLOCATION, no invoice
    stock 10 blocked 1 shortfall 0
    ");
    // Once the word is in the table the same text comes with a meaning, and applies.
    assert_snapshot!(scene.hear(&[says(Status::Dispatched).raw("SHIP_HELD")]), @"
    APPLIED D3: dispatched in SP90, invoice INV/0001
      invoice INV/0001 of package SP90 GENERATED
      stock A in DEL1: on hand -1 blocked -1
      item O1-1 FULFILLABLE → DISPATCHED
      package SP90 CREATED → DISPATCHED
      order PROCESSING → COMPLETE
    ");
}

#[test]
fn g7_the_same_content_again_is_unchanged() {
    let mut scene = packed(PackageStatus::Created, 1);
    let told = [says(Status::Dispatched).on("2026-01-15")];
    scene.hear(&told);
    let before = (scene.file.clone(), scene.stock_row());
    insta::allow_duplicates! {
    for _ in 0..10 {
        assert_snapshot!(scene.hear(&told), @"UNCHANGED G7: This was applied before, or says nothing new.");
    }
    }
    assert_eq!((scene.file.clone(), scene.stock_row()), before);
}

#[test]
fn g7_a_word_that_says_nothing_about_the_goods_only_fills_blanks() {
    let mut scene = packed(PackageStatus::Dispatched, 1);
    let said = Observation::new("OD1", None, "REFUNDED").awb("EK1");
    assert_snapshot!(scene.hear(&[said]), @"
    UNCHANGED G7: This was applied before, or says nothing new.
      AWB of package SP90 is EK1
    ");
}

#[test]
fn g8_nothing_moves_backwards() {
    let mut scene = packed(PackageStatus::Dispatched, 1);
    assert_snapshot!(scene.hear(&[says(Status::ReadyToShip)]), @"STALE G8: A later state is already known; nothing moves backwards.");
    assert_eq!(scene.file.order.packages[0].status, PackageStatus::Dispatched);
}

#[test]
fn g10_a_hold_is_lifted_when_the_channel_has_acted() {
    let mut scene = packed(PackageStatus::Created, 1).with(|scene| scene.file.order.on_hold = true);
    assert_snapshot!(scene.hear(&[says(Status::Dispatched)]), @"
    APPLIED G10>D3: dispatched in SP90, invoice INV/0001
      invoice INV/0001 of package SP90 GENERATED
      stock A in DEL1: on hand -1 blocked -1
      item O1-1 FULFILLABLE → DISPATCHED
      package SP90 CREATED → DISPATCHED
      note: the order was on hold; the hold is lifted, since the marketplace has acted
      order PROCESSING → COMPLETE
    ");
    assert!(!scene.file.order.on_hold);
}

#[test]
fn g10_a_refusal_leaves_the_hold() {
    let mut scene = loose(ItemStatus::Created)
        .lacking(&super::scene::ALL_SERIES)
        .with(|scene| scene.file.order.on_hold = true);
    assert_snapshot!(scene.hear(&[says(Status::Dispatched)]), @"REFUSED D10 SEQUENCE_NOT_DEFINED: Sequence SALE_INVOICE is not defined for facility DEL1");
    assert!(scene.file.order.on_hold);
}

#[test]
fn g11_an_order_that_waits_for_acceptance_is_accepted_when_it_was_sent() {
    let waiting =
        |scene: &mut super::scene::Scene| scene.file.order.status = OrderStatus::PendingVerification;
    let mut scene = loose(ItemStatus::Created).with(waiting);
    assert_snapshot!(scene.hear(&[says(Status::Dispatched)]), @"
    APPLIED G11>D6: dispatched in SP101, invoice INV/0001
      package SP101 made (STATUS_SYNC)
      item O1-1 goes in package SP101
      invoice INV/0001 of package SP101 GENERATED
      stock A in DEL1: on hand -1
      item O1-1 CREATED → DISPATCHED
      package SP101 CREATED → DISPATCHED
      order PENDING_VERIFICATION → CREATED
      order CREATED → COMPLETE
    ");
    let mut scene = loose(ItemStatus::Created).with(waiting);
    assert_snapshot!(scene.hear(&[says(Status::Cancelled)]), @"
    APPLIED C1: item O1-1 cancelled
      item O1-1 CREATED → CANCELLED
      order PENDING_VERIFICATION → CANCELLED
    ");
}

#[test]
fn g3_what_follows_from_what_is_declared_needs_no_claim_of_its_own() {
    let words = [Status::Packed, Status::InTransit];
    let of = |by: ShippedBy| {
        let mut scene = packed(PackageStatus::Created, 1);
        scene.policy.capabilities.retain(|(_, mode)| *mode == by);
        words.map(|word| scene.decide(&[says(word)]).verdicts[0].row_text())
    };
    assert_eq!(of(ShippedBy::Channel), ["D23", "D3>K1"]);
    assert_eq!(of(ShippedBy::Seller), ["G3", "G3"]);
}

#[test]
fn g3_another_word_on_who_ships_is_shown_once() {
    let mut scene = packed(PackageStatus::Dispatched, 1).seller_ships();
    let said = |by: ShippedBy, status: Status| Observation { shipped_by: Some(by), ..says(status) };
    scene.hear(&[said(ShippedBy::Seller, Status::Created)]);
    assert!(scene.file.order.attention.is_empty());
    scene.hear(&[said(ShippedBy::Channel, Status::Created), said(ShippedBy::Channel, Status::CourierReturn)]);
    assert_eq!(
        scene.file.order.attention,
        ["the order is SELLER-shipped here, the channel says CHANNEL-shipped"]
    );
    // Once a person has seen to it, a word that was applied before does not bring it back.
    scene.file.order.attention.clear();
    scene.hear(&[said(ShippedBy::Channel, Status::CourierReturn)]);
    assert!(scene.file.order.attention.is_empty());
}

#[test]
fn g10_a_package_that_turns_back_lifts_the_hold_too() {
    let mut scene = packed(PackageStatus::Shipped, 1).with(|scene| scene.file.order.on_hold = true);
    assert_snapshot!(scene.hear(&[says(Status::CourierReturn)]), @"
    APPLIED G10>R1: package SP90 is on its way back
      RTO SP90 NOT_RECEIVED (O1-1)
      package SP90 SHIPPED → RETURN_EXPECTED
      note: the order was on hold; the hold is lifted, since the marketplace has acted
    ");
}
