use plugin_api::{Mark, ReturnKind, ShippedBy};

use super::*;

/// Answers a question about courier data or invoices whatever it names.
fn without_extras(script: Script, ids: &[u32], dispatched: &[u32]) -> Script {
    let path = |ids: &[u32]| {
        format!(
            "GET /sellers/v3/shipments/{}",
            ids.iter().map(|&n| shipment(n)).collect::<Vec<_>>().join(",")
        )
    };
    script.reply(&path(ids), 200, r#"{"shipments":[]}"#).reply(
        &format!("{}/invoices", path(dispatched)),
        200,
        fixture!("invoices"),
    )
}

fn every_status() -> Ran<Mark> {
    let script = Script::new().reply(BY_ID, 200, fixture!("item_statuses"));
    let packed: Vec<_> = (4..=9).chain(11..=13).collect();
    let sent: Vec<_> = (6..=9).chain(11..=13).collect();
    known(without_extras(script, &packed, &sent), (1..=14).map(packed_ref).collect())
}

#[test]
fn every_row_of_the_item_table_is_reported_as_the_table_says() {
    use Status::*;
    let ran = every_status();
    assert_eq!(ran.result.as_ref().unwrap(), &Mark::default());
    let expected: &[(u32, &[Status], &str)] = &[
        (1, &[Created], "APPROVED"),
        (2, &[Created], "PACKING_IN_PROGRESS"),
        (3, &[Created], "FORM_FAILED"),
        (4, &[Packed], "PACKED"),
        (5, &[ReadyToShip], "READY_TO_DISPATCH"),
        (6, &[Dispatched], "PICKUP_COMPLETE"),
        (7, &[Dispatched, InTransit], "SHIPPED"),
        (8, &[Delivered], "DELIVERED"),
        (9, &[Delivered], "COMPLETED"),
        (10, &[Cancelled], "CANCELLED"),
        (11, &[ReturnRequested], "RETURN_REQUESTED"),
        (12, &[Returned], "RETURNED"),
        (13, &[CourierReturn], "CANCELLED"),
        (14, &[Unmapped], "TELEPORTED"),
    ];
    for (number, statuses, raw) in expected {
        let seen = of_item(&ran, *number);
        assert_eq!(seen.iter().filter_map(|seen| seen.status).collect::<Vec<_>>(), *statuses, "{raw}");
        assert!(seen.iter().all(|seen| seen.raw == *raw), "{raw}");
    }
    for row in crate::status::ITEM.rows() {
        assert!(expected.iter().any(|(.., raw)| *raw == row.raw), "{} has no fixture", row.raw);
    }
}

#[test]
fn a_turned_back_cancellation_is_an_rto_and_other_returns_leave_the_kind_open() {
    let ran = every_status();
    let rto = of_item(&ran, 13)[0].ret.clone().unwrap();
    assert_eq!((rto.kind, rto.reason.as_deref()), (Some(ReturnKind::Rto), Some("CUSTOMER_NOT_AVAILABLE")));
    for number in [11, 12] {
        let open = of_item(&ran, number)[0].ret.clone().unwrap();
        assert_eq!((open.kind, open.id), (None, None));
    }
    assert!([6, 7, 8, 10].iter().all(|&number| of_item(&ran, number)[0].ret.is_none()));
}

#[test]
fn a_cancellation_has_its_own_time_and_other_states_that_of_the_last_edit() {
    let ran = every_status();
    assert_eq!(
        of_item(&ran, 10)[0].at.map(plugin_api::time::rfc3339).as_deref(),
        Some("2026-01-14T06:00:00Z")
    );
    assert_eq!(
        of_item(&ran, 13)[0].at.map(plugin_api::time::rfc3339).as_deref(),
        Some("2026-01-14T07:00:00Z")
    );
    assert_eq!(
        of_item(&ran, 8)[0].at.map(plugin_api::time::rfc3339).as_deref(),
        Some("2026-01-15T03:30:00Z")
    );
}

#[test]
fn invoice_numbers_are_asked_for_once_goods_have_left() {
    let ran = every_status();
    let invoice = |number| of_item(&ran, number)[0].invoice.clone();
    assert_eq!(
        (invoice(6).as_deref(), invoice(7).as_deref()),
        (Some("FAXX260000006"), Some("FAXX260000007"))
    );
    assert_eq!((invoice(4), invoice(8)), (None, None));
    assert_eq!(ran.requests.len(), 3, "one call each for statuses, waybills and invoices");
}

#[test]
fn a_single_invoice_may_come_without_its_array() {
    let script = Script::new()
        .reply(BY_ID, 200, shown("PICKUP_COMPLETE", "NORMAL"))
        .reply(&format!("GET /sellers/v3/shipments/{}", shipment(6)), 200, r#"{"shipments":[]}"#)
        .reply(
            &format!("GET /sellers/v3/shipments/{}/invoices", shipment(6)),
            200,
            fixture!("invoices_object"),
        );
    assert_eq!(known(script, vec![packed_ref(6)]).observations[0].invoice.as_deref(), Some("FAXX260000006"));
}

/// Shipment 6 with one item in this status.
fn shown(status: &str, shipment_type: &str) -> String {
    json!({"shipments": [{"shipmentId": shipment(6), "shipmentType": shipment_type, "orderItems": [
        {"orderId": format!("OD{}", item(6)), "orderItemId": item(6), "status": status, "quantity": 1}]}]})
    .to_string()
}

#[test]
fn sellers_number_the_invoices_of_what_they_ship() {
    let script = Script::new().reply(BY_ID, 200, shown("SHIPPED", "SELF")).reply(
        &format!("GET /sellers/v3/shipments/{}", shipment(6)),
        200,
        r#"{"shipments":[]}"#,
    );
    let ran = known(script, vec![packed_ref(6)]);
    assert_eq!(ran.requests.len(), 2, "statuses and waybills");
    assert_eq!(ran.observations[0].invoice, None);
    assert!(ran.result.is_ok());
}

#[test]
fn a_waybill_that_the_host_holds_is_not_asked_for_again() {
    let held = OrderRef { awbs: vec!["FMPP0000000006".into()], ..packed_ref(6) };
    let ran = known(Script::new().reply(BY_ID, 200, shown("PACKED", "NORMAL")), vec![held]);
    assert_eq!((ran.requests.len(), ran.observations[0].awb.clone()), (1, None));
}

#[test]
fn one_held_waybill_does_not_stand_for_two_shipments() {
    let row = |n| {
        json!({"shipmentId": shipment(n), "orderItems": [
            {"orderId": "OD1", "orderItemId": item(n), "status": "PACKED", "quantity": 1}]})
    };
    let two = json!({"shipments": [row(6), row(7)]});
    let both = format!("GET /sellers/v3/shipments/{},{}", shipment(6), shipment(7));
    let held = OrderRef {
        order: "OD1".into(),
        packages: vec![shipment(6), shipment(7)],
        awbs: vec!["FMPP0000000006".into()],
        items: Vec::new(),
    };
    let ran = known(
        Script::new().reply(BY_ID, 200, two.to_string()).reply(&both, 200, r#"{"shipments":[]}"#),
        vec![held],
    );
    assert_eq!(paths(&ran)[1], both);
}

#[test]
fn nothing_more_is_asked_about_what_is_not_packed() {
    for status in ["APPROVED", "PACKING_IN_PROGRESS", "FORM_FAILED", "CANCELLED", "TELEPORTED"] {
        let ran = known(Script::new().reply(BY_ID, 200, shown(status, "NORMAL")), vec![packed_ref(6)]);
        assert_eq!((ran.requests.len(), ran.observations.len()), (1, 1), "{status}");
    }
}

#[test]
fn a_partly_cancelled_line_is_two_facts_with_their_own_units() {
    let script = Script::new().reply(BY_ID, 200, fixture!("partial_cancel")).reply(
        &format!("GET /sellers/v3/shipments/{}", shipment(31)),
        200,
        r#"{"shipments":[{"shipmentId":"7b1e2c90-1111-4222-8333-000000000031","subShipments":[
            {"courierDetails":{"deliveryDetails":{"trackingId":"EK31","vendorName":"Ekart"}}}]}]}"#,
    );
    let ran = known(script, vec![OrderRef { items: vec![item(31)], ..order_ref(31) }]);
    assert_eq!(paths(&ran)[0], format!("{BY_ID}?orderItemIds={}", item(31)));
    let facts: Vec<_> =
        of_item(&ran, 31).iter().map(|seen| (seen.status.unwrap(), seen.quantity.unwrap())).collect();
    assert_eq!(facts, [(Status::Packed, 2), (Status::Cancelled, 1)]);
    let cancelled = of_item(&ran, 31)[1];
    let awbs: Vec<_> = of_item(&ran, 31).iter().map(|seen| seen.awb.as_deref()).collect();
    assert_eq!(awbs, [Some("EK31"), None], "what never leaves has no waybill");
    assert_eq!(
        cancelled.at.map(plugin_api::time::rfc3339).as_deref(),
        Some("2026-01-14T06:00:00Z"),
        "no offset is Indian time"
    );
    assert_eq!(cancelled.sku.as_deref(), Some("TV 32\" & stand"));
    assert_eq!(cancelled.package, Some(shipment(31)));
}

#[test]
fn shipment_types_decide_who_ships_and_whether_the_courier_is_followed() {
    let sent: Vec<_> = (21..=25).collect();
    let billed = [21, 22, 24, 25];
    let script = without_extras(Script::new().reply(BY_ID, 200, fixture!("shipped_modes")), &sent, &billed);
    let ran = known(script, (21..=28).map(packed_ref).collect());
    let both = [Some(Status::Dispatched), Some(Status::InTransit)];
    for number in [21, 22, 24, 25] {
        assert_eq!(statuses_of(&ran, number), both, "{number}");
        assert_eq!(of_item(&ran, number)[0].shipped_by, Some(ShippedBy::Channel), "{number}");
    }
    assert_eq!(statuses_of(&ran, 23), [Some(Status::Dispatched)]);
    assert_eq!(of_item(&ran, 23)[0].shipped_by, Some(ShippedBy::Seller));
    assert!(
        of_item(&ran, 26).is_empty() && of_item(&ran, 27).is_empty(),
        "Flipkart's own warehouse is not ours"
    );
    assert_eq!(statuses_of(&ran, 28), [Some(Status::Created)], "on hold is still an order");
}

#[test]
fn flipkart_s_own_warehouse_is_reported_on_wish() {
    let sent: Vec<_> = (21..=27).collect();
    let billed = [21, 22, 24, 25, 26, 27];
    let script = without_extras(Script::new().reply(BY_ID, 200, fixture!("shipped_modes")), &sent, &billed);
    let refs = (21..=28).map(packed_ref).collect();
    let ran = script.orders::<crate::Flipkart>(plugin_api::Task::Pending, json!({"include_fbf": true}), refs);
    assert_eq!(statuses_of(&ran, 26), [Some(Status::Dispatched), Some(Status::InTransit)]);
    assert_eq!(statuses_of(&ran, 27).len(), 2);
}

#[test]
fn what_is_not_in_the_answer_is_not_reported() {
    let script = Script::new().reply(BY_ID, 200, r#"{"shipments":[]}"#);
    let ran = known(script, vec![order_ref(1), order_ref(2)]);
    assert!(ran.result.is_ok() && ran.observations.is_empty());
    assert_eq!(paths(&ran), [format!("{BY_ID}?orderIds=OD{},OD{}", item(1), item(2))]);
}

#[test]
fn items_that_no_known_shipment_shows_are_asked_for_by_item() {
    let script = Script::new()
        .reply(&format!("{BY_ID}?shipmentIds={}", shipment(6)), 200, shown("APPROVED", "NORMAL"))
        .reply(&format!("{BY_ID}?orderItemIds={}", item(10)), 200, r#"{"shipments":[]}"#);
    let ran = known(script, vec![OrderRef { items: vec![item(6), item(10)], ..packed_ref(6) }]);
    assert!(ran.result.is_ok(), "{:?}", ran.result);
    assert_eq!(ran.requests.len(), 2);
}

#[test]
fn two_hundred_orders_are_two_calls() {
    let script =
        Script::new().reply(BY_ID, 200, r#"{"shipments":[]}"#).reply(BY_ID, 200, r#"{"shipments":null}"#);
    let ran = known(script, (0..200).map(order_ref).collect());
    assert!(ran.result.is_ok() && ran.requests.len() == 2, "{:?}", ran.result);
}

#[test]
fn no_orders_are_no_calls() {
    let ran = known(Script::new(), Vec::new());
    assert!(ran.result.is_ok() && ran.requests.is_empty());
}

#[test]
fn rows_that_say_nothing_certain_are_skipped_and_the_rest_is_read() {
    let script = Script::new().reply(BY_ID, 200, fixture!("odd_rows")).reply(
        &format!("GET /sellers/v3/shipments/{}", shipment(51)),
        200,
        r#"{"shipments":[]}"#,
    );
    let ran = known(script, vec![packed_ref(51)]);
    assert_eq!(ran.statuses(), [("999000111222300055", Some(Status::Packed))]);
    let seen = &ran.observations[0];
    assert_eq!((seen.quantity, seen.at, seen.sku.clone()), (None, None, None));
}

#[test]
fn delivery_asks_by_id_in_the_same_way() {
    let script = Script::new().reply(BY_ID, 200, shown("DELIVERED", "NORMAL")).reply(
        &format!("GET /sellers/v3/shipments/{}/invoices", shipment(6)),
        200,
        r#"{"invoices":[]}"#,
    );
    let held = OrderRef { awbs: vec!["FMPP0000000006".into()], ..packed_ref(6) };
    let ran = script.orders::<crate::Flipkart>(plugin_api::Task::Delivery, json!({}), vec![held]);
    assert_eq!(statuses_of(&ran, 6), [Some(Status::Delivered)]);
    assert!(ran.result.is_ok());
}

#[test]
fn a_status_that_the_courier_call_shows_is_used() {
    let path = format!("GET /sellers/v3/shipments/{}", shipment(6));
    let script = Script::new().reply(BY_ID, 200, shown("PACKED", "NORMAL")).reply(
        &path,
        200,
        shown("READY_TO_DISPATCH", "NORMAL"),
    );
    let ran = known(script, vec![packed_ref(6)]);
    assert_eq!(statuses_of(&ran, 6), [Some(Status::Packed), Some(Status::ReadyToShip)]);
}
