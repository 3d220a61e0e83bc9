use plugin_api::ErrorKind;

use super::*;

/// A full list of this many orders, numbered from `first`.
fn many(first: u64, count: u64) -> String {
    let order = |n: u64| json!({"id": n, "items": [{"id": n * 10, "order_id": n, "status": 2}]});
    Value::Array((first..first + count).map(order).collect()).to_string()
}

fn with(extra: &Value) -> Value {
    let mut settings = settings();
    settings.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    settings
}

#[test]
fn a_quiet_half_hour_costs_one_call_and_moves_the_mark() {
    let ran = placed(Script::new().reply(ORDERS, 200, "[]"));
    assert_eq!(ran.result.unwrap(), Mark::complete_until(UNTIL));
    assert_eq!(
        ran.transcript,
        [
            "GET https://fulfillment.paytm.com/v1/merchant/111111/orders.json?authtoken={token}&placed_after=1768467600000&\
          placed_before=1768469400000&limit=500\ncookie: {token:cookie}"
        ]
    );
    assert!(ran.observations.is_empty() && ran.checkpoints.is_empty());
}

#[test]
fn items_of_one_order_are_reported_each_with_its_own_state() {
    let ran = placed(Script::new().reply(ORDERS, 200, fixture!("orders")).reply(
        FULFILMENTS,
        200,
        fixture!("fulfilments"),
    ));
    assert!(ran.result.is_ok(), "{:?}", ran.result);
    assert_eq!(
        ran.statuses(),
        [
            ("8000000001", Some(Status::Dispatched)),
            ("8000000002", Some(Status::Cancelled)),
            ("8000000003", Some(Status::Created)),
        ]
    );
    let sent = of_item(&ran, "8000000001");
    assert_eq!(
        *sent,
        Observation {
            sku: Some("SHIRT-M".into()),
            at: Some(SINCE),
            package: Some("3000000001".into()),
            awb: Some("GA000111".into()),
            courier: Some("Gati Air".into()),
            ..Observation::new("7000000001", Some(Status::Dispatched), "15").item("8000000001")
        }
    );
    let open = of_item(&ran, "8000000003");
    assert_eq!((open.order.as_str(), open.raw.as_str()), ("7000000002", "5"));
    assert_eq!((&open.sku, &open.package, open.at), (&None, &None, None), "blank is absent");
}

#[test]
fn hours_are_listed_one_by_one_with_two_minutes_of_overlap_and_a_mark_after_each() {
    let script = (0..3).fold(Script::new(), |script, _| script.reply(ORDERS, 200, "[]"));
    let since = UNTIL - 150 * MINUTE;
    let ran = script.changed::<crate::Paytm>(Task::Status, settings(), since, UNTIL);
    assert_eq!(ran.result.as_ref().unwrap(), &Mark::complete_until(UNTIL));
    let ends: Vec<_> = [(0, 60), (58, 120), (118, 150)]
        .map(|(from, to)| {
            format!("placed_after={}&placed_before={}", since + from * MINUTE, since + to * MINUTE)
        })
        .into();
    for (n, ends) in ends.iter().enumerate() {
        assert!(query(&ran, n).contains(ends), "{n}: {}", query(&ran, n));
    }
    assert_eq!(ran.checkpoints, [60, 120].map(|minutes| Mark::complete_until(since + minutes * MINUTE)));
}

#[test]
fn an_operator_s_window_and_limit_are_kept() {
    let settings = with(&json!({"window_minutes": 15, "page_size": 7}));
    let script = (0..2).fold(Script::new(), |script, _| script.reply(ORDERS, 200, "[]"));
    let ran = script.changed::<crate::Paytm>(Task::Status, settings, SINCE, UNTIL);
    assert!(ran.result.is_ok());
    assert!(query(&ran, 0).ends_with(&format!("placed_before={}&limit=7", SINCE + 15 * MINUTE)));
}

#[test]
fn a_full_list_is_read_again_in_halves() {
    let settings = with(&json!({"page_size": 3}));
    let ran = Script::new()
        .reply(ORDERS, 200, many(1, 3))
        .reply(ORDERS, 200, many(1, 2))
        .reply(ORDERS, 200, many(3, 1))
        .changed::<crate::Paytm>(Task::Status, settings, SINCE, UNTIL);
    assert_eq!(ran.result.as_ref().unwrap(), &Mark::complete_until(UNTIL));
    assert_eq!(ran.observations.len(), 3, "the full answer is read once, in its halves");
    let middle = SINCE + 15 * MINUTE;
    assert!(query(&ran, 1).contains(&format!("placed_after={SINCE}&placed_before={middle}")));
    assert!(query(&ran, 2).contains(&format!("placed_after={}&placed_before={UNTIL}", middle - 1000)));
}

#[test]
fn a_minute_that_is_still_full_is_reported_and_is_an_error() {
    let settings = with(&json!({"page_size": 2}));
    let until = SINCE + 2 * MINUTE;
    let ran = Script::new()
        .reply(ORDERS, 200, many(1, 2))
        .reply(ORDERS, 200, many(1, 2))
        .reply(ORDERS, 200, many(3, 1))
        .changed::<crate::Paytm>(Task::Status, settings.clone(), SINCE, until);
    let error = ran.result.as_ref().unwrap_err();
    assert_eq!((error.kind, error.operation.as_str()), (ErrorKind::BadReply, "list_orders"));
    assert!(error.message.contains("full with 2 orders"), "{error}");
    assert_eq!(ran.observations.len(), 3, "what was seen is reported, the other half too");
    assert!(ran.checkpoints.is_empty());
}

#[test]
fn a_marketplace_that_always_fills_the_list_is_not_asked_for_ever() {
    let settings = with(&json!({"page_size": 1}));
    let script = (0..200).fold(Script::new(), |script, n| script.reply(ORDERS, 200, many(n + 1, 1)));
    let ran = script.changed::<crate::Paytm>(Task::Status, settings, SINCE, UNTIL);
    assert_eq!(ran.result.unwrap_err().kind, ErrorKind::BadReply);
    assert!(ran.requests.len() < 64, "{}", ran.requests.len());
}

#[test]
fn a_window_that_failed_holds_the_mark_and_not_the_windows_after_it() {
    let since = UNTIL - 150 * MINUTE;
    let ran = Script::new()
        .reply(ORDERS, 200, "[]")
        .reply(ORDERS, 200, fixture!("error"))
        .reply(ORDERS, 200, one(1, 11, 2, None))
        .changed::<crate::Paytm>(Task::Status, settings(), since, UNTIL);
    assert_eq!(ran.result.as_ref().unwrap_err().kind, ErrorKind::BadReply);
    assert_eq!(ran.checkpoints, [Mark::complete_until(since + 60 * MINUTE)]);
    assert_eq!(ran.statuses(), [("11", Some(Status::Created))]);
}

#[test]
fn a_mark_never_lies_in_the_future() {
    let script = Script::new().reply(ORDERS, 200, "[]").reply(ORDERS, 200, "[]");
    let ran = script.changed::<crate::Paytm>(Task::Status, settings(), SINCE, UNTIL + 60 * MINUTE);
    assert_eq!(ran.result.unwrap(), Mark::complete_until(UNTIL));
}

#[test]
fn an_empty_window_asks_nothing() {
    let ran = Script::new().changed::<crate::Paytm>(Task::Status, settings(), UNTIL, UNTIL);
    assert_eq!(ran.result.unwrap(), Mark::complete_until(UNTIL));
    assert!(ran.requests.is_empty());
}

#[test]
fn shuffled_and_repeated_rows_say_the_same() {
    let row = |id: u64| json!({"id": id, "items": [{"id": id, "order_id": id, "status": 8}]});
    let ran = placed(Script::new().reply(ORDERS, 200, json!([row(2), row(1), row(2)]).to_string()));
    let mut seen = ran.statuses();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen, [("1", Some(Status::Cancelled)), ("2", Some(Status::Cancelled))]);
    assert!(ran.result.is_ok());
}

#[test]
fn returns_are_listed_by_their_two_codes_over_orders_placed_long_before() {
    let settings = with(&json!({"return_lead_days": 1, "return_window_days": 1}));
    let returned = json!([{"id": 7, "items": [
        {"id": 71, "order_id": 7, "status": 17, "fulfillment_id": 5},
        {"id": 72, "order_id": 7, "status": 7, "fulfillment_id": 5}]}]);
    let ran = Script::new()
        .reply(ORDERS, 200, returned.to_string())
        .reply(ORDERS, 200, "[]")
        .reply(ORDERS, 200, "[]")
        .reply(ORDERS, 200, one(8, 81, 18, Some(6)))
        .changed::<crate::Paytm>(Task::Returns, settings, UNTIL - DAY, UNTIL);
    assert_eq!(ran.result.as_ref().unwrap(), &Mark::complete_until(UNTIL));
    let span = |from: Millis, to: Millis| format!("placed_after={from}&placed_before={to}");
    let (first, second) = (span(UNTIL - 2 * DAY, UNTIL - DAY), span(UNTIL - DAY - 2 * MINUTE, UNTIL));
    for (n, (span, status)) in
        [(&first, 17), (&first, 18), (&second, 17), (&second, 18)].into_iter().enumerate()
    {
        assert!(query(&ran, n).contains(&format!("{span}&status={status}")), "{}", query(&ran, n));
    }
    assert_eq!(
        ran.statuses(),
        [
            ("71", Some(Status::ReturnRequested)),
            ("72", Some(Status::Delivered)),
            ("81", Some(Status::Returned)),
        ]
    );
    assert_eq!(ran.requests.len(), 4, "no waybill is asked for");
}

#[test]
fn a_month_of_returns_is_two_lists_a_week() {
    let script = (0..18).fold(Script::new(), |script, _| script.reply(ORDERS, 200, "[]"));
    let ran = script.changed::<crate::Paytm>(Task::Returns, settings(), UNTIL - 30 * DAY, UNTIL);
    assert!(ran.result.is_ok(), "{:?}", ran.result);
    assert_eq!(ran.requests.len(), 18, "sixty days of placement");
    assert!(query(&ran, 0).contains(&format!("placed_after={}&", UNTIL - 60 * DAY)));
}

#[test]
fn one_list_of_returns_that_fails_does_not_keep_the_others_from_being_read() {
    let settings = with(&json!({"return_lead_days": 0}));
    let ran = Script::new()
        .reply(ORDERS, 200, fixture!("error"))
        .reply(ORDERS, 200, one(8, 81, 18, Some(6)))
        .changed::<crate::Paytm>(Task::Returns, settings, UNTIL - DAY, UNTIL);
    assert_eq!(ran.result.as_ref().unwrap_err().kind, ErrorKind::BadReply);
    assert_eq!(ran.statuses(), [("81", Some(Status::Returned))]);
}
