//! HTTP statuses and Amazon's error codes, as our errors.
//!
//! Of Amazon's error bodies only the code is ever repeated, and only if it looks like one: messages and details may
//! quote what was sent.

use plugin_api::{Error, ErrorKind, Reply, Result};

use crate::wire::{ErrorList, LoginError};

/// The longest code or request id that is repeated.
const LONGEST_CODE: usize = 64;

/// The first error code of a reply's body, if it has one that may be repeated.
pub(crate) fn code(reply: &Reply) -> Option<String> {
    let list: ErrorList = reply.json().ok()?;
    list.errors.into_iter().flatten().find_map(|error| error.code.filter(|code| is_code(code)))
}

/// A reply that is a success; else the error that it means.
///
/// # Errors
/// 401 and 403 are `auth`, 429 is `rate_limited`, 5xx `unavailable`, any other 4xx `bad_request`.
pub(crate) fn check(reply: Reply, operation: &str) -> Result<Reply> {
    if reply.is_success() { Ok(reply) } else { Err(failed(&reply, operation)) }
}

/// The error that an unsuccessful reply means.
pub(crate) fn failed(reply: &Reply, operation: &str) -> Error {
    let code = code(reply);
    let (kind, advice) = match (code.as_deref(), reply.status) {
        (Some("QuotaExceeded"), _) | (_, 429) => {
            (ErrorKind::RateLimited, "the quota of this call is used up")
        }
        (_, 401 | 403) => (
            ErrorKind::Auth,
            "check in Seller Central that the app is still authorised and has the role for this call",
        ),
        (_, 400) => (ErrorKind::BadRequest, "Amazon refused the parameters"),
        (_, 404) => (ErrorKind::BadRequest, "unknown to Amazon, or not this seller's"),
        (_, 402..=499) => {
            (ErrorKind::BadRequest, "Amazon refused the request; report this as a fault of the connector")
        }
        (_, 500..=599) => (ErrorKind::Unavailable, "Amazon has trouble; the next run tries again"),
        _ => (ErrorKind::BadReply, "Amazon documents no such answer"),
    };
    error(kind, reply, code.as_deref(), advice).during(operation)
}

/// What a refused login means (Login with Amazon, error codes of the public Java client, read 2026-09).
pub(crate) fn login(reply: &Reply) -> Error {
    let code = reply.json::<LoginError>().ok().and_then(|body| body.error).filter(|code| is_code(code));
    let (kind, advice) = match (code.as_deref(), reply.status) {
        (_, 429) => (ErrorKind::RateLimited, "too many logins"),
        (Some("server_error" | "temporarily_unavailable") | None, _) | (_, 500..=599) => {
            (ErrorKind::Unavailable, "Amazon's login has trouble; the next run tries again")
        }
        (Some("invalid_grant"), _) => (
            ErrorKind::Auth,
            "the seller's authorisation has ended: have the seller authorise the app again and store the new \
             `refresh_token`",
        ),
        (Some("invalid_client"), _) => (
            ErrorKind::Auth,
            "Amazon does not accept `client_id` and `client_secret`: if the secret was rotated, store the new one",
        ),
        (_, 401 | 403) => (ErrorKind::Auth, "Amazon does not accept the credentials"),
        _ => (ErrorKind::Config, "check `client_id`, `client_secret`, `refresh_token` and `token_url`"),
    };
    error(kind, reply, code.as_deref(), advice)
}

fn error(kind: ErrorKind, reply: &Reply, code: Option<&str>, advice: &str) -> Error {
    let code = code.map(|code| format!(" {code}")).unwrap_or_default();
    let request = reply
        .header("x-amzn-requestid")
        .filter(|id| is_code(id))
        .map(|id| format!(" (Amazon's request id {id})"))
        .unwrap_or_default();
    Error::new(kind, format!("HTTP {}{code}: {advice}{request}", reply.status))
}

/// Whether a text is a code and nothing that could hold a secret sentence or a person.
fn is_code(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= LONGEST_CODE
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(code: &str) -> String {
        format!(
            r#"{{"errors":[{{"code":"{code}","message":"Buyer BUYER-NAME, Atza|secret","details":"Atza|secret"}}]}}"#
        )
    }

    #[test]
    fn every_status_has_its_kind() {
        for (status, code, kind) in [
            (400, "InvalidInput", ErrorKind::BadRequest),
            (401, "Unauthorized", ErrorKind::Auth),
            (403, "Unauthorized", ErrorKind::Auth),
            (404, "NotFound", ErrorKind::BadRequest),
            (413, "RequestTooLarge", ErrorKind::BadRequest),
            (415, "UnsupportedMediaType", ErrorKind::BadRequest),
            (429, "QuotaExceeded", ErrorKind::RateLimited),
            (400, "QuotaExceeded", ErrorKind::RateLimited),
            (500, "InternalFailure", ErrorKind::Unavailable),
            (503, "ServiceUnavailable", ErrorKind::Unavailable),
            (302, "Moved", ErrorKind::BadReply),
        ] {
            let error = check(Reply::new(status, envelope(code)), "getOrder").unwrap_err();
            assert_eq!(error.kind, kind, "{status} {code}");
            assert_eq!(error.operation, "getOrder");
            assert!(error.message.contains(code), "{}", error.message);
            assert!(
                !error.message.contains("BUYER-NAME") && !error.message.contains("Atza"),
                "{}",
                error.message
            );
        }
    }

    #[test]
    fn an_empty_body_and_html_are_errors_of_their_status_too() {
        for body in ["", "<html>BUYER-NAME</html>", "{}", r#"{"errors":null}"#, r#"{"errors":[{}]}"#] {
            let error = failed(&Reply::new(503, body), "getOrder");
            assert_eq!(error.kind, ErrorKind::Unavailable, "{body}");
            assert!(!error.message.contains("BUYER-NAME"));
        }
    }

    #[test]
    fn a_code_that_is_a_sentence_is_not_repeated() {
        let error = failed(&Reply::new(400, envelope("BUYER-NAME lives in BUYER-CITY")), "getOrder");
        assert!(!error.message.contains("BUYER-NAME"), "{}", error.message);
    }

    #[test]
    fn the_request_id_is_kept_for_support() {
        let mut reply = Reply::new(500, "");
        reply.headers.push(("x-amzn-requestid".into(), "1a2b-3c".into()));
        assert!(failed(&reply, "getOrder").message.contains("1a2b-3c"));
    }

    #[test]
    fn every_login_error_says_whose_move_it_is() {
        for (status, code, kind) in [
            (400, "invalid_grant", ErrorKind::Auth),
            (401, "invalid_client", ErrorKind::Auth),
            (400, "invalid_request", ErrorKind::Config),
            (400, "invalid_scope", ErrorKind::Config),
            (400, "unauthorized_client", ErrorKind::Config),
            (400, "access_denied", ErrorKind::Config),
            (403, "something_new", ErrorKind::Auth),
            (500, "server_error", ErrorKind::Unavailable),
            (503, "temporarily_unavailable", ErrorKind::Unavailable),
            (429, "slow_down", ErrorKind::RateLimited),
        ] {
            let body = format!(r#"{{"error":"{code}","error_description":"Atzr|secret"}}"#);
            let error = login(&Reply::new(status, body));
            assert_eq!(error.kind, kind, "{status} {code}");
            assert!(!error.message.contains("Atzr"), "{}", error.message);
        }
        assert_eq!(login(&Reply::new(400, "<html>")).kind, ErrorKind::Unavailable);
    }

    #[test]
    fn an_ended_authorisation_asks_for_a_new_one() {
        let error = login(&Reply::new(400, include_str!("../fixtures/login_invalid_grant.json")));
        assert!(error.message.contains("authorise the app again"), "{}", error.message);
    }
}
