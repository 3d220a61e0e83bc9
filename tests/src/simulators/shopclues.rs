//! ShopClues' merchant API as its wiki's stubs and three public integrations show it (2014–2022): a password grant, a list
//! over a window of placement, one order by id.
//!
//! What nobody shows is decided strictly: a call without what it needs is refused. A token that ran out is told inside the
//! body under HTTP 200, and links to further pages name plain http, as they were seen.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Marketplace, Refused, Site};
use crate::{
    faults::Listing,
    world::{By, Canceller, Fulfilment, Life, Order, Profile, ReturnKind, ReturnStage, Sight, Stage},
};

/// The marketplace.
#[derive(Clone, Copy, Debug, Default)]
pub struct ShopClues;

const USERNAME: &str = "sc-demo@example.invalid";
const PASSWORD: &str = "not-a-real-sc-password";
/// MD5 of [`PASSWORD`].
const PASSWORD_MD5: &str = "fa3ad57581b776b216495521e4942c7f";
const CLIENT_ID: &str = "sc-app-demo";
const CLIENT_SECRET: &str = "not-a-real-sc-secret";
/// Assumed: integrations read it from the reply.
const TOKEN_SECS: i64 = 86_400;
/// Assumed: the marketplace sets it.
const PAGE_SIZE: usize = 25;

static PROFILE: Profile = Profile {
    connector: "shopclues",
    channel: "SC1",
    facility: "GUR1",
    series: "S",
    fulfilments: &[(Fulfilment::Channel, 90), (Fulfilment::Seller, 10)],
    // A new attempt is not among them: without the time of a change it cannot be told from an older delivery.
    lives: &[
        (Life::Delivered, 54),
        (Life::Forgotten, 4),
        (Life::CancelledUnpacked, 10),
        (Life::CancelledPacked, 6),
        (Life::CancelAsked, 5),
        (Life::Refused, 9),
        (Life::SentBack, 9),
        (Life::Lost, 3),
    ],
    split_percent: 0,
    units_a_line: 3,
    orders_are_whole: true,
    cancels_units: false,
    names_packages: false,
    follows_seller_shipped: true,
    order_id: |n| format!("8{n:09}"),
    item_id: |n, k| format!("9{n:09}{k}"),
    parcel_id: |n, k| format!("SH{n:09}{k}"),
    awb: |n, k| format!("SCGA{n:09}{k}"),
    return_id: |n, k| format!("SCR{n:09}{k}"),
};

impl Marketplace for ShopClues {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    fn routes(self: Arc<Self>, site: Arc<Site>) -> Router {
        Router::new()
            .route("/loginToken.php", post(token))
            .route("/api/v1/order", get(list))
            .route("/api/v1/order/{id}", get(detail))
            .with_state(site)
    }

    fn operation(&self, _: &str, path: &str) -> &'static str {
        match path {
            "/loginToken.php" => "token",
            "/api/v1/order" => "orders",
            _ if path.starts_with("/api/v1/order/") => "order",
            _ => "unknown",
        }
    }

    fn listing(&self, operation: &str) -> Option<Listing> {
        (operation == "orders").then_some(Listing {
            rows: "/data",
            has_more: |page| page["extra"]["next"].as_str().is_some_and(|next| !next.is_empty()),
            status_fields: &["status"],
        })
    }

    /// None can be read in the wiki; one a second is what the connector keeps to.
    fn rate(&self, _: &str) -> Option<(f64, u32)> {
        Some((1.0, 5))
    }

    fn refusal(&self, status: u16) -> Value {
        json!({"status": status, "message": "try again later"})
    }

    fn sight(&self) -> Sight {
        Sight { rto_end: true, return_ids: false }
    }

    fn settings(&self, base_url: &str) -> Value {
        json!({"base_url": format!("{base_url}/api/v1"), "token_url": format!("{base_url}/loginToken.php")})
    }

    fn secrets(&self) -> Value {
        json!({"username": USERNAME, "password": PASSWORD, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET})
    }
}

fn refused(status: StatusCode, text: &str) -> Refused {
    Refused(status, json!({"status": status.as_u16(), "message": text}))
}

async fn token(State(site): State<Arc<Site>>, Json(asked): Json<Map<String, Value>>) -> Response {
    let is = |name: &str, value: &str| asked.get(name).and_then(Value::as_str) == Some(value);
    let granted = is("grant_type", "password")
        && is("username", USERNAME)
        && is("password", PASSWORD_MD5)
        && is("client_id", CLIENT_ID)
        && is("client_secret", CLIENT_SECRET);
    if !granted {
        // Refusals are told by what is missing.
        return Json(json!({"error": "invalid_grant"})).into_response();
    }
    let now = site.now();
    let life = site.token_secs(TOKEN_SECS);
    let token = site.tokens().issue("sc-", now, now + life * 1000);
    Json(json!({"access_token": token, "expires_in": life, "token_type": "Bearer", "scope": null,
        "refresh_token": "not-a-real-sc-refresh-token"}))
    .into_response()
}

fn authorized(site: &Site, headers: &HeaderMap) -> Result<(), Refused> {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if site.tokens().accepts(given.strip_prefix("Bearer ").unwrap_or_default(), site.now()) {
        return Ok(());
    }
    // As text, and under HTTP 200.
    Err(Refused(StatusCode::OK, json!({"status": "403", "message": "token expired"})))
}

#[derive(Deserialize)]
struct Asked {
    time_from: i64,
    time_to: i64,
    page: Option<usize>,
}

async fn list(
    State(site): State<Arc<Site>>,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Result<Response, Refused> {
    authorized(&site, &headers)?;
    let Asked { time_from, time_to, page } = asked;
    if time_from > time_to {
        return Err(refused(StatusCode::BAD_REQUEST, "time_from is after time_to"));
    }
    let page = page.unwrap_or(1).max(1);
    let world = site.world();
    let rows = world.between(By::Creation, time_from * 1000, time_to * 1000 + 999);
    let start = rows.len().min((page - 1).saturating_mul(PAGE_SIZE));
    let end = rows.len().min(start + PAGE_SIZE);
    let data: Vec<Value> = rows[start..end].iter().map(|&(index, _)| row(world.order(index))).collect();
    let next = (end < rows.len()).then(|| {
        format!("{}/api/v1/order?time_from={time_from}&time_to={time_to}&page={}", site.base_url, page + 1)
    });
    let extra = json!({"next": next.unwrap_or_default()});
    Ok(Json(json!({"status": 200, "data": data, "extra": extra})).into_response())
}

async fn detail(
    State(site): State<Arc<Site>>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    authorized(&site, &headers)?;
    let world = site.world();
    let found = world.find(&id).map(|(index, _)| world.order(index)).filter(|order| order.id == id);
    let order = found.ok_or_else(|| refused(StatusCode::NOT_FOUND, "no such order"))?;
    let mut whole = row(order);
    let parcel = &order.parcels[0];
    // Keyed by product here, and a list in the list.
    let items = order.lines.iter().map(|line| {
        (line.id.clone(), json!({"product": "x", "product_id": line.id, "amount": line.ordered.to_string()}))
    });
    whole["items"] = Value::Object(items.collect());
    whole["s_address_2"] = "x".into();
    whole["s_phone"] = "x".into();
    if let Some(awb) = parcel.awb.as_ref().filter(|_| parcel.stage >= Stage::PickedUp) {
        let shipment = json!({"shipment_id": parcel.id, "carrier": "Gati", "tracking_number": awb});
        if parcel.quirk(0) {
            whole["shipments"] = json!([shipment]);
        } else {
            whole["awbno"] = awb.as_str().into();
        }
    }
    Ok(Json(json!({ "data": whole })).into_response())
}

/// An order in a list: numbers come as text.
fn row(order: &Order) -> Value {
    let items = order.lines.iter().map(|line| {
        json!({"product": "x", "product_id": line.id, "amount": line.ordered.to_string(), "selling_price": "450.00"})
    });
    json!({"order_id": order.id, "user_id": "1", "is_parent_order": "N", "parent_order_id": "0", "company_id": "42",
        "timestamp": (order.created_at / 1000).to_string(), "status": status(order), "total": "499.00", "payment_id": "6",
        "firstname": "x", "lastname": "x", "email": "x", "s_city": "x", "s_zipcode": "x", "label_printed": "y",
        "items_list": items.collect::<Vec<_>>()})
}

/// The code of an order.
fn status(order: &Order) -> &'static str {
    let parcel = &order.parcels[0];
    if order.is_cancelled(0) {
        return match order.lines[0].canceller {
            Some(Canceller::Seller) => "12",
            Some(Canceller::Marketplace) => {
                if parcel.quirk(1) {
                    "Y"
                } else {
                    "24"
                }
            }
            _ => {
                if parcel.quirk(1) {
                    "I"
                } else {
                    "56"
                }
            }
        };
    }
    match parcel.stage {
        Stage::Approved if order.hold => "O",
        Stage::Approved if parcel.quirk(2) => "P",
        Stage::Approved => "Q",
        Stage::Packed | Stage::LabelWithdrawn => "E",
        // Asked for, and in vain: the next code shows it.
        Stage::Ready if order.cancel_requested => "41",
        Stage::Ready if parcel.rare(3) => "28",
        Stage::Ready => "L",
        Stage::PickedUp => "G",
        // On the manifest only after the pickup, now and then.
        Stage::InTransit if parcel.rare(6) => "L",
        Stage::InTransit | Stage::OutForDelivery | Stage::Lost => "A",
        Stage::RtoInitiated => "J",
        Stage::RtoInTransit if parcel.quirk(9) => "78",
        Stage::RtoInTransit => "9",
        Stage::RtoDelivered => "79",
        Stage::Delivered => delivered(order),
    }
}

fn delivered(order: &Order) -> &'static str {
    let parcel = &order.parcels[0];
    let back = order.returns.iter().rfind(|row| row.kind == ReturnKind::Cir);
    match back.map(|row| row.stage) {
        Some(ReturnStage::Created) if parcel.quirk(10) => "64",
        Some(ReturnStage::Created) => "S",
        Some(ReturnStage::InTransit) => "65",
        Some(ReturnStage::Completed) => "80",
        None | Some(ReturnStage::Cancelled) if parcel.quirk(11) => "C",
        None | Some(ReturnStage::Cancelled) => "H",
    }
}
