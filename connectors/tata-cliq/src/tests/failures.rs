use std::time::Duration;

use plugin_api::{Error, ErrorKind, Reply};

use super::*;

fn failed(status: u16, body: &str) -> Error {
    let ran = changed(Script::new().reply(LIST, status, body), json!({}));
    assert!(ran.observations.is_empty() && ran.checkpoints.is_empty());
    ran.result.unwrap_err()
}

#[test]
fn what_is_no_answer_is_a_failure_and_never_an_empty_list() {
    for (status, body, kind) in [
        (200, "", ErrorKind::BadReply),
        (200, "<html>sign in</html>", ErrorKind::BadReply),
        (200, "{}", ErrorKind::BadReply),
        (200, "[]", ErrorKind::BadReply),
        (200, r#"{"order":null}"#, ErrorKind::BadReply),
        (200, r#"{"order":"none"}"#, ErrorKind::BadReply),
        (200, r#"{"order":[{"orderN"#, ErrorKind::BadReply),
        (200, r#"{"errorCode":"ORDER_STORE_DOWN"}"#, ErrorKind::BadReply),
        (204, "", ErrorKind::BadReply),
        (302, "", ErrorKind::BadReply),
        (400, "", ErrorKind::BadRequest),
        (404, "", ErrorKind::BadRequest),
        (429, "", ErrorKind::RateLimited),
        (500, "<html>oops</html>", ErrorKind::Unavailable),
        (503, "", ErrorKind::Unavailable),
    ] {
        let error = failed(status, body);
        assert_eq!((error.kind, error.operation.as_str()), (kind, "list_orders"), "{status} {body}");
    }
}

#[test]
fn a_pasted_token_that_has_run_out_says_what_to_do() {
    for (status, body) in [
        (401, ""),
        (401, fixture!("error_invalid_token.json")),
        (403, ""),
        (200, fixture!("error_invalid_token.json")),
        (500, fixture!("error_invalid_token.json")),
    ] {
        let error = failed(status, body);
        assert_eq!((error.kind, error.operation.as_str()), (ErrorKind::Auth, "list_orders"), "{status}");
        assert!(error.message.contains("put a new one into the secret `token`"), "{error}");
        assert!(!format!("{error:?}").contains("fixture"), "{error:?}");
    }
}

#[test]
fn a_pasted_token_is_never_logged_in_for() {
    let ran = changed(Script::new().reply(LIST, 401, ""), json!({}));
    assert_eq!((ran.relogins, ran.requests.len()), (0, 1));
}

#[test]
fn advice_on_waiting_is_kept() {
    let mut reply = Reply::new(429, "");
    reply.headers.push(("retry-after".into(), "17".into()));
    let ran = changed(Script::new().answer(LIST, Ok(reply)), json!({}));
    assert_eq!(ran.result.unwrap_err().retry_after, Some(Duration::from_secs(17)));
}

#[test]
fn an_error_never_quotes_what_the_body_says() {
    for body in [
        r#"{"order":"74623-000-000000 BUYER-NAME"}"#,
        r#"{"order":[{"orderNo":"74623-000-000000","orderLine":["BUYER-NAME"]}]}"#,
        r#"{"message":"BUYER-NAME 74623-000-000000"}"#,
    ] {
        for status in [200, 400, 500] {
            let shown = format!("{:?}", failed(status, body));
            assert!(!shown.contains("74623") && !shown.contains("BUYER-NAME"), "{shown}");
        }
    }
}

#[test]
fn an_error_s_code_is_told_where_it_is_a_word() {
    assert!(failed(200, r#"{"errorCode":"ORDER_STORE_DOWN"}"#).message.contains("ORDER_STORE_DOWN"));
}

#[test]
fn nothing_that_is_sent_changes_anything_on_the_marketplace() {
    let sources = [include_str!("../requests.rs"), include_str!("../auth.rs"), include_str!("../pull.rs")];
    let posts: usize = sources.iter().map(|source| source.matches("Request::post(").count()).sum();
    assert_eq!(posts, 1, "the login is the only POST");
}
