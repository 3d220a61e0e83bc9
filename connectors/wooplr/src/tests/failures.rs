use plugin_api::{Error, ErrorKind};

use super::*;

#[test]
fn what_is_no_list_has_the_kind_of_its_cause() {
    for (status, body, kind) in [
        (200, "", ErrorKind::BadReply),
        (200, "<html>sign in</html>", ErrorKind::BadReply),
        (200, "{}", ErrorKind::BadReply),
        (200, "null", ErrorKind::BadReply),
        (200, r#"{"orders":{"a":1}}"#, ErrorKind::BadReply),
        (200, r#"{"orders":[{"sub"#, ErrorKind::BadReply),
        (200, fixture!("refusal"), ErrorKind::BadRequest),
        (400, fixture!("refusal"), ErrorKind::BadRequest),
        (302, "", ErrorKind::BadReply),
        (401, "", ErrorKind::Auth),
        (403, "<html></html>", ErrorKind::Auth),
        (404, "", ErrorKind::BadRequest),
        (429, "", ErrorKind::RateLimited),
        (500, "", ErrorKind::Unavailable),
    ] {
        let ran = changed(Script::new().reply(LIST, status, body));
        let error = ran.result.unwrap_err();
        assert_eq!((error.kind, error.operation.as_str()), (kind, "list_orders"), "{status} {body}");
        assert!(ran.observations.is_empty() && ran.checkpoints.is_empty());
    }
}

#[test]
fn what_is_no_order_has_the_kind_of_its_cause() {
    for (status, body, kind) in [
        (204, "", ErrorKind::BadRequest),
        (200, "", ErrorKind::BadReply),
        (200, "<html></html>", ErrorKind::BadReply),
        (200, "{}", ErrorKind::BadReply),
        (200, "[]", ErrorKind::BadReply),
        (200, r#"{"subOrderId":502,"orderStatus":"SHIPPED"}"#, ErrorKind::BadReply),
        (200, fixture!("refusal"), ErrorKind::BadRequest),
        (403, "", ErrorKind::Auth),
    ] {
        let ran = one(Script::new().reply(&of("501"), status, body), "501");
        let error = ran.result.unwrap_err();
        assert_eq!((error.kind, error.operation.as_str()), (kind, "get_order"), "{status} {body}");
        assert!(ran.observations.is_empty());
    }
}

#[test]
fn an_unknown_order_is_told_and_the_others_are_asked_for() {
    let row = r#"{"subOrderId":502,"orderStatus":"SHIPPED"}"#;
    let script = Script::new().reply(&of("501"), 204, "").reply(&of("502"), 200, row);
    let ran = known(script, vec![held("SO-1", &["501", "502"])]);
    let error = ran.result.as_ref().unwrap_err();
    assert_eq!(error.kind, ErrorKind::BadRequest);
    assert!(error.message.contains("does not know sub-order 501"), "{error}");
    assert_eq!(ran.statuses(), [("502", Some(Status::Dispatched))]);
}

#[test]
fn no_error_quotes_what_an_answer_says() {
    for status in [200, 400, 403, 422, 500] {
        let list = changed(Script::new().reply(LIST, status, fixture!("refusal")));
        let detail = one(Script::new().reply(&of("501"), status, fixture!("refusal")), "501");
        let shown = format!("{:?} {:?}", list.result, detail.result);
        assert!(shown.contains("validation code 1042") && !shown.contains("MADE-UP"), "{shown}");
    }
}

#[test]
fn rows_that_cannot_be_read_are_told_after_the_others_were_reported() {
    let ran = changed(Script::new().reply(LIST, 200, fixture!("odd_rows")));
    assert_eq!(ran.statuses(), [("801", Some(Status::Unmapped)), ("804", Some(Status::Dispatched))]);
    assert_eq!(about(&ran, "801").raw, "TELEPORTED");
    assert_eq!(about(&ran, "804").order, "804", "without a transaction the sub-order is the order");
    let error = ran.result.unwrap_err();
    assert_eq!(error.kind, ErrorKind::BadReply);
    assert!(error.message.starts_with("2 orders of the list"), "{error}");
}

#[test]
fn a_page_that_fails_in_the_middle_keeps_what_was_read_and_the_mark_stays() {
    let script = Script::new().reply(LIST, 200, page((0..50).map(|n| (n, 60)))).reply(LIST, 200, "");
    let ran = changed(script);
    assert_eq!((ran.observations.len(), ran.result.is_err()), (50, true));
}

#[test]
fn an_outage_ends_the_pull_at_once() {
    let down = Err(Error::new(ErrorKind::Unavailable, "no route"));
    let ran = known(Script::new().answer(&of("501"), down), vec![held("SO-1", &["501", "502"])]);
    assert_eq!((ran.result.unwrap_err().kind, ran.requests.len()), (ErrorKind::Unavailable, 1));
}

#[test]
fn missing_settings_are_refused_by_name_before_anything_is_sent() {
    for (given, name) in [
        (json!({"store_id": "77"}), "`base_url`"),
        (json!({"base_url": "https://seller.wooplr.example"}), "`store_id`"),
    ] {
        let ran = Script::new().changed::<crate::Wooplr>(Task::Status, given, THEN, THEN + HOUR);
        let error = ran.result.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Config);
        assert!(error.message.contains(name) && ran.requests.is_empty(), "{error}");
    }
}
