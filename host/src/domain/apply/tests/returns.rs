//! Rows R1–R18.

use insta::assert_snapshot;
use plugin_api::{Observation, ReturnFact, ReturnKind, Status};

use super::{
    super::{Fact, Outcome, Row, Verdict, apply},
    scene::{ALL_SERIES, Words, at, loose, packed, says},
};
use crate::domain::{
    duties::{Decision, Putaway, PutawayStatus, PutawayType, Quality},
    invoice::SequenceKind,
    order::{ItemStatus, PackageStatus},
};

fn cir(status: Status, id: &str) -> Observation {
    says(status).ret(id, Some(ReturnKind::Cir))
}

fn rto(status: Status) -> Observation {
    says(status).ret("", Some(ReturnKind::Rto))
}

#[test]
fn r1_a_courier_return_opens_an_rto_with_its_data() {
    let mut scene = packed(PackageStatus::Shipped, 2);
    let mut said = rto(Status::CourierReturn).on("2026-01-16").raw("RTO_INIT");
    said.ret = Some(ReturnFact {
        kind: Some(ReturnKind::Rto),
        reason: Some("Buyer refused".to_owned()),
        awb: Some("RT1".to_owned()),
        courier: Some("Ekart".to_owned()),
        id: None,
    });
    assert_snapshot!(scene.hear(&[said]), @"
    APPLIED R1: package SP90 is on its way back
      RTO SP90 NOT_RECEIVED (O1-1, O1-2)
      package SP90 SHIPPED → RETURN_EXPECTED
    ");
    assert_snapshot!(scene.state(), @r#"
    order COMPLETE
    O1-1 DISPATCHED in SP90
    O1-2 DISPATCHED in SP90
    SP90 RETURN_EXPECTED ALLOCATION, OLD/SP90
    RTO SP90 NOT_RECEIVED (O1-1, O1-2) reason "Buyer refused" AWB "RT1" courier "Ekart" at "2026-01-16T00:00:00Z" flag ""
    SALE_INVOICE OLD/SP90 GENERATED of SP90 (O1-1, O1-2)
    stock 10 blocked 0 shortfall 0
    "#);
}

#[test]
fn r1_blank_reason_and_courier_fall_back_and_never_overwrite() {
    let mut scene = packed(PackageStatus::Shipped, 1);
    let said = Observation {
        courier: Some("Ekart".to_owned()),
        ..rto(Status::CourierReturn).raw("COURIER_RETURN-STARTED")
    };
    scene.hear(&[said]);
    scene.hear(&[rto(Status::CourierReturn).raw("later word")]);
    assert_snapshot!(scene.state(), @r#"
    order COMPLETE
    O1-1 DISPATCHED in SP90
    SP90 RETURN_EXPECTED ALLOCATION, OLD/SP90
    RTO SP90 NOT_RECEIVED (O1-1) reason "COURIER_RETURN-STARTED" AWB "" courier "Ekart" at "" flag ""
    SALE_INVOICE OLD/SP90 GENERATED of SP90 (O1-1)
    stock 10 blocked 0 shortfall 0
    "#);
}

#[test]
fn r2_back_at_the_seller_waits_for_the_putaway() {
    let mut scene = packed(PackageStatus::ReturnExpected, 2);
    assert_snapshot!(scene.hear(&[rto(Status::Returned).on("2026-01-18")]), @"
    APPLIED R2: package SP90 is back and has to be put away
      RTO SP90 NOT_RECEIVED (O1-1, O1-2)
      package SP90 RETURN_EXPECTED → RETURNED
      item O1-1 DISPATCHED → RETURNED
      putaway PA1 due for item O1-1 (PUTAWAY_COURIER_RETURNED_ITEMS)
      item O1-2 DISPATCHED → RETURNED
      putaway PA2 due for item O1-2 (PUTAWAY_COURIER_RETURNED_ITEMS)
    ");
    assert_snapshot!(scene.state(), @r#"
    order COMPLETE
    O1-1 RETURNED in SP90
    O1-2 RETURNED in SP90
    SP90 RETURNED ALLOCATION, OLD/SP90
    RTO SP90 NOT_RECEIVED (O1-1, O1-2) reason "returned" AWB "" courier "" at "2026-01-18T00:00:00Z" flag ""
    SALE_INVOICE OLD/SP90 GENERATED of SP90 (O1-1, O1-2)
    PA1 PUTAWAY_COURIER_RETURNED_ITEMS O1-1 DUE
    PA2 PUTAWAY_COURIER_RETURNED_ITEMS O1-2 DUE
    stock 10 blocked 0 shortfall 0
    "#);
    assert!(scene.file.order.is_returned_not_received());
    assert_snapshot!(scene.put_away("PA1", Quality::Good), @"
    stock A in DEL1: on hand +1
    note: putaway PA1 of item O1-1 is complete: GOOD_INVENTORY
    ");
    assert_snapshot!(scene.put_away("PA2", Quality::Bad), @"
    note: putaway PA2 of item O1-2 is complete: BAD_INVENTORY
    RTO SP90 RECEIVED (O1-1, O1-2)
    ");
    assert!(!scene.file.order.is_returned_not_received());
    assert_snapshot!(scene.state(), @r#"
    order COMPLETE
    O1-1 RETURNED in SP90
    O1-2 RETURNED in SP90
    SP90 RETURNED ALLOCATION, OLD/SP90
    RTO SP90 RECEIVED (O1-1, O1-2) reason "returned" AWB "" courier "" at "2026-01-18T00:00:00Z" flag ""
    SALE_INVOICE OLD/SP90 GENERATED of SP90 (O1-1, O1-2)
    PA1 PUTAWAY_COURIER_RETURNED_ITEMS O1-1 COMPLETE
    PA2 PUTAWAY_COURIER_RETURNED_ITEMS O1-2 COMPLETE
    stock 11 blocked 0 shortfall 0
    "#);
}

#[test]
fn r3_the_warehouse_was_first_and_nothing_is_put_away_twice() {
    let mut scene = packed(PackageStatus::ReturnAcknowledged, 1).with(|scene| {
        scene.file.putaways.push(Putaway {
            code: "PA1".to_owned(),
            kind: PutawayType::CourierReturnedItems,
            item: "O1-1".into(),
            package: Some("SP90".into()),
            status: PutawayStatus::Complete,
            quality: Some(Quality::Good),
        });
    });
    assert_snapshot!(scene.hear(&[rto(Status::Returned)]), @"
    APPLIED R3: package SP90 is back and has to be put away
      RTO SP90 NOT_RECEIVED (O1-1)
      package SP90 RETURN_ACKNOWLEDGED → RETURNED
      item O1-1 DISPATCHED → RETURNED
      RTO SP90 RECEIVED (O1-1)
    ");
    assert_eq!(scene.file.putaways.len(), 1);
    assert_snapshot!(packed(PackageStatus::ReturnAcknowledged, 1).hear(&[rto(Status::Returned)]), @"
    APPLIED R3: package SP90 is back and has to be put away
      RTO SP90 NOT_RECEIVED (O1-1)
      package SP90 RETURN_ACKNOWLEDGED → RETURNED
      item O1-1 DISPATCHED → RETURNED
      putaway PA1 due for item O1-1 (PUTAWAY_COURIER_RETURNED_ITEMS)
    ");
}

#[test]
fn r4_a_buyers_return_opens_a_reverse_pickup_for_exactly_those_items() {
    let mut scene = packed(PackageStatus::Delivered, 2);
    assert_snapshot!(scene.hear(&[cir(Status::ReturnRequested, "RR1").item("2")]), @"
    APPLIED R4: the buyer sends item O1-2 back, return RR1
      CIR RR1 CREATED (O1-2)
    ");
    assert_snapshot!(scene.state(), @r#"
    order COMPLETE
    O1-1 DELIVERED in SP90
    O1-2 DELIVERED in SP90
    SP90 DELIVERED ALLOCATION, OLD/SP90
    CIR RR1 CREATED (O1-2) reason "" AWB "" courier "" at "" flag ""
    SALE_INVOICE OLD/SP90 GENERATED of SP90 (O1-1, O1-2)
    stock 10 blocked 0 shortfall 0
    "#);
    assert_snapshot!(packed(PackageStatus::Dispatched, 1).hear(&[cir(Status::ReturnRequested, "RR1")]), @"
    APPLIED R4: the buyer sends item O1-1 back, return RR1
      CIR RR1 CREATED (O1-1)
    ");
}

#[test]
fn r5_a_unit_that_comes_back_with_a_return_of_others_joins_it() {
    let mut scene = packed(PackageStatus::Delivered, 2);
    scene.hear(&[cir(Status::ReturnRequested, "RR1").item("2")]);
    assert_snapshot!(scene.hear(&[cir(Status::Returned, "RR1").item("1")]), @"
    APPLIED R5: return RR1 is back, credited by RET/0001
      CIR RR1 CREATED (O1-2, O1-1)
      return invoice RET/0001 of package SP90 GENERATED
      item O1-1 DELIVERED → RETURNED
      putaway PA1 due for item O1-1 (PUTAWAY_REVERSE_PICKUP_ITEM)
    ");
    assert_snapshot!(scene.hear(&[cir(Status::Returned, "RR1").item("2")]), @"
    APPLIED R5: return RR1 is back, credited by RET/0002
      return invoice RET/0002 of package SP90 GENERATED
      invoice OLD/SP90 of package SP90 CREDITED
      item O1-2 DELIVERED → RETURNED
      putaway PA2 due for item O1-2 (PUTAWAY_REVERSE_PICKUP_ITEM)
      CIR RR1 COMPLETE (O1-2, O1-1)
      package SP90 DELIVERED → RETURNED
    ");
}

#[test]
fn r5_a_completed_return_is_credited_against_its_own_packages_invoice() {
    let mut scene = packed(PackageStatus::Delivered, 2);
    scene.hear(&[cir(Status::ReturnRequested, "RR1").item("2")]);
    assert_snapshot!(scene.hear(&[cir(Status::Returned, "RR1").item("2")]), @"
    APPLIED R5: return RR1 is back, credited by RET/0001
      return invoice RET/0001 of package SP90 GENERATED
      item O1-2 DELIVERED → RETURNED
      putaway PA1 due for item O1-2 (PUTAWAY_REVERSE_PICKUP_ITEM)
      CIR RR1 COMPLETE (O1-2)
    ");
    assert_snapshot!(scene.state(), @r#"
    order COMPLETE
    O1-1 DELIVERED in SP90
    O1-2 RETURNED in SP90
    SP90 DELIVERED ALLOCATION, OLD/SP90
    CIR RR1 COMPLETE (O1-2) reason "" AWB "" courier "" at "" flag ""
    SALE_INVOICE OLD/SP90 GENERATED of SP90 (O1-1, O1-2)
    SALE_RETURN_INVOICE RET/0001 GENERATED of SP90 against OLD/SP90 (O1-2)
    PA1 PUTAWAY_REVERSE_PICKUP_ITEM O1-2 DUE
    stock 10 blocked 0 shortfall 0
    "#);
    assert_snapshot!(scene.hear(&[cir(Status::Returned, "RR2").item("1")]), @"
    APPLIED R5: return RR2 is back, credited by RET/0002
      CIR RR2 CREATED (O1-1)
      return invoice RET/0002 of package SP90 GENERATED
      invoice OLD/SP90 of package SP90 CREDITED
      item O1-1 DELIVERED → RETURNED
      putaway PA2 due for item O1-1 (PUTAWAY_REVERSE_PICKUP_ITEM)
      CIR RR2 COMPLETE (O1-1)
      package SP90 DELIVERED → RETURNED
    ");
    assert_snapshot!(scene.state(), @r#"
    order COMPLETE
    O1-1 RETURNED in SP90
    O1-2 RETURNED in SP90
    SP90 RETURNED ALLOCATION, OLD/SP90
    CIR RR1 COMPLETE (O1-2) reason "" AWB "" courier "" at "" flag ""
    CIR RR2 COMPLETE (O1-1) reason "" AWB "" courier "" at "" flag ""
    SALE_INVOICE OLD/SP90 CREDITED of SP90 (O1-1, O1-2)
    SALE_RETURN_INVOICE RET/0001 GENERATED of SP90 against OLD/SP90 (O1-2)
    SALE_RETURN_INVOICE RET/0002 GENERATED of SP90 against OLD/SP90 (O1-1)
    PA1 PUTAWAY_REVERSE_PICKUP_ITEM O1-2 DUE
    PA2 PUTAWAY_REVERSE_PICKUP_ITEM O1-1 DUE
    stock 10 blocked 0 shortfall 0
    "#);
    assert_snapshot!(scene.put_away("PA1", Quality::Good), @"
    stock A in DEL1: on hand +1
    note: putaway PA1 of item O1-2 is complete: GOOD_INVENTORY
    ");
}

#[test]
fn r6_without_the_return_series_the_return_stays_open() {
    let mut scene = packed(PackageStatus::Delivered, 1).lacking(&[SequenceKind::SaleReturnInvoice]);
    scene.hear(&[cir(Status::ReturnRequested, "RR1")]);
    let before = (scene.file.clone(), scene.stock_row());
    assert_snapshot!(scene.hear(&[cir(Status::Returned, "RR1")]), @"REFUSED R6 SEQUENCE_NOT_DEFINED: Sequence SALE_RETURN_INVOICE is not defined for facility DEL1");
    assert_eq!((scene.file.clone(), scene.stock_row()), before);
    scene.define(SequenceKind::SaleReturnInvoice);
    assert_snapshot!(scene.hear(&[cir(Status::Returned, "RR1")]), @"
    APPLIED R5: return RR1 is back, credited by RET/0001
      return invoice RET/0001 of package SP90 GENERATED
      invoice OLD/SP90 of package SP90 CREDITED
      item O1-1 DELIVERED → RETURNED
      putaway PA1 due for item O1-1 (PUTAWAY_REVERSE_PICKUP_ITEM)
      CIR RR1 COMPLETE (O1-1)
      package SP90 DELIVERED → RETURNED
    ");
}

#[test]
fn r6_takes_a_dispatch_that_was_made_up_for_back_with_it() {
    let mut scene = loose(ItemStatus::Created).lacking(&[SequenceKind::SaleReturnInvoice]);
    let before = (scene.file.clone(), scene.stock_row());
    assert_snapshot!(scene.hear(&[cir(Status::Returned, "RR1")]), @"REFUSED R6 SEQUENCE_NOT_DEFINED: Sequence SALE_RETURN_INVOICE is not defined for facility DEL1");
    assert_eq!((scene.file.clone(), scene.stock_row()), before);
}

#[test]
fn r7_a_missed_dispatch_is_made_up_for_first() {
    assert_snapshot!(loose(ItemStatus::Created).hear(&[says(Status::CourierReturn)]), @"
    APPLIED D6>R7>R1: dispatched in SP101, invoice INV/0001; package SP101 is on its way back
      package SP101 made (STATUS_SYNC)
      item O1-1 goes in package SP101
      invoice INV/0001 of package SP101 GENERATED
      stock A in DEL1: on hand -1
      item O1-1 CREATED → DISPATCHED
      package SP101 CREATED → DISPATCHED
      RTO SP101 NOT_RECEIVED (O1-1)
      package SP101 DISPATCHED → RETURN_EXPECTED
      order PROCESSING → COMPLETE
    ");
    assert_snapshot!(loose(ItemStatus::Created).hear(&[says(Status::RtoDelivered)]), @"
    APPLIED D6>R7>R2: dispatched in SP101, invoice INV/0001; package SP101 is back and has to be put away
      package SP101 made (STATUS_SYNC)
      item O1-1 goes in package SP101
      invoice INV/0001 of package SP101 GENERATED
      stock A in DEL1: on hand -1
      item O1-1 CREATED → DISPATCHED
      package SP101 CREATED → DISPATCHED
      RTO SP101 NOT_RECEIVED (O1-1)
      package SP101 DISPATCHED → RETURNED
      item O1-1 DISPATCHED → RETURNED
      putaway PA1 due for item O1-1 (PUTAWAY_COURIER_RETURNED_ITEMS)
      order PROCESSING → COMPLETE
    ");
    assert_snapshot!(loose(ItemStatus::Created).hear(&[cir(Status::ReturnRequested, "RR1")]), @"
    APPLIED D6>R7>R4: dispatched in SP101, invoice INV/0001; the buyer sends item O1-1 back, return RR1
      package SP101 made (STATUS_SYNC)
      item O1-1 goes in package SP101
      invoice INV/0001 of package SP101 GENERATED
      stock A in DEL1: on hand -1
      item O1-1 CREATED → DISPATCHED
      package SP101 CREATED → DISPATCHED
      CIR RR1 CREATED (O1-1)
      order PROCESSING → COMPLETE
    ");
    assert_snapshot!(loose(ItemStatus::Created).hear(&[cir(Status::Returned, "RR1")]), @"
    APPLIED D6>R7>R5: dispatched in SP101, invoice INV/0001; return RR1 is back, credited by RET/0001
      package SP101 made (STATUS_SYNC)
      item O1-1 goes in package SP101
      invoice INV/0001 of package SP101 GENERATED
      stock A in DEL1: on hand -1
      item O1-1 CREATED → DISPATCHED
      package SP101 CREATED → DISPATCHED
      CIR RR1 CREATED (O1-1)
      return invoice RET/0001 of package SP101 GENERATED
      invoice INV/0001 of package SP101 CREDITED
      item O1-1 DISPATCHED → RETURNED
      putaway PA1 due for item O1-1 (PUTAWAY_REVERSE_PICKUP_ITEM)
      CIR RR1 COMPLETE (O1-1)
      package SP101 DISPATCHED → RETURNED
      order PROCESSING → COMPLETE
    ");
    let mut refused = loose(ItemStatus::Created).lacking(&ALL_SERIES);
    let before = refused.file.clone();
    assert_snapshot!(refused.hear(&[says(Status::CourierReturn)]), @"REFUSED D10 SEQUENCE_NOT_DEFINED: Sequence SALE_INVOICE is not defined for facility DEL1");
    assert_eq!(refused.file, before);
}

#[test]
fn r8_the_windows_last_day_counts_and_the_next_does_not() {
    // Now is 20 January, 10:00.
    let mut scene = packed(PackageStatus::Shipped, 1);
    assert_snapshot!(scene.hear(&[says(Status::CourierReturn).on("2025-12-21T09:59:59.999Z")]), @"IGNORED R8 OUTSIDE_RETURN_WINDOW: the return of 2025-12-21T09:59:59.999Z on channel FK1 is older than 30 days");
    let wider = |scene: &mut super::scene::Scene| scene.policy.return_window_ms = 60 * 86_400_000;
    assert_snapshot!(packed(PackageStatus::Shipped, 1).with(wider).hear(&[says(Status::CourierReturn).on("2025-12-21")]), @"
    APPLIED R1: package SP90 is on its way back
      RTO SP90 NOT_RECEIVED (O1-1)
      package SP90 SHIPPED → RETURN_EXPECTED
    ");
    assert_snapshot!(scene.hear(&[says(Status::CourierReturn).on("2025-12-21T10:00:00Z")]), @"
    APPLIED R1: package SP90 is on its way back
      RTO SP90 NOT_RECEIVED (O1-1)
      package SP90 SHIPPED → RETURN_EXPECTED
    ");
}

#[test]
fn r8_what_has_waited_is_measured_from_when_it_was_first_seen() {
    let scene = packed(PackageStatus::Shipped, 1);
    let mut ledger = scene.ledger.clone();
    let old =
        Fact { observation: says(Status::CourierReturn).on("2025-12-01"), seen_at: Some(at("2025-12-05")) };
    let decision = apply(&scene.file, &mut ledger, &scene.policy, &[old]);
    assert_eq!(decision.verdicts[0].outcome, Outcome::Applied);
    assert_eq!(decision.verdicts[0].rows, [Row::R1]);
}

#[test]
fn r9_the_same_return_again_fills_blanks() {
    let mut scene = packed(PackageStatus::Delivered, 1);
    scene.hear(&[cir(Status::ReturnRequested, "RR1")]);
    let mut later = cir(Status::ReturnRequested, "RR1");
    if let Some(ret) = &mut later.ret {
        ret.reason = Some("Too small".to_owned());
        ret.awb = Some("RV1".to_owned());
    }
    assert_snapshot!(scene.hear(&[later.clone()]), @"
    UNCHANGED R9: This return is known; blanks are filled in.
      reason of return RR1 is Too small
      AWB of return RR1 is RV1
    ");
    assert_snapshot!(scene.hear(&[later]), @"UNCHANGED R9: This return is known; blanks are filled in.");
    assert_eq!(scene.file.order.returns.len(), 1);
}

#[test]
fn r10_one_return_over_two_packages_is_one_record_and_one_invoice_each() {
    let mut scene = packed(PackageStatus::Delivered, 1).package("SP91", PackageStatus::Delivered, 1);
    assert_snapshot!(scene.hear(&[cir(Status::ReturnRequested, "RR1")]), @"
    APPLIED R10>R4: the buyer sends item O1-1 back, return RR1
      CIR RR1 CREATED (O1-1)
      CIR RR1 CREATED (O1-2)
    ");
    assert_snapshot!(scene.hear(&[cir(Status::Returned, "RR1")]), @"
    APPLIED R10>R5: return RR1 is back, credited by RET/0001
      return invoice RET/0001 of package SP90 GENERATED
      invoice OLD/SP90 of package SP90 CREDITED
      item O1-1 DELIVERED → RETURNED
      putaway PA1 due for item O1-1 (PUTAWAY_REVERSE_PICKUP_ITEM)
      CIR RR1 COMPLETE (O1-1)
      package SP90 DELIVERED → RETURNED
      return invoice RET/0002 of package SP91 GENERATED
      invoice OLD/SP91 of package SP91 CREDITED
      item O1-2 DELIVERED → RETURNED
      putaway PA2 due for item O1-2 (PUTAWAY_REVERSE_PICKUP_ITEM)
      CIR RR1 COMPLETE (O1-2)
      package SP91 DELIVERED → RETURNED
    ");
    assert_snapshot!(scene.state(), @r#"
    order COMPLETE
    O1-1 RETURNED in SP90
    O1-2 RETURNED in SP91
    SP90 RETURNED ALLOCATION, OLD/SP90
    SP91 RETURNED ALLOCATION, OLD/SP91
    CIR RR1 COMPLETE (O1-1) reason "" AWB "" courier "" at "" flag ""
    CIR RR1 COMPLETE (O1-2) reason "" AWB "" courier "" at "" flag ""
    SALE_INVOICE OLD/SP90 CREDITED of SP90 (O1-1)
    SALE_INVOICE OLD/SP91 CREDITED of SP91 (O1-2)
    SALE_RETURN_INVOICE RET/0001 GENERATED of SP90 against OLD/SP90 (O1-1)
    SALE_RETURN_INVOICE RET/0002 GENERATED of SP91 against OLD/SP91 (O1-2)
    PA1 PUTAWAY_REVERSE_PICKUP_ITEM O1-1 DUE
    PA2 PUTAWAY_REVERSE_PICKUP_ITEM O1-2 DUE
    stock 10 blocked 0 shortfall 0
    "#);
}

#[test]
fn r11_part_of_a_package_cannot_come_back_undelivered() {
    let mut scene = packed(PackageStatus::Shipped, 2);
    assert_snapshot!(scene.hear(&[says(Status::CourierReturn).item("1")]), @"
    CONFLICT R11 PARTIAL_COURIER_RETURN: Channel says that part of package SP90 comes back: reported O1-1, missing O1-2
      conflict CF1 opened: PARTIAL_COURIER_RETURN
    ");
    assert_snapshot!(scene.hear(&[says(Status::CourierReturn).item("2")]), @"
    APPLIED R1: package SP90 is on its way back
      RTO SP90 NOT_RECEIVED (O1-1, O1-2)
      package SP90 SHIPPED → RETURN_EXPECTED
      conflict CF1 closed: PARTIAL_COURIER_RETURN
    ");
    assert_snapshot!(packed(PackageStatus::Shipped, 2).hear(&[says(Status::RtoDelivered).item("1")]), @"
    CONFLICT K4>R11 PARTIAL_COURIER_RETURN: Channel says that part of package SP90 comes back: reported O1-1, missing O1-2
      conflict CF1 opened: PARTIAL_COURIER_RETURN
    ");
    // In one answer the parts make a whole.
    let whole = [says(Status::CourierReturn).item("1"), says(Status::CourierReturn).item("2")];
    assert_snapshot!(packed(PackageStatus::Shipped, 2).hear(&whole), @"
    APPLIED R1: package SP90 is on its way back
      RTO SP90 NOT_RECEIVED (O1-1, O1-2)
      package SP90 SHIPPED → RETURN_EXPECTED
    APPLIED R1: package SP90 is on its way back
    ");
}

#[test]
fn r12_a_withdrawn_return_is_closed_and_the_items_stay_delivered() {
    let mut scene = packed(PackageStatus::Delivered, 2);
    scene.hear(&[cir(Status::ReturnRequested, "RR1")]);
    assert_snapshot!(scene.hear(&[cir(Status::ReturnCancelled, "RR1")]), @"
    APPLIED R12: The buyer's return was withdrawn.
      CIR RR1 CANCELED (O1-1, O1-2)
    ");
    assert_snapshot!(scene.state(), @r#"
    order COMPLETE
    O1-1 DELIVERED in SP90
    O1-2 DELIVERED in SP90
    SP90 DELIVERED ALLOCATION, OLD/SP90
    CIR RR1 CANCELED (O1-1, O1-2) reason "" AWB "" courier "" at "" flag ""
    SALE_INVOICE OLD/SP90 GENERATED of SP90 (O1-1, O1-2)
    stock 10 blocked 0 shortfall 0
    "#);
    let mut back = packed(PackageStatus::Delivered, 1);
    back.hear(&[cir(Status::Returned, "RR1")]);
    assert_snapshot!(back.hear(&[cir(Status::ReturnCancelled, "RR1")]), @"
    CONFLICT R12 RETURN_CANCELLED_AFTER_RECEIPT: Channel withdrew return RR1 of item O1-1 which is back here
      conflict CF1 opened: RETURN_CANCELLED_AFTER_RECEIPT
    ");
}

#[test]
fn r12_goods_that_come_back_all_the_same_are_taken_in() {
    let mut scene = packed(PackageStatus::Delivered, 1);
    scene.hear(&[cir(Status::ReturnCancelled, "RR1")]);
    assert_snapshot!(scene.hear(&[cir(Status::ReturnRequested, "RR1")]), @"UNCHANGED R9: This return is known; blanks are filled in.");
    assert_snapshot!(scene.hear(&[cir(Status::Returned, "RR1")]), @"
    APPLIED R5: return RR1 is back, credited by RET/0001
      note: return RR1 was withdrawn and came back all the same
      CIR RR1 CREATED (O1-1)
      return invoice RET/0001 of package SP90 GENERATED
      invoice OLD/SP90 of package SP90 CREDITED
      item O1-1 DELIVERED → RETURNED
      putaway PA1 due for item O1-1 (PUTAWAY_REVERSE_PICKUP_ITEM)
      CIR RR1 COMPLETE (O1-1)
      package SP90 DELIVERED → RETURNED
    ");
}

#[test]
fn r13_a_return_of_what_was_cancelled_is_a_conflict() {
    let mut told = String::new();
    for said in [
        says(Status::CourierReturn),
        says(Status::RtoDelivered),
        cir(Status::ReturnRequested, "RR1"),
        cir(Status::Returned, "RR1"),
    ] {
        let mut scene = packed(PackageStatus::Cancelled, 1);
        told += &scene.hear(&[said]);
    }
    assert_snapshot!(told, @"
    CONFLICT R13 RETURN_OF_CANCELLED: Channel reports a return of item O1-1 which is CANCELLED here
      conflict CF1 opened: RETURN_OF_CANCELLED
    CONFLICT R13 RETURN_OF_CANCELLED: Channel reports a return of item O1-1 which is CANCELLED here
      conflict CF1 opened: RETURN_OF_CANCELLED
    CONFLICT R13 RETURN_OF_CANCELLED: Channel reports a return of item O1-1 which is CANCELLED here
      conflict CF1 opened: RETURN_OF_CANCELLED
    CONFLICT R13 RETURN_OF_CANCELLED: Channel reports a return of item O1-1 which is CANCELLED here
      conflict CF1 opened: RETURN_OF_CANCELLED
    ");
}

#[test]
fn r14_without_an_invoice_here_the_return_is_recorded_all_the_same() {
    let mut scene = packed(PackageStatus::Delivered, 1).with(|scene| {
        scene.edit("SP90").invoice = None;
        scene.file.invoices.clear();
    });
    assert_snapshot!(scene.hear(&[cir(Status::Returned, "RR1")]), @"
    APPLIED R5>R14: return RR1 is back
      note: package SP90 has no invoice here: its return has no return invoice
      CIR RR1 CREATED (O1-1)
      item O1-1 DELIVERED → RETURNED
      putaway PA1 due for item O1-1 (PUTAWAY_REVERSE_PICKUP_ITEM)
      CIR RR1 COMPLETE (O1-1)
      package SP90 DELIVERED → RETURNED
    ");
}

#[test]
fn r15_an_unmarked_return_is_guessed_from_the_delivery() {
    let mut scene = packed(PackageStatus::Delivered, 1);
    assert_snapshot!(scene.hear(&[says(Status::Returned).ret("RR1", None)]), @"
    APPLIED R15>R5: return RR1 is back, credited by RET/0001
      CIR RR1 CREATED (O1-1)
      return invoice RET/0001 of package SP90 GENERATED
      invoice OLD/SP90 of package SP90 CREDITED
      item O1-1 DELIVERED → RETURNED
      putaway PA1 due for item O1-1 (PUTAWAY_REVERSE_PICKUP_ITEM)
      CIR RR1 COMPLETE (O1-1)
      package SP90 DELIVERED → RETURNED
    ");
    assert_eq!(scene.file.order.returns[0].flag.as_deref(), Some("the kind of return was guessed"));
    assert_snapshot!(packed(PackageStatus::Dispatched, 1).hear(&[says(Status::Returned)]), @"
    APPLIED R15>R2: package SP90 is back and has to be put away
      RTO SP90 NOT_RECEIVED (O1-1)
      package SP90 DISPATCHED → RETURNED
      item O1-1 DISPATCHED → RETURNED
      putaway PA1 due for item O1-1 (PUTAWAY_COURIER_RETURNED_ITEMS)
    ");
}

#[test]
fn r16_put_away_is_the_end_of_it() {
    let mut scene = packed(PackageStatus::Shipped, 1);
    scene.hear(&[rto(Status::Returned)]);
    scene.put_away("PA1", Quality::Good);
    let stock = scene.stock_row();
    let told = [
        says(Status::Dispatched),
        says(Status::InTransit),
        says(Status::Delivered).on("2026-01-19"),
        says(Status::CourierReturn),
    ];
    assert_snapshot!(scene.hear(&told), @"
    STALE R16: It is back and put away; nothing forward counts any more.
    STALE R16: It is back and put away; nothing forward counts any more.
    STALE R16: It is back and put away; nothing forward counts any more.
    STALE R16: It is back and put away; nothing forward counts any more.
    ");
    assert_eq!(scene.stock_row(), stock);
}

#[test]
fn r17_returned_after_delivered_unless_it_is_older() {
    let delivered = || {
        packed(PackageStatus::Delivered, 1)
            .with(|scene| scene.edit("SP90").delivered_at = Some(at("2026-01-16")))
    };
    assert_snapshot!(delivered().hear(&[says(Status::CourierReturn).on("2026-01-15")]), @"STALE R17: the way back is older than the delivery: it was tried again, and delivered");
    let mut newer = delivered();
    assert_snapshot!(newer.hear(&[says(Status::CourierReturn).on("2026-01-17")]), @"
    APPLIED R17: package SP90 is on its way back
      RTO SP90 NOT_RECEIVED (O1-1)
      item O1-1 DELIVERED → DISPATCHED
      package SP90 DELIVERED → RETURN_EXPECTED
    ");
    assert_snapshot!(newer.state(), @r#"
    order COMPLETE
    O1-1 DISPATCHED in SP90
    SP90 RETURN_EXPECTED ALLOCATION, OLD/SP90
    RTO SP90 NOT_RECEIVED (O1-1) reason "courier_return" AWB "" courier "" at "2026-01-17T00:00:00Z" flag "returned after delivered"
    SALE_INVOICE OLD/SP90 GENERATED of SP90 (O1-1)
    stock 10 blocked 0 shortfall 0
    "#);
    // At the same instant the later state counts, as it does the other way round.
    assert!(delivered().hear(&[says(Status::CourierReturn).on("2026-01-16")]).starts_with("APPLIED R17"));
    assert_snapshot!(delivered().hear(&[says(Status::CourierReturn)]), @"
    APPLIED R17: package SP90 is on its way back
      RTO SP90 NOT_RECEIVED (O1-1)
      item O1-1 DELIVERED → DISPATCHED
      package SP90 DELIVERED → RETURN_EXPECTED
    ");
}

#[test]
fn r18_rto_delivered_counts_whatever_its_time() {
    let delivered = || {
        packed(PackageStatus::Delivered, 1)
            .with(|scene| scene.edit("SP90").delivered_at = Some(at("2026-01-16")))
    };
    let mut scene = delivered();
    assert_snapshot!(scene.hear(&[says(Status::RtoDelivered).on("2026-01-15")]), @"
    APPLIED R18: package SP90 is back and has to be put away
      RTO SP90 NOT_RECEIVED (O1-1)
      package SP90 DELIVERED → RETURNED
      item O1-1 DELIVERED → RETURNED
      putaway PA1 due for item O1-1 (PUTAWAY_COURIER_RETURNED_ITEMS)
    ");
    assert_snapshot!(scene.state(), @r#"
    order COMPLETE
    O1-1 RETURNED in SP90
    SP90 RETURNED ALLOCATION, OLD/SP90
    RTO SP90 NOT_RECEIVED (O1-1) reason "rto_delivered" AWB "" courier "" at "2026-01-15T00:00:00Z" flag "returned after delivered"
    SALE_INVOICE OLD/SP90 GENERATED of SP90 (O1-1)
    PA1 PUTAWAY_COURIER_RETURNED_ITEMS O1-1 DUE
    stock 10 blocked 0 shortfall 0
    "#);
    assert_snapshot!(delivered().hear(&[rto(Status::Returned)]), @"
    APPLIED R18: package SP90 is back and has to be put away
      RTO SP90 NOT_RECEIVED (O1-1)
      package SP90 DELIVERED → RETURNED
      item O1-1 DELIVERED → RETURNED
      putaway PA1 due for item O1-1 (PUTAWAY_COURIER_RETURNED_ITEMS)
    ");
}

#[test]
fn r1_a_buyers_return_that_is_marked_as_an_rto_is_one_of_the_whole_package() {
    let mut scene = packed(PackageStatus::Shipped, 2);
    assert_snapshot!(scene.hear(&[rto(Status::ReturnRequested)]), @"
    APPLIED R1: package SP90 is on its way back
      RTO SP90 NOT_RECEIVED (O1-1, O1-2)
      package SP90 SHIPPED → RETURN_EXPECTED
    ");
}

#[test]
fn r1_each_package_has_an_rto_of_its_own_beside_any_buyers_return() {
    let mut scene = packed(PackageStatus::Delivered, 1).package("SP91", PackageStatus::Shipped, 1);
    let back = |item: &str, awb: &str| {
        let mut said = rto(Status::CourierReturn).item(item).raw(awb);
        said.ret.as_mut().unwrap().awb = Some(awb.to_owned());
        said
    };
    scene.hear(&[cir(Status::ReturnRequested, "RR1").item("1")]);
    scene.hear(&[rto(Status::CourierReturn).item("2").on("2026-01-16")]);
    scene.hear(&[rto(Status::CourierReturn).item("1").on("2026-01-17")]);
    assert_snapshot!(scene.hear(&[back("1", "RT1"), back("2", "RT2")]), @"
    UNCHANGED R1: Undelivered and on its way back.
      AWB of return SP90 is RT1
    UNCHANGED R1: Undelivered and on its way back.
      AWB of return SP91 is RT2
    ");
    assert_snapshot!(scene.state(), @r#"
    order COMPLETE
    O1-1 DISPATCHED in SP90
    O1-2 DISPATCHED in SP91
    SP90 RETURN_EXPECTED ALLOCATION, OLD/SP90
    SP91 RETURN_EXPECTED ALLOCATION, OLD/SP91
    CIR RR1 CREATED (O1-1) reason "" AWB "" courier "" at "" flag ""
    RTO SP91 NOT_RECEIVED (O1-2) reason "courier_return" AWB "RT2" courier "" at "2026-01-16T00:00:00Z" flag ""
    RTO SP90 NOT_RECEIVED (O1-1) reason "courier_return" AWB "RT1" courier "" at "2026-01-17T00:00:00Z" flag "returned after delivered"
    SALE_INVOICE OLD/SP90 GENERATED of SP90 (O1-1)
    SALE_INVOICE OLD/SP91 GENERATED of SP91 (O1-2)
    stock 10 blocked 0 shortfall 0
    "#);
}

#[test]
fn r1_an_rto_that_was_tried_again_may_begin_again() {
    let mut scene = packed(PackageStatus::Delivered, 1).package("SP91", PackageStatus::Shipped, 1);
    scene.hear(&[cir(Status::ReturnRequested, "RR1").item("1")]);
    for (status, day) in [
        (Status::CourierReturn, "2026-01-15"),
        (Status::Delivered, "2026-01-16"),
        (Status::CourierReturn, "2026-01-17"),
    ] {
        scene.hear(&[says(status).on(day).item("2")]);
    }
    assert_snapshot!(scene.state(), @r#"
    order COMPLETE
    O1-1 DELIVERED in SP90
    O1-2 DISPATCHED in SP91
    SP90 DELIVERED ALLOCATION, OLD/SP90
    SP91 RETURN_EXPECTED ALLOCATION, OLD/SP91
    CIR RR1 CREATED (O1-1) reason "" AWB "" courier "" at "" flag ""
    RTO SP91 NOT_RECEIVED (O1-2) reason "courier_return" AWB "" courier "" at "2026-01-17T00:00:00Z" flag "returned after delivered"
    SALE_INVOICE OLD/SP90 GENERATED of SP90 (O1-1)
    SALE_INVOICE OLD/SP91 GENERATED of SP91 (O1-2)
    stock 10 blocked 0 shortfall 0
    "#);
}

#[test]
fn r2_what_is_known_of_the_way_back_stays_and_one_unit_stands_for_the_package() {
    insta::allow_duplicates! {
    for whole in [says(Status::RtoDelivered), says(Status::RtoDelivered).item("1")] {
        let mut scene = packed(PackageStatus::Shipped, 2);
        scene.hear(&[rto(Status::CourierReturn).on("2026-01-16").raw("refused")]);
        scene.hear(&[whole.on("2026-01-18")]);
        assert_snapshot!(scene.state(), @r#"
        order COMPLETE
        O1-1 RETURNED in SP90
        O1-2 RETURNED in SP90
        SP90 RETURNED ALLOCATION, OLD/SP90
        RTO SP90 NOT_RECEIVED (O1-1, O1-2) reason "refused" AWB "" courier "" at "2026-01-16T00:00:00Z" flag ""
        SALE_INVOICE OLD/SP90 GENERATED of SP90 (O1-1, O1-2)
        PA1 PUTAWAY_COURIER_RETURNED_ITEMS O1-1 DUE
        PA2 PUTAWAY_COURIER_RETURNED_ITEMS O1-2 DUE
        stock 10 blocked 0 shortfall 0
        "#);
    }
    }
}

#[test]
fn r2_the_way_back_and_its_end_may_stand_in_one_answer() {
    let mut scene = packed(PackageStatus::Shipped, 1);
    let decision = scene.decide(&[says(Status::CourierReturn), rto(Status::Returned)]);
    let rows: Vec<_> = decision.verdicts.iter().map(Verdict::row_text).collect();
    assert_eq!(rows, ["R1", "R2"]);
    assert_eq!(scene.edit("SP90").status, PackageStatus::Returned);
}

#[test]
fn r2_each_package_is_received_by_its_own_putaway() {
    let mut scene = packed(PackageStatus::Shipped, 1).package("SP91", PackageStatus::Shipped, 1);
    assert_snapshot!(scene.hear(&[rto(Status::Returned)]), @"
    APPLIED R2: package SP90 is back and has to be put away
      RTO SP90 NOT_RECEIVED (O1-1)
      package SP90 SHIPPED → RETURNED
      item O1-1 DISPATCHED → RETURNED
      putaway PA1 due for item O1-1 (PUTAWAY_COURIER_RETURNED_ITEMS)
      RTO SP91 NOT_RECEIVED (O1-2)
      package SP91 SHIPPED → RETURNED
      item O1-2 DISPATCHED → RETURNED
      putaway PA2 due for item O1-2 (PUTAWAY_COURIER_RETURNED_ITEMS)
    ");
    assert_snapshot!(scene.put_away("PA2", Quality::Good), @"
    stock A in DEL1: on hand +1
    note: putaway PA2 of item O1-2 is complete: GOOD_INVENTORY
    RTO SP91 RECEIVED (O1-2)
    ");
    assert_snapshot!(scene.put_away("PA1", Quality::Good), @"
    stock A in DEL1: on hand +1
    note: putaway PA1 of item O1-1 is complete: GOOD_INVENTORY
    RTO SP90 RECEIVED (O1-1)
    ");
}

#[test]
fn r3_one_unit_stands_for_the_package_and_a_putaway_that_is_due_is_not_made_twice() {
    let mut scene = packed(PackageStatus::ReturnAcknowledged, 2);
    scene.file.putaways.push(Putaway {
        code: "PA1".to_owned(),
        kind: PutawayType::CourierReturnedItems,
        item: "O1-1".into(),
        package: Some("SP90".into()),
        status: PutawayStatus::Due,
        quality: None,
    });
    scene = scene.stock(10, 0);
    assert_snapshot!(scene.hear(&[rto(Status::Returned).item("2")]), @"
    APPLIED R3: package SP90 is back and has to be put away
      RTO SP90 NOT_RECEIVED (O1-1, O1-2)
      package SP90 RETURN_ACKNOWLEDGED → RETURNED
      item O1-1 DISPATCHED → RETURNED
      item O1-2 DISPATCHED → RETURNED
      putaway PA2 due for item O1-2 (PUTAWAY_COURIER_RETURNED_ITEMS)
    ");
}

#[test]
fn r4_what_comes_back_undelivered_was_not_sent_back_by_the_buyer() {
    let mut scene = packed(PackageStatus::Shipped, 1);
    scene.hear(&[rto(Status::CourierReturn)]);
    let mut said = says(Status::ReturnRequested);
    said.ret = Some(ReturnFact {
        awb: Some("RV1".to_owned()),
        kind: Some(ReturnKind::Cir),
        ..ReturnFact::default()
    });
    assert_snapshot!(scene.hear(&[said]), @"STALE G8: A later state is already known; nothing moves backwards.");
}

#[test]
fn r4_a_return_without_an_id_is_kept_by_its_package_until_the_id_is_told() {
    let mut scene = packed(PackageStatus::Delivered, 2);
    assert_snapshot!(scene.hear(&[cir(Status::ReturnRequested, "").item("2").on("2026-01-16")]), @"
    APPLIED R4: the buyer sends item O1-2 back, return CIR-SP90
      CIR CIR-SP90 CREATED (O1-2)
    ");
    assert_snapshot!(scene.hear(&[cir(Status::ReturnRequested, "").item("2").on("2026-01-17")]), @"UNCHANGED R9: This return is known; blanks are filled in.");
    assert_snapshot!(scene.hear(&[cir(Status::ReturnRequested, "RR1").item("2").on("2026-01-18")]), @"
    UNCHANGED R9: This return is known; blanks are filled in.
      return id of return CIR-SP90 is RR1
    ");
    assert_eq!(scene.file.order.returns.len(), 1);
    assert_eq!(scene.file.order.returns[0].at, Some(at("2026-01-16")));
}

#[test]
fn r4_a_unit_is_in_one_open_return() {
    let mut scene = packed(PackageStatus::Delivered, 1);
    scene.hear(&[cir(Status::ReturnRequested, "RR1")]);
    assert_snapshot!(scene.hear(&[cir(Status::ReturnRequested, "RR2"), cir(Status::Returned, "RR2")]), @"
    UNCHANGED R9: This return is known; blanks are filled in.
    UNCHANGED R9: This return is known; blanks are filled in.
    ");
    assert_eq!(scene.file.order.returns.len(), 1);
    assert_eq!(scene.file.order.returns[0].code, "RR1");
}

#[test]
fn r5_a_word_without_an_id_completes_the_return_that_the_unit_is_in() {
    let mut scene = packed(PackageStatus::Delivered, 2);
    scene.hear(&[
        cir(Status::ReturnRequested, "RR1").item("1"),
        cir(Status::ReturnRequested, "RR2").item("2"),
    ]);
    assert_snapshot!(scene.hear(&[cir(Status::Returned, "").item("2")]), @"
    APPLIED R5: return RR2 is back, credited by RET/0001
      return invoice RET/0001 of package SP90 GENERATED
      item O1-2 DELIVERED → RETURNED
      putaway PA1 due for item O1-2 (PUTAWAY_REVERSE_PICKUP_ITEM)
      CIR RR2 COMPLETE (O1-2)
    ");
}

#[test]
fn r5_a_unit_in_no_package_has_no_return() {
    let mut scene = loose(ItemStatus::Delivered);
    assert_snapshot!(scene.hear(&[cir(Status::Returned, "RR1")]), @"STALE G8: A later state is already known; nothing moves backwards.");
}

#[test]
fn r5_what_one_word_brings_back_in_one_package_is_credited_together() {
    let mut told = packed(PackageStatus::Dispatched, 2).package("SP91", PackageStatus::Delivered, 2);
    told.hear(&[says(Status::Delivered).item("1")]);
    assert_snapshot!(told.hear(&[cir(Status::Returned, "RR1")]), @"
    APPLIED R10>R5: return RR1 is back, credited by RET/0001
      CIR RR1 CREATED (O1-1)
      CIR RR1 CREATED (O1-1, O1-2)
      return invoice RET/0001 of package SP90 GENERATED
      invoice OLD/SP90 of package SP90 CREDITED
      item O1-1 DELIVERED → RETURNED
      putaway PA1 due for item O1-1 (PUTAWAY_REVERSE_PICKUP_ITEM)
      item O1-2 DISPATCHED → RETURNED
      putaway PA2 due for item O1-2 (PUTAWAY_REVERSE_PICKUP_ITEM)
      CIR RR1 COMPLETE (O1-1, O1-2)
      package SP90 DISPATCHED → RETURNED
      CIR RR1 CREATED (O1-3)
      CIR RR1 CREATED (O1-3, O1-4)
      return invoice RET/0002 of package SP91 GENERATED
      invoice OLD/SP91 of package SP91 CREDITED
      item O1-3 DELIVERED → RETURNED
      putaway PA3 due for item O1-3 (PUTAWAY_REVERSE_PICKUP_ITEM)
      item O1-4 DELIVERED → RETURNED
      putaway PA4 due for item O1-4 (PUTAWAY_REVERSE_PICKUP_ITEM)
      CIR RR1 COMPLETE (O1-3, O1-4)
      package SP91 DELIVERED → RETURNED
    ");
    let mut untold = packed(PackageStatus::Delivered, 2);
    assert_snapshot!(untold.hear(&[says(Status::Returned).ret("RR1", None)]), @"
    APPLIED R15>R5: return RR1 is back, credited by RET/0001
      CIR RR1 CREATED (O1-1)
      CIR RR1 CREATED (O1-1, O1-2)
      return invoice RET/0001 of package SP90 GENERATED
      invoice OLD/SP90 of package SP90 CREDITED
      item O1-1 DELIVERED → RETURNED
      putaway PA1 due for item O1-1 (PUTAWAY_REVERSE_PICKUP_ITEM)
      item O1-2 DELIVERED → RETURNED
      putaway PA2 due for item O1-2 (PUTAWAY_REVERSE_PICKUP_ITEM)
      CIR RR1 COMPLETE (O1-1, O1-2)
      package SP90 DELIVERED → RETURNED
    ");
}

#[test]
fn r5_an_invoice_that_is_credited_already_is_still_the_packages_invoice() {
    let mut scene =
        packed(PackageStatus::Delivered, 2).with(|scene| scene.file.invoices[0].items.truncate(1));
    scene.hear(&[cir(Status::Returned, "RR1").item("1")]);
    assert_snapshot!(scene.hear(&[cir(Status::Returned, "RR2").item("2")]), @"
    APPLIED R5: return RR2 is back, credited by RET/0002
      CIR RR2 CREATED (O1-2)
      return invoice RET/0002 of package SP90 GENERATED
      item O1-2 DELIVERED → RETURNED
      putaway PA2 due for item O1-2 (PUTAWAY_REVERSE_PICKUP_ITEM)
      CIR RR2 COMPLETE (O1-2)
      package SP90 DELIVERED → RETURNED
    ");
}

#[test]
fn r7_the_dispatch_counts_whatever_becomes_of_the_return() {
    assert_snapshot!(loose(ItemStatus::Created).hear(&[rto(Status::ReturnCancelled)]), @"
    APPLIED D6>R7>R12: dispatched in SP101, invoice INV/0001
      package SP101 made (STATUS_SYNC)
      item O1-1 goes in package SP101
      invoice INV/0001 of package SP101 GENERATED
      stock A in DEL1: on hand -1
      item O1-1 CREATED → DISPATCHED
      package SP101 CREATED → DISPATCHED
      order PROCESSING → COMPLETE
    ");
}

#[test]
fn r7_a_dispatch_that_is_told_in_so_many_words_is_not_made_up_for() {
    let mut scene = loose(ItemStatus::Created);
    let decision = scene.decide(&[says(Status::CourierReturn), says(Status::Dispatched)]);
    let rows: Vec<_> = decision.verdicts.iter().map(Verdict::row_text).collect();
    assert_eq!(rows, ["R1", "D6"]);
}

#[test]
fn r10_is_not_said_of_packages_that_come_back_undelivered() {
    let mut scene = packed(PackageStatus::Shipped, 1).package("SP91", PackageStatus::Shipped, 1);
    assert_eq!(scene.decide(&[rto(Status::Returned)]).verdicts[0].row_text(), "R2");
}

#[test]
fn r11_what_was_heard_of_the_dispatch_says_nothing_of_the_way_back() {
    let mut scene = packed(PackageStatus::Packed, 2);
    scene.hear(&[says(Status::Dispatched).item("1")]);
    scene.person("CF1", Decision::Keep);
    scene.hear(&[says(Status::Dispatched).item("2")]);
    assert_snapshot!(scene.hear(&[says(Status::CourierReturn).item("2")]), @"
    CONFLICT R11 PARTIAL_COURIER_RETURN: Channel says that part of package SP90 comes back: reported O1-2, missing O1-1
      conflict CF2 opened: PARTIAL_COURIER_RETURN
    ");
}

#[test]
fn r12_a_return_that_was_withdrawn_before_it_was_heard_of_is_kept() {
    let mut scene = packed(PackageStatus::Delivered, 1);
    assert_snapshot!(scene.hear(&[cir(Status::ReturnCancelled, "RR1")]), @"
    APPLIED R12: the buyer's return was withdrawn
      CIR RR1 CANCELED (O1-1)
    ");
}

#[test]
fn r12_a_return_without_an_id_may_be_asked_for_again_later() {
    let mut scene = packed(PackageStatus::Delivered, 1);
    scene.hear(&[cir(Status::ReturnRequested, "").on("2026-01-15")]);
    scene.hear(&[cir(Status::ReturnCancelled, "").on("2026-01-16")]);
    assert_snapshot!(scene.hear(&[cir(Status::ReturnRequested, "").on("2026-01-17")]), @"
    APPLIED R4: item O1-1 joins the buyer's return
      CIR CIR-SP90 CREATED (O1-1)
    ");
}

#[test]
fn r12_a_return_is_withdrawn_as_a_whole_while_it_is_open_and_not_for_a_unit_that_was_never_in_it() {
    let asked = || {
        let mut scene = packed(PackageStatus::Delivered, 2);
        scene.hear(&[cir(Status::ReturnRequested, "RR1").item("1")]);
        scene
    };
    assert_snapshot!(asked().hear(&[cir(Status::ReturnCancelled, "RR1").item("2")]), @"
    APPLIED R12: The buyer's return was withdrawn.
      CIR RR1 CANCELED (O1-1)
    ");
    let mut back = asked();
    back.hear(&[cir(Status::Returned, "RR1").item("1")]);
    assert_snapshot!(back.hear(&[cir(Status::ReturnCancelled, "RR1").item("2")]), @"UNCHANGED R12: The buyer's return was withdrawn.");
}

#[test]
fn r14_a_number_that_only_another_packages_cancelled_invoice_bears_is_no_invoice() {
    let mut scene = packed(PackageStatus::Packed, 1).package("SP91", PackageStatus::Delivered, 1);
    scene.hear(&[says(Status::Cancelled).item("1")]);
    scene.file.invoices.truncate(1);
    scene.edit("SP91").invoice = Some("OLD/SP90".to_owned());
    let told = scene.decide(&[cir(Status::Returned, "RR1").item("2")]);
    assert_eq!(told.verdicts[0].row_text(), "R5>R14");
}

#[test]
fn r15_a_return_that_is_asked_for_is_guessed_only_where_its_kind_is_left_open() {
    let rows = |status: PackageStatus, said: Observation| {
        let mut scene = packed(status, 1);
        let rows = scene.decide(&[said]).verdicts[0].row_text();
        (rows, scene.file.order.returns[0].flag.is_some())
    };
    let open = says(Status::ReturnRequested).ret("RR1", None);
    let plain = says(Status::ReturnRequested);
    assert_eq!(rows(PackageStatus::Shipped, open.clone()), ("R15>R1".to_owned(), true));
    assert_eq!(rows(PackageStatus::Shipped, plain.clone()), ("R4".to_owned(), false));
    assert_eq!(rows(PackageStatus::Delivered, open), ("R15>R4".to_owned(), true));
    assert_eq!(rows(PackageStatus::Delivered, plain), ("R4".to_owned(), false));
}

#[test]
fn r15_an_unmarked_return_of_a_unit_that_the_buyer_sends_back_is_no_guess() {
    insta::allow_duplicates! {
    for status in [PackageStatus::Shipped, PackageStatus::Delivered] {
        let mut scene = packed(status, 1);
        scene.hear(&[cir(Status::ReturnRequested, "RR1")]);
        assert_snapshot!(scene.hear(&[says(Status::Returned).ret("RR1", None)]).replace(&format!("SP90 {status} "), "SP90 <before> ").replace("DISPATCHED →", "<before> →").replace("DELIVERED →", "<before> →"), @"
        APPLIED R5: return RR1 is back, credited by RET/0001
          return invoice RET/0001 of package SP90 GENERATED
          invoice OLD/SP90 of package SP90 CREDITED
          item O1-1 <before> → RETURNED
          putaway PA1 due for item O1-1 (PUTAWAY_REVERSE_PICKUP_ITEM)
          CIR RR1 COMPLETE (O1-1)
          package SP90 <before> → RETURNED
        ");
    }
    }
}

#[test]
fn r15_a_package_of_which_part_was_delivered_comes_back_by_both_ways() {
    let mut scene = packed(PackageStatus::Shipped, 2);
    scene.hear(&[says(Status::Delivered).item("1")]);
    assert_snapshot!(scene.hear(&[says(Status::Returned)]), @"
    APPLIED R15>R5: return CIR-SP90 is back, credited by RET/0001
      CIR CIR-SP90 CREATED (O1-1)
      return invoice RET/0001 of package SP90 GENERATED
      item O1-1 DELIVERED → RETURNED
      putaway PA1 due for item O1-1 (PUTAWAY_REVERSE_PICKUP_ITEM)
      CIR CIR-SP90 COMPLETE (O1-1)
      RTO SP90 NOT_RECEIVED (O1-2)
      package SP90 SHIPPED → RETURNED
      item O1-2 DISPATCHED → RETURNED
      putaway PA2 due for item O1-2 (PUTAWAY_COURIER_RETURNED_ITEMS)
    ");
}

#[test]
fn r16_another_units_putaway_does_not_count() {
    let mut scene = packed(PackageStatus::Shipped, 1).package("SP91", PackageStatus::Shipped, 1);
    scene.hear(&[rto(Status::Returned)]);
    scene.put_away("PA1", Quality::Good);
    let rows = |scene: &mut super::scene::Scene, item: &str| {
        [Status::Packed, Status::Dispatched]
            .map(|word| scene.decide(&[says(word).item(item)]).verdicts[0].row_text())
    };
    assert_eq!(rows(&mut scene, "1"), ["R16", "R16"]);
    assert_eq!(rows(&mut scene, "2"), ["G8", "D16"]);
}
