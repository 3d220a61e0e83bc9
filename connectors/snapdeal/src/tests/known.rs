use plugin_api::ShippedBy;

use super::*;

#[test]
fn every_word_is_reported_as_the_table_says_with_its_text() {
    use Status::*;
    let expected = [
        (101, Created, "PFF"),
        (102, Created, "PRNT"),
        (103, Created, "MFG"),
        (104, Created, "BARP"),
        (105, Created, "AHOS"),
        (106, Created, "ASTN"),
        (107, Dispatched, "SHP"),
        (108, Delivered, "FFD"),
        (109, Cancelled, "CLD"),
        (110, Unmapped, "TELEPORTED"),
    ];
    let script = Script::new().reply(&of(COMPLETED, &package(99)), 200, fixture!("every_status"));
    let ran = known(script, vec![held(50, &[], &[99])]);
    assert!(ran.result.is_ok(), "{:?}", ran.result);
    for (number, status, raw) in expected {
        assert_eq!((status_of(&ran, number), about(&ran, number)[0].raw.as_str()), (Some(status), raw));
    }
    for row in crate::status::SUBORDER.rows() {
        assert!(expected.iter().any(|(.., raw)| *raw == row.raw), "{} has no fixture", row.raw);
    }
}

#[test]
fn a_completed_package_belongs_to_the_order_that_was_asked_about() {
    let script = Script::new().reply(&of(COMPLETED, &package(1)), 200, fixture!("completed_package"));
    let ran = known(script, vec![held(1, &[1], &[1])]);
    let seen = about(&ran, 1)[0];
    assert_eq!(seen.order, order(1), "the answer does not name it");
    assert_eq!((seen.status, seen.at), (Some(Status::Dispatched), Some(THEN + 3_600_000)));
    assert_eq!((seen.awb.as_deref(), seen.courier.as_ref()), (Some("7260000000001"), None));
    assert_eq!(ran.requests.len(), 1);
    assert_eq!(ran.result.unwrap(), Mark::default());
}

#[test]
fn a_delivery_has_the_time_at_which_it_was_seen() {
    let script = Script::new().reply(&of(COMPLETED, &package(99)), 200, fixture!("every_status"));
    let ran = known(script, vec![held(50, &[], &[99])]);
    assert_eq!(about(&ran, 108)[0].at, Some(UNTIL), "Snapdeal tells none");
}

#[test]
fn a_package_that_is_not_completed_is_asked_for_among_the_new() {
    for (status, nothing) in [
        (200, fixture!("empty_packages")),
        (200, fixture!("refused")),
        (200, r#"{"metadata":{},"payload":null}"#),
        (404, fixture!("refused")),
        (404, ""),
        (400, fixture!("refused")),
    ] {
        let script = Script::new().reply(&of(COMPLETED, &package(1)), status, nothing).reply(
            &of(NEW, &package(1)),
            200,
            packages([1], "PRNT"),
        );
        let ran = known(script, vec![held(1, &[1], &[1])]);
        assert!(ran.result.is_ok(), "{status} {nothing}: {:?}", ran.result);
        assert_eq!(status_of(&ran, 1), Some(Status::Created), "{status} {nothing}");
    }
}

#[test]
fn a_suborder_that_its_package_does_not_show_is_asked_for_among_the_cancelled() {
    let script = Script::new().reply(&of(COMPLETED, &package(1)), 200, fixture!("completed_package")).reply(
        &of(CANCELLED, &suborder(6)),
        200,
        fixture!("cancelled_suborder"),
    );
    let ran = known(script, vec![held(1, &[1, 6], &[1])]);
    assert_eq!((status_of(&ran, 1), status_of(&ran, 6)), (Some(Status::Dispatched), Some(Status::Cancelled)));
    assert_eq!(ran.requests.len(), 2, "cancelled and shipped in one package are two facts");
    assert!(ran.result.is_ok());
}

#[test]
fn absence_from_every_list_says_nothing() {
    let script = Script::new()
        .reply(&of(COMPLETED, &package(1)), 200, fixture!("refused"))
        .reply(&of(NEW, &package(1)), 200, fixture!("empty_packages"))
        .reply(&of(CANCELLED, &suborder(1)), 404, "");
    let ran = known(script, vec![held(1, &[1], &[1])]);
    assert!(ran.result.is_ok() && ran.observations.is_empty());
    assert_eq!(ran.requests.len(), 3, "printed and not yet shipped: there is nothing to search for");
}

#[test]
fn the_modes_say_who_ships_and_snapdeal_s_own_centres_are_not_ours() {
    let script = || Script::new().reply(&of(COMPLETED, &package(1)), 200, fixture!("modes"));
    let ran = known(script(), vec![held(1, &[], &[1])]);
    for (number, by) in [
        (10, Some(ShippedBy::Channel)),
        (11, Some(ShippedBy::Channel)),
        (12, Some(ShippedBy::Channel)),
        (13, Some(ShippedBy::Seller)),
        (15, None),
        (16, None),
    ] {
        assert_eq!(
            (status_of(&ran, number), about(&ran, number)[0].shipped_by),
            (Some(Status::Delivered), by)
        );
    }
    assert!(about(&ran, 14).is_empty(), "FC_VOI");
    let wished = known_with(json!({"include_fc_voi": true}), script(), vec![held(1, &[], &[1])]);
    assert_eq!(about(&wished, 14)[0].shipped_by, Some(ShippedBy::Channel));
}

#[test]
fn several_packages_are_asked_for_until_every_suborder_is_seen() {
    let script = Script::new().reply(&of(COMPLETED, &package(1)), 200, packages([1], "SHP")).reply(
        &of(COMPLETED, &package(2)),
        200,
        packages([2], "FFD"),
    );
    let ran = known(script, vec![held(1, &[1, 2], &[1, 2, 3])]);
    assert_eq!((status_of(&ran, 1), status_of(&ran, 2)), (Some(Status::Dispatched), Some(Status::Delivered)));
    assert_eq!(ran.requests.len(), 2, "a third package code is from before a split");
}

#[test]
fn codes_that_are_none_are_not_put_into_a_path() {
    let odd = OrderRef {
        order: order(1),
        items: vec!["../orders/new".into()],
        packages: vec!["SLP 1?x=".into()],
        awbs: Vec::new(),
    };
    let ran = known(Script::new().reply(NEW, 200, fixture!("empty_packages")), vec![odd]);
    assert_eq!(paths(&ran), ["GET /seller-api/orders/new"]);
    assert!(ran.result.is_ok());
}

#[test]
fn no_orders_are_no_calls() {
    let ran = known(Script::new(), Vec::new());
    assert!(ran.result.is_ok() && ran.requests.is_empty());
}

#[test]
fn a_rider_s_pick_up_is_a_dispatch_on_wish() {
    let page = json!({"payload": {"packages": [{"packageReferenceCode": package(1), "fulfillmentModelCode": "OCPLUS",
        "items": [{"suborderCode": suborder(1), "siStatusCode": "ASTN"}]}]}});
    for (settings, status) in
        [(json!({}), Status::Created), (json!({"ocplus_dispatch_at": "ASTN"}), Status::Dispatched)]
    {
        let script = Script::new().reply(&of(COMPLETED, &package(1)), 200, page.to_string());
        let ran = known_with(settings, script, vec![held(1, &[1], &[1])]);
        assert_eq!(status_of(&ran, 1), Some(status));
    }
}

#[test]
fn an_operator_s_word_counts() {
    let settings = json!({"status_table": {"TELEPORTED": "DISPATCHED"}});
    let script = Script::new().reply(&of(COMPLETED, &package(99)), 200, fixture!("every_status"));
    let ran = known_with(settings, script, vec![held(50, &[], &[99])]);
    assert_eq!(status_of(&ran, 110), Some(Status::Dispatched));
}
