use plugin_api::{ErrorKind, ReturnKind};

use super::*;

fn every_status() -> Ran<Mark> {
    known(
        Script::new().reply(ORDERS, 200, fixture!("every_status")).reply(FULFILMENTS, 200, "[]"),
        &["7000000100"],
    )
}

#[test]
fn every_row_of_the_tables_is_reported_as_the_tables_say() {
    use Status::*;
    let ran = every_status();
    assert_eq!(ran.result.as_ref().unwrap(), &Mark::default());
    let expected: &[(&str, &str, Option<Status>)] = &[
        ("1", "1", None),
        ("2", "2", Some(Created)),
        ("5", "5", Some(Created)),
        ("23", "23", Some(Created)),
        ("13", "13", Some(Created)),
        ("25", "25", Some(Created)),
        ("15", "15", Some(Dispatched)),
        ("7", "7", Some(Delivered)),
        ("8", "8", Some(Cancelled)),
        ("6", "6", Some(Cancelled)),
        ("12", "12", None),
        ("120", "12", Some(Cancelled)),
        ("17", "17", Some(ReturnRequested)),
        ("18", "18", Some(Returned)),
        ("3", "3", Some(Unmapped)),
        ("99", "99", Some(Unmapped)),
    ];
    for (item, raw, status) in expected {
        let seen = of_item(&ran, item);
        assert_eq!((seen.raw.as_str(), seen.status), (*raw, *status), "item {item}");
        assert_eq!((seen.quantity, seen.shipped_by), (None, None));
    }
    assert_eq!(ran.observations.len(), expected.len());
    for row in crate::descriptor::descriptor().statuses {
        assert!(expected.iter().any(|(_, raw, _)| *raw == row.raw), "{} has no fixture", row.raw);
    }
}

#[test]
fn a_request_to_return_is_a_buyer_s_and_goods_that_came_back_leave_the_kind_open() {
    let ran = every_status();
    let requested = of_item(&ran, "17").ret.clone().unwrap();
    let returned = of_item(&ran, "18").ret.clone().unwrap();
    assert_eq!((requested.kind, returned.kind), (Some(ReturnKind::Cir), None));
    assert_eq!((requested.id, returned.id), (None, None));
    assert_eq!(of_item(&ran, "17").at, Some(SINCE));
    for item in ["7", "8", "12", "120", "15"] {
        assert!(of_item(&ran, item).ret.is_none(), "{item}");
    }
}

#[test]
fn fifty_orders_are_asked_for_at_once_each_of_them_once() {
    let ids: Vec<String> = (0..60).map(|n| format!("{}", 7_000_000_000_u64 + n)).collect();
    let mut asked: Vec<&str> = ids.iter().map(String::as_str).collect();
    asked.extend(["7000000000", "7000000001"]);
    let ran = known(Script::new().reply(ORDERS, 200, "[]").reply(ORDERS, 200, "[]"), &asked);
    assert!(ran.result.is_ok() && ran.observations.is_empty(), "absence is no news");
    assert_eq!(query(&ran, 0), format!("authtoken={{token}}&order_ids={}&limit=500", ids[..50].join(",")));
    assert_eq!(query(&ran, 1), format!("authtoken={{token}}&order_ids={}&limit=500", ids[50..].join(",")));
    assert_eq!(ran.requests.len(), 2);
}

#[test]
fn a_small_limit_makes_small_batches() {
    let refs = ["1", "2", "3"].map(order_ref).into();
    let settings = json!({"merchant_id": "111111", "page_size": 2});
    let script = Script::new().reply(ORDERS, 200, "[]").reply(ORDERS, 200, "[]");
    let ran = script.orders::<crate::Paytm>(Task::Pending, settings, refs);
    assert!(ran.result.is_ok());
    assert_eq!(query(&ran, 0), "authtoken={token}&order_ids=1,2&limit=2");
}

#[test]
fn an_id_that_would_spoil_the_list_is_left_out() {
    let ran = known(Script::new().reply(ORDERS, 200, "[]"), &["1,2", "7000000001", "a b", ""]);
    assert_eq!(query(&ran, 0), "authtoken={token}&order_ids=7000000001&limit=500");
    assert!(known(Script::new(), &["?"]).requests.is_empty());
}

#[test]
fn an_item_that_is_gone_from_a_later_answer_is_not_mentioned() {
    let ran = known(Script::new().reply(ORDERS, 200, r#"[{"id":1,"items":[]}]"#), &["1"]);
    assert!(ran.result.is_ok() && ran.observations.is_empty());
}

#[test]
fn rows_that_cannot_be_read_are_told_and_hide_nobody() {
    let ran =
        known(Script::new().reply(ORDERS, 200, fixture!("odd_rows")).reply(FULFILMENTS, 200, "[]"), &["1"]);
    assert_eq!(
        ran.statuses(),
        [("8000000205", Some(Status::Delivered)), ("8000000207", Some(Status::Cancelled))]
    );
    assert_eq!(of_item(&ran, "8000000205").at, None, "what is no time is none");
    let error = ran.result.unwrap_err();
    assert_eq!((error.kind, error.operation.as_str()), (ErrorKind::BadReply, "get_orders"));
    assert!(error.message.starts_with("7 orders or items"), "{error}");
}

#[test]
fn an_item_of_another_order_is_skipped_without_a_word_to_the_host() {
    let row = r#"[{"id":1,"items":[{"id":11,"order_id":2,"status":7},{"id":12,"order_id":"1","status":8}]}]"#;
    let ran = known(Script::new().reply(ORDERS, 200, row), &["1"]);
    assert!(ran.result.is_ok());
    assert_eq!(ran.statuses(), [("12", Some(Status::Cancelled))]);
}

#[test]
fn an_operator_s_table_wins() {
    let settings = json!({"merchant_id": "111111", "status_table": {"3": "DISPATCHED", "12": "CANCELLED", "8": "NO_CHANGE"}});
    let ran = Script::new()
        .reply(ORDERS, 200, fixture!("every_status"))
        .reply(FULFILMENTS, 200, "[]")
        .orders::<crate::Paytm>(Task::Pending, settings, vec![order_ref("7000000100")]);
    assert_eq!(of_item(&ran, "3").status, Some(Status::Dispatched));
    assert_eq!(of_item(&ran, "12").status, Some(Status::Cancelled));
    assert_eq!(of_item(&ran, "8").status, None);
}
