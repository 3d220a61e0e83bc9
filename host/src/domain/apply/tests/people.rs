//! What people decide, and that it lasts.

use std::fmt::Write;

use insta::assert_snapshot;
use plugin_api::{Observation, ReturnKind, Status};

use super::scene::{ALL_SERIES, Scene, Words, at, packed, says};
use crate::domain::{
    duties::{Decision, Quality},
    order::{ItemStatus, PackageStatus},
};

/// Says the same ten times and asserts that no conflict is open and nothing moves.
fn stays_settled(scene: &mut Scene, told: &[Observation]) {
    scene.hear(told);
    let (file, stock) = (scene.file.clone(), scene.stock_row());
    for _ in 0..10 {
        scene.hear(told);
    }
    assert_eq!(scene.file, file);
    assert_eq!(scene.stock_row(), stock);
    assert!(scene.file.conflicts.iter().all(|conflict| !conflict.open), "{}", scene.state());
}

/// Every cause: the state before, and what raises it.
fn causes() -> Vec<(&'static str, Scene, Vec<Observation>)> {
    let reopened = packed(PackageStatus::Packed, 1)
        .with(|scene| drop(scene.hear(&[says(Status::Cancelled).on("2026-01-16")])));
    let back = packed(PackageStatus::Delivered, 1)
        .with(|scene| drop(scene.hear(&[says(Status::Returned).ret("RR1", Some(ReturnKind::Cir))])));
    vec![
        (
            "DISPATCHED_BUT_CANCELLED_LOCALLY",
            packed(PackageStatus::Cancelled, 1),
            vec![says(Status::Dispatched)],
        ),
        (
            "DISPATCHED_BUT_CANCELLED_LOCALLY",
            packed(PackageStatus::Cancelled, 1),
            vec![says(Status::Delivered)],
        ),
        ("CANCEL_AFTER_DELIVERY", packed(PackageStatus::Delivered, 1), vec![says(Status::Cancelled)]),
        ("REOPENED_ON_CHANNEL", reopened, vec![says(Status::Created).on("2026-01-17")]),
        ("RETURN_OF_CANCELLED", packed(PackageStatus::Cancelled, 1), vec![says(Status::RtoDelivered)]),
        (
            "PARTIAL_DISPATCH_OF_INVOICED_SHIPMENT",
            packed(PackageStatus::Packed, 2),
            vec![says(Status::Dispatched).item("1")],
        ),
        (
            "PARTIAL_COURIER_RETURN",
            packed(PackageStatus::Shipped, 2),
            vec![says(Status::CourierReturn).item("1")],
        ),
        (
            "PARTIAL_COURIER_RETURN",
            packed(PackageStatus::Shipped, 2),
            vec![says(Status::Cancelled).item("1")],
        ),
        (
            "RETURN_CANCELLED_AFTER_RECEIPT",
            back,
            vec![says(Status::ReturnCancelled).ret("RR1", Some(ReturnKind::Cir))],
        ),
    ]
}

#[test]
fn keeping_changes_nothing_and_the_same_word_does_not_ask_again() {
    for (cause, mut scene, told) in causes() {
        scene.hear(&told);
        let code = scene.file.conflicts[0].code.clone();
        assert_eq!(scene.file.conflicts[0].cause, cause);
        let outline = scene.outline();
        scene.person(&code, Decision::Keep);
        assert_eq!(scene.outline(), outline, "{cause}");
        stays_settled(&mut scene, &told);
        assert_eq!(scene.outline(), outline, "{cause}");
    }
}

#[test]
fn accepting_applies_at_once_and_the_same_word_does_not_ask_again() {
    let mut told_all = String::new();
    for (cause, mut scene, told) in causes() {
        scene.hear(&told);
        let said = scene.person("CF1", Decision::Accept);
        writeln!(told_all, "{cause} by {}\n{said}{}", told[0].raw, scene.state()).unwrap();
        stays_settled(&mut scene, &told);
    }
    assert_snapshot!(told_all);
}

#[test]
fn a_decision_is_taken_once() {
    let mut scene = packed(PackageStatus::Cancelled, 1);
    scene.hear(&[says(Status::Dispatched)]);
    scene.person("CF1", Decision::Keep);
    assert_snapshot!(scene.person("CF1", Decision::Accept), @"not done: conflict CF1 is closed already, as kept");
    assert_snapshot!(scene.person("CF7", Decision::Accept), @"not done: there is no conflict CF7");
}

#[test]
fn what_cannot_be_accepted_yet_leaves_no_trace() {
    let mut scene = packed(PackageStatus::Cancelled, 1).lacking(&ALL_SERIES);
    scene.hear(&[says(Status::Dispatched)]);
    let (file, stock) = (scene.file.clone(), scene.stock_row());
    assert_snapshot!(scene.person("CF1", Decision::Accept), @"not done: conflict CF1 cannot be accepted yet: Sequence SALE_INVOICE is not defined for facility DEL1");
    assert_eq!((scene.file.clone(), scene.stock_row()), (file, stock));
}

#[test]
fn a_person_may_take_longer_than_the_return_window() {
    let mut scene = packed(PackageStatus::Cancelled, 1);
    scene.hear(&[says(Status::RtoDelivered).on("2026-01-15")]);
    scene.policy.now = at("2026-03-20");
    assert!(scene.person("CF1", Decision::Accept).starts_with("APPLIED"));
    assert_eq!(scene.item(1).status, ItemStatus::Returned);
}

#[test]
fn a_unit_that_is_sent_after_all_is_not_put_away() {
    let mut scene = packed(PackageStatus::Packed, 1);
    scene.hear(&[says(Status::Cancelled)]);
    scene.hear(&[says(Status::Dispatched)]);
    scene.person("CF1", Decision::Accept);
    assert_snapshot!(scene.state(), @"
    order COMPLETE
    O1-1 DISPATCHED in SP101
    SP90 CANCELLED ALLOCATION, no invoice
    SP101 DISPATCHED STATUS_SYNC, INV/0001
    SALE_INVOICE OLD/SP90 CANCELLED of SP90 (O1-1)
    SALE_INVOICE INV/0001 GENERATED of SP101 (O1-1)
    PA1 PUTAWAY_CANCELLED_ITEM O1-1 DISCARDED
    CF1 DISPATCHED_BUT_CANCELLED_LOCALLY closed: Channel dispatched item O1-1 which is cancelled here
    stock 9 blocked 0 shortfall 0
    ");
    assert_snapshot!(scene.put_away("PA1", Quality::Good), @"not done: putaway PA1 is DISCARDED already");
}

#[test]
fn an_item_opened_again_keeps_its_block_until_it_is_put_away_and_may_be_cancelled_again() {
    let mut scene = packed(PackageStatus::Packed, 1);
    scene.hear(&[says(Status::Cancelled).on("2026-01-16")]);
    scene.hear(&[says(Status::Created).on("2026-01-17")]);
    scene.person("CF1", Decision::Accept);
    assert_eq!(scene.stock_row().blocked, 1);
    scene.put_away("PA1", Quality::Good);
    assert_eq!((scene.stock_row().on_hand, scene.stock_row().blocked), (10, 0));
    assert!(scene.hear(&[says(Status::Cancelled).on("2026-01-18")]).starts_with("APPLIED C1"));
    assert_eq!((scene.stock_row().on_hand, scene.stock_row().blocked), (10, 0));
}

#[test]
fn a_kept_part_goes_on_listening_until_the_rest_is_reported() {
    let mut scene = packed(PackageStatus::Packed, 3);
    scene.hear(&[says(Status::Dispatched).item("1")]);
    scene.person("CF1", Decision::Keep);
    assert_snapshot!(scene.hear(&[says(Status::Dispatched).item("2")]), @"UNCHANGED D19: a person decided on CF1 to keep our state");
    assert_snapshot!(scene.hear(&[says(Status::Dispatched).item("3")]), @"
    APPLIED D9: dispatched in SP90, invoice OLD/SP90
      stock A in DEL1: on hand -1 blocked -1
      item O1-1 FULFILLABLE → DISPATCHED
      stock A in DEL1: on hand -1 blocked -1
      item O1-2 FULFILLABLE → DISPATCHED
      stock A in DEL1: on hand -1 blocked -1
      item O1-3 FULFILLABLE → DISPATCHED
      package SP90 PACKED → DISPATCHED
      order PROCESSING → COMPLETE
    ");
}

#[test]
fn conflicts_close_by_themselves_when_nothing_contradicts_any_more() {
    let mut sent = packed(PackageStatus::Cancelled, 1);
    sent.hear(&[says(Status::Dispatched)]);
    assert!(sent.hear(&[says(Status::Cancelled)]).contains("conflict CF1 closed"));

    let mut reopened = packed(PackageStatus::Created, 1);
    reopened.hear(&[says(Status::Cancelled).on("2026-01-16")]);
    reopened.hear(&[says(Status::Created).on("2026-01-17")]);
    assert!(reopened.hear(&[says(Status::Cancelled).on("2026-01-18")]).contains("conflict CF1 closed"));

    let mut delivered = packed(PackageStatus::Delivered, 1);
    delivered.hear(&[says(Status::Cancelled)]);
    assert!(delivered.hear(&[says(Status::RtoDelivered)]).contains("conflict CF1 closed"));

    let mut part = packed(PackageStatus::Packed, 2);
    part.hear(&[says(Status::Dispatched).item("1")]);
    assert!(part.hear(&[says(Status::Dispatched).item("2")]).contains("conflict CF1 closed"));

    let mut back = packed(PackageStatus::Shipped, 2);
    back.hear(&[says(Status::CourierReturn).item("1")]);
    assert!(back.hear(&[says(Status::CourierReturn).item("2")]).contains("conflict CF1 closed"));
}

#[test]
fn a_putaway_is_completed_once() {
    let mut scene = packed(PackageStatus::Packed, 1);
    scene.hear(&[says(Status::Cancelled)]);
    scene.put_away("PA1", Quality::Good);
    assert_snapshot!(scene.put_away("PA1", Quality::Good), @"not done: putaway PA1 is COMPLETE already");
    assert_snapshot!(scene.put_away("PA9", Quality::Good), @"not done: there is no putaway PA9");
}

#[test]
fn the_return_that_an_accepted_cancellation_opens_is_completed_under_the_marketplaces_id() {
    let mut scene = packed(PackageStatus::Delivered, 2);
    scene.hear(&[says(Status::Cancelled).item("2")]);
    scene.person("CF1", Decision::Accept);
    let back = says(Status::Returned).item("2").ret("RR1", Some(ReturnKind::Cir));
    assert_snapshot!(scene.hear(&[back]), @"
    APPLIED R5: return RR1 is back, credited by RET/0001
      return id of return CF1 is RR1
      return invoice RET/0001 of package SP90 GENERATED
      item O1-2 DELIVERED → RETURNED
      putaway PA1 due for item O1-2 (PUTAWAY_REVERSE_PICKUP_ITEM)
      CIR RR1 COMPLETE (O1-2)
    ");
}

#[test]
fn each_contradiction_about_a_unit_stands_for_itself_and_falls_with_what_it_is_about() {
    let mut scene = packed(PackageStatus::Created, 1)
        .with(|scene| drop(scene.hear(&[says(Status::Cancelled).on("2026-01-16")])));
    scene.hear(&[says(Status::Dispatched), says(Status::Created).on("2026-01-17")]);
    let causes: Vec<_> = scene.file.conflicts.iter().map(|conflict| conflict.cause.as_str()).collect();
    assert_eq!(causes, ["REOPENED_ON_CHANNEL", "DISPATCHED_BUT_CANCELLED_LOCALLY"]);
    scene.person("CF1", Decision::Accept);
    // The unit is open again, so that nothing stands against its dispatch.
    assert_snapshot!(scene.hear(&[says(Status::Dispatched)]), @"
    APPLIED D6: dispatched in SP101, invoice INV/0001
      package SP101 made (STATUS_SYNC)
      item O1-1 goes in package SP101
      invoice INV/0001 of package SP101 GENERATED
      stock A in DEL1: on hand -1
      item O1-1 CREATED → DISPATCHED
      package SP101 CREATED → DISPATCHED
      conflict CF2 closed: DISPATCHED_BUT_CANCELLED_LOCALLY
      order PROCESSING → COMPLETE
    ");
}

#[test]
fn what_was_accepted_once_may_be_contradicted_anew() {
    let mut scene = packed(PackageStatus::Delivered, 1);
    scene.hear(&[says(Status::Cancelled).on("2026-01-16")]);
    scene.person("CF1", Decision::Accept);
    scene.hear(&[says(Status::ReturnCancelled).ret("CF1", Some(ReturnKind::Cir))]);
    assert_snapshot!(scene.hear(&[says(Status::Cancelled).on("2026-01-16")]), @"UNCHANGED C8: a person accepted this in CF1");
    assert_snapshot!(scene.hear(&[says(Status::Cancelled).on("2026-01-18")]), @"
    CONFLICT C8 CANCEL_AFTER_DELIVERY: Channel cancelled item O1-1 which is DELIVERED here
      conflict CF2 opened: CANCEL_AFTER_DELIVERY
    ");
}

#[test]
fn the_same_word_at_another_time_is_kept_once() {
    let mut scene = packed(PackageStatus::Cancelled, 1);
    scene.hear(&[says(Status::Dispatched).on("2026-01-16")]);
    scene.hear(&[says(Status::Dispatched).on("2026-01-17")]);
    scene.hear(&[says(Status::Delivered).on("2026-01-17")]);
    let kept: Vec<_> = scene.file.conflicts[0].facts.iter().map(|fact| (fact.status, fact.at)).collect();
    assert_eq!(
        kept,
        [
            (Some(Status::Dispatched), Some(at("2026-01-16"))),
            (Some(Status::Delivered), Some(at("2026-01-17")))
        ]
    );
}
