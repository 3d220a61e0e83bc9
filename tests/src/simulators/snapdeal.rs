//! Snapdeal's Seller API, as its field tables and clients show it (sellerapis.snapdeal.com, 2016 to 2022; read 2026-11).
//!
//! What is undocumented is decided strictly: there is no list of pending returns, what is unknown is refused with HTTP 200
//! and a message, and a package that is ready but not handed over is in no list. The base path is part of the base URL and
//! not served. Each line of the world is a suborder of one unit.

mod orders;
mod returns;

use std::sync::Arc;

use axum::{
    Json, Router,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Marketplace, Refused, Site};
use crate::{
    faults::Listing,
    world::{Fulfilment, Life, Order, Profile, Sight},
};

/// The marketplace.
#[derive(Clone, Copy, Debug, Default)]
pub struct Snapdeal {
    /// Whether sellers accept what comes back at once, so that the lists of completed returns show it; else it waits at the
    /// seller for ever.
    pub accepts_returns: bool,
}

const CLIENT_ID: &str = "not-a-real-sd-client";
const AUTH_TOKEN: &str = "not-a-real-sd-partner-token";
const SELLER_TOKEN: &str = "not-a-real-sd-seller-token";

/// The default of the reference, and its maximum for returns.
const USUAL_PAGE: usize = 10;
const MAX_RETURNS_PAGE: usize = 20;
const MAX_PAGE: usize = 100;

static PROFILE: Profile = Profile {
    connector: "snapdeal",
    channel: "SD1",
    facility: "GUR2",
    series: "D",
    fulfilments: &[(Fulfilment::Channel, 88), (Fulfilment::Seller, 12)],
    lives: &[
        (Life::Delivered, 52),
        (Life::Forgotten, 4),
        (Life::CancelledUnpacked, 8),
        (Life::CancelledPacked, 6),
        (Life::CancelledInPart, 8),
        (Life::Refused, 10),
        (Life::Reattempted, 4),
        (Life::SentBack, 9),
        (Life::Lost, 3),
    ],
    split_percent: 35,
    units_a_line: 1,
    cancels_units: false,
    names_packages: true,
    orders_are_whole: false,
    follows_seller_shipped: true,
    order_id: |n| format!("6{n:010}"),
    item_id: |n, k| format!("7{n:09}{k}"),
    parcel_id: |n, k| format!("SLP{n:09}{k}"),
    awb: |n, k| format!("726{n:010}{k}"),
    return_id: |n, k| format!("54{n:010}{k}"),
};

impl Marketplace for Snapdeal {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    fn routes(self: Arc<Self>, site: Arc<Site>) -> Router {
        Router::new()
            .route("/orders/new", get(orders::new_list))
            .route("/orders/new/{package}", get(orders::new_package))
            .route("/orders/completed", get(orders::completed_list))
            .route("/orders/completed/{package}", get(orders::completed_package))
            .route("/suborders/cancelled", get(orders::cancelled_list))
            .route("/suborders/cancelled/{suborder}", get(orders::cancelled_suborder))
            .route("/returns/pending/suborder/{suborder}", get(returns::pending))
            .route("/returns/completed", get(returns::completed))
            .with_state(Shop { site, accepts_returns: self.accepts_returns })
    }

    fn operation(&self, _: &str, path: &str) -> &'static str {
        let by_id = path.matches('/').count() > 2;
        match path.split('/').nth(1).zip(path.split('/').nth(2)) {
            Some(("orders", "new")) => {
                if by_id {
                    "new package"
                } else {
                    "new orders"
                }
            }
            Some(("orders", "completed")) => {
                if by_id {
                    "completed package"
                } else {
                    "completed orders"
                }
            }
            Some(("suborders", "cancelled")) => {
                if by_id {
                    "cancelled suborder"
                } else {
                    "cancelled suborders"
                }
            }
            Some(("returns", "pending")) => "pending return",
            Some(("returns", "completed")) => "completed returns",
            _ => "unknown",
        }
    }

    fn listing(&self, operation: &str) -> Option<Listing> {
        let (rows, has_more): (_, fn(&Value) -> bool) = match operation {
            "new orders" | "completed orders" => ("/payload/packages", |page| has_more(page, "packages")),
            "cancelled suborders" => ("/payload/items", |page| has_more(page, "items")),
            "completed returns" => ("/payload/ReturnDataSROList", |page| has_more(page, "ReturnDataSROList")),
            _ => return None,
        };
        Some(Listing { rows, has_more, status_fields: &["siStatusCode"] })
    }

    /// None is published; three calls a second is what a careful client keeps to.
    fn rate(&self, _: &str) -> Option<(f64, u32)> {
        Some((3.0, 3))
    }

    fn refusal(&self, status: u16) -> Value {
        json!({"message": format!("HTTP {status}, try again later")})
    }

    fn sight(&self) -> Sight {
        Sight { rto_end: true, return_ids: false }
    }

    fn settings(&self, base_url: &str) -> Value {
        json!({"base_url": base_url})
    }

    fn secrets(&self) -> Value {
        json!({"client_id": CLIENT_ID, "auth_token": AUTH_TOKEN, "seller_token": SELLER_TOKEN})
    }
}

/// A page that is full by the size that the connector asks for may have a next one.
fn has_more(page: &Value, rows: &str) -> bool {
    page["payload"][rows].as_array().is_some_and(|rows| rows.len() >= MAX_RETURNS_PAGE)
}

/// What the routes serve from.
#[derive(Clone)]
struct Shop {
    site: Arc<Site>,
    accepts_returns: bool,
}

/// The query of every call.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Asked {
    f_modes: Option<String>,
    page_size: Option<usize>,
    page_number: Option<usize>,
    start_date: Option<i64>,
    end_date: Option<i64>,
    return_mode: Option<String>,
}

impl Asked {
    /// The page that is asked for.
    fn page<'r, T>(&self, rows: &'r [T], most: usize) -> Result<&'r [T], Refused> {
        let size = self.page_size.unwrap_or(USUAL_PAGE);
        if size == 0 || size > most {
            return Err(refused("Invalid page size"));
        }
        let start = rows.len().min(self.page_number.unwrap_or(1).saturating_sub(1).saturating_mul(size));
        Ok(&rows[start..rows.len().min(start + size)])
    }

    /// Whether orders of this mode are asked for. Modes are checked one by one.
    fn modes(&self, allowed: &[&str]) -> Result<Vec<String>, Refused> {
        let modes: Vec<String> =
            self.f_modes.iter().flat_map(|modes| modes.split(',')).map(str::to_owned).collect();
        if modes.is_empty() || modes.iter().any(|mode| !allowed.contains(&mode.as_str())) {
            return Err(refused("Invalid fulfilment mode"));
        }
        Ok(modes)
    }
}

/// A refusal in Snapdeal's way: HTTP 200 and a message.
fn refused(message: &str) -> Refused {
    Refused(StatusCode::OK, json!({"metadata": {"requestId": "sim", "clientId": "100", "message": message}}))
}

fn payload(payload: &Value) -> Response {
    Json(json!({"metadata": {"requestId": "sim", "clientId": "100", "responseTime": 1}, "payload": payload}))
        .into_response()
}

/// Refuses a call without the three headers.
fn authorized(headers: &HeaderMap) -> Result<(), Refused> {
    let is = |name: &str, value: &str| headers.get(name).is_some_and(|given| given == value);
    if is("clientid", CLIENT_ID) && is("x-auth-token", AUTH_TOKEN) && is("x-seller-authz-token", SELLER_TOKEN)
    {
        return Ok(());
    }
    Err(Refused(StatusCode::UNAUTHORIZED, json!({"message": "Invalid token"})))
}

/// How an order's goods leave; one mode an order.
fn mode(order: &Order) -> &'static str {
    match order.fulfilment {
        Fulfilment::Seller => "VENDOR_SELF",
        Fulfilment::Marketplace => "FC_VOI",
        Fulfilment::Channel => match order.index % 3 {
            0 => "DROPSHIP",
            1 => "ONESHIP",
            _ => "OCPLUS",
        },
    }
}
