use plugin_api::{Error, ErrorKind};

use super::*;

fn one(status: u16, body: &str) -> Ran<Mark> {
    known(Script::new().reply(&of(COMPLETED, &package(1)), status, body), vec![held(1, &[1], &[1])])
}

#[test]
fn refused_credentials_end_the_pull_and_say_what_to_do() {
    for (status, body) in [
        (401, ""),
        (403, "<html></html>"),
        (400, fixture!("refused_token")),
        (200, fixture!("refused_token")),
    ] {
        let ran = one(status, body);
        let error = ran.result.unwrap_err();
        assert_eq!((error.kind, error.operation.as_str()), (ErrorKind::Auth, "read"), "{status} {body}");
        assert!(error.message.contains("enter the new seller_token"), "{error}");
        assert_eq!((ran.requests.len(), ran.relogins), (1, 0), "{status}: there is nothing to log in with");
    }
}

#[test]
fn a_question_by_id_that_is_refused_for_its_modes_is_a_failure_not_no_news() {
    let error = one(200, fixture!("refused_modes")).result.unwrap_err();
    assert_eq!(error.kind, ErrorKind::BadRequest);
}

#[test]
fn a_refused_list_is_a_failure_never_a_list_without_orders() {
    for (status, body, kind) in [
        (200, fixture!("refused"), ErrorKind::BadRequest),
        (200, fixture!("refused_modes"), ErrorKind::BadRequest),
        (404, "", ErrorKind::BadRequest),
        (200, r#"{"metadata":{"requestId":"a"}}"#, ErrorKind::BadReply),
        (200, r#"{"metadata":{},"payload":null}"#, ErrorKind::BadReply),
        (200, r#"{"metadata":{},"payload":{}}"#, ErrorKind::BadReply),
        (200, fixture!("empty_items"), ErrorKind::BadReply),
        (200, "<html></html>", ErrorKind::BadReply),
        (200, "", ErrorKind::BadReply),
    ] {
        let script = Script::new().reply(NEW, status, body).reply(CANCELLED, 200, fixture!("cancelled"));
        let ran = changed(script);
        let error = ran.result.as_ref().unwrap_err();
        assert_eq!(error.kind, kind, "{status} {body}");
        assert!(error.message.starts_with("new orders: "), "{error}");
        assert_eq!(ran.observations.len(), 2, "{status} {body}: the other list is read all the same");
        assert!(ran.checkpoints.is_empty());
    }
}

#[test]
fn bodies_that_are_no_answer_have_the_right_kind_by_id_too() {
    for (status, body, kind) in [
        (200, "", ErrorKind::BadReply),
        (200, "<html>sign in</html>", ErrorKind::BadReply),
        (200, "{}", ErrorKind::BadReply),
        (200, r#"{"payload":{"packages":[{"pack"#, ErrorKind::BadReply),
        (302, "", ErrorKind::BadReply),
        (404, "<html>no such page</html>", ErrorKind::BadRequest),
        (429, "", ErrorKind::RateLimited),
        (500, "<html>oops</html>", ErrorKind::Unavailable),
    ] {
        let ran = one(status, body);
        assert_eq!(ran.result.as_ref().unwrap_err().kind, kind, "{status} {body}");
        assert!(ran.observations.is_empty());
    }
}

#[test]
fn no_error_quotes_what_an_answer_says() {
    for body in [fixture!("refused"), fixture!("refused_token"), r#"{"payload":"MADE-UP"}"#] {
        for status in [200, 400, 401, 422, 500] {
            let script = Script::new().reply(NEW, status, body).reply(CANCELLED, status, body);
            let shown = format!("{:?}", changed(script).result);
            assert!(!shown.contains("MADE-UP") && !shown.contains("made-up"), "{shown}");
        }
    }
}

#[test]
fn rows_that_cannot_be_read_are_told_after_the_others_were_reported() {
    let script =
        Script::new().reply(NEW, 200, fixture!("odd_rows")).reply(CANCELLED, 200, fixture!("cancelled"));
    let ran = changed(script);
    let error = ran.result.as_ref().unwrap_err();
    assert_eq!(error.kind, ErrorKind::BadReply);
    assert!(error.message.starts_with("new orders: 3 rows cannot be read"), "{error}");
    assert_eq!((about(&ran, 31).len(), about(&ran, 31)[0].at), (1, None), "an unreadable time is no time");
    assert_eq!(about(&ran, 33)[0].package.as_deref(), Some("5000000033"), "codes may be numbers");
    assert_eq!(ran.observations.len(), 4);
}

#[test]
fn rows_that_cannot_be_read_by_id_fail_that_order_and_no_other() {
    let script = Script::new()
        .reply(&of(COMPLETED, &package(1)), 200, fixture!("odd_rows"))
        .reply(&of(CANCELLED, &suborder(1)), 200, fixture!("empty_items"))
        .reply(&of(COMPLETED, &package(2)), 200, packages([2], "SHP"));
    let ran = known(script, vec![held(1, &[1], &[1]), held(2, &[2], &[2])]);
    assert_eq!(ran.result.as_ref().unwrap_err().kind, ErrorKind::BadReply);
    assert_eq!(status_of(&ran, 2), Some(Status::Dispatched));
    assert_eq!(ran.requests.len(), 3, "nothing is searched for after a failure");
}

#[test]
fn a_failure_in_the_middle_does_not_keep_the_other_orders_from_being_asked() {
    let script = Script::new()
        .reply(&of(COMPLETED, &package(1)), 200, packages([1], "SHP"))
        .reply(&of(COMPLETED, &package(2)), 503, "")
        .reply(&of(CANCELLED, &suborder(2)), 404, "")
        .reply(&of(COMPLETED, &package(3)), 200, packages([3], "FFD"));
    let ran = known(script, (1..4).map(|n| held(n, &[n], &[n])).collect());
    assert_eq!((status_of(&ran, 1), status_of(&ran, 3)), (Some(Status::Dispatched), Some(Status::Delivered)));
    assert_eq!(ran.result.unwrap_err().kind, ErrorKind::Unavailable);
}

#[test]
fn an_outage_or_a_limit_ends_the_pull_at_once() {
    for kind in [ErrorKind::Unavailable, ErrorKind::RateLimited] {
        let ran = changed(Script::new().answer(NEW, Err(Error::new(kind, "given up"))));
        assert_eq!((ran.result.unwrap_err().kind, ran.requests.len()), (kind, 1));
    }
}

#[test]
fn a_page_that_fails_in_the_middle_keeps_what_was_read_and_the_mark_stays() {
    let script = Script::new().reply(NEW, 200, packages(100..120, "PFF")).reply(NEW, 200, "").reply(
        CANCELLED,
        200,
        fixture!("empty_items"),
    );
    let ran = changed(script);
    assert_eq!(ran.observations.len(), 20);
    assert!(ran.result.is_err() && ran.checkpoints.is_empty());
}

#[test]
fn nothing_that_is_sent_changes_anything_on_the_marketplace() {
    assert!(!include_str!("../requests.rs").contains("Request::post"), "every call is a GET");
    assert!(
        !include_str!("../known.rs").contains("Request::")
            && !include_str!("../pull.rs").contains("Request::post")
    );
}

#[test]
fn wrong_settings_are_refused_by_name_before_anything_is_sent() {
    let ran = Script::new().changed::<crate::Snapdeal>(Task::Status, json!({"page_size": 0}), SINCE, UNTIL);
    let error = ran.result.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Config);
    assert!(error.message.contains("`page_size`") && ran.requests.is_empty(), "{error}");
}

#[test]
fn another_base_is_used_for_every_call() {
    let settings = json!({"base_url": "http://127.0.0.1:9/seller-api/"});
    let script = Script::new().reply(&of(COMPLETED, &package(1)), 200, packages([1], "SHP"));
    let ran = known_with(settings, script, vec![held(1, &[1], &[1])]);
    assert!(
        ran.requests[0]
            .starts_with("GET http://127.0.0.1:9/seller-api/orders/completed/SLP5000000001?fModes=")
    );
}
