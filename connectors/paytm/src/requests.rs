//! Builds Paytm's requests: addresses, filters, ids. Knows nothing of what the answers mean.
//!
//! There is no request here that changes anything on the marketplace.

use plugin_api::{Request, Window, account_token, secret, token_part};

use crate::config::Settings;

/// Names of the rate plan's operations.
pub(crate) mod op {
    pub(crate) const LOGIN: &str = "login";
    pub(crate) const LIST_ORDERS: &str = "list_orders";
    pub(crate) const GET_ORDERS: &str = "get_orders";
    pub(crate) const GET_FULFILMENTS: &str = "get_fulfilments";
    pub(crate) const GET_SHIPPERS: &str = "get_shippers";
}

/// Orders in one question by id; assumed, no client says more.
pub(crate) const IDS_PER_CALL: usize = 50;

/// The companion of the account token that holds the session's cookie.
pub(crate) const COOKIE: &str = "cookie";

/// Echoed by the login; it protects browsers, of which there is none here.
const STATE: &str = "statusync";

/// Whether an id can stand in a comma-separated list. One that cannot would spoil the ids beside it.
pub(crate) fn is_id(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 64
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// First step of the login: the seller's panel login for a code. Without `notredirect` the answer is a redirect.
pub(crate) fn authorize(settings: &Settings) -> Request {
    Request::post(op::LOGIN, &settings.authorize_url)
        .form("username", secret("username"))
        .form("password", secret("password"))
        .form("client_id", secret("client_id"))
        .form("response_type", "code")
        .form("notredirect", "true")
        .form("state", STATE)
}

/// Second step: the code, which is good for one use, for a token.
pub(crate) fn token(settings: &Settings, code: &str) -> Request {
    Request::post(op::LOGIN, &settings.token_url)
        .form("grant_type", "authorization_code")
        .form("code", code)
        .form("client_id", secret("client_id"))
        .form("client_secret", secret("client_secret"))
        .form("state", STATE)
}

/// Third step: opens the token's session. The host does not hold the token yet, so it cannot be a reference here; what is
/// logged of a request has no query.
pub(crate) fn session(settings: &Settings, token: &str) -> Request {
    Request::get(op::LOGIN, &settings.session_url).query("authtoken", token)
}

/// Orders that were placed in a window, in one status if it is given.
pub(crate) fn list_orders(settings: &Settings, window: Window, status: Option<&str>) -> Request {
    let request = get(op::LIST_ORDERS, &settings.orders_url)
        .query("placed_after", window.from)
        .query("placed_before", window.to);
    let request = match status {
        Some(status) => request.query("status", status),
        None => request,
    };
    request.query("limit", i64::from(settings.page_size))
}

/// Orders by id, whenever they were placed.
pub(crate) fn orders_by_id(settings: &Settings, ids: &[&str]) -> Request {
    get(op::GET_ORDERS, &settings.orders_url)
        .query("order_ids", ids.join(","))
        .query("limit", i64::from(settings.page_size))
}

/// The shipments of an order. That several ids may be asked for at once is not known.
pub(crate) fn fulfilments(settings: &Settings, order: &str) -> Request {
    get(op::GET_FULFILMENTS, &settings.fulfilments_url)
        .query("order_id", order)
        .query("limit", i64::from(settings.page_size))
}

/// The couriers that an order can go with.
pub(crate) fn shippers(settings: &Settings, order: &str) -> Request {
    get(op::GET_SHIPPERS, &settings.shippers_url).query("order_id", order)
}

/// Some clients send the token, some the session's cookie, some both.
fn get(operation: &str, url: &str) -> Request {
    Request::get(operation, url).header("cookie", token_part(COOKIE)).query("authtoken", account_token())
}
