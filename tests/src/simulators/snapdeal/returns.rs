//! Returns: one suborder's while it waits to be accepted, and lists of those that were.

use axum::{
    extract::{Path, Query, State},
    http::HeaderMap,
    response::Response,
};
use serde_json::{Value, json};

use super::{Asked, MAX_RETURNS_PAGE, Refused, Shop, authorized, mode, payload, refused};
use crate::world::{By, Order, Return, ReturnKind, ReturnStage, Row};

/// Questions about returns do not take the mode of Snapdeal's own centres.
const MODES: &[&str] = &["VENDOR_SELF", "ONESHIP", "OCPLUS", "DROPSHIP"];

/// Which returns are asked for.
fn kind(asked: &Asked) -> Result<ReturnKind, Refused> {
    match asked.return_mode.as_deref() {
        Some("COURIER") => Ok(ReturnKind::Rto),
        Some("BUYER") => Ok(ReturnKind::Cir),
        _ => Err(refused("Invalid return mode")),
    }
}

/// Whether a return is on the list of completed ones.
fn is_accepted(shop: &Shop, row: &Return) -> bool {
    shop.accepts_returns && row.stage == ReturnStage::Completed
}

fn wire(shop: &Shop, order: &Order, row: &Return) -> Value {
    let line = &order.lines[usize::from(row.line)];
    let parcel = &order.parcels[usize::from(line.parcel)];
    let is_back = row.stage == ReturnStage::Completed;
    let by_buyer = row.kind == ReturnKind::Cir;
    json!({"suborderCode": line.id, "productName": "x", "skuCode": line.sku, "fulfillmentMode": mode(order),
        "awbNumber": row.awb, "sellingPrice": 299, "paymentMode": "COD", "orderCreatedDate": order.created_at,
        "shippedOn": parcel.picked_up_at, "customerReturnInitiatedOn": by_buyer.then_some(row.created_at),
        "returnInitiatedOn": row.created_at, "returnDeliveredOn": is_back.then_some(row.updated_at),
        "returnAcceptedOn": is_accepted(shop, row).then_some(row.updated_at), "rtvCode": by_buyer.then_some("x"),
        "returnReason": by_buyer.then_some("Damaged"), "Status": "Simulated", "actionStatus": null, "packageId": 540_000_001})
}

pub(super) async fn pending(
    State(shop): State<Shop>,
    headers: HeaderMap,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Refused> {
    authorized(&headers)?;
    asked.modes(MODES)?;
    let kind = kind(&asked)?;
    let world = shop.site.world();
    let order = world.find(&id).map(|(index, _)| world.order(index));
    let rows: Vec<Value> = order
        .into_iter()
        .flat_map(|order| order.returns.iter().map(move |row| (order, row)))
        .filter(|(order, row)| order.lines[usize::from(row.line)].id == id && row.kind == kind)
        .filter(|(_, row)| row.stage != ReturnStage::Cancelled && !is_accepted(&shop, row))
        .map(|(order, row)| wire(&shop, order, row))
        .collect();
    Ok(payload(&json!({ "ReturnDataSROList": rows })))
}

/// The range is about the start of a buyer's return, and about the last change of a courier's.
pub(super) async fn completed(
    State(shop): State<Shop>,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Result<Response, Refused> {
    authorized(&headers)?;
    let modes = asked.modes(MODES)?;
    let kind = kind(&asked)?;
    let (Some(from), Some(to)) = (asked.start_date, asked.end_date) else {
        return Err(refused("startDate and endDate are mandatory"));
    };
    let key = format!("returns {kind:?} {from} {to} {modes:?}");
    let rows = shop.site.list(&key, |world| {
        let mut rows: Vec<Row> = world.between(By::ReturnUpdate, i64::MIN, i64::MAX);
        rows.retain(|&(index, place)| {
            let order = world.order(index);
            let row = &order.returns[usize::from(place)];
            let at = if kind == ReturnKind::Cir { row.created_at } else { row.updated_at };
            let is_wanted = modes.iter().any(|wanted| wanted == mode(order));
            row.kind == kind && is_accepted(&shop, row) && (from..=to).contains(&at) && is_wanted
        });
        rows
    });
    let page = asked.page(&rows, MAX_RETURNS_PAGE)?;
    let world = shop.site.world();
    let rows: Vec<Value> = page
        .iter()
        .map(|&(index, place)| {
            let order = world.order(index);
            wire(&shop, order, &order.returns[usize::from(place)])
        })
        .collect();
    Ok(payload(&json!({ "ReturnDataSROList": rows })))
}
