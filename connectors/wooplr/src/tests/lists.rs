use plugin_api::{ReturnKind, ShippedBy};

use super::*;

#[test]
fn orders_of_one_transaction_have_states_of_their_own() {
    let ran = changed(Script::new().reply(LIST, 200, fixture!("three_orders")));
    assert_eq!(
        ran.statuses(),
        [
            ("501", Some(Status::Dispatched)),
            ("502", Some(Status::ReturnRequested)),
            ("503", Some(Status::Cancelled))
        ]
    );
    let orders: Vec<_> = ran.observations.iter().map(|seen| seen.order.as_str()).collect();
    assert_eq!(orders, ["90", "90", "91"]);
    assert_eq!(ran.requests.len(), 1, "the total is reached");
    assert_eq!(ran.result.unwrap(), Mark::complete_until(THEN + 240 * HOUR));
}

#[test]
fn a_shipped_order_has_courier_waybill_sku_and_time() {
    let ran = changed(Script::new().reply(LIST, 200, fixture!("three_orders")));
    let sent = about(&ran, "501");
    assert_eq!(
        (sent.courier.as_deref(), sent.awb.as_deref(), sent.sku.as_deref()),
        (Some("DELHIVERY"), Some("111222333"), Some("KURTA-M"))
    );
    assert_eq!((sent.at, sent.shipped_by), (Some(1_480_100_000_000), Some(ShippedBy::Channel)));
    assert_eq!((sent.raw.as_str(), sent.ret.as_ref()), ("SHIPPED", None));
    assert_eq!(about(&ran, "503").at, Some(1_480_200_000_000));
}

#[test]
fn the_way_back_has_its_own_tracking_number() {
    let ran = changed(Script::new().reply(LIST, 200, fixture!("three_orders")));
    let back = about(&ran, "502");
    let ret = back.ret.clone().unwrap();
    assert_eq!((ret.kind, ret.awb.as_deref()), (Some(ReturnKind::Cir), Some("R9")));
    assert_eq!((back.raw.as_str(), back.awb.as_ref(), back.at), ("PICKED_FROM_CUSTOMER", None, None));
}

#[test]
fn a_question_names_store_page_and_size_and_the_secret_by_reference() {
    let ran = changed(Script::new().reply(LIST, 200, fixture!("three_orders")));
    assert_eq!(
        ran.transcript,
        [
            "POST https://seller.wooplr.example/shop/rest/v2/ecommorder/search\ncontent-type: application/json\n\
          Authorization: {secret:auth_value}\n\n\
          {\"storeId\":77,\"status\":[],\"sort\":{\"sortField\":\"orderUpdateDate\",\"sortOrder\":\"DESC\"},\"pageNumber\":1,\"count\":50}"
        ]
    );
}

#[test]
fn an_operator_s_contract_takes_the_place_of_the_assumed_one() {
    let more = json!({"list_method": "GET", "list_path": "/seller/v5/orders", "page_start": 0, "page_size": 2,
        "list_body": "{\"store\": <store_id>, \"page\": <n>, \"size\": <size>, \"sort\": [\"x\"], \"dir\": \"desc\"}",
        "items_path": "data.rows", "total_path": "data.total", "auth_header": "apiKey",
        "field_aliases": {"WayBillNumber": "awbNo"}, "time_unit": "s", "status_table": {"GONE": "DISPATCHED"}});
    let row =
        |id| json!({"subOrderId": id, "orderStatus": "GONE", "awbNo": "A1", "pickupDate": 1_480_100_000});
    let reply = |rows: Vec<Value>| json!({"data": {"total": 3, "rows": rows}}).to_string();
    let script = Script::new().reply("GET /seller/v5/orders", 200, reply(vec![row(1), row(2)])).reply(
        "GET /seller/v5/orders",
        200,
        reply(vec![row(3)]),
    );
    let ran = changed_with(&more, script);
    assert!(ran.result.is_ok(), "{:?}", ran.result);
    assert_eq!(
        ran.transcript[1],
        "GET https://seller.wooplr.example/seller/v5/orders?store=77&page=1&size=2&dir=desc\napiKey: {secret:auth_value}"
    );
    let sent = about(&ran, "3");
    assert_eq!(
        (sent.status, sent.awb.as_deref(), sent.at),
        (Some(Status::Dispatched), Some("A1"), Some(1_480_100_000_000))
    );
}

#[test]
fn a_bare_array_is_a_list_too() {
    let rows = r#"[{"subOrderId":1,"transactionOrderId":2,"orderStatus":"SHIPPED"}]"#;
    let ran = changed(Script::new().reply(LIST, 200, rows));
    assert_eq!(ran.statuses(), [("1", Some(Status::Dispatched))]);
    assert!(ran.result.is_ok());
}

#[test]
fn no_content_and_empty_lists_are_no_rows() {
    for (status, body) in
        [(204, ""), (200, "[]"), (200, r#"{"orders":[]}"#), (200, r#"{"totalCount":0,"ORDERS":null}"#)]
    {
        let ran = changed(Script::new().reply(LIST, status, body));
        assert!(ran.result.is_ok() && ran.observations.is_empty(), "{status} {body}: {:?}", ran.result);
        assert_eq!(ran.requests.len(), 1);
    }
}

#[test]
fn a_full_page_is_followed_by_the_next_until_a_short_one_or_none() {
    let script =
        Script::new().reply(LIST, 200, page((0..50).map(|n| (n, 100 - i64::from(n))))).reply(LIST, 204, "");
    let ran = changed(script);
    assert_eq!((ran.requests.len(), ran.observations.len()), (2, 50));
    assert!(ran.transcript[1].contains("\"pageNumber\":2") && ran.result.is_ok());
}

#[test]
fn reading_stops_at_the_first_page_of_old_changes() {
    let script = Script::new().reply(LIST, 200, page((0..50).map(|n| (n, 60 - i64::from(n))))).reply(
        LIST,
        200,
        page((50..100).map(|n| (n, 40 - i64::from(n)))),
    );
    let ran = changed(script);
    assert_eq!(ran.requests.len(), 2, "page 2 ends before the window and its hour of overlap");
    assert_eq!(ran.observations.len(), 100, "what a page shows is reported, old or not");
    assert!(ran.result.is_ok());
}

#[test]
fn an_unsorted_list_is_read_to_its_end() {
    let script = Script::new()
        .reply(LIST, 200, page((0..50).map(|n| (n, i64::from(n) - 100))))
        .reply(LIST, 200, page((50..100).map(|n| (n, i64::from(n) - 200))))
        .reply(LIST, 200, page([(100, 5)]));
    let ran = changed(script);
    assert_eq!((ran.requests.len(), ran.observations.len()), (3, 101));
    assert!(ran.result.is_ok());
}

#[test]
fn a_list_that_repeats_its_page_is_a_failure_and_the_mark_stays() {
    let full = page((0..50).map(|n| (n, 60)));
    let script =
        Script::new().reply(LIST, 200, full.clone()).reply(LIST, 200, full.clone()).reply(LIST, 200, full);
    let ran = changed(script);
    let error = ran.result.unwrap_err();
    assert!(error.message.contains("same page") && error.operation == "list_orders", "{error}");
}

#[test]
fn orders_that_were_never_paid_move_nothing_in_a_list() {
    let ran = changed(Script::new().reply(LIST, 200, fixture!("unpaid")));
    assert_eq!(ran.statuses(), [("701", None), ("702", None)]);
    assert_eq!(about(&ran, "701").raw, "ABANDONED");
}

#[test]
fn a_window_that_ends_in_the_future_is_complete_until_now() {
    let script = Script::new().at(THEN + HOUR).reply(LIST, 204, "");
    assert_eq!(changed(script).result.unwrap(), Mark::complete_until(THEN + HOUR));
}
