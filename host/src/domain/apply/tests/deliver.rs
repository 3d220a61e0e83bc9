//! Rows L1–L8 and K1–K6.

use insta::assert_snapshot;
use plugin_api::{ReturnKind, Status};

use super::{
    super::Verdict,
    scene::{ALL_SERIES, Words, at, loose, packed, says},
};
use crate::domain::order::{ItemStatus, PackageStatus};

#[test]
fn l1_delivered_at_the_channels_time() {
    insta::allow_duplicates! {
    for status in [PackageStatus::Dispatched, PackageStatus::Shipped] {
        let mut scene = packed(status, 2);
        assert_snapshot!(scene.hear(&[says(Status::Delivered).on("2026-01-18")]).replace(&format!("SP90 {status} "), "SP90 <before> "), @"
        APPLIED L1: item O1-1 delivered
          item O1-1 DISPATCHED → DELIVERED
          item O1-2 DISPATCHED → DELIVERED
          package SP90 <before> → DELIVERED
        ");
        assert_eq!(scene.edit("SP90").delivered_at, Some(at("2026-01-18")));
    }
    }
}

#[test]
fn l1_part_of_a_package_is_delivered_and_the_package_with_its_last_unit() {
    let mut scene = packed(PackageStatus::Dispatched, 2);
    assert_snapshot!(scene.hear(&[says(Status::Delivered).item("1")]), @"
    APPLIED L1: item O1-1 delivered
      item O1-1 DISPATCHED → DELIVERED
    ");
    assert_snapshot!(scene.hear(&[says(Status::Delivered).item("2")]), @"
    APPLIED L1: item O1-2 delivered
      item O1-2 DISPATCHED → DELIVERED
      package SP90 DISPATCHED → DELIVERED
    ");
}

#[test]
fn l2_a_missed_dispatch_is_made_up_for_in_the_same_transaction() {
    let mut scene = loose(ItemStatus::Unfulfillable).stock(0, 0);
    assert_snapshot!(scene.hear(&[says(Status::Delivered).on("2026-01-18")]), @"
    APPLIED D1>L2: dispatched in SP101, invoice INV/0001; item O1-1 delivered
      package SP101 made (STATUS_SYNC)
      item O1-1 goes in package SP101
      invoice INV/0001 of package SP101 GENERATED
      stock A in DEL1: shortfall +1
      item O1-1 UNFULFILLABLE → DISPATCHED
      package SP101 CREATED → DISPATCHED
      item O1-1 DISPATCHED → DELIVERED
      package SP101 DISPATCHED → DELIVERED
      order PROCESSING → COMPLETE
    ");
    let mut refused = loose(ItemStatus::Unfulfillable).lacking(&ALL_SERIES);
    let before = refused.file.clone();
    assert_snapshot!(refused.hear(&[says(Status::Delivered)]), @"REFUSED D10 SEQUENCE_NOT_DEFINED: Sequence SALE_INVOICE is not defined for facility DEL1");
    assert_eq!(refused.file, before);
}

#[test]
fn l3_a_newer_delivery_closes_the_rto() {
    let mut scene = packed(PackageStatus::Shipped, 1);
    scene.hear(&[says(Status::CourierReturn).on("2026-01-16")]);
    assert_snapshot!(scene.hear(&[says(Status::Delivered).on("2026-01-16"), says(Status::Delivered)]), @"
    STALE G8: A later state is already known; nothing moves backwards.
    STALE G8: A later state is already known; nothing moves backwards.
    ");
    assert_snapshot!(scene.hear(&[says(Status::Delivered).on("2026-01-17")]), @"
    APPLIED L3: delivered with a new attempt; the RTO is closed
      RTO SP90 CLOSED (O1-1)
      item O1-1 DISPATCHED → DELIVERED
      package SP90 RETURN_EXPECTED → DELIVERED
    ");
    assert_snapshot!(scene.state(), @r#"
    order COMPLETE
    O1-1 DELIVERED in SP90
    SP90 DELIVERED ALLOCATION, OLD/SP90
    RTO SP90 CLOSED (O1-1) reason "courier_return" AWB "" courier "" at "2026-01-16T00:00:00Z" flag ""
    SALE_INVOICE OLD/SP90 GENERATED of SP90 (O1-1)
    stock 10 blocked 0 shortfall 0
    "#);
}

#[test]
fn l4_what_is_back_is_not_delivered() {
    insta::allow_duplicates! {
    for status in [PackageStatus::ReturnAcknowledged, PackageStatus::Returned] {
        assert_snapshot!(packed(status, 1).hear(&[says(Status::Delivered).on("2026-01-18")]), @"STALE L4: It is back at the seller; an earlier delivery changes nothing.");
    }
    }
}

#[test]
fn l5_moved_although_cancelled_here_is_a_conflict() {
    let mut scene = packed(PackageStatus::Cancelled, 1);
    assert_snapshot!(scene.hear(&[says(Status::InTransit)]), @"
    CONFLICT L5 DISPATCHED_BUT_CANCELLED_LOCALLY: Channel dispatched item O1-1 which is cancelled here
      conflict CF1 opened: DISPATCHED_BUT_CANCELLED_LOCALLY
    ");
    assert_snapshot!(scene.hear(&[says(Status::Delivered)]), @"CONFLICT L5 DISPATCHED_BUT_CANCELLED_LOCALLY: Channel dispatched item O1-1 which is cancelled here");
    assert_eq!(scene.file.conflicts.len(), 1);
}

#[test]
fn l6_the_seller_ships_so_only_the_dispatch_counts() {
    let mut scene = packed(PackageStatus::Packed, 1).seller_ships();
    assert_snapshot!(scene.hear(&[says(Status::Delivered)]), @"
    APPLIED D9>L6 NOT_CHANNEL_SHIPPED: dispatched in SP90, invoice OLD/SP90; delivered of channel FK1: the seller ships this order
      stock A in DEL1: on hand -1 blocked -1
      item O1-1 FULFILLABLE → DISPATCHED
      package SP90 PACKED → DISPATCHED
      order PROCESSING → COMPLETE
    ");
    assert_snapshot!(scene.state(), @"
    order COMPLETE
    O1-1 DISPATCHED in SP90 (delivered)
    SP90 DISPATCHED ALLOCATION, OLD/SP90
    SALE_INVOICE OLD/SP90 GENERATED of SP90 (O1-1)
    stock 9 blocked 0 shortfall 0
    ");
}

#[test]
fn l7_the_channels_word_is_shown_unless_it_is_trusted() {
    let mut scene = packed(PackageStatus::Shipped, 1).seller_ships();
    assert_snapshot!(scene.hear(&[says(Status::Delivered)]), @"IGNORED L7 NOT_CHANNEL_SHIPPED: delivered of channel FK1: the seller ships this order");
    assert_snapshot!(scene.state(), @"
    order COMPLETE
    O1-1 DISPATCHED in SP90 (delivered)
    SP90 SHIPPED ALLOCATION, OLD/SP90
    SALE_INVOICE OLD/SP90 GENERATED of SP90 (O1-1)
    stock 10 blocked 0 shortfall 0
    ");
    scene.policy.trust_delivery = true;
    assert_snapshot!(scene.hear(&[says(Status::Delivered)]), @"
    APPLIED L1: item O1-1 delivered
      item O1-1 DISPATCHED → DELIVERED
      package SP90 SHIPPED → DELIVERED
    ");
}

#[test]
fn l8_only_the_named_package_is_delivered() {
    let mut scene =
        packed(PackageStatus::Dispatched, 1).package("SP91", PackageStatus::Dispatched, 1).with(|scene| {
            scene.edit("SP90").channel_package_id = Some("P1".to_owned());
            scene.edit("SP91").awb = Some("EK2".to_owned());
        });
    assert_snapshot!(scene.hear(&[says(Status::Delivered).package("P1")]), @"
    APPLIED L8>L1: item O1-1 delivered
      item O1-1 DISPATCHED → DELIVERED
      package SP90 DISPATCHED → DELIVERED
    ");
    assert_snapshot!(scene.hear(&[says(Status::Delivered).awb("EK2")]), @"
    APPLIED L8>L1: item O1-2 delivered
      item O1-2 DISPATCHED → DELIVERED
      package SP91 DISPATCHED → DELIVERED
    ");
}

#[test]
fn l8_a_package_that_is_not_known_beside_known_ones_waits() {
    let mut scene =
        packed(PackageStatus::Dispatched, 1).package("SP91", PackageStatus::Dispatched, 1).with(|scene| {
            scene.edit("SP90").channel_package_id = Some("P1".to_owned());
            scene.edit("SP91").channel_package_id = Some("P2".to_owned());
        });
    let mut nameless = packed(PackageStatus::Dispatched, 1).package("SP91", PackageStatus::Dispatched, 1);
    assert_snapshot!(nameless.hear(&[says(Status::Delivered).package("P3")]), @"PARKED G5 UNKNOWN_ITEM: Order OD1 / item package P3 of channel FK1 is not known here");
    assert_snapshot!(scene.hear(&[says(Status::Delivered).package("P3")]), @"PARKED G5 UNKNOWN_ITEM: Order OD1 / item package P3 of channel FK1 is not known here");
}

#[test]
fn k1_of_two_words_in_one_answer_the_later_one_stays() {
    let mut scene = packed(PackageStatus::Dispatched, 2);
    assert_snapshot!(scene.hear(&[says(Status::OutForDelivery), says(Status::InTransit)]), @"
    APPLIED K1: courier says out_for_delivery
      courier of package SP90 says out_for_delivery
    APPLIED K1: courier says in_transit
      package SP90 DISPATCHED → SHIPPED
      courier of package SP90 says in_transit
    ");
    assert_eq!(scene.file.order.packages[0].courier_status.as_deref(), Some("out_for_delivery"));
}

#[test]
fn k1_the_couriers_first_word_makes_it_shipped() {
    let mut scene = packed(PackageStatus::Dispatched, 2);
    assert_snapshot!(scene.hear(&[says(Status::InTransit).raw("In transit at BLR")]), @"
    APPLIED K1: courier says In transit at BLR
      package SP90 DISPATCHED → SHIPPED
      courier of package SP90 says In transit at BLR
    ");
    assert_snapshot!(scene.hear(&[says(Status::OutForDelivery).raw("Out for delivery")]), @"
    APPLIED K1: courier says Out for delivery
      courier of package SP90 says Out for delivery
    ");
    assert_snapshot!(scene.hear(&[says(Status::OutForDelivery).raw("Out for delivery").on("2026-01-18")]), @"UNCHANGED K1: courier says Out for delivery");
    assert_snapshot!(loose(ItemStatus::Created).hear(&[says(Status::InTransit)]), @"
    APPLIED D6>K1: dispatched in SP101, invoice INV/0001; courier says in_transit
      package SP101 made (STATUS_SYNC)
      item O1-1 goes in package SP101
      invoice INV/0001 of package SP101 GENERATED
      stock A in DEL1: on hand -1
      item O1-1 CREATED → DISPATCHED
      package SP101 CREATED → DISPATCHED
      package SP101 DISPATCHED → SHIPPED
      courier of package SP101 says in_transit
      order PROCESSING → COMPLETE
    ");
}

#[test]
fn k2_a_failed_attempt_is_only_text() {
    insta::allow_duplicates! {
    for status in [PackageStatus::Dispatched, PackageStatus::Shipped] {
        let mut scene = packed(status, 1);
        assert_snapshot!(scene.hear(&[says(Status::Undelivered).raw("Buyer not at home")]), @"
        APPLIED K2: courier says Buyer not at home
          courier of package SP90 says Buyer not at home
        ");
        assert_eq!(scene.edit("SP90").status, status);
    }
    }
}

#[test]
fn k3_rto_initiated_is_a_courier_return() {
    let mut scene = packed(PackageStatus::Shipped, 1);
    assert_snapshot!(scene.hear(&[says(Status::RtoInitiated).raw("RTO_INIT").on("2026-01-16")]), @"
    APPLIED K3>R1: package SP90 is on its way back
      RTO SP90 NOT_RECEIVED (O1-1)
      package SP90 SHIPPED → RETURN_EXPECTED
    ");
}

#[test]
fn k4_rto_delivered_is_back() {
    insta::allow_duplicates! {
    for status in [PackageStatus::Dispatched, PackageStatus::Shipped, PackageStatus::ReturnExpected] {
        let mut scene = packed(status, 1);
        assert_snapshot!(scene.hear(&[says(Status::RtoDelivered)]).replace(&format!("SP90 {status} "), "SP90 <before> "), @"
        APPLIED K4>R2: package SP90 is back and has to be put away
          RTO SP90 NOT_RECEIVED (O1-1)
          package SP90 <before> → RETURNED
          item O1-1 DISPATCHED → RETURNED
          putaway PA1 due for item O1-1 (PUTAWAY_COURIER_RETURNED_ITEMS)
        ");
    }
    }
}

#[test]
fn k5_lost_and_damaged_ask_for_attention_and_keep_the_state() {
    insta::allow_duplicates! {
    for status in [Status::Lost, Status::Damaged] {
        let mut scene = packed(PackageStatus::Shipped, 1);
        assert_snapshot!(scene.hear(&[says(status)]).replace(&status.as_str().to_lowercase(), "<word>"), @"
        APPLIED K5: courier says <word>
          courier of package SP90 says <word>
          note: courier says <word> of package SP90: see to the claim
        ");
        assert_eq!(scene.edit("SP90").status, PackageStatus::Shipped);
        assert_eq!(scene.file.order.attention.len(), 1);
    }
    }
}

#[test]
fn k6_the_seller_ships_so_courier_words_only_imply_the_dispatch() {
    let mut scene = packed(PackageStatus::Created, 1).seller_ships();
    assert_snapshot!(scene.hear(&[says(Status::InTransit)]), @"
    APPLIED D3>K6 NOT_CHANNEL_SHIPPED: dispatched in SP90, invoice INV/0001; in_transit of channel FK1: the seller ships this order
      invoice INV/0001 of package SP90 GENERATED
      stock A in DEL1: on hand -1 blocked -1
      item O1-1 FULFILLABLE → DISPATCHED
      package SP90 CREATED → DISPATCHED
      order PROCESSING → COMPLETE
    ");
    assert_snapshot!(scene.hear(&[says(Status::OutForDelivery)]), @"IGNORED K6 NOT_CHANNEL_SHIPPED: out_for_delivery of channel FK1: the seller ships this order");
    assert_snapshot!(scene.hear(&[says(Status::RtoInitiated)]), @"IGNORED K6 NOT_CHANNEL_SHIPPED: rto_initiated of channel FK1: the seller ships this order");
    let mut open = packed(PackageStatus::Created, 1).seller_ships();
    assert_snapshot!(open.hear(&[says(Status::RtoInitiated)]), @"
    APPLIED D3>K6 NOT_CHANNEL_SHIPPED: dispatched in SP90, invoice INV/0001; rto_initiated of channel FK1: the seller ships this order
      invoice INV/0001 of package SP90 GENERATED
      stock A in DEL1: on hand -1 blocked -1
      item O1-1 FULFILLABLE → DISPATCHED
      package SP90 CREATED → DISPATCHED
      order PROCESSING → COMPLETE
    ");
    // The way back itself holds whoever ships.
    assert_snapshot!(open.hear(&[says(Status::CourierReturn).ret("", Some(ReturnKind::Rto))]), @"
    APPLIED R1: package SP90 is on its way back
      RTO SP90 NOT_RECEIVED (O1-1)
      package SP90 DISPATCHED → RETURN_EXPECTED
    ");
}

#[test]
fn l1_a_delivery_fills_blanks_and_keeps_its_first_time() {
    let mut scene = packed(PackageStatus::Dispatched, 1);
    assert_snapshot!(scene.hear(&[says(Status::Delivered).awb("EK1").on("2026-01-16")]), @"
    APPLIED L1: item O1-1 delivered
      AWB of package SP90 is EK1
      item O1-1 DISPATCHED → DELIVERED
      package SP90 DISPATCHED → DELIVERED
    ");
    // Told again, at the same time, earlier, later, and in between.
    let mut last = Vec::new();
    for (word, day) in [("a", "2026-01-16"), ("b", "2026-01-14"), ("c", "2026-01-18"), ("d", "2026-01-17")] {
        scene.hear(&[says(Status::Delivered).raw(word).on(day)]);
        last.push(scene.edit("SP90").last_delivered_at);
    }
    assert_eq!(last, [None, None, Some(at("2026-01-18")), Some(at("2026-01-18"))]);
    assert_eq!(scene.edit("SP90").delivered_at, Some(at("2026-01-16")));
    let mut untimed = packed(PackageStatus::Delivered, 1);
    untimed.hear(&[says(Status::Delivered).on("2026-01-16")]);
    assert_eq!(untimed.edit("SP90").delivered_at, Some(at("2026-01-16")));
}

#[test]
fn l2_a_dispatch_that_is_told_in_so_many_words_is_not_made_up_for() {
    let mut scene = loose(ItemStatus::Created);
    let decision = scene.decide(&[says(Status::Delivered), says(Status::Dispatched)]);
    let rows: Vec<_> = decision.verdicts.iter().map(Verdict::row_text).collect();
    assert_eq!(rows, ["L1", "D6"]);
}

#[test]
fn l2_each_word_that_implies_the_dispatch_says_so() {
    let mut scene = packed(PackageStatus::Created, 2);
    let told = [says(Status::Delivered).item("1"), says(Status::Delivered).item("2")];
    let rows: Vec<_> = scene.decide(&told).verdicts.iter().map(Verdict::row_text).collect();
    assert_eq!(rows, ["D3>L2", "D3>L2"]);
}

#[test]
fn l2_a_refused_dispatch_refuses_every_word_that_implies_it() {
    let mut scene = packed(PackageStatus::Created, 2).lacking(&ALL_SERIES);
    let told = [says(Status::Delivered).item("1"), says(Status::Delivered).item("2")];
    let rows: Vec<_> = scene.decide(&told).verdicts.iter().map(Verdict::row_text).collect();
    assert_eq!(rows, ["D10", "D10"]);
    assert_eq!(scene.edit("SP90").status, PackageStatus::Created);
}

#[test]
fn l3_each_package_has_its_own_way_back() {
    let mut scene = packed(PackageStatus::Shipped, 1).package("SP91", PackageStatus::Shipped, 1);
    scene.hear(&[
        says(Status::CourierReturn).item("1").on("2026-01-18"),
        says(Status::CourierReturn).item("2").on("2026-01-16"),
    ]);
    assert_snapshot!(scene.hear(&[says(Status::Delivered).item("2").on("2026-01-17")]), @"
    APPLIED L3: delivered with a new attempt; the RTO is closed
      RTO SP91 CLOSED (O1-2)
      item O1-2 DISPATCHED → DELIVERED
      package SP91 RETURN_EXPECTED → DELIVERED
    ");
    assert_snapshot!(scene.hear(&[says(Status::Delivered).item("1").on("2026-01-17")]), @"STALE G8: A later state is already known; nothing moves backwards.");
}

#[test]
fn l3_the_latest_word_on_the_way_back_counts() {
    let mut scene = packed(PackageStatus::Shipped, 1).package("SP91", PackageStatus::Shipped, 1);
    scene.hear(&[says(Status::CourierReturn).on("2026-01-16")]);
    let mut last = Vec::new();
    for (word, day) in [("a", "2026-01-16"), ("b", "2026-01-14"), ("c", "2026-01-18"), ("d", "2026-01-17")] {
        scene.hear(&[says(Status::RtoInitiated).item("2").raw(word).on(day)]);
        let last_at = |place: usize| scene.file.order.returns[place].last_at;
        last.push((last_at(0), last_at(1)));
    }
    let latest = Some(at("2026-01-18"));
    assert_eq!(last, [(None, None), (None, None), (None, latest), (None, latest)]);
    assert_snapshot!(scene.hear(&[says(Status::Delivered).on("2026-01-17")]), @"
    APPLIED L3: delivered with a new attempt; the RTO is closed
      RTO SP90 CLOSED (O1-1)
      item O1-1 DISPATCHED → DELIVERED
      package SP90 RETURN_EXPECTED → DELIVERED
    ");
    assert_snapshot!(scene.hear(&[says(Status::Delivered).item("2").on("2026-01-19")]), @"
    APPLIED L3: delivered with a new attempt; the RTO is closed
      RTO SP91 CLOSED (O1-2)
      item O1-2 DISPATCHED → DELIVERED
      package SP91 RETURN_EXPECTED → DELIVERED
    ");
}

#[test]
fn l3_a_way_back_without_a_time_is_never_older_than_a_delivery() {
    let mut scene = packed(PackageStatus::Shipped, 1);
    scene.hear(&[says(Status::CourierReturn)]);
    scene.hear(&[says(Status::RtoInitiated).on("2026-01-16")]);
    assert_snapshot!(scene.hear(&[says(Status::Delivered).on("2026-01-17")]), @"STALE G8: A later state is already known; nothing moves backwards.");
}

#[test]
fn k1_a_word_about_the_whole_order_reaches_every_package() {
    let mut scene = packed(PackageStatus::Dispatched, 2).package("SP91", PackageStatus::Dispatched, 1);
    assert_snapshot!(scene.hear(&[says(Status::InTransit)]), @"
    APPLIED K1: courier says in_transit
      package SP90 DISPATCHED → SHIPPED
      courier of package SP90 says in_transit
      package SP91 DISPATCHED → SHIPPED
      courier of package SP91 says in_transit
    ");
}

#[test]
fn k1_an_old_word_that_was_known_does_not_take_the_place_of_a_later_one() {
    let mut scene = packed(PackageStatus::Dispatched, 1);
    let told_again = says(Status::InTransit).on("2026-01-17");
    scene.hear(&[says(Status::InTransit).on("2026-01-16")]);
    scene.hear(std::slice::from_ref(&told_again));
    scene.hear(&[says(Status::OutForDelivery).on("2026-01-18")]);
    assert_snapshot!(scene.hear(&[told_again]), @"UNCHANGED G7: This was applied before, or says nothing new.");
    assert_eq!(scene.edit("SP90").courier_status.as_deref(), Some("out_for_delivery"));
}

#[test]
fn k1_the_same_word_for_each_unit_of_a_package_is_one_word() {
    let mut scene = packed(PackageStatus::Dispatched, 2);
    let told = [says(Status::InTransit), says(Status::InTransit).on("2026-01-17")];
    assert_snapshot!(scene.hear(&told), @"
    APPLIED K1: courier says in_transit
      package SP90 DISPATCHED → SHIPPED
      courier of package SP90 says in_transit
    APPLIED K1: courier says in_transit
    ");
}
