//! Which units a word means.

use std::fmt::Write;

use insta::assert_snapshot;
use plugin_api::{Observation, ReturnKind, Status};

use super::{
    super::{Verdict, case::Case, select},
    scene::{Scene, Words, loose, packed, says, scene},
};
use crate::domain::order::{ItemStatus, PackageStatus};

/// The units that a word means, in the order in which they are meant, after the rows by which they were chosen.
fn means(scene: &Scene, said: &Observation) -> String {
    let mut ledger = scene.ledger.clone();
    let case = Case::new(scene.file.clone(), &mut ledger, &scene.policy);
    match select::targets(&case, said, said.status.unwrap()) {
        Ok(found) => {
            let rows = found.rows.iter().map(|row| format!("{row}:"));
            let number = |&item: &usize| case.item(item).code.as_str().replace("O1-", "");
            rows.chain(found.items.iter().map(number)).collect::<Vec<_>>().join(" ")
        }
        Err(Verdict { message, .. }) => message,
    }
}

/// One unit for each way to stand. The codes run against the order of things, so that a choice shows.
fn every_standing() -> Scene {
    let cir = |status, id: &str, item: &str| says(status).ret(id, Some(ReturnKind::Cir)).item(item);
    let rto = |status, item: &str| says(status).ret("", Some(ReturnKind::Rto)).item(item);
    let mut scene = loose(ItemStatus::Cancelled)
        .package("SP2", PackageStatus::Delivered, 1)
        .package("SP3", PackageStatus::Delivered, 1)
        .package("SP4", PackageStatus::ReturnAcknowledged, 1)
        .package("SP5", PackageStatus::ReturnExpected, 1)
        .package("SP6", PackageStatus::Delivered, 1)
        .package("SP7", PackageStatus::Delivered, 1)
        .package("SP8", PackageStatus::Delivered, 1)
        .package("SP9", PackageStatus::Dispatched, 1)
        .package("SP10", PackageStatus::Dispatched, 1)
        .package("SP11", PackageStatus::Packed, 1)
        .package("SP12", PackageStatus::Created, 1)
        .loose(ItemStatus::Fulfillable)
        .loose(ItemStatus::Created);
    scene.hear(&[
        rto(Status::Returned, "2"),
        cir(Status::Returned, "R3", "3"),
        cir(Status::ReturnRequested, "R6", "6"),
        cir(Status::ReturnRequested, "R1", "7"),
        cir(Status::ReturnRequested, "R9", "9"),
    ]);
    scene
}

#[test]
fn a_total_means_first_what_is_there_already_and_then_what_is_nearest_to_it() {
    let scene = every_standing();
    let mut told = String::new();
    for &status in Status::ALL {
        writeln!(told, "{status} {}", means(&scene, &says(status).sku("A", 14))).unwrap();
    }
    for status in [Status::ReturnRequested, Status::Returned, Status::ReturnCancelled] {
        for kind in [Some(ReturnKind::Rto), Some(ReturnKind::Cir), None] {
            for id in ["", "R1"] {
                let said = says(status).sku("A", 14).ret(id, kind);
                let kind = kind.map_or("untold", ReturnKind::as_str);
                writeln!(told, "{status} {kind} {id} {}", means(&scene, &said)).unwrap();
            }
        }
    }
    assert_snapshot!(told, @"
    CREATED 14 13 12 11 9 10 5 4 6 7 8 2 3 1
    PENDING_VERIFICATION 14 13 12 11 9 10 5 4 6 7 8 2 3 1
    PACKED 14 13 12 11 9 10 5 4 6 7 8 2 3 1
    READY_TO_SHIP 14 13 12 11 9 10 5 4 6 7 8 2 3 1
    DISPATCHED D21: 2 3 6 7 8 4 5 9 10 11 12 13 14 1
    COMPLETE D21: 2 3 6 7 8 4 5 9 10 11 12 13 14 1
    IN_TRANSIT D21: 3 9 10 6 7 8 5 2 4 11 12 13 14 1
    OUT_FOR_DELIVERY D21: 3 9 10 6 7 8 5 2 4 11 12 13 14 1
    UNDELIVERED D21: 3 9 10 6 7 8 5 2 4 11 12 13 14 1
    DELIVERED D21: 3 6 7 8 9 10 5 2 4 11 12 13 14 1
    CANCELLED C12: 1 14 13 12 11 9 10 5 4 6 7 8 2 3
    COURIER_RETURN 2 3 4 5 9 10 6 7 8 11 12 13 14 1
    RTO_INITIATED 2 3 4 5 9 10 6 7 8 11 12 13 14 1
    RTO_DELIVERED 2 3 4 5 9 10 6 7 8 11 12 13 14 1
    RETURN_REQUESTED 3 6 7 9 8 10 11 12 13 14 4 5 2 1
    RETURNED 2 3 4 5 9 10 6 7 8 11 12 13 14 1
    RETURN_CANCELLED 3 6 7 9 8 10 11 12 13 14 4 5 2 1
    LOST D21: 3 9 10 6 7 8 5 2 4 11 12 13 14 1
    DAMAGED D21: 3 9 10 6 7 8 5 2 4 11 12 13 14 1
    UNMAPPED 14 13 12 11 9 10 5 4 6 7 8 2 3 1
    RETURN_REQUESTED RTO  2 3 4 5 9 10 6 7 8 11 12 13 14 1
    RETURN_REQUESTED RTO R1 2 3 4 5 9 10 6 7 8 11 12 13 14 1
    RETURN_REQUESTED CIR  3 6 7 9 8 10 11 12 13 14 4 5 2 1
    RETURN_REQUESTED CIR R1 7 8 10 11 12 13 14 6 9 4 5 2 3 1
    RETURN_REQUESTED untold  2 3 6 7 4 5 9 8 10 11 12 13 14 1
    RETURN_REQUESTED untold R1 2 3 7 4 5 8 10 11 12 13 14 6 9 1
    RETURNED RTO  2 3 4 5 9 10 6 7 8 11 12 13 14 1
    RETURNED RTO R1 2 3 4 5 9 10 6 7 8 11 12 13 14 1
    RETURNED CIR  3 6 7 9 8 10 11 12 13 14 4 5 2 1
    RETURNED CIR R1 7 8 10 11 12 13 14 6 9 4 5 2 3 1
    RETURNED untold  2 3 4 5 9 10 6 7 8 11 12 13 14 1
    RETURNED untold R1 2 3 4 5 9 10 6 7 8 11 12 13 14 1
    RETURN_CANCELLED RTO  2 3 4 5 9 10 6 7 8 11 12 13 14 1
    RETURN_CANCELLED RTO R1 2 3 4 5 9 10 6 7 8 11 12 13 14 1
    RETURN_CANCELLED CIR  3 6 7 9 8 10 11 12 13 14 4 5 2 1
    RETURN_CANCELLED CIR R1 7 8 10 11 12 13 14 6 9 4 5 2 3 1
    RETURN_CANCELLED untold  2 3 6 7 4 5 9 8 10 11 12 13 14 1
    RETURN_CANCELLED untold R1 2 3 7 4 5 8 10 11 12 13 14 6 9 1
    ");
}

#[test]
fn a_total_counts_so_many_units_and_over_one_unit_is_no_choice() {
    let scene = loose(ItemStatus::Created).loose(ItemStatus::Created).loose(ItemStatus::Created);
    let told: Vec<_> = (0..5).map(|count| means(&scene, &says(Status::Dispatched).sku("A", count))).collect();
    assert_eq!(told, ["D21:", "D21: 1", "D21: 1 2", "D21: 1 2 3", "D21: 1 2 3"]);
    assert_eq!(means(&loose(ItemStatus::Created), &says(Status::Dispatched).sku("A", 1)), "1");
    assert_eq!(means(&loose(ItemStatus::Created), &says(Status::Cancelled).sku("A", 1)), "1");
}

#[test]
fn a_return_that_is_over_does_not_keep_a_unit_from_another() {
    let mut scene = packed(PackageStatus::Delivered, 2);
    let said = |status, id: &str| says(status).ret(id, Some(ReturnKind::Cir)).item("1");
    scene.hear(&[said(Status::ReturnRequested, "R1")]);
    let asked = says(Status::ReturnRequested).ret("R2", Some(ReturnKind::Cir)).sku("A", 2);
    assert_eq!(means(&scene, &asked), "2 1");
    scene.hear(&[said(Status::ReturnCancelled, "R1")]);
    assert_eq!(means(&scene, &asked), "1 2");
}

#[test]
fn among_units_on_the_shelf_the_one_in_a_package_goes_first() {
    let scene = loose(ItemStatus::Fulfillable).package("SP90", PackageStatus::Created, 1);
    assert_eq!(means(&scene, &says(Status::Dispatched).sku("A", 1)), "D21: 2");
}

#[test]
fn an_id_that_is_not_known_falls_back_to_the_product_of_units_without_an_id() {
    let scene =
        loose(ItemStatus::Created).loose(ItemStatus::Created).loose(ItemStatus::Created).with(|scene| {
            scene.item(2).channel_item_id = None;
            scene.item(3).channel_item_id = None;
            scene.item(3).sku = "B".into();
        });
    let mut said = says(Status::Dispatched).item("99");
    assert_eq!(means(&scene, &said), "Order OD1 / item 99 of channel FK1 is not known here");
    said.sku = Some("A".to_owned());
    assert_eq!(means(&scene, &said), "2");
    said.sku = Some("C".to_owned());
    assert_eq!(means(&scene, &said), "Order OD1 / item 99 of channel FK1 is not known here");
}

/// Two packages; the units of each have the marketplace's item id 1.
fn one_line_in_two_packages() -> Scene {
    packed(PackageStatus::Dispatched, 1).package("SP91", PackageStatus::Dispatched, 1).with(|scene| {
        scene.item(2).channel_item_id = Some("1".to_owned());
        scene.edit("SP90").channel_package_id = Some("P1".to_owned());
        scene.edit("SP91").channel_package_id = Some("P2".to_owned());
    })
}

#[test]
fn an_item_in_a_named_package_is_the_part_of_it_that_is_in_there() {
    let scene = one_line_in_two_packages();
    assert_eq!(means(&scene, &says(Status::Delivered).item("1").package("P2")), "2");
    assert_eq!(means(&scene, &says(Status::Delivered).item("1")), "1 2");
    // An item that is elsewhere here counts for more than the package that is named with it.
    let scene = scene.with(|scene| scene.item(2).channel_item_id = Some("2".to_owned()));
    assert_eq!(means(&scene, &says(Status::Delivered).item("1").package("P2")), "1");
}

#[test]
fn what_is_cancelled_is_passed_by_and_a_row_says_so_only_of_a_whole_order_that_was_sent() {
    let scene = packed(PackageStatus::Created, 1).loose(ItemStatus::Cancelled).with(|scene| {
        scene.item(2).channel_item_id = Some("1".to_owned());
    });
    assert_eq!(means(&scene, &says(Status::Dispatched)), "D22: 1");
    assert_eq!(means(&scene, &says(Status::Delivered)), "1");
    assert_eq!(means(&scene, &says(Status::Dispatched).item("1")), "1");
    assert_eq!(means(&scene, &says(Status::Cancelled)), "1 2");
}

#[test]
fn a_cancelled_package_is_meant_only_where_it_is_named() {
    let named = |id: Option<&str>, awb: Option<&str>| {
        packed(PackageStatus::Cancelled, 1)
            .package("SP91", PackageStatus::Created, 1)
            .package("SP92", PackageStatus::Cancelled, 1)
            .loose(ItemStatus::Cancelled)
            .with(|scene| {
                scene.edit("SP90").channel_package_id = id.map(str::to_owned);
                scene.edit("SP90").awb = awb.map(str::to_owned);
                scene.edit("SP91").awb = Some("EK2".to_owned());
                // Taken out of a package that was cancelled later.
                scene.item(4).package = None;
            })
    };
    let by_id = named(Some("P1"), None);
    assert_eq!(means(&by_id, &says(Status::Dispatched).package("P1")), "1");
    assert_eq!(means(&by_id, &says(Status::Dispatched).package("P2")), "D22: 2");
    let by_awb = named(None, Some("EK1"));
    assert_eq!(means(&by_awb, &says(Status::Dispatched).awb("EK1")), "1");
    assert_eq!(means(&by_awb, &says(Status::Dispatched).awb("EK2")), "2");
    assert_eq!(means(&by_awb, &says(Status::Dispatched)), "D22: 2");
}

#[test]
fn a_package_is_known_by_its_id_or_by_its_waybill() {
    let scene = one_line_in_two_packages().with(|scene| scene.edit("SP91").awb = Some("EK2".to_owned()));
    assert_eq!(means(&scene, &says(Status::Delivered).package("P1")), "L8: 1");
    assert_eq!(means(&scene, &says(Status::Delivered).awb("EK2")), "L8: 2");
    // Another id with the same waybill is another package.
    assert_eq!(
        means(&scene, &says(Status::Delivered).package("P3").awb("EK2")),
        "Order OD1 / item package P3 of channel FK1 is not known here"
    );
    let only =
        packed(PackageStatus::Dispatched, 1).with(|scene| scene.edit("SP90").awb = Some("EK1".to_owned()));
    assert_eq!(means(&only, &says(Status::Delivered).awb("EK1")), "1");
}

#[test]
fn a_package_that_is_not_known_is_the_one_that_has_no_name_yet() {
    let scene = packed(PackageStatus::Dispatched, 1).package("SP91", PackageStatus::Dispatched, 1);
    let by_id = scene.with(|scene| scene.edit("SP90").channel_package_id = Some("P1".to_owned()));
    assert_eq!(means(&by_id, &says(Status::Delivered).package("P2")), "2");
    let scene = packed(PackageStatus::Dispatched, 1).package("SP91", PackageStatus::Dispatched, 1);
    let by_awb = scene.with(|scene| scene.edit("SP90").awb = Some("EK1".to_owned()));
    assert_eq!(means(&by_awb, &says(Status::Delivered).awb("EK2")), "2");
    let none_left = by_awb.with(|scene| scene.edit("SP91").awb = Some("EK2".to_owned()));
    assert_eq!(
        means(&none_left, &says(Status::Delivered).awb("EK3")),
        "Order OD1 / item package EK3 of channel FK1 is not known here"
    );
}

#[test]
fn an_order_without_units_means_none() {
    assert_eq!(means(&scene(), &says(Status::Delivered)), "Order OD1 of channel FK1 has no items here");
}
