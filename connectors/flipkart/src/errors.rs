//! Flipkart's HTTP codes and error codes as connector errors.
//!
//! A message never quotes a body: descriptions may hold tokens and ids. Only the short code is shown, and only if it
//! looks like a word.

use std::time::Duration;

use plugin_api::{Error, ErrorKind, Reply, Result};

use crate::wire::{ApiError, ErrorReply};

/// Codes that mean "not now" (guide of 2024-06, response codes).
const PASSING: &[&str] = &["DEPENDENT_SYSTEM_CALL_FAILED"];

/// OAuth codes that mean "not with these credentials": the first two as clients saw them, the rest from RFC 6749.
const REFUSING: &[&str] = &[
    "unauthorized",
    "invalid_token",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "access_denied",
];

/// A body longer than this is no error message of the gateway.
const SHORT_BYTES: usize = 4096;

/// The reply if it is a success, else what its code means.
///
/// # Errors
/// 401, 403 and refusing codes are `auth`; 408 and 429 `rate_limited`; 5xx, 499 (Flipkart's time-out) and passing codes
/// `unavailable`; other 4xx `bad_request`; the rest `bad_reply`.
pub(crate) fn checked(reply: Reply, operation: &str) -> Result<Reply> {
    if reply.is_success() {
        return Ok(reply);
    }
    let code = code(&reply.body);
    let kind = match (code.as_deref(), reply.status) {
        (Some(code), _) if REFUSING.contains(&code) => ErrorKind::Auth,
        (Some(code), _) if PASSING.contains(&code) => ErrorKind::Unavailable,
        (_, 401 | 403) => ErrorKind::Auth,
        (_, 408 | 429) => ErrorKind::RateLimited,
        (_, 499..=599) => ErrorKind::Unavailable,
        (_, 400..=498) => ErrorKind::BadRequest,
        _ => ErrorKind::BadReply,
    };
    let code = code.map(|code| format!(" ({code})")).unwrap_or_default();
    let error = Error::new(kind, format!("Flipkart answered HTTP {}{code}{}", reply.status, next_step(kind)));
    Err(match reply.header("retry-after").and_then(|seconds| seconds.trim().parse().ok()) {
        Some(seconds) => error.retry_after(Duration::from_secs(seconds)),
        None => error,
    }
    .during(operation))
}

fn next_step(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Auth => {
            "; check that the app is active, then enter its id and secret (or authorise it) again"
        }
        ErrorKind::BadRequest => {
            "; the request is not what this API version takes: tell the connector's authors"
        }
        _ => "",
    }
}

/// `errors` inside a body that came with HTTP 200; `Ok` if there are none.
///
/// # Errors
/// `unavailable` if the code is a passing one, else `bad_reply`.
pub(crate) fn none_in_body(errors: &[ApiError], operation: &str) -> Result<()> {
    let Some(first) = errors.first() else { return Ok(()) };
    let code = first.code.as_deref().and_then(shown);
    let kind = if code.is_some_and(|code| PASSING.contains(&code)) {
        ErrorKind::Unavailable
    } else {
        ErrorKind::BadReply
    };
    let code = code.map(|code| format!(" ({code})")).unwrap_or_default();
    Err(Error::new(kind, format!("Flipkart answered HTTP 200 with errors inside{code}")).during(operation))
}

/// Whether the reply says that the token is no longer good, in a form that the host does not act on.
///
/// The host itself answers 401 by a new login and a repeat, so a 401 that arrives here is the repeat's. The rest is seen
/// in the wild: `invalid_token` in other 4xx and 5xx bodies, even as JSON inside JSON.
pub(crate) fn login_has_run_out(reply: &Reply) -> bool {
    match reply.status {
        401 => false,
        400.. => contains(&reply.body, b"invalid_token"),
        _ => reply.body.len() <= SHORT_BYTES && code(&reply.body).as_deref() == Some("invalid_token"),
    }
}

/// A login that ran out again right after it was renewed.
pub(crate) fn login_does_not_hold(operation: &str) -> Error {
    Error::auth("Flipkart refuses the token right after a new login; authorise the app again")
        .during(operation)
}

/// The error code of a body, if there is one that may be shown.
pub(crate) fn code(body: &[u8]) -> Option<String> {
    let body: ErrorReply = serde_json::from_slice(body).ok()?;
    let listed = body.errors.into_iter().find_map(|error| error.code);
    let code = listed.or(body.error)?;
    // An integrator's proxy puts the whole reply, as text, where the code should be.
    let inner: Option<ErrorReply> = serde_json::from_str(&code).ok();
    let code = inner.and_then(|inner| inner.error).unwrap_or(code);
    shown(&code).map(str::to_owned)
}

/// The code if it is a word: letters and underscores only, so neither token nor id nor sentence.
fn shown(code: &str) -> Option<&str> {
    let is_word = code.len() <= 48 && code.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    is_word.then_some(code)
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|part| part == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, body: &str) -> Error {
        checked(Reply::new(status, body), "get_shipments").unwrap_err()
    }

    #[test]
    fn each_http_code_has_its_kind() {
        for (status, kind) in [
            (400, ErrorKind::BadRequest),
            (401, ErrorKind::Auth),
            (403, ErrorKind::Auth),
            (404, ErrorKind::BadRequest),
            (408, ErrorKind::RateLimited),
            (422, ErrorKind::BadRequest),
            (429, ErrorKind::RateLimited),
            (499, ErrorKind::Unavailable),
            (500, ErrorKind::Unavailable),
            (503, ErrorKind::Unavailable),
            (599, ErrorKind::Unavailable),
            (302, ErrorKind::BadReply),
        ] {
            for body in ["", "<html>gateway</html>", "{}", r#"{"errors":[]}"#] {
                let error = refused(status, body);
                assert_eq!(
                    (error.kind, error.operation.as_str()),
                    (kind, "get_shipments"),
                    "{status} {body}"
                );
            }
        }
    }

    #[test]
    fn a_code_that_says_more_than_the_http_code_wins() {
        let passing =
            r#"{"errors":[{"severity":"ERROR","code":"DEPENDENT_SYSTEM_CALL_FAILED","description":"x"}]}"#;
        assert_eq!(refused(422, passing).kind, ErrorKind::Unavailable);
        let wrapped =
            r#"{"errorId":"7","error":"{\"error\":\"unauthorized\",\"error_description\":\"secret 42\"}"}"#;
        let error = refused(500, wrapped);
        assert_eq!(error.kind, ErrorKind::Auth);
        assert!(error.message.contains("(unauthorized)") && !error.message.contains("42"), "{error}");
    }

    #[test]
    fn a_code_that_is_no_word_is_not_shown() {
        for code in ["0f3cdeadbeef", "token abc", "OD999000111222333000", "a@b.example"] {
            let body = format!(r#"{{"errors":[{{"code":"{code}"}}]}}"#);
            assert_eq!(refused(400, &body).message.find(code), None);
            assert!(
                !none_in_body(&[ApiError { code: Some(code.into()) }], "x")
                    .unwrap_err()
                    .message
                    .contains(code)
            );
        }
    }

    #[test]
    fn advice_on_waiting_is_kept() {
        let mut reply = Reply::new(429, "");
        reply.headers.push(("retry-after".into(), "17".into()));
        assert_eq!(checked(reply, "x").unwrap_err().retry_after, Some(Duration::from_secs(17)));
        assert_eq!(refused(429, "").retry_after, None);
    }

    #[test]
    fn errors_inside_a_success_have_the_kind_of_their_code() {
        let error = |code: &str| none_in_body(&[ApiError { code: Some(code.into()) }], "x").unwrap_err().kind;
        assert_eq!(error("DEPENDENT_SYSTEM_CALL_FAILED"), ErrorKind::Unavailable);
        assert_eq!(error("UNPROCESSABLE_ENTITY"), ErrorKind::BadReply);
        assert!(none_in_body(&[], "x").is_ok());
    }

    #[test]
    fn a_lost_login_is_seen_in_every_form_but_the_host_s_own() {
        let plain = r#"{"error":"invalid_token","error_description":"Invalid access token: abc"}"#;
        let wrapped = r#"{"errorId":"7","error":"{\"error\":\"invalid_token\"}"}"#;
        for (status, body, lost) in [
            (400, plain, true),
            (403, plain, true),
            (500, wrapped, true),
            (500, "<html>invalid_token</html>", true),
            (200, plain, true),
            (401, plain, false),
            (200, r#"{"shipments":[],"note":"invalid_token"}"#, false),
            (500, r#"{"error":"oops"}"#, false),
        ] {
            assert_eq!(login_has_run_out(&Reply::new(status, body)), lost, "{status} {body}");
        }
    }
}
