//! Stock, event by event: on hand, blocked, available, shortfall.

use plugin_api::{ReturnKind, Status};

use super::scene::{Scene, Words, loose, packed, says};
use crate::domain::{
    duties::Quality,
    order::{ItemStatus, PackageStatus},
};

/// On hand, blocked, available, shortfall.
fn stock(scene: &Scene) -> (i64, i64, i64, i64) {
    let row = scene.stock_row();
    (row.on_hand, row.blocked, row.available(), row.shortfall)
}

#[test]
fn dispatch_with_a_block_takes_both_and_leaves_available() {
    let mut scene = packed(PackageStatus::Picked, 1);
    assert_eq!(stock(&scene), (10, 1, 9, 0));
    scene.hear(&[says(Status::Dispatched)]);
    assert_eq!(stock(&scene), (9, 0, 9, 0));
}

#[test]
fn dispatch_without_stock_is_shortfall_and_never_below_zero() {
    let mut scene = loose(ItemStatus::Unfulfillable).stock(0, 0);
    scene.hear(&[says(Status::Dispatched)]);
    assert_eq!(stock(&scene), (0, 0, 0, 1));
}

#[test]
fn another_orders_block_is_not_taken() {
    let mut scene = loose(ItemStatus::Unfulfillable).stock(2, 2);
    scene.hear(&[says(Status::Dispatched)]);
    assert_eq!(stock(&scene), (2, 2, 0, 1));
}

#[test]
fn panel_words_move_no_stock() {
    let mut scene = packed(PackageStatus::Created, 1);
    scene.hear(&[says(Status::Packed), says(Status::ReadyToShip)]);
    assert_eq!(stock(&scene), (10, 1, 9, 0));
}

#[test]
fn cancelled_before_picking_is_available_at_once() {
    let mut scene = packed(PackageStatus::Created, 1);
    scene.hear(&[says(Status::Cancelled)]);
    assert_eq!(stock(&scene), (10, 0, 10, 0));
}

#[test]
fn cancelled_after_picking_or_invoicing_is_kept_out_until_put_away() {
    for status in
        [PackageStatus::Picked, PackageStatus::Packed, PackageStatus::ReadyToShip, PackageStatus::Manifested]
    {
        for (quality, after) in [(Quality::Good, (10, 0, 10, 0)), (Quality::Bad, (9, 0, 9, 0))] {
            let mut scene = packed(status, 1);
            scene.hear(&[says(Status::Cancelled)]);
            assert_eq!(stock(&scene), (10, 1, 9, 0), "{status}");
            scene.put_away("PA1", quality);
            assert_eq!(stock(&scene), after, "{status} {quality}");
        }
    }
}

#[test]
fn returned_goods_count_when_they_are_put_away_as_good() {
    for kind in [ReturnKind::Rto, ReturnKind::Cir] {
        for (quality, after) in [(Quality::Good, (11, 0, 11, 0)), (Quality::Bad, (10, 0, 10, 0))] {
            let mut scene = packed(PackageStatus::Delivered, 1);
            scene.hear(&[says(Status::Returned).ret("RR1", Some(kind))]);
            assert_eq!(stock(&scene), (10, 0, 10, 0));
            scene.put_away("PA1", quality);
            assert_eq!(stock(&scene), after);
        }
    }
}

#[test]
fn a_unit_that_holds_no_block_frees_none_when_it_is_put_away() {
    let cancelled = || {
        let mut scene = packed(PackageStatus::Packed, 1);
        scene.hear(&[says(Status::Cancelled)]);
        scene
    };
    let mut released = cancelled();
    released.item(1).allocated = Some(false);
    released.put_away("PA1", Quality::Good);
    assert_eq!(stock(&released), (10, 1, 9, 0), "the block is another order's");
    let mut gone = cancelled().stock(10, 0);
    gone.put_away("PA1", Quality::Bad);
    assert_eq!(stock(&gone), (10, 0, 10, 0));
}
