use plugin_api::{Error, ErrorKind};

use super::*;

fn one(script: Script) -> Ran<Mark> {
    known(script, &["80000001"])
}

fn once(status: u16, body: &str) -> Script {
    Script::new().reply(&detail_of("80000001"), status, body)
}

#[test]
fn a_lost_login_is_renewed_once_and_the_request_repeated() {
    for body in [fixture!("error_expired"), r#"{"status":403}"#, r#"{"status":401,"data":[]}"#] {
        let ran = one(once(200, body).reply(&detail_of("80000001"), 200, detail("80000001", "A")));
        assert!(ran.result.is_ok(), "{:?}", ran.result);
        assert_eq!((ran.relogins, ran.requests.len(), ran.observations.len()), (1, 2, 1));
        assert_eq!(ran.transcript[0], ran.transcript[1]);
    }
}

#[test]
fn a_login_that_runs_out_in_the_middle_of_a_list_goes_on_with_the_same_page() {
    let second = "GET /api/v1/order?time_from=1768467600&time_to=1768469400&page=2";
    let ran = placed(
        Script::new()
            .reply(LIST, 200, fixture!("list_first"))
            .reply(second, 200, fixture!("error_expired"))
            .reply(second, 200, fixture!("list_last")),
    );
    assert_eq!((ran.result.unwrap(), ran.relogins), (Mark::complete_until(UNTIL), 1));
    assert_eq!(ran.observations.len(), 3);
}

#[test]
fn a_login_that_does_not_hold_is_an_auth_error() {
    let ran = one(once(200, fixture!("error_expired")).reply(
        &detail_of("80000001"),
        200,
        fixture!("error_expired"),
    ));
    let error = ran.result.unwrap_err();
    assert_eq!((error.kind, error.operation.as_str()), (ErrorKind::Auth, "get_order"));
    assert_eq!((ran.relogins, ran.requests.len()), (1, 2));
}

#[test]
fn a_401_or_403_is_the_host_s_to_answer() {
    for status in [401, 403] {
        let ran = one(once(status, fixture!("error_expired")));
        assert_eq!((ran.result.unwrap_err().kind, ran.relogins, ran.requests.len()), (ErrorKind::Auth, 0, 1));
    }
    assert_eq!(crate::descriptor::descriptor().auth.expired_on, [401, 403]);
}

#[test]
fn bodies_that_are_no_answer_have_the_right_kind() {
    for (status, body, kind) in [
        (200, "", ErrorKind::BadReply),
        (200, "<html>sign in</html>", ErrorKind::BadReply),
        (200, "{}", ErrorKind::BadReply),
        (200, "[]", ErrorKind::BadReply),
        (200, "null", ErrorKind::BadReply),
        (200, r#"{"data":null}"#, ErrorKind::BadReply),
        (200, r#"{"data":[]}"#, ErrorKind::BadReply),
        (200, r#"{"data":{"order_id":"80000001"}}"#, ErrorKind::BadReply),
        (200, r#"{"data":{"order_id":"80000002","status":"A"}}"#, ErrorKind::BadReply),
        (200, r#"{"data":{"order_id":"800"#, ErrorKind::BadReply),
        (200, fixture!("error_message"), ErrorKind::BadReply),
        (200, r#"{"status":500}"#, ErrorKind::Unavailable),
        (200, r#"{"status":"400","data":{"order_id":"80000001","status":"A"}}"#, ErrorKind::BadRequest),
        (302, "", ErrorKind::BadReply),
        (400, "", ErrorKind::BadRequest),
        (404, "<html>not found</html>", ErrorKind::BadRequest),
        (429, "", ErrorKind::RateLimited),
        (500, "<html>oops</html>", ErrorKind::Unavailable),
    ] {
        let ran = one(once(status, body));
        let error = ran.result.unwrap_err();
        assert_eq!((error.kind, error.operation.as_str()), (kind, "get_order"), "{status} {body}");
        assert_eq!((ran.relogins, ran.observations.len()), (0, 0), "{status} {body}");
    }
}

#[test]
fn a_list_without_data_is_a_failure_and_not_zero_orders() {
    for body in
        ["{}", r#"{"data":null,"extra":{"next":""}}"#, r#"{"status":200}"#, r#"{"data":{}}"#, "[]", "7"]
    {
        let ran = placed(Script::new().reply(LIST, 200, body));
        let error = ran.result.unwrap_err();
        assert_eq!((error.kind, error.operation.as_str()), (ErrorKind::BadReply, "list_orders"), "{body}");
    }
}

#[test]
fn an_error_never_quotes_what_the_body_says() {
    for body in [
        fixture!("error_message"),
        fixture!("error_expired"),
        r#"{"data":"BUYER-STREET 80000001"}"#,
        r#"{"status":"500 GA000222"}"#,
    ] {
        for status in [200, 400, 422, 500] {
            let shown = format!("{:?}", one(once(status, body)).result.unwrap_err());
            for secret in ["GA000222", "fixture", "BUYER"] {
                assert!(!shown.contains(secret), "{shown}");
            }
        }
    }
}

#[test]
fn one_order_that_fails_does_not_keep_the_next_from_being_asked() {
    let ran = known(
        Script::new()
            .reply(&detail_of("1"), 400, "")
            .reply(&detail_of("2"), 200, detail("2", "I"))
            .reply(&detail_of("3"), 503, "")
            .reply(&detail_of("4"), 200, detail("4", "H")),
        &["1", "2", "3", "4"],
    );
    assert_eq!(ran.result.as_ref().unwrap_err().kind, ErrorKind::BadRequest, "the first error is told");
    assert_eq!(ran.statuses(), [("2", Some(Status::Cancelled)), ("4", Some(Status::Delivered))]);
}

#[test]
fn an_outage_or_a_limit_ends_the_pull() {
    for kind in [ErrorKind::Unavailable, ErrorKind::RateLimited, ErrorKind::Auth] {
        let ran =
            known(Script::new().answer(&detail_of("1"), Err(Error::new(kind, "given up"))), &["1", "2"]);
        assert_eq!((ran.result.unwrap_err().kind, ran.requests.len()), (kind, 1));
    }
}

#[test]
fn nothing_that_is_sent_changes_anything_on_the_marketplace() {
    let sources = [include_str!("../requests.rs"), include_str!("../auth.rs"), include_str!("../pull.rs")];
    let posts: usize = sources.iter().map(|source| source.matches("Request::post(").count()).sum();
    assert_eq!(posts, 1, "the login is the only POST");
}
