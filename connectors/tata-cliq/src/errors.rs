//! Refusals and failures as connector errors.
//!
//! A message never quotes a body, which may hold tokens, ids and buyers' data. Only a code that looks like a word is
//! shown.

use plugin_api::{Error, ErrorKind, Reply, Result, reading::Row};

use crate::{
    config::Auth,
    wire::{Answer, Order, Problem},
};

/// Codes that mean "not with this token": those of RFC 6750 and RFC 6749, and two that gateways use.
const REFUSING: &[&str] =
    &["invalid_token", "expired_token", "token_expired", "unauthorized", "access_denied", "invalid_grant"];

/// A body longer than this is no error message of a gateway.
const SHORT_BYTES: usize = 4096;

/// The reply, unless it refuses the token.
///
/// # Errors
/// `auth` for 401, 403 and refusing codes under any status.
pub(crate) fn signed_in(reply: Reply, auth: &Auth, operation: &str) -> Result<Reply> {
    if !matches!(reply.status, 401 | 403) && !refuses_the_token(&reply) {
        return Ok(reply);
    }
    let next_step = match auth {
        Auth::StaticToken => "a token lives for a day: put a new one into the secret `token`",
        Auth::Login(_) => "check user name and password, and that API access is switched on",
    };
    Err(Error::auth(format!("Tata CLiQ refuses the token; {next_step}")).during(operation))
}

/// The reply if it is a success, else what its status means.
///
/// # Errors
/// As [`Reply::ok`], with the code of the body where there is one.
pub(crate) fn checked(reply: Reply, operation: &str) -> Result<Reply> {
    let code = code(&reply).map(|code| format!(" ({code})"));
    reply.ok().map_err(|mut error| {
        error.message.extend(code);
        if error.kind == ErrorKind::BadRequest {
            error.message.push_str("; check the settings `base_url`, `seller_id` and the paths");
        }
        error.during(operation)
    })
}

/// Whether the reply says that the token is no longer good in a form that the host does not act on. A 401 that arrives
/// here is the host's second.
pub(crate) fn refuses_the_token(reply: &Reply) -> bool {
    reply.status != 401 && code(reply).is_some_and(|code| REFUSING.contains(&code.as_str()))
}

/// The orders of an answer.
///
/// # Errors
/// `bad_reply` if the answer has none to show, not even an empty list.
pub(crate) fn orders(answer: Answer, reply: &Reply) -> Result<Vec<Row<Order>>> {
    answer.order.ok_or_else(|| {
        let code = code(reply).map(|code| format!(" but the error {code}")).unwrap_or_default();
        Error::bad_reply(format!("the reply has no `order`{code}; that is not an empty list"))
    })
}

/// The code of an error body, if there is one that may be shown.
fn code(reply: &Reply) -> Option<String> {
    if reply.body.len() > SHORT_BYTES {
        return None;
    }
    let problem: Problem = serde_json::from_slice(&reply.body).ok()?;
    let is_word = |code: &&str| {
        (1..=48).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_')
    };
    [&problem.error, &problem.error_code, &problem.code]
        .into_iter()
        .filter_map(|code| code.as_str())
        .find(is_word)
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, body: &str) -> Error {
        let reply = signed_in(Reply::new(status, body), &Auth::StaticToken, "get_order");
        reply.and_then(|reply| checked(reply, "get_order")).unwrap_err()
    }

    #[test]
    fn each_http_code_has_its_kind() {
        for (status, kind) in [
            (400, ErrorKind::BadRequest),
            (401, ErrorKind::Auth),
            (403, ErrorKind::Auth),
            (404, ErrorKind::BadRequest),
            (429, ErrorKind::RateLimited),
            (500, ErrorKind::Unavailable),
            (503, ErrorKind::Unavailable),
            (302, ErrorKind::BadReply),
        ] {
            for body in ["", "<html>gateway</html>", "{}"] {
                let error = refused(status, body);
                assert_eq!((error.kind, error.operation.as_str()), (kind, "get_order"), "{status} {body}");
            }
        }
    }

    #[test]
    fn a_code_that_refuses_the_token_wins_over_the_http_code() {
        for status in [200, 400, 500] {
            let error = refused(status, r#"{"error":"invalid_token","error_description":"eyJhbGciOi"}"#);
            assert_eq!(error.kind, ErrorKind::Auth, "{status}");
            assert!(error.message.contains("`token`") && !error.message.contains("eyJ"), "{error}");
        }
        assert!(
            !refuses_the_token(&Reply::new(401, r#"{"error":"invalid_token"}"#)),
            "the host has acted on it"
        );
    }

    #[test]
    fn only_words_are_shown_as_codes() {
        assert!(refused(500, r#"{"errorCode":"ORDER_STORE_DOWN"}"#).message.contains("ORDER_STORE_DOWN"));
        for secret in ["eyJ0.eyJ1", "74623-452-969027", "a b", "x@y.example"] {
            assert!(!refused(500, &format!(r#"{{"error":"{secret}"}}"#)).message.contains(secret));
        }
    }
}
