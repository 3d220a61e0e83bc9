use std::time::Duration;

use plugin_api::{Error, ErrorKind, Reply};

use super::*;

fn failed(status: u16, body: &str) -> Error {
    let ran = listed_with(status, body);
    assert!(ran.observations.is_empty() && ran.checkpoints.is_empty());
    ran.result.unwrap_err()
}

fn listed_with(status: u16, body: &str) -> Ran<Mark> {
    changed(Script::new().reply(LIST, status, body), json!({}))
}

#[test]
fn what_is_no_answer_is_a_failure_and_never_an_empty_list() {
    for (status, body, kind) in [
        (200, "", ErrorKind::BadReply),
        (200, "<html>sign in</html>", ErrorKind::BadReply),
        (200, "{}", ErrorKind::BadReply),
        (200, r#"{"vendor_orders":null}"#, ErrorKind::BadReply),
        (200, r#"{"vendor_orders":{"a":1}}"#, ErrorKind::BadReply),
        (200, r#"{"vendor_orders":[{"voo"#, ErrorKind::BadReply),
        (200, "null", ErrorKind::BadReply),
        (200, fixture!("error_output"), ErrorKind::BadReply),
        (200, fixture!("error_fields"), ErrorKind::BadReply),
        (200, r#"{"error":"vendor account not found"}"#, ErrorKind::BadReply),
        (200, r#"{"error":"Unauthorized"}"#, ErrorKind::Auth),
        (200, r#"{"output":{"status":"error"},"vendor_orders":[]}"#, ErrorKind::BadReply),
        (401, r#"{"error":"HTTP Basic: Access denied."}"#, ErrorKind::Auth),
        (403, "", ErrorKind::Auth),
        (404, "<html>The page you were looking for doesn't exist.</html>", ErrorKind::BadRequest),
        (404, r#"{"error":"Not found"}"#, ErrorKind::BadRequest),
        (422, fixture!("error_fields"), ErrorKind::BadRequest),
        (429, "", ErrorKind::RateLimited),
        (500, "<html>oops</html>", ErrorKind::Unavailable),
        (302, "", ErrorKind::BadReply),
    ] {
        let error = failed(status, body);
        assert_eq!((error.kind, error.operation.as_str()), (kind, "list_orders"), "{status} {body}");
    }
}

#[test]
fn an_empty_error_beside_the_rows_is_none() {
    for wrapper in [
        r#"{"output":{"status":"success","message":""},"vendor_orders":[]}"#,
        r#"{"error":null,"errors":{},"vendor_orders":[]}"#,
    ] {
        assert!(listed_with(200, wrapper).result.is_ok(), "{wrapper}");
    }
}

#[test]
fn each_failure_names_the_setting_to_look_at() {
    for (status, body, setting) in [
        (401, "", "`key`"),
        (404, "", "`base_url`"),
        (422, "", "`list_query`"),
        (200, fixture!("error_output"), "`extra_headers`"),
        (200, "{}", "`items_path`"),
    ] {
        assert!(failed(status, body).message.contains(setting), "{status} {body}");
    }
    assert!(failed(422, fixture!("error_fields")).message.contains("(updated_after)"));
}

#[test]
fn an_error_never_quotes_what_the_body_says() {
    for body in [
        fixture!("error_output"),
        fixture!("error_fields"),
        r#"{"error":"BUYER-NAME R1000000077"}"#,
        r#"{"vendor_orders":"BUYER-NAME 77"}"#,
        r#"{"vendor_orders":[{"voonik_order_number":{"BUYER-NAME":77}}]}"#,
    ] {
        for status in [200, 400, 401, 500] {
            let shown = format!("{:?}", failed(status, body));
            assert!(!shown.contains("BUYER-NAME") && !shown.contains("77"), "{shown}");
        }
    }
}

#[test]
fn advice_on_waiting_is_kept() {
    let mut reply = Reply::new(429, "");
    reply.headers.push(("retry-after".into(), "17".into()));
    let ran = changed(Script::new().answer(LIST, Ok(reply)), json!({}));
    assert_eq!(ran.result.unwrap_err().retry_after, Some(Duration::from_secs(17)));
}

#[test]
fn nothing_is_ever_logged_in_for() {
    let ran = listed_with(401, "");
    assert_eq!((ran.relogins, ran.requests.len()), (0, 1));
    let ran = Script::new().login::<crate::Voonik>(settings(json!({})));
    assert_eq!(ran.result.unwrap_err().kind, ErrorKind::Unsupported);
}

#[test]
fn nothing_that_is_sent_changes_anything_on_the_marketplace() {
    let sources = [include_str!("../requests.rs"), include_str!("../auth.rs"), include_str!("../pull.rs")];
    assert!(sources.iter().all(|source| !source.contains("Request::post(")), "every call is a GET");
}
