use plugin_api::{ErrorKind, Observation};

use super::*;

const SECOND: &str = "GET /api/v1/order?time_from=1768467600&time_to=1768469400&page=2";

fn two_pages() -> Ran<Mark> {
    placed(Script::new().reply(LIST, 200, fixture!("list_first")).reply(SECOND, 200, fixture!("list_last")))
}

#[test]
fn a_quiet_half_hour_costs_one_call_and_moves_the_mark() {
    let ran = placed(Script::new().reply(LIST, 200, EMPTY));
    assert_eq!(ran.result.unwrap(), Mark::complete_until(UNTIL));
    assert_eq!(
        ran.transcript,
        ["GET https://developer.shopclues.com/api/v1/order?time_from=1768467600&time_to=1768469400\n\
          authorization: Bearer {token}\ncontent-type: application/json"]
    );
    assert!(ran.observations.is_empty() && ran.checkpoints.is_empty());
}

#[test]
fn a_code_is_told_of_the_whole_order_and_parents_are_passed_over() {
    let ran = two_pages();
    assert_eq!(ran.result.as_ref().unwrap(), &Mark::complete_until(UNTIL));
    assert_eq!(
        ran.observations,
        [
            Observation::new("80000001", Some(Status::Dispatched), "A"),
            Observation::new("80000002", Some(Status::Cancelled), "56"),
            Observation::new("80000004", Some(Status::Created), "Q"),
        ],
        "no item, no time, nobody who ships: the API tells none of them"
    );
}

#[test]
fn the_next_page_is_asked_for_word_for_word_but_never_in_the_clear() {
    let ran = two_pages();
    assert!(fixture!("list_first").contains(r#""next": "http://developer.shopclues.com/"#));
    assert_eq!(
        ran.requests[1],
        "GET https://developer.shopclues.com/api/v1/order?time_from=1768467600&time_to=1768469400&page=2"
    );
    assert!(ran.transcript[1].contains("authorization: Bearer {token}"));
}

#[test]
fn a_link_keeps_to_the_operator_s_address() {
    let settings =
        json!({"base_url": "http://127.0.0.1:8081/api", "token_prefix": "none", "orders_path": "/orders"});
    let ran = Script::new()
        .reply("GET /api/orders", 200, page(&[("1", "P")], "https://127.0.0.1/x/orders?cursor=a%2Fb"))
        .reply("GET /x/orders?cursor=a%2Fb", 200, EMPTY)
        .changed::<crate::ShopClues>(Task::Status, settings, SINCE, UNTIL);
    assert!(ran.result.is_ok(), "{:?}", ran.result);
    assert_eq!(ran.requests[1], "GET http://127.0.0.1:8081/x/orders?cursor=a%2Fb");
    assert!(ran.transcript[1].contains("authorization: {token}\n"), "the bare token: {}", ran.transcript[1]);
}

#[test]
fn links_that_lead_elsewhere_are_not_followed_and_what_was_read_counts() {
    for link in [
        "https://evil.example/api/v1/order?page=2",
        "https://developer.shopclues.com.evil.example/api/v1/order?page=2",
        "https://developer.shopclues.com@evil.example/api/v1/order?page=2",
        "https://evil.example\\@developer.shopclues.com/api?page=2",
        "https://shopclues.com/api/v1/order?page=2",
        "//evil.example/api/v1/order?page=2",
        "/api/v1/order?page=2",
        "ftp://developer.shopclues.com/api/v1/order?page=2",
        "https://developer.shopclues.com?page=2",
        "https://developer.shopclues.com/a b",
        "page=2",
    ] {
        let ran = placed(Script::new().reply(LIST, 200, page(&[("1", "13")], link)));
        let error = ran.result.as_ref().unwrap_err();
        assert_eq!((error.kind, error.operation.as_str()), (ErrorKind::BadReply, "list_orders"), "{link}");
        assert!(!error.message.contains("evil"), "{error}");
        assert_eq!((ran.requests.len(), ran.statuses()), (1, vec![("1", Some(Status::Cancelled))]), "{link}");
    }
}

#[test]
fn a_list_ends_without_a_link_however_that_is_written() {
    for extra in
        [r#","extra":{"next":""}"#, r#","extra":{"next":null}"#, r#","extra":{}"#, r#","extra":null"#, ""]
    {
        let ran = placed(Script::new().reply(LIST, 200, format!(r#"{{"data":[]{extra}}}"#)));
        assert_eq!(ran.result.unwrap(), Mark::complete_until(UNTIL), "{extra}");
    }
}

#[test]
fn the_same_page_twice_is_a_loop() {
    let link = "https://developer.shopclues.com/api/v1/order?page=2";
    let ran = placed(Script::new().reply(LIST, 200, page(&[("1", "P")], link)).reply(
        "GET /api/v1/order?page=2",
        200,
        page(&[("2", "P")], link),
    ));
    let error = ran.result.as_ref().unwrap_err();
    assert!(error.message.contains("read already"), "{error}");
    assert_eq!((ran.requests.len(), ran.observations.len()), (2, 2));
}

#[test]
fn a_list_that_shows_the_same_for_ever_is_given_up() {
    let link = |n: u32| format!("https://developer.shopclues.com/api/v1/order?page={n}");
    let script =
        (1..30).fold(Script::new(), |script, n| script.reply(LIST, 200, page(&[("1", "P")], &link(n))));
    let ran = placed(script);
    assert_eq!(ran.result.unwrap_err().kind, ErrorKind::BadReply);
    assert!(ran.requests.len() < 15, "{}", ran.requests.len());
}

#[test]
fn an_empty_page_with_a_link_is_not_the_end() {
    let link = "https://developer.shopclues.com/api/v1/order?page=2";
    let ran = placed(Script::new().reply(LIST, 200, page(&[], link)).reply(
        "GET /api/v1/order?page=2",
        200,
        page(&[("2", "H"), ("2", "H")], ""),
    ));
    assert!(ran.result.is_ok());
    assert_eq!(ran.statuses(), [("2", Some(Status::Delivered)), ("2", Some(Status::Delivered))]);
}

#[test]
fn days_are_listed_one_by_one_with_a_quarter_of_an_hour_of_overlap() {
    let script = (0..3).fold(Script::new(), |script, _| script.reply(LIST, 200, EMPTY));
    let since = UNTIL - 2 * DAY - 1_500;
    let ran = script.changed::<crate::ShopClues>(Task::Status, json!({}), since, UNTIL);
    assert_eq!(ran.result.as_ref().unwrap(), &Mark::complete_until(UNTIL));
    let at = since.div_euclid(1000);
    let overlap = 15 * 60;
    for (n, span) in [
        format!("time_from={at}&time_to={}", at + 86_401),
        format!("time_from={}&time_to={}", at + 86_400 - overlap, at + 2 * 86_400 + 1),
        format!("time_from={}&time_to={}", at + 2 * 86_400 - overlap, UNTIL / 1000),
    ]
    .iter()
    .enumerate()
    {
        assert!(ran.requests[n].ends_with(span), "{n}: {} is not {span}", ran.requests[n]);
    }
    assert_eq!(ran.checkpoints, [Mark::complete_until(since + DAY), Mark::complete_until(since + 2 * DAY)]);
}

#[test]
fn a_window_that_failed_holds_the_mark_and_not_the_windows_after_it() {
    let ran = Script::new()
        .reply(LIST, 200, EMPTY)
        .reply(LIST, 200, "{}")
        .reply(LIST, 200, page(&[("7", "A")], ""))
        .changed::<crate::ShopClues>(Task::Status, json!({}), UNTIL - 3 * DAY, UNTIL);
    assert_eq!(ran.result.as_ref().unwrap_err().kind, ErrorKind::BadReply);
    assert_eq!(ran.checkpoints, [Mark::complete_until(UNTIL - 2 * DAY)]);
    assert_eq!(ran.statuses(), [("7", Some(Status::Dispatched))]);
}

#[test]
fn returns_are_looked_for_in_orders_placed_long_before() {
    let script = (0..60).fold(Script::new(), |script, _| script.reply(LIST, 200, EMPTY));
    let ran = script.changed::<crate::ShopClues>(Task::Returns, json!({}), UNTIL - 30 * DAY, UNTIL);
    assert_eq!(ran.result.unwrap(), Mark::complete_until(UNTIL));
    assert_eq!((ran.requests.len(), ran.checkpoints.len()), (60, 0));
    assert!(ran.requests[0].contains(&format!("time_from={}&", (UNTIL - 60 * DAY) / 1000)));
    let settings = json!({"return_lead_days": 0, "window_hours": 168});
    let script = Script::new().reply(LIST, 200, page(&[("1", "80")], ""));
    let ran = script.changed::<crate::ShopClues>(Task::Returns, settings, UNTIL - DAY, UNTIL);
    assert_eq!((ran.requests.len(), ran.statuses()), (1, vec![("1", Some(Status::Returned))]));
}

#[test]
fn a_mark_never_lies_in_the_future() {
    let script = Script::new().reply(LIST, 200, EMPTY);
    let ran = script.changed::<crate::ShopClues>(Task::Status, json!({}), SINCE, UNTIL + 60 * MINUTE);
    assert_eq!(ran.result.unwrap(), Mark::complete_until(UNTIL));
}

#[test]
fn an_empty_window_asks_nothing() {
    let ran = Script::new().changed::<crate::ShopClues>(Task::Status, json!({}), UNTIL, UNTIL);
    assert_eq!(ran.result.unwrap(), Mark::complete_until(UNTIL));
    assert!(ran.requests.is_empty());
}

#[test]
fn rows_that_cannot_be_read_are_told_and_hide_nobody() {
    let ran = placed(Script::new().reply(LIST, 200, fixture!("odd_rows")));
    assert_eq!(
        ran.statuses(),
        [
            ("80000012", Some(Status::CourierReturn)),
            ("80000014", Some(Status::Unmapped)),
            ("80000015", None),
            ("80000016", Some(Status::Delivered)),
        ]
    );
    let error = ran.result.unwrap_err();
    assert_eq!((error.kind, error.operation.as_str()), (ErrorKind::BadReply, "list_orders"));
    assert!(error.message.starts_with("4 orders"), "{error}");
}
