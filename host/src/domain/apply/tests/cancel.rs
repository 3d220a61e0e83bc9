//! Rows C1–C16.

use insta::assert_snapshot;
use plugin_api::{InvoiceNumbering, Status};

use super::scene::{ALL_SERIES, Words, loose, packed, says};
use crate::domain::{
    duties::{Putaway, PutawayStatus, PutawayType, Quality},
    order::{ItemStatus, PackageStatus},
};

#[test]
fn c1_before_allocation_nothing_else_moves() {
    insta::allow_duplicates! {
    for status in [ItemStatus::Created, ItemStatus::Unfulfillable, ItemStatus::LocationNotServiceable] {
        let mut scene = loose(status).lacking(&ALL_SERIES);
        assert_snapshot!(scene.hear(&[says(Status::Cancelled)]).replace(status.as_str(), "<before>"), @"
        APPLIED C1: item O1-1 cancelled
          item O1-1 <before> → CANCELLED
          order PROCESSING → CANCELLED
        ");
    }
    }
}

#[test]
fn c2_the_block_is_released_and_the_emptied_package_cancelled() {
    assert_snapshot!(packed(PackageStatus::Created, 1).hear(&[says(Status::Cancelled)]), @"
    APPLIED C2: item O1-1 cancelled, package SP90 cancelled with it
      stock A in DEL1: blocked -1
      item O1-1 FULFILLABLE → CANCELLED
      package SP90 CREATED → CANCELLED
      order PROCESSING → CANCELLED
    ");
    assert_snapshot!(packed(PackageStatus::LocationNotServiceable, 1).hear(&[says(Status::Cancelled)]), @"
    APPLIED C2: item O1-1 cancelled, package SP90 cancelled with it
      stock A in DEL1: blocked -1
      item O1-1 FULFILLABLE → CANCELLED
      package SP90 LOCATION_NOT_SERVICEABLE → CANCELLED
      order PROCESSING → CANCELLED
    ");
    assert_snapshot!(loose(ItemStatus::Fulfillable).hear(&[says(Status::Cancelled)]), @"
    APPLIED C2: item O1-1 cancelled
      stock A in DEL1: blocked -1
      item O1-1 FULFILLABLE → CANCELLED
      order PROCESSING → CANCELLED
    ");
}

#[test]
fn c3_picked_units_have_to_be_put_away_and_unpicked_are_free() {
    let mut scene = packed(PackageStatus::Picked, 1);
    assert_snapshot!(scene.hear(&[says(Status::Cancelled)]), @"
    APPLIED C3: item O1-1 cancelled, package SP90 cancelled with it
      putaway PA1 due for item O1-1 (PUTAWAY_PICKLIST_ITEM)
      item O1-1 FULFILLABLE → CANCELLED
      package SP90 PICKED → CANCELLED
      order PROCESSING → CANCELLED
    ");
    assert_snapshot!(scene.put_away("PA1", Quality::Good), @"
    stock A in DEL1: blocked -1
    note: putaway PA1 of item O1-1 is complete: GOOD_INVENTORY
    ");
    assert_snapshot!(packed(PackageStatus::Picking, 1).hear(&[says(Status::Cancelled)]), @"
    APPLIED C3: item O1-1 cancelled, package SP90 cancelled with it
      stock A in DEL1: blocked -1
      item O1-1 FULFILLABLE → CANCELLED
      package SP90 PICKING → CANCELLED
      order PROCESSING → CANCELLED
    ");
    assert_snapshot!(packed(PackageStatus::CustomizationComplete, 1).hear(&[says(Status::Cancelled)]), @"
    APPLIED C3: item O1-1 cancelled, package SP90 cancelled with it
      stock A in DEL1: blocked -1
      item O1-1 FULFILLABLE → CANCELLED
      package SP90 CUSTOMIZATION_COMPLETE → CANCELLED
      order PROCESSING → CANCELLED
    ");
}

#[test]
fn c4_after_invoicing_the_number_stays_used_and_stock_waits_for_the_putaway() {
    let mut scene = packed(PackageStatus::Packed, 1).lacking(&ALL_SERIES);
    assert_snapshot!(scene.hear(&[says(Status::Cancelled)]), @"
    APPLIED C4: item O1-1 cancelled, package SP90 cancelled with it
      putaway PA1 due for item O1-1 (PUTAWAY_CANCELLED_ITEM)
      item O1-1 FULFILLABLE → CANCELLED
      invoice OLD/SP90 of package SP90 CANCELLED
      package SP90 PACKED → CANCELLED
      order PROCESSING → CANCELLED
    ");
    assert_snapshot!(scene.state(), @"
    order CANCELLED
    O1-1 CANCELLED in SP90
    SP90 CANCELLED ALLOCATION, no invoice
    SALE_INVOICE OLD/SP90 CANCELLED of SP90 (O1-1)
    PA1 PUTAWAY_CANCELLED_ITEM O1-1 DUE
    stock 10 blocked 1 shortfall 0
    ");
    assert_snapshot!(scene.put_away("PA1", Quality::Good), @"
    stock A in DEL1: blocked -1
    note: putaway PA1 of item O1-1 is complete: GOOD_INVENTORY
    ");
    assert_snapshot!(scene.state(), @"
    order CANCELLED
    O1-1 CANCELLED in SP90
    SP90 CANCELLED ALLOCATION, no invoice
    SALE_INVOICE OLD/SP90 CANCELLED of SP90 (O1-1)
    PA1 PUTAWAY_CANCELLED_ITEM O1-1 COMPLETE
    stock 10 blocked 0 shortfall 0
    ");
}

#[test]
fn c5_the_label_is_void_when_the_seller_ships() {
    let labelled = |scene: &mut super::scene::Scene| scene.edit("SP90").awb = Some("EK1".to_owned());
    let mut scene = packed(PackageStatus::ReadyToShip, 1).with(labelled).seller_ships();
    assert_snapshot!(scene.hear(&[says(Status::Cancelled)]), @"
    APPLIED C5: item O1-1 cancelled, package SP90 cancelled with it
      putaway PA1 due for item O1-1 (PUTAWAY_CANCELLED_ITEM)
      item O1-1 FULFILLABLE → CANCELLED
      invoice OLD/SP90 of package SP90 CANCELLED
      note: label with AWB EK1 of package SP90 is void
      package SP90 READY_TO_SHIP → CANCELLED
      order PROCESSING → CANCELLED
    ");
    assert_eq!(scene.edit("SP90").awb, None);
    let mut scene = packed(PackageStatus::ReadyToShip, 1).with(labelled);
    assert_snapshot!(scene.hear(&[says(Status::Cancelled)]), @"
    APPLIED C5: item O1-1 cancelled, package SP90 cancelled with it
      putaway PA1 due for item O1-1 (PUTAWAY_CANCELLED_ITEM)
      item O1-1 FULFILLABLE → CANCELLED
      invoice OLD/SP90 of package SP90 CANCELLED
      package SP90 READY_TO_SHIP → CANCELLED
      order PROCESSING → CANCELLED
    ");
    assert_eq!(scene.edit("SP90").awb.as_deref(), Some("EK1"));
}

#[test]
fn c6_it_is_taken_off_the_manifest() {
    let mut scene = packed(PackageStatus::Manifested, 1)
        .with(|scene| scene.edit("SP90").awb = Some("EK1".to_owned()))
        .seller_ships();
    assert_snapshot!(scene.hear(&[says(Status::Cancelled)]), @"
    APPLIED C6: item O1-1 cancelled, package SP90 cancelled with it
      putaway PA1 due for item O1-1 (PUTAWAY_CANCELLED_ITEM)
      item O1-1 FULFILLABLE → CANCELLED
      invoice OLD/SP90 of package SP90 CANCELLED
      note: package SP90 is taken off its manifest
      note: label with AWB EK1 of package SP90 is void
      package SP90 MANIFESTED → CANCELLED
      order PROCESSING → CANCELLED
    ");
}

#[test]
fn c7_what_has_left_is_expected_back() {
    let mut scene = packed(PackageStatus::Shipped, 1);
    assert_snapshot!(scene.hear(&[says(Status::Cancelled).on("2026-01-16")]), @"
    APPLIED C7: package SP90 had left already: it is expected back
      RTO SP90 NOT_RECEIVED (O1-1)
      package SP90 SHIPPED → RETURN_EXPECTED
    ");
    assert_snapshot!(scene.hear(&[says(Status::Cancelled).on("2026-01-17")]), @"UNCHANGED C7: Cancelled after dispatch: the package is expected back.");
    assert_snapshot!(scene.state(), @r#"
    order COMPLETE
    O1-1 DISPATCHED in SP90
    SP90 RETURN_EXPECTED ALLOCATION, OLD/SP90
    RTO SP90 NOT_RECEIVED (O1-1) reason "cancelled after dispatch" AWB "" courier "" at "2026-01-16T00:00:00Z" flag ""
    SALE_INVOICE OLD/SP90 GENERATED of SP90 (O1-1)
    stock 10 blocked 0 shortfall 0
    "#);
}

#[test]
fn c7_a_part_that_has_left_waits_for_the_rest() {
    let mut scene = packed(PackageStatus::Dispatched, 2);
    assert_snapshot!(scene.hear(&[says(Status::Cancelled).item("1")]), @"
    CONFLICT C7 PARTIAL_COURIER_RETURN: Channel says that part of package SP90 comes back: reported O1-1, missing O1-2
      conflict CF1 opened: PARTIAL_COURIER_RETURN
    ");
    assert_snapshot!(scene.hear(&[says(Status::Cancelled).item("2")]), @"
    APPLIED C7: package SP90 had left already: it is expected back
      RTO SP90 NOT_RECEIVED (O1-1, O1-2)
      package SP90 DISPATCHED → RETURN_EXPECTED
      conflict CF1 closed: PARTIAL_COURIER_RETURN
    ");
    assert_snapshot!(scene.state(), @r#"
    order COMPLETE
    O1-1 DISPATCHED in SP90
    O1-2 DISPATCHED in SP90
    SP90 RETURN_EXPECTED ALLOCATION, OLD/SP90
    RTO SP90 NOT_RECEIVED (O1-1, O1-2) reason "cancelled after dispatch" AWB "" courier "" at "" flag ""
    SALE_INVOICE OLD/SP90 GENERATED of SP90 (O1-1, O1-2)
    CF1 PARTIAL_COURIER_RETURN closed: Channel says that part of package SP90 comes back: reported O1-1, missing O1-2
    stock 10 blocked 0 shortfall 0
    "#);
}

#[test]
fn c8_after_delivery_a_person_decides_and_in_return_it_is_stale() {
    let mut scene = packed(PackageStatus::Delivered, 1);
    assert_snapshot!(scene.hear(&[says(Status::Cancelled)]), @"
    CONFLICT C8 CANCEL_AFTER_DELIVERY: Channel cancelled item O1-1 which is DELIVERED here
      conflict CF1 opened: CANCEL_AFTER_DELIVERY
    ");
    let mut told = String::new();
    for status in [PackageStatus::ReturnExpected, PackageStatus::ReturnAcknowledged, PackageStatus::Returned]
    {
        told += &packed(status, 1).hear(&[says(Status::Cancelled)]);
    }
    assert_snapshot!(told, @"
    STALE C8: Cancelled on the marketplace after it was delivered or came back.
    STALE C8: Cancelled on the marketplace after it was delivered or came back.
    STALE C8: Cancelled on the marketplace after it was delivered or came back.
    ");
    let mut in_return = packed(PackageStatus::Delivered, 1);
    in_return.hear(&[says(Status::ReturnRequested)]);
    assert_snapshot!(in_return.hear(&[says(Status::Cancelled)]), @"STALE C8: Cancelled on the marketplace after it was delivered or came back.");
}

#[test]
fn c9_cancelled_again_releases_nothing_twice() {
    let mut scene = packed(PackageStatus::Packed, 1);
    scene.hear(&[says(Status::Cancelled).on("2026-01-16")]);
    let before = (scene.file.clone(), scene.stock_row());
    assert_snapshot!(scene.hear(&[says(Status::Cancelled).on("2026-01-17")]), @"UNCHANGED C9: Cancelled here already.");
    assert_snapshot!(scene.hear(&[says(Status::Cancelled).item("1")]), @"UNCHANGED C9: Cancelled here already.");
    assert_eq!((scene.file.clone(), scene.stock_row()), before);
}

#[test]
fn c10_part_of_a_package_leaves_it_and_the_rest_goes_on() {
    let mut scene = packed(PackageStatus::Created, 2);
    assert_snapshot!(scene.hear(&[says(Status::Cancelled).item("2")]), @"
    APPLIED C10: item O1-2 cancelled and taken out of package SP90
      stock A in DEL1: blocked -1
      item O1-2 FULFILLABLE → CANCELLED
      item O1-2 leaves package SP90
    ");
    assert_snapshot!(scene.state(), @"
    order PROCESSING
    O1-1 FULFILLABLE in SP90
    O1-2 CANCELLED
    SP90 CREATED ALLOCATION, no invoice
    stock 10 blocked 1 shortfall 0
    ");
    assert_snapshot!(packed(PackageStatus::Picked, 2).hear(&[says(Status::Cancelled).item("1")]), @"
    APPLIED C10: item O1-1 cancelled and taken out of package SP90
      putaway PA1 due for item O1-1 (PUTAWAY_PICKLIST_ITEM)
      item O1-1 FULFILLABLE → CANCELLED
      item O1-1 leaves package SP90
    ");
}

#[test]
fn c11_part_of_an_invoiced_package_holds_it() {
    let mut scene = packed(PackageStatus::Packed, 2);
    assert_snapshot!(scene.hear(&[says(Status::Cancelled).item("1")]), @"
    APPLIED C11: item O1-1 cancelled; package SP90 is held until it is invoiced again
      putaway PA1 due for item O1-1 (PUTAWAY_CANCELLED_ITEM)
      item O1-1 FULFILLABLE → CANCELLED
      package SP90 held until it is invoiced again
    ");
    assert_snapshot!(scene.state(), @"
    order PROCESSING
    O1-1 CANCELLED in SP90
    O1-2 FULFILLABLE in SP90
    SP90 PACKED ALLOCATION, OLD/SP90 CONTAINS_CANCELLED_ITEMS
    SALE_INVOICE OLD/SP90 GENERATED of SP90 (O1-1, O1-2)
    PA1 PUTAWAY_CANCELLED_ITEM O1-1 DUE
    stock 10 blocked 2 shortfall 0
    ");
    // The rest cancelled too: nothing is held any more.
    assert_snapshot!(scene.hear(&[says(Status::Cancelled).item("2")]), @"
    APPLIED C4: item O1-2 cancelled, package SP90 cancelled with it
      putaway PA2 due for item O1-2 (PUTAWAY_CANCELLED_ITEM)
      item O1-2 FULFILLABLE → CANCELLED
      invoice OLD/SP90 of package SP90 CANCELLED
      package SP90 PACKED → CANCELLED
      order PROCESSING → CANCELLED
    ");
    assert_snapshot!(scene.state(), @"
    order CANCELLED
    O1-1 CANCELLED in SP90
    O1-2 CANCELLED in SP90
    SP90 CANCELLED ALLOCATION, no invoice
    SALE_INVOICE OLD/SP90 CANCELLED of SP90 (O1-1, O1-2)
    PA1 PUTAWAY_CANCELLED_ITEM O1-1 DUE
    PA2 PUTAWAY_CANCELLED_ITEM O1-2 DUE
    stock 10 blocked 2 shortfall 0
    ");
}

#[test]
fn c12_quantities_are_totals_and_the_least_advanced_go_first() {
    let mut scene =
        packed(PackageStatus::Packed, 1).loose(ItemStatus::Created).loose(ItemStatus::Fulfillable);
    assert_snapshot!(scene.hear(&[says(Status::Cancelled).sku("A", 1)]), @"
    APPLIED C12>C1: item O1-2 cancelled
      item O1-2 CREATED → CANCELLED
    ");
    assert_snapshot!(scene.hear(&[says(Status::Cancelled).sku("A", 2)]), @"
    APPLIED C12>C2: item O1-3 cancelled
      stock A in DEL1: blocked -1
      item O1-3 FULFILLABLE → CANCELLED
    ");
    assert_snapshot!(scene.hear(&[says(Status::Cancelled).sku("A", 2).on("2026-01-16")]), @"UNCHANGED C12>C9: Cancelled here already.");
    assert_snapshot!(scene.state(), @"
    order PROCESSING
    O1-1 FULFILLABLE in SP90
    O1-2 CANCELLED
    O1-3 CANCELLED
    SP90 PACKED ALLOCATION, OLD/SP90
    SALE_INVOICE OLD/SP90 GENERATED of SP90 (O1-1)
    stock 10 blocked 1 shortfall 0
    ");
}

#[test]
fn c12_never_a_dispatched_one_unless_too_few_remain() {
    let mut scene = packed(PackageStatus::Dispatched, 1).loose(ItemStatus::Fulfillable);
    assert_snapshot!(scene.hear(&[says(Status::Cancelled).sku("A", 1)]), @"
    APPLIED C12>C2: item O1-2 cancelled
      stock A in DEL1: blocked -1
      item O1-2 FULFILLABLE → CANCELLED
      order PROCESSING → COMPLETE
    ");
    assert_snapshot!(scene.hear(&[says(Status::Cancelled).sku("A", 2)]), @"
    APPLIED C12>C7: package SP90 had left already: it is expected back
      RTO SP90 NOT_RECEIVED (O1-1)
      package SP90 DISPATCHED → RETURN_EXPECTED
      note: too few units were open to cancel: item O1-1 had left
    ");
    assert_snapshot!(scene.state(), @r#"
    order COMPLETE
    O1-1 DISPATCHED in SP90
    O1-2 CANCELLED
    SP90 RETURN_EXPECTED ALLOCATION, OLD/SP90
    RTO SP90 NOT_RECEIVED (O1-1) reason "cancelled after dispatch" AWB "" courier "" at "" flag ""
    SALE_INVOICE OLD/SP90 GENERATED of SP90 (O1-1)
    stock 10 blocked 0 shortfall 0
    "#);
}

#[test]
fn c13_an_items_own_word_comes_before_the_orders() {
    let mut scene = packed(PackageStatus::Created, 2);
    let told = [says(Status::Cancelled), says(Status::Dispatched).item("1")];
    assert_snapshot!(scene.hear(&told), @"
    APPLIED C13>C10: item O1-2 cancelled and taken out of package SP90
      stock A in DEL1: blocked -1
      item O1-2 FULFILLABLE → CANCELLED
      item O1-2 leaves package SP90
      order PROCESSING → COMPLETE
    APPLIED D3: dispatched in SP90, invoice INV/0001
      invoice INV/0001 of package SP90 GENERATED
      stock A in DEL1: on hand -1 blocked -1
      item O1-1 FULFILLABLE → DISPATCHED
      package SP90 CREATED → DISPATCHED
    ");
    assert_snapshot!(scene.state(), @"
    order COMPLETE
    O1-1 DISPATCHED in SP90
    O1-2 CANCELLED
    SP90 DISPATCHED ALLOCATION, INV/0001
    SALE_INVOICE INV/0001 GENERATED of SP90 (O1-1)
    stock 9 blocked 0 shortfall 0
    ");
    // Said again with another time for the order, item 1 is still spoken for.
    assert_snapshot!(scene.hear(&[says(Status::Cancelled).on("2026-01-16"), says(Status::Dispatched).item("1")]), @"
    UNCHANGED C13>C9: Cancelled here already.
    UNCHANGED G7: This was applied before, or says nothing new.
    ");
}

#[test]
fn c13_a_quantity_speaks_for_so_many_units_only() {
    let mut scene = packed(PackageStatus::Created, 3);
    scene.hear(&[says(Status::Dispatched), says(Status::Cancelled).sku("A", 1)]);
    assert_snapshot!(scene.state(), @"
    order COMPLETE
    O1-1 CANCELLED
    O1-2 DISPATCHED in SP90
    O1-3 DISPATCHED in SP90
    SP90 DISPATCHED ALLOCATION, INV/0001
    SALE_INVOICE INV/0001 GENERATED of SP90 (O1-2, O1-3)
    stock 8 blocked 0 shortfall 0
    ");
}

#[test]
fn c14_the_channel_confirms_the_sellers_cancellation() {
    let mut scene = packed(PackageStatus::Cancelled, 1);
    scene.hear(&[says(Status::Dispatched)]);
    assert_snapshot!(scene.hear(&[says(Status::Cancelled).on("2026-01-16")]), @"
    UNCHANGED C14: The marketplace confirms the seller's own cancellation.
      conflict CF1 closed: DISPATCHED_BUT_CANCELLED_LOCALLY
    ");
    assert_snapshot!(scene.hear(&[says(Status::Cancelled).on("2026-01-17")]), @"UNCHANGED C9: Cancelled here already.");
    assert_snapshot!(packed(PackageStatus::Cancelled, 1).hear(&[says(Status::Cancelled)]), @"UNCHANGED C14: The marketplace confirms the seller's own cancellation.");
}

#[test]
fn c15_open_again_is_a_conflict_only_if_newer() {
    let mut scene = packed(PackageStatus::Created, 1);
    scene.hear(&[says(Status::Cancelled).on("2026-01-16")]);
    let stock = scene.stock_row();
    assert_snapshot!(scene.hear(&[says(Status::Created).on("2026-01-16"), says(Status::Created)]), @"
    STALE C15: the word is not known to be newer than the cancellation here
    STALE C15: the word is not known to be newer than the cancellation here
    ");
    assert_snapshot!(scene.hear(&[says(Status::ReadyToShip).on("2026-01-17")]), @"
    CONFLICT C15 REOPENED_ON_CHANNEL: Channel shows item O1-1 open again which is CANCELLED here
      conflict CF1 opened: REOPENED_ON_CHANNEL
    ");
    assert_eq!(scene.stock_row(), stock);
    assert_eq!(scene.item(1).status, ItemStatus::Cancelled);
}

#[test]
fn c16_a_channel_numbered_invoice_spares_no_putaway() {
    let mut scene = packed(PackageStatus::Packed, 1)
        .with(|scene| scene.policy.invoice_numbering = InvoiceNumbering::Channel);
    assert_snapshot!(scene.hear(&[says(Status::Cancelled)]), @"
    APPLIED C16: item O1-1 cancelled, package SP90 cancelled with it
      putaway PA1 due for item O1-1 (PUTAWAY_CANCELLED_ITEM)
      item O1-1 FULFILLABLE → CANCELLED
      invoice OLD/SP90 of package SP90 CANCELLED
      package SP90 PACKED → CANCELLED
      order PROCESSING → CANCELLED
    ");
}

#[test]
fn c2_a_unit_that_is_blocked_no_more_releases_nothing() {
    let mut scene = packed(PackageStatus::Created, 1).stock(10, 0);
    assert_snapshot!(scene.hear(&[says(Status::Cancelled)]), @"
    APPLIED C2: item O1-1 cancelled, package SP90 cancelled with it
      item O1-1 FULFILLABLE → CANCELLED
      package SP90 CREATED → CANCELLED
      order PROCESSING → CANCELLED
    ");
}

#[test]
fn c4_a_package_is_cancelled_as_a_whole_by_one_word_or_by_one_for_each_unit() {
    let one_word = vec![says(Status::Cancelled)];
    let unit_by_unit = vec![says(Status::Cancelled).item("1"), says(Status::Cancelled).item("2")];
    for told in [one_word, unit_by_unit] {
        let mut scene = packed(PackageStatus::Packed, 2);
        let decision = scene.decide(&told);
        for verdict in &decision.verdicts {
            assert_eq!(verdict.row_text(), "C4", "{told:?}");
        }
        assert_eq!(scene.edit("SP90").status, PackageStatus::Cancelled);
    }
}

#[test]
fn c4_only_the_packages_own_invoice_is_cancelled() {
    // Another facility's series may give the same number.
    let mut scene = packed(PackageStatus::Packed, 1)
        .package("SP91", PackageStatus::Packed, 1)
        .with(|scene| scene.file.invoices[0].number = "OLD/SP91".to_owned())
        .with(|scene| scene.edit("SP90").invoice = Some("OLD/SP91".to_owned()));
    scene.hear(&[says(Status::Cancelled).item("2")]);
    assert_snapshot!(scene.state(), @"
    order PROCESSING
    O1-1 FULFILLABLE in SP90
    O1-2 CANCELLED in SP91
    SP90 PACKED ALLOCATION, OLD/SP91
    SP91 CANCELLED ALLOCATION, no invoice
    SALE_INVOICE OLD/SP91 GENERATED of SP90 (O1-1)
    SALE_INVOICE OLD/SP91 CANCELLED of SP91 (O1-2)
    PA1 PUTAWAY_CANCELLED_ITEM O1-2 DUE
    stock 10 blocked 2 shortfall 0
    ");
}

#[test]
fn c4_a_unit_that_was_put_away_before_has_to_be_put_away_again() {
    let mut scene = packed(PackageStatus::Packed, 1);
    scene.file.putaways.push(Putaway {
        code: "PA7".to_owned(),
        kind: PutawayType::CancelledItem,
        item: "O1-1".into(),
        package: Some("SP80".into()),
        status: PutawayStatus::Complete,
        quality: Some(Quality::Good),
    });
    scene.hear(&[says(Status::Cancelled)]);
    let due: Vec<_> = scene.file.putaways.iter().map(|putaway| putaway.status).collect();
    assert_eq!(due, [PutawayStatus::Complete, PutawayStatus::Due]);
}

#[test]
fn c8_the_return_of_another_unit_or_one_that_is_over_does_not_matter() {
    let mut other = packed(PackageStatus::Delivered, 2);
    other.hear(&[says(Status::ReturnRequested).item("2")]);
    assert_snapshot!(other.hear(&[says(Status::Cancelled).item("1")]), @"
    CONFLICT C8 CANCEL_AFTER_DELIVERY: Channel cancelled item O1-1 which is DELIVERED here
      conflict CF1 opened: CANCEL_AFTER_DELIVERY
    ");
    let mut over = packed(PackageStatus::Delivered, 1);
    over.hear(&[says(Status::ReturnRequested)]);
    over.hear(&[says(Status::ReturnCancelled)]);
    assert_snapshot!(over.hear(&[says(Status::Cancelled)]), @"
    CONFLICT C8 CANCEL_AFTER_DELIVERY: Channel cancelled item O1-1 which is DELIVERED here
      conflict CF1 opened: CANCEL_AFTER_DELIVERY
    ");
}

#[test]
fn c14_the_confirmation_of_one_unit_settles_nothing_of_another() {
    let mut scene = loose(ItemStatus::Cancelled).loose(ItemStatus::Cancelled);
    scene.hear(&[says(Status::Dispatched).item("1"), says(Status::Dispatched).item("2")]);
    assert_snapshot!(scene.hear(&[says(Status::Cancelled).item("1")]), @"
    UNCHANGED C14: The marketplace confirms the seller's own cancellation.
      conflict CF1 closed: DISPATCHED_BUT_CANCELLED_LOCALLY
    ");
    assert_eq!(scene.file.conflicts.iter().map(|conflict| conflict.open).collect::<Vec<_>>(), [false, true]);
}
