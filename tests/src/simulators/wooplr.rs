//! Wooplr's seller orders on the contract that is assumed of them: a list that is sorted by change and one order by id. Names
//! and words are those of the marketplace's own test project (github.com/SantoshChandrakant/wooplr-automation2, 2016-12-15).
//!
//! Each line of the world is a sub-order. A list without rows and an unknown order are both answered with HTTP 204.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Marketplace, Refused, Site};
use crate::{
    faults::Listing,
    world::{
        By, Canceller, Fulfilment, Life, Line, Order, Profile, Return, ReturnKind, ReturnStage, Row, Sight,
        Stage, World,
    },
};

/// The marketplace.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wooplr;

const STORE: u64 = 77;
const AUTH_VALUE: &str = "not-a-real-wooplr-value";
const MAX_PAGE: usize = 1_000;

static PROFILE: Profile = Profile {
    connector: "wooplr",
    channel: "WP1",
    facility: "BLR3",
    series: "W",
    fulfilments: &[(Fulfilment::Channel, 85), (Fulfilment::Seller, 15)],
    lives: &[
        (Life::Delivered, 50),
        (Life::Forgotten, 4),
        (Life::CancelledUnpacked, 8),
        (Life::CancelledPacked, 6),
        (Life::CancelledInPart, 8),
        (Life::Refused, 10),
        (Life::Reattempted, 3),
        (Life::SentBack, 9),
        (Life::Lost, 2),
    ],
    split_percent: 35,
    units_a_line: 1,
    cancels_units: false,
    names_packages: false,
    orders_are_whole: false,
    follows_seller_shipped: true,
    order_id: |n| n.to_string(),
    item_id: |n, k| format!("5{n:09}{k}"),
    parcel_id: |n, k| format!("W{n}-{k}"),
    awb: |n, k| format!("WB{n:09}{k}"),
    return_id: |n, k| format!("WR{n:09}{k}"),
};

impl Marketplace for Wooplr {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    fn routes(self: Arc<Self>, site: Arc<Site>) -> Router {
        Router::new()
            .route("/shop/rest/v2/ecommorder/search", post(search))
            .route("/shop/rest/v2/ecommorder/id/{id}", get(detail))
            .with_state(site)
    }

    fn operation(&self, _: &str, path: &str) -> &'static str {
        if path.ends_with("/search") {
            "search"
        } else if path.contains("/ecommorder/id/") {
            "detail"
        } else {
            "unknown"
        }
    }

    fn listing(&self, operation: &str) -> Option<Listing> {
        (operation == "search").then_some(Listing {
            rows: "/orders",
            has_more: |page| page["orders"].as_array().is_some_and(|rows| rows.len() >= 50),
            status_fields: &["orderStatus"],
        })
    }

    /// None is published.
    fn rate(&self, _: &str) -> Option<(f64, u32)> {
        Some((1.0, 1))
    }

    fn refusal(&self, status: u16) -> Value {
        refusal(i64::from(status))
    }

    fn sight(&self) -> Sight {
        Sight { rto_end: true, return_ids: false }
    }

    fn settings(&self, base_url: &str) -> Value {
        json!({"base_url": base_url, "store_id": STORE.to_string()})
    }

    fn secrets(&self) -> Value {
        json!({"auth_value": AUTH_VALUE})
    }
}

fn refusal(code: i64) -> Value {
    json!({"validationCode": code, "validationMessage": "x", "errorCodes": ["x"]})
}

fn authorized(headers: &HeaderMap) -> Result<(), Refused> {
    if headers.get(header::AUTHORIZATION).is_some_and(|given| given == AUTH_VALUE) {
        return Ok(());
    }
    Err(Refused(StatusCode::FORBIDDEN, refusal(403)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    store_id: u64,
    page_number: usize,
    count: usize,
}

/// Sub-orders, those of the parcel that changed last first.
fn newest_first(world: &World) -> Vec<Row> {
    let parcels = world.between(By::Change, i64::MIN, i64::MAX).into_iter().rev();
    parcels
        .flat_map(|(index, k)| {
            let lines = (0_u8..).zip(&world.order(index).lines);
            lines.filter(move |(_, line)| line.parcel == k).map(move |(place, _)| (index, place))
        })
        .collect()
}

async fn search(
    State(site): State<Arc<Site>>,
    headers: HeaderMap,
    Json(asked): Json<Asked>,
) -> Result<Response, Refused> {
    authorized(&headers)?;
    if asked.store_id != STORE || asked.page_number == 0 || asked.count == 0 || asked.count > MAX_PAGE {
        // With HTTP 200, as the marketplace's own clients met it.
        return Err(Refused(StatusCode::OK, refusal(1042)));
    }
    let rows = site.list("search", newest_first);
    let start = rows.len().min((asked.page_number - 1).saturating_mul(asked.count));
    let page = &rows[start..rows.len().min(start + asked.count)];
    if page.is_empty() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let world = site.world();
    let orders: Vec<Value> =
        page.iter().map(|&(index, line)| wire(world.order(index), usize::from(line))).collect();
    Ok(Json(json!({"totalCount": rows.len(), "orders": orders})).into_response())
}

async fn detail(
    State(site): State<Arc<Site>>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    authorized(&headers)?;
    let world = site.world();
    let found = world.find(&id).and_then(|(index, _)| {
        let order = world.order(index);
        Some(wire(order, order.lines.iter().position(|line| line.id == id)?))
    });
    Ok(found.map_or_else(|| StatusCode::NO_CONTENT.into_response(), |order| Json(order).into_response()))
}

/// `orderStatus` and `shipmentCreateStatus`. Labels stand in for words at times.
fn words(order: &Order, line: &Line) -> (&'static str, Option<&'static str>) {
    let parcel = &order.parcels[usize::from(line.parcel)];
    if line.living() == 0 {
        let word = if line.canceller == Some(Canceller::Seller) { "REJECTED" } else { "CANCELLED" };
        return (word, None);
    }
    match parcel.stage {
        Stage::Approved => (if parcel.quirk(0) { "UNCONFIRMED" } else { "PLACED" }, None),
        Stage::Packed | Stage::LabelWithdrawn => ("CONFIRMED", Some("AWB_GENERATED")),
        Stage::Ready => ("CONFIRMED", Some("READY_TO_SHIP")),
        Stage::PickedUp | Stage::InTransit | Stage::OutForDelivery | Stage::Lost => {
            (if parcel.quirk(1) { "SHIPPED" } else { "IN TRANSIT" }, Some("IN_TRANSIT"))
        }
        Stage::Delivered => (if parcel.quirk(2) { "COMPLETED" } else { "DELIVERED" }, Some("SUCCESS")),
        Stage::RtoInitiated | Stage::RtoInTransit => ("SHIPPED", Some("RTO")),
        Stage::RtoDelivered => ("SHIPPED", Some("DTO")),
    }
}

fn reverse(row: &Return) -> &'static str {
    match row.stage {
        ReturnStage::Created => "WAITING_TO_PICKED",
        ReturnStage::InTransit => "PICKED_FROM_CUSTOMER",
        ReturnStage::Completed => "SUCCESS",
        ReturnStage::Cancelled => "FAILED",
    }
}

fn wire(order: &Order, place: usize) -> Value {
    let line = &order.lines[place];
    let parcel = &order.parcels[usize::from(line.parcel)];
    let (word, shipment) = words(order, line);
    let back = order.returns.iter().find(|row| row.kind == ReturnKind::Cir && usize::from(row.line) == place);
    let at = |is: bool| is.then_some(parcel.changed_at);
    let is_cancelled = line.living() == 0;
    let mut row = json!({
        "subOrderId": line.id, "transactionOrderId": order.id, "orderStatus": word, "shipmentCreateStatus": shipment,
        "reverseShipmentStatus": back.map(reverse), "refundStatus": null, "orderUpdateDate": parcel.changed_at,
        "purchaseDate": order.created_at, "pickupDate": parcel.picked_up_at,
        "deliveryDate": at(parcel.stage == Stage::Delivered && back.is_none()),
        "cancellationDate": parcel.cancelled_at.filter(|_| is_cancelled && word == "CANCELLED"),
        "rejectedDate": parcel.cancelled_at.filter(|_| word == "REJECTED"),
        "receivedDate": back.filter(|row| row.stage == ReturnStage::Completed).map(|row| row.updated_at),
        "partner": parcel.awb.as_ref().map(|_| "DELHIVERY"), "trackingId": parcel.awb,
        "reverseTrackingId": back.map(|row| &row.awb),
        "fullfilmentType": if order.fulfilment == Fulfilment::Seller { "self" } else { "wooplr" },
        "product": {"sku": line.sku, "name": "x"},
        "customerName": "x", "customerMobile": "x", "email": "x", "address": "x",
    });
    // Nobody knows how the marketplace's beans write this name.
    row[if parcel.quirk(3) { "WayBillNumber" } else { "wayBillNumber" }] = json!(parcel.awb);
    row
}
