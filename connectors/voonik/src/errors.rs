//! Refusals and failures as connector errors, those in an HTTP 200 among them.
//!
//! A message never quotes a body, which may hold ids and buyers' data. Only codes and names of fields are shown, and only
//! if they look like one word.

use plugin_api::{Error, ErrorKind, Reply, Result};
use serde_json::Value;

/// Words in `error` that mean "not with these credentials".
const REFUSING: &[&str] = &["unauthorized", "forbidden", "access_denied"];

/// The body of a reply that is a success, inside and out.
///
/// # Errors
/// 401 and 403 are `auth`; other statuses as [`Reply::ok`]; a failure inside a success, HTML and no JSON `bad_reply`.
pub(crate) fn body(reply: Reply, operation: &str) -> Result<Value> {
    let told = serde_json::from_slice::<Value>(&reply.body).ok().and_then(|body| problem(&body));
    let status = reply.status;
    let reply = reply.ok().map_err(|error| explained(error, status, told.as_ref(), operation))?;
    match told {
        None => reply.json(),
        Some(told) => {
            let kind = if told.refuses { ErrorKind::Auth } else { ErrorKind::BadReply };
            let message = format!("Voonik answered HTTP {status} with a failure inside{}", told.shown);
            Err(explained(Error::new(kind, message), status, None, operation))
        }
    }
}

fn explained(mut error: Error, status: u16, told: Option<&Problem>, operation: &str) -> Error {
    if let Some(told) = told {
        error.message.push_str(&told.shown);
    }
    error.message.push_str(match error.kind {
        ErrorKind::Auth => {
            "; check the secrets `username` and `key` and the settings `auth_mode` and `extra_headers`"
        }
        ErrorKind::BadRequest if status == 404 => {
            "; there is no such order, or the settings `base_url` and the paths are wrong"
        }
        ErrorKind::BadRequest => "; check the setting `list_query`",
        ErrorKind::BadReply => "; check the settings `base_url`, `extra_headers` and the paths",
        _ => "",
    });
    error.during(operation)
}

/// What a body says of a failure.
struct Problem {
    refuses: bool,
    /// What may be shown of it, with a blank before.
    shown: String,
}

/// The forms of a Rails application (`error`, `errors`), and the `output` that Voonik's answers are wrapped in.
fn problem(body: &Value) -> Option<Problem> {
    if let Some(status) = body.pointer("/output/status").and_then(Value::as_str)
        && !matches!(status.to_ascii_lowercase().as_str(), "success" | "ok")
    {
        return Some(Problem { refuses: false, shown: in_brackets(&[status]) });
    }
    match (body.get("error"), body.get("errors")) {
        (Some(error), _) if !is_nothing(error) => {
            let code = error.as_str().unwrap_or_default();
            let refuses = REFUSING.iter().any(|word| code.eq_ignore_ascii_case(word));
            Some(Problem { refuses, shown: in_brackets(&[code]) })
        }
        (_, Some(errors)) if !is_nothing(errors) => {
            let fields: Vec<_> =
                errors.as_object().into_iter().flat_map(|fields| fields.keys().map(String::as_str)).collect();
            Some(Problem { refuses: false, shown: in_brackets(&fields) })
        }
        _ => None,
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(rows) => rows.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    }
}

fn in_brackets(words: &[&str]) -> String {
    let is_word = |word: &str| {
        (1..=48).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_')
    };
    let words: Vec<_> = words.iter().copied().filter(|word| is_word(word)).take(5).collect();
    if words.is_empty() { String::new() } else { format!(" ({})", words.join(", ")) }
}
