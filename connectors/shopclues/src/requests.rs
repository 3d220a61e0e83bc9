//! Builds ShopClues' requests: addresses, windows, links. Knows nothing of what the answers mean.
//!
//! There is no request here that changes anything on the marketplace.

use plugin_api::{Error, Millis, Request, Result, Window, account_token, secret};
use serde_json::json;

use crate::config::Settings;

/// Names of the rate plan's operations.
pub(crate) mod op {
    pub(crate) const LOGIN: &str = "login";
    pub(crate) const LIST_ORDERS: &str = "list_orders";
    pub(crate) const GET_ORDER: &str = "get_order";
}

/// Whether an id can stand in a path.
pub(crate) fn is_id(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 64
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// The login. The password goes as MD5, as all clients send it.
pub(crate) fn token(settings: &Settings) -> Request {
    let password = secret("password");
    let password = if settings.password_is_md5 { password } else { password.md5_hex() };
    Request::post(op::LOGIN, &settings.token_url)
        .json(&json!({"grant_type": "password"}))
        .json_field("/username", secret("username"))
        .json_field("/password", password)
        .json_field("/client_id", secret("client_id"))
        .json_field("/client_secret", secret("client_secret"))
}

/// The first page of the orders of a window. ShopClues counts in seconds; the ends are widened to whole ones.
pub(crate) fn list_orders(settings: &Settings, window: Window) -> Request {
    let until = window.to.saturating_add(SECOND - 1).div_euclid(SECOND);
    get(settings, op::LIST_ORDERS, format!("{}{}", settings.base_url, settings.orders_path))
        .query("time_from", window.from.div_euclid(SECOND))
        .query("time_to", until)
}

const SECOND: Millis = 1_000;

/// A further page: path and query of the link as ShopClues wrote them, at the API's own scheme, host and port. Links come
/// with plain http, and the token must not go there.
///
/// # Errors
/// `bad_reply` if the link names another host or is no link.
pub(crate) fn next_page(settings: &Settings, link: &str) -> Result<Request> {
    let odd = |c: char| !c.is_ascii_graphic() || matches!(c, '#' | '\\');
    let (scheme, base) = settings.base_url.split_once("://").unwrap_or(("https", &settings.base_url));
    let authority = base.split('/').next().unwrap_or_default();
    let place = link
        .split_once("://")
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https"))
        .filter(|_| !link.contains(odd))
        .and_then(|(_, rest)| rest.split_at_checked(rest.find(['/', '?'])?))
        .filter(|(to, place)| place.starts_with('/') && host(to) == host(authority));
    match place {
        Some((_, place)) => Ok(get(settings, op::LIST_ORDERS, format!("{scheme}://{authority}{place}"))),
        None => {
            let message = "the link to the next page leads to another host; it was not followed. If that host is \
                           ShopClues' own, set `base_url` to it";
            Err(Error::bad_reply(message).during(op::LIST_ORDERS))
        }
    }
}

/// The host of an authority, without port, in lower case. One with a user is no host of ours.
fn host(authority: &str) -> String {
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    if authority.contains('@') { authority.to_owned() } else { host.to_ascii_lowercase() }
}

/// One order.
pub(crate) fn order(settings: &Settings, id: &str) -> Request {
    get(settings, op::GET_ORDER, format!("{}{}/{id}", settings.base_url, settings.orders_path))
}

fn get(settings: &Settings, operation: &str, url: String) -> Request {
    Request::get(operation, url)
        .header("authorization", account_token().prefixed(&settings.token_prefix))
        .header("content-type", "application/json")
}
