use plugin_api::{Error, ErrorKind};

use super::*;

fn held(awbs: &[&str], script: Script) -> Ran<Mark> {
    let order = OrderRef { awbs: awbs.iter().map(|&awb| awb.into()).collect(), ..order_ref("7000000001") };
    script.orders::<crate::Paytm>(Task::Delivery, settings(), vec![order])
}

fn sent(status: u32) -> Script {
    Script::new().reply(ORDERS, 200, one(7_000_000_001, 8_000_000_001, status, Some(3_000_000_001)))
}

fn awb_and_courier(ran: &Ran<Mark>) -> (Option<&str>, Option<&str>) {
    let seen = of_item(ran, "8000000001");
    (seen.awb.as_deref(), seen.courier.as_deref())
}

#[test]
fn a_waybill_is_asked_for_once_goods_have_left() {
    for status in [15, 7, 17, 18] {
        let ran = held(&[], sent(status).reply(FULFILMENTS, 200, fixture!("fulfilments")));
        assert_eq!(awb_and_courier(&ran), (Some("GA000111"), Some("Gati Air")), "{status}");
        assert_eq!(query(&ran, 1), "authtoken={token}&order_id=7000000001&limit=500");
        assert!(ran.transcript[1].ends_with("\ncookie: {token:cookie}"));
    }
    for status in [1, 2, 5, 23, 13, 25, 8, 6, 12, 3] {
        let ran = held(&[], sent(status));
        assert_eq!((ran.requests.len(), awb_and_courier(&ran)), (1, (None, None)), "{status}");
    }
}

#[test]
fn a_waybill_that_the_host_holds_is_not_asked_for_again() {
    assert_eq!(held(&["GA000111"], sent(7)).requests.len(), 1);
    let two = json!([{"id": 7_000_000_001_u64, "items": [
        {"id": 1, "status": 15, "fulfillment_id": 31}, {"id": 2, "status": 15, "fulfillment_id": 31},
        {"id": 3, "status": 15, "fulfillment_id": 32}]}]);
    let script = || Script::new().reply(ORDERS, 200, two.to_string()).reply(FULFILMENTS, 200, "[]");
    assert_eq!(held(&["A"], script()).requests.len(), 2, "two shipments, one waybill");
    assert_eq!(held(&["A", "B"], script()).requests.len(), 1);
}

#[test]
fn an_order_that_overlapping_windows_show_twice_is_asked_about_once() {
    let row = one(7_000_000_001, 8_000_000_001, 15, Some(3_000_000_001));
    let script = Script::new()
        .reply(ORDERS, 200, row.clone())
        .reply(FULFILMENTS, 200, fixture!("fulfilments"))
        .reply(ORDERS, 200, row);
    let ran = script.changed::<crate::Paytm>(Task::Status, settings(), UNTIL - 90 * MINUTE, UNTIL);
    assert!(ran.result.is_ok());
    assert_eq!((ran.requests.len(), ran.observations.len()), (3, 2));
    assert!(ran.observations.iter().all(|seen| seen.awb.as_deref() == Some("GA000111")));
}

#[test]
fn shipments_are_told_apart_by_their_id_and_by_item_where_no_id_is_known() {
    let orders = json!([{"id": 7, "items": [
        {"id": 1, "status": 15, "fulfillment_id": 31}, {"id": 2, "status": 15, "fulfillment_id": 32},
        {"id": 3, "status": 15}, {"id": 4, "status": 15}]}]);
    let fulfilments = json!([
        {"id": 31, "order_item_ids": [1, 2], "tracking_number": "A31", "shipping_description": "Gati"},
        {"fulfillment_id": "32", "tracking_number": "A32", "shipping_description": "Gati"},
        {"items": [{"fulfillment_id": 33}], "order_item_ids": ["3"], "tracking_number": "A33", "shipping_description": "Gati"},
        {"id": 34, "order_id": 8, "order_item_ids": [4], "tracking_number": "OTHER-ORDER"},
        {"id": [], "tracking_number": 5},
    ]);
    let ran = known(
        Script::new().reply(ORDERS, 200, orders.to_string()).reply(FULFILMENTS, 200, fulfilments.to_string()),
        &["7"],
    );
    assert!(ran.result.is_ok());
    let awb = |item| of_item(&ran, item).awb.as_deref();
    assert_eq!((awb("1"), awb("2"), awb("3"), awb("4")), (Some("A31"), Some("A32"), Some("A33"), None));
}

#[test]
fn a_shipment_without_a_waybill_yet_adds_nothing() {
    let answer = r#"[{"id":3000000001,"tracking_number":"","shipping_description":"Gati Air"}]"#;
    assert_eq!(awb_and_courier(&held(&[], sent(15).reply(FULFILMENTS, 200, answer))), (None, None));
}

#[test]
fn the_tracking_address_with_its_unfilled_marks_goes_nowhere() {
    let ran = held(&[], sent(15).reply(FULFILMENTS, 200, fixture!("fulfilments")));
    assert!(fixture!("fulfilments").contains("#AWBID#"));
    assert!(!format!("{:?}", ran.observations).contains('#'));
}

/// A shipment whose courier is a number only.
fn by_number(shipper: u32) -> String {
    json!([{"id": 3_000_000_001_u64, "tracking_number": "GA1", "shipper_id": shipper}]).to_string()
}

#[test]
fn a_courier_without_a_name_is_looked_up() {
    let script = sent(15).reply(FULFILMENTS, 200, by_number(159)).reply(SHIPPERS, 200, fixture!("shippers"));
    let ran = held(&[], script);
    assert_eq!(awb_and_courier(&ran), (Some("GA1"), Some("Gati International")));
    assert_eq!(query(&ran, 2), "authtoken={token}&order_id=7000000001");
}

#[test]
fn a_courier_that_nobody_names_is_its_number() {
    for (status, body) in
        [(200, fixture!("shippers")), (200, "{}"), (500, ""), (404, ""), (200, fixture!("error"))]
    {
        let ran = held(&[], sent(15).reply(FULFILMENTS, 200, by_number(7)).reply(SHIPPERS, status, body));
        assert_eq!(awb_and_courier(&ran), (Some("GA1"), Some("7")), "{status} {body}");
        assert!(ran.result.is_ok());
    }
}

#[test]
fn couriers_are_looked_up_once_and_not_again_after_a_failure() {
    let orders = json!([
        {"id": 1, "items": [{"id": 11, "status": 15, "fulfillment_id": 3_000_000_001_u64}]},
        {"id": 2, "items": [{"id": 21, "status": 15, "fulfillment_id": 3_000_000_001_u64}]}]);
    for (status, body, courier) in [(200, fixture!("shippers"), "Gati Air"), (503, "", "62")] {
        let script = Script::new()
            .reply(ORDERS, 200, orders.to_string())
            .reply(FULFILMENTS, 200, by_number(62))
            .reply(SHIPPERS, status, body)
            .reply(FULFILMENTS, 200, by_number(62));
        let ran = known(script, &["1", "2"]);
        assert_eq!(ran.requests.len(), 4);
        for item in ["11", "21"] {
            assert_eq!(of_item(&ran, item).courier.as_deref(), Some(courier));
        }
    }
}

#[test]
fn a_status_does_not_wait_for_a_waybill_that_fails() {
    let orders = json!([
        {"id": 1, "items": [{"id": 11, "status": 15}]}, {"id": 2, "items": [{"id": 21, "status": 15}]}]);
    let limited = || Err(Error::new(ErrorKind::RateLimited, "slow down"));
    for answer in [
        Ok(Reply::new(500, "")),
        Ok(Reply::new(403, "")),
        Ok(Reply::new(200, "{}")),
        Ok(Reply::new(200, fixture!("error"))),
        limited(),
    ] {
        let script = Script::new().reply(ORDERS, 200, orders.to_string()).answer(FULFILMENTS, answer);
        let ran = known(script, &["1", "2"]);
        assert!(ran.result.is_ok(), "{:?}", ran.result);
        assert_eq!(ran.statuses(), [("11", Some(Status::Dispatched)), ("21", Some(Status::Dispatched))]);
        assert_eq!(ran.requests.len(), 2, "and is not asked for again in this pull");
    }
}
