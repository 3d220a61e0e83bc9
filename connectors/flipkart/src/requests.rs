//! Builds Flipkart's requests: URLs, filters, paging links. Knows nothing of what the answers mean.
//!
//! There is no request here that changes anything on the marketplace.

use plugin_api::{Error, Request, Result, Window, account_token, secret, time};
use serde_json::json;

use crate::config::{App, Settings};

/// Names of the rate plan's operations.
pub(crate) mod op {
    pub(crate) const LOGIN: &str = "login";
    pub(crate) const LIST_SHIPMENTS: &str = "list_shipments";
    pub(crate) const GET_SHIPMENTS: &str = "get_shipments";
    pub(crate) const GET_COURIER: &str = "get_courier";
    pub(crate) const GET_INVOICES: &str = "get_invoices";
    pub(crate) const LIST_RETURNS: &str = "list_returns";
}

/// Ids in one question for statuses. The guide of 2024-06 allows 100.
pub(crate) const IDS_PER_CALL: usize = 100;

/// Ids in one question for courier data or invoices. Up to 100 are allowed; smaller batches fail less.
pub(crate) const DETAILS_PER_CALL: usize = 25;

/// The one place where a next page of shipments may be.
const SHIPMENTS_PATH: &str = "/v3/shipments/filter";

/// The one place where a next page of returns may be.
const RETURNS_PATH: &str = "/returns/";

/// One of the lists that together show what changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    /// Cancelled for this `cancellationType`, which must be given: one list per type.
    Cancelled(&'static str),
    /// Handed over or beyond.
    PostDispatch,
}

impl Pass {
    /// Every pass, cancellations first.
    pub(crate) const ALL: &[Pass] = &[
        Pass::Cancelled("sellerCancellation"),
        Pass::Cancelled("buyerCancellation"),
        Pass::Cancelled("marketplaceCancellation"),
        Pass::PostDispatch,
    ];
}

/// Which returns to list. Rows do not repeat it, so it has to be remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// RTO: undelivered, on its way back.
    Courier,
    /// CIR: the buyer sends it back.
    Customer,
}

impl Source {
    /// Both, RTO first.
    pub(crate) const ALL: &[Source] = &[Source::Courier, Source::Customer];

    const fn as_str(self) -> &'static str {
        match self {
            Source::Courier => "courier_return",
            Source::Customer => "customer_return",
        }
    }
}

/// By which id statuses are asked for; exactly one per call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IdKind {
    Shipment,
    Item,
    Order,
}

impl IdKind {
    const fn as_str(self) -> &'static str {
        match self {
            IdKind::Shipment => "shipmentIds",
            IdKind::Item => "orderItemIds",
            IdKind::Order => "orderIds",
        }
    }
}

/// Whether an id can stand in a comma-separated list and in a path. One that cannot would spoil the ids beside it.
pub(crate) fn is_id(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 64
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// The token endpoint: a GET with query parameters, the app's id and secret as Basic.
pub(crate) fn token(settings: &Settings) -> Request {
    let request = Request::get(op::LOGIN, format!("{}/oauth-service/oauth/token", settings.base_url))
        .basic_auth("client_id", "client_secret");
    match settings.app {
        App::Own => request.query("grant_type", "client_credentials").query("scope", "Seller_Api"),
        App::Partner => {
            request.query("grant_type", "refresh_token").query("refresh_token", secret("refresh_token"))
        }
    }
}

/// The first page of a list of shipments.
pub(crate) fn list_shipments(settings: &Settings, pass: Pass, window: Window) -> Request {
    let range = json!({ "from": time::rfc3339(window.from), "to": time::rfc3339(window.to) });
    // All types: left out, only NORMAL seems to be listed.
    let types = json!(["NORMAL", "EXPRESS", "SELF"]);
    // The sort field is one that the guide lists. An order's date never changes; it keeps the pages of a list still.
    let (mut filter, sort) = match pass {
        Pass::Cancelled(kind) => (
            json!({
                "type": "cancelled", "states": ["CANCELLED"], "cancellationType": kind,
                "shipmentTypes": types, "cancellationDate": range,
            }),
            "orderDate",
        ),
        Pass::PostDispatch => (
            json!({
                "type": "postDispatch", "states": ["PICKUP_COMPLETE", "SHIPPED", "DELIVERED"],
                "shipmentTypes": types, "modifiedDate": range,
            }),
            "modifiedDate",
        ),
    };
    if settings.include_fbf {
        filter["serviceProfiles"] = json!(["NON_FBF", "FBF"]);
    }
    let body = json!({
        "filter": filter,
        "pagination": { "pageSize": settings.page_size },
        "sort": { "field": sort, "order": "asc" },
    });
    Request::post(op::LIST_SHIPMENTS, format!("{}/sellers{SHIPMENTS_PATH}", settings.base_url))
        .bearer(account_token())
        .json(&body)
}

/// A further page of shipments; `link` is sent as Flipkart wrote it, since its token breaks when re-encoded.
///
/// # Errors
/// `bad_reply` if the link leads anywhere else: the account token must not go there.
pub(crate) fn next_shipments(settings: &Settings, link: &str) -> Result<Request> {
    let leads_there =
        link.strip_prefix(SHIPMENTS_PATH).is_some_and(|rest| rest.starts_with('?') || rest.starts_with("/?"));
    follow(settings, op::LIST_SHIPMENTS, "/sellers", link, leads_there)
}

/// Statuses by id, any state.
pub(crate) fn shipments_by_id(settings: &Settings, kind: IdKind, ids: &[String]) -> Request {
    get(op::GET_SHIPMENTS, format!("{}/sellers/v3/shipments", settings.base_url))
        .query(kind.as_str(), ids.join(","))
}

/// Waybills and couriers of shipments.
pub(crate) fn courier(settings: &Settings, shipments: &[String]) -> Request {
    get(op::GET_COURIER, format!("{}/sellers/v3/shipments/{}", settings.base_url, shipments.join(",")))
}

/// Invoice numbers of shipments.
pub(crate) fn invoices(settings: &Settings, shipments: &[String]) -> Request {
    get(
        op::GET_INVOICES,
        format!("{}/sellers/v3/shipments/{}/invoices", settings.base_url, shipments.join(",")),
    )
}

/// The first page of the returns of one source.
pub(crate) fn list_returns(settings: &Settings, source: Source, window: Window) -> Request {
    get(op::LIST_RETURNS, format!("{}/sellers/v2/returns", settings.base_url))
        .query("source", source.as_str())
        .query("modifiedAfter", time::rfc3339(window.from))
        .query("modifiedBefore", time::rfc3339(window.to))
}

/// A further page of returns. Prefix and path differ from those of shipments.
///
/// # Errors
/// As [`next_shipments`].
pub(crate) fn next_returns(settings: &Settings, link: &str) -> Result<Request> {
    follow(settings, op::LIST_RETURNS, "/sellers/v2", link, link.starts_with(RETURNS_PATH))
}

fn follow(
    settings: &Settings,
    operation: &str,
    prefix: &str,
    link: &str,
    leads_there: bool,
) -> Result<Request> {
    let path = link.split('?').next().unwrap_or_default().to_ascii_lowercase();
    let odd = |c: char| !c.is_ascii_graphic() || matches!(c, '#' | '\\');
    // A URL library folds `..` away, and `%2e%2e` with it.
    let climbs = path.replace("%2e", ".").split('/').any(|part| matches!(part, "." | ".."));
    if !leads_there || link.contains(odd) || climbs {
        return Err(Error::bad_reply(
            "the link to the next page leads outside the list; it was not followed",
        )
        .during(operation));
    }
    Ok(get(operation, format!("{}{prefix}{link}", settings.base_url)))
}

fn get(operation: &str, url: String) -> Request {
    Request::get(operation, url).bearer(account_token()).header("content-type", "application/json")
}
