//! New and completed packages, cancelled suborders; as lists and by id.

use axum::{
    extract::{Path, Query, State},
    http::HeaderMap,
    response::Response,
};
use serde_json::{Value, json};

use super::{Asked, MAX_PAGE, Refused, Shop, authorized, mode, payload, refused};
use crate::world::{By, Fulfilment, Order, Parcel, Row, Stage, World};

const MODES: &[&str] = &["VENDOR_SELF", "ONESHIP", "OCPLUS", "DROPSHIP", "FC_VOI"];

/// A list that a package may be in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shelf {
    New,
    Completed,
}

impl Shelf {
    const fn name(self) -> &'static str {
        match self {
            Shelf::New => "new",
            Shelf::Completed => "completed",
        }
    }
}

/// Where a parcel is listed, and its word. Between printing and hand-over it is in neither list.
fn shelf(parcel: &Parcel) -> Option<(Shelf, &'static str)> {
    match parcel.stage {
        Stage::Approved => Some((Shelf::New, "PFF")),
        Stage::Packed | Stage::LabelWithdrawn => Some((Shelf::New, "PRNT")),
        Stage::Ready => None,
        Stage::Delivered => Some((Shelf::Completed, "FFD")),
        Stage::PickedUp
        | Stage::InTransit
        | Stage::OutForDelivery
        | Stage::Lost
        | Stage::RtoInitiated
        | Stage::RtoInTransit
        | Stage::RtoDelivered => Some((Shelf::Completed, "SHP")),
    }
}

/// A parcel as a package; `None` if it is not on this shelf.
fn package(order: &Order, k: usize, on: Shelf) -> Option<Value> {
    let parcel = &order.parcels[k];
    let (shelf, word) = shelf(parcel).filter(|_| !order.is_cancelled(k))?;
    let by_channel = order.fulfilment == Fulfilment::Channel;
    let items = order.lines_of(k).filter(|(_, line)| line.living() > 0).map(|(_, line)| {
        let mut item = json!({"suborderCode": line.id, "siStatusCode": word, "skuCode": line.sku, "supc": "SDL000000001",
            "price": 299, "paymentMode": "COD", "orderDate": order.created_at, "productName": "x"});
        if on == Shelf::New {
            // The answers about completed orders do not name the order.
            item["orderCode"] = json!(order.id);
            item["siReferenceCode"] = json!(format!("SI{}", line.id));
        }
        item
    });
    let mut row = json!({"packageReferenceCode": parcel.id, "fulfillmentModelCode": mode(order), "awbNo": parcel.awb,
        "shippedDate": parcel.picked_up_at.filter(|_| on == Shelf::Completed), "items": items.collect::<Vec<_>>()});
    if on == Shelf::New {
        row["courierCode"] = json!(by_channel.then_some("DLV"));
        row["courierName"] = json!(by_channel.then_some("Delhivery"));
        row["invoiceNumber"] = json!((parcel.stage >= Stage::Packed).then(|| invoice(order, k)));
        row["created"] = json!(order.created_at);
        row["updated"] = json!(parcel.changed_at);
    }
    (shelf == on).then_some(row)
}

fn invoice(order: &Order, k: usize) -> String {
    format!("SD{:08}{k}", order.index)
}

fn list(shop: &Shop, headers: &HeaderMap, asked: &Asked, on: Shelf) -> Result<Response, Refused> {
    authorized(headers)?;
    let modes = asked.modes(MODES)?;
    let key = format!("{} {modes:?}", on.name());
    let rows = shop.site.list(&key, |world| {
        let mut rows = world.between(By::Creation, i64::MIN, i64::MAX);
        rows.retain(|&(index, k)| {
            let order = world.order(index);
            modes.iter().any(|wanted| wanted == mode(order)) && package(order, usize::from(k), on).is_some()
        });
        // Newest first.
        rows.reverse();
        rows
    });
    let page = asked.page(&rows, MAX_PAGE)?;
    let world = shop.site.world();
    let packages: Vec<Value> =
        page.iter().filter_map(|&(index, k)| package(world.order(index), usize::from(k), on)).collect();
    Ok(payload(&json!({ "packages": packages })))
}

fn by_id(shop: &Shop, headers: &HeaderMap, asked: &Asked, id: &str, on: Shelf) -> Result<Response, Refused> {
    authorized(headers)?;
    let modes = asked.modes(MODES)?;
    let world = shop.site.world();
    let found = world.find(id).and_then(|(index, k)| {
        let order = world.order(index);
        let is_it = order.parcels.get(usize::from(k))?.id == id;
        (is_it && modes.iter().any(|wanted| wanted == mode(order))).then_some((order, usize::from(k)))
    });
    match found.and_then(|(order, k)| package(order, k, on)) {
        Some(row) => Ok(payload(&json!({ "packages": [row] }))),
        None => Err(refused("No such package")),
    }
}

pub(super) async fn new_list(
    State(shop): State<Shop>,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Result<Response, Refused> {
    list(&shop, &headers, &asked, Shelf::New)
}

pub(super) async fn new_package(
    State(shop): State<Shop>,
    headers: HeaderMap,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Refused> {
    by_id(&shop, &headers, &asked, &id, Shelf::New)
}

pub(super) async fn completed_list(
    State(shop): State<Shop>,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Result<Response, Refused> {
    list(&shop, &headers, &asked, Shelf::Completed)
}

pub(super) async fn completed_package(
    State(shop): State<Shop>,
    headers: HeaderMap,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Refused> {
    by_id(&shop, &headers, &asked, &id, Shelf::Completed)
}

/// A cancelled line, with the buyer's fields that the real list has.
fn cancelled(order: &Order, line: usize) -> Option<Value> {
    let row = order.lines.get(line).filter(|row| row.living() == 0)?;
    let parcel = &order.parcels[usize::from(row.parcel)];
    Some(
        json!({"suborderCode": row.id, "orderCode": order.id, "packageReferenceCode": parcel.id, "siStatusCode": "CLD",
        "cancellationReason": format!("{:?}", row.canceller), "updated": parcel.cancelled_at, "orderDate": order.created_at,
        "fulfillmentModelCode": mode(order), "skuCode": row.sku, "customerName": "x",
        "customerDetail": {"pincode": "x", "city": "x", "mobile": "x", "email": "x"}}),
    )
}

/// The cancelled lines of the parcels in which something was cancelled in a span of time.
fn cancelled_in(world: &World, from: i64, to: i64, modes: &[String]) -> Vec<Row> {
    let parcels = world.between(By::Cancel, from, to).into_iter();
    parcels
        .flat_map(|(index, k)| {
            let order = world.order(index);
            let lines =
                (0_u8..).zip(&order.lines).filter(move |(_, line)| line.parcel == k && line.living() == 0);
            let wanted = modes.iter().any(|wanted| wanted == mode(order));
            lines.filter(move |_| wanted).map(move |(place, _)| (index, place))
        })
        .collect()
}

pub(super) async fn cancelled_list(
    State(shop): State<Shop>,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Result<Response, Refused> {
    authorized(&headers)?;
    let modes = asked.modes(MODES)?;
    let (from, to) = (asked.start_date.unwrap_or(i64::MIN), asked.end_date.unwrap_or(i64::MAX));
    let rows = shop
        .site
        .list(&format!("cancelled {from} {to} {modes:?}"), |world| cancelled_in(world, from, to, &modes));
    let page = asked.page(&rows, MAX_PAGE)?;
    let world = shop.site.world();
    let items: Vec<Value> =
        page.iter().filter_map(|&(index, line)| cancelled(world.order(index), usize::from(line))).collect();
    Ok(payload(&json!({ "items": items })))
}

pub(super) async fn cancelled_suborder(
    State(shop): State<Shop>,
    headers: HeaderMap,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Refused> {
    authorized(&headers)?;
    asked.modes(MODES)?;
    let world = shop.site.world();
    let row = world.find(&id).and_then(|(index, _)| {
        let order = world.order(index);
        cancelled(order, order.lines.iter().position(|line| line.id == id)?)
    });
    // One that is unknown and one that is not cancelled are answered alike.
    Ok(payload(&json!({ "items": row.into_iter().collect::<Vec<_>>() })))
}
