//! What ShopClues' failures look like: HTTP statuses, and the same inside a body that came with HTTP 200.
//!
//! A message never quotes a body.

use plugin_api::{Error, Reply, Result};
use serde_json::Value;

use crate::wire::Envelope;

/// The status that a body carries by itself, if it has one.
fn inner_status(reply: &Reply) -> Option<u16> {
    // Only an object: serde would read a list of one as the same.
    let is_object = reply.body.trim_ascii_start().first() == Some(&b'{');
    let envelope: Envelope = is_object.then(|| reply.json().ok())??;
    match envelope.status {
        Value::Number(number) => number.as_u64().and_then(|number| u16::try_from(number).ok()),
        Value::String(digits) => digits.trim().parse().ok(),
        _ => None,
    }
}

/// Whether the body says that the token has run out, under an HTTP status that says otherwise. The host itself answers
/// HTTP 401 and 403 by a new login and a repeat.
pub(crate) fn login_has_run_out(reply: &Reply) -> bool {
    reply.is_success() && matches!(inner_status(reply), Some(401 | 403))
}

/// Whether ShopClues does not know the order that was asked for. A page for people with the same status is of another
/// machine, and no word about an order.
pub(crate) fn is_unknown(reply: &Reply) -> bool {
    (reply.status == 404 && !reply.is_markup()) || (reply.is_success() && inner_status(reply) == Some(404))
}

/// The reply of a reading call, if it is a success inside and outside.
///
/// # Errors
/// As [`Reply::ok`], of the HTTP status or of the one inside.
pub(crate) fn checked(reply: Reply, operation: &str) -> Result<Reply> {
    let reply = reply.ok()?;
    match inner_status(&reply) {
        Some(status @ 400..) => {
            let mut inside = reply;
            inside.status = status;
            inside.ok().map_err(|mut error| {
                error.message = format!("ShopClues answered HTTP 200 with status {status} inside");
                error.during(operation)
            })
        }
        _ => Ok(reply),
    }
}

/// An answer that lacks its data.
pub(crate) fn no_data(operation: &str) -> Error {
    Error::bad_reply("the reply has no `data`").during(operation)
}

/// Orders of an answer that could not be read; the others were.
pub(crate) fn unreadable(count: usize, operation: &str) -> Error {
    let message = format!(
        "{count} orders of an answer lack an id or a status or have other types than known; the others were read"
    );
    Error::bad_reply(message).during(operation)
}

#[cfg(test)]
mod tests {
    use plugin_api::ErrorKind;

    use super::*;

    #[test]
    fn a_lost_login_is_seen_inside_the_body_however_it_is_written() {
        for (status, body, lost) in [
            (200, r#"{"status":403,"data":[]}"#, true),
            (200, r#"{"status":"403"}"#, true),
            (200, r#"{"status":401}"#, true),
            (200, r#"{"status":200,"data":[{"status":"403"}]}"#, false),
            (200, r#"[{"status":403}]"#, false),
            (200, "[403]", false),
            (200, "<html>403</html>", false),
            (403, r#"{"status":403}"#, false),
            (500, r#"{"status":403}"#, false),
        ] {
            assert_eq!(login_has_run_out(&Reply::new(status, body)), lost, "{status} {body}");
        }
    }

    #[test]
    fn a_status_inside_has_the_kind_of_the_same_outside() {
        for (body, kind) in [
            (r#"{"status":400}"#, ErrorKind::BadRequest),
            (r#"{"status":"404"}"#, ErrorKind::BadRequest),
            (r#"{"status":"429","data":[]}"#, ErrorKind::RateLimited),
            (r#"{"status":500}"#, ErrorKind::Unavailable),
            (r#"{"status":403}"#, ErrorKind::Auth),
            (r#"{"status":999}"#, ErrorKind::BadReply),
        ] {
            let error = checked(Reply::new(200, body), "get_order").unwrap_err();
            assert_eq!((error.kind, error.operation.as_str()), (kind, "get_order"), "{body}");
            assert!(error.message.contains("inside"), "{error}");
        }
        for body in [
            r#"{"status":200}"#,
            r#"{"status":"ok"}"#,
            r#"{"status":{}}"#,
            "{}",
            r#"{"data":{"status":"H"}}"#,
        ] {
            assert!(checked(Reply::new(200, body), "x").is_ok(), "{body}");
        }
    }
}
