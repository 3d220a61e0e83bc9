//! Builds requests: addresses, parameters, headers. Knows nothing of what answers mean.
//!
//! Everything here reads, but for one call that has a report made; that changes no order. No call asks for a buyer or
//! a recipient.

use plugin_api::{Millis, Request, account_token, secret};
use serde_json::json;

use crate::{config::Config, time};

pub(crate) const LOGIN: &str = "token";
pub(crate) const SEARCH_ORDERS: &str = "searchOrders";
pub(crate) const GET_ORDER: &str = "getOrder";
pub(crate) const GET_ORDERS: &str = "getOrders";
pub(crate) const GET_ORDER_ITEMS: &str = "getOrderItems";
pub(crate) const GET_SCHEDULED_PACKAGE: &str = "getScheduledPackage";
pub(crate) const CREATE_REPORT: &str = "createReport";
pub(crate) const GET_REPORT: &str = "getReport";
pub(crate) const GET_REPORT_DOCUMENT: &str = "getReportDocument";
pub(crate) const DOWNLOAD_DOCUMENT: &str = "downloadDocument";

/// Amazon refuses a `…Before` younger than two minutes (Orders reference, both versions, read 2026-09).
pub(crate) const YOUNGEST_BOUND_MS: Millis = 2 * 60 * 1_000;
/// Orders in a page; the most that either interface gives.
pub(crate) const PAGE_SIZE: i64 = 100;
/// Orders by id in one call of Orders v0; the most it takes.
pub(crate) const IDS_PER_CALL: usize = 50;

const INCLUDED_DATA: &str = "FULFILLMENT,PACKAGES,CANCELLATION";
const REPORT_TYPE: &str = "GET_FLAT_FILE_RETURNS_DATA_BY_RETURN_DATE";
/// Required, in this form, by the Selling Partner API developer guide (read 2026-09).
const USER_AGENT: &str = concat!(
    "Statusync/",
    env!("CARGO_PKG_VERSION"),
    " (Language=Rust/",
    env!("CARGO_PKG_RUST_VERSION"),
    "; Platform=Linux)"
);

/// A window of order changes as Amazon takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) after: Millis,
    /// Absent for "up to now": a young bound would be refused.
    pub(crate) before: Option<Millis>,
}

impl Window {
    /// The window for changes from `since` to `until`, asked at `now`.
    pub(crate) fn new(since: Millis, until: Millis, now: Millis) -> Window {
        Window { after: since, before: (until <= now - YOUNGEST_BOUND_MS).then_some(until) }
    }
}

/// Whether a text may stand in a path: Amazon's ids are letters, digits, dots and dashes.
pub(crate) fn is_id(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 128
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        && !text.starts_with('.')
}

/// A login for an access token.
pub(crate) fn login(config: &Config) -> Request {
    headed(Request::post(LOGIN, &config.token_url), "application/json")
        .form("grant_type", "refresh_token")
        .form("refresh_token", secret("refresh_token"))
        .form("client_id", secret("client_id"))
        .form("client_secret", secret("client_secret"))
}

/// A page of orders that changed, Orders 2026-01-01.
pub(crate) fn search_orders(config: &Config, window: Window, token: Option<&str>) -> Request {
    let url = format!("{}/orders/2026-01-01/orders", config.base_url);
    let request = api(Request::get(SEARCH_ORDERS, url))
        .query("marketplaceIds", &config.marketplace_id)
        .query("fulfilledBy", "MERCHANT")
        .query("includedData", INCLUDED_DATA)
        .query("maxResultsPerPage", PAGE_SIZE)
        .query("lastUpdatedAfter", time::write(window.after));
    let request = optional(request, "lastUpdatedBefore", window.before.map(time::write));
    optional(request, "paginationToken", token.map(ToOwned::to_owned))
}

/// One order, Orders 2026-01-01.
pub(crate) fn get_order(config: &Config, order: &str) -> Request {
    let url = format!("{}/orders/2026-01-01/orders/{order}", config.base_url);
    api(Request::get(GET_ORDER, url)).query("includedData", INCLUDED_DATA)
}

/// A page of orders that changed, Orders v0.
pub(crate) fn get_orders(config: &Config, window: Window, token: Option<&str>) -> Request {
    let request = v0_orders(config)
        .query("FulfillmentChannels", "MFN")
        .query("MaxResultsPerPage", PAGE_SIZE)
        .query("LastUpdatedAfter", time::write(window.after));
    let request = optional(request, "LastUpdatedBefore", window.before.map(time::write));
    optional(request, "NextToken", token.map(ToOwned::to_owned))
}

/// A page of orders by id, Orders v0; at most [`IDS_PER_CALL`].
pub(crate) fn get_orders_by_id(config: &Config, orders: &[&str], token: Option<&str>) -> Request {
    optional(
        v0_orders(config).query("AmazonOrderIds", orders.join(",")),
        "NextToken",
        token.map(ToOwned::to_owned),
    )
}

/// A page of an order's lines, Orders v0.
pub(crate) fn get_order_items(config: &Config, order: &str, token: Option<&str>) -> Request {
    let url = format!("{}/orders/v0/orders/{order}/orderItems", config.base_url);
    optional(api(Request::get(GET_ORDER_ITEMS, url)), "NextToken", token.map(ToOwned::to_owned))
}

/// The Easy Ship package of an order.
pub(crate) fn get_scheduled_package(config: &Config, order: &str) -> Request {
    api(Request::get(GET_SCHEDULED_PACKAGE, format!("{}/easyShip/2022-03-23/package", config.base_url)))
        .query("amazonOrderId", order)
        .query("marketplaceId", &config.marketplace_id)
}

/// Has a report of the returns requested in a window made. The one call that is no read; it changes no order.
pub(crate) fn create_report(config: &Config, since: Millis, until: Millis) -> Request {
    api(Request::post(CREATE_REPORT, format!("{}/reports/2021-06-30/reports", config.base_url))).json(
        &json!({
            "reportType": REPORT_TYPE,
            "marketplaceIds": [config.marketplace_id],
            "dataStartTime": time::write(since),
            "dataEndTime": time::write(until),
        }),
    )
}

/// How far a report is.
pub(crate) fn get_report(config: &Config, report: &str) -> Request {
    api(Request::get(GET_REPORT, format!("{}/reports/2021-06-30/reports/{report}", config.base_url)))
}

/// Where a report's document lies.
pub(crate) fn get_report_document(config: &Config, document: &str) -> Request {
    api(Request::get(
        GET_REPORT_DOCUMENT,
        format!("{}/reports/2021-06-30/documents/{document}", config.base_url),
    ))
}

/// A report's document. Its address carries its own permission, so our token stays away.
pub(crate) fn download_document(url: &str) -> Request {
    headed(Request::get(DOWNLOAD_DOCUMENT, url), "*/*")
}

fn v0_orders(config: &Config) -> Request {
    let url = format!("{}/orders/v0/orders", config.base_url);
    api(Request::get(GET_ORDERS, url)).query("MarketplaceIds", &config.marketplace_id)
}

fn api(request: Request) -> Request {
    headed(request, "application/json").header("x-amz-access-token", account_token())
}

fn headed(request: Request, accept: &str) -> Request {
    request.header("user-agent", USER_AGENT).header("accept", accept)
}

fn optional(request: Request, name: &str, value: Option<String>) -> Request {
    match value {
        Some(value) => request.query(name, value),
        None => request,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = 1_788_434_880_000;

    #[test]
    fn a_bound_younger_than_two_minutes_is_never_sent() {
        assert_eq!(Window::new(0, NOW, NOW).before, None);
        assert_eq!(Window::new(0, NOW - 119_999, NOW).before, None);
        assert_eq!(Window::new(0, NOW + 86_400_000, NOW).before, None);
        assert_eq!(Window::new(0, NOW - 120_000, NOW).before, Some(NOW - 120_000));
    }

    #[test]
    fn what_is_no_id_does_not_enter_a_path() {
        assert!(is_id("404-5550001-1234567"));
        assert!(is_id("amzn1.spdoc.1.4.eu.b2fc-1"));
        for text in ["", "..", "a/b", "a?b", "a b", "ä", "a%2f"] {
            assert!(!is_id(text), "{text}");
        }
    }

    #[test]
    fn the_user_agent_has_the_form_that_amazon_asks_for() {
        let is_wanted = USER_AGENT.starts_with("Statusync/") && USER_AGENT.contains("(Language=Rust/");
        assert!(is_wanted && USER_AGENT.len() <= 500, "{USER_AGENT}");
    }
}
