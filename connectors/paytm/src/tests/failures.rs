use plugin_api::{Error, ErrorKind};

use super::*;

fn one_known(script: Script) -> Ran<Mark> {
    known(script, &["7000000001"])
}

#[test]
fn a_lost_login_is_renewed_once_and_the_request_repeated() {
    for (status, body) in [
        (200, fixture!("error_token")),
        (400, fixture!("error_token")),
        (500, fixture!("error_token")),
        (200, "<!DOCTYPE html><html>Please log in</html>"),
        (302, ""),
    ] {
        let ran = one_known(Script::new().reply(ORDERS, status, body).reply(ORDERS, 200, "[]"));
        assert!(ran.result.is_ok(), "{status}: {:?}", ran.result);
        assert_eq!((ran.relogins, ran.requests.len()), (1, 2), "{status}");
        assert_eq!(ran.transcript[0], ran.transcript[1]);
    }
}

#[test]
fn a_login_that_does_not_hold_is_an_auth_error() {
    for (status, body) in [(200, fixture!("error_token")), (200, "<html>log in</html>"), (302, "")] {
        let ran = one_known(Script::new().reply(ORDERS, status, body).reply(ORDERS, status, body));
        let error = ran.result.unwrap_err();
        assert_eq!((error.kind, error.operation.as_str()), (ErrorKind::Auth, "get_orders"), "{status}");
        assert_eq!((ran.relogins, ran.requests.len()), (1, 2));
    }
}

#[test]
fn a_401_or_403_is_the_host_s_to_answer() {
    for status in [401, 403] {
        let ran = one_known(Script::new().reply(ORDERS, status, fixture!("error_token")));
        assert_eq!((ran.result.unwrap_err().kind, ran.relogins, ran.requests.len()), (ErrorKind::Auth, 0, 1));
    }
    assert_eq!(crate::descriptor::descriptor().auth.expired_on, [401, 403]);
}

#[test]
fn bodies_that_are_no_answer_have_the_right_kind() {
    for (status, body, kind) in [
        (200, "", ErrorKind::BadReply),
        (200, "{}", ErrorKind::BadReply),
        (200, "null", ErrorKind::BadReply),
        (200, r#""text""#, ErrorKind::BadReply),
        (200, r#"[{"id":1,"ite"#, ErrorKind::BadReply),
        (200, r#"{"orders":[]}"#, ErrorKind::BadReply),
        (200, fixture!("error"), ErrorKind::BadReply),
        (200, r#"{"error":["a"]}"#, ErrorKind::BadReply),
        (400, fixture!("error"), ErrorKind::BadRequest),
        (404, "<html></html>", ErrorKind::BadRequest),
        (429, "", ErrorKind::RateLimited),
        (500, "<html>oops</html>", ErrorKind::Unavailable),
        (503, "", ErrorKind::Unavailable),
    ] {
        let ran = one_known(Script::new().reply(ORDERS, status, body));
        let error = ran.result.unwrap_err();
        assert_eq!((error.kind, error.operation.as_str()), (kind, "get_orders"), "{status} {body}");
        assert_eq!((ran.relogins, ran.observations.len()), (0, 0));
    }
}

#[test]
fn an_error_inside_a_list_call_is_a_failure_and_not_zero_orders() {
    let ran = placed(Script::new().reply(ORDERS, 200, fixture!("error")));
    let error = ran.result.unwrap_err();
    assert_eq!((error.kind, error.operation.as_str()), (ErrorKind::BadReply, "list_orders"));
}

#[test]
fn an_error_never_quotes_what_the_body_says() {
    let row = r#"[{"id":"BUYER-FIRSTNAME 7000000001","items":"BUYER-STREET"}]"#;
    for body in [fixture!("error"), fixture!("error_token"), row, r#"{"BUYER-STREET":1}"#] {
        for status in [200, 400, 404, 500] {
            let ran = one_known(Script::new().reply(ORDERS, status, body).reply(ORDERS, status, body));
            let shown = format!("{:?}", ran.result.unwrap_err());
            for secret in ["7000000001", "abcd", "BUYER"] {
                assert!(!shown.contains(secret), "{shown}");
            }
        }
    }
}

#[test]
fn the_token_and_the_cookie_are_references_in_every_call_of_a_pull() {
    let script = Script::new()
        .reply(ORDERS, 200, one(1, 11, 15, None))
        .reply(FULFILMENTS, 200, r#"[{"id":1,"order_item_ids":[11],"tracking_number":"A","shipper_id":1}]"#)
        .reply(SHIPPERS, 200, "[]");
    let ran = known(script, &["1"]);
    assert_eq!(ran.requests.len(), 3);
    for call in &ran.transcript {
        assert!(call.contains("authtoken={token}") && call.contains("cookie: {token:cookie}"), "{call}");
    }
}

#[test]
fn one_batch_that_fails_does_not_keep_the_next_from_being_asked() {
    let ids: Vec<String> = (1..=60).map(|n| n.to_string()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let ran = known(Script::new().reply(ORDERS, 400, "").reply(ORDERS, 200, one(60, 601, 8, None)), &ids);
    assert_eq!((ran.result.as_ref().unwrap_err().kind, ran.requests.len()), (ErrorKind::BadRequest, 2));
    assert_eq!(ran.statuses(), [("601", Some(Status::Cancelled))]);
}

#[test]
fn an_outage_or_a_limit_ends_the_pull() {
    let ids: Vec<String> = (1..=60).map(|n| n.to_string()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    for kind in [ErrorKind::Unavailable, ErrorKind::RateLimited, ErrorKind::Auth] {
        let down = || Err(Error::new(kind, "given up"));
        let ran = known(Script::new().answer(ORDERS, down()).answer(ORDERS, down()), &ids);
        assert_eq!((ran.result.unwrap_err().kind, ran.requests.len()), (kind, 1));
    }
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
    assert_eq!(posts, 2, "the two steps of the login are the only POSTs");
}
