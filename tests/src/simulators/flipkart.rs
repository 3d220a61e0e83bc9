//! Flipkart's Marketplace Seller API, v3 shipments and v2 returns, as its documentation and clients show it
//! (flipkart.github.io/fk-api-platform-docs and seller.flipkart.com/api-docs, read 2026-11).
//!
//! What is undocumented is decided strictly: a filter that the documents do not name is refused.

mod filter;
mod returns;
mod shipments;

use std::sync::Arc;

use axum::{
    Router,
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::{Timestamp, tz::Offset};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Marketplace, Refused, Site};
use crate::{
    faults::Listing,
    random::Random,
    world::{Fulfilment, Life, Profile, Sight},
};

/// The marketplace.
#[derive(Clone, Copy, Debug, Default)]
pub struct Flipkart;

const CLIENT_ID: &str = "fk-app-demo";
const CLIENT_SECRET: &str = "not-a-real-fk-secret";
const REFRESH_TOKEN: &str = "not-a-real-fk-refresh-token";
/// 60 days: seller.flipkart.com/api-docs, authentication.
const TOKEN_SECS: i64 = 60 * 86_400;
const LOCATION: &str = "LOC0123456789abcdef0123456789abcdef";

static PROFILE: Profile = Profile {
    connector: "flipkart",
    channel: "FK1",
    facility: "DEL1",
    series: "F",
    fulfilments: &[(Fulfilment::Channel, 90), (Fulfilment::Seller, 10)],
    lives: &[
        (Life::Delivered, 52),
        (Life::Forgotten, 4),
        (Life::CancelledUnpacked, 7),
        (Life::CancelledPacked, 5),
        (Life::CancelledInPart, 6),
        (Life::CancelAsked, 2),
        (Life::Refused, 8),
        (Life::Reattempted, 3),
        (Life::SentBack, 8),
        (Life::ReturnWithdrawn, 3),
        (Life::Lost, 2),
    ],
    split_percent: 35,
    units_a_line: 3,
    orders_are_whole: false,
    cancels_units: true,
    names_packages: true,
    follows_seller_shipped: true,
    order_id: |n| format!("OD{}", 100_000_000_000_000_000 + n * 1000),
    item_id: |n, k| format!("{}", 100_000_000_000_000_000 + n * 1000 + k + 1),
    parcel_id: |n, k| {
        let mut random = Random::of(n, k);
        let (a, b) = (random.next(), random.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
            a >> 32,
            (a >> 16) & 0xFFFF,
            a & 0xFFF,
            b >> 52,
            b & 0xFFFF_FFFF_FFFF
        )
    },
    awb: |n, k| format!("FMPP{n:010}{k}"),
    return_id: |n, k| format!("1029{n:012}{k}"),
};

impl Marketplace for Flipkart {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    fn routes(self: Arc<Self>, site: Arc<Site>) -> Router {
        Router::new()
            .route("/oauth-service/oauth/token", get(token))
            .route("/sellers/v3/shipments/filter", get(filter::next_page).post(filter::first_page))
            .route("/sellers/v3/shipments/filter/", get(filter::next_page).post(filter::first_page))
            .route("/sellers/v3/shipments", get(shipments::by_id))
            .route("/sellers/v3/shipments/{ids}", get(shipments::details))
            .route("/sellers/v3/shipments/{ids}/invoices", get(shipments::invoices))
            .route("/sellers/v2/returns", get(returns::first_page))
            .route("/sellers/v2/returns/search/{token}", get(returns::next_page))
            .with_state(site)
    }

    fn operation(&self, _: &str, path: &str) -> &'static str {
        if path == "/oauth-service/oauth/token" {
            "token"
        } else if path.starts_with("/sellers/v3/shipments/filter") {
            "filter"
        } else if path == "/sellers/v3/shipments" {
            "shipments"
        } else if path.ends_with("/invoices") {
            "invoices"
        } else if path.starts_with("/sellers/v3/shipments/") {
            "details"
        } else if path.starts_with("/sellers/v2/returns") {
            "returns"
        } else {
            "unknown"
        }
    }

    fn listing(&self, operation: &str) -> Option<Listing> {
        let rows = match operation {
            "filter" | "shipments" => "/shipments",
            "returns" => "/returnItems",
            _ => return None,
        };
        Some(Listing { rows, has_more: |page| page["hasMore"] == true, status_fields: &["status"] })
    }

    /// None is published; clients keep to some 3 calls a second.
    fn rate(&self, _: &str) -> Option<(f64, u32)> {
        Some((3.0, 10))
    }

    fn refusal(&self, status: u16) -> Value {
        let code = if status == 429 { "TOO_MANY_REQUESTS" } else { "DEPENDENT_SYSTEM_CALL_FAILED" };
        errors(code, "try again later")
    }

    fn sight(&self) -> Sight {
        Sight { rto_end: true, return_ids: true }
    }

    fn settings(&self, base_url: &str) -> Value {
        json!({"base_url": base_url})
    }

    fn secrets(&self) -> Value {
        json!({"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET})
    }
}

fn errors(code: &str, description: &str) -> Value {
    json!({"errors": [{"severity": "ERROR", "code": code, "description": description, "path": null}]})
}

fn bad_request(description: impl AsRef<str>) -> Refused {
    Refused(StatusCode::BAD_REQUEST, errors("UNPROCESSABLE_ENTITY", description.as_ref()))
}

fn oauth_error(error: &str, description: &str) -> Refused {
    Refused(StatusCode::UNAUTHORIZED, json!({"error": error, "error_description": description}))
}

/// Refuses a call without a token that holds.
fn authorized(site: &Site, headers: &HeaderMap) -> Result<(), Refused> {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let given = given.strip_prefix("Bearer ").unwrap_or_default();
    if site.tokens().accepts(given, site.now()) {
        return Ok(());
    }
    // The real one quotes the token too, which readers must not log.
    Err(oauth_error("invalid_token", &format!("Invalid access token: {given}")))
}

#[derive(Deserialize)]
struct TokenAsked {
    grant_type: Option<String>,
    scope: Option<String>,
    refresh_token: Option<String>,
}

async fn token(
    State(site): State<Arc<Site>>,
    headers: HeaderMap,
    Query(asked): Query<TokenAsked>,
) -> Result<Response, Refused> {
    let basic = format!("Basic {}", STANDARD.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}")));
    if headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()) != Some(&basic) {
        return Err(oauth_error("unauthorized", "Bad credentials"));
    }
    let granted = match asked.grant_type.as_deref() {
        Some("client_credentials") => {
            asked.scope.is_some_and(|scope| scope.split(',').any(|one| one == "Seller_Api"))
        }
        Some("refresh_token") => asked.refresh_token.as_deref() == Some(REFRESH_TOKEN),
        _ => false,
    };
    if !granted {
        let body = json!({"error": "invalid_request", "error_description": "grant_type, scope or refresh_token is wrong"});
        return Err(Refused(StatusCode::BAD_REQUEST, body));
    }
    let now = site.now();
    let mut tokens = site.tokens();
    // Asking again returns the same token, with the seconds that are left.
    let (token, until) = tokens.current(now).unwrap_or_else(|| {
        let until = now + site.token_secs(TOKEN_SECS) * 1000;
        (tokens.issue("fk-", now, until), until)
    });
    Ok(axum::Json(json!({"access_token": token, "token_type": "bearer", "refresh_token": REFRESH_TOKEN,
        "expires_in": (until - now) / 1000, "refresh_token_expires_in": 180 * 86_400, "scope": "Seller_Api"}))
    .into_response())
}

/// A time with milliseconds in Indian time, as shipments have it.
fn ist(at: i64) -> String {
    format!("{:.3}+05:30", civil(at))
}

/// A time without milliseconds in Indian time, as returns have it.
fn ist_secs(at: i64) -> String {
    format!("{:.0}+05:30", civil(at))
}

fn civil(at: i64) -> jiff::civil::DateTime {
    let at = Timestamp::from_millisecond(at + 330 * 60_000).unwrap_or_default();
    Offset::UTC.to_datetime(at)
}

/// Reads a time that must have an offset.
fn time(field: &str, text: &str) -> Result<i64, Refused> {
    let at = text
        .parse::<Timestamp>()
        .map_err(|_| bad_request(format!("{field} is not a date-time with an offset")))?;
    Ok(at.as_millisecond())
}
