//! Builds requests: addresses and parameters. Knows nothing of what answers mean.

use plugin_api::{Request, secret};

use crate::config::{LoginCall, Settings, Wire};

/// Names of the calls, as the rate plan has them.
pub(crate) mod op {
    pub(crate) const LOGIN: &str = "login";
    pub(crate) const LIST_ORDERS: &str = "list_orders";
    pub(crate) const GET_ORDER: &str = "get_order";
}

/// A token for user name and password.
pub(crate) fn token(settings: &Settings, call: &LoginCall) -> Request {
    let [user, password] = &call.fields;
    Request::post(op::LOGIN, url(settings, &call.path))
        .form(user, secret("username"))
        .form(password, secret("password"))
}

/// The seller's active orders.
pub(crate) fn active_orders(settings: &Settings) -> Request {
    let request = read(settings, op::LIST_ORDERS, url(settings, &settings.list_path));
    settings.list_query.iter().fold(request, |request, (name, value)| request.query(name, value))
}

/// One order. Its number must be [one](is_order_no).
pub(crate) fn order(settings: &Settings, order_no: &str) -> Request {
    let url = url(settings, &settings.detail_path).replace("{order_no}", order_no);
    read(settings, op::GET_ORDER, url)
}

/// Whether a text can be an order number: it becomes part of an address.
pub(crate) fn is_order_no(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    !text.is_empty() && text.chars().all(fits)
}

fn read(settings: &Settings, operation: &str, url: String) -> Request {
    let form = match settings.wire {
        Wire::Json => "application/json",
        Wire::Xml => "application/xml",
    };
    Request::get(operation, url).header("accept", form)
}

fn url(settings: &Settings, path: &str) -> String {
    format!("{}{}", settings.base_url, path.replace("{seller_id}", &settings.seller_id))
}
