//! What is no answer, and why. A message never quotes a body: it may hold customers' data.

use plugin_api::{Error, ErrorKind, Reply, Result};
use serde_json::Value;

/// The JSON of an answer; `None` for HTTP 204, which means that there is nothing.
///
/// # Errors
/// `auth` for 401 and 403, else as the HTTP status says; `bad_request` for an error object; `bad_reply` for HTML, an empty
/// body and whatever else is no JSON.
pub(crate) fn opened(reply: Reply) -> Result<Option<Value>> {
    if reply.status == 204 {
        return Ok(None);
    }
    let code = code(&reply);
    let reply = reply.ok().map_err(|mut error| {
        if error.kind == ErrorKind::Auth {
            error.message.push_str("; check auth_header and enter a new auth_value");
        }
        with_code(error, code.as_deref())
    })?;
    if code.is_some() {
        let refused = Error::new(ErrorKind::BadRequest, "Wooplr refuses the question, with HTTP 200");
        return Err(with_code(refused, code.as_deref()));
    }
    reply.json().map(Some)
}

/// The error with the code in its message. Digits only: anything else may be a text from a body.
fn with_code(mut error: Error, code: Option<&str>) -> Error {
    if let Some(code) = code.filter(|code| code.len() <= 8 && code.bytes().all(|byte| byte.is_ascii_digit()))
    {
        error.message = format!("{} (validation code {code})", error.message);
    }
    error
}

/// The code of Wooplr's error object, if the answer is one. Its message is never read.
fn code(reply: &Reply) -> Option<String> {
    let document: Value = reply.json().ok()?;
    let members = document.as_object()?.iter();
    let mut codes = members.filter(|(name, _)| name.eq_ignore_ascii_case("validationCode"));
    codes.find(|(_, code)| !code.is_null()).map(|(_, code)| code.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, body: &str) -> Error {
        opened(Reply::new(status, body)).unwrap_err()
    }

    #[test]
    fn no_content_is_nothing_and_json_is_an_answer() {
        assert_eq!(opened(Reply::new(204, "")).unwrap(), None);
        assert_eq!(opened(Reply::new(200, "[]")).unwrap(), Some(Value::Array(Vec::new())));
        for body in [r#"{"validationCode":null,"orders":[]}"#, "[7]", r#"["seven"]"#] {
            assert!(opened(Reply::new(200, body)).unwrap().is_some(), "{body}");
        }
    }

    #[test]
    fn an_error_object_is_a_refusal_whatever_the_http_status() {
        let body = r#"{"validationCode":1042,"validationMessage":"MADE-UP buyer 7","errorCodes":["x"]}"#;
        for (status, kind) in [
            (200, ErrorKind::BadRequest),
            (400, ErrorKind::BadRequest),
            (403, ErrorKind::Auth),
            (500, ErrorKind::Unavailable),
        ] {
            let error = refused(status, body);
            assert_eq!(error.kind, kind, "{status}");
            assert!(
                error.message.contains("validation code 1042") && !error.message.contains("MADE-UP"),
                "{error}"
            );
        }
        let odd = refused(200, r#"{"validationCode":"MADE-UP 7"}"#);
        assert!(!odd.message.contains("MADE-UP"), "{odd}");
    }

    #[test]
    fn what_is_no_json_is_a_bad_reply() {
        for body in ["", "<html>sign in</html>", "{", "orders"] {
            assert_eq!(refused(200, body).kind, ErrorKind::BadReply, "{body}");
        }
    }

    #[test]
    fn refused_credentials_say_what_to_do() {
        for status in [401, 403] {
            let error = refused(status, "");
            assert_eq!(error.kind, ErrorKind::Auth);
            assert!(error.message.contains("enter a new auth_value"), "{error}");
        }
    }
}
