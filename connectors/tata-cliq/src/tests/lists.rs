use plugin_api::{
    ShippedBy,
    Status::{self, Cancelled, Created, Dispatched},
};

use super::*;

#[test]
fn one_call_with_the_pasted_token_covers_the_window() {
    let ran = listed(fixture!("orders_empty.json"), json!({}));
    assert_eq!(ran.result.unwrap(), Mark::complete_until(NOW));
    assert_eq!(ran.observations, []);
    assert_eq!(
        ran.transcript,
        ["GET https://cliq.example/PartnerConnect/PC_100001/AP_SALES_ORDER/AVT_JSON_SALES_ORDER/AV_2.0/\n\
         accept: application/json\nauthorization: Bearer {secret:token}"]
    );
}

#[test]
fn a_mark_never_lies_in_the_future() {
    let script = Script::new().reply(LIST, 200, fixture!("orders_empty.json"));
    let ran = script.changed::<crate::TataCliq>(Task::Status, settings(json!({})), NOW, NOW + 3_600_000);
    assert_eq!(ran.result.unwrap(), Mark::complete_until(NOW));
}

#[test]
fn each_line_is_its_own_unit_with_its_courier_and_its_time() {
    let ran = listed(fixture!("orders_active.json"), json!({}));
    assert!(ran.result.is_ok(), "{:?}", ran.result);
    let expected =
        [("90000000000000001", Dispatched), ("90000000000000002", Cancelled), ("90000000000000003", Created)];
    assert_eq!(ran.statuses(), expected.map(|(item, status)| (item, Some(status))));
    let sent = &ran.observations[0];
    assert_eq!((sent.order.as_str(), sent.sku.as_deref()), ("10001-200-300000", Some("EAN1")));
    assert_eq!((sent.awb.as_deref(), sent.courier.as_deref()), (Some("BD0001"), Some("BD")));
    assert_eq!(sent.at, Some(1_641_898_800_000), "2022-01-11 16:30 in India is 11:00 UTC");
    assert_eq!(
        (sent.shipped_by, sent.quantity, sent.package.clone()),
        (Some(ShippedBy::Channel), None, None)
    );
    assert_eq!((sent.ret.clone(), sent.invoice.clone()), (None, None));
}

#[test]
fn a_freebie_is_a_line_of_its_own() {
    let ran = listed(fixture!("orders_active.json"), json!({}));
    let [free] = of(&ran, "90000000000000002")[..] else { panic!("{:?}", ran.observations) };
    assert_eq!((free.status, free.order.as_str()), (Some(Cancelled), "10001-200-300000"));
    assert_eq!((free.shipped_by, free.at), (None, None), "what the line does not say stays open");
}

#[test]
fn texts_that_mean_nothing_are_absent() {
    let ran = listed(fixture!("orders_active.json"), json!({}));
    let own = of(&ran, "90000000000000003")[0];
    assert_eq!(own.shipped_by, Some(ShippedBy::Seller));
    assert_eq!((own.sku.clone(), own.awb.clone(), own.courier.clone()), (None, None, None));
}

#[test]
fn no_buyer_is_read() {
    for body in [fixture!("orders_active.json"), fixture!("order_returned.json")] {
        let shown = format!("{:?}", listed(body, json!({})).observations);
        assert!(
            body.contains("Nobody") && !shown.contains("Nobody") && !shown.contains("example.invalid"),
            "{shown}"
        );
    }
}

#[test]
fn rows_that_cannot_be_read_are_told_and_their_neighbours_are_reported() {
    let ran = listed(fixture!("odd_rows.json"), json!({}));
    let expected = [("90000000000000020", Some(Dispatched)), ("90000000000000028", Some(Created))];
    assert_eq!(ran.statuses(), expected);
    assert_eq!(ran.observations[0].at, None, "`soon` is no time");
    let error = ran.result.unwrap_err();
    assert_eq!((error.kind, error.operation.as_str()), (plugin_api::ErrorKind::BadReply, "list_orders"));
    assert!(error.message.contains(": 7;"), "{error}");
    assert!(!error.message.contains("9000000"), "{error}");
}

#[test]
fn a_line_of_another_seller_is_left_out() {
    let line = |seller: Value| json!({"transactionId": "T1", "omsStatusCode": "019", "sellerID": seller});
    for (seller, reported) in
        [(json!("100001"), 1), (json!(100_001), 1), (json!(null), 1), (json!("200002"), 0)]
    {
        let ran = listed(one_line(&line(seller.clone())), json!({}));
        assert!(ran.result.is_ok());
        assert_eq!(ran.observations.len(), reported, "{seller}");
    }
}

#[test]
fn the_same_line_twice_is_one_fact_and_a_newer_one_another() {
    let rows = ["001", "001", "016"].map(|code| json!({"transactionId": "T1", "omsStatusCode": code}));
    let ran = listed(json!({"order": [{"orderNo": "1", "orderLine": rows}]}).to_string(), json!({}));
    assert_eq!(ran.statuses(), [("T1", Some(Created)), ("T1", Some(Dispatched))]);
}

#[test]
fn a_status_that_the_list_no_longer_shows_is_no_status() {
    let ran = listed(json!({"order": [{"orderNo": "1", "orderLine": []}]}).to_string(), json!({}));
    assert!(ran.result.is_ok() && ran.observations.is_empty());
}

#[test]
fn paths_parameters_members_and_zone_are_the_operator_s_to_say() {
    let more = json!({
        "list_path": "/v3/{seller_id}/orders", "list_query": {"slave": "TD01", "days": 3}, "timezone": "UTC",
        "tracking_fields": {"awb": "trackingNo", "shipped_at": "handedOver"},
    });
    let line = json!({"transactionId": "T1", "omsStatusCode": "016", "trackingNo": "X1", "handedOver": "2022-01-11 16:30:00.0"});
    let ran = changed(Script::new().reply("GET /v3/100001/orders", 200, one_line(&line)), more);
    assert_eq!(ran.requests, ["GET https://cliq.example/v3/100001/orders?days=3&slave=TD01"]);
    let seen = &ran.observations[0];
    assert_eq!((seen.awb.as_deref(), seen.at), (Some("X1"), Some(1_641_918_600_000)));
    assert_eq!(seen.status, Some(Status::Dispatched));
}
