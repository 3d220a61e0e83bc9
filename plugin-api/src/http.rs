//! Requests and replies, as plain values. The host sends; a connector only describes.
//!
//! A secret or the account token is never a value here, only a [`Value`] that names it. The host fills it in when the
//! request leaves, so that no connector holds a long-lived secret and no log of a request can show one.

use std::time::Duration;

use serde::{Serialize, de::DeserializeOwned};

use crate::{Error, ErrorKind, Result};

/// A value in a request: text, or a reference that the host fills in when sending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    pub(crate) source: Source,
    pub(crate) prefix: String,
    pub(crate) md5_hex: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Text(String),
    Secret(String),
    Token,
    TokenPart(String),
    Basic { user: String, password: String },
}

/// The channel's secret of this name.
pub fn secret(name: &str) -> Value {
    Value::from(Source::Secret(name.to_owned()))
}

/// The account token, as [`Connector::login`](crate::Connector::login) returned it. Using it makes the host log in first
/// where needed, and answer a refusal by one new login and one repeat.
pub fn account_token() -> Value {
    Value::from(Source::Token)
}

/// A named part of the account token, e.g. a session cookie; see [`Token::part`](crate::Token::part).
pub fn token_part(name: &str) -> Value {
    Value::from(Source::TokenPart(name.to_owned()))
}

impl Value {
    /// The value with text before it, e.g. `Bearer `.
    #[must_use]
    pub fn prefixed(mut self, prefix: &str) -> Self {
        prefix.clone_into(&mut self.prefix);
        self
    }

    /// The lower-case hexadecimal MD5 of the value, for the marketplace that wants a password so.
    #[must_use]
    pub fn md5_hex(mut self) -> Self {
        self.md5_hex = true;
        self
    }

    /// The text, if it is text and no reference.
    pub fn as_text(&self) -> Option<&str> {
        match &self.source {
            Source::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl From<Source> for Value {
    fn from(source: Source) -> Self {
        Value { source, prefix: String::new(), md5_hex: false }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::from(Source::Text(text.to_owned()))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::from(Source::Text(text))
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Value::from(text.as_str())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Value::from(number.to_string())
    }
}

/// A request that the host is asked to send.
///
/// `operation` names the line of the rate plan that it counts against. The URL's host must be one of the descriptor's
/// or one of a URL that the operator set; everything else is refused before a packet leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub(crate) operation: String,
    pub(crate) method: &'static str,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, Value)>,
    pub(crate) query: Vec<(String, Value)>,
    pub(crate) form: Vec<(String, Value)>,
    pub(crate) json: Vec<(String, Value)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    fn new(method: &'static str, operation: &str, url: impl Into<String>) -> Self {
        Request {
            operation: operation.to_owned(),
            method,
            url: url.into(),
            headers: Vec::new(),
            query: Vec::new(),
            form: Vec::new(),
            json: Vec::new(),
            body: Vec::new(),
        }
    }

    /// A GET of `url`, counted against `operation`.
    pub fn get(operation: &str, url: impl Into<String>) -> Self {
        Request::new("GET", operation, url)
    }

    /// A POST to `url`, counted against `operation`.
    pub fn post(operation: &str, url: impl Into<String>) -> Self {
        Request::new("POST", operation, url)
    }

    /// The rate-plan name of the call.
    pub fn operation(&self) -> &str {
        &self.operation
    }

    /// The URL without the query parameters added by [`query`](Self::query).
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// `Authorization: Bearer` with this value.
    #[must_use]
    pub fn bearer(self, value: Value) -> Self {
        self.header("authorization", value.prefixed("Bearer "))
    }

    /// `Authorization: Basic` of the two secrets with these names.
    #[must_use]
    pub fn basic_auth(self, user: &str, password: &str) -> Self {
        let pair = Source::Basic { user: user.to_owned(), password: password.to_owned() };
        self.header("authorization", Value::from(pair))
    }

    /// A query parameter; the host encodes it and appends it to the URL.
    #[must_use]
    pub fn query(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.query.push((name.to_owned(), value.into()));
        self
    }

    /// A field of a form body (`application/x-www-form-urlencoded`).
    #[must_use]
    pub fn form(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.form.push((name.to_owned(), value.into()));
        self
    }

    /// A JSON body.
    #[must_use]
    pub fn json(mut self, body: &impl Serialize) -> Self {
        // A value that cannot be written as JSON becomes an empty body, which the marketplace refuses.
        self.body = serde_json::to_vec(body).unwrap_or_default();
        self.header("content-type", "application/json")
    }

    /// A member of the JSON body that the host fills in; `pointer` is a JSON pointer to its place, such as `/password`.
    #[must_use]
    pub fn json_field(mut self, pointer: &str, value: impl Into<Value>) -> Self {
        self.json.push((pointer.to_owned(), value.into()));
        self
    }
}

/// What the marketplace answered, after the host's own waiting and repeating.
///
/// The body is decompressed. Header names are lower case. Tokens and secrets that the marketplace echoed are blanked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    pub(crate) operation: String,
}

impl Reply {
    /// A reply, for tests.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Reply { status, headers: Vec::new(), body: body.into(), operation: String::new() }
    }

    /// A header's value; the name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The reply itself if it is 2xx, else an error of the kind that its status means.
    ///
    /// # Errors
    /// 401 and 403 are `auth`, 408 and 429 `rate_limited` with `Retry-After` in seconds, other 4xx `bad_request`, 5xx `unavailable`, the rest `bad_reply`.
    pub fn ok(self) -> Result<Self> {
        if self.is_success() {
            return Ok(self);
        }
        let kind = match self.status {
            401 | 403 => ErrorKind::Auth,
            408 | 429 => ErrorKind::RateLimited,
            400..=499 => ErrorKind::BadRequest,
            500..=599 => ErrorKind::Unavailable,
            _ => ErrorKind::BadReply,
        };
        let error = Error::new(kind, format!("the marketplace answered HTTP {}", self.status));
        let error = match self.header("retry-after").and_then(|seconds| seconds.trim().parse().ok()) {
            Some(seconds) => error.retry_after(Duration::from_secs(seconds)),
            None => error,
        };
        Err(error.during(&self.operation))
    }

    /// Whether the body is HTML or XML rather than JSON: a gateway's error page or a login page.
    pub fn is_markup(&self) -> bool {
        let body = self.body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.body);
        body.trim_ascii_start().first() == Some(&b'<')
    }

    /// The body read as JSON.
    ///
    /// # Errors
    /// `bad_reply`, naming place and reason but never quoting the body, which may hold personal data.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        let body = self.body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.body);
        serde_json::from_slice(body).map_err(|error| {
            let what = if self.is_markup() {
                "the reply is HTML or XML, not JSON".to_owned()
            } else if body.trim_ascii().is_empty() {
                "the reply is empty".to_owned()
            } else {
                let why = match error.classify() {
                    serde_json::error::Category::Eof => "it is cut short",
                    serde_json::error::Category::Syntax => "it is not well-formed JSON",
                    serde_json::error::Category::Data | serde_json::error::Category::Io => {
                        "it lacks a field or has one of another type than documented"
                    }
                };
                format!("the reply cannot be read: {why} (line {}, column {})", error.line(), error.column())
            };
            Error::bad_reply(what).during(&self.operation)
        })
    }

    /// The body as text; bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}
