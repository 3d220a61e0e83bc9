//! Voonik's order service: the list of vendor orders and one of them. Packages, lines and their progress have the names
//! of public customer-side samples (2020); that sellers get the same, the list's parameters and all states but four are
//! made as the connector assumes them.

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
    world::{By, Fulfilment, Life, Line, Order, Parcel, Profile, Row, Sight, Stage},
};

/// The marketplace.
#[derive(Clone, Copy, Debug, Default)]
pub struct Voonik;

const SELLER_ID: &str = "42";
const USER_NAME: &str = "voonik-demo";
const KEY: &str = "not-a-real-voonik-key";
/// Sent with every call, as in the one that was seen.
const ACCOUNT: (&str, &str) = ("x-vaccount-id", "1");
/// Rows of a page unless asked otherwise: the sister service's.
const PER_PAGE: usize = 30;

static PROFILE: Profile = Profile {
    connector: "voonik",
    channel: "VO1",
    facility: "BLR2",
    series: "V",
    fulfilments: &[(Fulfilment::Channel, 1)],
    // Nothing is known of a parcel that is lost.
    lives: &[
        (Life::Delivered, 56),
        (Life::Forgotten, 4),
        (Life::CancelledUnpacked, 8),
        (Life::CancelledPacked, 6),
        (Life::CancelledInPart, 6),
        (Life::Refused, 10),
        (Life::SentBack, 8),
        (Life::Reattempted, 4),
        (Life::ReturnWithdrawn, 3),
    ],
    split_percent: 30,
    units_a_line: 3,
    orders_are_whole: false,
    cancels_units: false,
    names_packages: false,
    follows_seller_shipped: true,
    order_id: |n| format!("R{n:010}-1"),
    item_id: |n, k| format!("{}", n * 10 + k + 1),
    parcel_id: |n, k| format!("voonik-{n}-{k}"),
    awb: |n, k| format!("EE{n:010}{k}"),
    return_id: |n, k| format!("voonik-return-{n}-{k}"),
};

impl Marketplace for Voonik {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    fn routes(self: Arc<Self>, site: Arc<Site>) -> Router {
        Router::new()
            .route("/oms/vendor_orders.json", get(list))
            .route("/oms/vendor_orders/vendor_order.json", get(by_number))
            .with_state(site)
    }

    fn operation(&self, _: &str, path: &str) -> &'static str {
        match path {
            "/oms/vendor_orders.json" => "list",
            "/oms/vendor_orders/vendor_order.json" => "order",
            _ => "unknown",
        }
    }

    fn listing(&self, operation: &str) -> Option<Listing> {
        (operation == "list").then_some(Listing {
            rows: "/vendor_orders",
            has_more: |page| page["vendor_orders"].as_array().is_some_and(|rows| rows.len() >= PER_PAGE),
            status_fields: &["state"],
        })
    }

    /// None is published; the connector keeps to one call a second.
    fn rate(&self, _: &str) -> Option<(f64, u32)> {
        Some((1.0, 5))
    }

    fn refusal(&self, status: u16) -> Value {
        json!({"error": if status == 429 { "Too many requests" } else { "Internal server error" }})
    }

    fn sight(&self) -> Sight {
        Sight { rto_end: true, return_ids: false }
    }

    fn settings(&self, base_url: &str) -> Value {
        json!({"base_url": base_url, "seller_id": SELLER_ID, "extra_headers": {ACCOUNT.0: ACCOUNT.1}})
    }

    fn secrets(&self) -> Value {
        json!({"username": USER_NAME, "key": KEY})
    }
}

fn refused(status: StatusCode, error: &str) -> Refused {
    Refused(status, json!({ "error": error }))
}

fn invalid(field: &str) -> Refused {
    Refused(StatusCode::UNPROCESSABLE_ENTITY, json!({"errors": {field: ["is invalid"]}}))
}

/// A call that is not signed is refused; one without the account's header fails inside an HTTP 200, as traces show it.
fn authorized(headers: &HeaderMap) -> Result<(), Refused> {
    let given = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let basic = format!("Basic {}", STANDARD.encode(format!("{USER_NAME}:{KEY}")));
    if given(header::AUTHORIZATION.as_str()) != basic {
        return Err(refused(StatusCode::UNAUTHORIZED, "HTTP Basic: Access denied."));
    }
    if given(ACCOUNT.0) != ACCOUNT.1 {
        return Err(Refused(
            StatusCode::OK,
            json!({"output": {"status": "error", "message": "invalid vaccount"}}),
        ));
    }
    Ok(())
}

#[derive(Deserialize)]
struct Asked {
    seller_id: Option<String>,
    updated_after: Option<String>,
    updated_before: Option<String>,
    page: Option<usize>,
    per_page: Option<usize>,
}

async fn list(
    State(site): State<Arc<Site>>,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Result<Response, Refused> {
    authorized(&headers)?;
    let time = |field: &str, text: Option<String>, default| match text {
        None => Ok(default),
        Some(text) => text.parse::<Timestamp>().map(Timestamp::as_millisecond).map_err(|_| invalid(field)),
    };
    let from = time("updated_after", asked.updated_after, i64::MIN)?;
    let to = time("updated_before", asked.updated_before, i64::MAX)?;
    let page = asked.page.unwrap_or(1).checked_sub(1).ok_or_else(|| invalid("page"))?;
    let size = asked.per_page.unwrap_or(PER_PAGE).clamp(1, 500);
    let is_ours = asked.seller_id.is_none_or(|seller| seller == SELLER_ID);
    // By the time of their last change; an order with two packages comes once.
    let rows: Arc<[Row]> = site.list(&format!("{from} {to} {is_ours}"), |world| {
        let mut rows = if is_ours { world.between(By::Change, from, to) } else { Vec::new() };
        rows.dedup_by_key(|row| row.0);
        rows
    });
    let world = site.world();
    let orders: Vec<Value> =
        rows.iter().skip(page * size).take(size).map(|row| order_row(world.order(row.0))).collect();
    Ok(axum::Json(json!({ "vendor_orders": orders })).into_response())
}

#[derive(Deserialize)]
struct Number {
    id: Option<String>,
}

async fn by_number(
    State(site): State<Arc<Site>>,
    headers: HeaderMap,
    Query(Number { id }): Query<Number>,
) -> Result<Response, Refused> {
    authorized(&headers)?;
    let world = site.world();
    let order =
        id.as_deref().and_then(|id| Some(world.order(world.find(id)?.0)).filter(|order| order.id == id));
    match order {
        Some(order) => Ok(axum::Json(json!({"vendor_order": order_row(order)})).into_response()),
        None => Err(refused(StatusCode::NOT_FOUND, "Not found")),
    }
}

fn order_row(order: &Order) -> Value {
    json!({
        "id": order.index, "voonik_order_number": order.id, "raw_vendor_order_number": order.id,
        "current_processed_voonik_order_number": order.id, "customer_order_id": order.index, "seller_id": 42,
        "created_at": offset(order.created_at, 330), "total": 1.0, "payment_method_id": 1,
        "user": {"name": "x", "phone": 0, "address1": "x"},
        "vendor_packages": packages(order),
    })
}

/// What is going to the buyer and what will not: lines that fare differently stand in packages of their own.
fn packages(order: &Order) -> Vec<Value> {
    let mut packages = Vec::new();
    for (k, parcel) in order.parcels.iter().enumerate() {
        let mut by_state: Vec<(Shown, Vec<Value>)> = Vec::new();
        for (place, line) in order.lines_of(k) {
            for (state, units) in
                states(order, parcel, place, line).into_iter().filter(|(_, units)| *units > 0)
            {
                let row = json!({"id": line.id.parse::<u64>().unwrap_or_default(), "sku": line.sku,
                    "product_name": "x", "size_str": "S", "quantity": units, "price": 1.0, "seller_name": "x",
                    "get_progress_state": {"code": state.code, "progress_position": state.position,
                        "is_negative": state.is_negative, "stages": ["Placed", "Processed", "Dispatched", "Delivered"]}});
                match by_state.iter_mut().find(|(other, _)| *other == state) {
                    Some((_, rows)) => rows.push(row),
                    None => by_state.push((state, vec![row])),
                }
            }
        }
        packages.extend(by_state.into_iter().map(|(state, rows)| package(parcel, state, &rows)));
    }
    packages
}

fn package(parcel: &Parcel, state: Shown, rows: &[Value]) -> Value {
    let awb = parcel.awb.as_ref().filter(|_| state != CANCELLED);
    // Both offsets were seen.
    let minutes = if parcel.quirk(2) { 330 } else { 360 };
    json!({
        "state": state.number, "fullfillment_type": 2, "tracking_code": awb,
        "tracking_link": awb.map(|awb| format!("https://t.example.invalid/{awb}")),
        "shipment_provider_id": awb.map(|_| 5),
        "customer_tracking_details": [
            {"changed_at": offset(parcel.changed_at, minutes), "formatted_customer_visible_text": state.code}],
        // What is planned, also where it will never come to that.
        "vendor_package_tracking_details": [
            {"state": 400, "progress_position": 40, "formated_changed_at": null, "formated_change_expected_at": "Mar 08,2026"}],
        "vendor_order_line_items": rows,
    })
}

/// A state as the wire has it: the package's number, and the progress of its lines.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Shown {
    number: u32,
    code: &'static str,
    position: u32,
    is_negative: bool,
}

const fn good(number: u32, code: &'static str, position: u32) -> Shown {
    Shown { number, code, position, is_negative: false }
}

const fn bad(number: u32, code: &'static str, position: u32) -> Shown {
    Shown { number, code, position, is_negative: true }
}

const CANCELLED: Shown = bad(155, "Cancelled", 10);

/// How the units of a line are.
fn states(order: &Order, parcel: &Parcel, place: usize, line: &Line) -> Vec<(Shown, u32)> {
    let (asked, back) = order.returned(place);
    let living = line.living();
    let mut states = vec![(CANCELLED, line.cancelled)];
    if parcel.stage == Stage::Delivered {
        states.extend([
            (good(400, "Delivered", 40), living - asked.min(living)),
            (bad(600, "Return Requested", 40), asked - back),
            (bad(610, "Return Completed", 40), back),
        ]);
    } else {
        states.push((on_the_way(parcel), living));
    }
    states
}

fn on_the_way(parcel: &Parcel) -> Shown {
    match parcel.stage {
        Stage::Approved if parcel.quirk(0) => good(135, "Placed", 20),
        Stage::Approved => good(100, "Placed", 10),
        Stage::Packed | Stage::LabelWithdrawn | Stage::Ready => good(200, "Processed", 20),
        Stage::PickedUp | Stage::InTransit | Stage::OutForDelivery | Stage::Lost => {
            good(300, "Dispatched", 30)
        }
        Stage::Delivered => good(400, "Delivered", 40),
        Stage::RtoInitiated | Stage::RtoInTransit if parcel.quirk(1) => bad(500, "Undelivered", 30),
        Stage::RtoInitiated | Stage::RtoInTransit => bad(500, "RTO Initiated", 30),
        Stage::RtoDelivered => bad(510, "RTO Received", 30),
    }
}

/// A time with its offset, in minutes ahead of UTC.
fn offset(at: i64, minutes: i64) -> String {
    let local = Timestamp::from_millisecond(at + minutes * 60_000).unwrap_or_default();
    format!("{:.3}+{:02}:{:02}", Offset::UTC.to_datetime(local), minutes / 60, minutes % 60)
}
