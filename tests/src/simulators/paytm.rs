//! Paytm Mall's fulfilment API as public clients of 2014 to 2021 show it: a login in three steps, orders by placement or
//! by id, fulfilments. No official paper is public.
//!
//! What no client shows is decided strictly: a call without what it needs is refused, and a token that ran out is told
//! with HTTP 200, as failures are here.

use std::sync::{Arc, Mutex, PoisonError};

use axum::{
    Form, Json, Router,
    extract::{Path, Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Marketplace, Refused, Site};
use crate::{
    faults::Listing,
    world::{By, Canceller, Fulfilment, Life, Line, Order, Parcel, Profile, Sight, Stage},
};

/// The marketplace.
#[derive(Debug, Default)]
pub struct Paytm {
    /// Codes of the login's first step; each is good for one use.
    codes: Mutex<Vec<String>>,
}

const MERCHANT_ID: &str = "111111";
const USERNAME: &str = "pt-panel-demo";
const PASSWORD: &str = "not-a-real-pt-password";
const CLIENT_ID: &str = "pt-app-demo";
const CLIENT_SECRET: &str = "not-a-real-pt-secret";
/// Assumed: the clients do not say.
const TOKEN_SECS: i64 = 12 * 3600;
/// Clients treat it as the cap.
const MOST_ROWS: usize = 500;

static PROFILE: Profile = Profile {
    connector: "paytm",
    channel: "PT1",
    facility: "PUN1",
    series: "P",
    fulfilments: &[(Fulfilment::Channel, 90), (Fulfilment::Seller, 10)],
    lives: &[
        (Life::Delivered, 52),
        (Life::Forgotten, 4),
        (Life::CancelledUnpacked, 8),
        (Life::CancelledPacked, 5),
        (Life::CancelledInPart, 6),
        (Life::CancelAsked, 2),
        (Life::Refused, 8),
        (Life::Reattempted, 3),
        (Life::SentBack, 9),
        (Life::Lost, 3),
    ],
    split_percent: 35,
    units_a_line: 1,
    orders_are_whole: false,
    cancels_units: false,
    names_packages: false,
    follows_seller_shipped: true,
    order_id: |n| format!("7{n:010}"),
    item_id: |n, k| format!("8{n:010}{k}"),
    parcel_id: |n, k| format!("3{n:010}{k}"),
    awb: |n, k| format!("GA{n:010}{k}"),
    return_id: |n, k| format!("PTR{n:010}{k}"),
};

impl Marketplace for Paytm {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    fn routes(self: Arc<Self>, site: Arc<Site>) -> Router {
        let login = Router::new()
            .route("/oauth2/authorize", post(authorize))
            .route("/oauth2/token", post(token))
            .with_state((self, Arc::clone(&site)));
        Router::new()
            .route("/authorize", get(session))
            .route("/v1/merchant/{merchant}/orders.json", get(orders))
            .route("/v1/merchant/{merchant}/fulfillments.json", get(fulfilments))
            .route("/v1/merchant/{merchant}/shippers", get(shippers))
            .with_state(site)
            .merge(login)
    }

    fn operation(&self, _: &str, path: &str) -> &'static str {
        match path {
            "/oauth2/authorize" | "/oauth2/token" | "/authorize" => "token",
            _ if path.ends_with("/orders.json") => "orders",
            _ if path.ends_with("/fulfillments.json") => "fulfilments",
            _ if path.ends_with("/shippers") => "shippers",
            _ => "unknown",
        }
    }

    fn listing(&self, operation: &str) -> Option<Listing> {
        (operation == "orders").then_some(Listing {
            rows: "",
            has_more: |_| false,
            status_fields: &["status"],
        })
    }

    /// None is published; one a second is what the connector keeps to.
    fn rate(&self, _: &str) -> Option<(f64, u32)> {
        Some((1.0, 5))
    }

    fn refusal(&self, status: u16) -> Value {
        json!({"error": if status == 429 { "too many requests" } else { "try again later" }})
    }

    fn sight(&self) -> Sight {
        Sight { rto_end: true, return_ids: false }
    }

    fn settings(&self, base_url: &str) -> Value {
        json!({"base_url": base_url, "login_url": base_url, "merchant_id": MERCHANT_ID})
    }

    fn secrets(&self) -> Value {
        json!({"username": USERNAME, "password": PASSWORD, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET})
    }
}

fn error(status: StatusCode, text: &str) -> Refused {
    Refused(status, json!({ "error": text }))
}

fn bad_request(text: &str) -> Refused {
    error(StatusCode::BAD_REQUEST, text)
}

#[derive(Deserialize)]
struct Authorize {
    username: String,
    password: String,
    client_id: String,
    response_type: String,
    notredirect: Option<String>,
    state: Option<String>,
}

type Login = State<(Arc<Paytm>, Arc<Site>)>;

async fn authorize(State((paytm, site)): Login, Form(asked): Form<Authorize>) -> Result<Response, Refused> {
    if asked.response_type != "code" || asked.client_id != CLIENT_ID {
        return Err(bad_request("unknown client"));
    }
    if (asked.username.as_str(), asked.password.as_str()) != (USERNAME, PASSWORD) {
        return Err(error(StatusCode::OK, "Invalid username or password"));
    }
    let mut codes = paytm.codes.lock().unwrap_or_else(PoisonError::into_inner);
    let code = format!("pt-code-{}-{}", site.now(), codes.len());
    codes.push(code.clone());
    if asked.notredirect.as_deref() != Some("true") {
        let place = format!("{}/?code={code}", site.base_url);
        return Ok((StatusCode::FOUND, [(header::LOCATION, place)]).into_response());
    }
    Ok(Json(json!({"code": code, "state": asked.state})).into_response())
}

#[derive(Deserialize)]
struct TokenAsked {
    grant_type: String,
    code: String,
    client_id: String,
    client_secret: String,
}

async fn token(State((paytm, site)): Login, Form(asked): Form<TokenAsked>) -> Result<Response, Refused> {
    let is_ours = (asked.client_id.as_str(), asked.client_secret.as_str()) == (CLIENT_ID, CLIENT_SECRET);
    if asked.grant_type != "authorization_code" || !is_ours {
        return Err(error(StatusCode::UNAUTHORIZED, "invalid_client"));
    }
    let mut codes = paytm.codes.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(at) = codes.iter().position(|code| *code == asked.code) else {
        return Err(bad_request("the code is not one of ours or was used"));
    };
    codes.remove(at);
    let now = site.now();
    let until = now + site.token_secs(TOKEN_SECS) * 1000;
    let token = site.tokens().issue("pt-", now, until);
    // Seen as text too.
    Ok(Json(json!({"access_token": token, "token_expiry_time": until.to_string()})).into_response())
}

#[derive(Deserialize)]
struct Session {
    authtoken: Option<String>,
}

async fn session(State(site): State<Arc<Site>>, Query(asked): Query<Session>) -> Result<Response, Refused> {
    authorized(&site, asked.authtoken.as_deref())?;
    let cookie = "connect.sid=not-a-real-session; Path=/; HttpOnly";
    Ok(([(header::SET_COOKIE, cookie)], Json(json!({"authorized": true}))).into_response())
}

fn authorized(site: &Site, token: Option<&str>) -> Result<(), Refused> {
    if site.tokens().accepts(token.unwrap_or_default(), site.now()) {
        return Ok(());
    }
    Err(error(StatusCode::OK, "Invalid authtoken, please login again"))
}

fn of_this_merchant(merchant: &str) -> Result<(), Refused> {
    if merchant == MERCHANT_ID { Ok(()) } else { Err(error(StatusCode::FORBIDDEN, "not your merchant")) }
}

#[derive(Deserialize)]
struct OrdersAsked {
    authtoken: Option<String>,
    order_ids: Option<String>,
    placed_after: Option<i64>,
    placed_before: Option<i64>,
    status: Option<u32>,
    limit: Option<usize>,
}

async fn orders(
    State(site): State<Arc<Site>>,
    Path(merchant): Path<String>,
    Query(asked): Query<OrdersAsked>,
) -> Result<Response, Refused> {
    authorized(&site, asked.authtoken.as_deref())?;
    of_this_merchant(&merchant)?;
    let world = site.world();
    let found: Vec<u32> = match (&asked.order_ids, asked.placed_after, asked.placed_before) {
        (Some(ids), None, None) => {
            let known = |id: &str| world.find(id).filter(|&(index, _)| world.order(index).id == id);
            ids.split(',').filter_map(known).map(|(index, _)| index).collect()
        }
        (None, Some(from), Some(to)) => {
            let rows = world.between(By::Creation, from, to);
            rows.into_iter().filter(|&(_, parcel)| parcel == 0).map(|(index, _)| index).collect()
        }
        _ => return Err(bad_request("give order_ids, or placed_after and placed_before")),
    };
    let rows = found.into_iter().map(|index| world.order(index)).filter(|order| {
        asked.status.is_none_or(|code| order.lines.iter().any(|line| status(order, line) == code))
    });
    let limit = asked.limit.unwrap_or(MOST_ROWS).min(MOST_ROWS);
    Ok(Json(rows.take(limit).map(wire).collect::<Vec<_>>()).into_response())
}

/// The code of a line.
fn status(order: &Order, line: &Line) -> u32 {
    let parcel = &order.parcels[usize::from(line.parcel)];
    if line.living() == 0 {
        return match line.canceller {
            Some(Canceller::Seller) => 6,
            // A refund says the same where nothing was shipped.
            Some(Canceller::Marketplace) if shipment(parcel).is_none() => 12,
            _ => 8,
        };
    }
    let place = order.lines.iter().position(|other| other.id == line.id).unwrap_or_default();
    match parcel.stage {
        Stage::Approved if order.hold => 1,
        Stage::Approved if parcel.quirk(0) => 2,
        Stage::Approved => 5,
        Stage::Packed | Stage::LabelWithdrawn if parcel.quirk(1) => 23,
        Stage::Packed | Stage::LabelWithdrawn => 13,
        Stage::Ready => 25,
        // There is no code for a parcel that comes back until it is back.
        Stage::PickedUp
        | Stage::InTransit
        | Stage::OutForDelivery
        | Stage::Lost
        | Stage::RtoInitiated
        | Stage::RtoInTransit => 15,
        Stage::RtoDelivered => 18,
        Stage::Delivered => match order.returned(place) {
            (_, back) if back >= line.living() => 18,
            (asked, _) if asked >= line.living() => 17,
            _ => 7,
        },
    }
}

/// The id of a parcel's fulfilment, once it is packed.
fn shipment(parcel: &Parcel) -> Option<&str> {
    (parcel.stage >= Stage::Packed).then_some(parcel.id.as_str())
}

fn iso(at: i64) -> String {
    format!("{:.3}", Timestamp::from_millisecond(at).unwrap_or_default())
}

/// An id as a number, or as text: both were seen.
fn id(text: &str, as_text: bool) -> Value {
    match text.parse::<u64>() {
        Ok(number) if !as_text => number.into(),
        _ => text.into(),
    }
}

fn wire(order: &Order) -> Value {
    let as_text = order.parcels[0].quirk(2);
    let items = order.lines.iter().map(|line| {
        let parcel = &order.parcels[usize::from(line.parcel)];
        let code = status(order, line);
        let status: Value = if as_text { code.to_string().into() } else { code.into() };
        let mut item = json!({"id": id(&line.id, as_text), "order_id": id(&order.id, as_text), "merchant_id": 111_111,
            "sku": line.sku, "qty_ordered": line.ordered, "price": 450, "status": status, "name": "x",
            "created_at": iso(order.created_at), "updated_at": iso(parcel.changed_at), "isCOD": 0});
        if let Some(shipment) = shipment(parcel) {
            item["fulfillment_id"] = id(shipment, as_text);
        }
        item
    });
    let mut row = json!({"id": id(&order.id, as_text), "payment_status": 2, "created_at": iso(order.created_at),
        "customer_firstname": "x", "customer_lastname": "x", "customer_email": "x", "phone": "x",
        "address": [{"id": 1, "order_id": id(&order.id, as_text), "firstname": "x", "address": "x", "city": "x",
            "pincode": "x", "phone": "x"}],
        "items": items.collect::<Vec<_>>()});
    // Often missing, and never more than a hint.
    if order.parcels[0].quirk(3) {
        row["status"] = status(order, &order.lines[0]).into();
    }
    row
}

#[derive(Deserialize)]
struct FulfilmentsAsked {
    authtoken: Option<String>,
    order_id: Option<String>,
    fulfillment_id: Option<String>,
}

async fn fulfilments(
    State(site): State<Arc<Site>>,
    Path(merchant): Path<String>,
    Query(asked): Query<FulfilmentsAsked>,
) -> Result<Response, Refused> {
    authorized(&site, asked.authtoken.as_deref())?;
    of_this_merchant(&merchant)?;
    let world = site.world();
    let wanted = asked.order_id.as_ref().or(asked.fulfillment_id.as_ref());
    let wanted = wanted.ok_or_else(|| bad_request("No fulfillment_ids given"))?;
    let Some((index, _)) = world.find(wanted) else { return Ok(Json(json!([])).into_response()) };
    let order = world.order(index);
    let is_meant = |parcel: &&Parcel| *wanted == order.id || *wanted == parcel.id;
    let rows = order.parcels.iter().enumerate().filter(|(_, parcel)| is_meant(parcel)).filter_map(|(k, parcel)| {
        shipment(parcel)?;
        let items: Vec<Value> = order.lines_of(k).map(|(_, line)| id(&line.id, false)).collect();
        let mut row = json!({"order_id": id(&order.id, false), "order_item_ids": items, "shipper_id": 62,
            "tracking_number": parcel.awb, "merchant_id": 111_111, "items": [{"fulfillment_id": id(&parcel.id, false)}],
            "tracking_url": "http://track.example.invalid/?awb=#AWBID#&ff=#FFID#&s=#STATUS#"});
        // Its own id stands in one of several places, its courier in words or as a number.
        if parcel.quirk(4) {
            row["id"] = id(&parcel.id, false);
        }
        if parcel.quirk(5) {
            row["shipping_description"] = "Gati Air".into();
        }
        Some(row)
    });
    Ok(Json(rows.collect::<Vec<_>>()).into_response())
}

async fn shippers(
    State(site): State<Arc<Site>>,
    Path(merchant): Path<String>,
    Query(asked): Query<FulfilmentsAsked>,
) -> Result<Response, Refused> {
    authorized(&site, asked.authtoken.as_deref())?;
    of_this_merchant(&merchant)?;
    asked.order_id.ok_or_else(|| bad_request("No order_id given"))?;
    Ok(Json(json!([{"id": 62, "name": "Gati Air"}, {"id": 159, "name": "Gati International"}]))
        .into_response())
}
