use plugin_api::{
    ErrorKind, ShippedBy,
    Status::{Cancelled, Created, Dispatched},
};

use super::*;

/// A page of so many orders, the first with this number.
fn page(first: u32, orders: u32) -> String {
    let row = |n: u32| {
        json!({"voonik_order_number": format!("R{n}-1"), "vendor_packages": [
            {"state": 100, "vendor_order_line_items": [{"id": n, "quantity": 1}]}]})
    };
    json!({"vendor_orders": (first..first + orders).map(row).collect::<Vec<_>>()}).to_string()
}

#[test]
fn a_quiet_half_hour_is_one_call() {
    let ran = listed(fixture!("list_empty"), json!({}));
    assert_eq!(ran.result.unwrap(), Mark::complete_until(UNTIL));
    assert_eq!(ran.observations, []);
    assert_eq!(
        ran.transcript,
        ["GET https://voonik.example/oms/vendor_orders.json?page=1&per_page=30&seller_id=42&\
          updated_after=2026-01-15T09:00:00Z&updated_before=2026-01-15T09:30:00Z\n\
          accept: application/json\nauthorization: Basic {secret:username}:{secret:key}"]
    );
}

#[test]
fn two_packages_of_an_order_have_a_state_each() {
    let ran = listed(fixture!("list"), json!({"couriers": {"5": "Ecom Express"}}));
    assert!(ran.result.is_ok(), "{:?}", ran.result);
    assert_eq!(ran.statuses(), [("1", Some(Dispatched)), ("2", Some(Cancelled)), ("3", Some(Created))]);
    let [sent, cancelled, new] = &ran.observations[..] else { panic!() };
    assert_eq!((sent.order.as_str(), sent.raw.as_str()), ("R1000000001-1", "300/Dispatched/30"));
    assert_eq!((sent.sku.as_deref(), sent.quantity), (Some("KURTI-S"), Some(1)));
    assert_eq!((sent.awb.as_deref(), sent.courier.as_deref()), (Some("EE1234"), Some("Ecom Express")));
    assert_eq!((sent.shipped_by, sent.at), (Some(ShippedBy::Channel), Some(1_519_970_400_000)), "06:00 UTC");
    assert_eq!((cancelled.raw.as_str(), cancelled.at), ("155", Some(1_519_882_200_000)), "05:30 UTC");
    assert_eq!((cancelled.awb.clone(), cancelled.courier.clone(), cancelled.shipped_by), (None, None, None));
    assert_eq!((new.quantity, new.at), (Some(2), Some(1_519_878_600_000)), "when the order was made");
}

#[test]
fn pages_are_read_until_one_is_not_full() {
    let ran = changed(
        Script::new().reply(LIST, 200, page(0, 30)).reply(LIST, 200, page(30, 30)).reply(
            LIST,
            200,
            page(60, 7),
        ),
        json!({}),
    );
    assert_eq!(ran.result.unwrap(), Mark::complete_until(UNTIL));
    assert_eq!((ran.requests.len(), ran.observations.len()), (3, 67));
    for (n, request) in ran.requests.iter().enumerate() {
        assert!(request.contains(&format!("?page={}&per_page=30&", n + 1)), "{request}");
    }
}

#[test]
fn a_last_page_that_is_exactly_full_costs_one_call_more() {
    let ran = changed(
        Script::new().reply(LIST, 200, page(0, 30)).reply(LIST, 200, fixture!("list_empty")),
        json!({}),
    );
    assert_eq!(ran.result.unwrap(), Mark::complete_until(UNTIL));
    assert_eq!((ran.requests.len(), ran.observations.len()), (2, 30));
}

#[test]
fn rows_that_slip_to_the_next_page_are_reported_once() {
    let ran = changed(Script::new().reply(LIST, 200, page(0, 30)).reply(LIST, 200, page(29, 5)), json!({}));
    assert!(ran.result.is_ok());
    assert_eq!(ran.observations.len(), 34);
}

#[test]
fn a_list_that_repeats_its_page_is_a_failure_that_ends() {
    let ran = changed(Script::new().reply(LIST, 200, page(0, 30)).reply(LIST, 200, page(0, 30)), json!({}));
    let error = ran.result.unwrap_err();
    assert_eq!((error.kind, error.operation.as_str()), (ErrorKind::BadReply, "list_orders"));
    assert_eq!((ran.requests.len(), ran.observations.len()), (2, 30));
}

#[test]
fn a_list_that_never_ends_is_given_up_after_two_hundred_pages() {
    let script = (0..300).fold(Script::new(), |script, n| script.reply(LIST, 200, page(n, 1)));
    let ran = changed(script, json!({"page_size": 1}));
    assert_eq!((ran.result.unwrap_err().kind, ran.requests.len()), (ErrorKind::BadReply, 200));
}

#[test]
fn a_page_that_fails_keeps_the_mark_and_what_came_before() {
    for (status, kind) in
        [(500, ErrorKind::Unavailable), (429, ErrorKind::RateLimited), (401, ErrorKind::Auth)]
    {
        let ran = changed(Script::new().reply(LIST, 200, page(0, 30)).reply(LIST, status, ""), json!({}));
        assert_eq!(ran.result.unwrap_err().kind, kind);
        assert_eq!((ran.observations.len(), ran.checkpoints.len()), (30, 0));
    }
}

#[test]
fn a_long_span_is_read_day_by_day_with_marks_between() {
    const DAY: i64 = 86_400_000;
    let script = (0..3).fold(Script::new(), |script, _| script.reply(LIST, 200, fixture!("list_empty")));
    let since = UNTIL - 2 * DAY - 60_000;
    let ran = script.changed::<crate::Voonik>(Task::Returns, settings(json!({})), since, UNTIL);
    assert_eq!(ran.result.unwrap(), Mark::complete_until(UNTIL));
    assert_eq!(ran.checkpoints, [Mark::complete_until(since + DAY), Mark::complete_until(since + 2 * DAY)]);
    assert!(
        ran.requests[1].ends_with("updated_after=2026-01-14T09:14:00Z&updated_before=2026-01-15T09:29:00Z"),
        "a quarter of an hour is read twice: {}",
        ran.requests[1]
    );
}

#[test]
fn a_day_that_failed_is_not_passed() {
    let ran = Script::new()
        .reply(LIST, 200, "")
        .reply(LIST, 200, fixture!("list_empty"))
        .changed::<crate::Voonik>(Task::Status, settings(json!({})), UNTIL - 3 * 86_400_000, UNTIL);
    assert!(ran.result.is_err() && ran.checkpoints.is_empty());
    assert_eq!(ran.requests.len(), 1);
}

#[test]
fn a_mark_never_lies_in_the_future() {
    let script = Script::new().reply(LIST, 200, fixture!("list_empty"));
    let ran = script.changed::<crate::Voonik>(Task::Status, settings(json!({})), SINCE, UNTIL + 3_600_000);
    assert_eq!(ran.result.unwrap(), Mark::complete_until(UNTIL));
}

#[test]
fn parameters_paths_pages_and_headers_are_the_operator_s_to_say() {
    let more = json!({
        "list_path": "/api/orders", "items_path": "data.rows", "page_start": 0, "page_size": 50,
        "list_query": {"updated_after": "", "updated_before": "", "seller_id": "", "per_page": "", "limit": "{size}",
                       "from": "{since}", "status": "all"},
        "extra_headers": {"X-Vaccount-Id": 1, "X-Portal-Id": "1"},
    });
    let ran = changed(Script::new().reply("GET /api/orders", 200, r#"{"data":{"rows":[]}}"#), more);
    assert!(ran.result.is_ok(), "{:?}", ran.result);
    assert_eq!(
        ran.transcript,
        ["GET https://voonik.example/api/orders?from=2026-01-15T09:00:00Z&limit=50&page=0&status=all\n\
          accept: application/json\nX-Portal-Id: 1\nX-Vaccount-Id: 1\n\
          authorization: Basic {secret:username}:{secret:key}"]
    );
}

#[test]
fn a_key_goes_into_a_header_or_a_parameter_and_is_never_text() {
    for (mode, sent) in [("header", "\nX-Key: {secret:key}"), ("query", "&X-Key={secret:key}")] {
        let ran = listed(fixture!("list_empty"), json!({"auth_mode": mode, "auth_name": "X-Key"}));
        assert!(
            ran.transcript[0].contains(sent) && !ran.transcript[0].contains("authorization"),
            "{}",
            ran.transcript[0]
        );
    }
}

#[test]
fn a_bare_list_is_a_list() {
    assert!(listed("[]", json!({})).result.is_ok());
    let bare = serde_json::from_str::<Value>(fixture!("list")).unwrap()["vendor_orders"].to_string();
    assert_eq!(listed(bare, json!({})).observations, listed(fixture!("list"), json!({})).observations);
}

#[test]
fn a_list_that_cannot_be_narrowed_by_time_is_left_alone_on_wish() {
    let ran = changed(Script::new(), json!({"poll_open_orders": true}));
    assert_eq!(ran.result.unwrap(), Mark::default(), "nothing is said of how far it is complete");
    assert_eq!(ran.requests.len(), 0);
    let script = Script::new().reply(DETAIL, 200, fixture!("detail"));
    let ran = known(script, &["R1000000004-2"], json!({"poll_open_orders": true}));
    assert!(ran.result.is_ok() && ran.requests.len() == 1);
}

#[test]
fn wrong_settings_are_refused_by_name_before_anything_is_sent() {
    let ran = changed(Script::new(), json!({"page_size": 0}));
    let error = ran.result.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Config);
    assert!(error.message.contains("`page_size`") && ran.requests.is_empty(), "{error}");
}
