use plugin_api::{
    ErrorKind,
    Status::{Cancelled, Delivered, Dispatched},
};

use super::*;

#[test]
fn each_order_is_asked_for_by_its_number_once() {
    let script = Script::new().reply(&by_id("10001-200-300002"), 200, fixture!("order_returned.json")).reply(
        &by_id("10001-200-300009"),
        200,
        fixture!("orders_empty.json"),
    );
    let ran = known(script, &["10001-200-300002", "10001-200-300009", "10001-200-300002"]);
    assert_eq!(ran.result.unwrap(), Mark::default());
    assert_eq!(
        ran.requests,
        ["10001-200-300002", "10001-200-300009"].map(|order| format!(
            "GET https://cliq.example/PartnerConnect/PC_100001/AP_SALES_ORDER/AVT_JSON_SALES_ORDER/AV_2.0/OG_1/ORDID_{order}/"
        ))
    );
    let delivered = ran.observations.last().unwrap();
    assert_eq!((delivered.status, delivered.at), (Some(Delivered), Some(1_642_068_000_000)));
    assert_eq!(delivered.courier.as_deref(), Some("FedEx"), "the name rather than the code");
}

#[test]
fn an_order_that_left_the_list_is_found_by_its_number() {
    let line = |code: &str| one_line(&json!({"transactionId": "T1", "omsStatusCode": code}));
    let listed_at_first = listed(line("016"), json!({}));
    assert_eq!(listed_at_first.statuses(), [("T1", Some(Dispatched))]);
    let gone = listed(fixture!("orders_empty.json"), json!({}));
    assert!(gone.result.is_ok() && gone.observations.is_empty(), "missing is no news");
    for (code, status) in [("018", Delivered), ("019", Cancelled)] {
        let script = Script::new().reply(&by_id("10001-200-300000"), 200, line(code));
        assert_eq!(known(script, &["10001-200-300000"]).statuses(), [("T1", Some(status))]);
    }
}

#[test]
fn an_order_that_nobody_knows_is_no_news_and_the_next_is_asked_for() {
    let script = Script::new().reply(&by_id("1"), 404, "<html>Not found</html>").reply(
        &by_id("10001-200-300002"),
        200,
        fixture!("order_returned.json"),
    );
    let ran = known(script, &["1", "10001-200-300002"]);
    assert!(ran.result.is_ok(), "{:?}", ran.result);
    assert_eq!((ran.requests.len(), ran.observations.len()), (2, 4));
}

#[test]
fn an_id_that_is_no_order_number_never_becomes_part_of_an_address() {
    let ran = known(Script::new(), &["../../AP_OTHER", "1/2", "1?x", "", "a b", "%2e"]);
    assert!(ran.result.is_ok() && ran.requests.is_empty(), "{:?}", ran.requests);
}

#[test]
fn no_orders_are_no_calls() {
    let ran = known(Script::new(), &[]);
    assert!(ran.result.is_ok() && ran.requests.is_empty());
}

#[test]
fn one_order_that_fails_does_not_keep_the_next_from_being_asked_for() {
    for (status, body, kind) in [
        (200, "", ErrorKind::BadReply),
        (200, "<html></html>", ErrorKind::BadReply),
        (200, r#"{"orders":[]}"#, ErrorKind::BadReply),
        (400, "", ErrorKind::BadRequest),
    ] {
        let script = Script::new().reply(&by_id("1"), status, body).reply(
            &by_id("10001-200-300002"),
            200,
            fixture!("order_returned.json"),
        );
        let ran = known(script, &["1", "10001-200-300002"]);
        assert_eq!(ran.result.unwrap_err().kind, kind, "{status} {body}");
        assert_eq!(ran.observations.len(), 4, "{status} {body}");
    }
}

#[test]
fn an_outage_or_a_refusal_ends_the_pull_at_once() {
    for (status, kind) in [
        (503, ErrorKind::Unavailable),
        (429, ErrorKind::RateLimited),
        (401, ErrorKind::Auth),
        (403, ErrorKind::Auth),
    ] {
        let ran = known(Script::new().reply(&by_id("1"), status, ""), &["1", "2"]);
        assert_eq!((ran.result.unwrap_err().kind, ran.requests.len()), (kind, 1), "{status}");
    }
}

#[test]
fn an_outage_in_the_middle_is_that_order_s_alone() {
    let script = Script::new()
        .reply(&by_id("1"), 200, fixture!("orders_empty.json"))
        .reply(&by_id("2"), 500, "")
        .reply(&by_id("10001-200-300002"), 200, fixture!("order_returned.json"));
    let ran = known(script, &["1", "2", "10001-200-300002"]);
    assert_eq!((ran.result.unwrap_err().kind, ran.observations.len()), (ErrorKind::Unavailable, 4));
}

#[test]
fn the_first_failure_is_the_one_that_is_told() {
    let script = Script::new().reply(&by_id("1"), 200, "").reply(&by_id("2"), 429, "");
    let ran = known(script, &["1", "2", "3"]);
    assert_eq!((ran.result.unwrap_err().kind, ran.requests.len()), (ErrorKind::BadReply, 2));
}

#[test]
fn the_path_of_an_order_is_the_operator_s_to_say() {
    let script = Script::new().reply("GET /v3/100001/order/7", 200, fixture!("orders_empty.json"));
    let ran = known_with(script, &["7"], json!({"detail_path": "/v3/{seller_id}/order/{order_no}"}));
    assert!(ran.result.is_ok(), "{:?}", ran.result);
}
