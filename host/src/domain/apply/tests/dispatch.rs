//! Rows D1–D24.

use insta::assert_snapshot;
use plugin_api::{InvoiceNumbering, Status};

use super::scene::{ALL_SERIES, Words, at, loose, packed, says, scene};
use crate::domain::{
    invoice::SequenceKind,
    order::{Hold, ItemStatus, PackageStatus},
    snapshot::Traceability,
};

#[test]
fn d1_unfulfillable_is_packed_and_dispatched_with_a_shortfall() {
    let mut scene = loose(ItemStatus::Unfulfillable).stock(0, 0);
    assert_snapshot!(scene.hear(&[says(Status::Dispatched)]), @"
    APPLIED D1: dispatched in SP101, invoice INV/0001
      package SP101 made (STATUS_SYNC)
      item O1-1 goes in package SP101
      invoice INV/0001 of package SP101 GENERATED
      stock A in DEL1: shortfall +1
      item O1-1 UNFULFILLABLE → DISPATCHED
      package SP101 CREATED → DISPATCHED
      order PROCESSING → COMPLETE
    ");
    assert_snapshot!(scene.state(), @"
    order COMPLETE
    O1-1 DISPATCHED in SP101
    SP101 DISPATCHED STATUS_SYNC, INV/0001
    SALE_INVOICE INV/0001 GENERATED of SP101 (O1-1)
    stock 0 blocked 0 shortfall 1
    ");
}

#[test]
fn d2_unfulfillable_with_stock_by_now_takes_it() {
    let mut scene = loose(ItemStatus::Unfulfillable);
    assert_snapshot!(scene.hear(&[says(Status::Dispatched)]), @"
    APPLIED D2: dispatched in SP101, invoice INV/0001
      package SP101 made (STATUS_SYNC)
      item O1-1 goes in package SP101
      invoice INV/0001 of package SP101 GENERATED
      stock A in DEL1: on hand -1
      item O1-1 UNFULFILLABLE → DISPATCHED
      package SP101 CREATED → DISPATCHED
      order PROCESSING → COMPLETE
    ");
}

#[test]
fn d2_one_unit_of_stock_serves_one_of_two() {
    let mut scene = loose(ItemStatus::Unfulfillable).loose(ItemStatus::Unfulfillable).stock(1, 0);
    assert_snapshot!(scene.hear(&[says(Status::Dispatched)]), @"
    APPLIED D2: dispatched in SP101, invoice INV/0001
      package SP101 made (STATUS_SYNC)
      item O1-1 goes in package SP101
      item O1-2 goes in package SP101
      invoice INV/0001 of package SP101 GENERATED
      stock A in DEL1: on hand -1
      item O1-1 UNFULFILLABLE → DISPATCHED
      stock A in DEL1: shortfall +1
      item O1-2 UNFULFILLABLE → DISPATCHED
      package SP101 CREATED → DISPATCHED
      order PROCESSING → COMPLETE
    ");
}

#[test]
fn d3_the_same_package_is_kept_and_its_block_becomes_a_dispatch() {
    let mut scene = packed(PackageStatus::Created, 1);
    assert_snapshot!(scene.hear(&[says(Status::Dispatched)]), @"
    APPLIED D3: dispatched in SP90, invoice INV/0001
      invoice INV/0001 of package SP90 GENERATED
      stock A in DEL1: on hand -1 blocked -1
      item O1-1 FULFILLABLE → DISPATCHED
      package SP90 CREATED → DISPATCHED
      order PROCESSING → COMPLETE
    ");
    assert_snapshot!(scene.state(), @"
    order COMPLETE
    O1-1 DISPATCHED in SP90
    SP90 DISPATCHED ALLOCATION, INV/0001
    SALE_INVOICE INV/0001 GENERATED of SP90 (O1-1)
    stock 9 blocked 0 shortfall 0
    ");
}

#[test]
fn d3_stock_that_is_only_available_is_taken_too() {
    let mut scene =
        packed(PackageStatus::Created, 1).with(|scene| scene.item(1).allocated = Some(false)).stock(3, 0);
    assert_snapshot!(scene.hear(&[says(Status::Dispatched)]), @"
    APPLIED D3: dispatched in SP90, invoice INV/0001
      invoice INV/0001 of package SP90 GENERATED
      stock A in DEL1: on hand -1
      item O1-1 FULFILLABLE → DISPATCHED
      package SP90 CREATED → DISPATCHED
      order PROCESSING → COMPLETE
    ");
}

#[test]
fn d4_a_lost_block_is_a_shortfall_with_a_warning() {
    let mut scene = packed(PackageStatus::Created, 1).stock(0, 0);
    assert_snapshot!(scene.hear(&[says(Status::Dispatched)]), @"
    APPLIED D4: dispatched in SP90, invoice INV/0001
      invoice INV/0001 of package SP90 GENERATED
      stock A in DEL1: shortfall +1
      note: item O1-1 left without stock in the books: one unit of shortfall
      item O1-1 FULFILLABLE → DISPATCHED
      package SP90 CREATED → DISPATCHED
      order PROCESSING → COMPLETE
    ");
    let mut adjusted = packed(PackageStatus::Created, 1).stock(0, 1);
    assert_snapshot!(adjusted.hear(&[says(Status::Dispatched)]), @"
    APPLIED D4: dispatched in SP90, invoice INV/0001
      invoice INV/0001 of package SP90 GENERATED
      stock A in DEL1: blocked -1 shortfall +1
      note: item O1-1 left without stock in the books: one unit of shortfall
      item O1-1 FULFILLABLE → DISPATCHED
      package SP90 CREATED → DISPATCHED
      order PROCESSING → COMPLETE
    ");
}

#[test]
fn d5_fulfillable_without_a_package_gets_one() {
    let mut scene = loose(ItemStatus::Fulfillable);
    assert_snapshot!(scene.hear(&[says(Status::Dispatched)]), @"
    APPLIED D5: dispatched in SP101, invoice INV/0001
      package SP101 made (STATUS_SYNC)
      item O1-1 goes in package SP101
      invoice INV/0001 of package SP101 GENERATED
      stock A in DEL1: on hand -1 blocked -1
      item O1-1 FULFILLABLE → DISPATCHED
      package SP101 CREATED → DISPATCHED
      order PROCESSING → COMPLETE
    ");
}

#[test]
fn d6_an_item_that_was_not_allocated_yet_is_allocated_first() {
    assert_snapshot!(loose(ItemStatus::Created).hear(&[says(Status::Dispatched)]), @"
    APPLIED D6: dispatched in SP101, invoice INV/0001
      package SP101 made (STATUS_SYNC)
      item O1-1 goes in package SP101
      invoice INV/0001 of package SP101 GENERATED
      stock A in DEL1: on hand -1
      item O1-1 CREATED → DISPATCHED
      package SP101 CREATED → DISPATCHED
      order PROCESSING → COMPLETE
    ");
    assert_snapshot!(loose(ItemStatus::Created).stock(0, 0).hear(&[says(Status::Dispatched)]), @"
    APPLIED D6: dispatched in SP101, invoice INV/0001
      package SP101 made (STATUS_SYNC)
      item O1-1 goes in package SP101
      invoice INV/0001 of package SP101 GENERATED
      stock A in DEL1: shortfall +1
      item O1-1 CREATED → DISPATCHED
      package SP101 CREATED → DISPATCHED
      order PROCESSING → COMPLETE
    ");
}

#[test]
fn d7_no_courier_here_does_not_matter() {
    assert_snapshot!(packed(PackageStatus::LocationNotServiceable, 1).hear(&[says(Status::Dispatched)]), @"
    APPLIED D7: dispatched in SP90, invoice INV/0001
      invoice INV/0001 of package SP90 GENERATED
      stock A in DEL1: on hand -1 blocked -1
      item O1-1 FULFILLABLE → DISPATCHED
      package SP90 LOCATION_NOT_SERVICEABLE → DISPATCHED
      order PROCESSING → COMPLETE
    ");
    assert_snapshot!(loose(ItemStatus::LocationNotServiceable).hear(&[says(Status::Dispatched)]), @"
    APPLIED D7: dispatched in SP101, invoice INV/0001
      package SP101 made (STATUS_SYNC)
      item O1-1 goes in package SP101
      invoice INV/0001 of package SP101 GENERATED
      stock A in DEL1: on hand -1
      item O1-1 LOCATION_NOT_SERVICEABLE → DISPATCHED
      package SP101 CREATED → DISPATCHED
      order PROCESSING → COMPLETE
    ");
    let unserved =
        |scene: &mut super::scene::Scene| scene.item(1).status = ItemStatus::LocationNotServiceable;
    assert_snapshot!(packed(PackageStatus::Created, 1).with(unserved).hear(&[says(Status::Dispatched)]), @"
    APPLIED D7: dispatched in SP90, invoice INV/0001
      invoice INV/0001 of package SP90 GENERATED
      stock A in DEL1: on hand -1
      item O1-1 LOCATION_NOT_SERVICEABLE → DISPATCHED
      package SP90 CREATED → DISPATCHED
      order PROCESSING → COMPLETE
    ");
}

#[test]
fn d8_what_is_being_picked_or_made_is_invoiced_and_dispatched() {
    for status in [
        PackageStatus::PendingCustomization,
        PackageStatus::CustomizationComplete,
        PackageStatus::Picking,
        PackageStatus::Picked,
    ] {
        let mut scene = packed(status, 1);
        let told = scene.hear(&[says(Status::Dispatched)]);
        assert!(told.starts_with("APPLIED D8: dispatched in SP90, invoice INV/0001"), "{status}: {told}");
        assert_eq!((scene.stock_row().on_hand, scene.stock_row().blocked), (9, 0));
    }
}

#[test]
fn d9_a_packed_package_keeps_its_invoice() {
    insta::allow_duplicates! {
    for status in [PackageStatus::Packed, PackageStatus::ReadyToShip, PackageStatus::Manifested] {
        let mut scene = packed(status, 1).lacking(&ALL_SERIES);
        assert_snapshot!(scene.hear(&[says(Status::Dispatched)]).replace(status.as_str(), "<before>"), @"
        APPLIED D9: dispatched in SP90, invoice OLD/SP90
          stock A in DEL1: on hand -1 blocked -1
          item O1-1 FULFILLABLE → DISPATCHED
          package SP90 <before> → DISPATCHED
          order PROCESSING → COMPLETE
        ");
        assert_eq!(scene.file.invoices.len(), 1);
    }
    }
}

#[test]
fn d10_a_missing_series_refuses_and_leaves_no_trace() {
    let mut scene = loose(ItemStatus::Unfulfillable).lacking(&ALL_SERIES);
    let before = (scene.file.clone(), scene.stock_row());
    assert_snapshot!(scene.hear(&[says(Status::Dispatched)]), @"REFUSED D10 SEQUENCE_NOT_DEFINED: Sequence SALE_INVOICE is not defined for facility DEL1");
    assert_eq!((scene.file.clone(), scene.stock_row()), before);
    scene.define(SequenceKind::SaleInvoice);
    assert_snapshot!(scene.hear(&[says(Status::Dispatched)]), @"REFUSED D10 SEQUENCE_NOT_DEFINED: Sequence SHIPPING_PACKAGE is not defined for facility DEL1");
    assert_eq!((scene.file.clone(), scene.stock_row()), before);
    scene.define(SequenceKind::ShippingPackage);
    assert_snapshot!(scene.hear(&[says(Status::Dispatched)]), @"
    APPLIED D2: dispatched in SP101, invoice INV/0001
      package SP101 made (STATUS_SYNC)
      item O1-1 goes in package SP101
      invoice INV/0001 of package SP101 GENERATED
      stock A in DEL1: on hand -1
      item O1-1 UNFULFILLABLE → DISPATCHED
      package SP101 CREATED → DISPATCHED
      order PROCESSING → COMPLETE
    ");
}

#[test]
fn d10_a_package_that_exists_needs_no_package_series() {
    let mut scene = packed(PackageStatus::Created, 1).lacking(&[SequenceKind::ShippingPackage]);
    assert_snapshot!(scene.hear(&[says(Status::Dispatched)]), @"
    APPLIED D3: dispatched in SP90, invoice INV/0001
      invoice INV/0001 of package SP90 GENERATED
      stock A in DEL1: on hand -1 blocked -1
      item O1-1 FULFILLABLE → DISPATCHED
      package SP90 CREATED → DISPATCHED
      order PROCESSING → COMPLETE
    ");
}

#[test]
fn d10_the_billing_partys_series_are_meant_where_there_is_one() {
    let mut scene =
        loose(ItemStatus::Created).with(|scene| scene.policy.billing_party = Some("ACME-BP".into()));
    assert_snapshot!(scene.hear(&[says(Status::Dispatched)]), @"REFUSED D10 SEQUENCE_NOT_DEFINED: Sequence SALE_INVOICE is not defined for billing party ACME-BP");
}

#[test]
fn d10_one_refused_package_does_not_stop_the_packed_one_beside_it() {
    let mut scene = packed(PackageStatus::Packed, 1).loose(ItemStatus::Created).lacking(&ALL_SERIES);
    assert_snapshot!(scene.hear(&[says(Status::Dispatched).item("1"), says(Status::Dispatched).item("2")]), @"
    APPLIED D9: dispatched in SP90, invoice OLD/SP90
      stock A in DEL1: on hand -1 blocked -1
      item O1-1 FULFILLABLE → DISPATCHED
      package SP90 PACKED → DISPATCHED
    REFUSED D10 SEQUENCE_NOT_DEFINED: Sequence SALE_INVOICE is not defined for facility DEL1
    ");
    assert_snapshot!(scene.state(), @"
    order PROCESSING
    O1-1 DISPATCHED in SP90
    O1-2 CREATED
    SP90 DISPATCHED ALLOCATION, OLD/SP90
    SALE_INVOICE OLD/SP90 GENERATED of SP90 (O1-1)
    stock 9 blocked 0 shortfall 0
    ");
}

#[test]
fn d11_the_channels_invoice_number_is_adopted() {
    let numbered =
        |scene: &mut super::scene::Scene| scene.policy.invoice_numbering = InvoiceNumbering::Channel;
    let mut scene = loose(ItemStatus::Unfulfillable).lacking(&[SequenceKind::SaleInvoice]).with(numbered);
    assert_snapshot!(scene.hear(&[says(Status::Dispatched).invoice("FAB-2026-000000000123")]), @"
    APPLIED D2>D11: dispatched in SP101, invoice FAB-2026-000000000123
      package SP101 made (STATUS_SYNC)
      item O1-1 goes in package SP101
      invoice FAB-2026-000000000123 of package SP101 GENERATED
      stock A in DEL1: on hand -1
      item O1-1 UNFULFILLABLE → DISPATCHED
      package SP101 CREATED → DISPATCHED
      order PROCESSING → COMPLETE
    ");
    assert_snapshot!(scene.state(), @"
    order COMPLETE
    O1-1 DISPATCHED in SP101
    SP101 DISPATCHED STATUS_SYNC, FAB-2026-000000000123
    SALE_INVOICE FAB-2026-000000000123 GENERATED of SP101 (O1-1)
    stock 9 blocked 0 shortfall 0
    ");
    let mut no_package_series = loose(ItemStatus::Unfulfillable).lacking(&ALL_SERIES).with(numbered);
    assert_snapshot!(no_package_series.hear(&[says(Status::Dispatched).invoice("F1")]), @"REFUSED D10 SEQUENCE_NOT_DEFINED: Sequence SHIPPING_PACKAGE is not defined for facility DEL1");
}

#[test]
fn d11_a_number_that_comes_later_is_adopted_later() {
    let mut scene = packed(PackageStatus::Created, 1)
        .with(|scene| scene.policy.invoice_numbering = InvoiceNumbering::Channel);
    assert_snapshot!(scene.hear(&[says(Status::Dispatched)]), @"
    APPLIED D3: dispatched in SP90
      note: the channel has not told the invoice number of package SP90 yet
      stock A in DEL1: on hand -1 blocked -1
      item O1-1 FULFILLABLE → DISPATCHED
      package SP90 CREATED → DISPATCHED
      order PROCESSING → COMPLETE
    ");
    assert_snapshot!(scene.hear(&[says(Status::Dispatched).invoice("F1")]), @"
    UNCHANGED D15: Dispatched here already; blanks are filled in.
      invoice F1 of package SP90 GENERATED
    ");
}

#[test]
fn d12_a_number_against_the_law_refuses_and_leaves_no_trace() {
    for (prefix, next, why) in
        [("INV/2025-26/0000", 1, "too long"), ("INV ", 1, "bad character"), ("OLD/SP", 7, "already used")]
    {
        let mut scene = packed(PackageStatus::Created, 1);
        scene.file.invoices.extend(
            packed(PackageStatus::Packed, 1)
                .with(|other| other.file.invoices[0].number = "OLD/SP0007".to_owned())
                .file
                .invoices,
        );
        scene.define_as(super::series::series("DEL1", SequenceKind::SaleInvoice, prefix, next));
        let before = scene.file.clone();
        let told = scene.hear(&[says(Status::Dispatched)]);
        assert!(
            told.starts_with("REFUSED D12 INVOICE_NUMBER_INVALID: Invoice number ")
                && told.trim_end().ends_with(why),
            "{told}"
        );
        assert_eq!(scene.file, before);
        assert_eq!(scene.stock_row().on_hand, 10);
    }
}

#[test]
fn d13_units_with_barcodes_must_be_packed_here() {
    let traced = |scene: &mut super::scene::Scene| {
        let _ = scene.policy.traceability.insert("DEL1".into(), Traceability::Item);
    };
    assert_snapshot!(packed(PackageStatus::Picked, 1).with(traced).hear(&[says(Status::Dispatched)]), @"REFUSED D13 ITEM_NOT_PACKED: Shipment SP90 needs packed units (item traceability) before dispatch");
    assert_snapshot!(loose(ItemStatus::Unfulfillable).with(traced).hear(&[says(Status::Dispatched)]), @"REFUSED D13 ITEM_NOT_PACKED: Shipment of order O1 needs packed units (item traceability) before dispatch");
    assert_snapshot!(packed(PackageStatus::Packed, 1).with(traced).hear(&[says(Status::Dispatched)]), @"
    APPLIED D9: dispatched in SP90, invoice OLD/SP90
      stock A in DEL1: on hand -1 blocked -1
      item O1-1 FULFILLABLE → DISPATCHED
      package SP90 PACKED → DISPATCHED
      order PROCESSING → COMPLETE
    ");
    let by_product = |scene: &mut super::scene::Scene| {
        let _ = scene.policy.traceability.insert("DEL1".into(), Traceability::Sku);
    };
    assert_snapshot!(packed(PackageStatus::Created, 1).with(by_product).hear(&[says(Status::Dispatched)]), @"
    APPLIED D3: dispatched in SP90, invoice INV/0001
      invoice INV/0001 of package SP90 GENERATED
      stock A in DEL1: on hand -1 blocked -1
      item O1-1 FULFILLABLE → DISPATCHED
      package SP90 CREATED → DISPATCHED
      order PROCESSING → COMPLETE
    ");
}

#[test]
fn d14_without_a_facility_the_channels_default_is_used() {
    let nowhere = |scene: &mut super::scene::Scene| scene.item(1).facility = None;
    assert_snapshot!(loose(ItemStatus::Created).with(nowhere).hear(&[says(Status::Dispatched)]), @"REFUSED D14 FACILITY_NOT_ASSIGNED: Item O1-1 has no facility and channel FK1 has no default");
    let mut scene = loose(ItemStatus::Created)
        .with(nowhere)
        .with(|scene| scene.policy.default_facility = Some("DEL1".into()));
    assert_snapshot!(scene.hear(&[says(Status::Dispatched)]), @"
    APPLIED D6: dispatched in SP101, invoice INV/0001
      package SP101 made (STATUS_SYNC)
      item O1-1 goes in package SP101
      invoice INV/0001 of package SP101 GENERATED
      stock A in DEL1: on hand -1
      item O1-1 CREATED → DISPATCHED
      package SP101 CREATED → DISPATCHED
      order PROCESSING → COMPLETE
    ");
    assert_eq!(scene.item(1).facility, Some("DEL1".into()));
}

#[test]
fn d14_a_unit_goes_out_from_where_its_package_is() {
    let mut scene = packed(PackageStatus::Created, 1).with(|scene| scene.item(1).facility = None);
    assert_snapshot!(scene.hear(&[says(Status::Dispatched)]), @"
    APPLIED D3: dispatched in SP90, invoice INV/0001
      invoice INV/0001 of package SP90 GENERATED
      stock A in DEL1: on hand -1 blocked -1
      item O1-1 FULFILLABLE → DISPATCHED
      package SP90 CREATED → DISPATCHED
      order PROCESSING → COMPLETE
    ");
}

#[test]
fn d15_dispatched_already_fills_blanks_and_warns_of_another_waybill() {
    insta::allow_duplicates! {
    for status in [PackageStatus::Dispatched, PackageStatus::Shipped] {
        let mut scene = packed(status, 1);
        assert_snapshot!(scene.hear(&[says(Status::Dispatched).awb("EK1").on("2026-01-15")]), @"
        UNCHANGED D15: Dispatched here already; blanks are filled in.
          AWB of package SP90 is EK1
        ");
        assert_snapshot!(scene.hear(&[says(Status::Dispatched).awb("EK2")]), @"
        UNCHANGED D15: Dispatched here already; blanks are filled in.
          note: package SP90 has AWB EK1, the channel says EK2: not overwritten
        ");
        assert_snapshot!(scene.hear(&[says(Status::Dispatched).awb("EK2")]), @"UNCHANGED D15: Dispatched here already; blanks are filled in.");
        assert_eq!(scene.edit("SP90").awb.as_deref(), Some("EK1"));
        assert_eq!(scene.edit("SP90").dispatched_at, Some(at("2026-01-15")));
        assert_eq!(scene.edit("SP90").status, status);
    }
    }
}

#[test]
fn d16_what_is_further_along_is_stale() {
    let mut told = String::new();
    for status in [
        PackageStatus::Delivered,
        PackageStatus::ReturnExpected,
        PackageStatus::ReturnAcknowledged,
        PackageStatus::Returned,
    ] {
        let mut scene = packed(status, 1);
        told += &scene.hear(&[says(Status::Dispatched)]);
        assert_eq!(scene.edit("SP90").status, status);
    }
    assert_snapshot!(told, @"
    STALE D16: Further along here already than dispatched.
    STALE D16: Further along here already than dispatched.
    STALE D16: Further along here already than dispatched.
    STALE D16: Further along here already than dispatched.
    ");
}

#[test]
fn d17_dispatched_but_cancelled_here_is_a_conflict_raised_once() {
    let mut scene = packed(PackageStatus::Cancelled, 1);
    assert_snapshot!(scene.hear(&[says(Status::Dispatched)]), @"
    CONFLICT D17 DISPATCHED_BUT_CANCELLED_LOCALLY: Channel dispatched item O1-1 which is cancelled here
      conflict CF1 opened: DISPATCHED_BUT_CANCELLED_LOCALLY
    ");
    assert_snapshot!(scene.hear(&[says(Status::Dispatched).awb("EK1")]), @"CONFLICT D17 DISPATCHED_BUT_CANCELLED_LOCALLY: Channel dispatched item O1-1 which is cancelled here");
    assert_snapshot!(scene.state(), @"
    order CANCELLED
    O1-1 CANCELLED in SP90
    SP90 CANCELLED ALLOCATION, no invoice
    CF1 DISPATCHED_BUT_CANCELLED_LOCALLY open: Channel dispatched item O1-1 which is cancelled here
    stock 10 blocked 0 shortfall 0
    ");
}

#[test]
fn d17_a_cancelled_package_that_is_named_does_not_send_the_other_one() {
    let mut scene = packed(PackageStatus::Cancelled, 1)
        .package("SP91", PackageStatus::Created, 1)
        .with(|scene| scene.edit("SP90").channel_package_id = Some("P1".to_owned()));
    assert_snapshot!(scene.hear(&[says(Status::Dispatched).package("P1")]), @"
    CONFLICT D17 DISPATCHED_BUT_CANCELLED_LOCALLY: Channel dispatched item O1-1 which is cancelled here
      conflict CF1 opened: DISPATCHED_BUT_CANCELLED_LOCALLY
    ");
}

#[test]
fn d18_part_of_a_package_without_an_invoice_is_split_off() {
    let mut scene = packed(PackageStatus::Picking, 3);
    assert_snapshot!(scene.hear(&[says(Status::Dispatched).item("1"), says(Status::Dispatched).item("3")]), @"
    APPLIED D18: dispatched in SP101, invoice INV/0001
      package SP101 made (SPLIT)
      item O1-1 goes in package SP101
      item O1-3 goes in package SP101
      invoice INV/0001 of package SP101 GENERATED
      stock A in DEL1: on hand -1 blocked -1
      item O1-1 FULFILLABLE → DISPATCHED
      stock A in DEL1: on hand -1 blocked -1
      item O1-3 FULFILLABLE → DISPATCHED
      package SP101 PICKING → DISPATCHED
    APPLIED D18: dispatched in SP101, invoice INV/0001
    ");
    assert_snapshot!(scene.state(), @"
    order PROCESSING
    O1-1 DISPATCHED in SP101
    O1-2 FULFILLABLE in SP90
    O1-3 DISPATCHED in SP101
    SP90 PICKING ALLOCATION, no invoice
    SP101 DISPATCHED SPLIT, INV/0001
    SALE_INVOICE INV/0001 GENERATED of SP101 (O1-1, O1-3)
    stock 8 blocked 1 shortfall 0
    ");
}

#[test]
fn d19_part_of_an_invoiced_package_waits_for_the_rest() {
    let mut scene = packed(PackageStatus::Packed, 3);
    assert_snapshot!(scene.hear(&[says(Status::Dispatched).item("1")]), @"
    CONFLICT D19 PARTIAL_DISPATCH_OF_INVOICED_SHIPMENT: Channel dispatched part of invoiced package SP90: reported O1-1, missing O1-2, O1-3
      conflict CF1 opened: PARTIAL_DISPATCH_OF_INVOICED_SHIPMENT
    ");
    assert_snapshot!(scene.hear(&[says(Status::Dispatched).item("2")]), @"CONFLICT D19 PARTIAL_DISPATCH_OF_INVOICED_SHIPMENT: Channel dispatched part of invoiced package SP90: reported O1-1, O1-2, missing O1-3");
    assert_snapshot!(scene.hear(&[says(Status::Dispatched).item("3")]), @"
    APPLIED D9: dispatched in SP90, invoice OLD/SP90
      stock A in DEL1: on hand -1 blocked -1
      item O1-1 FULFILLABLE → DISPATCHED
      stock A in DEL1: on hand -1 blocked -1
      item O1-2 FULFILLABLE → DISPATCHED
      stock A in DEL1: on hand -1 blocked -1
      item O1-3 FULFILLABLE → DISPATCHED
      package SP90 PACKED → DISPATCHED
      conflict CF1 closed: PARTIAL_DISPATCH_OF_INVOICED_SHIPMENT
      order PROCESSING → COMPLETE
    ");
    assert_snapshot!(scene.state(), @"
    order COMPLETE
    O1-1 DISPATCHED in SP90
    O1-2 DISPATCHED in SP90
    O1-3 DISPATCHED in SP90
    SP90 DISPATCHED ALLOCATION, OLD/SP90
    SALE_INVOICE OLD/SP90 GENERATED of SP90 (O1-1, O1-2, O1-3)
    CF1 PARTIAL_DISPATCH_OF_INVOICED_SHIPMENT closed: Channel dispatched part of invoiced package SP90: reported O1-1, O1-2, missing O1-3
    stock 7 blocked 0 shortfall 0
    ");
}

#[test]
fn d20_one_package_here_for_each_of_the_channels() {
    let mut scene =
        loose(ItemStatus::Unfulfillable).loose(ItemStatus::Fulfillable).loose(ItemStatus::Created);
    let told = [
        says(Status::Dispatched).item("1").package("P1"),
        says(Status::Dispatched).item("2").package("P2"),
        says(Status::Dispatched).item("3").package("P1"),
    ];
    assert_snapshot!(scene.hear(&told), @"
    APPLIED D20>D2: dispatched in SP101, invoice INV/0001
      package SP101 made (STATUS_SYNC)
      item O1-1 goes in package SP101
      item O1-3 goes in package SP101
      invoice INV/0001 of package SP101 GENERATED
      stock A in DEL1: on hand -1
      item O1-1 UNFULFILLABLE → DISPATCHED
      stock A in DEL1: on hand -1
      item O1-3 CREATED → DISPATCHED
      package SP101 CREATED → DISPATCHED
      channel package id of package SP101 is P1
      order PROCESSING → COMPLETE
    APPLIED D20>D5: dispatched in SP102, invoice INV/0002
      package SP102 made (STATUS_SYNC)
      item O1-2 goes in package SP102
      invoice INV/0002 of package SP102 GENERATED
      stock A in DEL1: on hand -1 blocked -1
      item O1-2 FULFILLABLE → DISPATCHED
      package SP102 CREATED → DISPATCHED
      channel package id of package SP102 is P2
    APPLIED D20>D6: dispatched in SP101, invoice INV/0001
    ");
    assert_snapshot!(scene.state(), @"
    order COMPLETE
    O1-1 DISPATCHED in SP101
    O1-2 DISPATCHED in SP102
    O1-3 DISPATCHED in SP101
    SP101 DISPATCHED STATUS_SYNC, INV/0001
    SP102 DISPATCHED STATUS_SYNC, INV/0002
    SALE_INVOICE INV/0001 GENERATED of SP101 (O1-1, O1-3)
    SALE_INVOICE INV/0002 GENERATED of SP102 (O1-2)
    stock 7 blocked 0 shortfall 0
    ");
}

#[test]
fn d20_by_waybill_where_packages_have_no_id_and_a_package_of_ours_is_split() {
    let mut scene = packed(PackageStatus::Created, 2);
    let told = [says(Status::Dispatched).item("1").awb("EK1"), says(Status::Dispatched).item("2").awb("EK2")];
    assert_snapshot!(scene.hear(&told), @"
    APPLIED D20>D18: dispatched in SP101, invoice INV/0001
      package SP101 made (SPLIT)
      item O1-1 goes in package SP101
      invoice INV/0001 of package SP101 GENERATED
      stock A in DEL1: on hand -1 blocked -1
      item O1-1 FULFILLABLE → DISPATCHED
      package SP101 CREATED → DISPATCHED
      AWB of package SP101 is EK1
      order PROCESSING → COMPLETE
    APPLIED D20>D3: dispatched in SP90, invoice INV/0002
      invoice INV/0002 of package SP90 GENERATED
      stock A in DEL1: on hand -1 blocked -1
      item O1-2 FULFILLABLE → DISPATCHED
      package SP90 CREATED → DISPATCHED
      AWB of package SP90 is EK2
    ");
    assert_snapshot!(scene.state(), @"
    order COMPLETE
    O1-1 DISPATCHED in SP101
    O1-2 DISPATCHED in SP90
    SP90 DISPATCHED ALLOCATION, INV/0002 AWB EK2
    SP101 DISPATCHED SPLIT, INV/0001 AWB EK1
    SALE_INVOICE INV/0001 GENERATED of SP101 (O1-1)
    SALE_INVOICE INV/0002 GENERATED of SP90 (O1-2)
    stock 8 blocked 0 shortfall 0
    ");
}

#[test]
fn d20_units_in_no_package_join_those_of_the_same_package_of_the_channel() {
    let mut scene = packed(PackageStatus::Created, 2).loose(ItemStatus::Unfulfillable).stock(2, 2);
    let told = [
        says(Status::Dispatched).item("1").package("P1"),
        says(Status::Dispatched).item("2").package("P2"),
        says(Status::Dispatched).item("3").package("P2"),
    ];
    assert_snapshot!(scene.hear(&told), @"
    APPLIED D20>D18: dispatched in SP101, invoice INV/0001
      package SP101 made (SPLIT)
      item O1-1 goes in package SP101
      invoice INV/0001 of package SP101 GENERATED
      stock A in DEL1: on hand -1 blocked -1
      item O1-1 FULFILLABLE → DISPATCHED
      package SP101 CREATED → DISPATCHED
      channel package id of package SP101 is P1
      order PROCESSING → COMPLETE
    APPLIED D20>D3: dispatched in SP90, invoice INV/0002
      item O1-3 goes in package SP90
      invoice INV/0002 of package SP90 GENERATED
      stock A in DEL1: on hand -1 blocked -1
      item O1-2 FULFILLABLE → DISPATCHED
      stock A in DEL1: shortfall +1
      item O1-3 UNFULFILLABLE → DISPATCHED
      package SP90 CREATED → DISPATCHED
      channel package id of package SP90 is P2
    APPLIED D20>D1: dispatched in SP90, invoice INV/0002
    ");
    assert_snapshot!(scene.state(), @"
    order COMPLETE
    O1-1 DISPATCHED in SP101
    O1-2 DISPATCHED in SP90
    O1-3 DISPATCHED in SP90
    SP90 DISPATCHED ALLOCATION, INV/0002
    SP101 DISPATCHED SPLIT, INV/0001
    SALE_INVOICE INV/0001 GENERATED of SP101 (O1-1)
    SALE_INVOICE INV/0002 GENERATED of SP90 (O1-2, O1-3)
    stock 0 blocked 0 shortfall 1
    ");
}

#[test]
fn d20_none_named_is_one_for_each_facility() {
    let mut scene =
        loose(ItemStatus::Created).loose(ItemStatus::Created).loose(ItemStatus::Created).with(|scene| {
            scene.item(2).facility = Some("BLR1".into());
            scene.define_as(super::series::series("BLR1", SequenceKind::SaleInvoice, "B/", 1));
            scene.define_as(super::series::series("BLR1", SequenceKind::ShippingPackage, "BP", 1));
        });
    scene.hear(&[says(Status::Complete)]);
    assert_snapshot!(scene.state(), @"
    order COMPLETE
    O1-1 DISPATCHED in SP101
    O1-2 DISPATCHED in BP0001
    O1-3 DISPATCHED in SP101
    SP101 DISPATCHED STATUS_SYNC, INV/0001
    BP0001 DISPATCHED STATUS_SYNC, B/0001
    SALE_INVOICE INV/0001 GENERATED of SP101 (O1-1, O1-3)
    SALE_INVOICE B/0001 GENERATED of BP0001 (O1-2)
    stock 8 blocked 0 shortfall 0
    ");
}

#[test]
fn d20_quantities_of_several_packages_do_not_mix() {
    let mut scene = loose(ItemStatus::Created)
        .loose(ItemStatus::Created)
        .loose(ItemStatus::Created)
        .loose(ItemStatus::Created);
    for (number, sku) in [(1, "A"), (2, "A"), (3, "B"), (4, "B")] {
        scene.item(number).sku = sku.into();
    }
    let told = [
        says(Status::Dispatched).sku("A", 1).package("P1"),
        says(Status::Dispatched).sku("A", 1).package("P2"),
        says(Status::Dispatched).sku("B", 1).package("P1"),
        says(Status::Dispatched).sku("B", 1).package("P2"),
    ];
    scene.hear(&told);
    assert_snapshot!(scene.state(), @"
    order COMPLETE
    O1-1 DISPATCHED in SP101
    O1-2 DISPATCHED in SP102
    O1-3 DISPATCHED in SP101
    O1-4 DISPATCHED in SP102
    SP101 DISPATCHED STATUS_SYNC, INV/0001
    SP102 DISPATCHED STATUS_SYNC, INV/0002
    SALE_INVOICE INV/0001 GENERATED of SP101 (O1-1, O1-3)
    SALE_INVOICE INV/0002 GENERATED of SP102 (O1-2, O1-4)
    stock 8 blocked 0 shortfall 0
    ");
}

#[test]
fn d21_quantities_are_totals_and_the_most_advanced_go_first() {
    let mut scene =
        loose(ItemStatus::Created).package("SP90", PackageStatus::Packed, 1).loose(ItemStatus::Fulfillable);
    assert_snapshot!(scene.hear(&[says(Status::Dispatched).sku("A", 1)]), @"
    APPLIED D21>D9: dispatched in SP90, invoice OLD/SP90
      stock A in DEL1: on hand -1 blocked -1
      item O1-2 FULFILLABLE → DISPATCHED
      package SP90 PACKED → DISPATCHED
    ");
    assert_snapshot!(scene.hear(&[says(Status::Dispatched).sku("A", 2)]), @"
    APPLIED D21>D5: dispatched in SP101, invoice INV/0001
      package SP101 made (STATUS_SYNC)
      item O1-3 goes in package SP101
      invoice INV/0001 of package SP101 GENERATED
      stock A in DEL1: on hand -1 blocked -1
      item O1-3 FULFILLABLE → DISPATCHED
      package SP101 CREATED → DISPATCHED
    ");
    assert_snapshot!(scene.hear(&[says(Status::Dispatched).sku("A", 2).on("2026-01-16")]), @"UNCHANGED D21>D15: Dispatched here already; blanks are filled in.");
    assert_snapshot!(scene.state(), @"
    order PROCESSING
    O1-1 CREATED
    O1-2 DISPATCHED in SP90
    O1-3 DISPATCHED in SP101
    SP90 DISPATCHED ALLOCATION, OLD/SP90
    SP101 DISPATCHED STATUS_SYNC, INV/0001
    SALE_INVOICE OLD/SP90 GENERATED of SP90 (O1-2)
    SALE_INVOICE INV/0001 GENERATED of SP101 (O1-3)
    stock 8 blocked 0 shortfall 0
    ");
}

#[test]
fn d22_complete_leaves_cancelled_items_cancelled() {
    let mut scene = packed(PackageStatus::Created, 1).loose(ItemStatus::Cancelled);
    assert_snapshot!(scene.hear(&[says(Status::Complete)]), @"
    APPLIED D22>D3: dispatched in SP90, invoice INV/0001
      invoice INV/0001 of package SP90 GENERATED
      stock A in DEL1: on hand -1 blocked -1
      item O1-1 FULFILLABLE → DISPATCHED
      package SP90 CREATED → DISPATCHED
      order PROCESSING → COMPLETE
    ");
}

#[test]
fn d23_packed_on_the_panel_is_only_noted() {
    let mut scene = packed(PackageStatus::Created, 1);
    assert_snapshot!(scene.hear(&[says(Status::Packed), says(Status::ReadyToShip)]), @"
    UNCHANGED D23: Being processed on the marketplace's panel; nothing has left yet.
    UNCHANGED D23: Being processed on the marketplace's panel; nothing has left yet.
    ");
    assert_snapshot!(scene.state(), @"
    order PROCESSING
    O1-1 FULFILLABLE in SP90 (being processed on the panel: ready_to_ship)
    SP90 CREATED ALLOCATION, no invoice
    stock 10 blocked 1 shortfall 0
    ");
}

#[test]
fn d24_the_rest_of_a_held_package_is_invoiced_again() {
    let mut scene = packed(PackageStatus::ReadyToShip, 2);
    scene.hear(&[says(Status::Cancelled).item("1")]);
    assert_eq!(scene.edit("SP90").hold, Some(Hold::ContainsCancelledItems));
    assert_snapshot!(scene.hear(&[says(Status::Dispatched).item("2")]), @"
    APPLIED D24: dispatched in SP90, invoice INV/0001
      invoice OLD/SP90 of package SP90 CANCELLED
      invoice INV/0001 of package SP90 GENERATED
      package SP90 no longer held
      stock A in DEL1: on hand -1 blocked -1
      item O1-2 FULFILLABLE → DISPATCHED
      package SP90 READY_TO_SHIP → DISPATCHED
      order PROCESSING → COMPLETE
    ");
    assert_snapshot!(scene.state(), @"
    order COMPLETE
    O1-1 CANCELLED in SP90
    O1-2 DISPATCHED in SP90
    SP90 DISPATCHED ALLOCATION, INV/0001
    SALE_INVOICE OLD/SP90 CANCELLED of SP90 (O1-1, O1-2)
    SALE_INVOICE INV/0001 GENERATED of SP90 (O1-2)
    PA1 PUTAWAY_CANCELLED_ITEM O1-1 DUE
    stock 9 blocked 1 shortfall 0
    ");
}

#[test]
fn d24_the_channel_keeps_its_number_or_gives_a_new_one() {
    let held = || {
        let mut scene = packed(PackageStatus::Packed, 2)
            .with(|scene| scene.policy.invoice_numbering = InvoiceNumbering::Channel);
        scene.hear(&[says(Status::Cancelled).item("1")]);
        scene
    };
    let mut kept = held();
    assert!(
        kept.hear(&[says(Status::Dispatched).item("2")])
            .starts_with("APPLIED D24: dispatched in SP90, invoice OLD/SP90")
    );
    let mut renumbered = held();
    assert_snapshot!(renumbered.hear(&[says(Status::Dispatched).item("2").invoice("F2")]), @"
    APPLIED D24: dispatched in SP90, invoice F2
      invoice OLD/SP90 of package SP90 CANCELLED
      invoice F2 of package SP90 GENERATED
      package SP90 no longer held
      stock A in DEL1: on hand -1 blocked -1
      item O1-2 FULFILLABLE → DISPATCHED
      package SP90 PACKED → DISPATCHED
      order PROCESSING → COMPLETE
    ");
}

#[test]
fn d3_a_year_boundary_between_dispatch_and_invoice_is_a_warning() {
    let mut scene = packed(PackageStatus::Created, 1).with(|scene| scene.policy.now = at("2026-04-02"));
    assert_snapshot!(scene.hear(&[says(Status::Dispatched).on("2026-03-30")]), @"
    APPLIED D3: dispatched in SP90, invoice INV/0001
      note: the channel dispatched on 2026-03-30, the invoice belongs to financial year 2026-27
      invoice INV/0001 of package SP90 GENERATED
      stock A in DEL1: on hand -1 blocked -1
      item O1-1 FULFILLABLE → DISPATCHED
      package SP90 CREATED → DISPATCHED
      order PROCESSING → COMPLETE
    ");
    assert_eq!(scene.file.invoices[0].date.to_string(), "2026-04-02");
}

#[test]
fn d1_and_d3_meet_in_one_order() {
    let mut scene = scene().package("SP90", PackageStatus::Created, 1).loose(ItemStatus::Unfulfillable);
    assert_snapshot!(scene.hear(&[says(Status::Complete)]), @"
    APPLIED D3: dispatched in SP90, invoice INV/0001
      invoice INV/0001 of package SP90 GENERATED
      stock A in DEL1: on hand -1 blocked -1
      item O1-1 FULFILLABLE → DISPATCHED
      package SP90 CREATED → DISPATCHED
      package SP101 made (STATUS_SYNC)
      item O1-2 goes in package SP101
      invoice INV/0002 of package SP101 GENERATED
      stock A in DEL1: on hand -1
      item O1-2 UNFULFILLABLE → DISPATCHED
      package SP101 CREATED → DISPATCHED
      order PROCESSING → COMPLETE
    ");
    assert_snapshot!(scene.state(), @"
    order COMPLETE
    O1-1 DISPATCHED in SP90
    O1-2 DISPATCHED in SP101
    SP90 DISPATCHED ALLOCATION, INV/0001
    SP101 DISPATCHED STATUS_SYNC, INV/0002
    SALE_INVOICE INV/0001 GENERATED of SP90 (O1-1)
    SALE_INVOICE INV/0002 GENERATED of SP101 (O1-2)
    stock 8 blocked 0 shortfall 0
    ");
}

#[test]
fn d3_a_block_that_is_gone_is_not_taken_again() {
    let mut scene = packed(PackageStatus::Created, 1).stock(3, 0);
    assert_snapshot!(scene.hear(&[says(Status::Dispatched)]), @"
    APPLIED D3: dispatched in SP90, invoice INV/0001
      invoice INV/0001 of package SP90 GENERATED
      stock A in DEL1: on hand -1
      item O1-1 FULFILLABLE → DISPATCHED
      package SP90 CREATED → DISPATCHED
      order PROCESSING → COMPLETE
    ");
}

#[test]
fn d15_an_empty_text_fills_nothing() {
    let mut scene = packed(PackageStatus::Dispatched, 1);
    assert_snapshot!(scene.hear(&[says(Status::Dispatched).awb("")]), @"UNCHANGED D15: Dispatched here already; blanks are filled in.");
    assert_eq!(scene.edit("SP90").awb, None);
}

#[test]
fn d20_a_unit_in_no_package_joins_another_only_where_the_channel_names_the_package() {
    let units = || loose(ItemStatus::Created).package("SP90", PackageStatus::Created, 1);
    let mut named = units();
    named.hear(&[says(Status::Dispatched).package("P1")]);
    assert_eq!(named.item(1).package, Some("SP90".into()));
    let mut nameless = units();
    nameless.hear(&[says(Status::Dispatched)]);
    assert_eq!(
        (nameless.item(1).package.clone(), nameless.item(2).package.clone()),
        (Some("SP101".into()), Some("SP90".into()))
    );
}

#[test]
fn d21_what_is_cancelled_in_the_same_answer_is_not_counted_among_what_was_sent() {
    let mut scene = loose(ItemStatus::Created).loose(ItemStatus::Created).loose(ItemStatus::Created);
    scene.hear(&[
        says(Status::Dispatched).sku("A", 1).package("P1"),
        says(Status::Dispatched).sku("A", 1).package("P2"),
        says(Status::Cancelled).sku("A", 1),
    ]);
    let sent: Vec<_> = scene
        .file
        .order
        .items
        .iter()
        .map(|item| {
            scene.file.order.living_package_of(item).and_then(|package| package.channel_package_id.as_deref())
        })
        .collect();
    assert_eq!(sent, [None, Some("P1"), Some("P2")]);
}

#[test]
fn d23_the_orders_state_is_told_with_the_word_that_moved_it() {
    let mut scene = packed(PackageStatus::Created, 1);
    assert_snapshot!(scene.hear(&[says(Status::Packed), says(Status::Dispatched)]), @"
    UNCHANGED D23: Being processed on the marketplace's panel; nothing has left yet.
    APPLIED D3: dispatched in SP90, invoice INV/0001
      invoice INV/0001 of package SP90 GENERATED
      stock A in DEL1: on hand -1 blocked -1
      item O1-1 FULFILLABLE → DISPATCHED
      package SP90 CREATED → DISPATCHED
      order PROCESSING → COMPLETE
    ");
}
