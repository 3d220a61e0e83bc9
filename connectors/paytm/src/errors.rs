//! What Paytm's failures look like, and which of them mean that the login has run out.
//!
//! A message never quotes a body: Paytm's error texts may hold ids and tokens.

use plugin_api::{Error, Reply, Result};
use serde_json::Value;

use crate::wire::Failure;

/// Words of an error text by which clients know that the token is no longer good.
const LOGIN_WORDS: &[&str] = &["token", "login"];

/// The error of a body, if it is an object that has one: text in lists, a list in the answers of writing calls.
fn failure(reply: &Reply) -> Option<Value> {
    // Only an object: serde would read a list of one as the same.
    let is_object = reply.body.trim_ascii_start().first() == Some(&b'{');
    let failure: Failure = is_object.then(|| reply.json().ok())??;
    match &failure.error {
        Value::Null | Value::Bool(false) => None,
        Value::String(text) if text.trim().is_empty() => None,
        Value::Array(list) if list.is_empty() => None,
        _ => Some(failure.error),
    }
}

/// Whether the body tells of a failure, whatever the HTTP status.
pub(crate) fn tells_of_failure(reply: &Reply) -> bool {
    failure(reply).is_some()
}

/// Whether the reply says that the token is no longer good, in a form that the host does not act on: a redirect to the
/// login page, the page itself, or an error text that names token or login.
///
/// The host itself answers 401 and 403 by a new login and a repeat, so one that arrives here is the repeat's.
pub(crate) fn login_has_run_out(reply: &Reply) -> bool {
    match reply.status {
        401 | 403 => false,
        300..=399 => true,
        200..=299 if reply.is_markup() => true,
        _ => match failure(reply) {
            Some(Value::String(text)) => {
                let text = text.to_ascii_lowercase();
                LOGIN_WORDS.iter().any(|word| text.contains(word))
            }
            _ => false,
        },
    }
}

/// The reply of a reading call, if it is a success.
///
/// # Errors
/// As [`Reply::ok`]; `bad_reply` for an error inside a success.
pub(crate) fn checked(reply: Reply, operation: &str) -> Result<Reply> {
    let reply = reply.ok()?;
    if tells_of_failure(&reply) {
        let message = "Paytm answered HTTP 200 with an error inside; the request is not what it takes from this account: \
                       compare `merchant_id` and the paths with Paytm's own papers";
        return Err(Error::bad_reply(message).during(operation));
    }
    Ok(reply)
}

/// Rows of an answer that could not be read; the others were.
pub(crate) fn unreadable(count: usize, operation: &str) -> Error {
    let message = format!(
        "{count} orders or items of an answer lack an id or a status or have other types than known; the others were read"
    );
    Error::bad_reply(message).during(operation)
}

#[cfg(test)]
mod tests {
    use plugin_api::ErrorKind;

    use super::*;

    #[test]
    fn a_lost_login_is_seen_in_every_form_but_the_host_s_own() {
        for (status, body, lost) in [
            (200, r#"{"error":"Invalid authtoken"}"#, true),
            (200, r#"{"error":"Please Login again"}"#, true),
            (400, r#"{"error":"token expired"}"#, true),
            (500, r#"{"error":"token expired"}"#, true),
            (200, "<!DOCTYPE html><html>sign in</html>", true),
            (302, "", true),
            (401, r#"{"error":"token expired"}"#, false),
            (403, "", false),
            (200, r#"{"error":"No fulfillment_ids given to update"}"#, false),
            (200, r#"{"error":{"token":1}}"#, false),
            (200, r#"[{"error":"token"}]"#, false),
            (200, "[]", false),
            (404, "<html>not found</html>", false),
            (503, "<html>busy</html>", false),
        ] {
            assert_eq!(login_has_run_out(&Reply::new(status, body)), lost, "{status} {body}");
        }
    }

    #[test]
    fn an_error_inside_a_success_is_a_failure_and_is_not_quoted() {
        for body in [r#"{"error":"order 7000000001"}"#, r#"{"error":["7000000001"]}"#, r#"{"error":{"a":1}}"#]
        {
            let error = checked(Reply::new(200, body), "list_orders").unwrap_err();
            assert_eq!((error.kind, error.operation.as_str()), (ErrorKind::BadReply, "list_orders"));
            assert!(!error.message.contains("7000000001"), "{error}");
        }
    }

    #[test]
    fn an_empty_error_is_none() {
        for body in [
            "[]",
            r#"[{"error":"no"}]"#,
            r#"{"error":null}"#,
            r#"{"error":[],"success":[]}"#,
            r#"{"error":""}"#,
        ] {
            assert!(checked(Reply::new(200, body), "x").is_ok(), "{body}");
        }
    }
}
