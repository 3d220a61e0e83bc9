//! Turns a connector's request into what is sent: fills in the references, encodes query and form, writes the JSON.
//!
//! Whether the request may go where it wants to is decided by [`target`](super::target) before.

use std::{borrow::Cow, collections::BTreeMap};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use md5::{Digest as _, Md5};
use plugin_abi::{Field, encoding, source};
use plugin_api::{Error, ErrorKind};
use reqwest::{
    Method, Url,
    header::{ACCEPT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use serde_json::Value as Json;

use super::{HeldToken, Secret};

/// Headers that belong to the connection or to the host's own reading of replies.
const NOT_THE_CONNECTOR_S: &[&str] = &[
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// A request with nothing left to fill in.
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// The values that were filled in, as sent: what must not come back to the connector.
    pub(super) filled: Vec<String>,
}

/// What references are filled in from.
pub(super) struct Credentials<'a> {
    pub(super) secrets: &'a BTreeMap<String, Secret>,
    pub(super) token: Option<&'a HeldToken>,
}

/// Whether a request refers to the account token or to a part of it.
pub(super) fn needs_token(request: &plugin_abi::Request) -> bool {
    let fields = [&request.headers, &request.query, &request.form, &request.json];
    fields.into_iter().flatten().any(|field| matches!(field.source, source::TOKEN | source::TOKEN_PART))
}

/// Fills a request in. `url` is the request's own URL, judged and parsed.
///
/// # Errors
/// `config` if a secret is missing or unusable, `bad_request` for what a connector may not ask for, `auth` if the token
/// lacks a part.
pub(super) fn fill(
    request: &plugin_abi::Request,
    mut url: Url,
    credentials: &Credentials<'_>,
) -> Result<Call, Error> {
    let method = match request.method.as_str() {
        "GET" => Method::GET,
        "POST" => Method::POST,
        other => {
            return Err(refused(format!(
                "method `{other}` is not allowed: a connector reads, by GET or POST"
            )));
        }
    };
    let mut filled = Vec::new();
    let mut value = |field: &Field| credentials.value(field, &mut filled);

    let query = encode_pairs(&request.query, percent_encoded, &mut value)?;
    if !query.is_empty() {
        let query = match url.query() {
            None | Some("") => query,
            Some(own) => format!("{own}&{query}"),
        };
        url.set_query(Some(&query));
    }

    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip, deflate"));
    for field in &request.headers {
        let name = header_name(field)?;
        let mut text = HeaderValue::from_str(&value(field)?).map_err(|_| unusable(field))?;
        text.set_sensitive(field.source != source::TEXT);
        headers.append(name, text);
    }

    let form = encode_pairs(&request.form, form_encoded, &mut value)?;
    let (body, content_type) = match (form.is_empty(), request.json.is_empty()) {
        (true, true) => (request.body.to_vec(), None),
        (true, false) => (json_body(request, &mut value)?, Some("application/json")),
        (false, true) if request.body.is_empty() => {
            (form.into_bytes(), Some("application/x-www-form-urlencoded"))
        }
        (false, _) => return Err(refused("a request has a form or another body, not both".to_owned())),
    };
    if let Some(content_type) = content_type {
        headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(content_type));
    }
    Ok(Call { method, url, headers, body, filled })
}

impl Credentials<'_> {
    fn secret(&self, name: &str) -> Result<&str, Error> {
        let missing =
            || Error::config(format!("secret `{name}` is not set for this channel: set it and try again"));
        self.secrets.get(name).map(Secret::reveal).filter(|value| !value.is_empty()).ok_or_else(missing)
    }

    fn token(&self) -> Result<&HeldToken, Error> {
        self.token.ok_or_else(|| {
            refused("a login may not refer to the account token that it is to bring".to_owned())
        })
    }

    /// The value of a field, and a copy for `filled` if it came from a reference.
    fn value(&self, field: &Field, filled: &mut Vec<String>) -> Result<String, Error> {
        let named = field.value.as_str();
        let value = match field.source {
            source::TEXT => Cow::Borrowed(named),
            source::SECRET => Cow::Borrowed(self.secret(named)?),
            source::TOKEN => Cow::Borrowed(self.token()?.value.reveal()),
            source::TOKEN_PART => match self.token()?.parts.get(named) {
                Some(part) => Cow::Borrowed(part.reveal()),
                None => return Err(Error::auth(format!("the account token has no part `{named}`"))),
            },
            source::BASIC => {
                let (user, password) = named.split_once(':').unwrap_or((named, ""));
                Cow::Owned(STANDARD.encode(format!("{}:{}", self.secret(user)?, self.secret(password)?)))
            }
            other => {
                return Err(refused(format!("this host does not know value source {other}: it is too old")));
            }
        };
        let value = match field.encoding {
            encoding::PLAIN => value,
            encoding::MD5_HEX => Cow::Owned(hex(&Md5::digest(value.as_bytes()))),
            other => {
                return Err(refused(format!(
                    "this host does not know value encoding {other}: it is too old"
                )));
            }
        };
        if field.source != source::TEXT {
            filled.push(value.clone().into_owned());
        }
        let scheme = if field.source == source::BASIC { "Basic " } else { "" };
        Ok(format!("{}{scheme}{value}", field.prefix))
    }
}

fn header_name(field: &Field) -> Result<HeaderName, Error> {
    let name = HeaderName::from_bytes(field.name.as_bytes());
    let name = name.map_err(|_| refused(format!("`{}` is not a header name", field.name)))?;
    if NOT_THE_CONNECTOR_S.contains(&name.as_str()) {
        return Err(refused(format!("header `{name}` is set by the host, not by a connector")));
    }
    Ok(name)
}

fn unusable(field: &Field) -> Error {
    let (name, value) = (&field.name, &field.value);
    match field.source {
        source::SECRET | source::BASIC => Error::config(format!(
            "secret `{value}` holds a character that header `{name}` cannot carry, perhaps a line break at its end"
        )),
        source::TEXT => {
            refused(format!("the value of header `{name}` holds a character that no header can carry"))
        }
        _ => Error::auth(format!("the account token holds a character that header `{name}` cannot carry")),
    }
}

type Fill<'a> = dyn FnMut(&Field) -> Result<String, Error> + 'a;

fn encode_pairs(fields: &[Field], encode: fn(&str) -> String, value: &mut Fill<'_>) -> Result<String, Error> {
    let mut pairs = Vec::with_capacity(fields.len());
    for field in fields {
        pairs.push(format!("{}={}", encode(&field.name), encode(&value(field)?)));
    }
    Ok(pairs.join("&"))
}

fn json_body(request: &plugin_abi::Request, value: &mut Fill<'_>) -> Result<Vec<u8>, Error> {
    let mut document = match request.body.as_slice() {
        [] => Json::Object(serde_json::Map::new()),
        body => serde_json::from_slice(body)
            .map_err(|_| refused("the body has members to be filled in, but it is not JSON".to_owned()))?,
    };
    for field in &request.json {
        let nowhere = || refused(format!("JSON pointer `{}` leads nowhere in the body", field.name));
        *place(&mut document, &field.name).ok_or_else(nowhere)? = Json::String(value(field)?);
    }
    serde_json::to_vec(&document).map_err(|_| refused("the JSON body cannot be written".to_owned()))
}

/// The place of a JSON pointer (RFC 6901); members that are missing on the way are made.
fn place<'a>(mut at: &'a mut Json, pointer: &str) -> Option<&'a mut Json> {
    for token in pointer.strip_prefix('/')?.split('/') {
        let token = token.replace("~1", "/").replace("~0", "~");
        at = match at {
            Json::Object(members) => {
                members.entry(token).or_insert_with(|| Json::Object(serde_json::Map::new()))
            }
            Json::Array(elements) => elements.get_mut(token.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    Some(at)
}

/// Every byte but the unreserved ones of RFC 3986 as `%XX`.
pub(super) fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => {
                encoded.push('%');
                encoded.push_str(&hex(&[byte]).to_ascii_uppercase());
            }
        }
    }
    encoded
}

/// The same for forms, where a blank is `+`.
fn form_encoded(text: &str) -> String {
    percent_encoded(text).replace("%20", "+")
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn refused(message: String) -> Error {
    Error::new(ErrorKind::BadRequest, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::script::{field, request};

    fn filled(request: &plugin_abi::Request) -> Result<Call, Error> {
        let secrets = [("user", "ann"), ("password", "p/w+d &"), ("broken", "line\n"), ("empty", "")];
        let secrets = secrets.map(|(name, value)| (name.to_owned(), Secret::from(value))).into();
        let token = HeldToken {
            value: Secret::from("tok-1"),
            parts: [("cookie".to_owned(), Secret::from("sid=9"))].into(),
            renew_at_ms: 0,
        };
        let url = Url::parse(&request.url).unwrap();
        fill(request, url, &Credentials { secrets: &secrets, token: Some(&token) })
    }

    #[test]
    fn references_are_filled_in_wherever_they_stand() {
        let mut request = request("POST", "https://api.example.com/v1?own=%2f");
        request.headers = vec![
            field("x-plain", source::TEXT, "text"),
            field("x-user", source::SECRET, "user"),
            Field { prefix: "Bearer ".into(), ..field("authorization", source::TOKEN, "") },
            field("cookie", source::TOKEN_PART, "cookie"),
        ]
        .into();
        request.query =
            vec![field("a b", source::SECRET, "password"), field("c", source::TEXT, "ü,:/")].into();
        request.form =
            vec![field("grant type", source::TEXT, "a b+c"), field("pw", source::SECRET, "password")].into();
        let call = filled(&request).unwrap();
        assert_eq!(
            call.url.as_str(),
            "https://api.example.com/v1?own=%2f&a%20b=p%2Fw%2Bd%20%26&c=%C3%BC%2C%3A%2F"
        );
        assert_eq!(call.headers["x-plain"], "text");
        assert_eq!(call.headers["x-user"], "ann");
        assert_eq!(call.headers["authorization"], "Bearer tok-1");
        assert_eq!(call.headers["cookie"], "sid=9");
        assert_eq!(call.headers["content-type"], "application/x-www-form-urlencoded");
        assert_eq!(String::from_utf8(call.body).unwrap(), "grant+type=a+b%2Bc&pw=p%2Fw%2Bd+%26");
        assert_eq!(call.filled, ["p/w+d &", "ann", "tok-1", "sid=9", "p/w+d &"]);
    }

    #[test]
    fn basic_auth_and_md5_are_written_by_the_host() {
        let mut request = request("GET", "https://api.example.com/");
        request.headers = vec![
            field("authorization", source::BASIC, "user:password"),
            Field { encoding: encoding::MD5_HEX, ..field("x-md5", source::SECRET, "user") },
        ]
        .into();
        let call = filled(&request).unwrap();
        assert_eq!(call.headers["authorization"], "Basic YW5uOnAvdytkICY=");
        assert_eq!(call.headers["x-md5"], "7e0d7f8a5d96c24ffcc840f31bce72b2");
        assert!(call.headers.values().filter(|value| value.is_sensitive()).count() == 2);
    }

    #[test]
    fn members_of_the_json_body_are_filled_in() {
        let mut request = request("POST", "https://api.example.com/");
        request.body = br#"{"user":{"name":"x"},"list":[{"k":1}],"n":7}"#.to_vec().into();
        request.json = vec![
            field("/user/password", source::SECRET, "password"),
            field("/list/0/token", source::TOKEN, ""),
            field("/new/a~1b", source::TEXT, "t"),
        ]
        .into();
        let call = filled(&request).unwrap();
        let body: Json = serde_json::from_slice(&call.body).unwrap();
        let expected = serde_json::json!({
            "user": {"name": "x", "password": "p/w+d &"}, "list": [{"k": 1, "token": "tok-1"}], "n": 7, "new": {"a/b": "t"}
        });
        assert_eq!(body, expected);
        assert_eq!(call.headers["content-type"], "application/json");
        for pointer in ["/n/x", "/list/7", "/list/x", "no-slash"] {
            request.json = vec![field(pointer, source::TEXT, "t")].into();
            let error = filled(&request).err().unwrap();
            assert!(error.kind == ErrorKind::BadRequest && error.message.contains(pointer), "{error}");
        }
    }

    #[test]
    fn a_missing_secret_is_named() {
        for (source, named, missing) in [
            (source::SECRET, "absent", "absent"),
            (source::SECRET, "empty", "empty"),
            (source::BASIC, "user:absent", "absent"),
        ] {
            let mut request = request("GET", "https://api.example.com/");
            request.headers = vec![field("x-key", source, named)].into();
            let error = filled(&request).err().unwrap();
            assert_eq!(error.kind, ErrorKind::Config);
            assert!(error.message.contains(&format!("secret `{missing}` is not set")), "{error}");
        }
    }

    #[test]
    fn a_secret_that_no_header_can_carry_is_named_and_not_shown() {
        let mut request = request("GET", "https://api.example.com/");
        request.headers = vec![field("x-key", source::SECRET, "broken")].into();
        let error = filled(&request).err().unwrap();
        assert_eq!(error.kind, ErrorKind::Config);
        assert!(error.message.contains("secret `broken`") && !error.message.contains("line\n"), "{error}");
    }

    #[test]
    fn a_connector_may_not_set_what_belongs_to_the_connection() {
        for name in NOT_THE_CONNECTOR_S.iter().copied().chain(["Host", "Transfer-Encoding", "not a name", ""])
        {
            let mut request = request("GET", "https://api.example.com/");
            request.headers = vec![field(name, source::TEXT, "x")].into();
            let error = filled(&request).err().expect(name);
            assert_eq!(error.kind, ErrorKind::BadRequest, "{name}");
        }
        let mut request = request("GET", "https://api.example.com/");
        request.headers = vec![field("x-split", source::TEXT, "a\r\nhost: evil.example")].into();
        assert_eq!(filled(&request).err().unwrap().kind, ErrorKind::BadRequest);
    }

    #[test]
    fn only_get_and_post_are_sent() {
        for method in ["PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "CONNECT", "get", ""] {
            let error = filled(&request(method, "https://api.example.com/")).err().expect(method);
            assert_eq!(error.kind, ErrorKind::BadRequest, "{method}");
        }
    }

    #[test]
    fn a_request_has_one_body() {
        let mut request = request("POST", "https://api.example.com/");
        request.form = vec![field("a", source::TEXT, "b")].into();
        request.body = b"{}".to_vec().into();
        assert_eq!(filled(&request).err().unwrap().kind, ErrorKind::BadRequest);
    }

    #[test]
    fn numbers_from_a_newer_boundary_are_refused() {
        let mut request = request("GET", "https://api.example.com/");
        request.query = vec![field("a", 99, "b")].into();
        assert_eq!(filled(&request).err().unwrap().kind, ErrorKind::BadRequest);
        request.query = vec![Field { encoding: 99, ..field("a", source::TEXT, "b") }].into();
        assert_eq!(filled(&request).err().unwrap().kind, ErrorKind::BadRequest);
    }
}
