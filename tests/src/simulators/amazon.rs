//! Amazon's Selling Partner API for amazon.in: Orders 2026-01-01 and v0, Easy Ship 2022-03-23, the returns report, and
//! the login, as the API models show them (github.com/amzn/selling-partner-api-models, commit 34dc93f, 2026-08-05).
//!
//! One difference on purpose: lists tell changes at once. A real account hides the newest two minutes.

mod easy_ship;
mod lists;
mod orders;
mod reports;
mod v0;

use std::sync::{Arc, Mutex};

use axum::{
    Form, Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Marketplace, Refused, Site};
use crate::{
    faults::Listing,
    world::{Fulfilment, Life, Order, Profile, Sight, Stage},
};

/// The marketplace, with what differs between accounts.
#[derive(Clone, Copy, Debug)]
pub struct Amazon {
    /// Whether the application has the restricted role that the Easy Ship API needs.
    pub easy_ship_role: bool,
    /// Whether Orders 2026-01-01 tells `detailedStatus`; it was reported missing from live answers
    /// (amzn/selling-partner-api-models issue 5127).
    pub detailed_status: bool,
    /// How often a report has to be asked for before it is done.
    pub report_polls: u32,
}

impl Default for Amazon {
    fn default() -> Self {
        Amazon { easy_ship_role: false, detailed_status: true, report_polls: 2 }
    }
}

const MARKETPLACE_ID: &str = "A21TJRUUN4KGV";
const CLIENT_ID: &str = "amzn-app-demo";
const CLIENT_SECRET: &str = "not-a-real-amzn-secret";
const REFRESH_TOKEN: &str = "Atzr|not-a-real-refresh-token";
const TOKEN_SECS: i64 = 3600;

static PROFILE: Profile = Profile {
    connector: "amazon",
    channel: "AZ1",
    facility: "BLR1",
    series: "A",
    fulfilments: &[(Fulfilment::Channel, 78), (Fulfilment::Seller, 14), (Fulfilment::Marketplace, 8)],
    lives: &[
        (Life::Delivered, 55),
        (Life::Forgotten, 4),
        (Life::CancelledUnpacked, 7),
        (Life::CancelledPacked, 5),
        (Life::CancelledInPart, 4),
        (Life::CancelAsked, 3),
        (Life::Refused, 8),
        (Life::Reattempted, 2),
        (Life::SentBack, 8),
        (Life::ReturnWithdrawn, 2),
        (Life::Lost, 2),
        (Life::Relabelled, 3),
    ],
    // Easy Ship has one package per order and cancels no part of a line.
    split_percent: 0,
    units_a_line: 3,
    orders_are_whole: false,
    cancels_units: false,
    names_packages: false,
    follows_seller_shipped: false,
    order_id: |n| format!("404-{:07}-{:07}", n / 10_000_000, n % 10_000_000),
    item_id: |n, k| format!("{}", 66_000_000_000_000 + n * 10 + k + 1),
    parcel_id: |n, k| format!("1ab{n:09}-{k}"),
    awb: |n, k| format!("34{n:010}{k}"),
    return_id: |n, k| format!("D{n:09}{k}RRMA"),
};

/// What the routes share.
struct Account {
    market: Arc<Amazon>,
    site: Arc<Site>,
    reports: Mutex<reports::Reports>,
}

impl Marketplace for Amazon {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    fn routes(self: Arc<Self>, site: Arc<Site>) -> Router {
        Router::new()
            .route("/auth/o2/token", post(token))
            .route("/orders/2026-01-01/orders", get(orders::search))
            .route("/orders/2026-01-01/orders/{id}", get(orders::get))
            .route("/orders/v0/orders", get(v0::list))
            .route("/orders/v0/orders/{id}", get(v0::get))
            .route("/orders/v0/orders/{id}/orderItems", get(v0::items))
            .route("/easyShip/2022-03-23/package", get(easy_ship::package))
            .route("/reports/2021-06-30/reports", post(reports::create))
            .route("/reports/2021-06-30/reports/{id}", get(reports::get))
            .route("/reports/2021-06-30/documents/{id}", get(reports::document))
            .route("/report-documents/{key}", get(reports::download))
            .with_state(Arc::new(Account { market: self, site, reports: Mutex::default() }))
    }

    fn operation(&self, _: &str, path: &str) -> &'static str {
        let of = |prefix: &str| {
            path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if path == "/auth/o2/token" {
            "token"
        } else if path == "/orders/2026-01-01/orders" {
            "search_orders"
        } else if of("/orders/2026-01-01/orders") {
            "get_order"
        } else if path == "/orders/v0/orders" {
            "get_orders_v0"
        } else if of("/orders/v0/orders") {
            if path.ends_with("/orderItems") { "get_order_items_v0" } else { "get_order_v0" }
        } else if path == "/easyShip/2022-03-23/package" {
            "get_scheduled_package"
        } else if path == "/reports/2021-06-30/reports" {
            "create_report"
        } else if of("/reports/2021-06-30/reports") {
            "get_report"
        } else if of("/reports/2021-06-30/documents") {
            "get_report_document"
        } else if of("/report-documents") {
            "download"
        } else {
            "unknown"
        }
    }

    fn listing(&self, operation: &str) -> Option<Listing> {
        match operation {
            "search_orders" => Some(Listing {
                rows: "/orders",
                has_more: |page| page["pagination"]["nextToken"].is_string(),
                status_fields: &["fulfillmentStatus", "status", "detailedStatus"],
            }),
            "get_orders_v0" => Some(Listing {
                rows: "/payload/Orders",
                has_more: |page| page["payload"]["NextToken"].is_string(),
                status_fields: &["OrderStatus", "EasyShipShipmentStatus"],
            }),
            _ => None,
        }
    }

    /// Rates of the API models named above.
    fn rate(&self, operation: &str) -> Option<(f64, u32)> {
        Some(match operation {
            "search_orders" => (0.0056, 20),
            "get_order" | "get_order_v0" | "get_order_items_v0" => (0.5, 30),
            "get_orders_v0" => (0.0167, 20),
            "get_scheduled_package" => (1.0, 5),
            "create_report" | "get_report_document" => (0.0167, 15),
            "get_report" => (2.0, 15),
            _ => return None,
        })
    }

    fn rate_header(&self) -> Option<&'static str> {
        Some("x-amzn-ratelimit-limit")
    }

    fn refusal(&self, status: u16) -> Value {
        match status {
            429 => errors("QuotaExceeded", "You exceeded your quota for the requested resource.", ""),
            503 => errors("ServiceUnavailable", "Service is temporarily unavailable.", ""),
            _ => errors("InternalFailure", "We encountered an internal error. Please try again.", ""),
        }
    }

    fn sight(&self) -> Sight {
        Sight { rto_end: self.detailed_status || self.easy_ship_role, return_ids: true }
    }

    fn settings(&self, base_url: &str) -> Value {
        json!({"base_url": base_url, "token_url": format!("{base_url}/auth/o2/token"), "marketplace_id": MARKETPLACE_ID,
            "orders_api": "2026-01-01", "easy_ship": self.easy_ship_role})
    }

    fn secrets(&self) -> Value {
        json!({"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "refresh_token": REFRESH_TOKEN})
    }
}

fn errors(code: &str, message: &str, details: &str) -> Value {
    json!({"errors": [{"code": code, "message": message, "details": details}]})
}

fn refuse(status: StatusCode, code: &str, message: &str, details: &str) -> Refused {
    Refused(status, errors(code, message, details))
}

fn bad_request(message: impl AsRef<str>) -> Refused {
    refuse(StatusCode::BAD_REQUEST, "InvalidInput", message.as_ref(), "")
}

fn not_found(what: &str) -> Refused {
    refuse(StatusCode::NOT_FOUND, "NotFound", &format!("{what} does not exist"), "")
}

/// Refuses a call without a token that holds, or without the user agent that Amazon requires.
fn authorized(site: &Site, headers: &HeaderMap) -> Result<(), Refused> {
    if !headers.contains_key(header::USER_AGENT) {
        return Err(bad_request("The user-agent header is missing"));
    }
    let token = headers.get("x-amz-access-token").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if site.tokens().accepts(token, site.now()) {
        return Ok(());
    }
    let details = "The access token you provided is revoked, malformed or invalid.";
    Err(refuse(StatusCode::FORBIDDEN, "Unauthorized", "Access to requested resource is denied.", details))
}

#[derive(Deserialize)]
struct Login {
    grant_type: Option<String>,
    refresh_token: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
}

async fn token(State(account): State<Arc<Account>>, Form(login): Form<Login>) -> Response {
    let error = |status: StatusCode, error: &str, text: &str| {
        (status, axum::Json(json!({"error": error, "error_description": text}))).into_response()
    };
    if login.client_id.as_deref() != Some(CLIENT_ID) || login.client_secret.as_deref() != Some(CLIENT_SECRET)
    {
        return error(StatusCode::UNAUTHORIZED, "invalid_client", "Client authentication failed");
    }
    if login.grant_type.as_deref() != Some("refresh_token") {
        return error(StatusCode::BAD_REQUEST, "unsupported_grant_type", "grant_type is not refresh_token");
    }
    if login.refresh_token.as_deref() != Some(REFRESH_TOKEN) {
        let text = "The request has an invalid parameter : refresh_token. User may have revoked or didn't grant the permission.";
        return error(StatusCode::BAD_REQUEST, "invalid_grant", text);
    }
    let site = &account.site;
    let (now, secs) = (site.now(), site.token_secs(TOKEN_SECS));
    let token = site.tokens().issue("Atza|", now, now + secs * 1000);
    axum::Json(json!({"access_token": token, "token_type": "bearer", "expires_in": secs})).into_response()
}

fn utc(at: i64) -> String {
    Timestamp::from_millisecond(at).unwrap_or_default().to_string()
}

fn is_cancelled(order: &Order) -> bool {
    order.is_cancelled(0)
}

/// Whether an order is told to be Easy Ship. A cancelled one may have lost that.
fn tells_easy_ship(order: &Order) -> bool {
    order.fulfilment == Fulfilment::Channel && !(is_cancelled(order) && order.parcels[0].quirk(0))
}

/// An order's status at the coarsest: that of v0, that of 2026-01-01.
fn order_status(order: &Order) -> (&'static str, &'static str) {
    let parcel = &order.parcels[0];
    // Some orders count as shipped before the courier has come.
    let early = order.fulfilment == Fulfilment::Channel && parcel.stage == Stage::Ready && parcel.rare(1);
    if is_cancelled(order) {
        ("Canceled", "CANCELLED")
    } else if order.hold {
        ("Pending", "PENDING")
    } else if parcel.stage < Stage::PickedUp && !early {
        ("Unshipped", "UNSHIPPED")
    } else {
        ("Shipped", "SHIPPED")
    }
}

/// The status of an Easy Ship parcel, in the words of each API.
struct Fine {
    v0: &'static str,
    detailed: &'static str,
    coarse: &'static str,
    /// `None` before a pickup was scheduled.
    easy_ship: Option<&'static str>,
}

fn fine(order: &Order) -> Fine {
    let parcel = &order.parcels[0];
    let drops_off = parcel.rare(6);
    let (v0, detailed, coarse, easy_ship) = match parcel.stage {
        Stage::LabelWithdrawn => ("LabelCanceled", "LABEL_CANCELLED", "CANCELLED", Some("LabelCanceled")),
        Stage::Packed | Stage::Ready if is_cancelled(order) => {
            ("LabelCanceled", "LABEL_CANCELLED", "CANCELLED", Some("LabelCanceled"))
        }
        Stage::Approved => ("PendingSchedule", "PENDING_SCHEDULE", "PENDING", None),
        Stage::Packed | Stage::Ready if drops_off => {
            ("PendingDropOff", "PENDING_DROP_OFF", "PENDING", Some("ReadyForPickup"))
        }
        Stage::Packed | Stage::Ready => {
            ("PendingPickUp", "PENDING_PICK_UP", "PENDING", Some("ReadyForPickup"))
        }
        Stage::PickedUp if drops_off => ("DroppedOff", "DROPPED_OFF", "SHIPPED", Some("PickedUp")),
        Stage::PickedUp => ("PickedUp", "PICKED_UP", "SHIPPED", Some("PickedUp")),
        Stage::InTransit if parcel.quirk(9) => {
            ("AtOriginFC", "AT_ORIGIN_FC", "IN_TRANSIT", Some("AtOriginFC"))
        }
        Stage::InTransit => ("AtDestinationFC", "AT_DESTINATION_FC", "IN_TRANSIT", Some("AtDestinationFC")),
        Stage::OutForDelivery => ("OutForDelivery", "OUT_FOR_DELIVERY", "IN_TRANSIT", Some("OutForDelivery")),
        Stage::Delivered => ("Delivered", "DELIVERED", "DELIVERED", Some("Delivered")),
        Stage::Lost => ("Lost", "LOST", "IN_TRANSIT", Some("LostInTransit")),
        Stage::RtoInitiated if parcel.quirk(10) => {
            ("RejectedByBuyer", "REJECTED_BY_BUYER", "UNDELIVERABLE", Some("Rejected"))
        }
        Stage::RtoInitiated => ("Undeliverable", "UNDELIVERABLE", "UNDELIVERABLE", Some("Undeliverable")),
        Stage::RtoInTransit => {
            ("ReturningToSeller", "RETURNING_TO_SELLER", "UNDELIVERABLE", Some("Rejected"))
        }
        Stage::RtoDelivered => {
            ("ReturnedToSeller", "RETURNED_TO_SELLER", "UNDELIVERABLE", Some("ReturnedToSeller"))
        }
    };
    Fine { v0, detailed, coarse, easy_ship }
}
