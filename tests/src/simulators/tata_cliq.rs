//! Tata CLiQ's PartnerConnect, sales order 2.0: the list of active orders and one order, in JSON or XML, as an
//! integrator's public notes of 2021 show an order (auperator.atlassian.net, read 2026-11).
//!
//! The list, the login and the names of the courier's members are not public: they are made as the connector assumes
//! them. So is what "active" means: on its way to the buyer, and neither delivered nor turned back nor cancelled.

use std::{fmt::Write as _, sync::Arc};

use axum::{
    Form, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use jiff::{Timestamp, tz::Offset};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Marketplace, Refused, Site};
use crate::{
    faults::Listing,
    world::{Fulfilment, Life, Line, Order, Parcel, Profile, Sight, Stage},
};

/// The marketplace; by default it answers in JSON.
#[derive(Clone, Copy, Debug, Default)]
pub struct TataCliq {
    /// Whether the channel is told to read XML. What is sent depends on what is asked for.
    pub xml: bool,
}

const SELLER_ID: &str = "100001";
const USER_NAME: &str = "cliq-user-demo";
const PASSWORD: &str = "not-a-real-cliq-password";
/// A day: the token in the notes.
const TOKEN_SECS: i64 = 86_400;
const ORDERS: &str = "/PartnerConnect/PC_100001/AP_SALES_ORDER/AVT_JSON_SALES_ORDER/AV_2.0/";

static PROFILE: Profile = Profile {
    connector: "tata-cliq",
    channel: "TC1",
    facility: "BOM1",
    series: "T",
    fulfilments: &[(Fulfilment::Channel, 85), (Fulfilment::Seller, 15)],
    // Returns of buyers begin days after the delivery, when the list does not show the order any more: who wants to learn
    // of them has to ask by its number. No second attempt after a parcel has turned back: turning back has no time here,
    // so nobody can tell which of the two came later.
    lives: &[
        (Life::Delivered, 50),
        (Life::SentBack, 10),
        (Life::Forgotten, 5),
        (Life::CancelledUnpacked, 8),
        (Life::CancelledPacked, 6),
        (Life::CancelledInPart, 7),
        (Life::Refused, 12),
        (Life::Lost, 2),
    ],
    split_percent: 30,
    units_a_line: 1,
    orders_are_whole: false,
    cancels_units: false,
    names_packages: false,
    follows_seller_shipped: true,
    order_id: |n| format!("{:05}-{:03}-{:06}", n / 1_000_000, n % 1000, n % 1_000_000),
    item_id: |n, k| format!("{}", 90_000_000_000_000_000 + n * 10 + k + 1),
    parcel_id: |n, k| format!("cliq-{n}-{k}"),
    awb: |n, k| format!("BD{n:010}{k}"),
    return_id: |n, k| format!("cliq-return-{n}-{k}"),
};

impl Marketplace for TataCliq {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    fn routes(self: Arc<Self>, site: Arc<Site>) -> Router {
        Router::new()
            .route("/oauth/token", post(token))
            .route(ORDERS, get(active))
            .route(&format!("{ORDERS}OG_1/{{order}}/"), get(by_number))
            .with_state(site)
    }

    fn operation(&self, _: &str, path: &str) -> &'static str {
        if path == "/oauth/token" {
            "token"
        } else if path == ORDERS {
            "list"
        } else if path.starts_with(ORDERS) {
            "order"
        } else {
            "unknown"
        }
    }

    fn listing(&self, operation: &str) -> Option<Listing> {
        matches!(operation, "list" | "order").then_some(Listing {
            rows: "/order",
            has_more: |_| false,
            status_fields: &["omsStatusCode"],
        })
    }

    /// None is published; the connector keeps to one call a second.
    fn rate(&self, _: &str) -> Option<(f64, u32)> {
        Some((1.0, 5))
    }

    fn refusal(&self, status: u16) -> Value {
        json!({"errorCode": if status == 429 { "TOO_MANY_REQUESTS" } else { "SERVICE_UNAVAILABLE" }})
    }

    fn sight(&self) -> Sight {
        Sight { rto_end: true, return_ids: false }
    }

    fn settings(&self, base_url: &str) -> Value {
        json!({"base_url": base_url, "seller_id": SELLER_ID, "auth_mode": "login", "token_path": "/oauth/token",
            "wire": if self.xml { "xml" } else { "json" }})
    }

    fn secrets(&self) -> Value {
        json!({"username": USER_NAME, "password": PASSWORD})
    }
}

#[derive(Deserialize)]
struct Login {
    username: Option<String>,
    password: Option<String>,
}

async fn token(State(site): State<Arc<Site>>, Form(login): Form<Login>) -> Result<Response, Refused> {
    if (login.username.as_deref(), login.password.as_deref()) != (Some(USER_NAME), Some(PASSWORD)) {
        return Err(Refused(StatusCode::UNAUTHORIZED, json!({"error": "invalid_grant"})));
    }
    let now = site.now();
    let token = site.tokens().issue("cliq-", now, now + site.token_secs(TOKEN_SECS) * 1000);
    Ok(axum::Json(json!({"access_token": token, "token_type": "bearer"})).into_response())
}

fn authorized(site: &Site, headers: &HeaderMap) -> Result<(), Refused> {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match given.strip_prefix("Bearer ") {
        Some(token) if site.tokens().accepts(token, site.now()) => Ok(()),
        _ => Err(Refused(StatusCode::UNAUTHORIZED, json!({"error": "invalid_token"}))),
    }
}

async fn active(State(site): State<Arc<Site>>, headers: HeaderMap) -> Result<Response, Refused> {
    authorized(&site, &headers)?;
    let world = site.world();
    let orders: Vec<_> = world.orders().iter().filter_map(|order| shown(order, is_active)).collect();
    Ok(answer(&headers, &orders))
}

async fn by_number(
    State(site): State<Arc<Site>>,
    headers: HeaderMap,
    Path(order): Path<String>,
) -> Result<Response, Refused> {
    authorized(&site, &headers)?;
    let world = site.world();
    let number = order.strip_prefix("ORDID_").unwrap_or_default();
    let order = world.find(number).map(|(index, _)| world.order(index)).filter(|order| order.id == number);
    match order.and_then(|order| shown(order, |_, _| true)) {
        Some(order) => Ok(answer(&headers, &[order])),
        None => Err(Refused(StatusCode::NOT_FOUND, json!({"errorCode": "ORDER_NOT_FOUND"}))),
    }
}

fn is_active(line: &Line, parcel: &Parcel) -> bool {
    line.living() > 0 && parcel.stage < Stage::Delivered
}

/// An order with the lines that are wanted; `None` if none is.
fn shown(order: &Order, wanted: impl Fn(&Line, &Parcel) -> bool) -> Option<Value> {
    let lines: Vec<Value> = order
        .lines
        .iter()
        .map(|line| (line, &order.parcels[usize::from(line.parcel)]))
        .filter(|(line, parcel)| wanted(line, parcel))
        .map(|(line, parcel)| row(order, line, parcel))
        .collect();
    (!lines.is_empty()).then(|| {
        json!({
            "orderType": "01", "orderNo": order.id, "orderDate": ist(order.created_at),
            "addressInfo": [{"addressType": "DA", "emailID": "x", "firstName": "x", "lastName": "x", "phoneNo": "x",
                "address1": "x", "city": "x", "state": "x", "pincode": "x"}],
            "paymentInfo": [{"paymentCost": 1.0, "paymentMode": "COD", "paymentStatus": "null"}],
            "orderLine": lines,
        })
    })
}

fn row(order: &Order, line: &Line, parcel: &Parcel) -> Value {
    let is_ours = order.fulfilment == Fulfilment::Channel;
    let nothing = ["null", "NA", ""][usize::from(parcel.quirk(8)) + usize::from(parcel.quirk(9))];
    let (number, mnemonic) = code(order, line, parcel);
    let code = if number.is_empty() || parcel.quirk(0) {
        json!(mnemonic)
    } else if parcel.rare(1) {
        // Zeros lost on the way, as text and as a number.
        let number: u32 = number.parse().unwrap_or_default();
        if parcel.quirk(4) { json!(number) } else { json!(number.to_string()) }
    } else {
        json!(number)
    };
    let when = |at: Option<i64>| at.map_or_else(|| nothing.to_owned(), ist);
    json!({
        "transactionId": line.id, "omsStatusCode": code, "sellerID": SELLER_ID, "articleNumber": line.sku,
        "fulfillmentType": if is_ours { "TSHIP" } else { "SSHIP" },
        "deliveryMode": if parcel.quirk(5) { "HD" } else { "ED" }, "transportMode": "SUR", "p1SlaveId": "TD01",
        "p1LogisticsID": if is_ours { "BD" } else { nothing }, "returnLogisticsID": nothing, "isCOD": "N",
        "isAFreebie": "N", "parentTransactionID": nothing, "price": 1.0,
        "awbNumber": parcel.awb.as_deref().unwrap_or(nothing),
        "shippingDate": when(parcel.picked_up_at),
        "deliveryDate": when((parcel.stage == Stage::Delivered).then_some(parcel.changed_at)),
    })
}

/// The number of a line's code and its mnemonic; the number is empty where none is known.
fn code(order: &Order, line: &Line, parcel: &Parcel) -> (&'static str, &'static str) {
    if line.living() == 0 {
        return if parcel.quirk(6) { ("019", "ORDCANCL") } else { ("020", "CLONCANC") };
    }
    let (asked_back, came_back) =
        order.lines.iter().position(|own| own.id == line.id).map_or((0, 0), |k| order.returned(k));
    if came_back > 0 {
        return if parcel.quirk(11) { ("028", "RETUCLOS") } else { ("026", "SRECTORI") };
    }
    if asked_back > 0 {
        return if parcel.quirk(12) { ("025", "RETUINIT") } else { ("032", "REVRSAWB") };
    }
    match parcel.stage {
        Stage::Approved if order.hold => ("", "ORDONHLD"),
        Stage::Approved if parcel.rare(10) => ("003", "ORDREJEC"),
        Stage::Approved => ("001", "ORDALLOC"),
        Stage::Packed | Stage::LabelWithdrawn => ("009", "AWBASSIG"),
        Stage::Ready => ("014", "RETOSHIP"),
        Stage::PickedUp => ("016", "HOTCOURI"),
        Stage::InTransit => ("017", "RENEARHB"),
        Stage::OutForDelivery => ("", "OTFRDLVY"),
        Stage::Delivered => ("018", "DELIVERD"),
        Stage::Lost => ("033", "LOSTINTT"),
        Stage::RtoInitiated | Stage::RtoInTransit if parcel.quirk(7) => ("", "RETUIRTO"),
        Stage::RtoInitiated | Stage::RtoInTransit => ("024", "RETTOORG"),
        Stage::RtoDelivered => ("030", "CLRETORI"),
    }
}

/// In the form that was asked for.
fn answer(headers: &HeaderMap, orders: &[Value]) -> Response {
    let wants_xml = headers.get(header::ACCEPT).is_some_and(|form| form == "application/xml");
    if !wants_xml {
        return axum::Json(json!({ "order": orders })).into_response();
    }
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<orders>");
    for order in orders {
        element(&mut text, "order", order);
    }
    text.push_str("</orders>\n");
    ([(header::CONTENT_TYPE, "application/xml")], text).into_response()
}

/// The same names as elements; a list is an element repeated.
fn element(into: &mut String, name: &str, value: &Value) {
    if let Value::Array(rows) = value {
        return rows.iter().for_each(|row| element(into, name, row));
    }
    let _ = write!(into, "<{name}>");
    match value {
        Value::Object(members) => members.iter().for_each(|(name, member)| element(into, name, member)),
        Value::String(text) => {
            into.push_str(&text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"));
        }
        other => {
            let _ = write!(into, "{other}");
        }
    }
    let _ = write!(into, "</{name}>");
}

/// A time without a zone, meant in India, as orders have it.
fn ist(at: i64) -> String {
    let at = Timestamp::from_millisecond(at + 330 * 60_000).unwrap_or_default();
    Offset::UTC.to_datetime(at).strftime("%Y-%m-%d %H:%M:%S.0").to_string()
}
