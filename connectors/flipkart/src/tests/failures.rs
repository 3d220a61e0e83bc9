use std::time::Duration;

use plugin_api::{Error, ErrorKind, Mark};

use super::*;

const EMPTY: &str = r#"{"shipments":[]}"#;

fn one_known(script: Script) -> Ran<Mark> {
    known(script, vec![order_ref(6)])
}

#[test]
fn a_lost_login_is_renewed_once_and_the_request_repeated() {
    for (status, reply) in [
        (400, fixture!("error_invalid_token")),
        (403, fixture!("error_invalid_token")),
        (500, fixture!("error_invalid_token_wrapped")),
        (200, fixture!("error_invalid_token")),
    ] {
        let ran = one_known(Script::new().reply(BY_ID, status, reply).reply(BY_ID, 200, EMPTY));
        assert!(ran.result.is_ok(), "{status}: {:?}", ran.result);
        assert_eq!((ran.relogins, ran.requests.len()), (1, 2), "{status}");
        assert_eq!(ran.transcript[0], ran.transcript[1]);
    }
}

#[test]
fn a_login_that_does_not_hold_is_an_auth_error() {
    let wrapped = fixture!("error_invalid_token_wrapped");
    let ran = one_known(Script::new().reply(BY_ID, 500, wrapped).reply(BY_ID, 500, wrapped));
    let error = ran.result.unwrap_err();
    assert_eq!((error.kind, error.operation.as_str()), (ErrorKind::Auth, "get_shipments"));
    assert_eq!((ran.relogins, ran.requests.len()), (1, 2));
}

#[test]
fn a_401_is_the_host_s_to_answer() {
    let ran = one_known(Script::new().reply(BY_ID, 401, fixture!("error_invalid_token")));
    assert_eq!((ran.result.unwrap_err().kind, ran.relogins, ran.requests.len()), (ErrorKind::Auth, 0, 1));
}

#[test]
fn a_refused_login_ends_the_pull_at_once() {
    let ran = changed(Script::new().reply(LIST, 403, ""));
    assert_eq!((ran.result.unwrap_err().kind, ran.requests.len()), (ErrorKind::Auth, 1));
}

#[test]
fn bodies_that_are_no_answer_have_the_right_kind() {
    for (status, reply, kind) in [
        (200, "", ErrorKind::BadReply),
        (200, "<html>sign in</html>", ErrorKind::BadReply),
        (200, "{}", ErrorKind::BadReply),
        (200, r#"{"shipments":[{"shipm"#, ErrorKind::BadReply),
        (200, r#"{"shipments":{"a":1}}"#, ErrorKind::BadReply),
        (200, fixture!("courier_errors"), ErrorKind::BadReply),
        (200, fixture!("error_dependent_system"), ErrorKind::Unavailable),
        (422, fixture!("error_dependent_system"), ErrorKind::Unavailable),
        (422, fixture!("courier_errors"), ErrorKind::BadRequest),
        (404, "", ErrorKind::BadRequest),
        (429, "", ErrorKind::RateLimited),
        (500, "<html>oops</html>", ErrorKind::Unavailable),
        (499, "", ErrorKind::Unavailable),
    ] {
        let error = one_known(Script::new().reply(BY_ID, status, reply)).result.unwrap_err();
        assert_eq!((error.kind, error.operation.as_str()), (kind, "get_shipments"), "{status} {reply}");
    }
}

#[test]
fn an_error_never_quotes_what_the_body_says() {
    for reply in [
        fixture!("error_dependent_system"),
        fixture!("courier_errors"),
        r#"{"shipments":"OD999 BUYER-NAME"}"#,
    ] {
        for status in [200, 400, 500] {
            let shown = format!("{:?}", one_known(Script::new().reply(BY_ID, status, reply)).result);
            assert!(
                !shown.contains("OD999") && !shown.contains("7b1e") && !shown.contains("BUYER-NAME"),
                "{shown}"
            );
        }
    }
}

#[test]
fn links_that_lead_elsewhere_are_not_followed() {
    for link in [
        "/v3/orders/filter?next_token=x",
        "/v3/shipments/filters?next_token=x",
        "/v3/shipments/filter/../../../oauth-service?x",
        "/v3/shipments/filter/%2e%2E/x?y",
        "https://evil.example/v3/shipments/filter?next_token=x",
        "//evil.example/v3/shipments/filter?next_token=x",
        ".evil.example/v3/shipments/filter?next_token=x",
        "@evil.example/v3/shipments/filter?next_token=x",
        "/v3/shipments/filter?next token",
    ] {
        let page = json!({"hasMore": true, "nextPageUrl": link, "shipments": []}).to_string();
        let ran = changed(nothing_cancelled().reply(LIST, 200, page));
        let error = ran.result.unwrap_err();
        assert_eq!((error.kind, error.operation.as_str()), (ErrorKind::BadReply, "list_shipments"), "{link}");
        assert_eq!(ran.requests.len(), 4, "{link}");
    }
}

#[test]
fn a_page_that_promises_more_without_a_link_fails_but_its_rows_count() {
    let page = r#"{"hasMore":true,"nextPageUrl":null,"shipments":[{"orderItems":[
        {"orderId":"OD1","orderItemId":"11","status":"CANCELLED","quantity":1}]}]}"#;
    let ran = changed(nothing_cancelled().reply(LIST, 200, page));
    assert_eq!(ran.result.as_ref().unwrap_err().kind, ErrorKind::BadReply);
    assert_eq!(ran.statuses(), [("11", Some(Status::Cancelled))]);
}

#[test]
fn the_same_page_twice_is_a_loop() {
    let page = r#"{"hasMore":true,"nextPageUrl":"/v3/shipments/filter?next_token=a","shipments":[]}"#;
    let next = "GET /sellers/v3/shipments/filter?next_token=a";
    let ran = changed(nothing_cancelled().reply(LIST, 200, page).reply(next, 200, page));
    assert!(ran.result.unwrap_err().message.contains("read already"));
    assert_eq!(ran.requests.len(), 5);
}

#[test]
fn one_list_that_fails_does_not_keep_the_others_from_being_read_but_the_mark_stays() {
    let row = r#"{"hasMore":false,"nextPageUrl":null,"shipments":[{"orderItems":[
        {"orderId":"OD1","orderItemId":"11","status":"CANCELLED","quantity":1}]}]}"#;
    let ran = changed(
        Script::new().reply(LIST, 200, "<html></html>").reply(LIST, 200, row).reply(LIST, 400, "").reply(
            LIST,
            200,
            fixture!("list_empty"),
        ),
    );
    assert_eq!(ran.result.as_ref().unwrap_err().kind, ErrorKind::BadReply, "the first error is told");
    assert_eq!(ran.requests.len(), 4);
    assert_eq!(ran.statuses(), [("11", Some(Status::Cancelled))]);
    assert!(ran.checkpoints.is_empty());
}

#[test]
fn an_outage_ends_the_pull_after_the_first_list() {
    let down = || Err(Error::new(ErrorKind::Unavailable, "no route"));
    let ran = changed(Script::new().answer(LIST, down()).answer(LIST, down()));
    assert_eq!((ran.result.unwrap_err().kind, ran.requests.len()), (ErrorKind::Unavailable, 2));
}

#[test]
fn a_window_that_failed_is_not_passed_by_a_checkpoint() {
    let mut script = Script::new();
    for reply in ["", fixture!("list_empty"), fixture!("list_empty"), fixture!("list_empty")] {
        script = script.reply(LIST, 200, reply);
    }
    let ran = script.changed::<crate::Flipkart>(
        plugin_api::Task::Status,
        json!({}),
        UNTIL - 10 * 86_400_000,
        UNTIL,
    );
    assert_eq!(ran.requests.len(), 4, "the next day waits for the next run");
    assert!(ran.result.is_err() && ran.checkpoints.is_empty());
}

#[test]
fn one_batch_that_fails_does_not_keep_the_next_from_being_asked() {
    let ran = known(
        Script::new().reply(BY_ID, 400, "").reply(BY_ID, 200, EMPTY),
        (0..150).map(order_ref).collect(),
    );
    assert_eq!((ran.result.unwrap_err().kind, ran.requests.len()), (ErrorKind::BadRequest, 2));
}

#[test]
fn rows_beside_errors_are_reported_and_the_errors_told() {
    let reply = r#"{"shipments":[{"orderItems":[{"orderId":"OD1","orderItemId":"11","status":"APPROVED","quantity":1}]}],
        "errors":[{"code":"UNPROCESSABLE_ENTITY"}]}"#;
    let ran = one_known(Script::new().reply(BY_ID, 200, reply));
    assert_eq!(ran.statuses(), [("11", Some(Status::Created))]);
    assert_eq!(ran.result.as_ref().unwrap_err().kind, ErrorKind::BadReply);
}

/// One shipment in this status, and what the calls after it get.
fn sent(status: &str) -> Script {
    let page = json!({"shipments": [{"shipmentId": "s6", "orderItems": [
        {"orderId": "OD1", "orderItemId": "11", "status": status, "quantity": 1}]}]});
    Script::new().reply(BY_ID, 200, page.to_string())
}

const COURIER: &str = "GET /sellers/v3/shipments/s6";
const INVOICES: &str = "GET /sellers/v3/shipments/s6/invoices";

#[test]
fn courier_data_that_is_still_being_made_is_asked_for_once_more_after_a_second() {
    let ready = r#"{"shipments":[{"shipmentId":"s6","subShipments":[
        {"courierDetails":{"deliveryDetails":{"trackingId":"EK1","vendorName":"Ekart"}}}]}]}"#;
    let ran =
        one_known(sent("PACKED").reply(COURIER, 200, fixture!("courier_errors")).reply(COURIER, 200, ready));
    assert_eq!(ran.slept, Duration::from_secs(1));
    assert_eq!(ran.observations[0].awb.as_deref(), Some("EK1"));
    assert!(ran.result.is_ok());
}

#[test]
fn a_status_does_not_wait_for_courier_data_or_invoices_that_fail() {
    let answers: [fn(Script, &str) -> Script; 4] = [
        |script, key| script.reply(key, 500, "<html></html>"),
        |script, key| script.reply(key, 200, "<html></html>"),
        |script, key| script.reply(key, 403, ""),
        |script, key| script.answer(key, Err(Error::new(ErrorKind::RateLimited, "slow down"))),
    ];
    for fail in answers {
        let ran = one_known(fail(fail(sent("PICKUP_COMPLETE"), COURIER), INVOICES));
        assert!(ran.result.is_ok(), "{:?}", ran.result);
        assert_eq!(ran.statuses(), [("11", Some(Status::Dispatched))]);
        assert_eq!(ran.requests.len(), 3);
    }
}

#[test]
fn courier_errors_that_stay_leave_the_waybill_open() {
    let errors = fixture!("courier_errors");
    let ran = one_known(sent("PACKED").reply(COURIER, 200, errors).reply(COURIER, 200, errors));
    assert!(ran.result.is_ok());
    assert_eq!((ran.statuses(), ran.observations[0].awb.clone()), (vec![("11", Some(Status::Packed))], None));
}

#[test]
fn a_failing_courier_call_is_not_repeated_within_the_pull() {
    let row = |n: u32| {
        json!({"shipmentId": shipment(n), "orderItems": [
        {"orderId": format!("OD{}", item(n)), "orderItemId": item(n), "status": "PACKED", "quantity": 1}]})
    };
    let page = json!({"shipments": (0..60).map(row).collect::<Vec<_>>()}).to_string();
    let first = format!("GET /sellers/v3/shipments/{}", (0..25).map(shipment).collect::<Vec<_>>().join(","));
    let ran =
        known(Script::new().reply(BY_ID, 200, page).reply(&first, 503, ""), (0..60).map(order_ref).collect());
    assert_eq!((ran.requests.len(), ran.observations.len()), (2, 60));
    assert!(ran.result.is_ok());
}

#[test]
fn nothing_that_is_sent_changes_anything_on_the_marketplace() {
    let sources = [
        include_str!("../requests.rs"),
        include_str!("../auth.rs"),
        include_str!("../pull.rs"),
        include_str!("../courier.rs"),
    ];
    let posts: usize = sources.iter().map(|source| source.matches("Request::post(").count()).sum();
    assert_eq!(posts, 1, "the list filter is the only POST");
}

#[test]
fn a_failing_invoice_call_is_not_repeated_within_the_pull() {
    let row = |n: u32| {
        json!({"shipmentId": shipment(n), "orderItems": [
        {"orderId": "OD1", "orderItemId": item(n), "status": "PICKUP_COMPLETE", "quantity": 1}]})
    };
    let page = json!({"shipments": (0..60).map(row).collect::<Vec<_>>()}).to_string();
    let first =
        format!("GET /sellers/v3/shipments/{}/invoices", (0..25).map(shipment).collect::<Vec<_>>().join(","));
    let held = OrderRef {
        order: "OD1".into(),
        awbs: (0..60).map(|n| n.to_string()).collect(),
        ..OrderRef::default()
    };
    let ran = known(Script::new().reply(BY_ID, 200, page).reply(&first, 503, ""), vec![held]);
    assert_eq!((ran.requests.len(), ran.observations.len()), (2, 60));
    assert!(ran.result.is_ok());
}
