//! Builds requests: addresses and parameters. Knows nothing of what answers mean.

use plugin_api::{Request, Window, time};

use crate::{auth, config::Settings};

/// Names of the calls, as the rate plan has them.
pub(crate) mod op {
    pub(crate) const LIST_ORDERS: &str = "list_orders";
    pub(crate) const GET_ORDER: &str = "get_order";
}

/// A page of the seller's orders that were updated in a window.
pub(crate) fn list(settings: &Settings, window: Window, page: u32) -> Request {
    let (since, until) = (time::rfc3339(window.from), time::rfc3339(window.to));
    let (page, size) = (page.to_string(), settings.page_size.to_string());
    let fills = [
        ("{seller_id}", &settings.seller_id),
        ("{since}", &since),
        ("{until}", &until),
        ("{page}", &page),
        ("{size}", &size),
    ];
    let request = Request::get(op::LIST_ORDERS, format!("{}{}", settings.base_url, settings.list_path));
    let request = settings.list_query.iter().fold(request, |request, (name, value)| {
        let value = fills.iter().fold(value.clone(), |value, (fill, with)| value.replace(fill, with));
        request.query(name, value)
    });
    finished(request, settings)
}

/// One order by its number.
pub(crate) fn order(settings: &Settings, number: &str) -> Request {
    let request = Request::get(op::GET_ORDER, format!("{}{}", settings.base_url, settings.detail_path));
    finished(request.query("id", number), settings)
}

fn finished(request: Request, settings: &Settings) -> Request {
    let request = request.header("accept", "application/json");
    let request =
        settings.extra_headers.iter().fold(request, |request, (name, value)| request.header(name, value));
    auth::signed(request, settings)
}
