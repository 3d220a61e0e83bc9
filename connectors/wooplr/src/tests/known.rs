use plugin_api::{ReturnKind, ShippedBy};

use super::*;

fn order(words: &Value) -> String {
    let mut order = json!({"subOrderId": 501, "transactionOrderId": 90, "reverseTrackingId": "R9"});
    for (name, value) in words.as_object().unwrap() {
        order[name] = value.clone();
    }
    order.to_string()
}

fn shown(words: &Value) -> Observation {
    let ran = one(Script::new().reply(&of("501"), 200, order(words)), "501");
    assert!(ran.result.is_ok(), "{:?}", ran.result);
    about(&ran, "501").clone()
}

#[test]
fn each_sub_order_is_asked_for_by_itself_and_keeps_the_host_s_order_id() {
    let row =
        |id: u32| json!({"subOrderId": id, "transactionOrderId": 90, "orderStatus": "SHIPPED"}).to_string();
    let script = Script::new().reply(&of("501"), 200, row(501)).reply(&of("502"), 200, row(502));
    let ran = known(script, vec![held("SO-1", &["501", "502"])]);
    assert_eq!(ran.statuses(), [("501", Some(Status::Dispatched)), ("502", Some(Status::Dispatched))]);
    assert!(ran.observations.iter().all(|seen| seen.order == "SO-1"));
    assert_eq!(ran.result.unwrap(), Mark::default());
}

#[test]
fn an_order_without_sub_orders_is_asked_for_by_its_own_id() {
    let script = Script::new().reply(&of("601"), 200, fixture!("full_order"));
    let ran = known(script, vec![held("601", &[])]);
    assert_eq!((about(&ran, "601").order.as_str(), ran.requests.len()), ("601", 1));
}

#[test]
fn a_whole_order_is_read_and_its_buyer_is_not() {
    let ran = one(Script::new().reply(&of("601"), 200, fixture!("full_order")), "601");
    let seen = about(&ran, "601");
    assert_eq!((seen.status, seen.shipped_by), (Some(Status::Delivered), Some(ShippedBy::Seller)));
    assert_eq!(seen.at, Some(1_480_200_000_000), "seconds among milliseconds");
    assert_eq!((seen.awb.as_deref(), seen.courier.as_deref()), (Some("T-601"), Some("DELHIVERY")));
    assert_eq!((seen.sku.as_deref(), seen.quantity, seen.package.as_ref()), (Some("KURTA-M"), None, None));
    let shown = format!("{:?}", ran.observations);
    assert!(!shown.contains("MADE-UP") && !shown.contains("made-up"), "{shown}");
}

#[test]
fn the_reverse_shipment_goes_before_a_completed_order() {
    for (word, status) in [("INITIATED", Status::ReturnRequested), ("SUCCESS", Status::Returned)] {
        let seen =
            shown(&json!({"orderStatus": "COMPLETED", "reverseShipmentStatus": word, "receivedDate": THEN}));
        let ret = seen.ret.clone().unwrap();
        assert_eq!(
            (seen.status, ret.kind, ret.awb.as_deref()),
            (Some(status), Some(ReturnKind::Cir), Some("R9"))
        );
        assert_eq!(seen.at, Some(THEN).filter(|_| status == Status::Returned));
    }
}

#[test]
fn a_turned_back_shipment_goes_before_a_shipped_order() {
    for (word, status) in [("RTO", Status::CourierReturn), ("DTO", Status::Returned)] {
        let seen = shown(&json!({"orderStatus": "SHIPPED", "shipmentCreateStatus": word}));
        let ret = seen.ret.clone().unwrap();
        assert_eq!((seen.status, seen.raw.as_str()), (Some(status), word));
        assert_eq!((ret.kind, ret.awb), (Some(ReturnKind::Rto), None), "R9 is a buyer's return's");
    }
}

#[test]
fn a_return_without_a_word_of_the_way_back_leaves_its_kind_open() {
    let seen = shown(&json!({"orderStatus": "RETURNED", "reverseShipmentStatus": "FAILED"}));
    assert_eq!((seen.status, seen.ret.unwrap().kind), (Some(Status::Returned), None));
}

#[test]
fn a_waybill_before_dispatch_is_kept_and_moves_nothing() {
    let seen = shown(&json!({"shipmentCreateStatus": "AWB_GENERATED", "WayBillNumber": "W1"}));
    assert_eq!((seen.status, seen.raw.as_str(), seen.awb.as_deref()), (None, "AWB_GENERATED", Some("W1")));
    let seen = shown(
        &json!({"orderStatus": "CONFIRMED", "shipmentCreateStatus": "AWB_GENERATED", "trackingId": "T1"}),
    );
    assert_eq!((seen.status, seen.awb.as_deref()), (Some(Status::Created), Some("T1")));
}

#[test]
fn money_moves_nothing() {
    let seen = shown(&json!({"orderStatus": "COMPLETED", "refundStatus": "SUCCESS"}));
    assert_eq!((seen.status, seen.raw.as_str()), (Some(Status::Delivered), "COMPLETED"));
}

#[test]
fn a_known_order_that_was_never_paid_is_cancelled() {
    for word in ["ABANDONED", "FAILED"] {
        assert_eq!(shown(&json!({ "orderStatus": word })).status, Some(Status::Cancelled));
    }
}

#[test]
fn an_order_without_any_status_is_no_news() {
    let ran = one(Script::new().reply(&of("501"), 200, order(&json!({"orderStatus": null}))), "501");
    assert!(ran.result.is_ok() && ran.observations.is_empty());
}

#[test]
fn no_orders_are_no_calls_and_odd_ids_are_not_put_into_a_path() {
    let ran = known(Script::new(), vec![held("a/b", &[]), held("SO-1", &["../501", "5?x"])]);
    assert!(ran.result.is_ok() && ran.requests.is_empty());
}

#[test]
fn one_order_may_be_asked_for_with_post() {
    let script = Script::new().reply("POST /one/501", 200, order(&json!({"orderStatus": "SHIPPED"})));
    let more = json!({"detail_method": "POST", "detail_path": "/one/{subOrderId}"});
    let ran = script.orders::<crate::Wooplr>(Task::Delivery, settings(&more), vec![held("SO-1", &["501"])]);
    assert_eq!(ran.statuses(), [("501", Some(Status::Dispatched))]);
}
